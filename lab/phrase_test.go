package lab

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"assay/locale"
)

func TestPhrases(t *testing.T) {
	all, err := phrases()
	if err != nil {
		t.Fatal(err)
	}
	for id, text := range all {
		for i := range 9 {
			arg := "%" + strconv.Itoa(i+1)
			for _, l := range locale.Languages {
				if strings.TrimSpace(text[l]) == "" {
					t.Fatalf("%s: nothing in %s", id, l)
				}
				if strings.Contains(text[l], arg) != strings.Contains(text["en"], arg) {
					t.Errorf("%s: %s and English do not both have %s", id, l, arg)
				}
			}
		}
	}
}

func TestPhraseIn(t *testing.T) {
	p := Say("scope.part", "%2 and %1", "x\ny")
	if got := p.String(); got != `looked at %2 and %1; not looked at x\ny` {
		t.Error(got)
	}
	if p.In("ko") == p.In("en") || p.In("sv") != p.In("en") {
		t.Error(p.In("ko"), p.In("sv"))
	}
	if Word("account", "de") != "Konto" || Word("no-such", "de") != "no-such" {
		t.Error(Word("account", "de"), Word("no-such", "de"))
	}
}

// Every rule, phrase and property that a package of the laboratory names as a
// text exists.
func TestNamed(t *testing.T) {
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	words, err := phrases()
	if err != nil {
		t.Fatal(err)
	}
	literal := func(e ast.Expr) (string, bool) {
		b, ok := e.(*ast.BasicLit)
		if !ok || b.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(b.Value)
		return s, err == nil
	}
	set := token.NewFileSet()
	calls := 0
	err = filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") {
			return err
		}
		f, err := parser.ParseFile(set, p, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) == 0 {
				return true
			}
			name := ""
			switch x := c.Fun.(type) {
			case *ast.Ident:
				name = x.Name
			case *ast.SelectorExpr:
				name = x.Sel.Name
			}
			id, ok := literal(c.Args[0])
			switch {
			case !ok:
			case name == "Found" || name == "MustRule":
				calls++
				if _, ok := rules[id]; !ok {
					t.Errorf("%s: no rule %q", set.Position(c.Pos()), id)
				}
				if name == "MustRule" || strings.HasSuffix(p, "_test.go") {
					break
				}
				for i := 3; i < len(c.Args); i += 2 {
					if w, ok := literal(c.Args[i]); ok && words["property."+w] == nil {
						t.Errorf("%s: no phrase property.%s", set.Position(c.Pos()), w)
					}
				}
			case name == "Say" && !strings.HasSuffix(p, "_test.go"):
				if words[id] == nil {
					t.Errorf("%s: no phrase %q", set.Position(c.Pos()), id)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls == 0 {
		t.Error("found no call: the walk misses the packages")
	}
}
