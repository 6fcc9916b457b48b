package evidence

import (
	"fmt"
	"slices"
	"strings"

	"assay/civil"
	"assay/scheme"
)

// MaxRows bounds the rows of one IXIT table.
const MaxRows = 5_000

func (v *validator) ics(e *Evidence) {
	v.count("/ics", len(e.ICS))
	for i := range e.ICS {
		s, at := &e.ICS[i], fmt.Sprintf("/ics/%d", i)
		v.word(at+"/standard", s.Standard)
		v.word(at+"/edition", s.Edition)
		if slices.ContainsFunc(e.ICS[:i], func(o ICS) bool { return o.Standard == s.Standard && o.Edition == s.Edition }) {
			v.add(at, fmt.Sprintf("a second statement for %.60s@%.20s", s.Standard, s.Edition), "keep one")
		}
		if s.Date.IsZero() {
			v.add(at+"/date", "no date", "give the day on which it was stated: what is undated shows nothing")
		}
		v.count(at+"/entries", len(s.Entries))
		for _, id := range sortedKeys(s.Entries) {
			x, at := s.Entries[id], at+"/entries/"+escape.Replace(id)
			if !plain(id, 80) {
				v.add(at, fmt.Sprintf("%.40q is no requirement id", id), "write it as the standard does")
			}
			v.text(at+"/detail", x.Detail)
			if x.Detail == "" && (x.Support == SupportedNo || x.Support == SupportedNA) {
				v.add(at+"/detail", "no ground", "say why it is not supported or does not apply")
			}
			v.artifacts(at+"/artifacts", x.Artifacts)
		}
	}
}

func (v *validator) ixit(e *Evidence) {
	for _, table := range sortedKeys(e.IXIT) {
		rows, at := e.IXIT[table], "/ixit/"+escape.Replace(table)
		if !plain(table, 80) {
			v.add(at, fmt.Sprintf("%.40q is no table id", table), "take one of a test specification's tables")
		}
		if len(rows) > MaxRows {
			v.add(at, fmt.Sprintf("%d rows", len(rows)), fmt.Sprintf("at most %d: a row is a kind of thing, not each of them", MaxRows))
			continue
		}
		seen := make(map[string]int, len(rows))
		for i, r := range rows {
			at := fmt.Sprintf("%s/%d", at, i)
			id := r.ID()
			switch {
			case len(r["id"]) > 1 || (id != "" && !plain(id, 80)):
				v.add(at+"/id", fmt.Sprintf("%.40q is no row id", id), "use letters, digits and . _ : -")
			case id == "" && len(rows) > 1:
				v.add(at+"/id", "no id", "give each row of a table its own")
			}
			if j, twice := seen[id]; twice && id != "" {
				v.add(at+"/id", fmt.Sprintf("row id %.40q comes twice, first in row %d", id, j+1), "give each row its own")
			}
			seen[id] = i
			for _, f := range sortedKeys(r) {
				if !plain(f, 80) {
					v.add(at+"/"+escape.Replace(f), fmt.Sprintf("%.40q is no field id", f), "take one of the table's fields")
				}
				v.count(at+"/"+escape.Replace(f), len(r[f]))
				for _, s := range r[f] {
					v.text(at+"/"+escape.Replace(f), s)
				}
			}
		}
	}
}

// reports checks each report's own text; places in it start with
// /reports/N/body.
func (v *validator) reports(e *Evidence) {
	v.count("/reports", len(e.Reports))
	names := map[string]bool{}
	numbers := map[string]bool{}
	for i := range e.Reports {
		s, at := &e.Reports[i], fmt.Sprintf("/reports/%d", i)
		v.line(at+"/name", s.Name)
		if names[s.Name] {
			v.add(at+"/name", fmt.Sprintf("two reports are called %.60q", s.Name), "rename one")
		}
		names[s.Name] = true
		if len(s.Signature) > 4096 {
			v.add(at+"/signature", "longer than a signature", "sign the report again")
		}
		r := s.report
		if r == nil {
			continue
		}
		if id := r.By.ID + " " + r.Number; numbers[id] {
			v.add(at+"/body/number", fmt.Sprintf("report %.60s comes twice", id), "keep one; a corrected report has a number of its own")
		} else {
			numbers[id] = true
		}
		v.report(at+"/body", r, e)
	}
}

func (v *validator) report(at string, r *Report, e *Evidence) {
	v.line(at+"/number", r.Number)
	v.oneOf(at+"/by/kind", string(r.By.Kind), Verdict(scheme.Maker), Verdict(scheme.Laboratory))
	v.id(at+"/by/id", r.By.ID)
	v.word(at+"/method/standard", r.Method.Standard)
	v.word(at+"/method/edition", r.Method.Edition)
	if r.Date.IsZero() {
		v.add(at+"/date", "no date", "give the day of issue")
	}
	switch t := r.Tested; {
	case t.From.IsZero() || t.To.IsZero():
		v.add(at+"/tested", "no days", "say from which to which day it was tested")
	case t.To < t.From:
		v.add(at+"/tested/to", "before the first day", "correct one of the two")
	case !r.Date.IsZero() && r.Date < t.To:
		v.add(at+"/date", "issued before the last day of testing", "correct one of the two")
	}
	if !r.Until.IsZero() && r.Until < r.Date {
		v.add(at+"/valid_until", "ends before its date", "correct one of the two days")
	}
	v.id(at+"/product/holder", r.Product.Holder)
	v.line(at+"/product/name", r.Product.Name)
	if len(r.Product.Models) == 0 {
		v.add(at+"/product/models", "no model", "name the models that were assessed")
	}
	if r.Product.Holder != e.Product.Holder {
		v.add(at+"/product/holder", fmt.Sprintf("the report is on a product of %.60s, the evidence on one of %.60s", r.Product.Holder, e.Product.Holder), "keep one product in one bundle")
	}
	if r.Product.Name != "" && strings.Join(strings.Fields(r.Product.Name), " ") != strings.Join(strings.Fields(e.Product.Name), " ") {
		v.add(at+"/product/name", fmt.Sprintf("the report calls the product %.100q, the evidence %.100q", r.Product.Name, e.Product.Name), "keep one product in one bundle; a new name wants a word of the laboratory")
	}
	for i, m := range r.Product.Models {
		if !e.Product.Has(m) {
			v.add(fmt.Sprintf("%s/product/models/%d", at, i), fmt.Sprintf("model %.60q is none of the product's", m), "keep one product in one bundle, or add the model to product.yaml")
		}
	}
	v.count(at+"/samples", len(r.Samples))
	for i, s := range r.Samples {
		at := fmt.Sprintf("%s/samples/%d", at, i)
		if !plain(s.ID, 80) || slices.ContainsFunc(r.Samples[:i], func(o Sample) bool { return o.ID == s.ID }) {
			v.add(at+"/id", fmt.Sprintf("%.40q is no sample id, or comes twice", s.ID), "name samples S1, S2, …")
		}
		v.line(at+"/chosen", s.Chosen)
		v.line(at+"/serial", s.Serial)
		v.line(at+"/model", s.Model)
		v.line(at+"/hardware", s.Hardware)
		v.hash(at+"/firmware", s.Firmware)
		if s.Received.IsZero() || (!r.Tested.To.IsZero() && s.Received > r.Tested.To) {
			v.add(at+"/received", "no day, or one after the tests", "say when the sample came in")
		}
	}
	v.count(at+"/deviations", len(r.Deviations))
	for i, d := range r.Deviations {
		v.text(fmt.Sprintf("%s/deviations/%d", at, i), d)
	}
	for i, s := range r.Subcontractors {
		at := fmt.Sprintf("%s/subcontractors/%d", at, i)
		v.id(at+"/id", s.ID)
		if len(s.Units) == 0 {
			v.add(at+"/units", "no unit", "name the units, cases or requirements that it tested")
		}
	}
	if a := r.Accreditation; a != nil {
		v.line(at+"/accreditation/by", a.By)
		v.line(at+"/accreditation/number", a.Number)
	}
	for _, row := range sortedKeys(r.Rows) {
		if r.Rows[row].IsZero() {
			v.add(at+"/rows/"+escape.Replace(row), "no digest", "leave the row out, or have `assay evidence sign --rows` fill it in")
		}
	}
	v.count(at+"/verdicts", len(r.Verdicts))
	if len(r.Verdicts) == 0 && len(r.Results) == 0 && len(r.Tasks) == 0 {
		v.add(at, "no verdict", "a report has verdicts of test units, or results on requirements")
	}
	for i := range r.Verdicts {
		u, at := &r.Verdicts[i], fmt.Sprintf("%s/verdicts/%d", at, i)
		v.line(at+"/unit", u.Unit)
		v.verdict(at, u.Verdict, u.Ground, u.Sample, u.Artifacts, r)
		v.within(at, u.Date, r)
	}
	v.count(at+"/results", len(r.Results))
	for i := range r.Results {
		x, at := &r.Results[i], fmt.Sprintf("%s/results/%d", at, i)
		if len(x.Requirements) == 0 {
			v.add(at+"/requirements", "no requirement", "name what the result is about, as standard@edition/requirement")
		}
		v.count(at+"/requirements", len(x.Requirements))
		v.oneOf(at+"/method", string(x.Method), Verdict(scheme.Declared), Verdict(scheme.Document), Verdict(scheme.Test))
		v.verdict(at, x.Verdict, x.Ground, x.Sample, x.Artifacts, r)
		v.within(at, x.Date, r)
	}
	v.count(at+"/tasks", len(r.Tasks))
	for i := range r.Tasks {
		v.task(fmt.Sprintf("%s/tasks/%d", at, i), &r.Tasks[i], r.Tasks[:i])
	}
}

func (v *validator) task(at string, t *Task, before []Task) {
	if !plain(t.ID, 80) || slices.ContainsFunc(before, func(o Task) bool { return o.ID == t.ID }) {
		v.add(at+"/id", fmt.Sprintf("%.40q is no task id, or comes twice", t.ID), "name tasks T1, T2, …")
	}
	if (t.Unit == "") == (t.Requirement == nil) {
		v.add(at, "a unit and a requirement, or none of them", "name one of the two")
	}
	if t.Unit != "" {
		v.line(at+"/unit", t.Unit)
	}
	for _, x := range []struct{ place, text, do string }{
		{"/seen", t.Seen, "say what was seen, and at what was looked"}, {"/passes", t.Passes, "say what would pass"},
	} {
		if x.text == "" {
			v.add(at+x.place, "empty", x.do)
		}
		v.text(at+x.place, x.text)
	}
	v.count(at+"/method", len(t.Method))
	if len(t.Method) == 0 {
		v.add(at+"/method", "no step", "say what is to be done")
	}
	for i, s := range t.Method {
		v.text(fmt.Sprintf("%s/method/%d", at, i), s)
	}
	v.artifacts(at+"/artifacts", t.Artifacts)
}

func (v *validator) verdict(at string, verdict Verdict, ground, sample string, as []Artifact, r *Report) {
	v.oneOf(at+"/verdict", string(verdict), Pass, Fail, Inconclusive, NotApplicable)
	v.text(at+"/ground", ground)
	if ground == "" && verdict != Pass {
		v.add(at+"/ground", "no ground", "say what was found: without it nobody can act on the verdict")
	}
	if sample != "" && r.Sample(sample) == nil {
		v.add(at+"/sample", fmt.Sprintf("there is no sample %.40q", sample), "name one of the report's samples")
	}
	v.artifacts(at+"/artifacts", as)
}

// within checks a verdict's own day.
func (v *validator) within(at string, day civil.Date, r *Report) {
	if !day.IsZero() && (day < r.Tested.From || day > r.Tested.To) {
		v.add(at+"/date", "outside the days of testing", "correct the day, or the period")
	}
}

func (v *validator) imports(e *Evidence) {
	v.count("/imports", len(e.Imports))
	for i := range e.Imports {
		m, at := &e.Imports[i], fmt.Sprintf("/imports/%d", i)
		v.line(at+"/name", m.Name)
		v.word(at+"/format", m.Format)
		v.artifact(at+"/artifact", m.Artifact)
		v.count(at+"/scanned", len(m.Scanned))
		for j := range m.Scanned {
			v.oneOf(fmt.Sprintf("%s/scanned/%d/transport", at, j), m.Scanned[j].Transport, "tcp", "udp", "sctp")
			if _, err := m.Scanned[j].Has(0); err != nil {
				v.add(fmt.Sprintf("%s/scanned/%d/ports", at, j), err.Error(), "write ports and ranges, as in 22,80,8000-8100")
			}
		}
		v.count(at+"/components", len(m.Components))
		for j := range m.Components {
			v.line(fmt.Sprintf("%s/components/%d/name", at, j), m.Components[j].Name)
		}
		v.count(at+"/services", len(m.Services))
		for j := range m.Services {
			v.service(fmt.Sprintf("%s/services/%d", at, j), &m.Services[j])
		}
		v.count(at+"/issues", len(m.Issues))
		for j := range m.Issues {
			x, at := &m.Issues[j], fmt.Sprintf("%s/issues/%d", at, j)
			v.line(at+"/id", x.ID)
			v.oneOf(at+"/severity", x.Severity, "none", "low", "medium", "high", "critical", "unknown")
			v.text(at+"/text", x.Text)
			if x.State != "" {
				v.oneOf(at+"/state", x.State, "affected", "not_affected", "fixed", "under_investigation")
			}
		}
	}
}

func (v *validator) service(at string, s *Service) {
	v.line(at+"/address", s.Address)
	v.oneOf(at+"/transport", s.Transport, "tcp", "udp", "sctp")
	if s.Port < 0 || s.Port > 65535 {
		v.add(at+"/port", fmt.Sprintf("%d is no port", s.Port), "give a number from 0 to 65535")
	}
	v.oneOf(at+"/state", s.State, "open", "open|filtered")
}

func (v *validator) artifacts(at string, as []Artifact) {
	v.count(at, len(as))
	for i, a := range as {
		v.artifact(fmt.Sprintf("%s/%d", at, i), a)
	}
}

// word checks the id of a standard, an edition, a format.
func (v *validator) word(at, s string) {
	if !plain(s, 80) {
		v.add(at, fmt.Sprintf("%.40q is no id", s), "write the catalog's id")
	}
}

// Revisions are the hardware revisions of a model or variant, its own and those of the
// model that it varies; none where the product lists none.
func (p *Product) Revisions(model string) []string {
	for _, m := range p.Models {
		if m.ID == model {
			return m.Hardware
		}
		for _, v := range m.Variants {
			if v.ID == model {
				return slices.Concat(v.Hardware, m.Hardware)
			}
		}
	}
	return nil
}

// Has reports whether a product has the model or variant.
func (p *Product) Has(model string) bool {
	for _, m := range p.Models {
		if m.ID == model || slices.ContainsFunc(m.Variants, func(w Variant) bool { return w.ID == model }) {
			return true
		}
	}
	return false
}
