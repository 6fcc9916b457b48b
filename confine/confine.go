// Package confine runs a function over a foreign file in a process of its own,
// which can do nothing but compute: a parser that the file gets the better of
// can then at worst give a wrong answer, which its caller checks.
//
// The process is this program, started again. It has the file as its standard
// input, a pipe as its standard output, an empty environment and no other open
// file. Before it looks at the first byte it lays these layers on itself, on Linux
// (amd64, arm64), in two stages. The first is one thread of the started program:
//
//   - bounds on memory, processor time, files and core dumps;
//   - no new privileges: what it executes gets no rights from its file;
//   - Landlock: of all that the kernel's version of it can refuse (files, TCP,
//     signals and sockets to others outside), it keeps only reading and executing
//     the program's own file, and, where the program was built with C, the loader
//     and the libraries that are loaded;
//   - a first seccomp filter: no sockets, no other processes, no signals to others.
//
// Then it executes itself, so that every thread and the runtime of Go begin under
// these. The second stage, still before main and before the function,
//
//   - sees that Landlock refuses what it has to;
//   - forbids attaching to the process, and open files beyond the three;
//   - lays the last filter over all threads: reading, writing and closing what is
//     open, memory of its own that is not executable, threads, time, signals to
//     itself and its end; every other system call fails, among them opening a file,
//     a socket, another program, another process, and signals to others in
//     whichever way.
//
// It then writes a line that says which layers hold, and only then reads. A
// missing layer ends it, but for Landlock, which older kernels lack; a caller that
// needs that too says so in its Options. Elsewhere than on Linux there are no layers:
// there it is a process with an empty environment, which its caller ends when its time
// is over.
//
// What it trusts: the program itself and the packages that are initialized
// before the worker, in both stages: what a package does while it is initialized
// happens three times. It needs no rights and no helper program.
package confine

import (
	"bufio"
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

// Bounds of a worker, unless its Options have others.
const (
	MaxMemory = 512 << 20       // bytes of data
	MaxCPU    = 2 * time.Minute // of all its threads
	MaxTime   = 5 * time.Minute // on the wall
)

// Options of a run. Where a bound is zero, the one above holds.
type Options struct {
	Memory    int64 // bytes of data
	CPU, Time time.Duration

	// All refuses to run where a layer is missing, with ErrMissing; Reduced runs
	// with those that hold, whichever they are. Neither of them: only Landlock may be
	// missing. Reduced wins.
	All, Reduced bool

	// Told is what the caller tells the worker besides the file: a MaxTold of bytes at most.
	Told []byte

	// Without leaves out a layer, by its name in Layers.String, as if the kernel had it not,
	// or "last-filter", the second of seccomp; for tests.
	Without string
}

// Layers are those that hold while a file is read.
type Layers struct {
	Landlock        int  `json:"landlock"` // version of the kernel's Landlock (its ABI), 0: it does not hold
	Seccomp         bool `json:"seccomp"`
	NoNewPrivileges bool `json:"no_new_privileges"`
	Limits          bool `json:"limits"` // of memory, processor time, files
}

// Names of layers.
const (
	layerLandlock   = "landlock"
	layerSeccomp    = "seccomp"
	layerPrivileges = "no-new-privileges"
	layerLimits     = "limits"

	lastFilter = "last-filter"
)

// Missing names the layers that do not hold.
func (l Layers) Missing() []string {
	var all []string
	for _, m := range []struct {
		name string
		held bool
	}{{layerLandlock, l.Landlock > 0}, {layerSeccomp, l.Seccomp}, {layerPrivileges, l.NoNewPrivileges}, {layerLimits, l.Limits}} {
		if !m.held {
			all = append(all, m.name)
		}
	}
	return all
}

// String names the layers that hold.
func (l Layers) String() string {
	var all []string
	if l.Landlock > 0 {
		all = append(all, fmt.Sprintf("%s (ABI %d)", layerLandlock, l.Landlock))
	}
	for _, m := range []struct {
		name string
		held bool
	}{{layerSeccomp, l.Seccomp}, {layerPrivileges, l.NoNewPrivileges}, {layerLimits, l.Limits}} {
		if m.held {
			all = append(all, m.name)
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// MaxTold bounds what a worker is told.
const MaxTold = 1 << 20

var maxTime = MaxTime // shorter in a test

// Errors of a worker that did not come to its end. What else goes wrong in it
// is for its own output to say.
var (
	ErrMemory  = errors.New("needs more memory than it may have")
	ErrTime    = errors.New("needs more time than it may have")
	ErrCrashed = errors.New("ended in the middle")
	ErrMissing = errors.New("this system lacks a layer of confinement")

	errNoFilter = errors.New("this kernel does not filter system calls: unpack the file with a program that you trust, and open the folder")
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
	return NewTold(name, func(_ []byte, in *os.File, out io.Writer) error { return f(in, out) })
}

// NewTold is New for a worker that is told something by its caller, in Options.
func NewTold(name string, f func(told []byte, in *os.File, out io.Writer) error) Worker {
	if len(os.Args) == 1 && strings.HasPrefix(os.Args[0], name0) {
		if o, ok := parseOrder(os.Args[0]); ok && o.name == name {
			os.Exit(work(o, f))
		}
	}
	return Worker{name}
}

// Exit codes of a worker's process; the runtime's own for a crash is 2.
const (
	exitDone    = 0
	exitFailed  = 3
	exitMissing = 4
)

// order is what a worker's process is told in its zeroth argument.
type order struct {
	name         string
	stage        int
	memory       int64
	cpu          time.Duration
	all, reduced bool
	told         bool // there is something to be read on descriptor 3
	without      string
	landlock     int // version that the first stage laid
}

const orderFormat = name0 + "%s stage=%d memory=%d cpu=%d all=%t reduced=%t told=%t landlock=%d without=%s"

func (o order) String() string {
	without := o.without
	if without == "" {
		without = "nothing"
	}
	return fmt.Sprintf(orderFormat, o.name, o.stage, o.memory, o.cpu, o.all, o.reduced, o.told, o.landlock, without)
}

func parseOrder(s string) (o order, ok bool) {
	_, err := fmt.Sscanf(s, orderFormat, &o.name, &o.stage, &o.memory, &o.cpu, &o.all, &o.reduced, &o.told, &o.landlock, &o.without)
	return o, err == nil && o.stage > 0 && o.memory > 0 && o.cpu > 0
}

func work(o order, f func([]byte, *os.File, io.Writer) error) int {
	err := o.work(f)
	switch {
	case errors.Is(err, ErrMissing):
		return exitMissing // the caller was told which
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return exitDone
}

func (o order) work(f func([]byte, *os.File, io.Writer) error) error {
	if o.stage == 1 {
		if err := begin(o); err != nil {
			return err
		}
	}
	var told []byte
	if o.told { // by the caller, who is believed
		pipe := os.NewFile(3, "told")
		var err error
		if told, err = io.ReadAll(pipe); err != nil {
			return err
		}
		pipe.Close()
	}
	l, err := finish(o)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(os.Stdout, l.line()); err != nil {
		return err
	}
	if o.all && !o.reduced && len(l.Missing()) > 0 {
		return ErrMissing
	}
	return f(told, os.Stdin, os.Stdout)
}

const lineFormat = "confined: landlock=%d seccomp=%t no-new-privileges=%t limits=%t\n"

// line is what a worker writes first.
func (l Layers) line() string {
	return fmt.Sprintf(lineFormat, l.Landlock, l.Seccomp, l.NoNewPrivileges, l.Limits)
}

// readLayers reads that line.
func readLayers(r *bufio.Reader) (l Layers, err error) {
	line, err := r.ReadSlice('\n') // no more than the reader's buffer
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // it ended before; its exit says why
		}
		return l, err
	}
	if _, err := fmt.Sscanf(string(line), lineFormat, &l.Landlock, &l.Seccomp, &l.NoNewPrivileges, &l.Limits); err != nil || l.Landlock < 0 || l.line() != string(line) {
		return Layers{}, fmt.Errorf("the process that reads the file %w: it does not say which layers hold: %.100q", ErrCrashed, line)
	}
	return l, nil
}

// Run gives in to a worker and what it writes to read, which must not believe
// it. It returns when both have ended; where read fails, the worker is ended.
// The offset of in is the worker's to move.
func (w Worker) Run(caller context.Context, in *os.File, read func(io.Reader) error) error {
	_, err := w.RunWith(caller, in, Options{}, read)
	return err
}

// RunWith is Run with options. It also gives the layers that held, as far as the
// process came to say so.
func (w Worker) RunWith(caller context.Context, in *os.File, o Options, read func(io.Reader) error) (Layers, error) {
	var layers Layers
	if caller.Err() != nil {
		return layers, context.Cause(caller)
	}
	if o.Memory <= 0 {
		o.Memory = MaxMemory
	}
	if o.CPU <= 0 {
		o.CPU = MaxCPU
	}
	if o.Time <= 0 {
		o.Time = maxTime
	}
	ctx, cancel := context.WithTimeoutCause(caller, o.Time, ErrTime)
	defer cancel()
	if len(o.Told) > MaxTold {
		return layers, fmt.Errorf("a worker is told %d bytes, and %d is the most", len(o.Told), MaxTold)
	}
	exe, err := executable()
	if err != nil {
		return layers, err
	}
	cmd := exec.CommandContext(ctx, exe)
	cmd.Args = []string{order{name: w.name, stage: 1, memory: o.Memory, cpu: o.CPU, all: o.All, reduced: o.Reduced, told: len(o.Told) > 0, without: o.Without}.String()}
	cmd.Env = []string{} // nil would be this process's own
	cmd.Dir = "/"
	cmd.Stdin = in
	said := &clipped{}
	cmd.Stderr = said
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return layers, err
	}
	tell, err := w.tell(cmd, o.Told)
	if err != nil {
		return layers, err
	}
	err = cmd.Start()
	tell(err == nil)
	if err != nil {
		return layers, fmt.Errorf("starting a process for the file: %w", err)
	}
	buffered := bufio.NewReader(out)
	layers, rerr := readLayers(buffered)
	missing := layers.Missing()
	switch {
	case rerr != nil:
	case o.All && !o.Reduced && len(missing) > 0:
		rerr = fmt.Errorf("%w: %s does not hold here: update the kernel, or go on without it with --confinement=reduced, which the evidence will say", ErrMissing, strings.Join(missing, " and "))
	default:
		rerr = read(buffered)
	}
	if rerr != nil && !errors.Is(rerr, io.ErrUnexpectedEOF) {
		cancel()
	} else if _, err := io.Copy(io.Discard, buffered); err != nil && rerr == nil { // what read did not want, so that it can end
		rerr = err
	}
	werr := cmd.Wait()
	switch {
	case caller.Err() != nil:
		return layers, context.Cause(caller)
	case errors.Is(context.Cause(ctx), ErrTime):
		return layers, fmt.Errorf("the process that reads the file %w (%s)", ErrTime, o.Time)
	case errors.Is(rerr, ErrMissing):
		return layers, rerr
	}
	if err := said.cause(werr, cmd.ProcessState, o); err != nil && (rerr == nil || errors.Is(rerr, io.ErrUnexpectedEOF)) {
		return layers, err
	}
	return layers, rerr
}

// tell gives a process what it is told on descriptor 3. What it returns has to be
// called once the process is started, or was not.
func (w Worker) tell(cmd *exec.Cmd, told []byte) (func(started bool), error) {
	if len(told) == 0 {
		return func(bool) {}, nil
	}
	r, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{r}
	return func(started bool) {
		r.Close() // so that writing ends when the process does
		if !started {
			out.Close()
			return
		}
		go func() {
			defer out.Close()
			out.Write(told) // a process that does not read it ends, and says why
		}()
	}, nil
}

// clipped keeps the beginning of what is written. It holds the buffer and does not
// embed it: a Buffer's ReadFrom, which io.Copy prefers, knows no bound.
type clipped struct{ b bytes.Buffer }

func (c *clipped) Write(b []byte) (int, error) {
	c.b.Write(b[:min(len(b), maxSaid-c.b.Len())])
	return len(b), nil
}

// cause says why a worker's process ended.
func (c *clipped) cause(err error, state *os.ProcessState, o Options) error {
	if err == nil {
		return nil
	}
	said := c.b.String()
	first, _, _ := strings.Cut(said, "\n")
	switch {
	case strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"):
		return fmt.Errorf("the process that reads the file %w (%d bytes)", ErrMemory, o.Memory)
	case !state.Exited() && state.UserTime()+state.SystemTime() >= o.CPU*9/10: // killed by the kernel, which counts in its own way
		return fmt.Errorf("the process that reads the file %w (%s)", ErrTime, o.CPU)
	}
	return fmt.Errorf("the process that reads the file %w: %w: %.200q", ErrCrashed, err, first)
}
