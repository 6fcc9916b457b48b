package oscal

import (
	"fmt"
	"slices"
	"strings"

	"assay/civil"
	"assay/evidence"
	"assay/exchange/intake"
	"assay/scheme"
)

// results makes claims of findings.
func (r *reader) results(d *AssessmentResults) error {
	if err := r.metadata("assessment-results", d.UUID, &d.Metadata); err != nil {
		return err
	}
	if len(d.Results) == 0 {
		return r.f.AtPointer("/assessment-results", "there is no result: export the document again")
	}
	if r.o.Holder == "" {
		r.Note("%s", intake.NoHolder)
	}
	a := &findings{reader: r, observations: map[string]*Observation{}, taken: map[string]bool{}, made: map[string]bool{}}
	for i := range d.Results {
		if err := a.collect(&d.Results[i], "/assessment-results/results/"+number(i)); err != nil {
			return err
		}
	}
	for i := range d.Results {
		a.result(&d.Results[i])
	}
	return nil
}

// findings is the results of a document being read.
type findings struct {
	*reader
	observations map[string]*Observation // by UUID
	taken        map[string]bool         // UUIDs of observations that became claims
	made         map[string]bool         // claims, by all that they say
}

// collect checks a result and gathers its observations.
func (a *findings) collect(x *Result, at string) error {
	bad := func(place, format string, args ...any) error { return a.f.AtPointer(at+place, format, args...) }
	if !uuidForm.MatchString(x.UUID) {
		return bad("/uuid", "%.60q is no UUID: OSCAL names every result by one; export it again", x.UUID)
	}
	if intake.Day(x.Start).IsZero() {
		return bad("/start", "%.40q is no time: a result says when the assessment began; export it again", x.Start)
	}
	if a.Import.Target == "" && x.LocalDefinitions != nil && len(x.LocalDefinitions.Components) > 0 {
		a.Import.Target = intake.Line(x.LocalDefinitions.Components[0].Title)
	}
	for i := range x.Observations {
		o, place := &x.Observations[i], "/observations/"+number(i)
		switch {
		case !uuidForm.MatchString(o.UUID):
			return bad(place+"/uuid", "%.60q is no UUID: OSCAL names every observation by one; export it again", o.UUID)
		case a.observations[o.UUID] != nil:
			return bad(place+"/uuid", "the UUID %s names two observations, and a finding cannot mean both: keep one", o.UUID)
		case intake.Day(o.Collected).IsZero():
			return bad(place+"/collected", "%.40q is no time: an observation says when it was made; export it again", o.Collected)
		}
		a.observations[o.UUID] = o
	}
	seen := map[string]bool{}
	for i := range x.Findings {
		f, place := &x.Findings[i], "/findings/"+number(i)
		switch {
		case !uuidForm.MatchString(f.UUID):
			return bad(place+"/uuid", "%.60q is no UUID: OSCAL names every finding by one; export it again", f.UUID)
		case seen[f.UUID]:
			return bad(place+"/uuid", "the UUID %s names two findings: keep one", f.UUID)
		case f.Target.TargetID == "":
			return bad(place+"/target", "the finding names nothing that it is about: export it again")
		case f.Target.Status.State != "satisfied" && f.Target.Status.State != "not-satisfied":
			return bad(place+"/target/status/state", "%.40q is none of satisfied, not-satisfied: export it again", f.Target.Status.State)
		}
		seen[f.UUID] = true
	}
	return nil
}

func (a *findings) result(x *Result) {
	day := intake.Day(x.End)
	if day.IsZero() {
		day = intake.Day(x.Start)
	}
	for i := range x.Findings {
		a.finding(&x.Findings[i], day)
	}
	for i := range x.Risks {
		a.risk(&x.Risks[i])
	}
}

// finding makes claims of a finding. Where its observations say themselves
// what was found of the requirement, as ours do, they are taken; else it is the
// finding's own status.
func (a *findings) finding(f *Finding, day civil.Date) {
	ref, part, ok := requirement(append(slices.Clip(f.Target.Props), f.Props...), f.Target.TargetID)
	if !ok {
		severity := "none"
		if f.Target.Status.State == "not-satisfied" {
			severity = "unknown"
		}
		a.unknown(f.Target.TargetID, f.Title+" ("+f.Target.Status.State+"): "+f.Description, severity)
		return
	}
	var on []*Observation
	dangling, units, said := false, false, false
	for _, rel := range f.Observations {
		o := a.observations[rel.ObservationUUID]
		if o == nil {
			dangling = true
			a.Note("a finding on %s rests on the observation %.40q, which is not in the file", ref, intake.Line(rel.ObservationUUID))
			continue
		}
		on = append(on, o)
		switch v, ours := stated(o); {
		case ours && own(o.Props, "test-unit") != "":
			units = units || about(o, ref)
		case ours: // it may be of another requirement, which a mapping carries over
			said = said || about(o, ref)
			a.observed(o, v)
		}
	}
	if said || a.o.Holder == "" {
		return
	}
	c := a.claim(ref, day)
	for i, o := range on {
		if d := intake.Day(o.Collected); i == 0 || d > c.Date {
			c.Date = d
		}
		a.bounds(&c, o)
	}
	c.Verdict = verdictOf(f)
	if why := leftOut(f, c.Verdict, part, units, len(on) == 0 && !dangling); why != "" {
		a.tally(why)
		return
	}
	if dangling && c.Verdict == evidence.Pass {
		c.Verdict = evidence.Inconclusive
	}
	g := []string{"OSCAL assessment results " + a.title, a.who(f.Origins, on), f.Title, f.Description, f.Target.Status.Remarks, f.Remarks}
	if part != "" {
		g = append(g, "About "+f.Target.TargetID)
	}
	a.put(c, g)
}

// leftOut says why a finding gives no claim of its own; "" where it does. units:
// it rests on verdicts of test units, as ours may; bare: it rests on nothing.
func leftOut(f *Finding, v evidence.Verdict, part string, units, bare bool) string {
	ours := own(f.Props, "rule") != ""
	switch {
	case units && v != evidence.Pass && v != evidence.Fail:
		return "requirements that the test units do not conclude, left out; hand in the signed report"
	case units:
		return ""
	case own(f.Props, "mapping") != "":
		return "findings that a mapping carries over from another standard, left out: the other standard's are taken"
	case ours, bare && f.Target.Status.State == "not-satisfied" && f.Target.Status.Reason == "other":
		return "findings that rest on nothing, left out: nobody tried to show it, or it does not apply to such a product"
	case part != "" && v != evidence.Fail:
		return "findings on a part of a requirement that did not fail, left out: the rest of it is not known"
	}
	return ""
}

// verdictOf reads the status of a finding's target.
func verdictOf(f *Finding) evidence.Verdict {
	s := &f.Target.Status
	switch {
	case f.Target.Implementation != nil && f.Target.Implementation.State == "not-applicable":
		return evidence.NotApplicable
	case s.State == "satisfied" && (s.Reason == "" || s.Reason == "pass"):
		return evidence.Pass
	case s.State == "not-satisfied" && (s.Reason == "" || s.Reason == "fail"):
		return evidence.Fail
	}
	return evidence.Inconclusive
}

// stated is the verdict that an observation of ours gives.
func stated(o *Observation) (evidence.Verdict, bool) {
	v := evidence.Verdict(own(o.Props, "verdict"))
	return v, v == evidence.Pass || v == evidence.Fail || v == evidence.Inconclusive || v == evidence.NotApplicable
}

// about reports whether an observation of ours names a requirement.
func about(o *Observation, ref evidence.Ref) bool {
	return slices.ContainsFunc(o.Props, func(p Prop) bool { return p.Name == "requirement" && p.NS == Namespace && p.Value == ref.String() })
}

// observed makes one claim of an observation of ours, for all the requirements
// that it names.
func (a *findings) observed(o *Observation, v evidence.Verdict) {
	if a.taken[o.UUID] || a.o.Holder == "" {
		return
	}
	a.taken[o.UUID] = true
	var refs []evidence.Ref
	for _, p := range o.Props {
		if p.Name == "requirement" && p.NS == Namespace {
			if ref, err := evidence.ParseRef(p.Value); err == nil && !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	}
	if len(refs) == 0 {
		return
	}
	c := a.claim(refs[0], intake.Day(o.Collected))
	c.Requirements, c.Verdict = refs, v
	for _, p := range o.Props {
		switch p.Name {
		case "firmware-sha256":
			var h evidence.Hash
			if h.UnmarshalText([]byte(p.Value)) == nil && h != (evidence.Hash{}) {
				c.Firmware = append(c.Firmware, h)
			}
		case "hardware":
			c.Hardware = append(c.Hardware, intake.Line(p.Value))
		}
	}
	a.bounds(&c, o)
	how := "shown by " + own(o.Props, "method")
	if n := own(o.Props, "report"); n != "" {
		how += ", report " + n
	}
	a.put(c, []string{"OSCAL assessment results " + a.title, a.who(o.Origins, nil), how, o.Description})
}

// claim begins a declaration of who hands the file in.
func (a *findings) claim(ref evidence.Ref, day civil.Date) evidence.Claim {
	return evidence.Claim{
		Requirements: []evidence.Ref{ref}, Method: scheme.Declared, By: evidence.Body{Kind: scheme.Maker, ID: a.o.Holder},
		Date: day, Artifacts: []evidence.Artifact{a.f.Artifact},
	}
}

// bounds ends a claim with what it rests on.
func (a *findings) bounds(c *evidence.Claim, o *Observation) {
	if until := intake.Day(o.Expires); !until.IsZero() && (c.Until.IsZero() || until < c.Until) {
		c.Until = until
	}
}

// put enters a claim, once for the same requirements, verdict, days and ground.
func (a *findings) put(c evidence.Claim, ground []string) {
	if !c.Until.IsZero() && c.Until < c.Date {
		a.Note("what was found of %s was left out: it expired on %s, before it was found", c.Requirements[0], c.Until)
		return
	}
	var parts []string
	for _, g := range ground {
		if g = strings.TrimRight(intake.Text(g), ". "); g != "" {
			parts = append(parts, g)
		}
	}
	c.Ground = strings.Join(parts, ". ") + "."
	key := fmt.Sprintf("%v %s %s %s %q", c.Requirements, c.Verdict, c.Date, c.Until, c.Ground)
	if !a.made[key] { // several schemes ask for the same requirement
		a.made[key] = true
		a.Claims = append(a.Claims, c)
	}
}

// who names those that something is from, by what the file says of itself.
func (a *findings) who(origins []Origin, on []*Observation) string {
	var names []string
	add := func(os []Origin) {
		for _, o := range os {
			for _, x := range o.Actors {
				if n := a.parties[x.ActorUUID]; x.Type == "party" && n != "" && !slices.Contains(names, n) && len(names) < 3 {
					names = append(names, n)
				}
			}
		}
	}
	add(origins)
	for _, o := range on {
		add(o.Origins)
	}
	if len(names) == 0 {
		return "unsigned"
	}
	return "unsigned statement of " + strings.Join(names, ", ") + ", which counts as a declaration"
}

// risk keeps a risk as an issue, but for ours, which say the same as findings.
func (a *findings) risk(x *Risk) {
	if own(x.Props, "requirement") != "" {
		return
	}
	state := map[string]string{"open": "affected", "closed": "fixed", "investigating": "under_investigation", "remediating": "affected"}[x.Status]
	i := evidence.Issue{ID: intake.Line(x.Title), Severity: "unknown", Text: intake.Text(fmt.Sprintf("%s %s", x.Description, x.Statement)), State: state}
	if i.ID == "" {
		i.ID = "risk"
	}
	a.Import.Issues = append(a.Import.Issues, i)
}
