// Package sshaudit reads the JSON of ssh-audit 2 and 3: standard output,
// output of a policy, and of several targets.
package sshaudit

import (
	_ "embed"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"assay/evidence"
	"assay/exchange/intake"
)

// Format is the word for it in an import.
const Format = "ssh-audit"

//go:embed weak.yaml
var weakText []byte

// weakList says which algorithms are weak where the file does not: ssh-audit 2
// names them without a word on each.
type weakList struct {
	Algorithms []struct {
		Kind     string   `json:"kind"` // kex, key, enc, mac
		Names    []string `json:"names"`
		Severity string   `json:"severity"`
		Why      string   `json:"why"`
	} `json:"algorithms"`
	Keys []struct {
		Names []string `json:"names"`
		Bits  int64    `json:"bits"` // less is weak
		Why   string   `json:"why"`
	} `json:"keys"`
}

// target is what ssh-audit says of one server.
type target struct {
	Target string `json:"target"` // HOST or HOST:PORT; before 2.4 it is missing
	Banner struct {
		Software string `json:"software"`
		Raw      string `json:"raw"`
	} `json:"banner"`
	Kex  []algorithm `json:"kex"`
	Key  []algorithm `json:"key"`
	Enc  []algorithm `json:"enc"`
	Mac  []algorithm `json:"mac"`
	CVEs []struct {
		Name  string  `json:"name"`
		Score float64 `json:"cvssv2"`
		Text  string  `json:"description"`
	} `json:"cves"`

	// Of a policy.
	Host   string `json:"host"`
	Port   int64  `json:"port"`
	Policy string `json:"policy"`
	Passed *bool  `json:"passed"`
	Errors []struct {
		Field    string   `json:"mismatched_field"`
		Actual   []string `json:"actual"`
		Required []string `json:"expected_required"`
	} `json:"errors"`
}

// algorithm is one that a server offers: its name alone, or with what
// ssh-audit 3 says of it.
type algorithm struct {
	Name  string
	Bits  int64
	Notes *notes
}

type notes struct {
	Fail []string `json:"fail"`
	Warn []string `json:"warn"`
}

// UnmarshalJSON reads both forms.
func (a *algorithm) UnmarshalJSON(b []byte) error {
	if jsontext.Value(b).Kind() == '"' {
		return intake.Value(b, &a.Name)
	}
	var x struct {
		Name  string `json:"algorithm"`
		Bits  int64  `json:"keysize"`
		Notes *notes `json:"notes"`
	}
	err := intake.Value(b, &x)
	a.Name, a.Bits, a.Notes = x.Name, x.Bits, x.Notes
	return err
}

// Read reads a report. Its errors are of type *evidence.Error.
func Read(f *intake.File, _ intake.Options) (*intake.Result, error) {
	h, err := f.Head()
	if err != nil {
		return nil, err
	}
	var targets []target
	if h.List {
		err = f.JSON(&targets)
	} else {
		targets = make([]target, 1)
		err = f.JSON(&targets[0])
	}
	if err != nil {
		return nil, err
	}
	var weak weakList
	if err := evidence.ParseFile("weak.yaml", weakText, &weak); err != nil {
		return nil, err
	}
	r := &report{Result: intake.New(f, Format), weak: &weak}
	r.Import.Tool = "ssh-audit"
	for i := range targets {
		place := ""
		if h.List {
			place = evidence.Pointer(i)
		}
		if err := r.take(f, place, &targets[i]); err != nil {
			return nil, err
		}
	}
	switch len(targets) {
	case 0:
		return nil, f.Wrong("no target: ssh-audit reached nothing; run it again")
	case 1:
		r.Import.Target = intake.Line(targets[0].Target + targets[0].Host)
	default:
		r.Import.Target = strconv.Itoa(len(targets)) + " targets"
	}
	return r.Finish(f)
}

type report struct {
	*intake.Result
	weak *weakList
}

func (r *report) take(f *intake.File, place string, t *target) error {
	if t.Policy != "" || t.Passed != nil {
		return r.policy(f, place, t)
	}
	if len(t.Kex)+len(t.Key)+len(t.Enc)+len(t.Mac) == 0 {
		return &evidence.Error{File: f.Name, Place: place, Problem: "no algorithms (kex, key, enc, mac): ssh-audit did not get to them; run it again"}
	}
	where := r.service(t.Target, -1, t)
	for _, l := range []struct {
		kind string
		list []algorithm
	}{{"kex", t.Kex}, {"key", t.Key}, {"enc", t.Enc}, {"mac", t.Mac}} {
		for i, a := range l.list {
			if a.Name == "" {
				return &evidence.Error{File: f.Name, Place: place + evidence.Pointer(l.kind, i), Problem: "an algorithm without a name: run ssh-audit again"}
			}
			r.algorithm(l.kind, &a, where)
		}
	}
	for _, c := range t.CVEs {
		if intake.Line(c.Name) == "" {
			continue
		}
		r.Import.Issues = append(r.Import.Issues, evidence.Issue{
			ID: intake.Line(c.Name), Severity: intake.Severity(c.Score),
			Text: intake.Text(c.Text + " [told from the version in the banner]"), Where: where,
		})
	}
	return nil
}

// service takes in that a server answered, and returns where. Versions before 3
// do not always write the port; then it is not known which it was.
func (r *report) service(at string, port int64, t *target) string {
	host, p := intake.HostPort(at)
	if p >= 0 {
		port = p
	}
	host = intake.Line(host)
	if host == "" || port < 0 || port > 65535 {
		r.Note("the file does not say on which port the server answered, so it is not held against what is declared")
		return host
	}
	product, version := t.Banner.Software, ""
	if i := strings.IndexByte(product, '_'); i > 0 { // OpenSSH_9.2p1
		product, version = product[:i], product[i+1:]
	}
	r.Import.Services = append(r.Import.Services, evidence.Service{
		Address: host, Transport: "tcp", Port: port, State: "open", Name: "ssh", Product: intake.Line(product), Version: intake.Line(version),
	})
	return host + ":" + strconv.FormatInt(port, 10)
}

func (r *report) algorithm(kind string, a *algorithm, where string) {
	add := func(severity, why string) {
		r.Import.Issues = append(r.Import.Issues, evidence.Issue{
			ID: intake.Line(kind + ":" + a.Name), Severity: severity, Text: intake.Text(why), Where: where,
		})
	}
	if n := a.Notes; n != nil { // the tool's own word
		switch {
		case len(n.Fail) > 0:
			add("high", strings.Join(n.Fail, "; "))
		case len(n.Warn) > 0:
			add("medium", strings.Join(n.Warn, "; "))
		}
		return
	}
	for _, w := range r.weak.Algorithms {
		if w.Kind == kind && matches(w.Names, a.Name) {
			add(w.Severity, w.Why)
			break
		}
	}
	for _, k := range r.weak.Keys {
		if a.Bits > 0 && a.Bits < k.Bits && matches(k.Names, a.Name) {
			add("high", fmt.Sprintf("%d bits: %s", a.Bits, k.Why))
			break
		}
	}
}

func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, name); err == nil && ok {
			return true
		}
	}
	return false
}

// policy takes in how a server fares against a policy. How bad a deviation is
// the policy does not say.
func (r *report) policy(f *intake.File, place string, t *target) error {
	if t.Passed == nil {
		return &evidence.Error{File: f.Name, Place: place, Problem: "a policy without passed: run ssh-audit again"}
	}
	port := int64(-1)
	if t.Port > 0 {
		port = t.Port
	}
	where := r.service(t.Host, port, t)
	if *t.Passed {
		r.Note("%s meets the policy %s", where, intake.Line(t.Policy))
	} else if len(t.Errors) == 0 {
		return &evidence.Error{File: f.Name, Place: place + "/errors", Problem: "the policy is not met and no error says why: run ssh-audit again"}
	}
	for _, e := range t.Errors {
		r.Import.Issues = append(r.Import.Issues, evidence.Issue{
			ID: intake.Line("policy:" + e.Field), Severity: "unknown", Where: where,
			Text: intake.Text(fmt.Sprintf("%s asks for %s; there is %s", t.Policy, strings.Join(e.Required, ","), strings.Join(e.Actual, ","))),
		})
	}
	return nil
}
