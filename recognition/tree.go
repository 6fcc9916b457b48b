package recognition

import "assay/scheme"

// tree answers scheme.Taxonomy.Scope's question in bit tests: every category
// has the set of those that it lies below. A test holds the two against each
// other.
type tree struct {
	index map[string]int
	up    [][]uint64 // by category: itself and its ancestors
}

// place is a category that a text names.
type place struct {
	id   string
	bit  int // -1: not in the taxonomy
	fact *scheme.Fact
}

func newTree(cs []scheme.Category) tree {
	t := tree{index: make(map[string]int, len(cs))}
	parent := make([]string, 0, len(cs))
	add := func(id, above string) {
		if _, twice := t.index[id]; !twice {
			t.index[id] = len(parent)
			parent = append(parent, above)
		}
	}
	for i := range cs {
		add(cs[i].ID, cs[i].Parent)
	}
	for i := range cs {
		if p := cs[i].Parent; p != "" {
			add(p, "") // named as a parent only
		}
	}
	t.up = make([][]uint64, len(parent))
	for i := range t.up {
		t.up[i] = make([]uint64, (len(parent)+63)/64)
		for at, step := i, 0; step < 16; step++ {
			t.up[i][at/64] |= 1 << (at % 64)
			next, ok := t.index[parent[at]]
			if !ok {
				break
			}
			at = next
		}
	}
	return t
}

func (t *tree) places(in []scheme.InCategory) []place {
	ps := make([]place, len(in))
	for i := range in {
		bit, ok := t.index[in[i].Category]
		if !ok {
			bit = -1
		}
		ps[i] = place{in[i].Category, bit, &in[i].Fact}
	}
	return ps
}

// function is one function of a product.
type function struct {
	id string
	up []uint64 // nil: not in the taxonomy
}

func (t *tree) functions(ids []string) []function {
	fs := make([]function, len(ids))
	for i, id := range ids {
		fs[i].id = id
		if at, ok := t.index[id]; ok {
			fs[i].up = t.up[at]
		}
	}
	return fs
}

func (f *function) within(p *place) bool {
	if f.up == nil || p.bit < 0 {
		return f.id == p.id
	}
	return f.up[p.bit/64]&(1<<(p.bit%64)) != 0
}

// scope is scheme.Taxonomy.Scope; hit by an exclusion is told by its no.
func scope(fs []function, in, except []place) (a scheme.Answer, fact *scheme.Fact, hit string) {
	for i := range fs {
		for j := range except {
			if fs[i].within(&except[j]) {
				return scheme.No, except[j].fact, except[j].id
			}
		}
	}
	if len(fs) == 0 {
		return scheme.Undetermined, nil, ""
	}
	for i := range fs {
		var best *place
		for j := range in {
			if p := &in[j]; fs[i].within(p) && (best == nil || p.fact.Confidence > best.fact.Confidence) {
				best = p
			}
		}
		if best == nil {
			return scheme.Undetermined, nil, fs[i].id
		}
		if fact == nil || best.fact.Confidence < fact.Confidence {
			fact, hit = best.fact, best.id
		}
	}
	return scheme.Yes, fact, hit
}
