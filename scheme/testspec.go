package scheme

import (
	"assay/civil"
	"fmt"
	"slices"
	"strings"
)

// TestSpec is a test specification as data: how conformity to one edition of
// a standard is assessed, in the terms of ETSI TS 103 701 (IXIT tables, test
// groups, cases and units). Texts are paraphrases.
type TestSpec struct {
	ID        string      `yaml:"id" json:"id"`           // e.g. ts-103-701
	Edition   string      `yaml:"edition" json:"edition"` // e.g. 1.1.1
	Title     Text        `yaml:"title" json:"title"`
	Publisher string      `yaml:"publisher" json:"publisher"`
	Published civil.Date  `yaml:"published,omitempty" json:"published,omitzero"`
	Assesses  StandardRef `yaml:"assesses" json:"assesses"`
	Tables    []Table     `yaml:"tables" json:"tables"`
	Groups    []TestGroup `yaml:"groups" json:"groups"`
	Checks    []Check     `yaml:"checks,omitempty" json:"checks,omitempty"`
	Fact      `yaml:",inline"`
}

// Name is ID@EDITION.
func (s *TestSpec) Name() string { return s.ID + "@" + s.Edition }

// Table finds an IXIT table by id; nil where there is none.
func (s *TestSpec) Table(id string) *Table {
	for i := range s.Tables {
		if s.Tables[i].ID == id {
			return &s.Tables[i]
		}
	}
	return nil
}

// Group finds the test group of a requirement; nil where there is none.
func (s *TestSpec) Group(requirement string) *TestGroup {
	for i := range s.Groups {
		if s.Groups[i].Requirement == requirement {
			return &s.Groups[i]
		}
	}
	return nil
}

// Table is one IXIT table (implementation extra information for testing): what
// a maker states about a kind of thing, a row for each.
type Table struct {
	ID     string      `yaml:"id" json:"id"`         // lower case, the same in every edition: auth-mech
	Name   string      `yaml:"name" json:"name"`     // as that edition writes it: AuthMech
	Number int         `yaml:"number" json:"number"` // in that edition
	Title  Text        `yaml:"title,omitempty" json:"title,omitempty"`
	Help   Text        `yaml:"help,omitempty" json:"help,omitempty"`     // what belongs in it
	Single bool        `yaml:"single,omitempty" json:"single,omitempty"` // one row only
	When   *Condition  `yaml:"when,omitempty" json:"when,omitempty"`     // features that make rows expected; nil: always
	Shows  []Shows     `yaml:"shows,omitempty" json:"shows,omitempty"`   // features that a row says the product has
	Fields []Field     `yaml:"fields,omitempty" json:"fields,omitempty"`
	SameAs *SameInSpec `yaml:"same_as,omitempty" json:"same_as,omitempty"` // resolved by the loader
	Fact   `yaml:",inline"`
}

// Shows is a feature that the product has where a row meets Where. A product
// that says it has not contradicts itself.
type Shows struct {
	Feature string  `yaml:"feature" json:"feature"`
	Where   []Where `yaml:"where" json:"where"`
}

// Field finds a field by id; nil where there is none.
func (t *Table) Field(id string) *Field {
	for i := range t.Fields {
		if t.Fields[i].ID == id {
			return &t.Fields[i]
		}
	}
	return nil
}

// SameInSpec says that a table, group or check is word for word that of another
// edition of the specification, so that it is written once.
type SameInSpec struct {
	Edition string `yaml:"edition" json:"edition"`
	ID      string `yaml:"id,omitempty" json:"id,omitempty"` // of table or requirement there; empty: the same
}

// Field of a table.
type Field struct {
	ID       string    `yaml:"id" json:"id"` // password-generation
	Title    Text      `yaml:"title" json:"title"`
	Help     Text      `yaml:"help,omitempty" json:"help,omitempty"`
	Kind     FieldKind `yaml:"kind" json:"kind"`
	Choices  []Choice  `yaml:"choices,omitempty" json:"choices,omitempty"`   // kind choice
	Table    string    `yaml:"table,omitempty" json:"table,omitempty"`       // kind rows: whose rows are named
	Optional bool      `yaml:"optional,omitempty" json:"optional,omitempty"` // may be empty where it does not apply
}

// FieldKind is what a field holds.
type FieldKind string

// Kinds of fields.
const (
	FieldText   FieldKind = "text"
	FieldChoice FieldKind = "choice" // the id of one of Choices
	FieldYesNo  FieldKind = "yes-no"
	FieldRows   FieldKind = "rows" // ids of rows of Table, none or several
	FieldDate   FieldKind = "date" // YYYY-MM-DD
)

// Choice is one value of a field.
type Choice struct {
	ID   string `yaml:"id" json:"id"`
	Name Text   `yaml:"name" json:"name"`
}

// TestGroup has the test cases of one requirement (TS 103 701: one group for
// each provision).
type TestGroup struct {
	Requirement string      `yaml:"requirement" json:"requirement"`
	Cases       []TestCase  `yaml:"cases,omitempty" json:"cases,omitempty"`
	SameAs      *SameInSpec `yaml:"same_as,omitempty" json:"same_as,omitempty"` // resolved by the loader
	Fact        `yaml:",inline"`
}

// TestCase is a conceptual case (ICS and IXIT are judged) or a functional one
// (the device is held against them).
type TestCase struct {
	Number  int        `yaml:"number" json:"number"` // 5.1-1-2 is case 2 of group 5.1-1
	Kind    CaseKind   `yaml:"kind" json:"kind"`
	Purpose Text       `yaml:"purpose" json:"purpose"`
	Units   []TestUnit `yaml:"units" json:"units"`
}

// CaseKind is what a case looks at.
type CaseKind string

// Kinds of test cases (TS 103 701 clause 4).
const (
	Conceptual CaseKind = "conceptual"
	Functional CaseKind = "functional"
)

// TestUnit is the smallest thing that gets a verdict: once for the device, or
// once for each row that it iterates over.
type TestUnit struct {
	ID         string     `yaml:"id" json:"id"`     // a, b, c
	Text       Text       `yaml:"text" json:"text"` // what is looked at, and what passes
	Over       *Over      `yaml:"over,omitempty" json:"over,omitempty"`
	Reads      []string   `yaml:"reads,omitempty" json:"reads,omitempty"`   // tables that it looks at as a whole, beside the rows of Over
	Reuses     string     `yaml:"reuses,omitempty" json:"reuses,omitempty"` // CASE/UNIT whose verdict on the same row counts here too
	Automation Automation `yaml:"automation" json:"automation"`
}

// Automation says how far a program can go; what it finds is evidence, and only
// what is automatic may give a verdict by itself.
type Automation string

// Grades of automation.
const (
	Automatic Automation = "automatic" // a program decides and keeps the proof
	Assisted  Automation = "assisted"  // a program collects or compares, a person decides
	Manual    Automation = "manual"    // a person does it
)

// Over names the rows a unit is run on: those of Table that meet all of Where
// and, if Via is there, that a row of another table names.
type Over struct {
	Table string  `yaml:"table" json:"table"`
	Where []Where `yaml:"where,omitempty" json:"where,omitempty"`
	Via   *Via    `yaml:"via,omitempty" json:"via,omitempty"`
}

// Where is met by a row whose field has one of the values; "*" is any value,
// "" is none.
type Where struct {
	Field string   `yaml:"field" json:"field"`
	Is    []string `yaml:"is" json:"is"`
}

// Via narrows to the rows named in Field by those rows of Table that meet Where.
type Via struct {
	Table string  `yaml:"table" json:"table"`
	Field string  `yaml:"field" json:"field"`
	Where []Where `yaml:"where,omitempty" json:"where,omitempty"`
}

// Check is a contradiction that the stated information can be in. It is a
// finding with a place and never a verdict on the device: the requirements
// that it touches cannot be concluded until the statement is corrected.
type Check struct {
	ID           string      `yaml:"id" json:"id"`
	Table        string      `yaml:"table,omitempty" json:"table"`
	Where        []Where     `yaml:"where,omitempty" json:"where,omitempty"`         // the rows looked at
	Via          *Via        `yaml:"via,omitempty" json:"via,omitempty"`             // only those that another table names so
	Needs        []Where     `yaml:"needs,omitempty" json:"needs,omitempty"`         // what they must meet
	Supported    []string    `yaml:"supported,omitempty" json:"supported,omitempty"` // a row looked at contradicts a yes in the ICS for these
	Requirements []string    `yaml:"requirements,omitempty" json:"requirements"`     // that cannot be concluded meanwhile
	Text         Text        `yaml:"text,omitempty" json:"text"`                     // what is wrong
	Remedy       Text        `yaml:"remedy,omitempty" json:"remedy"`                 // what to do
	SameAs       *SameInSpec `yaml:"same_as,omitempty" json:"same_as,omitempty"`     // resolved by the loader; own requirements win
	Fact         `yaml:",inline"`
}

// UnitRef names a unit of a group: 5.1-1-2/a is unit a of case 2 of group 5.1-1.
func UnitRef(requirement string, number int, unit string) string {
	return fmt.Sprintf("%s-%d/%s", requirement, number, unit)
}

// Check finds a contradiction by id; nil where there is none.
func (s *TestSpec) Check(id string) *Check {
	for i := range s.Checks {
		if s.Checks[i].ID == id {
			return &s.Checks[i]
		}
	}
	return nil
}

// Unit finds a unit by its name (see [UnitRef]); nil where there is none.
func (s *TestSpec) Unit(ref string) (*TestGroup, *TestCase, *TestUnit) {
	testCase, unit, _ := strings.Cut(ref, "/")
	cut := strings.LastIndexByte(testCase, '-')
	if cut < 0 {
		return nil, nil, nil
	}
	g := s.Group(testCase[:cut])
	if g == nil {
		return nil, nil, nil
	}
	for i := range g.Cases {
		c := &g.Cases[i]
		if UnitRef(g.Requirement, c.Number, unit) != ref {
			continue
		}
		if j := slices.IndexFunc(c.Units, func(u TestUnit) bool { return u.ID == unit }); j >= 0 {
			return g, c, &c.Units[j]
		}
	}
	return nil, nil, nil
}

// TestSpec finds a specification by ID@EDITION; nil where the catalog has none.
func (c *Catalog) TestSpec(name string) *TestSpec {
	for i := range c.Tests {
		if c.Tests[i].Name() == name {
			return &c.Tests[i]
		}
	}
	return nil
}

// TestSpecOf finds the specification that assesses an edition of a standard;
// nil where the catalog has none.
func (c *Catalog) TestSpecOf(standard, edition string) *TestSpec {
	for i := range c.Tests {
		if a := c.Tests[i].Assesses; a.Standard == standard && a.Edition == edition {
			return &c.Tests[i]
		}
	}
	return nil
}
