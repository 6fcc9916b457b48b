package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"assay/assess"
	"assay/bundle"
	"assay/civil"
	"assay/evidence"
	"assay/schemagen"
	"assay/scheme"
	lab "assay/specimen"
)

const schemaDir = "../evidence/schema"

// kinds are the files that evidence comes in.
var kinds = func() map[string]reflect.Type {
	m := map[string]reflect.Type{
		"evidence": reflect.TypeFor[evidence.Evidence](),
		"report":   reflect.TypeFor[evidence.Report](),
		"import":   reflect.TypeFor[evidence.Import](),
	}
	maps.Copy(m, bundle.TextTypes)
	return m
}()

type object = map[string]any

func words[T ~string](vs ...T) (reflect.Type, []string) {
	s := make([]string, len(vs))
	for i, v := range vs {
		s[i] = string(v)
	}
	return reflect.TypeFor[T](), s
}

// fieldWords are the words that Validate takes in fields that are plain text.
var fieldWords = map[string][]string{
	"Scan.transport":    {"tcp", "udp", "sctp"},
	"Service.transport": {"tcp", "udp", "sctp"},
	"Service.state":     {"open", "open|filtered"},
	"Issue.severity":    {"none", "low", "medium", "high", "critical", "unknown"},
	"Issue.state":       {"", "affected", "not_affected", "fixed", "under_investigation"},
}

// mayLack are fields that are always written and that a file may do without:
// nothing in them says nothing.
var mayLack = []string{"Feature.answer", "ICS.entries", "ICSEntry.support", "Issue.text", "Service.port", "tableText.rows", "claimsText.claims"}

// generator describes what [evidence.ParseFile] takes and Validate lets stand.
func generator(t *testing.T) *schemagen.Generator {
	t.Helper()
	says, err := schemagen.Comments("../evidence")
	if err != nil {
		t.Fatal(err)
	}
	const word = "[A-Za-z0-9._:-]{1,80}"
	ref := schemagen.Ref
	short := func(name string) func(any) any {
		return func(full any) any { return object{"anyOf": []any{ref(name), full}} }
	}
	g := &schemagen.Generator{
		Tag:  "json",
		Says: says,
		Text: func(required bool) any {
			if required {
				return ref("line")
			}
			return ref("text")
		},
		Closed: map[reflect.Type][]string{},
		Types: map[reflect.Type]any{
			reflect.TypeFor[civil.Date]():         ref("date"),
			reflect.TypeFor[evidence.Hash]():      ref("hash"),
			reflect.TypeFor[evidence.Ref]():       ref("ref"),
			reflect.TypeFor[scheme.Answer]():      ref("answer"),
			reflect.TypeFor[evidence.Supported](): ref("supported"),
			reflect.TypeFor[evidence.Row]():       ref("row"),
		},
		Shared: object{
			"text":         object{"type": []string{"string", "number", "boolean"}, "description": "text; a number stands for its digits as they are written"},
			"line":         object{"type": []string{"string", "number", "boolean"}, "minLength": 1, "description": "text that is not empty; a number stands for its digits as they are written"},
			"date":         object{"type": "string", "format": "date"},
			"date-or-none": object{"anyOf": []any{ref("date"), object{"const": ""}}},
			"hash-or-none": object{"anyOf": []any{ref("hash"), object{"const": ""}}},
			"hash":         object{"type": "string", "pattern": "^[0-9a-fA-F]{64}$", "description": "SHA-256 in hexadecimal"},
			"ref":          object{"type": "string", "pattern": "^" + word + "@" + word + "/" + word + "$", "description": "requirement, as standard@edition/requirement"},
			"answer":       object{"enum": []string{"yes", "no", "undetermined", "unknown"}},
			"supported": object{"enum": []string{"yes", "no", "not-applicable", "Y", "y", "N", "n", "N/A", "n/a", "?", ""},
				"description": "yes, no, not-applicable, or the standard's own letters; ? and nothing are not answered yet"},
			"row": object{"type": "object", "properties": object{"id": object{"anyOf": []any{ref("text"), object{"type": "array", "items": ref("text"), "maxItems": 1}}}}, "propertyNames": object{"pattern": "^" + word + "$"},
				"additionalProperties": object{"anyOf": []any{ref("text"), object{"type": "array", "items": ref("text")}}},
				"description":          says["evidence.Row"]},
		},
		Either: map[reflect.Type]func(any) any{
			reflect.TypeFor[evidence.Feature]():  short("answer"),
			reflect.TypeFor[evidence.ICSEntry](): short("supported"),
		},
		Field: func(f *schemagen.Field) any {
			name := f.Of.Name() + "." + f.Name
			if slices.Contains(mayLack, name) {
				f.Required = false
			}
			switch {
			case fieldWords[name] != nil:
				return object{"enum": fieldWords[name]}
			case f.Required: // nothing is for Validate to find
			case f.Type == reflect.TypeFor[civil.Date]():
				return ref("date-or-none")
			case f.Type == reflect.TypeFor[evidence.Hash]():
				return ref("hash-or-none")
			}
			return nil
		},
		Names: map[reflect.Type]string{
			kinds["product"]: "ProductFile", kinds["ics"]: "ICSFile", kinds["ixit"]: "TableFile", kinds["claims"]: "ClaimsFile",
		},
	}
	put := func(t reflect.Type, vs []string) { g.Closed[t] = vs }
	put(words(evidence.Pass, evidence.Fail, evidence.Inconclusive, evidence.NotApplicable))
	put(words(scheme.Declared, scheme.Document, scheme.Test))
	put(words(scheme.Maker, scheme.Laboratory))
	return g
}

func TestSchemasAreMadeFromTheTypes(t *testing.T) {
	g := generator(t)
	for kind, typ := range kinds {
		want, err := g.Schema(kind, typ)
		if err != nil {
			t.Fatal(err)
		}
		schemagen.Golden(t, filepath.Join(schemaDir, kind+".json"), want, *update)
	}
}

// compiled is a schema as others use it.
func compiled(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(filepath.Join(schemaDir, kind+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// value is what other programs make of a file: text, numbers, yes and no as
// YAML 1.2 has them.
func value(t *testing.T, file []byte) any {
	t.Helper()
	if json.Valid(file) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var n yaml.Node
	if err := yaml.Unmarshal(file, &n); err != nil {
		t.Fatal(err)
	}
	var of func(n *yaml.Node) any
	of = func(n *yaml.Node) any {
		switch n.Kind {
		case yaml.DocumentNode:
			return of(n.Content[0])
		case yaml.AliasNode:
			return of(n.Alias)
		case yaml.MappingNode:
			m := object{}
			for i := 0; i+1 < len(n.Content); i += 2 {
				m[n.Content[i].Value] = of(n.Content[i+1])
			}
			return m
		case yaml.SequenceNode:
			s := make([]any, len(n.Content))
			for i, c := range n.Content {
				s[i] = of(c)
			}
			return s
		}
		switch n.ShortTag() {
		case "!!null":
			return nil
		case "!!bool":
			return n.Value == "true"
		case "!!int", "!!float":
			return json.Number(n.Value)
		}
		return n.Value
	}
	return of(&n)
}

// kindOf is the schema that a file of a bundle follows.
func kindOf(path string) string {
	switch dir, base := filepath.Split(path); {
	case strings.HasSuffix(base, ".sig"):
		return ""
	case dir == "verdicts/":
		return "report"
	case dir == "imports/":
		return "import"
	case dir == "ixit/":
		return "ixit"
	default:
		return strings.TrimSuffix(base, ".yaml")
	}
}

func TestSpecimensFollowTheSchemas(t *testing.T) {
	b, err := bundle.Open(gateway)
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]int{}
	check := func(name, kind string, file []byte) {
		met[kind]++
		if err := compiled(t, kind).Validate(value(t, file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, p := range b.Texts() {
		if kind := kindOf(p); kind != "" {
			check(p, kind, b.Text(p))
		}
	}
	one, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	check("the gateway as one file", "evidence", one)
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	demo, err := filepath.Glob("../cmd/assay/demodata/*.yaml")
	if err != nil || len(demo) == 0 {
		t.Fatal(demo, err)
	}
	for _, name := range demo {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		check(name, "evidence", file)
		signed, err := l.Evidence(file, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		check(name+" with signed reports", "evidence", signed)
		ev, err := evidence.Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		split, err := bundle.Split(ev)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range split.Texts() {
			if kind := kindOf(p); kind != "" {
				check(name+" in parts: "+p, kind, split.Text(p))
			}
		}
	}
	for kind := range kinds {
		if kind != "claims" && met[kind] == 0 {
			t.Errorf("no file follows %s", kind)
		}
	}
}

// The schema of a table, which is made from the catalog, knows its fields and
// their values as the program does.
func TestTablesFollowTheirSchemas(t *testing.T) {
	b, err := bundle.Open(gateway)
	if err != nil {
		t.Fatal(err)
	}
	c, err := assess.Compile(specimen(t))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for id := range b.Evidence.IXIT {
		s := compiled(t, "ixit/"+id)
		file := value(t, b.Text("ixit/"+id+".yaml")).(object)
		if err := s.Validate(file); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		row := file["rows"].([]any)[0].(object)
		both := func(what string) {
			raw, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			var r evidence.Row
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			found := c.Check(&evidence.Evidence{Product: b.Evidence.Product, IXIT: map[string][]evidence.Row{id: {r}}})
			if err := s.Validate(file); (err == nil) != (len(found) == 0) {
				t.Errorf("%s, %s: the schema says %v, the program %v", id, what, err, found)
			}
			if len(found) > 0 {
				n++
			}
		}
		for _, field := range slices.Sorted(maps.Keys(row)) {
			was := row[field]
			for _, w := range []any{"mutated", "yes", "2026-02-29", ""} {
				row[field] = w
				both(fmt.Sprintf("%s = %q", field, w))
			}
			row[field] = was
		}
		row["mutated"] = ""
		both("a strange field")
	}
	if n < 100 {
		t.Errorf("%d broken rows only", n)
	}
}

// samples are files that have every field that a file of their kind can have.
const (
	sampleProduct = `
product:
  holder: xx:maker
  brand: SPECIMEN
  name: SPECIMEN Gateway
  functions: [consumer/router]
  models:
    - {id: G1, hardware: [A], gtins: ["2000000006208"], variants: [{id: G1-W, differs: white, hardware: [A], gtins: ["2000000006215"]}]}
firmware: [{version: 1.10, sha256: HASH}]
support: {end: 2032-12-31, published: https://maker.example/support}
declaration: {by: xx:maker, date: 2026-10-15, document: {name: d.md, sha256: HASH, size: 7, shows: [signature]}}
`
	sampleICS = `
features: {passwords: "yes", telemetry: {answer: "no", ground: None is sent.}}
ics:
  - standard: en-303-645
    edition: "3.1.3"
    date: 2026-08-31
    entries:
      5.1-1: "yes"
      5.1-2: {support: N/A, detail: None are preset., artifacts: [{name: a.md, sha256: HASH, size: 7, shows: [x]}]}
`
	sampleClaims = `
claims:
  - requirements: [en-303-645@3.1.3/5.1-1]
    verdict: pass
    method: test
    by: {kind: laboratory, id: xx:lab, accredited_until: 2027-01-01}
    firmware: [HASH]
    hardware: [A]
    date: 2026-10-01
    valid_until: 2027-10-01
    ground: Tried.
    artifacts: [{name: a.md, sha256: HASH, size: 7, shows: [report]}]
`
	sampleTable  = `rows: [{id: auth-1, subject: user, port: 443, over-network: true, names: [a, b], none: []}]`
	sampleReport = `
number: R-1
by: {kind: laboratory, id: xx:lab, accredited_until: 2027-01-01}
method: {standard: ts-103-701, edition: 2.1.1, tool: tool 1}
date: 2026-10-12
tested: {from: 2026-09-01, to: 2026-10-01}
valid_until: 2028-10-12
product: {holder: xx:maker, name: SPECIMEN Gateway, models: [G1]}
samples: [{id: S1, chosen: bought, serial: 17, model: G1, hardware: A, firmware: HASH, received: 2026-09-01}]
deviations: [none of weight]
subcontractors: [{id: xx:other, units: [5.1-1-1]}]
tasks:
  - {id: T1, unit: 5.6-1-2/d, row: log-web, seen: "Port 80 is silent.", method: [use it], passes: it is off}
  - {id: T2, requirement: en-303-645@2.1.1/5.4-3, seen: "Nothing was found.", method: [ask the maker, compare], passes: nothing is hard-coded}
accreditation: {by: SPECIMEN body, number: 7, scope: [TS 103 701], from: 2024-01-01, until: 2027-01-01}
rows: {auth-mech/auth-1: HASH}
verdicts: [{unit: 5.1-1-1/a, row: auth-1, sample: S1, verdict: inconclusive, date: 2026-09-02, ground: Broke., artifacts: [{name: a.md, sha256: HASH, size: 7, shows: [x]}]}]
results: [{requirements: [en-303-645@3.1.3/5.1-1], verdict: pass, method: test, sample: S1, date: 2026-09-02, ground: Tried., artifacts: [{name: a.md, sha256: HASH, size: 7, shows: [x]}]}]
`
	sampleImport = `
name: scan.xml
format: nmap
tool: nmap
version: 7.94
date: 2026-09-11
target: 192.0.2.1
firmware: HASH
artifact: {name: scan.xml, sha256: HASH, size: 7, shows: [x]}
scanned: [{transport: tcp, ports: "22,80"}]
components: [{name: zlib, version: 1.10, purl: pkg:generic/zlib@1.10, cpe: "cpe:2.3:a:zlib:zlib:1.10:*:*:*:*:*:*:*", supplier: them, license: Zlib, sha256: HASH}]
services: [{address: 192.0.2.1, transport: tcp, port: 80, state: open, name: http, product: httpd, version: 1}]
issues: [{id: CVE-2020-0001, severity: low, text: Old., where: zlib, cwe: [CWE-79], about: [en-303-645@3.1.3/5.3-1], state: fixed}]
notes: [nothing left]
`
)

// sampleFiles are the samples by kind, and as one file.
func sampleFiles(t *testing.T) map[string]any {
	t.Helper()
	hash := strings.Repeat("5b", 32)
	m := map[string]any{}
	for kind, file := range map[string]string{"product": sampleProduct, "ics": sampleICS, "claims": sampleClaims, "ixit": sampleTable, "report": sampleReport, "import": sampleImport} {
		m[kind] = value(t, []byte(strings.ReplaceAll(file, "HASH", hash)))
	}
	report, err := json.Marshal(m["report"])
	if err != nil {
		t.Fatal(err)
	}
	one := object{
		"ixit":    object{"auth-mech": m["ixit"].(object)["rows"]},
		"reports": []any{object{"name": "r.yaml", "body": string(report), "signature": "AAAA"}},
		"imports": []any{m["import"]},
	}
	for _, part := range []string{"product", "ics", "claims"} {
		maps.Copy(one, m[part].(object))
	}
	m["evidence"] = clone(t, one)
	return m
}

func sampleEvidence(t *testing.T) *evidence.Evidence {
	t.Helper()
	b, err := json.Marshal(sampleFiles(t)["evidence"])
	if err != nil {
		t.Fatal(err)
	}
	ev, err := evidence.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if found := ev.Validate(); len(found) > 0 {
		t.Fatal(found)
	}
	return ev
}

func clone(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	w, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Every field that a schema has stands in its sample, so that none is left
// unbroken below.
func TestSamplesHaveEveryField(t *testing.T) {
	files := sampleFiles(t)
	for kind := range kinds {
		var s object
		b, err := os.ReadFile(filepath.Join(schemaDir, kind+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
		has := map[string]bool{}
		var keys func(v any)
		keys = func(v any) {
			switch v := v.(type) {
			case object:
				for k, x := range v {
					has[k] = true
					keys(x)
				}
			case []any:
				for _, x := range v {
					keys(x)
				}
			}
		}
		keys(files[kind])
		var fields func(v any)
		fields = func(v any) {
			switch v := v.(type) {
			case object:
				props, _ := v["properties"].(object)
				for name := range props {
					if !has[name] {
						t.Errorf("the sample of %s has no %s", kind, name)
					}
				}
				for _, x := range v {
					fields(x)
				}
			case []any:
				for _, x := range v {
					fields(x)
				}
			}
		}
		fields(s["$defs"])
	}
}

// takes says what the program makes of a file of a kind, among files in which
// nothing is wrong.
func takes(others evidence.Evidence, kind string, file []byte) (found []evidence.Finding, parsed error) {
	into := reflect.New(kinds[kind])
	if err := evidence.ParseFile(kind, file, into.Interface()); err != nil {
		return nil, err
	}
	whole := &others
	switch v := into.Interface().(type) {
	case *evidence.Evidence:
		e, err := evidence.Parse(file)
		if err != nil { // a report's text, which the schema of the one file does not look into
			return []evidence.Finding{{Problem: err.Error()}}, nil
		}
		whole = e
	case *evidence.Report:
		s, err := evidence.NewSigned("r.yaml", file, "")
		if err != nil {
			return nil, err
		}
		whole.Reports = []evidence.Signed{*s}
	case *evidence.Import:
		whole.Imports = []evidence.Import{*v}
	default: // its fields are evidence's own
		from, to := into.Elem(), reflect.ValueOf(whole).Elem()
		for i := range from.NumField() {
			if f := to.FieldByName(from.Type().Field(i).Name); f.IsValid() {
				f.Set(from.Field(i))
			} else { // the rows of a table
				whole.IXIT = map[string][]evidence.Row{"auth-mech": from.Field(i).Interface().([]evidence.Row)}
			}
		}
	}
	return whole.Validate(), nil
}

// Whatever is broken in a file, the schema refuses what the parser refuses,
// and refuses nothing about which the program has nothing to say.
func TestSchemasAgreeWithTheParser(t *testing.T) {
	others := sampleEvidence(t)
	for kind, file := range sampleFiles(t) {
		n, refused, s := 0, 0, compiled(t, kind)
		both := func(at string, v any) {
			raw, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			found, parsed := takes(*others, kind, raw)
			n++
			err = s.Validate(clone(t, v))
			if err != nil {
				refused++
			}
			switch {
			case parsed != nil && err == nil:
				t.Errorf("%s %s: the parser refuses (%v), the schema does not", kind, at, parsed)
			case parsed == nil && len(found) == 0 && err != nil:
				t.Errorf("%s %s: the program takes it, the schema does not: %v", kind, at, leaf(err))
			}
		}
		both("as it is", file)
		if refused > 0 {
			t.Errorf("%s: the sample itself is refused", kind)
		}
		broken(file, both)
		if refused < 50 {
			t.Errorf("%s: of %d broken files the schema refuses %d", kind, n, refused)
		}
	}
}

// Cases with both answers, among them all that the two differ in: the schema
// asks for the form that the program writes, and JSON cannot show how often a
// field was written, nor anchors.
func TestSchemaCases(t *testing.T) {
	const yes, no = true, false
	others := sampleEvidence(t)
	for _, c := range []struct {
		name, kind, old, new string
		program, schema      bool // takes it
	}{
		{"number for text", "product", "brand: SPECIMEN", "brand: 7", yes, yes},
		{"unknown field", "product", "brand:", "brandd:", no, no},
		{"list for text", "product", "brand: SPECIMEN", "brand: [SPECIMEN]", no, no},
		{"no value", "product", "brand: SPECIMEN", "brand:", no, no},
		{"empty text", "product", "brand: SPECIMEN", `brand: ""`, no, no},
		{"day left empty", "product", "end: 2032-12-31", `end: ""`, yes, yes},
		{"hash left empty", "import", "firmware: HASH", `firmware: ""`, yes, yes},
		{"short hash", "product", "sha256: HASH}]", "sha256: 5b5b}]", no, no},
		{"no such day", "product", "2032-12-31", "2031-02-29", no, no},
		{"answer by itself", "ics", `passwords: "yes"`, "passwords: unknown", yes, yes},
		{"answer of a machine", "ics", `passwords: "yes"`, "passwords: true", no, no},
		{"ground misspelled", "ics", "ground:", "grund:", no, no},
		{"the standard's letter", "ics", "support: N/A", "support: n/a", yes, yes},
		{"unknown support", "ics", "support: N/A", "support: maybe", no, no},
		{"requirement without edition", "claims", "en-303-645@3.1.3/5.1-1", "en-303-645/5.1-1", no, no},
		{"requirement in parts", "claims", "[en-303-645@3.1.3/5.1-1]", "[{standard: en-303-645, edition: 3.1.3, requirement: 5.1-1}]", no, no},
		{"no day where one is needed", "claims", "date: 2026-10-01", `date: ""`, no, no},
		{"unknown verdict", "claims", "verdict: pass", "verdict: passed", no, no},
		{"row in a row", "ixit", "subject: user", "subject: {is: user}", no, no},
		{"field with a blank", "ixit", "subject: user", "the subject: user", no, no},
		{"two ids", "ixit", "id: auth-1", "id: [auth-1, auth-2]", no, no},
		{"unknown body", "report", "kind: laboratory", "kind: friend", no, no},
		{"digest of no row", "report", "auth-1: HASH", "auth-1: 7", no, no},
		{"unknown severity", "import", "severity: low", "severity: bad", no, no},
		{"negative size", "import", "size: 7", "size: -7", no, no},

		{"number in quotes", "import", "size: 7", `size: "7"`, yes, no},
		{"field twice", "product", "  brand: SPECIMEN", "  brand: SPECIMEN\n  brand: SPECIMEN", no, yes},
		{"anchor", "product", "brand: SPECIMEN", "brand: &a SPECIMEN", no, yes},
		{"longer than a line", "product", "brand: SPECIMEN", "brand: " + strings.Repeat("x", 201), no, yes},
		{"false check digit", "product", "2000000006208", "2000000006209", no, yes},
		{"model of another product", "report", "models: [G1]", "models: [G2]", no, yes},
	} {
		file := map[string]string{"product": sampleProduct, "ics": sampleICS, "claims": sampleClaims, "ixit": sampleTable, "report": sampleReport, "import": sampleImport}[c.kind]
		if !strings.Contains(file, c.old) {
			t.Fatalf("%s: the sample has no %q", c.name, c.old)
		}
		b := []byte(strings.ReplaceAll(strings.Replace(file, c.old, c.new, 1), "HASH", strings.Repeat("5b", 32)))
		found, parsed := takes(*others, c.kind, b)
		if got := parsed == nil && len(found) == 0; got != c.program {
			t.Errorf("%s: the program takes it: %v (%v, %v)", c.name, got, parsed, found)
		}
		if err := compiled(t, c.kind).Validate(value(t, b)); (err == nil) != c.schema {
			t.Errorf("%s: the schema takes it: %v (%v)", c.name, err == nil, err)
		}
	}
}

// broken gives a file again and again with one thing in it wrong.
func broken(root any, give func(at string, v any)) {
	var walk func(v any, at string, put func(any))
	walk = func(v any, at string, put func(any)) {
		for _, w := range []any{nil, json.Number("7"), true, "mutated", "", []any{}, []any{"mutated"}, []any{[]any{}}, object{}, object{"mutated": "mutated"}} {
			put(w)
			give(fmt.Sprintf("%s = %v", at, w), root)
		}
		put(v)
		switch v := v.(type) {
		case object:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				x := v[k]
				walk(x, at+"/"+k, func(w any) { v[k] = w })
				delete(v, k)
				give(at+"/"+k+" left out", root)
				v["mutated"] = x
				give(at+"/"+k+" renamed", root)
				delete(v, "mutated")
				v[k] = x
			}
		case []any:
			for i := range v {
				walk(v[i], at+"/"+strconv.Itoa(i), func(w any) { v[i] = w })
			}
		}
	}
	walk(root, "", func(w any) { root = w })
}

func leaf(err error) string {
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return err.Error()
	}
	for len(ve.Causes) > 0 {
		ve = ve.Causes[0]
	}
	return ve.Error()
}
