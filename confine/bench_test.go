//go:build unix

package confine

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// What a process costs that has nothing to do.
func BenchmarkStart(b *testing.B) {
	name := filepath.Join(b.TempDir(), "in")
	if err := os.WriteFile(name, []byte("echo x"), 0o666); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		if err := hostile.Run(b.Context(), f, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}
