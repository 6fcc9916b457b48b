package report

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"

	"golang.org/x/image/font/sfnt"
)

// The fonts of the PDF; font/README.md says what they are and how they are made.
var (
	//go:embed font/report-regular.ttf.gz
	regularGZ []byte
	//go:embed font/report-bold.ttf.gz
	boldGZ []byte
)

// maxFont bounds an unpacked font.
const maxFont = 4 << 20

// faces are the two weights, and which characters both have.
type faces struct {
	regular, bold []byte
	has           [0x10000]bool
}

var theFaces = sync.OnceValues(func() (*faces, error) {
	var f faces
	for i, packed := range [][]byte{regularGZ, boldGZ} {
		raw, err := unpack(packed)
		if err != nil {
			return nil, err
		}
		parsed, err := sfnt.Parse(raw)
		if err != nil {
			return nil, err
		}
		var buf sfnt.Buffer
		for c := range f.has {
			g, err := parsed.GlyphIndex(&buf, rune(c))
			f.has[c] = err == nil && g != 0 && (i == 0 || f.has[c])
		}
		if i == 0 {
			f.regular = raw
		} else {
			f.bold = raw
		}
	}
	return &f, nil
})

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxFont))
}

// GlyphError says that a text cannot stand in the PDF because its fonts lack a
// character.
type GlyphError struct {
	Char rune
	Text string // in which it stands
}

func (e *GlyphError) Error() string {
	return fmt.Sprintf("the PDF's fonts have no character U+%04X (%c), which stands in %q: write the text in Latin, Greek, Cyrillic or Hangul letters or kana, or take the report as HTML, which is shown with the reader's own fonts",
		e.Char, e.Char, clip(e.Text, 60))
}

// clip shortens a text to n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// check finds the first character of a text that the fonts lack.
func (f *faces) check(s string) error {
	for _, c := range s {
		if int(c) >= len(f.has) || !f.has[c] {
			return &GlyphError{c, s}
		}
	}
	return nil
}
