package evidence

import (
	"fmt"
	"strconv"
	"strings"

	"assay/civil"
)

// MaxEntries bounds each list of an import. What has more is about more than
// one device, or repeats itself.
const MaxEntries = maxItems

// Import is what a tool's file says, brought into one form. It is an
// observation, never a verdict: a person or a laboratory draws that.
type Import struct {
	Name       string      `json:"name" yaml:"name"`                            // of the file
	Format     string      `json:"format" yaml:"format"`                        // cyclonedx, spdx, sarif, nmap, testssl, ssh-audit, oscal
	Tool       string      `json:"tool,omitempty" yaml:"tool,omitempty"`        // that wrote the file
	Version    string      `json:"version,omitempty" yaml:"version,omitempty"`  // of the tool
	Date       civil.Date  `json:"date,omitzero" yaml:"date,omitempty"`         // as the file says, in its own zone
	Target     string      `json:"target,omitempty" yaml:"target,omitempty"`    // device, image or address looked at
	Firmware   Hash        `json:"firmware,omitzero" yaml:"firmware,omitempty"` // SHA-256 of the image looked at, where the file says it
	Artifact   Artifact    `json:"artifact" yaml:"artifact"`                    // the file itself
	Scanned    []Scan      `json:"scanned,omitempty" yaml:"scanned,omitempty"`  // ports that were tried: the others may answer or not
	Components []Component `json:"components,omitempty" yaml:"components,omitempty"`
	Services   []Service   `json:"services,omitempty" yaml:"services,omitempty"`
	Issues     []Issue     `json:"issues,omitempty" yaml:"issues,omitempty"`
	Notes      []string    `json:"notes,omitempty" yaml:"notes,omitempty"` // what the file has that is not here, and why
}

// Scan is a range of ports that a tool tried.
type Scan struct {
	Transport string `json:"transport" yaml:"transport"` // tcp, udp, sctp
	Ports     string `json:"ports" yaml:"ports"`         // as in 22,80,8000-8100
}

// maxPorts bounds the text of a range of ports; nmap's widest list has 4 KB.
const maxPorts = 20_000

// Has reports whether a port was tried. The error says where Ports is no list
// of ports and ranges.
func (s *Scan) Has(port int64) (bool, error) {
	if len(s.Ports) > maxPorts {
		return false, fmt.Errorf("a list of ports of %d characters; at most %d", len(s.Ports), maxPorts)
	}
	has := false
	for part := range strings.SplitSeq(s.Ports, ",") {
		from, to, wide := strings.Cut(part, "-")
		a, err := strconv.ParseUint(from, 10, 16)
		b := a
		if wide && err == nil {
			b, err = strconv.ParseUint(to, 10, 16)
		}
		if err != nil || b < a {
			return false, fmt.Errorf("%.40q is no port and no range of ports", part)
		}
		has = has || uint64(port) >= a && uint64(port) <= b
	}
	return has, nil
}

// Component is a part of the software.
type Component struct {
	Name     string `json:"name" yaml:"name"` // with its group or name space before a slash, where it has one
	Version  string `json:"version,omitempty" yaml:"version,omitempty"`
	PURL     string `json:"purl,omitempty" yaml:"purl,omitempty"`
	CPE      string `json:"cpe,omitempty" yaml:"cpe,omitempty"`
	Supplier string `json:"supplier,omitempty" yaml:"supplier,omitempty"`
	License  string `json:"license,omitempty" yaml:"license,omitempty"` // SPDX expression
	SHA256   Hash   `json:"sha256,omitzero" yaml:"sha256,omitempty"`
}

// Service is something that answered on the network.
type Service struct {
	Address   string `json:"address" yaml:"address"`     // IP address, or the name that was scanned
	Transport string `json:"transport" yaml:"transport"` // tcp, udp, sctp
	Port      int64  `json:"port" yaml:"port"`           // 0 to 65535
	State     string `json:"state" yaml:"state"`         // open, or open|filtered where nothing can tell
	Name      string `json:"name,omitempty" yaml:"name,omitempty"`
	Product   string `json:"product,omitempty" yaml:"product,omitempty"` // as claimed by its banner
	Version   string `json:"version,omitempty" yaml:"version,omitempty"`
}

// Issue is something that a tool complains about.
type Issue struct {
	ID       string   `json:"id" yaml:"id"`             // the tool's rule, or a CVE
	Severity string   `json:"severity" yaml:"severity"` // none, low, medium, high, critical, unknown
	Text     string   `json:"text" yaml:"text"`
	Where    string   `json:"where,omitempty" yaml:"where,omitempty"` // file and line, address and port, component
	CWE      []string `json:"cwe,omitempty" yaml:"cwe,omitempty"`     // kinds of weakness, as in CWE-79
	About    []Ref    `json:"about,omitempty" yaml:"about,omitempty"` // requirements that it may bear on
	State    string   `json:"state,omitempty" yaml:"state,omitempty"` // of a vulnerability, in the words of VEX: affected, not_affected, fixed, under_investigation
}
