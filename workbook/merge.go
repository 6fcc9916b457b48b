package workbook

import (
	"fmt"
	"maps"
	"slices"

	"assay/evidence"
)

// Prefer says whose answer counts where the workbook and the bundle were both
// changed since the workbook was written, to different answers.
type Prefer string

// Neither is a finding for each; a person decides.
const (
	Neither      Prefer = ""
	PreferBook   Prefer = "workbook"
	PreferBundle Prefer = "bundle"
)

// Change is one value that the workbook changes in the evidence.
type Change struct {
	Sheet  string `json:"sheet"` // id: product, models, firmware, features, ics, contents, or ixit: and a table
	Place  Place  `json:"place"` // in the workbook; a cell is empty for a row that was removed
	Key    string `json:"key"`   // row: of which requirement, feature, model or IXIT row
	Column string `json:"column"`
	Was    string `json:"was"`
	Is     string `json:"is"`
}

// Merge takes into what people changed in a workbook, and leaves what was
// changed in the evidence in the meantime. into is not changed; what a workbook
// does not hold (reports, imports, claims) is the same in out. Where both
// sides changed one value, prefer decides, or else it is a finding and out is nil.
//
// A document that is only named is looked for by its name among the artifacts
// of the evidence.
func Merge(into *evidence.Evidence, c *Content, prefer Prefer) (out *evidence.Evidence, changes []Change, found []Finding) {
	m := &merger{c: c, prefer: prefer, known: artifactsByName(into), touched: map[string]bool{}}
	theirs := values(into)
	for i := range c.now {
		now := &c.now[i]
		their := findSheet(theirs, now.ID)
		if their == nil {
			theirs = append(theirs, sheet{ID: now.ID, Cols: slices.Clone(now.Cols)})
			their = &theirs[len(theirs)-1]
		}
		base := findSheet(c.base, now.ID)
		if base == nil {
			base = &sheet{ID: now.ID}
		}
		m.sheet(their, base, now)
	}
	if Refused(m.found) {
		return nil, nil, m.found
	}
	made, _ := build(theirs)
	whole := *into
	keep(into, made)
	m.take(into, made, &whole)
	return &whole, m.changes, m.found
}

// take puts the parts that were touched into whole; the others stay as they
// are, with all that says nothing.
func (m *merger) take(into, made, whole *evidence.Evidence) {
	if m.touched[productSheet] || m.touched[modelsSheet] || m.touched[firmwareSheet] {
		whole.Product, whole.Support = made.Product, made.Support
		if m.touched[firmwareSheet] {
			whole.Firmware = made.Firmware
		}
		if !m.touched[modelsSheet] {
			whole.Product.Models = into.Product.Models
		}
		if made.Declaration != nil {
			whole.Declaration = made.Declaration
		} else if into.Declaration != nil {
			whole.Declaration = &evidence.Declaration{} // a question without an answer
		}
	}
	if m.touched[featuresSheet] {
		whole.Features = made.Features
	}
	// A statement's day stands on the product's sheet.
	if m.touched[icsSheet] || m.touched[contentsSheet] || m.touched[productSheet] {
		whole.ICS = slices.DeleteFunc(made.ICS, func(s evidence.ICS) bool {
			return s.Date.IsZero() && len(s.Entries) == 0 && !slices.ContainsFunc(into.ICS, func(o evidence.ICS) bool { return o.Standard == s.Standard && o.Edition == s.Edition })
		})
	}
	whole.IXIT = maps.Clone(into.IXIT)
	for id, rows := range made.IXIT {
		if !m.touched[ixitPrefix+id] {
			continue
		}
		if whole.IXIT == nil {
			whole.IXIT = map[string][]evidence.Row{}
		}
		whole.IXIT[id] = rows
	}
}

type merger struct {
	c       *Content
	touched map[string]bool // sheets
	prefer  Prefer
	known   map[string][]evidence.Artifact
	changes []Change
	found   []Finding
}

// sheet brings one sheet's changes into theirs.
func (m *merger) sheet(their, base, now *sheet) {
	for _, col := range now.Cols {
		their.Cols = once(their.Cols, col)
	}
	if free(now.ID) {
		m.freeRows(their, base, now)
		return
	}
	for _, r := range now.Rows {
		t := their.find(r.Key)
		if t == nil {
			if len(r.Vals) == 0 {
				continue // a question without an answer
			}
			their.Rows = append(their.Rows, newRow(r.Key))
			t = &their.Rows[len(their.Rows)-1]
		}
		m.row(now, t, base.find(r.Key), &r)
	}
}

// row merges the values of a row that is on both sides, or new in t.
func (m *merger) row(now *sheet, t, base, r *row) {
	for _, col := range now.Cols {
		was := ""
		if base != nil {
			was = base.Vals[col]
		}
		at := leaf{now.ID, r.Key, col}
		mine, there := m.resolve(at, r.Vals[col]), t.Vals[col]
		switch {
		case mine == m.resolve(at, was) || mine == there:
			continue
		case there != was && m.prefer == PreferBundle:
			continue
		case there != was && m.prefer == Neither:
			m.conflict(at, was, there, mine)
			continue
		}
		m.change(at, there, mine)
		delete(t.Vals, col)
		t.set(col, mine)
	}
}

// freeRows merges rows that people add and remove.
func (m *merger) freeRows(their, base, now *sheet) {
	both := map[string]*row{}
	for i := range now.Rows {
		r := &now.Rows[i]
		t, b := their.find(r.Key), base.find(r.Key)
		switch {
		case t != nil:
			m.row(now, t, b, r)
		case b == nil, m.differs(now.Cols, r, b) && m.prefer == PreferBook:
			n := newRow(r.Key)
			m.row(now, &n, nil, r)
			t = &n
		case m.differs(now.Cols, r, b) && m.prefer == Neither:
			m.rowConflict(now.ID, r.Key, "the row was removed from the bundle and changed in the workbook")
			continue
		default:
			continue // removed from the bundle, and not changed here
		}
		both[r.Key] = t
	}
	gone := func(t *row) bool { // removed from the workbook
		b := base.find(t.Key)
		if b == nil || now.find(t.Key) != nil {
			return false
		}
		if m.differs(base.Cols, t, b) {
			switch m.prefer {
			case PreferBundle:
				return false
			case Neither:
				m.rowConflict(now.ID, t.Key, "the row was removed from the workbook and changed in the bundle")
				return false
			}
		}
		m.touched[now.ID] = true
		for _, col := range sortedKeys(t.Vals) {
			m.changes = append(m.changes, Change{now.ID, Place{Sheet: m.c.tabs[now.ID]}, t.Key, col, t.Vals[col], ""})
		}
		return true
	}
	// The order is the workbook's, unless only the bundle's was changed. A row that
	// the other has not got stays behind the one that it was behind.
	first, second := now.Rows, their.Rows
	if !ordered(their, base) {
		first, second = second, first
	}
	stays := map[string]*row{}
	for i := range their.Rows {
		if t := &their.Rows[i]; !gone(t) && (both[t.Key] != nil || now.find(t.Key) == nil) {
			stays[t.Key] = t
		}
	}
	for key, r := range both {
		stays[key] = r
	}
	var out []row
	at := map[string]int{} // place in out, plus one
	for _, r := range first {
		if s := stays[r.Key]; s != nil && at[r.Key] == 0 {
			out = append(out, *s)
			at[r.Key] = len(out)
		}
	}
	after := 0
	for _, r := range second {
		s := stays[r.Key]
		switch {
		case s == nil:
		case at[r.Key] != 0:
			after = at[r.Key]
		default:
			out = slices.Insert(out, after, *s)
			for k, n := range at {
				if n > after {
					at[k] = n + 1
				}
			}
			after++
			at[r.Key] = after
		}
	}
	if !slices.EqualFunc(out, their.Rows, func(a, b row) bool { return a.Key == b.Key }) {
		m.touched[now.ID] = true
	}
	their.Rows = out
}

// ordered reports whether the rows that are in both are in the same order.
func ordered(s, base *sheet) bool {
	last := -1
	at := map[string]int{}
	for i, r := range base.Rows {
		at[r.Key] = i
	}
	for _, r := range s.Rows {
		if i, ok := at[r.Key]; ok {
			if i < last {
				return false
			}
			last = i
		}
	}
	return true
}

func (m *merger) differs(cols []string, a, b *row) bool {
	return slices.ContainsFunc(cols, func(c string) bool { return a.Vals[c] != b.Vals[c] })
}

// resolve completes documents that were only named.
func (m *merger) resolve(at leaf, val string) string {
	if at.Col != "documents" && at.Key != declarationDocument {
		return val
	}
	list := dec(val)
	for i, d := range list {
		if a := artifact(d); a.SHA256 == (evidence.Hash{}) {
			if of := m.known[a.Name]; len(of) == 1 {
				list[i] = document(&of[0])
			}
		}
	}
	return enc(list)
}

func (m *merger) change(l leaf, was, is string) {
	p := m.c.cells[l]
	m.touched[l.Sheet] = true
	m.changes = append(m.changes, Change{l.Sheet, p, l.Key, l.Col, was, is})
}

func (m *merger) conflict(l leaf, was, there, mine string) {
	p := m.c.cells[l]
	m.found = append(m.found, Finding{Sheet: p.Sheet, Cell: p.Cell,
		Problem: fmt.Sprintf("it was %.60q, is now %.60q in the bundle and %.60q in the workbook", was, there, mine),
		Remedy:  "make the two agree, or say with --prefer which one counts",
	})
}

func (m *merger) rowConflict(sheet, key, problem string) {
	p := Place{Sheet: m.c.tabs[sheet]}
	if s := findSheet(m.c.now, sheet); s != nil && len(s.Cols) > 0 {
		if at, ok := m.c.cells[leaf{sheet, key, s.Cols[0]}]; ok {
			p = at
		}
	}
	m.found = append(m.found, Finding{Sheet: p.Sheet, Cell: p.Cell, Problem: fmt.Sprintf("%s: row %.60q", problem, key), Remedy: "make the two agree, or say with --prefer which one counts"})
}

// artifactsByName are the documents that are known, each once.
func artifactsByName(ev *evidence.Evidence) map[string][]evidence.Artifact {
	known := map[string][]evidence.Artifact{}
	add := func(a evidence.Artifact) {
		same := func(o evidence.Artifact) bool { return o.SHA256 == a.SHA256 && o.Size == a.Size }
		if a.SHA256 != (evidence.Hash{}) && !slices.ContainsFunc(known[a.Name], same) {
			a.Shows = nil
			known[a.Name] = append(known[a.Name], a)
		}
	}
	for i := range ev.ICS {
		for _, e := range ev.ICS[i].Entries {
			for _, a := range e.Artifacts {
				add(a)
			}
		}
	}
	for i := range ev.Claims {
		for _, a := range ev.Claims[i].Artifacts {
			add(a)
		}
	}
	for i := range ev.Imports {
		add(ev.Imports[i].Artifact)
	}
	for i := range ev.Reports {
		if r := ev.Reports[i].Report(); r != nil {
			for j := range r.Verdicts {
				for _, a := range r.Verdicts[j].Artifacts {
					add(a)
				}
			}
			for j := range r.Results {
				for _, a := range r.Results[j].Artifacts {
					add(a)
				}
			}
		}
	}
	if ev.Declaration != nil && ev.Declaration.Document != nil {
		add(*ev.Declaration.Document)
	}
	return known
}

// keep puts back what values have not got: the order of what artifacts show,
// and cells that are there and empty.
func keep(was, is *evidence.Evidence) {
	if a, b := was.Declaration, is.Declaration; a != nil && b != nil && a.Document != nil && b.Document != nil && document(a.Document) == document(b.Document) {
		b.Document.Shows = a.Document.Shows
	}
	for i := range is.ICS {
		s := &is.ICS[i]
		j := slices.IndexFunc(was.ICS, func(o evidence.ICS) bool { return o.Standard == s.Standard && o.Edition == s.Edition })
		if j < 0 {
			continue
		}
		for id, e := range s.Entries {
			for k := range e.Artifacts {
				for _, old := range was.ICS[j].Entries[id].Artifacts {
					if document(&old) == document(&e.Artifacts[k]) && sameSet(old.Shows, e.Artifacts[k].Shows) {
						e.Artifacts[k].Shows = old.Shows
					}
				}
			}
		}
	}
	for id, rows := range is.IXIT {
		old := was.IXIT[id]
		for _, r := range rows {
			i := slices.IndexFunc(old, func(o evidence.Row) bool { return slices.Equal(o["id"], r["id"]) })
			if i < 0 {
				continue
			}
			for f, c := range old[i] {
				if _, there := r[f]; !there && c.Empty() {
					r[f] = c // a question that is there to be answered
				}
			}
		}
	}
}

func sameSet(a, b []string) bool {
	set := func(s []string) map[string]bool {
		m := map[string]bool{}
		for _, v := range s {
			m[v] = true
		}
		return m
	}
	return maps.Equal(set(a), set(b))
}
