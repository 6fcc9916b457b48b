package hardening

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/lab"
	"assay/lab/firmware/binary"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/labtest"
	"assay/locale"
)

// entry is a file of a test image.
type entry struct {
	path string
	perm uint32
	data []byte
}

func look(t *testing.T, files ...entry) Result {
	t.Helper()
	tree := image.NewTree()
	for _, f := range files {
		n := &image.Node{Kind: image.File, Perm: f.perm, Size: int64(len(f.data)), Open: func() ([]byte, error) { return f.data, nil }}
		if err := tree.Put(f.path, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.Finish(); err != nil {
		t.Fatal(err)
	}
	s := &inspect.System{Part: "0x40", Tree: tree, Root: true}
	in := NewInspector()
	if err := tree.Walk(func(p string, n *image.Node) error {
		if n.Kind != image.File {
			return nil
		}
		b, err := n.Data()
		in.File(inspect.NewFile(s, p, n, b, sha256.Sum256(b)))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	in.Done([]*inspect.System{s}, nil)
	return in.Result()
}

func compile(t *testing.T, source string, flags string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "a.out")
	c := exec.Command(labtest.Tool(t, "gcc"), append([]string{"-w", "-x", "c", "-o", out, "-"}, strings.Fields(flags)...)...)
	c.Stdin = strings.NewReader(source)
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("gcc %s: %v\n%s", flags, err, text)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	server = `#include <string.h>
	#include <stdlib.h>
	#include <sys/socket.h>
	int main(int c, char **v) { char b[20]; listen(3, 1); strcpy(b, v[0]); return system(b); }`
	weak   = "-O2 -fno-stack-protector -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0 -no-pie -z execstack -Wl,-z,norelro -g"
	strong = "-O2 -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE -pie -Wl,-z,relro,-z,now -s"
)

// A good and a bad twin of one program.
func TestTwins(t *testing.T) {
	bad := look(t, entry{"/usr/sbin/served", 0o755, compile(t, server, weak)})
	got := map[string]lab.Severity{}
	for _, f := range bad.Findings {
		got[f.Rule] = f.Severity
	}
	for rule, want := range map[string]lab.Severity{
		"hardening.no-nx": lab.Medium, "hardening.no-pie": lab.Medium, "hardening.no-canary": lab.Medium, "hardening.no-relro": lab.Low,
		"hardening.no-fortify": lab.Low, "hardening.debug-information": lab.Low, "hardening.risky-function": lab.None,
	} {
		if s, ok := got[rule]; !ok || s != want {
			t.Errorf("%s: %q, not %s", rule, s, want)
		}
	}
	if p := bad.Programs; len(p) != 1 || p[0].Reach != Network || !slices.Equal(p[0].Uses, []string{"strcpy", "system"}) || !p[0].Debug {
		t.Errorf("%+v", p)
	}
	good := look(t, entry{"/usr/sbin/served", 0o755, compile(t, server, strong)})
	for _, f := range good.Findings {
		if f.Severity != lab.None {
			t.Errorf("of the good one: %+v", f)
		}
	}
	if len(good.Findings) != 1 || good.Findings[0].Get("function") != "system" { // strcpy is checked
		t.Errorf("%+v", good.Findings)
	}
}

func TestReach(t *testing.T) {
	local := compile(t, `int main(){return 0;}`, weak)
	r := look(t,
		entry{"/bin/a", 0o755, local}, entry{"/bin/b", 0o755, local}, entry{"/bin/su", 0o4755, local},
		entry{"/bin/open", 0o777, local},
		entry{"/lib/libx.so", 0o644, compile(t, `int x(){return 0;}`, "-shared -fPIC -Wl,-rpath,/tmp")},
		entry{"/bin/odd", 0o755, []byte("\x7fELF is no program")},
		entry{"/etc/sysctl.conf", 0o644, []byte("# kernel.randomize_va_space=0\nkernel.randomize_va_space = 2\nkernel.randomize_va_space = 0\n")},
		entry{"/etc/init.d/x", 0o755, []byte("#!/bin/sh\necho 0 > /proc/sys/kernel/randomize_va_space\n")},
	)
	pie := map[string]lab.Finding{}
	lines := 0
	for _, f := range r.Findings {
		switch f.Rule {
		case "hardening.no-pie":
			pie[f.Get("reach")] = f
		case "hardening.no-aslr":
			lines += f.Where[0].Line
		case "hardening.set-uid":
			if f.Get("account") != "uid 0" || f.Where[0].Path != "/bin/su" {
				t.Errorf("%+v", f)
			}
		case "hardening.writable-program":
			if len(f.Where) != 1 || f.Where[0].Path != "/bin/open" {
				t.Errorf("%+v", f)
			}
		case "hardening.search-path":
			if f.Get("text") != "/tmp" || f.Severity != lab.Medium {
				t.Errorf("%+v", f)
			}
		}
	}
	if l := pie[Local]; len(l.Where) != 3 || l.Get("count") != "3" || l.Severity != lab.Low {
		t.Errorf("%+v", l)
	}
	if s := pie[SetUID]; len(s.Where) != 1 || s.Severity != lab.Medium {
		t.Errorf("%+v", s)
	}
	if lines != 3+2 || r.Odd != 1 || len(r.Programs) != 5 {
		t.Errorf("lines %d, odd %d, %d programs", lines, r.Odd, len(r.Programs))
	}
	all := Count{"", "pie", binary.No, 4}
	if !slices.Contains(r.Summary, all) || len(r.Machines) != 1 {
		t.Errorf("%v %v", r.Summary, r.Machines)
	}
}

// A script that says it again and again is reported so often, and no more.
func TestLinesBounded(t *testing.T) {
	r := look(t, entry{"/etc/sysctl.conf", 0o644, []byte(strings.Repeat("kernel.randomize_va_space = 0\n", 3*maxLines))})
	n := 0
	for _, f := range r.Findings {
		n += len(f.Where)
	}
	if n != maxLines {
		t.Errorf("%d lines", n)
	}
}

// A kernel whose modules know no canary has none; modules say whether they are signed.
func TestKernelModules(t *testing.T) {
	for flags, want := range map[string]int{"-c -fno-stack-protector": 1, "-c -fstack-protector-all": 0} {
		module := compile(t, `const char i[] __attribute__((section(".modinfo"))) = "license=GPL"; void f(char*); void g(void){ char b[64]; f(b); }`, flags)
		files := []entry{{"/lib/modules/1/signed.ko", 0o644, append(slices.Clone(module), "~Module signature appended~\n"...)}}
		for _, c := range "abcdefghij" {
			files = append(files, entry{"/lib/modules/1/" + string(c) + ".ko", 0o644, module})
		}
		n := 0
		for _, f := range look(t, files...).Findings {
			switch f.Rule {
			case "hardening.kernel-no-canary":
				n++
			case "hardening.unsigned-module":
				if len(f.Where) != 10 || f.Get("count") != "10" {
					t.Errorf("%+v", f)
				}
			default:
				t.Errorf("%+v", f)
			}
		}
		if n != want {
			t.Errorf("%s: %d findings", flags, n)
		}
	}
}

func TestKernel(t *testing.T) {
	if Kernel(nil, lab.Place{}) != nil {
		t.Error("something of an unknown configuration")
	}
	good := map[string]string{
		"STRICT_KERNEL_RWX": "y", "MODULES": "y", "STRICT_MODULE_RWX": "y", "STACKPROTECTOR_STRONG": "y", "STACKPROTECTOR": "y", "MIPS": "y", "RANDOMIZE_BASE": "y",
		"HARDENED_USERCOPY": "y", "FORTIFY_SOURCE": "y", "SECCOMP": "y", "MODULE_SIG": "y", "SECURITY_DMESG_RESTRICT": "y", "DEVKMEM": "n",
	}
	if got := Kernel(good, lab.Place{}); got != nil {
		t.Errorf("%+v", got)
	}
	old := map[string]string{"ARM": "y", "CC_STACKPROTECTOR_REGULAR": "y", "DEBUG_RODATA": "y", "DEVMEM": "y", "DEVKMEM": "y"}
	var names []string
	for _, f := range Kernel(old, lab.Place{Part: "0x0"}) {
		names = append(names, f.Get("option")+"="+f.Get("wanted"))
	}
	want := strings.Fields("CONFIG_HARDENED_USERCOPY=y CONFIG_FORTIFY_SOURCE=y CONFIG_SECCOMP=y CONFIG_STRICT_DEVMEM=y CONFIG_DEVKMEM=n CONFIG_SECURITY_DMESG_RESTRICT=y")
	if !slices.Equal(names, want) {
		t.Error(names)
	}
}

func TestComponents(t *testing.T) {
	seen := []lab.Observation{{Where: lab.Place{Part: "0x40"}}}
	got := Components([]lab.Component{
		{Kind: "kernel", Seen: seen, Parts: &lab.Parts{Options: map[string]string{"DEVKMEM": "y"}}},
		{Kind: "kernel", Seen: seen, Parts: &lab.Parts{}}, {Kind: "kernel"}, {Kind: "program", Seen: seen, Parts: &lab.Parts{Options: map[string]string{}}},
	})
	if len(got) < 5 || got[0].Where[0].Part != "0x40" || len(got) != len(Kernel(map[string]string{"DEVKMEM": "y"}, lab.Place{})) {
		t.Errorf("%+v", got)
	}
}

// All that a result says has words.
func TestWords(t *testing.T) {
	var ids []string
	for _, p := range binary.Properties {
		ids = append(ids, "hardening.property."+p)
		if lab.MustRule(rules[p].rule).ID == "" {
			t.Error(p)
		}
	}
	for _, r := range binary.Reasons {
		ids = append(ids, "hardening.reason."+r)
	}
	for _, v := range []binary.Verdict{binary.Yes, binary.Partial, binary.No, binary.Unknown, binary.Never} {
		ids = append(ids, "hardening.verdict."+string(v))
	}
	for _, r := range []string{Network, SetUID, Local, Library, Module} {
		ids = append(ids, "hardening.reach."+r)
	}
	for _, id := range ids {
		for _, l := range locale.Languages {
			if s := (lab.Phrase{ID: id}).In(l); s == id || s == "" {
				t.Errorf("%s: no words in %s", id, l)
			}
		}
	}
}

// Real programs of foreign architectures, which Debian builds with care.
func TestDebian(t *testing.T) {
	for _, arch := range []string{"armhf", "arm64", "mipsel"} {
		dir := labtest.Unpacked(t, "dropbear-bin:"+arch)
		b, err := os.ReadFile(filepath.Join(dir, "usr/sbin/dropbear"))
		if err != nil {
			t.Fatal(err)
		}
		r := look(t, entry{"/usr/sbin/dropbear", 0o755, b})
		nx := slices.ContainsFunc(r.Findings, func(f lab.Finding) bool { return f.Rule == "hardening.no-nx" && f.Severity == lab.Medium })
		if nx != (arch == "mipsel") { // Debian leaves the stack executable there, for old processors
			t.Errorf("%s: %+v", arch, r.Findings)
		}
		if slices.ContainsFunc(r.Findings, func(f lab.Finding) bool {
			return f.Rule == "hardening.no-canary" || f.Rule == "hardening.no-pie" || f.Rule == "hardening.no-relro"
		}) {
			t.Errorf("%s: %+v", arch, r.Findings)
		}
	}
}
