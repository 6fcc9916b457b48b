package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"assay/certificate"
	"assay/client"
	"assay/office"
)

func registerCommands() []command {
	return []command{
		{"show", "CERTIFICATE|NUMBER", "a certificate: its state at T as known at K", show},
		{"who", "CERTIFICATE|NUMBER", "who allowed this: the acts and their persons", who},
		{"search", "TEXT", "search the register", search},
		{"market", "MARKET CERTIFICATE", "may the product of a certificate be sold there, and from when not", sell},
	}
}

// find answers for an id, or where there is none such for a number.
func find(ctx context.Context, c *client.Client, name string, at, known int64) (*office.Answer, error) {
	if !strings.Contains(name, "/") { // ids have no slash, many numbers do
		a, err := c.Certificate(ctx, name, at, known)
		if client.CodeOf(err) != string(office.NotFound) {
			return a, err
		}
	}
	return c.Lookup(ctx, name, at, known)
}

func show(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "show", "CERTIFICATE|NUMBER")
	var at, known instant
	v.Var(&at, "at", "state at this `TIME`; empty: now")
	v.Var(&known, "known", "as known at this `TIME`; empty: now")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	return consult(v, func(c *client.Client) (*office.Answer, error) { return find(ctx, c, rest[0], int64(at), int64(known)) }, showAnswer)
}

func showAnswer(w io.Writer, a *office.Answer) {
	c, s := a.Standing.Amended, &a.Standing
	fmt.Fprintf(w, "state\t%s since %s\n", s.State, when(s.Since))
	if a.Stale {
		fmt.Fprintf(w, "\tstale: the office it rests on is silent past its bound, or in doubt\n")
	}
	for _, o := range s.Open {
		fmt.Fprintf(w, "open cause\t%s: %s (%s)\n", o.ID, o.State, o.Kind)
	}
	fmt.Fprintf(w, "certificate\t%s\nnumber\t%s\nscheme\t%s, edition %s\nproduct\t%s\nholder\t%s\nlast day\t%s\n",
		c.ID, or(c.Number), words(c.Scheme, c.Level), or(c.Edition), words(c.Product.Brand, c.Product.Name), or(c.Product.Holder), or(c.Expires.String()))
	for _, m := range c.Product.Models {
		fmt.Fprintf(w, "model\t%s\n", words(m.ID, strings.Join(m.Variants, ", ")))
	}
	if d := c.Derived; d != nil {
		fmt.Fprintf(w, "rests on\t%s of %s (entry %d), %s\nunder\t%s, %s, policy %s\n", or(d.Number, d.Certificate), d.Source.Office, d.Source.Index, words(d.Scheme, d.Level), d.Clause, d.Mode, d.Policy)
	}
	fmt.Fprintf(w, "log entry\t%d (%s)\n", a.Index, a.Stage)
	for i := range a.Events {
		e := &a.Events[i]
		fmt.Fprintf(w, "%s\t%s, effective %s, recorded %s\n", e.Kind, e.Reason, when(e.Effective), when(e.Recorded))
	}
	for _, l := range a.Rests {
		fmt.Fprintf(w, "recognized\t%s of %s, %s: %s\n", or(l.Number, l.ID), l.Office, words(l.Scheme, l.Level), l.State)
	}
	fmt.Fprintf(w, "at\t%s as known at %s\n", when(a.At), when(a.Known))
}

func who(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "who", "CERTIFICATE|NUMBER")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	return consult(v, func(c *client.Client) (*office.Who, error) {
		a, err := find(ctx, c, rest[0], 0, 0)
		if err != nil {
			return nil, err
		}
		return c.Who(ctx, a.Certificate.ID)
	}, func(w io.Writer, x *office.Who) {
		fmt.Fprintf(w, "certificate\t%s\n", x.Certificate)
		if x.Source != nil {
			fmt.Fprintf(w, "rests on\tentry %d of %s\n", x.Source.Index, x.Source.Office)
		}
		for _, r := range x.Request {
			fmt.Fprintf(w, "the holder asked\tfor %s\n", r.Scheme)
		}
		for _, a := range x.Acts {
			fmt.Fprintf(w, "%s\t%s\tproposed %s by %s\tapproved %s by %s\tact %s\n", a.What, a.Office, when(a.Act.ProposedAt), or(a.Act.Proposer), when(a.Act.ApprovedAt), or(a.Act.Approver), a.Act.ID)
		}
	})
}

func search(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "search", "[TEXT]")
	l := v.paging("valid, held, suspended, lapsed, revoked, …")
	var q office.Query
	v.StringVar(&q.Scheme, "scheme", "", "only of this `SCHEME`")
	v.StringVar(&q.Level, "level", "", "only of this `LEVEL`")
	v.StringVar(&q.Holder, "holder", "", "only of this `HOLDER`")
	v.StringVar(&q.Office, "from", "", "only resting on this `OFFICE`; - for own grants")
	rest, code, ok := v.parse(args, 0, 1)
	if !ok {
		return code
	}
	if len(rest) == 1 {
		q.Text = rest[0]
	}
	q.State, q.After, q.Limit = certificate.State(l.State), l.After, l.Limit
	return consult(v, func(c *client.Client) (*client.Page[office.Entry], error) { return c.Search(ctx, q) }, func(w io.Writer, p *client.Page[office.Entry]) {
		for i := range p.Items {
			e := &p.Items[i]
			c := e.Standing.Amended
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", or(c.Number, c.ID), e.Standing.State, words(c.Scheme, c.Level), words(c.Product.Brand, c.Product.Name), or(c.Expires.String()))
		}
		more(w, p)
	})
}
