package market_test

import (
	"testing"

	"assay/catalog"
	"assay/civil"
	"assay/market"
	"assay/scheme"
)

// The router of the catalog's one market with rules: level 1 since
// 2021-04-13, registration beside it, level 2 announced.
func TestEmbeddedRouter(t *testing.T) {
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c := market.Compile(cat)
	registered := map[string]scheme.Answer{"imda-registration": scheme.Yes}
	level := func(l string) []market.Label {
		return []market.Label{{Scheme: "sg-cls-iot", Level: l, State: "valid", Valid: scheme.Yes}}
	}
	for _, k := range []struct {
		name, at  string
		labels    []market.Label
		approvals map[string]scheme.Answer
		approved  string
		want      scheme.Answer
		next      scheme.Answer // by the announced rule
	}{
		{"level 2 by recognition, registered", "2026-11-24", level("2"), registered, "", scheme.Yes, scheme.Yes},
		{"level 1, registered", "2026-11-24", level("1"), registered, "", scheme.Yes, scheme.No},
		{"level 2, registration not stated", "2026-11-24", level("2"), nil, "", scheme.Undetermined, scheme.Yes},
		{"no label, registered", "2026-11-24", nil, registered, "", scheme.No, scheme.No},
		{"the day before", "2021-04-12", nil, registered, "2021-05-01", scheme.Yes, scheme.No},
		{"the first day", "2021-04-13", nil, registered, "2021-05-01", scheme.No, scheme.No},
		{"an older model's last day", "2022-05-01", nil, registered, "2021-04-12", scheme.Yes, scheme.No},
		{"an older model after it", "2022-05-02", nil, registered, "2021-04-12", scheme.No, scheme.No},
	} {
		p := &market.Product{Functions: []string{"consumer/router"}, Labels: k.labels, Approvals: k.approvals}
		if k.approved != "" {
			p.Approved = civil.MustDate(k.approved)
		}
		a := market.Check(c, "sg", p, civil.MustDate(k.at))
		if a.Answer != k.want {
			t.Errorf("%s: %s, want %s: %+v", k.name, a.Answer, k.want, a.Rules)
		}
		if n := len(a.Outlook); n == 0 || a.Outlook[n-1].Answer != k.next || !a.Outlook[n-1].Announced {
			t.Errorf("%s: outlook %+v, want the announced rule %s", k.name, a.Outlook, k.next)
		}
	}
	speaker := &market.Product{Functions: []string{"consumer/speaker"}}
	if a := market.Check(c, "sg", speaker, civil.MustDate("2026-11-24")); a.Answer != scheme.Yes || a.Confidence != scheme.Inferred {
		t.Errorf("a speaker, on which no duty falls: %s, %s", a.Answer, a.Confidence)
	}
	if a := market.Check(c, "kr", speaker, civil.MustDate("2026-11-24")); a.Answer != scheme.Undetermined {
		t.Errorf("a market whose rules are not in the catalog: %s", a.Answer)
	}
}

// The United Kingdom asks a statement of every consumer product since
// 2024-04-29, takes foreign labels as it while they are current, and leaves
// charge points and meters out.
func TestEmbeddedStatement(t *testing.T) {
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c := market.Compile(cat)
	statement := market.Label{Scheme: "uk-psti", Level: "compliant", State: "valid", Valid: scheme.Yes}
	deemed := market.Label{Scheme: "uk-psti", State: "valid", Valid: scheme.Yes}
	over := market.Label{Scheme: "uk-psti", State: "lapsed", Valid: scheme.No}
	foreign := market.Label{Scheme: "sg-cls-iot", Level: "1", State: "valid", Valid: scheme.Yes} // nobody drew the conclusion
	for _, k := range []struct {
		name, at  string
		functions []string
		labels    []market.Label
		want      scheme.Answer
	}{
		{"with a statement", "2026-11-24", []string{"consumer/speaker"}, []market.Label{statement}, scheme.Yes},
		{"by a foreign label", "2026-11-24", []string{"consumer/speaker"}, []market.Label{foreign, deemed}, scheme.Yes},
		{"its label has ended", "2026-11-24", []string{"consumer/speaker"}, []market.Label{foreign, over}, scheme.No},
		{"a foreign label alone", "2026-11-24", []string{"consumer/speaker"}, []market.Label{foreign}, scheme.No},
		{"nothing", "2026-11-24", []string{"consumer/speaker"}, nil, scheme.No},
		{"nothing, the day before", "2024-04-28", []string{"consumer/speaker"}, nil, scheme.Yes},
		{"nothing, the first day", "2024-04-29", []string{"consumer/speaker"}, nil, scheme.No},
		{"a phone", "2026-11-24", []string{"general-computing/phone"}, nil, scheme.No},
		{"a charge point", "2026-11-24", []string{"consumer/charge-point"}, nil, scheme.Yes},
		{"a charge point that is a hub too", "2026-11-24", []string{"consumer/charge-point", "consumer/smart-home-hub"}, nil, scheme.Yes},
		{"a computer", "2026-11-24", []string{"general-computing/computer"}, nil, scheme.Yes},
		{"some consumer device", "2026-11-24", []string{"consumer"}, nil, scheme.Undetermined},
		{"some consumer device with a statement", "2026-11-24", []string{"consumer"}, []market.Label{statement}, scheme.Yes},
	} {
		a := market.Check(c, "gb", &market.Product{Functions: k.functions, Labels: k.labels}, civil.MustDate(k.at))
		if a.Answer != k.want {
			t.Errorf("%s: %s, want %s: %+v", k.name, a.Answer, k.want, a.Rules)
		}
	}
	// A level is not met by a duty that counts as met elsewhere.
	router := &market.Product{Functions: []string{"consumer/router"}, Labels: []market.Label{{Scheme: "sg-cls-iot", State: "valid", Valid: scheme.Yes}}, Approvals: map[string]scheme.Answer{"imda-registration": scheme.Yes}}
	if a := market.Check(c, "sg", router, civil.MustDate("2026-11-24")); a.Answer != scheme.No {
		t.Errorf("a router whose label has no level: %s", a.Answer)
	}
}
