package oscal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"assay/scheme"
)

// File is one document of an export.
type File struct {
	Path   string `json:"path"` // slash-separated, below the folder of the export
	Title  string `json:"title"`
	Size   int    `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // of Body, hexadecimal
	Body   []byte `json:"-"`
}

// Export writes everything that a catalog has as OSCAL: a catalog for each
// edition of a standard, a profile for each level of each edition of a scheme,
// and, from OSCAL 1.2.0 on, a collection for each mapping. A document names the
// others by address and by what their bytes are. With only, which may be nil,
// it is the editions named and the profiles and mappings that need no other.
//
// The same catalog gives the same bytes. Full exports are measured by
// BenchmarkExport.
func Export(c *scheme.Catalog, v Version, only []scheme.StandardRef) ([]File, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	for _, r := range only {
		if _, e := c.StandardEdition(r); e == nil {
			return nil, fmt.Errorf("the catalog has no %.80s@%.80s; write STANDARD@EDITION as `assay catalog list` names them", r.Standard, r.Edition)
		}
	}
	x := exporter{at: map[scheme.StandardRef]Reference{}}
	for i := range c.Standards {
		for j := range c.Standards[i].Editions {
			ref := scheme.StandardRef{Standard: c.Standards[i].ID, Edition: c.Standards[i].Editions[j].ID}
			if len(c.Standards[i].Editions[j].Requirements) == 0 || only != nil && !slices.Contains(only, ref) {
				continue
			}
			d, err := NewCatalog(c, ref, v)
			if err != nil {
				return nil, err
			}
			f, err := x.file(CatalogFile(ref), d.Catalog.Metadata.Title, d)
			if err != nil {
				return nil, err
			}
			x.at[ref] = Reference{"../" + f.Path, f.SHA256}
		}
	}
	for _, ref := range c.LevelRefs() {
		l, err := c.Demands(ref)
		if err != nil {
			return nil, err
		}
		if !x.has(l.Standards()...) {
			continue
		}
		d, err := NewProfile(c, ref, v, x.where)
		if err != nil {
			return nil, err
		}
		if _, err := x.file("profiles/"+levelFile(ref), d.Profile.Metadata.Title, d); err != nil {
			return nil, err
		}
	}
	for i := range c.Mappings {
		m := &c.Mappings[i]
		if v == V113 || !x.has(m.From, m.To) || len(m.Rows) == 0 {
			continue
		}
		d, err := NewMapping(c, m, v, x.where)
		if err != nil {
			return nil, err
		}
		if _, err := x.file("mappings/"+strings.ReplaceAll(m.ID, "/", "-")+".json", d.MappingCollection.Metadata.Title, d); err != nil {
			return nil, err
		}
	}
	return x.files, nil
}

// CatalogFile is where an export puts the catalog of a standard's edition.
func CatalogFile(r scheme.StandardRef) string {
	return "catalogs/" + standardID(r.Standard, r.Edition) + ".json"
}

func levelFile(r scheme.LevelRef) string {
	parts := []string{token(r.Scheme), r.Edition}
	if r.Profile != "" {
		parts = append(parts, r.Profile)
	}
	return strings.ReplaceAll(strings.Join(append(parts, r.Level), "_"), "/", "-") + ".json"
}

type exporter struct {
	files []File
	at    map[scheme.StandardRef]Reference
}

func (x *exporter) where(r scheme.StandardRef) Reference { return x.at[r] }

func (x *exporter) has(refs ...scheme.StandardRef) bool {
	return !slices.ContainsFunc(refs, func(r scheme.StandardRef) bool { return x.at[r].Href == "" })
}

func (x *exporter) file(path, title string, d *Document) (File, error) {
	b, err := d.Encode()
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(b)
	f := File{path, title, len(b), hex.EncodeToString(sum[:]), b}
	x.files = append(x.files, f)
	return f, nil
}
