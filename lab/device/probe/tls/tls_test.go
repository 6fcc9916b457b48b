package tls

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
	"assay/lab/labtest"
)

func env(t *testing.T, addr net.Addr) *probe.Env {
	t.Helper()
	l, err := wire.New(netip.MustParseAddr("127.0.0.1"), wire.Options{Rate: 10_000, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return &probe.Env{Link: l, Port: wire.Port{Transport: wire.TCP, Number: uint16(addr.(*net.TCPAddr).Port)}, Host: "device.test", At: time.Now()}
}

func rules(o *probe.Observation) (ids []string) {
	for _, f := range o.Findings {
		ids = append(ids, f.Rule)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Our own messages against Go's server, in several configurations.
func TestGo(t *testing.T) {
	good, bad := pair(t, 256, x509.ECDSAWithSHA256), pair(t, 1024, x509.SHA1WithRSA)
	for _, c := range []struct {
		name string
		conf *tls.Config
		want string
	}{
		{"modern", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{good}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, ""},
		{"only 1.3", &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{good}}, ""},
		{"old", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, Certificates: []tls.Certificate{good}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, "tls.no-modern-version tls.old-version"},
		{"weak", &tls.Config{MaxVersion: tls.VersionTLS12, MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{bad}, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}, "tls.broken-cipher tls.no-forward-secrecy tls.weak-cipher tls.weak-key tls.weak-signature"},
	} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", c.conf)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() { defer conn.Close(); _ = conn.(*tls.Conn).Handshake() }()
			}
		}()
		o, err := TLS{}.Look(t.Context(), env(t, l.Addr()))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := strings.Join(rules(o), " "); got != c.want {
			t.Errorf("%s: %s, not %s", c.name, got, c.want)
		}
		if !slices.ContainsFunc(o.Details, func(p lab.Property) bool { return p.Name == "certificate" }) {
			t.Errorf("%s: no certificate: %+v", c.name, o.Details)
		}
		l.Close()
	}
}

func pair(t *testing.T, bits int, alg x509.SignatureAlgorithm) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "SPECIMEN device"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), SignatureAlgorithm: alg}
	if bits == 256 {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}
	}
	// The library refuses to sign with SHA-1 and such keys: openssl makes them.
	dir := t.TempDir()
	out, err := exec.Command(labtest.Tool(t, "openssl"), "req", "-x509", "-newkey", "rsa:1024", "-sha1", "-nodes", "-subj", "/CN=SPECIMEN weak",
		"-keyout", filepath.Join(dir, "k"), "-out", filepath.Join(dir, "c"), "-days", "30").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "c"), filepath.Join(dir, "k"))
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := cert.PrivateKey.(*rsa.PrivateKey); !ok || k.N.BitLen() != 1024 {
		t.Fatal("not the key that was asked for")
	}
	return cert
}

func TestNotTLS(t *testing.T) {
	for name, says := range map[string]string{"silent": "", "http": "HTTP/1.1 400 Bad Request\r\n\r\n", "zeros": strings.Repeat("\x00", 100)} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					b := make([]byte, 1000)
					c.Read(b)
					c.Write([]byte(says))
				}()
			}
		}()
		if o, err := (TLS{}).Look(t.Context(), env(t, l.Addr())); !errors.Is(err, probe.ErrNot) {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
		l.Close()
	}
}

// A server that ends in the middle of everything is refused, and never more.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + strings.Repeat("r", 32) + "\x00\xc0\x2f\x00"))
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readAnswer(bytes.NewReader(b))
		if err == nil && (a == nil || len(a.chain) > maxChain) {
			t.Error("neither an answer nor an error")
		}
	})
}

func TestSuites(t *testing.T) {
	seen := map[uint16]bool{}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if suiteOf(s.ID).exchange == "unknown" {
			t.Errorf("%s is missing", s.Name)
		}
	}
	for _, s := range suites {
		if seen[s.id] {
			t.Errorf("%s is there twice", s.name())
		}
		seen[s.id] = true
	}
	if len(suites) < 90 {
		t.Error(len(suites))
	}
	if got := suiteOf(0xc018).weakness() + suiteOf(0xc02f).weakness() + suiteOf(5).weakness(); got != "tls.anonymoustls.broken-cipher" {
		t.Error(got)
	}
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (TLS{}).Look(ctx, env(t, &net.TCPAddr{Port: 9})); err == nil {
		t.Error("looked after the end")
	}
}
