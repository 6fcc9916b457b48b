package fat

import (
	"strings"
	"unicode/utf16"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
)

// piece is a stretch of a directory and where it stands.
type piece struct {
	at int64
	b  []byte
}

// pieces are the bytes of a directory.
func (f *fs) pieces(dir uint64) (list []piece, err error) {
	cluster := f.rootCluster
	if dir == root && f.bits != 32 {
		end := min(f.rootEnd, int64(len(f.b)))
		if f.rootAt >= end {
			return nil, nil
		}
		return []piece{{f.rootAt, f.b[f.rootAt:end]}}, nil
	}
	if dir != root {
		cluster = f.start(f.at(dir))
	}
	runs, err := f.chain(cluster, max(1, longest/f.cluster))
	for _, r := range runs {
		b, bad := f.bytes(r, int64(r.count)*f.cluster)
		if bad != nil {
			return list, bad
		}
		list = append(list, piece{f.data + int64(r.first-first)*f.cluster, b})
	}
	return list, err
}

// Entries lists a directory.
func (f *fs) Entries(dir uint64) (list []inode.Entry, err error) {
	pieces, err := f.pieces(dir)
	var l long
	for _, p := range pieces {
		for i := 0; i+entrySize <= len(p.b); i += entrySize {
			if err := f.Budget.Tick(); err != nil {
				return list, err
			}
			e := p.b[i : i+entrySize]
			switch {
			case e[0] == 0: // no more
				return list, err
			case e[0] == free:
				l = long{}
				continue
			case e[11]&attrMask == attrLong:
				l.add(e)
				continue
			}
			name := l.name(e)
			l = long{}
			if e[11]&attrLabel != 0 || e[0] == '.' { // "." and ".."
				continue
			}
			if len(name) > image.MaxName {
				f.Tree.Note("%.40q… is %d bytes long; it goes by its short name", name, len(name))
				name = ""
			}
			if name == "" {
				name = short(e)
			}
			if err := f.Budget.Node(); err != nil {
				return list, err
			}
			list = append(list, inode.Entry{Name: name, Inode: uint64(p.at) + uint64(i)})
		}
	}
	return list, err
}

// label is the volume's name, an entry of the root.
func (f *fs) label() string {
	if f.bits == 32 { // its root is in clusters, which are taken once only
		from := f.data + int64(f.rootCluster-first)*f.cluster
		if from+f.cluster > int64(len(f.b)) {
			return ""
		}
		return label(f.b[from : from+f.cluster])
	}
	return label(f.b[min(f.rootAt, int64(len(f.b))):min(f.rootEnd, int64(len(f.b)))])
}

func label(b []byte) string {
	for ; len(b) >= entrySize && b[0] != 0; b = b[entrySize:] {
		if b[0] != free && b[11]&attrMask != attrLong && b[11]&attrLabel != 0 {
			return strings.TrimRight(oem(b[:11]), " ")
		}
	}
	return ""
}

// long gathers a long name, whose pieces stand before the entry, the last first.
type long struct {
	units [20 * 13]uint16 // 20 pieces are the most
	next  int             // number of the piece that must follow; 0 where all are there
	count int
	sum   byte
	ok    bool
}

func (l *long) add(e []byte) {
	number := int(e[0] & 0x3f)
	if e[0]&0x40 != 0 {
		*l = long{next: number, count: number, sum: e[13], ok: number >= 1 && number <= 20}
	}
	if !l.ok || number != l.next || l.sum != e[13] {
		l.ok = false
		return
	}
	l.next--
	to := l.units[(number-1)*13:]
	for i, at := range [13]int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30} {
		to[i] = le.Uint16(e[at:])
	}
}

// name is the long name if it belongs to an entry, "" if there is none.
func (l *long) name(e []byte) string {
	sum := byte(0)
	for _, c := range e[:11] {
		sum = sum>>1 | sum<<7
		sum += c
	}
	if !l.ok || l.next != 0 || sum != l.sum {
		return ""
	}
	units := l.units[:l.count*13]
	for i, u := range units {
		if u == 0 {
			units = units[:i]
			break
		}
	}
	return string(utf16.Decode(units))
}

// short is the name in an entry: eight and three bytes.
func short(e []byte) string {
	b := append([]byte(nil), e[:11]...)
	if b[0] == 0x05 { // stands for the one that means free
		b[0] = free
	}
	base, ext := strings.TrimRight(oem(b[:8]), " "), strings.TrimRight(oem(b[8:]), " ")
	if e[12]&lowerBase != 0 {
		base = strings.ToLower(base)
	}
	if e[12]&lowerExt != 0 {
		ext = strings.ToLower(ext)
	}
	if ext == "" {
		return base
	}
	return base + "." + ext
}

// high are the upper 128 characters of code page 437, the usual one.
var high = []rune("ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0")

// oem makes text of bytes.
func oem(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		if c < 0x80 {
			s.WriteByte(c)
		} else {
			s.WriteRune(high[c-0x80])
		}
	}
	return s.String()
}
