//go:build unix

package firmware

import (
	"fmt"
	"os"
	"syscall"
)

// contents are the bytes of a file, as pages of it that take no memory of the process's own.
func contents(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if n := info.Size(); n > 0 && n <= MaxImage {
		return syscall.Mmap(int(f.Fd()), 0, int(n), syscall.PROT_READ, syscall.MAP_PRIVATE)
	}
	return nil, fmt.Errorf("a file of %d bytes, and %d is the most", info.Size(), int64(MaxImage))
}
