package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"assay/client"
	"assay/office"
)

func decisionCommands() []command {
	return []command{
		{"apply", "FILE", "hand in an application with an evidence file", apply},
		{"ask", "OFFICE CERTIFICATE", "ask this office for a designation on a partner's certificate", askOffice},
		{"application", "list|show|complete|return|withdraw", "work on applications", verbs("application", map[string]func(context.Context, []string, stdio) int{
			"list": applicationList, "show": applicationShow, "complete": applicationStep("complete"), "return": applicationReturn, "withdraw": applicationStep("withdraw"),
		}, "list", "show", "complete", "return", "withdraw")},
		{"evaluate", "APPLICATION", "recommend a grant or a refusal", evaluate},
		{"decide", "ACT", "approve an act as the second person", decide},
		{"reject", "ACT", "reject a proposed act", reject},
		{"letter", "ACT", "read the decision letter of an act", letter},
	}
}

func apply(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "apply", "FILE")
	var a client.Apply
	var requests list
	var r office.StandingRequest
	id := v.String("id", "", "`UUID` of the application, to repeat one safely; empty: a new one")
	v.StringVar(&a.Scheme, "scheme", "", "scheme that is applied for")
	v.StringVar(&a.Level, "level", "", "level that is applied for")
	v.Var(&requests, "request", "also ask for a designation in `SCHEME[:MODEL,…]`; may stand several times")
	v.BoolVar(&r.Declaration, "accept-declaration", false, "accept the declaration of conformity of the requested schemes")
	v.BoolVar(&r.Consent, "share-file", false, "consent to sharing the file with the requested schemes")
	v.StringVar(&r.Payer, "payer", "", "who pays the fees there")
	v.StringVar(&r.Contact, "contact", "", "whom they ask")
	v.StringVar(&a.Entity, "entity", "", "holder; empty: whom you speak for")
	v.StringVar(&a.Language, "language", "", "language of the letter")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if a.Scheme == "" || a.Level == "" {
		return v.misuse("--scheme and --level say what is applied for")
	}
	for _, s := range requests {
		q := r
		var models string
		if q.Scheme, models, _ = strings.Cut(s, ":"); models != "" {
			q.Models = strings.Split(models, ",")
		}
		a.Requests = append(a.Requests, q)
	}
	ev, err := applyEvidence(ctx, rest[0], std.in)
	if err != nil {
		return v.fail(err)
	}
	a.Evidence = ev
	if *id == "" {
		*id = client.NewID()
	}
	return consult(v, func(c *client.Client) (*office.Application, error) { return c.Apply(ctx, *id, a) }, showApplication)
}

func showApplication(w io.Writer, a *office.Application) {
	fmt.Fprintf(w, "application\t%s\nscheme\t%s %s\nholder\t%s\nstate\t%s\nversion\t%d\n", a.ID, a.Scheme, a.Level, a.Entity, a.State, a.Version)
	for _, m := range a.Missing {
		fmt.Fprintf(w, "missing\t%s\n", m)
	}
	for _, r := range a.Requests {
		fmt.Fprintf(w, "also asks for\t%s %s\n", r.Scheme, strings.Join(r.Models, ","))
	}
	if a.Act != "" {
		fmt.Fprintf(w, "act\t%s\n", a.Act)
	}
	if a.Cert != "" {
		fmt.Fprintf(w, "certificate\t%s\n", a.Cert)
	}
}

// paging adds the flags of a list.
func (v *verb) paging(states string) *client.List {
	var l client.List
	if states != "" {
		v.StringVar(&l.State, "state", "", "only in this `STATE`: "+states)
	}
	v.StringVar(&l.After, "after", "", "`CURSOR` of the page before")
	v.IntVar(&l.Limit, "limit", 50, "entries of a page, at most 200")
	return &l
}

func more[T any](w io.Writer, p *client.Page[T]) {
	if p.Next != "" {
		fmt.Fprintf(w, "more: --after %s\n", p.Next)
	}
}

func applicationList(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "application list", "")
	l := v.paging("submitted, returned, complete, evaluated, granted, refused, withdrawn")
	if _, code, ok := v.parse(args, 0, 0); !ok {
		return code
	}
	return consult(v, func(c *client.Client) (*client.Page[office.Application], error) { return c.Applications(ctx, *l) },
		func(w io.Writer, p *client.Page[office.Application]) {
			for _, a := range p.Items {
				fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\n", a.ID, a.State, a.Scheme, a.Level, a.Entity, when(a.Created))
			}
			more(w, p)
		})
}

func applicationShow(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "application show", "APPLICATION")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	return consult(v, func(c *client.Client) (*office.Application, error) { return c.Application(ctx, rest[0]) }, showApplication)
}

// version adds the flag that names the version which the person has seen.
func (v *verb) version() *int64 {
	return v.Int64("version", 0, "do it only while it is at this version; 0: as it is now")
}

// seen is the version to send: the one that was named, or the present one.
func seen(ctx context.Context, named int64, read func(context.Context) (int64, error)) (int64, error) {
	if named != 0 {
		return named, nil
	}
	return read(ctx)
}

func applicationVersion(c *client.Client, id string) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		a, err := c.Application(ctx, id)
		if err != nil {
			return 0, err
		}
		return a.Version, nil
	}
}

func applicationStep(step string) func(context.Context, []string, stdio) int {
	return func(ctx context.Context, args []string, std stdio) int {
		v := newVerb(std, "application "+step, "APPLICATION")
		version := v.version()
		rest, code, ok := v.parse(args, 1, 1)
		if !ok {
			return code
		}
		return consult(v, func(c *client.Client) (*office.Application, error) {
			match, err := seen(ctx, *version, applicationVersion(c, rest[0]))
			if err != nil {
				return nil, err
			}
			if step == "withdraw" {
				return c.Withdraw(ctx, rest[0], match)
			}
			return c.Complete(ctx, rest[0], match)
		}, showApplication)
	}
}

func applicationReturn(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "application return", "APPLICATION")
	version := v.version()
	var missing list
	v.Var(&missing, "missing", "coded: `WHAT` is missing; may stand several times")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if len(missing) == 0 {
		return v.misuse("--missing says what is missing")
	}
	return consult(v, func(c *client.Client) (*office.Application, error) {
		match, err := seen(ctx, *version, applicationVersion(c, rest[0]))
		if err != nil {
			return nil, err
		}
		return c.Return(ctx, rest[0], match, missing)
	}, showApplication)
}

// evaluated is an evaluation's answer, as JSON.
type evaluated struct {
	Application *office.Application `json:"application"`
	Act         *office.Act         `json:"act"`
}

func evaluate(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "evaluate", "APPLICATION")
	version := v.version()
	var e office.Evaluation
	v.StringVar(&e.Recommend, "recommend", "", "grant or refuse")
	v.StringVar(&e.Level, "level", "", "level reached; empty: the one applied for")
	v.StringVar(&e.Reason, "reason", "", "coded `REASON`, for example requirements-met or conditions-not-met")
	v.StringVar(&e.Remarks, "remarks", "", "for the file; never public")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if e.Recommend == "" || e.Reason == "" {
		return v.misuse("--recommend and --reason say what and why")
	}
	return consult(v, func(c *client.Client) (evaluated, error) {
		match, err := seen(ctx, *version, applicationVersion(c, rest[0]))
		if err != nil {
			return evaluated{}, err
		}
		a, act, err := c.Evaluate(ctx, rest[0], match, e)
		return evaluated{a, act}, err
	}, func(w io.Writer, e evaluated) {
		showApplication(w, e.Application)
		showAct(w, e.Act)
	})
}
