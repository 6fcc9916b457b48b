package report

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/image/font/sfnt"

	"assay/evidence"
	"assay/locale"
	"assay/scheme"
)

func pdfOf(t testing.TB, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.PDF(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tool runs one of poppler's programs on a PDF, and skips where it is not
// there; on continuous integration it is.
func tool(t testing.TB, pdf []byte, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "report.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "FILE", file)
	}
	var errs bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%s: %v: %s", name, err, errs.String())
	}
	return string(out)
}

// squeeze takes white space out: where a line breaks is not what is said.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// What is set can be read out again, whole, in every language.
func TestPDFSaysAll(t *testing.T) {
	for _, lang := range locale.Languages {
		r := small(t, Options{Lang: lang, By: "SPECIMEN Office", Now: testDay})
		got := squeeze(tool(t, pdfOf(t, r), "pdftotext", "-raw", "FILE", "-"))
		d := r.document()
		missing := 0
		for _, s := range d.Sections {
			for _, p := range s.Parts {
				if p.Table == nil || s.ID == "doubts" {
					continue
				}
				for _, row := range p.Table.Rows {
					for _, c := range row.Cells {
						for _, l := range c {
							for _, sp := range l {
								for _, word := range strings.Fields(sp.Text) {
									if !strings.Contains(got, squeeze(word)) {
										t.Errorf("%s: %q is not in the PDF", lang, word)
										missing++
									}
								}
							}
						}
					}
				}
			}
		}
		if !strings.Contains(got, squeeze(r.ev.Product.Name)) || missing > 0 {
			t.Errorf("%s: the name is not in the PDF, or %d words are not", lang, missing)
		}
		if !strings.Contains(got, squeeze(d.Footer[0])) {
			t.Errorf("%s: it does not say that it is no certificate", lang)
		}
	}
}

func TestPDFIsWellMade(t *testing.T) {
	cat, c, b := gateway(t)
	for _, lang := range []string{"en", "ko"} {
		pdf := pdfOf(t, assessed(t, cat, c, b.Evidence, Options{Lang: lang, Now: testDay}))
		info := tool(t, pdf, "pdfinfo", "FILE")
		pages := regexp.MustCompile(`Pages: +(\d+)`).FindStringSubmatch(info)
		if pages == nil || len(pages[1]) != 2 || pages[1] > "70" {
			t.Errorf("%s: pages %v", lang, pages)
		}
		d := assessed(t, cat, c, b.Evidence, Options{Lang: lang}).document()
		for _, want := range []string{"Title:", b.Evidence.Product.Name, "2026", "A4"} {
			if !strings.Contains(info, want) {
				t.Errorf("%s: no %q in %s", lang, want, info)
			}
		}
		for _, want := range []string{"/Lang (" + lang + ")", "/Type /Outlines"} {
			if !bytes.Contains(pdf, []byte(want)) {
				t.Errorf("%s: no %s", lang, want)
			}
		}
		for _, s := range d.Sections { // the outline, in UTF-16
			if !bytes.Contains(pdf, utf16of(s.Title)) {
				t.Errorf("%s: %q is not in the outline", lang, s.Title)
			}
		}
		text := tool(t, pdf, "pdftotext", "-layout", "FILE", "-")
		perPage := strings.Split(strings.TrimSuffix(text, "\f"), "\f")
		for i, p := range perPage {
			want := strings.NewReplacer("{page}", strconv.Itoa(i+1), "{pages}", strconv.Itoa(len(perPage))).Replace(d.Page)
			if !strings.Contains(squeeze(p), squeeze(want)) {
				t.Errorf("%s: page %d does not say %q", lang, i+1, want)
			}
		}
		// Heads of a table that goes over pages stand on each of them.
		heads, rows := 0, 0
		l := locales[slices.Index(locale.Languages, lang)]
		head := regexp.MustCompile(`(?m)^.*` + regexp.QuoteMeta(l.T("reqs.asked")) + `.*` + regexp.QuoteMeta(l.T("reqs.evidence")) + `\s*$`)
		for _, p := range perPage {
			if strings.Contains(p, "/ics/0/entries/") {
				rows++
				if head.MatchString(p) {
					heads++
				}
			}
		}
		if rows < 3 || heads != rows {
			t.Errorf("%s: %d pages of requirements, %d with heads", lang, rows, heads)
		}
	}
}

func utf16of(s string) []byte {
	b := []byte{0xFE, 0xFF}
	for _, c := range s {
		b = append(b, byte(c>>8), byte(c))
	}
	return []byte(strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`, "\r", `\r`).Replace(string(b)))
}

func TestPDFIsDeterministic(t *testing.T) {
	for _, lang := range locale.Languages {
		a := pdfOf(t, small(t, Options{Lang: lang, Now: testDay}))
		for range 3 {
			if !bytes.Equal(a, pdfOf(t, small(t, Options{Lang: lang, Now: testDay}))) {
				t.Fatalf("%s: the same report gives other bytes", lang)
			}
		}
		if bytes.Equal(a, pdfOf(t, small(t, Options{Lang: lang, Now: testDay + 1}))) {
			t.Errorf("%s: another day gives the same bytes", lang)
		}
	}
}

func TestMissingGlyph(t *testing.T) {
	for _, name := range []string{"漢字 hub", "hub 🙂", "שלום", "a\u0300\u0301 mark", "\uFFFD"} {
		ev := smallEvidence(t)
		ev.Product.Name = name
		var b bytes.Buffer
		err := smallOf(t, smallCatalog(), ev, Options{}).PDF(&b)
		var missing *GlyphError
		if !errors.As(err, &missing) || !strings.ContainsRune(clean(name), missing.Char) || !strings.Contains(err.Error(), "U+") || !strings.Contains(err.Error(), "HTML") {
			t.Errorf("%q: %v", name, err)
		}
		if b.Len() > 0 {
			t.Errorf("%q: %d bytes written", name, b.Len())
		}
	}
	for _, opt := range []Options{{By: "漢"}, {Title: "漢"}} {
		if err := small(t, opt).PDF(&bytes.Buffer{}); err == nil {
			t.Errorf("%+v: no error", opt)
		}
	}
	// What would turn the text around is written out, and so can be set.
	ev := smallEvidence(t)
	ev.Product.Name = "gate\u202Eyaw 뷁쀍똠 Ærø ŵ Ω Ж カ"
	pdfOf(t, smallOf(t, smallCatalog(), ev, Options{}))
}

// The fonts have every character of the texts and of the catalog.
func TestFontsCoverTheCatalog(t *testing.T) {
	f, err := theFaces()
	if err != nil {
		t.Fatal(err)
	}
	for c := rune(0xAC00); c <= 0xD7A3; c++ {
		if !f.has[c] {
			t.Fatalf("no %c", c)
		}
	}
	cat, c, b := gateway(t)
	for _, lang := range locale.Languages {
		for _, ev := range []*evidence.Evidence{b.Evidence, {Product: evidence.Product{Functions: b.Evidence.Product.Functions}}, {}} {
			texts(assessed(t, cat, c, ev, Options{Lang: lang}).document(), func(s string) {
				if err := f.check(s); err != nil {
					t.Errorf("%s: %v", lang, err)
				}
			})
		}
	}
	check := func(ts ...scheme.Text) {
		for _, x := range ts {
			for lang, s := range x {
				if err := f.check(clean(s)); err != nil {
					t.Errorf("%s: %v", lang, err)
				}
			}
		}
	}
	for _, s := range cat.Standards {
		check(s.Title)
		for _, e := range s.Editions {
			for _, r := range e.Requirements {
				check(r.Text)
				for _, x := range r.Contents {
					check(x.Text)
				}
			}
		}
		for _, x := range s.Features {
			check(x.Question)
		}
	}
	for _, s := range cat.Tests {
		for _, k := range s.Checks {
			check(k.Text, k.Remedy)
		}
	}
	for _, s := range cat.Sources {
		check(scheme.Text{"en": s.Title})
	}
	for _, s := range cat.Schemes {
		check(s.Name, s.AuthorityIn, s.Noun, s.Disclaimer)
	}
}

// The two weights have the same characters, may be embedded, and do not bear a
// reserved name; their license lies beside them.
func TestFonts(t *testing.T) {
	f, err := theFaces()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regularGZ) + len(boldGZ); n > 1_500_000 {
		t.Errorf("%d bytes of fonts", n)
	}
	var buf sfnt.Buffer
	for _, raw := range [][]byte{f.regular, f.bold} {
		s, err := sfnt.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []sfnt.NameID{sfnt.NameIDFamily, sfnt.NameIDFull, sfnt.NameIDPostScript} {
			name, err := s.Name(&buf, id)
			if err != nil || strings.Contains(name, "Nanum") || !strings.HasPrefix(strings.ReplaceAll(name, " ", ""), "AssayReportSans") {
				t.Errorf("name %d is %q, %v", id, name, err)
			}
		}
		for c := range f.has {
			if g, err := s.GlyphIndex(&buf, rune(c)); err == nil && (g != 0) != f.has[c] {
				t.Fatalf("U+%04X is in one weight only", c)
			}
		}
	}
	license, err := os.ReadFile("font/OFL.txt")
	if err != nil || !strings.Contains(string(license), "SIL OPEN FONT LICENSE") || !strings.Contains(string(license), "Reserved Font Name Nanum") {
		t.Errorf("license: %v", err)
	}
}

// A word wider than its column, a row higher than a page, a title of hundreds
// of words: everything is set, inside the page.
func TestPDFOfMuch(t *testing.T) {
	ev := smallEvidence(t)
	ev.Product.Name = strings.Repeat("Donaudampfschifffahrtsgesellschaft", 9)
	for range 60 {
		ev.Product.Models = append(ev.Product.Models, evidence.Model{ID: strings.Repeat("M", 60)})
	}
	cat := smallCatalog()
	long := strings.Repeat("word ", 4000)
	cat.Standards[0].Editions[0].Requirements[0].Text = scheme.Text{"en": long}
	pdf := pdfOf(t, smallOf(t, cat, ev, Options{}))
	text := tool(t, pdf, "pdftotext", "-raw", "FILE", "-")
	if n := strings.Count(text, "word"); n < 4000*3 { // in three schemes
		t.Errorf("%d of the words are there", n)
	}
	if !strings.Contains(squeeze(text), ev.Product.Name) {
		t.Error("the name is not there")
	}
	boxes := tool(t, pdf, "pdftotext", "-bbox", "FILE", "-")
	for _, m := range regexp.MustCompile(`xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">([^<]*)<`).FindAllStringSubmatch(boxes, -1) {
		if m[5] == "SPECIMEN" {
			continue // across the page
		}
		x0, y0, x1, y1 := number(t, m[1]), number(t, m[2]), number(t, m[3]), number(t, m[4])
		if left, right := marginX/point2mm-1, (pageWidth-marginX)/point2mm+1; x0 < left || x1 > right || y0 < 0 || y1 > pageHeight/point2mm {
			t.Errorf("%q stands at %s to %s, the text from %.0f to %.0f", clip(m[5], 30), m[1], m[3], left, right)
		}
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// FuzzProductName: whatever a product is called, the page stays whole, and the
// PDF is written or names the character that it cannot set.
func FuzzProductName(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Add("뷁 – ﹏")
	f.Fuzz(func(t *testing.T, name string) {
		if len(name) > 2000 {
			return
		}
		ev := smallEvidence(t)
		ev.Product.Name, ev.Product.Models[0].ID = name, name
		r := smallOf(t, smallCatalog(), ev, Options{})
		root := parse(t, htmlOf(t, r))
		if len(root.all("h1")) != 1 || len(root.all("script")) != 0 {
			t.Errorf("%q breaks the page", name)
		}
		var b bytes.Buffer
		var missing *GlyphError
		if err := r.PDF(&b); err != nil && (!errors.As(err, &missing) || b.Len() > 0) {
			t.Errorf("%q: %v", name, err)
		}
	})
}
