package trial

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/lab/labtest"
)

// Container is a way to put a folder into an image.
type Container struct {
	Name  string
	Plain bool // keeps no links
	// Make makes an image of dir at out, with the tools of the format's makers; the test is
	// skipped where they are not there.
	Make func(t testing.TB, dir, out string)
}

func tool(name string, args ...string) func(t testing.TB, dir, out string) {
	return func(t testing.TB, dir, out string) {
		t.Helper()
		r := strings.NewReplacer("DIR", dir, "OUT", out)
		var all []string
		for _, a := range args {
			all = append(all, r.Replace(a))
		}
		Run(t, labtest.Tool(t, name), all...)
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

// Containers are all containers in all their compressions, by name.
func Containers() []Container {
	var all []Container
	add := func(name string, f func(t testing.TB, dir, out string)) {
		all = append(all, Container{Name: name, Make: f})
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
		all = append(all, Container{"fat" + bits, true, shell("mkfs.fat -F "+bits+" -C \"$out\" 40000 >&2; mcopy -s -i \"$out\" * ::/", "mkfs.fat", "mcopy")})
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
	slices.SortFunc(all, func(a, b Container) int { return strings.Compare(a.Name, b.Name) })
	return all
}
