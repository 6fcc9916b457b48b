//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// install lays a filter on this thread, and on all others where all is set.
func install(filter []unix.SockFilter, all bool) error {
	flags := uintptr(0)
	if all {
		flags = unix.SECCOMP_FILTER_FLAG_TSYNC
	}
	p := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&p)))
	switch {
	case errno != 0:
		return errno
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

// starting are the further calls with which a process of Go, and one of C,
// begins: it is executed again, loads its libraries, asks what machine it is on,
// and confines itself further. Landlock says which files these reach.
var starting = append([]uint32{
	unix.SYS_EXECVE, unix.SYS_OPENAT, unix.SYS_NEWFSTATAT, unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2,
	unix.SYS_MMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_FCNTL, unix.SYS_DUP, unix.SYS_DUP3,
	unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT, unix.SYS_PRCTL, unix.SYS_SECCOMP, unix.SYS_PERSONALITY,
	unix.SYS_SET_TID_ADDRESS, unix.SYS_UNAME, unix.SYS_SYSINFO, unix.SYS_GETCWD, unix.SYS_CLOCK_GETRES,
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETPPID,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER, unix.SYS_MEMBARRIER,
}, machineStarting...)

// check is what the low half of a call's argument must be: one of is, or with
// one of the bits has, or without the bits not.
type check struct {
	arg      uint32
	is       []uint32
	has, not uint32
}

// program is a filter: the machine's own calls only, those above, new threads
// and no processes, signals to itself. The rest fails with EPERM. The first one, for
// a process that is about to be executed again, has the calls of starting; the
// last has them not, and memory only of its own that cannot be executed.
func program(first bool) []unix.SockFilter {
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
	calls := allowed
	if first {
		calls = slices.Concat(allowed, starting)
	}
	for _, call := range calls {
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
	if !first {
		// Shared memory is in no bound of the process's.
		only(unix.SYS_MMAP, check{arg: 2, not: unix.PROT_EXEC}, check{arg: 3, not: unix.MAP_SHARED})
		only(unix.SYS_MPROTECT, check{arg: 2, not: unix.PROT_EXEC})
	}
	// Both can send signals to other processes, the caller among them.
	only(unix.SYS_TGKILL, check{arg: 0, is: []uint32{uint32(os.Getpid())}})
	if first { // its own bounds, and nobody else's
		only(unix.SYS_PRLIMIT64, check{arg: 0, is: []uint32{0}})
	} else {
		only(unix.SYS_FCNTL, check{arg: 1, is: []uint32{unix.F_GETFD, unix.F_GETFL}})
	}
	return append(f,
		// The C library asks for it first and then for clone, whose flags can be seen.
		unix.SockFilter{Code: equal, K: unix.SYS_CLONE3, Jf: 1},
		unix.SockFilter{Code: verdict, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		unix.SockFilter{Code: verdict, K: refuse})
}
