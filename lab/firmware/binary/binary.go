// Package binary reads programs and libraries of devices (ELF): also those
// without section headers, and those that were cut or changed.
package binary

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// File is what a program or library says of itself.
type File struct {
	Machine string   `json:"machine"` // mips, arm, aarch64, x86, x86-64, riscv, … in the words of this package
	Type    string   `json:"type"`    // executable, shared, relocatable, core
	Needed  []string `json:"needed,omitempty"`
	Soname  string   `json:"soname,omitempty"`
	Imports []string `json:"imports,omitempty"` // names of dynamic symbols that it asks for
	Exports []string `json:"exports,omitempty"` // names of dynamic symbols that it offers
}

var machines = map[elf.Machine]string{
	elf.EM_MIPS: "mips", elf.EM_ARM: "arm", elf.EM_AARCH64: "aarch64", elf.EM_386: "x86", elf.EM_X86_64: "x86-64",
	elf.EM_RISCV: "riscv", elf.EM_PPC: "powerpc", elf.EM_PPC64: "powerpc64", elf.EM_SH: "sh", elf.EM_ARC_COMPACT2: "arc", elf.EM_ARC_COMPACT: "arc",
}

var types = map[elf.Type]string{elf.ET_EXEC: "executable", elf.ET_DYN: "shared", elf.ET_REL: "relocatable", elf.ET_CORE: "core"}

// Read reads an ELF file (System V ABI, chapter 4). It never panics; its error says what is wrong.
func Read(b []byte) (f *File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("no readable program: %v", r)
		}
	}()
	e, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("no readable program: %w", err)
	}
	f = &File{Machine: machines[e.Machine], Type: types[e.Type]}
	if f.Machine == "" {
		f.Machine = fmt.Sprintf("machine %d", e.Machine)
	}
	if f.Needed, err = e.DynString(elf.DT_NEEDED); err != nil {
		return f, nil
	}
	if so, err := e.DynString(elf.DT_SONAME); err == nil && len(so) > 0 {
		f.Soname = so[0]
	}
	syms, err := e.DynamicSymbols()
	if err != nil {
		return f, nil
	}
	for _, s := range syms {
		switch {
		case s.Name == "":
		case s.Section == elf.SHN_UNDEF:
			f.Imports = append(f.Imports, s.Name)
		default:
			f.Exports = append(f.Exports, s.Name)
		}
	}
	return f, nil
}
