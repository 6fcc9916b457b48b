package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"assay/bundle"
	"assay/civil"
	"assay/evidence"
	"assay/lab"
	"assay/lab/page"
	"assay/lab/record"
	"assay/locale"
	"assay/scheme"
)

const labUsage = `usage: assay lab COMMAND [flags] …

  firmware IMAGE            what is in a firmware image: verdicts, parts, flaws, secrets
  device ADDRESS            what a device offers on the network, against what was declared
  disclosure URL|FILE       how flaws can be reported, against EN 303 645 provision 5.2-1
  vulnerabilities COMMAND   snapshots of vulnerability data, for work without a network

Each ends in evidence: verdicts with what was looked at and what was not, and tasks
for what only a person can judge. "assay lab COMMAND -h" tells more.

exit: 0 done, 1 failed, 2 usage
`

func runLab(ctx context.Context, args []string, std stdio) int {
	verbs := map[string]func(context.Context, []string, stdio) int{
		"device":          runLabDevice,
		"firmware":        runLabFirmware,
		"vulnerabilities": runLabVulnerabilities,
		"disclosure":      runLabDisclosure,
	}
	if len(args) > 0 {
		if run, ok := verbs[args[0]]; ok {
			return run(ctx, args[1:], std)
		}
		if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
			fmt.Fprint(std.out, labUsage)
			return exitOK
		}
		fmt.Fprintf(std.err, "assay lab: %q is no command\n\n", clip(args[0]))
	}
	fmt.Fprint(std.err, labUsage)
	return exitUsage
}

// labFlags are what all tests of the laboratory have in common.
type labFlags struct {
	bundle   *string
	out      *string
	at       *string
	operator *string
	by       *string
	dir      *string
	lang     *string
	json     *bool
	keep     *bool
}

const labFlagsUsage = `
  --out DIR          a new folder for all that is written; default: lab-… here
  --no-add           leaves the bundle as it is
  --at TIME          of the test, RFC 3339; default: now. The same input, data, time
                     and operator give the same bytes
  --operator NAME    who ran it: a pseudonym, as the records have it
  --by maker|ID      whose report it is: the product's holder (default), or the
                     laboratory of this id, which then signs it with evidence sign
  --lang L           of the page and of what is said here: en, ko, de, fi
  --dir CATALOG      another catalog than the one in this program
  --json             the record of the run on the standard output
`

func (v *verb) labFlags(bundleFlag string) *labFlags {
	return &labFlags{
		bundle: v.String(bundleFlag, "", ""), out: v.String("out", "", ""), at: v.String("at", "", ""), operator: v.String("operator", "", ""),
		by: v.String("by", "maker", ""), dir: v.String("dir", "", ""), lang: v.String("lang", "en", ""), json: v.Bool("json", false, ""), keep: v.Bool("no-add", false, ""),
	}
}

// labRun is what is known before a test begins.
type labRun struct {
	*labFlags
	v       *verb
	at      time.Time
	catalog *scheme.Catalog // nil: no bundle
	in      *bundle.Bundle  // nil: no bundle
	folder  bool            // the bundle is one, and takes evidence in
}

// begin reads the flags. Its error is a usage error where misuse is set.
func (f *labFlags) begin(ctx context.Context, v *verb) (r *labRun, misuse bool, err error) {
	r = &labRun{labFlags: f, v: v, at: time.Now().UTC().Truncate(time.Second)}
	if !slices.Contains(locale.Languages, *f.lang) {
		return nil, true, fmt.Errorf("--lang %q: it is one of %s", clip(*f.lang), strings.Join(locale.Languages, ", "))
	}
	if *f.by == "" {
		return nil, true, errors.New("--by is empty: it is maker, or the id of a laboratory")
	}
	if *f.at != "" {
		if r.at, err = time.Parse(time.RFC3339, *f.at); err != nil {
			return nil, true, fmt.Errorf("--at %q is no time: write it as in 2026-11-24T12:00:00Z", clip(*f.at))
		}
		r.at = r.at.UTC()
	}
	if *f.bundle != "" || *f.dir != "" { // without a bundle nobody asks it, and reading it takes time
		if r.catalog, err = loadCatalog(*f.dir); err != nil {
			return nil, false, err
		}
	}
	if *f.bundle != "" {
		if r.in, err = bundle.OpenContext(ctx, *f.bundle); err != nil {
			return nil, false, err
		}
		info, err := os.Stat(*f.bundle)
		r.folder = err == nil && info.IsDir() && !*f.keep
	}
	return r, false, nil
}

// body is whose report it is.
func (r *labRun) body() (evidence.Body, error) {
	if *r.by == "maker" {
		return evidence.Body{Kind: scheme.Maker, ID: r.in.Evidence.Product.Holder}, nil
	}
	return evidence.Body{Kind: scheme.Laboratory, ID: *r.by}, nil
}

// output is the new folder that a run writes.
type output struct {
	dir   string
	files []string
}

// newOutput makes the folder. It must not exist: what an earlier run found is not
// overwritten.
func (r *labRun) newOutput(name string) (*output, error) {
	dir := *r.out
	if dir == "" {
		dir = name
	}
	if err := os.Mkdir(dir, 0o777); errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s exists: name a new folder with --out", dir)
	} else if err != nil {
		return nil, err
	}
	return &output{dir: dir}, nil
}

// failed is the error of a run that could not be written. A folder without the record
// goes, so that the run can be run again; a whole one stays, since a scan takes long.
func (o *output) failed(err error) error {
	if slices.Contains(o.files, "run.json") {
		return fmt.Errorf("%w; the bundle has not got all of it, and %s keeps the run", err, o.dir)
	}
	for _, name := range o.files {
		os.Remove(filepath.Join(o.dir, name))
	}
	os.Remove(o.dir)
	return err
}

// write adds a file to the folder.
func (o *output) write(name string, text []byte) error {
	if err := os.WriteFile(filepath.Join(o.dir, name), text, 0o666); err != nil {
		return err
	}
	o.files = append(o.files, name)
	return nil
}

// evidence writes the run's record and reports, and takes them into the bundle.
// What is written into a bundle is said. rests are the other files of the folder that
// the verdicts rest on; imports are observations that go with it.
func (r *labRun) evidence(o *output, run *record.Run, number string, sample evidence.Sample, rests []string, imports func(a evidence.Artifact) []bundle.Imported) (said []string, err error) {
	text, err := run.JSON()
	if err != nil {
		return nil, err
	}
	if err := o.write("run.json", text); err != nil {
		return nil, err
	}
	if r.in == nil {
		return nil, nil
	}
	by, err := r.body()
	if err != nil {
		return nil, err
	}
	basis := record.Basis{Catalog: r.catalog, Evidence: r.in.Evidence, By: by, Number: number, Sample: sample}
	var own evidence.Artifact
	for i, name := range append([]string{"run.json"}, rests...) {
		b, err := os.ReadFile(filepath.Join(o.dir, name))
		if err != nil {
			return nil, err
		}
		a := evidence.Artifact{Name: name, SHA256: evidence.Digest(b), Size: int64(len(b))}
		if i == 0 {
			own = a
		}
		basis.Artifacts = append(basis.Artifacts, a)
	}
	named, err := run.Reports(basis)
	if err != nil {
		return nil, err
	}
	tasks := 0
	for _, n := range named {
		if !r.folder {
			text, err := reportText(n.Report)
			if err != nil {
				return nil, err
			}
			if err := o.write(n.Name, text); err != nil {
				return nil, err
			}
			continue
		}
		b, err := bundle.Open(*r.bundle) // with what the last one added
		if err != nil {
			return nil, err
		}
		for _, a := range basis.Artifacts {
			if _, err := bundle.Add(*r.bundle, filepath.Join(o.dir, a.Name)); err != nil {
				return nil, err
			}
		}
		added, err := b.AddReport(*r.bundle, n.Name, n.Report)
		if err != nil {
			return nil, err
		}
		if !added.New {
			said = append(said, r.say("say.kept", "path", added.Path))
			continue
		}
		tasks += len(n.Report.Tasks)
		said = append(said, r.say("say.added", "path", added.Path, "verdicts", len(n.Report.Verdicts)+len(n.Report.Results), "tasks", len(n.Report.Tasks)))
	}
	if r.folder && imports != nil {
		for _, x := range imports(own) {
			b, err := bundle.Open(*r.bundle)
			if err != nil {
				return nil, err
			}
			added, err := b.AddImport(*r.bundle, filepath.Join(o.dir, x.Import.Artifact.Name), x)
			if err != nil {
				return nil, err
			}
			said = append(said, r.say("say.taken", "path", added.Path, "name", x.Import.Artifact.Name))
		}
	}
	if out := run.Outside(basis); len(out) > 0 {
		said = append(said, r.say("say.outside", "names", strings.Join(out, ", ")))
	}
	if tasks > 0 {
		said = append(said, r.say("say.next", "bundle", *r.bundle))
	}
	if r.folder && by.Kind == scheme.Laboratory {
		said = append(said, r.say("say.sign", "lab", by.ID))
	}
	return said, nil
}

// say is a text in the language that was asked for.
func (r *labRun) say(key string, pairs ...any) string { return page.Say(*r.lang, key, pairs...) }

// tool is this program, as reports name it.
func tool() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return "assay " + info.Main.Version
	}
	return "assay"
}

// progress shows one line on a terminal, and nothing elsewhere.
type progress struct {
	std  stdio
	show bool
	last time.Time
	wide int
}

func newProgress(std stdio) *progress {
	f, ok := std.err.(*os.File)
	return &progress{std: std, show: ok && term.IsTerminal(int(f.Fd()))}
}

// say replaces the line, ten times a second at most.
func (p *progress) say(format string, a ...any) {
	if !p.show || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	p.line(fmt.Sprintf(format, a...))
}

func (p *progress) line(s string) {
	const most = 100
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	n := len([]rune(s))
	fmt.Fprintf(p.std.err, "\r%s%s", s, strings.Repeat(" ", max(0, p.wide-n)))
	p.wide = n
}

// end clears the line.
func (p *progress) end() {
	if p.show && p.wide > 0 {
		p.line("")
		fmt.Fprint(p.std.err, "\r")
	}
}

// printRun says in short what a test found: the worst findings, then the verdicts.
func printRun(std stdio, lang string, judged []lab.Judgment, found []lab.Finding) {
	say := func(key string, pairs ...any) string { return page.Say(lang, key, pairs...) }
	if len(found) == 0 {
		fmt.Fprintln(std.out, say("say.no-findings"))
	} else {
		fmt.Fprintln(std.out, say("say.findings", "n", len(found)))
	}
	for i := range found {
		if i == 25 {
			fmt.Fprintf(std.out, "  … %s\n", say("more", "n", len(found)-i))
			break
		}
		f := &found[i]
		var known []string
		for _, p := range f.Known {
			known = append(known, lab.Word(p.Name, lang)+" "+p.Value)
		}
		line := lab.MustRule(f.Rule).Title.In(lang, "en")
		if len(known) > 0 {
			line += ": " + strings.Join(known, ", ")
		}
		fmt.Fprintf(std.out, "  %-8s %s\n", say("severity."+string(f.Severity)), line)
		if len(f.Where) == 0 || f.Where[0].String() == "" {
			continue // of the product as a whole
		}
		where := f.Where[0].String()
		if n := len(f.Where) - 1; n > 0 {
			where += fmt.Sprintf(" (+%d)", n)
		}
		fmt.Fprintf(std.out, "%10s %s\n", "", where)
	}
	word := func(v evidence.Verdict) string { return say("verdict." + string(v)) }
	order := []evidence.Verdict{evidence.Fail, evidence.Inconclusive, evidence.Pass, evidence.NotApplicable}
	var counts []string
	for _, k := range order {
		n := 0
		for i := range judged {
			if judged[i].Verdict == k {
				n++
			}
		}
		counts = append(counts, fmt.Sprintf("%d %s", n, word(k)))
	}
	fmt.Fprintf(std.out, "%s: %s\n", say("say.verdicts"), strings.Join(counts, ", "))
	sorted := slices.Clone(judged)
	slices.SortStableFunc(sorted, func(a, b lab.Judgment) int { return slices.Index(order, a.Verdict) - slices.Index(order, b.Verdict) })
	for i := range sorted {
		j := &sorted[i]
		name := j.Requirement
		if j.Unit != "" {
			name = j.Unit
		}
		if j.Row != "" {
			name += " " + j.Row
		}
		fmt.Fprintf(std.out, "  %-13s %s: %s\n%15s %s\n", word(j.Verdict), name, j.Why(lang), "", j.Scope(lang))
	}
}

// day is the civil day of a run.
func (r *labRun) day() civil.Date { return civil.DateAt(r.at.UnixMicro(), time.UTC) }
