package oscal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// ResultRefs says where the documents lie that results rest on; what is zero is
// only named.
type ResultRefs struct {
	Plan    Reference // the assessment plan
	Catalog func(scheme.StandardRef) Reference
}

// statementIssue is OSCAL's type of an observation that a statement is wrong.
const statementIssue = "ssp-statement-issue"

// NewResults writes assessments of one product as OSCAL assessment results, a
// result for each scheme: a finding for each requirement as a level asks for
// it, an observation for everything that the evidence says of it (statements,
// claims, verdicts of reports on requirements and on test units) and for each
// contradiction in it, and a risk for each requirement that is not met or open.
//
// The software drew the findings from the evidence; it tested nothing. What it
// leaves undetermined is not satisfied, with the reason "other".
func NewResults(c *scheme.Catalog, ev *evidence.Evidence, rs []assess.Result, against []assess.Contradiction, v Version, refs ResultRefs) (*Document, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	w := &resultWriter{product: newProduct(c, ev, v, refs.Catalog), against: against, items: map[string]bool{}}
	var day civil.Date
	for i := range rs {
		day = max(day, rs[i].At)
	}
	m, maker := w.product.metadata("Assessment of "+w.title(), "assessment-results", day)
	w.meta, w.maker = &m, maker
	m.Remarks = "Computed by software from the evidence and a catalog, each named by its digest: not a certificate, nor a decision of any authority. " +
		"It names documents by their hash: it is for those who may see the evidence, not for publication."
	out := &AssessmentResults{UUID: w.id("assessment-results", c.Digest, day.String(), string(v)), ImportAP: Import{Href: w.plan(refs.Plan)}}
	for i := range rs {
		if len(rs[i].Outcomes) > 0 {
			out.Results = append(out.Results, w.result(&rs[i]))
		}
	}
	if len(out.Results) == 0 {
		return nil, fmt.Errorf("nothing was assessed: no scheme has an edition that asks such a product for anything")
	}
	out.Metadata, out.BackMatter = m, w.backMatter()
	return &Document{AssessmentResults: out}, nil
}

type resultWriter struct {
	*product
	meta    *Metadata
	maker   string // UUID of the maker's party
	against []assess.Contradiction
	items   map[string]bool // UUIDs of inventory items: each is defined in the first result that speaks of it
	defined bool            // the product and the tool are
}

// plan is the address of the assessment plan, which OSCAL wants results to have.
func (w *resultWriter) plan(at Reference) string {
	id := w.product.id("resource", "plan")
	r := resource(id, "Assessment plan for "+w.title(), "assessment-plan:"+w.ev.Product.Holder+":"+slugOf(w.title()), at)
	if at.Href == "" {
		r.Remarks = "No plan was handed in: what was assessed is what the level asks for."
	}
	return w.product.add(r)
}

// scoped is one result with what it has written so far.
type scoped struct {
	*resultWriter
	r     *assess.Result
	out   Result
	obs   map[scheme.RequirementRef][]RelObservation
	risks map[scheme.RequirementRef]string // UUID of a requirement's risk
}

func (s *scoped) id(kind string, name ...string) string {
	return s.product.id(kind, append([]string{s.r.Scheme}, name...)...)
}

func (w *resultWriter) result(r *assess.Result) Result {
	s := &scoped{resultWriter: w, r: r, obs: map[scheme.RequirementRef][]RelObservation{}, risks: map[scheme.RequirementRef]string{}}
	name := r.Scheme
	if x := w.c.Scheme(r.Scheme); x != nil {
		name = x.Name.In("en")
	}
	s.out = Result{
		UUID: s.id("result", r.At.String(), r.Catalog), Title: line(fmt.Sprintf("%s, edition %s, on %s", name, r.Edition, r.At)), Start: timestamp(r.At),
		Description: "What the evidence shows of what each level asks for, on the day.",
	}
	for _, p := range [][2]string{{"scheme", r.Scheme}, {"scheme-edition", r.Edition}, {"catalog-digest", r.Catalog}, {"as-of", r.At.String()}} {
		s.out.Props = prop(s.out.Props, p[0], p[1])
	}
	for _, p := range r.Profiles {
		s.out.Props = prop(s.out.Props, "profile", p)
	}
	s.gates()
	s.levels()
	if !w.defined {
		w.defined = true
		s.out.LocalDefinitions = &LocalDefinitions{Components: []SystemComponent{w.component()}, Assets: assets(w.product.id("tool"), w.product.id("platform"))}
	}
	asked := map[scheme.RequirementRef]bool{}
	var controls ControlSelection
	for i := range r.Outcomes {
		if ref := r.Outcomes[i].Requirement; !asked[ref] {
			asked[ref] = true
			controls.Include = append(controls.Include, SelectControl{ControlID(ref)})
			std := scheme.StandardRef{Standard: ref.Standard, Edition: ref.Edition}
			if l := (Link{Href: w.catalogResource(std, w.where(std)), Rel: "reference"}); !slices.Contains(s.out.Reviewed.Links, l) {
				s.out.Reviewed.Links = append(s.out.Reviewed.Links, l)
			}
		}
	}
	s.out.Reviewed.Controls = []ControlSelection{controls}
	for i := range r.Outcomes {
		if m := r.Outcomes[i].Mapping; m != nil {
			for _, ref := range m.From {
				asked[ref] = true // what it was shown by
			}
		}
	}
	s.observe(asked)
	s.contradictions(asked)
	for i := range r.Outcomes {
		s.finding(i, &r.Outcomes[i])
	}
	return s.out
}

// assets define the software that drew the findings, by whom they are.
func assets(tool, platform string) *AssessmentAssets {
	return &AssessmentAssets{
		Components: []SystemComponent{{UUID: tool, Type: "software", Title: "Assay", Description: "Holds evidence against a catalog of schemes.", Status: State{State: "operational"}}},
		Platforms:  []AssessmentPlatform{{UUID: platform, Title: "Assay", Uses: []UsesComponent{{tool}}}},
	}
}

// gates state what has to be yes whatever the evidence shows.
func (s *scoped) gates() {
	for _, g := range s.r.Gates {
		p := Prop{Name: "gate", NS: Namespace, Value: g.Rule + " " + g.Answer.String(), Remarks: line(g.Data)}
		s.out.Props = append(s.out.Props, p)
	}
}

// levels state the answer for each level, for programs and for people.
func (s *scoped) levels() {
	var prose []string
	for i := range s.r.Levels {
		l := &s.r.Levels[i]
		group := "level-" + strconv.Itoa(i+1)
		for _, p := range [][2]string{{"level", l.Level}, {"grantable", l.Answer.String()}, {"shown", l.Shown.String()}, {"confidence", l.Confidence.String()}} {
			s.out.Props = append(s.out.Props, Prop{Name: p[0], NS: Namespace, Value: p[1], Group: group})
		}
		prose = append(prose, fmt.Sprintf("- Level %s: shown: %s; may be granted on the day: %s.", l.Level, l.Shown, l.Answer))
	}
	if len(prose) > 0 {
		s.out.Attestations = []Attestation{{Parts: []AssessmentPart{{
			UUID: s.id("levels"), Name: "levels", NS: Namespace, Title: "What the evidence shows, level by level", Prose: strings.Join(prose, "\n"),
		}}}}
	}
}

// methodOf is NIST's word for how something was shown. What is only declared
// was neither examined nor tested.
func methodOf(m scheme.Method) string {
	switch m {
	case scheme.Document:
		return "EXAMINE"
	case scheme.Test:
		return "TEST"
	}
	return "UNKNOWN"
}

// observe writes down all that the evidence says of the requirements asked for.
func (s *scoped) observe(asked map[scheme.RequirementRef]bool) {
	for i := range s.ev.ICS {
		x := &s.ev.ICS[i]
		for _, id := range sortedKeys(x.Entries) {
			e, ref := x.Entries[id], scheme.RequirementRef{Standard: x.Standard, Edition: x.Edition, Requirement: id}
			verdict, answered := map[evidence.Supported]evidence.Verdict{
				evidence.SupportedYes: evidence.Pass, evidence.SupportedNo: evidence.Fail, evidence.SupportedNA: evidence.NotApplicable,
			}[e.Support]
			if !asked[ref] || !answered {
				continue
			}
			method := scheme.Declared
			if len(e.Artifacts) > 0 {
				method = scheme.Document
			}
			o := s.observation("ics", ref.String(), "Stated in the ICS of "+x.Standard+", edition "+x.Edition, e.Detail, verdict, method, x.Date, 0, e.Artifacts)
			s.add(o, s.maker, "maker", ref)
		}
	}
	for i := range s.ev.Claims {
		c := &s.ev.Claims[i]
		refs := onlyAsked(c.Requirements, asked)
		if len(refs) == 0 {
			continue
		}
		o := s.observation("claim", strconv.Itoa(i), "Claim "+strconv.Itoa(i+1)+" of the evidence", c.Ground, c.Verdict, c.Method, c.Date, c.Until, c.Artifacts)
		for _, h := range c.Firmware {
			o.Props = prop(o.Props, "firmware-sha256", h.String())
		}
		for _, h := range c.Hardware {
			o.Props = prop(o.Props, "hardware", h)
		}
		party, role := s.body(c.By)
		s.add(o, party, role, refs...)
	}
	for i := range s.ev.Reports {
		if r := s.ev.Reports[i].Report(); r != nil {
			s.report(i, r, asked)
		}
	}
}

func onlyAsked(rs []evidence.Ref, asked map[scheme.RequirementRef]bool) (refs []scheme.RequirementRef) {
	for _, r := range rs {
		if ref := scheme.RequirementRef(r); asked[ref] {
			refs = append(refs, ref)
		}
	}
	return refs
}

// report writes down a report's results and the verdicts of its units.
func (s *scoped) report(i int, r *evidence.Report, asked map[scheme.RequirementRef]bool) {
	party, role := s.body(r.By)
	from := func(o *Observation, sample string) {
		o.Props = prop(o.Props, "report", r.Number)
		if signer := s.ev.Reports[i].Signer(); signer != nil {
			o.Props = prop(o.Props, "signed-by", signer.Laboratory)
		}
		if x := r.Sample(sample); x != nil {
			o.Props = prop(o.Props, "sample", x.ID)
			o.Props = prop(o.Props, "firmware-sha256", x.Firmware.String())
			o.Props = prop(o.Props, "hardware", x.Hardware)
		}
	}
	for j := range r.Results {
		x := &r.Results[j]
		refs := onlyAsked(x.Requirements, asked)
		if len(refs) == 0 {
			continue
		}
		o := s.observation("result", fmt.Sprint(i, "/", j), "Result in report "+r.Number, x.Ground, x.Verdict, x.Method, r.Day(x.Date), r.Until, x.Artifacts)
		from(&o, x.Sample)
		s.add(o, party, role, refs...)
	}
	spec := s.c.TestSpec(r.Method.Standard + "@" + r.Method.Edition)
	if spec == nil {
		return
	}
	for j := range r.Verdicts {
		x := &r.Verdicts[j]
		g, testCase, u := spec.Unit(x.Unit)
		if u == nil {
			continue
		}
		ref := scheme.RequirementRef{Standard: spec.Assesses.Standard, Edition: spec.Assesses.Edition, Requirement: g.Requirement}
		if !asked[ref] {
			continue
		}
		method := scheme.Document
		if testCase.Kind == scheme.Functional {
			method = scheme.Test
		}
		title := "Test unit " + x.Unit
		o := s.observation("unit", fmt.Sprint(i, "/", j), title, x.Ground, x.Verdict, method, r.Day(x.Date), r.Until, x.Artifacts)
		o.Props = append(o.Props, Prop{Name: "test-unit", NS: Namespace, Value: x.Unit})
		if u.Over != nil {
			s.row(&o, spec, u.Over.Table, x.Row)
		}
		from(&o, x.Sample)
		s.add(o, party, role, ref)
	}
}

// row makes an observation one of a row.
func (s *scoped) row(o *Observation, spec *scheme.TestSpec, table, name string) {
	row := s.ev.FindRow(table, name)
	if row == nil {
		o.Props = prop(o.Props, "row", strings.TrimSuffix(table+"/"+name, "/")) // one that is no longer stated
		return
	}
	id := s.rowID(table, row)
	if !s.items[id] {
		s.items[id] = true
		if s.out.LocalDefinitions == nil {
			s.out.LocalDefinitions = &LocalDefinitions{}
		}
		s.out.LocalDefinitions.InventoryItems = append(s.out.LocalDefinitions.InventoryItems, s.inventoryItem(spec, table, row))
	}
	o.Title += " on " + rowKey(table, row)
	o.Props = prop(o.Props, "row", rowKey(table, row))
	o.Subjects = []SelectSubject{{SubjectUUID: id, Type: "inventory-item"}}
}

func (s *scoped) observation(kind, name, title, ground string, v evidence.Verdict, m scheme.Method, day, until civil.Date, as []evidence.Artifact) Observation {
	o := Observation{
		UUID: s.id("observation", kind, name), Title: line(title), Description: strings.TrimSpace(ground), Methods: []string{methodOf(m)}, Types: []string{"control-objective"},
		Props:    []Prop{{Name: "verdict", NS: Namespace, Value: string(v)}, {Name: "method", NS: Namespace, Value: string(m)}},
		Subjects: []SelectSubject{{SubjectUUID: s.uuid(), Type: "component", Title: s.title()}}, Collected: timestamp(day),
	}
	if o.Description == "" {
		o.Description = "Verdict: " + string(v) + "."
	}
	if !until.IsZero() {
		o.Expires = timestamp(until)
	}
	for _, a := range as {
		o.Evidence = append(o.Evidence, Relevant{Href: s.artifact(a), Description: line(a.Name)})
	}
	return o
}

// body is the party that found something.
func (s *scoped) body(b evidence.Body) (party, role string) {
	if b.Kind != scheme.Laboratory {
		return s.maker, "maker"
	}
	name := b.ID
	if l := s.c.Lab(b.ID); l != nil {
		name = l.Name.In("en")
	}
	id := id5("party", "laboratory/"+b.ID)
	if !slices.ContainsFunc(s.meta.Parties, func(p Party) bool { return p.UUID == id }) {
		s.meta.party("assessor", "Laboratory that tested", "laboratory/"+b.ID, name, Prop{Name: "entity-id", NS: Namespace, Value: b.ID})
	}
	return id, "assessor"
}

// contradictions are observations about the statement, not about the product.
func (s *scoped) contradictions(asked map[scheme.RequirementRef]bool) {
	for i := range s.against {
		x := &s.against[i]
		var refs []scheme.RequirementRef
		for _, ref := range x.Requirements {
			if asked[ref] {
				refs = append(refs, ref)
			}
		}
		if len(refs) == 0 {
			continue
		}
		f := x.Finding("en")
		o := Observation{
			UUID: s.id("observation", "contradiction", strconv.Itoa(i)), Title: "Contradiction in what is stated: " + x.ID, Description: line(f.Problem + ": " + f.Remedy),
			Props: []Prop{{Name: "place", NS: Namespace, Value: line(f.Place)}}, Methods: []string{"EXAMINE"}, Types: []string{statementIssue},
			Subjects: []SelectSubject{{SubjectUUID: s.uuid(), Type: "component", Title: s.title()}}, Collected: timestamp(s.r.At),
		}
		for _, ref := range refs {
			o.Props = append(o.Props, Prop{Name: "requirement", NS: Namespace, Value: ref.String()})
			s.obs[ref] = append(s.obs[ref], RelObservation{o.UUID})
		}
		o.Origins = []Origin{{[]Actor{{Type: "tool", ActorUUID: s.product.id("tool")}}}}
		s.out.Observations = append(s.out.Observations, o)
	}
}

// add enters an observation, for the findings on these requirements.
func (s *scoped) add(o Observation, party, role string, refs ...scheme.RequirementRef) {
	for _, ref := range refs {
		o.Props = append(o.Props, Prop{Name: "requirement", NS: Namespace, Value: ref.String()})
		s.obs[ref] = append(s.obs[ref], RelObservation{o.UUID})
	}
	o.Origins = []Origin{{[]Actor{{Type: "party", ActorUUID: party, RoleID: role}}}}
	s.out.Observations = append(s.out.Observations, o)
}

// finding writes what came out for one requirement as a level asks for it.
func (s *scoped) finding(i int, o *assess.Outcome) {
	f := Finding{
		UUID:        s.id("finding", strconv.Itoa(i), o.Requirement.String(), o.Level),
		Title:       fmt.Sprintf("%s at level %s: %s", o.Requirement.Requirement, o.Level, status(o.Answer)),
		Description: fmt.Sprintf("The level asks for %s by the %s. Decided by the rule “%s”.", o.Method, o.By, o.Rule),
		Target: Target{
			Type: "objective-id", TargetID: ControlID(o.Requirement) + "_obj",
			Status: State{State: status(o.Answer), Reason: reason(o)},
		},
		Origins:      []Origin{{[]Actor{{Type: "tool", ActorUUID: s.product.id("tool")}}}},
		Observations: s.restsOn(o),
	}
	if r := s.c.Requirement(o.Requirement); r != nil {
		f.Target.Title = line(r.Text.In("en"))
	}
	if o.Applies == scheme.No {
		f.Target.Implementation = &State{State: "not-applicable"}
	}
	for _, p := range [][2]string{
		{"requirement", o.Requirement.String()}, {"level", o.Level}, {"method", string(o.Method)}, {"by", string(o.By)}, {"duty", yesNo(o.Duty)},
		{"applies", o.Applies.String()}, {"answer", o.Answer.String()}, {"rule", o.Rule},
	} {
		f.Props = prop(f.Props, p[0], p[1])
	}
	f.Props = prop(f.Props, "decided-by", o.From)
	for _, u := range o.Unknown {
		f.Props = prop(f.Props, "feature-unknown", u)
	}
	for _, l := range o.Lacks {
		f.Props = prop(f.Props, "content-lacking", l)
	}
	if m := o.Mapping; m != nil {
		f.Props = append(f.Props, Prop{Name: "mapping", NS: Namespace, Value: m.Mapping,
			Remarks: fmt.Sprintf("By %s: what was shown of %s is %s what is asked; %s.", m.Author, joinRefs(m.From), relationships[m.Relation], m.Confidence)})
	}
	if o.Fact != nil {
		f.Props = sure(f.Props, o.Fact)
		f.Links = s.cite(nil, o.Fact)
	}
	if o.Answer != scheme.Yes {
		f.Risks = []RelRisk{{s.risk(o)}}
	}
	s.out.Findings = append(s.out.Findings, f)
}

// restsOn are the observations on a requirement and, where a mapping carries
// them over, on those that it was shown by.
func (s *scoped) restsOn(o *assess.Outcome) []RelObservation {
	on := slices.Clip(s.obs[o.Requirement])
	if o.Mapping != nil {
		for _, ref := range o.Mapping.From {
			for _, x := range s.obs[ref] {
				if !slices.Contains(on, x) {
					on = append(on, x)
				}
			}
		}
	}
	return on
}

func joinRefs(refs []scheme.RequirementRef) string {
	names := make([]string, len(refs))
	for i, r := range refs {
		names[i] = r.String()
	}
	return strings.Join(names, ", ")
}

func status(a scheme.Answer) string {
	if a == scheme.Yes {
		return "satisfied"
	}
	return "not-satisfied"
}

// reason is OSCAL's: pass and fail for what was found to be so, other for what
// nobody tried or could decide.
func reason(o *assess.Outcome) string {
	switch o.Rule {
	case assess.RuleShown, assess.RuleMapped:
		return "pass"
	case assess.RuleFailed:
		return "fail"
	}
	return "other"
}

// risk is what stands in the way at one requirement, once for all levels.
func (s *scoped) risk(o *assess.Outcome) string {
	if id := s.risks[o.Requirement]; id != "" {
		i := slices.IndexFunc(s.out.Risks, func(r Risk) bool { return r.UUID == id })
		if p := (Prop{Name: "level", NS: Namespace, Value: o.Level}); !slices.Contains(s.out.Risks[i].Props, p) {
			s.out.Risks[i].Props = append(s.out.Risks[i].Props, p)
		}
		return id
	}
	id := s.id("risk", o.Requirement.String())
	s.risks[o.Requirement] = id
	what := "is not met"
	if o.Answer == scheme.Undetermined {
		what = "cannot be concluded"
	}
	r := Risk{
		UUID: id, Title: "Missing: " + o.Requirement.String(), Status: "open",
		Description:  fmt.Sprintf("%s %s for level %s: %s.", o.Requirement.Requirement, what, o.Level, o.Rule),
		Statement:    fmt.Sprintf("Until it is shown by %s by the %s, the level and those above it are not reached.", o.Method, o.By),
		Props:        prop(prop(nil, "requirement", o.Requirement.String()), "level", o.Level),
		Observations: s.restsOn(o),
	}
	s.out.Risks = append(s.out.Risks, r)
	return id
}
