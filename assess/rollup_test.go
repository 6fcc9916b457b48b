package assess

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// tested is the small catalog with a test specification for its requirements
// m (a conceptual and a functional case over table t, and a unit once for the
// device) and c (a unit that reuses one of m's on the rows that table v names).
func tested() *scheme.Catalog {
	cat := catalog()
	cat.Tests = []scheme.TestSpec{{
		ID: "spec", Edition: "1", Assesses: scheme.StandardRef{Standard: "std", Edition: "1"},
		Tables: []scheme.Table{
			{ID: "t", When: &scheme.Condition{Feature: "radio"}, Shows: []scheme.Shows{{Feature: "cable", Where: []scheme.Where{{Field: "text", Is: []string{"wired"}}}}}, Fields: []scheme.Field{
				{ID: "kind", Kind: scheme.FieldChoice, Choices: []scheme.Choice{{ID: "a"}, {ID: "b"}}},
				{ID: "on", Kind: scheme.FieldYesNo}, {ID: "next", Kind: scheme.FieldRows, Table: "t", Optional: true},
				{ID: "since", Kind: scheme.FieldDate, Optional: true}, {ID: "text", Kind: scheme.FieldText, Optional: true},
			}},
			{ID: "v", Fields: []scheme.Field{{ID: "secret", Kind: scheme.FieldYesNo}, {ID: "uses", Kind: scheme.FieldRows, Table: "t"}}},
			{ID: "one", Single: true, Fields: []scheme.Field{{ID: "isolation", Kind: scheme.FieldYesNo}}},
		},
		Groups: []scheme.TestGroup{
			{Requirement: "m", Cases: []scheme.TestCase{
				{Number: 1, Kind: scheme.Conceptual, Units: []scheme.TestUnit{{ID: "a", Over: &scheme.Over{Table: "t"}}}},
				{Number: 2, Kind: scheme.Functional, Units: []scheme.TestUnit{{ID: "a", Over: &scheme.Over{Table: "t", Where: []scheme.Where{{Field: "on", Is: []string{"yes"}}}}}, {ID: "b"}}},
			}},
			{Requirement: "c", Cases: []scheme.TestCase{
				{Number: 1, Kind: scheme.Conceptual, Units: []scheme.TestUnit{{ID: "a", Reuses: "m-1/a",
					Over: &scheme.Over{Table: "t", Via: &scheme.Via{Table: "v", Field: "uses", Where: []scheme.Where{{Field: "secret", Is: []string{"yes"}}}}}}}},
			}},
		},
		Checks: []scheme.Check{
			{ID: "on-without-kind", Table: "t", Where: []scheme.Where{{Field: "on", Is: []string{"yes"}}}, Needs: []scheme.Where{{Field: "kind", Is: []string{"*"}}}, Requirements: []string{"m"}},
			{ID: "not-isolated", Table: "one", Where: []scheme.Where{{Field: "isolation", Is: []string{"no"}}}, Supported: []string{"r"}, Requirements: []string{"r"}},
		},
	}}
	return cat
}

// row makes a row from field and value by turns.
func row(id string, pairs ...string) evidence.Row {
	r := evidence.Row{"id": {id}}
	for i := 0; i < len(pairs); i += 2 {
		r[pairs[i]] = strings.Split(pairs[i+1], ",")
	}
	return r
}

// tried is a product with rows and a laboratory's report that passes all units.
func tried() *evidence.Evidence {
	ev := full()
	ev.Claims = []evidence.Claim{says(evidence.Pass, "2025-06-01", "m", "c", "r")}
	ev.Product.Holder, ev.Product.Models = "h", []evidence.Model{{ID: "M", Hardware: []string{"A"}}}
	ev.Firmware = []evidence.Firmware{{Version: "1", SHA256: evidence.Hash{1}}}
	ev.IXIT = map[string][]evidence.Row{
		"t":   {row("t1", "on", "yes", "kind", "a"), row("t2", "on", "no", "kind", "b")},
		"v":   {row("v1", "secret", "yes", "uses", "t1"), row("v2", "secret", "no", "uses", "t2")},
		"one": {row("", "isolation", "yes")},
	}
	return ev
}

// labReport is the laboratory's report of the units, each "unit row verdict".
func labReport(units ...string) *evidence.Report {
	r := &evidence.Report{
		Number: "R", By: evidence.Body{Kind: scheme.Laboratory, ID: "lab"}, Method: evidence.Method{Standard: "spec", Edition: "1"},
		Date: day("2025-06-20"), Tested: evidence.Period{From: day("2025-06-01"), To: day("2025-06-10")},
		Product: evidence.Tested{Holder: "h", Name: "x", Models: []string{"M"}},
		Samples: []evidence.Sample{{ID: "S1", Model: "M", Hardware: "A", Firmware: evidence.Hash{1}}, {ID: "S2", Model: "M", Hardware: "A", Firmware: evidence.Hash{1}}},
	}
	for _, u := range units {
		var v evidence.UnitVerdict
		var verdict string
		fmt.Sscanf(u, "%s %s %s", &v.Unit, &v.Row, &verdict)
		if v.Row == "-" {
			v.Row = ""
		}
		v.Verdict = evidence.Verdict(verdict)
		if strings.HasPrefix(v.Unit, "m-2") {
			v.Sample = "S1"
		}
		r.Verdicts = append(r.Verdicts, v)
	}
	return r
}

func with(ev *evidence.Evidence, rs ...*evidence.Report) *evidence.Evidence {
	e := *ev
	e.Reports = nil
	for i, r := range rs {
		s, err := evidence.FromReport(fmt.Sprint(i), r, "")
		if err != nil {
			panic(err)
		}
		e.Reports = append(e.Reports, *s)
	}
	e.Verify(func(string, civil.Date, []byte, string) (string, error) { return "key", nil })
	return &e
}

var allUnits = []string{"m-1/a t1 pass", "m-1/a t2 pass", "m-2/a t1 pass", "m-2/b - pass"}

// labCatalog gives the laboratory the specification in its scope.
func labCatalog() *scheme.Catalog {
	cat := tested()
	cat.Laboratories = []scheme.Lab{{ID: "lab", Scopes: []scheme.LabScope{
		{By: "body", Methods: []scheme.StandardRef{{Standard: "spec", Edition: "1"}, {Standard: "std"}}, From: day("2025-06-01"), Until: day("2025-06-10")},
	}}}
	return cat
}

const reached2 = "1=yes/yes 2=yes/yes"

// From row to unit to case to group to requirement.
func TestRollUp(t *testing.T) {
	drop := func(i int) func(*evidence.Evidence, *evidence.Report) {
		return func(_ *evidence.Evidence, r *evidence.Report) { r.Verdicts = slices.Delete(r.Verdicts, i, i+1) }
	}
	verdict := func(i int, v evidence.Verdict) func(*evidence.Evidence, *evidence.Report) {
		return func(_ *evidence.Evidence, r *evidence.Report) {
			r.Verdicts[i].Verdict, r.Verdicts[i].Ground = v, "because"
		}
	}
	for _, c := range []struct {
		name   string
		change func(*evidence.Evidence, *evidence.Report)
		want   string
	}{
		{"all pass", func(*evidence.Evidence, *evidence.Report) {}, reached2},
		{"a row without a verdict", drop(0), "1=yes/yes 2=no/no 2:m:partly-tested 2:c:too-weak"},
		{"a functional row without a verdict", drop(2), "1=yes/yes 2=no/no 2:m:partly-tested"},
		{"the unit for the device without one", drop(3), "1=yes/yes 2=no/no 2:m:partly-tested"},
		{"a row fails", verdict(1, evidence.Fail), "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"a reused row fails", verdict(0, evidence.Fail), "1=no/no 2=no/no 1:m:failed 1:c:failed 2:m:failed 2:c:failed"},
		{"a row is inconclusive", verdict(2, evidence.Inconclusive), "1=undetermined/undetermined 2=undetermined/undetermined 1:m:inconclusive 2:m:inconclusive"},
		{"not applicable comes from features, not from a tester", verdict(3, evidence.NotApplicable), "1=undetermined/undetermined 2=undetermined/undetermined 1:m:inconclusive 2:m:inconclusive"},
		{"a fail outweighs inconclusive", func(_ *evidence.Evidence, r *evidence.Report) {
			verdict(2, evidence.Inconclusive)(nil, r)
			verdict(1, evidence.Fail)(nil, r)
		}, "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"a row that its unit does not run on", func(_ *evidence.Evidence, r *evidence.Report) {
			r.Verdicts = append(r.Verdicts, evidence.UnitVerdict{Unit: "m-2/a", Row: "t2", Sample: "S1", Verdict: evidence.Pass})
		}, reached2},
		{"a fail of something undeclared", func(_ *evidence.Evidence, r *evidence.Report) {
			r.Verdicts = append(r.Verdicts, evidence.UnitVerdict{Unit: "m-2/a", Row: "t9", Sample: "S1", Verdict: evidence.Fail, Ground: "open port"})
		}, "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"a row more", func(e *evidence.Evidence, _ *evidence.Report) {
			e.IXIT["t"] = append(e.IXIT["t"], row("t3", "on", "no", "kind", "a"))
		}, "1=yes/yes 2=no/no 2:m:partly-tested"},
		{"nothing to run on", func(e *evidence.Evidence, r *evidence.Report) {
			e.IXIT["v"] = nil
		}, "1=yes/yes 2=no/no 2:c:too-weak"},
		{"two samples, one fails on the same day", func(_ *evidence.Evidence, r *evidence.Report) {
			v := r.Verdicts[2]
			v.Sample, v.Verdict, v.Ground = "S2", evidence.Fail, "broken"
			r.Verdicts = append(r.Verdicts, v)
		}, "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"two samples, the other passes later", func(_ *evidence.Evidence, r *evidence.Report) {
			r.Verdicts[2].Verdict, r.Verdicts[2].Date, r.Verdicts[2].Ground = evidence.Fail, day("2025-06-02"), "broken"
			r.Verdicts = append(r.Verdicts, evidence.UnitVerdict{Unit: "m-2/a", Row: "t1", Sample: "S2", Verdict: evidence.Pass})
		}, "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"the same sample passes later", func(_ *evidence.Evidence, r *evidence.Report) {
			r.Verdicts[2].Verdict, r.Verdicts[2].Date, r.Verdicts[2].Ground = evidence.Fail, day("2025-06-02"), "broken"
			r.Verdicts = append(r.Verdicts, evidence.UnitVerdict{Unit: "m-2/a", Row: "t1", Sample: "S1", Verdict: evidence.Pass})
		}, reached2},
		{"a test without a sample", func(_ *evidence.Evidence, r *evidence.Report) { r.Verdicts[2].Sample = "" }, "1=yes/yes 2=no/no 2:m:partly-tested"},
		{"a sample with another image", func(_ *evidence.Evidence, r *evidence.Report) { r.Samples[0].Firmware = evidence.Hash{9} }, "1=yes/yes 2=no/no 2:m:partly-tested"},
		{"a sample of another revision", func(_ *evidence.Evidence, r *evidence.Report) { r.Samples[0].Hardware = "Z" }, "1=yes/yes 2=no/no 2:m:partly-tested"},
		{"a row that says something else now", func(e *evidence.Evidence, r *evidence.Report) {
			r.Rows = map[string]evidence.Hash{"t/t1": e.IXIT["t"][0].Digest(), "t/t2": e.IXIT["t"][1].Digest()}
			e.IXIT["t"][1] = row("t2", "on", "no", "kind", "a")
		}, "1=yes/yes 2=no/no 2:m:partly-tested"},
		{"a row that the report saw and that is gone", func(e *evidence.Evidence, r *evidence.Report) {
			r.Rows = map[string]evidence.Hash{"t/t1": e.IXIT["t"][0].Digest(), "t/t2": e.IXIT["t"][1].Digest()}
			r.Verdicts = slices.Delete(r.Verdicts, 1, 2)
			e.IXIT["t"], e.IXIT["v"] = e.IXIT["t"][:1], e.IXIT["v"][:1]
		}, "1=yes/yes 2=no/no 2:m:partly-tested 2:c:row-gone"},
		{"only the maker's verdicts", func(_ *evidence.Evidence, r *evidence.Report) { r.By = evidence.Body{Kind: scheme.Maker, ID: "h"} }, "1=yes/yes 2=no/no 2:m:too-weak 2:c:too-weak"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev, r := tried(), labReport(allUnits...)
			c.change(ev, r)
			cat := labCatalog()
			if got := show(Assess(compiled(t, cat), with(ev, r), "open", day("2025-07-01"))[0]); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// A row that a report saw cannot be written so, or taken out, that nothing asks
// about it any more; a later report that saw the table as it is now can say so.
func TestLostRows(t *testing.T) {
	cat := labCatalog()
	cat.Laboratories[0].Scopes[0].Until = 0
	cat.Tests[0].Groups[0].Cases = cat.Tests[0].Groups[0].Cases[1:] // only on rows that are on, and on the device
	cat.Tests[0].Groups = cat.Tests[0].Groups[:1]
	cat.Tests[0].Tables[0].When = nil
	c := compiled(t, cat)
	reached := func(ev *evidence.Evidence, rs ...*evidence.Report) string {
		ev.Claims = append(ev.Claims, says(evidence.Pass, "2025-06-01", "m", "c", "r"))
		for _, o := range Assess(c, with(ev, rs...), "open", day("2025-07-01"))[0].Outcomes {
			if o.Level == "2" && o.Requirement.Requirement == "m" {
				return o.Rule
			}
		}
		return ""
	}
	for _, x := range []struct {
		name   string
		change func(*evidence.Evidence)
	}{
		{"written so that the unit does not run on it", func(e *evidence.Evidence) { e.IXIT["t"][0]["on"] = evidence.Cell{"no"} }},
		{"taken out, with all that the unit ran on", func(e *evidence.Evidence) { e.IXIT["t"] = e.IXIT["t"][1:] }},
		{"the table taken out", func(e *evidence.Evidence) { delete(e.IXIT, "t") }},
	} {
		t.Run(x.name, func(t *testing.T) {
			ev := tried()
			first := labReport("m-2/a t1 pass", "m-2/b - pass")
			first.Rows = map[string]evidence.Hash{"t/t1": ev.IXIT["t"][0].Digest(), "t/t2": ev.IXIT["t"][1].Digest()}
			if got := reached(ev, first); got != RuleShown {
				t.Fatalf("before: %s", got)
			}
			x.change(ev)
			if got := reached(ev, first); got != RulePartial {
				t.Errorf("after: %s", got)
			}
			later := labReport("m-2/b - pass")
			later.Number, later.Tested, later.Date = "R2", evidence.Period{From: day("2025-06-25"), To: day("2025-06-25")}, day("2025-06-26")
			if got := reached(ev, first, later); got != RulePartial {
				t.Errorf("after a report that looked at no row: %s", got)
			}
			later.Rows = map[string]evidence.Hash{"one/": ev.IXIT["one"][0].Digest()}
			for _, r := range ev.IXIT["t"] {
				later.Rows["t/"+r.ID()] = r.Digest()
			}
			if got := reached(ev, first, later); got != RuleShown {
				t.Errorf("after a report that saw it: %s", got)
			}
			later.By = evidence.Body{Kind: scheme.Maker, ID: "h"}
			if got := reached(ev, first, later); got != RulePartial {
				t.Errorf("after the maker's own: %s", got)
			}
		})
	}
}

// An image that was looked at as a file stands for every revision of the hardware, and
// for no device: what works on a device is not seen in it.
func TestImageFile(t *testing.T) {
	for _, c := range []struct {
		name     string
		hardware string
		want     bool
	}{{"a unit", "A", true}, {"a unit of another revision", "Z", false}, {"an image file", evidence.ImageFile, false}} {
		r := labReport(allUnits...)
		r.Samples[0].Hardware = c.hardware
		if got := show(Assess(compiled(t, labCatalog()), with(tried(), r), "open", day("2025-07-01"))[0]); (got == reached2) != c.want {
			t.Errorf("functional units on %s: %s", c.name, got)
		}
		r = labReport(allUnits...)
		r.Samples[1].Hardware = c.hardware
		r.Results = []evidence.Result{{Requirements: []evidence.Ref{{Standard: "std", Edition: "1", Requirement: "m"}}, Verdict: evidence.Fail, Method: scheme.Test, Sample: "S2", Ground: "found"}}
		if got := show(Assess(compiled(t, labCatalog()), with(tried(), r), "open", day("2025-07-01"))[0]); got == reached2 {
			t.Errorf("a fail on %s takes nothing away: %s", c.name, got)
		}
	}
}

// A retest in a later report answers a fail; a maker's own does not.
func TestRetest(t *testing.T) {
	bad := labReport(allUnits...)
	bad.Verdicts[2].Verdict, bad.Verdicts[2].Ground = evidence.Fail, "broken"
	again := labReport("m-2/a t1 pass")
	again.Number, again.Tested, again.Date = "R2", evidence.Period{From: day("2025-06-25"), To: day("2025-06-25")}, day("2025-06-26")
	cat := labCatalog()
	cat.Laboratories[0].Scopes[0].Until = 0
	c := compiled(t, cat)
	if got := show(Assess(c, with(tried(), bad, again), "open", day("2025-07-01"))[0]); got != reached2 {
		t.Errorf("after the retest: %s", got)
	}
	again.By = evidence.Body{Kind: scheme.Maker, ID: "h"}
	if got := show(Assess(c, with(tried(), bad, again), "open", day("2025-07-01"))[0]); got == reached2 {
		t.Error("the maker answered the laboratory's fail")
	}
}

// What a report passes counts only if the laboratory's key signed it, within
// its scope on all days of the test, with the scheme's approval where asked.
func TestAdmission(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*scheme.Catalog, *evidence.Report)
		forged bool
		rule   string
	}{
		{"in scope", func(*scheme.Catalog, *evidence.Report) {}, false, ""},
		{"not signed", func(*scheme.Catalog, *evidence.Report) {}, true, RuleUnsigned},
		{"a laboratory that nobody knows", func(c *scheme.Catalog, _ *evidence.Report) { c.Laboratories = nil }, false, RuleUnsigned},
		{"the first day before its scope", func(_ *scheme.Catalog, r *evidence.Report) { r.Tested.From-- }, false, RuleOutOfScope},
		{"the last day after its scope", func(_ *scheme.Catalog, r *evidence.Report) { r.Tested.To++ }, false, RuleOutOfScope},
		{"another method", func(c *scheme.Catalog, _ *evidence.Report) {
			c.Laboratories[0].Scopes[0].Methods = []scheme.StandardRef{{Standard: "spec", Edition: "2"}}
		}, false, RuleOutOfScope},
		{"any edition of the method", func(c *scheme.Catalog, _ *evidence.Report) {
			c.Laboratories[0].Scopes[0].Methods = []scheme.StandardRef{{Standard: "spec"}}
		}, false, ""},
		{"the scheme wants approval", func(c *scheme.Catalog, _ *evidence.Report) { c.Schemes[0].Approves = true }, false, RuleNotApproved},
		{"the scheme's approval alone", func(c *scheme.Catalog, _ *evidence.Report) {
			c.Schemes[0].Approves = true
			c.Laboratories[0].Scopes[0] = scheme.LabScope{Schemes: []string{"open"}, From: day("2025-01-01")}
		}, false, ""},
		{"another scheme's approval", func(c *scheme.Catalog, _ *evidence.Report) {
			c.Schemes[0].Approves = true
			c.Laboratories[0].Scopes[0].Schemes = []string{"shut"}
		}, false, RuleNotApproved},
		{"issued tomorrow", func(_ *scheme.Catalog, r *evidence.Report) { r.Date = day("2025-07-02") }, false, RuleFuture},
		{"no longer valid", func(_ *scheme.Catalog, r *evidence.Report) { r.Until = day("2025-06-30") }, false, RuleExpired},
		{"another product", func(_ *scheme.Catalog, r *evidence.Report) { r.Product.Models = []string{"N"} }, false, RuleOtherProduct},
		{"another holder", func(_ *scheme.Catalog, r *evidence.Report) { r.Product.Holder = "x" }, false, RuleOtherProduct},
	} {
		t.Run(c.name, func(t *testing.T) {
			cat, r := labCatalog(), labReport(allUnits...)
			c.change(cat, r)
			ev := with(tried(), r)
			if c.forged {
				ev.Verify(func(string, civil.Date, []byte, string) (string, error) { return "", fmt.Errorf("no") })
			}
			got := Assess(compiled(t, cat), ev, "open", day("2025-07-01"))[0]
			rule := ""
			for _, o := range got.Outcomes {
				if o.Level == "2" && o.Requirement.Requirement == "m" && o.Answer != scheme.Yes {
					rule = o.Rule
				}
			}
			if rule != c.rule && !(c.rule == RuleOtherProduct && rule == RuleTooWeak) {
				t.Errorf("rule %q, want %q: %s", rule, c.rule, show(got))
			}
		})
	}
}

// Evidence older than a level allows no longer counts; the oldest verdict of a
// group is its age.
func TestAge(t *testing.T) {
	cat := labCatalog()
	cat.Schemes[0].Editions[1].Levels[1].Adds[0].MaxAge = 12
	r := labReport(allUnits...)
	r.Verdicts[0].Date = day("2025-06-01")
	c := compiled(t, cat)
	for at, want := range map[string]string{"2026-06-01": "2", "2026-06-02": "1"} {
		if got := Assess(c, with(tried(), r), "open", day(at))[0].Reached(); got != want {
			t.Errorf("on %s %s is reached, want %s", at, got, want)
		}
	}
	if got := show(Assess(c, with(tried(), r), "open", day("2026-06-02"))[0]); !strings.Contains(got, "2:m:aged") {
		t.Errorf("got %s", got)
	}
}

// Evidence for a requirement with contents has all of them, however they are
// spread over files.
func TestContents(t *testing.T) {
	cat := catalog()
	cat.Standards[0].Editions[0].Requirements[0].Contents = []scheme.Content{{ID: "plan"}, {ID: "result"}, {ID: "photo", Optional: true}}
	c := compiled(t, cat)
	file := func(shows ...string) evidence.Artifact {
		return evidence.Artifact{Name: "f", SHA256: evidence.Hash{1}, Size: 1, Shows: shows}
	}
	for _, x := range []struct {
		files []evidence.Artifact
		want  string
	}{
		{nil, "[plan result]"}, {[]evidence.Artifact{file("plan")}, "[result]"}, {[]evidence.Artifact{file("plan", "photo"), file("result")}, "[]"},
	} {
		ev := full()
		ev.Claims[0].Artifacts = x.files
		ev.Claims[1].Requirements = ev.Claims[1].Requirements[1:] // m is only said
		o := Assess(c, ev, "open", day("2025-07-01"))[0].Outcomes[0]
		if got := fmt.Sprint(o.Lacks); got != x.want || (o.Answer == scheme.Yes) != (x.want == "[]") {
			t.Errorf("%v: %s, %s, lacks %s, want %s", x.files, o.Answer, o.Rule, got, x.want)
		}
	}
	// A maker's artifact does not stand for what a laboratory's report lacks.
	for _, x := range []struct {
		name       string
		maker, lab []evidence.Artifact
		want       string
	}{
		{"all by the laboratory", nil, []evidence.Artifact{file("plan", "result")}, "yes shown []"},
		{"one by the maker", []evidence.Artifact{file("plan")}, []evidence.Artifact{file("result")}, "no incomplete [plan]"},
		{"all by the maker", []evidence.Artifact{file("plan", "result")}, nil, "no incomplete [plan result]"},
	} {
		ev := full()
		ev.Claims[0].Artifacts, ev.Claims[1].Artifacts = x.maker, x.lab
		for _, o := range Assess(c, signed(ev), "open", day("2025-07-01"))[0].Outcomes {
			if o.Requirement.Requirement != "m" {
				continue
			}
			if got := fmt.Sprint(o.Answer, " ", o.Rule, " ", o.Lacks); o.By == scheme.Laboratory && got != x.want || o.By == scheme.Maker && o.Answer != scheme.Yes {
				t.Errorf("%s: by a %s: %s, want %s", x.name, o.By, got, x.want)
			}
		}
	}
	// Two claims cover them together.
	ev := full()
	ev.Claims = append(ev.Claims, says(evidence.Pass, "2025-06-02", "m"))
	ev.Claims[0].Artifacts, ev.Claims[2].Artifacts = []evidence.Artifact{file("plan")}, []evidence.Artifact{file("result")}
	if o := Assess(c, ev, "open", day("2025-07-01"))[0].Outcomes[0]; o.Answer != scheme.Yes {
		t.Errorf("spread over two claims: %s, lacks %v", o.Rule, o.Lacks)
	}
}

// A mapping carries evidence only where it is equal or wider, at the strength
// that is asked for, and the answer names it and is no surer than it.
func TestMapping(t *testing.T) {
	for _, c := range []struct {
		name     string
		relation scheme.Relation
		change   func(*evidence.Evidence)
		rule     string
	}{
		{"equal", scheme.Equal, func(*evidence.Evidence) {}, RuleMapped},
		{"superset", scheme.Superset, func(*evidence.Evidence) {}, RuleMapped},
		{"subset", scheme.Subset, func(*evidence.Evidence) {}, RuleTooNarrow},
		{"intersects", scheme.Intersects, func(*evidence.Evidence) {}, RuleTooNarrow},
		{"one of two is missing", scheme.Equal, func(e *evidence.Evidence) { e.Claims[0].Requirements = e.Claims[0].Requirements[:1] }, RuleOtherEdition},
		{"one of two does not apply", scheme.Equal, func(e *evidence.Evidence) {
			e.Claims[0].Requirements = e.Claims[0].Requirements[:1]
			e.Features["radio"], e.Features["cable"] = evidence.Feature{Answer: scheme.No, Ground: "so"}, evidence.Feature{Answer: scheme.No, Ground: "so"}
		}, RuleMapped},
		{"the source failed", scheme.Equal, func(e *evidence.Evidence) {
			f := says(evidence.Fail, "2025-06-02", "c")
			f.Requirements[0].Edition = "2"
			e.Claims = append(e.Claims, f)
		}, RuleOtherEdition},
		{"failed here", scheme.Equal, func(e *evidence.Evidence) { e.Claims = append(e.Claims, says(evidence.Fail, "2025-06-02", "m")) }, RuleFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			cat := catalog()
			cat.Mappings = []scheme.Mapping{{ID: "map", Author: "somebody", From: scheme.StandardRef{Standard: "std", Edition: "2"}, To: scheme.StandardRef{Standard: "std", Edition: "1"},
				Rows: []scheme.MappingRow{{From: []string{"m", "c"}, To: "m", Relation: c.relation, Fact: fact(scheme.Inferred)}}, Fact: official}}
			ev := full()
			ev.Claims = []evidence.Claim{says(evidence.Pass, "2025-06-01", "m", "c"), says(evidence.Pass, "2025-06-01", "c", "r")}
			for i := range ev.Claims[0].Requirements {
				ev.Claims[0].Requirements[i].Edition = "2"
			}
			c.change(ev)
			r := Assess(compiled(t, cat), ev, "open", day("2025-07-01"))[0]
			o := r.Outcomes[0]
			if o.Rule != c.rule {
				t.Fatalf("rule %s, want %s", o.Rule, c.rule)
			}
			if c.rule == RuleMapped {
				if o.Mapping == nil || o.Mapping.Mapping != "map" || o.Mapping.Author != "somebody" || o.Mapping.Confidence != scheme.Inferred || len(o.Mapping.From) != 2 {
					t.Errorf("mapping %+v", o.Mapping)
				}
				if l := r.Levels[0]; l.Shown != scheme.Yes || l.Confidence != scheme.Inferred || l.Doubts[0].About != "map" {
					t.Errorf("level 1: %s, %s, %v", l.Shown, l.Confidence, l.Doubts)
				}
				if r.Levels[1].Shown != scheme.No { // which asks for a laboratory's test
					t.Errorf("a declaration was carried to a test")
				}
			}
		})
	}
}

func TestContradictions(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*evidence.Evidence)
		want   string // id place requirements
	}{
		{"none", func(*evidence.Evidence) {}, ""},
		{"a check of the specification", func(e *evidence.Evidence) { e.IXIT["t"][0]["kind"] = nil }, "on-without-kind /ixit/t/0 [std@1/m]"},
		{"not supported, and the ICS is silent", func(e *evidence.Evidence) { e.IXIT["one"][0] = row("", "isolation", "no") }, ""},
		{"not supported, and the ICS says yes", func(e *evidence.Evidence) {
			e.IXIT["one"][0] = row("", "isolation", "no")
			e.ICS = []evidence.ICS{{Standard: "std", Edition: "1", Date: day("2025-06-01"), Entries: map[string]evidence.ICSEntry{"r": {Support: evidence.SupportedYes}}}}
		}, "not-isolated /ixit/one/0 [std@1/r]"},
		{"not supported, and the ICS says no", func(e *evidence.Evidence) {
			e.IXIT["one"][0] = row("", "isolation", "no")
			e.ICS = []evidence.ICS{{Standard: "std", Edition: "1", Date: day("2025-06-01"), Entries: map[string]evidence.ICSEntry{"r": {Support: evidence.SupportedNo, Detail: "no need"}}}}
		}, ""},
		{"a row that is not there", func(e *evidence.Evidence) { e.IXIT["v"][1] = row("v2", "secret", "no", "uses", "t1,t7") }, "missing-row /ixit/v/1/uses [std@1/c]"},
		{"a circle", func(e *evidence.Evidence) {
			e.IXIT["t"][0]["next"], e.IXIT["t"][1]["next"] = evidence.Cell{"t2"}, evidence.Cell{"t1"}
		}, "circle /ixit/t/1 [std@1/m std@1/c]"},
		{"an empty table", func(e *evidence.Evidence) { e.IXIT["t"], e.IXIT["v"] = nil, nil }, "empty-table /ixit/t [std@1/m std@1/c]"},
		{"a table that should be empty", func(e *evidence.Evidence) { e.Features["radio"] = evidence.Feature{Answer: scheme.No} }, "unexpected-rows /ixit/t [std@1/m std@1/c std@2/c]"},
		{"rows that show a feature which is denied", func(e *evidence.Evidence) {
			e.IXIT["t"] = append(e.IXIT["t"], row("t3", "on", "no", "text", "wired"), row("t4", "on", "no", "text", "wired"))
		}, "feature-denied /ixit/t/2 []"}, // radio makes what asks about either apply anyway
		{"rows that show a feature on which something hangs", func(e *evidence.Evidence) {
			e.Features["radio"] = evidence.Feature{}
			e.IXIT["t"] = append(e.IXIT["t"], row("t3", "on", "no", "text", "wired"))
		}, "feature-denied /ixit/t/2 [std@1/c std@2/c]"},
		{"nobody says whether it is there", func(e *evidence.Evidence) {
			e.Features["cable"] = evidence.Feature{}
			e.IXIT["t"] = append(e.IXIT["t"], row("t3", "on", "no", "text", "wired"))
		}, ""},
		{"two rows in a table of one", func(e *evidence.Evidence) {
			e.IXIT["one"] = append(e.IXIT["one"], row("x", "isolation", "yes"))
		}, "more-than-one-row /ixit/one []"},
		{"called not applicable", func(e *evidence.Evidence) {
			e.ICS = []evidence.ICS{{Standard: "std", Edition: "1", Entries: map[string]evidence.ICSEntry{"m": {Support: evidence.SupportedNA, Detail: "so"}}}}
		}, "not-applicable-but-applies /ics/0/entries/m []"},
		{"called supported", func(e *evidence.Evidence) {
			e.Features["radio"], e.IXIT = evidence.Feature{Answer: scheme.No}, nil
			e.ICS = []evidence.ICS{{Standard: "std", Edition: "1", Entries: map[string]evidence.ICSEntry{"c": {Support: evidence.SupportedYes}}}}
		}, "supported-but-does-not-apply /ics/0/entries/c []"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev := tried()
			c.change(ev)
			var got []string
			for _, x := range compiled(t, labCatalog()).Contradictions(ev) {
				got = append(got, fmt.Sprintf("%s %s %v", x.ID, x.Place, x.Requirements))
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
	// A row says that it is not supported, and the ICS nothing: no contradiction,
	// and no conclusion from the maker's other word either.
	ev := tried()
	ev.IXIT["one"][0] = row("", "isolation", "no")
	if got, want := show(Assess(compiled(t, labCatalog()), with(ev, labReport(allUnits...)), "open", day("2025-07-01"))[0]), "1=undetermined/undetermined 2=undetermined/undetermined 1:r:contradiction"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// A no does not make a requirement go away where rows show that it applies.
	ev = tried()
	ev.Features["radio"] = evidence.Feature{Answer: scheme.No}
	if got, want := show(Assess(compiled(t, labCatalog()), with(ev), "open", day("2025-07-01"))[0]), "1=undetermined/undetermined 2=undetermined/undetermined 1:m:contradiction 1:c:contradiction 2:m:contradiction 2:c:contradiction"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// What contradicts itself is not concluded, neither met nor failed.
	ev = tried()
	ev.IXIT["t"][0]["kind"] = nil
	if got, want := show(Assess(compiled(t, labCatalog()), with(ev, labReport(allUnits...)), "open", day("2025-07-01"))[0]), "1=undetermined/undetermined 2=undetermined/undetermined 1:m:contradiction 2:m:contradiction"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCheckParts(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*evidence.Evidence, *evidence.Report)
		want   string
	}{
		{"none", func(*evidence.Evidence, *evidence.Report) {}, ""},
		{"a table", func(e *evidence.Evidence, _ *evidence.Report) { e.IXIT["u"] = []evidence.Row{row("u1")} }, "/ixit/u"},
		{"a field", func(e *evidence.Evidence, _ *evidence.Report) { e.IXIT["t"][0]["knd"] = evidence.Cell{"a"} }, "/ixit/t/0/knd"},
		{"a choice", func(e *evidence.Evidence, _ *evidence.Report) { e.IXIT["t"][1]["kind"] = evidence.Cell{"z"} }, "/ixit/t/1/kind"},
		{"yes or no", func(e *evidence.Evidence, _ *evidence.Report) { e.IXIT["t"][1]["on"] = evidence.Cell{"maybe"} }, "/ixit/t/1/on"},
		{"a day", func(e *evidence.Evidence, _ *evidence.Report) { e.IXIT["t"][1]["since"] = evidence.Cell{"yesterday"} }, "/ixit/t/1/since"},
		{"two texts", func(e *evidence.Evidence, _ *evidence.Report) { e.IXIT["t"][1]["text"] = evidence.Cell{"a", "b"} }, "/ixit/t/1/text"},
		{"a requirement in the ICS", func(e *evidence.Evidence, _ *evidence.Report) {
			e.ICS = []evidence.ICS{{Standard: "std", Edition: "1", Entries: map[string]evidence.ICSEntry{"zz": {Support: evidence.SupportedYes}}}}
		}, "/ics/0/entries/zz"},
		{"a unit", func(_ *evidence.Evidence, r *evidence.Report) { r.Verdicts[0].Unit = "m-9/a" }, "/reports/0/body/verdicts/0/unit"},
		{"a row", func(_ *evidence.Evidence, r *evidence.Report) { r.Verdicts[1].Row = "t9" }, "/reports/0/body/verdicts/1/row"},
		{"a row for the device", func(_ *evidence.Evidence, r *evidence.Report) { r.Verdicts[3].Row = "t1" }, "/reports/0/body/verdicts/3/row"},
		{"a method", func(_ *evidence.Evidence, r *evidence.Report) { r.Method.Edition = "7" }, "/reports/0/body/method /reports/0/body/verdicts/0"},
		{"a result of another method", func(_ *evidence.Evidence, r *evidence.Report) {
			r.Results = []evidence.Result{{Requirements: []evidence.Ref{{Standard: "std", Edition: "2", Requirement: "m"}}}}
		}, "/reports/0/body/results/0/requirements/0"},
		{"a result on nothing known", func(_ *evidence.Evidence, r *evidence.Report) {
			r.Results = []evidence.Result{{Requirements: []evidence.Ref{{Standard: "std", Edition: "1", Requirement: "q"}}}}
		}, "/reports/0/body/results/0/requirements/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev, r := tried(), labReport(allUnits...)
			c.change(ev, r)
			var got []string
			for _, f := range compiled(t, labCatalog()).Check(with(ev, r)) {
				got = append(got, f.Place)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
}

// An explanation walks from the level to the verdicts, those that do not count
// with the reason.
func TestExplain(t *testing.T) {
	r := labReport(allUnits...)
	r.Verdicts[2].Artifacts = []evidence.Artifact{{Name: "capture", SHA256: evidence.Hash{5}, Size: 7}}
	old := labReport("m-2/a t1 fail")
	old.Number, old.Date, old.Tested = "R0", day("2025-05-02"), evidence.Period{From: day("2025-05-01"), To: day("2025-05-01")}
	old.Verdicts[0].Ground = "broken"
	c := compiled(t, labCatalog())
	x, err := Explain(c, with(tried(), r, old), scheme.RequirementRef{Standard: "std", Edition: "1", Requirement: "m"}, "open", day("2025-07-01"))
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Asked) != 2 || len(x.Said) != 1 || x.Group == nil || x.Group.Sum != "pass" || x.Group.By != scheme.Laboratory || len(x.Group.Cases) != 2 {
		t.Fatalf("%+v", x)
	}
	u := x.Group.Cases[1].Units[0]
	if u.Unit != "m-2/a" || len(u.Rows) != 1 || u.Rows[0].Row != "t/t1" || u.Rows[0].Sum != "pass" || len(u.Rows[0].Given) != 2 {
		t.Fatalf("%+v", u)
	}
	if g := u.Rows[0].Given[0]; g.Report != "R" || g.Sample != "S1" || g.Signed != "key" || g.Artifacts[0].Name != "capture" || g.Why != "" {
		t.Errorf("%+v", g)
	}
	if g := u.Rows[0].Given[1]; g.Verdict != evidence.Fail || g.Ground != "broken" || g.Why != RuleOutOfScope {
		t.Errorf("%+v", g)
	}
	for _, bad := range []struct {
		ref    scheme.RequirementRef
		scheme string
	}{{scheme.RequirementRef{Standard: "std", Edition: "1", Requirement: "nope"}, "open"}, {scheme.RequirementRef{Standard: "std", Edition: "1", Requirement: "m"}, "nope"}} {
		if _, err := Explain(c, tried(), bad.ref, bad.scheme, day("2025-07-01")); err == nil {
			t.Errorf("%v explained", bad)
		}
	}
}

// The days of passes answer a verdict exactly as looking at each pass does.
func TestPassesAnswer(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	yes := 0
	for range 20_000 {
		w := &walk{at: 50}
		c := &cell{}
		for range rng.IntN(12) {
			c.given = append(c.given, given{report: rng.Int32N(4), by: uint8(rng.IntN(bodies)), date: civil.Date(1 + rng.IntN(60)),
				result: []evidence.Verdict{evidence.Pass, evidence.Fail}[rng.IntN(2)], sample: []string{"", "S1", "S2"}[rng.IntN(3)], rule: []string{"", "", "", RuleNoSample}[rng.IntN(4)]})
		}
		report := func(i int32) string { return []string{"", "", "", RuleUnsigned}[i] }
		p := w.passes(c, report)
		for i := range c.given {
			g := &c.given[i]
			want := slices.ContainsFunc(c.given, func(o given) bool {
				return o.result == evidence.Pass && o.by >= g.by && o.date > g.date && o.rule == "" && o.date <= w.at &&
					report(o.report) == "" && (o.sample == g.sample || o.report != g.report)
			})
			if got := p.answer(g); got != want {
				t.Fatalf("%+v among %+v: %v, want %v", g, c.given, got, want)
			}
			if want {
				yes++
			}
		}
	}
	if yes < 1000 {
		t.Errorf("only %d were answered: the draw shows nothing", yes)
	}
}

// What makes a requirement go away says why, and a signed verdict on a row
// holds the row's words: else either could be anything.
func TestGroundless(t *testing.T) {
	c := compiled(t, labCatalog())
	for _, x := range []struct {
		name   string
		change func(*evidence.Evidence, *evidence.Report)
		want   string
	}{
		{"nothing", func(*evidence.Evidence, *evidence.Report) {}, ""},
		{"a no that decides, without a ground", func(e *evidence.Evidence, _ *evidence.Report) {
			e.Features["radio"] = evidence.Feature{Answer: scheme.No, Ground: "wired only"}
			e.Features["cable"] = evidence.Feature{Answer: scheme.No}
		}, "/features/cable"},
		{"each with its ground", func(e *evidence.Evidence, _ *evidence.Report) {
			e.Features["radio"] = evidence.Feature{Answer: scheme.No, Ground: "wired only"}
			e.Features["cable"] = evidence.Feature{Answer: scheme.No, Ground: "no socket"}
		}, ""},
		{"a row whose words are not held", func(_ *evidence.Evidence, r *evidence.Report) { delete(r.Rows, "t/t2") }, "/reports/0/body/rows"},
		{"no rows at all", func(_ *evidence.Evidence, r *evidence.Report) { r.Rows = nil }, "/reports/0/body/rows"},
		{"the maker's own", func(_ *evidence.Evidence, r *evidence.Report) { r.Rows, r.By.Kind = nil, scheme.Maker }, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			ev, r := tried(), labReport(allUnits...)
			r.Rows = map[string]evidence.Hash{"t/t1": ev.IXIT["t"][0].Digest(), "t/t2": ev.IXIT["t"][1].Digest()}
			x.change(ev, r)
			ev = with(ev, r)
			ev.Reports[0].Signature = "AA=="
			var got []string
			for _, f := range c.Groundless(ev) {
				got = append(got, f.Place)
			}
			if s := strings.Join(got, " "); s != x.want {
				t.Errorf("got %s, want %s", s, x.want)
			}
			ev.Reports[0].Signature = ""
			if fs := c.Groundless(ev); len(fs) > 0 && strings.HasPrefix(fs[0].Place, "/reports") {
				t.Errorf("not signed: %v", fs)
			}
		})
	}
}

// A pass on a row that nobody declared, and a fail that it answers, give the
// same in whichever order they stand.
func TestUndeclaredRowInAnyOrder(t *testing.T) {
	fail := evidence.UnitVerdict{Unit: "m-2/a", Row: "t9", Sample: "S1", Verdict: evidence.Fail, Ground: "open port", Date: day("2025-06-02")}
	pass := evidence.UnitVerdict{Unit: "m-2/a", Row: "t9", Sample: "S1", Verdict: evidence.Pass, Date: day("2025-06-03")}
	for _, vs := range [][]evidence.UnitVerdict{{fail, pass}, {pass, fail}} {
		r := labReport(allUnits...)
		r.Verdicts = append(r.Verdicts, vs...)
		if got := show(Assess(compiled(t, labCatalog()), with(tried(), r), "open", day("2025-07-01"))[0]); got != reached2 {
			t.Errorf("%s before %s: %s", vs[0].Verdict, vs[1].Verdict, got)
		}
	}
}
