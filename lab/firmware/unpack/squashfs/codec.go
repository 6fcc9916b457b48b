package squashfs

import (
	"encoding/binary"
	"errors"
	"fmt"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/compress"
	"assay/lab/firmware/unpack/inode"
)

// codec is one way in which blocks are packed.
type codec struct {
	name string
	// decode unpacks src into dst; certain says that the format itself proved
	// that nothing went wrong, by a checksum or the state in which its decoder ends.
	decode func(dst, src []byte) (n int, certain bool, err error)
}

func plain(name string, a compress.Algorithm, certain bool) *codec {
	return &codec{name, func(dst, src []byte) (int, bool, error) {
		n, err := compress.Block(a, dst, src)
		return n, certain && err == nil, err
	}}
}

// lzmaBehind is LZMA behind skipped bytes and a header of 13 or 5 bytes.
func lzmaBehind(name string, skip, header int) *codec {
	return &codec{name, func(dst, src []byte) (int, bool, error) {
		if len(src) < skip+header+5 {
			return 0, false, compress.ErrShort
		}
		src = src[skip:]
		props, err := compress.ParseProps(src[0])
		if err != nil {
			return 0, false, err
		}
		said := uint64(1<<64 - 1)
		if header == 13 {
			said = binary.LittleEndian.Uint64(src[5:])
			if said != 1<<64-1 && said>>32 == 0 {
				if said > uint64(len(dst)) {
					return 0, false, compress.ErrLong
				}
				dst = dst[:said]
			} else if said != 1<<64-1 {
				return 0, false, errHeader
			}
		}
		n, used, exact, err := compress.LZMARaw(props, dst, src[header:])
		if err == nil && said != 1<<64-1 && n < len(dst) {
			err = compress.ErrShort
		}
		return n, exact && used == len(src)-header, err
	}}
}

// lzmaRaw is LZMA behind skipped bytes, with properties that only the kernel of the
// device knew.
func lzmaRaw(skip int, p compress.Props) *codec {
	name := fmt.Sprintf("lzma, raw at %d with lc=%d lp=%d pb=%d", skip, p.LC, p.LP, p.PB)
	return &codec{name, func(dst, src []byte) (int, bool, error) {
		if len(src) < skip+5 {
			return 0, false, compress.ErrShort
		}
		n, used, exact, err := compress.LZMARaw(p, dst, src[skip:])
		return n, exact && used == len(src)-skip, err
	}}
}

var (
	zlibCodec = plain("gzip", compress.Zlib, true)
	xzCodec   = plain("xz", compress.XZ, true)
	lzma13    = lzmaBehind("lzma", 0, 13)
	lzma5     = lzmaBehind("lzma, headers of 5 bytes", 0, 5)

	// kernel are the compressions by their numbers in version 4.
	kernel = map[uint32]*codec{
		1: zlibCodec, 2: lzma13, 3: plain("lzo", compress.LZO, false), 4: xzCodec,
		5: plain("lz4", compress.LZ4, false), 6: plain("zstd", compress.Zstd, false),
	}
	kernelNames = map[uint32]string{1: "gzip", 2: "lzma", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}

	// proving are those that cannot unpack what is not theirs: they are tried on blocks
	// that the image's own cannot unpack. The tool sqlzma mixed two of them.
	proving = []*codec{zlibCodec, xzCodec, lzma13, lzma5, lzmaBehind("lzma behind 4 bytes", 4, 13), lzmaBehind("lzma behind 4 bytes, headers of 5 bytes", 4, 5)}

	errHeader = errors.New("no header of LZMA")
)

// candidates are the codecs to be tried on an image, the likeliest first.
func (f *fs) candidates() []*codec {
	var all []*codec
	if c := kernel[f.compression]; f.major == 4 && c != nil {
		all = append(all, c)
	}
	all = append(all, proving...)
	all = append(all, kernel[6], kernel[3], kernel[5])
	// The properties that were in use, then all.
	for _, skip := range []int{0, 4, 5, 9, 1, 2, 3, 6, 7, 8, 10, 13} {
		for _, p := range []compress.Props{{LC: 3, LP: 0, PB: 2}, {LC: 0, LP: 0, PB: 2}, {LC: 0, LP: 2, PB: 2}, {LC: 3, LP: 0, PB: 0}, {LC: 0, LP: 0, PB: 0}} {
			all = append(all, lzmaRaw(skip, p))
		}
	}
	for _, skip := range []int{0, 4, 5, 9} {
		for lc := range uint8(5) {
			for lp := range uint8(5) - lc {
				for pb := range uint8(5) {
					all = append(all, lzmaRaw(skip, compress.Props{LC: lc, LP: lp, PB: pb}))
				}
			}
		}
	}
	return all
}

// try unpacks with a codec and asks for proof. Where dst became full before LZMA's
// end marker came, the proof is one byte further on.
func (c *codec) try(dst, src []byte) (n int, certain bool, err error) {
	n, certain, err = c.decode(dst, src)
	if err == nil && !certain && n == len(dst) {
		if m, sure, err := c.decode(make([]byte, n+1), src); err == nil && sure && m == n {
			certain = true
		}
	}
	return n, certain, err
}

// detect finds the codec with which the root's inode is a directory, and the byte
// order of the lengths of metadata, and reports whether there is one.
func (f *fs) detect() (bool, error) {
	at := f.inodes + int64(f.root>>16)
	orders := []binary.ByteOrder{f.order}
	if f.major == 4 && f.order == binary.BigEndian {
		orders = append(orders, binary.LittleEndian)
	}
	for _, order := range orders {
		packed, stored, next, err := f.metaBytes(at, order)
		if err != nil {
			continue
		}
		f.headers = order
		if stored {
			f.meta[at] = metaBlock{packed, next}
			if f.rootIsDir() {
				return f.detectStored()
			}
			delete(f.meta, at)
			continue
		}
		c, err := f.tryAll(at, packed, next)
		if c != nil || err != nil {
			f.codec = c
			return c != nil, err
		}
	}
	return false, nil
}

// tryAll tries the candidates on the block of the root: first those results that
// prove themselves, then those that only look right.
func (f *fs) tryAll(at int64, packed []byte, next int64) (*codec, error) {
	dst := make([]byte, metaSize)
	var likely *codec
	for _, c := range f.candidates() {
		if err := f.Budget.Tick(); err != nil {
			return nil, err
		}
		n, certain, err := c.try(dst, packed)
		if err != nil || n == 0 || !certain && likely != nil {
			continue
		}
		f.meta[at] = metaBlock{dst[:n], next}
		right := f.rootIsDir()
		delete(f.meta, at)
		if !right {
			continue
		}
		if certain || kernel[f.compression] == c {
			return c, nil
		}
		likely = c
	}
	return likely, nil
}

// rootIsDir looks at the root's inode with what was unpacked for it.
func (f *fs) rootIsDir() bool {
	r, err := f.raw(f.root)
	return err == nil && r.kind == image.Dir && int64(r.dir.block) <= f.used-f.dirs && r.dir.offset < metaSize
}

// detectStored is for images whose table of inodes is not compressed: the directory of
// the root decides, or else the codec that the superblock names.
func (f *fs) detectStored() (bool, error) {
	f.codec = zlibCodec
	if c := kernel[f.compression]; f.major == 4 && c != nil {
		f.codec = c
	}
	r, err := f.raw(f.root)
	if err != nil {
		return true, nil
	}
	packed, stored, _, err := f.metaBytes(f.dirs+int64(r.dir.block), f.headers)
	if err != nil || stored {
		return true, nil
	}
	dst := make([]byte, metaSize)
	for _, c := range f.candidates() {
		if err := f.Budget.Tick(); err != nil {
			return false, err
		}
		if n, certain, err := c.try(dst, packed); err == nil && n > int(r.dir.offset) && (certain || c == f.codec) {
			f.codec = c
			break
		}
	}
	return true, nil
}

// unpack unpacks a block with the codec that worked last or, where that fails, with
// another that proves itself. want is how many bytes must come out; 0 is not known.
func (f *fs) unpack(dst, src []byte, want int) (int, error) {
	n, _, err := f.codec.decode(dst, src)
	if err == nil && (want == 0 && n > 0 || n == want && n > 0) {
		return n, nil
	}
	if err == nil {
		err = fmt.Errorf("%d bytes come out: %w", n, errSize)
	}
	for _, c := range proving {
		if c == f.codec {
			continue
		}
		clear(dst[:min(n, len(dst))])
		m, certain, e := c.try(dst, src)
		if e == nil && certain && m > 0 && (want == 0 || m == want) {
			return m, nil
		}
		n = max(n, m)
	}
	return 0, inode.Damaged("%s: %v", f.codec.name, err)
}
