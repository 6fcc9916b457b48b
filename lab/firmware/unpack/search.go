package unpack

import "assay/lab/firmware/image"

// search finds the parts of one region.
type search struct {
	d     *dispatcher
	b     []byte
	all   []candidate
	tried map[candidate]*image.Part // what was opened already; nil: something else
	// bounded are those that are beyond the bounds: nobody knows where they end.
	bounded map[*image.Part]bool
	refused map[int]int // how often, by format
}

// Bounds of trying. A magic of two bytes stands by accident once in 65536 bytes, one
// of four hardly ever: where many of them are refused, somebody wants to keep us busy.
const (
	freeTries    = 4096
	bytesPerTry  = 2048
	longRefusals = 200      // of a format with magics of four bytes and more
	small        = 64 << 10 // bytes of a part that may be an accident inside of a longer one
	triesInSmall = 64
	strong       = 3       // bytes of a magic that is hardly an accident where something begins for sure
	maxParts     = 100_000 // of one image; what follows is not searched
)

// parts gives the parts that are accepted, in order, never overlapping.
func (s *search) parts(r region) []*image.Part {
	var accepted []*image.Part
	at := 0
	// Where the region begins something begins for sure.
	if p := s.first(r); p != nil {
		accepted = append(accepted, p)
		s.d.keep(p)
		s.d.parts++
		at = int(p.Size)
	}
	if !r.carve || at == len(s.b) {
		return accepted
	}
	s.all = s.d.match.find(s.b, freeTries+len(s.b)/bytesPerTry)
	for i := 0; i < len(s.all) && s.d.result.Err == nil && s.d.parts < maxParts; {
		start := s.all[i].start
		j := i
		for j < len(s.all) && s.all[j].start == start {
			j++
		}
		if start < at {
			i = j
			continue
		}
		p := s.best(i, j)
		if p != nil && p.State == image.Damaged && !s.beats(p, start, j) {
			if s.bounded[p] {
				s.cut(p, start, j)
			} else {
				p = nil
			}
		}
		if p != nil && p.State == image.Understood && p.Size < small {
			if longer := s.longer(p, start, j); longer > 0 {
				i, p = longer, nil
				continue
			}
		}
		if p == nil {
			i = j
			continue
		}
		p.Offset = int64(start)
		accepted = append(accepted, p)
		s.d.keep(p)
		s.d.parts++
		at = start + int(p.Size)
		i = j
	}
	return accepted
}

// first is the part that the region begins with, nil where none is recognized.
func (s *search) first(r region) *image.Part {
	var best *image.Part
	for _, f := range s.d.match.begins(s.d.formats, s.b, r.file == "") {
		p := s.open(candidate{0, f})
		if p == nil || p.State == image.Damaged && worth(p) == 0 && (r.file != "" || strength(&s.d.formats[f], s.b) < strong) {
			continue
		}
		if better(p, best) {
			best = p
		}
	}
	if best == nil && r.in && !r.out && r.file == "" {
		best = s.unsure()
	}
	if best == nil || best.State == image.Understood {
		return best
	}
	// It is damaged: what stands sound inside of it is worth more.
	s.all = s.d.match.find(s.b, freeTries+len(s.b)/bytesPerTry)
	j := 0
	for j < len(s.all) && s.all[j].start == 0 {
		j++
	}
	if !s.beats(best, 0, j) {
		s.cut(best, 0, j)
	}
	return best
}

// mostUnsure bounds what comes out of a stream of a format that is a guess.
const mostUnsure = 256 << 20

// unsure tries the formats that anything could be of. One is taken if nothing but
// padding is left behind it.
func (s *search) unsure() *image.Part {
	if run(s.b) >= 16 { // what is empty at its beginning has no header
		return nil
	}
	for i, f := range s.d.formats {
		if !f.Unsure {
			continue
		}
		bounds := s.d.o.Bounds
		bounds.Bytes = min(s.d.budget.Left(), mostUnsure)
		p, _ := s.d.openWith(image.NewBudget(s.d.ctx, bounds), i, s.b)
		if p == nil || p.State != image.Understood || p.Unpacked < p.Size {
			continue
		}
		if rest := s.b[p.Size:]; len(rest) > 0 && run(rest) < len(rest) || s.d.budget.Bytes(p.Unpacked, p.Size) != nil {
			continue
		}
		return p
	}
	return nil
}

// cut ends a damaged part where the next sound one begins.
func (s *search) cut(p *image.Part, start, next int) {
	if k := s.sound(start, start+int(p.Size), next); k >= 0 {
		p.Size = int64(s.all[k].start - start)
		p.Streams = within(p.Streams, p.Size)
	}
}

// within leaves out the streams that stand where a part was cut off.
func within(streams []image.Stream, size int64) []image.Stream {
	var kept []image.Stream
	for _, s := range streams {
		if s.Size == 0 || s.Offset+s.Size <= size {
			kept = append(kept, s)
		}
	}
	return kept
}

// open tries a candidate once.
func (s *search) open(c candidate) *image.Part {
	if p, done := s.tried[c]; done {
		return p
	}
	if s.refused[c.format] >= s.refusals(c.format) {
		return nil
	}
	p, bounded := s.d.open(c.format, s.b[c.start:])
	if p != nil && bounded && strength(&s.d.formats[c.format], s.b[c.start:]) >= strong {
		s.bounded[p] = true
	} else if p != nil && p.State == image.Damaged && worth(p) == 0 && c.start > 0 {
		p = nil // an accident, for all that one can see
	}
	if s.tried[c] = p; p == nil {
		s.refused[c.format]++
	}
	return p
}

// refusals is how often a format may be something else in one region.
func (s *search) refusals(format int) int {
	for _, m := range s.d.formats[format].Magic {
		if len(m.Bytes) < 4 {
			return freeTries + len(s.b)/bytesPerTry
		}
	}
	return longRefusals
}

// best is the best part of candidates that begin at one place.
func (s *search) best(from, to int) *image.Part {
	var best *image.Part
	for _, c := range s.all[from:to] {
		if p := s.open(c); p != nil && better(p, best) {
			best = p
		}
	}
	return best
}

// better prefers sound parts, then long ones.
func better(p, than *image.Part) bool {
	switch {
	case than == nil:
		return true
	case p.State != than.State:
		return p.State == image.Understood
	case p.State == image.Damaged && worth(p) != worth(than):
		return worth(p) > worth(than)
	}
	return p.Size > than.Size
}

// worth is how many bytes speak for a part: all of a sound one, half of a damaged
// one if something came out of it.
func worth(p *image.Part) int64 {
	if p.State == image.Understood {
		return p.Size
	}
	some := p.Unpacked >= small || p.Tree != nil && len(p.Tree.Root.Children) > 0
	for _, s := range p.Streams {
		some = some || len(s.Data) >= 64 && (s.Size > 0 || len(s.Data) >= small)
	}
	if some {
		return p.Size / 2
	}
	return 0
}

// beats reports whether a damaged part is worth more than what stands sound inside
// of it.
func (s *search) beats(p *image.Part, start, next int) bool {
	end, most, sum := start+int(p.Size), worth(p), int64(0)
	for at := start; ; {
		k := s.sound(at, end, next)
		if k < 0 {
			return true
		}
		inner := s.best(k, s.same(k))
		if sum += inner.Size; sum > most {
			return false
		}
		at = s.all[k].start + int(inner.Size)
		next = s.same(k)
	}
}

// same is the first candidate behind k that begins elsewhere.
func (s *search) same(k int) int {
	j := k
	for j < len(s.all) && s.all[j].start == s.all[k].start {
		j++
	}
	return j
}

// sound finds the first candidate from next on that begins in [at, end) and is
// sound; -1: there is none.
func (s *search) sound(at, end, next int) int {
	for k := next; k < len(s.all) && s.all[k].start < end && s.d.result.Err == nil; {
		j := s.same(k)
		if s.all[k].start >= at {
			if p := s.best(k, j); p != nil && p.State == image.Understood {
				return k
			}
		}
		k = j
	}
	return -1
}

// longer finds a sound part that begins inside of a small one, goes on behind
// it and is longer; 0: there is none.
func (s *search) longer(p *image.Part, start, next int) int {
	end := start + int(p.Size)
	tries := 0
	for k := next; k < len(s.all) && s.all[k].start < end && tries < triesInSmall; k = s.same(k) {
		tries++
		inner := s.best(k, s.same(k))
		if inner != nil && inner.State == image.Understood && inner.Size > p.Size && s.all[k].start+int(inner.Size) > end {
			return k
		}
	}
	return 0
}
