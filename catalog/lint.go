package catalog

import (
	"cmp"
	"slices"
	"strings"

	"assay/scheme"
)

// Severity of a finding.
type Severity string

// A catalog with an error is not fit to be adopted; a warning is worth a
// person's look before; a note states what a reader should know.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is what a rule found at one place.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Path     string   `json:"path"` // file, and the way to the place in it
	Message  string   `json:"message"`
	Hint     string   `json:"hint"` // what to do
}

// Rule is one thing that Lint looks for.
type Rule struct {
	ID       string
	Severity Severity // of its findings, unless it says otherwise
	Hint     string
	check    func(*linter)
}

// Rules is the table of rules, in the order in which they run.
func Rules() []Rule { return slices.Clone(rules) }

var rules = []Rule{
	{"id-form", Error, "use lower-case letters, digits, '-', '.' and '/'; a clause or market rule starts with the id of its file", (*linter).idForm},
	{"duplicate-id", Error, "give one of them another id, or drop it", (*linter).duplicateID},
	{"unknown-value", Error, "use one of the values of the schema", (*linter).unknownValue},
	{"fact-without-source", Error, "say where it comes from; a reading of our own has a source too", (*linter).factWithoutSource},
	{"dangling-source", Error, "add the document to sources.yaml", (*linter).danglingSource},
	{"unused-source", Note, "drop it from sources.yaml, or point at it", (*linter).unusedSource},
	{"missing-language", Error, "write the text in every language of the project", (*linter).missingLanguage},
	{"dangling-reference", Error, "name something that the catalog has, or add it", (*linter).danglingReference},
	{"feature-conflict", Error, "ask the same question wherever a feature has the same id", (*linter).featureConflict},
	{"condition-form", Error, "set exactly one of all, any, not, feature", (*linter).conditionForm},
	{"category-cycle", Error, "let every category end at a root", (*linter).categoryCycle},
	{"unknown-zone", Error, "name an IANA time zone, e.g. Asia/Seoul", (*linter).unknownZone},
	{"date-order", Error, "put the earlier day first", (*linter).dateOrder},
	{"edition-overlap", Error, "end an edition the day before the next one starts", (*linter).editionOverlap},
	{"term-bounds", Error, "give every term at least one bound that can end it", (*linter).termBounds},
	{"level-order", Error, "list levels lowest first, the same way in editions and profiles", (*linter).levelOrder},
	{"requirement-twice", Warning, "ask at the lowest level only: the ones above contain it", (*linter).requirementTwice},
	{"recommendation", Warning, "say binding: true where the scheme makes it a duty", (*linter).recommendation},
	{"number-form", Error, "use {serial} and the tokens that scheme.Number names", (*linter).numberForm},
	{"fee-form", Error, "write a decimal amount with an ISO 4217 currency, or no amount", (*linter).feeForm},
	{"clause-form", Error, "fill in what the mode needs, and nothing that it does not use", (*linter).clauseForm},
	{"legal-ground", Error, "a ground found has a text and a character; without one there is neither", (*linter).legalGround},
	{"clause-never-applies", Error, "correct the clause, or end it", (*linter).clauseNeverApplies},
	{"closed-target", Note, "nothing to do: the clause applies again if the scheme opens", (*linter).closedTarget},
	{"basis-conflict", Warning, "pin the basis standard of both clauses", (*linter).basisConflict},
	{"recognition-loop", Note, "nothing to do while every clause takes granted certificates only", (*linter).recognitionLoop},
	{"test-form", Error, "name tables, fields, values, units and requirements that the specification and its standard have", (*linter).testForm},
	{"mapping-form", Error, "relate requirements that both editions have, each once, and say who says so", (*linter).mappingForm},
	{"mapping-weak", Warning, "call the relation subset or intersects, neither of which carries evidence", (*linter).mappingWeak},
	{"laboratory-form", Error, "give its keys as base64 SubjectPublicKeyInfo (ECDSA, P-256), days in order, and what each scope covers", (*linter).laboratoryForm},
	{"no-laboratory", Note, "nothing to do, or add a laboratory that the scheme approved", (*linter).noLaboratory},
	{"guidance-form", Error, "name a level and categories that the edition has", (*linter).guidanceForm},
	{"market-form", Error, "name the levels that will do, and days in order", (*linter).marketForm},
}

// Lint holds the data of a catalog against each other. Findings come worst
// first, then by rule and place.
func Lint(c *scheme.Catalog) []Finding {
	l := &linter{c: c, tax: scheme.NewTaxonomy(c.Categories)}
	for i := range rules {
		l.rule = &rules[i]
		l.rule.check(l)
	}
	rank := []Severity{Error, Warning, Note}
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(slices.Index(rank, a.Severity)-slices.Index(rank, b.Severity), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path))
	})
	return l.found
}

// Worst is the worst severity among findings, "" for none.
func Worst(fs []Finding) Severity {
	var w Severity
	for _, f := range fs {
		if f.Severity == Error || w == "" || w == Note {
			w = f.Severity
		}
	}
	return w
}

type linter struct {
	c     *scheme.Catalog
	tax   *scheme.Taxonomy
	rule  *Rule
	found []Finding
}

func (l *linter) add(path, message string) { l.addAs(l.rule.Severity, path, message) }

func (l *linter) addAs(s Severity, path, message string) {
	l.found = append(l.found, Finding{l.rule.ID, s, strings.TrimSuffix(path, ": "), message, l.rule.Hint})
}

func schemePath(s *scheme.Scheme) string { return "schemes/" + s.ID + ".yaml" }

func editionPath(s *scheme.Scheme, e *scheme.Edition) string {
	return schemePath(s) + ": editions/" + e.ID
}

func clausePath(a *scheme.Arrangement, c *scheme.Clause) string {
	return "arrangements/" + a.ID + ".yaml: clauses/" + c.ID
}

// eachEdition and eachClause call f for all of the catalog's.
func (l *linter) eachEdition(f func(*scheme.Scheme, *scheme.Edition)) {
	for i := range l.c.Schemes {
		s := &l.c.Schemes[i]
		for j := range s.Editions {
			f(s, &s.Editions[j])
		}
	}
}

func (l *linter) eachClause(f func(*scheme.Arrangement, *scheme.Clause)) {
	for i := range l.c.Arrangements {
		a := &l.c.Arrangements[i]
		for j := range a.Clauses {
			f(a, &a.Clauses[j])
		}
	}
}
