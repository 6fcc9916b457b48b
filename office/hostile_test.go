package office_test

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"assay/certificate"
	"assay/civil"
	"assay/keys"
	"assay/ledger"
	"assay/office"
	"assay/peer"
	"assay/scheme"
	"assay/statement"
	"assay/store"
	"assay/store/storetest"
)

// log puts bytes into n's log as they are, past all that an honest office
// would check, and publishes: the partner reads them over HTTP.
func (n *node) log(bodies ...[]byte) {
	n.t.Helper()
	var es []ledger.Entry
	for _, b := range bodies { // the columns beside the body are the liar's own business
		es = append(es, ledger.Entry{Kind: "raw", Issuer: "raw", Subject: uuid.NewString(), Sequence: 1, Body: b})
	}
	n.must(n.db.Update(n.t.Context(), func(tx *store.Tx) error {
		if _, err := tx.LockHead(n.t.Context()); err != nil {
			return err
		}
		_, err := ledger.Append(n.t.Context(), tx, tx.Now(), es)
		return err
	}))
}

// entry is what n's log holds of a subject's statement.
func (n *node) entry(subject string, seq int) (body []byte, s *statement.Statement) {
	n.t.Helper()
	n.must(n.db.View(n.t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT body FROM log_entries WHERE subject = $1 AND seq = $2`, subject, seq).Scan(&body)
	}))
	s, err := statement.Parse(body)
	n.must(err)
	return body, s
}

// lie signs a statement with n's own key; change may make it a lie.
func (n *node) lie(kind statement.Kind, subject string, payload any, change func(*statement.Header, *keys.Signer)) []byte {
	n.t.Helper()
	p, err := statement.Encode(payload)
	n.must(err)
	h := statement.Header{Kind: kind, Issuer: n.ID().Office, Origin: n.ID().Origin, Subject: subject, Sequence: 1}
	signer := n.ring.Statement
	if kind == statement.Key {
		signer = n.ring.Identity
	}
	if change != nil {
		change(&h, &signer)
	}
	b, err := statement.Sign(signer, h, p)
	n.must(err)
	return b
}

// suspension is a well-formed event.
func (n *node) suspension(cause string) certificate.Event {
	now := n.clock.Now().UnixMicro()
	return certificate.Event{Kind: scheme.Suspended, Change: certificate.Opens, Reason: "vulnerability-unfixed", Decided: now, Effective: now, Recorded: now,
		Act: certificate.Digest{1}, Cause: certificate.Cause{ID: cause, Kind: certificate.OwnMeasure, State: certificate.Suspended}}
}

// mirrored turns the ES256 signature (r, s) at the end of a statement into
// (r, n−s), which anybody can do and which verifies too.
func mirrored(body []byte) []byte {
	b := bytes.Clone(body)
	sig := b[len(b)-32:]
	s := new(big.Int).SetBytes(sig)
	s.Sub(elliptic.P256().Params().N, s).FillBytes(sig)
	return b
}

// lies is what a partner's log may hold, each with what becomes of it.
var lies = []struct {
	name  string
	body  func(kr *node, hub string) []byte
	code  string
	state certificate.State // of the hub's designation
	peer  string            // how the peer stands
}{
	{"replayed", func(kr *node, hub string) []byte { b, _ := kr.entry(hub, 1); return b }, "replayed", certificate.Valid, ""},
	{"signature mirrored", func(kr *node, hub string) []byte { b, _ := kr.entry(hub, 1); return mirrored(b) }, "replayed", certificate.Valid, ""},
	{"a later number", func(kr *node, hub string) []byte {
		_, s := kr.entry(hub, 1)
		return kr.lie(statement.Status, hub, kr.suspension("x"), func(h *statement.Header, _ *keys.Signer) { h.Sequence, h.Previous = 3, s.Digest() })
	}, "out-of-sequence", certificate.Held, ""},
	{"another history", func(kr *node, hub string) []byte {
		return kr.lie(statement.Status, hub, kr.suspension("x"), func(h *statement.Header, _ *keys.Signer) { h.Sequence, h.Previous = 2, [32]byte{1} })
	}, "out-of-sequence", certificate.Held, ""},
	{"two statements with one number", func(kr *node, hub string) []byte {
		_, s := kr.entry(hub, 1)
		var c certificate.Certificate
		kr.must(statement.Decode(s.Payload, &c))
		c.Level = "standard"
		return kr.lie(statement.Grant, hub, c, nil)
	}, "equivocation", certificate.Held, ""},
	{"two adoptions with one number", func(kr *node, _ string) []byte {
		return kr.lie(statement.Act, "catalog", office.ActPayload{What: "catalog", Key: "catalog", Recorded: 1}, nil)
	}, "equivocation", certificate.Valid, ""},
	{"a certificate where an event belongs", func(kr *node, hub string) []byte {
		_, s := kr.entry(hub, 1)
		return kr.lie(statement.Status, hub, json.RawMessage("x"), func(h *statement.Header, _ *keys.Signer) { h.Sequence, h.Previous = 2, s.Digest() })
	}, "payload", certificate.Held, ""},
	{"an event that cannot be", func(kr *node, hub string) []byte {
		_, s := kr.entry(hub, 1)
		e := kr.suspension("x")
		e.Kind, e.Change = scheme.Reinstated, certificate.Closes // of nothing
		return kr.lie(statement.Status, hub, e, func(h *statement.Header, _ *keys.Signer) { h.Sequence, h.Previous = 2, s.Digest() })
	}, "payload", certificate.Held, ""},
	{"an event that acts back", func(kr *node, hub string) []byte {
		_, s := kr.entry(hub, 1)
		e := kr.suspension("x")
		e.Effective = 1
		return kr.lie(statement.Status, hub, e, func(h *statement.Header, _ *keys.Signer) { h.Sequence, h.Previous = 2, s.Digest() })
	}, "payload", certificate.Held, ""},
	{"a payload of another subject", func(kr *node, hub string) []byte {
		_, s := kr.entry(hub, 1)
		var c certificate.Certificate
		kr.must(statement.Decode(s.Payload, &c))
		return kr.lie(statement.Grant, "kr-cic-77", c, nil)
	}, "payload", certificate.Valid, ""},
	{"a designation that rests on nothing", func(kr *node, hub string) []byte {
		c := certificate.Certificate{ID: "kr-cic-78", Office: "kr", Scheme: "kr-cic", Granted: civil.MustDate("2026-11-24"), Product: certificate.Product{Holder: "kr:x"}}
		return kr.lie(statement.Designation, c.ID, c, nil)
	}, "payload", certificate.Valid, ""},
	{"endless names", func(kr *node, hub string) []byte {
		c := certificate.Certificate{ID: "kr-cic-79", Office: "kr", Scheme: "kr-cic", Granted: civil.MustDate("2026-11-24"), Product: certificate.Product{Holder: strings.Repeat("h", 12000)}}
		return kr.lie(statement.Grant, c.ID, c, nil)
	}, "payload", certificate.Valid, ""},
	{"another office's scheme", func(kr *node, hub string) []byte {
		return kr.lie(statement.Grant, "sg-cls-iot-5", certificate.Certificate{ID: "sg-cls-iot-5"}, nil)
	}, peer.OtherScheme, certificate.Valid, ""},
	{"a kind that the peer act does not list", func(kr *node, hub string) []byte {
		return kr.lie(statement.Misbehavior, "misbehavior/de", office.MisbehaviorPayload{Site: "de"}, nil)
	}, peer.OtherKind, certificate.Valid, ""},
	{"in another office's name", func(kr *node, hub string) []byte {
		return kr.lie(statement.Grant, hub, kr.suspension("x"), func(h *statement.Header, _ *keys.Signer) { h.Issuer = "de" })
	}, peer.OtherOffice, certificate.Held, ""},
	{"from another ring", func(kr *node, hub string) []byte {
		return kr.lie(statement.Grant, hub, kr.suspension("x"), func(h *statement.Header, _ *keys.Signer) { h.Origin = "assay.example/kr/live" })
	}, peer.WrongOrigin, certificate.Held, ""},
	{"with a stranger's key", func(kr *node, hub string) []byte {
		stranger, err := keys.NewRing()
		kr.must(err)
		return kr.lie(statement.Grant, hub, kr.suspension("x"), func(_ *statement.Header, s *keys.Signer) { *s = stranger.Statement })
	}, peer.WrongKey, certificate.Held, ""},
	{"with a false signature", func(kr *node, hub string) []byte {
		b, _ := kr.entry(hub, 1)
		b = bytes.Clone(b)
		b[len(b)-1] ^= 1
		return b
	}, peer.BadSignature, certificate.Held, ""},
	{"unreadable", func(*node, string) []byte { return []byte("not CBOR") }, peer.Unreadable, certificate.Valid, "unreadable"},
	{"oversized", func(*node, string) []byte { return bytes.Repeat([]byte{0xd2}, 60_000) }, peer.Unreadable, certificate.Valid, "unreadable"},
}

// Whatever a partner's log holds is kept with its reason and alarmed, what
// rests on its subject is held, the cursor goes on, honest entries behind it
// are taken, and two officers can end the doubt.
func TestLies(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		ctx := t.Context()
		trusting := office.PeerBody{Site: "kr", URL: kr.server.URL, Fingerprint: kr.Fingerprint(), Schemes: []string{"kr-cic"},
			Kinds: []string{"grant", "designation", "status", "key", "act", "peer"}, Private: true, Document: string(kr.Document())}
		sg.admin(office.ActPeer, trusting)
		_, _, err := sg.Rejects(ctx, nil, "kr", "", 10)
		want(t, "rejects without a person", err, office.Unsigned)
		var kept []office.Reject
		for i, c := range lies {
			grant := func(series string) string {
				return kr.grantEvidence(product(t, "hub.yaml", "HB-300", fmt.Sprintf("%s-%d", series, i)), "kr-cic", "basic", toSG)
			}
			hub := grant("HL")
			sg.sync(kr)
			d := sg.here(hub)[0].Certificate.ID
			alarms := sg.alarmed("rejected")
			lie := c.body(kr, hub)
			kr.log(lie)
			next := grant("HN")
			sg.sync(kr)

			rs, _, err := sg.Rejects(ctx, sg.people["officer-1"], "kr", "", 200)
			sg.must(err)
			if len(rs) != len(kept)+1 {
				t.Fatalf("%s: %d entries are kept, want %d", c.name, len(rs), len(kept)+1)
			}
			if r := rs[len(kept)]; r.Code != c.code || !bytes.Equal(r.Body, lie) {
				t.Errorf("%s: kept as %s, want %s", c.name, r.Code, c.code)
			}
			if n := sg.alarmed("rejected") - alarms; n != 1 {
				t.Errorf("%s: %d alarms", c.name, n)
			}
			if s := sg.state(d); s != c.state {
				t.Errorf("%s: what rests on it is %s, want %s", c.name, s, c.state)
			}
			p := status(t, sg, "kr")
			if p.Applied != kr.size() || p.Rejected != int64(len(rs)) || p.Degraded != c.peer {
				t.Errorf("%s: the peer stands at %d of %d, %d rejected, degraded %q", c.name, p.Applied, kr.size(), p.Rejected, p.Degraded)
			}
			if n := len(sg.here(next)); (n == 1) != (c.peer == "") {
				t.Errorf("%s: %d designations of the honest grant behind it (%s)", c.name, n, sg.why(next, "sg-cls-iot"))
			}

			// A person looks, and then another.
			about := slices.DeleteFunc(sg.cases("doubt"), func(x office.Case) bool { return x.Source != hub })
			if (len(about) == 1) != (c.state == certificate.Held) {
				t.Fatalf("%s: cases of doubt: %+v", c.name, about)
			}
			for _, x := range about {
				sg.decide(x, office.DecideTrust)
			}
			if c.peer != "" {
				sg.admin(office.ActPeer, trusting)
				sg.settle()
			}
			if s := sg.state(d); s != certificate.Valid || len(sg.here(next)) != 1 {
				t.Errorf("%s: looked at, it is %s, and %d rest on the next", c.name, s, len(sg.here(next)))
			}
			// The next lie about the same subject holds it again.
			if c.state == certificate.Held {
				kr.log(lie)
				sg.sync(kr)
				if s := sg.state(d); s != certificate.Held {
					t.Errorf("%s: after a second lie it is %s", c.name, s)
				}
			}
			kept, _, err = sg.Rejects(ctx, sg.people["officer-1"], "kr", "", 200)
			sg.must(err)
		}
		if n, err := sg.RejudgeRejects(ctx); n != 0 || err != nil {
			t.Errorf("the same program took %d of it on second reading (%v)", n, err)
		}
		checkRebuild(t, sg)
	})
}

func status(t *testing.T, n *node, site string) office.PeerStatus {
	t.Helper()
	ps, err := n.Peers(t.Context())
	n.must(err)
	for _, p := range ps {
		if p.Site == site {
			return p
		}
	}
	t.Fatalf("no peer %s", site)
	return office.PeerStatus{}
}

// A lie in the middle of a batch, about a subject that the same batch brought.
func TestLieWithinABatch(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		_, s := kr.entry(hub, 1)
		kr.log(kr.lie(statement.Status, hub, kr.suspension("x"), func(h *statement.Header, _ *keys.Signer) { h.Sequence, h.Previous = 3, s.Digest() }))
		kr.act(office.ActCorrect, office.MeasureBody{Certificate: hub, Reason: "typing-error", Amend: &certificate.Amendment{Number: "CIC-2026-1001"}})
		sg.sync(kr)
		if got := sg.why(hub, "sg-cls-iot"); got != "wait:source.doubt" || len(sg.here(hub)) != 0 {
			t.Errorf("in doubt from the first: %s", got)
		}
		sg.decide(sg.one("doubt"), office.DecideTrust)
		if n := len(sg.here(hub)); n != 1 {
			t.Errorf("%d designations without the doubt (%s)", n, sg.why(hub, "sg-cls-iot"))
		}
	})
}

// Absurd times and dates do no harm to whoever asks.
func TestAbsurdDates(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		_, s := kr.entry(hub, 1)
		for i, change := range []func(*certificate.Certificate){
			func(c *certificate.Certificate) { c.Expires = math.MaxInt32 },
			func(c *certificate.Certificate) { c.Expires = math.MinInt32 },
			func(c *certificate.Certificate) { c.Granted = math.MaxInt32 },
			func(c *certificate.Certificate) { c.Granted = math.MinInt32 },
			func(c *certificate.Certificate) { c.Effective, c.Decided = math.MaxInt64, math.MaxInt64 },
			func(c *certificate.Certificate) { c.Effective, c.Decided = math.MinInt64, math.MinInt64 },
			func(c *certificate.Certificate) { c.SupportEnd = math.MinInt32 },
			func(c *certificate.Certificate) { c.Product.Models = nil },
			func(c *certificate.Certificate) { c.Product.Functions = nil },
		} {
			var c certificate.Certificate
			kr.must(statement.Decode(s.Payload, &c))
			c.ID = fmt.Sprintf("kr-cic-%d", 900+i)
			change(&c)
			kr.log(kr.lie(statement.Grant, c.ID, c, nil))
		}
		var many []certificate.Model // more text than an index entry holds
		for i := range 200 {
			sum := sha256.Sum256([]byte{byte(i)})
			many = append(many, certificate.Model{ID: hex.EncodeToString(sum[:24])})
		}
		var c certificate.Certificate
		kr.must(statement.Decode(s.Payload, &c))
		c.ID, c.Product.Models = "kr-cic-950", many
		kr.log(kr.lie(statement.Grant, c.ID, c, nil))
		sg.sync(kr)
		if n := len(sg.here(hub)); n != 1 {
			t.Errorf("%d designations of the honest one", n)
		}
		for _, at := range []time.Duration{0, 2000 * day} {
			kr.clock.Advance(at)
			sg.settle()
			if _, _, err := sg.Register(t.Context(), office.Query{}); err != nil {
				t.Error(err)
			}
			if _, _, err := sg.Arrivals(t.Context(), "", "", 100); err != nil {
				t.Error(err)
			}
		}
		if p := status(t, sg, "kr"); p.Applied != kr.size() {
			t.Errorf("applied %d of %d", p.Applied, kr.size())
		}
		checkRebuild(t, sg)
	})
}

// What the peer act did not allow is read again once it does, in order; the
// doubt ends by itself, and a second reading changes nothing.
func TestReadAgain(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		p := office.PeerBody{Site: "kr", URL: kr.server.URL, Fingerprint: kr.Fingerprint(), Schemes: []string{"kr-cic"},
			Kinds: []string{"grant", "key", "act", "peer"}, Private: true, Document: string(kr.Document())}
		sg.admin(office.ActPeer, p)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		d := sg.here(hub)[0].Certificate.ID
		kr.act(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"})
		kr.act(office.ActReinstate, office.MeasureBody{Certificate: hub, Reason: "own-finding-closed"})
		kr.act(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"})
		sg.sync(kr)
		if s := sg.state(d); s != certificate.Held {
			t.Fatalf("with a suspension that it may not read it is %s", s)
		}
		p.Kinds = append(p.Kinds, "status")
		sg.admin(office.ActPeer, p)
		sg.settle()
		if s := sg.state(d); s != certificate.Suspended || len(sg.cases("doubt")) != 0 {
			t.Errorf("read again it is %s, %d cases of doubt", s, len(sg.cases("doubt")))
		}
		if n, err := sg.RejudgeRejects(t.Context()); n != 0 || err != nil {
			t.Errorf("a second reading took %d (%v)", n, err)
		}
		kr.act(office.ActReinstate, office.MeasureBody{Certificate: hub, Reason: "own-finding-closed"})
		sg.sync(kr)
		if s := sg.state(d); s != certificate.Valid {
			t.Errorf("and goes on: %s", s)
		}
		checkRebuild(t, sg)
	})
}

// Keys change through the log, and what an ended key signs behind that is not believed.
func TestEndedKey(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		fresh, err := keys.NewRing()
		kr.must(err)
		_, first := kr.entry("key", 1)
		recs := []keys.Record{kr.ring.Identity.Record, fresh.Statement.Record, kr.ring.Label.Record, kr.ring.Checkpoint.Record}
		kr.log(kr.lie(statement.Key, "key", office.KeyPayload{Keys: recs, Recorded: kr.clock.Now().UnixMicro()}, func(h *statement.Header, _ *keys.Signer) {
			h.Sequence, h.Previous = 2, first.Digest()
		}))
		_, s := kr.entry(hub, 1)
		next := func(h *statement.Header, _ *keys.Signer) { h.Sequence, h.Previous = 2, s.Digest() }
		kr.log(kr.lie(statement.Status, hub, kr.suspension("stolen"), next))
		kr.log(kr.lie(statement.Status, hub, kr.suspension("honest"), func(h *statement.Header, k *keys.Signer) { next(h, k); *k = fresh.Statement }))
		kr.clock.Advance(time.Second)
		sg.sync(kr)
		rs, _, err := sg.Rejects(t.Context(), sg.people["officer-1"], "kr", "", 10)
		if err != nil || len(rs) != 1 || rs[0].Code != "key-ended" {
			t.Errorf("rejected: %+v (%v)", rs, err)
		}
		if s := sg.state(sg.here(hub)[0].Certificate.ID); s != certificate.Suspended {
			t.Errorf("the new key's suspension left it %s", s)
		}
	})
}

// Two histories under one key: the evidence is kept, shown, and logged by
// digest; nothing new is taken until two persons have acted.
func TestFork(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		ctx := t.Context()
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		late := kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-301"), "kr-cic", "basic")
		sg.sync(kr)

		// Whoever stole the keys founds the office once more.
		db := storetest.SQLite(t)
		db.Clock = kr.clock.Now
		f := office.Founding{Info: kr.ID(), Catalog: archive}
		for _, id := range []string{"a", "b"} {
			_, h := office.NewToken()
			f.Persons = append(f.Persons, office.PersonBody{Person: office.Person{ID: id, Pseudonym: id, Roles: []office.Role{office.RoleAdmin}}, TokenHash: hex.EncodeToString(h[:])})
		}
		kr.must(office.Found(ctx, db, kr.ring, f))
		thief := &node{t: t, db: db, ring: kr.ring, clock: kr.clock}
		thief.Office, _ = office.Open(ctx, db, kr.ring, office.Options{})
		for range 20 {
			thief.log([]byte("x"))
		}
		kr.must(thief.Publish(ctx))
		honest := kr.server.Config.Handler
		kr.server.Config.Handler = ledger.Handler(db.Log())
		size := sg.size()
		for range 2 {
			if err := sg.follower.Step(ctx, "kr"); peer.Code(err) != peer.Fork {
				t.Fatalf("following the fork: %v", err)
			}
		}
		p := status(t, sg, "kr")
		ev, err := sg.PeerEvidence(ctx, "kr")
		if err != nil || len(ev) != 1 || p.Evidence != 1 || p.Degraded != "fork" || sg.alarmed("fork") != 1 {
			t.Errorf("%d pieces of evidence, degraded %q, %d alarms (%v)", len(ev), p.Degraded, sg.alarmed("fork"), err)
		}
		digest := sha256.Sum256(ev[0])
		if b, err := sg.Blob(ctx, hex.EncodeToString(digest[:])); err != nil || !bytes.Equal(b, ev[0]) {
			t.Errorf("the evidence is not served by its digest: %v", err)
		}
		_, st := sg.entry("misbehavior/kr", 1)
		var m office.MisbehaviorPayload
		if err := statement.Decode(st.Payload, &m); err != nil || m.Digest != digest || sg.size() != size+1 {
			t.Errorf("logged: %+v, %d entries (%v)", m, sg.size()-size, err)
		}
		if got := status(t, sg, "kr"); got.Applied != p.Applied {
			t.Error("something of the other history was applied")
		}

		sg.must(sg.Request(ctx, sg.people["maker"], "kr", late, toSG))
		sg.settle()
		e := sg.here(hub)[0]
		if got := sg.why(late, "sg-cls-iot"); got != "wait:peer.degraded" || e.Standing.State != certificate.Valid || !e.Stale {
			t.Errorf("new: %s; existing: %s, stale %t", got, e.Standing.State, e.Stale)
		}
		kr.server.Config.Handler = honest
		sg.sync(kr)
		if n := len(sg.here(late)); n != 0 {
			t.Error("an honest answer wiped the evidence out")
		}
		sg.follow(kr, "kr-cic") // two persons have looked
		sg.settle()
		if n := len(sg.here(late)); n != 1 || sg.here(hub)[0].Stale {
			t.Errorf("after their act %d are designated (%s)", n, sg.why(late, "sg-cls-iot"))
		}
		checkRebuild(t, sg)
	})
}

// Two processes that follow and reconcile on one database designate once.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		const n = 18
		ids := map[string]bool{}
		for i := range n {
			asks := []office.StandingRequest{toSG}
			if i%3 == 2 {
				asks[0].Declaration = false // offered only
			}
			ids[kr.grantEvidence(product(t, "hub.yaml", "HB-300", fmt.Sprintf("HB-6%02d", i)), "kr-cic", "basic", asks...)] = i%3 != 2
		}
		kr.must(kr.Publish(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for range 3 {
			other, err := office.Open(ctx, sg.db, sg.ring, office.Options{})
			sg.must(err)
			f := peer.NewFollower(other, peer.Options{Now: sg.clock.Now})
			wg.Go(func() {
				if err := f.Step(ctx, "kr"); err != nil {
					t.Error(err)
				}
				for {
					k, err := other.ReconcileDue(ctx)
					if err != nil {
						t.Error(err)
					}
					if k == 0 || err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		sg.settle()
		numbers := map[string]bool{}
		for id, should := range ids {
			es := sg.here(id)
			if (len(es) == 1) != should || len(es) > 1 {
				t.Errorf("%d designations of %s, want %t", len(es), id, should)
			}
			for _, e := range es {
				if numbers[e.Certificate.Number] {
					t.Errorf("number %s twice", e.Certificate.Number)
				}
				numbers[e.Certificate.Number] = true
			}
		}
		checkRebuild(t, sg)
	})
}

// Two processes put the same question before a person once.
func TestTwoProcessesOneCase(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := partners(t, open)
		sg.reading(krToSG)
		const n = 8
		for i := range n {
			kr.grantEvidence(product(t, "hub.yaml", "HB-300", fmt.Sprintf("HB-6%02d", i)), "kr-cic", "basic", toSG)
		}
		kr.must(kr.Publish(t.Context()))
		sg.must(sg.follower.Step(t.Context(), "kr"))
		var wg sync.WaitGroup
		for range 4 {
			other, err := office.Open(t.Context(), sg.db, sg.ring, office.Options{})
			sg.must(err)
			wg.Go(func() {
				if _, err := other.ReconcileDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		sg.settle()
		if cs := sg.cases("review"); len(cs) != n {
			t.Errorf("%d cases for %d sources", len(cs), n)
		}
	})
}

// Alarms of several processes do not get in each other's way.
func TestAlarmsAtOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		sg.sync(kr)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if err := sg.Trouble(t.Context(), "kr", fmt.Sprintf("odd-%d", i), fmt.Errorf("odd")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		as, _, err := sg.Alarms(t.Context(), sg.people["admin-1"], "", 100)
		sg.must(err)
		if len(as) != 12 {
			t.Errorf("%d alarms of 12", len(as))
		}
		want(t, "cleared by a maker", sg.ClearAlarm(t.Context(), sg.people["maker"], as[0].ID), office.Forbidden)
		sg.must(sg.ClearAlarm(t.Context(), sg.people["officer-1"], as[0].ID))
		want(t, "cleared twice", sg.ClearAlarm(t.Context(), sg.people["officer-1"], as[0].ID), office.NotFound)
	})
}

// A receipt says how far this office's log was applied over there.
func TestReceipts(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		_, err := sg.SignedReceipt(t.Context(), "kr")
		want(t, "a receipt for nothing", err, office.NotFound)
		kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		kr.clock.Advance(time.Second)
		p := status(t, kr, "sg")
		if p.ReceiptSize != kr.size() || p.Receipt == "" || p.ReceiptAt == 0 {
			t.Errorf("Korea holds a receipt for %d of %d", p.ReceiptSize, kr.size())
		}
		signed, err := sg.SignedReceipt(t.Context(), "kr")
		sg.must(err)
		sites, err := kr.Sites(t.Context())
		kr.must(err)
		at := kr.clock.Now().UnixMicro()
		r, err := peer.ParseReceipt(signed, sites[0], at)
		if err != nil || r.Size != kr.size() || r.Receiver != "sg" {
			t.Fatalf("served: %+v (%v)", r, err)
		}
		kr.log([]byte("rubbish"))
		sg.sync(kr)
		signed, err = sg.SignedReceipt(t.Context(), "kr")
		sg.must(err)
		if s, err := peer.ParseReceipt(signed, sites[0], at); err != nil || s.Held == r.Held || s.Size != r.Size+1 {
			t.Errorf("what was rejected is not told: %+v (%v)", s, err)
		}
		// Between a verified head and its application there is none: size and root would not fit.
		sg.must(sg.Verified(t.Context(), "kr", kr.size(), peer.Head{Size: kr.size() + 5, Root: [32]byte{1}, Note: []byte("x")}))
		if _, err := sg.SignedReceipt(t.Context(), "kr"); office.CodeOf(err) != office.NotFound {
			t.Errorf("a receipt with a root of another size: %v", err)
		}
	})
}
