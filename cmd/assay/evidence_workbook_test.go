package main

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"assay/bundle"
	"assay/workbook"
)

// gateway puts the specimen gateway's bundle into the user's folder.
func (u *user) gateway(dir string) {
	u.Helper()
	if err := os.CopyFS(u.path(dir), os.DirFS("../../testdata/gateway")); err != nil {
		u.Fatal(err)
	}
}

// files are the files of a folder with their bytes.
func (u *user) files(dir string) map[string]string {
	u.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(u.path(dir), func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, rerr := filepath.Rel(u.path(dir), p)
		all[filepath.ToSlash(rel)] = string(b)
		return errors.Join(err, rerr)
	})
	if err != nil {
		u.Fatal(err)
	}
	return all
}

func changedFiles(a, b map[string]string) (names []string) {
	for p := range b {
		if a[p] != b[p] {
			names = append(names, p)
		}
	}
	for p := range a {
		if _, there := b[p]; !there {
			names = append(names, "-"+p)
		}
	}
	slices.Sort(names)
	return names
}

// fill changes cells of a workbook: SHEET!CELL to what is written.
func (u *user) fill(name string, cells map[string]string) {
	u.Helper()
	f, err := excelize.OpenFile(u.path(name))
	if err != nil {
		u.Fatal(err)
	}
	defer f.Close()
	for at, s := range cells {
		sheet, cell, _ := strings.Cut(at, "!")
		if err := f.SetCellStr(sheet, cell, s); err != nil {
			u.Fatal(err)
		}
	}
	if err := f.Save(); err != nil {
		u.Fatal(err)
	}
}

// row is the number of the row of a sheet that has a text in a column.
func (u *user) rowOf(name, sheet, col, text string) string {
	u.Helper()
	f, err := excelize.OpenFile(u.path(name))
	if err != nil {
		u.Fatal(err)
	}
	defer f.Close()
	found, err := f.SearchSheet(sheet, text)
	if err != nil {
		u.Fatal(err)
	}
	for _, at := range found {
		if n, ok := strings.CutPrefix(at, col); ok {
			return n
		}
	}
	u.Fatalf("%s has no %q in column %s: %v", sheet, text, col, found)
	return ""
}

// A workbook asks what a new bundle asks: the one comes out of the other.
func TestWorkbookAsksWhatInitAsks(t *testing.T) {
	u := newUser(t)
	for i, levels := range []string{"kr-cic:basic,sg-cls:3", "fi-label:label", "de-it-sik:label,uk-psti:compliant"} {
		dir, file := "b"+string(rune('0'+i)), "q"+string(rune('0'+i))+".xlsx"
		var tables []string
		if i != 1 {
			tables = []string{"--ixit"} // the second asks for tables by itself
		}
		u.run(exitOK, append(append([]string{"evidence", "init", "--category", "camera", "--for", levels, "--at", "2026-11-24"}, tables...), dir)...)
		u.run(exitOK, append(append([]string{"evidence", "workbook", "--category", "camera", "--for", levels, "--at", "2026-11-24", "--lang", "de"}, tables...), file)...)
		before := u.files(dir)
		if out, _ := u.run(exitOK, "evidence", "workbook", "--into", dir, file); !strings.Contains(out, "says what") {
			t.Errorf("%s: %s", levels, out)
		}
		if c := changedFiles(before, u.files(dir)); len(c) > 0 {
			t.Errorf("%s: changed %v", levels, c)
		}
		cat, err := loadCatalog("")
		if err != nil {
			t.Fatal(err)
		}
		book, found, err := workbook.ReadFile(t.Context(), u.path(file), cat)
		if err != nil || book == nil {
			t.Fatal(err, found)
		}
		b, err := bundle.Open(u.path(dir))
		if err != nil {
			t.Fatal(err)
		}
		want, got := b.Evidence, book.Evidence
		if !reflect.DeepEqual(got.Features, want.Features) || !reflect.DeepEqual(got.Product.Functions, want.Product.Functions) {
			t.Errorf("%s: features %v, functions %v", levels, got.Features, got.Product.Functions)
		}
		requirements := func(b *bundle.Bundle) (all []string) {
			for _, s := range b.Evidence.ICS {
				for id := range s.Entries {
					all = append(all, s.Standard+"@"+s.Edition+"/"+id)
				}
			}
			slices.Sort(all)
			return all
		}
		if a, w := requirements(&bundle.Bundle{Evidence: got}), requirements(b); !slices.Equal(a, w) || len(a) == 0 {
			t.Errorf("%s: requirements %v, want %v", levels, a, w)
		}
		if a, w := slices.Sorted(maps.Keys(got.IXIT)), slices.Sorted(maps.Keys(want.IXIT)); !slices.Equal(a, w) {
			t.Errorf("%s: tables %v, want %v", levels, a, w)
		}
	}
}

// A bundle of real size goes out and comes back in every language, to the byte.
func TestWorkbookOfGateway(t *testing.T) {
	u := newUser(t)
	u.gateway("g")
	before := u.files("g")
	for _, lang := range workbook.Languages {
		file := lang + ".xlsx"
		u.run(exitOK, "evidence", "workbook", "--lang", lang, "g", file)
		out, _ := u.run(exitOK, "evidence", "workbook", "--into", "g", file)
		if out != "g says what "+file+" says already\n" {
			t.Errorf("%s: %s", lang, out)
		}
		if c := changedFiles(before, u.files("g")); len(c) > 0 {
			t.Fatalf("%s: changed %v", lang, c)
		}
	}
	// With what more levels ask, and from a zip.
	u.run(exitOK, "evidence", "pack", "g", "g.zip")
	u.run(exitOK, "evidence", "workbook", "--for", "jp-jc-star:star-1", "--at", "2026-11-24", "g.zip", "more.xlsx")
	if out, _ := u.run(exitOK, "evidence", "workbook", "--into", "g", "more.xlsx"); !strings.Contains(out, "says already") {
		t.Error(out)
	}
	u.refused(exitFailed, "no folder", "evidence", "workbook", "--into", "g.zip", "more.xlsx")
	u.refused(exitFailed, "never overwritten", "evidence", "workbook", "g", "more.xlsx")
}

func TestWorkbookInto(t *testing.T) {
	u := newUser(t)
	u.gateway("g")
	before := u.files("g")
	u.run(exitOK, "evidence", "workbook", "--lang", "fi", "g", "g.xlsx")
	first, err := bundle.Open(u.path("g"))
	if err != nil {
		t.Fatal(err)
	}
	row := u.rowOf("g.xlsx", "1 AuthMech", "B", first.Evidence.IXIT["auth-mech"][0].ID())
	u.fill("g.xlsx", map[string]string{"1 AuthMech!C" + row: "=uusi\n\"kuvaus\"", "Tuote!C5": "UUSI 1.10"})

	out, _ := u.run(exitOK, "evidence", "workbook", "--into", "g", "--dry-run", "g.xlsx")
	if !strings.Contains(out, "1 AuthMech!C"+row) || !strings.Contains(out, `"=uusi ⏎ \"kuvaus\""`) || !strings.Contains(out, "would change: ") {
		t.Errorf("dry run: %s", out)
	}
	if c := changedFiles(before, u.files("g")); len(c) > 0 {
		t.Fatalf("a dry run changed %v", c)
	}
	out, _ = u.run(exitOK, "evidence", "workbook", "--into", "g", "--json", "g.xlsx")
	var res takenOver
	if err := json.Unmarshal([]byte(out), &res); err != nil || !res.Written || len(res.Changes) != 2 || !slices.Equal(res.Files, []string{"product.yaml", "ixit/auth-mech.yaml"}) {
		t.Errorf("%v %s", err, out)
	}
	now := u.files("g")
	if c := changedFiles(before, now); !slices.Equal(c, []string{"ixit/auth-mech.yaml", "product.yaml"}) {
		t.Errorf("changed %v", c)
	}
	b, err := bundle.Open(u.path("g"))
	if err != nil {
		t.Fatal(err)
	}
	if b.Evidence.Product.Brand != "UUSI 1.10" || b.Evidence.IXIT["auth-mech"][0]["description"].String() != "=uusi\n\"kuvaus\"" {
		t.Errorf("%+v", b.Evidence.Product)
	}
	for _, l := range strings.Split(before["product.yaml"], "\n") { // comments and all
		if !strings.Contains(l, "brand:") && !strings.Contains(now["product.yaml"], strings.TrimSpace(l)) {
			t.Errorf("product.yaml has lost %q", l)
		}
	}

	// Changed on both sides meanwhile.
	u.write("g/product.yaml", strings.Replace(now["product.yaml"], "UUSI 1.10", "Other", 1))
	u.fill("g.xlsx", map[string]string{"Tuote!C5": "Third"})
	held := u.files("g")
	_, stderr := u.run(exitFailed, "evidence", "workbook", "--into", "g", "g.xlsx")
	if !strings.Contains(stderr, "'Tuote'!C5: it was ") || !strings.Contains(stderr, `"Other" in the bundle and "Third" in the workbook`) || !strings.Contains(stderr, "--prefer") {
		t.Errorf("conflict: %s", stderr)
	}
	if c := changedFiles(held, u.files("g")); len(c) > 0 {
		t.Errorf("changed %v", c)
	}
	u.run(exitOK, "evidence", "workbook", "--into", "g", "--prefer", "bundle", "g.xlsx")
	if c := changedFiles(held, u.files("g")); len(c) > 0 {
		t.Errorf("changed %v", c)
	}
	u.run(exitOK, "evidence", "workbook", "--into", "g", "--prefer", "workbook", "g.xlsx")
	if !strings.Contains(u.read("g/product.yaml"), "Third") {
		t.Error("the workbook was preferred and did not count")
	}
}

func TestWorkbookRefuses(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	before := u.files("b")
	u.run(exitOK, "evidence", "workbook", "b", "b.xlsx")
	u.fill("b.xlsx", map[string]string{"1 AuthMech!D4": "robot", "Product!C11": "soon", "Product!C4": "yy:1"})
	_, stderr := u.run(exitFailed, "evidence", "workbook", "--into", "b", "b.xlsx")
	for _, want := range []string{"b.xlsx: '1 AuthMech'!D4: \"robot\" is none of the choices", "b.xlsx: 'Product'!C11: \"soon\" is no day", "nothing was taken over"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %s in %s", want, stderr)
		}
	}
	out, _ := u.run(exitFailed, "evidence", "workbook", "--into", "b", "--json", "b.xlsx")
	var res takenOver
	if err := json.Unmarshal([]byte(out), &res); err != nil || res.Written || len(res.Findings) < 2 || len(res.Changes) != 0 {
		t.Errorf("%v %s", err, out)
	}
	if c := changedFiles(before, u.files("b")); len(c) > 0 {
		t.Errorf("changed %v", c)
	}
	u.write("text.xlsx", "no workbook")
	u.refused(exitFailed, "save it as .xlsx", "evidence", "workbook", "--into", "b", "text.xlsx")
	u.refused(exitFailed, "no such file", "evidence", "workbook", "--into", "b", "none.xlsx")
	u.refused(exitFailed, "no such file", "evidence", "workbook", "--into", "none", "b.xlsx")
	u.refused(exitUsage, "--category", "evidence", "workbook", "x.xlsx")
	u.refused(exitUsage, "--into takes", "evidence", "workbook", "--into", "b", "--for", "kr-cic:basic", "b.xlsx")
	u.refused(exitUsage, "go with --into", "evidence", "workbook", "--dry-run", "b", "x.xlsx")
	u.refused(exitUsage, "--prefer", "evidence", "workbook", "--into", "b", "--prefer", "me", "b.xlsx")
	u.refused(exitUsage, "en, ko, de, fi", "evidence", "workbook", "--lang", "sv", "b", "x.xlsx")
	u.refused(exitUsage, "leave --category out", "evidence", "workbook", "--category", "camera", "b", "x.xlsx")
	u.refused(exitUsage, "--for", "evidence", "workbook", "--category", "camera", "--for", "xx:1", "x.xlsx")
	u.refused(exitUsage, "usage: assay evidence workbook", "evidence", "workbook")
	if _, err := os.Stat(u.path("x.xlsx")); err == nil {
		t.Error("a refused verb wrote a file")
	}
}
