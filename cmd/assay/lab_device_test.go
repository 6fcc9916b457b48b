package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/bundle"
	"assay/evidence"
	"assay/lab/record"
)

// labBundle is a bundle with one image and what is given of the rest.
func labBundle(t *testing.T, image []byte, files map[string]string) string {
	t.Helper()
	b := bundle.New()
	files["product.yaml"] = "product: {holder: fi:specimen, brand: SPECIMEN, name: SPECIMEN hub, functions: [gateway], models: [{id: H-1}]}\nfirmware: [{version: 1.0, sha256: " + evidence.Digest(image).String() + "}]\n"
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
	args := []string{"--ixit", dir, "--out", out, "--tcp", port, "--udp", "9", "--consent", "guess", "--serial", "SPL1", "--hardware", "A", "--at", "2026-11-24T10:00:00Z", "--operator", "tester-1", "127.0.0.1"}
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
	for _, bad := range [][]string{{"--consent", "all", "127.0.0.1"}, {"--tcp", "x", "127.0.0.1"}, {"--at", "today", "127.0.0.1"}, {"--ixit", dir, "127.0.0.1"}, {}} {
		if code := runLabDevice(t.Context(), bad, stdio{nil, &stdout, &stderr}); code != exitUsage {
			t.Errorf("%v: exit %d", bad, code)
		}
	}
}
