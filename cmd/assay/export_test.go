package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func runExport(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = runCatalog(append([]string{"export"}, args...), &o, &e)
	return code, o.String(), e.String()
}

// written is what lies in a folder: path to hash.
func written(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		m[filepath.ToSlash(rel)] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestExportVerb(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "deep", "down")
	code, text, errs := runExport("--out", out, "--json")
	if code != 0 {
		t.Fatal(errs)
	}
	var x exported
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		t.Fatal(err)
	}
	got := written(t, out)
	if x.Out != out || x.Version != "1.2.3" || len(x.Files) < 40 || len(got) != len(x.Files)+1 {
		t.Errorf("%d files said, %d written: %+.300v", len(x.Files), len(got), x)
	}
	list, err := os.ReadFile(filepath.Join(out, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range x.Files {
		if got[f.Path] != f.SHA256 || !strings.Contains(string(list), f.SHA256+"  "+f.Path+"\n") || f.Title == "" || f.Size == 0 {
			t.Errorf("%+v; written %s", f, got[f.Path])
		}
	}

	// Nothing is replaced without a word, and nothing is changed by the refusal.
	changed := filepath.Join(out, filepath.FromSlash(x.Files[0].Path))
	if err := os.WriteFile(changed, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := written(t, out)
	if code, _, errs := runExport("--out", out); code != 1 || !strings.Contains(errs, "--force") || !strings.Contains(errs, x.Files[0].Path) {
		t.Errorf("exit %d: %s", code, errs)
	}
	if !maps.Equal(before, written(t, out)) {
		t.Error("a refused export changed the folder")
	}

	// With force it is the new export, without what only the old one had; what is
	// not of an export, or was changed, stays.
	mapping := slices.IndexFunc(x.Files, func(f exportFile) bool { return strings.HasPrefix(f.Path, "mappings/") })
	kept := filepath.Join(out, "profiles", "notes.txt")
	if err := os.WriteFile(kept, []byte("notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, text, errs = runExport("--out", out, "--force", "--version", "1.1.3", "--json")
	if code != 0 {
		t.Fatal(errs)
	}
	var y exported
	if err := json.Unmarshal([]byte(text), &y); err != nil {
		t.Fatal(err)
	}
	got = written(t, out)
	if _, still := got[x.Files[mapping].Path]; still || len(got) != len(y.Files)+2 {
		t.Errorf("%d files for %d: %v", len(got), len(y.Files), slices.Sorted(maps.Keys(got)))
	}
	for _, f := range y.Files {
		if got[f.Path] != f.SHA256 {
			t.Errorf("%s is not the new one", f.Path)
		}
	}
	if !strings.Contains(strings.Join(y.Left, "\n"), "mappings") {
		t.Errorf("left out: %v", y.Left)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "deep", ".export-*")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// An old list may name anything: nothing outside the folder is touched, nor
// what is not as the list says.
func TestExportDropsOnlyItsOwn(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	for name, text := range map[string]string{"outside": "x", "out/own": "x", "out/changed": "y"} {
		if err := os.MkdirAll(out, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("x")))
	list := sum + "  ../outside\n" + sum + "  own\n" + sum + "  changed\nnonsense\n" + sum + "  " + filepath.Join(dir, "outside") + "\n"
	if err := os.WriteFile(filepath.Join(out, exportList), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := runExport("--out", out, "--force", "--standard", "en-303-645@2.1.1"); code != 0 {
		t.Fatal(errs)
	}
	got := written(t, dir)
	if got["outside"] == "" || got["out/changed"] == "" || got["out/own"] != "" || got["out/catalogs/en-303-645_2.1.1.json"] == "" {
		t.Errorf("%v", got)
	}
}

func TestExportArguments(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"extra", 2, "usage"},
		{"--nonsense", 2, "usage"},
		{"--format pdf", 2, "none of oscal, cyclonedx"},
		{"--version 2.0.0", 2, "1.1.3"},
		{"--format cyclonedx --version 1.5", 2, "1.6"},
		{"--standard en-303-645", 2, "STANDARD@EDITION"},
		{"--standard en-303-645@9", 2, "en-303-645@9"},
		{"--dir " + filepath.Join(dir, "none"), 1, "categories.yaml"},
		{"--out " + file, 1, "is a file"},
		{"--out " + filepath.Join(file, "below"), 1, "not a directory"},
		{"", 0, "nothing was written"},
		{"--standard en-303-645@2.1.1", 0, "en-303-645_2.1.1.json"},
		{"--standard en-303-645@2.1.1,en-303-645@3.1.3", 0, "mappings/en-303-645-2.1.1-to-3.1.3.json"},
		{"--format cyclonedx", 0, "schemes/"},
		{"--format cyclonedx --standard en-303-645@3.1.3 --json", 0, `"path": "standards/en-303-645_3.1.3.cdx.json"`},
	} {
		code, out, errs := runExport(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("export %s: exit %d, want %d with %q: %.300s", c.args, code, c.code, c.want, out+errs)
		}
	}
	if got := written(t, dir); len(got) != 1 {
		t.Errorf("%v", got)
	}
}
