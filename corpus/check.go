package corpus

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"assay/certificate"
	"assay/recognition"
	"assay/scheme"
)

// check decides the case and lists what is otherwise than expected.
func (c *Case) check(e *recognition.Engine, cat *scheme.Catalog) []string {
	in := c.input(e)
	out := e.Decide(in)
	d := &differences{}
	d.clauses(&c.Expect, out.Tried)
	if len(out.Wanted) != len(c.Expect.Wanted) {
		d.add("%d actions wanted, expected %d: %s", len(out.Wanted), len(c.Expect.Wanted), actions(out.Wanted))
	} else {
		for i := range out.Wanted {
			d.wanted(i+1, &out.Wanted[i], &c.Expect.Wanted[i])
		}
	}
	if c.Expect.Next != 0 && out.Next != int64(c.Expect.Next) {
		d.add("next %s, expected %s", Time(out.Next), c.Expect.Next)
	}
	d.states(c, in, &out, cat)
	return d.list
}

type differences struct{ list []string }

func (d *differences) add(format string, args ...any) {
	d.list = append(d.list, fmt.Sprintf(format, args...))
}

func same[T comparable](d *differences, where, what string, got, want T) {
	if got != want {
		d.add("%s: %s %v, expected %v", where, what, got, want)
	}
}

// given is same for what an expectation may leave out.
func given[T comparable](d *differences, where, what string, got, want T) {
	var zero T
	if want != zero {
		same(d, where, what, got, want)
	}
}

func (d *differences) clauses(x *Expect, tried []recognition.Tried) {
	for i := range tried {
		t := &tried[i]
		want, ok := x.Clauses[t.Clause]
		if !ok {
			d.add("clause %s was tried, which is not expected", t.Clause)
			continue
		}
		same(d, "clause "+t.Clause, "answers", t.Answer, want.Answer)
		same(d, "clause "+t.Clause, "decided by", t.Rule.String(), want.Rule)
		for _, rule := range slices.Sorted(maps.Keys(want.Reasons)) {
			if !slices.ContainsFunc(t.Reasons, func(r recognition.Reason) bool { return r.Rule.String() == rule && r.Answer == want.Reasons[rule] }) {
				d.add("clause %s: no reason %s that answers %s", t.Clause, rule, want.Reasons[rule])
			}
		}
	}
	d.against(x, tried)
	for _, id := range slices.Sorted(maps.Keys(x.Clauses)) {
		if !slices.ContainsFunc(tried, func(t recognition.Tried) bool { return t.Clause == id }) {
			d.add("clause %s was not tried", id)
		}
	}
}

func (d *differences) against(x *Expect, tried []recognition.Tried) {
	for i := range tried {
		want := x.Clauses[tried[i].Clause].Against
		if want == nil {
			continue
		}
		var got []string
		for _, r := range tried[i].Reasons {
			if r.Answer != scheme.Yes {
				got = append(got, r.Rule.String())
			}
		}
		if !slices.Equal(got, want) {
			d.add("clause %s: against it speak %v, expected %v", tried[i].Clause, got, want)
		}
	}
}

func (d *differences) wanted(n int, got *recognition.Wanted, want *Wanted) {
	at := fmt.Sprintf("wanted %d", n)
	same(d, at, "is", got.Action, want.Action)
	same(d, at, "decided by", got.Rule.String(), want.Rule)
	same(d, at, "clause", got.Clause, want.Clause)
	if want.Level != nil {
		same(d, at, "level", got.Level, *want.Level)
	}
	given(d, at, "mode", got.Mode, want.Mode)
	given(d, at, "start", got.Term.Start, want.Start)
	given(d, at, "end", got.Term.End, want.End)
	given(d, at, "end by", got.Term.By, want.By)
	given(d, at, "needs", got.Term.Needs, want.Needs)
	given(d, at, "not before", Time(got.NotBefore), want.NotBefore)
	given(d, at, "designation", got.Designation, want.Designation)
	if want.Models != nil && !slices.Equal(got.Models, want.Models) {
		d.add("%s: models %v, expected %v", at, got.Models, want.Models)
	}
	switch {
	case got.Event == nil && want.Event == nil:
	case got.Event == nil:
		d.add("%s: no event, expected %s", at, want.Event.Kind)
	case want.Event == nil:
		d.add("%s: event %s (%s), expected none", at, got.Event.Kind, got.Event.Change)
	default:
		d.event(at, got.Event, want.Event)
	}
}

func (d *differences) event(at string, got *certificate.Event, want *WantedEvent) {
	same(d, at, "event", got.Kind, want.Kind)
	same(d, at, "event", got.Change, want.Change)
	same(d, at, "cause", got.Cause.ID, want.Cause)
	given(d, at, "cause of kind", got.Cause.Kind, want.By)
	seq := uint64(0)
	if got.Source != nil {
		seq = got.Source.Sequence
	}
	same(d, at, "follows", seq, want.Follows)
	if got.Amend != nil {
		given(d, at, "amends the last day to", got.Amend.Expires, want.Expires)
		var ids []string
		for _, m := range got.Amend.Models {
			ids = append(ids, m.ID)
		}
		if want.Models != nil && !slices.Equal(ids, want.Models) {
			d.add("%s: amends the models to %v, expected %v", at, ids, want.Models)
		}
	}
}

// states records what is wanted and asks what the designations are then.
func (d *differences) states(c *Case, in *recognition.Input, out *recognition.Outcome, cat *scheme.Catalog) {
	for i := range in.Existing {
		x := &in.Existing[i]
		want, ok := c.Expect.States[x.Certificate.ID]
		if !ok {
			continue
		}
		evs := slices.Clone(x.Events)
		for j := range out.Wanted {
			w := &out.Wanted[j]
			if w.Designation != x.Certificate.ID || w.Event == nil || w.Action == recognition.Restore {
				continue
			}
			e := *w.Event
			e.Recorded, e.Sequence = in.Now, uint64(1000+j)
			if err := certificate.Check(x.Certificate, evs, &e); err != nil {
				d.add("%v", err)
			}
			evs = append(evs, e)
		}
		zone := time.UTC
		if s := cat.Scheme(x.Certificate.Scheme); s != nil {
			zone, _ = time.LoadLocation(s.Zone) // compiled already, so it resolves
		}
		same(d, "designation "+x.Certificate.ID, "is", certificate.At(x.Certificate, evs, zone, in.Now, in.Now).State, want)
	}
	for id := range c.Expect.States {
		if !slices.ContainsFunc(in.Existing, func(x recognition.Existing) bool { return x.Certificate.ID == id }) {
			d.add("designation %s is expected and not given", id)
		}
	}
}

func actions(ws []recognition.Wanted) string {
	s := ""
	for i := range ws {
		s += fmt.Sprintf(" %s by %s of %s;", ws[i].Action, ws[i].Rule, ws[i].Clause)
	}
	return s
}

// input is the case as the engine takes it.
func (c *Case) input(e *recognition.Engine) *recognition.Input {
	cert := c.Certificate.grant()
	in := &recognition.Input{
		Source: recognition.Source{
			Certificate: cert, Events: events(c.Events, ""), Ref: certificate.Ref{Office: cert.Office, Origin: cert.Office + ".example/log", Index: 1},
			Kind: c.Kind, Received: int64(cmp.Or(c.Received, c.Clock)), Backdated: c.Backdated, Doubt: c.Doubt,
		},
		Target: c.Target, Asked: c.Asked, Shown: c.Shown, DeltaMet: c.DeltaMet,
		Peer: recognition.Peer{Heard: int64(c.Peer.Heard), SilentAfter: c.Peer.SilentSeconds * 1e6, Degraded: c.Peer.Degraded},
		Now:  int64(c.Clock),
		Adopted: func(clause string) bool {
			return slices.Contains(c.Adopted, "*") || slices.Contains(c.Adopted, clause)
		},
		Policies: func(clause string) recognition.Policy {
			p, ok := c.Policies[clause]
			if !ok {
				p = c.Policies["*"]
			}
			return recognition.Policy{
				Kind: p.Kind, Days: p.Days, ID: p.ID, From: int64(p.From), Expires: int64(p.Expires), Spent: p.Spent, Catalog: cmp.Or(p.Catalog, e.Digest),
			}
		},
	}
	for _, x := range c.Existing {
		in.Existing = append(in.Existing, recognition.Existing{Certificate: x.Certificate.grant(), Events: events(x.Events, cert.Office)})
	}
	for _, o := range c.Own {
		in.Own = append(in.Own, recognition.OwnRecord{Kind: o.Kind, ID: o.ID, Scheme: o.Scheme})
	}
	return in
}

func (c *Certificate) grant() *certificate.Certificate {
	g := &certificate.Certificate{
		ID: c.ID, Office: c.Office, Scheme: c.Scheme, Edition: c.Edition, Level: c.Level, Attestation: c.Attestation, Basis: c.Basis,
		Product: certificate.Product{Holder: c.Holder, Models: c.Models, Functions: c.Functions}, Firmware: c.Firmware,
		Granted: c.Granted, Decided: int64(c.Effective), Effective: int64(c.Effective), Expires: c.Expires, SupportEnd: c.SupportEnd, Requests: c.Requests,
	}
	if d := c.Derived; d != nil {
		g.Derived = &certificate.Derived{
			Source: certificate.Ref{Office: d.Office}, Certificate: d.Certificate, Scheme: d.Scheme, Level: d.Level, Clause: d.Clause,
			Mode: d.Mode, At: int64(d.At), LastEvent: d.LastEvent, Chain: d.Chain, Confidence: scheme.Official,
		}
	}
	return g
}

func events(es []Event, abroad string) []certificate.Event {
	out := make([]certificate.Event, 0, len(es))
	for _, e := range es {
		ev := certificate.Event{
			Kind: e.Kind, Change: e.Change, Cause: e.Cause, Decided: int64(e.Decided), Effective: int64(cmp.Or(e.Effective, e.Decided)),
			Recorded: int64(cmp.Or(e.Recorded, e.Decided)), Received: int64(e.Received), Sequence: e.Sequence, Index: int64(e.Sequence), Amend: e.Amend,
		}
		if e.Follows != 0 {
			ev.Source = &certificate.SourceEvent{Ref: certificate.Ref{Office: abroad}, Sequence: e.Follows}
		}
		out = append(out, ev)
	}
	return out
}
