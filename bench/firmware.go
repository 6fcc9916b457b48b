package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"assay/lab/firmware"
	"assay/lab/firmware/image"
	"assay/lab/labtest"
)

// The laboratory's test of a firmware image, beside programs that do a part of it:
// unsquashfs reads the file system, binwalk finds and unpacks what is in the image, syft
// lists the components of the tree that unsquashfs unpacked. None of them judges.
//
// Each is a process of its own that starts cold, with all that it starts, on one core,
// one after the other. What is held against the limit is processor time, user and
// system: what one free core would take, whatever else runs on the machine.

const (
	firmwareTime   = 2 * time.Second // for each 4 MB begun
	firmwareStep   = 4 << 20
	firmwareMemory = 200e6 // bytes resident
	firmwareTurns  = 3
)

// syftVersion is the release that is measured. Assay does not link it.
const syftVersion = "v1.33.0"

// firmwarePackages make a root file system of usual size: 4 MB packed.
var firmwarePackages = []string{
	"busybox-static:mipsel", "dropbear-bin:mipsel", "dnsmasq-base:mipsel", "lighttpd:mipsel", "ppp:mipsel", "iptables:mipsel",
	"curl:mipsel", "libssl3:mipsel", "zlib1g:mipsel", "libmosquitto1:mipsel", "base-passwd:mipsel", "miniupnpd-nftables:mipsel",
}

// Passwords of the image: a weak one, and two that no list has, so that all words are
// tried on them.
const firmwareShadow = `root:$1$Ab3dE6gH$MvZEPuxFLhyjNoTnm2teR/:17000:0:99999:7:::
admin:$1$Zb3dE6gH$x6CtQ0Sab.xYMb0QOc.NP.:17000:0:99999:7:::
support:aBHiuzU98.D06:17000:0:99999:7:::
`

func runFirmware(ctx context.Context, s sizes) (reports []*Report, err error) {
	dir, err := os.MkdirTemp(memory(), "assay-bench-firmware-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t := &trial{dir: dir, file: s.image, name: filepath.Base(s.image)}
	if t.file == "" {
		t.file, t.name = filepath.Join(dir, "image.bin"), "a kernel's place and a squashfs of Debian's programs for MIPS"
		if err := makeFirmware(ctx, dir, t.file); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(t.file)
	if err != nil {
		return nil, err
	}
	t.size = info.Size()
	assay := filepath.Join(dir, "assay")
	if err := buildAssay(ctx, assay); err != nil {
		return nil, err
	}
	if err := t.measureAssay(ctx, assay); err != nil {
		return nil, err
	}
	if err := t.measurePeers(ctx, s.syft); err != nil {
		return nil, err
	}
	return t.reports(), nil
}

// buildAssay builds the command of this tree.
func buildAssay(ctx context.Context, to string) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "assay").Output()
	if err != nil {
		return fmt.Errorf("finding the module assay: %w; run it in the folder bench", err)
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-C", strings.TrimSpace(string(out)), "-o", to, "./cmd/assay").CombinedOutput(); err != nil {
		return fmt.Errorf("building assay: %w: %s", err, out)
	}
	return nil
}

// makeFirmware makes an image as many updates are: a uImage and a squashfs behind it. In
// the kernel's place is a boot loader, packed with LZMA as a kernel is.
func makeFirmware(ctx context.Context, dir, to string) error {
	root, boot := filepath.Join(dir, "root"), filepath.Join(dir, "boot")
	run := func(name string, args ...string) error {
		if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return nil
	}
	unpack := func(to string, packages ...string) error {
		for _, p := range packages {
			deb, err := labtest.Find(p)
			if err != nil {
				return err
			}
			if err := run("dpkg-deb", "-x", deb, to); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(unpack(root, firmwarePackages...), unpack(boot, "u-boot-qemu:all")); err != nil {
		return err
	}
	accounts, err := os.ReadFile(filepath.Join(root, "usr/share/base-passwd/passwd.master"))
	if err != nil {
		return err
	}
	err = errors.Join(os.MkdirAll(filepath.Join(root, "etc"), 0o755),
		os.WriteFile(filepath.Join(root, "etc/passwd"), append(accounts, "admin:x:1000:1000::/:/bin/sh\nsupport:x:1001:1001::/:/bin/sh\n"...), 0o644),
		os.WriteFile(filepath.Join(root, "etc/shadow"), []byte(firmwareShadow), 0o600),
		os.RemoveAll(filepath.Join(root, "usr/share/doc")), os.RemoveAll(filepath.Join(root, "usr/share/man")))
	if err != nil {
		return err
	}
	loader := filepath.Join(boot, "usr/lib/u-boot/maltael/u-boot.bin")
	kernel, system := filepath.Join(dir, "kernel"), filepath.Join(dir, "squashfs")
	err = errors.Join(
		run("xz", "--format=lzma", "--keep", loader),
		run("mkimage", "-A", "mips", "-O", "linux", "-T", "kernel", "-C", "lzma", "-a", "0x80060000", "-e", "0x80060000", "-n", "MIPS Linux-5.15", "-d", loader+".lzma", kernel),
		run("mksquashfs", root, system, "-comp", "xz", "-b", "262144", "-all-root", "-noappend", "-no-progress", "-quiet"))
	if err != nil {
		return err
	}
	first, err := os.ReadFile(kernel)
	if err != nil {
		return err
	}
	second, err := os.ReadFile(system)
	if err != nil {
		return err
	}
	const block = 64 << 10 // of flash
	for len(first)%block != 0 {
		first = append(first, 0xff)
	}
	return os.WriteFile(to, append(first, second...), 0o644)
}

// measured is one program on the image.
type measured struct {
	name  string
	did   string // what it did
	use   usage
	items int
	unit  string // of items
}

// trial is one image, and what was measured on it.
type trial struct {
	dir, file, name string
	size            int64
	facts           firmware.Facts
	all             []measured // Assay first
	lacks           []string   // what was not measured, and why
}

func (t *trial) measureAssay(ctx context.Context, assay string) error {
	m := measured{name: "assay", did: "lab firmware --no-scanners, from start to the report and all other files", unit: "components"}
	out := filepath.Join(t.dir, "out")
	var err error
	if m.use, err = turns(ctx, out, nil, assay, "lab", "firmware", t.file, "--no-scanners", "--out", out); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(out, "facts.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &t.facts); err != nil {
		return err
	}
	m.items = len(t.facts.Components)
	t.all = append(t.all, m)
	return nil
}

func (t *trial) measurePeers(ctx context.Context, build bool) error {
	tree := filepath.Join(t.dir, "tree")
	part := squashfsOf(t.facts.Parts, 0)
	if part == nil {
		t.lacks = append(t.lacks, "unsquashfs, syft: the image has no squashfs that stands in it as it is")
	} else if err := t.unsquash(ctx, part, tree); err != nil {
		return err
	}
	if err := t.binwalk(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(tree); err != nil {
		return nil
	}
	return t.syft(ctx, tree, build)
}

// squashfsOf is the largest squashfs that stands in the image unpacked, with its offset
// from the image's beginning.
func squashfsOf(parts []*image.Part, base int64) (found *image.Part) {
	for _, p := range parts {
		if p.Out {
			continue
		}
		at := *p
		at.Offset += base
		below := squashfsOf(p.Parts, at.Offset)
		for _, c := range []*image.Part{&at, below} {
			if c != nil && c.Format == "squashfs" && (found == nil || c.Size > found.Size) {
				found = c
			}
		}
	}
	return found
}

func (t *trial) unsquash(ctx context.Context, part *image.Part, tree string) error {
	if _, err := exec.LookPath("unsquashfs"); err != nil {
		return fmt.Errorf("%w; on Debian: apt-get install squashfs-tools", err)
	}
	use, err := turns(ctx, tree, nil, "unsquashfs", "-processors", "1", "-no-progress", "-quiet", "-no-xattrs", "-ignore-errors", "-offset", strconv.FormatInt(part.Offset, 10), "-dest", tree, t.file)
	if err != nil { // vendors' LZMA is nothing that it knows
		t.lacks = append(t.lacks, "unsquashfs, and so syft: "+err.Error())
		return os.RemoveAll(tree)
	}
	t.all = append(t.all, measured{"unsquashfs", "the squashfs of the image, written to memory", use, regular(tree), "files"})
	return nil
}

func (t *trial) binwalk(ctx context.Context) error {
	if _, err := exec.LookPath("binwalk"); err != nil {
		t.lacks = append(t.lacks, "binwalk is not here; on Debian: apt-get install binwalk")
		return nil
	}
	out := filepath.Join(t.dir, "binwalk")
	args := []string{"--extract", "--quiet", "--directory", out, t.file}
	if os.Getuid() == 0 {
		args = append([]string{"--run-as=root"}, args...)
	}
	use, err := turns(ctx, out, []string{"HOME=" + t.dir}, "binwalk", args...)
	if err != nil {
		return err
	}
	t.all = append(t.all, measured{"binwalk", "--extract, with the unpackers that are installed, written to memory", use, regular(out), "files"})
	return nil
}

func (t *trial) syft(ctx context.Context, tree string, build bool) (err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	bin := filepath.Join(cache, "assay", "syft-"+syftVersion, "syft")
	if _, err := os.Stat(bin); err != nil {
		const source = "github.com/anchore/syft/cmd/syft@" + syftVersion
		if !build {
			t.lacks = append(t.lacks, "syft "+syftVersion+" is not here: run once with -build-syft")
			return nil
		}
		cmd := exec.CommandContext(ctx, "go", "install", source)
		cmd.Dir, cmd.Env = t.dir, append(os.Environ(), "GOBIN="+filepath.Dir(bin), "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.lacks = append(t.lacks, fmt.Sprintf("syft could not be built: go install %s: %v: %s", source, err, out[max(0, len(out)-300):]))
			return nil
		}
	}
	// It passes over what lies below /dev, where memory is.
	disk, err := os.MkdirTemp("", "assay-bench-syft-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(disk)) }()
	if out, err := exec.CommandContext(ctx, "cp", "-a", tree, disk).CombinedOutput(); err != nil {
		return fmt.Errorf("copying the tree: %w: %s", err, out)
	}
	tree, bill := filepath.Join(disk, filepath.Base(tree)), filepath.Join(disk, "bill")
	use, err := turns(ctx, bill, []string{"HOME=" + t.dir, "SYFT_CHECK_FOR_APP_UPDATE=false"}, bin, "scan", "dir:"+tree, "-q", "-o", "cyclonedx-json="+bill)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(bill)
	if err != nil {
		return err
	}
	var got struct {
		Components []struct{ Type, Name, Version string }
	}
	if err := json.Unmarshal(b, &got); err != nil {
		return fmt.Errorf("syft's bill: %w", err)
	}
	names := map[string]bool{} // a part that two of its readers see comes twice
	for _, c := range got.Components {
		if c.Type != "file" {
			names[c.Name+" "+c.Version] = true
		}
	}
	t.all = append(t.all, measured{"syft", "scan of the tree that unsquashfs unpacked, on disk; found: by name and version", use, len(names), "components"})
	return nil
}

// turns runs a program several times, and removes what it wrote to out before each.
func turns(ctx context.Context, out string, env []string, name string, args ...string) (usage, error) {
	var kept usage
	for turn := range firmwareTurns {
		if err := os.RemoveAll(out); err != nil {
			return kept, err
		}
		u, err := onOneCore(ctx, env, name, args...)
		if err != nil {
			return kept, err
		}
		if turn > 0 {
			u = u.best(kept)
		}
		kept = u
	}
	return kept, nil
}

// regular is how many plain files are below a folder; 0 where there is none.
func regular(dir string) (n int) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return nil
	})
	return n
}

// reports hold the time and the memory against their limits.
func (t *trial) reports() []*Report {
	files, bytes := 0, int64(0)
	for _, s := range t.facts.Systems {
		bytes += s.Bytes
		for _, f := range s.Files {
			if f.Kind == image.File {
				files++
			}
		}
	}
	ours := t.all[0].use
	limit := firmwareTime * time.Duration((t.size+firmwareStep-1)/firmwareStep)
	r := &Report{Name: "firmware", What: "test an image, " + t.name, N: files, Unit: "files", Of: fmt.Sprintf("%s on one core", limit), Target: 1}
	m := &Report{Name: "firmware", What: "memory of that", N: files, Unit: "files", Of: fmt.Sprintf("%.0f MB resident", firmwareMemory/1e6), Target: 1}
	for _, x := range []*Report{r, m} {
		x.term("image", float64(t.size)/1e6, "MB")
		x.term("unpacked", float64(bytes)/1e6, "MB")
	}
	unpackAndList := time.Duration(0)
	for i, x := range t.all {
		if x.name == "unsquashfs" || x.name == "syft" {
			unpackAndList += x.use.CPU
		}
		r.term(x.name+": processor time", millis(x.use.CPU), "ms")
		r.term(x.name+": from start to end", millis(x.use.Wall), "ms")
		m.term(x.name+": resident, largest process", float64(x.use.Largest)/1e6, "MB")
		m.term(x.name+": resident, all processes at once", float64(x.use.Together)/1e6, "MB")
		for _, to := range []*Report{r, m} {
			to.term(x.name+": found", float64(x.items), x.unit)
		}
		if i > 0 {
			r.term("assay to "+x.name+", processor time", float64(ours.CPU)/float64(max(x.use.CPU, time.Millisecond)), "times")
			if x.name == "syft" {
				r.term("assay to unsquashfs and syft together", float64(ours.CPU)/float64(unpackAndList), "times")
			}
			m.term("assay to "+x.name+", largest process", float64(ours.Largest)/float64(max(x.use.Largest, 1)), "times")
		}
		r.note("%s: %s", x.name, x.did)
	}
	for _, l := range t.lacks {
		r.note("not measured: %s", l)
	}
	r.note("whole processes with all that they start, on one core; the best time of %d turns, the largest memory", firmwareTurns)
	r.judge(float64(ours.CPU) / float64(limit))
	m.note("all at once: looked at every 2 ms, pages that two processes share counted twice; the larger of the two is judged")
	m.judge(float64(ours.peak()) / firmwareMemory)
	return []*Report{r, m}
}
