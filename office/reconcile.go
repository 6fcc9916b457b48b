package office

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/recognition"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

// sourceKey names a certificate of another office.
type sourceKey struct{ Office, ID string }

// plan is what one source leads to here.
type plan struct {
	key      sourceKey
	source   *history
	seq      uint64 // of the source's newest statement when it was made
	existing int    // designations here that rest on it, then
	outcome  []byte
	summary  string
	drafts   []draft
	grants   []grant // the designations among drafts
	cases    []Case
	alarms   []Alarm
	next     int64
}

type grant struct {
	at, to int // its drafts: the designation, and what it supersedes
	clause string
	cert   *certificate.Certificate
	auto   bool // under a standing decision: counts against its budget
	share  int
}

// planner keeps what a batch of sources shares.
type planner struct {
	*work
	policies map[string]*budgeted
	readings map[string]bool
	peers    map[string]recognition.Peer
	ready    map[string]*prefetched // by office
	records  map[string][]modelRecord
	underway map[string]int // of budgets, by clause: designations drafted and not settled yet
}

type budgeted struct {
	recognition.Policy
	body               *PolicyBody
	hour, day, planned int64
}

func (w *work) planSources(keys []sourceKey, underway map[string]int) ([]plan, error) {
	p := &planner{work: w, policies: map[string]*budgeted{}, peers: map[string]recognition.Peer{}, underway: underway}
	if err := p.loadReadings(); err != nil {
		return nil, err
	}
	if err := p.prefetch(keys); err != nil {
		return nil, err
	}
	plans := make([]plan, 0, len(keys))
	for _, k := range keys {
		pl, err := p.source(k)
		if errors.Is(err, store.ErrNoRows) { // due for something that is no certificate
			pl, err = plan{key: k}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("source %s of %s: %w", k.ID, k.Office, err)
		}
		plans = append(plans, pl)
	}
	return plans, nil
}

func (p *planner) loadReadings() error {
	p.readings = map[string]bool{}
	rows, err := p.tx.Query(`SELECT clause, pinned FROM readings`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var clause string
		var pinned []byte
		if err := rows.Scan(&clause, &pinned); err != nil {
			return err
		}
		d := p.r.clause[clause] // a reading is of one text; a changed clause needs a new one
		p.readings[clause] = string(d[:]) == string(pinned)
	}
	return rows.Err()
}

func (p *planner) policyOf(clause string) recognition.Policy {
	b := p.policies[clause]
	if b == nil {
		return recognition.Policy{}
	}
	q := b.Policy
	if b.body != nil && q.Kind == recognition.Automatic {
		q.Spent = b.hour+b.planned >= int64(b.body.PerHour) || b.day+b.planned >= int64(b.body.PerDay)
	}
	return q
}

// loadPolicies reads the policies of the clauses that a scheme's certificates
// may fall under, before Decide asks.
func (p *planner) loadPolicies(from string) error {
	for _, c := range p.r.engine.Clauses(from) {
		if _, ok := p.policies[c]; ok {
			continue
		}
		pol, body, err := p.policy(c)
		if err != nil {
			return err
		}
		b := &budgeted{Policy: pol, body: body, planned: int64(p.underway[c])}
		if pol.Kind == recognition.Automatic {
			if b.hour, b.day, err = p.budget(c); err != nil {
				return err
			}
		}
		p.policies[c] = b
	}
	return nil
}

func (p *planner) peer(office string) (recognition.Peer, error) {
	if q, ok := p.peers[office]; ok {
		return q, nil
	}
	var q recognition.Peer
	var body []byte
	err := p.tx.QueryRow(`SELECT body, heard, degraded FROM peers WHERE site = $1 AND ended = 0`, office).Scan(&body, &q.Heard, &q.Degraded)
	if errors.Is(err, store.ErrNoRows) {
		q.Degraded, err = "no-peer", nil
	} else if err == nil {
		var b PeerBody
		err = json.Unmarshal(body, &b)
		q.SilentAfter = b.SilentHours * int64(time.Hour/time.Microsecond)
	}
	p.peers[office] = q
	return q, err
}

// input gathers everything that one decision rests on.
func (p *planner) input(k sourceKey) (*recognition.Input, *history, []*history, error) {
	f := p.ready[k.Office]
	if f == nil || f.sources[k.ID] == nil {
		return nil, nil, nil, store.ErrNoRows
	}
	h := f.sources[k.ID]
	var err error
	in := &recognition.Input{
		Source:   recognition.Source{Certificate: h.Certificate, Events: h.Events, Ref: h.Ref, Received: h.Received, Backdated: h.Backdated, Doubt: h.Doubt},
		Policies: p.policyOf, Adopted: func(c string) bool { return p.readings[c] }, Now: p.now,
	}
	if in.Peer, err = p.peer(k.Office); err != nil {
		return nil, nil, nil, err
	}
	if err := p.loadPolicies(h.Certificate.Scheme); err != nil {
		return nil, nil, nil, err
	}
	here := f.resting[k.ID]
	for _, x := range here {
		in.Existing = append(in.Existing, recognition.Existing{Certificate: x.Certificate, Events: x.Events})
	}
	if in.Own, err = p.ownRecordsOf(h.Certificate); err != nil {
		return nil, nil, nil, err
	}
	in.Asked, in.DeltaMet = f.asked[k.ID], f.deltas[k.ID]
	return in, h, here, nil
}

// resting loads the designations here that rest on a source.
func (w *work) resting(k sourceKey) ([]*history, error) {
	ids, err := w.strings(`SELECT id FROM certificates WHERE src_office = $1 AND src_office <> '' AND src_id = $2 AND office = $3 ORDER BY log_index`, k.Office, k.ID, w.info.Office)
	if err != nil {
		return nil, err
	}
	var out []*history
	for _, id := range ids {
		h, err := w.history(w.info.Office, id)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

func (w *work) strings(q string, args ...any) ([]string, error) {
	rows, err := w.tx.Query(q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// modelRecord is a record of this office with the model that it is about.
type modelRecord struct {
	model string
	recognition.OwnRecord
}

func (w *work) recordsOf(holder string) ([]modelRecord, error) {
	rows, err := w.tx.Query(`SELECT model, kind, id, scheme, at FROM own_records WHERE holder = $1 ORDER BY kind, id, model`, holder)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []modelRecord
	for rows.Next() {
		var r modelRecord
		if err := rows.Scan(&r.model, &r.Kind, &r.ID, &r.Scheme, &r.At); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// matching tells that there are records about one of the product's models. It
// does not say which: the outcome that it goes into is public, and a pending
// or refused application is not.
func matching(rs []modelRecord, c *certificate.Certificate) []recognition.OwnRecord {
	var out []recognition.OwnRecord
	for i := range rs {
		r := &rs[i]
		if slices.ContainsFunc(c.Product.Models, func(m certificate.Model) bool { return m.ID == r.model }) &&
			!slices.ContainsFunc(out, func(x recognition.OwnRecord) bool { return x.Scheme == r.Scheme }) {
			out = append(out, recognition.OwnRecord{Scheme: r.Scheme})
		}
	}
	return out
}

func requestOf(body []byte) (certificate.Request, error) {
	var q StandingRequest
	err := json.Unmarshal(body, &q)
	return certificate.Request{Scheme: q.Scheme, Models: q.Models, Declaration: q.Declaration, Fee: q.Payer != "", Consent: q.Consent}, err
}

// source plans one source.
func (p *planner) source(k sourceKey) (plan, error) {
	in, h, here, err := p.input(k)
	if err != nil {
		return plan{}, err
	}
	out := p.decideFor(in)
	pl := plan{key: k, source: h, seq: h.Sequence, existing: len(here), next: out.Next}
	if pl.outcome, err = json.Marshal(out); err != nil {
		return pl, err
	}
	pl.summary = summary(&out)
	for i := range out.Wanted {
		if err := p.want(&pl, &out.Wanted[i], h, here); err != nil {
			return pl, err
		}
	}
	for i := range out.Tried {
		if t := &out.Tried[i]; onlyDeltaOpen(t) && h.asks(t.Scheme, in.Asked) {
			pl.cases = append(pl.cases, Case{Kind: "delta", Office: k.Office, Source: k.ID, Clause: t.Clause, Scheme: t.Scheme, Level: t.Level, Why: recognition.DeltaShown.String()})
		}
	}
	return pl, nil
}

// onlyDeltaOpen reports whether a clause would hold once its extra
// requirements are shown: a person can find that they are.
func onlyDeltaOpen(t *recognition.Tried) bool {
	return t.Mode == scheme.DeltaMode && t.Answer == scheme.Undetermined && !slices.ContainsFunc(t.Reasons, func(r recognition.Reason) bool {
		return r.Answer != scheme.Yes && r.Rule != recognition.DeltaShown
	})
}

// asks reports whether the holder asked for a scheme, with the grant or here.
func (h *history) asks(schemeID string, here []certificate.Request) bool {
	is := func(q certificate.Request) bool { return q.Scheme == schemeID }
	return slices.ContainsFunc(h.Certificate.Requests, is) || slices.ContainsFunc(here, is)
}

// decideFor asks for each authority that this office is.
func (p *planner) decideFor(in *recognition.Input) recognition.Outcome {
	var out recognition.Outcome
	for i, a := range p.info.Authorities {
		in.Target = a
		o := p.r.engine.Decide(in)
		if i == 0 {
			out = o
			continue
		}
		out.Tried = append(out.Tried, o.Tried...)
		out.Wanted = append(out.Wanted, o.Wanted...)
		if o.Next != 0 && (out.Next == 0 || o.Next < out.Next) {
			out.Next = o.Next
		}
	}
	return out
}

// summary is the outcome in one word per target, for lists.
func summary(o *recognition.Outcome) string {
	s := ""
	for i := range o.Wanted {
		w := &o.Wanted[i]
		if i > 0 {
			s += " "
		}
		s += w.Scheme + ":" + w.Level + ":" + string(w.Action) + ":" + w.Rule.String()
	}
	return s
}

func (p *planner) want(pl *plan, x *recognition.Wanted, h *history, here []*history) error {
	switch x.Action {
	case recognition.Designate, recognition.Deem:
		return p.designate(pl, x, h, here, x.Policy.Act, x.PolicyID, true)
	case recognition.OpenCause, recognition.CloseCause, recognition.Amend, recognition.Note:
		return p.follow(pl, x, here)
	case recognition.ToReview:
		kind := "review"
		if x.Rule == recognition.DecisionBudget {
			pl.alarms = append(pl.alarms, Alarm{Kind: "brake", Site: pl.key.Office, Subject: x.Clause})
		}
		if x.Rule == recognition.SourceBackdated {
			pl.alarms = append(pl.alarms, Alarm{Kind: "backdated", Site: pl.key.Office, Subject: pl.key.ID})
		}
		pl.cases = append(pl.cases, p.newCase(kind, pl, x))
	case recognition.Prepare:
		pl.cases = append(pl.cases, p.newCase("prepared", pl, x))
	case recognition.Restore:
		pl.cases = append(pl.cases, p.newCase("restore", pl, x))
	case recognition.Wait:
		if x.Rule == recognition.PolicyAfterDays {
			pl.cases = append(pl.cases, p.newCase("waiting", pl, x))
		}
	}
	return nil
}

func (p *planner) newCase(kind string, pl *plan, x *recognition.Wanted) Case {
	return Case{Kind: kind, Office: pl.key.Office, Source: pl.key.ID, Clause: x.Clause, Scheme: x.Scheme, Level: x.Level, Why: x.Rule.String(), Subject: x.Designation}
}

// designate drafts the designation that a clause leads to. Its serial is
// filled in later, once for the whole batch.
func (p *planner) designate(pl *plan, x *recognition.Wanted, h *history, here []*history, act certificate.Digest, policy string, auto bool) error {
	s := p.r.cat.Scheme(x.Scheme)
	if s == nil {
		return nil
	}
	e := s.Edition(x.Edition)
	if e == nil {
		return nil
	}
	arr, clause := p.r.cat.Clause(x.Clause)
	src := certificate.At(h.Certificate, h.Events, p.r.zoneOf(h.Certificate.Scheme), p.now, p.now).Amended
	c := &certificate.Certificate{
		Office: p.info.Office, Scheme: s.ID, Edition: e.ID, Level: x.Level, Basis: src.Basis, Product: src.Product, Firmware: src.Firmware,
		Granted: civil.DateAt(p.now, p.r.zoneOf(s.ID)), Decided: p.now, Effective: p.now, Expires: x.Term.End, SupportEnd: src.SupportEnd,
		Act: act, Catalog: p.r.digest,
		Derived: &certificate.Derived{Source: h.Ref, Certificate: h.Certificate.ID, Number: src.Number, Scheme: src.Scheme, Level: src.Level,
			Arrangement: arr.ID, Clause: clause.ID, Mode: x.Mode, Policy: policy, At: p.now, Reasons: sha256.Sum256(pl.outcome), LastEvent: h.Sequence, Chain: h.Certificate.Chain(), Confidence: x.Confidence},
	}
	if l := e.Level(x.Level); l != nil {
		c.Attestation = l.Attestation
	}
	if len(x.Models) > 0 {
		c.Product.Models = slices.DeleteFunc(slices.Clone(src.Product.Models), func(m certificate.Model) bool { return !slices.Contains(x.Models, m.ID) })
	}
	b := p.policies[x.Clause]
	g := grant{at: len(pl.drafts), clause: x.Clause, cert: c, auto: auto && x.Policy.Kind == recognition.Automatic}
	if g.auto && b != nil {
		b.planned++
		g.share = b.body.Share
	}
	pl.drafts = append(pl.drafts, draft{Kind: statement.Designation, Sequence: 1})
	err := p.supersede(pl, c, e, here)
	g.to = len(pl.drafts)
	pl.grants = append(pl.grants, g)
	return err
}

// supersede ends lower designations of the same source and models in the same
// scheme: the new one says all that they said.
func (p *planner) supersede(pl *plan, c *certificate.Certificate, e *scheme.Edition, here []*history) error {
	for _, old := range here {
		oc := old.Certificate
		if oc.Scheme != c.Scheme || e.Rank(oc.Level) >= e.Rank(c.Level) || oc.Level == "" {
			continue
		}
		st := certificate.At(oc, old.Events, p.r.zoneOf(oc.Scheme), p.now, p.now)
		if st.State.Ended() || slices.ContainsFunc(oc.Product.Models, func(m certificate.Model) bool {
			return !slices.ContainsFunc(c.Product.Models, func(n certificate.Model) bool { return n.ID == m.ID })
		}) {
			continue
		}
		ev := certificate.Event{Kind: scheme.Superseded, Change: certificate.Opens, Reason: "higher-level-here",
			Cause:   certificate.Cause{ID: "superseded", Kind: certificate.OwnMeasure, State: certificate.Superseded},
			Decided: p.now, Effective: p.now, Recorded: p.now, Act: c.Act}
		d, err := p.draft(statement.Status, oc.ID, ev)
		if err != nil {
			return err
		}
		pl.drafts = append(pl.drafts, d)
	}
	return nil
}

// follow drafts what an event abroad does to a designation here. It rests on
// the designation's own grant, which was made on that condition.
func (p *planner) follow(pl *plan, x *recognition.Wanted, here []*history) error {
	if x.Event == nil {
		return nil
	}
	i := slices.IndexFunc(here, func(h *history) bool { return h.Certificate.ID == x.Designation })
	if i < 0 {
		return fmt.Errorf("no designation %s rests on it", x.Designation)
	}
	ev := *x.Event
	ev.Decided, ev.Recorded = p.now, p.now
	ev.Effective = max(ev.Effective, p.now)
	ev.Act = here[i].Certificate.Act
	if ev.Reason == "" {
		ev.Reason = "follows-source"
	}
	d := draft{}
	var err error
	// Two events of one round follow each other in the designation's own chain.
	for j := len(pl.drafts) - 1; j >= 0; j-- {
		if pl.drafts[j].Subject == x.Designation {
			return p.chain(pl, j, x.Designation, ev)
		}
	}
	if d, err = p.draft(statement.Status, x.Designation, ev); CodeOf(err) == LintFailed {
		return p.unfollowed(pl, here[i], &ev, err)
	} else if err != nil {
		return err
	}
	pl.drafts = append(pl.drafts, d)
	return nil
}

// unfollowed holds a designation whose source has changed in a way that no
// statement here can say: a person looks, and releases it.
func (p *planner) unfollowed(pl *plan, h *history, ev *certificate.Event, why error) error {
	cause := certificate.Cause{ID: fmt.Sprintf("unfollowed-%d", pl.seq), Kind: certificate.LocalHold, State: certificate.Held}
	if slices.ContainsFunc(h.Events, func(e certificate.Event) bool { return e.Cause.ID == cause.ID }) {
		return nil
	}
	pl.alarms = append(pl.alarms, Alarm{Kind: "lint", Site: pl.key.Office, Subject: pl.key.ID, Data: map[string]string{"error": clip(why.Error())}})
	d, err := p.draft(statement.Status, h.Certificate.ID, certificate.Event{Kind: scheme.Held, Change: certificate.Opens, Cause: cause,
		Reason: "source-not-followed", Decided: p.now, Effective: p.now, Recorded: p.now, Act: ev.Act})
	pl.drafts = append(pl.drafts, d)
	return err
}

// chain leaves a second event of the same subject for the next round: its
// previous digest exists only once the first one is signed.
func (p *planner) chain(pl *plan, _ int, _ string, _ certificate.Event) error {
	if pl.next == 0 || pl.next > p.now+1 {
		pl.next = p.now + 1
	}
	return nil
}

// numberPlans reserves the serials of a batch in one short transaction, lints
// what would be signed, and fills the drafts in. A serial whose designation
// is not logged after all stays unused for ever.
func (o *Office) numberPlans(ctx context.Context, plans []plan, run func(func() error) error) error {
	count := map[string]int{}
	for i := range plans {
		for _, g := range plans[i].grants {
			count[g.cert.Scheme]++
		}
	}
	if len(count) == 0 {
		return nil
	}
	first, err := o.reserve(ctx, count, run)
	if err != nil {
		return err
	}
	return o.view(ctx, func(w *work) error {
		for i := range plans {
			pl := &plans[i]
			var broken error
			for _, g := range pl.grants {
				s := w.r.cat.Scheme(g.cert.Scheme)
				id, number := numbered(s, g.cert, first[s.ID])
				first[s.ID]++
				g.cert.ID = id
				if g.cert.Derived.Mode != scheme.Deemed {
					g.cert.Number = number
				}
				if err := w.lintDerived(g.cert, pl.source); err != nil {
					broken = err
					break
				}
				b, err := encode(g.cert)
				if err != nil {
					broken = err
					break
				}
				d := &pl.drafts[g.at]
				d.Subject, d.Payload = id, b
				d.said = &said{kind: d.Kind, subject: id, sequence: d.Sequence, payload: b, cert: g.cert}
			}
			if broken != nil { // a person has to look; what follows the source goes on
				pl.cases = append(pl.cases, Case{Kind: "review", Office: pl.key.Office, Source: pl.key.ID, Clause: pl.grants[0].clause,
					Scheme: pl.grants[0].cert.Scheme, Level: pl.grants[0].cert.Level, Why: "lint"})
				pl.alarms = append(pl.alarms, Alarm{Kind: "lint", Site: pl.key.Office, Subject: pl.key.ID, Data: map[string]string{"error": clip(broken.Error())}})
				for _, g := range slices.Backward(pl.grants) {
					pl.drafts = slices.Delete(pl.drafts, g.at, g.to)
				}
				pl.grants = nil
			}
		}
		return nil
	})
}
