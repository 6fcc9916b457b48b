package oscal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"assay/civil"
	"assay/scheme"

	"github.com/google/uuid"
)

// space is the namespace of all UUIDs here, itself made of Namespace.
var space = uuid.NewSHA1(uuid.NameSpaceURL, []byte(Namespace))

// id5 is the UUID of version 5 of a name.
func id5(name ...string) string {
	return uuid.NewSHA1(space, []byte(strings.Join(name, "\x00"))).String()
}

// Encode writes a document as indented JSON with a line feed at its end.
func (d *Document) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ControlID is the id of a requirement's control: an OSCAL token, unique over
// standards and editions, since a resolved profile and the target of a finding
// have nothing else to tell them apart by.
func ControlID(r scheme.RequirementRef) string {
	return standardID(r.Standard, r.Edition) + "_" + r.Requirement
}

func standardID(standard, edition string) string { return token(standard) + "_" + edition }

// token makes an id one that starts like an OSCAL token.
func token(id string) string {
	if id != "" && (id[0] < 'a' || id[0] > 'z') {
		id = "n" + id
	}
	return strings.ReplaceAll(id, "/", "-")
}

// line makes a text one line without space at its ends, as string values and
// titles have to be.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

// prop is a property in our namespace; an empty value gives none.
func prop(ps []Prop, name, value string) []Prop {
	if value = line(value); value == "" {
		return ps
	}
	return append(ps, Prop{Name: name, NS: Namespace, Value: value})
}

// builder makes one document and remembers the sources it points at.
type builder struct {
	c        *scheme.Catalog
	version  Version
	modified string
	used     map[string]bool
	extra    []Resource      // resources that are no sources, first in the back matter
	known    map[string]bool // UUIDs of extra
}

func newBuilder(c *scheme.Catalog, v Version) *builder {
	return &builder{c: c, version: v, modified: timestamp(c.AsOf()), used: map[string]bool{}, known: map[string]bool{}}
}

func timestamp(day civil.Date) string { return day.String() + "T00:00:00Z" }

// add puts a resource into the back matter, once, and is its address there.
func (b *builder) add(r Resource) string {
	if !b.known[r.UUID] {
		b.known[r.UUID] = true
		b.extra = append(b.extra, r)
	}
	return "#" + r.UUID
}

// cite points at a fact's source.
func (b *builder) cite(ls []Link, f *scheme.Fact) []Link {
	if _, known := b.c.Sources[f.Source]; !known {
		return ls
	}
	b.used[f.Source] = true
	l := Link{Href: "#" + id5("source", f.Source), Rel: "reference"}
	if slices.Contains(ls, l) {
		return ls
	}
	return append(ls, l)
}

// sure states how well a fact is known, with what a reader has to know.
func sure(ps []Prop, f *scheme.Fact) []Prop {
	return append(ps, Prop{Name: "confidence", NS: Namespace, Value: f.Confidence.String(), Remarks: line(f.Note)})
}

// backMatter has the resources pointed at, sources in the order of their keys.
func (b *builder) backMatter() *BackMatter {
	m := &BackMatter{Resources: b.extra}
	for _, key := range sortedKeys(b.used) {
		m.Resources = append(m.Resources, source(key, b.c.Sources[key]))
	}
	if len(m.Resources) == 0 {
		return nil
	}
	return m
}

func source(key string, s scheme.Source) Resource {
	r := Resource{
		UUID: id5("source", key), Title: line(s.Title),
		Props:    []Prop{{Name: "source-key", NS: Namespace, Value: key}},
		Citation: &Citation{Text: line(s.Title)},
	}
	if !s.Date.IsZero() {
		r.Props = append(r.Props, Prop{Name: "published", Value: timestamp(s.Date)})
		r.Citation.Text += ", " + s.Date.String()
	}
	if !s.Read.IsZero() {
		r.Props = prop(r.Props, "read", s.Read.String())
		r.Citation.Text += ", read " + s.Read.String()
	}
	if s.URL == "" {
		r.Remarks = "It cannot be cited by an address."
		return r
	}
	// An address with letters beyond ASCII is no URI until they are escaped.
	if u, err := url.Parse(s.URL); err == nil {
		r.RLinks = []RLink{{Href: u.String()}}
	}
	return r
}

// metadata is what all documents say of themselves.
func (b *builder) metadata(title, identifier string) Metadata {
	self := Party{UUID: id5("party", "assay"), Type: "organization", Name: "Assay catalog", ShortName: "Assay"}
	return Metadata{
		Title: line(title), LastModified: b.modified, Version: b.release(), OSCALVersion: b.version,
		DocumentIDs: []DocumentID{{Scheme: schemeAssay, Identifier: identifier}},
		Props: []Prop{
			{Name: "language", NS: Namespace, Value: "en"},
			{Name: "catalog-digest", NS: Namespace, Value: b.c.Digest},
		},
		Roles:       []Role{{"creator", "Author of the paraphrases and of this document"}},
		Parties:     []Party{self},
		Responsible: []ResponsibleParty{{"creator", []string{self.UUID}}},
	}
}

// release is the version of documents: the beginning of the catalog's digest.
func (b *builder) release() string {
	if len(b.c.Digest) < 12 {
		return "unreleased"
	}
	return b.c.Digest[:12]
}

// party adds an organization with a role.
func (m *Metadata) party(role, title, key, name string, props ...Prop) string {
	p := Party{UUID: id5("party", key), Type: "organization", Name: line(name), Props: props}
	if !slices.ContainsFunc(m.Parties, func(q Party) bool { return q.UUID == p.UUID }) {
		m.Parties = append(m.Parties, p)
	}
	if !slices.ContainsFunc(m.Roles, func(r Role) bool { return r.ID == role }) {
		m.Roles = append(m.Roles, Role{role, title})
	}
	m.Responsible = append(m.Responsible, ResponsibleParty{role, []string{p.UUID}})
	return p.UUID
}

// titles states a title in the other languages; OSCAL has no place for them.
func titles(ps []Prop, t scheme.Text) []Prop {
	for _, lang := range sortedKeys(t) {
		if lang != "en" {
			ps = append(ps, Prop{Name: "title", NS: Namespace, Value: line(t[lang]), Class: lang})
		}
	}
	return ps
}

// part is prose in English with a part below it for each other language.
func part(id, name string, t scheme.Text) Part {
	p := Part{ID: id, Name: name, Prose: strings.TrimSpace(t.In("en"))}
	for _, lang := range sortedKeys(t) {
		if lang == "en" {
			continue
		}
		p.Parts = append(p.Parts, Part{
			ID: id + "_" + lang, Name: "translation", NS: Namespace, Class: lang,
			Props: []Prop{{Name: "lang", NS: Namespace, Value: lang}}, Prose: strings.TrimSpace(t[lang]),
		})
	}
	return p
}

func sortedKeys[V any](m map[string]V) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

func (v Version) check() error {
	if !slices.Contains(Versions, v) {
		return fmt.Errorf("OSCAL %.20q cannot be written; take one of %v", string(v), Versions)
	}
	return nil
}
