package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxDigits = 64  // of one number
	maxNames  = 200 // kept of the object on top
)

// Head is what a JSON document begins with, for telling formats apart.
type Head struct {
	List  bool              // the document is a list; Names are those of its first object
	Names map[string]string // names on top; their text where it is a string or a number
}

// Has reports whether all names are there.
func (h *Head) Has(names ...string) bool {
	for _, n := range names {
		if _, ok := h.Names[n]; !ok {
			return false
		}
	}
	return true
}

// Head checks that the file is one JSON document within the bounds, without
// names that repeat, and says what stands on top of it.
func (f *File) Head() (*Head, error) {
	if f.json != nil {
		return f.json, nil
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(f.Text))
	h := &Head{Names: map[string]string{}}
	top := 1 // depth of the object whose names are kept
	name, before, ended := "", int64(0), false
	for n := 0; ; n++ {
		t, err := d.ReadToken()
		if errors.Is(err, io.EOF) && n > 0 && d.StackDepth() == 0 {
			break
		}
		if err != nil {
			return nil, f.jsonError(d, err)
		}
		kind, depth, end := t.Kind(), d.StackDepth(), d.InputOffset()
		wrong := func(format string, a ...any) error { return f.At(end, string(d.StackPointer()), format, a...) }
		switch {
		case n == 0 && kind != '{' && kind != '[':
			return nil, f.At(0, "", "neither an object nor a list: this is no report of a tool")
		case n == 0:
			if h.List = kind == '['; h.List {
				top = 2
			}
		case ended:
			return nil, f.At(end, "", "a second JSON value follows the first: put each into a file of its own")
		case depth > f.bounds.Depth:
			return nil, wrong("nested more than %d deep: no tool writes that", f.bounds.Depth)
		case n >= f.bounds.Elements:
			return nil, wrong("more than %d values: have the tool write less, or one file for each image", f.bounds.Elements)
		case kind == '0' && end-before > maxDigits && len(t.String()) > maxDigits:
			return nil, wrong("a number of more than %d digits: correct it", maxDigits)
		}
		before, ended = end, depth == 0
		if depth != top {
			if depth < top && n > 0 && kind == '}' {
				top = -1 // the first object has ended
			}
			continue
		}
		if k, i := d.StackIndex(depth); k != '{' || len(h.Names) > maxNames {
			continue
		} else if i%2 == 1 {
			name = t.String()
			h.Names[name] = ""
		} else if i > 0 && (kind == '"' || kind == '0') {
			h.Names[name] = t.String()
		}
	}
	f.json = h
	return h, nil
}

// JSON reads the document into v, a pointer to a struct or slice with json
// tags. Names are matched exactly, unknown ones are passed over.
func (f *File) JSON(v any) error {
	if _, err := f.Head(); err != nil {
		return err
	}
	err := json.Unmarshal(f.Text, v, jsontext.AllowDuplicateNames(true)) // Head found none
	var e *json.SemanticError
	if errors.As(err, &e) {
		return f.At(e.ByteOffset, string(e.JSONPointer), "%s: correct it, or export the file again", semantic(e))
	}
	if err != nil {
		return f.wrapped(err)
	}
	return nil
}

// AtPointer is [File.At] for a place that is known by its JSON pointer alone.
func (f *File) AtPointer(place, format string, a ...any) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(f.Text), jsontext.AllowDuplicateNames(true))
	for {
		if _, err := d.ReadToken(); err != nil {
			return f.At(0, place, format, a...)
		}
		if string(d.StackPointer()) == place {
			return f.At(d.InputOffset(), place, format, a...)
		}
	}
}

// Value reads a part of the document that can have one of several forms.
func Value(raw jsontext.Value, v any) error {
	return json.Unmarshal(raw, v, jsontext.AllowDuplicateNames(true))
}

// semantic says what a value is and what belongs there.
func semantic(e *json.SemanticError) string {
	if e.Err != nil && (e.GoType == nil || e.JSONKind == 0) {
		return e.Err.Error()
	}
	what := map[jsontext.Kind]string{'n': "null", 't': "true", 'f': "false", '"': "a text", '0': "a number", '{': "an object", '[': "a list"}[e.JSONKind]
	if what == "" {
		what = "a value"
	}
	if len(e.JSONValue) > 0 && len(e.JSONValue) <= 40 {
		what += " (" + string(e.JSONValue) + ")"
	}
	s := what + " where " + wanted(e.GoType) + " belongs"
	if e.Err != nil && e.JSONKind != '{' && e.JSONKind != '[' {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

func wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "another"
	}
	switch k := t.Kind(); {
	case k == reflect.String:
		return "a text"
	case k == reflect.Bool:
		return "true or false"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "a whole number"
	case k == reflect.Float64:
		return "a number"
	case k == reflect.Slice || k == reflect.Array:
		return "a list"
	case k == reflect.Struct || k == reflect.Map:
		return "an object"
	}
	return "another"
}

func (f *File) jsonError(d *jsontext.Decoder, err error) error {
	var e *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return f.At(int64(len(f.Text)), string(d.StackPointer()), "the JSON ends in the middle: the file is truncated or the tool was stopped; export it again")
	case errors.As(err, &e) && errors.Is(e.Err, jsontext.ErrDuplicateName):
		p := e.JSONPointer
		return f.At(e.ByteOffset, string(p), "the name %.60q comes twice in one object, and tools would differ in which counts: keep one", p.LastToken())
	case errors.As(err, &e):
		return f.At(e.ByteOffset, string(e.JSONPointer), "no JSON: %s: correct it, or export the file again", strings.TrimPrefix(fmt.Sprint(e.Err), "jsontext: "))
	}
	return f.wrapped(err)
}
