package office_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/office"
	"assay/store"
	"assay/store/storetest"
)

// step is one measure on the certificate, and what must come of it.
type measure struct {
	kind  office.ActKind
	cause int // 1-based: the cause that the n-th measure opened; 0: none named
	amend *certificate.Amendment
	code  office.Code       // refused with it
	state certificate.State // afterwards
}

func TestMeasures(t *testing.T) {
	hub2 := &certificate.Amendment{Models: []certificate.Model{{ID: "HB-300", Hardware: "A"}}}
	for name, steps := range map[string][]measure{
		"suspend and reinstate": {
			{kind: office.ActSuspend, state: certificate.Suspended},
			{kind: office.ActReinstate, state: certificate.Valid},
			{kind: office.ActReinstate, code: office.Conflict, state: certificate.Valid},
		},
		"two causes, each closed by itself": {
			{kind: office.ActSuspend, state: certificate.Suspended},
			{kind: office.ActSuspend, state: certificate.Suspended},
			{kind: office.ActReinstate, code: office.Invalid, state: certificate.Suspended}, // which?
			{kind: office.ActReinstate, cause: 1, state: certificate.Suspended},
			{kind: office.ActReinstate, cause: 1, code: office.Conflict, state: certificate.Suspended},
			{kind: office.ActReinstate, cause: 2, state: certificate.Valid},
		},
		"a hold is not ended by a reinstatement": {
			{kind: office.ActHold, state: certificate.Held},
			{kind: office.ActReinstate, code: office.Conflict, state: certificate.Held},
			{kind: office.ActSuspend, state: certificate.Suspended},
			{kind: office.ActReinstate, state: certificate.Held},
			{kind: office.ActRelease, state: certificate.Valid},
			{kind: office.ActRelease, code: office.Conflict, state: certificate.Valid},
		},
		"revoked is an end": {
			{kind: office.ActRevoke, state: certificate.Revoked},
			{kind: office.ActReinstate, code: office.Conflict, state: certificate.Revoked},
			{kind: office.ActSuspend, code: office.Conflict, state: certificate.Revoked},
			{kind: office.ActCorrect, amend: hub2, code: office.Conflict, state: certificate.Revoked},
			{kind: office.ActSurrender, code: office.Conflict, state: certificate.Revoked},
		},
		"a revocation annulled never was": {
			{kind: office.ActSuspend, state: certificate.Suspended},
			{kind: office.ActRevoke, state: certificate.Revoked},
			{kind: office.ActAnnul, cause: 2, state: certificate.Suspended},
			{kind: office.ActAnnul, cause: 2, code: office.Conflict, state: certificate.Suspended},
			{kind: office.ActReinstate, cause: 1, state: certificate.Valid},
		},
		"the certificate annulled": {
			{kind: office.ActAnnul, state: certificate.Annulled},
			{kind: office.ActSuspend, code: office.Conflict, state: certificate.Annulled},
			{kind: office.ActRevoke, code: office.Conflict, state: certificate.Annulled},
		},
		"surrendered": {
			{kind: office.ActSurrender, state: certificate.Surrendered},
			{kind: office.ActSuspend, code: office.Conflict, state: certificate.Surrendered},
			{kind: office.ActRevoke, state: certificate.Revoked}, // worse than given up
		},
		"corrected": {
			{kind: office.ActCorrect, code: office.Invalid, state: certificate.Valid},
			{kind: office.ActCorrect, amend: &certificate.Amendment{}, code: office.Conflict, state: certificate.Valid},
			{kind: office.ActCorrect, amend: &certificate.Amendment{Models: []certificate.Model{{ID: "a\u200bb"}}}, code: office.LintFailed, state: certificate.Valid},
			{kind: office.ActSuspend, amend: hub2, code: office.Invalid, state: certificate.Valid},
			{kind: office.ActCorrect, amend: hub2, state: certificate.Valid},
		},
		"extended, once and not for ever": {
			{kind: office.ActExtend, amend: &certificate.Amendment{Expires: civil.MustDate("2027-01-01")}, code: office.Invalid, state: certificate.Valid},
			{kind: office.ActExtend, amend: &certificate.Amendment{Expires: civil.MustDate("2035-01-01")}, code: office.Invalid, state: certificate.Valid},
			{kind: office.ActExtend, amend: &certificate.Amendment{Expires: civil.MustDate("2031-06-30")}, state: certificate.Valid},
			{kind: office.ActExtend, amend: &certificate.Amendment{Expires: civil.MustDate("2031-12-30")}, code: office.Conflict, state: certificate.Valid},
		},
	} {
		t.Run(name, func(t *testing.T) {
			kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
			hub := kr.grant("hub.yaml", "kr-cic", "basic")
			causes := []string{""}
			for i, m := range steps {
				kr.clock.Advance(time.Minute)
				size := kr.size()
				a, err := kr.tryAct(m.kind, office.MeasureBody{Certificate: hub, Reason: "own-finding", Cause: causes[m.cause], Amend: m.amend})
				if office.CodeOf(err) != m.code {
					t.Fatalf("%d, %s: got %v, want code %q", i+1, m.kind, err, m.code)
				}
				if m.code == "" {
					causes = append(causes, "act-"+a.ID[:13])
					size++
				}
				if s := kr.state(hub); s != m.state || kr.size() != size {
					t.Fatalf("%d, after %s it is %s, want %s (%d entries)", i+1, m.kind, s, m.state, kr.size()-size)
				}
			}
			checkRebuild(t, kr)
		})
	}
}

// A holder gives up what is its own; an office approves.
func TestSurrenderByHolder(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	hub := kr.grant("hub.yaml", "kr-cic", "basic")
	kr.act(office.ActSurrender, office.MeasureBody{Certificate: hub, Reason: "holder-wish"}, "maker", "officer-1")
	if s := kr.state(hub); s != certificate.Surrendered {
		t.Errorf("it is %s", s)
	}
}

// A future date acts at its time, and only annulment acts back.
func TestFutureEffect(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
		sg.sync(kr)
		d := sg.here(hub)[0].Certificate.ID
		at := start.Add(10 * 24 * time.Hour)
		_, err := kr.tryAct(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding", Effective: start.Add(-time.Hour).UnixMicro()})
		want(t, "a suspension that acts back", err, office.Invalid)
		kr.act(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding", Effective: at.UnixMicro()})
		sg.sync(kr)
		a, err := kr.Certificate(t.Context(), hub, 0, 0)
		kr.must(err)
		if a.Standing.State != certificate.Valid || a.NextChange != at.UnixMicro() {
			t.Errorf("before its day it is %s until %d, want valid until %d", a.Standing.State, a.NextChange, at.UnixMicro())
		}
		if s := sg.state(d); s != certificate.Valid {
			t.Errorf("before its day it is %s abroad", s)
		}
		kr.clock.Set(at)
		sg.settle() // the calendar alone, no word from abroad
		if a, b := kr.state(hub), sg.state(d); a != certificate.Suspended || b != certificate.Suspended {
			t.Errorf("on its day it is %s, and %s abroad", a, b)
		}
		checkRebuild(t, sg)
	})
}

// A Korean term does not ask how long the maker supports the product; what
// Singapore enters on its strength does.
func TestSupportEndsFirst(t *testing.T) {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	hub := kr.grantEvidence(bytes.Replace(evidenceFile(t, "hub.yaml"), []byte("2031-12-31"), []byte("2027-12-31"), 1), "kr-cic", "basic", toSG)
	a, err := kr.Certificate(t.Context(), hub, 0, 0)
	kr.must(err)
	if a.Certificate.Expires != civil.MustDate("2029-11-24") {
		t.Errorf("in Korea it ends %s", a.Certificate.Expires)
	}
	sg.sync(kr)
	if es := sg.here(hub); len(es) != 1 || es[0].Certificate.Expires != civil.MustDate("2027-12-31") {
		t.Errorf("in Singapore: %+v (%s)", es, sg.why(hub, "sg-cls-iot"))
	}
}

// Only its author closes a cause.
func TestOnlyItsAuthorCloses(t *testing.T) {
	kr, sg := pair(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) })
	hub := kr.grant("hub.yaml", "kr-cic", "basic", toSG)
	sg.sync(kr)
	d := sg.here(hub)[0].Certificate.ID
	kr.act(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"})
	sg.sync(kr)
	a, err := sg.Certificate(t.Context(), d, 0, 0)
	sg.must(err)
	for _, cause := range []string{"", a.Standing.Open[0].ID} {
		_, err := sg.tryAct(office.ActReinstate, office.MeasureBody{Certificate: d, Reason: "own-view", Cause: cause})
		want(t, "reinstating what another office suspended", err, office.Conflict)
	}
	_, err = kr.tryAct(office.ActReinstate, office.MeasureBody{Certificate: d, Reason: "own-view"})
	want(t, "a measure on another office's designation", err, office.NotFound)
	if s := sg.state(d); s != certificate.Suspended {
		t.Errorf("it is %s", s)
	}
}

// Every answer is the state at T as known at K.
func TestAsKnownThen(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		hub := kr.grant("hub.yaml", "kr-cic", "basic")
		day := func(n int) int64 { return start.Add(time.Duration(n) * 24 * time.Hour).UnixMicro() }
		at := func(n int) { kr.clock.Set(time.UnixMicro(day(n))) }
		at(10)
		rev := kr.act(office.ActRevoke, office.MeasureBody{Certificate: hub, Reason: "below-criteria"})
		at(20)
		kr.act(office.ActAnnul, office.MeasureBody{Certificate: hub, Reason: "appeal", Cause: "act-" + rev.ID[:13]})
		at(30)
		for _, c := range []struct {
			t, k int
			want certificate.State
		}{
			{5, 30, certificate.Valid},
			{15, 15, certificate.Revoked}, // what we answered then
			{15, 30, certificate.Valid},   // and what we know now
			{15, 5, certificate.Valid},
			{25, 30, certificate.Valid},
			{25, 15, certificate.Revoked},
			{4000, 30, certificate.Expired},
			{-1, 30, certificate.NotYetValid},
		} {
			a, err := kr.Certificate(t.Context(), hub, day(c.t), day(c.k))
			kr.must(err)
			if a.Standing.State != c.want {
				t.Errorf("on day %d as known on day %d it is %s, want %s", c.t, c.k, a.Standing.State, c.want)
			}
		}
	})
}

// A record of a revocation is there as long as the revocation is.
func TestRevocationLeavesARecord(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	hub := kr.grant("hub.yaml", "kr-cic", "basic")
	records := func() int64 { return kr.count(`SELECT COUNT(*) FROM own_records WHERE kind = 'revoked'`) }
	susp := kr.act(office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "own-finding"})
	rev := kr.act(office.ActRevoke, office.MeasureBody{Certificate: hub, Reason: "own-finding"})
	kr.act(office.ActAnnul, office.MeasureBody{Certificate: hub, Reason: "appeal", Cause: "act-" + susp.ID[:13]})
	if records() != 1 {
		t.Error("annulling the suspension wiped the revocation's record out")
	}
	kr.act(office.ActAnnul, office.MeasureBody{Certificate: hub, Reason: "appeal", Cause: "act-" + rev.ID[:13]})
	if records() != 0 {
		t.Error("the revocation never was, its record is still there")
	}
}

func TestLetters(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	app, act := kr.evaluated(kr.apply(evidenceFile(t, "hub.yaml"), "basic", func(a *office.Application) { a.Language = "de" }), "grant")
	_, err := kr.Letter(t.Context(), kr.people["officer-1"], act.ID, "")
	want(t, "a letter before the decision", err, office.Conflict)
	granted, err := kr.Approve(t.Context(), kr.people["officer-1"], act.ID, act.Version)
	kr.must(err)
	app, err = kr.Application(t.Context(), kr.people["maker"], app.ID)
	kr.must(err)
	for _, c := range []struct {
		act  *office.Act
		kind string
	}{
		{granted, "grant"},
		{kr.act(office.ActSuspend, office.MeasureBody{Certificate: app.Cert, Reason: "vulnerability-unfixed"}), "suspend"},
		{kr.act(office.ActReinstate, office.MeasureBody{Certificate: app.Cert, Reason: "vulnerability-fixed"}), "reinstate"},
		{kr.act(office.ActRevoke, office.MeasureBody{Certificate: app.Cert, Reason: "below-criteria"}), "revoke"},
	} {
		texts := map[string]string{}
		for _, lang := range []string{"", "en", "ko", "de", "fi"} {
			l, err := kr.Letter(t.Context(), kr.people["officer-1"], c.act.ID, lang)
			kr.must(err)
			if l.Decision != c.kind || l.Date != civil.MustDate("2026-11-24") || l.Until != civil.MustDate("2026-12-09") {
				t.Errorf("%s: %s of %s, remedy until %s", c.kind, l.Decision, l.Date, l.Until)
			}
			for lang, text := range l.Text {
				for part, s := range text {
					if s == "" || strings.ContainsAny(s, "{}") {
						t.Errorf("%s in %s: part %s is %q", c.kind, lang, part, s)
					}
				}
				for _, part := range []string{"subject", "decision", "reason", "disclaimer", "remedy", "deadline"} {
					if _, ok := text[part]; !ok && part != "disclaimer" {
						t.Errorf("%s in %s has no %s", c.kind, lang, part)
					}
				}
				if !strings.Contains(text["deadline"], "2026-12-09") {
					t.Errorf("%s in %s: deadline %q", c.kind, lang, text["deadline"])
				}
				if strings.Contains(text["reason"], l.Reason) {
					t.Errorf("%s in %s: the reason is a code: %q", c.kind, lang, text["reason"])
				}
				texts[lang] = text["decision"]
			}
			for _, must := range []string{"ko", "en"} { // the office's languages, always
				if l.Text[must] == nil {
					t.Errorf("%s asked for in %q lacks the office's language %s", c.kind, lang, must)
				}
			}
			if c.kind == "grant" && l.Text["de"] == nil {
				t.Error("the holder's language is missing")
			}
		}
		distinct := map[string]bool{}
		for _, s := range texts {
			distinct[s] = true
		}
		if len(distinct) != 4 {
			t.Errorf("%s: %d different texts in 4 languages: %v", c.kind, len(distinct), texts)
		}
	}
	_, err = kr.Letter(t.Context(), kr.people["maker-3"], granted.ID, "")
	want(t, "another maker's letter", err, office.NotFound)
	_, err = kr.Letter(t.Context(), kr.people["officer-1"], granted.ID, "tlh")
	want(t, "a letter in a language that none is written in", err, office.Invalid)
}

// Numbers are never given twice: not by many at once, nor after a failure,
// nor beside those of an older register.
func TestNumbers(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr := alone(t, open, "kr")
		ctx := t.Context()
		earlier := office.EarlierBody{Number: "CIC-2026-0004", Scheme: "kr-cic", Level: "basic", Granted: civil.MustDate("2026-03-02"), Firmware: []string{"1.0"},
			Product: certificate.Product{Holder: "kr:specimen-0007", Brand: "SPECIMEN Old", Name: "SPECIMEN Old Hub", Models: []certificate.Model{{ID: "OLD-1"}}, Functions: []string{"consumer/smart-home-hub"}}}
		kr.act(office.ActEarlier, earlier)
		_, err := kr.tryAct(office.ActEarlier, earlier)
		want(t, "the same old number again", err, office.Conflict)

		// One is recorded and stays behind; its number is gone for good.
		var wg sync.WaitGroup
		errs := make(chan error, 8)
		for i := range 8 {
			_, act := kr.evaluated(kr.apply(product(t, "hub.yaml", "HB-300", "HB-50"+string(rune('0'+i))), "basic"), "grant")
			if i == 0 {
				kr.must(kr.ApproveOnly(ctx, kr.people["officer-1"], act.ID, act.Version))
				token, err := kr.Token(ctx, act.ID)
				kr.must(err)
				kr.must(kr.Replan(ctx, act.ID, token)) // as after a failure: it takes another number
				kr.must(kr.Finish(ctx, act.ID))
				continue
			}
			wg.Go(func() {
				_, err := kr.Approve(ctx, kr.people["officer-1"], act.ID, act.Version)
				errs <- err
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			kr.must(err)
		}
		es, _, err := kr.Register(ctx, office.Query{})
		kr.must(err)
		seen := map[string]bool{}
		for _, e := range es {
			if seen[e.Certificate.Number] || seen[e.Certificate.ID] {
				t.Errorf("%s, number %s: given twice", e.Certificate.ID, e.Certificate.Number)
			}
			seen[e.Certificate.Number], seen[e.Certificate.ID] = true, true
		}
		if len(es) != 9 || seen["CIC-2026-0005"] {
			t.Errorf("%d certificates; the number of the failed plan came back: %t", len(es), seen["CIC-2026-0005"])
		}
		_, err = kr.tryAct(office.ActCorrect, office.MeasureBody{Certificate: es[1].Certificate.ID, Reason: "typing-error", Amend: &certificate.Amendment{Number: es[2].Certificate.Number}})
		want(t, "corrected to a number that is taken", err, office.Conflict)
		checkRebuild(t, kr)
	})
}

// An extension has its own number; the one on the printed label still leads
// to the certificate.
func TestOldNumberStillFinds(t *testing.T) {
	kr := alone(t, func(t testing.TB) *store.DB { return storetest.SQLite(t) }, "kr")
	hub := kr.grant("hub.yaml", "kr-cic", "basic")
	old, err := kr.Certificate(t.Context(), hub, 0, 0)
	kr.must(err)
	kr.act(office.ActExtend, office.MeasureBody{Certificate: hub, Reason: "unchanged-device", Amend: &certificate.Amendment{Expires: civil.MustDate("2031-01-31")}})
	now, err := kr.Certificate(t.Context(), hub, 0, 0)
	kr.must(err)
	if a, b := old.Standing.Amended.Number, now.Standing.Amended.Number; a == b || b == "" {
		t.Fatalf("the extension of %s has number %q", a, b)
	}
	for _, number := range []string{old.Standing.Amended.Number, now.Standing.Amended.Number} {
		if id, err := kr.ByNumber(t.Context(), number); err != nil || id != hub {
			t.Errorf("%s leads to %q (%v)", number, id, err)
		}
	}
	_, err = kr.ByNumber(t.Context(), "CIC-2026-9999")
	want(t, "an unknown number", err, office.NotFound)
}

func TestEarlier(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		kr, sg := pair(t, open)
		good := office.EarlierBody{Number: "OLD 17", Scheme: "kr-cic", Level: "basic", Granted: civil.MustDate("2025-03-20"), Firmware: []string{"1.0"}, SupportEnd: civil.MustDate("2030-12-31"),
			Product:  certificate.Product{Holder: "kr:specimen-0007", Brand: "SPECIMEN Old", Name: "SPECIMEN Old Hub", Models: []certificate.Model{{ID: "OLD-1"}}, Functions: []string{"consumer/smart-home-hub"}},
			Requests: []certificate.Request{{Scheme: "sg-cls-iot", Declaration: true, Fee: true, Consent: true}}}
		for name, c := range map[string]struct {
			change func(*office.EarlierBody)
			code   office.Code
		}{
			"no number":         {func(b *office.EarlierBody) { b.Number = "" }, office.Invalid},
			"an unknown scheme": {func(b *office.EarlierBody) { b.Scheme = "xx" }, office.Invalid},
			"an unknown level":  {func(b *office.EarlierBody) { b.Level = "platinum" }, office.Invalid},
			"before any edition": {func(b *office.EarlierBody) {
				b.Granted = civil.MustDate("1999-01-01")
			}, office.Invalid},
			"today":            {func(b *office.EarlierBody) { b.Granted = civil.MustDate("2026-11-24") }, office.Invalid},
			"too long a term":  {func(b *office.EarlierBody) { b.Expires = civil.MustDate("2040-01-01") }, office.LintFailed},
			"no product":       {func(b *office.EarlierBody) { b.Product.Models = nil }, office.LintFailed},
			"a holder by name": {func(b *office.EarlierBody) { b.Product.Holder = "Old Inc." }, office.LintFailed},
			"not this office's": {func(b *office.EarlierBody) {
				b.Scheme, b.Level = "sg-cls-iot", "2"
			}, office.Invalid},
		} {
			b := good
			c.change(&b)
			_, err := kr.tryAct(office.ActEarlier, b)
			want(t, name, err, c.code)
		}
		a := kr.act(office.ActEarlier, good)
		id := resultOf(t, a).Certificate
		if s := kr.state(id); s != certificate.Valid {
			t.Errorf("it is %s", s)
		}
		sg.sync(kr)
		if es := sg.here(id); len(es) != 1 {
			t.Errorf("%d designations of what was entered before the first head, want 1", len(es))
		}
		// Later, a grant dated before what was published is for a person.
		good.Number, good.Product.Models = "OLD 18", []certificate.Model{{ID: "OLD-2"}}
		late := resultOf(t, kr.act(office.ActEarlier, good)).Certificate
		sg.sync(kr)
		if es := sg.here(late); len(es) != 0 || sg.alarmed("backdated") != 1 {
			t.Errorf("%d designations and %d alarms of a back-dated grant, want review and an alarm", len(es), sg.alarmed("backdated"))
		}
		if c := sg.one("review"); c.Why != "source.backdated" {
			t.Errorf("the case is there for %s", c.Why)
		}
		checkRebuild(t, kr)
	})
}
