package schemagen

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Tree is a tree.
type Tree struct {
	Base
	Name  string   `json:"name"`
	Color color    `json:"color,omitempty"`
	Size  int64    `json:"size,omitzero"`
	Leaf  bool     `json:"-"`
	Under []Tree   `json:"under,omitempty"`
	Byway *Either  `json:"byway,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

type Base struct {
	ID string `json:"id"`
}

type color string

type Either struct {
	More map[string]color `json:"more"`
}

const want = `{"$defs":{
"Either":{"anyOf":[{"$ref":"#/$defs/word"},{"type":"object","additionalProperties":false,"required":["more"],
 "properties":{"more":{"type":"object","additionalProperties":{"enum":["red"]}}}}]},
"Tree":{"type":"object","description":"A tree.","additionalProperties":false,"required":["id"],"properties":{
 "id":{"type":"string","minLength":1},
 "name":{"type":"string","minLength":1,"description":"Its name."},
 "color":{"enum":["red"]},
 "size":{"type":"integer","minimum":0},
 "under":{"type":"array","items":{"$ref":"#/$defs/Tree"}},
 "byway":{"$ref":"#/$defs/Either"},
 "notes":{"const":"fixed"}}},
"word":{"type":"string"}},
"$ref":"#/$defs/Tree","$schema":"https://json-schema.org/draft/2020-12/schema","title":"tree"}`

func TestSchema(t *testing.T) {
	g := &Generator{
		Tag:    "json",
		Closed: map[reflect.Type][]string{reflect.TypeFor[color](): {"red"}},
		Either: map[reflect.Type]func(any) any{reflect.TypeFor[Either](): func(full any) any { return map[string]any{"anyOf": []any{Ref("word"), full}} }},
		Shared: map[string]any{"word": map[string]any{"type": "string"}, "unused": true},
		Says:   map[string]string{"schemagen.Tree": "A tree.", "schemagen.Tree.Name": "Its name."},
		Field: func(f *Field) any {
			f.Required = f.Required && f.Name != "name"
			if f.Name == "notes" {
				return map[string]any{"const": "fixed"}
			}
			return nil
		},
	}
	b, err := g.Schema("tree", reflect.TypeFor[Tree]())
	if err != nil {
		t.Fatal(err)
	}
	var got, wanted any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("got %s", b)
	}
}

func TestRefuses(t *testing.T) {
	if _, err := (&Generator{Tag: "json"}).Schema("x", reflect.TypeFor[struct {
		F float64 `json:"f"`
	}]()); err == nil || !strings.Contains(err.Error(), "float64") {
		t.Errorf("a type without a schema: %v", err)
	}
	if _, err := (&Generator{Tag: "json", Types: map[reflect.Type]any{reflect.TypeFor[color](): Ref("color")}}).Schema("x", reflect.TypeFor[Either]()); err == nil || !strings.Contains(err.Error(), "no definition of color") {
		t.Errorf("a reference to nothing: %v", err)
	}
	type Base struct { // another one
		B Tree `json:"b"`
	}
	g := &Generator{Tag: "json", Names: map[reflect.Type]string{reflect.TypeFor[Either](): "Base"}}
	if _, err := g.Schema("x", reflect.TypeFor[Base]()); err == nil || !strings.Contains(err.Error(), "would both be called Base") {
		t.Errorf("two types of one name: %v", err)
	}
}

func TestComments(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.go":      "package p\n\n// T is\n// one.\ntype T struct {\n\t// F stands above.\n\tF int\n\tG, H string // beside\n\tI bool\n}\n",
		"a_test.go": "package p\n\n// U is of a test.\ntype U struct{}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Comments(dir)
	if want := map[string]string{"p.T": "T is one.", "p.T.F": "F stands above.", "p.T.G": "beside", "p.T.H": "beside", "p.T.I": ""}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
