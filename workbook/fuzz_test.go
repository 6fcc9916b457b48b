package workbook

import (
	"archive/zip"
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"assay/evidence"
)

// FuzzRead reads bytes as a file.
func FuzzRead(f *testing.F) {
	cat := testCatalog(f)
	good := write(f, cat, small(), Questions{}, "en")
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("PK\x03\x04"))
	f.Add(raw(f, zip.Store, "[Content_Types].xml", "<Types/>", "_rels/.rels", `<Relationships><Relationship Id="1" Type="x/officeDocument" Target="a.xml"/></Relationships>`, "a.xml", "<workbook/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, found, err := Read(b, cat)
		checkRead(t, c, found, err)
	})
}

func checkRead(t *testing.T, c *Content, found []Finding, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrNoWorkbook) && !errors.Is(err, ErrTooLarge) {
		t.Fatalf("an error of no kind: %v", err)
	}
	if (c != nil) != (err == nil && !Refused(found)) {
		t.Fatalf("content %v, findings %v, error %v", c != nil, found, err)
	}
	for _, x := range found {
		if x.Problem == "" || x.Remedy == "" {
			t.Fatalf("a finding that says nothing: %v", x)
		}
	}
}

// FuzzSheet puts XML into a sheet of a good workbook: past the zip, which
// bytes at random seldom are.
func FuzzSheet(f *testing.F) {
	cat := testCatalog(f)
	good := write(f, cat, small(), Questions{}, "en")
	z, err := zip.NewReader(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"xl/worksheets/sheet2.xml", "xl/worksheets/sheet9.xml"} {
		parts(f, good, func(p map[string][]byte) { f.Add(string(p[name]), "x") })
	}
	f.Add(`<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>assay:ixit:auth-mech</t></is></c><c r="B1" t="str"><v>id</v></c></row><row r="3"><c r="A3" t="str"><v>#head</v></c></row><row r="4"><c r="B4"><f>1</f><v>1e999</v></c></row></sheetData><mergeCells><mergeCell ref="A4:B9"/></mergeCells></worksheet>`, "_x0041_")
	f.Add(`<worksheet><sheetData><row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" t="e"><v>#REF!</v></c><c r="D2" t="d"><v>2026-01-01T00:00</v></c><c r="E2" t="b"><v>1</v></c></row></sheetData></worksheet>`, "¶ a\n\\¶ b")
	f.Fuzz(func(t *testing.T, sheet, text string) {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, e := range z.File {
			var err error
			switch e.Name {
			case "xl/worksheets/sheet9.xml":
				var p interface{ Write([]byte) (int, error) }
				if p, err = w.Create(e.Name); err == nil {
					_, err = p.Write([]byte(sheet))
				}
			default:
				err = w.Copy(e)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		c, found, err := Read(b.Bytes(), cat)
		checkRead(t, c, found, err)
		if c != nil {
			if out, _, found := Merge(small(), c, PreferBook); out == nil || Refused(found) {
				t.Fatalf("a preference did not decide: %v", found)
			}
		}
		// Escapes and lists are taken back.
		if got := unescape(escape(text)); got != strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text) {
			t.Fatalf("%q became %q", text, got)
		}
		if vs := []string{text, sheet, text + "\n" + text}; text != "" && !equalLists(dec(enc(vs)), vs) {
			t.Fatalf("%q became %q", vs, dec(enc(vs)))
		}
	})
}

func equalLists(a, b []string) bool { return strings.Join(a, "\x00") == strings.Join(b, "\x00") }

func BenchmarkWrite(b *testing.B) {
	cat := testCatalog(b)
	q, ev := testQuestions(b, cat), fullEvidence(cat, cat.Tests[0].Name())
	n := 0
	for b.Loop() {
		n = len(write(b, cat, ev, q, "ko"))
	}
	b.ReportMetric(float64(n), "bytes")
}

func BenchmarkRead(b *testing.B) {
	cat := testCatalog(b)
	file := write(b, cat, fullEvidence(cat, cat.Tests[0].Name()), testQuestions(b, cat), "ko")
	for b.Loop() {
		if c, found, err := Read(file, cat); c == nil {
			b.Fatal(found, err)
		}
	}
}

// BenchmarkReadRows is how reading grows with the rows of a table.
func BenchmarkReadRows(b *testing.B) {
	cat := testCatalog(b)
	for _, n := range []int{50, 500, MaxRows} {
		ev := small()
		ev.IXIT["vuln-mon"] = nil
		for i := range n {
			ev.IXIT["vuln-mon"] = append(ev.IXIT["vuln-mon"], evidence.Row{"id": {documentID(i)}, "description": {"feeds"}})
		}
		file := write(b, cat, ev, Questions{}, "en")
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				if c, found, err := Read(file, cat); c == nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}
