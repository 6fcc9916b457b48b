// Package ssh observes SSH: its greeting, the algorithms it offers, its host
// keys, and the ways of signing in.
package ssh

import (
	"context"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{
	Name: "ssh", Transport: wire.TCP, Usual: []uint16{22, 2222},
	Greets: func(g []byte) bool { return strings.HasPrefix(string(g), "SSH-") },
	Look:   look, SignIn: signIn,
}

// offer is what a server proposes (RFC 4253, 7.1).
type offer struct {
	kex, hostKey, cipher, mac, compression []string
}

// maxPacket bounds the first packet.
const maxPacket = 64 << 10

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	banner, off, err := hello(ctx, e)
	if err != nil {
		return nil, err
	}
	o := &probe.Observation{Protocol: "ssh"}
	o.Looked = append(o.Looked, lab.Say("ssh.looked"))
	o.NotLooked = append(o.NotLooked, lab.Say("ssh.not-looked"))
	o.Tell("greeting", banner)
	version, software, _ := strings.Cut(strings.TrimPrefix(banner, "SSH-"), "-")
	software, _, _ = strings.Cut(software, " ")
	o.Detail("version", version)
	if name, v, ok := strings.Cut(software, "_"); ok && v != "" {
		o.Product, o.Version = name, v
		o.Findings = append(o.Findings, lab.Found("device.tells-version", lab.Claimed, e.Place(), "service", "ssh", "text", banner))
	} else {
		o.Product = software
	}
	if version != "2.0" {
		o.Findings = append(o.Findings, lab.Found("ssh.version-1", lab.Confirmed, e.Place(), "version", version))
	}
	if off == nil {
		return o, errors.New("the server offers no algorithms of SSH 2")
	}
	algorithms(o, e, off)
	err = ways(ctx, e, o)
	rsaKey(ctx, e, o, off)
	return o, err
}

// hello reads the greeting and the first packet; off is nil where there is none
// of SSH 2.
func hello(ctx context.Context, e *probe.Env) (banner string, off *offer, err error) {
	c, err := e.Dial(ctx, "ssh algorithms")
	if err != nil {
		return "", nil, err
	}
	defer c.Close()
	banner, err = line(c)
	if err != nil {
		return "", nil, err
	}
	if _, err := io.WriteString(c, "SSH-2.0-assay_lab\r\n"); err != nil {
		return banner, nil, nil
	}
	off, err = readOffer(c)
	if err != nil {
		return banner, nil, nil
	}
	return banner, off, nil
}

// line reads the identification string, which others may precede (RFC 4253, 4.2).
func line(r io.Reader) (string, error) {
	for range 20 {
		var b []byte
		for len(b) < 1024 {
			var one [1]byte
			if _, err := io.ReadFull(r, one[:]); err != nil {
				return "", errors.Join(probe.ErrNot, err)
			}
			if one[0] == '\n' {
				break
			}
			b = append(b, one[0])
		}
		if s := strings.TrimRight(string(b), "\r"); strings.HasPrefix(s, "SSH-") {
			return s, nil
		}
	}
	return "", probe.ErrNot
}

func readOffer(r io.Reader) (*offer, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	pad := uint32(head[4])
	if n > maxPacket || n < pad+18 {
		return nil, fmt.Errorf("a packet of %d bytes", n)
	}
	b := make([]byte, n-1)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	b = b[:len(b)-int(pad)]
	if len(b) < 17 || b[0] != 20 { // SSH_MSG_KEXINIT
		return nil, errors.New("the first packet has no algorithms")
	}
	b = b[17:]
	var lists [10][]string
	for i := range lists {
		if len(b) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := binary.BigEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return nil, io.ErrUnexpectedEOF
		}
		if n > 0 {
			lists[i] = strings.Split(string(b[4:4+n]), ",")
		}
		b = b[4+n:]
	}
	return &offer{lists[0], lists[1], lists[3], lists[5], lists[7]}, nil
}

// weak are algorithms by what is wrong with them. OpenSSH and RFC 9142 (key exchange),
// RFC 8332 (ssh-rsa), RFC 8758 (RC4), NIST SP 800-131A Rev. 2.
var weak = map[string][]string{
	"ssh.broken-algorithm": {
		"diffie-hellman-group1-sha1", "ssh-dss", "arcfour", "arcfour128", "arcfour256", "des-cbc", "3des-cbc", "blowfish-cbc", "cast128-cbc", "idea-cbc", "none",
		"hmac-md5", "hmac-md5-96", "hmac-md5-etm@openssh.com", "hmac-md5-96-etm@openssh.com", "hmac-ripemd160", "hmac-ripemd160@openssh.com",
	},
	"ssh.outdated-algorithm": {
		"diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1", "ssh-rsa", "hmac-sha1-96", "hmac-sha1-96-etm@openssh.com",
		"aes128-cbc", "aes192-cbc", "aes256-cbc", "rijndael-cbc@lysator.liu.se", "twofish128-cbc", "twofish256-cbc", "twofish-cbc",
	},
}

func algorithms(o *probe.Observation, e *probe.Env, off *offer) {
	all := []string{}
	for _, l := range []struct {
		name string
		algs []string
	}{{"key-exchange", off.kex}, {"host-key", off.hostKey}, {"cipher", off.cipher}, {"mac", off.mac}} {
		o.Detail(l.name, strings.Join(l.algs, ", "))
		all = append(all, l.algs...)
	}
	for _, rule := range []string{"ssh.broken-algorithm", "ssh.outdated-algorithm"} {
		bad := slices.DeleteFunc(slices.Clone(all), func(a string) bool { return !slices.Contains(weak[rule], a) })
		slices.Sort(bad)
		if bad = slices.Compact(bad); len(bad) > 0 {
			o.Findings = append(o.Findings, lab.Found(rule, lab.Confirmed, e.Place(), "algorithm", strings.Join(bad, ", ")))
		}
	}
}

// errStop ends a sign-in before anything secret is sent.
var errStop = errors.New("far enough")

// ways finds the host key and the ways of signing in.
func ways(ctx context.Context, e *probe.Env, o *probe.Observation) error {
	offered := map[string]bool{}
	conf := config()
	conf.HostKeyCallback = func(_ string, _ net.Addr, k ssh.PublicKey) error {
		hostKey(o, e, k)
		return nil
	}
	conf.Auth = []ssh.AuthMethod{
		ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { offered["publickey"] = true; return nil, nil }),
		ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) {
			offered["keyboard-interactive"] = true
			return nil, errStop
		}),
		ssh.PasswordCallback(func() (string, error) { offered["password"] = true; return "", errStop }),
	}
	err := dial(ctx, e, conf, "ssh ways of signing in")
	if !offered["password"] { // the first that stops hides those behind it
		conf.Auth = []ssh.AuthMethod{ssh.PasswordCallback(func() (string, error) { offered["password"] = true; return "", errStop })}
		conf.HostKeyCallback = ssh.InsecureIgnoreHostKey()
		if again := dial(ctx, e, conf, "ssh password"); err == nil {
			err = again
		}
	}
	var names []string
	for n := range offered {
		names = append(names, n)
	}
	slices.Sort(names)
	o.Detail("sign-in", strings.Join(names, ", "))
	switch {
	case len(names) > 0:
		o.Auth = probe.AuthRequired
		return nil
	case err == nil:
		o.Auth = probe.AuthNone
		o.Findings = append(o.Findings, lab.Found("device.no-authentication", lab.Confirmed, e.Place(), "service", "ssh"))
		return nil
	}
	return fmt.Errorf("no way of signing in was seen: %w", err)
}

// rsaKey looks at the RSA key of a server that has another, too: it may be a short one.
// A server that offers RSA and has no such key, as dropbear does, is not asked for
// it in ways, where that would end the connection.
func rsaKey(ctx context.Context, e *probe.Env, o *probe.Observation, off *offer) {
	algorithms := slices.DeleteFunc(config().HostKeyAlgorithms, func(a string) bool { return !isRSA(a) })
	offered := slices.ContainsFunc(off.hostKey, func(a string) bool { return slices.Contains(algorithms, a) })
	seen := slices.ContainsFunc(o.Details, func(p lab.Property) bool {
		return p.Name == "fingerprint" && strings.HasPrefix(p.Value, ssh.KeyAlgoRSA+" ")
	})
	if !offered || seen {
		return
	}
	conf := config()
	conf.HostKeyAlgorithms = algorithms
	conf.HostKeyCallback = func(_ string, _ net.Addr, k ssh.PublicKey) error {
		hostKey(o, e, k)
		return errStop
	}
	_ = dial(ctx, e, conf, "ssh RSA key")
}

func isRSA(algorithm string) bool { return strings.Contains(algorithm, "rsa") }

func hostKey(o *probe.Observation, e *probe.Env, k ssh.PublicKey) {
	print := ssh.FingerprintSHA256(k)
	o.Detail("fingerprint", k.Type()+" "+print)
	if c, ok := k.(ssh.CryptoPublicKey); ok {
		if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() < 2048 {
			o.Findings = append(o.Findings, lab.Found("ssh.weak-host-key", lab.Confirmed, e.Place(), "algorithm", "RSA", "bits", fmt.Sprint(r.N.BitLen()), "fingerprint", print))
		}
	}
}

// config takes whatever a device has, the old too: it is observed, not trusted.
func config() *ssh.ClientConfig {
	c := &ssh.ClientConfig{User: "root", ClientVersion: "SSH-2.0-assay_lab"}
	s, i := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	c.KeyExchanges = append(s.KeyExchanges, i.KeyExchanges...)
	c.Ciphers = append(s.Ciphers, i.Ciphers...)
	c.MACs = append(s.MACs, i.MACs...)
	c.HostKeyAlgorithms = append(s.HostKeys, i.HostKeys...)
	slices.SortStableFunc(c.HostKeyAlgorithms, func(a, b string) int { // RSA last
		switch {
		case isRSA(a) == isRSA(b):
			return 0
		case isRSA(b):
			return -1
		}
		return 1
	})
	return c
}

// dial signs in and out again. It runs no command and opens no channel.
func dial(ctx context.Context, e *probe.Env, conf *ssh.ClientConfig, purpose string) error {
	c, err := e.Dial(ctx, purpose)
	if err != nil {
		return err
	}
	defer c.Close()
	conn, chans, reqs, err := ssh.NewClientConn(c, e.Host, conf)
	if err != nil {
		return err
	}
	go ssh.DiscardRequests(reqs)
	go func() {
		for ch := range chans {
			_ = ch.Reject(ssh.Prohibited, "")
		}
	}()
	return conn.Close()
}

func signIn(ctx context.Context, e *probe.Env, c probe.Credential) (probe.Outcome, error) {
	conf := config()
	conf.User, conf.HostKeyCallback = c.User, ssh.InsecureIgnoreHostKey()
	sent := false
	conf.Auth = []ssh.AuthMethod{
		ssh.PasswordCallback(func() (string, error) { sent = true; return c.Password, nil }),
		ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
			sent = sent || len(questions) > 0
			out := make([]string, len(questions))
			for i := range out {
				out[i] = c.Password
			}
			return out, nil
		}),
	}
	err := dial(ctx, e, conf, "ssh sign-in")
	switch {
	case err == nil:
		return probe.Accepted, nil
	case strings.Contains(err.Error(), "unable to authenticate"):
		if !sent {
			return probe.NotOffered, nil
		}
		return probe.Refused, nil
	case sent: // thrown out in the middle: some do that to what they refuse
		return probe.Refused, nil
	}
	return 0, err
}
