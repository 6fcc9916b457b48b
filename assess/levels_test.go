package assess_test

import (
	"testing"

	"assay/assess"
	"assay/evidence"
	"assay/scheme"
)

// Every level of every edition of every scheme assesses, for every class of
// products that it takes or has a list of its own for: with nothing shown
// none is reached whatever the product has, with everything shown the
// highest is.
func TestEveryLevelAssesses(t *testing.T) {
	cat, c := embedded(t)
	tax := scheme.NewTaxonomy(cat.Categories)
	all := everything(cat)
	without := map[string]evidence.Feature{}
	for f := range all.Features {
		without[f] = evidence.Feature{Answer: scheme.No, Ground: "so"}
	}
	n := 0
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		for j := range s.Editions {
			e := &s.Editions[j]
			day, cs := e.From, e.Categories
			for _, p := range e.Profiles {
				cs = append(cs[:len(cs):len(cs)], p.Categories...)
			}
			top := e.Levels[len(e.Levels)-1].ID
			for _, in := range cs {
				if a, _, _ := tax.Scope([]string{in.Category}, e.Categories, e.Except); a == scheme.No {
					continue
				}
				n++
				for _, features := range []map[string]evidence.Feature{all.Features, without} {
					none := device(in.Category)
					none.Features = features
					r := assess.Assess(c, none, s.ID, day)[0]
					if r.Edition != e.ID || len(r.Levels) != len(e.Levels) {
						t.Fatalf("%s on %s: edition %s with %d levels, want %s", s.ID, day, r.Edition, len(r.Levels), e.ID)
					}
					if r.Reached() != "" {
						t.Errorf("%s %s, %s: nothing shown, and %s reached", s.ID, e.ID, in.Category, r.Reached())
					}
					full := everythingOn(cat, day, in.Category)
					full.Features = features
					if r := assess.Assess(c, full, s.ID, day)[0]; r.Reached() != top {
						t.Errorf("%s %s, %s: everything shown, and %q reached: %+v", s.ID, e.ID, in.Category, r.Reached(), r.Missing)
					}
				}
			}
		}
	}
	if n < 35 {
		t.Errorf("only %d classes were assessed", n)
	}
}
