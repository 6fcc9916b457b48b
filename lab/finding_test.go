package lab

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"assay/catalog"
	"assay/locale"
)

// Every rule can be shown in every language, and bears on something.
func TestRules(t *testing.T) {
	all, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range all {
		for _, l := range locale.Languages {
			if strings.TrimSpace(r.Title[l]) == "" || strings.TrimSpace(r.Remedy[l]) == "" && r.Severity != None {
				t.Errorf("%s: no title or no remedy in %s", id, l)
			}
			if strings.HasSuffix(r.Title[l], ".") {
				t.Errorf("%s: the title in %s ends with a period", id, l)
			}
		}
		for _, a := range r.About {
			if standard, requirement, ok := strings.Cut(a, "/"); !ok || standard == "" || requirement == "" {
				t.Errorf("%s: %q is not STANDARD/REQUIREMENT", id, a)
			}
		}
	}
}

func TestRulesRefuse(t *testing.T) {
	const good = "- {id: a.b, version: 1, severity: low, about: [x/y], source: s, title: {}, remedy: {}}\n"
	for what, text := range map[string]string{
		"id":       strings.Replace(good, "a.b", "A", 1),
		"version":  strings.Replace(good, "1", "0", 1),
		"severity": strings.Replace(good, "low", "bad", 1),
		"source":   strings.Replace(good, "source: s", `source: ""`, 1),
		"about":    strings.Replace(good, "[x/y]", "[]", 1),
		"twice":    good + good,
		"field":    strings.Replace(good, "about", "abuot", 1),
	} {
		if _, err := readRules(fstest.MapFS{"rules/x.yaml": {Data: []byte(text)}}); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if all, err := readRules(fstest.MapFS{"rules/x.yaml": {Data: []byte(good)}}); err != nil || len(all) != 1 {
		t.Error(err)
	}
}

func TestSort(t *testing.T) {
	low := Finding{Rule: "b.x", Severity: Low, Where: []Place{{Path: "/z"}}}
	high := Finding{Rule: "a.x", Severity: High, Known: []Property{{"account", "root"}}, Where: []Place{{Path: "/b"}}}
	again := high
	again.Where = []Place{{Path: "/a"}}
	got, left := Sort([]Finding{low, high, again, high})
	if len(got) != 2 || got[0].Rule != "a.x" || len(got[0].Where) != 2 || got[0].Where[0].Path != "/a" || left != nil {
		t.Errorf("%+v %v", got, left)
	}
	var many []Finding
	for i := range MaxFindings + 7 {
		many = append(many, Finding{Rule: "c.x", Known: []Property{{"line", strings.Repeat("i", i)}}})
	}
	slices.Reverse(many)
	if got, left := Sort(many); len(got) != MaxFindings || left["c.x"] != 7 || got[0].Known[0].Value != "" {
		t.Errorf("%d, %v", len(got), left)
	}
}

func TestFound(t *testing.T) {
	f := Found("image.damaged", Confirmed, Place{Part: "0x0", Path: "/etc/\x1b[31mx", Line: 3}, "text", "a\nb\xff\u202e", "nothing", "")
	if f.Get("text") != `a\nb\xff\u202e` || f.Get("nothing") != "" || f.Severity != Medium || f.Version != 1 {
		t.Errorf("%+v", f)
	}
	if got := f.Where[0].String(); got != `0x0:/etc/\u001b[31mx:3` {
		t.Error(got)
	}
	if n := len([]rune(clean(strings.Repeat("x", 1000)))); n > maxValue+1 {
		t.Error(n)
	}
}

// Every requirement that a rule bears on is in the catalog.
func TestAboutIsInTheCatalog(t *testing.T) {
	cat, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, s := range cat.Standards {
		for _, e := range s.Editions {
			for _, r := range e.Requirements {
				has[s.ID+"/"+r.ID] = true
			}
		}
	}
	all, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range all {
		for _, a := range r.About {
			if !has[a] {
				t.Errorf("%s: there is no requirement %s", id, a)
			}
		}
	}
}
