package service

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"assay/lab/firmware/image"
)

var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"}

// maxUnits bounds the units of one system.
const maxUnits = 2000

// directive is a line of a unit (systemd.syntax(7)).
type directive struct {
	line       int
	key, value string
}

func directives(text string) (all []directive) {
	n := 0
	for l := range strings.SplitSeq(text, "\n") {
		n++
		l = strings.TrimSpace(l)
		if k, v, ok := strings.Cut(l, "="); ok && !strings.HasPrefix(l, "#") && !strings.HasPrefix(l, ";") {
			all = append(all, directive{n, strings.TrimSpace(k), strings.TrimSpace(v)})
		}
	}
	return all
}

// systemd finds units, those that something wants, and sockets.
func (s *system) systemd() {
	wanted := map[string]string{} // unit: instance
	units := map[string]string{}  // unit: path
	var order []string
	seen := map[*image.Node]bool{}
	for _, d := range unitDirs {
		n, err := s.Tree.Lookup(d)
		if err != nil || n.Kind != image.Dir || seen[n] {
			continue // /lib is a link to /usr/lib in some
		}
		seen[n] = true
		for _, c := range n.Children {
			switch {
			case c.Kind == image.Dir && (strings.HasSuffix(c.Name, ".wants") || strings.HasSuffix(c.Name, ".requires")):
				if c.Name == "shutdown.target.wants" || c.Name == "rescue.target.wants" || c.Name == "emergency.target.wants" {
					continue
				}
				for _, w := range c.Children {
					name, instance := w.Name, ""
					if stem, rest, ok := strings.Cut(name, "@"); ok {
						i, ext, _ := strings.Cut(rest, ".")
						name, instance = stem+"@."+ext, i
					}
					wanted[name] = instance
				}
			case c.Kind == image.Symlink && c.Target == "/dev/null":
				units[c.Name] = "" // masked: an earlier folder wins
			case units[c.Name] == "" && !slices.Contains(order, c.Name):
				if c.Kind == image.Dir {
					continue
				}
				if _, masked := units[c.Name]; !masked && len(order) < maxUnits {
					units[c.Name] = d + "/" + c.Name
					order = append(order, c.Name)
				}
			}
		}
	}
	slices.Sort(order)
	for _, name := range order {
		p := units[name]
		instance, is := wanted[name]
		if !is && name == "dbus.service" {
			is = true
		}
		switch path.Ext(name) {
		case ".service":
			socket := units[strings.TrimSuffix(name, ".service")+".socket"]
			_, bySocket := wanted[strings.TrimSuffix(name, ".service")+".socket"]
			if socket != "" && bySocket || strings.HasSuffix(name, "@.service") && units[strings.TrimSuffix(name, "@.service")+".socket"] != "" {
				continue // told of with its socket
			}
			s.unit(name, p, instance, is, nil)
		case ".socket":
			s.socketUnit(name, p, is, units)
		}
	}
}

// unit notes what a service of systemd starts.
func (s *system) unit(name, p, instance string, wanted bool, sockets []Listener) {
	text, ok := s.read(p)
	if !ok {
		return
	}
	s.i.r.Units++
	state := Disabled
	if wanted {
		state = Enabled
	}
	user := ""
	ds := directives(text)
	for _, d := range ds {
		switch {
		case d.key == "User":
			user = short(d.value)
		case strings.HasPrefix(d.key, "Condition") && state == Enabled && d.key != "ConditionPathExists":
			state = Conditional
		}
	}
	for _, d := range ds {
		if d.key != "ExecStart" || d.value == "" {
			continue
		}
		command := strings.TrimLeft(d.value, "-@:+!|")
		command = strings.NewReplacer("%I", instance, "%i", instance, "%%", "%").Replace(command)
		w := strings.Fields(command)
		if len(w) == 0 {
			continue
		}
		if strings.HasSuffix(base(w[0]), "getty") || base(w[0]) == "sulogin" {
			if state != Disabled && strings.HasSuffix(base(w[0]), "getty") && !strings.Contains(name, "rescue") && (instance != "" || !strings.Contains(name, "@")) {
				s.console(instance, "systemd", w, s.at(p, d.line))
			}
			continue
		}
		before := len(s.i.r.Starts)
		s.command(command, s.at(p, d.line), state, "systemd", name, 0)
		for n := before; n < len(s.i.r.Starts); n++ {
			st := &s.i.r.Starts[n]
			if st.User == "" {
				st.User = user
			}
			if n == before && sockets != nil {
				st.socket = sockets
			}
		}
	}
}

// socketUnit notes what a socket of systemd listens on.
func (s *system) socketUnit(name, p string, wanted bool, units map[string]string) {
	text, ok := s.read(p)
	if !ok {
		return
	}
	service := strings.TrimSuffix(name, ".socket") + ".service"
	accept := false
	var ls []Listener
	for _, d := range directives(text) {
		transport := "tcp"
		switch d.key {
		case "Service":
			service = d.value
			continue
		case "Accept":
			accept = d.value == "yes" || d.value == "true"
			continue
		case "ListenDatagram":
			transport = "udp"
		case "ListenStream":
		default:
			continue
		}
		host, n := splitAddress(d.value)
		if v, err := strconv.Atoi(d.value); err == nil {
			host, n = "", v
		}
		if n > 0 && n < 65536 {
			ls = append(ls, Listener{Service: strings.TrimSuffix(name, ".socket"), Transport: transport, Port: n, Address: host, Clear: true})
		}
	}
	if accept {
		service = strings.TrimSuffix(name, ".socket") + "@.service"
	}
	if len(ls) == 0 {
		if units[service] != "" { // a socket of the system alone
			s.unit(service, units[service], "", wanted, nil)
		}
		return
	}
	s.unit(service, units[service], "", wanted, ls)
}
