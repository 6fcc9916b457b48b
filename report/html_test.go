package report

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"assay/evidence"
	"assay/locale"
)

var update = flag.Bool("update", false, "write the golden files")

func htmlOf(t testing.TB, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The page of the small evidence, in each language, is as it was looked at.
func TestGoldenHTML(t *testing.T) {
	for _, lang := range locale.Languages {
		got := htmlOf(t, small(t, Options{Lang: lang, By: "SPECIMEN Office", Now: testDay, Faults: []Fault{{"product.yaml:3", "no holder", "say who makes it"}}}))
		name := filepath.Join("testdata", "report."+lang+".html")
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range a {
				if i >= len(b) || a[i] != b[i] {
					t.Errorf("%s, line %d: %q; go test ./report -update, then look at the difference", name, i+1, a[i])
					break
				}
			}
		}
	}
}

type node struct {
	name     string
	attr     map[string]string
	text     string
	children []*node
}

func (n *node) all(name string) (found []*node) {
	for _, c := range n.children {
		if name == "" || c.name == name {
			found = append(found, c)
		}
		found = append(found, c.all(name)...)
	}
	return found
}

// parse reads a page strictly: whatever is opened is closed, in order.
func parse(t testing.TB, page string) *node {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict = false
	d.AutoClose = xml.HTMLAutoClose
	d.Entity = xml.HTMLEntity
	root := &node{}
	stack := []*node{root}
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		top := stack[len(stack)-1]
		switch x := tok.(type) {
		case xml.StartElement:
			n := &node{name: x.Name.Local, attr: map[string]string{}}
			for _, a := range x.Attr {
				n.attr[a.Name.Local] = a.Value
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			if top.name != x.Name.Local {
				t.Fatalf("<%s> is closed by </%s>", top.name, x.Name.Local)
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			for _, n := range stack {
				n.text += string(x)
			}
		}
	}
	if len(stack) != 1 {
		t.Fatalf("<%s> is not closed", stack[len(stack)-1].name)
	}
	return root
}

var headings = regexp.MustCompile(`^h[1-6]$`)

// accessible holds a page against what a reader with other means than eyes and a
// mouse needs, and against asking anything of the network.
func accessible(t *testing.T, lang, page string) {
	t.Helper()
	root := parse(t, page)
	if h := root.all("html"); len(h) != 1 || h[0].attr["lang"] != lang {
		t.Errorf("the page's language is not %s", lang)
	}
	if n := len(root.all("h1")); n != 1 {
		t.Errorf("%d h1", n)
	}
	if ts := root.all("title"); strings.TrimSpace(ts[0].text) == "" {
		t.Error("no title")
	}
	ids := map[string]bool{}
	level := 0
	for _, n := range root.all("") {
		if id, ok := n.attr["id"]; ok {
			if ids[id] || id == "" || strings.ContainsAny(id, " \t") {
				t.Errorf("id %q comes twice, or is none", id)
			}
			ids[id] = true
		}
		if headings.MatchString(n.name) {
			if l := int(n.name[1] - '0'); l > level+1 {
				t.Errorf("%s %q comes after h%d", n.name, n.text, level)
			} else {
				level = l
			}
			if strings.TrimSpace(n.text) == "" {
				t.Errorf("empty %s", n.name)
			}
		}
		for k, v := range n.attr {
			if strings.HasPrefix(k, "on") || k == "src" || k == "srcset" || (k == "href" && !strings.HasPrefix(v, "#")) || strings.Contains(v, "url(") {
				t.Errorf("<%s %s=%q> asks for something", n.name, k, v)
			}
		}
		switch n.name {
		case "script", "link", "iframe", "object", "embed", "img", "base", "form":
			t.Errorf("<%s>", n.name)
		case "table":
			if c := n.all("caption"); len(c) != 1 || strings.TrimSpace(c[0].text) == "" {
				t.Error("a table without a caption")
			}
			columns := len(n.all("col"))
			for _, tr := range n.all("tr") {
				width := 0
				for _, c := range tr.children {
					w := 1
					if s := c.attr["colspan"]; s != "" {
						w, _ = strconv.Atoi(s)
					}
					width += w
				}
				if width != columns {
					t.Errorf("a row %d wide in a table of %d: %q", width, columns, tr.text)
				}
			}
			for _, th := range n.all("th") {
				if th.attr["scope"] == "" || strings.TrimSpace(th.text) == "" {
					t.Errorf("a head without a scope or a text: %q", th.text)
				}
			}
		case "svg":
			if n.attr["aria-hidden"] == "true" {
				continue
			}
			title, desc := n.all("title"), n.all("desc")
			if n.attr["role"] != "img" || len(title) != 1 || len(desc) != 1 || title[0].text == "" || desc[0].text == "" {
				t.Error("a picture without a name and the same in words")
			} else if n.attr["aria-labelledby"] != title[0].attr["id"]+" "+desc[0].attr["id"] {
				t.Errorf("a picture is labeled by %q", n.attr["aria-labelledby"])
			}
		}
	}
	for _, a := range root.all("a") {
		if !ids[strings.TrimPrefix(a.attr["href"], "#")] {
			t.Errorf("a link to %s, which is not there", a.attr["href"])
		}
	}
	for _, s := range root.all("section") {
		if !ids[s.attr["aria-labelledby"]] {
			t.Errorf("section %s has no name", s.attr["id"])
		}
	}
	// An answer is a shape and a word, never a color alone.
	for _, s := range root.all("span") {
		if kind(s.attr["class"]).answer() && (len(s.all("svg")) != 1 || strings.TrimSpace(s.text) == "") {
			t.Errorf("an answer without a shape or a word: %q", s.text)
		}
	}
}

func TestAccessible(t *testing.T) {
	cat, c, b := gateway(t)
	flawed(t, b.Evidence)
	for _, lang := range locale.Languages {
		accessible(t, lang, htmlOf(t, small(t, Options{Lang: lang})))
		accessible(t, lang, htmlOf(t, assessed(t, cat, c, b.Evidence, Options{Lang: lang})))
	}
	accessible(t, "en", htmlOf(t, assessed(t, cat, c, &evidence.Evidence{}, Options{Lang: "en"})))
	accessible(t, "en", htmlOf(t, smallOf(t, smallCatalog(), &evidence.Evidence{}, Options{Lang: "en", Title: "Only a title"})))
}

// hostile names are what a maker may call a product to hurt its reader.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</style><script>x</script>`, `</title></svg>`, `{{.}}`,
	"gate\u202Eyaw\u2066x", "a\u200Bb\u200Dc\uFEFF", "Ünïcode é", strings.Repeat("long", 200), strings.Repeat("word ", 80), "\x00\xff\n\r\t", "𝕏 漢字 🙂",
}

func TestHostileNames(t *testing.T) {
	calm := parse(t, htmlOf(t, small(t, Options{})))
	for _, name := range hostile {
		ev := smallEvidence(t)
		ev.Product.Name, ev.Product.Brand, ev.Product.Models[0].ID, ev.Firmware[0].Version = name, name, name, name
		ev.Reports[0].Name = name
		page := htmlOf(t, smallOf(t, smallCatalog(), ev, Options{Title: name, By: name, Where: func(string) string { return name }}))
		accessible(t, "en", page)
		if strings.ContainsAny(page, "\u202E\u2066\u200B\u200D\uFEFF\x00\r") {
			t.Errorf("%q: what turns or hides text is in the page", name)
		}
		root := parse(t, page)
		if got, want := len(root.all("")), len(calm.all("")); got < want-40 || got > want+40 {
			t.Errorf("%q: %d elements, %d with a calm name", name, got, want)
		}
		if strings.Contains(name, "<") && !strings.Contains(root.all("h1")[0].text, name) {
			t.Errorf("%q is %q in the title", name, root.all("h1")[0].text)
		}
	}
	if got := clean("gate\u202Eyaw"); got != "gate‹U+202E›yaw" {
		t.Error(got)
	}
	if got := clean("e\u0301 ㄱ\u1100\u1161 a\u00ADb\nc"); got != "é ㄱ가 ab c" {
		t.Errorf("%q", got)
	}
}

var (
	variables = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{3,6})`)
	blocks    = regexp.MustCompile(`(?s):root \{(.*?)\}`)
)

func luminance(hex string) float64 {
	if len(hex) == 4 {
		hex = "#" + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:3], 2) + strings.Repeat(hex[3:4], 2)
	}
	v, _ := strconv.ParseUint(hex[1:], 16, 32)
	l := 0.0
	for i, w := range []float64{.0722, .7152, .2126} {
		c := float64(v>>(8*i)&0xff) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		l += w * c
	}
	return l
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// Text has the contrast of WCAG 2.2, 1.4.3 (AA), in light, dark and print, and
// on paper the same.
func TestContrast(t *testing.T) {
	found := blocks.FindAllStringSubmatch(styleCSS, -1)
	if len(found) != 3 {
		t.Fatalf("%d blocks of colors", len(found))
	}
	for i, b := range found {
		v := map[string]string{}
		for _, m := range variables.FindAllStringSubmatch(b[1], -1) {
			v[m[1]] = m[2]
		}
		for _, fore := range []string{"ink", "quiet", "accent", "good", "bad", "care", "out"} {
			for _, back := range []string{"paper", "tint", "good-tint", "bad-tint", "care-tint"} {
				if v[fore] == "" || v[back] == "" {
					t.Fatalf("block %d has no %s or %s", i, fore, back)
				}
				if c := contrast(v[fore], v[back]); c < 4.5 {
					t.Errorf("block %d: %s on %s: %.2f", i, fore, back, c)
				}
			}
		}
		for _, disk := range []string{"good", "bad", "care", "out", "accent"} {
			if c := contrast(v["on"], v[disk]); c < 3 { // 1.4.11, shapes
				t.Errorf("block %d: the shape on %s: %.2f", i, disk, c)
			}
		}
	}
	hex := func(c color) string {
		return "#" + strconv.FormatInt(int64(1<<24|c.r<<16|c.g<<8|c.b), 16)[1:]
	}
	fores := []color{ink, gray, accent}
	for _, c := range colors {
		fores = append(fores, c)
	}
	for _, f := range fores {
		for _, back := range []color{white, wash, tint, tints[good], tints[bad], tints[care]} {
			if c := contrast(hex(f), hex(back)); c < 4.5 {
				t.Errorf("paper: %v on %v: %.2f", f, back, c)
			}
		}
	}
}

// Both pictures say in words what they show.
func TestFiguresSayWhatTheyShow(t *testing.T) {
	root := parse(t, htmlOf(t, small(t, Options{})))
	said := map[string]string{}
	for _, d := range root.all("desc") {
		said[strings.TrimSuffix(d.attr["id"], "-d")] = d.text
	}
	for id, want := range map[string]string{
		"ladder-alpha": "From the lowest level up. Basic: reached. Full: not reached (3\u00a0missing).",
		"radar-alpha":  "The table of areas beside it has the numbers. 1 Signing in: 1 of 1. 2 Reports: 2 of 2. 3 Updates: 0 of 1. 4 Design: 0 of 1. 5 Data: 0 of 1.",
	} {
		if said[id] != want {
			t.Errorf("%s: %q, want %q", id, said[id], want)
		}
	}
	if _, there := said["ladder-gamma"]; there {
		t.Error("a ladder for a scheme that takes no such product")
	}
	var points []string
	for _, s := range root.all("svg") {
		if strings.HasPrefix(s.attr["aria-labelledby"], "radar-alpha") {
			for _, p := range s.all("polygon") {
				if p.attr["class"] == "area" {
					points = strings.Fields(p.attr["points"])
				}
			}
		}
	}
	center := num(radarWidth/2) + "," + num(radarHeight/2)
	if len(points) != 5 || points[0] != num(radarWidth/2)+","+num(radarHeight/2-radarRadius) || !slices.Equal(points[2:], []string{center, center, center}) {
		t.Errorf("surface %q: the first axis is full, the last three are empty", points)
	}
}
