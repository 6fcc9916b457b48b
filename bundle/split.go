package bundle

import (
	"bytes"
	"fmt"
	"strings"

	"assay/evidence"

	"go.yaml.in/yaml/v3"
)

// Split takes one evidence apart into the files of a bundle. A report keeps
// its own text, to which its signature belongs; the rest is written anew,
// without comments. The artifacts that it names are not in the bundle yet.
func Split(ev *evidence.Evidence) (*Bundle, error) {
	b := &Bundle{files: map[string][]byte{}}
	put := func(p string, v any) error {
		text, err := marshal(v)
		if err != nil {
			return fmt.Errorf("bundle: %s: %w", p, err)
		}
		return b.Put(p, text)
	}
	if err := put(productFile, productText{ev.Product, ev.Firmware, ev.Support, ev.Declaration}); err != nil {
		return nil, err
	}
	if len(ev.Features)+len(ev.ICS) > 0 {
		if err := put(icsFile, icsText{ev.Features, ev.ICS}); err != nil {
			return nil, err
		}
	}
	for _, id := range sorted(ev.IXIT) {
		rows := ev.IXIT[id]
		if rows == nil {
			rows = []evidence.Row{}
		}
		if err := put(tables+"/"+id+yamlExt, tableText{rows}); err != nil {
			return nil, err
		}
	}
	for i := range ev.Reports {
		s := &ev.Reports[i]
		p := b.free(reports, s.Name, i)
		if err := b.Put(p, []byte(s.Body)); err != nil {
			return nil, err
		}
		if s.Signature != "" {
			if err := b.Put(p+sigExt, []byte(s.Signature+"\n")); err != nil {
				return nil, err
			}
		}
	}
	for i := range ev.Imports {
		if err := put(b.free(imports, ev.Imports[i].Name, i), ev.Imports[i]); err != nil {
			return nil, err
		}
	}
	if len(ev.Claims) > 0 {
		if err := put(claimsFile, claimsText{ev.Claims}); err != nil {
			return nil, err
		}
	}
	return b, b.assemble()
}

// free is the path in dir for the i-th thing there, after what it is called;
// by its number alone where that is no name for a file, or taken.
func (b *Bundle) free(dir, called string, i int) string {
	name := strings.TrimSuffix(called, yamlExt) + yamlExt
	if p := dir + "/" + name; portable(name) && b.files[p] == nil {
		return p
	}
	return fmt.Sprintf("%s/%05d%s", dir, i+1, yamlExt)
}

func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}

// New is an empty bundle in memory, to be filled with Put.
func New() *Bundle { return &Bundle{files: map[string][]byte{}, Evidence: &evidence.Evidence{}} }

// Put sets a text file of the bundle by its path in it. Evidence follows with
// [Bundle.Parse]; on disk it changes with [Bundle.Save].
func (b *Bundle) Put(path string, text []byte) error {
	if err := safe(path); err != nil {
		return err
	}
	switch k, _ := classify(path); {
	case b.flat != "":
		return fmt.Errorf("%w: %s is one file of evidence", ErrNoBundle, b.flat)
	case !k.text():
		return fmt.Errorf("%w: %.80q is no text file of a bundle", ErrNoBundle, path)
	case len(text) > MaxText:
		return fmt.Errorf("%w: %.80q has %d bytes, at most %d", ErrTooLarge, path, len(text), MaxText)
	}
	b.files[path] = text
	return nil
}

// Parse reads the text files again, after Put.
func (b *Bundle) Parse() error { return b.assemble() }
