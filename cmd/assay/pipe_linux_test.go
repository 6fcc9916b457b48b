package main

import (
	"syscall"
	"testing"
	"time"
)

// A pipe in place of a file is refused, and not waited for.
func TestEvidencePipe(t *testing.T) {
	u := newUser(t)
	u.bundled("b")
	if err := syscall.Mkfifo(u.path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"evidence", "import", "--bundle", "b", "pipe"},
		{"evidence", "add", "b", "pipe"},
		{"evidence", "workbook", "--into", "b", "pipe"},
		{"evidence", "check", "pipe"},
	} {
		done := make(chan bool)
		go func() {
			defer close(done)
			u.refused(exitFailed, "", args...)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("assay %v waits for a pipe", args)
		}
	}
}
