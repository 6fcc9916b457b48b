// Package page writes what a test found as one file of HTML: no script, nothing
// from outside, readable without styles, on a phone, in the dark and on paper.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"assay/evidence"
	"assay/lab"
	"assay/lab/record"
	"assay/locale"
)

//go:embed page.html style.css words/*.json
var files embed.FS

var words = func() []*locale.Locale {
	l, err := locale.Load(files, "words")
	if err != nil {
		panic(err) // embedded, and tested
	}
	return l
}()

// Say is a text of this package in a language, English where there is none: what a
// terminal says in the words of the page. pairs are names and values to fill in.
func Say(language, key string, pairs ...any) string {
	return words[max(0, slices.Index(locale.Languages, language))].T(key, pairs...)
}

// Content is what a page shows beside the run itself.
type Content struct {
	Run      *record.Run
	Product  string // name of it, where it is known
	Specimen bool   // nothing real is about it
	Facts    []Fact
	Map      *Block // nil: no map
	Covered  []Share
	Tables   []Table
	Notes    []string
}

// Fact is one line of the head: the key of a word, and what it says.
type Fact struct{ Word, Value string }

// Share is how much of the image is in a state.
type Share struct {
	State string
	Bytes int64
}

// Table is a section of its own.
type Table struct {
	ID    string   // key of its title: components, vulnerabilities, …
	Intro string   // key of a sentence; "" for none
	Heads []string // keys of words
	Rows  [][]string
	More  int // rows that are not here
}

// shown is how many findings, judgments and rows a page has of each; the record has all.
const shown = 400

// HTML writes the page in a language. It writes nothing where it fails.
func HTML(w io.Writer, language string, c *Content) error {
	i := slices.Index(locale.Languages, language)
	if i < 0 {
		return fmt.Errorf("no page in language %.20q: there is %s", language, strings.Join(locale.Languages, ", "))
	}
	v := &view{Content: c, l: words[i]}
	text, err := files.ReadFile("page.html")
	if err != nil {
		return err
	}
	style, err := files.ReadFile("style.css")
	if err != nil {
		return err
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) },
		"num":   func(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) },
		"add":   func(a, b float64) float64 { return a + b },
	}).Parse(string(text))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// view is a page in one language.
type view struct {
	*Content
	l *locale.Locale
}

// T is a text of this package.
func (v *view) T(key string, pairs ...any) string { return v.l.T(key, pairs...) }

// Lang is the language's code.
func (v *view) Lang() string { return v.l.Code }

// English marks what is there in English only, on a page in another language.
func (v *view) English() template.HTMLAttr {
	if v.l.Code == "en" {
		return ""
	}
	return ` lang="en"`
}

// Word is a word, from this package or of a property.
func (v *view) Word(name string) string { return lab.Word(name, v.l.Code) }

// When is the run's instant, as records have it.
func (v *view) When() string { return v.Run.At.UTC().Format("2006-01-02 15:04 UTC") }

// Counts are the verdicts by kind, those that ask for work first.
func (v *view) Counts() (out []count) {
	n := map[evidence.Verdict]int{}
	for _, j := range v.Run.Judgments {
		n[j.Verdict]++
	}
	for _, k := range verdicts {
		out = append(out, count{tone[k], v.T("verdict." + string(k)), n[k]})
	}
	return out
}

type count struct {
	Tone, Word string
	N          int
}

var verdicts = []evidence.Verdict{evidence.Fail, evidence.Inconclusive, evidence.Pass, evidence.NotApplicable}

var tone = map[evidence.Verdict]string{evidence.Fail: "bad", evidence.Inconclusive: "care", evidence.Pass: "good", evidence.NotApplicable: "out"}

// glyph is a shape beside the word, for those who do not see the color.
var glyph = map[string]string{"bad": "✕", "care": "?", "good": "✓", "out": "–"}

// finding is one as it is shown.
type finding struct {
	Severity, Title, Remedy, Certainty, Rule string
	Known                                    []known
	Where                                    []string
	More                                     int
	About                                    string
}

type known struct{ Name, Value string }

const placesShown = 8

// Findings are the worst first.
func (v *view) Findings() (out []finding) {
	for i := range v.Run.Findings {
		f := &v.Run.Findings[i]
		if i == shown {
			break
		}
		r := lab.MustRule(f.Rule)
		x := finding{
			Severity: string(f.Severity), Title: r.Title.In(v.l.Code, "en"), Remedy: r.Remedy.In(v.l.Code, "en"), Certainty: v.T("certainty." + string(f.Certainty)),
			Rule: fmt.Sprintf("%s %d", f.Rule, f.Version), About: strings.Join(r.About, ", "),
		}
		for _, p := range f.Known {
			x.Known = append(x.Known, known{v.Word(p.Name), p.Value})
		}
		for k, p := range f.Where {
			if k == placesShown {
				x.More = len(f.Where) - k
				break
			}
			x.Where = append(x.Where, p.String())
		}
		out = append(out, x)
	}
	return out
}

// Hidden is how many findings are not shown.
func (v *view) Hidden() (n int) {
	n = max(0, len(v.Run.Findings)-shown)
	for _, k := range v.Run.Left {
		n += k
	}
	return n
}

// judgment is one as it is shown.
type judgment struct {
	Tone, Glyph, Verdict, Name, Row, Why, Scope string
	Steps                                       []string
	Passes                                      string
}

// Judgments are those that ask for work first.
func (v *view) Judgments() (out []judgment) {
	for _, k := range verdicts {
		for i := range v.Run.Judgments {
			j := &v.Run.Judgments[i]
			if j.Verdict != k || len(out) == shown {
				continue
			}
			x := judgment{Tone: tone[k], Glyph: glyph[tone[k]], Verdict: v.T("verdict." + string(k)), Name: j.Requirement, Row: j.Row, Why: j.Why(v.l.Code), Scope: j.Scope(v.l.Code)}
			if j.Unit != "" {
				x.Name += " · " + j.Unit
			}
			if j.Task != nil {
				for _, m := range j.Task.Method {
					x.Steps = append(x.Steps, m.In(v.l.Code))
				}
				x.Passes = j.Task.Passes.In(v.l.Code)
			}
			out = append(out, x)
		}
	}
	return out
}

// Severity is the word for one.
func (v *view) Severity(s string) string { return v.T("severity." + s) }

// Rects is the tree map.
func (v *view) Rects() []rect { return layout(v.Map) }

// Fit cuts a name to the width of its block.
func (v *view) Fit(r rect) string {
	s := []rune(r.B.Name)
	if most := int((r.W - 6) / 6.2); len(s) > most {
		if most < 3 {
			return ""
		}
		s = append(s[:most-1], '…')
	}
	return string(s)
}

// Tip is what a block says in full.
func (v *view) Tip(b *Block) string {
	s := b.Name
	if b.What != "" && !strings.HasPrefix(b.Name, b.What) {
		s += " (" + b.What + ")"
	}
	s += ": " + v.Bytes(b.Bytes) + ", " + v.T("state."+string(b.State))
	if b.Worst.Rank() > 0 {
		s += ", " + v.T("severity."+string(b.Worst))
	}
	return s
}

// Bytes is a size for people.
func (v *view) Bytes(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// Parts are the image's own parts, for who does not see the map.
func (v *view) Parts() (out []part) {
	var walk func(b *Block, depth int)
	walk = func(b *Block, depth int) {
		for _, c := range b.Children {
			if c.What == "" || len(out) == shown {
				continue
			}
			out = append(out, part{strings.Repeat("– ", depth) + c.Name, v.Bytes(c.Bytes), v.T("state." + string(c.State)), string(c.State)})
			walk(c, depth+1)
		}
	}
	walk(v.Map, 0)
	return out
}

type part struct{ Name, Size, State, Class string }

// Percent is a share of the image.
func (v *view) Percent(s Share) string {
	var all int64
	for _, x := range v.Covered {
		all += x.Bytes
	}
	if all == 0 {
		return "0"
	}
	return decimal(v.l.Code, 100*float64(s.Bytes)/float64(all))
}

// decimal is a number with one place, as a language writes it.
func decimal(language string, x float64) string {
	s := strconv.FormatFloat(x, 'f', 1, 64)
	if language == "de" || language == "fi" {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// Cut is a table's rows, those that a page has.
func (v *view) Cut(t Table) [][]string { return t.Rows[:min(len(t.Rows), shown)] }

// Beyond is how many rows it has not.
func (v *view) Beyond(t Table) int { return t.More + max(0, len(t.Rows)-shown) }
