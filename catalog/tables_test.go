package catalog

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/schemagen"
	"assay/scheme"
)

const tableSchemas = "../evidence/schema/ixit"

// Each IXIT table has a JSON Schema, for editors that know a bundle's
// ixit/TABLE.yaml by its name. One set of tables serves all editions of a test
// specification, so a table has the fields and choices of all of them.
func TestTableSchemas(t *testing.T) {
	cat, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string][]*scheme.Table{}
	for i := range cat.Tests {
		for j := range cat.Tests[i].Tables {
			x := &cat.Tests[i].Tables[j]
			tables[x.ID] = append(tables[x.ID], x)
		}
	}
	if *update {
		if err := os.MkdirAll(tableSchemas, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for id, editions := range tables {
		want, err := schemagen.Marshal(tableSchema(t, id, editions))
		if err != nil {
			t.Fatal(err)
		}
		schemagen.Golden(t, filepath.Join(tableSchemas, id+".json"), want, *update)
	}
	files, err := filepath.Glob(tableSchemas + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if id := strings.TrimSuffix(filepath.Base(f), ".json"); tables[id] == nil {
			t.Errorf("%s: the catalog has no such table", f)
		}
	}
}

func tableSchema(t *testing.T, id string, editions []*scheme.Table) any {
	text := schemagen.Ref("text")
	fields := object{"id": described(text, "", "Designation of the row, by which others name it.")}
	kinds, choices := map[string]scheme.FieldKind{}, map[string][]string{}
	for _, e := range editions { // the words are the last one's
		for i := range e.Fields {
			f := &e.Fields[i]
			if k := kinds[f.ID]; k != "" && k != f.Kind {
				t.Errorf("field %s of %s is of kind %s in one edition and %s in another: the schema needs both", f.ID, id, k, f.Kind)
			}
			kinds[f.ID] = f.Kind
			for _, c := range f.Choices {
				if !slices.Contains(choices[f.ID], c.ID) {
					choices[f.ID] = append(choices[f.ID], c.ID)
				}
			}
			fields[f.ID] = described(fieldSchema(f, choices[f.ID]), f.Title.In("en"), f.Help.In("en"))
		}
	}
	rows := object{"type": "array", "items": object{"type": "object", "properties": fields, "additionalProperties": false}}
	if !slices.ContainsFunc(editions, func(e *scheme.Table) bool { return !e.Single }) {
		rows["maxItems"] = 1
	}
	last := editions[len(editions)-1]
	root := described(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"type":    "object", "properties": object{"rows": rows}, "additionalProperties": false,
		"$defs": object{"text": object{"type": []string{"string", "number", "boolean"}}},
	}, "", last.Help.In("en"))
	root["title"] = "ixit/" + id + ".yaml: " + last.Title.In("en")
	return root
}

// fieldSchema is what a field can hold. Empty is always one of it.
func fieldSchema(f *scheme.Field, choices []string) object {
	text := schemagen.Ref("text")
	switch f.Kind {
	case scheme.FieldChoice:
		return object{"enum": append(slices.Clone(choices), "")}
	case scheme.FieldYesNo:
		return object{"enum": []string{"yes", "no", ""}}
	case scheme.FieldDate:
		return object{"anyOf": []any{object{"type": "string", "format": "date"}, object{"const": ""}}}
	case scheme.FieldRows:
		return object{"anyOf": []any{text, object{"type": "array", "items": text}}, "$comment": "ids of rows of " + f.Table}
	}
	return text
}

func described(s object, title, help string) object {
	s = maps.Clone(s)
	if title != "" {
		s["title"] = title
	}
	if help != "" {
		s["description"] = help
	}
	return s
}

type object = map[string]any
