package compress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"assay/lab/firmware/image"
)

// inflater is a decoder of deflate and the reader that it reads from: one
// that gives single bytes, so that it reads none too many.
type inflater struct {
	src bytes.Reader
	r   io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	i := &inflater{}
	i.r = flate.NewReader(&i.src)
	return i
}}

func (i *inflater) reset(src []byte) error {
	i.src.Reset(src)
	return i.r.(flate.Resetter).Reset(&i.src, nil)
}

// flateError names the library's errors.
func flateError(err error, src []byte, left int) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("deflate: %w", ErrShort)
	}
	return corrupt("deflate: %v, at byte %d", err, len(src)-left)
}

// flateBlock unpacks a block that fits into dst.
func flateBlock(a Algorithm, dst, src []byte) (int, error) {
	data := src
	if a == Zlib {
		if err := zlibHeader(src); err != nil {
			return 0, err
		}
		data = src[2:]
	}
	i := inflaters.Get().(*inflater)
	defer inflaters.Put(i)
	if err := i.reset(data); err != nil {
		return 0, err
	}
	n := 0
	for {
		var spare [1]byte
		to := dst[n:]
		if len(to) == 0 {
			to = spare[:]
		}
		m, err := i.r.Read(to)
		if m > 0 && n == len(dst) {
			return n, fmt.Errorf("deflate: %w", ErrLong)
		}
		n += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, flateError(err, data, i.src.Len())
		}
	}
	if a == Zlib {
		return n, zlibSum(dst[:n], data[len(data)-i.src.Len():])
	}
	return n, nil
}

func zlibHeader(src []byte) error {
	switch {
	case len(src) < 2:
		return fmt.Errorf("zlib: %w", ErrShort)
	case src[0]&15 != 8 || src[0]>>4 > 7 || (int(src[0])<<8|int(src[1]))%31 != 0:
		return corrupt("zlib: no header in % x", src[:2])
	case src[1]&0x20 != 0:
		return fmt.Errorf("zlib: a dictionary that stands elsewhere: %w", ErrKind)
	}
	return nil
}

func zlibSum(out, rest []byte) error {
	if len(rest) < 4 {
		return fmt.Errorf("zlib: no checksum: %w", ErrShort)
	}
	if said, is := binary.BigEndian.Uint32(rest), adler32.Checksum(out); said != is {
		return corrupt("zlib: the checksum is %#x and not %#x", is, said)
	}
	return nil
}

func flateStream(out *sink, src []byte) (int, error) {
	i := inflaters.Get().(*inflater)
	defer inflaters.Put(i)
	if err := i.reset(src); err != nil {
		return 0, err
	}
	for {
		used := len(src) - i.src.Len()
		if err := out.grow(used, 1<<62); err != nil {
			return used, err
		}
		n, err := i.r.Read(out.buf[len(out.buf):cap(out.buf)])
		out.buf = out.buf[:len(out.buf)+n]
		if err == io.EOF {
			return len(src) - i.src.Len(), nil
		}
		if err != nil {
			return len(src) - i.src.Len(), flateError(err, src, i.src.Len())
		}
	}
}

func zlibStream(out *sink, src []byte) (int, error) {
	if err := zlibHeader(src); err != nil {
		return 0, err
	}
	used, err := flateStream(out, src[2:])
	used += 2
	if err != nil {
		return used, err
	}
	return min(used+4, len(src)), zlibSum(out.buf, src[used:])
}

// gzipStream unpacks one member and all that follow on it at once.
func gzipStream(out *sink, src []byte) (int, error) {
	used := 0
	for {
		header, err := gzipHeader(src[used:])
		if err != nil {
			if used > 0 {
				return used, nil // what follows is no member
			}
			return 0, err
		}
		from := len(out.buf)
		n, err := flateStream(out, src[used+header:])
		end := used + header + n
		if err != nil {
			return end, err
		}
		if len(src)-end < 8 {
			return len(src), fmt.Errorf("gzip: no checksum: %w", ErrShort)
		}
		sum, size := binary.LittleEndian.Uint32(src[end:]), binary.LittleEndian.Uint32(src[end+4:])
		used = end + 8
		if is := crc32.ChecksumIEEE(out.buf[from:]); is != sum {
			return used, corrupt("gzip: the checksum is %#x and not %#x", is, sum)
		}
		if is := uint32(len(out.buf) - from); is != size {
			return used, corrupt("gzip: %d bytes and not %d", is, size)
		}
	}
}

// gzipHeader is the length of a member's header (RFC 1952, 2.3).
func gzipHeader(b []byte) (int, error) {
	if len(b) < 10 {
		return 0, fmt.Errorf("gzip: %w", ErrShort)
	}
	if b[0] != 0x1f || b[1] != 0x8b || b[2] != 8 || b[3]&0xe0 != 0 {
		return 0, corrupt("gzip: no header in % x", b[:4])
	}
	flags, n := b[3], 10
	if flags&4 != 0 {
		if len(b) < n+2 {
			return 0, fmt.Errorf("gzip: extra field: %w", ErrShort)
		}
		n += 2 + int(binary.LittleEndian.Uint16(b[n:]))
	}
	for _, text := range []byte{8, 16} { // name, comment
		if flags&text == 0 {
			continue
		}
		if n >= len(b) {
			return 0, fmt.Errorf("gzip: name: %w", ErrShort)
		}
		end := bytes.IndexByte(b[n:min(len(b), n+4096)], 0)
		if end < 0 {
			return 0, corrupt("gzip: a name without an end")
		}
		n += end + 1
	}
	if flags&2 != 0 {
		n += 2
	}
	if n > len(b) {
		return 0, fmt.Errorf("gzip: header: %w", ErrShort)
	}
	return n, nil
}

// describeGzip says what the header of the first member tells of the file that was packed.
func describeGzip(p *image.Part, b []byte) {
	n, err := gzipHeader(b)
	if err != nil {
		return
	}
	if b[3]&8 != 0 && b[3]&4 == 0 {
		name, _, _ := bytes.Cut(b[10:n], []byte{0})
		p.Detail("name", "%.255s", bytes.ToValidUTF8(name, []byte("?")))
	}
	if t := binary.LittleEndian.Uint32(b[4:]); t > 0 {
		p.Detail("time", "%d", t)
	}
}
