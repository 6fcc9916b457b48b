// Package testssl reads the JSON of testssl.sh, flat (--jsonfile) and by
// sections (--jsonfile-pretty).
package testssl

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"assay/civil"
	"assay/evidence"
	"assay/exchange/intake"
)

// Format is the word for it in an import.
const Format = "testssl"

// item is one thing that testssl.sh looked at.
type item struct {
	ID       string `json:"id"`
	IP       string `json:"ip"`   // NAME/ADDRESS
	Port     string `json:"port"` // digits
	Severity string `json:"severity"`
	Finding  string `json:"finding"`
	CVE      string `json:"cve"` // several with blanks between
	CWE      string `json:"cwe"`
}

// Read reads a report. Its errors are of type *evidence.Error.
func Read(f *intake.File, _ intake.Options) (*intake.Result, error) {
	h, err := f.Head()
	if err != nil {
		return nil, err
	}
	r := &report{Result: intake.New(f, Format), at: map[string]bool{}}
	r.Import.Tool = "testssl.sh"
	if h.List {
		err = r.flat(f)
	} else {
		err = r.pretty(f)
	}
	if err != nil {
		return nil, err
	}
	if len(r.Import.Services) == 0 {
		why := r.fatal
		if why == "" {
			why = "no server was tested"
		}
		return nil, f.Wrong("%s: nothing was tested; run testssl.sh again", intake.Text(why))
	}
	if r.fatal != "" {
		r.Note("a server could not be tested: %s", r.fatal)
	}
	if r.undone > 0 {
		r.Note("checks that could not be done: %d, the first is %s", r.undone, r.first)
	}
	if len(r.Import.Services) == 1 {
		s := r.Import.Services[0]
		r.Import.Target = s.Address + ":" + strconv.FormatInt(s.Port, 10)
	} else {
		r.Import.Target = strconv.Itoa(len(r.Import.Services)) + " servers"
	}
	return r.Finish(f)
}

// report is a report that is being read.
type report struct {
	*intake.Result
	at     map[string]bool // servers that are in Services
	fatal  string
	undone int
	first  string
}

func (r *report) flat(f *intake.File) error {
	var items []item
	if err := f.JSON(&items); err != nil {
		return err
	}
	for i := range items {
		x := &items[i]
		if x.Severity == "" {
			return &evidence.Error{File: f.Name, Place: evidence.Pointer(i), Problem: "no severity: this is no report of testssl.sh"}
		}
		if err := r.take(f, evidence.Pointer(i), x, "tls"); err != nil {
			return err
		}
	}
	return nil
}

// pretty reads the form by sections. Sections are members of a result whose
// value is a list of items; what they are called is testssl.sh's business.
func (r *report) pretty(f *intake.File) error {
	var doc struct {
		Version string                      `json:"version"`
		Start   jsontext.Value              `json:"startTime"` // seconds, as text
		Results []map[string]jsontext.Value `json:"scanResult"`
	}
	if err := f.JSON(&doc); err != nil {
		return err
	}
	if w := strings.Fields(doc.Version); len(w) > 0 {
		r.Import.Version = intake.Line(w[0])
	}
	if n, err := strconv.ParseInt(strings.Trim(string(doc.Start), `"`), 10, 64); err == nil && n > 0 && n < 1<<40 {
		r.Import.Date = civil.DateAt(n*1_000_000, time.UTC)
	}
	for i, result := range doc.Results {
		at := evidence.Pointer("scanResult", i)
		text := func(name string) string {
			var s string
			if v := result[name]; v.Kind() == '"' && intake.Value(v, &s) == nil {
				return s
			}
			return ""
		}
		if text("id") != "" { // an item that stands alone: what went wrong
			x := item{ID: text("id"), Severity: text("severity"), Finding: text("finding")}
			if err := r.take(f, at, &x, ""); err != nil {
				return err
			}
			continue
		}
		// Names of sections in order, so that the same file gives the same import.
		for _, name := range sections(result) {
			var items []item
			if err := intake.Value(result[name], &items); err != nil {
				return &evidence.Error{File: f.Name, Place: at + evidence.Pointer(name), Problem: "no list of findings: " + intake.Text(err.Error())}
			}
			for j := range items {
				x := &items[j]
				x.IP, x.Port = text("targetHost")+"/"+text("ip"), text("port")
				if err := r.take(f, at+evidence.Pointer(name, j), x, strings.ToLower("tls/"+text("service"))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// take takes in one item.
func (r *report) take(f *intake.File, at string, x *item, service string) error {
	if intake.Line(x.ID) == "" {
		return &evidence.Error{File: f.Name, Place: at, Problem: "no id: it has to say what was looked at; run testssl.sh again"}
	}
	severity := ""
	switch x.Severity {
	case "OK", "INFO", "DEBUG":
	case "LOW", "MEDIUM", "HIGH", "CRITICAL":
		severity = strings.ToLower(x.Severity)
	case "WARN":
		if x.ID != "engine_problem" { // of the tester's own program
			if r.undone++; r.undone == 1 {
				r.first = x.ID + ": " + x.Finding
			}
		}
		return nil
	case "FATAL":
		r.fatal = x.Finding
		return nil
	default:
		return &evidence.Error{File: f.Name, Place: at + "/severity", Problem: "severity " + strconv.Quote(intake.Line(x.Severity)) + ": testssl.sh writes OK, INFO, LOW, MEDIUM, HIGH, CRITICAL, WARN or FATAL"}
	}
	name, address, _ := strings.Cut(x.IP, "/")
	if address == "" {
		address = name
	}
	address = intake.Line(strings.Trim(address, "[]"))
	if address == "" || x.ID == "scanTime" {
		return nil // of the run, not of a server
	}
	port, ok := intake.Port(x.Port)
	if !ok {
		return &evidence.Error{File: f.Name, Place: at + "/port", Problem: strconv.Quote(intake.Line(x.Port)) + " is no port: it is a number from 0 to 65535"}
	}
	where := address + ":" + strconv.FormatInt(port, 10)
	if !r.at[where] {
		r.at[where] = true
		if x.ID == "service" {
			service = strings.ToLower("tls/" + x.Finding)
		}
		r.Import.Services = append(r.Import.Services, evidence.Service{Address: address, Transport: "tcp", Port: port, State: "open", Name: intake.Line(service)})
	}
	if severity == "" {
		return nil
	}
	text := x.Finding
	if x.CVE != "" {
		text += " (" + x.CVE + ")"
	}
	i := evidence.Issue{ID: intake.Line(x.ID), Severity: severity, Text: intake.Text(text), Where: where}
	for _, c := range strings.Fields(x.CWE) {
		if n, err := strconv.ParseInt(strings.TrimPrefix(c, "CWE-"), 10, 64); err == nil && intake.CWE(n) != "" {
			i.CWE = append(i.CWE, intake.CWE(n))
		}
	}
	r.Import.Issues = append(r.Import.Issues, i)
	return nil
}

// sections are the names of a result whose value is a list, in order.
func sections(result map[string]jsontext.Value) (names []string) {
	for name, v := range result {
		if v.Kind() == '[' {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
