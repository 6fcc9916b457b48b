package compress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
)

const (
	lz4Magic  = "\x04\x22\x4d\x18"
	lz4Legacy = "\x02\x21\x4c\x18"
	// legacyBlock is what each block of the legacy format unpacks to but the last.
	legacyBlock = 8 << 20
)

func lz4Block(dst, src []byte) (int, error) {
	if len(src) == 0 {
		return 0, fmt.Errorf("lz4: %w", ErrShort)
	}
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		return 0, corrupt("lz4: %v", err)
	}
	return n, nil
}

// lz4Stream unpacks the frames that follow on each other, of the format of
// lz4 1.4 and later (LZ4 frame format 1.6) and of the one before it, which kernels use.
func lz4Stream(out *sink, src []byte) (int, error) {
	used := 0
	for {
		rest := src[used:]
		var n int
		var err error
		switch {
		case len(rest) >= 8 && skippable(rest) && used > 0:
			n = 8 + int(binary.LittleEndian.Uint32(rest[4:]))
			if n > len(rest) {
				return used, nil
			}
		case len(rest) >= 7 && string(rest[:4]) == lz4Magic:
			n, err = lz4Frame(out, rest, used)
		case len(rest) >= 8 && string(rest[:4]) == lz4Legacy:
			n, err = lz4Old(out, rest, used)
		case used > 0:
			return used, nil
		default:
			return 0, corrupt("lz4: no frame")
		}
		used += n
		if err != nil {
			return used, err
		}
	}
}

// lz4Frame finds the frame's end from the lengths of its blocks, and lets the
// library unpack so much.
func lz4Frame(out *sink, b []byte, before int) (int, error) {
	flags := b[4]
	if flags>>6 != 1 || flags&2 != 0 || b[5]&0x8f != 0 || b[5]>>4 < 4 {
		return 0, corrupt("lz4: no frame in % x", b[:6])
	}
	if flags&1 != 0 {
		return 0, fmt.Errorf("lz4: a dictionary that stands elsewhere: %w", ErrKind)
	}
	at := 7
	if flags>>3&1 == 1 {
		at += 8
	}
	first, short := at, false
	for {
		if at+4 > len(b) {
			short = true
			break
		}
		h := binary.LittleEndian.Uint32(b[at:])
		at += 4
		if h == 0 {
			break
		}
		size := int(h & (1<<31 - 1))
		if most := 1 << (8 + 2*(b[5]>>4)); size > most {
			return at, corrupt("lz4: a block of %d bytes at byte %d; %d is the most", size, at-4, most)
		}
		at += size
		if flags>>4&1 == 1 {
			at += 4
		}
	}
	if flags>>2&1 == 1 {
		at += 4
	}
	if short || at > len(b) {
		short, at = true, len(b)
	}
	r, empty := lz4.NewReader(bytes.NewReader(b[:at])), len(out.buf)
	for {
		if err := out.grow(before+at, 1<<62); err != nil {
			if errors.Is(err, ErrLong) {
				var spare [1]byte
				if n, e := r.Read(spare[:]); n == 0 && e == io.EOF {
					return at, nil
				}
			}
			return at, err
		}
		n, err := r.Read(out.buf[len(out.buf):cap(out.buf)])
		out.buf = out.buf[:len(out.buf)+n]
		switch {
		case err == io.EOF && !short:
			return at, nil
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			if len(out.buf) == empty && first+4 < at && b[first+3]>>7 == 0 {
				if err := out.append(lz4Part(b[first+4:at]), before+at); err != nil {
					return at, err
				}
			}
			return at, fmt.Errorf("lz4: %w", ErrShort)
		case err != nil:
			return at, corrupt("lz4: %v", err)
		}
	}
}

// lz4Old unpacks the legacy format: blocks, each behind its length, all of 8 MiB
// but the last. Nothing marks the end: it is over at a shorter block, and where
// what follows is no block.
func lz4Old(out *sink, b []byte, before int) (int, error) {
	at := 4
	buf := []byte(nil)
	for {
		if len(b)-at < 4 {
			break
		}
		size := int64(binary.LittleEndian.Uint32(b[at:]))
		if size == 0 || size > legacyBlock+legacyBlock/255+16 {
			break
		}
		if size > int64(len(b)-at-4) {
			if at > 4 && len(out.buf)%legacyBlock == 0 {
				// This may be a block that was cut off, or something else.
				return at, nil
			}
			if err := out.append(lz4Part(b[at+4:]), len(b)); err != nil {
				return at, err
			}
			return len(b), fmt.Errorf("lz4: a block of %d bytes at byte %d: %w", size, before+at, ErrShort)
		}
		if buf == nil {
			buf = make([]byte, min(legacyBlock, 255*int64(len(b))))
		}
		n, err := lz4.UncompressBlock(b[at+4:at+4+int(size)], buf)
		if err != nil || n == 0 {
			if at > 4 {
				break
			}
			return at, corrupt("lz4: the block at byte %d: %v", before+at, err)
		}
		at += 4 + int(size)
		if err := out.append(buf[:n], before+at); err != nil {
			return at, err
		}
		if n < legacyBlock {
			break
		}
	}
	if at == 4 {
		return at, corrupt("lz4: no block behind the mark")
	}
	return at, nil
}

// lz4Part unpacks what there is of a block that was cut off (LZ4 block format), up to
// a legacy block's size.
func lz4Part(src []byte) (out []byte) {
	more := func(n int) int {
		if n < 15 {
			return n
		}
		for len(src) > 0 {
			x := src[0]
			src = src[1:]
			n += int(x)
			if x != 255 {
				break
			}
		}
		return n
	}
	for len(src) > 0 && len(out) < legacyBlock {
		token := src[0]
		src = src[1:]
		n := min(more(int(token>>4)), len(src))
		out = append(out, src[:n]...)
		if src = src[n:]; len(src) < 2 {
			break
		}
		back := int(binary.LittleEndian.Uint16(src))
		src = src[2:]
		if back == 0 || back > len(out) {
			break
		}
		for range min(more(int(token&15))+4, legacyBlock) {
			out = append(out, out[len(out)-back])
		}
	}
	return out
}
