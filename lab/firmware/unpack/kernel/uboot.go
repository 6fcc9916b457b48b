package kernel

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"regexp"
	"slices"
	"sort"
	"strings"

	"assay/lab/firmware/image"
)

// ubootBanner is what U-Boot says first (common/version or cmd/version): version and date.
var ubootBanner = regexp.MustCompile(`U-Boot (?:SPL )?(\d[0-9A-Za-z.+_-]{2,60}) \([A-Z][a-z]{2} [ 0-3]\d \d{4} - [0-9:]{8}[^\n\x00]{0,60}\)[^\n\x00]{0,120}`)

// ubootMost is how large a boot loader may be.
const ubootMost = 4 << 20

// openUBoot reads a boot loader that stands where something begins: it goes up to where
// something else begins, or the flash is empty.
func openUBoot(b []byte, _ *image.Budget) (*image.Part, error) {
	head := b[:min(len(b), ubootMost)]
	var m []int
	for at := 0; m == nil; at++ {
		i := bytes.Index(head[at:], []byte("U-Boot "))
		if i < 0 {
			return nil, image.ErrNot
		}
		at += i
		if f := ubootBanner.FindSubmatchIndex(head[at:min(len(head), at+300)]); f != nil && f[0] == 0 {
			m = []int{at, at + f[1], at + f[2], at + f[3]}
		}
	}
	end := extent(head, 0)
	if end <= m[1] || begins(b) || end == len(head) && len(b) > len(head) || blank(b[:16]) {
		return nil, image.ErrNot
	}
	// A loader without any of its commands is a mention in something else.
	if !bytes.Contains(b[:end], []byte("bootcmd")) && !bytes.Contains(b[:end], []byte("SPL")) {
		return nil, image.ErrNot
	}
	p := &image.Part{Format: "u-boot", Size: int64(end), State: image.Understood}
	p.Detail("version", "%s", b[m[2]:m[3]])
	p.Detail("name", "%s", strings.ToValidUTF8(strings.TrimSpace(string(b[m[0]:m[1]])), "?"))
	if vars := defaults(b[:end]); len(vars) > 0 {
		p.Detail("variables", "%d", len(vars))
		show(p, vars)
	}
	return p, nil
}

// defaults are the variables that a boot loader has inside for when its environment is lost: texts
// name=value in a row, a NUL behind each.
func defaults(b []byte) (vars []string) {
	const longest, most = 4096, 1000
	variable := func(v []byte) bool {
		k, _, ok := bytes.Cut(v, []byte{'='})
		return ok && name(k)
	}
	for at := 0; ; at++ {
		i := bytes.Index(b[at:], []byte("\x00bootcmd="))
		if i < 0 {
			return nil
		}
		at += i
		vars = nil
		for end := at; len(vars) < most; { // those before, the nearest first
			from := bytes.LastIndexByte(b[max(0, end-longest):end], 0)
			if from < 0 {
				break
			}
			from += max(0, end-longest)
			if !variable(b[from+1 : end]) {
				break
			}
			vars = append(vars, string(b[from+1:end]))
			end = from
		}
		slices.Reverse(vars)
		for from := at + 1; len(vars) < most; {
			n := bytes.IndexByte(b[from:min(len(b), from+longest)], 0)
			if n < 0 || !variable(b[from:from+n]) {
				break
			}
			vars = append(vars, string(b[from:from+n]))
			from += n + 1
		}
		if len(vars) >= 3 {
			return vars
		}
	}
}

// show makes properties of the variables that are worth it.
func show(p *image.Part, vars []string) {
	values := map[string]string{}
	for _, v := range vars {
		k, x, _ := strings.Cut(v, "=")
		values[k] = strings.ToValidUTF8(x, "?")
	}
	for _, k := range shown {
		if v := values[k]; v != "" {
			p.Detail("variable", "%s=%.300s", k, v)
		}
	}
}

func blank(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

// Bounds of extent.
const (
	eraseBlock = 4096  // flash is erased by this, so what is written apart begins there
	emptyFlash = 16384 // bytes of 0xff, or zeros up to the end, that no program has inside
)

// extent is where what begins at b[0] ends at the latest: where a part with a magic begins
// at an erase block, or the flash is empty. Programs have the magics of file systems
// inside, but neither there nor with a header that is right.
func extent(b []byte, from int) int {
	for at := (from/eraseBlock + 1) * eraseBlock; at+64 <= len(b); at += eraseBlock {
		if begins(b[at:]) {
			return trim(b[:at])
		}
		if at+emptyFlash <= len(b) && b[at] == 0xff && blank(b[at:at+emptyFlash]) {
			return trim(b[:at])
		}
	}
	return trim(b)
}

// trim leaves out the empty flash at the end.
func trim(b []byte) int {
	n := len(b)
	for n > 0 && b[n-1] == 0xff {
		n--
	}
	if len(b)-n < 64 {
		return len(b)
	}
	return n
}

// begins says whether something begins here that is no part of a program.
func begins(b []byte) bool {
	le, be := binary.LittleEndian, binary.BigEndian
	switch {
	case bytes.HasPrefix(b, []byte("hsqs")) || bytes.HasPrefix(b, []byte("shsq")):
		return le.Uint16(b[28:]) <= 4 && le.Uint32(b[4:]) < 1<<24
	case bytes.HasPrefix(b, []byte("sqsh")) || bytes.HasPrefix(b, []byte("qshs")):
		return be.Uint16(b[28:]) <= 4 && be.Uint32(b[4:]) < 1<<24
	case bytes.HasPrefix(b, []byte("\x27\x05\x19\x56")):
		h := bytes.Clone(b[:64])
		copy(h[4:8], "\x00\x00\x00\x00")
		return crc32.ChecksumIEEE(h) == be.Uint32(b[4:])
	case bytes.HasPrefix(b, []byte("\xd0\x0d\xfe\xed")):
		return be.Uint32(b[4:]) > 64 && be.Uint32(b[8:]) < be.Uint32(b[4:]) && be.Uint32(b[20:]) == 17
	case bytes.HasPrefix(b, []byte("\x01\x00\x00\x00TP-L")) || bytes.HasPrefix(b, []byte("\x01\x00\x00\x00OpenWrt")):
		return true
	case bytes.HasPrefix(b, []byte("HDR0")):
		return le.Uint32(b[4:]) > 28 && le.Uint16(b[14:]) <= 2
	case bytes.HasPrefix(b, []byte("UBI#\x01")):
		return true
	case bytes.HasPrefix(b, []byte("\x5e\xa3\xa4\x17")):
		return be.Uint32(b[8:]) < 1<<28
	case bytes.HasPrefix(b, []byte("\x85\x19\x03\x20")) || bytes.HasPrefix(b, []byte("\x85\x19\x01\xe0")) || bytes.HasPrefix(b, []byte("\x85\x19\x02\xe0")):
		return le.Uint32(b[8:]) == jffs2CRC(b[:8])
	case bytes.HasPrefix(b, []byte("\x19\x85\x20\x03")) || bytes.HasPrefix(b, []byte("\x19\x85\xe0\x01")) || bytes.HasPrefix(b, []byte("\x19\x85\xe0\x02")):
		return be.Uint32(b[8:]) == jffs2CRC(b[:8])
	}
	return environmentAt(b) > 0
}

// jffs2CRC is CRC-32 begun with zero and not inverted (fs/jffs2).
func jffs2CRC(b []byte) uint32 {
	return ^crc32.Update(^uint32(0), crc32.IEEETable, b)
}

// An environment: CRC-32, a byte of flags where there are two of them, texts name=value
// each with a NUL behind it, one more, and filling (include/env_internal.h). Its size is
// that of an erase block or more, and is not written in it.
var (
	environmentFirst = []string{"addmisc=", "addip=", "arch=", "autoload=", "baudrate=", "board=", "boot_", "bootargs=", "bootcmd=", "bootcount=", "bootdelay=", "bootfile=", "bootlimit=", "console=", "ethact=", "ethaddr=", "fdt_", "fdtcontroladdr=", "ipaddr=", "kernel_", "loadaddr=", "mtdids=", "mtdparts=", "serverip=", "stderr=", "stdin="}
	environmentMagic = func() (all []image.Magic) {
		for _, at := range []int{4, 5} {
			for _, s := range environmentFirst {
				all = append(all, image.Magic{Offset: at, Bytes: s})
			}
		}
		return all
	}()
)

// environmentAt is the size of the environment that begins at b[0], its CRC-32 with it; 0:
// there is none.
func environmentAt(b []byte) int {
	if len(b) < 1024 {
		return 0
	}
	flags := 0
	if b[4] <= 1 && b[5] > ' ' {
		flags = 1
	}
	if eq := bytes.IndexByte(b[4+flags:min(len(b), 200)], '='); eq < 1 || !name(b[4+flags:4+flags+eq]) {
		return 0
	}
	sum := [2]uint32{binary.LittleEndian.Uint32(b), binary.BigEndian.Uint32(b)}
	// All sizes in use; the CRC is updated from one to the next.
	from, crc := 4+flags, uint32(0)
	for _, size := range environmentSizes {
		if size > len(b) {
			return 0
		}
		crc = crc32.Update(crc, crc32.IEEETable, b[from:size])
		if from = size; crc == sum[0] || crc == sum[1] {
			return size
		}
	}
	return 0
}

var environmentSizes = func() (all []int) {
	for _, kib := range []int{1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 60, 64, 96, 128, 192, 256, 512} {
		all = append(all, kib<<10)
	}
	return append(all, 0x1ff8, 0x3ff8, 0xfff8, 0x1fff8)
}()

func init() { sort.Ints(environmentSizes) }

// name says whether bytes are a variable's name.
func name(b []byte) bool {
	for _, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.#:,", c) >= 0) {
			return false
		}
	}
	return len(b) > 0
}

// shown are the variables that are worth a property: how it starts, and what may be done before.
var shown = []string{"bootcmd", "bootargs", "bootdelay", "baudrate", "console", "silent", "verify", "ver", "ethaddr", "serverip", "bootlimit"}

func openEnvironment(b []byte, budget *image.Budget) (*image.Part, error) {
	size := environmentAt(b)
	if size == 0 {
		return nil, image.ErrNot
	}
	text := b[4:size]
	if text[0] <= 1 {
		text = text[1:]
	}
	if end := bytes.Index(text, []byte{0, 0}); end >= 0 {
		text = text[:end]
	}
	var lines []string
	for v := range bytes.SplitSeq(text, []byte{0}) {
		if err := budget.Tick(); err != nil {
			return nil, err
		}
		s := strings.ToValidUTF8(string(v), "?")
		lines = append(lines, strings.ReplaceAll(s, "\n", `\n`))
	}
	p := &image.Part{Format: "u-boot-environment", Size: int64(size), State: image.Understood, Tree: image.NewTree()}
	p.Detail("checksum", "CRC-32 holds")
	p.Detail("variables", "%d", len(lines))
	show(p, lines)
	data := []byte(strings.Join(lines, "\n") + "\n")
	if err := budget.Bytes(int64(len(data)), 0); err != nil {
		return nil, err
	}
	if err := budget.Node(); err != nil {
		return nil, err
	}
	if err := p.Tree.Put("environment", &image.Node{Kind: image.File, Perm: 0o644, Size: int64(len(data)), Open: func() ([]byte, error) { return data, nil }}); err != nil {
		return nil, err
	}
	return p, p.Tree.Finish()
}
