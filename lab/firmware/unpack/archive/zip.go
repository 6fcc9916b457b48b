package archive

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/bzip2"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"

	"assay/lab/firmware/image"
)

// Signatures and sizes of .ZIP (PKWARE APPNOTE.TXT 6.3.10, 4.3).
const (
	zipLocal      = "PK\x03\x04"
	zipCentral    = "PK\x01\x02"
	zipEnd        = "PK\x05\x06"
	zipEnd64      = "PK\x06\x06"
	zipEnd64At    = "PK\x06\x07"
	zipLocalSize  = 30
	zipCentralLen = 46
	zipEndSize    = 22
)

// zipEntry is an entry of the central directory, or of a local header where the
// directory is lost.
type zipEntry struct {
	name         string
	flags        uint16
	method       uint16
	crc          uint32
	packed, size int64
	offset       int64 // of the local header
	creator      byte
	attributes   uint32
	time         int64
	data, end    int // of the packed content, once it was found
}

// zipDirectory is where the end of an archive says that its directory is.
type zipDirectory struct {
	at, size int
	entries  int
	base     int // of offsets: 0, or less where the archive began before b
	end      int
}

func openZip(b []byte, budget *image.Budget) (*image.Part, error) {
	d, ok, err := findZipEnd(b, budget)
	if err != nil {
		return nil, err
	}
	t := newBuilder(budget)
	if !ok {
		if !bytes.HasPrefix(b, []byte(zipLocal)) {
			return nil, image.ErrNot
		}
		return t.zipWithoutDirectory(b)
	}
	entries, why := zipCentrals(b, d)
	err = t.zipEntries(b, d, entries)
	if err == nil {
		err = why
	}
	p, err := t.part("zip", d.end, err)
	if p != nil {
		zipDetails(p, entries)
	}
	return p, err
}

func zipDetails(p *image.Part, entries []zipEntry) {
	n := 0
	for _, e := range entries {
		if e.flags&1 != 0 {
			n++
		}
	}
	if n > 0 {
		p.Detail("encryption", "%d of %d entries", n, len(entries))
	}
	if p.Tree == nil {
		return
	}
	if meta := p.Tree.Root.Child("META-INF"); meta != nil && meta.Kind == image.Dir { // signed as Java's archives are, or Android's updates
		for _, c := range meta.Children {
			if ext := strings.ToUpper(path.Ext(c.Name)); ext == ".RSA" || ext == ".DSA" || ext == ".EC" {
				p.Detail("signature", "META-INF/%s, not verified", c.Name)
			}
		}
	}
}

// findZipEnd looks for the end of the archive that begins at b[0]: an end record of
// an archive inside of it says other places.
func findZipEnd(b []byte, budget *image.Budget) (d zipDirectory, ok bool, err error) {
	for at := 0; ; at++ {
		i := bytes.Index(b[at:], []byte(zipEnd))
		if i < 0 {
			return d, false, nil
		}
		if err := budget.Tick(); err != nil {
			return d, false, err
		}
		at += i
		if d, ok := zipEndAt(b, at); ok {
			return d, true, nil
		}
	}
}

func zipEndAt(b []byte, at int) (d zipDirectory, ok bool) {
	if len(b)-at < zipEndSize {
		return d, false
	}
	r := b[at:]
	le := binary.LittleEndian
	d = zipDirectory{entries: int(le.Uint16(r[10:])), size: int(le.Uint32(r[12:])), end: min(len(b), at+zipEndSize+int(le.Uint16(r[20:])))}
	offset, tail := int64(le.Uint32(r[16:])), at
	if l := at - 20; l >= 56 && string(b[l:l+4]) == zipEnd64At { // 4.3.15
		if e := l - 56; string(b[e:e+4]) == zipEnd64 { // 4.3.14, without its extensible part
			n, size, off := le.Uint64(b[e+32:]), le.Uint64(b[e+40:]), le.Uint64(b[e+48:])
			if n > uint64(len(b)) || size > uint64(len(b)) || off > 1<<50 {
				return d, false
			}
			d.entries, d.size, offset, tail = int(n), int(size), int64(off), e
		}
	}
	if d.size > tail || d.entries > d.size/zipCentralLen {
		return d, false
	}
	d.at = tail - d.size
	base := int64(d.at) - offset
	if base > 0 || d.entries > 0 && !bytes.HasPrefix(b[d.at:], []byte(zipCentral)) {
		return d, false // an archive inside of this one
	}
	d.base = int(base)
	if d.entries == 0 {
		return d, at == 0
	}
	// One of the first entries begins the archive, which is b[0].
	entries, _ := zipCentrals(b, d)
	for _, e := range entries {
		if e.offset+base == 0 {
			return d, true
		}
	}
	return d, false
}

// zipCentrals reads the directory (4.3.12); its error says where it stopped.
func zipCentrals(b []byte, d zipDirectory) (all []zipEntry, err error) {
	le := binary.LittleEndian
	at, end := d.at, d.at+d.size
	for range d.entries {
		if end-at < zipCentralLen || string(b[at:at+4]) != zipCentral {
			return all, broken(at, "no entry of the directory")
		}
		h := b[at:]
		nameLen, extraLen, commentLen := int(le.Uint16(h[28:])), int(le.Uint16(h[30:])), int(le.Uint16(h[32:]))
		next := at + zipCentralLen + nameLen + extraLen + commentLen
		if next > end {
			return all, broken(at, "an entry of the directory is cut")
		}
		e := zipEntry{
			name: string(h[zipCentralLen : zipCentralLen+nameLen]), creator: h[5], flags: le.Uint16(h[8:]), method: le.Uint16(h[10:]), time: dosTime(le.Uint16(h[14:]), le.Uint16(h[12:])),
			crc: le.Uint32(h[16:]), packed: int64(le.Uint32(h[20:])), size: int64(le.Uint32(h[24:])), attributes: le.Uint32(h[38:]), offset: int64(le.Uint32(h[42:])),
		}
		zip64(&e, h[zipCentralLen+nameLen:zipCentralLen+nameLen+extraLen])
		all = append(all, e)
		at = next
	}
	return all, nil
}

// zip64 takes sizes and the offset from the extra field 1 (4.5.3), which has only those that
// have no place in the header.
func zip64(e *zipEntry, extra []byte) {
	le := binary.LittleEndian
	for len(extra) >= 4 {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		if n > len(extra)-4 {
			return
		}
		if f := extra[4 : 4+n]; id == 1 {
			for _, v := range []*int64{&e.size, &e.packed, &e.offset} {
				if *v == 0xffffffff && len(f) >= 8 {
					*v, f = int64(le.Uint64(f)&(1<<62-1)), f[8:]
				}
			}
			return
		}
		extra = extra[4+n:]
	}
}

// dosTime is a time of MS-DOS, taken as UTC because its zone is not said.
func dosTime(date, clock uint16) int64 {
	y, m, d := int64(date>>9)+1980, int64(date>>5&15), int64(date&31)
	if m < 3 { // days since 1970 by the civil calendar, March first
		y, m = y-1, m+12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468
	return days*86400 + int64(clock>>11)*3600 + int64(clock>>5&63)*60 + int64(clock&31)*2
}

// locate finds the packed content behind the local header (4.3.7).
func (e *zipEntry) locate(b []byte, base int) error {
	at := e.offset + int64(base)
	if at < 0 || at > int64(len(b)-zipLocalSize) || string(b[at:at+4]) != zipLocal {
		return fmt.Errorf("no local header at byte %d", at)
	}
	h := b[at:]
	le := binary.LittleEndian
	nameLen := int(le.Uint16(h[26:]))
	data := at + zipLocalSize + int64(nameLen) + int64(le.Uint16(h[28:]))
	if data > int64(len(b)) || e.packed < 0 || e.packed > int64(len(b))-data {
		return fmt.Errorf("%d bytes at byte %d are more than there are", e.packed, data)
	}
	if string(h[zipLocalSize:zipLocalSize+nameLen]) != e.name {
		return errors.New("the local header has another name")
	}
	e.data, e.end = int(data), int(data+e.packed)
	return nil
}

// zipEntries puts the entries of a directory into the tree. An entry that lies over
// another is not unpacked: so archives are made that unpack to far more than they have.
func (t *builder) zipEntries(b []byte, d zipDirectory, entries []zipEntry) error {
	type at struct{ from, to, entry int }
	var all []at
	errs := make([]error, len(entries))
	for i := range entries {
		e := &entries[i]
		if errs[i] = e.locate(b, d.base); errs[i] == nil {
			all = append(all, at{int(e.offset) + d.base, e.end, i})
		}
	}
	slices.SortFunc(all, func(a, b at) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.entry, b.entry)) })
	reach := 0
	for _, a := range all {
		if a.from < reach || a.to > d.at {
			errs[a.entry] = errors.New("it lies over another entry or the directory")
		}
		reach = max(reach, a.to)
	}
	for i := range entries {
		if err := t.zipEntry(b, &entries[i], errs[i]); err != nil {
			return err
		}
	}
	return nil
}

// Creators and attributes (4.4.2, 4.4.15).
const zipUnix = 3

func (t *builder) zipEntry(b []byte, e *zipEntry, why error) error {
	n := &image.Node{Kind: image.File, Perm: 0o644, Time: e.time}
	if e.creator == zipUnix && e.attributes>>16 != 0 {
		mode := e.attributes >> 16
		n.Perm = mode & modePerm
		if k := kinds[mode&modeType]; k != "" {
			n.Kind = k
		}
	}
	if strings.HasSuffix(e.name, "/") {
		n.Kind = image.Dir
		if e.creator != zipUnix {
			n.Perm = 0o755
		}
	}
	if n.Kind == image.File || n.Kind == image.Symlink {
		n.Size = e.size
		switch {
		case why == nil && e.flags&1 != 0:
			why = errors.New("it is encrypted")
		case why == nil && e.size > 0:
			if err := t.budget.Bytes(e.size, e.packed); err != nil {
				return err
			}
			why = t.zipCheck(b, e)
		}
		if err := t.budget.Tick(); err != nil {
			return err
		}
		open := func() ([]byte, error) { return zipRead(b, e) }
		switch {
		case why != nil:
			n.Size = max(0, n.Size)
			t.lose(e.name, n, why)
		case n.Kind == image.Symlink:
			target, err := open()
			if err != nil {
				return err
			}
			t.target(e.name, n, string(target))
			n.Size = 0
		case e.size > 0:
			n.Open = open
		}
		if n.Kind == image.Symlink {
			n.Open = nil
		}
	}
	return t.put(e.name, n)
}

// zipStream unpacks an entry.
func zipStream(b []byte, e *zipEntry) (io.Reader, error) {
	in := bytes.NewReader(b[e.data:e.end])
	switch e.method { // 4.4.5
	case 0:
		return in, nil
	case 8:
		return flate.NewReader(in), nil
	case 12:
		return bzip2.NewReader(in), nil
	}
	return nil, fmt.Errorf("it is compressed by method %d", e.method)
}

// zipCheck reads an entry once, so that the directory is not just believed.
func (t *builder) zipCheck(b []byte, e *zipEntry) error {
	r, err := zipStream(b, e)
	if err != nil {
		return err
	}
	h := crc32.NewIEEE()
	n, err := io.Copy(h, io.LimitReader(r, e.size+1))
	switch {
	case err != nil:
		return fmt.Errorf("after %d bytes: %w", n, err)
	case n != e.size:
		return fmt.Errorf("it has not the %d bytes that its entry says", e.size)
	case h.Sum32() != e.crc:
		return fmt.Errorf("its CRC-32 is %08x and %08x stands in its entry", h.Sum32(), e.crc)
	}
	return nil
}

func zipRead(b []byte, e *zipEntry) ([]byte, error) {
	if e.method == 0 {
		return b[e.data:e.end], nil
	}
	r, err := zipStream(b, e)
	if err != nil {
		return nil, err
	}
	data := make([]byte, e.size)
	_, err = io.ReadFull(r, data)
	return data, err
}

// zipWithoutDirectory reads local headers one after the other: of an archive that
// was cut. What it gives is damaged in any case.
func (t *builder) zipWithoutDirectory(b []byte) (*image.Part, error) {
	le := binary.LittleEndian
	at, n := 0, 0
	for len(b)-at >= zipLocalSize && string(b[at:at+4]) == zipLocal {
		h := b[at:]
		nameLen, extraLen := int(le.Uint16(h[26:])), int(le.Uint16(h[28:]))
		if nameLen == 0 || nameLen > image.MaxTarget || zipLocalSize+nameLen+extraLen > len(h) {
			break
		}
		e := zipEntry{
			name: string(h[zipLocalSize : zipLocalSize+nameLen]), flags: le.Uint16(h[6:]), method: le.Uint16(h[8:]), time: dosTime(le.Uint16(h[12:]), le.Uint16(h[10:])),
			crc: le.Uint32(h[14:]), packed: int64(le.Uint32(h[18:])), size: int64(le.Uint32(h[22:])), data: at + zipLocalSize + nameLen + extraLen,
		}
		if strings.ContainsFunc(e.name, func(r rune) bool { return r < ' ' }) {
			break
		}
		zip64(&e, h[zipLocalSize+nameLen:zipLocalSize+nameLen+extraLen])
		if e.flags&8 != 0 && e.size == 0 && e.packed == 0 { // 4.3.9: sizes stand behind the content
			if e.method != 8 || e.flags&1 != 0 {
				break
			}
			if err := t.measure(b, &e); err != nil {
				if isBudget(err) {
					return nil, err
				}
				break
			}
		}
		if e.packed < 0 || e.packed > int64(len(b)-e.data) {
			break
		}
		e.end = e.data + int(e.packed)
		if err := t.zipEntry(b, &e, nil); err != nil {
			return nil, err
		}
		at = e.end
		n++
		if e.flags&8 != 0 { // the sizes, with or without their signature, of 4 or 8 bytes
			if i := bytes.Index(b[at:min(len(b), at+28)], []byte("PK\x03\x04")); i >= 0 {
				at += i
			}
		}
	}
	if n == 0 {
		return nil, image.ErrNot
	}
	return t.part("zip", len(b), broken(at, "no directory was found: the archive is cut; %d entries were read, up to the end", n))
}

func isBudget(err error) bool { return errors.Is(err, image.ErrBounds) }

// measure unpacks a stream to learn its sizes.
func (t *builder) measure(b []byte, e *zipEntry) error {
	in := &counted{r: bufio.NewReader(bytes.NewReader(b[e.data:]))}
	h := crc32.NewIEEE()
	n, err := io.Copy(h, io.LimitReader(flate.NewReader(in), t.budget.Left()+1))
	if n > t.budget.Left() {
		return image.ErrBounds
	}
	e.size, e.packed, e.crc = n, in.n, h.Sum32()
	return err
}

// counted counts what was read; as a ByteReader it is read no further than needed.
type counted struct {
	r *bufio.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}
