package oscal

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"assay/evidence"
	"assay/exchange/intake"
	"assay/scheme"
)

// Format is the word for it in an import.
const Format = "oscal"

// models are OSCAL's, by the name on top of a document, with what to do about
// those that are not read; "" is read.
var models = []struct{ name, instead string }{
	{"assessment-results", ""},
	{"component-definition", ""},
	{"catalog", "says what is asked and not what was found"},
	{"profile", "says what is asked and not what was found"},
	{"mapping-collection", "says how requirements relate and not what was found"},
	{"system-security-plan", "is about a system and who runs it; name it as an artifact"},
	{"assessment-plan", "says what is to be looked at and not what was found"},
	{"plan-of-action-and-milestones", "says what is to be done; name it as an artifact"},
}

// Model is the name of the OSCAL model that a document is of; "" for none.
func Model(h *intake.Head) string {
	for _, m := range models {
		if !h.List && h.Has(m.name) {
			return m.name
		}
	}
	return ""
}

// Read reads OSCAL assessment results or a component definition, JSON of
// release 1.0 to 1.2, of whoever made it. Its errors are of type
// *evidence.Error.
//
// Findings become claims, and implemented requirements entries of an ICS, where
// it can be told which requirement of ours is meant: by a property called
// alt-identifier or requirement that has STANDARD@EDITION/REQUIREMENT, or by the
// id of the control in our catalogs. Any other finding becomes an issue of the
// import, so that nothing is lost.
//
// Whoever wrote the file, each claim is a declaration of who hands it in, the
// maker: the file proves nothing about its author. A laboratory hands in a
// signed report instead.
func Read(f *intake.File, o intake.Options) (*intake.Result, error) {
	h, err := f.Head()
	if err != nil {
		return nil, err
	}
	for _, m := range models {
		if m.instead != "" && h.Has(m.name) {
			return nil, f.Wrong("an OSCAL %s %s: import assessment results or a component definition", strings.ReplaceAll(m.name, "-", " "), m.instead)
		}
	}
	var d Document
	if err := f.JSON(&d); err != nil {
		return nil, err
	}
	r := &reader{f: f, o: o, Result: intake.New(f, Format), parties: map[string]string{}}
	switch {
	case d.AssessmentResults != nil && d.ComponentDefinition != nil:
		return nil, f.Wrong("two OSCAL documents in one: put each into a file of its own")
	case d.AssessmentResults != nil:
		err = r.results(d.AssessmentResults)
	case d.ComponentDefinition != nil:
		err = r.definition(d.ComponentDefinition)
	default:
		return nil, f.Wrong("neither assessment results nor a component definition")
	}
	if err != nil {
		return nil, err
	}
	r.sum()
	return r.Finish(f)
}

// reader is a document being read.
type reader struct {
	f *intake.File
	o intake.Options
	*intake.Result
	parties map[string]string // UUID to name
	title   string            // of the document
	counts  []count
}

// count is a note that would come many times.
type count struct {
	note string
	n    int
}

// tally counts what a note says once.
func (r *reader) tally(note string) {
	if i := slices.IndexFunc(r.counts, func(c count) bool { return c.note == note }); i >= 0 {
		r.counts[i].n++
		return
	}
	r.counts = append(r.counts, count{note, 1})
}

func (r *reader) sum() {
	for _, c := range r.counts {
		r.Note("%s: %d", c.note, c.n)
	}
}

var (
	uuidForm    = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[1-8][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$`)
	versionForm = regexp.MustCompile(`^v?1\.[0-9]+(\.[0-9]+)?([-+].*)?$`)
)

// metadata checks what makes a document one of OSCAL, and takes its date.
func (r *reader) metadata(model, uuid string, m *Metadata) error {
	at := "/" + model
	switch {
	case !uuidForm.MatchString(uuid):
		return r.f.AtPointer(at+"/uuid", "%.60q is no UUID: OSCAL names every document by one; export it again", uuid)
	case line(m.Title) == "":
		return r.f.AtPointer(at+"/metadata", "the document has no title: OSCAL wants one; export it again")
	case !versionForm.MatchString(string(m.OSCALVersion)):
		return r.f.AtPointer(at+"/metadata/oscal-version", "OSCAL %.20q: releases 1.0 to 1.2 are read here; convert the document", string(m.OSCALVersion))
	}
	if r.Import.Date = intake.Day(m.LastModified); r.Import.Date.IsZero() {
		return r.f.AtPointer(at+"/metadata/last-modified", "%.40q is no time: what is undated shows nothing; export it again", m.LastModified)
	}
	r.title = intake.Line(m.Title)
	for i := range m.Parties {
		r.parties[m.Parties[i].UUID] = intake.Line(m.Parties[i].Name)
	}
	return nil
}

// requirement tells which requirement of ours something is about: by its
// properties, or by an id of ours, whose parts stand behind a dot. part is what
// of the requirement's statement or objective it is about, "" for all of it.
func requirement(ps []Prop, id string) (ref evidence.Ref, part string, ok bool) {
	head, tail, _ := strings.Cut(id, "_smt")
	if head == id {
		head, tail, _ = strings.Cut(id, "_obj")
	}
	part = strings.TrimPrefix(tail, ".")
	for _, p := range ps {
		if p.Name == "requirement" || p.Name == "alt-identifier" {
			if r, err := evidence.ParseRef(strings.TrimSpace(p.Value)); err == nil {
				return r, part, true
			}
		}
	}
	names := strings.Split(head, "_")
	if len(names) != 3 {
		return evidence.Ref{}, part, false
	}
	r, err := evidence.ParseRef(names[0] + "@" + names[1] + "/" + names[2])
	return r, part, err == nil && ControlID(scheme.RequirementRef(r)) == head
}

// own finds a property of ours.
func own(ps []Prop, name string) string {
	for _, p := range ps {
		if p.Name == name && p.NS == Namespace {
			return strings.TrimSpace(p.Value)
		}
	}
	return ""
}

// definition makes an ICS for each standard's edition of what components say
// of themselves.
func (r *reader) definition(d *ComponentDefinition) error {
	if err := r.metadata("component-definition", d.UUID, &d.Metadata); err != nil {
		return err
	}
	byStandard := map[scheme.StandardRef]int{}
	seen := map[string]bool{}
	for i := range d.Components {
		c := &d.Components[i]
		if r.Import.Target == "" {
			r.Import.Target = intake.Line(c.Title)
		}
		for j := range c.Implementations {
			ci := &c.Implementations[j]
			for k := range ci.Requirements {
				q, at := &ci.Requirements[k], fmt.Sprintf("/component-definition/components/%d/control-implementations/%d/implemented-requirements/%d", i, j, k)
				switch {
				case !uuidForm.MatchString(q.UUID):
					return r.f.AtPointer(at, "%.60q is no UUID: OSCAL names every implemented requirement by one; export it again", q.UUID)
				case seen[q.UUID]:
					return r.f.AtPointer(at+"/uuid", "the UUID %s names two implemented requirements: keep one", q.UUID)
				}
				seen[q.UUID] = true
				r.implemented(byStandard, c, ci, q)
			}
			r.parameters(ci)
		}
	}
	if len(r.ICS) == 0 && len(r.Import.Issues) == 0 {
		r.Note("nothing is stated: no component has an implemented requirement")
	}
	return nil
}

func (r *reader) implemented(byStandard map[scheme.StandardRef]int, c *DefinedComponent, ci *ControlImplementation, q *ImplementedRequirement) {
	ref, _, ok := requirement(q.Props, q.ControlID)
	if !ok {
		r.unknown(q.ControlID, intake.Line(c.Title)+": "+q.Description, "none")
		return
	}
	std := scheme.StandardRef{Standard: ref.Standard, Edition: ref.Edition}
	i, known := byStandard[std]
	if !known {
		i = len(r.ICS)
		byStandard[std] = i
		r.ICS = append(r.ICS, evidence.ICS{Standard: ref.Standard, Edition: ref.Edition, Date: r.Import.Date, Entries: map[string]evidence.ICSEntry{}})
	}
	if day := intake.Day(own(ci.Props, "stated")); !day.IsZero() {
		r.ICS[i].Date = day
	}
	e := evidence.ICSEntry{Support: r.support(q.Props), Detail: detail(q.Description)}
	if e.Detail == "" && (e.Support == evidence.SupportedNo || e.Support == evidence.SupportedNA) {
		r.tally("statements that something is not supported or does not apply and give no ground, left unanswered")
		e.Support = evidence.SupportedTBD
	}
	if before, twice := r.ICS[i].Entries[ref.Requirement]; twice && before.Support != e.Support {
		r.Note("components say different things of %s: it is left unanswered", ref)
		e = evidence.ICSEntry{Detail: before.Detail}
	} else if twice && e.Detail == "" {
		e.Detail = before.Detail
	}
	r.ICS[i].Entries[ref.Requirement] = e
}

// detail is a text of several lines without control and formatting characters,
// within what evidence takes.
func detail(s string) string {
	lines := strings.Split(s, "\n")
	n := 0
	for i, l := range lines {
		lines[i] = line(strings.Map(func(r rune) rune {
			if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				return ' '
			}
			return r
		}, l))
		if left := maxDetail - n; len([]rune(lines[i])) > left {
			lines = append(lines[:i], string([]rune(lines[i])[:left])+"…")
			break
		}
		n += len([]rune(lines[i])) + 1
	}
	s = strings.TrimSpace(strings.Join(lines, "\n"))
	if s == "Stated without a detail." { // our own words for none
		return ""
	}
	return s
}

// maxDetail bounds a text, in characters; evidence takes a little more.
const maxDetail = 3_900

// support is what is said of a requirement. OSCAL lists what a component
// implements, so what has no status is a yes.
func (r *reader) support(ps []Prop) evidence.Supported {
	var s evidence.Supported
	if v := own(ps, "support"); v != "" && s.UnmarshalText([]byte(v)) == nil {
		return s
	}
	for _, p := range ps {
		if p.Name != "implementation-status" {
			continue
		}
		switch strings.TrimSpace(p.Value) {
		case "implemented", "alternative":
			return evidence.SupportedYes
		case "partial", "planned":
			return evidence.SupportedNo
		case "not-applicable":
			return evidence.SupportedNA
		}
		r.tally("implementation statuses that are none of OSCAL's, left unanswered")
		return evidence.SupportedTBD
	}
	r.tally("implemented requirements without a status, taken for a yes")
	return evidence.SupportedYes
}

// parameters are features of the product, where they are those of our catalogs.
func (r *reader) parameters(ci *ControlImplementation) {
	for _, p := range ci.SetParameters {
		edition, id, ours := strings.Cut(p.ParamID, "_prm.")
		_, err := evidence.ParseRef(strings.Replace(edition, "_", "@", 1) + "/" + id) // the forms of ids are the same
		var a scheme.Answer
		if !ours || err != nil || len(p.Values) != 1 || a.UnmarshalText([]byte(p.Values[0])) != nil {
			r.tally("parameters that are no feature of a standard here, left out")
			continue
		}
		if before, twice := r.Features[id]; twice && before.Answer != a {
			r.Note("the feature %.60q has two answers: it is left out", id)
			r.Features[id] = evidence.Feature{}
			continue
		}
		if r.Features == nil {
			r.Features = map[string]evidence.Feature{}
		}
		r.Features[id] = evidence.Feature{Answer: a, Ground: detail(p.Remarks)}
	}
}

// unknown keeps what is about no requirement of ours.
func (r *reader) unknown(id, text, severity string) {
	name := intake.Line(id)
	if name == "" {
		name = "unnamed"
	}
	r.Import.Issues = append(r.Import.Issues, evidence.Issue{ID: name, Severity: severity, Text: intake.Text(text), Where: name})
	r.tally("controls that are none of the requirements here and have no property alt-identifier with STANDARD@EDITION/REQUIREMENT, kept as issues")
}

// number makes an index part of a JSON pointer.
func number(i int) string { return strconv.Itoa(i) }
