package office_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"assay/certificate"
	"assay/keys"
	"assay/office"
	"assay/scheme"
	"assay/statement"
	"assay/store"
	"assay/store/storetest"
)

// models is n models whose names are of some length.
func models(n, length int) (out []certificate.Model) {
	for i := range n {
		out = append(out, certificate.Model{ID: fmt.Sprintf("M%0*d", length-1, i)})
	}
	return out
}

// A statement abroad that just fits leads to one here that does not: it holds
// up itself, and nothing that lies beside it.
func TestTooLargeToPassOn(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		_, s := kr.entry(hub, 1)
		var c certificate.Certificate
		kr.must(statement.Decode(s.Payload, &c))
		c.ID, c.Product.Models = "kr-cic-950", nil
		room := statement.MaxSize - len(kr.lie(statement.Grant, c.ID, c, nil)) - 30
		c.Product.Models = models(room/105, 100)
		kr.log(kr.lie(statement.Grant, c.ID, c, nil))

		now := kr.clock.Now().UnixMicro()
		next := func(h *statement.Header, _ *keys.Signer) { h.Sequence, h.Previous = 2, s.Digest() }
		firmware := &certificate.Firmware{Rule: scheme.FirmwareListed, Versions: []string{"9"}}
		amended := certificate.Event{Kind: scheme.ScopeCut, Change: certificate.Amends, Reason: "firmware-withdrawn", Decided: now, Effective: now, Recorded: now,
			Act: certificate.Digest{1}, Amend: &certificate.Amendment{Firmware: firmware}}
		room = statement.MaxSize - len(kr.lie(statement.Status, hub, amended, next)) - 30
		for _, m := range models(room/105, 100) {
			firmware.Versions = append(firmware.Versions, m.ID)
		}
		kr.log(kr.lie(statement.Status, hub, amended, next))
		other := kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-301"), "kr-cic", "basic", toSG)
		sg.sync(kr)
		if n := len(sg.here(other)); n != 1 {
			t.Errorf("%d designations of the honest one beside it", n)
		}
		if n := len(sg.here("kr-cic-950")); n != 0 {
			t.Errorf("%d designations of what is too large", n)
		}
		if s := sg.state(sg.here(hub)[0].Certificate.ID); s != certificate.Held {
			t.Errorf("whose change cannot be followed is %s", s)
		}
		if n := sg.alarmed("lint"); n != 2 {
			t.Errorf("%d alarms", n)
		}
		checkRebuild(t, sg)
	})
}

// An own grant that does not fit is refused before anything is recorded.
func TestTooLargeToGrant(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	app := kr.apply(evidenceFile(t, "hub.yaml"), "basic", func(a *office.Application) {
		r := toSG
		for i := range 400 {
			r.Models = append(r.Models, fmt.Sprintf("M%0*d", 99, i))
		}
		a.Requests = []office.StandingRequest{r}
	})
	_, act := kr.evaluated(app, "grant")
	_, err := kr.Approve(t.Context(), kr.people["officer-1"], act.ID, act.Version)
	want(t, "more than a statement holds", err, office.LintFailed)
	if a := kr.read(act.ID); a.State != office.ActProposed {
		t.Errorf("the act is %s", a.State)
	}
}

// The doubt that a compromised key left is ended by two persons: not by an
// entry that can be read after all, nor by what they said of another doubt.
func TestKeyDoubtStays(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		p := office.PeerBody{Site: "kr", URL: kr.server.URL, Fingerprint: kr.Fingerprint(), Schemes: []string{"kr-cic"},
			Kinds: []string{"grant", "key", "act", "peer"}, Private: true, Document: string(kr.Document())}
		sg.admin(office.ActPeer, p)
		kr.clock.Advance(time.Hour)
		since := kr.clock.Now()
		kr.clock.Advance(time.Minute)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		kr.act(office.ActCorrect, office.MeasureBody{Certificate: hub, Reason: "typing-error", Amend: &certificate.Amendment{Number: "CIC-2026-1001"}})
		sg.sync(kr)
		unread := sg.propose(office.ActCase, office.CaseBody{Case: sg.one("doubt").ID, Decide: office.DecideTrust, Reason: "compared"}, "officer-1")
		kr.clock.Advance(time.Hour)
		kr.rotate(statement.Compromised, since)
		kr.act(office.ActCorrect, office.MeasureBody{Certificate: hub, Reason: "typing-error", Amend: &certificate.Amendment{Number: "CIC-2026-1002"}})
		sg.sync(kr)
		_, err := sg.Approve(t.Context(), sg.people["officer-2"], unread.ID, unread.Version)
		want(t, "what was proposed before the key was known to be stolen", err, office.Conflict)

		p.Kinds, p.Document = append(p.Kinds, "status"), string(kr.Document())
		sg.admin(office.ActPeer, p)
		sg.settle()
		if got := sg.why(hub, "sg-cls-iot"); got != "wait:source.doubt" || len(sg.here(hub)) != 0 {
			t.Errorf("read again, without anybody having looked: %s, %d here", got, len(sg.here(hub)))
		}
		sg.decide(sg.one("doubt"), office.DecideTrust)
		if n := len(sg.here(hub)); n != 1 {
			t.Errorf("trusted, %d here (%s)", n, sg.why(hub, "sg-cls-iot"))
		}
	})
}

// What an ended key signed is not believed on second reading either, though it
// was first rejected for another reason.
func TestEndedKeyReadAgain(t *testing.T) {
	t.Parallel()
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	p := office.PeerBody{Site: "kr", URL: kr.server.URL, Fingerprint: kr.Fingerprint(), Schemes: []string{"kr-cic"},
		Kinds: []string{"grant", "key", "act", "peer"}, Private: true, Document: string(kr.Document())}
	sg.admin(office.ActPeer, p)
	hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	kr.clock.Advance(time.Second)
	old, _ := kr.rotate(statement.Scheduled, time.Time{}, keys.Statement)
	sg.sync(kr)
	kr.clock.Advance(time.Second)
	_, s := kr.entry(hub, 1)
	kr.log(kr.lie(statement.Status, hub, kr.suspension("stolen"), func(h *statement.Header, k *keys.Signer) {
		h.Sequence, h.Previous, *k = 2, s.Digest(), old.Statement
	}))
	sg.sync(kr)
	p.Kinds = append(p.Kinds, "status")
	sg.admin(office.ActPeer, p)
	sg.settle()
	rs, _, err := sg.Rejects(t.Context(), sg.people["officer-1"], "kr", "", 10)
	if err != nil || len(rs) != 1 {
		t.Errorf("rejected still: %+v (%v)", rs, err)
	}
	if s := sg.state(sg.here(hub)[0].Certificate.ID); s != certificate.Held {
		t.Errorf("what rests on it is %s", s)
	}
}

// The same proposal again is the same act, also where the office filled
// something in.
func TestSameProposalFilledIn(t *testing.T) {
	_, sg := partners(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	id, b := uuid.NewString(), body(t, standing("2027-11-01"))
	first, err := sg.Propose(t.Context(), sg.people["admin-1"], id, office.ActPolicy, b)
	sg.must(err)
	again, err := sg.Propose(t.Context(), sg.people["admin-1"], id, office.ActPolicy, b)
	if err != nil || again.Digest != first.Digest {
		t.Errorf("again: %v", err)
	}
	other := standing("2027-11-01")
	other.PerHour++
	_, err = sg.Propose(t.Context(), sg.people["admin-1"], id, office.ActPolicy, body(t, other))
	want(t, "with another body", err, office.Conflict)
}

// A number that was put right by hand is never given by the counter after it.
func TestCorrectedNumberIsSpent(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	first := kr.grant("hub.yaml", "kr-cic", "basic")
	a, err := kr.Certificate(t.Context(), first, 0, 0)
	kr.must(err)
	was := a.Certificate.Number
	next := was[:len(was)-1] + "2"
	if was == next {
		t.Fatalf("the first number is %s", was)
	}
	kr.act(office.ActCorrect, office.MeasureBody{Certificate: first, Reason: "typing-error", Amend: &certificate.Amendment{Number: next}})
	second := kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-301"), "kr-cic", "basic")
	b, err := kr.Certificate(t.Context(), second, 0, 0)
	kr.must(err)
	if b.Certificate.Number == next {
		t.Errorf("%s and %s both have the number %s", first, second, next)
	}
}

// After a transfer the new holder speaks for the product, here and abroad, and
// the old one no more.
func TestTransferredHolder(t *testing.T) {
	t.Parallel()
	kr, sg := partners(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	hub := kr.grant("hub.yaml", "kr-cic", "basic")
	kr.act(office.ActCorrect, office.MeasureBody{Certificate: hub, Reason: "transferred", Amend: &certificate.Amendment{Holder: kr.people["maker-2"].Entity}})
	sg.sync(kr)
	for by, code := range map[string]office.Code{"maker": office.NotFound, "maker-2": ""} {
		_, err := kr.Propose(t.Context(), kr.people[by], uuid.NewString(), office.ActSurrender, body(t, office.MeasureBody{Certificate: hub, Reason: "holder-wish"}))
		want(t, by+" surrenders", err, code)
		want(t, by+" asks abroad", sg.Request(t.Context(), sg.people[by], "kr", hub, toSG), code)
	}
}

// Pending and refused cases are never public, also not by way of the reasons
// why a partner's certificate waits here.
func TestOwnRecordIsNotPublic(t *testing.T) {
	t.Parallel()
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	a, err := sg.Submit(t.Context(), sg.people["maker"], office.Application{ID: uuid.NewString(), Scheme: "sg-cls-iot", Level: "1", Evidence: evidenceFile(t, "hub.yaml")})
	sg.must(err)
	_, err = sg.Complete(t.Context(), sg.people["registrar"], a.ID, a.Version)
	sg.must(err)
	hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	sg.sync(kr)
	as, _, err := sg.Arrivals(t.Context(), "", "", 10)
	sg.must(err)
	sg.decide(sg.one("review"), office.DecideDesignate)
	answer, err := sg.Certificate(t.Context(), sg.here(hub)[0].Certificate.ID, 0, 0)
	sg.must(err)
	for what, v := range map[string]any{"arrivals": as, "answer": answer} {
		b, err := json.Marshal(v)
		sg.must(err)
		if strings.Contains(string(b), a.ID) || strings.Contains(string(b), "open-case") {
			t.Errorf("%s tell of the application %s", what, a.ID)
		}
	}
}
