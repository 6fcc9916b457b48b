package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"assay/office"
)

// ask sends one request to an office's site.
type ask struct {
	method, url, body string
	header            map[string]string
	public            bool // without token
}

func (a ask) do(t testing.TB, h http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	if a.method == "" {
		a.method = http.MethodGet
	}
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	r := httptest.NewRequest(a.method, "http://office.example"+a.url, body)
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if !a.public {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for k, v := range a.header {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newSite(f Office) http.Handler {
	return New(f, Options{Now: func() time.Time { return now }})
}

const application = `{"scheme":"sg-cls-iot","level":"3","evidence":{"product":{}}}`

// wantProblem checks status, code and shape of a failure.
func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) Problem {
	t.Helper()
	var p Problem
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != problemType {
		t.Errorf("content type %q", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if p.Code != code || p.Status != status || p.Title != http.StatusText(status) {
		t.Errorf("%+v, want code %s and status %d", p, code, status)
	}
	return p
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	for code, want := range map[office.Code]int{
		office.Invalid: 422, office.NotFound: 404, office.Conflict: 409, office.Changed: 412, office.Forbidden: 403,
		office.SamePerson: 403, office.OwnEvaluation: 403, office.Unsigned: 401, office.Spent: 409, office.ClockBack: 503,
		office.LintFailed: 422, office.Unavailable: 503,
	} {
		f := newFake()
		f.err = fmt.Errorf("wrapped: %w", &office.Error{Code: code, Message: "what is wrong", Field: "body.level", Hint: "what to do", Err: errors.New("the secret cause")})
		w := ask{url: "/v1/certificates/" + certID}.do(t, newSite(f))
		p := wantProblem(t, w, want, string(code))
		if p.Detail != "what is wrong" || p.Field != "body.level" || p.Hint != "what to do" {
			t.Errorf("%s: %+v", code, p)
		}
		if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "wrapped") {
			t.Errorf("%s tells internals: %s", code, w.Body)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: a failure may be cached", code)
		}
		if want == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: no challenge", code)
		}
		if want == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", code)
		}
	}
}

func TestInternalsStayInside(t *testing.T) {
	f := newFake()
	f.err = errors.New("dial postgres://user:password@db")
	for _, url := range []string{"/v1/certificates/" + certID, "/v1/certificates", "/c/" + certID, "/", "/peers", "/catalog", "/receipts/specimen-kr", "/readyz"} {
		w := ask{url: url}.do(t, newSite(f))
		if w.Code < 500 || strings.Contains(w.Body.String(), "password") {
			t.Errorf("%s: %d %s", url, w.Code, w.Body)
		}
	}
}

func TestTokens(t *testing.T) {
	h := newSite(newFake())
	for _, c := range []struct {
		name, url, authorization string
		want                     int
	}{
		{"none where one is needed", "/v1/acts", "", 401},
		{"none where none is needed", "/v1/certificates", "", 200},
		{"wrong", "/v1/acts", "Bearer wrong", 401},
		{"wrong where none is needed", "/v1/certificates", "Bearer wrong", 401},
		{"other scheme", "/v1/acts", "Basic " + token, 401},
		{"empty", "/v1/acts", "Bearer ", 401},
		{"huge", "/v1/acts", "Bearer " + strings.Repeat("x", 5000), 401},
		{"right", "/v1/acts", "Bearer " + token, 200},
		{"scheme in any case", "/v1/me", "bearer " + token, 200},
	} {
		w := ask{url: c.url, public: true, header: map[string]string{"Authorization": c.authorization}}.do(t, h)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.want)
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %s", c.name, w.Body)
		}
	}
}

func TestCreationIsPutOnce(t *testing.T) {
	h := newSite(newFake())
	url := "/v1/applications/" + uuidA
	first := ask{method: "PUT", url: url, body: application}.do(t, h)
	if first.Code != 200 || first.Header().Get("ETag") != `"1"` {
		t.Fatal(first.Code, first.Header(), first.Body)
	}
	again := ask{method: "PUT", url: url, body: application}.do(t, h)
	if again.Code != 200 || again.Body.String() != first.Body.String() {
		t.Errorf("the same again: %d %s", again.Code, again.Body)
	}
	other := ask{method: "PUT", url: url, body: strings.Replace(application, `"3"`, `"4"`, 1)}.do(t, h)
	wantProblem(t, other, 409, "conflict")
	wantProblem(t, ask{method: "PUT", url: "/v1/applications/mine", body: application}.do(t, h), 422, "invalid")
	wantProblem(t, ask{method: "POST", url: url, body: application}.do(t, h), 405, "method-not-allowed")
}

func TestTransitionsNeedIfMatch(t *testing.T) {
	f := newFake()
	h := newSite(f)
	ask{method: "PUT", url: "/v1/applications/" + uuidA, body: application}.do(t, h)
	url := "/v1/applications/" + uuidA + "/complete"
	if p := wantProblem(t, ask{method: "POST", url: url}.do(t, h), 428, codeNoMatch); p.Field != "header.If-Match" {
		t.Error(p.Field)
	}
	for _, bad := range []string{`"0"`, `"2"`, `1`, `"01"`, `W/"1"`, `*`, `"x"`, `"-1"`, `"99999999999999999999"`} {
		wantProblem(t, ask{method: "POST", url: url, header: map[string]string{"If-Match": bad}}.do(t, h), 412, "changed")
	}
	w := ask{method: "POST", url: url, header: map[string]string{"If-Match": `"1"`}}.do(t, h)
	if w.Code != 200 || w.Header().Get("ETag") != `"2"` || f.apps[uuidA].State != "complete" {
		t.Error(w.Code, w.Body)
	}
	ret := ask{method: "POST", url: "/v1/applications/" + uuidA + "/return", body: `{"missing":["support-end"]}`, header: map[string]string{"If-Match": `"2"`}}.do(t, h)
	if ret.Code != 200 || !strings.Contains(ret.Body.String(), "support-end") {
		t.Error(ret.Code, ret.Body)
	}
	wantProblem(t, ask{method: "POST", url: "/v1/applications/" + uuidA + "/return", body: `{"missing":[]}`, header: map[string]string{"If-Match": `"3"`}}.do(t, h), 422, "invalid")
}

func TestStagesAreWaitedFor(t *testing.T) {
	f := newFake()
	h := newSite(f)
	act := func(id string) office.Act {
		ask{method: "PUT", url: "/v1/acts/" + id, body: `{"kind":"suspend","body":{"certificate":"x","reason":"r"}}`}.do(t, h)
		w := ask{method: "POST", url: "/v1/acts/" + id + "/approve?wait=published", header: map[string]string{"If-Match": `"1"`}}.do(t, h)
		var a office.Act
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
			t.Fatal(err, w.Code, w.Body)
		}
		return a
	}
	close(f.published)
	if a := act(uuidA); a.Stage != office.Published || a.Index != 19 {
		t.Errorf("%+v", a)
	}
	w := ask{method: "POST", url: "/v1/acts/" + uuidA + "/approve?wait=forever", header: map[string]string{"If-Match": `"1"`}}.do(t, h)
	wantProblem(t, w, 422, "invalid")
}

func TestRegisterIsCacheable(t *testing.T) {
	f := newFake()
	h := newSite(f)
	for _, url := range []string{"/v1/certificates/" + certID, "/v1/certificates", "/v1/lookup?number=CSA/231129/000017", "/v1/catalog", "/v1/office"} {
		w := ask{url: url, public: true}.do(t, h)
		tag := w.Header().Get("ETag")
		if w.Code != 200 || tag == "" || !strings.HasPrefix(w.Header().Get("Cache-Control"), "public, max-age=") {
			t.Fatal(url, w.Code, w.Header())
		}
		for _, inm := range []string{tag, `"x", ` + tag, "*", strings.TrimPrefix(tag, "W/")} {
			n := ask{url: url, public: true, header: map[string]string{"If-None-Match": inm}}.do(t, h)
			if n.Code != 304 || n.Body.Len() != 0 || n.Header().Get("ETag") != tag || n.Header().Get("Cache-Control") == "" {
				t.Errorf("%s with %s: %d %v %s", url, inm, n.Code, n.Header(), n.Body)
			}
		}
		if n := (ask{url: url, public: true, header: map[string]string{"If-None-Match": `"other"`}}).do(t, h); n.Code != 200 {
			t.Errorf("%s with another tag: %d", url, n.Code)
		}
	}
	before := ask{url: "/v1/certificates/" + certID, public: true}.do(t, h).Header().Get("ETag")
	f.suspend()
	after := ask{url: "/v1/certificates/" + certID, public: true, header: map[string]string{"If-None-Match": before}}.do(t, h)
	if after.Code != 200 || after.Header().Get("ETag") == before {
		t.Error("a suspension did not change the tag")
	}
	f.answer.Stale = true
	if n := (ask{url: "/v1/certificates/" + certID, public: true, header: map[string]string{"If-None-Match": after.Header().Get("ETag")}}).do(t, h); n.Code != 200 {
		t.Error("the peer's silence did not change the tag")
	}
}

func TestCacheEndsBeforeTheNextChange(t *testing.T) {
	at := micro(now)
	for _, c := range []struct {
		next time.Duration
		want string
	}{
		{0, "public, max-age=5"}, {time.Hour, "public, max-age=5"}, {3500 * time.Millisecond, "public, max-age=3"},
		{900 * time.Millisecond, "public, max-age=0"}, {-time.Second, "public, max-age=0"},
	} {
		next := int64(0)
		if c.next != 0 {
			next = at + c.next.Microseconds()
		}
		if got := cacheFor(at, next); got != c.want {
			t.Errorf("next change in %v: %q, want %q", c.next, got, c.want)
		}
	}
}

func TestQuestionsOfTime(t *testing.T) {
	h := newSite(newFake())
	w := ask{url: "/v1/certificates/" + certID + "?at=2026-11-24T15:00:00%2B09:00&known=2026-11-24T06:00:00.000001Z"}.do(t, h)
	var a office.Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || a.At != micro(now) || a.Known != micro(now)+1 {
		t.Errorf("%v: at %d known %d", err, a.At, a.Known)
	}
	for _, bad := range []string{"yesterday", "2026-11-24", "1795500000", "1960-01-01T00:00:00Z"} {
		p := wantProblem(t, ask{url: "/v1/certificates/" + certID + "?at=" + bad}.do(t, h), 422, "invalid")
		if p.Field != "query.at" {
			t.Errorf("%s: field %q", bad, p.Field)
		}
	}
}

func TestCursorsPassUnread(t *testing.T) {
	f := newFake()
	h := newSite(f)
	var p struct{ Next string }
	w := ask{url: "/v1/certificates?text=hub&scheme=s&limit=2"}.do(t, h)
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Next == "" {
		t.Fatal(err, w.Body)
	}
	ask{url: "/v1/certificates?text=hub&scheme=s&limit=2&after=" + p.Next}.do(t, h)
	if f.asked != "hub|s|row:17|2" {
		t.Errorf("the office was asked %q", f.asked)
	}
	ask{url: "/?q=hub&scheme=s&after=" + p.Next}.do(t, h)
	if f.asked != "hub|s|row:17|50" {
		t.Errorf("the office was asked %q", f.asked)
	}
	wantProblem(t, ask{url: "/v1/certificates?after=" + strings.Repeat("A", 2000)}.do(t, h), 422, "invalid")
	ask{url: "/v1/acts?state=proposed"}.do(t, h)
	if f.asked != "proposed||50" {
		t.Errorf("the office was asked %q", f.asked)
	}
	for _, bad := range []string{"0", "201", "-1", "x"} {
		wantProblem(t, ask{url: "/v1/acts?limit=" + bad}.do(t, h), 422, "invalid")
	}
}

func TestWhoShowsNamesToPersonsOnly(t *testing.T) {
	h := newSite(newFake())
	url := "/v1/certificates/" + certID + "/who"
	if w := (ask{url: url, public: true}).do(t, h); w.Code != 200 || strings.Contains(w.Body.String(), "A Name") {
		t.Error(w.Code, w.Body)
	}
	if w := (ask{url: url}).do(t, h); !strings.Contains(w.Body.String(), "A Name") {
		t.Error(w.Body)
	}
}

func TestMounts(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method+" "+r.URL.Path) })
	h := New(newFake(), Options{Ledger: echo, Peer: echo})
	for _, c := range []struct{ method, url, want string }{
		{"GET", "/checkpoint", "GET /checkpoint"},
		{"GET", "/tile/0/x001/234.p/5", "GET /tile/0/x001/234.p/5"},
		{"GET", "/tile/entries/000", "GET /tile/entries/000"},
		{"POST", "/peer/hint", "POST /peer/hint"},
		{"POST", "/peer/receipt", "POST /peer/receipt"},
		{"GET", "/.well-known/assay/office.json", `{"payload":"e30"}`},
		{"GET", "/receipts/specimen-kr", "assay receipt v1\n"},
		{"GET", "/healthz", "ok\n"},
		{"GET", "/readyz", "ready\n"},
	} {
		if w := (ask{method: c.method, url: c.url, public: true}).do(t, h); w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s %s: %d %q", c.method, c.url, w.Code, w.Body)
		}
	}
	if w := (ask{method: "POST", url: "/checkpoint"}).do(t, h); w.Code == 200 {
		t.Error("the log takes POST")
	}
}

func TestDescriptionNamesEveryOperation(t *testing.T) {
	w := ask{url: "/v1/openapi.json", public: true}.do(t, newSite(newFake()))
	var spec struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Security    []map[string][]string
			Responses   map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &spec); err != nil || !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Fatal(err, spec.OpenAPI)
	}
	n := 0
	for path, ops := range spec.Paths {
		for method, op := range ops {
			n++
			if op.OperationID == "" || len(op.Responses) < 2 {
				t.Errorf("%s %s: %+v", method, path, op)
			}
			if method != "get" && len(op.Security) == 0 {
				t.Errorf("%s %s needs no person", method, path)
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d operations", n)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	f := newFake()
	f.answer.Certificate = nil // answerTag reads it
	wantProblem(t, ask{url: "/v1/certificates/" + certID}.do(t, newSite(f)), 500, codeInternal)
	if w := (ask{url: "/c/" + certID}).do(t, newSite(f)); w.Code != 500 {
		t.Error(w.Code)
	}
}

// BenchmarkLookup is one certificate over the whole stack, beside
// BenchmarkEmpty, an empty handler behind the same middleware.
func BenchmarkLookup(b *testing.B) {
	h := newSite(newFake())
	r := httptest.NewRequest("GET", "/v1/certificates/"+certID, nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func BenchmarkEmpty(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/certificates/{id}", func(http.ResponseWriter, *http.Request) {})
	h := guard(slog.New(slog.DiscardHandler), mux)
	r := httptest.NewRequest("GET", "/v1/certificates/"+certID, nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
