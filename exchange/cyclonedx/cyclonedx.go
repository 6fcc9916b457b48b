// Package cyclonedx reads CycloneDX bills of materials, JSON (versions 1.2 to
// 1.7) and XML (1.0 to 1.7), with their vulnerabilities and what they say of
// them (VEX), and attestations (CDXA).
package cyclonedx

import (
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"assay/evidence"
	"assay/exchange/intake"
)

// Format is the word for it in an import.
const Format = "cyclonedx"

// Namespace begins the name space of an XML bill; the version follows.
const Namespace = "http://cyclonedx.org/schema/bom/"

// Read reads a bill of materials. Its errors are of type *evidence.Error.
func Read(f *intake.File, o intake.Options) (r *intake.Result, err error) {
	bom := new(cdx.BOM)
	if f.Text[0] == '<' || f.Text[0] != '{' && strings.HasPrefix(strings.TrimSpace(string(f.Text[:min(len(f.Text), 64)])), "<") {
		err = readXML(f, bom)
	} else {
		err = readJSON(f, bom)
	}
	if err != nil {
		return nil, err
	}
	b := &bill{f: f, bom: bom, Result: intake.New(f, Format), parts: map[string]*cdx.Component{}}
	b.metadata()
	if err := b.components("/components", bom.Components, 0); err != nil {
		return nil, err
	}
	b.vulnerabilities()
	b.attestations(o)
	if b.left > 0 {
		b.Note("entries that are files, data or hardware, left out: %d", b.left)
	}
	if n := length(bom.Services); n > 0 {
		b.Note("services that the bill describes and nobody observed, left out: %d", n)
	}
	if bom.Signature != nil || bom.Declarations != nil && bom.Declarations.Signature != nil {
		b.Note("a signature stands in the file; nothing here knows its key, so it was not checked")
	}
	return b.Finish(f)
}

func readJSON(f *intake.File, bom *cdx.BOM) error {
	h, err := f.Head()
	if err != nil {
		return err
	}
	if h.Names["bomFormat"] != "CycloneDX" {
		return f.Wrong("bomFormat is %.40q, not CycloneDX: export it anew", h.Names["bomFormat"])
	}
	if err := known(f, h.Names["specVersion"], 2); err != nil {
		return err
	}
	return f.JSON(bom)
}

func readXML(f *intake.File, bom *cdx.BOM) error {
	root, err := f.Root()
	if err != nil {
		return err
	}
	version, ok := strings.CutPrefix(root.Name.Space, Namespace)
	if root.Name.Local != "bom" || !ok {
		return f.Wrong("<%.40s> of the name space %.80q is no CycloneDX bill: export it as CycloneDX 1.2 to 1.7", root.Name.Local, root.Name.Space)
	}
	if err := known(f, version, 0); err != nil {
		return err
	}
	x := f.XML()
	if err := x.Decode(bom); err != nil {
		return x.Wrong(err)
	}
	return x.End()
}

// known refuses versions that the library does not read.
func known(f *intake.File, version string, least int) error {
	for minor := least; minor <= 7; minor++ {
		if version == fmt.Sprintf("1.%d", minor) {
			return nil
		}
	}
	return f.Wrong("CycloneDX version %.20q is not read: export it as 1.%d to 1.7", version, max(least, 2))
}

// bill is a bill that is being read.
type bill struct {
	*intake.Result
	f     *intake.File
	bom   *cdx.BOM
	parts map[string]*cdx.Component // by bom-ref
	left  int                       // entries that are no software
}

func (b *bill) metadata() {
	m := b.bom.Metadata
	if m == nil {
		return
	}
	b.Import.Date = intake.Day(m.Timestamp)
	if t := m.Tools; t != nil {
		var names []string
		add := func(name, version string) {
			if name = intake.Line(name); name == "" {
				return
			}
			names = append(names, name)
			b.Import.Version = intake.Line(version)
		}
		for _, x := range all(t.Tools) {
			add(x.Name, x.Version)
		}
		for _, x := range all(t.Components) {
			add(x.Name, x.Version)
		}
		for _, x := range all(t.Services) {
			add(x.Name, x.Version)
		}
		b.Import.Tool = intake.Line(strings.Join(names, ", "))
		if len(names) != 1 {
			b.Import.Version = ""
		}
	}
	if c := m.Component; c != nil {
		b.parts[c.BOMRef] = c
		b.Import.Target = intake.Line(label(c))
		b.Import.Firmware, _ = sha256(c)
	}
}

// software are the types that are parts of the software (CycloneDX 1.7,
// component/type). The others are files, data, hardware and keys.
var software = map[cdx.ComponentType]bool{
	"": true, cdx.ComponentTypeApplication: true, cdx.ComponentTypeFramework: true, cdx.ComponentTypeLibrary: true,
	cdx.ComponentTypeContainer: true, cdx.ComponentTypePlatform: true, cdx.ComponentTypeOS: true,
	cdx.ComponentTypeDeviceDriver: true, cdx.ComponentTypeFirmware: true, cdx.ComponentTypeMachineLearningModel: true,
}

func (b *bill) components(at string, list *[]cdx.Component, depth int) error {
	cs := all(list)
	for i := range cs {
		c := &cs[i]
		place := fmt.Sprintf("%s/%d", at, i)
		if c.BOMRef != "" {
			b.parts[c.BOMRef] = c
		}
		if !software[c.Type] {
			b.left++
		} else if err := b.component(place, c); err != nil {
			return err
		}
		if err := b.components(place+"/components", c.Components, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (b *bill) component(place string, c *cdx.Component) error {
	name := intake.Line(full(c))
	if name == "" {
		return &evidence.Error{File: b.f.Name, Place: place, Problem: "a component without a name: name it, or take it out"}
	}
	terms := license(c.Licenses)
	if terms == "" && c.Evidence != nil { // not declared, but found
		terms = license(c.Evidence.Licenses)
	}
	hash, ok := sha256(c)
	if !ok {
		b.Note("the SHA-256 of %s is none and was left out", name)
	}
	b.Import.Components = append(b.Import.Components, evidence.Component{
		Name: name, Version: intake.Line(c.Version), PURL: intake.Line(c.PackageURL), CPE: intake.Line(c.CPE),
		Supplier: intake.Line(supplier(c)), License: intake.Line(terms), SHA256: hash,
	})
	return nil
}

// full is a component's name with its group.
func full(c *cdx.Component) string {
	if c.Group != "" && c.Name != "" {
		return c.Group + "/" + c.Name
	}
	return c.Name
}

func label(c *cdx.Component) string { return strings.TrimSpace(full(c) + " " + c.Version) }

// supplier is the organization that stands for the component. A single person's
// name is nobody's business here.
func supplier(c *cdx.Component) string {
	for _, o := range []*cdx.OrganizationalEntity{c.Supplier, c.Manufacturer} {
		if o != nil && o.Name != "" {
			return o.Name
		}
	}
	return c.Publisher
}

// license is an SPDX expression of what is stated; several stand side by side
// in a bill, which means that all apply.
func license(ls *cdx.Licenses) string {
	if ls == nil {
		return ""
	}
	var terms []string
	for _, l := range *ls {
		switch {
		case l.Expression != "":
			terms = append(terms, l.Expression)
		case l.License == nil:
		case l.License.ID != "":
			terms = append(terms, l.License.ID)
		case l.License.Name != "":
			terms = append(terms, intake.LicenseRef(l.License.Name))
		}
	}
	if len(terms) > 1 {
		for i, t := range terms {
			if strings.Contains(t, " ") {
				terms[i] = "(" + t + ")"
			}
		}
	}
	return strings.Join(terms, " AND ")
}

// sha256 is the component's hash of that kind, zero where it has none; ok is
// false where it has one that cannot be.
func sha256(c *cdx.Component) (h evidence.Hash, ok bool) {
	for _, x := range all(c.Hashes) {
		if x.Algorithm == cdx.HashAlgoSHA256 {
			return h, h.UnmarshalText([]byte(strings.TrimSpace(x.Value))) == nil && h != evidence.Hash{}
		}
	}
	return h, true
}

// states are CycloneDX's states of analysis in the words of VEX.
var states = map[cdx.ImpactAnalysisState]string{
	cdx.IASExploitable: "affected", cdx.IASInTriage: "under_investigation", cdx.IASNotAffected: "not_affected",
	cdx.IASFalsePositive: "not_affected", cdx.IASResolved: "fixed", cdx.IASResolvedWithPedigree: "fixed",
}

func (b *bill) vulnerabilities() {
	for i, v := range all(b.bom.Vulnerabilities) {
		x := evidence.Issue{ID: intake.Line(v.ID), Severity: severity(&v), Text: v.Description}
		if x.ID == "" {
			b.Note("vulnerability %d has no id and was left out", i+1)
			continue
		}
		if x.Text == "" {
			x.Text = v.Detail
		}
		if a := v.Analysis; a != nil {
			x.State = states[a.State]
			if a.State != "" && x.State == "" {
				b.Note("the state %.40q of %s is not known", a.State, x.ID)
			}
			for _, s := range []string{string(a.State), string(a.Justification), a.Detail} {
				if s != "" && s != x.State {
					x.Text = strings.TrimSpace(x.Text + " [" + s + "]")
				}
			}
		}
		x.Text = intake.Text(x.Text)
		for _, n := range all(v.CWEs) {
			if s := intake.CWE(int64(n)); s != "" {
				x.CWE = append(x.CWE, s)
			}
		}
		affects := all(v.Affects)
		for _, a := range affects {
			x := x
			x.Where = intake.Line(b.where(a.Ref))
			b.Import.Issues = append(b.Import.Issues, x)
		}
		if len(affects) == 0 {
			b.Import.Issues = append(b.Import.Issues, x)
		}
	}
}

// where names the component of a reference, which may be a BOM-Link: then its
// part after the number sign is.
func (b *bill) where(ref string) string {
	if c := b.parts[ref]; c != nil {
		return label(c)
	}
	if _, inner, ok := strings.Cut(ref, "#"); ok {
		if c := b.parts[inner]; c != nil {
			return label(c)
		}
	}
	return ref
}

// severity is the worst of the ratings.
func severity(v *cdx.Vulnerability) string {
	worst := "unknown"
	for _, r := range all(v.Ratings) {
		s := string(r.Severity)
		switch {
		case s == "info":
			s = "none"
		case s == "" && r.Score != nil && strings.HasPrefix(string(r.Method), "CVSSv"):
			s = intake.Severity(*r.Score)
		}
		worst = intake.Worse(worst, s)
	}
	return worst
}

// all is a list that may not be there.
func all[T any](list *[]T) []T {
	if list == nil {
		return nil
	}
	return *list
}

func length[T any](list *[]T) int { return len(all(list)) }
