// Package tls finds out which versions, suites and certificates of TLS a port
// offers, the old ones too, which the standard library no longer speaks.
package tls

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"assay/lab"
	"assay/lab/device/probe"
)

// TLS is the probe.
type TLS struct{}

// maxSuites bounds how many suites of one version are counted out.
const maxSuites = 40

// Look asks for each version alone, and counts out the suites of each. It answers
// probe.ErrNot where the port speaks something else.
func (TLS) Look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	o := &probe.Observation{Protocol: "tls", TLS: true}
	seen := map[Version][]uint16{}
	var chain [][]byte
	spoke := false
	for i := len(versions) - 1; i >= 0; i-- {
		v := versions[i]
		left := offered(v)
		for len(seen[v]) < maxSuites && len(left) > 0 {
			a, err := ask(ctx, e, v, left, false)
			if ctx.Err() != nil {
				if chain == nil {
					return nil, context.Cause(ctx)
				}
				return finish(ctx, o, e, seen, chain), context.Cause(ctx) // what it took so long to say
			}
			if errors.Is(err, probe.ErrNot) {
				if !spoke {
					return nil, probe.ErrNot
				}
				break
			}
			if err != nil || a.version != v || !slices.Contains(left, a.suite) {
				spoke = spoke || a != nil && a.version != 0
				break
			}
			spoke = true
			seen[v] = append(seen[v], a.suite)
			left = slices.DeleteFunc(left, func(s uint16) bool { return s == a.suite })
			if len(a.chain) > 0 {
				chain = a.chain
			}
			if a.dhBits > 0 && a.dhBits < 2048 {
				o.Findings = append(o.Findings, lab.Found("tls.weak-dh", lab.Confirmed, e.Place(), "bits", fmt.Sprint(a.dhBits)))
			}
		}
		// A port that said nothing to the newest and the most common is asked no more.
		if v == TLS12 && !spoke {
			if old, err := ask(ctx, e, TLS10, offered(TLS10), false); err != nil || old.version == 0 {
				if three, err := ask(ctx, e, SSL3, offered(SSL3), false); err != nil || three.version == 0 {
					return nil, probe.ErrNot
				}
			}
			spoke = true
		}
	}
	if len(seen) == 0 {
		return nil, probe.ErrNot
	}
	return finish(ctx, o, e, seen, chain), ctx.Err()
}

// finish says what the answers mean, with what is asked once of a port that speaks TLS.
func finish(ctx context.Context, o *probe.Observation, e *probe.Env, seen map[Version][]uint16, chain [][]byte) *probe.Observation {
	o.Looked = append(o.Looked, lab.Say("tls.looked", len(versions), len(suites)))
	o.NotLooked = append(o.NotLooked, lab.Say("tls.not-looked"))
	judge(o, e, seen)
	if a, err := ask(ctx, e, newest(seen, TLS12), offered(TLS12), true); err == nil && a.compression != 0 {
		o.Findings = append(o.Findings, lab.Found("tls.compression", lab.Confirmed, e.Place()))
	}
	chain13, wants := whole(ctx, e)
	if len(chain) == 0 { // with TLS 1.3 alone: its certificate is encrypted
		chain = chain13
	}
	o.Detail("client-certificate", wants)
	if wants == required {
		o.Auth = probe.AuthRequired
	}
	certificates(o, e, chain)
	return o
}

// newest is the newest version up to most that was seen.
func newest(seen map[Version][]uint16, most Version) Version {
	best := SSL3
	for v := range seen {
		if v <= most && v > best {
			best = v
		}
	}
	return best
}

// judge says what is wrong with versions and suites.
func judge(o *probe.Observation, e *probe.Env, seen map[Version][]uint16) {
	at := e.Place()
	var said []string
	weak := map[string][]string{}
	secrecy := false
	for _, v := range versions {
		ids := seen[v]
		if len(ids) == 0 {
			continue
		}
		said = append(said, v.String())
		names := make([]string, len(ids))
		for i, id := range ids {
			s := suiteOf(id)
			names[i] = s.name()
			if rule := s.weakness(); rule != "" && !slices.Contains(weak[rule], s.name()) {
				weak[rule] = append(weak[rule], s.name())
			}
			secrecy = secrecy || s.exchange == "ECDHE" || s.exchange == "DHE" || s.exchange == "TLS13"
		}
		o.Detail("suites", v.String()+": "+strings.Join(names, ", "))
		switch v {
		case SSL3:
			o.Findings = append(o.Findings, lab.Found("tls.ssl3", lab.Confirmed, at, "version", v.String()))
		case TLS10, TLS11:
			o.Findings = append(o.Findings, lab.Found("tls.old-version", lab.Confirmed, at, "version", v.String()))
		}
	}
	o.Details = append([]lab.Property{lab.Known("version", strings.Join(said, ", "))}, o.Details...)
	for _, rule := range []string{"tls.no-encryption", "tls.anonymous", "tls.broken-cipher", "tls.weak-cipher"} {
		if names := weak[rule]; len(names) > 0 {
			o.Findings = append(o.Findings, lab.Found(rule, lab.Confirmed, at, "suites", strings.Join(names, ", ")))
		}
	}
	if len(seen[TLS12]) == 0 && len(seen[TLS13]) == 0 {
		o.Findings = append(o.Findings, lab.Found("tls.no-modern-version", lab.Confirmed, at, "version", strings.Join(said, ", ")))
	}
	if !secrecy {
		o.Findings = append(o.Findings, lab.Found("tls.no-forward-secrecy", lab.Confirmed, at))
	}
}

// weakness is the rule that a suite falls under, "" for none. RC4: RFC 7465. DES, 3DES
// and IDEA: RFC 5469, RFC 8429, Sweet32. Export: RFC 4346.
func (s suite) weakness() string {
	switch {
	case s.cipher == "NULL":
		return "tls.no-encryption"
	case s.exchange == "ANON":
		return "tls.anonymous"
	case s.export, strings.HasPrefix(s.cipher, "RC4"), strings.HasPrefix(s.cipher, "RC2"), strings.HasPrefix(s.cipher, "DES"):
		return "tls.broken-cipher"
	case strings.HasPrefix(s.cipher, "3DES"), strings.HasPrefix(s.cipher, "IDEA"), s.mac == "MD5":
		return "tls.weak-cipher"
	}
	return ""
}

// What a server wants of its client's certificate.
const (
	asked    = "asked for"
	required = "required"
)

// whole makes one whole handshake without a certificate of ours: the certificates of a
// server that speaks TLS 1.3 only, and whether it wants one of its client.
func whole(ctx context.Context, e *probe.Env) (chain [][]byte, wants string) {
	s, err := e.Link.Dial(ctx, e.Port, "tls handshake")
	if err != nil {
		return nil, ""
	}
	defer s.Close()
	defer s.CloseOn(ctx)()
	conf := config(e.Host)
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		wants = asked
		return &tls.Certificate{}, nil
	}
	conf.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		chain = raw
		return nil
	}
	t := tls.Client(s, conf)
	err = t.HandshakeContext(ctx)
	if wants == "" {
		return chain, ""
	}
	// Up to TLS 1.2 the handshake fails; in TLS 1.3 it is over for us before the server has
	// judged (RFC 8446, 4.4.2.4), so its alert is read.
	if err == nil {
		_, err = t.Read(make([]byte, 1))
	}
	var alert tls.AlertError
	var op *net.OpError
	if errors.As(err, &alert) || errors.As(err, &op) && op.Op == "remote error" {
		wants = required
	}
	return chain, wants
}

// Secure opens TLS over a connection, with whatever the server has: what is wrong
// with it was found by Look, and it is not judged twice.
func (TLS) Secure(ctx context.Context, c net.Conn, host string) (net.Conn, error) {
	t := tls.Client(c, config(host))
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return t, nil
}

// config takes what a server has, the old too.
func config(host string) *tls.Config {
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	if isName(host) {
		conf.ServerName = host
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		conf.CipherSuites = append(conf.CipherSuites, s.ID)
	}
	return conf
}

// certificates says what is wrong with a chain.
func certificates(o *probe.Observation, e *probe.Env, chain [][]byte) {
	for i, der := range chain {
		sum := sha256.Sum256(der)
		print := hex.EncodeToString(sum[:])
		c, err := x509.ParseCertificate(der)
		if err != nil {
			o.Findings = append(o.Findings, lab.Found("tls.unreadable-certificate", lab.Confirmed, e.Place(), "fingerprint", print, "problem", err.Error()))
			continue
		}
		what, bits := key(c)
		if i == 0 {
			o.Tell("certificate", c.Subject.String())
			for _, n := range c.DNSNames[:min(len(c.DNSNames), 20)] {
				o.Tell("name", n)
			}
			o.Detail("certificate", fmt.Sprintf("%s %d, %s, %s – %s, SHA-256 %s", what, bits, c.SignatureAlgorithm, c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly), print))
			if e.At.After(c.NotAfter) || e.At.Before(c.NotBefore) {
				o.Findings = append(o.Findings, lab.Found("tls.certificate-not-valid", lab.Confirmed, e.Place(), "fingerprint", print, "valid", c.NotBefore.UTC().Format(time.DateOnly)+" – "+c.NotAfter.UTC().Format(time.DateOnly)))
			}
		}
		if what == "RSA" && bits < 2048 || what == "DSA" || what == "ECDSA" && bits < 224 {
			o.Findings = append(o.Findings, lab.Found("tls.weak-key", lab.Confirmed, e.Place(), "algorithm", what, "bits", fmt.Sprint(bits), "fingerprint", print))
		}
		root := c.Subject.String() == c.Issuer.String() && i > 0 // nobody relies on a root's own signature
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if !root {
				o.Findings = append(o.Findings, lab.Found("tls.weak-signature", lab.Confirmed, e.Place(), "algorithm", c.SignatureAlgorithm.String(), "fingerprint", print))
			}
		}
	}
}

func key(c *x509.Certificate) (what string, bits int) {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA", k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return "Ed25519", 256
	}
	if c.PublicKeyAlgorithm == x509.DSA {
		return "DSA", 0
	}
	return c.PublicKeyAlgorithm.String(), 0
}
