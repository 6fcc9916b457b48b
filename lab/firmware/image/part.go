package image

import "fmt"

// State says how far a part was understood.
type State string

// States of parts.
const (
	Understood State = "understood" // read to its end
	Damaged    State = "damaged"    // recognized, and not all of it could be read
	Padding    State = "padding"    // one byte again and again
	Unknown    State = "unknown"    // nobody here knows what it is
)

// Part is a stretch of bytes in the image, or in what another part contained.
type Part struct {
	ID       string  `json:"id"`     // unique in the image, from the offsets: "0x20000", "0x20000/data/0x40"
	Offset   int64   `json:"offset"` // in its parent's bytes
	Size     int64   `json:"size"`   // bytes that it takes there
	Format   string  `json:"format"` // squashfs, uimage, gzip, …; padding, unknown
	State    State   `json:"state"`
	Problem  string  `json:"problem,omitempty"`  // of a damaged part: what is wrong, and where
	Entropy  float64 `json:"entropy,omitempty"`  // of an unknown part: bits per byte, 0 to 8
	Unpacked int64   `json:"unpacked,omitempty"` // bytes that came out of it
	From     string  `json:"from,omitempty"`     // name of its parent's stream that it stands in
	Out      bool    `json:"out,omitempty"`      // Offset is in the stream, which came out of unpacking
	// Weight is how many bytes of the whole image it stands for: Size, or its share of
	// what was packed. The weights of an image's parts add up to its size.
	Weight  int64      `json:"weight"`
	Details []Property `json:"details,omitempty"` // version, compression, name, load address, signature, …
	Parts   []*Part    `json:"parts,omitempty"`   // what it contains, where it is no tree

	Tree *Tree `json:"-"` // of a file system or an archive

	// Raw are the bytes that it takes, for those who look at what stands outside of
	// trees. The dispatcher sets it; nil inside of files of a tree.
	Raw []byte `json:"-"`

	// Streams are the byte strings that a wrapper or a compressed stream contains,
	// to be looked at in turn; the dispatcher makes Parts of them.
	Streams []Stream `json:"-"`
}

// Property is one detail of a part.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Stream is a byte string inside a part.
type Stream struct {
	Name string // data, kernel, rootfs, dtb, …
	// Offset and Size say where the stream stands in the parent's bytes as it is;
	// Size is 0 where Data came out of unpacking.
	Offset, Size int64
	Data         []byte
	// Whole means that the stream is one thing, not a stretch to be carved:
	// what the wrapper says about it is its format.
	Whole bool
}

// Detail adds a property.
func (p *Part) Detail(name, format string, a ...any) {
	p.Details = append(p.Details, Property{name, fmt.Sprintf(format, a...)})
}

// Get is the value of a property, "" where there is none.
func (p *Part) Get(name string) string {
	for _, d := range p.Details {
		if d.Name == name {
			return d.Value
		}
	}
	return ""
}

// Format is a reader of one format.
type Format struct {
	Name  string
	Magic []Magic // any of them may begin it; none: only tried where something begins for sure
	// Unsure means that almost any bytes could be of the format: it is only tried where a
	// wrapper says that something begins, nothing else does, and taken only if all of it is.
	Unsure bool

	// Open reads what begins at b[0]; b runs to the end of the parent, which mostly
	// is further than the part. It returns ErrNot where b is something else after
	// all. A part that is recognized and broken comes back Damaged, with what could
	// be read, and no error. Errors of the budget come back as they are. It keeps b and
	// does not change it.
	Open func(b []byte, budget *Budget) (*Part, error)
}

// Magic are bytes at a place.
type Magic struct {
	Offset int    // from the beginning of the part
	Bytes  string // 2 or more
}
