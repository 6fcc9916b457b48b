package recognition

import (
	"slices"
	"strconv"
	"strings"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

// Ids of the causes that following a source opens. A person's causes never
// begin so.
const (
	sourceCause = "src-"           // + the sequence number of the event abroad
	expiryCause = "src-expiry-"    // + the last day abroad
	doubtCause  = "doubt-"         // + the coded reason
	endedCause  = "arrangement-"   // + the clause
	closedCause = "scheme-closed-" // + the scheme
)

// following is one designation held against its source.
type following struct {
	*decision
	x    *Existing
	cl   *clause // nil: the catalog no longer has the clause
	st   certificate.Standing
	w    Wanted             // what all that is wanted of it begins as
	by   *certificate.Event // the event abroad that narrowed it, in this decision
	over bool               // it has ended, or does by this decision: nothing is amended any more
	ws   []Wanted
}

// follow adds what has to happen to one designation, or that it is kept.
func (d *decision) follow(ws []Wanted, x *Existing) []Wanted {
	if x.Certificate == nil {
		return ws
	}
	c := x.Certificate
	f := &following{decision: d, x: x, st: d.standing(x), ws: ws}
	d.later(f.st.Next)
	f.w = Wanted{Scheme: c.Scheme, Edition: c.Edition, Level: f.st.Amended.Level, Designation: c.ID, Confidence: scheme.Official}
	f.w.Term.End = f.st.Until
	f.over = f.st.State.Ended()
	n := len(ws)
	if !d.rests(x) {
		return f.keep(ExistingOwn)
	}
	dv := c.Derived
	f.cl = d.byID[dv.Clause]
	f.w.Clause, f.w.Arrangement, f.w.Mode, f.w.Confidence = dv.Clause, dv.Arrangement, dv.Mode, dv.Confidence
	if f.st.State.Ended() && f.st.State != certificate.Lapsed {
		return f.keep(ExistingEnded)
	}
	f.causes()
	f.closings()
	f.undoings()
	f.narrow()
	f.informs()
	f.ends()
	f.doubts()
	if len(f.ws) == n {
		return f.keep(ExistingUnchanged)
	}
	return f.ws
}

func (f *following) keep(r Rule) []Wanted {
	f.w.Action, f.w.Rule = Keep, r
	f.w.Reasons = []Reason{{Rule: r, Answer: scheme.Yes, Got: string(f.st.State)}}
	return append(f.ws, f.w)
}

// emit wants one event recorded.
func (f *following) emit(a Action, r Rule, ev certificate.Event, row *scheme.EffectOn) {
	w := f.w
	w.Action, w.Rule = a, r
	reason := Reason{Rule: r, Answer: scheme.Yes, Got: ev.Reason, Wanted: f.w.Clause}
	if row != nil {
		reason.Fact = &row.Fact
	}
	if a == Restore {
		reason.Answer = scheme.Undetermined
	}
	w.Reasons = []Reason{reason}
	w.Event = &ev
	f.ws = append(f.ws, w)
}

// event is the frame of an event here that follows src abroad; nil: the
// calendar, or doubt about the source.
func (f *following) event(kind scheme.EventKind, change certificate.Change, src *certificate.Event) certificate.Event {
	ev := certificate.Event{Kind: kind, Change: change, Reason: "source-" + string(kind), Decided: f.in.Now, Effective: f.in.Now}
	ev.Source = &certificate.SourceEvent{Ref: f.in.Source.Ref}
	if src != nil {
		ev.Reason = "source-" + string(src.Kind)
		ev.Effective = max(f.in.Now, src.Effective)
		ev.Source.Sequence, ev.Source.Index, ev.Source.Leaf = src.Sequence, src.Index, src.Leaf
	}
	return ev
}

// opens is what an effect opens: a suspension or a lapse is the source's, a
// hold a person may release.
var opens = map[scheme.Effect]struct {
	rule  Rule
	kind  scheme.EventKind
	cause certificate.CauseKind
	state certificate.State
}{
	scheme.Suspend: {EffectSuspend, scheme.Suspended, certificate.FromSource, certificate.Suspended},
	scheme.Lapse:   {EffectLapse, scheme.Lapsed, certificate.FromSource, certificate.Lapsed},
	scheme.Hold:    {EffectHold, scheme.Held, certificate.LocalHold, certificate.Held},
}

// open opens a cause by its id once, ever: what a person released, or what
// was closed with its source, does not come back by deciding again.
func (f *following) open(ef scheme.Effect, id string, src *certificate.Event, reason string, row *scheme.EffectOn) {
	if slices.ContainsFunc(f.x.Events, func(e certificate.Event) bool { return e.Cause.ID == id }) {
		return
	}
	o := opens[ef]
	ev := f.event(o.kind, certificate.Opens, src)
	ev.Cause = certificate.Cause{ID: id, Kind: o.cause, State: o.state}
	if reason != "" {
		ev.Reason = reason
	}
	f.over = f.over || o.state.Ended()
	f.emit(OpenCause, o.rule, ev, row)
}

func seqID(e *certificate.Event) string { return sourceCause + strconv.FormatUint(e.Sequence, 10) }

// causes takes over the causes that are open abroad.
func (f *following) causes() {
	for i := range f.src.Open {
		o := &f.src.Open[i]
		if o.By == nil {
			f.sourceExpired()
			continue
		}
		ef, row := f.cl.effect(o.By.Kind)
		if _, ok := opens[ef]; ok {
			f.open(ef, seqID(o.By), o.By, "", row)
		} else {
			f.inform(ef, row, o.By)
		}
	}
}

// sourceExpired acts only on a designation that would outlive its source: the
// others run out the same day by their own calendar, in their own zone.
func (f *following) sourceExpired() {
	if f.st.Until != 0 && f.st.Until <= f.src.Until {
		return
	}
	ef, row := f.cl.effect(scheme.Expired)
	if _, ok := opens[ef]; ok {
		f.open(ef, expiryCause+f.src.Until.String(), nil, "source-expired", row)
	}
}

// closings closes what an event abroad opened here, once that is closed or
// annulled there. Own measures and holds stay as they are; what lapsed comes
// back only by a person.
func (f *following) closings() {
	for i := range f.st.Open {
		o := &f.st.Open[i]
		if o.By == nil || o.By.Source == nil {
			continue
		}
		by, undone, gone := f.gone(o)
		if !gone {
			continue
		}
		kind, change, r := scheme.Released, certificate.Closes, SourceClosed
		if o.State == certificate.Suspended {
			kind = scheme.Reinstated
		}
		if undone {
			kind, change, r = scheme.Annulled, certificate.Undoes, SourceUndone
		}
		ev := f.event(kind, change, by)
		ev.Cause = o.Cause
		if o.State == certificate.Lapsed {
			if !undone {
				// A lapse has no event that closes it: the person who restores annuls it.
				ev.Kind, ev.Change = scheme.Annulled, certificate.Undoes
			}
			f.emit(Restore, r, ev, nil)
			continue
		}
		if by != nil && !undone {
			if ef, row := f.cl.effect(by.Kind); ef != scheme.Follow {
				f.inform(ef, row, by)
				continue
			}
		}
		if f.doubtful() {
			continue // what gives validity back waits until the source is in no doubt
		}
		f.emit(CloseCause, r, ev, nil)
	}
}

// undoings annuls here what was annulled abroad after it had been closed: an
// annulment acts back, so the days in between change too.
func (f *following) undoings() {
	for i := range f.x.Events {
		o := &f.x.Events[i]
		if o.Change != certificate.Opens || o.Source == nil || f.st.Cause(o.Cause.ID) != nil ||
			slices.ContainsFunc(f.x.Events, func(e certificate.Event) bool { return e.Change == certificate.Undoes && e.Cause.ID == o.Cause.ID }) {
			continue
		}
		by, undone, _ := f.gone(&certificate.OpenCause{Cause: o.Cause, By: o})
		if !undone || f.doubtful() {
			continue
		}
		ev := f.event(scheme.Annulled, certificate.Undoes, by)
		ev.Cause = o.Cause
		f.emit(CloseCause, SourceUndone, ev, nil)
	}
}

// gone reports whether what opened o is over, and which event abroad ended it.
func (f *following) gone(o *certificate.OpenCause) (by *certificate.Event, undone, gone bool) {
	switch {
	case strings.HasPrefix(o.ID, doubtCause):
		return nil, false, o.ID != doubtCause+f.in.Source.Doubt
	case strings.HasPrefix(o.ID, expiryCause):
		return nil, false, f.src.Cause(certificate.CalendarExpiry) == nil
	case !strings.HasPrefix(o.ID, sourceCause):
		return nil, false, false
	}
	evs := f.in.Source.Events
	seq, err := strconv.ParseUint(o.ID[len(sourceCause):], 10, 64)
	if err != nil {
		return nil, false, false
	}
	i := slices.IndexFunc(evs, func(e certificate.Event) bool { return e.Sequence == seq })
	if i < 0 || evs[i].Change != certificate.Opens {
		return nil, false, false // an event that only informs: a person looks and releases
	}
	if c := f.src.Cause(evs[i].Cause.ID); c != nil && c.By == &evs[i] {
		return nil, false, false
	}
	for j := range evs {
		e := &evs[j]
		if e.Cause.ID != evs[i].Cause.ID || e.Known() > f.in.Now || e.Effective > f.in.Now {
			continue
		}
		switch e.Change {
		case certificate.Undoes:
			return e, true, true
		case certificate.Closes:
			by = e
		}
	}
	return by, false, by != nil
}

func (f *following) doubtful() bool { return f.in.Source.Doubt != "" || f.in.Peer.Degraded != "" }

// handled reports whether an event abroad left its trace here, or was taken
// into account when the designation was made.
func (f *following) handled(e *certificate.Event) bool {
	dv := f.x.Certificate.Derived
	if e.Sequence <= dv.LastEvent && e.Effective <= dv.At {
		return true
	}
	return slices.ContainsFunc(f.x.Events, func(o certificate.Event) bool { return o.Source != nil && o.Source.Sequence == e.Sequence })
}

// informs takes over what changed abroad without opening or closing a cause.
func (f *following) informs() {
	evs := f.in.Source.Events
	for i := range evs {
		e := &evs[i]
		if e.Change != certificate.Amends && e.Change != certificate.Notes || e.Known() > f.in.Now || f.handled(e) {
			continue
		}
		if e.Effective > f.in.Now {
			f.later(e.Effective)
			continue
		}
		ef, row := f.cl.effect(e.Kind)
		switch {
		case e.Change == certificate.Amends && f.moved(e):
			ef, row = scheme.Hold, nil // out of the clause's scope now
		case e.Kind == scheme.LevelDown && f.cl != nil && slices.Contains(f.cl.From.Levels, f.cert.Level):
			ef, row = scheme.Notice, nil // the clause lists the new level too
		case e.Kind == scheme.LevelUp && row == nil && f.cl != nil && !slices.Contains(f.cl.From.Levels, f.cert.Level):
			ef = scheme.Hold // a list is no "and above": nobody said that the new level will do
		}
		if _, ok := opens[ef]; ok {
			f.open(ef, seqID(e), e, "", row)
		} else {
			f.inform(ef, row, e)
		}
	}
}

// ends is what the end of the arrangement, of its clause or of the scheme
// abroad does, as the catalog tells it.
func (f *following) ends() {
	t := f.schemes[f.x.Certificate.Scheme]
	today := f.day(t)
	if f.cl == nil || f.cl.arr.Ended != 0 && today >= f.cl.arr.Ended || f.cl.Dates.Until != 0 && today > f.cl.Dates.Until {
		f.end(scheme.ArrangementEnded, endedCause+f.x.Certificate.Derived.Clause)
	}
	if f.from != nil && f.from.State == scheme.Closed && (f.from.Closed == 0 || civil.DateAt(f.in.Now, f.from.zone) >= f.from.Closed) {
		f.end(scheme.SchemeClosed, closedCause+f.from.ID)
	}
	if f.cl != nil && t != nil {
		f.starts(f.cl.arr.Ended, t)
		if f.cl.Dates.Until != 0 {
			f.starts(f.cl.Dates.Until+1, t)
		}
	}
}

func (f *following) end(kind scheme.EventKind, id string) {
	ef, row := f.cl.effect(kind)
	if o, ok := opens[ef]; ok {
		if slices.ContainsFunc(f.x.Events, func(e certificate.Event) bool { return e.Cause.ID == id }) {
			return
		}
		ev := f.event(o.kind, certificate.Opens, nil)
		ev.Source, ev.Reason = nil, string(kind)
		ev.Cause = certificate.Cause{ID: id, Kind: certificate.FromArrangement, State: o.state}
		f.over = f.over || o.state.Ended()
		f.emit(OpenCause, o.rule, ev, row)
		return
	}
	if ef == scheme.EndOnDate && !f.over && row.Date != 0 && (f.st.Until == 0 || row.Date < f.st.Until) {
		ev := f.event(kind, certificate.Amends, nil)
		ev.Source, ev.Reason = nil, string(kind)
		ev.Amend = &certificate.Amendment{Expires: row.Date}
		f.emit(Amend, EffectEndOnDate, ev, row)
	}
}

// doubts holds a designation whose source has a statement that was rejected
// or that nobody here can read. Where the doubt is about the key that signed
// the source, the clause says what to do.
func (f *following) doubts() {
	r := f.in.Source.Doubt
	if r == "" {
		return
	}
	ef, reason, row := scheme.Hold, "source-doubt", (*scheme.EffectOn)(nil)
	if strings.HasPrefix(r, string(scheme.KeyCompromised)) {
		ef, row = f.cl.effect(scheme.KeyCompromised)
		reason = "source-" + string(scheme.KeyCompromised)
		if _, ok := opens[ef]; !ok {
			return // the clause keeps it; nothing new is designated all the same
		}
	}
	f.open(ef, doubtCause+r, nil, reason, row)
}
