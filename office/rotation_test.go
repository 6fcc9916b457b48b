package office_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"assay/certificate"
	"assay/keys"
	"assay/ledger"
	"assay/office"
	"assay/peer"
	"assay/statement"
	"assay/store"
	"assay/store/storetest"
)

// renewal is the ring that follows n's, at hand for n, and the act's body that
// puts it in force.
func (n *node) renewal(reason string, since time.Time, roles ...keys.Role) (*keys.Ring, office.KeyBody) {
	n.t.Helper()
	next, err := n.ring.Renew(roles...)
	n.must(err)
	n.others = append(n.others, next)
	b := office.KeyBody{Reason: reason}
	for _, k := range next.Records() {
		if !n.ring.Has([]keys.Record{k}) {
			b.Keys = append(b.Keys, k)
		}
	}
	if !since.IsZero() {
		b.Since = since.UnixMicro()
	}
	return next, b
}

// rotate replaces n's keys by an act.
func (n *node) rotate(reason string, since time.Time, roles ...keys.Role) (old *keys.Ring, r office.KeyResult) {
	n.t.Helper()
	next, body := n.renewal(reason, since, roles...)
	a := n.admin(office.ActKey, body)
	n.must(json.Unmarshal(a.Result, &r))
	old, n.ring = n.ring, next
	return old, r
}

// signedBy says which rings' checkpoint keys signed the newest checkpoint.
func (n *node) signedBy(rings ...*keys.Ring) (by []bool, size int64) {
	n.t.Helper()
	text, size, err := n.db.Log().Published(n.t.Context())
	n.must(err)
	for _, r := range rings {
		v, err := r.Checkpoint.NoteVerifier(n.ID().Origin)
		n.must(err)
		_, err = note.Open(text, note.VerifierList(v))
		by = append(by, err == nil)
	}
	return by, size
}

// checkFsck holds the whole log against its newest checkpoint, by the key in force.
func checkFsck(t *testing.T, n *node) {
	t.Helper()
	v, err := n.ring.Checkpoint.NoteVerifier(n.ID().Origin)
	n.must(err)
	if _, err := ledger.Fsck(t.Context(), ledger.Local(n.db.Log()), n.ID().Origin, v, nil); err != nil {
		t.Error(err)
	}
}

// elsewhere are an office's books, but for where its partner is asked.
type elsewhere struct {
	*office.Office
	url string
}

func (e elsewhere) Sites(ctx context.Context) ([]peer.Site, error) {
	sites, err := e.Office.Sites(ctx)
	sites = slices.Clone(sites)
	for i := range sites {
		sites[i].BaseURL = e.url
	}
	return sites, err
}

// stolen is a follower of n's that a thief has led to a log of its own: that
// of other, with one entry more, all under the keys of a ring.
func (n *node) stolen(other *node, ring *keys.Ring) *peer.Follower {
	n.t.Helper()
	ctx := n.t.Context()
	db := storetest.SQLite(n.t)
	n.must(db.Migrate(ctx, store.Migrations()))
	body := other.lie(statement.Act, "catalog-2", map[string]string{"of": "thief"}, func(_ *statement.Header, k *keys.Signer) { *k = ring.Statement })
	n.must(db.Update(ctx, func(tx *store.Tx) error {
		var es []ledger.Entry
		add := func(i int64, b []byte) error {
			es = append(es, ledger.Entry{Kind: "raw", Issuer: "raw", Subject: uuid.NewString(), Sequence: 1, Body: b})
			return nil
		}
		if err := office.LogEntries(ctx, other.db)(add); err != nil {
			return err
		}
		add(0, body)
		if _, err := tx.LockHead(ctx); err != nil {
			return err
		}
		head, err := ledger.Append(ctx, tx, tx.Now(), es)
		if err != nil {
			return err
		}
		note, err := ledger.Checkpoint(other.ID().Origin, head, ring.Checkpoint)
		if err != nil {
			return err
		}
		_, err = tx.StoreCheckpoint(head, note)
		return err
	}))
	s := httptest.NewServer(ledger.Handler(db.Log()))
	n.t.Cleanup(s.Close)
	return peer.NewFollower(elsewhere{n.Office, s.URL}, peer.Options{Now: n.db.Clock})
}

// TestRotation replaces all of an office's keys by the calendar. Its partner
// follows through it, both ways, and nothing is held.
func TestRotation(t *testing.T) {
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		before := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		kr.sync(sg)
		print := kr.Fingerprint()
		kr.clock.Advance(time.Hour)
		old, res := kr.rotate(statement.Scheduled, time.Time{})

		if kr.Fingerprint() != print {
			t.Error("the fingerprint changed: partners compare the identity key")
		}
		kr.must(kr.Publish(t.Context()))
		if by, size := kr.signedBy(old, kr.ring); !by[0] || !by[1] || size != res.Index+1 {
			t.Errorf("the checkpoint of size %d over the key statement %d is signed by old and new: %v", size, res.Index, by)
		}
		// Not read yet: both keys go on signing, also after a start with the new ring.
		kr.others = []*keys.Ring{old}
		kr.open()
		kr.clock.Advance(time.Hour)
		vacuum := kr.grant("vacuum.yaml", "kr-cic", "basic")
		kr.must(kr.Publish(t.Context()))
		if by, _ := kr.signedBy(old, kr.ring); !by[0] || !by[1] {
			t.Errorf("a partner has not read of the new key: signed by old and new: %v", by)
		}
		sg.sync(kr)
		// Its receipt says that it has: the old key rests.
		kr.act(office.ActSuspend, office.MeasureBody{Certificate: before, Reason: "vulnerability-unfixed"})
		kr.must(kr.Publish(t.Context()))
		if by, _ := kr.signedBy(old, kr.ring); by[0] || !by[1] {
			t.Errorf("every partner has read of the new key: signed by old and new: %v", by)
		}
		sg.sync(kr)
		kr.sync(sg) // whose receipts the new key signs
		if s := sg.state(sg.here(before)[0].Certificate.ID); s != certificate.Suspended {
			t.Errorf("the suspension under the new key left the designation %s", s)
		}
		if a, err := sg.Certificate(t.Context(), sg.here(before)[0].Certificate.ID, 0, 0); err != nil || len(a.Standing.Open) != 1 {
			t.Errorf("%d causes are open, want the suspension alone (%v)", len(a.Standing.Open), err)
		}
		ps, err := sg.Peers(t.Context())
		sg.must(err)
		if p := ps[0]; p.Trouble != "" || p.Rejected != 0 || p.ReceiptSize == 0 {
			t.Errorf("trouble %q, %d rejected, receipt for %d", p.Trouble, p.Rejected, p.ReceiptSize)
		}
		if kr.state(vacuum) != certificate.Valid {
			t.Error("the grant right after the change is lost")
		}
		for _, n := range []*node{kr, sg} {
			checkRebuild(t, n)
			checkFsck(t, n)
		}

		// A start with the new ring, and one with the old ring and the new one beside it.
		ring := kr.ring
		kr.others = nil
		kr.open()
		kr.ring, kr.others = old, []*keys.Ring{ring}
		kr.open()
		kr.act(office.ActReinstate, office.MeasureBody{Certificate: before, Reason: "vulnerability-fixed"})
		kr.ring = ring
		sg.sync(kr)
		if s := sg.state(sg.here(before)[0].Certificate.ID); s != certificate.Valid {
			t.Errorf("after the restart and the reinstatement it is %s", s)
		}
		// With the old one alone, or a stranger's, it does not start.
		stranger, err := keys.NewRing()
		kr.must(err)
		for name, r := range map[string]*keys.Ring{"old": old, "stranger's": stranger} {
			_, err := office.Open(t.Context(), kr.db, r, office.Options{})
			if !errors.Is(err, office.ErrNoRing) || !strings.Contains(err.Error(), "not the one that the log names") {
				t.Errorf("opened with the %s ring: %v", name, err)
			}
		}
	})
}

// TestHandoverEnds: a partner that says nothing does not keep an old key alive.
func TestHandoverEnds(t *testing.T) {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	sg.sync(kr)
	old, _ := kr.rotate(statement.Scheduled, time.Time{})
	kr.must(kr.Publish(t.Context()))
	kr.clock.Advance(31 * 24 * time.Hour)
	kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	kr.must(kr.Publish(t.Context()))
	if by, _ := kr.signedBy(old, kr.ring); by[0] || !by[1] {
		t.Errorf("after 31 days signed by old and new: %v", by)
	}
	sg.sync(kr) // it was away for all of it, and reads of the key under the head that it signed
	if ps, err := sg.Peers(t.Context()); err != nil || ps[0].Trouble != "" || ps[0].Rejected != 0 {
		t.Errorf("%+v, %v", ps, err)
	}
}

// TestLatePartner pairs after a change of keys and reads the log from its
// first entry, which an ended key signed.
func TestLatePartner(t *testing.T) {
	clock := storetest.NewClock(start)
	kr, sg := newNode(t, storetest.SQLite(t), "kr", clock), newNode(t, storetest.SQLite(t), "sg", clock)
	sg.automatic(krToSG, 1000)
	first := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	for range 2 {
		clock.Advance(24 * time.Hour)
		kr.rotate(statement.Scheduled, time.Time{})
	}
	second := kr.grant("vacuum.yaml", "kr-cic", "basic")
	kr.follow(sg, "sg-cls-iot")
	sg.follow(kr, "kr-cic")
	sg.sync(kr)
	if ps, err := sg.Peers(t.Context()); err != nil || ps[0].Rejected != 0 || ps[0].Trouble != "" || ps[0].Applied != ps[0].Size {
		t.Fatalf("%+v, %v", ps, err)
	}
	for _, id := range []string{first, second} {
		if es, _, err := sg.Arrivals(t.Context(), "kr", "", 50); err != nil || !slices.ContainsFunc(es, func(a office.Arrival) bool { return a.ID == id }) {
			t.Errorf("%s did not arrive (%v)", id, err)
		}
	}
	// To pair again changes nothing, and revives no key.
	sg.follow(kr, "kr-cic")
	kr.act(office.ActSuspend, office.MeasureBody{Certificate: second, Reason: "vulnerability-unfixed"})
	sg.sync(kr)
	if ps, err := sg.Peers(t.Context()); err != nil || ps[0].Rejected != 0 || ps[0].Trouble != "" {
		t.Errorf("%+v, %v", ps, err)
	}
}

// TestCompromised replaces stolen keys. What they signed from the instant on
// is in doubt abroad and nothing else; the old key is believed no more.
func TestCompromised(t *testing.T) {
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		clean := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		kr.clock.Advance(time.Hour)
		since := kr.clock.Now()
		kr.clock.Advance(time.Minute)
		other := product(t, "hub.yaml", "HB-300", "HB-400")
		dirty := kr.grantEvidence(other, "kr-cic", "basic", toSG)
		sg.sync(kr)
		if len(sg.here(clean)) != 1 || len(sg.here(dirty)) != 1 {
			t.Fatalf("designations: %d and %d", len(sg.here(clean)), len(sg.here(dirty)))
		}
		c, d := sg.here(clean)[0].Certificate.ID, sg.here(dirty)[0].Certificate.ID
		kr.clock.Advance(time.Hour)
		old, res := kr.rotate(statement.Compromised, since)
		if res.Doubt != 1 || kr.alarmed("key-compromised") != 1 {
			t.Errorf("%d entries in doubt from %d on, want the one grant", res.Doubt, res.From)
		}
		kr.must(kr.Publish(t.Context()))
		if by, _ := kr.signedBy(old, kr.ring); !by[0] || !by[1] {
			t.Errorf("the checkpoint over the key statement is signed by old and new: %v", by)
		}
		late := kr.grant("vacuum.yaml", "kr-cic", "basic")
		kr.must(kr.Publish(t.Context()))
		if by, _ := kr.signedBy(old, kr.ring); by[0] || !by[1] {
			t.Errorf("the next checkpoint is signed by old and new: %v", by)
		}
		sg.sync(kr) // which never saw the one that both signed
		if s := sg.state(c); s != certificate.Valid {
			t.Errorf("signed before the instant, it is %s", s)
		}
		if s := sg.state(d); s != certificate.Held {
			t.Errorf("signed after the instant, it is %s", s)
		}
		if kr.state(dirty) != certificate.Valid || kr.state(late) != certificate.Valid {
			t.Error("the office's own grants are not touched")
		}
		if sg.alarmed("key-compromised") != 1 {
			t.Error("no alarm")
		}
		a, err := sg.Certificate(t.Context(), d, 0, 0)
		sg.must(err)
		if e := a.Events[len(a.Events)-1]; e.Reason != "source-key-compromised" {
			t.Errorf("reason %q", e.Reason)
		}

		// Two persons have looked at the one in doubt.
		doubt := sg.one("doubt")
		if doubt.Source != dirty || doubt.Why != "key-compromised" {
			t.Errorf("%+v", doubt)
		}
		sg.act(office.ActCase, office.CaseBody{Case: doubt.ID, Decide: office.DecideTrust, Reason: "compared-by-telephone"})
		sg.settle()
		if s := sg.state(d); s != certificate.Valid {
			t.Errorf("trusted again it is %s", s)
		}

		// The thief goes on with both old keys, from the honest log's end.
		p, err := sg.Position(t.Context(), "kr")
		sg.must(err)
		thief := sg.stolen(kr, old)
		if code := peer.Code(thief.Step(t.Context(), "kr")); code != peer.WrongKey {
			t.Errorf("a head signed by the stolen key: %q", code)
		}
		after, err := sg.Position(t.Context(), "kr")
		sg.must(err)
		if after.Verified.Size != p.Verified.Size || after.Applied != p.Applied || sg.alarmed("peer-wrong-key") == 0 {
			t.Errorf("it moved from %d to %d", p.Applied, after.Applied)
		}
		sg.sync(kr)
		for _, n := range []*node{kr, sg} {
			checkRebuild(t, n)
			checkFsck(t, n)
		}
	})
}

// TestCompromisedSinceLongAgo: what an earlier key signed is not in doubt,
// however far back the instant lies.
func TestCompromisedSinceLongAgo(t *testing.T) {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	_, first := kr.rotate(statement.Scheduled, time.Time{})
	_, second := kr.rotate(statement.Compromised, start.Add(-time.Hour))
	if second.From != first.Index+1 || second.Doubt != 0 {
		t.Errorf("%d entries in doubt from %d on, want none: the key came with entry %d", second.Doubt, second.From, first.Index)
	}
	sg.sync(kr)
	if s := sg.state(sg.here(hub)[0].Certificate.ID); s != certificate.Valid {
		t.Errorf("signed by an earlier key it is %s", s)
	}
}

// TestStolenStatementKey: the thief gets an entry into the log itself, after
// the statement that ended the key. No reader takes it.
func TestStolenStatementKey(t *testing.T) {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	sg.sync(kr)
	old, _ := kr.rotate(statement.Scheduled, time.Time{}, keys.Statement)
	_, last := kr.entry(hub, 1)
	kr.log(kr.lie(statement.Status, hub, kr.suspension("theft"), func(h *statement.Header, k *keys.Signer) {
		h.Sequence, h.Previous, *k = 2, last.Digest(), old.Statement
	}))
	sg.sync(kr)
	if s := sg.state(sg.here(hub)[0].Certificate.ID); s != certificate.Held {
		t.Errorf("an entry of an ended key left it %s, want held", s)
	}
	rs, _, err := sg.Rejects(t.Context(), sg.people["officer-1"], "kr", "", 10)
	sg.must(err)
	if len(rs) != 1 || rs[0].Code != "key-ended" {
		t.Errorf("%+v", rs)
	}
	_, err = office.Rebuild(t.Context(), storetest.SQLite(t), "kr", kr.ID().Origin, kr.ring.Identity.Record, archive, office.LogEntries(t.Context(), kr.db))
	if !errors.Is(err, statement.ErrWrongKey) {
		t.Errorf("rebuilt from it: %v", err)
	}
}

// TestRotationCrash: recorded and not logged, it is finished at the next
// start, or given up whole where the new keys are gone.
func TestRotationCrash(t *testing.T) {
	for _, gone := range []bool{false, true} {
		kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
		next, body := kr.renewal(statement.Scheduled, time.Time{})
		b, err := json.Marshal(body)
		kr.must(err)
		a, err := kr.Propose(t.Context(), kr.people["admin-1"], uuid.NewString(), office.ActKey, b)
		kr.must(err)
		approve := func() error {
			return kr.ApproveOnly(t.Context(), kr.people["admin-2"], a.ID, a.Version)
		}
		if err := approve(); !errors.Is(err, office.ErrNoRing) {
			t.Fatalf("approved without the ring at hand: %v", err)
		}
		kr.LoadRings()
		kr.must(approve())
		want, ring := office.ActDone, next
		if gone {
			want, ring = office.ActRejected, kr.ring
			kr.others = nil
		}
		kr.open()
		if a, err = kr.Act(t.Context(), nil, a.ID); err != nil || a.State != want {
			t.Fatalf("gone %v: after the crash it is %s (%v), want %s", gone, a.State, err, want)
		}
		kr.ring = ring
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		if len(sg.here(hub)) != 1 {
			t.Errorf("gone %v: the partner does not follow", gone)
		}
		checkRebuild(t, kr)
		checkFsck(t, kr)
	}
}

// TestRotationOfTwoProcesses: one replaces the keys, and what the other has
// signed with the old ones meanwhile is not logged but signed anew.
func TestRotationOfTwoProcesses(t *testing.T) {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	one := kr.Office
	kr.open()
	two := kr.Office
	body, err := json.Marshal(office.MeasureBody{Certificate: hub, Reason: "vulnerability-unfixed"})
	kr.must(err)
	a, err := two.Propose(t.Context(), kr.people["officer-1"], uuid.NewString(), office.ActSuspend, body)
	kr.must(err)
	kr.must(two.ApproveOnly(t.Context(), kr.people["officer-2"], a.ID, a.Version))
	signed, err := two.Prepared(t.Context(), a.ID)
	kr.must(err)
	kr.Office = one
	kr.rotate(statement.Scheduled, time.Time{})
	if err := signed(); !errors.Is(err, office.ErrMoved) {
		t.Fatalf("logged under a key that has ended: %v", err)
	}
	kr.must(two.RefreshSigning(t.Context()))
	if err := signed(); !errors.Is(err, office.ErrMoved) { // it knows the new key, and this is the old one's
		t.Fatalf("logged under a key that has ended: %v", err)
	}
	kr.must(two.Finish(t.Context(), a.ID))
	if s := kr.state(hub); s != certificate.Suspended {
		t.Errorf("it is %s", s)
	}
	sg.sync(kr)
	if ps, err := sg.Peers(t.Context()); err != nil || ps[0].Rejected != 0 || ps[0].Trouble != "" {
		t.Errorf("%+v, %v", ps, err)
	}
}

// TestKeyActRefused holds bad acts against the office.
func TestKeyActRefused(t *testing.T) {
	kr := newNode(t, storetest.SQLite(t), "kr", storetest.NewClock(start))
	now := kr.clock.Now()
	old, _ := kr.rotate(statement.Scheduled, time.Time{})
	stranger, err := keys.NewRing()
	kr.must(err)
	for name, b := range map[string]office.KeyBody{
		"nothing":           {Reason: "scheduled"},
		"no reason":         {Keys: []keys.Record{stranger.Label.Record}},
		"unknown reason":    {Keys: []keys.Record{stranger.Label.Record}, Reason: "tuesday"},
		"identity":          {Keys: []keys.Record{stranger.Identity.Record}, Reason: "scheduled"},
		"ended key":         {Keys: []keys.Record{old.Statement.Record}, Reason: "scheduled"},
		"key in force":      {Keys: []keys.Record{kr.ring.Label.Record}, Reason: "scheduled"},
		"role twice":        {Keys: []keys.Record{stranger.Label.Record, {ID: stranger.Statement.ID, Role: keys.Label, Algorithm: keys.ES256, Public: stranger.Statement.Public}}, Reason: "scheduled"},
		"no instant":        {Keys: []keys.Record{stranger.Label.Record}, Reason: "compromised"},
		"instant to come":   {Keys: []keys.Record{stranger.Label.Record}, Reason: "compromised", Since: now.Add(time.Hour).UnixMicro()},
		"instant, no thief": {Keys: []keys.Record{stranger.Label.Record}, Reason: "scheduled", Since: now.UnixMicro()},
		"its own times":     {Keys: []keys.Record{{ID: stranger.Label.ID, Role: keys.Label, Algorithm: keys.ES256, Public: stranger.Label.Public, NotAfter: 9}}, Reason: "scheduled"},
		"broken record":     {Keys: []keys.Record{{ID: stranger.Label.ID, Role: keys.Label, Algorithm: keys.ES256, Public: []byte("x")}}, Reason: "lost"},
	} {
		if _, err := kr.tryAct(office.ActKey, b, "admin-1", "admin-2"); office.CodeOf(err) != office.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Keys that nobody here can sign with are no keys of this office.
	if _, err := kr.tryAct(office.ActKey, office.KeyBody{Keys: []keys.Record{stranger.Label.Record}, Reason: "lost"}, "admin-1", "admin-2"); office.CodeOf(err) != office.Conflict || !errors.Is(err, office.ErrNoRing) {
		t.Errorf("a stranger's key: %v", err)
	}
	if _, err := kr.tryAct(office.ActKey, office.KeyBody{Keys: []keys.Record{stranger.Label.Record}, Reason: "lost"}, "officer-1", "officer-2"); err == nil {
		t.Error("officers replaced a key")
	}
}

// What was rejected when the doubt about a stolen key began is in that doubt
// when it is taken at last.
func TestLateDoubt(t *testing.T) {
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		narrow := office.PeerBody{Site: "kr", URL: kr.server.URL, Fingerprint: kr.Fingerprint(), Schemes: []string{"kr-cic"}, Kinds: []string{"key", "act", "peer"}, Private: true, Document: string(kr.Document())}
		sg.admin(office.ActPeer, narrow)
		kr.clock.Advance(time.Hour)
		since := kr.clock.Now()
		kr.clock.Advance(time.Minute)
		dirty := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		kr.clock.Advance(time.Hour)
		kr.rotate(statement.Compromised, since)
		kr.must(kr.Publish(t.Context()))
		clean := kr.grant("vacuum.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		if rs, _, err := sg.Rejects(t.Context(), sg.people["officer-1"], "kr", "", 10); err != nil || len(rs) != 2 {
			t.Fatalf("%d entries are rejected, want both grants (%v)", len(rs), err)
		}
		wide := narrow
		wide.Kinds, wide.Document = kinds, string(kr.Document())
		sg.admin(office.ActPeer, wide)
		sg.settle()
		doubts := sg.cases("doubt")
		if len(doubts) != 1 || doubts[0].Source != dirty || doubts[0].Why != "key-compromised" || len(sg.here(dirty)) != 0 {
			t.Errorf("cases of doubt %+v, %d designations of what a thief may have signed; %s is clean", doubts, len(sg.here(dirty)), clean)
		}
	})
}
