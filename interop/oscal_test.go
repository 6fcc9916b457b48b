package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/defenseunicorns/go-oscal/src/pkg/validation"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/exchange/oscal"
)

// nistSchema is NIST's schema of all models of OSCAL 1.1.3, which go-oscal
// carries, compiled with formats asserted.
var nistSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := nistDefinitions()
	if err != nil {
		return nil, err
	}
	return compileSchema("oscal-1.1.3.json", doc)
})

func nistDefinitions() (map[string]any, error) {
	any := []byte(`{"catalog": {"metadata": {"oscal-version": "1.1.3"}}}`)
	v, err := validation.NewValidatorDesiredVersion(any, "1.1.3")
	if err != nil {
		return nil, err
	}
	p, err := v.GetValidationParams()
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(p.SchemaData) // a copy: the test of mappings adds to it
	if err != nil {
		return nil, err
	}
	var doc map[string]interface{}
	return doc, json.Unmarshal(b, &doc)
}

// mappingSchema puts the mapping model, as documented, beside NIST's
// definitions of what it shares with the other models.
func mappingSchema(t *testing.T, v oscal.Version) *jsonschema.Schema {
	t.Helper()
	doc, err := nistDefinitions()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/oscal-mapping.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var own struct{ Definitions map[string]any }
	if err := json.Unmarshal(b, &own); err != nil {
		t.Fatal(err)
	}
	if v == oscal.V120 {
		own.Definitions["confidence-score"] = own.Definitions["confidence-score-1.2.0"]
	}
	all := doc["definitions"].(map[string]any)
	for name, d := range own.Definitions {
		all[name] = d
	}
	delete(doc, "oneOf")
	doc["type"], doc["required"], doc["additionalProperties"] = "object", []any{"mapping-collection"}, false
	doc["properties"] = map[string]any{"mapping-collection": map[string]any{"$ref": "#/definitions/mapping-collection"}}
	s, err := compileSchema("oscal-mapping-"+string(v)+".json", doc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compileSchema(name string, doc any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

func checkSchema(t *testing.T, s *jsonschema.Schema, name string, body []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s: %.3000v", name, err)
	}
}

// validOSCAL holds a document against NIST's schema of 1.1.3, and one written
// for it against go-oscal's own validator too. The models of later releases
// that are written here ask for nothing else: what 1.2 added are mappings.
func validOSCAL(t *testing.T, name string, body []byte) {
	t.Helper()
	s, err := nistSchema()
	if err != nil {
		t.Fatal(err)
	}
	checkSchema(t, s, name, body)
}

func exported(t *testing.T, v oscal.Version) []oscal.File {
	t.Helper()
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	files, err := oscal.Export(c, v, nil)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestOSCALCatalogsAreValid(t *testing.T) {
	for _, v := range oscal.Versions {
		mapping := mappingSchema(t, v)
		kinds := map[string]int{}
		for _, f := range exported(t, v) {
			kind, _, _ := strings.Cut(f.Path, "/")
			kinds[kind]++
			if kind == "mappings" {
				checkSchema(t, mapping, string(v)+" "+f.Path, f.Body)
				continue
			}
			validOSCAL(t, string(v)+" "+f.Path, f.Body)
		}
		if kinds["catalogs"] < 10 || kinds["profiles"] < 20 || (kinds["mappings"] > 0) != (v != oscal.V113) {
			t.Errorf("%s: %v", v, kinds)
		}
	}
}

// go-oscal, as its users run it, takes what is written for the release it knows.
func TestGoOSCALTakesCatalogs(t *testing.T) {
	for i, f := range exported(t, oscal.V113) {
		if i%7 != 0 { // it compiles the schema for each file
			continue
		}
		v, err := validation.NewValidator(f.Body)
		if err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		if err := v.Validate(); err != nil {
			t.Errorf("%s: %.1000v", f.Path, err)
		}
	}
}

// The schemas do refuse: a check that takes everything would show nothing.
func TestOSCALSchemasRefuse(t *testing.T) {
	s, err := nistSchema()
	if err != nil {
		t.Fatal(err)
	}
	mapping := mappingSchema(t, oscal.V123)
	for _, c := range []struct{ path, old, new string }{
		{"catalogs/en-303-645_2.1.1.json", `"name": "statement"`, `"nom": "statement"`},
		{"catalogs/en-303-645_2.1.1.json", `"id": "en-303-645_2.1.1_5.1-1"`, `"id": "5.1-1"`},
		{"catalogs/en-303-645_2.1.1.json", `"last-modified": "`, `"last-modified": "on `},
		{"catalogs/en-303-645_2.1.1.json", `"value": "en-303-645@2.1.1/5.1-1"`, `"value": "en-303-645@2.1.1/5.1-1 "`},
		{"profiles/kr-cic_2021_lite.json", `"with-ids"`, `"with-names"`},
		{"mappings/en-303-645-2.1.1-to-3.1.3.json", `"equivalent-to"`, `"same-as"`},
		{"mappings/en-303-645-2.1.1-to-3.1.3.json", `"category": "low"`, `"STRVALUE": "low"`},
		{"mappings/en-303-645-2.1.1-to-3.1.3.json", `"last-modified": "`, `"last-modified": "on `},
	} {
		found := false
		for _, f := range exported(t, oscal.V123) {
			if f.Path != c.path {
				continue
			}
			found = true
			if !strings.Contains(string(f.Body), c.old) {
				t.Fatalf("%s holds no %s", c.path, c.old)
			}
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(f.Body), c.old, c.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			schema := s
			if strings.HasPrefix(f.Path, "mappings/") {
				schema = mapping
			}
			if schema.Validate(doc) == nil {
				t.Errorf("%s is valid with %s", c.path, c.new)
			}
		}
		if !found {
			t.Errorf("no %s", c.path)
		}
	}
}

// The documents of a whole bundle: statement, plan and results.
func TestOSCALProductDocumentsAreValid(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open("../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	ev := b.Evidence
	compiled, err := assess.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	day := civil.MustDate("2026-10-01")
	rs := assess.Assess(compiled, ev, "", day)
	planned := 0
	for _, v := range oscal.Versions {
		valid := func(name string, d *oscal.Document, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			body, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			validOSCAL(t, string(v)+" "+name, body)
		}
		d, err := oscal.NewComponentDefinition(c, ev, v, nil)
		valid("component definition", d, err)
		d, err = oscal.NewResults(c, ev, rs, compiled.Contradictions(ev), v, oscal.ResultRefs{Plan: oscal.Reference{Href: "plan.json"}})
		valid("results", d, err)
		for _, ref := range c.LevelRefs() {
			a, err := assess.Asks(compiled, c, ref.Scheme, ref.Level, ev.Product.Functions, day)
			if err != nil || a.Edition.ID != ref.Edition {
				continue // no edition in force takes it
			}
			d, err := oscal.NewPlan(c, a, ev, v, oscal.PlanRefs{})
			valid("plan "+ref.String(), d, err)
			planned++
		}
	}
	if planned < 15 {
		t.Errorf("%d plans", planned)
	}
}
