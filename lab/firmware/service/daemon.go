package service

import (
	"strconv"
	"strings"
)

// port is where a daemon listens unless it is told otherwise.
type port struct {
	number    int
	transport string
}

// daemon is what is known of a program that listens.
type daemon struct {
	service string
	ports   []port
	// flags are the options that name the port, each as it is written: -p, --port.
	flags []string
	read  func(*reading) // the daemon's own configuration
	login Login          // unless the configuration says otherwise
	debug bool           // it is for developers
	clear bool           // what it carries is not encrypted, credentials included
	shell bool           // it ends in a command line
}

func tcp(ns ...int) (ps []port) {
	for _, n := range ns {
		ps = append(ps, port{n, "tcp"})
	}
	return ps
}

func udp(ns ...int) (ps []port) {
	for _, n := range ns {
		ps = append(ps, port{n, "udp"})
	}
	return ps
}

func both(ns ...int) []port { return append(tcp(ns...), udp(ns...)...) }

// daemons are programs that listen, with the ports that their manuals and IANA's
// registry give; 0 is a port that only the run itself knows.
var daemons map[string]daemon

func init() { // some of the functions look daemons up
	daemons = map[string]daemon{
		"telnetd":             {service: "telnet", ports: tcp(23), flags: []string{"-p"}, read: telnetd, login: WithPassword, clear: true, shell: true},
		"utelnetd":            {service: "telnet", ports: tcp(23), flags: []string{"-p"}, read: telnetd, login: WithPassword, clear: true, shell: true},
		"in.telnetd":          {service: "telnet", ports: tcp(23), flags: []string{"-debug"}, login: WithPassword, clear: true, shell: true},
		"dropbear":            {service: "ssh", ports: tcp(22), flags: []string{"-p"}, read: dropbear, login: WithPassword, shell: true},
		"sshd":                {service: "ssh", ports: tcp(22), flags: []string{"-p"}, read: sshd, login: WithPassword, shell: true},
		"in.rlogind":          {service: "rlogin", ports: tcp(513), login: Unknown, clear: true, shell: true},
		"rlogind":             {service: "rlogin", ports: tcp(513), login: Unknown, clear: true, shell: true},
		"in.rshd":             {service: "rsh", ports: tcp(514), login: Unknown, clear: true, shell: true},
		"rshd":                {service: "rsh", ports: tcp(514), login: Unknown, clear: true, shell: true},
		"in.rexecd":           {service: "rexec", ports: tcp(512), login: WithPassword, clear: true, shell: true},
		"vsftpd":              {service: "ftp", ports: tcp(21), read: vsftpd, login: WithPassword, clear: true},
		"proftpd":             {service: "ftp", ports: tcp(21), read: proftpd, login: WithPassword, clear: true},
		"pure-ftpd":           {service: "ftp", ports: tcp(21), flags: []string{"-S"}, login: WithPassword, clear: true},
		"bftpd":               {service: "ftp", ports: tcp(21), login: WithPassword, clear: true},
		"stupid-ftpd":         {service: "ftp", ports: tcp(21), login: WithPassword, clear: true},
		"ftpd":                {service: "ftp", ports: tcp(21), login: WithPassword, clear: true},
		"in.ftpd":             {service: "ftp", ports: tcp(21), login: WithPassword, clear: true},
		"tftpd":               {service: "tftp", ports: udp(69), login: NoLogin, clear: true},
		"in.tftpd":            {service: "tftp", ports: udp(69), flags: []string{"-a", "--address"}, login: NoLogin, clear: true},
		"atftpd":              {service: "tftp", ports: udp(69), flags: []string{"--port"}, login: NoLogin, clear: true},
		"httpd":               {service: "http", ports: tcp(80), flags: []string{"-p"}, read: httpd, login: Unknown, clear: true},
		"uhttpd":              {service: "http", ports: tcp(80), read: uhttpd, login: Unknown, clear: true},
		"mini_httpd":          {service: "http", ports: tcp(80), flags: []string{"-p"}, read: miniHTTPD, login: Unknown, clear: true},
		"mini_httpds":         {service: "https", ports: tcp(443), flags: []string{"-p"}, read: miniHTTPD, login: Unknown},
		"thttpd":              {service: "http", ports: tcp(80), flags: []string{"-p"}, read: keyed("port", "=", "/etc/thttpd.conf"), login: Unknown, clear: true},
		"boa":                 {service: "http", ports: tcp(80), flags: []string{"-p"}, read: keyed("Port", " ", "/etc/boa/boa.conf", "/etc/boa.conf"), login: Unknown, clear: true},
		"goahead":             {service: "http", ports: tcp(80), login: Unknown, clear: true},
		"webs":                {service: "http", ports: tcp(80), login: Unknown, clear: true},
		"alphapd":             {service: "http", ports: tcp(80), login: Unknown, clear: true},
		"lighttpd":            {service: "http", ports: tcp(80), read: lighttpd, login: Unknown, clear: true},
		"nginx":               {service: "http", ports: tcp(80), read: nginx, login: Unknown, clear: true},
		"jjhttpd":             {service: "http", ports: tcp(80), login: Unknown, clear: true},
		"micro_httpd":         {service: "http", ports: tcp(80), login: Unknown, clear: true},
		"shttpd":              {service: "http", ports: tcp(80), flags: []string{"-ports"}, login: Unknown, clear: true},
		"civetweb":            {service: "http", ports: tcp(8080), login: Unknown, clear: true},
		"mosquitto":           {service: "mqtt", ports: tcp(1883), flags: []string{"-p"}, read: mosquitto, login: Unknown, clear: true},
		"dnsmasq":             {service: "dns", ports: both(53), flags: []string{"-p", "--port"}, read: dnsmasq, login: NoLogin},
		"named":               {service: "dns", ports: both(53), flags: []string{"-p"}, login: NoLogin},
		"unbound":             {service: "dns", ports: both(53), login: NoLogin},
		"dproxy":              {service: "dns", ports: udp(53), login: NoLogin},
		"dnsproxy":            {service: "dns", ports: udp(53), login: NoLogin},
		"udhcpd":              {service: "dhcp", ports: udp(67), login: NoLogin},
		"dhcpd":               {service: "dhcp", ports: udp(67), login: NoLogin},
		"dhcrelay":            {service: "dhcp", ports: udp(67), login: NoLogin},
		"odhcpd":              {service: "dhcpv6", ports: udp(547), login: NoLogin},
		"dhcp6s":              {service: "dhcpv6", ports: udp(547), login: NoLogin},
		"snmpd":               {service: "snmp", ports: udp(161), read: snmpd, login: WithPassword, clear: true},
		"mini_snmpd":          {service: "snmp", ports: udp(161), flags: []string{"-p", "-P"}, login: WithPassword, clear: true},
		"miniupnpd":           {service: "upnp", ports: append(udp(1900), tcp(0)...), flags: []string{"-p"}, login: NoLogin, clear: true},
		"upnpd":               {service: "upnp", ports: append(udp(1900), tcp(0)...), login: NoLogin, clear: true},
		"wscd":                {service: "upnp", ports: append(udp(1900), tcp(0)...), login: NoLogin, clear: true},
		"mini_upnpd":          {service: "upnp", ports: append(udp(1900), tcp(0)...), login: NoLogin, clear: true},
		"linuxigd":            {service: "upnp", ports: append(udp(1900), tcp(0)...), login: NoLogin, clear: true},
		"minidlna":            {service: "dlna", ports: append(tcp(8200), udp(1900)...), flags: []string{"-p"}, login: NoLogin, clear: true},
		"minidlnad":           {service: "dlna", ports: append(tcp(8200), udp(1900)...), flags: []string{"-p"}, login: NoLogin, clear: true},
		"smbd":                {service: "smb", ports: tcp(445, 139), login: WithPassword},
		"nmbd":                {service: "netbios", ports: udp(137, 138), login: NoLogin},
		"avahi-daemon":        {service: "mdns", ports: udp(5353), login: NoLogin},
		"mdnsd":               {service: "mdns", ports: udp(5353), login: NoLogin},
		"mDNSResponder":       {service: "mdns", ports: udp(5353), login: NoLogin},
		"mdnsresponder":       {service: "mdns", ports: udp(5353), login: NoLogin},
		"umdns":               {service: "mdns", ports: udp(5353), login: NoLogin},
		"llmnrd":              {service: "llmnr", ports: udp(5355), login: NoLogin},
		"adbd":                {service: "adb", ports: tcp(5555), login: Unknown, debug: true, clear: true, shell: true},
		"gdbserver":           {service: "gdb", ports: tcp(0), read: gdbserver, login: NoLogin, debug: true, clear: true},
		"lldb-server":         {service: "gdb", ports: tcp(0), read: gdbserver, login: NoLogin, debug: true, clear: true},
		"rpcbind":             {service: "rpc", ports: both(111), login: NoLogin},
		"portmap":             {service: "rpc", ports: both(111), login: NoLogin},
		"rpc.nfsd":            {service: "nfs", ports: both(2049), login: NoLogin, clear: true},
		"cupsd":               {service: "ipp", ports: tcp(631), login: Unknown},
		"lpd":                 {service: "lpd", ports: tcp(515), login: NoLogin, clear: true},
		"p910nd":              {service: "print", ports: tcp(9100), login: NoLogin, clear: true},
		"rsync":               {service: "rsync", ports: tcp(873), flags: []string{"--port"}, read: onlyWith("--daemon"), login: Unknown, clear: true},
		"pptpd":               {service: "pptp", ports: tcp(1723), login: WithPassword},
		"xl2tpd":              {service: "l2tp", ports: udp(1701), login: WithPassword},
		"openvpn":             {service: "openvpn", ports: udp(1194), flags: []string{"--port", "--lport"}, login: WithPassword},
		"charon":              {service: "ike", ports: udp(500, 4500), login: WithPassword},
		"pluto":               {service: "ike", ports: udp(500, 4500), login: WithPassword},
		"cwmpd":               {service: "tr069", ports: tcp(7547), login: WithPassword},
		"tr069c":              {service: "tr069", ports: tcp(7547), login: WithPassword},
		"tr069":               {service: "tr069", ports: tcp(7547), login: WithPassword},
		"cwmpclient":          {service: "tr069", ports: tcp(7547), login: WithPassword},
		"zebra":               {service: "vty", ports: tcp(2601), flags: []string{"-P"}, login: WithPassword, clear: true},
		"bgpd":                {service: "bgp", ports: tcp(179, 2605), login: Unknown},
		"ripd":                {service: "rip", ports: udp(520), login: NoLogin},
		"iperf":               {service: "iperf", ports: tcp(5001), flags: []string{"-p"}, read: onlyWith("-s", "--server"), login: NoLogin, debug: true},
		"iperf3":              {service: "iperf", ports: tcp(5201), flags: []string{"-p"}, read: onlyWith("-s", "--server"), login: NoLogin, debug: true},
		"nc":                  {service: "netcat", ports: tcp(0), flags: []string{"-p"}, read: netcat, login: NoLogin, debug: true, clear: true},
		"netcat":              {service: "netcat", ports: tcp(0), flags: []string{"-p"}, read: netcat, login: NoLogin, debug: true, clear: true},
		"ncat":                {service: "netcat", ports: tcp(0), flags: []string{"-p"}, read: netcat, login: NoLogin, debug: true, clear: true},
		"socat":               {service: "socat", ports: tcp(0), read: socat, login: NoLogin, debug: true, clear: true},
		"tcpsvd":              {service: "tcpsvd", ports: tcp(0), read: tcpsvd, login: Unknown, clear: true},
		"udpsvd":              {service: "udpsvd", ports: udp(0), read: tcpsvd, login: Unknown, clear: true},
		"redis-server":        {service: "redis", ports: tcp(6379), flags: []string{"--port"}, login: Unknown, clear: true},
		"memcached":           {service: "memcached", ports: both(11211), flags: []string{"-p"}, login: NoLogin, clear: true},
		"mysqld":              {service: "mysql", ports: tcp(3306), flags: []string{"--port"}, login: WithPassword},
		"mongod":              {service: "mongodb", ports: tcp(27017), flags: []string{"--port"}, login: Unknown},
		"asterisk":            {service: "sip", ports: udp(5060), login: WithPassword},
		"coap-server":         {service: "coap", ports: udp(5683), flags: []string{"-p"}, login: NoLogin},
		"rtspd":               {service: "rtsp", ports: tcp(554), login: Unknown, clear: true},
		"live555MediaServer":  {service: "rtsp", ports: tcp(554), login: Unknown, clear: true},
		"rtsp-simple-server":  {service: "rtsp", ports: tcp(8554), login: Unknown, clear: true},
		"mediamtx":            {service: "rtsp", ports: tcp(8554), login: Unknown, clear: true},
		"h264_rtsp_server":    {service: "rtsp", ports: tcp(554), login: Unknown, clear: true},
		"onvif_srvd":          {service: "onvif", ports: tcp(1000), flags: []string{"--port"}, login: Unknown, clear: true},
		"wsdd":                {service: "ws-discovery", ports: udp(3702), login: NoLogin},
		"ttyd":                {service: "web-terminal", ports: tcp(7681), flags: []string{"-p", "--port"}, login: Unknown, clear: true, shell: true},
		"shellinaboxd":        {service: "web-terminal", ports: tcp(4200), flags: []string{"-p", "--port"}, login: WithPassword, shell: true},
		"x11vnc":              {service: "vnc", ports: tcp(5900), flags: []string{"-rfbport"}, login: Unknown, clear: true},
		"Xvnc":                {service: "vnc", ports: tcp(5900), login: Unknown, clear: true},
		"squid":               {service: "proxy", ports: tcp(3128), login: Unknown, clear: true},
		"tinyproxy":           {service: "proxy", ports: tcp(8888), login: Unknown, clear: true},
		"privoxy":             {service: "proxy", ports: tcp(8118), login: NoLogin, clear: true},
		"transmission-daemon": {service: "http", ports: tcp(9091), flags: []string{"-p", "--port"}, login: Unknown, clear: true},
		"afpd":                {service: "afp", ports: tcp(548), login: WithPassword},
		"chronyd":             {service: "ntp", ports: udp(123), login: NoLogin},
		"ntpd":                {service: "ntp", ports: udp(123), read: ntpd, login: NoLogin},
		"tcpdump":             {service: "capture", login: NoLogin, debug: true},
		"infosvr":             {service: "infosvr", ports: udp(9999), login: NoLogin, clear: true},
	}
}

// onlyWith says that a program listens only when it is given one of some options.
func onlyWith(options ...string) func(*reading) {
	return func(r *reading) {
		for _, o := range options {
			if r.has(o) {
				return
			}
		}
		r.none = true
	}
}

// keyed reads a port that stands in a configuration behind a key.
func keyed(key, separator string, paths ...string) func(*reading) {
	return func(r *reading) {
		r.config(paths, []string{"-c", "-C", "-f"}, func(_ int, l string) {
			k, v, ok := strings.Cut(strings.TrimSpace(l), separator)
			if ok && strings.TrimSpace(k) == key {
				if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
					r.ports = tcp(n)
				}
			}
		})
	}
}

func telnetd(r *reading) {
	if l := r.value("-l"); l != "" {
		switch base(l) {
		case "sh", "ash", "bash", "dash", "busybox", "hush", "ksh", "zsh":
			r.login = NoLogin
		}
	}
}

// gdbserver's first argument is where it listens, a serial line or HOST:PORT.
func gdbserver(r *reading) {
	for _, a := range r.args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		if host, n := splitAddress(a); n > 0 {
			r.address, r.ports = host, tcp(n)
		}
		return
	}
}

// uci are the options of the sections of a kind in a UCI file: lists have several.
func (r *reading) uci(file, kind string, f func(options map[string][]string)) {
	text, ok := r.s.read("/etc/config/" + file)
	if !ok {
		return
	}
	var options map[string][]string
	end := func() {
		if options != nil {
			f(options)
		}
		options = nil
	}
	for l := range strings.SplitSeq(text, "\n") {
		w := strings.Fields(l)
		if len(w) < 2 || strings.HasPrefix(w[0], "#") {
			continue
		}
		switch w[0] {
		case "config":
			end()
			if strings.Trim(w[1], `'"`) == kind {
				options = map[string][]string{}
			}
		case "option", "list":
			if options != nil && len(w) >= 3 {
				k := strings.Trim(w[1], `'"`)
				options[k] = append(options[k], strings.Trim(w[2], `'"`))
			}
		}
	}
	end()
}

func first(v []string) string {
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

func off(v string) bool {
	return v == "0" || v == "off" || v == "no" || v == "false" || v == "disabled"
}

func dropbear(r *reading) {
	if r.has("-s") {
		r.login = WithKey
	}
	if r.has("-B") {
		r.login, r.note = NoLogin, "-B"
	}
	r.uci("dropbear", "dropbear", func(o map[string][]string) {
		if n, err := strconv.Atoi(first(o["Port"])); err == nil && !r.told {
			r.ports = tcp(n)
		}
		if off(first(o["PasswordAuth"])) {
			r.login = WithKey
		}
		if off(first(o["enable"])) {
			r.disabled = true
		}
	})
}

func sshd(r *reading) {
	var ports []port
	r.config([]string{"/etc/ssh/sshd_config", "/etc/sshd_config"}, []string{"-f"}, func(_ int, l string) {
		w := strings.Fields(l)
		if len(w) < 2 {
			return
		}
		switch strings.ToLower(w[0]) {
		case "port":
			if n, err := strconv.Atoi(w[1]); err == nil {
				ports = append(ports, port{n, "tcp"})
			}
		case "listenaddress":
			if r.address == "" && w[1] != "0.0.0.0" && w[1] != "::" {
				r.address = w[1]
			}
		case "passwordauthentication":
			if strings.EqualFold(w[1], "no") {
				r.login = WithKey
			}
		case "permitemptypasswords":
			if strings.EqualFold(w[1], "yes") {
				r.login, r.note = NoLogin, "PermitEmptyPasswords yes"
			}
		}
	})
	if len(ports) > 0 && !r.told {
		r.ports = ports
	}
}

func vsftpd(r *reading) {
	r.config([]string{"/etc/vsftpd.conf", "/etc/vsftpd/vsftpd.conf"}, nil, func(_ int, l string) {
		k, v, _ := strings.Cut(strings.TrimSpace(l), "=")
		switch k {
		case "listen_port":
			if n, err := strconv.Atoi(v); err == nil {
				r.ports = tcp(n)
			}
		case "anonymous_enable":
			if strings.EqualFold(v, "yes") {
				r.login, r.note = NoLogin, l
			}
		case "ssl_enable":
			if strings.EqualFold(v, "yes") {
				r.clear = false
			}
		}
	})
}

func proftpd(r *reading) {
	r.config([]string{"/etc/proftpd.conf", "/etc/proftpd/proftpd.conf"}, []string{"-c"}, func(_ int, l string) {
		w := strings.Fields(l)
		if len(w) == 2 && w[0] == "Port" {
			if n, err := strconv.Atoi(w[1]); err == nil {
				r.ports = tcp(n)
			}
		}
		if len(w) >= 1 && strings.HasPrefix(w[0], "<Anonymous") {
			r.login, r.note = NoLogin, l
		}
	})
}

func httpd(r *reading) {
	r.config([]string{"/etc/httpd.conf"}, []string{"-c"}, func(_ int, l string) {
		if f := strings.SplitN(strings.TrimSpace(l), ":", 3); len(f) == 3 && strings.HasPrefix(f[0], "/") {
			r.login = WithPassword
		}
	})
}

func (r *reading) addresses(service string, list []string, clear bool) {
	for _, a := range list {
		host, n := splitAddress(a)
		if n > 0 {
			r.more = append(r.more, Listener{Service: service, Transport: "tcp", Port: n, Address: host, Clear: clear})
		}
	}
}

// uhttpd listens where -p and -s say, in the configuration listen_http and listen_https.
func uhttpd(r *reading) {
	r.addresses("http", r.values("-p"), true)
	r.addresses("https", r.values("-s"), false)
	if len(r.more) == 0 {
		r.uci("uhttpd", "uhttpd", func(o map[string][]string) {
			r.addresses("http", o["listen_http"], true)
			// Without a certificate or a library for TLS there is no listener; that is seen when
			// it runs.
			r.addresses("https", o["listen_https"], false)
		})
	}
	if len(r.more) > 0 {
		r.ports = nil
	}
}

func miniHTTPD(r *reading) {
	if r.has("-S") {
		r.service, r.clear = "https", false
		if !r.told {
			r.ports = tcp(443)
		}
	}
	r.config([]string{"/etc/mini_httpd.conf"}, []string{"-C"}, func(_ int, l string) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(l), "port="); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
				r.ports = tcp(n)
			}
		}
		if strings.TrimSpace(l) == "ssl" {
			r.service, r.clear = "https", false
		}
	})
}

func lighttpd(r *reading) {
	n, tls := 0, false
	socket := 0
	r.config([]string{"/etc/lighttpd/lighttpd.conf", "/etc/lighttpd.conf"}, []string{"-f"}, func(_ int, l string) {
		l = strings.TrimSpace(l)
		k, v, _ := strings.Cut(l, "=")
		k, v = strings.TrimSpace(k), strings.Trim(strings.TrimSpace(v), `"= {`)
		switch {
		case k == "server.port":
			n, _ = strconv.Atoi(v)
		case strings.HasPrefix(l, `$SERVER["socket"]`):
			_, socket = splitAddress(v)
			if socket > 0 {
				r.more = append(r.more, Listener{Service: "http", Transport: "tcp", Port: socket, Clear: true})
			}
		case k == "ssl.engine" && v == "enable":
			if socket > 0 {
				r.more[len(r.more)-1].Service, r.more[len(r.more)-1].Clear = "https", false
			} else {
				tls = true
			}
		case l == "}":
			socket = 0
		case k == "auth.require":
			r.login = WithPassword
		}
	})
	if n > 0 {
		r.ports = tcp(n)
	}
	if tls {
		r.service, r.clear = "https", false
	}
}

func nginx(r *reading) {
	for _, p := range append([]string{"/etc/nginx/nginx.conf"}, r.s.list("/etc/nginx/conf.d", "/etc/nginx/sites-enabled")...) {
		text, _ := r.s.read(p)
		for l := range strings.SplitSeq(text, "\n") {
			w := strings.Fields(strings.TrimSuffix(strings.TrimSpace(l), ";"))
			if len(w) < 2 || w[0] != "listen" {
				continue
			}
			a := w[1]
			if !strings.Contains(a, ":") {
				a = ":" + a
			}
			host, n := splitAddress(a)
			if n == 0 {
				continue
			}
			l := Listener{Service: "http", Transport: "tcp", Port: n, Address: host, Clear: true}
			for _, o := range w[2:] {
				if o == "ssl" || o == "http2" {
					l.Service, l.Clear = "https", false
				}
			}
			r.more = append(r.more, l)
		}
	}
	if len(r.more) > 0 {
		r.ports = nil
	}
}

func mosquitto(r *reading) {
	anonymous, tls := "", false
	last := -1
	r.config([]string{"/etc/mosquitto/mosquitto.conf", "/etc/mosquitto.conf"}, []string{"-c"}, func(_ int, l string) {
		w := strings.Fields(l)
		if len(w) < 2 {
			return
		}
		switch w[0] {
		case "listener":
			if n, err := strconv.Atoi(w[1]); err == nil {
				x := Listener{Service: "mqtt", Transport: "tcp", Port: n, Clear: true}
				if len(w) > 2 {
					x.Address = w[2]
				}
				r.more = append(r.more, x)
				last = len(r.more) - 1
			}
		case "port":
			if n, err := strconv.Atoi(w[1]); err == nil {
				r.ports = tcp(n)
			}
		case "certfile", "psk_file":
			if last >= 0 {
				r.more[last].Service, r.more[last].Clear = "mqtts", false
			} else {
				tls = true
			}
		case "allow_anonymous":
			anonymous = w[1]
		case "password_file":
			if anonymous == "" {
				anonymous = "false"
			}
		}
	})
	if len(r.more) > 0 {
		r.ports = nil
	}
	if tls {
		r.service, r.clear = "mqtts", false
	}
	switch anonymous {
	case "true":
		r.login, r.note = NoLogin, "allow_anonymous true"
	case "false":
		r.login = WithPassword
	}
}

func dnsmasq(r *reading) {
	extra := func(k, v string) {
		switch k {
		case "port":
			if n, err := strconv.Atoi(v); err == nil {
				r.ports = both(n)
				if n == 0 {
					r.ports = nil
				}
			}
		case "dhcp-range":
			r.extra("dhcp", 67, "udp")
		case "enable-tftp":
			r.extra("tftp", 69, "udp")
		}
	}
	for _, a := range r.args {
		k, v, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		extra(k, v)
	}
	r.config([]string{"/etc/dnsmasq.conf"}, []string{"-C", "--conf-file"}, func(_ int, l string) {
		k, v, _ := strings.Cut(strings.TrimSpace(l), "=")
		extra(k, v)
	})
	r.uci("dhcp", "dhcp", func(o map[string][]string) {
		if first(o["ignore"]) != "1" {
			r.extra("dhcp", 67, "udp")
		}
	})
	r.uci("dhcp", "dnsmasq", func(o map[string][]string) {
		if first(o["enable_tftp"]) == "1" {
			r.extra("tftp", 69, "udp")
		}
	})
}

func snmpd(r *reading) {
	add := func(spec string) {
		for a := range strings.SplitSeq(spec, ",") {
			a = strings.TrimSpace(a)
			transport := "udp"
			if t, rest, ok := strings.Cut(a, ":"); ok && (strings.HasPrefix(t, "udp") || strings.HasPrefix(t, "tcp")) {
				transport, a = t[:3], rest
			}
			host, n := splitAddress(a) // a port alone, an address alone, or both
			if n == 0 {
				n = 161
			}
			r.more = append(r.more, Listener{Service: "snmp", Transport: transport, Port: n, Address: host, Clear: true})
		}
	}
	r.config([]string{"/etc/snmp/snmpd.conf", "/etc/snmpd.conf"}, []string{"-c"}, func(_ int, l string) {
		w := strings.Fields(l)
		if len(w) >= 2 && strings.EqualFold(w[0], "agentaddress") {
			add(w[1])
		}
	})
	if len(r.more) > 0 {
		r.ports = nil
	}
}

func ntpd(r *reading) {
	if r.program == "ntpd" && (r.has("-n") || r.has("-N") || r.has("-p") || r.has("-q")) && !r.has("-l") && !r.has("-c") && !r.has("-g") {
		r.none = true // BusyBox's answers nobody without -l
	}
}

func netcat(r *reading) {
	listens := false
	for n, a := range r.args {
		if strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.Contains(a, "l") {
			listens = true
			if n+1 < len(r.args) && strings.HasSuffix(a, "l") {
				if p, err := strconv.Atoi(r.args[n+1]); err == nil {
					r.ports = tcp(p)
				}
			}
		}
		listens = listens || a == "--listen"
		if strings.HasPrefix(a, "-") && (strings.HasSuffix(a, "e") || strings.HasSuffix(a, "c")) && n+1 < len(r.args) && strings.Contains(r.args[n+1], "sh") {
			r.shell = true
		}
	}
	r.none = !listens
}

func socat(r *reading) {
	r.none = true
	for _, a := range r.args {
		k, v, ok := strings.Cut(a, ":")
		if ok && strings.HasSuffix(strings.ToLower(k), "-listen") {
			r.none = false
			if n, err := strconv.Atoi(strings.Split(v, ",")[0]); err == nil {
				r.ports = []port{{n, strings.ToLower(k[:3])}}
			}
		}
		if up := strings.ToUpper(a); (strings.HasPrefix(up, "EXEC:") || strings.HasPrefix(up, "SYSTEM:")) && strings.Contains(a, "sh") {
			r.shell = true
		}
	}
}

// tcpsvd starts a program for each connection: tcpsvd -vE 0 21 ftpd /.
func tcpsvd(r *reading) {
	for n, a := range r.args {
		p, err := strconv.Atoi(a)
		if err != nil || p == 0 || n+1 >= len(r.args) {
			continue
		}
		r.ports = []port{{p, r.ports[0].transport}}
		if d, ok := daemons[base(r.args[n+1])]; ok {
			r.service, r.login, r.clear = d.service, d.login, d.clear
			if d.service == "ftp" {
				r.login, r.note = NoLogin, "ftpd of BusyBox serves its folder to anyone"
			}
		}
		return
	}
}

// splitAddress reads host:port, [host]:port, *:port, and a port alone.
func splitAddress(a string) (host string, n int) {
	a = strings.Trim(a, `"'`)
	i := strings.LastIndexByte(a, ':')
	p := a
	if i >= 0 {
		host, p = strings.Trim(a[:i], "[]"), a[i+1:]
	}
	n, err := strconv.Atoi(p)
	if err != nil || n < 1 || n > 65535 {
		return strings.Trim(a, "[]"), 0
	}
	if host == "*" || host == "0.0.0.0" || host == "::" {
		host = ""
	}
	return host, n
}

func base(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }
