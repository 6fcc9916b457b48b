package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"assay/assess"
	"assay/bundle"
	"assay/civil"
	"assay/evidence"
	"assay/schemagen"
	"assay/scheme"
)

var update = flag.Bool("update", false, "write cmd/assay/schema from the Go types")

// answers are what verbs print with --json.
var answers = map[string]reflect.Type{
	"advise":         reflect.TypeFor[advice](),
	"assess":         reflect.TypeFor[assessment](),
	"evidence-check": reflect.TypeFor[[]bundle.Finding](),
	"evidence-diff":  reflect.TypeFor[assess.Difference](),
}

func TestAnswerSchemasAreMadeFromTheTypes(t *testing.T) {
	says, err := schemagen.Comments(".", "../../assess", "../../bundle", "../../evidence", "../../scheme")
	if err != nil {
		t.Fatal(err)
	}
	ref := schemagen.Ref
	g := &schemagen.Generator{
		Tag:  "json",
		Says: says,
		Text: func(bool) any { return map[string]any{"type": "string"} },
		Closed: map[reflect.Type][]string{
			reflect.TypeFor[assess.MissingKind]():  {string(assess.MissingRequirement), string(assess.MissingFeature), string(assess.MissingScope)},
			reflect.TypeFor[assess.Scope]():        {string(assess.ScopeNotListed), string(assess.ScopeUpdates)},
			reflect.TypeFor[evidence.Verdict]():    {string(evidence.Pass), string(evidence.Fail), string(evidence.Inconclusive), string(evidence.NotApplicable)},
			reflect.TypeFor[scheme.Method]():       {string(scheme.Declared), string(scheme.Document), string(scheme.Test)},
			reflect.TypeFor[scheme.By]():           {string(scheme.Maker), string(scheme.Laboratory)},
			reflect.TypeFor[scheme.CaseKind]():     {string(scheme.Conceptual), string(scheme.Functional)},
			reflect.TypeFor[scheme.Relation]():     {string(scheme.Equal), string(scheme.Superset), string(scheme.Subset), string(scheme.Intersects)},
			reflect.TypeFor[scheme.FirmwareRule](): {string(scheme.FirmwareListed), string(scheme.FirmwareOpenSecurity)},
		},
		Types: map[reflect.Type]any{
			reflect.TypeFor[civil.Date]():        ref("date"),
			reflect.TypeFor[evidence.Hash]():     ref("hash"),
			reflect.TypeFor[evidence.Ref]():      map[string]any{"type": "string", "pattern": "^[^@]+@[^/]+/.+$"},
			reflect.TypeFor[scheme.Answer]():     ref("answer"),
			reflect.TypeFor[scheme.Confidence](): ref("confidence"),
			reflect.TypeFor[scheme.Text]():       ref("texts"),
		},
		Shared: map[string]any{
			"answer":     map[string]any{"enum": []string{"yes", "no", "undetermined"}},
			"confidence": map[string]any{"enum": []string{"official", "secondary", "mirror", "inferred", "unverified"}},
			"date":       map[string]any{"type": "string", "format": "date"},
			"hash":       map[string]any{"type": "string", "pattern": "^[0-9a-f]{64}$"},
			"texts":      map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}, "description": says["scheme.Text"]},
		},
	}
	for name, typ := range answers {
		want, err := g.Schema("assay "+strings.ReplaceAll(name, "-", " ")+" --json", typ)
		if err != nil {
			t.Fatal(err)
		}
		schemagen.Golden(t, filepath.Join("schema", name+".json"), want, *update)
	}
}

// What the verbs print follows the schemas: of a whole bundle, of one that
// contradicts itself, and of one that is hardly begun.
func TestAnswersFollowTheirSchemas(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for name := range answers {
		s, err := c.Compile(filepath.Join("schema", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		schemas[name] = s
	}
	const gateway = "../../testdata/gateway"
	demo, lab := signedDemo(t, "hub")
	bare := filepath.Join(t.TempDir(), "bare.yaml")
	if err := os.WriteFile(bare, []byte("product: {holder: xx:1, brand: b, name: n, functions: [consumer/camera], models: [{id: m}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	torn, gatewayLab := tornGateway(t, gateway), "../../testdata/gateway-lab/specimen-lab.yaml"
	seen := map[string]any{}
	for _, x := range []struct {
		name string
		run  func(context.Context, []string, stdio) int
		args [][]string
	}{
		{"assess", runAssess, [][]string{
			{"--laboratory", gatewayLab, gateway}, {"--laboratory", gatewayLab, "--explain", "5.1-1", gateway}, {"--explain", "5.3-2", torn},
			{"--laboratory", lab, demo}, {bare}, {"--at", "2016-01-01", bare},
		}},
		{"evidence-check", runEvidenceCheck, [][]string{{gateway}, {demo}, {torn}, {bare}}},
		{"evidence-diff", runEvidenceDiff, [][]string{{gateway, gateway}, {"--laboratory", gatewayLab, gateway, torn}, {demo, demo}}},
		{"advise", runAdvise, [][]string{{"--category", "consumer/camera"}, {gateway}, {"--feature", "personal-data=yes", bare}}},
	} {
		for _, args := range x.args {
			var out, errs bytes.Buffer
			code := x.run(t.Context(), append([]string{"--json"}, args...), stdio{nil, &out, &errs})
			v, err := jsonschema.UnmarshalJSON(&out)
			if err != nil || code == exitUsage {
				t.Fatalf("%s %v: exit %d, %v: %s", x.name, args, code, err, &errs)
			}
			if err := schemas[x.name].Validate(v); err != nil {
				t.Errorf("%s %v: %v", x.name, args, err)
			}
			seen[x.name] = v
		}
	}
	for name, v := range seen { // and what they do not print does not
		if m, is := v.(map[string]any); is {
			m["mutated"] = true
		} else {
			v = map[string]any{"findings": v}
		}
		var ve *jsonschema.ValidationError
		if err := schemas[name].Validate(v); !errors.As(err, &ve) {
			t.Errorf("%s: a strange answer is taken", name)
		}
	}
}

// tornGateway is the gateway's evidence with new firmware, a row that names one
// which is not there, and a statement against a feature.
func tornGateway(t *testing.T, dir string) string {
	t.Helper()
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ev := b.Evidence
	ev.Firmware[0].SHA256[0] ^= 0xff
	ev.IXIT["soft-comp"][0]["update-mechanism"] = evidence.Cell{"nowhere"}
	ev.Features["passwords"] = evidence.Feature{Answer: scheme.No}
	ev.Declaration.By = ""
	j, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "torn.json")
	if err := os.WriteFile(file, j, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
