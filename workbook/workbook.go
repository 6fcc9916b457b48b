// Package workbook has the questions of an evidence bundle as a workbook (Office
// Open XML, ECMA-376) that people fill in with any spreadsheet program, and that
// comes back without loss.
//
// A sheet's texts are in one of [Languages]; what it is about stands in a hidden
// row and a hidden column of ids. Reading goes by these alone: columns and rows
// may be moved, sheets renamed and the language is of no account. A hidden sheet
// has what the workbook held when it was written, so that [Merge] can tell what
// people changed from what was changed elsewhere in the meantime.
//
// What it trusts: nothing in a file. [Read] bounds what it unpacks, runs no
// formula and follows no link. Who owns a workbook can answer its questions,
// and nothing else.
package workbook

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// Bounds of a workbook that is read.
const (
	MaxFile     = 16 << 20         // bytes of the file
	MaxUnpacked = 64 << 20         // bytes of all its parts
	MaxPart     = 32 << 20         // bytes of one part, unpacked
	MaxParts    = 2_000            // files in the zip
	MaxSheets   = 200              // sheets
	MaxRows     = evidence.MaxRows // rows of one sheet that say something, as in a bundle
	MaxColumns  = 256              // columns of one sheet
	MaxCell     = 32_767           // UTF-16 units in a cell, the bound of the format
	MaxText     = 16 << 20         // bytes of all cells together
	MaxFindings = 1_000            // findings that are listed; the rest is counted

	maxRatio    = 200    // times that a part may grow when it is unpacked, beyond 1 MiB
	maxAreas    = 10_000 // merged and hidden areas and notes of one sheet
	maxBase     = 2 * evidence.MaxSize
	maxGridRows = MaxRows + 16 // with the head
)

// Questions is what a workbook asks, beside what the evidence already holds.
type Questions struct {
	Functions    []string      // category ids, for a product that has none yet
	Levels       []Level       // that ask, for the guide
	Features     []string      // feature ids
	Requirements []Requirement // for the statement, in order
	Tables       []Table       // IXIT, in order
}

// Level is one that asks.
type Level struct {
	Scheme, Level string
	At            civil.Date // day for which it was asked
}

// String is SCHEME:LEVEL.
func (l Level) String() string { return l.Scheme + ":" + l.Level }

// Requirement is one that is asked for.
type Requirement struct {
	Ref scheme.RequirementRef
	For []string // SCHEME:LEVEL
}

// Table is an IXIT table that is asked for.
type Table struct {
	Spec, ID string // ID@EDITION of a test specification, and the table's id in it
	For      []string
}

// Ask puts together what several levels ask of a product with these functions
// (category ids).
func Ask(functions []string, asked ...*assess.Asked) Questions {
	q := Questions{Functions: functions}
	for _, a := range asked {
		level := Level{a.Scheme.ID, a.Level.ID, a.At}
		q.Levels = append(q.Levels, level)
		for _, f := range a.Features() {
			q.Features = once(q.Features, f)
		}
		for i := range a.Requirements {
			ref := a.Requirements[i].Ref
			j := slices.IndexFunc(q.Requirements, func(r Requirement) bool { return r.Ref == ref })
			if j < 0 {
				j, q.Requirements = len(q.Requirements), append(q.Requirements, Requirement{Ref: ref})
			}
			q.Requirements[j].For = once(q.Requirements[j].For, level.String())
		}
		for _, t := range a.Tables {
			t.Table.When.Features(func(f string) { q.Features = once(q.Features, f) }) // they say whether rows are expected
			j := slices.IndexFunc(q.Tables, func(o Table) bool { return o.Spec == t.Spec.Name() && o.ID == t.Table.ID })
			if j < 0 {
				j, q.Tables = len(q.Tables), append(q.Tables, Table{Spec: t.Spec.Name(), ID: t.Table.ID})
			}
			q.Tables[j].For = once(q.Tables[j].For, level.String())
		}
	}
	return q
}

func once(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Finding is something in a workbook that a person has to look at. One that is
// no warning means that nothing may be taken over from the workbook.
type Finding struct {
	Sheet   string `json:"sheet,omitempty"` // as the tab says; "" is the file as a whole
	Cell    string `json:"cell,omitempty"`  // A1; "" is the sheet as a whole
	Problem string `json:"problem"`         // what is wrong
	Remedy  string `json:"remedy"`          // what to do
	Warning bool   `json:"warning,omitempty"`
}

// String is 'SHEET'!CELL: problem: remedy.
func (f Finding) String() string {
	s := f.Problem + ": " + f.Remedy
	if f.Warning {
		s = "warning: " + s
	}
	switch {
	case f.Cell != "":
		return fmt.Sprintf("'%s'!%s: %s", f.Sheet, f.Cell, s)
	case f.Sheet != "":
		return fmt.Sprintf("'%s': %s", f.Sheet, s)
	}
	return s
}

// Refused reports whether a finding forbids to take the workbook over.
func Refused(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return !f.Warning })
}

// Content is what a workbook says.
type Content struct {
	Lang    string // that it was written in
	Catalog string // digest of the catalog that it was written with
	// Evidence is product, firmware, features, support, statements, IXIT and
	// declaration; a workbook has nothing else. Artifacts that were only named
	// have neither hash nor size.
	Evidence *evidence.Evidence

	now, base []sheet
	cells     map[leaf]Place
	tabs      map[string]string // by sheet id, without a plus sign
}

// Place is a cell, or a sheet.
type Place struct {
	Sheet string `json:"sheet"`          // as the tab says
	Cell  string `json:"cell,omitempty"` // A1; "" is the sheet as a whole
}

// units is a text's length as the format counts it.
func units(s string) int {
	if len(s) <= MaxCell { // each unit takes a byte or more
		return len(s)
	}
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// Ref of a requirement as an id in a sheet; contents add #CONTENT.
func refKey(standard, edition, requirement string) string {
	return scheme.RequirementRef{Standard: standard, Edition: edition, Requirement: requirement}.String()
}

func splitRef(key string) (standard, edition, requirement string, ok bool) {
	name, requirement, ok := strings.Cut(key, "/")
	standard, edition, ok2 := strings.Cut(name, "@")
	return standard, edition, requirement, ok && ok2 && standard != "" && edition != "" && requirement != ""
}
