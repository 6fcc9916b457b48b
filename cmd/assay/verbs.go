package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"assay/client"
)

// verb is what every verb that asks an office has in common: its flags, where
// the office is, and for whom it speaks.
type verb struct {
	*flag.FlagSet
	std       stdio
	usage     string
	office    string
	tokenFile string
	json      bool
}

// newVerb makes a verb with the common flags. args is its usage line without
// the name.
func newVerb(std stdio, name, args string) *verb {
	v := &verb{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), std: std, usage: strings.TrimSpace("assay " + name + " [flags] " + args)}
	v.SetOutput(std.err)
	v.Usage = func() {
		fmt.Fprintf(std.err, "usage: %s\n", v.usage)
		if s := shortOf(name); s != "" {
			fmt.Fprintf(std.err, "\n%s\n\n", s)
		}
		v.PrintDefaults()
	}
	v.StringVar(&v.office, "office", os.Getenv("ASSAY_OFFICE"), "address of the office, `URL`")
	v.StringVar(&v.tokenFile, "token-file", "", "`FILE` with the bearer token (or ASSAY_TOKEN)")
	v.BoolVar(&v.json, "json", false, "print JSON")
	return v
}

// shortOf is what help says of a verb; nothing for a part of one.
func shortOf(name string) string {
	for _, g := range groups() {
		for _, c := range g.commands {
			if c.name == name {
				return c.short
			}
		}
	}
	return ""
}

// parse reads flags and arguments in any order. ok is false where the verb
// ends with code: after help, or wrong use.
func (v *verb) parse(args []string, least, most int) (rest []string, code int, ok bool) {
	for {
		if err := v.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, exitOK, false
		} else if err != nil {
			return nil, exitUsage, false
		}
		if v.NArg() == 0 {
			break
		}
		rest, args = append(rest, v.Arg(0)), v.Args()[1:]
	}
	if len(rest) < least || len(rest) > most {
		v.Usage()
		return nil, exitUsage, false
	}
	return rest, exitOK, true
}

// misuse says what is wrong with the command line.
func (v *verb) misuse(format string, a ...any) int {
	fmt.Fprintf(v.std.err, "assay %s: "+format+"\n", append([]any{v.Name()}, a...)...)
	return exitUsage
}

// fail says why it was not done.
func (v *verb) fail(err error) int {
	fmt.Fprintf(v.std.err, "assay %s: %v\n", v.Name(), err)
	return exitFailed
}

// maxToken bounds a token file, in bytes.
const maxToken = 4096

// client speaks to the office. A token is never an argument, where every
// user of the machine could read it.
func (v *verb) client() (*client.Client, error) {
	if v.office == "" {
		return nil, errors.New("which office? give --office URL, or set ASSAY_OFFICE")
	}
	token := os.Getenv("ASSAY_TOKEN")
	if v.tokenFile != "" {
		b, err := readBounded(v.tokenFile, nil, maxToken)
		if err != nil {
			return nil, err
		}
		token = string(b)
	}
	return client.New(v.office, client.Options{Token: strings.TrimSpace(token)})
}

// consult runs f with a client of the office and prints what it returns: as JSON
// where that was asked for, else by show.
func consult[T any](v *verb, f func(*client.Client) (T, error), show func(io.Writer, T)) int {
	c, err := v.client()
	if err != nil {
		return v.misuse("%v", err)
	}
	out, err := f(c)
	if err != nil {
		return v.fail(err)
	}
	return printed(v, out, show)
}

func printed[T any](v *verb, out T, show func(io.Writer, T)) int {
	if v.json {
		enc := json.NewEncoder(v.std.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(out); err != nil {
			return v.fail(err)
		}
		return exitOK
	}
	w := tabwriter.NewWriter(v.std.out, 0, 8, 2, ' ', 0)
	show(w, out)
	if err := w.Flush(); err != nil {
		return v.fail(err)
	}
	return exitOK
}

// readBounded reads a file, or stdin for "-", of at most most bytes.
func readBounded(name string, stdin io.Reader, most int64) ([]byte, error) {
	r := stdin
	if name != "-" || stdin == nil {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return b, err
}

// list collects a flag that may stand several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

// instant is a flag in RFC 3339; 0 where it is not given.
type instant int64

func (t *instant) String() string {
	if *t == 0 {
		return ""
	}
	return when(int64(*t))
}

func (t *instant) Set(s string) error {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return errors.New("write it like 2026-11-24T09:30:00+09:00")
	}
	*t = instant(at.UnixMicro())
	return nil
}

// when is µs UTC for people, in UTC.
func when(at int64) string {
	if at == 0 {
		return "-"
	}
	return time.UnixMicro(at).UTC().Format("2006-01-02T15:04:05.000Z")
}

// or is the first that is not empty.
func or(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return "-"
}

// words joins what is there by spaces.
func words(ss ...string) string { return strings.TrimSpace(strings.Join(ss, " ")) }

// verbs is a verb with verbs of its own: application show, peer add.
func verbs(name string, sub map[string]func(context.Context, []string, stdio) int, order ...string) func(context.Context, []string, stdio) int {
	return func(ctx context.Context, args []string, std stdio) int {
		if len(args) > 0 {
			if f := sub[args[0]]; f != nil {
				return f(ctx, args[1:], std)
			}
		}
		w, code := std.err, exitUsage
		if len(args) > 0 && (args[0] == "-h" || args[0] == "--help" || args[0] == "help") {
			w, code = std.out, exitOK
		}
		fmt.Fprintf(w, "usage: assay %s %s …\n", name, strings.Join(order, "|"))
		return code
	}
}
