// Package nmap reads the XML that nmap writes with -oX.
package nmap

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"assay/civil"
	"assay/evidence"
	"assay/exchange/intake"
)

// Format is the word for it in an import.
const Format = "nmap"

// Read reads a scan. Ports that are closed or filtered are left out: what is
// open, and which ports were tried, says all. Its errors are of type
// *evidence.Error.
func Read(f *intake.File, _ intake.Options) (*intake.Result, error) {
	s := &scan{XML: f.XML(), f: f, Result: intake.New(f, Format)}
	for {
		t, err := s.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, s.Wrong(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			err = s.start(t)
		case xml.EndElement:
			s.end(t.Name.Local)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case !s.root:
		return nil, f.Wrong("no <nmaprun>: this is no XML of nmap; write it with -oX")
	case !s.finished:
		return nil, f.Wrong("the scan did not finish, so what was not seen may be there: run it to its end (<finished> is missing)")
	case s.exit != "" && s.exit != "success":
		return nil, f.Wrong("the scan ended with %.40q: %.200s: run it again", s.exit, s.why)
	case s.up == 0:
		s.Note("no host answered: the scan says nothing about the device")
	}
	if s.hosts == 1 {
		s.Import.Target = s.only
	} else if s.hosts > 1 {
		s.Import.Target = strconv.Itoa(s.hosts) + " hosts"
	}
	if s.shut > 0 {
		s.Note("ports that are closed or filtered, left out: %d", s.shut)
	}
	if s.guessed {
		s.Note("names of services that no probe confirmed are those of nmap's table of ports")
	}
	return s.Finish(f)
}

// scan is a scan that is being read.
type scan struct {
	*intake.XML
	*intake.Result
	f *intake.File

	root, finished bool
	exit, why      string
	hosts, up      int
	only           string // the host, where there is one
	shut           int
	guessed        bool

	host struct {
		address, mac, name string
		up                 bool
		services           []evidence.Service
	}
	port *evidence.Service // that is open to be filled in
}

func (s *scan) start(e xml.StartElement) error {
	get := func(name string) string { return intake.Attribute(e, name) }
	switch e.Name.Local {
	case "nmaprun":
		s.root = true
		if get("scanner") != "nmap" {
			return s.At("the scanner is %.40q, not nmap: its file may mean other things", get("scanner"))
		}
		s.Import.Tool, s.Import.Version = "nmap", intake.Line(get("version"))
		if n, err := strconv.ParseInt(get("start"), 10, 64); err == nil && n > 0 && n < 1<<40 {
			s.Import.Date = civil.DateAt(n*1_000_000, time.UTC)
		}
	case "scaninfo":
		if t := get("protocol"); t == "tcp" || t == "udp" || t == "sctp" {
			c := evidence.Scan{Transport: t, Ports: get("services")}
			if c.Ports == "" {
				break
			}
			if _, err := c.Has(0); err != nil {
				return s.At("services: %v", err)
			}
			s.Import.Scanned = append(s.Import.Scanned, c)
		}
	case "host":
		s.host.address, s.host.mac, s.host.name, s.host.up, s.host.services = "", "", "", true, nil
		s.hosts++
		if get("timedout") == "true" {
			s.Note("a host was given up before its end: what was not seen there may be there")
		}
	case "status":
		s.host.up = get("state") != "down"
	case "address":
		if get("addrtype") == "mac" {
			s.host.mac = get("addr")
		} else if s.host.address == "" {
			s.host.address = get("addr")
		}
	case "hostname":
		if s.host.name == "" {
			s.host.name = get("name")
		}
	case "extraports":
		if n, err := strconv.ParseUint(get("count"), 10, 17); err == nil && !strings.HasPrefix(get("state"), "open") {
			s.shut += int(n)
		}
	case "port":
		return s.began(get("protocol"), get("portid"))
	case "state":
		if s.port != nil {
			s.port.State = get("state")
		}
	case "service":
		s.service(get)
	case "script":
		if s.port != nil && s.port.State == "open" {
			s.script(get("id"), get("output"))
		}
	case "finished":
		s.finished, s.exit, s.why = true, get("exit"), get("errormsg")
	}
	return nil
}

func (s *scan) began(transport, number string) error {
	p, ok := intake.Port(number)
	if !ok {
		return s.At("%.20q is no port: it is a number from 0 to 65535", number)
	}
	switch transport {
	case "tcp", "udp", "sctp":
		s.port = &evidence.Service{Transport: transport, Port: p}
	case "ip": // a scan for protocols (-sO): the number is no port
		s.Note("a scan for IP protocols was left out: it tells nothing of services")
	default:
		return s.At("protocol %.20q of port %d: tcp, udp or sctp belong there", transport, p)
	}
	return nil
}

func (s *scan) service(get func(string) string) {
	if s.port == nil {
		return
	}
	name := get("name")
	if name == "unknown" {
		name = ""
	}
	if get("tunnel") == "ssl" {
		name = strings.TrimSuffix("tls/"+name, "/")
	}
	s.port.Name, s.port.Product, s.port.Version = intake.Line(name), intake.Line(get("product")), intake.Line(get("version"))
	if get("method") == "table" && name != "" && strings.HasPrefix(s.port.State, "open") {
		s.guessed = true
	}
}

// vulnerable is how scripts of nmap's library for vulnerabilities begin what
// they found, in words that are theirs.
const vulnerable = "State: VULNERABLE"

// script takes in what scripts of nmap say of a service where it is a
// complaint. Others' output is for a person to read in the file.
func (s *scan) script(id, output string) {
	if id = intake.Line(id); id == "" {
		id = "script"
	}
	where := s.host.address + ":" + strconv.FormatInt(s.port.Port, 10) + "/" + s.port.Transport
	if strings.Contains(output, vulnerable) {
		s.Import.Issues = append(s.Import.Issues, evidence.Issue{ID: id, Severity: "high", Text: intake.Text(output), Where: intake.Line(where)})
		return
	}
	if id == "ssl-enum-ciphers" {
		if _, grade, ok := strings.Cut(output, "least strength: "); ok && grade != "" && grade[0] > 'A' && grade[0] <= 'F' {
			severity := "medium"
			if grade[0] >= 'E' {
				severity = "high"
			}
			s.Import.Issues = append(s.Import.Issues, evidence.Issue{ID: id, Severity: severity, Text: "The weakest cipher suite has the grade " + grade[:1], Where: intake.Line(where)})
		}
		return
	}
	s.Note("what the script %s found is for a person to read", id)
}

func (s *scan) end(name string) {
	switch name {
	case "port":
		if p := s.port; p != nil {
			if p.State == "open" || p.State == "open|filtered" {
				s.host.services = append(s.host.services, *p)
			} else {
				s.shut++
			}
		}
		s.port = nil
	case "host":
		h := &s.host
		if !h.up {
			return
		}
		s.up++
		address := h.address
		for _, other := range []string{h.mac, h.name, "unknown"} {
			if address == "" {
				address = other
			}
		}
		if address = intake.Line(address); address == "" {
			address = "unknown"
		}
		if s.only = address; h.name != "" && h.name != address {
			s.only = intake.Line(fmt.Sprintf("%s (%s)", address, h.name))
		}
		for i := range h.services {
			h.services[i].Address = address
		}
		s.Import.Services = append(s.Import.Services, h.services...)
	}
}
