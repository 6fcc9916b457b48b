package service

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/shell"
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

// follow reads a script that is started with arguments.
func (s *system) follow(p string, args []string, state State, by string, deep int) bool {
	p = path.Clean("/" + p)
	text, ok := s.read(p)
	if !ok || deep > maxDeep || s.follows > maxFollow {
		return ok
	}
	if strings.HasPrefix(text, "#!") {
		line, _, _ := strings.Cut(text, "\n")
		if !strings.Contains(line, "sh") && !strings.Contains(line, "rc.common") || strings.Contains(line, "python") {
			return false
		}
	}
	key := string(state) + " " + p
	if s.seen[key] || state == Disabled && s.seen[string(Enabled)+" "+p] || state == Conditional && s.seen[string(Enabled)+" "+p] {
		return true
	}
	s.seen[key] = true
	s.follows++
	if by == "inittab" {
		by = "script"
	}
	s.i.r.Scripts++
	env := shell.Env{Read: s.read}
	for n, a := range args {
		if n < 9 {
			env.Set(strconv.Itoa(n+1), a)
		}
	}
	env.Set("0", p)
	s.script(text, &env, p, state, by, deep)
	return true
}

// ignored are functions and arguments of scripts that start nothing.
var ignored = map[string]bool{"stop": true, "restart": true, "reload": true, "status": true, "shutdown": true, "disable": true, "usage": true, "force-reload": true, "kill": true, "stop_service": true, "reload_service": true, "killproc": true, "enable": true, "help": true, "check": true, "condrestart": true, "try-restart": true}

// stateOf says whether a command of a script runs, by what it stands in: ok is false where it does not.
func (s *system) stateOf(c *shell.Simple, cs []shell.Simple, n int, env *shell.Env, called map[string]bool, state State) (State, bool) {
	weaken := func() {
		if state == Enabled {
			state = Conditional
		}
	}
	for _, f := range c.Within {
		switch f.Kind {
		case "function":
			if ignored[f.Text] || strings.HasPrefix(f.Text, "stop") {
				return state, false
			}
			if !called[f.Text] {
				weaken()
			}
		case "case":
			starts, others := false, true
			for p := range strings.SplitSeq(strings.Trim(f.Text, "("), "|") {
				p = strings.Trim(p, ` "'`)
				starts = starts || p == "start" || p == "boot" || p == "" || p == "S"
				others = others && ignored[p]
			}
			switch {
			case starts:
			case others:
				return state, false
			default:
				weaken()
			}
		case "if", "else":
			holds, known := s.holds(f.Text, env)
			if known && holds == (f.Kind == "else") {
				return state, false
			}
			if !known {
				weaken()
			}
		}
	}
	if c.After == "&&" && n > 0 {
		var words []string
		for _, w := range cs[n-1].Words {
			t, _ := env.Expand(w)
			words = append(words, t)
		}
		holds, known := s.holds(strings.Join(words, " "), env)
		if known && !holds {
			return state, false
		}
		if !known {
			weaken()
		}
	} else if c.After == "||" {
		weaken()
	}
	return state, true
}

// holds tests [ … ] of files and of $1, where it can be told.
func (s *system) holds(test string, env *shell.Env) (holds, known bool) {
	if v, ok := env.Get("1"); ok {
		test = strings.ReplaceAll(test, "${1}", v)
	}
	w := strings.Fields(strings.NewReplacer("[", " ", "]", " ", `"`, " ").Replace(test))
	if len(w) > 0 && w[0] == "test" {
		w = w[1:]
	}
	not := false
	if len(w) > 0 && w[0] == "!" {
		not, w = true, w[1:]
	}
	for n := range w {
		if name, ok := strings.CutPrefix(w[n], "${"); ok {
			if v, ok := env.Get(strings.TrimSuffix(name, "}")); ok && v != "" && !strings.Contains(v, " ") {
				w[n] = v
			}
		}
	}
	switch {
	case len(w) == 2 && (w[0] == "-x" || w[0] == "-f" || w[0] == "-e") && strings.HasPrefix(w[1], "/") && !strings.Contains(w[1], "${"):
		// What is written when the device runs cannot be seen.
		for _, d := range []string{"/var/", "/tmp/", "/proc/", "/sys/", "/dev/", "/mnt/", "/data/", "/run/", "/etc/"} {
			if strings.HasPrefix(w[1], d) && !s.exists(w[1]) {
				return false, false
			}
		}
		return s.exists(w[1]) != not, true
	case len(w) == 3 && (w[1] == "=" || w[1] == "==") && !strings.Contains(w[0]+w[2], "$"):
		return (w[0] == w[2]) != not, true
	case len(w) == 3 && w[1] == "!=" && !strings.Contains(w[0]+w[2], "$"):
		return (w[0] != w[2]) != not, true
	}
	return false, false
}

// calledIn are the functions that run when a script starts: those with the names that start scripts use, and
// those that another command names.
func calledIn(cs []shell.Simple) map[string]bool {
	called := map[string]bool{"start": true, "boot": true, "start_service": true, "start_instance": true, "service_triggers": true, "do_start": true, "main": true, "init": true, "run": true}
	for _, c := range cs {
		words := make([]string, len(c.Words))
		failsafe := false
		for n, w := range c.Words {
			words[n] = w.String()
			failsafe = failsafe || words[n] == "failsafe" // OpenWrt's start with a button held
		}
		for _, w := range words {
			if within, _ := c.In("function"); !failsafe && within != w {
				called[w] = true
			}
		}
	}
	return called
}

// script follows the commands of a script.
func (s *system) script(text string, env *shell.Env, p string, state State, by string, deep int) {
	cs := shell.Parse([]byte(text))
	called := calledIn(cs)
	procd := -1 // the start that procd_append_param adds to
	user := ""
	for n := range cs {
		c := &cs[n]
		env.Run(c)
		if len(c.Words) == 0 {
			continue
		}
		now, ok := s.stateOf(c, cs, n, env, called, state)
		if !ok {
			continue
		}
		name, _ := env.Expand(c.Words[0])
		args := env.Arguments(c)
		at := s.at(p, c.Line)
		switch name {
		case "procd_open_instance":
			procd, user = -1, ""
			continue
		case "procd_set_param", "procd_append_param":
			if len(args) < 2 {
				continue
			}
			switch args[0] {
			case "command":
				if name == "procd_append_param" {
					if procd >= 0 && (now == Enabled || now == s.i.r.Starts[procd].State) {
						st := &s.i.r.Starts[procd]
						for _, a := range args[1:] {
							if len(st.Arguments) < maxArguments {
								st.Arguments = append(st.Arguments, short(a))
							}
						}
					}
					continue // before any command, it stands in a function that is called later
				}
				procd = s.started(args[1], args[2:], user, now, "procd", path.Base(p), at)
			case "user":
				user = short(args[1])
				if procd >= 0 {
					s.i.r.Starts[procd].User = user
				}
			}
			continue
		case "for":
			for _, a := range args {
				s.glob(a, now, by, deep)
			}
			continue
		case ".", "source": // settings: /etc/default/NAME
			if len(args) > 0 && deep < maxDeep {
				if text, ok := s.read(args[0]); ok {
					set := shell.Parse([]byte(text))
					for k := range set {
						if len(set[k].Within) == 0 {
							env.Run(&set[k])
						}
					}
				}
			}
		}
		s.run(name, args, c.Back, at, now, by, path.Base(p), deep)
	}
}

// glob follows the scripts that a loop's pattern names: /etc/rc.d/S??*.
func (s *system) glob(pattern string, state State, by string, deep int) {
	if !strings.HasPrefix(pattern, "/") || !strings.ContainsAny(pattern, "*?[") {
		return
	}
	dir := path.Dir(pattern)
	if strings.ContainsAny(dir, "*?[") {
		return
	}
	for _, p := range s.list(dir) {
		if ok, err := path.Match(path.Base(pattern), path.Base(p)); err == nil && ok {
			s.follow(p, []string{"start"}, state, by, deep+1)
		}
	}
}

// command follows one line of a table.
func (s *system) command(line string, at lab.Place, state State, by, unit string, deep int) {
	env := shell.Env{Read: s.read}
	for _, c := range shell.Parse([]byte(line)) {
		if len(c.Words) > 0 {
			name, _ := env.Expand(c.Words[0])
			s.run(name, env.Arguments(&c), c.Back, at, state, by, unit, deep)
		}
	}
}

// run says what a command of a script starts.
func (s *system) run(name string, args []string, back bool, at lab.Place, state State, by, unit string, deep int) {
	user := ""
	for range 6 { // programs that start another
		b := base(name)
		switch {
		case b == "exec" || b == "nohup" || b == "setsid" || b == "eval" || b == "env" || b == "command" || b == "time" || b == "ionice" || b == "start_daemon" || b == "daemon" || b == "service_start" || b == "busybox" || b == "stdbuf" || b == "softlimit":
			for len(args) > 0 && strings.HasPrefix(args[0], "-") || len(args) > 0 && strings.Contains(args[0], "=") {
				args = args[1:]
			}
		case b == "nice":
			for len(args) > 0 && (strings.HasPrefix(args[0], "-") || strings.Trim(args[0], "0123456789") == "") {
				args = args[1:]
			}
		case b == "chroot" && len(args) >= 2:
			args = args[1:]
		case (b == "chpst" || b == "s6-setuidgid" || b == "setuidgid" || b == "sudo" || b == "su-exec") && len(args) >= 2:
			if args[0] == "-u" {
				args = args[1:]
			}
			user, args = args[0], args[1:]
		case b == "start-stop-daemon":
			name, args, user = startStop(args)
			if name == "" {
				return
			}
			s.started(name, args, user, state, by, unit, at)
			return
		default:
			goto found
		}
		if len(args) == 0 {
			return
		}
		name, args = args[0], args[1:]
	}
found:
	b := base(name)
	switch {
	case b == "." || b == "source":
		// What is read in defines functions more often than it starts something.
		if len(args) > 0 && !strings.Contains(args[0], "/functions") && !strings.Contains(args[0], "/lib/") {
			s.follow(args[0], nil, state, by, deep+1)
		}
		return
	case shells[b]:
		if len(args) >= 2 && args[0] == "-c" {
			if deep < maxDeep {
				s.command(args[1], at, state, by, unit, deep+1)
			}
		} else if len(args) > 0 {
			s.follow(args[0], args[1:], state, by, deep+1)
		}
		return
	case b == "run-parts":
		for _, a := range args {
			if strings.HasPrefix(a, "/") {
				for _, p := range s.list(a) {
					s.follow(p, nil, state, by, deep+1)
				}
			}
		}
		return
	case strings.HasSuffix(b, "getty"):
		s.console("", "script", append([]string{name}, args...), at)
		return
	}
	if strings.Contains(name, "/init.d/") || strings.Contains(name, "/rc.d/") {
		// enabled, disable, stop: asked of a script, starts nothing.
		if len(args) == 0 || args[0] == "start" || args[0] == "restart" || args[0] == "boot" {
			s.follow(name, []string{"start"}, state, by, deep+1)
		}
		return
	}
	if _, known := daemons[b]; known || b == "inetd" || b == "xinetd" {
		s.started(name, args, user, state, by, unit, at)
		return
	}
	if strings.Contains(name, "/") {
		if s.follow(name, args, state, by, deep+1) {
			return
		}
	}
	if prog := s.program(name); prog != "" && (back || by == "inittab" || by == "systemd" || by == "runit") {
		s.started(name, args, user, state, by, unit, at)
	}
}

// startStop reads the arguments of start-stop-daemon(8).
func startStop(args []string) (name string, rest []string, user string) {
	starts := false
	for n := 0; n < len(args); n++ {
		a := args[n]
		next := func() string {
			if n+1 < len(args) {
				n++
				return args[n]
			}
			return ""
		}
		switch {
		case a == "--":
			if !starts {
				return "", nil, ""
			}
			return name, args[n+1:], user
		case a == "-S" || a == "--start":
			starts = true
		case a == "-K" || a == "--stop" || a == "-T" || a == "--status":
			return "", nil, ""
		case a == "-x" || a == "--exec" || a == "-a" || a == "--startas":
			name = next()
		case strings.HasPrefix(a, "--exec="):
			name = a[len("--exec="):]
		case a == "-c" || a == "--chuid":
			user, _, _ = strings.Cut(next(), ":")
		case a == "-p" || a == "--pidfile" || a == "-n" || a == "--name" || a == "-u" || a == "--user" || a == "-d" || a == "--chdir" || a == "-N" || a == "--nicelevel" || a == "-g" || a == "--group" || a == "-R" || a == "--retry" || a == "-O" || a == "-1":
			next()
		case strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--"):
			// -Sbq: letters together.
			starts = starts || strings.Contains(a, "S")
			if strings.Contains(a, "K") {
				return "", nil, ""
			}
			if strings.HasSuffix(a, "x") || strings.HasSuffix(a, "a") && !strings.HasPrefix(a, "--") && len(a) > 2 {
				name = next()
			}
		}
	}
	if !starts {
		return "", nil, ""
	}
	return name, nil, user
}

// onlyTells are arguments with which a program says something and ends.
var onlyTells = map[string]bool{"--version": true, "-V": true, "--help": true, "-?": true, "--test": true}

// started notes that a program is started.
func (s *system) started(name string, args []string, user string, state State, by, unit string, at lab.Place) int {
	if len(s.i.r.Starts) >= maxStarts || len(args) > 0 && onlyTells[args[0]] {
		return -1
	}
	for _, a := range args { // OpenSSH, nginx and lighttpd look at their configuration and end
		if b := base(name); a == "-t" && (b == "sshd" || b == "nginx") || a == "-tt" && b == "lighttpd" {
			return -1
		}
	}
	kept := []string{}
	for _, a := range args[:min(len(args), maxArguments)] {
		kept = append(kept, short(a))
	}
	s.i.r.Starts = append(s.i.r.Starts, Start{
		Program: short(name), Path: s.program(name), Arguments: kept, User: short(user), State: state, By: by, Unit: short(unit), Where: at, system: s,
	})
	return len(s.i.r.Starts) - 1
}

// inetdConf reads inetd.conf(5): service, socket, protocol, wait, user, program, arguments.
func (s *system) inetdConf(p string) {
	text, ok := s.read(p)
	if !ok {
		return
	}
	n := 0
	for l := range strings.SplitSeq(text, "\n") {
		n++
		f := strings.Fields(l)
		if len(f) < 6 || strings.HasPrefix(f[0], "#") || f[1] != "stream" && f[1] != "dgram" {
			continue
		}
		transport := "tcp"
		if strings.HasPrefix(f[2], "udp") {
			transport = "udp"
		}
		host, service, ok := strings.Cut(f[0], ":")
		if !ok {
			host, service = "", f[0]
		}
		program, args := f[5], f[6:]
		for len(args) > 0 && base(program) == "tcpd" {
			program, args = args[0], args[1:]
		}
		if len(args) > 0 { // its own name
			args = args[1:]
		}
		if program == "internal" {
			program = service
		}
		user, _, _ := strings.Cut(f[4], ".")
		if k := s.started(program, args, user, Enabled, "inetd", path.Base(p), s.at(p, n)); k >= 0 {
			s.i.r.Starts[k].socket = []Listener{{Service: service, Transport: transport, Port: s.portOf(service), Address: host, Clear: true}}
		}
	}
}

// wellKnown are the ports of services that inetd.conf names, where /etc/services is not there.
var wellKnown = map[string]int{"telnet": 23, "ftp": 21, "ssh": 22, "tftp": 69, "http": 80, "shell": 514, "login": 513, "exec": 512, "finger": 79, "echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "time": 37, "rsync": 873, "swat": 901, "netbios-ssn": 139, "netbios-ns": 137, "https": 443, "telnets": 992}

func (s *system) portOf(service string) int {
	if n, err := strconv.Atoi(service); err == nil && n > 0 && n < 65536 {
		return n
	}
	if text, ok := s.read("/etc/services"); ok {
		for l := range strings.SplitSeq(text, "\n") {
			if f := strings.Fields(l); len(f) >= 2 && f[0] == service {
				p, _, _ := strings.Cut(f[1], "/")
				if n, err := strconv.Atoi(p); err == nil {
					return n
				}
			}
		}
	}
	return wellKnown[service]
}

// xinetd reads a file of xinetd.d (xinetd.conf(5)).
func (s *system) xinetd(p string) {
	text, ok := s.read(p)
	if !ok {
		return
	}
	service, at := "", 0
	var o map[string]string
	n := 0
	for l := range strings.SplitSeq(text, "\n") {
		n++
		l = strings.TrimSpace(l)
		switch f := strings.Fields(l); {
		case len(f) >= 2 && f[0] == "service":
			service, at, o = f[1], n, map[string]string{}
		case l == "}" && o != nil:
			state := Enabled
			if o["disable"] == "yes" {
				state = Disabled
			}
			transport := "tcp"
			if o["protocol"] == "udp" || o["socket_type"] == "dgram" {
				transport = "udp"
			}
			number := s.portOf(service)
			if v, err := strconv.Atoi(o["port"]); err == nil && v > 0 && v < 65536 {
				number = v
			}
			if o["server"] != "" {
				if k := s.started(o["server"], strings.Fields(o["server_args"]), o["user"], state, "inetd", path.Base(p), s.at(p, at)); k >= 0 {
					s.i.r.Starts[k].socket = []Listener{{Service: service, Transport: transport, Port: number, Address: o["bind"], Clear: true}}
				}
			}
			o = nil
		case o != nil && strings.Contains(l, "=") && !strings.HasPrefix(l, "#"):
			k, v, _ := strings.Cut(l, "=")
			o[strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(k), "+"))] = strings.TrimSpace(v)
		}
	}
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
