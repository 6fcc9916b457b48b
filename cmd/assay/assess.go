package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"assay/assess"
	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

const assessUsage = `usage: assay assess [--at YYYY-MM-DD] [--scheme ID] [--dir CATALOG] [--json] FILE

Says which level of which scheme the product in the evidence file reaches, why,
and what is missing. FILE is YAML or JSON; - is the standard input. --at is a day
in each scheme's own zone; without it, it is today there.

exit: 0 some level may be granted, 1 none may or the file has findings, 2 usage
`

// runAssess is the verb "assess".
func runAssess(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("assess", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { io.WriteString(stderr, assessUsage) }
	at := fs.String("at", "", "")
	only := fs.String("scheme", "", "")
	dir := fs.String("dir", "", "")
	asJSON := fs.Bool("json", false, "")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	refuse := func(code int, format string, a ...any) int {
		fmt.Fprintf(stderr, "assay assess: "+format+"\n", a...)
		return code
	}
	if fs.NArg() != 1 {
		fs.Usage()
		return 2
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
	file := fs.Arg(0)
	b, err := readEvidence(file)
	if err != nil {
		return refuse(1, "%v", err)
	}
	ev, err := evidence.Parse(b)
	if err != nil {
		return refuse(1, "%s: %v", file, err)
	}
	if found := append(ev.Validate(), c.Check(ev)...); len(found) > 0 {
		for _, f := range found {
			fmt.Fprintf(stderr, "%s:%d: %s\n", file, evidence.Line(b, f.Place), f)
		}
		return 1
	}
	var rs []assess.Result
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
		rs = append(rs, assess.Assess(c, ev, s.ID, on)...)
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(rs); err != nil {
			return refuse(1, "%v", err)
		}
	} else if err := printAssessment(stdout, ev, rs); err != nil {
		return refuse(1, "%v", err)
	}
	for i := range rs {
		if rs[i].Grantable() != "" {
			return 0
		}
	}
	return 1
}

func schemeIDs(cat *scheme.Catalog) (ids []string) {
	for i := range cat.Schemes {
		ids = append(ids, cat.Schemes[i].ID)
	}
	return ids
}

// readEvidence reads no more than the parser would take.
func readEvidence(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, evidence.MaxSize+1))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, evidence.MaxSize+1))
}

const missingShown = 12 // of what stands in the way of most levels; --json has all

func printAssessment(w io.Writer, ev *evidence.Evidence, rs []assess.Result) error {
	fmt.Fprintf(w, "%s (%s)\n\n", ev.Product.Name, strings.Join(ev.Product.Functions, ", "))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SCHEME\tEDITION\tON\tLEVEL\tGRANTABLE\tSHOWN\tAS SURE AS")
	for i := range rs {
		r := &rs[i]
		if len(r.Levels) == 0 {
			fmt.Fprintf(t, "%s\t-\t%s\t-\tno\t-\t-\n", r.Scheme, r.At)
		}
		for _, l := range r.Levels {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Scheme, r.Edition, r.At, l.Level, l.Answer, l.Shown, l.Confidence)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for i := range rs {
		r := &rs[i]
		for _, g := range r.Gates {
			if g.Answer != scheme.Yes {
				fmt.Fprintf(w, "%s: %s is %s: %s%s\n", r.Scheme, g.Rule, g.Answer, g.Data, cited(g.Fact))
			}
		}
		if n := len(r.Levels); n > 0 {
			if d := len(r.Levels[n-1].Doubts); d > 0 {
				fmt.Fprintf(w, "%s: rests on %d facts below official, the first %s%s\n", r.Scheme, d, r.Levels[n-1].Doubts[0].About, cited(r.Levels[n-1].Doubts[0].Fact))
			}
		}
	}
	missing := assess.Gather(rs)
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\nMissing, what stands in the way of most levels first:\n")
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, m := range missing {
		if i == missingShown {
			fmt.Fprintf(t, "  … and %d more\n", len(missing)-i)
			break
		}
		fmt.Fprintf(t, "  %d\t%s\t%s\t%s\n", len(m.Levels), m.Kind, m.About, wantedFor(&m))
	}
	return t.Flush()
}

func cited(f *scheme.Fact) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf(" (%s, %s)", f.Source, f.Confidence)
}

// wantedFor says what to do about a missing thing.
func wantedFor(m *assess.Missing) string {
	switch m.Kind {
	case assess.MissingFeature:
		return "state yes or no"
	case assess.MissingScope:
		return "ask the authority whether it takes such a product"
	}
	o := m.Requirement
	s := fmt.Sprintf("%s by %s (%s)", o.Method, o.By, o.Rule)
	if !o.Duty {
		s += ", or the ground why not"
	}
	return s
}
