package ext

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/trial"
	"assay/lab/firmware/unpack/unpacktest"
	"assay/lab/labtest"
)

func mkfs(t testing.TB, dir, size string, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "ext")
	args = append(append([]string{"-q", "-F", "-E", "root_owner=0:0", "-m", "0"}, args...), "-d", dir, out, size)
	trial.Run(t, labtest.Tool(t, "mke2fs"), args...)
	return out
}

// debug runs commands of debugfs, which writes into an image.
func debug(t testing.TB, img string, commands ...string) {
	t.Helper()
	cmd := exec.Command(labtest.Tool(t, "debugfs"), "-w", "-f", "-", img)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, l := range strings.Split(string(out), "\n") {
		if l != "" && !strings.HasPrefix(l, "debugfs") && !strings.HasPrefix(l, "Allocated") && !strings.HasPrefix(l, "Filesystem features") && !strings.Contains(l, "lost+found") {
			t.Logf("debugfs: %s", l)
		}
	}
}

var all = trial.Keeps{Perm: true, Owner: true, Time: true}

func TestMke2fs(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	want := trial.Read(t, dir)
	for _, args := range []string{
		"-t ext2", "-t ext2 -b 2048", "-t ext2 -r 0", "-t ext2 -O ^sparse_super,^resize_inode", "-t ext2 -b 1024 -g 512", "-t ext3", "-t ext4", "-t ext4 -b 1024", "-t ext4 -b 4096 -I 128",
		"-t ext4 -b 65536", "-t ext4 -O inline_data", "-t ext4 -O inline_data,^metadata_csum -I 512", "-t ext4 -O ^64bit,^flex_bg,meta_bg,^resize_inode -b 1024 -g 256",
		"-t ext4 -O 64bit,meta_bg,^resize_inode -b 1024 -g 1024", "-t ext4 -O ^metadata_csum,uninit_bg", "-t ext4 -O sparse_super2 -E num_backup_sb=2 -b 1024 -g 1024",
		"-t ext4 -O bigalloc -C 16384", "-t ext4 -O bigalloc -b 1024 -C 8192", "-t ext4 -O ^extents,^64bit", "-t ext4 -O metadata_csum_seed", "-t ext4 -O ^dir_index,large_dir", "-t ext4 -O encrypt,verity", "-t ext4 -O casefold", "-t ext4 -L trial",
	} {
		t.Run(args, func(t *testing.T) {
			size := "16M"
			if strings.Contains(args, "65536") {
				size = "96M"
			}
			b := trial.Image(t, mkfs(t, dir, size, strings.Fields(args)...))
			p := trial.Whole(t, Formats[0], b)
			trial.Same(t, p.Tree, want, all)
			if p.Size != int64(len(b)) {
				t.Errorf("%d bytes of %d", p.Size, len(b))
			}
			if v := p.Get("version"); v != strings.Fields(args)[1] {
				t.Error(v)
			}
		})
	}
}

// A directory with enough names is hashed after all; with debugfs, files come and go.
func TestDebugfs(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	for _, args := range []string{"-t ext2", "-t ext4 -O inline_data"} {
		img := mkfs(t, dir, "8M", strings.Fields(args)...)
		next := filepath.Join(t.TempDir(), "new")
		if err := os.WriteFile(next, trial.Text(70000), 0o600); err != nil {
			t.Fatal(err)
		}
		debug(t, img, "rm etc/page", "rm bin/ls", "write "+next+" etc/new", "unlink lib/zeros", "mkdir late", "symlink late/l /etc/new", "cd late", "mknod tty c 204 64", "mknod big b 1 1", "set_inode_field big block[0] 0", "set_inode_field big block[1] 0x11110370", "cd /",
			"rmdir mnt/none", "ln etc/new late/again")
		tree := trial.Whole(t, Formats[0], trial.Image(t, img)).Tree
		for _, gone := range []string{"/etc/page", "/bin/ls", "/lib/zeros", "/mnt/none"} {
			if _, err := tree.Lookup(gone); err == nil {
				t.Errorf("%s: %s is still there", args, gone)
			}
		}
		for _, path := range []string{"/etc/new", "/late/l", "/late/again"} {
			n, err := tree.Lookup(path)
			if err != nil {
				t.Errorf("%s: %v", args, err)
				continue
			}
			if b, err := n.Data(); err != nil || !bytes.Equal(b, trial.Text(70000)) {
				t.Errorf("%s: %s: %d bytes, %v", args, path, len(b), err)
			}
		}
		for path, want := range map[string]image.Node{"/late/tty": {Kind: image.Char, Major: 204, Minor: 64}, "/late/big": {Kind: image.Block, Major: 259, Minor: 70000}} {
			if n, err := tree.Lookup(path); err != nil || n.Kind != want.Kind || n.Major != want.Major || n.Minor != want.Minor {
				t.Errorf("%s: %+v, %v", args, n, err)
			}
		}
	}
}

// Hashed directories are read from one end to the other.
func TestHashed(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	for _, args := range []string{"-t ext3 -b 1024", "-t ext4 -b 1024"} {
		img := mkfs(t, dir, "16M", strings.Fields(args)...)
		out, err := exec.Command(labtest.Tool(t, "e2fsck"), "-fyD", img).CombinedOutput()
		if exit := new(exec.ExitError); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) { // 1: it changed something
			t.Fatalf("%v\n%s", err, out)
		}
		b := trial.Image(t, img)
		s, err := readSuper(b)
		if err != nil {
			t.Fatal(err)
		}
		hashed := 0
		for number := uint64(11); number <= s.inodes; number++ {
			if n, err := (fs{b: b, super: s}).read(number); err == nil && n.mode&0o170000 == 0o040000 && n.flags&0x1000 != 0 {
				hashed++
			}
		}
		if hashed == 0 {
			t.Errorf("%s: no directory is hashed", args)
		}
		trial.Same(t, trial.Whole(t, Formats[0], b).Tree, trial.Read(t, dir), all)
	}
}

// Blocks that were given to a file and never written read as zeros, as many as
// there are.
func TestPreallocated(t *testing.T) {
	img := mkfs(t, trial.Source(t, trial.Small), "48M", "-t", "ext4")
	debug(t, img, "write /dev/null swap", "set_inode_field swap size 33554432", "fallocate swap 0 32767", "set_inode_field swap size 33554432")
	p := trial.Whole(t, Formats[0], trial.Image(t, img))
	n, err := p.Tree.Lookup("/swap")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := n.Data(); err != nil || len(b) != 32<<20 || len(bytes.Trim(b, "\x00")) != 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// What debugfs can set in an image and no clean one has.
func TestDoubts(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	base := trial.Image(t, mkfs(t, dir, "4M", "-t", "ext4", "-b", "1024"))
	for name, c := range map[string]struct {
		commands []string
		state    image.State
		note     string
	}{
		"in use":      {[]string{"feature needs_recovery"}, image.Understood, "its journal has changes"},
		"errors":      {[]string{"set_super_value state 2"}, image.Understood, "says that it has errors"},
		"encrypted":   {[]string{"set_inode_field etc/page flags 0x80800"}, image.Understood, "its content is encrypted"},
		"secret dir":  {[]string{"set_inode_field etc flags 0x80800"}, image.Understood, "an encrypted directory"},
		"sealed":      {[]string{"set_inode_field etc/page flags 0x180000"}, image.Understood, "fs-verity"},
		"unknown":     {[]string{"set_super_value feature_incompat 0x8002c2"}, image.Damaged, "features 0x800000"},
		"huge":        {[]string{"set_inode_field etc/page size 0x10000000000"}, image.Damaged, "/etc/page: 1099511627776 bytes"},
		"no extents":  {[]string{"set_inode_field etc/page block[0] 0"}, image.Damaged, "/etc/page: its extents are none"},
		"outside":     {[]string{"set_inode_field etc/page block[5] 70000"}, image.Damaged, "/etc/page: 4 blocks from 70000 on"},
		"mode":        {[]string{"set_inode_field etc/page mode 0"}, image.Damaged, "/etc/page: mode 0 is of no kind"},
		"no inode":    {nil, image.Damaged, "no inode 9999"},
		"dir in dir":  {[]string{"link etc lib/up"}, image.Damaged, "is elsewhere in the tree already"},
		"root as dir": {[]string{"link <2> lib/up"}, image.Damaged, "directory 2 is elsewhere"},
		"checksum":    {nil, image.Damaged, "inode 12 has a wrong checksum"},
		"link":        {[]string{"set_inode_field etc/to size 5000"}, image.Damaged, "/etc/to: a link whose target has 5000"},
	} {
		img := filepath.Join(t.TempDir(), "ext")
		if err := os.WriteFile(img, base, 0o600); err != nil {
			t.Fatal(err)
		}
		debug(t, img, c.commands...)
		b := trial.Image(t, img)
		if name == "no inode" { // which debugfs refuses
			le.PutUint32(b[bytes.Index(b, []byte("\x04\x01page"))-6:], 9999)
		}
		if name == "checksum" { // of the first inode that is no reserved one; it is read all the same
			s, err := readSuper(b)
			if err != nil {
				t.Fatal(err)
			}
			n, err := fs{b: b, super: s}.read(12)
			if err != nil {
				t.Fatal(err)
			}
			n.raw[8] ^= 1 // its time of access
		}
		p, err := Formats[0].Open(b, trial.Budget(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "checksum" {
			if _, err := p.Tree.Lookup("/etc/page"); err != nil || len(p.Tree.Root.Children) != len(trial.Read(t, dir).Root.Children)+1 { // lost+found
				t.Errorf("%d entries, %v", len(p.Tree.Root.Children), err)
			}
		}
		if p.State != c.state || !strings.Contains(fmt.Sprint(p.Tree.Notes), c.note) {
			t.Errorf("%s: %s, %q", name, p.State, p.Tree.Notes)
		}
		if n, err := p.Tree.Lookup("/lib/noise"); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if b, err := n.Data(); err != nil || !bytes.Equal(b, trial.Noise(20000, 2)) {
			t.Errorf("%s: the file beside is lost: %v", name, err)
		}
	}
}

// Every inode is a directory, and all have the same blocks: it ends soon.
func TestShared(t *testing.T) {
	dir := trial.Source(t, trial.Full)
	b := trial.Image(t, mkfs(t, dir, "32M", "-t", "ext2", "-b", "1024", "-N", "8192"))
	s, err := readSuper(b)
	if err != nil {
		t.Fatal(err)
	}
	f := fs{b: b, super: s}
	root, err := f.read(rootInode)
	if err != nil {
		t.Fatal(err)
	}
	for number := uint64(11); number <= s.inodes; number++ {
		n, err := f.read(number)
		if err != nil {
			t.Fatal(err)
		}
		copy(n.raw, root.raw)
		le.PutUint32(n.raw[4:], 20<<20)
		for i := range 12 {
			le.PutUint32(n.body()[4*i:], uint32(9000+i))
		}
	}
	for block := uint32(9000); block < 9012; block++ {
		d := b[block*1024 : (block+1)*1024]
		for i := range 64 {
			e := d[i*16:]
			le.PutUint32(e, 12+(block-9000)*64+uint32(i))
			le.PutUint16(e[4:], 16)
			e[6], e[7] = 8, 2
			copy(e[8:], fmt.Sprintf("%08x", block*64+uint32(i)))
		}
	}
	for i := range 12 {
		le.PutUint32(root.body()[4*i:], uint32(9000+i))
	}
	le.PutUint32(root.raw[4:], 20<<20)
	if p, err := unpacktest.Read(t, Formats[0], b, "shared directories"); err == nil && p.State != image.Damaged {
		t.Errorf("%+v", p)
	}
}

func TestHurt(t *testing.T) {
	dir := trial.Source(t, trial.Small)
	for _, args := range []string{"-t ext2", "-t ext4 -O inline_data"} {
		b := trial.Image(t, mkfs(t, dir, "1M", append(strings.Fields(args), "-b", "1024", "-N", "64", "-O", "^has_journal,^resize_inode")...))
		trial.Truncate(t, Formats[0], b, len(b))
		trial.Flip(t, Formats[0], b, 300, 0.8)
	}
}

func TestNot(t *testing.T) {
	b := make([]byte, 4096)
	copy(b[superAt+56:], superMagic)
	for _, b := range [][]byte{nil, b[:superAt+58], b, bytes.Repeat([]byte{0xff}, 4096)} {
		if _, err := Formats[0].Open(b, trial.Budget(t)); err != image.ErrNot {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

func FuzzExt(f *testing.F) {
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("abc"), 0o600); err != nil {
		f.Fatal(err)
	}
	for _, args := range []string{"-t ext2", "-t ext4 -O inline_data,^metadata_csum"} {
		f.Add(trial.Image(f, mkfs(f, dir, "64k", append(strings.Fields(args), "-b", "1024", "-N", "16", "-O", "^has_journal,^resize_inode")...)))
	}
	f.Fuzz(func(t *testing.T, b []byte) { trial.Survive(t, Formats[0], b) })
}
