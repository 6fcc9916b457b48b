package web

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"assay/locale"
	"assay/scheme"
)

// everyPage is each page in a state that shows all of its parts.
func everyPage(f *fake) map[string]int {
	f.suspend()
	f.answer.Stale = true
	return map[string]int{
		"/": 200, "/?q=nothing": 200, "/?q=hub&scheme=sg-cls-iot&state=valid&office=-": 200, "/?office=specimen-kr": 200,
		"/c/" + certID: 200, "/arrivals": 200, "/peers": 200, "/catalog": 200,
		"/c/unknown": 404, "/nowhere": 404, "/l/unknown": 404,
	}
}

func TestPagesInEveryLanguage(t *testing.T) {
	f := newFake()
	pages := everyPage(f)
	h := newSite(f)
	for url, status := range pages {
		for _, lang := range locale.Languages {
			w := ask{url: url, public: true, header: map[string]string{"Accept-Language": lang}}.do(t, h)
			name := lang + " " + url
			if w.Code != status || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Vary") != "Accept-Language" {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
			d := parseHTML(t, name, w.Body.String())
			checkAccessible(t, name, d, lang)
			if !strings.Contains(w.Body.String(), "SPECIMEN") {
				t.Errorf("%s: not marked as a specimen", name)
			}
			if strings.Contains(w.Body.String(), "<script") {
				t.Errorf("%s: has a script", name)
			}
			for _, bad := range []string{"{{", "%!", "ZgotmplZ", "&lt;nil&gt;", "0x", "{got}", "{time}", "{n}"} {
				if strings.Contains(w.Body.String(), bad) {
					t.Errorf("%s: shows %q", name, bad)
				}
			}
		}
	}
}

// node is an element of a page.
type node struct {
	name     string
	attr     map[string]string
	text     string // of it and all below it
	children []*node
}

func (n *node) each(f func(*node)) {
	for _, c := range n.children {
		f(c)
		c.each(f)
	}
}

func (n *node) all(names ...string) (found []*node) {
	n.each(func(c *node) {
		if slices.Contains(names, c.name) {
			found = append(found, c)
		}
	})
	return found
}

// parseHTML reads a page as a tree and fails where tags do not close.
func parseHTML(t *testing.T, name, page string) *node {
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
			t.Fatalf("%s: %v", name, err)
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
				t.Fatalf("%s: <%s> is closed by </%s>", name, top.name, x.Name.Local)
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			for _, n := range stack {
				n.text += string(x)
			}
		}
	}
	if len(stack) != 1 {
		t.Fatalf("%s: <%s> is not closed", name, stack[len(stack)-1].name)
	}
	return root
}

// checkAccessible holds a page against what WCAG 2.2 AA asks and a program
// can see: language, landmarks, headings, names, labels, tables, no id twice.
func checkAccessible(t *testing.T, name string, d *node, lang string) {
	t.Helper()
	one := func(what string) *node {
		found := d.all(what)
		if len(found) != 1 {
			t.Errorf("%s: %d <%s>", name, len(found), what)
			return &node{attr: map[string]string{}}
		}
		return found[0]
	}
	if got := one("html").attr["lang"]; got != lang {
		t.Errorf("%s: lang=%q", name, got)
	}
	for _, what := range []string{"h1", "main", "header", "footer", "title"} {
		if n := one(what); strings.TrimSpace(n.text) == "" {
			t.Errorf("%s: <%s> is empty", name, what)
		}
	}
	ids := map[string]bool{}
	d.each(func(n *node) {
		if id := n.attr["id"]; id != "" {
			if ids[id] {
				t.Errorf("%s: id %q twice", name, id)
			}
			ids[id] = true
		}
		for a := range n.attr {
			if strings.HasPrefix(a, "on") || a == "style" {
				t.Errorf("%s: <%s %s> needs what the policy forbids", name, n.name, a)
			}
		}
	})
	level := 0
	d.each(func(n *node) {
		if len(n.name) == 2 && n.name[0] == 'h' && n.name[1] >= '1' && n.name[1] <= '6' {
			if next := int(n.name[1] - '0'); next > level+1 {
				t.Errorf("%s: <%s> %q follows a heading of level %d", name, n.name, n.text, level)
			} else {
				level = next
			}
			if strings.TrimSpace(n.text) == "" {
				t.Errorf("%s: empty <%s>", name, n.name)
			}
		}
	})
	labeled := map[string]bool{}
	for _, l := range d.all("label") {
		labeled[l.attr["for"]] = strings.TrimSpace(l.text) != ""
	}
	for _, in := range d.all("input", "select", "textarea") {
		if in.attr["type"] != "hidden" && !labeled[in.attr["id"]] {
			t.Errorf("%s: <%s name=%q> has no label", name, in.name, in.attr["name"])
		}
	}
	for _, n := range d.all("a", "button", "summary") {
		if strings.TrimSpace(n.text) == "" && n.attr["aria-label"] == "" {
			t.Errorf("%s: a <%s> without a name: %v", name, n.name, n.attr)
		}
	}
	for _, n := range d.all("nav") {
		if n.attr["aria-label"] == "" {
			t.Errorf("%s: a <nav> without a name", name)
		}
	}
	d.each(func(n *node) {
		if by := n.attr["aria-labelledby"]; by != "" && !ids[by] {
			t.Errorf("%s: <%s> is labeled by %q, which is not there", name, n.name, by)
		}
	})
	for _, tb := range d.all("table") {
		if c := tb.all("caption"); len(c) != 1 || strings.TrimSpace(c[0].text) == "" {
			t.Errorf("%s: a table without a caption", name)
		}
		ths := tb.all("th")
		if len(ths) == 0 {
			t.Errorf("%s: a table without headers", name)
		}
		for _, th := range ths {
			if s := th.attr["scope"]; s != "col" && s != "row" {
				t.Errorf("%s: <th>%s</th> has scope %q", name, th.text, s)
			}
		}
	}
	if links := d.all("a"); len(links) == 0 || links[0].attr["class"] != "skip" || !ids[strings.TrimPrefix(links[0].attr["href"], "#")] {
		t.Errorf("%s: the first link does not skip to the content", name)
	}
	langs := 0
	for _, l := range d.all("link") {
		if l.attr["hreflang"] != "" && strings.Contains(l.attr["href"], "lang="+l.attr["hreflang"]) {
			langs++
		}
	}
	if langs != len(locale.Languages) {
		t.Errorf("%s: %d hreflang links", name, langs)
	}
}

func TestCertificatePageSaysWhatMatters(t *testing.T) {
	f := newFake()
	show := func() string {
		return parseHTML(t, "page", ask{url: "/c/" + certID + "?lang=en", public: true}.do(t, newSite(f)).Body.String()).text
	}
	contains := func(page string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
	}
	contains(show(), "This entry is valid.", "Valid through 21 November 2029", "Entered by SPECIMEN Singapore on the strength of CIC-2026-041 of Specimen Korea. SPECIMEN Singapore has not tested the product.",
		"sg-kr-2024/kr-basic-to-cls3", "The level is one that the clause lists.", "Asked: basic, standard", "official", "No formal security assurance.", "specimen-fi", "2.4.1", "H1-A")
	f.suspend()
	contains(show(), "This entry is suspended. Do not rely on it.", "a known flaw is not fixed", "follows the certificate abroad", "Follows entry 43 of Specimen Korea; legal effect here from 24 November 2026, 13:00:00 +08", "abroad: Reinstated", "The entry there", "Known here after 120 ms; legal effect here from 24 November 2026, 13:00:00 +08")
	f.answer.Stale = true
	contains(show(), "silent longer than agreed, or in doubt")
	f.answer.Outcome = []byte(`{"from":"a newer program`)
	contains(show(), "This entry is suspended.")
}

func TestPagesEscape(t *testing.T) {
	f := newFake()
	for url := range everyPage(f) {
		w := ask{url: url, public: true}.do(t, newSite(f))
		if strings.Contains(w.Body.String(), "<script>") || strings.Contains(w.Body.String(), "javascript:") {
			t.Errorf("%s lets a text act", url)
		}
	}
	w := ask{url: "/?q=" + `%22%3E%3Cscript%3Ealert(1)%3C/script%3E`, public: true}.do(t, newSite(f))
	if strings.Contains(w.Body.String(), "<script>") || !strings.Contains(w.Body.String(), "&lt;script&gt;") {
		t.Error("the search text is not escaped")
	}
}

func TestLinksKeepTheChosenLanguage(t *testing.T) {
	h := newSite(newFake())
	for lang, keeps := range map[string]bool{"ko": true, "": false, "xx": false} {
		w := ask{url: "/?lang=" + lang, public: true, header: map[string]string{"Accept-Language": "ko"}}.do(t, h)
		d := parseHTML(t, "page", w.Body.String())
		for _, a := range d.all("main")[0].all("a") {
			if strings.Contains(a.attr["href"], "lang=ko") != keeps {
				t.Errorf("lang=%q: link %q", lang, a.attr["href"])
			}
		}
	}
	w := ask{url: "/l/CSA/231129/000017?lang=fi", public: true}.do(t, h)
	if w.Code != http.StatusFound || w.Header().Get("Location") != "/c/"+certID+"?lang=fi" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestEveryInnerLinkIsThere(t *testing.T) {
	f := newFake()
	pages := everyPage(f)
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "log") })
	h := New(f, Options{Ledger: echo})
	asked := map[string]bool{}
	for url, status := range pages {
		if status != 200 {
			continue
		}
		d := parseHTML(t, url, ask{url: url, public: true}.do(t, h).Body.String())
		for _, a := range d.all("a", "link") {
			href, _, _ := strings.Cut(a.attr["href"], "#")
			if !strings.HasPrefix(href, "/") || asked[href] {
				continue
			}
			asked[href] = true
			if w := (ask{url: href, public: true}).do(t, h); w.Code != 200 {
				t.Errorf("%s links to %s: %d", url, href, w.Code)
			}
		}
	}
	if len(asked) < 20 {
		t.Errorf("only %d links", len(asked))
	}
}

func TestPagesOutliveTheCatalog(t *testing.T) {
	f := newFake()
	h := newSite(noCatalog{f})
	if w := (ask{url: "/c/" + certID}).do(t, h); w.Code != 200 || !strings.Contains(w.Body.String(), "sg-cls-iot") {
		t.Errorf("%d", w.Code)
	}
	if w := (ask{url: "/catalog"}).do(t, h); w.Code != 500 {
		t.Errorf("%d", w.Code)
	}
}

func TestStaticFiles(t *testing.T) {
	h := newSite(newFake())
	for url, kind := range map[string]string{"/static/style.css": "text/css; charset=utf-8", "/static/mark.svg": "image/svg+xml"} {
		w := ask{url: url, public: true}.do(t, h)
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || !strings.HasPrefix(w.Header().Get("Cache-Control"), "public") {
			t.Errorf("%s: %d %v", url, w.Code, w.Header())
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/static/style.css", nil))
	for _, must := range []string{"prefers-color-scheme: dark", "@media print", ":focus-visible", "max-width: 44rem"} {
		if !strings.Contains(w.Body.String(), must) {
			t.Errorf("the style sheet has no %q", must)
		}
	}
}

// noCatalog is an office whose catalog cannot be read.
type noCatalog struct{ *fake }

func (noCatalog) Catalog(context.Context) (*scheme.Catalog, error) {
	return nil, errors.New("the catalog is gone")
}
