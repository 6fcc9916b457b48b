package service

import (
	"path"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// system is one tree whose start is followed.
type system struct {
	*inspect.System
	i       *Inspector
	seen    map[string]bool // scripts with their state
	follows int
	inetd   bool // something starts inetd
}

// Bounds of following.
const (
	maxFollow = 2000
	maxDeep   = 8
	maxStarts = 5000

	maxArguments = 60  // of a program that is started
	maxTold      = 300 // bytes of one of them, and of each other text that is told
)

// short bounds a text that is told; it may come out of a line that goes on and on.
func short(s string) string {
	if len(s) <= maxTold {
		return s
	}
	return strings.ToValidUTF8(s[:maxTold], "") + "…"
}

// read gives a kept text by its path.
func (s *system) read(p string) (string, bool) {
	n, err := s.Tree.Lookup(p)
	if err != nil {
		return "", false
	}
	b, ok := s.i.kept[n]
	return string(b), ok
}

func (s *system) exists(p string) bool {
	_, err := s.Tree.Lookup(p)
	return err == nil
}

// list are the entries of folders, as paths.
func (s *system) list(dirs ...string) (all []string) {
	for _, d := range dirs {
		n, err := s.Tree.Lookup(d)
		if err != nil || n.Kind != image.Dir {
			continue
		}
		for _, c := range n.Children {
			all = append(all, path.Join(d, c.Name))
		}
	}
	return all
}

var searched = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/bin", "/system/bin"}

// program finds a program as a shell would; "" where it is not there.
func (s *system) program(name string) string {
	if strings.Contains(name, "/") {
		if n, err := s.Tree.Lookup(name); err == nil && n.Kind == image.File {
			return path.Clean("/" + name)
		}
		return ""
	}
	if name == "" {
		return ""
	}
	for _, d := range searched {
		if n, err := s.Tree.Lookup(d + "/" + name); err == nil && n.Kind == image.File {
			return d + "/" + name
		}
	}
	return ""
}

func (s *system) at(p string, line int) lab.Place {
	return lab.Place{Part: s.Part, Path: p, Line: line}
}

// start looks at each of the ways in which systems start.
func (s *system) start() {
	before := len(s.i.r.Starts)
	etcs := []string{}
	for _, c := range s.Tree.Root.Children {
		if c.Kind == image.Dir && strings.HasPrefix(c.Name, "etc") {
			etcs = append(etcs, "/"+c.Name)
		}
	}
	for _, etc := range etcs {
		s.inittab(etc + "/inittab")
		for _, p := range []string{"/rc", "/rcS", "/rc.sysinit", "/rc.local", "/rc.d/rc.local", "/rc.d/rcS", "/init.d/rcS", "/init.d/rc.local", "/init0.d/rcS", "/preinit"} {
			s.follow(etc+p, nil, Enabled, "script", 0)
		}
		s.rc(etc)
		s.inetdConf(etc + "/inetd.conf")
		for _, p := range s.list(etc + "/xinetd.d") {
			s.xinetd(p)
		}
		for _, p := range s.list(etc+"/crontabs", etc+"/cron.d") {
			s.cron(p)
		}
		s.cron(etc + "/crontab")
		for _, p := range s.list(etc + "/init") {
			s.upstart(p)
		}
		for _, dir := range s.list(etc+"/service", etc+"/services.d") {
			s.follow(dir+"/run", nil, Enabled, "runit", 0)
		}
		for _, dir := range s.list(etc+"/sv", etc+"/runit") {
			if !s.exists("/var/service/"+path.Base(dir)) && !s.exists("/service/"+path.Base(dir)) && !s.exists(etc+"/service/"+path.Base(dir)) {
				s.follow(dir+"/run", nil, Disabled, "runit", 0)
			}
		}
	}
	for _, p := range s.list("/var/service", "/service") {
		s.follow(p+"/run", nil, Enabled, "runit", 0)
	}
	for _, p := range s.list("/var/spool/cron/crontabs") {
		s.cron(p)
	}
	for _, p := range []string{"/init", "/linuxrc"} {
		s.follow(p, nil, Enabled, "script", 0)
	}
	s.systemd()
	for n := before; n < len(s.i.r.Starts); n++ {
		st := &s.i.r.Starts[n]
		if b := base(st.Program); (b == "inetd" || b == "xinetd" || b == "openbsd-inetd") && st.State == Enabled {
			s.inetd = true
		}
	}
	for n := before; n < len(s.i.r.Starts); n++ {
		st := &s.i.r.Starts[n]
		if st.By == "inetd" && st.State == Enabled && !s.inetd {
			st.State = Conditional
		}
		s.i.r.Listeners = append(s.i.r.Listeners, st.listeners()...)
	}
	if len(s.i.r.Starts) > before {
		s.i.r.Systems++
	}
}

// inittab reads BusyBox's, System V's and procd's table (inittab(5)).
func (s *system) inittab(p string) {
	text, ok := s.read(p)
	if !ok {
		// BusyBox's init without a table offers a command line on the console.
		if !strings.HasPrefix(p, "/etc/") || !s.exists("/etc/init.d/rcS") {
			return
		}
		if n, err := s.Tree.Lookup("/sbin/init"); err == nil && n.Name == "busybox" {
			s.i.r.Consoles = append(s.i.r.Consoles, Console{Text: "askfirst -/bin/sh, which BusyBox's init does without a table", Where: s.at("/sbin/init", 0)})
		}
		return
	}
	n := 0
	for l := range strings.SplitSeq(text, "\n") {
		n++
		l = strings.TrimSpace(l)
		f := strings.SplitN(l, ":", 4)
		if len(f) != 4 || strings.HasPrefix(l, "#") {
			continue
		}
		id, action, command := f[0], f[2], strings.TrimLeft(f[3], "-+@ ")
		switch action {
		case "shutdown", "restart", "ctrlaltdel", "off", "initdefault", "powerfail", "powerwait", "powerokwait", "":
			continue
		}
		words := strings.Fields(command)
		if len(words) == 0 {
			if action == "askconsole" || action == "askconsolelate" {
				words = []string{"/bin/ash"}
			} else {
				continue
			}
		}
		if s.console(id, action, words, s.at(p, n)) {
			continue
		}
		s.command(command, s.at(p, n), Enabled, "inittab", path.Base(p), 0)
	}
}

var shells = map[string]bool{"sh": true, "ash": true, "bash": true, "dash": true, "hush": true}

// console tells whether a command waits on a terminal, and notes it.
func (s *system) console(device, action string, words []string, at lab.Place) bool {
	name := base(words[0])
	waits := action == "respawn" || action == "askfirst" || action == "askconsole" || action == "askconsolelate" || action == "once"
	text := short(action + " " + strings.Join(words, " "))
	device = short(device)
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "tty") && device == "" {
			device = w
		}
	}
	switch {
	case strings.HasSuffix(name, "getty"):
		login := true
		for n, w := range words {
			if (w == "-l" || w == "--login-program") && n+1 < len(words) && shells[base(words[n+1])] {
				login = false
			}
			if w == "-a" || w == "--autologin" {
				login = false
			}
		}
		for _, w := range words[1:] {
			if strings.HasPrefix(w, "tty") || w == "console" || strings.HasPrefix(w, "/dev/tty") {
				device = short(strings.TrimPrefix(w, "/dev/"))
			}
		}
		s.i.r.Consoles = append(s.i.r.Consoles, Console{Device: device, Login: login, Text: text, Where: at})
		return true
	case shells[name] && waits && len(words) == 1, shells[name] && waits && words[len(words)-1] == "-l", shells[name] && waits && words[len(words)-1] == "--login":
		s.i.r.Consoles = append(s.i.r.Consoles, Console{Device: device, Text: text, Where: at})
		return true
	case name == "login":
		s.i.r.Consoles = append(s.i.r.Consoles, Console{Device: device, Login: !slices.Contains(words, "-f"), Text: text, Where: at})
		return true
	case name == "login.sh" && waits:
		// OpenWrt asks for the password where system.@system[0].ttylogin is 1, which is not the default.
		login := false
		s.uciOption("system", "ttylogin", func(v string) { login = v == "1" })
		if body, ok := s.read(words[0]); ok && !strings.Contains(body, "ttylogin") {
			login = !strings.Contains(body, "exec /bin/ash") && strings.Contains(body, "login")
		}
		s.i.r.Consoles = append(s.i.r.Consoles, Console{Device: device, Login: login, Text: text, Where: at})
		return true
	}
	return false
}

func (s *system) uciOption(file, name string, f func(string)) {
	text, _ := s.read("/etc/config/" + file)
	for l := range strings.SplitSeq(text, "\n") {
		if w := strings.Fields(l); len(w) >= 3 && w[0] == "option" && strings.Trim(w[1], `'"`) == name {
			f(strings.Trim(w[2], `'"`))
		}
	}
}

func isStartLink(name string) bool {
	return len(name) > 3 && name[0] == 'S' && name[1] >= '0' && name[1] <= '9' && name[2] >= '0' && name[2] <= '9'
}

// rc follows the start links of /etc/rc*.d and the numbered scripts of init.d, and notes scripts that
// nothing links to.
func (s *system) rc(etc string) {
	linked := map[string]bool{}
	links := false
	var dirs []string
	for _, p := range s.list(etc) {
		b := path.Base(p)
		if n, err := s.Tree.Lookup(p); err != nil || n.Kind != image.Dir || !strings.HasPrefix(b, "rc") && !strings.HasPrefix(b, "init") {
			continue
		}
		dirs = append(dirs, p)
		if b == "rc.d" { // of System V in some systems: /etc/rc.d/rc3.d
			for _, sub := range s.list(p) {
				if strings.HasPrefix(path.Base(sub), "rc") || path.Base(sub) == "init.d" {
					dirs = append(dirs, sub)
				}
			}
		}
	}
	for _, d := range dirs {
		if b := path.Base(d); b == "rc0.d" || b == "rc6.d" {
			continue
		}
		for _, p := range s.list(d) {
			name := path.Base(p)
			if !isStartLink(name) {
				continue
			}
			links = true
			n, err := s.Tree.Lookup(p)
			if err != nil {
				continue
			}
			target := p
			if parent, err := s.Tree.Lookup(d); err == nil {
				if c := parent.Child(name); c != nil && c.Kind == image.Symlink {
					target = path.Join(d, c.Target)
					if strings.HasPrefix(c.Target, "/") {
						target = path.Clean(c.Target)
					}
				}
			}
			linked[n.Name] = true
			if s.hasUnit(n.Name) {
				continue // systemd takes its own unit of that name
			}
			s.follow(target, []string{"start"}, Enabled, "script", 0)
		}
	}
	if !links {
		return
	}
	for _, d := range dirs {
		if path.Base(d) != "init.d" {
			continue
		}
		for _, p := range s.list(d) {
			name := path.Base(p)
			if !linked[name] && !isStartLink(name) && name != "rcS" && name != "rcK" && name != "functions" && name != "README" && name != "skeleton" {
				s.follow(p, []string{"start"}, Disabled, "script", 0)
			}
		}
	}
}

// hasUnit reports whether systemd is there and has a unit of a script's name.
func (s *system) hasUnit(name string) bool {
	if !s.exists("/lib/systemd/systemd") && !s.exists("/usr/lib/systemd/systemd") {
		return false
	}
	for _, d := range unitDirs {
		if s.exists(d + "/" + name + ".service") {
			return true
		}
	}
	return false
}

// cron reads a crontab (crontab(5)); those of the system have a user before the command.
func (s *system) cron(p string) {
	text, ok := s.read(p)
	if !ok {
		return
	}
	n := 0
	for l := range strings.SplitSeq(text, "\n") {
		n++
		l = strings.TrimSpace(l)
		f := strings.Fields(l)
		if len(f) < 2 || strings.HasPrefix(l, "#") {
			continue
		}
		skip := 5
		if strings.HasPrefix(f[0], "@") {
			skip = 1
		} else if len(f) < 6 || strings.Trim(f[0], "0123456789*/,-") != "" {
			continue
		}
		if strings.HasSuffix(p, "/crontab") || strings.Contains(p, "/cron.d/") {
			skip++
		}
		if len(f) > skip {
			s.command(strings.Join(f[skip:], " "), s.at(p, n), Conditional, "cron", path.Base(p), 0)
		}
	}
}

// upstart reads the exec lines and scripts of a job.
func (s *system) upstart(p string) {
	text, ok := s.read(p)
	if !ok || !strings.HasSuffix(p, ".conf") {
		return
	}
	state, in := Disabled, ""
	n := 0
	for l := range strings.SplitSeq(text, "\n") {
		n++
		t := strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(t, "start on"):
			if s.program("initctl") != "" { // packages bring jobs for an upstart that may not be there
				state = Enabled
			}
		case t == "script", t == "pre-start script", t == "post-start script":
			in = t
		case t == "end script":
			in = ""
		case strings.HasPrefix(t, "exec ") && in == "":
			s.command(strings.TrimPrefix(t, "exec "), s.at(p, n), state, "upstart", path.Base(p), 0)
		case in != "" && t != "" && !strings.HasPrefix(t, "#"):
			s.command(t, s.at(p, n), state, "upstart", path.Base(p), 0)
		}
	}
}
