package device

import (
	"strings"
	"testing"

	"assay/evidence"
	"assay/lab/device/probe"
	"assay/lab/device/scan"
	"assay/lab/device/wire"
)

// What nmap says is held against what was seen: names that mean the same agree, and a
// name out of a table is no observation.
func TestDiffer(t *testing.T) {
	port := wire.Port{Transport: wire.TCP, Number: 443}
	secure := &probe.Observation{Protocol: "tls", TLS: true}
	nmap := func(s ...evidence.Service) []evidence.Import {
		return []evidence.Import{
			{Format: "nmap", Tool: "nmap", Version: "7.93", Scanned: []evidence.Scan{{Transport: "tcp", Ports: "80,443"}}, Services: s},
			{Format: "testssl", Services: []evidence.Service{{Transport: "tcp", Port: 443, State: "open", Name: "telnet", Product: "x"}}},
		}
	}
	at := func(n int64, name, product string) evidence.Service {
		return evidence.Service{Transport: "tcp", Port: n, State: "open", Name: name, Product: product}
	}
	for _, x := range []struct {
		name     string
		protocol string
		tls      *probe.Observation
		said     []evidence.Service
		want     string // text of the one finding
	}{
		{"the same", "http", secure, []evidence.Service{at(443, "tls/http", "nginx")}, ""},
		{"the same by another name", "http", secure, []evidence.Service{at(443, "https", "nginx")}, ""},
		{"TLS unseen here", "http", nil, []evidence.Service{at(443, "tls/http", "nginx")}, "tls/http nginx"},
		{"another protocol", "http", secure, []evidence.Service{at(443, "tls/imap", "Dovecot")}, "tls/imap Dovecot"},
		{"known there, not here", "", nil, []evidence.Service{at(443, "imap", "Dovecot")}, "imap Dovecot"},
		{"out of the table", "ssh", nil, []evidence.Service{at(443, "https", "")}, ""},
		{"no name", "ssh", nil, []evidence.Service{at(443, "", "")}, ""},
		{"shut there", "ssh", nil, nil, "not open"},
		{"shut here", "ssh", nil, []evidence.Service{at(443, "ssh", "x"), at(80, "http", "nginx")}, "open http nginx"},
		{"never tried here", "ssh", nil, []evidence.Service{at(443, "ssh", "x"), at(81, "http", "nginx")}, ""},
		{"behind a certificate", "", &probe.Observation{Auth: probe.AuthRequired}, []evidence.Service{at(443, "tls/secure-mqtt", "x")}, ""},
	} {
		r := &Result{Name: "d", Services: []Service{{Port: port, Is: probe.Observation{Protocol: x.protocol}, TLS: x.tls}}, states: map[wire.Port]scan.State{port: scan.Open, {Transport: wire.TCP, Number: 80}: scan.Closed}}
		var texts []string
		for _, f := range r.differ(nmap(x.said...)) {
			texts = append(texts, f.Get("text"))
		}
		if got := strings.Join(texts, "; "); got != x.want {
			t.Errorf("%s: %q, not %q", x.name, got, x.want)
		}
	}
}
