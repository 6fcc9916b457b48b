package ubifs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/firmware/unpack/ubi"
	"assay/lab/firmware/unpack/unpacktest"
	"assay/lab/labtest"
)

const leb = 15872 // 16 KiB with two pages of 256 bytes

func mkfs(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "ubifs")
	if len(args) == 0 || args[0] != "-m" {
		args = append([]string{"-m", "256", "-e", fmt.Sprint(leb), "-c", "300"}, args...)
	}
	trial.Run(t, labtest.Tool(t, "mkfs.ubifs"), append(args, "-r", dir, "-o", out)...)
	return trial.Image(t, out)
}

var all = trial.Keeps{Perm: true, Owner: true, Time: true}

func TestMkfs(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	want := trial.Read(t, dir)
	for _, c := range []struct{ args, compression string }{
		{"-x none", ""}, {"-x lzo", "lzo"}, {"-x zlib", "zlib"}, {"-x zstd", "zstd"}, {"-x favor_lzo", "lzo zlib"}, {"-k test", "lzo"}, {"-f 3", "lzo"}, {"-l 5 -p 2 -j 400KiB", "lzo"},
		{"-m 2048 -e 126976 -c 2000", "lzo"}, {"-m 1 -e 65408 -c 100 -F", "lzo"}, {"-m 4096 -e 253952 -c 100", "lzo"},
	} {
		t.Run(c.args, func(t *testing.T) {
			b := mkfs(t, dir, strings.Fields(c.args)...)
			p := trial.Whole(t, Formats[0], b)
			trial.Same(t, p.Tree, want, all)
			if p.Size != int64(len(b)) {
				t.Errorf("%d bytes of %d", p.Size, len(b))
			}
			if got := p.Get("compression"); got != c.compression {
				t.Errorf("compression %q", got)
			}
		})
	}
}

// From a UBI image, whose volumes end with their last block that was written.
func TestInUBI(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	tmp := t.TempDir()
	fs := filepath.Join(tmp, "fs")
	if err := os.WriteFile(fs, mkfs(t, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(tmp, "config")
	text := fmt.Sprintf("[a]\nmode=ubi\nimage=%s\nvol_id=0\nvol_size=300\nvol_type=dynamic\nvol_name=root\nvol_flags=autoresize\n", fs)
	if err := os.WriteFile(config, []byte(strings.Replace(text, "=300", "=4MiB", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(tmp, "ubi")
	trial.Run(t, labtest.Tool(t, "ubinize"), "-p", "16KiB", "-m", "256", "-o", out, config)
	streams := trial.Whole(t, ubi.Formats[0], trial.Image(t, out)).Streams
	if len(streams) != 1 || streams[0].Name != "root" {
		t.Fatalf("%d streams", len(streams))
	}
	trial.Same(t, trial.Whole(t, Formats[0], streams[0].Data).Tree, trial.Read(t, dir), all)
}

// Encrypted names and contents are told, and nothing is made up.
func TestEncrypted(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, trial.Noise(64, 5), 0o600); err != nil {
		t.Fatal(err)
	}
	b := mkfs(t, dir, "-K", key, "-b", "0123456789abcdef", "-C", "AES-256-XTS")
	p, err := Formats[0].Open(b, trial.Budget(t))
	if err != nil || p.State != image.Understood || len(p.Tree.Root.Children) != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if !strings.Contains(fmt.Sprint(p.Tree.Notes), "encrypted directory") || p.Get("features") != "encryption double_hash" {
		t.Error(p.Tree.Notes, p.Details)
	}
}

// With authentication, the branches of the index are longer by a hash each.
func TestAuthenticated(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "trial"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put := func(kind string, b []byte) string {
		p := filepath.Join(t.TempDir(), "pem")
		if err := os.WriteFile(p, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, hash := range []string{"sha256", "sha512"} {
		b := mkfs(t, dir, "--hash-algo="+hash, "--auth-key="+put("PRIVATE KEY", private), "--auth-cert="+put("CERTIFICATE", der))
		p := trial.Whole(t, Formats[0], b)
		trial.Same(t, p.Tree, trial.Read(t, dir), all)
		if p.Get("features") != "authentication" {
			t.Error(p.Details)
		}
	}
}

// editor changes an image as a running system would.
type editor struct {
	t        *testing.T
	f        *fs
	b        []byte
	sequence uint64
	at       int64 // where the next node of the journal stands
}

// edit gives an image a journal: a block behind all others that the log names.
func edit(t *testing.T, b []byte) *editor {
	t.Helper()
	e := &editor{t: t, b: append(bytes.Clone(b), bytes.Repeat([]byte{0xff}, leb)...), sequence: 1 << 20}
	bud := int64(len(b)) / leb
	le.PutUint32(e.b[40:], uint32(bud+1))
	e.seal(0)
	e.f = &fs{Builder: inode.New(trial.Budget(t)), b: e.b, files: map[uint32]*file{}, dirs: map[uint32]map[string]uint64{}, used: map[uint16]bool{}}
	if !e.f.super(&image.Part{}) {
		t.Fatal("no superblock")
	}
	if err := e.f.load(); err != nil || !e.f.Whole() {
		t.Fatal(err, e.f.Tree.Notes)
	}
	// The log has one block with a commit and references in it; one more fits.
	nodes, _, err := e.f.nodes(logBlock, 0)
	if err != nil || len(nodes) == 0 {
		t.Fatal(err, len(nodes))
	}
	last := nodes[len(nodes)-1]
	e.at = last.next()
	ref := make([]byte, 64-headerSize)
	le.PutUint32(ref, uint32(bud))
	e.node(refNode, 0, ref)
	e.at = bud * leb
	return e
}

// node writes a node at the next place.
func (e *editor) node(kind, group byte, body []byte) int64 {
	at := e.at
	n := e.b[at : at+headerSize+int64(len(body))]
	copy(n[headerSize:], body)
	le.PutUint32(n, magic)
	e.sequence++
	le.PutUint64(n[8:], e.sequence)
	le.PutUint32(n[16:], uint32(len(n)))
	n[20], n[21], n[22], n[23] = kind, group, 0, 0
	e.seal(at)
	e.at += int64(len(n)+7) &^ 7
	return at
}

func (e *editor) seal(at int64) {
	n := e.b[at:]
	n = n[:le.Uint32(n[16:])]
	le.PutUint32(n[4:], crc(n[8:]))
}

// find is the number of a file.
func (e *editor) find(path string) uint32 {
	e.t.Helper()
	at := uint32(root)
	for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
		next, ok := e.f.dirs[at][name]
		if !ok {
			e.t.Fatalf("there is no %s", path)
		}
		at = uint32(next)
	}
	return at
}

func (e *editor) name(dir, number uint32, name string, group byte) {
	b := make([]byte, 56-headerSize+len(name)+1)
	le.PutUint32(b, dir)
	le.PutUint32(b[4:], 2<<29|crc([]byte(name))&(1<<29-1))
	le.PutUint64(b[16:], uint64(number))
	le.PutUint16(b[26:], uint16(len(name)))
	copy(b[32:], name)
	e.node(dentNode, group, b)
}

// like writes an inode that differs from the one that there is.
func (e *editor) like(of, number uint32, change func(b []byte)) {
	b := bytes.Clone(e.f.files[of].node.b)
	le.PutUint32(b[keyAt:], number)
	change(b)
	e.node(inoNode, 0, b[headerSize:])
}

func (e *editor) data(number, block uint32, text string) {
	b := make([]byte, 48-headerSize)
	le.PutUint32(b, number)
	le.PutUint32(b[4:], 1<<29|block)
	le.PutUint32(b[16:], uint32(len(text)))
	e.node(dataNode, 0, append(b, text...))
}

func size(n uint64) func(b []byte) { return func(b []byte) { le.PutUint64(b[48:], n) } }
func links(n uint32) func(b []byte) {
	return func(b []byte) { le.PutUint32(b[92:], n) }
}

func (e *editor) truncate(number uint32, to uint64) {
	b := make([]byte, 56-headerSize)
	le.PutUint32(b, number)
	le.PutUint64(b[24:], to)
	e.node(trunNode, 0, b)
}

func TestJournal(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	base := mkfs(t, dir)
	was, _ := trial.Drain(t, trial.Whole(t, Formats[0], base))
	e := edit(t, base)
	etc, page, noise, one := e.find("etc"), e.find("etc/page"), e.find("lib/noise"), e.find("etc/one")
	// A new file, a deleted one, one moved, one overwritten, one cut off.
	e.like(page, 5000, size(5))
	e.name(etc, 5000, "new", 0)
	e.data(5000, 0, "fresh")
	e.name(etc, 0, "one", 0)
	e.like(one, one, links(0))
	e.name(e.find("lib"), 0, "zeros", 1)
	e.name(etc, e.find("lib/zeros"), "moved", 2)
	e.data(page, 0, strings.Repeat("over", 1024))
	e.truncate(noise, 5000)
	e.data(noise, 1, was["/lib/noise"][4096:5000])
	e.like(noise, noise, size(9000)) // and grown again
	// Later than all of that, and broken off: the first half of moving a file.
	e.name(etc, 0, "page", 1)
	got, failed := trial.Drain(t, trial.Whole(t, Formats[0], e.b))
	if failed > 0 {
		t.Errorf("%d files cannot be read", failed)
	}
	want := was
	want["/etc/new"] = "fresh"
	delete(want, "/etc/one")
	want["/etc/moved"] = was["/lib/zeros"]
	delete(want, "/lib/zeros")
	want["/etc/page"] = strings.Repeat("over", 1024)
	want["/lib/noise"] = was["/lib/noise"][:5000] + strings.Repeat("\x00", 4000)
	for p, w := range want {
		if got[p] != w {
			t.Errorf("%.40s: %d bytes instead of %d", p, len(got[p]), len(w))
		}
	}
	for p := range got {
		if _, ok := want[p]; !ok {
			t.Errorf("%s should not be", p)
		}
	}

	// The last write was torn by a loss of power.
	torn := e.at
	e.data(page, 0, "TORN")
	e.b[torn+50] ^= 1
	p, err := Formats[0].Open(e.b, trial.Budget(t))
	if err != nil || p.State != image.Damaged || !strings.Contains(p.Problem, "the journal: there is no node") {
		t.Errorf("torn at the end of a block: %+v, %v", p, err)
	}
}

// Where the index is damaged, what it led to is found all the same.
func TestDamagedIndex(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	base := mkfs(t, dir)
	want := trial.Read(t, dir)
	e := edit(t, base)
	m, _ := e.f.master()
	rootAt := int64(le.Uint32(m.b[48:]))*leb + int64(le.Uint32(m.b[52:]))
	branch := func(at int64, i int) int64 {
		b := e.b[at+28+20*int64(i):]
		return int64(le.Uint32(b))*leb + int64(le.Uint32(b[4:]))
	}
	second := branch(rootAt, 1)
	third := branch(second, 0)
	for name, c := range map[string]struct {
		at   []int64
		want string
	}{
		"root": {[]int64{rootAt + 30}, "the index: the node at"}, "below": {[]int64{second}, "the index: there is no node"}, "two": {[]int64{third + 40, branch(rootAt, 0) + 12}, "the index: the node at"},
		"masters": {[]int64{leb + 30, 2*leb + 30}, "no sound master node"}, "one master": {[]int64{leb + 30}, ""},
		"log": {[]int64{3*leb + 30}, "the log at 0xb9f0"[:10]}, "super": {[]int64{2000}, "the superblock has a wrong checksum"},
	} {
		b := bytes.Clone(base)
		for _, at := range c.at {
			b[at] ^= 1
		}
		if name == "masters" { // there may be more than one in a block
			copy(b[leb:3*leb], bytes.Repeat([]byte{0xff}, 2*leb))
		}
		p := trial.Survive(t, Formats[0], b)
		if p == nil || (p.State == image.Damaged) != (c.want != "") || !strings.Contains(p.Problem, c.want) {
			t.Errorf("%s: %+v", name, p)
			continue
		}
		trial.Same(t, p.Tree, want, all)
	}
}

func TestDamaged(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	base := mkfs(t, dir, "-x", "zlib")
	for name, c := range map[string]struct {
		change func(e *editor)
		want   string
	}{
		"cycle":    {func(e *editor) { e.name(e.find("a/b"), e.find("a"), "up", 0) }, "is elsewhere in the tree already"},
		"no inode": {func(e *editor) { e.name(root, 7777, "x", 0) }, "/x: there is no node of inode 7777"},
		"name":     {func(e *editor) { e.name(root, e.find("etc/page"), "a/b", 0) }, "no name for a file"},
		"size":     {func(e *editor) { n := e.find("etc/page"); e.like(n, n, size(1<<60)) }, "/etc/page: it says that it has"},
		"sparse":   {func(e *editor) { n := e.find("etc/page"); e.like(n, n, size(1<<40)) }, "/etc/page: 1099511627776 bytes, and the image has"},
		"mode":     {func(e *editor) { n := e.find("etc/page"); e.like(n, n, func(b []byte) { le.PutUint32(b[104:], 0) }) }, "/etc/page: mode 0"},
		"device": {func(e *editor) {
			e.like(e.find("etc/page"), 6000, func(b []byte) { le.PutUint32(b[104:], 0o020600) })
			e.name(root, 6000, "tty", 0)
		}, "/tty: a device with a number of 0 bytes"},
		"bud": {func(e *editor) {
			ref := make([]byte, 64-headerSize)
			le.PutUint32(ref, 1<<20)
			nodes, _, _ := e.f.nodes(logBlock, 0)
			e.at = nodes[len(nodes)-1].next()
			e.node(refNode, 0, ref)
		}, "the log names block 1048576"},
		"index": {func(e *editor) {
			m, _ := e.f.master()
			at := int64(le.Uint32(m.b[48:]))*leb + int64(le.Uint32(m.b[52:]))
			copy(e.b[at+28:], e.b[at+28+20:at+28+40]) // two branches to one place
			e.seal(at)
		}, "directory"},
	} {
		e := edit(t, base)
		c.change(e)
		p := trial.Survive(t, Formats[0], e.b)
		if name == "index" {
			continue // only that it ends
		}
		if p == nil || p.State != image.Damaged || !strings.Contains(p.Problem, c.want) {
			t.Errorf("%s: %+v", name, p)
			continue
		}
		if n, err := p.Tree.Lookup("/lib/noise"); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if b, err := n.Data(); err != nil || !bytes.Equal(b, trial.Noise(20000, 2)) {
			t.Errorf("%s: the file beside is lost", name)
		}
	}
	// What is wrong with a block shows when it is unpacked.
	e := edit(t, base)
	page := e.find("etc/page")
	for what, b := range map[string][]byte{
		"that 9999 bytes come": {0x0f, 0x27, 0, 0, 0, 0, 0, 0}, "compression 9": {10, 0, 0, 0, 9, 0, 0, 0}, "it has 0 bytes of 10": {10, 0, 0, 0, 0, 0, 0, 0}, "corrupt": {10, 0, 0, 0, 2, 0, 0, 0, 7, 7},
	} {
		head := make([]byte, 16)
		le.PutUint32(head, page)
		le.PutUint32(head[4:], 1<<29)
		e.node(dataNode, 0, append(head, b...))
		n, err := trial.Whole(t, Formats[0], e.b).Tree.Lookup("/etc/page")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Data(); err == nil || !strings.Contains(err.Error(), "block 0, in the node at") || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// An index whose branches all lead to one place, on each level: it ends soon.
func TestWideIndex(t *testing.T) {
	e := edit(t, mkfs(t, trial.Source(t, trial.Small)))
	m, _ := e.f.master()
	// Three levels of as many branches as a block has room for, in blocks of their own.
	e.b = append(e.b, bytes.Repeat([]byte{0xff}, 3*leb)...)
	le.PutUint32(e.b[40:], uint32(len(e.b)/leb))
	e.seal(0)
	const count = (leb - 28) / 20
	first := int64(len(e.b)/leb) - 3
	leaf := e.f.files[e.find("lib/noise")].node
	for level := range int64(3) {
		body := make([]byte, 4+20*count)
		le.PutUint16(body, count)
		le.PutUint16(body[2:], uint16(level))
		for i := range count {
			b := body[4+20*i:]
			le.PutUint32(b, uint32(first+level-1))
			le.PutUint32(b[8:], uint32(28+20*count))
			if level == 0 {
				le.PutUint32(b, uint32(leaf.at/leb))
				le.PutUint32(b[4:], uint32(leaf.at%leb))
				copy(b[12:20], leaf.b[keyAt:])
			}
		}
		e.at = (first + level) * leb
		e.node(indexNode, 0, body)
	}
	for _, n := range []int64{m.at} {
		le.PutUint32(e.b[n+48:], uint32(first+2))
		le.PutUint32(e.b[n+52:], 0)
		le.PutUint32(e.b[n+56:], uint32(28+20*count))
		le.PutUint64(e.b[n+8:], 1<<30)
		e.seal(n)
	}
	p, err := unpacktest.Read(t, Formats[0], e.b, "a wide index")
	if err != nil || p.State != image.Damaged || !strings.Contains(strings.Join(p.Tree.Notes, "|"), "leads to more than the image has") {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestHurt(t *testing.T) {
	b := mkfs(t, trial.Source(t, trial.Small), "-x", "zstd")
	trial.Truncate(t, Formats[0], b, len(b)-leb)
	trial.Flip(t, Formats[0], b, 300, 0.9)
}

func FuzzUBIFS(f *testing.F) {
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("abc"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Add(mkfs(f, dir, "-x", "none"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		// CRCs would keep all that is changed away from what is behind them.
		for at := 0; at+headerSize <= len(b); at += 8 {
			if size := int(le.Uint32(b[at+16:])); le.Uint32(b[at:]) == magic && size >= headerSize && size <= len(b)-at {
				le.PutUint32(b[at+4:], crc(b[at+8:at+size]))
			}
		}
		trial.Survive(t, Formats[0], b)
	})
}
