package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"assay/recognition"
	"assay/scheme"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Every case has the form that the schema promises to other implementations.
func TestSchema(t *testing.T) {
	b, err := fs.ReadFile(Embedded(), "case.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("case.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	sch, err := c.Compile("case.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = fs.WalkDir(Embedded(), "cases", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".json" {
			return err
		}
		b, err := fs.ReadFile(Embedded(), name)
		if err != nil {
			return err
		}
		var f file
		if err := json.Unmarshal(b, &f); err != nil {
			return err
		}
		for _, own := range f.Cases {
			n++
			if err := sch.Validate(any(merge(f.Given, own))); err != nil {
				t.Errorf("%s: %v: %v", name, own["id"], err)
			}
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	if sch.Validate(map[string]any{"id": "x"}) == nil {
		t.Error("the schema takes anything")
	}
}

// Every rule that a case names is one.
func TestRulesExist(t *testing.T) {
	s, err := load(Embedded(), embeddedCat(t))
	if err != nil {
		t.Fatal(err)
	}
	is := func(c *Case, rule string) {
		if !slices.ContainsFunc(recognition.Rules(), func(r recognition.Rule) bool { return r.String() == rule }) {
			t.Errorf("case %s: %q is no rule", c.ID, rule)
		}
	}
	for i := range s.cases {
		c := &s.cases[i]
		for _, a := range c.Expect.Clauses {
			is(c, a.Rule)
			for r := range a.Reasons {
				is(c, r)
			}
		}
		for _, w := range c.Expect.Wanted {
			is(c, w.Rule)
		}
	}
}

// A mutant that changes nothing survives: the others die of what they change.
func TestIdentitySurvives(t *testing.T) {
	s, err := load(Embedded(), embeddedCat(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range s.names() {
		m := Mutant{Catalog: name, apply: func(c *scheme.Catalog) {
			for i := range c.Arrangements {
				cs := slices.Clone(c.Arrangements[i].Clauses)
				for j := range cs {
					cs[j] = deep(&cs[j])
				}
				c.Arrangements[i].Clauses = cs
			}
		}}
		if s.kills(&m) {
			t.Errorf("a copy of catalog %s is not the same", name)
		}
	}
}

const tiny = `{"cases": [{"id": "x", "why": "Because.", "cites": {"clause": "sg-kr-2024/kr-basic-to-cls3", "source": "sg-kr-2024"}, "clock": "2026-11-24T10:00:00Z",
	"certificate": {"id": "k", "scheme": "nowhere", "edition": "1", "models": [], "functions": [], "granted": "2026-11-20", "effective": "2026-11-20T09:00:00+09:00"},
	"expect": {"clauses": {}, "wanted": []}}]}`

func TestBadFolders(t *testing.T) {
	one := func(s string) fstest.MapFS { return fstest.MapFS{"cases/a.json": {Data: []byte(s)}} }
	if r, err := Run(one(tiny), embeddedCat(t)); err != nil || r.Cases != 1 || len(r.Failures) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, c := range []struct {
		name string
		fsys fstest.MapFS
		want string
	}{
		{"not JSON", one("{"), "cases/a.json"},
		{"two values", one(tiny + "{}"), "follows after"},
		{"unknown field", one(strings.Replace(tiny, `"why"`, `"how": 1, "why"`, 1)), "how"},
		{"no reason", one(strings.Replace(tiny, `"Because."`, `""`, 1)), "why"},
		{"no clock", one(strings.Replace(tiny, `"clock": "2026-11-24T10:00:00Z",`, ``, 1)), "clock"},
		{"a bad clock", one(strings.Replace(tiny, `2026-11-24T10:00:00Z`, `tomorrow`, 1)), "RFC 3339"},
		{"a day that is none", one(strings.Replace(tiny, `2026-11-20"`, `2026-02-30"`, 1)), "YYYY-MM-DD"},
		{"expects nothing", one(strings.Replace(tiny, `"wanted": []`, ``, 1)), "cases/a.json"},
		{"cites no clause", one(strings.Replace(tiny, `kr-basic-to-cls3`, `kr-lite-to-cls3`, 1)), "cites clause"},
		{"cites no source", one(strings.Replace(tiny, `"source": "sg-kr-2024"`, `"source": "hearsay"`, 1)), "cites source"},
		{"catalog outside", one(strings.Replace(tiny, `"id": "x"`, `"id": "x", "catalog": "../etc/passwd"`, 1)), "neither embedded nor"},
		{"catalog missing", one(strings.Replace(tiny, `"id": "x"`, `"id": "x", "catalog": "catalogs/none.json"`, 1)), "none.json"},
		{"the same id twice", fstest.MapFS{"cases/a.json": {Data: []byte(tiny)}, "cases/b.json": {Data: []byte(tiny)}}, "id of its own"},
		{"too large", one(tiny + strings.Repeat(" ", maxFile)), "larger than"},
	} {
		if _, err := Run(c.fsys, embeddedCat(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Run(fstest.MapFS{}, embeddedCat(t)); !errors.Is(err, ErrNoCases) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Run(one(tiny), nil); err == nil {
		t.Error("decided without a catalog")
	}
	bad := one(strings.Replace(tiny, `"wanted": []`, `"wanted": [{"action": "keep", "rule": "a", "clause": "b"}]`, 1))
	if r, err := Run(bad, embeddedCat(t)); err != nil || len(r.Failures) != 1 {
		t.Errorf("a wrong case: %+v, %v", r, err)
	}
}

// A folder may bring a catalog of its own, which is decided with and mutated as well.
func TestFolderCatalog(t *testing.T) {
	cat := *embeddedCat(t)
	cat.Digest = "own"
	cat.Arrangements = slices.Clone(cat.Arrangements)
	for i := range cat.Arrangements {
		if cat.Arrangements[i].ID == "sg-kr-2024" {
			cat.Arrangements[i].Clauses = slices.Clone(cat.Arrangements[i].Clauses)
			cat.Arrangements[i].Clauses[0].From.Levels = []string{"lite"}
		}
	}
	b, err := json.Marshal(&cat)
	if err != nil {
		t.Fatal(err)
	}
	const c = `{"cases": [{"id": "x", "why": "Here Lite is worth level 3.", "catalog": "catalogs/own.json",
		"cites": {"clause": "sg-kr-2024/kr-basic-to-cls3", "source": "sg-kr-2024"}, "clock": "2026-11-24T10:00:00Z", "target": "csa",
		"certificate": {"id": "k", "office": "kisa", "scheme": "kr-cic", "edition": "2021", "level": "lite", "models": [{"id": "M"}],
			"functions": ["consumer/home-assistant"], "granted": "2026-11-20", "effective": "2026-11-20T09:00:00+09:00", "expires": "2029-11-20"},
		"expect": {"clauses": {"sg-kr-2024/kr-basic-to-cls3": {"answer": "yes", "rule": "clause.met"}},
			"wanted": [{"action": "offer", "rule": "request.standing", "clause": "sg-kr-2024/kr-basic-to-cls3", "level": "3"}]}}]}`
	fsys := fstest.MapFS{"cases/a.json": {Data: []byte(c)}, "catalogs/own.json": {Data: b}}
	r, err := Run(fsys, embeddedCat(t))
	if err != nil || r.Cases != 1 || len(r.Failures) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	m, err := Mutate(fsys, embeddedCat(t))
	if err != nil || m.Mutants == 0 || len(m.Survivors) == 0 || m.Survivors[0].Catalog != "catalogs/own.json" {
		t.Fatalf("%d mutants, %d survivors, %v", m.Mutants, len(m.Survivors), err)
	}
	fsys["catalogs/own.json"].Data = b[:len(b)/2]
	if _, err := Run(fsys, embeddedCat(t)); err == nil || !strings.Contains(err.Error(), "catalogs/own.json") {
		t.Errorf("half a catalog: %v", err)
	}
	fsys["cases/a.json"].Data = []byte(strings.Replace(c, `"level": "3"`, `"level": ""`, 1))
	fsys["catalogs/own.json"].Data = b
	if r, err := Run(fsys, embeddedCat(t)); err != nil || len(r.Failures) != 1 {
		t.Errorf("no level expected, one given: %+v, %v", r, err)
	}
}

// Whatever a case says, it is refused or decided; nothing panics.
func FuzzParse(f *testing.F) {
	f.Add([]byte(tiny))
	f.Add([]byte(`{"given": {"a": {"b": 1}}, "cases": [{"a": {"b": null}}, {"a": 3}]}`))
	err := fs.WalkDir(Embedded(), "cases", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(Embedded(), name)
		f.Add(b)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	cat := embeddedCat(f)
	e, err := recognition.Compile(cat)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cs, err := Parse("f", b)
		if err != nil {
			return
		}
		for i := range cs {
			cs[i].check(e, cat)
		}
	})
}

// RFC 7396, appendix A, as far as objects go.
func TestMerge(t *testing.T) {
	for _, c := range []struct{ base, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":"foo"}`, `{"a":{"bar":{"baz":null}}}`, `{"a":{"bar":{}}}`},
	} {
		var base, patch map[string]any
		if json.Unmarshal([]byte(c.base), &base) != nil || json.Unmarshal([]byte(c.patch), &patch) != nil {
			t.Fatal("bad test")
		}
		got, _ := json.Marshal(merge(base, patch))
		if string(got) != c.want {
			t.Errorf("%s with %s is %s, want %s", c.base, c.patch, got, c.want)
		}
	}
}
