package wrapper

import (
	"bytes"
	"encoding/json"
	"strings"

	"assay/lab/firmware/image"
)

// What OpenWrt's fwtool adds behind an image: a header of eight zeros, then JSON or a
// signature, then a trailer (fwimage.h): magic, CRC-32, type, three zeros, and the size of all of it.
const (
	fwtoolMagic     = "FWx0"
	fwtoolHeader    = 8
	fwtoolTrailer   = 16
	fwtoolSignature = 0
	fwtoolInfo      = 1
)

// fwtoolMeta is the JSON.
type fwtoolMeta struct {
	MetadataVersion   string   `json:"metadata_version"`
	CompatVersion     string   `json:"compat_version"`
	CompatMessage     string   `json:"compat_message"`
	SupportedDevices  []string `json:"supported_devices"`
	NewSupportedNames []string `json:"new_supported_devices"`
	Version           struct {
		Dist     string `json:"dist"`
		Version  string `json:"version"`
		Revision string `json:"revision"`
		Target   string `json:"target"`
		Board    string `json:"board"`
	} `json:"version"`
}

func openFwtool(b []byte, _ *image.Budget) (*image.Part, error) {
	if len(b) < fwtoolHeader+2+fwtoolTrailer || !bytes.HasPrefix(b, []byte("\x00\x00\x00\x00\x00\x00\x00\x00{")) {
		return nil, image.ErrNot
	}
	end := fwtoolBlock(b, fwtoolInfo)
	if end < 0 {
		return nil, image.ErrNot
	}
	var meta fwtoolMeta
	text := bytes.TrimRight(b[fwtoolHeader:end-fwtoolTrailer], "\x00")
	if json.Unmarshal(text, &meta) != nil || meta.MetadataVersion == "" && len(meta.SupportedDevices) == 0 {
		return nil, image.ErrNot
	}
	signature := 0
	if end < len(b) {
		if n := fwtoolBlock(b[end:], fwtoolSignature); n > 0 {
			signature = n
		}
	}
	o := begin("fwtool", b, int64(end+signature), 0)
	add := func(name, value string) { o.text(name, []byte(value)) }
	add("format-version", meta.MetadataVersion)
	add("compatibility", meta.CompatVersion)
	add("note", meta.CompatMessage)
	for i, d := range append(meta.SupportedDevices, meta.NewSupportedNames...) {
		if i < 20 {
			add("product", d)
		}
	}
	v := meta.Version
	add("version", strings.TrimSpace(v.Dist+" "+v.Version+" "+v.Revision))
	add("target", v.Target)
	add("board", v.Board)
	o.Detail("checksum", "CRC-32 over the image before it: not checked")
	if signature > 0 {
		kind := "of an unknown form"
		data := b[end+fwtoolHeader : end+signature-fwtoolTrailer]
		switch {
		case bytes.Contains(data, []byte("untrusted comment:")):
			kind = "ucert with usign (Ed25519)"
		case len(data) >= 8:
			kind = "ucert"
		}
		o.Detail("signature", "%s, %d bytes, not verified", kind, len(data))
	} else {
		o.Detail("signature", "none")
	}
	return o.done()
}

// fwtoolBlock is where a block that begins at b[0] ends; -1: there is none.
func fwtoolBlock(b []byte, kind byte) int {
	const most = 1 << 20
	for at := fwtoolHeader; at+fwtoolTrailer <= len(b) && at < most; {
		i := bytes.Index(b[at:min(len(b), most)], []byte(fwtoolMagic))
		if i < 0 {
			return -1
		}
		at += i
		if end := at + fwtoolTrailer; end <= len(b) && b[at+8] == kind && b[at+9]|b[at+10]|b[at+11] == 0 && be32(b, at+12) == int64(end) {
			return end
		}
		at++
	}
	return -1
}

// withoutFwtool is where an image ends to which blocks were added.
func withoutFwtool(b []byte) int {
	end := len(b)
	for range 2 {
		at := end - fwtoolTrailer
		if at < 0 || string(b[at:at+4]) != fwtoolMagic {
			break
		}
		n := be32(b, at+12)
		if n < fwtoolHeader+fwtoolTrailer || n > int64(end) {
			break
		}
		end -= int(n)
	}
	return end
}
