package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of every request.
const (
	MaxBody    = 6 << 20 // bytes: an evidence file of 4 MiB as JSON fits
	maxURL     = 4 << 10
	maxHeaders = 16 << 10
	answerTime = 30 * time.Second
)

// NewServer is an http.Server with the time and size bounds that an office on
// the open net needs. The caller sets no more than an address and listens.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      answerTime + 5*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaders,
	}
}

// headers of every answer. No page has a script, a frame or a foreign image.
var headers = http.Header{
	"Content-Security-Policy":    {"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
	"X-Content-Type-Options":     {"nosniff"},
	"Referrer-Policy":            {"same-origin"},
	"Cross-Origin-Opener-Policy": {"same-origin"},
	"Permissions-Policy":         {"camera=(), geolocation=(), microphone=()"},
}

var hsts = []string{"max-age=31536000"}

// guard stands before everything: it bounds, checks what the URL says, sets
// the headers, and turns a panic into an answer.
func guard(log *slog.Logger, next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for k, v := range headers {
			h[k] = v
		}
		if r.TLS != nil {
			h["Strict-Transport-Security"] = hsts
		}
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.Any("value", v), slog.String("path", r.URL.Path), slog.String("stack", string(debug.Stack())))
				internalProblem().write(w)
			}
		}()
		if p := refuse(cross, r); p != nil {
			p.write(w)
			return
		}
		if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func refuse(cross *http.CrossOriginProtection, r *http.Request) *Problem {
	switch {
	case len(r.RequestURI) > maxURL:
		return newProblem(http.StatusRequestURITooLong, "the address is longer than 4 KiB", "")
	case !clean(r.URL.Path) || !cleanQuery(r.URL.RawQuery):
		return newProblem(http.StatusBadRequest, "the address has bytes that are no UTF-8 text, or control characters", "")
	case r.ContentLength > MaxBody:
		return newProblem(http.StatusRequestEntityTooLarge, "the body is larger than 6 MiB", "")
	}
	if err := cross.Check(r); err != nil {
		p := newProblem(http.StatusForbidden, "a page of another origin sent this request", "send it from this office's own pages, or with a program")
		p.Code = codeCrossOrigin
		return p
	}
	return nil
}

// clean reports whether s is UTF-8 without control characters.
func clean(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

func cleanQuery(raw string) bool {
	if raw == "" {
		return true
	}
	s, err := url.QueryUnescape(raw)
	return err == nil && clean(s)
}

// plainErrors turns the plain text with which a ServeMux answers an unknown
// path or method into a problem.
type plainErrors struct {
	http.ResponseWriter
	drop bool
}

func (w *plainErrors) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *plainErrors) WriteHeader(code int) {
	if (code == http.StatusNotFound || code == http.StatusMethodNotAllowed) && strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		w.drop = true
		detail, hint := "no such address in /v1", "see /v1/openapi.json"
		if code == http.StatusMethodNotAllowed {
			detail, hint = "this address does not take this method", "it takes "+w.Header().Get("Allow")
		}
		newProblem(code, detail, hint).write(w.ResponseWriter)
		return
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *plainErrors) Write(b []byte) (int, error) {
	if w.drop {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}
