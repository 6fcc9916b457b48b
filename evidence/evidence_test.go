package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"assay/civil"
	"assay/scheme"

	"go.yaml.in/yaml/v3"
)

const sample = `# SPECIMEN
product:
  holder: xx:0001
  brand: SPECIMEN
  name: Hub
  functions: [consumer-hub]
  models:
    - id: H-1
      hardware: [A, "1.10"]
      gtins: ["4006381333931"]
      variants: [{id: H-1W, differs: white}]
firmware:
  - {version: 1.10, sha256: 0000000000000000000000000000000000000000000000000000000000000001}
features:
  passwords: yes
  sensors: {answer: no, ground: has none}
  radio: unknown
support: {end: 2030-12-31, published: "https://maker.example/support"}
claims:
  - requirements: [en-303-645@3.1.3/5.1-1, en-303-645@3.1.3/5.1-2]
    verdict: pass
    method: test
    by: {kind: laboratory, id: lab:7, accredited_until: 2028-01-01}
    date: 2026-03-01
    valid_until: 2029-02-28
    artifacts: [{name: report.pdf, sha256: 0000000000000000000000000000000000000000000000000000000000000002, size: 12}]
declaration: {by: xx:0001, date: 2026-04-01}
`

func parsed(t testing.TB) *Evidence {
	t.Helper()
	e, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestParse(t *testing.T) {
	e := parsed(t)
	if f := e.Validate(); len(f) != 0 {
		t.Errorf("the sample has findings: %v", f)
	}
	if got := e.Firmware[0].Version; got != "1.10" {
		t.Errorf("version 1.10 was read as %q", got)
	}
	want := map[string]Feature{
		"passwords": {Answer: scheme.Yes}, "sensors": {Answer: scheme.No, Ground: "has none"}, "radio": {},
	}
	if !reflect.DeepEqual(e.Features, want) {
		t.Errorf("features: got %v, want %v", e.Features, want)
	}
	if c := e.Claims[0]; c.Requirements[1].String() != "en-303-645@3.1.3/5.1-2" || c.Until != civil.MustDate("2029-02-28") || c.By.Kind != scheme.Laboratory {
		t.Errorf("claim: %+v", c)
	}
}

// What is written as JSON or by the YAML library reads back as the same.
func TestRoundTrip(t *testing.T) {
	e := parsed(t)
	e.Product.Name = "Hub 𝄞 / \"1\"\t"
	j, err := json.MarshalIndent(e, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{j, y} {
		back, err := Parse(b)
		if err != nil {
			t.Fatalf("%v in\n%s", err, b)
		}
		if !reflect.DeepEqual(back, e) {
			t.Errorf("got %+v\nwant %+v\nfrom %s", back, e, b)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	swap := func(old, new string) string {
		if !strings.Contains(sample, old) {
			t.Fatalf("the sample has no %q", old)
		}
		return strings.Replace(sample, old, new, 1)
	}
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, c := range []struct {
		name, in string
		line     int
		place    string
		says     string
	}{
		{"nothing", "", 0, "", "empty"},
		{"only a comment", "# x\n", 0, "", "empty"},
		{"too large", strings.Repeat("x", MaxSize+1), 0, "", "at most"},
		{"too many values", "[" + strings.Repeat("1,", maxMarks) + "1]", 0, "", "more than"},
		{"not UTF-8", "product: \xff", 0, "", "UTF-8"},
		{"broken YAML", "product:\n  - [\n", 2, "", "correct the YAML"},
		{"two documents", sample + "---\nproduct: {}\n", 28, "", "second document"},
		{"requirement in parts", swap("[en-303-645@3.1.3/5.1-1,", "[{standard: en-303-645, edition: 3.1.3, requirement: 5.1-1},"), 20, "/claims/0/requirements/0", "a single value belongs"},
		{"unknown field", swap("brand:", "brandd:"), 2 + 2, "/product", "holder, brand, name"},
		{"field twice", swap("  brand: SPECIMEN", "  brand: A\n  brand: B"), 5, "/product", "twice"},
		{"feature twice", swap("  radio: unknown", "  passwords: no"), 17, "/features", "twice"},
		{"wrong case", swap("brand:", "Brand:"), 4, "/product", "unknown field"},
		{"anchor", swap("brand: SPECIMEN", "brand: &b SPECIMEN"), 4, "", "aliases"},
		{"alias", swap("name: Hub", "name: *b"), 0, "", "unknown anchor"},
		{"merge", swap("name: Hub", "<<: {name: Hub}"), 5, "", "merge"},
		{"null", swap("name: Hub", "name:"), 5, "/product/name", "no value"},
		{"a list for a text", swap("name: Hub", "name: [Hub]"), 5, "/product/name", "a list where a single value"},
		{"a text for a list", swap("functions: [consumer-hub]", "functions: hub"), 6, "/product/functions", "where a list"},
		{"a text for fields", swap("support: {end: 2030-12-31, published: \"https://maker.example/support\"}", "support: 2030"), 18, "/support", "end, published"},
		{"not a date", swap("date: 2026-03-01", "date: 2026-02-30"), 24, "/claims/0/date", "YYYY-MM-DD"},
		{"not an answer", swap("radio: unknown", "radio: maybe"), 17, "/features/radio", "yes, no or unknown"},
		{"not a hash", swap("sha256: 0000", "sha256: 000"), 13, "/firmware/0/sha256", "64 hexadecimal"},
		{"not a requirement", swap("en-303-645@3.1.3/5.1-2", "5.1-2"), 20, "/claims/0/requirements/1", "standard@edition/requirement"},
		{"not a size", swap("size: 12", "size: 12kB"), 26, "/claims/0/artifacts/0/size", "whole number"},
		{"too deep", "product:\n  name: " + deep, 2, "", "nested"},
		{"too deep in JSON", `{"product":` + deep + `}`, 1, "", "nested"},
		{"JSON, unknown field", "{\n\"product\": {\n\t\"brandd\": \"x\"}}", 3, "/product", "unknown field"},
		{"JSON, field twice", "{\n\"claims\": [],\n\"claims\": []}", 3, "", "twice"},
		{"JSON, null", "{\"product\":\n null}", 2, "/product", "no value"},
		{"a list at the top", "- a\n", 1, "", "a list where a group of fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.in))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if (c.line != 0 && e.Line != c.line) || e.Place != c.place || !strings.Contains(e.Problem, c.says) {
				t.Errorf("got line %d, place %q, %q; want line %d, place %q, saying %q", e.Line, e.Place, e.Problem, c.line, c.place, c.says)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	claim := func(f func(*Claim)) func(*Evidence) { return func(e *Evidence) { f(&e.Claims[0]) } }
	for _, c := range []struct {
		place string
		spoil func(*Evidence)
	}{
		{"/product/holder", func(e *Evidence) { e.Product.Holder = "Jane Doe" }},
		{"/product/brand", func(e *Evidence) { e.Product.Brand = "" }},
		{"/product/name", func(e *Evidence) { e.Product.Name = "a\x00b" }},
		{"/product/name", func(e *Evidence) { e.Product.Name = strings.Repeat("한", maxLine+1) }},
		{"/product/functions", func(e *Evidence) { e.Product.Functions = nil }},
		{"/product/functions/1", func(e *Evidence) { e.Product.Functions = []string{"a", "a"} }},
		{"/product/models", func(e *Evidence) { e.Product.Models = nil }},
		{"/product/models/1/id", func(e *Evidence) { e.Product.Models = append(e.Product.Models, Model{ID: "H-1W"}) }},
		{"/product/models/0/hardware/0", func(e *Evidence) { e.Product.Models[0].Hardware[0] = "" }},
		{"/product/models/0/gtins/0", func(e *Evidence) { e.Product.Models[0].GTINs[0] = "4006381333932" }},
		{"/product/models/0/variants/0/gtins/0", func(e *Evidence) { e.Product.Models[0].Variants[0].GTINs = []string{"400638133393x"} }},
		{"/firmware/0/version", func(e *Evidence) { e.Firmware[0].Version = "" }},
		{"/firmware/0/sha256", func(e *Evidence) { e.Firmware[0].SHA256 = Hash{} }},
		{"/features/a~1b", func(e *Evidence) { e.Features["a/b"] = Feature{} }},
		{"/claims", func(e *Evidence) {
			for len(e.Claims) <= maxItems {
				e.Claims = append(e.Claims, e.Claims[0])
			}
		}},
		{"/claims/0/requirements", claim(func(c *Claim) { c.Requirements = nil })},
		{"/claims/0/verdict", claim(func(c *Claim) { c.Verdict = "passed" })},
		{"/claims/0/method", claim(func(c *Claim) { c.Method = "look" })},
		{"/claims/0/by/kind", claim(func(c *Claim) { c.By.Kind = "friend" })},
		{"/claims/0/by/id", claim(func(c *Claim) { c.By.ID = "" })},
		{"/claims/0/date", claim(func(c *Claim) { c.Date, c.Until = 0, 0 })},
		{"/claims/0/valid_until", claim(func(c *Claim) { c.Until = c.Date - 1 })},
		{"/claims/0/ground", claim(func(c *Claim) { c.Verdict = NotApplicable })},
		{"/claims/0/ground", claim(func(c *Claim) { c.Ground = strings.Repeat("x", maxText+1) })},
		{"/claims/0/artifacts", claim(func(c *Claim) { c.Artifacts = nil })},
		{"/claims/0/artifacts/0/size", claim(func(c *Claim) { c.Artifacts[0].Size = 0 })},
		{"/claims/0/artifacts/0/sha256", claim(func(c *Claim) { c.Artifacts[0].SHA256 = Hash{} })},
		{"/declaration/by", func(e *Evidence) { e.Declaration.By = "x y" }},
		{"/declaration/date", func(e *Evidence) { e.Declaration.Date = 0 }},
		{"/declaration/document/name", func(e *Evidence) { e.Declaration.Document = &Artifact{SHA256: Hash{1}, Size: 1} }},
	} {
		e := parsed(t)
		c.spoil(e)
		found := e.Validate()
		if len(found) == 0 {
			t.Errorf("%s: nothing found", c.place)
		}
		for _, f := range found {
			if f.Place != c.place || f.Problem == "" || f.Remedy == "" {
				t.Errorf("%s: found %v", c.place, f)
			}
		}
	}
}

func TestLine(t *testing.T) {
	for place, want := range map[string]int{"/claims/0/date": 24, "/product/models/0/variants/0/id": 11, "/features/radio": 17, "/firmware/9": 13} {
		if got := Line([]byte(sample), place); got != want {
			t.Errorf("%s: line %d, want %d", place, got, want)
		}
	}
}

// A commitment depends on every byte of salt and artifact, and on where the
// one ends and the other begins.
func TestCommit(t *testing.T) {
	var salt Salt
	salt[31] = 7
	if got, want := Commit(salt, []byte("report")), Hash(sha256.Sum256(append(bytes.Clone(salt[:]), "report"...))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	other := salt
	other[0] = 1
	if Commit(salt, []byte("report")) == Commit(other, []byte("report")) || Commit(salt, []byte("report")) == Commit(salt, []byte("Report")) {
		t.Error("two different things have one commitment")
	}
	if got := Digest([]byte("abc")).String(); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("SHA-256 of abc is %s (FIPS 180-4)", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"product":{"holder":"x","models":[{"id":1}]},"features":{"a":"yes"}}`))
	f.Add([]byte("product: &a {name: *a}\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("{\"a\":\"\\ud83d\\ude00\"}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse(b)
		if err != nil {
			var pe *Error
			if !errors.As(err, &pe) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		found := e.Validate()
		for _, x := range found {
			Line(b, x.Place)
		}
		if len(found) > 0 {
			return
		}
		// What was read and found good can be written, and reads back as the same.
		j, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(j)
		if err != nil {
			t.Fatalf("%v in %s", err, j)
		}
		if k, _ := json.Marshal(back); !bytes.Equal(j, k) {
			t.Fatalf("%s\nreads back as\n%s", j, k)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		if _, err := Parse([]byte(sample)); err != nil {
			b.Fatal(err)
		}
	}
}

// Read gives what Parse gives, of every JSON file that Parse takes.
func TestRead(t *testing.T) {
	want := parsed(t)
	full, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{full, []byte(`{"product":{"holder":"xx:1","brand":"B","name":"N","functions":["a"],"models":[{"id":"M"}]},"features":{"f":"yes","g":{"answer":"no","ground":"why"}}}`)} {
		a, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read(b)
		if err != nil || !reflect.DeepEqual(a, r) {
			t.Errorf("read as %+v, parsed as %+v (%v)", r, a, err)
		}
	}
}

// A report on a product of another name, and more images than are assessed together.
func TestValidateOtherName(t *testing.T) {
	found := func(name string, images int) (places []string) {
		e := parsed(t)
		for i := range images {
			e.Firmware = append(e.Firmware, Firmware{Version: "x", SHA256: Hash{2, byte(i)}})
		}
		s, err := FromReport("lab.yaml", &Report{Product: Tested{Holder: e.Product.Holder, Name: name}}, "")
		if err != nil {
			t.Fatal(err)
		}
		e.Reports = []Signed{*s}
		for _, f := range e.Validate() {
			places = append(places, f.Place)
		}
		return places
	}
	own := parsed(t).Product.Name
	for _, c := range []struct {
		name         string
		images       int
		other, large bool
	}{{own, 1, false, false}, {" " + own + " ", 1, false, false}, {own + " 2", 1, true, false}, {own, maxImages, false, true}} {
		places := found(c.name, c.images)
		if got := slices.Contains(places, "/reports/0/body/product/name"); got != c.other {
			t.Errorf("%q: other is %v", c.name, got)
		}
		if got := slices.Contains(places, "/firmware"); got != c.large {
			t.Errorf("%d more images: too many is %v", c.images, got)
		}
	}
}
