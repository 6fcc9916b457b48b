// Package spdx reads SPDX documents: 2.0 to 2.3 as JSON and as tags with
// values, and 3.0 as JSON-LD in the compact form that its specification fixes.
//
// It reads the few fields itself rather than through SPDX's own Go library,
// which panics on a null in a list, knows no line numbers, ends at lines of
// 64 KiB and reads a sixth as fast; the tests of interoperation hold it against
// that library.
package spdx

import (
	"bytes"
	"slices"
	"strings"

	"assay/evidence"
	"assay/exchange/intake"
)

// Format is the word for it in an import.
const Format = "spdx"

// Read reads a document. Its errors are of type *evidence.Error.
func Read(f *intake.File, _ intake.Options) (*intake.Result, error) {
	if t := bytes.TrimLeft(f.Text, " \t\r\n"); t[0] != '{' && t[0] != '[' {
		return readTags(f)
	}
	h, err := f.Head()
	if err != nil {
		return nil, err
	}
	if h.Has("spdxVersion") {
		return readJSON(f)
	}
	return readLD(f, h)
}

// known refuses versions of the 2 series that are not read.
func known(version string) bool {
	return slices.Contains([]string{"SPDX-2.0", "SPDX-2.1", "SPDX-2.2", "SPDX-2.3"}, version)
}

// pkg is a package of a document of the 2 series, by whichever form.
type pkg struct {
	id, name, version, supplier, originator string
	concluded, declared, purpose, sha256    string
	purl, cpe                               string
}

// document is a document of the 2 series.
type document struct {
	f         *intake.File
	created   string
	creators  []string
	packages  []pkg
	described map[string]bool // ids of what the document is about
	files     int
}

// result makes the import. What the document describes is its target and no
// part of itself, unless there is nothing else.
func (d *document) result() (*intake.Result, error) {
	r := intake.New(d.f, Format)
	r.Import.Date = intake.Day(d.created)
	tools(r, d.creators)
	var target *pkg
	for i := range d.packages {
		if p := &d.packages[i]; d.described[p.id] {
			if target != nil {
				target = nil // about several things: a list of parts
				break
			}
			target = p
		}
	}
	if target != nil {
		r.Import.Target = intake.Line(strings.TrimSpace(target.name + " " + target.version))
		r.Import.Firmware, _ = hash(target.sha256)
	}
	left := 0
	for i := range d.packages {
		p := &d.packages[i]
		if p == target && len(d.packages) > 1 {
			continue
		}
		if p.purpose == "FILE" || p.purpose == "DEVICE" || p.purpose == "DATA" {
			left++
			continue
		}
		name := intake.Line(p.name)
		h, ok := hash(p.sha256)
		if !ok {
			r.Note("the SHA-256 of %s is none and was left out", name)
		}
		r.Import.Components = append(r.Import.Components, evidence.Component{
			Name: name, Version: intake.Line(said(p.version)), PURL: intake.Line(p.purl), CPE: intake.Line(p.cpe),
			Supplier: intake.Line(supplier(p.supplier, p.originator)), License: intake.Line(license(p.concluded, p.declared)), SHA256: h,
		})
	}
	if left > 0 {
		r.Note("packages that are files, data or hardware, left out: %d", left)
	}
	if d.files > 0 {
		r.Note("files that are listed one by one, left out: %d", d.files)
	}
	return r.Finish(d.f)
}

// tools takes the program out of creators, as in "Tool: syft-1.2".
func tools(r *intake.Result, creators []string) {
	var names []string
	for _, c := range creators {
		if t, ok := strings.CutPrefix(strings.TrimSpace(c), "Tool:"); ok {
			names = append(names, intake.Line(t))
		}
	}
	r.Import.Tool = intake.Line(strings.Join(names, ", "))
	if len(names) == 1 { // by convention NAME-VERSION
		if i := strings.LastIndexByte(names[0], '-'); i > 0 && i+1 < len(names[0]) && strings.ContainsAny(names[0][i+1:i+2], "0123456789v") {
			r.Import.Tool, r.Import.Version = names[0][:i], names[0][i+1:]
		}
	}
}

// said is a value, "" for what says that there is none.
func said(s string) string {
	if s == "NOASSERTION" || s == "NONE" {
		return ""
	}
	return s
}

func license(concluded, declared string) string {
	if s := said(concluded); s != "" {
		return s
	}
	return said(declared)
}

// supplier is the organization; a person is none, and nobody's business here.
func supplier(candidates ...string) string {
	for _, s := range candidates {
		if o, ok := strings.CutPrefix(s, "Organization:"); ok {
			o, _, _ = strings.Cut(o, "(") // an address for mail
			return strings.TrimSpace(o)
		}
	}
	return ""
}

// hash reads a SHA-256; ok is false where there is one that cannot be.
func hash(s string) (h evidence.Hash, ok bool) {
	if s == "" {
		return h, true
	}
	return h, h.UnmarshalText([]byte(strings.TrimSpace(s))) == nil && h != evidence.Hash{}
}
