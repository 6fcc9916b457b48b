package report

import (
	"embed"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"assay/locale"
	"assay/scheme"
)

//go:embed locale/*.json
var localeFiles embed.FS

// locales are in the order of [locale.Languages].
var locales = locale.MustLoad(localeFiles, "locale")

// maxFindings bounds how many findings of one kind are told: beyond that a
// machine has to sort them.
const maxFindings = 40

// clean makes a foreign text fit to be shown: composed, without line breaks,
// and with characters that would act on the text around them (directions,
// joiners, controls) written out by their number.
func clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	if !strings.ContainsFunc(s, acts) {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\u00AD': // a hyphen that shows only where a line breaks
		case c == '\n' || c == '\t' || c == '\r':
			b.WriteByte(' ')
		case acts(c):
			fmt.Fprintf(&b, "‹U+%04X›", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func acts(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c)
}

// document sets the report in its language.
func (r *Report) document() *document {
	w := &writer{r: r, l: r.lang}
	product := clean(r.ev.Product.Name)
	d := &document{
		Lang:     r.lang.Code,
		Kicker:   w.t("doc.kicker"),
		Title:    product,
		Contents: w.t("doc.contents"),
		Skip:     w.t("doc.skip"),
		Page:     w.t("doc.page"),
		Facts:    w.facts(),
		Tiles:    w.tiles(),
		Footer:   []string{w.t("doc.footer"), w.t("doc.footer-catalog")},
	}
	if product == "" {
		d.Title = w.t("doc.kicker")
	}
	if r.opt.Title != "" {
		d.Kicker, d.Title = d.Title, clean(r.opt.Title)
	}
	if r.Specimen {
		d.Specimen = w.t("doc.specimen")
	}
	d.Sections = []*section{w.findings(), w.matrix(), w.schemes(), w.missing(), w.requirements(), w.doubts(), w.notes()}
	return d
}

// writer puts a report into the words of a language.
type writer struct {
	r *Report
	l *locale.Locale
}

func (w *writer) t(key string, pairs ...any) string        { return w.l.T(key, pairs...) }
func (w *writer) n(key string, n int, pairs ...any) string { return w.l.N(key, n, pairs...) }
func (w *writer) in(t scheme.Text) string                  { return clean(w.l.In(t)) }
func (w *writer) number(n int) string                      { return w.l.Number(int64(n)) }
