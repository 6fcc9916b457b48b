// Package binary reads programs and libraries of devices (ELF): also those
// without section headers, and those that were cut or changed.
package binary

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// File is what a program or library says of itself. Lists of names are sorted
// and have none twice.
type File struct {
	Machine     string   `json:"machine"`       // mips, arm, aarch64, x86, x86-64, riscv, powerpc, … or "machine 42"
	Big         bool     `json:"big"`           // the most significant byte stands first
	Bits        int      `json:"bits"`          // of an address: 32 or 64
	ABI         string   `json:"abi,omitempty"` // calling convention, where the machine has several: o32, n64, eabi5-hard, …
	Type        string   `json:"type"`          // executable, shared (a library, or a program that may stand anywhere), relocatable, core
	Interpreter string   `json:"interpreter,omitempty"`
	Needed      []string `json:"needed,omitempty"` // libraries, in the order in which they are searched
	Soname      string   `json:"soname,omitempty"`
	RPath       string   `json:"rpath,omitempty"`     // where libraries are searched, separated by ":" (DT_RPATH)
	RunPath     string   `json:"runpath,omitempty"`   // the same, after LD_LIBRARY_PATH (DT_RUNPATH)
	Imports     []string `json:"imports,omitempty"`   // names of dynamic symbols that it asks for; of a relocatable file those of its symbol table
	Exports     []string `json:"exports,omitempty"`   // names of dynamic symbols that it offers
	BuildID     string   `json:"build_id,omitempty"`  // GNU build id, hexadecimal
	Compilers   []string `json:"compilers,omitempty"` // what its .comment says made it
	Libc        string   `json:"libc,omitempty"`      // glibc, musl, uclibc, bionic; "" where it cannot be told
	Static      bool     `json:"static"`              // it is no library and needs none
	Sections    bool     `json:"sections"`            // has section headers with names; without them "not found" says less
	Symbols     bool     `json:"symbols"`             // has a symbol table beside the dynamic one: not stripped
	Debug       bool     `json:"debug"`               // has debug information
	Cut         bool     `json:"cut"`                 // ends before what its headers speak of
	Go          *Go      `json:"go,omitempty"`
	Rust        *Rust    `json:"rust,omitempty"`

	o *object
}

// Machines of the System V ABI (e_machine) that devices have.
const (
	em386, emMIPS, emMIPSRS3, emPPC, emPPC64, emARM, emSH, emX8664 = 3, 8, 10, 20, 21, 40, 42, 62
	emARCCompact, emXtensa, emAArch64, emARC2, emRISCV             = 93, 94, 183, 195, 243
	emLoongArch, emNios2, emMicroBlaze, emS390                     = 258, 113, 189, 22
)

var machines = map[uint16]string{
	em386: "x86", emMIPS: "mips", emMIPSRS3: "mips", emPPC: "powerpc", emPPC64: "powerpc64", emARM: "arm", emSH: "sh",
	emX8664: "x86-64", emARCCompact: "arc", emXtensa: "xtensa", emAArch64: "aarch64", emARC2: "arc", emRISCV: "riscv",
	emLoongArch: "loongarch", emS390: "s390", emNios2: "nios2", emMicroBlaze: "microblaze",
}

var types = map[uint16]string{etRel: "relocatable", etExec: "executable", etDyn: "shared", etCore: "core"}

// Read reads an ELF file (System V ABI, chapter 4), as much of it as is there. It
// keeps b. Its error, ErrNot, says why b is no ELF file; whatever is wrong behind
// the header is left out, and Cut may say so.
func Read(b []byte) (*File, error) {
	o, err := open(b)
	if err != nil {
		return nil, err
	}
	f := &File{
		Machine: machines[o.machine], Big: b[5] == 2, Bits: 32, ABI: o.abi(), Type: types[o.typ],
		Sections: slices.ContainsFunc(o.sections, func(s section) bool { return s.name != "" }), o: o,
	}
	if f.Machine == "" {
		f.Machine = fmt.Sprintf("machine %d", o.machine)
	}
	if f.Type == "" {
		f.Type = fmt.Sprintf("type %d", o.typ)
	}
	if o.wide {
		f.Bits = 64
	}
	if s, ok := o.segment(ptInterp); ok {
		f.Interpreter = text(o.upTo(s.off, s.size), 0, maxName)
	}
	f.readDynamic()
	f.readSections()
	for _, n := range o.notes() {
		if n.name == "GNU" && n.typ == 3 && len(n.data) <= 64 {
			f.BuildID = hex.EncodeToString(n.data)
		}
	}
	f.Static = len(f.Needed) == 0 && f.Interpreter == "" && (o.typ == etExec || o.typ == etDyn && f.isProgram())
	f.Libc = f.libc()
	f.Cut = o.cut
	f.Go, f.Rust = readGo(b), f.readRust()
	return f, nil
}

func (f *File) readDynamic() {
	names := f.o.dynamicStrings()
	for _, d := range f.o.dynamic {
		var to *string
		switch d[0] {
		case dtNeeded:
			if s := text(names, d[1], maxName); s != "" {
				f.Needed = append(f.Needed, s)
			}
			continue
		case dtSoname:
			to = &f.Soname
		case dtRpath:
			to = &f.RPath
		case dtRunpath:
			to = &f.RunPath
		default:
			continue
		}
		*to = text(names, d[1], maxName)
	}
	f.bind(f.o.dynamicSymbols())
}

// bind sorts symbols into imports and exports.
func (f *File) bind(all []symbol) {
	for _, s := range all {
		const section, file = 3, 4
		switch {
		case s.local || s.kind == section || s.kind == file:
		case s.undefined:
			f.Imports = append(f.Imports, s.name)
		default:
			f.Exports = append(f.Exports, s.name)
		}
	}
	for _, l := range []*[]string{&f.Imports, &f.Exports} {
		slices.Sort(*l)
		*l = slices.Compact(*l)
	}
}

func (f *File) readSections() {
	if s, names, ok := f.o.symtab(); ok {
		f.Symbols = true
		if f.o.typ == etRel {
			f.bind(f.o.symbols(s.off, s.size/f.o.symbolSize(), names))
		}
	}
	if s, ok := f.o.section(".comment"); ok {
		b := f.o.content(s)
		f.Compilers = comments(b[:min(len(b), 64<<10)])
	}
	f.Debug = slices.ContainsFunc(f.o.sections, func(s section) bool {
		return strings.HasPrefix(s.name, ".debug_") && s.name != ".debug_frame" || strings.HasPrefix(s.name, ".zdebug_") || s.name == ".stab"
	})
}

// comments are what the compilers of a program wrote about themselves.
func comments(b []byte) []string {
	var all []string
	for part := range bytes.SplitSeq(b, []byte{0}) {
		s := strings.ToValidUTF8(string(bytes.TrimSpace(part[:min(len(part), 200)])), "?")
		if s != "" && len(all) < 32 && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// isProgram reports whether what may stand anywhere in memory is a program, not
// a library: it says so (DF_1_PIE), or, from before that flag, it has no name
// and a place for a debugger or an interpreter.
func (f *File) isProgram() bool {
	flags, _ := f.o.tag(dtFlags1)
	_, debug := f.o.tag(dtDebug)
	return f.o.typ == etExec || f.o.typ == etDyn && (flags&df1Pie != 0 || f.Soname == "" && (debug || f.Interpreter != ""))
}

// Program reports whether it can be started, and is not only a library.
func (f *File) Program() bool { return f.isProgram() }

// Has reports whether it asks for a symbol.
func (f *File) Has(symbol string) bool {
	_, ok := slices.BinarySearch(f.Imports, symbol)
	return ok
}

// Defines reports whether it offers a symbol.
func (f *File) Defines(symbol string) bool {
	_, ok := slices.BinarySearch(f.Exports, symbol)
	return ok
}

// Serves reports whether it asks for what a program needs that takes connections
// or datagrams of others. Nothing is known of a static program.
func (f *File) Serves() bool {
	return f.Has("accept") || f.Has("accept4") || f.Has("listen") || f.Has("bind") && (f.Has("recvfrom") || f.Has("recvmsg") || f.Has("recv"))
}

// libc tells the C library from the names of the interpreter and of libraries.
func (f *File) libc() string {
	for _, n := range append([]string{f.Interpreter, f.Soname}, f.Needed...) {
		n = n[strings.LastIndexByte(n, '/')+1:]
		switch {
		case n == "":
		case strings.HasPrefix(n, "ld-musl") || strings.HasPrefix(n, "libc.musl"):
			return "musl"
		case strings.HasPrefix(n, "ld-uClibc") || n == "libc.so.0" || n == "libc.so.1":
			return "uclibc"
		case n == "libc.so.6" || n == "libc.so.6.1" || strings.HasPrefix(n, "ld-linux") || n == "ld.so.1" || n == "ld64.so.1" || n == "ld64.so.2":
			return "glibc"
		case n == "linker" || n == "linker64":
			return "bionic"
		case n == "libc.so" && f.Interpreter != "/system/bin/linker" && f.Interpreter != "/system/bin/linker64":
			return "musl"
		}
	}
	return ""
}

// abi names the calling convention from the header's flags.
func (o *object) abi() string {
	switch o.machine {
	case emMIPS, emMIPSRS3:
		switch {
		case o.wide:
			return "n64"
		case o.flags&0x20 != 0:
			return "n32"
		case o.flags&0xf000 == 0x1000 || o.flags&0xf000 == 0:
			return "o32"
		}
		return "eabi"
	case emARM:
		s := fmt.Sprintf("eabi%d", o.flags>>24)
		if o.flags>>24 == 0 {
			return "oabi"
		}
		switch {
		case o.flags&0x400 != 0:
			s += "-hard"
		case o.flags&0x200 != 0:
			s += "-soft"
		}
		return s
	case emRISCV:
		return [...]string{"soft", "single", "double", "quad"}[o.flags>>1&3]
	case emPPC64:
		if v := o.flags & 3; v != 0 {
			return fmt.Sprintf("elfv%d", v)
		}
	}
	return ""
}
