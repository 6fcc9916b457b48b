// Package labtest gives tests what nobody here wrote: Debian packages of the
// architectures that devices have. .ci/install fetches those of .ci/debs into a
// cache folder; tests fetch nothing.
package labtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder is where .ci/install put the packages.
func folder() string {
	if dir := os.Getenv("ASSAY_DEBS"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "assay", "debs")
}

// Lack skips the test for want of something that .ci/install brings; where CI is
// true it fails.
func Lack(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not here; .ci/install brings it", what)
	}
	t.Skipf("%s is not here; .ci/install brings it", what)
}

// Deb is the path of a package's file, named PACKAGE:ARCHITECTURE as in .ci/debs.
func Deb(t testing.TB, name string) string {
	t.Helper()
	path, err := Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		Lack(t, "package "+name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Find is Deb for who is no test. Its error is fs.ErrNotExist where the package is not
// in the cache folder.
func Find(name string) (path string, err error) {
	pkg, arch, ok := strings.Cut(name, ":")
	if !ok {
		return "", fmt.Errorf("%q is not PACKAGE:ARCHITECTURE", name)
	}
	for _, arch := range []string{arch, "all"} {
		found, err := filepath.Glob(filepath.Join(folder(), pkg+"_*_"+arch+".deb"))
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return slices.Max(found), nil
		}
	}
	return "", fmt.Errorf("package %s is not here: %w; .ci/install brings it", name, fs.ErrNotExist)
}

// Version is the version in a package file's name.
func Version(deb string) string {
	parts := strings.Split(filepath.Base(deb), "_")
	if len(parts) != 3 {
		return ""
	}
	return strings.ReplaceAll(parts[1], "%3a", ":")
}

// Unpacked unpacks packages over each other into a new folder of the test.
func Unpacked(t testing.TB, names ...string) string {
	t.Helper()
	Tool(t, "dpkg-deb")
	dir := t.TempDir()
	for _, name := range names {
		if out, err := exec.Command("dpkg-deb", "-x", Deb(t, name), dir).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	return dir
}

// Tool is the path of a program, also of those that only root has in its path.
func Tool(t testing.TB, name string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if p := filepath.Join(dir, name); isProgram(p) {
			return p
		}
	}
	Lack(t, "the program "+name)
	return ""
}

func isProgram(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
