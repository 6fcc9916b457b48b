package page

import (
	"strings"

	"assay/lab/device"
	"assay/lab/record"
)

// Device is the page of a device's test.
func Device(r *record.Run, d *device.Result, product string) *Content {
	c := &Content{Run: r, Product: product, Specimen: strings.Contains(product, "SPECIMEN"), Facts: []Fact{{"fact.address", d.Addr}}}
	t := Table{ID: "services", Heads: []string{"head.port", "head.service", "head.version", "head.sign-in", "head.seen"}}
	for i := range d.Services {
		s := &d.Services[i]
		name := s.Is.Protocol
		if s.TLS != nil {
			name = strings.TrimSuffix("tls/"+name, "/")
		}
		var seen []string
		for _, p := range s.Is.Told {
			seen = append(seen, p.Value)
		}
		t.Rows = append(t.Rows, []string{s.At, name, strings.TrimSpace(s.Is.Product + " " + s.Is.Version), string(s.Is.Auth), strings.Join(seen, "; ")})
	}
	c.Tables = []Table{t}
	return c
}

// Run is the page of any other test.
func Run(r *record.Run, product string) *Content {
	return &Content{Run: r, Product: product, Specimen: strings.Contains(product, "SPECIMEN")}
}
