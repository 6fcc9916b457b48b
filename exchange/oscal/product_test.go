package oscal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// camera is a maker's evidence with everything that documents are made of.
func camera(t testing.TB) *evidence.Evidence {
	t.Helper()
	hash := func(b byte) (h evidence.Hash) {
		for i := range h {
			h[i] = b
		}
		return h
	}
	ref := func(ids ...string) (rs []evidence.Ref) {
		for _, id := range ids {
			rs = append(rs, evidence.Ref{Standard: "en-303-645", Edition: "2.1.1", Requirement: id})
		}
		return rs
	}
	art := func(b byte, name string) []evidence.Artifact {
		return []evidence.Artifact{{Name: name, SHA256: hash(b), Size: 10}}
	}
	maker := evidence.Body{Kind: scheme.Maker, ID: "acme"}
	day := civil.MustDate
	e := &evidence.Evidence{
		Product: evidence.Product{
			Holder: "acme", Brand: "Acme", Name: "Eye 2\n", Functions: []string{"consumer/camera"},
			Models: []evidence.Model{{ID: "E2", Hardware: []string{"A"}, Variants: []evidence.Variant{{ID: "E2-W", Differs: "white"}}}},
		},
		Firmware: []evidence.Firmware{{Version: "2.0.1", SHA256: hash(1)}},
		Features: map[string]evidence.Feature{
			"passwords": {Answer: scheme.Yes}, "preinstalled-passwords": {Answer: scheme.No, Ground: "set by the user"}, "user-authentication": {Answer: scheme.Yes},
		},
		Support: evidence.Support{End: day("2030-12-31")},
		ICS: []evidence.ICS{{Standard: "en-303-645", Edition: "2.1.1", Date: day("2026-03-01"), Entries: map[string]evidence.ICSEntry{
			"5.1-1": {Support: evidence.SupportedYes, Detail: "Set at first start.", Artifacts: art(7, "passwords.pdf")},
			"5.1-2": {Support: evidence.SupportedNA, Detail: "There are none."},
			"5.2-1": {Support: evidence.SupportedNo, Detail: "Not published yet."},
			"5.2-2": {Support: evidence.SupportedTBD},
			"5.3-2": {Support: evidence.SupportedYes},
		}}},
		IXIT: map[string][]evidence.Row{
			"auth-mech": {
				{"id": {"AM-1"}, "description": {"Sign-in of the app"}, "subject": {"user"}, "over-network": {"yes"}, "factor-kind": {"password"}, "password-origin": {"user-set"}},
				{"id": {"AM-2"}, "description": {"Button"}, "subject": {"user"}, "over-network": {"no"}, "factor-kind": {"other"}},
			},
		},
		Claims: []evidence.Claim{
			{Requirements: ref("5.3-3", "5.3-7"), Verdict: evidence.Pass, Method: scheme.Document, By: maker, Date: day("2026-02-01"), Ground: "Signed updates.", Artifacts: art(3, "updates.PDF"), Until: day("2027-02-01")},
			{Requirements: ref("5.3-8"), Verdict: evidence.Fail, Method: scheme.Test, By: evidence.Body{Kind: scheme.Laboratory, ID: "tuv-sud-psb"}, Date: day("2026-02-02"), Artifacts: art(4, "log.t t"), Firmware: []evidence.Hash{hash(1)}, Hardware: []string{"A"}},
			{Requirements: ref("5.3-10"), Verdict: evidence.Inconclusive, Method: scheme.Declared, By: maker, Date: day("2026-02-03"), Ground: "  Being looked at. "},
			{Requirements: []evidence.Ref{{Standard: "jc-star-criteria", Edition: "2024r1", Requirement: "S1.1-01"}}, Verdict: evidence.Pass, Method: scheme.Declared, By: maker, Date: day("2026-02-03"), Ground: "So."},
		},
	}
	body := `number: R-1
by: {kind: laboratory, id: tuv-sud-psb}
method: {standard: ts-103-701, edition: "1.1.1"}
date: 2026-02-20
tested: {from: 2026-02-10, to: 2026-02-15}
valid_until: 2028-02-20
product: {holder: acme, name: Eye 2, models: [E2]}
samples: [{id: S1, chosen: bought, serial: "17", model: E2, hardware: A, firmware: ` + hash(1).String() + `, received: 2026-02-09}]
verdicts:
  - {unit: 5.1-1-1/a, row: AM-1, verdict: pass}
  - {unit: 5.1-1-2/a, row: AM-1, sample: S1, verdict: fail, ground: "A default worked.", date: 2026-02-11}
  - {unit: 5.1-1-2/a, row: AM-9, sample: S1, verdict: inconclusive, ground: "No such thing found."}
  - {unit: 9.9-9-9/z, verdict: pass}
results:
  - {requirements: ["en-303-645@2.1.1/5.3-16"], verdict: not-applicable, method: test, sample: S1, ground: "No plate."}
`
	s, err := evidence.NewSigned("r1.yaml", []byte(body), "")
	if err != nil {
		t.Fatal(err)
	}
	e.Reports = []evidence.Signed{*s}
	return e
}

func assessed(t testing.TB, c *scheme.Catalog, e *evidence.Evidence, schemes ...string) (rs []assess.Result) {
	t.Helper()
	compiled, err := assess.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range schemes {
		rs = append(rs, assess.Assess(compiled, e, id, civil.MustDate("2026-04-01"))...)
	}
	if len(rs) == 0 {
		t.Fatal("nothing assessed")
	}
	return rs
}

func planOf(t testing.TB, c *scheme.Catalog, e *evidence.Evidence, schemeID, level string) *Document {
	t.Helper()
	compiled, err := assess.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := assess.Asks(compiled, c, schemeID, level, e.Product.Functions, civil.MustDate("2026-04-01"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewPlan(c, a, e, V123, PlanRefs{Statement: Reference{Href: "component-definition.json", SHA256: strings.Repeat("0", 64)}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func encoded(t testing.TB, d *Document) []byte {
	t.Helper()
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The documents of one product keep OSCAL's rules, come out the same each
// time, and call the product by the same UUID.
func TestProductDocumentsKeepTheRules(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	write := func() map[string][]byte {
		e := camera(t)
		cd, err := NewComponentDefinition(c, e, V113, nil)
		if err != nil {
			t.Fatal(err)
		}
		ar, err := NewResults(c, e, assessed(t, c, e, "sg-cls-iot", "fi-label", "kr-cic", "jp-jc-star"), nil, V113, ResultRefs{})
		if err != nil {
			t.Fatal(err)
		}
		return map[string][]byte{
			"component-definition": encoded(t, cd), "results": encoded(t, ar),
			"plan": encoded(t, planOf(t, c, e, "fi-label", "label")), "plan of declarations": encoded(t, planOf(t, c, e, "sg-cls-iot", "4")),
		}
	}
	first, again := write(), write()
	for name, b := range first {
		if !bytes.Equal(b, again[name]) {
			t.Errorf("%s comes out differently the second time", name)
		}
		r := checkRules(t, name, b)
		if product := newProduct(c, camera(t), V113, nil).uuid(); !r.uuids[product] {
			t.Errorf("%s does not speak of the product %s", name, product)
		}
	}
}

func TestComponentDefinition(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewComponentDefinition(c, camera(t), V123, nil)
	if err != nil {
		t.Fatal(err)
	}
	cd := d.ComponentDefinition
	ci := cd.Components[0].Implementations[0]
	var got []string
	for _, q := range ci.Requirements {
		got = append(got, q.ControlID+" "+value(q.Props, "support")+" "+q.Description)
	}
	want := []string{
		"en-303-645_2.1.1_5.1-1 yes Set at first start.", "en-303-645_2.1.1_5.1-2 not-applicable There are none.",
		"en-303-645_2.1.1_5.2-1 no Not published yet.", "en-303-645_2.1.1_5.3-2 yes Stated without a detail.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	std, err := NewCatalog(c, scheme.StandardRef{Standard: "en-303-645", Edition: "2.1.1"}, V123)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	for _, p := range ci.SetParameters {
		set[p.ParamID] = p.Values[0]
		if !slices.ContainsFunc(std.Catalog.Params, func(q Param) bool { return q.ID == p.ParamID }) {
			t.Errorf("the catalog has no parameter %s", p.ParamID)
		}
	}
	if len(set) != 3 || set["en-303-645_2.1.1_prm.preinstalled-passwords"] != "no" || set["en-303-645_2.1.1_prm.passwords"] != "yes" {
		t.Errorf("%v", set)
	}
	if cd.Metadata.LastModified != "2026-03-01T00:00:00Z" {
		t.Errorf("as of %s", cd.Metadata.LastModified)
	}
	if _, err := NewComponentDefinition(c, &evidence.Evidence{}, V123, nil); err == nil || !strings.Contains(err.Error(), "ICS") {
		t.Errorf("%v", err)
	}
}

// A plan has a step for each unit of what is asked, on the rows that the unit
// runs on, and nothing that the features rule out.
func TestPlan(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e := camera(t)
	plan := planOf(t, c, e, "fi-label", "label").AssessmentPlan
	spec := c.TestSpecOf("en-303-645", "2.1.1")
	steps := map[string][]string{} // unit to rows
	for _, a := range plan.LocalDefinitions.Activities {
		for _, s := range a.Steps {
			rows := []string{}
			for _, p := range s.Props {
				if p.Name == "row" {
					rows = append(rows, p.Value)
				}
			}
			steps[value(s.Props, "test-unit")] = rows
		}
	}
	planned := map[string]bool{}
	for _, task := range plan.Tasks {
		if len(task.Activities) > 0 {
			planned[value(task.Props, "requirement")] = true
		}
	}
	n := 0
	for ref := range planned {
		g := spec.Group(strings.TrimPrefix(ref, "en-303-645@2.1.1/"))
		for _, x := range g.Cases {
			for _, u := range x.Units {
				name := scheme.UnitRef(g.Requirement, x.Number, u.ID)
				got, there := steps[name]
				var want []string
				if u.Over != nil {
					for _, r := range e.Over(u.Over) {
						want = append(want, u.Over.Table+"/"+r.ID())
					}
				}
				if !there || !slices.Equal(got, want) {
					t.Errorf("unit %s on %v, want %v (planned: %v)", name, got, want, there)
				}
				delete(steps, name)
				n++
			}
		}
	}
	if len(steps) > 0 || n == 0 {
		t.Errorf("%d units, and nobody asked for %v", n, steps)
	}
	terms := fmt.Sprint(plan.Terms)
	if !strings.Contains(terms, "ts-103-701@1.1.1") || !strings.Contains(terms, "update-mechanism") || strings.Contains(terms, "Not applicable") {
		t.Errorf("terms: %s", terms)
	}
	e.Features["update-mechanism"] = evidence.Feature{Answer: scheme.No, Ground: "in ROM"}
	less := planOf(t, c, e, "fi-label", "label").AssessmentPlan
	terms = fmt.Sprint(less.Terms)
	excluded := 0
	for _, task := range plan.Tasks {
		ref := value(task.Props, "requirement")
		still := slices.ContainsFunc(less.Tasks, func(o Task) bool { return value(o.Props, "requirement") == ref })
		if strings.Contains(terms, ref) == still {
			t.Errorf("%s is planned: %v, and the terms are %s", ref, still, terms)
		}
		if !still {
			excluded++
		}
	}
	if excluded == 0 {
		t.Error("a device without updates is tested for them")
	}
	for _, task := range planOf(t, c, e, "sg-cls-iot", "1").AssessmentPlan.Tasks {
		if len(task.Activities) > 0 || !strings.Contains(task.Description, "nothing is examined") {
			t.Errorf("a declaration is tested: %+v", task)
		}
	}
}

// Every outcome is a finding with the same answer, and rests on all that the
// evidence says of its requirement.
func TestResults(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e := camera(t)
	rs := assessed(t, c, e, "sg-cls-iot")
	d, err := NewResults(c, e, rs, nil, V123, ResultRefs{})
	if err != nil {
		t.Fatal(err)
	}
	out := d.AssessmentResults.Results[0]
	if len(out.Findings) != len(rs[0].Outcomes) {
		t.Fatalf("%d findings for %d outcomes", len(out.Findings), len(rs[0].Outcomes))
	}
	about := map[string]int{} // requirement to observations
	for _, o := range out.Observations {
		for _, p := range o.Props {
			if p.Name == "requirement" {
				about[p.Value]++
			}
		}
	}
	for i, f := range out.Findings {
		o := rs[0].Outcomes[i]
		satisfied := f.Target.Status.State == "satisfied"
		if satisfied != (o.Answer == scheme.Yes) || value(f.Props, "answer") != o.Answer.String() || value(f.Props, "rule") != o.Rule ||
			value(f.Props, "requirement") != o.Requirement.String() || f.Target.TargetID != ControlID(o.Requirement)+"_obj" {
			t.Errorf("%+v of %+v", f, o)
		}
		if len(f.Observations) != about[o.Requirement.String()] {
			t.Errorf("%s rests on %d observations of %d", o.Requirement, len(f.Observations), about[o.Requirement.String()])
		}
		if (len(f.Risks) == 1) != (o.Answer != scheme.Yes) {
			t.Errorf("%s: %s with %d risks", o.Requirement, o.Answer, len(f.Risks))
		}
	}
	want := map[string]int{
		"5.1-1": 4, "5.1-2": 1, "5.2-1": 1, "5.2-2": 0, "5.3-2": 1, "5.3-3": 1, "5.3-7": 1, "5.3-8": 1, "5.3-10": 1, "5.3-16": 1,
	}
	for id, n := range want {
		if got := about["en-303-645@2.1.1/"+id]; got != n {
			t.Errorf("%d observations on %s, want %d", got, id, n)
		}
	}
	for _, o := range out.Observations {
		switch value(o.Props, "test-unit") + " " + value(o.Props, "row") {
		case "5.1-1-2/a auth-mech/AM-1":
			if value(o.Props, "verdict") != "fail" || o.Methods[0] != "TEST" || o.Collected != "2026-02-11T00:00:00Z" || value(o.Props, "sample") != "S1" || o.Subjects[0].Type != "inventory-item" {
				t.Errorf("%+v", o)
			}
		case "5.1-1-1/a auth-mech/AM-1":
			if o.Methods[0] != "EXAMINE" || o.Collected != "2026-02-15T00:00:00Z" || o.Expires != "2028-02-20T00:00:00Z" {
				t.Errorf("%+v", o)
			}
		}
	}
	levels := map[string]string{}
	for _, p := range out.Props {
		if p.Group != "" {
			levels[p.Group+" "+p.Name] = p.Value
		}
	}
	for i, l := range rs[0].Levels {
		g := fmt.Sprintf("level-%d ", i+1)
		if levels[g+"level"] != l.Level || levels[g+"grantable"] != l.Answer.String() || levels[g+"shown"] != l.Shown.String() {
			t.Errorf("%v for %+v", levels, l)
		}
	}
	if _, err := NewResults(c, e, nil, nil, V123, ResultRefs{}); err == nil {
		t.Error("nothing is a result")
	}
}

// A document read and written again is the same: nothing of it is lost in the types.
func TestDocumentsRoundTrip(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e := camera(t)
	d, err := NewResults(c, e, assessed(t, c, e, "sg-cls-iot"), nil, V123, ResultRefs{})
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range []*Document{d, planOf(t, c, e, "fi-label", "label")} {
		b := encoded(t, doc)
		var again Document
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, encoded(t, &again)) {
			t.Error("a document changes when it is read and written")
		}
	}
}

// Every scheme at once, of a whole bundle.
func BenchmarkResults(b *testing.B) {
	c, e, rs := gatewayResults(b)
	b.ReportAllocs()
	for b.Loop() {
		d, err := NewResults(c, e, rs, nil, V123, ResultRefs{})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(encoded(b, d))))
	}
}

func BenchmarkReadResults(b *testing.B) {
	c, e, rs := gatewayResults(b)
	d, err := NewResults(c, e, rs, nil, V123, ResultRefs{})
	if err != nil {
		b.Fatal(err)
	}
	text := encoded(b, d)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		mustRead(b, text)
	}
}

func gatewayResults(t testing.TB) (*scheme.Catalog, *evidence.Evidence, []assess.Result) {
	t.Helper()
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	g, err := bundle.Open("../../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range c.Schemes {
		ids = append(ids, c.Schemes[i].ID)
	}
	return c, g.Evidence, assessed(t, c, g.Evidence, ids...)
}

// Time and size of results grow with the verdicts, not faster.
func BenchmarkResultsByRows(b *testing.B) {
	c, err := catalog.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	for _, rows := range []int{100, 1_000, 5_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			e := camera(b)
			e.IXIT["auth-mech"] = nil
			var body strings.Builder
			body.WriteString("number: R-2\nby: {kind: maker, id: acme}\nmethod: {standard: ts-103-701, edition: \"1.1.1\"}\ndate: 2026-02-20\ntested: {from: 2026-02-10, to: 2026-02-15}\n" +
				"product: {holder: acme, name: Eye 2, models: [E2]}\nverdicts:\n")
			for i := range rows {
				id := fmt.Sprintf("AM-%d", i)
				e.IXIT["auth-mech"] = append(e.IXIT["auth-mech"], evidence.Row{"id": {id}, "description": {"One of many"}, "password-origin": {"user-set"}})
				fmt.Fprintf(&body, "  - {unit: 5.1-1-1/a, row: %s, verdict: pass}\n", id)
			}
			s, err := evidence.NewSigned("r2.yaml", []byte(body.String()), "")
			if err != nil {
				b.Fatal(err)
			}
			e.Reports = []evidence.Signed{*s}
			rs := assessed(b, c, e, "fi-label")
			b.ReportAllocs()
			for b.Loop() {
				d, err := NewResults(c, e, rs, nil, V123, ResultRefs{})
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(encoded(b, d))))
			}
		})
	}
}
