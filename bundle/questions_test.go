package bundle

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

func embedded(t testing.TB) (*scheme.Catalog, *assess.Compiled) {
	t.Helper()
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c, err := assess.Compile(cat)
	if err != nil {
		t.Fatal(err)
	}
	return cat, c
}

// Of every level of every scheme a new bundle asks exactly what Asks says: its
// requirements, features and tables, and every field of the tables. It has a
// comment on each, answers nothing, and says the same in every language.
func TestQuestions(t *testing.T) {
	cat, c := embedded(t)
	day := civil.MustDate("2026-11-24")
	functions := []string{"consumer/camera"}
	levels, tables := 0, 0
	for i := range cat.Schemes {
		e := cat.Schemes[i].EditionOn(day)
		if e == nil {
			continue
		}
		for _, l := range e.Levels {
			a, err := assess.Asks(c, cat, cat.Schemes[i].ID, l.ID, functions, day)
			if err != nil {
				continue // it takes no cameras
			}
			levels++
			tables += len(a.Tables)
			var bare map[string]string
			for _, lang := range Languages {
				b, err := Questions(cat, []*assess.Asked{a}, functions, lang)
				if err != nil {
					t.Fatalf("%s %s %s: %v", cat.Schemes[i].ID, l.ID, lang, err)
				}
				if lang == "en" {
					asksExactly(t, c, a, b)
					bare = withoutComments(b)
				} else if got := withoutComments(b); !reflect.DeepEqual(got, bare) {
					t.Errorf("%s %s: in %s it asks something else", cat.Schemes[i].ID, l.ID, lang)
				}
			}
		}
	}
	if levels < 10 || tables == 0 {
		t.Errorf("only %d levels with %d tables asked", levels, tables)
	}
}

func withoutComments(b *Bundle) map[string]string {
	out := map[string]string{}
	for _, p := range b.Texts() {
		for _, l := range strings.Split(string(b.Text(p)), "\n") {
			if !strings.HasPrefix(strings.TrimSpace(l), "#") {
				out[p] += l + "\n"
			}
		}
	}
	return out
}

func asksExactly(t *testing.T, c *assess.Compiled, a *assess.Asked, b *Bundle) {
	t.Helper()
	name := a.Scheme.ID + " " + a.Level.ID
	want, got := map[string]bool{}, map[string]bool{}
	for _, r := range a.Requirements {
		want[r.Ref.String()] = true
	}
	for _, s := range b.Evidence.ICS {
		for id, x := range s.Entries {
			got[s.Standard+"@"+s.Edition+"/"+id] = true
			if x.Support != evidence.SupportedTBD || x.Detail != "" || len(x.Artifacts) > 0 {
				t.Errorf("%s: %s is answered", name, id)
			}
		}
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%s asks %v, want %v", name, sorted(got), sorted(want))
	}
	for _, f := range a.Features() {
		if x, ok := b.Evidence.Features[f]; !ok || x.Answer != scheme.Undetermined {
			t.Errorf("%s: feature %s: %v", name, f, x)
		}
	}
	want, got = map[string]bool{}, map[string]bool{}
	for _, x := range a.Tables {
		for _, f := range x.Table.Fields {
			want[x.Table.ID+"."+f.ID] = true
		}
		if !x.Table.Single {
			want[x.Table.ID+".id"] = true
		}
	}
	for id, rows := range b.Evidence.IXIT {
		if len(rows) != 1 {
			t.Errorf("%s: %d rows in %s", name, len(rows), id)
		}
		for f, cell := range rows[0] {
			got[id+"."+f] = true
			if !cell.Empty() {
				t.Errorf("%s: %s.%s is answered: %v", name, id, f, cell)
			}
		}
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%s has fields %v, want %v", name, sorted(got), sorted(want))
	}
	if f := c.Check(b.Evidence); len(f) > 0 {
		t.Errorf("%s: the catalog does not know its own words: %v", name, f)
	}
}

// What two levels ask is asked once, and each says how it wants it shown.
func TestQuestionsOfSeveral(t *testing.T) {
	cat, c := embedded(t)
	day, functions := civil.MustDate("2026-11-24"), []string{"consumer/camera"}
	var asked []*assess.Asked
	want := map[string]bool{}
	for _, w := range []string{"kr-cic:basic", "sg-cls:3", "de-it-sik:label"} {
		s, l, err := assess.FindLevel(c, cat, w, functions, day)
		if err != nil {
			t.Fatal(err)
		}
		a, err := assess.Asks(c, cat, s, l, functions, day)
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, a)
		for _, r := range a.Requirements {
			want[r.Ref.String()] = true
		}
	}
	b, err := Questions(cat, asked, functions, "fi")
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for _, s := range b.Evidence.ICS {
		got += len(s.Entries)
	}
	if got != len(want) {
		t.Errorf("%d requirements, want %d", got, len(want))
	}
	text := string(b.Text("ics.yaml"))
	for _, says := range []string{
		"#   sg-cls-iot 1: valmistaja vakuuttaa sen\n", "#   kr-cic basic: laboratorio testaa sen", "de-it-sik label: ", "(ratkaisee vaatimukset ",
	} {
		if !strings.Contains(text, says) {
			t.Errorf("no %q in the statement", says)
		}
	}
	for i, l := range strings.Split(text, "\n") {
		if n := len([]rune(l)); strings.HasPrefix(strings.TrimSpace(l), "#") && n > width {
			t.Errorf("line %d has %d characters: %s", i+1, n, l)
		}
	}
	for _, x := range []struct {
		asked []*assess.Asked
		lang  string
	}{{nil, "en"}, {asked, "sv"}, {asked, ""}} {
		if _, err := Questions(cat, x.asked, functions, x.lang); err == nil {
			t.Errorf("%d levels in %q were written", len(x.asked), x.lang)
		}
	}
}

// Evidence that must contain things says which.
func TestQuestionsNameContents(t *testing.T) {
	cat, c := embedded(t)
	day := civil.MustDate("2026-11-24")
	n := 0
	for i := range cat.Schemes {
		e := cat.Schemes[i].EditionOn(day)
		if e == nil || len(e.Levels) == 0 || len(e.Categories) == 0 {
			continue
		}
		functions := []string{e.Categories[0].Category}
		a, err := assess.Asks(c, cat, cat.Schemes[i].ID, e.Levels[len(e.Levels)-1].ID, functions, day)
		if err != nil {
			continue
		}
		b, err := Questions(cat, []*assess.Asked{a}, functions, "en")
		if err != nil {
			t.Fatal(err)
		}
		text := string(b.Text("ics.yaml"))
		for _, r := range a.Requirements {
			for _, x := range r.Requirement.Contents {
				n++
				if !strings.Contains(text, "#   - "+x.ID+" · ") {
					t.Errorf("%s: %s does not name %s", a.Scheme.ID, r.Ref, x.ID)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no level asks for contents: the test tries nothing")
	}
}

// Every phrase is there in every language, takes the same arguments, and is no
// copy of the English one.
func TestPhrases(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	for name, p := range phrases {
		for _, lang := range Languages {
			s := p[lang]
			if s == "" {
				t.Errorf("%s is not there in %s", name, lang)
			}
			if a, b := verb.FindAllString(p["en"], -1), verb.FindAllString(s, -1); !slices.Equal(a, b) {
				t.Errorf("%s in %s takes %v, in English %v", name, lang, b, a)
			}
			if lang != "en" && s == p["en"] {
				t.Errorf("%s is English in %s", name, lang)
			}
		}
	}
	for _, m := range []scheme.Method{scheme.Declared, scheme.Document, scheme.Test} {
		for _, by := range []scheme.By{scheme.Maker, scheme.Laboratory} {
			if phrases[fmt.Sprint(m, "/", by)] == nil {
				t.Errorf("no words for %s by %s", m, by)
			}
		}
	}
}

func TestKey(t *testing.T) {
	for id, want := range map[string]string{
		"5.1-1": "5.1-1", "6-1": "6-1", "CK-LP-01": "CK-LP-01", "2.1": `"2.1"`, "1": `"1"`, "app-2.1": "app-2.1", "1-lite": "1-lite", "2.2-4.1": "2.2-4.1",
	} {
		if got := key(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}
