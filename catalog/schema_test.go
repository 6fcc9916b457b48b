package catalog

import (
	"bytes"
	"flag"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"assay/civil"
	"assay/schemagen"
	"assay/scheme"
)

var update = flag.Bool("update", false, "write catalog/schema from the Go types")

// generator reads the tags that the loader reads.
var generator = schemagen.Generator{
	Tag:    "yaml",
	Closed: allowed,
	Types: map[reflect.Type]any{
		reflect.TypeFor[civil.Date]():        map[string]any{"type": "string", "format": "date"},
		reflect.TypeFor[scheme.Confidence](): map[string]any{"enum": []string{"official", "secondary", "mirror", "inferred", "unverified"}},
		reflect.TypeFor[scheme.Text](): map[string]any{"type": "object", "propertyNames": map[string]any{"pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"},
			"additionalProperties": map[string]any{"type": "string", "minLength": 1}, "required": Languages},
	},
	Field: func(f *schemagen.Field) any {
		if f.Of == reflect.TypeFor[scheme.Where]() && f.Name == "is" { // "" is none
			return map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
		}
		return nil
	},
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
		want, err := generator.Schema(kind, typ)
		if err != nil {
			t.Fatal(err)
		}
		schemagen.Golden(t, "schema/"+kind+".json", want, *update)
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
