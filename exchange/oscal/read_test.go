package oscal

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/exchange/intake"
	"assay/scheme"
)

func read(t testing.TB, b []byte) (*intake.Result, error) {
	t.Helper()
	f, err := intake.Read("x.json", bytes.NewReader(b), intake.Standard)
	if err != nil {
		return nil, err
	}
	return Read(f, intake.Options{Holder: "acme"})
}

func mustRead(t testing.TB, b []byte) *intake.Result {
	t.Helper()
	r, err := read(t, b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// verdicts are what an evidence file says of requirements as a whole:
// REQUIREMENT VERDICT DAY.
func verdicts(e *evidence.Evidence, asked map[scheme.RequirementRef]bool) map[string]bool {
	set := map[string]bool{}
	put := func(refs []evidence.Ref, v evidence.Verdict, d civil.Date) {
		for _, r := range refs {
			if asked == nil || asked[scheme.RequirementRef(r)] {
				set[fmt.Sprint(r, " ", v, " ", d)] = true
			}
		}
	}
	for _, c := range e.Claims {
		put(c.Requirements, c.Verdict, c.Date)
	}
	for _, s := range e.ICS {
		for id, x := range s.Entries {
			v := map[evidence.Supported]evidence.Verdict{evidence.SupportedYes: evidence.Pass, evidence.SupportedNo: evidence.Fail, evidence.SupportedNA: evidence.NotApplicable}[x.Support]
			if v != "" {
				put([]evidence.Ref{{Standard: s.Standard, Edition: s.Edition, Requirement: id}}, v, s.Date)
			}
		}
	}
	for i := range e.Reports {
		r := e.Reports[i].Report()
		for _, x := range r.Results {
			put(x.Requirements, x.Verdict, r.Day(x.Date))
		}
	}
	return set
}

// Results that were written here are read as the same verdicts, of the same
// days, and never as more than a declaration.
func TestResultsComeBack(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := bundle.Open("../../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*evidence.Evidence{"camera": camera(t), "gateway": gateway.Evidence} {
		rs := assessed(t, c, e, "sg-cls-iot", "fi-label", "kr-cic", "de-it-sik", "jp-jc-star")
		asked := map[scheme.RequirementRef]bool{}
		for _, r := range rs {
			for _, o := range r.Outcomes {
				asked[o.Requirement] = true
			}
		}
		d, err := NewResults(c, e, rs, nil, V123, ResultRefs{})
		if err != nil {
			t.Fatal(err)
		}
		back := mustRead(t, encoded(t, d))
		want, got := verdicts(e, asked), map[string]bool{}
		unit := map[string]bool{} // requirements of which only units have verdicts
		for _, r := range back.Claims {
			if r.Method != scheme.Declared || r.By != (evidence.Body{Kind: scheme.Maker, ID: "acme"}) || r.Ground == "" || len(r.Artifacts) != 1 {
				t.Errorf("%s: the claim %+v is more than a declaration, or gives no ground", name, r)
			}
			if !strings.Contains(r.Ground, "shown by") {
				unit[r.Requirements[0].String()] = true
				continue
			}
			for _, ref := range r.Requirements {
				if asked[scheme.RequirementRef(ref)] {
					got[fmt.Sprint(ref, " ", r.Verdict, " ", r.Date)] = true
				}
			}
		}
		if len(want) < 5 || !maps.Equal(got, want) {
			t.Errorf("%s: came back as\n%v\nwant\n%v", name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		for ref := range unit {
			for k := range want {
				if strings.HasPrefix(k, ref+" ") {
					t.Errorf("%s: %s was claimed from its units beside %s", name, ref, k)
				}
			}
		}
		if back.Import.Format != "oscal" || len(back.Import.Issues) > 0 || back.Import.Date != civil.MustDate("2026-04-01") || back.Import.Target == "" {
			t.Errorf("%s: %+v", name, back.Import)
		}
		e2 := *e
		e2.Claims = append(slices.Clip(e.Claims), back.Claims...)
		for _, f := range e2.Validate() {
			if strings.HasPrefix(f.Place, "/claims") {
				t.Errorf("%s: what was read is no evidence: %s", name, f)
			}
		}
	}
}

// What was read of our own results raises no level: it adds declarations only.
func TestResultsReadRaiseNothing(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e := camera(t)
	schemes := []string{"sg-cls-iot", "fi-label", "kr-cic"}
	before := assessed(t, c, e, schemes...)
	d, err := NewResults(c, e, before, nil, V123, ResultRefs{})
	if err != nil {
		t.Fatal(err)
	}
	only := *e
	only.Claims, only.ICS, only.Reports = mustRead(t, encoded(t, d)).Claims, nil, nil
	for i, r := range assessed(t, c, &only, schemes...) {
		for j, o := range r.Outcomes {
			if o.Answer == scheme.Yes && o.Rule == assess.RuleShown && (o.Method != scheme.Declared || o.By != scheme.Maker) {
				t.Errorf("%s: %+v, before %+v", r.Scheme, o, before[i].Outcomes[j])
			}
		}
	}
}

func TestDefinitionsComeBack(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := bundle.Open("../../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*evidence.Evidence{"camera": camera(t), "gateway": gateway.Evidence} {
		d, err := NewComponentDefinition(c, e, V123, nil)
		if err != nil {
			t.Fatal(err)
		}
		back := mustRead(t, encoded(t, d))
		got, want := verdicts(&evidence.Evidence{ICS: back.ICS}, nil), verdicts(&evidence.Evidence{ICS: e.ICS}, nil)
		if !maps.Equal(got, want) || len(want) < 3 {
			t.Errorf("%s: %v\nwant %v", name, got, want)
		}
		for i := range back.ICS {
			for id, x := range back.ICS[i].Entries {
				if before := e.ICS[i].Entries[id]; strings.Join(strings.Fields(x.Detail), " ") != strings.Join(strings.Fields(before.Detail), " ") {
					t.Errorf("%s %s: %q, was %q", name, id, x.Detail, before.Detail)
				}
			}
		}
		for id, f := range back.Features {
			if e.Features[id].Answer != f.Answer {
				t.Errorf("%s: feature %s is %s, was %s", name, id, f.Answer, e.Features[id].Answer)
			}
		}
		if len(back.Features) < 3 || len(back.Import.Issues) > 0 {
			t.Errorf("%s: %d features, issues %v", name, len(back.Features), back.Import.Issues)
		}
		e2 := evidence.Evidence{ICS: back.ICS, Features: back.Features}
		for _, f := range e2.Validate() {
			if strings.HasPrefix(f.Place, "/ics") || strings.HasPrefix(f.Place, "/features") {
				t.Errorf("%s: what was read is no statement: %s", name, f)
			}
		}
	}
}

func foreign(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "oscal-"+name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Results of another program, which knows our requirements by a property, by
// the ids of our controls, or not at all.
func TestForeignResults(t *testing.T) {
	r := mustRead(t, foreign(t, "results.json"))
	var got []string
	for _, c := range r.Claims {
		got = append(got, fmt.Sprint(c.Requirements[0], " ", c.Verdict, " ", c.Date, " ", c.Until))
	}
	want := []string{
		"en-303-645@2.1.1/5.1-1 pass 2026-05-04 ",           // by a property; the later of two observations
		"en-303-645@2.1.1/5.3-2 fail 2026-05-03 2026-12-31", // by the control's id; expires with its observation
		"en-303-645@2.1.1/5.3-7 inconclusive 2026-05-05 ",   // passes, and rests on an observation that is not there
		"en-303-645@2.1.1/5.5-1 fail 2026-05-05 ",           // a part of the statement fails
		"en-303-645@2.1.1/5.6-1 not-applicable 2026-05-05 ", // by the implementation status
		"en-303-645@2.1.1/5.6-2 inconclusive 2026-05-05 ",   // satisfied, for another reason than that it passed
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var issues []string
	for _, i := range r.Import.Issues {
		issues = append(issues, i.ID+" "+i.Severity+" "+i.State)
	}
	if want := []string{"ac-7_obj.a unknown ", "ac-2_smt none ", "Weak defaults unknown affected"}; !slices.Equal(issues, want) {
		t.Errorf("issues %q, want %q", issues, want)
	}
	notes := strings.Join(r.Import.Notes, "\n")
	for _, want := range []string{"none of the requirements here", "a part of a requirement", "rest on nothing", "00000000-0000-4000-8000-00000000ffff"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note on %q in\n%s", want, notes)
		}
	}
	if g := r.Claims[0].Ground; !strings.Contains(g, "unsigned statement of Test House Inc.") || !strings.Contains(g, "Passwords hold") {
		t.Errorf("ground %q", g)
	}
	f, err := intake.Read("x", bytes.NewReader(foreign(t, "results.json")), intake.Standard)
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := Read(f, intake.Options{})
	if err != nil || len(nobody.Claims) > 0 || !strings.Contains(strings.Join(nobody.Import.Notes, "\n"), "import the file into a bundle") {
		t.Errorf("without a holder: %v, %+v", err, nobody)
	}
}

func TestForeignDefinition(t *testing.T) {
	r := mustRead(t, foreign(t, "component-definition.json"))
	if len(r.ICS) != 1 || r.ICS[0].Date != civil.MustDate("2026-06-07") {
		t.Fatalf("%+v", r.ICS)
	}
	for id, want := range map[string]evidence.ICSEntry{
		"5.1-1":  {Support: evidence.SupportedYes, Detail: "Set by the user.\nNo default."},
		"5.1-3":  {Support: evidence.SupportedYes, Detail: "By design."},
		"5.2-1":  {Support: evidence.SupportedNo, Detail: "In work."},
		"5.3-1":  {Support: evidence.SupportedNA, Detail: "ROM only."},
		"5.3-2":  {Support: evidence.SupportedTBD},                       // does not apply, and no ground
		"5.4-1":  {Support: evidence.SupportedTBD, Detail: "Yes it is."}, // two components differ
		"5.10-1": {Support: evidence.SupportedTBD, Detail: "Perhaps."},   // a status that OSCAL has not
	} {
		if got := r.ICS[0].Entries[id]; got.Support != want.Support || got.Detail != want.Detail {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
	if len(r.ICS[0].Entries) != 7 {
		t.Errorf("%d entries", len(r.ICS[0].Entries))
	}
	if len(r.Features) != 1 || r.Features["passwords"].Answer != scheme.Yes {
		t.Errorf("features %v", r.Features)
	}
	if len(r.Import.Issues) != 1 || r.Import.Issues[0].ID != "ia-5" || r.Import.Target != "Hub" {
		t.Errorf("%+v", r.Import)
	}
}

// A parameter is a feature only if it is called as one can be.
func TestForeignParameters(t *testing.T) {
	text := string(foreign(t, "component-definition.json"))
	for _, id := range []string{`en-303-645_2.1.1_prm.pass\u007fwords`, "en-303-645_2.1.1_prm.", "passwords", "_prm.passwords", "en-303-645_prm.passwords", `en-303-645_2.1.1_prm.` + strings.Repeat("p", 200)} {
		r := mustRead(t, []byte(strings.Replace(text, `"en-303-645_2.1.1_prm.passwords"`, `"`+id+`"`, 1)))
		if len(r.Features) > 0 || !strings.Contains(strings.Join(r.Import.Notes, "\n"), "no feature of a standard here, left out: 3") {
			t.Errorf("%s: %v, %q", id, r.Features, r.Import.Notes)
		}
	}
}

// What is no OSCAL, or not what is read here, is refused with its place.
func TestReadRefuses(t *testing.T) {
	results, definition := string(foreign(t, "results.json")), string(foreign(t, "component-definition.json"))
	for _, c := range []struct{ name, text, place, want string }{
		{"catalog", `{"catalog": {}}`, "", "import assessment results"},
		{"plan of action", `{"plan-of-action-and-milestones": {}}`, "", "name it as an artifact"},
		{"ssp", `{"system-security-plan": {}}`, "", "name it as an artifact"},
		{"two models", `{"assessment-results": {}, "component-definition": {}}`, "", "two OSCAL documents"},
		{"neither", `{"results": {}}`, "", "neither"},
		{"empty", `{"assessment-results": {}}`, "", "UUID"},
		{"wrong type", `{"assessment-results": []}`, "/assessment-results", "a list where an object belongs"},
		{"no version", strings.Replace(results, `"oscal-version": "1.1.2"`, `"oscal-version": "2.0.0"`, 1), "/assessment-results/metadata/oscal-version", "1.0 to 1.2"},
		{"no date", strings.Replace(results, `"last-modified": "2026-05-06T`, `"last-modified": "soon`, 1), "/assessment-results/metadata/last-modified", "undated"},
		{"no title", strings.Replace(results, `"title": "Assessment of the hub"`, `"title": " "`, 1), "/assessment-results/metadata", "no title"},
		{"bad result", strings.Replace(results, `"00000000-0000-4000-8000-000000000010"`, `"ten"`, 1), "/assessment-results/results/0/uuid", "UUID"},
		{"bad start", strings.Replace(results, `"start": "2026-05-01`, `"start": "May`, 1), "/assessment-results/results/0/start", "began"},
		{"bad observation", strings.Replace(results, `"uuid": "00000000-0000-4000-8000-000000000021"`, `"uuid": "x"`, 1), "/assessment-results/results/0/observations/0/uuid", "UUID"},
		{"doubled observation", strings.Replace(results, `"uuid": "00000000-0000-4000-8000-000000000022"`, `"uuid": "00000000-0000-4000-8000-000000000021"`, 1), "/assessment-results/results/0/observations/1/uuid", "two observations"},
		{"undated observation", strings.Replace(results, `"collected": "2026-05-02`, `"collected": "2026-13-02`, 1), "/assessment-results/results/0/observations/0/collected", "no time"},
		{"doubled finding", strings.Replace(results, `"uuid": "00000000-0000-4000-8000-000000000032"`, `"uuid": "00000000-0000-4000-8000-000000000031"`, 1), "/assessment-results/results/0/findings/1/uuid", "two findings"},
		{"no state", strings.Replace(results, `"state": "satisfied"`, `"state": "fine"`, 1), "/assessment-results/results/0/findings/0/target/status/state", "satisfied, not-satisfied"},
		{"doubled requirement", strings.Replace(definition, `"uuid": "00000000-0000-4000-8000-000000000062"`, `"uuid": "00000000-0000-4000-8000-000000000061"`, 1), "/component-definition/components/0/control-implementations/0/implemented-requirements/1/uuid", "keep one"},
		{"truncated", results[:len(results)/2], "", "truncated"},
		{"repeated name", `{"assessment-results": {"uuid": "a", "uuid": "b"}}`, "/assessment-results/uuid", "twice"},
		{"deep", `{"assessment-results": ` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", "", "deep"},
	} {
		_, err := read(t, []byte(c.text))
		var e *evidence.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(e.Place, c.place) {
			t.Errorf("%s: %v; want %q at %s", c.name, err, c.want, c.place)
			continue
		}
		if c.place != "" && c.place != "/assessment-results" && e.Line < 2 && strings.Contains(c.text, "\n") {
			t.Errorf("%s: no line in %v", c.name, err)
		}
	}
}

// Thousands of findings are read once each, in bounded time.
func TestReadLarge(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"assessment-results": {"uuid": "00000000-0000-4000-8000-000000000001", "metadata": {"title": "x", "last-modified": "2026-01-01T00:00:00Z", "version": "1", "oscal-version": "1.1.3"}, "import-ap": {"href": "#x"}, "results": [{"uuid": "00000000-0000-4000-8000-000000000002", "title": "x", "description": "x", "start": "2026-01-01T00:00:00Z", "findings": [`)
	const n = 9_000
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"uuid": "00000000-0000-4000-8000-%012x", "title": "f%d", "description": "d", "target": {"type": "objective-id", "target-id": "en-303-645_2.1.1_5.1-1_obj", "status": {"state": "not-satisfied"}}}`, i+100, i)
	}
	b.WriteString(`]}]}}`)
	r := mustRead(t, []byte(b.String()))
	if len(r.Claims) != n {
		t.Errorf("%d claims", len(r.Claims))
	}
}

func FuzzRead(f *testing.F) {
	c, err := catalog.Embedded()
	if err != nil {
		f.Fatal(err)
	}
	e := camera(f)
	cd, err := NewComponentDefinition(c, e, V123, nil)
	if err != nil {
		f.Fatal(err)
	}
	ar, err := NewResults(c, e, assessed(f, c, e, "fi-label"), nil, V113, ResultRefs{})
	if err != nil {
		f.Fatal(err)
	}
	// Small seeds: what is found new is cut down to the least first.
	one := &ar.AssessmentResults.Results[0]
	one.Findings, one.Observations, one.Risks = one.Findings[:2], one.Observations[:2], nil
	one.Reviewed.Controls[0].Include = one.Reviewed.Controls[0].Include[:1]
	cd.ComponentDefinition.Components[0].Implementations[0].Requirements = cd.ComponentDefinition.Components[0].Implementations[0].Requirements[:1]
	for _, b := range [][]byte{foreign(f, "results.json"), foreign(f, "component-definition.json"), encoded(f, cd), encoded(f, ar),
		[]byte(`{"assessment-results": {}}`), []byte(`{"component-definition": {"components": [{}]}}`), []byte("{}"), []byte("[")} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := read(t, b)
		if err != nil {
			var e *evidence.Error
			if !errors.As(err, &e) || e.Problem == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		ev := evidence.Evidence{Claims: r.Claims, ICS: r.ICS, Features: r.Features, Imports: []evidence.Import{r.Import}}
		for _, found := range ev.Validate() {
			if !strings.HasPrefix(found.Place, "/product") {
				t.Fatalf("what was read is no evidence: %s", found)
			}
		}
		for _, c := range r.Claims {
			if c.Method != scheme.Declared || c.By.Kind != scheme.Maker {
				t.Fatalf("a file of anyone's gives %+v", c)
			}
		}
	})
}
