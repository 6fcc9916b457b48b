// Package service tells what an image starts, what of it would listen, and which
// consoles it opens, as far as its files say: what runs in the end, only a device shows.
package service

import (
	"cmp"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// State says whether a service starts.
type State string

// States of services.
const (
	Enabled     State = "enabled"     // at each start
	Conditional State = "conditional" // when something is as it must be, which the image does not tell
	Disabled    State = "disabled"    // there, and nothing starts it
)

// Login says what a service asks for before it serves.
type Login string

// Kinds of login.
const (
	NoLogin      Login = "none"
	WithPassword Login = "password"
	WithKey      Login = "key"
	Unknown      Login = "unknown"
)

// Start is a program that the image starts.
type Start struct {
	Program   string    `json:"program"`        // as it is called
	Path      string    `json:"path,omitempty"` // where it is in the image, "" where it is not
	Arguments []string  `json:"arguments"`      // with what is known of variables
	User      string    `json:"user,omitempty"` // it runs as; "" where nothing else than root is said
	State     State     `json:"state"`          //
	By        string    `json:"by"`             // inittab, script, procd, systemd, inetd, cron, upstart, runit
	Unit      string    `json:"unit,omitempty"` // name of the script or unit
	Where     lab.Place `json:"where"`          // that starts it
	system    *system   // that it belongs to
	socket    []Listener
}

// Listener is a port that would be open.
type Listener struct {
	Service   string        `json:"service"`           // telnet, ssh, http, https, mqtt, …
	Transport string        `json:"transport"`         // tcp, udp
	Port      int           `json:"port"`              // 0: not known before it runs
	Address   string        `json:"address,omitempty"` // that it binds to, "" for all
	Program   string        `json:"program"`
	Path      string        `json:"path,omitempty"` // of the program in the image, "" where it is not there
	Arguments string        `json:"arguments,omitempty"`
	User      string        `json:"user,omitempty"` // "" where nothing else than root is said
	State     State         `json:"state"`
	Login     Login         `json:"login"`
	Clear     bool          `json:"clear"`          // carries what it carries without encryption
	Shell     bool          `json:"shell"`          // leads to a command line
	Debug     bool          `json:"debug"`          // is for developers
	Note      string        `json:"note,omitempty"` // the line of the configuration that Login rests on
	By        string        `json:"by"`
	Unit      string        `json:"unit,omitempty"`
	Where     lab.Place     `json:"where"`     // that starts it
	Certainty lab.Certainty `json:"certainty"` // confirmed: the program is there, it is started without a condition, and the port is said or the standard one
}

// Console is a terminal that something waits on.
type Console struct {
	Device string    `json:"device,omitempty"` // ttyS0; "" is the console that the kernel is told
	Login  bool      `json:"login"`            // asks who is there
	Text   string    `json:"text"`             // what is started
	Where  lab.Place `json:"where"`
}

// Result is what was found.
type Result struct {
	Findings  []lab.Finding `json:"findings"`
	Starts    []Start       `json:"starts"`
	Listeners []Listener    `json:"listeners"`
	Consoles  []Console     `json:"consoles"`
	Systems   int           `json:"systems"` // that have a start of their own
	Scripts   int           `json:"scripts"` // that were followed
	Units     int           `json:"units"`   // of systemd
}

// Inspector finds services.
type Inspector struct {
	kept  map[*image.Node][]byte
	size  int
	found []lab.Finding
	r     Result
}

// New makes an inspector for one image.
func New() *Inspector { return &Inspector{kept: map[*image.Node][]byte{}} }

// Bounds of what is kept for the end.
const (
	maxText = 128 << 10
	maxKept = 16 << 20
)

// File keeps what may start something or configure what is started.
func (i *Inspector) File(f *inspect.File) {
	if len(f.Data) > maxText || i.size+len(f.Data) > maxKept || !f.Text() || !wanted(f.Path, f.Data) {
		return
	}
	i.kept[f.Node] = slices.Clone(f.Data)
	i.size += len(f.Data)
}

func wanted(p string, b []byte) bool {
	if strings.HasPrefix(string(b[:min(len(b), 2)]), "#!") || strings.HasSuffix(p, ".sh") {
		return true
	}
	for e := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(e, "etc") || strings.Contains(e, "systemd") || strings.HasPrefix(e, "init") || e == "rcS" || e == "crontabs" || e == "boot" {
			return true
		}
	}
	return false
}

// Done follows what starts.
func (i *Inspector) Done(systems []*inspect.System, parts []*image.Part) {
	for _, s := range systems {
		sys := &system{i: i, System: s, seen: map[string]bool{}}
		sys.start()
	}
	i.boot(parts)
	i.r.Listeners = strongest(i.r.Listeners)
	slices.SortStableFunc(i.r.Listeners, func(a, b Listener) int {
		return cmp.Or(cmp.Compare(a.Where.Part, b.Where.Part), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Service, b.Service), lab.ComparePlaces(a.Where, b.Where))
	})
	i.report()
}

// strongest keeps one of the listeners that a script starts in several of its branches: the one that
// starts most surely.
func strongest(ls []Listener) (kept []Listener) {
	type key struct {
		part, path, unit, by, service, transport, address string
		port                                              int
	}
	rank := map[State]int{Enabled: 2, Conditional: 1}
	at := map[key]int{}
	for _, l := range ls {
		k := key{l.Where.Part, l.Where.Path, l.Unit, l.By, l.Service, l.Transport, l.Address, l.Port}
		n, twice := at[k]
		switch {
		case !twice:
			at[k] = len(kept)
			kept = append(kept, l)
		case rank[l.State] > rank[kept[n].State]:
			kept[n] = l
		}
	}
	return kept
}

// Result is what was found, after Done.
func (i *Inspector) Result() Result {
	r := i.r
	r.Findings = i.found
	return r
}

func (i *Inspector) find(f lab.Finding) { i.found = append(i.found, f) }

// reading is what is being found out about one daemon that is started.
type reading struct {
	s        *system
	program  string
	args     []string
	service  string
	ports    []port
	told     bool // an argument says the port
	address  string
	more     []Listener // besides ports
	login    Login
	note     string
	clear    bool
	shell    bool
	none     bool // it does not listen after all
	disabled bool
}

func (r *reading) has(option string) bool { return slices.Contains(r.args, option) }

// values are what stands behind an option: -p 80, -p80, --port=80.
func (r *reading) values(option string) (all []string) {
	for n, a := range r.args {
		switch {
		case a == option && n+1 < len(r.args):
			all = append(all, r.args[n+1])
		case strings.HasPrefix(option, "--") && strings.HasPrefix(a, option+"="):
			all = append(all, a[len(option)+1:])
		case len(option) == 2 && len(a) > 2 && strings.HasPrefix(a, option) && (a[2] >= '0' && a[2] <= '9' || a[2] == '/' || a[2] == '['):
			all = append(all, a[2:])
		}
	}
	return all
}

func (r *reading) value(option string) string { return first(r.values(option)) }

// config reads the daemon's configuration: the file that one of the options names, else the
// first of paths that is there.
func (r *reading) config(paths, options []string, f func(n int, line string)) {
	for _, o := range options {
		if v := r.value(o); v != "" {
			paths = append([]string{v}, paths...)
		}
	}
	for _, p := range paths {
		text, ok := r.s.read(p)
		if !ok {
			continue
		}
		n := 0
		for l := range strings.SplitSeq(text, "\n") {
			n++
			if t := strings.TrimSpace(l); t != "" && !strings.HasPrefix(t, "#") {
				f(n, strings.TrimRight(l, "\r"))
			}
		}
		return
	}
}

func (r *reading) extra(service string, n int, transport string) {
	for _, l := range r.more {
		if l.Port == n && l.Transport == transport {
			return
		}
	}
	r.more = append(r.more, Listener{Service: service, Transport: transport, Port: n, Clear: true, Login: NoLogin})
}

// maxPorts bounds the ports of one started program.
const maxPorts = 100

// listeners are what a started program would listen on.
func (st *Start) listeners() (all []Listener) {
	d, ok := daemons[base(st.Program)]
	if !ok && st.socket == nil {
		return nil
	}
	r := &reading{s: st.system, program: base(st.Program), args: st.Arguments, service: d.service, ports: d.ports, login: d.login, clear: d.clear, shell: d.shell}
	unsure := false // the port is in a variable
	for _, flag := range d.flags {
		for _, v := range r.values(flag) {
			if strings.Contains(v, "${") || strings.Contains(v, "$(") {
				unsure = true
			} else if host, n := splitAddress(v); n > 0 {
				if !r.told {
					r.ports = nil
				}
				r.told = true
				r.address = host
				transport := "tcp"
				if len(d.ports) > 0 {
					transport = d.ports[0].transport
				}
				r.ports = append(r.ports, port{n, transport})
				if len(d.ports) == 2 && d.ports[0].number == d.ports[1].number {
					r.ports = append(r.ports, port{n, "udp"})
				}
			}
		}
	}
	if d.read != nil {
		d.read(r)
	}
	if r.none {
		return nil
	}
	for _, p := range r.ports {
		all = append(all, Listener{Service: r.service, Transport: p.transport, Port: p.number, Address: r.address, Clear: r.clear})
	}
	all = append(all, r.more...)
	if st.socket != nil {
		service := r.service
		all = nil
		for _, l := range st.socket {
			if service != "" {
				l.Service, l.Clear = service, r.clear
			}
			all = append(all, l)
		}
	}
	for n := range all {
		l := &all[n]
		l.Program, l.Path, l.Arguments, l.User, l.State, l.By, l.Unit, l.Where = st.Program, st.Path, strings.Join(st.Arguments, " "), st.User, st.State, st.By, st.Unit, st.Where
		if l.Login == "" {
			l.Login = cmp.Or(r.login, Unknown)
		}
		l.Note, l.Shell, l.Debug = short(r.note), r.shell, d.debug
		l.Service, l.Address = short(l.Service), short(l.Address)
		if r.disabled {
			l.State = Disabled
		}
		l.Certainty = lab.Claimed
		if l.State == Enabled && l.Path != "" && l.Port > 0 && (!unsure || r.more != nil) {
			l.Certainty = lab.Confirmed
		}
	}
	// An address of each family is one listener here.
	slices.SortStableFunc(all, func(a, b Listener) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Address, b.Address))
	})
	all = all[:min(len(all), maxPorts)]
	return slices.CompactFunc(all, func(a, b Listener) bool { return a == b })
}
