package wrapper

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"time"

	"assay/lab/firmware/image"
)

// The legacy image of U-Boot: a header of 64 bytes, big-endian (include/image.h).
const uimageHeader = 64

var uimageOS = []string{"invalid", "openbsd", "netbsd", "freebsd", "4.4bsd", "linux", "svr4", "esix", "solaris", "irix", "sco", "dell", "ncr", "lynxos", "vxworks", "psos", "qnx", "u-boot", "rtems", "artos", "unity", "integrity", "ose", "plan9", "openrtos", "arm-trusted-firmware", "tee", "opensbi", "efi"}

var uimageArch = []string{"invalid", "alpha", "arm", "x86", "ia64", "mips", "mips64", "powerpc", "s390", "sh", "sparc", "sparc64", "m68k", "nios", "microblaze", "nios2", "blackfin", "avr32", "st200", "sandbox", "nds32", "or1k", "arm64", "arc", "x86-64", "xtensa", "riscv"}

var uimageType = []string{"invalid", "standalone", "kernel", "ramdisk", "multi", "firmware", "script", "filesystem", "flat-dt", "kwbimage", "imximage", "ublimage", "omapimage", "aisimage", "kernel-noload", "pblimage", "mxsimage", "gpimage", "atmelimage", "socfpgaimage", "x86-setup", "lpc32xximage", "loadable", "rkimage"}

var uimageComp = []string{"none", "gzip", "bzip2", "lzma", "lzo", "lz4", "zstd"}

func word(list []string, i byte) string {
	if int(i) < len(list) {
		return list[i]
	}
	return fmt.Sprint(i)
}

func openUImage(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < uimageHeader || be32(b, 0) != 0x27051956 {
		return nil, image.ErrNot
	}
	h := bytes.Clone(b[:uimageHeader])
	copy(h[4:8], "\x00\x00\x00\x00")
	sound := int64(crc32.ChecksumIEEE(h)) == be32(b, 4)
	size := be32(b, 12)
	likely := int(b[28]) < len(uimageOS) && int(b[29]) < len(uimageArch) && int(b[30]) < len(uimageType)+40 && int(b[31]) < len(uimageComp) && printable(b[32:64])
	if !sound && (!likely || size == 0 || size > int64(len(b))) {
		return nil, image.ErrNot
	}
	o := begin("uimage", b, uimageHeader+size, uimageHeader)
	o.text("name", b[32:64])
	o.Detail("created", "%s", time.Unix(be32(b, 8), 0).UTC().Format("2006-01-02T15:04:05Z"))
	o.Detail("os", "%s", word(uimageOS, b[28]))
	o.Detail("arch", "%s", word(uimageArch, b[29]))
	o.Detail("type", "%s", word(uimageType, b[30]))
	o.Detail("compression", "%s", word(uimageComp, b[31]))
	o.Detail("load", "0x%08x", be32(b, 16))
	o.Detail("entry", "0x%08x", be32(b, 20))
	o.checksum("CRC-32 of the header", sound)
	if o.Size == uimageHeader+size {
		o.checksum("CRC-32 of the data", int64(crc32.ChecksumIEEE(b[uimageHeader:o.Size])) == be32(b, 24))
	}
	o.Detail("signature", "none")
	switch b[30] {
	case 4, 6:
		if err := o.multi(size, budget); err != nil {
			return nil, err
		}
	default:
		o.stream(uimageStream(b[30]), uimageHeader, size)
	}
	return o.done()
}

func uimageStream(t byte) string {
	switch t {
	case 2, 14:
		return "kernel"
	case 3:
		return "ramdisk"
	case 7:
		return "rootfs"
	case 8:
		return "dtb"
	case 5:
		return "firmware"
	}
	return "data"
}

// multi gives the images of one that has several: their sizes stand first, up to a
// zero, and each is filled up to four bytes.
func (o *opened) multi(size int64, budget *image.Budget) error {
	var sizes []int64
	at := int64(uimageHeader)
	for {
		if err := budget.Tick(); err != nil {
			return err
		}
		if at+4 > o.Size || len(sizes) > 32 {
			o.problem("the list of its images does not end")
			return nil
		}
		n := be32(o.b, int(at))
		at += 4
		if n == 0 {
			break
		}
		sizes = append(sizes, n)
	}
	o.header = at
	for i, n := range sizes {
		name := fmt.Sprintf("image-%d", i)
		if o.b[30] == 6 {
			name = "script"
		}
		o.stream(name, at, n)
		at += (n + 3) &^ 3
	}
	return nil
}
