package assess

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// FindCategory finds the category that a person means by a word: its id, the
// last part of it, its name in any language, or what a scheme calls it. It
// fails, naming the choices, where that is none or several.
func FindCategory(cat *scheme.Catalog, word string) (string, error) {
	same := func(s string) bool { return strings.EqualFold(s, word) }
	for _, fits := range []func(*scheme.Category) bool{
		func(c *scheme.Category) bool { return c.ID == word },
		func(c *scheme.Category) bool { return same(c.ID[strings.LastIndexByte(c.ID, '/')+1:]) },
		func(c *scheme.Category) bool {
			for _, n := range c.Name {
				if same(n) {
					return true
				}
			}
			return slices.ContainsFunc(c.Words, func(w scheme.Word) bool { return same(w.Word) })
		},
	} {
		var ids []string
		for i := range cat.Categories {
			if fits(&cat.Categories[i]) {
				ids = append(ids, cat.Categories[i].ID)
			}
		}
		switch len(ids) {
		case 0:
			continue
		case 1:
			return ids[0], nil
		}
		return "", fmt.Errorf("category %.40q can be %s: write one of these", word, strings.Join(ids, ", "))
	}
	var ids []string
	for i := range cat.Categories {
		if id := cat.Categories[i].ID; word != "" && strings.Contains(id, strings.ToLower(word)) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		for i := range cat.Categories {
			ids = append(ids, cat.Categories[i].ID)
		}
	}
	return "", fmt.Errorf("the catalog has no category %.40q: write one of %s", word, strings.Join(ids, ", "))
}

// FindLevel finds the scheme and the level that a person means by SCHEME:LEVEL
// for a product with these functions: a scheme's id or the beginning of one, of
// several the one that takes such a product on that day; a level's id or its
// name in any language, in capitals or not. It fails, naming the choices, where
// that is none or several.
func FindLevel(c *Compiled, cat *scheme.Catalog, word string, functions []string, at civil.Date) (schemeID, level string, err error) {
	begin, name, ok := strings.Cut(word, ":")
	if !ok || begin == "" || name == "" {
		return "", "", fmt.Errorf("%.60q is no level: write SCHEME:LEVEL", word)
	}
	r, err := findScheme(c, cat, begin, functions, at)
	if err != nil {
		return "", "", err
	}
	e := cat.Scheme(r.Scheme).Edition(r.Edition)
	if e == nil {
		return "", "", fmt.Errorf("scheme %s has no edition on %s", r.Scheme, at)
	}
	var choices []string
	for i := range e.Levels {
		l := &e.Levels[i]
		if strings.EqualFold(l.ID, name) {
			return r.Scheme, l.ID, nil
		}
		for _, n := range l.Name {
			if strings.EqualFold(n, name) {
				return r.Scheme, l.ID, nil
			}
		}
		choices = append(choices, l.ID)
	}
	return "", "", fmt.Errorf("scheme %s has no level %.40q on %s: write one of %s", r.Scheme, name, at, strings.Join(choices, ", "))
}

func findScheme(c *Compiled, cat *scheme.Catalog, begin string, functions []string, at civil.Date) (*Result, error) {
	ev := &evidence.Evidence{Product: evidence.Product{Functions: functions}}
	fit := map[scheme.Answer][]*Result{}
	var all, begun []string
	for i := range cat.Schemes {
		id := cat.Schemes[i].ID
		all = append(all, id)
		if !strings.HasPrefix(id, strings.ToLower(begin)) {
			continue
		}
		rs := Assess(c, ev, id, at)
		if len(rs) != 1 {
			continue
		}
		if id == strings.ToLower(begin) {
			return &rs[0], nil
		}
		begun = append(begun, id)
		a := scheme.Yes
		for _, g := range rs[0].Gates {
			if g.Rule == RuleScope || g.Rule == RuleEdition {
				a = a.And(g.Answer)
			}
		}
		fit[a] = append(fit[a], &rs[0])
	}
	for _, a := range []scheme.Answer{scheme.Yes, scheme.Undetermined} {
		switch rs := fit[a]; len(rs) {
		case 0:
			continue
		case 1:
			return rs[0], nil
		default:
			var ids []string
			for _, r := range rs {
				ids = append(ids, r.Scheme)
			}
			return nil, fmt.Errorf("scheme %.40q can be %s: write one of these", begin, strings.Join(ids, ", "))
		}
	}
	if len(begun) > 0 {
		return nil, errors.New("no such product is taken by " + strings.Join(begun, ", "))
	}
	return nil, fmt.Errorf("the catalog has no scheme %.40q: write one of %s", begin, strings.Join(all, ", "))
}
