package attest

// BOM is a CycloneDX document, as far as it is written here.
type BOM struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     Metadata     `json:"metadata"`
	Definitions  *Definitions `json:"definitions,omitempty"`
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
