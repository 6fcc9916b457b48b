package office_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"assay/catalog"
	"assay/certificate"
	"assay/civil"
	"assay/office"
	"assay/store"
	"assay/store/storetest"
)

const day = 24 * time.Hour

// variant is the embedded catalog with one text changed in one file.
func variant(t testing.TB, file, old, new string) []byte {
	t.Helper()
	src, out := catalog.EmbeddedFS(), fstest.MapFS{}
	err := fs.WalkDir(src, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(src, p)
		if p == file {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%s has no %q", file, old)
			}
			b = bytes.Replace(b, []byte(old), []byte(new), 1)
		}
		out[p] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := catalog.Archive(out)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.FromArchive(b)
	if err != nil {
		t.Fatal(err)
	}
	lab, err := laboratory.File(cat)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = catalog.AddLaboratory(b, lab); err != nil {
		t.Fatal(err)
	}
	return b
}

// offer hands a catalog in under its own digest.
func (n *node) offer(by string, archive []byte) (string, error) {
	digest := strings.Repeat("0", 64)
	if cat, err := catalog.FromArchive(archive); err == nil {
		digest = cat.Digest
	}
	return n.OfferCatalog(n.t.Context(), n.people[by], digest, archive)
}

// adopt has n's admins adopt a catalog from a day; "" is at once.
func (n *node) adopt(archive []byte, from string) string {
	n.t.Helper()
	digest, err := n.offer("admin-1", archive)
	n.must(err)
	n.clock.Advance(time.Second) // not at the instant of the founding
	n.admin(office.ActCatalog, office.CatalogBody{Digest: digest, From: from})
	n.must(n.Tick(n.t.Context()))
	return digest
}

func (n *node) reading(clause string) {
	n.t.Helper()
	n.admin(office.ActReading, office.ReadingBody{Clause: clause, Ground: "The office reads the clause as published."})
}

// decide decides a case by two officers.
func (n *node) decide(c office.Case, how string) *office.Act {
	n.t.Helper()
	a := n.act(office.ActCase, office.CaseBody{Case: c.ID, Decide: how, Reason: "looked-at"})
	n.settle()
	return a
}

// why is how a scheme was answered for a source, in the newest outcome.
func (n *node) why(source, schemeID string) (out string) {
	n.t.Helper()
	as, _, err := n.Arrivals(n.t.Context(), "", "", 200)
	n.must(err)
	for _, a := range as {
		if a.ID != source || a.Outcome == nil {
			continue
		}
		for _, w := range a.Outcome.Wanted {
			if w.Scheme == schemeID {
				out += fmt.Sprintf("%s:%s ", w.Action, w.Rule)
			}
		}
	}
	return strings.TrimSpace(out)
}

func standing(expires string) office.PolicyBody {
	return office.PolicyBody{Clause: krToSG, Kind: "automatic", LegalBasis: "specimen act, section 1", Expires: expires, PerHour: 100, PerDay: 100, Share: 1}
}

// What may stand in a standing decision.
func TestStandingDecisionIsHeldToItsForm(t *testing.T) {
	_, sg := partners(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	for name, c := range map[string]struct {
		change func(*office.PolicyBody)
		code   office.Code
	}{
		"as it should be":      {func(*office.PolicyBody) {}, ""},
		"thirteen months":      {func(b *office.PolicyBody) { b.Expires = "2027-12-24" }, office.Invalid},
		"over already":         {func(b *office.PolicyBody) { b.Expires = "2026-11-24" }, office.Invalid},
		"no end":               {func(b *office.PolicyBody) { b.Expires = "" }, office.Invalid},
		"no legal basis":       {func(b *office.PolicyBody) { b.LegalBasis = "" }, office.Invalid},
		"no budget":            {func(b *office.PolicyBody) { b.PerHour = 0 }, office.Invalid},
		"less a day than hour": {func(b *office.PolicyBody) { b.PerDay = 1 }, office.Invalid},
		"nothing drawn":        {func(b *office.PolicyBody) { b.Share = 0 }, office.Invalid},
		"another catalog":      {func(b *office.PolicyBody) { b.Catalog = strings.Repeat("0", 64) }, office.Conflict},
		"no such clause":       {func(b *office.PolicyBody) { b.Clause = "x/y" }, office.Invalid},
		"another's clause":     {func(b *office.PolicyBody) { b.Clause = "sg-kr-2024/cls3-to-kr-basic" }, office.Invalid},
		"no such kind":         {func(b *office.PolicyBody) { b.Kind = "at-will" }, office.Invalid},
		"after no days":        {func(b *office.PolicyBody) { b.Kind = "after-days" }, office.Invalid},
	} {
		b := standing("2027-11-01")
		c.change(&b)
		_, err := sg.tryAct(office.ActPolicy, b, "admin-1", "admin-2")
		want(t, name, err, c.code)
	}
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	b := standing("2027-11-01")
	b.Clause = "sg-kr-2024/cls3-to-kr-basic"
	_, err := kr.tryAct(office.ActPolicy, b, "admin-1", "admin-2")
	want(t, "a clause without a legal ground", err, office.Conflict)
}

// Where a standing decision does not stand, a person decides.
func TestWhatPutsAYesBeforeAPerson(t *testing.T) {
	for name, c := range map[string]struct {
		before func(kr, sg *node)
		why    string
	}{
		"no policy": {func(_, sg *node) { sg.reading(krToSG) }, "policy.review"},
		"policy review": {func(_, sg *node) {
			sg.reading(krToSG)
			sg.admin(office.ActPolicy, office.PolicyBody{Clause: krToSG, Kind: "review"})
		}, "policy.review"},
		"no reading adopted": {func(_, sg *node) { sg.admin(office.ActPolicy, standing("2027-11-01")) }, "fact.doubt"},
		"run out": {func(_, sg *node) {
			sg.reading(krToSG)
			sg.admin(office.ActPolicy, standing("2027-11-01"))
			sg.clock.Set(time.Date(2027, 11, 1, 16, 0, 0, 0, time.UTC)) // midnight in Singapore
		}, "decision.term"},
		"another catalog": {func(_, sg *node) {
			sg.automatic(krToSG, 100)
			sg.adopt(variant(t, "schemes/fi-label.yaml", "The form of the label's number was found nowhere.", "The form of the label's number is not known."), "")
		}, "decision.catalog"},
		"a changed clause": {func(_, sg *node) {
			sg.automatic(krToSG, 100)
			sg.adopt(variant(t, "arrangements/sg-kr-2024.yaml", `obtained without a further test procedure.`, `obtained without another test procedure.`), "")
		}, "fact.doubt"}, // the reading was of another text
		"refused here": {func(kr, sg *node) {
			sg.automatic(krToSG, 100)
			a, err := sg.Submit(t.Context(), sg.people["maker"], office.Application{ID: uuid.NewString(), Scheme: "sg-cls-iot", Level: "1", Evidence: evidenceFile(t, "hub.yaml")})
			sg.must(err)
			_, act := sg.evaluated(a, "refuse")
			_, err = sg.Approve(t.Context(), sg.people["officer-1"], act.ID, act.Version)
			sg.must(err)
		}, "own.record"},
		"a case open here": {func(kr, sg *node) {
			sg.automatic(krToSG, 100)
			a, err := sg.Submit(t.Context(), sg.people["maker"], office.Application{ID: uuid.NewString(), Scheme: "sg-cls-iot", Level: "1", Evidence: evidenceFile(t, "hub.yaml")})
			sg.must(err)
			_, err = sg.Complete(t.Context(), sg.people["registrar"], a.ID, a.Version)
			sg.must(err)
		}, "own.record"},
		"declined here before": {func(kr, sg *node) {
			sg.reading(krToSG)
			first := kr.grant("hub.yaml", "kr-cic", "lite", toSG) // leads nowhere
			sg.sync(kr)
			if got := sg.why(first, "sg-cls-iot"); !strings.HasPrefix(got, "refuse:from.level") {
				t.Errorf("Lite into Singapore: %s", got)
			}
			kr.grant("hub.yaml", "kr-cic", "basic", toSG)
			sg.sync(kr)
			sg.decide(sg.one("review"), office.DecideDecline)
			if cs := sg.cases("review"); len(cs) != 0 {
				t.Errorf("asked again after the decline: %+v", cs)
			}
			sg.automatic(krToSG, 100)
		}, "own.record"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kr, sg := partners(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
			c.before(kr, sg)
			hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
			sg.sync(kr)
			if es := sg.here(hub); len(es) != 0 {
				t.Fatalf("designated by itself: %+v", es)
			}
			got := sg.one("review")
			if got.Why != c.why || got.Source != hub {
				t.Fatalf("%s is on the desk for %s, want %s", got.Source, got.Why, c.why)
			}
			sg.settle()
			sg.must(sg.Reconcile(t.Context(), "kr", hub))
			sg.one("review") // asked once

			// Two officers allow it: the clause holds, they stand in for the policy.
			a := sg.decide(got, office.DecideDesignate)
			es := sg.here(hub)
			if len(es) != 1 || es[0].Certificate.Act != a.Digest || es[0].Standing.State != certificate.Valid || es[0].Certificate.Level != "3" {
				t.Errorf("released by two officers: %+v", es)
			}
			if cs := sg.cases("review"); len(cs) != 0 {
				t.Errorf("still on the desk: %+v", cs)
			}
			checkRebuild(t, sg)
		})
	}
}

func TestPolicyAfterDays(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := partners(t, open)
		sg.reading(krToSG)
		sg.admin(office.ActPolicy, office.PolicyBody{Clause: krToSG, Kind: "after-days", Days: 3})
		first := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		second := kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-301"), "kr-cic", "basic", toSG)
		sg.sync(kr)
		cs := sg.cases("waiting")
		if len(cs) != 2 || len(sg.here(first)) != 0 {
			t.Fatalf("%d cases wait: %+v", len(cs), cs)
		}
		for _, c := range cs {
			if c.Source == second {
				sg.decide(c, office.DecideDecline)
			}
		}
		// Tuesday; three working days end with Friday, in Singapore.
		end := civil.MustDate("2026-11-27").End(time.FixedZone("", 8*3600))
		for _, c := range []struct {
			at   int64
			want int
		}{{end - 1e6, 0}, {end, 1}} {
			kr.clock.Set(time.UnixMicro(c.at))
			sg.must(sg.Heard(t.Context(), "kr")) // it is not silent
			sg.settle()
			if n := len(sg.here(first)); n != c.want {
				t.Errorf("at %s: %d designations, want %d", time.UnixMicro(c.at).UTC(), n, c.want)
			}
		}
		if n := len(sg.here(second)); n != 0 || len(sg.cases("review"))+len(sg.cases("waiting")) != 0 {
			t.Errorf("declined in time: %d designations, %d cases", n, len(sg.cases("review")))
		}
	})
}

func TestPolicyOnRequest(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := partners(t, open)
		ctx, maker := t.Context(), sg.people["maker"]
		sg.reading(krToSG)
		sg.admin(office.ActPolicy, office.PolicyBody{Clause: krToSG, Kind: "on-request"})
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		if got := sg.why(hub, "sg-cls-iot"); got != "offer:policy.on-request" {
			t.Errorf("before it is asked for here: %s", got)
		}
		no := toSG
		no.Consent = false
		want(t, "without consent", sg.Request(ctx, maker, "kr", hub, no), office.Invalid)
		want(t, "by another maker", sg.Request(ctx, sg.people["maker-3"], "kr", hub, toSG), office.NotFound)
		want(t, "by an officer", sg.Request(ctx, sg.people["officer-1"], "kr", hub, toSG), office.Forbidden)
		want(t, "for another office's scheme", sg.Request(ctx, maker, "kr", hub, office.StandingRequest{Scheme: "de-it-sik", Consent: true}), office.Invalid)
		want(t, "for what is not known here", sg.Request(ctx, maker, "kr", "kr-cic-99", toSG), office.NotFound)
		sg.must(sg.Request(ctx, maker, "kr", hub, toSG))
		sg.must(sg.Request(ctx, maker, "kr", hub, toSG))
		sg.settle()
		if n := len(sg.here(hub)); n != 1 {
			t.Errorf("%d designations after the request (%s)", n, sg.why(hub, "sg-cls-iot"))
		}
	})
}

// Nobody has a foreign label imposed on them.
func TestWithoutARequestItIsOffered(t *testing.T) {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	hub := kr.grant("hub.yaml", "kr-cic", "basic")
	sg.sync(kr)
	if got := sg.why(hub, "sg-cls-iot"); got != "offer:request.standing" || len(sg.here(hub)) != 0 {
		t.Errorf("without a request: %s", got)
	}
	sg.must(sg.Request(t.Context(), sg.people["maker"], "kr", hub, toSG))
	sg.settle()
	if n := len(sg.here(hub)); n != 1 {
		t.Errorf("%d designations after it", n)
	}
}

// Beyond the budget new designations wait for a person, with an alarm;
// suspensions are never throttled; the next hour has its own budget.
func TestBrake(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := partners(t, open)
		sg.automatic(krToSG, 3) // twelve a day
		var ids []string
		grant := func(n int) {
			for range n {
				ids = append(ids, kr.grantEvidence(product(t, "hub.yaml", "HB-300", fmt.Sprintf("HB-3%02d", len(ids)+1)), "kr-cic", "basic", toSG))
			}
			sg.sync(kr)
		}
		designated := func() (n int) {
			for _, id := range ids {
				n += len(sg.here(id))
			}
			return n
		}
		grant(5)
		if n, cs := designated(), sg.cases("review"); n != 3 || len(cs) != 2 || cs[0].Why != "decision.budget" || sg.alarmed("brake") == 0 {
			t.Fatalf("%d designated, %d cases, %d alarms; want 3, 2 and some", n, len(cs), sg.alarmed("brake"))
		}
		for _, id := range ids {
			kr.act(office.ActSuspend, office.MeasureBody{Certificate: id, Reason: "vulnerability-unfixed"})
		}
		sg.sync(kr)
		for _, id := range ids {
			for _, e := range sg.here(id) {
				if s := sg.state(e.Certificate.ID); s != certificate.Suspended {
					t.Errorf("while braked %s is %s", e.Certificate.ID, s)
				}
			}
		}
		sg.clock.Advance(time.Hour)
		grant(1)
		if n := designated(); n != 4 {
			t.Errorf("in the next hour %d are designated, want one more", n)
		}
		for range 4 { // the day's budget ends too
			sg.clock.Advance(time.Hour)
			grant(3)
		}
		if n := designated(); n != 12 {
			t.Errorf("%d designated in one day, want the 12 of its budget", n)
		}
		sg.clock.Advance(day)
		grant(1)
		if n := designated(); n != 13 {
			t.Errorf("the next day has no budget: %d", n)
		}
	})
}

func TestSampleIsDrawn(t *testing.T) {
	kr, sg := partners(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	sg.reading(krToSG)
	p := standing("2027-11-01")
	p.Share = 100
	sg.admin(office.ActPolicy, p)
	hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	sg.sync(kr)
	c := sg.one("sample")
	if es := sg.here(hub); len(es) != 1 || c.Subject != es[0].Certificate.ID {
		t.Fatalf("drawn %q, designated %+v", c.Subject, es)
	}
	_, err := sg.tryAct(office.ActCase, office.CaseBody{Case: c.ID, Decide: office.DecideDesignate, Reason: "x"})
	want(t, "deciding a sample as if it were a review", err, office.Invalid)
	sg.decide(c, office.DecideClose)
	_, err = sg.tryAct(office.ActCase, office.CaseBody{Case: c.ID, Decide: office.DecideClose, Reason: "x"})
	want(t, "closing it twice", err, office.Conflict)
	if n := len(sg.cases("sample")); n != 0 {
		t.Errorf("%d still open", n)
	}
}

var vacuumDE = office.StandingRequest{Scheme: "de-it-sik", Declaration: true, Consent: true}

// fridge is the robot vacuum's evidence for a product that two offices take.
func fridge(t testing.TB) json.RawMessage {
	return bytes.ReplaceAll(product(t, "vacuum.yaml", "RV-20", "RF-20"), []byte("consumer/robot-vacuum"), []byte("consumer/refrigerator"))
}

// A German label is released on an application: complete on the desk, decided
// by two officers there.
func TestPreparedApplication(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		clock := storetest.NewClock(start)
		kr, de := newNode(t, open(t), "kr", clock), newNode(t, open(t), "de", clock)
		de.follow(kr, "kr-cic")
		kr.follow(de, "de-it-sik")
		vacuum := kr.grant("vacuum.yaml", "kr-cic", "basic", vacuumDE)
		de.sync(kr)
		c := de.one("prepared")
		if c.Source != vacuum || c.Outcome == nil || len(de.here(vacuum)) != 0 {
			t.Fatalf("on the desk: %+v", c)
		}
		a, err := de.Propose(t.Context(), de.people["officer-1"], uuid.NewString(), office.ActCase, body(t, office.CaseBody{Case: c.ID, Decide: office.DecideDesignate, Reason: "complete"}))
		de.must(err)
		_, err = de.Approve(t.Context(), de.people["officer-1"], a.ID, a.Version)
		want(t, "released by one officer", err, office.SamePerson)
		a, err = de.Approve(t.Context(), de.people["officer-2"], a.ID, a.Version)
		de.must(err)
		de.settle()
		es := de.here(vacuum)
		if len(es) != 1 || es[0].Certificate.Scheme != "de-it-sik" || es[0].Certificate.ID != resultOf(t, a).Certificate {
			t.Fatalf("released: %+v", es)
		}
		// A suspension abroad is a state that this scheme does not know: a hold.
		kr.act(office.ActSuspend, office.MeasureBody{Certificate: vacuum, Reason: "vulnerability-unfixed"})
		de.sync(kr)
		if s := de.state(es[0].Certificate.ID); s != certificate.Held {
			t.Errorf("suspended abroad it is %s here", s)
		}
		checkRebuild(t, de)
	})
}

// A German label is worth Lite in Korea, and Basic once the rest is shown;
// the higher one replaces the lower.
func TestDelta(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		clock := storetest.NewClock(start)
		kr, de := newNode(t, open(t), "kr", clock), newNode(t, open(t), "de", clock)
		kr.follow(de, "de-it-sik")
		de.follow(kr, "kr-cic")
		speaker := de.grant("speaker.yaml", "de-it-sik", "label", office.StandingRequest{Scheme: "kr-cic", Declaration: true, Consent: true, Payer: "de:specimen-0003"})
		kr.sync(de)
		kr.decide(kr.one("review"), office.DecideDesignate)
		es := kr.here(speaker)
		if len(es) != 1 || es[0].Certificate.Level != "lite" {
			t.Fatalf("first: %+v (%s)", es, kr.why(speaker, "kr-cic"))
		}
		lite := es[0].Certificate.ID
		kr.decide(kr.one("delta"), office.DecideDesignate)
		es = kr.here(speaker)
		if len(es) != 2 || es[1].Certificate.Level != "basic" || es[1].Standing.State != certificate.Valid {
			t.Fatalf("with the rest shown: %+v", es)
		}
		if s := kr.state(lite); s != certificate.Superseded {
			t.Errorf("Lite is %s beside Basic", s)
		}
		kr.settle()
		if n := len(kr.cases("delta")) + len(kr.cases("review")); n != 0 {
			t.Errorf("%d cases are left", n)
		}
		checkRebuild(t, kr)
	})
}

// One designation can be surrendered, the others kept, the source untouched.
func TestSurrenderOne(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		de := newNode(t, open(t), "de", kr.clock)
		de.follow(kr, "kr-cic")
		kr.follow(de, "de-it-sik")
		toSG2 := toSG
		toSG2.Payer = "kr:specimen-0002"
		id := kr.grantEvidence(fridge(t), "kr-cic", "basic", toSG2, vacuumDE)
		sg.sync(kr)
		de.sync(kr)
		de.decide(de.one("prepared"), office.DecideDesignate)
		a, b := sg.here(id), de.here(id)
		if len(a) != 1 || len(b) != 1 {
			t.Fatalf("%d in Singapore (%s), %d in Germany (%s)", len(a), sg.why(id, "sg-cls-iot"), len(b), de.why(id, "de-it-sik"))
		}
		sg.act(office.ActSurrender, office.MeasureBody{Certificate: a[0].Certificate.ID, Reason: "holder-wish"}, "maker-2", "officer-1")
		sg.settle()
		sg.sync(kr)
		de.sync(kr)
		kr.sync(sg)
		if x, y, z := sg.state(a[0].Certificate.ID), de.state(b[0].Certificate.ID), kr.state(id); x != certificate.Surrendered || y != certificate.Valid || z != certificate.Valid {
			t.Errorf("Singapore %s, Germany %s, Korea %s", x, y, z)
		}
		if n := len(sg.here(id)); n != 1 {
			t.Errorf("what was given up came back: %d", n)
		}
		answer, err := kr.Certificate(t.Context(), id, 0, 0) // and the partner is told
		kr.must(err)
		if len(answer.Rests) != 1 || answer.Rests[0].State != certificate.Surrendered {
			t.Errorf("Korea knows of %+v", answer.Rests)
		}
	})
}

// A designation is never wider than its source; more than was designated is a
// new decision.
func TestSourceAmended(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		ev := product(t, "hub.yaml", "  models:\n", "  models:\n    - {id: HB-310, hardware: [A]}\n")
		hub := kr.grantEvidence(ev, "kr-cic", "basic", toSG)
		sg.sync(kr)
		d := sg.here(hub)[0]
		if n := len(d.Certificate.Product.Models); n != 2 {
			t.Fatalf("%d models designated", n)
		}
		now := func() *certificate.Certificate {
			a, err := sg.Certificate(t.Context(), d.Certificate.ID, 0, 0)
			sg.must(err)
			return a.Standing.Amended
		}
		kr.act(office.ActExtend, office.MeasureBody{Certificate: hub, Reason: "unchanged-device", Amend: &certificate.Amendment{Expires: civil.MustDate("2031-06-30")}})
		sg.sync(kr)
		if got := now().Expires; got != d.Certificate.Expires {
			t.Errorf("the extension abroad moved the end here from %s to %s", d.Certificate.Expires, got)
		}
		kr.act(office.ActCorrect, office.MeasureBody{Certificate: hub, Reason: "scope", Amend: &certificate.Amendment{Models: []certificate.Model{{ID: "HB-310", Hardware: "A"}}}})
		sg.sync(kr)
		if ms := now().Product.Models; len(ms) != 1 || ms[0].ID != "HB-310" {
			t.Errorf("models here after the cut: %+v", ms)
		}
		kr.act(office.ActCorrect, office.MeasureBody{Certificate: hub, Reason: "scope", Amend: &certificate.Amendment{Models: []certificate.Model{{ID: "HB-311"}}}})
		sg.sync(kr)
		if s := sg.state(d.Certificate.ID); s != certificate.Lapsed {
			t.Errorf("with none of its models left abroad it is %s", s)
		}
		checkRebuild(t, sg)
	})
}

// A peer silent past its bound: told once, answers marked, nothing new,
// nothing changed; then it goes on by itself.
func TestSilentPeer(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		ctx := t.Context()
		held := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		late := kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-301"), "kr-cic", "basic")
		sg.sync(kr)
		d := sg.here(held)[0].Certificate.ID
		answer := func() *office.Answer {
			a, err := sg.Certificate(ctx, d, 0, 0)
			sg.must(err)
			return a
		}
		kr.clock.Advance(48*time.Hour + time.Second)
		for range 3 {
			sg.must(sg.Tick(ctx))
		}
		if a := answer(); sg.alarmed("silent") != 1 || !a.Stale || a.Standing.State != certificate.Valid {
			t.Errorf("%d alarms, stale %t, %s", sg.alarmed("silent"), a.Stale, a.Standing.State)
		}
		sg.must(sg.Request(ctx, sg.people["maker"], "kr", late, toSG))
		sg.settle()
		if got := sg.why(late, "sg-cls-iot"); got != "wait:peer.silent" || len(sg.here(late)) != 0 {
			t.Errorf("asked for while the peer is silent: %s", got)
		}
		kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-302"), "kr-cic", "basic")
		sg.sync(kr)
		if a := answer(); a.Stale || len(sg.here(late)) != 1 {
			t.Errorf("heard again: stale %t, %d designations of what waited (%s)", a.Stale, len(sg.here(late)), sg.why(late, "sg-cls-iot"))
		}
		kr.clock.Advance(49 * time.Hour)
		sg.must(sg.Tick(ctx))
		if n := sg.alarmed("silent"); n != 2 {
			t.Errorf("the second silence: %d alarms", n)
		}
	})
}

func TestEndedPeer(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		late := kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-301"), "kr-cic", "basic")
		sg.sync(kr)
		_, err := sg.tryAct(office.ActPeer, office.PeerBody{Site: "fi", End: true}, "admin-1", "admin-2")
		want(t, "ending what is no peer", err, office.NotFound)
		sg.admin(office.ActPeer, office.PeerBody{Site: "kr", End: true})
		sg.settle()
		if err := sg.follower.Step(t.Context(), "kr"); err == nil {
			t.Error("an ended peer is followed")
		}
		e := sg.here(hub)[0]
		if e.Standing.State != certificate.Valid || !e.Stale {
			t.Errorf("what rests on it is %s, stale %t", e.Standing.State, e.Stale)
		}
		sg.must(sg.Request(t.Context(), sg.people["maker"], "kr", late, toSG))
		sg.settle()
		if n := len(sg.here(late)); n != 0 {
			t.Errorf("%d new designations on the word of no peer", n)
		}
		sg.follow(kr, "kr-cic")
		sg.sync(kr)
		if n := len(sg.here(late)); n != 1 || sg.here(hub)[0].Stale {
			t.Errorf("a peer again: %d designations (%s)", n, sg.why(late, "sg-cls-iot"))
		}
	})
}

// What happens by the calendar happens without anybody.
func TestCalendar(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := partners(t, open)
		later := bytes.Clone(variant(t, "arrangements/sg-kr-2024.yaml", "      tests: source-grant\n      from: 2025-01-01", "      tests: designation\n      from: 2026-12-01"))
		sg.adopt(later, "")
		sg.automatic(krToSG, 100)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		if n := len(sg.here(hub)); n != 0 {
			t.Fatalf("%d designations before the clause begins", n)
		}
		begins := civil.MustDate("2026-12-01").Start(time.FixedZone("", 8*3600))
		for _, c := range []struct {
			at   int64
			want int
		}{{begins - 1e6, 0}, {begins, 1}} {
			kr.clock.Set(time.UnixMicro(c.at))
			sg.must(sg.Heard(t.Context(), "kr"))
			sg.settle()
			if n := len(sg.here(hub)); n != c.want {
				t.Errorf("at %s: %d designations, want %d (%s)", time.UnixMicro(c.at).UTC(), n, c.want, sg.why(hub, "sg-cls-iot"))
			}
		}
		d := sg.here(hub)[0].Certificate
		kr.clock.Set(time.UnixMicro(d.Expires.End(time.FixedZone("", 8*3600)) - 1e6))
		sg.settle()
		if s := sg.state(d.ID); s != certificate.Valid && s != certificate.Lapsed { // Korea's day ends an hour before
			t.Errorf("on its last day it is %s", s)
		}
		kr.clock.Advance(time.Second)
		sg.settle()
		if s := sg.state(d.ID); s != certificate.Expired && s != certificate.Lapsed {
			t.Errorf("the day after it is %s", s)
		}
	})
}

// A catalog changes recognition from the day for which it was adopted, and by
// nothing else: not by being offered, nor by a restart.
func TestAdoption(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		ctx := t.Context()
		lower := variant(t, "arrangements/sg-kr-2024.yaml", "      level: \"3\"\n    mode: equivalent", "      level: \"2\"\n    mode: equivalent")
		cat := func() string {
			c, err := sg.Catalog(ctx)
			sg.must(err)
			return c.Digest
		}
		before := cat()
		digest, err := sg.offer("admin-1", lower)
		sg.must(err)
		sg.open()
		if cat() != before || digest == before {
			t.Fatal("an offered catalog is in force")
		}
		_, err = sg.offer("officer-1", lower)
		want(t, "offered by an officer", err, office.Forbidden)
		_, err = sg.offer("admin-1", lower[:len(lower)/2])
		want(t, "half a catalog", err, office.Invalid)
		_, err = sg.tryAct(office.ActCatalog, office.CatalogBody{Digest: strings.Repeat("ab", 32)}, "admin-1", "admin-2")
		want(t, "adopting what was not offered", err, office.Invalid)

		sg.adopt(lower, "2026-12-01")
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		sg.open()
		if es := sg.here(hub); len(es) != 1 || es[0].Certificate.Level != "3" || es[0].Certificate.Catalog != before {
			t.Fatalf("before its day: %+v", es)
		}
		kr.clock.Set(time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC))
		sg.must(sg.Tick(ctx))
		if cat() != digest {
			t.Fatal("its day has come, and it is not in force")
		}
		next := kr.grantEvidence(product(t, "hub.yaml", "HB-300", "HB-301"), "kr-cic", "basic", toSG)
		sg.sync(kr)
		if c := sg.one("review"); c.Source != next || c.Level != "2" {
			t.Errorf("on its day: %+v", c)
		}
		if s := sg.state(sg.here(hub)[0].Certificate.ID); s != certificate.Valid {
			t.Errorf("what was decided before is %s", s)
		}
		sg.automatic(krToSG, 100) // a standing decision for the new one
		sg.settle()
		if es := sg.here(next); len(es) != 1 || es[0].Certificate.Level != "2" || es[0].Certificate.Catalog != digest {
			t.Errorf("under a new standing decision: %+v", es)
		}

		// A catalog changed in the database is found out by its digest.
		sg.must(sg.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE office_meta SET value = $2 WHERE name = $1`, "catalog/"+digest, archive)
			return err
		}))
		if _, err := office.Open(ctx, sg.db, sg.ring, office.Options{}); err == nil || !strings.Contains(err.Error(), "changed from outside") {
			t.Errorf("a swapped catalog: %v", err)
		}
	})
}

// Singapore's level 4 by way of Korea is no German label.
func TestNoSilentChain(t *testing.T) {
	clock := storetest.NewClock(start)
	open := func() *store.DB { return storetest.SQLite(t) }
	sg, kr, de := newNode(t, open(), "sg", clock), newNode(t, open(), "kr", clock), newNode(t, open(), "de", clock)
	kr.follow(sg, "sg-cls-iot")
	sg.follow(kr, "kr-cic")
	de.follow(kr, "kr-cic")
	kr.follow(de, "de-it-sik")
	asks := []certificate.Request{{Scheme: "kr-cic", Declaration: true, Fee: true, Consent: true}, {Scheme: "de-it-sik", Declaration: true, Fee: true, Consent: true}}
	cls := resultOf(t, sg.act(office.ActEarlier, office.EarlierBody{Number: "CSA/010128/9", Scheme: "sg-cls-iot", Level: "4", Granted: civil.MustDate("2025-10-01"), Firmware: []string{"1.0"}, SupportEnd: civil.MustDate("2030-12-31"),
		Product: certificate.Product{Holder: "sg:specimen-0009", Brand: "SPECIMEN Merlion", Name: "SPECIMEN Merlion Cold", Models: []certificate.Model{{ID: "MC-1"}}, Functions: []string{"consumer/refrigerator"}}, Requests: asks})).Certificate
	kr.sync(sg)
	kr.decide(kr.one("review"), office.DecideDesignate)
	es := kr.here(cls)
	if len(es) != 1 || es[0].Certificate.Level != "basic" {
		t.Fatalf("in Korea: %+v (%s)", es, kr.why(cls, "kr-cic"))
	}
	de.sync(kr)
	if got := de.why(es[0].Certificate.ID, "de-it-sik"); got != "refuse:chain.granted" || len(de.here(es[0].Certificate.ID)) != 0 || len(de.cases("prepared"))+len(de.cases("review")) != 0 {
		t.Errorf("in Germany: %s", got)
	}
}

// What a person restored once can end, and be restored, again.
func TestRestoredTwice(t *testing.T) {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	sg.sync(kr)
	d := sg.here(hub)[0].Certificate.ID
	for round := range 2 {
		rev := kr.act(office.ActRevoke, office.MeasureBody{Certificate: hub, Reason: "below-criteria"})
		sg.sync(kr)
		kr.act(office.ActAnnul, office.MeasureBody{Certificate: hub, Reason: "appeal", Cause: "act-" + rev.ID[:13]})
		sg.sync(kr)
		if s := sg.state(d); s != certificate.Lapsed {
			t.Fatalf("round %d: it is %s", round, s)
		}
		sg.decide(sg.one("restore"), office.DecideRestore)
		if s := sg.state(d); s != certificate.Valid {
			t.Fatalf("round %d, restored: it is %s", round, s)
		}
	}
}

// Two officers release a case while the reconciler designates by itself: one
// designation comes of it, and the act says why it was not carried out.
func TestReleasedMeanwhile(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := partners(t, open)
		sg.reading(krToSG)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		a := sg.propose(office.ActCase, office.CaseBody{Case: sg.one("review").ID, Decide: office.DecideDesignate, Reason: "complete"}, "officer-1")
		sg.must(sg.ApproveOnly(t.Context(), sg.people["officer-2"], a.ID, a.Version)) // and the process dies
		sg.admin(office.ActPolicy, standing("2027-11-01"))
		sg.settle()
		sg.open()
		sg.settle()
		if n := len(sg.here(hub)); n != 1 {
			t.Errorf("%d designations of one source", n)
		}
		if got := sg.read(a.ID); got.State != office.ActRejected || len(got.Result) == 0 {
			t.Errorf("the act is %s: %s", got.State, got.Result)
		}
		checkRebuild(t, sg)
	})
}
