// Package specimen has a laboratory that does not exist, for the demo and for
// tests: its key is made anew in each process and nobody outside trusts it.
package specimen

import (
	"encoding/json"
	"fmt"

	"assay/catalog"
	"assay/civil"
	"assay/evidence"
	"assay/keys"
	"assay/labsign"
	"assay/scheme"
)

// ID is the laboratory's, as in the demo's evidence.
const ID = "specimen-lab-1"

// Laboratory signs what is told to it.
type Laboratory struct{ key *keys.Laboratory }

// New makes the laboratory with a key of its own.
func New() (*Laboratory, error) {
	k, err := keys.NewLaboratory()
	if err != nil {
		return nil, err
	}
	return &Laboratory{k}, nil
}

// File is the laboratory as a catalog has it, approved by every scheme of cat.
func (l *Laboratory) File(cat *scheme.Catalog) ([]byte, error) {
	name := scheme.Text{}
	for _, lang := range catalog.Languages {
		name[lang] = "SPECIMEN Laboratory"
	}
	fact := map[string]any{"source": "assay-reading", "confidence": "official", "note": "SPECIMEN: no such laboratory exists."}
	var ids []string
	for i := range cat.Schemes {
		ids = append(ids, cat.Schemes[i].ID)
	}
	m := map[string]any{
		"id": ID, "name": name, "territory": "ZZ",
		"keys": []any{map[string]any{"public": labsign.Public(l.key.Public()), "from": "2020-01-01"}},
		"scopes": []any{map[string]any{"by": "specimen-authority", "schemes": ids, "from": "2020-01-01",
			"source": fact["source"], "confidence": fact["confidence"], "note": fact["note"]}},
		"source": fact["source"], "confidence": fact["confidence"], "note": fact["note"],
	}
	return json.Marshal(m) // JSON is YAML
}

// Catalog is the archive of the embedded catalog with the laboratory in it.
func (l *Laboratory) Catalog() ([]byte, error) {
	cat, err := catalog.Embedded()
	if err != nil {
		return nil, err
	}
	file, err := l.File(cat)
	if err != nil {
		return nil, err
	}
	archive, err := catalog.Archive(catalog.EmbeddedFS())
	if err != nil {
		return nil, err
	}
	return catalog.AddLaboratory(archive, file)
}

// Evidence is an evidence file, as JSON, in which what a laboratory claims has
// become the laboratory's signed reports. name and models, where given,
// replace the product's, and functions its categories.
func (l *Laboratory) Evidence(file []byte, name string, models []string, functions ...string) (json.RawMessage, error) {
	ev, err := evidence.Parse(file)
	if err != nil {
		return nil, err
	}
	p := &ev.Product
	if name != "" {
		p.Name = name
	}
	if len(models) > 0 {
		p.Models = nil
		for _, m := range models {
			p.Models = append(p.Models, evidence.Model{ID: m})
		}
	}
	if len(functions) > 0 {
		p.Functions = functions
	}
	claims := ev.Claims
	ev.Claims = nil
	for _, c := range claims {
		if c.By.Kind != scheme.Laboratory {
			ev.Claims = append(ev.Claims, c)
			continue
		}
		if err := l.report(ev, &c); err != nil {
			return nil, err
		}
	}
	return json.Marshal(ev)
}

// report adds a signed report that says what a claim says.
func (l *Laboratory) report(ev *evidence.Evidence, c *evidence.Claim) error {
	if len(c.Requirements) == 0 || len(ev.Firmware) == 0 {
		return fmt.Errorf("a laboratory's claim needs requirements, and the product its firmware")
	}
	r := &evidence.Report{
		Number: fmt.Sprintf("SPECIMEN-%d", len(ev.Reports)+1), By: evidence.Body{Kind: scheme.Laboratory, ID: ID},
		Method: evidence.Method{Standard: c.Requirements[0].Standard, Edition: c.Requirements[0].Edition},
		Date:   c.Date, Tested: evidence.Period{From: c.Date, To: c.Date}, Until: c.Until,
		Product: evidence.Tested{Holder: ev.Product.Holder, Name: ev.Product.Name},
		Results: []evidence.Result{{Requirements: c.Requirements, Verdict: c.Verdict, Method: c.Method, Sample: "S1", Ground: c.Ground, Artifacts: c.Artifacts}},
	}
	for _, m := range ev.Product.Models {
		r.Product.Models = append(r.Product.Models, m.ID)
	}
	m := ev.Product.Models[0]
	hardware := "A"
	if len(m.Hardware) > 0 {
		hardware = m.Hardware[0]
	}
	r.Samples = []evidence.Sample{{ID: "S1", Chosen: "by the laboratory from stock", Serial: "SPECIMEN-0001", Model: m.ID, Hardware: hardware,
		Firmware: ev.Firmware[0].SHA256, Received: civil.Date(c.Date)}}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	sig, err := labsign.Sign(l.key, body)
	if err != nil {
		return err
	}
	s, err := evidence.NewSigned("verdicts/"+r.Number+".json", body, sig)
	if err != nil {
		return err
	}
	ev.Reports = append(ev.Reports, *s)
	return nil
}
