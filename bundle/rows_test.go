package bundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/evidence"
	"assay/scheme"
)

func TestRowsOf(t *testing.T) {
	spec := &scheme.TestSpec{ID: "ts-103-701", Edition: "1.1.1", Groups: []scheme.TestGroup{
		{Requirement: "5.2-3", Cases: []scheme.TestCase{{Number: 1, Units: []scheme.TestUnit{
			{ID: "a", Over: &scheme.Over{Table: "vuln-mon"}}, {ID: "b"}, {ID: "d", Reads: []string{"vuln-mon"}}, {ID: "c", Over: &scheme.Over{Table: "other"}},
		}}}},
	}}
	b := open(t, lay(t, sample()))
	r := b.Evidence.Reports[0].Report()
	r.Verdicts = append(r.Verdicts, evidence.UnitVerdict{Unit: "5.2-3-1/b"})
	rows, err := RowsOf(r, b.Evidence, spec)
	if err != nil || len(rows) != 1 || rows["vuln-mon/VulnMon-1"] != b.Evidence.IXIT["vuln-mon"][0].Digest() {
		t.Errorf("%v, %v", rows, err)
	}
	r.Verdicts[1].Unit = "5.2-3-1/d"
	rows, err = RowsOf(r, b.Evidence, spec)
	if err != nil || len(rows) != 2 || rows["vuln-mon/VulnMon-2"] != b.Evidence.IXIT["vuln-mon"][1].Digest() {
		t.Errorf("a table read as a whole: %v, %v", rows, err)
	}
	r.Verdicts = append(r.Verdicts, evidence.UnitVerdict{Unit: "5.2-3-1/a", Row: "VulnMon-9"}, evidence.UnitVerdict{Unit: "5.2-3-1/c"}, evidence.UnitVerdict{Unit: "9.9-9-9/z"})
	_, err = RowsOf(r, b.Evidence, spec)
	for _, want := range []string{`verdict 3 on unit 5.2-3-1/a: table vuln-mon has no row "VulnMon-9"`, "verdict 4 on unit 5.2-3-1/c", `no unit "9.9-9-9/z"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestFillRows(t *testing.T) {
	base := sample()["verdicts/lab.yaml"]
	rows := map[string]evidence.Hash{"vuln-mon/VulnMon-1": {1}, "conf/": {2}}
	block := "rows:\n  \"conf/\": " + rows["conf/"].String() + "\n  \"vuln-mon/VulnMon-1\": " + rows["vuln-mon/VulnMon-1"].String() + "\n"
	cut := strings.Index(base, "verdicts:")
	for name, c := range map[string]struct{ in, want string }{
		"none yet":        {base, base + block},
		"at the end":      {base + "rows: {a/b: " + evidence.Hash{9}.String() + "}\n", base + block},
		"no line's end":   {strings.TrimSuffix(base, "\n"), base + block},
		"in the middle":   {base[:cut] + "# before\nrows:\n  a/b: " + evidence.Hash{9}.String() + "\n# after\n" + base[cut:], base[:cut] + "# before\n# after\n" + base[cut:] + block},
		"already":         {base + block, base + block},
		"empty":           {base + "rows: {}\n", base + block},
		"comment at last": {base + "# end\n", base + "# end\n" + block},
	} {
		got, err := FillRows([]byte(c.in), rows)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	if got, err := FillRows([]byte(base+block), nil); err != nil || string(got) != base {
		t.Errorf("taken away: %v\n%s", err, got)
	}
	for name, in := range map[string]string{
		"in braces":                   "{number: R-1, by: {kind: laboratory, id: x}}",
		"JSON":                        `{"number": "R-1"}`,
		"not a report":                "a: b",
		"text that looks like fields": strings.Replace(base, "number: R-1", "rows: {}\nnumber: |\n  R-1\n  rows:", 1) + "rows: 1",
	} {
		if got, err := FillRows([]byte(in), rows); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func FuzzFillRows(f *testing.F) {
	f.Add(sample()["verdicts/lab.yaml"])
	f.Add("number: R-1\nrows: {a/b: \"\"}\n")
	f.Add("number: |\n  x\nrows:\n  a: \"\"\n")
	rows := map[string]evidence.Hash{"a/b": {1}}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := FillRows([]byte(text), rows)
		if err != nil {
			return
		}
		r, err := evidence.ParseReport("", out)
		if err != nil || len(r.Rows) != 1 || r.Rows["a/b"] != rows["a/b"] {
			t.Errorf("%v: %q", err, out)
		}
	})
}

func TestReplace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"one", "two"} {
		if err := Replace(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(name); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	if es, err := os.ReadDir(filepath.Dir(name)); err != nil || len(es) != 1 {
		t.Errorf("left behind: %v, %v", es, err)
	}
}
