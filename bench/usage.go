package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what a program and all that it started took.
type usage struct {
	CPU  time.Duration // user and system
	Wall time.Duration
	// Largest is the resident peak of the largest process, as the kernel keeps it, in
	// bytes; Together where that is no more than what the process had that started the
	// program, which the kernel counts in for the moment before the program is loaded.
	Largest int64
	// Together is the largest sum of what all processes had resident at one time, as far
	// as it was seen; pages that two share count twice.
	Together int64
}

// peak is the resident memory to hold against a limit, in bytes.
func (u usage) peak() int64 { return max(u.Largest, u.Together) }

// best takes the times of the faster run and the memory of the larger one.
func (u usage) best(v usage) usage {
	return usage{min(u.CPU, v.CPU), min(u.Wall, v.Wall), max(u.Largest, v.Largest), max(u.Together, v.Together)}
}

// onOneCore runs a program, and what it starts, on one core. An error has the end of
// what the program said.
//
// A small process in between starts it and asks the kernel what its children took: of
// this process the kernel would count its own memory, too. It also
// counts the children's children, where they are waited for, as all do that are measured
// here.
func onOneCore(ctx context.Context, env []string, name string, args ...string) (u usage, err error) {
	core, err := lastCore()
	if err != nil {
		return u, err
	}
	self, err := os.Executable()
	if err != nil {
		return u, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"usage-child", "taskset", "--cpu-list", core, name}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		text := said.Bytes()
		return u, fmt.Errorf("%s: %w: %s", name, err, text[max(0, len(text)-500):])
	}
	return u, json.Unmarshal(out, &u)
}

// usageChild runs a program and writes its usage as JSON; what the program writes goes
// to the error output.
func usageChild(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	own, err := residentPeak()
	if err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	stop, seen := make(chan struct{}), make(chan int64)
	go func() {
		most := int64(0)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				seen <- most
				return
			case <-tick.C:
				most = max(most, resident(cmd.Process.Pid, ""))
			}
		}
	}()
	err = cmd.Wait()
	u := usage{Wall: time.Since(begin)}
	close(stop)
	u.Together = <-seen
	if err != nil {
		return err
	}
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &r); err != nil {
		return err
	}
	u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	if u.Largest = r.Maxrss << 10; u.Largest <= own && u.Together > 0 { // KiB on Linux
		u.Largest = u.Together
	}
	return json.NewEncoder(os.Stdout).Encode(u)
}

// residentPeak is the most that this process had in memory so far, in bytes.
func residentPeak() (int64, error) {
	line, err := status("VmHWM:")
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
	return kib << 10, err
}

// status is a line of what the kernel says about this process, without its name.
func status(name string) (string, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", err
	}
	for l := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(l, name); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("/proc/self/status has no %s", name)
}

// resident is what a process and those below it have in memory now, in bytes; 0 for one
// that has ended. A process that has all sizes of the one above it is being started, and
// still in that one's memory.
func resident(pid int, above string) (sum int64) {
	dir := "/proc/" + strconv.Itoa(pid)
	b, err := os.ReadFile(dir + "/statm")
	if err != nil || string(b) == above {
		return 0
	}
	if fields := strings.Fields(string(b)); len(fields) > 1 {
		pages, _ := strconv.ParseInt(fields[1], 10, 64)
		sum = pages * int64(os.Getpagesize())
	}
	threads, _ := os.ReadDir(dir + "/task")
	for _, t := range threads {
		children, _ := os.ReadFile(dir + "/task/" + t.Name() + "/children")
		for child := range strings.FieldsSeq(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				sum += resident(n, string(b))
			}
		}
	}
	return sum
}

// lastCore is the last of the cores that this process may use.
func lastCore() (string, error) {
	list, err := status("Cpus_allowed_list:")
	if err != nil {
		return "", err
	}
	return list[strings.LastIndexAny(list, ",-")+1:], nil
}
