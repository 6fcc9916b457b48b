package campaign

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack"
	"assay/lab/firmware/unpack/trial"
)

// samples are images of one small tree in every container.
func samples(t *testing.T) (names []string, images [][]byte) {
	t.Helper()
	dir, plain := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, plain} {
		must(t, os.MkdirAll(filepath.Join(d, "etc/deep/er"), 0o755))
		must(t, os.MkdirAll(filepath.Join(d, "bin"), 0o755))
		must(t, os.WriteFile(filepath.Join(d, "etc/passwd"), []byte("root::0:0::/:/bin/sh\n"), 0o644))
		must(t, os.WriteFile(filepath.Join(d, "etc/empty"), nil, 0o600))
		must(t, os.WriteFile(filepath.Join(d, "etc/deep/er/text"), trial.Text(20_000), 0o644))
		must(t, os.WriteFile(filepath.Join(d, "bin/busybox"), append(trial.Text(5000), trial.Noise(9000, 1)...), 0o755))
	}
	must(t, os.Symlink("busybox", filepath.Join(dir, "bin/sh")))
	must(t, filepath.WalkDir(filepath.Dir(dir), func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(p, time.Unix(1e9, 0), time.Unix(1e9, 0))
	}))
	t.Setenv("SOURCE_DATE_EPOCH", "1000000000")
	for _, c := range trial.Containers() {
		out := filepath.Join(t.TempDir(), "image")
		if c.Plain {
			c.Make(t, plain, out)
		} else {
			c.Make(t, dir, out)
		}
		b, err := os.ReadFile(out)
		must(t, err)
		names, images = append(names, c.Name), append(images, b)
	}
	return names, images
}

// TestFlipImage changes bytes of firmware images of every format, cuts them off, doubles and
// moves stretches of them, and puts one into the other. Whatever comes of it, no
// reader panics or takes long, and the parts that are found account for every byte.
func TestFlipImage(t *testing.T) {
	if testing.Short() {
		t.Skip("a campaign")
	}
	names, images := samples(t)
	bounds := image.Bounds{Bytes: 64 << 20, Files: 20_000, Depth: 8, Ratio: 2000}
	rounds(t, 300, func(t *testing.T, r *rand.Rand) {
		which := r.IntN(len(images))
		b := bytes.Clone(images[which])
		what := names[which]
		for range 1 + r.IntN(6) {
			b, what = hurt(r, b, images, what)
		}
		start := time.Now()
		result := unpack.Unpack(t.Context(), b, unpack.Options{Bounds: bounds})
		took := time.Since(start)
		if err := unpack.Check(result, int64(len(b))); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if len(result.Panics) > 0 || result.Err != nil {
			t.Errorf("%s: %v, %v", what, result.Panics, result.Err)
		}
		if took > 30*time.Second {
			t.Errorf("%s: it took %s", what, took)
		}
		if t.Failed() { // some tools put random numbers into what they make
			name := filepath.Join(os.TempDir(), "assay-flipped-image")
			must(t, os.WriteFile(name, b, 0o666))
			t.Logf("the image is kept in %s", name)
		}
	})
}

// hurt does one thing to an image, and says what.
func hurt(r *rand.Rand, b []byte, others [][]byte, what string) ([]byte, string) {
	if len(b) < 64 {
		return b, what
	}
	// Heads are hurt as often as the rest together.
	at := r.IntN(len(b))
	if r.IntN(2) == 0 {
		at = r.IntN(min(len(b), 4096))
	}
	n := 1 + r.IntN(min(64, len(b)-at))
	switch r.IntN(8) {
	case 0:
		b = b[:at+1]
		return b, fmt.Sprintf("%s, cut off at %d", what, at+1)
	case 1:
		copy(b[at:], bytes.Repeat([]byte{byte(r.IntN(2) * 255)}, n))
		return b, fmt.Sprintf("%s, %d bytes of one value at %d", what, n, at)
	case 2:
		to := r.IntN(len(b) - n)
		copy(b[to:to+n], bytes.Clone(b[at:at+n]))
		return b, fmt.Sprintf("%s, %d bytes of %d at %d", what, n, at, to)
	case 3:
		o := others[r.IntN(len(others))]
		if len(o)+len(b) < 8<<20 {
			b = append(append(bytes.Clone(b[:at]), o...), b[at:]...)
			return b, fmt.Sprintf("%s, another image of %d bytes at %d", what, len(o), at)
		}
	}
	for i := range min(n, 4) {
		b[at+i] = byte(r.Uint32())
	}
	return b, fmt.Sprintf("%s, flipped at %d", what, at)
}
