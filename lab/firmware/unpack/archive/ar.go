package archive

import (
	"bytes"
	"strconv"
	"strings"

	"assay/lab/firmware/image"
)

// The form of ar(5) that System V, GNU and BSD have in common: a magic, then
// members with a header of 60 characters, each at an even place.
const (
	arMagic  = "!<arch>\n"
	arHeader = 60
)

// arMember is a member of an archive.
type arMember struct {
	name     string
	mode     uint32
	uid, gid uint32
	time     int64
	at, end  int // of its content
	headerAt int
}

func openAr(b []byte, budget *image.Budget) (*image.Part, error) {
	if !bytes.HasPrefix(b, []byte(arMagic)) {
		return nil, image.ErrNot
	}
	members, end, err := arMembers(b, budget)
	if len(members) == 0 && err != nil {
		if isBroken(err) {
			return nil, image.ErrNot
		}
		return nil, err
	}
	if err != nil && !isBroken(err) {
		return nil, err
	}
	if len(members) > 0 && members[0].name == "debian-binary" {
		return debPart(b, members, end, err), nil
	}
	t := newBuilder(budget)
	for _, m := range members {
		n := &image.Node{Kind: image.File, Perm: m.mode & modePerm, UID: m.uid, GID: m.gid, Time: m.time}
		if err := t.content(n, b[m.at:m.end]); err != nil {
			return nil, err
		}
		if err := t.put(m.name, n); err != nil {
			return nil, err
		}
	}
	return t.part("ar", end, err)
}

// debPart is a package for dpkg (deb(5)), or for opkg in its older form: what its
// members hold stands in the streams.
func debPart(b []byte, members []arMember, end int, err error) *image.Part {
	p := &image.Part{Format: "deb", Size: int64(end), State: image.Understood}
	if err != nil {
		p.State, p.Problem = image.Damaged, err.Error()
	}
	for i, m := range members {
		data := b[m.at:m.end]
		switch {
		case i == 0:
			p.Detail("version", "%s", strings.TrimSpace(string(data[:min(len(data), 20)])))
		case strings.HasPrefix(m.name, "control.tar") || strings.HasPrefix(m.name, "data.tar"):
			p.Streams = append(p.Streams, image.Stream{Name: m.name, Offset: int64(m.at), Size: int64(len(data)), Data: data, Whole: true})
		case strings.HasPrefix(m.name, "_gpg"):
			p.Detail("signature", "%s", m.name)
			fallthrough
		default:
			p.Streams = append(p.Streams, image.Stream{Name: m.name, Offset: int64(m.at), Size: int64(len(data)), Data: data, Whole: true})
		}
	}
	return p
}

// arMembers reads all headers. Its error is the budget's, or says where it stopped.
func arMembers(b []byte, budget *image.Budget) (all []arMember, end int, err error) {
	var names []byte // the table of long names
	at := len(arMagic)
	for {
		if err := budget.Tick(); err != nil {
			return all, at, err
		}
		if at == len(b) || len(all) > 0 && !arHeaderAt(b, at) && arEnds(b, at) {
			return all, at, nil
		}
		if !arHeaderAt(b, at) {
			return all, at, broken(at, "no header of a member")
		}
		h := b[at : at+arHeader]
		field := func(from, to, base int) int64 {
			v, err := strconv.ParseInt(strings.TrimRight(string(h[from:to]), " "), base, 64)
			if err != nil {
				return 0
			}
			return v
		}
		size := field(48, 58, 10)
		m := arMember{headerAt: at, at: at + arHeader, time: field(16, 28, 10), uid: uint32(field(28, 34, 10)), gid: uint32(field(34, 40, 10)), mode: uint32(field(40, 48, 8))}
		if left := int64(len(b) - m.at); size < 0 || size > left {
			return all, len(b), broken(at, "a member has %d bytes and %d are left", size, left)
		}
		m.end = m.at + int(size)
		at = min(m.end+m.end%2, len(b))
		name := strings.TrimRight(string(h[:16]), " ")
		switch {
		case name == "//":
			names = b[m.at:m.end]
			continue
		case name == "/" || name == "/SYM64/" || strings.HasPrefix(name, "__.SYMDEF"): // tables of symbols
			continue
		case strings.HasPrefix(name, "#1/"): // BSD: the name stands before the content
			n, err := strconv.Atoi(name[3:])
			if err != nil || n < 0 || n > m.end-m.at || n > image.MaxName {
				return all, m.headerAt, broken(m.headerAt, "the name of a member cannot be read")
			}
			name = strings.TrimRight(string(b[m.at:m.at+n]), "\x00")
			m.at += n
		case strings.HasPrefix(name, "/"):
			n, err := strconv.Atoi(name[1:])
			if err != nil || n < 0 || n >= len(names) {
				return all, m.headerAt, broken(m.headerAt, "the name of a member cannot be read")
			}
			name, _, _ = strings.Cut(string(names[n:min(len(names), n+image.MaxName+2)]), "\n")
			name = strings.TrimSuffix(name, "/")
		default:
			name = strings.TrimSuffix(name, "/")
		}
		m.name = name
		all = append(all, m)
	}
}

func arHeaderAt(b []byte, at int) bool {
	return len(b)-at >= arHeader && b[at+58] == '`' && b[at+59] == '\n' && b[at] > ' ' && b[at] < 0x7f && b[at+48] >= '0' && b[at+48] <= '9'
}

// arEnds says whether an archive may end here: what follows is something else and
// not a header that was changed or cut.
func arEnds(b []byte, at int) bool {
	return len(b)-at >= arHeader && b[at+58] != '`' && b[at+59] != '\n'
}
