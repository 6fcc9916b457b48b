//go:build linux && (amd64 || arm64)

package confine

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ruleset is struct landlock_ruleset_attr (landlock(7)): what is refused unless a
// rule allows it. A kernel that does not know the later members takes them as long as
// they are zero.
type ruleset struct{ files, network, scopes uint64 }

const (
	useFile    = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	firstRight = 13 // of files, in the first version; later ones only add
)

// landlock refuses this thread, and what is executed in it, all that the kernel's
// Landlock can refuse, but for reading and executing the files of this program.
// It gives the version of Landlock that the kernel has (its ABI).
func landlock() (abi int, err error) {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, errno
	}
	r := ruleset{files: 1<<firstRight - 1}
	fd, err := r.create()
	if err != nil {
		return 0, err
	}
	// All rights that this kernel has, whichever version brought them.
	for _, m := range []*uint64{&r.files, &r.network, &r.scopes} {
		for {
			more := *m<<1 | 1
			was := *m
			*m = more
			next, err := r.create()
			if err != nil || more == was {
				*m = was
				break
			}
			unix.Close(fd)
			fd = next
		}
	}
	defer unix.Close(fd)
	own, err := ownFiles()
	if err != nil {
		return 0, err
	}
	for _, path := range own {
		if err := allowFile(fd, path); err != nil {
			return 0, fmt.Errorf("allowing %s: %w", path, err)
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(fd), 0, 0); errno != 0 {
		return 0, errno
	}
	return int(v), nil
}

func (r *ruleset) create() (fd int, err error) {
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(r)), unsafe.Sizeof(*r), 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// allowFile lets one file be read and executed. A library that is gone is none of
// the files that the program would load again.
func allowFile(ruleset int, path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	rule := unix.LandlockPathBeneathAttr{Allowed_access: useFile, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// ownFiles are the program and, where it is one, what it loaded: its loader and
// the libraries of C, as they stand in its memory.
func ownFiles() ([]string, error) {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := []string{self}
	s := bufio.NewScanner(f)
	for s.Scan() {
		// address perms offset dev inode path
		if at := strings.Index(s.Text(), "/"); at >= 0 && len(strings.Fields(s.Text()[:at])) == 5 {
			all = append(all, s.Text()[at:])
		}
	}
	if raceDetector { // looks where its own memory is
		all = append(all, "/proc/self/maps")
	}
	slices.Sort(all)
	return slices.Compact(all), s.Err()
}

// held reports whether Landlock refuses this process what it would have to: to read
// a folder that everybody may read.
func held() bool {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err == unix.EACCES
}
