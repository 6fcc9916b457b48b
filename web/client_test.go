package web

import (
	"context"
	"errors"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/client"
	"assay/office"
	"assay/scheme"
)

// TestClientSpeaksV1 holds the client against the API, call by call.
func TestClientSpeaksV1(t *testing.T) {
	f := newFake()
	close(f.published)
	srv := httptest.NewServer(newSite(f))
	defer srv.Close()
	public, err := client.New(srv.URL+"/", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := public.As(token)
	ctx := context.Background()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	info, err := public.Office(ctx)
	ok(err)
	if !reflect.DeepEqual(*info, f.ID()) {
		t.Errorf("office %+v", info)
	}
	me, err := c.Me(ctx)
	ok(err)
	if me.Pseudonym != "officer-1" {
		t.Errorf("me %+v", me)
	}

	app, err := c.Apply(ctx, uuidA, client.Apply{Scheme: "s", Level: "3", Evidence: []byte(`{"a":1}`), Requests: []office.StandingRequest{{Scheme: "t", Declaration: true}}})
	ok(err)
	if app.Version != 1 || len(app.Requests) != 1 || !app.Requests[0].Declaration {
		t.Errorf("application %+v", app)
	}
	_, err = c.Apply(ctx, uuidA, client.Apply{Scheme: "s", Level: "4", Evidence: []byte(`{"a":1}`)})
	if client.CodeOf(err) != string(office.Conflict) {
		t.Errorf("another body: %v", err)
	}
	app, err = c.Return(ctx, uuidA, 1, []string{"support-end"})
	ok(err)
	app, err = c.Complete(ctx, uuidA, app.Version)
	ok(err)
	app, act, err := c.Evaluate(ctx, uuidA, app.Version, office.Evaluation{Recommend: "grant", Reason: "requirements-met"})
	ok(err)
	if app.State != "evaluated" || act.Kind != office.ActGrant {
		t.Errorf("evaluated %+v %+v", app, act)
	}
	_, err = c.Approve(ctx, act.ID, 7, client.NoWait)
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 412 || p.Code != string(office.Changed) {
		t.Errorf("approve at another version: %v", err)
	}
	act, err = c.Approve(ctx, act.ID, act.Version, client.Published)
	ok(err)
	if act.Stage != office.Published {
		t.Errorf("act %+v", act)
	}
	if act, err = c.Propose(ctx, client.NewID(), office.ActSuspend, office.MeasureBody{Certificate: certID, Reason: "r"}); err != nil || act.Kind != office.ActSuspend {
		t.Errorf("%v %+v", err, act)
	}
	if act, err = c.Reject(ctx, act.ID, 1, "no"); err != nil || act.State != office.ActRejected {
		t.Errorf("%v %+v", err, act)
	}
	if l, err := c.Letter(ctx, uuidA, "ko"); err != nil || l.Text["ko"] == nil {
		t.Errorf("%v %+v", err, l)
	}
	if cs, err := c.Cases(ctx, client.List{State: "open"}); err != nil || len(cs.Items) != 1 {
		t.Errorf("%v %+v", err, cs)
	}
	if as, err := c.Alarms(ctx, client.List{}); err != nil || len(as.Items) != 1 {
		t.Errorf("%v %+v", err, as)
	}

	f.suspend()
	a, err := public.Certificate(ctx, certID, micro(now)-1, 0)
	ok(err)
	if a.At != micro(now)-1 || a.Standing.State != certificate.Suspended || len(a.Standing.Open) != 1 || a.Certificate.Expires != civil.MustDate("2029-11-21") || len(a.Outcome) == 0 {
		t.Errorf("answer %+v", a)
	}
	if a.Standing.Amended != a.Certificate {
		t.Error("a certificate that nothing amends is not whole")
	}
	if a, err = public.Lookup(ctx, a.Certificate.Number, 0, micro(now)); err != nil || a.Known != micro(now) {
		t.Errorf("%v %+v", err, a)
	}
	es, err := public.Search(ctx, office.Query{Text: "hub & co", Scheme: "s", Limit: 3})
	ok(err)
	if len(es.Items) != 1 || es.AsOf == 0 || es.Next == "" || f.asked != "hub & co|s||3" {
		t.Errorf("search %+v, asked %q", es, f.asked)
	}
	_, err = public.Search(ctx, office.Query{After: es.Next})
	ok(err)
	if f.asked != "||row:17|50" {
		t.Errorf("asked %q", f.asked)
	}
	if w, err := public.Who(ctx, certID); err != nil || len(w.Acts) != 1 {
		t.Errorf("%v %+v", err, w)
	}
	ok(c.Request(ctx, "specimen-kr", "kr-cic-000041", office.StandingRequest{Scheme: "sg-cls-iot"}))
	if f.asked != "specimen-kr|kr-cic-000041|sg-cls-iot" {
		t.Errorf("asked %q", f.asked)
	}
	if as, err := public.Arrivals(ctx, client.List{Site: "specimen-kr"}); err != nil || len(as.Items) != 1 || len(as.Items[0].Outcome.Tried) != 1 {
		t.Errorf("%v %+v", err, as)
	}
	if ps, err := public.Peers(ctx); err != nil || len(ps) != 2 || ps[0].Site != "specimen-kr" {
		t.Errorf("%v %+v", err, ps)
	}
	if es, err := public.Evidence(ctx, "specimen-de"); err != nil || len(es) != 1 {
		t.Errorf("%v %s", err, es)
	}
	if cat, err := public.Catalog(ctx); err != nil || cat.Scheme("sg-cls-iot") == nil {
		t.Errorf("%v %+v", err, cat)
	}
	if m, err := public.Market(ctx, "sg", certID, civil.MustDate("2026-01-02"), map[string]scheme.Answer{"imda": scheme.No}); err != nil || len(m) == 0 || f.facts["imda"] != scheme.No {
		t.Errorf("%v %s %v", err, m, f.facts)
	}
	if d, err := public.Document(ctx); err != nil || string(d) != string(f.Document()) {
		t.Errorf("%v %s", err, d)
	}
	if n, err := public.ReceiptFor(ctx, "specimen-kr"); err != nil || len(n) == 0 {
		t.Errorf("%v %s", err, n)
	}
	if _, err := public.Acts(ctx, client.List{}); client.CodeOf(err) != string(office.Unsigned) {
		t.Errorf("without a token: %v", err)
	}
}

func TestClientWaitsUntilPublished(t *testing.T) {
	f := newFake()
	f.acts[uuidA] = office.Act{ID: uuidA, State: office.ActDone, Stage: office.Logged}
	srv := httptest.NewServer(newSite(f))
	defer srv.Close()
	c, err := client.New(srv.URL, client.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if a, err := c.WaitPublished(ctx, uuidA); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v %v", a, err)
	}
	f.acts[uuidA] = office.Act{ID: uuidA, State: office.ActDone, Stage: office.Published}
	if a, err := c.WaitPublished(context.Background(), uuidA); err != nil || a.Stage != office.Published {
		t.Errorf("%+v %v", a, err)
	}
	f.acts[uuidA] = office.Act{ID: uuidA, State: office.ActRejected, Stage: office.Recorded}
	if _, err := c.WaitPublished(context.Background(), uuidA); err == nil {
		t.Error("a rejected act is waited for")
	}
}
