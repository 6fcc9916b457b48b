package workbook

import (
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// book is what a file's cells hold, without what only matters to the eye.
type book struct {
	Sheets   []*grid   `json:"sheets"`
	From1904 bool      `json:"from_1904"` // dates count from 1904, not from 1900
	Found    []Finding `json:"found"`
	Base     []byte    `json:"base"` // the evidence as it was when the workbook was written, JSON; nil: it cannot be read

	text int // bytes of all cells
}

// grid is one sheet. Only cells that hold something are in it.
type grid struct {
	Name   string    `json:"name"`
	Hidden bool      `json:"hidden"`
	Rows   []gridRow `json:"rows"` // by number
	Merged []area    `json:"merged"`
	Cols   []area    `json:"cols"` // hidden columns
	Notes  []string  `json:"notes"`
}

type gridRow struct {
	N      int        `json:"n"` // 1 is the first
	Hidden bool       `json:"h,omitempty"`
	Cells  []gridCell `json:"c"` // by column
}

type gridCell struct {
	Col  int      `json:"c"` // 1 is A
	Kind cellKind `json:"k,omitempty"`
	Day  bool     `json:"d,omitempty"` // its format shows a date
	Val  string   `json:"v"`
}

// cellKind is how a cell holds what it holds.
type cellKind uint8

const (
	textCell cellKind = iota
	numberCell
	boolCell
	errorCell
	dayCell // ISO 8601
	formula
)

// area is a rectangle of cells, ends included.
type area struct{ Col1, Row1, Col2, Row2 int }

func (g *grid) row(n int) *gridRow {
	i, ok := slices.BinarySearchFunc(g.Rows, n, func(r gridRow, n int) int { return r.N - n })
	if !ok {
		return nil
	}
	return &g.Rows[i]
}

func (r *gridRow) cell(col int) *gridCell {
	if r == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(r.Cells, col, func(c gridCell, col int) int { return c.Col - col })
	if !ok {
		return nil
	}
	return &r.Cells[i]
}

// readBook reads the cells of a package.
func readBook(f *file) (*book, error) {
	f.refuseActive()
	if err := f.refuseTypes(); err != nil {
		return nil, err
	}
	main := ""
	roots, err := f.relations("")
	if err != nil {
		return nil, err
	}
	for _, r := range roots {
		if r.kind == "officeDocument" {
			main = r.target
		}
	}
	if main == "" {
		return nil, fmt.Errorf("%w: nothing says where its sheets are: save the file again in a spreadsheet program", ErrNoWorkbook)
	}
	rels, err := f.relations(main)
	if err != nil {
		return nil, err
	}
	b := &book{Found: f.found}
	var strs []string
	var days []bool
	for _, r := range rels {
		switch r.kind {
		case "sharedStrings":
			if strs, err = readStrings(f, r.target); err != nil {
				return nil, err
			}
		case "styles":
			if days, err = readStyles(f, r.target); err != nil {
				return nil, err
			}
		}
	}
	type ref struct {
		name, id string
		hidden   bool
	}
	var refs []ref
	err = f.scan(main, func(_ *xml.Decoder, t xml.Token) error {
		e, ok := t.(xml.StartElement)
		if !ok {
			return nil
		}
		switch e.Name.Local {
		case "workbookPr":
			b.From1904 = truth(attr(e, "date1904"))
		case "sheet":
			if len(refs) == MaxSheets {
				return fmt.Errorf("%w: more than %d sheets: delete what is no answer", ErrTooLarge, MaxSheets)
			}
			state := attr(e, "state")
			refs = append(refs, ref{attr(e, "name"), attr(e, "id"), state != "" && state != "visible"})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, r := range refs {
		i := slices.IndexFunc(rels, func(x relation) bool { return x.id == r.id })
		if i < 0 || rels[i].kind != "worksheet" {
			b.Found = append(b.Found, Finding{Sheet: r.name, Problem: "it is no sheet of cells", Remedy: "delete it, and write its values into the sheet that they belong to"})
			continue
		}
		if used[rels[i].target] {
			return nil, fmt.Errorf("%w: two sheets share one part: save the file again in a spreadsheet program", ErrNoWorkbook)
		}
		used[rels[i].target] = true
		g := &grid{Name: r.name, Hidden: r.hidden}
		if err := b.sheet(f, g, rels[i].target, strs, days); err != nil {
			return nil, err
		}
		b.Sheets = append(b.Sheets, g)
	}
	return b, b.base()
}

// base unpacks what the hidden sheet says that the workbook was written with.
func (b *book) base() error {
	for _, g := range b.Sheets {
		id, top, key := marked(g)
		if id != metaSheet {
			continue
		}
		var packed strings.Builder
		g.Rows = slices.DeleteFunc(g.Rows, func(r gridRow) bool {
			c := r.cell(key)
			if r.N < top || c == nil || c.Val != "base" {
				return false
			}
			if v := r.cell(key + 1); v != nil {
				packed.WriteString(v.Val)
			}
			return true
		})
		if base, err := unpack(packed.String()); err == nil {
			b.Base = base
		} else if errors.Is(err, ErrTooLarge) {
			return err
		}
	}
	return nil
}

func truth(s string) bool { return s == "1" || s == "true" }

// sheet reads one sheet's part.
func (b *book) sheet(f *file, g *grid, part string, strs []string, days []bool) error {
	p := &parser{b: b, g: g, strs: strs, days: days}
	if err := f.scan(part, p.token); err != nil {
		return err
	}
	rels, err := f.relations(part)
	if err != nil {
		return err
	}
	for _, r := range rels {
		if r.kind != "comments" && r.kind != "threadedComment" {
			continue
		}
		err := f.scan(r.target, func(_ *xml.Decoder, t xml.Token) error {
			if e, ok := t.(xml.StartElement); ok && (e.Name.Local == "comment" || e.Name.Local == "threadedComment") {
				g.Notes = once(g.Notes, attr(e, "ref"))
				return p.count()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// parser reads the part of a sheet (ECMA-376-1, 18.3.1.99).
type parser struct {
	b    *book
	g    *grid
	strs []string
	days []bool

	data, inRow, inCell bool
	row                 gridRow
	cell                gridCell
	lastRow, lastCol    int
	kind, style         string
	val, inline         strings.Builder
	into                *strings.Builder // where text goes; nil: nowhere
	phonetic            int
	formula             bool
	rows, seen          int // rows that hold something; areas that were met
}

func (p *parser) fail(format string, a ...any) error {
	return fmt.Errorf("%w: sheet %.60q: %s: save the file again in a spreadsheet program", ErrNoWorkbook, p.g.Name, fmt.Sprintf(format, a...))
}

func (p *parser) token(_ *xml.Decoder, t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		return p.end(t)
	case xml.CharData:
		if p.into != nil && p.phonetic == 0 {
			if p.into.Len()+len(t) > 8*MaxCell { // escapes make it longer than the cell
				return fmt.Errorf("%w: '%.60s'!%s has more than %d characters: put the text into a document and name that", ErrTooLarge, p.g.Name, cell(p.cell.Col, p.row.N), MaxCell)
			}
			p.into.Write(t)
		}
	}
	return nil
}

func (p *parser) start(e xml.StartElement) error {
	switch e.Name.Local {
	case "sheetData":
		p.data = true
	case "row":
		n, err := strconv.Atoi(attr(e, "r"))
		if err != nil || n < 1 || n > 1<<20 {
			return p.fail("a row has no number")
		}
		if !p.data || p.inRow || p.lastRow >= n {
			return p.fail("row %d is out of order or there twice", n)
		}
		p.inRow, p.lastRow, p.lastCol = true, n, 0
		p.row = gridRow{N: n, Hidden: truth(attr(e, "hidden"))}
	case "c":
		if !p.inRow || p.inCell {
			return p.fail("a cell outside of a row")
		}
		col, row, ok := splitCell(attr(e, "r"))
		if !ok || row != p.row.N {
			return p.fail("a cell of row %d has no place", p.row.N)
		}
		if p.lastCol >= col {
			return p.fail("cell %s is out of order or there twice", cell(col, row))
		}
		p.cell, p.inCell, p.formula, p.lastCol = gridCell{Col: col}, true, false, col
		p.kind, p.style = attr(e, "t"), attr(e, "s")
		p.val.Reset()
		p.inline.Reset()
	case "v":
		if p.inCell {
			p.into = &p.val
		}
	case "f":
		p.formula = true
	case "t":
		if p.inCell {
			p.into = &p.inline
		}
	case "rPh":
		p.phonetic++
	case "col":
		if truth(attr(e, "hidden")) {
			from, err1 := strconv.Atoi(attr(e, "min"))
			to, err2 := strconv.Atoi(attr(e, "max"))
			if err1 == nil && err2 == nil {
				p.g.Cols = append(p.g.Cols, area{from, 1, to, math.MaxInt})
			}
			return p.count()
		}
	case "mergeCell":
		a, ok := splitArea(attr(e, "ref"))
		if !ok {
			return p.fail("merged cells %.40q have no place", attr(e, "ref"))
		}
		p.g.Merged = append(p.g.Merged, a)
		return p.count()
	case "oleObject", "control":
		p.b.Found = append(p.b.Found, Finding{Sheet: p.g.Name, Problem: "it has an embedded object or a control", Remedy: "delete it, and hand an object over as a document"})
	}
	return nil
}

// count bounds what a sheet has beside cells.
func (p *parser) count() error {
	if p.seen++; p.seen > maxAreas {
		return fmt.Errorf("%w: sheet %.60q has more than %d merged or hidden areas: copy the answers into a new workbook", ErrTooLarge, p.g.Name, maxAreas)
	}
	return nil
}

func (p *parser) end(e xml.EndElement) error {
	switch e.Name.Local {
	case "sheetData":
		p.data = false
		if p.rows > maxGridRows {
			return fmt.Errorf("%w: sheet %.60q has %d rows, at most %d: a row is a kind of thing, not each of them", ErrTooLarge, p.g.Name, p.rows, MaxRows)
		}
	case "v", "t":
		p.into = nil
	case "rPh":
		p.phonetic--
	case "c":
		p.inCell = false
		return p.endCell()
	case "row":
		p.inRow = false
		if len(p.row.Cells) > 0 {
			if p.rows++; p.rows <= maxGridRows { // the others are counted
				p.g.Rows = append(p.g.Rows, p.row)
			}
		}
	}
	return nil
}

// endCell makes a cell's value out of what it holds.
func (p *parser) endCell() error {
	c, at := &p.cell, cell(p.cell.Col, p.row.N)
	if i, err := strconv.Atoi(p.style); err == nil && i >= 0 && i < len(p.days) {
		c.Day = p.days[i]
	}
	v := p.val.String()
	switch p.kind {
	case "s":
		i, err := strconv.Atoi(v)
		if v == "" && !p.formula {
			break
		}
		if err != nil || i < 0 || i >= len(p.strs) {
			return p.fail("cell %s names a text that is not there", at)
		}
		c.Val = p.strs[i]
	case "inlineStr":
		c.Val = unescape(p.inline.String())
	case "str":
		c.Val = unescape(v)
	case "", "n":
		c.Kind, c.Val = numberCell, v
	case "b":
		c.Kind, c.Val = boolCell, v
	case "e":
		c.Kind, c.Val = errorCell, v
	case "d":
		c.Kind, c.Val = dayCell, v
	default:
		return p.fail("cell %s is of unknown kind %.20q", at, p.kind)
	}
	if p.formula {
		c.Kind = formula
	}
	if c.Val == "" && c.Kind != formula {
		return nil
	}
	if c.Col > MaxColumns {
		return fmt.Errorf("%w: '%.60s'!%s: more than %d columns: delete what is no answer", ErrTooLarge, p.g.Name, at, MaxColumns)
	}
	if n := units(c.Val); n > MaxCell {
		return fmt.Errorf("%w: '%.60s'!%s has %d characters, at most %d: put the text into a document and name that", ErrTooLarge, p.g.Name, at, n, MaxCell)
	}
	if p.b.text += len(c.Val); p.b.text > MaxText {
		return fmt.Errorf("%w: the cells hold more than %d bytes, at '%.60s'!%s: put long texts into documents", ErrTooLarge, MaxText, p.g.Name, at)
	}
	p.row.Cells = append(p.row.Cells, *c)
	return nil
}

// readStrings reads the texts that cells share (ECMA-376-1, 18.4.9). Runs of
// different looks are one text; hints on how to say it are none of it.
func readStrings(f *file, part string) (strs []string, err error) {
	var b strings.Builder
	in, phonetic, total := false, 0, 0
	err = f.scan(part, func(_ *xml.Decoder, t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "si":
				b.Reset()
			case "t":
				in = phonetic == 0
			case "rPh":
				phonetic++
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "si":
				s := unescape(b.String())
				if units(s) > MaxCell {
					return fmt.Errorf("%w: a text has more than %d characters: put it into a document and name that; it begins %.60q", ErrTooLarge, MaxCell, s)
				}
				strs = append(strs, s)
			case "t":
				in = false
			case "rPh":
				phonetic--
			}
		case xml.CharData:
			if in {
				if total += len(t); total > MaxText {
					return fmt.Errorf("%w: texts of more than %d bytes", ErrTooLarge, MaxText)
				}
				b.Write(t)
			}
		}
		return nil
	})
	return strs, err
}

// unescape takes back _xHHHH_, by which texts hold what XML cannot
// (ECMA-376-1, 22.9.2.19), and makes the ends of lines one.
func unescape(s string) string {
	if strings.Contains(s, "_x") {
		var b strings.Builder
		for len(s) > 0 {
			i := strings.IndexByte(s, '_')
			if i < 0 {
				break
			}
			b.WriteString(s[:i])
			s = s[i:]
			r, ok := escaped(s)
			if !ok {
				b.WriteByte('_')
				s = s[1:]
				continue
			}
			s = s[7:]
			if low, ok := escaped(s); ok && utf16.IsSurrogate(r) {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					r, s = pair, s[7:]
				}
			}
			b.WriteRune(r)
		}
		b.WriteString(s)
		s = b.String()
	}
	if strings.Contains(s, "\r") {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	}
	return s
}

// readStyles finds the styles whose number format shows a day (ECMA-376-1,
// 18.8.30), by their places.
func readStyles(f *file, part string) (days []bool, err error) {
	own := map[int]bool{}
	in := false
	err = f.scan(part, func(_ *xml.Decoder, t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "numFmt":
				if id, err := strconv.Atoi(attr(t, "numFmtId")); err == nil {
					own[id] = showsDay(attr(t, "formatCode"))
				}
			case "cellXfs":
				in = true
			case "xf":
				if in {
					id, _ := strconv.Atoi(attr(t, "numFmtId")) // 0 is the general format
					days = append(days, own[id] || (id >= 14 && id <= 17) || id == 22 || (id >= 27 && id <= 36) || (id >= 50 && id <= 58))
				}
			}
		case xml.EndElement:
			if t.Name.Local == "cellXfs" {
				in = false
			}
		}
		return nil
	})
	return days, err
}

// showsDay reports whether a format code has a year or a day in it, outside of
// quoted text, escapes and brackets.
func showsDay(code string) bool {
	for i := 0; i < len(code); i++ {
		switch code[i] {
		case '"':
			j := strings.IndexByte(code[i+1:], '"')
			if j < 0 {
				return false
			}
			i += j + 1
		case '[':
			j := strings.IndexByte(code[i:], ']')
			if j < 0 {
				return false
			}
			i += j
		case '\\', '_', '*':
			i++
		case 'y', 'Y', 'd', 'D':
			return true
		}
	}
	return false
}

// splitCell reads A1; col and row count from 1.
func splitCell(s string) (col, row int, ok bool) {
	i := 0
	for ; i < len(s) && i < 4 && s[i] >= 'A' && s[i] <= 'Z'; i++ {
		col = col*26 + int(s[i]-'A') + 1
	}
	row, err := strconv.Atoi(s[i:])
	return col, row, err == nil && col >= 1 && col <= 1<<14 && row >= 1 && row <= 1<<20 && s[i] != '+' && s[i] != '0'
}

func splitArea(s string) (area, bool) {
	from, to, two := strings.Cut(s, ":")
	if !two {
		to = from
	}
	c1, r1, ok1 := splitCell(from)
	c2, r2, ok2 := splitCell(to)
	return area{min(c1, c2), min(r1, r2), max(c1, c2), max(r1, r2)}, ok1 && ok2
}
