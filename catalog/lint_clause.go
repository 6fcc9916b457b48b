package catalog

import (
	"fmt"
	"slices"
	"strings"

	"assay/civil"
	"assay/scheme"
)

func (l *linter) clauseForm() {
	l.eachClause(func(a *scheme.Arrangement, c *scheme.Clause) {
		path := clausePath(a, c)
		if (c.Mode == scheme.DeltaMode) != (c.Delta != nil) {
			l.add(path+"/delta", fmt.Sprintf("mode %s, and a delta is there: %t", c.Mode, c.Delta != nil))
		}
		if d := c.Delta; d != nil && d.Unknown == (len(d.Requirements) > 0) {
			l.add(path+"/delta", "a delta lists requirements or says that they are unknown, one of the two")
		}
		deemed := c.Mode == scheme.Deemed
		if bare := deemed || c.From.Mapping != ""; bare != (c.To.Level == "") || deemed != (len(c.To.Duties) > 0) {
			l.add(path+"/to", fmt.Sprintf("mode %s gives level %q and %d duties", c.Mode, c.To.Level, len(c.To.Duties)))
		}
		if c.From.Mapping != "" && c.From.Mapping != "unknown" {
			l.add(path+"/from", fmt.Sprintf("mapping %q; it is left out, or unknown", clip(c.From.Mapping)))
		}
		if c.Firmware != "" && c.Firmware != "own" {
			l.add(path+"/firmware", fmt.Sprintf("firmware %q; it is left out, or own", clip(c.Firmware)))
		}
		if len(c.Categories) == 0 {
			l.add(path+"/categories", "the clause names no category")
		}
		seen := map[scheme.EventKind]bool{}
		for _, e := range c.Effects {
			if seen[e.On] {
				l.add(path+"/effects", fmt.Sprintf("two effects on %s", e.On))
			}
			seen[e.On] = true
			if (e.Effect == scheme.EndOnDate) != (e.Date != 0) {
				l.add(path+"/effects", fmt.Sprintf("effect %s with the date %q", e.Effect, e.Date))
			}
		}
	})
}

func (l *linter) legalGround() {
	l.eachClause(func(a *scheme.Arrangement, c *scheme.Clause) {
		g := &c.Legal
		if g.Found != (g.Character != "") || g.Found != (len(g.Text) > 0) {
			l.add(clausePath(a, c)+"/legal", fmt.Sprintf("found: %t, character %q, text in %d languages", g.Found, g.Character, len(g.Text)))
		}
	})
}

// span is a run of days; a zero end is open.
type span struct{ from, until civil.Date }

func (s span) meets(o span) bool {
	return (s.until == 0 || o.from <= s.until) && (o.until == 0 || s.from <= o.until)
}

func (s span) empty() bool { return s.until != 0 && s.until < s.from }

func spanOf(e *scheme.Edition) span { return span{e.From, e.Until} }

// inForce is when clause and arrangement both are.
func inForce(a *scheme.Arrangement, c *scheme.Clause) span {
	s := span{max(a.Effective, c.Dates.From), c.Dates.Until}
	if a.Ended != 0 {
		s.until = civil.Earliest(s.until, a.Ended-1)
	}
	return s
}

func (l *linter) clauseNeverApplies() {
	l.eachClause(func(a *scheme.Arrangement, c *scheme.Clause) {
		from, to := l.c.Scheme(c.From.Scheme), l.c.Scheme(c.To.Scheme)
		if from == nil || (to == nil && c.Mode != scheme.Deemed) {
			return // a dangling reference
		}
		when := inForce(a, c)
		switch {
		case when.empty():
			l.add(clausePath(a, c), "its days and the arrangement's never meet")
		case len(l.included(c)) == 0:
			l.add(clausePath(a, c), "every category is excluded again")
		default:
			if why := l.noSource(from, c, when); why != "" {
				l.add(clausePath(a, c)+"/from", why)
			}
			if to != nil && c.Mode != scheme.Deemed {
				if why := l.noTarget(to, c, when); why != "" {
					l.add(clausePath(a, c)+"/to", why)
				}
			}
		}
	})
}

// included are the categories that no exclusion takes back whole.
func (l *linter) included(c *scheme.Clause) []scheme.InCategory {
	return slices.DeleteFunc(slices.Clone(c.Categories), func(in scheme.InCategory) bool {
		return slices.ContainsFunc(c.Except, func(ex scheme.InCategory) bool { return l.tax.Within(in.Category, ex.Category) })
	})
}

// touch reports whether some category lies in both lists.
func (l *linter) touch(as, bs []scheme.InCategory) bool {
	return slices.ContainsFunc(as, func(a scheme.InCategory) bool {
		return slices.ContainsFunc(bs, func(b scheme.InCategory) bool {
			return l.tax.Within(a.Category, b.Category) || l.tax.Within(b.Category, a.Category)
		})
	})
}

// noSource says why no certificate can come in; "" if one can.
func (l *linter) noSource(s *scheme.Scheme, c *scheme.Clause, when span) string {
	if c.Dates.Tests != scheme.SourceGrant || c.Dates.Backfill != scheme.BackfillNone {
		when.from = 0 // older certificates may come in too
	}
	if s.State == scheme.Closed && s.Closed != 0 {
		if !when.meets(span{0, s.Closed - 1}) {
			return fmt.Sprintf("%s issued nothing in that time", s.ID)
		}
	}
	why := "no edition of " + s.ID + " falls into that time"
	for i := range s.Editions {
		e := &s.Editions[i]
		if (len(c.From.Editions) > 0 && !slices.Contains(c.From.Editions, e.ID)) || !when.meets(spanOf(e)) {
			continue
		}
		switch {
		case !slices.ContainsFunc(e.Levels, func(lv scheme.Level) bool {
			return slices.Contains(c.From.Levels, lv.ID) && (c.From.Attestation == "" || c.From.Attestation == lv.Attestation)
		}):
			why = fmt.Sprintf("edition %s has none of these levels with that attestation", e.ID)
		case !basisFits(c.From.Basis, e.Bases):
			why = fmt.Sprintf("edition %s does not rest on that standard", e.ID)
		case !l.touch(l.included(c), e.Categories):
			why = fmt.Sprintf("edition %s takes none of these categories", e.ID)
		default:
			return ""
		}
	}
	return why
}

func basisFits(want, have []scheme.StandardRef) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(w scheme.StandardRef) bool {
		return slices.ContainsFunc(have, func(h scheme.StandardRef) bool {
			return w.Standard == h.Standard && (w.Edition == "" || w.Edition == h.Edition)
		})
	})
}

// noTarget says why no designation can come out; "" if one can.
func (l *linter) noTarget(s *scheme.Scheme, c *scheme.Clause, when span) string {
	why := "no edition of " + s.ID + " is in force in that time"
	for i := range s.Editions {
		e := &s.Editions[i]
		switch {
		case !when.meets(spanOf(e)):
		case c.To.Level != "" && e.Level(c.To.Level) == nil:
			why = fmt.Sprintf("edition %s has no level %q", e.ID, clip(c.To.Level))
		case !l.touch(l.included(c), e.Categories):
			why = fmt.Sprintf("edition %s takes none of these categories", e.ID)
		default:
			return ""
		}
	}
	return why
}

func (l *linter) closedTarget() {
	l.eachClause(func(a *scheme.Arrangement, c *scheme.Clause) {
		if s := l.c.Scheme(c.To.Scheme); s != nil && s.State == scheme.Closed {
			l.add(clausePath(a, c)+"/to", fmt.Sprintf("%s issues nothing new", s.ID))
		}
	})
}

// basisConflict finds two clauses for the same certificates of which one asks
// for a basis standard and the other for none: a certificate on the pinned
// basis falls under both, and one on another basis slips in by the open one.
func (l *linter) basisConflict() {
	l.eachClause(func(a *scheme.Arrangement, c *scheme.Clause) {
		l.eachClause(func(b *scheme.Arrangement, d *scheme.Clause) {
			if len(c.From.Basis) == 0 || len(d.From.Basis) != 0 ||
				c.From.Scheme != d.From.Scheme || c.To.Scheme != d.To.Scheme ||
				!inForce(a, c).meets(inForce(b, d)) || !l.touch(l.included(c), l.included(d)) ||
				!slices.ContainsFunc(c.From.Levels, func(x string) bool { return slices.Contains(d.From.Levels, x) }) {
				return
			}
			l.add(clausePath(b, d)+"/from", fmt.Sprintf("%s pins a basis standard for the same certificates, this clause does not", c.ID))
		})
	})
}

// recognitionLoop walks clause after clause through different schemes back to
// the first. A loop that comes back lower only shows why chains are refused;
// one that comes back higher would raise a level without a test. The steps are
// counted: ways through a catalog made to be hard are more than anyone's time.
func (l *linter) recognitionLoop() {
	const most = 100_000
	told, steps := map[string]bool{}, 0
	var path []*scheme.Clause
	var walk func()
	walk = func() {
		if steps++; steps > most {
			return
		}
		last := path[len(path)-1]
		if last.To.Level == "" {
			return // a duty counted as met, or nobody knows what: no certificate that goes on
		}
		if last.To.Scheme == path[0].From.Scheme {
			l.loop(path, told)
			return
		}
		l.eachClause(func(_ *scheme.Arrangement, c *scheme.Clause) {
			if c.From.Scheme != last.To.Scheme || !slices.Contains(c.From.Levels, last.To.Level) ||
				slices.ContainsFunc(path, func(p *scheme.Clause) bool {
					return p.From.Scheme == c.From.Scheme || !l.touch(l.included(p), l.included(c))
				}) {
				return
			}
			path = append(path, c)
			walk()
			path = path[:len(path)-1]
		})
	}
	l.eachClause(func(_ *scheme.Arrangement, c *scheme.Clause) {
		path = append(path[:0], c)
		walk()
	})
	if steps > most {
		l.addAs(Warning, "arrangements", fmt.Sprintf("the ways from clause to clause are too many; %d were walked", most))
	}
}

func (l *linter) loop(path []*scheme.Clause, told map[string]bool) {
	s := l.c.Scheme(path[0].From.Scheme)
	if s == nil || len(s.Editions) == 0 {
		return
	}
	ids := make([]string, len(path))
	chained, delta := true, false
	for i, c := range path {
		ids[i] = c.ID
		chained = chained && (i == 0 || c.Basis == scheme.GrantedOrRecognized)
		delta = delta || c.Mode == scheme.DeltaMode // what is missing gets shown
	}
	e, back := &s.Editions[len(s.Editions)-1], path[len(path)-1].To.Level
	var lose, gain []string
	for _, level := range path[0].From.Levels {
		switch d := e.Rank(back) - e.Rank(level); {
		case d < 0:
			lose = append(lose, level)
		case d > 0 && !delta:
			gain = append(gain, level)
		}
	}
	a, _ := l.c.Clause(ids[0])
	at, by := clausePath(a, path[0]), strings.Join(ids, ", ")
	if len(gain) > 0 {
		severity := Warning
		if chained {
			severity = Error
		}
		l.addAs(severity, at, fmt.Sprintf("%s level %s comes back higher, as %s, by %s", s.ID, strings.Join(gain, ", "), back, by))
	}
	round := strings.Join(slices.Sorted(slices.Values(ids)), " ")
	if len(lose) > 0 && !told[round] { // once a loop, not from each of its clauses
		told[round] = true
		l.add(at, fmt.Sprintf("%s level %s comes back as %s by %s", s.ID, strings.Join(lose, ", "), back, by))
	}
}
