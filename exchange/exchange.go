// Package exchange takes in what laboratories and makers already have: bills of
// materials (CycloneDX, SPDX), results of tools (SARIF, nmap, testssl.sh,
// ssh-audit), attestations (CycloneDX), assessment results and component
// definitions (OSCAL). Each format has its folder; this
// package tells them apart and calls their readers.
//
// What comes out is an observation with the file's hash, or a declaration,
// never a verdict. What goes in is foreign: see package intake for what that means
// and [Take] for the process that does it.
package exchange

import (
	"fmt"
	"io"
	"path"
	"strings"

	"assay/exchange/cyclonedx"
	"assay/exchange/intake"
	"assay/exchange/nmap"
	"assay/exchange/oscal"
	"assay/exchange/sarif"
	"assay/exchange/spdx"
	"assay/exchange/sshaudit"
	"assay/exchange/testssl"
)

// reader reads one format.
type reader func(*intake.File, intake.Options) (*intake.Result, error)

// Read reads a file of any format here, told by its content and never by its
// name. Its errors are of type *evidence.Error with file and place, but for
// those of r.
func Read(name string, r io.Reader, o intake.Options) (*intake.Result, error) {
	return ReadWithin(name, r, o, intake.Standard)
}

// ReadWithin is [Read] with other bounds.
func ReadWithin(name string, r io.Reader, o intake.Options, b intake.Bounds) (*intake.Result, error) {
	f, err := intake.Read(path.Base(strings.ReplaceAll(name, `\`, "/")), r, b)
	if err != nil {
		return nil, err
	}
	read, err := sniff(f)
	if err != nil {
		return nil, err
	}
	res, err := read(f, o)
	if err != nil {
		return nil, err
	}
	return res, bear(&res.Import)
}

const known = "CycloneDX (JSON, XML), SPDX (JSON, tag-value), SARIF 2.1.0, nmap -oX, testssl.sh --jsonfile or --jsonfile-pretty, ssh-audit -j, and OSCAL assessment results and component definitions (JSON)"

// sniff finds the reader of a file.
func sniff(f *intake.File) (reader, error) {
	switch t := strings.TrimLeft(string(f.Text[:min(len(f.Text), 1024)]), " \t\r\n"); {
	case strings.HasPrefix(t, "{"), strings.HasPrefix(t, "["):
		return sniffJSON(f)
	case strings.HasPrefix(t, "<"):
		return sniffXML(f)
	case tagged(f):
		return spdx.Read, nil
	case strings.HasPrefix(t, "# Nmap"), strings.HasPrefix(t, "Starting Nmap"):
		return nil, f.Wrong("nmap's text output: write XML, with -oX")
	case strings.HasPrefix(t, "spdxVersion:"), strings.HasPrefix(t, "SPDXID:"), strings.HasPrefix(t, "---\n"):
		return nil, f.Wrong("YAML: export SPDX as JSON")
	}
	return nil, f.Wrong("no format known here: import %s", known)
}

// tagged reports whether the first line that says something is SPDXVersion.
func tagged(f *intake.File) bool {
	rest := string(f.Text[:min(len(f.Text), 64<<10)])
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return strings.HasPrefix(line, "SPDXVersion:")
		}
	}
	return false
}

// foreign are documents that are known and not read, by what stands on top of
// them, with what to do instead.
var foreign = []struct {
	names []string
	say   string
}{
	{[]string{"artifacts", "artifactRelationships"}, "syft's own JSON: write -o cyclonedx-json"},
	{[]string{"matches", "descriptor"}, "grype's own JSON: write -o cyclonedx-json or -o sarif"},
	{[]string{"SchemaVersion", "Results"}, "trivy's own JSON: write --format cyclonedx or --format sarif"},
	{[]string{"document", "vulnerabilities"}, "CSAF: an advisory is an artifact; put its state of vulnerabilities into the bill of materials (CycloneDX VEX)"},
	{[]string{"@context", "statements"}, "OpenVEX: put the states of vulnerabilities into the bill of materials (CycloneDX VEX)"},
	{[]string{"dependencies", "projectReferences"}, "OWASP Dependency-Check's own JSON: write SARIF"},
	{[]string{"site", "@version"}, "ZAP's own JSON: write SARIF"},
}

func sniffJSON(f *intake.File) (reader, error) {
	h, err := f.Head()
	if err != nil {
		return nil, err
	}
	schema := h.Names["$schema"]
	switch {
	case h.List && h.Has("id", "severity", "finding"):
		return testssl.Read, nil
	case h.Has("banner", "kex"), h.Has("passed", "policy"):
		return sshaudit.Read, nil
	case h.List && len(h.Names) == 0:
		return nil, f.Wrong("an empty list: the tool found no target or was stopped; run it again")
	case h.List:
		return nil, f.Wrong("a list of objects of no format known here: import %s", known)
	case h.Has("bomFormat"), strings.Contains(schema, "cyclonedx.org"):
		return cyclonedx.Read, nil
	case h.Has("spdxVersion"), h.Has("@context") && strings.Contains(h.Names["@context"], "spdx.org"), h.Has("@context", "@graph"):
		return spdx.Read, nil
	case h.Has("version", "runs"), strings.Contains(schema, "sarif"):
		return sarif.Read, nil
	case oscal.Model(h) != "":
		return oscal.Read, nil
	case h.Has("scanResult"), h.Has("Invocation", "openssl"):
		return testssl.Read, nil
	}
	for _, x := range foreign {
		if h.Has(x.names...) {
			return nil, f.Wrong("%s", x.say)
		}
	}
	return nil, f.Wrong("JSON of no format known here: import %s", known)
}

func sniffXML(f *intake.File) (reader, error) {
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	switch name := root.Name.Local; {
	case name == "nmaprun":
		return nmap.Read, nil
	case name == "bom":
		return cyclonedx.Read, nil
	case name == "RDF", name == "Document" && strings.Contains(root.Name.Space, "spdx"):
		return nil, f.Wrong("SPDX as RDF or XML: convert it to JSON (SPDX's tools-java: Convert IN OUT.spdx.json)")
	case strings.HasPrefix(root.Name.Space, "http://csrc.nist.gov/ns/oscal"):
		return nil, f.Wrong("OSCAL as XML: convert it to JSON (oscal-cli convert --to=json IN OUT)")
	case name == "document" && intake.Attribute(root, "title") == "SSLScan Results":
		return nil, f.Wrong("sslscan's XML: scan with testssl.sh and --jsonfile")
	case strings.HasPrefix(name, "NessusClientData"):
		return nil, f.Wrong("Nessus' own XML: hand the report in as an artifact")
	default:
		return nil, f.Wrong("XML that begins with <%.40s>, no format known here: import %s", fmt.Sprint(name), known)
	}
}
