//go:build unix

package confine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
		_, err = net.Listen("tcp", "127.0.0.1:0")
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
	err = hostile.Run(ctx, f, func(r io.Reader) error {
		var err error
		out, err = io.ReadAll(r)
		return err
	})
	return string(out), err
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

// Whatever a file makes the worker do, it does not get out of its process.
func TestConfined(t *testing.T) {
	if runtime.GOOS != "linux" || (runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64") {
		t.Skip("not confined on this system; the package says so")
	}
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
