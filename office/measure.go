package office

import (
	"errors"
	"slices"

	"assay/certificate"
	"assay/scheme"
	"assay/statement"
	"assay/store"
)

// measures says what each act on a certificate does to its history.
var measures = map[ActKind]struct {
	kind   scheme.EventKind
	change certificate.Change
	cause  certificate.CauseKind
	state  certificate.State
}{
	ActSuspend:   {scheme.Suspended, certificate.Opens, certificate.OwnMeasure, certificate.Suspended},
	ActReinstate: {scheme.Reinstated, certificate.Closes, certificate.OwnMeasure, certificate.Suspended},
	ActRevoke:    {scheme.Revoked, certificate.Opens, certificate.OwnMeasure, certificate.Revoked},
	ActSurrender: {scheme.Surrendered, certificate.Opens, certificate.OwnMeasure, certificate.Surrendered},
	ActHold:      {scheme.Held, certificate.Opens, certificate.LocalHold, certificate.Held},
	ActRelease:   {scheme.Released, certificate.Closes, certificate.LocalHold, certificate.Held},
	ActCorrect:   {scheme.Corrected, certificate.Amends, "", ""},
	ActExtend:    {scheme.Extended, certificate.Amends, "", ""},
	ActAnnul:     {scheme.Annulled, certificate.Opens, certificate.OwnMeasure, certificate.Annulled},
}

func checkMeasure(w *work, by *Person, a *Act, body any) error {
	b := body.(*MeasureBody)
	a.Subject = b.Certificate
	if err := checkReason(b.Reason); err != nil {
		return err
	}
	if (b.Amend != nil) != (a.Kind == ActCorrect || a.Kind == ActExtend) {
		return fail(Invalid, "amend", "", "correct and extend say what changes, other measures do not")
	}
	h, err := w.own(b.Certificate)
	if err != nil {
		return err
	}
	if by.Has(RoleMaker) && w.holder(h) != by.Entity {
		return fail(NotFound, "certificate", "", "no certificate %s of yours here", clip(b.Certificate))
	}
	_, err = w.measureEvent(a, b, h)
	return err
}

// holder is who holds a certificate now, after what transfers there were.
func (w *work) holder(h *history) string {
	return certificate.At(h.Certificate, h.Events, w.r.zoneOf(h.Certificate.Scheme), w.now, w.now).Amended.Product.Holder
}

// own loads a certificate or designation of this office.
func (w *work) own(id string) (*history, error) {
	h, err := w.history(w.info.Office, id)
	if errors.Is(err, store.ErrNoRows) {
		return nil, fail(NotFound, "certificate", "", "no certificate %s of this office", clip(id))
	}
	return h, err
}

// measureEvent is the event that a measure leads to, checked against the
// certificate's history: only what its author opened is closed.
func (w *work) measureEvent(a *Act, b *MeasureBody, h *history) (*certificate.Event, error) {
	m := measures[a.Kind]
	e := &certificate.Event{Kind: m.kind, Change: m.change, Reason: b.Reason, Decided: w.now, Notified: b.Notified, Effective: max(b.Effective, w.now),
		Recorded: w.now, Act: a.Digest, Amend: b.Amend}
	if a.Kind == ActAnnul && b.Cause != "" {
		e.Change = certificate.Undoes
	}
	switch e.Change {
	case certificate.Opens:
		e.Cause = certificate.Cause{ID: "act-" + a.ID[:13], Kind: m.cause, State: m.state}
	case certificate.Closes, certificate.Undoes:
		c, err := w.closable(a.Kind, b.Cause, m.cause, m.state, h)
		if err != nil {
			return nil, err
		}
		e.Cause = c
	}
	if b.Amend != nil && b.Amend.Number != "" {
		if !clean(b.Amend.Number) {
			return nil, fail(Invalid, "amend.number", "", "the number is not printable")
		}
		if err := w.numberFree(b.Amend.Number, b.Certificate); err != nil {
			return nil, err
		}
	}
	if a.Kind == ActExtend {
		if err := w.extendable(h, b.Amend); err != nil {
			return nil, err
		}
	}
	if b.Effective != 0 && b.Effective < w.now && e.Change != certificate.Undoes {
		return nil, fail(Invalid, "effective", "leave it out, or name a time to come", "only an annulment acts back")
	}
	if err := certificate.Check(h.Certificate, h.Events, e); err != nil {
		return nil, &Error{Code: Conflict, Field: "certificate", Message: err.Error(), Err: err}
	}
	return e, nil
}

// extendable holds an extension against what the certificate's edition allows.
func (w *work) extendable(h *history, m *certificate.Amendment) error {
	c := h.Certificate
	var x *scheme.Extension
	if s := w.r.cat.Scheme(c.Scheme); s != nil {
		if e := s.Edition(c.Edition); e != nil {
			x = e.Extension
		}
	}
	if x == nil {
		return fail(Conflict, "certificate", "take an application for a new one", "edition %s of %s knows no extension", c.Edition, c.Scheme)
	}
	const end = 1<<63 - 1
	now := certificate.At(c, h.Events, w.r.zoneOf(c.Scheme), end, end).Amended
	times := 0
	for i := range h.Events {
		if h.Events[i].Kind == scheme.Extended {
			times++
		}
	}
	switch most := now.Expires.AddYears(x.Years); {
	case times >= x.Times:
		return fail(Conflict, "certificate", "take an application for a new one", "it was extended %d times, %d is all that the scheme allows", times, x.Times)
	case m.Expires <= now.Expires || m.Expires > most:
		return fail(Invalid, "amend.expires", "name the new last day", "an extension ends after %s and not later than %s", now.Expires, most)
	}
	return nil
}

// renumbered gives an extension the new number that its scheme asks for.
func (w *work) renumbered(h *history, m *certificate.Amendment) (*certificate.Amendment, error) {
	s := w.r.cat.Scheme(h.Certificate.Scheme)
	if e := s.Edition(h.Certificate.Edition); !e.Extension.NewNumber || m.Number != "" {
		return m, nil
	}
	n, err := w.serial(s.ID, 1)
	if err != nil {
		return nil, err
	}
	c, out := *h.Certificate, *m
	c.Expires = m.Expires
	_, out.Number = numbered(s, &c, n)
	return &out, nil
}

// closable finds the cause that a reinstatement, release or annulment is about.
func (w *work) closable(k ActKind, id string, kind certificate.CauseKind, state certificate.State, h *history) (certificate.Cause, error) {
	const end = 1<<63 - 1
	s := certificate.At(h.Certificate, h.Events, w.r.zoneOf(h.Certificate.Scheme), end, end)
	var fits []certificate.Cause
	for _, o := range s.Open {
		if o.By == nil || id != "" && o.ID != id {
			continue
		}
		if k != ActAnnul && (o.Kind != kind || o.State != state) {
			continue
		}
		fits = append(fits, o.Cause)
	}
	switch len(fits) {
	case 1:
		return fits[0], nil
	case 0:
		return certificate.Cause{}, fail(Conflict, "cause", "see the certificate's history", "%s has no open cause that this closes: only its author closes a cause", h.Certificate.ID)
	}
	return certificate.Cause{}, fail(Invalid, "cause", "name one of the open causes", "%d causes are open", len(fits))
}

func planMeasure(w *work, a *Act, body any) ([]draft, error) {
	b := body.(*MeasureBody)
	h, err := w.own(b.Certificate)
	if err != nil {
		return nil, err
	}
	e, err := w.measureEvent(a, b, h)
	if err != nil {
		return nil, err
	}
	if a.Kind == ActExtend {
		if e.Amend, err = w.renumbered(h, e.Amend); err != nil {
			return nil, err
		}
	}
	if s := w.r.cat.Scheme(h.Certificate.Scheme); s != nil && b.Amend != nil && b.Amend.Number != "" { // the counter must not come to it
		if err := w.skipSerial(s, b.Amend.Number); err != nil {
			return nil, err
		}
	}
	if err := lintEvent(h.Certificate, e); err != nil {
		return nil, err
	}
	d, err := w.draft(statement.Status, b.Certificate, e)
	return []draft{d}, err
}

func doneMeasure(w *work, a *Act, body any, ps []placed) (any, error) {
	b := body.(*MeasureBody)
	if a.Kind == ActRevoke {
		h, err := w.own(b.Certificate)
		if err != nil {
			return nil, err
		}
		for _, m := range h.Certificate.Product.Models {
			_, err := w.tx.Exec(`INSERT INTO own_records (holder, model, kind, id, scheme, at) VALUES ($1, $2, 'revoked', $3, $4, $5) ON CONFLICT (holder, model, kind, id) DO NOTHING`,
				h.Certificate.Product.Holder, m.ID, b.Certificate, h.Certificate.Scheme, w.now)
			if err != nil {
				return nil, err
			}
		}
	}
	if a.Kind == ActAnnul && b.Cause != "" { // a revocation that never was leaves no record
		h, err := w.own(b.Certificate)
		if err != nil {
			return nil, err
		}
		const end = 1<<63 - 1
		open := certificate.At(h.Certificate, h.Events, w.r.zoneOf(h.Certificate.Scheme), end, end).Open
		if slices.ContainsFunc(open, func(o certificate.OpenCause) bool { return o.State == certificate.Revoked }) {
			return Result{Certificate: b.Certificate, Index: ps[0].Index, Leaf: ps[0].Leaf}, nil
		}
		if _, err := w.tx.Exec(`DELETE FROM own_records WHERE id = $1 AND kind = 'revoked'`, b.Certificate); err != nil {
			return nil, err
		}
	}
	return Result{Certificate: b.Certificate, Index: ps[0].Index, Leaf: ps[0].Leaf}, nil
}
