package office

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"assay/certificate"
	"assay/recognition"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

// What a person can decide about a case.
const (
	DecideDesignate = "designate" // enter it: review, prepared, waiting, delta (the extra requirements are shown)
	DecideDecline   = "decline"   // do not; a record of this office that later cases see
	DecideRestore   = "restore"   // an ended designation stands again, since what ended its source was annulled
	DecideClose     = "close"     // looked at, nothing to do
	DecideTrust     = "trust"     // what was rejected about a source is disregarded: the doubt about it ends
)

const caseColumns = `id, kind, state, office, source, clause, scheme, level, why, outcome, subject, decision, act, created, version`

func scanCase(row interface{ Scan(...any) error }) (*Case, error) {
	c := new(Case)
	var outcome []byte
	err := row.Scan(&c.ID, &c.Kind, &c.State, &c.Office, &c.Source, &c.Clause, &c.Scheme, &c.Level, &c.Why, &outcome, &c.Subject, &c.Decision, &c.Act, &c.Created, &c.Version)
	if err == nil && len(outcome) > 0 {
		c.Outcome = new(recognition.Outcome)
		err = json.Unmarshal(outcome, c.Outcome)
	}
	return c, err
}

// Cases lists what waits for a person, oldest first.
func (o *Office) Cases(ctx context.Context, by *Person, state, after string, limit int) ([]Case, string, error) {
	if err := need(by, staff...); err != nil {
		return nil, "", err
	}
	return paged(after, limit, func(c cursor, n int) (out []Case, err error) {
		err = o.view(ctx, func(w *work) error {
			q, args := `SELECT `+caseColumns+` FROM cases WHERE (created > $1 OR (created = $1 AND id > $2))`, []any{c.At, c.ID, n}
			if state != "" {
				q, args = q+` AND state = $4`, append(args, state)
			}
			rows, err := w.tx.Query(q+` ORDER BY created, id LIMIT $3`, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				c, err := scanCase(rows)
				if err != nil {
					return err
				}
				out = append(out, *c)
			}
			return rows.Err()
		})
		return out, err
	}, func(c *Case) cursor { return cursor{c.Created, c.ID} })
}

// openCaseByID loads a case that can be decided.
func (w *work) openCaseByID(id string) (*Case, error) {
	c, err := scanCase(w.tx.QueryRow(`SELECT `+caseColumns+` FROM cases WHERE id = $1 {{lock}}`, id))
	if errors.Is(err, store.ErrNoRows) {
		return nil, fail(NotFound, "case", "", "no case %s here", clip(id))
	}
	if err == nil && c.State != "open" {
		return nil, fail(Conflict, "case", "", "the case is %s", c.State)
	}
	return c, err
}

var decisionsFor = map[string][]string{
	"review":   {DecideDesignate, DecideDecline},
	"prepared": {DecideDesignate, DecideDecline},
	"waiting":  {DecideDesignate, DecideDecline},
	"delta":    {DecideDesignate, DecideDecline},
	"restore":  {DecideRestore, DecideClose},
	"sample":   {DecideClose},
	"doubt":    {DecideTrust},
}

func checkCase(w *work, _ *Person, a *Act, body any) error {
	b := body.(*CaseBody)
	a.Subject = "case/" + b.Case
	c, err := w.openCaseByID(b.Case)
	if err != nil {
		return err
	}
	if err := checkReason(b.Reason); err != nil {
		return err
	}
	if !slices.Contains(decisionsFor[c.Kind], b.Decide) {
		return fail(Invalid, "decide", "", "a case of kind %s is decided by one of %v, not %q", c.Kind, decisionsFor[c.Kind], clip(b.Decide))
	}
	return nil
}

// planCase drafts what the decision of a case changes in the register.
func planCase(w *work, a *Act, body any) ([]draft, error) {
	b := body.(*CaseBody)
	c, err := w.openCaseByID(b.Case)
	if err != nil {
		return nil, err
	}
	switch b.Decide {
	case DecideDesignate:
		return w.planRelease(a, c)
	case DecideRestore:
		return w.planRestore(a, c)
	}
	return nil, nil
}

// planRelease drafts the designation that a person allows. The clause has to
// hold still; what a person stands in for is the policy, not the rules.
func (w *work) planRelease(a *Act, c *Case) ([]draft, error) {
	k := sourceKey{c.Office, c.Source}
	p := &planner{work: w, policies: map[string]*budgeted{}, peers: map[string]recognition.Peer{}}
	if err := p.loadReadings(); err != nil {
		return nil, err
	}
	if err := p.prefetch([]sourceKey{k}); err != nil {
		return nil, err
	}
	in, h, here, err := p.input(k)
	if err != nil {
		return nil, err
	}
	in.DeltaMet = in.DeltaMet || c.Kind == "delta"
	out := p.decideFor(in)
	i := slices.IndexFunc(out.Wanted, func(x recognition.Wanted) bool { return x.Clause == c.Clause })
	if i < 0 {
		return nil, fail(Conflict, "case", "look at its outcome again", "the clause %s leads to nothing any more", c.Clause)
	}
	x := &out.Wanted[i]
	switch x.Action {
	case recognition.ToReview, recognition.Prepare, recognition.Wait, recognition.Designate:
	default:
		return nil, fail(Conflict, "case", "look at its outcome again", "under the clause %s the answer is now %s (%s)", c.Clause, x.Action, x.Rule)
	}
	if x.Term.Needs != "" {
		return nil, fail(Conflict, "case", "ask the holder, or wait for the source to state it", "the term cannot be told: %s is missing", x.Term.Needs)
	}
	pl := plan{key: k, seq: h.Sequence, existing: len(here)}
	if pl.outcome, err = json.Marshal(out); err != nil {
		return nil, err
	}
	if err := p.designate(&pl, x, h, here, a.Digest, "act", false); err != nil {
		return nil, err
	}
	if len(pl.grants) == 0 {
		return nil, fail(Conflict, "case", "", "no edition of %s is open for it", c.Scheme)
	}
	g := pl.grants[0]
	n, err := w.serial(g.cert.Scheme, 1)
	if err != nil {
		return nil, err
	}
	id, number := numbered(w.r.cat.Scheme(g.cert.Scheme), g.cert, n)
	g.cert.ID = id
	if g.cert.Derived.Mode != scheme.Deemed {
		g.cert.Number = number
	}
	if err := w.lintDerived(g.cert, h); err != nil {
		return nil, err
	}
	if pl.drafts[g.at].Payload, err = encode(g.cert); err != nil {
		return nil, err
	}
	pl.drafts[g.at].Subject = id
	if _, err := w.blob("outcome", true, pl.outcome); err != nil {
		return nil, err
	}
	return pl.drafts, nil
}

// planRestore undoes the lapse of a designation whose source's end was annulled.
func (w *work) planRestore(a *Act, c *Case) ([]draft, error) {
	h, err := w.own(c.Subject)
	if err != nil {
		return nil, err
	}
	const end = 1<<63 - 1
	for _, o := range certificate.At(h.Certificate, h.Events, w.r.zoneOf(h.Certificate.Scheme), end, end).Open {
		if o.Kind != certificate.FromSource || o.State != certificate.Lapsed {
			continue
		}
		e := certificate.Event{Kind: scheme.Annulled, Change: certificate.Undoes, Cause: o.Cause, Reason: "source-end-annulled",
			Decided: w.now, Effective: w.now, Recorded: w.now, Act: a.Digest}
		if o.By != nil {
			e.Source = o.By.Source
		}
		if err := certificate.Check(h.Certificate, h.Events, &e); err != nil {
			return nil, &Error{Code: Conflict, Field: "case", Message: err.Error(), Err: err}
		}
		d, err := w.draft(statement.Status, c.Subject, e)
		return []draft{d}, err
	}
	return nil, fail(Conflict, "case", "", "the designation %s is not lapsed", c.Subject)
}

func doneCase(w *work, a *Act, body any, ps []placed) (any, error) {
	b := body.(*CaseBody)
	c, err := w.openCaseByID(b.Case)
	if err != nil {
		return nil, err
	}
	_, err = w.tx.Exec(`UPDATE cases SET state = 'decided', decision = $2, act = $3, version = version + 1 WHERE id = $1`, c.ID, b.Decide, a.ID)
	if err != nil {
		return nil, err
	}
	res := Result{Index: -1}
	if len(ps) > 0 {
		res = Result{Certificate: ps[0].Subject, Index: ps[0].Index, Leaf: ps[0].Leaf}
		if ps[0].Kind == statement.Designation {
			var d certificate.Certificate
			if err := statement.Decode(ps[0].Payload, &d); err != nil {
				return nil, err
			}
			res.Number = d.Number
		}
	}
	switch {
	case c.Kind == "delta" && b.Decide == DecideDesignate:
		_, err = w.tx.Exec(`INSERT INTO deltas (office, id, clause, act) VALUES ($1, $2, $3, $4) ON CONFLICT (office, id, clause) DO NOTHING`, c.Office, c.Source, c.Clause, a.ID)
	case b.Decide == DecideDecline:
		err = w.declined(c)
	case b.Decide == DecideTrust:
		err = w.trusted(c.Office, c.Source)
	}
	if err != nil {
		return nil, err
	}
	return res, w.due(c.Office, c.Source, w.now, 1)
}

// declined keeps that this office said no to a product.
func (w *work) declined(c *Case) error {
	h, err := w.history(c.Office, c.Source)
	if err != nil {
		return err
	}
	for _, m := range h.Certificate.Product.Models {
		_, err := w.tx.Exec(`INSERT INTO own_records (holder, model, kind, id, scheme, at) VALUES ($1, $2, 'refused', $3, $4, $5) ON CONFLICT (holder, model, kind, id) DO NOTHING`,
			h.Certificate.Product.Holder, m.ID, "case-"+c.ID, c.Scheme, w.now)
		if err != nil {
			return err
		}
	}
	return nil
}

// Request takes what a holder asks for here after the grant abroad.
func (o *Office) Request(ctx context.Context, by *Person, office, id string, r StandingRequest) error {
	if err := need(by, RoleMaker); err != nil {
		return err
	}
	if !r.Consent {
		return fail(Invalid, "share_file", "consent, or do not ask", "a designation needs your consent to share the file")
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	err = o.update(ctx, func(w *work) error {
		if s := w.r.cat.Scheme(r.Scheme); s == nil || !slices.Contains(w.info.Authorities, s.Authority) {
			return fail(Invalid, "scheme", "ask the office of that scheme", "%q is no scheme of this office", clip(r.Scheme))
		}
		h, err := w.history(office, id)
		if errors.Is(err, store.ErrNoRows) || err == nil && (office == w.info.Office || w.holder(h) != by.Entity) {
			return fail(NotFound, "id", "", "no certificate %s of yours from office %s is known here", clip(id), clip(office))
		}
		if err != nil {
			return err
		}
		_, err = w.tx.Exec(`INSERT INTO requests (office, id, scheme, entity, body, at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (office, id, scheme) DO UPDATE SET body = excluded.body, at = excluded.at`, office, id, r.Scheme, by.Entity, body, w.now)
		if err != nil {
			return err
		}
		return w.due(office, id, w.now, 1)
	})
	o.wakeReconcilers()
	return err
}
