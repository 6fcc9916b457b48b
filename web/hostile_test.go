package web

import (
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"assay/scheme"
)

func TestHostileBodies(t *testing.T) {
	h := newSite(newFake())
	put := func(body string) *httptest.ResponseRecorder {
		return ask{method: "PUT", url: "/v1/applications/" + uuidA, body: body}.do(t, h)
	}
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"no JSON", `{`, 400, codeMalformed},
		{"two values", application + application, 422, "invalid"},
		{"no UTF-8", strings.Replace(application, "product", "\xff", 1), 400, codeMalformed},
		{"an escaped NUL", strings.Replace(application, "product", `\u0000`, 1), 400, codeMalformed},
		{"a raw NUL", strings.Replace(application, "product", "\x00", 1), 400, codeMalformed},
		{"a name twice", `{"scheme":"a","scheme":"b","level":"1","evidence":{}}`, 400, codeMalformed},
		{"a name twice, deep", `{"scheme":"a","level":"1","evidence":{"x":[{"y":1,"y":2}]}}`, 400, codeMalformed},
		{"too deep", strings.Replace(application, `{}`, deep, 1), 400, codeMalformed},
		{"an unknown name", `{"scheme":"a","level":"1","evidence":{},"extra":1}`, 422, "invalid"},
		{"a missing name", `{"scheme":"a","level":"1"}`, 422, "invalid"},
		{"another type", `{"scheme":1,"level":"1","evidence":{}}`, 422, "invalid"},
		{"an array", `[]`, 422, "invalid"},
		{"null", `null`, 422, "invalid"},
		{"too large", `{"scheme":"` + strings.Repeat("x", MaxBody) + `"}`, 413, codeTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := put(c.body)
			if c.name == "two values" && w.Code == 400 {
				c.status, c.code = 400, codeMalformed // either place may find it
			}
			wantProblem(t, w, c.status, c.code)
			if w.Body.Len() > 2048 {
				t.Errorf("the answer repeats the input: %d bytes", w.Body.Len())
			}
		})
	}
	w := ask{method: "PUT", url: "/v1/applications/" + uuidA, body: application, header: map[string]string{"Content-Type": "application/xml"}}.do(t, h)
	wantProblem(t, w, 415, codeMediaType)
	if w := put(strings.Replace(application, "product", `\\u0000`, 1)); w.Code != 200 {
		t.Errorf("a backslash and u0000 is text: %d %s", w.Code, w.Body)
	}
}

// TestEndlessBody: a body that lies about its length ends at the bound.
func TestEndlessBody(t *testing.T) {
	r := httptest.NewRequest("PUT", "/v1/applications/"+uuidA, io.MultiReader(strings.NewReader(`{"scheme":"`), endless{}))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	newSite(newFake()).ServeHTTP(w, r)
	if w.Code != 413 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestHostileAddresses(t *testing.T) {
	h := newSite(newFake())
	for url, want := range map[string]int{
		"/v1/certificates/%00":      400,
		"/v1/certificates/%ff":      400,
		"/v1/certificates?text=%00": 400,
		"/v1/certificates?text=%ff": 400,
		"/v1/certificates?text=%zz": 400,
		"/c/%00":                    400,
		"/l/%0a":                    400,
		"/?q=%ff":                   400,
		"/v1/certificates?text=" + strings.Repeat("x", 5000): 414,
		"/v1/certificates?text=" + strings.Repeat("x", 201):  422,
		"/v1/certificates?state=happy":                       422,
		"/v1/certificates/" + strings.Repeat("x", 129):       422,
		"/v1/nothing":                       404,
		"/blobs/nothing":                    404,
		"/blobs/" + strings.Repeat("A", 64): 404,
		"/blobs/" + strings.Repeat("b", 64): 404,
		"/blobs/" + strings.Repeat("a", 64): 200,
		"/receipts/nobody":                  404,
		"/l/no/such/number":                 404,
		"/l/":                               404,
		"/static/../web.go":                 307, // cleaned by the mux, never read
		"/static/nothing.css":               404,
		"/v1/lookup":                        422,
		"/v1/lookup?number=nothing":         404,
		"/v1/markets/sg/certificates/" + certID + "?day=tomorrow":  422,
		"/v1/markets/sg/certificates/" + certID + "?fact=a=maybe":  422,
		"/v1/markets/sg/certificates/x?fact=a=yes&fact=a=no":       422,
		"/v1/markets/sg/certificates/" + certID + "?fact=imda=yes": 200,
	} {
		if w := (ask{url: url}).do(t, h); w.Code != want {
			t.Errorf("%.60s: %d, want %d: %.200s", url, w.Code, want, w.Body)
		}
	}
	f := newFake()
	ask{url: "/v1/markets/sg/certificates/x?fact=a=yes&fact=b=no"}.do(t, newSite(f))
	if len(f.facts) != 2 || f.facts["a"] != scheme.Yes || f.facts["b"] != scheme.No {
		t.Errorf("facts %v", f.facts)
	}
}

func TestOtherOriginsAreRefused(t *testing.T) {
	h := newSite(newFake())
	for _, header := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}} {
		w := ask{method: "PUT", url: "/v1/applications/" + uuidA, body: application, header: header}.do(t, h)
		wantProblem(t, w, 403, codeCrossOrigin)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	h := newSite(newFake())
	for _, url := range []string{"/", "/c/" + certID, "/v1/certificates", "/v1/nothing", "/static/style.css", "/checkpoint", "/%00"} {
		w := ask{url: url}.do(t, h)
		for k := range headers {
			if w.Header().Get(k) == "" {
				t.Errorf("%s has no %s", url, k)
			}
		}
		if strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src") || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", url, w.Header())
		}
	}
}

func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{application, `{"a":{"a":1}}`, `[{"a":1},{"a":2}]`, `{"a":1,"a":2}`, `"\u0000"`, `{`, `1 2`, "\xff", `{"":{"":[]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		err := checkJSON(b)
		if err == nil && json.Valid(b) {
			if again := checkJSON(append([]byte(" "), b...)); again != nil {
				t.Errorf("a space before it: %v", again)
			}
		}
	})
}
