package bundle_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/exchange"
	"assay/exchange/intake"
	"assay/keys"
	"assay/labsign"
	"assay/scheme"
)

var update = flag.Bool("update", false, "write the specimen laboratory's reports anew, and sign what changed")

// The specimen: a gateway's bundle, and beside it what belongs to its
// laboratory, the key and the worksheet that the report is made from included.
const (
	gateway    = "../testdata/gateway"
	gatewayLab = "../testdata/gateway-lab"
	passphrase = "specimen"
)

// worksheet is what the specimen's laboratory noted. Its report has a verdict
// for every unit and row that the specification asks for.
type worksheet struct {
	Report     evidence.Report              `yaml:"report"`
	Artifacts  map[string]evidence.Artifact `yaml:"artifacts"`
	Conceptual record                       `yaml:"conceptual"`
	Functional map[string]record            `yaml:"functional"` // by case
	Found      map[string]perRow            `yaml:"found"`      // by unit
	NotPassed  map[string]map[string]other  `yaml:"not_passed"` // by unit and row
}

// record is what the verdicts of a case rest on.
type record struct {
	Date      civil.Date `yaml:"date"`
	Sample    string     `yaml:"sample"`
	Artifacts []string   `yaml:"artifacts"`
}

// perRow is a text for every row, or texts by row with "" for the others.
type perRow map[string]string

func (p *perRow) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*p = perRow{"": n.Value}
		return nil
	}
	m := map[string]string{}
	err := n.Decode(&m)
	*p = m
	return err
}

type other struct {
	Verdict evidence.Verdict `yaml:"verdict"`
	Ground  string           `yaml:"ground"`
}

func readWorksheet(t *testing.T, names ...string) *worksheet {
	t.Helper()
	w := &worksheet{}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(gatewayLab, name))
		if err != nil {
			t.Fatal(err)
		}
		d := yaml.NewDecoder(bytes.NewReader(b))
		d.KnownFields(true)
		if err := d.Decode(w); err != nil { // a later file adds to the maps of an earlier one
			t.Fatalf("%s: %v", name, err)
		}
	}
	return w
}

// meets and rows are written here once more, so that the specimen does not rest
// on the code that judges it.
func meets(r evidence.Row, where []scheme.Where) bool {
	for _, w := range where {
		c := slices.DeleteFunc(slices.Clone(r[w.Field]), func(v string) bool { return strings.TrimSpace(v) == "" })
		if !slices.ContainsFunc(w.Is, func(v string) bool {
			return v == "*" && len(c) > 0 || v == "" && len(c) == 0 || slices.Contains(c, v)
		}) {
			return false
		}
	}
	return true
}

func rows(ev *evidence.Evidence, o *scheme.Over) (ids []string) {
	if o == nil {
		return []string{""}
	}
	var named []string
	if o.Via != nil {
		for _, r := range ev.IXIT[o.Via.Table] {
			if meets(r, o.Via.Where) {
				named = append(named, r[o.Via.Field]...)
			}
		}
	}
	for _, r := range ev.IXIT[o.Table] {
		if meets(r, o.Where) && (o.Via == nil || slices.Contains(named, r.ID())) {
			ids = append(ids, r.ID())
		}
	}
	return ids
}

// write makes the report's file. It fails where the worksheet has something
// that no unit or row took, so that neither outlives the other.
func (w *worksheet) write(ev *evidence.Evidence, spec *scheme.TestSpec) ([]byte, error) {
	var out, verdicts bytes.Buffer
	fmt.Fprintf(&out, "# SPECIMEN: a report that an invented laboratory signed. Made from testdata/gateway-lab/worksheet.yaml.\n")
	head, err := yaml.Marshal(&w.Report)
	if err != nil {
		return nil, err
	}
	out.Write(head)
	line := json.NewEncoder(&verdicts)
	line.SetEscapeHTML(false)
	left := map[string]bool{}
	for unit, texts := range w.Found {
		for row := range texts {
			left["found "+unit+" "+row] = true
		}
	}
	for unit, vs := range w.NotPassed {
		for row := range vs {
			left["not_passed "+unit+" "+row] = true
		}
	}
	for id := range w.Functional {
		left["functional "+id] = true
	}
	for _, g := range spec.Groups {
		for _, c := range g.Cases {
			at, name := w.Conceptual, fmt.Sprintf("%s-%d", g.Requirement, c.Number)
			if c.Kind == scheme.Functional {
				delete(left, "functional "+name)
				if at = w.Functional[name]; at.Sample == "" {
					return nil, fmt.Errorf("functional case %s has no record with a sample", name)
				}
			}
			var as []evidence.Artifact
			for _, key := range at.Artifacts {
				a, ok := w.Artifacts[key]
				if !ok {
					return nil, fmt.Errorf("case %s: there is no artifact %q", name, key)
				}
				as = append(as, a)
			}
			for _, u := range c.Units {
				unit := scheme.UnitRef(g.Requirement, c.Number, u.ID)
				for _, row := range rows(ev, u.Over) {
					v := evidence.UnitVerdict{Unit: unit, Row: row, Sample: at.Sample, Verdict: evidence.Pass, Date: at.Date, Artifacts: as}
					key := row
					if _, own := w.Found[unit][row]; !own {
						key = ""
					}
					v.Ground = w.Found[unit][key]
					delete(left, "found "+unit+" "+key)
					if o, ok := w.NotPassed[unit][row]; ok {
						v.Verdict, v.Ground = o.Verdict, o.Ground
						delete(left, "not_passed "+unit+" "+row)
					}
					verdicts.WriteString("  - ")
					if err := line.Encode(v); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("nothing in the specification takes %q", slices.Sorted(maps.Keys(left)))
	}
	out.WriteString("rows:\n")
	for _, table := range slices.Sorted(maps.Keys(ev.IXIT)) {
		for _, r := range ev.IXIT[table] {
			fmt.Fprintf(&out, "  %s/%s: %s\n", table, r.ID(), r.Digest())
		}
	}
	out.WriteString("verdicts:\n")
	out.Write(verdicts.Bytes())
	return out.Bytes(), nil
}

// sign writes a report and its signature, the latter where the one that is
// there is not over this text.
func sign(t *testing.T, cat *scheme.Catalog, path string, text []byte) {
	t.Helper()
	r, err := evidence.ParseReport(filepath.Base(path), text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	old, _ := os.ReadFile(path + ".sig")
	if _, err := labsign.Check(cat)(r.By.ID, r.Date, text, string(old)); err == nil {
		return
	}
	k, err := keys.OpenLaboratory(filepath.Join(gatewayLab, "specimen-lab.key"), func() (string, error) { return passphrase, nil })
	if err != nil {
		t.Fatal(err)
	}
	sig, err := labsign.Sign(k, text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".sig", []byte(sig+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// specimen is the embedded catalog with the specimen's laboratory in it.
func specimen(t *testing.T) *scheme.Catalog {
	t.Helper()
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(gatewayLab, "specimen-lab.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var lab scheme.Lab
	if err := yaml.Unmarshal(b, &lab); err != nil {
		t.Fatal(err)
	}
	cat.Laboratories = append(cat.Laboratories, lab)
	return cat
}

func openGateway(t *testing.T) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(gateway)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The reports that are kept are what the worksheets say, signed by the
// specimen's laboratory.
func TestGatewayReport(t *testing.T) {
	cat := specimen(t)
	spec := cat.TestSpec("ts-103-701@1.1.1")
	b := openGateway(t)
	for _, x := range []struct {
		path   string
		sheets []string
	}{
		{filepath.Join(gateway, "verdicts/lab.yaml"), []string{"worksheet.yaml"}},
		{filepath.Join(gatewayLab, "lab-findings.yaml"), []string{"worksheet.yaml", "findings.yaml"}},
	} {
		want, err := readWorksheet(t, x.sheets...).write(b.Evidence, spec)
		if err != nil {
			t.Fatalf("%v: %v", x.sheets, err)
		}
		if *update {
			sign(t, cat, x.path, want)
		}
		got, err := os.ReadFile(x.path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what %v and the bundle make of it; run go test ./bundle -run %s -update", x.path, x.sheets, t.Name())
		}
		sig, err := os.ReadFile(x.path + ".sig")
		if err != nil {
			t.Fatal(err)
		}
		r, err := evidence.NewSigned(filepath.Base(x.path), got, strings.TrimSpace(string(sig)))
		if err != nil {
			t.Fatal(err)
		}
		check(t, cat, *r, got)
	}
	l3 := filepath.Join(gateway, "verdicts/cls-l3.yaml")
	text, err := os.ReadFile(l3)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		sign(t, cat, l3, text)
	}
}

// check verifies a report, and that its signature is for no other text or day.
func check(t *testing.T, cat *scheme.Catalog, s evidence.Signed, text []byte) {
	t.Helper()
	verify := labsign.Check(cat)
	r := s.Report()
	if _, err := verify(r.By.ID, r.Date, text, s.Signature); err != nil {
		t.Errorf("%s: %v", s.Name, err)
	}
	altered := bytes.Replace(text, []byte(`"verdict":"pass"`), []byte(`"verdict":"fail"`), 1)
	if _, err := verify(r.By.ID, r.Date, append(altered, '\n'), s.Signature); err == nil {
		t.Errorf("%s: the signature is taken for another text", s.Name)
	}
}

// What tools say is in the bundle as the importers of today read the tools'
// own files.
func TestGatewayImports(t *testing.T) {
	b := openGateway(t)
	named := map[string]evidence.Artifact{}
	bundle.Each(b.Evidence, func(place string, a *evidence.Artifact) {
		if !strings.HasPrefix(place, "/imports/") {
			named[a.Name] = *a
		}
	})
	for _, name := range []string{"nmap-lan.xml", "nmap-wan.xml", "tls-lan.json", "sbom-3.4.1.cdx.json"} {
		a, ok := named[name]
		i := slices.IndexFunc(b.Artifacts, func(f bundle.Artifact) bool { return f.SHA256 == a.SHA256 })
		if !ok || i < 0 {
			t.Errorf("there is no artifact %s", name)
			continue
		}
		f, err := os.Open(filepath.Join(gateway, b.Artifacts[i].Path))
		if err != nil {
			t.Fatal(err)
		}
		res, err := exchange.Read(name, f, intake.Options{Holder: b.Evidence.Product.Holder})
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(gateway, "imports", strings.TrimSuffix(name, filepath.Ext(name))+".yaml")
		want, err := yaml.Marshal(&res.Import)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what %s says", path, name)
		}
	}
}

// The bundle is one that a maker could hand in today: nothing to correct,
// every artifact there and named, every table filled in, words that the
// catalog knows, and no contradiction between what is declared and observed.
func TestGatewayIsWhole(t *testing.T) {
	cat := specimen(t)
	b := openGateway(t)
	ev := b.Evidence
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	more := append(c.Check(ev), bundle.Future(ev, civil.MustDate("2026-11-01"))...)
	for _, f := range b.Findings(append(more, evidence.Reconcile(ev)...)...) {
		t.Error(f)
	}
	total := 0
	for _, name := range []string{"ts-103-701@1.1.1", "ts-103-701@2.1.1"} {
		spec := cat.TestSpec(name)
		for i := range spec.Tables {
			table := &spec.Tables[i]
			rs := ev.IXIT[table.ID]
			if total += len(rs); len(rs) == 0 {
				t.Errorf("%s: table %s has no row", name, table.ID)
			}
			for _, r := range rs {
				for _, f := range table.Fields {
					checkField(t, ev, table, r, f)
				}
			}
		}
		for i := range spec.Checks {
			contradiction(t, ev, spec, &spec.Checks[i])
		}
	}
	if total /= 2; total < 120 || total > 200 {
		t.Errorf("%d rows", total)
	}
	for _, want := range []struct {
		standard, edition string
		missing           []string
	}{
		{"en-303-645", "2.1.1", nil}, {"en-303-645", "3.1.3", nil}, {"ts-103-848", "cls-subset", nil}, {"imda-iot-cyber-security-guide", "2020", nil},
	} {
		i := slices.IndexFunc(ev.ICS, func(s evidence.ICS) bool { return s.Standard == want.standard && s.Edition == want.edition })
		if i < 0 {
			t.Errorf("no statement for %s@%s", want.standard, want.edition)
			continue
		}
		reqs := cat.Standard(want.standard).Edition(want.edition).Requirements
		for _, r := range reqs {
			if ev.ICS[i].Entries[r.ID].Support == evidence.SupportedTBD {
				t.Errorf("%s@%s/%s is not answered", want.standard, want.edition, r.ID)
			}
		}
		if len(reqs) != len(ev.ICS[i].Entries) {
			t.Errorf("%s@%s has %d requirements and %d answers", want.standard, want.edition, len(reqs), len(ev.ICS[i].Entries))
		}
	}
	for _, s := range cat.Standards {
		for _, f := range s.Features {
			if a := ev.Features[f.ID].Answer; a == scheme.Undetermined && f.ID != "hsa-listed" { // no medical device
				t.Errorf("feature %s of %s is not answered", f.ID, s.ID)
			}
		}
	}
}

func checkField(t *testing.T, ev *evidence.Evidence, table *scheme.Table, r evidence.Row, f scheme.Field) {
	t.Helper()
	at := fmt.Sprintf("%s/%s: %s", table.ID, r.ID(), f.ID)
	c := r[f.ID]
	if c.Empty() {
		if !f.Optional {
			t.Errorf("%s is empty", at)
		}
		return
	}
	switch f.Kind {
	case scheme.FieldYesNo:
		if s := c.String(); s != "yes" && s != "no" {
			t.Errorf("%s is %q", at, s)
		}
	case scheme.FieldChoice:
		if !slices.ContainsFunc(f.Choices, func(x scheme.Choice) bool { return x.ID == c.String() }) {
			t.Errorf("%s is %q", at, c)
		}
	case scheme.FieldRows:
		for _, id := range c {
			if ev.FindRow(f.Table, id) == nil {
				t.Errorf("%s names %q, which is no row of %s", at, id, f.Table)
			}
		}
	case scheme.FieldDate:
		if _, err := civil.ParseDate(c.String()); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// contradiction fails if the statement is in one that the specification names.
func contradiction(t *testing.T, ev *evidence.Evidence, spec *scheme.TestSpec, c *scheme.Check) {
	t.Helper()
	i := slices.IndexFunc(ev.ICS, func(s evidence.ICS) bool {
		return s.Standard == spec.Assesses.Standard && s.Edition == spec.Assesses.Edition
	})
	for _, id := range rows(ev, &scheme.Over{Table: c.Table, Where: c.Where, Via: c.Via}) {
		if len(c.Needs) > 0 && !meets(ev.FindRow(c.Table, id), c.Needs) {
			t.Errorf("%s, %s/%s: %s", spec.Name(), c.Table, id, c.Text["en"])
		}
		for _, q := range c.Supported {
			if ev.ICS[i].Entries[q].Support == evidence.SupportedYes {
				t.Errorf("%s, %s/%s: %s", spec.Name(), c.Table, id, c.Text["en"])
			}
		}
	}
}

// The laboratory's report is complete, bound to the rows as they are, and
// passes all but what the maker answers no; its second form has findings, and
// these only.
func TestGatewayVerdicts(t *testing.T) {
	cat := specimen(t)
	spec := cat.TestSpec("ts-103-701@1.1.1")
	b := openGateway(t)
	ev := b.Evidence
	for i, err := range ev.Verify(labsign.Check(cat)) {
		if err != nil || ev.Reports[i].Signer() == nil {
			t.Errorf("%s: %v", ev.Reports[i].Name, err)
		}
	}
	if n := len(ev.Reports); n != 2 {
		t.Fatalf("%d reports", n)
	}
	lab := ev.Reports[slices.IndexFunc(ev.Reports, func(s evidence.Signed) bool { return s.Name == "lab.yaml" })].Report()
	var not []string
	n, groups := 0, map[string]bool{}
	for _, v := range lab.Verdicts {
		g, c, u := spec.Unit(v.Unit)
		if u == nil {
			t.Fatalf("there is no unit %s", v.Unit)
		}
		groups[g.Requirement] = true
		if c.Kind == scheme.Functional && lab.Sample(v.Sample) == nil {
			t.Errorf("%s has no sample", v.Unit)
		}
		if v.Verdict != evidence.Pass {
			not = append(not, v.Unit+" "+v.Row+" "+string(v.Verdict))
		}
		n++
	}
	if len(groups) != 68 || n < 900 {
		t.Errorf("%d verdicts in %d groups", n, len(groups))
	}
	if want := []string{"5.5-3-1/a sw-boot-rom fail"}; !slices.Equal(not, want) {
		t.Errorf("not passed: %q, want %q", not, want)
	}
	for key, digest := range lab.Rows {
		table, id, _ := strings.Cut(key, "/")
		if r := ev.FindRow(table, id); r == nil || r.Digest() != digest {
			t.Errorf("row %s is not the one that was tested", key)
		}
	}
	text, err := os.ReadFile(filepath.Join(gatewayLab, "lab-findings.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := evidence.ParseReport("lab-findings.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[evidence.Verdict]int{}
	for _, v := range second.Verdicts {
		counts[v.Verdict]++
	}
	if counts[evidence.Fail] != 5 || counts[evidence.Inconclusive] != 3 || len(second.Verdicts) != n || second.Number == lab.Number {
		t.Errorf("the second report %s has %v", second.Number, counts)
	}
}

// What the levels make of the bundle is for package assess to prove; here it
// is held that every group rolls up as the two reports mean it to.
func TestGatewayRollsUp(t *testing.T) {
	cat := specimen(t)
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	ev := openGateway(t).Evidence
	day := civil.MustDate("2026-11-01")
	if k := c.Contradictions(ev); len(k) > 0 {
		t.Errorf("contradictions: %+v", k)
	}
	second := func(name string) evidence.Signed {
		text, err := os.ReadFile(filepath.Join(gatewayLab, name))
		if err != nil {
			t.Fatal(err)
		}
		sig, err := os.ReadFile(filepath.Join(gatewayLab, name+".sig"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := evidence.NewSigned(name, text, strings.TrimSpace(string(sig)))
		if err != nil {
			t.Fatal(err)
		}
		return *s
	}
	for _, x := range []struct {
		name    string
		replace string // the report in place of lab.yaml
		not     map[string]string
	}{
		{"as handed in", "", map[string]string{"5.5-3": "fail"}},
		{"with findings", "lab-findings.yaml", map[string]string{
			"5.5-3": "fail", "5.1-5": "fail", "5.6-1": "fail", "5.6-2": "fail", "6-3": "fail",
			"5.4-1": "inconclusive", "5.11-2": "inconclusive", "5.13-1": "inconclusive",
		}},
	} {
		e := *ev
		e.Reports = slices.Clone(ev.Reports)
		if x.replace != "" {
			e.Reports[slices.IndexFunc(e.Reports, func(s evidence.Signed) bool { return s.Name == "lab.yaml" })] = second(x.replace)
		}
		for i, err := range e.Verify(labsign.Check(cat)) {
			if err != nil {
				t.Errorf("%s: %s: %v", x.name, e.Reports[i].Name, err)
			}
		}
		for _, g := range cat.TestSpec("ts-103-701@1.1.1").Groups {
			ref := scheme.RequirementRef{Standard: "en-303-645", Edition: "2.1.1", Requirement: g.Requirement}
			got, err := assess.Explain(c, &e, ref, "sg-cls-iot", day)
			if err != nil {
				t.Fatal(err)
			}
			want := x.not[g.Requirement]
			if want == "" {
				want = "pass"
			}
			if got.Group == nil || got.Group.Sum != want || got.Applies != scheme.Yes {
				t.Errorf("%s: %s is %+v, want %s", x.name, g.Requirement, got.Group, want)
			}
		}
	}
}
