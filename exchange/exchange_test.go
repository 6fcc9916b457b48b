package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"assay/catalog"
	"assay/evidence"
	"assay/exchange/attest"
	"assay/exchange/cyclonedx"
	"assay/exchange/intake"
	"assay/exchange/nmap"
	"assay/exchange/sarif"
	"assay/exchange/spdx"
	"assay/exchange/sshaudit"
	"assay/exchange/testssl"
	"assay/scheme"
)

var options = intake.Options{Holder: "xx:0001"}

// testdata are the files that are there, by name.
func testdata(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	all := map[string][]byte{}
	for _, n := range names {
		if filepath.Ext(n) == ".md" || filepath.Base(n) == "fuzz" {
			continue
		}
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(n)] = b
	}
	return all
}

// Every file is told by what is in it, under whatever name it comes.
func TestRead(t *testing.T) {
	formats := map[string]string{"nmap-": "nmap", "testssl-": "testssl", "ssh-audit-": "ssh-audit", ".sarif": "sarif", ".cdx.": "cyclonedx", "spdx": "spdx", "oscal-": "oscal"}
	for name, text := range testdata(t) {
		want := ""
		for part, f := range formats {
			if strings.Contains(name, part) {
				want = f
			}
		}
		r, err := Read("/somewhere/x", bytes.NewReader(text), options)
		if name == "nmap-killed.xml" || name == "testssl-unreachable.json" {
			if err == nil {
				t.Errorf("%s was taken", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Import.Format != want || r.Import.Name != "x" || r.Import.Artifact.SHA256 != evidence.Digest(text) || r.Import.Artifact.Size != int64(len(text)) {
			t.Errorf("%s: got %s, %+v; want %s", name, r.Import.Format, r.Import.Artifact, want)
		}
		sensible(t, r)
	}
}

// The shell of Windows writes UTF-16.
func TestUTF16(t *testing.T) {
	for name, text := range testdata(t) {
		plain, err := Read("x", bytes.NewReader(text), options)
		if err != nil {
			continue
		}
		wide := []byte{0xff, 0xfe}
		for _, r := range string(text) {
			if r > 0xffff {
				t.Fatalf("%s: write the test for %q", name, r)
			}
			wide = append(wide, byte(r), byte(r>>8))
		}
		got, err := Read("x", bytes.NewReader(wide), options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got.Import.Artifact = plain.Import.Artifact
		got.Claims, plain.Claims = nil, nil // which name the artifact
		if !reflect.DeepEqual(got, plain) {
			t.Errorf("%s in UTF-16 says something else", name)
		}
	}
}

// Every file cut off anywhere is refused, or (tags and values end anywhere)
// taken as what is there.
func TestTruncated(t *testing.T) {
	for name, text := range testdata(t) {
		if strings.HasSuffix(name, ".spdx") {
			continue
		}
		text = bytes.TrimSpace(text)
		for _, n := range []int{1, 10, len(text) / 3, len(text) / 2, len(text) - 10, len(text) - 1} {
			_, err := Read(name, bytes.NewReader(text[:n]), options)
			var e *evidence.Error
			if !errors.As(err, &e) || e.File != name {
				t.Errorf("%s: %d of %d bytes: got %v", name, n, len(text), err)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	for says, in := range map[string]string{
		"syft's own":           `{"artifacts": [], "artifactRelationships": [], "source": {}}`,
		"grype's own":          `{"matches": [], "source": {}, "descriptor": {}}`,
		"trivy's own":          `{"SchemaVersion": 2, "Results": []}`,
		"CSAF":                 `{"document": {}, "product_tree": {}, "vulnerabilities": []}`,
		"OpenVEX":              `{"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}`,
		"RDF":                  `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>`,
		"sslscan":              `<document title="SSLScan Results"/>`,
		"begins with <html>":   `<!DOCTYPE html><html/>`,
		"-oX":                  "# Nmap 7.93 scan initiated\n",
		"YAML":                 "spdxVersion: \"SPDX-2.3\"\n",
		"no format known here": "hello\n",
		"an empty list":        "[]",
		"a list of objects":    `[{"x": 1}]`,
		"JSON of no format":    `{"x": 1}`,
		"no JSON":              `["a"] x`,
		"truncated":            `{"bomFormat": "CycloneDX"`,
		"zip":                  "PK\x03\x04",
	} {
		_, err := Read("x", strings.NewReader(in), options)
		var e *evidence.Error
		if !errors.As(err, &e) || !strings.Contains(e.Problem, says) {
			t.Errorf("%s: got %v", says, err)
		}
	}
	if _, err := ReadWithin("x", strings.NewReader(`{"bomFormat": "CycloneDX"}`), options, intake.Bounds{Bytes: 10, Depth: 1, Elements: 1}); err == nil || !strings.Contains(err.Error(), "more than 10 bytes") {
		t.Errorf("got %v", err)
	}
}

// Each rule is met by something, and names requirements that the catalog has,
// in every edition that has units for them.
func TestAbout(t *testing.T) {
	rules, err := aboutRules()
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rules {
		if len(r.About) == 0 || len(r.IDs)+len(r.CWE) == 0 || r.Why == "" {
			t.Errorf("rule %d says too little", i)
		}
		editions := map[string]bool{}
		for _, ref := range r.About {
			editions[ref.Edition] = true
			var e *scheme.StandardEdition
			if s := cat.Standard(ref.Standard); s != nil {
				e = s.Edition(ref.Edition)
			}
			if e == nil || e.Requirement(ref.Requirement) == nil {
				t.Errorf("rule %d: the catalog has not %s", i, ref)
			}
		}
		if len(editions) != 2 {
			t.Errorf("rule %d speaks of %d editions", i, len(editions))
		}
		for _, p := range r.IDs {
			x := evidence.Issue{ID: strings.ReplaceAll(p, "*", "x")}
			format := "any"
			if len(r.Formats) > 0 {
				format = r.Formats[0]
				if r.met("none of them", &x) {
					t.Errorf("rule %d is met in a format that it does not name", i)
				}
			}
			if !r.met(format, &x) {
				t.Errorf("rule %d: %s matches nothing", i, p)
			}
		}
	}
}

func TestBear(t *testing.T) {
	about := func(name, id string) (refs []string) {
		r, err := Read(name, bytes.NewReader(testdata(t)[name]), options)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(r.Import.Issues, func(i evidence.Issue) bool { return i.ID == id })
		if i < 0 {
			t.Fatalf("%s has no %s", name, id)
		}
		for _, ref := range r.Import.Issues[i].About {
			refs = append(refs, ref.String())
		}
		return refs
	}
	const old, new = "en-303-645@2.1.1/", "en-303-645@3.1.3/"
	for _, c := range []struct {
		file, id string
		want     []string
	}{
		{"testssl-flat.json", "TLS1", []string{old + "5.5-1", old + "5.1-3", new + "5.5-1", new + "5.1-3"}},
		{"testssl-flat.json", "cert_subjectAltName", nil},
		{"ssh-audit-2.5.json", "kex:diffie-hellman-group14-sha1", []string{old + "5.5-1", old + "5.1-3", new + "5.5-1", new + "5.1-3"}},
		{"gosec.sarif", "G101", []string{old + "5.1-1", old + "5.4-3", new + "5.1-1", new + "5.4-3"}},
		{"gosec.sarif", "G104", nil},
		{"vex.cdx.json", "CVE-2099-0003", []string{old + "5.2-3", new + "5.2-3"}},
		{"vex.cdx.json", "CVE-2099-0002", nil}, // not affected
		{"vex.cdx.json", "CVE-2099-0004", nil}, // fixed
	} {
		if got := about(c.file, c.id); !slices.Equal(got, c.want) {
			t.Errorf("%s, %s: got %v, want %v", c.file, c.id, got, c.want)
		}
	}
}

// sensible holds what was read against what evidence may be.
func sensible(t *testing.T, r *intake.Result) {
	t.Helper()
	ev := evidence.Evidence{Imports: []evidence.Import{r.Import}, Claims: r.Claims}
	for _, f := range ev.Validate() {
		if strings.HasPrefix(f.Place, "/imports") || strings.HasPrefix(f.Place, "/claims") {
			t.Errorf("%s", f)
		}
	}
	for _, c := range r.Claims {
		if c.Method != "declaration" {
			t.Errorf("a file gave more than a declaration: %+v", c)
		}
	}
	for _, f := range append(evidence.Reconcile(&ev), evidence.Gaps(&ev)...) {
		if f.Place == "" || f.Problem == "" || f.Remedy == "" {
			t.Errorf("a contradiction without a place: %+v", f)
		}
	}
}

// fuzz gives a reader what it may get, and holds the answer against what it may
// say. The same file always says the same.
func fuzz(f *testing.F, read reader, part string, more ...string) {
	for name, text := range testdata(f) {
		if strings.Contains(name, part) {
			f.Add(text)
		}
	}
	for _, s := range more {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		once := func() (*intake.Result, error) {
			in, err := intake.Read("x", bytes.NewReader(text), intake.Bounds{Bytes: 1 << 20, Depth: 100, Elements: 100_000})
			if err != nil {
				return nil, err
			}
			return read(in, options)
		}
		r, err := once()
		if err != nil {
			var e *evidence.Error
			if !errors.As(err, &e) || e.File == "" || e.Problem == "" {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		sensible(t, r)
		if again, err := once(); err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("read twice, it says two things: %v", err)
		}
	})
}

func FuzzCycloneDX(f *testing.F) {
	fuzz(f, cyclonedx.Read, ".cdx.", `{"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [{"name": "a", "evidence": {"identity": []}}], "declarations": {}}`,
		`<bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1"><vulnerabilities><vulnerability><id>x</id></vulnerability></vulnerabilities></bom>`)
}

func FuzzSPDX(f *testing.F) {
	fuzz(f, spdx.Read, "spdx", `{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "type": "software_Package", "name": "a"}`)
}

func FuzzSARIF(f *testing.F) {
	fuzz(f, sarif.Read, ".sarif", `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [{}]}]}`)
}

func FuzzNmap(f *testing.F) {
	fuzz(f, nmap.Read, "nmap-", `<nmaprun scanner="nmap"><host><ports><port protocol="tcp" portid="1"><state state="open"/></port></ports></host><finished exit="success"/></nmaprun>`)
}

func FuzzTestssl(f *testing.F) { fuzz(f, testssl.Read, "testssl-") }

func FuzzSSHAudit(f *testing.F) { fuzz(f, sshaudit.Read, "ssh-audit-") }

// FuzzRead goes through the door.
func FuzzRead(f *testing.F) {
	fuzz(f, func(in *intake.File, o intake.Options) (*intake.Result, error) {
		read, err := sniff(in)
		if err != nil {
			return nil, err
		}
		return read(in, o)
	}, "", "[[", "{\"@context\": 1}", "<bom/>", "SPDXVersion: SPDX-2.3")
}

// The process that reads a file says what reading it here says.
func TestTake(t *testing.T) {
	for name, text := range testdata(t) {
		got, err := Take(t.Context(), filepath.Join("testdata", name), options)
		want, werr := Read(name, bytes.NewReader(text), options)
		if werr != nil {
			if err == nil || err.Error() != werr.Error() {
				t.Errorf("%s: got %v, want %v", name, err, werr)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, want)
		}
	}
	if r, err := Take(t.Context(), "testdata/attestation.cdx.json", intake.Options{}); err != nil || len(r.Claims) != 0 || !slices.Contains(r.Import.Notes, intake.NoHolder) {
		t.Errorf("claims of nobody: %+v, %v", r, err)
	}
	if _, err := Take(t.Context(), "testdata", options); err == nil || !strings.Contains(err.Error(), "no plain file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Take(t.Context(), "none", options); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	big := filepath.Join(t.TempDir(), "big.json")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, intake.Standard.Bytes+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Take(t.Context(), big, options); err == nil || !strings.Contains(err.Error(), "more than 67108864 bytes") {
		t.Errorf("too large: %v", err)
	}
}

// A file that takes more memory than it may is refused by name, and takes it
// from nobody else.
func TestTakeBoundsMemory(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [`)
	for range 1_900_000 {
		b.WriteString("{},")
	}
	b.WriteString(`{}]}`)
	name := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Take(t.Context(), name, options)
	var e *evidence.Error
	if !errors.As(err, &e) || e.File != "x.json" || !strings.Contains(e.Problem, "memory") && !strings.Contains(e.Problem, "without a name") {
		t.Errorf("got %v", err)
	}
}

// A worker that a file got the better of is not believed.
func TestSettle(t *testing.T) {
	for name, spoil := range map[string]func(*intake.Result){
		"a format":      func(r *intake.Result) { r.Import.Format = "report" },
		"a test":        func(r *intake.Result) { r.Claims[0].Method = scheme.Test },
		"a laboratory":  func(r *intake.Result) { r.Claims[0].By = evidence.Body{Kind: scheme.Laboratory, ID: "lab:7"} },
		"another maker": func(r *intake.Result) { r.Claims[0].By.ID = "xx:0002" },
		"a severity":    func(r *intake.Result) { r.Import.Issues = []evidence.Issue{{ID: "x", Severity: "fatal"}} },
	} {
		in, err := intake.Read("x", bytes.NewReader(testdata(t)["attestation.cdx.json"]), intake.Standard)
		if err != nil {
			t.Fatal(err)
		}
		r, err := cyclonedx.Read(in, intake.Options{Holder: nobody})
		if err != nil {
			t.Fatal(err)
		}
		spoil(r)
		if err := settle(r, options); err == nil {
			t.Errorf("%s was believed", name)
		}
	}
}

// What is attested about any requirement of the catalog's own export comes
// back as a declaration on that requirement.
func TestOwnStandards(t *testing.T) {
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, edition := range []string{"2.1.1", "3.1.3"} {
		files, err := attest.Export(cat, []scheme.StandardRef{{Standard: "en-303-645", Edition: edition}})
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		var bom map[string]any
		if err := json.Unmarshal(files[0].Body, &bom); err != nil {
			t.Fatal(err)
		}
		var lines []any
		want := map[string]bool{}
		for _, std := range bom["definitions"].(map[string]any)["standards"].([]any) {
			for _, r := range std.(map[string]any)["requirements"].([]any) {
				ref := r.(map[string]any)["bom-ref"].(string)
				lines = append(lines, map[string]any{"requirement": ref, "conformance": map[string]any{"score": 1}})
				want[ref] = true
			}
		}
		bom["declarations"] = map[string]any{"attestations": []any{map[string]any{"map": lines}}}
		text, err := json.Marshal(bom)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read("x", bytes.NewReader(text), options)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, c := range r.Claims {
			got[c.Requirements[0].String()] = true
		}
		e := cat.Standard("en-303-645").Edition(edition)
		for _, q := range e.Requirements {
			if ref := "en-303-645@" + edition + "/" + q.ID; !want[ref] || !got[ref] {
				t.Errorf("%s: exported %v, read %v", ref, want[ref], got[ref])
			}
		}
		if len(got) != len(e.Requirements) {
			t.Errorf("%s: %d claims on %d requirements: %v", edition, len(got), len(e.Requirements), r.Import.Notes)
		}
	}
}
