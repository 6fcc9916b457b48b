package report

import (
	"cmp"
	"slices"
	"strings"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// Finding is something that has to be corrected or looked at, with its place.
type Finding struct {
	Kind         FindingKind
	Places       []string // JSON pointers (RFC 6901) into the evidence
	File         string   // in place of Places: file and line
	About        string   // row, feature, requirement or report
	Text, Remedy scheme.Text
	Args         []any // name and value, for the text of the kind where Text is nil
	Requirements []scheme.RequirementRef
	Schemes      []string // ids
}

// FindingKind is what kind of thing was found.
type FindingKind string

// Kinds of findings, in the order in which they are told.
const (
	FoundFault         FindingKind = "fault"              // not filled in yet, or wrong
	FoundContradiction FindingKind = "contradiction"      // statements against each other
	FoundObserved      FindingKind = "observed"           // a statement against what a tool saw
	FoundUnsigned      FindingKind = "unsigned"           // a laboratory's report without a signature
	FoundForged        FindingKind = "signature"          // a signature that none of the laboratory's keys made
	FoundUnknownLab    FindingKind = "unknown-laboratory" // the catalog has no such laboratory
	FoundOther         FindingKind = "other-product"      // a report on something else
	FoundFirmware      FindingKind = "other-firmware"     // samples ran an image that is none of the product's
	FoundRows          FindingKind = "rows-changed"       // rows say something else than when the report was made
	FoundExpired       FindingKind = "expired"
	FoundFuture        FindingKind = "future"
	FoundScope         FindingKind = "out-of-scope" // the accreditation did not cover the method
	FoundApproval      FindingKind = "not-approved" // schemes that had not approved the laboratory
	FoundFail          FindingKind = "failed"
	FoundInconclusive  FindingKind = "inconclusive"
	FoundSupport       FindingKind = "support-end" // not stated
)

var findingKinds = []FindingKind{
	FoundFault, FoundContradiction, FoundObserved, FoundUnsigned, FoundForged, FoundUnknownLab, FoundOther, FoundFirmware, FoundRows,
	FoundExpired, FoundFuture, FoundScope, FoundApproval, FoundFail, FoundInconclusive, FoundSupport,
}

// find gathers the findings.
func (r *Report) find() {
	for _, f := range r.opt.Faults {
		r.Findings = append(r.Findings, Finding{Kind: FoundFault, File: f.Where, Text: scheme.Text{"en": f.Problem}, Remedy: scheme.Text{"en": f.Remedy}})
	}
	for _, x := range r.c.Contradictions(r.ev) {
		r.Findings = append(r.Findings, Finding{
			Kind: FoundContradiction, Places: []string{x.Place}, About: x.About, Text: x.Text, Remedy: x.Remedy, Requirements: x.Requirements,
		})
	}
	for _, f := range evidence.Reconcile(r.ev) {
		r.Findings = append(r.Findings, Finding{Kind: FoundObserved, Places: []string{f.Place}, Text: scheme.Text{"en": f.Problem}, Remedy: scheme.Text{"en": f.Remedy}})
	}
	day := r.day()
	for i := range r.ev.Reports {
		if b := r.ev.Reports[i].Report(); b != nil {
			r.findReport(i, b, day)
		}
	}
	r.findOutcomes()
	if r.ev.Support.End.IsZero() {
		r.Findings = append(r.Findings, Finding{Kind: FoundSupport, Places: []string{evidence.Pointer("support", "end")}})
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(findingKinds, a.Kind), slices.Index(findingKinds, b.Kind))
	})
}

// day is the latest of the days asked about: they differ where it is already
// tomorrow in a scheme's zone.
func (r *Report) day() (d civil.Date) {
	for i := range r.Schemes {
		d = max(d, r.Schemes[i].Result.At)
	}
	return d
}

// findReport looks for what keeps a report from counting, whatever it says.
func (r *Report) findReport(i int, b *evidence.Report, day civil.Date) {
	f := &r.ev.Reports[i]
	place := evidence.Pointer("reports", i, "body")
	add := func(kind FindingKind, at string, args ...any) *Finding {
		r.Findings = append(r.Findings, Finding{Kind: kind, Places: []string{at}, About: b.Number, Args: append(args, "report", b.Number, "laboratory", b.By.ID)})
		return &r.Findings[len(r.Findings)-1]
	}
	p := &r.ev.Product
	if b.Product.Holder != p.Holder || slices.ContainsFunc(b.Product.Models, func(m string) bool { return !p.Has(m) }) {
		add(FoundOther, place+"/product")
	}
	var images []string
	for j, s := range b.Samples {
		if !slices.ContainsFunc(r.ev.Firmware, func(f evidence.Firmware) bool { return f.SHA256 == s.Firmware }) {
			images = append(images, evidence.Pointer("reports", i, "body", "samples", j, "firmware"))
		}
	}
	if len(images) > 0 {
		add(FoundFirmware, "", "n", len(images)).Places = images
	}
	if rows := r.changed(b); len(rows) > 0 {
		add(FoundRows, "", "n", len(rows)).Places = rows
	}
	if !b.Until.IsZero() && b.Until < day {
		add(FoundExpired, place+"/valid_until", "date", b.Until)
	}
	if b.Date > day {
		add(FoundFuture, place+"/date", "date", b.Date)
	}
	if b.By.Kind != scheme.Laboratory {
		return
	}
	lab := r.cat.Lab(b.By.ID)
	switch {
	case lab == nil:
		add(FoundUnknownLab, place+"/by/id")
		return
	case f.Signature == "":
		add(FoundUnsigned, place)
	case f.Signer() == nil || f.Signer().Laboratory != b.By.ID:
		add(FoundForged, place)
	}
	r.findScopes(b, lab, place, add)
}

// changed are the places of the rows that a report's verdicts no longer hold
// for; of a row that is gone its table's.
func (r *Report) changed(b *evidence.Report) (places []string) {
	for key, digest := range b.Rows {
		name, id, _ := strings.Cut(key, "/")
		at := evidence.Pointer("ixit", name)
		row := r.ev.FindRow(name, id)
		if row != nil && row.Digest() == digest {
			continue
		}
		if row != nil {
			at = evidence.Pointer("ixit", name, slices.IndexFunc(r.ev.IXIT[name], func(o evidence.Row) bool { return o.ID() == row.ID() }))
		}
		places = append(places, at)
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// findScopes holds a laboratory's accreditation and approvals against the days
// of the test, scheme by scheme.
func (r *Report) findScopes(b *evidence.Report, lab *scheme.Lab, place string, add func(FindingKind, string, ...any) *Finding) {
	method := scheme.StandardRef{Standard: b.Method.Standard, Edition: b.Method.Edition}
	covered := slices.ContainsFunc(lab.Scopes, func(x scheme.LabScope) bool { return x.Covers(method, b.Tested.From) && x.Covers(method, b.Tested.To) })
	var unapproved, uncovered []string
	for i := range r.Schemes {
		s := r.Schemes[i].Scheme
		approved := slices.ContainsFunc(lab.Scopes, func(x scheme.LabScope) bool { return x.Approved(s.ID, b.Tested.From) && x.Approved(s.ID, b.Tested.To) })
		switch {
		case approved || !r.asksLaboratory(&r.Schemes[i]):
		case s.Approves:
			unapproved = append(unapproved, s.ID)
		case !covered:
			uncovered = append(uncovered, s.ID)
		}
	}
	if len(uncovered) > 0 {
		add(FoundScope, place+"/method", "method", method.Standard+"@"+method.Edition).Schemes = uncovered
	}
	if len(unapproved) > 0 {
		add(FoundApproval, place+"/by/id").Schemes = unapproved
	}
}

// asksLaboratory reports whether a scheme that takes the product asks a
// laboratory for anything: else its reports are not wanted there.
func (r *Report) asksLaboratory(s *Scheme) bool {
	return !slices.ContainsFunc(s.Levels, func(l Level) bool { return l.State == Excluded }) &&
		slices.ContainsFunc(s.Result.Outcomes, func(o assess.Outcome) bool { return o.By == scheme.Laboratory })
}

// findOutcomes lists what failed or could not be decided, each once for all
// schemes that ask for it.
func (r *Report) findOutcomes() {
	kinds := map[string]FindingKind{assess.RuleFailed: FoundFail, assess.RuleInconclusive: FoundInconclusive}
	type key struct {
		kind FindingKind
		ref  scheme.RequirementRef
		from string
	}
	at := map[key]int{}
	for i := range r.Schemes {
		s := &r.Schemes[i]
		for j := range s.Result.Outcomes {
			o := &s.Result.Outcomes[j]
			kind, ok := kinds[o.Rule]
			if !ok {
				continue
			}
			k := key{kind, o.Requirement, o.From}
			n, seen := at[k]
			if !seen {
				n = len(r.Findings)
				at[k] = n
				r.Findings = append(r.Findings, Finding{Kind: kind, Places: []string{o.From}, About: o.Requirement.String(), Requirements: []scheme.RequirementRef{o.Requirement}})
			}
			if f := &r.Findings[n]; !slices.Contains(f.Schemes, s.Scheme.ID) {
				f.Schemes = append(f.Schemes, s.Scheme.ID)
			}
		}
	}
}
