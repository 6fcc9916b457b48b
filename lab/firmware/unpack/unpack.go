// Package unpack finds out what a firmware image is made of: it looks for the
// formats it knows at every place, opens what is sound, looks into what comes out,
// and says of every byte whether it was understood.
//
// It trusts no reader and no length: parts never overlap, what is inside a part is
// strictly inside, the bounds of image.Budget hold for all of them together, and
// a reader that panics leaves a damaged part.
package unpack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"assay/lab/firmware/image"
)

// Options of a run.
type Options struct {
	Bounds  image.Bounds
	Formats []image.Format // nil: all

	// Progress is told what is looked at, as often as something new is.
	Progress func(Progress)
	// File is shown every regular file of every tree, once: tree after tree, a tree in
	// the order of image.Tree.Walk, the trees inside of files behind the one that
	// they are in. err says why it cannot be read; then data is nil. data is not to
	// be kept or changed.
	File func(p *image.Part, path string, n *image.Node, data []byte, sum [sha256.Size]byte, err error)
}

// Progress of a run.
type Progress struct {
	Part   string // id of what is looked at
	Format string // of it
	Done   int64  // bytes of the image that were carved so far
	Bytes  int64  // that were unpacked
	Files  int    // that were found in trees
	Read   int64  // bytes of those files that were looked at, of
	ToRead int64  // those that are known by now
}

// Result is what an image is made of.
type Result struct {
	Parts    []*image.Part // of the image, without holes, by offset
	Trees    []*image.Part // those of all depths that hold a tree, in the order in which Options.File sees them
	Coverage Coverage
	Panics   []string // of readers, each with its part; every one is a mistake of this program
	// Err is why it ended early: the context's end. What was not looked at is
	// unknown then.
	Err error
}

// maxKept bounds the unpacked bytes that are kept at a time, since the parts in them
// are read where they stand.
const maxKept = 384 << 20

// maxPath is how long a path may be that is part of an id.
const maxPath = 400

// dispatcher is one run.
type dispatcher struct {
	ctx     context.Context
	o       Options
	formats []image.Format
	match   *matcher
	budget  *image.Budget
	result  *Result
	trees   []*holder
	kept    int64 // bytes of streams that came out of unpacking
	read    int64 // bytes of files
	toRead  int64 // of all files in trees
	done    int64 // bytes of the image
	parts   int   // accepted
}

// holder is a part with a tree whose files have to be looked at.
type holder struct {
	part  *image.Part
	depth int
	carve bool // its files may be images
}

// Unpack finds out what b is made of. b must not be changed later, the trees
// read from it.
func Unpack(ctx context.Context, b []byte, o Options) *Result {
	if o.Formats == nil {
		o.Formats = Formats()
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	d := &dispatcher{ctx: ctx, o: o, formats: o.Formats, match: newMatcher(o.Formats), budget: image.NewBudget(ctx, o.Bounds), result: &Result{}}
	d.result.Parts = d.region(b, region{carve: true, raw: true})
	for len(d.trees) > 0 && d.result.Err == nil {
		h := d.trees[0]
		d.trees = d.trees[1:]
		d.result.Trees = append(d.result.Trees, h.part)
		d.tree(h)
	}
	weigh(d.result.Parts, int64(len(b)))
	d.result.Coverage = cover(d.result.Parts)
	return d.result
}

// region is where bytes to be looked at stand.
type region struct {
	id    string // of what contains them, with a slash behind it; "" for the image
	depth int
	carve bool   // to be searched at every place, not only at its beginning
	file  string // name of the file that it is the content of, where that is not to be carved
	raw   bool   // parts keep their bytes
	in    bool   // a stream of a part
	from  string // name of that stream
	out   bool   // that came out of unpacking
	base  int64  // of the region in its parent's bytes
}

// region cuts b into parts without holes.
func (d *dispatcher) region(b []byte, r region) []*image.Part {
	var found []*image.Part
	if len(b) > 0 && d.result.Err == nil {
		s := &search{d: d, b: b, tried: map[candidate]*image.Part{}, bounded: map[*image.Part]bool{}, refused: map[int]int{}}
		found = s.parts(r)
	}
	var all []*image.Part
	at := 0
	fill := func(to int) {
		if at >= to {
			return
		}
		for _, p := range gap(b[at:to]) {
			p.Offset += int64(at)
			all = append(all, p)
		}
	}
	for _, p := range found {
		fill(int(p.Offset))
		all = append(all, p)
		at = int(p.Offset + p.Size)
	}
	fill(len(b))
	for _, p := range all {
		local := p.Offset
		p.ID = fmt.Sprintf("%s0x%x", r.id, local)
		p.Offset += r.base
		p.From, p.Out = r.from, r.out
		if r.raw {
			p.Raw = b[local : local+p.Size : local+p.Size]
		}
		d.inside(p, r)
		if r.depth == 0 {
			d.done += p.Size
			d.tell(p)
		}
	}
	return all
}

func (d *dispatcher) tell(p *image.Part) {
	bytes, files := d.budget.Used()
	d.o.Progress(Progress{Part: p.ID, Format: p.Format, Done: d.done, Bytes: bytes, Files: files, Read: d.read, ToRead: d.toRead})
}

// inside looks into an accepted part.
func (d *dispatcher) inside(p *image.Part, r region) {
	names := map[string]int{}
	for _, s := range p.Streams {
		name := plainName(s.Name)
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, names[name])
		}
		in := region{
			id: p.ID + "/" + name + "/", depth: r.depth + 1, carve: r.carve, raw: r.raw, in: true,
			from: name, out: s.Size == 0, base: s.Offset,
		}
		if in.out {
			in.base = 0
		}
		if err := d.enter(p, s, in); err != nil {
			problem(p, "its content %s is not looked at: %v", name, err)
			continue
		}
		parts := d.region(s.Data, in)
		if r.file != "" && len(p.Streams) == 1 && p.Tree == nil && !recognized(parts) {
			p.Tree = single(r.file, s.Data)
			continue
		}
		p.Parts = append(p.Parts, parts...)
	}
	// In the order of their bytes, as they stand before what came out of them.
	slices.SortStableFunc(p.Parts, func(a, b *image.Part) int {
		if a.Out != b.Out {
			return cmp.Compare(order(a), order(b))
		}
		if a.Out {
			return 0
		}
		return cmp.Compare(a.Offset, b.Offset)
	})
	for i := 1; i < len(p.Parts); i++ {
		if a, b := p.Parts[i-1], p.Parts[i]; !a.Out && !b.Out && a.From != b.From && a.Offset+a.Size > b.Offset {
			problem(p, "its contents %s and %s overlap", a.From, b.From)
			p.Parts = p.Parts[:i]
			break
		}
	}
	if p.Tree != nil {
		d.trees = append(d.trees, &holder{p, r.depth + 1, r.carve && !p.Tree.IsRoot()})
		files(p.Tree, func(n *image.Node) { d.toRead += n.Size })
	}
}

func order(p *image.Part) int {
	if p.Out {
		return 1
	}
	return 0
}

// enter reports whether a stream may be looked into.
func (d *dispatcher) enter(p *image.Part, s image.Stream, r region) error {
	if s.Size != 0 && (s.Offset < 0 || s.Size < 0 || s.Offset > p.Size || s.Size > p.Size-s.Offset || int64(len(s.Data)) != s.Size) {
		return fmt.Errorf("it stands outside of its part: %d bytes at %d", s.Size, s.Offset)
	}
	return d.budget.Depth(r.depth)
}

// keep lets go of what came out of a part where too much is kept already.
func (d *dispatcher) keep(p *image.Part) {
	var streams []image.Stream
	for _, s := range p.Streams {
		if s.Size == 0 {
			if d.kept+int64(len(s.Data)) > maxKept {
				problem(p, "its content %s is not looked at: %v: %d bytes of streams", plainName(s.Name), image.ErrBounds, int64(maxKept))
				continue
			}
			d.kept += int64(len(s.Data))
		}
		streams = append(streams, s)
	}
	p.Streams = streams
}

// problem makes a part a damaged one, or adds to what is wrong with it.
func problem(p *image.Part, format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	switch {
	case p.State != image.Damaged:
		p.State, p.Problem = image.Damaged, text
	case len(p.Problem) < 1000:
		p.Problem = strings.TrimPrefix(p.Problem+"; "+text, "; ")
	}
}

// plainName makes a stream's name fit for an id.
func plainName(s string) string {
	var b strings.Builder
	for _, c := range []byte(s[:min(len(s), 40)]) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		default:
			b.WriteByte('-')
		}
	}
	if b.Len() == 0 {
		return "data"
	}
	return b.String()
}

// open tries a format at the beginning of b. nil: it is something else. bounded: it
// would be more than the bounds allow.
func (d *dispatcher) open(format int, b []byte) (p *image.Part, bounded bool) {
	return d.openWith(d.budget, format, b)
}

func (d *dispatcher) openWith(budget *image.Budget, format int, b []byte) (p *image.Part, bounded bool) {
	f := &d.formats[format]
	defer func() {
		if r := recover(); r != nil {
			p = &image.Part{Size: int64(len(b)), Format: f.Name}
			problem(p, "the reader failed: %.300v", r)
			if len(d.result.Panics) < 100 {
				d.result.Panics = append(d.result.Panics, fmt.Sprintf("%s: %.300v", f.Name, r))
			}
		}
	}()
	p, err := f.Open(b, budget)
	switch {
	case d.ctx.Err() != nil:
		d.result.Err = context.Cause(d.ctx)
		return nil, false
	case errors.Is(err, image.ErrNot) || p == nil && err == nil:
		return nil, false
	case err != nil:
		p = &image.Part{Size: int64(len(b)), Format: f.Name}
		problem(p, "%v", err)
		return p, errors.Is(err, image.ErrBounds)
	case p.Size <= 0 || p.Size > int64(len(b)):
		n := p.Size
		p.Size = min(max(n, 1), int64(len(b)))
		problem(p, "it says that it has %d bytes, and there are %d", n, len(b))
	}
	if p.State != image.Understood && p.State != image.Damaged {
		p.State = image.Understood
	}
	if p.Format == "" {
		p.Format = f.Name
	}
	return p, false
}
