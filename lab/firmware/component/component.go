// Package component finds out what software an image is made of: from package
// databases, from the manifests of languages, and from what programs, libraries,
// kernels and boot loaders say of themselves, which rules read that are data
// (rules/*.yaml).
//
// A version is claimed where one thing speaks for it, and confirmed where two do
// that do not depend on each other. What speaks against each other is kept, both.
package component

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware/binary"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// Inspector looks for components. It is for one image and one goroutine.
type Inspector struct {
	set       *set
	sightings []sighting
	left      int // sightings beyond maxSightings, and files that could not be searched to their end
	tries     int // that are left of maxAllTried
	databases map[where]*database
	owned     map[where]string // package that owns a file
	loose     []manifest
	parts     map[where]*lab.Parts // what own files of families have built in
	symbols   int
	modules   []module
	configs   []config
	libc      map[string]map[string]int // by system: how many programs use which

	components []lab.Component
	findings   []lab.Finding
}

// where is a file of a system, by the part's id and its path.
type where struct{ part, path string }

// Bounds of what one image can say.
const (
	maxSightings = 200_000
	maxSymbols   = 20_000  // of one component
	allSymbols   = 400_000 // of all
	maxModules   = 20_000
)

// New begins an image. Its error is one of the embedded rules, which tests know of.
func New() (*Inspector, error) {
	s, err := ready()
	if err != nil {
		return nil, err
	}
	return &Inspector{
		set: s, tries: maxAllTried, databases: map[where]*database{}, owned: map[where]string{}, parts: map[where]*lab.Parts{}, libc: map[string]map[string]int{},
	}, nil
}

// Result is what was found, sorted: components by family, name, version and first
// place. It is empty before Done.
func (i *Inspector) Result() ([]lab.Component, []lab.Finding) { return i.components, i.findings }

// File looks at one file.
func (i *Inspector) File(f *inspect.File) {
	name := path.Base(f.Path)
	switch {
	case isELF(f.Data):
		i.program(f, name)
	case i.database(f, name), i.manifest(f, name):
	case isConfig(f.Data):
		i.addConfig(f.Data, lab.Place{Part: f.System.Part, Path: f.Path})
	case f.Text():
		i.take(f, i.read(f.Data, name, inText), name)
	}
}

// program looks at a program, a library or a module of a kernel.
func (i *Inspector) program(f *inspect.File, name string) {
	elf := f.ELF()
	if elf != nil && elf.Type == "relocatable" || strings.HasSuffix(name, ".ko") {
		if m, err := binary.Module(f.Data); err == nil {
			i.addModule(f, m, name)
			return
		}
	}
	soname := ""
	if elf != nil {
		soname = elf.Soname
		i.languages(f, elf)
		if elf.Libc != "" && len(elf.Needed) > 0 {
			if i.libc[f.System.Part] == nil {
				i.libc[f.System.Part] = map[string]int{}
			}
			i.libc[f.System.Part][elf.Libc]++
		}
	}
	found := i.set.readNames(name, soname)
	if elf == nil || elf.Go == nil || elf.Go.Cgo { // what is Go alone only speaks of programs in C
		found = append(found, few(i.read(f.Data, name, inELF), name)...)
	}
	i.take(f, found, name)
	i.builtIn(f, elf, name, found)
}

func (i *Inspector) read(b []byte, name string, in place) []reading {
	before := i.tries
	found := i.set.read(b, name, in, &i.tries)
	if used := before - i.tries; used >= maxTried || i.tries <= 0 {
		i.left++
	}
	return found
}

// maxFamilies is how many projects one program may have in it: with more it is a
// scanner that knows them.
const maxFamilies = 16

// few leaves out what is read in a program that speaks of many projects, but for its own.
func few(found []reading, name string) []reading {
	families := map[*Family]bool{}
	for _, r := range found {
		families[r.look.family] = true
	}
	if len(families) <= maxFamilies {
		return found
	}
	return slices.DeleteFunc(found, func(r reading) bool { return !named(r.look.family.Own, name) })
}

// take keeps what was read in a file.
func (i *Inspector) take(f *inspect.File, found []reading, name string) {
	for _, r := range found {
		i.add(sighting{
			family: r.look.family, id: r.look.family.ID, system: f.System.Part, sum: f.SHA256, own: named(r.look.family.Own, name), coarse: r.look.Coarse,
			seen: lab.Observation{
				Rule: r.look.Rule, Version: r.look.Version, Kind: r.look.Kind, Text: short(r.text, 200), Claims: r.version,
				Where: lab.Place{Part: f.System.Part, Path: f.Path, Offset: int64(r.offset)},
			},
		})
	}
}

func (i *Inspector) add(s sighting) {
	if len(i.sightings) >= maxSightings {
		i.left++
		return
	}
	i.sightings = append(i.sightings, s)
}

// builtIn keeps what vulnerabilities are reduced by: the applets of a BusyBox, and
// what a family's libraries export.
func (i *Inspector) builtIn(f *inspect.File, elf *binary.File, name string, found []reading) {
	at := where{f.System.Part, f.Path}
	seen := map[string]bool{}
	for _, r := range found {
		id := r.look.family.ID
		if seen[id] {
			continue
		}
		seen[id] = true
		if id == "busybox" {
			if applets := binary.Applets(f.Data); applets != nil {
				i.partsOf(at).Applets = applets
			}
		}
	}
	if elf == nil || len(elf.Exports) == 0 || !strings.Contains(name, ".so") || !i.set.own(name) {
		return
	}
	if n := min(len(elf.Exports), maxSymbols, allSymbols-i.symbols); n > 0 {
		i.symbols += n
		symbols := []string{}
		for _, e := range elf.Exports[:n] {
			if symbolName.MatchString(e) {
				symbols = append(symbols, e)
			}
		}
		i.partsOf(at).Symbols = symbols
	}
}

// symbolName leaves out what no compiler makes, which would be shown.
var symbolName = regexp.MustCompile(`^[!-~]{1,300}$`)

func (i *Inspector) partsOf(at where) *lab.Parts {
	p := i.parts[at]
	if p == nil {
		p = &lab.Parts{}
		i.parts[at] = p
	}
	return p
}

// own reports whether a file of this name is a family's own.
func (s *set) own(name string) bool {
	return slices.ContainsFunc(s.families, func(f *Family) bool { return named(f.Own, name) })
}

// Done looks at what stands outside of trees and puts everything together.
func (i *Inspector) Done(systems []*inspect.System, parts []*image.Part) {
	for _, p := range parts {
		i.part(p)
	}
	for _, s := range systems {
		if s.Tree == nil {
			continue
		}
		i.innerParts(s)
		i.links(s)
	}
	i.merge(systems)
}

// part looks at what a part has outside of trees: its bytes where nothing inside of
// it takes them, unless they are packed.
func (i *Inspector) part(p *image.Part) {
	packed := false
	at := int64(0)
	for _, c := range p.Parts {
		i.part(c)
		packed = packed || c.Out
	}
	if p.Tree != nil || p.State == image.Padding {
		return
	}
	i.title(p)
	if packed || unpacks(p) {
		return
	}
	raw := func(to int64) {
		if to = min(to, int64(len(p.Raw))); at < to {
			i.blob(p.Raw[at:to], p.ID, at)
		}
	}
	for _, c := range p.Parts {
		raw(c.Offset)
		at = max(at, c.Offset+c.Size)
	}
	raw(int64(len(p.Raw)))
}

// unpacks reports whether something came out of a part.
func unpacks(p *image.Part) bool {
	return slices.ContainsFunc(p.Streams, func(s image.Stream) bool { return s.Size == 0 && len(s.Data) > 0 })
}

// title reads what a wrapper calls its content: uImage names kernels "Linux-4.4.92".
func (i *Inspector) title(p *image.Part) {
	if name := p.Get("name"); name != "" && p.Format != "linux" { // whose name is read off its bytes
		i.takeBlob(i.read([]byte(name), "", inBlob), p.ID, 0)
	}
}

// maxBlob is how much of one part is searched.
const maxBlob = 256 << 20

func (i *Inspector) blob(b []byte, id string, offset int64) {
	b = b[:min(len(b), maxBlob)]
	if isConfig(b) {
		i.addConfig(b, lab.Place{Part: id, Offset: offset})
		return
	}
	i.takeBlob(i.read(b, "", inBlob), id, offset)
}

func (i *Inspector) takeBlob(found []reading, id string, offset int64) {
	for _, r := range found {
		i.add(sighting{
			family: r.look.family, id: r.look.family.ID, system: id, own: true, coarse: r.look.Coarse,
			seen: lab.Observation{
				Rule: r.look.Rule, Version: r.look.Version, Kind: r.look.Kind, Text: short(r.text, 200), Claims: r.version,
				Where: lab.Place{Part: id, Offset: offset + int64(r.offset)},
			},
		})
	}
}

// innerParts looks at files that are wrappers themselves: a kernel in /boot.
func (i *Inspector) innerParts(s *inspect.System) {
	s.Tree.Walk(func(p string, n *image.Node) error {
		if n.Inner != nil {
			i.inner(n.Inner)
		}
		return nil
	})
}

// inner is part for what is inside of files, which does not keep its bytes but
// those that came out of unpacking.
func (i *Inspector) inner(p *image.Part) {
	i.title(p)
	for _, c := range p.Parts {
		i.inner(c)
	}
	if p.Tree != nil {
		return
	}
	for _, s := range p.Streams {
		if s.Size == 0 && !holdsTree(p) {
			i.blob(s.Data, p.ID, 0)
		}
	}
}

func holdsTree(p *image.Part) bool {
	for _, c := range p.Parts {
		if c.Tree != nil || len(c.Streams) > 0 {
			return true
		}
	}
	return false
}

var appletName = regexp.MustCompile(`^[A-Za-z0-9\[._-]{1,32}$`)

// links reads the applets of a BusyBox off the links to it, where its own table was
// not found.
func (i *Inspector) links(s *inspect.System) {
	var names []string
	s.Tree.Walk(func(p string, n *image.Node) error {
		if n.Kind == image.Symlink && path.Base(n.Target) == "busybox" && appletName.MatchString(n.Name) {
			names = append(names, n.Name)
		}
		return nil
	})
	if len(names) == 0 {
		return
	}
	for _, x := range i.sightings {
		if x.id == "busybox" && x.system == s.Part && x.seen.Where.Path != "" {
			if p := i.partsOf(where{s.Part, x.seen.Where.Path}); p.Applets == nil {
				p.Applets = sortedSet(names)
			}
			return
		}
	}
}
