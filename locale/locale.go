// Package locale has texts for people in the languages of the project: plural
// forms, numbers and days as each language writes them. The texts themselves
// belong to the packages that show them.
package locale

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"assay/civil"
	"assay/scheme"
)

// Languages are those that every text for people exists in; the first is what
// is shown where nothing fits.
var Languages = []string{"en", "ko", "de", "fi"}

// common has how days are written, which is the same everywhere.
//
//go:embed common/*.json
var common embed.FS

// Locale is the texts of one language. It is read once and never changed.
type Locale struct {
	Code string // BCP 47
	Tag  language.Tag

	texts   map[string]text
	common  map[string]text
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

// Load reads LANGUAGE.json for each of Languages, in their order, from a
// folder: an object of keys to a text, or to an object of plural forms. Its
// error joins all that cannot be read.
func Load(files fs.FS, dir string) ([]*Locale, error) {
	ls := make([]*Locale, len(Languages))
	var errs []error
	for i, code := range Languages {
		tag := language.MustParse(code)
		ls[i] = &Locale{Code: code, Tag: tag, printer: message.NewPrinter(tag)}
		errs = append(errs, read(files, path.Join(dir, code+".json"), &ls[i].texts), read(common, "common/"+code+".json", &ls[i].common))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return ls, nil
}

// MustLoad is Load for embedded files, which every test reads.
func MustLoad(files fs.FS, dir string) []*Locale {
	ls, err := Load(files, dir)
	if err != nil {
		panic(err)
	}
	return ls
}

func read(files fs.FS, name string, texts *map[string]text) error {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, texts); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (l *Locale) text(key string) (text, bool) {
	t, ok := l.texts[key]
	if !ok {
		t, ok = l.common[key]
	}
	return t, ok
}

// Has reports whether there is a text for key.
func (l *Locale) Has(key string) bool { _, ok := l.text(key); return ok }

// Keys are the keys of the texts that were loaded, sorted.
func (l *Locale) Keys() []string { return slices.Sorted(maps.Keys(l.texts)) }

// T is the text for key with its placeholders {name} filled from pairs of
// name and value. A key that does not exist shows itself, so that a code from
// a newer program is still readable.
func (l *Locale) T(key string, pairs ...any) string {
	t, ok := l.text(key)
	if !ok {
		return key
	}
	return fill(t[plural.Other], pairs)
}

// N is the text for key in the plural form for n, which fills {n}.
func (l *Locale) N(key string, n int, pairs ...any) string {
	t, ok := l.text(key)
	if !ok {
		return key
	}
	s, ok := t[plural.Cardinal.MatchPlural(l.Tag, n, 0, 0, 0, 0)]
	if !ok {
		s = t[plural.Other]
	}
	return fill(s, append(pairs, "n", l.Number(int64(n))))
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

// Number is a whole number with its groups of digits.
func (l *Locale) Number(n int64) string { return l.printer.Sprint(number.Decimal(n)) }

// Day is a civil date in words; "" for none.
func (l *Locale) Day(d civil.Date) string {
	if d.IsZero() {
		return ""
	}
	y, m, day := d.Time().Date()
	return l.T("date.day", "year", y, "month", l.T("month."+strconv.Itoa(int(m))), "day", day)
}

// In is a text of the catalog in this language.
func (l *Locale) In(t scheme.Text) string { return t.In(l.Code) }

// forms are the plural forms that each language uses for whole numbers (CLDR).
var forms = map[string][]plural.Form{
	"en": {plural.Other, plural.One}, "de": {plural.Other, plural.One}, "fi": {plural.Other, plural.One}, "ko": {plural.Other},
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func placeholders(s string) []string {
	found := placeholder.FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// Problems says where the languages do not say the same: a text or a plural
// form that one of them lacks, other placeholders, an empty text. It is for
// the tests of the packages that have texts.
func Problems(ls []*Locale) (found []string) {
	add := func(format string, a ...any) { found = append(found, fmt.Sprintf(format, a...)) }
	first := ls[0]
	for _, l := range ls {
		for _, key := range first.Keys() {
			if _, ok := l.texts[key]; !ok {
				add("%s: %q is missing", l.Code, key)
			}
		}
		for _, key := range l.Keys() {
			ref, ok := first.texts[key]
			if !ok {
				add("%s: %q is not in %s", l.Code, key, first.Code)
				continue
			}
			if len(ref) > 1 {
				for _, f := range forms[l.Code] {
					if l.texts[key][f] == "" {
						add("%s: %q has no plural form %v", l.Code, key, f)
					}
				}
			}
			for f, s := range l.texts[key] {
				if strings.TrimSpace(s) != s || s == "" {
					add("%s: %q (%v) is empty or has spaces around it", l.Code, key, f)
				}
				if got, want := placeholders(s), placeholders(ref[plural.Other]); !slices.Equal(got, want) {
					add("%s: %q has placeholders %v, %s has %v", l.Code, key, got, first.Code, want)
				}
			}
		}
	}
	return found
}
