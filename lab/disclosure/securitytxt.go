package disclosure

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Field is one field of a security.txt, as it stands there.
type Field struct {
	Name  string `json:"name"` // as it is registered: Contact, Expires, …
	Value string `json:"value"`
	Line  int    `json:"line"`
}

// Problem is where a document breaks a rule of its format.
type Problem struct {
	Rule string `json:"rule"` // of lab/rules/disclosure.yaml
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

// fields are those that are registered for security.txt (RFC 9116, 2.5; CSAF by OASIS CSAF 2.0, 7.1.8,
// in the register of IANA), and how each is checked.
var fields = map[string]struct {
	name string
	once bool
	uri  bool
}{
	"acknowledgments":     {"Acknowledgments", false, true},
	"canonical":           {"Canonical", false, true},
	"contact":             {"Contact", false, true},
	"csaf":                {"CSAF", false, true},
	"encryption":          {"Encryption", false, true},
	"expires":             {"Expires", true, false},
	"hiring":              {"Hiring", false, true},
	"policy":              {"Policy", false, true},
	"preferred-languages": {"Preferred-Languages", true, false},
}

// securityTxt reads a file in the format of RFC 9116. name is the place's last element; a
// file is taken for one if it is called so, or has at least two of its fields.
type securityTxt struct {
	fields   []Field
	problems []Problem
	signed   bool
	seen     map[string]int
	bare     bool // a line has no name of a field at all
}

func (s *securityTxt) problem(rule string, line int, format string, a ...any) {
	if len(s.problems) < maxProblems {
		s.problems = append(s.problems, Problem{rule, line, clip(fmt.Sprintf(format, a...))})
	}
}

var fieldLine = regexp.MustCompile(`^([!-9;-~]+):(.*)$`)

func parseSecurityTxt(b []byte) *securityTxt {
	s := &securityTxt{seen: map[string]int{}}
	if !utf8.Valid(b) {
		s.problem("disclosure.syntax", 0, "not UTF-8")
	}
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		s.problem("disclosure.syntax", 1, "a byte order mark")
		b = b[3:]
	}
	lines := strings.Split(strings.ToValidUTF8(string(b), "\ufffd"), "\n")
	first, last := 0, len(lines)
	if i := begin(lines, "-----BEGIN PGP SIGNED MESSAGE-----"); i >= 0 {
		first, last = s.clearSigned(lines, i)
	}
	for i, l := range lines {
		if i < first || i >= last {
			continue
		}
		l = strings.TrimSuffix(l, "\r")
		if s.signed {
			l = strings.TrimPrefix(l, "- ") // RFC 9580, 7.2
		}
		if strings.TrimSpace(l) == "" || strings.HasPrefix(l, "#") {
			continue
		}
		m := fieldLine.FindStringSubmatch(l)
		if m == nil {
			s.bare = true
			s.problem("disclosure.syntax", i+1, "no field: %s", l)
			continue
		}
		s.field(i+1, m[1], m[2])
	}
	s.missing()
	return s
}

func begin(lines []string, what string) int {
	for i, l := range lines {
		if strings.TrimRight(l, "\r ") == what {
			return i
		}
	}
	return -1
}

// clearSigned finds what is signed (RFC 9580, 7). Whether the signature is good is for whoever
// has the key.
func (s *securityTxt) clearSigned(lines []string, at int) (first, last int) {
	s.signed = true
	for i := range at {
		if strings.TrimSpace(lines[i]) != "" {
			s.problem("disclosure.signature", i+1, "it stands before what is signed")
			break
		}
	}
	first = at + 1
	for first < len(lines) && strings.TrimSpace(lines[first]) != "" {
		if !strings.HasPrefix(lines[first], "Hash:") {
			s.problem("disclosure.signature", first+1, "no header of a signed message: %s", lines[first])
		}
		first++
	}
	sig := begin(lines, "-----BEGIN PGP SIGNATURE-----")
	end := begin(lines, "-----END PGP SIGNATURE-----")
	if sig < first || end < sig {
		s.problem("disclosure.signature", at+1, "what is signed has no signature")
		return first, len(lines)
	}
	body, sum := sig+1, ""
	for body < end && strings.TrimSpace(lines[body]) != "" {
		body++
	}
	var packed strings.Builder
	for _, l := range lines[min(body, end):end] {
		if l = strings.TrimSpace(l); strings.HasPrefix(l, "=") && len(l) == 5 {
			sum = l[1:]
			continue
		}
		packed.WriteString(l)
	}
	raw, err := base64.StdEncoding.DecodeString(packed.String())
	switch {
	case err != nil || len(raw) < 10:
		s.problem("disclosure.signature", sig+1, "the signature is no armored one")
	case raw[0] != 0x88 && raw[0] != 0x89 && raw[0] != 0xc2: // packet 2 in both forms of header
		s.problem("disclosure.signature", sig+1, "the signature is of another kind")
	case sum != "" && sum != crc24(raw):
		s.problem("disclosure.signature", sig+1, "the checksum of the signature does not hold")
	}
	for i := end + 1; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) != "" {
			s.problem("disclosure.signature", i+1, "it stands behind what is signed")
			break
		}
	}
	return first, sig
}

// crc24 is the checksum of an armor (RFC 9580, 6.1).
func crc24(b []byte) string {
	crc := uint32(0xb704ce)
	for _, c := range b {
		crc ^= uint32(c) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x1864cfb
			}
		}
	}
	return base64.StdEncoding.EncodeToString([]byte{byte(crc >> 16), byte(crc >> 8), byte(crc)})
}

func (s *securityTxt) field(line int, name, value string) {
	known, ok := fields[strings.ToLower(name)]
	if !strings.HasPrefix(value, " ") {
		s.problem("disclosure.syntax", line, "no space behind %s:", name)
	}
	value = strings.TrimSpace(value)
	if !ok { // RFC 9116, 2.4: others may come, and are to be ignored
		return
	}
	if len(s.fields) >= maxFields {
		return
	}
	f := Field{known.name, clip(value), line}
	s.fields = append(s.fields, f)
	if s.seen[f.Name]++; known.once && s.seen[f.Name] == 2 {
		s.problem("disclosure.twice", line, "%s", f.Name)
	}
	switch {
	case value == "":
		s.problem("disclosure.syntax", line, "%s is empty", f.Name)
	case known.uri:
		s.uri(f)
	case f.Name == "Preferred-Languages":
		for t := range strings.SplitSeq(value, ",") {
			if !languageTag.MatchString(strings.TrimSpace(t)) {
				s.problem("disclosure.syntax", line, "%s is no tag of a language", strings.TrimSpace(t))
			}
		}
	case f.Name == "Expires":
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			s.problem("disclosure.no-expiry", line, "%s is no time of RFC 3339", value)
		}
	}
}

// languageTag has the form of a tag (RFC 5646, 2.1), whatever it means.
var languageTag = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`)

func (s *securityTxt) uri(f Field) {
	u, err := url.Parse(f.Value)
	switch {
	case err != nil || u.Scheme == "":
		s.problem("disclosure.no-uri", f.Line, "%s: %s", f.Name, f.Value)
	case strings.EqualFold(u.Scheme, "http"):
		s.problem("disclosure.not-https", f.Line, "%s: %s", f.Name, f.Value)
	case strings.EqualFold(u.Scheme, "https") && u.Host == "",
		f.Name == "Contact" && strings.EqualFold(u.Scheme, "mailto") && !strings.Contains(u.Opaque, "@"):
		s.problem("disclosure.no-uri", f.Line, "%s: %s", f.Name, f.Value)
	}
}

func (s *securityTxt) missing() {
	if s.seen["Expires"] == 0 {
		s.problem("disclosure.no-expiry", 0, "Expires")
	}
}

// isSecurityTxt says whether a file is meant as one.
func (s *securityTxt) isSecurityTxt(name string) bool {
	if strings.EqualFold(name, "security.txt") {
		return true
	}
	return s.seen["Contact"] > 0 && (s.seen["Expires"] > 0 || s.seen["Canonical"] > 0 || s.seen["Policy"] > 0 || !s.bare)
}

// values are all values of a field.
func values(fields []Field, name string) (all []string) {
	for _, f := range fields {
		if f.Name == name {
			all = append(all, f.Value)
		}
	}
	return all
}
