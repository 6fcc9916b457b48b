package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"assay/civil"
	"assay/scheme"
)

//go:embed locale/*.json
var localeFiles embed.FS

// locale is one language of the pages. It is read once and never changed.
type locale struct {
	tag     language.Tag
	code    string // BCP 47
	texts   map[string]text
	printer *message.Printer
}

// text is a sentence, or one per plural form (CLDR).
type text map[plural.Form]string

var pluralForms = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two,
	"few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// UnmarshalJSON takes a string or an object of plural forms.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text{plural.Other: s}
		return nil
	}
	var forms map[string]string
	if err := json.Unmarshal(b, &forms); err != nil {
		return err
	}
	*t = text{}
	for name, s := range forms {
		f, ok := pluralForms[name]
		if !ok {
			return fmt.Errorf("%.20q is no plural form", name)
		}
		(*t)[f] = s
	}
	return nil
}

// languages of the pages; the first is what is shown where nothing fits.
var languages = []string{"en", "ko", "de", "fi"}

// locales are in the order of languages.
var locales = mustLocales()

var matcher = newMatcher()

func mustLocales() []*locale {
	ls := make([]*locale, len(languages))
	for i, code := range languages {
		l, err := loadLocale(code)
		if err != nil {
			panic(err) // embedded, and read by every test
		}
		ls[i] = l
	}
	return ls
}

func newMatcher() language.Matcher {
	tags := make([]language.Tag, len(locales))
	for i, l := range locales {
		tags[i] = l.tag
	}
	return language.NewMatcher(tags)
}

func loadLocale(code string) (*locale, error) {
	b, err := localeFiles.ReadFile("locale/" + code + ".json")
	if err != nil {
		return nil, err
	}
	l := &locale{tag: language.MustParse(code), code: code}
	if err := json.Unmarshal(b, &l.texts); err != nil {
		return nil, fmt.Errorf("locale/%s.json: %w", code, err)
	}
	l.printer = message.NewPrinter(l.tag)
	return l, nil
}

// localeFor chooses by an explicit choice, then by Accept-Language (RFC 9110,
// section 12.5.4), then by what the office itself speaks.
func localeFor(chosen, accept string, own []string) *locale {
	for _, l := range locales {
		if l.code == chosen {
			return l
		}
	}
	var tags []language.Tag
	if len(accept) <= 256 {
		tags, _, _ = language.ParseAcceptLanguage(accept) // unreadable is as good as absent
	}
	for _, s := range own {
		if t, err := language.Parse(s); err == nil {
			tags = append(tags, t)
		}
	}
	_, i, _ := matcher.Match(tags...)
	return locales[i]
}

// has reports whether there is a text for key.
func (l *locale) has(key string) bool { _, ok := l.texts[key]; return ok }

// t is the text for key with its placeholders filled from pairs of name and
// value. A key that does not exist shows itself, so that a code from a newer
// program is still readable.
func (l *locale) t(key string, pairs ...any) string {
	t, ok := l.texts[key]
	if !ok {
		return key
	}
	return fill(t[plural.Other], pairs)
}

// n is the text for key in the plural form for n, which fills {n}.
func (l *locale) n(key string, n int, pairs ...any) string {
	t, ok := l.texts[key]
	if !ok {
		return key
	}
	s, ok := t[plural.Cardinal.MatchPlural(l.tag, n, 0, 0, 0, 0)]
	if !ok {
		s = t[plural.Other]
	}
	return fill(s, append(pairs, "n", l.number(int64(n))))
}

func fill(s string, pairs []any) string {
	if len(pairs) == 0 {
		return s
	}
	old := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		old = append(old, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1]))
	}
	return strings.NewReplacer(old...).Replace(s)
}

func (l *locale) number(n int64) string { return l.printer.Sprint(number.Decimal(n)) }

// day is a civil date in words.
func (l *locale) day(d civil.Date) string {
	if d.IsZero() {
		return ""
	}
	y, m, day := d.Time().Date()
	return l.t("date.day", "year", y, "month", l.t("month."+strconv.Itoa(int(m))), "day", day)
}

// instant is µs UTC in words, in the office's own zone to the second.
func (l *locale) instant(at int64, zone *time.Location) string {
	if at == 0 {
		return ""
	}
	return l.t("date.instant", "date", l.day(civil.DateAt(at, zone)), "clock", time.UnixMicro(at).In(zone).Format("15:04:05 MST"))
}

// in is a text of the catalog in this language.
func (l *locale) in(t scheme.Text) string { return t.In(l.code) }
