package compress

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/crc64"
)

// The .xz file format 1.2 (tukaani.org). Squashfs keeps each block as a small
// file of it, so it is read here without readers and copies.

const xzMagic = "\xfd7zXZ\x00"

var ecma = crc64.MakeTable(crc64.ECMA)

// checkSize is how long the check of a block is, by its kind (2.1.1.2).
var checkSize = [16]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}

// xzStream unpacks the streams that follow on each other.
func xzStream(out *sink, src []byte) (int, error) {
	used, err := xzOne(out, src, 0)
	for err == nil {
		next := used
		for next+4 <= len(src) && src[next] == 0 && bytes.Equal(src[next:next+4], []byte{0, 0, 0, 0}) {
			next += 4 // padding of the stream
		}
		if len(src)-next < 12 || string(src[next:next+6]) != xzMagic {
			break
		}
		used, err = xzOne(out, src, next)
	}
	return used, err
}

// xzOne unpacks the stream at src[at] and returns the place behind it.
func xzOne(out *sink, src []byte, at int) (int, error) {
	if len(src)-at < 12 || string(src[at:at+6]) != xzMagic {
		return at, corrupt("xz: no header")
	}
	flags := src[at+6 : at+8]
	if binary.LittleEndian.Uint32(src[at+8:]) != crc32.ChecksumIEEE(flags) {
		return at, corrupt("xz: the checksum of the header is false")
	}
	if flags[0] != 0 || flags[1]&0xf0 != 0 {
		return at, fmt.Errorf("xz: stream flags % x: %w", flags, ErrKind)
	}
	at += 12
	var blocks []xzBlock
	for {
		if at >= len(src) {
			return len(src), fmt.Errorf("xz: no index: %w", ErrShort)
		}
		if src[at] == 0 {
			break
		}
		end, b, err := xzBlockAt(out, src, at, flags[1])
		if err != nil {
			return end, err
		}
		at = end
		blocks = append(blocks, b)
	}
	return xzIndex(src, at, flags, blocks)
}

// xzBlock is what the index says of a block.
type xzBlock struct{ unpadded, size uint64 }

// xzFilter is a filter other than LZMA2.
type xzFilter struct {
	id    uint64
	props []byte
}

// xzBlockAt unpacks one block.
func xzBlockAt(out *sink, src []byte, at int, check byte) (int, xzBlock, error) {
	begin, n := at, (int(src[at])+1)*4
	if n > len(src)-at {
		return len(src), xzBlock{}, fmt.Errorf("xz: the header of a block: %w", ErrShort)
	}
	header := src[at : at+n-4]
	if binary.LittleEndian.Uint32(src[at+n-4:]) != crc32.ChecksumIEEE(header) {
		return at, xzBlock{}, corrupt("xz: the checksum of the block's header at byte %d is false", at)
	}
	filters, dict, packed, size, err := xzBlockHeader(header)
	if err != nil {
		return at, xzBlock{}, fmt.Errorf("%w, in the block at byte %d", err, at)
	}
	at += n
	from := len(out.buf)
	at, err = lzma2(out, src, at, dict, size)
	b := xzBlock{uint64(at - begin), uint64(len(out.buf) - from)}
	for i := len(filters) - 1; i >= 0; i-- {
		if e := filters[i].undo(out.buf[from:]); e != nil {
			return at, b, e
		}
	}
	if err != nil {
		return at, b, err
	}
	if size != unknownSize && b.size != size {
		return at, b, corrupt("xz: %d bytes come out of the block at byte %d, whose header says %d", b.size, begin, size)
	}
	if is := uint64(at - begin - n); packed != unknownSize && is != packed {
		return at, b, corrupt("xz: the block at byte %d takes %d bytes and its header says %d", begin, is, packed)
	}
	for (at-begin)%4 != 0 {
		if at >= len(src) {
			return at, b, fmt.Errorf("xz: padding: %w", ErrShort)
		}
		if src[at] != 0 {
			return at, b, corrupt("xz: padding at byte %d is not 0", at)
		}
		at++
	}
	c := checkSize[check]
	if c > len(src)-at {
		return len(src), b, fmt.Errorf("xz: checksum: %w", ErrShort)
	}
	b.unpadded += uint64(c)
	if !xzCheck(check, src[at:at+c], out.buf[from:]) {
		return at, b, corrupt("xz: the checksum of the block at byte %d is false", begin)
	}
	return at + c, b, nil
}

// xzCheck compares a block's check; kinds that nobody defined are let pass.
func xzCheck(kind byte, said, data []byte) bool {
	switch kind {
	case 1:
		return binary.LittleEndian.Uint32(said) == crc32.ChecksumIEEE(data)
	case 4:
		return binary.LittleEndian.Uint64(said) == crc64.Checksum(data, ecma)
	case 10:
		sum := sha256.Sum256(data)
		return bytes.Equal(said, sum[:])
	}
	return true
}

// xzBlockHeader reads sizes and filters (3.1).
func xzBlockHeader(h []byte) (filters []xzFilter, dict uint32, packed, size uint64, err error) {
	flags := h[1]
	b := h[2:]
	packed, size = unknownSize, unknownSize
	if flags&0x3c != 0 {
		return nil, 0, 0, 0, fmt.Errorf("xz: block flags %#x: %w", flags, ErrKind)
	}
	for _, f := range []struct {
		flag byte
		v    *uint64
	}{{0x40, &packed}, {0x80, &size}} {
		if flags&f.flag != 0 {
			if *f.v, b, err = varint(b); err != nil {
				return
			}
		}
	}
	for i := range int(flags&3) + 1 {
		var id, n uint64
		if id, b, err = varint(b); err != nil {
			return
		}
		if n, b, err = varint(b); err != nil {
			return
		}
		if n > uint64(len(b)) {
			return nil, 0, 0, 0, corrupt("xz: a filter of %d bytes", n)
		}
		f := xzFilter{id, b[:n]}
		b = b[n:]
		if i < int(flags&3) {
			filters = append(filters, f)
			continue
		}
		if id != 0x21 {
			return nil, 0, 0, 0, fmt.Errorf("xz: filter %#x: %w", id, ErrKind)
		}
		if n != 1 || f.props[0] > 40 {
			return nil, 0, 0, 0, corrupt("xz: properties of LZMA2 % x", f.props)
		}
		if dict = 1<<32 - 1; f.props[0] < 40 {
			dict = (2 | uint32(f.props[0]&1)) << (f.props[0]/2 + 11)
		}
	}
	for _, x := range b {
		if x != 0 {
			return nil, 0, 0, 0, fmt.Errorf("xz: a block's header goes on: %w", ErrKind)
		}
	}
	return filters, dict, packed, size, nil
}

// varint reads a number of up to 63 bits, 7 in each byte (1.2).
func varint(b []byte) (v uint64, rest []byte, err error) {
	for i, x := range b {
		if i == 9 || i > 0 && x == 0 {
			break
		}
		v |= uint64(x&0x7f) << (7 * i)
		if x < 0x80 {
			return v, b[i+1:], nil
		}
	}
	return 0, nil, corrupt("xz: a number without an end")
}

// xzIndex holds the index and the footer at src[at] against the blocks that were
// there, and returns the place behind them (2.1.2 and 4).
func xzIndex(src []byte, at int, flags []byte, blocks []xzBlock) (int, error) {
	begin, b := at, src[at+1:]
	if len(b) > 20*len(blocks)+32 {
		b = b[:20*len(blocks)+32]
	}
	n, b, err := varint(b)
	if err == nil && n != uint64(len(blocks)) {
		err = corrupt("xz: the index has %d blocks and there are %d", n, len(blocks))
	}
	size := len(b)
	for i := 0; err == nil && i < len(blocks); i++ {
		var is xzBlock
		if is.unpadded, b, err = varint(b); err == nil {
			is.size, b, err = varint(b)
		}
		if err == nil && is != blocks[i] {
			err = corrupt("xz: block %d is of %d and %d bytes, in the index of %d and %d", i+1, blocks[i].unpadded, blocks[i].size, is.unpadded, is.size)
		}
	}
	if err != nil {
		return at, err
	}
	head := 1
	for v := n; ; v >>= 7 {
		head++
		if v < 0x80 {
			break
		}
	}
	at += head + size - len(b)
	at += (4 - (at-begin)%4) % 4
	if len(src)-at < 16 {
		return len(src), fmt.Errorf("xz: index: %w", ErrShort)
	}
	if binary.LittleEndian.Uint32(src[at:]) != crc32.ChecksumIEEE(src[begin:at]) {
		return at, corrupt("xz: the checksum of the index is false")
	}
	at += 4
	foot := src[at : at+12]
	if binary.LittleEndian.Uint32(foot) != crc32.ChecksumIEEE(foot[4:10]) || string(foot[10:]) != "YZ" || !bytes.Equal(foot[8:10], flags) {
		return at, corrupt("xz: no footer behind the index")
	}
	if back := (int64(binary.LittleEndian.Uint32(foot[4:])) + 1) * 4; back != int64(at-begin) {
		return at, corrupt("xz: the footer says %d bytes of index, and it has %d", back, at-begin)
	}
	return at + 12, nil
}

// lzma2 unpacks chunks until the one that is the end, and returns the place
// behind it.
func lzma2(out *sink, src []byte, at int, dict uint32, size uint64) (int, error) {
	d := lzmaStates.Get().(*lzmaState)
	defer lzmaStates.Put(d)
	d.dict = dict
	window := len(out.buf)
	start, most := len(out.buf), int64(1<<62)
	if size < 1<<40 {
		most = int64(start) + int64(size)
	}
	needDict, needProps, needState := true, true, true
	short := func() (int, error) { return len(src), fmt.Errorf("xz: LZMA2: %w", ErrShort) }
	for {
		if at >= len(src) {
			return short()
		}
		c := src[at]
		if c == 0 {
			return at + 1, nil
		}
		if len(src)-at < 6 {
			return short()
		}
		n := int(binary.BigEndian.Uint16(src[at+1:])) + 1
		switch {
		case c == 1:
			window, needDict = len(out.buf), false
		case c == 2 && !needDict:
		case c < 0x80 || c < 0xe0 && needDict || c < 0xc0 && needProps || c < 0xa0 && needState:
			return at, corrupt("xz: LZMA2: control %#x at byte %d", c, at)
		}
		if c < 0x80 {
			at += 3
			if n > len(src)-at {
				return short()
			}
			if err := out.append(src[at:at+n], at); err != nil {
				return at, err
			}
			at += n
			continue
		}
		n += int(c&0x1f) << 16
		packed := int(binary.BigEndian.Uint16(src[at+3:])) + 1
		at += 5
		if c >= 0xc0 {
			p, err := ParseProps(src[at])
			if err != nil || p.LC+p.LP > 4 {
				return at, corrupt("xz: LZMA2: properties %#x at byte %d", src[at], at)
			}
			at++
			d.reset(p)
			needProps, needState = false, false
		} else if c >= 0xa0 {
			d.reset(d.props)
			needState = false
		}
		if c >= 0xe0 {
			window, needDict = len(out.buf), false
		}
		if packed > len(src)-at {
			// What is there can still be read.
			err := d.chunk(out, window, n, src[at:], at, most)
			if err == nil || errors.Is(err, ErrCorrupt) {
				return short()
			}
			return len(src), err
		}
		if err := d.chunk(out, window, n, src[at:at+packed], at, most); err != nil {
			return at, err
		}
		at += packed
	}
}

// chunk unpacks one chunk of n bytes, which takes all of src. at is its place, for errors.
func (d *lzmaState) chunk(out *sink, window, n int, src []byte, at int, most int64) error {
	if err := d.start(src); err != nil {
		return err
	}
	in, end := 5, len(out.buf)+n
	for len(out.buf) < end {
		if err := out.grow(at+in, most); err != nil {
			return err
		}
		pos := len(out.buf)
		var err error
		in, pos, err = d.run(out.buf[:cap(out.buf)], window, pos, min(cap(out.buf), end), src, in)
		out.buf = out.buf[:pos]
		if err == nil && (d.marker || in > len(src)) {
			err = corrupt("the chunk is over early")
		}
		if err != nil {
			return fmt.Errorf("xz: LZMA2: the chunk at byte %d: %w", at, err)
		}
	}
	if d.pendingLen > 0 || d.code != 0 || in != len(src) {
		return corrupt("xz: LZMA2: the chunk at byte %d takes %d bytes and not %d", at, in, len(src))
	}
	return nil
}
