package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/assess"
	"assay/bundle"
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

const gatewayBundle, gatewayLab = "../../testdata/gateway", "../../testdata/gateway-lab/specimen-lab.yaml"

// The real-size bundle from the command line: the matrix, one level down to its
// artifacts, and all of it as JSON; without the laboratory's key its reports
// count for nothing, and that is said.
func TestAssessGateway(t *testing.T) {
	run := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := runAssess(t.Context(), append([]string{"--at", "2026-11-24"}, args...), stdio{nil, &out, &errs}); code != want || errs.Len() > 0 {
			t.Fatalf("%q: exit %d, want %d: %s", args, code, want, &errs)
		}
		return out.String()
	}
	holds := func(out string, wants ...string) {
		t.Helper()
		for _, w := range wants {
			if !strings.Contains(out, w) {
				t.Errorf("no %q in\n%s", w, out)
			}
		}
	}
	holds(run(0, "--laboratory", gatewayLab, gatewayBundle), "SPECIMEN Lumikko", "4           reached", "takes no such product", "scheme-open is no", "mapped-too-narrow")
	unsigned := run(0, gatewayBundle)
	holds(unsigned, "lab.yaml counts for nothing", "2           reached", "3           not reached", "(unsigned)")
	holds(run(0, "--laboratory", gatewayLab, "--scheme", "sg-cls-iot", "--explain", "5.5-1", gatewayBundle),
		"group 5.5-1 by ts-103-701@1.1.1", "case 5.5-1-2 (functional) → pass", "sec-com-mech/", "sample S1", "SHA-256")
	holds(run(0, "--lang", "ko", "--laboratory", gatewayLab, "--explain", "en-303-645@2.1.1/5.1-1", gatewayBundle), "비밀번호")

	var a struct {
		Results        []assess.Result
		Missing        []assess.Missing
		Contradictions []assess.Contradiction
		Reports        []reportState
		Explained      []*assess.Explanation
	}
	if err := json.Unmarshal([]byte(run(0, "--json", "--laboratory", gatewayLab, "--explain", "5.1-1", gatewayBundle)), &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Results) < 10 || len(a.Missing) == 0 || len(a.Contradictions) != 0 || len(a.Reports) != 2 || a.Reports[0].Signed == "" || len(a.Explained) < 3 {
		t.Errorf("%d results, %d missing, %d contradictions, %+v, %d explained", len(a.Results), len(a.Missing), len(a.Contradictions), a.Reports, len(a.Explained))
	}
	for i := 1; i < len(a.Missing); i++ {
		if len(a.Missing[i].Levels) > len(a.Missing[i-1].Levels) {
			t.Errorf("%s unlocks more than %s before it", a.Missing[i].About, a.Missing[i-1].About)
		}
	}
	var out, errs bytes.Buffer
	if code := runAssess(t.Context(), []string{"--explain", "9.9-9", gatewayBundle}, stdio{nil, &out, &errs}); code != exitUsage || !strings.Contains(errs.String(), "9.9-9") {
		t.Errorf("exit %d: %s", code, &errs)
	}
}

// A new bundle is assessed at once: what is not filled in is told, and the
// matrix says what is missing.
func TestAssessNewBundle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var out, errs bytes.Buffer
	if code := runEvidenceInit(t.Context(), []string{"--category", "camera", "--for", "kr-cic:basic,sg-cls:3", "--ixit", dir}, stdio{nil, &out, &errs}); code != exitOK {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	if tables, err := os.ReadDir(filepath.Join(dir, "ixit")); err != nil || len(tables) < 15 {
		t.Errorf("%d tables (%v)", len(tables), err)
	}
	out.Reset()
	if code := runAssess(t.Context(), []string{"--at", "2026-11-24", dir}, stdio{nil, &out, &errs}); code != exitFailed {
		t.Errorf("exit %d", code)
	}
	if !strings.Contains(out.String(), "not reached (24 missing)") || strings.Contains(out.String(), "! ") {
		t.Errorf("printed\n%s", &out)
	}
	if !strings.Contains(errs.String(), "product.yaml:8:") || !strings.Contains(errs.String(), "(--all)") {
		t.Errorf("told\n%s", &errs)
	}
}

// A level does not stand on files that are not in the bundle.
func TestAssessMissingFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b")
	if err := os.CopyFS(dir, os.DirFS(gatewayBundle)); err != nil {
		t.Fatal(err)
	}
	reached := func() string {
		var out, errs bytes.Buffer
		runAssess(t.Context(), []string{"--laboratory", gatewayLab, "--at", "2026-11-24", "--scheme", "sg-cls-iot", "--json", dir}, stdio{nil, &out, &errs})
		var a assessment
		if err := json.Unmarshal(out.Bytes(), &a); err != nil || len(a.Results) != 1 {
			t.Fatal(err, &errs)
		}
		return a.Results[0].Reached()
	}
	if got := reached(); got != "4" {
		t.Fatalf("whole: %q", got)
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Evidence.Reports {
		for _, x := range b.Evidence.Reports[i].Report().Results {
			if x.Requirements[0].Requirement == "penetration-test" {
				if files, _ := filepath.Glob(filepath.Join(dir, "artifacts", x.Artifacts[0].SHA256.String()+"*")); len(files) == 1 {
					os.Remove(files[0])
				}
			}
		}
	}
	if got := reached(); got != "3" {
		t.Errorf("without the report of the penetration test: %q", got)
	}
}
