package binary

import "bytes"

// UPX looks for the marks that the packer UPX leaves in a program, so that it can
// be unpacked again: its magic behind the program headers, with the size of what
// was packed, and again at the end of the file, and a text on what it is. marked
// is that any of them is there, whole that none is missing or emptied.
func (f *File) UPX() (marked, whole bool) {
	magic := []byte("UPX!")
	o := f.o
	begin := o.upTo(o.headers, 64)
	at := bytes.Index(begin, magic) // second of the words of l_info, of 12 bytes
	end := o.b[max(0, len(o.b)-128):]
	// p_info follows: program, size of the file, size of a block.
	size := at >= 0 && o.u32(o.headers+uint64(at)+12) != 0
	last := bytes.Contains(end, magic)
	text := bytes.Contains(o.b, []byte("UPX executable packer"))
	return at >= 0 || last || text, size && last && text
}
