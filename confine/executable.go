package confine

import "os"

// executable is this program. On Linux it is the one that runs, even where
// its file was replaced since.
func executable() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return self, nil
	}
	return os.Executable()
}
