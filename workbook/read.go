package workbook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"assay/evidence"
	"assay/scheme"
)

// Read takes a workbook that [Write] made and people filled in. It finds its
// way by the hidden ids: sheets may be renamed and columns and rows moved.
//
// Everything that is wrong comes back at once, with sheet and cell. Where that
// forbids to take the workbook over, see [Refused], there is no content. The
// error is for a file that cannot be read as a workbook at all, and wraps
// [ErrNoWorkbook] or [ErrTooLarge].
//
// It parses b in this process; [ReadFile] does so in another.
func Read(b []byte, cat *scheme.Catalog) (*Content, []Finding, error) {
	k, err := parse(b)
	if err != nil {
		return nil, nil, err
	}
	return interpret(k, cat)
}

// parse reads the cells of a file.
func parse(b []byte) (*book, error) {
	f, err := openFile(b)
	if err != nil {
		return nil, err
	}
	return readBook(f)
}

// interpret makes answers of cells.
func interpret(k *book, cat *scheme.Catalog) (*Content, []Finding, error) {
	r := &reader{cat: cat, book: k, sheets: map[string]*found{}, manifest: map[string][]string{}, c: &Content{cells: map[leaf]Place{}, tabs: map[string]string{}}, docs: map[string]string{}, used: map[string]bool{}}
	for _, x := range k.Found {
		r.add(x)
	}
	if err := r.meta(); err != nil {
		return nil, nil, err
	}
	r.locate()
	r.documents()
	for _, id := range r.order {
		if id != documentSheet {
			r.sheet(r.sheets[id])
		}
	}
	r.unused()
	r.c.Evidence, r.at = build(r.c.now)
	r.validate()
	r.references()
	if r.more > 0 {
		r.list = append(r.list, Finding{Problem: fmt.Sprintf("%d more findings", r.more), Remedy: "correct the first ones, and read it again", Warning: !r.moreRefused})
	}
	if Refused(r.list) {
		return nil, r.list, nil
	}
	return r.c, r.list, nil
}

// found is a sheet that was recognized by its id.
type found struct {
	id  string
	g   *grid
	top int // row of ids
	key int // column of keys
}

type reader struct {
	cat      *scheme.Catalog
	l        *tongue
	book     *book
	specs    []string
	manifest map[string][]string // input columns by sheet, as they were written
	order    []string            // sheets as they were written
	sheets   map[string]*found
	docs     map[string]string // document by its id in the workbook
	used     map[string]bool   // ids of documents
	c        *Content
	at       map[string]leaf

	list        []Finding
	more        int
	moreRefused bool
}

func (r *reader) add(f Finding) {
	if len(r.list) >= MaxFindings {
		r.more++
		r.moreRefused = r.moreRefused || !f.Warning
		return
	}
	r.list = append(r.list, f)
}

func (r *reader) wrong(p Place, remedy, format string, a ...any) {
	r.add(Finding{Sheet: p.Sheet, Cell: p.Cell, Problem: fmt.Sprintf(format, a...), Remedy: remedy})
}

func (r *reader) warn(p Place, remedy, format string, a ...any) {
	r.add(Finding{Sheet: p.Sheet, Cell: p.Cell, Problem: fmt.Sprintf(format, a...), Remedy: remedy, Warning: true})
}

// marked finds the cell with the sheet's id, which is near the top.
func marked(g *grid) (id string, row, col int) {
	for i := range g.Rows {
		if i == 20 {
			break
		}
		for _, c := range g.Rows[i].Cells {
			if id, ok := strings.CutPrefix(c.Val, marker); ok && c.Kind == textCell {
				return strings.TrimSpace(id), g.Rows[i].N, c.Col
			}
		}
	}
	return "", 0, 0
}

const anew = "take a new workbook (`assay evidence workbook`), and copy the answers into it"

// meta reads the hidden sheet. Without it nobody can tell what was changed.
func (r *reader) meta() error {
	var g *grid
	top, key := 0, 0
	for _, s := range r.book.Sheets {
		if id, row, col := marked(s); id == metaSheet {
			if g != nil {
				return fmt.Errorf("%w: the hidden sheets %.40q and %.40q are one twice: %s", ErrNoWorkbook, g.Name, s.Name, anew)
			}
			g, top, key = s, row, col
		}
	}
	if g == nil {
		return fmt.Errorf("%w of questions: its hidden sheet is missing: %s", ErrNoWorkbook, anew)
	}
	for i := range g.Rows {
		row := &g.Rows[i]
		c := row.cell(key)
		if row.N < top || c == nil {
			continue
		}
		var vals []string
		for _, v := range row.Cells {
			if v.Col > key {
				vals = append(vals, v.Val)
			}
		}
		if len(vals) == 0 {
			continue
		}
		switch v := vals[0]; {
		case row.N == top && v != format:
			return fmt.Errorf("%w: it is of format %.20q, this program reads %s: %s", ErrNoWorkbook, v, format, anew)
		case c.Val == "lang":
			r.c.Lang = v
		case c.Val == "catalog":
			r.c.Catalog = v
		case c.Val == "spec":
			r.specs = append(r.specs, v)
		case c.Val == "sheet" && len(r.order) < MaxSheets:
			if r.manifest[v] == nil {
				r.order = append(r.order, v)
			}
			r.manifest[v] = vals[1:]
		}
	}
	var err error
	if r.l, err = localeFor(r.c.Lang); err != nil {
		return fmt.Errorf("%w: its hidden sheet was changed: %w: %s", ErrNoWorkbook, err, anew)
	}
	ev := new(evidence.Evidence)
	if err = json.Unmarshal(r.book.Base, ev); err != nil {
		return fmt.Errorf("%w: its hidden sheet was changed: %w: %s", ErrNoWorkbook, err, anew)
	}
	if err := canHold(ev); err != nil {
		return fmt.Errorf("%w: its hidden sheet was changed: %w: %s", ErrNoWorkbook, err, anew)
	}
	r.c.base = values(part(ev))
	return nil
}

// locate finds every sheet that was written, and says what else is there.
func (r *reader) locate() {
	var strange []*grid
	for _, g := range r.book.Sheets {
		id, row, col := marked(g)
		switch {
		case id == metaSheet, id == listsSheet, id == guideSheet:
			continue
		case id == "":
			if len(g.Rows) > 0 {
				strange = append(strange, g)
			}
			continue
		case r.manifest[id] == nil:
			r.wrong(Place{Sheet: g.Name, Cell: cell(col, row)}, anew, "its hidden id %.60q is none that this workbook was written with", id)
			continue
		case r.sheets[id] != nil:
			r.wrong(Place{Sheet: g.Name}, "bring the rows together in one of them, and delete the other", "it has the same id as sheet %.40q", r.sheets[id].g.Name)
			continue
		}
		r.sheets[id] = &found{id, g, row, col}
		if g.Hidden {
			r.warn(Place{Sheet: g.Name}, "unhide it, so that people see what it says", "the sheet is hidden; it is read")
		}
	}
	missing := false
	for _, id := range r.order {
		if r.sheets[id] == nil {
			missing = true
			r.wrong(Place{}, "put the sheet back, or "+anew, "the sheet of %s is missing, or its hidden row of ids", id)
		}
	}
	for _, g := range strange {
		if missing {
			r.wrong(Place{Sheet: g.Name}, "put the hidden row of ids back, or "+anew, "the sheet has no ids: nobody can tell what it answers")
		} else {
			r.warn(Place{Sheet: g.Name}, "write what matters into the sheet that it belongs to", "the sheet is not of this workbook and is not read")
		}
	}
}

// column finds what a column id of a sheet means.
func (r *reader) column(sheet, id string) (column, bool) {
	table, ixit := strings.CutPrefix(sheet, ixitPrefix)
	if !ixit {
		if strings.HasPrefix(sheet, formPrefix) {
			sheet = productSheet // which has the same columns
		}
		cols := r.l.columns(sheet)
		i := slices.IndexFunc(cols, func(c column) bool { return c.id == id })
		if i < 0 {
			return column{}, false
		}
		return cols[i], true
	}
	return r.field(table, id)
}

func (r *reader) field(id, field string) (column, bool) {
	if field == "id" {
		return r.l.idColumn(), true
	}
	if strings.HasPrefix(field, "+") && len(field) > 1 {
		return column{id: field, title: unplus(field), kind: text}, true
	}
	if def := table(r.cat, r.specs, id); def != nil && def.known[field] != nil {
		return r.l.field(def.known[field]), true
	}
	return column{}, false
}

// head is what the columns of a sheet mean.
type head struct {
	cols map[int]column // inputs
	seen map[int]bool   // columns for people
	row  int            // of titles
	bad  bool
}

func (r *reader) head(s *found) head {
	h := head{cols: map[int]column{}, seen: map[int]bool{s.key: true}}
	at := map[string]int{}
	for _, c := range s.g.row(s.top).Cells {
		if c.Col == s.key {
			continue
		}
		p, id := Place{s.g.Name, cell(c.Col, s.top)}, strings.TrimSpace(c.Val)
		if isSeen(id) {
			h.seen[c.Col] = true
			continue
		}
		col, ok := r.column(s.id, id)
		switch {
		case !ok:
			h.bad = true
			r.wrong(p, "correct the id in the hidden row, or "+anew+" (it was written with catalog "+clip(r.c.Catalog, 12)+")", "column id %.60q is unknown in the catalog", id)
		case at[id] != 0:
			h.bad = true
			r.wrong(p, "delete one of the two", "columns %s and %s have the same id %.60q", colName(at[id]), colName(c.Col), id)
		default:
			at[id] = c.Col
			h.cols[c.Col] = col
		}
	}
	for _, id := range r.manifest[s.id] {
		if at[id] == 0 {
			h.bad = true
			r.wrong(Place{Sheet: s.g.Name}, "put the column back with its id in the hidden row, or "+anew, "the column of %.60s is missing, or its id in the hidden row", id)
		}
	}
	for i := range s.g.Rows {
		if c := s.g.Rows[i].cell(s.key); c != nil && c.Val == headMark {
			h.row = s.g.Rows[i].N
		}
	}
	if h.row <= s.top {
		h.bad = true
		r.wrong(Place{Sheet: s.g.Name}, anew, "the row of titles has lost its hidden mark %s", headMark)
	}
	return h
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// sheet reads the rows of one sheet.
func (r *reader) sheet(s *found) {
	if s == nil {
		return
	}
	h := r.head(s)
	if h.bad {
		return
	}
	id := s.id
	prefix := id[:strings.IndexByte(id, ':')+1]
	if table := strings.TrimPrefix(id, prefix); prefix != "" {
		if strings.HasPrefix(table, "+") {
			id = prefix + unplus(table)
		} else if def := r.known(table); !def {
			r.wrong(Place{s.g.Name, cell(s.key, s.top)}, anew, "table %.60q is in no test specification of the catalog", table)
			return
		}
	}
	r.shape(s, h)
	out := sheet{ID: id}
	for _, n := range sortedCols(h.cols) {
		out.Cols = append(out.Cols, unplus(h.cols[n].id))
	}
	rows := &rowReader{reader: r, s: s, h: h, out: &out, base: findSheet(r.c.base, ixitID(id)), seen: map[string]int{}}
	if rows.base == nil {
		rows.base = &sheet{ID: ixitID(id)}
	}
	if prefix == formPrefix {
		rows.base = toForm(rows.base)
	}
	for i := range s.g.Rows {
		row := &s.g.Rows[i]
		if row.N <= s.top || strings.HasPrefix(keyOf(row, s.key), "#") {
			continue
		}
		if free(s.id) {
			rows.free(row)
		} else {
			rows.fixed(row)
		}
	}
	if free(s.id) {
		rows.ids()
	} else {
		rows.lost()
	}
	if prefix == formPrefix {
		for _, q := range out.Rows {
			r.c.cells[leaf{ixitID(id), "", q.Key}] = r.place(id, q.Key, "value")
		}
		out = fromForm(&out)
	}
	r.c.tabs[out.ID] = s.g.Name
	r.c.now = append(r.c.now, out)
}

// ixitID is the table's id in values, be it written as a table or as a form.
func ixitID(id string) string {
	if t, form := strings.CutPrefix(id, formPrefix); form {
		return ixitPrefix + t
	}
	return id
}

func (r *reader) known(t string) bool { return table(r.cat, r.specs, t) != nil }

func sortedCols(m map[int]column) []int {
	ns := make([]int, 0, len(m))
	for n := range m {
		ns = append(ns, n)
	}
	slices.Sort(ns)
	return ns
}

func keyOf(row *gridRow, col int) string {
	if c := row.cell(col); c != nil && c.Kind == textCell {
		return strings.TrimSpace(c.Val)
	}
	return ""
}

// shape says what a sheet has that its cells do not show.
func (r *reader) shape(s *found, h head) {
	g := s.g
	for _, m := range g.Merged {
		if m.Row2 > h.row && (m.Row1 != m.Row2 || m.Col1 != m.Col2) {
			name := cell(m.Col1, m.Row1) + ":" + cell(m.Col2, m.Row2)
			r.wrong(Place{g.Name, name}, "unmerge them and write the value into each row that it belongs to", "merged cells")
		}
	}
	// A column without an id may be anybody's notes; it is no answer to anything.
	said := map[int]bool{}
	for i := range g.Rows {
		row := &g.Rows[i]
		if row.N <= s.top || row.N == h.row || strings.HasPrefix(keyOf(row, s.key), "#") {
			continue
		}
		filled := false
		for _, c := range row.Cells {
			_, input := h.cols[c.Col]
			if filled = filled || input; input || said[c.Col] {
				continue
			}
			if !h.seen[c.Col] || (c.Col == s.key && free(s.id)) {
				said[c.Col] = true
				r.wrong(Place{g.Name, cell(c.Col, row.N)}, "move it to the column that it belongs to, or delete it", "column %s has no id: nobody can tell what it answers", colName(c.Col))
			}
		}
		if row.Hidden && filled {
			r.warn(Place{g.Name, cell(s.key, row.N)}, "unhide row "+strconv.Itoa(row.N)+" and check it, or delete it", "a hidden row has values; they are read")
		}
	}
	for _, n := range sortedCols(h.cols) {
		if !slices.ContainsFunc(g.Cols, func(a area) bool { return n >= a.Col1 && n <= a.Col2 }) {
			continue
		}
		i := slices.IndexFunc(g.Rows, func(row gridRow) bool { return row.N > h.row && row.cell(n) != nil })
		if i >= 0 {
			r.warn(Place{g.Name, cell(n, g.Rows[i].N)}, "unhide column "+colName(n)+" and check it", "a hidden column has values; they are read")
		}
	}
	for _, at := range g.Notes {
		if _, row, ok := splitCell(at); ok && row > h.row {
			r.warn(Place{g.Name, at}, "write what matters into a cell", "a note is not taken over")
		}
	}
}

// rowReader reads the rows of one sheet.
type rowReader struct {
	*reader
	s    *found
	h    head
	out  *sheet
	base *sheet
	seen map[string]int // rows by key
	noID []Place        // rows without an id
}

// fixed reads a row that stands for a question.
func (rr *rowReader) fixed(row *gridRow) {
	key := keyOf(row, rr.s.key)
	p := Place{rr.s.g.Name, cell(rr.s.key, row.N)}
	if key == "" {
		for _, n := range sortedCols(rr.h.cols) {
			if row.cell(n) != nil {
				rr.wrong(Place{p.Sheet, cell(n, row.N)}, "move it to the row of its question, or put the row's hidden id back", "the row has no id: nobody can tell what it answers")
				return
			}
		}
		return
	}
	if !rr.knownKey(key) {
		rr.wrong(p, "put the row's hidden id back, or "+anew, "row id %.80q is unknown in the catalog", key)
		return
	}
	id := unplus(key)
	if rr.seen[id]++; rr.seen[id] > 1 {
		rr.wrong(p, "keep one row for each question", "row id %.80q is there twice", key)
		return
	}
	v := newRow(id)
	base := rr.base.find(id)
	for _, n := range sortedCols(rr.h.cols) {
		col := rr.h.cols[n]
		if rr.s.id == productSheet {
			col.kind, col.choices, _ = productKind(rr.cat, rr.l, id)
		} else if table, form := strings.CutPrefix(rr.s.id, formPrefix); form {
			f, _ := rr.field(table, key)
			col.kind, col.choices = f.kind, f.choices
		}
		rr.cell(v, col, row, n, base)
	}
	rr.out.Rows = append(rr.out.Rows, v)
}

// knownKey reports whether a row stands for something.
func (rr *rowReader) knownKey(key string) bool {
	ours := strings.HasPrefix(key, "+")
	id := unplus(key)
	ref, content, hasContent := strings.Cut(id, "#")
	standard, edition, requirementID, isRef := splitRef(ref)
	_, req := requirement(rr.cat, standard, edition, requirementID)
	if table, form := strings.CutPrefix(rr.s.id, formPrefix); form {
		_, ok := rr.field(table, key)
		return ok && key != "id"
	}
	switch rr.s.id {
	case productSheet:
		_, _, ok := productKind(rr.cat, rr.l, key)
		return ok
	case featuresSheet:
		return (ours && id != "") || feature(rr.cat, id) != nil
	case icsSheet:
		return isRef && !hasContent && (ours || req != nil)
	case contentsSheet:
		return isRef && content != "" && (ours || (req != nil && slices.ContainsFunc(req.Contents, func(c scheme.Content) bool { return c.ID == content })))
	}
	return false
}

// lost takes rows that are gone from what they said before.
func (rr *rowReader) lost() {
	for _, r := range rr.base.Rows {
		if len(r.Vals) > 0 && rr.out.find(r.Key) == nil && rr.seen[r.Key] == 0 {
			rr.warn(Place{Sheet: rr.s.g.Name}, "empty a row's cells to take an answer back", "the row of %.80q is gone; its answer stays", r.Key)
			rr.out.Rows = append(rr.out.Rows, r)
		}
	}
}

// free reads a row that people may have added.
func (rr *rowReader) free(row *gridRow) {
	v := newRow("")
	var ids []string
	switch rr.s.id {
	case modelsSheet:
		ids = []string{"model", "variant"}
	case firmwareSheet:
		ids = []string{"version", "sha256"}
	default:
		ids = []string{"id"}
	}
	cols := sortedCols(rr.h.cols)
	if !slices.ContainsFunc(cols, func(n int) bool { return row.cell(n) != nil }) {
		return
	}
	at := Place{rr.s.g.Name, cell(cols[0], row.N)}
	bad := len(rr.list) + rr.more
	for _, n := range cols {
		if slices.Contains(ids, rr.h.cols[n].id) {
			if rr.h.cols[n].id == ids[0] {
				at.Cell = cell(n, row.N)
			}
			rr.cell(v, rr.h.cols[n], row, n, nil)
		}
	}
	unread := len(rr.list)+rr.more > bad && v.Vals[ids[0]] == "" // it was said why
	v.Key = v.Vals[ids[0]]
	switch rr.s.id {
	case modelsSheet:
		v.Key = modelKey(v.Key, v.Vals["variant"])
	case firmwareSheet:
		v.Key += "\n" + v.Vals["sha256"]
	}
	first := v.Key
	if rr.seen[first]++; rr.seen[first] > 1 {
		v.Key = fmt.Sprintf("%s\n#%d", first, rr.seen[first])
	}
	base := rr.base.find(v.Key)
	for _, n := range cols {
		if !slices.Contains(ids, rr.h.cols[n].id) {
			rr.cell(v, rr.h.cols[n], row, n, base)
		}
	}
	if len(v.Vals) == 0 {
		rr.seen[first]--
		return
	}
	// The ids' own places were kept under the empty key.
	for _, n := range cols {
		rr.c.cells[leaf{rr.out.ID, v.Key, unplus(rr.h.cols[n].id)}] = Place{rr.s.g.Name, cell(n, row.N)}
	}
	if !unread {
		rr.freeID(v, base, first, at)
	}
	rr.out.Rows = append(rr.out.Rows, v)
}

// freeID checks what tells rows apart. What was so in the bundle is no fault
// of the workbook, and the bundle's own findings name it.
func (rr *rowReader) freeID(v row, base *row, first string, at Place) {
	if base != nil {
		return
	}
	switch rr.s.id {
	case modelsSheet:
		model := v.Vals["model"]
		switch {
		case model == "":
			rr.wrong(at, "write the model", "a row without a model")
		case v.Vals["variant"] != "" && !slices.ContainsFunc(rr.out.Rows, func(o row) bool { return o.Vals["model"] == model && o.Vals["variant"] == "" }):
			rr.wrong(at, "give the model a row of its own above, with an empty variant", "a variant of model %.60q, which has no row above", model)
		case rr.seen[first] > 1:
			rr.wrong(at, "give each its own designation", "it comes twice")
		}
	case firmwareSheet:
		if rr.seen[first] > 1 {
			rr.wrong(at, "keep one", "the same firmware comes twice")
		}
	case documentSheet:
	default:
		if first == "" {
			rr.noID = append(rr.noID, at)
		} else if rr.seen[first] > 1 {
			rr.wrong(at, "give each row its own id", "row id %.60q comes twice", first)
		}
	}
}

// ids asks for ids where a table has several rows.
func (rr *rowReader) ids() {
	if len(rr.out.Rows) < 2 {
		return
	}
	for _, at := range rr.noID {
		rr.wrong(at, "give each row its own: letters, digits and . _ : -", "the row has no id")
	}
}

// cell reads one cell into v.
func (rr *rowReader) cell(v row, col column, at *gridRow, n int, base *row) {
	c := at.cell(n)
	id := unplus(col.id)
	p := Place{rr.s.g.Name, cell(n, at.N)}
	rr.c.cells[leaf{rr.out.ID, v.Key, id}] = p
	if c == nil {
		return
	}
	was := ""
	if base != nil {
		was = base.Vals[id]
	}
	val, ok := rr.value(col, c, p, was)
	if ok {
		v.set(id, val)
	}
}
