package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/squashfs"
)

// The reader of squashfs beside unsquashfs: both read all files of one image, each on
// one core, one after the other.
//
// What is compared is the processor time of the two processes, from start to end, user
// and system: it is the time that one free core would take, and what else runs on the
// machine hardly changes it. unsquashfs writes the files to a file system in memory,
// which it cannot be kept from; the reader makes byte slices and lets them go. The ratio to
// unsquashfs's user time alone, without the writing, is a term beside.

// packings are the compressions that mksquashfs knows, with the options of usual images.
var packings = []struct{ comp, args string }{
	{"xz", "-b 262144"}, {"gzip", "-b 131072"}, {"lzma", "-b 131072"}, {"zstd", "-b 131072 -Xcompression-level 15"}, {"lzo", "-b 131072"}, {"lz4", "-b 131072 -Xhc"},
}

func runSquashfs(ctx context.Context, s sizes) (reports []*Report, err error) {
	for _, tool := range []string{"mksquashfs", "unsquashfs"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w; on Debian: apt-get install squashfs-tools", err)
		}
	}
	dir, err := os.MkdirTemp(memory(), "assay-bench-squashfs-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if s.image != "" {
		r, err := readBoth(ctx, dir, s.image, filepath.Base(s.image), s)
		return []*Report{r}, err
	}
	source := filepath.Join(dir, "source")
	if err := sourceTree(source, int64(s.megabytes)<<20); err != nil {
		return nil, err
	}
	for _, p := range packings {
		file := filepath.Join(dir, p.comp)
		args := append([]string{source, file, "-comp", p.comp, "-noappend", "-no-progress", "-quiet"}, strings.Fields(p.args)...)
		if out, err := exec.CommandContext(ctx, "mksquashfs", args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("mksquashfs %s: %w: %s", p.comp, err, out)
		}
		r, err := readBoth(ctx, dir, file, p.comp, s)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
		if err := os.Remove(file); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// memory is a folder in memory, "" where the system has none.
func memory() string {
	if i, err := os.Stat("/dev/shm"); err == nil && i.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// sourceTree links or copies programs and texts of the Go distribution, half and half by
// size: what firmware is made of too.
func sourceTree(to string, size int64) error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	root := strings.TrimSpace(string(out))
	enough := errors.New("enough")
	for _, part := range []string{"pkg/tool", "src"} {
		left := size / 2
		err := filepath.WalkDir(filepath.Join(root, part), func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			b = b[:min(int64(len(b)), left)]
			left -= int64(len(b))
			name := filepath.Join(to, strings.TrimPrefix(p, root))
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b, 0o644)); err != nil {
				return err
			}
			if left == 0 {
				return enough
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			return err
		}
	}
	return nil
}

// readBoth times the two on an image, the best of several turns of each.
func readBoth(ctx context.Context, dir, file, name string, s sizes) (*Report, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	var ours, theirs, theirUser time.Duration
	var files, bytes int64
	const turns = 5
	for turn := range turns {
		cmd := exec.CommandContext(ctx, self, "squashfs-child", "-profile", s.profile, file)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		if _, err := fmt.Sscan(string(out), &files, &bytes); err != nil {
			return nil, fmt.Errorf("reading %s: %q: %w", name, out, err)
		}
		if d := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); turn == 0 || d < ours {
			ours = d
		}
		to := filepath.Join(dir, "unsquashed")
		cmd = exec.CommandContext(ctx, "unsquashfs", "-processors", "1", "-no-progress", "-quiet", "-no-xattrs", "-dest", to, file)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("unsquashfs %s: %w: %s", name, err, out)
		}
		if d := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); turn == 0 || d < theirs {
			theirs, theirUser = d, cmd.ProcessState.UserTime()
		}
		if err := os.RemoveAll(to); err != nil {
			return nil, err
		}
	}
	r := &Report{Name: "squashfs", What: "read all files of a squashfs image, " + name, N: int(files), Unit: "files", Of: "unsquashfs's processor time", Target: 3}
	r.term("image", float64(info.Size())/(1<<20), "MB")
	r.term("unpacked", float64(bytes)/(1<<20), "MB")
	r.term("reader", millis(ours), "ms")
	r.term("unsquashfs, writing to memory", millis(theirs), "ms")
	r.term("of it in user mode", millis(theirUser), "ms")
	r.term("reader to unsquashfs in user mode", float64(ours)/float64(max(theirUser, time.Millisecond)), "times")
	r.term("reader", float64(bytes)/(1<<20)/ours.Seconds(), "MB/s")
	r.note("processor time, user and system, of whole processes; best of %d turns of each", turns)
	r.judge(float64(ours) / float64(max(theirs, time.Millisecond)))
	return r, nil
}

// squashfsChild reads one image and all of its files, and says how many they are.
func squashfsChild(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("squashfs-child", flag.ContinueOnError)
	profile := fs.String("profile", "", "file for a profile of the processor")
	if err := fs.Parse(args); err != nil {
		return err
	}
	b, err := os.ReadFile(fs.Arg(0))
	if err != nil {
		return err
	}
	times := 1
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
		times = 10
	}
	var files, bytes int64
	for range times {
		files, bytes = 0, 0
		p, err := squashfs.Formats[0].Open(b, image.NewBudget(ctx, image.Standard))
		if err != nil {
			return err
		}
		err = p.Tree.Walk(func(path string, n *image.Node) error {
			if n.Kind != image.File {
				return nil
			}
			content, err := n.Data()
			files, bytes = files+1, bytes+int64(len(content))
			runtime.KeepAlive(content)
			return err
		})
		if err != nil || p.State != image.Understood {
			return errors.Join(err, fmt.Errorf("the image is %s: %s", p.State, p.Problem))
		}
	}
	fmt.Println(strconv.FormatInt(files, 10), bytes)
	return nil
}
