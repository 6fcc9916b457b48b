package evidence

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Row is one row of an IXIT table: field id to what is stated. Its own
// designation is the field "id"; a table of one row needs none.
type Row map[string]Cell

// Cell is what a field holds: one value, or the rows that it names. In a file
// a single value stands alone and several are a list.
type Cell []string

// ID is the row's designation, "" where it has none.
func (r Row) ID() string { return r["id"].String() }

// String is the cell's values, comma-separated.
func (c Cell) String() string { return strings.Join(c, ", ") }

// Empty reports whether the cell says nothing.
func (c Cell) Empty() bool {
	return !slices.ContainsFunc(c, func(s string) bool { return strings.TrimSpace(s) != "" })
}

func (c *Cell) setScalar(s string) error {
	*c = Cell{s}
	return nil
}

// MarshalJSON writes one value alone and several as a list.
func (c Cell) MarshalJSON() ([]byte, error) {
	if len(c) == 1 {
		return json.Marshal(c[0])
	}
	return json.Marshal([]string(c))
}

// MarshalYAML writes one value alone and several as a list.
func (c Cell) MarshalYAML() (any, error) {
	if len(c) == 1 {
		return c[0], nil
	}
	return []string(c), nil
}

// UnmarshalJSON reads both forms.
func (c *Cell) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		*c = Cell{s}
		return err
	}
	return json.Unmarshal(b, (*[]string)(c))
}

// Digest is what a report binds its verdicts to: SHA-256 over the row's fields
// that are not empty, in the order of their ids. Each is written as
// "LENGTH:FIELD" and, for each value, "LENGTH:VALUE", lengths in bytes and
// decimal, and ends with a line feed, so that no two rows have the same text.
func (r Row) Digest() Hash {
	var space [16]string
	fields := space[:0]
	for f := range r {
		if !r[f].Empty() {
			fields = append(fields, f)
		}
	}
	slices.Sort(fields)
	var room [1024]byte
	b := room[:0]
	put := func(s string) {
		b = append(strconv.AppendInt(b, int64(len(s)), 10), ':')
		b = append(b, s...)
	}
	for _, f := range fields {
		put(f)
		for _, v := range r[f] {
			put(v)
		}
		b = append(b, '\n')
	}
	return sha256.Sum256(b)
}

// FindRow finds a row of a table by its designation; of a table with one row
// "" is that one. It is nil where there is none.
func (e *Evidence) FindRow(table, id string) Row {
	rows := e.IXIT[table]
	if id == "" && len(rows) == 1 {
		return rows[0]
	}
	for _, r := range rows {
		if r.ID() == id {
			return r
		}
	}
	return nil
}
