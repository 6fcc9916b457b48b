package assess_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/labsign"
	"assay/scheme"
)

var update = flag.Bool("update", false, "write the golden results anew")

// gateway is the real-size bundle of testdata, its reports verified against
// the catalog with the specimen laboratory in it.
func gateway(t testing.TB) (*scheme.Catalog, *assess.Compiled, *evidence.Evidence) {
	t.Helper()
	archive, err := catalog.Archive(catalog.EmbeddedFS())
	if err != nil {
		t.Fatal(err)
	}
	lab, err := os.ReadFile("../testdata/gateway-lab/specimen-lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if archive, err = catalog.AddLaboratory(archive, lab); err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.FromArchive(archive)
	if err != nil {
		t.Fatal(err)
	}
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open("../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range b.Evidence.Verify(labsign.Check(cat)) {
		if err != nil {
			t.Fatalf("%s: %v", b.Evidence.Reports[i].Name, err)
		}
	}
	return cat, c, b.Evidence
}

// resign verifies evidence whose reports were changed: it stands for a
// laboratory that signed them so.
func resign(ev *evidence.Evidence) {
	ev.Verify(func(string, civil.Date, []byte, string) (string, error) { return "key", nil })
}

// The real-size bundle has rows in all tables and verdicts on all groups that
// apply, and contradicts itself nowhere.
func TestGatewayIsWhole(t *testing.T) {
	cat, c, ev := gateway(t)
	if fs := append(ev.Validate(), c.Check(ev)...); len(fs) > 0 {
		t.Errorf("findings: %v", fs[:min(5, len(fs))])
	}
	for _, x := range c.Contradictions(ev) {
		t.Errorf("contradiction %s: %s", x.ID, x.About)
	}
	spec := cat.TestSpec("ts-103-701@1.1.1")
	for i := range spec.Tables {
		if len(ev.IXIT[spec.Tables[i].ID]) == 0 {
			t.Errorf("no row in %s", spec.Tables[i].ID)
		}
	}
	day := civil.MustDate("2026-11-24")
	tested := 0
	for i := range spec.Groups {
		ref := scheme.RequirementRef{Standard: "en-303-645", Edition: "2.1.1", Requirement: spec.Groups[i].Requirement}
		x, err := assess.Explain(c, ev, ref, "sg-cls-iot", day)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case x.Applies == scheme.Undetermined:
			t.Errorf("%s: whether it applies is open: %v", ref, x.Unknown)
		case ref.Requirement == "5.5-3": // a recommendation that its boot ROM cannot meet, and says so
			if x.Group.Sum != "fail" || x.Said[0].Verdict != evidence.Fail {
				t.Errorf("5.5-3: %s, %v", x.Group.Sum, x.Said)
			}
		case x.Applies == scheme.Yes && x.Group.Sum != "pass":
			t.Errorf("%s applies, and its group is %s", ref, x.Group.Sum)
		case x.Applies == scheme.Yes:
			tested++
		}
	}
	if tested < 60 {
		t.Errorf("only %d groups apply", tested)
	}
}

// Golden results for each scheme and each of its editions, on its first day
// and, for the one in force, on the day of the bundle.
func TestGatewayGolden(t *testing.T) {
	cat, c, ev := gateway(t)
	var b strings.Builder
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		for j := range s.Editions {
			e := &s.Editions[j]
			day := max(e.From, civil.MustDate("2026-11-24"))
			if e.Until != 0 {
				day = min(day, e.Until)
			}
			for _, r := range assess.Assess(c, ev, s.ID, day) {
				if r.Edition != e.ID {
					continue // another edition of the day fits the product better
				}
				fmt.Fprintf(&b, "%s@%s on %s %v\n", r.Scheme, r.Edition, r.At, r.Profiles)
				for _, g := range r.Gates {
					fmt.Fprintf(&b, "  gate %s: %s (%s)\n", g.Rule, g.Answer, g.Data)
				}
				for _, l := range r.Levels {
					fmt.Fprintf(&b, "  level %s: shown %s, grantable %s, as sure as %s, %d of %d missing\n", l.Level, l.Shown, l.Answer, l.Confidence, l.Missing(&r), l.Asks)
				}
				rules := map[string][]string{}
				for _, o := range r.Outcomes {
					rules[o.Rule] = append(rules[o.Rule], o.Requirement.String()+" for "+o.Level)
				}
				names := make([]string, 0, len(rules))
				for r := range rules {
					names = append(names, r)
				}
				slices.Sort(names)
				for _, r := range names {
					fmt.Fprintf(&b, "  %s: %s\n", r, strings.Join(rules[r], ", "))
				}
			}
		}
	}
	const name = "testdata/gateway.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, old := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(old)) {
		if i >= len(got) || i >= len(old) || got[i] != old[i] {
			t.Fatalf("line %d is not what %s has:\n%s\nRead what changed, and if it is right run: go test ./assess -update", i+1, name, got[min(i, len(got)-1)])
		}
	}
}

// deep is a copy whose reports, rows and statements may be changed: its reports
// say what those of ev say by now, whatever was signed.
func deep(t testing.TB, ev *evidence.Evidence) *evidence.Evidence {
	t.Helper()
	now := *ev
	now.Reports = nil
	for i := range ev.Reports {
		s, err := evidence.FromReport(ev.Reports[i].Name, ev.Reports[i].Report(), "")
		if err != nil {
			t.Fatal(err)
		}
		now.Reports = append(now.Reports, *s)
	}
	b, err := json.Marshal(&now)
	if err != nil {
		t.Fatal(err)
	}
	e, err := evidence.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	resign(e)
	return e
}

// answers are those of all levels of all schemes.
func answers(c *assess.Compiled, ev *evidence.Evidence) (as []scheme.Answer) {
	for _, r := range assess.Assess(c, ev, "", civil.MustDate("2026-11-24")) {
		for _, l := range r.Levels {
			as = append(as, l.Answer, l.Shown)
		}
	}
	return as
}

var order = [...]int{scheme.No: 0, scheme.Undetermined: 1, scheme.Yes: 2}

// Taking evidence away from the real-size bundle never raises an answer: a
// unit's pass, a result, a statement, a signature, what an artifact shows, a
// whole report, a feature. Putting it back, which is adding it, never lowers
// one. Rows, verdicts and statements may stand in any order.
func TestGatewayProperties(t *testing.T) {
	_, c, whole := gateway(t)
	rng := rand.New(rand.NewPCG(7, 11))
	steps := 120
	if testing.Short() {
		steps = 20
	}
	lowered := 0
	for range 3 { // from the whole bundle down, three ways
		ev := deep(t, whole)
		before := answers(c, ev)
		for range steps {
			what := take(rng, ev)
			after := answers(c, ev)
			for i := range after {
				// Not knowing a feature leaves open what was a no, and never makes a yes.
				open := strings.HasPrefix(what, "feature ") && after[i] == scheme.Undetermined
				if order[after[i]] > order[before[i]] && !open {
					t.Fatalf("without %s an answer rose from %s to %s", what, before[i], after[i])
				}
				if after[i] != before[i] {
					lowered++
				}
			}
			before = after
		}
		mixed := deep(t, ev)
		for _, rows := range mixed.IXIT {
			rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}
		rng.Shuffle(len(mixed.Reports), func(i, j int) { mixed.Reports[i], mixed.Reports[j] = mixed.Reports[j], mixed.Reports[i] })
		rng.Shuffle(len(mixed.ICS), func(i, j int) { mixed.ICS[i], mixed.ICS[j] = mixed.ICS[j], mixed.ICS[i] })
		for i := range mixed.Reports {
			r := mixed.Reports[i].Report()
			rng.Shuffle(len(r.Verdicts), func(i, j int) { r.Verdicts[i], r.Verdicts[j] = r.Verdicts[j], r.Verdicts[i] })
			rng.Shuffle(len(r.Results), func(i, j int) { r.Results[i], r.Results[j] = r.Results[j], r.Results[i] })
		}
		if !slices.Equal(answers(c, mixed), before) {
			t.Fatal("another order gives other answers")
		}
	}
	if lowered < 10 {
		t.Errorf("only %d answers fell: the draw shows nothing", lowered)
	}
}

// take takes one thing out of the evidence and says what.
func take(rng *rand.Rand, ev *evidence.Evidence) string {
	for {
		switch rng.IntN(6) {
		case 0, 1:
			i := rng.IntN(len(ev.Reports))
			r := ev.Reports[i].Report()
			if len(r.Verdicts) == 0 {
				continue
			}
			j := rng.IntN(len(r.Verdicts))
			v := r.Verdicts[j]
			if v.Verdict != evidence.Pass {
				continue
			}
			r.Verdicts = slices.Delete(r.Verdicts, j, j+1)
			return "the verdict on " + v.Unit + " " + v.Row
		case 2:
			i := rng.IntN(len(ev.Reports))
			r := ev.Reports[i].Report()
			if len(r.Results) == 0 {
				continue
			}
			j := rng.IntN(len(r.Results))
			x := &r.Results[j]
			if x.Verdict != evidence.Pass {
				continue
			}
			if len(x.Artifacts) > 0 && rng.IntN(2) == 0 {
				x.Artifacts = x.Artifacts[1:]
				return "an artifact of " + x.Requirements[0].String()
			}
			r.Results = slices.Delete(r.Results, j, j+1)
			return "a result"
		case 3:
			s := &ev.ICS[rng.IntN(len(ev.ICS))]
			for _, id := range drawn(rng, s.Entries) {
				if e := s.Entries[id]; e.Support == evidence.SupportedYes {
					if len(e.Artifacts) > 0 {
						e.Artifacts = e.Artifacts[1:]
						s.Entries[id] = e
						return "an artifact of " + id
					}
					delete(s.Entries, id)
					return "the statement on " + id
				}
			}
		case 4:
			for _, id := range drawn(rng, ev.Features) {
				if ev.Features[id].Answer != scheme.Undetermined {
					delete(ev.Features, id)
					return "feature " + id
				}
			}
		case 5:
			if rng.IntN(40) > 0 || len(ev.Reports) < 2 {
				continue
			}
			i := rng.IntN(len(ev.Reports))
			if slices.ContainsFunc(ev.Reports[i].Report().Verdicts, func(v evidence.UnitVerdict) bool { return v.Verdict != evidence.Pass }) {
				continue
			}
			ev.Reports = slices.Delete(ev.Reports, i, i+1)
			return "a report"
		}
	}
}

// drawn are the keys of a map in an order that the draw decides.
func drawn[V any](rng *rand.Rand, m map[string]V) []string {
	ks := slices.Sorted(maps.Keys(m))
	rng.Shuffle(len(ks), func(i, j int) { ks[i], ks[j] = ks[j], ks[i] })
	return ks
}

// BenchmarkGateway is the real-size bundle against every scheme of the catalog.
func BenchmarkGateway(b *testing.B) {
	_, c, ev := gateway(b)
	day := civil.MustDate("2026-11-24")
	b.ReportAllocs()
	for b.Loop() {
		if len(assess.Assess(c, ev, "", day)) == 0 {
			b.Fatal("no result")
		}
	}
}

// BenchmarkGatewayRows is the same with every table and every verdict on its
// rows several times over: how time and memory grow with rows.
func BenchmarkGatewayRows(b *testing.B) {
	_, c, ev := gateway(b)
	day := civil.MustDate("2026-11-24")
	for _, times := range []int{1, 2, 4, 8, 16, 32} {
		big := multiplied(b, ev, times)
		rows, verdicts := 0, 0
		for _, rs := range big.IXIT {
			rows += len(rs)
		}
		for i := range big.Reports {
			verdicts += len(big.Reports[i].Report().Verdicts)
		}
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				assess.Assess(c, big, "", day)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
			b.ReportMetric(float64(verdicts), "verdicts")
		})
	}
}

// multiplied has each row n times, each with a copy of its verdicts.
func multiplied(t testing.TB, ev *evidence.Evidence, n int) *evidence.Evidence {
	big := deep(t, ev)
	for table, rows := range big.IXIT {
		out := slices.Clone(rows)
		for k := 1; k < n; k++ {
			for _, r := range rows {
				if r.ID() == "" {
					continue
				}
				cp := evidence.Row{}
				for f, v := range r {
					cp[f] = v
				}
				cp["id"] = evidence.Cell{fmt.Sprintf("%s.%d", r.ID(), k)}
				out = append(out, cp)
			}
		}
		big.IXIT[table] = out
	}
	for i := range big.Reports {
		r := big.Reports[i].Report()
		var vs []evidence.UnitVerdict
		for _, v := range r.Verdicts {
			vs = append(vs, v)
			for k := 1; k < n && v.Row != ""; k++ {
				w := v
				w.Row = fmt.Sprintf("%s.%d", v.Row, k)
				vs = append(vs, w)
			}
		}
		r.Verdicts = vs
	}
	return big
}
