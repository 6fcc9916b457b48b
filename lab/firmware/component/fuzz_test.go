package component

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/inspect"
)

// sane holds what every result is: bounded, printable, with reasons that stand inside of what was looked at.
func sane(t *testing.T, cs []lab.Component, size int) {
	t.Helper()
	for _, c := range cs {
		if c.Family == "" || c.Name == "" || c.Kind == "" || len(c.Seen) == 0 || len(c.Seen) > maxSeen {
			t.Fatalf("%+v", c)
		}
		if c.Parts != nil && len(c.Parts.Symbols) > maxSymbols {
			t.Fatalf("%d symbols", len(c.Parts.Symbols))
		}
		for _, o := range c.Seen {
			if o.Where.Offset < 0 || o.Where.Offset > int64(size) || !utf8.ValidString(o.Text) || strings.ContainsAny(o.Text, "\x00\n") || rank(o.Kind) < 0 {
				t.Fatalf("%+v", o)
			}
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
	}
}

// Any file of any name, alone and as a part.
func FuzzFile(f *testing.F) {
	s, err := ready()
	if err != nil {
		f.Fatal(err)
	}
	n := 0
	for _, fam := range s.families {
		for _, l := range fam.Look {
			if n++; n%7 == 0 && l.Match+l.Alone != "" {
				f.Add("usr/sbin/"+l.Test[0].File+"x", []byte("\x7fELF\x00"+l.Test[0].Text+"\x00"))
			}
		}
	}
	f.Add("usr/lib/opkg/status", []byte(opkgStatus))
	f.Add("lib/apk/db/installed", []byte("P:a\nV:1-r0\n\n"))
	f.Add("lib/modules/4.4.92/a.ko", []byte(moduleFile("version=1", "vermagic=4.4.92 SMP")))
	f.Add("lib/modules/own/a.ko", []byte(moduleFile("license=GPL")))
	f.Add("config", []byte(kernelConfig))
	f.Add("x/node_modules/a/package.json", []byte(`{"name":"a","version":"1"}`))
	f.Add("x.dist-info/METADATA", []byte("Name: a\nVersion: 1\n"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		tree := image.NewTree()
		n := &image.Node{Kind: image.File, Size: int64(len(b)), Open: func() ([]byte, error) { return b, nil }}
		if tree.Put(name, n) != nil || tree.Finish() != nil {
			return
		}
		i, err := New()
		if err != nil {
			t.Fatal(err)
		}
		sys := &inspect.System{Part: "0x0", Tree: tree}
		tree.Walk(func(p string, n *image.Node) error {
			if n.Kind == image.File {
				i.File(inspect.NewFile(sys, p, n, b, sha256.Sum256(b)))
			}
			return nil
		})
		part := &image.Part{ID: "0x1", Format: "unknown", State: image.Unknown, Raw: b, Size: int64(len(b))}
		i.Done([]*inspect.System{sys}, []*image.Part{part})
		cs, _ := i.Result()
		sane(t, cs, len(b)+1)
	})
}

// The databases alone, faster.
func FuzzDatabase(f *testing.F) {
	f.Add([]byte(opkgStatus))
	f.Add([]byte("P:a\nV:1.2_git20240101-r0\nF:\nR:x\n\nP:b\n"))
	f.Add([]byte("Package: a\nVersion: 1:2.0+dfsg+really1.0-3\nStatus: install ok unpacked\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, es := range [][]Entry{ReadStatus(b, "opkg"), ReadStatus(b, "dpkg"), ReadAPK(b)} {
			for _, e := range es {
				up, _ := Split(e.Database, e.Version)
				if e.Name == "" || len(up) > len(e.Version) || e.Line < 1 || !utf8.ValidString(e.Version+e.License+e.Maintainer) {
					t.Fatalf("%+v: %q", e, up)
				}
				if u := e.purl(distribution{}); strings.ContainsAny(u, " \n\"<>") {
					t.Fatal(u)
				}
			}
		}
		readConfig(b)
		readList(b)
	})
}

// The machine finds what a plain search finds.
func FuzzMachine(f *testing.F) {
	f.Add("abc,bcd,c", "xabcd abc bc")
	f.Add("aa,aaa,ab", "aaaaab")
	f.Fuzz(func(t *testing.T, list, text string) {
		var words []string
		for w := range strings.SplitSeq(list, ",") {
			if w != "" && len(words) < 20 && len(w) < 50 {
				words = append(words, w)
			}
		}
		used := map[byte]bool{}
		for _, c := range []byte(strings.Join(words, "")) {
			used[c] = true
		}
		if len(words) == 0 || len(used) > 200 {
			return
		}
		want := map[[2]int]int{}
		for i, w := range words {
			for at := 0; at+len(w) <= len(text); at++ {
				if text[at:at+len(w)] == w {
					want[[2]int{i, at + len(w)}]++
				}
			}
		}
		newMachine(words).each([]byte(text), func(w, end int) bool {
			k := [2]int{w, end}
			want[k]--
			if want[k] < 0 {
				t.Fatalf("%q at %d is not there", words[w], end)
			}
			return true
		})
		for k, n := range want {
			if n != 0 {
				t.Fatalf("%q at %d is not found", words[k[0]], k[1])
			}
		}
	})
}
