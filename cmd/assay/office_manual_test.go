package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestManual holds the operations manual against the command: every verb and
// flag that it shows exists.
func TestManual(t *testing.T) {
	b, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	u := newUser(t)
	// Indented lines are to be typed; a backslash goes on in the next one.
	text := strings.ReplaceAll(string(b), "\\\n", "")
	typed := regexp.MustCompile(`(?m)^    assay (.*)$`).FindAllStringSubmatch(text, -1)
	inline := regexp.MustCompile("`assay ([a-z][^`]*)`").FindAllStringSubmatch(text, -1)
	if len(typed) < 10 || len(inline) < 5 {
		t.Fatalf("found %d and %d commands; has the manual another form now?", len(typed), len(inline))
	}
	for _, m := range slices.Concat(typed, inline) {
		words := strings.Fields(m[1])
		verb := words[:1]
		if len(words) > 1 && slices.Contains([]string{"log", "peer", "policy", "token", "case", "application", "keys", "evidence", "lab"}, words[0]) {
			verb = words[:2]
		}
		if len(words) > 2 && words[1] == "vulnerabilities" {
			verb = words[:3]
		}
		c := u.command(append(slices.Clone(verb), "-h")...)
		help, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("assay %s: %v\n%s", strings.Join(verb, " "), err, help)
			continue
		}
		for _, flag := range regexp.MustCompile(`--?([a-z][a-z0-9-]*)`).FindAllStringSubmatch(strings.Join(flagsOf(words), " "), -1) {
			if !regexp.MustCompile(`-` + flag[1] + `\b`).Match(help) {
				t.Errorf("assay %s: no flag --%s in its help", strings.Join(verb, " "), flag[1])
			}
		}
	}
}

func flagsOf(words []string) (out []string) {
	for _, w := range words {
		if strings.HasPrefix(w, "--") {
			out = append(out, w)
		}
	}
	return out
}
