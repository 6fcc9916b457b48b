package labtest

import (
	"debug/elf"
	"path/filepath"
	"testing"
)

func TestUnpacked(t *testing.T) {
	dir := Unpacked(t, "busybox-static:armhf")
	f, err := elf.Open(filepath.Join(dir, "bin/busybox"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_ARM {
		t.Error(f.Machine)
	}
	if v := Version(Deb(t, "busybox-static:armhf")); v == "" || v[0] < '0' || v[0] > '9' {
		t.Errorf("version %q", v)
	}
}
