package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve is a client of a server that counts its requests.
func serve(t *testing.T, h func(n int64, w http.ResponseWriter, r *http.Request)) (*Client, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(n.Add(1), w, r) }))
	t.Cleanup(srv.Close)
	c, err := New(srv.URL, Options{Token: "secret", Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, &n
}

func TestRepeatsOnlyWhatMayBeRepeated(t *testing.T) {
	busy := func(n int64, w http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); r.Method == http.MethodPut && string(b) != `{"scheme":"s","level":"1","evidence":null}` {
			t.Errorf("try %d sent %q", n, b)
		}
		if n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"id":"x","version":2}`)
	}
	ctx := context.Background()
	for _, c := range []struct {
		name string
		do   func(*Client) error
		n    int64
		ok   bool
	}{
		{"GET", func(c *Client) error { _, err := c.Act(ctx, "x"); return err }, 3, true},
		{"PUT", func(c *Client) error { _, err := c.Apply(ctx, "x", Apply{Scheme: "s", Level: "1"}); return err }, 3, true},
		{"POST", func(c *Client) error { _, err := c.Approve(ctx, "x", 1, NoWait); return err }, 1, false},
	} {
		cl, n := serve(t, busy)
		if err := c.do(cl); (err == nil) != c.ok || n.Load() != c.n {
			t.Errorf("%s: %d requests, want %d; %v", c.name, n.Load(), c.n, err)
		}
	}
}

func TestARefusalIsFinal(t *testing.T) {
	cl, n := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"title":"Unprocessable Entity","status":422,"code":"invalid","detail":"no such level","field":"level","hint":"see the catalog","errors":[{"field":"a","detail":"b"}]}`)
	})
	_, err := cl.Apply(context.Background(), "x", Apply{})
	var p *Problem
	if !errors.As(err, &p) || p.Code != "invalid" || p.Status != 422 || n.Load() != 1 {
		t.Fatalf("%v after %d requests", err, n.Load())
	}
	if want := "invalid: no such level (at level); see the catalog\n  a: b"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if CodeOf(fmt.Errorf("wrapped: %w", err)) != "invalid" || CodeOf(io.EOF) != "" {
		t.Error("CodeOf")
	}
}

func TestEndsWithItsContext(t *testing.T) {
	cl, n := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	cl.opt.Pause = time.Hour
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := cl.Act(ctx, "x"); err == nil || n.Load() != 1 || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %d requests and %v", err, n.Load(), time.Since(start))
	}
}

// TestNoAddressButItsOwn: a redirect would carry the token elsewhere.
func TestNoAddressButItsOwn(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	cl, _ := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	})
	_, err := cl.Act(context.Background(), "x")
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusFound || p.Code != "http" {
		t.Error(err)
	}
}

func TestSegmentsAreEscaped(t *testing.T) {
	var asked string
	cl, _ := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		fmt.Fprint(w, `{}`)
	})
	if _, err := cl.Act(context.Background(), "../peers?x=1#y"); err != nil {
		t.Fatal(err)
	}
	if asked != "/v1/acts/..%2Fpeers%3Fx=1%23y" {
		t.Errorf("asked %q", asked)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, body := range map[string]string{"HTML": "<html>", "half": `{"id":`, "another type": `[]`} {
		cl, _ := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) })
		if _, err := cl.Act(context.Background(), "x"); err == nil || !strings.Contains(err.Error(), "/v1/acts/x") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "office.example", "ftp://office.example", "https://", "https://user:pw@office.example", "https://office.example/?a=b", "https://office.example/#x", "http://%zz"} {
		if _, err := New(bad, Options{}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if c, err := New("https://office.example/base/", Options{}); err != nil || c.Base() != "https://office.example/base" {
		t.Errorf("%v", err)
	}
}

func TestNewIDsDiffer(t *testing.T) {
	if a, b := NewID(), NewID(); a == b || len(a) != 36 {
		t.Error(a, b)
	}
}
