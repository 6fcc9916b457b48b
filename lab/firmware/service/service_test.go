package service

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect/inspecttest"
)

const elf = "\x7fELF\x01\x01\x01\x00"

func run(t testing.TB, files map[string]string, parts ...*image.Part) Result {
	t.Helper()
	i := New()
	inspecttest.Show(t, i, parts, inspecttest.System(t, files))
	return i.Result()
}

func with(files map[string]string, programs ...string) map[string]string {
	for _, p := range programs {
		files[p] = elf
	}
	return files
}

// said are listeners in one line each.
func said(r Result) (all []string) {
	for _, l := range r.Listeners {
		s := fmt.Sprintf("%s %d/%s %s %s %s %s", l.Service, l.Port, l.Transport, l.State, l.Login, l.Certainty, l.By)
		if l.Address != "" {
			s += " at " + l.Address
		}
		if l.User != "" {
			s += " as " + l.User
		}
		if l.Path == "" {
			s += " (no program)"
		}
		all = append(all, s+" "+strings.TrimPrefix(l.Where.String(), inspecttest.Part+":"))
	}
	slices.Sort(all)
	return all
}

func rules(r Result) (all []string) {
	for _, f := range r.Findings {
		all = append(all, fmt.Sprintf("%s %s %s", f.Rule, f.Certainty, strings.TrimPrefix(f.Where[0].String(), inspecttest.Part+":")))
	}
	slices.Sort(all)
	return all
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// OpenWrt: procd, links, UCI.
func TestProcd(t *testing.T) {
	r := run(t, with(map[string]string{
		"etc/inittab": "::sysinit:/etc/init.d/rcS S boot\n::shutdown:/etc/init.d/rcS K shutdown\nttyS0::askfirst:/bin/ash --login\n",
		"etc/init.d/dropbear": `#!/bin/sh /etc/rc.common
START=50
USE_PROCD=1
PROG=/usr/sbin/dropbear
append_ports()
{
	procd_append_param command -p "${addr}:${port}"
}
dropbear_instance()
{
	procd_open_instance
	procd_set_param command "$PROG" -F -P "$pid_file"
	[ "${PasswordAuth}" -eq 0 ] && procd_append_param command -s
	procd_close_instance
}
start_service()
{
	config_foreach dropbear_instance dropbear
}
stop_service() { telnetd; }
`,
		"etc/rc.d/S50dropbear": "-> ../init.d/dropbear",
		"etc/config/dropbear":  "config dropbear\n\toption PasswordAuth 'on'\n\toption Port '2222'\n",
		"etc/init.d/uhttpd":    "#!/bin/sh /etc/rc.common\nstart_service() {\n\tprocd_open_instance\n\tprocd_set_param command /usr/sbin/uhttpd -f\n\tprocd_set_param user www\n}\n",
		"etc/rc.d/S50uhttpd":   "-> ../init.d/uhttpd",
		"etc/config/uhttpd":    "config uhttpd main\n\tlist listen_http 0.0.0.0:80\n\tlist listen_http [::]:80\n\tlist listen_https\t0.0.0.0:443\n",
		"etc/init.d/telnet":    "#!/bin/sh /etc/rc.common\nstart() {\n\tservice_start /usr/sbin/telnetd -l /bin/login.sh\n}\n",
	}, "usr/sbin/dropbear", "usr/sbin/uhttpd", "usr/sbin/telnetd"))
	same(t, "listeners", said(r),
		"ssh 2222/tcp enabled password confirmed procd /etc/init.d/dropbear:12",
		"http 80/tcp enabled unknown confirmed procd as www /etc/init.d/uhttpd:4",
		"https 443/tcp enabled unknown confirmed procd as www /etc/init.d/uhttpd:4",
		"telnet 23/tcp disabled password claimed script /etc/init.d/telnet:3",
	)
	same(t, "findings", rules(r),
		"service.as-root claimed /etc/init.d/dropbear:12",
		"service.console-without-login confirmed /etc/inittab:3",
	)
}

// A maker's BusyBox system, with a telnet back door in a numbered script.
func TestBusyBox(t *testing.T) {
	r := run(t, with(map[string]string{
		"etc/inittab":               "::sysinit:/etc/init.d/rcS\nttyS0::respawn:/sbin/getty -L ttyS0 115200 vt100\n::respawn:/usr/sbin/gdbserver :9000 /usr/bin/app\n::ctrlaltdel:/sbin/reboot\n",
		"etc/init.d/rcS":            "#!/bin/sh\nmount -a\nfor i in /etc/init0.d/S??* ;do\n\t[ ! -f \"$i\" ] && continue\n\t$i start\ndone\n/usr/sbin/httpd -p 8080 -h /www &\nif [ \"$(nvram get ftp)\" = 1 ]; then\n\tvsftpd &\nfi\nutelnetd -l /bin/sh -p 2323 &\nnc -l -p 4444 -e /bin/sh &\nsshd -t\n",
		"etc/vsftpd.conf":           "anonymous_enable=YES\nlisten_port=2121\n",
		"etc/init0.d/S80telnetd.sh": "#!/bin/sh\nif [ \"$1\" = \"start\" ]; then\n\tif [ -f \"/usr/sbin/login\" ]; then\n\t\timage_sign=`cat /etc/config/image_sign`\n\t\ttelnetd -l \"/usr/sbin/login\" -u Alphanetworks:$image_sign -i br0 &\n\telse\n\t\ttelnetd &\n\tfi\nelse\n\tkillall telnetd\nfi\n",
		"etc/config/image_sign":     "wrgn80\n",
	}, "usr/sbin/httpd", "usr/sbin/vsftpd", "usr/sbin/utelnetd", "usr/bin/nc", "usr/sbin/telnetd", "usr/sbin/login", "usr/sbin/gdbserver", "usr/sbin/sshd"))
	same(t, "listeners", said(r),
		"gdb 9000/tcp enabled none confirmed inittab /etc/inittab:3",
		"http 8080/tcp enabled unknown confirmed script /etc/init.d/rcS:7",
		"ftp 2121/tcp conditional none claimed script /etc/init.d/rcS:9",
		"telnet 2323/tcp enabled none confirmed script /etc/init.d/rcS:11",
		"netcat 4444/tcp enabled none confirmed script /etc/init.d/rcS:12",
		"telnet 23/tcp enabled password confirmed script /etc/init0.d/S80telnetd.sh:5",
	)
	same(t, "findings", rules(r),
		"service.as-root claimed /etc/init0.d/S80telnetd.sh:5",
		"service.console confirmed /etc/inittab:2",
		"service.debug confirmed /etc/inittab:3",
		"service.anonymous claimed /etc/init.d/rcS:9",
		"service.shell-without-login confirmed /etc/init.d/rcS:11",
		"service.shell-without-login confirmed /etc/init.d/rcS:12",
		"service.telnet confirmed /etc/init0.d/S80telnetd.sh:5",
	)
}

func TestSystemd(t *testing.T) {
	r := run(t, with(map[string]string{
		"usr/lib/systemd/system/mosquitto.service":                         "[Unit]\nDescription=x\n[Service]\nUser=mosquitto\nExecStart=/usr/sbin/mosquitto -c /etc/mosquitto/mosquitto.conf\n",
		"etc/systemd/system/multi-user.target.wants/mosquitto.service":     "-> /usr/lib/systemd/system/mosquitto.service",
		"etc/mosquitto/mosquitto.conf":                                     "listener 1883\nallow_anonymous true\nlistener 8883\ncertfile /etc/c.pem\n",
		"lib/systemd/system/telnet.socket":                                 "[Socket]\nListenStream=127.0.0.1:23\nAccept=yes\n",
		"lib/systemd/system/telnet@.service":                               "[Service]\nExecStart=-/usr/sbin/in.telnetd\n",
		"etc/systemd/system/sockets.target.wants/telnet.socket":            "-> /lib/systemd/system/telnet.socket",
		"lib/systemd/system/ssh.service":                                   "[Service]\nExecStart=/usr/sbin/sshd -D $OPTS\n",
		"lib/systemd/system/serial-getty@.service":                         "[Service]\nExecStart=-/sbin/agetty -o '-p -- \\\\u' --keep-baud 115200 %I $TERM\n",
		"etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service": "-> /lib/systemd/system/serial-getty@.service",
		"lib/systemd/system/snmpd.service":                                 "[Service]\nExecStart=/usr/sbin/snmpd -f\n",
		"etc/systemd/system/snmpd.service":                                 "-> /dev/null",
		"etc/systemd/system/multi-user.target.wants/snmpd.service":         "-> /lib/systemd/system/snmpd.service",
	}, "usr/sbin/mosquitto", "usr/sbin/in.telnetd", "usr/sbin/sshd", "usr/sbin/snmpd"))
	same(t, "listeners", said(r),
		"mqtt 1883/tcp enabled none confirmed systemd as mosquitto /usr/lib/systemd/system/mosquitto.service:5",
		"mqtts 8883/tcp enabled none confirmed systemd as mosquitto /usr/lib/systemd/system/mosquitto.service:5",
		"telnet 23/tcp enabled password confirmed systemd at 127.0.0.1 /lib/systemd/system/telnet@.service:2",
		"ssh 22/tcp disabled password claimed systemd /lib/systemd/system/ssh.service:2",
	)
	if len(r.Consoles) != 1 || r.Consoles[0].Device != "ttyS0" || !r.Consoles[0].Login {
		t.Errorf("%+v", r.Consoles)
	}
}

func TestInetd(t *testing.T) {
	files := with(map[string]string{
		"etc/inetd.conf":       "#ftp stream tcp nowait root /usr/sbin/ftpd ftpd\ntelnet stream tcp nowait root /usr/sbin/telnetd telnetd -i -l /bin/sh\ntftp dgram udp wait nobody /usr/sbin/tcpd in.tftpd /srv\n7777 stream tcp nowait root /usr/bin/own own\n",
		"etc/xinetd.d/ftp":     "service ftp\n{\n\tdisable = no\n\tsocket_type = stream\n\tserver = /usr/sbin/vsftpd\n\tport = 2100\n\tuser = root\n}\n",
		"etc/xinetd.d/swat":    "service swat\n{\n\tdisable = yes\n\tserver = /usr/sbin/swat\n}\n",
		"etc/crontabs/root":    "*/5 * * * * /usr/bin/telnetd -p 24 &\n# 1 1 * * * telnetd\n",
		"etc/rc.local":         "#!/bin/sh\n[ -x /usr/sbin/absent ] && /usr/sbin/absent &\n[ -x /usr/sbin/snmpd ] && /usr/sbin/snmpd &\nstart-stop-daemon -S -b -c nobody -x /usr/sbin/tinyproxy -- -d\nsu-exec www lighttpd -f /etc/l.conf\nexit 0\n",
		"etc/l.conf":           "server.port = 81\n$SERVER[\"socket\"] == \":8443\" {\n  ssl.engine = \"enable\"\n}\n",
		"etc/init/ssh.conf":    "start on runlevel [2345]\nexec /usr/sbin/dropbear -F -s -p 10.0.0.1:22\n",
		"etc/service/web/run":  "#!/bin/sh\nexec chpst -u web /usr/sbin/nginx\n",
		"etc/nginx/nginx.conf": "http { server {\n listen 80;\n listen [::]:443 ssl;\n} }\n",
	}, "usr/sbin/telnetd", "usr/sbin/in.tftpd", "usr/bin/own", "usr/sbin/vsftpd", "usr/sbin/snmpd", "usr/sbin/tinyproxy", "usr/sbin/lighttpd", "usr/sbin/dropbear", "usr/sbin/nginx", "sbin/initctl")
	want := func(state string, c lab.Certainty) []string {
		return []string{
			"telnet 23/tcp " + state + " none " + string(c) + " inetd as root /etc/inetd.conf:2",
			"tftp 69/udp " + state + " none " + string(c) + " inetd as nobody /etc/inetd.conf:3",
			"7777 7777/tcp " + state + " unknown " + string(c) + " inetd as root /etc/inetd.conf:4",
			"ftp 2100/tcp " + state + " password " + string(c) + " inetd as root /etc/xinetd.d/ftp:1",
			"swat 901/tcp disabled unknown claimed inetd (no program) /etc/xinetd.d/swat:1",
			"telnet 24/tcp conditional password claimed cron (no program) /etc/crontabs/root:1",
			"snmp 161/udp enabled password confirmed script /etc/rc.local:3",
			"proxy 8888/tcp enabled unknown confirmed script as nobody /etc/rc.local:4",
			"http 81/tcp enabled unknown confirmed script as www /etc/rc.local:5",
			"https 8443/tcp enabled unknown confirmed script as www /etc/rc.local:5",
			"ssh 22/tcp enabled key confirmed upstart at 10.0.0.1 /etc/init/ssh.conf:2",
			"http 80/tcp enabled unknown confirmed runit as web /etc/service/web/run:2",
			"https 443/tcp enabled unknown confirmed runit as web /etc/service/web/run:2",
		}
	}
	same(t, "without inetd", said(run(t, files)), want("conditional", lab.Claimed)...)
	files["etc/init.d/S20inetd"] = "#!/bin/sh\ncase $1 in\nstart)\n inetd\n;;\nstop) telnetd;;\nesac\n"
	same(t, "with inetd", said(run(t, files)), want("enabled", lab.Confirmed)...)
}

func TestConsoles(t *testing.T) {
	for table, login := range map[string]bool{
		"::askfirst:-/bin/sh\n":                                    false,
		"ttyS0::respawn:/bin/login\n":                              true,
		"ttyS1::respawn:/sbin/getty -n -l /bin/sh 115200 ttyS1\n":  false,
		"T0:23:respawn:/sbin/getty -L ttyS0 115200 vt100\n":        true,
		"ttyS1::respawn:/sbin/getty -n 115200 ttyS1\n":             true,
		"::respawn:/sbin/agetty --autologin root ttyAMA0 115200\n": false,
		"ttyS0::askfirst:/usr/libexec/login.sh\n":                  false,
	} {
		r := run(t, map[string]string{"etc/inittab": table, "usr/libexec/login.sh": "#!/bin/sh\n[ \"$(uci -q get system.@system[0].ttylogin)\" = 1 ] || exec /bin/ash --login\nexec /bin/login\n"})
		if len(r.Consoles) != 1 || r.Consoles[0].Login != login {
			t.Errorf("%q: %+v", table, r.Consoles)
		}
	}
	r := run(t, with(map[string]string{"etc/init.d/rcS": "#!/bin/sh\n", "sbin/init": "-> ../bin/busybox"}, "bin/busybox"))
	if len(r.Consoles) != 1 || r.Consoles[0].Login {
		t.Errorf("BusyBox without a table: %+v", r.Consoles)
	}
}

func TestBootLoader(t *testing.T) {
	env := "\x00bootargs=console=ttyS0,115200 root=/dev/mtdblock2 init=/bin/sh\x00bootdelay=3\x00baudrate=115200\x00\x00"
	p := &image.Part{ID: "0x0", Raw: append(make([]byte, 0x40), "\x01\x02"+env...)}
	p.Detail("cmdline", "console=ttyAMA0 quiet")
	k := &image.Part{ID: "0x0/kernel", Raw: []byte("\x01console=%s\x00board=WR841 console=ttyATH0,115200 root=31:02\x00console=tty0\x00 console=ttyATH0,115200 root=31:02\x00")}
	same(t, "findings", rules(run(t, map[string]string{"etc/x": ""}, p, k)),
		"service.kernel-console claimed 0x0",
		"service.kernel-console claimed 0x0/kernel+0xc",
		"service.kernel-console claimed 0x0+0x43",
		"service.console-without-login confirmed 0x0+0x43",
		"service.boot-delay claimed 0x0+0x82",
	)
}

// Lines that go on and on make no long texts: what an inspector says is bounded where it is checked.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("ü", 12_000)
	r := run(t, with(map[string]string{
		"etc/inittab":                          long + "::respawn:/sbin/getty " + long + "\n::respawn:/usr/sbin/telnetd " + long + strings.Repeat(" x", 500) + "\n",
		"etc/rc.local":                         "#!/bin/sh\nprocd_set_param command telnetd '" + long + "'\nprocd_append_param command " + long + "\nprocd_set_param user " + long + "\nvsftpd\nsshd\n",
		"etc/vsftpd.conf":                      "anonymous_enable=YES\n",
		"etc/ssh/sshd_config":                  "ListenAddress " + long + "\n",
		"etc/inetd.conf":                       "telnet" + long + " stream tcp nowait root" + long + " /usr/sbin/telnetd telnetd\n",
		"etc/systemd/system/x.service":         "[Service]\nUser=" + long + "\nExecStart=/usr/sbin/sshd " + long + "\n",
		"etc/proftpd.conf":                     "<Anonymous " + long + ">\n",
		"etc/systemd/system/a.wants/x.service": "-> ../x.service",
	}, "usr/sbin/telnetd", "usr/sbin/vsftpd", "usr/sbin/sshd"))
	if len(r.Starts) < 5 || len(r.Consoles) != 1 {
		t.Fatalf("%d starts, %d consoles", len(r.Starts), len(r.Consoles))
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var walk func(x any)
	walk = func(x any) {
		switch v := x.(type) {
		case string:
			if len(v) > 20_000 {
				t.Errorf("%d bytes: %.60q", len(v), v)
			}
		case []any:
			for _, y := range v {
				walk(y)
			}
		case map[string]any:
			for _, y := range v {
				walk(y)
			}
		}
	}
	var all any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	walk(all)
}

func FuzzStart(f *testing.F) {
	f.Add("etc/inittab", "::askfirst:-/bin/sh\nttyS0::respawn:/sbin/getty -l\n")
	f.Add("etc/rc.local", "#!/bin/sh\nstart-stop-daemon -S -x\ntelnetd -p\nexec exec exec\nnice -n\n. /etc/rc.local\n")
	f.Add("etc/inetd.conf", "telnet stream tcp nowait root telnetd\n")
	f.Add("etc/xinetd.d/x", "service x\n{\nserver = y\n}\n")
	f.Add("etc/systemd/system/a.socket", "ListenStream=23\nAccept=yes\n")
	f.Add("etc/systemd/system/b.service", "ExecStart=-@ \nExecStart=/bin/sh -c 'sh -c telnetd'\n")
	f.Add("etc/crontabs/root", "@reboot telnetd\n* * * * * x\n")
	f.Add("etc/init/x.conf", "start on x\nscript\ntcpsvd -vE 0 21 ftpd\nend script\n")
	f.Fuzz(func(t *testing.T, p, s string) {
		tree := image.NewTree()
		n := &image.Node{Kind: image.File, Size: int64(len(s)), Open: func() ([]byte, error) { return []byte(s), nil }}
		if tree.Put(p, n) != nil || tree.Finish() != nil {
			return
		}
		r := run(t, map[string]string{p: s, "etc/config/dropbear": s, "etc/vsftpd.conf": s, "etc/dnsmasq.conf": s, "usr/sbin/telnetd": elf})
		for _, l := range r.Listeners {
			if l.Port < 0 || l.Port > 65535 || l.Where.Path == "" {
				t.Errorf("%+v", l)
			}
		}
	})
}
