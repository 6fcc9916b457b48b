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
	"time"

	"assay/specimen"
)

// The demo runs the main job between four offices on this machine's loopback.
// It uses nothing that a real office would not: every act goes through /v1 by
// two persons, every fact crosses by a signed log. What the thief does in step
// 5 he does with a stolen key and the database, as a thief would.

func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.SetOutput(stderr)
	keep := fs.Bool("keep", false, "leave the offices running until interrupted, and print their addresses")
	asJSON := fs.Bool("json", false, "print one JSON object for each step")
	dir := fs.String("dir", "", "folder for the offices' databases; a temporary one if empty")
	night := fs.Int("night", 10_000, "how many grants the night brings")
	fs.Usage = func() {
		fmt.Fprint(stderr, "Usage: assay demo [flags]\n\nFour offices on loopback: certified in one nation, designated in the other by itself.\n\n")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	switch {
	case fs.NArg() > 0:
		fmt.Fprintf(stderr, "assay demo: takes no argument, this is %q; see assay demo -h\n", clip(fs.Arg(0)))
		return exitUsage
	case *night < 300 || *night > 1_000_000:
		fmt.Fprintf(stderr, "assay demo: --night %d: give 300 to 1000000\n", *night)
		return exitUsage
	}
	d := &demo{out: stdout, json: *asJSON, night: *night, began: time.Now()}
	var err error
	if d.lab, err = specimen.New(); err != nil {
		fmt.Fprintf(stderr, "assay demo: %v\n", err)
		return exitFailed
	}
	if err := d.run(ctx, *dir); err != nil {
		fmt.Fprintf(stderr, "assay demo: %v\n", err)
		d.close()
		return exitFailed
	}
	if *keep {
		d.say("The offices are running. Register pages:")
		for _, n := range d.nations {
			d.say("  %-3s %s", n.id, n.node.URL)
		}
		d.say("Tokens of their persons: %s", d.dir)
		d.say("Interrupt to stop.")
		d.end()
		<-ctx.Done()
	}
	d.close()
	return exitOK
}

// demo tells a story in steps and checks every word of it.
type demo struct {
	out     io.Writer
	json    bool
	night   int
	dir     string
	temp    bool
	began   time.Time
	nations []*nation
	lab     *specimen.Laboratory

	kr, sg, de, fi *nation
	hub            string            // the Korean hub's certificate
	hubSG          string            // its designation in Singapore
	earlier        map[string]string // by model: what was granted before

	step demoStep
}

// demoStep is what --json prints for each step.
type demoStep struct {
	Step   string   `json:"step"`
	Title  string   `json:"title"`
	Lines  []string `json:"lines"`
	Millis float64  `json:"ms"`
	from   time.Time
}

func (d *demo) run(ctx context.Context, dir string) error {
	if dir == "" {
		t, err := os.MkdirTemp("", "assay-demo-")
		if err != nil {
			return err
		}
		dir, d.temp = t, true
	}
	d.dir = dir
	for _, s := range []struct {
		id, title string
		do        func(context.Context) error
	}{
		{"0", "Four offices, founded and paired by acts of two persons each (SPECIMEN)", d.found},
		{"1", "Five refusals and two open questions before the first yes", d.refusals},
		{"2", "A smart-home hub: certified in Korea, designated in Singapore by itself", d.mainJob},
		{"3", "What needs a person, and what a market asks", d.persons},
		{"4", "Suspended, reinstated, revoked, annulled", d.follow},
		{"5", "A bad night", d.badNight},
		{"6", "Who allowed this?", d.who},
	} {
		d.begin(s.id, s.title)
		if err := s.do(ctx); err != nil {
			d.end()
			return fmt.Errorf("step %s (%s): %w", s.id, s.title, err)
		}
		d.end()
	}
	d.begin("end", "Done")
	d.say("%.1f s in all. Nothing left this machine.", time.Since(d.began).Seconds())
	d.end()
	return nil
}

func (d *demo) begin(id, title string) {
	d.step = demoStep{Step: id, Title: title, Lines: []string{}, from: time.Now()}
	if !d.json {
		fmt.Fprintf(d.out, "\n%s. %s\n", id, title)
	}
}

func (d *demo) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	d.step.Lines = append(d.step.Lines, line)
	if !d.json {
		fmt.Fprintf(d.out, "   %s\n", strings.ReplaceAll(line, "\n", "\n   "))
	}
}

func (d *demo) end() {
	if d.step.Step == "" {
		return
	}
	d.step.Millis = float64(time.Since(d.step.from).Microseconds()) / 1000
	if d.json {
		b, _ := json.Marshal(d.step)
		fmt.Fprintf(d.out, "%s\n", b)
	}
	d.step = demoStep{}
}

func (d *demo) close() {
	for _, n := range d.nations {
		n.close()
	}
	if d.temp {
		os.RemoveAll(d.dir)
	}
}
