// Package web is what an office shows the world over HTTP: the JSON API under
// /v1, pages for people, and the paths at which partners read its log.
//
// It trusts the [Office] behind it and nothing that arrives. It keeps no
// state, sets no cookie and runs no script; what it serves of the register is
// public, and everything else needs a bearer token.
package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Options of a site. The zero Options serves an office without log and peers.
type Options struct {
	Ledger http.Handler     // /checkpoint and /tile/… (C2SP tlog-tiles)
	Peer   http.Handler     // /peer/hint and /peer/receipt
	Log    *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
}

// New is the site of an office.
func New(o Office, opt Options) http.Handler {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &site{office: o, log: opt.Log, now: opt.Now}
	mux := http.NewServeMux()
	mux.Handle("/v1/", s.api())
	s.mounts(mux, opt)
	s.pages(mux)
	return guard(s.log, mux)
}

type site struct {
	office Office
	log    *slog.Logger
	now    func() time.Time
}

// mounts are the fixed paths beside the API: those that partners derive from
// this office's address, and those that machines watch it by.
func (s *site) mounts(mux *http.ServeMux, opt Options) {
	if opt.Ledger != nil {
		mux.Handle("GET /checkpoint", opt.Ledger)
		mux.Handle("GET /tile/", opt.Ledger)
	}
	if opt.Peer != nil {
		mux.Handle("POST /peer/hint", opt.Peer)
		mux.Handle("POST /peer/receipt", opt.Peer)
	}
	mux.HandleFunc("GET /.well-known/assay/office.json", func(w http.ResponseWriter, r *http.Request) {
		send(w, "application/json", "public, max-age=60", s.office.Document())
	})
	mux.HandleFunc("GET /receipts/{site}", func(w http.ResponseWriter, r *http.Request) {
		note, err := s.office.SignedReceipt(r.Context(), r.PathValue("site"))
		if err != nil {
			problemOf(r.Context(), s.log, err).write(w)
			return
		}
		send(w, "text/plain; charset=utf-8", "no-store", note)
	})
	mux.HandleFunc("GET /blobs/{sha256}", func(w http.ResponseWriter, r *http.Request) {
		digest := r.PathValue("sha256")
		if !isDigest(digest) {
			newProblem(http.StatusNotFound, "a blob is named by the 64 lower-case hex digits of its SHA-256", "").write(w)
			return
		}
		b, err := s.office.Blob(r.Context(), digest)
		if err != nil {
			problemOf(r.Context(), s.log, err).write(w)
			return
		}
		kind := "application/octet-stream"
		if json.Valid(b) {
			kind = "application/json"
		}
		send(w, kind, "public, max-age=31536000, immutable", b)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		send(w, "text/plain; charset=utf-8", "no-store", []byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if _, err := s.office.Catalog(ctx); err != nil {
			problemOf(ctx, s.log, err).write(w)
			return
		}
		send(w, "text/plain; charset=utf-8", "no-store", []byte("ready\n"))
	})
}

func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

func send(w http.ResponseWriter, kind, cache string, b []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cache)
	_, _ = w.Write(b)
}
