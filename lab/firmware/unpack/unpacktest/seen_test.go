package unpacktest

import (
	"context"
	"runtime"
	"testing"
)

// seen is a test that only remembers whether it failed.
type seen struct {
	testing.TB
	failed bool
}

func (s *seen) Helper()                  {}
func (s *seen) Errorf(string, ...any)    { s.failed = true }
func (s *seen) Fatalf(string, ...any)    { s.failed = true; runtime.Goexit() }
func (s *seen) Context() context.Context { return context.Background() }
