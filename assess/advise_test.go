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

var today = civil.MustDate("2026-11-24")

func product(functions string, features ...string) *evidence.Evidence {
	ev := &evidence.Evidence{Features: map[string]evidence.Feature{}}
	if functions != "" {
		ev.Product.Functions = strings.Split(functions, " ")
	}
	for _, f := range features {
		name, no := strings.CutPrefix(f, "!")
		ev.Features[name] = evidence.Feature{Answer: scheme.Yes}
		if no {
			ev.Features[name] = evidence.Feature{Answer: scheme.No}
		}
	}
	return ev
}

// What the guidance in the catalog comes to for products that the texts name.
func TestWeighEmbedded(t *testing.T) {
	_, c := embedded(t)
	known := []string{"!simple-sensor", "!low-end-os", "!large-appliance", "!personal-data"}
	with := func(features ...string) []string { // the other features are known not to be there
		out := slices.Clone(features)
		for _, f := range known {
			if !slices.Contains(features, f[1:]) {
				out = append(out, f)
			}
		}
		return out
	}
	for _, x := range []struct {
		name, scheme, at, functions string
		features                    []string
		want                        string // least | suits | lifted | unknown, open
	}{
		{"a sensor", "kr-cic", "", "consumer/water-detector", with("simple-sensor"), "|lite||"},
		{"a sensor that handles personal data", "kr-cic", "", "consumer/water-detector", with("simple-sensor", "personal-data"), "basic||lite|"},
		{"a product on a low-end system", "kr-cic", "", "consumer/camera", with("low-end-os"), "|basic||"},
		{"a large appliance with personal data", "kr-cic", "", "consumer/refrigerator", with("large-appliance", "personal-data"), "basic|standard||"},
		{"nothing special", "kr-cic", "", "consumer/plug", known, "|||"},
		{"personal data not stated", "kr-cic", "", "consumer/water-detector", []string{"simple-sensor", "!low-end-os", "!large-appliance"}, "|lite||personal-data open"},
		{"nothing stated", "kr-cic", "", "consumer/camera", nil, "|||simple-sensor low-end-os large-appliance personal-data open"},
		{"no function stated", "kr-cic", "", "", with("simple-sensor"), "||| open"},
		{"what no text takes in", "kr-cic", "", "general-computing/phone", with("simple-sensor"), "||| open"},
		{"a sensor in 2019", "kr-cic", "2019-06-01", "consumer/water-detector", with("simple-sensor", "personal-data"), "|lite||"},
		{"a router", "sg-cls-iot", "", "consumer/router", nil, "1|2||"},
		{"a router in 2021", "sg-cls-iot", "2021-06-01", "consumer/router", nil, "1|||"},
		{"a router and camera", "sg-cls-iot", "", "consumer/router consumer/camera", nil, "1|2||"},
		{"a camera", "sg-cls-iot", "", "consumer/camera", nil, "|2||"},
		{"a speaker", "sg-cls-iot", "", "consumer/speaker", nil, "|||"},
		{"some consumer device", "sg-cls-iot", "", "consumer", nil, "||| open"},
		{"a pump in the consumer scheme", "sg-cls-iot", "", "medical/infusion-pump", nil, "|||"},
		{"a listed pump", "sg-cls-md", "", "medical/infusion-pump", []string{"hsa-listed"}, "|1||"},
		{"a pump", "sg-cls-md", "", "medical/infusion-pump", nil, "|||hsa-listed open"},
		{"a detector in Germany", "de-it-sik", "", "consumer/fire-detector", nil, "|label||"},
		{"a speaker in the United Kingdom", "uk-psti", "", "consumer/speaker", nil, "compliant|||"},
		{"a charge point there", "uk-psti", "", "consumer/charge-point", nil, "|||"},
	} {
		at := today
		if x.at != "" {
			at = civil.MustDate(x.at)
		}
		got := "none"
		if os := assess.Weigh(c, assess.Advise(c, product(x.functions, x.features...), x.scheme, at)); len(os) == 1 {
			o := os[0]
			got = fmt.Sprintf("%s|%s|%s|%s", o.Least, strings.Join(o.Suits, " "), strings.Join(o.Lifted, " "), strings.Join(o.Unknown, " "))
			if o.Open {
				got += " open"
			}
		}
		if got != x.want {
			t.Errorf("%s in %s: %q, want %q", x.name, x.scheme, got, x.want)
		}
	}
}

// Each answer names what decided it, and a decided one asks nothing more.
func TestAdvise(t *testing.T) {
	_, c := embedded(t)
	find := func(as []assess.Advised, level string, least bool) assess.Advised {
		i := slices.IndexFunc(as, func(a assess.Advised) bool { return a.Level == level && a.Least == least })
		if i < 0 {
			t.Fatalf("no advice on %s in %+v", level, as)
		}
		return as[i]
	}
	as := assess.Advise(c, product("consumer/camera", "!low-end-os"), "kr-cic", today)
	if a := find(as, "basic", false); a.Answer != scheme.No || a.Unknown != nil {
		t.Errorf("a feature that is not there: %s, %v", a.Answer, a.Unknown)
	}
	a := find(as, "basic", true)
	if a.Answer != scheme.Undetermined || !slices.Equal(a.Unknown, []string{"personal-data"}) {
		t.Errorf("a feature not stated: %s, %v", a.Answer, a.Unknown)
	}
	if a.Edition != "2021" || a.Fact.Source == "" || a.Fact.Confidence == scheme.Official || a.Text.In("ko") == "" {
		t.Errorf("advice without its ground: %+v", a)
	}
	if len(a.Reasons) != 2 || a.Reasons[0].Rule != assess.RuleScope || a.Reasons[0].Answer != scheme.Yes || a.Reasons[1].Rule != assess.RuleAdviceFeature {
		t.Errorf("reasons: %+v", a.Reasons)
	}
	a = find(assess.Advise(c, product("consumer/speaker"), "sg-cls-iot", today), "1", true)
	if a.Answer != scheme.No || a.Reasons[1].Rule != assess.RuleAdviceCategory || a.Reasons[1].Answer != scheme.No {
		t.Errorf("a category that is not the product's: %+v", a)
	}
	// Out of the scheme, the advice does not speak of the product, whatever else holds.
	a = find(assess.Advise(c, product("medical/infusion-pump", "simple-sensor"), "jp-jc-star", today), "star-1", false)
	if a.Answer != scheme.Undetermined {
		t.Errorf("a product that the scheme does not name: %s", a.Answer)
	}
	if as := assess.Advise(c, product("consumer/camera"), "kr-cic", civil.MustDate("2017-01-01")); len(as) != 0 {
		t.Errorf("before the first edition: %+v", as)
	}
	if as := assess.Advise(c, product("consumer/camera"), "none", today); len(as) != 0 {
		t.Errorf("of no scheme: %+v", as)
	}
	all := assess.Advise(c, product("consumer/camera"), "", today)
	if n := len(assess.Weigh(c, all)); n < 6 || len(all) < 12 {
		t.Errorf("%d schemes and %d pieces of advice", n, len(all))
	}
}

// Learning a feature never turns a decided answer round.
func TestAdviseOnlyLearns(t *testing.T) {
	cat, c := embedded(t)
	features := map[string]bool{}
	for _, s := range cat.Schemes {
		for _, e := range s.Editions {
			for _, g := range e.Guidance {
				leaves(g.When, features)
			}
		}
	}
	names := make([]string, 0, len(features))
	for f := range features {
		names = append(names, f)
	}
	slices.Sort(names)
	if len(names) < 4 {
		t.Fatalf("guidance asks only about %v", names)
	}
	for n := range 1 << len(names) {
		full := product("consumer/camera")
		for i, f := range names {
			a := scheme.No
			if n>>i&1 == 1 {
				a = scheme.Yes
			}
			full.Features[f] = evidence.Feature{Answer: a}
		}
		final := assess.Advise(c, full, "", today)
		for _, hide := range names {
			part := product("consumer/camera")
			for f, a := range full.Features {
				if f != hide {
					part.Features[f] = a
				}
			}
			for i, a := range assess.Advise(c, part, "", today) {
				if a.Answer != scheme.Undetermined && a.Answer != final[i].Answer {
					t.Fatalf("%s of %s is %s without %s and %s with it", a.Level, a.Scheme, a.Answer, hide, final[i].Answer)
				}
			}
		}
	}
}

func leaves(c *scheme.Condition, in map[string]bool) {
	if c == nil {
		return
	}
	if c.Feature != "" {
		in[c.Feature] = true
	}
	leaves(c.Not, in)
	for i := range c.All {
		leaves(&c.All[i], in)
	}
	for i := range c.Any {
		leaves(&c.Any[i], in)
	}
}
