package page

import (
	"math"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware"
	"assay/lab/firmware/image"
)

// Block is a part of an image, a folder or a file, as the tree map shows it.
type Block struct {
	Name     string
	What     string // format, or nothing for folders and files
	State    image.State
	Weight   float64 // bytes of the image that it stands for
	Bytes    int64   // of it as it is, unpacked
	Worst    lab.Severity
	Children []*Block
}

// rect is where a block is drawn.
type rect struct {
	X, Y, W, H float64
	Depth      int
	B          *Block
	Label      bool // there is room for its name
}

// Size of the map, in its own units, and what is too small to be drawn on its own.
const (
	mapWidth  = 1000.0
	mapHeight = 460.0
	minSide   = 5.0
	headRoom  = 15.0 // for the name of what contains others
	maxDepth  = 6
)

// Map makes the blocks of an image: its parts, the trees in them by folders and
// files, and the parts inside of files. Findings mark where they are.
func Map(f *firmware.Facts, found []lab.Finding) *Block {
	m := &mapper{trees: map[string]*firmware.System{}, worst: map[string]lab.Severity{}}
	for i := range f.Systems {
		m.trees[f.Systems[i].Part] = &f.Systems[i]
	}
	for i := range found {
		for _, p := range found[i].Where {
			k := p.Part + "\x00" + p.Path
			if found[i].Severity.Rank() > m.worst[k].Rank() || m.worst[k] == "" {
				m.worst[k] = found[i].Severity
			}
		}
	}
	root := &Block{State: image.Understood, Bytes: f.Size, Weight: float64(f.Size)}
	for _, p := range f.Parts {
		root.Children = append(root.Children, m.part(p, 0))
	}
	root.Worst = worstOf(root)
	return root
}

type mapper struct {
	trees map[string]*firmware.System
	worst map[string]lab.Severity
}

func (m *mapper) part(p *image.Part, depth int) *Block {
	b := &Block{Name: name(p), What: p.Format, State: p.State, Weight: float64(p.Weight), Bytes: p.Size, Worst: m.worst[p.ID+"\x00"]}
	if depth > maxDepth {
		return b
	}
	for _, c := range p.Parts {
		b.Children = append(b.Children, m.part(c, depth+1))
	}
	if s := m.trees[p.ID]; s != nil && len(b.Children) == 0 {
		m.tree(b, s, depth)
	}
	b.Worst = worst(b.Worst, worstOf(b))
	return b
}

func name(p *image.Part) string {
	if v := p.Get("name"); v != "" && len(v) < 40 {
		return p.Format + " " + v
	}
	return p.Format
}

// tree adds folders and files. Their weight is the part's, by their size.
func (m *mapper) tree(b *Block, s *firmware.System, depth int) {
	if s.Bytes == 0 {
		return
	}
	scale := b.Weight / float64(s.Bytes)
	folders := map[string]*Block{"": b}
	var folder func(path string) *Block
	folder = func(path string) *Block {
		if f := folders[path]; f != nil {
			return f
		}
		i := strings.LastIndexByte(path, '/')
		up := folder(path[:max(i, 0)])
		f := &Block{Name: path[i+1:], State: image.Understood}
		up.Children = append(up.Children, f)
		folders[path] = f
		return f
	}
	for i := range s.Files {
		f := &s.Files[i]
		if f.Kind != image.File || f.Size == 0 {
			continue
		}
		at := strings.LastIndexByte(f.Path, '/')
		up := folder(strings.TrimSuffix(f.Path[:max(at, 0)], "/"))
		x := &Block{Name: f.Path[at+1:], State: image.Understood, Weight: scale * float64(f.Size), Bytes: f.Size, Worst: m.worst[s.Part+"\x00"+f.Path]}
		if f.Inner != nil && depth < maxDepth {
			inner := m.part(f.Inner, depth+2)
			x.State, x.What = inner.State, inner.What
		}
		up.Children = append(up.Children, x)
	}
	for _, f := range folders {
		if f != b {
			f.Weight, f.Bytes = -1, -1
		}
	}
	sum(b)
}

// sum fills in the weight of folders, and what is worst in them.
func sum(b *Block) {
	own := b.Weight < 0
	if own {
		b.Weight, b.Bytes = 0, 0
	}
	for _, c := range b.Children {
		sum(c)
		if own {
			b.Weight += c.Weight
			b.Bytes += c.Bytes
		}
		b.Worst = worst(b.Worst, c.Worst)
	}
}

func worst(a, b lab.Severity) lab.Severity {
	if b.Rank() > a.Rank() {
		return b
	}
	return a
}

func worstOf(b *Block) (s lab.Severity) {
	for _, c := range b.Children {
		s = worst(s, c.Worst)
	}
	return s
}

// layout draws a block's children inside of it, and theirs inside of them.
func layout(b *Block) (rs []rect) {
	var draw func(b *Block, x, y, w, h float64, depth int)
	draw = func(b *Block, x, y, w, h float64, depth int) {
		if len(b.Children) == 0 || w < 3*minSide || h < 3*minSide {
			return
		}
		own := &Block{Weight: b.Weight} // what none of them stands for keeps its room
		for _, c := range b.Children {
			own.Weight -= c.Weight
		}
		blocks := b.Children
		if own.Weight > b.Weight/100 {
			blocks = append(slices.Clone(blocks), own)
		}
		for _, r := range squarify(blocks, x, y, w, h) {
			if r.B == own || r.W < minSide/2 || r.H < minSide/2 {
				continue
			}
			r.Depth, r.Label = depth, r.W > 44 && r.H > headRoom
			rs = append(rs, r)
			if len(r.B.Children) > 0 && depth < maxDepth {
				top := 1.5
				if r.Label {
					top = headRoom
				}
				draw(r.B, r.X+1.5, r.Y+top, r.W-3, r.H-top-1.5, depth+1)
			}
		}
	}
	draw(b, 0, 0, mapWidth, mapHeight, 0)
	return rs
}

// squarify cuts a rectangle into ones of the blocks' weights that are as square as
// may be (Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000).
func squarify(blocks []*Block, x, y, w, h float64) (rs []rect) {
	bs := slices.Clone(blocks)
	bs = slices.DeleteFunc(bs, func(b *Block) bool { return b.Weight <= 0 })
	slices.SortStableFunc(bs, func(a, b *Block) int {
		switch {
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	var all float64
	for _, b := range bs {
		all += b.Weight
	}
	for len(bs) > 0 && w > 0 && h > 0 {
		scale := w * h / all
		side := math.Min(w, h)
		n, row := 1, bs[0].Weight*scale
		for n < len(bs) && ratio(bs[:n+1], row+bs[n].Weight*scale, side, scale) <= ratio(bs[:n], row, side, scale) {
			row += bs[n].Weight * scale
			n++
		}
		thick := row / side
		at := 0.0
		for _, b := range bs[:n] {
			long := b.Weight * scale / thick
			if w >= h {
				rs = append(rs, rect{X: x, Y: y + at, W: thick, H: long, B: b})
			} else {
				rs = append(rs, rect{X: x + at, Y: y, W: long, H: thick, B: b})
			}
			at += long
			all -= b.Weight
		}
		if w >= h {
			x, w = x+thick, w-thick
		} else {
			y, h = y+thick, h-thick
		}
		bs = bs[n:]
	}
	return rs
}

// ratio is how far from square the worst of a row is.
func ratio(row []*Block, area, side, scale float64) (worst float64) {
	thick := area / side
	for _, b := range row {
		long := b.Weight * scale / thick
		worst = math.Max(worst, math.Max(long/thick, thick/long))
	}
	return worst
}
