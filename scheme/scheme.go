// Package scheme has the rules as data: standards, certification schemes,
// recognition arrangements and market rules, in the words of the ISO/IEC
// 17000 family. It holds the types, how a condition and a product category
// are decided, and nothing that reads a file or a clock.
package scheme

import (
	"assay/civil"
)

// Text is one text in several languages: BCP 47 language to text.
type Text map[string]string

// In returns the text in the first of langs that it has, then in English,
// then in any language, then "".
func (t Text) In(langs ...string) string {
	for _, l := range langs {
		if s := t[l]; s != "" {
			return s
		}
	}
	if s := t["en"]; s != "" {
		return s
	}
	for _, s := range t {
		return s
	}
	return ""
}

// Confidence says how well a fact is known. The zero value is Unverified, so
// that a fact that says nothing is trusted with nothing.
type Confidence uint8

// Confidences, worst first: a chain of facts is as good as its least one.
const (
	Unverified Confidence = iota // from memory, no source found
	Inferred                     // a reading; no source says it in words
	Mirror                       // a copy or translation of an official text
	Secondary                    // press, law firm, laboratory
	Official                     // the text itself or its official release
)

// Fact is where a statement of the catalog comes from.
type Fact struct {
	Source     string     `yaml:"source" json:"source,omitempty"` // a key of Catalog.Sources
	Confidence Confidence `yaml:"confidence" json:"confidence"`
	Note       string     `yaml:"note,omitempty" json:"note,omitempty"` // what a reader has to know to weigh it
}

// Source is a document that facts point at.
type Source struct {
	Title string     `yaml:"title" json:"title"`
	URL   string     `yaml:"url,omitempty" json:"url,omitempty"`
	Date  civil.Date `yaml:"date,omitempty" json:"date,omitzero"` // of the document
	Read  civil.Date `yaml:"read,omitempty" json:"read,omitzero"` // when it was read for this catalog
}

// Catalog is everything an office decides with. It only offers: what is in
// force is the digest that the office adopted by an act.
type Catalog struct {
	Digest       string            `yaml:"-" json:"digest"` // lower-case hex SHA-256 over the catalog's files, see package catalog
	Sources      map[string]Source `yaml:"sources" json:"sources"`
	Categories   []Category        `yaml:"categories" json:"categories"`
	Standards    []Standard        `yaml:"standards" json:"standards"`
	Tests        []TestSpec        `yaml:"tests" json:"tests,omitempty"`
	Mappings     []Mapping         `yaml:"mappings" json:"mappings,omitempty"`
	Laboratories []Lab             `yaml:"laboratories" json:"laboratories,omitempty"`
	Schemes      []Scheme          `yaml:"schemes" json:"schemes"`
	Arrangements []Arrangement     `yaml:"arrangements" json:"arrangements"`
	Markets      []Market          `yaml:"markets" json:"markets"`
}

// Scheme finds a scheme by id; nil where the catalog has none.
func (c *Catalog) Scheme(id string) *Scheme {
	for i := range c.Schemes {
		if c.Schemes[i].ID == id {
			return &c.Schemes[i]
		}
	}
	return nil
}

// Standard finds a standard by id; nil where the catalog has none.
func (c *Catalog) Standard(id string) *Standard {
	for i := range c.Standards {
		if c.Standards[i].ID == id {
			return &c.Standards[i]
		}
	}
	return nil
}

// Clause finds a clause by its id, which is unique over all arrangements.
func (c *Catalog) Clause(id string) (*Arrangement, *Clause) {
	for i := range c.Arrangements {
		a := &c.Arrangements[i]
		for j := range a.Clauses {
			if a.Clauses[j].ID == id {
				return a, &a.Clauses[j]
			}
		}
	}
	return nil, nil
}

// Standard is a set of requirements by edition. A scheme's own criteria are a
// standard too, so that requirements live in one place only.
type Standard struct {
	ID        string            `yaml:"id" json:"id"` // e.g. en-303-645
	Title     Text              `yaml:"title" json:"title"`
	Publisher string            `yaml:"publisher" json:"publisher"`
	Features  []Feature         `yaml:"features,omitempty" json:"features,omitempty"`
	Areas     []Area            `yaml:"areas,omitempty" json:"areas,omitempty"` // in the standard's order
	Editions  []StandardEdition `yaml:"editions,omitempty" json:"editions"`     // those not in files of their own
	Fact      `yaml:",inline"`
}

// Area is a part of a standard that requirements stand in, by
// Requirement.Area. An area that has no entry is titled by its id.
type Area struct {
	ID    string `yaml:"id" json:"id"` // as Requirement.Area writes it
	Title Text   `yaml:"title" json:"title"`
}

// Edition finds an edition by id; nil where there is none.
func (s *Standard) Edition(id string) *StandardEdition {
	for i := range s.Editions {
		if s.Editions[i].ID == id {
			return &s.Editions[i]
		}
	}
	return nil
}

// Area finds an area by id; nil where the standard gives it no title.
func (s *Standard) Area(id string) *Area {
	for i := range s.Areas {
		if s.Areas[i].ID == id {
			return &s.Areas[i]
		}
	}
	return nil
}

// Feature is something a product has or has not and on which requirements
// depend (EN 303 645 Annex B: conditions and features).
type Feature struct {
	ID       string `yaml:"id" json:"id"`
	Question Text   `yaml:"question" json:"question"`
	Fact     `yaml:",inline"`
}

// StandardEdition is one edition's requirements.
type StandardEdition struct {
	ID           string        `yaml:"id" json:"id"` // e.g. 2.1.1
	Published    civil.Date    `yaml:"published,omitempty" json:"published,omitzero"`
	Requirements []Requirement `yaml:"requirements" json:"requirements"`
	Fact         `yaml:",inline"`
}

// Requirement finds a requirement by id; nil where the edition has none.
func (e *StandardEdition) Requirement(id string) *Requirement {
	for i := range e.Requirements {
		if e.Requirements[i].ID == id {
			return &e.Requirements[i]
		}
	}
	return nil
}

// Status of a requirement in its standard.
type Status string

// The two statuses of EN 303 645 Annex B.
const (
	Mandatory   Status = "mandatory"
	Recommended Status = "recommended"
)

// Requirement is one requirement; an EN 303 645 provision is one.
type Requirement struct {
	ID     string     `yaml:"id" json:"id"`
	Status Status     `yaml:"status" json:"status"`
	When   *Condition `yaml:"when,omitempty" json:"when,omitempty"` // nil: applies to every product
	Text   Text       `yaml:"text" json:"text"`                     // a paraphrase, never the standard's sentence
	Area   string     `yaml:"area,omitempty" json:"area,omitempty"` // its id in Standard.Areas
	// Contents is what evidence for it must contain, each item covered by an
	// artifact that says so; for life-cycle processes and penetration tests.
	Contents []Content `yaml:"contents,omitempty" json:"contents,omitempty"`
	Fact     `yaml:",inline"`
}

// Content is one thing that the evidence for a requirement must contain.
type Content struct {
	ID       string `yaml:"id" json:"id"`
	Text     Text   `yaml:"text" json:"text"`
	Optional bool   `yaml:"optional,omitempty" json:"optional,omitempty"` // worth having, not asked for
	Fact     `yaml:",inline"`
}

// StandardRef names an edition of a standard; an empty Edition is any.
type StandardRef struct {
	Standard string `yaml:"standard" json:"standard"`
	Edition  string `yaml:"edition,omitempty" json:"edition,omitempty"`
}

// RequirementRef names one requirement of one edition.
type RequirementRef struct {
	Standard    string `yaml:"standard" json:"standard"`
	Edition     string `yaml:"edition" json:"edition"`
	Requirement string `yaml:"requirement" json:"requirement"`
}

// String is standard@edition/requirement.
func (r RequirementRef) String() string { return r.Standard + "@" + r.Edition + "/" + r.Requirement }

// Attestation kinds (ISO/IEC 17000:2020, 7.3 to 7.6).
type Attestation string

// A declaration is by the maker (first party); third party is a body's own
// conclusion from a test or an evaluation.
const (
	Declaration Attestation = "declaration"
	ThirdParty  Attestation = "third-party"
)

// Scheme is a certification or labeling scheme of one authority.
type Scheme struct {
	ID          string      `yaml:"id" json:"id"` // e.g. xx-label
	Name        Text        `yaml:"name" json:"name"`
	Authority   string      `yaml:"authority" json:"authority"` // the body's id, which an office takes as its own
	AuthorityIn Text        `yaml:"authority_name" json:"authority_name"`
	Territory   string      `yaml:"territory" json:"territory"` // ISO 3166-1 alpha-2
	Zone        string      `yaml:"zone" json:"zone"`           // IANA time zone in which its terms run
	Languages   []string    `yaml:"languages" json:"languages"`
	Noun        Text        `yaml:"noun" json:"noun"`             // what it issues: a certificate, a label
	Disclaimer  Text        `yaml:"disclaimer" json:"disclaimer"` // what the thing is not
	State       SchemeState `yaml:"state" json:"state"`
	Closed      civil.Date  `yaml:"closed,omitempty" json:"closed,omitzero"` // first day on which nothing new is issued; zero with state closed: day not known
	Number      Number      `yaml:"number" json:"number"`
	Remedy      Remedy      `yaml:"remedy" json:"remedy"`
	Approves    bool        `yaml:"approves_laboratories,omitempty" json:"approves_laboratories,omitempty"` // a laboratory's result counts only if the scheme approved the laboratory
	Editions    []Edition   `yaml:"editions" json:"editions"`
	Fact        `yaml:",inline"`
}

// SchemeState says whether a scheme issues.
type SchemeState string

// Scheme states.
const (
	Open   SchemeState = "open"
	Closed SchemeState = "closed" // issues nothing new; what was issued runs out
)

// Number is how a scheme numbers what it issues. In Format stand
// {serial}, {year}, {expiry:DDMMYY}, {level}; a format with the expiry in it means that a changed
// expiry is a new number.
type Number struct {
	Format string `yaml:"format" json:"format"`
	Width  int    `yaml:"width,omitempty" json:"width,omitempty"` // zero-padded digits of the serial
	Fact   `yaml:",inline"`
}

// Remedy is how a decision can be challenged, and until when.
type Remedy struct {
	Text Text `yaml:"text" json:"text"`
	Days int  `yaml:"days,omitempty" json:"days,omitempty"` // calendar days from notification; 0: not known
	Fact `yaml:",inline"`
}

// Edition finds an edition by id; nil where there is none.
func (s *Scheme) Edition(id string) *Edition {
	for i := range s.Editions {
		if s.Editions[i].ID == id {
			return &s.Editions[i]
		}
	}
	return nil
}

// EditionOn is the edition in force on day for a product of category
// functions; nil where none is. The day is one of the scheme's own zone.
func (s *Scheme) EditionOn(day civil.Date) *Edition {
	for i := range s.Editions {
		if e := &s.Editions[i]; e.InForce(day) {
			return e
		}
	}
	return nil
}

// Edition is a scheme as it stood between two days.
type Edition struct {
	ID         string        `yaml:"id" json:"id"`
	From       civil.Date    `yaml:"from" json:"from"`
	Until      civil.Date    `yaml:"until,omitempty" json:"until,omitzero"`            // last day; zero: still in force
	DatesFact  *Fact         `yaml:"dates_fact,omitempty" json:"dates_fact,omitempty"` // how well the two days are known, where less well than the rest
	Bases      []StandardRef `yaml:"bases" json:"bases"`
	Categories []InCategory  `yaml:"categories" json:"categories"` // what it takes
	Except     []InCategory  `yaml:"except,omitempty" json:"except,omitempty"`
	Exhaustive bool          `yaml:"exhaustive,omitempty" json:"exhaustive,omitempty"` // the categories are the whole scope: a product of which no function is named is out, not undetermined
	Levels     []Level       `yaml:"levels" json:"levels"`                             // lowest first; each adds to the one before
	Profiles   []Profile     `yaml:"profiles,omitempty" json:"profiles,omitempty"`
	Term       []Bound       `yaml:"term" json:"term"` // the earliest wins
	Extension  *Extension    `yaml:"extension,omitempty" json:"extension,omitempty"`
	Firmware   FirmwareRule  `yaml:"firmware" json:"firmware"`
	Fees       []Fee         `yaml:"fees,omitempty" json:"fees,omitempty"`
	Followup   []Clock       `yaml:"followup,omitempty" json:"followup,omitempty"`
	Guidance   []Advice      `yaml:"guidance,omitempty" json:"guidance,omitempty"`
	Fact       `yaml:",inline"`
}

// InForce reports whether the edition is in force on day.
func (e *Edition) InForce(day civil.Date) bool {
	return day >= e.From && (e.Until == 0 || day <= e.Until)
}

// Takes decides whether the edition takes a product with these functions, as
// [Taxonomy.Scope] does. Where the categories are the whole scope, a product
// is out if no function of it is named, nor wider than one that is.
func (e *Edition) Takes(t *Taxonomy, functions []string) (a Answer, fact *Fact, hit string) {
	a, fact, hit = t.Scope(functions, e.Categories, e.Except)
	if a != Undetermined || !e.Exhaustive || len(functions) == 0 {
		return a, fact, hit
	}
	for _, f := range functions {
		for i := range e.Categories {
			if c := e.Categories[i].Category; !t.Known(f) || t.Within(f, c) || t.Within(c, f) {
				return a, fact, hit
			}
		}
	}
	return No, &e.Fact, functions[0]
}

// Level finds a level by id; nil where there is none.
func (e *Edition) Level(id string) *Level {
	if i := e.Rank(id); i >= 0 {
		return &e.Levels[i]
	}
	return nil
}

// Rank is the position of a level, lowest 0; -1 where there is none.
func (e *Edition) Rank(id string) int {
	for i := range e.Levels {
		if e.Levels[i].ID == id {
			return i
		}
	}
	return -1
}

// Level is a step of a scheme. It asks for all that the levels before it ask
// for, and for Adds.
type Level struct {
	ID          string      `yaml:"id" json:"id"`
	Name        Text        `yaml:"name" json:"name"`
	Attestation Attestation `yaml:"attestation" json:"attestation"`
	Adds        []Adds      `yaml:"adds,omitempty" json:"adds,omitempty"`
	Fact        `yaml:",inline"`
}

// Profile replaces what levels add, for the categories that it names (a home
// gateway has its own list). Its levels carry the ids of the edition's.
type Profile struct {
	ID         string       `yaml:"id" json:"id"`
	Categories []InCategory `yaml:"categories" json:"categories"`
	Levels     []Level      `yaml:"levels" json:"levels"`
	Fact       `yaml:",inline"`
}

// Adds is a group of requirements shown in one way by one kind of body.
type Adds struct {
	Standard     string     `yaml:"standard" json:"standard"`
	Edition      string     `yaml:"edition" json:"edition"`
	Requirements []string   `yaml:"requirements" json:"requirements"`
	Method       Method     `yaml:"method" json:"method"`
	By           By         `yaml:"by" json:"by"`
	When         *Condition `yaml:"when,omitempty" json:"when,omitempty"`                     // narrows the requirement's own condition
	Binding      bool       `yaml:"binding,omitempty" json:"binding,omitempty"`               // a recommendation of the standard that this level makes a duty
	MaxAge       int        `yaml:"max_age_months,omitempty" json:"max_age_months,omitempty"` // evidence older than this on the day asked about no longer counts; 0: no bound
	Fact         `yaml:",inline"`
}

// Method is how a requirement must be shown.
type Method string

// Methods, weakest first.
const (
	Declared Method = "declaration" // the maker says so and gives the ground
	Document Method = "document"    // a document is examined
	Test     Method = "test"        // the device is tested
)

// By is who must show it.
type By string

// Who shows a requirement.
const (
	Maker      By = "maker"
	Laboratory By = "laboratory"
)

// Bound is one end of a term; of several the earliest wins.
type Bound struct {
	Kind  BoundKind  `yaml:"kind" json:"kind"`
	Years int        `yaml:"years,omitempty" json:"years,omitempty"`
	Date  civil.Date `yaml:"date,omitempty" json:"date,omitzero"`
	Fact  `yaml:",inline"`
}

// BoundKind says what ends a term.
type BoundKind string

// Bounds of a term.
const (
	YearsFromStart BoundKind = "years"         // start + Years
	SupportEnd     BoundKind = "support-end"   // last day of the maker's support; missing it is a question, never infinity
	SourceExpiry   BoundKind = "source-expiry" // of the certificate that a designation rests on
	OnDate         BoundKind = "date"
)

// Extension says whether a term can be lengthened.
type Extension struct {
	Years         int  `yaml:"years" json:"years"`
	Times         int  `yaml:"times" json:"times"`
	RequestMonths int  `yaml:"request_months,omitempty" json:"request_months,omitempty"` // asked for at least so long before the end
	NewNumber     bool `yaml:"new_number,omitempty" json:"new_number,omitempty"`
	Fact          `yaml:",inline"`
}

// FirmwareRule is which firmware a certificate of the scheme covers.
type FirmwareRule string

// Firmware rules.
const (
	FirmwareListed       FirmwareRule = "listed"                // the versions named
	FirmwareOpenSecurity FirmwareRule = "open-security-updates" // and security updates until a security-relevant change is notified
)

// Fee is what a step costs.
type Fee struct {
	For      string `yaml:"for" json:"for"`
	Level    string `yaml:"level,omitempty" json:"level,omitempty"`
	Amount   string `yaml:"amount,omitempty" json:"amount,omitempty"` // decimal; empty: by time spent
	Currency string `yaml:"currency,omitempty" json:"currency,omitempty"`
	Fact     `yaml:",inline"`
}

// Clock is a deadline of the scheme's follow-up.
type Clock struct {
	For  string `yaml:"for" json:"for"` // e.g. fix-and-report, objection
	Days int    `yaml:"days" json:"days"`
	Fact `yaml:",inline"`
}
