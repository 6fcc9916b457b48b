package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"assay/assess"
	"assay/scheme"
)

// Questions makes a new bundle that asks what the levels ask, no more: the
// features and requirements, the IXIT tables that their test units run over, and
// what their evidence must contain. Guidance stands beside each question as a
// comment in a language (of [Languages]; texts of the catalog fall back to
// English). Answers are empty. All is for one kind of product, with these
// functions.
func Questions(cat *scheme.Catalog, asked []*assess.Asked, functions []string, language string) (*Bundle, error) {
	switch {
	case len(asked) == 0:
		return nil, errors.New("no level is asked for: a bundle without a level asks nothing")
	case !slices.Contains(Languages, language):
		return nil, fmt.Errorf("no guidance in the language %.20q: there is %s", language, strings.Join(Languages, ", "))
	}
	q := &questions{cat: cat, asked: asked, language: language}
	b := New()
	for _, part := range []struct {
		path string
		text []byte
	}{{productFile, q.product(functions)}, {icsFile, q.ics()}} {
		if err := b.Put(part.path, part.text); err != nil {
			return nil, err
		}
	}
	for _, t := range q.tables() {
		if err := b.Put(tables+"/"+t.id+yamlExt, t.text()); err != nil {
			return nil, err
		}
	}
	return b, b.Parse()
}

type questions struct {
	cat      *scheme.Catalog
	asked    []*assess.Asked
	language string
}

// say is a phrase in the bundle's language.
func (q *questions) say(phrase string, a ...any) string {
	s := phrases[phrase].In(q.language)
	if len(a) == 0 {
		return s
	}
	return fmt.Sprintf(s, a...)
}

func (q *questions) in(t scheme.Text) string { return t.In(q.language, "en") }

// page is a YAML file as it is written.
type page struct{ bytes.Buffer }

const width = 110 // of a line with a comment

// note writes a comment, in lines, at an indent; spaces before the text stay.
func (p *page) note(indent int, text string) {
	lead := strings.Repeat(" ", indent) + "#" + text[:len(text)-len(strings.TrimLeft(text, " "))]
	line := lead
	for _, w := range strings.Fields(text) {
		if line != lead && len([]rune(line))+1+len([]rune(w)) > width {
			p.WriteString(line + "\n")
			line = lead + " "
		}
		line += " " + w
	}
	if line != lead {
		p.WriteString(line + "\n")
	}
}

func (p *page) line(format string, a ...any) { fmt.Fprintf(p, format+"\n", a...) }

// head is what every file begins with.
func (q *questions) head(p *page) {
	p.note(0, q.say("for"))
	for _, a := range q.asked {
		p.note(0, "- "+q.say("level", q.in(a.Scheme.Name), q.in(a.Level.Name), a.Edition.ID, a.At))
	}
	p.note(0, q.say("fill"))
	p.line("")
}

func (q *questions) product(functions []string) []byte {
	p := &page{}
	q.head(p)
	p.line("product:")
	p.note(2, q.say("holder"))
	p.line(`  holder: ""`)
	p.note(2, q.say("name"))
	p.line(`  brand: ""`)
	p.line(`  name: ""`)
	p.note(2, q.say("functions"))
	p.line("  functions: [%s]", strings.Join(functions, ", "))
	p.note(2, q.say("models"))
	p.line("  models:")
	p.line(`    - id: ""`)
	p.line(`      hardware: [""]`)
	p.note(0, q.say("firmware"))
	p.line("firmware:")
	p.line(`  - version: ""`)
	p.line(`    sha256: ""`)
	p.note(0, q.say("support"))
	p.line("support:")
	p.line(`  end: ""`)
	p.line(`  published: ""`)
	declared := func(r assess.Ask) bool { return r.Method == scheme.Declared && r.By == scheme.Maker }
	if slices.ContainsFunc(q.asked, func(a *assess.Asked) bool { return slices.ContainsFunc(a.Requirements, declared) }) {
		p.note(0, q.say("declaration"))
		p.line("declaration:")
		p.line(`  by: ""`)
		p.line(`  date: ""`)
	}
	return p.Bytes()
}

// asks are all levels' asks for one requirement.
type asks struct {
	ref  scheme.RequirementRef
	req  *scheme.Requirement
	by   []string // one for each scheme, level and way
	hang []string // features
}

// requirements gathers what all levels ask, in the order of each standard.
func (q *questions) requirements() map[scheme.StandardRef][]asks {
	at := map[scheme.RequirementRef]*asks{}
	for _, a := range q.asked {
		for i := range a.Requirements {
			r := &a.Requirements[i]
			x := at[r.Ref]
			if x == nil {
				x = &asks{ref: r.Ref, req: r.Requirement}
				at[r.Ref] = x
			}
			if s := q.way(a, r); !slices.Contains(x.by, s) {
				x.by = append(x.by, s)
			}
			for _, f := range r.Features {
				if !slices.Contains(x.hang, f) {
					x.hang = append(x.hang, f)
				}
			}
		}
	}
	out := map[scheme.StandardRef][]asks{}
	for i := range q.cat.Standards {
		s := &q.cat.Standards[i]
		for j := range s.Editions {
			e := &s.Editions[j]
			for k := range e.Requirements {
				if x := at[scheme.RequirementRef{Standard: s.ID, Edition: e.ID, Requirement: e.Requirements[k].ID}]; x != nil {
					ref := scheme.StandardRef{Standard: s.ID, Edition: e.ID}
					out[ref] = append(out[ref], *x)
				}
			}
		}
	}
	return out
}

// way is how a level wants a requirement shown.
func (q *questions) way(a *assess.Asked, r *assess.Ask) string {
	s := a.Scheme.ID + " " + r.Level + ": " + q.say(string(r.Method)+"/"+string(r.By))
	if !r.Duty {
		s += "; " + q.say("recommended")
	}
	if r.MaxAge > 0 {
		s += "; " + q.say("age", r.MaxAge)
	}
	return s
}

func (q *questions) ics() []byte {
	p := &page{}
	q.head(p)
	reqs := q.requirements()
	q.features(p, reqs)
	p.note(0, q.say("ics"))
	if slices.ContainsFunc(q.asked, func(a *assess.Asked) bool {
		return slices.ContainsFunc(a.Requirements, func(r assess.Ask) bool { return r.By == scheme.Laboratory })
	}) {
		p.note(0, q.say("laboratory"))
	}
	if len(reqs) == 0 {
		p.line("ics: []")
		return p.Bytes()
	}
	p.line("ics:")
	for i := range q.cat.Standards {
		s := &q.cat.Standards[i]
		for j := range s.Editions {
			if list := reqs[scheme.StandardRef{Standard: s.ID, Edition: s.Editions[j].ID}]; list != nil {
				q.statement(p, s, s.Editions[j].ID, list)
			}
		}
	}
	return p.Bytes()
}

// features asks for what decides whether requirements apply.
func (q *questions) features(p *page, reqs map[scheme.StandardRef][]asks) {
	var ids []string
	for _, a := range q.asked {
		for _, f := range a.Features() {
			if !slices.Contains(ids, f) {
				ids = append(ids, f)
			}
		}
		for _, t := range a.Tables { // they say whether rows are expected
			for _, f := range leaves(t.Table.When, nil) {
				if !slices.Contains(ids, f) {
					ids = append(ids, f)
				}
			}
		}
	}
	if len(ids) == 0 {
		return
	}
	decides := map[string][]string{}
	for _, ref := range q.refs() {
		for _, x := range reqs[ref] {
			for _, f := range x.hang {
				if !slices.Contains(decides[f], x.ref.Requirement) {
					decides[f] = append(decides[f], x.ref.Requirement)
				}
			}
		}
	}
	p.note(0, q.say("features"))
	p.line("features:")
	for _, id := range ids {
		s := q.question(id)
		if d := decides[id]; len(d) > 0 {
			s += " (" + q.say("decides", strings.Join(d, ", ")) + ")"
		}
		p.note(2, s)
		p.line("  %s: unknown", id)
	}
	p.line("")
}

// refs are all editions of all standards, in the catalog's order.
func (q *questions) refs() (out []scheme.StandardRef) {
	for i := range q.cat.Standards {
		s := &q.cat.Standards[i]
		for j := range s.Editions {
			out = append(out, scheme.StandardRef{Standard: s.ID, Edition: s.Editions[j].ID})
		}
	}
	return out
}

// question is what to ask about a feature.
func (q *questions) question(id string) string {
	for i := range q.cat.Standards {
		for _, f := range q.cat.Standards[i].Features {
			if f.ID == id {
				return q.in(f.Question)
			}
		}
	}
	return ""
}

// leaves are the features of a condition.
func leaves(c *scheme.Condition, ids []string) []string {
	_, ids = c.Eval(func(string) scheme.Answer { return scheme.Undetermined }, ids)
	return ids
}

func (q *questions) statement(p *page, s *scheme.Standard, edition string, list []asks) {
	p.note(2, q.in(s.Title)+" ("+edition+")")
	p.line("  - standard: %s", s.ID)
	p.line("    edition: %q", edition)
	p.note(4, q.say("ics-date"))
	p.line(`    date: ""`)
	p.line("    entries:")
	area := ""
	for _, x := range list {
		if x.req.Area != area {
			area = x.req.Area
			title := area
			if a := s.Area(area); a != nil {
				title = q.in(a.Title)
			}
			p.note(6, "== "+title)
		}
		p.note(6, x.ref.Requirement+" · "+q.in(x.req.Text))
		for _, way := range x.by {
			p.note(6, "  "+way)
		}
		if len(x.hang) > 0 {
			p.note(6, "  "+q.say("hangs", strings.Join(x.hang, ", ")))
		}
		if len(x.req.Contents) == 0 {
			p.line(`      %s: ""`, key(x.ref.Requirement))
			continue
		}
		p.note(6, "  "+q.say("contents"))
		for _, c := range x.req.Contents {
			text := c.ID + " · " + q.in(c.Text)
			if c.Optional {
				text += " (" + q.say("optional") + ")"
			}
			p.note(6, "  - "+text)
		}
		p.line("      %s:", key(x.ref.Requirement))
		p.line(`        support: ""`)
		p.line(`        detail: ""`)
		p.line("        artifacts: []")
	}
}

var bareKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$|^[0-9]+(\.[0-9]+)?-[A-Za-z0-9.-]+$`)

// key is a requirement's id as a key: in quotes where other programs would
// take it for a number.
func key(id string) string {
	if bareKey.MatchString(id) {
		return id
	}
	return fmt.Sprintf("%q", id)
}

// askedTable is one table with what several levels and editions of a test
// specification ask for in it.
type askedTable struct {
	q      *questions
	id     string
	tables []*scheme.Table // the first gives title and help
	refs   []string
}

func (q *questions) tables() []*askedTable {
	var out []*askedTable
	for _, a := range q.asked {
		for i := range a.Tables {
			t := &a.Tables[i]
			j := slices.IndexFunc(out, func(x *askedTable) bool { return x.id == t.Table.ID })
			if j < 0 {
				j = len(out)
				out = append(out, &askedTable{q: q, id: t.Table.ID})
			}
			x := out[j]
			if !slices.Contains(x.tables, t.Table) {
				x.tables = append(x.tables, t.Table)
			}
			for _, r := range t.For {
				if s := r.String(); !slices.Contains(x.refs, s) {
					x.refs = append(x.refs, s)
				}
			}
		}
	}
	return out
}

// text is the file of a table: one row to fill in, with every field of every
// edition that asks.
func (t *askedTable) text() []byte {
	p, q, first := &page{}, t.q, t.tables[0]
	p.note(0, first.Name+" · "+q.in(first.Title))
	p.note(0, q.in(first.Help))
	p.note(0, q.say("needed", strings.Join(t.refs, ", ")))
	if fs := leaves(first.When, nil); len(fs) > 0 {
		p.note(0, q.say("expected", strings.Join(fs, ", ")))
	}
	if first.Single {
		p.note(0, q.say("single"))
	} else {
		p.note(0, q.say("copy"))
	}
	p.line("")
	p.line("rows:")
	indent, lead := 2, "  - " // of the row's first field
	put := func(f, value string) {
		p.line("%s%s: %s", lead, f, value)
		indent, lead = 4, "    "
	}
	var fields []scheme.Field
	for _, table := range t.tables {
		for _, f := range table.Fields {
			if f.ID != "id" && !slices.ContainsFunc(fields, func(have scheme.Field) bool { return have.ID == f.ID }) {
				fields = append(fields, f)
			}
		}
	}
	if !first.Single || len(fields) == 0 {
		p.note(indent, q.say("row", first.Name))
		put("id", `""`)
	}
	for i := range fields {
		put(fields[i].ID, t.field(p, &fields[i], indent))
	}
	return p.Bytes()
}

// field writes the guidance on a field and returns its empty value.
func (t *askedTable) field(p *page, f *scheme.Field, indent int) string {
	q := t.q
	s := q.in(f.Title)
	if h := q.in(f.Help); h != "" {
		s += " · " + h
	}
	value := `""`
	switch f.Kind {
	case scheme.FieldYesNo:
		s += " · " + q.say("yes-no")
	case scheme.FieldRows:
		s += " · " + q.say("rows", f.Table)
		value = "[]"
	case scheme.FieldDate:
		s += " · " + q.say("date")
	case scheme.FieldChoice:
		s += " · " + q.say("choice")
	}
	if f.Optional {
		s += " · " + q.say("empty")
	}
	p.note(indent, s)
	for _, c := range f.Choices {
		p.note(indent, "- "+c.ID+" · "+q.in(c.Name))
	}
	return value
}
