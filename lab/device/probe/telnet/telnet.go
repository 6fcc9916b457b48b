// Package telnet observes Telnet (RFC 854): what it says, and whether it asks
// who one is.
package telnet

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{
	Name: "telnet", Transport: wire.TCP, Usual: []uint16{23, 2323, 26},
	Greets: func(g []byte) bool {
		return len(g) > 1 && g[0] == iac && g[1] >= 250 || asks.Match(g) && !bytes.HasPrefix(g, []byte("220")) || shell.Match(g)
	},
	Look: look, SignIn: signIn,
}

// Commands of the protocol.
const (
	iac  = 255
	dont = 254
	do   = 253
	wont = 252
	will = 251
	sb   = 250
	se   = 240
)

var (
	asks    = regexp.MustCompile(`(?i)(login|user ?name|account|password|로그인)\s*:\s*$`)
	askUser = regexp.MustCompile(`(?i)(login|user ?name|account)\s*:\s*$`)
	askPass = regexp.MustCompile(`(?i)password\s*:\s*$`)
	shell   = regexp.MustCompile(`(^|\n|\r)[^\n\r]{0,80}[#$>]\s*$`)
	refused = regexp.MustCompile(`(?i)incorrect|denied|fail|invalid|bad password|wrong`)
	locked  = regexp.MustCompile(`(?i)locked|too many|try again (later|in)|wait`)
	release = regexp.MustCompile(`(?i)\b(busybox|openwrt|lede|linux|dd-wrt|telnetd?|vxworks|routeros)\b[^\r\n]{0,20}?\bv?(\d+(?:\.\d+)+[\w.-]*)`)
)

const maxText = 16 << 10

// session is a connection whose options are all refused.
type session struct {
	c    net.Conn
	text []byte
	keep []byte // of a command that broke off
	wait int    // how many silences are waited out
}

// until reads until the text ends as wanted, nothing comes any more, or it is enough.
func (s *session) until(want ...*regexp.Regexp) error {
	b := make([]byte, 2048)
	begin := time.Now()
	silent := 0
	for len(s.text) < maxText && time.Since(begin) < 10*time.Second {
		n, err := s.c.Read(b)
		if n > 0 {
			text, reply, rest := plain(append(s.keep, b[:n]...))
			s.text, s.keep = append(s.text, text...), rest
			if len(reply) > 0 {
				if _, err := s.c.Write(reply); err != nil {
					return err
				}
			}
		}
		for _, w := range want {
			if w.Match(s.text) {
				return nil
			}
		}
		if silent++; errors.Is(err, os.ErrDeadlineExceeded) && silent <= s.wait {
			continue
		}
		if err != nil {
			if len(s.text) > 0 {
				return nil
			}
			return err
		}
	}
	return nil
}

// plain takes the protocol's commands out of bytes, and says no to every option
// (RFC 854, RFC 1143). rest is the beginning of a command.
func plain(b []byte) (text, reply, rest []byte) {
	for i := 0; i < len(b); {
		if b[i] != iac {
			if b[i] != 0 {
				text = append(text, b[i])
			}
			i++
			continue
		}
		if i+1 >= len(b) {
			return text, reply, bytes.Clone(b[i:])
		}
		switch c := b[i+1]; c {
		case do, dont, will, wont:
			if i+2 >= len(b) {
				return text, reply, bytes.Clone(b[i:])
			}
			if c == do {
				reply = append(reply, iac, wont, b[i+2])
			} else if c == will {
				reply = append(reply, iac, dont, b[i+2])
			}
			i += 3
		case sb:
			end := bytes.Index(b[i:], []byte{iac, se})
			if end < 0 {
				if len(b)-i > 1024 {
					return text, reply, nil
				}
				return text, reply, bytes.Clone(b[i:])
			}
			i += end + 2
		case iac:
			text = append(text, iac)
			i += 2
		default:
			i += 2
		}
	}
	return text, reply, nil
}

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	c, err := e.Dial(ctx, "telnet greeting")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s := &session{c: c}
	if err := s.until(asks, shell); err != nil && len(s.text) == 0 {
		return nil, err
	}
	o := &probe.Observation{Protocol: "telnet"}
	o.Looked = append(o.Looked, lab.Say("telnet.looked"))
	text := strings.TrimSpace(string(s.text))
	o.Tell("greeting", text)
	if m := release.FindStringSubmatch(text); m != nil {
		o.Product, o.Version = m[1], m[2]
		o.Findings = append(o.Findings, lab.Found("device.tells-version", lab.Claimed, e.Place(), "service", "telnet", "text", m[0]))
	}
	o.Findings = append(o.Findings, lab.Found("telnet.offered", lab.Confirmed, e.Place()))
	switch {
	case asks.Match(s.text):
		o.Auth = probe.AuthRequired
		o.Findings = append(o.Findings, lab.Found("device.clear-text", lab.Confirmed, e.Place(), "service", "telnet"))
	case shell.Match(s.text):
		o.Auth = probe.AuthNone
		o.Findings = append(o.Findings, lab.Found("device.no-authentication", lab.Confirmed, e.Place(), "service", "telnet", "text", last(text)))
	}
	return o, nil
}

func last(text string) string {
	return strings.TrimSpace(text[strings.LastIndexAny(text, "\r\n")+1:])
}

// signIn answers the prompts; a shell's prompt behind them means that the device is open.
// No command is given.
func signIn(ctx context.Context, e *probe.Env, c probe.Credential) (probe.Outcome, error) {
	conn, err := e.Dial(ctx, "telnet sign-in")
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	s := &session{c: conn}
	if err := s.until(asks, shell, locked); err != nil {
		return 0, err
	}
	if locked.Match(s.text) && !asks.Match(s.text) {
		return probe.Locked, nil
	}
	if !asks.Match(s.text) {
		return probe.NotOffered, nil
	}
	if askUser.Match(s.text) {
		s.text = nil
		if _, err := conn.Write([]byte(c.User + "\r\n")); err != nil {
			return 0, err
		}
		if err := s.until(askPass, shell, refused); err != nil {
			return 0, err
		}
	}
	if askPass.Match(s.text) {
		s.text, s.wait = nil, 3 // many take seconds to say yes or no
		if _, err := conn.Write([]byte(c.Password + "\r\n")); err != nil {
			return 0, err
		}
		if err := s.until(askUser, shell, refused); err != nil && len(s.text) == 0 {
			return probe.Refused, nil // hung up
		}
	} else if c.Password != "" {
		return probe.Refused, nil // it wants no password for this name, so this pair proves nothing
	}
	switch {
	case refused.Match(s.text), asks.Match(s.text):
		if locked.Match(s.text) {
			return probe.Locked, nil
		}
		return probe.Refused, nil
	case shell.Match(s.text):
		return probe.Accepted, nil
	}
	return probe.Refused, nil
}
