package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/recognition"
	"assay/scheme"
)

const (
	embeddedCatalog = "embedded"
	maxFile         = 1 << 20
	maxCases        = 1000 // in one file
)

// Case is one conformance case. Its times are RFC 3339 with the zone that
// makes the case readable.
type Case struct {
	ID      string `json:"id"`
	Why     string `json:"why"` // one sentence
	Cites   Cites  `json:"cites"`
	Catalog string `json:"catalog"` // "embedded", or a file in catalogs/

	Clock       Time                    `json:"clock"`
	Target      string                  `json:"target,omitempty"` // the receiving office
	Certificate Certificate             `json:"certificate"`
	Events      []Event                 `json:"events,omitempty"`
	Received    Time                    `json:"received,omitzero"`
	Kind        scheme.SourceKind       `json:"kind,omitempty"`
	Backdated   bool                    `json:"backdated,omitempty"`
	Doubt       string                  `json:"doubt,omitempty"`
	Existing    []Existing              `json:"existing,omitempty"`
	Own         []Own                   `json:"own,omitempty"`
	Policies    map[string]Policy       `json:"policies,omitempty"` // by clause; "*": every other one
	Adopted     []string                `json:"adopted,omitempty"`  // clauses; "*": all
	Asked       []certificate.Request   `json:"asked,omitempty"`
	Shown       []scheme.RequirementRef `json:"shown,omitempty"`
	DeltaMet    bool                    `json:"delta_met,omitempty"`
	Peer        Peer                    `json:"peer,omitzero"`

	Expect Expect `json:"expect"`

	file string
}

// Cites says where the expected outcome comes from.
type Cites struct {
	Clause string `json:"clause"`
	Source string `json:"source"`
}

// Certificate is what of a certificate recognition depends on.
type Certificate struct {
	ID          string                `json:"id"`
	Office      string                `json:"office,omitempty"`
	Scheme      string                `json:"scheme"`
	Edition     string                `json:"edition"`
	Level       string                `json:"level,omitempty"`
	Attestation scheme.Attestation    `json:"attestation,omitempty"`
	Basis       []scheme.StandardRef  `json:"basis,omitempty"`
	Holder      string                `json:"holder,omitempty"`
	Models      []certificate.Model   `json:"models"`
	Functions   []string              `json:"functions"`
	Firmware    certificate.Firmware  `json:"firmware,omitzero"`
	Granted     civil.Date            `json:"granted"`
	Effective   Time                  `json:"effective"`
	Expires     civil.Date            `json:"expires,omitzero"`
	SupportEnd  civil.Date            `json:"support_end,omitzero"`
	Requests    []certificate.Request `json:"requests,omitempty"`
	Derived     *Derived              `json:"derived,omitempty"`
}

// Derived says what a designation rests on.
type Derived struct {
	Office      string      `json:"office"` // of the source
	Certificate string      `json:"certificate"`
	Scheme      string      `json:"scheme"`
	Level       string      `json:"level,omitempty"`
	Clause      string      `json:"clause"`
	Mode        scheme.Mode `json:"mode,omitempty"`
	At          Time        `json:"at,omitzero"`
	LastEvent   uint64      `json:"last_event,omitempty"`
	Chain       []string    `json:"chain,omitempty"`
}

// Event is one event of a history. Recorded is Decided where it is left out,
// and so is Effective.
type Event struct {
	Sequence  uint64                 `json:"sequence"`
	Kind      scheme.EventKind       `json:"kind"`
	Change    certificate.Change     `json:"change"`
	Cause     certificate.Cause      `json:"cause,omitzero"`
	Decided   Time                   `json:"decided"`
	Effective Time                   `json:"effective,omitzero"`
	Recorded  Time                   `json:"recorded,omitzero"`
	Received  Time                   `json:"received,omitzero"`
	Follows   uint64                 `json:"follows,omitempty"` // sequence number of the event abroad
	Amend     *certificate.Amendment `json:"amend,omitempty"`
}

// Existing is a designation at the receiving office.
type Existing struct {
	Certificate Certificate `json:"certificate"`
	Events      []Event     `json:"events,omitempty"`
}

// Own is the receiving office's own record of the product.
type Own struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Scheme string `json:"scheme,omitempty"`
}

// Policy is the receiving office's policy for a clause. Catalog "other" is a
// standing decision made for another catalog; left out it is this one.
type Policy struct {
	Kind    recognition.PolicyKind `json:"kind"`
	Days    int                    `json:"days,omitempty"`
	ID      string                 `json:"id,omitempty"`
	From    Time                   `json:"from,omitzero"`
	Expires Time                   `json:"expires,omitzero"`
	Catalog string                 `json:"catalog,omitempty"`
	Spent   bool                   `json:"spent,omitempty"`
}

// Peer is how the source office stands.
type Peer struct {
	Heard         Time   `json:"heard,omitzero"`
	SilentSeconds int64  `json:"silent_seconds,omitempty"`
	Degraded      string `json:"degraded,omitempty"`
}

// Expect is the outcome. Clauses and Wanted are complete: a clause tried or
// an action wanted that is not listed fails the case.
type Expect struct {
	Clauses map[string]Answer            `json:"clauses"`
	Wanted  []Wanted                     `json:"wanted"`
	States  map[string]certificate.State `json:"states,omitempty"` // of existing designations once what is wanted is recorded
	Next    Time                         `json:"next,omitzero"`    // checked where given
}

// Answer is what one clause answers, the rule that decided it, and further
// rules that the explanation must hold. Against, where given, is all of the
// rules that do not answer yes, in order.
type Answer struct {
	Answer  scheme.Answer            `json:"answer"`
	Rule    string                   `json:"rule"`
	Reasons map[string]scheme.Answer `json:"reasons,omitempty"`
	Against []string                 `json:"against,omitempty"`
}

// Wanted is one wanted action. Fields left out are not checked, except that
// an event is listed if and only if there is one.
type Wanted struct {
	Action      recognition.Action `json:"action"`
	Rule        string             `json:"rule"`
	Clause      string             `json:"clause"`
	Level       *string            `json:"level,omitempty"` // "": none
	Mode        scheme.Mode        `json:"mode,omitempty"`
	Models      []string           `json:"models,omitempty"`
	Start       civil.Date         `json:"start,omitzero"`
	End         civil.Date         `json:"end,omitzero"`
	By          scheme.BoundKind   `json:"by,omitempty"`
	Needs       string             `json:"needs,omitempty"`
	NotBefore   Time               `json:"not_before,omitzero"`
	Designation string             `json:"designation,omitempty"`
	Event       *WantedEvent       `json:"event,omitempty"`
}

// WantedEvent is the event to record.
type WantedEvent struct {
	Kind    scheme.EventKind      `json:"kind"`
	Change  certificate.Change    `json:"change"`
	Cause   string                `json:"cause,omitempty"`
	By      certificate.CauseKind `json:"by,omitempty"`
	Follows uint64                `json:"follows,omitempty"`
	Expires civil.Date            `json:"expires,omitzero"`
	Models  []string              `json:"models,omitempty"`
}

// Time is an instant in µs since 1970, RFC 3339 in JSON.
type Time int64

// UnmarshalText reads RFC 3339.
func (t *Time) UnmarshalText(b []byte) error {
	v, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return fmt.Errorf("%.40q is no time as RFC 3339 has it: %w", b, err)
	}
	*t = Time(v.UnixMicro())
	return nil
}

// MarshalText writes RFC 3339 in UTC.
func (t Time) MarshalText() ([]byte, error) {
	return []byte(time.UnixMicro(int64(t)).UTC().Format(time.RFC3339Nano)), nil
}

func (t Time) String() string { b, _ := t.MarshalText(); return string(b) }

// file is how cases lie on disk: what they have in common, and for each what
// is its own, as a JSON merge patch (RFC 7396) over that.
type file struct {
	Given map[string]any   `json:"given"`
	Cases []map[string]any `json:"cases"`
}

// Parse reads one file of cases; name stands in errors.
func Parse(name string, b []byte) ([]Case, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s: %d bytes, the limit is %d: split the file", name, len(b), maxFile)
	}
	var f file
	if err := strict(b, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(f.Cases) > maxCases {
		return nil, fmt.Errorf("%s: %d cases, the limit is %d: split the file", name, len(f.Cases), maxCases)
	}
	cs := make([]Case, 0, len(f.Cases))
	for i, own := range f.Cases {
		b, err := json.Marshal(merge(f.Given, own))
		if err != nil {
			return nil, fmt.Errorf("%s: case %d: %w", name, i+1, err)
		}
		c := Case{file: name}
		if err := strict(b, &c); err != nil {
			return nil, fmt.Errorf("%s: case %d (%v): %w", name, i+1, own["id"], err)
		}
		if err := c.complete(); err != nil {
			return nil, fmt.Errorf("%s: case %d (%s): %w", name, i+1, c.ID, err)
		}
		cs = append(cs, c)
	}
	return cs, nil
}

func (c *Case) complete() error {
	switch {
	case c.ID == "":
		return errors.New("it has no id")
	case c.Why == "":
		return errors.New("it does not say why")
	case c.Clock == 0:
		return errors.New("it has no clock")
	case c.Cites.Clause == "" || c.Cites.Source == "":
		return errors.New("it cites no clause and source")
	case c.Expect.Clauses == nil || c.Expect.Wanted == nil:
		return errors.New("it expects nothing: list clauses and wanted, empty if so")
	}
	if c.Catalog == "" {
		c.Catalog = embeddedCatalog
	}
	return nil
}

// merge applies a JSON merge patch without changing base.
func merge(base any, patch map[string]any) map[string]any {
	out := map[string]any{}
	if m, ok := base.(map[string]any); ok {
		for k, v := range m {
			out[k] = v
		}
	}
	for k, v := range patch {
		switch p := v.(type) {
		case nil:
			delete(out, k)
		case map[string]any:
			out[k] = merge(out[k], p)
		default:
			out[k] = v
		}
	}
	return out
}

// strict reads one JSON value with no unknown fields.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows after the JSON value")
	}
	return nil
}

func readBounded(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return b, err
}
