package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"assay/catalog"
	"assay/certificate"
	"assay/civil"
	"assay/client"
	"assay/office"
)

func actCommands() []command {
	cs := []command{
		{"propose", "KIND --body FILE", "propose an act of any kind", propose},
		{"acts", "[ACT]", "list acts, or show one", acts},
		{"cases", "", "list what lies on the desk", cases},
		{"case", "decide CASE", "propose the decision of a case", verbs("case", map[string]func(context.Context, []string, stdio) int{"decide": caseDecide}, "decide")},
		{"alarms", "[ALARM]", "list alarms, or say that one was seen to", alarms},
		{"adopt", "[--dir CATALOG]", "offer a catalog to an office and propose that it is adopted", adopt},
	}
	for _, m := range []struct {
		kind  office.ActKind
		short string
	}{
		{office.ActSuspend, "propose to suspend a certificate"},
		{office.ActReinstate, "propose to reinstate a suspended certificate"},
		{office.ActRevoke, "propose to revoke a certificate"},
		{office.ActAnnul, "propose to annul a certificate, or one decision on it"},
		{office.ActSurrender, "give a certificate back"},
		{office.ActExtend, "propose a later last day"},
		{office.ActHold, "propose to hold a designation until a person has looked"},
		{office.ActRelease, "propose to end a hold"},
	} {
		cs = append(cs, command{string(m.kind), "CERTIFICATE --reason CODE", m.short, measure(m.kind)})
	}
	return cs
}

func showAct(w io.Writer, a *office.Act) {
	if a == nil {
		return
	}
	fmt.Fprintf(w, "act\t%s\nkind\t%s\nsubject\t%s\nstate\t%s\nstage\t%s\nproposed\t%s by %s\n", a.ID, a.Kind, or(a.Subject), a.State, a.Stage, when(a.ProposedAt), a.Proposer)
	if a.Approver != "" {
		fmt.Fprintf(w, "approved\t%s by %s\n", when(a.ApprovedAt), a.Approver)
	}
	if a.Index >= 0 {
		fmt.Fprintf(w, "log entry\t%d\n", a.Index)
	}
	if len(a.Result) > 0 && string(a.Result) != "null" {
		fmt.Fprintf(w, "result\t%s\n", a.Result)
	}
	fmt.Fprintf(w, "version\t%d\n", a.Version)
}

// proposes sends an act under an id that the person may choose, so that it
// can be repeated.
func proposes(ctx context.Context, v *verb, id string, kind office.ActKind, body any) int {
	if id == "" {
		id = client.NewID()
	}
	return consult(v, func(c *client.Client) (*office.Act, error) { return c.Propose(ctx, id, kind, body) }, showAct)
}

func (v *verb) actID() *string {
	return v.String("id", "", "`UUID` of the act, to repeat one safely; empty: a new one")
}

const maxActBody = 256 << 10

func propose(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "propose", "KIND")
	id := v.actID()
	file := v.String("body", "", "`FILE` with the act's body as JSON, - is the input; docs/formats.md has the kinds and their bodies")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if *file == "" {
		return v.misuse("--body names the file with the act's body")
	}
	b, err := readBounded(*file, std.in, maxActBody)
	if err != nil {
		return v.fail(err)
	}
	if !json.Valid(b) {
		return v.fail(fmt.Errorf("%s is not JSON", *file))
	}
	return proposes(ctx, v, *id, office.ActKind(rest[0]), json.RawMessage(b))
}

func measure(kind office.ActKind) func(context.Context, []string, stdio) int {
	return func(ctx context.Context, args []string, std stdio) int {
		v := newVerb(std, string(kind), "CERTIFICATE")
		id := v.actID()
		var b office.MeasureBody
		var effective, notified instant
		v.StringVar(&b.Reason, "reason", "", "coded `REASON`, one of "+strings.Join(office.ReasonCodes(), ", ")+" or your own")
		v.StringVar(&b.Remarks, "remarks", "", "for the file; never public")
		v.Var(&effective, "effective", "`TIME` from which it has effect; empty: at once")
		v.Var(&notified, "notified", "`TIME` at which the holder was told")
		expires := new(string)
		switch kind {
		case office.ActReinstate, office.ActRelease, office.ActAnnul:
			v.StringVar(&b.Cause, "cause", "", "`ID` of the open cause that it is about; empty where only one fits")
		case office.ActExtend:
			expires = v.String("expires", "", "new last `DAY`")
		}
		rest, code, ok := v.parse(args, 1, 1)
		if !ok {
			return code
		}
		if b.Reason == "" {
			return v.misuse("--reason says why")
		}
		if kind == office.ActExtend {
			day, err := civil.ParseDate(*expires)
			if err != nil {
				return v.misuse("--expires: %v", err)
			}
			b.Amend = &certificate.Amendment{Expires: day}
		}
		b.Certificate, b.Effective, b.Notified = rest[0], int64(effective), int64(notified)
		return proposes(ctx, v, *id, kind, b)
	}
}

func actVersion(c *client.Client, id string) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		a, err := c.Act(ctx, id)
		if err != nil {
			return 0, err
		}
		return a.Version, nil
	}
}

func decide(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "decide", "ACT")
	version := v.version()
	wait := v.Bool("wait", true, "wait until it is published, at most five seconds")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	w := client.NoWait
	if *wait {
		w = client.Published
	}
	var failed string
	code = consult(v, func(c *client.Client) (*office.Act, error) {
		match, err := seen(ctx, *version, actVersion(c, rest[0]))
		if err != nil {
			return nil, err
		}
		a, err := c.Approve(ctx, rest[0], match, w)
		if err == nil {
			var r struct {
				Failed string `json:"failed"`
			}
			if json.Unmarshal(a.Result, &r) == nil { // kinds without a result have none to read
				failed = r.Failed
			}
		}
		return a, err
	}, showAct)
	if code == exitOK && failed != "" {
		return v.fail(errors.New("approved, but not carried out: " + failed))
	}
	return code
}

func reject(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "reject", "ACT")
	version := v.version()
	reason := v.String("reason", "", "coded `REASON`, for example own-finding")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if *reason == "" {
		return v.misuse("--reason says why")
	}
	return consult(v, func(c *client.Client) (*office.Act, error) {
		match, err := seen(ctx, *version, actVersion(c, rest[0]))
		if err != nil {
			return nil, err
		}
		return c.Reject(ctx, rest[0], match, *reason)
	}, showAct)
}

func acts(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "acts", "[ACT]")
	l := v.paging("proposed, approved, done, rejected")
	rest, code, ok := v.parse(args, 0, 1)
	if !ok {
		return code
	}
	if len(rest) == 1 {
		return consult(v, func(c *client.Client) (*office.Act, error) { return c.Act(ctx, rest[0]) }, func(w io.Writer, a *office.Act) {
			showAct(w, a)
			fmt.Fprintf(w, "digest\t%s\nbody\t%s\n", a.Digest, a.Body)
		})
	}
	return consult(v, func(c *client.Client) (*client.Page[office.Act], error) { return c.Acts(ctx, *l) }, func(w io.Writer, p *client.Page[office.Act]) {
		for _, a := range p.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Kind, a.State, or(a.Subject), when(a.ProposedAt), a.Proposer)
		}
		more(w, p)
	})
}

func cases(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "cases", "")
	l := v.paging("")
	v.StringVar(&l.State, "state", "open", "only in this `STATE`: open, decided, moot; empty: all")
	if _, code, ok := v.parse(args, 0, 0); !ok {
		return code
	}
	return consult(v, func(c *client.Client) (*client.Page[office.Case], error) { return c.Cases(ctx, *l) }, func(w io.Writer, p *client.Page[office.Case]) {
		for _, x := range p.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s %s\t%s %s\t%s\n", x.ID, x.State, x.Kind, x.Office, x.Source, x.Scheme, x.Level, x.Why)
		}
		more(w, p)
	})
}

func caseDecide(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "case decide", "CASE")
	id := v.actID()
	var b office.CaseBody
	v.StringVar(&b.Decide, "decide", "", "designate, decline, restore or close")
	v.StringVar(&b.Reason, "reason", "", "coded `REASON`, for example own-finding")
	v.StringVar(&b.Remarks, "remarks", "", "for the file; never public")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if b.Decide == "" || b.Reason == "" {
		return v.misuse("--decide and --reason say what and why")
	}
	b.Case = rest[0]
	return proposes(ctx, v, *id, office.ActCase, b)
}

func alarms(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "alarms", "[ALARM]")
	l := v.paging("")
	clear := v.Bool("clear", false, "say that ALARM was seen to")
	rest, code, ok := v.parse(args, 0, 1)
	if !ok {
		return code
	}
	if *clear != (len(rest) == 1) {
		return v.misuse("--clear takes the number of one alarm")
	}
	if *clear {
		id, err := strconv.ParseInt(rest[0], 10, 64)
		if err != nil {
			return v.misuse("%q is no number of an alarm", clip(rest[0]))
		}
		return consult(v, func(c *client.Client) (int64, error) { return id, c.ClearAlarm(ctx, id) }, func(w io.Writer, id int64) { fmt.Fprintf(w, "alarm %d cleared\n", id) })
	}
	return consult(v, func(c *client.Client) (*client.Page[office.Alarm], error) { return c.Alarms(ctx, *l) }, func(w io.Writer, p *client.Page[office.Alarm]) {
		for _, a := range p.Items {
			state := "open"
			if a.Cleared != 0 {
				state = "cleared"
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%d×\t%s\t%s\t%s", a.ID, when(a.At), a.Kind, max(a.Count, 1), state, or(a.Site), or(a.Subject))
			for _, k := range slices.Sorted(maps.Keys(a.Data)) {
				fmt.Fprintf(w, "\t%s=%s", k, a.Data[k])
			}
			fmt.Fprintln(w)
		}
		more(w, p)
	})
}

// adopt hands a catalog in and proposes the act. What is in force does not
// change before a second person approves it.
func adopt(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "adopt", "")
	id := v.actID()
	dir := v.String("dir", "", "folder of the catalog; empty: the one in this program")
	var laboratories list
	v.Var(&laboratories, "laboratory", "`FILE` of a laboratory that is added to it; may stand again")
	from := v.String("from", "", "first day on which it is in force, `DATE`; empty: at once")
	if _, code, ok := v.parse(args, 0, 0); !ok {
		return code
	}
	archive, err := catalogArchive(*dir, laboratories...)
	if err != nil {
		return v.fail(err)
	}
	cat, err := catalog.FromArchive(archive)
	if err != nil {
		return v.fail(err)
	}
	if *id == "" {
		*id = client.NewID()
	}
	return consult(v, func(c *client.Client) (*office.Act, error) {
		if err := c.OfferCatalog(ctx, cat.Digest, archive); err != nil {
			return nil, err
		}
		return c.Propose(ctx, *id, office.ActCatalog, office.CatalogBody{Digest: cat.Digest, From: *from})
	}, showAct)
}

func letter(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "letter", "ACT")
	lang := v.String("lang", "", "language besides the office's; empty: the holder's")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	return consult(v, func(c *client.Client) (*office.Letter, error) { return c.Letter(ctx, rest[0], *lang) }, func(w io.Writer, l *office.Letter) {
		fmt.Fprintf(w, "decision\t%s\nsubject\t%s\ndate\t%s\nreason\t%s\n", l.Decision, l.Subject, l.Date, l.Reason)
		if !l.Until.IsZero() {
			fmt.Fprintf(w, "challenge until\t%s\n", l.Until)
		}
		for _, lang := range slices.Sorted(maps.Keys(l.Text)) {
			fmt.Fprintf(w, "\n[%s]\n", lang)
			for _, part := range []string{"subject", "decision", "reason", "disclaimer", "remedy", "deadline"} { // as one reads it
				if text := l.Text[lang][part]; text != "" {
					fmt.Fprintf(w, "%s\t%s\n", part, text)
				}
			}
		}
	})
}
