package evidence

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the largest evidence file, in bytes.
const MaxSize = 4 << 20

const (
	maxDepth = 16      // of nesting; the format needs six
	maxMarks = 200_000 // separators in one file: a tree has no more nodes than these and one
)

// Error is why a file could not be read: where, what, and what to do.
type Error struct {
	File    string // "" for the evidence file as a whole
	Line    int    // 1 is the first; 0 where the problem is the file as a whole
	Place   string // JSON pointer (RFC 6901) to the value, "" for the file
	Problem string // what is wrong and what to do
}

func (e *Error) Error() string {
	s := e.File
	if s == "" {
		s = "evidence file"
	}
	if e.Line > 0 {
		s += fmt.Sprintf(", line %d", e.Line)
	}
	if e.Place != "" {
		s += " (" + e.Place + ")"
	}
	return s + ": " + e.Problem
}

// Parse reads a file, JSON where it begins with a brace and YAML otherwise.
// It is strict: unknown and repeated fields, aliases, a second document and
// anything of the wrong type are errors, all of type *Error. What it reads
// is well formed, not yet sensible: Validate says that.
func Parse(b []byte) (*Evidence, error) {
	ev := new(Evidence)
	if err := ParseFile("", b, ev); err != nil {
		return nil, err
	}
	return ev, ev.readReports()
}

// ParseReport reads the file of a report, as strictly as [Parse].
func ParseReport(name string, b []byte) (*Report, error) {
	r := new(Report)
	if err := ParseFile(name, b, r); err != nil {
		return nil, err
	}
	return r, nil
}

// ParseFile reads one file of a bundle into a struct of this package, as
// strictly as [Parse]. Its errors are of type *Error and name the file.
func ParseFile(name string, b []byte, into any) error {
	root, err := tree(b)
	if err == nil {
		err = check(root, 0)
	}
	if err == nil {
		err = decode(root, reflect.ValueOf(into).Elem(), "")
	}
	var e *Error
	if errors.As(err, &e) {
		e.File = name
	}
	return err
}

// readReports reads what the signed texts say.
func (e *Evidence) readReports() error {
	for i := range e.Reports {
		s := &e.Reports[i]
		r, err := ParseReport(s.Name, []byte(s.Body))
		if err != nil {
			return err
		}
		s.report = r
	}
	return nil
}

// Read is [Parse] for a JSON file that Parse took before, from a store of the
// reader's own. It proves nothing about the file again, and is several times faster.
func Read(b []byte) (*Evidence, error) {
	e := new(Evidence)
	if err := json.Unmarshal(b, e); err != nil {
		return nil, fmt.Errorf("evidence that was taken before: %w", err)
	}
	if err := e.readReports(); err != nil {
		return nil, fmt.Errorf("evidence that was taken before: %w", err)
	}
	return e, nil
}

// Line is the line of b on which the value at a JSON pointer begins, or that
// of the nearest value around it; 0 where b cannot be read.
func Line(b []byte, pointer string) int { return Lines(b)(pointer) }

// Lines is [Line] for many places of one file, which is read once.
func Lines(b []byte) func(pointer string) int {
	root, err := tree(b)
	if err != nil {
		return func(string) int { return 0 }
	}
	return func(pointer string) int {
		n := root
		for _, step := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
			next := child(n, unescape.Replace(step))
			if next == nil {
				break
			}
			n = next
		}
		return n.Line
	}
}

func child(n *yaml.Node, step string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

// Pointer is the JSON pointer (RFC 6901) made of field names and indexes.
func Pointer(steps ...any) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString("/" + escape.Replace(fmt.Sprint(s)))
	}
	return b.String()
}

var (
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// tree reads either format into one kind of tree.
func tree(b []byte) (*yaml.Node, error) {
	if len(b) > MaxSize {
		return nil, &Error{Problem: fmt.Sprintf("%d bytes; at most %d: keep reports beside the file and name them as artifacts", len(b), MaxSize)}
	}
	if !utf8.Valid(b) {
		return nil, &Error{Problem: "not UTF-8: save it in that encoding"}
	}
	marks := 0
	for i, c := range b {
		switch c {
		case ',', ':', '\n', '[', '{':
			marks++
		case '-', '?': // inside of a word they separate nothing
			if i+1 == len(b) || b[i+1] <= ' ' {
				marks++
			}
		}
	}
	if marks > maxMarks { // before a tree is built, which takes fifty times the bytes
		return nil, &Error{Problem: fmt.Sprintf("more than %d values: let one claim name all requirements that one report shows", maxMarks)}
	}
	if t := bytes.TrimLeft(b, " \t\r\n"); len(t) > 0 && t[0] == '{' && json.Valid(b) {
		return jsonTree(b)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &Error{Problem: "empty: at least product is needed"}
		}
		return nil, yamlError(err)
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, &Error{Line: more.Line, Problem: "a second document follows: one file holds one product"}
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, &Error{Problem: "empty: at least product is needed"}
	}
	return doc.Content[0], nil
}

// yamlError takes the line out of the library's text.
func yamlError(err error) error {
	s := strings.TrimPrefix(err.Error(), "yaml: ")
	e := &Error{Problem: s + ": correct the YAML there"}
	if rest, ok := strings.CutPrefix(s, "line "); ok {
		if num, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(num); err == nil {
				e.Line, e.Problem = n, text+": correct the YAML there"
			}
		}
	}
	return e
}

// jsonTree reads JSON that is known to be valid. JSON is not read as YAML,
// because the two differ in tabs and in escapes beyond the basic plane.
func jsonTree(b []byte) (*yaml.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	line, upto := 1, 0
	var value func(depth int) (*yaml.Node, error)
	value = func(depth int) (*yaml.Node, error) {
		t, err := dec.Token()
		if err != nil {
			return nil, &Error{Problem: err.Error()}
		}
		off := int(dec.InputOffset())
		line += bytes.Count(b[upto:off], []byte("\n"))
		upto = off
		n := &yaml.Node{Kind: yaml.ScalarNode, Line: line, Tag: "!!str"}
		switch t := t.(type) {
		case string:
			n.Value = t
		case json.Number:
			n.Value = t.String()
		case bool:
			n.Value = strconv.FormatBool(t)
		case nil:
			n.Tag = "!!null"
		case json.Delim:
			if depth >= maxDepth {
				return nil, tooDeep(line)
			}
			n.Kind, n.Tag = yaml.MappingNode, ""
			if t == '[' {
				n.Kind = yaml.SequenceNode
			}
			for dec.More() {
				c, err := value(depth + 1)
				if err != nil {
					return nil, err
				}
				n.Content = append(n.Content, c)
			}
			if _, err := dec.Token(); err != nil { // the closing delimiter
				return nil, &Error{Line: line, Problem: err.Error()}
			}
		}
		return n, nil
	}
	return value(0)
}

func tooDeep(line int) error {
	return &Error{Line: line, Problem: fmt.Sprintf("nested more than %d deep: the format needs no such depth", maxDepth)}
}

// check refuses what the format has no use for before anything is made from it.
func check(n *yaml.Node, depth int) error {
	switch {
	case depth > maxDepth:
		return tooDeep(n.Line)
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Tag == "!!merge":
		return &Error{Line: n.Line, Problem: "anchors, aliases and merge keys are not read: write the value out"}
	}
	for _, c := range n.Content {
		if err := check(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// decode fills v from a tree, with the place of everything it refuses.
func decode(n *yaml.Node, v reflect.Value, place string) error {
	fail := func(format string, a ...any) error {
		return &Error{Line: n.Line, Place: place, Problem: fmt.Sprintf(format, a...)}
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return fail("no value: give one or leave the field out")
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return decode(n, v.Elem(), place)
	}
	if n.Kind == yaml.ScalarNode {
		if err := scalar(n.Value, v); err != nil {
			return fail("%v", err)
		}
		return nil
	}
	_, text := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case text: // has one form only, whatever it is made of
	case v.Kind() == reflect.Struct && n.Kind == yaml.MappingNode:
		return pairs(n, place, func(key string, kn, vn *yaml.Node, at string) error {
			i := field(v.Type(), key)
			if i < 0 {
				return &Error{Line: kn.Line, Place: place, Problem: fmt.Sprintf("unknown field %.40q: known here are %s", key, strings.Join(fields(v.Type()), ", "))}
			}
			return decode(vn, v.Field(i), at)
		})
	case v.Kind() == reflect.Map && n.Kind == yaml.MappingNode:
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
		return pairs(n, place, func(key string, _, vn *yaml.Node, at string) error {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := decode(vn, e, at); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(key), e)
			return nil
		})
	case v.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, c := range n.Content {
			if err := decode(c, v.Index(i), place+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return fail("%s where %s belongs", kindOf[n.Kind], wanted(v))
}

// pairs calls f for every key of a mapping, and refuses a key that comes twice.
func pairs(n *yaml.Node, place string, f func(key string, kn, vn *yaml.Node, at string) error) error {
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		kn, vn := n.Content[i], n.Content[i+1]
		if kn.Kind != yaml.ScalarNode {
			return &Error{Line: kn.Line, Place: place, Problem: "a field's name must be a plain word"}
		}
		if seen[kn.Value] {
			return &Error{Line: kn.Line, Place: place, Problem: fmt.Sprintf("field %.40q comes twice: keep one", kn.Value)}
		}
		seen[kn.Value] = true
		if err := f(kn.Value, kn, vn, place+"/"+escape.Replace(kn.Value)); err != nil {
			return err
		}
	}
	return nil
}

// scalar sets v from a value's text. A number is taken as text where text
// belongs, digit by digit, so that version 1.10 stays 1.10.
func scalar(s string, v reflect.Value) error {
	switch t := v.Addr().Interface().(type) {
	case interface{ setScalar(string) error }:
		return t.setScalar(s)
	case encoding.TextUnmarshaler:
		return t.UnmarshalText([]byte(s))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
		return nil
	case reflect.Int64:
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Errorf("%.40q is no whole number: write it in digits, at most 9223372036854775807", s)
		}
		v.SetInt(i)
		return nil
	}
	return fmt.Errorf("a single value where %s belongs", wanted(v))
}

var kindOf = map[yaml.Kind]string{yaml.MappingNode: "a group of fields", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}

func wanted(v reflect.Value) string {
	switch v.Interface().(type) {
	case encoding.TextMarshaler:
		return "a single value"
	}
	switch v.Kind() {
	case reflect.Struct:
		return "a group of fields (" + strings.Join(fields(v.Type()), ", ") + ")"
	case reflect.Map:
		return "a group of fields"
	case reflect.Slice:
		return "a list"
	}
	return "a single value"
}

func fields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}

// field is the index of the field that a file calls key; -1 for none. The
// exported fields of these types come first.
func field(t reflect.Type, key string) int { return slices.Index(fields(t), key) }
