package assess

import (
	"cmp"
	"fmt"
	"slices"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// Explanation walks from a requirement down to the test units and artifacts
// that it stands or falls with, as one scheme sees them.
type Explanation struct {
	Requirement scheme.RequirementRef `json:"requirement"`
	Text        scheme.Text           `json:"text"`
	Scheme      string                `json:"scheme"`
	At          civil.Date            `json:"at"`
	Condition   string                `json:"condition,omitempty"` // on features; "" where it always applies
	Applies     scheme.Answer         `json:"applies"`
	Unknown     []string              `json:"unknown,omitempty"`
	Asked       []Outcome             `json:"asked"` // by each level of the scheme
	Said        []Said                `json:"said"`
	Group       *GroupSum             `json:"group,omitempty"`
	Against     []Contradiction       `json:"against,omitempty"`
}

// Said is one thing that the evidence says of the requirement as a whole.
type Said struct {
	From      string              `json:"from"` // as Outcome.From
	Verdict   evidence.Verdict    `json:"verdict"`
	Method    scheme.Method       `json:"method"`
	By        scheme.By           `json:"by"`
	Date      civil.Date          `json:"date,omitzero"`
	Why       string              `json:"why,omitempty"` // it does not count
	Artifacts []evidence.Artifact `json:"artifacts,omitempty"`
}

// GroupSum is a test group rolled up, for one rank of bodies.
type GroupSum struct {
	Spec  string    `json:"spec"` // ID@EDITION
	By    scheme.By `json:"by"`   // whose verdicts count: a laboratory's alone, or a maker's too
	Sum   string    `json:"sum"`  // pass, fail, inconclusive, missing, nothing
	Cases []CaseSum `json:"cases"`
}

// CaseSum is a test case rolled up.
type CaseSum struct {
	Case  string          `json:"case"` // 5.1-1-2
	Kind  scheme.CaseKind `json:"kind"`
	Sum   string          `json:"sum"`
	Units []UnitSum       `json:"units"`
}

// UnitSum is a test unit rolled up over its rows.
type UnitSum struct {
	Unit string      `json:"unit"` // 5.1-1-2/a
	Text scheme.Text `json:"text"`
	Sum  string      `json:"sum"`
	Rows []RowSum    `json:"rows"`
}

// RowSum is a unit on one row, or once for the device.
type RowSum struct {
	Row   string  `json:"row,omitempty"` // TABLE/ROW
	Sum   string  `json:"sum"`
	Given []Given `json:"given,omitempty"`
}

// Given is one verdict of one report.
type Given struct {
	Report     string              `json:"report"`
	Laboratory string              `json:"laboratory"`       // or the maker
	Signed     string              `json:"signed,omitempty"` // fingerprint of the key
	Sample     string              `json:"sample,omitempty"`
	Date       civil.Date          `json:"date"`
	Verdict    evidence.Verdict    `json:"verdict"`
	Ground     string              `json:"ground,omitempty"`
	Why        string              `json:"why,omitempty"` // it does not count
	Artifacts  []evidence.Artifact `json:"artifacts,omitempty"`
}

var sumNames = [...]string{sumNone: "nothing", sumPass: "pass", sumMissing: "missing", sumUnsure: "inconclusive", sumFail: "fail"}

func (s sum) String() string { return sumNames[s] }

// Explain explains one requirement as a scheme sees it on a day. It fails where
// the catalog has no such requirement or scheme.
func Explain(c *Compiled, ev *evidence.Evidence, ref scheme.RequirementRef, schemeID string, at civil.Date) (*Explanation, error) {
	n, ok := c.index[ref]
	if !ok {
		return nil, fmt.Errorf("the catalog has no requirement %.80s", ref)
	}
	i := slices.IndexFunc(c.schemes, func(s compiledScheme) bool { return s.scheme.ID == schemeID })
	if i < 0 {
		return nil, fmt.Errorf("the catalog has no scheme %.60q", schemeID)
	}
	w, r := worstPart(c, ev, &c.schemes[i], ref, at)
	if w.admission == nil {
		w.admission = w.admit(c.schemes[i].scheme)
	}
	q := &c.reqs[n]
	x := &Explanation{Requirement: ref, Text: q.req.Text, Scheme: schemeID, At: at, Asked: []Outcome{}, Said: []Said{}}
	x.Applies, x.Unknown = q.req.When.Eval(w.has, nil)
	if q.req.When != nil {
		x.Condition = q.req.When.String()
	}
	for _, o := range r.Outcomes {
		if o.Requirement == ref {
			x.Asked = append(x.Asked, o)
		}
	}
	for _, m := range w.marks[n] {
		x.Said = append(x.Said, Said{From: m.from.place(c, n), Verdict: m.verdict, Method: methodOf(m.method), By: byOf(m.by), Date: m.date,
			Why: w.counts(&m, w.admission.report, 0), Artifacts: w.artifacts(n, m.from)})
	}
	for _, k := range c.Contradictions(ev) {
		if slices.Contains(k.reqs, n) {
			x.Against = append(x.Against, k)
		}
	}
	if q.group != nil {
		least := byRank[scheme.Maker]
		if slices.ContainsFunc(x.Asked, func(o Outcome) bool { return o.By == scheme.Laboratory }) {
			least = byRank[scheme.Laboratory]
		}
		x.Group = w.explainGroup(q.group, least)
	}
	return x, nil
}

// worstPart walks the part of the product that a requirement is least shown of.
func worstPart(c *Compiled, ev *evidence.Evidence, s *compiledScheme, ref scheme.RequirementRef, at civil.Date) (w *walk, r Result) {
	least := scheme.Yes
	for _, p := range parts(ev) {
		x := newWalk(c, ev, p, at)
		y, a := x.scheme(s), scheme.Yes
		for i := range y.Outcomes {
			if o := &y.Outcomes[i]; o.Requirement == ref {
				a = a.And(o.Answer)
			}
		}
		if w == nil || fits[a] < fits[least] {
			w, r, least = x, y, a
		}
	}
	return w, r
}

func methodOf(rank uint8) scheme.Method {
	for m, r := range methodRank {
		if r == rank {
			return m
		}
	}
	return ""
}

func byOf(rank uint8) scheme.By {
	for b, r := range byRank {
		if r == rank {
			return b
		}
	}
	return ""
}

func (w *walk) explainGroup(g *group, least uint8) *GroupSum {
	if w.sheets == nil {
		w.sheets = map[*group]*sheet{}
	}
	s := w.sheet(g)
	out := &GroupSum{Spec: g.spec.spec.Name(), By: byOf(least)}
	all := sumNone
	var cases []sum
	for i := range s.units {
		x := &s.units[i]
		id := fmt.Sprintf("%s-%d", g.group.Requirement, x.unit.number)
		if n := len(out.Cases); n == 0 || out.Cases[n-1].Case != id {
			out.Cases = append(out.Cases, CaseSum{Case: id, Kind: x.unit.kind})
			cases = append(cases, sumNone)
		}
		var p span
		u := UnitSum{Unit: x.unit.name, Text: x.unit.unit.Text}
		us := w.unitSum(x, least, w.admission.report, &p)
		u.Sum = us.String()
		for j := range x.cells {
			u.Rows = append(u.Rows, w.explainCell(x, &x.cells[j], least))
		}
		k := len(cases) - 1
		cases[k], all = max(cases[k], us), max(all, us)
		out.Cases[k].Units = append(out.Cases[k].Units, u)
	}
	for k := range cases {
		out.Cases[k].Sum = cases[k].String()
	}
	out.Sum = all.String()
	return out
}

func (w *walk) explainCell(x *sheetUnit, c *cell, least uint8) RowSum {
	var p span
	r := RowSum{Sum: w.cellSum(c, least, w.admission.report, &p).String()}
	if o := x.unit.unit.Over; o != nil {
		r.Row = o.Table
		if c.row != "" {
			r.Row += "/" + c.row
		}
	}
	as := slices.Clone(c.given) // in the order of the reports
	slices.SortStableFunc(as, func(a, b given) int {
		return cmp.Or(cmp.Compare(a.report, b.report), cmp.Compare(a.verdict, b.verdict))
	})
	for _, g := range as {
		rep := w.ev.Reports[g.report].Report()
		v := &rep.Verdicts[g.verdict]
		y := Given{Report: rep.Number, Laboratory: rep.By.ID, Sample: g.sample, Date: g.date, Verdict: g.result, Ground: v.Ground, Why: g.rule, Artifacts: v.Artifacts}
		if y.Why == "" {
			y.Why = w.admission.report(g.report)
		}
		if s := w.ev.Reports[g.report].Signer(); s != nil {
			y.Signed = s.Key
		}
		r.Given = append(r.Given, y)
	}
	return r
}
