package component

import (
	"crypto/sha256"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
	"assay/lab/labtest"
)

// BenchmarkFiles measures the pass over programs: all rules over all bytes.
func BenchmarkFiles(b *testing.B) {
	tree := folder(b, labtest.Unpacked(b, "busybox-static:mipsel", "dropbear-bin:mipsel", "dnsmasq-base:mipsel", "hostapd:mipsel", "libssl3:mipsel", "iptables:mipsel", "ppp:mipsel", "lighttpd:mipsel"))
	var files []*inspect.File
	size := int64(0)
	sys := &inspect.System{Part: "0x0", Tree: tree}
	tree.Walk(func(p string, n *image.Node) error {
		if n.Kind == image.File {
			data, err := n.Data()
			if err != nil {
				b.Fatal(err)
			}
			files = append(files, inspect.NewFile(sys, p, n, data, sha256.Sum256(data)))
			files[len(files)-1].ELF() // which others need, too
			size += n.Size
		}
		return nil
	})
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		i, err := New()
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range files {
			i.File(f)
		}
		i.Done([]*inspect.System{sys}, nil)
		if cs, _ := i.Result(); len(cs) < 8 {
			b.Fatal(cs)
		}
	}
}

// BenchmarkRules is reading the rules and making the machine, once for each process.
func BenchmarkRules(b *testing.B) {
	for b.Loop() {
		all, err := readFamilies(ruleFiles)
		if err != nil {
			b.Fatal(err)
		}
		newSet(all)
	}
}
