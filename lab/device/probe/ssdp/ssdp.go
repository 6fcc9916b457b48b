// Package ssdp observes UPnP discovery (UPnP Device Architecture 2.0, 1.3),
// asked of the device alone.
package ssdp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/wire"
)

// Probe is the probe.
var Probe = probe.Probe{Name: "ssdp", Transport: wire.UDP, Usual: []uint16{1900}, Look: look}

// search asks for everything. Its host is the group's address, as the standard has it; it
// is sent to the device alone.
const search = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"

// maxReplies bounds how many answers are read.
const maxReplies = 40

var release = regexp.MustCompile(`\b([A-Za-z][\w-]*(?:UPnP|upnpd?|SDK|DLNA|minissdpd)[\w ]*)[/ ]v?(\d[\w.-]*)`)

func look(ctx context.Context, e *probe.Env) (*probe.Observation, error) {
	c, err := e.Dial(ctx, "ssdp search")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Write([]byte(search)); err != nil {
		return nil, err
	}
	o := &probe.Observation{Protocol: "ssdp"}
	b := make([]byte, 4096)
	var kinds []string
	for range maxReplies {
		n, err := c.Read(b)
		if err != nil {
			break
		}
		h, err := parse(b[:n])
		if err != nil {
			if len(kinds) == 0 {
				return nil, errors.Join(probe.ErrNot, err)
			}
			continue
		}
		kinds = append(kinds, h.Get("St"))
		take(o, e, h)
	}
	if len(kinds) == 0 {
		return nil, probe.ErrNot
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	o.Looked = append(o.Looked, lab.Say("ssdp.looked"))
	o.NotLooked = append(o.NotLooked, lab.Say("ssdp.not-looked"))
	o.Tell("services", strings.Join(kinds, " "))
	if slices.ContainsFunc(kinds, func(k string) bool {
		return strings.Contains(k, "WANIPConnection") || strings.Contains(k, "WANPPPConnection")
	}) {
		o.Auth = probe.AuthNone
		o.Findings = append(o.Findings, lab.Found("ssdp.port-mapping", lab.Confirmed, e.Place()))
	}
	return o, nil
}

func parse(b []byte) (textproto.MIMEHeader, error) {
	t := textproto.NewReader(bufio.NewReader(bytes.NewReader(b)))
	line, err := t.ReadLine()
	if err != nil || !strings.HasPrefix(line, "HTTP/1.") {
		return nil, fmt.Errorf("no answer of SSDP: %.40q", line)
	}
	h, err := t.ReadMIMEHeader()
	if len(h) == 0 {
		return nil, errors.Join(errors.New("an answer of SSDP without fields"), err)
	}
	return h, nil
}

// take keeps what the first answer that has it tells.
func take(o *probe.Observation, e *probe.Env, h textproto.MIMEHeader) {
	tell := func(name, value string) bool {
		p := lab.Known(name, value)
		if value == "" || slices.Contains(o.Told, p) || len(o.Told) > 40 {
			return false
		}
		o.Told = append(o.Told, p)
		return true
	}
	if server := h.Get("Server"); tell("server", server) {
		if m := release.FindStringSubmatch(server); m != nil && o.Product == "" {
			o.Product, o.Version = m[1], m[2]
			o.Findings = append(o.Findings, lab.Found("device.tells-version", lab.Claimed, e.Place(), "service", "ssdp", "text", server))
		}
	}
	tell("location", h.Get("Location")) // kept, and never followed
	usn, _, _ := strings.Cut(h.Get("Usn"), "::")
	tell("identity", usn)
}
