package office_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"assay/certificate"
	"assay/office"
	"assay/store"
	"assay/store/storetest"
)

// want checks an error's code.
func want(t *testing.T, what string, err error, code office.Code) {
	t.Helper()
	if office.CodeOf(err) != code {
		t.Errorf("%s: got %v, want code %q", what, err, code)
	}
}

// alone is one office on an engine.
func alone(t *testing.T, open func(testing.TB) *store.DB, id string) *node {
	t.Helper()
	return newNode(t, open(t), id, storetest.NewClock(start))
}

func body(t testing.TB, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// propose proposes an act by one person.
func (n *node) propose(kind office.ActKind, b any, by string) *office.Act {
	n.t.Helper()
	a, err := n.Propose(n.t.Context(), n.people[by], uuid.NewString(), kind, body(n.t, b))
	n.must(err)
	return a
}

// reads an act again.
func (n *node) read(id string) *office.Act {
	n.t.Helper()
	a, err := n.Act(n.t.Context(), nil, id)
	n.must(err)
	return a
}

// product is evidence for another product of the same maker: its model and
// name are changed throughout.
func product(t testing.TB, file, model, other string) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile("../cmd/assay/demodata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.ReplaceAll(b, []byte(model), []byte(other))
	if bytes.Equal(out, b) {
		t.Fatalf("%s has no model %s", file, model)
	}
	ev, err := laboratory.Evidence(out, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// apply submits an application for the hub.
func (n *node) apply(ev json.RawMessage, level string, change ...func(*office.Application)) *office.Application {
	n.t.Helper()
	in := office.Application{ID: uuid.NewString(), Scheme: "kr-cic", Level: level, Evidence: ev, Language: "ko"}
	for _, f := range change {
		f(&in)
	}
	a, err := n.Submit(n.t.Context(), n.people["maker"], in)
	n.must(err)
	return a
}

// evaluated takes an application to a proposed decision.
func (n *node) evaluated(a *office.Application, recommend string) (*office.Application, *office.Act) {
	n.t.Helper()
	a, err := n.Complete(n.t.Context(), n.people["registrar"], a.ID, a.Version)
	n.must(err)
	a, act, err := n.Evaluate(n.t.Context(), n.people["evaluator"], a.ID, a.Version, office.Evaluation{Recommend: recommend, Reason: "as-assessed"})
	n.must(err)
	return a, act
}

// size is the number of entries of the office's log.
func (n *node) size() (size int64) {
	n.t.Helper()
	n.must(n.db.View(n.t.Context(), func(tx *store.Tx) error {
		h, err := tx.Head()
		size = h.Size
		return err
	}))
	return size
}

func (n *node) count(query string, args ...any) (c int64) {
	n.t.Helper()
	n.must(n.db.View(n.t.Context(), func(tx *store.Tx) error { return tx.QueryRow(query, args...).Scan(&c) }))
	return c
}

// alarmed counts how often an alarm of a kind was raised.
func (n *node) alarmed(kind string) (count int64) {
	n.t.Helper()
	as, _, err := n.Alarms(n.t.Context(), n.people["admin-1"], "", 200)
	n.must(err)
	for _, a := range as {
		if a.Kind == kind {
			count += a.Count
		}
	}
	return count
}

// cases lists the open cases of a kind.
func (n *node) cases(kind string) (out []office.Case) {
	n.t.Helper()
	cs, _, err := n.Cases(n.t.Context(), n.people["officer-1"], "open", "", 200)
	n.must(err)
	for _, c := range cs {
		if c.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}

// one is the only open case of a kind.
func (n *node) one(kind string) office.Case {
	n.t.Helper()
	cs := n.cases(kind)
	if len(cs) != 1 {
		n.t.Fatalf("%d open cases of kind %s, want one: %+v", len(cs), kind, cs)
	}
	return cs[0]
}

func TestSameActTwice(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		hub := kr.grant("hub.yaml", "kr-cic", "basic")
		id, ctx, p := uuid.NewString(), t.Context(), kr.people
		b := body(t, office.MeasureBody{Certificate: hub, Reason: "own-finding"})
		first, err := kr.Propose(ctx, p["officer-1"], id, office.ActSuspend, b)
		kr.must(err)

		again, err := kr.Propose(ctx, p["officer-1"], id, office.ActSuspend, append([]byte(" "), b...)) // the same meaning
		if err != nil || again.Digest != first.Digest || again.ProposedAt != first.ProposedAt {
			t.Errorf("a repeat gave %+v, %v", again, err)
		}
		_, err = kr.Propose(ctx, p["officer-1"], id, office.ActSuspend, body(t, office.MeasureBody{Certificate: hub, Reason: "other"}))
		want(t, "another body", err, office.Conflict)
		_, err = kr.Propose(ctx, p["officer-1"], id, office.ActHold, b)
		want(t, "another kind", err, office.Conflict)
		_, err = kr.Propose(ctx, p["officer-2"], id, office.ActSuspend, b)
		want(t, "another proposer", err, office.Conflict)

		done, err := kr.Approve(ctx, p["officer-2"], id, first.Version)
		kr.must(err)
		size := kr.size()
		twice, err := kr.Approve(ctx, p["officer-2"], id, first.Version)
		if err != nil || twice.Index != done.Index || twice.State != office.ActDone || !bytes.Equal(twice.Result, done.Result) {
			t.Errorf("approved again it gave %+v, %v", twice, err)
		}
		_, err = kr.Approve(ctx, p["evaluator"], id, first.Version)
		want(t, "a third person", err, office.Conflict)
		if kr.size() != size {
			t.Error("the repeat was logged")
		}
	})
}

func TestSamePersonTwice(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		hub := kr.grant("hub.yaml", "kr-cic", "basic")
		a := kr.propose(office.ActRevoke, office.MeasureBody{Certificate: hub, Reason: "own-finding"}, "officer-1")
		_, err := kr.Approve(t.Context(), kr.people["officer-1"], a.ID, a.Version)
		want(t, "the proposer", err, office.SamePerson)

		// Past all code, the database itself refuses it.
		for _, q := range []string{
			`UPDATE acts SET approver = proposer WHERE id = $1`,
			`UPDATE acts SET state = 'done' WHERE id = $1`, // by nobody
		} {
			if err := kr.db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(q, a.ID); return err }); err == nil {
				t.Errorf("the database took %s", q)
			}
		}
		if got := kr.read(a.ID); got.State != office.ActProposed || kr.state(hub) != certificate.Valid {
			t.Errorf("the act is %s", got.State)
		}
	})
}

func TestWhoMayDoWhat(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	hub := kr.grant("hub.yaml", "kr-cic", "basic")
	ctx, p := t.Context(), kr.people
	suspend := body(t, office.MeasureBody{Certificate: hub, Reason: "own-finding"})
	app := kr.apply(product(t, "hub.yaml", "HB-300", "HB-301"), "basic")
	act := kr.propose(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"}, "officer-1")
	given := kr.propose(office.ActSurrender, office.MeasureBody{Certificate: hub, Reason: "holder-wish"}, "maker")
	propose := func(k office.ActKind, b json.RawMessage) func(*office.Person) error {
		return func(by *office.Person) error {
			_, err := kr.Propose(ctx, by, uuid.NewString(), k, b)
			return err
		}
	}
	for _, c := range []struct {
		name string
		by   string
		do   func(*office.Person) error
		code office.Code
	}{
		{"nobody proposes", "nobody", propose(office.ActSuspend, suspend), office.Unsigned},
		{"a maker suspends", "maker", propose(office.ActSuspend, suspend), office.Forbidden},
		{"an admin suspends", "admin-1", propose(office.ActSuspend, suspend), office.Forbidden},
		{"a registrar revokes", "registrar", propose(office.ActRevoke, suspend), office.Forbidden},
		{"an officer sets a policy", "officer-1", propose(office.ActPolicy, body(t, office.PolicyBody{Clause: krToSG, Kind: "review"})), office.Forbidden},
		{"an officer adds a person", "officer-1", propose(office.ActPerson, body(t, office.PersonBody{})), office.Forbidden},
		{"a maker surrenders another's", "maker-3", propose(office.ActSurrender, suspend), office.NotFound},
		{"a maker rejects another's surrender", "maker-3", func(by *office.Person) error {
			_, err := kr.Reject(ctx, by, given.ID, given.Version, "x")
			return err
		}, office.NotFound},
		{"a maker approves", "maker", func(by *office.Person) error { _, err := kr.Approve(ctx, by, act.ID, act.Version); return err }, office.Forbidden},
		{"an admin approves a measure", "admin-1", func(by *office.Person) error { _, err := kr.Approve(ctx, by, act.ID, act.Version); return err }, office.Forbidden},
		{"an admin rejects a measure", "admin-1", func(by *office.Person) error { _, err := kr.Reject(ctx, by, act.ID, act.Version, "x"); return err }, office.Forbidden},
		{"an officer completes", "officer-1", func(by *office.Person) error { _, err := kr.Complete(ctx, by, app.ID, app.Version); return err }, office.Forbidden},
		{"an officer evaluates", "officer-1", func(by *office.Person) error {
			_, _, err := kr.Evaluate(ctx, by, app.ID, app.Version, office.Evaluation{Recommend: "grant", Reason: "x"})
			return err
		}, office.Forbidden},
		{"another maker withdraws", "maker-3", func(by *office.Person) error { _, err := kr.Withdraw(ctx, by, app.ID, app.Version); return err }, office.NotFound},
		{"another maker reads", "maker-3", func(by *office.Person) error { _, err := kr.Application(ctx, by, app.ID); return err }, office.NotFound},
		{"a maker reads acts", "maker", func(by *office.Person) error { _, _, err := kr.Acts(ctx, by, "", "", 10); return err }, office.Forbidden},
		{"a maker reads cases", "maker", func(by *office.Person) error { _, _, err := kr.Cases(ctx, by, "", "", 10); return err }, office.Forbidden},
		{"a maker reads alarms", "maker", func(by *office.Person) error { _, _, err := kr.Alarms(ctx, by, "", 10); return err }, office.Forbidden},
		{"a decision out of the blue", "officer-1", propose(office.ActGrant, body(t, office.DecisionBody{})), office.Invalid},
		{"an unknown kind", "officer-1", propose("melt", suspend), office.Invalid},
		{"more than the kind takes", "officer-1", propose(office.ActSuspend, json.RawMessage(`{"certificate":"`+hub+`","reason":"x","colour":1}`)), office.Invalid},
		{"two bodies", "officer-1", propose(office.ActSuspend, append(slices.Clone(suspend), suspend...)), office.Invalid},
		{"an endless body", "officer-1", propose(office.ActSuspend, json.RawMessage(`{"certificate":"`+strings.Repeat("a", 300<<10)+`"}`)), office.Invalid},
		{"a reason in words", "officer-1", propose(office.ActSuspend, body(t, office.MeasureBody{Certificate: hub, Reason: "Mr. Kim said so"})), office.Invalid},
		{"of nothing", "officer-1", propose(office.ActSuspend, body(t, office.MeasureBody{Certificate: "kr-cic-99", Reason: "x"})), office.NotFound},
	} {
		want(t, c.name, c.do(p[c.by]), c.code)
	}
	if _, err := kr.Propose(ctx, p["officer-1"], "not-a-uuid", office.ActSuspend, suspend); office.CodeOf(err) != office.Invalid {
		t.Errorf("an id that is no UUID: %v", err)
	}
	if s := kr.state(hub); s != certificate.Valid {
		t.Errorf("after all that it is %s", s)
	}
}

// Nobody decides what they evaluated, in whatever round.
func TestOwnEvaluation(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx := t.Context()
		token, hash := office.NewToken()
		kr.admin(office.ActPerson, office.PersonBody{Person: office.Person{ID: "evaluator-2", Pseudonym: "kr-evaluator-2", Roles: []office.Role{office.RoleEvaluator, office.RoleOfficer}},
			TokenHash: certificate.Digest(hash).String()})
		second, err := kr.Authenticate(ctx, token)
		kr.must(err)

		app, act := kr.evaluated(kr.apply(evidenceFile(t, "hub.yaml"), "basic"), "grant")
		_, err = kr.Approve(ctx, kr.people["evaluator"], act.ID, act.Version)
		want(t, "the evaluator", err, office.SamePerson)
		_, err = kr.Reject(ctx, kr.people["officer-1"], act.ID, act.Version, "look-again")
		kr.must(err)
		app, err = kr.Application(ctx, kr.people["registrar"], app.ID)
		kr.must(err)
		_, act, err = kr.Evaluate(ctx, second, app.ID, app.Version, office.Evaluation{Recommend: "grant", Reason: "as-assessed"})
		kr.must(err)
		_, err = kr.Approve(ctx, kr.people["evaluator"], act.ID, act.Version)
		want(t, "the evaluator of the round before", err, office.OwnEvaluation)
		if _, err := kr.Approve(ctx, kr.people["officer-1"], act.ID, act.Version); err != nil {
			t.Error(err)
		}
	})
}

func TestStaleVersion(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	ctx, p := t.Context(), kr.people
	hub := kr.grant("hub.yaml", "kr-cic", "basic")
	act := kr.propose(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"}, "officer-1")
	app := kr.apply(product(t, "hub.yaml", "HB-300", "HB-301"), "basic")
	for name, do := range map[string]func(match int64) error{
		"approve":  func(m int64) error { _, err := kr.Approve(ctx, p["officer-2"], act.ID, m); return err },
		"reject":   func(m int64) error { _, err := kr.Reject(ctx, p["officer-2"], act.ID, m, "no"); return err },
		"complete": func(m int64) error { _, err := kr.Complete(ctx, p["registrar"], app.ID, m); return err },
		"return": func(m int64) error {
			_, err := kr.Return(ctx, p["registrar"], app.ID, m, []string{"a picture"})
			return err
		},
		"withdraw": func(m int64) error { _, err := kr.Withdraw(ctx, p["maker"], app.ID, m); return err },
	} {
		for _, m := range []int64{0, 2, -1} {
			want(t, name, do(m), office.Changed)
		}
	}
}

func TestReject(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx, p := t.Context(), kr.people
		hub := kr.grant("hub.yaml", "kr-cic", "basic")
		act := kr.propose(office.ActRevoke, office.MeasureBody{Certificate: hub, Reason: "own-finding"}, "officer-1")
		size := kr.size()
		got, err := kr.Reject(ctx, p["officer-2"], act.ID, act.Version, "not-shown")
		kr.must(err)
		if got.State != office.ActRejected || !strings.Contains(string(got.Result), "not-shown") {
			t.Errorf("rejected it is %s: %s", got.State, got.Result)
		}
		_, err = kr.Approve(ctx, p["officer-2"], act.ID, got.Version)
		want(t, "approving it afterwards", err, office.Conflict)
		_, err = kr.Reject(ctx, p["officer-2"], act.ID, got.Version, "again")
		want(t, "rejecting it twice", err, office.Conflict)
		if kr.size() != size || kr.state(hub) != certificate.Valid {
			t.Error("a rejected act did something")
		}
	})
}

func TestTokenSpentTwice(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx := t.Context()
		hub := kr.grant("hub.yaml", "kr-cic", "basic")
		act := kr.propose(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"}, "officer-1")
		kr.must(kr.ApproveOnly(ctx, kr.people["officer-2"], act.ID, act.Version))
		carryOut, err := kr.Prepared(ctx, act.ID)
		kr.must(err)
		size := kr.size()

		// Many at once, as processes do that find it at the same start.
		errs := make(chan error)
		for range 8 {
			go func() { errs <- carryOut() }()
		}
		done := 0
		for range 8 {
			switch err := <-errs; {
			case err == nil:
				done++
			case office.CodeOf(err) != office.Spent:
				t.Errorf("the token spent again: %v", err)
			}
		}
		want(t, "much later", carryOut(), office.Spent)
		if done != 1 || kr.size() != size+1 {
			t.Errorf("carried out %d times, %d entries", done, kr.size()-size)
		}
		if err := kr.Finish(ctx, act.ID); err != nil {
			t.Errorf("finishing what is done: %v", err)
		}
	})
}

// An act whose subject has got another statement between record and log is
// planned anew where it still has a place, and closed with the reason where not.
func TestSubjectMoved(t *testing.T) {
	for _, c := range []struct {
		name        string
		first, then office.ActKind
		state       office.ActState
		standing    certificate.State
	}{
		{"has a place", office.ActSuspend, office.ActHold, office.ActDone, certificate.Suspended},
		{"has none", office.ActSuspend, office.ActRevoke, office.ActRejected, certificate.Revoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
				kr := alone(t, open, "kr")
				ctx := t.Context()
				hub := kr.grant("hub.yaml", "kr-cic", "basic")
				b := office.MeasureBody{Certificate: hub, Reason: "own-finding"}
				act := kr.propose(c.first, b, "officer-1")
				kr.must(kr.ApproveOnly(ctx, kr.people["officer-2"], act.ID, act.Version))
				carryOut, err := kr.Prepared(ctx, act.ID)
				kr.must(err)
				kr.act(c.then, b)
				if err := carryOut(); !errors.Is(err, office.ErrMoved) {
					t.Fatalf("carried out on a subject that moved: %v", err)
				}
				kr.must(kr.Finish(ctx, act.ID))
				got := kr.read(act.ID)
				if got.State != c.state || kr.state(hub) != c.standing {
					t.Errorf("the act is %s (%s), the certificate %s", got.State, got.Result, kr.state(hub))
				}
				if c.state == office.ActRejected && !strings.Contains(string(got.Result), "ended") {
					t.Errorf("no reason: %s", got.Result)
				}
				checkRebuild(t, kr)
			})
		})
	}
}

// Two processes that both find the subject moved draft the act anew once.
func TestReplannedTwice(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx := t.Context()
		hub := kr.grant("hub.yaml", "kr-cic", "basic")
		act := kr.propose(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"}, "officer-1")
		kr.must(kr.ApproveOnly(ctx, kr.people["officer-2"], act.ID, act.Version))
		token, err := kr.Token(ctx, act.ID)
		kr.must(err)
		kr.must(kr.Replan(ctx, act.ID, token))
		kr.must(kr.Replan(ctx, act.ID, token))
		if n := kr.count(`SELECT COUNT(*) FROM intents WHERE act = $1 AND state = 'recorded'`, act.ID); n != 1 {
			t.Fatalf("%d intents for one act", n)
		}
		kr.must(kr.Finish(ctx, act.ID))
		kr.open()
		if kr.read(act.ID).State != office.ActDone {
			t.Error("it is not done")
		}
	})
}

// A crash between recorded and logged is finished at the next start, once.
func TestCrashBetweenRecordedAndLogged(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx := t.Context()
		hub := kr.grant("hub.yaml", "kr-cic", "basic")
		var acts []string
		for _, m := range []string{"HB-401", "HB-402", "HB-403"} {
			_, act := kr.evaluated(kr.apply(product(t, "hub.yaml", "HB-300", m), "basic"), "grant")
			kr.must(kr.ApproveOnly(ctx, kr.people["officer-1"], act.ID, act.Version))
			acts = append(acts, act.ID)
		}
		act := kr.propose(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"}, "officer-1")
		kr.must(kr.ApproveOnly(ctx, kr.people["officer-2"], act.ID, act.Version))
		acts = append(acts, act.ID)
		size := kr.size()

		kr.open()
		if got := kr.size() - size; got != 4 {
			t.Errorf("%d entries of 4 recorded acts", got)
		}
		for _, id := range acts {
			if a := kr.read(id); a.State != office.ActDone || a.Stage != office.Published {
				t.Errorf("act %s is %s and %s", a.Kind, a.State, a.Stage)
			}
		}
		size = kr.size()
		kr.open()
		if kr.size() != size {
			t.Error("the second start finished it again")
		}
		es, _, err := kr.Register(ctx, office.Query{})
		kr.must(err)
		seen := map[string]bool{}
		for _, e := range es {
			if seen[e.Certificate.Number] {
				t.Errorf("number %s twice", e.Certificate.Number)
			}
			seen[e.Certificate.Number] = true
		}
		if len(es) != 4 {
			t.Errorf("%d certificates, want 4", len(es))
		}
		checkRebuild(t, kr)
	})
}

// A clock that went back is refused by name; what was recorded waits, the
// office opens and answers, and all goes on when the clock is right again.
func TestClockWentBack(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx := t.Context()
		hub := kr.grant("hub.yaml", "kr-cic", "basic")
		_, act := kr.evaluated(kr.apply(product(t, "hub.yaml", "HB-300", "HB-401"), "basic"), "grant")
		size := kr.size()
		kr.clock.Advance(-time.Hour)
		_, err := kr.Approve(ctx, kr.people["officer-1"], act.ID, act.Version)
		want(t, "granting an hour ago", err, office.ClockBack)
		if kr.size() != size || kr.read(act.ID).State != office.ActApproved {
			t.Errorf("the act is %s", kr.read(act.ID).State)
		}
		kr.open() // a restart meanwhile
		if _, err := kr.Certificate(ctx, hub, 0, 0); err != nil {
			t.Errorf("it does not answer: %v", err)
		}
		kr.must(kr.Tick(ctx))
		if kr.alarmed("clock-back") == 0 {
			t.Error("no alarm")
		}
		kr.clock.Advance(time.Hour + time.Second)
		kr.must(kr.Tick(ctx))
		if kr.read(act.ID).State != office.ActDone || kr.size() != size+1 {
			t.Errorf("with the clock right the act is %s", kr.read(act.ID).State)
		}
		checkRebuild(t, kr)
	})
}

// Under an embargo nothing is public before its time: no entry, no register
// line, no number. Then it is granted, and designated abroad.
func TestEmbargo(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		sg.sync(kr)
		ctx := t.Context()
		at := start.Add(72 * time.Hour).UnixMicro()
		app := kr.apply(evidenceFile(t, "hub.yaml"), "basic", func(a *office.Application) {
			a.PublishAt, a.Requests = at, []office.StandingRequest{toSG}
		})
		app, act := kr.evaluated(app, "grant")
		size := kr.size()
		got, err := kr.Approve(ctx, kr.people["officer-1"], act.ID, act.Version)
		kr.must(err)
		kr.clock.Advance(71 * time.Hour)
		kr.must(kr.Tick(ctx))
		kr.open()
		es, _, err := kr.Register(ctx, office.Query{})
		if got.State != office.ActApproved || kr.size() != size || len(es) != 0 || err != nil {
			t.Fatalf("before its time the act is %s, %d entries more, %d lines (%v)", got.State, kr.size()-size, len(es), err)
		}
		_, err = kr.Withdraw(ctx, kr.people["maker"], app.ID, app.Version)
		want(t, "withdrawing what was decided", err, office.Conflict)

		// Other entries appear meanwhile, so that the partner sees a later head.
		kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-401"), "kr-cic", "basic")
		sg.sync(kr)
		kr.clock.Advance(time.Hour + time.Second)
		kr.must(kr.Tick(ctx))
		var res office.Result
		kr.must(json.Unmarshal(kr.read(act.ID).Result, &res))
		if kr.state(res.Certificate) != certificate.Valid {
			t.Fatalf("it is %s", kr.state(res.Certificate))
		}
		sg.sync(kr)
		if es := sg.here(res.Certificate); len(es) != 1 || sg.alarmed("backdated") != 0 {
			t.Errorf("%d designations, %d alarms for a back-dated grant", len(es), sg.alarmed("backdated"))
		}
	})
}

func TestApplicationStates(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx, p := t.Context(), kr.people
		ev := evidenceFile(t, "hub.yaml")

		// Returned for something that is missing, and submitted again under its id.
		a := kr.apply(ev, "basic")
		again, err := kr.Submit(ctx, p["maker"], office.Application{ID: a.ID, Scheme: a.Scheme, Level: a.Level, Evidence: ev, Language: "ko"})
		if err != nil || again.Version != a.Version || again.Created != a.Created {
			t.Errorf("submitted twice: %+v, %v", again, err)
		}
		other := office.Application{ID: a.ID, Scheme: a.Scheme, Level: "lite", Evidence: ev, Language: "ko"}
		_, err = kr.Submit(ctx, p["maker"], other)
		want(t, "another body under its id", err, office.Conflict)
		_, err = kr.Return(ctx, p["registrar"], a.ID, a.Version, nil)
		want(t, "returned for nothing", err, office.Invalid)
		a, err = kr.Return(ctx, p["registrar"], a.ID, a.Version, []string{"a picture of the plate"})
		kr.must(err)
		_, err = kr.Complete(ctx, p["registrar"], a.ID, a.Version)
		want(t, "completing what was returned", err, office.Conflict)
		read, err := kr.Application(ctx, p["maker"], a.ID)
		if err != nil || len(read.Missing) != 1 {
			t.Errorf("the maker is not told what is missing: %+v, %v", read, err)
		}
		b, err := kr.Submit(ctx, p["maker"], other)
		if err != nil || b.State != office.AppSubmitted || b.Level != "lite" || len(b.Missing) != 0 || b.Version <= a.Version {
			t.Fatalf("submitted again: %+v, %v", b, err)
		}
		// Withdrawn with a decision proposed: nobody can approve it any more.
		b, act := kr.evaluated(b, "grant")
		b, err = kr.Withdraw(ctx, p["maker"], b.ID, b.Version)
		kr.must(err)
		size := kr.size()
		_, err = kr.Approve(ctx, p["officer-1"], act.ID, act.Version)
		want(t, "approving what was withdrawn", err, office.Conflict)
		if got := kr.read(act.ID); got.State != office.ActRejected || kr.size() != size {
			t.Errorf("the proposed act is %s", got.State)
		}
		_, err = kr.Withdraw(ctx, p["maker"], b.ID, b.Version)
		want(t, "withdrawing twice", err, office.Conflict)
		if n := kr.count(`SELECT COUNT(*) FROM own_records`); n != 0 {
			t.Errorf("a withdrawn application leaves %d records", n)
		}
	})
}

// An evaluator may be stricter than the machine, never laxer.
func TestNotShownNotGranted(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	a := kr.apply(evidenceFile(t, "hub.yaml"), "standard")
	a, err := kr.Complete(t.Context(), kr.people["registrar"], a.ID, a.Version)
	kr.must(err)
	_, _, err = kr.Evaluate(t.Context(), kr.people["evaluator"], a.ID, a.Version, office.Evaluation{Recommend: "grant", Reason: "as-assessed"})
	want(t, "a level that is not shown", err, office.Conflict)
	if _, _, err = kr.Evaluate(t.Context(), kr.people["evaluator"], a.ID, a.Version, office.Evaluation{Recommend: "refuse", Reason: "not-shown"}); err != nil {
		t.Error(err)
	}
}

// A refusal stands in no log, no register and no other maker's sight.
func TestRefusalIsNeverPublic(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx, p := t.Context(), kr.people
		size := kr.size()
		app, act := kr.evaluated(kr.apply(evidenceFile(t, "hub.yaml"), "basic"), "refuse")
		act, err := kr.Approve(ctx, p["officer-1"], act.ID, act.Version)
		kr.must(err)
		if act.State != office.ActDone || act.Index != -1 || kr.size() != size {
			t.Errorf("the refusal is %s with index %d, %d entries", act.State, act.Index, kr.size()-size)
		}
		app, err = kr.Application(ctx, p["maker"], app.ID)
		if err != nil || app.State != office.AppRefused || app.Cert != "" {
			t.Errorf("the maker sees %+v, %v", app, err)
		}
		es, _, err := kr.Register(ctx, office.Query{})
		if len(es) != 0 || err != nil {
			t.Errorf("%d lines in the register (%v)", len(es), err)
		}
		if n := kr.count(`SELECT COUNT(*) FROM blobs WHERE public = 1`); n != 0 {
			t.Errorf("%d public blobs", n)
		}
		if n := kr.count(`SELECT COUNT(*) FROM own_records WHERE kind = 'refused'`); n != 1 {
			t.Errorf("%d own records of the refusal, want 1", n)
		}
		_, err = kr.Act(ctx, p["maker-3"], act.ID)
		want(t, "another maker reads the act", err, office.NotFound)
		l, err := kr.Letter(ctx, p["officer-1"], act.ID, "ko")
		if err != nil || l.Decision != "refuse" || l.Until.IsZero() {
			t.Errorf("the refusal's letter: %+v, %v", l, err)
		}
	})
}

func resultOf(t testing.TB, a *office.Act) (r office.Result) {
	t.Helper()
	if err := json.Unmarshal(a.Result, &r); err != nil {
		t.Fatalf("act %s (%s): %v", a.Kind, a.State, err)
	}
	return r
}
