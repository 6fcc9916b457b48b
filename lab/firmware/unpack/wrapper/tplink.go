package wrapper

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"strings"

	"assay/lab/firmware/image"
)

// tplinkHeader is the size of both headers (mktplinkfw.c and mktplinkfw2.c of
// firmware-utils describe them).
const tplinkHeader = 0x200

// The checksum is MD5 over the image with these bytes in its place; which, depends on
// whether a boot loader is in it. It has no secret: whoever knows them makes another.
var (
	tplinkSalts1 = [2]string{"\xdc\xd7\x3a\xa5\xc3\x95\x98\xfb\xdd\xf9\xe7\xf4\x0e\xae\x47\x38", "\x8c\xef\x33\x5b\xd5\xc5\xce\xfa\xa7\x9c\x28\xda\xb2\xe9\x0f\x42"}
	tplinkSalts2 = [2]string{"\xdc\xd7\x3a\xa5\xc3\x95\x98\xfb\xdc\xf9\xe7\xf4\x0e\xae\x47\x37", "\x8c\xef\x33\x5f\xd5\xc5\xce\xfa\xac\x9c\x28\xda\xb2\xe9\x0f\x42"}
)

// tplink is what both headers have, at different places.
type tplink struct {
	format                             string
	sum                                int // of the checksum
	salts                              [2]string
	load, length, kernel, rootfs, boot int // the last three: an offset, then a length
}

func openTPLink1(b []byte, _ *image.Budget) (*image.Part, error) {
	t := tplink{format: "tplink-v1", sum: 0x4c, salts: tplinkSalts1, load: 0x74, length: 0x7c, kernel: 0x80, rootfs: 0x88, boot: 0x90}
	if len(b) < tplinkHeader || be32(b, 0) != 0x01000000 || !t.sound(b) || b[4] < 'A' || !printable(b[4:28]) || !printable(b[28:64]) || be32(b, 0x40) == 0 {
		return nil, image.ErrNot
	}
	o := t.open(b)
	o.text("vendor", b[4:28])
	o.text("version", b[28:64])
	o.Detail("product", "hardware 0x%08x revision %d", be32(b, 0x40), be32(b, 0x44))
	if r := be32(b, 0x48); r != 0 {
		o.Detail("region", "%d", r)
	}
	if be16(b, 0x98)|be16(b, 0x9a)|be16(b, 0x9c) != 0 {
		o.Detail("firmware", "%d.%d.%d", be16(b, 0x98), be16(b, 0x9a), be16(b, 0x9c))
	}
	return o.done()
}

func openTPLink2(b []byte, _ *image.Budget) (*image.Part, error) {
	t := tplink{format: "tplink-v2", sum: 0x40, salts: tplinkSalts2, load: 0x68, length: 0x70, kernel: 0x74, rootfs: 0x7c, boot: 0x84}
	if len(b) < tplinkHeader || be32(b, 0) != 0x02000000 && be32(b, 0) != 0x03000000 || be16(b, 0x8c) != 0x55aa || b[0x90] != 0xa5 || !t.sound(b) || !printable(b[4:0x34]) {
		return nil, image.ErrNot
	}
	o := t.open(b)
	o.Detail("header", "%d", b[0])
	o.text("version", b[4:0x34])
	o.Detail("product", "hardware 0x%08x revision %d, 0x%x", be32(b, 0x34), be32(b, 0x38), be32(b, 0x3c))
	o.Detail("firmware", "%d.%d.%d-%d.%d", b[0x91], b[0x92], b[0x93], b[0x8e], b[0x8f])
	return o.done()
}

// sound says whether the offsets can be.
func (t *tplink) sound(b []byte) bool {
	length, at, size := be32(b, t.length), be32(b, t.kernel), be32(b, t.kernel+4)
	if length == 0 { // a kernel alone
		length = at + size
	}
	return at >= tplinkHeader && at < 1<<28 && size > 0 && size < 1<<28 && length >= at+size && length < 1<<30
}

func (t *tplink) open(b []byte) *opened {
	length, kernel, kernelSize := be32(b, t.length), be32(b, t.kernel), be32(b, t.kernel+4)
	if length == 0 {
		o := begin(t.format, b, kernel+kernelSize, tplinkHeader)
		o.Detail("checksum", "none")
		o.Detail("signature", "none")
		o.stream("kernel", kernel, kernelSize)
		return o
	}
	// Stripped of its padding the file is shorter than the length; metadata may follow.
	ends := []int{int(min(length, int64(len(b)))), len(b), withoutFwtool(b)}
	end, holds := ends[0], false
	for i, e := range ends {
		if (i == 0 || e != ends[0]) && e >= int(kernel+kernelSize) && t.holds(b[:e]) {
			end, holds = e, true
			break
		}
	}
	inUse := !holds && int64(len(b)) > length
	if inUse {
		end = int(t.content(b[:end]))
	}
	o := begin(t.format, b, int64(end), tplinkHeader)
	if int64(end) < kernel+kernelSize {
		o.problem("it has %d bytes and %d are left", length, len(b))
	}
	if inUse { // in flash, where it was written to since
		o.Detail("checksum", "MD5 of the image does not hold, as of one in use")
	} else {
		o.checksum("MD5 of the image", holds)
	}
	o.Detail("signature", "none")
	o.Detail("load", "0x%08x", be32(b, t.load))
	o.Detail("entry", "0x%08x", be32(b, t.load+4))
	// An update with the boot loader has it first, then an image with a header of its own, whose
	// checksum this one's covers.
	at := t.again(b[:o.Size])
	if at > 0 {
		o.stream("boot", tplinkHeader, at-tplinkHeader)
		o.header = at + tplinkHeader
	}
	t.parts(o, at)
	return o
}

// content is where the last thing ends that the header names. In flash, and where something
// was put behind an image without its padding, what follows is not the image's.
func (t *tplink) content(b []byte) int64 {
	at := t.again(b)
	h := b[at:]
	end := be32(h, t.kernel) + be32(h, t.kernel+4)
	if size := be32(h, t.rootfs+4); size > 0 {
		end = max(be32(h, t.rootfs), end) + size
	}
	if size := be32(h, t.boot+4); size > 0 && at == 0 {
		end = max(end, be32(h, t.boot)+size)
	}
	if end += at; end > int64(len(b)) || be32(h, t.rootfs+4) == 0 {
		return int64(len(b))
	}
	return end
}

// parts gives what the header at a place says.
func (t *tplink) parts(o *opened, at int64) {
	h := o.b[at:]
	kernel, kernelSize, rootfs, boot, bootSize := be32(h, t.kernel), be32(h, t.kernel+4), be32(h, t.rootfs), be32(h, t.boot), be32(h, t.boot+4)
	o.stream("kernel", at+kernel, kernelSize)
	if rootfs < kernel+kernelSize { // some writers leave it at that of another layout
		rootfs = kernel + kernelSize
	}
	to := o.Size - at
	if bootSize > 0 && boot > rootfs && boot < to {
		o.stream("boot", at+boot, min(bootSize, to-boot))
		to = boot
	}
	if rootfs < to {
		o.stream("rootfs", at+rootfs, to-rootfs)
	}
}

// again is where the same header stands a second time, as it does behind a boot loader; 0:
// it does not.
func (t *tplink) again(b []byte) int64 {
	for at := 2 * tplinkHeader; at+tplinkHeader <= len(b) && at <= 1<<20; at += tplinkHeader {
		if bytes.Equal(b[at:at+16], b[:16]) && t.sound(b[at:]) {
			return int64(at)
		}
	}
	return 0
}

// holds says whether the checksum is that of b.
func (t *tplink) holds(b []byte) bool {
	for _, salt := range t.salts {
		h := md5.New()
		h.Write(b[:t.sum])
		h.Write([]byte(salt))
		h.Write(b[t.sum+16:])
		if bytes.Equal(h.Sum(nil), b[t.sum:t.sum+16]) {
			return true
		}
	}
	return false
}

// openSafeloader reads TP-Link's later images (tplink-safeloader.c of firmware-utils):
// size, MD5, a block of the vendor, then a table of partitions in text.
func openSafeloader(b []byte, _ *image.Budget) (*image.Part, error) {
	const block, table, first = 0x14, 0x1014, 0x1814
	const salt = "\x7a\x2b\x15\xed\x9b\x98\x59\x6d\xe5\x04\xab\x44\xac\x2a\x9f\x4e"
	if len(b) < first || !bytes.HasPrefix(b[table:], []byte("fwup-ptn ")) {
		return nil, image.ErrNot
	}
	size := be32(b, 0)
	if size < first || size > 1<<30 {
		return nil, image.ErrNot
	}
	o := begin("tplink-safeloader", b, size, first)
	if o.Size == size {
		h := md5.New()
		h.Write([]byte(salt))
		h.Write(b[block:size])
		o.checksum("MD5 of the image", bytes.Equal(h.Sum(nil), b[4:block]))
	}
	vendor := b[block:table]
	n := int(min(be32(vendor, 0), int64(len(vendor)-4)))
	o.text("vendor", vendor[4:4+n])
	if blank(vendor[4+n:]) {
		o.Detail("signature", "none")
	}
	text, _, _ := bytes.Cut(b[table:first], []byte{0xff})
	text, _, _ = bytes.Cut(text, []byte{0})
	for i, l := range strings.Split(string(text), "\n") {
		var name string
		var base, length int64
		if k, _ := fmt.Sscanf(l, "fwup-ptn %s base 0x%x size 0x%x", &name, &base, &length); k != 3 || i > 64 {
			continue
		}
		name = cstring([]byte(name))
		o.stream(name, table+base, length)
		if at := table + base; (name == "soft-version" || name == "support-list" || name == "product-info") && at >= 0 && length > 8 && at+length <= o.Size && length < 1<<16 {
			o.safeloaderText(name, b[at:at+length])
		}
	}
	if len(o.Streams) == 0 {
		return nil, image.ErrNot
	}
	return o.done()
}

// safeloaderText reads a partition of text: its length, four bytes, the text. The version may be
// four numbers instead.
func (o *opened) safeloaderText(name string, b []byte) {
	text := cstring(bytes.ReplaceAll(b[8:min(int64(len(b)), 8+be32(b, 0))], []byte("\r\n"), []byte(" ")))
	switch {
	case name == "soft-version" && text == "" && len(b) >= 12:
		o.Detail("version", "%d.%d.%d", b[9], b[10], b[11])
		if len(b) >= 24 && be32(b, 0) >= 16 { // an update of a lower level is refused
			o.Detail("rollback", "level %d", be32(b, 20))
		}
	case name == "soft-version":
		o.text("version", []byte(text))
	case text != "":
		o.Detail("product", "%.300s", text)
	}
}
