package service

import (
	"path"
	"strconv"
	"strings"
)

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
