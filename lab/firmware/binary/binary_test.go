package binary

import (
	enc "encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/lab/labtest"
)

// self is this test as a program.
func self(t *testing.T) []byte {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return read(t, exe)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The test itself is a program, in Go.
func TestRead(t *testing.T) {
	b := self(t)
	f, err := Read(b)
	if err != nil {
		t.Skip("not ELF here:", err)
	}
	if f.Type != "executable" && f.Type != "shared" || !slices.Contains([]string{"x86-64", "aarch64", "arm", "x86", "riscv"}, f.Machine) {
		t.Errorf("%+v", f)
	}
	if f.Go == nil || !strings.HasPrefix(f.Go.Version, "go1.") || f.Go.Main.Name != "assay" {
		t.Errorf("%+v", f.Go)
	}
	for i := range min(len(b), 5000) {
		Read(b[:i])
	}
}

func TestReadRefuses(t *testing.T) {
	for _, s := range []string{"", "MZ", "\x7fELF", "\x7fELF\x03\x01" + strings.Repeat("\x00", 60), "\x7fELF\x01\x03" + strings.Repeat("\x00", 60)} {
		if f, err := Read([]byte(s)); !errors.Is(err, ErrNot) {
			t.Errorf("%q: %+v, %v", s, f, err)
		}
	}
}

// BusyBox lists its applets itself where it runs.
func TestApplets(t *testing.T) {
	var want []string
	for _, arch := range []string{"amd64", "armhf", "arm64", "mipsel"} {
		dir := labtest.Unpacked(t, "busybox-static:"+arch)
		program := filepath.Join(dir, "bin/busybox")
		got := Applets(read(t, program))
		if arch == "amd64" {
			out, err := exec.Command(program, "--list").Output()
			if err != nil {
				t.Fatal(err)
			}
			want = strings.Fields(string(out))
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d applets, not %d: %v", arch, len(got), len(want), got)
		}
	}
	if got := Applets(self(t)); got != nil {
		t.Errorf("in the test itself: %v", got)
	}
}

// What stands around the table is no part of it.
func TestAppletsAround(t *testing.T) {
	want := strings.Fields("[ [[ ash cat httpd own-one sh vi zcip")
	table := strings.Join(want, "\x00") + "\x00"
	for _, around := range [][2]string{{"", ""}, {"\x00", "zzz\x00"}, {"\x01A", "BusyBox"}, {"Aa\x00", "\x00\x00"}, {"ash\x00cat\x00", "ash\x00"}} {
		b := "\x7fELF\x01\x01\x01" + strings.Repeat("\x00", 50) + around[0] + table + around[1] + "\x00BusyBox v1.30\x00"
		if got := Applets([]byte(b)); !slices.Equal(got, want) {
			t.Errorf("%q: %q", around, got)
		}
	}
	if got := Applets([]byte("\x7fELF BusyBox v1.30\x00alpha\x00beta\x00gamma\x00sh\x00vi\x00")); got != nil {
		t.Error(got)
	}
}

// oldApplets is as BusyBox 1.01 kept its applets.
const oldApplets = `
struct applet { const char *name; int (*main)(void); int place, user; };
static int run(void) { return 0; }
#define A(n) {n, run, 1, 2}
const struct applet applets[] = { A("["), A("ash"), A("busybox"), A("cat"), A("chmod"), A("httpd"), A("own"), A("sh"), A("telnetd"), A("vi"), A("zcip"), {0} };
const char version[] = "BusyBox v1.01 (2005.08.17-12:00+0000) multi-call binary";
int main(int c, char **v) { return applets[c].main() + version[c]; }
`

func TestAppletsInTable(t *testing.T) {
	for _, how := range [][]string{{"-no-pie"}, {"-no-pie", "-s"}} {
		got := Applets(compile(t, oldApplets, how...))
		if want := strings.Fields("[ ash busybox cat chmod httpd own sh telnetd vi zcip"); !slices.Equal(got, want) {
			t.Errorf("%v: %v", how, got)
		}
	}
}

// compile makes a program of C.
func compile(t testing.TB, source string, flags ...string) []byte {
	t.Helper()
	gcc := labtest.Tool(t, "gcc")
	out := filepath.Join(t.TempDir(), "a.out")
	c := exec.Command(gcc, append(append([]string{"-x", "c", "-o", out, "-"}, "-w"), flags...)...)
	c.Stdin = strings.NewReader(source)
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("gcc %v: %v\n%s", flags, err, text)
	}
	return read(t, out)
}

// programs of foreign architectures, with the path of each; s390x is the one of Debian's
// that puts the most significant byte first.
func programs(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, arch := range []string{"amd64", "i386", "armhf", "arm64", "mipsel", "mips64el", "ppc64el", "s390x"} {
		dir := labtest.Unpacked(t, "dropbear-bin:"+arch, "dnsmasq-base:"+arch)
		for _, p := range []string{"usr/sbin/dropbear", "usr/sbin/dnsmasq"} {
			all[arch+" "+p] = filepath.Join(dir, p)
		}
	}
	return all
}

// noSections is a program as the builders of small systems leave it (sstrip).
func noSections(b []byte) []byte {
	b = slices.Clone(b)
	at, n := 32, 4 // e_shoff
	rest := 46     // e_shentsize, e_shnum, e_shstrndx
	if b[4] == 2 {
		at, n, rest = 40, 8, 58
	}
	clear(b[at : at+n])
	clear(b[rest : rest+6])
	return b
}

// otherBits is a column that readelf shows for some machines only.
var otherBits = regexp.MustCompile(`\[<[^]]*\]`)

// readelf(1) reads the same, also of a program whose section headers are gone.
func TestReadAsReadelf(t *testing.T) {
	readelf := labtest.Tool(t, "readelf")
	machine := map[string]string{"amd64": "x86-64", "i386": "x86", "armhf": "arm", "arm64": "aarch64", "mipsel": "mips", "mips64el": "mips", "ppc64el": "powerpc64", "s390x": "s390"}
	bits := map[string]int{"amd64": 64, "i386": 32, "armhf": 32, "arm64": 64, "mipsel": 32, "mips64el": 64, "ppc64el": 64, "s390x": 64}
	for name, path := range programs(t) {
		out, err := exec.Command(readelf, "-W", "--dyn-syms", "--dynamic", "--notes", path).Output()
		if err != nil {
			t.Fatal(name, err)
		}
		var imports, exports, needed []string
		id := ""
		for line := range strings.Lines(string(out)) {
			w := strings.Fields(otherBits.ReplaceAllString(line, " "))
			switch {
			case len(w) >= 8 && strings.HasSuffix(w[0], ":") && w[3] != "SECTION" && w[4] != "LOCAL":
				n, _, _ := strings.Cut(w[len(w)-1], "@")
				if strings.HasPrefix(w[len(w)-1], "(") {
					n, _, _ = strings.Cut(w[len(w)-2], "@")
				}
				if w[6] == "UND" {
					imports = append(imports, n)
				} else if w[6] != "Ndx" {
					exports = append(exports, n)
				}
			case len(w) == 5 && w[1] == "(NEEDED)":
				needed = append(needed, strings.Trim(w[4], "[]"))
			}
			if _, after, ok := strings.Cut(line, "Build ID: "); ok {
				id = strings.TrimSpace(after)
			}
		}
		slices.Sort(imports)
		slices.Sort(exports)
		imports, exports = slices.Compact(imports), slices.Compact(exports)
		b := read(t, path)
		arch, _, _ := strings.Cut(name, " ")
		for how, b := range map[string][]byte{"": b, " without sections": noSections(b)} {
			f, err := Read(b)
			if err != nil {
				t.Fatal(name, how, err)
			}
			if len(imports) < 50 || !slices.Equal(f.Imports, imports) || !slices.Equal(f.Exports, exports) {
				t.Errorf("%s%s: %d imports, %d exports, not %d, %d", name, how, len(f.Imports), len(f.Exports), len(imports), len(exports))
			}
			if len(needed) == 0 || !slices.Equal(f.Needed, needed) || f.BuildID != id || f.Libc != "glibc" || f.Machine != machine[arch] || f.Cut || f.Static || !f.Program() || !f.Serves() {
				t.Errorf("%s%s: needs %v, id %s, for %s on %s; not %v, %s", name, how, f.Needed, f.BuildID, f.Libc, f.Machine, needed, id)
			}
			if abi := map[string]string{"mipsel": "o32", "mips64el": "n64", "armhf": "eabi5-hard", "ppc64el": "elfv2"}[arch]; f.ABI != abi || f.Big != (arch == "s390x") || f.Bits != bits[arch] {
				t.Errorf("%s: %s, big %v, %d bits", name, f.ABI, f.Big, f.Bits)
			}
			if f.Sections != (how == "") || f.Symbols {
				t.Errorf("%s%s: sections %v, symbols %v", name, how, f.Sections, f.Symbols)
			}
		}
	}
}

// Cut anywhere, a program gives what is left of it.
func TestCut(t *testing.T) {
	b := read(t, filepath.Join(labtest.Unpacked(t, "dropbear-bin:mipsel"), "usr/sbin/dropbear"))
	for i := range 100 {
		f, err := Read(b[:len(b)*i/100])
		if i > 0 && (err != nil || !f.Cut || f.Machine != "mips" || f.ABI != "o32") {
			t.Errorf("%d %%: %+v, %v", i, f, err)
		}
	}
}

// module is a kernel module as far as its own sections go: the structure has its
// name behind the state and two pointers (include/linux/module.h).
const module = `
#define INFO(n, s) const char n[] __attribute__((section(".modinfo"), aligned(1))) = s;
INFO(a, "license=GPL") INFO(b, "description=Packets by name") INFO(c, "depends=x_tables,nf_conntrack,x_tables")
INFO(d, "vermagic=4.4.92 mod_unload MIPS32_R2 32BIT ") INFO(e, "alias=ipt_x") INFO(f, "alias=ip6t_x") INFO(g, "author=A") INFO(h, "intree=Y") INFO(i, "no pair")
struct { int state; void *list[2]; char name[56]; } __this_module __attribute__((section(".gnu.linkonce.this_module"))) = { .name = "xt_name" };
extern void outer(void); void inner(void) { outer(); }
`

func TestModule(t *testing.T) {
	b := compile(t, module, "-c")
	m, err := Module(b)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "xt_name" || m.License != "GPL" || m.Kernel != "4.4.92" || !slices.Equal(m.Depends, []string{"x_tables", "nf_conntrack"}) ||
		m.Aliases != 2 || !m.Intree || m.Signed || !slices.Equal(m.Authors, []string{"A"}) || m.Description != "Packets by name" {
		t.Errorf("%+v", m)
	}
	f, err := Read(b)
	if err != nil || f.Type != "relocatable" || !slices.Contains(f.Imports, "outer") || !slices.Contains(f.Exports, "inner") {
		t.Errorf("%+v, %v", f, err)
	}
	if m, err := Module(append(slices.Clone(b), "SIGNATURE\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x09"+signed...)); err != nil || !m.Signed || m.Digest != "" {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := Module(append(slices.Clone(b), "KeeperKEYSIG\x01\x04\x01\x06\x03\x00\x00\x00\x00\x00\x00\x03"+signed...)); err != nil || m.Digest != "sha256" || m.Signer != "Keeper" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := Module(compile(t, "int x;", "-c")); !errors.Is(err, ErrNoModule) {
		t.Error(err)
	}
	if _, err := Module([]byte("no module")); !errors.Is(err, ErrNot) {
		t.Error(err)
	}
}

func TestLanguages(t *testing.T) {
	b := compile(t, `const char s[] = "/rustc/x/library/core/src/a.rs"; const char c[] = "/home/b/.cargo/registry/src/index.crates.io-6f17d22bba15001f/ring-core-0.17.8/src/x.rs"; int main(void){return s[0]+c[0];}`)
	f, err := Read(b)
	if err != nil || f.Rust == nil || !slices.Equal(f.Rust.Crates, []Dependency{{"ring-core", "0.17.8"}}) || f.Go != nil {
		t.Errorf("%+v, %v", f, err)
	}
	if len(f.Compilers) == 0 || !strings.HasPrefix(f.Compilers[0], "GCC: ") {
		t.Error(f.Compilers)
	}
}

func FuzzRead(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if file, err := Read(b); err == nil {
			if !slices.IsSorted(file.Imports) || !slices.IsSorted(file.Exports) || file.Machine == "" || file.Type == "" {
				t.Errorf("%+v", file)
			}
		} else if !errors.Is(err, ErrNot) {
			t.Error(err)
		}
		Module(b)
		Applets(b)
	})
}

// seeds are small programs of several kinds. Without a compiler there is only
// the beginning of one.
func seeds(f *testing.F) [][]byte {
	all := [][]byte{
		append([]byte("\x7fELF\x01\x02\x01"+strings.Repeat("\x00", 9)+"\x00\x02\x00\x08"), make([]byte, 100)...),
		append([]byte("\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 9)+"\x03\x00\x3e\x00"), make([]byte, 200)...),
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return all
	}
	return append(all, compile(f, module, "-c"), compile(f, oldApplets, "-no-pie", "-s"), noSections(compile(f, "int puts(const char*);int main(void){return puts(\"x\");}", "-s")))
}

// A program that was changed in any byte of its tables is read in about the same time.
func TestFlipped(t *testing.T) {
	whole := read(t, filepath.Join(labtest.Unpacked(t, "dropbear-bin:armhf"), "usr/sbin/dropbear"))
	b := slices.Clone(whole)
	var most time.Duration
	for i := 0; i < len(b); i += 1 + i/4000*7 {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			b[i] ^= flip
			begin := time.Now()
			if f, err := Read(b); err == nil {
				f.Hardening()
			} else if i > 5 {
				t.Fatalf("byte %d: %v", i, err)
			}
			most = max(most, time.Since(begin))
			b[i] = whole[i]
		}
	}
	if most > 30*time.Second {
		t.Errorf("one took %v", most)
	}
}

// A file may claim the same table many times; it is read once.
func TestManyTables(t *testing.T) {
	b := make([]byte, 64+65000*40+1<<20)
	copy(b, "\x7fELF\x01\x01\x01")
	b[16], b[18] = etRel, em386
	le := enc.LittleEndian
	le.PutUint32(b[32:], 64) // section headers
	le.PutUint16(b[46:], 40)
	le.PutUint16(b[48:], 65000)
	for i := range 65000 {
		h := b[64+40*i:]
		le.PutUint32(h[4:], shtSymtab)
		le.PutUint32(h[16:], 64)
		le.PutUint32(h[20:], uint32(len(b)))
		le.PutUint32(h[24:], 1)
	}
	begin := time.Now()
	f, err := Read(b)
	if err != nil || f.Type != "relocatable" {
		t.Fatal(err)
	}
	f.Hardening()
	if d := time.Since(begin); d > 30*time.Second {
		t.Errorf("it took %v", d)
	}
}
