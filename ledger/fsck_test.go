package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/keys"
)

// files is what a log serves, by path.
type files map[string][]byte

func (f files) Fetch(_ context.Context, path string, max int) ([]byte, error) {
	b, ok := f[path]
	if !ok {
		return nil, ErrNotFound
	}
	if len(b) > max {
		return nil, fmt.Errorf("more than %d bytes", max)
	}
	return b, nil
}

// export lists every path that Fsck reads, with its bytes.
func export(t testing.TB, m *memory) files {
	t.Helper()
	out := files{CheckpointPath: bytes.Clone(m.note)}
	for level := Entries; level <= 7; level++ {
		for n := int64(0); ; n++ {
			tile := Tile{Level: level, N: n}
			if tile.Width = int(tile.available(m.size)); tile.Width == 0 {
				break
			}
			b, err := m.Tile(ctx, tile)
			if err != nil {
				t.Fatal(err)
			}
			out[tile.Path()] = bytes.Clone(b)
		}
	}
	return out
}

func TestFsck(t *testing.T) {
	s := signer(t)
	v := verifier(t, s, origin)
	for _, size := range []int64{0, 1, 255, 256, 257, 600, 66_000} {
		m := newMemory()
		grow(t, m, size, by(1000))
		publish(t, m, s)
		var last int64
		tree, err := Fsck(ctx, Local(m), origin, v, func(done, of int64) {
			if done <= last || of != size {
				t.Errorf("progress from %d to %d of %d", last, done, of)
			}
			last = done
		})
		if err != nil || tree.N != size || tree.Hash != m.head.Root || last != size {
			t.Errorf("size %d: %+v after %d entries, %v", size, tree, last, err)
		}
	}
}

// Whatever byte of whatever file is changed, or file lost, cut or lengthened:
// Fsck finds it and names the file (an entry shows in the tile above it).
func TestFsckNamesTheDamage(t *testing.T) {
	s := signer(t)
	v := verifier(t, s, origin)
	m := newMemory()
	grow(t, m, 600, by(600))
	publish(t, m, s)
	good := export(t, m)
	if len(good) != 1+3+3+1 {
		t.Fatalf("%d files", len(good))
	}
	for path := range good {
		for name, damage := range map[string]func([]byte) []byte{
			"changed":    func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			"first byte": func(b []byte) []byte { b[0] ^= 1; return b },
			"last byte":  func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			"cut":        func(b []byte) []byte { return b[:len(b)-1] },
			"longer":     func(b []byte) []byte { return append(b, 0) },
			"endless":    func(b []byte) []byte { return append(b, make([]byte, 256*(2+MaxEntry))...) },
			"empty":      func([]byte) []byte { return nil },
			"lost":       nil,
		} {
			bad := export(t, m)
			if damage == nil {
				delete(bad, path)
			} else {
				bad[path] = damage(bad[path])
			}
			tile := strings.Replace(path, "entries", "0", 1)
			_, err := Fsck(ctx, bad, origin, v, nil)
			if err == nil || !strings.Contains(err.Error(), path+":") && !strings.Contains(err.Error(), tile+":") {
				t.Errorf("%s, %s: %v", path, name, err)
			}
		}
	}

	// Another history of the same size, whole in itself, under the old checkpoint.
	other := newMemory()
	if _, err := Append(ctx, other, 1, []Entry{{Body: []byte("forged")}}); err != nil {
		t.Fatal(err)
	}
	grow(t, other, 600, by(600))
	other.note, other.size = m.note, 600
	if _, err := Fsck(ctx, Local(other), origin, v, nil); !errors.Is(err, ErrFsck) || !strings.Contains(err.Error(), CheckpointPath) {
		t.Errorf("another history: %v", err)
	}
	if _, err := Fsck(ctx, good, "other.example/log", v, nil); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("another origin: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	server := httptest.NewServer(Handler(m))
	defer server.Close()
	if _, err := Fsck(ended, HTTP(server.URL), origin, v, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestHTTP(t *testing.T) {
	s := signer(t)
	m := newMemory()
	grow(t, m, 600, by(600))
	publish(t, m, s)
	mux := http.NewServeMux()
	mux.Handle("/log/", http.StripPrefix("/log", Handler(m)))
	mux.HandleFunc("/moved/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(r.URL.Path, "moved", "log", 1), http.StatusFound)
	})
	mux.HandleFunc("/endless/", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/broken/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	server := httptest.NewServer(mux)
	defer server.Close()
	for prefix, want := range map[string]string{
		"/log": "", "/log/": "", "/moved": "302", "/endless": "more than", "/broken": "418", "/none": ErrNotFound.Error(),
	} {
		_, err := Fsck(ctx, HTTP(server.URL+prefix), origin, verifier(t, s, origin), nil)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", prefix, err, want)
		}
	}
}

func TestHandler(t *testing.T) {
	s := signer(t)
	m := newMemory()
	h := Handler(m)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if w := get("/checkpoint"); w.Code != http.StatusNotFound {
		t.Errorf("before the first checkpoint: %d", w.Code)
	}
	grow(t, m, 600, by(600))
	publish(t, m, s)
	grow(t, m, 1300, by(700)) // logged, not published
	const text, octets = "text/plain; charset=utf-8", "application/octet-stream"
	for path, want := range map[string]struct {
		code        int
		kind, cache string
	}{
		"/checkpoint":                {200, text, "no-store"},
		"/tile/0/000":                {200, octets, "public, max-age=31536000, immutable"},
		"/tile/0/002.p/88":           {200, octets, "public, max-age=60"},
		"/tile/0/002.p/5":            {200, octets, "public, max-age=60"},
		"/tile/1/000.p/2":            {200, octets, "public, max-age=60"},
		"/tile/entries/001":          {200, octets, "public, max-age=31536000, immutable"},
		"/tile/entries/002.p/88":     {200, octets, "public, max-age=60"},
		"/tile/0/002.p/89":           {404, text, "no-store"},
		"/tile/0/002":                {404, text, "no-store"},
		"/tile/entries/002.p/89":     {404, text, "no-store"},
		"/tile/entries/003":          {404, text, "no-store"},
		"/tile/1/000.p/3":            {404, text, "no-store"},
		"/tile/2/000.p/1":            {404, text, "no-store"},
		"/tile/0/0":                  {404, text, "no-store"},
		"/tile/0/000.p/256":          {404, text, "no-store"},
		"/tile/0/x999/x999/x999/999": {404, text, "no-store"},
	} {
		w := get(path)
		if w.Code != want.code || w.Header().Get("Content-Type") != want.kind || w.Header().Get("Cache-Control") != want.cache {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
	}
	if w := httptest.NewRecorder(); true {
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/checkpoint", nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST: %d", w.Code)
		}
	}
	w := httptest.NewRecorder()
	Handler(failing{m}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/tile/0/000", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("a failing store: %d %s", w.Code, w.Body)
	}
}

type failing struct{ *memory }

func (failing) Tile(context.Context, Tile) ([]byte, error) { return nil, errors.New("secret detail") }

var updateGolden = flag.Bool("update", false, "write testdata/golden anew; a difference means that old logs can no longer be read")

// The golden log was made once (go test ./ledger -run Golden -update) with
// a key from a fixed seed. Today's code must read it, and make the same.
func TestGolden(t *testing.T) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte("assay-specimen-!"), 2))
	r, err := keys.NewRecord(keys.Checkpoint, private.Public())
	if err != nil {
		t.Fatal(err)
	}
	s := keys.Signer{Record: r, Signer: private}
	m := newMemory()
	grow(t, m, 600, by(77))
	publish(t, m, s)
	made := export(t, m)
	dir := filepath.Join("testdata", "golden")
	if *updateGolden {
		for path, b := range made {
			name := filepath.Join(dir, filepath.FromSlash(path))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := files{}
	if err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		kept[path], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(kept) != len(made) {
		t.Errorf("%d files, made %d", len(kept), len(made))
	}
	for path, b := range made {
		if !bytes.Equal(kept[path], b) {
			t.Errorf("%s differs", path)
		}
	}
	if _, err := Fsck(ctx, kept, origin, verifier(t, s, origin), nil); err != nil {
		t.Error(err)
	}
}
