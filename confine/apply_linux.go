//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// apply confines this process, all threads of it, for good.
func apply() error {
	// The first timer makes the runtime open what it waits with.
	time.Sleep(time.Nanosecond)
	limits := []struct {
		name     string
		resource int
		max      uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"open files", unix.RLIMIT_NOFILE, 3},
		{"processor time", unix.RLIMIT_CPU, uint64(MaxCPU / time.Second)},
		{"memory", unix.RLIMIT_DATA, MaxMemory},
	}
	if raceDetector { // keeps eight bytes for each
		limits = limits[:len(limits)-1]
	}
	for _, l := range limits {
		r := unix.Rlimit{Cur: l.max, Max: l.max}
		if l.resource == unix.RLIMIT_CPU {
			r.Max++ // the first is a signal that says why, the second kills
		}
		if err := unix.Setrlimit(l.resource, &r); err != nil {
			return fmt.Errorf("bounding %s: %w", l.name, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("no dumping: %w", err)
	}
	// Both belong to the thread; the filter's flag takes the other threads along.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	filter := program()
	p := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&p)))
	switch {
	case errno != 0:
		return fmt.Errorf("this kernel does not filter system calls (seccomp): %w; unpack the file with a program that you trust, and open the folder", errno)
	case thread != 0:
		return fmt.Errorf("thread %d would not be confined", thread)
	}
	return nil
}

// Offsets in struct seccomp_data (seccomp(2)); both machines are little-endian.
const (
	offCall = 0
	offArch = 4
	offArgs = 16
)

// allowed are the calls that a process of Go needs once it has its files:
// what the runtime does for memory, threads, signals and time, and
// reading and writing what is open.
var allowed = append([]uint32{
	unix.SYS_READ, unix.SYS_PREAD64, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_FSTAT, unix.SYS_LSEEK,
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_BRK,
	unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
	unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_CTL,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_RESTART_SYSCALL,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
	unix.SYS_GETPID, unix.SYS_GETTID,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
	unix.SYS_GETRANDOM, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}, machine...)

// check is what the low half of a call's argument must be: one of is, or with
// one of the bits has, or without the bits not.
type check struct {
	arg      uint32
	is       []uint32
	has, not uint32
}

// program is the filter: the machine's own calls only, those above, new threads
// and no processes, signals to itself, and memory of its own that cannot be
// executed. The rest fails with EPERM.
func program() []unix.SockFilter {
	const (
		load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		anyBit  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		verdict = unix.BPF_RET | unix.BPF_K
		refuse  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	)
	f := []unix.SockFilter{
		{Code: load, K: offArch},
		{Code: equal, K: auditArch, Jt: 1},
		{Code: verdict, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: load, K: offCall},
	}
	for _, call := range allowed {
		f = append(f,
			unix.SockFilter{Code: equal, K: call, Jf: 1},
			unix.SockFilter{Code: verdict, K: unix.SECCOMP_RET_ALLOW})
	}
	// only allows a call whose arguments pass all checks.
	only := func(call uint32, checks ...check) {
		n := 0 // instructions of the checks; allow comes behind them, then refuse
		for _, c := range checks {
			n += 1 + max(1, len(c.is))
		}
		var body []unix.SockFilter
		for _, c := range checks {
			body = append(body, unix.SockFilter{Code: load, K: offArgs + 8*c.arg})
			switch {
			case c.has != 0:
				body = append(body, unix.SockFilter{Code: anyBit, K: c.has, Jf: uint8(n - len(body))})
			case c.not != 0:
				body = append(body, unix.SockFilter{Code: anyBit, K: c.not, Jt: uint8(n - len(body))})
			}
			for i, v := range c.is {
				left := len(c.is) - i - 1 // values to try behind this one
				in := unix.SockFilter{Code: equal, K: v, Jt: uint8(left)}
				if left == 0 {
					in.Jf = uint8(n - len(body))
				}
				body = append(body, in)
			}
		}
		f = append(f, unix.SockFilter{Code: equal, K: call, Jf: uint8(n + 2)})
		f = append(f, body...)
		f = append(f, unix.SockFilter{Code: verdict, K: unix.SECCOMP_RET_ALLOW}, unix.SockFilter{Code: verdict, K: refuse})
	}
	only(unix.SYS_CLONE, check{arg: 0, has: unix.CLONE_THREAD})
	// Shared memory is in no bound of the process's.
	only(unix.SYS_MMAP, check{arg: 2, not: unix.PROT_EXEC}, check{arg: 3, not: unix.MAP_SHARED})
	only(unix.SYS_MPROTECT, check{arg: 2, not: unix.PROT_EXEC})
	// Both can send signals to other processes, the caller among them.
	only(unix.SYS_TGKILL, check{arg: 0, is: []uint32{uint32(os.Getpid())}})
	only(unix.SYS_FCNTL, check{arg: 1, is: []uint32{unix.F_GETFD, unix.F_GETFL}})
	return append(f,
		// The C library asks for it first and then for clone, whose flags can be seen.
		unix.SockFilter{Code: equal, K: unix.SYS_CLONE3, Jf: 1},
		unix.SockFilter{Code: verdict, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		unix.SockFilter{Code: verdict, K: refuse})
}
