package spdx

import (
	"fmt"
	"strings"

	"assay/evidence"
	"assay/exchange/intake"
)

// jsonDocument has what is read of SPDX 2 JSON.
type jsonDocument struct {
	Version  string `json:"spdxVersion"`
	ID       string `json:"SPDXID"`
	Creation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	} `json:"creationInfo"`
	Describes []string `json:"documentDescribes"`
	Packages  []struct {
		Name       string `json:"name"`
		ID         string `json:"SPDXID"`
		Version    string `json:"versionInfo"`
		Supplier   string `json:"supplier"`
		Originator string `json:"originator"`
		Concluded  string `json:"licenseConcluded"`
		Declared   string `json:"licenseDeclared"`
		Purpose    string `json:"primaryPackagePurpose"`
		Checksums  []struct {
			Algorithm string `json:"algorithm"`
			Value     string `json:"checksumValue"`
		} `json:"checksums"`
		References []struct {
			Type    string `json:"referenceType"`
			Locator string `json:"referenceLocator"`
		} `json:"externalRefs"`
	} `json:"packages"`
	Relationships []struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	} `json:"relationships"`
	Files []struct{} `json:"files"`
}

func readJSON(f *intake.File) (*intake.Result, error) {
	j := new(jsonDocument)
	if err := f.JSON(j); err != nil {
		return nil, err
	}
	if !known(j.Version) {
		return nil, f.Wrong("spdxVersion is %.20q: export it as SPDX 2.2, 2.3 or 3.0", j.Version)
	}
	d := &document{f: f, created: j.Creation.Created, creators: j.Creation.Creators, described: map[string]bool{}, files: len(j.Files)}
	for _, id := range j.Describes {
		d.described[id] = true
	}
	for _, r := range j.Relationships {
		d.relation(r.From, r.Type, r.To)
	}
	d.packages = make([]pkg, 0, len(j.Packages))
	for i := range j.Packages {
		x := &j.Packages[i]
		if intake.Line(x.Name) == "" {
			return nil, &evidence.Error{File: f.Name, Place: fmt.Sprintf("/packages/%d", i), Problem: "a package without a name: name it, or take it out"}
		}
		p := pkg{
			id: x.ID, name: x.Name, version: x.Version, supplier: x.Supplier, originator: x.Originator,
			concluded: x.Concluded, declared: x.Declared, purpose: x.Purpose,
		}
		for _, c := range x.Checksums {
			if c.Algorithm == "SHA256" {
				p.sha256 = c.Value
			}
		}
		for _, e := range x.References {
			p.reference(e.Type, e.Locator)
		}
		d.packages = append(d.packages, p)
	}
	return d.result()
}

// relation takes in what a document is about.
func (d *document) relation(from, kind, to string) {
	switch strings.ToUpper(kind) {
	case "DESCRIBES":
		if from == "SPDXRef-DOCUMENT" {
			d.described[to] = true
		}
	case "DESCRIBED_BY":
		if to == "SPDXRef-DOCUMENT" {
			d.described[from] = true
		}
	}
}

// reference takes in a package's name elsewhere; the first of a kind counts.
func (p *pkg) reference(kind, locator string) {
	switch kind {
	case "purl":
		if p.purl == "" {
			p.purl = locator
		}
	case "cpe23Type", "http://spdx.org/rdf/references/cpe23Type":
		if p.cpe == "" {
			p.cpe = locator
		}
	case "cpe22Type":
		if p.cpe == "" {
			p.cpe = locator
		}
	}
}
