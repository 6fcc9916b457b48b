package recognition

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

func TestFirstYes(t *testing.T) {
	in := input()
	o := compile(world()).Decide(in)
	if len(o.Wanted) != 1 {
		t.Fatalf("wanted %+v", o.Wanted)
	}
	w := o.Wanted[0]
	if w.Action != Designate || w.Clause != id3 || w.Level != "3" || w.Edition != "1.4" || w.PolicyID != "sd-1" || w.Rule != DecisionStanding {
		t.Errorf("wanted %+v", w)
	}
	if !slices.Equal(w.Models, []string{"H-1", "H-2"}) || w.Term != (Term{Start: d("2026-11-24"), End: d("2029-11-24"), By: scheme.YearsFromStart}) {
		t.Errorf("models %v, term %+v", w.Models, w.Term)
	}
	if o.Tried[1].Answer != scheme.Yes || o.Tried[1].Reasons[len(o.Tried[1].Reasons)-1].Rule != ChoiceHigher {
		t.Errorf("the lower clause is not explained: %+v", o.Tried[1])
	}
	apply(in, &o)
	again := compile(world()).Decide(in)
	if len(again.Wanted) != 1 || again.Wanted[0].Action != Keep {
		t.Errorf("not idempotent: %+v", again.Wanted)
	}
}

// A duty that counts as met has no level, in a scheme that has some: it does
// not ask for a higher one by standing there.
func TestDeemedStays(t *testing.T) {
	w, in := world(), input()
	w.Arrangements[0].Clauses = w.Arrangements[0].Clauses[:1]
	c := &w.Arrangements[0].Clauses[0]
	c.Mode, c.To, c.Legal.NeedsFirst = scheme.Deemed, scheme.Gives{Scheme: "bb-label", Duties: []string{"passwords"}}, nil
	o := compile(w).Decide(in)
	if len(o.Wanted) != 1 || o.Wanted[0].Action != Deem {
		t.Fatalf("wanted %+v", o.Wanted)
	}
	apply(in, &o)
	if len(in.Existing) != 1 {
		t.Fatalf("%d designations", len(in.Existing))
	}
	again := compile(w).Decide(in)
	if len(again.Wanted) != 1 || again.Wanted[0].Action != Keep {
		t.Errorf("not idempotent: %+v", again.Wanted)
	}
}

// Each case changes one thing in the world or the input and names the clause,
// the rule that has to decide, and what comes of it.
func TestRules(t *testing.T) {
	type m struct {
		*scheme.Catalog
		*Input
		c    *scheme.Clause // aa-bb/3
		cert *certificate.Certificate
	}
	for _, c := range []struct {
		name   string
		change func(m)
		answer scheme.Answer
		rule   Rule // of the clause; ClauseMet: then action's rule counts
		action Action
		why    Rule
	}{
		{"arrangement not in force", func(x m) { x.Arrangements[0].Effective = d("2026-11-25") }, scheme.No, ArrangementInForce, Refuse, ArrangementInForce},
		{"signed, and nobody knows since when it is in effect", func(x m) { x.Arrangements[0].Effective = 0 }, scheme.Undetermined, ArrangementInForce, Unclear, ArrangementInForce},
		{"signed tomorrow", func(x m) { x.Arrangements[0].Effective, x.Arrangements[0].Signed = 0, d("2026-11-25") }, scheme.No, ArrangementInForce, Refuse, ArrangementInForce},
		{"arrangement ended today", func(x m) { x.Arrangements[0].Ended = d("2026-11-24") }, scheme.No, ArrangementInForce, Refuse, ArrangementInForce},
		{"last day of the arrangement", func(x m) { x.Arrangements[0].Ended = d("2026-11-25") }, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"declared, not registered", func(x m) { x.Source.Kind = scheme.DeclaredBy }, scheme.No, FromKind, Refuse, FromKind},
		{"mapping not public", func(x m) { x.c.From.Mapping = "unknown" }, scheme.Undetermined, FromMapping, Prepare, ModeSimplified},
		{"another edition", func(x m) { x.cert.Edition = "2028" }, scheme.No, FromEdition, Prepare, ModeSimplified},
		{"unpinned, unknown edition", func(x m) { x.cert.Edition = "1999"; x.c.From.Editions = nil }, scheme.Undetermined, FromEdition, Unclear, FromEdition},
		{"in force now, not at grant", func(x m) { x.cert.Edition = "2028"; x.c.EditionTested = scheme.EditionNow }, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"lite", func(x m) { x.cert.Level = "lite" }, scheme.No, FromLevel, Prepare, ModeSimplified},
		{"declaration of the maker", func(x m) {
			x.c.From.Attestation = scheme.ThirdParty
			x.cert.Attestation = scheme.Declaration
		}, scheme.No, FromAttestation, Prepare, ModeSimplified},
		{"another basis", func(x m) {
			x.c.From.Basis = []scheme.StandardRef{{Standard: "s", Edition: "2"}}
			x.cert.Basis = []scheme.StandardRef{{Standard: "s", Edition: "1"}}
		}, scheme.No, FromBasis, Prepare, ModeSimplified},
		{"basis not stated", func(x m) { x.c.From.Basis = []scheme.StandardRef{{Standard: "s"}} }, scheme.Undetermined, FromBasis, Prepare, ModeSimplified},
		{"a designation", func(x m) {
			x.cert.Derived = &certificate.Derived{Scheme: "cc", Source: certificate.Ref{Office: "cc"}}
		}, scheme.No, ChainGranted, Refuse, ChainGranted},
		{"a designation, allowed", func(x m) {
			x.c.Basis = scheme.GrantedOrRecognized
			x.cert.Derived = &certificate.Derived{Scheme: "cc", Source: certificate.Ref{Office: "cc"}}
		}, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"a designation that leads back here", func(x m) {
			x.c.Basis = scheme.GrantedOrRecognized
			x.cert.Derived = &certificate.Derived{Scheme: "cc", Source: certificate.Ref{Office: "cc"}, Chain: []string{"bb"}}
		}, scheme.No, ChainLoop, Refuse, ChainLoop},
		{"suspended", func(x m) {
			x.Source.Events = []certificate.Event{opened(2, scheme.Suspended, certificate.Suspended, now)}
		}, scheme.No, SourceState, Refuse, SourceState},
		{"takes effect later", func(x m) { x.cert.Effective = at("2026-12-01T00:00:00Z") }, scheme.Yes, ClauseMet, Wait, SourcePending},
		{"target closed", func(x m) { x.Schemes[1].State = scheme.Closed }, scheme.No, TargetClosed, Refuse, TargetClosed},
		{"target closes tomorrow", func(x m) { x.Schemes[1].State, x.Schemes[1].Closed = scheme.Closed, d("2026-11-25") }, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"no edition at the target", func(x m) { x.Schemes[1].Editions[0].Until = d("2026-11-23") }, scheme.No, TargetEdition, Refuse, TargetEdition},
		{"no such level", func(x m) { x.c.To.Level = "5" }, scheme.No, TargetLevel, Prepare, ModeSimplified},
		{"a category that the target takes out", func(x m) { x.Schemes[1].Editions[0].Except = in("hub") }, scheme.No, TargetCategory, Refuse, TargetCategory},
		{"a category that nobody names", func(x m) { x.cert.Product.Functions = []string{"router"} }, scheme.Undetermined, ScopeNamed, Prepare, ModeSimplified},
		{"a category that is not on a whole list", func(x m) { x.cert.Product.Functions, x.c.Exhaustive = []string{"router"}, true }, scheme.No, ScopeNamed, Prepare, ModeSimplified},
		{"one function taken out", func(x m) { x.cert.Product.Functions = []string{"home-hub", "lock"} }, scheme.No, ScopeExcepted, Prepare, ModeSimplified},
		{"clause begins tomorrow", func(x m) { x.c.Dates.From = d("2026-11-25") }, scheme.No, DatesFrom, Prepare, ModeSimplified},
		{"granted after the clause's last day", func(x m) { x.c.Dates.Until = d("2026-11-23") }, scheme.No, DatesUntil, Prepare, ModeSimplified},
		{"granted on its last day", func(x m) { x.c.Dates.Until = d("2026-11-24") }, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"no backfill", func(x m) { x.c.Dates.Backfill, x.cert.Granted = scheme.BackfillNone, d("2024-12-31") }, scheme.No, DatesBackfill, Prepare, ModeSimplified},
		{"backfill on request, not asked since", func(x m) { x.cert.Granted = d("2024-12-31") }, scheme.Yes, ClauseMet, Offer, RequestBackfill},
		{"backfill on request, asked here", func(x m) {
			x.cert.Granted = d("2024-12-31")
			x.Asked = []certificate.Request{{Scheme: "bb-label", Declaration: true}}
		}, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"backfill", func(x m) { x.c.Dates.Backfill, x.cert.Granted = scheme.BackfillAll, d("2024-12-31") }, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"delta not public", func(x m) { x.c.Mode, x.c.Delta = scheme.DeltaMode, &scheme.Delta{Unknown: true, Fact: official} }, scheme.Undetermined, DeltaShown, Prepare, ModeSimplified},
		{"delta met by act", func(x m) {
			x.c.Mode, x.c.Delta, x.DeltaMet = scheme.DeltaMode, &scheme.Delta{Unknown: true, Fact: official}, true
		}, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"delta shown", func(x m) {
			r := scheme.RequirementRef{Standard: "s", Edition: "1", Requirement: "r"}
			x.c.Mode, x.c.Delta, x.Shown = scheme.DeltaMode, &scheme.Delta{Requirements: []scheme.RequirementRef{r}, Fact: official}, []scheme.RequirementRef{r}
		}, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"term over", func(x m) {
			x.c.Term.Bounds = append(x.c.Term.Bounds, scheme.Bound{Kind: scheme.OnDate, Date: d("2026-11-23"), Fact: official})
		}, scheme.No, TermEnd, Prepare, ModeSimplified},
		{"support end missing", func(x m) { x.cert.SupportEnd = 0 }, scheme.Yes, ClauseMet, ToReview, TermNeeds},
		{"not asked for", func(x m) { x.cert.Requests = nil }, scheme.Yes, ClauseMet, Offer, RequestStanding},
		{"declaration not accepted", func(x m) { x.cert.Requests[0].Declaration = false }, scheme.Yes, ClauseMet, Offer, NeedDeclaration},
		{"no payer", func(x m) {
			x.c.Legal.NeedsFirst = []scheme.Need{scheme.NeedFee}
			x.cert.Requests[0].Fee = false
		}, scheme.Yes, ClauseMet, Offer, NeedFee},
		{"application first", func(x m) { x.c.Legal.NeedsFirst = []scheme.Need{scheme.NeedApplication} }, scheme.Yes, ClauseMet, Prepare, NeedApplication},
		{"hearing first", func(x m) { x.c.Legal.NeedsFirst = []scheme.Need{scheme.NeedHearing} }, scheme.Yes, ClauseMet, ToReview, NeedHearing},
		{"deemed needs no request", func(x m) {
			x.c.Mode, x.cert.Requests, x.c.Legal.NeedsFirst = scheme.Deemed, nil, nil
		}, scheme.Yes, ClauseMet, Deem, DecisionStanding},
		{"no legal ground", func(x m) { x.c.Legal.Found = false }, scheme.Yes, ClauseMet, ToReview, LegalFound},
		{"mode by press only", func(x m) { x.c.ModeFact.Confidence = scheme.Secondary }, scheme.Yes, ClauseMet, ToReview, FactDoubt},
		{"and adopted", func(x m) {
			x.c.ModeFact.Confidence = scheme.Secondary
			x.Adopted = func(c string) bool { return c == id3 }
		}, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"category by reading", func(x m) { x.c.Categories[0].Confidence = scheme.Inferred }, scheme.Yes, ClauseMet, ToReview, FactDoubt},
		{"refused here before", func(x m) { x.Own = []OwnRecord{{Kind: "refused", ID: "r1", Scheme: "bb-label"}} }, scheme.Yes, ClauseMet, ToReview, OfficeRecord},
		{"refused in another scheme", func(x m) { x.Own = []OwnRecord{{Kind: "refused", ID: "r1", Scheme: "bb-other"}} }, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"peer silent", func(x m) { x.Peer = Peer{Heard: x.Now - 61e6, SilentAfter: 60e6} }, scheme.Yes, ClauseMet, Wait, PeerSilent},
		{"peer heard just in time", func(x m) { x.Peer = Peer{Heard: x.Now - 60e6, SilentAfter: 60e6} }, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"peer forked", func(x m) { x.Peer.Degraded = "forked" }, scheme.Yes, ClauseMet, Wait, PeerDegraded},
		{"a statement nobody can read", func(x m) { x.Source.Doubt = "rejected-5" }, scheme.Yes, ClauseMet, Wait, SourceDoubt},
		{"backdated", func(x m) { x.Source.Backdated = true }, scheme.Yes, ClauseMet, ToReview, SourceBackdated},
		{"no policy", func(x m) { x.Policies = nil }, scheme.Yes, ClauseMet, ToReview, PolicyReview},
		{"a policy of the future", func(x m) { x.Policies = policy(Policy{Kind: "oracle"}) }, scheme.Yes, ClauseMet, ToReview, PolicyUnknown},
		{"on request, standing only", func(x m) { x.Policies = policy(Policy{Kind: ByRequest}) }, scheme.Yes, ClauseMet, Offer, PolicyOnRequest},
		{"on request, asked here", func(x m) {
			x.Policies = policy(Policy{Kind: ByRequest})
			x.Asked = []certificate.Request{{Scheme: "bb-label"}}
		}, scheme.Yes, ClauseMet, Designate, PolicyOnRequest},
		{"time to object runs", func(x m) { x.Policies = policy(Policy{Kind: AfterDays, Days: 5}) }, scheme.Yes, ClauseMet, Wait, PolicyAfterDays},
		{"time to object is over", func(x m) {
			x.Policies, x.Source.Received = policy(Policy{Kind: AfterDays, Days: 5}), at("2026-11-16T01:00:00Z")
		}, scheme.Yes, ClauseMet, Designate, PolicyAfterDays},
		{"decision expired", func(x m) { x.Policies = decided(func(p *Policy) { p.Expires = x.Now }) }, scheme.Yes, ClauseMet, ToReview, DecisionTerm},
		{"decision of tomorrow", func(x m) { x.Policies = decided(func(p *Policy) { p.From = x.Now + 1 }) }, scheme.Yes, ClauseMet, ToReview, DecisionTerm},
		{"decision for more than twelve months", func(x m) { x.Policies = decided(func(p *Policy) { p.Expires = at("2027-10-02T00:00:00Z") }) }, scheme.Yes, ClauseMet, ToReview, DecisionTerm},
		{"decision for another catalog", func(x m) { x.Policies = decided(func(p *Policy) { p.Catalog = "other" }) }, scheme.Yes, ClauseMet, ToReview, DecisionCatalog},
		{"decision for another text of the clause", func(x m) { x.Policies = decided(func(p *Policy) { p.Clause[0] = 1 }) }, scheme.Yes, ClauseMet, ToReview, DecisionClause},
		{"decision for this text", func(x m) {
			x.Policies = decided(func(p *Policy) { p.Clause = ClauseDigest(&x.Arrangements[0], x.c) })
		}, scheme.Yes, ClauseMet, Designate, DecisionStanding},
		{"budget used up", func(x m) { x.Policies = decided(func(p *Policy) { p.Spent = true }) }, scheme.Yes, ClauseMet, ToReview, DecisionBudget},
		{"decision without an act", func(x m) { x.Policies = decided(func(p *Policy) { p.ID = "" }) }, scheme.Yes, ClauseMet, ToReview, DecisionStanding},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, in := world(), input()
			c.change(m{w, in, &w.Arrangements[0].Clauses[0], in.Source.Certificate})
			o := compile(w).Decide(in)
			got := o.Tried[0]
			if got.Answer != c.answer || got.Rule != c.rule {
				t.Errorf("clause: %s by %s, want %s by %s\n%+v", got.Answer, got.Rule, c.answer, c.rule, got.Reasons)
			}
			if len(o.Wanted) != 1 || o.Wanted[0].Action != c.action || o.Wanted[0].Rule != c.why {
				t.Fatalf("wanted %+v, want %s by %s", o.Wanted, c.action, c.why)
			}
			roundTrip(t, &o)
		})
	}
}

func policy(p Policy) func(string) Policy { return func(string) Policy { return p } }

func decided(change func(*Policy)) func(string) Policy {
	p := automatic("")
	change(&p)
	return policy(p)
}

func opened(seq uint64, kind scheme.EventKind, st certificate.State, when string) certificate.Event {
	t := at(when)
	return certificate.Event{
		Kind: kind, Change: certificate.Opens, Cause: certificate.Cause{ID: "c" + string(rune('0'+seq)), Kind: certificate.OwnMeasure, State: st},
		Decided: t, Effective: t, Recorded: t, Sequence: seq,
	}
}

func roundTrip(t *testing.T, o *Outcome) {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var back Outcome
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	want := *o
	want.Wanted = slices.Clone(o.Wanted)
	for i := range want.Wanted {
		want.Wanted[i].Policy = Policy{}
	}
	if !reflect.DeepEqual(back, want) {
		t.Errorf("JSON does not come back:\n%s", b)
	}
}

// What the calendar will change is named to the microsecond.
func TestNext(t *testing.T) {
	sg := compile(world()).schemes["bb-label"].zone
	for _, c := range []struct {
		name   string
		change func(*scheme.Catalog, *Input)
		want   int64
	}{
		{"standing decision", func(*scheme.Catalog, *Input) {}, at("2027-09-30T00:00:00Z")},
		{"clause begins in Singapore", func(w *scheme.Catalog, _ *Input) { w.Arrangements[0].Clauses[0].Dates.From = d("2026-11-25") }, at("2026-11-24T16:00:00Z")},
		{"clause ends", func(w *scheme.Catalog, _ *Input) { w.Arrangements[0].Clauses[0].Dates.Until = d("2026-11-25") }, at("2026-11-25T16:00:00Z")},
		{"objection ends", func(_ *scheme.Catalog, in *Input) { in.Policies = policy(Policy{Kind: AfterDays, Days: 1}) }, d("2026-11-25").End(sg)},
		{"peer falls silent", func(_ *scheme.Catalog, in *Input) { in.Peer = Peer{Heard: in.Now, SilentAfter: 60e6} }, at(now) + 60e6 + 1},
		{"source takes effect", func(_ *scheme.Catalog, in *Input) { in.Source.Certificate.Effective = at("2026-11-24T02:00:00Z") }, at("2026-11-24T02:00:00Z")},
		{"target edition ends", func(w *scheme.Catalog, _ *Input) { w.Schemes[1].Editions[0].Until = d("2026-11-24") }, at("2026-11-24T16:00:00Z")},
	} {
		w, in := world(), input()
		c.change(w, in)
		if o := compile(w).Decide(in); o.Next != c.want {
			t.Errorf("%s: next %d, want %d", c.name, o.Next, c.want)
		}
	}
}

func TestModels(t *testing.T) {
	in := input()
	p := &in.Source.Certificate.Product
	p.Models[1].Functions = []string{"home-hub", "lock"} // out of clause 3, in clause 1
	o := compile(world()).Decide(in)
	if len(o.Wanted) != 2 || o.Wanted[0].Action != Designate || !slices.Equal(o.Wanted[0].Models, []string{"H-1"}) ||
		o.Wanted[1].Action != Prepare || !slices.Equal(o.Wanted[1].Models, []string{"H-2"}) {
		t.Fatalf("wanted %+v", o.Wanted)
	}
	in.Source.Certificate.Requests[0].Models = []string{"H-1"}
	if o = compile(world()).Decide(in); len(o.Wanted) != 1 || !slices.Equal(o.Wanted[0].Models, []string{"H-1"}) {
		t.Fatalf("a model that nobody asked for: %+v", o.Wanted)
	}
	in.Source.Certificate.Requests[0].Models = []string{"X-9"}
	if o = compile(world()).Decide(in); o.Wanted[0].Action != Offer || o.Wanted[0].Rule != RequestModels {
		t.Fatalf("wanted %+v", o.Wanted)
	}
}

// A clause's digest changes with its text and its arrangement's time.
func TestClauseDigest(t *testing.T) {
	w := world()
	a := &w.Arrangements[0]
	first := ClauseDigest(a, &a.Clauses[0])
	a.Clauses[0].From.Levels = []string{"standard"}
	second := ClauseDigest(a, &a.Clauses[0])
	a.Ended = civil.MustDate("2030-01-01")
	if third := ClauseDigest(a, &a.Clauses[0]); first == second || second == third || first.IsZero() {
		t.Error("the digest pins nothing")
	}
}
