package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

const adviseUsage = `usage: assay advise [--at YYYY-MM-DD] [--scheme ID] [--category ID]… [--feature NAME=yes|no|unknown]…
                    [--lang en|ko|de|fi] [--dir CATALOG] [--json] [BUNDLE]

Says which level suits which product, by the guidance of each scheme: below which
level nothing will do, which levels suit, and what would have to be known to tell.
The product is what BUNDLE (a folder, a zip or one evidence file) says of functions
and features, which need not be complete, and what --category and --feature say
besides; a feature said here wins over the bundle. --at is a day in each scheme's own zone; without it, it is
today there. It is advice: what a level asks, and whether it is reached, "assay
assess" tells.

exit: 0 told, 1 bundle or catalog could not be read, 2 usage
`

// adviseInput is what the flags of "advise" say of the product.
type adviseInput struct {
	categories []string
	features   map[string]evidence.Feature
}

func (in *adviseInput) category(id string) error {
	if !slices.Contains(in.categories, id) {
		in.categories = append(in.categories, id)
	}
	return nil
}

func (in *adviseInput) feature(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return fmt.Errorf("write NAME=yes, NAME=no or NAME=unknown")
	}
	if _, twice := in.features[name]; twice {
		return fmt.Errorf("%s is said twice", name)
	}
	var f evidence.Feature
	if err := f.Answer.UnmarshalText([]byte(value)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	in.features[name] = f
	return nil
}

// onto adds what the flags say to the evidence.
func (in *adviseInput) onto(ev *evidence.Evidence) {
	for _, id := range in.categories {
		if !slices.Contains(ev.Product.Functions, id) {
			ev.Product.Functions = append(ev.Product.Functions, id)
		}
	}
	if ev.Features == nil {
		ev.Features = map[string]evidence.Feature{}
	}
	for name, f := range in.features {
		ev.Features[name] = f
	}
}

// advice is the answer of the verb, as --json writes it.
type advice struct {
	Catalog    string           `json:"catalog"` // digest of the catalog used
	Product    string           `json:"product,omitempty"`
	Categories []string         `json:"categories"`
	Schemes    []assess.Counsel `json:"schemes"`
	Advice     []assess.Advised `json:"advice"`
}

// runAdvise is the verb "advise".
func runAdvise(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "advise", adviseUsage)
	in := adviseInput{features: map[string]evidence.Feature{}}
	at := v.String("at", "", "")
	only := v.String("scheme", "", "")
	dir := v.String("dir", "", "")
	lang := v.String("lang", "en", "")
	asJSON := v.Bool("json", false, "")
	v.Func("category", "", in.category)
	v.Func("feature", "", in.feature)
	rest, code, ok := v.parse(args, 0, 1)
	switch {
	case !ok:
		return code
	case len(rest) == 0 && len(in.categories) == 0:
		return v.misuse("say what the product is: its evidence, or --category ID")
	case !slices.Contains(catalog.Languages, *lang):
		return v.misuse("--lang %.20s: write one of %s", *lang, strings.Join(catalog.Languages, ", "))
	}
	cat, err := loadCatalog(*dir)
	if err != nil {
		return v.fail(err)
	}
	if *only != "" && cat.Scheme(*only) == nil {
		return v.misuse("--scheme %.80s: the catalog has %s", *only, strings.Join(schemeIDs(cat), ", "))
	}
	c, err := assess.Compile(cat)
	if err != nil {
		return v.fail(fmt.Errorf("catalog: %w", err))
	}
	for i, id := range in.categories {
		if in.categories[i], err = assess.FindCategory(cat, id); err != nil {
			return v.misuse("--category: %v", err)
		}
	}
	said := &evidence.Evidence{}
	in.onto(said)
	if found := c.Check(said); len(found) > 0 {
		return v.misuse("%s: %s", found[0].Problem, found[0].Remedy)
	}
	ev := &evidence.Evidence{}
	if len(rest) == 1 {
		b, err := bundle.OpenContext(ctx, rest[0])
		if err != nil {
			return v.failBundle(rest[0], err)
		}
		// Nothing else of the evidence is read, and a level is chosen before the rest is there.
		ev.Product, ev.Features = b.Evidence.Product, b.Evidence.Features
		if found := c.Check(ev); len(found) > 0 {
			printFindings(std.err, rest[0], b.Locate(found...))
			return v.fail(errors.New("the product is not told in the catalog's words"))
		}
	}
	in.onto(ev)
	out := advice{Catalog: cat.Digest, Product: ev.Product.Name, Categories: ev.Product.Functions, Advice: []assess.Advised{}}
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		if *only != "" && s.ID != *only {
			continue
		}
		day, err := dayIn(s.Zone, *at)
		if err != nil {
			return v.misuse("%v", err)
		}
		out.Advice = append(out.Advice, assess.Advise(c, ev, s.ID, day)...)
	}
	out.Schemes = assess.Weigh(c, out.Advice)
	if *asJSON {
		err = writeJSON(std.out, out)
	} else {
		err = printAdvice(std.out, cat, &out, *lang)
	}
	if err != nil {
		return v.fail(err)
	}
	return exitOK
}

// dayIn reads a day from a flag; without one it is today in the zone.
func dayIn(zone, at string) (civil.Date, error) {
	if at != "" {
		return dayOf(at)
	}
	z, err := time.LoadLocation(zone)
	if err != nil {
		return 0, err
	}
	return civil.DateAt(time.Now().UnixMicro(), z), nil
}

func printAdvice(w io.Writer, cat *scheme.Catalog, out *advice, lang string) error {
	name := out.Product
	if name == "" {
		name = "the product"
	}
	fmt.Fprintf(w, "%s (%s)\n\n", name, strings.Join(out.Categories, ", "))
	if len(out.Schemes) == 0 {
		_, err := fmt.Fprintln(w, "no scheme has guidance on that day")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SCHEME\tEDITION\tAT LEAST\tSUITS\tOPEN")
	for _, o := range out.Schemes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", o.Scheme, o.Edition, dash(o.Least), dash(strings.Join(o.Suits, ", ")), open(&o))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	questions := map[string]scheme.Text{}
	for i := range cat.Standards {
		for _, f := range cat.Standards[i].Features {
			questions[f.ID] = f.Question
		}
	}
	fmt.Fprintln(w)
	var asked []string
	for _, a := range out.Advice {
		if a.Answer == scheme.Yes {
			fmt.Fprintf(w, "%s %s: %s%s\n", a.Scheme, a.Level, a.Text.In(lang), cited(a.Fact))
		}
	}
	for _, o := range out.Schemes {
		for _, l := range o.Lifted {
			fmt.Fprintf(w, "%s %s would suit, but nothing below %s will do\n", o.Scheme, l, o.Least)
		}
		for _, f := range o.Unknown {
			if !slices.Contains(asked, f) {
				asked = append(asked, f)
			}
		}
	}
	for _, f := range asked {
		fmt.Fprintf(w, "not known: %s - %s\n", f, questions[f].In(lang))
	}
	return nil
}

func open(o *assess.Counsel) string {
	switch {
	case len(o.Unknown) > 0:
		return strings.Join(o.Unknown, ", ")
	case o.Open:
		return "whether the scheme takes it"
	}
	return "-"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
