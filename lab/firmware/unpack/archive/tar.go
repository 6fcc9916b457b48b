package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"

	"assay/lab/firmware/image"
)

// tarMagic finds the forms since POSIX.1-1988 by their magic, and the one of the
// seventh edition by a mode that it has for files and directories.
var tarMagic = append([]image.Magic{{Offset: 257, Bytes: "ustar"}}, v7Modes()...)

func v7Modes() (all []image.Magic) {
	for _, mode := range []string{"0000644\x00", "0000755\x00", "0100644\x00", "0100755\x00", "0040755\x00", "000644 \x00", "000755 \x00", "100644 \x00", "100755 \x00", "040755 \x00", "   644 \x00", "   755 \x00"} {
		all = append(all, image.Magic{Offset: 100, Bytes: mode})
	}
	return all
}

const tarBlock = 512

// tarSum tells whether a block is a header: its sum is right, counted with or
// without signs.
func tarSum(h []byte) bool {
	if len(h) < tarBlock {
		return false
	}
	var want int64
	digits := strings.Trim(string(h[148:156]), " \x00")
	for _, c := range digits {
		if c < '0' || c > '7' {
			return false
		}
		want = want*8 + int64(c-'0')
	}
	var unsigned, signed int64
	for i, c := range h[:tarBlock] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	return digits != "" && (want == unsigned || want == signed)
}

func openTar(b []byte, budget *image.Budget) (*image.Part, error) {
	if !tarSum(b) || b[0] == 0 {
		return nil, image.ErrNot
	}
	version := "v7"
	switch {
	case bytes.HasPrefix(b[257:], []byte("ustar\x00")):
		version = "ustar"
	case bytes.HasPrefix(b[257:], []byte("ustar ")):
		version = "gnu"
	}
	t := newBuilder(budget)
	end, pax, err := t.tar(b)
	if pax && version == "ustar" {
		version = "pax"
	}
	p, err := t.part("tar", end, err)
	if p != nil {
		p.Detail("version", "%s", version)
		tarProduct(p)
	}
	return p, err
}

// tar reads the entries; end is behind the last block of zeros.
func (t *builder) tar(b []byte) (end int, pax bool, err error) {
	in := bytes.NewReader(b)
	r := tar.NewReader(in)
	var links []hardLink
	defer func() {
		if e := t.tarLinks(links); e != nil {
			err = e
		}
	}()
	for start := 0; ; {
		if err := t.budget.Tick(); err != nil {
			return start, pax, err
		}
		block := b[min(start, len(b)):min(start+tarBlock, len(b))]
		switch {
		case len(block) == 0 || zero(block):
			return tarTail(b, start), pax, nil
		case !tarSum(block):
			return start, pax, broken(start, "no header of an entry")
		}
		h, err := r.Next()
		if err != nil {
			return min(start+tarBlock, len(b)), pax, broken(start, "the header of an entry cannot be read (%v)", err)
		}
		pax = pax || len(h.PAXRecords) > 0
		data := len(b) - in.Len()
		n := tarNode(h)
		stored := int64(0)
		switch n.Kind {
		case "", image.File:
			stored = h.Size
		case image.Symlink:
			t.target(h.Name, n, h.Linkname)
		}
		switch {
		case h.Typeflag == tar.TypeLink:
			links, stored = append(links, hardLink{h.Name, h.Linkname}), 0
		case h.Typeflag == tar.TypeXGlobalHeader:
			stored = 0
		case n.Kind == "":
			t.tree.Note("left out: %.80q is of the type %q", h.Name, h.Typeflag)
		}
		sparse := sparseFile(h)
		if !sparse && (stored < 0 || stored > int64(len(b)-data)) {
			return len(b), pax, broken(data, "the content of %.80q has %d bytes and %d are left", h.Name, stored, len(b)-data)
		}
		next := data + int(stored)
		switch {
		case n.Kind == image.File && sparse:
			if next, err = t.sparse(b, start, r, in, h, n); err != nil {
				return len(b), pax, err
			}
		case n.Kind == image.File:
			if err := t.content(n, b[data:next]); err != nil {
				return start, pax, err
			}
		}
		if n.Kind != "" {
			if err := t.put(h.Name, n); err != nil {
				return start, pax, err
			}
		}
		start = next + pad(next, tarBlock)
	}
}

func tarNode(h *tar.Header) *image.Node {
	n := &image.Node{Perm: uint32(h.Mode) & modePerm, UID: uint32(h.Uid), GID: uint32(h.Gid), Time: h.ModTime.Unix()}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		n.Kind = image.File
	case tar.TypeDir:
		n.Kind = image.Dir
	case tar.TypeSymlink:
		n.Kind = image.Symlink
	case tar.TypeFifo:
		n.Kind = image.FIFO
	case tar.TypeChar:
		n.Kind, n.Major, n.Minor = image.Char, uint32(h.Devmajor), uint32(h.Devminor)
	case tar.TypeBlock:
		n.Kind, n.Major, n.Minor = image.Block, uint32(h.Devmajor), uint32(h.Devminor)
	}
	return n
}

// sparseFile says whether holes of the file are not stored.
func sparseFile(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// sparse charges a file with holes, and reads over it; next is behind what is stored of it.
// Its content is read again from its headers on.
func (t *builder) sparse(b []byte, start int, r *tar.Reader, in *bytes.Reader, h *tar.Header, n *image.Node) (next int, err error) {
	packed := int64(len(b) - start)
	if err := t.budget.Bytes(h.Size, packed); err != nil {
		return 0, err
	}
	n.Size = h.Size
	if _, err := io.Copy(io.Discard, r); err != nil {
		return 0, broken(start, "the file %.80q with holes cannot be read (%v)", h.Name, err)
	}
	n.Open = func() ([]byte, error) {
		again := tar.NewReader(bytes.NewReader(b[start:]))
		h, err := again.Next()
		if err != nil {
			return nil, err
		}
		data := make([]byte, n.Size)
		if h.Size != n.Size {
			return nil, fmt.Errorf("%d bytes at one time and %d at another", n.Size, h.Size)
		}
		_, err = io.ReadFull(again, data)
		return data, err
	}
	return len(b) - in.Len(), nil
}

// hardLink is another name of a file that stands before.
type hardLink struct{ path, of string }

// tarLinks makes files of hard links. What they link to is looked for in the tree,
// and no symlink is followed.
func (t *builder) tarLinks(links []hardLink) error {
	for _, l := range links {
		old := t.at(l.of)
		switch {
		case old == nil:
			t.tree.Note("left out: %.80q links to %.80q, which is not in the archive", l.path, l.of)
			continue
		case old.Kind == image.Dir:
			t.tree.Note("left out: %.80q links to %.80q, a directory", l.path, l.of)
			continue
		}
		n := *old
		if err := t.budget.Bytes(n.Size, 0); err != nil {
			return err
		}
		if err := t.put(l.path, &n); err != nil {
			return err
		}
	}
	return nil
}

// at is the node of a path as it was put, nil where there is none.
func (t *builder) at(path string) *image.Node {
	n := t.tree.Root
	for e := range strings.SplitSeq(path, "/") {
		if e == "" || e == "." {
			continue
		}
		if n = n.Child(e); n == nil {
			return nil
		}
	}
	return n
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// tarTail is where the blocks of zeros end, which go up to a whole record of 20 blocks
// (tar of POSIX.1-1988 and GNU).
func tarTail(b []byte, start int) int {
	const record = 20 * tarBlock
	start = min(start, len(b))
	end := min(start+record, len(b))
	n := start
	for n < end && b[n] == 0 {
		n++
	}
	if n < len(b) { // something follows
		n -= (n - start) % tarBlock
		if limit := start + pad(start, record); n > limit && limit >= start+2*tarBlock {
			n = limit
		}
	}
	return n
}

// tarProduct says what an update in the form of OpenWrt's sysupgrade is for: a
// directory sysupgrade-BOARD with CONTROL, kernel and root.
func tarProduct(p *image.Part) {
	if p.Tree == nil {
		return
	}
	for _, c := range p.Tree.Root.Children {
		board, ok := strings.CutPrefix(c.Name, "sysupgrade-")
		if !ok || c.Kind != image.Dir {
			continue
		}
		if control := c.Child("CONTROL"); control != nil && control.Kind == image.File && control.Size < 4096 {
			if text, err := control.Data(); err == nil {
				for line := range strings.Lines(string(text)) {
					if b, ok := strings.CutPrefix(strings.TrimSpace(line), "BOARD="); ok {
						board = b
					}
				}
			}
		}
		p.Detail("product", "%s", board)
		return
	}
	if r := p.Tree.Root; r.Child("debian-binary") != nil && r.Child("control.tar.gz") != nil && r.Child("data.tar.gz") != nil {
		p.Detail("package", "ipk")
	}
}
