package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// scanned is a file, what an import says of it, and a claim that rests on it.
func scanned(t *testing.T, name, text string) (file string, m evidence.Import, claim evidence.Claim) {
	t.Helper()
	file = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := evidence.Artifact{Name: name, SHA256: evidence.Digest([]byte(text)), Size: int64(len(text))}
	m = evidence.Import{Name: name, Format: "nmap", Artifact: a, Services: []evidence.Service{{Address: "192.0.2.7", Transport: "tcp", Port: 443, State: "open"}}}
	claim = evidence.Claim{
		Requirements: []evidence.Ref{{Standard: "en-303-645", Edition: "3.1.3", Requirement: "5.1-1"}}, Verdict: evidence.Pass, Method: scheme.Declared,
		By: evidence.Body{Kind: scheme.Maker, ID: "xx:0001"}, Date: civil.MustDate("2026-05-04"), Ground: "attested", Artifacts: []evidence.Artifact{a},
	}
	return file, m, claim
}

func TestAddImport(t *testing.T) {
	files := sample()
	files["claims.yaml"] = "# Ours.\nclaims:\n  # The first.\n  - requirements: [en-303-645@3.1.3/5.2-1]\n    verdict: pass\n    method: declaration\n    by: {kind: maker, id: \"xx:0001\"}\n    date: 2026-04-01 # a day\n    ground: we say so\n"
	dir := lay(t, files)
	file, m, claim := scanned(t, "scan of 문.xml", "<x/>\n")
	path, added, err := open(t, dir).AddImport(dir, file, m, []evidence.Claim{claim})
	if err != nil || !added || path != "imports/scan-of--.xml.yaml" {
		t.Fatalf("got %q, %v, %v", path, added, err)
	}
	b := open(t, dir)
	if n := len(b.Evidence.Imports); n != 2 || b.Evidence.Imports[1].Services[0].Port != 443 {
		t.Errorf("imports: %+v", b.Evidence.Imports)
	}
	if cs := b.Evidence.Claims; len(cs) != 2 || cs[0].Ground != "we say so" || cs[1].Ground != "attested" || cs[1].Artifacts[0].SHA256 != m.Artifact.SHA256 {
		t.Errorf("claims: %+v", cs)
	}
	for _, comment := range []string{"# Ours.", "# The first.", "# a day"} {
		if !strings.Contains(string(b.Text("claims.yaml")), comment) {
			t.Errorf("the comment %q is lost:\n%s", comment, b.Text("claims.yaml"))
		}
	}
	if found := b.Findings(); len(found) != 0 {
		t.Errorf("findings: %v", found)
	}
	before := contents(t, dir)
	if path, added, err := b.AddImport(dir, file, m, []evidence.Claim{claim}); err != nil || added || path != "imports/scan-of--.xml.yaml" {
		t.Errorf("again: %q, %v, %v", path, added, err)
	}
	same(t, dir, before)
	// Another file of the same name, and the same claim on it.
	file, m, claim = scanned(t, "scan of 문.xml", "<y/>\n")
	path, added, err = open(t, dir).AddImport(dir, file, m, []evidence.Claim{claim})
	if err != nil || !added || path != "imports/scan-of--.xml-2.yaml" {
		t.Errorf("got %q, %v, %v", path, added, err)
	}
	if n := len(open(t, dir).Evidence.Claims); n != 3 {
		t.Errorf("%d claims, want 3", n)
	}
}

// A stop between claims and import leaves nothing that a second try doubles.
func TestAddImportAfterAStop(t *testing.T) {
	dir := lay(t, sample())
	file, m, claim := scanned(t, "a.json", "{}\n")
	if _, _, err := open(t, dir).AddImport(dir, file, m, []evidence.Claim{claim}); err != nil {
		t.Fatal(err)
	}
	want := contents(t, dir)
	if err := os.Remove(filepath.Join(dir, "imports", "a.json.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, added, err := open(t, dir).AddImport(dir, file, m, []evidence.Claim{claim}); err != nil || !added {
		t.Fatal(added, err)
	}
	same(t, dir, want)
}

func TestAddImportRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(m *evidence.Import, c *evidence.Claim, file string)
		says  string
	}{
		"changed": {func(m *evidence.Import, c *evidence.Claim, file string) { m.Artifact.SHA256 = evidence.Hash{1} }, "changed after it was read"},
		"too much for an office": {func(m *evidence.Import, c *evidence.Claim, _ string) {
			m.Notes = make([]string, 9000)
			for i := range m.Notes {
				m.Notes[i] = strings.Repeat("x", 500)
			}
		}, "larger than a bundle may be"},
		"gone": {func(m *evidence.Import, c *evidence.Claim, file string) { os.Remove(file) }, "no such file"},
	} {
		dir := lay(t, sample())
		before := contents(t, dir)
		file, m, claim := scanned(t, "a.json", "{}\n")
		c.spoil(&m, &claim, file)
		_, _, err := open(t, dir).AddImport(dir, file, m, []evidence.Claim{claim})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
		after := contents(t, dir)
		for p := range after {
			if _, ok := before[p]; !ok && !strings.HasPrefix(p, "artifacts/") {
				t.Errorf("%s: left %s", name, p)
			}
		}
	}
	dir := lay(t, sample())
	b := open(t, dir)
	file, m, _ := scanned(t, "a.json", "{}\n")
	if _, _, err := b.AddImport(t.TempDir(), file, m, nil); !errors.Is(err, ErrNoBundle) {
		t.Errorf("another folder: %v", err)
	}
}

func same(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := contents(t, dir)
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
	for p, text := range want {
		if got[p] != text {
			t.Errorf("%s changed:\n%s", p, got[p])
		}
	}
}

func TestImportName(t *testing.T) {
	for in, want := range map[string]string{"a.xml": "a.xml.yaml", "..": "import.yaml", "": "import.yaml", "a b/c": "a-b-c.yaml", strings.Repeat("x", 300): strings.Repeat("x", 80) + ".yaml"} {
		if got := importName(in, 1); got != want || !portable(got) {
			t.Errorf("%q: got %q", in, got)
		}
	}
}
