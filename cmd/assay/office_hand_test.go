package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"assay/certificate"
	"assay/client"
	"assay/office"
)

const handClause = "sg-kr-2024/kr-basic-to-cls3"

// together does an act of two persons by the command line.
func (s *served) together(args ...string) *office.Act {
	s.u.Helper()
	act := answer[office.Act](s.u, s.by("ann", args...)...)
	done := answer[office.Act](s.u, s.by("bo", "decide", act.ID)...)
	if done.State != office.ActDone || done.Stage != office.Published {
		s.u.Fatalf("assay %s: the act is %s, %s", strings.Join(args, " "), done.State, done.Stage)
	}
	return &done
}

// pairByHand founds and serves two offices and makes them partners; sg acts by
// itself under one clause.
func pairByHand(t *testing.T) (kr, sg *served) {
	u := newUser(t)
	u.run(exitOK, initArgs("kr")...)
	u.run(exitOK, initArgs("sg")...)
	kr, sg = u.serve("kr", "127.0.0.1:0"), u.serve("sg", "127.0.0.1:0")
	kr.together("peer", "add", sg.url, "--fingerprint", sg.print, "--private")
	sg.together("peer", "add", kr.url, "--fingerprint", kr.print, "--private")
	u.write("reading.json", `{"clause": "`+handClause+`", "ground": "The office reads the clause as published."}`)
	sg.together("propose", "reading", "--body", "reading.json")
	sg.together("policy", "set", handClause, "--kind", "automatic", "--legal-basis", "specimen act, section 1",
		"--expires", time.Now().AddDate(0, 6, 0).Format(time.DateOnly), "--per-hour", "1000", "--per-day", "5000", "--share", "10")
	return kr, sg
}

// certify takes the hub through kr's desks by the command line.
func (s *served) certify() (certificateID string) {
	s.u.Helper()
	b, err := os.ReadFile("demodata/hub.yaml")
	if err != nil {
		s.u.Fatal(err)
	}
	ev, err := laboratory().Evidence(b, "", nil)
	if err != nil {
		s.u.Fatal(err)
	}
	s.u.write("hub.json", string(ev))
	a := answer[office.Application](s.u, s.by("maker", "apply", "hub.json", "--scheme", "kr-cic", "--level", "basic",
		"--request", "sg-cls-iot", "--accept-declaration", "--share-file", "--contact", "desk 4", "--payer", "kr:specimen-0001")...)
	answer[office.Application](s.u, s.by("cleo", "application", "complete", a.ID)...)
	e := answer[evaluated](s.u, s.by("dan", "evaluate", a.ID, "--recommend", "grant", "--reason", "requirements-met")...)
	act := answer[office.Act](s.u, s.by("ann", "decide", e.Act.ID)...)
	var r office.Result
	if err := json.Unmarshal(act.Result, &r); err != nil || r.Certificate == "" {
		s.u.Fatalf("the decision gave %s (%v)", act.Result, err)
	}
	return r.Certificate
}

// designation waits for what a certificate of kr leads to in sg.
func designation(sg *served, source string) (d office.Entry) {
	sg.u.Helper()
	c := sg.client("ann")
	eventually(sg.u, "the designation appears", func() bool {
		p, err := c.Search(context.Background(), office.Query{Office: "kr"})
		if err != nil {
			sg.u.Fatal(err)
		}
		for _, e := range p.Items {
			if e.Certificate.Derived.Certificate == source {
				d = e
				return true
			}
		}
		return false
	})
	return d
}

// TestByHand is what the operations manual says, from an empty folder on.
func TestByHand(t *testing.T) {
	kr, sg := pairByHand(t)
	u := kr.u
	kr.get("/healthz", "ok")
	kr.get("/v1/office", `"specimen":true`)
	if !strings.HasPrefix(kr.get("/checkpoint", "\n"), "assay.example/kr\n") {
		t.Error("the checkpoint is of another log")
	}
	early := "early.db"
	u.run(exitOK, "backup", "kr", early)

	hub := kr.certify()
	d := designation(sg, hub)
	if c := d.Certificate; c.Scheme != "sg-cls-iot" || c.Level != "3" || c.Derived.Clause != handClause {
		t.Errorf("designated as %s %s under %s", c.Scheme, c.Level, c.Derived.Clause)
	}
	for _, s := range []*served{kr, sg} {
		if as := answer[client.Page[office.Alarm]](u, s.by("ann", "alarms")...); len(as.Items) > 0 {
			t.Errorf("alarms at %s: %+v", s.id, as.Items)
		}
		if c := answer[checkedLog](u, "log", "fsck", s.url, "--fingerprint", s.print); !c.Whole || !c.Pinned || c.Office != s.id {
			t.Errorf("fsck: %+v", c)
		}
	}
	u.refused(exitFailed, "not the one given", "log", "fsck", kr.url, "--fingerprint", sg.print)

	best := killUnderLoad(t, &kr, hub)
	t.Logf("ready after kill -9 in %v", best)
	if best > 2*time.Second {
		t.Errorf("ready after %v, want within 2 s", best)
	}

	seen := func() bool { // sg has applied all that kr published
		for _, p := range answer[[]office.PeerStatus](u, "peer", "list", "--office", sg.url) {
			return p.Applied == answer[checkedLog](u, "log", "fsck", "kr").Entries
		}
		return false
	}
	caught := false
	defer func() {
		if !caught {
			t.Logf("the partner says %+v, the log has %+v", answer[[]office.PeerStatus](u, "peer", "list", "--office", sg.url), answer[checkedLog](u, "log", "fsck", "kr"))
		}
	}()
	eventually(t, "the partner has caught up", seen)
	caught = true
	for _, from := range []string{kr.url, "kr", filepath.Join("kr", databaseFile)} {
		into := "rebuilt-" + filepath.Base(from)
		if r := answer[rebuilt](u, "rebuild", from, "--into", into, "--compare", "kr"); r.Compared != r.Digest || r.Certificates != 1 || r.Events == 0 {
			t.Errorf("rebuilt from %s: %+v", from, r)
		}
		u.refused(exitFailed, "is not replaced", "rebuild", from, "--into", into)
	}
	if r := answer[rebuilt](u, "rebuild", sg.url, "--into", "sg.db", "--compare", "sg", "--fingerprint", sg.print); r.Certificates != 1 {
		t.Errorf("%+v", r)
	}

	// A backup made while serving goes on; one that a partner is ahead of does not.
	u.run(exitOK, "backup", "kr", "late.db")
	u.refused(exitFailed, "exists", "backup", "kr", "late.db")
	u.refused(exitFailed, "is not replaced", "restore", "late.db", "kr")
	kr.stop()
	u.refused(exitFailed, "must not go on", "restore", early, "kr-early")
	if _, err := os.Stat(u.path("kr-early")); err == nil {
		t.Error("a refused restore left a folder")
	}
	u.run(exitOK, "restore", early, "kr-early", "--may-fork")
	r := answer[restored](u, "restore", "late.db", "kr-late", "--keys", "kr/keys.age")
	if len(r.Peers) != 1 || !r.Peers[0].Safe || r.Peers[0].Applied == 0 {
		t.Errorf("%+v", r.Peers)
	}
	back := u.serve("kr-late", kr.address())
	if s := answer[office.Answer](u, "show", hub, "--office", back.url).Standing.State; s != certificate.Valid {
		t.Errorf("restored, the hub is %s", s)
	}
	back.id = "kr" // whose folder has the tokens
	back.together("suspend", hub, "--reason", "vulnerability-unfixed")
	eventually(t, "the partner follows the restored office", func() bool {
		return answer[office.Answer](u, "show", d.Certificate.ID, "--office", sg.url).Standing.State == certificate.Suspended
	})
	sg.stop()
	u.refused(exitFailed, "must not go on", "restore", "--check", "kr-late") // nobody can be asked
}

// killUnderLoad kills the office in the middle of acts and starts it again,
// some times over: what it had answered is there, what was under way is done
// or was never approved. It returns the shortest time to be ready again.
func killUnderLoad(t *testing.T, kr **served, hub string) (best time.Duration) {
	t.Helper()
	ctx := t.Context()
	best = time.Hour
	for range 3 {
		ann, bo := (*kr).client("ann"), (*kr).client("bo")
		answered := make(chan *office.Act, 1000)
		last := make(chan string, 1000)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for i := 0; ; i++ {
				kind, body := office.ActSuspend, office.MeasureBody{Certificate: hub, Reason: "vulnerability-unfixed"}
				if i%2 == 1 {
					kind, body.Reason = office.ActReinstate, "vulnerability-fixed"
				}
				act, err := ann.Propose(ctx, client.NewID(), kind, body)
				if err != nil {
					return
				}
				last <- act.ID
				if act, err = bo.Approve(ctx, act.ID, act.Version, client.Published); err != nil {
					return
				}
				answered <- act
			}
		}()
		eventually(t, "twenty acts are done", func() bool { return len(answered) >= 20 })
		(*kr).kill()
		<-stopped
		*kr = (*kr).u.serve("kr", (*kr).address())
		best = min(best, (*kr).took)
		ann = (*kr).client("ann")
		close(answered)
		for act := range answered {
			if now, err := ann.Act(ctx, act.ID); err != nil || now.State != office.ActDone || now.Index != act.Index || now.Stage != office.Published {
				t.Errorf("act %s was done at entry %d; after the crash %+v (%v)", act.ID, act.Index, now, err)
			}
		}
		close(last)
		var id string
		for id = range last {
		}
		now, err := ann.Act(ctx, id)
		if err != nil || now.State != office.ActProposed && now.State != office.ActDone {
			t.Errorf("the act under way is %+v (%v)", now, err)
		}
		// The next round starts from a valid certificate.
		if a, err := ann.Certificate(ctx, hub, 0, 0); err != nil {
			t.Fatal(err)
		} else if a.Standing.State == certificate.Suspended {
			(*kr).together("reinstate", hub, "--reason", "vulnerability-fixed")
		}
	}
	return best
}
