package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"assay/evidence"
	"assay/locale"
	"assay/scheme"
)

func TestLocalesSayTheSame(t *testing.T) {
	for _, p := range locale.Problems(locales) {
		t.Error(p)
	}
	same := map[string]int{}
	for _, key := range locales[0].Keys() {
		for _, l := range locales[1:] {
			if l.T(key) == locales[0].T(key) {
				same[l.Code]++
			}
		}
	}
	for code, n := range same {
		if n > len(locales[0].Keys())/20 {
			t.Errorf("%s: %d texts are the English ones", code, n)
		}
	}
}

// constants are the values of the string constants of a package that begin
// with a word.
func constants(t *testing.T, dir, prefix string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, id := range v.Names {
				if strings.HasPrefix(id.Name, prefix) && i < len(v.Values) {
					if lit, ok := v.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						found[id.Name], _ = strconv.Unquote(lit.Value)
					}
				}
			}
			return true
		})
	}
	return found
}

// met are the rules by which a requirement is met: there is nothing to do.
var met = []string{"shown", "does-not-apply", "justified", "mapped"}

// Every rule of an assessment has words, and whatever is not met what to do.
func TestRulesHaveWords(t *testing.T) {
	rules := constants(t, "assess", "Rule")
	if len(rules) < 30 {
		t.Fatalf("%d rules found", len(rules))
	}
	for name, rule := range rules {
		for _, l := range locales {
			switch {
			case strings.HasPrefix(name, "RuleAdvice"): // of advice, which is not in a report
			case name == "RuleEdition" || name == "RuleOpen" || name == "RuleScope":
				if !l.Has("gate." + rule) {
					t.Errorf("%s: gate %s has no words", l.Code, rule)
				}
			default:
				if !l.Has("rule." + rule) {
					t.Errorf("%s: %s has no words", l.Code, name)
				}
				if done := strings.Contains(" "+strings.Join(met, " ")+" ", " "+rule+" "); l.Has("todo."+rule) == done {
					t.Errorf("%s: %s: what to do is there: %v", l.Code, name, !done)
				}
			}
		}
	}
}

func TestCodesHaveWords(t *testing.T) {
	var keys []string
	for _, k := range findingKinds {
		keys = append(keys, "kind."+string(k))
		if k != FoundContradiction && k != FoundObserved && k != FoundFault { // they bring their own
			keys = append(keys, "found."+string(k), "mend."+string(k))
		}
	}
	if n := len(constants(t, "report", "Found")); n != len(findingKinds) {
		t.Errorf("%d kinds of findings, %d have an order", n, len(findingKinds))
	}
	for s := range stateLooks {
		keys = append(keys, "state."+string(s))
	}
	for _, m := range []scheme.Method{scheme.Declared, scheme.Document, scheme.Test} {
		for _, b := range []scheme.By{scheme.Maker, scheme.Laboratory} {
			keys = append(keys, "asked."+string(m)+"."+string(b))
		}
	}
	for _, c := range []scheme.Confidence{scheme.Official, scheme.Secondary, scheme.Mirror, scheme.Inferred, scheme.Unverified} {
		keys = append(keys, "confidence."+c.String())
	}
	for _, r := range []scheme.Relation{scheme.Equal, scheme.Superset, scheme.Subset, scheme.Intersects} {
		keys = append(keys, "relation."+string(r))
	}
	for _, l := range locales {
		for _, k := range keys {
			if !l.Has(k) {
				t.Errorf("%s: no text for %q", l.Code, k)
			}
		}
	}
}

// A fixed key that the code asks for is there, and no text is there for nothing.
func TestKeys(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	asked := regexp.MustCompile(`(?:w\.[tn]|add|w\.sure|note)\((?:[a-z]+, )?"([a-z]+\.[a-z.-]+)"`).FindAllStringSubmatch(source.String(), -1)
	if len(asked) < 80 {
		t.Fatalf("%d keys found", len(asked))
	}
	for _, m := range asked {
		if !strings.HasSuffix(m[1], ".") && !locales[0].Has(m[1]) {
			t.Errorf("there is no text %q", m[1])
		}
	}
	coded := regexp.MustCompile(`^(kind|found|mend|state|rule|todo|asked|confidence|relation)\.|^gate\.(edition-in-force|scheme-open|category-in-scope)$`)
	for _, key := range locales[0].Keys() {
		if !coded.MatchString(key) && !strings.Contains(source.String(), `"`+key+`"`) {
			t.Errorf("nothing shows %q", key)
		}
	}
}

// No text is left with a placeholder, whatever is told, in any language.
func TestNothingIsLeftOpen(t *testing.T) {
	cat, c, b := gateway(t)
	flawed(t, b.Evidence)
	left := regexp.MustCompile(`\{[a-z]+\}`)
	code := regexp.MustCompile(`\b(state|rule|todo|kind|found|mend|asked|gate|relation|confidence|fact|reqs)\.[a-z-]+`)
	for _, lang := range locale.Languages {
		for _, r := range []*Report{small(t, Options{Lang: lang}), assessed(t, cat, c, b.Evidence, Options{Lang: lang}), assessed(t, cat, c, &evidence.Evidence{}, Options{Lang: lang})} {
			d := r.document()
			texts(d, func(s string) {
				if left.MatchString(s) || code.MatchString(s) {
					t.Errorf("%s: %q", lang, s)
				}
			})
		}
	}
}

// texts calls f with every text of a document but the form of a page number.
func texts(d *document, f func(string)) {
	cells := func(cs ...cell) {
		for _, c := range cs {
			for _, l := range c {
				for _, s := range l {
					f(s.Text)
				}
			}
		}
	}
	for _, s := range append([]string{d.Title, d.Kicker, d.Specimen, d.Contents, d.Skip}, d.Footer...) {
		f(s)
	}
	for _, x := range d.Facts {
		f(x.Term)
		cells(x.Lines)
	}
	for _, x := range d.Tiles {
		f(x.Number)
		f(x.Of)
		f(x.Text)
	}
	var walk func(ss []*section)
	walk = func(ss []*section) {
		for _, s := range ss {
			f(s.Title)
			f(s.Under)
			for _, p := range s.Parts {
				switch {
				case p.Text != nil:
					cells(cell{p.Text.Line})
				case p.Table != nil:
					f(p.Table.Caption)
					for _, h := range p.Table.Heads {
						f(h.Title)
					}
					for _, r := range p.Table.Rows {
						cells(r.Cells...)
					}
				case p.Figures != nil:
					for _, g := range p.Figures {
						f(g.Title)
						f(g.Said)
						for _, h := range g.Shapes {
							f(h.Text)
						}
					}
				default:
					cells(p.List...)
				}
			}
			walk(s.Sections)
		}
	}
	walk(d.Sections)
}
