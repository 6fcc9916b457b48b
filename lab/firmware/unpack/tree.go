package unpack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"assay/lab/firmware/image"
)

// carveFrom is the least size of a file in an archive that is searched for parts,
// and opaqueFrom the entropy from which such a file is unknown, if nothing is in it.
const (
	carveFrom  = 4 << 10
	opaqueFrom = 7.5
)

var errEnough = errors.New("enough")

// tree looks at the files of a tree.
func (d *dispatcher) tree(h *holder) {
	d.tell(h.part)
	seen := 0
	err := h.part.Tree.Walk(func(path string, n *image.Node) error {
		if n.Kind != image.File {
			return nil
		}
		if err := d.budget.Tick(); err != nil {
			return err
		}
		if seen++; seen%256 == 0 {
			d.tell(h.part)
		}
		data, err := d.data(n)
		if d.ctx.Err() != nil {
			return errEnough
		}
		var sum [sha256.Size]byte
		if err != nil {
			n.Inner = &image.Part{ID: innerID(h, path), Size: n.Size, Format: "file"}
			problem(n.Inner, "%v", err)
		} else {
			sum = sha256.Sum256(data)
			d.file(h, path, n, data)
		}
		if d.o.File != nil {
			d.o.File(h.part, path, n, data, sum, err)
		}
		return nil
	})
	if err != nil && d.ctx.Err() == nil {
		h.part.Tree.Note("%v", err)
	}
	if d.ctx.Err() != nil {
		d.result.Err = context.Cause(d.ctx)
	}
}

// data reads a file, within the bounds and whatever its reader does.
func (d *dispatcher) data(n *image.Node) (b []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("the reader failed: %.300v", r)
			if len(d.result.Panics) < 100 {
				d.result.Panics = append(d.result.Panics, fmt.Sprintf("content of a file: %.300v", r))
			}
		}
	}()
	if n.Size < 0 || n.Size > d.o.Bounds.Bytes-d.read {
		return nil, fmt.Errorf("%w: %d bytes of files", image.ErrBounds, d.o.Bounds.Bytes)
	}
	if n.Size > image.MaxStream {
		return nil, fmt.Errorf("%w: a file of %d bytes, and %d is the most", image.ErrBounds, n.Size, image.MaxStream)
	}
	d.read += n.Size
	return n.Data()
}

// innerID is the id of what the content of a file is.
func innerID(h *holder, path string) string {
	if len(path) > maxPath {
		path = fmt.Sprintf("%s…%x", strings.ToValidUTF8(path[:maxPath/2], ""), sha256.Sum256([]byte(path)))
	}
	return h.part.ID + ":" + path
}

// file finds out whether the content of a file is an archive or an image in turn.
func (d *dispatcher) file(h *holder, path string, n *image.Node, data []byte) {
	if len(data) < 16 || bytes.HasPrefix(data, []byte("\x7fELF")) {
		return
	}
	carve := h.carve && len(data) >= carveFrom
	if !carve && len(d.match.begins(d.formats, data, false)) == 0 {
		return
	}
	if err := d.budget.Depth(h.depth); err != nil {
		h.part.Tree.Note("%s is not opened: %v", path, err)
		return
	}
	id := innerID(h, path)
	r := region{id: id + "/", depth: h.depth, carve: carve}
	if !carve {
		r.file = n.Name
	}
	parts := d.region(data, r)
	switch {
	case len(parts) == 1 && (recognized(parts) || carve && parts[0].Entropy >= opaqueFrom && !familiar(data)):
		n.Inner = parts[0]
	case carve && recognized(parts), !carve && main(parts, int64(len(data))):
		n.Inner = &image.Part{ID: id, Size: int64(len(data)), Format: "parts", State: image.Understood, Parts: parts}
	}
}

// recognized reports whether any of the parts has a format.
func recognized(parts []*image.Part) bool {
	for _, p := range parts {
		if p.State == image.Understood || p.State == image.Damaged {
			return true
		}
	}
	return false
}

// main reports whether the parts with a format are most of a file.
func main(parts []*image.Part, size int64) bool {
	n := int64(0)
	for _, p := range parts {
		if p.State != image.Unknown {
			n += p.Size
		}
	}
	return recognized(parts) && n > size/2
}

// familiar are beginnings of files of high entropy in which nothing runs.
func familiar(b []byte) bool {
	for _, begin := range []string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF8", "%PDF-", "OggS", "ID3", "wOFF", "wOF2", "RIFF"} {
		if bytes.HasPrefix(b, []byte(begin)) {
			return true
		}
	}
	return len(b) > 12 && string(b[4:8]) == "ftyp"
}

// single is the tree of what a packed file unpacks to: one file with the name
// that is left without the packer's ending.
func single(name string, data []byte) *image.Tree {
	t := image.NewTree()
	if short, ending, ok := cutLast(name, "."); ok && short != "" && len(ending) <= 5 {
		if ending == "tgz" || ending == "txz" {
			short += ".tar"
		}
		name = short
	}
	if image.CheckName(name) != nil {
		name = "data"
	}
	t.Root.Children = []*image.Node{{Name: name, Kind: image.File, Perm: 0o644, Size: int64(len(data)), Open: func() ([]byte, error) { return data, nil }}}
	return t
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
