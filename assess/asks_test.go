package assess_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/civil"
	"assay/scheme"
)

// asking is a catalog in which level 1 takes a maker's word on a and b, level
// 2 wants b examined and c tested; gateways have a list of their own.
func asking(t *testing.T) (*scheme.Catalog, *assess.Compiled) {
	t.Helper()
	sure := scheme.Fact{Source: "s", Confidence: scheme.Official}
	ask := func(m scheme.Method, by scheme.By, age int, when *scheme.Condition, ids ...string) scheme.Adds {
		return scheme.Adds{Standard: "std", Edition: "1", Requirements: ids, Method: m, By: by, MaxAge: age, When: when, Fact: sure}
	}
	level := func(id string, as ...scheme.Adds) scheme.Level { return scheme.Level{ID: id, Adds: as, Fact: sure} }
	in := func(id string) []scheme.InCategory { return []scheme.InCategory{{Category: id, Fact: sure}} }
	radio := &scheme.Condition{Any: []scheme.Condition{{Feature: "radio"}, {Feature: "cable"}}}
	rows := func(id, table string) scheme.Field {
		return scheme.Field{ID: id, Kind: scheme.FieldRows, Table: table}
	}
	unit := func(id, table string) scheme.TestUnit {
		return scheme.TestUnit{ID: id, Over: &scheme.Over{Table: table}}
	}
	group := func(requirement string, us ...scheme.TestUnit) scheme.TestGroup {
		return scheme.TestGroup{Requirement: requirement, Cases: []scheme.TestCase{{Number: 1, Kind: scheme.Conceptual, Units: us}}}
	}
	cat := &scheme.Catalog{
		Categories: []scheme.Category{{ID: "home"}, {ID: "gateway", Parent: "home"}, {ID: "pump"}},
		Standards: []scheme.Standard{{ID: "std", Editions: []scheme.StandardEdition{{ID: "1", Fact: sure, Requirements: []scheme.Requirement{
			{ID: "a", Status: scheme.Mandatory, Fact: sure},
			{ID: "b", Status: scheme.Recommended, When: radio, Fact: sure},
			{ID: "c", Status: scheme.Mandatory, Fact: sure, Contents: []scheme.Content{{ID: "scope"}}},
			{ID: "g", Status: scheme.Mandatory, Fact: sure},
		}}}}},
		Tests: []scheme.TestSpec{{
			ID: "spec", Edition: "1", Assesses: scheme.StandardRef{Standard: "std", Edition: "1"},
			Tables: []scheme.Table{
				{ID: "unused"}, {ID: "deep"},
				{ID: "named", Fields: []scheme.Field{rows("to", "deep"), rows("back", "over")}}, // a circle
				{ID: "over", Fields: []scheme.Field{rows("by", "named")}},
				{ID: "via"}, {ID: "only-a"}, {ID: "reused"}, {ID: "whole"},
			},
			Groups: []scheme.TestGroup{
				group("a", unit("a", "only-a")),
				group("b", unit("a", "over"), scheme.TestUnit{ID: "b"}),
				group("c", scheme.TestUnit{ID: "a", Over: &scheme.Over{Table: "deep", Via: &scheme.Via{Table: "via", Field: "f"}}},
					scheme.TestUnit{ID: "b", Reuses: "g-1/a"}, scheme.TestUnit{ID: "c", Reads: []string{"whole"}}),
				group("g", unit("a", "reused")),
			},
		}},
		Schemes: []scheme.Scheme{
			{ID: "open", State: scheme.Open, Fact: sure, Editions: []scheme.Edition{{
				ID: "e", From: civil.MustDate("2025-01-01"), Categories: in("home"), Except: in("pump"), Fact: sure,
				Levels: []scheme.Level{
					level("1", ask(scheme.Declared, scheme.Maker, 0, nil, "a", "b")),
					level("2", ask(scheme.Document, scheme.Laboratory, 12, nil, "b"), ask(scheme.Test, scheme.Laboratory, 24, &scheme.Condition{Feature: "app"}, "c")),
				},
				Profiles: []scheme.Profile{{ID: "gw", Categories: in("gateway"), Fact: sure, Levels: []scheme.Level{
					level("1", ask(scheme.Declared, scheme.Maker, 0, nil, "g")),
				}}},
			}}},
			{ID: "shut", State: scheme.Closed, Closed: civil.MustDate("2025-06-01"), Fact: sure, Editions: []scheme.Edition{{
				ID: "e", From: civil.MustDate("2025-01-01"), Categories: in("home"), Fact: sure, Levels: []scheme.Level{level("1")},
			}}},
		},
	}
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	return cat, c
}

func TestAsks(t *testing.T) {
	cat, c := asking(t)
	at := civil.MustDate("2026-01-01")
	for _, x := range []struct {
		level, function string
		want, features  string
		tables          string
	}{
		{"1", "home", "a declaration maker 1 [] 0; b declaration maker 1 [radio cable] 0 may", "radio cable", ""},
		{"2", "home", "a declaration maker 1 [] 0; b declaration maker 1 [radio cable] 0 may; b document laboratory 2 [radio cable] 12 may; c test laboratory 2 [app] 24",
			"radio cable app", "deep b c; named b; over b; via c; reused c; whole c"},
		{"2", "gateway", "g declaration maker 1 [] 0", "", ""},
	} {
		a, err := assess.Asks(c, cat, "open", x.level, []string{x.function}, at)
		if err != nil {
			t.Fatal(err)
		}
		var got, tables []string
		for _, q := range a.Requirements {
			s := fmt.Sprintf("%s %s %s %s %v %d", q.Ref.Requirement, q.Method, q.By, q.Level, q.Features, q.MaxAge)
			if !q.Duty {
				s += " may"
			}
			got = append(got, s)
			if q.Requirement == nil || q.Requirement.ID != q.Ref.Requirement || (q.Group != nil) != (q.Method != scheme.Declared) {
				t.Errorf("%s: requirement %v, group %v", s, q.Requirement, q.Group)
			}
		}
		for _, tb := range a.Tables {
			s := tb.Table.ID
			for _, r := range tb.For {
				s += " " + r.Requirement
			}
			tables = append(tables, s)
		}
		if g := strings.Join(got, "; "); g != x.want {
			t.Errorf("level %s, %s: got %s, want %s", x.level, x.function, g, x.want)
		}
		if g := strings.Join(tables, "; "); g != x.tables {
			t.Errorf("level %s, %s: tables %s, want %s", x.level, x.function, g, x.tables)
		}
		if g := strings.Join(a.Features(), " "); g != x.features || a.Level.ID != x.level || a.Edition.ID != "e" {
			t.Errorf("level %s, %s: features %s, want %s", x.level, x.function, g, x.features)
		}
	}
	if a, err := assess.Asks(c, cat, "shut", "1", []string{"home"}, at); err != nil || !slices.ContainsFunc(a.Gates, func(r assess.Reason) bool { return r.Rule == assess.RuleOpen && r.Answer == scheme.No }) {
		t.Errorf("a closed scheme is asked of history, and says so: %v", err)
	}
}

func TestAsksRefuses(t *testing.T) {
	cat, c := asking(t)
	for _, x := range []struct{ scheme, level, function, at, says string }{
		{"none", "1", "home", "2026-01-01", "no scheme"},
		{"open", "3", "home", "2026-01-01", "it has 1, 2"},
		{"open", "1", "pump", "2026-01-01", "category-in-scope is no"},
		{"open", "1", "home", "2024-01-01", "edition-in-force is no"},
	} {
		if _, err := assess.Asks(c, cat, x.scheme, x.level, []string{x.function}, civil.MustDate(x.at)); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

// Every level of every scheme of the catalog says what it asks, and each
// requirement of it is there.
func TestAsksEmbedded(t *testing.T) {
	cat, c := embedded(t)
	n := 0
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		for j := range s.Editions {
			e := &s.Editions[j]
			for _, l := range e.Levels {
				for _, in := range e.Categories {
					a, err := assess.Asks(c, cat, s.ID, l.ID, []string{in.Category}, e.From)
					if err != nil {
						continue // another edition of that day fits better, or the category is excepted too
					}
					n++
					for _, q := range a.Requirements {
						if q.Requirement == nil {
							t.Errorf("%s %s %s: requirement %s is not in the catalog", s.ID, e.ID, l.ID, q.Ref)
						}
					}
				}
			}
		}
	}
	if n < len(cat.Schemes) {
		t.Errorf("%d levels answered", n)
	}
}
