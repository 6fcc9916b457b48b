package ledger

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
)

// Reader is a log as it is published.
type Reader interface {
	TileSource
	// Published returns the newest stored checkpoint and its size; before
	// the first one the error is [ErrNotFound].
	Published(ctx context.Context) (note []byte, size int64, err error)
}

// Handler serves a log at the root of its URL space, as C2SP tlog-tiles says:
// /checkpoint, /tile/LEVEL/INDEX and /tile/entries/INDEX. Nothing that the
// published checkpoint does not cover is served, whatever is stored.
func Handler(r Reader) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+CheckpointPath, func(w http.ResponseWriter, q *http.Request) {
		note, _, err := r.Published(q.Context())
		if err != nil {
			failed(w, q, err)
			return
		}
		answer(w, note, "text/plain; charset=utf-8", "no-store")
	})
	mux.HandleFunc("GET /tile/", func(w http.ResponseWriter, q *http.Request) {
		t, err := ParsePath(q.URL.Path[1:])
		if err != nil {
			failed(w, q, ErrNotFound)
			return
		}
		_, size, err := r.Published(q.Context())
		if err == nil && !t.within(size) {
			err = ErrNotFound
		}
		var data []byte
		if err == nil {
			data, err = r.Tile(q.Context(), t)
		}
		if err != nil {
			failed(w, q, err)
			return
		}
		// A partial tile never changes either, but is soon of no use to anyone.
		cache := "public, max-age=60"
		if t.Width == TileWidth {
			cache = "public, max-age=31536000, immutable"
		}
		answer(w, data, "application/octet-stream", cache)
	})
	return mux
}

func answer(w http.ResponseWriter, data []byte, kind, cache string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Cache-Control", cache)
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(data)
}

// failed tells the client no more than that; a cache must not keep it, since
// the tile may exist a moment later.
func failed(w http.ResponseWriter, q *http.Request, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if errors.Is(err, ErrNotFound) {
		http.Error(w, "not in the log", http.StatusNotFound)
		return
	}
	if q.Context().Err() == nil {
		slog.ErrorContext(q.Context(), "serving the log failed", "path", q.URL.Path, "err", err)
	}
	http.Error(w, "internal error", http.StatusInternalServerError)
}
