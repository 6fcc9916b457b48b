package wrapper

import (
	"bytes"
	"crypto/md5"

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
	format, header                     string
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
	o := begin(t.format, b, int64(end), tplinkHeader)
	if int64(end) < kernel+kernelSize {
		o.problem("it has %d bytes and %d are left", length, len(b))
	}
	o.checksum("MD5 of the image", holds)
	o.Detail("signature", "none")
	o.Detail("load", "0x%08x", be32(b, t.load))
	o.Detail("entry", "0x%08x", be32(b, t.load+4))
	boot, bootSize := be32(b, t.boot), be32(b, t.boot+4)
	o.stream("kernel", kernel, kernelSize)
	rootfs := be32(b, t.rootfs)
	if rootfs < kernel+kernelSize { // some writers leave it at that of another layout
		rootfs = kernel + kernelSize
	}
	to := o.Size
	if bootSize > 0 && boot > rootfs && boot < to {
		to = boot
	}
	if rootfs < to {
		o.stream("rootfs", rootfs, to-rootfs)
	}
	if bootSize > 0 && boot >= to {
		o.stream("boot", boot, bootSize)
	}
	return o
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
