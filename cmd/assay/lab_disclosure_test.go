package main

import (
	"bytes"
	"encoding/json"
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

const disclosurePage = `<html><body><h1>Reporting vulnerabilities</h1><p>Write to psirt@example.com.</p>
<p>We acknowledge receipt within 3 business days and send a status update every week.</p></body></html>`

// A policy from an address: verdicts and tasks come into the bundle, which can still be read, with
// what was fetched; the same again gives the same bytes.
func TestLabDisclosure(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/policy":
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(disclosurePage))
		case "/moved":
			http.Redirect(w, r, "/policy", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	dir := labBundle(t, []byte("image"), map[string]string{"ics.yaml": "ics:\n  - {standard: en-303-645, edition: 2.1.1, date: 2026-11-01, entries: {5.2-1: yes}}\n"})
	lab := func(code int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if got := runLab(t.Context(), append([]string{"disclosure"}, args...), stdio{nil, &stdout, &stderr}); got != code {
			t.Fatalf("%v: exit %d and not %d: %s%s", args, got, code, stdout.String(), stderr.String())
		}
		return stdout.String() + stderr.String()
	}
	out := filepath.Join(t.TempDir(), "out")
	said := lab(exitOK, "--bundle", dir, "--out", out, "--at", "2026-11-24T10:00:00Z", srv.URL+"/moved")
	for _, want := range []string{"302: " + srv.URL + "/moved -> " + srv.URL + "/policy", "html, ", "pass          5.2-1-2/a", "Acknowledgment of receipt: 3 business days", "News of the state: every week", "verdicts/lab-disclosure-ts-103-701-1.1.1.yaml: verdicts 1, tasks 2", "report.html"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in:\n%s", want, said)
		}
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range b.Findings() {
		if !f.Note {
			t.Errorf("%s", f)
		}
	}
	if len(b.Evidence.Reports) != 1 {
		t.Fatalf("%d reports", len(b.Evidence.Reports))
	}
	r := b.Evidence.Reports[0].Report()
	verdicts := map[string]evidence.Verdict{}
	for _, x := range r.Verdicts {
		verdicts[x.Unit] = x.Verdict
	}
	if len(verdicts) != 1 || verdicts["5.2-1-2/a"] != evidence.Pass || len(r.Tasks) != 2 || len(r.Samples) != 0 {
		t.Errorf("%v, %d tasks, %d samples", verdicts, len(r.Tasks), len(r.Samples))
	}
	if text, err := os.ReadFile(filepath.Join(out, "1-policy.html")); err != nil || string(text) != disclosurePage {
		t.Errorf("%q %v", text, err)
	}
	// Twice the same from a file, in another language, as JSON.
	name := filepath.Join(t.TempDir(), "policy.html")
	if err := os.WriteFile(name, []byte(disclosurePage), 0o644); err != nil {
		t.Fatal(err)
	}
	var runs []string
	for _, o := range []string{"one", "two"} {
		runs = append(runs, lab(exitOK, "--json", "--lang", "ko", "--out", filepath.Join(t.TempDir(), o), "--at", "2026-11-24T10:00:00Z", name))
	}
	var run record.Run
	if err := json.Unmarshal([]byte(runs[0]), &run); err != nil || runs[0] != runs[1] || len(run.Judgments) != 3 || run.Input.SHA256 != evidence.Digest([]byte(disclosurePage)) || len(run.Confinement) == 0 {
		t.Errorf("%v: %s", err, runs[0])
	}
	if said := lab(exitOK, "--out", filepath.Join(t.TempDir(), "x"), srv.URL+"/gone"); !strings.Contains(said, "fail          5.2-1-1/a") {
		t.Error(said)
	}
	// Two documents at one instant are two reports; the same once more changes nothing, and says so.
	other := filepath.Join(t.TempDir(), "other.html")
	if err := os.WriteFile(other, []byte(disclosurePage+"<p>more"), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, x := range []struct{ file, want string }{
		{name, "verdicts/lab-disclosure-ts-103-701-1.1.1-2.yaml: verdicts 0, tasks 3"}, {other, "verdicts/lab-disclosure-ts-103-701-1.1.1-3.yaml: verdicts 0, tasks 3"},
		{other, "verdicts/lab-disclosure-ts-103-701-1.1.1-3.yaml: is there already, and stays as it is"},
	} {
		if said := lab(exitOK, "--bundle", dir, "--out", filepath.Join(t.TempDir(), "o"), "--at", "2026-11-24T10:00:00Z", x.file); !strings.Contains(said, x.want) {
			t.Errorf("%d: no %q in:\n%s", i, x.want, said)
		}
	}
	if b, err = bundle.Open(dir); err != nil || len(b.Evidence.Reports) != 3 {
		t.Fatalf("%v, %d reports", err, len(b.Evidence.Reports))
	}
	for _, f := range b.Findings() {
		if !f.Note || strings.Contains(f.Problem, "nothing names") {
			t.Errorf("%s", f)
		}
	}
	// What cannot be said is not half written.
	x := filepath.Join(t.TempDir(), "x")
	lab(exitUsage, "--bundle", dir, "--lang", "fr", "--out", x, name)
	lab(exitUsage, "--bundle", dir, "--by", "", "--out", x, name)
	if _, err := os.Stat(x); !os.IsNotExist(err) {
		t.Errorf("%s: %v", x, err)
	}
	said = lab(exitOK, "--lang", "ko", "--out", x, name)
	for _, want := range []string{"발견 사항(심각한 것부터): ", "판정: 0 ", "에 기록함: "} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in:\n%s", want, said)
		}
	}
	// A policy that is not there fails the provision, too, and the bundle stays sound.
	dir = labBundle(t, []byte("image"), map[string]string{"ics.yaml": "ics:\n  - {standard: en-303-645, edition: 2.1.1, date: 2026-11-01, entries: {5.2-1: yes}}\n"})
	lab(exitOK, "--bundle", dir, "--out", filepath.Join(t.TempDir(), "y"), srv.URL+"/gone")
	if b, err = bundle.Open(dir); err != nil {
		t.Fatal(err)
	}
	for _, f := range b.Findings() {
		if !f.Note {
			t.Errorf("%s", f)
		}
	}
	if r := b.Evidence.Reports[0].Report(); len(r.Results) != 1 || r.Results[0].Verdict != evidence.Fail {
		t.Errorf("%+v", r.Results)
	}
	for _, bad := range [][]string{{}, {"ftp://example.com/"}, {"https://a:b@example.com/"}, {"--follow", name}, {"--at", "x", name}} {
		lab(exitUsage, bad...)
	}
	if said := lab(exitFailed, filepath.Join(t.TempDir(), "none.txt")); !strings.Contains(said, "none.txt") {
		t.Error(said)
	}
}
