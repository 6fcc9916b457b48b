package oscal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"assay/scheme"
)

// rights stands in every document that paraphrases a standard.
const rights = `The texts are paraphrases in Assay's own words, made so that products can be assessed and results exchanged. ` +
	`They are not the text of the standard, nor translations of it, and its publisher has no part in them. ` +
	`Where they differ the standard decides; it is to be had from its publisher, and no right in it is claimed or given here. ` +
	`Each statement carries the source that it was taken from and how sure that is (property “confidence”: official, secondary, mirror, inferred, unverified).`

// NewCatalog writes one edition of a standard as an OSCAL catalog: a group for
// each area, a control for each requirement with its statement, its condition,
// what evidence must contain, and what the test specification that assesses
// the edition has for it. It is an error if the catalog has no such edition.
func NewCatalog(c *scheme.Catalog, ref scheme.StandardRef, v Version) (*Document, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	s, e := c.StandardEdition(ref)
	if e == nil {
		return nil, fmt.Errorf("the catalog has no %.80s@%.80s; write STANDARD@EDITION as `assay catalog list` names them", ref.Standard, ref.Edition)
	}
	w := catalogWriter{builder: newBuilder(c, v), s: s, e: e, id: standardID(s.ID, ref.Edition)}
	w.spec = c.TestSpecOf(s.ID, ref.Edition)
	return w.document(), nil
}

type catalogWriter struct {
	*builder
	s    *scheme.Standard
	e    *scheme.StandardEdition
	spec *scheme.TestSpec // nil: none assesses it
	id   string           // prefix of all ids
}

func (w *catalogWriter) document() *Document {
	name := w.s.ID + "@" + w.e.ID
	cat := &Catalog{UUID: id5("catalog", name, w.c.Digest, string(w.version))}
	m := w.metadata(fmt.Sprintf("%s, edition %s, as paraphrased by Assay", w.s.Title.In("en"), w.e.ID), name)
	m.Props = append(titles(m.Props, w.s.Title), Prop{Name: "standard", NS: Namespace, Value: w.s.ID}, Prop{Name: "edition", NS: Namespace, Value: w.e.ID})
	if !w.e.Published.IsZero() {
		m.Props = prop(m.Props, "standard-published", w.e.Published.String())
	}
	m.Props = sure(m.Props, &w.e.Fact)
	m.Links = w.cite(w.cite(nil, &w.e.Fact), &w.s.Fact)
	m.Remarks = rights
	m.party("publisher", "Publisher of the standard itself", "publisher/"+w.s.Publisher, w.s.Publisher)
	if w.spec != nil {
		m.Props = prop(m.Props, "test-specification", w.spec.Name())
		m.Links = w.cite(m.Links, &w.spec.Fact)
	}
	for _, area := range w.areas() {
		cat.Groups = append(cat.Groups, w.group(area))
	}
	if g := w.tables(); g != nil {
		cat.Groups = append(cat.Groups, *g)
	}
	cat.Params = w.params()
	cat.Metadata, cat.BackMatter = m, w.backMatter()
	return &Document{Catalog: cat}
}

// areas are those of the edition's requirements, in the standard's order and
// then in that of the requirements.
func (w *catalogWriter) areas() (ids []string) {
	has := map[string]bool{}
	for _, r := range w.e.Requirements {
		has[r.Area] = true
	}
	for _, a := range w.s.Areas {
		if has[a.ID] {
			ids = append(ids, a.ID)
		}
	}
	for _, r := range w.e.Requirements {
		if !slices.Contains(ids, r.Area) {
			ids = append(ids, r.Area)
		}
	}
	return ids
}

func (w *catalogWriter) group(area string) Group {
	g := Group{ID: w.id + "_area." + slug(area), Class: "area", Title: "Requirements"}
	if area != "" {
		g.Title = strings.ToUpper(area[:1]) + area[1:]
		g.Props = append(g.Props, Prop{Name: "label", Value: area})
	}
	if a := w.s.Area(area); a != nil {
		g.Title = line(a.Title.In("en"))
		g.Props = titles(g.Props, a.Title)
	}
	g.Props = append(g.Props, Prop{Name: "sort-id", Value: w.id + "_" + sortID(slug(area))})
	for i := range w.e.Requirements {
		if r := &w.e.Requirements[i]; r.Area == area {
			g.Controls = append(g.Controls, w.control(r))
		}
	}
	return g
}

// slug makes an area's id the end of a token.
func slug(area string) string {
	if area == "" {
		return "all"
	}
	return strings.ReplaceAll(area, " ", "-")
}

// sortID pads the numbers in an id, so that 5.10 sorts after 5.9.
func sortID(id string) string {
	var b strings.Builder
	for i := 0; i < len(id); {
		j := i
		for j < len(id) && id[j] >= '0' && id[j] <= '9' {
			j++
		}
		if j == i {
			b.WriteByte(id[i])
			i++
			continue
		}
		b.WriteString(strings.Repeat("0", max(0, 3-(j-i))))
		b.WriteString(id[i:j])
		i = j
	}
	return b.String()
}

func (w *catalogWriter) control(r *scheme.Requirement) Control {
	ref := scheme.RequirementRef{Standard: w.s.ID, Edition: w.e.ID, Requirement: r.ID}
	k := Control{ID: ControlID(ref), Class: string(r.Status), Title: line(r.Text.In("en"))}
	k.Props = []Prop{
		{Name: "label", Value: r.ID},
		{Name: "sort-id", Value: w.id + "_" + sortID(r.ID)},
		{Name: "alt-identifier", Value: ref.String()},
		{Name: "status", NS: Namespace, Value: string(r.Status)},
	}
	k.Props = sure(k.Props, &r.Fact)
	k.Links = w.cite(nil, &r.Fact)
	k.Parts = append(k.Parts, part(k.ID+"_smt", "statement", r.Text))
	if r.When != nil {
		k.Props = prop(k.Props, "applies-when", r.When.String())
		p := part(k.ID+"_apl", "guidance", conditionText(r.When, w.question))
		p.Class, p.Title = "applicability", "When it applies"
		k.Parts = append(k.Parts, p)
	}
	if p := w.contents(k.ID, r); p != nil {
		k.Parts = append(k.Parts, *p)
	}
	k.Parts = append(k.Parts, w.objective(k.ID, r))
	if w.spec != nil {
		if g := w.spec.Group(r.ID); g != nil {
			k.Parts = append(k.Parts, w.methods(k.ID, g)...)
		}
	}
	return k
}

// contents is what evidence for a requirement must contain.
func (w *catalogWriter) contents(id string, r *scheme.Requirement) *Part {
	if len(r.Contents) == 0 {
		return nil
	}
	p := Part{ID: id + "_gdn", Name: "guidance", Class: "evidence", Title: "What evidence contains"}
	for i := range r.Contents {
		c := &r.Contents[i]
		item := part(p.ID+"."+c.ID, "evidence-content", c.Text)
		item.NS = Namespace
		item.Props = []Prop{{Name: "label", Value: c.ID}, {Name: "optional", NS: Namespace, Value: yesNo(c.Optional)}}
		item.Props = sure(item.Props, &c.Fact)
		item.Links = w.cite(nil, &c.Fact)
		p.Parts = append(p.Parts, item)
	}
	return &p
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// objective is what an assessment has to find out: case by case and unit by
// unit where a test specification says so, else the requirement as a whole.
func (w *catalogWriter) objective(id string, r *scheme.Requirement) Part {
	whole := scheme.Text{}
	for lang, s := range r.Text {
		if ph, known := phrases[lang]; known {
			whole[lang] = ph.whether + s + "."
		}
	}
	p := part(id+"_obj", "assessment-objective", whole)
	p.Links = []Link{{Href: "#" + id + "_smt", Rel: "assessment-for"}}
	if w.spec == nil || w.spec.Group(r.ID) == nil {
		return p
	}
	g := w.spec.Group(r.ID)
	p.Title = fmt.Sprintf("Test group %s of %s %s", r.ID, specName(w.spec), w.spec.Edition)
	p.Props = sure(p.Props, &g.Fact)
	p.Links = w.cite(p.Links, &g.Fact)
	for i := range g.Cases {
		p.Parts = append(p.Parts, w.testCase(p.ID, r.ID, &g.Cases[i]))
	}
	return p
}

// specName is the part of a specification's title before its colon.
func specName(s *scheme.TestSpec) string {
	name, _, _ := strings.Cut(line(s.Title.In("en")), ":")
	return name
}

func (w *catalogWriter) testCase(objective, requirement string, c *scheme.TestCase) Part {
	p := part(objective+"."+strconv.Itoa(c.Number), "assessment-objective", c.Purpose)
	p.Class = "test-case"
	p.Props = []Prop{
		{Name: "label", Value: requirement + "-" + strconv.Itoa(c.Number)},
		{Name: "kind", NS: Namespace, Value: string(c.Kind)},
	}
	for i := range c.Units {
		u := &c.Units[i]
		q := part(p.ID+"."+u.ID, "assessment-objective", u.Text)
		q.Class = "test-unit"
		q.Props = []Prop{
			{Name: "label", Value: scheme.UnitRef(requirement, c.Number, u.ID)},
			{Name: "automation", NS: Namespace, Value: string(u.Automation)},
		}
		if u.Over != nil {
			q.Props = prop(q.Props, "over", over(u.Over))
			q.Links = []Link{{Href: "#" + w.tableID(u.Over.Table), Rel: "related"}}
		}
		for _, t := range u.Reads {
			q.Props = prop(q.Props, "reads", t)
			q.Links = append(q.Links, Link{Href: "#" + w.tableID(t), Rel: "related"})
		}
		q.Props = prop(q.Props, "reuses", u.Reuses)
		p.Parts = append(p.Parts, q)
	}
	return p
}

// over writes the rows that a unit is run on in one line: the table, then in
// brackets what its rows must meet, then the rows of another table that name them.
func over(o *scheme.Over) string {
	s := o.Table + wheres(o.Where)
	if o.Via != nil {
		s += " named in " + o.Via.Field + " of " + o.Via.Table + wheres(o.Via.Where)
	}
	return s
}

func wheres(ws []scheme.Where) string {
	if len(ws) == 0 {
		return ""
	}
	parts := make([]string, len(ws))
	for i, w := range ws {
		vs := make([]string, len(w.Is))
		for j, v := range w.Is {
			switch vs[j] = v; v {
			case "*":
				vs[j] = "any"
			case "":
				vs[j] = "none"
			}
		}
		parts[i] = w.Field + ": " + strings.Join(vs, "|")
	}
	return "[" + strings.Join(parts, "; ") + "]"
}

// methods are how the objectives are reached: conceptual cases examine what is
// stated, functional ones test the device.
func (w *catalogWriter) methods(id string, g *scheme.TestGroup) (ps []Part) {
	for _, m := range []struct {
		kind   scheme.CaseKind
		method string
	}{{scheme.Conceptual, "EXAMINE"}, {scheme.Functional, "TEST"}} {
		has, tables := false, map[string]bool{}
		for _, c := range g.Cases {
			if c.Kind != m.kind {
				continue
			}
			has = true
			for _, u := range c.Units {
				if u.Over != nil {
					tables[u.Over.Table] = true
				}
				for _, t := range u.Reads {
					tables[t] = true
				}
			}
		}
		if !has {
			continue
		}
		p := Part{
			ID: id + "_asm-" + strings.ToLower(m.method), Name: "assessment-method", Title: string(m.kind) + " test cases",
			Props: []Prop{{Name: "method", NS: namespaceRMF, Value: m.method}},
		}
		p.Title = strings.ToUpper(p.Title[:1]) + p.Title[1:]
		p.Parts = []Part{part(p.ID+".objects", "assessment-objects", w.objects(m.kind, tables))}
		ps = append(ps, p)
	}
	return ps
}

// objects names what is looked at, one a line.
func (w *catalogWriter) objects(kind scheme.CaseKind, tables map[string]bool) scheme.Text {
	t := scheme.Text{}
	for lang, ph := range phrases {
		ls := []string{ph.ics}
		for i := range w.spec.Tables {
			if x := &w.spec.Tables[i]; tables[x.ID] {
				ls = append(ls, fmt.Sprintf("%s %d-%s: %s", ph.ixit, x.Number, x.Name, x.Title.In(lang)))
			}
		}
		if kind == scheme.Functional {
			ls = append(ls, ph.device)
		}
		t[lang] = "- " + strings.Join(ls, "\n- ")
	}
	return t
}

// params are the features that conditions ask about: a profile, a component
// definition or a plan sets them to what is true of a product.
func (w *catalogWriter) params() (ps []Param) {
	asked, seen := featuresOf(w.c, w.s, w.e), map[string]bool{}
	for i := range w.c.Standards {
		for j := range w.c.Standards[i].Features {
			f := &w.c.Standards[i].Features[j]
			if !asked[f.ID] || seen[f.ID] {
				continue
			}
			seen[f.ID] = true
			p := Param{
				ID: paramID(scheme.StandardRef{Standard: w.s.ID, Edition: w.e.ID}, f.ID), Label: f.ID, Usage: line(f.Question.In("en")),
				Props:  []Prop{{Name: "alt-identifier", Value: f.ID}},
				Select: &Select{HowMany: "one", Choice: []string{"yes", "no"}},
			}
			for _, lang := range sortedKeys(f.Question) {
				if lang != "en" {
					p.Props = append(p.Props, Prop{Name: "question", NS: Namespace, Value: line(f.Question[lang]), Class: lang})
				}
			}
			p.Props = sure(p.Props, &f.Fact)
			p.Links = w.cite(nil, &f.Fact)
			ps = append(ps, p)
		}
	}
	return ps
}

func (w *catalogWriter) question(feature string) scheme.Text {
	for i := range w.c.Standards {
		for j := range w.c.Standards[i].Features {
			if f := &w.c.Standards[i].Features[j]; f.ID == feature {
				return f.Question
			}
		}
	}
	return nil
}

func (w *catalogWriter) tableID(table string) string { return w.id + "_ixit." + table }

// tables is a group without controls that has the IXIT tables, what they hold
// and the contradictions looked for in them; nil where there are none.
func (w *catalogWriter) tables() *Group {
	if w.spec == nil || len(w.spec.Tables) == 0 {
		return nil
	}
	g := &Group{
		ID: w.id + "_ixit", Class: "ixit", Title: fmt.Sprintf("What the maker states for testing: the IXIT tables of %s %s", specName(w.spec), w.spec.Edition),
		Props: []Prop{{Name: "sort-id", Value: w.id + "_ixit"}},
	}
	for i := range w.spec.Tables {
		g.Parts = append(g.Parts, w.table(&w.spec.Tables[i]))
	}
	for i := range w.spec.Checks {
		c := &w.spec.Checks[i]
		p := part(w.id+"_chk."+c.ID, "consistency-check", beside(c.Text, c.Remedy))
		p.NS = Namespace
		p.Props = []Prop{{Name: "label", Value: c.ID}}
		for _, r := range c.Requirements {
			p.Links = append(p.Links, Link{Href: "#" + ControlID(scheme.RequirementRef{Standard: w.s.ID, Edition: w.e.ID, Requirement: r}), Rel: "related"})
		}
		p.Props = sure(p.Props, &c.Fact)
		g.Parts = append(g.Parts, p)
	}
	return g
}

// beside puts one text after another, in every language that has both.
func beside(a, b scheme.Text) scheme.Text {
	t := scheme.Text{}
	for lang := range a {
		t[lang] = a[lang] + ". " + b.In(lang) + "."
	}
	return t
}

func (w *catalogWriter) table(t *scheme.Table) Part {
	p := part(w.tableID(t.ID), "ixit-table", t.Help)
	p.NS, p.Title = Namespace, fmt.Sprintf("IXIT %d-%s: %s", t.Number, t.Name, line(t.Title.In("en")))
	p.Props = titles([]Prop{
		{Name: "label", Value: fmt.Sprintf("IXIT %d-%s", t.Number, t.Name)},
		{Name: "single-row", NS: Namespace, Value: yesNo(t.Single)},
	}, t.Title)
	if t.When != nil {
		p.Props = prop(p.Props, "applies-when", t.When.String())
	}
	p.Props = sure(p.Props, &t.Fact)
	p.Links = w.cite(nil, &t.Fact)
	for i := range t.Fields {
		f := &t.Fields[i]
		q := part(p.ID+"."+f.ID, "ixit-field", f.Help)
		q.NS, q.Title = Namespace, line(f.Title.In("en"))
		q.Props = titles([]Prop{
			{Name: "label", Value: f.ID},
			{Name: "kind", NS: Namespace, Value: string(f.Kind)},
			{Name: "optional", NS: Namespace, Value: yesNo(f.Optional)},
		}, f.Title)
		if f.Table != "" {
			q.Links = []Link{{Href: "#" + w.tableID(f.Table), Rel: "related"}}
		}
		for _, c := range f.Choices {
			q.Parts = append(q.Parts, Part{
				ID: q.ID + "." + c.ID, Name: "ixit-choice", NS: Namespace, Title: line(c.Name.In("en")),
				Props: titles([]Prop{{Name: "label", Value: c.ID}}, c.Name),
			})
		}
		p.Parts = append(p.Parts, q)
	}
	return p
}
