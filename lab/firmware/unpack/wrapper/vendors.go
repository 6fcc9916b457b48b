package wrapper

import (
	"bytes"
	"crypto/md5"
	"crypto/sha512"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"assay/lab/firmware/image"
)

// jamcrc is CRC-32 without the inversion at its end.
func jamcrc(b []byte) int64 { return int64(^crc32.ChecksumIEEE(b)) }

// openTRX reads Broadcom's TRX (trxhdr.h): little-endian, three or four offsets.
func openTRX(b []byte, _ *image.Budget) (*image.Part, error) {
	if len(b) < 28 || string(b[:4]) != "HDR0" {
		return nil, image.ErrNot
	}
	size, version := le32(b, 4), le16(b, 14)
	n := 3
	if version == 2 {
		n = 4
	}
	header := int64(16 + 4*n)
	if version < 1 || version > 2 || size < header || int64(len(b)) < header {
		return nil, image.ErrNot
	}
	var at []int64
	for i := range n {
		if v := le32(b, 16+4*i); v != 0 {
			if v < header || v > size || len(at) > 0 && v <= at[len(at)-1] {
				return nil, image.ErrNot
			}
			at = append(at, v)
		}
	}
	o := begin("trx", b, size, header)
	o.Detail("version", "%d", version)
	o.Detail("flags", "0x%04x", le16(b, 12))
	if o.Size == size {
		o.checksum("CRC-32", jamcrc(b[12:size]) == le32(b, 8))
	}
	o.Detail("signature", "none")
	names := map[int][]string{1: {"data"}, 2: {"kernel", "rootfs"}, 3: {"loader", "kernel", "rootfs"}}[len(at)]
	for i, v := range at {
		end := size
		if i+1 < len(at) {
			end = at[i+1]
		}
		name := fmt.Sprintf("part-%d", i)
		if names != nil {
			name = names[i]
		}
		o.stream(name, v, end-v)
	}
	return o.done()
}

// openSeama reads a seal and its entities (oseama.c of firmware-utils): big-endian, with
// texts of the form name=value before each image.
func openSeama(b []byte, budget *image.Budget) (*image.Part, error) {
	o := begin("seama", b, int64(len(b)), 0)
	at := int64(0)
	for n := 0; ; n++ {
		if err := budget.Tick(); err != nil {
			return nil, err
		}
		if int64(len(b))-at < 12 || be32(b, int(at)) != 0x5ea3a417 {
			if n == 0 {
				return nil, image.ErrNot
			}
			break
		}
		meta, size, header := be16(b, int(at)+6), be32(b, int(at)+8), int64(12)
		if size > 0 {
			header = 28
		}
		data := at + header + meta
		if data > int64(len(b)) || meta == 0 && size == 0 || size > 1<<30 {
			if n == 0 {
				return nil, image.ErrNot
			}
			break
		}
		texts := b[at+header : data]
		if n == 0 && (be16(b, 4) != 0 || !seamaTexts(texts) || size > int64(len(b))-data) { // the magic alone stands in programs, too
			return nil, image.ErrNot
		}
		for t := range bytes.SplitSeq(texts, []byte{0}) {
			name, value, ok := strings.Cut(cstring(t), "=")
			switch {
			case !ok:
			case name == "signature": // it is the product's name, and signs nothing
				o.Detail("product", "%s", value)
			default:
				o.Detail("meta", "%s=%s", name, value)
			}
		}
		if size > 0 {
			end := data + size
			if end > int64(len(b)) {
				o.problem("an image has %d bytes and %d are left", size, int64(len(b))-data)
				end = int64(len(b))
			} else {
				sum := md5.Sum(b[data:end])
				o.checksum("MD5 of the image", bytes.Equal(sum[:], b[at+12:at+28]))
			}
			o.stream("image", data, end-data)
			at = end
			continue
		}
		at = data
	}
	o.Size = at
	o.Detail("signature", "none")
	return o.done()
}

// seamaTexts says whether bytes are what stands before an image: texts with their names.
func seamaTexts(b []byte) bool {
	n := 0
	for t := range bytes.SplitSeq(b, []byte{0}) {
		if len(t) == 0 {
			continue
		}
		if i := bytes.IndexByte(t, '='); i < 1 || !printable(t) {
			return false
		}
		n++
	}
	return n > 0
}

// openSHRS reads the header of encrypted updates with this magic, as those who
// looked into them describe it: sizes, the vector of AES-128-CBC, SHA-512 before and behind the
// encryption, two RSA signatures of 512 bytes.
func openSHRS(b []byte, _ *image.Budget) (*image.Part, error) {
	const data = 0x6dc
	if len(b) < data || string(b[:4]) != "SHRS" {
		return nil, image.ErrNot
	}
	plain, packed := be32(b, 4), be32(b, 8)
	if plain == 0 || packed < plain || packed-plain > 1<<16 {
		return nil, image.ErrNot
	}
	o := begin("shrs", b, data+packed, 0)
	o.Detail("encryption", "AES-128-CBC, %d bytes", plain)
	o.Detail("signature", "RSA, 512 bytes over what is encrypted and 512 over what is plain, not verified")
	if o.Size == data+packed {
		sum := sha512.Sum512(b[data : data+packed])
		o.checksum("SHA-512 of what is encrypted", bytes.Equal(sum[:], b[0x9c:0xdc]))
	}
	o.problem("its content is encrypted")
	return o.done()
}

// openCHK reads the header of .chk updates (mkchkimg.c of OpenWrt): big-endian,
// the board's name behind the fields.
func openCHK(b []byte, _ *image.Budget) (*image.Part, error) {
	if len(b) < 40 || string(b[:4]) != "*#$^" {
		return nil, image.ErrNot
	}
	header, kernel, rootfs := be32(b, 4), be32(b, 24), be32(b, 28)
	if header < 40 || header > 40+64 || header > int64(len(b)) || kernel == 0 || kernel > 1<<30 || rootfs > 1<<30 || !printable(b[40:header]) {
		return nil, image.ErrNot
	}
	o := begin("chk", b, header+kernel+rootfs, header)
	o.text("product", b[40:header])
	o.Detail("region", "%d", b[8])
	o.Detail("version", "%d.%d.%d.%d_%d.%d.%d", b[9], b[10], b[11], b[12], b[13], b[14], b[15])
	h := bytes.Clone(b[:header])
	copy(h[36:40], "\x00\x00\x00\x00")
	o.checksum("sum of the header", chkSum(h) == be32(b, 36))
	if o.Size == header+kernel+rootfs {
		o.checksum("sum of the image", chkSum(b[header:o.Size]) == be32(b, 32))
	}
	o.Detail("signature", "none")
	o.stream("kernel", header, kernel)
	o.stream("rootfs", header+kernel, rootfs)
	return o.done()
}

// chkSum is the sum of the bytes and the sum of these sums, folded to 16 bits each.
func chkSum(b []byte) int64 {
	var a, s uint32
	for _, c := range b {
		a += uint32(c)
		s += a
	}
	fold := func(v uint32) uint32 {
		v = v&0xffff + v>>16
		return (v>>16 + v) & 0xffff
	}
	return int64(fold(s)<<16 | fold(a))
}

// openImageTag reads Broadcom's tag of 256 bytes (bcm963xx_tag.h of Linux): numbers are
// text.
func openImageTag(b []byte, _ *image.Budget) (*image.Part, error) {
	const header = 256
	if len(b) < header || !bytes.HasPrefix(b[4:], []byte("Broadcom Corporatio")) {
		return nil, image.ErrNot
	}
	number := func(at, n int) int64 {
		v, err := strconv.ParseInt(cstring(b[at:at+n]), 10, 64)
		if err != nil || v < 0 || v > 1<<32 {
			return -1
		}
		return v
	}
	total, cfe, rootAt, root, kernelAt, kernel := number(62, 10), number(84, 10), number(94, 12), number(106, 10), number(116, 12), number(128, 10)
	if total < 0 || total > 1<<30 || root < 0 || kernel < 0 {
		return nil, image.ErrNot
	}
	o := begin("imagetag", b, header+total, header)
	for _, f := range []struct {
		name     string
		from, to int
	}{{"format-version", 0, 4}, {"chip", 38, 44}, {"product", 44, 60}, {"version", 162, 192}, {"layout", 192, 196}} {
		o.text(f.name, b[f.from:f.to])
	}
	o.checksum("CRC-32 of the tag", jamcrc(b[:236]) == be32(b, 236))
	if o.Size == header+total && be32(b, 216) != 0 {
		o.checksum("CRC-32 of the image", jamcrc(b[header:o.Size]) == be32(b, 216))
	}
	if rsa := b[142:162]; !blank(rsa) {
		o.Detail("signature", "20 bytes in the field for RSA, not verified")
	} else {
		o.Detail("signature", "none")
	}
	at := int64(header)
	if cfe > 0 {
		o.stream("boot", at, cfe)
		at += cfe
	}
	if kernelAt >= 0 && rootAt >= 0 && kernelAt < rootAt {
		o.stream("kernel", at, kernel)
		at += kernel
		o.stream("rootfs", at, min(root, max(0, o.Size-at)))
	} else {
		o.stream("rootfs", at, root)
		at += root
		o.stream("kernel", at, min(kernel, max(0, o.Size-at)))
	}
	return o.done()
}

// openHDR1 reads updates with blobs and an RSA signature behind them (xiaomifw.c of
// firmware-utils): little-endian.
func openHDR1(b []byte, _ *image.Budget) (*image.Part, error) {
	const header, blobHeader, signatureHeader = 48, 48, 16
	if len(b) < header || string(b[:4]) != "HDR1" {
		return nil, image.ErrNot
	}
	signature := le32(b, 4)
	if signature < header || signature > 1<<30 || le32(b, 16) != header {
		return nil, image.ErrNot
	}
	size := signature
	if signature+signatureHeader <= int64(len(b)) {
		if n := le32(b, int(signature)); n <= 4096 {
			size = signature + signatureHeader + n
		}
	}
	o := begin("hdr1", b, size, 0)
	o.Detail("product", "device 0x%04x", le16(b, 14))
	if o.Size == size {
		o.checksum("CRC-32", jamcrc(b[12:size]) == le32(b, 8))
	}
	switch sig := size - signature - signatureHeader; {
	case sig > 0 && o.Size == size && !blank(b[signature+signatureHeader:size]):
		o.Detail("signature", "RSA, %d bits, not verified", sig*8)
	default:
		o.Detail("signature", "none")
	}
	for i := range 8 {
		at := le32(b, 16+4*i)
		if at == 0 {
			break
		}
		if at > o.Size-blobHeader || le32(b, int(at))&0xffff != 0xbabe {
			o.problem("no blob at byte %d", at)
			break
		}
		name := cstring(b[at+16 : at+48])
		o.Detail("blob", "%s: type 0x%x, flash 0x%x", name, le16(b, int(at)+12), le32(b, int(at)+4))
		if name == "" {
			name = "blob"
		}
		o.stream(name, at+blobHeader, le32(b, int(at)+8))
	}
	return o.done()
}

// openAddPattern reads the header of 32 bytes that stands before a TRX
// (addpattern.c of OpenWrt): a product's pattern, a date and a version.
func openAddPattern(b []byte, budget *image.Budget) (*image.Part, error) {
	const header = 32
	if len(b) < header+28 || string(b[14:18]) != "U2ND" || !printable(b[:4]) || b[0] == 0 {
		return nil, image.ErrNot
	}
	inner, err := openTRX(b[header:], budget)
	if err != nil {
		return nil, err
	}
	o := begin("addpattern", b, header+inner.Size, header)
	o.text("product", b[:4])
	o.Detail("version", "%d.%d.%d", b[11], b[12], b[13])
	o.Detail("created", "%04d-%02d-%02d", 2000+int(b[8]), b[9], b[10])
	o.Detail("signature", "none")
	o.stream("trx", header, inner.Size)
	return o.done()
}

// Chunks of Android's sparse image (sparse_format.h of libsparse), little-endian.
const (
	sparseRaw  = 0xcac1
	sparseFill = 0xcac2
	sparseSkip = 0xcac3
	sparseCRC  = 0xcac4
)

func openSparse(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < 28 || le32(b, 0) != 0xed26ff3a || le16(b, 4) != 1 {
		return nil, image.ErrNot
	}
	fileHeader, chunkHeader, block, blocks, chunks := le16(b, 8), le16(b, 10), le32(b, 12), le32(b, 16), le32(b, 20)
	if fileHeader < 28 || fileHeader > int64(len(b)) || chunkHeader < 12 || block == 0 || block%4 != 0 || block > 1<<20 || chunks == 0 ||
		int64(len(b)) < fileHeader+chunkHeader || le16(b, int(fileHeader)) < sparseRaw || le16(b, int(fileHeader)) > sparseCRC {
		return nil, image.ErrNot
	}
	size := block * blocks
	if err := budget.Bytes(size, int64(len(b))); err != nil {
		return nil, err
	}
	out := make([]byte, 0, min(size, int64(len(b))*4))
	o := begin("android-sparse", b, int64(len(b)), 0)
	at := fileHeader
	for i := range chunks {
		if err := budget.Tick(); err != nil {
			return nil, err
		}
		if int64(len(b))-at < chunkHeader {
			o.problem("chunk %d of %d is not there", i, chunks)
			break
		}
		kind, n, total := le16(b, int(at)), le32(b, int(at)+4)*block, le32(b, int(at)+8)
		data := at + chunkHeader
		if total < chunkHeader || total > int64(len(b))-at || n > size-int64(len(out)) {
			o.problem("chunk %d at byte %d cannot be", i, at)
			break
		}
		packed := b[data : at+total]
		switch {
		case kind == sparseRaw && int64(len(packed)) == n:
			out = append(out, packed...)
		case kind == sparseFill && len(packed) == 4:
			out = append(out, bytes.Repeat(packed, int(n/4))...)
		case kind == sparseSkip:
			out = append(out, make([]byte, n)...)
		case kind == sparseCRC && len(packed) == 4:
			o.checksum("CRC-32", int64(crc32.ChecksumIEEE(out)) == le32(packed, 0))
		default:
			o.problem("chunk %d at byte %d is of no known type", i, at)
		}
		at += total
	}
	if int64(len(out)) != size && len(o.problems) == 0 {
		o.problem("%d blocks of %d are there", int64(len(out))/block, blocks)
	}
	if sum := le32(b, 24); sum != 0 && len(o.problems) == 0 {
		o.checksum("CRC-32", int64(crc32.ChecksumIEEE(out)) == sum)
	}
	o.Size = min(at, int64(len(b)))
	o.Unpacked = int64(len(out))
	if len(out) > 0 {
		o.Streams = append(o.Streams, image.Stream{Name: "image", Data: out})
	}
	return o.done()
}

// openAndroidBoot reads boot images of versions 0 to 4 (bootimg.h).
func openAndroidBoot(b []byte, _ *image.Budget) (*image.Part, error) {
	if len(b) < 1648 || string(b[:8]) != "ANDROID!" {
		return nil, image.ErrNot
	}
	version := le32(b, 40)
	if version > 4 { // before it was a version it was the size of the device tree
		version = 0
	}
	page := le32(b, 36)
	type piece struct {
		name string
		size int64
	}
	pieces := []piece{{"kernel", le32(b, 8)}, {"ramdisk", le32(b, 16)}, {"second", le32(b, 24)}}
	release, name, command := le32(b, 44), b[48:64], b[64:576]
	switch {
	case version >= 3:
		page, release, name, command = 4096, le32(b, 16), nil, b[44:1580]
		pieces = []piece{{"kernel", le32(b, 8)}, {"ramdisk", le32(b, 12)}}
		if version == 4 {
			pieces = append(pieces, piece{"signature", le32(b, 1580)})
		}
	case version >= 1:
		pieces = append(pieces, piece{"recovery-dtbo", le32(b, 1632)})
		if version == 2 && len(b) >= 1660 {
			pieces = append(pieces, piece{"dtb", le32(b, 1648)})
		}
	case le32(b, 40) > 4:
		pieces = append(pieces, piece{"dtb", le32(b, 40)})
	}
	if page < 512 || page > 1<<17 || page&(page-1) != 0 || pieces[0].size == 0 || pieces[0].size > 1<<30 {
		return nil, image.ErrNot
	}
	size := page
	for _, p := range pieces {
		size += (p.size + page - 1) / page * page
	}
	o := begin("android-boot", b, min(size, max(size-page+1, int64(len(b)))), page)
	o.Detail("format-version", "%d", version)
	o.text("product", name)
	o.text("command-line", command)
	if release != 0 {
		o.Detail("version", "%d.%d.%d", release>>25, release>>18&127, release>>11&127)
		o.Detail("patch-level", "%d-%02d", 2000+release>>4&127, release&15)
	}
	at, signed := page, false
	for _, p := range pieces {
		if p.name == "signature" {
			signed = p.size > 0
		}
		o.stream(p.name, at, p.size)
		at += (p.size + page - 1) / page * page
	}
	if signed {
		o.Detail("signature", "in the image, not verified")
	} else {
		o.Detail("signature", "none in the image")
	}
	slices.Sort(o.problems)
	return o.done()
}

// openUBNT reads updates of airOS and UniFi (fw.h of mkfwimage): big-endian, parts with a CRC-32
// each, in the end a CRC-32 over all or an RSA signature.
func openUBNT(b []byte, budget *image.Budget) (*image.Part, error) {
	const header, partHeader = 268, 56
	if len(b) < header+partHeader || int64(crc32.ChecksumIEEE(b[:header-8])) != be32(b, header-8) {
		return nil, image.ErrNot
	}
	o := begin("ubnt", b, int64(len(b)), 0)
	o.text("version", b[4:260])
	o.Detail("checksum", "CRC-32 of the header holds")
	at := int64(header)
	for {
		if err := budget.Tick(); err != nil {
			return nil, err
		}
		left := int64(len(b)) - at
		switch {
		case left >= partHeader && (string(b[at:at+4]) == "PART" || string(b[at:at+4]) == "EXEC"):
			size := be32(b, int(at)+48)
			end := at + partHeader + size
			if size > left-partHeader-8 {
				o.problem("a part has %d bytes and %d are left", size, left-partHeader)
				o.stream(cstring(b[at+4:at+20]), at+partHeader, min(size, left-partHeader))
				return o.done()
			}
			name := cstring(b[at+4 : at+20])
			o.checksum("CRC-32 of "+name, int64(crc32.ChecksumIEEE(b[at:end])) == be32(b, int(end)))
			o.stream(name, at+partHeader, size)
			at = end + 8
			continue
		case left >= 12 && string(b[at:at+4]) == "END.":
			o.checksum("CRC-32 of all", int64(crc32.ChecksumIEEE(b[:at])) == be32(b, int(at)+4))
			o.Detail("signature", "none")
			o.Size = at + 12
		case left >= 264 && string(b[at:at+4]) == "ENDS":
			o.Detail("signature", "RSA, 2048 bits, not verified")
			o.Size = at + 264
		default:
			o.problem("it does not end at byte %d", at)
			o.Size = max(at, header)
		}
		return o.done()
	}
}

// openRealtek reads the parts of Realtek's updates (cvimg.c of its kits): big-endian,
// the sum of the words of 16 bits is zero.
func openRealtek(b []byte, _ *image.Budget) (*image.Part, error) {
	const header = 16
	if len(b) < header+4 {
		return nil, image.ErrNot
	}
	size := be32(b, 12)
	if size < 4 || size%2 != 0 || size > int64(len(b)-header) {
		return nil, image.ErrNot
	}
	sum := uint16(0)
	for i := header; i < header+int(size); i += 2 {
		sum += uint16(be16(b, i))
	}
	if sum != 0 || blank(b[header:header+size]) {
		return nil, image.ErrNot
	}
	o := begin("realtek", b, header+size, header)
	o.Detail("type", "%s", b[:4])
	o.Detail("load", "0x%08x", be32(b, 4))
	o.Detail("flash", "0x%08x", be32(b, 8))
	o.Detail("checksum", "sum of 16 bits holds")
	o.Detail("signature", "none")
	name := "kernel"
	if b[1] == 'r' || string(b[:4]) == "csro" {
		name = "rootfs"
	}
	o.stream(name, header, size-2)
	return o.done()
}

// openMark reads the four bytes behind which OpenWrt makes its JFFS2 at the first start: empty
// flash follows, or nothing.
func openMark(b []byte, _ *image.Budget) (*image.Part, error) {
	rest := b[min(4, len(b)):min(len(b), 64)]
	if !bytes.HasPrefix(b, []byte("\xde\xad\xc0\xde")) || len(rest) > 0 && (rest[0] != 0xff || !blank(rest)) {
		return nil, image.ErrNot
	}
	return begin("jffs2-mark", b, 4, 0).done()
}
