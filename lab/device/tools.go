package device

import (
	"context"
	"slices"
	"strings"

	"assay/evidence"
	"assay/lab"
	"assay/lab/device/scan"
	"assay/lab/device/wire"
)

// Others are what other people's programs saw.
type Others struct {
	Imports []evidence.Import
	// Looked and NotLooked go into the scope of the verdict on undeclared ports.
	Looked, NotLooked []lab.Phrase
}

// spoken are the names that nmap has for what a protocol here is.
var spoken = map[string][]string{
	"http": {"http", "https", "http-proxy", "http-alt", "upnp", "ipp", "soap", "wsdapi", "websocket", "onvif"}, "ssh": {"ssh"}, "telnet": {"telnet"}, "ftp": {"ftp", "ftps"},
	"mqtt": {"mqtt", "secure-mqtt"}, "rtsp": {"rtsp", "rtsps", "airtunes"}, "dns": {"domain", "dns"}, "mdns": {"mdns", "zeroconf", "dns-sd"}, "ssdp": {"upnp", "ssdp"},
	"snmp": {"snmp"}, "coap": {"coap"}, "coaps": {"coaps", "dtls"}, "tftp": {"tftp"},
}

// differ finds ports that nmap sees otherwise. A name without a product may be out of
// its table of ports, and is no observation.
func (r *Result) differ(imports []evidence.Import) (fs []lab.Finding) {
	for i := range imports {
		m := &imports[i]
		if m.Format != "nmap" {
			continue
		}
		tool := strings.TrimSpace(m.Tool + " " + m.Version)
		open := map[wire.Port]bool{}
		for k := range m.Services {
			s := &m.Services[k]
			if s.Port < 1 || s.Port > 65535 {
				continue
			}
			port := wire.Port{Transport: wire.Transport(s.Transport), Number: uint16(s.Port)}
			open[port] = true
			if s.State != "open" {
				continue
			}
			theirs := strings.TrimSpace(s.Name + " " + s.Product + " " + s.Version)
			ours := r.byPort(port)
			switch state, tried := r.states[port]; {
			case ours == nil && tried && state != scan.Open && state != scan.OpenFiltered:
				fs = append(fs, lab.Found("device.tools-differ", lab.Claimed, r.place(port), "tool", tool, "text", "open "+theirs, "service", string(state)))
			case ours != nil && !agrees(ours, s):
				name := ours.Is.Protocol
				if ours.TLS != nil {
					name = strings.TrimSuffix("tls/"+name, "/")
				}
				fs = append(fs, lab.Found("device.tools-differ", lab.Claimed, r.place(port), "tool", tool, "text", theirs, "service", name))
			}
		}
		for k := range r.Services {
			port := r.Services[k].Port
			if !open[port] && asked(m, port) {
				fs = append(fs, lab.Found("device.tools-differ", lab.Claimed, r.place(port), "tool", tool, "text", "not open", "service", r.Services[k].Is.Protocol))
			}
		}
	}
	return fs
}

func (r *Result) byPort(p wire.Port) *Service {
	for i := range r.Services {
		if r.Services[i].Port == p {
			return &r.Services[i]
		}
	}
	return nil
}

// asked reports whether a tool tried a port.
func asked(m *evidence.Import, p wire.Port) bool {
	return slices.ContainsFunc(m.Scanned, func(s evidence.Scan) bool {
		has, err := s.Has(int64(p.Number))
		return err == nil && has && s.Transport == string(p.Transport)
	})
}

// agrees reports whether a name does not contradict what was seen here.
func agrees(ours *Service, theirs *evidence.Service) bool {
	name, secure := strings.CutPrefix(theirs.Name, "tls")
	name = strings.TrimPrefix(name, "/")
	if secure && ours.TLS == nil && !ours.Is.TLS {
		return false
	}
	if name == "" || theirs.Product == "" || ours.TLS != nil && (name == "ssl" || name == "https") {
		return true
	}
	if ours.Is.Protocol == "" { // it is known there, and here it is not
		return ours.TLS != nil && ours.TLS.Auth != ""
	}
	return slices.Contains(spoken[ours.Is.Protocol], name)
}

// askOthers runs what Options.Others has.
func (r *Result) askOthers(ctx context.Context, o *Options) error {
	if o.Others == nil {
		return nil
	}
	x, err := o.Others(ctx, r)
	if err != nil {
		return err
	}
	r.Others = x
	return nil
}
