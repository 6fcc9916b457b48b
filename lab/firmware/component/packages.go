package component

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Entry is an installed package, as its database has it.
type Entry struct {
	Database     string // opkg, dpkg, apk
	Name         string
	Version      string // with epoch and revision
	Architecture string
	Source       string // source package
	License      string
	Maintainer   string
	Essential    bool
	// Files that it owns, absolute paths; nil where the database does not say.
	Files []string
	Line  int // of its first line in the database
}

// Bounds of a database.
const (
	maxDatabase = 32 << 20 // bytes
	maxEntries  = 20_000
	maxField    = 2000 // bytes of a field that is kept
	maxOwned    = 500_000
)

// short makes one printable line of a foreign text, of at most n characters.
func short(s string, n int) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		if n--; n < 0 {
			return strings.TrimRight(b.String(), " ") + "…"
		}
		switch {
		case r == '\t' || r == '\n':
			b.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// stanza is one paragraph of a control file.
type stanza struct {
	fields map[string]string // by name in lower case; continuation lines are left out
	line   int
}

// stanzas reads the paragraphs of a control file (deb-control(5), also opkg's):
// "Name: value" lines, an empty line between paragraphs. Lines that are
// neither are passed over.
func stanzas(b []byte) []stanza {
	var all []stanza
	now := stanza{}
	end := func() {
		if now.fields != nil {
			all = append(all, now)
		}
		now = stanza{}
	}
	n := 0
	for l := range bytes.Lines(b[:min(len(b), maxDatabase)]) {
		n++
		l = bytes.TrimRight(l, "\r\n")
		if len(bytes.TrimSpace(l)) == 0 {
			end()
			if len(all) >= maxEntries {
				return all
			}
			continue
		}
		if l[0] == ' ' || l[0] == '\t' {
			continue
		}
		name, value, ok := bytes.Cut(l, []byte(":"))
		if !ok || len(name) > 60 || len(value) > maxField {
			continue
		}
		if now.fields == nil {
			now = stanza{map[string]string{}, n}
		}
		key := strings.ToLower(string(name))
		if _, twice := now.fields[key]; !twice && len(now.fields) < 100 {
			now.fields[key] = strings.TrimSpace(string(value))
		}
	}
	end()
	return all
}

// here are the states of a package whose files are there (dpkg(1)); opkg uses two of them.
var here = []string{"installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"}

// installed reads "Status: WANT FLAG STATE".
func installed(status string) bool {
	words := strings.Fields(status)
	return len(words) == 3 && slices.Contains(here, words[2])
}

func (s stanza) entry(database string) (Entry, bool) {
	e := Entry{
		Database: database, Name: s.fields["package"], Version: s.fields["version"], Architecture: s.fields["architecture"],
		Source: s.fields["source"], License: s.fields["license"], Maintainer: s.fields["maintainer"], Essential: s.fields["essential"] == "yes",
		Line: s.line,
	}
	e.Source, _, _ = strings.Cut(e.Source, " ") // "openssl (1.1.1)": a version of its own
	for _, f := range []*string{&e.Version, &e.Architecture, &e.Source, &e.License, &e.Maintainer} {
		*f = short(*f, 200)
	}
	return e, packageName.MatchString(e.Name)
}

var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.+~@-]{0,120}$`)

// ReadStatus reads the database of dpkg or opkg: the packages whose files are
// there. It never fails; what is no entry is passed over.
func ReadStatus(b []byte, database string) []Entry {
	var all []Entry
	for _, s := range stanzas(b) {
		if e, ok := s.entry(database); ok && installed(s.fields["status"]) {
			all = append(all, e)
		}
	}
	return all
}

// ReadControl reads the control file of one package, which says nothing of whether
// it is installed.
func ReadControl(b []byte, database string) (Entry, bool) {
	all := stanzas(b)
	if len(all) != 1 {
		return Entry{}, false
	}
	return all[0].entry(database)
}

// ReadAPK reads the database of apk (apk-v2(5), "installed"): paragraphs of "X:value" lines.
func ReadAPK(b []byte) []Entry {
	var all []Entry
	var e Entry
	dir, owned := "", 0
	end := func() {
		if packageName.MatchString(e.Name) {
			all = append(all, e)
		}
		e, dir = Entry{}, ""
	}
	n := 0
	for l := range bytes.Lines(b[:min(len(b), maxDatabase)]) {
		n++
		l = bytes.TrimRight(l, "\r\n")
		if len(l) == 0 {
			end()
			if len(all) >= maxEntries {
				return all
			}
			continue
		}
		if len(l) < 2 || l[1] != ':' || len(l) > maxField {
			continue
		}
		value := short(string(l[2:]), 200)
		switch l[0] {
		case 'P':
			e.Name, e.Database, e.Line = string(l[2:]), "apk", n
		case 'V':
			e.Version = value
		case 'A':
			e.Architecture = value
		case 'L':
			e.License = value
		case 'o':
			e.Source = value
		case 'm':
			e.Maintainer = value
		case 'F':
			dir = "/" + string(l[2:])
		case 'R':
			if owned++; owned <= maxOwned {
				e.Files = append(e.Files, strings.TrimSuffix(dir, "/")+"/"+string(l[2:]))
			}
		}
	}
	end()
	return all
}

// readList reads the list of a package's files (info/NAME.list), one absolute path
// a line.
func readList(b []byte) []string {
	var all []string
	for l := range bytes.Lines(b[:min(len(b), maxDatabase)]) {
		p := string(bytes.TrimRight(l, "\r\n"))
		if strings.HasPrefix(p, "/") && len(p) < 4096 && len(all) < maxOwned {
			all = append(all, p)
		}
	}
	return all
}

var (
	// A revision of opkg and of OpenWrt's apk: "-2", "-5.1", "-r3"; longer runs of digits are a commit or a day.
	opkgRevision = regexp.MustCompile(`^(.+)-(r?[0-9]{1,4}(?:\.[0-9]{1,3})?)$`)
	day          = regexp.MustCompile(`^[0-9]{4}(?:-[0-9]{2})?$`)
	apkRevision  = regexp.MustCompile(`^(.+)-(r[0-9]+)$`)
	// What a distribution's packager adds to the upstream version: that parts were cut out,
	// that it was packed again, that it is an update of a release.
	repacked = regexp.MustCompile(`^(.+?)([+~.-](?:dfsg|ds|repack|really|stable|deb[0-9]+u|bpo)[0-9A-Za-z.+~]*)$`)
	really   = regexp.MustCompile(`^.+\+really(.+)$`)
	kernelOf = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)+)[-+](.+)$`)
)

// Split cuts a package's version into what upstream calls it and what the package
// adds: epoch, revision, and the mark of a repacked source.
func Split(database, version string) (upstream, revision string) {
	upstream = version
	epoch := ""
	switch database {
	case "dpkg":
		if before, after, ok := strings.Cut(upstream, ":"); ok {
			epoch, upstream = before+":", after
		}
		if i := strings.LastIndexByte(upstream, '-'); i > 0 {
			upstream, revision = upstream[:i], upstream[i+1:]
		}
		if m := really.FindStringSubmatch(upstream); m != nil {
			revision, upstream = strings.TrimSuffix(upstream, m[1])+"-"+revision, m[1]
		} else if m := repacked.FindStringSubmatch(upstream); m != nil {
			upstream = m[1]
			revision = strings.TrimSuffix(m[2]+"-"+revision, "-")
		}
	case "apk":
		if m := apkRevision.FindStringSubmatch(upstream); m != nil {
			upstream, revision = m[1], m[2]
		}
	default:
		if m := opkgRevision.FindStringSubmatch(upstream); m != nil && !day.MatchString(m[1]) {
			upstream, revision = m[1], m[2]
		}
	}
	return upstream, epoch + revision
}

// distribution is what a system says it is.
type distribution struct {
	id      string // openwrt, debian, alpine; "" where it says nothing
	name    string
	version string
}

// purl is a package URL (ECMA-427): pkg:TYPE/NAMESPACE/NAME@VERSION?arch=…&distro=….
func (e Entry) purl(d distribution) string {
	typ, space := map[string]string{"dpkg": "deb"}[e.Database], d.id
	if typ == "" {
		typ = e.Database
	}
	if typ == "deb" && space == "" {
		space = "debian"
	}
	if space != "" {
		space += "/"
	}
	q := ""
	if e.Architecture != "" {
		q += "&arch=" + purlEscape(e.Architecture)
	}
	if d.id != "" && d.version != "" {
		q += "&distro=" + purlEscape(d.id+"-"+d.version)
	}
	if q != "" {
		q = "?" + q[1:]
	}
	name := e.Name
	if typ == "deb" || typ == "apk" {
		name = strings.ToLower(name)
	}
	return fmt.Sprintf("pkg:%s/%s%s@%s%s", typ, space, purlEscape(name), purlEscape(e.Version), q)
}

// purlEscape escapes all but the characters that a package URL leaves as they are.
func purlEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(".-_~:", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
