package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunCorpus(t *testing.T) {
	red := t.TempDir()
	if err := os.Mkdir(filepath.Join(red, "cases"), 0o755); err != nil {
		t.Fatal(err)
	}
	const c = `{"cases": [{"id": "x", "why": "To be wrong.", "cites": {"clause": "sg-kr-2024/kr-basic-to-cls3", "source": "sg-kr-2024"}, "clock": "2026-11-24T10:00:00Z",
		"certificate": {"id": "k", "scheme": "nowhere", "edition": "1", "models": [], "functions": [], "granted": "2026-11-20", "effective": "2026-11-20T09:00:00+09:00"},
		"expect": {"clauses": {"sg-kr-2024/kr-basic-to-cls3": {"answer": "yes", "rule": "clause.met"}}, "wanted": []}}]}`
	if err := os.WriteFile(filepath.Join(red, "cases", "red.json"), []byte(c), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"run"}, 0, " 0 failed"},
		{[]string{"run", "--mutate"}, 0, " 0 survived"},
		{[]string{"run", "--json"}, 0, `"failures": []`},
		{[]string{"run", red}, 1, "FAIL x"},
		{[]string{"run", red, "--mutate"}, 1, "no mutants tried"},
		{[]string{"run", t.TempDir()}, 1, "no cases"},
		{[]string{"run", filepath.Join(red, "nowhere")}, 1, "nowhere"},
		{[]string{"run", "a", "b"}, 2, "Usage"},
		{[]string{"run", "--nope"}, 2, "Usage"},
		{nil, 2, "Usage"},
		{[]string{"--help"}, 0, "Usage"},
	} {
		var out, err bytes.Buffer
		if code := runCorpus(x.args, &out, &err); code != x.code || !strings.Contains(out.String()+err.String(), x.want) {
			t.Errorf("corpus %v: exit %d, want %d with %q:\n%s%s", x.args, code, x.code, x.want, out.String(), err.String())
		}
	}
	var out bytes.Buffer
	runCorpus([]string{"run", "--json", "--mutate"}, &out, &out)
	var r struct{ Cases, Mutation any }
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Mutation == nil {
		t.Errorf("--json is no JSON with mutation: %v\n%s", err, out.String())
	}
}
