package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"assay/assess"
	"assay/bundle"
	"assay/evidence"
	"assay/labsign"
)

const evidenceDiffUsage = `usage: assay evidence diff [--at YYYY-MM-DD] [--dir CATALOG] [--laboratory FILE]… [--json] OLD NEW

Says what changed between two states of the evidence on one product (firmware,
hardware, IXIT rows, components, features), which verdicts of OLD no longer hold
for NEW and why, for which levels these count, and which levels are no longer
shown without them. What a scheme makes of new firmware under a certificate that
is in force stands beside it. OLD and NEW are folders, zips or evidence files.

exit: 0 nothing is stale and no level lost, 1 something is, 2 usage, or not readable
`

func runEvidenceDiff(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence diff", evidenceDiffUsage)
	at := v.String("at", "", "")
	dir := v.String("dir", "", "")
	var laboratories list
	v.Var(&laboratories, "laboratory", "")
	asJSON := v.Bool("json", false, "")
	rest, code, ok := v.parse(args, 2, 2)
	if !ok {
		return code
	}
	trouble := func(err error) int { v.fail(err); return exitUsage }
	day, err := dayOf(*at)
	if err != nil {
		return v.misuse("%v", err)
	}
	cat, err := loadCatalog(*dir, laboratories...)
	if err != nil {
		return trouble(err)
	}
	c, err := assess.Compile(cat)
	if err != nil {
		return trouble(fmt.Errorf("catalog: %w", err))
	}
	var states [2]*evidence.Evidence
	for i, path := range rest {
		b, err := bundle.OpenContext(ctx, path)
		if err != nil {
			v.failBundle(path, err)
			return exitUsage
		}
		b.Evidence.Verify(labsign.Check(cat)) // what is not signed shows nothing, before and after
		states[i] = b.Evidence
	}
	d, err := assess.Diff(c, cat, states[0], states[1], day)
	if err != nil {
		return trouble(err)
	}
	if *asJSON {
		err = writeJSON(std.out, d)
	} else {
		err = printDifference(std.out, d)
	}
	if err != nil {
		return trouble(err)
	}
	if len(d.Stale) > 0 || slices.ContainsFunc(d.Standings, func(s assess.Standing) bool { return len(s.Lost) > 0 }) {
		return exitFailed
	}
	return exitOK
}

func printDifference(w io.Writer, d *assess.Difference) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "Changed: %d\n", len(d.Changes))
	for _, c := range d.Changes {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", c.Kind, c.What, fromTo(c))
	}
	fmt.Fprintf(t, "\nStale: %d of %d verdicts\n", len(d.Stale), d.Verdicts)
	for i := 0; i < len(d.Stale); {
		s := &d.Stale[i]
		where, what, rest := staleWhere(s), staleOn(s), fmt.Sprintf("%s\t%s\t%s", s.Verdict, causes(s.Why), stepsOf(s.Levels))
		rows := 0
		for ; i < len(d.Stale); i++ { // the same on several rows is one line
			n := &d.Stale[i]
			if staleWhere(n) != where || staleOn(n) != what || fmt.Sprintf("%s\t%s\t%s", n.Verdict, causes(n.Why), stepsOf(n.Levels)) != rest {
				break
			}
			rows++
		}
		if rows > 1 {
			what += fmt.Sprintf(", %d rows", rows)
		} else if s.Row != "" {
			what += " " + s.Row
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", where, what, rest)
	}
	if len(d.Standings) > 0 {
		fmt.Fprintf(t, "\nShown, on %s:\n", d.At)
	}
	for i := range d.Standings {
		s := &d.Standings[i]
		after := s.After
		if after == "" {
			after = "nothing"
		}
		fmt.Fprintf(t, "  %s\t%s → %s\t%s\n", s.Scheme, s.Before, after, scopes[s.Scope])
		for _, l := range s.Lost {
			var refs []string
			for _, r := range l.Requirements {
				refs = append(refs, r.String())
			}
			fmt.Fprintf(t, "    no longer %s\t%s\n", l.Level, strings.Join(refs, ", "))
		}
	}
	return t.Flush()
}

// scopes say what new firmware means for a certificate in force.
var scopes = map[assess.Scope]string{
	assess.ScopeNotListed: "a certificate in force lists its versions: new firmware is out of its scope until it is entered",
	assess.ScopeUpdates:   "a certificate in force covers security updates until a security-relevant change is notified",
}

func fromTo(c evidence.Change) string {
	short := func(s string) string {
		if len(s) == 64 { // a digest
			return s[:12] + "…"
		}
		return s
	}
	switch {
	case c.Old == "":
		return "new: " + short(c.New)
	case c.New == "":
		return "gone: " + short(c.Old)
	}
	return short(c.Old) + " → " + short(c.New)
}

func staleWhere(s *assess.Stale) string {
	if s.Report == "" {
		return "claim by " + s.By
	}
	return s.Report
}

func staleOn(s *assess.Stale) string {
	if s.Unit != "" {
		return s.Unit
	}
	var refs []string
	for _, r := range s.About {
		refs = append(refs, r.String())
	}
	return strings.Join(refs, ", ")
}

func causes(why []assess.Cause) string {
	var out []string
	for _, w := range why {
		out = append(out, string(w.Kind)+" "+w.What)
	}
	return strings.Join(out, ", ")
}

// stepsOf lists levels by scheme: xx-label 1 2.
func stepsOf(steps []assess.Step) string {
	var out []string
	last := ""
	for _, s := range steps {
		if s.Scheme == last {
			out[len(out)-1] += " " + s.Level
			continue
		}
		out, last = append(out, s.Scheme+" "+s.Level), s.Scheme
	}
	if out == nil {
		return "asked for by no level"
	}
	return "for " + strings.Join(out, ", ")
}
