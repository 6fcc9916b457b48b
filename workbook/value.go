package workbook

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"assay/civil"
	"assay/evidence"
)

// value reads what a person wrote into a cell. was is what stood there when
// the workbook was written: a cell that still shows it says the same, whatever
// its text may be. ok is false where the cell cannot be read, which is a finding.
func (r *reader) value(col column, c *gridCell, p Place, was string) (val string, ok bool) {
	fail := func(remedy, format string, a ...any) (string, bool) {
		r.wrong(p, remedy, format, a...)
		return "", false
	}
	switch c.Kind {
	case formula:
		return fail("write the value itself", "a formula")
	case errorCell:
		return fail("write the value", "the cell shows the error %.20s", c.Val)
	case textCell:
		if strings.ContainsFunc(c.Val, broken) {
			return fail("write the text again without it", "a control or broken character in %.60q", c.Val)
		}
		if was != "" && col.kind != docs && display(col.kind, col.choices, was) == c.Val {
			return was, true
		}
	}
	s := strings.TrimSpace(c.Val)
	if col.kind == date {
		return r.day(c, s, p)
	}
	if c.Kind == boolCell {
		if s = "false"; truth(c.Val) {
			s = "true"
		}
		if _, known := match(col.choices, s); col.kind != choice || !known {
			return fail("format the cell as text and write it again", "a truth value, where text belongs")
		}
	}
	if c.Kind == dayCell || (c.Kind == numberCell && c.Day) {
		return fail("format the cell as text and write it again", "the program made a date of it (%.40s), where text belongs", c.Val)
	}
	if c.Kind == numberCell {
		if s, ok = number(c.Val); !ok {
			return fail("format the cell as text and write it again", "a number with more digits than the program keeps (%.40s)", c.Val)
		}
		if col.kind != choice {
			r.warn(p, "format the cell as text and write it again, if zeros before it or after its point are missing", "a number, read as %.40q", s)
		}
	} else if s == "" {
		return "", true
	}
	switch col.kind {
	case text:
		if c.Kind == textCell {
			s = c.Val // spaces and all
		}
		return s, true
	case line:
		if strings.Contains(s, "\n") {
			return fail("write it on one line", "several lines, where there is one")
		}
		if c.Kind == textCell && s != c.Val {
			r.warn(p, "remove them", "spaces before or after %.60q are not taken over", s)
		}
		return s, true
	case choice:
		id, known := match(col.choices, s)
		if !known {
			return fail("choose one of "+optionList(col.choices), "%.60q is none of the choices", s)
		}
		return id, true
	case hashes:
		var h evidence.Hash
		if err := h.UnmarshalText([]byte(strings.ToLower(s))); err != nil || c.Kind != textCell {
			return fail("write its 64 hexadecimal digits as text", "%.20q is no SHA-256", s)
		}
		return h.String(), true
	case lines:
		return enc(items(s, "\n")), true
	case words:
		return enc(items(s, "\n,;")), true
	case docs:
		var list []string
		for _, id := range items(s, "\n,;") {
			d, known := r.docs[id]
			if !known {
				return fail("give it a row in the sheet of documents", "there is no document %.40q", id)
			}
			r.used[id] = true
			list = once(list, d)
		}
		return enc(list), true
	}
	return fail(anew, "a cell that takes no answer")
}

// items are the values in one cell.
func items(s, between string) (list []string) {
	for _, v := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(between, r) }) {
		if v = strings.TrimSpace(v); v != "" {
			list = append(list, v)
		}
	}
	return list
}

// number is a number as a person would have typed it, as far as the digits
// that programs keep tell. Longer numbers have lost some.
func number(s string) (string, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || math.Abs(f) >= 1e15 {
		return "", false
	}
	t := strconv.FormatFloat(f, 'f', -1, 64)
	if strings.Count(strings.Trim(t, "-0."), "")-1 > 16 { // 15 digits and the point
		t = strconv.FormatFloat(f, 'g', 15, 64) // what programs show of it
		if strings.Contains(t, "e") {
			return "", false
		}
	}
	return t, true
}

// Serial numbers of days, as programs count them.
const (
	serial1970 = 25_569 // of 1970-01-01, from 1900
	shift1904  = 1_462  // days from the one beginning to the other
)

// day reads a date: text in one form only, since 03/04 is two days, or what the
// program itself keeps as a date.
func (r *reader) day(c *gridCell, s string, p Place) (string, bool) {
	const remedy = "write it as YYYY-MM-DD"
	switch c.Kind {
	case textCell, dayCell:
		if s == "" {
			return "", true
		}
		if c.Kind == dayCell && len(s) > 10 && s[10] == 'T' {
			s = s[:10]
		}
		d, err := civil.ParseDate(s)
		if err != nil {
			r.wrong(p, remedy, "%.40q is no day", s)
			return "", false
		}
		return d.String(), true
	case numberCell:
		f, err := strconv.ParseFloat(c.Val, 64)
		if r.book.From1904 {
			f += shift1904
		}
		last := float64(civil.MustDate("9999-12-31"))
		if err != nil || f != math.Trunc(f) || f <= serial1970 || f-serial1970 > last {
			r.wrong(p, remedy, "the number %.40s is no day", c.Val)
			return "", false
		}
		d := civil.Date(int32(f) - serial1970)
		if !c.Day {
			r.warn(p, remedy+", if that is not meant", "the number %.20s is read as the day %s", c.Val, d)
		}
		return d.String(), true
	}
	r.wrong(p, remedy, "a truth value, where a day belongs")
	return "", false
}

// documents reads the sheet that names documents for the others.
func (r *reader) documents() {
	s := r.sheets[documentSheet]
	if s == nil {
		return
	}
	r.sheet(s)
	i := len(r.c.now) - 1
	if i < 0 || r.c.now[i].ID != documentSheet {
		return
	}
	rows := r.c.now[i].Rows
	r.c.now = r.c.now[:i] // values name documents by themselves
	for _, v := range rows {
		id, name := v.Vals["id"], v.Vals["name"]
		p := r.place(documentSheet, v.Key, "id")
		var size int64
		var err error
		if s := v.Vals["size"]; s != "" {
			size, err = strconv.ParseInt(s, 10, 64)
		}
		switch {
		case id == "":
			r.wrong(p, "give it an id, such as D1", "a document without an id")
		case r.docs[id] != "":
			r.wrong(p, "give each its own id", "document id %.40q comes twice", id)
		case strings.ContainsAny(id, ",;"):
			r.wrong(p, "give it an id, such as D1", "document id %.40q has a comma or semicolon in it", id)
		case name == "":
			r.wrong(r.place(documentSheet, v.Key, "name"), "write the file's name", "document %.40s has no name", id)
		case err != nil || size < 0:
			r.wrong(r.place(documentSheet, v.Key, "size"), "write it in digits only, or leave it empty", "%.40q is no number of bytes", v.Vals["size"])
		default:
			r.docs[id] = document(&evidence.Artifact{Name: name, SHA256: hash(v.Vals["sha256"]), Size: size})
			continue
		}
		if id != "" && r.docs[id] == "" {
			r.docs[id] = document(&evidence.Artifact{Name: name}) // one finding is enough
		}
	}
}

func (r *reader) place(sheet, key, col string) Place { return r.c.cells[leaf{sheet, key, col}] }

// unused names documents that nothing names.
func (r *reader) unused() {
	for _, id := range sortedKeys(r.docs) {
		if !r.used[id] {
			r.warn(r.place(documentSheet, id, "id"), "name it where it shows something", "document %.40s is named nowhere and is not taken over", id)
		}
	}
}

// validate says what is wrong with the answers whatever catalog they are for.
// A bundle may be unfinished, so that these are warnings.
func (r *reader) validate() {
	for _, f := range r.c.Evidence.Validate() {
		if r.unstated(f.Place) {
			continue
		}
		at, ok := r.at[f.Place]
		for place := f.Place; !ok && place != ""; {
			place = place[:strings.LastIndexByte(place, '/')]
			at, ok = r.at[place]
		}
		p, ok := r.c.cells[at]
		if !ok {
			p = Place{Sheet: r.c.tabs[at.Sheet]}
		}
		r.warn(p, f.Remedy, "%s", f.Problem)
	}
}

// unstated reports the missing day of a statement that says nothing yet.
func (r *reader) unstated(place string) bool {
	for i, s := range r.c.Evidence.ICS {
		if place == fmt.Sprintf("/ics/%d/date", i) {
			for _, e := range s.Entries {
				if e.Support != evidence.SupportedTBD || e.Detail != "" || len(e.Artifacts) > 0 {
					return false
				}
			}
			return true
		}
	}
	return false
}

// references holds ids of rows against the rows of the table that they are in.
func (r *reader) references() {
	for i := range r.c.now {
		s := &r.c.now[i]
		table, ixit := strings.CutPrefix(s.ID, ixitPrefix)
		if !ixit {
			continue
		}
		for _, id := range s.Cols {
			col, ok := r.field(table, id)
			if !ok || col.refers == "" {
				continue
			}
			target := findSheet(r.c.now, col.refers)
			if target == nil {
				continue
			}
			for _, row := range s.Rows {
				for _, v := range dec(row.Vals[id]) {
					if target.find(v) == nil {
						r.warn(r.place(s.ID, row.Key, id), fmt.Sprintf("give it a row in sheet '%s', or correct the id", r.c.tabs[col.refers]), "there is no row %.60q in the table that it names", v)
					}
				}
			}
		}
	}
}
