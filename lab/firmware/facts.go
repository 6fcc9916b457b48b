// Package firmware looks at a firmware image: it unpacks it, shows every file to
// the inspectors, and gives the facts. All of it happens in a process that can do
// nothing but compute (package confine), and what that process says is checked.
//
// The same image and options give the same facts, byte for byte in JSON.
package firmware

import (
	"assay/confine"
	"assay/lab"
	"assay/lab/firmware/hardening"
	"assay/lab/firmware/image"
	"assay/lab/firmware/malware"
	"assay/lab/firmware/secret"
	"assay/lab/firmware/service"
	"assay/lab/firmware/unpack"
	"assay/lab/firmware/update"
)

// Facts are what is known of an image.
type Facts struct {
	SHA256 string         `json:"sha256"` // of the image, hexadecimal
	Size   int64          `json:"size"`   // of it, bytes
	Layers confine.Layers `json:"layers"` // that held while it was read

	Parts    []*image.Part   `json:"parts"` // of the image, without holes, by offset
	Coverage unpack.Coverage `json:"coverage"`
	Systems  []System        `json:"systems,omitempty"` // the trees, in the order in which they were looked at

	// Problems say why something is missing from the facts: the time was over, an
	// inspector failed. With any of them nothing can pass.
	Problems []string `json:"problems,omitempty"`

	Findings []lab.Finding  `json:"findings"`       // of all inspectors, in the order of lab.Sort
	Left     map[string]int `json:"left,omitempty"` // findings beyond lab.MaxFindings, by rule

	Results
}

// Results are what each inspector says; nil where it failed, which Problems say. Findings
// are not in them: they are in Facts.
type Results struct {
	Components []lab.Component   `json:"components,omitempty"`
	Secrets    *secret.Result    `json:"secrets,omitempty"`
	Services   *service.Result   `json:"services,omitempty"`
	Updates    *update.Result    `json:"updates,omitempty"`
	Hardening  *hardening.Result `json:"hardening,omitempty"`
	Malware    *malware.Result   `json:"malware,omitempty"` // of the heuristics; Malware runs the scanners
}

// System is a tree of the image.
type System struct {
	Part  string   `json:"part"` // id of the part that holds it
	Root  bool     `json:"root,omitempty"`
	Nodes int      `json:"nodes"` // of all kinds
	Bytes int64    `json:"bytes"` // of its regular files
	Files []File   `json:"files,omitempty"`
	Notes []string `json:"notes,omitempty"` // what was left out or read with a doubt
}

// File is one entry of a tree. Its path is printable: what is no UTF-8, or no
// character to be shown, is written as an escape of Go.
type File struct {
	Path   string      `json:"path"`
	Kind   image.Kind  `json:"kind"`
	Size   int64       `json:"size,omitempty"`
	SHA256 string      `json:"sha256,omitempty"` // of a regular file that could be read, hexadecimal
	Perm   uint32      `json:"perm"`             // as image.Node has it
	UID    uint32      `json:"uid,omitempty"`
	GID    uint32      `json:"gid,omitempty"`
	Time   int64       `json:"time,omitempty"`   // last change, seconds since 1970
	Target string      `json:"target,omitempty"` // of a link
	Major  uint32      `json:"major,omitempty"`  // of a device
	Minor  uint32      `json:"minor,omitempty"`
	Inner  *image.Part `json:"inner,omitempty"` // what its content is, of an archive or an image
}
