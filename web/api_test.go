package web

import (
	"net/http/httptest"
	"testing"
)

func TestSpec(t *testing.T) {
	h := New(newFake(), Options{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/v1/openapi.json", nil))
	if w.Code != 200 { t.Fatal(w.Code, w.Body) }
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/v1/certificates/sg-cls-iot-000017", nil))
	t.Log(w.Code, w.Header(), w.Body)
	for _, u := range []string{"/v1/nope", "/v1/acts", "/v1/certificates", "/v1/catalog", "/v1/office", "/v1/peers","/v1/arrivals", "/v1/certificates?limit=1000&state=foo", "/v1/markets/sg/certificates/x?fact=a=yes&fact=b=no"} {
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", u, nil))
	t.Log(u, w.Code, w.Header(), w.Body)
	}
}
