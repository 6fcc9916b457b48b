package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"assay/assess"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

const adviseUsage = `usage: assay advise [--at YYYY-MM-DD] [--scheme ID] [--category ID]… [--feature NAME=yes|no|unknown]…
                    [--lang en|ko|de|fi] [--dir CATALOG] [--json] [FILE]

Says which level suits which product, by the guidance of each scheme: below which
level nothing will do, which levels suit, and what would have to be known to tell.
The product is what the evidence FILE (- is the standard input) says of functions
and features, and what --category and --feature say besides; a feature said here
wins over the file. --at is a day in each scheme's own zone; without it, it is
today there. It is advice: what a level asks, and whether it is reached, "assay
assess" tells.

exit: 0 told, 1 the file or the catalog has findings, 2 usage
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
	Catalog  string           `json:"catalog"`
	Product  string           `json:"product,omitempty"`
	Category []string         `json:"categories"`
	Schemes  []assess.Counsel `json:"schemes"`
	Advice   []assess.Advised `json:"advice"`
}

// runAdvise is the verb "advise".
func runAdvise(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("advise", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { io.WriteString(stderr, adviseUsage) }
	in := adviseInput{features: map[string]evidence.Feature{}}
	at := fs.String("at", "", "")
	only := fs.String("scheme", "", "")
	dir := fs.String("dir", "", "")
	lang := fs.String("lang", "en", "")
	asJSON := fs.Bool("json", false, "")
	fs.Func("category", "", in.category)
	fs.Func("feature", "", in.feature)
	if err := fs.Parse(args); err != nil {
		return 2
	}
	refuse := func(code int, format string, a ...any) int {
		fmt.Fprintf(stderr, "assay advise: "+format+"\n", a...)
		return code
	}
	if fs.NArg() > 1 {
		fs.Usage()
		return 2
	}
	if fs.NArg() == 0 && len(in.categories) == 0 {
		return refuse(2, "say what the product is: an evidence file, or --category ID")
	}
	if !slices.Contains(catalog.Languages, *lang) {
		return refuse(2, "--lang %s: write one of %s", *lang, strings.Join(catalog.Languages, ", "))
	}
	var day civil.Date
	if *at != "" {
		var err error
		if day, err = civil.ParseDate(*at); err != nil {
			return refuse(2, "--at %v", err)
		}
	}
	load := catalog.Embedded
	if *dir != "" {
		load = func() (*scheme.Catalog, error) { return catalog.LoadDir(*dir) }
	}
	cat, err := load()
	if err != nil {
		return refuse(1, "catalog: %v", err)
	}
	if *only != "" && cat.Scheme(*only) == nil {
		return refuse(2, "--scheme %s: the catalog has %s", *only, strings.Join(schemeIDs(cat), ", "))
	}
	c, err := assess.Compile(cat)
	if err != nil {
		return refuse(1, "catalog: %v", err)
	}
	stated := &evidence.Evidence{}
	in.onto(stated)
	if found := c.Check(stated); len(found) > 0 {
		return refuse(2, "%s: %s", found[0].Problem, found[0].Remedy)
	}
	ev := &evidence.Evidence{}
	if fs.NArg() == 1 {
		var code int
		if ev, code = adviseFile(c, fs.Arg(0), stderr); ev == nil {
			return code
		}
	}
	in.onto(ev)
	out := advice{Catalog: cat.Digest, Product: ev.Product.Name, Category: ev.Product.Functions, Advice: []assess.Advised{}}
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		if *only != "" && s.ID != *only {
			continue
		}
		on := day
		if on.IsZero() {
			zone, err := time.LoadLocation(s.Zone)
			if err != nil {
				return refuse(1, "scheme %s: %v", s.ID, err)
			}
			on = civil.DateAt(time.Now().UnixMicro(), zone)
		}
		out.Advice = append(out.Advice, assess.Advise(c, ev, s.ID, on)...)
	}
	out.Schemes = assess.Weigh(c, out.Advice)
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(out)
	} else {
		err = printAdvice(stdout, cat, &out, *lang)
	}
	if err != nil {
		return refuse(1, "%v", err)
	}
	return 0
}

// adviseFile reads an evidence file; nil and an exit code where it cannot be used.
func adviseFile(c *assess.Compiled, file string, stderr io.Writer) (*evidence.Evidence, int) {
	b, err := readEvidence(file)
	if err != nil {
		fmt.Fprintf(stderr, "assay advise: %v\n", err)
		return nil, 1
	}
	ev, err := evidence.Parse(b)
	if err != nil {
		fmt.Fprintf(stderr, "assay advise: %s: %v\n", file, err)
		return nil, 1
	}
	found := append(ev.Validate(), c.Check(ev)...)
	for _, f := range found {
		fmt.Fprintf(stderr, "%s:%d: %s\n", file, evidence.Line(b, f.Place), f)
	}
	if len(found) > 0 {
		return nil, 1
	}
	return ev, 0
}

func printAdvice(w io.Writer, cat *scheme.Catalog, out *advice, lang string) error {
	name := out.Product
	if name == "" {
		name = "the product"
	}
	fmt.Fprintf(w, "%s (%s)\n\n", name, strings.Join(out.Category, ", "))
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
