package workbook

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"assay/locale"
	"assay/scheme"
)

func TestLocalesSayTheSame(t *testing.T) {
	for _, p := range locale.Problems(locale.MustLoad(localeFiles, "locale")) {
		t.Error(p)
	}
	en := locales["en"]
	for _, code := range Languages {
		same := 0
		for _, key := range locales[code].Keys() {
			s := locales[code].T(key)
			if bad := unfit(s); bad != "" {
				t.Errorf("%s: %q %s", code, key, bad)
			}
			if s == en.T(key) {
				same++
			}
		}
		if code != "en" && same > len(en.Keys())/10 {
			t.Errorf("%s: %d texts are the English ones", code, same)
		}
	}
}

// Every key that the code asks for is there, and none is there for nothing.
func TestLocalesKnowEveryKey(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(b)
	}
	en := locales["en"]
	for _, m := range regexp.MustCompile(`\b(?:T|everywhere)\("([a-z0-9.-]+)"`).FindAllStringSubmatch(code.String(), -1) {
		if !en.Has(m[1]) && !strings.HasSuffix(m[1], ".") {
			t.Errorf("there is no text %q", m[1])
		}
	}
	l := locales["en"]
	for _, id := range []string{productSheet, modelsSheet, firmwareSheet, documentSheet, featuresSheet, icsSheet, contentsSheet} {
		for _, c := range l.columns(id) {
			if strings.Contains(c.title, ".col.") {
				t.Errorf("%s: column %s has no title", id, c.id)
			}
		}
	}
	// Keys that are put together end in something the code has.
	for _, key := range en.Keys() {
		last := key[strings.LastIndexByte(key, '.')+1:]
		if !strings.Contains(code.String(), `"`+key+`"`) && !strings.Contains(code.String(), `"`+last+`"`) && !strings.Contains(code.String(), `.`+last+`"`) &&
			!strings.HasPrefix(key, "guide.step.") && !strings.HasPrefix(key, "status.") && !strings.Contains(key, ".help") && !strings.HasPrefix(key, "product.") {
			t.Errorf("text %q is used by nothing", key)
		}
	}
}

// A word for one answer in one language is none for another answer.
func TestAnswersAreTold(t *testing.T) {
	cat := testCatalog(t)
	for _, code := range Languages {
		l := locales[code]
		lists := map[string][]option{"yes-no": l.builtin("yes-no"), "answer": l.builtin("answer"), "support": l.builtin("support"), "categories": categories(cat, l)}
		for i := range cat.Tests {
			for _, tab := range cat.Tests[i].Tables {
				for j := range tab.Fields {
					if f := &tab.Fields[j]; len(f.Choices) > 0 {
						lists[cat.Tests[i].ID+"/"+tab.ID+"/"+f.ID] = l.fieldChoices(f)
					}
				}
			}
		}
		for name, options := range lists {
			for _, o := range options {
				for _, s := range append([]string{o.id, o.show, strings.ToUpper(o.show)}, o.known...) {
					if id, ok := match(options, s); s != "" && (!ok || id != o.id) {
						t.Errorf("%s %s: %q of %s is read as %q %v", code, name, s, o.id, id, ok)
					}
				}
			}
		}
	}
}

func TestConditionInWords(t *testing.T) {
	f := func(s string) scheme.Condition { return scheme.Condition{Feature: s} }
	not := f("c")
	c := &scheme.Condition{Any: []scheme.Condition{f("a"), {All: []scheme.Condition{f("b"), {Not: &not}}}}}
	for code, want := range map[string]string{"en": "a or (b and not c)", "de": "a oder (b und nicht c)", "fi": "a tai (b ja ei c)", "ko": "a 또는 (b 그리고 아님: c)"} {
		if got := locales[code].condition(c); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
	if got := locales["fi"].condition(nil); got != "aina" {
		t.Error(got)
	}
}
