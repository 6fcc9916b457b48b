package secret

import (
	"os/exec"
	"strings"
	"testing"

	"assay/lab/labtest"
)

// Hashes that other programs made: libxcrypt through perl, openssl, htpasswd.
var known = []struct {
	scheme         Scheme
	password, hash string
	user, realm    string
}{
	{DESCrypt, "admin", "abOV.DfJmdnYw", "", ""},
	{MD5Crypt, "admin", "$1$$CoERg7ynjYLsj2j4glJ34.", "", ""},
	{SHA512Crypt, "a", "$6$rounds=1000$ab$pH9NrVOL0TsWVTwIsERtoDA4KGRST7iElxHdzYlv/7kFsSbdAYpDolZo0lKEk6Fy/6qd4OKBdkihSYcXYWb/E0", "", ""},
	{BSDiCrypt, "a", "_J9..rasmWuvos8B/9gQ", "", ""},
	{NT, "password", "8846f7eaee8fb117ad06bdd830b7586c", "", ""},
	{SHA1, "password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "", ""},
	{Digest, "Circle of Life", "3d78807defe7de2157e2b0b6573a855f", "Mufasa", "http-auth@example.org"},
}

func TestKnownHashes(t *testing.T) {
	for _, k := range known {
		if !matches(k.scheme, k.hash, k.user, k.realm, k.password) {
			t.Errorf("%s: %q does not match", k.scheme, k.password)
		}
		if matches(k.scheme, k.hash, k.user, k.realm, k.password+"x") || k.password != "a" && matches(k.scheme, k.hash, k.user, k.realm, k.password[1:]) {
			t.Errorf("%s: another password matches", k.scheme)
		}
		if got := Recognize(k.hash); got != k.scheme && k.scheme != NT && k.scheme != Digest {
			t.Errorf("%s is taken for %q", k.hash, got)
		}
	}
}

// perl's crypt is that of the system's C library.
func TestCryptAgainstPerl(t *testing.T) {
	perl := labtest.Tool(t, "perl")
	passwords := []string{"", "a", "5up", "sohoadmin", "password", "longer than eight", strings.Repeat("0123456789", 4), "Z\x7f!", "sixteen-letters!", strings.Repeat("x", 33), strings.Repeat("y", 65), strings.Repeat("z", 129)}
	settings := []string{"ab", "..", "zZ", "9/", "_J9..rasm", "_/.../...", "_12..zzzz", "$1$$", "$1$saltsalt$", "$1$x$", "$5$$", "$5$saltstring$", "$5$rounds=1234$saltstringsaltst$", "$6$saltstring$", "$6$rounds=1000$x$", "$2a$04$......................", "$y$j75$....1234567890$"}
	for _, s := range settings {
		for _, p := range passwords {
			if strings.HasPrefix(s, "$2") && len(p) > 72 {
				continue // bcrypt looks at no more, and the library refuses it
			}
			out, err := exec.Command(perl, "-e", "print crypt($ARGV[0], $ARGV[1])", p, s).Output()
			if err != nil {
				t.Fatal(err)
			}
			h := string(out)
			if strings.HasPrefix(h, "*") {
				t.Fatalf("perl knows no %s", s)
			}
			scheme := Recognize(h)
			if scheme == "" {
				t.Errorf("%s is not recognized", h)
				continue
			}
			if !matches(scheme, h, "", "", p) {
				t.Errorf("%s: %q does not match %s", scheme, p, h)
			}
			if p != "" && matches(scheme, h, "", "", "-"+p) {
				t.Errorf("%s: another password matches %s", scheme, h)
			}
		}
	}
}

func TestAPR1AgainstOpenSSL(t *testing.T) {
	openssl := labtest.Tool(t, "openssl")
	for _, p := range []string{"a", "admin", "longer than sixteen letters"} {
		out, err := exec.Command(openssl, "passwd", "-apr1", "-salt", "r31.....", p).Output()
		if err != nil {
			t.Fatal(err)
		}
		h := strings.TrimSpace(string(out))
		if Recognize(h) != APR1 || !matches(APR1, h, "", "", p) {
			t.Errorf("%q does not match %s", p, h)
		}
	}
}

func TestNoHash(t *testing.T) {
	for _, h := range []string{"", "*", "!", "x", "$1$", "$1$salt$", "$1$salt$short", "$1$toolongsalt$" + strings.Repeat("a", 22), "$6$rounds=x$a$" + strings.Repeat("a", 86), "usr/sbin/logi", "$2a$99$" + strings.Repeat("a", 53), "{SHA}x", "$y$", "$y$j9T$a$b", "$y$", "abcdefghijkl:"} {
		if s := Recognize(h); s != "" {
			t.Errorf("%q is taken for %s", h, s)
		}
	}
}

func FuzzHash(f *testing.F) {
	for _, k := range known {
		f.Add(k.hash, k.password)
	}
	f.Add("$y$j75$....1234567890$x", "a")
	f.Add("_zzzz....", "")
	f.Fuzz(func(t *testing.T, h, p string) {
		if s := Recognize(h); s != "" && cost(s, h) < 20_000 {
			matches(s, h, "u", "r", p)
		}
	})
}

func BenchmarkWord(b *testing.B) {
	for _, h := range []string{"abOV.DfJmdnYw", "_J9..rasmWuvos8B/9gQ", "$1$$CoERg7ynjYLsj2j4glJ34.", "$5$x$" + strings.Repeat(".", 43), "$6$x$" + strings.Repeat(".", 86), "$2a$05$" + strings.Repeat(".", 53), "$y$j9T$....1234567890$" + strings.Repeat(".", 43)} {
		s := Recognize(h)
		b.Run(string(s), func(b *testing.B) {
			for b.Loop() {
				matches(s, h, "", "", "sohoadmin")
			}
			b.ReportMetric(float64(cost(s, h)), "µs-planned")
		})
	}
}
