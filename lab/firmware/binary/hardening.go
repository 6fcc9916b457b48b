package binary

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Verdict on one property of a program.
type Verdict string

// Verdicts. The good answer is yes for every property.
const (
	Yes     Verdict = "yes"
	Partial Verdict = "partial"
	No      Verdict = "no"
	Unknown Verdict = "unknown"        // the file does not tell
	Never   Verdict = "not-applicable" // the property makes no sense for it
)

// Check is a verdict with its reason.
type Check struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`          // one of Reasons
	Value   string  `json:"value,omitempty"` // what was seen: a search path, "6 of 11"
}

// Properties of hardening, in the order in which they are shown.
var Properties = []string{"nx", "pie", "relro", "canary", "fortify", "text-relocations", "separate-code", "search-path"}

// Reasons are all that a Check may give; each has words in every language.
var Reasons = []string{
	"object", "stack-header", "stack-header-executable", "no-stack-header", "no-stack-header-kernel",
	"fixed-address", "any-address", "library",
	"no-relro", "relro-lazy", "relro-now", "relro-static",
	"canary-imported", "canary-symbol", "canary-text", "canary-none", "static-stripped", "safe-language", "not-dynamic",
	"fortified", "only-unprotected", "nothing-to-fortify", "libc-without", "libc-unknown",
	"text-relocations", "no-text-relocations", "writable-code", "code-with-data", "code-apart", "no-segments",
	"no-search-path", "search-path-fixed", "search-path-relative", "search-path-writable", "search-path-origin",
}

// Hardening is how a program is protected against its own errors, by property.
type Hardening map[string]Check

// Hardening looks at every property of Properties.
func (f *File) Hardening() Hardening {
	return Hardening{
		"nx": f.nx(), "pie": f.pie(), "relro": f.relro(), "canary": f.canary(), "fortify": f.fortify(),
		"text-relocations": f.textRelocations(), "separate-code": f.separateCode(), "search-path": f.searchPath(),
	}
}

// mapped says that the file itself is mapped into memory and run.
func (f *File) mapped() bool { return f.o.typ == etExec || f.o.typ == etDyn }

// nx: the stack cannot be executed. Without the header the kernel decides by the
// machine (elf_read_implies_exec in arch/*/include/asm/elf.h): on the older ones
// everything that can be read can be run.
func (f *File) nx() Check {
	if !f.mapped() {
		return Check{Verdict: Never, Reason: "object"}
	}
	if s, ok := f.o.segment(ptGNUStack); ok {
		if s.flags&pfX != 0 {
			return Check{Verdict: No, Reason: "stack-header-executable"}
		}
		return Check{Verdict: Yes, Reason: "stack-header"}
	}
	switch f.o.machine {
	case em386, emMIPS, emMIPSRS3, emARM, emPPC:
		return Check{Verdict: No, Reason: "no-stack-header"}
	}
	return Check{Verdict: Unknown, Reason: "no-stack-header-kernel"}
}

// pie: the program may stand at any address.
func (f *File) pie() Check {
	switch {
	case !f.mapped():
		return Check{Verdict: Never, Reason: "object"}
	case f.o.typ == etExec:
		return Check{Verdict: No, Reason: "fixed-address"}
	case f.isProgram():
		return Check{Verdict: Yes, Reason: "any-address"}
	}
	return Check{Verdict: Never, Reason: "library"}
}

// relro: what the linker fills in cannot be written afterwards; all of it where
// it binds every function at the start.
func (f *File) relro() Check {
	if !f.mapped() {
		return Check{Verdict: Never, Reason: "object"}
	}
	if _, ok := f.o.segment(ptGNURelro); !ok {
		return Check{Verdict: No, Reason: "no-relro"}
	}
	flags, _ := f.o.tag(dtFlags)
	flags1, _ := f.o.tag(dtFlags1)
	_, now := f.o.tag(dtBindNow)
	switch {
	case now || flags&dfBindNow != 0 || flags1&df1Now != 0:
		return Check{Verdict: Yes, Reason: "relro-now"}
	case len(f.o.dynamic) == 0:
		return Check{Verdict: Partial, Reason: "relro-static"}
	}
	return Check{Verdict: Partial, Reason: "relro-lazy"}
}

// canaries are what the compilers' stack protector calls or reads.
var canaries = []string{"__stack_chk_fail", "__stack_chk_guard", "__stack_chk_fail_local", "__stack_smash_handler", "__intel_security_cookie"}

// canary: functions notice when their frame was overwritten.
func (f *File) canary() Check {
	if f.Go != nil && !f.Go.Cgo {
		return Check{Verdict: Never, Reason: "safe-language"}
	}
	for _, c := range canaries {
		if f.Has(c) || f.Defines(c) {
			return Check{Verdict: Yes, Reason: "canary-imported"}
		}
	}
	if _, names, ok := f.o.symtab(); ok && bytes.Contains(names, []byte("__stack_chk_")) {
		return Check{Verdict: Yes, Reason: "canary-symbol"}
	}
	switch {
	case f.o.typ == etCore || f.o.typ == etRel && !f.Symbols:
		return Check{Verdict: Never, Reason: "object"}
	case len(f.o.dynamic) > 0 && !f.Static, f.Symbols:
		return Check{Verdict: No, Reason: "canary-none"}
	case bytes.Contains(f.o.b, []byte("stack smashing detected")):
		return Check{Verdict: Yes, Reason: "canary-text"}
	}
	return Check{Verdict: Unknown, Reason: "static-stripped"}
}

// fortify: calls whose bounds the compiler knows are checked at run time.
func (f *File) fortify() Check {
	checked, plain := f.Fortified()
	switch {
	case !f.mapped():
		return Check{Verdict: Never, Reason: "object"}
	case f.Go != nil && !f.Go.Cgo:
		return Check{Verdict: Never, Reason: "safe-language"}
	case checked > 0:
		return Check{Verdict: Yes, Reason: "fortified", Value: fmt.Sprintf("%d of %d", checked, checked+plain)}
	case f.Static || len(f.o.dynamic) == 0:
		return Check{Verdict: Unknown, Reason: "not-dynamic"}
	case f.Libc == "musl" || f.Libc == "uclibc":
		return Check{Verdict: Never, Reason: "libc-without"}
	case plain == 0:
		return Check{Verdict: Never, Reason: "nothing-to-fortify"}
	case f.Libc == "":
		return Check{Verdict: Unknown, Reason: "libc-unknown"}
	}
	return Check{Verdict: No, Reason: "only-unprotected", Value: fmt.Sprintf("0 of %d", plain)}
}

// Fortified counts the functions that it asks for in their checked form, and
// those that have one and that it asks for plainly.
func (f *File) Fortified() (checked, plain int) {
	for _, name := range f.Imports {
		if inner, ok := strings.CutSuffix(name, "_chk"); ok && strings.HasPrefix(inner, "__") {
			if fortifiable[inner[2:]] || slices.Contains(onlyChecked, inner[2:]) {
				checked++
			}
		} else if fortifiable[name] {
			plain++
		}
	}
	return checked, plain
}

// fortifiable are the functions of C libraries that have a checked twin __NAME_chk.
var fortifiable = set(`asprintf confstr dprintf explicit_bzero fgets fgets_unlocked fgetws fgetws_unlocked fprintf fread
fread_unlocked fwprintf getcwd getdomainname getgroups gethostname getlogin_r gets getwd longjmp mbsnrtowcs mbsrtowcs mbstowcs memcpy
memmove mempcpy memset obstack_printf obstack_vprintf poll ppoll pread pread64 printf ptsname_r read readlink readlinkat realpath recv
recvfrom snprintf sprintf stpcpy stpncpy strcat strcpy strlcat strlcpy strncat strncpy swprintf syslog ttyname_r vasprintf vdprintf
vfprintf vfwprintf vprintf vsnprintf vsprintf vswprintf vsyslog vwprintf wcpcpy wcpncpy wcrtomb wcscat wcscpy wcsncat wcsncpy
wcsnrtombs wcsrtombs wcstombs wctomb wmemcpy wmemmove wmempcpy wmemset wprintf`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// onlyChecked are those whose twin is of another name, or a macro.
var onlyChecked = []string{"fdelt", "strlen", "strchr", "strrchr", "umask", "FD_SET", "FD_CLR", "FD_ISSET"}

// textRelocations: yes is that code stays as it is, and never becomes writable.
func (f *File) textRelocations() Check {
	if !f.mapped() {
		return Check{Verdict: Never, Reason: "object"}
	}
	flags, _ := f.o.tag(dtFlags)
	if _, ok := f.o.tag(dtTextrel); ok || flags&dfTextrel != 0 {
		return Check{Verdict: No, Reason: "text-relocations"}
	}
	return Check{Verdict: Yes, Reason: "no-text-relocations"}
}

// separateCode: no segment is both written and run, and what is run holds nothing
// else (ld -z separate-code).
func (f *File) separateCode() Check {
	if !f.mapped() {
		return Check{Verdict: Never, Reason: "object"}
	}
	code, headers := false, false
	for _, s := range f.o.segments {
		if s.typ != ptLoad || s.flags&pfX == 0 {
			continue
		}
		if s.flags&pfW != 0 {
			return Check{Verdict: No, Reason: "writable-code"}
		}
		code, headers = true, headers || s.off == 0
	}
	switch {
	case !code:
		return Check{Verdict: Unknown, Reason: "no-segments"}
	case headers:
		return Check{Verdict: Partial, Reason: "code-with-data"}
	}
	return Check{Verdict: Yes, Reason: "code-apart"}
}

// writablePlaces are folders in which a user or a remote service may leave files.
var writablePlaces = []string{"/tmp", "/var", "/dev/shm", "/run", "/home", "/mnt", "/media", "/overlay", "/data", "/root", "/build", "/usr/local/src"}

// searchPath: libraries come from no place that an attacker may choose or write.
func (f *File) searchPath() Check {
	if !f.mapped() {
		return Check{Verdict: Never, Reason: "object"}
	}
	paths := strings.Trim(f.RPath+"\n"+f.RunPath, "\n")
	if paths == "" {
		return Check{Verdict: Yes, Reason: "no-search-path"}
	}
	c := Check{Verdict: Yes, Reason: "search-path-fixed", Value: strings.ReplaceAll(paths, "\n", ":")}
	for p := range strings.SplitSeq(c.Value, ":") {
		switch {
		case strings.HasPrefix(p, "$ORIGIN") || strings.HasPrefix(p, "${ORIGIN}"):
			if c.Verdict == Yes {
				c.Verdict, c.Reason = Partial, "search-path-origin"
			}
		case !strings.HasPrefix(p, "/"):
			c.Verdict, c.Reason = No, "search-path-relative"
			return c
		case slices.ContainsFunc(writablePlaces, func(w string) bool { return p == w || strings.HasPrefix(p, w+"/") }):
			c.Verdict, c.Reason = No, "search-path-writable"
		}
	}
	return c
}

// Risky are functions of the C library by which a program often lets strangers
// in, where they are fed with what came from outside: a command line given to a
// shell, and strings written without a bound. That one is asked for proves nothing.
var Risky = []string{"system", "popen", "execlp", "gets", "strcpy", "strcat", "sprintf", "vsprintf", "scanf", "sscanf", "fscanf", "tmpnam", "mktemp", "tempnam"}

// Uses are those of Risky that it asks for, sorted.
func (f *File) Uses() []string {
	var all []string
	for _, name := range f.Imports {
		if slices.Contains(Risky, strings.TrimPrefix(name, "__isoc99_")) {
			all = append(all, strings.TrimPrefix(name, "__isoc99_"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
