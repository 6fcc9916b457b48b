// Package disclosure reads how a maker wants to be told of vulnerabilities: a
// security.txt (RFC 9116), or a page with a policy in English and three other languages. It says what
// stands there, with the sentence and its line, and judges provision 5.2-1 of EN 303 645.
//
// It fetches what the operator names and nothing else: no address that a document
// or a server names is followed, but for redirects on the same host and, where only a
// host was named, its security.txt. Options.Follow widens that by one step. A document
// is read by a process that can do nothing but compute.
package disclosure

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"assay/confine"
	"assay/lab"
)

// Options of a check.
type Options struct {
	Target string    // an address of the web, or a file
	At     time.Time // of the check: against it is held when a document expires
	// Follow also fetches /.well-known/security.txt of the target's host, and the policies that
	// a security.txt names, on whichever host they are.
	Follow bool
	Roots  *x509.CertPool // that are trusted for TLS; nil: the system's
}

// Document is what was read.
type Document struct {
	Address     string      `json:"address"`         // as it was named
	Final       string      `json:"final,omitempty"` // where it was found in the end
	Named       string      `json:"named,omitempty"` // by which document, where the operator did not
	Hops        []Hop       `json:"hops,omitempty"`
	Status      int         `json:"status,omitempty"` // of HTTP
	ContentType string      `json:"content_type,omitempty"`
	TLS         *TLS        `json:"tls,omitempty"`
	Problem     string      `json:"problem,omitempty"` // why it was not read
	Kind        string      `json:"kind,omitempty"`    // security.txt, html, text
	Signed      bool        `json:"signed,omitempty"`  // by OpenPGP; not verified
	Size        int64       `json:"size,omitempty"`
	SHA256      string      `json:"sha256,omitempty"` // of its bytes, hexadecimal
	Fields      []Field     `json:"fields,omitempty"`
	Said        []Statement `json:"said,omitempty"`

	Body []byte `json:"-"` // as it came

	reason string
	topic  int // how often it speaks of vulnerabilities
	signIn int
	file   bool
}

// place is where findings of a document are.
func (d *Document) place(line int) lab.Place {
	address := d.Address
	if d.Final != "" {
		address = d.Final
	}
	return lab.Place{Address: address, Line: line}
}

// Result of a check.
type Result struct {
	Time      time.Time      `json:"time"`
	Documents []Document     `json:"documents"`
	Findings  []lab.Finding  `json:"findings"`
	Left      map[string]int `json:"findings_left_out,omitempty"`
	Judgments []lab.Judgment `json:"judgments"`
	// Confinement are the layers that held the process that read the documents.
	Confinement []string `json:"confinement,omitempty"`
}

// wellKnown is where a security.txt stands (RFC 9116, 3).
const wellKnown = "/.well-known/security.txt"

// maxPolicies is how many policies of one security.txt are fetched.
const maxPolicies = 4

// IsURL says whether a target is meant as an address.
func IsURL(target string) bool { return strings.Contains(target, "://") }

// Check reads a policy and judges it. Its error says that nothing could be judged: a file
// that is not there, an address that is none. That an address does not answer is a verdict.
func Check(ctx context.Context, o Options) (*Result, error) {
	r := &Result{Time: o.At}
	if !IsURL(o.Target) {
		d, err := readFile(o.Target)
		if err != nil {
			return nil, err
		}
		r.Documents = []Document{*d}
	} else {
		u, err := ParseURL(o.Target)
		if err != nil {
			return nil, err
		}
		fetchAll(ctx, newClient(o.Roots), u, o.Follow, r)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i := 0; i < len(r.Documents); i++ {
		d := &r.Documents[i]
		if err := r.understand(ctx, d); err != nil {
			return nil, err
		}
		if o.Follow && IsURL(o.Target) && d.Kind == SecurityTxt && d.Named != "policy" {
			r.policies(ctx, newClient(o.Roots), d)
		}
	}
	for i := range r.Documents {
		r.Findings = append(r.Findings, r.Documents[i].findings(o.At)...)
	}
	if main := &r.Documents[0]; main.Kind != "" {
		if _, ok := r.first(Contact); !ok {
			r.Findings = append(r.Findings, lab.Found("disclosure.no-contact", lab.Confirmed, main.place(0)))
		}
	}
	r.Findings, r.Left = lab.Sort(r.Findings)
	r.judge()
	lab.SortJudgments(r.Judgments)
	return r, nil
}

func readFile(name string) (*Document, error) {
	info, err := os.Stat(name) // before it is opened: a pipe would keep us waiting
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no plain file: give the policy's file, or its address", name)
	case info.Size() > maxDocument:
		return nil, fmt.Errorf("%s has %d bytes, and %d is the most: give the page alone", name, info.Size(), maxDocument)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return nil, err
	}
	return &Document{Address: filepath.Base(name), Body: b, file: true}, nil
}

// fetchAll fetches the target and, of a host alone, its security.txt.
func fetchAll(ctx context.Context, c *client, u *url.URL, follow bool, r *Result) {
	get := func(p, named string) *Document {
		at := *u
		at.Path, at.RawPath, at.RawQuery = p, "", ""
		f := c.get(ctx, at.String())
		return f.document(named)
	}
	bare := (u.Path == "" || u.Path == "/") && u.RawQuery == ""
	if !bare {
		f := c.get(ctx, u.String())
		r.Documents = append(r.Documents, *f.document(""))
		if !follow || u.Path == wellKnown {
			return
		}
	}
	named := ""
	if !bare {
		named = "host"
	}
	d := get(wellKnown, named)
	if d.reason == reasonGone {
		if old := get("/security.txt", named); old.reason == "" { // RFC 9116, 3: where it stood before
			d = old
		}
	}
	if bare || d.reason == "" { // what nobody asked for is no failing where it lacks
		r.Documents = append(r.Documents, *d)
	}
}

func (f *fetched) document(named string) *Document {
	d := f.doc
	d.Body, d.reason, d.Named = f.body, f.reason, named
	return &d
}

// policies adds the policies that a security.txt names.
func (r *Result) policies(ctx context.Context, c *client, d *Document) {
	for i, p := range values(d.Fields, "Policy") {
		u, err := ParseURL(p)
		if err != nil || i >= maxPolicies {
			continue
		}
		f := c.get(ctx, u.String())
		r.Documents = append(r.Documents, *f.document("policy"))
	}
}

// understand has a document read.
func (r *Result) understand(ctx context.Context, d *Document) error {
	if d.reason != "" {
		d.Body = nil
		return nil
	}
	sum := sha256.Sum256(d.Body)
	d.Size, d.SHA256 = int64(len(d.Body)), hex.EncodeToString(sum[:])
	name := path.Base(d.Address)
	if d.Final != "" {
		if u, err := url.Parse(d.Final); err == nil {
			name = path.Base(u.Path)
		}
	}
	a, layers, err := read(ctx, d.Body, told{Name: name, ContentType: d.ContentType})
	if err != nil {
		if errors.Is(err, confine.ErrMissing) || ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%s: %w", d.Address, err)
	}
	if r.Confinement == nil {
		r.Confinement = strings.Split(layers.String(), ", ")
	}
	if a.Refused != "" {
		if d.file {
			return fmt.Errorf("%s: %s", d.Address, a.Refused)
		}
		d.Problem = clip(a.Refused)
		return nil
	}
	d.Kind, d.Signed, d.Fields, d.Said, d.signIn = a.Kind, a.Signed, a.Fields, a.Said, a.SignIn
	for _, n := range a.Topic {
		d.topic += n
	}
	for _, f := range d.Fields {
		if f.Name == "Contact" {
			d.Said = append(d.Said, Statement{Kind: Contact, Value: f.Value, Quote: "Contact: " + f.Value, Line: f.Line})
		}
	}
	r.Findings = append(r.Findings, found(a.Problems, d.place(0).Address)...)
	return nil
}
