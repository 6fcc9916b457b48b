//go:build !linux

package bundle

import "testing"

func readOnly(t *testing.T, _ string) { t.Helper() }

func fullDisk(t *testing.T) string {
	t.Helper()
	t.Skip("no small disk on this system")
	return ""
}
