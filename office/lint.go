package office

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"assay/certificate"
	"assay/recognition"
	"assay/scheme"
)

// lintRule is one thing that must hold before an office signs. A rule looks
// at what would be signed, not at how it came to be.
type lintRule struct {
	id   string
	want string // what must hold, for the person who reads the failure
	ok   func(*lintInput) bool
}

type lintInput struct {
	c      *certificate.Certificate
	office string
	own    []string // authorities that the office acts as
	s      *scheme.Scheme
	e      *scheme.Edition
	l      *scheme.Level
	tax    *scheme.Taxonomy
	clause *scheme.Clause
	source *history
	now    int64
	zone   *time.Location
}

var lintRules = []lintRule{
	{"scheme", "the scheme is in the catalog in force and is this office's", func(in *lintInput) bool {
		return in.s != nil && in.c.Office == in.office && slices.Contains(in.own, in.s.Authority)
	}},
	{"edition", "the edition is one of the scheme and in force on the day of the grant", func(in *lintInput) bool { return in.e != nil && in.e.InForce(in.c.Granted) }},
	{"level", "the level is one of the edition", func(in *lintInput) bool { return in.l != nil || in.deemed() }},
	{"attestation", "the attestation kind is the level's", func(in *lintInput) bool { return in.deemed() || in.l != nil && in.c.Attestation == in.l.Attestation }},
	{"open", "the scheme issues, or issued when this was granted", func(in *lintInput) bool {
		return in.s != nil && (in.s.State == scheme.Open || enteredLate(in.c, in.now, in.zone) && (in.s.Closed.IsZero() || in.c.Granted < in.s.Closed))
	}},
	{"id", "the id is the scheme's and a serial", func(in *lintInput) bool {
		rest, ok := strings.CutPrefix(in.c.ID, in.c.Scheme+"-")
		return ok && rest != "" && strings.Trim(rest, "0123456789") == ""
	}},
	{"number", "there is a number in the scheme's form, unless a duty is only deemed met", func(in *lintInput) bool {
		return in.deemed() == (in.c.Number == "") && !strings.ContainsAny(in.c.Number, "{}")
	}},
	{"holder", "the holder is an entity id", func(in *lintInput) bool { return plain(in.c.Product.Holder, 64) }},
	{"product", "brand, name and at least one model are there", func(in *lintInput) bool {
		return in.c.Product.Brand != "" && in.c.Product.Name != "" && len(in.c.Product.Models) > 0
	}},
	{"models", "no model stands twice", func(in *lintInput) bool {
		seen := map[string]bool{}
		for _, m := range in.c.Product.Models {
			if m.ID == "" || seen[m.ID] {
				return false
			}
			seen[m.ID] = true
		}
		return true
	}},
	{"functions", "every function is a category of the taxonomy", func(in *lintInput) bool {
		return len(in.c.Product.Functions) > 0 && !slices.ContainsFunc(in.c.Product.Functions, func(f string) bool { return !in.tax.Known(f) })
	}},
	{"scope", "the edition does not take the product's category out", func(in *lintInput) bool {
		if in.e == nil {
			return false
		}
		a, _, _ := in.e.Takes(in.tax, in.c.Product.Functions)
		return a != scheme.No
	}},
	{"text", "names are printable NFC text without control or direction characters, at most 200 bytes each", func(in *lintInput) bool {
		texts := []string{in.c.Product.Brand, in.c.Product.Name, in.c.Number}
		for _, m := range in.c.Product.Models {
			texts = append(append(texts, m.ID, m.Hardware), m.Variants...)
		}
		return !slices.ContainsFunc(append(texts, in.c.Firmware.Versions...), func(s string) bool { return !clean(s) })
	}},
	{"personal", "nothing that looks like a person's address or telephone number", func(in *lintInput) bool {
		return !slices.ContainsFunc([]string{in.c.Product.Holder, in.c.Product.Brand, in.c.Product.Name}, personal)
	}},
	{"firmware", "the firmware rule is the edition's, and a listed scope lists versions", func(in *lintInput) bool {
		f := in.c.Firmware
		return in.deemed() || in.c.Derived != nil || in.e != nil && f.Rule == in.e.Firmware && (len(f.Versions) > 0 || f.From != "")
	}},
	{"dates", "it is not decided after it takes effect, nor effective before the day it is granted", func(in *lintInput) bool {
		return in.c.Decided <= in.c.Effective && in.c.Granted.Start(in.zone) <= in.c.Effective
	}},
	{"clock", "it is not decided in the future", func(in *lintInput) bool { return in.c.Decided <= in.now }},
	{"term", "it ends on a day after it begins and not later than the edition's bounds allow", func(in *lintInput) bool {
		if in.deemed() {
			return true
		}
		if in.e == nil || in.c.Expires.IsZero() || in.c.Expires < in.c.Granted {
			return false
		}
		t := recognition.Limit(in.c.Granted, in.e.Term, in.c.SupportEnd, 0)
		return t.Needs == "" && in.c.Expires <= t.End
	}},
	{"support", "it does not outlive the maker's support where the scheme or the clause says so", func(in *lintInput) bool {
		var bounds []scheme.Bound
		if in.e != nil && !in.deemed() { // a duty met ends with what it is met by, not by the scheme's own term
			bounds = append(bounds, in.e.Term...)
		}
		if in.clause != nil {
			bounds = append(bounds, in.clause.Term.Bounds...)
		}
		bound := slices.ContainsFunc(bounds, func(b scheme.Bound) bool { return b.Kind == scheme.SupportEnd })
		return !bound || in.c.SupportEnd.IsZero() || in.c.Expires.IsZero() || in.c.Expires <= in.c.SupportEnd
	}},
	{"requests", "standing requests are for other schemes, one each", func(in *lintInput) bool {
		seen := map[string]bool{in.c.Scheme: true}
		for _, q := range in.c.Requests {
			if seen[q.Scheme] || !q.Consent {
				return false
			}
			seen[q.Scheme] = true
		}
		return true
	}},
	{"act", "it names the act and the catalog that it was decided with", func(in *lintInput) bool { return !in.c.Act.IsZero() && len(in.c.Catalog) == 64 }},
	{"derived", "a designation names its clause, source and reasons", func(in *lintInput) bool {
		d := in.c.Derived
		return d == nil || in.clause != nil && in.source != nil && d.Source.Leaf == in.source.Ref.Leaf && d.Certificate == in.source.Certificate.ID && !d.Reasons.IsZero()
	}},
	{"gives", "a designation is at the level its clause gives", func(in *lintInput) bool {
		return in.c.Derived == nil || in.clause != nil && in.clause.To.Scheme == in.c.Scheme && in.clause.To.Level == in.c.Level
	}},
	{"wider", "a designation has no model that its source has not, and does not outlive it unless the clause says so", func(in *lintInput) bool {
		if in.c.Derived == nil {
			return true
		}
		if in.source == nil {
			return false
		}
		src := certificate.At(in.source.Certificate, in.source.Events, in.zone, in.now, in.now).Amended
		for _, m := range in.c.Product.Models {
			if !slices.ContainsFunc(src.Product.Models, func(n certificate.Model) bool { return n.ID == m.ID }) {
				return false
			}
		}
		return true
	}},
}

func (in *lintInput) deemed() bool {
	return in.c.Derived != nil && in.c.Derived.Mode == scheme.Deemed
}

// lint refuses to sign what breaks a rule, naming all that it breaks.
func (w *work) lint(c *certificate.Certificate) error { return w.lintDerived(c, nil) }

func (w *work) lintDerived(c *certificate.Certificate, source *history) error {
	in := &lintInput{c: c, office: w.info.Office, own: w.info.Authorities, s: w.r.cat.Scheme(c.Scheme), tax: w.r.tax, now: w.now, zone: w.r.zoneOf(c.Scheme), source: source}
	if in.s != nil {
		if in.e = in.s.Edition(c.Edition); in.e != nil {
			in.l = in.e.Level(c.Level)
		}
	}
	if c.Derived != nil {
		_, in.clause = w.r.cat.Clause(c.Derived.Clause)
	}
	var ids, wants []string
	for _, r := range lintRules {
		if !r.ok(in) {
			ids, wants = append(ids, r.id), append(wants, r.want)
		}
	}
	if ids != nil {
		return fail(LintFailed, strings.Join(ids, ","), "nothing was signed; mend it and decide again", "what would be signed breaks %d rules: %s", len(ids), strings.Join(wants, "; "))
	}
	return nil
}

// lintEvent is the same for a status change.
func lintEvent(c *certificate.Certificate, e *certificate.Event) error {
	switch {
	case !plain(e.Reason, 64):
		return fail(LintFailed, "reason", "use a coded reason", "an event gives a coded reason")
	case e.Act.IsZero():
		return fail(LintFailed, "act", "", "an event names its act")
	case e.Amend != nil && e.Amend.Expires != 0 && e.Amend.Expires < c.Granted:
		return fail(LintFailed, "amend.expires", "", "it would end before it began")
	case e.Amend != nil && slices.ContainsFunc(e.Amend.Models, func(m certificate.Model) bool { return !clean(m.ID) || m.ID == "" }):
		return fail(LintFailed, "amend.models", "", "a model's name is empty or not printable")
	}
	return nil
}

func clean(s string) bool {
	if len(s) > 200 || !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// personal finds what must never stand in a log: electronic mail addresses
// and long runs of digits with the separators of telephone numbers.
func personal(s string) bool {
	if i := strings.IndexByte(s, '@'); i > 0 && strings.IndexByte(s[i:], '.') > 0 {
		return true
	}
	digits := 0
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case strings.ContainsRune(" -()/.", r) && i > 0:
		case r == '+' && i == 0:
		default:
			digits = 0
		}
		if digits >= 9 && strings.HasPrefix(strings.TrimSpace(s), "+") {
			return true
		}
	}
	return false
}
