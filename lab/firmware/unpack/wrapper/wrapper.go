// Package wrapper reads what vendors put around the parts of a firmware image: it
// gives the parts, and says whether checksums hold, what is signed and by which
// key, and for which product and version an update is.
//
// The layouts are facts that U-Boot (image.h, doc/usage/fit), the device tree
// specification, Android (libsparse, bootimg.h), Linux (bcm963xx_tag.h) and the
// writers of OpenWrt's firmware-utils document.
package wrapper

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"assay/lab/firmware/image"
)

// Formats are the readers of this package.
var Formats = []image.Format{
	{Name: "uimage", Magic: []image.Magic{{Bytes: "\x27\x05\x19\x56"}}, Open: openUImage},
	{Name: "fdt", Magic: []image.Magic{{Bytes: "\xd0\x0d\xfe\xed"}}, Open: openFDT},
	{Name: "android-sparse", Magic: []image.Magic{{Bytes: "\x3a\xff\x26\xed\x01\x00"}}, Open: openSparse},
	{Name: "android-boot", Magic: []image.Magic{{Bytes: "ANDROID!"}}, Open: openAndroidBoot},
	{Name: "trx", Magic: []image.Magic{{Bytes: "HDR0"}}, Open: openTRX},
	{Name: "tplink-v1", Magic: []image.Magic{
		{Bytes: "\x01\x00\x00\x00TP-LINK"}, {Bytes: "\x01\x00\x00\x00TP-Link"}, {Bytes: "\x01\x00\x00\x00OpenWrt"}, {Bytes: "\x01\x00\x00\x00LEDE"},
	}, Open: openTPLink1},
	{Name: "tplink-v1", Magic: []image.Magic{{Bytes: "\x01\x00\x00\x00"}}, Open: openTPLink1}, // of any other vendor
	{Name: "tplink-v2", Magic: []image.Magic{{Offset: 0x8c, Bytes: "\x55\xaa"}}, Open: openTPLink2},
	{Name: "tplink-safeloader", Magic: []image.Magic{{Offset: 0x1014, Bytes: "fwup-ptn "}}, Open: openSafeloader},
	{Name: "ubnt", Magic: []image.Magic{{Bytes: "UBNT"}, {Bytes: "OPEN"}, {Bytes: "GEOS"}}, Open: openUBNT},
	{Name: "realtek", Magic: []image.Magic{{Bytes: "cs6c"}, {Bytes: "cr6c"}, {Bytes: "cs6b"}, {Bytes: "cr6b"}, {Bytes: "csys"}, {Bytes: "csro"}}, Open: openRealtek},
	{Name: "jffs2-mark", Magic: []image.Magic{{Bytes: "\xde\xad\xc0\xde"}}, Open: openMark},
	{Name: "seama", Magic: []image.Magic{{Bytes: "\x5e\xa3\xa4\x17"}}, Open: openSeama},
	{Name: "shrs", Magic: []image.Magic{{Bytes: "SHRS"}}, Open: openSHRS},
	{Name: "chk", Magic: []image.Magic{{Bytes: "*#$^\x00\x00\x00"}}, Open: openCHK},
	{Name: "imagetag", Magic: []image.Magic{{Offset: 4, Bytes: "Broadcom Corporatio"}}, Open: openImageTag},
	{Name: "hdr1", Magic: []image.Magic{{Bytes: "HDR1"}}, Open: openHDR1},
	{Name: "addpattern", Magic: []image.Magic{{Offset: 14, Bytes: "U2ND"}}, Open: openAddPattern},
	{Name: "fwtool", Magic: []image.Magic{{Bytes: "\x00\x00\x00\x00\x00\x00\x00\x00{"}}, Open: openFwtool},
}

// opened is a part that is being read.
type opened struct {
	*image.Part
	b        []byte
	problems []string
	header   int64 // bytes that are the wrapper's own at its beginning; 0: what no stream has is the wrapper's own
}

// begin makes a part of size bytes; where fewer are left it is cut.
func begin(format string, b []byte, size, header int64) *opened {
	o := &opened{Part: &image.Part{Format: format, Size: size}, b: b, header: header}
	if size > int64(len(b)) || size < 0 {
		o.problem("it has %d bytes and %d are left", size, len(b))
		o.Size = int64(len(b))
	}
	return o
}

func (o *opened) problem(format string, a ...any) {
	if len(o.problems) < 10 {
		o.problems = append(o.problems, fmt.Sprintf(format, a...))
	}
}

// stream adds bytes of the part; what stands outside of it or over another
// stream is a problem.
func (o *opened) stream(name string, at, size int64) {
	switch {
	case size == 0:
		return
	case at < 0 || size < 0 || at > o.Size:
		o.problem("%s stands at byte %d and has %d bytes, outside of the %d", name, at, size, o.Size)
		return
	case size > o.Size-at:
		if len(o.problems) == 0 {
			o.problem("%s stands at byte %d, has %d bytes and %d are left", name, at, size, o.Size-at)
		}
		if size = o.Size - at; size == 0 {
			return
		}
	}
	for _, s := range o.Streams {
		if s.Size > 0 && at < s.Offset+s.Size && s.Offset < at+size {
			o.problem("%s stands over %s", name, s.Name)
			return
		}
	}
	o.Streams = append(o.Streams, image.Stream{Name: name, Offset: at, Size: size, Data: o.b[at : at+size : at+size]})
}

// text adds a property if there is something in it: up to the first NUL, one line.
func (o *opened) text(name string, field []byte) {
	if s := cstring(field); s != "" {
		o.Detail(name, "%s", s)
	}
}

// checksum says whether a checksum holds.
func (o *opened) checksum(what string, holds bool) {
	if holds {
		o.Detail("checksum", "%s holds", what)
		return
	}
	o.Detail("checksum", "%s does not hold", what)
	o.problem("%s does not hold", what)
}

// done ends the reading. Bytes between the streams, and behind them, are to be looked
// at, too.
func (o *opened) done() (*image.Part, error) {
	var in []image.Stream
	for _, s := range o.Streams {
		if s.Size > 0 {
			in = append(in, s)
		}
	}
	slices.SortFunc(in, func(a, b image.Stream) int { return int(a.Offset - b.Offset) })
	at := o.header
	for _, s := range append(in, image.Stream{Offset: o.Size}) {
		if s.Offset-at >= 4 && o.header > 0 && !blank(o.b[at:s.Offset]) {
			o.Streams = append(o.Streams, image.Stream{Name: "rest", Offset: at, Size: s.Offset - at, Data: o.b[at:s.Offset:s.Offset]})
		}
		at = max(at, s.Offset+s.Size)
	}
	slices.SortStableFunc(o.Streams, func(a, b image.Stream) int { return int(a.Offset - b.Offset) })
	o.State = image.Understood
	if len(o.problems) > 0 {
		o.State, o.Problem = image.Damaged, strings.Join(o.problems, "; ")
	}
	return o.Part, nil
}

// blank says whether all bytes are one value.
func blank(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

// cstring is a field's text up to its NUL, without what is not printable.
func cstring(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if !utf8.Valid(b) {
		return ""
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, string(b)))
}

// printable says whether a field is text up to its NUL, and zeros or 0xff behind.
func printable(b []byte) bool {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		i = len(b)
	}
	for _, c := range b[:i] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	for _, c := range b[i:] {
		if c != 0 && c != 0xff {
			return false
		}
	}
	return true
}

func be32(b []byte, at int) int64 { return int64(binary.BigEndian.Uint32(b[at:])) }
func le32(b []byte, at int) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
func be16(b []byte, at int) int64 { return int64(binary.BigEndian.Uint16(b[at:])) }
func le16(b []byte, at int) int64 { return int64(binary.LittleEndian.Uint16(b[at:])) }
