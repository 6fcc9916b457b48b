// Package catalog has the data that an office decides with: standards,
// schemes, arrangements and market rules as YAML, embedded; how it is read,
// named by digest, packed and linted.
//
// A catalog is a folder:
//
//	sources.yaml            key → document that facts point at
//	categories.yaml         the common product taxonomy
//	standards/ID.yaml       a standard, with its features
//	standards/ID@ED.yaml    one edition of it in a file of its own
//	tests/ID@ED.yaml        a test specification: IXIT tables, groups, cases, units
//	mappings/ID.yaml        how requirements of two standards relate
//	laboratories/ID.yaml    a laboratory with its keys and scopes
//	schemes/ID.yaml         a scheme with its dated editions
//	arrangements/ID.yaml    an arrangement with its clauses
//	markets/ID.yaml         what has to be there before sale
//
// The catalog here only offers. What is in force is the archive whose digest
// an office adopted by an act, so that a new binary changes no recognition.
package catalog

import (
	"embed"
	"io/fs"
	"sync"

	"assay/scheme"
)

//go:embed sources.yaml categories.yaml standards/*.yaml tests/*.yaml mappings/*.yaml laboratories/*.yaml schemes/*.yaml arrangements/*.yaml markets/*.yaml
var embedded embed.FS

var load = sync.OnceValues(func() (*scheme.Catalog, error) { return Load(embedded) })

// Embedded is the catalog in this binary. All callers share one value and
// must not change it.
func Embedded() (*scheme.Catalog, error) { return load() }

// EmbeddedFS is the folder that Embedded is read from, for Archive and Digest.
func EmbeddedFS() fs.FS { return embedded }
