package firmware

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"assay/lab/firmware/image"
)

// Area is a rectangle of the map of an image: a part, a directory or a file.
type Area struct {
	Name   string      `json:"name"`           // of the stream and the format, or the last element of the path
	Part   string      `json:"part"`           // id of the part that it is or that it stands in
	Path   string      `json:"path,omitempty"` // of a directory or a file
	State  image.State `json:"state"`
	Bytes  int64       `json:"bytes"`  // its own size: of the part as it stands there, of files unpacked
	Weight int64       `json:"weight"` // bytes of the image that it stands for
	In     []*Area     `json:"in,omitempty"`
}

// Map is the image as areas in areas, what weighs most first. The weights of what is in
// an area add up to no more than its own; what is missing is the wrapper's own, and
// what weighs nothing is left out.
func (f *Facts) Map() []*Area {
	m := &mapper{systems: map[string]*System{}}
	for i := range f.Systems {
		m.systems[f.Systems[i].Part] = &f.Systems[i]
	}
	var all []*Area
	for _, p := range f.Parts {
		all = append(all, m.part(p))
	}
	return heaviest(all)
}

type mapper struct{ systems map[string]*System }

func (m *mapper) part(p *image.Part) *Area {
	a := &Area{Name: p.Format, Part: p.ID, State: p.State, Bytes: p.Size, Weight: p.Weight}
	if p.From != "" {
		a.Name = p.From + ": " + p.Format
	}
	for _, c := range p.Parts {
		a.In = append(a.In, m.part(c))
	}
	if s := m.systems[p.ID]; s != nil && len(p.Parts) == 0 {
		a.In = m.tree(s, p)
	}
	a.In = heaviest(a.In)
	return a
}

// tree shares the weight of a part among the files of its tree by their sizes.
func (m *mapper) tree(s *System, p *image.Part) []*Area {
	root := &Area{}
	at := map[string]*Area{"": root}
	left, size := p.Weight, s.Bytes
	for _, f := range s.Files {
		dir, name := f.Path[:strings.LastIndex(f.Path, "/")], f.Path[strings.LastIndex(f.Path, "/")+1:]
		up := at[dir]
		if up == nil {
			continue // a list that is not in the order of a walk
		}
		a := &Area{Name: name, Part: p.ID, Path: f.Path, State: image.Understood, Bytes: f.Size}
		switch {
		case f.Kind == image.Dir:
			at[f.Path] = a
		case f.Kind == image.File && f.Size > 0:
			a.Weight = portion(left, f.Size, size)
			left -= a.Weight
			size -= f.Size
			if f.Inner != nil {
				inner := m.part(f.Inner)
				a.State, a.In = f.Inner.State, inner.In
			}
		default:
			continue
		}
		up.In = append(up.In, a)
	}
	sum(root)
	return root.In
}

// sum gives directories the weight of what is in them.
func sum(a *Area) {
	for _, c := range a.In {
		if c.Weight == 0 && len(c.In) > 0 {
			sum(c)
		}
		a.Weight += c.Weight
		a.Bytes += c.Bytes
	}
	a.In = heaviest(a.In)
}

func heaviest(all []*Area) []*Area {
	all = slices.DeleteFunc(all, func(a *Area) bool { return a.Weight == 0 })
	slices.SortStableFunc(all, func(a, b *Area) int { return cmp.Compare(b.Weight, a.Weight) })
	return all
}

// portion is weight*size/all without overflow.
func portion(weight, size, all int64) int64 {
	switch {
	case weight <= 0 || size <= 0:
		return 0
	case size >= all:
		return weight
	}
	hi, lo := bits.Mul64(uint64(weight), uint64(size))
	q, _ := bits.Div64(hi, lo, uint64(all))
	return int64(q)
}
