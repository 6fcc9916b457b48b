package web

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/locale"
	"assay/office"
	"assay/recognition"
	"assay/scheme"
)

//go:embed template static
var assets embed.FS

// pageSet is one template per page, each with the frame around it. It is made when
// it is asked for: most commands show no page.
var pageSet = sync.OnceValue(func() map[string]*template.Template {
	set := map[string]*template.Template{}
	for _, name := range []string{"register", "certificate", "arrivals", "peers", "catalog", "error"} {
		set[name] = template.Must(template.ParseFS(assets, "template/frame.html", "template/parts.html", "template/"+name+".html"))
	}
	return set
})

func (s *site) pages(mux *http.ServeMux) {
	pageSet() // a mistake in a template shows when the office starts
	mux.HandleFunc("GET /{$}", s.registerPage)
	mux.HandleFunc("GET /c/{id}", s.certificatePage)
	mux.HandleFunc("GET /l/{number...}", s.numberPage)
	mux.HandleFunc("GET /arrivals", s.arrivalsPage)
	mux.HandleFunc("GET /peers", s.peersPage)
	mux.HandleFunc("GET /catalog", s.catalogPage)
	static, err := fs.Sub(assets, "static")
	if err != nil {
		panic(err) // embedded
	}
	files := http.StripPrefix("/static/", http.FileServerFS(static))
	mux.HandleFunc("GET /static/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		files.ServeHTTP(w, r)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		v := s.view(r, "")
		s.render(w, r, http.StatusNotFound, "error", "no-store", &errorView{v, v.T("error.notfound"), v.T("error.notfound.text")})
	})
}

// view is what every page knows; templates call its methods.
type view struct {
	Info    office.Info
	Section string // of the navigation
	Machine string // the same under /v1; may be empty
	Now     int64
	Catalog *scheme.Catalog        // in force; nil where there is none
	names   map[string]scheme.Text // of offices
	lang    *locale.Locale
	chosen  bool // by ?lang=: links keep it
	url     *url.URL
	zone    *time.Location
}

func (s *site) view(r *http.Request, section string) *view {
	info := s.office.ID()
	chosen := r.URL.Query().Get("lang")
	l := localeFor(chosen, r.Header.Get("Accept-Language"), info.Languages)
	zone, err := time.LoadLocation(info.Zone)
	if err != nil {
		zone = time.UTC
	}
	v := &view{Info: info, Section: section, Now: s.now().UnixMicro(), lang: l, chosen: l.Code == chosen, url: r.URL, zone: zone}
	// Pages are readable without the catalog; they then show ids for names.
	if v.Catalog, err = s.office.Catalog(r.Context()); err != nil {
		v.Catalog = &scheme.Catalog{}
	}
	if v.names, err = s.office.Names(r.Context()); err != nil {
		v.names = nil
	}
	return v
}

// Office is the name of an office, or its id where no document gave one.
func (v *view) Office(id string) string { return cmp.Or(v.In(v.names[id]), id) }

// Against is the key that says what a reason's datum was held against: mostly
// what the clause asks, for some rules what the datum is one of.
func (v *view) Against(r recognition.Rule) string {
	switch r {
	case recognition.TargetLevel, recognition.TargetCategory:
		return "reason.edition"
	case recognition.TermEnd:
		return "reason.bound"
	}
	return "reason.wanted"
}

// Partners are the ids of the other offices, in order.
func (v *view) Partners() []string {
	ids := slices.Sorted(maps.Keys(v.names))
	return slices.DeleteFunc(ids, func(id string) bool { return id == v.Info.Office })
}

// Lang is the language of the page (BCP 47).
func (v *view) Lang() string { return v.lang.Code }

// T is a text in the page's language.
func (v *view) T(key string, pairs ...any) string { return v.lang.T(key, pairs...) }

// N is a text in the plural form for n.
func (v *view) N(key string, n int) string { return v.lang.N(key, n) }

// Count is N for what a log counts.
func (v *view) Count(key string, n int64) string { return v.lang.N(key, int(n)) }

// Number is n with the language's digit groups.
func (v *view) Number(n int64) string { return v.lang.Number(n) }

// Day is a civil date in words.
func (v *view) Day(d civil.Date) string { return v.lang.Day(d) }

// Instant is µs UTC in the office's zone.
func (v *view) Instant(at int64) string { return moment(v.lang, at, v.zone) }

// ISO is µs UTC for a machine (the datetime attribute of time).
func (v *view) ISO(at int64) string { return time.UnixMicro(at).UTC().Format(time.RFC3339Nano) }

// In is a catalog text in the page's language.
func (v *view) In(t scheme.Text) string { return v.lang.In(t) }

// Code is the text of a coded value under a prefix, or the code itself.
func (v *view) Code(prefix, code string) string {
	if key := prefix + "." + code; v.lang.Has(key) {
		return v.lang.T(key)
	}
	return code
}

// Reason is the text of a coded reason; source-… follows an event abroad.
func (v *view) Reason(code string) string {
	event, follows := strings.CutPrefix(code, "source-")
	if s, ok := office.ReasonText(v.lang.Code, code); ok {
		return s
	}
	if follows && v.lang.Has("event."+event) {
		return v.T("code.source", "event", v.T("event."+event))
	}
	return code
}

// Policy is the text of a policy, or of the act that set it.
func (v *view) Policy(p string) string {
	if v.lang.Has("policy." + p) {
		return v.T("policy." + p)
	}
	return v.T("policy.act", "id", p)
}

// Link is a path of this site that keeps the chosen language.
func (v *view) Link(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if v.chosen {
		q.Set("lang", v.lang.Code)
	}
	u := url.URL{Path: path, RawQuery: q.Encode()}
	return u.String()
}

// Entry is the path of a certificate's page.
func (v *view) Entry(id string) string { return v.Link("/c/" + id) }

// alternate is this page in one language.
type alternate struct {
	Lang, Name, URL string
	Current         bool
}

// Alternates are this page in every language.
func (v *view) Alternates() []alternate {
	as := make([]alternate, len(locales))
	for i, l := range locales {
		q := v.url.Query()
		q.Set("lang", l.Code)
		as[i] = alternate{l.Code, l.T("lang.name"), v.url.Path + "?" + q.Encode(), l == v.lang}
	}
	return as
}

// Chosen is the language where the address names it, for forms.
func (v *view) Chosen() string {
	if v.chosen {
		return v.lang.Code
	}
	return ""
}

// Scheme is a scheme's name, its id where the catalog has none.
func (v *view) Scheme(id string) string {
	if s := v.Catalog.Scheme(id); s != nil && v.In(s.Name) != "" {
		return v.In(s.Name)
	}
	return id
}

// Level is a level's name in its scheme, its id where none is known.
func (v *view) Level(schemeID, level string) string {
	if s := v.Catalog.Scheme(schemeID); s != nil {
		for i := len(s.Editions) - 1; i >= 0; i-- {
			if l := s.Editions[i].Level(level); l != nil && v.In(l.Name) != "" {
				return v.In(l.Name)
			}
		}
	}
	return level
}

// Category is a category's name, its id where none is known.
func (v *view) Category(id string) string {
	for i := range v.Catalog.Categories {
		if c := &v.Catalog.Categories[i]; c.ID == id && v.In(c.Name) != "" {
			return v.In(c.Name)
		}
	}
	return id
}

// Source is a document of the catalog, where it has a title and an address
// that a browser may open.
func (v *view) Source(key string) *scheme.Source {
	s, ok := v.Catalog.Sources[key]
	if !ok {
		return nil
	}
	if !strings.HasPrefix(s.URL, "https://") && !strings.HasPrefix(s.URL, "http://") {
		s.URL = ""
	}
	return &s
}

// with hands a part of a page its view beside what it shows.
type with struct {
	*view
	X any
}

// With is what a part of a page is called with.
func (v *view) With(x any) with { return with{v, x} }

// Name is the office's name.
func (v *view) Name() string { return v.In(v.Info.Name) }

// States are those a search may select.
func (v *view) States() []certificate.State { return registerStates }

var registerStates = []certificate.State{
	certificate.Valid, certificate.NotYetValid, certificate.Held, certificate.Suspended, certificate.Lapsed,
	certificate.Revoked, certificate.Annulled, certificate.Surrendered, certificate.Superseded, certificate.Expired,
}

type errorView struct {
	*view
	Title, Text string
}

// render writes a page, or an internal error where its template fails: a page
// is never half a page.
func (s *site) render(w http.ResponseWriter, r *http.Request, status int, name, cache string, v any) {
	var b bytes.Buffer
	if err := pageSet()[name].ExecuteTemplate(&b, "frame", v); err != nil {
		problemOf(r.Context(), s.log, err).write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", cache)
	h.Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// fail shows a failure as a page. Its title is in the reader's language, its
// detail is the API's.
func (s *site) fail(w http.ResponseWriter, r *http.Request, v *view, err error) {
	p := problemOf(r.Context(), s.log, err)
	e := &errorView{v, v.T("error.invalid"), p.Detail}
	switch {
	case p.Status == http.StatusNotFound:
		e.Title, e.Text = v.T("cert.notfound"), v.T("cert.notfound.text")
	case p.Status >= http.StatusInternalServerError:
		e.Title, e.Text = v.T("error.internal"), v.T("error.internal.text")
	}
	s.render(w, r, p.Status, "error", "no-store", e)
}

func (s *site) numberPage(w http.ResponseWriter, r *http.Request) {
	v := s.view(r, "register")
	number := r.PathValue("number")
	if number == "" || len(number) > 128 {
		s.fail(w, r, v, &office.Error{Code: office.NotFound, Message: "no such number"})
		return
	}
	id, err := s.office.ByNumber(r.Context(), number)
	if err != nil {
		s.fail(w, r, v, err)
		return
	}
	// A number may pass to another certificate when its term changes: the
	// redirect is not for keeps.
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, v.Entry(id), http.StatusFound)
}

var errNoCertificate = errors.New("the answer has no certificate")

func (s *site) answerFor(ctx context.Context, id string) (*office.Answer, error) {
	a, err := s.office.Certificate(ctx, id, 0, 0)
	if err == nil && a.Certificate == nil {
		err = errNoCertificate
	}
	return a, err
}
