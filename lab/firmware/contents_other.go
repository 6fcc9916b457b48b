//go:build !unix

package firmware

import (
	"fmt"
	"io"
	"os"
)

// contents are the bytes of a file.
func contents(f *os.File) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, MaxImage+1))
	if err == nil && len(b) > MaxImage {
		err = fmt.Errorf("more than %d bytes", int64(MaxImage))
	}
	return b, err
}
