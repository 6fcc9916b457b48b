package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
)

// bundled puts a small bundle without findings into the user's folder.
func (u *user) bundled(dir string) {
	u.Helper()
	for _, d := range []string{"ixit", "verdicts", "artifacts"} {
		if err := os.MkdirAll(u.path(filepath.Join(dir, d)), 0o700); err != nil {
			u.Fatal(err)
		}
	}
	u.write("report.pdf", "%PDF-1.7 SPECIMEN\n")
	u.write(dir+"/product.yaml", `# SPECIMEN
product:
  holder: xx:0001
  brand: SPECIMEN
  name: Camera
  functions: [consumer/camera]
  models:
    - {id: C-1, hardware: [A]}
firmware:
  - {version: 1.0.0, sha256: 00000000000000000000000000000000000000000000000000000000000000a1}
support: {end: 2031-12-31}
`)
	u.write(dir+"/ixit/vuln-mon.yaml", "rows:\n  - id: VulnMon-1\n    description: Feeds are read weekly.\n")
	u.write(dir+"/ixit/auth-mech.yaml", "rows:\n  - id: AuthMech-1\n    description: Login of the user.\n    subject: user\n")
	u.write(dir+"/verdicts/lab.yaml", `number: R-1
by: {kind: laboratory, id: "lab:7"}
method: {standard: ts-103-701, edition: "1.1.1"}
date: 2026-03-20
tested: {from: 2026-03-01, to: 2026-03-10}
product: {holder: "xx:0001", name: Camera, models: [C-1]}
samples:
  - {id: S1, chosen: bought, serial: "17", model: C-1, hardware: A, firmware: 00000000000000000000000000000000000000000000000000000000000000a1, received: 2026-02-20}
verdicts:
  - {unit: 5.2-3-1/a, verdict: pass, ground: fits}
  - {unit: 5.1-4-1/a, row: AuthMech-1, verdict: pass}
`)
}

func TestEvidenceCheck(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	out, _ := u.run(exitOK, "evidence", "check", "--at", "2026-11-24", "b")
	if !strings.Contains(out, "b/verdicts/lab.yaml.sig: note: the report is not signed") || !strings.HasSuffix(out, "to correct: 0, notes: 1\n") {
		t.Errorf("got %s", out)
	}
	if out, _ := u.run(exitFailed, "evidence", "check", "--at", "2026-03-15", "b"); !strings.Contains(out, "b/verdicts/lab.yaml:4: the report is of 2026-03-20, after 2026-03-15") {
		t.Errorf("from the future: %s", out)
	}
	u.write("b/ixit/vuln-monitoring.yaml", "rows: []\n")
	u.write("b/ics.yaml", "features:\n  passwort: yes\n")
	u.write("b/verdicts/lab.yaml.sig", "AAAA\n")
	out, _ = u.run(exitFailed, "evidence", "check", "b")
	for _, want := range []string{"b/ixit/vuln-monitoring.yaml:1: table vuln-monitoring", "b/ics.yaml:2: feature passwort is not in the catalog"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	u.write("b/ics.yaml", "features:\n  passwords: perhaps\n")
	u.write("b/claims.yaml", "claims: 1\n")
	out, _ = u.run(exitFailed, "evidence", "check", "--json", "b")
	var found []bundle.Finding
	if err := json.Unmarshal([]byte(out), &found); err != nil || len(found) != 2 || found[0].File != "claims.yaml" || found[1].Line != 2 {
		t.Errorf("%v: %s", err, out)
	}
	u.refused(exitFailed, "no such file", "evidence", "check", "none")
	u.refused(exitUsage, "--at", "evidence", "check", "--at", "soon", "b")
	u.refused(exitUsage, "usage: assay evidence check", "evidence", "check")
	u.refused(exitUsage, "no part of it", "evidence", "cheque")
	u.refused(exitUsage, "usage: assay evidence", "evidence")
}

func TestEvidencePack(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	line, _ := u.run(exitOK, "evidence", "add", "b", "report.pdf")
	if !strings.HasPrefix(line, "- {name: report.pdf, sha256: ") || !strings.HasSuffix(line, ", size: 18}\n") {
		t.Errorf("line %q", line)
	}
	lab := strings.Replace(u.read("b/verdicts/lab.yaml")+"\n", "ground: fits", "ground: fits, artifacts: ["+strings.TrimSpace(line)[2:]+"]", 1)
	u.write("b/verdicts/lab.yaml", lab)
	if again, _ := u.run(exitOK, "evidence", "add", "b", "report.pdf"); again != line {
		t.Errorf("a second time: %q", again)
	}
	u.run(exitOK, "evidence", "pack", "b", "b.zip")
	u.run(exitOK, "evidence", "unpack", "b.zip", "c")
	u.run(exitOK, "evidence", "pack", "c", "c.zip")
	if u.read("b.zip") != u.read("c.zip") {
		t.Error("packed twice it differs")
	}
	for _, b := range []string{"b", "b.zip", "c"} {
		if out, _ := u.run(exitOK, "evidence", "check", "--at", "2026-11-24", b); !strings.HasSuffix(out, "to correct: 0, notes: 1\n") {
			t.Errorf("%s: %s", b, out)
		}
	}
	one, err := bundle.Open(u.path("b"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := one.JSON()
	if err != nil {
		t.Fatal(err)
	}
	u.write("b.json", string(j))
	u.run(exitOK, "evidence", "unpack", "b.json", "d")
	two, err := bundle.Open(u.path("d"))
	if err != nil || !reflect.DeepEqual(one.Evidence, two.Evidence) {
		t.Errorf("through one file: %v", err)
	}
	u.refused(exitFailed, "never overwritten", "evidence", "pack", "b", "b.zip")
	u.refused(exitFailed, "is not empty", "evidence", "unpack", "b.zip", "c")
	u.refused(exitFailed, "no folder with a product.yaml", "evidence", "add", "ixit", "report.pdf")
	u.refused(exitFailed, "no such file", "evidence", "add", "b", "none.pdf")
	u.write("b/notes.txt", "x")
	u.refused(exitFailed, "notes.txt", "evidence", "pack", "b", "e.zip")
	u.write("c/ics.yaml", "features:\n  passwords: perhaps\n")
	u.refused(exitFailed, "c/ics.yaml:2: ", "evidence", "pack", "c", "e.zip")
	if _, err := os.Stat(u.path("e.zip")); err == nil {
		t.Error("what was refused is there")
	}
}

func TestEvidenceInit(t *testing.T) {
	u := newUser(t)
	out, _ := u.run(exitOK, "evidence", "init", "--category", "camera", "--for", "kr-cic:basic,sg-cls:3", "--at", "2026-11-24", "--lang", "ko", "b")
	b, err := bundle.Open(u.path("b"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out, "b: features: ") || b.Evidence.Product.Functions[0] != "consumer/camera" || len(b.Evidence.ICS) < 3 {
		t.Errorf("%s: %+v", out, b.Evidence)
	}
	if !strings.Contains(u.read("b/ics.yaml"), "시험기관이 기기를 시험한다") {
		t.Error("the guidance is not in Korean")
	}
	out, _ = u.run(exitFailed, "evidence", "check", "--at", "2026-11-24", "b")
	if !strings.Contains(out, "b/product.yaml:8: ") {
		t.Errorf("a new bundle is not filled in: %s", out)
	}
	out, errs := u.run(exitOK, "evidence", "init", "--category", "router, consumer/camera", "--for", "fi-label:label", "closed")
	if !strings.Contains(errs, "scheme-open is no") || strings.HasSuffix(out, "tables: 0\n") {
		t.Errorf("a closed scheme that wants tables: %s%s", out, errs)
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"--category", nil},
		{"--for", []string{"--category", "camera"}},
		{"no category", []string{"--category", "submarine", "--for", "kr-cic:basic"}},
		{"lite, basic, standard", []string{"--category", "camera", "--for", "kr-cic:gold"}},
		{"SCHEME:LEVEL", []string{"--category", "camera", "--for", "kr-cic"}},
		{"no guidance in the language", []string{"--category", "camera", "--for", "kr-cic:basic", "--lang", "sv"}},
		{"--at", []string{"--category", "camera", "--for", "kr-cic:basic", "--at", "soon"}},
	} {
		u.refused(exitUsage, c.says, append(append([]string{"evidence", "init"}, c.args...), "n")...)
	}
	u.refused(exitFailed, "is not empty", "evidence", "init", "--category", "camera", "--for", "kr-cic:basic", "b")
	u.refused(exitFailed, "not a catalog", "evidence", "init", "--category", "camera", "--for", "kr-cic:basic", "--dir", "none", "n")
	if _, err := os.Stat(u.path("n")); err == nil {
		t.Error("what was refused is there")
	}
}

// A laboratory makes its key, an office's catalog gets it, and a report counts
// as signed until it, or a row that it was given on, is changed.
func TestEvidenceSign(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	entry, _ := u.run(exitOK, "evidence", "keygen", "--from", "2026-01-01", "--scrypt-work", "8", "--passphrase-file", "passphrase", "lab.age")
	if err := os.CopyFS(u.path("catalog"), catalog.EmbeddedFS()); err != nil {
		t.Fatal(err)
	}
	u.write("catalog/laboratories/specimen.yaml", `id: specimen
name: {en: SPECIMEN, ko: SPECIMEN, de: SPECIMEN, fi: SPECIMEN}
territory: KR
`+entry+`scopes:
  - {by: specimen, methods: [{standard: ts-103-701}], from: 2026-01-01, source: assay-reading, confidence: unverified}
source: assay-reading
confidence: unverified
`)
	check := []string{"evidence", "check", "--at", "2026-11-24", "--dir", "catalog", "b"}
	sign := []string{"evidence", "sign", "--key", "lab.age", "--passphrase-file", "passphrase", "--rows", "b/verdicts/lab.yaml"}
	report := strings.Replace(u.read("b/verdicts/lab.yaml")+"\n", "lab:7", "specimen", 1)
	u.write("b/verdicts/lab.yaml", report)
	out, _ := u.run(exitOK, sign...)
	if fp := strings.Fields(entry)[2]; !strings.HasSuffix(out, "by key "+fp+"\n") {
		t.Errorf("%s, key %s", out, entry)
	}
	signed := u.read("b/verdicts/lab.yaml") + "\n"
	if !strings.HasPrefix(signed, report) || !strings.Contains(signed, "rows:\n  \"auth-mech/AuthMech-1\": ") || !strings.Contains(signed, "\n  \"vuln-mon/VulnMon-1\": ") {
		t.Errorf("the rows are not filled in: %s", signed)
	}
	if out, _ := u.run(exitOK, check...); out != "to correct: 0, notes: 0\n" {
		t.Errorf("signed: %s", out)
	}
	u.write("b/verdicts/lab.yaml", strings.Replace(signed, "ground: fits", "ground: fit", 1))
	if out, _ := u.run(exitFailed, check...); !strings.Contains(out, "b/verdicts/lab.yaml.sig:1: the signature is not over this report") {
		t.Errorf("altered: %s", out)
	}
	u.write("b/verdicts/lab.yaml", strings.Replace(signed, "date: 2026-03-20", "date: 2025-12-20", 1))
	u.run(exitOK, "evidence", "sign", "--key", "lab.age", "--passphrase-file", "passphrase", "b/verdicts/lab.yaml")
	if out, _ := u.run(exitFailed, check...); !strings.Contains(out, "was not in force on the report's day") {
		t.Errorf("before the key: %s", out)
	}

	u.write("b/verdicts/lab.yaml", strings.Replace(signed, "AuthMech-1, verdict", "AuthMech-7, verdict", 1))
	u.refused(exitFailed, "no row \"AuthMech-7\"", sign...)
	u.write("b/verdicts/lab.yaml", strings.Replace(signed, "kind: laboratory", "kind: maker", 1))
	u.refused(exitFailed, "a laboratory's reports are signed", sign...)
	u.write("b/verdicts/lab.yaml", signed)
	u.write("wrong", "another passphrase\n")
	u.refused(exitFailed, "passphrase is wrong", "evidence", "sign", "--key", "lab.age", "--passphrase-file", "wrong", "b/verdicts/lab.yaml")
	u.refused(exitFailed, "no passphrase", "evidence", "sign", "--key", "lab.age", "b/verdicts/lab.yaml")
	u.refused(exitUsage, "--key", "evidence", "sign", "b/verdicts/lab.yaml")
	u.write("lab.yaml", signed)
	u.refused(exitFailed, "lies in no bundle", append(sign[:len(sign)-1:len(sign)-1], "lab.yaml")...)
	u.refused(exitFailed, "is not replaced", "evidence", "keygen", "--passphrase-file", "passphrase", "lab.age")
	u.write("short", "abc\n")
	u.refused(exitFailed, "fewer than 12", "evidence", "keygen", "--passphrase-file", "short", "k2")
}

func TestEvidenceDiff(t *testing.T) {
	u := newUser(t)
	u.bundled("old")
	u.bundled("new")
	out, _ := u.run(exitOK, "evidence", "diff", "--at", "2026-11-24", "old", "new")
	if !strings.HasPrefix(out, "Changed: 0\n\nStale: 0 of 2 verdicts\n") {
		t.Errorf("got %s", out)
	}
	u.write("new/ixit/auth-mech.yaml", "rows:\n  - id: AuthMech-1\n    description: Login of the user, by fingerprint.\n    subject: user\n")
	u.write("new/product.yaml", strings.Replace(u.read("new/product.yaml")+"\n", "version: 1.0.0, sha256: 00", "version: 1.0.1, sha256: 01", 1))
	out, _ = u.run(exitFailed, "evidence", "diff", "--at", "2026-11-24", "old", "new")
	for _, want := range []string{
		"firmware  1.0.0                 gone: 000000000000…\n", "row       auth-mech/AuthMech-1", "Stale: 1 of 2 verdicts\n",
		"lab.yaml  5.1-4-1/a AuthMech-1  pass  row auth-mech/AuthMech-1  for ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	u.run(exitOK, "evidence", "pack", "new", "new.zip")
	again, _ := u.run(exitFailed, "evidence", "diff", "--at", "2026-11-24", "old", "new.zip")
	if again != out {
		t.Errorf("from a zip: %s", again)
	}
	out, _ = u.run(exitFailed, "evidence", "diff", "--json", "old", "new")
	var d assess.Difference
	if err := json.Unmarshal([]byte(out), &d); err != nil || len(d.Stale) != 1 || len(d.Changes) != 3 {
		t.Errorf("%v: %s", err, out)
	}
	u.write("new/product.yaml", strings.Replace(u.read("old/product.yaml")+"\n", "name: Camera", "name: Lamp", 1))
	u.refused(exitUsage, "two products", "evidence", "diff", "old", "new")
	u.refused(exitUsage, "no such file", "evidence", "diff", "old", "none")
	u.refused(exitUsage, "usage: assay evidence diff", "evidence", "diff", "old")
	u.refused(exitUsage, "--at", "evidence", "diff", "--at", "soon", "old", "new")
}

// A further image makes no verdict stale, and nobody tested it: that is no all-clear.
func TestEvidenceDiffFurtherImage(t *testing.T) {
	u := newUser(t)
	if err := os.CopyFS(u.path("new"), os.DirFS(gatewayBundle)); err != nil {
		t.Fatal(err)
	}
	u.write("new/product.yaml", strings.Replace(u.read("new/product.yaml")+"\n", "firmware:\n", "firmware:\n  - {version: 3.5.0, sha256: "+strings.Repeat("ab", 32)+"}\n", 1))
	lab, err := filepath.Abs(gatewayLab)
	if err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Abs(gatewayBundle)
	if err != nil {
		t.Fatal(err)
	}
	out, _ := u.run(exitFailed, "evidence", "diff", "--at", "2026-11-24", "--laboratory", lab, old, "new")
	if !strings.Contains(out, "Stale: 0 of") || !strings.Contains(out, "sg-cls-iot         4 → 2") {
		t.Errorf("got %s", out)
	}
}
