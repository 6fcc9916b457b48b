package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/evidence"
	"assay/locale"
	"assay/scheme"
)

func TestStates(t *testing.T) {
	got := map[string]string{}
	for _, s := range small(t, Options{}).Schemes {
		var ls []string
		for _, l := range s.Levels {
			ls = append(ls, fmt.Sprintf("%s %s missing %d, %d of %d", l.Level.ID, l.State, l.Missing, l.Shown, l.Asked))
		}
		got[s.Scheme.ID] = strings.Join(ls, "; ")
	}
	for id, want := range map[string]string{
		"alpha":   "1 reached missing 0, 4 of 4; 2 lacking missing 3, 1 of 4",
		"beta":    "1 shown missing 0, 4 of 4",
		"delta":   "1 open missing 0, 4 of 4",
		"epsilon": "",
		"gamma":   "1 excluded missing 0, 4 of 4",
	} {
		if got[id] != want {
			t.Errorf("%s: %q, want %q", id, got[id], want)
		}
	}
	// A feature that nobody stated leaves a level open, not lacking.
	ev := smallEvidence(t)
	ev.Features["camera"] = evidence.Feature{}
	if l := smallOf(t, smallCatalog(), ev, Options{}).Schemes[0].Levels[0]; l.State != Unsure || l.Missing != 1 {
		t.Errorf("feature unknown: %s, missing %d", l.State, l.Missing)
	}
}

func TestAreas(t *testing.T) {
	var got []string
	for _, a := range small(t, Options{}).Schemes[0].Areas {
		got = append(got, fmt.Sprintf("%s:%d/%d free %d", a.ID, a.Shown, a.Asked, a.Free))
	}
	if want := "1:1/1 free 2 2:2/2 free 0 3:0/1 free 0 4:0/1 free 0 5:0/1 free 0"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", strings.Join(got, " "), want)
	}
}

func TestFindings(t *testing.T) {
	r := small(t, Options{})
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s at %s", f.Kind, strings.Join(f.Places, " ")))
	}
	want := []string{
		"contradiction at /ics/0/entries/1-2",
		"contradiction at /ixit/parts/0/update",
		"unsigned at /reports/3/body",
		"other-firmware at /reports/3/body/samples/0/firmware",
		"rows-changed at /ixit/parts/0",
		"expired at /reports/3/body/valid_until",
		"failed at ts@1/3-1",
		"inconclusive at /reports/3/body/results/0",
		"support-end at /support/end",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Each way in which a report does not count is found, and none in a good one.
func TestReportFindings(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(cat *scheme.Catalog, ev *evidence.Evidence, r *evidence.Report) (signature string)
		want  FindingKind
	}{
		{"good", func(*scheme.Catalog, *evidence.Evidence, *evidence.Report) string { return "good" }, ""},
		{"not signed", func(*scheme.Catalog, *evidence.Evidence, *evidence.Report) string { return "" }, FoundUnsigned},
		{"another key", func(*scheme.Catalog, *evidence.Evidence, *evidence.Report) string { return "bad" }, FoundForged},
		{"unknown laboratory", func(cat *scheme.Catalog, _ *evidence.Evidence, _ *evidence.Report) string {
			cat.Laboratories = nil
			return "good"
		}, FoundUnknownLab},
		{"another model", func(_ *scheme.Catalog, _ *evidence.Evidence, r *evidence.Report) string {
			r.Product.Models = []string{"H-2"}
			return "good"
		}, FoundOther},
		{"a variant", func(_ *scheme.Catalog, _ *evidence.Evidence, r *evidence.Report) string {
			r.Product.Models = []string{"H-1w"}
			return "good"
		}, ""},
		{"another holder", func(_ *scheme.Catalog, _ *evidence.Evidence, r *evidence.Report) string {
			r.Product.Holder = "xx:other"
			return "good"
		}, FoundOther},
		{"other firmware", func(_ *scheme.Catalog, ev *evidence.Evidence, _ *evidence.Report) string {
			ev.Firmware[0].SHA256 = evidence.Hash{9}
			return "good"
		}, FoundFirmware},
		{"a row gone", func(_ *scheme.Catalog, _ *evidence.Evidence, r *evidence.Report) string {
			r.Rows = map[string]evidence.Hash{"parts/P-7": {1}}
			return "good"
		}, FoundRows},
		{"expired", func(_ *scheme.Catalog, _ *evidence.Evidence, r *evidence.Report) string {
			r.Until = testDay - 1
			return "good"
		}, FoundExpired},
		{"valid through today", func(_ *scheme.Catalog, _ *evidence.Evidence, r *evidence.Report) string {
			r.Until = testDay
			return "good"
		}, ""},
		{"of tomorrow", func(_ *scheme.Catalog, _ *evidence.Evidence, r *evidence.Report) string {
			r.Date = testDay + 1
			return "good"
		}, FoundFuture},
		{"accreditation ended", func(cat *scheme.Catalog, _ *evidence.Evidence, r *evidence.Report) string {
			cat.Laboratories[0].Scopes[0].Until = r.Tested.To - 1
			return "good"
		}, FoundScope},
		{"the scheme approves", func(cat *scheme.Catalog, _ *evidence.Evidence, _ *evidence.Report) string {
			cat.Schemes[0].Approves = true
			return "good"
		}, FoundApproval},
		{"the scheme approved it", func(cat *scheme.Catalog, _ *evidence.Evidence, _ *evidence.Report) string {
			cat.Schemes[0].Approves = true
			cat.Laboratories[0].Scopes[0].Schemes = []string{"alpha"}
			return "good"
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cat, ev := smallCatalog(), smallEvidence(t)
			r := *ev.Reports[1].Report()
			ev.IXIT, ev.ICS, ev.Support.End = nil, nil, testDay
			signature := c.spoil(cat, ev, &r)
			s, err := evidence.FromReport("verdicts/x.yaml", &r, signature)
			if err != nil {
				t.Fatal(err)
			}
			ev.Reports = []evidence.Signed{*s}
			verify(ev)
			var got []FindingKind
			for _, f := range smallOf(t, cat, ev, Options{}).Findings {
				got = append(got, f.Kind)
			}
			var want []FindingKind
			if c.want != "" {
				want = []FindingKind{c.want}
			}
			if !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
}

// A laboratory's report is no finding for a scheme that takes the maker's word,
// or takes no such product.
func TestApprovalWhereItMatters(t *testing.T) {
	cat := smallCatalog()
	for i := range cat.Schemes {
		cat.Schemes[i].Approves = true
	}
	for _, f := range smallOf(t, cat, smallEvidence(t), Options{}).Findings {
		if f.Kind == FoundApproval && !slices.Equal(f.Schemes, []string{"alpha"}) {
			t.Errorf("not approved by %q", f.Schemes)
		}
	}
}

func TestDoubts(t *testing.T) {
	var got []string
	for _, d := range small(t, Options{}).Doubts {
		got = append(got, fmt.Sprintf("%s %s %q: %v by %v", d.Fact.Source, d.Fact.Confidence, d.Fact.Note, d.About, d.By))
	}
	// Alpha's upper level is a sure no, which rests on nothing below official.
	if len(got) != 0 {
		t.Errorf("%q", got)
	}
	// The lower level rests on what is known less well; delta asks for the same.
	ev, cat := smallEvidence(t), smallCatalog()
	cat.Schemes[0].Editions[0].Levels[0].Adds[0].Fact = facts("press", scheme.Secondary, "n")
	got = nil
	for _, d := range smallOf(t, cat, ev, Options{}).Doubts {
		got = append(got, fmt.Sprintf("%s %s %q: %v by %v", d.Fact.Source, d.Fact.Confidence, d.Fact.Note, d.About, d.By))
	}
	if want := `press secondary "n": [std@1/1-1 std@1/1-2 std@1/1-3 std@1/2-2] by [alpha delta]`; len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSpecimen(t *testing.T) {
	ev := smallEvidence(t)
	if !small(t, Options{}).Specimen {
		t.Error("the brand says SPECIMEN, the report does not")
	}
	ev.Product.Brand = "Real"
	if smallOf(t, smallCatalog(), ev, Options{}).Specimen {
		t.Error("called a specimen, and nothing says so")
	}
	ev.Product.Holder = "xx:specimen-maker"
	if !smallOf(t, smallCatalog(), ev, Options{}).Specimen {
		t.Error("the holder says specimen")
	}
}

func TestNewRefuses(t *testing.T) {
	cat := smallCatalog()
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	ev := smallEvidence(t)
	if _, err := New(cat, c, ev, nil, Options{Lang: "fr"}); err == nil || !strings.Contains(err.Error(), strings.Join(locale.Languages, ", ")) {
		t.Errorf("French: %v", err)
	}
	if _, err := New(cat, c, ev, []assess.Result{{Scheme: "omega"}}, Options{Lang: "en"}); err == nil || !strings.Contains(err.Error(), "omega") {
		t.Errorf("unknown scheme: %v", err)
	}
	if _, err := New(cat, c, ev, []assess.Result{{Scheme: "alpha", Edition: "2026", Levels: []assess.LevelResult{{Level: "9"}}}}, Options{Lang: "en"}); err == nil || !strings.Contains(err.Error(), `"9"`) {
		t.Errorf("unknown level: %v", err)
	}
}

// What unlocks most levels comes first, and what unlocks the same is together.
func TestMissingIsInOrder(t *testing.T) {
	cat, c, b := gateway(t)
	r := assessed(t, cat, c, &evidence.Evidence{Product: b.Evidence.Product}, Options{Lang: "en"})
	groups, n, last := bySteps(r.Missing), 0, 1<<30
	for _, g := range groups {
		n += len(g)
		if k := len(g[0].Levels); k > last {
			t.Errorf("%d levels after %d", k, last)
		} else {
			last = k
		}
	}
	if n != len(r.Missing) || len(groups) >= n {
		t.Errorf("%d things in %d groups, of %d", n, len(groups), len(r.Missing))
	}
}
