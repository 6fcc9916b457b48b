package main

import (
	"context"
	"fmt"
	"strings"

	"assay/assess"
	"assay/bundle"
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
  --lang en|ko|de|fi    language of the guidance; default: en
  --at YYYY-MM-DD       day whose edition counts; default: today
  --dir CATALOG         another catalog than the one in this program

exit: 0 done, 1 failed, 2 usage
`

func runEvidenceInit(_ context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence init", evidenceInitUsage)
	category := v.String("category", "", "")
	levels := v.String("for", "", "")
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
	var functions []string
	for _, w := range strings.Split(*category, ",") {
		id, err := assess.FindCategory(cat, strings.TrimSpace(w))
		if err != nil {
			return v.misuse("--category: %v", err)
		}
		functions = append(functions, id)
	}
	var asked []*assess.Asked
	for _, w := range strings.Split(*levels, ",") {
		s, level, err := assess.FindLevel(c, cat, strings.TrimSpace(w), functions, day)
		if err != nil {
			return v.misuse("--for: %v", err)
		}
		a, err := assess.Asks(c, cat, s, level, functions, day)
		if err != nil {
			return v.misuse("--for: %v", err)
		}
		for _, g := range a.Gates {
			if g.Answer != scheme.Yes {
				fmt.Fprintf(std.err, "%s: %s is %s: %s\n", s, g.Rule, g.Answer, g.Data)
			}
		}
		asked = append(asked, a)
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
