package office

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"

	"assay/certificate"
	"assay/statement"
	"assay/store"
)

// kind is what an act of one kind does. Check runs when it is proposed, plan
// when it is approved and again whenever its subjects have moved, done in the
// transaction that logs it.
type kind struct {
	propose, approve []Role
	body             func() any
	check            func(*work, *Person, *Act, any) error // also sets Act.Subject
	plan             func(*work, *Act, any) ([]draft, error)
	done             func(*work, *Act, any, []placed) (any, error)
}

// Result is what an act that changed the register led to.
type Result struct {
	Certificate string             `json:"certificate,omitempty"`
	Number      string             `json:"number,omitempty"`
	Index       int64              `json:"index"`
	Leaf        certificate.Digest `json:"leaf,omitzero"`
	Failed      string             `json:"failed,omitempty"` // why it could not be carried out after approval
}

var actKinds map[ActKind]*kind

func init() { // not a literal: kinds refer to functions that look kinds up
	officers, admins := []Role{RoleOfficer}, []Role{RoleAdmin}
	measure := func(extra ...Role) *kind {
		return &kind{propose: append(extra, RoleOfficer), approve: officers, body: func() any { return new(MeasureBody) },
			check: checkMeasure, plan: planMeasure, done: doneMeasure}
	}
	decision := &kind{propose: []Role{RoleEvaluator}, approve: officers, body: func() any { return new(DecisionBody) },
		check: checkDecision, plan: planDecision, done: doneDecision}
	actKinds = map[ActKind]*kind{
		ActGrant: decision, ActRefuse: decision,
		ActSuspend: measure(), ActReinstate: measure(), ActRevoke: measure(), ActAnnul: measure(), ActCorrect: measure(),
		ActExtend: measure(), ActHold: measure(), ActRelease: measure(), ActSurrender: measure(RoleMaker),
		ActEarlier: {officers, officers, func() any { return new(EarlierBody) }, checkEarlier, planEarlier, doneEarlier},
		ActCase:    {officers, officers, func() any { return new(CaseBody) }, checkCase, planCase, doneCase},
		ActPeer:    {admins, admins, func() any { return new(PeerBody) }, checkPeer, planPeer, donePeer},
		ActPolicy:  {admins, admins, func() any { return new(PolicyBody) }, checkPolicy, planPolicy, donePolicy},
		ActReading: {admins, admins, func() any { return new(ReadingBody) }, checkReading, planReading, doneReading},
		ActCatalog: {admins, admins, func() any { return new(CatalogBody) }, checkCatalog, planCatalog, doneCatalog},
		ActKey:     {admins, admins, func() any { return new(KeyBody) }, checkKey, planKey, doneKey},
		ActPerson: {admins, admins, func() any { return new(PersonBody) }, func(_ *work, _ *Person, a *Act, b any) error {
			a.Subject = "person/" + b.(*PersonBody).Person.ID
			return checkPerson(b.(*PersonBody))
		}, nil, func(w *work, _ *Act, b any, _ []placed) (any, error) { return nil, putPerson(w.tx, b.(*PersonBody)) }},
	}
}

// filled is a body into which check fills something: a repeat of what was
// proposed has to be known as one.
type filled interface {
	digestLike(old *Act) (certificate.Digest, error)
}

// maxBody bounds an act's body.
const maxBody = 256 << 10

func (k *kind) decode(raw []byte) (any, error) {
	if len(raw) > maxBody {
		return nil, fail(Invalid, "body", "", "the body has %d bytes, at most %d are taken", len(raw), maxBody)
	}
	b := k.body()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(b); err != nil {
		return nil, &Error{Code: Invalid, Field: "body", Message: "the body is not what this kind of act takes: " + err.Error(), Err: err}
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fail(Invalid, "body", "send one JSON object", "there is more behind the body")
	}
	return b, nil
}

// digestOf is the digest of an act: what both persons put their names to.
func digestOf(k ActKind, body []byte) certificate.Digest {
	h := sha256.New()
	io.WriteString(h, string(k)+"\n")
	h.Write(body)
	return certificate.Digest(h.Sum(nil))
}

// Propose records an act by its first person. The same id with the same body
// gives the act that is there; with another body it is a conflict.
func (o *Office) Propose(ctx context.Context, by *Person, id string, k ActKind, raw json.RawMessage) (*Act, error) {
	h := actKinds[k]
	if h == nil {
		return nil, fail(Invalid, "kind", "known kinds: "+kindNames(), "%q is no kind of act", clip(string(k)))
	}
	if k == ActGrant || k == ActRefuse {
		return nil, fail(Invalid, "kind", "evaluate the application", "a decision is proposed by an evaluation")
	}
	var a *Act
	err := o.update(ctx, func(w *work) (err error) {
		a, err = w.propose(by, id, k, raw)
		return err
	})
	return a, err
}

func kindNames() string {
	var ns []string
	for k := range actKinds {
		ns = append(ns, string(k))
	}
	slices.Sort(ns)
	return strings.Join(ns, ", ")
}

func (w *work) propose(by *Person, id string, k ActKind, raw json.RawMessage) (*Act, error) {
	h := actKinds[k]
	if err := need(by, h.propose...); err != nil {
		return nil, err
	}
	if _, err := uuid.Parse(id); err != nil || len(id) != 36 {
		return nil, fail(Invalid, "id", "choose a random UUID", "%q is no UUID", clip(id))
	}
	b, err := h.decode(raw)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(b) // one form for one meaning
	if err != nil {
		return nil, err
	}
	a := &Act{ID: id, Kind: k, Body: body, Digest: digestOf(k, body), Proposer: by.Pseudonym, ProposedAt: w.now, State: ActProposed, Version: 1, Index: -1, Stage: Recorded}
	if old, err := w.act(id); err == nil {
		if f, ok := b.(filled); ok && old.Kind == k {
			if a.Digest, err = f.digestLike(old); err != nil {
				return nil, err
			}
		}
		if old.Digest == a.Digest && old.Proposer == by.Pseudonym {
			return old, nil
		}
		return nil, fail(Conflict, "id", "choose a new UUID", "the act %s is there with another body or proposer", id)
	} else if !errors.Is(err, store.ErrNoRows) {
		return nil, err
	}
	if err := h.check(w, by, a, b); err != nil {
		return nil, err
	}
	if again, err := json.Marshal(b); err != nil { // check may have filled something in
		return nil, err
	} else if !bytes.Equal(again, body) {
		a.Body, a.Digest = again, digestOf(k, again)
	}
	_, err = w.tx.Exec(`INSERT INTO acts (id, kind, body, digest, subject, proposer, proposed_at, approver, approved_at, state, result, version, log_index)
		VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, 0, $8, $9, 1, -1)`,
		id, string(k), []byte(a.Body), a.Digest[:], a.Subject, by.ID, w.now, string(ActProposed), []byte{})
	return a, err
}

// Approve carries an act out by its second person. It returns when the act is
// logged: recorded first, signed outside any transaction, then logged in one.
// A crash in between is finished at the next start. Approving an act again by
// the same person gives the same answer.
func (o *Office) Approve(ctx context.Context, by *Person, id string, match int64) (*Act, error) {
	var a *Act
	approve := func(w *work) (err error) {
		a, err = w.approve(by, id, match)
		return err
	}
	err := o.update(ctx, approve)
	if errors.Is(err, errNoRing) && o.loadRings() { // opening a key file takes a second, and no transaction waits for it
		err = o.update(ctx, approve)
	}
	if err != nil || a.State == ActDone {
		return a, err
	}
	if err := o.finish(ctx, id); err != nil {
		return nil, err
	}
	return o.Act(ctx, nil, id)
}

func (w *work) approve(by *Person, id string, match int64) (*Act, error) {
	a, err := w.lockAct(id)
	if err != nil {
		return nil, err
	}
	h := actKinds[a.Kind]
	if err := need(by, h.approve...); err != nil {
		return nil, err
	}
	if a.State != ActProposed {
		if (a.State == ActDone || a.State == ActApproved) && a.Approver == by.Pseudonym {
			return a, nil
		}
		return nil, fail(Conflict, "", "read it again", "the act is %s already", a.State)
	}
	if match != a.Version {
		return nil, fail(Changed, "If-Match", "read it again and compare", "the act has version %d, not %d", a.Version, match)
	}
	if a.Proposer == by.Pseudonym {
		return nil, fail(SamePerson, "", "another person has to approve it", "%s proposed this act", by.Pseudonym)
	}
	b, err := h.decode(a.Body)
	if err != nil {
		return nil, err
	}
	a.Approver, a.ApprovedAt = by.Pseudonym, w.now
	drafts, err := w.planAct(h, a, b)
	if err != nil {
		return nil, err
	}
	state := ActApproved
	if len(drafts) == 0 { // nothing to sign: all of it is this transaction
		state = ActDone
	} else if _, err := w.record(id, drafts, embargo(b)); err != nil {
		return nil, err
	}
	_, err = w.tx.Exec(`UPDATE acts SET approver = $2, approved_at = $3, state = $4, version = version + 1 WHERE id = $1`, id, by.ID, w.now, string(state))
	if err != nil {
		return nil, err
	}
	a.State, a.Version = state, a.Version+1
	if state == ActDone {
		res, err := h.done(w, a, b, nil)
		if err != nil {
			return nil, err
		}
		return a, w.setResult(a, res, -1)
	}
	return a, nil
}

// embargo is the instant before which an act's statements stay unlogged.
func embargo(body any) int64 {
	if d, ok := body.(*DecisionBody); ok {
		return d.PublishAt
	}
	return 0
}

func (w *work) planAct(h *kind, a *Act, b any) ([]draft, error) {
	if h.plan == nil {
		return nil, nil
	}
	return h.plan(w, a, b)
}

func (w *work) setResult(a *Act, res any, index int64) error {
	out := []byte{}
	if res != nil {
		var err error
		if out, err = json.Marshal(res); err != nil {
			return err
		}
	}
	a.Result, a.Index = out, index
	if len(out) == 0 {
		a.Result = nil
	}
	_, err := w.tx.Exec(`UPDATE acts SET result = $2, log_index = $3 WHERE id = $1`, a.ID, out, index)
	return err
}

// finish signs and logs an approved act. It is the normal path and the
// recovery path.
func (o *Office) finish(ctx context.Context, id string) error {
	const tries = 4
	for try := range tries {
		token, drafts, wait, err := o.intentOf(ctx, id)
		if err != nil || token == "" || wait > o.now() {
			return err
		}
		ps, err := o.sign(drafts)
		if err != nil {
			return err
		}
		err = o.gate.first(func() error {
			return o.update(ctx, func(w *work) error { return w.carryOut(id, token, ps) })
		})
		switch code := CodeOf(err); {
		case errors.Is(err, errNoRing) && o.loadRings(): // another process approved it
			continue
		case err == nil:
			wake(o.publishc)
			if drafts[0].Kind != statement.Grant { // a grant changes nothing that follows a partner
				o.forgetSites()
				o.wakeReconcilers()
			}
			if drafts[0].Kind == statement.Peer { // what the peer may say has changed
				_, err = o.RejudgeRejects(ctx)
			}
			return err
		case code == Spent: // another process was faster
			return nil
		case code == ClockBack, code == Full, code == "" && !errors.Is(err, errMoved): // stays recorded, for a better moment
			return err
		}
		var why error
		if try == tries-1 && CodeOf(err) != "" { // planned anew, it fails again: it never can be done
			why = err
		}
		if err := o.replan(ctx, id, token, why); err != nil {
			return err
		}
	}
	return fail(Unavailable, "", "try again", "the subject of the act keeps moving")
}

// intentOf reads the unspent intent of an act; token is "" where there is none.
func (o *Office) intentOf(ctx context.Context, id string) (token string, drafts []draft, publishAt int64, err error) {
	err = o.db.View(ctx, func(tx *store.Tx) error {
		var body []byte
		err := tx.QueryRow(`SELECT token, body, at FROM intents WHERE act = $1 AND state = 'recorded'`, id).Scan(&token, &body, &publishAt)
		if errors.Is(err, store.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var in intent
		err = intentDecode.Unmarshal(body, &in)
		drafts = in.Drafts
		return err
	})
	return token, drafts, publishAt, err
}

// carryOut is the transaction that makes an act true: all or nothing.
func (w *work) carryOut(id, token string, ps []placed) error {
	if _, err := w.tx.LockHead(w.tx.Context()); err != nil {
		return err
	}
	if err := w.spend(token); err != nil {
		return err
	}
	a, err := w.lockAct(id)
	if err != nil {
		return err
	}
	if a.State != ActApproved {
		return fail(Conflict, "", "", "the act is %s", a.State)
	}
	h := actKinds[a.Kind]
	b, err := h.decode(a.Body)
	if err != nil {
		return err
	}
	if err := w.append(ps); err != nil {
		return err
	}
	res, err := h.done(w, a, b, ps)
	if err != nil {
		return err
	}
	if _, err := w.tx.Exec(`UPDATE acts SET state = 'done', version = version + 1 WHERE id = $1`, id); err != nil {
		return err
	}
	return w.setResult(a, res, ps[0].Index)
}

// replan drops an intent whose subjects have moved and drafts anew. Where the
// act has no place any more, or why says that it cannot be done, it is closed
// as rejected, with the reason.
func (o *Office) replan(ctx context.Context, id, token string, why error) error {
	return o.update(ctx, func(w *work) error {
		a, err := w.lockAct(id)
		if err != nil {
			return err
		}
		// Two processes that finish the same act must not both draft it anew.
		n, err := w.tx.Exec(`UPDATE intents SET state = 'dropped', body = $2 WHERE token = $1 AND state = 'recorded'`, token, []byte{})
		if err != nil || n == 0 {
			return err
		}
		h := actKinds[a.Kind]
		b, err := h.decode(a.Body)
		if err != nil {
			return err
		}
		var drafts []draft
		if err = why; err == nil {
			drafts, err = w.planAct(h, a, b)
		}
		if CodeOf(err) != "" {
			if a.Kind == ActGrant {
				if err := w.backToEvaluation(a); err != nil {
					return err
				}
			}
			if _, err := w.tx.Exec(`UPDATE acts SET state = 'rejected', version = version + 1 WHERE id = $1`, id); err != nil {
				return err
			}
			return w.setResult(a, Result{Index: -1, Failed: err.Error()}, -1)
		}
		if err != nil {
			return err
		}
		_, err = w.record(id, drafts, embargo(b))
		return err
	})
}

// resume finishes what a crash left recorded.
func (o *Office) resume(ctx context.Context) error {
	var ids []string
	err := o.db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT act FROM intents WHERE state = 'recorded' AND at <= $1 ORDER BY at, token LIMIT 1000`, tx.Now())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	errs := []error{err}
	for _, id := range ids { // one that cannot be finished now does not stop the others
		if err := o.finish(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("act %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// Reject ends a proposed act without effect.
func (o *Office) Reject(ctx context.Context, by *Person, id string, match int64, reason string) (*Act, error) {
	var a *Act
	err := o.update(ctx, func(w *work) (err error) {
		if a, err = w.lockAct(id); err != nil {
			return err
		}
		if err := need(by, append(slices.Clone(actKinds[a.Kind].approve), actKinds[a.Kind].propose...)...); err != nil {
			return err
		}
		if !by.Has(staff...) && by.Pseudonym != a.Proposer { // a maker takes back only what is theirs
			return fail(NotFound, "id", "", "no act %s here", clip(id))
		}
		if a.State != ActProposed {
			return fail(Conflict, "", "read it again", "the act is %s already", a.State)
		}
		if match != a.Version {
			return fail(Changed, "If-Match", "read it again and compare", "the act has version %d, not %d", a.Version, match)
		}
		if a.Kind == ActGrant || a.Kind == ActRefuse {
			if err := w.backToEvaluation(a); err != nil {
				return err
			}
		}
		if _, err := w.tx.Exec(`UPDATE acts SET state = 'rejected', version = version + 1 WHERE id = $1`, id); err != nil {
			return err
		}
		a.State, a.Version = ActRejected, a.Version+1
		return w.setResult(a, map[string]string{"rejected_by": by.Pseudonym, "reason": clip(reason)}, -1)
	})
	return a, err
}

const actColumns = `a.id, a.kind, a.body, a.digest, a.subject, p.pseudonym, a.proposed_at, COALESCE(q.pseudonym, ''), a.approved_at, a.state, a.result, a.version, a.log_index`
const actTables = ` FROM acts a JOIN persons p ON p.id = a.proposer LEFT JOIN persons q ON q.id = a.approver `

func scanAct(row interface{ Scan(...any) error }) (*Act, error) {
	a := new(Act)
	var kind, state string
	var body, digest, result []byte
	err := row.Scan(&a.ID, &kind, &body, &digest, &a.Subject, &a.Proposer, &a.ProposedAt, &a.Approver, &a.ApprovedAt, &state, &result, &a.Version, &a.Index)
	if err != nil {
		return nil, err
	}
	a.Kind, a.State, a.Body, a.Digest = ActKind(kind), ActState(state), body, certificate.Digest(digest)
	if len(result) > 0 {
		a.Result = result
	}
	a.Stage = Recorded
	if a.Index >= 0 {
		a.Stage = Logged
	}
	return a, nil
}

func (w *work) act(id string) (*Act, error) {
	return scanAct(w.tx.QueryRow(`SELECT `+actColumns+actTables+`WHERE a.id = $1`, id))
}

// lockAct reads an act so that no other process changes it meanwhile.
func (w *work) lockAct(id string) (*Act, error) {
	var one int64
	err := w.tx.QueryRow(`SELECT version FROM acts WHERE id = $1 {{lock}}`, id).Scan(&one)
	if errors.Is(err, store.ErrNoRows) {
		return nil, fail(NotFound, "id", "", "no act %s here", clip(id))
	}
	if err != nil {
		return nil, err
	}
	return w.act(id)
}

// stage says how far an entry has come.
func (o *Office) stage(index int64) Stage {
	switch {
	case index < 0:
		return Recorded
	case o.published.Load().size > index:
		return Published
	}
	return Logged
}

// Act reads an act. by is nil for the office's own use.
func (o *Office) Act(ctx context.Context, by *Person, id string) (*Act, error) {
	var a *Act
	err := o.view(ctx, func(w *work) (err error) {
		a, err = w.act(id)
		return err
	})
	if errors.Is(err, store.ErrNoRows) {
		return nil, fail(NotFound, "id", "", "no act %s here", clip(id))
	}
	if err != nil {
		return nil, err
	}
	if by != nil && !by.Has(staff...) && by.Pseudonym != a.Proposer {
		return nil, fail(NotFound, "id", "", "no act %s here", clip(id))
	}
	a.Stage = o.stage(a.Index)
	return a, nil
}

// Acts lists acts by state, oldest first.
func (o *Office) Acts(ctx context.Context, by *Person, state, after string, limit int) ([]Act, string, error) {
	if err := need(by, staff...); err != nil {
		return nil, "", err
	}
	return paged(after, limit, func(c cursor, n int) (out []Act, err error) {
		err = o.view(ctx, func(w *work) error {
			q, args := `SELECT `+actColumns+actTables+`WHERE (a.proposed_at > $1 OR (a.proposed_at = $1 AND a.id > $2))`, []any{c.At, c.ID, n}
			if state != "" {
				q, args = q+` AND a.state = $4`, append(args, state)
			}
			rows, err := w.tx.Query(q+` ORDER BY a.proposed_at, a.id LIMIT $3`, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				a, err := scanAct(rows)
				if err != nil {
					return err
				}
				a.Stage = o.stage(a.Index)
				out = append(out, *a)
			}
			return rows.Err()
		})
		return out, err
	}, func(a *Act) cursor { return cursor{a.ProposedAt, a.ID} })
}
