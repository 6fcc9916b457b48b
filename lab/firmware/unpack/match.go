package unpack

import (
	"cmp"
	"slices"

	"assay/lab/firmware/image"
)

// matcher finds where a part may begin: all magics in one pass. It looks at two
// bytes at a time, those of each magic that are the least common in images.
type matcher struct {
	pairs [1 << 16]uint8 // index into lists, 0: no magic has these two
	lists [][]pattern
}

// pattern is one magic of one format.
type pattern struct {
	format int
	at     int // of the two bytes in the magic
	magic  image.Magic
}

// candidate is a place where a format may begin.
type candidate struct {
	start  int
	format int
}

func newMatcher(formats []image.Format) *matcher {
	m := &matcher{lists: make([][]pattern, 1)}
	for i, f := range formats {
		for _, magic := range f.Magic {
			if len(magic.Bytes) < 2 {
				panic("the format " + f.Name + " has a magic of less than two bytes")
			}
			at := rarest(magic.Bytes)
			key := pair(magic.Bytes, at)
			if m.pairs[key] == 0 {
				if len(m.lists) > 255 {
					panic("more magics than the index has room for")
				}
				m.pairs[key] = uint8(len(m.lists))
				m.lists = append(m.lists, nil)
			}
			l := &m.lists[m.pairs[key]]
			*l = append(*l, pattern{i, at, magic})
		}
	}
	return m
}

func pair(s string, at int) uint16 { return uint16(s[at]) | uint16(s[at+1])<<8 }

// rarest is where two bytes of a magic stand that are not what flash is filled with.
func rarest(s string) int {
	best, most := 0, -1
	for i := range len(s) - 1 {
		n := 0
		for _, c := range []byte(s[i : i+2]) {
			if c != 0 && c != 0xff {
				n += 2
			}
		}
		if s[i] != s[i+1] {
			n++
		}
		if n > most {
			best, most = i, n
		}
	}
	return best
}

// find gives all candidates in b by their place, those of one place in the order
// of the formats. Magics that stand before b begin are left out. It gives up beyond
// limit candidates of one format.
func (m *matcher) find(b []byte, limit int) []candidate {
	var all []candidate
	counts := map[int]int{}
	for i := 0; i+1 < len(b); i++ {
		k := m.pairs[uint16(b[i])|uint16(b[i+1])<<8]
		if k == 0 {
			continue
		}
		for _, p := range m.lists[k] {
			at := i - p.at
			start := at - p.magic.Offset
			if start < 0 || len(b)-at < len(p.magic.Bytes) || string(b[at:at+len(p.magic.Bytes)]) != p.magic.Bytes {
				continue
			}
			if counts[p.format]++; counts[p.format] <= limit {
				all = append(all, candidate{start, p.format})
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.format, b.format))
	})
	return slices.Compact(all)
}

// begins gives the formats whose magic stands where it would if they began at
// b[0], and those without a magic where bare is set.
func (m *matcher) begins(formats []image.Format, b []byte, bare bool) []int {
	var all []int
	for i, f := range formats {
		if len(f.Magic) == 0 && !f.Unsure && bare || slices.ContainsFunc(f.Magic, func(magic image.Magic) bool {
			return magic.Offset >= 0 && len(b)-len(magic.Bytes) >= magic.Offset && string(b[magic.Offset:magic.Offset+len(magic.Bytes)]) == magic.Bytes
		}) {
			all = append(all, i)
		}
	}
	return all
}

// strength is how many bytes of a format's magics stand at the beginning of b:
// the more, the less likely by accident.
func strength(f *image.Format, b []byte) int {
	n := 0
	for _, magic := range f.Magic {
		if magic.Offset >= 0 && len(b)-len(magic.Bytes) >= magic.Offset && string(b[magic.Offset:magic.Offset+len(magic.Bytes)]) == magic.Bytes {
			n = max(n, len(magic.Bytes))
		}
	}
	return n
}
