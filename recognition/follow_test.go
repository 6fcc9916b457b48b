package recognition

import (
	"math/rand/v2"
	"slices"
	"testing"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

// scene is a designation in bb that follows its source step by step.
type scene struct {
	t   *testing.T
	cat *scheme.Catalog
	in  *Input
}

func designated(t *testing.T, change func(*scheme.Catalog)) *scene {
	t.Helper()
	s := &scene{t, world(), input()}
	if change != nil {
		change(s.cat)
	}
	o := compile(s.cat).Decide(s.in)
	if len(o.Wanted) != 1 || o.Wanted[0].Action != Designate {
		t.Fatalf("no designation: %+v", o.Wanted)
	}
	apply(s.in, &o)
	return s
}

// abroad adds an event to the source and returns its cause.
func (s *scene) abroad(kind scheme.EventKind, change certificate.Change, cause certificate.Cause, amend *certificate.Amendment) certificate.Cause {
	s.in.Now += 3600e6
	seq := uint64(len(s.in.Source.Events) + 2)
	s.in.Source.Events = append(s.in.Source.Events, certificate.Event{
		Kind: kind, Change: change, Cause: cause, Decided: s.in.Now, Effective: s.in.Now, Recorded: s.in.Now, Received: s.in.Now,
		Sequence: seq, Index: int64(100 + seq), Amend: amend,
	})
	return cause
}

func (s *scene) opens(kind scheme.EventKind, id string, st certificate.State) certificate.Cause {
	return s.abroad(kind, certificate.Opens, certificate.Cause{ID: id, Kind: certificate.OwnMeasure, State: st}, nil)
}

// here records an own event at the designation.
func (s *scene) here(kind scheme.EventKind, change certificate.Change, cause certificate.Cause) {
	s.in.Now += 3600e6
	x := &s.in.Existing[0]
	e := certificate.Event{Kind: kind, Change: change, Cause: cause, Decided: s.in.Now, Effective: s.in.Now, Recorded: s.in.Now, Sequence: uint64(len(x.Events) + 2)}
	if err := certificate.Check(x.Certificate, x.Events, &e); err != nil {
		s.t.Fatal(err)
	}
	x.Events = append(x.Events, e)
}

// decide decides, records, and decides again: the second time nothing that
// changes the register may be wanted.
func (s *scene) decide(want ...Action) []Wanted {
	s.t.Helper()
	o := compile(s.cat).Decide(s.in)
	var got []Action
	for i := range o.Wanted {
		got = append(got, o.Wanted[i].Action)
	}
	if !slices.Equal(got, want) {
		s.t.Fatalf("wanted %v (%+v), want %v", got, o.Wanted, want)
	}
	apply(s.in, &o)
	again := compile(s.cat).Decide(s.in)
	for i := range again.Wanted {
		switch again.Wanted[i].Action {
		case Designate, Deem, OpenCause, CloseCause, Amend, Note:
			s.t.Fatalf("not idempotent: %s again by %s", again.Wanted[i].Action, again.Wanted[i].Rule)
		}
	}
	return o.Wanted
}

func (s *scene) state(want certificate.State) {
	s.t.Helper()
	x := &s.in.Existing[0]
	sg := compile(s.cat).schemes["bb-label"].zone
	if st := certificate.At(x.Certificate, x.Events, sg, s.in.Now, s.in.Now); st.State != want {
		s.t.Fatalf("the designation is %s, want %s", st.State, want)
	}
}

// Suspended abroad, own measure here, reinstated abroad: still suspended
// here, until the own measure is closed.
func TestOwnMeasureStays(t *testing.T) {
	s := designated(t, nil)
	c := s.opens(scheme.Suspended, "m", certificate.Suspended)
	ws := s.decide(OpenCause)
	if e := ws[0].Event; e.Cause.ID != "src-2" || e.Source.Sequence != 2 || e.Source.Index != 102 || e.Source.Origin != "aa.test/log" || ws[0].Rule != EffectSuspend {
		t.Errorf("event %+v", e)
	}
	s.state(certificate.Suspended)
	own := certificate.Cause{ID: "own", Kind: certificate.OwnMeasure, State: certificate.Suspended}
	s.here(scheme.Suspended, certificate.Opens, own)
	s.abroad(scheme.Reinstated, certificate.Closes, c, nil)
	if ws := s.decide(CloseCause); ws[0].Event.Kind != scheme.Reinstated || ws[0].Event.Cause.ID != "src-2" {
		t.Errorf("event %+v", ws[0].Event)
	}
	s.state(certificate.Suspended)
	s.here(scheme.Reinstated, certificate.Closes, own)
	s.decide(Keep)
	s.state(certificate.Valid)
}

func TestLapseAndRestore(t *testing.T) {
	s := designated(t, nil)
	c := s.opens(scheme.Revoked, "m", certificate.Revoked)
	s.decide(OpenCause)
	s.state(certificate.Lapsed)
	s.abroad(scheme.Annulled, certificate.Undoes, c, nil)
	ws := s.decide(Restore)
	s.state(certificate.Lapsed) // a person decides
	e := *ws[0].Event
	e.Recorded, e.Sequence = s.in.Now, 9
	x := &s.in.Existing[0]
	if err := certificate.Check(x.Certificate, x.Events, &e); err != nil {
		t.Fatal(err)
	}
	x.Events = append(x.Events, e)
	s.decide(Keep)
	s.state(certificate.Valid)
}

func TestAnnulledSuspension(t *testing.T) {
	s := designated(t, nil)
	c := s.opens(scheme.Suspended, "m", certificate.Suspended)
	s.decide(OpenCause)
	since := s.in.Now
	s.abroad(scheme.Annulled, certificate.Undoes, c, nil)
	if ws := s.decide(CloseCause); ws[0].Event.Change != certificate.Undoes || ws[0].Rule != SourceUndone {
		t.Errorf("event %+v", ws[0].Event)
	}
	x := &s.in.Existing[0]
	if st := certificate.At(x.Certificate, x.Events, utc, since, s.in.Now); st.State != certificate.Valid {
		t.Errorf("the suspension still was: %s", st.State)
	}
	// Annulled after it was closed: the days in between change too.
	s = designated(t, nil)
	c = s.opens(scheme.Suspended, "m", certificate.Suspended)
	s.decide(OpenCause)
	s.abroad(scheme.Reinstated, certificate.Closes, c, nil)
	s.decide(CloseCause)
	s.abroad(scheme.Annulled, certificate.Undoes, c, nil)
	s.decide(CloseCause)
}

// Two suspensions abroad: a reinstatement closes its own only.
func TestReinstatementClosesItsOwn(t *testing.T) {
	s := designated(t, nil)
	first := s.opens(scheme.Suspended, "m1", certificate.Suspended)
	s.decide(OpenCause)
	s.opens(scheme.Suspended, "m2", certificate.Suspended)
	s.decide(OpenCause)
	s.abroad(scheme.Reinstated, certificate.Closes, first, nil)
	s.decide(CloseCause)
	s.state(certificate.Suspended)
}

func TestFutureDates(t *testing.T) {
	s := designated(t, nil)
	s.opens(scheme.Suspended, "m", certificate.Suspended)
	e := &s.in.Source.Events[0]
	e.Effective = at("2026-12-01T00:00:00Z")
	o := compile(s.cat).Decide(s.in)
	if o.Next != e.Effective {
		t.Fatalf("next %d, want %d", o.Next, e.Effective)
	}
	s.decide(Keep)
	s.in.Now = o.Next
	s.decide(OpenCause)
	s.state(certificate.Suspended)
}

// One row per kind of event with what it does by default.
func TestDefaultEffects(t *testing.T) {
	longer := &certificate.Amendment{Expires: d("2031-11-24")}
	for _, c := range []struct {
		kind  scheme.EventKind
		st    certificate.State
		amend *certificate.Amendment
		want  Action
		then  certificate.State
	}{
		{scheme.Suspended, certificate.Suspended, nil, OpenCause, certificate.Suspended},
		{scheme.Held, certificate.Held, nil, OpenCause, certificate.Held},
		{scheme.Revoked, certificate.Revoked, nil, OpenCause, certificate.Lapsed},
		{scheme.Annulled, certificate.Annulled, nil, OpenCause, certificate.Lapsed},
		{scheme.Surrendered, certificate.Surrendered, nil, OpenCause, certificate.Lapsed},
		{scheme.Superseded, certificate.Superseded, nil, OpenCause, certificate.Lapsed},
		{scheme.Expired, certificate.Expired, nil, OpenCause, certificate.Lapsed},
		{scheme.Lapsed, certificate.Lapsed, nil, OpenCause, certificate.Lapsed},
		{scheme.Extended, "", longer, Note, certificate.Valid},
		{scheme.Renewed, "", longer, Note, certificate.Valid},
		{scheme.LevelUp, "", &certificate.Amendment{Level: "standard"}, Note, certificate.Valid},
		{scheme.LevelUp, "", &certificate.Amendment{Level: "above"}, OpenCause, certificate.Held}, // the clause does not list it
		{scheme.LevelDown, "", &certificate.Amendment{Level: "lite"}, OpenCause, certificate.Held},
		{scheme.ScopeGrown, "", &certificate.Amendment{Models: []certificate.Model{{ID: "H-1"}, {ID: "H-2"}, {ID: "H-3"}}}, Note, certificate.Valid},
		{scheme.ScopeGrown, "", &certificate.Amendment{Functions: []string{"hub", "lock"}}, OpenCause, certificate.Held},
		{scheme.ScopeCut, "", &certificate.Amendment{Models: []certificate.Model{{ID: "H-1"}}}, Amend, certificate.Valid},
		{scheme.ScopeCut, "", &certificate.Amendment{Firmware: &certificate.Firmware{Rule: scheme.FirmwareListed, Versions: []string{"0.9"}}}, Amend, certificate.Valid},
		{scheme.ScopeCut, "", &certificate.Amendment{Models: []certificate.Model{{ID: "X"}}}, OpenCause, certificate.Lapsed},
		{scheme.Corrected, "", &certificate.Amendment{Number: "K-1"}, Note, certificate.Valid},
		{scheme.Corrected, "", &certificate.Amendment{Expires: d("2027-01-01")}, Amend, certificate.Valid},
		{scheme.Transferred, "", &certificate.Amendment{Holder: "other"}, Note, certificate.Valid},
		{scheme.SchemeClosed, "", nil, Note, certificate.Valid},
		{scheme.ArrangementEnded, "", nil, Note, certificate.Valid},
		{scheme.KeyCompromised, "", nil, OpenCause, certificate.Held},
		{scheme.Silence, "", nil, Note, certificate.Valid},
		{"of-tomorrow", "", nil, OpenCause, certificate.Held},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			s := designated(t, nil)
			switch {
			case c.st != "":
				s.opens(c.kind, "m", c.st)
			case c.amend != nil:
				s.abroad(c.kind, certificate.Amends, certificate.Cause{}, c.amend)
			default:
				s.abroad(c.kind, certificate.Notes, certificate.Cause{}, nil)
			}
			var ws []Wanted
			for _, w := range compile(s.cat).Decide(s.in).Wanted {
				if w.Action != ToReview { // more models or a higher level also reach a person
					ws = append(ws, w)
				}
			}
			if len(ws) != 1 || ws[0].Action != c.want {
				t.Fatalf("wanted %+v, want %s", ws, c.want)
			}
			o := Outcome{Wanted: ws}
			apply(s.in, &o)
			s.state(c.then)
			for _, w := range compile(s.cat).Decide(s.in).Wanted {
				if w.Action != Keep && w.Action != ToReview {
					t.Errorf("not idempotent: %+v", w)
				}
			}
		})
	}
	for _, k := range []scheme.EventKind{scheme.Reinstated, scheme.Released} {
		if DefaultEffects[k] != scheme.Follow {
			t.Errorf("%s does not follow", k)
		}
	}
}

func effect(on scheme.EventKind, ef scheme.Effect, date string) func(*scheme.Catalog) {
	return func(w *scheme.Catalog) {
		row := scheme.EffectOn{On: on, Effect: ef, Fact: official}
		if date != "" {
			row.Date = d(date)
		}
		c := &w.Arrangements[0].Clauses[0]
		c.Effects = append(c.Effects, row)
	}
}

func TestOverriddenEffects(t *testing.T) {
	t.Run("suspension only told", func(t *testing.T) {
		s := designated(t, effect(scheme.Suspended, scheme.Notice, ""))
		s.opens(scheme.Suspended, "m", certificate.Suspended)
		s.decide(Note)
		s.state(certificate.Valid)
	})
	t.Run("suspension holds, released by a person, not held again", func(t *testing.T) {
		s := designated(t, effect(scheme.Suspended, scheme.Hold, ""))
		s.opens(scheme.Suspended, "m", certificate.Suspended)
		s.decide(OpenCause)
		s.state(certificate.Held)
		s.here(scheme.Released, certificate.Closes, certificate.Cause{ID: "src-2", Kind: certificate.LocalHold, State: certificate.Held})
		s.decide(Keep)
		s.state(certificate.Valid)
	})
	t.Run("reinstatement only told", func(t *testing.T) {
		s := designated(t, effect(scheme.Reinstated, scheme.Notice, ""))
		c := s.opens(scheme.Suspended, "m", certificate.Suspended)
		s.decide(OpenCause)
		s.abroad(scheme.Reinstated, certificate.Closes, c, nil)
		s.decide(Note)
		s.state(certificate.Suspended)
	})
	t.Run("extension followed", func(t *testing.T) {
		s := designated(t, func(w *scheme.Catalog) {
			effect(scheme.Extended, scheme.Follow, "")(w)
			w.Arrangements[0].Clauses[0].Term.Bounds[0].Years = 5
		})
		s.abroad(scheme.Extended, certificate.Amends, certificate.Cause{}, &certificate.Amendment{Expires: d("2031-06-30")})
		if ws := s.decide(Amend); ws[0].Event.Amend.Expires != d("2031-01-01") { // support end comes first
			t.Errorf("amended to %s", ws[0].Event.Amend.Expires)
		}
	})
	t.Run("more models followed", func(t *testing.T) {
		s := designated(t, effect(scheme.ScopeGrown, scheme.Follow, ""))
		s.abroad(scheme.ScopeGrown, certificate.Amends, certificate.Cause{}, &certificate.Amendment{Models: []certificate.Model{
			{ID: "H-1"}, {ID: "H-2"}, {ID: "H-3"}, {ID: "L-1", Functions: []string{"lock"}},
		}})
		o := compile(s.cat).Decide(s.in)
		if o.Wanted[0].Action != Amend || len(o.Wanted[0].Event.Amend.Models) != 3 {
			t.Errorf("wanted %+v", o.Wanted)
		}
	})
	t.Run("a revoked source ends it on a date", func(t *testing.T) {
		s := designated(t, effect(scheme.Revoked, scheme.EndOnDate, "2026-12-31"))
		s.opens(scheme.Revoked, "m", certificate.Revoked)
		if ws := s.decide(Amend); ws[0].Event.Amend.Expires != d("2026-12-31") {
			t.Errorf("event %+v", ws[0].Event)
		}
	})
	t.Run("the arrangement ends it", func(t *testing.T) {
		s := designated(t, effect(scheme.ArrangementEnded, scheme.Lapse, ""))
		s.cat.Arrangements[0].Ended = d("2026-12-01")
		s.decide(Keep)
		s.in.Now = at("2026-11-30T16:00:00Z") // midnight in Singapore
		if ws := s.decide(OpenCause); ws[0].Event.Cause.Kind != certificate.FromArrangement {
			t.Errorf("event %+v", ws[0].Event)
		}
		s.state(certificate.Lapsed)
	})
	t.Run("by default it stays", func(t *testing.T) {
		s := designated(t, nil)
		s.cat.Arrangements[0].Ended = d("2026-11-24")
		s.decide(Keep)
		s.cat.Arrangements = nil // nor does a catalog without the clause end it
		s.decide(Keep)
	})
	t.Run("the scheme abroad closes", func(t *testing.T) {
		s := designated(t, effect(scheme.SchemeClosed, scheme.EndOnDate, "2027-12-31"))
		s.cat.Schemes[0].State = scheme.Closed
		if ws := s.decide(Amend); ws[0].Event.Amend.Expires != d("2027-12-31") {
			t.Errorf("event %+v", ws[0].Event)
		}
	})
}

func TestDoubtAboutTheSource(t *testing.T) {
	s := designated(t, nil)
	c := s.opens(scheme.Suspended, "m", certificate.Suspended)
	s.decide(OpenCause)
	s.in.Source.Doubt = "rejected-7"
	s.decide(OpenCause)
	s.abroad(scheme.Reinstated, certificate.Closes, c, nil)
	s.decide(Keep) // nothing is given back while in doubt
	s.opens(scheme.Revoked, "r", certificate.Revoked)
	s.decide(OpenCause) // but taken away
	s.in.Source.Doubt = ""
	s.decide(CloseCause, CloseCause) // the reinstatement acts, and the hold ends
}

// What a compromised key may have signed follows the clause, and comes back
// when two persons trust it; other doubt holds, whatever the clause says.
func TestKeyOfTheSourceCompromised(t *testing.T) {
	for _, c := range []struct {
		ef   scheme.Effect
		want Action
		then certificate.State
	}{
		{"", OpenCause, certificate.Held},
		{scheme.Suspend, OpenCause, certificate.Suspended},
		{scheme.Lapse, OpenCause, certificate.Lapsed},
		{scheme.Notice, Keep, certificate.Valid},
	} {
		var change func(*scheme.Catalog)
		if c.ef != "" {
			change = effect(scheme.KeyCompromised, c.ef, "")
		}
		s := designated(t, change)
		s.in.Source.Doubt = "key-compromised-7"
		s.decide(c.want)
		s.state(c.then)
		s.decide(Keep)
		s.in.Source.Doubt = ""
		switch {
		case c.want == Keep:
			s.decide(Keep)
		case c.then == certificate.Lapsed:
			s.decide(Restore) // by a person only
		default:
			s.decide(CloseCause)
			s.state(certificate.Valid)
		}
	}
	s := designated(t, effect(scheme.KeyCompromised, scheme.Notice, ""))
	s.in.Source.Doubt = "rejected-7"
	s.decide(OpenCause)
	s.state(certificate.Held)
}

// A designation that would outlive its source ends with it; one that ends
// the same day ends by its own calendar.
func TestSourceExpires(t *testing.T) {
	s := designated(t, nil)
	s.in.Now = d("2029-11-24").End(compile(s.cat).schemes["aa-cert"].zone) // in Seoul; Singapore has an hour to go
	s.decide(Keep)
	s.state(certificate.Valid)
	s.in.Existing[0].Certificate.Expires = d("2030-01-01") // made wider by a person
	s.decide(OpenCause)
	s.state(certificate.Lapsed)
}

func TestOwnGrantsUntouched(t *testing.T) {
	s := designated(t, nil)
	s.in.Existing[0].Certificate.Derived = nil
	s.opens(scheme.Revoked, "m", certificate.Revoked)
	s.decide(Keep, Refuse)
	s.state(certificate.Valid)
}

func TestSurrenderedStaysSurrendered(t *testing.T) {
	s := designated(t, nil)
	s.here(scheme.Surrendered, certificate.Opens, certificate.Cause{ID: "s", Kind: certificate.OwnMeasure, State: certificate.Surrendered})
	s.decide(Keep)
}

func TestHigherLevelReached(t *testing.T) {
	s := designated(t, nil)
	c := s.cat.Arrangements[0].Clauses[0]
	c.ID, c.To.Level = "aa-bb/4", "4"
	s.cat.Arrangements[0].Clauses = append(s.cat.Arrangements[0].Clauses, c)
	if ws := s.decide(Keep, ToReview); ws[1].Rule != ExistingLevel || ws[1].Designation == "" {
		t.Errorf("wanted %+v", ws[1])
	}
}

// Whatever happens abroad in whatever order: recorded, it is at rest, and a
// designation never outlives, out-ranks or outgrows a source that is over.
func TestFollowProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	opening := []struct {
		k scheme.EventKind
		s certificate.State
	}{{scheme.Suspended, certificate.Suspended}, {scheme.Held, certificate.Held}, {scheme.Revoked, certificate.Revoked}, {scheme.Superseded, certificate.Superseded}}
	for range 400 {
		s := designated(t, nil)
		var open []certificate.Cause
		for i := range 8 {
			switch n := r.IntN(4); {
			case n == 0 && len(open) > 0:
				c := open[r.IntN(len(open))]
				kind, change := scheme.Reinstated, certificate.Closes
				if c.State == certificate.Held {
					kind = scheme.Released
				}
				if r.IntN(2) == 0 || c.State.Ended() {
					kind, change = scheme.Annulled, certificate.Undoes
				}
				s.abroad(kind, change, c, nil)
			case n == 1:
				s.abroad(scheme.ScopeCut, certificate.Amends, certificate.Cause{}, &certificate.Amendment{Expires: d("2029-11-24") - civil.Date(r.IntN(200)), Level: "basic"})
			default:
				o := opening[r.IntN(len(opening))]
				open = append(open, s.opens(o.k, string(rune('a'+i)), o.s))
			}
			if r.IntN(2) == 0 {
				continue // several arrive at once
			}
			e := compile(s.cat)
			o := e.Decide(s.in)
			apply(s.in, &o)
			for _, w := range e.Decide(s.in).Wanted {
				if w.Action != Keep && w.Action != Restore && w.Action != Refuse && w.Action != ToReview {
					t.Fatalf("not at rest: %s by %s, event %+v", w.Action, w.Rule, w.Event)
				}
			}
			src := certificate.At(s.in.Source.Certificate, s.in.Source.Events, utc, s.in.Now, s.in.Now)
			x := &s.in.Existing[0]
			got := certificate.At(x.Certificate, x.Events, utc, s.in.Now, s.in.Now)
			if src.State != certificate.Valid && got.State == certificate.Valid {
				t.Fatalf("valid here, %s abroad", src.State)
			}
			if src.State == certificate.Valid && got.State != certificate.Valid && got.State != certificate.Lapsed {
				t.Fatalf("%s here, valid abroad", got.State)
			}
			if !got.State.Ended() && got.Until > src.Until {
				t.Fatalf("until %s here, %s abroad", got.Until, src.Until)
			}
		}
	}
}
