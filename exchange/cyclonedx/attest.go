package cyclonedx

import (
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"assay/evidence"
	"assay/exchange/intake"
	"assay/scheme"
)

// attestations makes claims of what the bill declares about requirements
// (CycloneDX 1.6, declarations). A bill says who assessed and proves nothing
// about it, so each claim is a declaration of who hands the bill in: the maker.
// That a third party stands behind it is told in the ground, as what it is, a
// statement without a signature that anyone here knows. Such a party hands in
// a signed report instead.
func (b *bill) attestations(o intake.Options) {
	d := b.bom.Declarations
	if d == nil {
		return
	}
	a := &attested{bill: b, requirements: b.requirements(), claims: map[string]*cdx.Claim{}, evidence: map[string]*cdx.DeclarationEvidence{}, assessors: map[string]*cdx.Assessor{}}
	for i, c := range all(d.Claims) {
		a.claims[c.BOMRef] = &all(d.Claims)[i]
	}
	for i, e := range all(d.Evidence) {
		a.evidence[e.BOMRef] = &all(d.Evidence)[i]
	}
	for i, x := range all(d.Assessors) {
		a.assessors[string(x.BOMRef)] = &all(d.Assessors)[i]
	}
	if d.Targets != nil {
		for i, c := range all(d.Targets.Components) {
			b.parts[c.BOMRef] = &all(d.Targets.Components)[i]
		}
	}
	switch {
	case length(d.Attestations) == 0:
		return
	case b.Import.Date.IsZero():
		b.Note("the attestations were left out: metadata.timestamp is missing, and what is undated shows nothing")
		return
	case o.Holder == "":
		b.Note("%s", intake.NoHolder)
		return
	}
	for _, x := range all(d.Attestations) {
		for _, m := range all(x.Map) {
			a.take(&x, &m, o.Holder)
		}
	}
}

// attested is what attestations refer to, by bom-ref.
type attested struct {
	*bill
	requirements map[string]evidence.Ref
	claims       map[string]*cdx.Claim
	evidence     map[string]*cdx.DeclarationEvidence
	assessors    map[string]*cdx.Assessor
}

// requirements finds out which requirement of ours a bom-ref is. A bill that
// means ours writes STANDARD@EDITION/REQUIREMENT as bom-ref or identifier, or
// STANDARD@EDITION as the standard's bom-ref and the identifier alone.
func (b *bill) requirements() map[string]evidence.Ref {
	found := map[string]evidence.Ref{}
	if b.bom.Definitions == nil {
		return found
	}
	for _, s := range all(b.bom.Definitions.Standards) {
		for _, r := range all(s.Requirements) {
			for _, text := range []string{r.BOMRef, r.Identifier, s.BOMRef + "/" + r.Identifier} {
				if ref, err := evidence.ParseRef(text); err == nil {
					found[r.BOMRef] = ref
					break
				}
			}
		}
	}
	return found
}

// take makes a claim of one line of an attestation.
func (a *attested) take(x *cdx.Attestation, m *cdx.AttestationMap, holder string) {
	ref, ok := a.requirements[m.Requirement]
	if !ok {
		var err error
		if ref, err = evidence.ParseRef(m.Requirement); err != nil {
			a.Note("what is attested about %.80q was left out: it is no requirement written as standard@edition/requirement, so it is not known which is meant", intake.Line(m.Requirement))
			return
		}
	}
	if m.Conformance == nil || m.Conformance.Score == nil {
		a.Note("what is attested about %s was left out: it has no conformance score", ref)
		return
	}
	score := *m.Conformance.Score
	if !(score >= 0 && score <= 1) {
		a.Note("what is attested about %s was left out: its score %v is not from 0 to 1", ref, score)
		return
	}
	c := evidence.Claim{
		Requirements: []evidence.Ref{ref}, Method: scheme.Declared, By: evidence.Body{Kind: scheme.Maker, ID: holder},
		Date: a.Import.Date, Artifacts: []evidence.Artifact{a.f.Artifact}, Verdict: evidence.Inconclusive,
	}
	counter := length(m.CounterClaims) > 0
	switch {
	case score == 0:
		c.Verdict = evidence.Fail
	case score == 1 && !counter:
		c.Verdict = evidence.Pass
	}
	g := &ground{}
	g.add(a.who(x.Assessor))
	g.add(fmt.Sprintf("Conformance %v of 1", score))
	g.add(m.Conformance.Rationale)
	if counter {
		g.add("Counter-claims stand against it")
	}
	if length(m.Conformance.MitigationStrategies) > 0 {
		g.add("With mitigations")
	}
	if k := m.Confidence; k != nil && k.Score != nil {
		g.add(fmt.Sprintf("Confidence %v of 1", *k.Score))
		g.add(k.Rationale)
	}
	for _, r := range all(m.Claims) {
		a.claim(&c, g, string(r))
	}
	c.Ground = g.String()
	if !c.Until.IsZero() && c.Until < c.Date {
		a.Note("what is attested about %s was left out: its evidence expired on %s, before the attestation", ref, c.Until)
		return
	}
	a.Claims = append(a.Claims, c)
}

// claim takes in what one of the claims says on which a line rests.
func (a *attested) claim(c *evidence.Claim, g *ground, ref string) {
	x := a.claims[ref]
	if x == nil {
		a.Note("an attestation rests on the claim %.80q, which is not in the file", intake.Line(ref))
		c.Verdict = weaker(c.Verdict)
		return
	}
	g.add(x.Predicate)
	g.add(x.Reasoning)
	if t := a.parts[string(x.Target)]; t != nil {
		if h, _ := sha256(t); h != (evidence.Hash{}) && len(c.Firmware) < 100 {
			c.Firmware = append(c.Firmware, h)
		}
	}
	if length(x.CounterEvidence) > 0 {
		g.add("With counter-evidence")
		c.Verdict = weaker(c.Verdict)
	}
	for _, r := range all(x.Evidence) {
		e := a.evidence[string(r)]
		if e == nil {
			a.Note("a claim rests on the evidence %.80q, which is not in the file", intake.Line(string(r)))
			continue
		}
		if until := intake.Day(e.Expires); !until.IsZero() && (c.Until.IsZero() || until < c.Until) {
			c.Until = until
		}
	}
}

// weaker takes a pass back that something speaks against. A fail stands.
func weaker(v evidence.Verdict) evidence.Verdict {
	if v == evidence.Pass {
		return evidence.Inconclusive
	}
	return v
}

// who says in a ground who assessed.
func (a *attested) who(ref cdx.BOMReference) string {
	name := func(x *cdx.Assessor) string {
		if x.Organization != nil {
			return x.Organization.Name
		}
		return ""
	}
	switch x := a.assessors[string(ref)]; {
	case x == nil && ref == "":
		return "Attested without an assessor"
	case x == nil:
		return "Attested by an assessor that the file does not describe"
	case x.ThirdParty:
		return strings.TrimSpace("Unsigned statement of a third party "+name(x)) + "; it counts as a declaration until the party hands in a signed report"
	default:
		return strings.TrimSpace("Attested by the first party " + name(x))
	}
}

// ground joins a few sentences, within what a ground may have.
type ground struct{ parts []string }

func (g *ground) add(s string) {
	if s = strings.TrimRight(intake.Text(s), ". "); s != "" && len(g.parts) < 7 {
		g.parts = append(g.parts, s)
	}
}

func (g *ground) String() string { return strings.Join(g.parts, ". ") + "." }
