package catalog

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// schemas are JSON Schemas (2020-12) of the kinds of files, for editors and
// for other programs. They are made from the Go types by the tests.
//
//go:embed schema/*.json
var schemas embed.FS

var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	names, err := fs.Glob(schemas, "schema/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := schemas.ReadFile(name)
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := c.AddResource(path.Base(name), doc); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	m := map[string]*jsonschema.Schema{}
	for _, name := range names {
		kind := strings.TrimSuffix(path.Base(name), ".json")
		if m[kind], err = c.Compile(path.Base(name)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return m, nil
})

// kindOf is the schema that a file of the catalog follows.
func kindOf(f file) string {
	switch dir := path.Dir(f.path); {
	case dir == ".":
		return stem(f)
	case dir == "tests":
		return "test-spec"
	case dir == "laboratories":
		return "laboratory"
	case dir == "standards" && strings.Contains(stem(f), "@"):
		return "standard-edition"
	default:
		return strings.TrimSuffix(dir, "s")
	}
}

// LintFS checks the files of a catalog against their JSON Schemas, reads them
// as Load does and lints what they say. What cannot be read is a finding too;
// the error is for a folder that cannot be looked at.
func LintFS(fsys fs.FS) ([]Finding, error) {
	files, err := read(fsys)
	if err != nil {
		return nil, err
	}
	kinds, err := compiled()
	if err != nil {
		return nil, fmt.Errorf("the catalog's schemas: %w", err)
	}
	var found []Finding
	for _, f := range files {
		found = append(found, validate(kinds[kindOf(f)], f)...)
	}
	c, err := Load(fsys)
	if err != nil {
		if len(found) == 0 { // what the schema did not see: a doubled key, an alias, a name
			for line := range strings.Lines(err.Error()) { // joined errors, one a line
				found = append(found, Finding{"load", Error, "", strings.TrimSpace(line), "correct the file; the rest is linted once it can be read"})
			}
		}
		return found, nil
	}
	return append(found, Lint(c)...), nil
}

var english = message.NewPrinter(language.English)

func validate(s *jsonschema.Schema, f file) []Finding {
	var n yaml.Node
	if err := yaml.Unmarshal(f.body, &n); err != nil || alias(&n) != nil || len(n.Content) != 1 {
		return nil // Load says it
	}
	var ve *jsonschema.ValidationError
	if err := s.Validate(plain(n.Content[0])); !errors.As(err, &ve) {
		return nil
	}
	var found []Finding
	var leaves func(*jsonschema.ValidationError)
	leaves = func(e *jsonschema.ValidationError) {
		for _, c := range e.Causes {
			leaves(c)
		}
		if len(e.Causes) == 0 {
			found = append(found, Finding{
				Rule:     "schema",
				Severity: Error,
				Path:     fmt.Sprintf("%s:%d", f.path, lineAt(n.Content[0], e.InstanceLocation)),
				Message:  "/" + strings.Join(e.InstanceLocation, "/") + ": " + e.ErrorKind.LocalizedString(english),
				Hint:     "see catalog/schema/" + kindOf(f) + ".json",
			})
		}
	}
	leaves(ve)
	return found
}

// plain turns a node into what JSON would hold. A date stays the text that
// was written, not a moment.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		s := make([]any, len(n.Content))
		for i, c := range n.Content {
			s[i] = plain(c)
		}
		return s
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if n.Decode(&v) == nil {
			return v
		}
	}
	return n.Value
}

// lineAt is the line of the value at a JSON pointer's tokens, or of the
// nearest one above it.
func lineAt(n *yaml.Node, pointer []string) int {
	for _, token := range pointer {
		var next *yaml.Node
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == token {
					next = n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
				next = n.Content[i]
			}
		}
		if next == nil {
			break
		}
		n = next
	}
	return n.Line
}
