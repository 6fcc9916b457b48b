package office

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"assay/store"
)

// settle makes a batch of plans true in one transaction. A source that has
// moved since stays due and is planned again.
func (w *work) settle(plans []plan, ps []placed) error {
	if len(ps) > 0 {
		if _, err := w.tx.LockHead(w.tx.Context()); err != nil {
			return err
		}
	}
	s := &settling{work: w, cases: map[sourceKey][]caseHead{}, used: map[string]int{}}
	moved, err := s.moved(plans)
	if err != nil {
		return err
	}
	var take []placed
	var ok []*plan
	at := 0
	for i := range plans {
		pl := &plans[i]
		mine := ps[at : at+len(pl.drafts)]
		at += len(pl.drafts)
		if !moved[pl.key] {
			take = append(take, mine...)
			ok = append(ok, pl)
		}
	}
	if len(take) > 0 {
		if err := w.append(take); err != nil {
			return err
		}
	}
	at = 0
	for _, pl := range ok {
		mine := take[at : at+len(pl.drafts)]
		at += len(pl.drafts)
		if err := s.plan(pl, mine); err != nil {
			return err
		}
	}
	return s.write()
}

// settling gathers what one transaction writes beside the log.
type settling struct {
	*work
	cases                        map[sourceKey][]caseHead
	used                         map[string]int // of budgets, by clause
	blobs, arrivals, due, opened [][]any
}

type caseHead struct{ id, kind, clause, state, decision string }

// moved checks the preconditions of plans once more: the source's newest
// statement, and how many designations rest on it. It also reads the cases
// there are. The sources are locked, so that two processes do not both open
// the case that one asks for.
func (s *settling) moved(plans []plan) (map[sourceKey]bool, error) {
	byOffice := map[string][]string{}
	for i := range plans {
		if plans[i].outcome != nil {
			byOffice[plans[i].key.Office] = append(byOffice[plans[i].key.Office], plans[i].key.ID)
		}
	}
	seq, rests := map[sourceKey]int64{}, map[sourceKey]map[string]bool{}
	for office, ids := range byOffice {
		slices.Sort(ids) // two processes lock in one order
		err := s.in(`SELECT subject, seq FROM subjects WHERE office = $1 AND subject IN (%) ORDER BY subject {{lock}}`, ids, func(r *store.Rows) error {
			var id string
			var n int64
			err := r.Scan(&id, &n)
			seq[sourceKey{office, id}] = n
			return err
		}, office)
		if err != nil {
			return nil, err
		}
		err = s.in(`SELECT src_id, id FROM certificates WHERE src_office = $1 AND src_office <> '' AND office = $2 AND src_id IN (%)`, ids, func(r *store.Rows) error {
			var src, id string
			err := r.Scan(&src, &id)
			k := sourceKey{office, src}
			if rests[k] == nil {
				rests[k] = map[string]bool{}
			}
			rests[k][id] = true
			return err
		}, office, s.info.Office)
		if err != nil {
			return nil, err
		}
		err = s.in(`SELECT source, id, kind, clause, state, decision FROM cases WHERE office = $1 AND source IN (%)`, ids, func(r *store.Rows) error {
			var src string
			var c caseHead
			if err := r.Scan(&src, &c.id, &c.kind, &c.clause, &c.state, &c.decision); err != nil {
				return err
			}
			k := sourceKey{office, src}
			if !slices.Contains(s.cases[k], c) {
				s.cases[k] = append(s.cases[k], c)
			}
			return nil
		}, office)
		if err != nil {
			return nil, err
		}
	}
	taken, err := s.numbersTaken(plans)
	if err != nil {
		return nil, err
	}
	moved := map[sourceKey]bool{}
	for i := range plans {
		pl := &plans[i]
		if pl.outcome != nil {
			moved[pl.key] = slices.ContainsFunc(pl.grants, func(g grant) bool { return taken[g.cert.Number] }) || uint64(seq[pl.key]) != pl.seq || len(pl.grants) > 0 && len(rests[pl.key]) != pl.existing
		}
	}
	return moved, nil
}

// numbersTaken finds the numbers of new designations that an old entry or a
// correction was given meanwhile, by hand: the block that they come from was
// reserved before. Planned anew, they get others.
func (s *settling) numbersTaken(plans []plan) (map[string]bool, error) {
	var numbers, names []string
	for i := range plans {
		for _, g := range plans[i].grants {
			if n := g.cert.Number; n != "" {
				numbers, names = append(numbers, n), append(names, "number/"+n)
			}
		}
	}
	taken := map[string]bool{}
	err := s.in(`SELECT number FROM certificates WHERE office = $1 AND number IN (%)`, numbers, func(r *store.Rows) error {
		var n string
		err := r.Scan(&n)
		taken[n] = true
		return err
	}, s.info.Office)
	if err != nil {
		return nil, err
	}
	err = s.in(`SELECT name FROM office_meta WHERE name IN (%)`, names, func(r *store.Rows) error { // numbers that entries had before
		var n string
		err := r.Scan(&n)
		taken[strings.TrimPrefix(n, "number/")] = true
		return err
	})
	return taken, err
}

// plan gathers what lies beside the log for one source.
func (s *settling) plan(pl *plan, mine []placed) error {
	k := pl.key
	if pl.outcome == nil {
		_, err := s.tx.Exec(`DELETE FROM due WHERE office = $1 AND id = $2`, k.Office, k.ID)
		return err
	}
	for i, g := range pl.grants {
		if i == 0 {
			s.blobs = append(s.blobs, []any{g.cert.Derived.Reasons[:], "outcome", 1, pl.outcome})
		}
		if !g.auto {
			continue
		}
		s.used[g.clause]++
		if leaf := mine[g.at].Leaf; (int(leaf[0])<<8|int(leaf[1]))%100 < g.share { // nobody can choose what is drawn: the leaf hash does
			s.open(Case{Kind: "sample", Office: k.Office, Source: k.ID, Clause: g.clause, Scheme: g.cert.Scheme, Level: g.cert.Level, Why: "sample", Subject: g.cert.ID}, pl.outcome)
		}
	}
	reasons, outcome := []byte{}, pl.outcome
	if len(pl.grants) > 0 { // it stands in the blobs
		reasons, outcome = pl.grants[0].cert.Derived.Reasons[:], []byte{}
	}
	s.arrivals = append(s.arrivals, []any{k.Office, k.ID, s.now, pl.summary, reasons, outcome})
	if err := s.casesOf(pl); err != nil {
		return err
	}
	for _, a := range pl.alarms {
		if err := s.alarm(a.Kind, a.Site, a.Subject, a.Data); err != nil {
			return err
		}
	}
	if pl.next == 0 {
		_, err := s.tx.Exec(`DELETE FROM due WHERE office = $1 AND id = $2`, k.Office, k.ID)
		return err
	}
	s.due = append(s.due, []any{k.Office, k.ID, pl.next, 2})
	return nil
}

// casesOf opens the cases that a plan asks for and closes those that have
// become moot: their clause leads elsewhere now.
func (s *settling) casesOf(pl *plan) error {
	old := s.cases[pl.key]
	for _, c := range pl.cases {
		if slices.ContainsFunc(old, func(h caseHead) bool {
			switch {
			case h.clause != c.Clause:
				return false
			case h.state == "open" || h.decision == DecideClose:
				return h.kind == c.Kind
			}
			return h.decision == DecideDecline && c.Kind != "restore" // said once, of whatever kind the case was
		}) {
			continue
		}
		s.open(c, pl.outcome)
	}
	for _, h := range old {
		if h.state != "open" || h.kind == "sample" || h.kind == "doubt" || slices.ContainsFunc(pl.cases, func(c Case) bool { return c.Kind == h.kind && c.Clause == h.clause }) {
			continue
		}
		if _, err := s.tx.Exec(`UPDATE cases SET state = 'moot', version = version + 1 WHERE id = $1`, h.id); err != nil {
			return err
		}
	}
	return nil
}

func (s *settling) open(c Case, outcome []byte) {
	s.opened = append(s.opened, caseRow(c, outcome, s.now))
}

var caseInsert = []string{"id", "kind", "state", "office", "source", "clause", "scheme", "level", "why", "outcome", "subject", "decision", "act", "created", "version"}

func caseRow(c Case, outcome []byte, now int64) []any {
	return []any{uuid.NewString(), c.Kind, "open", c.Office, c.Source, c.Clause, c.Scheme, c.Level, c.Why, outcome, c.Subject, "", "", now, 1}
}

func (w *work) openCase(c Case, outcome []byte) error {
	return w.tx.InsertMany("cases", caseInsert, [][]any{caseRow(c, outcome, w.now)})
}

func (s *settling) write() error {
	if err := s.tx.UpsertMany("blobs", []string{"digest", "kind", "public", "body"}, []string{"digest"}, s.blobs); err != nil {
		return err
	}
	if err := s.tx.UpsertMany("arrivals", []string{"office", "id", "at", "summary", "reasons", "outcome"}, []string{"office", "id"}, s.arrivals); err != nil {
		return err
	}
	if err := s.tx.UpsertMany("due", dueColumns, dueColumns[:2], s.due); err != nil {
		return err
	}
	if err := s.tx.InsertMany("cases", caseInsert, s.opened); err != nil {
		return err
	}
	for clause, n := range s.used {
		if err := s.useBudget(clause, n); err != nil {
			return err
		}
		_, b, err := s.policy(clause)
		if err != nil {
			return err
		}
		hour, day, err := s.budget(clause)
		if err != nil {
			return err
		}
		if b == nil || hour > int64(b.PerHour) || day > int64(b.PerDay) {
			return errMoved // another process used it up meanwhile; planned anew, it brakes
		}
	}
	return nil
}
