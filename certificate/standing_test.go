package certificate

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"assay/civil"
	"assay/scheme"
)

const day = int64(24 * time.Hour / time.Microsecond)

var seoul = mustZone("Asia/Seoul")

func mustZone(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return l
}

func at(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UnixMicro()
}

func grant() *Certificate {
	return &Certificate{
		ID: "xx-1", Office: "aa", Scheme: "xx", Level: "1",
		Product: Product{Models: []Model{{ID: "H-1", Variants: []string{"white"}}, {ID: "H-2"}}},
		Granted: civil.MustDate("2026-01-10"), Decided: at("2026-01-10T01:00:00Z"), Effective: at("2026-01-10T02:00:00Z"),
		Expires: civil.MustDate("2029-01-10"),
	}
}

func ev(seq uint64, kind scheme.EventKind, change Change, cause string, ck CauseKind, st State, when string) Event {
	t := at(when)
	return Event{Kind: kind, Change: change, Cause: Cause{cause, ck, st}, Decided: t, Effective: t, Recorded: t, Sequence: seq}
}

func TestAt(t *testing.T) {
	susp := ev(2, scheme.Suspended, Opens, "m1", OwnMeasure, Suspended, "2026-03-01T00:00:00Z")
	back := ev(3, scheme.Reinstated, Closes, "m1", OwnMeasure, Suspended, "2026-04-01T00:00:00Z")
	revoked := ev(4, scheme.Revoked, Opens, "m2", OwnMeasure, Revoked, "2026-05-01T00:00:00Z")
	undo := ev(5, scheme.Annulled, Undoes, "m2", OwnMeasure, Revoked, "2026-06-01T00:00:00Z")
	void := ev(6, scheme.Annulled, Opens, "m3", OwnMeasure, Annulled, "2026-07-01T00:00:00Z")
	future := susp
	future.Effective = at("2026-03-15T00:00:00Z")
	src := ev(2, scheme.Suspended, Opens, "src-9", FromSource, Suspended, "2026-03-02T00:00:00Z")
	arrived := susp
	arrived.Received = at("2026-03-01T00:00:05Z")
	longer := ev(2, scheme.Extended, Amends, "", "", "", "2026-02-01T00:00:00Z")
	longer.Amend = &Amendment{Expires: civil.MustDate("2031-01-10")}
	const now = "2035-01-01T00:00:00Z"

	for _, c := range []struct {
		name string
		evs  []Event
		t, k string
		want State
		next string
	}{
		{"before its effect", nil, "2026-01-10T01:59:59Z", now, NotYetValid, "2026-01-10T02:00:00Z"},
		{"from its effect", nil, "2026-01-10T02:00:00Z", now, Valid, "2029-01-10T15:00:00Z"},
		{"last instant of the last day in Seoul", nil, "2029-01-10T14:59:59.999999Z", now, Valid, "2029-01-10T15:00:00Z"},
		{"the day after in Seoul", nil, "2029-01-10T15:00:00Z", now, Expired, ""},
		{"an extension moves the last day", []Event{longer}, "2029-01-10T15:00:00Z", now, Valid, "2031-01-10T15:00:00Z"},
		{"before the extension is known", []Event{longer}, "2029-01-10T15:00:00Z", "2026-01-31T00:00:00Z", Expired, ""},
		{"suspended", []Event{susp}, "2026-03-01T00:00:00Z", now, Suspended, "2029-01-10T15:00:00Z"},
		{"a suspension with a future date acts at its time", []Event{future}, "2026-03-14T23:59:59Z", now, Valid, "2026-03-15T00:00:00Z"},
		{"and then does", []Event{future}, "2026-03-15T00:00:00Z", now, Suspended, "2029-01-10T15:00:00Z"},
		{"not known yet", []Event{susp}, "2026-03-01T00:00:00Z", "2026-02-28T00:00:00Z", Valid, "2029-01-10T15:00:00Z"},
		{"a partner's event is known when it arrives", []Event{arrived}, "2026-03-01T00:00:04Z", "2026-03-01T00:00:04Z", Valid, "2029-01-10T15:00:00Z"},
		{"and no sooner", []Event{arrived}, "2026-03-01T00:00:04Z", "2026-03-01T00:00:05Z", Suspended, "2029-01-10T15:00:00Z"},
		{"reinstated", []Event{susp, back}, "2026-04-01T00:00:00Z", now, Valid, "2029-01-10T15:00:00Z"},
		{"two causes, one closed", []Event{susp, back, src}, "2026-04-02T00:00:00Z", now, Suspended, "2029-01-10T15:00:00Z"},
		{"revoked outranks suspended", []Event{susp, revoked}, "2026-05-02T00:00:00Z", now, Revoked, "2029-01-10T15:00:00Z"},
		{"revoked outranks expired", []Event{revoked}, "2030-05-02T00:00:00Z", now, Revoked, ""},
		{"an annulled revocation never was", []Event{revoked, undo}, "2026-05-15T00:00:00Z", now, Valid, "2026-06-01T00:00:00Z"},
		{"but was what we knew then", []Event{revoked, undo}, "2026-05-15T00:00:00Z", "2026-05-31T00:00:00Z", Revoked, "2029-01-10T15:00:00Z"},
		{"an annulled certificate never was", []Event{void}, "2026-02-01T00:00:00Z", now, Annulled, "2026-07-01T00:00:00Z"},
		{"nor before its effect", []Event{void}, "2026-01-01T00:00:00Z", now, Annulled, "2026-01-10T02:00:00Z"},
	} {
		s := At(grant(), c.evs, seoul, at(c.t), at(c.k))
		next := ""
		if s.Next != 0 {
			next = time.UnixMicro(s.Next).UTC().Format(time.RFC3339)
		}
		if s.State != c.want || next != c.next {
			t.Errorf("%s: %s until %q, want %s until %q", c.name, s.State, next, c.want, c.next)
		}
	}
}

func TestSince(t *testing.T) {
	susp := ev(2, scheme.Suspended, Opens, "m1", OwnMeasure, Suspended, "2026-03-01T00:00:00Z")
	back := ev(3, scheme.Reinstated, Closes, "m1", OwnMeasure, Suspended, "2026-04-01T00:00:00Z")
	for _, c := range []struct{ t, want string }{
		{"2026-02-01T00:00:00Z", "2026-01-10T02:00:00Z"},
		{"2026-03-05T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"2026-04-05T00:00:00Z", "2026-04-01T00:00:00Z"},
		{"2029-04-05T00:00:00Z", "2029-01-10T15:00:00Z"},
	} {
		if s := At(grant(), []Event{susp, back}, seoul, at(c.t), at(c.t)); s.Since != at(c.want) {
			t.Errorf("at %s: %s since %s, want %s", c.t, s.State, time.UnixMicro(s.Since).UTC(), c.want)
		}
	}
}

// history makes events whose causes are opened, closed and undone at random
// times, many of them with a future effect.
func history(r *rand.Rand, n int, from int64) []Event {
	kinds := []State{Suspended, Held, Revoked, Annulled, Lapsed, Superseded}
	var evs []Event
	now := from
	for i := range n {
		now += r.Int64N(20 * day)
		e := Event{Sequence: uint64(i + 2), Decided: now, Recorded: now, Effective: now + r.Int64N(2)*r.Int64N(40*day), Change: Opens}
		e.Cause = Cause{"c" + strconv.Itoa(i), OwnMeasure, kinds[r.IntN(len(kinds))]}
		if len(evs) > 0 && r.IntN(2) == 0 {
			o := evs[r.IntN(len(evs))]
			e.Cause, e.Change = o.Cause, Closes
			if r.IntN(3) == 0 {
				e.Change, e.Effective = Undoes, now
			}
		} else if r.IntN(4) == 0 {
			e.Change, e.Amend = Amends, &Amendment{Expires: civil.DateAt(now+r.Int64N(900*day), seoul), Level: e.Cause.ID}
		}
		if r.IntN(3) == 0 {
			e.Received = e.Recorded + r.Int64N(day)
		}
		evs = append(evs, e)
	}
	return evs
}

func flat(s Standing) Standing {
	a := *s.Amended
	s.Amended = &a
	o := make([]OpenCause, len(s.Open))
	for i := range o {
		o[i] = OpenCause{Cause: s.Open[i].Cause}
	}
	s.Open = o
	return s
}

func TestHistoryProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := grant()
	for range 3000 {
		n := 1 + r.IntN(9)
		if r.IntN(10) == 0 {
			n = 90 // long enough to be indexed
		}
		evs := history(r, n, c.Effective)
		T, K := c.Effective+r.Int64N(400*day)-20*day, c.Effective+r.Int64N(400*day)
		s := flat(At(c, evs, seoul, T, K))

		shuffled := append([]Event(nil), evs...)
		r.Shuffle(len(evs), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if g := flat(At(c, shuffled, seoul, T, K)); !reflect.DeepEqual(g, s) {
			t.Fatalf("the order of the history matters:\n%+v\n%+v", g, s)
		}
		var known []Event
		for _, e := range evs {
			if e.Known() <= K {
				known = append(known, e)
			}
		}
		if g := flat(At(c, known, seoul, T, K)); !reflect.DeepEqual(g, s) {
			t.Fatalf("what became known later changed an earlier answer:\n%+v\n%+v", g, s)
		}
		// Nothing changes between T and Next.
		end := s.Next
		if end == 0 {
			end = T + 4000*day
		}
		mid := T + r.Int64N(end-T)
		if g := At(c, evs, seoul, mid, K); g.State != s.State || g.Amended.Level != s.Amended.Level {
			t.Fatalf("%s at %d and %s at %d, though Next is %d", s.State, T, g.State, mid, s.Next)
		}
	}
}

func TestCovers(t *testing.T) {
	c := grant()
	c.Firmware = Firmware{Rule: scheme.FirmwareListed, Versions: []string{"1.0"}, From: "1.2", To: "1.10"}
	open := *c
	open.Firmware = Firmware{Rule: scheme.FirmwareOpenSecurity, Versions: []string{"1.0"}}
	revoked := []Event{ev(2, scheme.Revoked, Opens, "m", OwnMeasure, Revoked, "2026-03-01T00:00:00Z")}
	for _, x := range []struct {
		c                  *Certificate
		evs                []Event
		model, variant, fw string
		want               State
	}{
		{c, nil, "H-1", "", "", Valid},
		{c, nil, "H-1", "white", "1.0", Valid},
		{c, nil, "H-1", "black", "", NotInScope},
		{c, nil, "H-3", "", "", NotInScope},
		{c, revoked, "H-3", "", "", NotInScope},
		{c, revoked, "H-1", "", "1.3-rc", Revoked},
		{c, revoked, "H-1", "", "9", NotInScope},
		{c, nil, "H-1", "", "1.9", Valid},
		{c, nil, "H-1", "", "1.10.0", Valid},
		{c, nil, "H-1", "", "1.11", NotInScope},
		{c, nil, "H-1", "", "1.3-rc", FirmwareNotStated},
		{&open, nil, "H-1", "", "1.0.1", FirmwareNotStated},
		{&open, nil, "H-1", "", "1.0", Valid},
	} {
		s := At(x.c, x.evs, seoul, at("2026-06-01T00:00:00Z"), at("2026-06-01T00:00:00Z"))
		if g := s.Covers(x.model, x.variant, x.fw); g != x.want {
			t.Errorf("%s %s %s: %s, want %s", x.model, x.variant, x.fw, g, x.want)
		}
	}
}

func TestCheck(t *testing.T) {
	open := ev(2, scheme.Suspended, Opens, "m1", OwnMeasure, Suspended, "2026-03-01T00:00:00Z")
	followed := ev(3, scheme.Suspended, Opens, "src-4", FromSource, Suspended, "2026-03-02T00:00:00Z")
	followed.Source = &SourceEvent{Sequence: 4}
	hold := ev(4, scheme.Held, Opens, "h1", LocalHold, Held, "2026-03-03T00:00:00Z")
	evs := []Event{open, followed, hold}
	bySource := func(e Event) Event { e.Source = &SourceEvent{Sequence: 5}; return e }
	retro := ev(9, scheme.Revoked, Opens, "m9", OwnMeasure, Revoked, "2026-06-01T00:00:00Z")
	retro.Effective -= day
	old := ev(9, scheme.Revoked, Opens, "m9", OwnMeasure, Revoked, "2026-02-01T00:00:00Z")
	amend := ev(9, scheme.Extended, Amends, "", "", "", "2026-06-01T00:00:00Z")
	ended := append(evs[:3:3], ev(5, scheme.Revoked, Opens, "m5", OwnMeasure, Revoked, "2026-04-01T00:00:00Z"))
	longer := amend
	longer.Amend = &Amendment{Expires: civil.MustDate("2031-01-10")}
	const d = "2026-06-01T00:00:00Z"
	for i, c := range []struct {
		evs  []Event
		e    Event
		want error
	}{
		{evs, ev(9, scheme.Reinstated, Closes, "m1", OwnMeasure, Suspended, d), nil},
		{evs, ev(9, scheme.Reinstated, Closes, "m2", OwnMeasure, Suspended, d), ErrCauseNotOpen},
		{nil, ev(9, scheme.Reinstated, Closes, "m1", OwnMeasure, Suspended, d), ErrCauseNotOpen},
		{evs, ev(9, scheme.Reinstated, Closes, "h1", LocalHold, Held, d), ErrNotSuspended},
		{evs, ev(9, scheme.Reinstated, Closes, "src-4", FromSource, Suspended, d), ErrNotAuthor},
		{evs, ev(9, scheme.Reinstated, Closes, "src-4", OwnMeasure, Suspended, d), ErrNotAuthor},
		{evs, bySource(ev(9, scheme.Reinstated, Closes, "src-4", FromSource, Suspended, d)), nil},
		{evs, bySource(ev(9, scheme.Reinstated, Closes, "m1", OwnMeasure, Suspended, d)), ErrNotAuthor},
		{evs, bySource(ev(9, scheme.Released, Closes, "h1", LocalHold, Held, d)), ErrNotAuthor},
		{evs, ev(9, scheme.Released, Closes, "h1", LocalHold, Held, d), nil},
		{evs, ev(9, scheme.Suspended, Opens, "m1", OwnMeasure, Suspended, d), ErrCauseUsed},
		{evs, ev(9, scheme.Suspended, Opens, "m2", OwnMeasure, Revoked, d), ErrKind},
		{evs, ev(9, scheme.Suspended, Opens, "", OwnMeasure, Suspended, d), ErrNoCause},
		{evs, ev(9, scheme.Suspended, Opens, "src-7", FromSource, Suspended, d), ErrNotAuthor},
		{evs, ev(9, "stolen", Opens, "m2", OwnMeasure, Suspended, d), ErrKind},
		{evs, retro, ErrDates},
		{evs, old, ErrDates},
		{evs, amend, ErrNoChange},
		{evs, longer, nil},
		{ended, longer, ErrEnded},
		{ended, ev(9, scheme.Suspended, Opens, "m6", OwnMeasure, Suspended, d), ErrEnded},
		{ended, ev(9, scheme.Annulled, Undoes, "m5", OwnMeasure, Revoked, d), nil},
		{ended, ev(9, scheme.Annulled, Undoes, "zz", OwnMeasure, Revoked, d), ErrCauseNotOpen},
	} {
		err := Check(grant(), c.evs, &c.e)
		if !errors.Is(err, c.want) {
			t.Errorf("%d: %s of %q: %v, want %v", i, c.e.Kind, c.e.Cause.ID, err, c.want)
		}
	}
}

func BenchmarkAt(b *testing.B) {
	c := grant()
	r := rand.New(rand.NewPCG(1, 2))
	evs := history(r, 8, c.Effective)
	b.ReportAllocs()
	for b.Loop() {
		At(c, evs, seoul, c.Effective+100*day, c.Effective+100*day)
	}
}

// A long history costs in proportion to its length.
func BenchmarkAtLong(b *testing.B) {
	c := grant()
	evs := history(rand.New(rand.NewPCG(1, 2)), 10000, c.Effective)
	b.ReportAllocs()
	for b.Loop() {
		At(c, evs, seoul, c.Effective+1e6*day, c.Effective+1e6*day)
	}
}

func FuzzDigest(f *testing.F) {
	f.Add([]byte(Digest{1, 2}.String()))
	f.Add([]byte("xyz"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Digest
		if err := d.UnmarshalText(b); err != nil {
			return
		}
		if !strings.EqualFold(d.String(), string(b)) {
			t.Fatalf("%q read as %s", b, d)
		}
	})
}
