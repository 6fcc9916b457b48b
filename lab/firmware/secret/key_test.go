package secret

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/lab/labtest"
)

// made runs a program in a folder, with "<dir>" put in.
func made(t *testing.T, dir string, command ...string) {
	t.Helper()
	labtest.Tool(t, command[0])
	c := exec.Command(command[0], command[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GNUPGHOME="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

// Keys that OpenSSL, OpenSSH and GnuPG make are read, and tell the same of themselves whatever
// they are packed in.
func TestKeysOfOthers(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []string{
		"openssl genrsa -traditional -out rsa.pem 2048",
		"openssl pkcs8 -topk8 -nocrypt -in rsa.pem -out pkcs8.pem",
		"openssl rsa -in rsa.pem -outform DER -out rsa.der",
		"openssl rsa -in rsa.pem -aes128 -traditional -passout pass:vizxv -out guessed.pem",
		"openssl rsa -in rsa.pem -aes128 -traditional -passout pass:nobody-knows-this -out locked.pem",
		"openssl pkcs8 -topk8 -in rsa.pem -passout pass:x1y2z3w4 -out locked8.pem",
		"openssl req -new -x509 -key rsa.pem -subj /CN=device -days 36500 -out cert.pem",
		"openssl pkcs12 -export -legacy -inkey rsa.pem -in cert.pem -passout pass:admin -out device.p12",
		"openssl ecparam -genkey -name prime256v1 -noout -out ec.pem",
		"openssl ecparam -genkey -name secp256k1 -noout -out k1.pem",
		"openssl dsaparam -genkey -out dsa.pem 1024",
		"openssl genrsa -traditional -out short.pem 1024",
		"openssl genpkey -algorithm ed25519 -out ed.pem",
		"ssh-keygen -q -t ed25519 -N  -f id_ed25519",
		"ssh-keygen -q -t rsa -b 2048 -N secret -f id_rsa",
		"gpg --batch --quiet --passphrase  --quick-generate-key maker@example.org rsa2048",
	} {
		made(t, dir, strings.Split(c, " ")...)
	}
	armored := exec.Command("gpg", "--batch", "--armor", "--export-secret-keys", "maker@example.org")
	armored.Env = append(os.Environ(), "GNUPGHOME="+dir)
	pgp, err := armored.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"root/maker.asc": string(pgp)}
	for _, name := range []string{"rsa.pem", "pkcs8.pem", "rsa.der", "guessed.pem", "locked.pem", "locked8.pem", "cert.pem", "device.p12", "ec.pem", "k1.pem", "dsa.pem", "short.pem", "ed.pem", "id_ed25519", "id_rsa"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files["etc/keys/"+name] = string(b)
	}
	der := files["etc/keys/rsa.der"]
	files["usr/sbin/updater"] = "\x7fELF\x01\x01\x01\x00 bytes " + der + " more bytes"
	files["usr/lib/libmbedcrypto.so.3"] = "\x7fELF\x01\x01\x01\x00\x00" + files["etc/keys/rsa.pem"]
	// Texts that only look like keys: Dropbear and others carry the first line, documents a body of no key.
	files["usr/sbin/dropbear"] = "\x7fELF\x01\x01\x01\x00-----BEGIN RSA PRIVATE KEY-----\x00-----END RSA PRIVATE KEY-----\x00"
	files["etc/template.pem"] = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"
	files["etc/broken.pem"] = strings.Replace(files["etc/keys/rsa.pem"], "\n", "\nAAAA", 3)
	files["etc/key.js"] = "var k = \"" + strings.ReplaceAll(files["etc/keys/rsa.pem"], "\n", `\n`) + "\";\n"
	r := run(t, files)

	print := ""
	for _, k := range r.Keys {
		if strings.HasSuffix(k.Where.Path, "/rsa.pem") {
			print = k.Fingerprint
		}
	}
	if len(print) != 64 {
		t.Fatalf("no fingerprint of rsa.pem: %+v", r.Keys)
	}
	var got []string
	for _, k := range r.Keys {
		s := k.Where.Path + " " + k.Container + " " + k.Algorithm
		if k.Locked {
			s += " locked"
		}
		if k.Password != "" {
			s += " opened by " + k.Password
		}
		if k.Fingerprint == print {
			s += " same"
		}
		if k.Certificate != "" {
			s += " of " + k.Certificate
		}
		got = append(got, s)
	}
	slices.Sort(got)
	same(t, got,
		"/etc/key.js pem RSA same of CN=device",
		"/etc/keys/rsa.pem pem RSA same of CN=device", "/etc/keys/pkcs8.pem pem RSA same of CN=device", "/etc/keys/rsa.der der RSA same of CN=device",
		"/etc/keys/guessed.pem pem RSA opened by vizxv same of CN=device", "/etc/keys/locked.pem pem RSA locked", "/etc/keys/locked8.pem pem  locked",
		"/etc/keys/device.p12 pkcs12 RSA opened by admin same of CN=device", "/etc/keys/ec.pem pem ECDSA P-256", "/etc/keys/k1.pem pem EC 1.3.132.0.10",
		"/etc/keys/dsa.pem pem DSA", "/etc/keys/short.pem pem RSA", "/etc/keys/ed.pem pem Ed25519", "/etc/keys/id_ed25519 openssh Ed25519", "/etc/keys/id_rsa openssh ssh-rsa locked",
		"/root/maker.asc pgp RSA", "/usr/sbin/updater der RSA same of CN=device", "/usr/lib/libmbedcrypto.so.3 pem RSA same of CN=device",
	)
	rules := map[string]int{}
	for _, f := range r.Findings {
		rules[f.Rule]++
		for _, p := range f.Known {
			if strings.Contains(p.Value, "PRIVATE KEY") || len(p.Value) > 100 {
				t.Errorf("%s tells too much: %s", f.Rule, p.Value)
			}
		}
	}
	if rules["secret.private-key"] != 14 || rules["secret.locked-key"] != 3 || rules["secret.library-test-key"] != 1 || rules["secret.weak-key"] != 2 {
		t.Error(rules)
	}
}

func TestDropbearKeys(t *testing.T) {
	labtest.Tool(t, "dropbearkey")
	dir := t.TempDir()
	files := map[string]string{}
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		p := filepath.Join(dir, kind)
		made(t, dir, "dropbearkey", "-t", kind, "-f", p)
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files["etc/dropbear/dropbear_"+kind+"_host_key"] = string(b)
		b[len(b)/2] ^= 1
		files["etc/broken/"+kind] = string(b)
	}
	r := run(t, files)
	var got []string
	for _, k := range r.Keys {
		got = append(got, k.Where.Path+" "+k.Container+" "+k.Algorithm+" "+k.Use)
		if len(k.Fingerprint) != 64 {
			t.Errorf("%+v", k)
		}
	}
	same(t, got,
		"/etc/dropbear/dropbear_rsa_host_key dropbear RSA ssh-host",
		"/etc/dropbear/dropbear_ecdsa_host_key dropbear ECDSA P-256 ssh-host",
		"/etc/dropbear/dropbear_ed25519_host_key dropbear Ed25519 ssh-host",
	)
}

func TestPuTTY(t *testing.T) {
	const public = "AAAAC3NzaC1lZDI1NTE5AAAAIJpD0RMEpbOzCLSKCm3ZQRZyb4rnnJWFpS9sNZHJ3yV0"
	text := "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\nComment: c\r\nPublic-Lines: 2\r\n" + public[:64] + "\r\n" + public[64:] + "\r\nPrivate-Lines: 1\r\nAAAAIJpD0RMEpbOzCLSKCm3ZQRZyb4rnnJWFpS9sNZHJ3yV0\r\nPrivate-MAC: 00\r\n"
	k, err := parsePuTTY([]byte(text))
	if err != nil || k.Locked || k.Algorithm != "ssh-ed25519" || len(k.Fingerprint) != 64 {
		t.Errorf("%+v %v", k, err)
	}
	if _, err := parsePuTTY([]byte(text[:200])); err == nil {
		t.Error("half a key")
	}
}

func TestCertificates(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert := func(name string, until int) string {
		c := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(until, 1, 1, 0, 0, 0, 0, time.UTC)}
		der, err := x509.CreateCertificate(rand.Reader, &c, &c, small.Public(), small)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	store := strings.Repeat(cert("root", 2040), 9) + cert("old root", 2015)
	r := run(t, map[string]string{"etc/a.crt": cert("a", 2040), "etc/b.crt": "text before\n" + cert("b", 2020), "etc/ssl/bundle.crt": store, "etc/no.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})
	same(t, said(r.Findings, "subject", "until", "count", "expired"),
		"secret.certificate-expired confirmed /etc/b.crt:2 CN=b 2020-01-01",
		"secret.trust-store confirmed /etc/ssl/bundle.crt 10 1",
	)
	if len(r.Certificates) != 12 {
		t.Error(len(r.Certificates))
	}
}

func TestTokens(t *testing.T) {
	body := "tK9vXq2LmN8pRs4TuW6yZa1BcD3eFg"
	good := "ghp_" + body + sumOf(body)
	r := run(t, map[string]string{
		"etc/a.conf": "token " + good + "\nother ghp_" + body + "000000\nAKIAIOSFODNN7EXAMPLE\n",
		"etc/b.conf": "HostName=x.azure-devices.net;DeviceId=d;SharedAccessKey=q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n",
		"etc/c.js":   "t='eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJjbG91ZCIsInJvbGUiOiJkZXZpY2UifQ.c2lnbmF0dXJlLW9mLXRoaXM'\nu='eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P'\n",
	})
	same(t, said(r.Findings, "kind"),
		"secret.token confirmed /etc/a.conf:1 github",
		"secret.token confirmed /etc/b.conf:1 azure-iot",
		"secret.token confirmed /etc/c.js:1 jwt",
	)
	for _, f := range r.Findings {
		if strings.Contains(f.Get("text"), body) {
			t.Error("a whole token is told")
		}
	}
}

// sumOf finds the checksum of a token's body by trying what sumFits takes.
func sumOf(body string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	n := new(big.Int)
	h := crc(body)
	n.SetUint64(uint64(h))
	out := []byte("000000")
	for i := 5; i >= 0; i-- {
		var m big.Int
		n.DivMod(n, big.NewInt(62), &m)
		out[i] = digits[m.Int64()]
	}
	return string(out)
}

// crc is CRC-32 bit by bit.
func crc(s string) uint32 {
	c := ^uint32(0)
	for i := range len(s) {
		c ^= uint32(s[i])
		for range 8 {
			c = c>>1 ^ 0xedb88320&-(c&1)
		}
	}
	return ^c
}

func FuzzKeys(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		f.Fatal(err)
	}
	der := x509.MarshalPKCS1PrivateKey(key)
	f.Add(der)
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}))
	f.Add(append([]byte("\x00\x00\x00\x07ssh-rsa\x00\x00\x00\x03\x01\x00\x01"), bytes.Repeat([]byte{0}, 40)...))
	f.Add([]byte("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBGAAAAABCADAAAAAAAAAAAAAAAAAAAA=\n=abcd\n-----END"))
	f.Add([]byte("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\nAAAA\n"))
	f.Add([]byte("0\x82\x00\x05\x02\x01\x03"))
	f.Add([]byte("\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01" + strings.Repeat("x", 30)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := run(t, map[string]string{"etc/file": string(b)})
		for _, k := range r.Keys {
			if k.Container == "" {
				t.Errorf("%+v", k)
			}
		}
	})
}
