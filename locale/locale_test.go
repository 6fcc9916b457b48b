package locale

import (
	"strings"
	"testing"
	"testing/fstest"

	"assay/civil"
	"assay/scheme"
)

func files(en, others string) fstest.MapFS {
	fs := fstest.MapFS{"x/en.json": {Data: []byte(en)}}
	for _, code := range Languages[1:] {
		fs["x/"+code+".json"] = &fstest.MapFile{Data: []byte(others)}
	}
	return fs
}

func TestTexts(t *testing.T) {
	ls, err := Load(files(`{"a": "say {word}", "n": {"one": "{n} file of {of}", "other": "{n} files of {of}"}}`, `{"a": "{word}!", "n": {"one": "{n}/{of} x", "other": "{n}/{of} xx"}}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	if len(ls) != 4 || ls[0].Code != "en" || ls[3].Code != "fi" {
		t.Fatalf("languages: %v", ls)
	}
	if p := Problems(ls); len(p) > 0 {
		t.Error(p)
	}
	for got, want := range map[string]string{
		ls[0].T("a", "word", "yes"):             "say yes",
		ls[1].T("a", "word", "yes"):             "yes!",
		ls[0].T("no.such"):                      "no.such",
		ls[0].N("n", 1, "of", 2):                "1 file of 2",
		ls[0].N("n", 12345, "of", 2):            "12,345 files of 2",
		ls[2].N("n", 1, "of", 2):                "1/2 x",
		ls[1].N("n", 1, "of", 2):                "1/2 xx", // Korean has one form
		ls[2].Number(12345):                     "12.345",
		ls[3].Number(12345):                     "12\u00a0345",
		ls[3].In(scheme.Text{"en": "e"}):        "e",
		ls[0].Day(civil.MustDate("2026-11-24")): "24 November 2026",
		ls[1].Day(civil.MustDate("2026-11-24")): "2026년 11월 24일",
		ls[2].Day(civil.MustDate("2026-03-01")): "1. März 2026",
		ls[3].Day(civil.MustDate("2026-11-24")): "24. marraskuuta 2026",
		ls[3].Day(0):                            "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !ls[0].Has("month.1") || ls[0].Has("no.such") || strings.Join(ls[0].Keys(), " ") != "a n" {
		t.Errorf("keys %v", ls[0].Keys())
	}
}

// What translators forget is found, each on its own.
func TestProblems(t *testing.T) {
	for others, want := range map[string]string{
		`{"n": {"one": "{n}", "other": "{n}"}}`:                          `"a" is missing`,
		`{"a": "{word}", "b": "x", "n": {"one": "{n}", "other": "{n}"}}`: `"b" is not in en`,
		`{"a": "word", "n": {"one": "{n}", "other": "{n}"}}`:             `"a" has placeholders`,
		`{"a": "{word} ", "n": {"one": "{n}", "other": "{n}"}}`:          `spaces around it`,
		`{"a": "{word}", "n": {"other": "{n}"}}`:                         `no plural form`,
	} {
		ls, err := Load(files(`{"a": "{word}", "n": {"one": "{n}", "other": "{n}"}}`, others), "x")
		if err != nil {
			t.Fatal(err)
		}
		if p := strings.Join(Problems(ls), "\n"); !strings.Contains(p, want) {
			t.Errorf("%s: found %q, want %q", others, p, want)
		}
	}
}

// The days are in all languages, and in the same form.
func TestCommon(t *testing.T) {
	ls, err := Load(common, "common")
	if err != nil {
		t.Fatal(err)
	}
	if p := Problems(ls); len(p) > 0 || len(ls[0].Keys()) != 13 {
		t.Errorf("%d keys; %v", len(ls[0].Keys()), p)
	}
}

func TestBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                  "x/en.json: ",
		`{"a": 1}`:           "x/en.json: ",
		`{"a": {"some":""}}`: `"some" is no plural form`,
	} {
		if _, err := Load(files(text, "{}"), "x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := Load(fstest.MapFS{}, "x"); err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("no files: %v", err)
	}
}
