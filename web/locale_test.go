package web

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/civil"
	"assay/locale"
	"assay/office"
	"assay/recognition"
	"assay/scheme"
)

func TestLocalesSayTheSame(t *testing.T) {
	for _, p := range locale.Problems(locales) {
		t.Error(p)
	}
}

// TestLocalesKnowEveryCode holds the texts against the codes of the core.
func TestLocalesKnowEveryCode(t *testing.T) {
	var keys []string
	for _, r := range recognition.Rules() {
		keys = append(keys, "reason."+r.String())
	}
	for _, s := range registerStates {
		keys = append(keys, "state."+string(s), "sentence."+string(s))
	}
	for _, e := range []scheme.EventKind{
		scheme.Suspended, scheme.Reinstated, scheme.Revoked, scheme.Annulled, scheme.Surrendered, scheme.Expired, scheme.Extended,
		scheme.Renewed, scheme.Superseded, scheme.LevelUp, scheme.LevelDown, scheme.ScopeGrown, scheme.ScopeCut, scheme.Corrected,
		scheme.Transferred, scheme.SchemeClosed, scheme.ArrangementEnded, scheme.KeyCompromised, scheme.Silence, scheme.Lapsed,
		scheme.Held, scheme.Released,
	} {
		keys = append(keys, "event."+string(e))
	}
	for _, m := range []scheme.Mode{scheme.Deemed, scheme.Equivalent, scheme.Simplified, scheme.DeltaMode} {
		keys = append(keys, "mode."+string(m))
	}
	for _, p := range []recognition.PolicyKind{recognition.Review, recognition.AfterDays, recognition.ByRequest, recognition.Automatic} {
		keys = append(keys, "policy."+string(p))
	}
	for _, a := range []recognition.Action{
		recognition.Designate, recognition.Deem, recognition.Offer, recognition.Prepare, recognition.ToReview, recognition.Wait,
		recognition.Refuse, recognition.Unclear, recognition.Keep, recognition.OpenCause, recognition.CloseCause, recognition.Amend,
		recognition.Restore, recognition.Note,
	} {
		keys = append(keys, "action."+string(a))
	}
	for _, a := range []scheme.Answer{scheme.Yes, scheme.No, scheme.Undetermined} {
		keys = append(keys, "answer."+a.String())
	}
	for _, c := range []scheme.Confidence{scheme.Official, scheme.Secondary, scheme.Mirror, scheme.Inferred, scheme.Unverified} {
		keys = append(keys, "confidence."+c.String())
	}
	if len(keys) < 100 {
		t.Fatalf("only %d codes: is recognition.Rules empty?", len(keys))
	}
	for _, l := range locales {
		for _, k := range keys {
			if !l.Has(k) {
				t.Errorf("%s: no text for %q", l.Code, k)
			}
		}
	}
}

// TestTemplatesAskForKnownTexts finds every fixed key in the templates.
func TestTemplatesAskForKnownTexts(t *testing.T) {
	asked := regexp.MustCompile(`\.(?:T|N|Count) "([^"]+)"`)
	files, err := assets.ReadDir("template")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range files {
		b, err := assets.ReadFile("template/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range asked.FindAllStringSubmatch(string(b), -1) {
			seen[m[1]] = true
			if !locales[0].Has(m[1]) {
				t.Errorf("%s asks for %q", f.Name(), m[1])
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("found only %d keys: does the pattern still fit? %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
}

func TestPluralsAndDates(t *testing.T) {
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	day := civil.MustDate("2026-11-24")
	for _, c := range []struct{ lang, one, many, day, instant string }{
		{"en", "1 entry", "12,345 entries", "24 November 2026", "24 November 2026, 15:00:00 KST"},
		{"ko", "1건", "12,345건", "2026년 11월 24일", "2026년 11월 24일 15:00:00 KST"},
		{"de", "1 Eintrag", "12.345 Einträge", "24. November 2026", "24. November 2026, 15:00:00 KST"},
		{"fi", "1 merkintä", "12\u00a0345 merkintää", "24. marraskuuta 2026", "24. marraskuuta 2026 klo 15:00:00 KST"},
	} {
		l := localeFor(c.lang, "", nil)
		for got, want := range map[string]string{
			l.N("peers.behind", 1): c.one, l.N("peers.behind", 12345): c.many,
			l.Day(day): c.day, moment(l, micro(now), seoul): c.instant,
		} {
			if got != want {
				t.Errorf("%s: %q, want %q", c.lang, got, want)
			}
		}
		if l.Day(0) != "" || moment(l, 0, seoul) != "" {
			t.Errorf("%s: no date has a text", c.lang)
		}
	}
}

func TestLanguageIsNegotiated(t *testing.T) {
	for _, c := range []struct {
		chosen, accept string
		own            []string
		want           string
	}{
		{"de", "ko", nil, "de"},
		{"xx", "ko-KR,ko;q=0.9,en;q=0.8", nil, "ko"},
		{"", "fr,fi;q=0.3", []string{"en"}, "fi"},
		{"", "fr", []string{"ko", "en"}, "ko"},
		{"", "", []string{"fi"}, "fi"},
		{"", ";;;,\x00", nil, "en"},
		{"", strings.Repeat("de,", 1000), nil, "en"},
		{"", "de-CH", nil, "de"},
	} {
		if got := localeFor(c.chosen, c.accept, c.own).Code; got != c.want {
			t.Errorf("lang=%q accept=%.30q own=%v: %s, want %s", c.chosen, c.accept, c.own, got, c.want)
		}
	}
}

func TestUnknownCodesShowThemselves(t *testing.T) {
	v := &view{lang: locales[0]}
	if got := v.Code("code", "from-a-newer-program"); got != "from-a-newer-program" {
		t.Error(got)
	}
	if got := v.T("no.such.key"); got != "no.such.key" {
		t.Error(got)
	}
	if got := (&view{lang: locales[1], Info: office.Info{Name: scheme.Text{"en": "only English"}}}).Name(); got != "only English" {
		t.Error(got)
	}
}

// TestNoTextIsDead: a fixed text that nothing shows is left over.
func TestNoTextIsDead(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"template/*.html", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(b)
		}
	}
	coded := regexp.MustCompile(`^(reason\.[a-z]+\.|state|sentence|event|cause|action|answer|confidence|mode|policy|attestation|firmware|trouble|code)[.\w-]`)
	for _, key := range locales[0].Keys() {
		if !coded.MatchString(key) && !strings.Contains(sources.String(), `"`+key+`"`) {
			t.Errorf("nothing shows %q", key)
		}
	}
}
