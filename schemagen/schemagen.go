// Package schemagen makes JSON Schemas (2020-12) of Go types by reflection over
// the tags that files are read and answers are written by, so that schema and
// program cannot part. Tests use it; no program does.
package schemagen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// Generator has what reflection cannot see.
type Generator struct {
	Tag    string                         // struct tag that names fields: json or yaml
	Text   func(required bool) any        // schema of a string; nil: any string but the empty one
	Number any                            // schema of an integer; nil: one that is not negative
	Closed map[reflect.Type][]string      // values of types that are closed lists
	Types  map[reflect.Type]any           // schemas of types with a text form of their own
	Either map[reflect.Type]func(any) any // of types with a short form: from the schema that reflection gives
	Field  func(*Field) any               // schema of a field that its type does not say; nil: as its type
	Names  map[reflect.Type]string        // names of definitions; default: the type's
	Shared map[string]any                 // further definitions, for the schemas above to refer to; a schema has those that it uses
	Says   map[string]string              // descriptions, see [Comments]
}

// Field is a field of a struct as a file has it. Required may be changed.
type Field struct {
	Of       reflect.Type // the struct
	Name     string       // in the file
	Type     reflect.Type
	Required bool // always there
}

// Schema is the JSON Schema of a type.
func (g *Generator) Schema(title string, t reflect.Type) ([]byte, error) {
	r := run{g, map[string]any{}, map[string]reflect.Type{}, nil}
	root, _ := r.of(t, true).(map[string]any)
	if r.err != nil {
		return nil, fmt.Errorf("schema %s: %w", title, r.err)
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = title
	root["$defs"] = r.defs
	if r.share(root); r.err != nil {
		return nil, fmt.Errorf("schema %s: %w", title, r.err)
	}
	return Marshal(root)
}

// share adds the shared definitions that are referred to.
func (r *run) share(v any) {
	switch v := v.(type) {
	case map[string]any:
		if ref, is := v["$ref"].(string); is {
			name := strings.TrimPrefix(ref, "#/$defs/")
			s, shared := r.Shared[name]
			switch {
			case r.defs[name] != nil:
			case shared:
				r.defs[name] = s
				r.share(s)
			default:
				r.err = fmt.Errorf("no definition of %s", name)
			}
		}
		for _, x := range v {
			r.share(x)
		}
	case []any:
		for _, x := range v {
			r.share(x)
		}
	}
}

// Ref refers to a definition by its name.
func Ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

// Marshal writes a schema as all are written.
func Marshal(schema any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(schema)
	return b.Bytes(), err
}

// Golden holds a schema against its file, or writes the file.
func Golden(t testing.TB, file string, want []byte, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say (%v); run this package's tests with -update", file, err)
	}
}

type run struct {
	*Generator
	defs map[string]any
	from map[string]reflect.Type // what each definition was made of
	err  error
}

func (r *run) of(t reflect.Type, required bool) any {
	if s, own := r.Types[t]; own {
		return s
	}
	if vs, closed := r.Closed[t]; closed {
		return map[string]any{"enum": vs}
	}
	switch t.Kind() {
	case reflect.String:
		if r.Text != nil {
			return r.Text(required)
		}
		return map[string]any{"type": "string", "minLength": 1}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		if r.Number != nil {
			return r.Number
		}
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Pointer:
		return r.of(t.Elem(), required)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": r.of(t.Elem(), false)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": r.of(t.Elem(), false)}
	case reflect.Struct:
		return r.ref(t)
	}
	r.err = fmt.Errorf("no schema for %s", t)
	return nil
}

// ref makes the definition of a struct, once.
func (r *run) ref(t reflect.Type) any {
	name := r.Names[t]
	if name == "" {
		name = t.Name()
	}
	if of, done := r.from[name]; done && of != t {
		r.err = fmt.Errorf("%s and %s would both be called %s", of, t, name)
	} else if !done {
		r.from[name] = t // a type may hold itself
		var s any = r.object(t)
		if either := r.Either[t]; either != nil {
			s = either(s)
		}
		r.defs[name] = s
	}
	return Ref(name)
}

func (r *run) object(t reflect.Type) map[string]any {
	props, required := map[string]any{}, []string{}
	var fields func(reflect.Type)
	fields = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			name, opts, _ := strings.Cut(f.Tag.Get(r.Tag), ",")
			switch {
			case name == "-" || (!f.IsExported() && !f.Anonymous):
			case opts == "inline" || (f.Anonymous && name == ""):
				fields(f.Type)
			default:
				d := Field{t, name, f.Type, !strings.Contains(opts, "omit")}
				var s any
				if r.Field != nil {
					s = r.Field(&d)
				}
				if s == nil {
					s = r.of(f.Type, d.Required)
				}
				props[name] = r.described(s, t.String()+"."+f.Name)
				if d.Required {
					required = append(required, name)
				}
			}
		}
	}
	fields(t)
	s := map[string]any{"type": "object", "properties": props, "required": required, "additionalProperties": false}
	return r.described(s, t.String()).(map[string]any)
}

// described adds what the source says of a type or field.
func (r *run) described(s any, about string) any {
	m, is := s.(map[string]any)
	if says := r.Says[about]; is && says != "" {
		with := map[string]any{"description": says} // m may stand elsewhere, too
		for k, v := range m {
			with[k] = v
		}
		return with
	}
	return s
}
