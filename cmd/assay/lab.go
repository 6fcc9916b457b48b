package main

import (
	"cmp"
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

// output is the new folder that a run writes. It is written beside, under a name of
// its own, and gets its name when it is complete: what breaks off leaves nothing that
// looks like a result.
type output struct {
	dir   string // its name in the end
	part  string // where it is until then; "" once it is kept
	files []string
}

// newOutput makes the folder. Its name must not be taken: what an earlier run found is
// not overwritten. The caller defers drop.
func (r *labRun) newOutput(name string) (*output, error) {
	o := &output{dir: filepath.Clean(cmp.Or(*r.out, name))}
	if err := o.free(); err != nil {
		return nil, err
	}
	o.part = filepath.Join(filepath.Dir(o.dir), fmt.Sprintf(".%s.part-%d", filepath.Base(o.dir), os.Getpid()))
	if err := os.Mkdir(o.part, 0o777); errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is left of a run that broke off: remove it", o.part)
	} else if err != nil {
		return nil, err
	}
	return o, nil
}

func (o *output) free() error {
	switch _, err := os.Lstat(o.dir); {
	case err == nil:
		return fmt.Errorf("%s exists: name a new folder with --out", o.dir)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	return nil
}

// path is where a file of the folder is now.
func (o *output) path(name string) string { return filepath.Join(cmp.Or(o.part, o.dir), name) }

// failed is the error of a run that could not be written. A whole folder stays, since a
// scan takes long.
func (o *output) failed(err error) error {
	if o.part == "" {
		return fmt.Errorf("%w; the bundle has not got all of it, and %s keeps the run", err, o.dir)
	}
	return err
}

// write adds a file to the folder.
func (o *output) write(name string, text []byte) error {
	f, err := os.OpenFile(o.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	o.files = append(o.files, name)
	return nil
}

// remove takes a file out of the folder again.
func (o *output) remove(name string) error {
	o.files = slices.DeleteFunc(o.files, func(f string) bool { return f == name })
	return os.Remove(o.path(name))
}

// keep gives the folder its name.
func (o *output) keep() error {
	if err := o.free(); err != nil {
		return err
	}
	if err := os.Rename(o.part, o.dir); err != nil {
		return err
	}
	o.part = ""
	return nil
}

// drop removes what was not kept.
func (o *output) drop() {
	if o.part != "" {
		_ = os.RemoveAll(o.part)
	}
}

// evidence writes the run's record and reports, keeps the folder, and takes them into
// the bundle. What is written into a bundle is said. rests are the other files of the folder that
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
		return nil, o.keep()
	}
	by, err := r.body()
	if err != nil {
		return nil, err
	}
	basis := record.Basis{Catalog: r.catalog, Evidence: r.in.Evidence, By: by, Number: number, Sample: sample}
	var own evidence.Artifact
	for i, name := range append([]string{"run.json"}, rests...) {
		b, err := os.ReadFile(o.path(name))
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
	if !r.folder {
		for _, n := range named {
			text, err := reportText(n.Report)
			if err != nil {
				return nil, err
			}
			if err := o.write(n.Name, text); err != nil {
				return nil, err
			}
		}
		named, imports = nil, nil // the bundle takes none
	}
	if err := o.keep(); err != nil {
		return nil, err
	}
	tasks := 0
	for _, n := range named {
		b, err := bundle.Open(*r.bundle) // with what the last one added
		if err != nil {
			return nil, err
		}
		for _, a := range basis.Artifacts {
			if _, err := bundle.Add(*r.bundle, o.path(a.Name)); err != nil {
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
	if imports != nil {
		for _, x := range imports(own) {
			b, err := bundle.Open(*r.bundle)
			if err != nil {
				return nil, err
			}
			added, err := b.AddImport(*r.bundle, o.path(x.Import.Artifact.Name), x)
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
