package report

// A document is a report in one language: what is said, in which order, with
// which weight. HTML and PDF are two ways to set it, so that both say the same.
type document struct {
	Lang     string // BCP 47
	Title    string
	Kicker   string // over the title
	Under    string // under the title
	Specimen string // "" where what is assessed is real
	Contents string // title of the table of contents
	Facts    []fact
	Tiles    []tile
	Sections []*section
	Footer   []string
	Page     string // "page {page} of {pages}"
	Skip     string // link over the contents
}

// fact is a term and what is said of it, each thing on its own line.
type fact struct {
	Term  string
	Lines cell
}

// tile is a number that sums something up.
type tile struct {
	Number, Of string // Of: "" or of how many
	Text       string
	Mark       kind // good, bad, care or none
}

// section has a title that the contents list, and parts. The sections in it
// are one step lower.
type section struct {
	ID       string
	Title    string
	Under    string // beside the title, in a smaller size
	Parts    []part
	Sections []*section
	Break    bool // begins on a new page
}

// part is one of the things that a section is made of; one field is set.
type part struct {
	Text    *text
	Table   *table
	Figures []*figure // side by side where there is room
	List    []cell
}

// text is a paragraph.
type text struct {
	Line line
	Mark kind // quiet, good, care or plain
}

// table has a caption, heads and rows. The first cell of a row names it.
type table struct {
	Caption string
	Heads   []head
	Rows    []row
	Class   string // matrix: cells are answers, shaded by what they say; areas: narrow rows
}

type head struct {
	Title string
	Width float64 // share of the table's
}

// row of a table. A group row has one cell, which spans all.
type row struct {
	Group bool
	Cells []cell
}

// cell has lines, a line has spans.
type (
	cell []line
	line []span
)

// span is a stretch of text with one look.
type span struct {
	Kind kind
	Text string
	Lang string  // where it is not the document's
	To   string  // id of the section that it leads to
	Part float64 // kind bar: how much of it is filled, 0 to 1
}

// kind is a look. The kinds of answers have a shape of their own, so that
// color is never all that tells them apart.
type kind string

const (
	plain  kind = ""
	strong kind = "strong"
	quiet  kind = "quiet"
	code   kind = "code"
	bar    kind = "bar"
	good   kind = "good" // a check mark
	bad    kind = "bad"  // a cross
	care   kind = "care" // a question mark
	out    kind = "out"  // a dash: nothing to be reached
	held   kind = "held" // shown, and not to be had
)

// answer reports whether a kind has a shape.
func (k kind) answer() bool { return k == good || k == bad || k == care || k == out || k == held }

func say(s string) line             { return line{{Text: s}} }
func mark(k kind, s string) line    { return line{{Kind: k, Text: s}} }
func (c cell) with(ls ...line) cell { return append(c, ls...) }
func one(k kind, s string) cell     { return cell{mark(k, s)} }
func foreign(lang, s string) line   { return line{{Text: s, Lang: lang}} }

// figure is a picture with what it says in words.
type figure struct {
	ID            string
	Title, Said   string // name, and the same content as text
	Width, Height float64
	Shapes        []shape
}

// shape is one stroke of a picture, in the order of drawing. Units are those
// of the figure's width and height, from its top left corner.
type shape struct {
	Kind       shapeKind
	Look       look
	X, Y, W, H float64 // of a rectangle; of a text its anchor; of a circle the center, W its radius; of a line the two ends
	Points     []point
	Text       string
	Size       float64
	Bold       bool
	Anchor     string // start, middle, end
}

type point struct{ X, Y float64 }

type shapeKind string

const (
	rectangle shapeKind = "rect" // rounded by H/2 at most 3
	stroke    shapeKind = "line"
	circle    shapeKind = "circle"
	polygon   shapeKind = "polygon"
	polyline  shapeKind = "polyline"
	lettering shapeKind = "text"
)

// look is what a shape is for; color and width follow from it.
type look string

const (
	lookRail   look = "rail"
	lookTrack  look = "track"
	lookGood   look = "good"
	lookBad    look = "bad"
	lookCare   look = "care"
	lookOut    look = "out"
	lookArea   look = "area" // a translucent surface with its outline
	lookDot    look = "dot"
	lookGrid   look = "grid"
	lookOn     look = "on" // what is drawn on one of the colors
	lookText   look = "text"
	lookQuiet  look = "quiet"
	lookDashed look = "dashed" // an outline, not reached yet
)
