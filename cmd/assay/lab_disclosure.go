package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"assay/evidence"
	"assay/lab/disclosure"
	"assay/lab/page"
	"assay/lab/record"
)

const labDisclosureUsage = `usage: assay lab disclosure URL|FILE [--bundle BUNDLE] [flags]

Reads how a maker wants to be told of vulnerabilities, and judges provision 5.2-1 of
EN 303 645: security.txt (RFC 9116), or a policy as HTML, text or Markdown in one of
the languages en, ko, de, fi; PDF is not read. It looks for a contact, for when receipt
is acknowledged, when news of the state is given and until when flaws are mended,
and quotes the sentences. What is not found becomes a task; no contact fails.

It fetches URL and nothing else: redirects on the same host are followed and said,
others are not; of a host alone it fetches /.well-known/security.txt. No address in a
document is followed.
  --follow           also fetches the security.txt of URL's host, and the policies that
                     a security.txt names
  --bundle BUNDLE    verdicts and tasks go into it
` + labFlagsUsage + `
exit: 0 done, whatever the verdicts; 1 failed, 2 usage
`

func runLabDisclosure(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "lab disclosure", labDisclosureUsage)
	f := v.labFlags("bundle")
	follow := v.Bool("follow", false, "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	target := rest[0]
	if disclosure.IsURL(target) {
		if _, err := disclosure.ParseURL(target); err != nil {
			return v.misuse("%v", err)
		}
	} else if *follow {
		return v.misuse("--follow is for an address, and %s is a file", clip(target))
	}
	r, misuse, err := f.begin(ctx, v)
	if misuse {
		return v.misuse("%v", err)
	}
	if err != nil {
		return v.fail(err)
	}
	res, err := disclosure.Check(ctx, disclosure.Options{Target: target, At: r.at, Follow: *follow})
	if err != nil {
		return v.fail(err)
	}
	out, err := r.newOutput("lab-disclosure-" + folderName(res.Documents[0].Address))
	if err != nil {
		return v.fail(err)
	}
	defer out.drop()
	run := disclosureRun(r, res, *follow)
	said, err := writeDisclosure(r, out, run, res)
	if err != nil {
		return v.fail(out.failed(err))
	}
	if *f.json {
		text, err := os.ReadFile(out.path("run.json"))
		if err != nil {
			return v.fail(err)
		}
		if _, err := std.out.Write(text); err != nil {
			return v.fail(err)
		}
		return exitOK
	}
	for i := range res.Documents {
		fmt.Fprintln(std.out, documentLine(&res.Documents[i]))
	}
	printRun(std, *f.lang, run.Judgments, run.Findings)
	for _, s := range said {
		fmt.Fprintln(std.out, s)
	}
	fmt.Fprintln(std.out, r.say("say.written", "dir", out.dir, "files", strings.Join(out.files, ", ")))
	return exitOK
}

// folderName is an address or a file's name as part of a folder's name.
func folderName(address string) string {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	words := strings.FieldsFunc(strings.Map(plainName, address), func(c rune) bool { return c == '-' })
	name := strings.Trim(strings.Join(words, "-"), ".")
	return name[:min(len(name), 80)]
}

// writeDisclosure writes the folder, and takes the evidence into the bundle last. The
// report's number tells what was read: one instant may see several documents.
func writeDisclosure(r *labRun, out *output, run *record.Run, res *disclosure.Result) (said []string, err error) {
	product := ""
	if r.in != nil {
		product = r.in.Evidence.Product.Name
	}
	var text bytes.Buffer
	if err := page.HTML(&text, *r.lang, page.Run(run, product)); err != nil {
		return nil, err
	}
	rests, err := writeDocuments(out, res)
	if err != nil {
		return nil, err
	}
	if err := out.write("report.html", text.Bytes()); err != nil {
		return nil, err
	}
	var read strings.Builder
	for i := range res.Documents {
		fmt.Fprintln(&read, res.Documents[i].Address, res.Documents[i].SHA256)
	}
	number := fmt.Sprintf("LAB-P-%.12s-%s", strings.ToUpper(evidence.Digest([]byte(read.String())).String()), r.at.Format("20060102T150405Z"))
	return r.evidence(out, run, number, evidence.Sample{}, rests, nil)
}

// documentLine says in short what was read.
func documentLine(d *disclosure.Document) string {
	s := d.Address
	for _, h := range d.Hops {
		s += fmt.Sprintf("\n  %d: %s -> %s", h.Status, h.From, h.To)
	}
	if d.Kind == "" {
		return s + ": " + d.Problem
	}
	s += fmt.Sprintf(": %s, %d bytes, SHA-256 %s", d.Kind, d.Size, d.SHA256)
	if d.TLS != nil {
		s += fmt.Sprintf("\n  %s, %s, certificate of %s by %s until %s", d.TLS.Version, d.TLS.Suite, d.TLS.Subject, d.TLS.Issuer, d.TLS.Expires)
	}
	return s
}

// disclosureRun is the record of a run.
func disclosureRun(r *labRun, res *disclosure.Result, follow bool) *record.Run {
	run := &record.Run{
		Kind: "disclosure", Tool: tool(), At: r.at, Operator: *r.operator, Input: record.Input{Name: res.Documents[0].Address}, Data: []record.Data{},
		Findings: res.Findings, Left: res.Left, Judgments: res.Judgments, Confinement: res.Confinement,
	}
	if d := &res.Documents[0]; d.SHA256 != "" {
		run.Input.SHA256, run.Input.Size = evidence.Digest(d.Body), d.Size
	}
	for i := range res.Documents {
		d := &res.Documents[i]
		if d.Final != "" {
			run.Conditions = append(run.Conditions, fmt.Sprintf("%s, status %d", d.Final, d.Status))
		}
	}
	if follow {
		run.Conditions = append(run.Conditions, "follow")
	}
	return run
}

// writeDocuments keeps what was read, as it came, and what is known of it.
func writeDocuments(out *output, res *disclosure.Result) (names []string, err error) {
	ending := map[string]string{disclosure.SecurityTxt: "security.txt", disclosure.HTML: "policy.html", disclosure.Text: "policy.txt"}
	for i := range res.Documents {
		d := &res.Documents[i]
		if d.Kind == "" {
			continue
		}
		name := fmt.Sprintf("%d-%s", i+1, ending[d.Kind])
		if err := out.write(name, d.Body); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	text, err := json.MarshalIndent(res.Documents, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := out.write("documents.json", append(text, '\n')); err != nil {
		return nil, err
	}
	return append(names, "documents.json"), nil
}
