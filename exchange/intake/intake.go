// Package intake is what the readers of foreign files have in common: the
// file as text within bounds, JSON and XML that is well formed, errors with a
// place, and the result.
//
// What it trusts: nothing in the file. It resolves no address, opens nothing
// that a file names, expands no entity, and unpacks nothing.
package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"assay/evidence"
)

// Bounds of a file.
type Bounds struct {
	Bytes    int64 // of the file
	Depth    int   // of nesting
	Elements int   // JSON values and names, XML elements and attributes, or lines
}

// Standard are the bounds of every reader. No format needs half of the depth,
// and no tool writes so many values in so few bytes. They do not bound memory: a
// file of nothing but empty objects takes a hundred times its size. The process
// that reads foreign files does.
var Standard = Bounds{Bytes: 64 << 20, Depth: 100, Elements: 4_000_000}

// File is a foreign file.
type File struct {
	Name     string            // base name, for messages and the record
	Text     []byte            // UTF-8 without byte order mark
	Artifact evidence.Artifact // the bytes as they were handed in

	bounds Bounds
	utf16  bool  // it was, before Text
	json   *Head // what Text begins with, once it is known to be JSON
}

// Read reads a file whole. Its errors are of type *evidence.Error, but for
// those of r.
func Read(name string, r io.Reader, b Bounds) (*File, error) {
	var buf bytes.Buffer
	if s, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok { // in one piece
		if info, err := s.Stat(); err == nil && info.Mode().IsRegular() {
			buf.Grow(int(min(info.Size(), b.Bytes)) + bytes.MinRead)
		}
	}
	if _, err := buf.ReadFrom(io.LimitReader(r, b.Bytes+1)); err != nil {
		return nil, err
	}
	raw := buf.Bytes()
	var err error
	f := &File{Name: name, bounds: b, Artifact: evidence.Artifact{Name: Line(name), SHA256: evidence.Digest(raw), Size: int64(len(raw))}}
	if int64(len(raw)) > b.Bytes {
		return nil, f.Wrong("more than %d bytes: have the tool leave out what is not asked for (files, raw traffic), or write one file for each image", b.Bytes)
	}
	if what := binary(raw); what != "" {
		return nil, f.Wrong("%s: %s", what, "import the tool's own JSON, XML or text file; archives are not opened")
	}
	if f.Text, err = f.decode(raw); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(f.Text)) == 0 {
		return nil, f.Wrong("empty: the tool wrote nothing; run it again and see what it says")
	}
	return f, nil
}

// Wrong is an error about the file as a whole.
func (f *File) Wrong(format string, a ...any) error {
	return &evidence.Error{File: f.Name, Problem: fmt.Sprintf(format, a...)}
}

// At is an error at an offset of Text, with the place inside the document.
func (f *File) At(offset int64, place, format string, a ...any) error {
	offset = min(max(offset, 0), int64(len(f.Text)))
	return &evidence.Error{File: f.Name, Line: 1 + bytes.Count(f.Text[:offset], []byte("\n")), Place: place, Problem: fmt.Sprintf(format, a...)}
}

// AtLine is an error on a line.
func (f *File) AtLine(line int, format string, a ...any) error {
	return &evidence.Error{File: f.Name, Line: line, Problem: fmt.Sprintf(format, a...)}
}

// magic are the first bytes of what is often handed in by mistake.
var magic = []struct{ bytes, what string }{
	{"PK\x03\x04", "a zip archive or an office document"},
	{"\x1f\x8b", "packed with gzip"},
	{"BZh", "packed with bzip2"},
	{"\xfd7zXZ\x00", "packed with xz"},
	{"\x28\xb5\x2f\xfd", "packed with zstd"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"},
	{"%PDF-", "a PDF"},
	{"\x7fELF", "a program"},
	{"\xd4\xc3\xb2\xa1", "a recording of traffic"},
	{"\x0a\x0d\x0d\x0a", "a recording of traffic"},
}

func binary(b []byte) string {
	for _, m := range magic {
		if bytes.HasPrefix(b, []byte(m.bytes)) {
			return m.what
		}
	}
	if len(b) > 262 && string(b[257:262]) == "ustar" {
		return "a tar archive"
	}
	return ""
}

// decode makes UTF-8 of what tools write: UTF-8 with or without a mark, and the
// UTF-16 of a Windows shell's redirection.
func (f *File) decode(b []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}):
		return nil, f.Wrong("in UTF-32: save it as UTF-8")
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return f.from16(b[2:], 0)
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return f.from16(b[2:], 1)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	for i := 0; i < len(b); {
		n := len(b) - i
		if n > 4096 {
			n = 4096
			for n > 4096-utf8.UTFMax && !utf8.RuneStart(b[i+n]) {
				n--
			}
		}
		if chunk := b[i : i+n]; !utf8.Valid(chunk) {
			at := i + badByte(chunk)
			if bytes.Count(b[:min(len(b), 64)], []byte{0}) > 8 {
				return nil, f.Wrong("not UTF-8; it looks like UTF-16 without a byte order mark: save it as UTF-8")
			}
			f.Text = b
			return nil, f.At(int64(at), "", "byte 0x%02x is not UTF-8: save the file as UTF-8", b[at])
		}
		i += n
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		f.Text = b
		return nil, f.At(int64(i), "", "a NUL byte: this is no text file, or one in UTF-16; save it as UTF-8")
	}
	return b, nil
}

// badByte is the index of the first byte that is not UTF-8.
func badByte(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return 0
}

// from16 reads UTF-16; low is the index of the low byte in a unit.
func (f *File) from16(b []byte, low int) ([]byte, error) {
	high := 1 - low
	if len(b)%2 != 0 {
		return nil, f.Wrong("UTF-16 that ends in the middle of a character: the file is truncated; export it again, best as UTF-8")
	}
	f.utf16 = true
	out := make([]byte, 0, len(b)/2+len(b)/8)
	for i := 0; i < len(b); i += 2 {
		r := rune(b[i+low]) | rune(b[i+high])<<8
		if utf16.IsSurrogate(r) {
			var second rune
			if i+3 < len(b) {
				second = rune(b[i+2+low]) | rune(b[i+2+high])<<8
			}
			if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
				f.Text = out
				return nil, f.At(int64(len(out)), "", "half a surrogate pair: the UTF-16 is broken; export the file as UTF-8")
			}
			i += 2
		}
		if r == 0 {
			f.Text = out
			return nil, f.At(int64(len(out)), "", "a NUL character: this is no text file")
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

// MaxElements bounds the lines of a file that has neither values nor elements.
func (f *File) MaxElements() int { return f.bounds.Elements }

// wrapped gives an error that has no place yet the file's name.
func (f *File) wrapped(err error) error {
	var e *evidence.Error
	if errors.As(err, &e) {
		if e.File == "" {
			e.File = f.Name
		}
		return e
	}
	return f.Wrong("%s", strings.TrimSpace(err.Error()))
}
