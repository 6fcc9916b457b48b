package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	claimed := func(m evidence.Import, c evidence.Claim) Imported {
		return Imported{Import: m, Claims: []evidence.Claim{c}}
	}
	a, err := open(t, dir).AddImport(dir, file, claimed(m, claim))
	if err != nil || !a.New || a.Path != "imports/scan-of--.xml.yaml" {
		t.Fatalf("got %+v, %v", a, err)
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
	if a, err := b.AddImport(dir, file, claimed(m, claim)); err != nil || a.New || a.Path != "imports/scan-of--.xml.yaml" {
		t.Errorf("again: %+v, %v", a, err)
	}
	same(t, dir, before)
	// Another file of the same name, and the same claim on it.
	file, m, claim = scanned(t, "scan of 문.xml", "<y/>\n")
	a, err = open(t, dir).AddImport(dir, file, claimed(m, claim))
	if err != nil || !a.New || a.Path != "imports/scan-of--.xml-2.yaml" {
		t.Errorf("got %+v, %v", a, err)
	}
	if n := len(open(t, dir).Evidence.Claims); n != 3 {
		t.Errorf("%d claims, want 3", n)
	}
}

// Answers of a file fill what is empty, and change nothing else.
func TestAddImportStates(t *testing.T) {
	files := sample()
	files["ics.yaml"] = `# What the product has.
features:
  # Passwords?
  passwords: unknown # ask
  companion-app: {answer: no, ground: has none}
ics:
  - standard: en-303-645
    edition: "2.1.1"
    date: ""
    entries:
      # The first.
      5.1-1: ""
      5.1-3: {support: "", detail: half of a sentence}
      5.2-1: yes
`
	dir := lay(t, files)
	file, m, _ := scanned(t, "cd.json", "{}\n")
	day := civil.MustDate("2026-06-07")
	x := Imported{
		Import: m,
		Features: map[string]evidence.Feature{
			"passwords": {Answer: scheme.Yes}, "companion-app": {Answer: scheme.Yes}, "telemetry": {Answer: scheme.No, Ground: "none"}, "sensors": {},
		},
		ICS: []evidence.ICS{
			{Standard: "en-303-645", Edition: "2.1.1", Date: day, Entries: map[string]evidence.ICSEntry{
				"5.1-1": {Support: evidence.SupportedYes, Detail: "set by the user"}, "5.1-3": {Support: evidence.SupportedYes, Detail: "other words"},
				"5.2-1": {Support: evidence.SupportedNo, Detail: "no policy"}, "5.2-2": {Support: evidence.SupportedYes}, "5.2-3": {},
			}},
			{Standard: "en-303-645", Edition: "3.1.3", Date: day, Entries: map[string]evidence.ICSEntry{"5.1-1": {Support: evidence.SupportedYes}}},
		},
	}
	a, err := open(t, dir).AddImport(dir, file, x)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"feature companion-app: the file says yes, ics.yaml says no", "en-303-645@2.1.1/5.2-1: the file says no, ics.yaml says yes"}
	if !slices.Equal(a.Differ, want) {
		t.Errorf("differ: %q", a.Differ)
	}
	ev := open(t, dir).Evidence
	if f := ev.Features; len(f) != 3 || f["passwords"].Answer != scheme.Yes || f["companion-app"].Answer != scheme.No || f["telemetry"] != (evidence.Feature{Answer: scheme.No, Ground: "none"}) {
		t.Errorf("features: %+v", f)
	}
	if len(ev.ICS) != 2 || ev.ICS[0].Date != day || ev.ICS[1].Edition != "3.1.3" {
		t.Fatalf("ics: %+v", ev.ICS)
	}
	for id, want := range map[string]evidence.ICSEntry{
		"5.1-1": {Support: evidence.SupportedYes, Detail: "set by the user"}, "5.1-3": {Support: evidence.SupportedYes, Detail: "half of a sentence"},
		"5.2-1": {Support: evidence.SupportedYes}, "5.2-2": {Support: evidence.SupportedYes}, "5.2-3": {},
	} {
		if got := ev.ICS[0].Entries[id]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", id, got, want)
		}
	}
	text := contents(t, dir)["ics.yaml"]
	for _, comment := range []string{"# What the product has.", "# Passwords?", "# ask", "# The first."} {
		if !strings.Contains(text, comment) {
			t.Errorf("the comment %q is lost:\n%s", comment, text)
		}
	}
	// A bundle without the file gets one, and what is said already changes nothing.
	delete(files, "ics.yaml")
	dir = lay(t, files)
	if _, err := open(t, dir).AddImport(dir, file, x); err != nil || len(open(t, dir).Evidence.ICS) != 2 {
		t.Errorf("without ics.yaml: %v", err)
	}
	before := contents(t, dir)["ics.yaml"]
	x.Import.Artifact.SHA256, x.Import.Artifact.Size = evidence.Digest([]byte("[]\n")), 3
	if err := os.WriteFile(file, []byte("[]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err := open(t, dir).AddImport(dir, file, x); err != nil || !a.New || len(a.Differ) != 0 || contents(t, dir)["ics.yaml"] != before {
		t.Errorf("the same again: %+v, %v", a, err)
	}
}

// A stop between claims and import leaves nothing that a second try doubles.
func TestAddImportAfterAStop(t *testing.T) {
	dir := lay(t, sample())
	file, m, claim := scanned(t, "a.json", "{}\n")
	x := Imported{Import: m, Claims: []evidence.Claim{claim}}
	if _, err := open(t, dir).AddImport(dir, file, x); err != nil {
		t.Fatal(err)
	}
	want := contents(t, dir)
	if err := os.Remove(filepath.Join(dir, "imports", "a.json.yaml")); err != nil {
		t.Fatal(err)
	}
	if a, err := open(t, dir).AddImport(dir, file, x); err != nil || !a.New {
		t.Fatal(a, err)
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
		_, err := open(t, dir).AddImport(dir, file, Imported{Import: m, Claims: []evidence.Claim{claim}})
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
	if _, err := b.AddImport(t.TempDir(), file, Imported{Import: m}); !errors.Is(err, ErrNoBundle) {
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
