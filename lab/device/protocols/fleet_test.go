package protocols

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/lab"
	"assay/lab/device"
	"assay/lab/device/probe"
	"assay/lab/device/probe/tls"
	"assay/lab/device/scan"
	"assay/lab/device/wire"
	"assay/lab/labtest"
)

// twin is one service of Debian, set up well or badly.
type twin struct {
	name string
	udp  bool
	root bool // runs as root only
	// start gives the command for a folder and a port.
	start func(t *testing.T, dir string, port int) *exec.Cmd
	// finds are rules that must find something, and lacks none of whose prefix may.
	finds, lacks []string
	tells        string // about certificates of clients
	protocol     string
	product      string // as claimed; "" where it claims none
	auth         probe.Auth
	consent      probe.Consent
	with         []probe.Credential
}

func TestFleet(t *testing.T) {
	for _, w := range fleet {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			if w.root && os.Getuid() != 0 {
				labtest.Lack(t, "root")
			}
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			port := free(t, w.udp)
			run(t, w.start(t, dir, port), port, w.udp)
			r := observe(t, port, w)
			if len(r.Services) != 1 {
				t.Fatalf("%d services", len(r.Services))
			}
			s := &r.Services[0]
			if s.Is.Protocol != w.protocol || s.Is.Auth != w.auth || s.Is.Product != w.product {
				t.Errorf("%s, auth %q, product %q; want %s, %q, %q: %+v %s", s.Is.Protocol, s.Is.Auth, s.Is.Product, w.protocol, w.auth, w.product, s.Is, s.Problem)
			}
			if w.tells != "" && !slices.Contains(s.TLS.Details, lab.Known("client-certificate", w.tells)) {
				t.Errorf("client certificate: %+v", s.TLS.Details)
			}
			var rules []string
			for _, f := range r.Findings {
				rules = append(rules, f.Rule)
			}
			for _, want := range w.finds {
				if !slices.Contains(rules, want) {
					t.Errorf("%s did not find: %v; told %v; details %v; %s", want, rules, s.Is.Told, s.Is.Details, s.Problem)
				}
			}
			for _, f := range r.Findings {
				if slices.ContainsFunc(w.lacks, func(p string) bool { return strings.HasPrefix(f.Rule, p) }) {
					t.Errorf("found %s: %+v", f.Rule, f.Known)
				}
			}
		})
	}
}

func observe(t *testing.T, port int, w twin) *device.Result {
	t.Helper()
	// The probes of UDP are tried at their usual ports; this one is where it is.
	probes := All()
	for i := range probes {
		if w.udp && probes[i].Name == w.protocol {
			probes[i].Usual = append(probes[i].Usual, uint16(port))
		}
	}
	o := device.Options{
		Name: "127.0.0.1", Addr: netip.MustParseAddr("127.0.0.1"), Probes: probes, TLS: tls.TLS{}, Consent: w.consent, Candidates: w.with,
		Link: wire.Options{Rate: 10_000, Timeout: 1200 * time.Millisecond}, Guess: device.GuessLimits{Tries: 8},
	}
	if w.udp {
		o.UDP = scan.Ports{uint16(port)}
	} else {
		o.TCP = scan.Ports{uint16(port)}
	}
	r, err := device.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if w.udp && len(r.Services) == 0 {
		t.Fatalf("silent: %v", r.Counts)
	}
	return r
}

// free is a port that nobody has now.
func free(t *testing.T, udp bool) int {
	t.Helper()
	if udp {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// run starts a service, waits until it answers, and ends it with the test.
func run(t *testing.T, cmd *exec.Cmd, port int, udp bool) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for range 200 {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", cmd.Path, err, said.String())
		case <-time.After(25 * time.Millisecond):
		}
		if udp {
			if bound(t, port) {
				return
			}
			continue
		}
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("%s does not answer\n%s", cmd.Path, said.String())
}

// bound reports whether some process has a port of UDP.
func bound(t *testing.T, port int) bool {
	b, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Skip("no list of ports here")
	}
	return bytes.Contains(b, fmt.Appendf(nil, ":%04X ", port))
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func tool(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(labtest.Tool(t, name), args...)
}

func must(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
}

func certificate(t *testing.T, dir string, args ...string) (key, cert string) {
	t.Helper()
	key, cert = filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	must(t, tool(t, "openssl", append([]string{"req", "-x509", "-nodes", "-subj", "/CN=SPECIMEN", "-days", "30", "-keyout", key, "-out", cert}, args...)...))
	return key, cert
}

// ended is a certificate that was valid until yesterday.
func ended(t *testing.T, dir string) (key, cert string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "SPECIMEN"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, -1)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return write(t, dir, "key.pem", text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k))), write(t, dir, "cert.pem", text("CERTIFICATE", der))
}

func busybox(t *testing.T) string {
	return filepath.Join(labtest.Unpacked(t, "busybox-static:amd64"), "bin/busybox")
}

func nginx(conf func(t *testing.T, dir string, port int) string) func(*testing.T, string, int) *exec.Cmd {
	return func(t *testing.T, dir string, port int) *exec.Cmd {
		write(t, dir, "www/index.html", "<title>SPECIMEN</title>")
		c := write(t, dir, "n.conf", fmt.Sprintf("user root; daemon off; pid %[1]s/pid; error_log stderr; events {}\nhttp { access_log off; client_body_temp_path %[1]s/t; proxy_temp_path %[1]s/t; fastcgi_temp_path %[1]s/t; uwsgi_temp_path %[1]s/t; scgi_temp_path %[1]s/t;\n%[2]s }", dir, conf(t, dir, port)))
		return tool(t, "nginx", "-p", dir, "-c", c)
	}
}

var medium = []string{"device.clear", "device.no-", "device.default", "device.empty", "device.tells-version", "tls.", "ssh.broken", "ssh.weak", "ftp.", "mqtt.", "telnet.", "snmp."}

var fleet = []twin{
	{
		name: "nginx weak", protocol: "http", product: "nginx",
		start: nginx(func(t *testing.T, dir string, port int) string {
			k, c := certificate(t, dir, "-newkey", "rsa:1024", "-sha1")
			return fmt.Sprintf(`server { listen 127.0.0.1:%d ssl; root %s/www; ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers "ALL:@SECLEVEL=0"; }`, port, dir, c, k)
		}),
		finds: []string{"tls.old-version", "tls.anonymous", "tls.weak-key", "tls.weak-signature", "device.tells-version"},
	},
	{
		name: "nginx strong", protocol: "http", product: "",
		start: nginx(func(t *testing.T, dir string, port int) string {
			k, c := certificate(t, dir, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-sha256")
			return fmt.Sprintf(`server { server_tokens off; listen 127.0.0.1:%d ssl; root %s/www; ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20; }`, port, dir, c, k)
		}),
		lacks: medium,
	},
	{
		name: "nginx with old ciphers", protocol: "http", product: "",
		start: nginx(func(t *testing.T, dir string, port int) string {
			k, c := certificate(t, dir, "-newkey", "rsa:2048")
			must(t, tool(t, "openssl", "dhparam", "-dsaparam", "-out", filepath.Join(dir, "dh.pem"), "1024"))
			return fmt.Sprintf(`server { server_tokens off; listen 127.0.0.1:%d ssl; root %s/www; ssl_certificate %s; ssl_certificate_key %s; ssl_dhparam %s/dh.pem; ssl_protocols TLSv1; ssl_ciphers "NULL-SHA:DHE-RSA-AES128-SHA:AES128-SHA:@SECLEVEL=0"; }`, port, dir, c, k, dir)
		}),
		finds: []string{"tls.old-version", "tls.no-modern-version", "tls.no-encryption", "tls.weak-dh"}, lacks: []string{"tls.no-forward-secrecy", "tls.weak-key"},
	},
	{
		name: "nginx with an ended certificate and no forward secrecy", protocol: "http", product: "",
		start: nginx(func(t *testing.T, dir string, port int) string {
			k, c := ended(t, dir)
			return fmt.Sprintf(`server { server_tokens off; listen 127.0.0.1:%d ssl; root %s/www; ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2; ssl_ciphers AES128-SHA:AES256-SHA; }`, port, dir, c, k)
		}),
		finds: []string{"tls.certificate-not-valid", "tls.no-forward-secrecy"}, lacks: []string{"tls.old", "tls.weak-key", "tls.no-encryption"},
	},
	{
		name: "nginx with a cookie that scripts read, and a listing", protocol: "http", product: "",
		start: nginx(func(t *testing.T, dir string, port int) string {
			write(t, dir, "files/config.bin", "x")
			return fmt.Sprintf(`server { server_tokens off; listen 127.0.0.1:%d; root %s/files; autoindex on; add_header Set-Cookie "session=1; Path=/"; }`, port, dir)
		}),
		finds: []string{"http.cookie", "http.listing"},
	},
	{
		name: "nginx with a cookie that they do not", protocol: "http", product: "",
		start: nginx(func(t *testing.T, dir string, port int) string {
			return fmt.Sprintf(`server { server_tokens off; listen 127.0.0.1:%d; root %s/www; add_header Set-Cookie "session=1; Path=/; HttpOnly; SameSite=Strict"; }`, port, dir)
		}),
		lacks: []string{"http."},
	},
	{
		name: "nginx that only redirects", protocol: "http", product: "",
		start: nginx(func(t *testing.T, dir string, port int) string {
			return fmt.Sprintf(`server { server_tokens off; listen 127.0.0.1:%d; return 301 https://$host; }`, port)
		}),
		lacks: medium,
	},
	{
		name: "busybox httpd with a default password in clear", protocol: "http", product: "", auth: probe.AuthRequired,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			write(t, dir, "www/index.html", "<title>SPECIMEN</title>")
			c := write(t, dir, "httpd.conf", "/:admin:admin\n")
			return exec.Command(busybox(t), "httpd", "-f", "-p", fmt.Sprintf("127.0.0.1:%d", port), "-h", filepath.Join(dir, "www"), "-c", c)
		},
		consent: probe.Consent{SignIn: true, Guess: true}, with: device.Defaults(),
		finds: []string{"device.clear-text", "device.default-credential", "device.no-guessing-limit"},
	},
	{
		name: "lighttpd that tells its version", protocol: "http", product: "lighttpd",
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			write(t, dir, "www/index.html", "Serial Number: SPL0042X9 00:11:22:33:44:55")
			return tool(t, "lighttpd", "-D", "-f", write(t, dir, "l.conf", fmt.Sprintf("server.port=%d\nserver.bind=\"127.0.0.1\"\nserver.document-root=\"%s/www\"\nindex-file.names=(\"index.html\")\nserver.tag=\"lighttpd/1.4.35\"\n", port, dir)))
		},
		finds: []string{"device.tells-version", "device.tells-identity"},
	},
	{
		name: "lighttpd that tells nothing", protocol: "http", product: "",
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			write(t, dir, "www/index.html", "hello")
			return tool(t, "lighttpd", "-D", "-f", write(t, dir, "l.conf", fmt.Sprintf("server.port=%d\nserver.bind=\"127.0.0.1\"\nserver.document-root=\"%s/www\"\nindex-file.names=(\"index.html\")\nserver.tag=\"\"\n", port, dir)))
		},
		lacks: medium,
	},
	{
		name: "dropbear with a short key", protocol: "ssh", product: "dropbear", auth: probe.AuthRequired, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			key := filepath.Join(dir, "rsa")
			must(t, tool(t, "dropbearkey", "-t", "rsa", "-s", "1024", "-f", key))
			return tool(t, "dropbear", "-F", "-E", "-r", key, "-p", fmt.Sprintf("127.0.0.1:%d", port), "-P", filepath.Join(dir, "pid"))
		},
		finds: []string{"ssh.weak-host-key", "device.tells-version"},
	},
	{
		name: "dropbear that offers a key it has not", protocol: "ssh", product: "dropbear", auth: probe.AuthRequired, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			key := filepath.Join(dir, "ed25519")
			must(t, tool(t, "dropbearkey", "-t", "ed25519", "-f", key))
			return tool(t, "dropbear", "-F", "-E", "-r", key, "-p", fmt.Sprintf("127.0.0.1:%d", port), "-P", filepath.Join(dir, "pid"))
		},
		finds: []string{"ssh.outdated-algorithm"}, lacks: []string{"ssh.weak-host-key", "device.no-"},
	},
	{
		name: "openssh with two keys, one of them short", protocol: "ssh", product: "OpenSSH", auth: probe.AuthRequired, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
				t.Fatal(err)
			}
			must(t, tool(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "e")))
			must(t, tool(t, "ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", filepath.Join(dir, "r")))
			return tool(t, "sshd", "-D", "-e", "-f", "/dev/null", "-o", fmt.Sprintf("ListenAddress=127.0.0.1:%d", port), "-o", "HostKey="+filepath.Join(dir, "e"), "-o", "HostKey="+filepath.Join(dir, "r"), "-o", "PidFile=none",
				"-o", "UsePAM=no", "-o", "RequiredRSASize=1024", "-o", "Ciphers=aes128-ctr,3des-cbc")
		},
		finds: []string{"ssh.weak-host-key", "ssh.broken-algorithm"}, lacks: []string{"device.no-"},
	},
	{
		name: "openssh with keys only", protocol: "ssh", product: "OpenSSH", auth: probe.AuthRequired, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			key := filepath.Join(dir, "hk")
			must(t, tool(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key))
			if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
				t.Fatal(err)
			}
			return tool(t, "sshd", "-D", "-e", "-f", "/dev/null", "-o", fmt.Sprintf("ListenAddress=127.0.0.1:%d", port), "-o", "HostKey="+key, "-o", "PidFile=none",
				"-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no", "-o", "UsePAM=no")
		},
		consent: probe.Consent{SignIn: true}, with: device.Defaults(),
		lacks: []string{"ssh.broken", "ssh.weak", "device.default", "device.empty", "device.no-"},
	},
	{
		name: "telnetd with a shell", protocol: "telnet", product: "", auth: probe.AuthNone, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			sh := write(t, dir, "sh", "#!/bin/sh\nprintf '# '\nread x\n")
			_ = os.Chmod(sh, 0o755)
			return exec.Command(busybox(t), "telnetd", "-F", "-b", fmt.Sprintf("127.0.0.1:%d", port), "-l", sh)
		},
		finds: []string{"telnet.offered", "device.no-authentication"},
	},
	{
		name: "telnetd with a back door", protocol: "telnet", product: "", auth: probe.AuthRequired, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			return exec.Command(busybox(t), "telnetd", "-F", "-b", fmt.Sprintf("127.0.0.1:%d", port), "-l", login(t, dir, "Alphanetworks", "wrgn80_specimen"))
		},
		consent: probe.Consent{SignIn: true}, with: append(device.Defaults()[:6], probe.Credential{User: "Alphanetworks", Password: "wrgn80_specimen", From: "firmware"}),
		finds: []string{"telnet.offered", "device.clear-text", "device.firmware-credential"}, lacks: []string{"device.default", "device.empty"},
	},
	{
		name: "telnetd with a password nobody knows", protocol: "telnet", product: "", auth: probe.AuthRequired, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			return exec.Command(busybox(t), "telnetd", "-F", "-b", fmt.Sprintf("127.0.0.1:%d", port), "-l", login(t, dir, "root", "x7$Q-specimen-9z"))
		},
		consent: probe.Consent{SignIn: true}, with: device.Defaults()[:6],
		finds: []string{"telnet.offered"}, lacks: []string{"device.default", "device.empty", "device.firmware", "device.no-authentication"},
	},
	{
		name: "vsftpd that lets anybody in", protocol: "ftp", product: "vsFTPd", auth: probe.AuthAnonymous, root: true,
		start: vsftpd("anonymous_enable=YES\n"),
		finds: []string{"ftp.anonymous", "device.clear-text", "device.tells-version"},
	},
	{
		name: "vsftpd with TLS only", protocol: "ftp", product: "", auth: probe.AuthRequired, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			k, c := certificate(t, dir, "-newkey", "rsa:2048")
			return vsftpd(fmt.Sprintf("anonymous_enable=NO\nlocal_enable=YES\nssl_enable=YES\nforce_local_logins_ssl=YES\nrsa_cert_file=%s\nrsa_private_key_file=%s\nftpd_banner=welcome\n", c, k))(t, dir, port)
		},
		lacks: []string{"ftp.anonymous", "device.clear-text", "device.tells-version"},
	},
	{
		name: "mosquitto for anybody", protocol: "mqtt", product: "mosquitto", auth: probe.AuthNone,
		start: mosquitto(func(t *testing.T, dir string, port int) string {
			return fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\n", port)
		}),
		finds: []string{"device.no-authentication", "device.clear-text"},
	},
	{
		name: "mosquitto that lets anybody in and shows nothing", protocol: "mqtt", product: "", auth: probe.AuthNone,
		start: mosquitto(func(t *testing.T, dir string, port int) string {
			acl := write(t, dir, "acl", "topic write in/box\n")
			return fmt.Sprintf("user root\nlistener %d 127.0.0.1\nallow_anonymous true\nacl_file %s\n", port, acl)
		}),
		finds: []string{"device.clear-text", "mqtt.anonymous"}, lacks: []string{"device.no-authentication"},
	},
	{
		name: "mosquitto with TLS and a password", protocol: "mqtt", product: "", auth: probe.AuthRequired,
		start: mosquitto(func(t *testing.T, dir string, port int) string {
			k, c := certificate(t, dir, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
			_ = os.Chmod(k, 0o644)
			must(t, tool(t, "mosquitto_passwd", "-b", "-c", filepath.Join(dir, "pw"), "gate", "s3cret-specimen"))
			_ = os.Chmod(filepath.Join(dir, "pw"), 0o644)
			return fmt.Sprintf("user root\nlistener %d 127.0.0.1\nallow_anonymous false\npassword_file %s/pw\ncertfile %s\nkeyfile %s\n", port, dir, c, k)
		}),
		consent: probe.Consent{SignIn: true}, with: device.Defaults()[:6],
		lacks: medium,
	},
	{
		name: "mosquitto for known certificates only", protocol: "", product: "", auth: probe.AuthRequired,
		start: mosquitto(func(t *testing.T, dir string, port int) string {
			k, c := certificate(t, dir, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
			_ = os.Chmod(k, 0o644)
			return fmt.Sprintf("user root\nlistener %d 127.0.0.1\nallow_anonymous true\ncafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\n", port, c, c, k)
		}),
		tells: "required", lacks: medium,
	},
	{
		name: "nginx that asks for a certificate", protocol: "http", product: "",
		start: nginx(func(t *testing.T, dir string, port int) string {
			k, c := certificate(t, dir, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-sha256")
			return fmt.Sprintf(`server { server_tokens off; listen 127.0.0.1:%d ssl; root %s/www; ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM; ssl_client_certificate %s; ssl_verify_client optional; }`, port, dir, c, k, c)
		}),
		tells: "asked for", lacks: medium,
	},
	{
		name: "dnsmasq over TCP", protocol: "dns", product: "dnsmasq",
		start: dnsmasq(), finds: []string{"device.tells-version"},
	},
	{
		name: "dnsmasq that tells its version", protocol: "dns", product: "dnsmasq", udp: true,
		start: dnsmasq(), finds: []string{"device.tells-version"},
	},
	{
		name: "dnsmasq that does not", protocol: "dns", product: "", udp: true,
		start: dnsmasq("--no-ident"), lacks: []string{"device."},
	},
	{
		name: "snmpd that anybody reads and writes", protocol: "snmp", product: "", udp: true, auth: probe.AuthNone,
		start:   snmpd("rwcommunity public\nsysLocation here\n"),
		consent: probe.Consent{Write: true},
		finds:   []string{"snmp.community"},
	},
	{
		name: "snmpd that anybody reads", protocol: "snmp", product: "", udp: true, auth: probe.AuthNone,
		start:   snmpd("rocommunity public\nsysLocation here\n"),
		consent: probe.Consent{Write: true},
		finds:   []string{"snmp.community"}, lacks: []string{"snmp.write"},
	},
	{
		name: "tftpd", protocol: "tftp", product: "", udp: true, auth: probe.AuthNone, root: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			write(t, dir, "config.bin", "secret")
			return tool(t, "in.tftpd", "--foreground", "--address", fmt.Sprintf("127.0.0.1:%d", port), "--secure", "--user", "root", dir)
		},
		finds: []string{"tftp.offered", "device.no-authentication"},
	},
	{
		name: "coap-server", protocol: "coap", product: "", udp: true, auth: probe.AuthNone,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			return tool(t, "coap-server-notls", "-A", "127.0.0.1", "-p", fmt.Sprint(port))
		},
		finds: []string{"coap.open-resources"},
	},
	{
		name: "coap-server with DTLS", protocol: "coaps", product: "", udp: true,
		start: func(t *testing.T, dir string, port int) *exec.Cmd {
			return tool(t, "coap-server-openssl", "-A", "127.0.0.1", "-p", fmt.Sprint(port-1), "-k", "specimen") // DTLS is one above
		},
		lacks: medium,
	},
}

// login is a program that asks as login(1) does.
func login(t *testing.T, dir, user, password string) string {
	p := write(t, dir, "login", fmt.Sprintf("#!/bin/sh\nprintf 'SPECIMEN\\nlogin: '; read u\nprintf 'Password: '; read p\nif [ \"$u\" = '%s' ] && [ \"$p\" = '%s' ]; then printf '\\n# '; read x; else sleep 0.1; printf '\\nLogin incorrect\\n'; fi\n", user, password))
	_ = os.Chmod(p, 0o755)
	return p
}

func vsftpd(conf string) func(*testing.T, string, int) *exec.Cmd {
	return func(t *testing.T, dir string, port int) *exec.Cmd {
		root := filepath.Join(dir, "empty")
		if err := os.MkdirAll(root, 0o755); err != nil {
			t.Fatal(err)
		}
		return tool(t, "vsftpd", write(t, dir, "v.conf", fmt.Sprintf("background=NO\nlisten=YES\nlisten_address=127.0.0.1\nlisten_port=%d\nsecure_chroot_dir=%s\nanon_root=%s\nseccomp_sandbox=NO\n%s", port, root, root, conf)))
	}
}

func mosquitto(conf func(*testing.T, string, int) string) func(*testing.T, string, int) *exec.Cmd {
	return func(t *testing.T, dir string, port int) *exec.Cmd {
		return tool(t, "mosquitto", "-c", write(t, dir, "m.conf", conf(t, dir, port)))
	}
}

func dnsmasq(more ...string) func(*testing.T, string, int) *exec.Cmd {
	return func(t *testing.T, dir string, port int) *exec.Cmd {
		return tool(t, "dnsmasq", append([]string{"-k", "-C", "/dev/null", "--listen-address=127.0.0.1", "--bind-interfaces", fmt.Sprintf("--port=%d", port), "--no-resolv", "--no-hosts", "--pid-file=" + filepath.Join(dir, "pid")}, more...)...)
	}
}

func snmpd(conf string) func(*testing.T, string, int) *exec.Cmd {
	return func(t *testing.T, dir string, port int) *exec.Cmd {
		cmd := tool(t, "snmpd", "-f", "-Lo", "-C", "-c", write(t, dir, "s.conf", conf), "-p", filepath.Join(dir, "pid"), fmt.Sprintf("udp:127.0.0.1:%d", port))
		cmd.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir)
		return cmd
	}
}
