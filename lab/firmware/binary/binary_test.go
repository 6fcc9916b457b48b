package binary

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
