package binary

import (
	"bytes"
	"path/filepath"
	"regexp"
	"testing"

	"assay/lab/labtest"
)

func FuzzStrings(f *testing.F) {
	f.Add([]byte("abc\x00defgh\x01\x02ijk"), 4)
	f.Add([]byte("\tx~ y\x7f"), 1)
	f.Add(bytes.Repeat([]byte("abcde\x00"), 20), 5)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		n = max(1, min(n, 40))
		var got [][]byte
		for at, s := range Strings(b, n) {
			if len(s) < n || !bytes.Equal(b[at:at+len(s)], s) {
				t.Fatalf("%d %q", at, s)
			}
			got = append(got, s)
		}
		i := 0
		for _, s := range regexp.MustCompile(`[\t -~]+`).FindAll(b, -1) {
			if len(s) < n {
				continue
			}
			if i >= len(got) || !bytes.Equal(got[i], s) {
				t.Fatalf("string %d is not %q: %q", i, s, got)
			}
			i++
		}
		if i != len(got) {
			t.Fatalf("%q", got[i:])
		}
	})
}

func BenchmarkStrings(b *testing.B) {
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * i * 7)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for range Strings(data, 6) {
		}
	}
}

func BenchmarkRead(b *testing.B) {
	data := read(b, filepath.Join(labtest.Unpacked(b, "dnsmasq-base:mipsel"), "usr/sbin/dnsmasq"))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := Read(data)
		if err != nil || f.Hardening()["nx"].Verdict != No {
			b.Fatal(err)
		}
	}
}
