package evidence

import (
	"encoding/json"
	"fmt"

	"assay/civil"
)

// ICS is the implementation conformance statement for one edition of a
// standard (EN 303 645 Annex B; ISO/IEC 9646-7): requirement by requirement
// what the maker says. It is a declaration and nothing more, unless an entry
// names documents.
type ICS struct {
	Standard string              `json:"standard" yaml:"standard"`
	Edition  string              `json:"edition" yaml:"edition"`
	Date     civil.Date          `json:"date" yaml:"date"`
	Entries  map[string]ICSEntry `json:"entries" yaml:"entries"` // by requirement id
}

// ICSEntry is the maker's word on one requirement. In a file the bare answer
// will do where it is yes: "5.2-1: yes".
type ICSEntry struct {
	Support   Supported  `json:"support" yaml:"support"`
	Detail    string     `json:"detail,omitempty" yaml:"detail,omitempty"` // how it is done; or the ground why not
	Artifacts []Artifact `json:"artifacts,omitempty" yaml:"artifacts,omitempty"`
}

// Supported is the support column of an ICS.
type Supported string

// Answers of an ICS.
const (
	SupportedYes Supported = "yes"
	SupportedNo  Supported = "no"
	SupportedNA  Supported = "not-applicable"
	SupportedTBD Supported = "" // not answered yet, as in a new bundle
)

// UnmarshalText reads yes, no, not-applicable, and the forms Y, N, N/A of the
// standard's own table.
func (s *Supported) UnmarshalText(b []byte) error {
	switch string(b) {
	case "yes", "Y", "y":
		*s = SupportedYes
	case "no", "N", "n":
		*s = SupportedNo
	case "not-applicable", "N/A", "n/a":
		*s = SupportedNA
	case "", "?":
		*s = SupportedTBD
	default:
		return fmt.Errorf("%.40q is no answer: write yes, no or not-applicable", b)
	}
	return nil
}

// MarshalText writes yes, no, not-applicable or nothing.
func (s Supported) MarshalText() ([]byte, error) { return []byte(s), nil }

func (e *ICSEntry) setScalar(s string) error { return e.Support.UnmarshalText([]byte(s)) }

// UnmarshalJSON reads both forms, for [Read].
func (e *ICSEntry) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &e.Support)
	}
	type full ICSEntry // without this method
	return json.Unmarshal(b, (*full)(e))
}

// MarshalYAML writes the bare answer where there is nothing else.
func (e ICSEntry) MarshalYAML() (any, error) {
	if e.Detail == "" && len(e.Artifacts) == 0 {
		return e.Support, nil
	}
	type full ICSEntry // without this method
	return full(e), nil
}
