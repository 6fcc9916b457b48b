package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"assay/bundle"
	"assay/confine"
	"assay/evidence"
	"assay/exchange"
	"assay/exchange/intake"
	"assay/lab"
	"assay/lab/firmware"
	"assay/lab/firmware/malware"
	"assay/lab/firmware/verdict"
	"assay/lab/page"
	"assay/lab/record"
	"assay/lab/sarif"
	"assay/lab/sbom"
	"assay/lab/scanner"
	"assay/lab/vulnerability"
	"assay/lab/vulnerability/snapshot"
)

const labFirmwareUsage = `usage: assay lab firmware IMAGE [--bundle BUNDLE] [flags]

Unpacks a firmware image and says what is in it and what is wrong: passwords, keys,
services that start, known vulnerabilities of its parts, malware, hardening, and the
way it is updated. For each requirement that an image can say something about it
gives a verdict, with what was looked at and what was not.

It writes a folder: report.html, run.json (all of it), lab-sbom.cdx.json (CycloneDX
with VEX), findings.sarif, vulnerabilities.json, facts.json. Into the bundle go the verdicts, the tasks
for a person, and the bill of materials; its declared parts and ports are held
against what was found.

The image is read by a process that can do nothing else: Landlock, a filter of
system calls and no new privileges; no network, no file. Where the kernel lacks one of
these, the run stops unless --confinement reduced is given; the record says which held.

  --bundle BUNDLE       what the maker declared; verdicts and tasks go into it
  --snapshot FILE.vuln  vulnerability data of assay lab vulnerabilities import; several
  --word WORD           tried as a password first, such as the product's name; several
  --yara FILE           rules for YARA, where it is installed; several
  --clamav PATH         signatures for ClamAV; default: where it keeps them
  --no-scanners         leaves YARA and ClamAV out
  --confinement reduced goes on where a layer is missing
` + labFlagsUsage + `
exit: 0 done, whatever the verdicts; 1 failed, 2 usage
`

func runLabFirmware(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "lab firmware", labFirmwareUsage)
	f := v.labFlags("bundle")
	var snapshots, words, yara several
	v.Var(&snapshots, "snapshot", "")
	v.Var(&words, "word", "")
	v.Var(&yara, "yara", "")
	clam := v.String("clamav", "", "")
	noScanners := v.Bool("no-scanners", false, "")
	confinement := v.String("confinement", "", "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if *confinement != "" && *confinement != "reduced" {
		return v.misuse("--confinement has one value: reduced")
	}
	r, misuse, err := f.begin(ctx, v)
	if misuse {
		return v.misuse("%v", err)
	}
	if err != nil {
		return v.fail(err)
	}
	t := &firmwareTest{labRun: r, name: rest[0], words: words, yara: yara, clam: *clam, scan: !*noScanners, reduced: *confinement == "reduced"}
	if err := t.open(snapshots); err != nil {
		return v.fail(err)
	}
	defer t.close()
	out, err := r.newOutput("lab-firmware-" + t.sum.String()[:12])
	if err != nil {
		return v.fail(err)
	}
	defer out.drop()
	shown := newProgress(std)
	err = t.run(ctx, shown)
	shown.end()
	if err != nil {
		if errors.Is(err, confine.ErrMissing) {
			err = fmt.Errorf("%w; with --confinement reduced the image is read without it, and the record says so", err)
		}
		return v.fail(err)
	}
	said, err := t.write(out)
	if err != nil {
		return v.fail(out.failed(err))
	}
	if *f.json {
		text, err := t.record.JSON()
		if err != nil {
			return v.fail(err)
		}
		if _, err := std.out.Write(text); err != nil {
			return v.fail(err)
		}
		return exitOK
	}
	t.print(std, said, out)
	return exitOK
}

// several is a flag that comes several times.
type several []string

func (l *several) String() string { return strings.Join(*l, ",") }

func (l *several) Set(s string) error {
	if s == "" {
		return errors.New("it is empty")
	}
	*l = append(*l, s)
	return nil
}

// firmwareTest is one run.
type firmwareTest struct {
	*labRun
	name    string
	words   []string
	yara    []string
	clam    string
	scan    bool
	reduced bool

	scanner *scanner.Scanner // nil: none is asked
	file    *os.File
	sum     evidence.Hash
	size    int64
	snaps   []*snapshot.File
	facts   *firmware.Facts
	malware *malware.Scan
	known   *vulnerability.Report
	out     verdict.Output
	record  *record.Run
	took    time.Duration
}

// open opens what the run reads, so that nothing is missing in the middle of it.
func (t *firmwareTest) open(snapshots []string) error {
	for _, name := range snapshots {
		s, err := snapshot.Open(name)
		if err != nil {
			return err
		}
		t.snaps = append(t.snaps, s)
	}
	if t.scan {
		var err error
		if t.scanner, err = scanner.Find(t.yara, t.clam); err != nil {
			return err
		}
		t.scanner.At = t.at
	}
	info, err := os.Stat(t.name) // before it is opened: a pipe would keep us waiting
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no plain file: name the image's file", t.name)
	}
	if t.file, err = os.Open(t.name); err != nil {
		return err
	}
	if t.sum, t.size, err = hashOf(t.file); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// hashOf is a file's SHA-256 and size; its offset stays at the beginning.
func hashOf(f *os.File) (evidence.Hash, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(f, 0, firmware.MaxImage+1))
	return evidence.Hash(h.Sum(nil)), n, err
}

func (t *firmwareTest) close() {
	if t.file != nil {
		t.file.Close()
	}
	for _, s := range t.snaps {
		s.Close()
	}
}

// percent is how far a scan is: the image is cut up, and then its files are looked at,
// which takes longer. It falls a little where a file turns out to be an image.
func percent(p firmware.Progress) int64 {
	const cut = 20
	return cut*min(p.Done, p.Size)/p.Size + (100-cut)*min(p.Read, p.ToRead)/max(1, p.ToRead)
}

// run finds the facts, looks them up, and draws the verdicts.
func (t *firmwareTest) run(ctx context.Context, shown *progress) error {
	begin := time.Now()
	o := firmware.Options{At: t.at, Words: t.passwords(), Reduced: t.reduced, Progress: func(p firmware.Progress) {
		if p.Size > 0 {
			s := fmt.Sprintf("%3d %%  %s %s", percent(p), p.Format, p.Part)
			if p.Files > 0 || p.Unpacked > 0 {
				s += fmt.Sprintf(", %d files, %d MB unpacked", p.Files, p.Unpacked>>20)
			}
			shown.say("%s", s)
		}
	}}
	var err error
	if t.facts, err = firmware.Scan(ctx, t.file, o); err != nil {
		return inImage(t.name, err)
	}
	if t.scanner != nil {
		shown.say("scanners")
		if t.malware, err = firmware.Malware(ctx, t.file, t.facts, t.scanner, o); err != nil {
			return err
		}
	}
	shown.say("vulnerabilities")
	declared := []evidence.Import{}
	var ev *evidence.Evidence
	if t.in != nil {
		ev = t.in.Evidence
		for _, m := range ev.Imports {
			said := slices.ContainsFunc(m.Issues, func(i evidence.Issue) bool { return i.State != "" }) // VEX alone
			if (said || len(m.Components) > 0) && m.Format != ownFormat && !strings.HasSuffix(m.Name, ownBill) {
				declared = append(declared, m)
			}
		}
	}
	known, err := vulnerability.Match(t.snaps, t.facts.Components, vulnerability.Options{Declared: declared})
	if err != nil {
		return err
	}
	t.known = &known
	t.out = verdict.Judge(verdict.Input{Facts: t.facts, Scan: t.malware, Known: t.known, Evidence: ev})
	t.record = &record.Run{
		Kind: "firmware", Tool: tool(), At: t.at, Operator: *t.operator, Input: record.Input{Name: filepath.Base(t.name), SHA256: t.sum, Size: t.size},
		Data: []record.Data{}, Confinement: strings.Split(t.facts.Layers.String(), ", "), Findings: t.out.Findings, Left: t.out.Left, Judgments: t.out.Judgments,
	}
	for _, s := range known.Snapshots {
		t.record.Data = append(t.record.Data, record.Data{Source: s.Title, Date: s.Date, SHA256: s.Digest, Records: s.Records})
	}
	if t.reduced {
		t.record.Conditions = append(t.record.Conditions, "confinement reduced")
	}
	for _, w := range t.words {
		t.record.Conditions = append(t.record.Conditions, "word "+w)
	}
	t.took = time.Since(begin)
	return nil
}

// Names of what this program itself puts into a bundle, which is not what the
// maker declared.
const (
	ownFormat = "assay-lab"
	ownBill   = "lab-sbom.cdx.json"
)

// passwords are the words that are tried first: the operator's, and the product's names.
func (t *firmwareTest) passwords() []string {
	ws := append([]string(nil), t.words...)
	if t.in != nil {
		p := &t.in.Evidence.Product
		ws = append(ws, strings.Fields(p.Brand)...)
		ws = append(ws, strings.Fields(p.Name)...)
		for _, m := range p.Models {
			ws = append(ws, m.ID)
		}
	}
	return ws
}

func inImage(name string, err error) error {
	if errors.Is(err, firmware.ErrFile) || errors.Is(err, firmware.ErrChanged) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return err
}

// write writes the folder, and takes the evidence into the bundle.
func (t *firmwareTest) write(out *output) (said []string, err error) {
	facts, err := json.Marshal(t.facts)
	if err != nil {
		return nil, err
	}
	product, version := "", ""
	if t.in != nil {
		product = t.in.Evidence.Product.Name
		for _, f := range t.in.Evidence.Firmware {
			if f.SHA256 == t.sum {
				version = f.Version
			}
		}
	}
	bill, err := sbom.Write(t.record, product, version, t.facts.Components, t.known)
	if err != nil {
		return nil, err
	}
	found, err := sarif.Write(t.record, *t.lang)
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := page.HTML(&html, *t.lang, page.Firmware(*t.lang, t.record, t.facts, t.known, product)); err != nil {
		return nil, err
	}
	known, err := json.MarshalIndent(t.known, "", "  ")
	if err != nil {
		return nil, err
	}
	for _, x := range []struct {
		name string
		text []byte
	}{{"report.html", html.Bytes()}, {ownBill, bill}, {"findings.sarif", found}, {"vulnerabilities.json", append(known, '\n')}, {"facts.json", append(facts, '\n')}} {
		if err := out.write(x.name, x.text); err != nil {
			return nil, err
		}
	}
	return t.evidence(out, t.record, "LAB-F-"+strings.ToUpper(t.sum.String()[:12])+"-"+t.at.Format("20060102T150405Z"), t.sample(), []string{ownBill, "findings.sarif", "vulnerabilities.json"}, t.imports(out))
}

// sample is the image as a sample: no device was there.
func (t *firmwareTest) sample() evidence.Sample {
	s := evidence.Sample{ID: "I1", Chosen: "image file handed in", Serial: evidence.ImageFile, Hardware: evidence.ImageFile, Firmware: t.sum, Received: t.day()}
	if t.in != nil && len(t.in.Evidence.Product.Models) > 0 {
		s.Model = t.in.Evidence.Product.Models[0].ID
	}
	return s
}

// imports is the bill of materials, read as any other tool's.
func (t *firmwareTest) imports(out *output) func(evidence.Artifact) []bundle.Imported {
	return func(evidence.Artifact) []bundle.Imported {
		b, err := os.ReadFile(out.path(ownBill))
		if err != nil {
			return nil
		}
		res, err := exchange.Read(ownBill, bytes.NewReader(b), intake.Options{})
		if err != nil {
			return nil
		}
		return []bundle.Imported{{Import: res.Import}}
	}
}

// fileSystems counts the trees that are parts of the image, not those of archives in their files.
func fileSystems(f *firmware.Facts) (n int) {
	for _, s := range f.Systems {
		if s.Root || !strings.Contains(s.Part, ":") {
			n++
		}
	}
	return n
}

// print says in short what was found.
func (t *firmwareTest) print(std stdio, said []string, out *output) {
	c := t.facts.Coverage
	fmt.Fprintf(std.out, "%s: %d bytes, SHA-256 %s\n", t.name, t.size, t.sum)
	var states []string
	for _, x := range []struct {
		state string
		bytes int64
	}{{"understood", c.Understood}, {"padding", c.Padding}, {"unknown", c.Unknown}, {"damaged", c.Damaged}} {
		states = append(states, fmt.Sprintf("%s %.1f %%", t.say("state."+x.state), 100*float64(x.bytes)/float64(max(1, c.Bytes()))))
	}
	fmt.Fprintf(std.out, "%s; %s; %s; %s\n", strings.Join(states, ", "), t.say("say.trees", "n", fileSystems(t.facts)), t.facts.Layers, t.took.Round(time.Millisecond))
	for _, p := range t.facts.Parts {
		fmt.Fprintf(std.out, "  %-12s %-12s %10d  %s\n", p.ID, p.Format, p.Size, t.say("state."+string(p.State)))
	}
	confirmed := 0
	for _, x := range t.facts.Components {
		if x.Certainty == lab.Confirmed {
			confirmed++
		}
	}
	fmt.Fprintln(std.out, t.say("say.parts", "n", len(t.facts.Components), "k", confirmed))
	k := t.known
	if k.NoData {
		fmt.Fprintln(std.out, t.say("say.no-data"))
	} else {
		fmt.Fprintln(std.out, t.say("say.known", "open", k.Counts.Open, "used", k.Counts.Exploited, "not", k.Counts.NotAffected, "fixed", k.Counts.Fixed, "maker", k.Counts.Accounted))
	}
	printRun(std, *t.lang, t.record.Judgments, t.record.Findings)
	for _, s := range said {
		fmt.Fprintln(std.out, s)
	}
	if t.in != nil {
		listed := false
		for _, f := range t.in.Evidence.Firmware {
			listed = listed || f.SHA256 == t.sum
		}
		if !listed {
			fmt.Fprintln(std.out, t.say("say.not-listed", "line", fmt.Sprintf("{version: …, sha256: %s}", t.sum)))
		}
	}
	fmt.Fprintln(std.out, t.say("say.written", "dir", out.dir, "files", strings.Join(out.files, ", ")))
}
