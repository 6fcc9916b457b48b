// Package evidence has what a maker hands in about a product: what it is,
// what it has and has not, and which requirements were shown by whom, how
// and when. One file, YAML or JSON, is the whole of it.
//
// The verdicts are those of ETSI TS 103 701 clause 4; who shows what, and by
// which method, is in the words of ISO/IEC 17000. Nothing here says what a
// scheme asks for: package assess holds the two against each other.
package evidence

import (
	"encoding/json"

	"encoding/hex"
	"fmt"
	"strings"

	"assay/civil"
	"assay/scheme"
)

// Evidence is one maker's evidence file for one product.
type Evidence struct {
	Product     Product            `json:"product" yaml:"product"`
	Firmware    []Firmware         `json:"firmware,omitempty" yaml:"firmware,omitempty"`
	Features    map[string]Feature `json:"features,omitempty" yaml:"features,omitempty"` // by feature id of a standard
	Support     Support            `json:"support,omitzero" yaml:"support,omitempty"`
	ICS         []ICS              `json:"ics,omitempty" yaml:"ics,omitempty"`
	IXIT        map[string][]Row   `json:"ixit,omitempty" yaml:"ixit,omitempty"` // by table id of a test specification
	Reports     []Signed           `json:"reports,omitempty" yaml:"reports,omitempty"`
	Imports     []Import           `json:"imports,omitempty" yaml:"imports,omitempty"`
	Claims      []Claim            `json:"claims,omitempty" yaml:"claims,omitempty"`
	Declaration *Declaration       `json:"declaration,omitempty" yaml:"declaration,omitempty"`

	absent map[Hash]bool // set by Miss only
}

// Miss says which artifacts that the evidence names are not there as they are
// named. Who has only the evidence file cannot tell, and misses none.
func (e *Evidence) Miss(artifacts ...Hash) {
	e.absent = make(map[Hash]bool, len(artifacts))
	for _, h := range artifacts {
		e.absent[h] = true
	}
}

// Missing reports whether [Evidence.Miss] named the artifact.
func (e *Evidence) Missing(h Hash) bool { return e.absent[h] }

// Product is what is assessed.
type Product struct {
	Holder    string   `json:"holder" yaml:"holder"` // entity id of who applies, never a person
	Brand     string   `json:"brand" yaml:"brand"`
	Name      string   `json:"name" yaml:"name"`
	Functions []string `json:"functions" yaml:"functions"` // category ids: every function that it has, not only the main one
	Models    []Model  `json:"models" yaml:"models"`
}

// Model is one type designation of the product (EN 303 645 provision 5.3-16).
type Model struct {
	ID       string    `json:"id" yaml:"id"`
	Hardware []string  `json:"hardware,omitempty" yaml:"hardware,omitempty"` // revisions
	GTINs    []string  `json:"gtins,omitempty" yaml:"gtins,omitempty"`       // GS1, 8, 12, 13 or 14 digits
	Variants []Variant `json:"variants,omitempty" yaml:"variants,omitempty"`
}

// Variant is a model that differs in nothing that a requirement asks about.
type Variant struct {
	ID       string   `json:"id" yaml:"id"`
	Differs  string   `json:"differs,omitempty" yaml:"differs,omitempty"` // in what: color, market, plug
	Hardware []string `json:"hardware,omitempty" yaml:"hardware,omitempty"`
	GTINs    []string `json:"gtins,omitempty" yaml:"gtins,omitempty"`
}

// Firmware is a version that the claims were made for.
type Firmware struct {
	Version string `json:"version" yaml:"version"`
	SHA256  Hash   `json:"sha256" yaml:"sha256"` // of the image as installed or distributed
}

// Feature says whether the product has a feature on which requirements
// depend, and why not (EN 303 645 Annex B; an ICS gives the ground). In a file
// the bare answer will do: "wireless: yes".
type Feature struct {
	Answer scheme.Answer `json:"answer" yaml:"answer"`
	Ground string        `json:"ground,omitempty" yaml:"ground,omitempty"`
}

func (f *Feature) setScalar(s string) error { return f.Answer.UnmarshalText([]byte(s)) }

// UnmarshalJSON reads both forms, for [Read].
func (f *Feature) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &f.Answer)
	}
	type full Feature // without this method
	return json.Unmarshal(b, (*full)(f))
}

// MarshalYAML writes the bare answer where there is no ground.
func (f Feature) MarshalYAML() (any, error) {
	if f.Ground == "" {
		return f.Answer, nil
	}
	type full Feature // without this method
	return full(f), nil
}

// Support is the maker's promise of security updates (EN 303 645 provision
// 5.3-13). A missing end is a question to the maker, never infinity.
type Support struct {
	End       civil.Date `json:"end,omitzero" yaml:"end,omitempty"`              // last day
	Published string     `json:"published,omitempty" yaml:"published,omitempty"` // where everybody can read it
}

// Claim is that requirements were shown, or found not met, in one way on one
// day. A test report that covers several is one claim.
type Claim struct {
	Requirements []Ref         `json:"requirements" yaml:"requirements"`
	Verdict      Verdict       `json:"verdict" yaml:"verdict"`
	Method       scheme.Method `json:"method" yaml:"method"`
	By           Body          `json:"by" yaml:"by"`
	Firmware     []Hash        `json:"firmware,omitempty" yaml:"firmware,omitempty"` // images that it is about; none: it is about no image
	Hardware     []string      `json:"hardware,omitempty" yaml:"hardware,omitempty"` // revisions that it is about; none: all
	Date         civil.Date    `json:"date" yaml:"date"`
	Until        civil.Date    `json:"valid_until,omitzero" yaml:"valid_until,omitempty"` // last day; zero: open
	Ground       string        `json:"ground,omitempty" yaml:"ground,omitempty"`
	Artifacts    []Artifact    `json:"artifacts,omitempty" yaml:"artifacts,omitempty"`
}

// Verdict of a claim.
type Verdict string

// Verdicts (ETSI TS 103 701 clause 4). Inconclusive is none of pass and fail.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	Inconclusive  Verdict = "inconclusive"
	NotApplicable Verdict = "not-applicable"
)

// Body is who made a claim.
type Body struct {
	Kind       scheme.By  `json:"kind" yaml:"kind"`
	ID         string     `json:"id" yaml:"id"`
	Accredited civil.Date `json:"accredited_until,omitzero" yaml:"accredited_until,omitempty"` // last day of a laboratory's accreditation (ISO/IEC 17025); zero: not stated
}

// Artifact is a document or record that a claim rests on. It is kept beside
// the file; only a salted commitment to it is ever made public.
type Artifact struct {
	Name   string   `json:"name" yaml:"name"`
	SHA256 Hash     `json:"sha256" yaml:"sha256"`
	Size   int64    `json:"size" yaml:"size"`                       // bytes
	Shows  []string `json:"shows,omitempty" yaml:"shows,omitempty"` // ids of the contents of a requirement that it covers (scheme.Content)
}

// Declaration of conformity (ISO/IEC 17050-1).
type Declaration struct {
	By       string     `json:"by" yaml:"by"` // entity id of who declares
	Date     civil.Date `json:"date" yaml:"date"`
	Document *Artifact  `json:"document,omitempty" yaml:"document,omitempty"`
}

// Ref names a requirement; its text is standard@edition/requirement.
type Ref scheme.RequirementRef

// ParseRef reads standard@edition/requirement.
func ParseRef(s string) (Ref, error) {
	standard, rest, ok := strings.Cut(s, "@")
	edition, requirement, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || !plain(standard, 80) || !plain(edition, 80) || !plain(requirement, 80) {
		return Ref{}, fmt.Errorf("%.60q is no requirement: write standard@edition/requirement, as in en-303-645@3.1.3/5.1-1", s)
	}
	return Ref{standard, edition, requirement}, nil
}

// String is standard@edition/requirement.
func (r Ref) String() string { return scheme.RequirementRef(r).String() }

// MarshalText writes standard@edition/requirement.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads standard@edition/requirement.
func (r *Ref) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRef(string(b))
	return err
}

// Hash is a SHA-256 value; its text is 64 lower-case hexadecimal digits.
type Hash [32]byte

// String is the hash in hexadecimal, "" for the zero hash.
func (h Hash) String() string {
	if h == (Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// IsZero reports whether there is no hash, so that YAML leaves it out as JSON does.
func (h Hash) IsZero() bool { return h == (Hash{}) }

// MarshalText writes the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hexadecimal digits, or "" as the zero hash.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*h = Hash{}
		return nil
	}
	if len(b) != 64 {
		return fmt.Errorf("%.20q is no SHA-256: write its 64 hexadecimal digits", b)
	}
	var v Hash
	if _, err := hex.Decode(v[:], b); err != nil {
		return fmt.Errorf("%.20q is no SHA-256: write its 64 hexadecimal digits", b)
	}
	*h = v
	return nil
}
