package scheme

import (
	"testing"

	"assay/civil"
)

func TestScope(t *testing.T) {
	tax := NewTaxonomy([]Category{
		{ID: "consumer"}, {ID: "consumer/hub", Parent: "consumer"}, {ID: "consumer/camera", Parent: "consumer"},
		{ID: "consumer/lock", Parent: "consumer"}, {ID: "medical"},
		{ID: "a", Parent: "b"}, {ID: "b", Parent: "a"}, // a cycle that must not hang anyone
	})
	in := func(id string, c Confidence) InCategory { return InCategory{Category: id, Fact: Fact{Confidence: c}} }
	named := []InCategory{in("consumer/hub", Official), in("consumer/camera", Secondary)}
	wide := []InCategory{in("consumer", Inferred), in("consumer/hub", Official)}
	noLock := []InCategory{in("consumer/lock", Official)}
	for _, c := range []struct {
		name       string
		functions  []string
		in, except []InCategory
		want       Answer
		hit        string
		confidence Confidence
	}{
		{"named", []string{"consumer/hub"}, named, noLock, Yes, "consumer/hub", Official},
		{"unnamed is undetermined, not no", []string{"consumer/lock"}, named, nil, Undetermined, "consumer/lock", 0},
		{"excluded", []string{"consumer/lock"}, named, noLock, No, "consumer/lock", Official},
		{"excluded though included above", []string{"consumer/lock"}, wide, noLock, No, "consumer/lock", Official},
		{"out if any function is", []string{"consumer/hub", "consumer/lock"}, named, noLock, No, "consumer/lock", Official},
		{"in only if all functions are", []string{"consumer/hub", "medical"}, named, noLock, Undetermined, "medical", 0},
		{"all functions in: the weakest decides", []string{"consumer/hub", "consumer/camera"}, named, noLock, Yes, "consumer/camera", Secondary},
		{"named twice: the better fact", []string{"consumer/hub"}, wide, nil, Yes, "consumer/hub", Official},
		{"included from above", []string{"consumer/camera"}, wide, nil, Yes, "consumer", Inferred},
		{"the class above is not within one below", []string{"consumer"}, named, nil, Undetermined, "consumer", 0},
		{"no function said", nil, named, noLock, Undetermined, "", 0},
		{"nothing included", []string{"consumer/hub"}, nil, nil, Undetermined, "consumer/hub", 0},
		{"unknown category", []string{"furniture"}, wide, noLock, Undetermined, "furniture", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, fact, hit := tax.Scope(c.functions, c.in, c.except)
			if got != c.want || hit != c.hit {
				t.Errorf("%s by %q, want %s by %q", got, hit, c.want, c.hit)
			}
			if (fact != nil) != (got != Undetermined) {
				t.Errorf("answer %s with the fact %v", got, fact)
			}
			if fact != nil && fact.Confidence != c.confidence {
				t.Errorf("confidence %s, want %s", fact.Confidence, c.confidence)
			}
		})
	}
	if tax.Within("a", "c") || !tax.Within("a", "b") || tax.Within("", "") {
		t.Error("a cycle or nothing lies within what it does not")
	}
	if !tax.Known("medical") || tax.Known("furniture") {
		t.Error("the taxonomy does not know its own categories")
	}
}

func TestEditionOn(t *testing.T) {
	day := civil.MustDate
	s := Scheme{Editions: []Edition{
		{ID: "first", From: day("2020-10-07"), Until: day("2025-03-31")},
		{ID: "second", From: day("2025-04-02")},
	}}
	for _, c := range []struct{ day, want string }{
		{"2020-10-06", ""}, {"2020-10-07", "first"}, {"2020-10-08", "first"},
		{"2025-03-31", "first"}, {"2025-04-01", ""}, {"2025-04-02", "second"}, {"2099-01-01", "second"},
	} {
		got := ""
		if e := s.EditionOn(day(c.day)); e != nil {
			got = e.ID
		}
		if got != c.want {
			t.Errorf("on %s it is %q, want %q", c.day, got, c.want)
		}
	}
	if e := s.Edition("second"); e == nil || e != &s.Editions[1] {
		t.Error("an edition is not found by its id, or copied")
	}
	if s.Edition("third") != nil {
		t.Error("an edition is found that is not there")
	}
}

func TestRank(t *testing.T) {
	e := Edition{Levels: []Level{{ID: "lite"}, {ID: "basic"}}}
	if e.Rank("lite") != 0 || e.Rank("basic") != 1 || e.Rank("gold") != -1 {
		t.Error("levels are not ranked lowest first")
	}
	if e.Level("basic") != &e.Levels[1] || e.Level("gold") != nil {
		t.Error("a level is not found by its id")
	}
}

func TestCatalogLookups(t *testing.T) {
	c := Catalog{
		Schemes:      []Scheme{{ID: "xx-label"}},
		Arrangements: []Arrangement{{ID: "xx-yy"}, {ID: "yy-zz", Clauses: []Clause{{ID: "yy-zz/a"}, {ID: "yy-zz/b"}}}},
	}
	if c.Scheme("xx-label") != &c.Schemes[0] || c.Scheme("no") != nil {
		t.Error("a scheme is not found by its id")
	}
	if a, cl := c.Clause("yy-zz/b"); a != &c.Arrangements[1] || cl != &c.Arrangements[1].Clauses[1] {
		t.Error("a clause is not found by its id")
	}
	if a, cl := c.Clause("yy-zz/c"); a != nil || cl != nil {
		t.Error("a clause is found that is not there")
	}
	r := RequirementRef{"en-303-645", "2.1.1", "5.1-1"}
	if r.String() != "en-303-645@2.1.1/5.1-1" {
		t.Errorf("a reference reads %s", r)
	}
}

func TestTakes(t *testing.T) {
	tax := NewTaxonomy([]Category{{ID: "consumer"}, {ID: "consumer/router", Parent: "consumer"}, {ID: "consumer/tv", Parent: "consumer"}, {ID: "medical"}})
	routers := []InCategory{{Category: "consumer/router", Fact: Fact{Confidence: Secondary}}}
	for _, c := range []struct {
		name       string
		exhaustive bool
		functions  []string
		want       Answer
		confidence Confidence
	}{
		{"named", true, []string{"consumer/router"}, Yes, Secondary},
		{"unnamed, examples", false, []string{"consumer/tv"}, Undetermined, 0},
		{"unnamed, the whole scope", true, []string{"consumer/tv"}, No, Official},
		{"two unnamed, the whole scope", true, []string{"consumer/tv", "medical"}, No, Official},
		{"one of two named", true, []string{"consumer/router", "consumer/tv"}, Undetermined, 0},
		{"wider than what is named", true, []string{"consumer"}, Undetermined, 0},
		{"not in the taxonomy", true, []string{"consumer/car"}, Undetermined, 0},
		{"no function stated", true, nil, Undetermined, 0},
	} {
		e := &Edition{Categories: routers, Exhaustive: c.exhaustive, Fact: Fact{Confidence: Official}}
		a, fact, hit := e.Takes(tax, c.functions)
		if a != c.want || (a != Undetermined && (fact == nil || fact.Confidence != c.confidence || hit == "")) {
			t.Errorf("%s: %s by %v (%s), want %s", c.name, a, fact, hit, c.want)
		}
	}
}
