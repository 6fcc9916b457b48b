package wrapper

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/unpacktest"
	"assay/lab/labtest"
)

// open reads a sample with something behind it, and as it is.
func open(t testing.TB, name string, b []byte) *image.Part {
	t.Helper()
	f := unpacktest.Named(t, Formats, name)
	found := false
	for _, g := range Formats {
		for _, m := range g.Magic {
			found = found || g.Name == name && len(b) >= m.Offset+len(m.Bytes) && string(b[m.Offset:m.Offset+len(m.Bytes)]) == m.Bytes
		}
	}
	if !found {
		t.Errorf("%s: no magic", name)
	}
	long, err := unpacktest.Read(t, f, append(bytes.Clone(b), "something else behind it"...), "with a tail")
	if err != nil || long.State == image.Understood && long.Size != int64(len(b)) {
		t.Errorf("%s with a tail: %+v, %v", name, long, err)
	}
	p, err := unpacktest.Read(t, f, b, "as it is")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

// expect compares properties: name=value, of which the first of a name counts, or
// name~text that one of that name contains.
func expect(t testing.TB, p *image.Part, want ...string) {
	t.Helper()
	for _, w := range want {
		if name, value, ok := strings.Cut(w, "="); ok && !strings.Contains(name, "~") {
			if p.Get(name) != value {
				t.Errorf("%s: %s is %q and not %q", p.Format, name, p.Get(name), value)
			}
			continue
		}
		name, text, _ := strings.Cut(w, "~")
		if !slices.ContainsFunc(p.Details, func(d image.Property) bool { return d.Name == name && strings.Contains(d.Value, text) }) {
			t.Errorf("%s: no %s with %q in %v", p.Format, name, text, p.Details)
		}
	}
}

func streams(t testing.TB, p *image.Part, want map[string][]byte) {
	t.Helper()
	var names []string
	for _, s := range p.Streams {
		names = append(names, s.Name)
		if w, ok := want[s.Name]; ok && !bytes.Equal(s.Data, w) {
			t.Errorf("%s: %s has %d bytes and not %d", p.Format, s.Name, len(s.Data), len(w))
		}
	}
	for name := range want {
		if !slices.Contains(names, name) {
			t.Errorf("%s: no %s in %v", p.Format, name, names)
		}
	}
	if len(names) != len(want) {
		t.Errorf("%s: %v", p.Format, names)
	}
}

func understood(t testing.TB, p *image.Part) {
	t.Helper()
	if p.State != image.Understood {
		t.Errorf("%s: %s %s", p.Format, p.State, p.Problem)
	}
}

// noise is bytes that are in no wrapper by accident.
func noise(n int, seed byte) []byte {
	b := make([]byte, 0, n+64)
	for i := 0; len(b) < n; i++ {
		s := sha512.Sum512([]byte{seed, byte(i), byte(i >> 8)})
		b = append(b, s[:]...)
	}
	return b[:n]
}

func run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	labtest.Tool(t, args[0])
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", "TZ=UTC")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

func write(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUImage(t *testing.T) {
	dir := t.TempDir()
	kernel, ramdisk := noise(5001, 1), noise(3000, 2)
	write(t, dir, "kernel", kernel)
	write(t, dir, "ramdisk", ramdisk)
	run(t, dir, "mkimage", "-A", "mips", "-O", "linux", "-T", "kernel", "-C", "lzma", "-a", "80060000", "-e", "80060100", "-n", "MIPS OpenWrt Linux-4.4.92", "-d", "kernel", "one")
	b := read(t, dir, "one")
	p := open(t, "uimage", b)
	understood(t, p)
	expect(t, p, "name=MIPS OpenWrt Linux-4.4.92", "os=linux", "arch=mips", "type=kernel", "compression=lzma", "load=0x80060000", "entry=0x80060100", "created=2023-11-14T22:13:20Z", "checksum~header holds", "checksum~data holds", "signature=none")
	streams(t, p, map[string][]byte{"kernel": kernel})

	run(t, dir, "mkimage", "-A", "arm", "-O", "linux", "-T", "multi", "-C", "none", "-d", "kernel:ramdisk:kernel", "many")
	p = open(t, "uimage", read(t, dir, "many"))
	understood(t, p)
	streams(t, p, map[string][]byte{"image-0": kernel, "image-1": ramdisk, "image-2": kernel})

	run(t, dir, "mkimage", "-A", "arm", "-O", "linux", "-T", "script", "-d", "ramdisk", "script")
	p = open(t, "uimage", read(t, dir, "script"))
	streams(t, p, map[string][]byte{"script": ramdisk})

	// A byte of the data, one of the header, the end.
	for at, problem := range map[int]string{len(b) - 9: "CRC-32 of the data does not hold", 40: "CRC-32 of the header does not hold"} {
		bad := bytes.Clone(b)
		bad[at] ^= 4
		if p := open(t, "uimage", bad); p.State != image.Damaged || !strings.Contains(p.Problem, problem) {
			t.Errorf("%d: %+v", at, p)
		}
	}
	if p, err := openUImage(b[:3000], nil); err != nil || p.State != image.Damaged || len(p.Streams[0].Data) != 3000-64 {
		t.Errorf("cut: %+v, %v", p, err)
	}
}

const its = `/dts-v1/;
/ {
	description = "Test image";
	#address-cells = <1>;
	images {
		kernel-1 {
			description = "kernel";
			data = /incbin/("kernel");
			type = "kernel"; arch = "arm64"; os = "linux"; compression = "none";
			load = <0x40080000>; entry = <0x40080000>;
			hash-1 { algo = "sha256"; };
			hash-2 { algo = "crc32"; };
			hash-3 { algo = "md5"; };
		};
		rootfs-1 {
			data = /incbin/("ramdisk");
			type = "ramdisk"; arch = "arm64"; os = "linux"; compression = "none";
			hash-1 { algo = "sha1"; };
			hash-2 { algo = "sha512"; };
		};
		fdt-1 {
			data = /incbin/("dtb");
			type = "flat_dt"; arch = "arm64"; compression = "none";
			hash-1 { algo = "sha384"; };
		};
	};
	configurations {
		default = "conf-1";
		conf-1 { kernel = "kernel-1"; ramdisk = "rootfs-1"; fdt = "fdt-1"; SIGNATURE };
	};
};
`

// fits makes images of a tree, unsigned and signed, with the data in it and behind it.
func fits(t testing.TB) (dir string, kernel, ramdisk []byte) {
	dir = t.TempDir()
	kernel, ramdisk = noise(5001, 3), noise(3002, 4)
	write(t, dir, "kernel", kernel)
	write(t, dir, "ramdisk", ramdisk)
	write(t, dir, "board.dts", []byte(`/dts-v1/; / { model = "Some Board"; compatible = "some,board", "some,soc"; chosen { }; };`))
	run(t, dir, "dtc", "-q", "-I", "dts", "-O", "dtb", "-o", "dtb", "board.dts")
	write(t, dir, "plain.its", []byte(strings.Replace(its, "SIGNATURE", "", 1)))
	write(t, dir, "signed.its", []byte(strings.Replace(its, "SIGNATURE", `signature-1 { algo = "sha256,rsa2048"; key-name-hint = "dev"; sign-images = "kernel", "ramdisk", "fdt"; };`, 1)))
	run(t, dir, "mkimage", "-f", "plain.its", "plain")
	run(t, dir, "mkimage", "-E", "-f", "plain.its", "external")
	run(t, dir, "mkimage", "-E", "-p", "2000", "-f", "plain.its", "position")
	run(t, dir, "mkimage", "-f", "signed.its", "unsigned")
	run(t, dir, "openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "dev.key")
	run(t, dir, "openssl", "req", "-batch", "-new", "-x509", "-key", "dev.key", "-out", "dev.crt")
	run(t, dir, "cp", "dtb", "control")
	run(t, dir, "mkimage", "-f", "signed.its", "-k", ".", "-K", "control", "-r", "signed")
	return dir, kernel, ramdisk
}

func TestFIT(t *testing.T) {
	dir, kernel, ramdisk := fits(t)
	dtb := read(t, dir, "dtb")
	for _, name := range []string{"plain", "external", "position", "signed"} {
		b := read(t, dir, name)
		if n := len(b); name == "external" || name == "position" { // mkimage fills the last image up
			b = b[:n-n%4]
		}
		p, err := unpacktest.Read(t, unpacktest.Named(t, Formats, "fdt"), append(bytes.Clone(b), "behind it"...), name)
		if err != nil || p.Format != "fit" {
			t.Fatalf("%s: %+v, %v", name, p, err)
		}
		if p.Size > int64(len(b)) || p.Size < int64(len(b))-8 {
			t.Errorf("%s: %d bytes of %d", name, p.Size, len(b))
		}
		understood(t, p)
		streams(t, p, map[string][]byte{"kernel-1": kernel, "rootfs-1": ramdisk, "fdt-1": dtb})
		expect(t, p, "name=Test image", "default=conf-1", "created=2023-11-14T22:13:20Z", "image~kernel-1: type kernel, arch arm64, os linux, compression none, description kernel, load 0x40080000",
			"checksum~sha256 of kernel-1 holds", "checksum~crc32 of kernel-1 holds", "checksum~md5 of kernel-1 holds", "checksum~sha1 of rootfs-1 holds", "checksum~sha512 of rootfs-1 holds", "checksum~sha384 of fdt-1 holds")
		if name == "signed" {
			expect(t, p, "signature=conf-1: sha256,rsa2048 with the key dev over kernel, ramdisk, fdt, not verified")
		} else {
			expect(t, p, "signature=none")
		}
	}
	if p := open(t, "fdt", read(t, dir, "unsigned")); p.Get("signature") != "conf-1: prepared for sha256,rsa2048 with the key dev, and not signed" {
		t.Errorf("%v", p.Details)
	}
	// A boot loader's own tree says with which key it wants what signed.
	p := open(t, "fdt", read(t, dir, "control"))
	understood(t, p)
	expect(t, p, "model=Some Board", "product=some,board, some,soc", "key=key-dev, sha256,rsa2048, required for conf")
	if p.Format != "fdt" || len(p.Streams) != 0 {
		t.Errorf("%+v", p)
	}
	bad := read(t, dir, "plain")
	bad[bytes.Index(bad, kernel)+100] ^= 1
	if p := open(t, "fdt", bad); p.State != image.Damaged || !strings.Contains(p.Problem, "sha256 of kernel-1 does not hold") {
		t.Errorf("%+v", p)
	}
}

// trx, seama and the others below are written after the published headers, by other
// means than the readers.
func le(v ...uint32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

func be(v ...uint32) (b []byte) {
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return b
}

// fixed is a field of text.
func fixed(s string, n int) []byte { return append([]byte(s), make([]byte, n-len(s))...) }

// crcBits is CRC-32 bit by bit, begun with ones and not inverted.
func crcBits(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0xedb88320
			} else {
				c >>= 1
			}
		}
	}
	return c
}

func makeTRX(version uint32, parts ...[]byte) []byte {
	n := 3
	if version == 2 {
		n = 4
	}
	offsets := make([]uint32, n)
	at := uint32(16 + 4*n)
	var body []byte
	for i, p := range parts {
		offsets[i] = at + uint32(len(body))
		body = append(body, p...)
	}
	tail := append(le(append([]uint32{version << 16}, offsets...)...), body...)
	return slices.Concat([]byte("HDR0"), le(uint32(12+len(tail)), crcBits(tail)), tail)
}

func TestTRX(t *testing.T) {
	a, b, c := noise(500, 5), noise(1500, 6), noise(2500, 7)
	p := open(t, "trx", makeTRX(1, a, b, c))
	understood(t, p)
	expect(t, p, "version=1", "checksum~CRC-32 holds", "signature=none")
	streams(t, p, map[string][]byte{"loader": a, "kernel": b, "rootfs": c})
	p = open(t, "trx", makeTRX(2, b, c))
	understood(t, p)
	streams(t, p, map[string][]byte{"kernel": b, "rootfs": c})
	bad := makeTRX(1, b, c)
	bad[700]++
	if p := open(t, "trx", bad); p.State != image.Damaged || p.Problem != "CRC-32 does not hold" {
		t.Errorf("%+v", p)
	}
	p = open(t, "addpattern", slices.Concat([]byte("W54G\x00\x00\x00\x00\x11\x0c\x0f\x04\x1e\x07U2ND"), make([]byte, 14), makeTRX(1, a, b, c)))
	understood(t, p)
	expect(t, p, "product=W54G", "version=4.30.7", "created=2017-12-15")
}

func makeSeama(inner []byte, metas ...string) []byte {
	text := func(s string) []byte {
		b := append([]byte(s), 0)
		return append(b, make([]byte, (4-len(b)%4)%4)...)
	}
	var meta []byte
	for _, m := range metas {
		meta = append(meta, text(m)...)
	}
	sum := md5.Sum(inner)
	seal := slices.Concat(be(0x5ea3a417, uint32(len(text("signature=wrgac13_dlink.2013gui_dir850l"))), 0), text("signature=wrgac13_dlink.2013gui_dir850l"))
	return slices.Concat(seal, be(0x5ea3a417, uint32(len(meta)), uint32(len(inner))), sum[:], meta, inner)
}

func TestSeama(t *testing.T) {
	inner := noise(4000, 8)
	b := makeSeama(inner, "dev=/dev/mtdblock/1", "type=firmware")
	p := open(t, "seama", b)
	understood(t, p)
	expect(t, p, "product=wrgac13_dlink.2013gui_dir850l", "meta~dev=/dev/mtdblock/1", "meta~type=firmware", "checksum~holds", "signature=none")
	streams(t, p, map[string][]byte{"image": inner})
	b[len(b)-1]++
	if p := open(t, "seama", b); p.State != image.Damaged {
		t.Errorf("%+v", p)
	}
}

// makeTPLink writes either header: fields at their places.
func makeTPLink(version int, kernel, rootfs []byte, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = 0xff
	}
	put := func(at int, v []byte) { copy(b[at:], v) }
	rootAt := (0x200 + len(kernel) + 15) &^ 15
	put(0x200, kernel)
	put(rootAt, rootfs)
	sumAt := 0x4c
	if version == 1 {
		put(0, slices.Concat(be(0x01000000), fixed("TP-LINK Technologies", 24), fixed("ver. 1.0", 36), be(0x08410011, 1, 1), make([]byte, 40),
			be(0x80060000, 0x80060400, uint32(size), 0x200, uint32(len(kernel)), uint32(rootAt), uint32(len(rootfs)), 0, 0), []byte{0, 3, 0, 16, 0, 9}, make([]byte, 0x200-0x9e)))
		put(sumAt, []byte{0xdc, 0xd7, 0x3a, 0xa5, 0xc3, 0x95, 0x98, 0xfb, 0xdd, 0xf9, 0xe7, 0xf4, 0x0e, 0xae, 0x47, 0x38})
	} else {
		sumAt = 0x40
		put(0, slices.Concat(be(uint32(version)<<24), fixed("ver. 2.0", 48), be(0xc20201, 0x15, 0x3), make([]byte, 16), be(0), bytes.Repeat([]byte{0xff}, 20),
			be(0x80000000, 0x8000c150, uint32(size), 0x200, uint32(len(kernel)), uint32(rootAt), uint32(len(rootfs)), 0, 0), []byte{0x55, 0xaa, 1, 7, 0xa5, 0, 9, 1}))
		put(sumAt, []byte{0xdc, 0xd7, 0x3a, 0xa5, 0xc3, 0x95, 0x98, 0xfb, 0xdc, 0xf9, 0xe7, 0xf4, 0x0e, 0xae, 0x47, 0x37})
	}
	sum := md5.Sum(b)
	put(sumAt, sum[:])
	return b
}

func TestTPLink(t *testing.T) {
	kernel, rootfs := noise(5000, 9), noise(7000, 10)
	b := makeTPLink(1, kernel, rootfs, 0x4000)
	p := open(t, "tplink-v1", b)
	understood(t, p)
	expect(t, p, "vendor=TP-LINK Technologies", "version=ver. 1.0", "product=hardware 0x08410011 revision 1", "region=1", "firmware=3.16.9", "checksum=MD5 of the image holds", "signature=none", "entry=0x80060400")
	streams(t, p, map[string][]byte{"kernel": kernel, "rootfs": b[0x200+5008:]})
	for _, v := range []int{2, 3} {
		b := makeTPLink(v, kernel, rootfs, 0x4000)
		p := open(t, "tplink-v2", b)
		understood(t, p)
		expect(t, p, fmt.Sprintf("header=%d", v), "version=ver. 2.0", "product=hardware 0x00c20201 revision 21, 0x3", "firmware=0.9.1-1.7", "checksum=MD5 of the image holds")
		streams(t, p, map[string][]byte{"kernel": kernel, "rootfs": b[0x200+5008:]})
	}
	bad := bytes.Clone(b)
	bad[0x300]++
	if p, err := openTPLink1(bad, nil); err != nil || p.State != image.Damaged || p.Get("checksum") != "MD5 of the image does not hold" || len(p.Streams) != 2 {
		t.Errorf("%+v", p)
	}
	// Stripped of its padding, as updates are, and with metadata behind it.
	short := bytes.Clone(b[:0x3200])
	copy(short[0x4c:], "\xdc\xd7\x3a\xa5\xc3\x95\x98\xfb\xdd\xf9\xe7\xf4\x0e\xae\x47\x38")
	sum := md5.Sum(short)
	copy(short[0x4c:], sum[:])
	for _, meta := range [][]byte{nil, makeFwtool(false)} {
		p, err := openTPLink1(append(bytes.Clone(short), meta...), nil)
		if err != nil || p.State != image.Understood || p.Size != int64(len(short)) {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

const metadata = `{  "metadata_version": "1.1", "compat_version": "2.0", "compat_message": "Partitions changed", "supported_devices":["some,board-v1", "board-old"], "version": { "dist": "OpenWrt", "version": "23.05.0", "revision": "r23497-6637af95aa", "target": "ath79/generic", "board": "some_board-v1" } }`

func makeFwtool(signed bool) []byte {
	block := func(kind byte, data []byte) []byte {
		b := slices.Concat(make([]byte, 8), data)
		return slices.Concat(b, []byte("FWx0"), be(0x12345678), []byte{kind, 0, 0, 0}, be(uint32(len(b)+16)))
	}
	b := block(1, []byte(metadata))
	if signed {
		b = append(b, block(0, slices.Concat(be(0x01000100), []byte("untrusted comment: signed by key 1234567890abcdef\nRWQ…\n")))...)
	}
	return b
}

func TestFwtool(t *testing.T) {
	p := open(t, "fwtool", makeFwtool(false))
	understood(t, p)
	expect(t, p, "product=some,board-v1", "product~board-old", "version=OpenWrt 23.05.0 r23497-6637af95aa", "compatibility=2.0", "target=ath79/generic", "board=some_board-v1", "signature=none")
	p = open(t, "fwtool", makeFwtool(true))
	understood(t, p)
	expect(t, p, "signature~ucert with usign (Ed25519)")
}

func makeCHK(kernel, rootfs []byte) []byte {
	sum := func(b []byte) uint32 {
		var a, s uint64
		for _, x := range b {
			a = (a + uint64(x)) & 0xffffffff
			s = (s + a) & 0xffffffff
		}
		fold := func(v uint64) uint32 { v = v%65536 + v/65536; return uint32((v/65536 + v) % 65536) }
		return fold(s)*65536 + fold(a)
	}
	image := append(bytes.Clone(kernel), rootfs...)
	h := slices.Concat([]byte("*#$^"), be(58), []byte{1, 1, 0, 0, 58, 1, 0, 38}, be(sum(kernel), sum(rootfs), uint32(len(kernel)), uint32(len(rootfs)), sum(image), 0), []byte("U12H136T99_NETGEAR"))
	copy(h[36:], be(sum(h)))
	return append(h, image...)
}

func makeImageTag(rootfs, kernel []byte) []byte {
	number := func(n, width int) []byte { return fixed(fmt.Sprint(n), width) }
	base := 0xbfc10100
	h := slices.Concat(fixed("6", 4), fixed("Broadcom Corporatio", 20), fixed("ver. 2.0", 14), fixed("6358", 6), fixed("96358VW", 16), fixed("1", 2),
		number(len(rootfs)+len(kernel), 10), number(0, 12), number(0, 10), number(base, 12), number(len(rootfs), 10), number(base+len(rootfs), 12), number(len(kernel), 10), make([]byte, 4), make([]byte, 20), fixed("4.02L.01", 30), fixed("5", 4), make([]byte, 20))
	body := append(bytes.Clone(rootfs), kernel...)
	h = slices.Concat(h, be(crcBits(body), crcBits(rootfs), crcBits(kernel)), make([]byte, 8))
	return slices.Concat(h, be(crcBits(h)), make([]byte, 16), body)
}

func makeHDR1(blob []byte) []byte {
	b := slices.Concat(le(0x0000babe, 0x160000, uint32(len(blob)), 4), fixed("firmware.bin", 32), blob)
	sign := 48 + len(b)
	tail := slices.Concat([]byte{0, 0, 0x0d, 0}, le(48, 0, 0, 0, 0, 0, 0, 0), b, le(256, 0, 0, 0), noise(256, 20))
	return slices.Concat([]byte("HDR1"), le(uint32(sign), crcBits(tail)), tail)
}

func makeSHRS() []byte {
	packed := noise(4096, 21)
	sum := sha512.Sum512(packed)
	return slices.Concat([]byte("SHRS"), be(4090, 4096), noise(16, 1), noise(128, 2), sum[:], make([]byte, 512), noise(1024, 3), packed)
}

func makeSparse(data []byte) []byte {
	const block = 4096
	b := slices.Concat(le(0xed26ff3a, 1, 28|12<<16, block, 8, 4, 0))
	b = slices.Concat(b, le(0xcac1, 2, 12+2*block), data)
	b = slices.Concat(b, le(0xcac2, 3, 16), []byte("fill"))
	b = slices.Concat(b, le(0xcac3, 3, 12))
	return slices.Concat(b, le(0xcac4, 0, 16), le(crc32.ChecksumIEEE(sparseWhole(data))))
}

func sparseWhole(data []byte) []byte {
	return slices.Concat(data, bytes.Repeat([]byte("fill"), 3*1024), make([]byte, 3*4096))
}

func makeAndroidBoot(kernel, ramdisk []byte) []byte {
	const page = 2048
	page0 := func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, (page-len(b)%page)%page)...) }
	id := sha1.Sum(kernel)
	return slices.Concat(page0(slices.Concat([]byte("ANDROID!"), le(uint32(len(kernel)), 0x10008000, uint32(len(ramdisk)), 0x11000000, 0, 0, 0x10000100, page, 0, 11<<25|1<<18|2<<11|21<<4|7), fixed("board", 16), fixed("console=ttyS0,115200", 512), id[:])), page0(kernel), page0(ramdisk))
}

func TestOthers(t *testing.T) {
	kernel, rootfs := noise(5000, 11), noise(3000, 12)
	p := open(t, "chk", makeCHK(kernel, rootfs))
	understood(t, p)
	expect(t, p, "product=U12H136T99_NETGEAR", "version=1.0.0.58_1.0.38", "checksum~header holds", "checksum~image holds", "signature=none")
	streams(t, p, map[string][]byte{"kernel": kernel, "rootfs": rootfs})

	p = open(t, "imagetag", makeImageTag(rootfs, kernel))
	understood(t, p)
	expect(t, p, "chip=6358", "product=96358VW", "version=4.02L.01", "checksum~tag holds", "checksum~image holds", "signature=none")
	streams(t, p, map[string][]byte{"kernel": kernel, "rootfs": rootfs})

	p = open(t, "hdr1", makeHDR1(kernel))
	understood(t, p)
	expect(t, p, "product=device 0x000d", "checksum~CRC-32 holds", "signature=RSA, 2048 bits, not verified", "blob~firmware.bin: type 0x4, flash 0x160000")
	streams(t, p, map[string][]byte{"firmware.bin": kernel})

	p = open(t, "shrs", makeSHRS())
	if p.State != image.Damaged || p.Problem != "its content is encrypted" {
		t.Errorf("%+v", p)
	}
	expect(t, p, "encryption=AES-128-CBC, 4090 bytes", "checksum~holds", "signature~RSA")

	data := noise(8192, 13)
	p = open(t, "android-sparse", makeSparse(data))
	understood(t, p)
	expect(t, p, "checksum=CRC-32 holds")
	streams(t, p, map[string][]byte{"image": sparseWhole(data)})

	p, err := openAndroidBoot(makeAndroidBoot(kernel, rootfs), nil)
	if err != nil {
		t.Fatal(err)
	}
	understood(t, p)
	expect(t, p, "product=board", "command-line=console=ttyS0,115200", "version=11.1.2", "patch-level=2021-07", "signature=none in the image")
	streams(t, p, map[string][]byte{"kernel": kernel, "ramdisk": rootfs})
}

func makeSafeloader(parts map[string][]byte, vendor []byte) []byte {
	var table strings.Builder
	var data []byte
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		fmt.Fprintf(&table, "fwup-ptn %s base 0x%05x size 0x%05x\t\r\n", name, 0x800+len(data), len(parts[name]))
		data = append(data, parts[name]...)
	}
	ff := func(b []byte, n int) []byte { return append(b, bytes.Repeat([]byte{0xff}, n-len(b))...) }
	rest := slices.Concat(ff(slices.Concat(be(uint32(len(vendor))), vendor), 0x1000), ff([]byte(table.String()), 0x800), data)
	sum := md5.Sum(append([]byte{0x7a, 0x2b, 0x15, 0xed, 0x9b, 0x98, 0x59, 0x6d, 0xe5, 0x04, 0xab, 0x44, 0xac, 0x2a, 0x9f, 0x4e}, rest...))
	return slices.Concat(be(uint32(0x14+len(rest))), sum[:], rest)
}

func makeUBNT(signed bool, parts ...[]byte) []byte {
	b := slices.Concat([]byte("UBNT"), fixed("XW.ar934x.v6.1.7.32555", 256))
	b = slices.Concat(b, be(crc32.ChecksumIEEE(b), 0))
	for i, data := range parts {
		p := slices.Concat([]byte("PART"), fixed([]string{"kernel", "rootfs"}[i], 16), make([]byte, 12), be(0x80002000, uint32(i+1), 0x9f050000, 0x80002000, uint32(len(data)), 0x100000), data)
		b = slices.Concat(b, p, be(crc32.ChecksumIEEE(p), 0))
	}
	if signed {
		return slices.Concat(b, []byte("ENDS"), noise(256, 40), be(0))
	}
	return slices.Concat(b, []byte("END."), be(crc32.ChecksumIEEE(b), 0))
}

func makeRealtek(kind string, data []byte) []byte {
	if len(data)%2 == 1 {
		data = append(bytes.Clone(data), 0)
	}
	sum := 0
	for i := 0; i < len(data); i += 2 {
		sum += int(data[i])<<8 | int(data[i+1])
	}
	sum = -sum & 0xffff
	return slices.Concat([]byte(kind), be(0x80500000, 0x30000, uint32(len(data)+2)), data, []byte{byte(sum >> 8), byte(sum)})
}

func TestMore(t *testing.T) {
	kernel, rootfs := noise(5000, 30), noise(3000, 31)
	parts := map[string][]byte{"os-image": kernel, "file-system": rootfs, "soft-version": slices.Concat(be(16, 0), []byte{0xff, 1, 2, 3, 0x20, 0x18, 1, 1}, be(7, 5)), "support-list": slices.Concat(be(40, 0), fixed("SupportList:\r\nCPE210(TP-LINK|UN):1.0\r\n", 40))}
	b := makeSafeloader(parts, []byte("CPE510(TP-LINK|UN|N300-5):1.0\r\n"))
	p := open(t, "tplink-safeloader", b)
	understood(t, p)
	expect(t, p, "vendor=CPE510(TP-LINK|UN|N300-5):1.0", "version=1.2.3", "rollback=level 5", "product~CPE210(TP-LINK|UN):1.0", "checksum~holds", "signature=none")
	streams(t, p, parts)
	b[0x1900]++
	if p := open(t, "tplink-safeloader", b); p.State != image.Damaged {
		t.Errorf("%+v", p)
	}
	for _, signed := range []bool{false, true} {
		p = open(t, "ubnt", makeUBNT(signed, kernel, rootfs))
		understood(t, p)
		streams(t, p, map[string][]byte{"kernel": kernel, "rootfs": rootfs})
		expect(t, p, "version=XW.ar934x.v6.1.7.32555", "checksum~CRC-32 of kernel holds", "signature="+map[bool]string{true: "RSA, 2048 bits, not verified", false: "none"}[signed])
	}
	p = open(t, "realtek", makeRealtek("cs6c", kernel))
	understood(t, p)
	streams(t, p, map[string][]byte{"kernel": kernel})
	expect(t, p, "load=0x80500000", "flash=0x00030000", "signature=none")
	streams(t, open(t, "realtek", makeRealtek("cr6c", rootfs)), map[string][]byte{"rootfs": rootfs})

	// The boot loader first, then an image of its own.
	inner := makeTPLink(1, kernel, rootfs, 0x4000)
	whole := slices.Concat(inner[:0x200], noise(0x2000, 32), inner)
	copy(whole[0x7c:], be(uint32(len(whole))))
	copy(whole[0x4c:], []byte{0x8c, 0xef, 0x33, 0x5b, 0xd5, 0xc5, 0xce, 0xfa, 0xa7, 0x9c, 0x28, 0xda, 0xb2, 0xe9, 0x0f, 0x42})
	sum := md5.Sum(whole)
	copy(whole[0x4c:], sum[:])
	p = open(t, "tplink-v1", whole)
	understood(t, p)
	streams(t, p, map[string][]byte{"boot": noise(0x2000, 32), "kernel": kernel, "rootfs": inner[0x200+5008:]})
	// In flash it was written to, and more follows; and where two images stand one behind the other
	// without their padding, the first one's length is not to be believed.
	used := append(bytes.Clone(inner), noise(0x1000, 33)...)
	used[0x3800] ^= 1
	end := int64(0x200 + 5008 + len(rootfs))
	if p, err := openTPLink1(used, nil); err != nil || p.State != image.Understood || p.Size != end || p.Get("checksum") != "MD5 of the image does not hold, as of one in use" {
		t.Errorf("%+v, %v", p, err)
	}

	for _, tail := range []string{"", strings.Repeat("\xff", 100)} {
		p, err := openMark([]byte("\xde\xad\xc0\xde"+tail), nil)
		if err != nil || p.Size != 4 {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

// samples has one image of each format.
func samples(t testing.TB) map[string][][]byte {
	kernel, rootfs := noise(2000, 14), noise(1500, 15)
	all := map[string][][]byte{
		"trx": {makeTRX(1, kernel, rootfs), makeTRX(2, kernel, kernel, rootfs)}, "seama": {makeSeama(kernel, "type=firmware")},
		"tplink-v1": {makeTPLink(1, kernel, rootfs, 0x1400)}, "tplink-v2": {makeTPLink(2, kernel, rootfs, 0x1400)},
		"chk": {makeCHK(kernel, rootfs)}, "imagetag": {makeImageTag(rootfs, kernel)}, "hdr1": {makeHDR1(kernel)}, "shrs": {makeSHRS()},
		"android-sparse": {makeSparse(noise(8192, 16))}, "android-boot": {makeAndroidBoot(kernel, rootfs)}, "fwtool": {makeFwtool(false), makeFwtool(true)},
		"tplink-safeloader": {makeSafeloader(map[string][]byte{"os-image": kernel, "support-list": slices.Concat(be(5, 0), []byte("hello"))}, []byte("vendor"))},
		"ubnt":              {makeUBNT(false, kernel, rootfs), makeUBNT(true, kernel)}, "realtek": {makeRealtek("cs6c", kernel)}, "jffs2-mark": {[]byte("\xde\xad\xc0\xde\xff\xff\xff\xff")},
		"addpattern": {slices.Concat([]byte("W54G\x00\x00\x00\x00\x11\x0c\x0f\x04\x1e\x07U2ND"), make([]byte, 14), makeTRX(1, kernel, rootfs))},
	}
	return all
}

// tools adds those that only tools make.
func tools(t testing.TB, all map[string][][]byte) {
	dir, _, _ := fits(t)
	for _, name := range []string{"plain", "external", "signed", "control"} {
		all["fdt"] = append(all["fdt"], read(t, dir, name))
	}
	run(t, dir, "mkimage", "-A", "arm", "-O", "linux", "-T", "multi", "-C", "none", "-d", "kernel:ramdisk", "many")
	all["uimage"] = append(all["uimage"], read(t, dir, "many"))
}

func TestHurt(t *testing.T) {
	all := samples(t)
	tools(t, all)
	for _, f := range Formats {
		if all[f.Name] == nil {
			t.Errorf("%s: no sample", f.Name)
		}
		for _, b := range all[f.Name] {
			if f.Name == "shrs" { // is never understood
				for i := range 200 {
					bad := bytes.Clone(b)
					bad[i*7%len(bad)] ^= 0x55
					unpacktest.Read(t, f, bad, fmt.Sprint(i))
					unpacktest.Read(t, f, b[:len(b)*i/200], fmt.Sprint("cut ", i))
				}
				continue
			}
			unpacktest.Truncate(t, f, b)
			unpacktest.FlipBytes(t, f, b, 500, 1)
		}
	}
}

// Random bytes behind a magic are nothing, or damaged, and never understood.
func TestAccident(t *testing.T) {
	for _, f := range Formats {
		for _, m := range f.Magic {
			for seed := range byte(20) {
				b := noise(8192, seed)
				copy(b[m.Offset:], m.Bytes)
				if p, err := unpacktest.Read(t, f, b, f.Name); err == nil && p.State == image.Understood && f.Name != "fdt" {
					t.Errorf("%s: noise is understood: %+v", f.Name, p)
				}
			}
		}
	}
}

func FuzzWrappers(f *testing.F) {
	all := samples(f)
	dir := f.TempDir()
	write(f, dir, "kernel", noise(300, 1))
	run(f, dir, "mkimage", "-A", "arm", "-O", "linux", "-T", "multi", "-C", "none", "-d", "kernel:kernel", "many")
	write(f, dir, "dts", []byte(`/dts-v1/; / { images { k { data = /incbin/("kernel"); hash { algo = "crc32"; }; }; }; configurations { c { signature { algo = "x"; }; }; }; signature { key { required = "conf"; }; }; };`))
	run(f, dir, "dtc", "-q", "-I", "dts", "-O", "dtb", "-o", "dtb", "dts")
	all["uimage"], all["fdt"] = [][]byte{read(f, dir, "many")}, [][]byte{read(f, dir, "dtb")}
	for i, x := range Formats {
		for _, b := range all[x.Name] {
			f.Add(uint8(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, b []byte) {
		unpacktest.Read(t, Formats[int(i)%len(Formats)], b, "fuzz")
	})
}
