package market

import (
	"fmt"
	"strings"
	"testing"

	"assay/civil"
	"assay/scheme"
)

var day = civil.MustDate

func fact(c scheme.Confidence) scheme.Fact { return scheme.Fact{Source: "s", Confidence: c} }

func catalog() *scheme.Catalog {
	in := []scheme.InCategory{{Category: "router", Fact: fact(scheme.Official)}}
	return &scheme.Catalog{
		Digest: "d",
		Categories: []scheme.Category{
			{ID: "home"}, {ID: "router", Parent: "home"}, {ID: "mesh", Parent: "router"}, {ID: "speaker", Parent: "home"},
		},
		Markets: []scheme.Market{
			{ID: "land", Rules: []scheme.MarketRule{
				{
					ID: "one", Categories: in, From: day("2021-04-13"), Scheme: "label", Levels: []string{"1", "2"},
					Beside:      []scheme.Beside{{ID: "registration", Fact: fact(scheme.Secondary)}},
					SellThrough: &scheme.SellThrough{ApprovedBefore: day("2021-04-13"), Until: day("2022-05-01"), Fact: fact(scheme.Mirror)},
					Fact:        fact(scheme.Official),
				},
				{ID: "old", Categories: in, From: day("2019-01-01"), Until: day("2020-12-31"), Scheme: "label", Levels: []string{"0"}, Fact: fact(scheme.Official)},
				{ID: "two", Categories: in, From: day("2027-12-31"), Announced: true, Scheme: "label", Levels: []string{"2"}, Fact: fact(scheme.Official)},
			}},
			{ID: "empty"},
		},
	}
}

func router() *Product {
	return &Product{
		Functions: []string{"router"},
		Approvals: map[string]scheme.Answer{"registration": scheme.Yes},
		Labels:    []Label{{Scheme: "label", Level: "1", State: "valid", Valid: scheme.Yes}},
	}
}

// show writes an answer with the rules that decided and the outlook.
func show(a Answer) string {
	s := fmt.Sprintf("%s/%s", a.Answer, a.Confidence)
	for _, r := range a.Rules {
		s += fmt.Sprintf(" %s=%s", r.Rule, r.Answer)
	}
	for _, r := range a.Outlook {
		s += fmt.Sprintf(" (%s=%s)", r.Rule, r.Answer)
	}
	return s
}

func TestCheck(t *testing.T) {
	label := func(level, state string, valid scheme.Answer) func(*Product) {
		return func(p *Product) { p.Labels = []Label{{Scheme: "label", Level: level, State: state, Valid: valid}} }
	}
	functions := func(fs ...string) func(*Product) { return func(p *Product) { p.Functions = fs } }
	older := func(d string) func(*Product) {
		return func(p *Product) { p.Labels, p.Approved = nil, day(d) }
	}
	registration := func(a scheme.Answer) func(*Product) {
		return func(p *Product) { p.Approvals["registration"] = a }
	}
	same := func(*Product) {}
	for _, c := range []struct {
		name, at string
		change   func(*Product)
		want     string
	}{
		{"last day before any rule", "2018-12-31", func(p *Product) { p.Labels = nil }, "yes/inferred (one=undetermined) (old=no) (two=no)"},
		{"an older rule's last day", "2020-12-31", same, "no/official old=no (one=yes) (two=no)"},
		{"the day after it", "2021-01-01", same, "yes/inferred (one=yes) (two=no)"},
		{"the day before the duty", "2021-04-12", func(p *Product) { p.Labels = nil }, "yes/inferred (one=undetermined) (two=no)"},
		{"the duty's first day, without", "2021-04-13", func(p *Product) { p.Labels, p.Approved = nil, day("2021-04-13") }, "no/official one=no (two=no)"},
		{"the duty's first day, with", "2021-04-13", same, "yes/secondary one=yes (two=no)"},
		{"an older model, last day", "2022-05-01", older("2021-04-12"), "yes/mirror one=yes (two=no)"},
		{"an older model, too late", "2022-05-02", older("2021-04-12"), "no/official one=no (two=no)"},
		{"not older by a day", "2022-05-01", older("2021-04-13"), "no/official one=no (two=no)"},
		{"approval not stated", "2022-05-01", func(p *Product) { p.Labels = nil }, "undetermined/mirror one=undetermined (two=no)"},
		{"registration not stated", "2026-11-24", func(p *Product) { p.Approvals = nil }, "undetermined/secondary one=undetermined (two=no)"},
		{"not registered", "2026-11-24", registration(scheme.No), "no/secondary one=no (two=no)"},
		{"registered and labeled", "2026-11-24", same, "yes/secondary one=yes (two=no)"},
		{"level 2 meets the outlook", "2026-11-24", label("2", "valid", scheme.Yes), "yes/secondary one=yes (two=yes)"},
		{"announced, and its day has come", "2027-12-31", same, "yes/secondary one=yes (two=no)"},
		{"a level that the list has not", "2026-11-24", label("3", "valid", scheme.Yes), "no/official one=no (two=no)"},
		{"suspended", "2026-11-24", label("1", "suspended", scheme.No), "no/official one=no (two=no)"},
		{"held", "2026-11-24", label("1", "held", scheme.Undetermined), "undetermined/secondary one=undetermined (two=no)"},
		{"another scheme's label", "2026-11-24", func(p *Product) { p.Labels[0].Scheme = "other" }, "no/official one=no (two=no)"},
		{"a kind of router", "2026-11-24", functions("mesh"), "yes/secondary one=yes (two=no)"},
		{"a speaker that is a router too", "2026-11-24", functions("speaker", "router"), "yes/secondary one=yes (two=no)"},
		{"a speaker", "2026-11-24", functions("speaker"), "yes/inferred"},
		{"something at home, without a label", "2026-11-24", func(p *Product) { p.Functions, p.Labels = []string{"home"}, nil }, "undetermined/official one=undetermined (two=undetermined)"},
		{"something at home, with all that a router needs", "2026-11-24", functions("home"), "yes/secondary one=yes (two=undetermined)"},
		{"no function", "2026-11-24", func(p *Product) { p.Functions, p.Labels = nil, nil }, "undetermined/unverified one=undetermined (two=undetermined)"},
		{"an unknown function", "2026-11-24", func(p *Product) { p.Functions, p.Labels = []string{"toaster"}, nil }, "undetermined/unverified one=undetermined (two=undetermined)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := router()
			c.change(p)
			a := Check(Compile(catalog()), "land", p, day(c.at))
			if got := show(a); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if len(a.Reasons) == 0 || a.Catalog != "d" {
				t.Errorf("reasons %v, catalog %q", a.Reasons, a.Catalog)
			}
		})
	}
}

// Nothing known of a market is no leave to sell there.
func TestUnknownMarket(t *testing.T) {
	for id, rule := range map[string]string{"empty": RuleNoRules, "nowhere": RuleMarketUnknown} {
		a := Check(Compile(catalog()), id, router(), day("2026-11-24"))
		if a.Answer != scheme.Undetermined || a.Reasons[0].Rule != rule {
			t.Errorf("%s: %s because of %v", id, a.Answer, a.Reasons)
		}
	}
}

// A ruling says which duties it looked at, what it found, and where that stands.
func TestReasons(t *testing.T) {
	p := router()
	p.Labels = append(p.Labels, Label{Scheme: "label", Level: "2", State: "held"})
	p.Approvals = nil
	r := Check(Compile(catalog()), "land", p, day("2026-11-24")).Rules[0]
	var got []string
	for _, x := range r.Reasons {
		if x.Fact == nil {
			t.Errorf("%s rests on nothing", x.Rule)
		}
		got = append(got, fmt.Sprintf("%s:%s:%s", x.Rule, x.Data, x.Answer))
	}
	if s, want := strings.Join(got, " "), "category:router:yes label:label 1 valid:yes beside:registration:undetermined"; s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if r.Since != day("2021-04-13") || len(r.Levels) != 2 {
		t.Errorf("since %s, levels %v", r.Since, r.Levels)
	}
}

func BenchmarkCheck(b *testing.B) {
	c, p := Compile(catalog()), router()
	b.ReportAllocs()
	for b.Loop() {
		if Check(c, "land", p, day("2026-11-24")).Answer != scheme.Yes {
			b.Fatal("not yes")
		}
	}
}
