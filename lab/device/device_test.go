package device

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/evidence"
	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/scan"
	"assay/lab/device/wire"
)

// A protocol of this test: the service greets with HELLO and takes lines "user
// password".
func toy(accept string, lockAfter int) probe.Probe {
	tries := 0
	return probe.Probe{
		Name: "toy", Transport: wire.TCP,
		Greets: func(g []byte) bool { return strings.HasPrefix(string(g), "HELLO") },
		Look: func(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
			o := &probe.Observation{Protocol: "toy", Auth: probe.AuthRequired}
			o.Tell("greeting", string(e.Greeting))
			return o, nil
		},
		SignIn: func(ctx context.Context, e *probe.Env, c probe.Credential) (probe.Outcome, error) {
			if tries++; lockAfter > 0 && tries > lockAfter {
				return probe.Locked, nil
			}
			if c.User+" "+c.Password == accept {
				return probe.Accepted, nil
			}
			return probe.Refused, nil
		},
	}
}

func listen(t *testing.T, greeting string) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, greeting)
			go func() { time.Sleep(50 * time.Millisecond); c.Close() }()
		}
	}()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func run(t *testing.T, o Options, ixit map[string][]evidence.Row) *Result {
	t.Helper()
	o.Name, o.Addr, o.Link.Timeout = "127.0.0.1", netip.MustParseAddr("127.0.0.1"), 200*time.Millisecond
	if ixit != nil {
		o.Evidence = &evidence.Evidence{IXIT: ixit}
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// verdict finds a judgment.
func (r *Result) verdict(unit, row string) string {
	for _, j := range r.Judged {
		if (j.Unit == unit || j.Unit == "" && j.Requirement == unit) && j.Row == row {
			return string(j.Verdict)
		}
	}
	return "none"
}

func TestDeclaredAndSeen(t *testing.T) {
	declared, hidden, off := listen(t, "HELLO 1.0\r\n"), listen(t, "?"), listen(t, "HELLO\r\n")
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := uint16(gone.Addr().(*net.TCPAddr).Port)
	gone.Close()
	line := func(id string, port uint16, status string) evidence.Row {
		return evidence.Row{"id": {id}, "ports": {fmt.Sprintf("%d/tcp", port)}, "access": {"network"}, "status": {status}}
	}
	ixit := map[string][]evidence.Row{"log-intf": {line("a", declared, "enabled"), line("b", off, "disabled"), line("c", closed, "enabled"), line("d", closed, "disabled")}}
	o := Options{TCP: scan.Ports{closed, declared, hidden, off}, Probes: []probe.Probe{toy("", 0)}}
	slices.Sort(o.TCP)
	r := run(t, o, ixit)
	for _, w := range []struct{ unit, row, want string }{
		{"5.6-1-2/c", "", "fail"}, {"5.5-5-2/b", "", "fail"},
		{"5.6-1-2/d", "log-intf/a", "pass"}, {"5.6-1-2/d", "log-intf/b", "fail"}, {"5.6-1-2/d", "log-intf/c", "fail"}, {"5.6-1-2/d", "log-intf/d", "pass"},
		{"5.6-2-2/a", "log-intf/a", "inconclusive"},
		{"en-303-645/5.1-1", "", "inconclusive"},
	} {
		if got := r.verdict(w.unit, w.row); got != w.want {
			t.Errorf("%s %s: %s, not %s", w.unit, w.row, got, w.want)
		}
	}
	if len(r.Findings) != 2 {
		t.Errorf("%+v", r.Findings)
	}
	// Without the two, what is left is no pass: not all ports, not all sides.
	o.TCP = scan.Ports{declared}
	r = run(t, o, map[string][]evidence.Row{"log-intf": {line("a", declared, "enabled")}})
	if got := r.verdict("5.6-1-2/c", ""); got != "inconclusive" || len(r.Findings) != 0 {
		t.Error(got, r.Findings)
	}
	for _, j := range r.Judged {
		if j.Verdict == evidence.Inconclusive && j.Task == nil && len(j.NotLooked) == 0 || len(j.Looked) == 0 || len(j.Ground) == 0 {
			t.Errorf("%+v", j)
		}
	}
	if got := run(t, o, nil).verdict("5.6-1-2/c", ""); got != "inconclusive" {
		t.Errorf("nothing declared: %s", got)
	}
}

// Silence speaks for nothing: a device that is off neither breaks nor keeps what was
// stated of it.
func TestMute(t *testing.T) {
	row := func(id, port, status string) evidence.Row {
		return evidence.Row{"id": {id}, "ports": {port}, "access": {"network"}, "status": {status}}
	}
	ev := &evidence.Evidence{IXIT: map[string][]evidence.Row{"log-intf": {row("a", "80/tcp", "enabled"), row("b", "23/tcp", "disabled")}}}
	port := func(n uint16) wire.Port { return wire.Port{Transport: wire.TCP, Number: n} }
	for _, c := range []struct {
		name             string
		third            scan.State // of another port
		on, off, surplus string
	}{
		{"off", scan.Filtered, "inconclusive", "inconclusive", "inconclusive"},
		{"on behind a filter", scan.Closed, "inconclusive", "pass", "pass"},
	} {
		r := &Result{Addr: "192.0.2.1", onlySide: true, Scanned: map[string]string{"tcp": "1-65535", "udp": "1-65535"}, states: map[wire.Port]scan.State{port(80): scan.Filtered, port(23): scan.Filtered, port(9): c.third}}
		r.judge(ev)
		for what, got := range map[string][2]string{"on": {r.verdict("5.6-1-2/d", "log-intf/a"), c.on}, "off": {r.verdict("5.6-1-2/d", "log-intf/b"), c.off}, "surplus": {r.verdict("5.6-1-2/c", ""), c.surplus}} {
			if got[0] != got[1] {
				t.Errorf("%s, %s: %s, not %s", c.name, what, got[0], got[1])
			}
		}
	}
}

func TestSignIn(t *testing.T) {
	port := listen(t, "HELLO\r\n")
	ixit := map[string][]evidence.Row{
		"soft-serv": {{"id": {"s"}, "ports": {fmt.Sprint(port)}, "over-network": {"yes"}, "status": {"enabled"}, "authentication-mechanism": {"m"}}},
		"auth-mech": {{"id": {"m"}, "over-network": {"yes"}}},
	}
	o := Options{TCP: scan.Ports{port}, Consent: probe.Consent{SignIn: true, Guess: true}, Guess: GuessLimits{Tries: 8}, Candidates: append(Defaults(), probe.Credential{User: "Alpha", Password: "from image", From: "firmware"})}
	for _, c := range []struct {
		accept             string
		lock               int
		rule, first, guess string
	}{
		{"Alpha from image", 0, "device.firmware-credential", "fail", "fail"},
		{"admin admin", 0, "device.default-credential", "fail", "fail"},
		{"root ", 0, "device.empty-password", "fail", "fail"},
		{"none of them", 0, "device.no-guessing-limit", "inconclusive", "fail"},
		{"none of them", 4, "", "inconclusive", "pass"},
	} {
		o.Probes = []probe.Probe{toy(c.accept, c.lock)}
		r := run(t, o, ixit)
		found := slices.ContainsFunc(r.Services[0].Is.Findings, func(f lab.Finding) bool { return f.Rule == c.rule })
		if !found && c.rule != "" || c.rule == "" && len(r.Findings) > 0 {
			t.Errorf("%s: %+v", c.accept, r.Findings)
		}
		if got := r.verdict("en-303-645/5.1-1", ""); got != c.first {
			t.Errorf("%s, lock %d: 5.1-1 %s", c.accept, c.lock, got)
		}
		if got := r.verdict("5.1-5-2/b", "auth-mech/m"); got != c.guess {
			t.Errorf("%s, lock %d: 5.1-5 %s", c.accept, c.lock, got)
		}
	}
	// What no row declares is judged all the same: what was measured as a whole, the rest by a person.
	o.Probes = []probe.Probe{toy("root ", 0)}
	r := run(t, o, nil)
	if got := r.verdict("en-303-645/5.1-5", ""); got != "fail" {
		t.Errorf("nothing declared, no limit: %s", got)
	}
	for i := range r.Findings {
		for _, q := range lab.MustRule(r.Findings[i].Rule).About {
			if !slices.ContainsFunc(r.Judged, func(j lab.Judgment) bool { return j.Requirement == q && slices.Contains(j.Findings, i) }) {
				t.Errorf("%s bears on %s, and no judgment names it", r.Findings[i].Rule, q)
			}
		}
	}
	o.Probes = []probe.Probe{toy("none", 4)}
	if got := run(t, o, nil).verdict("en-303-645/5.1-5", ""); got != "none" {
		t.Errorf("nothing declared, locked: %s", got)
	}
	o.Consent, o.Probes = probe.Consent{}, []probe.Probe{toy("root ", 0)}
	if r := run(t, o, ixit); len(r.Findings) > 0 || r.Services[0].SignIn != nil {
		t.Error("signed in without consent")
	}
}

func TestSlower(t *testing.T) {
	for _, g := range []struct {
		Guessed
		want bool
	}{
		{Guessed{Tries: 10, First: 10 * time.Millisecond, Last: 20 * time.Millisecond}, false},
		{Guessed{Tries: 10, First: time.Second, Last: 8 * time.Second}, true},
		{Guessed{Tries: 10, First: 2 * time.Second, Last: 2 * time.Second}, false},
		{Guessed{Tries: 4, First: time.Millisecond, Last: 9 * time.Second}, false},
	} {
		if g.Slower() != g.want {
			t.Errorf("%+v", g.Guessed)
		}
	}
}
