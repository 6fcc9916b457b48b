package assay

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"assay/catalog"
)

// names are what a program that knew a nation would say, beside the ids of
// the catalog.
var names = []string{
	"Korea", "Korean", "Singapore", "Germany", "German", "Finland", "Finnish", "Japan", "Japanese", "Britain", "British",
	"KISA", "BSI", "Traficom", "CLS", "CIC", "JC-STAR", "PSTI", "MCST",
}

// inside may name nations: the data, and the demo, which plays them.
func inside(path string) bool {
	return strings.HasPrefix(path, "catalog/") || strings.HasPrefix(path, "cmd/assay/demo")
}

// Nations are data: no code outside the catalog and the demo has the id of a
// scheme, clause, arrangement or market, the code of a territory, its zone, or
// the name of a country or authority, be it in a string or in an identifier.
func TestNationsAreData(t *testing.T) {
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	// Whole strings; two letters are also the code of a language, in lower case.
	whole := map[string]bool{}
	for _, s := range c.Schemes {
		whole[s.ID], whole[s.Territory], whole[s.Zone], whole[s.Authority] = true, true, true, true
	}
	for _, a := range c.Arrangements {
		whole[a.ID] = true
		for _, cl := range a.Clauses {
			whole[cl.ID] = true
		}
	}
	for _, m := range c.Markets {
		whole[m.Territory], whole[m.Zone] = true, true
		for _, r := range m.Rules {
			whole[r.ID] = true
		}
	}
	if !whole[c.Schemes[0].ID] || len(whole) < 20 {
		t.Fatalf("%d words from the catalog: the check would find nothing", len(whole))
	}
	word := regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)\b`)
	part := regexp.MustCompile(`(?i)(` + strings.Join(names[:11], "|") + `)`) // in camel case; the short ones are parts of words
	files, set := sources(t)
	for _, f := range files {
		if inside(f.path) {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.BasicLit:
				if n.Kind != token.STRING {
					break
				}
				s, err := strconv.Unquote(n.Value)
				if err != nil {
					t.Fatal(err)
				}
				if whole[s] || word.MatchString(s) {
					t.Errorf("%s: %.80q names a nation's thing; it belongs in the catalog", set.Position(n.Pos()), s)
				}
			case *ast.Ident:
				if part.MatchString(n.Name) {
					t.Errorf("%s: %s names a nation; it belongs in the catalog", set.Position(n.Pos()), n.Name)
				}
			}
			return true
		})
	}
}
