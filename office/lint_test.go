package office_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/office"
	"assay/scheme"
	"assay/statement"
	"assay/store"
	"assay/store/storetest"
)

// linted is what the lint cases start from: certificates that an office did
// sign, so that each case differs from them in one thing.
type linted struct {
	kr, sg      *node
	grant       *certificate.Certificate // of kr
	designation *certificate.Certificate // of sg, resting on it
	source      certificate.Digest       // leaf of the grant
}

func newLinted(t *testing.T) *linted {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	l := &linted{kr: kr, sg: sg}
	a, err := kr.Certificate(t.Context(), kr.grant("hub.yaml", "kr-cic", "basic", toSG), 0, 0)
	kr.must(err)
	sg.sync(kr)
	l.grant, l.source = a.Certificate, a.Leaf
	l.designation = sg.here(a.Certificate.ID)[0].Certificate
	return l
}

// clone is a deep copy, by way of the log's own form.
func clone(t *testing.T, c *certificate.Certificate) *certificate.Certificate {
	t.Helper()
	b, err := statement.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	out := new(certificate.Certificate)
	if err := statement.Decode(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// lintCases has, by rule, a change that it refuses.
var lintCases = map[string]struct {
	derived bool // of the designation; else of the grant
	change  func(*certificate.Certificate)
}{
	"scheme":      {change: func(c *certificate.Certificate) { c.Scheme, c.ID = "sg-cls-iot", "sg-cls-iot-1" }},
	"edition":     {change: func(c *certificate.Certificate) { c.Edition = "1999" }},
	"level":       {change: func(c *certificate.Certificate) { c.Level = "platinum" }},
	"attestation": {change: func(c *certificate.Certificate) { c.Attestation = "hearsay" }},
	"open":        {change: func(c *certificate.Certificate) { c.Scheme, c.ID = "fi-label", "fi-label-1" }},
	"id":          {change: func(c *certificate.Certificate) { c.ID = "kr-cic-one" }},
	"number":      {change: func(c *certificate.Certificate) { c.Number = "CIC-{year}-1" }},
	"holder":      {change: func(c *certificate.Certificate) { c.Product.Holder = "Hanbit Inc." }},
	"product":     {change: func(c *certificate.Certificate) { c.Product.Brand = "" }},
	"models":      {change: func(c *certificate.Certificate) { c.Product.Models = append(c.Product.Models, c.Product.Models[0]) }},
	"functions":   {change: func(c *certificate.Certificate) { c.Product.Functions = []string{"consumer/crystal-ball"} }},
	"scope":       {derived: true, change: func(c *certificate.Certificate) { c.Product.Functions = []string{"medical"} }},
	"text":        {change: func(c *certificate.Certificate) { c.Product.Name = "Hub\u202e3" }},
	"personal":    {change: func(c *certificate.Certificate) { c.Product.Name = "ask kim@hanbit.example" }},
	"firmware":    {change: func(c *certificate.Certificate) { c.Firmware.Versions = nil }},
	"dates":       {change: func(c *certificate.Certificate) { c.Effective = c.Decided - 1 }},
	"clock":       {change: func(c *certificate.Certificate) { c.Decided += int64(time.Hour / time.Microsecond) }},
	"term":        {change: func(c *certificate.Certificate) { c.Expires = c.Expires.AddDays(1) }},
	"support":     {derived: true, change: func(c *certificate.Certificate) { c.SupportEnd = c.Expires - 1 }},
	"requests":    {change: func(c *certificate.Certificate) { c.Requests = append(c.Requests, c.Requests...) }},
	"act":         {change: func(c *certificate.Certificate) { c.Act = certificate.Digest{} }},
	"derived":     {derived: true, change: func(c *certificate.Certificate) { c.Derived.Source.Leaf[0] ^= 1 }},
	"gives":       {derived: true, change: func(c *certificate.Certificate) { c.Level = "4" }},
	"wider": {derived: true, change: func(c *certificate.Certificate) {
		c.Product.Models = append(c.Product.Models, certificate.Model{ID: "HB-999"})
	}},
}

// Every lint rule has a case that it, and as far as possible only it, refuses.
func TestLintRules(t *testing.T) {
	l := newLinted(t)
	for rule, broken := range lintCases {
		n, c := l.kr, clone(t, l.grant)
		var src *certificate.Certificate
		if broken.derived {
			n, c, src = l.sg, clone(t, l.designation), l.grant
		}
		if err := n.Lint(t.Context(), c, src, l.source); err != nil {
			t.Fatalf("before the change: %v", err)
		}
		broken.change(c)
		err := n.Lint(t.Context(), c, src, l.source)
		if office.CodeOf(err) != office.LintFailed || !slices.Contains(fields(err), rule) {
			t.Errorf("rule %s did not refuse its case: %v", rule, err)
		}
	}
	for _, rule := range office.LintRules() {
		if _, ok := lintCases[rule]; !ok {
			t.Errorf("rule %s has no failing case", rule)
		}
	}
}

// fields are the rules that a lint failure names.
func fields(err error) []string {
	_, rest, _ := strings.Cut(err.Error(), "(at ")
	rest, _, _ = strings.Cut(rest, ")")
	return strings.Split(rest, ",")
}

func TestPersonalData(t *testing.T) {
	l := newLinted(t)
	for name, bad := range map[string]bool{
		"kim@hanbit.example":     true,
		"+82 2 123 4567 89":      true,
		"Hub @home":              false,
		"Model 1234567890":       false,
		"+ plus":                 false,
		"HB-300 (2026) 12345678": false,
	} {
		c := clone(t, l.grant)
		c.Product.Name = name
		if err := l.kr.Lint(t.Context(), c, nil, certificate.Digest{}); (err != nil) != bad {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestLintEvents(t *testing.T) {
	c := &certificate.Certificate{ID: "kr-cic-1", Granted: civil.MustDate("2026-01-01")}
	for name, change := range map[string]func(*certificate.Event){
		"reason":        func(e *certificate.Event) { e.Reason = "Mr. Kim" },
		"act":           func(e *certificate.Event) { e.Act = certificate.Digest{} },
		"amend.expires": func(e *certificate.Event) { e.Amend.Expires = civil.MustDate("2025-01-01") },
		"amend.models":  func(e *certificate.Event) { e.Amend.Models = []certificate.Model{{ID: "a\u200bb"}} },
	} {
		e := &certificate.Event{Kind: scheme.Corrected, Change: certificate.Amends, Reason: "typing-error", Act: certificate.Digest{1}, Amend: &certificate.Amendment{}}
		if err := office.LintEvent(c, e); err != nil {
			t.Fatal(err)
		}
		change(e)
		if err := office.LintEvent(c, e); office.CodeOf(err) != office.LintFailed || fields(err)[0] != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
