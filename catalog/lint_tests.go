package catalog

import (
	"fmt"
	"slices"

	"assay/scheme"
)

// testForm holds the test specifications against themselves and their
// standard: a unit over rows that cannot be, or a requirement that is not,
// would silently test nothing.
func (l *linter) testForm() {
	for i := range l.c.Tests {
		s := &l.c.Tests[i]
		t := &testLinter{linter: l, s: s, path: "tests/" + s.Name() + ".yaml: "}
		if std := l.c.Standard(s.Assesses.Standard); std != nil {
			t.edition = std.Edition(s.Assesses.Edition)
		}
		t.tables()
		t.groups()
		t.checks()
	}
}

type testLinter struct {
	*linter
	s       *scheme.TestSpec
	edition *scheme.StandardEdition // nil: the dangling reference is reported elsewhere
	path    string
}

func (t *testLinter) tables() {
	numbers := map[int]string{}
	for _, table := range t.s.Tables {
		path := t.path + "tables/" + table.ID
		if other, twice := numbers[table.Number]; twice || table.Number < 1 {
			t.add(path, fmt.Sprintf("table number %d is below 1 or that of %q", table.Number, other))
		}
		numbers[table.Number] = table.ID
		if len(table.Fields) == 0 || len(table.Title) == 0 || len(table.Help) == 0 {
			t.add(path, "the table has no title, no help or no fields")
		}
		for _, f := range table.Fields {
			t.field(join(path, "fields/"+f.ID), f)
		}
		for _, x := range table.Shows {
			if len(x.Where) == 0 {
				t.add(path, fmt.Sprintf("it is not said which rows show feature %q", clip(x.Feature)))
			}
			t.where(path, &table, x.Where)
		}
	}
}

func (t *testLinter) field(path string, f scheme.Field) {
	if f.ID == "id" {
		t.add(path, "\"id\" is the row's own designation")
	}
	if (f.Kind == scheme.FieldChoice) != (len(f.Choices) > 1) {
		t.add(path, "a field has two or more choices exactly if its kind is choice")
	}
	if (f.Kind == scheme.FieldRows) != (f.Table != "") {
		t.add(path, "a field names a table exactly if its kind is rows")
	} else if f.Table != "" && t.s.Table(f.Table) == nil {
		t.add(path, fmt.Sprintf("there is no table %q", clip(f.Table)))
	}
}

func (t *testLinter) groups() {
	seen := map[string]bool{}
	for _, g := range t.s.Groups {
		path := t.path + "groups/" + g.Requirement
		if seen[g.Requirement] {
			t.add(path, "the requirement has a group already")
		}
		seen[g.Requirement] = true
		t.requirement(path, g.Requirement)
		if len(g.Cases) == 0 {
			t.add(path, "the group has no cases")
		}
		for i, c := range g.Cases {
			at := fmt.Sprintf("%s/cases/%d", path, c.Number)
			if c.Number != i+1 {
				t.add(at, fmt.Sprintf("case %d stands in place %d", c.Number, i+1))
			}
			if len(c.Units) == 0 {
				t.add(at, "the case has no units")
			}
			for _, u := range c.Units {
				t.unit(join(at, u.ID), scheme.UnitRef(g.Requirement, c.Number, u.ID), u)
			}
		}
	}
}

func (t *testLinter) unit(path, ref string, u scheme.TestUnit) {
	if u.Over != nil {
		t.rows(path, u.Over.Table, u.Over.Where, u.Over.Via)
	}
	for _, id := range u.Reads {
		if t.s.Table(id) == nil {
			t.add(path, fmt.Sprintf("there is no table %q", clip(id)))
		}
	}
	if u.Reuses == "" {
		return
	}
	_, _, from := t.s.Unit(u.Reuses)
	switch {
	case from == nil:
		t.add(path, fmt.Sprintf("there is no unit %q", clip(u.Reuses)))
	case u.Reuses == ref || from.Reuses != "":
		t.add(path, fmt.Sprintf("%s has no verdict of its own", u.Reuses))
	case overTable(from) != overTable(&u):
		t.add(path, fmt.Sprintf("%s runs over other rows", u.Reuses))
	}
}

func overTable(u *scheme.TestUnit) string {
	if u.Over == nil {
		return ""
	}
	return u.Over.Table
}

func (t *testLinter) checks() {
	for _, c := range t.s.Checks {
		path := t.path + "checks/" + c.ID
		if len(c.Text) == 0 || len(c.Remedy) == 0 {
			t.add(path, "the check does not say what is wrong, or what to do")
		}
		t.rows(path, c.Table, c.Where, c.Via)
		if table := t.s.Table(c.Table); table != nil {
			t.where(path, table, c.Needs)
		}
		if (len(c.Needs) > 0) == (len(c.Supported) > 0) {
			t.add(path, "a check says what rows need, or which answers they contradict")
		}
		if len(c.Requirements) == 0 {
			t.add(path, "no requirement is named that cannot be concluded")
		}
		for _, id := range slices.Concat(c.Supported, c.Requirements) {
			t.requirement(path, id)
		}
	}
}

func (t *testLinter) requirement(path, id string) {
	if t.edition != nil && t.edition.Requirement(id) == nil {
		t.add(path, fmt.Sprintf("%s %s has no requirement %q", t.s.Assesses.Standard, t.s.Assesses.Edition, clip(id)))
	}
}

func (t *testLinter) rows(path, id string, where []scheme.Where, via *scheme.Via) {
	table := t.s.Table(id)
	if table == nil {
		t.add(path, fmt.Sprintf("there is no table %q", clip(id)))
		return
	}
	t.where(path, table, where)
	if via == nil {
		return
	}
	other := t.s.Table(via.Table)
	if other == nil {
		t.add(path, fmt.Sprintf("there is no table %q", clip(via.Table)))
		return
	}
	t.where(path, other, via.Where)
	if f := other.Field(via.Field); f == nil || f.Table != id {
		t.add(path, fmt.Sprintf("%s has no field %q that names rows of %s", other.ID, clip(via.Field), id))
	}
}

// where wants fields that the table has, and values that they can hold.
func (t *testLinter) where(path string, table *scheme.Table, where []scheme.Where) {
	for _, w := range where {
		f := table.Field(w.Field)
		if f == nil {
			t.add(path, fmt.Sprintf("%s has no field %q", table.ID, clip(w.Field)))
			continue
		}
		if len(w.Is) == 0 {
			t.add(path, fmt.Sprintf("no value of %s is named, so no row meets it", f.ID))
		}
		for _, v := range w.Is {
			if !canHold(f, v) {
				t.add(path, fmt.Sprintf("%s cannot be %q", f.ID, clip(v)))
			}
		}
	}
}

func canHold(f *scheme.Field, v string) bool {
	if v == "" || v == "*" {
		return true
	}
	switch f.Kind {
	case scheme.FieldYesNo:
		return v == "yes" || v == "no"
	case scheme.FieldChoice:
		return slices.ContainsFunc(f.Choices, func(c scheme.Choice) bool { return c.ID == v })
	default: // whoever compares free text or rows compares what nobody promised
		return false
	}
}
