package assess

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// CheckParts is [Compiled.Check] for what only a bundle has: it names the unknown words in ICS, IXIT and reports.
func (c *Compiled) CheckParts(ev *evidence.Evidence) (found []evidence.Finding) {
	add := func(place, problem, remedy string) {
		found = append(found, evidence.Finding{Place: place, Problem: problem, Remedy: remedy})
	}
	for i := range ev.ICS {
		s := &ev.ICS[i]
		for _, id := range slices.Sorted(maps.Keys(s.Entries)) {
			ref := scheme.RequirementRef{Standard: s.Standard, Edition: s.Edition, Requirement: id}
			if _, ok := c.index[ref]; !ok {
				add(evidence.Pointer("ics", i, "entries", id), fmt.Sprintf("requirement %.80s is not in the catalog", ref), "name standard, edition and requirement as the catalog does")
			}
		}
	}
	for _, table := range slices.Sorted(maps.Keys(ev.IXIT)) {
		found = append(found, c.checkTable(table, ev.IXIT[table])...)
	}
	for i := range ev.Reports {
		if r := ev.Reports[i].Report(); r != nil {
			found = append(found, c.checkReport(i, r, ev)...)
		}
	}
	return found
}

// Groundless names what counts and rests on nothing that could be held against
// it: features without a ground by which requirements do not apply, and signed
// verdicts on rows whose words are not bound.
func (c *Compiled) Groundless(ev *evidence.Evidence) []evidence.Finding {
	return append(c.groundless(ev), c.unbound(ev)...)
}

// groundless names features by which a mandatory requirement does not apply and
// that do not say why they are so.
func (c *Compiled) groundless(ev *evidence.Evidence) (found []evidence.Finding) {
	for _, id := range slices.Sorted(maps.Keys(ev.Features)) {
		x := ev.Features[id]
		if x.Answer == scheme.Undetermined || strings.TrimSpace(x.Ground) != "" {
			continue
		}
		answer := func(f string) scheme.Answer { return ev.Features[f].Answer }
		without := func(f string) scheme.Answer {
			if f == id {
				return scheme.Undetermined
			}
			return answer(f)
		}
		for i := range c.reqs {
			q := c.reqs[i].req
			if q.When == nil || q.Status == scheme.Recommended {
				continue
			}
			a, _ := q.When.Eval(answer, nil)
			b, _ := q.When.Eval(without, nil)
			if a == scheme.No && b != scheme.No {
				found = append(found, evidence.Finding{Place: evidence.Pointer("features", id), Problem: fmt.Sprintf("no ground, and by it %s does not apply", c.reqs[i].name),
					Remedy: fmt.Sprintf("say why it is so: %s: {answer: %q, ground: …}", id, x.Answer)})
				break
			}
		}
	}
	return found
}

// unbound names laboratories' reports with verdicts on rows whose words they do
// not hold: the table can be written anew, and nobody would see it.
func (c *Compiled) unbound(ev *evidence.Evidence) (found []evidence.Finding) {
	for i := range ev.Reports {
		r := ev.Reports[i].Report()
		if r == nil || r.By.Kind != scheme.Laboratory || ev.Reports[i].Signature == "" {
			continue // what is not signed shows nothing yet
		}
		s := c.specs[r.Method.Standard+"@"+r.Method.Edition]
		if s == nil {
			continue
		}
		first, n := "", 0
		for j := range r.Verdicts {
			v := &r.Verdicts[j]
			u := s.units[v.Unit]
			if u == nil || u.unit.Over == nil || v.Verdict != evidence.Pass {
				continue
			}
			if key := u.unit.Over.Table + "/" + v.Row; r.Rows[key] == (evidence.Hash{}) {
				if n++; first == "" {
					first = key
				}
			}
		}
		if n > 0 {
			found = append(found, evidence.Finding{Place: evidence.Pointer("reports", i, "body", "rows"), Problem: fmt.Sprintf("%d verdicts are on rows whose words the report does not hold, the first on %.80s: nobody can tell whether they were changed after the test", n, first),
				Remedy: "have the laboratory sign it with `assay evidence sign --rows`"})
		}
	}
	return found
}

// checkTable holds a table's fields against those of all editions, since one
// set of tables serves them all.
func (c *Compiled) checkTable(table string, rows []evidence.Row) (found []evidence.Finding) {
	fields := map[string][]*scheme.Field{}
	known := false
	for _, s := range c.specs {
		if t := s.spec.Table(table); t != nil {
			known = true
			for i := range t.Fields {
				fields[t.Fields[i].ID] = append(fields[t.Fields[i].ID], &t.Fields[i])
			}
		}
	}
	if !known {
		return []evidence.Finding{{Place: evidence.Pointer("ixit", table), Problem: fmt.Sprintf("table %.60s is in no test specification of the catalog", table), Remedy: "take one of its tables"}}
	}
	for i, r := range rows {
		for _, f := range slices.Sorted(maps.Keys(r)) {
			if f == "id" {
				continue
			}
			at := evidence.Pointer("ixit", table, i, f)
			if fields[f] == nil {
				found = append(found, evidence.Finding{Place: at, Problem: fmt.Sprintf("table %s has no field %.60s", table, f), Remedy: "it has " + strings.Join(slices.Sorted(maps.Keys(fields)), ", ")})
				continue
			}
			if !r[f].Empty() && !slices.ContainsFunc(fields[f], func(d *scheme.Field) bool { return holds(d, r[f]) }) {
				found = append(found, evidence.Finding{Place: at, Problem: fmt.Sprintf("%.60q is no value of %s", r[f].String(), f), Remedy: values(fields[f][0])})
			}
		}
	}
	return found
}

// holds reports whether a field can hold what a cell says.
func holds(d *scheme.Field, c evidence.Cell) bool {
	if d.Kind == scheme.FieldRows {
		return true // whether the rows are there is for Contradictions
	}
	if len(c) != 1 {
		return false
	}
	switch d.Kind {
	case scheme.FieldChoice:
		return slices.ContainsFunc(d.Choices, func(x scheme.Choice) bool { return x.ID == c[0] })
	case scheme.FieldYesNo:
		return c[0] == "yes" || c[0] == "no"
	case scheme.FieldDate:
		_, err := civil.ParseDate(c[0])
		return err == nil
	}
	return true
}

func values(d *scheme.Field) string {
	switch d.Kind {
	case scheme.FieldChoice:
		ids := make([]string, len(d.Choices))
		for i, x := range d.Choices {
			ids[i] = x.ID
		}
		return "write one of " + strings.Join(ids, ", ")
	case scheme.FieldYesNo:
		return "write yes or no"
	case scheme.FieldDate:
		return "write a day as YYYY-MM-DD"
	}
	return "write one text"
}

func (c *Compiled) checkReport(i int, r *evidence.Report, ev *evidence.Evidence) (found []evidence.Finding) {
	add := func(place, problem, remedy string) {
		found = append(found, evidence.Finding{Place: place, Problem: problem, Remedy: remedy})
	}
	method := r.Method.Standard + "@" + r.Method.Edition
	ids := map[string]map[string]bool{}
	has := func(table, id string) bool {
		if ids[table] == nil {
			ids[table] = map[string]bool{}
			for _, row := range ev.IXIT[table] {
				ids[table][row.ID()] = true
			}
		}
		return ids[table][id] || (id == "" && len(ev.IXIT[table]) == 1)
	}
	s := c.specs[method]
	known := s != nil
	if !known {
		for j := range c.reqs {
			known = known || (c.reqs[j].ref.Standard == r.Method.Standard && c.reqs[j].ref.Edition == r.Method.Edition)
		}
	}
	if !known {
		add(evidence.Pointer("reports", i, "body", "method"), fmt.Sprintf("the catalog has no %.80s", method), "name a test specification or a standard of the catalog with its edition")
	}
	for j := range r.Verdicts {
		v, at := &r.Verdicts[j], evidence.Pointer("reports", i, "body", "verdicts", j)
		if s == nil {
			add(at, "a verdict of a test unit, in a report by a method that has none", "give it as a result on requirements, or correct the method")
			break
		}
		u := s.units[v.Unit]
		switch {
		case u == nil:
			add(at+"/unit", fmt.Sprintf("%s has no unit %.60s", method, v.Unit), "write it as GROUP-CASE/UNIT, as in 5.1-1-2/a")
		case u.unit.Over == nil && v.Row != "":
			add(at+"/row", fmt.Sprintf("unit %s looks at the device once, not at rows", v.Unit), "leave the row out")
		case u.unit.Over != nil && !has(u.unit.Over.Table, v.Row):
			add(at+"/row", fmt.Sprintf("table %s has no row %.60q", u.unit.Over.Table, v.Row), "name a row of the table, or add the row")
		}
	}
	for j := range r.Results {
		for k, ref := range r.Results[j].Requirements {
			at := evidence.Pointer("reports", i, "body", "results", j, "requirements", k)
			switch _, ok := c.index[scheme.RequirementRef(ref)]; {
			case !ok:
				add(at, "requirement "+ref.String()+" is not in the catalog", "name standard, edition and requirement as the catalog does")
			case s == nil && (ref.Standard != r.Method.Standard || ref.Edition != r.Method.Edition),
				s != nil && (ref.Standard != s.spec.Assesses.Standard || ref.Edition != s.spec.Assesses.Edition):
				add(at, fmt.Sprintf("%s is none of %s", ref, method), "give it in a report by its own method")
			}
		}
	}
	return found
}

// RestsOn reports whether something passed against a standard, or an edition
// of it: as a claim, a statement of conformance, a result or a test unit.
func (c *Compiled) RestsOn(ev *evidence.Evidence, on scheme.StandardRef) bool {
	is := func(standard, edition string) bool {
		return standard == on.Standard && (on.Edition == "" || edition == on.Edition)
	}
	any := func(refs []evidence.Ref) bool {
		return slices.ContainsFunc(refs, func(r evidence.Ref) bool { return is(r.Standard, r.Edition) })
	}
	for i := range ev.Claims {
		if ev.Claims[i].Verdict == evidence.Pass && any(ev.Claims[i].Requirements) {
			return true
		}
	}
	for i := range ev.ICS {
		if is(ev.ICS[i].Standard, ev.ICS[i].Edition) {
			for _, e := range ev.ICS[i].Entries {
				if e.Support == evidence.SupportedYes {
					return true
				}
			}
		}
	}
	for i := range ev.Reports {
		r := ev.Reports[i].Report()
		if r == nil {
			continue
		}
		if slices.ContainsFunc(r.Results, func(x evidence.Result) bool { return x.Verdict == evidence.Pass && any(x.Requirements) }) {
			return true
		}
		if s := c.specs[r.Method.Standard+"@"+r.Method.Edition]; s != nil && is(s.spec.Assesses.Standard, s.spec.Assesses.Edition) &&
			slices.ContainsFunc(r.Verdicts, func(v evidence.UnitVerdict) bool { return v.Verdict == evidence.Pass }) {
			return true
		}
	}
	return false
}
