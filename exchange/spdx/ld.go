package spdx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"assay/evidence"
	"assay/exchange/intake"
)

// contextBase begins the address of the one context in which SPDX 3 documents
// are written (SPDX 3.0.1, annex "serialization"). Nothing is fetched.
const contextBase = "https://spdx.org/rdf/3."

// element has what is read of the elements of an SPDX 3 graph, whatever their
// type.
type element struct {
	Type        string         `json:"type"`
	AtType      string         `json:"@type"`
	SPDXID      string         `json:"spdxId"`
	ID          string         `json:"@id"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Summary     string         `json:"summary"`
	Version     string         `json:"software_packageVersion"`
	PURL        string         `json:"software_packageUrl"`
	Purpose     string         `json:"software_primaryPurpose"`
	Supplier    jsontext.Value `json:"suppliedBy"`
	External    []struct {
		Type       string `json:"externalIdentifierType"`
		Identifier string `json:"identifier"`
	} `json:"externalIdentifier"`
	Verified []struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"hashValue"`
	} `json:"verifiedUsing"`
	Root     jsontext.Value `json:"rootElement"`
	Creation jsontext.Value `json:"creationInfo"`
	Created  string         `json:"created"`
	Using    jsontext.Value `json:"createdUsing"`

	From     jsontext.Value `json:"from"`
	To       jsontext.Value `json:"to"`
	Relation string         `json:"relationshipType"`

	License  string         `json:"simplelicensing_licenseExpression"`
	Severity string         `json:"security_severity"`
	Score    jsontext.Value `json:"security_score"`
	Impact   string         `json:"security_impactStatement"`
	Why      string         `json:"security_justificationType"`
}

func (e *element) kind() string { return e.Type + e.AtType }
func (e *element) id() string   { return e.SPDXID + e.ID }

// graph is a document of SPDX 3.
type graph struct {
	f        *intake.File
	elements []element
	byID     map[string]*element
}

func readLD(f *intake.File, h *intake.Head) (*intake.Result, error) {
	if h.List || !h.Has("@context") {
		return nil, f.Wrong("JSON-LD of another form than SPDX 3 fixes: write it compact, with %q and %q on top", "@context", "@graph")
	}
	var doc struct {
		Context jsontext.Value `json:"@context"`
		Graph   []element      `json:"@graph"`
	}
	if err := f.JSON(&doc); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(refs(doc.Context), func(s string) bool { return strings.HasPrefix(s, contextBase) }) {
		return nil, f.Wrong("the @context is not SPDX 3's (%s…): what its words mean is not known; export it as SPDX 3.0", contextBase)
	}
	if !h.Has("@graph") { // a document of one element
		var one element
		if err := f.JSON(&one); err != nil {
			return nil, err
		}
		doc.Graph = []element{one}
	}
	g := &graph{f: f, elements: doc.Graph, byID: make(map[string]*element, len(doc.Graph))}
	for i := range g.elements {
		e := &g.elements[i]
		if e.kind() == "" {
			return nil, &evidence.Error{File: f.Name, Place: fmt.Sprintf("/@graph/%d", i), Problem: "an element without a type: export the document again"}
		}
		if id := e.id(); id != "" {
			g.byID[id] = e
		}
	}
	return g.result()
}

func (g *graph) result() (*intake.Result, error) {
	r := intake.New(g.f, Format)
	targets := g.document(r)
	licenses := g.licenses()
	files, left, count := 0, 0, 0
	for i := range g.elements {
		if g.elements[i].kind() == "software_Package" {
			count++
		}
	}
	for i := range g.elements {
		e := &g.elements[i]
		switch kind := e.kind(); {
		case kind == "software_File" || kind == "software_Snippet":
			files++
			continue
		case kind != "software_Package":
			continue
		case len(targets) == 1 && targets[0] == e && count > 1: // the whole is no part of itself
			continue
		case slices.Contains([]string{"file", "device", "data", "diskImage"}, e.Purpose):
			left++
			continue
		}
		name := intake.Line(e.Name)
		if name == "" {
			return nil, &evidence.Error{File: g.f.Name, Place: fmt.Sprintf("/@graph/%d", i), Problem: "a package without a name: name it, or take it out"}
		}
		h, ok := hash(e.sha256())
		if !ok {
			r.Note("the SHA-256 of %s is none and was left out", name)
		}
		r.Import.Components = append(r.Import.Components, evidence.Component{
			Name: name, Version: intake.Line(e.Version), PURL: intake.Line(e.identifier("packageUrl", e.PURL)), CPE: intake.Line(e.identifier("cpe23", "")),
			Supplier: intake.Line(g.organization(e.Supplier)), License: intake.Line(licenses[e.id()]), SHA256: h,
		})
	}
	if left > 0 {
		r.Note("packages that are files, data or hardware, left out: %d", left)
	}
	if files > 0 {
		r.Note("files that are listed one by one, left out: %d", files)
	}
	g.vulnerabilities(r)
	return r.Finish(g.f)
}

// document takes in who made the document and when, and says which packages it
// is about.
func (g *graph) document(r *intake.Result) (targets []*element) {
	for i := range g.elements {
		e := &g.elements[i]
		if e.kind() != "SpdxDocument" {
			continue
		}
		creation := g.first(e.Creation)
		if creation != nil {
			r.Import.Date = intake.Day(creation.Created)
			if t := g.first(creation.Using); t != nil {
				r.Import.Tool = intake.Line(t.Name)
			}
		}
		targets = g.roots(e, 0)
	}
	if len(targets) == 1 {
		t := targets[0]
		r.Import.Target = intake.Line(strings.TrimSpace(t.Name + " " + t.Version))
		r.Import.Firmware, _ = hash(t.sha256())
	}
	return targets
}

// roots follows root elements through collections to packages.
func (g *graph) roots(e *element, depth int) (found []*element) {
	for _, id := range refs(e.Root) {
		t := g.byID[id]
		switch {
		case t == nil || depth > 4:
		case t.kind() == "software_Package":
			found = append(found, t)
		default:
			found = append(found, g.roots(t, depth+1)...)
		}
	}
	return found
}

// licenses are the expressions by package: what was concluded, else what is
// declared.
func (g *graph) licenses() map[string]string {
	out := map[string]string{}
	for _, want := range []string{"hasDeclaredLicense", "hasConcludedLicense"} { // the later wins
		for i := range g.elements {
			e := &g.elements[i]
			if e.Relation != want {
				continue
			}
			to := g.first(e.To)
			for _, id := range refs(e.From) {
				if to != nil && to.License != "" {
					out[id] = to.License
				}
			}
		}
	}
	return out
}

// vexes are the assessments of SPDX 3's security profile in the words of VEX.
var vexes = map[string]string{
	"security_VexAffectedVulnAssessmentRelationship":           "affected",
	"security_VexNotAffectedVulnAssessmentRelationship":        "not_affected",
	"security_VexFixedVulnAssessmentRelationship":              "fixed",
	"security_VexUnderInvestigationVulnAssessmentRelationship": "under_investigation",
}

// vulnerabilities are what relationships say of vulnerabilities and packages.
func (g *graph) vulnerabilities(r *intake.Result) {
	worst := map[string]string{} // by vulnerability
	for i := range g.elements {
		e := &g.elements[i]
		if !strings.HasPrefix(e.kind(), "security_Cvss") {
			continue
		}
		for _, v := range refs(e.From) {
			s := strings.ToLower(e.Severity)
			var score float64
			if s == "" && len(e.Score) > 0 && intake.Value(e.Score, &score) == nil {
				s = intake.Severity(score)
			}
			worst[v] = intake.Worse(worst[v], s)
		}
	}
	assessed := map[string]bool{}
	add := func(v *element, where, state, why string) {
		id := v.identifier("cve", v.Name)
		if id = intake.Line(id); id == "" {
			id = intake.Line(v.id())
		}
		text := v.Description
		if text == "" {
			text = v.Summary
		}
		if why != "" {
			text = strings.TrimSpace(text + " [" + why + "]")
		}
		severity := worst[v.id()]
		if severity == "" {
			severity = "unknown"
		}
		r.Import.Issues = append(r.Import.Issues, evidence.Issue{ID: id, Severity: severity, Text: intake.Text(text), Where: intake.Line(where), State: state})
	}
	for _, vex := range []bool{true, false} { // an association says nothing more where there is an assessment
		for i := range g.elements {
			e := &g.elements[i]
			state, is := vexes[e.kind()]
			if is != vex || !vex && e.Relation != "hasAssociatedVulnerability" {
				continue
			}
			vulns, parts := refs(e.From), refs(e.To)
			if !vex {
				vulns, parts = parts, vulns
			}
			for _, id := range vulns {
				v := g.byID[id]
				if v == nil || v.kind() != "security_Vulnerability" {
					r.Note("an assessment is about the vulnerability %.80q, which is not in the file", intake.Line(id))
					continue
				}
				for _, p := range parts {
					if !vex && assessed[id+" "+p] {
						continue
					}
					assessed[id+" "+p] = true
					where := p
					if c := g.byID[p]; c != nil {
						where = strings.TrimSpace(c.Name + " " + c.Version)
					}
					add(v, where, state, strings.TrimSpace(e.Why+" "+e.Impact))
				}
			}
		}
	}
}

// refs are the ids that a property names: one or a list of them, or elements
// written out in its place.
func refs(v jsontext.Value) (ids []string) {
	switch v.Kind() {
	case '"':
		var s string
		if intake.Value(v, &s) == nil {
			ids = append(ids, s)
		}
	case '[':
		var list []jsontext.Value
		if intake.Value(v, &list) == nil {
			for _, x := range list {
				if x.Kind() != '[' {
					ids = append(ids, refs(x)...)
				}
			}
		}
	case '{':
		var e struct {
			SPDXID string `json:"spdxId"`
			ID     string `json:"@id"`
		}
		if intake.Value(v, &e) == nil && e.SPDXID+e.ID != "" {
			ids = append(ids, e.SPDXID+e.ID)
		}
	}
	return ids
}

// first is the first element that a property names or has written out.
func (g *graph) first(v jsontext.Value) *element {
	if v.Kind() == '{' {
		e := new(element)
		if intake.Value(v, e) == nil {
			return e
		}
		return nil
	}
	for _, id := range refs(v) {
		if e := g.byID[id]; e != nil {
			return e
		}
	}
	return nil
}

func (g *graph) organization(v jsontext.Value) string {
	if e := g.first(v); e != nil && (e.kind() == "Organization" || e.kind() == "Agent") {
		return e.Name
	}
	return ""
}

func (e *element) sha256() string {
	for _, v := range e.Verified {
		if v.Algorithm == "sha256" {
			return v.Value
		}
	}
	return ""
}

func (e *element) identifier(kind, own string) string {
	for _, x := range e.External {
		if own == "" || kind == "cve" {
			if x.Type == kind {
				return x.Identifier
			}
		}
	}
	return own
}
