package lab

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"assay/evidence"
)

// Judgment is a verdict on one requirement or one test unit, with its scope:
// nobody can take it for more than it is.
type Judgment struct {
	// Requirement is STANDARD/REQUIREMENT, as in en-303-645/5.1-1.
	Requirement string `json:"requirement"`
	// Unit is a test unit of the requirement's test specification (scheme.UnitRef: 5.6-1-3/c),
	// and Row the row of the IXIT that it is about, TABLE/ROW; "" for the requirement as a whole.
	Unit      string           `json:"unit,omitempty"`
	Row       string           `json:"row,omitempty"`
	Verdict   evidence.Verdict `json:"verdict"`
	Ground    []Phrase         `json:"ground"`               // why
	Looked    []Phrase         `json:"looked"`               // at what
	NotLooked []Phrase         `json:"not_looked,omitempty"` // at what not, and why
	Findings  []int            `json:"findings,omitempty"`   // that it rests on, as indexes of the run's sorted list
	Task      *Task            `json:"task,omitempty"`       // what only a person can judge
}

// Task is work that is left to the tester.
type Task struct {
	ID     string   `json:"id"`     // in the run: T1
	Method []Phrase `json:"method"` // what to do, step by step
	Passes Phrase   `json:"passes"` // what would pass
}

// Scope is the scope line: "looked at …; not looked at …".
func (j *Judgment) Scope(language string) string {
	said := func(ps []Phrase) string {
		var all []string
		for _, p := range ps {
			all = append(all, p.In(language))
		}
		return strings.Join(all, ", ")
	}
	if len(j.NotLooked) == 0 {
		return Say("scope.all", said(j.Looked)).In(language)
	}
	return Say("scope.part", said(j.Looked), said(j.NotLooked)).In(language)
}

// Why is the ground in one line.
func (j *Judgment) Why(language string) string {
	var all []string
	for _, p := range j.Ground {
		all = append(all, p.In(language))
	}
	return strings.Join(all, " ")
}

// SortJudgments puts judgments in the order in which they are written, and
// numbers the tasks.
func SortJudgments(js []Judgment) {
	slices.SortStableFunc(js, func(a, b Judgment) int {
		return cmp.Or(cmp.Compare(a.Requirement, b.Requirement), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Row, b.Row))
	})
	n := 0
	for i := range js {
		if js[i].Task != nil {
			n++
			js[i].Task.ID = "T" + strconv.Itoa(n)
		}
	}
}
