package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"assay/bundle"
	"assay/evidence"
	"assay/exchange"
	"assay/exchange/intake"
	"assay/lab"
	"assay/lab/vulnerability"
	"assay/lab/vulnerability/snapshot"
	"assay/lab/vulnerability/source"
	"assay/locale"
)

const vulnerabilitiesUsage = `usage: assay lab vulnerabilities COMMAND [flags] …

  import   make a snapshot of what a source publishes
  match    which known vulnerabilities the parts of a product may have
  show     what a snapshot is, and what it says of a vulnerability

Nothing is fetched: the files come from the source by whatever way this machine
has, and every result names the snapshots that it rests on.
"assay lab vulnerabilities COMMAND -h" tells more.
`

func runLabVulnerabilities(ctx context.Context, args []string, std stdio) int {
	verbs := map[string]func(context.Context, []string, stdio) int{
		"import": runVulnerabilitiesImport, "match": runVulnerabilitiesMatch, "show": runVulnerabilitiesShow,
	}
	if len(args) > 0 {
		if run, ok := verbs[args[0]]; ok {
			return run(ctx, args[1:], std)
		}
		if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
			fmt.Fprint(std.out, vulnerabilitiesUsage)
			return exitOK
		}
		fmt.Fprintf(std.err, "assay lab vulnerabilities: %q is no command\n\n", clip(args[0]))
	}
	fmt.Fprint(std.err, vulnerabilitiesUsage)
	return exitUsage
}

const vulnerabilitiesImportUsage = `usage: assay lab vulnerabilities import --from SOURCE --into FILE.vuln [flags] PATH…

Makes the snapshot FILE.vuln of what a source publishes. A PATH is a file, a folder
with everything below it, or a zip; files may be packed with gzip or xz. Of a folder
or zip, files that are no records are passed over and named. A record that cannot
be read ends the import: half a source would look like a whole one. An older
FILE.vuln is replaced at once or not at all. Each file is read by a process that
can do nothing else.

  --from SOURCE  nvd      NVD JSON 2.0: feeds, answers of the API, one record to a file
                 cve      CVE JSON 5 records (cvelistV5)
                 osv      OSV records (all.zip of an ecosystem)
                 kev      Known Exploited Vulnerabilities Catalog, JSON or CSV
                 openssl  the OpenSSL project's own CVE records
                 linux    CVEs.txt with stream_fixes.json (linux_kernel_cves), and
                          CVE records of the kernel's own CNA
                 csaf     CSAF 2.0 advisories
  --date D       day on which the data was fetched, YYYY-MM-DD; default: what the data
                 itself says. linux has to be told
  --json         what the snapshot is, as JSON

exit: 0 done, 1 failed: nothing was written, 2 usage
`

func runVulnerabilitiesImport(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "lab vulnerabilities import", vulnerabilitiesImportUsage)
	from := v.String("from", "", "")
	into := v.String("into", "", "")
	date := v.String("date", "", "")
	asJSON := v.Bool("json", false, "")
	paths, code, ok := v.parse(args, 1, 10_000)
	if !ok {
		return code
	}
	if _, known := source.Find(*from); !known {
		var ids []string
		for _, s := range source.Sources {
			ids = append(ids, s.ID)
		}
		return v.misuse("--from %q is no source: it is one of %s", clip(*from), strings.Join(ids, ", "))
	}
	if *into == "" {
		return v.misuse("--into FILE.vuln is missing: where shall the snapshot go?")
	}
	if _, err := time.Parse(time.DateOnly, *date); *date != "" && err != nil {
		return v.misuse("--date %q is no day: write YYYY-MM-DD", clip(*date))
	}
	// What is left of each record is small beside what passes: half of the memory for a
	// seventh more of time.
	defer debug.SetGCPercent(debug.SetGCPercent(60))
	p := newProgress(std)
	about, err := source.Import(ctx, *into, paths, source.Options{From: *from, Date: *date, Tool: tool(), Progress: func(files, of, records int) {
		p.say("%d of %d files, %d records", files, of, records)
	}})
	p.end()
	if err != nil {
		return v.fail(err)
	}
	if *asJSON {
		if err := writeJSON(std.out, about); err != nil {
			return v.fail(err)
		}
		return exitOK
	}
	printAbout(std.out, &about)
	return exitOK
}

// printAbout says what a snapshot is.
func printAbout(w io.Writer, a *snapshot.About) {
	fmt.Fprintf(w, "%s: %s of %s, %d records\n  sha256 %s\n  made from %d files, %d bytes (sha256 %s) by %s\n", a.Name, a.Title, a.Date, a.Records, a.Digest, a.Files, a.Bytes, a.Input, a.Tool)
	if a.Passed > 0 {
		fmt.Fprintf(w, "  rejected or withdrawn, left out: %d\n", a.Passed)
	}
	if a.Older > 0 {
		fmt.Fprintf(w, "  came twice, the newer kept: %d\n", a.Older)
	}
	if len(a.Others) > 0 {
		fmt.Fprintf(w, "  no records, passed over: %s\n", strings.Join(a.Others, ", "))
	}
}

const vulnerabilitiesMatchUsage = `usage: assay lab vulnerabilities match --snapshot FILE.vuln… [flags] WHAT…

Says which known vulnerabilities the parts of a product may have. WHAT is a bill of
materials (CycloneDX or SPDX), a bundle, whose imported bills are taken, or
NAME@VERSION, as in openssl@0.9.8g.

Each source's own range is shown as it gives it; where two disagree, both. A version
that cannot be compared is under investigation. A hit that is fixed in the kernel's
stream or the distribution, or in a part that is known not to be built in, is
closed with the reason. What the maker's bill says of a vulnerability (VEX) is shown
as the maker's word, and accounts for it. The worst come first: used in attacks,
reached over the network, highest score.

  --snapshot F   a snapshot; give the flag for each. Without one there is no data
  --found BILL   a bill of what was found in the image (as assay lab firmware writes
                 it): what WHAT declares is held against it, in both directions
  --fail-on X    when the exit is 1: open (default; not closed and not accounted
                 for), affected, or exploited
  --all          closed ones too, in the text
  --at TIME      RFC 3339: how old the snapshots are then; default: now
  --lang L       en, ko, de, fi
  --json         everything, as JSON

exit: 0 nothing of the kind of --fail-on, 1 failed, no data, or some, 2 usage
`

// matched is what `assay lab vulnerabilities match --json` says.
type matched struct {
	At   time.Time      `json:"at"`
	Ages map[string]int `json:"days_old"` // of the snapshots, by file
	vulnerability.Report
}

// snapshotFlag gathers files.
type snapshotFlag []string

func (f *snapshotFlag) String() string { return strings.Join(*f, " ") }

func (f *snapshotFlag) Set(s string) error {
	*f = append(*f, s)
	return nil
}

func runVulnerabilitiesMatch(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "lab vulnerabilities match", vulnerabilitiesMatchUsage)
	var files, found snapshotFlag
	v.Var(&files, "snapshot", "")
	v.Var(&found, "found", "")
	failOn := v.String("fail-on", "open", "")
	all := v.Bool("all", false, "")
	at := v.String("at", "", "")
	lang := v.String("lang", "en", "")
	asJSON := v.Bool("json", false, "")
	what, code, ok := v.parse(args, 1, 1000)
	if !ok {
		return code
	}
	if !slices.Contains([]string{"open", "affected", "exploited"}, *failOn) {
		return v.misuse("--fail-on %q: it is open, affected or exploited", clip(*failOn))
	}
	if !slices.Contains(locale.Languages, *lang) {
		return v.misuse("--lang %q: it is one of %s", clip(*lang), strings.Join(locale.Languages, ", "))
	}
	m := matched{At: time.Now().UTC().Truncate(time.Second), Ages: map[string]int{}}
	if *at != "" {
		t, err := time.Parse(time.RFC3339, *at)
		if err != nil {
			return v.misuse("--at %q is no time: write it as in 2026-11-24T12:00:00Z", clip(*at))
		}
		m.At = t.UTC()
	}
	var snaps []*snapshot.File
	for _, name := range files {
		s, err := snapshot.Open(name)
		if err != nil {
			return v.fail(err)
		}
		defer s.Close()
		snaps = append(snaps, s)
		if day, err := time.Parse(time.DateOnly, s.About.Date); err == nil {
			m.Ages[filepath.Base(name)] = int(m.At.Sub(day).Hours() / 24)
		}
	}
	parts, o, err := v.toMatch(ctx, what, found)
	if err != nil {
		return v.fail(err)
	}
	if m.Report, err = vulnerability.Match(snaps, parts, o); err != nil {
		return v.fail(err)
	}
	if *asJSON {
		err = writeJSON(std.out, m)
	} else {
		err = printMatch(std.out, &m, *lang, *all)
	}
	c := m.Counts
	switch {
	case err != nil:
		return v.fail(err)
	case m.NoData, c.Exploited > 0, *failOn == "open" && c.Open > 0:
		return exitFailed
	case *failOn == "affected" && slices.ContainsFunc(m.Hits, func(h vulnerability.Hit) bool { return h.Open() && h.State == vulnerability.Affected }):
		return exitFailed
	}
	return exitOK
}

// toMatch reads what is to be matched: bills and bundles declare, names and what was
// found are parts.
func (v *verb) toMatch(ctx context.Context, what, found []string) (parts []lab.Component, o vulnerability.Options, err error) {
	for _, w := range what {
		info, err := os.Stat(w)
		name, version, named := cutVersion(w)
		switch {
		case err != nil && named:
			parts = append(parts, lab.Component{Family: vulnerability.FamilyOf(name, "", ""), Name: name, Version: version, Kind: "program", Certainty: lab.Confirmed}) // whoever asks states the version
		case err != nil:
			return nil, o, fmt.Errorf("%w; a part is given as NAME@VERSION", err)
		case info.IsDir() || slices.Contains([]string{".zip", ".yaml", ".yml"}, strings.ToLower(filepath.Ext(w))):
			b, err := bundle.OpenContext(ctx, w)
			if err != nil {
				return nil, o, err
			}
			n := len(o.Declared)
			for _, im := range b.Evidence.Imports {
				if len(im.Components) > 0 || len(im.Issues) > 0 {
					o.Declared = append(o.Declared, im)
				}
			}
			if len(o.Declared) == n {
				return nil, o, fmt.Errorf("%s: no bill of materials in it: take one in with assay evidence import --bundle %s FILE", w, w)
			}
		default:
			im, err := billOf(ctx, w)
			if err != nil {
				return nil, o, err
			}
			o.Declared = append(o.Declared, *im)
		}
	}
	for _, f := range found {
		im, err := billOf(ctx, f)
		if err != nil {
			return nil, o, err
		}
		parts = append(parts, vulnerability.Components(*im)...)
	}
	return parts, o, nil
}

// cutVersion takes NAME@VERSION apart; NAME may begin with an at sign.
func cutVersion(s string) (name, version string, ok bool) {
	i := strings.LastIndexByte(s, '@')
	if i <= 0 || i == len(s)-1 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

func billOf(ctx context.Context, file string) (*evidence.Import, error) {
	r, err := exchange.Take(ctx, file, intake.Options{})
	if err != nil {
		return nil, inFile(file, err)
	}
	if len(r.Import.Components) == 0 {
		return nil, fmt.Errorf("%s: no part of any software in it: a bill of materials is needed", file)
	}
	return &r.Import, nil
}

// maxShown is how many hits the text shows; the JSON has all.
const maxShown = 200

func printMatch(out io.Writer, m *matched, lang string, all bool) error {
	for _, a := range m.Snapshots {
		fmt.Fprintln(out, lab.Say("vulnerability.snapshot", a.Title, a.Date, a.Records, a.Digest).In(lang))
	}
	for _, n := range m.Notes {
		fmt.Fprintln(out, n.In(lang))
	}
	if m.NoData {
		return nil
	}
	fmt.Fprintln(out)
	shown := 0
	for i := range m.Hits {
		h := &m.Hits[i]
		if !h.Open() && !all {
			continue
		}
		if shown++; shown > maxShown {
			continue
		}
		printHit(out, m, h, lang)
	}
	if shown > maxShown {
		fmt.Fprintf(out, "… +%d (--json)\n", shown-maxShown)
	}
	c := m.Counts
	fmt.Fprintln(out, lab.Say("vulnerability.counts", c.Affected, c.UnderInvestigation, c.NotAffected, c.Fixed).In(lang))
	fmt.Fprintln(out, lab.Say("vulnerability.open", c.Open, c.Exploited, c.Accounted).In(lang))
	return printReconciled(out, m.Reconciled, lang)
}

func printHit(out io.Writer, m *matched, h *vulnerability.Hit, lang string) {
	p := &m.Parts[h.Part]
	word := func(kind, s string) string { return lab.Phrase{ID: "vulnerability." + kind + "-" + s}.In(lang) }
	score := ""
	switch {
	case h.Score != nil:
		score = fmt.Sprintf(" [%s %.1f]", h.Severity, h.Score.Base)
	case h.Severity != lab.None:
		score = fmt.Sprintf(" [%s]", h.Severity)
	}
	fmt.Fprintf(out, "%s  %s %s: %s%s\n", h.ID, p.Name, p.Version, word("state", string(h.State)), score)
	if h.Exploited != nil {
		fmt.Fprintf(out, "  %s\n", lab.Say("vulnerability.exploited", h.Exploited.Added).In(lang))
	}
	for _, w := range h.Why {
		fmt.Fprintf(out, "  %s\n", w.In(lang))
	}
	for _, s := range h.Says {
		fmt.Fprintf(out, "  %s: %s (%s)\n", m.Snapshots[s.Snapshot].Source, s.Ranges, word("verdict", string(s.Verdict)))
	}
	if h.Maker != nil {
		fmt.Fprintf(out, "  %s\n", lab.Say("vulnerability.maker", h.Maker.File, word("state", string(h.Maker.State))+" "+h.Maker.Text).In(lang))
	}
}

func printReconciled(out io.Writer, r *vulnerability.Reconciliation, lang string) error {
	if r == nil {
		return nil
	}
	fmt.Fprintf(out, "\n%s\n", lab.Say("vulnerability.reconciled", r.Same, r.Versions, r.FoundOnly, r.DeclaredOnly, r.Unclear).In(lang))
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, x := range r.Rows {
		if x.Result != vulnerability.Same {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", lab.Phrase{ID: "vulnerability.row-" + string(x.Result)}.In(lang), x.Family, strings.Join(x.Declared, ", "), strings.Join(x.Found, ", "))
		}
	}
	return t.Flush()
}

const vulnerabilitiesShowUsage = `usage: assay lab vulnerabilities show FILE.vuln [ID…]

Says what a snapshot is: source, day, digest, count; and what it says of each ID, as JSON.

exit: 0 done, 1 failed or an ID is not in it, 2 usage
`

func runVulnerabilitiesShow(_ context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "lab vulnerabilities show", vulnerabilitiesShowUsage)
	rest, code, ok := v.parse(args, 1, 1000)
	if !ok {
		return code
	}
	s, err := snapshot.Open(rest[0])
	if err != nil {
		return v.fail(err)
	}
	defer s.Close()
	if len(rest) == 1 {
		printAbout(std.out, &s.About)
		return exitOK
	}
	for _, id := range rest[1:] {
		rs, err := s.ID(id)
		if err != nil {
			return v.fail(err)
		}
		if len(rs) == 0 {
			fmt.Fprintf(std.err, "assay lab vulnerabilities show: %s is not in %s\n", clip(id), rest[0])
			code = exitFailed
		}
		for _, r := range rs {
			if err := writeJSON(std.out, r); err != nil {
				return v.fail(err)
			}
		}
	}
	return code
}
