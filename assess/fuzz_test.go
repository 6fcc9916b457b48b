package assess_test

import (
	"encoding/json"
	"os"
	"testing"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
)

// FuzzAssess takes whatever the evidence parser takes: no panic, and an answer
// for every scheme, the same one twice.
func FuzzAssess(f *testing.F) {
	_, c, ev := gateway(f)
	b, err := json.Marshal(ev)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	for _, name := range []string{"hub", "speaker", "vacuum"} {
		b, err := os.ReadFile("../cmd/assay/demodata/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"product":{"functions":["consumer"]},"ixit":{"soft-comp":[{"id":"a","update-mechanism":["x","a"]}]},"reports":[{"name":"r","body":"number: 1\nby: {kind: laboratory, id: l}\nmethod: {standard: ts-103-701, edition: 1.1.1}\ntested: {from: 2026-01-01, to: 2026-01-02}\nverdicts:\n  - {unit: 5.3-1-1/a, row: b, verdict: fail}\n"}]}`))
	day := civil.MustDate("2026-11-24")
	f.Fuzz(func(t *testing.T, b []byte) {
		ev, err := evidence.Parse(b)
		if err != nil {
			return
		}
		ev.Validate()
		c.Check(ev)
		c.Contradictions(ev)
		resign(ev)
		one, two := assess.Assess(c, ev, "", day), assess.Assess(c, ev, "", day)
		assess.Gather(one)
		x, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		if y, _ := json.Marshal(two); string(x) != string(y) {
			t.Fatal("two assessments of the same evidence differ")
		}
		for _, r := range one {
			if len(r.Outcomes) > 0 {
				if _, err := assess.Explain(c, ev, r.Outcomes[0].Requirement, r.Scheme, day); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
