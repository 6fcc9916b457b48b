package kernel

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash/crc32"
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

func open(t testing.TB, name string, b []byte) *image.Part {
	t.Helper()
	p, err := unpacktest.Read(t, unpacktest.Named(t, Formats, name), b, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if p.State != image.Understood {
		t.Fatalf("%s: %s %s", name, p.State, p.Problem)
	}
	return p
}

// not holds that a reader takes it for something else.
func not(t testing.TB, name string, b []byte) {
	t.Helper()
	if p, err := unpacktest.Read(t, unpacktest.Named(t, Formats, name), b, name); err == nil {
		t.Errorf("%s: it is taken for %+v", name, p)
	}
}

// code is bytes as of a program: not to be packed well, with zeros between.
func code(n int, seed byte) []byte {
	b := make([]byte, 0, n+72)
	for i := 0; len(b) < n; i++ {
		s := sha512.Sum512([]byte{seed, byte(i), byte(i >> 8), byte(i >> 16)})
		b = append(append(b, s[:]...), 0, 0, 0, 0)
	}
	return b[:n]
}

const (
	release = "5.10.134-yocto+"
	said    = "Linux version " + release + " (oe-user@oe-host) (arm-poky-linux-gnueabi-gcc (GCC) 9.3.0, GNU ld 2.34) #1 SMP PREEMPT Tue Jan 9 10:00:00 UTC 2024"
	config  = "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/arm 5.10.134 Kernel Configuration\n#\nCONFIG_ARM=y\nCONFIG_NET=y\n# CONFIG_DEVMEM is not set\n"
)

func gz(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pipe packs bytes with a tool.
func pipe(t testing.TB, b []byte, args ...string) []byte {
	t.Helper()
	labtest.Tool(t, args[0])
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

func initramfs(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "init"), []byte("#!/bin/sh\nexec /sbin/init\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	labtest.Tool(t, "cpio")
	cmd := exec.Command("sh", "-c", "find . | cpio -o -H newc --quiet")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// raw is what a kernel has inside, with whatever is built in.
func raw(in ...[]byte) []byte {
	b := slices.Concat(code(70_000, 1), []byte(said+"\n\x00"), code(5000, 2))
	for _, m := range marks {
		b = append(append(b, m...), 0)
	}
	b = append(b, "070701 is also a text in the kernel\x00"...)
	for _, x := range in {
		b = slices.Concat(b, code(333, 3), make([]byte, 3), x)
	}
	return append(b, code(9000, 4)...)
}

func stream(p *image.Part, name string) []byte {
	for _, s := range p.Streams {
		if s.Name == name {
			return s.Data
		}
	}
	return nil
}

func TestLinux(t *testing.T) {
	packed := gz(t, []byte(config))
	cpio := initramfs(t)
	for kind, in := range map[string][]byte{
		"plain": cpio, "gzip": gz(t, cpio), "xz": pipe(t, cpio, "xz", "--check=crc32"), "lzma": pipe(t, cpio, "xz", "--format=lzma"),
		"lz4": pipe(t, cpio, "lz4", "-l"), "zstd": pipe(t, cpio, "zstd"), "bzip2": pipe(t, cpio, "bzip2"), "none": nil,
	} {
		b := raw(slices.Concat([]byte("IKCFG_ST"), packed, []byte("IKCFG_ED")), in)
		p := open(t, "linux", b)
		if p.Get("version") != release || p.Get("name") != said || p.Size != int64(len(b)) {
			t.Errorf("%s: %d of %d, %v", kind, p.Size, len(b), p.Details)
		}
		if !bytes.Equal(stream(p, "config"), packed) {
			t.Errorf("%s: config is %d bytes", kind, len(stream(p, "config")))
		}
		got := stream(p, "initramfs")
		if kind == "plain" {
			in = in[:bytes.Index(in, []byte("TRAILER!!!"))+12]
		}
		if !bytes.HasPrefix(got, in) || len(got) > len(in)+4 || kind == "none" && got != nil {
			t.Errorf("%s: initramfs is %d bytes and not %d", kind, len(got), len(in))
		}
	}
	// Followed by a file system at an erase block, or by empty flash.
	b := raw()
	b = append(b, make([]byte, (eraseBlock-len(b)%eraseBlock)%eraseBlock)...)
	fs := slices.Concat([]byte("hsqs"), binary.LittleEndian.AppendUint32(nil, 100), make([]byte, 20), []byte{4, 0, 0, 0}, code(8000, 9))
	if p := open(t, "linux", append(bytes.Clone(b), fs...)); p.Size != int64(len(b)) {
		t.Errorf("%d of %d", p.Size, len(b))
	}
	if p := open(t, "linux", append(bytes.Clone(b), bytes.Repeat([]byte{0xff}, 1<<16)...)); p.Size != int64(len(b)) {
		t.Errorf("%d of %d", p.Size, len(b))
	}
	not(t, "linux", []byte("a page that says Linux version 5.10 (and) (more) of the kernel"))
	not(t, "linux", append(code(9000, 1), said...)) // a program that prints it has none of the rest
	not(t, "linux", append(fs, raw()...))
}

// zImage makes a kernel that unpacks itself: head, then the unpacker, then packed bytes with
// their length behind.
func zImage(packed []byte, size int) []byte {
	head := make([]byte, 0x34)
	le := binary.LittleEndian
	body := slices.Concat(code(12000, 7), packed, le.AppendUint32(nil, uint32(size)), code(200, 8))
	le.PutUint32(head[0x24:], 0x016f2818)
	le.PutUint32(head[0x2c:], uint32(len(head)+len(body)))
	return append(head, body...)
}

func TestZImage(t *testing.T) {
	b := raw()
	for kind, packed := range map[string][]byte{
		"gzip": gz(t, b), "xz": pipe(t, b, "xz", "--check=crc32"), "lzma": pipe(t, b, "xz", "--format=lzma"), "lzop": pipe(t, b, "lzop"), "lz4": pipe(t, b, "lz4", "-l"), "zstd": pipe(t, b, "zstd"),
	} {
		z := zImage(packed, len(b))
		p := open(t, "zimage", append(bytes.Clone(z), "appended device tree"...))
		// Of some formats the length behind looks like more of them.
		if got := stream(p, "kernel"); p.Size != int64(len(z)) || !bytes.HasPrefix(got, packed) || len(got) > len(packed)+4 || p.Get("compression") != kind {
			t.Errorf("%s: %d of %d, %d of %d, %v", kind, p.Size, len(z), len(got), len(packed), p.Details)
		}
	}
	p, err := unpacktest.Read(t, unpacktest.Named(t, Formats, "zimage"), zImage(code(20000, 6), 1), "no kernel in it")
	if err != nil || p.State != image.Damaged {
		t.Errorf("%+v, %v", p, err)
	}
}

func bzImage(packed []byte) []byte {
	le := binary.LittleEndian
	setup := make([]byte, 5*512)
	setup[0x1f1] = 4
	copy(setup[0x1fe:], "\x55\xaa")
	copy(setup[0x202:], "HdrS")
	le.PutUint16(setup[0x206:], 0x20f)
	le.PutUint16(setup[0x20e:], 0x500)
	copy(setup[0x700:], release+" (oe-user@oe-host) #1 SMP\x00")
	body := slices.Concat(code(777, 5), packed, le.AppendUint32(nil, 99), code(3000, 6))
	body = append(body, make([]byte, (16-len(body)%16)%16)...)
	le.PutUint32(setup[0x1f4:], uint32(len(body)/16))
	le.PutUint32(setup[0x248:], 777)
	le.PutUint32(setup[0x24c:], uint32(len(packed)+4))
	return append(setup, body...)
}

func zboot(packed []byte) []byte {
	le := binary.LittleEndian
	h := make([]byte, 4096)
	copy(h, "MZ\x00\x00zimg")
	le.PutUint32(h[8:], 4096)
	le.PutUint32(h[12:], uint32(len(packed)))
	copy(h[24:], "gzip")
	return append(h, packed...)
}

func arm64(in ...[]byte) []byte {
	b := raw(in...)
	h := make([]byte, 64)
	binary.LittleEndian.PutUint64(h[8:], 0x80000)
	binary.LittleEndian.PutUint64(h[16:], uint64(len(b)+1<<20))
	copy(h[0x38:], "ARM\x64")
	copy(b, h)
	return b
}

func TestOtherKernels(t *testing.T) {
	b := raw()
	packed := gz(t, b)
	z := bzImage(packed)
	p := open(t, "bzimage", append(bytes.Clone(z), "signature"...))
	if p.Size != int64(len(z)) || !bytes.Equal(stream(p, "kernel"), packed) || p.Get("name") != "Linux version "+release+" (oe-user@oe-host) #1 SMP" || p.Get("protocol") != "2.15" {
		t.Errorf("%d of %d: %v", p.Size, len(z), p.Details)
	}
	z = zboot(packed)
	if p = open(t, "efi-zboot", z); p.Size != int64(len(z)) || !bytes.Equal(stream(p, "kernel"), packed) {
		t.Errorf("%d of %d: %v", p.Size, len(z), p.Details)
	}
	cpio := gz(t, initramfs(t))
	z = arm64(cpio)
	if p = open(t, "arm64-image", z); p.Size != int64(len(z)) || p.Get("version") != release || !bytes.Equal(stream(p, "initramfs"), cpio) {
		t.Errorf("%d of %d: %v", p.Size, len(z), p.Details)
	}
}

func loader(packed []byte) []byte {
	return slices.Concat(code(5000, 31), []byte("\nOpenWrt kernel loader for MIPS based SoC\x00"), code(2000, 32), packed)
}

func TestLoader(t *testing.T) {
	packed := pipe(t, raw(), "xz", "--format=lzma")
	b := loader(packed)
	p := open(t, "kernel-loader", append(bytes.Clone(b), code(3000, 33)...))
	if p.Size != int64(len(b)) || !bytes.Equal(stream(p, "kernel"), packed) || p.Get("compression") != "lzma" {
		t.Errorf("%d of %d: %v", p.Size, len(b), p.Details)
	}
	not(t, "kernel-loader", slices.Concat(code(7000, 31), packed)) // whatever program that is
	not(t, "kernel-loader", loader(gz(t, code(9000, 1))))          // nothing that is a kernel
}

func TestConfig(t *testing.T) {
	p := open(t, "kernel-config", []byte(config))
	if p.Get("name") != "Linux/arm 5.10.134 Kernel Configuration" || p.Get("options") != "2" {
		t.Errorf("%v", p.Details)
	}
	not(t, "kernel-config", []byte("#\n# Linux is what this text is about\n"))
}

func environment(size int, redundant bool, order binary.AppendByteOrder, text ...string) []byte {
	data := []byte(strings.Join(text, "\x00") + "\x00\x00")
	head := 4
	if redundant {
		head = 5
	}
	data = append(data, bytes.Repeat([]byte{0}, size-head-len(data))...)
	b := order.AppendUint32(nil, crc32.ChecksumIEEE(data))
	if redundant {
		b = append(b, 1)
	}
	return append(b, data...)
}

func TestEnvironment(t *testing.T) {
	vars := []string{"bootargs=console=ttyS0,115200 root=31:02", "bootcmd=bootm 0x9f020000", "bootdelay=1", "ethaddr=00:11:22:33:44:55", "password=secret"}
	for _, size := range []int{4096, 0x10000, 0x20000} {
		for _, redundant := range []bool{false, true} {
			for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
				b := environment(size, redundant, order, vars...)
				p := open(t, "u-boot-environment", append(bytes.Clone(b), code(3000, 1)...))
				if p.Size != int64(size) || p.Get("variables") != "5" || p.Get("checksum") != "CRC-32 holds" {
					t.Errorf("%d %v %v: %d %v", size, redundant, order, p.Size, p.Details)
				}
				n, err := p.Tree.Lookup("/environment")
				if err != nil {
					t.Fatal(err)
				}
				if text, err := n.Data(); err != nil || string(text) != strings.Join(vars, "\n")+"\n" {
					t.Errorf("%q %v", text, err)
				}
				b[size-1] ^= 1
				not(t, "u-boot-environment", b)
			}
		}
	}
}

// The boot loaders that Debian builds for machines of QEMU.
func TestUBoot(t *testing.T) {
	dir := labtest.Unpacked(t, "u-boot-qemu:all")
	found, err := filepath.Glob(filepath.Join(dir, "usr/lib/u-boot/*/*"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range found {
		b, err := os.ReadFile(name)
		if err != nil || !strings.HasSuffix(name, "/u-boot.bin") {
			continue
		}
		n++
		p := open(t, "u-boot", b)
		if p.Get("version") != labtest.Version(labtest.Deb(t, "u-boot-qemu:all")) || !strings.HasPrefix(p.Get("name"), "U-Boot "+p.Get("version")+" (") {
			t.Errorf("%s: %v", name, p.Details)
		}
		if strings.Contains(name, "qemu_arm") && (p.Get("variables") == "" || !strings.Contains(fmt.Sprint(p.Details), "{variable bootcmd=")) {
			t.Errorf("%s: no variables: %v", name, p.Details)
		}
		// In flash: the loader, its environment, a kernel.
		flash := bytes.Repeat([]byte{0xff}, 0x200000)
		copy(flash, b)
		if at := (len(b)/0x10000 + 1) * 0x10000; at < 0x1f0000 {
			copy(flash[at:], environment(0x10000, false, binary.LittleEndian, "bootcmd=run x", "bootdelay=0"))
			if p := open(t, "u-boot", flash); p.Size < int64(len(b))-64 || p.Size > int64(at) {
				t.Errorf("%s: %d of %d", name, p.Size, len(b))
			}
		}
	}
	if n < 3 {
		t.Errorf("%d boot loaders in %v", n, found)
	}
	not(t, "u-boot", []byte("U-Boot 2020.01 (Jan 01 2020 - 10:00:00 +0000) is what the device says when it starts"))
}

func samples(t testing.TB) map[string][][]byte {
	b := raw()
	cpio := initramfs(t)
	return map[string][][]byte{
		"linux": {raw(slices.Concat([]byte("IKCFG_ST"), gz(t, []byte(config)), []byte("IKCFG_ED")), gz(t, cpio))}, "zimage": {zImage(gz(t, b), len(b))},
		"bzimage": {bzImage(gz(t, b))}, "efi-zboot": {zboot(gz(t, b))}, "kernel-loader": {loader(gz(t, b))}, "arm64-image": {arm64(cpio)}, "kernel-config": {[]byte(config)},
		"u-boot-environment": {environment(4096, false, binary.LittleEndian, "bootcmd=x", "a=b"), environment(0x2000, true, binary.BigEndian, "baudrate=9600", "a=b")},
		"u-boot":             {slices.Concat(code(30000, 5), []byte("U-Boot 1.1.4 (Nov 10 2014 - 10:32:45)\x00bootcmd=bootm\x00"), code(9000, 6))},
	}
}

func TestHurt(t *testing.T) {
	all := samples(t)
	for _, f := range Formats {
		if all[f.Name] == nil {
			t.Errorf("%s: no sample", f.Name)
		}
		for i, b := range all[f.Name] {
			unpacktest.Truncate(t, f, b)
			unpacktest.FlipBytes(t, f, b, 100, uint64(i))
		}
	}
	for _, f := range Formats {
		for _, m := range f.Magic {
			b := code(100_000, 77)
			copy(b[m.Offset:], m.Bytes)
			if p, err := unpacktest.Read(t, f, b, fmt.Sprintf("%s by accident", f.Name)); err == nil && p.State == image.Understood {
				t.Errorf("%s: noise is understood: %+v", f.Name, p)
			}
		}
	}
}

func FuzzKernels(f *testing.F) {
	all := samples(f)
	for i, x := range Formats {
		for _, b := range all[x.Name] {
			f.Add(uint8(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, b []byte) {
		unpacktest.Read(t, Formats[int(i)%len(Formats)], b, "fuzz")
	})
}
