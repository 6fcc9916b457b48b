package confine

import "os"

const self = "/proc/self/exe"

// executable is this program. On Linux it is the one that runs, even where
// its file was replaced since.
func executable() (string, error) {
	if _, err := os.Stat(self); err == nil {
		return self, nil
	}
	return os.Executable()
}
