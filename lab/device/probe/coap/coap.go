// Package coap observes CoAP (RFC 7252): which resources a device lists
// (RFC 6690), and which of them anybody may read.
package coap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{Name: "coap", Transport: wire.UDP, Usual: []uint16{5683}, Look: look}

// message is an answer.
type message struct {
	code    byte
	payload []byte
	more    bool // blocks follow (RFC 7959)
}

// class and detail of a code, as in 2.05.
func (m *message) String() string { return fmt.Sprintf("%d.%02d", m.code>>5, m.code&31) }

// get is a confirmable GET of a path (RFC 7252, 3 and 5.10).
func get(id uint16, path string) []byte {
	b := []byte{0x40, 1, byte(id >> 8), byte(id)}
	delta := byte(11)
	for _, s := range strings.Split(strings.Trim(path, "/"), "/") {
		if s == "" {
			continue
		}
		if len(s) < 13 {
			b = append(b, delta<<4|byte(len(s)))
		} else {
			b = append(b, delta<<4|13, byte(len(s)-13))
		}
		b = append(b, s...)
		delta = 0
	}
	return b
}

var errMessage = errors.New("no message of CoAP")

// parse reads a message; it must answer id.
func parse(b []byte, id uint16) (*message, error) {
	if len(b) < 4 || b[0]>>6 != 1 || binary.BigEndian.Uint16(b[2:]) != id {
		return nil, errMessage
	}
	kind, token := b[0]>>4&3, int(b[0]&15)
	if token > 8 || len(b) < 4+token || kind < 2 && b[1] == 0 {
		return nil, errMessage
	}
	m := &message{code: b[1]}
	number := 0
	for rest := b[4+token:]; len(rest) > 0; {
		if rest[0] == 0xff {
			m.payload = rest[1:]
			break
		}
		delta, n, used, ok := option(rest)
		if !ok || len(rest) < used+n {
			return nil, errMessage
		}
		number += delta
		value := rest[used : used+n]
		if number == 23 && n > 0 { // Block2
			m.more = value[n-1]&8 != 0
		}
		rest = rest[used+n:]
	}
	return m, nil
}

func option(b []byte) (delta, n, used int, ok bool) {
	used = 1
	part := func(x int) (int, bool) {
		switch {
		case x < 13:
			return x, true
		case x == 13 && len(b) > used:
			used++
			return int(b[used-1]) + 13, true
		case x == 14 && len(b) > used+1:
			used += 2
			return int(binary.BigEndian.Uint16(b[used-2:])) + 269, true
		}
		return 0, false
	}
	if delta, ok = part(int(b[0] >> 4)); !ok {
		return 0, 0, 0, false
	}
	n, ok = part(int(b[0] & 15))
	return delta, n, used, ok
}

func ask(ctx context.Context, e *probe.Env, id uint16, path string) (*message, error) {
	c, err := e.Dial(ctx, "coap GET "+path)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Write(get(id, path)); err != nil {
		return nil, err
	}
	b := make([]byte, 2048)
	n, err := c.Read(b)
	if err != nil {
		return nil, err
	}
	return parse(b[:n], id)
}

var link = regexp.MustCompile(`<([^>]{1,200})>`)

// maxResources bounds how many of the listed resources are read.
const maxResources = 12

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	m, err := ask(ctx, e, 0x4c01, "/.well-known/core")
	if err != nil {
		return nil, errors.Join(probe.ErrNot, err)
	}
	o := &probe.Observation{Protocol: "coap"}
	o.Looked = append(o.Looked, lab.Say("coap.looked", maxResources))
	o.NotLooked = append(o.NotLooked, lab.Say("coap.not-looked"))
	o.Detail("code", m.String())
	var open, asked []string
	if m.code>>5 == 2 {
		text := string(m.payload)
		o.Tell("resources", text)
		for i, l := range link.FindAllStringSubmatch(text, 200) {
			if i == maxResources {
				break
			}
			if l[1] == "/.well-known/core" || !strings.HasPrefix(l[1], "/") {
				continue
			}
			r, err := ask(ctx, e, 0x4c02+uint16(i), l[1])
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			switch {
			case err != nil:
			case r.code>>5 == 2:
				open = append(open, l[1])
			case r.code == 0x81 || r.code == 0x83: // 4.01, 4.03
				asked = append(asked, l[1])
			}
		}
	}
	switch {
	case len(open) > 0:
		o.Auth = probe.AuthNone
		o.Findings = append(o.Findings, lab.Found("coap.open-resources", lab.Confirmed, e.Place(), "resources", strings.Join(open, " ")))
	case len(asked) > 0:
		o.Auth = probe.AuthRequired
	}
	return o, nil
}
