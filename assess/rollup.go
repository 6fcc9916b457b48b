package assess

import (
	"slices"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// cell is the verdicts on one unit for one row of its table, or once for the
// device where the unit has no table.
type cell struct {
	row   string
	given []given
}

// given is one verdict as a report gives it.
type given struct {
	report  int32
	verdict int32 // index in the report
	by      uint8
	date    civil.Date
	result  evidence.Verdict
	sample  string
	rule    string // why a pass does not count; "" where it does
}

// sheet is the verdicts on a group, unit by unit and row by row. It is made once
// for an assessment; which reports count is asked when it is summed.
type sheet struct {
	group *group
	units []sheetUnit
	any   bool // some verdict is there
}

type sheetUnit struct {
	unit  *unit
	cells []cell
	rows  int  // of its table that it runs on: further cells are of rows that nobody declared
	void  bool // its table has no row that it would run on
	lost  []lost
	index map[string]int
}

// lost is a row that a report saw and that the unit may have run on: it is gone,
// or says something else now and the unit no longer runs on it.
type lost struct {
	bound
	why   string
	since []int32 // later reports that saw the table as it is now
}

// bound is a report whose verdicts are bound to rows.
type bound struct {
	report int32
	by     uint8
	of     *evidence.Report
	spec   *spec
	stale  map[string]string
}

// cellOf is the index of a row's cell; -1 for none. Tables of a few rows are
// looked through, long ones are indexed.
func (u *sheetUnit) cellOf(row string) int {
	if len(u.cells) > 8 && u.index == nil {
		u.index = make(map[string]int, len(u.cells))
		for i := range u.cells {
			u.index[u.cells[i].row] = i
		}
	}
	if u.index != nil {
		if i, ok := u.index[row]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(u.cells, func(c cell) bool { return c.row == row })
}

// sheets collects the verdicts of all reports, group by group.
func (w *walk) collect() {
	for i := range w.ev.Reports {
		r := w.ev.Reports[i].Report()
		if r == nil || len(r.Verdicts) == 0 {
			continue
		}
		s := w.c.specs[r.Method.Standard+"@"+r.Method.Edition]
		by, ok := byRank[r.By.Kind]
		if s == nil || !ok {
			continue
		}
		w.bound = append(w.bound, bound{int32(i), by, r, s, w.stale(r)})
	}
	if len(w.bound) > 0 {
		w.sheets = make(map[*group]*sheet)
	}
	// What is no pass comes first: it makes the cells of rows that nobody
	// declared, and a later pass may answer it in whichever order they stand.
	for _, b := range w.bound {
		w.verdicts(&b, false)
	}
	for _, b := range w.bound {
		w.verdicts(&b, true)
	}
}

// verdicts enters the passes of a report, or its other verdicts.
func (w *walk) verdicts(b *bound, passes bool) {
	r := b.of
	for j := range r.Verdicts {
		v := &r.Verdicts[j]
		u := b.spec.units[v.Unit]
		if u == nil || (v.Verdict == evidence.Pass) != passes {
			continue
		}
		g := given{report: b.report, verdict: int32(j), by: b.by, date: r.Day(v.Date), result: v.Verdict, sample: v.Sample}
		if g.rule = w.sample(r, v.Sample, u.kind == scheme.Functional); g.rule == "" && w.lacksFile(v.Artifacts) {
			g.rule = RuleIncomplete
		}
		if s := r.Sample(v.Sample); g.rule == "" && u.kind == scheme.Functional && s != nil && s.Hardware == evidence.ImageFile {
			g.rule = RuleNoSample // such a test is done on a device
		}
		if o := u.unit.Over; g.rule == "" && o != nil && b.stale != nil {
			if why := b.stale[o.Table+"/"+v.Row]; why != "" {
				g.rule = why
			} else if b.stale[o.Table+"/*"] != "" {
				g.rule = RuleRowGone
			}
		}
		for _, table := range u.unit.Reads {
			if why := b.stale[table]; g.rule == "" && why != "" {
				g.rule = why
			}
		}
		w.sheet(u.group).put(u, v.Row, g)
	}
}

// stale says which rows a report's verdicts no longer hold for: they were given
// on other words, or the table has lost a row that the report saw. A table's
// own name stands for what is so of any of its rows.
func (w *walk) stale(r *evidence.Report) map[string]string {
	var m map[string]string
	put := func(key, why string) {
		if m == nil {
			m = map[string]string{}
		}
		m[key] = why
	}
	for key, digest := range r.Rows {
		table, id, _ := cut(key)
		switch row := w.row(table, id); {
		case row == nil:
			put(key, RuleRowGone)
			put(table+"/*", RuleRowGone)
			put(table, RuleRowGone)
		case row.Digest() != digest:
			put(key, RuleRowChanged)
			if m[table] == "" {
				put(table, RuleRowChanged)
			}
		}
	}
	return m
}

func cut(key string) (table, row string, ok bool) {
	for i := range len(key) {
		if key[i] == '/' {
			return key[:i], key[i+1:], true
		}
	}
	return key, "", false
}

// row finds a row by its id, through an index for long tables.
func (w *walk) row(table, id string) evidence.Row {
	rows := w.ev.IXIT[table]
	if len(rows) <= 16 {
		return w.ev.FindRow(table, id)
	}
	if w.rows == nil {
		w.rows = map[string]map[string]evidence.Row{}
	}
	if w.rows[table] == nil {
		m := make(map[string]evidence.Row, len(rows))
		for _, r := range rows {
			m[r.ID()] = r
		}
		w.rows[table] = m
	}
	return w.rows[table][id]
}

// sheet is a group's, made with a cell for every row that must be looked at.
func (w *walk) sheet(g *group) *sheet {
	if s := w.sheets[g]; s != nil {
		return s
	}
	s := &sheet{group: g, units: make([]sheetUnit, len(g.units))}
	for i, u := range g.units {
		x := &s.units[i]
		x.unit = u
		o := u.unit.Over
		if o == nil {
			x.cells = []cell{{}}
			continue
		}
		rows := w.over(o)
		x.rows, x.void = len(rows), len(rows) == 0
		x.cells = make([]cell, len(rows))
		for j, r := range rows {
			x.cells[j].row = r.ID()
		}
		w.lose(x)
	}
	w.sheets[g] = s
	return s
}

// lose notes rows that a unit may have run on when it was tested. Otherwise a
// row that got a bad verdict, or none, could be written so that no unit asks.
func (w *walk) lose(x *sheetUnit) {
	o := x.unit.unit.Over
	for _, b := range w.bound {
		if b.stale == nil || b.spec != x.unit.group.spec {
			continue
		}
		for key := range b.of.Rows {
			table, id, _ := cut(key)
			why := b.stale[key]
			switch {
			case table == o.Table && why == RuleRowGone && x.void:
			case table == o.Table && why == RuleRowChanged && len(o.Where) > 0 && x.cellOf(id) < 0:
			case o.Via != nil && table == o.Via.Table && why != "":
			default:
				continue
			}
			l := lost{bound: b, why: why}
			for _, c := range w.bound {
				if c.spec == b.spec && c.by >= b.by && c.of.Tested.To > b.of.Tested.To && w.saw(c.of, key, table, id) {
					l.since = append(l.since, c.report)
				}
			}
			x.lost = append(x.lost, l)
		}
	}
}

// saw reports whether a report saw a row as it is now: with the same words or,
// where it is gone, the table without it.
func (w *walk) saw(r *evidence.Report, key, table, id string) bool {
	digest, bound := r.Rows[key]
	if row := w.row(table, id); row != nil {
		return bound && row.Digest() == digest
	}
	return len(r.Rows) > 0 && !bound
}

// over are the rows that a unit runs on.
func (w *walk) over(o *scheme.Over) []evidence.Row {
	if len(o.Where) > 0 || o.Via != nil {
		return w.ev.Over(o)
	}
	return w.ev.IXIT[o.Table]
}

// put enters a verdict. One on a row that the unit does not run on stays a
// verdict if it is no pass: it is about something that nobody declared.
func (s *sheet) put(u *unit, row string, g given) {
	s.any = true
	x := &s.units[u.at]
	i := x.cellOf(row)
	if i < 0 && row == "" && x.rows == 1 {
		i = 0
	}
	if i < 0 {
		if g.result == evidence.Pass {
			return
		}
		x.cells = append(x.cells, cell{row: row})
		if i = len(x.cells) - 1; x.index != nil {
			x.index[row] = i
		}
	}
	x.cells[i].given = append(x.cells[i].given, g)
}

// Sums of a cell, a unit, a case, a group, worst first.
type sum uint8

const (
	sumNone    sum = iota // nothing to look at
	sumPass               // every one passes
	sumMissing            // some have no verdict that counts
	sumUnsure             // one is inconclusive, or called not applicable
	sumFail               // one fails
)

// verdictOf names a sum as a verdict; "" where there is none.
func (s sum) verdict() evidence.Verdict {
	switch s {
	case sumPass:
		return evidence.Pass
	case sumFail:
		return evidence.Fail
	case sumUnsure:
		return evidence.Inconclusive
	}
	return ""
}

// span is the days that a sum rests on, and a reason why verdicts do not count.
type span struct {
	newest, oldest civil.Date
	fail           civil.Date // newest that is not answered
	why            string
	done, asked    int // cells with a counted verdict, and all
}

func (p *span) day(d civil.Date) {
	p.newest = max(p.newest, d)
	if p.oldest == 0 || d < p.oldest {
		p.oldest = d
	}
}

// cellSum sums the verdicts on one cell by bodies of at least a rank. A fail
// is answered by a later pass as strong, of the same sample or of a later
// report; so each of several samples keeps its own result.
func (w *walk) cellSum(c *cell, least uint8, report func(int32) string, p *span) sum {
	s := sumMissing
	var passes *passDays
	counts := func(g *given) bool {
		switch {
		case g.date == 0 || g.date > w.at:
			p.why = worse(p.why, RuleFuture)
		case g.rule != "":
			p.why = worse(p.why, g.rule)
		default:
			why := report(g.report)
			p.why = worse(p.why, why)
			return why == ""
		}
		return false
	}
	for i := range c.given {
		g := &c.given[i]
		if g.result != evidence.Pass || g.by < least || !counts(g) {
			continue
		}
		if s == sumMissing {
			s = sumPass
		}
		p.day(g.date)
	}
	for i := range c.given {
		g := &c.given[i]
		if g.result == evidence.Pass || g.date == 0 || g.date > w.at || elsewhere(g.rule) || report(g.report) == RuleOtherProduct {
			continue
		}
		if passes == nil {
			passes = w.passes(c, report)
		}
		switch {
		case passes.answer(g):
		case g.result == evidence.Fail:
			s = sumFail
			p.day(g.date)
			p.fail = max(p.fail, g.date)
		default:
			s = max(s, sumUnsure)
			p.day(g.date)
		}
	}
	return s
}

// passDays are the last days of a cell's passes that count, so that many
// verdicts on one cell take no more time than their number.
type passDays struct {
	sample [bodies]map[string]civil.Date
	report [bodies][2]reportDay // the two reports with the latest
}

type reportDay struct {
	report int32
	day    civil.Date
}

func (w *walk) passes(c *cell, report func(int32) string) *passDays {
	p := &passDays{}
	for b := range p.sample {
		p.sample[b] = map[string]civil.Date{}
	}
	for i := range c.given {
		g := &c.given[i]
		if g.result != evidence.Pass || g.rule != "" || g.date > w.at || report(g.report) != "" {
			continue
		}
		p.sample[g.by][g.sample] = max(p.sample[g.by][g.sample], g.date)
		switch top := &p.report[g.by]; {
		case top[0].day == 0 || top[0].report == g.report:
			top[0] = reportDay{g.report, max(top[0].day, g.date)}
		case g.date > top[0].day:
			top[0], top[1] = reportDay{g.report, g.date}, top[0]
		case top[1].day == 0 || top[1].report == g.report || g.date > top[1].day:
			top[1] = reportDay{g.report, max(top[1].day, g.date)}
		}
	}
	return p
}

// answer reports whether a later pass, as strong, of the same sample or of
// another report answers a verdict.
func (p *passDays) answer(g *given) bool {
	for b := int(g.by); b < bodies; b++ {
		if p.sample[b][g.sample] > g.date {
			return true
		}
		for _, r := range p.report[b] {
			if r.report != g.report && r.day > g.date {
				return true
			}
		}
	}
	return false
}

func worse(a, b string) string {
	if b != "" && (a == "" || rank(b) > rank(a)) {
		return b
	}
	return a
}

// unitSum sums the cells of a unit. A cell without a verdict of its own takes
// that of the unit which it reuses, on the same row.
func (w *walk) unitSum(x *sheetUnit, least uint8, report func(int32) string, p *span) sum {
	all := sumNone
	for i := range x.lost {
		if l := &x.lost[i]; w.missed(l, least, report) {
			all, p.why = sumMissing, worse(p.why, l.why)
		}
	}
	if all == sumMissing {
		p.asked++
	}
	if x.void && len(x.cells) == 0 {
		return all
	}
	var from *sheetUnit
	if r := x.unit.reuses; r != nil && w.sheets[r.group] != nil {
		s := w.sheets[r.group]
		from = &s.units[r.at]
	}
	for i := range x.cells {
		c := &x.cells[i]
		s := w.cellSum(c, least, report, p)
		if s == sumMissing && from != nil {
			if j := from.cellOf(c.row); j >= 0 {
				s = w.cellSum(&from.cells[j], least, report, p)
			}
		}
		p.asked++
		if s != sumMissing {
			p.done++
		}
		all = max(all, s)
	}
	return all
}

// missed reports whether nobody has looked since a row was lost.
func (w *walk) missed(l *lost, least uint8, report func(int32) string) bool {
	return l.by >= least && l.of.Date <= w.at && report(l.report) != RuleOtherProduct &&
		!slices.ContainsFunc(l.since, func(r int32) bool { return report(r) == "" })
}

// groupMarks rolls a group up: row to unit to case to group. A laboratory's
// verdicts stand for themselves, and for a maker's level those of both do.
// Conceptual cases examine documents; all cases together are the test that the
// specification asks for.
func (w *walk) groupMarks(n int32, report func(int32) string, marks []mark) []mark {
	g := w.c.reqs[n].group
	if g == nil || w.sheets == nil {
		return marks
	}
	s := w.sheets[g]
	if s == nil {
		if !w.reused(g) {
			return marks
		}
		s = w.sheet(g)
	}
	for least := range uint8(bodies) {
		var sums [2]sum // conceptual, functional
		var spans [2]span
		for i := range s.units {
			x := &s.units[i]
			k := 0
			if x.unit.kind == scheme.Functional {
				k = 1
			}
			sums[k] = max(sums[k], w.unitSum(x, least, report, &spans[k]))
		}
		add := func(method scheme.Method, sm sum, p span) {
			m := mark{strength: strength{methodRank[method], least}, verdict: sm.verdict(), date: p.newest, oldest: p.oldest, report: -1, from: origin{kind: fromGroup}}
			switch {
			case sm == sumFail:
				m.date = p.fail
			case sm == sumMissing && p.done > 0 || sm == sumMissing && p.why != "":
				m.verdict, m.rule = evidence.Pass, RulePartial
				if p.done == 0 {
					m.rule = p.why
				}
				m.date = w.at
			case sm == sumMissing || sm == sumNone:
				return
			}
			marks = append(marks, m)
		}
		both := max(sums[0], sums[1])
		joint := spans[0]
		if spans[1].newest != 0 {
			joint.day(spans[1].newest)
			joint.day(spans[1].oldest)
		}
		joint.fail = max(joint.fail, spans[1].fail)
		joint.why = worse(joint.why, spans[1].why)
		joint.done += spans[1].done
		joint.asked += spans[1].asked
		if sums[0] == sumPass && both != sumPass {
			add(scheme.Document, sumPass, spans[0])
		}
		add(scheme.Test, both, joint)
	}
	return marks
}

// reused reports whether a group may be concluded from the units of others.
func (w *walk) reused(g *group) bool {
	return slices.ContainsFunc(g.units, func(u *unit) bool { return u.reuses != nil && w.sheets[u.reuses.group] != nil })
}
