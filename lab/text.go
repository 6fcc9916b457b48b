package lab

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxValue bounds the value of a property, in characters.
const maxValue = 300

// clean makes one printable line of a foreign text: control and formatting
// characters, and what is no UTF-8, are written as escapes.
func clean(s string) string {
	var b strings.Builder
	n := 0
	for i, w := 0, 0; i < len(s); i += w {
		var r rune
		if r, w = utf8.DecodeRuneInString(s[i:]); n >= maxValue {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError && w == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		n++
	}
	return b.String()
}

// String is the place on one line.
func (p Place) String() string {
	s := p.Address
	switch {
	case p.Path != "" && p.Part != "":
		s = p.Part + ":" + p.Path
	case p.Path != "":
		s = p.Path
	case p.Part != "":
		s = p.Part
	}
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	}
	if p.Offset > 0 {
		s += fmt.Sprintf("+0x%x", p.Offset)
	}
	return clean(s)
}
