package oscal

import (
	"fmt"

	"assay/scheme"
)

// relationships of the mapping model (NIST IR 8477, set theory relationship
// mapping), from what was shown to what is asked.
var relationships = map[scheme.Relation]string{
	scheme.Equal:      "equivalent-to",
	scheme.Superset:   "superset-of",
	scheme.Subset:     "subset-of",
	scheme.Intersects: "intersects-with",
}

// NewMapping writes a mapping of the catalog as an OSCAL mapping collection,
// with the controls on both sides that no row names. OSCAL has the model from
// 1.2.0; for an older release it is an error.
func NewMapping(c *scheme.Catalog, m *scheme.Mapping, v Version, where func(scheme.StandardRef) Reference) (*Document, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	if v == V113 {
		return nil, fmt.Errorf("OSCAL %s has no model of mappings; they came with 1.2.0", v)
	}
	b := newBuilder(c, v)
	mc := &MappingCollection{UUID: id5("mapping-collection", m.ID, c.Digest, string(v)), Metadata: b.metadata(m.Title.In("en"), m.ID)}
	mc.Metadata.Props = sure(titles(mc.Metadata.Props, m.Title), &m.Fact)
	mc.Metadata.Links = b.cite(nil, &m.Fact)
	mc.Metadata.Remarks = rights
	key := "author/" + m.Author
	if m.Author == "assay" {
		key = "assay"
	}
	author := mc.Metadata.party("mapper", "Author of the mapping", key, m.Author)
	out := Mapping{
		UUID:   id5("mapping", m.ID),
		Source: MapResource{"catalog", b.catalogResource(m.From, where(m.From))},
		Target: MapResource{"catalog", b.catalogResource(m.To, where(m.To))},
	}
	from, to := map[string]bool{}, map[string]bool{}
	for i := range m.Rows {
		row := &m.Rows[i]
		e := Map{
			UUID: id5("map", m.ID, row.To, fmt.Sprint(row.From)), Relationship: relationships[row.Relation],
			Targets:    []MapItem{{"control", ControlID(scheme.RequirementRef{Standard: m.To.Standard, Edition: m.To.Edition, Requirement: row.To})}},
			Confidence: score(v, row.Confidence), Props: sure(nil, &row.Fact), Links: b.cite(nil, &row.Fact), Remarks: line(row.Note),
		}
		for _, r := range row.From {
			e.Sources = append(e.Sources, MapItem{"control", ControlID(scheme.RequirementRef{Standard: m.From.Standard, Edition: m.From.Edition, Requirement: r})})
			from[r] = true
		}
		to[row.To] = true
		e.Props = prop(e.Props, "carries-evidence", yesNo(row.Relation.Carries()))
		if !row.Relation.Carries() {
			e.Qualifiers = []Qualifier{{"target", "has-requirement", "addressable", "What was shown for the source is not enough for the target: what the target asks beyond it has to be shown."}}
		}
		out.Maps = append(out.Maps, e)
	}
	out.SourceGap = b.gap(m.ID+"/source", m.From, from)
	out.TargetGap = b.gap(m.ID+"/target", m.To, to)
	status := "complete"
	if out.TargetGap != nil {
		status = "not-complete"
	}
	mc.Mappings = []Mapping{out}
	mc.Provenance = Provenance{
		Method: "human", Rationale: "semantic", Status: status, Confidence: score(v, m.Confidence),
		Description: "Says which requirements of the target count as shown by evidence for the source. Only equivalent-to and superset-of carry evidence over; " +
			"where a target stands in no entry, nothing is carried over to it.",
		Responsible: []ResponsibleParty{{"mapper", []string{author}}},
	}
	if note := line(m.Note); note != "" {
		mc.Provenance.Description += " " + note
	}
	mc.BackMatter = b.backMatter()
	return &Document{MappingCollection: mc}, nil
}

// score puts a confidence into the model's three categories.
func score(v Version, c scheme.Confidence) *ConfidenceScore {
	category := "low"
	switch c {
	case scheme.Official:
		category = "high"
	case scheme.Secondary, scheme.Mirror:
		category = "medium"
	}
	if v == V120 {
		return &ConfidenceScore{Category: category, Value: category}
	}
	return &ConfidenceScore{Category: category}
}

// gap has the controls of an edition that no row names; nil where all are.
func (b *builder) gap(name string, ref scheme.StandardRef, mapped map[string]bool) *GapSummary {
	_, e := b.c.StandardEdition(ref)
	if e == nil {
		return nil
	}
	var ids []string
	for _, r := range e.Requirements {
		if !mapped[r.ID] {
			ids = append(ids, ControlID(scheme.RequirementRef{Standard: ref.Standard, Edition: ref.Edition, Requirement: r.ID}))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return &GapSummary{UUID: id5("gap", name), Unmapped: []SelectByID{{WithIDs: ids}}}
}
