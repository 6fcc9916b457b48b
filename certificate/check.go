package certificate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"assay/scheme"
)

// What can be wrong with an event, each wrapped with what and where.
var (
	ErrKind         = errors.New("the event does not do what its kind says")
	ErrDates        = errors.New("the dates of the event are in the wrong order")
	ErrNoCause      = errors.New("the event names no cause")
	ErrCauseUsed    = errors.New("the cause id was used before: every cause has its own")
	ErrCauseNotOpen = errors.New("the cause is not open")
	ErrNotAuthor    = errors.New("only its author closes a cause")
	ErrNotSuspended = errors.New("nothing to reinstate: no suspension is open under that cause")
	ErrEnded        = errors.New("the certificate has ended: only an annulment takes that back")
	ErrNoChange     = errors.New("the amendment changes nothing")
)

// does is what each kind of event may do. Only an annulment acts back: it
// opens the state annulled, or undoes one cause.
var does = map[scheme.EventKind]struct {
	changes []Change
	state   State // of the cause it opens or closes; empty: any
}{
	scheme.Suspended:        {[]Change{Opens}, Suspended},
	scheme.Held:             {[]Change{Opens}, Held},
	scheme.Revoked:          {[]Change{Opens}, Revoked},
	scheme.Surrendered:      {[]Change{Opens}, Surrendered},
	scheme.Expired:          {[]Change{Opens}, Expired},
	scheme.Superseded:       {[]Change{Opens}, Superseded},
	scheme.Lapsed:           {[]Change{Opens}, Lapsed},
	scheme.Annulled:         {[]Change{Opens, Undoes}, ""},
	scheme.Reinstated:       {[]Change{Closes}, Suspended},
	scheme.Released:         {[]Change{Closes}, Held},
	scheme.Extended:         {[]Change{Amends, Notes}, ""},
	scheme.Renewed:          {[]Change{Amends, Notes}, ""},
	scheme.LevelUp:          {[]Change{Amends, Notes}, ""},
	scheme.LevelDown:        {[]Change{Amends, Notes}, ""},
	scheme.ScopeGrown:       {[]Change{Amends, Notes}, ""},
	scheme.ScopeCut:         {[]Change{Amends, Notes}, ""},
	scheme.Corrected:        {[]Change{Amends, Notes}, ""},
	scheme.Transferred:      {[]Change{Amends, Notes}, ""},
	scheme.SchemeClosed:     {[]Change{Notes, Amends}, ""},
	scheme.ArrangementEnded: {[]Change{Notes, Amends}, ""},
	scheme.KeyCompromised:   {[]Change{Notes}, ""},
	scheme.Silence:          {[]Change{Notes}, ""},
}

// Check tells whether e may be added to the history evs of c. Its times
// decided and effective must be set; notified and recorded are held against
// them where set. A kind that only informs may be a note too, so that a
// register can keep what it was told.
func Check(c *Certificate, evs []Event, e *Event) error {
	fail := func(err error) error {
		return fmt.Errorf("certificate %s, event %s (%s) of cause %q: %w", c.ID, e.Kind, e.Change, e.Cause.ID, err)
	}
	d, known := does[e.Kind]
	if !known || !slices.Contains(d.changes, e.Change) && e.Change != Notes {
		return fail(ErrKind)
	}
	if e.Change == Opens && (d.state != "" && e.Cause.State != d.state || e.Kind == scheme.Annulled && e.Cause.State != Annulled) {
		return fail(ErrKind)
	}
	if err := checkDates(evs, e); err != nil {
		return fail(err)
	}
	if e.Change == Notes {
		return nil
	}
	// A close may come before the day its cause acts: all that was ever said counts.
	const end = 1<<63 - 1
	s := At(c, evs, time.UTC, end, end)
	switch e.Change {
	case Amends:
		if e.Amend == nil || e.Amend.IsZero() {
			return fail(ErrNoChange)
		}
		for _, o := range s.Open { // what has a term may be extended after its end, by a decision
			if o.By != nil && o.State.Ended() && o.State != Expired {
				return fail(ErrEnded)
			}
		}
		return nil
	case Opens:
		if e.Cause.ID == "" || e.Cause.ID == CalendarExpiry || e.Cause.Kind == "" {
			return fail(ErrNoCause)
		}
		if e.Cause.Kind == FromSource && e.Source == nil {
			return fail(ErrNotAuthor)
		}
		if slices.ContainsFunc(evs, func(o Event) bool { return o.Cause.ID == e.Cause.ID }) {
			return fail(ErrCauseUsed)
		}
		if s.State == Annulled || e.Cause.Kind == OwnMeasure && s.Open != nil && s.State.Ended() && severity(e.Cause.State) <= severity(s.State) && s.Open[0].By != nil {
			return fail(ErrEnded)
		}
		return nil
	}
	return closing(&s, evs, e, fail)
}

func closing(s *Standing, evs []Event, e *Event, fail func(error) error) error {
	if e.Cause.ID == "" {
		return fail(ErrNoCause)
	}
	o := s.Cause(e.Cause.ID)
	if o == nil {
		if e.Change == Undoes && undoable(evs, e.Cause.ID) {
			return nil
		}
		return fail(ErrCauseNotOpen)
	}
	if !o.mayClose(e) {
		return fail(ErrNotAuthor)
	}
	switch {
	case e.Kind == scheme.Reinstated && o.State != Suspended:
		return fail(ErrNotSuspended)
	case e.Kind == scheme.Released && o.State != Held:
		return fail(ErrCauseNotOpen)
	}
	return nil
}

// undoable: a cause that is closed already, or an amendment, can still be
// annulled, once.
func undoable(evs []Event, id string) bool {
	found := false
	for i := range evs {
		if evs[i].Cause.ID == id {
			found = found || evs[i].Change == Opens || evs[i].Change == Amends
			if evs[i].Change == Undoes {
				return false
			}
		}
	}
	return found
}

// mayClose: what a source opened is closed by following the source; own
// causes by own acts. A hold that was opened by following may be released by
// a person, or by the source taking back what caused it.
func (o *OpenCause) mayClose(e *Event) bool {
	if e.Cause.Kind != o.Kind {
		return false
	}
	follows := e.Source != nil
	switch o.Kind {
	case FromSource:
		return follows
	case LocalHold:
		return !follows || o.By.Source != nil
	default:
		return !follows
	}
}

func checkDates(evs []Event, e *Event) error {
	switch {
	case e.Decided <= 0 || e.Effective <= 0:
		return fmt.Errorf("decided %d, effective %d: both must be set: %w", e.Decided, e.Effective, ErrDates)
	case e.Effective < e.Decided && !e.actsBack():
		return fmt.Errorf("effective before decided, and only an annulment acts back: %w", ErrDates)
	case e.Notified != 0 && e.Notified < e.Decided:
		return fmt.Errorf("notified before decided: %w", ErrDates)
	case e.Recorded != 0 && e.Recorded < e.Decided:
		return fmt.Errorf("recorded before decided: %w", ErrDates)
	case e.actsBack() && e.Recorded != 0 && e.Effective > e.Recorded:
		return fmt.Errorf("an annulment lies in the future: %w", ErrDates)
	}
	for i := range evs {
		if e.Recorded != 0 && evs[i].Recorded > e.Recorded {
			return fmt.Errorf("recorded before event %d of the history: %w", evs[i].Sequence, ErrDates)
		}
	}
	return nil
}
