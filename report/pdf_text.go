package report

import (
	"strings"
	"unicode"
)

// setLine is a line of text as wide as it may be, with its runs.
type setLine struct {
	runs   []run
	height float64
	size   float64 // of the largest letters, for the baseline
	icon   kind    // drawn before the first run
}

// run is a stretch of text in one look; x is where it begins on the line.
type run struct {
	text  string
	x, w  float64
	size  float64
	bold  bool
	color color
	to    string  // id of a section
	part  float64 // of a bar that is filled
	bar   bool
}

const (
	barWidth = 26.0
	shrink   = 1.4 // a word that much wider than its column is set smaller, not broken
)

// word is what is not broken unless it is wider than a line by itself.
type word struct {
	runs  []run
	w     float64
	space float64 // before it, where it is not the first on its line
	icon  kind
}

// cell wraps the lines of a cell one under the other.
func (s *setter) cell(c cell, w, size float64) (ls []setLine) {
	for i, l := range c {
		ws := s.wrap(l, w, size)
		if i > 0 && len(ws) > 0 {
			ws[0].height += .35 // between lines of their own
			ws[0].size += .35 / point2mm / leading
		}
		ls = append(ls, ws...)
	}
	return ls
}

func height(ls []setLine) (h float64) {
	for _, l := range ls {
		h += l.height
	}
	return h
}

// wrap breaks a line of spans at spaces, so that Hangul words stay whole, too;
// a word wider than w is broken where it is full.
func (s *setter) wrap(l line, w, size float64) (ls []setLine) {
	indent := 0.0
	add := func() {
		ls = append(ls, setLine{height: size * leading * point2mm, size: size})
	}
	add()
	x := 0.0
	for _, wd := range s.words(l, size) {
		if wd.icon != plain {
			if x > 0 {
				x += wd.space
			}
			ls[len(ls)-1].icon = wd.icon
			indent = size * point2mm * 1.3
			if len(ls[len(ls)-1].runs) > 0 { // an icon in mid-line is drawn as a run of its own
				ls[len(ls)-1].icon = plain
				ls[len(ls)-1].runs = append(ls[len(ls)-1].runs, run{x: x, w: indent, size: size, color: colors[wd.icon], to: "\x00" + string(wd.icon)})
				x += indent
				indent = 0
				continue
			}
			x = indent
			continue
		}
		space := wd.space
		if x == indent {
			space = 0
		}
		if x+space+wd.w > w && x > indent {
			add()
			x, space = indent, 0
		}
		for _, r := range wd.runs {
			if room := w - indent; r.w > room && r.w <= shrink*room {
				r.size *= room / r.w * .995
				r.w = s.width(r.text, r.size, r.bold)
			}
			for indent+r.w > w && !r.bar { // no line is wide enough for it
				head, tail := s.cut(r, w-x-space)
				if head.text != "" {
					head.x = x + space
					last := &ls[len(ls)-1]
					last.runs = append(last.runs, head)
				}
				add()
				x, space, r = indent, 0, tail
				if tail.text == "" {
					break
				}
			}
			if x+space+r.w > w && x > indent {
				add()
				x, space = indent, 0
			}
			r.x = x + space
			last := &ls[len(ls)-1]
			last.runs = append(last.runs, r)
			x, space = r.x+r.w, 0
		}
	}
	return ls
}

// cut breaks a run after as many characters as fit into w; at least one, so
// that it ends.
func (s *setter) cut(r run, w float64) (head, tail run) {
	chars := []rune(r.text)
	n, used := 0, 0.0
	for n < len(chars) {
		c := s.width(string(chars[n]), r.size, r.bold)
		if used+c > w {
			break
		}
		used += c
		n++
	}
	if n == 0 && w > 20 {
		n = 1
	}
	head, tail = r, r
	head.text, head.w = string(chars[:n]), used
	tail.text = string(chars[n:])
	tail.w = s.width(tail.text, r.size, r.bold)
	return head, tail
}

// words cuts spans at their spaces; spans that touch stay together.
func (s *setter) words(l line, size float64) (ws []word) {
	glued := false
	for _, sp := range l {
		s.check(sp.Text)
		look := run{size: size, color: ink, to: sp.To}
		switch {
		case sp.Kind == strong:
			look.bold = true
		case sp.Kind == quiet || sp.Kind == code:
			look.size, look.color = size*.9, gray
		case sp.Kind.answer():
			look.bold, look.color = true, colors[sp.Kind]
			ws = append(ws, word{icon: sp.Kind, space: s.width(" ", size, false)})
			glued = false
		case sp.Kind == bar:
			look.bar, look.part, look.w = true, sp.Part, barWidth
			ws = append(ws, word{runs: []run{look}, w: barWidth}, word{runs: []run{{size: size, w: 2.4, color: ink}}, w: 2.4})
			glued = true
			continue
		}
		if sp.To != "" {
			look.color = accent
		}
		space := s.width(" ", look.size, look.bold)
		for i, part := range strings.FieldsFunc(markSpaces(sp.Text), func(c rune) bool { return c == ' ' }) {
			r := look
			r.text = part
			r.w = s.width(part, r.size, r.bold)
			if touches := i == 0 && glued && !strings.HasPrefix(sp.Text, " "); touches && len(ws) > 0 {
				last := &ws[len(ws)-1]
				last.runs = append(last.runs, r)
				last.w += r.w
			} else {
				ws = append(ws, word{runs: []run{r}, w: r.w, space: space})
			}
		}
		if sp.Text != "" {
			glued = !strings.HasSuffix(sp.Text, " ")
		}
	}
	return ws
}

// markSpaces makes every kind of white space a plain one, but for those that
// hold together.
func markSpaces(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) && c != '\u00A0' && c != '\u202F' {
			return ' '
		}
		return c
	}, s)
}

// lines draws lines from (x, y) downwards.
func (s *setter) lines(ls []setLine, x, y float64) {
	for i := range ls {
		l := &ls[i]
		y += l.height
		base := y - l.size*point2mm*(leading-1.05) // letters stand a little above the line's lower edge
		if l.icon != plain {
			r := fontOf(l) * point2mm * .46
			s.badge(l.icon, x+r, base-fontOf(l)*point2mm*.35, r)
		}
		for _, r := range l.runs {
			switch {
			case r.bar:
				s.bar(x+r.x, base-1.9, r.w-2, 1.5, r.part)
			case strings.HasPrefix(r.to, "\x00"):
				rad := r.size * point2mm * .46
				s.badge(kind(r.to[1:]), x+r.x+rad, base-r.size*point2mm*.35, rad)
			default:
				s.text(r.text, x+r.x, base, r.size, r.bold, r.color)
				if r.to != "" {
					s.pdf.Link(x+r.x, y-l.height, r.w, l.height, s.links[r.to])
				}
			}
		}
	}
}

func fontOf(l *setLine) float64 {
	for _, r := range l.runs {
		return r.size
	}
	return l.size
}

func (s *setter) font(size float64, bold bool) {
	if s.size == size && s.bold == bold {
		return
	}
	style := ""
	if bold {
		style = "B"
	}
	s.pdf.SetFont(family, style, size)
	s.size, s.bold = size, bold
}

func (s *setter) width(text string, size float64, bold bool) float64 {
	s.font(size, bold)
	return s.pdf.GetStringWidth(text)
}

// text draws a text with its baseline at y.
func (s *setter) text(text string, x, y, size float64, bold bool, c color) {
	if s.check(text); s.err != nil || text == "" {
		return
	}
	s.font(size, bold)
	s.pdf.SetTextColor(c.r, c.g, c.b)
	s.pdf.Text(x, y, text)
}
