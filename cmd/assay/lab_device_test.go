package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/bundle"
	"assay/evidence"
	"assay/lab/record"
)

// labBundle is a bundle with one image and what is given of the rest.
func labBundle(t *testing.T, image []byte, files map[string]string) string {
	t.Helper()
	b := bundle.New()
	files["product.yaml"] = "product: {holder: fi:specimen, brand: SPECIMEN, name: SPECIMEN hub, functions: [consumer/iot-gateway], models: [{id: H-1}]}\nfirmware: [{version: 1.0, sha256: " + evidence.Digest(image).String() + "}]\n"
	for name, text := range files {
		if err := b.Put(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Parse(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := b.Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A device against its bundle: verdicts, a task and an import come into the
// bundle, which can still be read, and the run can be read again.
func TestLabDevice(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "admin" || p != "admin" {
			w.Header().Set("WWW-Authenticate", `Basic realm="hub"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := labBundle(t, []byte("image"), map[string]string{
		"ixit/log-intf.yaml":  "rows:\n  - {id: web, description: Page, ports: " + port + "/tcp, access: network, status: enabled}\n",
		"ixit/soft-serv.yaml": "rows:\n  - {id: srv, description: Page, ports: " + port + "/tcp, over-network: \"yes\", status: enabled, authentication-mechanism: [pw]}\n",
		"ixit/auth-mech.yaml": "rows:\n  - {id: pw, description: Password, subject: user, over-network: \"yes\", factor-kind: password}\n",
		"ics.yaml":            "ics:\n  - {standard: en-303-645, edition: 2.1.1, date: 2026-11-01, entries: {5.1-1: yes}}\n",
	})
	out := filepath.Join(t.TempDir(), "out")
	var stdout, stderr bytes.Buffer
	args := []string{"--ixit", dir, "--out", out, "--tcp", port, "--udp", "9", "--no-tools", "--consent", "guess", "--serial", "SPL1", "--hardware", "A", "--at", "2026-11-24T10:00:00Z", "--operator", "tester-1", "127.0.0.1"}
	if code := runLabDevice(t.Context(), args, stdio{nil, &stdout, &stderr}); code != exitOK {
		t.Fatalf("exit %d: %s%s", code, stdout.String(), stderr.String())
	}
	for _, want := range []string{"http", "fail", "en-303-645/5.1-1", "5.1-5-2/b auth-mech/pw", "verdicts/lab-device-ts-103-701-1.1.1.yaml: verdicts ", "imports/device.json.yaml: device.json", "assay evidence check " + dir} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in:\n%s", want, stdout.String())
		}
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Evidence.Reports) != 1 || len(b.Evidence.Imports) != 1 || len(b.Evidence.Imports[0].Services) != 1 {
		t.Fatalf("%d reports, %d imports", len(b.Evidence.Reports), len(b.Evidence.Imports))
	}
	for _, f := range b.Findings() {
		if !f.Note {
			t.Errorf("%s", f)
		}
	}
	r := b.Evidence.Reports[0].Report()
	verdicts := map[string]evidence.Verdict{}
	for _, x := range r.Verdicts {
		verdicts[x.Unit+" "+x.Row] = x.Verdict
	}
	for unit, want := range map[string]evidence.Verdict{"5.6-1-2/d web": evidence.Pass, "5.1-5-2/b pw": evidence.Fail, "5.5-4-2/a srv": evidence.Fail} {
		if verdicts[unit] != want {
			t.Errorf("%s: %q, not %s", unit, verdicts[unit], want)
		}
	}
	if len(r.Results) != 1 || r.Results[0].Verdict != evidence.Fail || len(r.Tasks) == 0 {
		t.Errorf("%+v %+v", r.Results, r.Tasks)
	}
	text, err := os.ReadFile(filepath.Join(out, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var run record.Run
	if err := json.Unmarshal(text, &run); err != nil || run.Operator != "tester-1" || len(run.Findings) == 0 {
		t.Errorf("%v: %s", err, text)
	}
	// An earlier run is not overwritten.
	if code := runLabDevice(t.Context(), args, stdio{nil, &stdout, &stderr}); code != exitFailed || !strings.Contains(stderr.String(), "exists") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
	listed := labBundle(t, []byte("image"), map[string]string{"product.yaml": ""})
	text, err = os.ReadFile(filepath.Join(listed, "product.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(listed, "product.yaml"), bytes.Replace(text, []byte("{id: H-1}"), []byte("{id: H-1, hardware: [A]}"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]string{{"--consent", "all", "127.0.0.1"}, {"--credentials", "x", "127.0.0.1"}, {"--tcp", "x", "127.0.0.1"}, {"--at", "today", "127.0.0.1"}, {"--ixit", dir, "127.0.0.1"}, {"--ixit", listed, "--serial", "1", "--hardware", "B", "127.0.0.1"}, {"--tools", "sh", "127.0.0.1"}, {"--tools", "nmap", "--no-tools", "127.0.0.1"}, {}} {
		if code := runLabDevice(t.Context(), bad, stdio{nil, &stdout, &stderr}); code != exitUsage {
			t.Errorf("%v: exit %d", bad, code)
		}
	}
}

// labOf runs the device test, and gives back its exit code and both outputs.
func labOf(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = runLabDevice(t.Context(), args, stdio{nil, &stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

// nothing checks that a folder has no more than the names, hidden ones too.
func nothing(t *testing.T, dir string, but ...string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if !slices.Contains(but, f.Name()) {
			t.Errorf("%s is left", f.Name())
		}
	}
}

// A run that is stopped leaves no folder, and no part of one.
func TestLabDeviceStopped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			time.AfterFunc(300*time.Millisecond, cancel) // in the middle: the port says nothing
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	begin := time.Now()
	code := runLabDevice(ctx, []string{"--no-tools", "--out", filepath.Join(dir, "out"), "--tcp", port, "--udp", "9", "127.0.0.1"}, stdio{nil, &stdout, &stderr})
	if code != exitFailed || stdout.Len() > 0 || time.Since(begin) > 20*time.Second {
		t.Errorf("exit %d after %v: %s%s", code, time.Since(begin), stdout.String(), stderr.String())
	}
	nothing(t, dir)
}

// What cannot be written to the end is not there under its name.
func TestOutput(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	r := &labRun{labFlags: &labFlags{out: &name}}
	o, err := r.newOutput("unused")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.write("a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("half of it has the name")
	}
	if err := o.write("a", []byte("2")); err == nil {
		t.Error("a file was written twice")
	}
	if _, err := r.newOutput(""); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("two at once: %v", err)
	}
	o.drop()
	nothing(t, dir)
	if o, err = r.newOutput(""); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(o.write("a", []byte("1")), o.write("b", nil), o.remove("b"), o.keep()); err != nil {
		t.Fatal(err)
	}
	o.drop() // has nothing to drop
	nothing(t, dir, "out")
	nothing(t, name, "a")
	if b, err := os.ReadFile(o.path("a")); err != nil || string(b) != "1" || !slices.Equal(o.files, []string{"a"}) {
		t.Errorf("%q, %v, %v", b, err, o.files)
	}
	// Somebody took the name meanwhile.
	name = filepath.Join(dir, "second")
	if o, err = r.newOutput(""); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(name, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := o.keep(); err == nil {
		t.Error("took the place of another")
	}
	o.drop()
	nothing(t, dir, "out", "second")
}

// Passwords of the operator stand nowhere, but for those that open the device; --json
// prints the record alone; IPv6 addresses are addresses.
func TestLabDeviceSecrets(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "svc" || p != "opens-9" {
			w.Header().Set("WWW-Authenticate", `Basic realm="hub"`)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "you said "+r.Header.Get("Authorization")+" "+p) // an echo is hidden, too
		}
	}))
	srv.Listener = l
	srv.Start()
	defer srv.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	dir := t.TempDir()
	known := filepath.Join(dir, "known")
	if err := os.WriteFile(known, []byte("svc:wrong-secret-1\nsvc:opens-9\nother:wrong-secret-2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"::1", "::1%lo"} {
		out := filepath.Join(dir, strings.Map(plainName, address))
		code, stdout, stderr := labOf(t, "--no-tools", "--out", out, "--tcp", port, "--udp", "9", "--consent", "sign-in", "--credentials", known, "--json", address)
		if code != exitOK {
			if strings.Contains(address, "%") && strings.Contains(stderr, "no such network interface") {
				continue // loopback has another name here
			}
			t.Fatalf("%s: exit %d: %s", address, code, stderr)
		}
		var run record.Run
		if err := json.Unmarshal([]byte(stdout), &run); err != nil || len(run.Findings) == 0 {
			t.Fatalf("%v in %s", err, stdout)
		}
		if stderr != "" {
			t.Errorf("said %q", stderr)
		}
		files, err := os.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(out, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []string{"svc:wrong-secret-1", "other:wrong-secret-2"} {
				_, p, _ := strings.Cut(c, ":")
				if bytes.Contains(b, []byte(p)) || bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString([]byte(c)))) {
					t.Errorf("%s has %s", f.Name(), c)
				}
			}
			if f.Name() == "run.json" && !bytes.Contains(b, []byte("opens-9")) {
				t.Errorf("what opened the device is not in %s", b)
			}
		}
	}
}

// Other people's programs are run, their files taken in, and what they see otherwise
// is said.
func TestLabDeviceTools(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	put := func(name, script string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	xml := func(service string) string {
		return fmt.Sprintf(`cat <<'END'
<?xml version="1.0"?><nmaprun scanner="nmap" version="7.93" start="1795500000"><scaninfo type="connect" protocol="tcp" numservices="1" services="%[1]s"/>
<host><status state="up"/><address addr="127.0.0.1" addrtype="ipv4"/><ports><port protocol="tcp" portid="%[1]s"><state state="open"/>%[2]s</port></ports></host>
<runstats><finished time="1795500001" exit="success"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>
END`, port, service)
	}
	image := labBundle(t, []byte("image"), map[string]string{})
	for i, x := range []struct {
		script, scope, finding string
		imports                int
	}{
		{xml(`<service name="http" product="Go net/http" method="probed" conf="10"/>`), "with nmap 7.93", "", 1},
		{xml(`<service name="telnet" product="BusyBox telnetd" method="probed" conf="10"/>`), "with nmap 7.93", "telnet BusyBox telnetd", 1},
		{xml(`<service name="unicall" method="table" conf="3"/>`), "with nmap 7.93", "", 1},
		{"echo '<nmaprun>garbage'", "with nmap: what it wrote cannot be read", "", 0},
		{"head -c 5000 /dev/urandom", "with nmap: what it wrote cannot be read", "", 0},
		{"exit 1", "with nmap: it wrote nothing", "", 0},
	} {
		put("nmap", x.script)
		out := filepath.Join(t.TempDir(), "out")
		code, stdout, stderr := labOf(t, "--ixit", image, "--no-add", "--tools", "nmap", "--out", out, "--tcp", port, "--udp", "9", "--serial", "S", "--hardware", "H", "127.0.0.1")
		if code != exitOK || !strings.Contains(stdout, x.scope) {
			t.Errorf("%d: exit %d, no %q in %s%s", i, code, x.scope, stdout, stderr)
		}
		if got := strings.Contains(stdout, "Another program sees a port otherwise"); got != (x.finding != "") || !strings.Contains(stdout, x.finding) {
			t.Errorf("%d: %s", i, stdout)
		}
		b, err := os.ReadFile(filepath.Join(out, "run.json"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = os.Stat(filepath.Join(out, "nmap.xml"))
		if (err == nil) != (x.imports > 0) || bytes.Contains(b, []byte("nmap 7.93: nmap.xml")) != (x.imports > 0) {
			t.Errorf("%d: %v, %s", i, err, b)
		}
	}
	// Into the bundle; a second program that is not there is said.
	put("nmap", xml(`<service name="http" product="Go net/http" method="probed" conf="10"/>`))
	code, stdout, stderr := labOf(t, "--ixit", image, "--tools", "nmap", "--out", filepath.Join(t.TempDir(), "out"), "--tcp", port, "--udp", "9", "--serial", "S", "--hardware", "H", "127.0.0.1")
	if code != exitOK || !strings.Contains(stdout, "imports/nmap.xml.yaml: nmap.xml") {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	b, err := bundle.Open(image)
	if err != nil || len(b.Evidence.Imports) != 2 {
		t.Fatalf("%v, %d imports", err, len(b.Evidence.Imports))
	}
	t.Setenv("PATH", dir)
	code, stdout, stderr = labOf(t, "--ixit", image, "--no-add", "--out", filepath.Join(t.TempDir(), "out"), "--tcp", "9", "--udp", "9", "--serial", "S", "--hardware", "H", "127.0.0.1")
	if code != exitOK || !strings.Contains(stdout, "the device with testssl, ssh-audit: not installed") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, _, stderr := labOf(t, "--tools", "testssl", "127.0.0.1"); code != exitUsage || !strings.Contains(stderr, "not installed") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
