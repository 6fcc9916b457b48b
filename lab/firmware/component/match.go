package component

import (
	"bytes"

	"assay/lab"
)

// sighting is one observation before it has a component.
type sighting struct {
	family *Family
	id     string // of the family; also of one that no rule knows
	seen   lab.Observation
	system string   // part that holds the tree, or the part itself
	sum    [32]byte // of the file; two copies of one file say the same once
	own    bool     // the file is the family, by its name
	coarse bool     // what it claims is only the front of the version
}

// Bounds of what one file can say: more is an attack or a table of versions.
const (
	maxHits     = 200_000 // anchors that are looked at in one file
	maxFromRule = 2       // different versions that one rule reads in one file; more are a table, of what others are called
	lineBefore  = 200     // bytes of a line before the anchor
	lineBehind  = 300
)

// printable are the characters of a line: ASCII and the tabulator.
func printable(c byte) bool { return c >= ' ' && c < 0x7f || c == '\t' }

// line is the printable text around b[from:to], which may have other bytes itself.
func line(b []byte, from, to int) (string, int) {
	for from < to && !printable(b[from]) {
		from++
	}
	start, end := from, to
	for start > 0 && from-start < lineBefore && printable(b[start-1]) {
		start--
	}
	for end < len(b) && end-to < lineBehind && printable(b[end]) {
		end++
	}
	return string(b[start:end]), start
}

// reading is a version that a rule read.
type reading struct {
	look    *Look
	version string
	text    string
	offset  int
}

// read finds all versions that the rules with a match read in b. name is the
// file's, "" of a blob.
func (s *set) read(b []byte, name string, in place) []reading {
	type state struct {
		with     uint32
		readings []reading
		done     int // end of the text that was read last
	}
	states := map[int]*state{}
	var order []int
	var looks []*Look
	hits := 0
	s.anchors.each(b, func(w, end int) bool {
		if hits++; hits > maxHits {
			return false
		}
		for _, u := range s.at[w] {
			l := u.look
			if l.in&in == 0 || l.Files != nil && !named(l.Files, name) {
				continue
			}
			st := states[u.rule]
			if st == nil {
				st = &state{}
				states[u.rule] = st
				order = append(order, u.rule)
				looks = append(looks, l)
			}
			if u.with >= 0 {
				st.with |= 1 << u.with
				continue
			}
			if end <= st.done || len(st.readings) > maxFromRule {
				continue
			}
			begin := end - s.anchors.length(w)
			text, at := "", 0
			if l.Span > 0 {
				at = max(0, begin-l.Span)
				text = string(b[at:min(len(b), end+l.Span)])
			} else {
				text, at = line(b, begin, end)
			}
			v, ok := l.version(text)
			if !ok {
				continue
			}
			st.done = at + len(text)
			known := false
			for _, r := range st.readings {
				known = known || r.version == v
			}
			if !known {
				st.readings = append(st.readings, reading{l, v, text, at})
			}
		}
		return true
	})
	var all []reading
	var alone []reading
	for i, rule := range order {
		st, l := states[rule], looks[i]
		if st.with != 1<<len(l.With)-1 || len(st.readings) > maxFromRule {
			continue
		}
		if l.Alone != "" {
			if alone == nil {
				alone = versions(b)
			}
			st.readings = l.alone(alone)
		}
		all = append(all, st.readings...)
	}
	return all
}

// Bounds of versions that stand alone.
const (
	maxAlone     = 2000
	longestAlone = 32
)

// versions are the texts in b that are a version alone: they begin with a digit, or
// "v" and a digit, behind a byte of no text, end with a NUL, and have a point in them.
func versions(b []byte) []reading {
	all := []reading{} // not nil: looked for
	for at := 0; len(all) < maxAlone; at++ {
		i := bytes.IndexByte(b[at:], 0)
		if i < 0 {
			break
		}
		begin := at
		at += i
		begin = max(begin, at-longestAlone-1)
		from := at
		for from > begin && printable(b[from-1]) {
			from--
		}
		text := b[from:at]
		if len(text) < 3 || len(text) > longestAlone {
			continue
		}
		digit := text[0]
		if digit == 'v' {
			digit = text[1]
		}
		if digit >= '0' && digit <= '9' && bytes.IndexByte(text, '.') > 0 {
			all = append(all, reading{text: string(text), offset: from})
		}
	}
	return all
}

// alone is the one version that a rule reads among those that stand alone.
func (l *Look) alone(all []reading) []reading {
	var one []reading
	for _, r := range all {
		v, ok := l.version(r.text)
		if !ok || len(one) > 0 && one[0].version == v {
			continue
		}
		if len(one) > 0 {
			return nil
		}
		one = append(one, reading{l, v, r.text, r.offset})
	}
	return one
}

// readNames are the versions that a file's name and its soname speak for.
func (s *set) readNames(name, soname string) []reading {
	var all []reading
	one := func(looks []*Look, text string) {
		for _, l := range looks {
			if v, ok := l.version(text); ok {
				all = append(all, reading{l, v, text, 0})
			}
		}
	}
	one(s.names, name)
	if soname != "" {
		one(s.sonames, soname)
	}
	return all
}

var elfMagic = []byte("\x7fELF")

func isELF(b []byte) bool { return bytes.HasPrefix(b, elfMagic) }
