package assess_test

import (
	"fmt"
	"slices"
	"testing"

	"assay/assess"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

func embedded(t testing.TB) (*scheme.Catalog, *assess.Compiled) {
	t.Helper()
	emb, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	whole := *emb
	cat := &whole
	lab := scheme.Lab{ID: "lab", Scopes: []scheme.LabScope{{From: civil.MustDate("2015-01-01")}}}
	for _, s := range cat.Schemes {
		lab.Scopes[0].Schemes = append(lab.Scopes[0].Schemes, s.ID)
	}
	cat.Laboratories = append(slices.Clone(cat.Laboratories), lab)
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	return cat, c
}

// everything shows all requirements of the catalog in the strongest way, with
// every feature there: a report for each edition of a standard.
func everything(cat *scheme.Catalog, functions ...string) *evidence.Evidence {
	return everythingOn(cat, civil.MustDate("2026-01-15"), functions...)
}

func everythingOn(cat *scheme.Catalog, day civil.Date, functions ...string) *evidence.Evidence {
	ev := device(functions...)
	for _, s := range cat.Standards {
		for _, f := range s.Features {
			ev.Features[f.ID] = evidence.Feature{Answer: scheme.Yes, Ground: "so"}
		}
		for _, e := range s.Editions {
			var rs []evidence.Result
			for _, r := range e.Requirements {
				rs = append(rs, shows(scheme.RequirementRef{Standard: s.ID, Edition: e.ID, Requirement: r.ID}, &r, scheme.Test))
			}
			report(ev, s.ID, e.ID, day, rs)
		}
	}
	return ev
}

func device(functions ...string) *evidence.Evidence {
	return &evidence.Evidence{
		Product:  evidence.Product{Holder: "h", Functions: functions, Models: []evidence.Model{{ID: "M"}}},
		Firmware: []evidence.Firmware{{Version: "1", SHA256: evidence.Hash{1}}},
		Features: map[string]evidence.Feature{},
	}
}

// shows is a pass with all that evidence for the requirement must contain.
func shows(ref scheme.RequirementRef, r *scheme.Requirement, m scheme.Method) evidence.Result {
	a := evidence.Artifact{Name: "a", SHA256: evidence.Hash{2}, Size: 1}
	for _, x := range r.Contents {
		a.Shows = append(a.Shows, x.ID)
	}
	return evidence.Result{Requirements: []evidence.Ref{evidence.Ref(ref)}, Verdict: evidence.Pass, Method: m, Sample: "S", Artifacts: []evidence.Artifact{a}}
}

// report adds the laboratory's signed report.
func report(ev *evidence.Evidence, standard, edition string, day civil.Date, rs []evidence.Result) {
	s, err := evidence.FromReport(fmt.Sprint(len(ev.Reports)), &evidence.Report{
		Number: fmt.Sprint(len(ev.Reports)), By: evidence.Body{Kind: scheme.Laboratory, ID: "lab"}, Method: evidence.Method{Standard: standard, Edition: edition},
		Date: day, Tested: evidence.Period{From: day, To: day}, Product: evidence.Tested{Holder: "h", Models: []string{"M"}},
		Samples: []evidence.Sample{{ID: "S", Model: "M", Firmware: evidence.Hash{1}}}, Results: rs,
	}, "")
	if err != nil {
		panic(err)
	}
	ev.Reports = append(ev.Reports, *s)
	ev.Verify(func(string, civil.Date, []byte, string) (string, error) { return "key", nil })
}

// In every scheme the highest level is reached with everything shown, none
// with nothing, and showing what is listed as missing leads from the one to
// the other.
func TestEmbedded(t *testing.T) {
	cat, c := embedded(t)
	at := civil.MustDate("2026-11-24")
	all := everything(cat, "consumer/smart-home-hub")
	if f := c.Check(all); len(f) > 0 {
		t.Errorf("words of the catalog that it does not know: %v", f)
	}
	for _, r := range assess.Assess(c, all, "", at) {
		if len(r.Levels) == 0 {
			t.Errorf("%s has no level on %s", r.Scheme, at)
			continue
		}
		if top := r.Levels[len(r.Levels)-1].Level; r.Reached() != top {
			t.Errorf("%s: all shown, and %q of %q reached: %+v", r.Scheme, r.Reached(), top, r.Missing)
		}
		open := cat.Scheme(r.Scheme).State == scheme.Open
		if got := r.Grantable() != ""; got != open && r.Gates[2].Answer == scheme.Yes {
			t.Errorf("%s: grantable %v, open %v", r.Scheme, got, open)
		}
		none := device(all.Product.Functions...)
		none.Features = all.Features
		less := assess.Assess(c, none, r.Scheme, at)[0]
		if less.Reached() != "" {
			t.Errorf("%s: nothing shown, and %s reached", r.Scheme, less.Reached())
		}
		if open && r.Gates[2].Answer != scheme.No && len(less.Missing) == 0 {
			t.Errorf("%s: nothing shown, and nothing missing", r.Scheme)
		}
		for _, m := range less.Missing {
			if m.Kind == assess.MissingRequirement {
				ref := m.Requirement.Requirement
				q := cat.Standard(ref.Standard).Edition(ref.Edition).Requirement(ref.Requirement)
				report(none, ref.Standard, ref.Edition, at, []evidence.Result{shows(ref, q, m.Requirement.Method)})
			}
		}
		if again := assess.Assess(c, none, r.Scheme, at)[0]; again.Grantable() != r.Grantable() {
			t.Errorf("%s: with all that was missing %q, want %q: %+v", r.Scheme, again.Grantable(), r.Grantable(), again.Missing)
		}
	}
}

// Scopes that texts decide: an infusion pump is out of the consumer label, a
// router has a list of its own there.
func TestEmbeddedScope(t *testing.T) {
	cat, c := embedded(t)
	at := civil.MustDate("2026-11-24")
	if r := assess.Assess(c, everything(cat, "medical/infusion-pump"), "sg-cls-iot", at)[0]; r.Levels[0].Answer != scheme.No || r.Levels[0].Confidence != scheme.Official {
		t.Errorf("infusion pump: %s, %s", r.Levels[0].Answer, r.Levels[0].Confidence)
	}
	if r := assess.Assess(c, everything(cat, "consumer/router"), "sg-cls-iot", at)[0]; len(r.Profiles) != 1 || r.Profiles[0] != "home-gateway" {
		t.Errorf("a router's profiles: %v", r.Profiles)
	}
	// Most of the criteria stand for items not seen: the answer says that it rests on them.
	if r := assess.Assess(c, everything(cat, "consumer/smart-home-hub"), "kr-cic", at)[0]; r.Levels[1].Confidence != scheme.Unverified || len(r.Levels[1].Doubts) == 0 {
		t.Errorf("basic: %s, doubts %v", r.Levels[1].Confidence, r.Levels[1].Doubts)
	}
}

func BenchmarkAssess(b *testing.B) {
	cat, c := embedded(b)
	at := civil.MustDate("2026-11-24")
	all := everything(cat, "consumer/smart-home-hub")
	none := &evidence.Evidence{Product: all.Product}
	for _, x := range []struct {
		name string
		ev   *evidence.Evidence
	}{{"all shown", all}, {"nothing stated", none}} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if len(assess.Assess(c, x.ev, "", at)) == 0 {
					b.Fatal("no result")
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	cat, _ := embedded(b)
	for b.Loop() {
		if _, err := assess.Compile(cat); err != nil {
			b.Fatal(err)
		}
	}
}
