package main

import (
	"context"
	"encoding/json"
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
	"assay/labsign"
	"assay/scheme"
)

const assessUsage = `usage: assay assess [flags] BUNDLE

Says which level of which scheme a product reaches, and what is missing and why.
BUNDLE is a folder, a zip of it, or one evidence file (YAML or JSON); - is such a
file on the standard input.

  --at YYYY-MM-DD    as on that day in each scheme's own zone; default: today there
  --scheme ID        this scheme only
  --explain ID       walks from the levels down to test unit and artifact; ID is a
                     requirement, as in 5.1-1 or en-303-645@2.1.1/5.1-1
  --all              every missing thing, not only the first of each level
  --lang LANG        of texts of the catalog: en, ko, de, fi; default en
  --dir CATALOG      with the catalog in this folder, not the one in this program
  --laboratory FILE  takes the signed reports of this laboratory, too; may stand again
  --json             prints all of it as JSON
  --html FILE        writes a report to read
  --pdf FILE         the same to print
  --by NAME          who assessed, for the reports
  --oscal FILE       writes OSCAL assessment results; --oscal-version 1.1.3, 1.2.0 or
                     1.2.3 (default)
  --attest FILE      writes CycloneDX 1.6 attestations

What is not filled in yet, or wrong, is told first, with file and line; --all tells
all of it. What of the bundle can be read is assessed all the same.

exit: 0 some level may be granted, 1 none may or the bundle has errors, 2 usage
`

// assessment is what `assay assess --json` prints.
type assessment struct {
	Product        evidence.Product       `json:"product"`
	Catalog        string                 `json:"catalog"` // digest
	Results        []assess.Result        `json:"results"`
	Missing        []assess.Missing       `json:"missing"`
	Findings       []bundle.Finding       `json:"findings"` // what is wrong in the bundle
	Contradictions []assess.Contradiction `json:"contradictions"`
	Observed       []bundle.Finding       `json:"observed"` // what tools saw against what was declared
	Reports        []reportState          `json:"reports"`
	Explained      []*assess.Explanation  `json:"explained,omitempty"`

	cat *scheme.Catalog
	c   *assess.Compiled
	ev  *evidence.Evidence
	b   *bundle.Bundle
}

// reportState says whether a report's signature was found good.
type reportState struct {
	Name       string `json:"name"`
	Number     string `json:"number"`
	By         string `json:"by"`
	Signed     string `json:"signed,omitempty"`  // fingerprint of the laboratory's key
	Problem    string `json:"problem,omitempty"` // why it counts for nothing
	Laboratory bool   `json:"laboratory"`
}

// runAssess is the verb "assess".
func runAssess(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "assess", "BUNDLE")
	v.Usage = func() { io.WriteString(std.err, assessUsage) }
	at := v.String("at", "", "")
	only := v.String("scheme", "", "")
	explain := v.String("explain", "", "")
	all := v.Bool("all", false, "")
	lang := v.String("lang", "en", "")
	dir := v.String("dir", "", "")
	var laboratories list
	v.Var(&laboratories, "laboratory", "")
	out := reportFlags(v)
	exchange := exchangeFlags(v)
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if !slices.Contains(catalog.Languages, *lang) {
		return v.misuse("--lang %s: the catalog has %s", *lang, strings.Join(catalog.Languages, ", "))
	}
	var day civil.Date
	if *at != "" {
		var err error
		if day, err = civil.ParseDate(*at); err != nil {
			return v.misuse("--at %v", err)
		}
	}
	cat, err := readCatalog(*dir, laboratories)
	if err != nil {
		return v.fail(fmt.Errorf("catalog: %w", err))
	}
	if *only != "" && cat.Scheme(*only) == nil {
		return v.misuse("--scheme %s: the catalog has %s", *only, strings.Join(schemeIDs(cat), ", "))
	}
	a, err := openForAssessment(ctx, rest[0], cat, std)
	if errors.Is(err, errFindings) {
		return exitFailed
	}
	if err != nil {
		return v.fail(err)
	}
	if n := len(a.Findings); n > 0 && !v.json {
		shown := a.Findings
		if !*all {
			shown = shown[:min(n, findingsShown)]
		}
		printFindings(std.err, rest[0], shown)
		if more := n - len(shown); more > 0 {
			fmt.Fprintf(std.err, "… and %d more (--all)\n", more)
		}
	}
	for i := range cat.Schemes {
		s := &cat.Schemes[i]
		if *only != "" && s.ID != *only {
			continue
		}
		on := day
		if on.IsZero() {
			zone, err := time.LoadLocation(s.Zone)
			if err != nil {
				return v.fail(fmt.Errorf("scheme %s: %w", s.ID, err))
			}
			on = civil.DateAt(time.Now().UnixMicro(), zone)
		}
		a.Results = append(a.Results, assess.Assess(a.c, a.ev, s.ID, on)...)
	}
	a.Missing = assess.Gather(a.Results)
	if *explain != "" {
		if err := a.explain(*explain); err != nil {
			return v.misuse("--explain %v", err)
		}
	}
	if err := out.write(a, *lang); err != nil {
		return v.fail(err)
	}
	if err := exchange.write(a); err != nil {
		return v.fail(err)
	}
	switch {
	case v.json:
		err = writeJSON(std.out, a)
	case *explain != "":
		err = a.printExplained(std.out, *lang)
	default:
		err = a.print(std.out, *lang, *all)
	}
	if err != nil {
		return v.fail(err)
	}
	for i := range a.Results {
		if a.Results[i].Grantable() != "" && len(a.Findings) == 0 {
			return exitOK
		}
	}
	return exitFailed
}

// errFindings says that what is wrong was printed.
var errFindings = errors.New("the bundle cannot be read")

const findingsShown = 10

// openForAssessment opens a bundle, holds it against the catalog and finds out
// who signed its reports. What cannot be read is printed with file and line.
func openForAssessment(ctx context.Context, path string, cat *scheme.Catalog, std stdio) (*assessment, error) {
	c, err := assess.Compile(cat)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	b, err := openBundle(ctx, path, std.in)
	found := bundle.Problems(err)
	if err != nil && found == nil {
		return nil, err
	}
	if err != nil {
		printFindings(std.err, path, found)
		return nil, errFindings
	}
	found = slices.DeleteFunc(b.Findings(append(c.Check(b.Evidence), c.Groundless(b.Evidence)...)...), func(f bundle.Finding) bool { return f.Note })
	if found == nil {
		found = []bundle.Finding{}
	}
	a := &assessment{Product: b.Evidence.Product, Catalog: cat.Digest, Results: []assess.Result{}, Reports: []reportState{}, Findings: found, cat: cat, c: c, ev: b.Evidence, b: b}
	errs := a.ev.Verify(labsign.Check(cat))
	for i := range a.ev.Reports {
		s := &a.ev.Reports[i]
		r := s.Report()
		x := reportState{Name: s.Name, Number: r.Number, By: r.By.ID, Laboratory: r.By.Kind == scheme.Laboratory}
		if s.Signer() != nil {
			x.Signed = s.Signer().Key
		}
		if errs[i] != nil {
			x.Problem = errs[i].Error()
		}
		a.Reports = append(a.Reports, x)
	}
	a.ev.Miss(b.Absent()...)
	a.Contradictions = c.Contradictions(a.ev)
	if a.Contradictions == nil {
		a.Contradictions = []assess.Contradiction{}
	}
	a.Observed = b.Locate(evidence.Reconcile(a.ev)...)
	return a, nil
}

// openBundle opens a bundle; - is one evidence file on the standard input.
func openBundle(ctx context.Context, path string, stdin io.Reader) (*bundle.Bundle, error) {
	if path != "-" {
		return bundle.OpenContext(ctx, path)
	}
	b, err := readBounded(path, stdin, evidence.MaxSize)
	if err != nil {
		return nil, err
	}
	return bundle.Read("standard input", b)
}

// applyEvidence is a bundle as an application carries it.
func applyEvidence(ctx context.Context, path string, stdin io.Reader) (json.RawMessage, error) {
	b, err := openBundle(ctx, path, stdin)
	if err != nil {
		return nil, err
	}
	return b.JSON()
}

func schemeIDs(cat *scheme.Catalog) (ids []string) {
	for i := range cat.Schemes {
		ids = append(ids, cat.Schemes[i].ID)
	}
	return ids
}

// explain explains a requirement in every scheme that asks for it; one that
// none asks for in the first.
func (a *assessment) explain(id string) error {
	type seen struct {
		ref    scheme.RequirementRef
		scheme string
	}
	done := map[seen]bool{}
	for i := range a.Results {
		r := &a.Results[i]
		for j := range r.Outcomes {
			k := seen{r.Outcomes[j].Requirement, r.Scheme}
			if (k.ref.Requirement != id && k.ref.String() != id) || done[k] {
				continue
			}
			done[k] = true
			x, err := assess.Explain(a.c, a.ev, k.ref, k.scheme, r.At)
			if err != nil {
				return err
			}
			a.Explained = append(a.Explained, x)
		}
	}
	if len(a.Explained) > 0 {
		return nil
	}
	ref, err := evidence.ParseRef(id)
	if err != nil || len(a.Results) == 0 {
		return fmt.Errorf("%.60s: no level of these schemes asks for it that day", id)
	}
	x, err := assess.Explain(a.c, a.ev, scheme.RequirementRef(ref), a.Results[0].Scheme, a.Results[0].At)
	a.Explained = append(a.Explained, x)
	return err
}

const missingShown = 5 // of what is missing for a level; --all and --json have all

func (a *assessment) print(w io.Writer, lang string, all bool) error {
	fmt.Fprintf(w, "%s (%s)\n", a.Product.Name, strings.Join(a.Product.Functions, ", "))
	for _, r := range a.Reports {
		if r.Problem != "" {
			fmt.Fprintf(w, "! %s counts for nothing: %s\n", r.Name, r.Problem)
		}
	}
	for i := range a.Contradictions {
		for _, f := range a.b.Locate(a.Contradictions[i].Finding(lang)) {
			fmt.Fprintf(w, "! %s\n", f)
		}
	}
	for _, f := range a.Observed {
		fmt.Fprintf(w, "! %s\n", f)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SCHEME\tEDITION\tON\tLEVEL\tREACHED\tGRANTABLE\tAS SURE AS")
	for i := range a.Results {
		r := &a.Results[i]
		if len(r.Levels) == 0 {
			fmt.Fprintf(t, "%s\t-\t%s\t-\tno edition had begun\tno\t-\n", r.Scheme, r.At)
		}
		for j, l := range r.Levels {
			name, edition, on := r.Scheme, r.Edition, r.At.String()
			if j > 0 {
				name, edition, on = "", "", ""
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, edition, on, l.Level, reached(r, &r.Levels[j]), grantable(r, &r.Levels[j]), l.Confidence)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range a.Results {
		if err := a.printScheme(w, &a.Results[i], all); err != nil {
			return err
		}
	}
	return nil
}

const outOfScope = "takes no such product"

// reached says in words whether the evidence shows a level.
func reached(r *assess.Result, l *assess.LevelResult) string {
	switch n := l.Missing(r); {
	case slices.ContainsFunc(r.Gates, func(g assess.Reason) bool { return g.Rule == assess.RuleScope && g.Answer == scheme.No }):
		return outOfScope
	case l.Shown == scheme.Yes:
		return "reached"
	case l.Shown == scheme.No:
		return fmt.Sprintf("not reached (%d missing)", n)
	default:
		return fmt.Sprintf("cannot say (%d open)", n)
	}
}

// grantable says whether a level may be granted, or what is in the way beside
// the evidence.
func grantable(r *assess.Result, l *assess.LevelResult) string {
	if l.Shown == scheme.Yes && l.Answer != scheme.Yes {
		for _, g := range r.Gates {
			if g.Answer != scheme.Yes {
				return fmt.Sprintf("%s (%s)", l.Answer, g.Rule)
			}
		}
	}
	return l.Answer.String()
}

// printScheme says of one scheme what is in the way: of every level beside the
// evidence, and then level by level in it, what unlocks most other levels first.
// What a lower level lacks already is not said again.
func (a *assessment) printScheme(w io.Writer, r *assess.Result, all bool) error {
	fmt.Fprintf(w, "\n%s\n", r.Scheme)
	for _, g := range r.Gates {
		if g.Answer != scheme.Yes {
			fmt.Fprintf(w, "  %s is %s: %s%s\n", g.Rule, g.Answer, g.Data, cited(g.Fact))
		}
	}
	if n := len(r.Levels); n > 0 {
		if d := r.Levels[n-1].Doubts; len(d) > 0 {
			fmt.Fprintf(w, "  rests on %d facts below official, the first %s%s\n", len(d), d[0].About, cited(d[0].Fact))
		}
	}
	for i := range r.Levels {
		if err := a.printMissing(w, r, i, all); err != nil {
			return err
		}
	}
	return nil
}

// printMissing lists what a level lacks and the one below it does not.
func (a *assessment) printMissing(w io.Writer, r *assess.Result, level int, all bool) error {
	var rows [][]string
	for i := range a.Missing {
		m := &a.Missing[i]
		first := slices.IndexFunc(r.Levels, func(l assess.LevelResult) bool {
			return slices.Contains(m.Levels, assess.Step{Scheme: r.Scheme, Level: l.Level})
		})
		if first != level {
			continue
		}
		unlocks := ""
		switch n := len(m.Levels) - 1; {
		case n == 1:
			unlocks = "and 1 other level"
		case n > 1:
			unlocks = fmt.Sprintf("and %d other levels", n)
		}
		rows = append(rows, []string{string(m.Kind), m.About, wantedFor(m), unlocks})
	}
	if len(rows) == 0 {
		return nil
	}
	beyond := ""
	if level > 0 {
		beyond = " beyond " + r.Levels[level-1].Level
	}
	fmt.Fprintf(w, "  for %s, %d missing%s:\n", r.Levels[level].Level, len(rows), beyond)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, row := range rows {
		if i == missingShown && !all {
			fmt.Fprintf(t, "    … and %d more (--all)\n", len(rows)-i)
			break
		}
		fmt.Fprintf(t, "    %s\n", strings.TrimRight(strings.Join(row, "\t"), "\t"))
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
		return "state yes or no, and where a requirement goes away by it, why"
	case assess.MissingScope:
		return "ask the authority whether it takes such a product"
	}
	o := m.Requirement
	s := fmt.Sprintf("%s by %s (%s)", o.Method, o.By, o.Rule)
	if len(o.Lacks) > 0 {
		s += ": " + strings.Join(o.Lacks, ", ")
	}
	if o.Mapping != nil {
		s += fmt.Sprintf(": %s says %s (%s, %s)", o.Mapping.Mapping, o.Mapping.Relation, o.Mapping.Author, o.Mapping.Confidence)
	}
	if !o.Duty {
		s += ", or the ground why not"
	}
	return s
}

func (a *assessment) printExplained(w io.Writer, lang string) error {
	for _, x := range a.Explained {
		fmt.Fprintf(w, "%s in %s on %s\n  %s\n", x.Requirement, x.Scheme, x.At, x.Text.In(lang))
		if x.Condition != "" {
			fmt.Fprintf(w, "  applies: %s, where %s\n", x.Applies, x.Condition)
		}
		for _, f := range x.Unknown {
			fmt.Fprintf(w, "  not stated: feature %s\n", f)
		}
		for _, o := range x.Asked {
			fmt.Fprintf(w, "  level %s asks: %s by %s → %s (%s)", o.Level, o.Method, o.By, o.Answer, o.Rule)
			if o.From != "" {
				fmt.Fprintf(w, " by %s", o.From)
			}
			if o.Mapping != nil {
				fmt.Fprintf(w, " through %s (%s), made by %s, %s", o.Mapping.Mapping, o.Mapping.Relation, o.Mapping.Author, o.Mapping.Confidence)
			}
			if len(o.Lacks) > 0 {
				fmt.Fprintf(w, ", lacks %s", strings.Join(o.Lacks, ", "))
			}
			fmt.Fprintln(w)
		}
		for _, k := range x.Against {
			fmt.Fprintf(w, "  ! %s: %s\n", k.About, k.Text.In(lang))
		}
		for _, s := range x.Said {
			fmt.Fprintf(w, "  said %s: %s, %s by %s on %s%s\n", s.From, s.Verdict, s.Method, s.By, s.Date, notCounted(s.Why))
			printArtifacts(w, "    ", s.Artifacts)
		}
		if g := x.Group; g != nil {
			fmt.Fprintf(w, "  group %s by %s, verdicts of a %s → %s\n", x.Requirement.Requirement, g.Spec, g.By, g.Sum)
			for _, k := range g.Cases {
				fmt.Fprintf(w, "    case %s (%s) → %s\n", k.Case, k.Kind, k.Sum)
				for _, u := range k.Units {
					fmt.Fprintf(w, "      unit %s → %s: %s\n", u.Unit, u.Sum, u.Text.In(lang))
					for _, row := range u.Rows {
						at := row.Row
						if at == "" {
							at = "the device"
						}
						fmt.Fprintf(w, "        %s → %s\n", at, row.Sum)
						for _, y := range row.Given {
							sample := ""
							if y.Sample != "" {
								sample = ", sample " + y.Sample
							}
							fmt.Fprintf(w, "          %s by %s in %s%s on %s%s\n", y.Verdict, y.Laboratory, y.Report, sample, y.Date, notCounted(y.Why))
							printArtifacts(w, "            ", y.Artifacts)
						}
					}
				}
			}
		}
		fmt.Fprintln(w)
	}
	return nil
}

func notCounted(why string) string {
	if why == "" {
		return ""
	}
	return ", does not count: " + why
}

func printArtifacts(w io.Writer, indent string, as []evidence.Artifact) {
	for _, a := range as {
		fmt.Fprintf(w, "%s%s (%d bytes, SHA-256 %s)\n", indent, a.Name, a.Size, a.SHA256)
	}
}
