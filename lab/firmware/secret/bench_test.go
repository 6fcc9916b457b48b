package secret

import (
	"testing"
	"time"

	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect/inspecttest"
	"assay/lab/labtest"
)

// BenchmarkInspector looks for secrets in Debian's programs for MIPS; a byte is one of
// a file. No password is there to be guessed.
func BenchmarkInspector(b *testing.B) {
	s := inspecttest.Folder(b, labtest.Unpacked(b, "busybox-static:mipsel", "dropbear-bin:mipsel", "dnsmasq-base:mipsel", "lighttpd:mipsel", "ppp:mipsel", "openssl:mipsel", "ca-certificates:all"))
	size := int64(0)
	err := s.Tree.Walk(func(p string, n *image.Node) error {
		if n.Kind == image.File {
			data, err := n.Data()
			if err != nil {
				return err
			}
			size += n.Size
			n.Open = func() ([]byte, error) { return data, nil }
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		i := New(Options{At: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)})
		inspecttest.Show(b, i, []*image.Part{}, s)
		if r := i.Result(); len(r.Certificates) == 0 {
			b.Fatal("the certificates were not seen")
		}
	}
}
