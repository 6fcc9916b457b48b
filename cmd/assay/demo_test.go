package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// The demo checks every word that it tells; here a short night of it, and the
// form that programs read.
func TestDemo(t *testing.T) {
	var out, errs bytes.Buffer
	if code := runDemo(t.Context(), []string{"--json", "--night", "300"}, &out, &errs); code != exitOK {
		t.Fatalf("exit %d: %s\n%s", code, &errs, &out)
	}
	var steps []string
	for line := range strings.Lines(out.String()) {
		var s demoStep
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if len(s.Lines) == 0 || s.Millis <= 0 || s.Title == "" {
			t.Errorf("step %s tells nothing: %s", s.Step, line)
		}
		steps = append(steps, s.Step)
	}
	if got := strings.Join(steps, " "); got != "0 1 2 3 4 5 6 end" {
		t.Errorf("steps %s", got)
	}
}

func TestDemoUsage(t *testing.T) {
	for _, args := range [][]string{{"--night", "1"}, {"more"}, {"--nonsense"}} {
		var out, errs bytes.Buffer
		if code := runDemo(t.Context(), args, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), strings.TrimLeft(args[0], "-")) {
			t.Errorf("%v: exit %d, %q", args, code, &errs)
		}
	}
}
