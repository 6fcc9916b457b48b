// Package recognition decides which designations follow from a certificate
// under the arrangements of a catalog. It is pure: everything it uses comes
// in by Input, so that anyone can recompute an outcome.
package recognition

import (
	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

// Input is everything that one decision rests on.
type Input struct {
	Source   Source
	Target   string     // the receiving office's authority id: only clauses to its schemes are tried; empty: all
	Existing []Existing // the designations here that rest on Source
	Own      []OwnRecord
	Policies func(clause string) Policy // nil: review everywhere
	Adopted  func(clause string) bool   // whether the office adopted its reading of facts below official of this clause by an act; nil: no
	Asked    []certificate.Request      // the holder's later requests made here, besides those in the certificate
	Shown    []scheme.RequirementRef    // delta requirements shown to this office for this product
	DeltaMet bool                       // a person found an unpublished delta to be met, by act
	Peer     Peer
	Now      int64
}

// Source is the certificate abroad with its history.
type Source struct {
	Certificate *certificate.Certificate
	Events      []certificate.Event
	Ref         certificate.Ref
	Kind        scheme.SourceKind // zero: registered
	Received    int64             // when this office first held it
	Backdated   bool              // granted before the peer's previous checkpoint, yet only now logged
	Doubt       string            // non-empty: a statement of this subject was rejected or unreadable; coded reason
}

// Existing is a designation here.
type Existing struct {
	Certificate *certificate.Certificate
	Events      []certificate.Event
}

// OwnRecord is what the receiving office itself has on the same product: any
// of it turns a yes into review.
type OwnRecord struct {
	Kind   string // refused, revoked, open-case
	ID     string
	Scheme string
	At     int64
}

// Peer is how the source office stands.
type Peer struct {
	Heard       int64  // when a checkpoint of it last verified
	SilentAfter int64  // µs of silence allowed; 0: no bound
	Degraded    string // non-empty: forked, key-compromised, …: nothing new is designated
}

// PolicyKind is how the receiving office lets a clause act.
type PolicyKind string

// Policies.
const (
	Review    PolicyKind = "review"
	AfterDays PolicyKind = "after-days" // unless an officer objects within Days working days
	ByRequest PolicyKind = "on-request"
	Automatic PolicyKind = "automatic"
)

// Policy of the receiving office for one clause, as set by an act. The zero
// Policy is review.
type Policy struct {
	Kind    PolicyKind
	Days    int
	ID      string // act or standing decision
	Act     certificate.Digest
	From    int64
	Expires int64              // of a standing decision; at most twelve months after From
	Catalog string             // digest a standing decision was made for
	Spent   bool               // a budget is used up
	Clause  certificate.Digest // digest of the clause the standing decision was made for; zero: not pinned
}

// Outcome is the wanted state of everything that rests on one source.
type Outcome struct {
	Catalog string          `json:"catalog"`
	Source  certificate.Ref `json:"source"`
	At      int64           `json:"at"`
	Tried   []Tried         `json:"tried"`
	Wanted  []Wanted        `json:"wanted"`
	Next    int64           `json:"next,omitempty"` // instant at which the answer may change by the calendar alone; 0: never
}

// Tried is one clause held against the source.
type Tried struct {
	Clause      string            `json:"clause"`
	Arrangement string            `json:"arrangement"`
	Scheme      string            `json:"scheme"`
	Level       string            `json:"level,omitempty"`
	Mode        scheme.Mode       `json:"mode"`
	Answer      scheme.Answer     `json:"answer"`
	Rule        Rule              `json:"rule"`       // the one that decided the answer
	Confidence  scheme.Confidence `json:"confidence"` // the least of the facts that it needed
	Reasons     []Reason          `json:"reasons"`
}

// Reason is one step of an explanation.
//
// In the reasons of what to do, yes lets it go on, undetermined asks a person
// or the calendar, and no asks the holder.
type Reason struct {
	Rule   Rule          `json:"rule"`
	Answer scheme.Answer `json:"answer"`
	Got    string        `json:"got,omitempty"`    // the datum used
	Wanted string        `json:"wanted,omitempty"` // what it was held against
	Fact   *scheme.Fact  `json:"fact,omitempty"`   // where that comes from
}

// Action is what the office has to do about a target scheme.
type Action string

// Actions. Only designate, deem, open, close, amend and note change the
// register by themselves; the others put something before a person.
const (
	Designate  Action = "designate" // enter it now
	Deem       Action = "deem"      // a duty counts as met; no number
	Offer      Action = "offer"     // available on request: the holder has not asked
	Prepare    Action = "prepare"   // a complete application for a person's decision
	ToReview   Action = "review"    // a person decides
	Wait       Action = "wait"      // by the calendar, at NotBefore
	Refuse     Action = "refuse"    // a clause exists and says no
	Unclear    Action = "undetermined"
	Keep       Action = "keep" // is there and stays as it is
	OpenCause  Action = "open"
	CloseCause Action = "close"
	Amend      Action = "amend"
	Restore    Action = "restore" // an ended designation's source came back: a person decides
	Note       Action = "note"
)

// Wanted is the wanted state of one designation.
type Wanted struct {
	Action      Action             `json:"action"`
	Rule        Rule               `json:"rule"` // the one that decided the action
	Clause      string             `json:"clause"`
	Arrangement string             `json:"arrangement"`
	Scheme      string             `json:"scheme"`
	Edition     string             `json:"edition,omitempty"`
	Level       string             `json:"level,omitempty"`
	Mode        scheme.Mode        `json:"mode"`
	Designation string             `json:"designation,omitempty"` // id of the existing one that this is about
	Models      []string           `json:"models,omitempty"`
	Term        Term               `json:"term,omitzero"`
	NotBefore   int64              `json:"not_before,omitempty"`
	Policy      Policy             `json:"-"`
	PolicyID    string             `json:"policy,omitempty"`
	Event       *certificate.Event `json:"event,omitempty"` // actions open, close, amend, note: the event to record, without times recorded and act
	Confidence  scheme.Confidence  `json:"confidence"`
	Reasons     []Reason           `json:"reasons"`
}

// Term of a designation and what bounded it.
type Term struct {
	Start civil.Date       `json:"start,omitzero"`
	End   civil.Date       `json:"end,omitzero"` // last day
	By    scheme.BoundKind `json:"by,omitempty"`
	Needs string           `json:"needs,omitempty"` // what is missing to know the end, e.g. support-end
}
