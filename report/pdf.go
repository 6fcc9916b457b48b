package report

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"assay/civil"
)

// Sizes on paper, A4, in mm; those of letters in points.
const (
	pageWidth, pageHeight = 210.0, 297.0
	marginX               = 18.0
	marginTop             = 20.0
	marginBottom          = 20.0
	textWidth             = pageWidth - 2*marginX
	fontText              = 9.0
	fontSmall             = 7.8
	leading               = 1.42 // of the letters' size
	point2mm              = 25.4 / 72
	unit                  = .285 // mm for a unit of a figure
)

type color struct{ r, g, b int }

var (
	ink     = color{27, 36, 45}
	gray    = color{85, 97, 109}
	rule    = color{220, 223, 227}
	tint    = color{245, 246, 248}
	track   = color{227, 230, 234}
	accent  = color{29, 79, 124}
	surface = color{214, 222, 231}
	white   = color{255, 255, 255}
	wash    = color{249, 246, 238} // the mark across specimens
	colors  = map[kind]color{good: {28, 107, 60}, bad: {165, 39, 30}, care: {125, 80, 0}, out: {91, 102, 113}, held: {91, 102, 113}}
	tints   = map[kind]color{good: {238, 247, 240}, bad: {253, 241, 240}, care: {253, 246, 231}, out: tint, held: tint}
	looks   = map[look]color{
		lookRail: track, lookTrack: track, lookGood: colors[good], lookBad: colors[bad], lookCare: colors[care], lookOut: colors[out],
		lookArea: accent, lookDot: accent, lookGrid: rule, lookOn: white, lookText: ink, lookQuiet: gray, lookDashed: accent,
	}
)

// PDF writes the report as PDF with its title, language and an outline, page
// numbers and heads of tables that come again on each page. The same report
// gives the same bytes. It is not tagged, which the library cannot do: who needs
// structure takes the HTML. A character that the fonts lack is a [GlyphError].
// It writes nothing where it fails.
func (r *Report) PDF(w io.Writer) error {
	f, err := theFaces()
	if err != nil {
		return err
	}
	d := r.document()
	s := newSetter(d, f)
	s.pdf.SetAuthor(clean(r.opt.By), true)
	s.pdf.SetSubject(d.Kicker, true)
	at := instant(r.opt.Now, r.day())
	s.pdf.SetCreationDate(at)
	s.pdf.SetModificationDate(at)
	s.check(clean(r.opt.By))
	s.set()
	if s.err != nil {
		return s.err
	}
	var b bytes.Buffer
	if err := s.pdf.Output(&b); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// instant is the start of the first day that is one: a document has to bear an
// instant, and it is no clock's.
func instant(days ...civil.Date) time.Time {
	for _, d := range days {
		if !d.IsZero() {
			return d.Time()
		}
	}
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
}

// setter sets a document on pages. y is the top of what comes next.
type setter struct {
	pdf   *fpdf.Fpdf
	d     *document
	faces *faces
	err   error
	y     float64
	links map[string]int // by section id

	size float64
	bold bool
}

const family = "report"

func newSetter(d *document, f *faces) *setter {
	p := fpdf.New("P", "mm", "A4", "")
	p.SetCatalogSort(true)
	p.SetAutoPageBreak(false, 0)
	p.SetCellMargin(0)
	p.AddUTF8FontFromBytes(family, "", f.regular)
	p.AddUTF8FontFromBytes(family, "B", f.bold)
	p.AliasNbPages(pagesAlias)
	p.SetTitle(d.Kicker+": "+d.Title, true)
	p.SetLang(d.Lang)
	p.SetCreator("Assay", true)
	p.SetProducer("Assay", true)
	s := &setter{pdf: p, d: d, faces: f, links: map[string]int{}}
	p.SetHeaderFunc(s.header)
	p.SetFooterFunc(s.footer)
	return s
}

// pagesAlias stands for the number of pages until that is known. Digits are
// in every font; these are so many that no text is like them.
const pagesAlias = "00123456789000"

func (s *setter) check(text string) {
	if s.err == nil {
		s.err = s.faces.check(text)
	}
}

func (s *setter) set() {
	s.font(fontText, false)
	for _, x := range s.d.Sections {
		s.links[x.ID] = s.pdf.AddLink()
		for _, y := range x.Sections {
			s.links[y.ID] = s.pdf.AddLink()
		}
	}
	s.page()
	s.first()
	for _, x := range s.d.Sections {
		s.section(x, 0)
	}
	s.space(6)
	s.need(16)
	s.line(marginX, s.y, pageWidth-marginX, s.y, rule, .4)
	s.space(3)
	for _, l := range s.d.Footer {
		s.paragraph(mark(quiet, l), textWidth, fontText)
		s.space(1)
	}
}

func (s *setter) page() {
	s.pdf.AddPage()
	s.y = marginTop
}

// header is the mark across a specimen, and from the second page on what the
// page belongs to.
func (s *setter) header() {
	if s.d.Specimen != "" {
		s.pdf.TransformBegin()
		s.pdf.TransformRotate(52, pageWidth/2, pageHeight/2)
		s.text("SPECIMEN", pageWidth/2-s.width("SPECIMEN", 104, true)/2, pageHeight/2+12, 104, true, wash)
		s.pdf.TransformEnd()
	}
	if s.pdf.PageNo() == 1 {
		return
	}
	s.text(s.fit(s.d.Kicker+": "+s.d.Title, textWidth, fontSmall), marginX, 12.5, fontSmall, false, gray)
	s.line(marginX, 14.5, pageWidth-marginX, 14.5, rule, .2)
}

func (s *setter) footer() {
	n := strings.NewReplacer("{page}", strconv.Itoa(s.pdf.PageNo()), "{pages}", pagesAlias).Replace(s.d.Page)
	s.text(n, marginX, pageHeight-10, fontSmall, false, gray)
}

// fit cuts a text that is wider than w.
func (s *setter) fit(text string, w, size float64) string {
	if s.width(text, size, false) <= w {
		return text
	}
	r := []rune(text)
	for len(r) > 0 && s.width(string(r)+"…", size, false) > w {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// need begins a new page where less than h is left on this one.
func (s *setter) need(h float64) {
	if s.y+h > pageHeight-marginBottom {
		s.page()
	}
}

func (s *setter) space(h float64) { s.y += h }

// first is the head of the report.
func (s *setter) first() {
	if t := s.d.Specimen; t != "" {
		ls := s.wrap(mark(care, t), textWidth-6, fontSmall)
		h := height(ls) + 3.4
		s.box(marginX, s.y, textWidth, h, tints[care])
		s.lines(ls, marginX+3, s.y+1.7)
		s.y += h + 6
	}
	s.paragraph(line{{Kind: strong, Text: s.d.Kicker}}, textWidth, 10.5, accent)
	s.space(1)
	s.paragraph(mark(strong, s.d.Title), textWidth, 21)
	s.space(4)
	s.tiles()
	s.facts()
}

func (s *setter) tiles() {
	const gap, pad = 3.5, 3.2
	w := (textWidth - gap*float64(len(s.d.Tiles)-1)) / float64(len(s.d.Tiles))
	var texts [][]setLine
	h := 0.0
	for _, t := range s.d.Tiles {
		ls := s.wrap(mark(quiet, t.Text), w-2*pad, fontText)
		texts = append(texts, ls)
		h = max(h, 13+height(ls))
	}
	for i, t := range s.d.Tiles {
		x := marginX + float64(i)*(w+gap)
		c := accent
		if t.Mark != plain {
			c = colors[t.Mark]
		}
		s.box(x, s.y, w, h, tint)
		s.box(x, s.y, w, .9, c)
		if t.Mark == plain {
			c = ink
		}
		s.text(t.Number, x+pad, s.y+9, 18, true, c)
		if t.Of != "" {
			s.text(t.Of, x+pad+s.width(t.Number, 18, true)+1.4, s.y+9, 10, false, gray)
		}
		s.lines(texts[i], x+pad, s.y+11.2)
	}
	s.y += h + 6
}

func (s *setter) facts() {
	const term = 40.0
	for _, f := range s.d.Facts {
		left := s.wrap(mark(quiet, f.Term), term-3, fontText)
		right := s.cell(f.Lines, textWidth-term, fontText)
		s.need(max(height(left), height(right)) + 2.6)
		s.line(marginX, s.y, pageWidth-marginX, s.y, rule, .2)
		s.lines(left, marginX, s.y+1.3)
		s.lines(right, marginX+term, s.y+1.3)
		s.y += max(height(left), height(right)) + 2.6
	}
	s.line(marginX, s.y, pageWidth-marginX, s.y, rule, .2)
}

func (s *setter) section(x *section, level int) {
	size, before := 15.0, 9.0
	if level > 0 {
		size, before = 11.5, 7.0
	}
	switch {
	case x.Break:
		s.page()
	default:
		s.space(before)
		s.need(keep(x))
	}
	s.pdf.SetLink(s.links[x.ID], s.y, -1)
	s.check(x.Title)
	s.font(size, true) // the outline takes its encoding from the font
	s.pdf.Bookmark(x.Title, level, s.y)
	s.paragraph(mark(strong, x.Title), textWidth, size)
	if x.Under != "" {
		s.paragraph(mark(quiet, x.Under), textWidth, fontText)
	}
	s.space(1.6)
	for i := range x.Parts {
		s.part(&x.Parts[i])
	}
	for i, y := range x.Sections {
		if i == 0 {
			s.y -= 4 // a title right under a title
		}
		s.section(y, level+1)
	}
}

// keep is how much room a title wants for what comes under it: enough for a
// beginning, and all of a picture.
func keep(x *section) float64 {
	h := 30.0
	for _, p := range x.Parts {
		for _, f := range p.Figures {
			h = max(h, 32+f.Height*unit)
		}
		if p.Table != nil && p.Table.Class == "matrix" {
			h = max(h, 75)
		}
	}
	if len(x.Parts) == 0 && len(x.Sections) > 0 {
		h = 16 + keep(x.Sections[0])
	}
	return h
}

func (s *setter) part(p *part) {
	switch {
	case p.Text != nil:
		l := p.Text.Line
		if p.Text.Mark == quiet {
			l = append(line(nil), l...)
			for i := range l {
				if l[i].Kind == plain {
					l[i].Kind = quiet
				}
			}
		}
		s.paragraph(l, 150, fontText)
		s.space(1.8)
	case p.Table != nil:
		s.table(p.Table)
		s.space(4)
	case p.Figures != nil:
		s.figures(p.Figures)
	default:
		for _, c := range p.List {
			ls := s.cell(c, 155, fontText)
			s.need(height(ls) + 1.5)
			if !c[0][0].Kind.answer() {
				s.pdf.SetFillColor(gray.r, gray.g, gray.b)
				s.pdf.Circle(marginX+1.2, s.y+1.9, .55, "F")
				s.lines(ls, marginX+3.7, s.y)
			} else {
				s.lines(ls, marginX, s.y)
			}
			s.y += height(ls) + 1.5
		}
	}
}

// paragraph sets a line of spans over as many lines as it takes.
func (s *setter) paragraph(l line, w, size float64, c ...color) {
	ls := s.wrap(l, w, size)
	for i := range ls {
		for j := range ls[i].runs {
			if len(c) > 0 {
				ls[i].runs[j].color = c[0]
			}
		}
		s.need(ls[i].height)
		s.lines(ls[i:i+1], marginX, s.y)
		s.y += ls[i].height
	}
}
