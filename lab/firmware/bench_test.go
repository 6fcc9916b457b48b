package firmware

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/labtest"
)

// imageEnv names an image that the benchmarks take instead of their own.
const imageEnv = "ASSAY_BENCH_IMAGE"

// benchImage is a root file system of Debian's programs for MIPS, with passwords that
// no list has.
func benchImage(b *testing.B) []byte {
	b.Helper()
	if name := os.Getenv(imageEnv); name != "" {
		return trial.Image(b, name)
	}
	root := labtest.Unpacked(b, "busybox-static:mipsel", "dropbear-bin:mipsel", "dnsmasq-base:mipsel", "lighttpd:mipsel", "libssl3:mipsel", "iptables:mipsel", "ppp:mipsel")
	etc := filepath.Join(root, "etc")
	if err := os.MkdirAll(etc, 0o755); err != nil {
		b.Fatal(err)
	}
	const shadow = "root:$1$Zb3dE6gH$x6CtQ0Sab.xYMb0QOc.NP.:17000:0:99999:7:::\nsupport:aBHiuzU98.D06:17000:0:99999:7:::\n"
	if err := os.WriteFile(filepath.Join(etc, "shadow"), []byte(shadow), 0o600); err != nil {
		b.Fatal(err)
	}
	out := filepath.Join(b.TempDir(), "image")
	trial.Run(b, labtest.Tool(b, "mksquashfs"), root, out, "-comp", "xz", "-b", "262144", "-all-root", "-noappend", "-no-progress", "-quiet")
	return trial.Image(b, out)
}

// BenchmarkUnpack carves and unpacks a whole image, and reads all of its files; a byte
// is one of the image.
func BenchmarkUnpack(b *testing.B) {
	data := benchImage(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r := unpack.Unpack(b.Context(), data, unpack.Options{Bounds: image.Standard})
		if len(r.Trees) == 0 {
			b.Fatal("no tree")
		}
	}
}

// BenchmarkExamine is all that the confined process does: unpacking, and every
// inspector over every file.
func BenchmarkExamine(b *testing.B) {
	data := benchImage(b)
	o := told{At: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), Bounds: image.Standard}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		all, err := inspectors(o)
		if err != nil {
			b.Fatal(err)
		}
		f := examine(b.Context(), data, o, all, func(Progress) {})
		if len(f.Components) == 0 || len(f.Problems) > 0 {
			b.Fatal(f.Problems)
		}
	}
}
