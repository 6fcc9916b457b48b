package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The report from the command line: findings with their files, in the language
// asked for, as HTML and PDF; a PDF that cannot be set leaves no file behind.
func TestAssessReport(t *testing.T) {
	dir := t.TempDir()
	html, pdf := filepath.Join(dir, "r.html"), filepath.Join(dir, "r.pdf")
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := runAssess(t.Context(), append([]string{"--at", "2026-11-24"}, args...), stdio{nil, &out, &errs})
		return code, errs.String()
	}
	if code, errs := run("--laboratory", gatewayLab, "--lang", "ko", "--html", html, "--pdf", pdf, gatewayBundle); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	page, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<html lang="ko">`, "SPECIMEN Lumikko Home Gateway HG-620", "2026년 11월 24일", "발견 사항", "verdicts/lab.yaml", "ics.yaml:"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if b, err := os.ReadFile(pdf); err != nil || !bytes.HasPrefix(b, []byte("%PDF-")) || !bytes.Contains(b, []byte("/Lang (ko)")) {
		t.Errorf("the PDF: %v, %.20q", err, b)
	}

	// Without the laboratory the report says so first; and what is wrong in the file.
	b, err := os.ReadFile("demodata/hub.yaml")
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, bytes.Replace(b, []byte("telemetry:"), []byte("telemetrie:"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _ := run("--html", html, bad); code != 1 {
		t.Errorf("a file with an error: exit %d", code)
	}
	if page, err = os.ReadFile(html); err != nil || !strings.Contains(string(page), "feature telemetrie is not in the catalog") || !strings.Contains(string(page), "bad.yaml:31") {
		t.Errorf("the page does not say what is wrong in the file: %v", err)
	}

	name := bytes.SplitN(bytes.SplitN(b, []byte("\n  name:"), 2)[1], []byte("\n"), 2)[0]
	if err := os.WriteFile(bad, bytes.Replace(b, name, []byte(" 漢字"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(html)
	os.Remove(pdf)
	if code, errs := run("--html", html, "--pdf", pdf, bad); code != 1 || !strings.Contains(errs, "--pdf: ") || !strings.Contains(errs, "U+6F22") {
		t.Errorf("a name that the fonts lack: exit %d, %s", code, errs)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*r.*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left behind", left)
	}
	if code, errs := run("--html", filepath.Join(dir, "no", "r.html"), "demodata/hub.yaml"); code != 1 || !strings.Contains(errs, "--html: ") {
		t.Errorf("no folder: exit %d, %s", code, errs)
	}
}
