package assess_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

var (
	image1, image2 = evidence.Hash{1}, evidence.Hash{2}
	diffDay        = civil.MustDate("2026-06-01")
)

// differing is a catalog whose level 1 asks for a and level 2 for b as well, by
// the maker's test; b's group has units of every kind. Another scheme asks for
// what a mapping carries a to, and covers security updates.
func differing(t testing.TB) (*scheme.Catalog, *assess.Compiled) {
	t.Helper()
	sure := scheme.Fact{Source: "s", Confidence: scheme.Official}
	adds := func(standard string, ids ...string) []scheme.Adds {
		return []scheme.Adds{{Standard: standard, Edition: "1", Requirements: ids, Method: scheme.Test, By: scheme.Maker, Fact: sure}}
	}
	reqs := func(ids ...string) (rs []scheme.Requirement) {
		for _, id := range ids {
			rs = append(rs, scheme.Requirement{ID: id, Status: scheme.Mandatory, Fact: sure})
		}
		return rs
	}
	home := []scheme.InCategory{{Category: "home", Fact: sure}}
	edition := func(rule scheme.FirmwareRule, levels ...scheme.Level) []scheme.Edition {
		for i := range levels {
			levels[i].Fact = sure
		}
		return []scheme.Edition{{ID: "e", From: civil.MustDate("2025-01-01"), Categories: home, Levels: levels, Firmware: rule, Fact: sure}}
	}
	over := func(table string) *scheme.Over { return &scheme.Over{Table: table} }
	cat := &scheme.Catalog{
		Categories: []scheme.Category{{ID: "home"}},
		Standards: []scheme.Standard{
			{ID: "std", Editions: []scheme.StandardEdition{{ID: "1", Fact: sure, Requirements: reqs("a", "b")}}},
			{ID: "other", Editions: []scheme.StandardEdition{{ID: "1", Fact: sure, Requirements: reqs("x")}}},
		},
		Tests: []scheme.TestSpec{{
			ID: "spec", Edition: "1", Assesses: scheme.StandardRef{Standard: "std", Edition: "1"},
			Tables: []scheme.Table{{ID: "rows"}, {ID: "whole"}, {ID: "soft-comp"}},
			Groups: []scheme.TestGroup{{Requirement: "b", Cases: []scheme.TestCase{
				{Number: 1, Kind: scheme.Conceptual, Units: []scheme.TestUnit{
					{ID: "a", Over: over("rows")}, {ID: "b", Reads: []string{"whole"}}, {ID: "c", Over: over("soft-comp")}, {ID: "d"},
				}},
				{Number: 2, Kind: scheme.Functional, Units: []scheme.TestUnit{{ID: "a", Over: over("rows")}, {ID: "b"}}},
			}}},
		}},
		Mappings: []scheme.Mapping{{ID: "m", From: scheme.StandardRef{Standard: "std", Edition: "1"}, To: scheme.StandardRef{Standard: "other", Edition: "1"},
			Rows: []scheme.MappingRow{{From: []string{"b"}, To: "x", Relation: scheme.Equal, Fact: sure}, {From: []string{"a"}, To: "x", Relation: scheme.Subset, Fact: sure}}, Fact: sure}},
		Schemes: []scheme.Scheme{
			{ID: "listed", State: scheme.Open, Fact: sure, Editions: edition(scheme.FirmwareListed, scheme.Level{ID: "1", Adds: adds("std", "a")}, scheme.Level{ID: "2", Adds: adds("std", "b")})},
			{ID: "open", State: scheme.Open, Fact: sure, Editions: edition(scheme.FirmwareOpenSecurity, scheme.Level{ID: "ok", Adds: adds("other", "x")})},
		},
	}
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	return cat, c
}

// before is a product with a report on every unit and claims on a, b and x.
func before(t testing.TB) *evidence.Evidence {
	t.Helper()
	const text = `number: R-1
by: {kind: maker, id: m}
method: {standard: spec, edition: "1"}
date: 2026-03-20
tested: {from: 2026-03-01, to: 2026-03-10}
product: {holder: m, name: Hub, models: [H]}
samples:
  - {id: S1, chosen: x, serial: x, model: H, hardware: A, firmware: 0100000000000000000000000000000000000000000000000000000000000000, received: 2026-02-20}
verdicts:
  - {unit: b-1/a, row: R1, verdict: pass}
  - {unit: b-1/a, row: R2, verdict: pass}
  - {unit: b-1/b, verdict: pass}
  - {unit: b-1/c, row: C1, verdict: pass}
  - {unit: b-1/c, row: C2, verdict: pass}
  - {unit: b-1/d, verdict: pass}
  - {unit: b-2/a, row: R1, sample: S1, verdict: pass}
  - {unit: b-2/b, verdict: pass}
results:
  - {requirements: [std@1/a], verdict: pass, method: test, sample: S1}
  - {requirements: [std@1/a], verdict: pass, method: document}
`
	s, err := evidence.NewSigned("r.yaml", []byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	claim := func(ref string, firmware []evidence.Hash, hardware []string) evidence.Claim {
		r, err := evidence.ParseRef(ref)
		if err != nil {
			t.Fatal(err)
		}
		return evidence.Claim{Requirements: []evidence.Ref{r}, Verdict: evidence.Pass, Method: scheme.Test, By: evidence.Body{Kind: scheme.Maker, ID: "m"},
			Firmware: firmware, Hardware: hardware, Date: civil.MustDate("2026-03-01"), Artifacts: []evidence.Artifact{{Name: "t", SHA256: image1, Size: 1}}}
	}
	row := func(id, text string) evidence.Row { return evidence.Row{"id": {id}, "description": {text}} }
	return &evidence.Evidence{
		Product:  evidence.Product{Holder: "m", Brand: "B", Name: "Hub", Functions: []string{"home"}, Models: []evidence.Model{{ID: "H", Hardware: []string{"A"}}}},
		Firmware: []evidence.Firmware{{Version: "1.0", SHA256: image1}},
		IXIT: map[string][]evidence.Row{
			"rows": {row("R1", "one"), row("R2", "two")}, "whole": {row("W1", "w")},
			"soft-comp": {row("C1", "OpenSSL, for transport"), row("C2", "the kernel")},
		},
		Reports: []evidence.Signed{*s},
		Imports: []evidence.Import{{Components: []evidence.Component{{Name: "openssl", Version: "3.5.0"}, {Name: "zlib", Version: "1.3"}}}},
		Claims:  []evidence.Claim{claim("std@1/a", []evidence.Hash{image1}, nil), claim("std@1/b", nil, []string{"A"}), claim("other@1/x", nil, nil)},
	}
}

// copyOf is deep where the tests change something.
func copyOf(e *evidence.Evidence) *evidence.Evidence {
	c := *e
	c.Firmware = slices.Clone(e.Firmware)
	c.Product.Models = []evidence.Model{{ID: "H", Hardware: slices.Clone(e.Product.Models[0].Hardware)}}
	c.IXIT = map[string][]evidence.Row{}
	for t, rows := range e.IXIT {
		for _, r := range rows {
			n := evidence.Row{}
			for f, v := range r {
				n[f] = slices.Clone(v)
			}
			c.IXIT[t] = append(c.IXIT[t], n)
		}
	}
	c.Reports = slices.Clone(e.Reports)
	c.Imports = []evidence.Import{{Components: slices.Clone(e.Imports[0].Components)}}
	c.Claims = slices.Clone(e.Claims)
	return &c
}

func TestDiff(t *testing.T) {
	cat, c := differing(t)
	for _, x := range []struct {
		name    string
		change  func(*evidence.Evidence)
		stale   string // unit row or requirement: causes
		lost    string
		changes int
	}{
		{"nothing", func(e *evidence.Evidence) {}, "", "", 0},
		{"another order", func(e *evidence.Evidence) { slices.Reverse(e.IXIT["rows"]); slices.Reverse(e.Claims) }, "", "", 0},
		{"new firmware", func(e *evidence.Evidence) { e.Firmware[0] = evidence.Firmware{Version: "1.1", SHA256: image2} },
			"b-2/a R1: firmware 1.0; b-2/b: firmware 1.0; std@1/a: firmware 1.0; std@1/a: firmware 1.0", "listed 1 std@1/a; listed 2 std@1/a", 2},
		{"built again under the same version", func(e *evidence.Evidence) { e.Firmware[0].SHA256 = image2 },
			"b-2/a R1: firmware 1.0; b-2/b: firmware 1.0; std@1/a: firmware 1.0; std@1/a: firmware 1.0", "listed 1 std@1/a; listed 2 std@1/a", 1},
		{"firmware beside the old one", func(e *evidence.Evidence) {
			e.Firmware = append(e.Firmware, evidence.Firmware{Version: "1.1", SHA256: image2})
		}, "", "listed 1 std@1/a; listed 2 std@1/a", 1}, // nothing is stale, and nobody tested the new one
		{"new hardware", func(e *evidence.Evidence) { e.Product.Models[0].Hardware[0] = "B" },
			"b-2/a R1: hardware H A; b-2/b: hardware H A; std@1/a: hardware H A; std@1/b: hardware A", "listed 2 std@1/b", 2},
		{"a row changed", func(e *evidence.Evidence) { e.IXIT["rows"][0]["description"] = evidence.Cell{"uno"} },
			"b-1/a R1: row rows/R1; b-2/a R1: row rows/R1", "", 1},
		{"a row gone", func(e *evidence.Evidence) { e.IXIT["rows"] = e.IXIT["rows"][:1] }, "b-1/a R2: row rows/R2", "", 1},
		{"a row more", func(e *evidence.Evidence) { e.IXIT["rows"] = append(e.IXIT["rows"], evidence.Row{"id": {"R3"}}) }, "", "", 1},
		{"a row more in a table that is read as a whole", func(e *evidence.Evidence) {
			e.IXIT["whole"] = append(e.IXIT["whole"], evidence.Row{"id": {"W2"}})
		}, "b-1/b: row whole/W2", "", 1},
		{"a component that a row names", func(e *evidence.Evidence) { e.Imports[0].Components[0].Version = "3.5.1" }, "b-1/c C1: component openssl", "", 1},
		{"a component that none names", func(e *evidence.Evidence) { e.Imports[0].Components[1].Version = "1.4" },
			"b-1/c C1: component zlib; b-1/c C2: component zlib", "", 1},
		{"no list of components any more", func(e *evidence.Evidence) { e.Imports = nil }, "b-1/c C1: component *; b-1/c C2: component *", "", 1},
		{"another tool's list of the same", func(e *evidence.Evidence) { e.Imports = append(e.Imports, e.Imports[0]) }, "", "", 0},
		{"a report less", func(e *evidence.Evidence) { e.Reports = nil }, "", "", 1},
		{"a feature", func(e *evidence.Evidence) { e.Features = map[string]evidence.Feature{"f": {Answer: scheme.Yes}} }, "", "", 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			old := before(t)
			new := copyOf(old)
			x.change(new)
			d, err := assess.Diff(c, cat, old, new, diffDay)
			if err != nil {
				t.Fatal(err)
			}
			var stale, lost []string
			for _, s := range d.Stale {
				on := strings.TrimSpace(s.Unit + " " + s.Row)
				if s.Unit == "" {
					on = s.About[0].String()
				}
				for _, w := range s.Why {
					on += fmt.Sprintf(": %s %s", w.Kind, w.What)
				}
				stale = append(stale, on)
			}
			for _, s := range d.Standings {
				for _, l := range s.Lost {
					lost = append(lost, fmt.Sprint(s.Scheme, " ", l.Level, " ", strings.Trim(fmt.Sprint(l.Requirements), "[]")))
				}
			}
			if got := strings.Join(stale, "; "); got != x.stale {
				t.Errorf("stale: %s\nwant: %s", got, x.stale)
			}
			if got := strings.Join(lost, "; "); got != x.lost {
				t.Errorf("lost: %s, want %s", got, x.lost)
			}
			if len(d.Changes) != x.changes {
				t.Errorf("changes: %v", d.Changes)
			}
			if len(old.Reports[0].Report().Verdicts) != 8 || len(old.Claims) != 3 {
				t.Error("the old state was changed")
			}
		})
	}
}

// A table that lost a row which the report saw lends its verdicts no more: what
// else was found there may be gone from sight with it.
func TestDiffRowGone(t *testing.T) {
	cat, c := differing(t)
	old := before(t)
	r := old.Reports[0].Report()
	r.Rows = map[string]evidence.Hash{}
	for _, row := range old.IXIT["rows"] {
		r.Rows["rows/"+row.ID()] = row.Digest()
	}
	new := copyOf(old)
	new.IXIT["rows"] = new.IXIT["rows"][:1]
	d, err := assess.Diff(c, cat, old, new, diffDay)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range d.Stale {
		got = append(got, fmt.Sprint(s.Unit, " ", s.Row, s.Why))
	}
	if g := strings.Join(got, "; "); g != "b-1/a R1[{row rows/R2}]; b-1/a R2[{row rows/R2}]; b-2/a R1[{row rows/R2}]" {
		t.Errorf("stale: %s", g)
	}
}

// A verdict on a table as a whole holds for the rows that its report saw.
func TestReadsAsAWhole(t *testing.T) {
	_, c := differing(t)
	ev := before(t)
	ev.Claims = ev.Claims[:1] // on a; b rests on the report
	r := ev.Reports[0].Report()
	r.Verdicts[6].Verdict = evidence.Pass
	r.Verdicts = append(r.Verdicts, evidence.UnitVerdict{Unit: "b-2/a", Row: "R2", Sample: "S1", Verdict: evidence.Pass})
	for i := range r.Verdicts {
		r.Verdicts[i].Sample = "S1"
	}
	r.Rows = map[string]evidence.Hash{"whole/W1": ev.IXIT["whole"][0].Digest()}
	reached := func() string {
		rs := assess.Assess(c, ev, "listed", diffDay)
		return rs[0].Reached()
	}
	if got := reached(); got != "2" {
		t.Fatalf("reached %q: the test proves nothing", got)
	}
	ev.IXIT["whole"][0]["description"] = evidence.Cell{"another"}
	if got := reached(); got != "1" {
		t.Errorf("after a row of the table changed: %q", got)
	}
	ev.IXIT["whole"] = nil
	if got := reached(); got != "1" {
		t.Errorf("after a row of the table went: %q", got)
	}
}

// A verdict tells for which levels it counts, and each scheme what new firmware
// means for a certificate in force.
func TestDiffLevels(t *testing.T) {
	cat, c := differing(t)
	old := before(t)
	new := copyOf(old)
	new.Firmware[0] = evidence.Firmware{Version: "1.1", SHA256: image2}
	d, err := assess.Diff(c, cat, old, new, diffDay)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Stale[1].Levels, d.Stale[2].Levels); got != "[{listed 2} {open ok}] [{listed 1} {listed 2}]" {
		t.Errorf("levels %s", got)
	}
	if len(d.Standings) != 2 {
		t.Fatalf("standings %+v", d.Standings)
	}
	for i, want := range []assess.Standing{
		{Scheme: "listed", Before: "2", After: "", Firmware: scheme.FirmwareListed, Scope: assess.ScopeNotListed},
		{Scheme: "open", Before: "ok", After: "ok", Firmware: scheme.FirmwareOpenSecurity, Scope: assess.ScopeUpdates},
	} {
		if s := d.Standings[i]; s.Scheme != want.Scheme || s.Before != want.Before || s.After != want.After || s.Firmware != want.Firmware || s.Scope != want.Scope || s.Edition != "e" {
			t.Errorf("got %+v, want %+v", s, want)
		}
	}
	new = copyOf(old)
	new.Product.Name = "Other"
	if _, err := assess.Diff(c, cat, old, new, diffDay); err == nil || !strings.Contains(err.Error(), "two products") {
		t.Errorf("got %v", err)
	}
}

// A verdict that was stale before is none that the change makes so; a new report
// is on the product as it is; a fail stays in the way though it is stale.
func TestDiffLeavesAlone(t *testing.T) {
	cat, c := differing(t)
	old := before(t)
	old.Reports[0].Report().Rows = map[string]evidence.Hash{"rows/R1": {9}}
	new := copyOf(old)
	new.IXIT["rows"][0]["description"] = evidence.Cell{"uno"}
	d, err := assess.Diff(c, cat, old, new, diffDay)
	if err != nil || len(d.Stale) != 0 {
		t.Errorf("stale before: %+v, %v", d, err)
	}

	old = before(t)
	new = copyOf(old)
	new.Firmware[0].SHA256 = image2
	s, err := evidence.NewSigned("r2.yaml", []byte(strings.Replace(old.Reports[0].Body, "R-1", "R-2", 1)), "")
	if err != nil {
		t.Fatal(err)
	}
	new.Reports = []evidence.Signed{*s}
	if d, err = assess.Diff(c, cat, old, new, diffDay); err != nil || slices.ContainsFunc(d.Stale, func(s assess.Stale) bool { return s.Report != "" }) {
		t.Errorf("new report: %+v, %v", d, err)
	}

	old = before(t)
	old.Claims[0].Verdict, old.Claims[0].Ground = evidence.Fail, "broken"
	old.Claims = append(old.Claims, before(t).Claims[0])
	old.Claims[3].Date = civil.MustDate("2026-02-01") // before the fail
	old.Claims[3].Firmware = nil
	new = copyOf(old)
	new.Firmware[0].SHA256 = image2
	if d, err = assess.Diff(c, cat, old, new, diffDay); err != nil || slices.ContainsFunc(d.Standings, func(s assess.Standing) bool { return s.After > s.Before }) {
		t.Errorf("a stale fail was forgotten: %+v, %v", d, err)
	}
	if rs := assess.Assess(c, new, "listed", diffDay); rs[0].Reached() != "" {
		t.Error("the test proves nothing: the fail does not stand")
	}
}
