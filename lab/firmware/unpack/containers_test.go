package unpack_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

// source is a tree of programs for three machines, as Debian packs them, with links.
// plain has none, for file systems that cannot keep them.
func source(t testing.TB) (dir, plain string) {
	t.Helper()
	dir = labtest.Unpacked(t, "busybox-static:mipsel", "dropbear-bin:armhf", "dnsmasq-base:arm64")
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	do(os.Symlink("busybox", filepath.Join(dir, "bin/sh")))
	do(os.Symlink("/bin/busybox", filepath.Join(dir, "init")))
	do(os.Symlink("../../../nowhere", filepath.Join(dir, "bin/gone")))
	do(os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	do(os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o644))
	do(os.WriteFile(filepath.Join(dir, "etc/empty"), nil, 0o600))
	do(os.WriteFile(filepath.Join(dir, "etc/firmware.bin"), trial.Noise(70_001, 9), 0o600))
	do(os.MkdirAll(filepath.Join(dir, "mnt/a/b/c"), 0o755))
	plain = filepath.Join(t.TempDir(), "plain")
	do(os.CopyFS(plain, os.DirFS(dir)))
	do(filepath.WalkDir(plain, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type() == fs.ModeSymlink {
			err = os.Remove(p)
		}
		return err
	}))
	return dir, plain
}

func digest(t testing.TB, tree *image.Tree) string {
	t.Helper()
	d, err := tree.Digest()
	if err != nil {
		t.Error(err)
	}
	return d
}

// container makes an image of dir at out, with the tools of their makers.
type container struct {
	name  string
	plain bool // keeps no links
	make  func(t testing.TB, dir, out string)
}

func tool(name string, args ...string) func(t testing.TB, dir, out string) {
	return func(t testing.TB, dir, out string) {
		t.Helper()
		r := strings.NewReplacer("DIR", dir, "OUT", out)
		var all []string
		for _, a := range args {
			all = append(all, r.Replace(a))
		}
		trial.Run(t, labtest.Tool(t, name), all...)
	}
}

// shell runs a line of a shell in dir, which packs the folder into $out.
func shell(line string, tools ...string) func(t testing.TB, dir, out string) {
	return func(t testing.TB, dir, out string) {
		t.Helper()
		for _, name := range tools {
			labtest.Tool(t, name)
		}
		cmd := exec.Command("sh", "-ec", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "out="+out, "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, said)
		}
	}
}

func containers() []container {
	var all []container
	add := func(name string, f func(t testing.TB, dir, out string)) {
		all = append(all, container{name: name, make: f})
	}
	for _, comp := range []string{"gzip", "xz", "lzo", "lz4", "zstd", "lzma"} {
		add("squashfs-"+comp, tool("mksquashfs", "DIR", "OUT", "-comp", comp, "-noappend", "-no-progress", "-quiet"))
	}
	add("squashfs-plain", tool("mksquashfs", "DIR", "OUT", "-noI", "-noD", "-noF", "-noX", "-noappend", "-no-progress", "-quiet"))
	for _, e := range []string{"-l", "-b"} {
		add("jffs2"+e, tool("mkfs.jffs2", "-r", "DIR", "-o", "OUT", "-e", "64KiB", e, "-n"))
	}
	add("jffs2-plain", tool("mkfs.jffs2", "-r", "DIR", "-o", "OUT", "-e", "128KiB", "-l", "-m", "none"))
	for _, comp := range []string{"lzo", "zlib", "zstd", "none"} {
		add("ubifs-"+comp, tool("mkfs.ubifs", "-r", "DIR", "-o", "OUT", "-m", "2048", "-e", "126976", "-c", "400", "-x", comp))
	}
	add("ubi", func(t testing.TB, dir, out string) {
		fs := filepath.Join(t.TempDir(), "ubifs")
		tool("mkfs.ubifs", "-r", "DIR", "-o", "OUT", "-m", "2048", "-e", "126976", "-c", "400")(t, dir, fs)
		cfg := filepath.Join(t.TempDir(), "cfg")
		text := "[rootfs]\nmode=ubi\nimage=" + fs + "\nvol_id=0\nvol_type=dynamic\nvol_name=rootfs\nvol_flags=autoresize\n"
		if err := os.WriteFile(cfg, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		tool("ubinize", "-o", "OUT", "-m", "2048", "-p", "128KiB", cfg)(t, dir, out)
	})
	add("cramfs", tool("mkfs.cramfs", "DIR", "OUT"))
	add("romfs", tool("genromfs", "-f", "OUT", "-d", "DIR"))
	for _, v := range []string{"ext2", "ext3", "ext4"} {
		add(v, tool("mke2fs", "-q", "-F", "-t", v, "-d", "DIR", "OUT", "24M"))
	}
	for _, bits := range []string{"16", "32"} {
		all = append(all, container{"fat" + bits, true, shell("mkfs.fat -F "+bits+" -C \"$out\" 40000 >&2; mcopy -s -i \"$out\" * ::/", "mkfs.fat", "mcopy")})
	}
	for _, format := range []string{"newc", "crc", "odc"} {
		add("cpio-"+format, shell("find . | cpio -o -H "+format+" > $out", "cpio"))
	}
	for _, format := range []string{"gnu", "ustar", "posix"} {
		add("tar-"+format, shell("tar -c --format="+format+" -f $out .", "tar"))
	}
	add("zip", shell("zip -q -r -y $out.zip . && mv $out.zip $out", "zip"))
	for _, comp := range []string{"gzip", "xz", "zstd", "none"} {
		add("deb-"+comp, shell(`rm -rf "$out.d"; cp -a . "$out.d"; mkdir "$out.d/DEBIAN"
printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' > "$out.d/DEBIAN/control"
dpkg-deb -Z`+comp+` --root-owner-group -b "$out.d" "$out" >&2; rm -rf "$out.d"`, "dpkg-deb"))
	}
	add("ipk", shell(`mkdir "$out.d"; tar -czf "$out.d/data.tar.gz" .; echo 2.0 > "$out.d/debian-binary"; : > "$out.d/control"
tar -C "$out.d" -czf "$out.d/control.tar.gz" ./control; tar -C "$out.d" -czf "$out" ./debian-binary ./data.tar.gz ./control.tar.gz`, "tar"))
	for name, line := range map[string]string{
		"gzip": "gzip -9n", "xz": "xz", "xz-crc32": "xz --check=crc32 --arm --lzma2", "lzma": "xz --format=lzma", "bzip2": "bzip2", "zstd": "zstd -q",
		"lz4": "lz4 -q", "lz4-legacy": "lz4 -q -l", "lzop": "lzop",
	} {
		add("cpio+"+name, shell("find . | cpio -o -H newc | "+line+" > $out", "cpio", strings.Fields(line)[0]))
	}
	add("uimage", func(t testing.TB, dir, out string) {
		inner := filepath.Join(t.TempDir(), "inner")
		shell("find . | cpio -o -H newc | gzip -n > $out", "cpio")(t, dir, inner)
		tool("mkimage", "-A", "mips", "-O", "linux", "-T", "ramdisk", "-C", "gzip", "-n", "trial", "-d", inner, "OUT")(t, dir, out)
	})
	add("uimage-squashfs", func(t testing.TB, dir, out string) {
		inner := filepath.Join(t.TempDir(), "inner")
		tool("mksquashfs", "DIR", "OUT", "-comp", "xz", "-noappend", "-no-progress", "-quiet")(t, dir, inner)
		tool("mkimage", "-A", "arm", "-O", "linux", "-T", "filesystem", "-C", "none", "-n", "trial", "-d", inner, "OUT")(t, dir, out)
	})
	add("fit", func(t testing.TB, dir, out string) {
		at := t.TempDir()
		labtest.Tool(t, "dtc")
		tool("mksquashfs", "DIR", "OUT", "-comp", "gzip", "-noappend", "-no-progress", "-quiet")(t, dir, filepath.Join(at, "rootfs"))
		its := `/dts-v1/; / { description = "trial"; #address-cells = <1>; images { rootfs { description = "rootfs"; data = /incbin/("rootfs");
type = "filesystem"; arch = "mips"; os = "linux"; compression = "none"; hash-1 { algo = "sha256"; }; }; };
configurations { default = "one"; one { filesystem = "rootfs"; }; }; };`
		if err := os.WriteFile(filepath.Join(at, "trial.its"), []byte(its), 0o666); err != nil {
			t.Fatal(err)
		}
		tool("mkimage", "-f", filepath.Join(at, "trial.its"), "OUT")(t, dir, out)
	})
	slices.SortFunc(all, func(a, b container) int { return strings.Compare(a.name, b.name) })
	return all
}

// One tree in every container and every compression gives one digest, whatever
// stands around it, and all bytes are accounted for.
func TestContainers(t *testing.T) {
	dir, plain := source(t)
	want := map[bool]string{false: digest(t, trial.Read(t, dir)), true: digest(t, trial.Read(t, plain))}
	for _, c := range containers() {
		t.Run(c.name, func(t *testing.T) {
			from := dir
			if c.plain {
				from = plain
			}
			out := filepath.Join(t.TempDir(), "image")
			c.make(t, from, out)
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			found(t, b, want[c.plain], 0)
			// The same in flash: something before it, padding to the next block behind it.
			flash := append(bytes.Repeat([]byte("a boot loader "), 10_000)[:128<<10], b...)
			flash = append(flash, bytes.Repeat([]byte{0xff}, 64<<10)...)
			found(t, flash, want[c.plain], 128<<10)
		})
	}
}

// found wants a tree of that digest in the image, no damage, and no more than so many
// unknown bytes.
func found(t *testing.T, b []byte, digestOf string, unknown int64) {
	t.Helper()
	r := unpack.Unpack(t.Context(), b, unpack.Options{Bounds: image.Standard})
	if err := unpack.Check(r, int64(len(b))); err != nil {
		t.Error(err)
	}
	if len(r.Panics) > 0 || r.Err != nil {
		t.Errorf("%v %v", r.Panics, r.Err)
	}
	got := map[string]string{}
	for _, p := range r.Trees {
		d := digest(t, p.Tree)
		got[d] = p.ID + " " + p.Format
		if d == digestOf && len(p.Tree.Notes) > 0 {
			t.Errorf("%s: notes %q", p.ID, p.Tree.Notes)
		}
	}
	if got[digestOf] == "" {
		t.Errorf("the tree is not found; there are %v in %.300s", got, sketch(r.Parts))
	}
	// What is noise in the tree counts as unknown where the tree is an archive.
	if c := r.Coverage; c.Damaged != 0 || c.Unknown > unknown+c.Understood/50 {
		t.Errorf("%+v: %.300s", c, sketch(r.Parts))
	}
}

func sketch(parts []*image.Part) string {
	var all []string
	for i, p := range parts {
		if i == 10 {
			all = append(all, "…")
			break
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s+%d %s %s", p.ID, p.State, p.Format, p.Size, p.Problem, sketch(p.Parts))))
	}
	return "[" + strings.Join(all, "; ") + "]"
}
