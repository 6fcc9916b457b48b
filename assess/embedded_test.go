package assess_test

import (
	"testing"

	"assay/assess"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

func embedded(t testing.TB) (*scheme.Catalog, *assess.Compiled) {
	t.Helper()
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	return cat, c
}

// everything shows all requirements of the catalog in the strongest way, with
// every feature there.
func everything(cat *scheme.Catalog, functions ...string) *evidence.Evidence {
	ev := &evidence.Evidence{Product: evidence.Product{Functions: functions}, Features: map[string]evidence.Feature{}}
	for _, s := range cat.Standards {
		for _, f := range s.Features {
			ev.Features[f.ID] = evidence.Feature{Answer: scheme.Yes}
		}
		for _, e := range s.Editions {
			for _, r := range e.Requirements {
				ev.Claims = append(ev.Claims, evidence.Claim{
					Requirements: []evidence.Ref{{Standard: s.ID, Edition: e.ID, Requirement: r.ID}},
					Verdict:      evidence.Pass, Method: scheme.Test,
					By:   evidence.Body{Kind: scheme.Laboratory, ID: "lab:1"},
					Date: civil.MustDate("2026-01-15"),
				})
			}
		}
	}
	return ev
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
		none := &evidence.Evidence{Product: all.Product, Features: all.Features}
		less := assess.Assess(c, none, r.Scheme, at)[0]
		if less.Reached() != "" {
			t.Errorf("%s: nothing shown, and %s reached", r.Scheme, less.Reached())
		}
		if open && r.Gates[2].Answer != scheme.No && len(less.Missing) == 0 {
			t.Errorf("%s: nothing shown, and nothing missing", r.Scheme)
		}
		for _, m := range less.Missing {
			if m.Kind == assess.MissingRequirement {
				none.Claims = append(none.Claims, evidence.Claim{
					Requirements: []evidence.Ref{evidence.Ref(m.Requirement.Requirement)},
					Verdict:      evidence.Pass, Method: m.Requirement.Method,
					By:   evidence.Body{Kind: m.Requirement.By, ID: "x"},
					Date: at,
				})
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
