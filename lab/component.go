package lab

// Component is a part of the software that was found.
type Component struct {
	// Family is the project in lower case, the key by which vulnerabilities are
	// looked up: busybox, openssl, linux, dnsmasq; for an entry of a package database that
	// no rule knows, its package name.
	Family  string `json:"family"`
	Name    string `json:"name"`              // as its place calls it: libcrypto.so.0.9.8, kmod-usb-core
	Version string `json:"version,omitempty"` // as upstream writes it, "" where it could not be told
	// Revision is what a package adds to the upstream version: the "-2" of 1.25.1-2,
	// and an epoch; Version has neither.
	Revision  string        `json:"revision,omitempty"`
	Kind      string        `json:"kind"` // package, program, library, kernel, module, boot-loader, firmware
	Certainty Certainty     `json:"certainty"`
	Seen      []Observation `json:"seen"`              // why it is here; two that do not depend on each other confirm
	PURL      string        `json:"purl,omitempty"`    // package URL, where it came as a package
	CPE       string        `json:"cpe,omitempty"`     // CPE 2.3 name of the family
	License   string        `json:"license,omitempty"` // SPDX expression or the package's own word
	Supplier  string        `json:"supplier,omitempty"`
	Source    string        `json:"source,omitempty"` // source package, where the database says it
	SHA256    string        `json:"sha256,omitempty"` // of the one file that it is, hexadecimal
	// Parts are what is known to be built in: BusyBox applets, symbols that a library exports,
	// modules and options of a kernel. nil: nothing is known, which is not "nothing".
	Parts *Parts `json:"parts,omitempty"`
}

// Parts are what is built into a component. A nil list is unknown, an empty one
// is none.
type Parts struct {
	Applets []string `json:"applets,omitempty"` // of BusyBox, sorted
	Symbols []string `json:"symbols,omitempty"` // that it exports, sorted
	Modules []string `json:"modules,omitempty"` // loadable ones of a kernel, by file name without .ko, sorted
	// Options of a kernel's embedded configuration (CONFIG_IKCONFIG), without CONFIG_:
	// y, m or a value; what is not set is n. nil: no configuration was found.
	Options map[string]string `json:"options,omitempty"`
}

// Observation is one reason to believe in a component and its version.
type Observation struct {
	Rule    string `json:"rule"` // id of the version rule, or of the package database: opkg, dpkg, apk
	Version int    `json:"version"`
	Where   Place  `json:"where"`
	Text    string `json:"text"`           // what stands there
	Claims  string `json:"claims"`         // the version that it speaks for
	Kind    string `json:"kind,omitempty"` // of observation, so that two of one kind in one file count once: string, filename, database, symbol, banner
}
