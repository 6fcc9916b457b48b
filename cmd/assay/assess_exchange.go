package main

import (
	"fmt"
	"os"
	"path/filepath"

	"assay/exchange/attest"
	"assay/exchange/oscal"
)

// exchangeOut is where `assay assess` writes what other programs read.
type exchangeOut struct{ oscal, version, attest string }

func exchangeFlags(v *verb) *exchangeOut {
	o := &exchangeOut{}
	v.StringVar(&o.oscal, "oscal", "", "")
	v.StringVar(&o.version, "oscal-version", string(oscal.V123), "")
	v.StringVar(&o.attest, "attest", "", "")
	return o
}

func (o *exchangeOut) write(a *assessment) error {
	if o.oscal != "" {
		d, err := oscal.NewResults(a.cat, a.ev, a.Results, a.Contradictions, oscal.Version(o.version), oscal.ResultRefs{Catalog: besideCatalogs})
		if err != nil {
			return fmt.Errorf("--oscal: %w", err)
		}
		if err := writeDocument(o.oscal, d.Encode); err != nil {
			return fmt.Errorf("--oscal: %w", err)
		}
	}
	if o.attest != "" {
		b, err := attest.Declare(a.cat, a.ev, a.Results)
		if err != nil {
			return fmt.Errorf("--attest: %w", err)
		}
		if err := writeDocument(o.attest, b.Encode); err != nil {
			return fmt.Errorf("--attest: %w", err)
		}
	}
	return nil
}

// writeDocument writes a file whole or not at all; one that is there is
// replaced, as with a redirection.
func writeDocument(name string, encode func() ([]byte, error)) error {
	body, err := encode()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".assay-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(body); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
