package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// strictJSON reads RFC 8259 JSON as a database can keep it and one reader
// understands like the next: UTF-8, no NUL, no name twice in one object, and
// not nested without end.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	},
	Unmarshal: func(b []byte, v any) error {
		// huma reads a body twice, first into an any: it is checked then.
		if _, first := v.(*any); first {
			if err := checkJSON(b); err != nil {
				return err
			}
		}
		return json.Unmarshal(b, v)
	},
}

const maxDepth = 64

var (
	errUTF8  = errors.New("the body is not UTF-8")
	errNUL   = errors.New("the body has a NUL character")
	errDepth = fmt.Errorf("the body is nested deeper than %d", maxDepth)
	errTwice = errors.New("a name stands twice in one object")
)

func checkJSON(b []byte) error {
	if !utf8.Valid(b) {
		return errUTF8
	}
	type level struct {
		names map[string]bool // nil in an array
		value bool            // in an object: a value comes next
	}
	var stack []level
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("at byte %d: %w", d.InputOffset(), err)
		}
		var top *level
		if len(stack) > 0 {
			top = &stack[len(stack)-1]
		}
		if s, ok := t.(string); ok {
			if bytes.IndexByte([]byte(s), 0) >= 0 {
				return fmt.Errorf("at byte %d: %w", d.InputOffset(), errNUL)
			}
			if top != nil && top.names != nil && !top.value {
				if top.names[s] {
					return fmt.Errorf("at byte %d: %.40q: %w", d.InputOffset(), s, errTwice)
				}
				top.names[s] = true
				top.value = true
				continue
			}
		}
		if top != nil {
			top.value = false
		}
		switch t {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
		if len(stack) > maxDepth {
			return errDepth
		}
	}
}
