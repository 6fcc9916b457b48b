package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"strings"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"style":   func() template.CSS { return template.CSS(styleCSS) },
	"answers": func() []kind { return []kind{good, bad, care, out, held} },
	"answer":  kind.answer,
	"glyph":   glyph,
	"points":  pointList,
	"num":     num,
	"percent": func(x float64) template.CSS { return template.CSS(num(100*x) + "%") },
	"em":      func(x float64) template.CSS { return template.CSS(num(x/13) + "rem") },
	"bodies":  bodies,
	"tone":    tone,
}).Parse(pageHTML))

// HTML writes the report as one file of HTML: no script, nothing from outside,
// readable without styles, on a phone, in the dark and on paper. It writes
// nothing where it fails.
func (r *Report) HTML(w io.Writer) error {
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, "page", r.document()); err != nil {
		return err
	}
	_, err := b.WriteTo(w)
	return err
}

// num is a number with at most two decimals.
func num(x float64) string {
	s := strconv.FormatFloat(x, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func pointList(ps []point) string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(num(p.X) + "," + num(p.Y))
	}
	return b.String()
}

// bodies cuts rows before each group row.
func bodies(rows []row) (bs [][]row) {
	for i := range rows {
		if i == 0 || rows[i].Group {
			bs = append(bs, nil)
		}
		bs[len(bs)-1] = append(bs[len(bs)-1], rows[i])
	}
	return bs
}

// tone is the answer that a cell gives.
func tone(c cell) kind {
	for _, l := range c {
		for _, s := range l {
			if s.Kind.answer() {
				return s.Kind
			}
		}
	}
	return plain
}
