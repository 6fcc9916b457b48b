package compress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"assay/lab/firmware/image"
)

const zstdMagic = "\x28\xb5\x2f\xfd"

var zstdBlocks = sync.Pool{New: func() any {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(1<<27), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return z
}}

func zstdError(err error) error {
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("zstd: %w", ErrLong)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrUnknownDictionary):
		return fmt.Errorf("zstd: %v: %w", err, ErrKind)
	}
	return corrupt("zstd: %v", err)
}

func zstdBlock(dst, src []byte) (int, error) {
	z := zstdBlocks.Get().(*zstd.Decoder)
	defer zstdBlocks.Put(z)
	out, err := z.DecodeAll(src, dst[:0:len(dst)])
	n := min(len(out), len(dst))
	if n > 0 && &out[0] != &dst[0] {
		copy(dst, out)
	}
	if err == nil && len(out) > len(dst) {
		err = zstd.ErrDecoderSizeExceeded
	}
	if err != nil {
		return n, zstdError(err)
	}
	return n, nil
}

// zstdStream unpacks all frames that follow on each other.
func zstdStream(out *sink, src []byte) (int, error) {
	used := 0
	for {
		n, most, err := zstdFrame(src[used:])
		if err != nil && !errors.Is(err, ErrShort) {
			if used > 0 {
				return used, nil
			}
			return n, err
		}
		before := len(out.buf)
		if most > 0 && out.budget != nil {
			room := out.budget.Room(int64(used+n)) - int64(before)
			if most > room {
				return used, fmt.Errorf("%w: up to %d bytes out of %d", image.ErrBounds, most, n)
			}
			if before+int(most) > cap(out.buf) {
				out.buf = append(make([]byte, 0, before+int(most)), out.buf...)
			}
		}
		if most > 0 {
			m, failed := zstdBlock(out.buf[before:cap(out.buf)], src[used:used+n])
			out.buf = out.buf[:before+m]
			if err == nil {
				err = failed
			}
		}
		used += n
		if err != nil {
			return used, err
		}
	}
}

func skippable(b []byte) bool { return binary.LittleEndian.Uint32(b)&^15 == 0x184d2a50 }

// zstdFrame is the length of the frame that begins at b[0] and the most that comes
// out of it (RFC 8878, 3.1): nothing out of one to be skipped. Where it is longer
// than b the length is that of b, with ErrShort.
func zstdFrame(b []byte) (n int, most int64, err error) {
	short := func() (int, int64, error) { return len(b), most, fmt.Errorf("zstd: %w", ErrShort) }
	if len(b) < 5 {
		return 0, 0, corrupt("zstd: no frame")
	}
	if skippable(b) {
		if len(b) < 8 {
			return short()
		}
		if n := 8 + int64(binary.LittleEndian.Uint32(b[4:])); n <= int64(len(b)) {
			return int(n), 0, nil
		}
		return 0, 0, corrupt("zstd: a frame to be skipped that goes beyond the end")
	}
	if string(b[:4]) != zstdMagic {
		return 0, 0, corrupt("zstd: no frame in % x", b[:4])
	}
	d := b[4]
	if d&8 != 0 {
		return 4, 0, corrupt("zstd: a reserved bit of the frame is set")
	}
	at := 5 + [4]int{0, 1, 2, 4}[d&3] + [4]int{0, 2, 4, 8}[d>>6]
	if single := d>>5&1 == 1; !single || d>>6 == 0 {
		at++ // the window, or a size of one byte
	}
	if at > len(b) {
		return short()
	}
	size := uint64(0) // that is said
	switch d >> 6 {
	case 2:
		size = uint64(binary.LittleEndian.Uint32(b[at-4:]))
	case 3:
		size = binary.LittleEndian.Uint64(b[at-8:])
	}
	const maxBlock = 128 << 10
	for last := false; !last; {
		if at+3 > len(b) {
			return short()
		}
		h := int(b[at]) | int(b[at+1])<<8 | int(b[at+2])<<16
		at += 3
		last = h&1 == 1
		if h>>3 > maxBlock || h>>1&3 == 3 {
			return at, 0, corrupt("zstd: no block at byte %d", at-3)
		}
		switch h >> 1 & 3 {
		case 0: // as it is
			at += h >> 3
			most += int64(h >> 3)
		case 1: // one byte again and again
			at++
			most += int64(h >> 3)
		case 2:
			at += h >> 3
			most += maxBlock
		}
	}
	if size > uint64(most) {
		return at, 0, corrupt("zstd: a frame that makes %d bytes at most says that it makes %d", most, size)
	}
	if size > 0 {
		most = int64(size)
	}
	if d&4 != 0 {
		at += 4
	}
	if at > len(b) {
		return short()
	}
	return at, most, nil
}
