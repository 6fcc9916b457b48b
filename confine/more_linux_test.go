package confine

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// more are tries with calls that this system alone has. They know their
// parent, which a confined process cannot ask for but can guess.
var more = map[string]func(parent int) error{
	"signal-thread": func(parent int) error { return unix.Tgkill(parent, parent, 0) },
	"own-signals": func(parent int) error {
		_, err := unix.FcntlInt(1, unix.F_SETOWN, parent)
		return err
	},
	"choose-signal": func(parent int) error {
		_, err := unix.FcntlInt(1, unix.F_SETSIG, int(unix.SIGKILL))
		return err
	},
	"share-memory": func(parent int) error {
		_, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_SHARED)
		return err
	},
	"fork": func(parent int) error {
		_, _, errno := unix.RawSyscall(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0)
		return asError(errno)
	},
	"new-names": func(parent int) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"trace":     func(parent int) error { return unix.PtraceAttach(parent) },
	"read-memory": func(parent int) error {
		b := make([]byte, 8)
		_, err := unix.ProcessVMReadv(parent, []unix.Iovec{{Base: &b[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&b[0])), Len: 8}}, 0)
		return err
	},
}

// firstRefuses are those that the first filter refuses already.
var firstRefuses = []string{"signal-thread", "fork", "new-names", "trace", "read-memory"}

// hasLandlock is the version that the kernel has, 0 for none.
func hasLandlock() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

func asError(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
