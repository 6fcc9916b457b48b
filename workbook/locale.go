package workbook

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"assay/locale"
	"assay/scheme"
)

//go:embed locale/*.json
var localeFiles embed.FS

// Languages that a workbook can be in (BCP 47); the first is what the others
// fall back to.
var Languages = locale.Languages

// locales are the texts by language. They are read once and never changed.
var locales = func() map[string]*tongue {
	all := make(map[string]*tongue, len(Languages))
	for _, l := range locale.MustLoad(localeFiles, "locale") {
		all[l.Code] = &tongue{l}
	}
	return all
}()

// tongue is the texts in one language.
type tongue struct{ *locale.Locale }

// localeFor is the language that a person chose.
func localeFor(code string) (*tongue, error) {
	if !slices.Contains(Languages, code) {
		return nil, fmt.Errorf("no workbook in language %.20q: there is %s", code, strings.Join(Languages, ", "))
	}
	return locales[code], nil
}

// everywhere is a text in all languages.
func everywhere(key string) (all []string) {
	for _, code := range Languages {
		all = append(all, locales[code].T(key))
	}
	return all
}

// condition is a condition in words, with the ids of features: those stand
// beside the questions in the sheet of features.
func (l *tongue) condition(c *scheme.Condition) string {
	join := func(cs []scheme.Condition, key string) string {
		var parts []string
		for i := range cs {
			s := l.condition(&cs[i])
			if len(cs) > 1 && (len(cs[i].All) > 1 || len(cs[i].Any) > 1) {
				s = "(" + s + ")"
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, " "+l.T(key)+" ")
	}
	switch {
	case c == nil:
		return l.T("when.always")
	case c.Feature != "":
		return c.Feature
	case c.Not != nil:
		s := l.condition(c.Not)
		if len(c.Not.All) > 1 || len(c.Not.Any) > 1 {
			s = "(" + s + ")"
		}
		return l.T("when.not") + " " + s
	case c.Any != nil:
		return join(c.Any, "when.or")
	default:
		return join(c.All, "when.and")
	}
}
