package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// machine is what a run happened on.
type machine struct {
	Cores    int     `json:"cores"` // that this process may use
	CPU      string  `json:"cpu"`
	OS       string  `json:"os"`
	Go       string  `json:"go"`
	Fsync    float64 `json:"fsync_4k_us"` // median of a 4 KiB append and its fsync, in temporary folder
	Load     string  `json:"load"`        // of the minute before: what else ran
	Postgres bool    `json:"postgres"`
}

func (m *machine) String() string {
	return fmt.Sprintf("%d cores, %s, %s, %s; 4 KiB append and fsync %.0f µs; load %s", m.Cores, m.CPU, m.OS, m.Go, m.Fsync, m.Load)
}

func thisMachine() (*machine, error) {
	m := &machine{Cores: runtime.GOMAXPROCS(0), CPU: "unknown processor", OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Load: "unknown", Postgres: os.Getenv(postgresEnv) != ""}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for l := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "model name" {
				m.CPU = strings.TrimSpace(v)
				break
			}
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(b), " ")
	}
	d, err := fsync4k()
	m.Fsync = micros(d)
	return m, err
}

func fsync4k() (time.Duration, error) {
	f, err := os.CreateTemp("", "assay-bench-fsync")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	ds := make([]time.Duration, 200)
	for i := range ds {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		ds[i] = time.Since(start)
	}
	return quantile(ds, 0.5), nil
}

// cpu is the processor time of this process so far, its own and the system's
// for it.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
