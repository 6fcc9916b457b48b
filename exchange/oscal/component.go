package oscal

import (
	"fmt"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// NewComponentDefinition writes what a maker states of a product as an OSCAL
// component definition: an implementation statement for each standard's edition
// that the evidence has an ICS for, with the features that the edition's
// conditions ask about as parameters. where finds the catalogs; nil gives their
// names only. It is an error if there is no statement at all.
func NewComponentDefinition(c *scheme.Catalog, ev *evidence.Evidence, v Version, where func(scheme.StandardRef) Reference) (*Document, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	p := newProduct(c, ev, v, where)
	var day civil.Date
	comp := DefinedComponent{
		UUID: p.uuid(), Type: "hardware", Title: p.title(), Description: "The product as its maker states it: a declaration, and nothing more.", Props: p.props(),
	}
	for i := range ev.ICS {
		s := &ev.ICS[i]
		day = max(day, s.Date)
		if ci := p.implementation(s); ci != nil {
			comp.Implementations = append(comp.Implementations, *ci)
		}
	}
	if len(comp.Implementations) == 0 {
		return nil, fmt.Errorf("the evidence states nothing: answer the ICS of at least one standard")
	}
	m, maker := p.metadata("What is stated of "+p.title(), "component-definition", day)
	comp.Responsible = []ResponsibleRole{{"maker", []string{maker}}}
	return &Document{ComponentDefinition: &ComponentDefinition{
		UUID: p.id("component-definition", c.Digest, day.String(), string(v)), Metadata: m, Components: []DefinedComponent{comp}, BackMatter: p.backMatter(),
	}}, nil
}

// States reports whether there is anything for a component definition.
func States(ev *evidence.Evidence) bool {
	for i := range ev.ICS {
		for _, e := range ev.ICS[i].Entries {
			if e.Support != evidence.SupportedTBD {
				return true
			}
		}
	}
	return false
}

// implementation is an ICS; nil where nothing of it is answered.
func (p *product) implementation(s *evidence.ICS) *ControlImplementation {
	ref := scheme.StandardRef{Standard: s.Standard, Edition: s.Edition}
	ci := &ControlImplementation{
		UUID:        p.id("ics", s.Standard, s.Edition),
		Description: fmt.Sprintf("Implementation conformance statement for %s, edition %s.", s.Standard, s.Edition),
		Props:       prop(nil, "stated", s.Date.String()),
	}
	for _, id := range sortedKeys(s.Entries) {
		e := s.Entries[id]
		if e.Support == evidence.SupportedTBD {
			continue
		}
		r := scheme.RequirementRef{Standard: s.Standard, Edition: s.Edition, Requirement: id}
		q := ImplementedRequirement{
			UUID: p.id("ics-entry", r.String()), ControlID: ControlID(r), Description: e.Detail,
			Props: []Prop{{Name: "requirement", NS: Namespace, Value: r.String()}, {Name: "support", NS: Namespace, Value: string(e.Support)}},
		}
		if q.Description == "" {
			q.Description = "Stated without a detail."
		}
		for _, a := range e.Artifacts {
			q.Links = append(q.Links, Link{Href: p.artifact(a), Rel: "reference"})
		}
		ci.Requirements = append(ci.Requirements, q)
	}
	if len(ci.Requirements) == 0 {
		return nil
	}
	ci.Source = p.catalogResource(ref, p.where(ref))
	if std, e := p.c.StandardEdition(ref); e != nil {
		asked := featuresOf(p.c, std, e)
		for _, id := range sortedKeys(p.ev.Features) {
			if f := p.ev.Features[id]; asked[id] && f.Answer != scheme.Undetermined {
				ci.SetParameters = append(ci.SetParameters, SetParameter{paramID(ref, id), []string{f.Answer.String()}, line(f.Ground)})
			}
		}
	}
	return ci
}

// paramID is the parameter of a catalog that a feature is.
func paramID(r scheme.StandardRef, feature string) string {
	return standardID(r.Standard, r.Edition) + "_prm." + feature
}
