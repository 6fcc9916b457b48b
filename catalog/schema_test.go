package catalog

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"assay/civil"
	"assay/scheme"
)

var update = flag.Bool("update", false, "write catalog/schema from the Go types")

// defs makes the definitions that a type needs, by reflection over the tags
// that the loader reads, so that schema and loader cannot part.
type defs map[string]any

func (d defs) schemaOf(t reflect.Type) any {
	if vs, closed := allowed[t]; closed {
		return map[string]any{"enum": vs}
	}
	switch t {
	case reflect.TypeFor[civil.Date]():
		return map[string]any{"type": "string", "format": "date"}
	case reflect.TypeFor[scheme.Confidence]():
		return map[string]any{"enum": []string{"official", "secondary", "mirror", "inferred", "unverified"}}
	case reflect.TypeFor[scheme.Text]():
		return map[string]any{"type": "object", "propertyNames": map[string]any{"pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"},
			"additionalProperties": map[string]any{"type": "string", "minLength": 1}, "required": Languages}
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string", "minLength": 1}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Pointer:
		return d.schemaOf(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": d.schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": d.schemaOf(t.Elem())}
	case reflect.Struct:
		if _, done := d[t.Name()]; !done {
			d[t.Name()] = nil // a type may hold itself
			d[t.Name()] = d.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	}
	panic("no schema for " + t.String())
}

func (d defs) object(t reflect.Type) any {
	props, required := map[string]any{}, []string{}
	var fields func(reflect.Type)
	fields = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			switch {
			case name == "-":
			case opts == "inline":
				fields(f.Type)
			case t == reflect.TypeFor[scheme.Where]() && name == "is": // "" is none
				props[name] = map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
				required = append(required, name)
			default:
				props[name] = d.schemaOf(f.Type)
				if !strings.Contains(opts, "omitempty") {
					required = append(required, name)
				}
			}
		}
	}
	fields(t)
	return map[string]any{"type": "object", "properties": props, "required": required, "additionalProperties": false}
}

func TestSchemasAreMadeFromTheTypes(t *testing.T) {
	for kind, typ := range map[string]reflect.Type{
		"sources":          reflect.TypeFor[map[string]scheme.Source](),
		"categories":       reflect.TypeFor[[]scheme.Category](),
		"standard":         reflect.TypeFor[scheme.Standard](),
		"standard-edition": reflect.TypeFor[scheme.StandardEdition](),
		"scheme":           reflect.TypeFor[scheme.Scheme](),
		"arrangement":      reflect.TypeFor[scheme.Arrangement](),
		"market":           reflect.TypeFor[scheme.Market](),
		"test-spec":        reflect.TypeFor[scheme.TestSpec](),
		"mapping":          reflect.TypeFor[scheme.Mapping](),
		"laboratory":       reflect.TypeFor[scheme.Lab](),
	} {
		d := defs{}
		root := d.schemaOf(typ).(map[string]any)
		root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		root["title"] = kind
		root["$defs"] = d
		want, err := json.MarshalIndent(root, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		name := "schema/" + kind + ".json"
		want = append(want, '\n')
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the types say (%v); run: go test ./catalog -update", name, err)
		}
	}
}

func TestSchemaFindings(t *testing.T) {
	for _, c := range []struct{ name, old, new, path, message string }{
		{"unknown field", "territory: KR", "territori: KR", "schemes/kr-cic.yaml:3", "territori"},
		{"number for text", `- id: "2017"`, "- id: 2017", "schemes/kr-cic.yaml:43", "want string"},
		{"no such day", "from: 2017-11-27", "from: 2017-11-31", "schemes/kr-cic.yaml:44", "date"},
		{"unknown value", "by: laboratory", "by: somebody", "schemes/kr-cic.yaml", "must be one of"},
		{"missing confidence", "  confidence: official\n  note: Notice, article 27.", "  note: Notice, article 27.", "schemes/kr-cic.yaml:", "confidence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := LintFS(changed(t, "schemes/kr-cic.yaml", c.old, c.new))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if f.Rule == "schema" && strings.HasPrefix(f.Path, c.path) && strings.Contains(f.Message, c.message) {
					return
				}
			}
			t.Errorf("no finding at %s with %q in %v", c.path, c.message, found)
		})
	}
}

func TestEmbeddedFollowsItsSchemas(t *testing.T) {
	found, err := LintFS(embedded)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Severity != Note {
			t.Errorf("%s: %s: %s", f.Rule, f.Path, f.Message)
		}
	}
}

// changed is the embedded catalog with one text replaced in one file.
func changed(t *testing.T, name, old, new string) fstest.MapFS {
	t.Helper()
	files, err := read(embedded)
	if err != nil {
		t.Fatal(err)
	}
	m := fstest.MapFS{}
	for _, f := range files {
		b := f.body
		if f.path == name {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%s holds no %q", name, old)
			}
			b = bytes.Replace(b, []byte(old), []byte(new), 1)
		}
		m[f.path] = &fstest.MapFile{Data: b}
	}
	return m
}
