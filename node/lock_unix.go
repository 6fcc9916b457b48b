//go:build unix

package node

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps a second process from serving the same embedded database: each
// would publish, follow and reconcile beside the other without knowing. The
// kernel releases it when the process ends, however it ends.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w (%s); several processes need PostgreSQL", ErrServed, path)
		}
		return nil, err
	}
	return f, nil
}
