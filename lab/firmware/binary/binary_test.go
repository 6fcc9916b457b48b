package binary

import (
	"os"
	"slices"
	"testing"
)

// The test itself is a program.
func TestRead(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(b)
	if err != nil {
		t.Skip("not ELF here:", err)
	}
	if f.Type != "executable" && f.Type != "shared" || !slices.Contains([]string{"x86-64", "aarch64", "arm", "x86", "riscv"}, f.Machine) {
		t.Errorf("%+v", f)
	}
	for i := range min(len(b), 5000) {
		Read(b[:i])
	}
}
