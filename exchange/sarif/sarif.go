// Package sarif reads results of static analysis in SARIF 2.1.0 (OASIS).
package sarif

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"assay/evidence"
	"assay/exchange/intake"
)

// Format is the word for it in an import.
const Format = "sarif"

// log has what is read of a file. Section numbers are those of SARIF 2.1.0.
type log struct {
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct { // 3.14
	Tool struct {
		Driver     component   `json:"driver"`
		Extensions []component `json:"extensions"`
	} `json:"tool"`
	Invocations []struct {
		Successful *bool  `json:"executionSuccessful"`
		Start      string `json:"startTimeUtc"`
		End        string `json:"endTimeUtc"`
	} `json:"invocations"`
	Artifacts []struct {
		Location location `json:"location"`
	} `json:"artifacts"`
	Results   []result       `json:"results"`
	Elsewhere jsontext.Value `json:"externalPropertyFileReferences"`
}

type component struct { // 3.19
	Name     string `json:"name"`
	Version  string `json:"version"`
	Semantic string `json:"semanticVersion"`
	GUID     string `json:"guid"`
	Rules    []rule `json:"rules"`
}

type rule struct { // 3.49
	ID       string             `json:"id"`
	Name     string             `json:"name"`
	Short    message            `json:"shortDescription"`
	Messages map[string]message `json:"messageStrings"`
	Default  *struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties    properties `json:"properties"`
	Relationships []struct {
		Target reference `json:"target"`
	} `json:"relationships"`
}

// properties are free; two are read that the tools agree on.
type properties struct {
	Severity jsontext.Value `json:"security-severity"` // a CVSS score, text or number
	Tags     jsontext.Value `json:"tags"`
}

// UnmarshalJSON takes a bag that is none for an empty one.
func (p *properties) UnmarshalJSON(b []byte) error {
	if jsontext.Value(b).Kind() != '{' {
		return nil
	}
	type plain properties
	return intake.Value(b, (*plain)(p))
}

type reference struct { // 3.52
	ID        string `json:"id"`
	Index     *int64 `json:"index"`
	Component struct {
		Name  string `json:"name"`
		Index *int64 `json:"index"`
	} `json:"toolComponent"`
}

type message struct { // 3.11
	Text string   `json:"text"`
	ID   string   `json:"id"`
	Args []string `json:"arguments"`
}

type location struct { // 3.4
	URI   string `json:"uri"`
	Index *int64 `json:"index"`
}

type result struct { // 3.27
	RuleID    string     `json:"ruleId"`
	RuleIndex *int64     `json:"ruleIndex"`
	Rule      *reference `json:"rule"`
	Kind      string     `json:"kind"`
	Level     string     `json:"level"`
	Message   message    `json:"message"`
	Locations []struct {
		Physical struct {
			Artifact location `json:"artifactLocation"`
			Region   struct {
				Line int64 `json:"startLine"`
			} `json:"region"`
		} `json:"physicalLocation"`
		Logical []struct {
			Name string `json:"fullyQualifiedName"`
		} `json:"logicalLocations"`
	} `json:"locations"`
	Baseline     string `json:"baselineState"`
	Suppressions []struct {
		Status string `json:"status"`
	} `json:"suppressions"`
	Taxa       []reference `json:"taxa"`
	Properties properties  `json:"properties"`
}

// Read reads a log. Its errors are of type *evidence.Error.
func Read(f *intake.File, _ intake.Options) (*intake.Result, error) {
	var l log
	if err := f.JSON(&l); err != nil {
		return nil, err
	}
	switch {
	case l.Version != "2.1.0":
		return nil, f.Wrong("SARIF version %.20q: export it as 2.1.0 (the SARIF Multitool converts older ones)", l.Version)
	case len(l.Runs) == 0:
		return nil, f.Wrong("no run: the tool did nothing; run it again")
	}
	r := &report{Result: intake.New(f, Format)}
	var names []string
	for i := range l.Runs {
		run := &l.Runs[i]
		d := &run.Tool.Driver
		if intake.Line(d.Name) == "" {
			return nil, &evidence.Error{File: f.Name, Place: evidence.Pointer("runs", i, "tool", "driver"), Problem: "no name: it has to say which tool found this"}
		}
		names = append(names, intake.Line(d.Name))
		if r.Import.Version = d.Version; d.Version == "" {
			r.Import.Version = d.Semantic
		}
		for _, v := range run.Invocations {
			if v.Successful != nil && !*v.Successful {
				r.Note("%s says of itself that it did not come to its end: what it did not find may be there", d.Name)
			}
			for _, s := range []string{v.Start, v.End} {
				if day := intake.Day(s); day > r.Import.Date {
					r.Import.Date = day
				}
			}
		}
		if len(run.Elsewhere) > 0 {
			r.Note("parts of the results are in other files, which were not opened")
		}
		for j := range run.Results {
			if err := r.take(f, evidence.Pointer("runs", i, "results", j), run, &run.Results[j]); err != nil {
				return nil, err
			}
		}
	}
	if r.Import.Version = intake.Line(r.Import.Version); len(names) > 1 {
		r.Import.Version = ""
	}
	r.Import.Tool = intake.Line(strings.Join(names, ", "))
	for _, n := range []struct {
		count int
		what  string
	}{{r.fine, "that are no complaints (pass, not applicable, informational)"}, {r.gone, "that are gone since the baseline"}, {r.quiet, "that a person suppressed, in the source or in the file"}} {
		if n.count > 0 {
			r.Note("results %s, left out: %d", n.what, n.count)
		}
	}
	return r.Finish(f)
}

type report struct {
	*intake.Result
	fine, gone, quiet int
}

func (r *report) take(f *intake.File, place string, run *run, x *result) error {
	switch x.Kind {
	case "", "fail", "open", "review":
	case "pass", "notApplicable", "informational":
		r.fine++
		return nil
	default:
		return &evidence.Error{File: f.Name, Place: place + "/kind", Problem: fmt.Sprintf("kind %.40q is none of SARIF 2.1.0", x.Kind)}
	}
	if x.Baseline == "absent" {
		r.gone++
		return nil
	}
	for _, s := range x.Suppressions {
		if s.Status == "" || s.Status == "accepted" {
			r.quiet++
			return nil
		}
	}
	rule, err := x.rule(run)
	if err != nil {
		return &evidence.Error{File: f.Name, Place: place, Problem: err.Error()}
	}
	id := x.RuleID
	if id == "" && x.Rule != nil {
		id = x.Rule.ID
	}
	if id == "" && rule != nil {
		id = rule.ID
	}
	if intake.Line(id) == "" {
		id = run.Tool.Driver.Name // a tool with one thing to say
	}
	severity, err := x.severity(rule)
	if err != nil {
		return &evidence.Error{File: f.Name, Place: place + "/level", Problem: err.Error()}
	}
	r.Import.Issues = append(r.Import.Issues, evidence.Issue{
		ID: intake.Line(id), Severity: severity, Text: intake.Text(x.text(rule)), Where: intake.Line(x.where(run)), CWE: x.weaknesses(rule, run),
	})
	return nil
}

// rule finds the rule of a result: by index, else by id (3.27.5 to 3.27.7);
// nil where the file does not describe it.
func (x *result) rule(run *run) (*rule, error) {
	c, index, id := &run.Tool.Driver, x.RuleIndex, x.RuleID
	if ref := x.Rule; ref != nil {
		if index == nil {
			index = ref.Index
		}
		if id == "" {
			id = ref.ID
		}
		if i := ref.Component.Index; i != nil && *i >= 0 {
			if *i >= int64(len(run.Tool.Extensions)) {
				return nil, fmt.Errorf("rule.toolComponent.index %d, and there are %d extensions: the file contradicts itself; export it again", *i, len(run.Tool.Extensions))
			}
			c = &run.Tool.Extensions[*i]
		}
	}
	if index != nil && *index >= 0 {
		if *index >= int64(len(c.Rules)) {
			if len(c.Rules) == 0 {
				return nil, nil // the rules were left out
			}
			return nil, fmt.Errorf("ruleIndex %d, and there are %d rules: the file contradicts itself; export it again", *index, len(c.Rules))
		}
		if r := &c.Rules[*index]; id == "" || id == r.ID || strings.HasPrefix(id, r.ID+"/") {
			return r, nil
		} // else the index is wrong, as some tools' are: the id counts
	}
	for id != "" { // a rule's id may go on below the one that is described: CA1000/1
		for i := range c.Rules {
			if c.Rules[i].ID == id {
				return &c.Rules[i], nil
			}
		}
		i := strings.LastIndexByte(id, '/')
		if i < 0 {
			break
		}
		id = id[:i]
	}
	return nil, nil
}

// severity is the score that tools for security give, else the level.
func (x *result) severity(r *rule) (string, error) {
	bags := []properties{x.Properties}
	level := x.Level
	if r != nil {
		bags = append(bags, r.Properties)
		if level == "" && r.Default != nil {
			level = r.Default.Level
		}
	}
	for _, b := range bags {
		if s, err := strconv.ParseFloat(strings.Trim(string(b.Severity), `"`), 64); err == nil && s >= 0 && s <= 10 {
			return intake.Severity(s), nil
		}
	}
	switch level {
	case "error":
		return "high", nil
	case "warning", "": // 3.27.10: the default
		return "medium", nil
	case "note":
		return "low", nil
	case "none":
		return "none", nil
	}
	return "", fmt.Errorf("level %.40q: error, warning, note or none belong there", level)
}

// text is the message, filled in (3.11).
func (x *result) text(r *rule) string {
	s := x.Message.Text
	if s == "" && r != nil {
		if s = r.Messages[x.Message.ID].Text; s == "" {
			s = r.Short.Text
		}
	}
	if len(s) > 4096 {
		s = s[:4096]
	}
	return placeholder.ReplaceAllStringFunc(s, func(p string) string { // once: what is filled in is not read again
		i, err := strconv.Atoi(p[1 : len(p)-1])
		if err != nil || i >= len(x.Message.Args) {
			return p
		}
		return intake.Line(x.Message.Args[i])
	})
}

var placeholder = regexp.MustCompile(`\{[0-9]{1,3}\}`)

// where is file and line, or the name of what is meant.
func (x *result) where(run *run) string {
	for _, l := range x.Locations {
		uri := l.Physical.Artifact.URI
		if i := l.Physical.Artifact.Index; uri == "" && i != nil && *i >= 0 && *i < int64(len(run.Artifacts)) {
			uri = run.Artifacts[*i].Location.URI
		}
		if uri != "" {
			if p, err := url.PathUnescape(strings.TrimPrefix(uri, "file://")); err == nil {
				uri = p
			}
			if n := l.Physical.Region.Line; n > 0 {
				uri += ":" + strconv.FormatInt(n, 10)
			}
			return uri
		}
		for _, n := range l.Logical {
			if n.Name != "" {
				return n.Name
			}
		}
	}
	return ""
}

var cwe = regexp.MustCompile(`(?i)\bcwe[-/_ ]{1,2}0*(\d{1,5})\b`)

// weaknesses are the kinds of weakness that result and rule name: as taxa, or
// in tags, as GitHub's and Semgrep's rules do.
func (x *result) weaknesses(r *rule, run *run) (out []string) {
	add := func(s string) {
		for _, m := range cwe.FindAllStringSubmatch(s, 20) {
			if n, err := strconv.ParseInt(m[1], 10, 64); err == nil && intake.CWE(n) != "" && len(out) < 20 {
				out = append(out, intake.CWE(n))
			}
		}
	}
	refs := x.Taxa
	if r != nil {
		for _, t := range r.Relationships {
			refs = append(refs, t.Target)
		}
	}
	for _, t := range refs {
		if strings.EqualFold(t.Component.Name, "CWE") {
			add("CWE-" + strings.TrimPrefix(strings.ToUpper(t.ID), "CWE-"))
		}
	}
	bags := []properties{x.Properties}
	if r != nil {
		bags = append(bags, r.Properties)
	}
	for _, b := range bags {
		var tags []string
		if b.Tags.Kind() == '[' && intake.Value(b.Tags, &tags) == nil {
			for _, t := range tags {
				add(t)
			}
		}
	}
	return distinct(out)
}

func distinct(all []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
