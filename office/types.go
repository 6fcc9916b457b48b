package office

import (
	"encoding/json"

	"assay/certificate"
	"assay/civil"
	"assay/keys"
	"assay/recognition"
	"assay/scheme"
)

// Person is somebody who acts for an office or for a maker. The log never has
// more of them than nothing; pages show the pseudonym.
type Person struct {
	ID        string `json:"id"`
	Pseudonym string `json:"pseudonym"`
	Name      string `json:"name,omitempty"` // restricted, erasable
	Roles     []Role `json:"roles"`
	Entity    string `json:"entity,omitempty"` // makers and laboratories: whom they speak for
}

// Role is what a person may do.
type Role string

// Roles.
const (
	RoleMaker     Role = "maker"     // applies, withdraws, asks, surrenders: for its entity only
	RoleRegistrar Role = "registrar" // checks applications for completeness
	RoleEvaluator Role = "evaluator" // evaluates and recommends
	RoleOfficer   Role = "officer"   // decides; proposes and approves measures
	RoleAdmin     Role = "admin"     // peers, policies, catalog, keys, persons
	RoleAuditor   Role = "auditor"   // reads everything
)

// Stage says how far a thing has come; see design rule 5.
type Stage string

// Stages.
const (
	Recorded  Stage = "recorded"  // durable here, nothing signed
	Logged    Stage = "logged"    // in the log's database
	Published Stage = "published" // covered by a stored checkpoint
)

// ActKind is what an act does.
type ActKind string

// Acts. Each has a body type of the same name below.
const (
	ActGrant     ActKind = "grant"     // DecisionBody: proposed by an evaluation
	ActRefuse    ActKind = "refuse"    // DecisionBody
	ActSuspend   ActKind = "suspend"   // MeasureBody
	ActReinstate ActKind = "reinstate" // MeasureBody
	ActRevoke    ActKind = "revoke"    // MeasureBody
	ActAnnul     ActKind = "annul"     // MeasureBody: of the certificate, or with Cause of one earlier decision
	ActSurrender ActKind = "surrender" // MeasureBody
	ActCorrect   ActKind = "correct"   // MeasureBody with Amend
	ActExtend    ActKind = "extend"    // MeasureBody with Amend.Expires
	ActHold      ActKind = "hold"      // MeasureBody
	ActRelease   ActKind = "release"   // MeasureBody
	ActEarlier   ActKind = "earlier"   // EarlierBody: what was granted before this register
	ActCase      ActKind = "case"      // CaseBody: what lies on the desk
	ActPeer      ActKind = "peer"      // PeerBody
	ActPolicy    ActKind = "policy"    // PolicyBody; automatic carries the standing decision
	ActReading   ActKind = "reading"   // ReadingBody: the office's reading of facts below official
	ActCatalog   ActKind = "catalog"   // CatalogBody
	ActPerson    ActKind = "person"    // PersonBody
	ActKey       ActKind = "key"       // KeyBody
)

// Act is a thing that two persons did.
type Act struct {
	ID         string             `json:"id"`
	Kind       ActKind            `json:"kind"`
	Body       json.RawMessage    `json:"body"`
	Digest     certificate.Digest `json:"digest"` // SHA-256 of kind, newline, body
	Subject    string             `json:"subject,omitempty"`
	Proposer   string             `json:"proposer"` // pseudonyms
	ProposedAt int64              `json:"proposed_at"`
	Approver   string             `json:"approver,omitempty"`
	ApprovedAt int64              `json:"approved_at,omitempty"`
	State      ActState           `json:"state"`
	Result     json.RawMessage    `json:"result,omitempty"`
	Version    int64              `json:"version"`
	Index      int64              `json:"index"` // log entry; -1 where there is none (yet)
	Stage      Stage              `json:"stage"`
}

// ActState is where an act stands.
type ActState string

// Act states.
const (
	ActProposed ActState = "proposed"
	ActApproved ActState = "approved" // recorded: intent durable, not logged yet
	ActDone     ActState = "done"
	ActRejected ActState = "rejected"
)

// DecisionBody decides an application.
type DecisionBody struct {
	Application string             `json:"application"`
	Scheme      string             `json:"scheme"`
	Level       string             `json:"level"`
	Evidence    certificate.Digest `json:"evidence"`
	Assessment  certificate.Digest `json:"assessment"` // blob with the machine's assessment
	Reason      string             `json:"reason"`     // coded
	Remarks     string             `json:"remarks,omitempty"`
	PublishAt   int64              `json:"publish_at,omitempty"` // embargo asked for in the application
}

// MeasureBody changes the status of a certificate or designation of this office.
type MeasureBody struct {
	Certificate string                 `json:"certificate"`
	Reason      string                 `json:"reason"`              // coded
	Cause       string                 `json:"cause,omitempty"`     // reinstate, release, annul: which cause; empty where only one fits
	Effective   int64                  `json:"effective,omitempty"` // 0: at once
	Notified    int64                  `json:"notified,omitempty"`
	Amend       *certificate.Amendment `json:"amend,omitempty"`
	Remarks     string                 `json:"remarks,omitempty"` // restricted
}

// CaseBody decides what lies on the desk.
type CaseBody struct {
	Case    string `json:"case"`
	Decide  string `json:"decide"` // designate, decline, restore, close, trust
	Reason  string `json:"reason"`
	Remarks string `json:"remarks,omitempty"`
}

// PeerBody adds, changes or ends a peer.
type PeerBody struct {
	Site        string   `json:"site"`        // the office's id
	URL         string   `json:"url"`         // the only address ever asked
	Fingerprint string   `json:"fingerprint"` // of the identity key, compared out of band
	Schemes     []string `json:"schemes"`
	Kinds       []string `json:"kinds"`
	Private     bool     `json:"private,omitempty"` // ring flag: private addresses allowed
	PollMillis  int64    `json:"poll_ms,omitempty"`
	SilentHours int64    `json:"silent_hours,omitempty"`
	Document    string   `json:"document,omitempty"` // the self-signed office document, as fetched when proposed
	End         bool     `json:"end,omitempty"`
}

// PolicyBody sets the policy for a clause.
type PolicyBody struct {
	Clause     string `json:"clause"`
	Kind       string `json:"kind"` // review, after-days, on-request, automatic
	Days       int    `json:"days,omitempty"`
	LegalBasis string `json:"legal_basis,omitempty"` // automatic: required
	Expires    string `json:"expires,omitempty"`     // automatic: date, at most twelve months on
	PerHour    int    `json:"per_hour,omitempty"`
	PerDay     int    `json:"per_day,omitempty"`
	Share      int    `json:"share_percent,omitempty"` // drawn for later checking
	Catalog    string `json:"catalog,omitempty"`       // digest it is made for
	Note       string `json:"note,omitempty"`
}

// ReadingBody adopts the office's reading of a clause's facts below official.
type ReadingBody struct {
	Clause string `json:"clause"`
	Ground string `json:"ground"`
}

// CatalogBody adopts a catalog.
type CatalogBody struct {
	Digest string `json:"digest"`
	From   string `json:"from"` // civil date; empty: at once
}

// PersonBody adds or disables a person.
type PersonBody struct {
	Person    Person `json:"person"`
	TokenHash string `json:"token_hash,omitempty"` // hex SHA-256 of the bearer token, made at the person's own machine
	Disable   bool   `json:"disable,omitempty"`
}

// KeyBody replaces keys of this office. The identity key stays: another one
// is another office to every partner, and a new pairing.
type KeyBody struct {
	Keys   []keys.Record `json:"keys"`            // one for each role that gets a new key; no times: the log sets them
	Reason string        `json:"reason"`          // scheduled, compromised, lost
	Since  int64         `json:"since,omitempty"` // compromised: µs UTC from which its signatures are in doubt
}

// Application is a maker's request for a certificate.
type Application struct {
	ID        string            `json:"id"`
	Entity    string            `json:"entity"`
	Scheme    string            `json:"scheme"`
	Level     string            `json:"level"`
	Evidence  json.RawMessage   `json:"evidence,omitempty"` // evidence file as JSON
	Requests  []StandingRequest `json:"requests,omitempty"`
	State     string            `json:"state"` // submitted, returned, complete, evaluated, granted, refused, withdrawn
	Missing   []string          `json:"missing,omitempty"`
	Language  string            `json:"language,omitempty"` // the holder's
	Act       string            `json:"act,omitempty"`
	Cert      string            `json:"certificate,omitempty"`
	PublishAt int64             `json:"publish_at,omitempty"`
	Version   int64             `json:"version"`
	Created   int64             `json:"created"`
	Updated   int64             `json:"updated"`
}

// StandingRequest asks for a designation in a target scheme. What is personal
// or commercial in it stays beside the log.
type StandingRequest struct {
	Scheme      string            `json:"scheme"`
	Models      []string          `json:"models,omitempty"`
	Names       map[string]string `json:"names,omitempty"` // model here to name there
	Declaration bool              `json:"declaration_accepted"`
	Consent     bool              `json:"share_file"`
	Contact     string            `json:"contact,omitempty"`
	Payer       string            `json:"payer,omitempty"`
}

// Evaluation is the evaluator's recommendation.
type Evaluation struct {
	Recommend string `json:"recommend"` // grant or refuse
	Level     string `json:"level,omitempty"`
	Reason    string `json:"reason"` // coded
	Remarks   string `json:"remarks,omitempty"`
}

// Case is something that waits for a person.
type Case struct {
	ID       string               `json:"id"`
	Kind     string               `json:"kind"`   // review, prepared, waiting, delta, restore, sample, doubt
	State    string               `json:"state"`  // open, decided, moot
	Office   string               `json:"office"` // source
	Source   string               `json:"source"`
	Clause   string               `json:"clause"`
	Scheme   string               `json:"scheme"`
	Level    string               `json:"level"`
	Outcome  *recognition.Outcome `json:"outcome,omitempty"`
	Why      string               `json:"why"`               // rule id of the reason that put it here
	Subject  string               `json:"subject,omitempty"` // the designation it is about
	Created  int64                `json:"created"`
	Decision string               `json:"decision,omitempty"`
	Act      string               `json:"act,omitempty"`
	Version  int64                `json:"version"`
}

// Alarm is something an officer must see. It stays until somebody clears it.
type Alarm struct {
	ID      int64             `json:"id"`
	At      int64             `json:"at"`
	Kind    string            `json:"kind"` // fork, shrunk, rejected, brake, backdated, silent, vanished, clock-back, …
	Site    string            `json:"site,omitempty"`
	Subject string            `json:"subject,omitempty"`
	Data    map[string]string `json:"data,omitempty"`
	Count   int64             `json:"count"` // how often since it was raised
	Cleared int64             `json:"cleared,omitempty"`
}

// Entry is a line of the register.
type Entry struct {
	Certificate *certificate.Certificate `json:"certificate"`
	Standing    certificate.Standing     `json:"standing"`
	Index       int64                    `json:"index"`
	Leaf        certificate.Digest       `json:"leaf"`
	Stage       Stage                    `json:"stage"`
	Stale       bool                     `json:"stale"` // the peer it rests on is silent past its bound
}

// Answer is what the office says of one certificate: state at T as known at K.
type Answer struct {
	Entry
	At         int64               `json:"at"`
	Known      int64               `json:"known"`
	AsOf       int64               `json:"as_of"`
	NextChange int64               `json:"next_change,omitempty"`
	Events     []certificate.Event `json:"events"`
	Outcome    json.RawMessage     `json:"outcome,omitempty"` // designations: the recorded outcome with its reasons
	Abroad     []certificate.Event `json:"abroad,omitempty"`  // designations: what happened to the source, as known here
	Rests      []Link              `json:"rests,omitempty"`   // designations here and known abroad that rest on it
}

// Link names a certificate somewhere.
type Link struct {
	Office string            `json:"office"`
	ID     string            `json:"id"`
	Number string            `json:"number,omitempty"`
	Scheme string            `json:"scheme"`
	Level  string            `json:"level,omitempty"`
	State  certificate.State `json:"state"`
}

// Who answers "who allowed this?".
type Who struct {
	Certificate string                `json:"certificate"`
	Acts        []WhoAct              `json:"acts"`
	Source      *certificate.Ref      `json:"source,omitempty"`
	Request     []certificate.Request `json:"request,omitempty"` // the holder's standing request in the source
}

// WhoAct is one act on the way to a certificate's present state.
type WhoAct struct {
	What   string `json:"what"` // grant, standing-decision, catalog, reading, peer, suspend, …
	Act    Act    `json:"act"`
	Office string `json:"office"`
}

// Query selects from the register. Empty fields select everything.
type Query struct {
	Text   string
	Scheme string
	Level  string
	State  certificate.State
	Holder string
	Office string // of the source, for designations; own grants only: "-"
	After  string // opaque cursor
	Limit  int    // 1 to 200; 0: 50
}

// PeerStatus is how a partner stands.
type PeerStatus struct {
	PeerBody
	Origin      string `json:"origin"`
	Size        int64  `json:"size"`
	Applied     int64  `json:"applied"`
	Heard       int64  `json:"heard"`
	Silent      bool   `json:"silent"`
	Degraded    string `json:"degraded,omitempty"`
	Trouble     string `json:"trouble,omitempty"`
	Rejected    int64  `json:"rejected"`
	Receipt     string `json:"receipt,omitempty"`      // the partner's newest receipt for our log
	ReceiptSize int64  `json:"receipt_size,omitempty"` // entries of our log that it says it applied
	ReceiptAt   int64  `json:"receipt_at,omitempty"`
	Evidence    int    `json:"evidence,omitempty"`
}

// Letter is a decision letter as data, in the languages of the office and the holder.
type Letter struct {
	Act      string                       `json:"act"`
	Decision string                       `json:"decision"`
	Subject  string                       `json:"subject"`
	Date     civil.Date                   `json:"date"`
	Reason   string                       `json:"reason"`
	Text     map[string]map[string]string `json:"text"` // language → part → text
	Remedy   scheme.Text                  `json:"remedy"`
	Until    civil.Date                   `json:"remedy_until,omitzero"`
}
