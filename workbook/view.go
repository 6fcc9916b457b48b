package workbook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"assay/evidence"
	"assay/scheme"
)

const spareFunctions = 4 // lines for functions, when there are fewer

// views lays out all sheets that people fill in.
func views(cat *scheme.Catalog, ev *evidence.Evidence, q Questions, l *tongue) []view {
	m := &maker{cat: cat, ev: ev, q: q, l: l, vals: values(ev), specs: specs(cat, ev, q)}
	all := []view{m.product(), m.plain(modelsSheet), m.plain(firmwareSheet), m.features()}
	ics, contents := m.statements()
	all = append(all, ics)
	if len(contents.rows) > 0 {
		all = append(all, contents)
	}
	all = append(all, m.documents())
	for _, id := range m.tables() {
		all = append(all, m.table(id))
	}
	return all
}

// specs are the test specifications in question, ID@EDITION.
func specs(cat *scheme.Catalog, ev *evidence.Evidence, q Questions) (names []string) {
	for _, t := range q.Tables {
		names = once(names, t.Spec)
	}
	for i := range ev.ICS {
		if s := cat.TestSpecOf(ev.ICS[i].Standard, ev.ICS[i].Edition); s != nil {
			names = once(names, s.Name())
		}
	}
	return names
}

type maker struct {
	cat   *scheme.Catalog
	ev    *evidence.Evidence
	q     Questions
	l     *tongue
	vals  []sheet
	specs []string
}

// view is an empty one with the texts of its kind.
func (m *maker) view(id string) view {
	return view{id: id, tab: m.l.T(id + ".tab"), title: m.l.T(id + ".title"), help: m.l.T(id + ".help"), cols: m.l.columns(id), frozen: 1}
}

// plain is a sheet whose rows are those of the evidence.
func (m *maker) plain(id string) view {
	v := m.view(id)
	for _, r := range findSheet(m.vals, id).Rows {
		v.rows = append(v.rows, viewRow{key: r.Key, vals: r.Vals})
	}
	return v
}

// productKind is what a line of the product sheet takes.
func productKind(cat *scheme.Catalog, l *tongue, key string) (kind, []option, bool) {
	switch {
	case key == "holder", key == "brand", key == "name", key == "declaration.by":
		return line, nil, true
	case key == "support.published":
		return text, nil, true
	case key == "support.end", key == "declaration.date":
		return date, nil, true
	case key == declarationDocument:
		return docs, nil, true
	case strings.HasPrefix(key, statementPrefix):
		_, _, _, ok := splitRef(strings.TrimPrefix(key, statementPrefix) + "/x")
		return date, nil, ok
	case strings.HasPrefix(key, functionPrefix):
		n := 0
		if _, err := fmt.Sscanf(key, functionPrefix+"%d", &n); err != nil || n < 1 || functionKey(n-1) != key {
			return 0, nil, false
		}
		return choice, categories(cat, l), true
	}
	return 0, nil, false
}

func categories(cat *scheme.Catalog, l *tongue) []option {
	var out []option
	for i := range cat.Categories {
		c := &cat.Categories[i]
		o := option{id: c.ID, show: fmt.Sprintf("%s (%s)", l.In(c.Name), c.ID)}
		for _, code := range Languages {
			o.known = append(o.known, c.Name[code], fmt.Sprintf("%s (%s)", c.Name.In(code), c.ID))
		}
		out = append(out, o)
	}
	return out
}

func (m *maker) product() view {
	v := m.view(productSheet)
	s := findSheet(m.vals, productSheet)
	keys := []string{"holder", "brand", "name"}
	functions := m.ev.Product.Functions
	ask := len(functions) == 0
	if ask {
		functions = m.q.Functions
	}
	preset := map[string]string{}
	for i := range max(spareFunctions, len(functions)+1) {
		keys = append(keys, functionKey(i))
		if ask && i < len(functions) {
			preset[functionKey(i)] = functions[i]
		}
	}
	keys = append(keys, "support.end", "support.published")
	for _, name := range m.statementNames() {
		keys = append(keys, statementPrefix+name)
	}
	keys = append(keys, "declaration.by", "declaration.date", declarationDocument)
	for _, key := range keys {
		r := viewRow{key: key, vals: map[string]string{}}
		if have := s.find(key); have != nil {
			r.vals = have.Vals
		}
		if f := preset[key]; f != "" {
			r.vals = map[string]string{"value": f}
		}
		r.kind, r.list, _ = productKind(m.cat, m.l, key)
		about, how := "product.line."+key, "product.how."+key
		switch {
		case strings.HasPrefix(key, functionPrefix):
			about, how = "product.line.function", "product.how.function"
		case strings.HasPrefix(key, statementPrefix):
			about, how = "product.line.ics", "product.how.ics"
		}
		n := strings.TrimPrefix(strings.TrimPrefix(key, functionPrefix), statementPrefix)
		r.seen = []string{m.l.T(about, "n", n), "", m.l.T(how)}
		v.rows = append(v.rows, r)
	}
	return v
}

// statementNames are the statements asked for or there, STANDARD@EDITION.
func (m *maker) statementNames() (names []string) {
	for i := range m.ev.ICS {
		names = once(names, m.ev.ICS[i].Standard+"@"+m.ev.ICS[i].Edition)
	}
	for _, r := range m.q.Requirements {
		names = once(names, r.Ref.Standard+"@"+r.Ref.Edition)
	}
	return names
}

func feature(cat *scheme.Catalog, id string) *scheme.Feature {
	for i := range cat.Standards {
		for j := range cat.Standards[i].Features {
			if f := &cat.Standards[i].Features[j]; f.ID == id {
				return f
			}
		}
	}
	return nil
}

func (m *maker) features() view {
	v := m.view(featuresSheet)
	s := findSheet(m.vals, featuresSheet)
	ids := slices.Clone(m.q.Features)
	for _, r := range s.Rows {
		ids = once(ids, r.Key)
	}
	for _, id := range ids {
		r := viewRow{key: id, vals: map[string]string{}}
		if have := s.find(id); have != nil {
			r.vals = have.Vals
		}
		question := ""
		if f := feature(m.cat, id); f != nil {
			question = m.l.In(f.Question)
		} else {
			r.key = plus(id)
		}
		r.seen = []string{id, question, "", ""}
		v.rows = append(v.rows, r)
	}
	return v
}

func requirement(cat *scheme.Catalog, standard, edition, id string) (*scheme.Standard, *scheme.Requirement) {
	s := cat.Standard(standard)
	if s == nil {
		return nil, nil
	}
	if e := s.Edition(edition); e != nil {
		return s, e.Requirement(id)
	}
	return s, nil
}

// statements are the requirements, by statement and in the order of their
// standards, and what the evidence for them must contain.
func (m *maker) statements() (ics, contents view) {
	ics, contents = m.view(icsSheet), m.view(contentsSheet)
	ics.frozen, contents.frozen = 2, 2
	said, shown := findSheet(m.vals, icsSheet), findSheet(m.vals, contentsSheet)
	asked := map[string][]string{} // SCHEME:LEVEL by requirement
	have := map[string]bool{}
	ids := map[string][]string{} // by statement
	add := func(standard, edition, id string) string {
		key := refKey(standard, edition, id)
		if !have[key] {
			have[key] = true
			name := standard + "@" + edition
			ids[name] = append(ids[name], id)
		}
		return key
	}
	for _, r := range m.q.Requirements {
		key := add(r.Ref.Standard, r.Ref.Edition, r.Ref.Requirement)
		asked[key] = append(asked[key], r.For...)
	}
	for i := range m.ev.ICS {
		for id := range m.ev.ICS[i].Entries {
			add(m.ev.ICS[i].Standard, m.ev.ICS[i].Edition, id)
		}
	}
	for _, name := range m.statementNames() {
		standard, edition, _ := strings.Cut(name, "@")
		for _, id := range inOrder(m.cat, standard, edition, ids[name]) {
			key := refKey(standard, edition, id)
			_, req := requirement(m.cat, standard, edition, id)
			r := viewRow{key: key, vals: map[string]string{}}
			if have := said.find(key); have != nil {
				r.vals = have.Vals
			}
			if req == nil {
				r.key, r.seen = plus(key), []string{name, id, "", "", "", "", "", "", ""}
			} else {
				r.strong = req.Status == scheme.Mandatory
				r.seen = []string{name, id, m.l.In(req.Text), m.l.T("status." + string(req.Status)), m.l.condition(req.When), strings.Join(asked[key], "\n"), "", "", ""}
			}
			ics.rows = append(ics.rows, r)
			contents.rows = append(contents.rows, m.contents(name, id, key, req, shown)...)
		}
	}
	return ics, contents
}

// inOrder sorts requirement ids as their edition has them; those that it has
// not come last.
func inOrder(cat *scheme.Catalog, standard, edition string, ids []string) []string {
	at := map[string]int{}
	if s := cat.Standard(standard); s != nil {
		if e := s.Edition(edition); e != nil {
			for i := range e.Requirements {
				at[e.Requirements[i].ID] = i + 1
			}
		}
	}
	rank := func(id string) int {
		if n := at[id]; n > 0 {
			return n
		}
		return len(at) + 1
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return ids
}

func (m *maker) contents(name, id, key string, req *scheme.Requirement, shown *sheet) (rows []viewRow) {
	known := map[string]bool{}
	if req != nil {
		for _, c := range req.Contents {
			known[c.ID] = true
			r := viewRow{key: key + "#" + c.ID, vals: map[string]string{}, strong: !c.Optional}
			if have := shown.find(r.key); have != nil {
				r.vals = have.Vals
			}
			needed := m.l.T("content.needed")
			if c.Optional {
				needed = m.l.T("content.optional")
			}
			r.seen = []string{name, id, c.ID, m.l.In(c.Text), needed, ""}
			rows = append(rows, r)
		}
	}
	for _, r := range shown.Rows {
		if ref, content, _ := strings.Cut(r.Key, "#"); ref == key && !known[content] {
			rows = append(rows, viewRow{key: plus(r.Key), vals: r.Vals, seen: []string{name, id, content, "", "", ""}})
		}
	}
	return rows
}

// documentIDs numbers the documents that the evidence names: D1, D2, …
func documentIDs(all []sheet) (list []string) {
	if r := findSheet(all, productSheet).find(declarationDocument); r != nil && r.Vals["value"] != "" {
		list = append(list, r.Vals["value"])
	}
	seen := map[string]bool{}
	for _, d := range list {
		seen[d] = true
	}
	for _, id := range []string{icsSheet, contentsSheet} {
		for _, r := range findSheet(all, id).Rows {
			for _, d := range dec(r.Vals["documents"]) {
				if !seen[d] {
					seen[d] = true
					list = append(list, d)
				}
			}
		}
	}
	return list
}

func (m *maker) documents() view {
	v := m.view(documentSheet)
	for i, d := range documentIDs(m.vals) {
		a := artifact(d)
		r := newRow("", "id", documentID(i), "name", a.Name, "sha256", a.SHA256.String())
		if a.Size != 0 {
			r.set("size", fmt.Sprint(a.Size))
		}
		v.rows = append(v.rows, viewRow{vals: r.Vals})
	}
	return v
}

func documentID(i int) string { return fmt.Sprintf("D%d", i+1) }

// tables are the ids of the IXIT tables asked for or there, by their numbers.
func (m *maker) tables() (ids []string) {
	for _, t := range m.q.Tables {
		ids = once(ids, t.ID)
	}
	for _, id := range sortedKeys(m.ev.IXIT) {
		ids = once(ids, id)
	}
	number := func(id string) int {
		if d := table(m.cat, m.specs, id); d != nil {
			return d.head.Number
		}
		return 1 << 20
	}
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return ids
}

func (m *maker) table(id string) view {
	v := view{id: ixitPrefix + id, frozen: 1}
	def := table(m.cat, m.specs, id)
	s := findSheet(m.vals, v.id)
	if s == nil {
		s = &sheet{Cols: []string{"id"}}
	}
	has := map[string]bool{} // columns
	add := func(c column) {
		if !has[c.id] {
			has[c.id] = true
			v.cols = append(v.cols, c)
		}
	}
	named := slices.ContainsFunc(s.Rows, func(r row) bool { return r.Vals["id"] != "" })
	if def != nil && def.head.Single && !named && len(s.Rows) <= 1 {
		return m.form(id, def, s)
	}
	if def == nil {
		v.id = ixitPrefix + plus(id)
		v.tab, v.title, v.help = id, id, m.l.T("ixit.unknown")
		add(m.l.idColumn())
	} else {
		m.headOf(&v, def)
		if def.head.Single {
			v.help = strings.TrimSpace(v.help + "\n" + m.l.T("ixit.single"))
		}
		if !def.head.Single || named {
			add(m.l.idColumn())
		}
		for _, f := range def.asked {
			add(m.l.field(f))
		}
	}
	for _, col := range s.Cols {
		switch {
		case has[col] || (col == "id" && !named):
		case def != nil && def.known[col] != nil:
			add(m.l.field(def.known[col]))
		default:
			add(column{id: col, title: col, help: m.l.T("ixit.unknown.field"), kind: text, width: 40})
			v.cols[len(v.cols)-1].id = plus(col)
		}
	}
	for _, r := range s.Rows {
		v.rows = append(v.rows, viewRow{key: r.Key, vals: r.Vals})
	}
	return v
}

func (m *maker) headOf(v *view, def *tableDef) {
	h := def.head
	v.tab = fmt.Sprintf("%d %s", h.Number, h.Name)
	v.title = fmt.Sprintf("%d-%s: %s", h.Number, h.Name, m.l.In(h.Title))
	v.help = m.l.In(h.Help)
	if h.When != nil {
		v.help = strings.TrimSpace(v.help + "\n" + m.l.T("ixit.when", "when", m.l.condition(h.When)))
	}
}

// form is a table of one row, a line for each field.
func (m *maker) form(id string, def *tableDef, s *sheet) view {
	v := view{id: formPrefix + id, cols: m.l.columns(productSheet), frozen: 1}
	m.headOf(&v, def)
	vals := toForm(s)
	add := func(key string, c column) {
		r := viewRow{key: key, vals: map[string]string{}, kind: c.kind, list: c.choices, refers: c.refers}
		if have := vals.find(unplus(key)); have != nil {
			r.vals = have.Vals
		}
		r.seen = []string{c.title, "", strings.ReplaceAll(c.help, "\n", " ")}
		v.rows = append(v.rows, r)
	}
	has := map[string]bool{}
	for _, f := range def.asked {
		has[f.ID] = true
		add(f.ID, m.l.field(f))
	}
	for _, r := range vals.Rows {
		switch f := def.known[r.Key]; {
		case has[r.Key]:
		case f != nil:
			add(f.ID, m.l.field(f))
		default:
			add(plus(r.Key), column{title: r.Key, help: m.l.T("ixit.unknown.field"), kind: text})
		}
	}
	return v
}
