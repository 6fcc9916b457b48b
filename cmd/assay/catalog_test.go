package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/catalog"
)

func TestCatalogVerb(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, catalog.EmbeddedFS()); err != nil {
		t.Fatal(err)
	}
	bad := t.TempDir()
	if err := os.CopyFS(bad, catalog.EmbeddedFS()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(bad, "markets", "sg.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(b, []byte("scheme: sg-cls-iot"), []byte("scheme: sg-cls"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"", 2, "usage"},
		{"list extra", 2, "usage"},
		{"sing", 2, "usage"},
		{"list --nonsense", 2, "usage"},
		{"list", 0, "sg-kr-2024/kr-basic-to-cls3"},
		{"list --dir " + dir, 0, "kr-cic"},
		{"list --dir " + filepath.Join(dir, "nowhere"), 1, "categories.yaml"},
		{"show kr-cic", 0, "id: kr-cic"},
		{"show sg-kr-2024/kr-basic-to-cls3", 0, "# sg-kr-2024: CSA"},
		{"show consumer/router", 0, "Breitbandrouter"},
		{"show en-303-645", 0, "5.1-2A"},
		{"show sg-kr-2024", 0, "2025-01-01"},
		{"show kr-act", 0, "Network Act"},
		{"show sg", 0, "sell_through"},
		{"show sg-cls-iot", 0, "confidence: unverified"},
		{"show nothing", 1, `nothing called "nothing"`},
		{"lint", 0, "0 errors, 0 warnings"},
		{"lint --dir " + bad, 1, `there is no scheme "sg-cls"`},
	} {
		var out, errs bytes.Buffer
		if code := runCatalog(strings.Fields(c.args), &out, &errs); code != c.code {
			t.Errorf("catalog %s: exit %d, want %d: %s", c.args, code, c.code, errs.String())
		}
		if got := out.String() + errs.String(); !strings.Contains(got, c.want) {
			t.Errorf("catalog %s: no %q in %.400s", c.args, c.want, got)
		}
	}
}

func TestCatalogJSON(t *testing.T) {
	var out, errs bytes.Buffer
	if code := runCatalog([]string{"show", "--json", "kr-cic"}, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	var shown struct {
		Part struct {
			ID       string
			Editions []struct{ From string }
		}
		Sources map[string]struct{ Title string }
	}
	if err := json.Unmarshal(out.Bytes(), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.Part.ID != "kr-cic" || len(shown.Part.Editions) != 3 || shown.Part.Editions[2].From != "2021-09-23" || shown.Sources["kr-act"].Title == "" {
		t.Errorf("shown %+v", shown)
	}
	for _, verb := range []string{"list", "lint"} {
		out.Reset()
		if code := runCatalog([]string{verb, "--json"}, &out, &errs); code != 0 || !json.Valid(out.Bytes()) {
			t.Errorf("%s --json: exit %d, %.200s", verb, code, out.String())
		}
	}
}
