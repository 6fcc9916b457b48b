package intake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"assay/evidence"
)

const maxAttributes = 200 // of one element

// XML is a file's XML, token by token. It refuses a document type with
// declarations of its own, which is where entities come from, and loads none
// that one names.
type XML struct {
	*xml.Decoder
	raw *rawXML
}

// XML begins to read the file as XML.
func (f *File) XML() *XML {
	in := xml.NewDecoder(bytes.NewReader(f.Text))
	in.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		switch l := strings.ToLower(label); {
		case f.utf16 && strings.HasPrefix(l, "utf-16"), !bytes.ContainsFunc(f.Text, func(r rune) bool { return r >= utf8.RuneSelf }):
			return r, nil // it is UTF-8 by now, or the same in both
		}
		return nil, f.At(in.InputOffset(), "", "in the encoding %.40q: save the file as UTF-8", label)
	}
	raw := &rawXML{f: f, in: in}
	return &XML{xml.NewTokenDecoder(raw), raw}
}

// rawXML hands tokens on within the bounds.
type rawXML struct {
	f    *File
	in   *xml.Decoder
	path []string
	n    int
	root bool // an element was met
	err  error
}

func (x *rawXML) Token() (xml.Token, error) {
	if x.err != nil {
		return nil, x.err
	}
	t, err := x.in.RawToken()
	if err == nil {
		err = x.take(t)
	} else if errors.Is(err, io.EOF) && !x.root {
		err = x.f.At(x.in.InputOffset(), "", "no XML element: this is no report of a tool")
	}
	if err != nil {
		x.err = err
		return nil, err
	}
	return t, nil
}

func (x *rawXML) take(t xml.Token) error {
	wrong := func(format string, a ...any) error {
		return x.f.At(x.in.InputOffset(), x.place(), format, a...)
	}
	switch t := t.(type) {
	case xml.StartElement:
		if x.root && len(x.path) == 0 {
			return wrong("a second document begins with <%.40s>: put each into a file of its own", t.Name.Local)
		}
		x.root = true
		x.path = append(x.path, t.Name.Local)
		x.n += 1 + len(t.Attr)
		switch {
		case len(x.path) > x.f.bounds.Depth:
			return wrong("nested more than %d deep: no tool writes that", x.f.bounds.Depth)
		case x.n > x.f.bounds.Elements:
			return wrong("more than %d elements and attributes: have the tool write less", x.f.bounds.Elements)
		case len(t.Attr) > maxAttributes:
			return wrong("%d attributes: no tool writes that", len(t.Attr))
		}
		for i, a := range t.Attr {
			for _, b := range t.Attr[:i] {
				if a.Name == b.Name {
					return wrong("the attribute %.40s comes twice: keep one", a.Name.Local)
				}
			}
		}
	case xml.EndElement:
		if n := len(x.path); n > 0 {
			x.path = x.path[:n-1]
		}
	case xml.CharData:
		if len(x.path) == 0 && len(bytes.TrimSpace(t)) > 0 {
			return wrong("text outside of any element: this is no XML document")
		}
	case xml.Directive:
		if bytes.ContainsAny(t, "[") || !bytes.HasPrefix(bytes.TrimSpace(t), []byte("DOCTYPE")) {
			return wrong("a document type with declarations of its own (entities): they are not read; remove it")
		}
	}
	return nil
}

func (x *rawXML) place() string {
	if len(x.path) == 0 {
		return ""
	}
	return "/" + strings.Join(x.path, "/")
}

// Offset is where reading stands, in bytes of Text.
func (x *XML) Offset() int64 { return x.raw.in.InputOffset() }

// At is an error where reading stands.
func (x *XML) At(format string, a ...any) error {
	return x.raw.f.At(x.Offset(), x.raw.place(), format, a...)
}

// Wrong gives an error of reading its place.
func (x *XML) Wrong(err error) error {
	var e *evidence.Error
	if errors.As(err, &e) {
		return e
	}
	var s *xml.SyntaxError
	what := err.Error()
	if errors.As(err, &s) {
		what = s.Msg
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.HasPrefix(what, "unexpected EOF") {
		return x.raw.f.At(int64(len(x.raw.f.Text)), x.raw.place(), "the XML ends in the middle: the file is truncated or the tool was stopped; run it to its end")
	}
	return x.At("no XML: %s: correct it, or export the file again", strings.TrimPrefix(what, "xml: "))
}

// End reads what follows the root element.
func (x *XML) End() error {
	for {
		_, err := x.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return x.Wrong(err)
		}
	}
}

// Root finds the first element of an XML file without reading on.
func (f *File) Root() (xml.StartElement, error) {
	x := f.XML()
	for {
		t, err := x.Token()
		if err != nil {
			return xml.StartElement{}, x.Wrong(err)
		}
		if s, ok := t.(xml.StartElement); ok {
			return s, nil
		}
	}
}

// Attribute is an element's attribute without a name space, "" where it has none.
func Attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
