package component

import (
	"bytes"
	"slices"

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
	maxTried    = 30_000  // lines that a pattern is tried on in one file
	maxAllTried = 500_000 // in all files: most images need some thousands
	maxFromRule = 2       // different versions that one rule reads in one file; more are a table, of what others are called
	lineBefore  = 200     // bytes of a line before the anchor
	lineBehind  = 300
)

// printable are the characters of a line: ASCII and the tabulator.
func printable(c byte) bool { return c >= ' ' && c < 0x7f || c == '\t' }

// line is the printable text around b[from:to], which may have other bytes itself, and
// where it begins. whole says that it was not cut.
func line(b []byte, from, to int) (text string, at int, whole bool) {
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
	return string(b[start:end]), start, from-start < lineBefore && end-to < lineBehind
}

// reading is a version that a rule read.
type reading struct {
	look    *Look
	version string
	text    string
	offset  int
}

// hits are what the anchors of one rule led to in one file.
type hits struct {
	look     *Look
	with     uint32 // bits of Look.With that are there
	readings []reading
	done     int // end of the text that was tried last
}

// reader reads versions in one file.
type reader struct {
	b        []byte
	rules    map[int]*hits
	order    []*hits
	tried    int // texts that a pattern was tried on
	mayStill int
}

// read finds all versions that the rules with a match read in b. name is the
// file's, "" of a blob. tries is how many more texts may be tried, and is counted down.
func (s *set) read(b []byte, name string, in place, tries *int) []reading {
	r := &reader{b: b, rules: map[int]*hits{}, mayStill: min(*tries, maxTried)}
	s.anchors.each(b, func(w, end int) bool {
		for _, u := range s.at[w] {
			l := u.look
			if l.in&in == 0 || l.Files != nil && !named(l.Files, name) {
				continue
			}
			h := r.rules[u.rule]
			if h == nil {
				h = &hits{look: l}
				r.rules[u.rule] = h
				r.order = append(r.order, h)
			}
			if u.with >= 0 {
				h.with |= 1 << u.with
			} else if end > h.done && len(h.readings) <= maxFromRule {
				r.try(h, end-s.anchors.length(w), end)
			}
		}
		return r.tried < r.mayStill
	})
	*tries -= r.tried
	return r.result()
}

// try reads the text around an anchor.
func (r *reader) try(h *hits, begin, end int) {
	r.tried++
	l := h.look
	text, at, whole := "", 0, false
	if l.Span > 0 {
		at = max(0, begin-l.Span)
		text = string(r.b[at:min(len(r.b), end+l.Span)])
	} else {
		text, at, whole = line(r.b, begin, end)
	}
	v, ok := l.version(text)
	if ok || whole {
		h.done = at + len(text)
	}
	if ok && !slices.ContainsFunc(h.readings, func(x reading) bool { return x.version == v }) {
		h.readings = append(h.readings, reading{l, v, text, at})
	}
}

// result is what the rules read whose other texts are there, too.
func (r *reader) result() []reading {
	var all []reading
	var alone []reading
	for _, h := range r.order {
		if h.with != 1<<len(h.look.With)-1 || len(h.readings) > maxFromRule {
			continue
		}
		if h.look.Alone != "" {
			if alone == nil {
				alone = versions(r.b)
			}
			h.readings = h.look.alone(alone)
		}
		all = append(all, h.readings...)
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
