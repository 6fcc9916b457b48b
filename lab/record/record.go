// Package record makes evidence of what a test of the laboratory found: reports
// with verdicts and tasks, as a bundle takes them. The same run gives the same
// bytes.
package record

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"assay/civil"
	"assay/evidence"
	"assay/lab"
	"assay/scheme"
)

// Run is what a test found, and all that is needed to find it again.
type Run struct {
	Kind     string    `json:"kind"` // firmware, device, disclosure
	Tool     string    `json:"tool"` // the program and its version
	At       time.Time `json:"at"`
	Operator string    `json:"operator,omitempty"`
	Input    Input     `json:"input"`
	// Data are the snapshots of vulnerability data that were looked into.
	Data []Data `json:"data"`
	// Confinement says which layers held the process that read the input.
	Confinement []string       `json:"confinement,omitempty"`
	Conditions  []string       `json:"conditions,omitempty"` // consent, bounds, options that decide what is found
	Findings    []lab.Finding  `json:"findings"`
	Left        map[string]int `json:"findings_left_out,omitempty"` // by rule
	Judgments   []lab.Judgment `json:"judgments"`
}

// Input is what was looked at.
type Input struct {
	Name   string        `json:"name"` // of a file, an address or a URL, as the operator gave it
	SHA256 evidence.Hash `json:"sha256,omitzero"`
	Size   int64         `json:"size,omitempty"`
}

// Data is a snapshot of vulnerability data.
type Data struct {
	Source  string `json:"source"`
	Date    string `json:"date"`
	SHA256  string `json:"sha256"`
	Records int    `json:"records"`
}

// Basis is what reports are written for.
type Basis struct {
	Catalog  *scheme.Catalog
	Evidence *evidence.Evidence // of the bundle; its product, ICS editions and IXIT rows
	By       evidence.Body
	Number   string // the beginning of the reports' numbers
	// Artifacts are the files that the verdicts rest on: the run's own record, and others.
	Artifacts []evidence.Artifact
	// Sample is what was tested; its firmware is the image's hash. Without an id no device
	// was: a policy is of the maker, not of a unit.
	Sample evidence.Sample
}

// Named is a report and the name of its file in a bundle's folder of verdicts.
type Named struct {
	Name   string
	Report *evidence.Report
}

// Reports are the run's verdicts: a report for each test specification that the
// product is held against, and for each standard without one. Every judgment is
// in one of them: what passes or fails as a verdict, what is inconclusive as a task for a
// person, since that a program cannot tell is no verdict of the body that it tests for, and would
// stand against what its testers found. A unit that only a person may pass never passes.
func (r *Run) Reports(b Basis) ([]Named, error) {
	day := civil.DateAt(r.At.UnixMicro(), time.UTC)
	by := map[string]*Named{}
	var order []string
	take := func(m evidence.Method) *evidence.Report {
		key := m.Standard + "@" + m.Edition
		if n := by[key]; n != nil {
			return n.Report
		}
		var models []string
		for _, x := range b.Evidence.Product.Models {
			models = append(models, x.ID)
		}
		m.Tool = r.Tool
		n := &Named{
			Name: fmt.Sprintf("lab-%s-%s-%s.yaml", r.Kind, m.Standard, m.Edition),
			Report: &evidence.Report{
				Number: fmt.Sprintf("%s-%s-%s", b.Number, m.Standard, m.Edition), By: b.By, Method: m, Date: day, Tested: evidence.Period{From: day, To: day},
				Product: evidence.Tested{Holder: b.Evidence.Product.Holder, Name: b.Evidence.Product.Name, Models: models},
			},
		}
		if b.Sample.ID != "" {
			n.Report.Samples = []evidence.Sample{b.Sample}
		}
		by[key] = n
		order = append(order, key)
		return n.Report
	}
	for i := range r.Judgments {
		j := &r.Judgments[i]
		if err := r.put(j, &b, take); err != nil {
			return nil, err
		}
	}
	slices.Sort(order)
	var out []Named
	for _, key := range order {
		n := by[key]
		r.bind(n.Report, b.Evidence)
		out = append(out, *n)
	}
	return out, nil
}

// Outside are the requirements that were judged and that no edition has which the
// product is held against: the reports say nothing of them.
func (r *Run) Outside(b Basis) (names []string) {
	for i := range r.Judgments {
		std, requirement, _ := strings.Cut(r.Judgments[i].Requirement, "/")
		asks := slices.ContainsFunc(editions(b.Catalog, b.Evidence, std), func(edition string) bool {
			return b.Catalog.Requirement(scheme.RequirementRef{Standard: std, Edition: edition, Requirement: requirement}) != nil
		})
		if !asks && !slices.Contains(names, r.Judgments[i].Requirement) {
			names = append(names, r.Judgments[i].Requirement)
		}
	}
	return names
}

// put writes one judgment into the reports of every edition that it is for.
func (r *Run) put(j *lab.Judgment, b *Basis, take func(evidence.Method) *evidence.Report) error {
	std, requirement, ok := strings.Cut(j.Requirement, "/")
	if !ok {
		return fmt.Errorf("judgment on %q, which is not STANDARD/REQUIREMENT", j.Requirement)
	}
	for _, edition := range editions(b.Catalog, b.Evidence, std) {
		spec := specFor(b.Catalog, std, edition)
		ref := evidence.Ref{Standard: std, Edition: edition, Requirement: requirement}
		if b.Catalog.Requirement(scheme.RequirementRef(ref)) == nil {
			continue // another edition has it
		}
		verdict := j.Verdict
		_, row, _ := strings.Cut(j.Row, "/")
		m := evidence.Method{Standard: std, Edition: edition}
		if spec != nil {
			m = evidence.Method{Standard: spec.ID, Edition: spec.Edition}
		}
		automatic := spec == nil // else the units of the specification decide, and some are a person's
		if j.Unit != "" {
			if spec == nil {
				continue
			}
			_, _, u := spec.Unit(j.Unit)
			if u == nil {
				continue // this edition's specification has no such unit
			}
			automatic = u.Automation == scheme.Automatic
		}
		if verdict == evidence.Pass && !automatic {
			verdict = evidence.Inconclusive
		}
		report := take(m)
		switch {
		case verdict == evidence.Inconclusive:
			report.Tasks = append(report.Tasks, task(j, ref, row, len(report.Tasks)+1, b.Artifacts))
		case j.Unit == "":
			report.Results = append(report.Results, evidence.Result{
				Requirements: []evidence.Ref{ref}, Verdict: verdict, Method: scheme.Test, Sample: b.Sample.ID, Ground: ground(j), Artifacts: b.Artifacts,
			})
		default:
			report.Verdicts = append(report.Verdicts, evidence.UnitVerdict{
				Unit: j.Unit, Row: row, Sample: b.Sample.ID, Verdict: verdict, Ground: ground(j), Artifacts: b.Artifacts,
			})
		}
	}
	return nil
}

// task is what is left of a judgment for a person.
func task(j *lab.Judgment, ref evidence.Ref, row string, n int, seen []evidence.Artifact) evidence.Task {
	t := evidence.Task{ID: fmt.Sprintf("T%d", n), Seen: ground(j), Artifacts: seen}
	if j.Unit != "" {
		t.Unit, t.Row = j.Unit, row
	} else {
		t.Requirement = &ref
	}
	if j.Task == nil { // a program may not decide it, whatever it saw
		t.Method, t.Passes = []string{lab.Say("task.confirm").String()}, lab.Say("task.confirmed").String()
		return t
	}
	t.Passes = j.Task.Passes.String()
	for _, m := range j.Task.Method {
		t.Method = append(t.Method, m.String())
	}
	return t
}

// ground is why, and the scope line, in the language of records.
func ground(j *lab.Judgment) string {
	s := []rune(strings.TrimSpace(j.Why("en") + " Scope: " + j.Scope("en") + "."))
	const most = 3_900 // evidence takes 4,000
	if len(s) > most {
		s = append(s[:most], '…')
	}
	return string(s)
}

// editions are those of a standard that the product is held against: those of
// its conformance statements, else the newest of the catalog.
func editions(cat *scheme.Catalog, ev *evidence.Evidence, standard string) (es []string) {
	for i := range ev.ICS {
		if ev.ICS[i].Standard == standard {
			es = append(es, ev.ICS[i].Edition)
		}
	}
	if len(es) > 0 {
		return es
	}
	var newest *scheme.StandardEdition
	for i := range cat.Standards {
		s := &cat.Standards[i]
		if s.ID != standard {
			continue
		}
		for k := range s.Editions {
			if e := &s.Editions[k]; newest == nil || e.Published > newest.Published {
				newest = e
			}
		}
	}
	if newest == nil {
		return nil
	}
	return []string{newest.ID}
}

// specFor is the newest test specification for an edition of a standard; nil
// where there is none.
func specFor(cat *scheme.Catalog, standard, edition string) (best *scheme.TestSpec) {
	for i := range cat.Tests {
		s := &cat.Tests[i]
		if s.Assesses.Standard == standard && s.Assesses.Edition == edition && (best == nil || cmp.Compare(s.Edition, best.Edition) > 0) {
			best = s
		}
	}
	return best
}

// bind records the IXIT rows that verdicts were given on, by digest.
func (r *Run) bind(report *evidence.Report, ev *evidence.Evidence) {
	for _, j := range r.Judgments {
		table, id, ok := strings.Cut(j.Row, "/")
		if !ok || !slices.ContainsFunc(report.Verdicts, func(v evidence.UnitVerdict) bool { return v.Unit == j.Unit && v.Row == id }) {
			continue
		}
		if row := ev.FindRow(table, id); row != nil {
			if report.Rows == nil {
				report.Rows = map[string]evidence.Hash{}
			}
			report.Rows[j.Row] = row.Digest()
		}
	}
}

// JSON is the run as it is kept, indented.
func (r *Run) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}
