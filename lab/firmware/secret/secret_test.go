package secret

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/lab"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/inspect/inspecttest"
)

func run(t testing.TB, files map[string]string) Result {
	t.Helper()
	i := New(Options{At: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
	inspecttest.Show(t, i, nil, inspecttest.System(t, files))
	return i.Result()
}

// said are findings in one line each, sorted: rule, certainty, path and line, then the properties asked for.
func said(fs []lab.Finding, names ...string) (all []string) {
	for _, f := range fs {
		s := f.Rule + " " + string(f.Certainty) + " " + strings.TrimPrefix(f.Where[0].String(), inspecttest.Part+":")
		for _, n := range names {
			if v := f.Get(n); v != "" {
				s += " " + v
			}
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// The passwords of stock firmware that common tools miss: md5crypt, with and without a
// salt, and empty ones.
func TestAccounts(t *testing.T) {
	sohoadmin := md5Crypt("sohoadmin", "$1$GTN.gpri$")
	fiveUp := md5Crypt("5up", "$1$$")
	r := run(t, map[string]string{
		"etc/passwd":            "root:x:0:0:root:/root:/bin/ash\ndaemon:*:1:1:daemon:/var:/bin/false\nsupport:x:0:0::/:/bin/sh\nftp:x:55:55:ftp:/home/ftp:/bin/false\n",
		"etc/shadow":            "root::0:0:99999:7:::\ndaemon:*:0:0:99999:7:::\nsupport:" + sohoadmin + ":0:0:99999:7:::\nftp:" + desCrypt("ftp", "zz") + ":0:0:99999:7:::\n",
		"etc_ro/shadow.default": "ap71:" + fiveUp + ":10933:0:99999:7:::\nlocked:!" + fiveUp + ":10933:0:99999:7:::\n",
		"etc_ro/passwd":         "admin:" + desCrypt("1234", "ab") + ":0:0:Administrator:/:/bin/sh\nnobody::99:99::/:/sbin/nologin\nguest::500:500:guest:/tmp:/bin/sh",
		"etc/group":             "root:x:0:\nadm:x:4:adm\n",
		"usr/share/doc/shadow":  "root::0:0:99999:7:::\n",
		"etc/samba/smbpasswd":   "admin:0:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:8846F7EAEE8FB117AD06BDD830B7586C:[U          ]:LCT-00000000:\n",
		"www/.htpasswd":         "web:" + md5Crypt("password", "$apr1$x$") + "\nold:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
		"etc/httpd.conf":        "A:*\nH:/www\n/:admin:secret12\n/cgi-bin:root:$1$$CoERg7ynjYLsj2j4glJ34.\n/x:user:$p$user\n",
		"etc/lighttpd/htdigest": "Mufasa:http-auth@example.org:3d78807defe7de2157e2b0b6573a855f\n",
		"lib/firmware/start.sh": "#!/bin/sh\necho 'root:" + md5Crypt("vizxv", "$1$soho$") + ":0:0:root:/root:/bin/sh' > /etc/passwd\n",
		"bin/daemon":            "\x7fELF\x01\x01\x00\x00" + "admin:" + md5Crypt("juantech", "$1$qq$") + "\x00$1$\x00",
		"etc/nsswitch.conf":     "passwd: files\nshadow: files\n",
		"etc/services":          "telnet 23/tcp\nsmtp:25:tcp\n",
		"etc/inittab":           "::sysinit:/etc/init.d/rcS\n::respawn:/sbin/getty 115200 ttyS0\n",
		"etc/fixed/shadow":      "operator:" + md5Crypt("nobody knows this one", "$1$ab$") + ":0:0:99999:7:::\n",
		"etc/fixed/passwd":      "operator:x:1000:1000::/home/operator:/bin/sh\n",
	})
	got := slices.DeleteFunc(said(r.Findings, "account", "password", "scheme"), func(s string) bool { return strings.HasPrefix(s, "credential.weak-hash") })
	same(t, got,
		"credential.empty-password confirmed /etc/shadow:1 root",
		"credential.known-password confirmed /etc/shadow:3 support sohoadmin md5crypt",
		"credential.second-root confirmed /etc/shadow:3 support",
		"credential.without-login confirmed /etc/shadow:4 ftp ftp descrypt",
		"credential.known-password confirmed /etc_ro/shadow.default:1 ap71 5up md5crypt",
		"credential.known-password confirmed /etc_ro/passwd:1 admin 1234 descrypt",
		"credential.second-root confirmed /etc_ro/passwd:1 admin",
		"credential.empty-password confirmed /etc_ro/passwd:3 guest",
		"credential.known-password confirmed /etc/samba/smbpasswd:1 admin password nt",
		"credential.known-password confirmed /www/.htpasswd:1 web password apr1",
		"credential.known-password confirmed /www/.htpasswd:2 old password sha1",
		"credential.known-password confirmed /etc/httpd.conf:3 admin secret12 plain",
		"credential.known-password confirmed /etc/httpd.conf:4 root admin md5crypt",
		"credential.fixed-password confirmed /etc/lighttpd/htdigest:1 Mufasa digest",
		"credential.known-password confirmed /lib/firmware/start.sh:2 root vizxv md5crypt",
		"credential.known-password confirmed /bin/daemon+0xe admin juantech md5crypt",
		"credential.fixed-password confirmed /etc/fixed/shadow:1 operator md5crypt",
	)
	weak := map[string]int{}
	for _, f := range r.Findings {
		if f.Rule == "credential.weak-hash" {
			weak[f.Get("account")]++
		}
		if f.Rule == "credential.empty-password" && f.Get("account") == "guest" && f.Severity != lab.High {
			t.Errorf("guest: %s", f.Severity)
		}
	}
	if weak["ap71"] != 1 || weak["locked"] != 0 || weak["Mufasa"] != 1 {
		t.Error(weak)
	}
}

// What was tried is said exactly.
func TestAttempts(t *testing.T) {
	r := run(t, map[string]string{
		"etc/shadow": "root:" + md5Crypt("admin", "$1$ab$") + ":0:0:99999:7:::\nfield:" + shaCrypt("none of the words", "$6$ab$") + ":0:0:99999:7:::\n",
	})
	if len(r.Attempts) != 2 || r.Words < 300 {
		t.Fatalf("%+v, %d words", r.Attempts, r.Words)
	}
	md5, sha := r.Attempts[0], r.Attempts[1]
	// Before admin stand the account's own name and that of the other account.
	if md5.Scheme != MD5Crypt || md5.Hashes != 1 || md5.Found != 1 || md5.Words != 3 || md5.Fewest != 0 {
		t.Errorf("%+v", md5)
	}
	if sha.Scheme != SHA512Crypt || sha.Found != 0 || sha.Words != sha.Fewest || sha.Words < 200 || sha.Words > r.Words {
		t.Errorf("%+v", sha)
	}
	none := New(Options{Work: -1})
	inspecttest.Show(t, none, nil, inspecttest.System(t, map[string]string{"etc/shadow": "root:" + md5Crypt("admin", "$1$ab$") + ":0:0:99999:7:::\n"}))
	if a := none.Result().Attempts; len(a) != 1 || a[0].Words != 0 {
		t.Errorf("%+v", a)
	}
}

// Words come out of the image, too.
func TestWordsOfTheImage(t *testing.T) {
	r := run(t, map[string]string{
		"etc/hostname":    "Windmill-7X\n",
		"www/index.html":  "<html><head><title>Kestrel Gateway</title></head></html>",
		"etc/shadow":      "a:" + md5Crypt("windmill7x", "$1$a$") + ":0:0:99999:7:::\nb:" + md5Crypt("kestrel123", "$1$b$") + ":0:0:99999:7:::\nnobby:" + md5Crypt("ybbon", "$1$c$") + ":0:0:99999:7:::\n",
		"etc/default.mac": "lan=00:00:00:00:00:00\nwan=00:1D:aa:42:7F:e1\nx=1:2",
		"etc_ro/shadow":   "m:" + md5Crypt("001daa427fe1", "$1$m$") + ":0:0:99999:7:::\nn:" + md5Crypt("427FE1", "$1$n$") + ":0:0:99999:7:::\n",
	})
	for n, a := range r.Accounts {
		if !a.Known {
			t.Errorf("%d: %s was not found in %d words", n, a.Name, r.Words)
		}
	}
}

func FuzzAccounts(f *testing.F) {
	for _, s := range []string{"root::0:0:99999:7:::\n", "root:x:0:0:root:/root:/bin/sh\n", "/:admin:admin\n", "a:0:" + strings.Repeat("X", 32) + ":" + strings.Repeat("0", 32) + ":[U]:\n", "u:r:" + strings.Repeat("0", 32)} {
		f.Add("etc/passwd", s)
		f.Add("etc/httpd.conf", s)
		f.Add("etc/smbpasswd", s)
		f.Add("x/.htpasswd", s)
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		if kind := fileKind(p, []byte(s)); kind != "" {
			for _, a := range readAccounts(kind, []byte(s), func(n int) lab.Place { return lab.Place{Line: n} }) {
				if a.Where.Line < 1 || a.Login == "" || a.Login == Open && a.Hash != "" {
					t.Errorf("%+v", a)
				}
			}
		}
	})
}

// Whatever a file holds, it is looked at without a panic, and what is found has a place.
func FuzzFile(f *testing.F) {
	for _, s := range []string{
		"\x7fELF\x01\x01\x01\x00telnetd -u a:b1\x00root\x00vizxv\x00", "root:$1$$CoERg7ynjYLsj2j4glJ34.:0:0:::::", "$y$j9T$a$b", "$2a$05$", "$6$rounds=1$",
		"AKIA", "ghp_", "eyJhbGciOiJIUzI1NiJ9.eyJ.x", ":AA", "<title>x</title>", "ssh-rsa AAAA", "AccountKey=",
	} {
		for _, p := range []string{"etc/x", "etc/passwd", "bin/x", "www/x.html", "root/.ssh/authorized_keys", "etc/init.d/x"} {
			f.Add(p, s)
		}
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		i := New(Options{Work: 1000})
		system := inspecttest.System(t, nil)
		i.File(inspect.NewFile(system, "/"+p, nil, []byte(s), [32]byte{}))
		i.Done([]*inspect.System{system}, nil)
		for _, x := range i.Result().Findings {
			if x.Where[0].Path == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}

// The same files give the same result, to the byte.
func TestTwice(t *testing.T) {
	files := map[string]string{
		"etc/passwd": "root:x:0:0::/:/bin/sh\nadmin:abOV.DfJmdnYw:0:0::/:/bin/sh\n", "etc/shadow": "root::0:0:99999:7:::\nb:" + md5Crypt("nobody", "$1$b$") + ":0:0:99999:7:::\n",
		"etc/a.conf": "user=admin\npassword=pa55w0rd\nsnmp_community=public\n", "etc/b.xml": "<password>zx81</password>\n", "etc/c.sh": "#!/bin/sh\necho a:b1c2 | chpasswd\n",
		"www/.htpasswd": "w:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", "bin/x": "\x7fELF\x01\x01\x01\x00root\x00vizxv\x00",
	}
	var before []byte
	for range 4 {
		b, err := json.Marshal(run(t, files))
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !bytes.Equal(b, before) {
			t.Fatalf("%s\nand\n%s", before, b)
		}
		before = b
	}
}

func TestHide(t *testing.T) {
	if Hide("short") != "*****" || Hide("0123456789abcdefXYZ") != "0123…fXYZ" {
		t.Error(Hide("0123456789abcdefXYZ"))
	}
}
