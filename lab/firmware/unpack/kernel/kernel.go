// Package kernel reads kernels of Linux as they stand in images, packed and not,
// with the configuration and the file system that are built in, and the boot loader
// U-Boot with its environment.
package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/compress"
)

// Formats are the readers of this package.
var Formats = []image.Format{
	{Name: "zimage", Magic: []image.Magic{{Offset: 0x24, Bytes: "\x18\x28\x6f\x01"}, {Offset: 0x24, Bytes: "\x01\x6f\x28\x18"}}, Open: openZImage},
	{Name: "bzimage", Magic: []image.Magic{{Offset: 0x202, Bytes: "HdrS"}}, Open: openBzImage},
	{Name: "efi-zboot", Magic: []image.Magic{{Bytes: "MZ\x00\x00zimg"}}, Open: openZboot},
	{Name: "arm64-image", Magic: []image.Magic{{Offset: 0x38, Bytes: "ARM\x64"}}, Open: openARM64},
	{Name: "linux", Open: openLinux},
	{Name: "kernel-loader", Open: openLoader},
	{Name: "kernel-config", Open: openConfig},
	{Name: "u-boot", Open: openUBoot},
	{Name: "u-boot-environment", Magic: environmentMagic, Open: openEnvironment},
}

func le16(b []byte, at int) int64 { return int64(binary.LittleEndian.Uint16(b[at:])) }
func le32(b []byte, at int) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
func le64(b []byte, at int) uint64 {
	return binary.LittleEndian.Uint64(b[at:])
}

// banner is what every kernel of Linux says of itself (init/version.c): release, who
// built it where, with which compiler, the number of the build and its date.
var banner = regexp.MustCompile(`Linux version (\d+\.\d+[0-9A-Za-z.+~_-]*) \([^\n\x00]{3,100}\) \([^\n\x00]{3,300}\) [^\n\x00]{3,120}`)

// findBanner finds it; "" where there is none.
func findBanner(b []byte) (text, release string) {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("Linux version "))
		if i < 0 {
			return "", ""
		}
		at += i
		if m := banner.FindSubmatchIndex(b[at:min(len(b), at+700)]); m != nil && m[0] == 0 {
			return strings.TrimSpace(string(b[at : at+m[1]])), string(b[at+m[2] : at+m[3]])
		}
		at += 10
	}
}

// say puts what the banner says into the details.
func say(p *image.Part, text, release string) {
	p.Detail("version", "%s", release)
	p.Detail("name", "%s", text)
}

// marks are texts of which every kernel has some (kernel/panic.c, init/main.c, and others).
var marks = []string{"Kernel panic - not syncing", "Kernel command line", "Out of memory", "No init found", "Freeing ", "initcall", "VFS: "}

// openLinux reads a kernel that is not packed: raw, as it is loaded, or an ELF file. It
// has no beginning of its own, so it is looked for only where something begins, and it
// ends where something else does.
func openLinux(b []byte, budget *image.Budget) (*image.Part, error) {
	text, release := findBanner(b)
	if text == "" {
		return nil, image.ErrNot
	}
	end := extent(b, 0)
	if begins(b) || !bytes.Contains(b[:end], []byte(text)) {
		return nil, image.ErrNot
	}
	n := 0
	for _, m := range marks {
		if bytes.Contains(b[:end], []byte(m)) {
			n++
		}
	}
	if n < 3 {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "linux", Size: int64(end), State: image.Understood}
	say(p, text, release)
	if bytes.HasPrefix(b, []byte("\x7fELF")) {
		p.Detail("type", "elf")
	}
	return p, builtIn(p, b[:end], budget)
}

// openARM64 reads the kernel's image for that architecture (Documentation/arch/arm64/booting.rst).
func openARM64(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < 64 || string(b[0x38:0x3c]) != "ARM\x64" || le64(b, 0x10) > 1<<30 || le64(b, 0x20)|le64(b, 0x28)|le64(b, 0x30) != 0 {
		return nil, image.ErrNot
	}
	end := len(b)
	if size := le64(b, 0x10); size > 0 { // with what is not stored: the real end is before
		end = min(end, int(size))
	}
	end = extent(b[:end], 64)
	text, release := findBanner(b[:end])
	if text == "" {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "arm64-image", Size: int64(end), State: image.Understood}
	say(p, text, release)
	p.Detail("load", "0x%x", le64(b, 8))
	return p, builtIn(p, b[:end], budget)
}

// openZImage reads the self-unpacking kernel for ARM (arch/arm/boot/compressed/head.S): magic,
// start and end at byte 0x24.
func openZImage(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < 0x34 {
		return nil, image.ErrNot
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if b[0x24] == 1 {
		order = binary.BigEndian
	}
	start, end := int64(order.Uint32(b[0x28:])), int64(order.Uint32(b[0x2c:]))
	size := end - start
	if order.Uint32(b[0x24:]) != 0x016f2818 || size < 4096 || size > 1<<28 {
		return nil, image.ErrNot
	}
	return packedKernel("zimage", b, size, 0x34, size, budget)
}

// openBzImage reads the kernel for x86 (Documentation/arch/x86/boot.rst).
func openBzImage(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < 0x260 || string(b[0x202:0x206]) != "HdrS" || le16(b, 0x1fe) != 0xaa55 {
		return nil, image.ErrNot
	}
	protocol, sectors := le16(b, 0x206), int64(b[0x1f1])
	if sectors == 0 {
		sectors = 4
	}
	setup := (sectors + 1) * 512
	size := setup + le32(b, 0x1f4)*16
	if protocol < 0x200 || protocol > 0x2ff || size > 1<<28 || size < setup+4096 {
		return nil, image.ErrNot
	}
	from, to := setup, size
	if protocol >= 0x208 {
		if at, n := le32(b, 0x248), le32(b, 0x24c); n > 0 && at < size-setup && n <= size-setup-at {
			from, to = setup+at, setup+at+n
		}
	}
	p, err := packedKernel("bzimage", b, size, from, to, budget)
	if p != nil {
		p.Detail("protocol", "%d.%02d", protocol>>8, protocol&0xff)
		if at := le16(b, 0x20e) + 0x200; at > 0x200 && at < setup && at < int64(len(b)) {
			s, _, _ := bytes.Cut(b[at:min(int64(len(b)), at+200)], []byte{0})
			p.Detail("name", "Linux version %s", strings.ToValidUTF8(string(s), "?"))
		}
	}
	return p, err
}

// openZboot reads a kernel that firmware unpacks (drivers/firmware/efi/libstub/zboot-header.S).
func openZboot(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < 64 || string(b[:8]) != "MZ\x00\x00zimg" {
		return nil, image.ErrNot
	}
	at, size := le32(b, 8), le32(b, 12)
	if at < 64 || size < 4096 || at+size > 1<<28 {
		return nil, image.ErrNot
	}
	p, err := packedKernel("efi-zboot", b, at+size, at, at+size, budget)
	if p != nil {
		s, _, _ := bytes.Cut(b[24:56], []byte{0})
		p.Detail("compression", "%s", strings.ToValidUTF8(string(s), "?"))
	}
	return p, err
}

// loaders are what the programs say that stand before a packed kernel and unpack it: OpenWrt's for
// MIPS (lzma-loader), Linux's own (arch/mips/boot/compressed, arch/powerpc/boot).
var loaders = []string{"kernel loader for", "LZMA loader", "Uncompressing Linux", "zimage at:", "zImage starting", "Decompressing Linux", "Incorrect LZMA stream"}

// openLoader reads such a program with its kernel: it has no beginning of its own, and ends
// with the packed bytes.
func openLoader(b []byte, budget *image.Budget) (*image.Part, error) {
	const most = 256 << 10 // bytes of the program
	head := b[:min(len(b), most)]
	says := ""
	for _, l := range loaders {
		if bytes.Contains(head, []byte(l)) {
			says = l
			break
		}
	}
	if says == "" || begins(b) || blank(b[:min(len(b), 16)]) || bytes.Contains(head, []byte("U-Boot ")) || bytes.HasPrefix(b, []byte("\x7fELF")) {
		return nil, image.ErrNot
	}
	at, n, kind, err := findPacked(b, "", budget)
	if err != nil {
		return nil, err
	}
	if kind == "" || at < 512 || at > most || !bytes.Contains(b[:at], []byte(says)) {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "kernel-loader", Size: int64(at + n), State: image.Understood}
	p.Detail("compression", "%s", kind)
	p.Detail("loader", "%s", says)
	p.Streams = []image.Stream{{Name: "kernel", Offset: int64(at), Size: int64(n), Data: b[at : at+n : at+n], Whole: true}}
	return p, nil
}

// packedKernel makes the part of a kernel that unpacks itself: its packed bytes, which are
// between from and to, are a stream.
func packedKernel(format string, b []byte, size, from, to int64, budget *image.Budget) (*image.Part, error) {
	p := &image.Part{Format: format, Size: size, State: image.Understood}
	if size > int64(len(b)) {
		p.Size, p.State, p.Problem = int64(len(b)), image.Damaged, fmt.Sprintf("it has %d bytes and %d are left", size, len(b))
	}
	from, to = min(from, p.Size), min(to, p.Size)
	at, n, kind, err := findPacked(b[from:to], "", budget)
	if err != nil {
		return nil, err
	}
	switch text, release := findBanner(b[from:to]); {
	case kind != "":
		p.Detail("compression", "%s", kind)
		at += int(from)
		p.Streams = []image.Stream{{Name: "kernel", Offset: int64(at), Size: int64(n), Data: b[at : at+n : at+n], Whole: true}}
	case text != "":
		say(p, text, release)
	case p.State == image.Understood:
		p.State, p.Problem = image.Damaged, "no packed kernel was found in it that can be unpacked"
		fallthrough
	default:
		p.Streams = []image.Stream{{Name: "data", Offset: from, Size: to - from, Data: b[from:to:to]}}
	}
	return p, nil
}

// maxPacked is how many places are tried that may be a packed stream.
const maxPacked = 200

// findPacked finds the first packed stream that unpacks to what begins with a text or, where
// it is "", to a kernel. kind is "" where there is none.
func findPacked(b []byte, begins string, budget *image.Budget) (at, n int, kind string, err error) {
	best := -1
	for _, f := range compress.Formats {
		if f.Name == "zlib" {
			continue
		}
		for _, m := range f.Magic {
			if f.Name == "lzma" && begins != "" && m.Bytes[0] != 0x5d { // the kernel's own build packs so
				continue
			}
			for i, tries := 0, 0; tries < maxPacked; i++ {
				k := bytes.Index(b[i:], []byte(m.Bytes))
				if k < 0 || best >= 0 && i+k >= best {
					break
				}
				i, tries = i+k, tries+1
				p, err := f.Open(b[i:], budget)
				switch {
				case err != nil && budget.Tick() != nil:
					return 0, 0, "", err
				case err != nil || p == nil || p.State != image.Understood || len(p.Streams) != 1:
					continue
				}
				out := p.Streams[0].Data
				if begins != "" && bytes.HasPrefix(out, []byte(begins)) {
					best, n, kind = i, int(p.Size), f.Name
				} else if text, _ := findBanner(out); begins == "" && text != "" {
					best, n, kind = i, int(p.Size), f.Name
				}
			}
		}
	}
	return best, n, kind, nil
}

// builtIn adds what is built into a kernel: its configuration (CONFIG_IKCONFIG,
// kernel/configs.c) and its first file system (usr/initramfs_data.S).
func builtIn(p *image.Part, b []byte, budget *image.Budget) error {
	add := func(name string, at, n int) {
		p.Streams = append(p.Streams, image.Stream{Name: name, Offset: int64(at), Size: int64(n), Data: b[at : at+n : at+n], Whole: true})
	}
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("IKCFG_ST\x1f\x8b"))
		if i < 0 {
			break
		}
		at += i + 8
		if n := bytes.Index(b[at:], []byte("IKCFG_ED")); n > 0 && n < 1<<20 {
			add("config", at, n)
			break
		}
	}
	// A cpio of the form that kernels take, or a packed one.
	if at := bytes.Index(b, []byte("070701")); at >= 0 {
		for ; at >= 0; at = after(b, at, "070701") {
			if end := bytes.Index(b[at:], []byte("TRAILER!!!\x00")); end > 0 && cpioHeader(b[at:]) {
				n := min((end+11+3)&^3, len(b)-at)
				add("initramfs", at, n)
				return nil
			}
		}
	}
	at, n, kind, err := findPacked(b, "07070", budget)
	if err != nil {
		return err
	}
	if kind != "" && !overlaps(p, int64(at), int64(n)) {
		add("initramfs", at, n)
	}
	return nil
}

func overlaps(p *image.Part, at, n int64) bool {
	for _, s := range p.Streams {
		if at < s.Offset+s.Size && s.Offset < at+n {
			return true
		}
	}
	return false
}

// after is the next place of a text; -1: there is none.
func after(b []byte, at int, text string) int {
	i := bytes.Index(b[at+1:], []byte(text))
	if i < 0 {
		return -1
	}
	return at + 1 + i
}

// cpioHeader says whether the fields of a header are numbers, as they are not where a
// program only has the magic.
func cpioHeader(b []byte) bool {
	if len(b) < 110 {
		return false
	}
	for _, c := range b[6:110] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}

// openConfig reads a kernel's configuration as its tools write it.
func openConfig(b []byte, _ *image.Budget) (*image.Part, error) {
	head := b[:min(len(b), 300)]
	if len(b) > 4<<20 || !bytes.HasPrefix(b, []byte("#\n# ")) || !bytes.Contains(head, []byte("Linux")) || !bytes.Contains(b[:min(len(b), 4000)], []byte("\nCONFIG_")) || bytes.IndexByte(b, 0) >= 0 {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "kernel-config", Size: int64(len(b)), State: image.Understood}
	lines := strings.SplitN(string(head), "\n", 5)
	for _, l := range lines {
		if l = strings.TrimSpace(strings.Trim(l, "# \n")); strings.HasPrefix(l, "Linux") {
			p.Detail("name", "%s", l)
		}
	}
	p.Detail("options", "%d", bytes.Count(b, []byte("\nCONFIG_")))
	return p, nil
}
