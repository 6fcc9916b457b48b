// Package inspect is the pass over the files of an image: each is unpacked once
// and shown to every inspector.
package inspect

import (
	"bytes"
	"sync"
	"unicode/utf8"

	"assay/lab/firmware/binary"
	"assay/lab/firmware/image"
)

// System is one tree of the image with the name that places carry.
type System struct {
	Part string // id of the part that holds the tree
	Tree *image.Tree
	// Root says that it looks like the root of a system (/etc and one of /bin, /sbin,
	// /lib, /usr), not like an archive of data.
	Root bool
}

// File is one regular file, as it is shown to the inspectors.
type File struct {
	System *System
	Path   string // absolute in the tree
	Node   *image.Node
	Data   []byte // not to be kept or changed
	SHA256 [32]byte

	elf  func() *binary.File
	text func() bool
}

// NewFile makes a file to be shown.
func NewFile(s *System, path string, n *image.Node, data []byte, sha256 [32]byte) *File {
	return &File{
		System: s, Path: path, Node: n, Data: data, SHA256: sha256,
		elf: sync.OnceValue(func() *binary.File {
			if !bytes.HasPrefix(data, []byte("\x7fELF")) {
				return nil
			}
			f, err := binary.Read(data)
			if err != nil {
				return nil
			}
			return f
		}),
		text: sync.OnceValue(func() bool { return isText(data) }),
	}
}

// ELF is the file as a program or library, nil where it is none.
func (f *File) ELF() *binary.File { return f.elf() }

// Text reports whether the file reads as text: UTF-8 or Latin letters, without
// control characters that no text has.
func (f *File) Text() bool { return f.text() }

// textSample is how much of a file is looked at.
const textSample = 64 << 10

func isText(b []byte) bool {
	if len(b) > textSample {
		b = b[:textSample]
		for range utf8.UTFMax - 1 { // not in the middle of a character
			if r, _ := utf8.DecodeLastRune(b); r != utf8.RuneError {
				break
			}
			b = b[:len(b)-1]
		}
	}
	odd := 0
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1b {
			return false
		}
		if c >= 0x80 {
			odd++
		}
	}
	return len(b) > 0 && (odd*10 < len(b)*3 || utf8.Valid(b))
}

// Inspector looks at the files of an image. Every one has, besides, a
// method Result of its own type, which is called once after Done.
type Inspector interface {
	// File is called for each regular file of all systems, in the order of
	// image.Tree.Walk; what it wants of the data it copies.
	File(f *File)
	// Done is called in the end with all systems and all parts, for what depends on
	// links, directories, modes, and on what stands outside of trees (kernels, boot loaders).
	Done(systems []*System, parts []*image.Part)
}
