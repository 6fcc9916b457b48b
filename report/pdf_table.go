package report

const (
	cellGap   = 3.0 // between columns
	cellAbove = 1.6
	cellBelow = 1.7
)

// table sets a table. Its heads come again on each page; a row is cut only where
// it is higher than a page.
func (s *setter) table(t *table) {
	caption := s.wrap(mark(quiet, t.Caption), textWidth, fontSmall)
	s.need(height(caption) + 24)
	s.lines(caption, marginX, s.y)
	s.y += height(caption) + 1.2
	x, w := make([]float64, len(t.Heads)), make([]float64, len(t.Heads))
	at := marginX
	for i, h := range t.Heads {
		x[i], w[i] = at, textWidth*h.Width
		at += w[i]
	}
	s.heads(t, x, w)
	for i := range t.Rows {
		switch r := &t.Rows[i]; {
		case r.Group:
			s.group(t, r, x, w)
		default:
			s.row(t, r, x, w)
		}
	}
}

func (s *setter) heads(t *table, x, w []float64) {
	var cells [][]setLine
	h := 0.0
	for i, c := range t.Heads {
		ls := s.wrap(mark(strong, c.Title), w[i]-cellGap, fontSmall)
		for j := range ls {
			for k := range ls[j].runs {
				ls[j].runs[k].color = gray
			}
		}
		cells = append(cells, ls)
		h = max(h, height(ls))
	}
	for i, ls := range cells {
		s.lines(ls, x[i]+s.inset(t, i), s.y+h-height(ls)+.6)
	}
	s.y += h + 1.6
	s.line(marginX, s.y, pageWidth-marginX, s.y, gray, .3)
}

// inset is the room before the text of a shaded cell.
func (s *setter) inset(t *table, column int) float64 {
	if t.Class == "matrix" && column > 0 {
		return 2.6
	}
	return 0
}

func (s *setter) group(t *table, r *row, x, w []float64) {
	ls := s.cell(r.Cells[0], textWidth-4, fontText)
	h := height(ls) + 2.2
	if s.y+h+14 > pageHeight-marginBottom {
		s.page()
		s.heads(t, x, w)
	}
	s.box(marginX, s.y, textWidth, h, tint)
	s.lines(ls, marginX+2, s.y+1.1)
	s.y += h
	s.line(marginX, s.y, pageWidth-marginX, s.y, rule, .2)
}

func (s *setter) row(t *table, r *row, x, w []float64) {
	above, below := cellAbove, cellBelow
	if t.Class == "areas" {
		above, below = .9, 1
	}
	cells := make([][]setLine, len(r.Cells))
	h := 0.0
	for i, c := range r.Cells {
		cells[i] = s.cell(c, w[i]-cellGap-s.inset(t, i), fontText)
		h = max(h, height(cells[i]))
	}
	if room := pageHeight - marginBottom - s.y; above+h+below > room && (room < 60 || above+h+below <= pageHeight-marginTop-marginBottom-12) {
		s.page()
		s.heads(t, x, w)
	}
	for {
		room := pageHeight - marginBottom - s.y - above - below
		part := make([][]setLine, len(cells))
		rest, high := false, 0.0
		for i, ls := range cells {
			n, used := 0, 0.0
			for n < len(ls) && (used+ls[n].height <= room || n == 0) {
				used += ls[n].height
				n++
			}
			part[i], cells[i] = ls[:n], ls[n:]
			rest = rest || n < len(ls)
			high = max(high, used)
		}
		s.shades(t, r, x, w, above+high+below)
		for i, ls := range part {
			s.lines(ls, x[i]+s.inset(t, i), s.y+above)
		}
		s.y += above + high + below
		s.line(marginX, s.y, pageWidth-marginX, s.y, rule, .2)
		if !rest {
			return
		}
		s.page()
		s.heads(t, x, w)
	}
}

// shades colors the cells of a matrix by what they answer.
func (s *setter) shades(t *table, r *row, x, w []float64, h float64) {
	if t.Class != "matrix" {
		return
	}
	for i, c := range r.Cells {
		if k := tone(c); i > 0 && k != plain {
			s.box(x[i], s.y, w[i]-.8, h, tints[k])
			s.box(x[i], s.y, .9, h, colors[k])
		}
	}
}
