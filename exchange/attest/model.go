package attest

// BOM is a CycloneDX document, as far as it is written here.
type BOM struct {
	Schema       string        `json:"$schema"`
	Format       string        `json:"bomFormat"`
	SpecVersion  string        `json:"specVersion"`
	SerialNumber string        `json:"serialNumber"`
	Version      int           `json:"version"`
	Metadata     Metadata      `json:"metadata"`
	Declarations *Declarations `json:"declarations,omitempty"`
	Definitions  *Definitions  `json:"definitions,omitempty"`
}

// Metadata of a document.
type Metadata struct {
	Timestamp  string     `json:"timestamp"`
	Authors    []Contact  `json:"authors,omitempty"`
	Properties []Property `json:"properties,omitempty"`
}

// Contact names who did something.
type Contact struct {
	Name string `json:"name"`
}

// Property is a named value; our names begin with "assay:".
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Definitions has the standards that declarations are about.
type Definitions struct {
	Standards []Standard `json:"standards"`
}

// Standard is an edition of a standard, or of a scheme with its levels.
type Standard struct {
	BOMRef       string        `json:"bom-ref"`
	Name         string        `json:"name"`
	Version      string        `json:"version"`
	Description  string        `json:"description,omitempty"`
	Owner        string        `json:"owner,omitempty"`
	Requirements []Requirement `json:"requirements,omitempty"`
	Levels       []Level       `json:"levels,omitempty"`
	References   []Reference   `json:"externalReferences,omitempty"`
}

// Requirement of a standard; one without a text is an area.
type Requirement struct {
	BOMRef       string      `json:"bom-ref"`
	Identifier   string      `json:"identifier"`
	Title        string      `json:"title"`
	Text         string      `json:"text,omitempty"`
	Descriptions []string    `json:"descriptions,omitempty"`
	Parent       string      `json:"parent,omitempty"`
	Properties   []Property  `json:"properties,omitempty"`
	References   []Reference `json:"externalReferences,omitempty"`
}

// Level of a scheme, with all that the levels below it ask for.
type Level struct {
	BOMRef       string   `json:"bom-ref"`
	Identifier   string   `json:"identifier"`
	Title        string   `json:"title"`
	Description  string   `json:"description,omitempty"`
	Requirements []string `json:"requirements"`
}

// Reference is a document somewhere else.
type Reference struct {
	Type    string `json:"type"`
	URL     string `json:"url"`
	Comment string `json:"comment,omitempty"`
}

// Declarations say what was found of a product, and by whom.
type Declarations struct {
	Assessors    []Assessor    `json:"assessors"`
	Attestations []Attestation `json:"attestations"`
	Claims       []Claim       `json:"claims"`
	Evidence     []Evidence    `json:"evidence,omitempty"`
	Targets      Targets       `json:"targets"`
}

// Assessor found something.
type Assessor struct {
	BOMRef       string       `json:"bom-ref"`
	ThirdParty   bool         `json:"thirdParty"`
	Organization Organization `json:"organization"`
}

// Organization is named; persons are not.
type Organization struct {
	Name string `json:"name"`
}

// Attestation is what one assessor attests to.
type Attestation struct {
	Summary  string        `json:"summary"`
	Assessor string        `json:"assessor"`
	Map      []Conformance `json:"map"`
}

// Conformance is to one requirement.
type Conformance struct {
	Requirement string      `json:"requirement"`
	Claims      []string    `json:"claims"`
	Conformance Score       `json:"conformance"`
	Confidence  *Confidence `json:"confidence,omitempty"`
}

// Score is 1 for conformance and 0 for none; nil where the requirement does
// not apply, for which the format has no number.
type Score struct {
	Score     *float64 `json:"score,omitempty"`
	Rationale string   `json:"rationale,omitempty"`
}

// Confidence says how something was shown; no number is made up for it.
type Confidence struct {
	Rationale string `json:"rationale"`
}

// Claim is one thing that was found or stated.
type Claim struct {
	BOMRef    string   `json:"bom-ref"`
	Target    string   `json:"target"`
	Predicate string   `json:"predicate"`
	Reasoning string   `json:"reasoning,omitempty"`
	Evidence  []string `json:"evidence,omitempty"`
}

// Evidence is an artifact.
type Evidence struct {
	BOMRef       string `json:"bom-ref"`
	PropertyName string `json:"propertyName,omitempty"`
	Description  string `json:"description"`
	Data         []Data `json:"data"`
	Created      string `json:"created,omitempty"`
	Expires      string `json:"expires,omitempty"`
}

// Data says where an artifact lies.
type Data struct {
	Name     string   `json:"name"`
	Contents Contents `json:"contents"`
}

// Contents is an address.
type Contents struct {
	URL string `json:"url"`
}

// Targets are what claims are about.
type Targets struct {
	Components []Component `json:"components"`
}

// Component is the product, or an image of its firmware.
type Component struct {
	BOMRef     string     `json:"bom-ref"`
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Hashes     []Hash     `json:"hashes,omitempty"`
	Properties []Property `json:"properties,omitempty"`
}

// Hash of a component.
type Hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}
