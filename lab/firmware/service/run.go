package service

import (
	"path"
	"strconv"
	"strings"

	"assay/lab"
	"assay/lab/firmware/shell"
)

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
