package intake

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"assay/civil"
	"assay/evidence"
)

// Options are what a reader cannot know from the file.
type Options struct {
	Holder string // entity id of the product's holder: who declares what a file claims
}

// NoHolder is the note on claims that nobody can have made.
const NoHolder = "the attestations were left out: it is not known for whose product they are; import the file into a bundle"

// Result is what a file says.
type Result struct {
	Import evidence.Import  `json:"import"`
	Claims []evidence.Claim `json:"claims,omitempty"` // declarations only: a file proves nothing about who wrote it

	// What a maker's own statement says, in a format for such.
	ICS      []evidence.ICS              `json:"ics,omitempty"`
	Features map[string]evidence.Feature `json:"features,omitempty"`
}

// New begins the result of a file.
func New(f *File, format string) *Result {
	return &Result{Import: evidence.Import{Name: f.Artifact.Name, Format: format, Artifact: f.Artifact}}
}

// Note says what of the file is not in the result, and why.
func (r *Result) Note(format string, a ...any) {
	if n := Text(fmt.Sprintf(format, a...)); len(r.Import.Notes) < maxNotes && !slices.Contains(r.Import.Notes, n) {
		r.Import.Notes = append(r.Import.Notes, n)
	}
}

// Finish takes repetitions out and refuses what is more than an import holds.
func (r *Result) Finish(f *File) (*Result, error) {
	m := &r.Import
	var twice int
	m.Components, twice = once(m.Components, func(c evidence.Component) evidence.Component { return c })
	if twice > 0 {
		r.Note("repetitions of components, left out: %d", twice)
	}
	if len(m.Components) > manyParts {
		left := 0
		for i := range m.Components {
			if c := &m.Components[i]; c.PURL != "" && c.CPE != "" {
				c.CPE = ""
				left++
			}
		}
		if left > 0 {
			r.Note("CPE names beside a package URL, left out of so long a list: %d", left)
		}
	}
	if (m.Format == "spdx" || m.Format == "cyclonedx") && len(m.Components)+len(m.Issues)+len(r.Claims) == 0 {
		r.Note("no component: the file says nothing about the software")
	}
	m.Services, _ = once(m.Services, func(s evidence.Service) evidence.Service { return s })
	m.Issues, twice = once(m.Issues, func(i evidence.Issue) string {
		return fmt.Sprintf("%q", []string{i.ID, i.Severity, i.Text, i.Where, i.State})
	})
	if twice > 0 {
		r.Note("repetitions of issues, left out: %d", twice)
	}
	for _, l := range []struct {
		what string
		n    int
	}{{"components", len(m.Components)}, {"services", len(m.Services)}, {"issues", len(m.Issues)}} {
		if l.n > evidence.MaxEntries {
			return nil, f.Wrong("%d %s, and an import holds %d: write one file for each image or device, and leave single files and test code out", l.n, l.what, evidence.MaxEntries)
		}
	}
	return r, nil
}

func once[T any, K comparable](all []T, key func(T) K) (kept []T, twice int) {
	seen := make(map[K]bool, len(all))
	for _, v := range all {
		if k := key(v); !seen[k] {
			seen[k] = true
			kept = append(kept, v)
		}
	}
	return kept, len(all) - len(kept)
}

// manyParts is how many components are listed with two names each. Evidence is
// read whole, and has to stay within what an office reads.
const manyParts = 4_000

const (
	maxNotes = 100
	maxLine  = 200 // characters; evidence takes no more
	maxText  = 500 // of an issue's text: an import is read by persons, the artifact has the whole
)

// Line makes one line that can be shown anywhere of a foreign text: without
// control and formatting characters, which also turn around the reading
// direction, and not longer than a name may be.
func Line(s string) string { return clean(s, maxLine) }

// Text is [Line] for a sentence or a few.
func Text(s string) string { return clean(s, maxText) }

func clean(s string, most int) string {
	if len(s) <= most && plainLine(s) {
		return s
	}
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if r == utf8.RuneError {
			r = '?'
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			space = true
			continue
		}
		if n+2 >= most {
			b.WriteString("…")
			break
		}
		if space && n > 0 {
			b.WriteByte(' ')
			n++
		}
		space = false
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// plainLine reports whether s is printable ASCII without double spaces.
func plainLine(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return s == "" || before != ' '
}

// Day is the day that a timestamp begins with (RFC 3339, ISO 8601), zero where
// there is none.
func Day(s string) civil.Date {
	if len(s) < 10 {
		return 0
	}
	d, err := civil.ParseDate(s[:10])
	if err != nil {
		return 0
	}
	return d
}

// Severity puts a CVSS base score (version 3 or 4) into words.
func Severity(score float64) string {
	switch {
	case score >= 9:
		return "critical"
	case score >= 7:
		return "high"
	case score >= 4:
		return "medium"
	case score > 0:
		return "low"
	case score == 0:
		return "none"
	}
	return "unknown"
}

// Severities from the least.
var severities = []string{"unknown", "none", "low", "medium", "high", "critical"}

// Worse is the worse of two severities; what is no severity is unknown.
func Worse(a, b string) string {
	return severities[max(slices.Index(severities, a), slices.Index(severities, b), 0)]
}

// HostPort reads HOST, HOST:PORT and [HOST]:PORT; the port is -1 where there is none.
func HostPort(s string) (host string, port int64) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String(), -1
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		if p, ok := Port(s[i+1:]); ok {
			return strings.Trim(s[:i], "[]"), p
		}
	}
	return s, -1
}

// Port reads the number of a port.
func Port(s string) (int64, bool) {
	p, err := strconv.ParseUint(s, 10, 16)
	return int64(p), err == nil
}

// CWE writes the number of a kind of weakness as evidence does, "" for none.
func CWE(n int64) string {
	if n <= 0 || n > 99_999 {
		return ""
	}
	return "CWE-" + strconv.FormatInt(n, 10)
}

// LicenseRef makes a license reference (SPDX 2.3, annex D) of a license's name
// that is no identifier.
func LicenseRef(name string) string {
	return "LicenseRef-" + strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '-'
	}, Line(name)), "-")
}
