package firmware

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"assay/confine"
	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/unpack"
)

// told is what the process is told by its caller.
type told struct {
	At     time.Time     `json:"at"`
	Words  []string      `json:"words,omitempty"`
	Bounds image.Bounds  `json:"bounds"`
	Time   time.Duration `json:"time"` // after which it says what it has
}

// said is one line of what the process says: how far it is, or, in the end, the facts.
type said struct {
	Progress *Progress `json:"progress,omitempty"`
	Facts    *Facts    `json:"facts,omitempty"`
}

// Every is how often progress is told.
const every = 100 * time.Millisecond

// softMemory is from where the process collects garbage rather than take more.
const softMemory = 1 << 30

// worker unpacks and inspects an image in a process that can only compute.
var worker = confine.NewTold("firmware", func(order []byte, in *os.File, out io.Writer) error {
	o, b, err := begin(order, in)
	if err != nil {
		return err
	}
	all, err := inspectors(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), o.Time, errTime)
	defer cancel()
	w := bufio.NewWriterSize(out, 64<<10)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	var last time.Time
	var lost error
	f := examine(ctx, b, o, all, func(p Progress) {
		if now := time.Now(); lost == nil && now.Sub(last) >= every {
			last = now
			if lost = e.Encode(said{Progress: &p}); lost == nil {
				lost = w.Flush()
			}
		}
	})
	if lost != nil {
		return lost
	}
	return errors.Join(e.Encode(said{Facts: f}), w.Flush())
})

// begin is how both processes begin that read an image.
func begin(order []byte, in *os.File) (o told, b []byte, err error) {
	if err := json.Unmarshal(order, &o); err != nil {
		return o, nil, err
	}
	debug.SetGCPercent(40)
	debug.SetMemoryLimit(softMemory)
	b, err = contents(in)
	return o, b, err
}

var errTime = errors.New("the time for one image was over before all of it was looked at")

// examination is one run over an image.
type examination struct {
	facts      *Facts
	inspectors []*inspector
	systems    map[*image.Part]*inspect.System
	order      []*inspect.System
	sums       map[*image.Node][sha256.Size]byte
}

// examine finds the facts of an image; Layers are the caller's to fill in.
func examine(ctx context.Context, b []byte, o told, all []*inspector, progress func(Progress)) *Facts {
	sum := sha256.Sum256(b)
	x := &examination{
		facts:      &Facts{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(b)), Findings: []lab.Finding{}},
		inspectors: all,
		systems:    map[*image.Part]*inspect.System{},
		sums:       map[*image.Node][sha256.Size]byte{},
	}
	r := unpack.Unpack(ctx, b, unpack.Options{Bounds: o.Bounds, File: x.file, Progress: func(p unpack.Progress) {
		progress(Progress{Part: line(p.Part), Format: line(p.Format), Done: p.Done, Size: int64(len(b)), Unpacked: p.Bytes, Files: p.Files, Read: p.Read, ToRead: p.ToRead})
	}})
	x.facts.Parts, x.facts.Coverage = r.Parts, r.Coverage
	if r.Err != nil {
		x.problem("%v", r.Err)
	}
	for _, p := range r.Panics {
		x.problem("a reader failed: %s", p)
	}
	for _, p := range r.Trees {
		x.system(p)
	}
	progress(Progress{Format: "inspection", Done: int64(len(b)), Size: int64(len(b)), Read: 1, ToRead: 1}) // all of what there was
	for _, i := range x.inspectors {
		x.guard(i, func() { i.Done(x.order, r.Parts) })
		if i.failed == "" {
			x.guard(i, func() { x.facts.Findings = append(x.facts.Findings, i.result(&x.facts.Results)...) })
		}
	}
	for _, s := range x.order {
		x.facts.Systems = append(x.facts.Systems, x.list(s))
	}
	x.facts.Findings = append(x.facts.Findings, understanding(x.facts)...)
	x.facts.Findings, x.facts.Left = lab.Sort(x.facts.Findings)
	clean(x.facts)
	return x.facts
}

func (x *examination) problem(format string, a ...any) {
	if len(x.facts.Problems) < maxProblems {
		x.facts.Problems = append(x.facts.Problems, line(fmt.Sprintf(format, a...)))
	}
}

// system is a part's tree, as inspectors know it.
func (x *examination) system(p *image.Part) *inspect.System {
	s := x.systems[p]
	if s == nil {
		s = &inspect.System{Part: p.ID, Tree: p.Tree, Root: p.Tree.IsRoot()}
		x.systems[p] = s
		x.order = append(x.order, s)
	}
	return s
}

// file shows a file to the inspectors.
func (x *examination) file(p *image.Part, path string, n *image.Node, data []byte, sum [sha256.Size]byte, err error) {
	s := x.system(p)
	if err != nil {
		return // its Inner says so
	}
	x.sums[n] = sum
	f := inspect.NewFile(s, path, n, data, sum)
	for _, i := range x.inspectors {
		if i.failed == "" {
			x.guard(i, func() { i.File(f) })
			if i.failed != "" {
				x.problem("%s: %s", path, i.failed)
			}
		}
	}
}

// guard keeps an inspector that panics from taking the others along.
func (x *examination) guard(i *inspector, f func()) {
	defer func() {
		if r := recover(); r != nil {
			i.failed = fmt.Sprintf("the inspection %s failed: %.300v", i.name, r)
			x.problem("%s", i.failed)
		}
	}()
	f()
}

// list is the contents of a tree.
func (x *examination) list(s *inspect.System) System {
	l := System{Part: s.Part, Root: s.Root, Notes: s.Tree.Notes}
	s.Tree.Walk(func(path string, n *image.Node) error {
		l.Nodes++
		f := File{
			Path: printable(path), Kind: n.Kind, Perm: n.Perm & 0o7777, UID: n.UID, GID: n.GID, Time: n.Time,
			Target: printable(n.Target), Major: n.Major, Minor: n.Minor, Inner: n.Inner,
		}
		if n.Kind == image.File {
			f.Size = n.Size
			l.Bytes += n.Size
			if sum, ok := x.sums[n]; ok {
				f.SHA256 = hex.EncodeToString(sum[:])
			}
		}
		l.Files = append(l.Files, f)
		return nil
	})
	return l
}

// leastUnknown is from how many bytes of the image on unknown ones are worth a finding.
const leastUnknown = 1 << 10

// understanding is a finding for each part that is damaged or unknown, wherever it stands.
func understanding(f *Facts) []lab.Finding {
	var found []lab.Finding
	look := func(p *image.Part, at lab.Place) {
		size := strconv.FormatInt(p.Size, 10)
		switch {
		case p.State == image.Damaged:
			found = append(found, lab.Found("image.damaged", lab.Confirmed, at, "format", p.Format, "problem", p.Problem))
		case p.State == image.Unknown && p.Weight >= leastUnknown:
			found = append(found, lab.Found("image.not-understood", lab.Confirmed, at, "size", size, "entropy", strconv.FormatFloat(p.Entropy, 'f', 2, 64)))
		}
	}
	for _, p := range f.Parts {
		each(p, func(p *image.Part) { look(p, lab.Place{Part: p.ID}) })
	}
	for _, s := range f.Systems {
		for _, n := range s.Files {
			if n.Inner != nil {
				each(n.Inner, func(p *image.Part) {
					at := lab.Place{Part: p.ID}
					if p == n.Inner {
						at = lab.Place{Part: s.Part, Path: n.Path}
					}
					look(p, at)
				})
			}
		}
	}
	return found
}

// each calls f for a part and all in it.
func each(p *image.Part, f func(*image.Part)) {
	f(p)
	for _, c := range p.Parts {
		each(c, f)
	}
}

// printable writes what cannot be shown as an escape.
func printable(s string) string {
	for _, r := range s {
		if r == '\ufffd' || !strconv.IsPrint(r) || r == '\\' {
			q := strconv.Quote(s)
			return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
		}
	}
	return s
}

// line is printable, and bounded.
func line(s string) string {
	s = printable(s)
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + "…"
	}
	return s
}

// clean makes what readers and inspectors took from the image fit for the answer.
func clean(f *Facts) {
	part := func(p *image.Part) {
		p.ID, p.Format, p.Problem, p.From = printable(p.ID), line(p.Format), line(p.Problem), line(p.From)
		p.Details = p.Details[:min(len(p.Details), maxDetails)]
		for i, d := range p.Details {
			p.Details[i] = image.Property{Name: line(d.Name), Value: line(d.Value)}
		}
	}
	for _, p := range f.Parts {
		each(p, part)
	}
	for i := range f.Systems {
		s := &f.Systems[i]
		s.Part = printable(s.Part)
		for j := range s.Notes {
			s.Notes[j] = line(s.Notes[j])
		}
		for _, n := range s.Files {
			if n.Inner != nil {
				each(n.Inner, part)
			}
		}
	}
	for i := range f.Findings {
		for j := range f.Findings[i].Where {
			w := &f.Findings[i].Where[j]
			w.Part, w.Path = printable(w.Part), printable(w.Path)
		}
	}
	for i := range f.Components {
		for j := range f.Components[i].Seen {
			w := &f.Components[i].Seen[j].Where
			w.Part, w.Path = printable(w.Part), printable(w.Path)
		}
	}
}
