package evidence

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"assay/scheme"
)

// Finding is something that a person has to correct.
type Finding struct {
	Place   string `json:"place"`   // JSON pointer (RFC 6901) into the file; see Line
	Problem string `json:"problem"` // what is wrong
	Remedy  string `json:"remedy"`  // what to do
}

func (f Finding) String() string { return f.Place + ": " + f.Problem + ": " + f.Remedy }

const (
	maxLine  = 200   // characters of an id, a name
	maxText  = 4_000 // characters of a ground
	maxItems = 10_000

	maxImages = 50 // firmware of one product that is assessed together
)

// Validate says what in the file cannot be right whatever scheme it is for,
// in the order of the file. Whether its words are known to a catalog is for
// assess to say.
func (e *Evidence) Validate() []Finding {
	v := &validator{}
	v.product(&e.Product)
	if n := len(e.Firmware); n > maxImages {
		v.add("/firmware", fmt.Sprintf("%d images", n), fmt.Sprintf("at most %d: what is not assessed together belongs into bundles of their own", maxImages))
	}
	for i, f := range e.Firmware {
		at := fmt.Sprintf("/firmware/%d", i)
		v.line(at+"/version", f.Version)
		v.hash(at+"/sha256", f.SHA256)
	}
	v.count("/features", len(e.Features))
	for _, id := range sortedKeys(e.Features) {
		at := "/features/" + escape.Replace(id)
		if !plain(id, 80) {
			v.add(at, fmt.Sprintf("%.40q is no feature id", id), "take one of a standard's features: lower-case letters, digits, hyphens")
		}
		v.text(at+"/ground", e.Features[id].Ground)
	}
	v.text("/support/published", e.Support.Published)
	v.ics(e)
	v.ixit(e)
	v.reports(e)
	v.imports(e)
	v.count("/claims", len(e.Claims))
	for i := range e.Claims {
		v.claim(fmt.Sprintf("/claims/%d", i), &e.Claims[i])
	}
	if d := e.Declaration; d != nil {
		v.id("/declaration/by", d.By)
		if d.Date.IsZero() {
			v.add("/declaration/date", "no date", "give the day on which it was declared")
		}
		if d.Document != nil {
			v.artifact("/declaration/document", *d.Document)
		}
	}
	return v.found
}

type validator struct{ found []Finding }

func (v *validator) add(place, problem, remedy string) {
	v.found = append(v.found, Finding{place, problem, remedy})
}

func (v *validator) product(p *Product) {
	v.id("/product/holder", p.Holder)
	v.line("/product/brand", p.Brand)
	v.line("/product/name", p.Name)
	if len(p.Functions) == 0 {
		v.add("/product/functions", "no function", "name every category that the product belongs to: without one no scheme's scope can be told")
	}
	v.count("/product/functions", len(p.Functions))
	for i, f := range p.Functions {
		at := fmt.Sprintf("/product/functions/%d", i)
		v.line(at, f)
		if slices.Contains(p.Functions[:i], f) {
			v.add(at, fmt.Sprintf("function %.40q comes twice", f), "keep one")
		}
	}
	if len(p.Models) == 0 {
		v.add("/product/models", "no model", "name at least one: a certificate is for models")
	}
	v.count("/product/models", len(p.Models))
	seen := map[string]bool{}
	once := func(at, id string) {
		v.line(at, id)
		if seen[id] {
			v.add(at, fmt.Sprintf("model or variant %.40q comes twice", id), "give each its own designation")
		}
		seen[id] = true
	}
	for i, m := range p.Models {
		at := fmt.Sprintf("/product/models/%d", i)
		once(at+"/id", m.ID)
		v.hardware(at, m.Hardware, m.GTINs)
		v.count(at+"/variants", len(m.Variants))
		for j, w := range m.Variants {
			at := fmt.Sprintf("%s/variants/%d", at, j)
			once(at+"/id", w.ID)
			v.text(at+"/differs", w.Differs)
			v.hardware(at, w.Hardware, w.GTINs)
		}
	}
}

func (v *validator) hardware(at string, revisions, gtins []string) {
	v.count(at+"/hardware", len(revisions))
	for i, r := range revisions {
		v.line(fmt.Sprintf("%s/hardware/%d", at, i), r)
	}
	v.count(at+"/gtins", len(gtins))
	for i, g := range gtins {
		if !validGTIN(g) {
			v.add(fmt.Sprintf("%s/gtins/%d", at, i), fmt.Sprintf("%.20q is no GTIN", g), "write its 8, 12, 13 or 14 digits; the last is the check digit")
		}
	}
}

func (v *validator) claim(at string, c *Claim) {
	if len(c.Requirements) == 0 {
		v.add(at+"/requirements", "no requirement", "name what the claim is about, as standard@edition/requirement")
	}
	v.count(at+"/requirements", len(c.Requirements))
	v.oneOf(at+"/verdict", string(c.Verdict), Pass, Fail, Inconclusive, NotApplicable)
	v.oneOf(at+"/method", string(c.Method), Verdict(scheme.Declared), Verdict(scheme.Document), Verdict(scheme.Test))
	v.oneOf(at+"/by/kind", string(c.By.Kind), Verdict(scheme.Maker), Verdict(scheme.Laboratory))
	v.id(at+"/by/id", c.By.ID)
	v.count(at+"/firmware", len(c.Firmware))
	for i, h := range c.Firmware {
		v.hash(fmt.Sprintf("%s/firmware/%d", at, i), h)
	}
	if c.Date.IsZero() {
		v.add(at+"/date", "no date", "give the day of the verdict: what is undated shows nothing")
	}
	if !c.Until.IsZero() && c.Until < c.Date {
		v.add(at+"/valid_until", "ends before its date", "correct one of the two days")
	}
	v.text(at+"/ground", c.Ground)
	if c.Ground == "" && (c.Verdict == NotApplicable || c.Method == scheme.Declared) {
		v.add(at+"/ground", "no ground", "say why it is so: a declaration and a not-applicable are worth what their ground is")
	}
	if len(c.Artifacts) == 0 && (c.Method == scheme.Document || c.Method == scheme.Test) {
		v.add(at+"/artifacts", "no artifact", "name the document or the test report with its SHA-256")
	}
	v.count(at+"/artifacts", len(c.Artifacts))
	for i, a := range c.Artifacts {
		v.artifact(fmt.Sprintf("%s/artifacts/%d", at, i), a)
	}
}

func (v *validator) artifact(at string, a Artifact) {
	v.line(at+"/name", a.Name)
	v.hash(at+"/sha256", a.SHA256)
	if a.Size <= 0 {
		v.add(at+"/size", fmt.Sprintf("size %d", a.Size), "give its size in bytes")
	}
}

func (v *validator) hash(at string, h Hash) {
	if h == (Hash{}) {
		v.add(at, "no hash", "give the SHA-256 of the file's bytes")
	}
}

// id checks an entity id: what may stand in a public log.
func (v *validator) id(at, s string) {
	if !plain(s, 100) {
		v.add(at, fmt.Sprintf("%.40q is no entity id", s), "use at most 100 letters, digits and . _ : -")
	}
}

func (v *validator) line(at, s string) {
	if s == "" {
		v.add(at, "empty", "fill it in")
	}
	v.chars(at, s, maxLine, false)
}

func (v *validator) text(at, s string) { v.chars(at, s, maxText, true) }

func (v *validator) chars(at, s string, most int, lines bool) {
	if len(s) > 4*most || len([]rune(s)) > most {
		v.add(at, fmt.Sprintf("longer than %d characters", most), "shorten it, or put it into a document and name that as an artifact")
	}
	bad := func(r rune) bool {
		return r == unicode.ReplacementChar || (unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t')))
	}
	if strings.ContainsFunc(s, bad) {
		v.add(at, "holds a control or broken character", "remove it")
	}
}

func (v *validator) count(at string, n int) {
	if n > maxItems {
		v.add(at, fmt.Sprintf("%d entries", n), fmt.Sprintf("at most %d", maxItems))
	}
}

func (v *validator) oneOf(at, s string, words ...Verdict) {
	if !slices.Contains(words, Verdict(s)) {
		v.add(at, fmt.Sprintf("%.40q is not known here", s), fmt.Sprintf("write one of %v", words))
	}
}

// plain reports whether s is 1 to n letters, digits and . _ : - of ASCII.
func plain(s string, n int) bool {
	if s == "" || len(s) > n {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == ':', c == '-':
		default:
			return false
		}
	}
	return true
}

// validGTIN checks length and check digit (GS1 General Specifications 7.9).
func validGTIN(s string) bool {
	if len(s) != 8 && len(s) != 12 && len(s) != 13 && len(s) != 14 {
		return false
	}
	sum := 0
	for i := range s {
		c := int(s[len(s)-1-i]) - '0'
		if c < 0 || c > 9 {
			return false
		}
		if i%2 == 1 {
			c *= 3
		}
		sum += c
	}
	return sum%10 == 0
}

func sortedKeys[V any](m map[string]V) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}
