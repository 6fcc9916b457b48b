package binary

import (
	"bytes"
	enc "encoding/binary"
	"errors"
	"slices"
	"strings"
)

// ErrNoModule is what is no module of a Linux kernel.
var ErrNoModule = errors.New("no kernel module")

// ModuleInfo is what a kernel module says of itself (the section .modinfo, see
// modinfo(8)).
type ModuleInfo struct {
	Name        string   `json:"name"`
	Version     string   `json:"version,omitempty"` // of its own, which few have
	License     string   `json:"license,omitempty"`
	Description string   `json:"description,omitempty"`
	Authors     []string `json:"authors,omitempty"`
	Vermagic    string   `json:"vermagic,omitempty"` // the kernel that it was built for, and how
	Kernel      string   `json:"kernel,omitempty"`   // the first word of it: 4.4.92
	Depends     []string `json:"depends,omitempty"`  // modules
	Intree      bool     `json:"intree"`             // it came with the kernel's source
	Firmware    []string `json:"firmware,omitempty"` // files that it loads
	Aliases     int      `json:"aliases,omitempty"`  // devices that load it
	// Signed says that a signature is appended. Whether it holds, and whether the
	// kernel asks for one, is not known from the module.
	Signed bool   `json:"signed"`
	Digest string `json:"digest,omitempty"` // algorithm of the signature's digest where the trailer names it
	Signer string `json:"signer,omitempty"` // as a trailer from before Linux 4.3 says
}

const signed = "~Module signature appended~\n"

// Module reads a kernel module (.ko, unpacked). Errors: ErrNot, ErrNoModule.
func Module(b []byte) (*ModuleInfo, error) {
	o, err := open(b)
	if err != nil {
		return nil, err
	}
	s, ok := o.section(".modinfo")
	if !ok || o.typ != etRel {
		return nil, ErrNoModule
	}
	m := &ModuleInfo{}
	for pair := range bytes.SplitSeq(o.content(s), []byte{0}) {
		key, value, ok := strings.Cut(strings.ToValidUTF8(string(pair[:min(len(pair), 1000)]), "?"), "=")
		if ok {
			m.set(key, value)
		}
	}
	if m.Name == "" {
		m.Name = o.moduleName()
	}
	m.Kernel, _, _ = strings.Cut(m.Vermagic, " ")
	if body, ok := bytes.CutSuffix(b, []byte(signed)); ok {
		m.Signed = true
		m.readSignature(body)
	}
	return m, nil
}

func (m *ModuleInfo) set(key, value string) {
	const most = 200
	switch key {
	case "name":
		m.Name = value
	case "version":
		m.Version = value
	case "license":
		m.License = value
	case "description":
		m.Description = value
	case "vermagic":
		m.Vermagic = value
	case "intree":
		m.Intree = true
	case "alias":
		m.Aliases++
	case "author":
		if len(m.Authors) < most {
			m.Authors = append(m.Authors, value)
		}
	case "firmware":
		if len(m.Firmware) < most {
			m.Firmware = append(m.Firmware, value)
		}
	case "depends":
		for d := range strings.SplitSeq(value, ",") {
			if d != "" && len(m.Depends) < most && !slices.Contains(m.Depends, d) {
				m.Depends = append(m.Depends, d)
			}
		}
	}
}

// moduleName is the name in the structure that the kernel keeps of a module,
// the first thing in it that is not 0: kernels before 4.13 wrote it nowhere else.
func (o *object) moduleName() string {
	s, ok := o.section(".gnu.linkonce.this_module")
	if !ok {
		return ""
	}
	b := bytes.TrimLeft(o.upTo(s.off, min(s.size, 128)), "\x00")
	n := bytes.IndexByte(b, 0)
	if n < 1 || n > 60 || bytes.ContainsFunc(b[:n], func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return string(b[:n])
}

// readSignature reads the trailer that stands before the mark: since Linux 4.3
// the signature is PKCS #7, which says the algorithms itself.
func (m *ModuleInfo) readSignature(b []byte) {
	if len(b) < 12 {
		return
	}
	t := b[len(b)-12:]
	size, signer, key := uint64(enc.BigEndian.Uint32(t[8:])), uint64(t[3]), uint64(t[4])
	if size+signer+key+12 > uint64(len(b)) {
		return
	}
	names := map[byte]string{0: "md4", 1: "md5", 2: "sha1", 3: "ripemd160", 4: "sha256", 5: "sha384", 6: "sha512", 7: "sha224"}
	if t[2] != 2 { // not PKCS #7
		m.Digest = names[t[1]]
		at := uint64(len(b)) - 12 - size - key - signer
		m.Signer = strings.ToValidUTF8(string(b[at:at+signer]), "?")
	}
}
