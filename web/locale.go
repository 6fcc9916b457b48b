package web

import (
	"embed"
	"time"

	"golang.org/x/text/language"

	"assay/civil"
	"assay/locale"
)

//go:embed locale/*.json
var localeFiles embed.FS

// locales are in the order of [locale.Languages].
var locales = locale.MustLoad(localeFiles, "locale")

var matcher = newMatcher()

func newMatcher() language.Matcher {
	tags := make([]language.Tag, len(locales))
	for i, l := range locales {
		tags[i] = l.Tag
	}
	return language.NewMatcher(tags)
}

// localeFor chooses by an explicit choice, then by Accept-Language (RFC 9110,
// section 12.5.4), then by what the office itself speaks.
func localeFor(chosen, accept string, own []string) *locale.Locale {
	for _, l := range locales {
		if l.Code == chosen {
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

// moment is µs UTC in words, in the office's own zone to the second.
func moment(l *locale.Locale, at int64, zone *time.Location) string {
	if at == 0 {
		return ""
	}
	return l.T("date.instant", "date", l.Day(civil.DateAt(at, zone)), "clock", time.UnixMicro(at).In(zone).Format("15:04:05 MST"))
}
