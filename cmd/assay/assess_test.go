package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/assess"
	"assay/catalog"
	"assay/specimen"
)

func TestAssessDemo(t *testing.T) {
	for _, c := range []struct{ file, scheme, reached string }{
		{"hub", "kr-cic", "basic"},
		{"hub", "sg-cls-iot", "1"},
		{"hub", "de-it-sik", ""},
		{"vacuum", "kr-cic", "basic"},
		{"vacuum", "sg-cls-iot", ""},
		{"speaker", "de-it-sik", "label"},
		{"speaker", "kr-cic", ""},
	} {
		var out, errs bytes.Buffer
		file, lab := signedDemo(t, c.file)
		code := runAssess(t.Context(), []string{"--at", "2026-11-24", "--scheme", c.scheme, "--laboratory", lab, "--json", file}, stdio{nil, &out, &errs})
		if errs.Len() > 0 {
			t.Fatalf("%s: %s", c.file, &errs)
		}
		var a struct{ Results []assess.Result }
		if err := json.Unmarshal(out.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		rs := a.Results
		want := 0
		if c.reached == "" {
			want = 1
		}
		if len(rs) != 1 || rs[0].Grantable() != c.reached || code != want {
			t.Errorf("%s in %s: %q, exit %d; want %q, %d", c.file, c.scheme, rs[0].Grantable(), code, c.reached, want)
		}
	}
}

// signedDemo is one of the demo's evidence files with its laboratory's reports
// signed, and the laboratory's file.
func signedDemo(t *testing.T, name string) (file, lab string) {
	t.Helper()
	l, err := specimen.New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("demodata/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	ev, err := l.Evidence(b, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	own, err := l.File(cat)
	if err != nil {
		t.Fatal(err)
	}
	file, lab = filepath.Join(t.TempDir(), name+".json"), filepath.Join(t.TempDir(), "lab.yaml")
	for f, b := range map[string][]byte{file: ev, lab: own} {
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file, lab
}

func TestAssessMatrix(t *testing.T) {
	var out, errs bytes.Buffer
	if code := runAssess(t.Context(), []string{"--at", "2026-11-24", "demodata/hub.yaml"}, stdio{nil, &out, &errs}); code != 0 {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	for _, want := range []string{"kr-cic", "basic", "sg-cls-iot", "scheme-open is no", "not reached", "(unsigned)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	out.Reset()
	if code := runAssess(t.Context(), []string{"demodata/hub.yaml"}, stdio{nil, &out, &errs}); code != 0 { // today
		t.Errorf("today: exit %d: %s", code, &errs)
	}
}

func TestAssessRefuses(t *testing.T) {
	file := func(old, new string) string {
		b, err := os.ReadFile("demodata/hub.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, []byte(old)) {
			t.Fatalf("the hub has no %q", old)
		}
		name := filepath.Join(t.TempDir(), "x.yaml")
		if err := os.WriteFile(name, bytes.Replace(b, []byte(old), []byte(new), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "usage:"},
		{[]string{"a", "b"}, 2, "usage:"},
		{[]string{"--nope", "demodata/hub.yaml"}, 2, "usage:"},
		{[]string{"--at", "tomorrow", "demodata/hub.yaml"}, 2, "YYYY-MM-DD"},
		{[]string{"--scheme", "xx", "demodata/hub.yaml"}, 2, "the catalog has"},
		{[]string{"--dir", t.TempDir(), "demodata/hub.yaml"}, 1, "catalog:"},
		{[]string{"nowhere.yaml"}, 1, "nowhere.yaml"},
		{[]string{file("verdict:", "verdikt:")}, 1, "unknown field"},
		{[]string{file("verdict: pass", "verdict: good")}, 1, "x.yaml:45: \"good\" is not known"},
		{[]string{file("telemetry:", "telemetrie:")}, 1, "x.yaml:31: feature telemetrie is not"},
		{[]string{file("smart-home-hub", "hub")}, 1, "x.yaml:8: category consumer/hub is not"},
	} {
		var out, errs bytes.Buffer
		if code := runAssess(t.Context(), c.args, stdio{nil, &out, &errs}); code != c.code || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%q: exit %d, %s; want %d, saying %q", c.args, code, &errs, c.code, c.says)
		}
	}
}
