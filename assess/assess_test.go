package assess

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

var day = civil.MustDate

var official = scheme.Fact{Source: "s", Confidence: scheme.Official}

func fact(c scheme.Confidence) scheme.Fact { return scheme.Fact{Source: "s", Confidence: c} }

func in(ids ...string) (cs []scheme.InCategory) {
	for _, id := range ids {
		cs = append(cs, scheme.InCategory{Category: id, Fact: official})
	}
	return cs
}

func adds(m scheme.Method, by scheme.By, ids ...string) scheme.Adds {
	return scheme.Adds{Standard: "std", Edition: "1", Requirements: ids, Method: m, By: by, Fact: official}
}

// catalog is a small one: requirement m is mandatory, c hangs on a feature,
// r is a recommendation; level 1 takes a maker's word, level 2 a laboratory's
// test; a gateway has a list of its own.
func catalog() *scheme.Catalog {
	req := func(id string, st scheme.Status, when *scheme.Condition) scheme.Requirement {
		return scheme.Requirement{ID: id, Status: st, When: when, Fact: official}
	}
	radio := &scheme.Condition{Any: []scheme.Condition{{Feature: "radio"}, {Feature: "cable"}}}
	reqs := []scheme.Requirement{
		req("m", scheme.Mandatory, nil), req("c", scheme.Mandatory, radio), req("r", scheme.Recommended, nil), req("g", scheme.Mandatory, nil),
	}
	narrowed := adds(scheme.Test, scheme.Laboratory, "c")
	narrowed.When = &scheme.Condition{Not: &scheme.Condition{Feature: "app"}}
	level := func(id string, as ...scheme.Adds) scheme.Level { return scheme.Level{ID: id, Adds: as, Fact: official} }
	edition := func(id, from, until string) scheme.Edition {
		e := scheme.Edition{
			ID: id, From: day(from), Categories: in("home"), Except: in("lock"), Fact: official,
			Levels: []scheme.Level{
				level("1", adds(scheme.Declared, scheme.Maker, "m", "c", "r")),
				level("2", adds(scheme.Test, scheme.Laboratory, "m"), narrowed),
			},
			Profiles: []scheme.Profile{{ID: "gateway", Categories: in("gateway"), Fact: official, Levels: []scheme.Level{
				level("1", adds(scheme.Declared, scheme.Maker, "g")),
			}}},
		}
		if until != "" {
			e.Until = day(until)
		}
		return e
	}
	return &scheme.Catalog{
		Digest:       "d",
		Laboratories: []scheme.Lab{{ID: "lab", Scopes: []scheme.LabScope{{Methods: []scheme.StandardRef{{Standard: "std"}}, From: day("2019-01-01")}}}},
		Categories: []scheme.Category{
			{ID: "home"}, {ID: "hub", Parent: "home"}, {ID: "lock", Parent: "home"}, {ID: "gateway", Parent: "home"}, {ID: "pump"},
		},
		Standards: []scheme.Standard{{
			ID:       "std",
			Features: []scheme.Feature{{ID: "radio"}, {ID: "cable"}, {ID: "app"}},
			Editions: []scheme.StandardEdition{{ID: "1", Requirements: reqs, Fact: official}, {ID: "2", Requirements: slices.Clone(reqs), Fact: official}},
		}},
		Schemes: []scheme.Scheme{
			{ID: "open", State: scheme.Open, Fact: official, Editions: []scheme.Edition{edition("2020", "2020-01-01", "2024-12-31"), edition("2025", "2025-01-01", "")}},
			{ID: "shut", State: scheme.Closed, Closed: day("2026-01-01"), Fact: official, Editions: []scheme.Edition{edition("only", "2020-01-01", "2025-12-31")}},
		},
	}
}

func compiled(t testing.TB, cat *scheme.Catalog) *Compiled {
	t.Helper()
	c, err := Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func claim(v evidence.Verdict, m scheme.Method, by scheme.By, date string, ids ...string) evidence.Claim {
	c := evidence.Claim{Verdict: v, Method: m, By: evidence.Body{Kind: by, ID: "x"}, Date: day(date), Ground: "because"}
	for _, id := range ids {
		c.Requirements = append(c.Requirements, evidence.Ref{Standard: "std", Edition: "1", Requirement: id})
	}
	return c
}

func says(v evidence.Verdict, date string, ids ...string) evidence.Claim {
	return claim(v, scheme.Declared, scheme.Maker, date, ids...)
}

func tests(v evidence.Verdict, date string, ids ...string) evidence.Claim {
	return claim(v, scheme.Test, scheme.Laboratory, date, ids...)
}

// signed moves what a laboratory claims into reports that it signed, one for
// each claim, on a sample of the product's firmware.
func signed(ev *evidence.Evidence) *evidence.Evidence {
	e := *ev
	e.Claims, e.Reports = nil, slices.Clone(ev.Reports)
	e.Product.Holder, e.Product.Models = "h", []evidence.Model{{ID: "M"}}
	e.Firmware = []evidence.Firmware{{Version: "1", SHA256: evidence.Hash{1}}}
	for i, c := range ev.Claims {
		if c.By.Kind != scheme.Laboratory {
			e.Claims = append(e.Claims, c)
			continue
		}
		r := &evidence.Report{
			Number: fmt.Sprint(i), By: evidence.Body{Kind: scheme.Laboratory, ID: "lab"}, Method: evidence.Method{Standard: "std", Edition: "1"},
			Date: c.Date, Tested: evidence.Period{From: c.Date, To: c.Date}, Until: c.Until,
			Product: evidence.Tested{Holder: "h", Models: []string{"M"}},
			Samples: []evidence.Sample{{ID: "S", Model: "M", Firmware: evidence.Hash{1}}},
			Results: []evidence.Result{{Requirements: c.Requirements, Verdict: c.Verdict, Method: c.Method, Sample: "S", Ground: c.Ground, Artifacts: c.Artifacts}},
		}
		s, err := evidence.FromReport(r.Number, r, "")
		if err != nil {
			panic(err)
		}
		e.Reports = append(e.Reports, *s)
	}
	e.Verify(func(string, civil.Date, []byte, string) (string, error) { return "key", nil })
	return &e
}

// full is evidence that reaches level 2 of both schemes.
func full() *evidence.Evidence {
	return &evidence.Evidence{
		Product:  evidence.Product{Functions: []string{"hub"}},
		Features: map[string]evidence.Feature{"radio": {Answer: scheme.Yes}, "cable": {Answer: scheme.No, Ground: "so"}, "app": {Answer: scheme.No, Ground: "so"}},
		Claims:   []evidence.Claim{says(evidence.Pass, "2025-06-01", "m", "c", "r"), tests(evidence.Pass, "2025-06-01", "m", "c")},
	}
}

// show writes the levels' answers, the requirements not met and their rules.
func show(r Result) string {
	var b strings.Builder
	for _, l := range r.Levels {
		fmt.Fprintf(&b, "%s=%s/%s ", l.Level, l.Answer, l.Shown)
	}
	for _, o := range r.Outcomes {
		if o.Rule != RuleShown {
			fmt.Fprintf(&b, "%s:%s:%s ", o.Level, o.Requirement.Requirement, o.Rule)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestAssess(t *testing.T) {
	set := func(f string, a scheme.Answer) func(*evidence.Evidence) {
		return func(e *evidence.Evidence) { e.Features[f] = evidence.Feature{Answer: a, Ground: "so"} }
	}
	add := func(cs ...evidence.Claim) func(*evidence.Evidence) {
		return func(e *evidence.Evidence) { e.Claims = append(e.Claims, cs...) }
	}
	only := func(cs ...evidence.Claim) func(*evidence.Evidence) {
		return func(e *evidence.Evidence) { e.Claims = cs }
	}
	edit := func(i int, f func(*evidence.Claim)) func(*evidence.Evidence) {
		return func(e *evidence.Evidence) { f(&e.Claims[i]) }
	}
	functions := func(fs ...string) func(*evidence.Evidence) {
		return func(e *evidence.Evidence) { e.Product.Functions = fs }
	}
	for _, c := range []struct {
		name   string
		change func(*evidence.Evidence)
		want   string
	}{
		{"all shown", func(*evidence.Evidence) {}, "1=yes/yes 2=yes/yes"},
		{"no claims", only(), "1=no/no 2=no/no 1:m:not-shown 1:c:not-shown 1:r:not-shown 2:m:not-shown 2:c:not-shown"},
		{"the maker's word is too weak for a test", only(says(evidence.Pass, "2025-06-01", "m", "c", "r")), "1=yes/yes 2=no/no 2:m:too-weak 2:c:too-weak"},
		{"a maker's test is not a laboratory's", only(claim(evidence.Pass, scheme.Test, scheme.Maker, "2025-06-01", "m", "c", "r")), "1=yes/yes 2=no/no 2:m:too-weak 2:c:too-weak"},
		{"a laboratory's declaration is not a test", only(claim(evidence.Pass, scheme.Declared, scheme.Laboratory, "2025-06-01", "m", "c", "r")), "1=yes/yes 2=no/no 2:m:too-weak 2:c:too-weak"},
		{"a test covers a declaration", only(tests(evidence.Pass, "2025-06-01", "m", "c", "r")), "1=yes/yes 2=yes/yes"},
		{"on the day itself", edit(1, func(c *evidence.Claim) { c.Date = day("2025-07-01") }), "1=yes/yes 2=yes/yes"},
		{"a day later", edit(1, func(c *evidence.Claim) { c.Date = day("2025-07-02"); c.Requirements = c.Requirements[:1] }), "1=yes/yes 2=no/no 2:m:future 2:c:too-weak"},
		{"future and nothing else", only(says(evidence.Pass, "2025-07-02", "m", "c", "r")), "1=no/no 2=no/no 1:m:future 1:c:future 1:r:future 2:m:future 2:c:future"},
		{"last day of validity", edit(0, func(c *evidence.Claim) { c.Until = day("2025-07-01") }), "1=yes/yes 2=yes/yes"},
		{"validity over", only(says(evidence.Pass, "2025-06-01", "m", "c"), func() evidence.Claim {
			c := says(evidence.Pass, "2025-06-01", "r")
			c.Until = day("2025-06-30")
			return c
		}()), "1=no/no 2=no/no 1:r:expired 2:m:too-weak 2:c:too-weak"},
		{"a fail after the pass", add(tests(evidence.Fail, "2025-06-02", "m")), "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"a fail of the same day", add(tests(evidence.Fail, "2025-06-01", "m")), "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"a fail, then a pass as strong", add(tests(evidence.Fail, "2025-05-31", "m")), "1=yes/yes 2=yes/yes"},
		{"the maker cannot undo a laboratory's fail", add(tests(evidence.Fail, "2025-06-02", "m"), says(evidence.Pass, "2025-06-03", "m")), "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"the end of its validity does not undo a fail", add(func() evidence.Claim {
			c := tests(evidence.Fail, "2025-06-02", "m")
			c.Until = day("2025-06-03")
			return c
		}()), "1=no/no 2=no/no 1:m:failed 2:m:failed"},
		{"a fail of tomorrow", add(tests(evidence.Fail, "2025-07-02", "m")), "1=yes/yes 2=yes/yes"},
		{"inconclusive", add(tests(evidence.Inconclusive, "2025-06-02", "m")), "1=undetermined/undetermined 2=undetermined/undetermined 1:m:inconclusive 2:m:inconclusive"},
		{"only inconclusive", only(says(evidence.Pass, "2025-06-01", "m", "c", "r"), tests(evidence.Pass, "2025-06-01", "c"), tests(evidence.Inconclusive, "2025-05-01", "m")),
			"1=undetermined/undetermined 2=undetermined/undetermined 1:m:inconclusive 2:m:inconclusive"},
		{"does not apply", func(e *evidence.Evidence) {
			set("radio", scheme.No)(e)
			only(says(evidence.Pass, "2025-06-01", "m", "r"))(e)
		}, "1=yes/yes 2=no/no 1:c:does-not-apply 2:m:too-weak 2:c:does-not-apply"},
		{"a fail of what does not apply", func(e *evidence.Evidence) {
			set("radio", scheme.No)(e)
			add(tests(evidence.Fail, "2025-06-02", "c"))(e)
		}, "1=yes/yes 2=yes/yes 1:c:does-not-apply 2:c:does-not-apply"},
		{"does not apply, and nobody says why", func(e *evidence.Evidence) {
			set("radio", scheme.No)(e)
			e.Features["radio"] = evidence.Feature{Answer: scheme.No, Ground: " "}
			only(says(evidence.Pass, "2025-06-01", "m", "r"))(e)
		}, "1=undetermined/undetermined 2=no/no 1:c:no-ground 2:m:too-weak 2:c:no-ground"},
		{"does not apply, nobody says why, and shown anyway", func(e *evidence.Evidence) {
			e.Features["radio"] = evidence.Feature{Answer: scheme.No}
		}, "1=yes/yes 2=yes/yes"},
		{"a feature nobody stated", func(e *evidence.Evidence) {
			set("radio", scheme.Undetermined)(e)
			only(tests(evidence.Pass, "2025-06-01", "m", "r"))(e)
		}, "1=undetermined/undetermined 2=undetermined/undetermined 1:c:feature-unknown 2:c:feature-unknown"},
		{"a feature nobody stated, and shown anyway", set("radio", scheme.Undetermined), "1=yes/yes 2=yes/yes"},
		{"failed, and open whether it applies", func(e *evidence.Evidence) {
			set("radio", scheme.Undetermined)(e)
			add(tests(evidence.Fail, "2025-06-02", "c"))(e)
		}, "1=undetermined/undetermined 2=undetermined/undetermined 1:c:failed 2:c:failed"},
		{"not applicable is no answer about a feature", func(e *evidence.Evidence) {
			set("radio", scheme.Undetermined)(e)
			only(tests(evidence.Pass, "2025-06-01", "m", "r"), says(evidence.NotApplicable, "2025-06-01", "c"))(e)
		}, "1=undetermined/undetermined 2=undetermined/undetermined 1:c:feature-unknown 2:c:feature-unknown"},
		{"against its own features", only(tests(evidence.Pass, "2025-06-01", "m", "r"), tests(evidence.NotApplicable, "2025-06-01", "c")), "1=no/no 2=no/no 1:c:contradicted 2:c:contradicted"},
		{"narrowed by the level", func(e *evidence.Evidence) {
			set("app", scheme.Yes)(e)
			only(says(evidence.Pass, "2025-06-01", "c", "r"), tests(evidence.Pass, "2025-06-01", "m"))(e)
		}, "1=yes/yes 2=yes/yes 2:c:does-not-apply"},
		{"a recommendation with its ground", only(tests(evidence.Pass, "2025-06-01", "m", "c"), says(evidence.Fail, "2025-06-01", "r")), "1=yes/yes 2=yes/yes 1:r:justified"},
		{"a recommendation without", only(tests(evidence.Pass, "2025-06-01", "m", "c"), func() evidence.Claim {
			c := says(evidence.Fail, "2025-06-01", "r")
			c.Ground = ""
			return c
		}()), "1=no/no 2=no/no 1:r:failed"},
		{"another edition", only(func() evidence.Claim {
			c := tests(evidence.Pass, "2025-06-01", "m", "c", "r")
			for i := range c.Requirements {
				c.Requirements[i].Edition = "2"
			}
			return c
		}()), "1=no/no 2=no/no 1:m:other-edition 1:c:other-edition 1:r:other-edition 2:m:other-edition 2:c:other-edition"},
		{"a requirement nobody knows", add(says(evidence.Pass, "2025-06-01", "zz")), "1=yes/yes 2=yes/yes"},
		{"an excluded category", functions("lock"), "1=no/yes 2=no/yes"},
		{"one function excluded", functions("hub", "lock"), "1=no/yes 2=no/yes"},
		{"a category nobody named", functions("pump"), "1=undetermined/yes 2=undetermined/yes"},
		{"no function", functions(), "1=undetermined/yes 2=undetermined/yes"},
		{"the gateway's own list", functions("gateway"), "1=no/no 2=no/no 1:g:not-shown"},
		{"gateway and hub: both lists", functions("gateway", "hub"), "1=no/no 2=no/no 1:g:not-shown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev := full()
			c.change(ev)
			if got := show(Assess(compiled(t, catalog()), signed(ev), "open", day("2025-07-01"))[0]); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestGates(t *testing.T) {
	ev := full()
	ev.Claims[0].Date, ev.Claims[1].Date = day("2019-01-01"), day("2019-01-01")
	for _, c := range []struct{ scheme, at, edition, answer, reached string }{
		{"open", "2019-12-31", "", "", ""},
		{"open", "2020-01-01", "2020", "yes", "2"},
		{"open", "2024-12-31", "2020", "yes", "2"},
		{"open", "2025-01-01", "2025", "yes", "2"},
		{"shut", "2025-12-31", "only", "yes", "2"},
		{"shut", "2026-01-01", "only", "no", "2"}, // the level is still told
	} {
		r := Assess(compiled(t, catalog()), signed(ev), c.scheme, day(c.at))[0]
		answer := ""
		if len(r.Levels) > 0 {
			answer = r.Levels[1].Answer.String()
		}
		if r.Edition != c.edition || answer != c.answer || r.Reached() != c.reached {
			t.Errorf("%s at %s: edition %q, answer %q, reached %q; want %+v", c.scheme, c.at, r.Edition, answer, r.Reached(), c)
		}
		if c.answer == "yes" && r.Grantable() != "2" || c.answer != "yes" && r.Grantable() != "" {
			t.Errorf("%s at %s: grantable %q", c.scheme, c.at, r.Grantable())
		}
		if r.Catalog != "d" || len(r.Gates) == 0 {
			t.Errorf("%s at %s: catalog %q, gates %v", c.scheme, c.at, r.Catalog, r.Gates)
		}
	}
	if rs := Assess(compiled(t, catalog()), signed(ev), "", day("2026-02-01")); len(rs) != 2 {
		t.Errorf("all schemes gave %d results", len(rs))
	}
	if rs := Assess(compiled(t, catalog()), signed(ev), "nowhere", day("2026-02-01")); rs != nil {
		t.Errorf("an unknown scheme gave %v", rs)
	}
	// Where the first closed day is not known, what went before its source is open.
	cat := catalog()
	cat.Schemes[0].State = scheme.Closed
	cat.Sources = map[string]scheme.Source{"s": {Read: day("2025-07-01")}}
	for at, want := range map[string]scheme.Answer{"2025-06-30": scheme.Undetermined, "2025-07-01": scheme.No} {
		if r := Assess(compiled(t, cat), signed(full()), "open", day(at))[0]; r.Levels[0].Answer != want || r.Levels[0].Shown != scheme.Yes {
			t.Errorf("closed on a day not known, at %s: %s", at, show(r))
		}
	}
	// Of two editions in force the one that takes the product is meant.
	cat = catalog()
	cat.Schemes[0].Editions[0].Until = 0
	cat.Schemes[0].Editions[0].Categories = in("pump")
	if r := Assess(compiled(t, cat), signed(full()), "open", day("2025-07-01"))[0]; r.Edition != "2025" {
		t.Errorf("edition %s for a hub, which 2020 does not take", r.Edition)
	}
}

func TestConfidence(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(*scheme.Catalog, *evidence.Evidence)
		want   [2]scheme.Confidence
		doubts [2]string
	}{
		{"official throughout", func(*scheme.Catalog, *evidence.Evidence) {}, [2]scheme.Confidence{4, 4}, [2]string{}},
		{"a group of level 2", func(c *scheme.Catalog, _ *evidence.Evidence) {
			c.Schemes[0].Editions[1].Levels[1].Adds[0].Fact = fact(scheme.Mirror)
		}, [2]scheme.Confidence{4, 2}, [2]string{"", "std@1/m"}},
		{"a requirement", func(c *scheme.Catalog, _ *evidence.Evidence) {
			c.Standards[0].Editions[0].Requirements[1].Fact = fact(scheme.Unverified)
		}, [2]scheme.Confidence{0, 0}, [2]string{"std@1/c", "std@1/c std@1/c"}},
		{"a level", func(c *scheme.Catalog, _ *evidence.Evidence) {
			c.Schemes[0].Editions[1].Levels[1].Fact = fact(scheme.Inferred)
		},
			[2]scheme.Confidence{4, 1}, [2]string{"", "2 std@1/m std@1/c"}},
		{"the edition", func(c *scheme.Catalog, _ *evidence.Evidence) { c.Schemes[0].Editions[1].Fact = fact(scheme.Secondary) },
			[2]scheme.Confidence{3, 3}, [2]string{"edition-in-force", "edition-in-force"}},
		{"the edition's days", func(c *scheme.Catalog, _ *evidence.Evidence) {
			f := fact(scheme.Inferred)
			c.Schemes[0].Editions[1].DatesFact = &f
		}, [2]scheme.Confidence{1, 1}, [2]string{"edition-in-force", "edition-in-force"}},
		{"the category", func(c *scheme.Catalog, _ *evidence.Evidence) {
			c.Schemes[0].Editions[1].Categories[0].Fact = fact(scheme.Inferred)
		}, [2]scheme.Confidence{1, 1}, [2]string{"category-in-scope", "category-in-scope"}},
		{"a category nobody named", func(_ *scheme.Catalog, e *evidence.Evidence) { e.Product.Functions = []string{"pump"} },
			[2]scheme.Confidence{0, 0}, [2]string{}},
		{"a no is as sure as its surest ground", func(c *scheme.Catalog, e *evidence.Evidence) {
			e.Claims = []evidence.Claim{says(evidence.Pass, "2025-06-01", "m", "r")}
			c.Standards[0].Editions[0].Requirements[1].Fact = fact(scheme.Unverified)
		}, [2]scheme.Confidence{0, 4}, [2]string{"std@1/c", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cat, ev := catalog(), full()
			c.spoil(cat, ev)
			r := Assess(compiled(t, cat), signed(ev), "open", day("2025-07-01"))[0]
			for i, l := range r.Levels {
				var about []string
				for _, d := range l.Doubts {
					about = append(about, d.About)
				}
				if l.Confidence != c.want[i] || strings.Join(about, " ") != c.doubts[i] {
					t.Errorf("level %s: %s, doubts %q; want %s, %q", l.Level, l.Confidence, about, c.want[i], c.doubts[i])
				}
			}
		})
	}
}

func TestMissing(t *testing.T) {
	ev := full()
	ev.Features["radio"] = evidence.Feature{}
	ev.Claims = []evidence.Claim{says(evidence.Pass, "2025-06-01", "m")}
	list := func(ms []Missing) (s []string) {
		for _, m := range ms {
			s = append(s, fmt.Sprintf("%s %s %d", m.Kind, m.About, len(m.Levels)))
		}
		return s
	}
	got := list(Assess(compiled(t, catalog()), signed(ev), "open", day("2025-07-01"))[0].Missing)
	want := []string{"feature radio 2", "requirement std@1/r 2", "requirement std@1/m 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// Over all schemes the same thing counts once for each level; a closed scheme counts for none.
	if got, want := list(Gather(Assess(compiled(t, catalog()), signed(ev), "", day("2025-07-01")))), []string{"feature radio 4", "requirement std@1/r 4", "requirement std@1/m 2"}; !slices.Equal(got, want) {
		t.Errorf("both open: got %q, want %q", got, want)
	}
	if got := list(Gather(Assess(compiled(t, catalog()), signed(ev), "", day("2026-07-01")))); !slices.Equal(got, want) {
		t.Errorf("one closed: got %q, want %q", got, want)
	}
	ev.Product.Functions = []string{"pump"}
	if got := list(Assess(compiled(t, catalog()), signed(ev), "open", day("2025-07-01"))[0].Missing); !slices.Contains(got, "scope pump 2") {
		t.Errorf("nobody says whether a pump is in scope, and that is not missing: %q", got)
	}
}

// What is listed as missing is enough: with it, the highest level is reached.
func TestMissingIsEnough(t *testing.T) {
	ev := full()
	ev.Features, ev.Claims = map[string]evidence.Feature{}, nil
	c := compiled(t, catalog())
	for range 10 {
		r := Assess(c, signed(ev), "open", day("2025-07-01"))[0]
		if len(r.Missing) == 0 {
			break
		}
		for _, m := range r.Missing {
			switch m.Kind {
			case MissingFeature:
				ev.Features[m.About] = evidence.Feature{Answer: scheme.Yes, Ground: "so"}
			case MissingRequirement:
				ev.Claims = append(ev.Claims, claim(evidence.Pass, m.Requirement.Method, m.Requirement.By, "2025-06-01", m.Requirement.Requirement.Requirement))
			}
		}
	}
	if r := Assess(c, signed(ev), "open", day("2025-07-01"))[0]; r.Grantable() != "2" {
		t.Errorf("after everything missing: %s", show(r))
	}
}

func TestCheck(t *testing.T) {
	ev := full()
	ev.Product.Functions = append(ev.Product.Functions, "toaster")
	ev.Features["raido"] = evidence.Feature{Answer: scheme.Yes}
	ev.Claims = append(ev.Claims, says(evidence.Pass, "2025-06-01", "m", "q"))
	var places []string
	for _, f := range compiled(t, catalog()).Check(ev) {
		places = append(places, f.Place)
	}
	if want := []string{"/product/functions/1", "/features/raido", "/claims/2/requirements/1"}; !slices.Equal(places, want) {
		t.Errorf("got %q, want %q", places, want)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		says  string
		spoil func(*scheme.Edition)
	}{
		{"std@1/nope", func(e *scheme.Edition) { e.Levels[0].Adds[0].Requirements[0] = "nope" }},
		{"std@9/m", func(e *scheme.Edition) { e.Levels[0].Adds[0].Edition = "9" }},
		{`method "look"`, func(e *scheme.Edition) { e.Levels[0].Adds[0].Method = "look" }},
		{`by "friend"`, func(e *scheme.Edition) { e.Levels[0].Adds[0].By = "friend" }},
		{"category toaster", func(e *scheme.Edition) { e.Except = in("toaster") }},
		{"profile gateway: category toaster", func(e *scheme.Edition) { e.Profiles[0].Categories = in("toaster") }},
		{"profile gateway: level 7", func(e *scheme.Edition) { e.Profiles[0].Levels[0].ID = "7" }},
	} {
		cat := catalog()
		c.spoil(&cat.Schemes[0].Editions[1])
		if _, err := Compile(cat); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "scheme open, edition 2025") {
			t.Errorf("got %v, want it to say %q and where", err, c.says)
		}
	}
}
