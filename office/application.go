package office

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"assay/assess"
	"assay/certificate"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
	"assay/store"
)

// States of an application.
const (
	AppSubmitted = "submitted"
	AppReturned  = "returned" // incomplete: Missing says what
	AppComplete  = "complete"
	AppEvaluated = "evaluated"
	AppGranted   = "granted"
	AppRefused   = "refused"
	AppWithdrawn = "withdrawn"
)

// Submit takes an application in. The maker chooses its id, so that a repeat
// after a broken connection is the same application; a returned one is
// submitted again under its id with what was missing.
func (o *Office) Submit(ctx context.Context, by *Person, in Application) (*Application, error) {
	if err := need(by, RoleMaker); err != nil {
		return nil, err
	}
	if _, err := uuid.Parse(in.ID); err != nil || len(in.ID) != 36 {
		return nil, fail(Invalid, "id", "choose a random UUID", "%q is no UUID", clip(in.ID))
	}
	a := Application{ID: in.ID, Entity: by.Entity, Scheme: in.Scheme, Level: in.Level, Evidence: in.Evidence, Requests: in.Requests,
		Language: in.Language, PublishAt: in.PublishAt, State: AppSubmitted, Version: 1}
	ev, err := o.checkApplication(&a)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(body)
	slim := a
	slim.Evidence = nil
	if body, err = json.Marshal(slim); err != nil {
		return nil, err
	}
	var out *Application
	err = o.update(ctx, func(w *work) error {
		old, oldDigest, err := w.application(a.ID)
		switch {
		case errors.Is(err, store.ErrNoRows):
			a.Created, a.Updated = w.now, w.now
			_, err = w.tx.Exec(`INSERT INTO applications (id, entity, scheme, level, state, body, digest, holder, product, missing, evaluator, act, certificate, version, created, updated, evidence)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', '', '', 1, $10, $10, $11)`,
				a.ID, a.Entity, a.Scheme, a.Level, a.State, body, digest, ev.Product.Holder, fold(ev.Product.Brand+" "+ev.Product.Name), w.now, []byte(a.Evidence))
			out = &a
			return err
		case err != nil:
			return err
		case old.Entity != by.Entity:
			return fail(Conflict, "id", "choose a new UUID", "this id is taken")
		case oldDigest == digest:
			out = old
			return nil
		case old.State != AppReturned:
			return fail(Conflict, "id", "choose a new UUID, or withdraw the first application", "the application %s was submitted with another body and is %s", a.ID, old.State)
		}
		a.Version, a.Created, a.Updated = old.Version+1, old.Created, w.now
		_, err = w.tx.Exec(`UPDATE applications SET scheme = $2, level = $3, state = $4, body = $5, digest = $6, holder = $7, product = $8, missing = '', version = $9, updated = $10, evidence = $11 WHERE id = $1`,
			a.ID, a.Scheme, a.Level, a.State, body, digest, ev.Product.Holder, fold(ev.Product.Brand+" "+ev.Product.Name), a.Version, w.now, []byte(a.Evidence))
		out = &a
		return err
	})
	return out, err
}

func (o *Office) checkApplication(a *Application) (*evidence.Evidence, error) {
	r := o.rules.Load()
	s := r.cat.Scheme(a.Scheme)
	if s == nil || !slices.Contains(o.info.Authorities, s.Authority) {
		return nil, fail(Invalid, "scheme", "this office takes: "+strings.Join(o.schemes(r), ", "), "%q is no scheme of this office", clip(a.Scheme))
	}
	if s.State == scheme.Closed {
		return nil, fail(Invalid, "scheme", "apply in an open scheme", "the scheme %s is closed and issues nothing new", a.Scheme)
	}
	e := s.EditionOn(civil.DateAt(o.now(), r.zoneOf(s.ID)))
	if e == nil {
		return nil, fail(Invalid, "scheme", "", "no edition of %s is in force today", a.Scheme)
	}
	if e.Level(a.Level) == nil {
		return nil, fail(Invalid, "level", "levels: "+strings.Join(levelIDs(e), ", "), "%q is no level of %s", clip(a.Level), a.Scheme)
	}
	ev, err := evidence.Parse(a.Evidence)
	if err != nil {
		return nil, &Error{Code: Invalid, Field: "evidence", Message: err.Error(), Err: err}
	}
	if fs := append(ev.Validate(), r.assess.CheckParts(ev)...); len(fs) > 0 {
		return nil, fail(Invalid, "evidence"+fs[0].Place, fs[0].Remedy, "%s (%d findings in all)", fs[0].Problem, len(fs))
	}
	if ev.Product.Holder != a.Entity {
		return nil, fail(Forbidden, "evidence/product/holder", "apply for your own products", "the evidence is of %s, you speak for %s", clip(ev.Product.Holder), a.Entity)
	}
	for _, f := range ev.Product.Functions {
		if !r.tax.Known(f) {
			return nil, fail(Invalid, "evidence/product/functions", "see: assay catalog list categories", "%q is no category", clip(f))
		}
	}
	for i, q := range a.Requests {
		if r.cat.Scheme(q.Scheme) == nil {
			return nil, fail(Invalid, "requests/"+itoa(i)+"/scheme", "see: assay catalog list schemes", "%q is no scheme", clip(q.Scheme))
		}
		if !q.Consent {
			return nil, fail(Invalid, "requests/"+itoa(i)+"/share_file", "consent, or leave the request out", "a designation abroad needs your consent to share the file with that authority")
		}
	}
	return ev, nil
}

func (o *Office) schemes(r *rules) []string {
	var out []string
	for i := range r.cat.Schemes {
		if slices.Contains(o.info.Authorities, r.cat.Schemes[i].Authority) {
			out = append(out, r.cat.Schemes[i].ID)
		}
	}
	return out
}

func levelIDs(e *scheme.Edition) []string {
	var out []string
	for i := range e.Levels {
		out = append(out, e.Levels[i].ID)
	}
	return out
}

// appList is what lists read of an application; they are no place for files.
const (
	appColumns = `id, entity, scheme, level, state, body, digest, missing, act, certificate, version, created, updated, evidence`
	appList    = `id, entity, scheme, level, state, body, digest, missing, act, certificate, version, created, updated, digest`
)

func scanApplication(row interface{ Scan(...any) error }) (*Application, [32]byte, error) {
	var id, entity, sch, level, state, missing, act, cert string
	var body, digest, evidence []byte
	var version, created, updated int64
	if err := row.Scan(&id, &entity, &sch, &level, &state, &body, &digest, &missing, &act, &cert, &version, &created, &updated, &evidence); err != nil {
		return nil, [32]byte{}, err
	}
	a := new(Application)
	if err := json.Unmarshal(body, a); err != nil {
		return nil, [32]byte{}, err
	}
	a.ID, a.Entity, a.Scheme, a.Level, a.State, a.Act, a.Cert = id, entity, sch, level, state, act, cert
	a.Version, a.Created, a.Updated, a.Evidence = version, created, updated, evidence
	if missing != "" {
		a.Missing = strings.Split(missing, "\n")
	}
	return a, [32]byte(digest), nil
}

func (w *work) application(id string) (*Application, [32]byte, error) {
	return scanApplication(w.tx.QueryRow(`SELECT `+appColumns+` FROM applications WHERE id = $1 {{lock}}`, id))
}

// step changes an application from one of the states from, if its version
// still matches.
func (o *Office) step(ctx context.Context, id string, match int64, from []string, fn func(*work, *Application) error) (*Application, error) {
	var out *Application
	err := o.update(ctx, func(w *work) error {
		a, _, err := w.application(id)
		if errors.Is(err, store.ErrNoRows) {
			return fail(NotFound, "id", "", "no application %s here", clip(id))
		}
		if err != nil {
			return err
		}
		if match != a.Version {
			return fail(Changed, "If-Match", "read it again and compare", "the application has version %d, not %d", a.Version, match)
		}
		if !slices.Contains(from, a.State) {
			return fail(Conflict, "", "", "the application is %s; this needs it to be %s", a.State, strings.Join(from, " or "))
		}
		if err := fn(w, a); err != nil {
			return err
		}
		a.Version++
		a.Updated = w.now
		out = a
		return w.saveApplication(a)
	})
	return out, err
}

func (w *work) saveApplication(a *Application) error {
	_, err := w.tx.Exec(`UPDATE applications SET state = $2, missing = $3, act = $4, certificate = $5, version = $6, updated = $7 WHERE id = $1`,
		a.ID, a.State, strings.Join(a.Missing, "\n"), a.Act, a.Cert, a.Version, a.Updated)
	return err
}

// Complete says that an application has all it needs.
func (o *Office) Complete(ctx context.Context, by *Person, id string, match int64) (*Application, error) {
	if err := need(by, RoleRegistrar); err != nil {
		return nil, err
	}
	return o.step(ctx, id, match, []string{AppSubmitted}, func(w *work, a *Application) error {
		a.State = AppComplete
		return w.ownRecord(a, "open-case")
	})
}

// Return sends an incomplete application back, saying what is missing.
func (o *Office) Return(ctx context.Context, by *Person, id string, match int64, missing []string) (*Application, error) {
	if err := need(by, RoleRegistrar); err != nil {
		return nil, err
	}
	if len(missing) == 0 || len(missing) > 200 || slices.ContainsFunc(missing, func(s string) bool { return s == "" || len(s) > 500 || strings.ContainsAny(s, "\n\x00") }) {
		return nil, fail(Invalid, "missing", "name each missing thing in one line of at most 500 bytes", "an application is returned for something that is missing")
	}
	return o.step(ctx, id, match, []string{AppSubmitted}, func(_ *work, a *Application) error {
		a.State, a.Missing = AppReturned, missing
		return nil
	})
}

// Withdraw ends an application by its maker, until it is decided.
func (o *Office) Withdraw(ctx context.Context, by *Person, id string, match int64) (*Application, error) {
	if err := need(by, RoleMaker); err != nil {
		return nil, err
	}
	return o.step(ctx, id, match, []string{AppSubmitted, AppReturned, AppComplete, AppEvaluated}, func(w *work, a *Application) error {
		if a.Entity != by.Entity {
			return fail(NotFound, "id", "", "no application %s here", clip(id))
		}
		if a.Act != "" {
			n, err := w.tx.Exec(`UPDATE acts SET state = 'rejected', version = version + 1 WHERE id = $1 AND state = 'proposed'`, a.Act)
			if err != nil {
				return err
			}
			if n == 0 {
				return fail(Conflict, "", "", "the application was decided meanwhile")
			}
		}
		a.State = AppWithdrawn
		return w.endCase(a.ID)
	})
}

// Evaluate records the evaluator's recommendation with the machine's
// assessment beside it, and proposes the decision. A grant is refused here
// where the evidence does not show the level: the evaluator may be stricter
// than the machine, never laxer. Nobody decides what they evaluated: the act
// of the decision refuses its proposer as approver.
func (o *Office) Evaluate(ctx context.Context, by *Person, id string, match int64, e Evaluation) (*Application, *Act, error) {
	if err := need(by, RoleEvaluator); err != nil {
		return nil, nil, err
	}
	if e.Recommend != "grant" && e.Recommend != "refuse" {
		return nil, nil, fail(Invalid, "recommend", "grant or refuse", "%q is no recommendation", clip(e.Recommend))
	}
	if err := checkReason(e.Reason); err != nil {
		return nil, nil, err
	}
	var act *Act
	a, err := o.step(ctx, id, match, []string{AppComplete}, func(w *work, a *Application) error {
		ev, err := w.r.evidence(a.Evidence)
		if err != nil {
			return err
		}
		level := a.Level
		if e.Level != "" {
			level = e.Level
		}
		res := assess.Assess(w.r.assess, ev, a.Scheme, civil.DateAt(w.now, w.r.zoneOf(a.Scheme)))
		if err := reaches(res, level, e.Recommend == "grant"); err != nil {
			return err
		}
		machine, err := json.Marshal(res)
		if err != nil {
			return err
		}
		assessment, err := w.blob("assessment", false, machine)
		if err != nil {
			return err
		}
		commitment, err := w.commitEvidence(a.ID, a.Evidence)
		if err != nil {
			return err
		}
		body, err := json.Marshal(DecisionBody{Application: a.ID, Scheme: a.Scheme, Level: level, Evidence: commitment, Assessment: assessment,
			Reason: e.Reason, Remarks: e.Remarks, PublishAt: a.PublishAt})
		if err != nil {
			return err
		}
		k := ActGrant
		if e.Recommend == "refuse" {
			k = ActRefuse
		}
		if act, err = w.propose(by, uuid.NewString(), k, body); err != nil {
			return err
		}
		a.State, a.Act = AppEvaluated, act.ID
		_, err = w.tx.Exec(`UPDATE applications SET evaluator = $2 WHERE id = $1`, a.ID, by.ID)
		return err
	})
	return a, act, err
}

// reaches says in the evaluator's words why a level is not reached.
func reaches(res []assess.Result, level string, grant bool) error {
	if len(res) != 1 {
		return fail(Invalid, "scheme", "", "the catalog in force has no such scheme any more")
	}
	for _, l := range res[0].Levels {
		if l.Level != level {
			continue
		}
		if !grant || l.Answer == scheme.Yes {
			return nil
		}
		for _, g := range res[0].Gates {
			if g.Answer != scheme.Yes {
				return fail(Conflict, "level", "recommend refusal, or return the application", "level %s cannot be granted: %s is %s (%s)", level, g.Rule, g.Answer, g.Data)
			}
		}
		for _, q := range res[0].Outcomes[:l.Asks] {
			if q.Answer != scheme.Yes {
				return fail(Conflict, "level", "recommend refusal or a lower level, or return the application", "level %s is not shown: %s is %s (%s)", level, q.Requirement, q.Answer, q.Rule)
			}
		}
		return fail(Conflict, "level", "recommend refusal", "level %s is not shown", level)
	}
	return fail(Invalid, "level", "", "%q is no level of the scheme", clip(level))
}

// ownRecord notes an application under every model of its product.
func (w *work) ownRecord(a *Application, kind string) error {
	ev, err := evidence.Read(a.Evidence)
	if err != nil {
		return err
	}
	for _, m := range ev.Product.Models {
		_, err := w.tx.Exec(`INSERT INTO own_records (holder, model, kind, id, scheme, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (holder, model, kind, id) DO NOTHING`,
			a.Entity, m.ID, kind, a.ID, a.Scheme, w.now)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *work) endCase(id string) error {
	_, err := w.tx.Exec(`DELETE FROM own_records WHERE id = $1 AND kind = 'open-case'`, id)
	return err
}

// Application reads one: the maker's own, or any for the office's staff.
func (o *Office) Application(ctx context.Context, by *Person, id string) (*Application, error) {
	if err := need(by, append([]Role{RoleMaker}, staff...)...); err != nil {
		return nil, err
	}
	var a *Application
	err := o.view(ctx, func(w *work) (err error) {
		a, _, err = scanApplication(w.tx.QueryRow(`SELECT `+appColumns+` FROM applications WHERE id = $1`, id))
		return err
	})
	if errors.Is(err, store.ErrNoRows) || err == nil && !by.Has(staff...) && a.Entity != by.Entity {
		return nil, fail(NotFound, "id", "", "no application %s here", clip(id))
	}
	return a, err
}

// Applications lists them, oldest first: a maker's own, or all for staff.
func (o *Office) Applications(ctx context.Context, by *Person, state, after string, limit int) ([]Application, string, error) {
	if err := need(by, append([]Role{RoleMaker}, staff...)...); err != nil {
		return nil, "", err
	}
	return paged(after, limit, func(c cursor, n int) (out []Application, err error) {
		err = o.view(ctx, func(w *work) error {
			q, args := `SELECT `+appList+` FROM applications WHERE (created > $1 OR (created = $1 AND id > $2))`, []any{c.At, c.ID, n}
			if state != "" {
				args = append(args, state)
				q += ` AND state = $` + itoa(len(args))
			}
			if !by.Has(staff...) {
				args = append(args, by.Entity)
				q += ` AND entity = $` + itoa(len(args))
			}
			rows, err := w.tx.Query(q+` ORDER BY created, id LIMIT $3`, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				a, _, err := scanApplication(rows)
				if err != nil {
					return err
				}
				a.Evidence = nil
				out = append(out, *a)
			}
			return rows.Err()
		})
		return out, err
	}, func(a *Application) cursor { return cursor{a.Created, a.ID} })
}

// commitEvidence keeps the file beside the log and gives the salted
// commitment that goes into it.
func (w *work) commitEvidence(id string, file []byte) (certificate.Digest, error) {
	var salt evidence.Salt
	fill(salt[:])
	d := certificate.Digest(evidence.Commit(salt, file))
	_, err := w.tx.Exec(`INSERT INTO blobs (digest, kind, public, body) VALUES ($1, 'evidence', 0, $2) ON CONFLICT (digest) DO NOTHING`, d[:], append(salt[:], file...))
	return d, err
}

// blob stores something by its SHA-256.
func (w *work) blob(kind string, public bool, body []byte) (certificate.Digest, error) {
	d := sha256.Sum256(body)
	_, err := w.tx.Exec(`INSERT INTO blobs (digest, kind, public, body) VALUES ($1, $2, $3, $4) ON CONFLICT (digest) DO NOTHING`, d, kind, public, body)
	return d, err
}

// EvidenceJSON turns a maker's evidence file, YAML or JSON, into the JSON
// form in which applications carry it.
func EvidenceJSON(file []byte) (json.RawMessage, error) {
	ev, err := evidence.Parse(file)
	if err != nil {
		return nil, err
	}
	return json.Marshal(ev)
}
