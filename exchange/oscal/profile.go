package oscal

import (
	"slices"
	"strconv"

	"assay/scheme"
)

// Reference says where another document lies and what its bytes are. A zero
// hash is left out; without an address the document is only named.
type Reference struct {
	Href   string
	SHA256 string // hexadecimal
}

// resource is a document of ours in the back matter of another.
func resource(uuid, title, identifier string, at Reference) Resource {
	r := Resource{
		UUID: uuid, Title: line(title), DocumentIDs: []DocumentID{{Scheme: schemeAssay, Identifier: identifier}},
	}
	if at.Href == "" {
		r.Citation = &Citation{Text: r.Title + " (" + identifier + ")"}
		return r
	}
	r.RLinks = []RLink{{Href: at.Href, MediaType: "application/oscal+json"}}
	if at.SHA256 != "" {
		r.RLinks[0].Hashes = []Hash{{"SHA-256", at.SHA256}}
	}
	return r
}

// catalogResource adds a catalog of ours to the back matter and is its address there.
func (b *builder) catalogResource(r scheme.StandardRef, at Reference) string {
	name := r.Standard + "@" + r.Edition
	id := id5("resource", "catalog", name)
	title := name
	if s := b.c.Standard(r.Standard); s != nil {
		title = s.Title.In("en") + ", edition " + r.Edition
	}
	return b.add(resource(id, title, name, at))
}

// NewProfile writes what a level asks for, with all below it, as an OSCAL
// profile over our catalogs; where finds their files. How and by whom each
// requirement must be shown stands in the properties that it adds, a group for
// each time the level, or one below it, asks.
func NewProfile(c *scheme.Catalog, ref scheme.LevelRef, v Version, where func(scheme.StandardRef) Reference) (*Document, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	l, err := c.Demands(ref)
	if err != nil {
		return nil, err
	}
	b := newBuilder(c, v)
	p := &Profile{UUID: id5("profile", ref.String(), c.Digest, string(v)), Metadata: b.levelMetadata(l), Merge: &Merge{AsIs: true}}
	for _, s := range l.Standards() {
		imp := ProfileImport{Href: b.catalogResource(s, where(s))}
		ids := []string{}
		for _, d := range l.List {
			if id := ControlID(d.Ref); d.Ref.Standard == s.Standard && d.Ref.Edition == s.Edition && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		imp.Include = []SelectByID{{WithIDs: ids}}
		p.Imports = append(p.Imports, imp)
	}
	p.Modify = &Modify{Alters: b.alters(l)}
	p.BackMatter = b.backMatter()
	return &Document{Profile: p}, nil
}

func (b *builder) levelMetadata(l *scheme.Demands) Metadata {
	s, e := l.Scheme, l.Edition
	m := b.metadata(l.Title("en"), l.String())
	t := scheme.Text{}
	for lang := range s.Name {
		t[lang] = l.Title(lang)
	}
	m.Props = titles(m.Props, t)
	for _, p := range [][2]string{
		{"scheme", s.ID}, {"scheme-edition", e.ID}, {"level", l.Level.ID}, {"level-rank", strconv.Itoa(l.Rank + 1)}, {"profile", l.LevelRef.Profile},
		{"attestation", string(l.Level.Attestation)}, {"territory", s.Territory}, {"scheme-state", string(s.State)}, {"in-force-from", e.From.String()},
	} {
		m.Props = prop(m.Props, p[0], p[1])
	}
	if !e.Until.IsZero() {
		m.Props = prop(m.Props, "in-force-until", e.Until.String())
	}
	categories, fact := l.Categories(), l.Level.Fact
	if l.Profile != nil {
		fact = l.Profile.Fact
	}
	for i := range categories {
		m.Props = append(m.Props, Prop{Name: "category", NS: Namespace, Value: categories[i].Category, Remarks: line(categories[i].Note)})
	}
	for i := range e.Except {
		m.Props = append(m.Props, Prop{Name: "category-excluded", NS: Namespace, Value: e.Except[i].Category, Remarks: line(e.Except[i].Note)})
	}
	m.Props = sure(m.Props, &fact)
	m.Links = b.cite(b.cite(b.cite(nil, &fact), &e.Fact), &s.Fact)
	m.party("authority", "Authority that runs the scheme", "authority/"+s.Authority, s.AuthorityIn.In("en"))
	m.Remarks = "What the level asks for, with all levels below it, as Assay reads the scheme; the authority has no part in this document and its own texts decide. " +
		"What the scheme itself says of what it issues: " + line(s.Disclaimer.In("en")) + "\n\n" + rights
	return m
}

// alters state for each requirement how and by whom it must be shown.
func (b *builder) alters(l *scheme.Demands) (as []Alter) {
	at := map[string]int{}
	for _, d := range l.List {
		id := ControlID(d.Ref)
		if _, known := at[id]; !known {
			at[id] = len(as)
			as = append(as, Alter{ControlID: id, Adds: []Add{{Position: "ending"}}})
		}
		add := &as[at[id]].Adds[0]
		n := 1
		for _, p := range add.Props {
			if p.Name == "method" {
				n++
			}
		}
		first := len(add.Props)
		for _, p := range [][2]string{{"level", d.Level}, {"method", string(d.Adds.Method)}, {"by", string(d.Adds.By)}, {"duty", yesNo(b.c.Duty(&d))}} {
			add.Props = prop(add.Props, p[0], p[1])
		}
		if d.Adds.MaxAge > 0 {
			add.Props = prop(add.Props, "max-age-months", strconv.Itoa(d.Adds.MaxAge))
		}
		if d.Adds.When != nil {
			add.Props = prop(add.Props, "applies-when", d.Adds.When.String())
		}
		add.Props = sure(add.Props, &d.Adds.Fact)
		for i := first; i < len(add.Props); i++ {
			add.Props[i].Group = "demand-" + strconv.Itoa(n)
		}
		add.Links = b.cite(add.Links, &d.Adds.Fact)
	}
	return as
}
