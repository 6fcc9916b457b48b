// Package mqtt observes MQTT brokers (OASIS MQTT 3.1.1 and 5.0): whether they
// let anybody in, read and publish.
package mqtt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{Name: "mqtt", Transport: wire.TCP, Usual: []uint16{1883, 8883}, Look: look, SignIn: signIn}

const maxPacket = 64 << 10

// connect is a CONNECT packet (3.1.1, 3.1) with a clean session.
func connect(user, password string, credentials bool) []byte {
	var b []byte
	put := func(s string) { b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...) }
	put("MQTT")
	flags := byte(2)
	if credentials {
		flags |= 0xc0
	}
	b = append(b, 4, flags, 0, 30)
	put("assay-lab")
	if credentials {
		put(user)
		put(password)
	}
	return packet(0x10, b)
}

func packet(kind byte, body []byte) []byte {
	p := []byte{kind}
	for n := len(body); ; {
		d := byte(n % 128)
		if n /= 128; n > 0 {
			p = append(p, d|128)
			continue
		}
		return append(append(p, d), body...)
	}
}

func read(r io.Reader) (kind byte, body []byte, err error) {
	var one [1]byte
	if _, err = io.ReadFull(r, one[:]); err != nil {
		return 0, nil, err
	}
	kind = one[0]
	n, shift := 0, 0
	for {
		if _, err = io.ReadFull(r, one[:]); err != nil {
			return 0, nil, err
		}
		n |= int(one[0]&127) << shift
		if one[0] < 128 {
			break
		}
		if shift += 7; shift > 21 {
			return 0, nil, errors.New("a length that does not end")
		}
	}
	if n > maxPacket {
		return 0, nil, fmt.Errorf("a packet of %d bytes", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return kind, body, err
}

// code is what a broker answers to CONNECT: 0 in, 4 and 5 refused; ErrNot where the
// answer is no CONNACK.
func code(c net.Conn, hello []byte) (byte, error) {
	if _, err := c.Write(hello); err != nil {
		return 0, err
	}
	kind, body, err := read(c)
	if err != nil || kind != 0x20 || len(body) < 2 {
		return 0, errors.Join(probe.ErrNot, err)
	}
	return body[1], nil
}

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	c, err := e.Dial(ctx, "mqtt without credentials")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	got, err := code(c, connect("", "", false))
	if err != nil {
		return nil, err
	}
	o := &probe.Observation{Protocol: "mqtt"}
	o.Looked = append(o.Looked, lab.Say("mqtt.looked"))
	o.Detail("version", "3.1.1")
	if e.Secure == nil {
		o.Findings = append(o.Findings, lab.Found("device.clear-text", lab.Confirmed, e.Place(), "service", "mqtt"))
	}
	if got != 0 {
		o.Auth = probe.AuthRequired
		o.Detail("code", fmt.Sprint(got))
		return o, nil
	}
	o.Auth = probe.AuthNone
	topics := map[string]bool{}
	granted, err := subscribe(c, topics, o)
	// Some grant every subscription and then send only what the client may see, so a grant
	// without a message proves no more than the connection does.
	if granted && (len(topics) > 0 || len(o.Told) > 0) {
		o.Findings = append(o.Findings, lab.Found("device.no-authentication", lab.Confirmed, e.Place(), "service", "mqtt", "topics", list(topics)))
	} else {
		o.Findings = append(o.Findings, lab.Found("mqtt.anonymous", lab.Confirmed, e.Place()))
	}
	if e.Consent.Write {
		// Nobody listens to this topic, and the message is not kept.
		if _, err := c.Write(packet(0x30, append(binary.BigEndian.AppendUint16(nil, 9), "assay/lab"...))); err == nil {
			o.Detail("published", "assay/lab")
		}
	} else {
		o.NotLooked = append(o.NotLooked, lab.Say("probe.no-write"))
	}
	_, _ = c.Write([]byte{0xe0, 0})
	if err != nil && len(topics) == 0 && !granted {
		return o, nil
	}
	return o, nil
}

// subscribe asks for all topics and for the broker's own, and reads what comes at once.
func subscribe(c net.Conn, topics map[string]bool, o *probe.Observation) (granted bool, err error) {
	body := []byte{0, 1}
	for _, f := range []string{"#", "$SYS/broker/version"} {
		body = append(binary.BigEndian.AppendUint16(body, uint16(len(f))), f...)
		body = append(body, 0)
	}
	if _, err := c.Write(packet(0x82, body)); err != nil {
		return false, err
	}
	for range 200 {
		kind, b, err := read(c)
		if err != nil {
			return granted, err
		}
		switch kind & 0xf0 {
		case 0x90:
			granted = len(b) >= 3 && b[2] < 0x80
		case 0x30:
			if len(b) < 2 {
				continue
			}
			n := int(binary.BigEndian.Uint16(b))
			if n > len(b)-2 {
				continue
			}
			topic := string(b[2 : 2+n])
			if topic == "$SYS/broker/version" {
				text := string(bytes.TrimSpace(b[2+n:]))
				o.Tell("version", text)
				if name, v, ok := strings.Cut(text, " version "); ok {
					o.Product, o.Version = name, v
				}
			} else if len(topics) < 50 {
				topics[topic] = true
			}
		}
	}
	return granted, nil
}

func list(set map[string]bool) string {
	var all []string
	for t := range set {
		all = append(all, t)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func signIn(ctx context.Context, e *probe.Env, c probe.Credential) (probe.Outcome, error) {
	conn, err := e.Dial(ctx, "mqtt sign-in")
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	got, err := code(conn, connect(c.User, c.Password, true))
	switch {
	case err != nil:
		return 0, err
	case got == 0:
		_, _ = conn.Write([]byte{0xe0, 0})
		return probe.Accepted, nil
	case got == 3:
		return probe.Locked, nil // the server is not available
	}
	return probe.Refused, nil
}
