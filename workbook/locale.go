package workbook

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"assay/scheme"
)

//go:embed locale/*.json
var localeFiles embed.FS

// locales are the texts by language. They are read once and never changed.
var locales = mustLocales()

type locale struct {
	code  string
	texts map[string]string
}

func mustLocales() map[string]*locale {
	all := make(map[string]*locale, len(Languages))
	for _, code := range Languages {
		l := &locale{code: code}
		b, err := localeFiles.ReadFile("locale/" + code + ".json")
		if err == nil {
			err = json.Unmarshal(b, &l.texts)
		}
		if err != nil {
			panic(err) // embedded, and read by every test
		}
		all[code] = l
	}
	return all
}

// localeFor is the locale of a language that a person chose.
func localeFor(code string) (*locale, error) {
	if !slices.Contains(Languages, code) {
		return nil, fmt.Errorf("no workbook in language %.20q: there is %s", code, strings.Join(Languages, ", "))
	}
	return locales[code], nil
}

// t is the text for key with its placeholders filled from pairs of name and value.
func (l *locale) t(key string, pairs ...string) string {
	s, ok := l.texts[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, "{"+pairs[i]+"}", pairs[i+1])
	}
	return s
}

// in is a text of the catalog in this language.
func (l *locale) in(t scheme.Text) string { return t.In(l.code) }

// everywhere is a text in all languages.
func everywhere(key string) (all []string) {
	for _, code := range Languages {
		all = append(all, locales[code].t(key))
	}
	return all
}

// condition is a condition in words, with the ids of features: those stand
// beside the questions in the sheet of features.
func (l *locale) condition(c *scheme.Condition) string {
	join := func(cs []scheme.Condition, key string) string {
		var parts []string
		for i := range cs {
			s := l.condition(&cs[i])
			if len(cs) > 1 && (len(cs[i].All) > 1 || len(cs[i].Any) > 1) {
				s = "(" + s + ")"
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, " "+l.t(key)+" ")
	}
	switch {
	case c == nil:
		return l.t("when.always")
	case c.Feature != "":
		return c.Feature
	case c.Not != nil:
		s := l.condition(c.Not)
		if len(c.Not.All) > 1 || len(c.Not.Any) > 1 {
			s = "(" + s + ")"
		}
		return l.t("when.not") + " " + s
	case c.Any != nil:
		return join(c.Any, "when.or")
	default:
		return join(c.All, "when.and")
	}
}
