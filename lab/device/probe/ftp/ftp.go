// Package ftp observes FTP (RFC 959): what it says, whether it lets anybody in,
// and whether it offers TLS (RFC 4217).
package ftp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{
	Name: "ftp", Transport: wire.TCP, Usual: []uint16{21, 2121},
	Greets: func(g []byte) bool { return greets.Match(g) && !strings.Contains(strings.ToUpper(string(g)), "SMTP") },
	Look:   look, SignIn: signIn,
}

var (
	greets  = regexp.MustCompile(`^(220|421|530)[ -]`)
	release = regexp.MustCompile(`\(?\b([A-Za-z][\w-]*(?:FTPd?|ftpd?|FTP Server|d))\s+v?(\d[\w.-]*)`)
	locked  = regexp.MustCompile(`(?i)^(421|53[03]).*(too many|locked|wait|limit)`)
)

// control is a control connection.
type control struct {
	c net.Conn
	b *bufio.Reader
}

func dial(ctx context.Context, e *probe.Env, purpose string) (*control, string, error) {
	c, err := e.Dial(ctx, purpose)
	if err != nil {
		return nil, "", err
	}
	k := &control{c, bufio.NewReader(io.LimitReader(c, 64<<10))}
	greeting, err := k.reply()
	if err != nil || !greets.MatchString(greeting) {
		c.Close()
		return nil, "", probe.ErrNot
	}
	return k, greeting, nil
}

// reply reads one, of several lines (RFC 959, 4.2).
func (k *control) reply() (string, error) {
	var all strings.Builder
	code := ""
	for range 100 {
		l, err := k.b.ReadString('\n')
		if err != nil {
			return all.String(), err
		}
		all.WriteString(l)
		if len(l) >= 4 && code == "" {
			code = l[:3]
		}
		if len(l) >= 4 && l[:3] == code && l[3] == ' ' {
			return strings.TrimSpace(all.String()), nil
		}
	}
	return all.String(), fmt.Errorf("a reply of more than 100 lines")
}

func (k *control) ask(command string) (string, error) {
	if _, err := io.WriteString(k.c, command+"\r\n"); err != nil {
		return "", err
	}
	return k.reply()
}

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	k, greeting, err := dial(ctx, e, "ftp greeting")
	if err != nil {
		return nil, err
	}
	defer k.c.Close()
	o := &probe.Observation{Protocol: "ftp"}
	o.Looked = append(o.Looked, lab.Say("ftp.looked"))
	o.Tell("greeting", greeting)
	if m := release.FindStringSubmatch(greeting); m != nil {
		o.Product, o.Version = m[1], m[2]
		o.Findings = append(o.Findings, lab.Found("device.tells-version", lab.Claimed, e.Place(), "service", "ftp", "text", m[0]))
	}
	secure := e.Secure != nil
	if !secure {
		if r, err := k.ask("FEAT"); err == nil {
			secure = strings.Contains(strings.ToUpper(r), "AUTH TLS")
			o.Detail("offered", r)
		}
	}
	r, err := k.ask("USER anonymous")
	if err != nil {
		return o, err
	}
	if strings.HasPrefix(r, "331") {
		r, err = k.ask("PASS assay-lab@invalid")
	}
	switch {
	case err == nil && strings.HasPrefix(r, "230"):
		o.Auth = probe.AuthAnonymous
		o.Findings = append(o.Findings, lab.Found("ftp.anonymous", lab.Confirmed, e.Place()))
		writable(ctx, e, k, o)
	case err == nil && strings.HasPrefix(r, "530") && strings.Contains(strings.ToUpper(r), "TLS"), strings.HasPrefix(r, "522"):
		o.Auth, secure = probe.AuthRequired, true
		o.Detail("transport", "TLS required")
	default:
		o.Auth = probe.AuthRequired
	}
	if !secure && e.Secure == nil {
		o.Findings = append(o.Findings, lab.Found("device.clear-text", lab.Confirmed, e.Place(), "service", "ftp"))
	}
	_, _ = k.ask("QUIT")
	return o, nil
}

// writable tries, with consent, whether anybody may create a folder, and takes it
// away again.
func writable(ctx context.Context, e *probe.Env, k *control, o *probe.Observation) {
	if !e.Consent.Write {
		o.NotLooked = append(o.NotLooked, lab.Say("probe.no-write"))
		return
	}
	const name = "assay-lab-test"
	if r, err := k.ask("MKD " + name); err == nil && strings.HasPrefix(r, "257") {
		o.Findings = append(o.Findings, lab.Found("device.no-authentication", lab.Confirmed, e.Place(), "service", "ftp", "command", "MKD"))
		if r, err := k.ask("RMD " + name); err != nil || !strings.HasPrefix(r, "250") {
			o.Detail("left", name)
		}
	}
	_ = ctx
}

func signIn(ctx context.Context, e *probe.Env, c probe.Credential) (probe.Outcome, error) {
	k, greeting, err := dial(ctx, e, "ftp sign-in")
	if err != nil {
		return 0, err
	}
	defer k.c.Close()
	if locked.MatchString(greeting) {
		return probe.Locked, nil
	}
	r, err := k.ask("USER " + oneLine(c.User))
	if err == nil && strings.HasPrefix(r, "331") {
		r, err = k.ask("PASS " + oneLine(c.Password))
	}
	switch {
	case err != nil:
		return 0, err
	case locked.MatchString(r):
		return probe.Locked, nil
	case strings.HasPrefix(r, "230"), strings.HasPrefix(r, "232"):
		return probe.Accepted, nil
	}
	return probe.Refused, nil
}

// oneLine keeps a credential from being two commands.
func oneLine(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }
