//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// begin is the first stage: what holds from before the program starts again. It
// does not return unless it fails.
func begin(o order) error {
	// Landlock and the first filter are this thread's, and those of what is executed in it.
	runtime.LockOSThread()
	if err := o.limits(openStarting); err != nil {
		return err
	}
	if o.without != layerPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("no new privileges: %w", err)
		}
	}
	o.stage, o.landlock = 2, 0
	if o.without != layerLandlock {
		// Without it the second stage says so.
		if abi, err := landlock(); err == nil {
			o.landlock = abi
		}
	}
	if o.without != layerSeccomp {
		if err := install(program(true), false); err != nil && !o.reduced {
			return fmt.Errorf("%w (seccomp): %w", errNoFilter, err)
		}
	}
	if err := syscall.Exec(self, []string{o.String()}, []string{}); err != nil {
		return fmt.Errorf("starting again: %w", err)
	}
	return nil
}

// finish is the second stage: the last layers, on all threads of the process, for good.
func finish(o order) (l Layers, err error) {
	// The first timer makes the runtime open what it waits with.
	time.Sleep(time.Nanosecond)
	if o.landlock > 0 && held() {
		l.Landlock = o.landlock
	}
	if err := o.limits(openWorking); err != nil {
		return l, err
	}
	l.Limits = true
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return l, fmt.Errorf("no dumping: %w", err)
	}
	none, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	l.NoNewPrivileges = err == nil && none == 1
	if o.without == layerSeccomp || o.without == lastFilter {
		return l, nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := install(program(false), true); err != nil {
		if o.reduced {
			return l, nil
		}
		return l, fmt.Errorf("%w (seccomp): %w", errNoFilter, err)
	}
	l.Seccomp = true
	return l, nil
}

// Descriptors that a process may have: the three that it is given, and what the
// loader opens.
const (
	openStarting = 16
	openWorking  = 3
)

// limits lays the bounds on this process.
func (o order) limits(open uint64) error {
	limits := []struct {
		name     string
		resource int
		max      uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"open files", unix.RLIMIT_NOFILE, open},
		{"processor time", unix.RLIMIT_CPU, uint64((o.cpu + time.Second - 1) / time.Second)},
		{"memory", unix.RLIMIT_DATA, uint64(o.memory)},
	}
	if raceDetector { // keeps eight bytes for each
		limits = limits[:len(limits)-1]
	}
	for _, l := range limits {
		r := unix.Rlimit{Cur: l.max, Max: l.max}
		if err := unix.Setrlimit(l.resource, &r); err != nil {
			return fmt.Errorf("bounding %s: %w", l.name, err)
		}
	}
	return nil
}
