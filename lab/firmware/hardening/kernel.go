package hardening

import (
	"slices"

	"assay/lab"
)

// option is a setting of the kernel that protects, in words of its Kconfig files:
// any of the names will do, which changed over the versions.
type option struct {
	names    []string
	want     string   // y or n
	when     string   // an option without which it has no meaning
	arch     []string // options of which one must be set: not every machine can
	severity lab.Severity
}

// options are those of the kernel's self-protection (Documentation/security/self-protection.rst)
// that cost a device little.
var options = []option{
	{names: []string{"STRICT_KERNEL_RWX", "DEBUG_RODATA"}, want: "y", severity: lab.Medium},
	{names: []string{"STRICT_MODULE_RWX", "DEBUG_SET_MODULE_RONX"}, want: "y", when: "MODULES", severity: lab.Low},
	{names: []string{"STACKPROTECTOR", "STACKPROTECTOR_STRONG", "CC_STACKPROTECTOR", "CC_STACKPROTECTOR_STRONG", "CC_STACKPROTECTOR_REGULAR", "CC_STACKPROTECTOR_AUTO"}, want: "y", severity: lab.Low},
	{names: []string{"RANDOMIZE_BASE"}, want: "y", arch: []string{"X86", "ARM64", "MIPS", "RISCV"}, severity: lab.Low},
	{names: []string{"HARDENED_USERCOPY"}, want: "y", severity: lab.Low},
	{names: []string{"FORTIFY_SOURCE"}, want: "y", severity: lab.Low},
	{names: []string{"SECCOMP"}, want: "y", severity: lab.None},
	{names: []string{"STRICT_DEVMEM"}, want: "y", when: "DEVMEM", severity: lab.Medium},
	{names: []string{"DEVKMEM"}, want: "n", severity: lab.Medium},
	{names: []string{"PROC_KCORE"}, want: "n", severity: lab.Low},
	{names: []string{"MODULE_SIG"}, want: "y", when: "MODULES", severity: lab.Low},
	{names: []string{"SECURITY_DMESG_RESTRICT"}, want: "y", severity: lab.None},
	{names: []string{"COMPAT_BRK"}, want: "n", severity: lab.Low},
}

// Kernel holds a kernel's embedded configuration (lab.Parts.Options: names without
// CONFIG_, what is not there is n) against the settings that protect it. nil
// options are unknown, and give nothing.
func Kernel(config map[string]string, at lab.Place) []lab.Finding {
	if config == nil {
		return nil
	}
	set := func(name string) bool { return config[name] != "" && config[name] != "n" }
	var all []lab.Finding
	for _, o := range options {
		if o.when != "" && !set(o.when) || o.arch != nil && !slices.ContainsFunc(o.arch, set) {
			continue
		}
		if slices.ContainsFunc(o.names, set) == (o.want == "y") {
			continue
		}
		f := lab.Found("hardening.kernel-option", lab.Confirmed, at, "option", "CONFIG_"+o.names[0], "wanted", o.want)
		f.Severity = o.severity
		all = append(all, f)
	}
	return all
}

// Components holds every kernel among the components of an image against the
// settings, as far as its configuration was found.
func Components(all []lab.Component) []lab.Finding {
	var fs []lab.Finding
	for _, c := range all {
		if c.Kind != "kernel" || c.Parts == nil || len(c.Seen) == 0 {
			continue
		}
		fs = append(fs, Kernel(c.Parts.Options, c.Seen[0].Where)...)
	}
	return fs
}
