// Package bundle has a maker's evidence as people keep it: a folder, or a zip of one
// with a file for each thing that one person fills in and the
// documents beside it, each named by its hash.
//
//	product.yaml           product, firmware, support, declaration
//	ics.yaml               features, ics
//	ixit/TABLE.yaml        rows, one file for each IXIT table
//	verdicts/NAME.yaml     a report; NAME.yaml.sig beside it is its signature
//	imports/NAME.yaml      what a tool's file says
//	claims.yaml            other claims
//	artifacts/SHA256[.EXT] documents and records, by their hash
//
// The whole is one [evidence.Evidence], which is what an office takes. A single
// file of evidence opens as well: a bundle without artifacts.
//
// What it trusts: nothing in the files. A zip is unpacked by a process that can
// do nothing but compute (package confine), and what that says is checked again.
package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"assay/evidence"
)

// Bundle is an opened bundle. Its text is in memory, its artifacts are not.
type Bundle struct {
	Evidence  *evidence.Evidence
	Artifacts []Artifact // in the order of their paths

	files   map[string][]byte // text files by path
	strange []string          // paths that no file of a bundle has, in the order in which they were met
	flat    string            // the one file of evidence where it is no folder
	from    source            // where artifacts can be read again; nil: it has none

	tables  map[string]string // table id to path
	reports []string          // paths by index of Evidence.Reports
	imports []string          // paths by index of Evidence.Imports
}

// Artifact is a file in artifacts/.
type Artifact struct {
	Path   string        // in the bundle
	Named  evidence.Hash // as its name says
	SHA256 evidence.Hash // of its bytes
	Size   int64         // bytes
	crc    uint32        // IEEE, as a zip wants it beforehand
}

// The text files, as they are parsed. Each has a part of [evidence.Evidence].
type (
	productText struct {
		Product     evidence.Product      `json:"product" yaml:"product"`
		Firmware    []evidence.Firmware   `json:"firmware,omitempty" yaml:"firmware,omitempty"`
		Support     evidence.Support      `json:"support,omitzero" yaml:"support,omitempty"`
		Declaration *evidence.Declaration `json:"declaration,omitempty" yaml:"declaration,omitempty"`
	}
	icsText struct {
		Features map[string]evidence.Feature `json:"features,omitempty" yaml:"features,omitempty"`
		ICS      []evidence.ICS              `json:"ics,omitempty" yaml:"ics,omitempty"`
	}
	tableText struct {
		Rows []evidence.Row `json:"rows" yaml:"rows"`
	}
	claimsText struct {
		Claims []evidence.Claim `json:"claims" yaml:"claims"`
	}
)

// source gives every file of a bundle once, to be read to its end or not at
// all. What it refuses wraps the errors of this package.
type source interface {
	walk(ctx context.Context, sink func(path string, r io.Reader) error) error
}

// Open reads a folder, a zip, or a single file of evidence (YAML or JSON).
//
// It refuses as a whole what is not safe or out of bounds, with an error that
// wraps [ErrUnsafe], [ErrTooLarge] or [ErrNoBundle], and what cannot be parsed,
// with all such files' errors, each an [*evidence.Error] with file and line.
// What can be read and is wrong is for [Bundle.Findings] to say.
func Open(name string) (*Bundle, error) { return OpenContext(context.Background(), name) }

// OpenContext is [Open] for a caller that may want to end it early.
func OpenContext(ctx context.Context, name string) (*Bundle, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return read(ctx, folder(name))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is neither a folder nor a file", ErrNoBundle, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if s := string(head[:n]); s == "PK\x03\x04" || s == "PK\x05\x06" { // a file's header, or the end of an empty zip
		return read(ctx, archive(name))
	}
	b, err := io.ReadAll(io.MultiReader(bytes.NewReader(head[:n]), io.LimitReader(f, evidence.MaxSize)))
	if err != nil {
		return nil, err
	}
	return Read(name, b)
}

// Read takes a single file of evidence. The name is for messages only.
func Read(name string, b []byte) (*Bundle, error) {
	ev, err := evidence.Parse(b)
	if err != nil {
		var e *evidence.Error
		if errors.As(err, &e) && e.File == "" {
			e.File = name
		}
		return nil, err
	}
	return &Bundle{Evidence: ev, files: map[string][]byte{name: b}, flat: name}, nil
}

// read takes in a source.
func read(ctx context.Context, from source) (*Bundle, error) {
	b := &Bundle{files: map[string][]byte{}, from: from}
	err := from.walk(ctx, func(p string, r io.Reader) error {
		switch k, name := classify(p); {
		case k.text():
			text, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			b.files[p] = text
		case k == artifact:
			a := Artifact{Path: p}
			h, c := sha256.New(), crc32.NewIEEE()
			n, err := io.Copy(io.MultiWriter(h, c), r)
			if err != nil {
				return err
			}
			a.Size, a.SHA256, a.crc = n, evidence.Hash(h.Sum(nil)), c.Sum32()
			if err := a.Named.UnmarshalText([]byte(name)); err != nil {
				return err
			}
			b.Artifacts = append(b.Artifacts, a)
		case k == other:
			b.strange = append(b.strange, p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if b.files[productFile] == nil {
		if ps := b.products(); len(ps) > 1 {
			return nil, fmt.Errorf("%w: it holds several products (%s): keep one product in one bundle", ErrNoBundle, strings.Join(ps, ", "))
		}
		return nil, fmt.Errorf("%w: there is no %s: `assay evidence init` makes a bundle", ErrNoBundle, productFile)
	}
	slices.SortFunc(b.Artifacts, func(x, y Artifact) int { return strings.Compare(x.Path, y.Path) })
	slices.Sort(b.strange)
	return b, b.assemble()
}

// products are the files that each look like a bundle's product.
func (b *Bundle) products() (ps []string) {
	for _, p := range b.strange {
		if path.Base(p) == productFile {
			ps = append(ps, p)
		}
	}
	return ps
}

// assemble parses the text files into one evidence.
func (b *Bundle) assemble() error {
	ev := &evidence.Evidence{}
	b.Evidence, b.tables, b.reports, b.imports = ev, map[string]string{}, nil, nil
	var errs []error
	for _, p := range slices.Sorted(maps.Keys(b.files)) {
		text := b.files[p]
		var err error
		switch k, name := classify(p); k {
		case product:
			var t productText
			err = evidence.ParseFile(p, text, &t)
			ev.Product, ev.Firmware, ev.Support, ev.Declaration = t.Product, t.Firmware, t.Support, t.Declaration
		case ics:
			var t icsText
			err = evidence.ParseFile(p, text, &t)
			ev.Features, ev.ICS = t.Features, t.ICS
		case table:
			var t tableText
			err = evidence.ParseFile(p, text, &t)
			if ev.IXIT == nil {
				ev.IXIT = map[string][]evidence.Row{}
			}
			ev.IXIT[name], b.tables[name] = t.Rows, p
		case verdicts:
			var s *evidence.Signed
			s, err = evidence.NewSigned(name, text, strings.TrimSpace(string(b.files[p+sigExt])))
			if err == nil {
				ev.Reports = append(ev.Reports, *s)
				b.reports = append(b.reports, p)
			}
		case imported:
			var m evidence.Import
			err = evidence.ParseFile(p, text, &m)
			ev.Imports = append(ev.Imports, m)
			b.imports = append(b.imports, p)
		case claims:
			var t claimsText
			err = evidence.ParseFile(p, text, &t)
			ev.Claims = t.Claims
		}
		var e *evidence.Error
		if errors.As(err, &e) {
			e.File = p
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// JSON is the evidence as an office takes it. It fails where the whole is
// larger than an office reads, though each of its files is not.
func (b *Bundle) JSON() ([]byte, error) {
	j, err := json.Marshal(b.Evidence)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if _, err := evidence.Parse(j); err != nil {
		return nil, fmt.Errorf("%w: as one file: %w", ErrTooLarge, err)
	}
	return j, nil
}

// Text is a text file of the bundle, by its path in it; nil where it has none.
func (b *Bundle) Text(path string) []byte { return b.files[path] }

// Texts are the paths of the text files, sorted.
func (b *Bundle) Texts() []string { return slices.Sorted(maps.Keys(b.files)) }
