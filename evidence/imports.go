package evidence

import "assay/civil"

// Import is what a tool's file says, brought into one form. It is an
// observation, never a verdict: a person or a laboratory draws that.
type Import struct {
	Name       string      `json:"name" yaml:"name"`     // of the file
	Format     string      `json:"format" yaml:"format"` // cyclonedx, spdx, sarif, nmap, testssl, ssh-audit
	Tool       string      `json:"tool,omitempty" yaml:"tool,omitempty"`
	Version    string      `json:"version,omitempty" yaml:"version,omitempty"`
	Date       civil.Date  `json:"date,omitzero" yaml:"date,omitempty"`
	Target     string      `json:"target,omitempty" yaml:"target,omitempty"` // device, image or address looked at
	Artifact   Artifact    `json:"artifact" yaml:"artifact"`                 // the file itself
	Components []Component `json:"components,omitempty" yaml:"components,omitempty"`
	Services   []Service   `json:"services,omitempty" yaml:"services,omitempty"`
	Issues     []Issue     `json:"issues,omitempty" yaml:"issues,omitempty"`
}

// Component is a part of the software.
type Component struct {
	Name     string `json:"name" yaml:"name"`
	Version  string `json:"version,omitempty" yaml:"version,omitempty"`
	PURL     string `json:"purl,omitempty" yaml:"purl,omitempty"`
	CPE      string `json:"cpe,omitempty" yaml:"cpe,omitempty"`
	Supplier string `json:"supplier,omitempty" yaml:"supplier,omitempty"`
	License  string `json:"license,omitempty" yaml:"license,omitempty"` // SPDX expression
	SHA256   Hash   `json:"sha256,omitzero" yaml:"sha256,omitempty"`
}

// Service is something that answered on the network.
type Service struct {
	Address   string `json:"address" yaml:"address"`
	Transport string `json:"transport" yaml:"transport"` // tcp, udp, sctp
	Port      int64  `json:"port" yaml:"port"`
	State     string `json:"state" yaml:"state"` // open, closed, filtered, open|filtered
	Name      string `json:"name,omitempty" yaml:"name,omitempty"`
	Product   string `json:"product,omitempty" yaml:"product,omitempty"` // as claimed by its banner
	Version   string `json:"version,omitempty" yaml:"version,omitempty"`
}

// Issue is something that a tool complains about.
type Issue struct {
	ID       string `json:"id" yaml:"id"`             // the tool's rule, or a CVE
	Severity string `json:"severity" yaml:"severity"` // none, low, medium, high, critical, unknown
	Text     string `json:"text" yaml:"text"`
	Where    string `json:"where,omitempty" yaml:"where,omitempty"` // file and line, address and port
	About    []Ref  `json:"about,omitempty" yaml:"about,omitempty"` // requirements that it may bear on
	State    string `json:"state,omitempty" yaml:"state,omitempty"` // of a vulnerability: a VEX status
}
