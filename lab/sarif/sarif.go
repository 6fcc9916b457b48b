// Package sarif writes the findings of a test as SARIF 2.1.0 (OASIS), which
// editors, code hosts and other tools read.
package sarif

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"assay/lab"
	"assay/lab/record"
)

// Sections are those of SARIF 2.1.0.
type log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct { // 3.14
	Language    string       `json:"language"` // of all texts; American English where it is not said
	Tool        tool         `json:"tool"`
	Invocations []invocation `json:"invocations"`
	Artifacts   []artifact   `json:"artifacts,omitempty"`
	Results     []result     `json:"results"`
	ColumnKind  string       `json:"columnKind"`
}

type tool struct { // 3.18
	Driver driver `json:"driver"`
}

type driver struct { // 3.19
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Language string `json:"language"`
	Rules    []rule `json:"rules"`
}

type rule struct { // 3.49
	ID         string         `json:"id"`
	Short      text           `json:"shortDescription"`
	Help       text           `json:"help"`
	Default    configuration  `json:"defaultConfiguration"`
	Properties ruleProperties `json:"properties"`
}

type configuration struct {
	Level string `json:"level"`
}

type ruleProperties struct {
	Tags     []string `json:"tags"`
	Version  int      `json:"ruleVersion"`
	Source   string   `json:"source"`
	Severity string   `json:"security-severity,omitempty"` // as GitHub reads it
}

type text struct {
	Text string `json:"text"`
}

type invocation struct { // 3.20
	Successful bool   `json:"executionSuccessful"`
	End        string `json:"endTimeUtc"`
}

type artifact struct { // 3.24
	Location location          `json:"location"`
	Length   int64             `json:"length,omitempty"`
	Hashes   map[string]string `json:"hashes,omitempty"`
}

type location struct { // 3.4
	URI string `json:"uri"`
}

type result struct { // 3.27
	Rule         string            `json:"ruleId"`
	Index        int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      text              `json:"message"`
	Locations    []place           `json:"locations,omitempty"`
	Related      []place           `json:"relatedLocations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]any    `json:"properties"`
}

type place struct { // 3.28
	Physical *physical `json:"physicalLocation,omitempty"`
	Logical  []logical `json:"logicalLocations,omitempty"`
}

type physical struct {
	Artifact location `json:"artifactLocation"`
	Region   *region  `json:"region,omitempty"`
}

type region struct { // 3.30
	Line   int   `json:"startLine,omitempty"`
	Offset int64 `json:"byteOffset,omitempty"`
}

type logical struct { // 3.33
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// maxPlaces bounds the places of one result; the record has all.
const maxPlaces = 50

// Write writes a run's findings, those that are a mere fact left out. The same
// run gives the same bytes.
func Write(r *record.Run, language string) ([]byte, error) {
	name, version, _ := strings.Cut(r.Tool, " ")
	out := run{
		Language:    language,
		Tool:        tool{driver{Name: name + " lab " + r.Kind, Version: version, Language: language, Rules: []rule{}}},
		Invocations: []invocation{{true, r.At.UTC().Format(time.RFC3339)}},
		Results:     []result{}, ColumnKind: "unicodeCodePoints",
	}
	if !r.Input.SHA256.IsZero() {
		out.Artifacts = []artifact{{location{escape(r.Input.Name)}, r.Input.Size, map[string]string{"sha-256": r.Input.SHA256.String()}}}
	}
	var used []string
	for i := range r.Findings {
		if !slices.Contains(used, r.Findings[i].Rule) {
			used = append(used, r.Findings[i].Rule)
		}
	}
	slices.Sort(used)
	for _, id := range used {
		out.Tool.Driver.Rules = append(out.Tool.Driver.Rules, describe(lab.MustRule(id), language))
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Severity == lab.None {
			continue
		}
		x := result{
			Rule: f.Rule, Index: slices.Index(used, f.Rule), Level: level(f.Severity), Message: text{message(f, language)},
			Properties:   map[string]any{"severity": f.Severity, "certainty": f.Certainty, "ruleVersion": f.Version},
			Fingerprints: map[string]string{"assay/v1": fingerprint(f)},
		}
		for k, p := range f.Where {
			if k == maxPlaces {
				x.Properties["morePlaces"] = len(f.Where) - k
				break
			}
			if k == 0 {
				x.Locations = []place{where(p)}
			} else {
				x.Related = append(x.Related, where(p))
			}
		}
		out.Results = append(out.Results, x)
	}
	b, err := json.MarshalIndent(log{"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", "2.1.0", []run{out}}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

func describe(r lab.Rule, language string) rule {
	tags := []string{"security"}
	tags = append(tags, r.CWE...)
	tags = append(tags, r.About...)
	return rule{
		ID: r.ID, Short: text{r.Title.In(language, "en")}, Help: text{r.Remedy.In(language, "en")},
		Default:    configuration{level(r.Severity)},
		Properties: ruleProperties{tags, r.Version, r.Source, scores[r.Severity]},
	}
}

// scores put a severity on the scale that code hosts sort by.
var scores = map[lab.Severity]string{lab.Low: "3.0", lab.Medium: "5.5", lab.High: "8.0", lab.Critical: "9.5"}

func level(s lab.Severity) string {
	switch s {
	case lab.Critical, lab.High:
		return "error"
	case lab.Medium:
		return "warning"
	case lab.Low:
		return "note"
	}
	return "none"
}

func message(f *lab.Finding, language string) string {
	s := lab.MustRule(f.Rule).Title.In(language, "en")
	var known []string
	for _, p := range f.Known {
		known = append(known, lab.Word(p.Name, language)+" "+p.Value)
	}
	if len(known) > 0 {
		s += ": " + strings.Join(known, ", ")
	}
	return s
}

func where(p lab.Place) place {
	if p.Path == "" {
		name, kind := p.Part, "module"
		if p.Address != "" {
			name, kind = p.Address, "resource"
		}
		if p.Offset > 0 {
			name += "+0x" + strconv.FormatInt(p.Offset, 16)
		}
		return place{Logical: []logical{{name, kind}}}
	}
	x := place{Physical: &physical{Artifact: location{escape(strings.TrimPrefix(p.Path, "/"))}}}
	if p.Line > 0 || p.Offset > 0 {
		x.Physical.Region = &region{p.Line, p.Offset}
	}
	if p.Part != "" {
		x.Logical = []logical{{p.Part, "module"}}
	}
	return x
}

// escape makes a relative reference of a path (RFC 3986, 4.2), whatever is in it.
func escape(path string) string {
	var parts []string
	for e := range strings.SplitSeq(path, "/") {
		parts = append(parts, url.PathEscape(e))
	}
	s := strings.Join(parts, "/")
	if strings.Contains(parts[0], ":") {
		s = "./" + s
	}
	return s
}

// fingerprint is the same for the same thing in two images.
func fingerprint(f *lab.Finding) string {
	h := sha256.New()
	h.Write([]byte(f.Rule))
	if len(f.Where) > 0 {
		h.Write([]byte("\x00" + f.Where[0].Path + "\x00" + f.Where[0].Address))
	}
	for _, p := range f.Known {
		h.Write([]byte("\x00" + p.Name + "\x00" + p.Value))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
