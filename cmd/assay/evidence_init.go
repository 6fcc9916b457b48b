package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"assay/assess"
	"assay/bundle"
	"assay/civil"
	"assay/scheme"
)

const evidenceInitUsage = `usage: assay evidence init --category CATEGORY --for SCHEME:LEVEL[,…] [flags] DIR

Makes the new folder DIR with the questions that these levels ask of such a
product, and no others: features, requirements, IXIT tables, and what evidence must
contain. Beside each question stands, as a comment, what is asked, how it must be
shown and by whom. Answers are empty; check says what is left to fill in.

  --category CATEGORY   what the product is, by id or name (camera); for each of
                        its functions one, separated by commas
  --for SCHEME:LEVEL    levels, separated by commas; the beginning of a scheme's id
                        will do where one scheme alone takes such a product
  --ixit                with the IXIT tables that a test by the standards' own
                        specifications needs, also where a level takes your word
  --lang en|ko|de|fi    language of the guidance; default: en
  --at YYYY-MM-DD       day whose edition counts; default: today
  --dir CATALOG         another catalog than the one in this program

exit: 0 done, 1 failed, 2 usage
`

func runEvidenceInit(_ context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence init", evidenceInitUsage)
	category := v.String("category", "", "")
	levels := v.String("for", "", "")
	ixit := v.Bool("ixit", false, "")
	language := v.String("lang", "en", "")
	at := v.String("at", "", "")
	dir := v.String("dir", "", "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if *category == "" || *levels == "" {
		return v.misuse("say what the product is with --category, and what it is for with --for")
	}
	day, err := dayOf(*at)
	if err != nil {
		return v.misuse("%v", err)
	}
	cat, err := loadCatalog(*dir)
	if err != nil {
		return v.fail(err)
	}
	c, err := assess.Compile(cat)
	if err != nil {
		return v.fail(fmt.Errorf("catalog: %w", err))
	}
	functions, err := categoriesOf(cat, *category)
	if err != nil {
		return v.misuse("--category: %v", err)
	}
	asked, err := asksOf(std.err, c, cat, *levels, functions, day)
	if err != nil {
		return v.misuse("--for: %v", err)
	}
	if *ixit {
		for _, a := range asked {
			a.Tested(cat)
		}
	}
	b, err := bundle.Questions(cat, asked, functions, *language)
	if err != nil {
		return v.misuse("%v", err)
	}
	if err := b.Save(rest[0]); err != nil {
		return v.fail(err)
	}
	requirements := 0
	for _, s := range b.Evidence.ICS {
		requirements += len(s.Entries)
	}
	fmt.Fprintf(std.out, "%s: features: %d, requirements: %d, tables: %d\n", rest[0], len(b.Evidence.Features), requirements, len(b.Evidence.IXIT))
	return exitOK
}

// categoriesOf are the ids of categories in a list with commas.
func categoriesOf(cat *scheme.Catalog, list string) (ids []string, err error) {
	for w := range strings.SplitSeq(list, ",") {
		id, err := assess.FindCategory(cat, strings.TrimSpace(w))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// asksOf is what the levels in a list with commas ask of a product with these
// functions. Gates that are not open are said to warn.
func asksOf(warn io.Writer, c *assess.Compiled, cat *scheme.Catalog, list string, functions []string, day civil.Date) (asked []*assess.Asked, err error) {
	for w := range strings.SplitSeq(list, ",") {
		s, level, err := assess.FindLevel(c, cat, strings.TrimSpace(w), functions, day)
		if err != nil {
			return nil, err
		}
		a, err := assess.Asks(c, cat, s, level, functions, day)
		if err != nil {
			return nil, err
		}
		for _, g := range a.Gates {
			if g.Answer != scheme.Yes {
				fmt.Fprintf(warn, "%s: %s is %s: %s\n", s, g.Rule, g.Answer, g.Data)
			}
		}
		asked = append(asked, a)
	}
	return asked, nil
}
