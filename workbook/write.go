package workbook

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"assay/evidence"
	"assay/scheme"
)

// ErrCannotHold is wrapped by what [Write] says of evidence that no workbook
// can hold: a text longer than a cell, a character that the format has not got.
var ErrCannotHold = errors.New("a workbook cannot hold it")

const (
	marker    = "assay:" // before a sheet's id, in the cell where its hidden row and column meet
	titleMark = "#title" // rows of the hidden column that are no data
	headMark  = "#head"
	format    = "1" // of what the ids mean

	headRow   = 3 // the hidden row of ids is 1, the title 2
	spareRows = 15
	fontSize  = 10
	chunk     = 30_000 // characters of a cell of the hidden sheet
)

// Write makes a workbook of the questions, with what the evidence says of them
// filled in and what else it says added, in one of [Languages]. Of the
// evidence it holds product, firmware, features, support, statements, IXIT and
// declaration. Ids that the catalog has not got are written as well.
func Write(w io.Writer, cat *scheme.Catalog, ev *evidence.Evidence, q Questions, lang string) error {
	l, err := localeFor(lang)
	if err != nil {
		return err
	}
	if err := canHold(ev); err != nil {
		return err
	}
	f := excelize.NewFile()
	defer f.Close()
	wr := &writer{f: f, l: l, lists: map[string]string{}, tabs: map[string]string{}}
	if err := wr.styles(); err != nil {
		return err
	}
	all := views(cat, ev, q, l)
	for i := range all {
		wr.name(&all[i])
	}
	wr.docs = map[string]string{}
	for i, d := range documentIDs(values(ev)) {
		wr.docs[d] = documentID(i)
	}
	wr.guide(cat, ev, q, all)
	for i := range all {
		wr.sheet(&all[i])
	}
	wr.writeLists()
	wr.meta(cat, ev, q, all)
	wr.finish(ev)
	if wr.err != nil {
		return fmt.Errorf("workbook: %w", wr.err)
	}
	f.SetZipWriter(func(w io.Writer) excelize.ZipWriter { return zipper{zip.NewWriter(w)} })
	return f.Write(w)
}

// zipper lets rows grow. The library says of each row that has a height that a
// person set it, and programs leave such a row as it is when more is written
// into it. Without a height some do not measure the text at all.
type zipper struct{ *zip.Writer }

func (z zipper) Create(name string) (io.Writer, error) {
	w, err := z.Writer.Create(name)
	if err == nil && strings.HasPrefix(name, "xl/worksheets/") {
		return growing{w}, nil
	}
	return w, err
}

type growing struct{ io.Writer }

var setRow = regexp.MustCompile(`(<row r="\d+" ht="\d+\.5") customHeight="true"`)

func (g growing) Write(b []byte) (int, error) {
	_, err := g.Writer.Write(setRow.ReplaceAll(b, []byte("$1")))
	return len(b), err
}

// grows gives a row the height of its text, which may grow. That is marked by
// half a point; no other height has one.
func (w *writer) grows(tab string, row, lines int) {
	w.try(w.f.SetRowHeight(tab, row, float64(min(15*max(1, lines), 400))+0.5))
}

// linesIn is about how many lines a text takes in a column of a width.
func linesIn(s string, width float64) (n int) {
	for l := range strings.SplitSeq(s, "\n") {
		n += 1 + max(0, columnsOf(l)-1)/max(1, int(width*1.05))
	}
	return n
}

// canHold finds what would not come back from a workbook.
func canHold(ev *evidence.Evidence) error {
	for i := range ev.ICS {
		s := &ev.ICS[i]
		for id, e := range s.Entries {
			key := refKey(s.Standard, s.Edition, id)
			if a, b, c, ok := splitRef(key); !ok || a != s.Standard || b != s.Edition || c != id || strings.ContainsAny(id, "#\n") {
				return fmt.Errorf("%w: %.60q of %.60q is no requirement", ErrCannotHold, id, s.Standard+"@"+s.Edition)
			}
			for _, a := range e.Artifacts {
				if strings.Contains(a.Name, "\n") {
					return fmt.Errorf("%w: the name of artifact %.60q has several lines", ErrCannotHold, a.Name)
				}
			}
		}
	}
	for _, s := range values(ev) {
		if len(s.Rows) > MaxRows {
			return fmt.Errorf("%w: %s has %d rows, at most %d", ErrCannotHold, s.ID, len(s.Rows), MaxRows)
		}
		if len(s.Cols) > MaxColumns/2 {
			return fmt.Errorf("%w: %s has %d fields", ErrCannotHold, s.ID, len(s.Cols))
		}
		for _, r := range s.Rows {
			for _, col := range []string{"id", "model", "variant", "version"} { // what tells rows apart is read as one line
				if v := r.Vals[col]; free(s.ID) && (strings.TrimSpace(v) != v || strings.Contains(v, "\n") || strings.HasPrefix(v, listMark)) {
					return fmt.Errorf("%w: %s: %s %.60q has spaces around it, or several lines", ErrCannotHold, s.ID, col, v)
				}
			}
			for col, v := range r.Vals {
				if why := unfit(v); why != "" {
					return fmt.Errorf("%w: %s, row %.60q, %s %s", ErrCannotHold, s.ID, r.Key, col, why)
				}
			}
		}
	}
	return nil
}

// unfit says why a text cannot be a cell's; "" where it can.
func unfit(s string) string {
	if n := units(escape(s)); n > MaxCell {
		return fmt.Sprintf("has %d characters, a cell holds %d: put it into a document and name that", n, MaxCell)
	}
	if !utf8.ValidString(s) {
		return "is not UTF-8: save it in that encoding"
	}
	if i := strings.IndexFunc(s, broken); i >= 0 || strings.Contains(s, "\r") {
		return "holds a control or broken character: remove it"
	}
	return ""
}

// broken reports a character that no cell may have.
func broken(r rune) bool {
	return r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF || (r < 0x20 && r != '\n' && r != '\t' && r != '\r') || (r >= 0x7F && r < 0xA0)
}

// writer puts views into a file. Its err is the first error; after one it does
// nothing more.
type writer struct {
	f     *excelize.File
	l     *tongue
	err   error
	tabs  map[string]string // tab by sheet id
	docs  map[string]string // id by document
	lists map[string]string // range in the hidden sheet by the list's items
	items [][]string        // of the hidden sheet's columns

	plain, title, help, head, headIn, seen, strong, input, spare, bold, link int // styles
}

func (w *writer) try(err error) {
	if w.err == nil {
		w.err = err
	}
}

// str sets a text. The library does not escape what texts of this format take
// for an escape (ECMA-376-1, 22.9.2.19).
func (w *writer) str(tab, at, s string) error { return w.f.SetCellStr(tab, at, escape(s)) }

func escape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if _, ok := escaped(s[i:]); ok {
			b.WriteString("_x005F")
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// escaped is the character that s begins with the escape of.
func escaped(s string) (rune, bool) {
	if len(s) < 7 || s[0] != '_' || s[1] != 'x' || s[6] != '_' {
		return 0, false
	}
	v, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(v), err == nil
}

func (w *writer) style(s excelize.Style) int {
	id, err := w.f.NewStyle(&s)
	w.try(err)
	return id
}

func (w *writer) styles() error {
	const textFormat = 49 // "@": what is typed stays as it is
	border := func(color string) (bs []excelize.Border) {
		for _, side := range []string{"left", "right", "top", "bottom"} {
			bs = append(bs, excelize.Border{Type: side, Color: color, Style: 1})
		}
		return bs
	}
	fill := func(color string) excelize.Fill {
		return excelize.Fill{Type: "pattern", Color: []string{color}, Pattern: 1}
	}
	font := func(f excelize.Font) *excelize.Font {
		f.Family = w.l.T("font")
		if f.Size == 0 {
			f.Size = fontSize
		}
		return &f
	}
	w.try(w.f.SetDefaultFont(w.l.T("font")))
	wrap := &excelize.Alignment{WrapText: true, Vertical: "top"}
	open := &excelize.Protection{Locked: false}
	head := excelize.Style{Font: font(excelize.Font{Bold: true, Color: "FFFFFF"}), Fill: fill("44546A"), Border: border("8497B0"), Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"}}
	w.head = w.style(head)
	head.Fill = fill("1F4E79")
	w.headIn = w.style(head)
	w.plain = w.style(excelize.Style{Font: font(excelize.Font{}), Alignment: wrap})
	w.bold = w.style(excelize.Style{Font: font(excelize.Font{Bold: true}), Alignment: wrap})
	w.link = w.style(excelize.Style{Font: font(excelize.Font{Color: "1F4E79", Underline: "single"}), Alignment: wrap})
	w.title = w.style(excelize.Style{Font: font(excelize.Font{Bold: true, Size: 14, Color: "1F4E79"}), Alignment: &excelize.Alignment{Vertical: "center"}})
	w.help = w.style(excelize.Style{Font: font(excelize.Font{Color: "595959"}), Alignment: wrap})
	w.seen = w.style(excelize.Style{Font: font(excelize.Font{}), Fill: fill("F2F2F2"), Border: border("D9D9D9"), Alignment: wrap})
	w.strong = w.style(excelize.Style{Font: font(excelize.Font{Bold: true}), Fill: fill("F2F2F2"), Border: border("D9D9D9"), Alignment: wrap})
	w.input = w.style(excelize.Style{Font: font(excelize.Font{}), NumFmt: textFormat, Fill: fill("FFF9E5"), Border: border("D6C48A"), Alignment: wrap, Protection: open})
	w.spare = w.style(excelize.Style{Font: font(excelize.Font{}), NumFmt: textFormat, Alignment: wrap, Protection: open})
	return w.err
}

// name gives a view a tab that the format allows and no other has.
func (w *writer) name(v *view) {
	base := strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\`, r) || broken(r) || r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, v.tab), "' ")
	if base == "" || strings.EqualFold(base, "history") { // taken by Excel
		base = "Sheet"
	}
	taken := func(s string) bool {
		for _, t := range w.tabs {
			if strings.EqualFold(t, s) {
				return true
			}
		}
		return strings.EqualFold(s, w.l.T("guide.tab"))
	}
	cut := func(n int) string {
		rs := []rune(base)
		for units16(rs) > n {
			rs = rs[:len(rs)-1]
		}
		return strings.TrimRight(string(rs), "' ")
	}
	tab := cut(31)
	for n := 2; taken(tab); n++ {
		tab = fmt.Sprintf("%s %d", cut(26), n)
	}
	v.tab, w.tabs[v.id] = tab, tab
}

func units16(rs []rune) (n int) {
	for _, r := range rs {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

func cell(col, row int) string {
	name, err := excelize.CoordinatesToCellName(col, row)
	if err != nil {
		return "A1" // col and row are this package's own, and small
	}
	return name
}

func colName(col int) string { return strings.TrimRight(cell(col, 1), "1") }

func (w *writer) set(tab string, col, row, style int, s string) {
	c := cell(col, row)
	if s != "" {
		w.try(w.str(tab, c, s))
	}
	w.try(w.f.SetCellStyle(tab, c, c, style))
}

// display is how a value stands in a cell.
func (w *writer) display(k kind, options []option, v string) string {
	if k == docs {
		var ids []string
		for _, d := range dec(v) {
			ids = append(ids, w.docs[d])
		}
		return strings.Join(ids, "\n")
	}
	return display(k, options, v)
}

func display(k kind, options []option, v string) string {
	switch k {
	case choice:
		return shown(options, v)
	case lines, words:
		return strings.Join(dec(v), "\n")
	}
	return v
}

// sheet writes one view. Column A is hidden and has the keys of the rows.
func (w *writer) sheet(v *view) {
	if w.err != nil {
		return
	}
	tab, last := v.tab, len(v.cols)+1
	_, err := w.f.NewSheet(tab)
	w.try(err)
	if free(v.id) { // so that rows can be added without end, and removed
		w.try(w.f.SetColStyle(tab, "A:"+colName(last), w.spare))
	}
	w.set(tab, 1, 1, w.plain, marker+v.id)
	w.set(tab, 1, 2, w.plain, titleMark)
	w.set(tab, 1, headRow, w.plain, headMark)
	w.titleOf(tab, v, last)
	width := 0.0
	for i := range v.cols {
		c, n := &v.cols[i], i+2
		w.set(tab, n, 1, w.plain, c.id)
		style := w.head
		if c.kind != locked {
			style = w.headIn
		}
		w.set(tab, n, headRow, style, c.title)
		w.try(w.f.SetColWidth(tab, colName(n), colName(n), c.width))
		width += c.width
		if c.help != "" {
			w.note(tab, cell(n, headRow), c.help)
		}
	}
	rows := len(v.rows)
	if free(v.id) {
		rows += spareRows
	}
	for i := range rows {
		w.row(v, i, headRow+1+i)
	}
	w.drops(v, headRow+rows)
	w.try(w.f.SetSheetDimension(tab, "A1:"+cell(last, headRow+rows)))
	w.try(w.f.SetColVisible(tab, "A", false))
	w.try(w.f.SetRowVisible(tab, 1, false))
	w.try(w.f.SetRowHeight(tab, headRow, 32))
	corner := cell(v.frozen+2, headRow+1)
	w.try(w.f.SetPanes(tab, &excelize.Panes{
		Freeze: true, XSplit: v.frozen + 1, YSplit: headRow, TopLeftCell: corner, ActivePane: "bottomRight",
		Selection: []excelize.Selection{{SQRef: corner, ActiveCell: corner, Pane: "bottomRight"}},
	}))
	w.protect(tab, free(v.id))
	w.print(tab, v.title, v.frozen, width)
}

// titleOf writes title and help over the table, in one cell across it.
func (w *writer) titleOf(tab string, v *view, last int) {
	w.set(tab, 2, 2, w.title, v.title)
	height := 24.0
	if v.help != "" {
		width := 0.0
		end := 2
		for i := range v.cols { // as wide as people can see at once
			if width += v.cols[i].width; width > 150 && i > 0 {
				break
			}
			end = i + 2
		}
		w.try(w.f.SetCellRichText(tab, "B2", []excelize.RichTextRun{
			{Text: v.title, Font: &excelize.Font{Family: w.l.T("font"), Bold: true, Size: 14, Color: "1F4E79"}},
			{Text: "\n" + v.help, Font: &excelize.Font{Family: w.l.T("font"), Color: "595959", Size: fontSize}},
		}))
		w.try(w.f.SetCellStyle(tab, "B2", cell(max(end, 2), 2), w.plain))
		if end > 2 {
			w.try(w.f.MergeCell(tab, "B2", cell(end, 2)))
		}
		height += 14 * float64(linesIn(v.help, max(20, min(width, 150))))
	}
	w.try(w.f.SetRowHeight(tab, 2, min(height, 300)))
}

// columnsOf is how many narrow characters a text is wide: those of East Asia
// take two.
func columnsOf(s string) (n int) {
	for _, r := range s {
		if n++; r >= 0x1100 {
			n++
		}
	}
	return n
}

func (w *writer) note(tab, at, help string) {
	w.try(w.f.AddComment(tab, excelize.Comment{
		Cell: at, Author: "Assay", Width: 300, Height: uint(40 + 18*(1+columnsOf(help)/40+strings.Count(help, "\n"))),
		Paragraph: []excelize.RichTextRun{{Text: help}},
	}))
}

// row writes the i-th row of a view, or an empty one after its last.
func (w *writer) row(v *view, i, at int) {
	var r viewRow
	if i < len(v.rows) {
		r = v.rows[i]
	}
	if !free(v.id) {
		w.try(w.str(v.tab, cell(1, at), r.key))
	}
	tall := 1
	defer func() { w.grows(v.tab, at, tall) }()
	put := func(j, style int, s string) {
		w.set(v.tab, j+2, at, style, s)
		tall = max(tall, linesIn(s, v.cols[j].width))
	}
	for j := range v.cols {
		c := &v.cols[j]
		switch {
		case c.kind == locked:
			s, style := "", w.seen
			if j < len(r.seen) {
				s = r.seen[j]
			}
			if r.strong && (c.id == seen("requirement") || c.id == seen("status") || c.id == seen("needed")) {
				style = w.strong
			}
			put(j, style, s)
		case v.asks():
			put(j, w.input, w.display(r.kind, r.list, r.vals[c.id]))
		default:
			put(j, w.input, w.display(c.kind, c.choices, r.vals[unplus(c.id)]))
		}
	}
}

// drops adds what can be chosen from, where one can choose.
func (w *writer) drops(v *view, last int) {
	if free(v.id) {
		last = headRow + MaxRows
	}
	for j := range v.cols {
		c := &v.cols[j]
		at := func(from, to int) string { return cell(j+2, from) + ":" + cell(j+2, to) }
		switch {
		case v.asks():
			for i, r := range v.rows {
				if c.kind != locked {
					w.drop(v.tab, at(headRow+1+i, headRow+1+i), r.kind, r.list, r.refers)
				}
			}
		case last > headRow:
			w.drop(v.tab, at(headRow+1, last), c.kind, c.choices, c.refers)
		}
	}
}

func (w *writer) drop(tab, where string, k kind, options []option, refers string) {
	dv := excelize.NewDataValidation(true)
	dv.Sqref = where
	switch {
	case k == choice && len(options) > 0:
		dv.SetSqrefDropList(w.list(options))
		dv.SetError(excelize.DataValidationErrorStyleStop, w.l.T("drop.title"), w.l.T("drop.choice"))
	case k == docs:
		dv.SetSqrefDropList(w.ids(documentSheet))
	case refers != "" && w.tabs[refers] != "":
		dv.SetSqrefDropList(w.ids(refers)) // several are typed: no error
	case k == date:
		dv.SetInput(w.l.T("drop.date.title"), w.l.T("ixit.date"))
	default:
		return
	}
	w.try(w.f.AddDataValidation(tab, dv))
}

// ids is the range of the designations in a sheet, which is its first column.
func (w *writer) ids(sheet string) string {
	return fmt.Sprintf("%s!$B$%d:$B$%d", quoted(w.tabs[sheet]), headRow+1, headRow+500)
}

// quoted is a tab as formulas name it, in XML.
func quoted(tab string) string {
	return "'" + strings.NewReplacer("'", "''", "&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(tab) + "'"
}

// list is the range that has the options' names; the hidden sheet has each
// list once.
func (w *writer) list(options []option) string {
	var items []string
	for _, o := range options {
		items = append(items, o.show)
	}
	key := strings.Join(items, "\n")
	if r := w.lists[key]; r != "" {
		return r
	}
	w.items = append(w.items, items)
	col := colName(len(w.items) + 1)
	w.lists[key] = fmt.Sprintf("_lists!$%s$2:$%s$%d", col, col, len(items)+1)
	return w.lists[key]
}

func (w *writer) writeLists() {
	const tab = "_lists"
	_, err := w.f.NewSheet(tab)
	w.try(err)
	w.try(w.str(tab, "A1", marker+listsSheet))
	for i, items := range w.items {
		for j, s := range items {
			w.try(w.str(tab, cell(i+2, j+2), s))
		}
	}
	w.hide(tab)
}

func (w *writer) hide(tab string) {
	w.protect(tab, false)
	w.try(w.f.SetSheetVisible(tab, false, true))
}

func (w *writer) protect(tab string, rows bool) {
	w.try(w.f.ProtectSheet(tab, &excelize.SheetProtectionOptions{
		SelectLockedCells: true, SelectUnlockedCells: true, FormatColumns: true, FormatRows: true,
		InsertRows: rows, DeleteRows: rows, Sort: true, AutoFilter: true, InsertHyperlinks: true,
	}))
}

const pageWidth = 250 // of columns that can be read on one page

// print makes pages of the sheet, each with its head and its first columns.
func (w *writer) print(tab, title string, frozen int, width float64) {
	if w.err != nil {
		return
	}
	const a4 = 9
	size, across, down := a4, 1+int(width)/pageWidth, 0
	orientation := "portrait"
	if width > 130 {
		orientation = "landscape"
	}
	yes := true
	w.try(w.f.SetPageLayout(tab, &excelize.PageLayoutOptions{Size: &size, Orientation: &orientation, FitToWidth: &across, FitToHeight: &down}))
	w.try(w.f.SetSheetProps(tab, &excelize.SheetPropsOptions{FitToPage: &yes}))
	side, edge := 0.4, 0.6
	w.try(w.f.SetPageMargins(tab, &excelize.PageLayoutMarginsOptions{Left: &side, Right: &side, Top: &edge, Bottom: &edge}))
	footer := []rune(strings.ReplaceAll(title, "&", "&&"))
	w.try(w.f.SetHeaderFooter(tab, &excelize.HeaderFooterOptions{OddFooter: "&L&8 " + string(footer[:min(len(footer), 100)]) + "&R&8&P / &N"}))
	if frozen == 0 {
		return
	}
	name := quotedLink(tab)
	titles := fmt.Sprintf("%s!$%d:$%d", name, headRow, headRow)
	if across > 1 {
		titles = fmt.Sprintf("%s!$A:$%s,%s", name, colName(frozen+1), titles)
	}
	w.try(w.f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: titles, Scope: tab}))
}

// meta writes the hidden sheet: format, language, catalog, the sheets and
// their columns, and the evidence as it was.
func (w *writer) meta(cat *scheme.Catalog, ev *evidence.Evidence, q Questions, all []view) {
	const tab = "_assay"
	_, err := w.f.NewSheet(tab)
	w.try(err)
	n := 0
	put := func(key string, vals ...string) {
		n++
		for i, s := range append([]string{key}, vals...) {
			if s != "" {
				w.try(w.str(tab, cell(i+1, n), s))
			}
		}
	}
	put(marker+metaSheet, format)
	put("lang", w.l.Code)
	put("catalog", cat.Digest)
	for _, l := range q.Levels {
		put("for", l.String(), l.At.String())
	}
	for _, s := range specs(cat, ev, q) {
		put("spec", s)
	}
	for i := range all {
		put("sheet", append([]string{all[i].id}, all[i].inputs()...)...)
	}
	base, err := pack(ev)
	w.try(err)
	for c := range slices.Chunk([]byte(base), chunk) {
		put("base", string(c))
	}
	w.hide(tab)
}

// part is what a workbook holds of the evidence.
func part(ev *evidence.Evidence) *evidence.Evidence {
	return &evidence.Evidence{Product: ev.Product, Firmware: ev.Firmware, Features: ev.Features, Support: ev.Support, ICS: ev.ICS, IXIT: ev.IXIT, Declaration: ev.Declaration}
}

// pack is that part as compressed JSON in letters.
func pack(ev *evidence.Evidence) (string, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(part(ev)); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// unpack takes pack back as JSON, within the bounds of evidence.
func unpack(s string) ([]byte, error) {
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(s)))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(z, maxBase+1))
	if err == nil && len(b) > maxBase {
		err = fmt.Errorf("%w: what it was written with has more than %d bytes", ErrTooLarge, maxBase)
	}
	return b, err
}

func (w *writer) finish(ev *evidence.Evidence) {
	w.f.SetActiveSheet(0)
	title := w.l.T("guide.title")
	if ev.Product.Name != "" && unfit(ev.Product.Name) == "" {
		title = ev.Product.Name + ": " + title
	}
	w.try(w.f.SetDocProps(&excelize.DocProperties{Creator: "Assay", LastModifiedBy: "Assay", Title: title, Language: w.l.Code}))
}
