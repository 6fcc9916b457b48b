// Package confine runs a function over a foreign file in a process of its own,
// which can do nothing but compute: a parser that the file gets the better of
// can then at worst give a wrong answer, which its caller checks.
//
// The process is this program, started again. It has the file as its standard
// input, a pipe as its standard output, an empty environment and no other open
// file. Before it looks at the first byte it lays these on itself, and ends if
// it cannot:
//
//   - on Linux (amd64, arm64) a seccomp filter over all threads: reading,
//     writing and closing what is open, memory of its own that is not executable,
//     threads, time, signals to itself and its end; every other system call fails,
//     among them opening a file, a socket, another program, another process, and
//     signals to others in whichever way;
//   - on Linux bounds on memory, processor time, files and core dumps, no new
//     privileges, and no attaching to it;
//   - elsewhere nothing: there it is a process with an empty environment,
//     which its caller ends when its time is over.
//
// What it trusts: the program itself and the packages that are initialized
// before the worker. It needs no rights and no helper program.
package confine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Bounds of a worker.
const (
	MaxMemory = 512 << 20       // bytes of data
	MaxCPU    = 2 * time.Minute // of all its threads
	MaxTime   = 5 * time.Minute // on the wall
)

var maxTime = MaxTime // shorter in a test

// Errors of a worker that did not come to its end. What else goes wrong in it
// is for its own output to say.
var (
	ErrMemory  = errors.New("needs more memory than it may have")
	ErrTime    = errors.New("needs more time than it may have")
	ErrCrashed = errors.New("ended in the middle")
)

// name0 begins the zeroth argument of a worker's process. A shell gives the
// program's own path there.
const name0 = "assay: confined "

// maxSaid bounds what is kept of what a worker writes to its standard error.
const maxSaid = 16 << 10

// Worker is a function that runs confined.
type Worker struct{ name string }

// New makes a worker. It has to be called while a package is initialized, by a
// variable of the package: in the worker's process it runs f and does
// not return. A name stands for one worker of the program.
func New(name string, f func(in *os.File, out io.Writer) error) Worker {
	if len(os.Args) == 1 && os.Args[0] == name0+name {
		os.Exit(work(f))
	}
	return Worker{name}
}

// Exit codes of a worker's process; the runtime's own for a crash is 2.
const (
	exitDone   = 0
	exitFailed = 3
)

func work(f func(*os.File, io.Writer) error) int {
	err := apply()
	if err == nil {
		err = f(os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return exitDone
}

// Run gives in to a worker and what it writes to read, which must not believe
// it. It returns when both have ended; where read fails, the worker is ended.
// The offset of in is the worker's to move.
func (w Worker) Run(caller context.Context, in *os.File, read func(io.Reader) error) error {
	if caller.Err() != nil {
		return context.Cause(caller)
	}
	ctx, cancel := context.WithTimeoutCause(caller, maxTime, ErrTime)
	defer cancel()
	exe, err := executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe)
	cmd.Args = []string{name0 + w.name}
	cmd.Env = []string{} // nil would be this process's own
	cmd.Dir = "/"
	cmd.Stdin = in
	said := &clipped{}
	cmd.Stderr = said
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a process for the file: %w", err)
	}
	rerr := read(out)
	if rerr != nil {
		cancel()
	} else if _, err := io.Copy(io.Discard, out); err != nil { // what read did not want, so that it can end
		rerr = err
	}
	werr := cmd.Wait()
	switch {
	case caller.Err() != nil:
		return context.Cause(caller)
	case errors.Is(context.Cause(ctx), ErrTime):
		return fmt.Errorf("the process that reads the file %w (%s)", ErrTime, maxTime)
	}
	if err := said.cause(werr); err != nil && (rerr == nil || errors.Is(rerr, io.ErrUnexpectedEOF)) {
		return err
	}
	return rerr
}

// clipped keeps the beginning of what is written.
type clipped struct{ bytes.Buffer }

func (c *clipped) Write(b []byte) (int, error) {
	c.Buffer.Write(b[:min(len(b), maxSaid-c.Len())])
	return len(b), nil
}

// cause says why a worker's process ended.
func (c *clipped) cause(err error) error {
	if err == nil {
		return nil
	}
	said := c.String()
	first, _, _ := strings.Cut(said, "\n")
	switch {
	case strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"):
		return fmt.Errorf("the process that reads the file %w (%d bytes)", ErrMemory, MaxMemory)
	case strings.Contains(said, "SIGXCPU"):
		return fmt.Errorf("the process that reads the file %w (%s)", ErrTime, MaxCPU)
	}
	return fmt.Errorf("the process that reads the file %w: %w: %.200q", ErrCrashed, err, first)
}
