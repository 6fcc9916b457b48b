package binary

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// Dependency is a library that was compiled in, as the language's own package
// system names it.
type Dependency struct {
	Name    string `json:"name"` // module path or crate
	Version string `json:"version,omitempty"`
}

// Go is what a program written in Go carries about its making (debug/buildinfo).
type Go struct {
	Version string       `json:"version"` // of the compiler and standard library: go1.21.5
	Path    string       `json:"path,omitempty"`
	Main    Dependency   `json:"main"`
	Deps    []Dependency `json:"deps,omitempty"` // sorted by name
	Cgo     bool         `json:"cgo"`            // C may be in it too
}

// Rust is what a program written in Rust gives away about its making.
type Rust struct {
	Version string       `json:"version,omitempty"` // of the compiler: 1.70.0
	Crates  []Dependency `json:"crates,omitempty"`  // that messages in it name, sorted; there may be more
}

// Bounds of what is read of dependencies.
const (
	maxDependencies = 5000
	maxPaths        = 200_000 // of source files
)

// readGo reads the build information of Go, nil where there is none.
func readGo(b []byte) (g *Go) {
	if !bytes.Contains(b, []byte("\xff Go buildinf:")) {
		return nil
	}
	// The reader is the standard library's, which was not made for foreign bytes.
	defer func() {
		if recover() != nil {
			g = nil
		}
	}()
	info, err := buildinfo.Read(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	g = &Go{Version: info.GoVersion, Path: info.Path, Main: Dependency{info.Main.Path, info.Main.Version}}
	for _, d := range info.Deps[:min(len(info.Deps), maxDependencies)] {
		if d.Replace != nil {
			d = d.Replace
		}
		g.Deps = append(g.Deps, Dependency{d.Path, d.Version})
	}
	slices.SortFunc(g.Deps, compareDependencies)
	g.Cgo = slices.Contains(info.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"})
	return g
}

func compareDependencies(a, b Dependency) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version))
}

// crate is what follows the registry's own folder in the path of a source file:
// NAME-VERSION/.
var crate = regexp.MustCompile(`^[^/\x00]{1,80}[/\\]([A-Za-z][A-Za-z0-9_-]{0,63})-([0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]{0,40})[/\\]`)

// readRust looks for the paths of source files that panic messages carry.
func (f *File) readRust() *Rust {
	const registry = "/registry/src/"
	var r Rust
	is := false
	for _, c := range f.Compilers {
		if v, ok := strings.CutPrefix(c, "rustc version "); ok {
			r.Version, _, _ = strings.Cut(v, " ")
			is = true
		}
	}
	is = is || bytes.Contains(f.o.b, []byte("/rustc/")) && bytes.Contains(f.o.b, []byte("/library/core/src/"))
	if !is {
		return nil
	}
	seen := map[Dependency]bool{}
	for b, n := f.o.b, 0; n < maxPaths && len(seen) < maxDependencies; n++ {
		i := bytes.Index(b, []byte(registry))
		if i < 0 {
			break
		}
		b = b[i+len(registry):]
		if m := crate.FindSubmatch(b[:min(len(b), 256)]); m != nil {
			seen[Dependency{string(m[1]), string(m[2])}] = true
		}
	}
	for d := range seen {
		r.Crates = append(r.Crates, d)
	}
	slices.SortFunc(r.Crates, compareDependencies)
	return &r
}
