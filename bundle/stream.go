package bundle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// What the process that reads a zip says is a row of frames: a byte for the
// kind, four for the length, big-endian, and so many bytes.
//
//	F  a file begins; its path
//	D  some of the file's bytes
//	E  it is refused: a byte for the error, then why
//	Z  the end, without bytes
//
// The reader believes none of it: it holds paths and sizes against the same
// bounds again.
const (
	frameFile    = 'F'
	frameData    = 'D'
	frameRefused = 'E'
	frameEnd     = 'Z'

	maxFrame  = 64 << 10
	maxReason = 1000 // bytes of why
)

// refusals are the errors that cross the stream, by their byte.
var refusals = []error{ErrNoBundle, ErrUnsafe, ErrTooLarge}

type streamWriter struct{ w *bufio.Writer }

func newStreamWriter(w io.Writer) *streamWriter {
	return &streamWriter{bufio.NewWriterSize(w, maxFrame)}
}

func (s *streamWriter) frame(kind byte, b []byte) error {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(b)))
	if _, err := s.w.Write(head); err != nil {
		return err
	}
	_, err := s.w.Write(b)
	return err
}

// file begins a file; its bytes are what is then written.
func (s *streamWriter) file(path string) error { return s.frame(frameFile, []byte(path)) }

func (s *streamWriter) Write(b []byte) (int, error) {
	for c := range slices.Chunk(b, maxFrame) {
		if err := s.frame(frameData, c); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// end ends the stream, well or with why not.
func (s *streamWriter) end(why error) error {
	var err error
	if why == nil {
		err = s.frame(frameEnd, nil)
	} else {
		code := max(0, slices.IndexFunc(refusals, func(e error) bool { return errors.Is(why, e) }))
		text := strings.TrimPrefix(why.Error(), refusals[code].Error()+": ")
		err = s.frame(frameRefused, append([]byte{byte(code)}, text[:min(len(text), maxReason)]...))
	}
	return errors.Join(err, s.w.Flush())
}

var errStream = fmt.Errorf("%w: the process that reads the zip gave a false answer", ErrUnsafe)

// streamReader reads frames.
type streamReader struct {
	r    *bufio.Reader
	v    *inventory
	kind byte // of the frame at hand
	left int  // bytes of it that are not read yet

	path     string // of the file at hand
	so, most int64
}

// readStream gives every file of a stream to sink, which need not read to the
// end. It fails with what the stream says, where it is false or breaks off.
func readStream(r io.Reader, sink func(path string, r io.Reader) error) error {
	s := &streamReader{r: bufio.NewReaderSize(r, maxFrame), v: newInventory()}
	if err := s.next(); err != nil {
		return err
	}
	for {
		switch s.kind {
		case frameFile:
			path, err := s.all(maxPath)
			if err != nil {
				return err
			}
			s.path, s.so = string(path), 0
			if s.most, err = s.v.add(s.path); err != nil {
				return fmt.Errorf("%w: %w", errStream, err)
			}
			if err := s.next(); err != nil {
				return err
			}
			if err := sink(s.path, s); err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, s); err != nil {
				return err
			}
		case frameRefused:
			why, err := s.all(1 + maxReason)
			if err != nil {
				return err
			}
			if len(why) == 0 || int(why[0]) >= len(refusals) {
				return errStream
			}
			return fmt.Errorf("%w: %s", refusals[why[0]], printable(string(why[1:])))
		case frameEnd:
			if s.left != 0 {
				return errStream
			}
			if _, err := s.r.ReadByte(); err != io.EOF {
				return errStream
			}
			return nil
		default:
			return errStream
		}
	}
}

// next reads the head of a frame. A stream that ends here has broken off.
func (s *streamReader) next() error {
	var head [5]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return cutOff(err)
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return errStream
	}
	s.kind, s.left = head[0], int(n)
	return nil
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the process that reads the zip: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// all is a whole frame of at most n bytes.
func (s *streamReader) all(n int) ([]byte, error) {
	if s.left > n {
		return nil, errStream
	}
	b := make([]byte, s.left)
	if _, err := io.ReadFull(s.r, b); err != nil {
		return nil, cutOff(err)
	}
	s.left = 0
	return b, nil
}

// Read gives the bytes of the file at hand, up to the first frame of another kind.
func (s *streamReader) Read(b []byte) (int, error) {
	for s.kind == frameData && s.left == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	if s.kind != frameData {
		return 0, io.EOF
	}
	n, err := s.r.Read(b[:min(len(b), s.left)])
	if err != nil && n == 0 {
		return 0, cutOff(err)
	}
	s.left -= n
	if err := s.v.grow(s.path, s.so, int64(n), s.most); err != nil {
		return 0, fmt.Errorf("%w: %w", errStream, err)
	}
	s.so += int64(n)
	return n, nil
}

// printable shows what a foreign process says without what would move a
// terminal's cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
