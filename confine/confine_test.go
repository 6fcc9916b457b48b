//go:build unix

package confine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hostile does what its input names.
var hostile = New("test", func(in *os.File, out io.Writer) error {
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	in.Close() // so that there is room for what it tries to open
	what, arg, _ := strings.Cut(string(b), " ")
	switch what {
	case "echo":
		_, err = io.WriteString(out, arg)
	case "fail":
		err = errors.New(arg)
	case "environment":
		_, err = fmt.Fprint(out, os.Environ(), len(os.Args))
	case "open":
		_, err = os.Open(arg)
	case "create":
		_, err = os.Create(arg)
	case "list":
		_, err = os.ReadDir(arg)
	case "remove":
		err = os.Remove(arg)
	case "dial":
		_, err = net.Dial("tcp", arg)
	case "listen":
		var lc net.ListenConfig
		lc.SetMultipathTCP(false) // Landlock is for plain TCP; the first filter is for all sockets
		_, err = lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	case "run":
		err = exec.Command(arg).Run()
	case "exec":
		err = syscall.Exec(arg, []string{arg}, nil)
	case "kill":
		parent, aerr := strconv.Atoi(arg)
		if aerr != nil {
			return aerr
		}
		err = syscall.Kill(parent, 0)
	case "execute":
		_, err = syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	case "panic":
		panic(arg)
	case "memory":
		var keep [][]byte
		for {
			keep = append(keep, bytes.Repeat([]byte{1}, 1<<20))
			if len(keep) > 4*MaxMemory>>20 {
				return errors.New("nobody stopped it")
			}
		}
	case "spin":
		for {
			runtime.Gosched()
		}
	case "sleep":
		fmt.Fprint(out, "awake")
		time.Sleep(time.Hour)
	case "threads": // the runtime has to work under the filter
		var wg sync.WaitGroup
		for range 16 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				runtime.LockOSThread()
				var pieces [][]byte
				for range 200 {
					pieces = append(pieces, make([]byte, 4096))
					time.Sleep(10 * time.Microsecond)
				}
				runtime.KeepAlive(pieces)
			}()
		}
		wg.Wait()
		runtime.GC()
		_, err = io.WriteString(out, "done")
	default:
		parent, aerr := strconv.Atoi(arg)
		if aerr != nil {
			return aerr
		}
		err = more[what](parent)
	}
	return err
})

// ask runs the hostile worker on an input.
func ask(t *testing.T, ctx context.Context, what string) (string, error) {
	t.Helper()
	out, _, err := askWith(t, ctx, what, Options{})
	return out, err
}

func askWith(t *testing.T, ctx context.Context, what string, o Options) (string, Layers, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(name, []byte(what), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []byte
	l, err := hostile.RunWith(ctx, f, o, func(r io.Reader) error {
		var err error
		out, err = io.ReadAll(r)
		return err
	})
	if at, serr := f.Seek(0, io.SeekCurrent); errors.Is(err, ErrMissing) && (serr != nil || at != 0) {
		t.Errorf("%d bytes were read, and a layer is missing; %v", at, serr)
	}
	return string(out), l, err
}

func TestWorks(t *testing.T) {
	t.Setenv("SECRET", "token")
	for what, want := range map[string]string{
		"echo hello": "hello", "environment": "[] 1", "threads": "done",
		"echo " + strings.Repeat("x", 1<<20): strings.Repeat("x", 1<<20),
	} {
		if got, err := ask(t, t.Context(), what); err != nil || got != want {
			t.Errorf("%.20s: %.40q, %v", what, got, err)
		}
	}
	if _, err := ask(t, t.Context(), "fail because"); !errors.Is(err, ErrCrashed) || !strings.Contains(err.Error(), "because") {
		t.Errorf("a worker's own error: %v", err)
	}
}

func needLayers(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || (runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64") {
		t.Skip("not confined on this system; the package says so")
	}
}

// Which layers hold is said, and a caller that needs all of them gets an error before
// anything is read.
func TestLayers(t *testing.T) {
	needLayers(t)
	all := Layers{Landlock: hasLandlock(), Seccomp: true, NoNewPrivileges: true, Limits: true}
	if out, l, err := askWith(t, t.Context(), "echo x", Options{}); err != nil || out != "x" || l != all {
		t.Errorf("%q, %+v, %v; want %+v", out, l, err, all)
	}
	for _, c := range []struct {
		without string
		usual   bool // goes on without it
		want    func(*Layers)
	}{
		{"landlock", true, func(l *Layers) { l.Landlock = 0 }},
		{"seccomp", true, func(l *Layers) { l.Seccomp = false }},
		{"last-filter", true, func(l *Layers) { l.Seccomp = false }},
	} {
		want := all
		c.want(&want)
		_, l, err := askWith(t, t.Context(), "echo x", Options{All: true, Without: c.without})
		if !errors.Is(err, ErrMissing) || l != want || !strings.Contains(err.Error(), want.Missing()[0]) || !strings.Contains(err.Error(), "--confinement=reduced") {
			t.Errorf("without %s: %+v, %v; want %+v", c.without, l, err, want)
		}
		if out, l, err := askWith(t, t.Context(), "echo x", Options{All: true, Reduced: true, Without: c.without}); err != nil || out != "x" || l != want {
			t.Errorf("without %s, reduced: %q, %+v, %v; want %+v", c.without, out, l, err, want)
		}
	}
	if all.Landlock > 0 {
		if out, l, err := askWith(t, t.Context(), "echo x", Options{All: true}); err != nil || out != "x" || len(l.Missing()) > 0 {
			t.Errorf("all: %q, %+v, %v", out, l, err)
		}
	}
	if s := (Layers{Landlock: 4, Seccomp: true}).String(); s != "landlock (ABI 4), seccomp" {
		t.Error(s)
	}
	if s := (Layers{}).String(); s != "none" {
		t.Error(s)
	}
}

var told = NewTold("told", func(told []byte, in *os.File, out io.Writer) error {
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d %x %s", len(told), crc32.ChecksumIEEE(told), b)
	return nil
})

// A worker hears what its caller tells it, all of it.
func TestTold(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(name, []byte("file"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 300_000, MaxTold, MaxTold + 1} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		say := bytes.Repeat([]byte("x\n"), n/2+1)[:n]
		var out []byte
		_, err = told.RunWith(t.Context(), f, Options{Told: say}, func(r io.Reader) (err error) {
			out, err = io.ReadAll(r)
			return err
		})
		f.Close()
		if n > MaxTold {
			if err == nil {
				t.Error("too much was told")
			}
			continue
		}
		if want := fmt.Sprintf("%d %x file", n, crc32.ChecksumIEEE(say)); err != nil || string(out) != want {
			t.Errorf("%q, %v; want %q", out, err, want)
		}
	}
}

// Each layer holds by itself: what Landlock refuses where there is no filter, and
// what the first filter refuses, which the runtime begins under.
func TestEachLayer(t *testing.T) {
	needLayers(t)
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	if err := os.WriteFile(kept, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	files := []string{"open /etc/hostname", "open " + kept, "create " + filepath.Join(dir, "new"), "list /", "run /bin/true", "exec /bin/true"}
	refused := func(without string, o []string, want string) {
		for _, what := range o {
			_, _, err := askWith(t, t.Context(), what, Options{Reduced: true, Without: without})
			if !errors.Is(err, ErrCrashed) || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), want) {
				t.Errorf("without %s: %s: %v; want: %s", without, what, err, want)
			}
		}
	}
	if abi := hasLandlock(); abi > 0 {
		refused("seccomp", append(files, "remove "+kept), "permission denied")
		refused("last-filter", files, "permission denied")
		if abi >= 4 {
			refused("seccomp", []string{"dial " + l.Addr().String(), "listen"}, "permission denied")
		}
		if abi >= 6 {
			refused("seccomp", []string{fmt.Sprint("kill ", os.Getpid())}, "operation not permitted")
		}
	}
	var others []string
	for _, what := range firstRefuses {
		others = append(others, fmt.Sprint(what, " ", os.Getpid()))
	}
	refused("last-filter", append(others, "dial "+l.Addr().String(), "listen", fmt.Sprint("kill ", os.Getpid())), "operation not permitted")
	refused("landlock", append(files, "dial "+l.Addr().String()), "operation not permitted")
}

// What a process says of its layers is not believed in any other form.
func TestReadLayers(t *testing.T) {
	good := Layers{Landlock: 7, Seccomp: true}
	if l, err := readLayers(bufio.NewReader(strings.NewReader(good.line() + "more"))); err != nil || l != good {
		t.Errorf("%+v, %v", l, err)
	}
	for _, s := range []string{"", "confined", "\n", "confined: landlock=-1 seccomp=true no-new-privileges=true limits=true\n", strings.Replace(good.line(), "7", "07", 1), strings.Repeat("x", 5000)} {
		if _, err := readLayers(bufio.NewReader(strings.NewReader(s))); err == nil {
			t.Errorf("%.40q was taken", s)
		}
	}
}

// What starts a worker cannot be mistaken for anything else.
func TestOrder(t *testing.T) {
	o := order{name: "x", stage: 2, memory: 1, cpu: time.Second, all: true, landlock: 7, without: "nothing"}
	if got, ok := parseOrder(o.String()); !ok || got != o {
		t.Errorf("%+v", got)
	}
	for _, s := range []string{"", "assay", name0, name0 + "x", strings.Replace(o.String(), "memory=1", "memory=-1", 1), strings.Replace(o.String(), "stage=2", "stage=", 1)} {
		if _, ok := parseOrder(s); ok {
			t.Errorf("%q was taken", s)
		}
	}
}

// Whatever a file makes the worker do, it does not get out of its process.
func TestConfined(t *testing.T) {
	needLayers(t)
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	if err := os.WriteFile(kept, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tries := []string{
		"open /etc/hostname", "open " + kept, "create " + filepath.Join(dir, "new"), "list /", "remove " + kept,
		"dial " + l.Addr().String(), "listen", "run /bin/true", "exec /bin/true", fmt.Sprint("kill ", os.Getpid()), "execute",
	}
	for what := range more {
		tries = append(tries, fmt.Sprint(what, " ", os.Getpid()))
	}
	for _, what := range tries {
		_, err := ask(t, t.Context(), what)
		if !errors.Is(err, ErrCrashed) || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "operation not permitted") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if es, err := os.ReadDir(dir); err != nil || len(es) != 1 {
		t.Errorf("%v, %v", es, err)
	}
}

func TestEndsBadly(t *testing.T) {
	if _, err := ask(t, t.Context(), "panic at the disco"); !errors.Is(err, ErrCrashed) || !strings.Contains(err.Error(), "at the disco") {
		t.Errorf("panic: %v", err)
	}
	if runtime.GOOS == "linux" && !raceDetector {
		if _, err := ask(t, t.Context(), "memory"); !errors.Is(err, ErrMemory) {
			t.Errorf("memory: %v", err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("enough"))
	defer cancel()
	if _, err := ask(t, ctx, "sleep"); err == nil || err.Error() != "enough" {
		t.Errorf("caller's time: %v", err)
	}
	if _, _, err := askWith(t, t.Context(), "sleep", Options{Time: 100 * time.Millisecond}); !errors.Is(err, ErrTime) || !strings.Contains(err.Error(), "100ms") {
		t.Errorf("time of a run: %v", err)
	}
	if runtime.GOOS == "linux" {
		start := time.Now()
		if _, _, err := askWith(t, t.Context(), "spin", Options{CPU: time.Second}); !errors.Is(err, ErrTime) || time.Since(start) > time.Minute {
			t.Errorf("processor time of a run: %v after %s", err, time.Since(start))
		}
	}
	if runtime.GOOS == "linux" && !raceDetector {
		if _, _, err := askWith(t, t.Context(), "memory", Options{Memory: 64 << 20}); !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), fmt.Sprint(64<<20)) {
			t.Errorf("memory of a run: %v", err)
		}
	}
	maxTime = 100 * time.Millisecond
	defer func() { maxTime = MaxTime }()
	if _, err := ask(t, t.Context(), "sleep"); !errors.Is(err, ErrTime) {
		t.Errorf("time: %v", err)
	}
}

// A caller that does not like what it reads ends the worker at once.
func TestReadFails(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "in")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("sleep"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	start := time.Now()
	err = hostile.Run(t.Context(), f, func(r io.Reader) error {
		b := make([]byte, 5)
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		return no
	})
	if !errors.Is(err, no) || time.Since(start) > 30*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

func TestManyAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			want := fmt.Sprint("number ", i)
			if got, err := ask(t, t.Context(), "echo "+want); err != nil || got != want {
				t.Errorf("%q, %v", got, err)
			}
		}()
	}
	wg.Wait()
}

// What a worker says is bounded however it is read.
func TestClipped(t *testing.T) {
	var c clipped
	n, err := io.Copy(&c, io.LimitReader(zeros{}, 10*maxSaid))
	if err != nil || n != 10*maxSaid || c.b.Len() != maxSaid {
		t.Errorf("%d bytes taken, %d kept, %v", n, c.b.Len(), err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
