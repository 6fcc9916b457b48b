package disclosure

import (
	"bytes"
	"encoding/hex"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// block is a paragraph, an entry of a list or a row of a table.
type block struct {
	text    string
	heading string // the one above it
	line    int    // where it begins
	title   bool   // it is a heading itself
}

// link is an address that a page names.
type link struct {
	to, text string
	line     int
}

// page is a document as text.
type page struct {
	blocks []block
	links  []link
	forms  []int // lines of forms for writing into
	signIn int   // line of a field for a password; 0: none
}

// Bounds of a page; what is beyond is left out.
const (
	maxBlocks = 20_000
	maxLinks  = 5_000
	maxBlock  = 20_000 // characters
)

// breaks are the elements that begin a new block.
var breaks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Li: true, atom.Tr: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
	atom.Dt: true, atom.Dd: true, atom.Br: true, atom.Section: true, atom.Article: true, atom.Table: true, atom.Ul: true, atom.Ol: true, atom.Dl: true,
	atom.Header: true, atom.Footer: true, atom.Main: true, atom.Nav: true, atom.Pre: true, atom.Blockquote: true, atom.Hr: true, atom.Form: true, atom.Body: true, atom.Html: true,
	atom.Summary: true, atom.Details: true, atom.Address: true, atom.Aside: true, atom.Figure: true, atom.Option: true,
}

// silent are those whose text nobody sees.
var silent = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Template: true, atom.Noscript: true, atom.Head: true, atom.Svg: true, atom.Textarea: true, atom.Iframe: true}

var headings = map[atom.Atom]bool{atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Dt: true, atom.Summary: true}

// decode makes UTF-8 of a page by what the server, the page itself, or its bytes say.
func decode(b []byte, contentType string) []byte {
	if utf8.Valid(b) {
		return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	}
	r, err := charset.NewReader(bytes.NewReader(b), contentType)
	if err != nil {
		return bytes.ToValidUTF8(b, []byte("\ufffd"))
	}
	out, err := io.ReadAll(io.LimitReader(r, 4*maxDocument))
	if err != nil {
		return bytes.ToValidUTF8(b, []byte("\ufffd"))
	}
	return bytes.ToValidUTF8(out, []byte("\ufffd"))
}

// pageBuilder collects blocks.
type pageBuilder struct {
	page
	text    strings.Builder
	line    int
	heading string
	title   bool
	space   bool // the last text ended with a space, or a line did
}

// write adds a text; spaces between are one.
func (p *pageBuilder) write(raw string, line int) {
	s := strings.Join(strings.Fields(raw), " ")
	if s == "" || p.text.Len() > maxBlock {
		p.space = p.space || raw != ""
		return
	}
	switch {
	case p.text.Len() == 0:
		p.line = line
	case p.space || strings.TrimLeft(raw, " \t\r\n") != raw:
		p.text.WriteByte(' ')
	}
	p.text.WriteString(s)
	p.space = strings.TrimRight(raw, " \t\r\n") != raw
}

func (p *pageBuilder) flush() {
	s := strings.TrimSpace(p.text.String())
	p.text.Reset()
	if s == "" || len(p.blocks) >= maxBlocks {
		return
	}
	p.blocks = append(p.blocks, block{s, p.heading, p.line, p.title})
	if p.title {
		p.heading = s
	}
}

// readHTML makes text of a page.
func readHTML(b []byte) page {
	z := html.NewTokenizer(bytes.NewReader(b))
	z.SetMaxBuf(maxDocument)
	p := &pageBuilder{}
	line, depth := 1, 0
	var hidden atom.Atom // the silent element that we are in
	var anchor *link
	for {
		kind := z.Next()
		here := line
		line += bytes.Count(z.Raw(), []byte("\n"))
		switch kind {
		case html.ErrorToken:
			p.flush()
			return p.page
		case html.TextToken:
			if hidden != 0 {
				continue
			}
			text := string(z.Text())
			lead := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
			p.write(text, here+strings.Count(text[:lead], "\n"))
			if anchor != nil {
				anchor.text = strings.TrimSpace(anchor.text + " " + strings.Join(strings.Fields(text), " "))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			a := atom.Lookup(name)
			attributes := map[string]string{}
			for more {
				var k, v []byte
				k, v, more = z.TagAttr()
				attributes[string(k)] = string(v)
			}
			if hidden != 0 {
				if a == hidden && kind == html.StartTagToken {
					depth++
				}
				continue
			}
			_, unseen := attributes["hidden"]
			unseen = unseen && !void[a] || strings.Contains(strings.ReplaceAll(attributes["style"], " ", ""), "display:none") && !void[a]
			if (silent[a] || unseen) && kind == html.StartTagToken && a != 0 {
				hidden, depth = a, 1
				continue
			}
			p.open(a, attributes, here)
			if a == atom.A && attributes["href"] != "" && len(p.links) < maxLinks {
				p.links = append(p.links, link{to: strings.TrimSpace(attributes["href"]), line: here})
				anchor = &p.links[len(p.links)-1]
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if hidden != 0 {
				if a == hidden {
					if depth--; depth == 0 {
						hidden = 0
					}
				}
				continue
			}
			if a == atom.A {
				anchor = nil
			}
			if breaks[a] {
				p.flush()
			}
			if headings[a] {
				p.title = false
			}
		}
	}
}

// void are the elements without an end.
var void = map[atom.Atom]bool{atom.Input: true, atom.Br: true, atom.Hr: true, atom.Img: true, atom.Meta: true, atom.Link: true, atom.Source: true, atom.Wbr: true, atom.Col: true, atom.Area: true, atom.Base: true, atom.Embed: true, atom.Track: true, atom.Param: true}

func (p *pageBuilder) open(a atom.Atom, attributes map[string]string, line int) {
	switch {
	case breaks[a]:
		p.flush()
		p.title = headings[a]
	case (a == atom.Td || a == atom.Th) && p.text.Len() > 0:
		p.write(" | ", line)
	case a == atom.Input && strings.EqualFold(attributes["type"], "password") && p.signIn == 0:
		p.signIn = line
	}
	if hidden := attributes["data-cfemail"]; hidden != "" { // an address that a script would show
		if mail := unmask(hidden); mail != "" {
			p.write(" "+mail+" ", line)
		}
	}
	if a == atom.Form && len(p.forms) < 100 {
		p.forms = append(p.forms, line)
	}
}

// unmask reads an address for mail as a well-known proxy hides it: hexadecimal, the
// first byte is the key of the others.
func unmask(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) < 6 || len(b) > 200 {
		return ""
	}
	for i := range b[1:] {
		b[i+1] ^= b[0]
	}
	if m := email.FindString(string(b[1:])); m == string(b[1:]) {
		return m
	}
	return ""
}

var (
	mdLink    = regexp.MustCompile(`\[([^\]\n]{1,300})\]\(<?([^)\s>]{1,1000})>?[^)\n]{0,300}\)`)
	mdHeading = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	mdItem    = regexp.MustCompile(`^\s*(?:[-*+•·]|\d{1,3}[.)]|[①-⑳]|[가-힣][.)])\s+`)
	mdLine    = regexp.MustCompile(`^\s*(?:=+|-+|\*{3,}|_{3,}|[|:\-\s]+)\s*$`)
	mdMark    = regexp.MustCompile("[*_`]{1,3}")
	webLink   = regexp.MustCompile(`https?://[^\s<>"'()\[\]{}|\\^` + "`" + `]{3,1000}`)
)

// readText makes blocks of plain text or Markdown: paragraphs, entries of lists, rows
// of tables.
func readText(b []byte) page {
	p := &pageBuilder{}
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		l = strings.TrimRight(l, "\r \t")
		n := i + 1
		for _, m := range mdLink.FindAllStringSubmatch(l, 50) {
			if len(p.links) < maxLinks {
				p.links = append(p.links, link{m[2], m[1], n})
			}
		}
		for _, u := range webLink.FindAllString(l, 50) {
			if len(p.links) < maxLinks {
				p.links = append(p.links, link{strings.TrimRight(u, ".,;:!?"), l, n})
			}
		}
		l = mdLink.ReplaceAllString(l, "$1 ($2)")
		switch h := mdHeading.FindStringSubmatch(l); {
		case strings.TrimSpace(l) == "":
			p.flush()
		case mdLine.MatchString(l):
			if p.text.Len() > 0 && strings.Trim(l, "=- ") == "" && len(p.blocks) < maxBlocks { // a heading that is underlined
				p.title = true
				p.flush()
				p.title = false
			} else {
				p.flush()
			}
		case h != nil:
			p.flush()
			p.title = true
			p.write(mdMark.ReplaceAllString(h[1], ""), n)
			p.flush()
			p.title = false
		case mdItem.MatchString(l) || strings.HasPrefix(strings.TrimSpace(l), "|"):
			p.flush()
			p.write(mdMark.ReplaceAllString(mdItem.ReplaceAllString(l, ""), "")+" ", n)
		default:
			p.write(" "+mdMark.ReplaceAllString(l, "")+" ", n)
		}
	}
	p.flush()
	return p.page
}

// isHTML says whether a document is a page for a browser.
func isHTML(b []byte, contentType, name string) bool {
	switch t := strings.ToLower(contentType); {
	case strings.HasPrefix(t, "text/html"), strings.HasPrefix(t, "application/xhtml"):
		return true
	case strings.HasPrefix(t, "text/plain"), strings.HasPrefix(t, "text/markdown"):
		return false
	}
	if n := strings.ToLower(name); strings.HasSuffix(n, ".md") || strings.HasSuffix(n, ".txt") {
		return false
	}
	head := bytes.ToLower(bytes.TrimSpace(b[:min(len(b), 1024)]))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")) || bytes.Contains(head, []byte("<head")) || bytes.Contains(head, []byte("<body"))
}
