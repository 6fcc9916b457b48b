package record

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"assay/evidence"
	"assay/lab"
	"assay/schemagen"
)

var update = flag.Bool("update", false, "write schema/run.json anew")

type object = map[string]any

func generator(t *testing.T) *schemagen.Generator {
	t.Helper()
	says, err := schemagen.Comments(".", "..", "../../evidence")
	if err != nil {
		t.Fatal(err)
	}
	g := &schemagen.Generator{
		Tag: "json", Says: says, Closed: map[reflect.Type][]string{},
		Text: func(bool) any { return object{"type": "string"} },
		Types: map[reflect.Type]any{
			reflect.TypeFor[time.Time]():     object{"type": "string", "format": "date-time"},
			reflect.TypeFor[evidence.Hash](): object{"type": "string", "pattern": "^([0-9a-f]{64})?$", "description": "SHA-256 in hexadecimal"},
		},
	}
	g.Closed[reflect.TypeFor[evidence.Verdict]()] = []string{"pass", "fail", "inconclusive", "not-applicable"}
	g.Closed[reflect.TypeFor[lab.Severity]()] = []string{"none", "low", "medium", "high", "critical"}
	g.Closed[reflect.TypeFor[lab.Certainty]()] = []string{"claimed", "confirmed"}
	return g
}

// The schema is made from the types, and takes what is written.
func TestSchema(t *testing.T) {
	want, err := generator(t).Schema("run", reflect.TypeFor[Run]())
	if err != nil {
		t.Fatal(err)
	}
	schemagen.Golden(t, "schema/run.json", want, *update)
	text, err := os.ReadFile("schema/run.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("run.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("run.json")
	if err != nil {
		t.Fatal(err)
	}
	f := lab.Found("device.default-credential", lab.Confirmed, lab.Place{Address: "x:80/tcp"}, "account", "admin")
	r := &Run{
		Kind: "device", Tool: "assay", At: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), Input: Input{Name: "x"}, Data: []Data{}, Findings: []lab.Finding{f},
		Judgments: []lab.Judgment{{Requirement: "a/b", Verdict: evidence.Fail, Ground: []lab.Phrase{lab.Say("device.opened", 1)}, Looked: []lab.Phrase{lab.Say("device.row-ports", "1")}, Findings: []int{0}}},
	}
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Error(err)
	}
	bad := bytes.Replace(b, []byte(`"fail"`), []byte(`"failed"`), 1)
	if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(bad)); err != nil {
		t.Fatal(err)
	}
	if schema.Validate(v) == nil {
		t.Error("a verdict that there is not was taken")
	}
	if !json.Valid(b) {
		t.Error("no JSON")
	}
}
