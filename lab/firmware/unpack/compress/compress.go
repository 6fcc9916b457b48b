// Package compress reads compressed bytes: blocks of file systems, and whole
// streams that stand somewhere in an image. Every decoder has a bound on what
// comes out of it and says how many bytes it took.
package compress

import (
	"errors"
	"fmt"

	"assay/lab/firmware/image"
)

// Algorithm is a compression with its framing.
type Algorithm string

// Algorithms of blocks.
const (
	Deflate   Algorithm = "deflate"    // raw (RFC 1951)
	Zlib      Algorithm = "zlib"       // RFC 1950
	Gzip      Algorithm = "gzip"       // RFC 1952, one member or more
	Bzip2     Algorithm = "bzip2"      //
	XZ        Algorithm = "xz"         // the .xz file format, 1.2
	LZMA      Algorithm = "lzma"       // behind a header of 13 bytes: properties, dictionary, length
	LZMAShort Algorithm = "lzma-short" // behind one of 5 bytes: properties, dictionary
	LZ4       Algorithm = "lz4"        // one block without a frame
	LZO       Algorithm = "lzo"        // one LZO1X block without a frame
	Zstd      Algorithm = "zstd"       // RFC 8878
)

// Errors of decoders. All are wrapped with what is wrong and where.
var (
	ErrCorrupt = errors.New("corrupt data")
	ErrShort   = errors.New("the data end too early")
	ErrLong    = errors.New("more comes out than there is room for")
	ErrKind    = errors.New("not supported")
)

func corrupt(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, a...))
}

// Block unpacks a block of a file system into dst and returns how many bytes
// it made; the bytes are an error with [ErrLong] where dst has no room for them.
// With an error n bytes of dst are what came out before it.
func Block(a Algorithm, dst, src []byte) (n int, err error) {
	switch a {
	case Deflate, Zlib:
		return flateBlock(a, dst, src)
	case LZMA:
		return lzmaBlock(dst, src, 13)
	case LZMAShort:
		return lzmaBlock(dst, src, 5)
	case LZ4:
		return lz4Block(dst, src)
	case LZO:
		return lzoBlock(dst, src)
	case Zstd:
		return zstdBlock(dst, src)
	}
	stream, ok := streams[a]
	if !ok {
		return 0, fmt.Errorf("compression %q: %w", a, ErrKind)
	}
	out := &sink{buf: dst[:0:len(dst)]}
	if a == Gzip || a == Bzip2 { // find the end only by reading beyond it
		out.buf = make([]byte, 0, len(dst)+1)
	}
	_, err = stream(out, src)
	if n = copy(dst, out.buf); n < len(out.buf) && err == nil {
		err = fmt.Errorf("%s: %w", a, ErrLong)
	}
	return n, err
}

// streams are the decoders of whole streams; used is how many bytes of src they took.
var streams = map[Algorithm]func(out *sink, src []byte) (used int, err error){
	Deflate:   flateStream,
	Zlib:      zlibStream,
	Gzip:      gzipStream,
	Bzip2:     bzip2Stream,
	XZ:        xzStream,
	LZMA:      func(out *sink, src []byte) (int, error) { return aloneStream(out, src, 13) },
	LZMAShort: func(out *sink, src []byte) (int, error) { return aloneStream(out, src, 5) },
	LZ4:       lz4Stream,
	LZO:       lzopStream,
	Zstd:      zstdStream,
}

// Stream unpacks the stream that begins at src[0] and charges the budget with
// what comes out. used is how many bytes the stream takes of src; what is behind
// it is none of its business. With an error out is what came out before it.
//
// Of [LZ4] and [LZO] a stream is a frame: the frames of lz4(1), old and new, and the file of lzop(1).
func Stream(a Algorithm, src []byte, budget *image.Budget) (out []byte, used int, err error) {
	stream, ok := streams[a]
	if !ok {
		return nil, 0, fmt.Errorf("compression %q: %w", a, ErrKind)
	}
	s := &sink{budget: budget}
	used, err = stream(s, src)
	used = min(used, len(src))
	if charge := budget.Bytes(int64(len(s.buf)), int64(max(used, 1))); charge != nil && (err == nil || errors.Is(charge, image.ErrBounds)) {
		return nil, used, charge
	}
	return s.buf, used, err
}

// sink is where decoded bytes go. Without a budget the capacity of buf is all
// there is; with one it grows, as far as the budget has room for a stream that took so
// many bytes.
type sink struct {
	buf    []byte
	budget *image.Budget
}

// smallest is the room that a stream begins with.
const smallest = 64 << 10

// grow makes room for at least one more byte, up to a length of most. used is how
// many bytes went into what is there.
func (s *sink) grow(used int, most int64) error {
	if len(s.buf) < cap(s.buf) {
		return nil
	}
	if s.budget == nil {
		return ErrLong
	}
	if err := s.budget.Tick(); err != nil {
		return err
	}
	room := s.budget.Room(int64(used))
	if int64(len(s.buf)) >= room {
		return fmt.Errorf("%w: %d bytes and more out of %d", image.ErrBounds, len(s.buf), used)
	}
	n := min(max(smallest, 2*int64(cap(s.buf))), room, max(most, int64(len(s.buf))+1))
	grown := make([]byte, len(s.buf), n)
	copy(grown, s.buf)
	s.buf = grown
	return nil
}

// append adds bytes that are there already.
func (s *sink) append(b []byte, used int) error {
	for len(b) > 0 {
		if err := s.grow(used, 1<<62); err != nil {
			return err
		}
		n := copy(s.buf[len(s.buf):cap(s.buf)], b)
		s.buf, b = s.buf[:len(s.buf)+n], b[n:]
	}
	return nil
}
