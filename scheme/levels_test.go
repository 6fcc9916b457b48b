package scheme

import (
	"slices"
	"testing"

	"assay/civil"
)

// levelsCatalog has two levels of which the second asks again, in another way,
// and a profile of its own.
func levelsCatalog() *Catalog {
	adds := func(method Method, by By, ids ...string) []Adds {
		return []Adds{{Standard: "s", Edition: "1", Requirements: ids, Method: method, By: by}}
	}
	name := Text{"en": "N", "ko": "엔"}
	return &Catalog{
		Sources: map[string]Source{
			"a": {Date: civil.MustDate("2024-05-01")},
			"b": {Date: civil.MustDate("2020-01-01"), Read: civil.MustDate("2024-06-01")},
		},
		Standards: []Standard{{ID: "s", Editions: []StandardEdition{{ID: "1", Requirements: []Requirement{
			{ID: "r1", Status: Mandatory}, {ID: "r2", Status: Recommended}, {ID: "r3", Status: Mandatory},
		}}}}},
		Schemes: []Scheme{{ID: "x", Name: name, Editions: []Edition{{ID: "1",
			Categories: []InCategory{{Category: "all"}},
			Levels: []Level{
				{ID: "zero", Name: name},
				{ID: "low", Name: name, Adds: adds(Declared, Maker, "r1", "r2")},
				{ID: "high", Name: name, Adds: append(adds(Test, Laboratory, "r1"), Adds{Standard: "t", Edition: "2", Requirements: []string{"q"}, Binding: true})},
			},
			Profiles: []Profile{{ID: "p", Categories: []InCategory{{Category: "some"}}, Levels: []Level{{ID: "zero"}, {ID: "low", Adds: adds(Declared, Maker, "r3")}, {ID: "high"}}}},
		}}}},
	}
}

func TestDemands(t *testing.T) {
	c := levelsCatalog()
	var names []string
	for _, r := range c.LevelRefs() {
		names = append(names, r.String())
	}
	if want := []string{"x@1/low", "x@1/high", "x@1/p/low", "x@1/p/high"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	for _, w := range []struct {
		ref       LevelRef
		list      []string
		standards int
		category  string
		title     string
	}{
		{LevelRef{"x", "1", "", "low"}, []string{"s@1/r1 low", "s@1/r2 low"}, 1, "all", "엔, 1: 엔"},
		{LevelRef{"x", "1", "", "high"}, []string{"s@1/r1 low", "s@1/r2 low", "s@1/r1 high", "t@2/q high"}, 2, "all", "엔, 1: 엔"},
		{LevelRef{"x", "1", "p", "high"}, []string{"s@1/r3 low"}, 1, "some", "엔, 1: 엔 (p)"},
	} {
		d, err := c.Demands(w.ref)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, q := range d.List {
			list = append(list, q.Ref.String()+" "+q.Level)
		}
		if !slices.Equal(list, w.list) || len(d.Standards()) != w.standards || d.Categories()[0].Category != w.category || d.Title("ko") != w.title {
			t.Errorf("%s: %v, %v, %v, %s", w.ref, list, d.Standards(), d.Categories(), d.Title("ko"))
		}
	}
	for _, r := range []LevelRef{{"y", "1", "", "low"}, {"x", "2", "", "low"}, {"x", "1", "", "top"}, {"x", "1", "q", "low"}, {"x", "1", "", "zero"}} {
		if d, err := c.Demands(r); err == nil {
			t.Errorf("%s asks for %v", r, d.List)
		}
	}
}

func TestDuty(t *testing.T) {
	c := levelsCatalog()
	d, err := c.Demands(LevelRef{"x", "1", "", "high"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true, true} { // mandatory, recommended, mandatory, bound by the level
		if got := c.Duty(&d.List[i]); got != want {
			t.Errorf("%s is a duty: %v", d.List[i].Ref, got)
		}
	}
	if c.Requirement(RequirementRef{"s", "1", "r2"}) == nil || c.Requirement(RequirementRef{"s", "1", "r9"}) != nil || c.Requirement(RequirementRef{"t", "2", "q"}) != nil {
		t.Error("requirements are found where there are none, or not where there are")
	}
	if c.AsOf() != civil.MustDate("2024-06-01") {
		t.Errorf("as of %s", c.AsOf())
	}
}
