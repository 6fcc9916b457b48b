// Package sbom writes the parts of an image as a bill of materials with what is
// known of their vulnerabilities: CycloneDX 1.6 with VEX.
package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"assay/lab"
	"assay/lab/record"
	"assay/lab/vulnerability"
)

// maxSeen bounds the observations that are written of one part; the record has all.
const maxSeen = 20

// Write writes the bill of a run. known may be nil. The same run gives the same bytes:
// the serial number is made from the image's hash and the run's time.
func Write(r *record.Run, product, version string, parts []lab.Component, known *vulnerability.Report) ([]byte, error) {
	bom := cdx.NewBOM()
	bom.SpecVersion = cdx.SpecVersion1_6
	bom.SerialNumber = serial(r)
	name, toolVersion, _ := strings.Cut(r.Tool, " ")
	top := cdx.Component{BOMRef: "image", Type: cdx.ComponentTypeFirmware, Name: product, Version: version}
	if top.Name == "" {
		top.Name = r.Input.Name
	}
	if !r.Input.SHA256.IsZero() {
		top.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: r.Input.SHA256.String()}}
	}
	bom.Metadata = &cdx.Metadata{
		Timestamp:  r.At.UTC().Format(time.RFC3339),
		Lifecycles: &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhasePostBuild}},
		Tools:      &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: name, Version: toolVersion}}},
		Component:  &top,
	}
	refs := make([]string, len(parts))
	list := make([]cdx.Component, 0, len(parts))
	used := map[string]int{}
	for i := range parts {
		c := component(&parts[i])
		used[c.BOMRef]++
		if n := used[c.BOMRef]; n > 1 {
			c.BOMRef = fmt.Sprintf("%s#%d", c.BOMRef, n)
		}
		refs[i] = c.BOMRef
		list = append(list, c)
	}
	bom.Components = &list
	deps := slices.Clone(refs)
	slices.Sort(deps)
	bom.Dependencies = &[]cdx.Dependency{{Ref: "image", Dependencies: &deps}}
	if known != nil && !known.NoData {
		vs := make([]cdx.Vulnerability, 0, len(known.Hits))
		for i := range known.Hits {
			vs = append(vs, vulnerabilityOf(&known.Hits[i], known, refs))
		}
		bom.Vulnerabilities = &vs
	}
	var b bytes.Buffer
	e := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON)
	e.SetPretty(true)
	e.SetEscapeHTML(false)
	if err := e.EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// serial is a UUID of version 8 (RFC 9562): what it is made of is ours.
func serial(r *record.Run) string {
	h := sha256.Sum256([]byte("assay bill of materials\x00" + r.Input.SHA256.String() + "\x00" + r.At.UTC().Format(time.RFC3339Nano)))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	s := hex.EncodeToString(h[:16])
	return "urn:uuid:" + s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

var types = map[string]cdx.ComponentType{
	"program": cdx.ComponentTypeApplication, "library": cdx.ComponentTypeLibrary, "kernel": cdx.ComponentTypeOS, "module": cdx.ComponentTypeDeviceDriver,
	"boot-loader": cdx.ComponentTypeFirmware, "firmware": cdx.ComponentTypeOS, "package": cdx.ComponentTypeLibrary,
}

func component(c *lab.Component) cdx.Component {
	t, ok := types[c.Kind]
	if !ok {
		t = cdx.ComponentTypeLibrary
	}
	x := cdx.Component{Type: t, Name: c.Name, Version: c.Version, PackageURL: c.PURL, CPE: c.CPE}
	if x.Name == "" {
		x.Name = c.Family
	}
	if c.PURL != "" && c.Revision != "" {
		x.Version = c.Version + "-" + c.Revision
	}
	x.BOMRef = c.Family + "@" + x.Version
	if c.PURL != "" {
		x.BOMRef = c.PURL
	}
	if c.Supplier != "" {
		x.Supplier = &cdx.OrganizationalEntity{Name: c.Supplier}
	}
	if c.License != "" {
		x.Licenses = &cdx.Licenses{{License: &cdx.License{Name: c.License}}}
	}
	if c.SHA256 != "" {
		x.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: c.SHA256}}
	}
	confidence := float32(0.5)
	if c.Certainty == lab.Confirmed {
		confidence = 1
	}
	field := cdx.EvidenceIdentityFieldTypeName
	if c.Version != "" {
		field = cdx.EvidenceIdentityFieldTypeVersion
	}
	identity := cdx.EvidenceIdentity{Field: field, Confidence: &confidence}
	var methods []cdx.EvidenceIdentityMethod
	var places []cdx.EvidenceOccurrence
	for i, o := range c.Seen {
		if i == maxSeen {
			break
		}
		technique := cdx.EvidenceIdentityTechniqueBinaryAnalysis
		switch o.Kind {
		case "database":
			technique = cdx.EvidenceIdentityTechniqueManifestAnalysis
		case "filename":
			technique = cdx.EvidenceIdentityTechniqueFilename
		}
		methods = append(methods, cdx.EvidenceIdentityMethod{Technique: technique, Confidence: &confidence, Value: fmt.Sprintf("%s %d: %s", o.Rule, o.Version, o.Text)})
		if w := o.Where.String(); w != "" && !slices.ContainsFunc(places, func(p cdx.EvidenceOccurrence) bool { return p.Location == w }) {
			places = append(places, cdx.EvidenceOccurrence{Location: w})
		}
	}
	identity.Methods = &methods
	x.Evidence = &cdx.Evidence{Identity: &cdx.EvidenceIdentityChoice{Identities: &[]cdx.EvidenceIdentity{identity}}}
	if len(places) > 0 {
		x.Evidence.Occurrences = &places
	}
	props := []cdx.Property{{Name: "assay:certainty", Value: string(c.Certainty)}, {Name: "assay:family", Value: c.Family}, {Name: "assay:kind", Value: c.Kind}}
	x.Properties = &props
	return x
}

var severities = map[lab.Severity]cdx.Severity{lab.None: cdx.SeverityNone, lab.Low: cdx.SeverityLow, lab.Medium: cdx.SeverityMedium, lab.High: cdx.SeverityHigh, lab.Critical: cdx.SeverityCritical}

var methods = map[string]cdx.ScoringMethod{"2.0": cdx.ScoringMethodCVSSv2, "3.0": cdx.ScoringMethodCVSSv3, "3.1": cdx.ScoringMethodCVSSv31, "4.0": cdx.ScoringMethodCVSSv4}

func vulnerabilityOf(h *vulnerability.Hit, known *vulnerability.Report, refs []string) cdx.Vulnerability {
	p := &known.Parts[h.Part]
	v := cdx.Vulnerability{BOMRef: fmt.Sprintf("%s/%d", h.ID, h.Part), ID: h.ID, Description: h.Summary}
	if strings.HasPrefix(h.ID, "CVE-") {
		v.Source = &cdx.Source{Name: "CVE"}
	}
	if h.Score != nil && !h.Score.Unset {
		score := h.Score.Base
		rating := cdx.VulnerabilityRating{Score: &score, Severity: severities[h.Severity], Method: methods[h.Score.Version], Vector: h.Score.Vector}
		if h.Score.By != "" {
			rating.Source = &cdx.Source{Name: h.Score.By}
		}
		v.Ratings = &[]cdx.VulnerabilityRating{rating}
	}
	var cwes []int
	for _, c := range h.CWE {
		var n int
		if _, err := fmt.Sscanf(c, "CWE-%d", &n); err == nil && n > 0 {
			cwes = append(cwes, n)
		}
	}
	if len(cwes) > 0 {
		v.CWEs = &cwes
	}
	var why []string
	for _, w := range h.Why {
		why = append(why, w.String())
	}
	a := &cdx.VulnerabilityAnalysis{State: cdx.ImpactAnalysisState(h.State.CycloneDX()), Justification: cdx.ImpactAnalysisJustification(h.Justification), Detail: strings.Join(why, " ")}
	if h.Maker != nil {
		a.State = cdx.ImpactAnalysisState(h.Maker.State.CycloneDX())
		a.Justification = ""
		a.Detail = strings.TrimSpace("The maker's word (" + h.Maker.File + "): " + h.Maker.Text)
	}
	v.Analysis = a
	var affects []cdx.Affects
	for _, i := range p.Found {
		if i >= 0 && i < len(refs) {
			affects = append(affects, cdx.Affects{Ref: refs[i]})
		}
	}
	if len(affects) == 0 {
		affects = []cdx.Affects{{Ref: "image"}} // declared, and not found
	}
	v.Affects = &affects
	props := []cdx.Property{{Name: "assay:part", Value: strings.TrimSpace(p.Family + " " + p.Version)}}
	if h.Exploited != nil {
		props = append(props, cdx.Property{Name: "assay:exploited", Value: h.Exploited.Added})
	}
	if h.Reach != "" {
		props = append(props, cdx.Property{Name: "assay:reach", Value: h.Reach})
	}
	for _, s := range h.Says {
		source := ""
		if s.Snapshot >= 0 && s.Snapshot < len(known.Snapshots) {
			source = known.Snapshots[s.Snapshot].Source
		}
		props = append(props, cdx.Property{Name: "assay:says:" + source, Value: strings.TrimSpace(string(s.Verdict) + " " + s.Ranges)})
	}
	v.Properties = &props
	return v
}
