package wrapper

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"assay/lab/firmware/image"
)

// Tokens of a flattened device tree (Devicetree Specification 0.4, 5.4.1).
const (
	fdtBegin = 1
	fdtEnd   = 2
	fdtProp  = 3
	fdtNop   = 4
	fdtLast  = 9
)

const (
	fdtHeader   = 40
	fdtMaxDepth = 32
	fdtMaxNodes = 100_000
)

// fdtNode is a node with its properties in their order.
type fdtNode struct {
	name     string
	props    []fdtProperty
	children []*fdtNode
}

type fdtProperty struct {
	name string
	at   int64 // of the value, in the file
	data []byte
}

func (n *fdtNode) child(name string) *fdtNode {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (n *fdtNode) prop(name string) *fdtProperty {
	for i := range n.props {
		if n.props[i].name == name {
			return &n.props[i]
		}
	}
	return nil
}

// text is a string, or a list of them.
func (n *fdtNode) text(name string) string {
	p := n.prop(name)
	if p == nil {
		return ""
	}
	var all []string
	for s := range bytes.SplitSeq(bytes.TrimRight(p.data, "\x00"), []byte{0}) {
		if t := cstring(s); t != "" {
			all = append(all, t)
		}
	}
	return strings.Join(all, ", ")
}

// cell is a number of one cell, or of two.
func (n *fdtNode) cell(name string) (v int64, ok bool) {
	switch p := n.prop(name); {
	case p == nil:
	case len(p.data) == 4:
		return be32(p.data, 0), true
	case len(p.data) == 8:
		return int64(binary.BigEndian.Uint64(p.data)), true
	}
	return 0, false
}

var errFDT = errors.New("the device tree cannot be read")

// parseFDT reads the structure block. The bounds of the blocks were checked.
func parseFDT(b []byte, at, end, strings, stringsEnd int, budget *image.Budget) (*fdtNode, error) {
	top := &fdtNode{}
	stack := []*fdtNode{top}
	nodes := 0
	for {
		if err := budget.Tick(); err != nil {
			return nil, err
		}
		if at+4 > end {
			return top, fmt.Errorf("%w: it does not end", errFDT)
		}
		token := binary.BigEndian.Uint32(b[at:])
		at += 4
		n := stack[len(stack)-1]
		switch token {
		case fdtBegin:
			i := bytes.IndexByte(b[at:min(end, at+1024)], 0)
			if nodes++; i < 0 || len(stack) > fdtMaxDepth || nodes > fdtMaxNodes {
				return top, fmt.Errorf("%w: a node at byte %d", errFDT, at)
			}
			c := &fdtNode{name: string(b[at : at+i])}
			n.children = append(n.children, c)
			stack = append(stack, c)
			at += (i + 4) &^ 3
		case fdtEnd:
			if len(stack) == 1 {
				return top, fmt.Errorf("%w: an end without a beginning at byte %d", errFDT, at)
			}
			stack = stack[:len(stack)-1]
		case fdtProp:
			if at+8 > end || len(stack) == 1 {
				return top, fmt.Errorf("%w: a property at byte %d", errFDT, at)
			}
			size, name := be32(b, at), int(be32(b, at+4))+strings
			at += 8
			if size > int64(end-at) || name >= stringsEnd {
				return top, fmt.Errorf("%w: a property at byte %d", errFDT, at)
			}
			n.props = append(n.props, fdtProperty{cstring(b[name:min(stringsEnd, name+128)]), int64(at), b[at : at+int(size)]})
			at += (int(size) + 3) &^ 3
		case fdtNop:
		case fdtLast:
			if len(stack) != 1 || len(top.children) != 1 {
				return top, fmt.Errorf("%w: it ends in the middle", errFDT)
			}
			return top.children[0], nil
		default:
			return top, fmt.Errorf("%w: no token at byte %d", errFDT, at-4)
		}
	}
}

// openFDT reads a flattened device tree; one with images is the Flattened Image Tree of
// U-Boot (doc/usage/fit/source_file_format).
func openFDT(b []byte, budget *image.Budget) (*image.Part, error) {
	if len(b) < fdtHeader || be32(b, 0) != 0xd00dfeed {
		return nil, image.ErrNot
	}
	total, structAt, stringsAt := be32(b, 4), be32(b, 8), be32(b, 12)
	version, compatible := be32(b, 20), be32(b, 24)
	stringsSize, structSize := be32(b, 32), be32(b, 36)
	if version == 16 { // has no size of the structure
		structSize = total - structAt
	}
	if total < fdtHeader || total > 1<<30 || version < 16 || version > 64 || compatible > 17 || structAt < fdtHeader-4 || structAt%4 != 0 ||
		structAt+structSize > total || stringsAt+stringsSize > total {
		return nil, image.ErrNot
	}
	o := begin("fdt", b, total, 0)
	if structAt >= o.Size {
		return nil, image.ErrNot
	}
	root, err := parseFDT(b, int(structAt), int(min(structAt+structSize, o.Size)), int(min(stringsAt, o.Size)), int(min(stringsAt+stringsSize, o.Size)), budget)
	if err != nil {
		if !errors.Is(err, errFDT) {
			return nil, err
		}
		if len(root.children) == 0 {
			return nil, image.ErrNot
		}
		o.problem("%v", err)
		root = root.children[0]
	}
	o.Detail("version", "%d", version)
	for _, name := range []string{"model", "compatible", "description"} {
		if s := root.text(name); s != "" {
			o.Detail(fdtDetail[name], "%s", s)
		}
	}
	if s := root.child("signature"); s != nil { // of a boot loader: what it holds images to
		o.keys(s)
	}
	if images := root.child("images"); images != nil {
		o.fit(root, images, total)
	}
	return o.done()
}

var fdtDetail = map[string]string{"model": "model", "compatible": "product", "description": "name"}

// keys are the public keys in a boot loader's own device tree, and what has to be
// signed with each.
func (o *opened) keys(n *fdtNode) {
	for _, k := range n.children {
		required := k.text("required")
		if required == "" {
			required = "not required"
		} else {
			required = "required for " + required
		}
		o.Detail("key", "%s, %s, %s", cstring([]byte(k.name)), k.text("algo"), required)
	}
}

// fit reads the images: their data stand in the tree, or behind it.
func (o *opened) fit(root, images *fdtNode, total int64) {
	o.Format = "fit"
	o.header = min(total, o.Size)
	if t, ok := root.cell("timestamp"); ok {
		o.Detail("created", "%s", time.Unix(t, 0).UTC().Format("2006-01-02T15:04:05Z"))
	}
	size := int64(len(o.b))
	external := (total + 3) &^ 3
	// What stands behind the tree belongs to it.
	end := o.Size
	for _, n := range images.children {
		if at, n, ok := fitExternal(n, external); ok && n > 0 && at >= 0 && at+n > at {
			end = max(end, at+n)
		}
	}
	if o.Size = end; end > size {
		o.problem("it has %d bytes with its data and %d are left", end, size)
		o.Size = size
	}
	signed := 0
	for _, n := range images.children {
		name := cstring([]byte(n.name))
		var about []string
		for _, p := range []string{"type", "arch", "os", "compression", "description"} {
			if s := n.text(p); s != "" {
				about = append(about, p+" "+s)
			}
		}
		for _, p := range []string{"load", "entry"} {
			if v, ok := n.cell(p); ok {
				about = append(about, fmt.Sprintf("%s 0x%x", p, v))
			}
		}
		o.Detail("image", "%s: %s", name, strings.Join(about, ", "))
		var data []byte
		if at, size, ok := fitExternal(n, external); ok {
			o.stream(name, at, size)
			if at >= 0 && size >= 0 && at <= o.Size && size <= o.Size-at {
				data = o.b[at : at+size]
			}
		} else if p := n.prop("data"); p != nil {
			o.stream(name, p.at, int64(len(p.data)))
			data = p.data
		} else {
			o.problem("the image %s has no data", name)
		}
		for _, c := range n.children {
			switch {
			case strings.HasPrefix(c.name, "hash"):
				o.hash(name, c, data)
			case strings.HasPrefix(c.name, "signature"):
				signed++
				o.signed(name, c)
			}
		}
	}
	if c := root.child("configurations"); c != nil {
		if s := c.text("default"); s != "" {
			o.Detail("default", "%s", s)
		}
		for _, conf := range c.children {
			for _, s := range conf.children {
				if strings.HasPrefix(s.name, "signature") {
					signed++
					o.signed(cstring([]byte(conf.name)), s)
				}
			}
		}
	}
	if signed == 0 {
		o.Detail("signature", "none")
	}
}

// fitExternal says where data stand that are not in the tree.
func fitExternal(n *fdtNode, base int64) (at, size int64, ok bool) {
	size, sized := n.cell("data-size")
	if at, ok := n.cell("data-position"); ok && sized {
		return at, size, true
	}
	if at, ok := n.cell("data-offset"); ok && sized {
		return base + at, size, true
	}
	return 0, 0, false
}

// hash checks the hash of an image.
func (o *opened) hash(name string, n *fdtNode, data []byte) {
	algo, value := n.text("algo"), n.prop("value")
	if value == nil || data == nil {
		o.Detail("checksum", "%s of %s is not there", algo, name)
		return
	}
	var sum []byte
	switch algo {
	case "crc32":
		sum = binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data))
	case "md5":
		s := md5.Sum(data)
		sum = s[:]
	case "sha1":
		s := sha1.Sum(data)
		sum = s[:]
	case "sha256":
		s := sha256.Sum256(data)
		sum = s[:]
	case "sha384":
		s := sha512.Sum384(data)
		sum = s[:]
	case "sha512":
		s := sha512.Sum512(data)
		sum = s[:]
	default:
		o.Detail("checksum", "%s of %s is not checked", algo, name)
		return
	}
	o.checksum(algo+" of "+name, slices.Equal(sum, value.data))
}

// signed says what is signed and by which key. Whether the signature holds is for
// whoever has the key.
func (o *opened) signed(name string, n *fdtNode) {
	key := n.text("key-name-hint")
	if key == "" {
		key = "without a name"
	}
	value := n.prop("value")
	if value == nil || len(value.data) == 0 {
		o.Detail("signature", "%s: prepared for %s with the key %s, and not signed", name, n.text("algo"), key)
		return
	}
	what := ""
	if s := n.text("sign-images"); s != "" {
		what = " over " + s
	}
	o.Detail("signature", "%s: %s with the key %s%s, not verified", name, n.text("algo"), key, what)
}
