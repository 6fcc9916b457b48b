package report

import "codeberg.org/go-pdf/fpdf"

func (s *setter) line(x1, y1, x2, y2 float64, c color, w float64) {
	s.pdf.SetDrawColor(c.r, c.g, c.b)
	s.pdf.SetLineWidth(w)
	s.pdf.Line(x1, y1, x2, y2)
}

func (s *setter) box(x, y, w, h float64, c color) {
	s.pdf.SetFillColor(c.r, c.g, c.b)
	s.pdf.Rect(x, y, w, h, "F")
}

// bar is a share as a filled track.
func (s *setter) bar(x, y, w, h, part float64) {
	s.pdf.SetFillColor(track.r, track.g, track.b)
	s.pdf.RoundedRect(x, y, w, h, h/2, "1234", "F")
	if part > 0 {
		s.pdf.SetFillColor(accent.r, accent.g, accent.b)
		s.pdf.RoundedRect(x, y, max(h, w*part), h, h/2, "1234", "F")
	}
}

// badge is the shape of an answer, in white on a disk.
func (s *setter) badge(k kind, x, y, r float64) {
	c := colors[k]
	s.pdf.SetFillColor(c.r, c.g, c.b)
	s.pdf.Circle(x, y, r, "F")
	for _, stroke := range glyph(k) {
		s.polyline(stroke, x, y, r, white, r*.26)
	}
}

func (s *setter) polyline(ps []point, x, y, scale float64, c color, w float64) {
	s.pdf.SetDrawColor(c.r, c.g, c.b)
	s.pdf.SetLineWidth(w)
	s.pdf.SetLineCapStyle("round")
	s.pdf.SetLineJoinStyle("round")
	s.pdf.MoveTo(x+ps[0].X*scale, y+ps[0].Y*scale)
	for _, p := range ps[1:] {
		s.pdf.LineTo(x+p.X*scale, y+p.Y*scale)
	}
	s.pdf.DrawPath("D")
	s.pdf.SetLineCapStyle("butt")
}

// figures stand side by side, centered on each other.
func (s *setter) figures(fs []*figure) {
	high := 0.0
	for _, f := range fs {
		high = max(high, f.Height*unit)
	}
	s.space(1)
	s.need(high + 4)
	for i, f := range fs {
		s.figure(f, marginX+float64(i)*textWidth/2, s.y+(high-f.Height*unit)/2)
	}
	s.y += high + 3
}

func (s *setter) figure(f *figure, x, y float64) {
	at := func(px, py float64) (float64, float64) { return x + px*unit, y + py*unit }
	for i := range f.Shapes {
		h := &f.Shapes[i]
		c := looks[h.Look]
		s.pdf.SetFillColor(c.r, c.g, c.b)
		s.pdf.SetDrawColor(c.r, c.g, c.b)
		px, py := at(h.X, h.Y)
		switch h.Kind {
		case rectangle:
			r := min(3, h.H/2, h.W/2) * unit
			style := "F"
			if h.Look == lookDashed {
				style = "D"
				s.pdf.SetLineWidth(1.2 * unit)
				s.pdf.SetDashPattern([]float64{3 * unit, 2.5 * unit}, 0)
			}
			s.pdf.RoundedRect(px, py, h.W*unit, h.H*unit, r, "1234", style)
			s.pdf.SetDashPattern(nil, 0)
		case stroke:
			ex, ey := at(h.W, h.H)
			wide := 4 * unit
			if h.Look == lookGrid {
				wide = .8 * unit
			}
			s.pdf.SetLineWidth(wide)
			s.pdf.SetLineCapStyle("round")
			s.pdf.Line(px, py, ex, ey)
			s.pdf.SetLineCapStyle("butt")
		case circle:
			s.pdf.Circle(px, py, h.W*unit, "F")
		case polygon:
			ps := make([]fpdf.PointType, len(h.Points))
			for j, p := range h.Points {
				ps[j].X, ps[j].Y = at(p.X, p.Y)
			}
			s.pdf.SetLineWidth(.8 * unit)
			if h.Look == lookArea {
				s.pdf.SetFillColor(surface.r, surface.g, surface.b)
				s.pdf.SetAlpha(.6, "Normal")
				s.pdf.Polygon(ps, "F")
				s.pdf.SetAlpha(1, "Normal")
				s.pdf.SetLineWidth(1.8 * unit)
			}
			s.pdf.Polygon(ps, "D")
		case polyline:
			ps := make([]point, len(h.Points))
			for j, p := range h.Points {
				ps[j].X, ps[j].Y = at(p.X, p.Y)
			}
			s.polyline(ps, 0, 0, 1, c, 1.9*unit)
		case lettering:
			size := h.Size * unit / point2mm
			switch w := s.width(h.Text, size, h.Bold); h.Anchor {
			case "middle":
				px -= w / 2
			case "end":
				px -= w
			}
			s.text(h.Text, px, py, size, h.Bold, c)
		}
	}
}
