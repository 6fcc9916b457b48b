package oscal

import (
	"path"
	"strings"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// product writes what documents about one product have in common. All of them
// call the same thing by the same UUID, whichever document it stands in.
type product struct {
	*builder
	ev    *evidence.Evidence
	key   string // names the product among all
	where func(scheme.StandardRef) Reference
}

func newProduct(c *scheme.Catalog, ev *evidence.Evidence, v Version, where func(scheme.StandardRef) Reference) *product {
	p := &product{builder: newBuilder(c, v), ev: ev, key: ev.Product.Holder + "\x00" + ev.Product.Brand + "\x00" + ev.Product.Name, where: where}
	if p.where == nil {
		p.where = func(scheme.StandardRef) Reference { return Reference{} }
	}
	return p
}

func (p *product) id(kind string, name ...string) string {
	return id5(append([]string{kind, p.key}, name...)...)
}

func (p *product) uuid() string { return p.id("product") }

func (p *product) title() string { return line(p.ev.Product.Brand + " " + p.ev.Product.Name) }

// props are what tells the product apart.
func (p *product) props() (ps []Prop) {
	ps = prop(ps, "holder", p.ev.Product.Holder)
	ps = prop(ps, "brand", p.ev.Product.Brand)
	for _, f := range p.ev.Product.Functions {
		ps = prop(ps, "category", f)
	}
	for _, m := range p.ev.Product.Models {
		ps = prop(ps, "model", m.ID)
		for _, w := range m.Variants {
			ps = prop(ps, "model", w.ID)
		}
	}
	for _, f := range p.ev.Firmware {
		ps = append(ps, Prop{Name: "firmware-sha256", NS: Namespace, Value: f.SHA256.String(), Remarks: line(f.Version)})
	}
	if !p.ev.Support.End.IsZero() {
		ps = prop(ps, "support-end", p.ev.Support.End.String())
	}
	return ps
}

// component is the product as plans and results define it.
func (p *product) component() SystemComponent {
	return SystemComponent{
		UUID: p.uuid(), Type: "hardware", Title: p.title(), Description: "The product that is assessed: " + strings.Join(p.ev.Product.Functions, ", ") + ".",
		Props: p.props(), Status: State{State: "operational"},
	}
}

// metadata is that of a document about the product, as of a day, with its maker.
func (p *product) metadata(title, kind string, day civil.Date) (m Metadata, maker string) {
	p.modified = timestamp(day)
	m = p.builder.metadata(title, kind+":"+p.ev.Product.Holder+":"+slugOf(p.title()))
	m.Parties = nil
	m.Roles, m.Responsible = nil, nil
	maker = m.party("maker", "Maker of the product, or who applies for it", "holder/"+p.ev.Product.Holder, p.ev.Product.Holder)
	return m, maker
}

// slugOf keeps letters and digits of a name.
func slugOf(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, s), "-")
}

// artifact adds a document of the evidence to the back matter, where it lies in
// a bundle, and is its address here.
func (b *builder) artifact(a evidence.Artifact) string {
	id := id5("artifact", a.SHA256.String())
	if b.known[id] {
		return "#" + id
	}
	r := Resource{UUID: id, Title: line(a.Name), RLinks: []RLink{{
		Href: "artifacts/" + a.SHA256.String() + extension(a.Name), Hashes: []Hash{{"SHA-256", a.SHA256.String()}},
	}}}
	for _, s := range a.Shows {
		r.Props = prop(r.Props, "shows", s)
	}
	return b.add(r)
}

// extension is that of a name, where it is plain enough for an address.
func extension(name string) string {
	ext := path.Ext(name)
	if len(ext) > 10 || strings.ContainsFunc(ext, func(r rune) bool {
		return r != '.' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) {
		return ""
	}
	return ext
}

// featuresOf are the features that an edition's conditions ask about, those of
// its IXIT tables included.
func featuresOf(c *scheme.Catalog, s *scheme.Standard, e *scheme.StandardEdition) map[string]bool {
	asked := map[string]bool{}
	see := func(f string) { asked[f] = true }
	for i := range e.Requirements {
		e.Requirements[i].When.Features(see)
	}
	if spec := c.TestSpecOf(s.ID, e.ID); spec != nil {
		for i := range spec.Tables {
			spec.Tables[i].When.Features(see)
		}
	}
	return asked
}
