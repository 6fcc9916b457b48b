package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"assay/bundle"
	"assay/evidence"
	"assay/lab/device"
	"assay/lab/device/probe"
	"assay/lab/device/probe/tls"
	"assay/lab/device/protocols"
	"assay/lab/device/scan"
	link "assay/lab/device/wire"
	"assay/lab/page"
	"assay/lab/record"
	"assay/lab/sarif"
)

const labDeviceUsage = `usage: assay lab device ADDRESS [--ixit BUNDLE] [flags]

Looks at a device over the network and holds what it sees against what the maker
declared: ports and services that nobody declared, and declared ones that are not
there; what is told before sign-in; TLS, SSH, MQTT and others; with consent,
passwords that everybody knows and how fast they can be guessed.

It connects to ADDRESS and to nothing else, asks what anybody may ask, and changes
nothing. More needs --consent:
  sign-in   tries known passwords, and those found in the firmware; may lock accounts
  guess     measures how fast wrong passwords can be tried (20 of them); includes sign-in
  write     tries changes that a right device refuses, and takes them back;
            testssl.sh tries known flaws

  --ixit BUNDLE      what the maker declared; verdicts and tasks go into it
  --tcp PORTS        default: all, 1-65535
  --udp PORTS        default: those of protocols that devices offer; all takes hours
  --only-side        the device has no other network side than this one
  --credentials FILE a line "user:password" each, tried as those of the firmware;
                     the run.json of assay lab firmware does as well
  --user NAME        whose account guessing is measured at; default: admin
  --rate N           new connections in a second, default 500
  --timeout D        for an answer, default 2s
  --no-tools         runs no other programs. Without it nmap, testssl.sh and ssh-audit
                     are run where they are installed, each for three minutes at most
                     at a port, and what they write is taken in
  --tools LIST       of nmap, nmap-udp (as root), testssl, ssh-audit: these
  --sample ID --serial S --model M --hardware H --firmware VERSION
                     the unit under test; --serial and --hardware are needed with
                     --ixit, the others where the bundle leaves a choice
` + labFlagsUsage + `
exit: 0 done, whatever the verdicts; 1 failed, 2 usage
`

func runLabDevice(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "lab device", labDeviceUsage)
	f := v.labFlags("ixit")
	tcp := v.String("tcp", "all", "")
	udp := v.String("udp", "", "")
	only := v.Bool("only-side", false, "")
	credentials := v.String("credentials", "", "")
	user := v.String("user", "admin", "")
	rate := v.Int("rate", link.DefaultRate, "")
	timeout := v.Duration("timeout", link.DefaultTimeout, "")
	consent := v.String("consent", "", "")
	noTools := v.Bool("no-tools", false, "")
	tools := v.String("tools", "", "")
	sample := evidence.Sample{}
	v.StringVar(&sample.ID, "sample", "S1", "")
	v.StringVar(&sample.Serial, "serial", "", "")
	v.StringVar(&sample.Model, "model", "", "")
	v.StringVar(&sample.Hardware, "hardware", "", "")
	version := v.String("firmware", "", "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	o := device.Options{Name: rest[0], Sides: *only, Probes: protocols.All(), TLS: tls.TLS{}, Link: link.Options{Rate: *rate, Timeout: *timeout}, Guess: device.GuessLimits{User: *user}}
	var err error
	if o.Consent, err = probe.ParseConsent(*consent); err != nil {
		return v.misuse("%v", err)
	}
	if *credentials != "" && !o.Consent.SignIn {
		return v.misuse("--credentials are tried with --consent sign-in alone")
	}
	if o.TCP, err = scan.ParsePorts(*tcp); err != nil {
		return v.misuse("--tcp: %v", err)
	}
	o.UDP = scan.UDPPorts()
	if *udp != "" {
		if o.UDP, err = scan.ParsePorts(*udp); err != nil {
			return v.misuse("--udp: %v", err)
		}
	}
	others, err := findTools(*tools, *noTools)
	if err != nil {
		return v.misuse("%v", err)
	}
	r, misuse, err := f.begin(ctx, v)
	if misuse {
		return v.misuse("%v", err)
	}
	if err != nil {
		return v.fail(err)
	}
	if r.in != nil {
		o.Evidence = r.in.Evidence
		if err := fillSample(&sample, r, *version); err != nil {
			return v.misuse("%v", err)
		}
	}
	if o.Candidates, err = candidates(*credentials); err != nil {
		return v.fail(err)
	}
	if o.Addr, _, err = link.Resolve(ctx, o.Name); err != nil {
		return v.fail(err)
	}
	out, err := r.newOutput("lab-device-" + strings.Map(plainName, o.Name))
	if err != nil {
		return v.fail(err)
	}
	defer out.drop()
	others.out, others.firmware = out, sample.Firmware
	o.Others = func(ctx context.Context, res *device.Result) (device.Others, error) { return others.ask(ctx, res, &o) }
	shown := newProgress(std)
	o.Progress = func(step string, done, all int) { shown.say("%s: %d of %d", step, done, all) }
	res, err := device.Run(ctx, o)
	shown.end()
	if err != nil {
		return v.fail(err)
	}
	run := deviceRun(r, res, &o)
	said, err := writeDevice(r, out, run, res, sample)
	if err != nil {
		return v.fail(out.failed(err))
	}
	if *f.json {
		text, err := run.JSON()
		if err != nil {
			return v.fail(err)
		}
		if _, err := std.out.Write(text); err != nil {
			return v.fail(err)
		}
		return exitOK
	}
	fmt.Fprintf(std.out, "%s: %s, %s\n", o.Name, r.say("say.device", "n", len(res.Services), "k", res.Opened), res.End.Sub(res.Begin).Round(time.Millisecond))
	for _, s := range res.Services {
		what := s.Is.Protocol
		if what == "" {
			what = "?"
		}
		if s.TLS != nil {
			what = "tls/" + what
		}
		fmt.Fprintf(std.out, "  %-10s %-10s %s %s\n", s.At, what, strings.TrimSpace(s.Is.Product+" "+s.Is.Version), s.Is.Auth)
	}
	printRun(std, *f.lang, run.Judgments, run.Findings)
	for _, s := range said {
		fmt.Fprintln(std.out, s)
	}
	fmt.Fprintln(std.out, r.say("say.written", "dir", out.dir, "files", strings.Join(out.files, ", ")))
	return exitOK
}

// writeDevice writes the folder, and takes the evidence into the bundle last.
func writeDevice(r *labRun, out *output, run *record.Run, res *device.Result, sample evidence.Sample) (said []string, err error) {
	if err := writeTranscript(out, res); err != nil {
		return nil, err
	}
	facts, err := json.MarshalIndent(res, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := out.write("device.json", append(facts, '\n')); err != nil {
		return nil, err
	}
	product := ""
	if r.in != nil {
		product = r.in.Evidence.Product.Name
	}
	var html bytes.Buffer
	if err := page.HTML(&html, *r.lang, page.Device(run, res, product)); err != nil {
		return nil, err
	}
	if err := out.write("report.html", html.Bytes()); err != nil {
		return nil, err
	}
	found, err := sarif.Write(run, *r.lang)
	if err != nil {
		return nil, err
	}
	if err := out.write("findings.sarif", found); err != nil {
		return nil, err
	}
	number := fmt.Sprintf("LAB-D-%s-%s", strings.ToUpper(strings.Map(plainName, res.Name)), r.at.Format("20060102T150405Z"))
	return r.evidence(out, run, number, sample, []string{"transcript.jsonl", "device.json"}, func(evidence.Artifact) []bundle.Imported {
		all := []bundle.Imported{{Import: observed(r, res, facts, sample)}}
		for _, m := range res.Others.Imports {
			all = append(all, bundle.Imported{Import: m})
		}
		return all
	})
}

// plainName keeps what a file's name may have.
func plainName(c rune) rune {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
		return c
	}
	return '-'
}

// fillSample completes the unit under test from the bundle, where there is no
// choice.
func fillSample(s *evidence.Sample, r *labRun, version string) error {
	ev := r.in.Evidence
	if s.Model == "" && len(ev.Product.Models) > 0 {
		if len(ev.Product.Models) > 1 {
			return fmt.Errorf("give the --model of the unit under test: the product has %d", len(ev.Product.Models))
		}
		s.Model = ev.Product.Models[0].ID
	}
	var lacks []string
	if s.Serial == "" {
		lacks = append(lacks, "--serial")
	}
	if s.Hardware == "" {
		lacks = append(lacks, "--hardware")
	}
	if len(lacks) > 0 {
		return fmt.Errorf("give the %s of the unit under test: a verdict names the unit that it is on", strings.Join(lacks, " and the "))
	}
	if made := ev.Product.Revisions(s.Model); len(made) > 0 && !slices.Contains(made, s.Hardware) {
		return fmt.Errorf("--hardware %q: product.yaml has %s of model %s: give the one that stands on the unit", clip(s.Hardware), strings.Join(made, ", "), s.Model)
	}
	for _, f := range ev.Firmware {
		if version == f.Version || version == "" && len(ev.Firmware) == 1 {
			s.Firmware = f.SHA256
		}
	}
	if s.Firmware.IsZero() {
		return errors.New("give the --firmware version that runs on the unit, one of those in product.yaml")
	}
	s.Chosen, s.Received = "by who ran the test", r.day()
	return nil
}

// candidates are the known passwords and those of a file.
func candidates(file string) ([]probe.Credential, error) {
	all := device.Defaults()
	if file == "" {
		return all, nil
	}
	text, err := readBounded(file, nil, 16<<20)
	if err != nil {
		return nil, err
	}
	var run record.Run
	if json.Unmarshal(text, &run) == nil && run.Kind == "firmware" {
		for i := range run.Findings {
			f := &run.Findings[i]
			if u, p := f.Get("account"), f.Get("password"); u != "" && (p != "" || strings.Contains(f.Rule, "empty")) {
				all = append(all, probe.Credential{User: u, Password: strings.Trim(p, `"`), From: "firmware"})
			}
		}
		return all, nil
	}
	for i, l := range strings.Split(string(text), "\n") {
		l = strings.TrimRight(l, "\r")
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		u, p, ok := strings.Cut(l, ":")
		if !ok {
			return nil, fmt.Errorf("%s:%d: no line of the form user:password", file, i+1)
		}
		all = append(all, probe.Credential{User: u, Password: p, From: "firmware"})
	}
	return all, nil
}

// deviceRun is the record of a run.
func deviceRun(r *labRun, res *device.Result, o *device.Options) *record.Run {
	run := &record.Run{
		Kind: "device", Tool: tool(), At: r.at, Operator: *r.operator, Input: record.Input{Name: o.Name}, Data: []record.Data{},
		Findings: res.Findings, Left: res.Left, Judgments: res.Judged,
	}
	run.Conditions = append(run.Conditions, fmt.Sprintf("address %s", res.Addr))
	for _, t := range []string{"tcp", "udp"} {
		if p := res.Scanned[t]; p != "" {
			run.Conditions = append(run.Conditions, t+" "+p)
		}
	}
	for _, m := range res.Others.Imports {
		run.Conditions = append(run.Conditions, strings.TrimSpace(m.Tool+" "+m.Version)+": "+m.Name)
	}
	for _, c := range []struct {
		name string
		on   bool
	}{{"sign-in", o.Consent.SignIn}, {"guess", o.Consent.Guess}, {"write", o.Consent.Write}} {
		if c.on {
			run.Conditions = append(run.Conditions, "consent: "+c.name)
		}
	}
	return run
}

// observed is a run as an import: which ports were tried, and which answered.
func observed(r *labRun, res *device.Result, facts []byte, s evidence.Sample) evidence.Import {
	m := evidence.Import{
		Name: "device.json", Format: "assay-lab", Tool: "assay lab device", Date: r.day(), Target: res.Name, Firmware: s.Firmware,
		Artifact: evidence.Artifact{Name: "device.json", SHA256: evidence.Digest(append(facts, '\n')), Size: int64(len(facts) + 1)},
	}
	for _, t := range []string{"tcp", "udp"} {
		if p := res.Scanned[t]; p != "" {
			m.Scanned = append(m.Scanned, evidence.Scan{Transport: t, Ports: p})
		}
	}
	for _, s := range res.Services {
		name := s.Is.Protocol
		if s.TLS != nil {
			name = "tls/" + name
		}
		m.Services = append(m.Services, evidence.Service{
			Address: res.Addr, Transport: string(s.Port.Transport), Port: int64(s.Port.Number), State: "open", Name: strings.TrimSuffix(name, "/"), Product: s.Is.Product, Version: s.Is.Version,
		})
	}
	return m
}

// writeTranscript writes what went over each connection, a line each.
func writeTranscript(o *output, res *device.Result) error {
	var b strings.Builder
	type chunk struct {
		Sent bool   `json:"sent"`
		Data string `json:"data"` // as Go quotes bytes
	}
	for _, s := range res.Sessions {
		chunks, cut := s.Record()
		line := struct {
			Port    string  `json:"port"`
			Purpose string  `json:"purpose"`
			Begin   string  `json:"begin"`
			Cut     bool    `json:"cut,omitempty"`
			Chunks  []chunk `json:"chunks"`
		}{s.Port.String(), s.Purpose, s.Begin.UTC().Format(time.RFC3339Nano), cut, []chunk{}}
		for _, c := range chunks {
			line.Chunks = append(line.Chunks, chunk{c.Sent, fmt.Sprintf("%+q", c.Data)})
		}
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	if b.Len() == 0 {
		b.WriteString("{}\n") // an artifact has bytes
	}
	return o.write("transcript.jsonl", []byte(b.String()))
}

// reportText is a report as a file.
func reportText(r *evidence.Report) ([]byte, error) {
	text, err := yaml.Marshal(r)
	if err != nil {
		return nil, errors.Join(errors.New("a report that cannot be written"), err)
	}
	return text, nil
}
