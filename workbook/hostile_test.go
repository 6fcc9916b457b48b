package workbook

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"assay/evidence"
	"assay/scheme"
)

// small is evidence with one or two of each thing.
func small() *evidence.Evidence {
	return &evidence.Evidence{
		Product:  evidence.Product{Holder: "maker", Brand: "Brand", Name: "Camera", Functions: []string{"consumer/camera"}, Models: []evidence.Model{{ID: "C-1", Variants: []evidence.Variant{{ID: "C-1-W"}}}}},
		Firmware: []evidence.Firmware{{Version: "1.10", SHA256: sha(1)}},
		Features: map[string]evidence.Feature{"passwords": {Answer: scheme.Yes}, "user-authentication": {Answer: scheme.No, Ground: "none"}},
		ICS: []evidence.ICS{{Standard: "en-303-645", Edition: "2.1.1", Date: 20_000, Entries: map[string]evidence.ICSEntry{
			"5.1-1": {Support: "yes", Detail: "unique"}, "5.2-1": {Support: "yes", Artifacts: []evidence.Artifact{{Name: "policy.pdf", SHA256: sha(2), Size: 9, Shows: []string{"policy"}}}},
		}}},
		IXIT: map[string][]evidence.Row{
			"auth-mech": {{"id": {"a1"}, "description": {"web login"}, "subject": {"user"}, "over-network": {"yes"}}, {"id": {"a2"}, "description": {"app"}}},
			"user-info": {{"support-end": {"2030-01-31"}, "model-designation": {"on the plate"}}},
			"vuln-mon":  {{"id": {"v1"}, "description": {"feeds"}}},
		},
	}
}

// edit changes a workbook as a spreadsheet program would.
func edit(t testing.TB, b []byte, change func(f *excelize.File)) []byte {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, s := range f.GetSheetList() {
		if err := f.UnprotectSheet(s); err != nil {
			t.Fatal(err)
		}
	}
	change(f)
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// parts changes a workbook as nobody should. A part that is nil is removed.
func parts(t testing.TB, b []byte, change func(p map[string][]byte)) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	p := map[string][]byte{}
	for _, e := range z.File {
		r, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		if p[e.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	change(p)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range sortedKeys(p) {
		if p[name] == nil {
			continue
		}
		e, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write(p[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// find is the cell in the column with a machine id, in the row where a cell has val.
func find(t testing.TB, f *excelize.File, sheet, col, val string) string {
	t.Helper()
	rows, err := f.GetRows(sheet, excelize.Options{RawCellValue: true})
	must(t, err)
	n := slices.Index(rows[0], col)
	if n < 0 {
		t.Fatalf("%s has no column %s: %q", sheet, col, rows[0])
	}
	for i, r := range rows {
		if i >= headRow && slices.Contains(r, val) {
			return cell(n+1, i+1)
		}
	}
	t.Fatalf("%s has no row with %q", sheet, val)
	return ""
}

func TestBadCells(t *testing.T) {
	cat := testCatalog(t)
	good := write(t, cat, small(), Questions{}, "en")
	const auth, ics, features, models, firmware, product, docs = "1 AuthMech", "Statement", "Features", "Models", "Firmware", "Product", "Documents"
	type change = func(f *excelize.File) (cell string)
	set := func(sheet, col, row string, v any) change {
		return func(f *excelize.File) string {
			at := find(t, f, sheet, col, row)
			must(t, f.SetCellValue(sheet, at, v))
			return at
		}
	}
	at := func(sheet, at string, v any) change {
		return func(f *excelize.File) string { must(t, f.SetCellValue(sheet, at, v)); return at }
	}
	styled := func(sheet, at string, v any, format int) change {
		return func(f *excelize.File) string {
			must(t, f.SetCellValue(sheet, at, v))
			s, err := f.NewStyle(&excelize.Style{NumFmt: format})
			must(t, err)
			must(t, f.SetCellStyle(sheet, at, at, s))
			return at
		}
	}
	for _, c := range []struct {
		name    string
		sheet   string
		do      change
		problem string
		warning bool
	}{
		{"formula", auth, func(f *excelize.File) string {
			at := find(t, f, auth, "description", "a1")
			must(t, f.SetCellFormula(auth, at, "1+1"))
			return at
		}, "a formula", false},
		{"formula in the statement", ics, func(f *excelize.File) string {
			at := find(t, f, ics, "detail", "5.1-1")
			must(t, f.SetCellFormula(ics, at, `WEBSERVICE("http://example.com")`))
			return at
		}, "a formula", false},
		{"wrong choice", auth, set(auth, "subject", "a1", "robot"), `"robot" is none of the choices`, false},
		{"wrong answer", features, set(features, "answer", "passwords", "perhaps"), `"perhaps" is none`, false},
		{"wrong support", ics, set(ics, "support", "5.1-1", "partly"), `"partly" is none`, false},
		{"wrong category", product, set(product, "value", "function.1", "toaster"), `"toaster" is none`, false},
		{"wrong day", product, set(product, "value", "support.end", "31.12.2030"), `"31.12.2030" is no day`, false},
		{"no such day", product, set(product, "value", "support.end", "2030-02-29"), "is no day", false},
		{"day as small number", product, styled(product, "C11", 3, 14), "is no day", false},
		{"a day with a clock", product, styled(product, "C11", 46000.5, 22), "is no day", false},
		{"a truth as a day", product, at(product, "C11", true), "a truth value", false},
		{"a number as a day", product, func(f *excelize.File) string {
			at := find(t, f, product, "value", "support.end")
			must(t, f.SetCellValue(product, at, 46000))
			return at
		}, "read as the day 2025-12-09", true},
		{"hash", firmware, set(firmware, "sha256", "1.10", "abc"), `"abc" is no SHA-256`, false},
		{"version as a number", firmware, at(firmware, "B5", 1.1), `a number, read as "1.1"`, true},
		{"version as a date", firmware, styled(firmware, "B5", 46000, 14), "the program made a date of it", false},
		{"version of two lines", firmware, at(firmware, "B5", "1\n2"), "several lines", false},
		{"version with spaces", firmware, at(firmware, "B5", " 2.0 "), "spaces before or after", true},
		{"a long number", auth, set(auth, "description", "a1", 12345678901234567.0), "more digits than", false},
		{"truth in a text", auth, set(auth, "description", "a1", true), "a truth value", false},
		{"control character", auth, set(auth, "description", "a1", "_x0007_"), "a control or broken character", false},
		{"replacement character", auth, set(auth, "description", "a1", "\uFFFD"), "a control or broken character", false},
		{"no id", auth, func(f *excelize.File) string { must(t, f.SetCellStr(auth, "C6", "a third way")); return "B6" }, "the row has no id", false},
		{"id twice", auth, at(auth, "B6", "a1"), `row id "a1" comes twice`, false},
		{"text beside the table", auth, at(auth, "Z4", "see below"), "column Z has no id", false},
		{"text under hidden column", auth, at(auth, "A4", "x"), "column A has no id", false},
		{"text without a row", ics, at(ics, "I90", "lost"), "the row has no id", false},
		{"variant without model", models, func(f *excelize.File) string {
			must(t, f.SetCellStr(models, "C6", "V"))
			must(t, f.SetCellStr(models, "B6", "other"))
			return "B6"
		}, `a variant of model "other", which has no row above`, false},
		{"row without model", models, func(f *excelize.File) string { must(t, f.SetCellStr(models, "E6", "rev 1")); return "B6" }, "a row without a model", false},
		{"model twice", models, at(models, "B6", "C-1"), "it comes twice", false},
		{"unknown document", ics, set(ics, "documents", "5.1-1", "D9"), `no document "D9"`, false},
		{"document without name", docs, func(f *excelize.File) string { must(t, f.SetCellStr(docs, "B5", "D2")); return "C5" }, "document D2 has no name", false},
		{"document without id", docs, func(f *excelize.File) string { must(t, f.SetCellStr(docs, "C5", "x.pdf")); return "B5" }, "a document without an id", false},
		{"document twice", docs, func(f *excelize.File) string {
			must(t, f.SetCellStr(docs, "C5", "x.pdf"))
			must(t, f.SetCellStr(docs, "B5", "D1"))
			return "B5"
		}, `document id "D1" comes twice`, false},
		{"document of no size", docs, at(docs, "E4", "big"), `"big" is no number of bytes`, false},
		{"document named nowhere", docs, func(f *excelize.File) string {
			must(t, f.SetCellStr(docs, "B5", "D2"))
			must(t, f.SetCellStr(docs, "C5", "x.pdf"))
			return "B5"
		}, "document D2 is named nowhere", true},
		{"column id twice", auth, func(f *excelize.File) string { must(t, f.SetCellStr(auth, "C1", "subject")); return "D1" }, `columns C and D have the same id "subject"`, false},
		{"column id unknown", auth, at(auth, "C1", "descripton"), `column id "descripton" is unknown`, false},
		{"column removed", auth, func(f *excelize.File) string { must(t, f.RemoveCol(auth, "C")); return "" }, "the column of description is missing", false},
		{"mark removed", auth, func(f *excelize.File) string { must(t, f.SetCellStr(auth, "A3", "")); return "" }, "lost its hidden mark", false},
		{"row id unknown", features, at(features, "A4", "passwordz"), `row id "passwordz" is unknown`, false},
		{"row id twice", features, at(features, "A5", "passwords"), `row id "passwords" is there twice`, false},
		{"row id of no requirement", ics, at(ics, "A4", "en-303-645@2.1.1/9.9-9"), "is unknown in the catalog", false},
		{"row removed", features, func(f *excelize.File) string { must(t, f.RemoveRow(features, 4)); return "" }, `the row of "passwords" is gone; its answer stays`, true},
		{"merged cells", auth, func(f *excelize.File) string { must(t, f.MergeCell(auth, "C4", "D5")); return "C4:D5" }, "merged cells", false},
		{"sheet removed", "", func(f *excelize.File) string { must(t, f.DeleteSheet(auth)); return "" }, "the sheet of ixit:auth-mech is missing", false},
		{"ids removed", "", func(f *excelize.File) string { must(t, f.RemoveRow(auth, 1)); return "" }, "the sheet of ixit:auth-mech is missing", false},
		{"ids removed, the sheet", auth, func(f *excelize.File) string { must(t, f.RemoveRow(auth, 1)); return "" }, "nobody can tell what it answers", false},
		{"sheet id altered", auth, at(auth, "A1", "assay:ixit:auth"), "none that this workbook was written with", false},
		{"sheet twice", "copy", func(f *excelize.File) string {
			n, err := f.NewSheet("copy")
			must(t, err)
			from, err := f.GetSheetIndex(auth)
			must(t, err)
			must(t, f.CopySheet(from, n))
			return ""
		}, "the same id as sheet", false},
		{"another sheet", "mine", func(f *excelize.File) string {
			_, err := f.NewSheet("mine")
			must(t, err)
			must(t, f.SetCellStr("mine", "A1", "call Kim"))
			return ""
		}, "not of this workbook and is not read", true},
		{"hidden row", auth, func(f *excelize.File) string { must(t, f.SetRowVisible(auth, 4, false)); return "A4" }, "a hidden row has values", true},
		{"hidden column", auth, func(f *excelize.File) string { must(t, f.SetColVisible(auth, "C", false)); return "C4" }, "a hidden column has values", true},
		{"hidden sheet", auth, func(f *excelize.File) string { must(t, f.SetSheetVisible(auth, false)); return "" }, "the sheet is hidden", true},
		{"a note", auth, func(f *excelize.File) string {
			must(t, f.AddComment(auth, excelize.Comment{Cell: "C4", Author: "Kim", Text: "ask Lee"}))
			return "C4"
		}, "a note is not taken over", true},
		{"too long a ground", features, set(features, "ground", "passwords", strings.Repeat("x", 4001)), "longer than 4000 characters", true},
		{"holder with spaces", product, set(product, "value", "holder", "Maker Ltd"), "is no entity id", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := ""
			b := edit(t, good, func(f *excelize.File) { want = c.do(f) })
			content, found, err := Read(b, cat)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(found, func(f Finding) bool { return strings.Contains(f.Problem, c.problem) })
			if i < 0 {
				t.Fatalf("not found: %v", found)
			}
			f := found[i]
			if f.Sheet != c.sheet || f.Cell != want || f.Warning != c.warning || f.Remedy == "" {
				t.Errorf("%s (warning %v), want it at %s!%s", f, f.Warning, c.sheet, want)
			}
			if (content == nil) == c.warning {
				t.Errorf("content %v although the finding is a warning: %v", content != nil, c.warning)
			}
			if c.warning && len(refusals2(found)) > 0 {
				t.Errorf("refused: %v", refusals2(found))
			}
		})
	}
}

// Everything that is wrong is said at once.
func TestAllFindingsAtOnce(t *testing.T) {
	cat := testCatalog(t)
	b := edit(t, write(t, cat, small(), Questions{}, "ko"), func(f *excelize.File) {
		must(t, f.SetCellFormula("1 AuthMech", "C4", "1+1"))
		must(t, f.SetCellStr("1 AuthMech", "D4", "robot"))
		must(t, f.SetCellStr("1 AuthMech", "D5", "robot"))
		must(t, f.MergeCell("5 VulnMon", "B4", "B9"))
		must(t, f.SetCellStr("펌웨어", "C4", "zz"))
		must(t, f.SetCellStr("제품", "C11", "bald"))
	})
	content, found, err := Read(b, cat)
	if err != nil || content != nil {
		t.Fatal(content, err)
	}
	for _, want := range []string{"'1 AuthMech'!C4: a formula", "'1 AuthMech'!D4: \"robot\"", "'1 AuthMech'!D5: \"robot\"", "'5 VulnMon'!B4:B9: merged", "'펌웨어'!C4: \"zz\"", "'제품'!C11: \"bald\""} {
		if !slices.ContainsFunc(found, func(f Finding) bool { return strings.HasPrefix(f.String(), want) }) {
			t.Errorf("missing %s in %v", want, found)
		}
	}
	// More than anybody reads are counted.
	b = edit(t, write(t, cat, small(), Questions{}, "en"), func(f *excelize.File) {
		for i := range MaxFindings + 10 {
			must(t, f.SetCellStr("1 AuthMech", cell(2, 10+i), "same"))
		}
	})
	if _, found, err = Read(b, cat); err != nil || len(found) != MaxFindings+1 || !strings.Contains(found[MaxFindings].Problem, "more findings") || !Refused(found) {
		t.Errorf("%d findings, %v", len(found), err)
	}
}

// What people may do with a workbook, and still be understood.
func TestGoodCells(t *testing.T) {
	cat := testCatalog(t)
	good := write(t, cat, small(), Questions{}, "en")
	const auth = "1 AuthMech"
	days := func(f *excelize.File, v any) {
		at := find(t, f, "Product", "value", "support.end")
		must(t, f.SetCellValue("Product", at, v))
		s, err := f.NewStyle(&excelize.Style{NumFmt: 14})
		must(t, err)
		must(t, f.SetCellStyle("Product", at, at, s))
	}
	for _, c := range []struct {
		name string
		do   func(f *excelize.File)
		want func(ev *evidence.Evidence)
	}{
		{"nothing", func(*excelize.File) {}, func(*evidence.Evidence) {}},
		{"sheets renamed and reordered", func(f *excelize.File) {
			for i, s := range f.GetSheetList() {
				must(t, f.SetSheetName(s, fmt.Sprint("Tab ", i)))
			}
			must(t, f.MoveSheet("Tab 8", "Tab 0"))
			must(t, f.MoveSheet("Tab 3", "Tab 1"))
		}, func(*evidence.Evidence) {}},
		{"columns swapped", func(f *excelize.File) { swap(t, f, auth, "C", "D"); swap(t, f, "Statement", "H", "J") }, func(*evidence.Evidence) {}},
		{"the hidden column moved", func(f *excelize.File) { swap(t, f, auth, "A", "B"); swap(t, f, "Features", "A", "E") }, func(*evidence.Evidence) {}},
		{"columns and rows inserted", func(f *excelize.File) {
			must(t, f.InsertRows(auth, 1, 2))
			must(t, f.InsertRows(auth, 5, 1))
			must(t, f.InsertCols(auth, "A", 1))
			must(t, f.InsertRows("Features", 5, 3))
		}, func(*evidence.Evidence) {}},
		{"rows sorted", func(f *excelize.File) {
			for _, col := range []string{"B", "C", "D", "E"} {
				a, _ := f.GetCellValue(auth, col+"4")
				b, _ := f.GetCellValue(auth, col+"5")
				must(t, f.SetCellStr(auth, col+"4", b))
				must(t, f.SetCellStr(auth, col+"5", a))
			}
		}, func(ev *evidence.Evidence) { slices.Reverse(ev.IXIT["auth-mech"]) }},
		{"a row added", func(f *excelize.File) {
			must(t, f.SetCellStr(auth, "B9", "a9"))
			must(t, f.SetCellStr(auth, "C9", "button"))
		}, func(ev *evidence.Evidence) {
			ev.IXIT["auth-mech"] = append(ev.IXIT["auth-mech"], evidence.Row{"id": {"a9"}, "description": {"button"}})
		}},
		{"a row removed", func(f *excelize.File) { must(t, f.RemoveRow(auth, 4)) }, func(ev *evidence.Evidence) { ev.IXIT["auth-mech"] = ev.IXIT["auth-mech"][1:] }},
		{"answers in other languages", func(f *excelize.File) {
			must(t, f.SetCellStr("Statement", find(t, f, "Statement", "support", "5.1-1"), "N/A"))
			must(t, f.SetCellStr("Statement", find(t, f, "Statement", "support", "5.2-1"), "ei"))
			must(t, f.SetCellStr("Features", find(t, f, "Features", "answer", "passwords"), "모름"))
			must(t, f.SetCellStr(auth, find(t, f, auth, "subject", "a1"), " machine "))
			must(t, f.SetCellValue(auth, find(t, f, auth, "over-network", "a1"), false))
			must(t, f.SetCellStr("Product", find(t, f, "Product", "value", "function.2"), "consumer/plug"))
		}, func(ev *evidence.Evidence) {
			e := ev.ICS[0].Entries
			a, b := e["5.1-1"], e["5.2-1"]
			a.Support, b.Support = "not-applicable", "no"
			e["5.1-1"], e["5.2-1"] = a, b
			ev.Features["passwords"] = evidence.Feature{}
			ev.IXIT["auth-mech"][0]["subject"], ev.IXIT["auth-mech"][0]["over-network"] = evidence.Cell{"machine"}, evidence.Cell{"no"}
			ev.Product.Functions = append(ev.Product.Functions, "consumer/plug")
		}},
		{"a day as a date", func(f *excelize.File) { days(f, 46000) }, func(ev *evidence.Evidence) { ev.Support.End = 20431 }},
		{"a day from 1904", func(f *excelize.File) {
			yes := true
			must(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}))
			days(f, 46000-shift1904)
		}, func(ev *evidence.Evidence) { ev.Support.End = 20431 }},
		{"a document", func(f *excelize.File) {
			must(t, f.SetCellStr("Documents", "B5", "X7"))
			must(t, f.SetCellStr("Documents", "C5", "new.pdf"))
			must(t, f.SetCellStr("Statement", find(t, f, "Statement", "documents", "5.1-1"), "X7, D1"))
			must(t, f.SetCellStr("Contents", find(t, f, "Contents", "documents", "contact"), "X7\nD1"))
		}, func(ev *evidence.Evidence) {
			e := ev.ICS[0].Entries
			a, b := e["5.1-1"], e["5.2-1"]
			d1 := evidence.Artifact{Name: "policy.pdf", SHA256: sha(2), Size: 9}
			a.Artifacts = []evidence.Artifact{{Name: "new.pdf"}, d1}
			b.Artifacts = []evidence.Artifact{{Name: "policy.pdf", SHA256: sha(2), Size: 9, Shows: []string{"policy", "contact"}}, {Name: "new.pdf", Shows: []string{"contact"}}}
			e["5.1-1"], e["5.2-1"] = a, b
		}},
		{"ends of lines, runs, spaces", func(f *excelize.File) {
			must(t, f.SetCellRichText(auth, "C4", []excelize.RichTextRun{{Text: "two "}, {Text: "runs", Font: &excelize.Font{Bold: true}}, {Text: "\r\nline"}}))
			must(t, f.SetCellStr(auth, "C5", "  kept\t"))
		}, func(ev *evidence.Evidence) {
			ev.IXIT["auth-mech"][0]["description"], ev.IXIT["auth-mech"][1]["description"] = evidence.Cell{"two runs\nline"}, evidence.Cell{"  kept\t"}
		}},
		{"spaces only", func(f *excelize.File) { must(t, f.SetCellStr(auth, "C5", " \n ")) }, func(ev *evidence.Evidence) { delete(ev.IXIT["auth-mech"][1], "description") }},
		{"a link", func(f *excelize.File) {
			at := find(t, f, "Product", "value", "support.published")
			must(t, f.SetCellStr("Product", at, "https://example.com"))
			must(t, f.SetCellHyperLink("Product", at, "https://example.com", "External"))
		}, func(ev *evidence.Evidence) { ev.Support.Published = "https://example.com" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			content, found, err := Read(edit(t, good, c.do), cat)
			if err != nil || content == nil {
				t.Fatal(err, found)
			}
			want := small()
			c.want(want)
			equal(t, content.Evidence, want)
			out, changes, found := Merge(small(), content, Neither)
			if out == nil {
				t.Fatal(found)
			}
			equal(t, out, want)
			if reflect.DeepEqual(canon(want), canon(small())) != (len(changes) == 0) && c.name != "rows sorted" {
				t.Errorf("changes %v", changes)
			}
		})
	}
}

// swap exchanges two columns, as a person does who cuts and pastes.
func swap(t testing.TB, f *excelize.File, sheet, a, b string) {
	t.Helper()
	rows, err := f.GetRows(sheet)
	must(t, err)
	for i := range rows {
		x, y := fmt.Sprint(a, i+1), fmt.Sprint(b, i+1)
		u, err := f.GetCellValue(sheet, x, excelize.Options{RawCellValue: true})
		must(t, err)
		v, err := f.GetCellValue(sheet, y, excelize.Options{RawCellValue: true})
		must(t, err)
		must(t, f.SetCellValue(sheet, x, v))
		must(t, f.SetCellValue(sheet, y, u))
	}
}

// raw is a zip with the parts in order, each stored or deflated.
func raw(t testing.TB, method uint16, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: parts[i], Method: method})
		must(t, err)
		_, err = io.WriteString(w, parts[i+1])
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

func TestBadFiles(t *testing.T) {
	cat := testCatalog(t)
	good := write(t, cat, small(), Questions{}, "en")
	part := func(change func(p map[string][]byte)) []byte { return parts(t, good, change) }
	replace := func(name, old, new string) []byte {
		return part(func(p map[string][]byte) {
			if !bytes.Contains(p[name], []byte(old)) {
				t.Fatalf("%s has no %s", name, old)
			}
			p[name] = bytes.Replace(p[name], []byte(old), []byte(new), 1)
		})
	}
	const sheet1, strs = "xl/worksheets/sheet2.xml", "xl/sharedStrings.xml"
	row := func(s string) []byte { return replace(sheet1, "<sheetData>", "<sheetData>"+s) }
	lie := slices.Clone(good) // of the first entry in the directory, which says that it is small
	dir := bytes.Index(lie, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lie[dir+24:], 5)
	for _, c := range []struct {
		name string
		b    []byte
		is   error
		why  string
	}{
		{"empty", nil, ErrNoWorkbook, "save it as .xlsx"},
		{"a CSV file", []byte("id,text\n"), ErrNoWorkbook, "save it as .xlsx"},
		{"an old workbook", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and more"), ErrNoWorkbook, "old .xls"},
		{"half", good[:len(good)/2], ErrNoWorkbook, "damaged"},
		{"a damaged part", func() []byte { b := slices.Clone(good); b[len(b)/3] ^= 0xFF; b[len(b)/3+1] ^= 0xFF; return b }(), ErrNoWorkbook, ""},
		{"a lie about a size", lie, ErrNoWorkbook, ""},
		{"too large", make([]byte, MaxFile+1), ErrTooLarge, "at most"},
		{"OpenDocument", raw(t, zip.Store, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "<x/>"), ErrNoWorkbook, "save it as .xlsx"},
		{"a zip of nothing", raw(t, zip.Store), ErrNoWorkbook, ""},
		{"a text document", raw(t, zip.Store, "[Content_Types].xml", `<Types><Override ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`), ErrNoWorkbook, "another kind"},
		{"binary", raw(t, zip.Store, "[Content_Types].xml", `<Types><Override ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>`), ErrNoWorkbook, "xlsx"},
		{"no relations", part(func(p map[string][]byte) { p["_rels/.rels"] = nil }), ErrNoWorkbook, "where its sheets are"},
		{"no workbook part", part(func(p map[string][]byte) { p["xl/workbook.xml"] = nil }), ErrNoWorkbook, "missing"},
		{"a part twice", raw(t, zip.Store, "a.xml", "1", "A.xml", "2"), ErrNoWorkbook, "twice"},
		{"a part elsewhere", raw(t, zip.Store, "../a.xml", "1"), ErrNoWorkbook, "leads elsewhere"},
		{"a backslash", raw(t, zip.Store, `xl\a.xml`, "1"), ErrNoWorkbook, "leads elsewhere"},
		{"a bomb", raw(t, zip.Deflate, "xl/a.xml", strings.Repeat(" ", 20<<20)), ErrTooLarge, "200 times"},
		{"a large part", raw(t, zip.Store, "xl/a.xml", strings.Repeat(" ", MaxPart+1)[:MaxPart/2], "xl/b.xml", "x"), ErrTooLarge, "at most"},
		{"many parts", raw(t, zip.Store, manyParts()...), ErrTooLarge, "parts"},
		{"100,000 rows", replace("xl/worksheets/sheet7.xml", "</sheetData>", manyRows(100_000)+"</sheetData>"), ErrTooLarge, "has 100"},
		{"a far column", replace(sheet1, "</sheetData>", `<row r="900"><c r="JA900" t="inlineStr"><is><t>x</t></is></c></row></sheetData>`), ErrTooLarge, "columns"},
		{"a long text", replace(strs, "</sst>", "<si><t>"+strings.Repeat("한", MaxCell+1)+"</t></si></sst>"), ErrTooLarge, "characters"},
		{"a long inline text", replace(sheet1, "</sheetData>", `<row r="900"><c r="B900" t="inlineStr"><is><t>`+strings.Repeat("x", MaxCell+1)+`</t></is></c></row></sheetData>`), ErrTooLarge, "B900"},
		{"invalid UTF-8", replace(strs, "</sst>", "<si><t>\xff\xfe</t></si></sst>"), ErrNoWorkbook, "invalid UTF-8"},
		{"UTF-16", replace(strs, `encoding="UTF-8"`, `encoding="UTF-16"`), ErrNoWorkbook, "encoding"},
		{"a document type", replace(strs, `<sst`, `<!DOCTYPE x [<!ENTITY a "aaaa">]><sst`), ErrNoWorkbook, "document type"},
		{"an entity", replace(strs, "</sst>", "<si><t>&a;</t></si></sst>"), ErrNoWorkbook, "entity"},
		{"XML that ends early", replace(sheet1, "</sheetData>", ""), ErrNoWorkbook, "cannot be read"},
		{"a text that is not there", replace(sheet1, "</sheetData>", `<row r="900"><c r="B900" t="s"><v>99999</v></c></row></sheetData>`), ErrNoWorkbook, "B900 names a text"},
		{"a row twice", row(`<row r="5"></row>`), ErrNoWorkbook, "twice"},
		{"a row without number", row(`<row></row>`), ErrNoWorkbook, "no number"},
		{"a cell elsewhere", replace(sheet1, "</sheetData>", `<row r="900"><c r="B9"><v>1</v></c></row></sheetData>`), ErrNoWorkbook, "has no place"},
		{"a cell twice", replace(sheet1, "</sheetData>", `<row r="900"><c r="B900"><v>1</v></c><c r="B900"><v>2</v></c></row></sheetData>`), ErrNoWorkbook, "B900 is out of order"},
		{"a cell of unknown kind", replace(sheet1, "</sheetData>", `<row r="900"><c r="B900" t="x"><v>1</v></c></row></sheetData>`), ErrNoWorkbook, "unknown kind"},
		{"the hidden sheet is gone", edit(t, good, func(f *excelize.File) { must(t, f.DeleteSheet("_assay")) }), ErrNoWorkbook, "hidden sheet is missing"},
		{"the hidden sheet is altered", edit(t, good, func(f *excelize.File) {
			must(t, f.SetCellStr("_assay", find(t, f, "_assay", "assay:meta", "base"), "base"))
			rows, err := f.GetRows("_assay")
			must(t, err)
			must(t, f.SetCellStr("_assay", cell(2, len(rows)), "H4sIAAAA"))
		}), ErrNoWorkbook, "was changed"},
		{"another format", edit(t, good, func(f *excelize.File) { must(t, f.SetCellStr("_assay", "B1", "2")) }), ErrNoWorkbook, `format "2"`},
		{"another language", edit(t, good, func(f *excelize.File) { must(t, f.SetCellStr("_assay", "B2", "xx")) }), ErrNoWorkbook, "en, ko, de, fi"},
		{"somebody's workbook", func() []byte {
			f := excelize.NewFile()
			var b bytes.Buffer
			must(t, f.Write(&b))
			return b.Bytes()
		}(), ErrNoWorkbook, "hidden sheet is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			content, found, err := Read(c.b, cat)
			if !errors.Is(err, c.is) || content != nil || found != nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%v, %v, %v", content, found, err)
			}
		})
	}
}

func manyParts() (list []string) {
	for i := range MaxParts + 1 {
		list = append(list, fmt.Sprint("p", i), "")
	}
	return list
}

func manyRows(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `<row r="%d"><c r="B%d" t="str"><v>r%d</v></c></row>`, 1000+i, 1000+i, i)
	}
	return b.String()
}

// What could run, or comes from elsewhere, is named, all of it.
func TestActiveParts(t *testing.T) {
	cat := testCatalog(t)
	good := write(t, cat, small(), Questions{}, "en")
	for part, want := range map[string]string{
		"xl/vbaProject.bin":                  "it has macros",
		"xl/macrosheets/sheet1.xml":          "a macro sheet",
		"xl/externalLinks/externalLink1.xml": "links to other files",
		"xl/connections.xml":                 "outside data",
		"xl/queryTables/queryTable1.xml":     "outside data",
		"xl/embeddings/oleObject1.bin":       "embedded object",
		"xl/activeX/activeX1.xml":            "a control",
		"xl/ctrlProps/ctrlProp1.xml":         "a control",
		"customUI/customUI14.xml":            "menus",
		"xl/webextensions/taskpanes.xml":     "an add-in",
		"xl/media/image1.png":                "a picture",
		"xl/charts/chart1.xml":               "a chart",
		"xl/drawings/drawing1.xml":           "a text box",
		"xl/pivotTables/pivotTable1.xml":     "a pivot table",
		"xl/model/item.data":                 "a data model",
		"xl/something.bin":                   "not text",
	} {
		b := parts(t, good, func(p map[string][]byte) { p[part] = []byte("<x/>") })
		content, found, err := Read(b, cat)
		if err != nil || content != nil || len(refusals2(found)) != 1 || !strings.Contains(found[0].Problem, want) || found[0].Remedy == "" {
			t.Errorf("%s: %v %v", part, found, err)
		}
	}
	b := parts(t, good, func(p map[string][]byte) {
		p["xl/vbaProject.bin"], p["xl/media/a.png"], p["xl/media/b.png"] = []byte("x"), []byte("x"), []byte("x")
		p["[Content_Types].xml"] = bytes.Replace(p["[Content_Types].xml"], []byte("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"), []byte("application/vnd.ms-excel.sheet.macroEnabled.main+xml"), 1)
	})
	if _, found, err := Read(b, cat); err != nil || len(refusals2(found)) != 3 {
		t.Errorf("%v %v", refusals2(found), err)
	}
	b = parts(t, good, func(p map[string][]byte) {
		p["xl/worksheets/sheet3.xml"] = bytes.Replace(p["xl/worksheets/sheet3.xml"], []byte("</worksheet>"), []byte(`<oleObjects><oleObject progId="Package" shapeId="1"/></oleObjects></worksheet>`), 1)
		p["xl/printerSettings/printerSettings1.bin"] = []byte("x") // every program's own
	})
	if _, found, err := Read(b, cat); err != nil || len(refusals2(found)) != 1 || found[0].Sheet != "Models" {
		t.Errorf("%v %v", refusals2(found), err)
	}
}

// Text that begins like a formula is text, and stays it.
func TestNoFormulaIsWritten(t *testing.T) {
	cat := testCatalog(t)
	ev := small()
	for i, s := range []string{"=1+1", "+1", "-1", "@SUM(1)", "\t=1", "=cmd|'/c calc'!A0"} {
		ev.IXIT["vuln-mon"] = append(ev.IXIT["vuln-mon"], evidence.Row{"id": {fmt.Sprint("f", i)}, "description": {s}})
	}
	b := write(t, cat, ev, Questions{}, "en")
	f, err := excelize.OpenReader(bytes.NewReader(b))
	must(t, err)
	for i := range 6 {
		at := find(t, f, "5 VulnMon", "description", fmt.Sprint("f", i))
		kind, err := f.GetCellType("5 VulnMon", at)
		must(t, err)
		style, err := f.GetCellStyle("5 VulnMon", at)
		must(t, err)
		s, err := f.GetStyle(style)
		must(t, err)
		if formula, _ := f.GetCellFormula("5 VulnMon", at); kind != excelize.CellTypeSharedString || formula != "" || s.NumFmt != 49 || s.Protection == nil || s.Protection.Locked {
			t.Errorf("%s: kind %v, formula %q, format %d, protection %v", at, kind, formula, s.NumFmt, s.Protection)
		}
	}
}

// People can write where they should and nowhere else, and are helped.
func TestLooks(t *testing.T) {
	cat := testCatalog(t)
	for _, lang := range Languages {
		b := write(t, cat, small(), Questions{}, lang)
		f, err := excelize.OpenReader(bytes.NewReader(b))
		must(t, err)
		open := func(tab, at string) bool {
			style, err := f.GetCellStyle(tab, at)
			must(t, err)
			s, err := f.GetStyle(style)
			must(t, err)
			return s.Protection != nil && !s.Protection.Locked
		}
		sheets := 0
		for _, tab := range f.GetSheetList() {
			a1, err := f.GetCellValue(tab, "A1")
			must(t, err)
			id, ours := strings.CutPrefix(a1, marker)
			if visible, err := f.GetSheetVisible(tab); err != nil || visible == (id == metaSheet || id == listsSheet) || !ours {
				t.Errorf("%s %s: %s visible %v %v", lang, tab, a1, visible, err)
			}
			if !bytes.Contains(part1(t, b, f, tab), []byte("<sheetProtection")) {
				t.Errorf("%s %s is not protected", lang, tab)
			}
			if id == metaSheet || id == listsSheet || id == guideSheet {
				continue
			}
			sheets++
			column, err := f.GetColVisible(tab, "A")
			must(t, err)
			row, err := f.GetRowVisible(tab, 1)
			must(t, err)
			panes, err := f.GetPanes(tab)
			must(t, err)
			if column || row || !panes.Freeze || panes.YSplit != headRow || panes.XSplit < 2 {
				t.Errorf("%s %s: ids seen %v %v, panes %+v", lang, tab, column, row, panes)
			}
			ids, err := f.GetRows(tab)
			must(t, err)
			for i, col := range ids[0] {
				at := cell(i+1, headRow+1)
				if i > 0 && open(tab, at) == isSeen(col) {
					t.Errorf("%s %s: %s of column %s is open: %v", lang, tab, at, col, open(tab, at))
				}
				for _, n := range []int{1, headRow} {
					if open(tab, cell(i+1, n)) {
						t.Errorf("%s %s: %s is open", lang, tab, cell(i+1, n))
					}
				}
			}
			if free(id) && (!open(tab, "B4000") || !open(tab, "A4000")) {
				t.Errorf("%s %s: rows cannot be added and removed", lang, tab)
			}
			if !slices.ContainsFunc(f.GetDefinedName(), func(n excelize.DefinedName) bool {
				return n.Name == "_xlnm.Print_Titles" && n.Scope == tab
			}) {
				t.Errorf("%s %s: its head is not on every page", lang, tab)
			}
		}
		if sheets != 10 {
			t.Errorf("%s: %d sheets", lang, sheets)
		}
		tab := "1 AuthMech"
		drops, err := f.GetDataValidations(tab)
		must(t, err)
		notes, err := f.GetComments(tab)
		must(t, err)
		if len(drops) < 4 || len(notes) < 5 || !strings.HasPrefix(drops[0].Formula1, "_lists!") || drops[0].Sqref != fmt.Sprintf("D4:D%d", headRow+MaxRows) {
			t.Errorf("%s: %d drop-downs, %d notes, %+v", lang, len(drops), len(notes), drops[0])
		}
	}
}

// part1 is the XML of a sheet.
func part1(t testing.TB, b []byte, f *excelize.File, tab string) (xml []byte) {
	t.Helper()
	n, err := f.GetSheetIndex(tab)
	must(t, err)
	parts(t, b, func(p map[string][]byte) { xml = p[fmt.Sprintf("xl/worksheets/sheet%d.xml", n+1)] })
	return xml
}

// Another process reads the same.
func TestReadFile(t *testing.T) {
	cat := testCatalog(t)
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		must(t, os.WriteFile(p, b, 0o600))
		return p
	}
	ev := fullEvidence(cat, cat.Tests[0].Name())
	b := write(t, cat, ev, Questions{}, "ko")
	here, foundHere, err := Read(b, cat)
	must(t, err)
	there, foundThere, err := ReadFile(t.Context(), file("a.xlsx", b), cat)
	must(t, err)
	equal(t, there.Evidence, here.Evidence)
	if !slices.Equal(foundHere, foundThere) {
		t.Errorf("findings %v, %v", foundHere, foundThere)
	}
	for name, c := range map[string]struct {
		b  []byte
		is error
	}{
		"bomb.xlsx":  {raw(t, zip.Deflate, "xl/a.xml", strings.Repeat(" ", 20<<20)), ErrTooLarge},
		"large.xlsx": {make([]byte, MaxFile+1), ErrTooLarge},
		"other.xlsx": {[]byte("text"), ErrNoWorkbook},
	} {
		if _, _, err := ReadFile(t.Context(), file(name, c.b), cat); !errors.Is(err, c.is) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := ReadFile(t.Context(), dir, cat); !errors.Is(err, ErrNoWorkbook) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := ReadFile(ctx, file("b.xlsx", b), cat); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A false answer of the process is refused.
func TestSound(t *testing.T) {
	ok := func() *book {
		return &book{Sheets: []*grid{{Rows: []gridRow{{N: 1, Cells: []gridCell{{Col: 1}, {Col: 2}}}, {N: 3}}}}}
	}
	if !ok().sound() {
		t.Error("a sound book is refused")
	}
	for name, spoil := range map[string]func(b *book){
		"no sheet":     func(b *book) { b.Sheets[0] = nil },
		"rows":         func(b *book) { b.Sheets[0].Rows[1].N = 1 },
		"cells":        func(b *book) { b.Sheets[0].Rows[0].Cells[1].Col = 1 },
		"far":          func(b *book) { b.Sheets[0].Rows[0].Cells[1].Col = MaxColumns + 1 },
		"many rows":    func(b *book) { b.Sheets[0].Rows = make([]gridRow, maxGridRows+1) },
		"a long cell":  func(b *book) { b.Sheets[0].Rows[0].Cells[1].Val = strings.Repeat("x", MaxCell+1) },
		"a large base": func(b *book) { b.Base = make([]byte, maxBase+1) },
	} {
		b := ok()
		spoil(b)
		if b.sound() {
			t.Errorf("%s: taken", name)
		}
	}
}
