// Package certificate has what an office grants, what happens to it
// afterwards, and what it is worth at an instant: the state at T as known at
// K, computed from separate open causes.
//
// Instants are µs since 1970-01-01 UTC; terms are civil dates in the zone of
// the scheme's authority. The struct tags fix the CBOR form in which a
// certificate and its events stand in a log; keys are never reused.
package certificate

import (
	"assay/civil"
	"assay/scheme"
)

// Ref points at an entry of a log.
type Ref struct {
	Office string `cbor:"1,keyasint" json:"office"` // the office that signed it
	Origin string `cbor:"2,keyasint" json:"origin"` // its log
	Index  int64  `cbor:"3,keyasint" json:"index"`
	Leaf   Digest `cbor:"4,keyasint" json:"leaf"` // RFC 6962 leaf hash
}

// Certificate is a grant or, where Derived is set, a designation. What is in
// it is public: holders by entity id, persons by nothing at all.
type Certificate struct {
	ID          string               `cbor:"1,keyasint" json:"id"`                         // the log's subject: scheme id "-" serial; never reused
	Number      string               `cbor:"2,keyasint,omitempty" json:"number,omitempty"` // as printed; empty for mode deemed
	Office      string               `cbor:"3,keyasint" json:"office"`
	Scheme      string               `cbor:"4,keyasint" json:"scheme"`
	Edition     string               `cbor:"5,keyasint" json:"edition"`
	Level       string               `cbor:"6,keyasint,omitempty" json:"level,omitempty"`
	Attestation scheme.Attestation   `cbor:"7,keyasint" json:"attestation"`
	Basis       []scheme.StandardRef `cbor:"8,keyasint,omitempty" json:"basis,omitempty"`
	Product     Product              `cbor:"9,keyasint" json:"product"`
	Firmware    Firmware             `cbor:"10,keyasint" json:"firmware"`
	Granted     civil.Date           `cbor:"11,keyasint" json:"granted"` // day of the decision in the authority's zone
	Decided     int64                `cbor:"12,keyasint" json:"decided"`
	Effective   int64                `cbor:"13,keyasint" json:"effective"`
	Expires     civil.Date           `cbor:"14,keyasint,omitempty" json:"expires,omitzero"` // last day; zero: no term
	SupportEnd  civil.Date           `cbor:"15,keyasint,omitempty" json:"support_end,omitzero"`
	Requests    []Request            `cbor:"16,keyasint,omitempty" json:"requests,omitempty"` // the holder's standing requests abroad
	Derived     *Derived             `cbor:"17,keyasint,omitempty" json:"derived,omitempty"`
	Act         Digest               `cbor:"18,keyasint" json:"act"`                            // digest of the act's body; the act itself is restricted
	Catalog     string               `cbor:"19,keyasint" json:"catalog"`                        // digest of the catalog decided with
	Evidence    Digest               `cbor:"20,keyasint,omitempty" json:"evidence,omitzero"`    // salted commitment
	Supersedes  string               `cbor:"21,keyasint,omitempty" json:"supersedes,omitempty"` // id of the certificate that this one replaces
}

// Product is what was certified.
type Product struct {
	Holder    string   `cbor:"1,keyasint" json:"holder"` // entity id
	Brand     string   `cbor:"2,keyasint" json:"brand"`
	Name      string   `cbor:"3,keyasint" json:"name"`
	Models    []Model  `cbor:"4,keyasint" json:"models"`
	Functions []string `cbor:"5,keyasint" json:"functions"` // category ids; all of them
}

// Model is a model with its variants. Functions, where given, replaces the
// product's for this model.
type Model struct {
	ID        string   `cbor:"1,keyasint" json:"id"`
	Variants  []string `cbor:"2,keyasint,omitempty" json:"variants,omitempty"`
	Hardware  string   `cbor:"3,keyasint,omitempty" json:"hardware,omitempty"`
	Functions []string `cbor:"4,keyasint,omitempty" json:"functions,omitempty"`
}

// Firmware is the scope of versions: those listed, and with rule
// open-security-updates also security updates of them until a
// security-relevant change is notified.
type Firmware struct {
	Rule     scheme.FirmwareRule `cbor:"1,keyasint" json:"rule"`
	Versions []string            `cbor:"2,keyasint,omitempty" json:"versions,omitempty"`
	From     string              `cbor:"3,keyasint,omitempty" json:"from,omitempty"`
	To       string              `cbor:"4,keyasint,omitempty" json:"to,omitempty"`
}

// Request says that the holder asked for a designation in another scheme.
// Names, contact and payer lie beside the log.
type Request struct {
	Scheme      string   `cbor:"1,keyasint" json:"scheme"`
	Models      []string `cbor:"2,keyasint,omitempty" json:"models,omitempty"`      // empty: all
	Declaration bool     `cbor:"3,keyasint,omitempty" json:"declaration,omitempty"` // the target's declaration of conformity is accepted
	Fee         bool     `cbor:"4,keyasint,omitempty" json:"fee,omitempty"`         // a payer is named
	Consent     bool     `cbor:"5,keyasint,omitempty" json:"consent,omitempty"`     // the file may be shared
}

// Derived says why a designation exists, so that anyone can recompute it.
type Derived struct {
	Source      Ref               `cbor:"1,keyasint" json:"source"`
	Certificate string            `cbor:"2,keyasint" json:"certificate"` // the source's id
	Number      string            `cbor:"3,keyasint,omitempty" json:"number,omitempty"`
	Scheme      string            `cbor:"4,keyasint" json:"scheme"`
	Level       string            `cbor:"5,keyasint,omitempty" json:"level,omitempty"`
	Arrangement string            `cbor:"6,keyasint" json:"arrangement"`
	Clause      string            `cbor:"7,keyasint" json:"clause"`
	Mode        scheme.Mode       `cbor:"8,keyasint" json:"mode"`
	Policy      string            `cbor:"9,keyasint" json:"policy"`      // policy under which it was made
	At          int64             `cbor:"10,keyasint" json:"at"`         // instant used
	Reasons     Digest            `cbor:"11,keyasint" json:"reasons"`    // SHA-256 of the outcome's JSON, served beside it
	LastEvent   uint64            `cbor:"12,keyasint" json:"last_event"` // sequence number of the source's last statement taken into account
	Confidence  scheme.Confidence `cbor:"13,keyasint" json:"confidence"`
	Chain       []string          `cbor:"14,keyasint,omitempty" json:"chain,omitempty"` // offices that the source itself rests on, nearest first
}

// Chain lists the offices that a certificate rests on besides its own,
// nearest first: nil for a grant. It is what Derived.Chain of a designation
// made from c has to say.
func (c *Certificate) Chain() []string {
	if c.Derived == nil {
		return nil
	}
	return append([]string{c.Derived.Source.Office}, c.Derived.Chain...)
}

// Event is something that happened to a certificate after its grant.
type Event struct {
	Kind      scheme.EventKind `cbor:"1,keyasint" json:"kind"`
	Change    Change           `cbor:"2,keyasint" json:"change"`
	Cause     Cause            `cbor:"3,keyasint" json:"cause,omitzero"`
	Reason    string           `cbor:"4,keyasint" json:"reason"` // coded
	Decided   int64            `cbor:"5,keyasint" json:"decided"`
	Notified  int64            `cbor:"6,keyasint,omitempty" json:"notified,omitempty"`
	Effective int64            `cbor:"7,keyasint" json:"effective"`
	Recorded  int64            `cbor:"8,keyasint" json:"recorded"`
	Act       Digest           `cbor:"9,keyasint" json:"act,omitzero"`
	Source    *SourceEvent     `cbor:"10,keyasint,omitempty" json:"source,omitempty"`
	Amend     *Amendment       `cbor:"11,keyasint,omitempty" json:"amend,omitempty"`

	// Set by the register that holds the event; not part of the statement.
	Sequence uint64 `cbor:"-" json:"sequence"`
	Index    int64  `cbor:"-" json:"index"`
	Leaf     Digest `cbor:"-" json:"leaf,omitzero"`
	Received int64  `cbor:"-" json:"received,omitempty"` // when a partner's event became known here
}

// Change says what an event does to its cause.
type Change string

// Changes.
const (
	Opens  Change = "opens"
	Closes Change = "closes"
	Undoes Change = "undoes" // annuls the cause from the start: the only change that acts back
	Amends Change = "amends"
	Notes  Change = "notes"
)

// Cause is why a certificate is not simply valid. Only its author closes it.
type Cause struct {
	ID    string    `cbor:"1,keyasint,omitempty" json:"id,omitempty"` // unique within the certificate
	Kind  CauseKind `cbor:"2,keyasint,omitempty" json:"kind,omitempty"`
	State State     `cbor:"3,keyasint,omitempty" json:"state,omitempty"` // what the certificate answers while the cause is open
}

// CauseKind is whose cause it is.
type CauseKind string

// Cause kinds.
const (
	FromSource      CauseKind = "source"      // an event of the certificate that a designation rests on
	LocalHold       CauseKind = "hold"        // a person of this office wants to look first
	OwnMeasure      CauseKind = "measure"     // this office's own decision
	ByExpiry        CauseKind = "expiry"      // the calendar
	FromArrangement CauseKind = "arrangement" // the arrangement or its clause ended
)

// SourceEvent names the statement abroad that an event here follows.
type SourceEvent struct {
	Ref      `cbor:"1,keyasint"`
	Sequence uint64 `cbor:"2,keyasint" json:"sequence"` // of the source certificate's statements
}

// Amendment is what changed; zero fields did not.
type Amendment struct {
	Expires    civil.Date `cbor:"1,keyasint,omitempty" json:"expires,omitzero"`
	Number     string     `cbor:"2,keyasint,omitempty" json:"number,omitempty"`
	Level      string     `cbor:"3,keyasint,omitempty" json:"level,omitempty"`
	Models     []Model    `cbor:"4,keyasint,omitempty" json:"models,omitempty"`
	Functions  []string   `cbor:"5,keyasint,omitempty" json:"functions,omitempty"`
	Firmware   *Firmware  `cbor:"6,keyasint,omitempty" json:"firmware,omitempty"`
	Holder     string     `cbor:"7,keyasint,omitempty" json:"holder,omitempty"`
	Requests   []Request  `cbor:"8,keyasint,omitempty" json:"requests,omitempty"`
	SupportEnd civil.Date `cbor:"9,keyasint,omitempty" json:"support_end,omitzero"`
}

// State is the one list of answers, everywhere.
type State string

// States and answers.
const (
	Valid             State = "valid"
	NotYetValid       State = "not-yet-valid"
	Held              State = "held"
	Suspended         State = "suspended"
	Lapsed            State = "lapsed"  // its source ended
	Revoked           State = "revoked" // this office's own decision
	Annulled          State = "annulled"
	Surrendered       State = "surrendered"
	Superseded        State = "superseded"
	Expired           State = "expired"
	NotInScope        State = "not-in-scope"
	FirmwareNotStated State = "firmware-not-stated"
	UnknownHere       State = "unknown-here"
	UnknownAuthority  State = "unknown-authority"
	SignatureFalse    State = "signature-false"
	Stale             State = "stale" // silent past its bound
)
