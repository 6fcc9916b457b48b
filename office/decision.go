package office

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"assay/assess"
	"assay/certificate"
	"assay/civil"
	"assay/evidence"
	"assay/recognition"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

func itoa(i int) string { return strconv.Itoa(i) }

func fill(b []byte) { rand.Read(b) }

func checkDecision(_ *work, _ *Person, a *Act, body any) error {
	a.Subject = "application/" + body.(*DecisionBody).Application
	return nil
}

// planDecision drafts the grant. A refusal signs nothing: pending and refused
// cases are never public.
func planDecision(w *work, a *Act, body any) ([]draft, error) {
	b := body.(*DecisionBody)
	app, _, err := w.application(b.Application)
	if err != nil {
		return nil, err
	}
	// Whoever ever evaluated it, also in a round that was sent back.
	var evaluated int64
	err = w.tx.QueryRow(`SELECT COUNT(*) FROM acts x JOIN persons p ON p.id = x.proposer WHERE x.subject = $1 AND p.pseudonym = $2`, a.Subject, a.Approver).Scan(&evaluated)
	if err != nil {
		return nil, err
	}
	if evaluated > 0 {
		return nil, fail(OwnEvaluation, "", "another officer has to decide", "%s evaluated this application", a.Approver)
	}
	if app.State != AppEvaluated || app.Act != a.ID {
		return nil, fail(Conflict, "", "", "the application is %s", app.State)
	}
	if a.Kind == ActRefuse {
		return nil, nil
	}
	c, err := w.newGrant(app, a, b)
	if err != nil {
		return nil, err
	}
	if err := w.lint(c); err != nil {
		return nil, err
	}
	d, err := w.draft(statement.Grant, c.ID, c)
	return []draft{d}, err
}

// newGrant makes the certificate that an application leads to, with a number
// that is never given again, whatever becomes of it.
func (w *work) newGrant(app *Application, a *Act, b *DecisionBody) (*certificate.Certificate, error) {
	ev, err := w.r.evidence(app.Evidence)
	if err != nil {
		return nil, err
	}
	s := w.r.cat.Scheme(app.Scheme)
	if s == nil {
		return nil, fail(Conflict, "scheme", "", "the catalog in force has no scheme %s", app.Scheme)
	}
	zone := w.r.zoneOf(s.ID)
	at := max(w.now, b.PublishAt)
	day := civil.DateAt(at, zone)
	e := s.EditionOn(day)
	if e == nil || e.Level(b.Level) == nil {
		return nil, fail(Conflict, "level", "", "no edition of %s with level %s is in force on %s", s.ID, b.Level, day)
	}
	c := &certificate.Certificate{
		Office: w.info.Office, Scheme: s.ID, Edition: e.ID, Level: b.Level, Attestation: e.Level(b.Level).Attestation, Basis: basisOf(w.r.assess, e, ev),
		Product: product(ev), Firmware: certificate.Firmware{Rule: e.Firmware},
		Granted: day, Decided: w.now, Effective: at, SupportEnd: ev.Support.End, Act: a.Digest, Catalog: w.r.digest, Evidence: b.Evidence,
	}
	for _, f := range ev.Firmware {
		c.Firmware.Versions = append(c.Firmware.Versions, f.Version)
	}
	for _, q := range app.Requests {
		c.Requests = append(c.Requests, certificate.Request{Scheme: q.Scheme, Models: q.Models, Declaration: q.Declaration, Fee: q.Payer != "", Consent: q.Consent})
	}
	term := recognition.Limit(day, e.Term, c.SupportEnd, 0)
	if term.Needs != "" {
		return nil, fail(Conflict, "evidence/support/end", "return the application and ask for it", "the term cannot be told: the %s is missing", term.Needs)
	}
	c.Expires = term.End
	return c, w.number(c, s)
}

// basisOf is what a certificate rests on: of the edition's base standards
// those that the evidence passed against, or the only one.
func basisOf(c *assess.Compiled, e *scheme.Edition, ev *evidence.Evidence) []scheme.StandardRef {
	if len(e.Bases) < 2 {
		return e.Bases
	}
	var out []scheme.StandardRef
	for _, b := range e.Bases {
		if c.RestsOn(ev, b) {
			out = append(out, b)
		}
	}
	return out
}

func product(ev *evidence.Evidence) certificate.Product {
	p := certificate.Product{Holder: ev.Product.Holder, Brand: ev.Product.Brand, Name: ev.Product.Name, Functions: ev.Product.Functions}
	for _, m := range ev.Product.Models {
		n := certificate.Model{ID: m.ID, Hardware: strings.Join(m.Hardware, ", ")}
		for _, v := range m.Variants {
			n.Variants = append(n.Variants, v.ID)
		}
		p.Models = append(p.Models, n)
	}
	return p
}

// number gives a certificate its id and number. The counter moves in the
// transaction that records the intent, before anything is signed: a number
// whose act fails later stays unused.
func (w *work) number(c *certificate.Certificate, s *scheme.Scheme) error {
	n, err := w.serial(s.ID, 1)
	if err != nil {
		return err
	}
	c.ID, c.Number = numbered(s, c, n)
	return nil
}

// serial reserves n serial numbers of a scheme and gives the first.
func (w *work) serial(schemeID string, n int) (int64, error) {
	_, err := w.tx.Exec(`INSERT INTO numbers (scheme, last) VALUES ($1, $2) ON CONFLICT (scheme) DO UPDATE SET last = numbers.last + $2`, schemeID, int64(n))
	if err != nil {
		return 0, err
	}
	var last int64
	err = w.tx.QueryRow(`SELECT last FROM numbers WHERE scheme = $1`, schemeID).Scan(&last)
	return last - int64(n) + 1, err
}

// numbered gives the id of a serial, and its number in the scheme's own form.
func numbered(s *scheme.Scheme, c *certificate.Certificate, serial int64) (id, number string) {
	width := s.Number.Width
	digits := fmt.Sprintf("%0*d", width, serial)
	x := c.Expires.Time()
	number = strings.NewReplacer("{serial}", digits, "{year}", c.Granted.Time().Format("2006"), "{level}", c.Level,
		"{expiry:DDMMYY}", x.Format("020106")).Replace(s.Number.Format)
	return fmt.Sprintf("%s-%d", s.ID, serial), number
}

func doneDecision(w *work, a *Act, body any, ps []placed) (any, error) {
	b := body.(*DecisionBody)
	app, _, err := w.application(b.Application)
	if err != nil {
		return nil, err
	}
	if err := w.endCase(app.ID); err != nil {
		return nil, err
	}
	res := Result{Index: -1}
	app.State = AppRefused
	if a.Kind == ActGrant {
		c := new(certificate.Certificate)
		if err := statement.Decode(ps[0].Payload, c); err != nil {
			return nil, err
		}
		app.State, app.Cert = AppGranted, c.ID
		res = Result{Certificate: c.ID, Number: c.Number, Index: ps[0].Index, Leaf: ps[0].Leaf}
	} else if err := w.ownRecord(app, "refused"); err != nil {
		return nil, err
	}
	app.Version++
	app.Updated = w.now
	return res, w.saveApplication(app)
}

// backToEvaluation reopens an application whose proposed decision was rejected.
func (w *work) backToEvaluation(a *Act) error {
	b, err := actKinds[a.Kind].decode(a.Body)
	if err != nil {
		return err
	}
	app, _, err := w.application(b.(*DecisionBody).Application)
	if errors.Is(err, store.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	app.State, app.Act = AppComplete, ""
	app.Version++
	app.Updated = w.now
	return w.saveApplication(app)
}
