package scheme

import "assay/civil"

// Arrangement is what authorities agreed on recognizing.
type Arrangement struct {
	ID        string     `yaml:"id" json:"id"`
	Title     Text       `yaml:"title" json:"title"`
	Parties   []string   `yaml:"parties" json:"parties"`     // authority ids
	Documents []string   `yaml:"documents" json:"documents"` // source keys
	Signed    civil.Date `yaml:"signed,omitempty" json:"signed,omitzero"`
	Effective civil.Date `yaml:"effective,omitempty" json:"effective,omitzero"` // left out: not known, so that nothing follows by itself
	Ended     civil.Date `yaml:"ended,omitempty" json:"ended,omitzero"`         // first day on which it is no longer in force
	Clauses   []Clause   `yaml:"clauses" json:"clauses"`
	Fact      `yaml:",inline"`
}

// Clause is one direction of one level correspondence. What its text leaves
// open is left open here: an unnamed category is undetermined, a silent
// instrument is backfilled on request only.
type Clause struct {
	ID            string       `yaml:"id" json:"id"`
	From          Accepts      `yaml:"from" json:"from"`
	To            Gives        `yaml:"to" json:"to"`
	Mode          Mode         `yaml:"mode" json:"mode"`
	ModeFact      Fact         `yaml:"mode_fact" json:"mode_fact"`
	Delta         *Delta       `yaml:"delta,omitempty" json:"delta,omitempty"` // mode delta: what has to be shown besides
	Categories    []InCategory `yaml:"categories" json:"categories"`
	Except        []InCategory `yaml:"except,omitempty" json:"except,omitempty"`
	Exhaustive    bool         `yaml:"exhaustive,omitempty" json:"exhaustive,omitempty"` // the categories are the whole scope; otherwise they are examples, and one that nobody named is undetermined
	Dates         Dates        `yaml:"dates" json:"dates"`
	EditionTested EditionTest  `yaml:"edition_tested,omitempty" json:"edition_tested,omitempty"`
	Basis         Basis        `yaml:"basis,omitempty" json:"basis,omitempty"`
	Legal         Legal        `yaml:"legal" json:"legal"`
	Term          ClauseTerm   `yaml:"term" json:"term"`
	Effects       []EffectOn   `yaml:"effects,omitempty" json:"effects,omitempty"`   // where the table of safe defaults does not hold
	Firmware      string       `yaml:"firmware,omitempty" json:"firmware,omitempty"` // "" or "own": may be wider than the source's
	Fact          `yaml:",inline"`
}

// Accepts is what a clause takes.
type Accepts struct {
	Scheme      string        `yaml:"scheme" json:"scheme"`
	Editions    []string      `yaml:"editions,omitempty" json:"editions,omitempty"` // empty: not pinned
	Levels      []string      `yaml:"levels" json:"levels"`                         // always a list, never "and above"
	Attestation Attestation   `yaml:"attestation,omitempty" json:"attestation,omitempty"`
	Basis       []StandardRef `yaml:"basis,omitempty" json:"basis,omitempty"` // the certificate must rest on one of them; empty: not said
	Kind        SourceKind    `yaml:"kind" json:"kind"`
	Mapping     string        `yaml:"mapping,omitempty" json:"mapping,omitempty"` // "unknown": the text exists, its level correspondence is not public
}

// SourceKind is what kind of thing a clause takes.
type SourceKind string

// Source kinds.
const (
	Registered SourceKind = "registered" // a certificate or label in an authority's register
	DeclaredBy SourceKind = "declared"   // a maker's own published statement
	Private    SourceKind = "private"    // a private body's mark
)

// Gives is what a clause leads to.
type Gives struct {
	Scheme string   `yaml:"scheme" json:"scheme"`
	Level  string   `yaml:"level,omitempty" json:"level,omitempty"`   // left out where a duty counts as met, or where no text says which
	Duties []string `yaml:"duties,omitempty" json:"duties,omitempty"` // mode deemed: the duties counted as met
}

// Mode is how a clause takes effect. Where a text allows two, the weaker.
type Mode string

// Modes.
const (
	Deemed     Mode = "deemed"     // a duty counts as met; no certificate, number or label
	Equivalent Mode = "equivalent" // a designation without new tests
	Simplified Mode = "simplified" // a filled-in application that a person decides
	DeltaMode  Mode = "delta"      // equivalent once the listed extra requirements are shown
)

// Delta lists what has to be shown besides.
type Delta struct {
	Requirements []RequirementRef `yaml:"requirements,omitempty" json:"requirements,omitempty"`
	Unknown      bool             `yaml:"unknown,omitempty" json:"unknown,omitempty"` // the list is not public: the receiving office states it case by case
	Fact         `yaml:",inline"`
}

// Dates is when a clause applies.
type Dates struct {
	Tests    DateTest   `yaml:"tests" json:"tests"`
	From     civil.Date `yaml:"from" json:"from"`
	Until    civil.Date `yaml:"until,omitempty" json:"until,omitzero"` // last day
	Backfill Backfill   `yaml:"backfill,omitempty" json:"backfill,omitempty"`
	Fact     `yaml:",inline"`
}

// DateTest is which date has to lie in the clause's time.
type DateTest string

// Date tests.
const (
	SourceGrant  DateTest = "source-grant"
	SourceEffect DateTest = "source-effect"
	RequestHere  DateTest = "request"
	Designation  DateTest = "designation"
)

// Backfill says what happens to certificates granted before the clause.
type Backfill string

// Backfills; a silent instrument is OnRequest.
const (
	BackfillNone Backfill = "none"
	OnRequest    Backfill = "on-request"
	BackfillAll  Backfill = "all"
)

// EditionTest is which edition of the source scheme a pin is held against.
type EditionTest string

// Edition tests; the default is the edition of the certificate's grant.
const (
	EditionAtGrant EditionTest = "at-grant"
	EditionNow     EditionTest = "in-force-now"
)

// Basis says whether a designation may be the source of another.
type Basis string

// Bases; the default is Granted: no silent chain.
const (
	Granted             Basis = "granted"
	GrantedOrRecognized Basis = "granted-or-recognized"
)

// Legal is the ground on which the receiving office acts. It limits the
// policies that the office may choose; without a ground found it is review.
type Legal struct {
	Found      bool      `yaml:"found" json:"found"`
	Text       Text      `yaml:"text,omitempty" json:"text,omitempty"`
	Character  Character `yaml:"character,omitempty" json:"character,omitempty"`
	CountsFor  []string  `yaml:"counts_for,omitempty" json:"counts_for,omitempty"`
	NotFor     []string  `yaml:"not_for,omitempty" json:"not_for,omitempty"`
	NeedsFirst []Need    `yaml:"needs_first,omitempty" json:"needs_first,omitempty"`
	Fact       `yaml:",inline"`
}

// Character of the receiving office's step.
type Character string

// Characters.
const (
	AdministrativeAct Character = "administrative-act"
	Listing           Character = "listing"
	DutyMetByLaw      Character = "duty-met-by-law"
)

// Need is what has to be there before a designation can be.
type Need string

// Needs.
const (
	NeedApplication Need = "application"
	NeedFee         Need = "fee"
	NeedDeclaration Need = "declaration"
	NeedHearing     Need = "hearing"
)

// ClauseTerm is how long a designation runs.
type ClauseTerm struct {
	Start  TermStart `yaml:"start" json:"start"`
	Bounds []Bound   `yaml:"bounds" json:"bounds"`
	Fact   `yaml:",inline"`
}

// TermStart is the day a designation's years are counted from.
type TermStart string

// Term starts.
const (
	FromSourceGrant TermStart = "source-grant"
	FromDesignation TermStart = "designation"
)

// EventKind is something that happens to a certificate, or to what it stands
// on, after its grant.
type EventKind string

// Events. Every one has a row in the table of effects.
const (
	Suspended        EventKind = "suspended"
	Reinstated       EventKind = "reinstated"
	Revoked          EventKind = "revoked"
	Annulled         EventKind = "annulled" // undone from the start: the only event that acts back
	Surrendered      EventKind = "surrendered"
	Expired          EventKind = "expired"
	Extended         EventKind = "extended"
	Renewed          EventKind = "renewed"
	Superseded       EventKind = "superseded"
	LevelUp          EventKind = "level-up"
	LevelDown        EventKind = "level-down"
	ScopeGrown       EventKind = "scope-grown"
	ScopeCut         EventKind = "scope-cut"
	Corrected        EventKind = "corrected"
	Transferred      EventKind = "transferred"
	SchemeClosed     EventKind = "scheme-closed"
	ArrangementEnded EventKind = "arrangement-ended"
	KeyCompromised   EventKind = "key-compromised"
	Silence          EventKind = "silence"
	Lapsed           EventKind = "lapsed" // a designation's own source ended
	Held             EventKind = "held"
	Released         EventKind = "released"
)

// Effect is what a source event does to a designation.
type Effect string

// Effects.
const (
	Notice          Effect = "notice" // told, nothing changes
	Hold            Effect = "hold"   // answers "held" until a person has looked
	Suspend         Effect = "suspend"
	Lapse           Effect = "lapse"
	Follow          Effect = "follow" // takes over what changed (closes what the source opened, the new term, the new scope)
	KeepUntilExpiry Effect = "keep-until-expiry"
	EndOnDate       Effect = "end-on-date"
)

// EffectOn is a row of a clause's table of effects.
type EffectOn struct {
	On     EventKind  `yaml:"on" json:"on"`
	Effect Effect     `yaml:"effect" json:"effect"`
	Date   civil.Date `yaml:"date,omitempty" json:"date,omitzero"` // EndOnDate: the last day
	Fact   `yaml:",inline"`
}

// Market is where things are sold, with what has to be there for it.
type Market struct {
	ID        string       `yaml:"id" json:"id"`
	Territory string       `yaml:"territory" json:"territory"`
	Zone      string       `yaml:"zone" json:"zone"`
	Name      Text         `yaml:"name" json:"name"`
	Rules     []MarketRule `yaml:"rules" json:"rules"`
}

// MarketRule is a duty before sale.
type MarketRule struct {
	ID          string       `yaml:"id" json:"id"`
	Categories  []InCategory `yaml:"categories" json:"categories"`
	Except      []InCategory `yaml:"except,omitempty" json:"except,omitempty"` // a product with such a function is free of the duty
	From        civil.Date   `yaml:"from" json:"from"`
	Until       civil.Date   `yaml:"until,omitempty" json:"until,omitzero"`          // last day
	Announced   bool         `yaml:"announced,omitempty" json:"announced,omitempty"` // no instrument in force yet: From is what was announced
	Scheme      string       `yaml:"scheme" json:"scheme"`
	Levels      []string     `yaml:"levels" json:"levels"`                     // any of them will do
	Deemed      bool         `yaml:"deemed,omitempty" json:"deemed,omitempty"` // so will the scheme's duty counted as met (Mode Deemed), which has no level
	Beside      []Beside     `yaml:"beside,omitempty" json:"beside,omitempty"`
	SellThrough *SellThrough `yaml:"sell_through,omitempty" json:"sell_through,omitempty"`
	Text        Text         `yaml:"text" json:"text"`
	Fact        `yaml:",inline"`
}

// Beside is a duty that the label does not replace.
type Beside struct {
	ID   string `yaml:"id" json:"id"`
	Text Text   `yaml:"text" json:"text"`
	Fact `yaml:",inline"`
}

// SellThrough lets older approved models be sold for a while.
type SellThrough struct {
	ApprovedBefore civil.Date `yaml:"approved_before" json:"approved_before"`
	Until          civil.Date `yaml:"until" json:"until"` // last day
	Fact           `yaml:",inline"`
}
