package service

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// maxListed bounds what one finding lists.
const maxListed = 12

// report turns what starts into findings. What nothing starts is listed, and no finding.
func (i *Inspector) report() {
	var roots, missing []string
	var rootAt lab.Place
	told := map[string]bool{}
	for _, l := range i.r.Listeners {
		if l.State == Disabled || l.Path == "" && l.By != "inetd" {
			continue
		}
		c := lab.Claimed
		if l.State == Enabled && l.Path != "" {
			c = lab.Confirmed
		}
		number := ""
		if l.Port > 0 {
			number = strconv.Itoa(l.Port) + "/" + l.Transport
		}
		known := []string{"service", l.Service, "port", number, "program", cmp.Or(l.Path, l.Program), "command", strings.TrimSpace(base(l.Program) + " " + l.Arguments), "state", string(l.State)}
		once := func(rule string) bool { // a daemon with two ports is one finding
			key := rule + l.Where.String() + l.Program
			if told[key] {
				return false
			}
			told[key] = true
			return true
		}
		switch {
		case l.Login == NoLogin && l.Shell && l.Service != "adb":
			if once("shell") {
				i.find(lab.Found("service.shell-without-login", c, l.Where, known...))
			}
		case l.Service == "telnet":
			if once("telnet") {
				i.find(lab.Found("service.telnet", c, l.Where, known...))
			}
		case l.Debug:
			if once("debug") {
				i.find(lab.Found("service.debug", c, l.Where, known...))
			}
		case l.Service == "upnp":
			if once("upnp") {
				i.find(lab.Found("service.upnp", c, l.Where, known...))
			}
		case l.Login == NoLogin && l.Note != "":
			if once("anonymous") {
				i.find(lab.Found("service.anonymous", c, l.Where, append(known, "text", l.Note)...))
			}
		case l.Service == "ftp" || l.Service == "tftp" || l.Service == "rsh" || l.Service == "rlogin" || l.Service == "rexec" || l.Service == "vty":
			if l.Clear && once("clear") {
				i.find(lab.Found("service.clear-text", c, l.Where, known...))
			}
		}
		if l.State == Enabled && l.Path != "" && (l.User == "" || l.User == "root" || l.User == "0") {
			name := base(l.Program) + " (" + cmp.Or(number, l.Service) + ")"
			if !slices.Contains(roots, name) {
				if roots == nil {
					rootAt = l.Where
				}
				roots = append(roots, name)
			}
		}
	}
	for _, st := range i.r.Starts {
		if st.Path == "" && st.State == Enabled && daemons[base(st.Program)].service != "" && !strings.Contains(st.Program, "$") {
			if name := st.Program; !slices.Contains(missing, name) {
				missing = append(missing, name)
				i.find(lab.Found("service.missing-program", lab.Confirmed, st.Where, "program", st.Program))
			}
		}
		if base(st.Program) == "tcpdump" && st.State != Disabled && st.Path != "" {
			i.find(lab.Found("service.debug", lab.Claimed, st.Where, "service", "capture", "program", st.Path, "command", "tcpdump "+strings.Join(st.Arguments, " "), "state", string(st.State)))
		}
	}
	if len(roots) > 0 {
		i.find(lab.Found("service.as-root", lab.Claimed, rootAt, "count", strconv.Itoa(len(roots)), "program", listed(roots)))
	}
	for _, c := range i.r.Consoles {
		if c.Login {
			i.find(lab.Found("service.console", lab.Confirmed, c.Where, "console", c.Device, "command", c.Text))
		} else {
			i.find(lab.Found("service.console-without-login", lab.Confirmed, c.Where, "console", c.Device, "command", c.Text))
		}
	}
}

func listed(names []string) string {
	if len(names) <= maxListed {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:maxListed], ", ") + ", …"
}

// serial is a serial line as the kernel is told of it.
var serial = regexp.MustCompile(`\bconsole=tty[A-Z][A-Za-z]*[0-9]`)

// maxNested bounds how deep parts in parts are followed.
const maxNested = 64

// boot looks at what boot loaders and kernels say of consoles: details of parts, environments, and
// kernels' own command lines.
func (i *Inspector) boot(parts []*image.Part) {
	seen := map[string]bool{}
	var details func(ps []*image.Part, deep int)
	details = func(ps []*image.Part, deep int) {
		if deep > maxNested {
			return
		}
		for _, p := range ps {
			for _, d := range p.Details {
				i.bootText(d.Name+"="+d.Value, lab.Place{Part: p.ID}, seen)
			}
			details(p.Parts, deep+1)
		}
	}
	details(parts, 0)
	inspect.Outside(parts, func(p *image.Part, offset int64, b []byte) { i.environment(b, p.ID, offset, seen) })
}

// environment finds bootdelay= and bootargs= of U-Boot's environment: strings that end with NUL.
func (i *Inspector) environment(b []byte, part string, offset int64, seen map[string]bool) {
	for _, mark := range []string{"bootdelay=", "bootargs=", "console="} {
		for from, n := 0, 0; n < 50; n++ {
			k := bytes.Index(b[from:], []byte(mark))
			if k < 0 {
				break
			}
			k += from
			from = k + len(mark)
			for mark == "console=" && k > 0 && from-k < 512 && b[k-1] >= ' ' && b[k-1] < 0x7f {
				k-- // it stands in a kernel's own command line
			}
			if k > 0 && b[k-1] != 0 {
				continue
			}
			end := bytes.IndexByte(b[k:min(len(b), k+512)], 0)
			if end < 0 {
				continue
			}
			i.bootText(string(b[k:k+end]), lab.Place{Part: part, Offset: offset + int64(k)}, seen)
		}
	}
}

// bootText takes NAME=VALUE of a boot loader or the command line of a kernel.
func (i *Inspector) bootText(s string, at lab.Place, seen map[string]bool) {
	name, v, _ := strings.Cut(s, "=")
	name = name[strings.LastIndexAny(name, ". ")+1:]
	switch {
	case strings.EqualFold(name, "bootdelay") || strings.EqualFold(name, "boot-delay"):
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil || seen["delay "+v] {
			return
		}
		seen["delay "+v] = true
		if n > 0 || n == -1 { // -1 never boots by itself; -2 and 0 leave no time
			i.find(lab.Found("service.boot-delay", lab.Claimed, at, "text", s))
		}
	case serial.MatchString(s):
		told := s[strings.Index(s, "console="):] // bootargs= or cmdline= before it
		if seen[told] {
			return
		}
		seen[told] = true
		i.find(lab.Found("service.kernel-console", lab.Claimed, at, "text", s))
		if strings.Contains(s, "init=/bin/sh") {
			i.find(lab.Found("service.console-without-login", lab.Confirmed, at, "command", s))
		}
	}
}
