package attest

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// Declare writes what the evidence on a product says of the requirements that
// were assessed, as CycloneDX attestations: a claim for each statement, claim
// and result on a requirement as a whole, an attestation for each body that made
// them, with the standards and the levels that they are about. What the levels
// make of it stands in the metadata's properties.
//
// Verdicts on single test units are not in it: CycloneDX knows requirements
// only. A verdict of not applicable has no score. It is an error if there is
// nothing to declare.
func Declare(c *scheme.Catalog, ev *evidence.Evidence, rs []assess.Result) (*BOM, error) {
	d := &declarer{c: c, ev: ev, asked: map[scheme.RequirementRef]bool{}, evidence: map[string]bool{}}
	d.product = Component{BOMRef: "product", Type: "device", Name: line(ev.Product.Brand + " " + ev.Product.Name)}
	for _, m := range ev.Product.Models {
		d.product.Properties = append(d.product.Properties, Property{"assay:model", m.ID})
	}
	d.product.Properties = append(d.product.Properties, Property{"assay:holder", ev.Product.Holder})
	d.out.Targets.Components = []Component{d.product}
	var day civil.Date
	b := document(c, "declarations\x00"+ev.Product.Holder+"\x00"+d.product.Name)
	defs := &Definitions{}
	var bases []scheme.StandardRef
	base := func(r scheme.StandardRef) {
		if !slices.Contains(bases, r) {
			bases = append(bases, r)
		}
	}
	for i := range rs {
		r := &rs[i]
		day = max(day, r.At)
		for _, o := range r.Outcomes {
			d.asked[o.Requirement] = true
			base(scheme.StandardRef{Standard: o.Requirement.Standard, Edition: o.Requirement.Edition})
			if o.Mapping != nil {
				for _, ref := range o.Mapping.From {
					d.asked[ref] = true
					base(scheme.StandardRef{Standard: ref.Standard, Edition: ref.Edition})
				}
			}
		}
		for _, l := range r.Levels {
			name := scheme.LevelRef{Scheme: r.Scheme, Edition: r.Edition, Level: l.Level}.String()
			b.Metadata.Properties = append(b.Metadata.Properties, Property{"assay:shown:" + name, l.Shown.String()}, Property{"assay:grantable:" + name, l.Answer.String()})
		}
		if s := c.Scheme(r.Scheme); s != nil && s.Edition(r.Edition) != nil {
			std, more, err := levels(c, s, s.Edition(r.Edition))
			if err != nil {
				return nil, err
			}
			if len(std.Levels) > 0 {
				defs.Standards = append(defs.Standards, std)
				for _, m := range more {
					base(m)
				}
			}
		}
	}
	for _, r := range bases {
		if s, e := c.StandardEdition(r); e != nil {
			defs.Standards = append(defs.Standards, standard(c, s, e))
		}
	}
	d.statements()
	for i := range d.ev.Claims {
		x := &d.ev.Claims[i]
		d.add(x.By, "claims/"+strconv.Itoa(i), refsOf(x.Requirements), said{x.Verdict, x.Method, x.Date, x.Until, x.Ground, "", x.Firmware}, x.Artifacts)
	}
	d.reports()
	if len(d.out.Claims) == 0 {
		return nil, fmt.Errorf("there is nothing to declare: the evidence says nothing of what was assessed")
	}
	b.Metadata.Timestamp = day.String() + "T00:00:00Z"
	b.Metadata.Authors = nil
	b.Definitions, b.Declarations = defs, &d.out
	return b, nil
}

type declarer struct {
	c        *scheme.Catalog
	ev       *evidence.Evidence
	asked    map[scheme.RequirementRef]bool
	product  Component
	out      Declarations
	evidence map[string]bool // by bom-ref
}

// said is what a body says of requirements.
type said struct {
	verdict  evidence.Verdict
	method   scheme.Method
	date     civil.Date
	until    civil.Date
	ground   string
	report   string
	firmware []evidence.Hash
}

func refsOf(rs []evidence.Ref) []scheme.RequirementRef {
	refs := make([]scheme.RequirementRef, len(rs))
	for i, r := range rs {
		refs[i] = scheme.RequirementRef(r)
	}
	return refs
}

// statements declares what the ICS says.
func (d *declarer) statements() {
	verdicts := map[evidence.Supported]evidence.Verdict{
		evidence.SupportedYes: evidence.Pass, evidence.SupportedNo: evidence.Fail, evidence.SupportedNA: evidence.NotApplicable,
	}
	for i := range d.ev.ICS {
		s := &d.ev.ICS[i]
		for _, id := range sortedKeys(s.Entries) {
			e := s.Entries[id]
			if v, answered := verdicts[e.Support]; answered {
				ref := scheme.RequirementRef{Standard: s.Standard, Edition: s.Edition, Requirement: id}
				d.add(evidence.Body{Kind: scheme.Maker, ID: d.ev.Product.Holder}, "ics/"+ref.String(), []scheme.RequirementRef{ref},
					said{v, scheme.Declared, s.Date, 0, e.Detail, "", nil}, e.Artifacts)
			}
		}
	}
}

// reports declares the results of reports on requirements as a whole.
func (d *declarer) reports() {
	for i := range d.ev.Reports {
		r := d.ev.Reports[i].Report()
		if r == nil {
			continue
		}
		for j := range r.Results {
			x := &r.Results[j]
			s := said{x.Verdict, x.Method, r.Day(x.Date), r.Until, x.Ground, r.Number, nil}
			if d.ev.Reports[i].Signer() != nil {
				s.report += ", signed"
			}
			if sample := r.Sample(x.Sample); sample != nil {
				s.firmware = []evidence.Hash{sample.Firmware}
			}
			d.add(r.By, fmt.Sprintf("reports/%d/results/%d", i, j), refsOf(x.Requirements), s, x.Artifacts)
		}
	}
}

// add enters a claim, and what it attests to under its body's name.
func (d *declarer) add(by evidence.Body, ref string, refs []scheme.RequirementRef, s said, artifacts []evidence.Artifact) {
	refs = slices.DeleteFunc(slices.Clone(refs), func(r scheme.RequirementRef) bool { return !d.asked[r] })
	if len(refs) == 0 {
		return
	}
	a := d.attestation(by)
	names := make([]string, len(refs))
	for i, r := range refs {
		names[i] = r.String()
	}
	var evs []string
	for _, x := range artifacts {
		evs = append(evs, d.artifact(x, s))
	}
	targets := []string{d.product.BOMRef}
	if len(s.firmware) > 0 {
		targets = targets[:0]
		for _, h := range s.firmware {
			targets = append(targets, d.image(h))
		}
	}
	var claims []string
	for i, target := range targets {
		k := Claim{BOMRef: ref, Target: target, Predicate: string(s.verdict) + " on " + s.date.String() + ": " + strings.Join(names, ", "), Reasoning: line(s.ground), Evidence: evs}
		if i > 0 {
			k.BOMRef += "#" + strconv.Itoa(i+1)
		}
		claims = append(claims, k.BOMRef)
		d.out.Claims = append(d.out.Claims, k)
	}
	how := "Shown by " + string(s.method) + " on " + s.date.String()
	if s.report != "" {
		how += ", report " + s.report
	}
	for _, n := range names {
		a.Map = append(a.Map, Conformance{Requirement: n, Claims: claims, Conformance: score(s.verdict, s.ground), Confidence: &Confidence{how + "."}})
	}
}

func score(v evidence.Verdict, ground string) Score {
	n := map[evidence.Verdict]float64{evidence.Pass: 1, evidence.Inconclusive: 0.5, evidence.Fail: 0}
	s := Score{Rationale: line(string(v) + ". " + ground)}
	if x, has := n[v]; has {
		s.Score = &x
	}
	return s
}

// attestation is that of a body, made where it comes first.
func (d *declarer) attestation(by evidence.Body) *Attestation {
	ref, name := "assessor/"+string(by.Kind)+"/"+by.ID, by.ID
	third := by.Kind == scheme.Laboratory
	if l := d.c.Lab(by.ID); third && l != nil {
		name = line(l.Name.In("en"))
	}
	for i := range d.out.Attestations {
		if d.out.Attestations[i].Assessor == ref {
			return &d.out.Attestations[i]
		}
	}
	d.out.Assessors = append(d.out.Assessors, Assessor{ref, third, Organization{name}})
	summary := "What " + name + " states of its own product: a declaration."
	if third {
		summary = "What the laboratory " + name + " found. This document is not signed by it; its signed report is."
	}
	d.out.Attestations = append(d.out.Attestations, Attestation{Summary: summary, Assessor: ref})
	return &d.out.Attestations[len(d.out.Attestations)-1]
}

// image is the target that a firmware image is.
func (d *declarer) image(h evidence.Hash) string {
	ref := "firmware/" + h.String()
	if !slices.ContainsFunc(d.out.Targets.Components, func(c Component) bool { return c.BOMRef == ref }) {
		c := Component{BOMRef: ref, Type: "firmware", Name: d.product.Name + " firmware", Hashes: []Hash{{"SHA-256", h.String()}}}
		for _, f := range d.ev.Firmware {
			if f.SHA256 == h {
				c.Version = line(f.Version)
			}
		}
		d.out.Targets.Components = append(d.out.Targets.Components, c)
	}
	return ref
}

// artifact is the evidence that a document is, as it lies in a bundle. The same
// document may rest behind claims that end on different days.
func (d *declarer) artifact(a evidence.Artifact, s said) string {
	ref := "artifact/" + a.SHA256.String()
	if !s.until.IsZero() {
		ref += "/" + s.until.String()
	}
	if d.evidence[ref] {
		return ref
	}
	d.evidence[ref] = true
	e := Evidence{
		BOMRef: ref, Description: line(a.Name), Created: s.date.String() + "T00:00:00Z",
		Data: []Data{{line(a.Name), Contents{"artifacts/" + a.SHA256.String() + extension(a.Name)}}},
	}
	if !s.until.IsZero() {
		e.Expires = s.until.String() + "T00:00:00Z"
	}
	d.out.Evidence = append(d.out.Evidence, e)
	return ref
}

// extension is that of a name, where it is plain enough for an address.
func extension(name string) string {
	ext := path.Ext(name)
	if len(ext) > 10 || strings.ContainsFunc(ext, func(r rune) bool {
		return r != '.' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) {
		return ""
	}
	return ext
}

func sortedKeys[V any](m map[string]V) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}
