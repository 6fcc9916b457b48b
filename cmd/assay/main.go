// Command assay certifies connected devices for an authority, keeps its
// register, and lets certificates take effect in the registers of others.
//
// Most verbs are clients of an office's /v1 API. Exit codes: 0 done, 1 failed
// or refused, 2 used wrongly.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	if os.Getenv("GOGC") == "" {
		// The live heap is small beside what a partner's backlog turns over:
		// more room between collections is a tenth of its time.
		debug.SetGCPercent(300)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is one verb. Its run gets the arguments after its name.
type command struct {
	name  string
	args  string // as in a usage line
	short string
	run   func(ctx context.Context, args []string, std stdio) int
}

// stdio is what a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// group is verbs that belong together, as help shows them.
type group struct {
	title    string
	commands []command
}

// groups is every verb of the command.
func groups() []group {
	return []group{
		{"See it work", demoCommands()},
		{"Rules and evidence", ruleCommands()},
		{"An office", officeCommands()},
		{"Applications and decisions", decisionCommands()},
		{"Measures and acts", actCommands()},
		{"Partners", peerCommands()},
		{"The register", registerCommands()},
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	std := stdio{stdin, stdout, stderr}
	if len(args) == 0 {
		help(stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		help(stdout)
		return exitOK
	}
	for _, g := range groups() {
		for _, c := range g.commands {
			if c.name == args[0] {
				return c.run(ctx, args[1:], std)
			}
		}
	}
	fmt.Fprintf(stderr, "assay: %q is no command; `assay help` lists them\n", clip(args[0]))
	return exitUsage
}

func help(w io.Writer) {
	fmt.Fprint(w, "assay certifies connected devices and lets certificates take effect elsewhere.\n\nUsage: assay COMMAND [flags] [arguments]\n")
	for _, g := range groups() {
		if len(g.commands) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", g.title)
		for _, c := range g.commands {
			fmt.Fprintf(w, "  %-38s %s\n", strings.TrimSpace(c.name+" "+c.args), c.short)
		}
	}
	fmt.Fprint(w, `
`+"`assay COMMAND -h`"+` tells more of one. Verbs that ask an office take --office URL (or
ASSAY_OFFICE), a token from --token-file or ASSAY_TOKEN, and --json.
Exit codes: 0 done, 1 failed or refused, 2 used wrongly.
`)
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// plain adapts a verb that needs neither a context nor an input.
func plain(f func(args []string, stdout, stderr io.Writer) int) func(context.Context, []string, stdio) int {
	return func(_ context.Context, args []string, std stdio) int { return f(args, std.out, std.err) }
}

// timed adapts a verb that needs no input.
func timed(f func(ctx context.Context, args []string, stdout, stderr io.Writer) int) func(context.Context, []string, stdio) int {
	return func(ctx context.Context, args []string, std stdio) int { return f(ctx, args, std.out, std.err) }
}
