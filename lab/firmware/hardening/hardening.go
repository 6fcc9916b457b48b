// Package hardening looks at how the programs of an image are protected against
// their own errors: what the compiler, the linker and the kernel could do for them.
package hardening

import (
	"bytes"
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"assay/lab"
	"assay/lab/firmware/binary"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// MaxPrograms bounds the list of programs; what is beyond is counted.
const MaxPrograms = 5000

// maxPlaces bounds the places of one finding; it says how many there are in all.
const maxPlaces = 500

// maxLines bounds the lines of scripts that are reported.
const maxLines = 100

// Reaches of a program: who can send it something.
const (
	Network = "network" // it takes connections or datagrams
	SetUID  = "set-uid" // it runs with rights that its caller lacks
	Local   = "local"   // nothing of both is known
	Library = "library"
	Module  = "module" // of the kernel, or another object
)

// Program is one program, library or kernel module with what protects it.
type Program struct {
	Where     lab.Place        `json:"where"`
	Machine   string           `json:"machine"` // as in binary.File, with order and width: "mips big 32"
	Reach     string           `json:"reach"`
	Libc      string           `json:"libc,omitempty"`
	Static    bool             `json:"static,omitempty"`
	Symbols   bool             `json:"symbols,omitempty"` // not stripped
	Debug     bool             `json:"debug,omitempty"`
	Cut       bool             `json:"cut,omitempty"`
	Checks    binary.Hardening `json:"checks"`
	Uses      []string         `json:"uses,omitempty"` // of binary.Risky
	Compilers []string         `json:"compilers,omitempty"`
}

// Count is how many programs have one verdict on one property.
type Count struct {
	Machine  string         `json:"machine"` // "" is all
	Property string         `json:"property"`
	Verdict  binary.Verdict `json:"verdict"`
	Count    int            `json:"count"`
}

// Result of looking at an image.
type Result struct {
	Programs []Program      `json:"programs"`           // in the order of part and path
	More     int            `json:"more,omitempty"`     // beyond MaxPrograms, counted nowhere else
	Odd      int            `json:"odd,omitempty"`      // files that begin like a program and are none
	Machines map[string]int `json:"machines,omitempty"` // programs and libraries by machine
	Summary  []Count        `json:"summary"`            // in the order of machine, binary.Properties and verdict
	Findings []lab.Finding  `json:"findings"`           // not sorted
}

// Inspector collects the programs of an image.
type Inspector struct {
	programs []Program
	more     int
	odd      int
	findings []lab.Finding
	groups   map[group]*lab.Finding
}

// group is what findings of one kind have in common.
type group struct {
	rule     string
	severity lab.Severity
	certain  lab.Certainty
	name     string // of the property that tells them apart
	value    string
}

var _ inspect.Inspector = (*Inspector)(nil)

// NewInspector makes an inspector for one image.
func NewInspector() *Inspector { return &Inspector{groups: map[group]*lab.Finding{}} }

// File looks at one file.
func (in *Inspector) File(f *inspect.File) {
	at := lab.Place{Part: f.System.Part, Path: f.Path}
	if e := f.ELF(); e != nil {
		in.program(at, f.Node, e)
		if m, err := binary.Module(f.Data); err == nil && !m.Signed && path.Ext(at.Path) == ".ko" {
			in.found(group{rule: "hardening.unsigned-module", severity: lab.None, certain: lab.Confirmed}, at)
		}
	} else if bytes.HasPrefix(f.Data, []byte("\x7fELF")) {
		in.odd++
	} else if f.Text() {
		in.script(at, f.Data)
	}
}

func (in *Inspector) program(at lab.Place, n *image.Node, e *binary.File) {
	if len(in.programs) >= MaxPrograms {
		in.more++
		return
	}
	order := "little"
	if e.Big {
		order = "big"
	}
	p := Program{
		Where: at, Machine: e.Machine + " " + order + " " + strconv.Itoa(e.Bits), Reach: reach(n, e), Libc: e.Libc,
		Static: e.Static, Symbols: e.Symbols, Debug: e.Debug, Cut: e.Cut, Checks: e.Hardening(), Uses: e.Uses(), Compilers: e.Compilers,
	}
	in.programs = append(in.programs, p)
	for _, property := range binary.Properties {
		in.judge(&p, property)
	}
	for _, u := range p.Uses {
		in.found(group{rule: "hardening.risky-function", severity: lab.None, certain: lab.Confirmed, name: "function", value: u}, at)
	}
	if p.Debug && p.Reach != Module {
		in.found(group{rule: "hardening.debug-information", severity: lab.Low, certain: lab.Confirmed}, at)
	}
	if e.Program() && n.Perm&0o6000 != 0 {
		in.found(group{rule: "hardening.set-uid", severity: lab.None, certain: lab.Confirmed, name: "account", value: owner(n)}, at)
	}
	if n.Perm&0o002 != 0 && p.Reach != Module {
		in.found(group{rule: "hardening.writable-program", severity: lab.Medium, certain: lab.Confirmed}, at)
	}
}

// owner is whose rights a set-uid or set-gid program gets.
func owner(n *image.Node) string {
	var s []string
	if n.Perm&0o4000 != 0 {
		s = append(s, "uid "+strconv.FormatUint(uint64(n.UID), 10))
	}
	if n.Perm&0o2000 != 0 {
		s = append(s, "gid "+strconv.FormatUint(uint64(n.GID), 10))
	}
	return strings.Join(s, ", ")
}

func reach(n *image.Node, e *binary.File) string {
	switch {
	case e.Type == "relocatable" || e.Type == "core":
		return Module
	case !e.Program():
		return Library
	case n.Perm&0o6000 != 0:
		return SetUID
	case e.Serves():
		return Network
	}
	return Local
}

// rules of the properties of one program, and whether a "no" is sure: where a
// compiler found nothing to protect, it leaves no trace either.
var rules = map[string]struct {
	rule    string
	certain lab.Certainty
}{
	"nx":               {"hardening.no-nx", lab.Confirmed},
	"pie":              {"hardening.no-pie", lab.Confirmed},
	"relro":            {"hardening.no-relro", lab.Confirmed},
	"canary":           {"hardening.no-canary", lab.Claimed},
	"fortify":          {"hardening.no-fortify", lab.Claimed},
	"text-relocations": {"hardening.text-relocations", lab.Confirmed},
	"separate-code":    {"hardening.writable-code", lab.Confirmed},
	"search-path":      {"hardening.search-path", lab.Confirmed},
}

// judge makes a finding of a property that a program lacks. It weighs more where
// strangers reach the program.
func (in *Inspector) judge(p *Program, property string) {
	c := p.Checks[property]
	if c.Verdict != binary.No || p.Reach == Module {
		return
	}
	r := rules[property]
	g := group{rule: r.rule, severity: lab.MustRule(r.rule).Severity, certain: r.certain, name: "reach", value: p.Reach}
	exposed := p.Reach == Network || p.Reach == SetUID
	switch property {
	case "nx", "pie", "canary", "separate-code":
		if exposed {
			g.severity = lab.Medium
		}
	case "search-path":
		g.name, g.value = "text", c.Value
		if p.Reach == SetUID {
			g.severity = lab.High
		}
	}
	in.found(g, p.Where)
}

func (in *Inspector) found(g group, at lab.Place) {
	f := in.groups[g]
	if f == nil {
		made := lab.Found(g.rule, g.certain, at)
		f = &made
		f.Severity, f.Where = g.severity, nil
		in.groups[g] = f
	}
	f.Where = append(f.Where, at)
}

// noASLR turns off that programs stand at a random address (proc(5)): by
// sysctl(8), by its file, or on the way to it.
var noASLR = regexp.MustCompile(`^\s*(?:sysctl\s+(?:-\S+\s+)*)?"?kernel[./]randomize_va_space\s*=\s*"?([01])\b|^[^#]*\becho\s+(?:-n\s+)?"?([01])"?\s*>+\s*"?/proc/sys/kernel/randomize_va_space`)

func (in *Inspector) script(at lab.Place, b []byte) {
	if len(in.findings) >= maxLines || !bytes.Contains(b, []byte("randomize_va_space")) {
		return
	}
	n := 0
	for line := range bytes.Lines(b) {
		n++
		if len(line) < 1000 && len(in.findings) < maxLines && noASLR.Match(line) {
			at.Line = n
			in.findings = append(in.findings, lab.Found("hardening.no-aslr", lab.Claimed, at, "text", strings.TrimSpace(string(line))))
		}
	}
}

// Done has nothing to look at beyond files.
func (in *Inspector) Done([]*inspect.System, []*image.Part) {}

// Result is what was found; it is asked for once, after Done.
func (in *Inspector) Result() Result {
	slices.SortStableFunc(in.programs, func(a, b Program) int { return lab.ComparePlaces(a.Where, b.Where) })
	r := Result{Programs: in.programs, More: in.more, Odd: in.odd, Findings: in.findings, Machines: map[string]int{}}
	r.Summary = in.summary(r.Machines)
	in.kernel()
	for g, f := range in.groups {
		slices.SortFunc(f.Where, lab.ComparePlaces)
		f.Where = slices.Compact(f.Where)
		if g.name != "" {
			f.Known = append(f.Known, lab.Found(g.rule, g.certain, lab.Place{}, g.name, g.value).Known...)
		}
		f.Known = append(f.Known, lab.Property{Name: "count", Value: strconv.Itoa(len(f.Where))})
		f.Where = f.Where[:min(len(f.Where), maxPlaces)]
		r.Findings = append(r.Findings, *f)
	}
	r.Findings, _ = lab.Sort(r.Findings)
	return r
}

func (in *Inspector) summary(machines map[string]int) []Count {
	n := map[Count]int{}
	for _, p := range in.programs {
		if p.Reach != Module {
			machines[p.Machine]++
		}
		for property, c := range p.Checks {
			n[Count{Property: property, Verdict: c.Verdict}]++
			n[Count{Machine: p.Machine, Property: property, Verdict: c.Verdict}]++
		}
	}
	all := make([]Count, 0, len(n))
	for c, k := range n {
		c.Count = k
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Machine, b.Machine), cmp.Compare(slices.Index(binary.Properties, a.Property), slices.Index(binary.Properties, b.Property)), cmp.Compare(a.Verdict, b.Verdict))
	})
	return all
}

// manyModules are enough for saying something of the kernel that they are for.
const manyModules = 10

// kernel tells from its modules whether a kernel was built with canaries.
func (in *Inspector) kernel() {
	type count struct {
		all, without int
		at           lab.Place
	}
	parts := map[string]*count{}
	for _, p := range in.programs {
		if p.Reach != Module || path.Ext(p.Where.Path) != ".ko" {
			continue
		}
		c := parts[p.Where.Part]
		if c == nil {
			c = &count{at: lab.Place{Part: p.Where.Part, Path: path.Dir(p.Where.Path)}}
			parts[p.Where.Part] = c
		}
		c.all++
		if p.Checks["canary"].Verdict == binary.No {
			c.without++
		}
	}
	for _, c := range parts {
		if c.all >= manyModules && c.without == c.all {
			in.found(group{rule: "hardening.kernel-no-canary", severity: lab.Low, certain: lab.Claimed}, c.at)
		}
	}
}
