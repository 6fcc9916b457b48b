// Package mdns observes name services: multicast DNS (RFC 6762, RFC 6763),
// asked of the device alone, and DNS resolvers (RFC 1035).
package mdns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is multicast DNS, DNS the resolver, and Stream the resolver over TCP
// (RFC 7766).
var (
	Probe  = probe.Probe{Name: "mdns", Transport: wire.UDP, Usual: []uint16{5353}, Look: look}
	DNS    = probe.Probe{Name: "dns", Transport: wire.UDP, Usual: []uint16{53}, Look: resolver}
	Stream = probe.Probe{Name: "dns", Transport: wire.TCP, Usual: []uint16{53}, Look: resolver}
)

// ask puts one question in a datagram; over TCP with its length before it
// (RFC 1035, 4.2.2).
func ask(ctx context.Context, e *probe.Env, id uint16, name string, t dnsmessage.Type, class dnsmessage.Class, recurse bool) (*dnsmessage.Message, error) {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return nil, err
	}
	q := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: recurse},
		Questions: []dnsmessage.Question{{Name: n, Type: t, Class: class}},
	}
	b, err := q.Pack()
	if err != nil {
		return nil, err
	}
	c, err := e.Dial(ctx, "dns "+name)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	answer, err := exchange(c, b, e.Port.Transport == wire.TCP)
	if err != nil {
		return nil, err
	}
	var m dnsmessage.Message
	if err := m.Unpack(answer); err != nil || !m.Response || m.ID != id {
		return nil, errors.Join(probe.ErrNot, err)
	}
	return &m, nil
}

func exchange(c net.Conn, question []byte, stream bool) ([]byte, error) {
	if stream {
		question = append(binary.BigEndian.AppendUint16(nil, uint16(len(question))), question...)
	}
	if _, err := c.Write(question); err != nil {
		return nil, err
	}
	if !stream {
		buf := make([]byte, 9000)
		size, err := c.Read(buf)
		return buf[:size], err
	}
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(c, buf)
	return buf, err
}

// unicast is the class of a question whose answer comes to the asker alone
// (RFC 6762, 5.4).
const unicast = dnsmessage.ClassINET | 1<<15

// maxTypes bounds how many kinds of services are asked for.
const maxTypes = 20

var identity = regexp.MustCompile(`(?i)^(mac|serial|sn|id|deviceid|bssid|uuid|udn)=(.{4,})$`)

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	first, err := ask(ctx, e, 0, "_services._dns-sd._udp.local.", dnsmessage.TypePTR, unicast, false)
	if err != nil {
		return nil, errors.Join(probe.ErrNot, err)
	}
	o := &probe.Observation{Protocol: "mdns"}
	o.Looked = append(o.Looked, lab.Say("mdns.looked", maxTypes))
	var kinds []string
	for _, r := range first.Answers {
		if p, ok := r.Body.(*dnsmessage.PTRResource); ok && len(kinds) < maxTypes {
			kinds = append(kinds, p.PTR.String())
		}
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	o.Tell("services", strings.Join(kinds, " "))
	for _, k := range kinds {
		m, err := ask(ctx, e, 0, k, dnsmessage.TypePTR, unicast, false)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			continue
		}
		for _, r := range slices.Concat(m.Answers, m.Additionals) {
			record(o, e, r)
		}
	}
	return o, nil
}

// record takes what a record tells.
func record(o *probe.Observation, e *probe.Env, r dnsmessage.Resource) {
	switch b := r.Body.(type) {
	case *dnsmessage.PTRResource:
		tell(o, "name", b.PTR.String())
	case *dnsmessage.SRVResource:
		tell(o, "service", fmt.Sprintf("%s %s:%d", r.Header.Name, b.Target, b.Port))
	case *dnsmessage.TXTResource:
		for _, s := range b.TXT {
			tell(o, "text", s)
			if identity.MatchString(s) {
				o.Findings = append(o.Findings, lab.Found("device.tells-identity", lab.Confirmed, e.Place(), "service", "mdns", "text", s))
			}
		}
	}
}

// maxTold bounds what is kept of what a device tells.
const maxTold = 100

func tell(o *probe.Observation, name, value string) {
	p := lab.Known(name, value)
	if value != "" && len(o.Told) < maxTold && !slices.Contains(o.Told, p) {
		o.Told = append(o.Told, p)
	}
}

var version = regexp.MustCompile(`^([A-Za-z][\w-]*)[- ]v?(\d[\w.-]*)`)

func resolver(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	m, err := ask(ctx, e, 0x5353, "version.bind.", dnsmessage.TypeTXT, dnsmessage.ClassCHAOS, false)
	if err != nil {
		return nil, errors.Join(probe.ErrNot, err)
	}
	o := &probe.Observation{Protocol: "dns"}
	o.Looked = append(o.Looked, lab.Say("mdns.resolver"))
	for _, r := range m.Answers {
		t, ok := r.Body.(*dnsmessage.TXTResource)
		if !ok || len(t.TXT) == 0 {
			continue
		}
		tell(o, "version", t.TXT[0])
		if x := version.FindStringSubmatch(t.TXT[0]); x != nil {
			o.Product, o.Version = x[1], x[2]
			o.Findings = append(o.Findings, lab.Found("device.tells-version", lab.Claimed, e.Place(), "service", "dns", "text", t.TXT[0]))
		}
	}
	// A name that no one has: whether recursion is available is in the header.
	if r, err := ask(ctx, e, 0x5354, "assay-lab.invalid.", dnsmessage.TypeA, dnsmessage.ClassINET, true); err == nil {
		o.Detail("recursion", fmt.Sprint(r.RecursionAvailable))
	}
	return o, nil
}
