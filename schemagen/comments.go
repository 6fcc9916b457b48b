package schemagen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// Comments reads what the source in folders says of its types and their
// fields, by "package.Type" and "package.Type.Field".
func Comments(dirs ...string) (map[string]string, error) {
	says := map[string]string{}
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			for _, d := range f.Decls {
				if g, is := d.(*ast.GenDecl); is {
					typesOf(g, f.Name.Name, says)
				}
			}
		}
	}
	return says, nil
}

func typesOf(g *ast.GenDecl, pkg string, says map[string]string) {
	for _, s := range g.Specs {
		t, is := s.(*ast.TypeSpec)
		if !is {
			continue
		}
		name := pkg + "." + t.Name.Name
		says[name] = oneLine(g.Doc, t.Doc)
		st, is := t.Type.(*ast.StructType)
		if !is {
			continue
		}
		for _, f := range st.Fields.List {
			for _, n := range f.Names {
				says[name+"."+n.Name] = oneLine(f.Doc, f.Comment)
			}
		}
	}
}

func oneLine(cs ...*ast.CommentGroup) string {
	var words []string
	for _, c := range cs {
		if c != nil {
			words = append(words, strings.Fields(c.Text())...)
		}
	}
	return strings.Join(words, " ")
}
