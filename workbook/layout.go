package workbook

import (
	"slices"
	"strings"

	"assay/scheme"
)

// kind is what a cell takes.
type kind int

const (
	text   kind = iota // of several lines, kept as it is
	line               // one line, spaces around it are no part of it
	choice             // one of column.choices
	date               // a day
	hashes             // SHA-256
	lines              // several, one on each line
	words              // several ids, on lines or between commas
	docs               // ids of rows of the documents sheet
	locked             // nothing: what people read
)

// column of a sheet.
type column struct {
	id      string
	title   string
	help    string
	kind    kind
	choices []option
	refers  string // sheet whose rows it names
	width   float64
}

// option is one value of a choice.
type option struct {
	id    string
	show  string
	known []string // what else is taken for it
}

// view is a sheet as people see it.
type view struct {
	id, tab, title, help string
	cols                 []column
	rows                 []viewRow
	frozen               int // columns that stay in sight
}

type viewRow struct {
	key    string
	seen   []string // of the locked columns
	vals   map[string]string
	strong bool     // mandatory
	kind   kind     // of the one value of a sheet of questions
	list   []option // for it
	refers string   // for it
}

// asks reports whether the sheet has a line for each question, whose values
// are of different kinds.
func (v *view) asks() bool { return v.id == productSheet || strings.HasPrefix(v.id, formPrefix) }

func (v *view) inputs() (ids []string) {
	for i := range v.cols {
		if v.cols[i].kind != locked {
			ids = append(ids, v.cols[i].id)
		}
	}
	return ids
}

// Ids of columns that people only read stand in parentheses.
func seen(id string) string   { return "(" + id + ")" }
func isSeen(id string) bool   { return strings.HasPrefix(id, "(") && strings.HasSuffix(id, ")") }
func plus(id string) string   { return "+" + id }
func unplus(id string) string { return strings.TrimPrefix(id, "+") }

// builtin are the choices that are no catalog's.
func (l *tongue) builtin(name string) []option {
	var out []option
	add := func(id, key string, also ...string) {
		out = append(out, option{id, l.T(key), append(everywhere(key), also...)})
	}
	switch name {
	case "yes-no":
		add("yes", "answer.yes", "y", "true", "1")
		add("no", "answer.no", "n", "false", "0")
	case "answer":
		add("yes", "answer.yes", "y", "true", "1")
		add("no", "answer.no", "n", "false", "0")
		add("undetermined", "answer.unknown", "unknown", "?")
	case "support":
		add("yes", "answer.yes", "y", "true")
		add("no", "answer.no", "n", "false")
		add("not-applicable", "answer.na", "n/a", "na", "n-a")
	}
	return out
}

func (l *tongue) fieldChoices(f *scheme.Field) []option {
	if f.Kind == scheme.FieldYesNo {
		return l.builtin("yes-no")
	}
	var out []option
	for _, c := range f.Choices {
		o := option{id: c.ID, show: l.In(c.Name)}
		for _, name := range c.Name {
			o.known = append(o.known, name)
		}
		out = append(out, o)
	}
	for i := range out { // two that are called the same
		if out[i].show == "" || slices.ContainsFunc(out[:i], func(o option) bool { return strings.EqualFold(o.show, out[i].show) }) {
			out[i].show = strings.TrimSpace(out[i].show + " (" + out[i].id + ")")
		}
	}
	return out
}

// match finds the option that a person means: its id, its name here, its name
// in another language. ok is false where it is none, or two.
func match(options []option, s string) (id string, ok bool) {
	for _, o := range options {
		if strings.EqualFold(o.id, s) || strings.EqualFold(o.show, s) {
			return o.id, true
		}
	}
	for _, o := range options {
		if slices.ContainsFunc(o.known, func(k string) bool { return strings.EqualFold(k, s) }) {
			if ok && id != o.id {
				return "", false
			}
			id, ok = o.id, true
		}
	}
	return id, ok
}

// shown is how a choice stands in a cell.
func shown(options []option, id string) string {
	for _, o := range options {
		if o.id == id {
			return o.show
		}
	}
	return id
}

func optionList(options []option) string {
	var names []string
	for _, o := range options {
		names = append(names, o.show)
	}
	return strings.Join(names, ", ")
}

// columns are those of a sheet that is no IXIT table.
func (l *tongue) columns(id string) []column {
	c := func(col string, k kind, width float64) column {
		c := column{id: col, title: l.T(id + ".col." + col), kind: k, width: width}
		if k == locked {
			c.id = seen(col)
		} else if help := id + ".help." + col; l.T(help) != help {
			c.help = l.T(help)
		}
		return c
	}
	with := func(c column, options []option) column { c.choices = options; return c }
	switch id {
	case productSheet:
		return []column{c("about", locked, 34), c("value", text, 46), c("how", locked, 62)}
	case modelsSheet:
		return []column{c("model", line, 24), c("variant", line, 24), c("differs", text, 40), c("hardware", lines, 24), c("gtins", words, 22)}
	case firmwareSheet:
		return []column{c("version", line, 24), c("sha256", hashes, 72)}
	case documentSheet:
		return []column{c("id", line, 12), c("name", line, 48), c("sha256", hashes, 72), c("size", line, 14)}
	case featuresSheet:
		return []column{c("feature", locked, 28), c("question", locked, 62), with(c("answer", choice, 16), l.builtin("answer")), c("ground", text, 62)}
	case icsSheet:
		return []column{
			c("standard", locked, 20), c("requirement", locked, 13), c("text", locked, 58), c("status", locked, 14), c("when", locked, 24), c("for", locked, 20),
			with(c("support", choice, 16), l.builtin("support")), c("detail", text, 62), c("documents", docs, 16),
		}
	case contentsSheet:
		return []column{c("standard", locked, 20), c("requirement", locked, 16), c("content", locked, 20), c("text", locked, 72), c("needed", locked, 14), c("documents", docs, 16)}
	}
	return nil
}

// field is the column of an IXIT field.
func (l *tongue) field(f *scheme.Field) column {
	c := column{id: f.ID, title: l.In(f.Title), help: l.In(f.Help), kind: text, width: 32}
	switch f.Kind {
	case scheme.FieldChoice:
		c.kind, c.choices, c.width = choice, l.fieldChoices(f), 24
		c.note(l.T("ixit.choice"))
	case scheme.FieldYesNo:
		c.kind, c.choices, c.width = choice, l.fieldChoices(f), 14
	case scheme.FieldRows:
		c.kind, c.refers, c.width = words, ixitPrefix+f.Table, 22
		c.note(l.T("ixit.rows"))
	case scheme.FieldDate:
		c.kind, c.width = date, 14
		c.note(l.T("ixit.date"))
	}
	if f.Optional {
		c.note(l.T("ixit.optional"))
	}
	return c
}

func (c *column) note(s string) { c.help = strings.TrimSpace(c.help + "\n" + s) }

// idColumn is that of a row's own designation.
func (l *tongue) idColumn() column {
	return column{id: "id", title: l.T("ixit.id"), help: l.T("ixit.id.help"), kind: line, width: 18}
}

// tableDef is an IXIT table as the catalog knows it.
type tableDef struct {
	head  *scheme.Table
	asked []*scheme.Field          // by the test specifications in question
	known map[string]*scheme.Field // by any
}

// table finds an IXIT table in the named test specifications, or else in any;
// nil where none has it.
func table(cat *scheme.Catalog, specs []string, id string) *tableDef {
	d := &tableDef{known: map[string]*scheme.Field{}}
	look := func(s *scheme.TestSpec, ask bool) {
		t := s.Table(id)
		if t == nil {
			return
		}
		if d.head == nil {
			d.head, ask = t, true
		}
		for i := range t.Fields {
			f := &t.Fields[i]
			if d.known[f.ID] == nil {
				d.known[f.ID] = f
				if ask {
					d.asked = append(d.asked, f)
				}
			}
		}
	}
	for _, name := range specs {
		if s := cat.TestSpec(name); s != nil {
			look(s, true)
		}
	}
	for i := range cat.Tests {
		look(&cat.Tests[i], false)
	}
	if d.head == nil {
		return nil
	}
	return d
}
