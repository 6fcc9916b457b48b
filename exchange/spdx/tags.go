package spdx

import (
	"bytes"
	"strings"

	"assay/exchange/intake"
)

// readTags reads a document of tags and values (SPDX 2.3, annex "tag-value").
// A value is the rest of its line, or stands between <text> and </text> over
// several. A package begins with PackageName and ends where something else
// begins.
func readTags(f *intake.File) (*intake.Result, error) {
	d := &document{f: f, described: map[string]bool{}}
	var p *pkg // that the tags belong to; nil: to something else
	version := ""
	err := tags(f, func(line int, tag, value string) error {
		switch tag {
		case "SPDXVersion":
			if version = value; !known(version) {
				return f.AtLine(line, "SPDXVersion is %.20q: export it as SPDX 2.2, 2.3 or 3.0", value)
			}
			return nil
		case "Creator":
			d.creators = append(d.creators, value)
		case "Created":
			d.created = value
		case "Relationship":
			if w := strings.Fields(value); len(w) >= 3 {
				d.relation(w[0], w[1], w[2])
			} else {
				return f.AtLine(line, "Relationship %.60q: three words belong there, as in SPDXRef-DOCUMENT DESCRIBES SPDXRef-1", value)
			}
		case "PackageName":
			if intake.Line(value) == "" {
				return f.AtLine(line, "a package without a name: name it, or take it out")
			}
			d.packages = append(d.packages, pkg{name: value})
			p = &d.packages[len(d.packages)-1]
		case "FileName":
			d.files++
			p = nil
		case "SnippetSPDXID", "SnippetSPDXIdentifier", "LicenseID", "Reviewer":
			p = nil
		}
		if version == "" {
			return f.AtLine(line, "SPDXVersion does not come first: export the document again")
		}
		if p != nil {
			return p.tag(f, line, tag, value)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if version == "" {
		return nil, f.Wrong("no SPDXVersion: this is no SPDX document")
	}
	return d.result()
}

// tag takes in a tag of a package.
func (p *pkg) tag(f *intake.File, line int, tag, value string) error {
	switch tag {
	case "SPDXID":
		p.id = value
	case "PackageVersion":
		p.version = value
	case "PackageSupplier":
		p.supplier = value
	case "PackageOriginator":
		p.originator = value
	case "PackageLicenseConcluded":
		p.concluded = value
	case "PackageLicenseDeclared":
		p.declared = value
	case "PrimaryPackagePurpose":
		p.purpose = value
	case "PackageChecksum":
		algorithm, sum, ok := strings.Cut(value, ":")
		if !ok {
			return f.AtLine(line, "PackageChecksum %.60q: write ALGORITHM: VALUE", value)
		}
		if algorithm == "SHA256" {
			p.sha256 = sum
		}
	case "ExternalRef":
		w := strings.Fields(value)
		if len(w) < 3 {
			return f.AtLine(line, "ExternalRef %.60q: write CATEGORY TYPE LOCATOR", value)
		}
		p.reference(w[1], w[2])
	}
	return nil
}

// tags calls each for every tag with its value and line.
func tags(f *intake.File, each func(line int, tag, value string) error) error {
	line := 0
	for rest := f.Text; len(rest) > 0; {
		var raw []byte
		raw, rest, _ = bytes.Cut(rest, []byte("\n"))
		line++
		if line > f.MaxElements() {
			return f.AtLine(line, "more than %d lines: have the tool leave out files", f.MaxElements())
		}
		text := strings.TrimSpace(string(raw))
		if text == "" || text[0] == '#' {
			continue
		}
		tag, value, ok := strings.Cut(text, ":")
		if !ok {
			return f.AtLine(line, "%.60q is no tag with a value: write TAG: VALUE, and a text of several lines between <text> and </text>", text)
		}
		tag, value = strings.TrimSpace(tag), strings.TrimSpace(value)
		at := line
		if v, open := strings.CutPrefix(value, "<text>"); open {
			end := strings.Index(v, "</text>")
			if end < 0 {
				i := bytes.Index(rest, []byte("</text>"))
				if i < 0 {
					return f.AtLine(at, "<text> has no </text>: the file is truncated; export it again")
				}
				v += "\n" + string(rest[:i])
				line += bytes.Count(rest[:i], []byte("\n")) + 1
				_, rest, _ = bytes.Cut(rest[i:], []byte("\n"))
			} else {
				v = v[:end]
			}
			value = strings.TrimSpace(v)
		}
		if err := each(at, tag, value); err != nil {
			return err
		}
	}
	return nil
}
