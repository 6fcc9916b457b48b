package attest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"assay/scheme"

	"github.com/google/uuid"
)

// SpecVersion is the version of CycloneDX that is written.
const SpecVersion = "1.6"

const schemaURL = "http://cyclonedx.org/schema/bom-" + SpecVersion + ".schema.json"

// space is the namespace of all UUIDs here.
var space = uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:assay:ns:cyclonedx:1"))

const rights = `The texts are paraphrases in Assay's own words, made so that products can be assessed and results exchanged. ` +
	`They are not the text of the standard, nor translations of it, and its publisher has no part in them. ` +
	`Where they differ the standard decides; it is to be had from its publisher, and no right in it is claimed or given here.`

// File is one document of an export.
type File struct {
	Path   string `json:"path"` // slash-separated, below the folder of the export
	Title  string `json:"title"`
	Size   int    `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // of Body, hexadecimal
	Body   []byte `json:"-"`
}

// Export writes everything that a catalog has as CycloneDX standards: a
// document for each edition of a standard, and one for each edition of a
// scheme, with its levels and the standards that they take from. With only,
// which may be nil, it is the editions named and the schemes that need no
// other.
func Export(c *scheme.Catalog, only []scheme.StandardRef) ([]File, error) {
	for _, r := range only {
		if _, e := c.StandardEdition(r); e == nil {
			return nil, fmt.Errorf("the catalog has no %.80s@%.80s; write STANDARD@EDITION as `assay catalog list` names them", r.Standard, r.Edition)
		}
	}
	wanted := func(r scheme.StandardRef) bool { return only == nil || slices.Contains(only, r) }
	var files []File
	add := func(path, title string, standards ...Standard) error {
		b := document(c, path)
		b.Definitions = &Definitions{standards}
		body, err := b.Encode()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		sum := sha256.Sum256(body)
		files = append(files, File{path, title, len(body), hex.EncodeToString(sum[:]), body})
		return nil
	}
	for i := range c.Standards {
		for j := range c.Standards[i].Editions {
			s, e := &c.Standards[i], &c.Standards[i].Editions[j]
			if len(e.Requirements) == 0 || !wanted(scheme.StandardRef{Standard: s.ID, Edition: e.ID}) {
				continue
			}
			std := standard(c, s, e)
			if err := add("standards/"+fileName(s.ID, e.ID), std.Name+", edition "+e.ID, std); err != nil {
				return nil, err
			}
		}
	}
	for i := range c.Schemes {
		for j := range c.Schemes[i].Editions {
			s, e := &c.Schemes[i], &c.Schemes[i].Editions[j]
			std, bases, err := levels(c, s, e)
			if err != nil {
				return nil, err
			}
			if len(std.Levels) == 0 || slices.ContainsFunc(bases, func(r scheme.StandardRef) bool { return !wanted(r) }) {
				continue
			}
			all := []Standard{std}
			for _, r := range bases {
				s, e := c.StandardEdition(r)
				if e == nil {
					return nil, fmt.Errorf("%s takes from %s@%s, which the catalog has not; run `assay catalog lint`", std.BOMRef, r.Standard, r.Edition)
				}
				all = append(all, standard(c, s, e))
			}
			if err := add("schemes/"+fileName(s.ID, e.ID), std.Name+", "+e.ID, all...); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

func fileName(id, edition string) string {
	return strings.ReplaceAll(id+"_"+edition, "/", "-") + ".cdx.json"
}

// document begins a document; name is its own among those of the catalog.
func document(c *scheme.Catalog, name string) *BOM {
	return &BOM{
		Schema: schemaURL, Format: "CycloneDX", SpecVersion: SpecVersion, Version: 1,
		SerialNumber: "urn:uuid:" + uuid.NewSHA1(space, []byte(name+"\x00"+c.Digest)).String(),
		Metadata: Metadata{
			Timestamp: c.AsOf().String() + "T00:00:00Z", Authors: []Contact{{"Assay catalog"}},
			Properties: []Property{{"assay:catalog-digest", c.Digest}, {"assay:language", "en"}},
		},
	}
}

// Encode writes a document as indented JSON with a line feed at its end.
func (b *BOM) Encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(b); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// standard writes an edition: a requirement for each of its own, below one for
// each area.
func standard(c *scheme.Catalog, s *scheme.Standard, e *scheme.StandardEdition) Standard {
	ref := s.ID + "@" + e.ID
	std := Standard{
		BOMRef: ref, Name: line(s.Title.In("en")), Version: e.ID, Owner: s.Publisher, Description: rights,
		References: cite(cite(nil, c, &e.Fact), c, &s.Fact),
	}
	areas := map[string]bool{}
	for i := range e.Requirements {
		r := &e.Requirements[i]
		q := requirement(c, s, e, r)
		if r.Area != "" {
			a := area(ref, s, r.Area)
			q.Parent, q.Title = a.BOMRef, r.ID+" "+a.Title
			if !areas[r.Area] {
				areas[r.Area] = true
				std.Requirements = append(std.Requirements, a)
			}
		}
		std.Requirements = append(std.Requirements, q)
	}
	return std
}

func requirement(c *scheme.Catalog, s *scheme.Standard, e *scheme.StandardEdition, r *scheme.Requirement) Requirement {
	id := scheme.RequirementRef{Standard: s.ID, Edition: e.ID, Requirement: r.ID}.String()
	q := Requirement{BOMRef: id, Identifier: id, Title: r.ID, Text: line(r.Text.In("en")), References: cite(nil, c, &r.Fact)}
	q.Properties = sure([]Property{{"assay:status", string(r.Status)}}, &r.Fact)
	if r.When != nil {
		q.Properties = append(q.Properties, Property{"assay:applies-when", r.When.String()})
	}
	q.Properties = translations(q.Properties, "assay:text", r.Text)
	for i := range r.Contents {
		q.Descriptions = append(q.Descriptions, "Evidence contains: "+line(r.Contents[i].Text.In("en")))
	}
	return q
}

// area is the requirement that those of an area stand below. Its bom-ref has no
// slash, so that nobody takes it for a requirement.
func area(standard string, s *scheme.Standard, id string) Requirement {
	a := Requirement{BOMRef: standard + "#" + strings.ReplaceAll(id, " ", "-"), Title: id}
	a.Identifier = a.BOMRef
	if t := s.Area(id); t != nil {
		a.Title = line(t.Title.In("en"))
		a.Properties = translations(nil, "assay:title", t.Title)
	}
	return a
}

// levels writes an edition of a scheme as a standard without requirements of
// its own, and says which editions its levels take from.
func levels(c *scheme.Catalog, s *scheme.Scheme, e *scheme.Edition) (Standard, []scheme.StandardRef, error) {
	std := Standard{
		BOMRef: s.ID + "@" + e.ID, Name: line(s.Name.In("en")), Version: e.ID, Owner: line(s.AuthorityIn.In("en")),
		Description: "The levels as Assay reads the scheme; the authority has no part in this document and its own texts decide. " +
			"What the scheme says of what it issues: " + line(s.Disclaimer.In("en")),
		References: cite(cite(nil, c, &e.Fact), c, &s.Fact),
	}
	var bases []scheme.StandardRef
	for _, ref := range c.LevelRefs() {
		if ref.Scheme != s.ID || ref.Edition != e.ID {
			continue
		}
		d, err := c.Demands(ref)
		if err != nil {
			return std, nil, err
		}
		l := Level{BOMRef: ref.String(), Identifier: ref.String(), Title: line(d.Title("en"))}
		l.Description = "Attestation: " + string(d.Level.Attestation) + ". In force from " + e.From.String()
		if !e.Until.IsZero() {
			l.Description += " until " + e.Until.String()
		}
		l.Description += "."
		for i := range d.List {
			if r := d.List[i].Ref.String(); !slices.Contains(l.Requirements, r) {
				l.Requirements = append(l.Requirements, r)
			}
		}
		for _, r := range d.Standards() {
			if !slices.Contains(bases, r) {
				bases = append(bases, r)
			}
		}
		std.Levels = append(std.Levels, l)
	}
	return std, bases, nil
}

// sure states how well a fact is known, and where it is from.
func sure(ps []Property, f *scheme.Fact) []Property {
	ps = append(ps, Property{"assay:confidence", f.Confidence.String()}, Property{"assay:source", f.Source})
	if n := line(f.Note); n != "" {
		ps = append(ps, Property{"assay:note", n})
	}
	return ps
}

// translations are a text in the other languages, by name and language.
func translations(ps []Property, name string, t scheme.Text) []Property {
	langs := make([]string, 0, len(t))
	for l := range t {
		if l != "en" {
			langs = append(langs, l)
		}
	}
	slices.Sort(langs)
	for _, l := range langs {
		ps = append(ps, Property{name + ":" + l, line(t[l])})
	}
	return ps
}

// cite points at a fact's source, if it has an address.
func cite(rs []Reference, c *scheme.Catalog, f *scheme.Fact) []Reference {
	s := c.Sources[f.Source]
	if s.URL == "" {
		return rs
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return rs
	}
	r := Reference{"documentation", u.String(), line(s.Title)}
	if !s.Read.IsZero() {
		r.Comment += ", read " + s.Read.String()
	}
	if slices.Contains(rs, r) {
		return rs
	}
	return append(rs, r)
}

// line makes a text one line.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }
