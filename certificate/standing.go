package certificate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"assay/civil"
)

// Standing is what a certificate is worth at one instant, as known at one
// instant.
type Standing struct {
	State   State        `json:"state"`
	Since   int64        `json:"since"`             // from when the cause that shows acts; of a valid one, its effect or the last closing
	Open    []OpenCause  `json:"open,omitempty"`    // worst first
	Until   civil.Date   `json:"until,omitzero"`    // last day, as amended; zero: no term
	Next    int64        `json:"next,omitempty"`    // next instant after T at which the answer may change by the calendar; 0: never
	Amended *Certificate `json:"amended,omitempty"` // with the amendments that act at T; the certificate itself where none does
}

// OpenCause is a cause with the event that opened it. By is nil for the
// calendar's own causes; it points into the history that was asked.
type OpenCause struct {
	Cause
	By *Event `json:"by,omitempty"`
}

// CalendarExpiry is the id of the cause that the last day opens by itself.
const CalendarExpiry = "expiry"

// severity ranks what shows when several causes are open.
func severity(s State) int {
	switch s {
	case Annulled:
		return 9
	case Revoked:
		return 8
	case Lapsed:
		return 7
	case Surrendered:
		return 6
	case Superseded:
		return 5
	case Expired:
		return 4
	case Suspended:
		return 3
	case Held:
		return 2
	case NotYetValid:
		return 1
	case Valid:
		return 0
	}
	return 2 // a state from a newer program: held until someone can read it
}

// Ended reports whether s is an end that only an annulment takes back.
func (s State) Ended() bool { return severity(s) >= 4 }

// Known is when the register came to know e: when it arrived, or for its own
// events when they were recorded.
func (e *Event) Known() int64 {
	if e.Received != 0 {
		return e.Received
	}
	return e.Recorded
}

// actsBack: an annulment is as if the thing had never been, for every T, once
// its own time has come.
func (e *Event) actsBack() bool {
	return e.Change == Undoes || e.Change == Opens && e.Cause.State == Annulled
}

// acts reports whether e is known at k and acts at t.
func (e *Event) acts(t, k int64) bool {
	if e.Known() > k {
		return false
	}
	if e.actsBack() {
		return e.Effective <= max(t, k)
	}
	return e.Effective <= t
}

// after orders events of one certificate: by their place in its statements,
// and where they have none yet by their effect.
func (e *Event) after(o *Event) bool {
	if e.Sequence != o.Sequence {
		return e.Sequence > o.Sequence
	}
	return e.Effective >= o.Effective
}

// At is the state of c at t as known at k. evs is its history in any order;
// zone is that of the scheme's authority, in which the term's days run.
// Neither is changed.
func At(c *Certificate, evs []Event, zone *time.Location, t, k int64) Standing {
	s := Standing{State: Valid, Since: c.Effective, Next: math.MaxInt64}
	over := endingsOf(evs, t, k)
	s.Amended = amended(c, evs, &over, t, k)
	s.Until = s.Amended.Expires

	later := func(at int64) {
		if at > t && at < s.Next {
			s.Next = at
		}
	}
	later(c.Effective)
	for i := range evs {
		e := &evs[i]
		if e.Known() > k {
			continue
		}
		later(e.Effective)
		if !e.acts(t, k) {
			continue
		}
		switch e.Change {
		case Opens:
			if !over.ended(e) {
				s.Open = append(s.Open, OpenCause{e.Cause, e})
			}
		case Closes:
			if e.Effective > s.Since && !over.undone(e.Cause.ID) {
				s.Since = e.Effective
			}
		}
	}
	if s.Until != 0 {
		end := s.Until.End(zone)
		later(end)
		if t >= end {
			s.Open = append(s.Open, OpenCause{Cause: Cause{CalendarExpiry, ByExpiry, Expired}})
		}
	}
	if s.Next == math.MaxInt64 {
		s.Next = 0
	}
	if t < c.Effective {
		s.State = NotYetValid
	}
	slices.SortFunc(s.Open, func(a, b OpenCause) int {
		return cmp.Or(cmp.Compare(severity(b.State), severity(a.State)), cmp.Compare(a.since(c), b.since(c)), cmp.Compare(a.ID, b.ID))
	})
	if len(s.Open) > 0 && severity(s.Open[0].State) > severity(s.State) {
		s.State = s.Open[0].State
		s.Since = s.Open[0].since(c)
		if s.Open[0].By == nil {
			s.Since = s.Until.End(zone)
		}
	}
	return s
}

func (o *OpenCause) since(c *Certificate) int64 {
	switch {
	case o.By == nil:
		return math.MaxInt64
	case o.By.actsBack():
		return c.Effective
	}
	return o.By.Effective
}

// Cause finds an open cause by id; nil where it is not open.
func (s *Standing) Cause(id string) *OpenCause {
	for i := range s.Open {
		if s.Open[i].ID == id {
			return &s.Open[i]
		}
	}
	return nil
}

// endings are the events that close or undo a cause and act. Where there are
// many they are indexed, so that a long history costs no square of its length.
type endings struct {
	all []*Event
	by  map[string][]*Event
}

func endingsOf(evs []Event, t, k int64) (x endings) {
	for i := range evs {
		if e := &evs[i]; (e.Change == Closes || e.Change == Undoes) && e.acts(t, k) {
			x.all = append(x.all, e)
		}
	}
	if len(x.all) > 16 {
		x.by = make(map[string][]*Event, len(x.all))
		for _, e := range x.all {
			x.by[e.Cause.ID] = append(x.by[e.Cause.ID], e)
		}
	}
	return x
}

func (x *endings) of(cause string) []*Event {
	if x.by != nil {
		return x.by[cause]
	}
	return x.all
}

// ended reports whether what o opened is closed or undone.
func (x *endings) ended(o *Event) bool {
	for _, e := range x.of(o.Cause.ID) {
		if e.Cause.ID == o.Cause.ID && e.after(o) {
			return true
		}
	}
	return false
}

func (x *endings) undone(cause string) bool {
	if cause == "" {
		return false
	}
	for _, e := range x.of(cause) {
		if e.Change == Undoes && e.Cause.ID == cause {
			return true
		}
	}
	return false
}

// amended applies the amendments that act at t, in the order of their effect.
func amended(c *Certificate, evs []Event, over *endings, t, k int64) *Certificate {
	var todo []*Event
	for i := range evs {
		if e := &evs[i]; e.Amend != nil && e.acts(t, k) && !over.undone(e.Cause.ID) {
			todo = append(todo, e)
		}
	}
	if todo == nil {
		return c
	}
	slices.SortFunc(todo, func(a, b *Event) int {
		return cmp.Or(cmp.Compare(a.Effective, b.Effective), cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Recorded, b.Recorded))
	})
	n := *c
	for _, e := range todo {
		e.Amend.apply(&n)
	}
	return &n
}

// apply replaces what the amendment names; slices are shared, never written.
func (a *Amendment) apply(c *Certificate) {
	if a.Expires != 0 {
		c.Expires = a.Expires
	}
	if a.SupportEnd != 0 {
		c.SupportEnd = a.SupportEnd
	}
	c.Number = cmp.Or(a.Number, c.Number)
	c.Level = cmp.Or(a.Level, c.Level)
	c.Product.Holder = cmp.Or(a.Holder, c.Product.Holder)
	if a.Models != nil {
		c.Product.Models = a.Models
	}
	if a.Functions != nil {
		c.Product.Functions = a.Functions
	}
	if a.Firmware != nil {
		c.Firmware = *a.Firmware
	}
	if a.Requests != nil {
		c.Requests = a.Requests
	}
}

// IsZero reports whether the amendment changes nothing.
func (a *Amendment) IsZero() bool {
	return a.Expires == 0 && a.SupportEnd == 0 && a.Number == "" && a.Level == "" && a.Holder == "" &&
		a.Models == nil && a.Functions == nil && a.Firmware == nil && a.Requests == nil
}
