package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"assay/civil"
	"assay/client"
	"assay/market"
	"assay/office"
	"assay/scheme"
)

// Verbs of a holder who looks abroad.

// askOffice asks an office for a designation on a certificate that a partner of it
// granted, after the grant.
func askOffice(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "ask", "OFFICE CERTIFICATE")
	var r office.StandingRequest
	v.StringVar(&r.Scheme, "scheme", "", "scheme of the office asked, `ID`")
	models := v.String("models", "", "only these models, with commas; empty: all")
	v.BoolVar(&r.Declaration, "accept-declaration", false, "the declaration of conformity there is accepted")
	v.BoolVar(&r.Consent, "share-file", false, "the file may be shared with that authority; needed")
	v.StringVar(&r.Contact, "contact", "", "whom to write to")
	v.StringVar(&r.Payer, "payer", "", "entity that pays a fee")
	rest, code, ok := v.parse(args, 2, 2)
	if !ok {
		return code
	}
	if r.Scheme == "" || !r.Consent {
		return v.misuse("--scheme says what for, and --share-file that the file may be shared")
	}
	if *models != "" {
		r.Models = strings.Split(*models, ",")
	}
	return consult(v, func(c *client.Client) (office.StandingRequest, error) { return r, c.Request(ctx, rest[0], rest[1], r) }, func(w io.Writer, r office.StandingRequest) {
		fmt.Fprintf(w, "asked\tfor %s on %s of %s\nnext\tassay arrivals --site %s\n", r.Scheme, rest[1], rest[0], rest[0])
	})
}

// sell asks whether the product of a certificate may be sold in a market.
func sell(ctx context.Context, args []string, std stdio) int {
	v := newVerb(std, "market", "MARKET CERTIFICATE")
	day := v.String("day", "", "on this `DATE`; empty: today")
	facts := map[string]scheme.Answer{}
	v.Func("fact", "what is known besides, `NAME=yes|no`, for example imda-registration=yes; may stand again", func(s string) error {
		name, value, _ := strings.Cut(s, "=")
		var a scheme.Answer
		err := a.UnmarshalText([]byte(value))
		facts[name] = a
		return err
	})
	rest, code, ok := v.parse(args, 2, 2)
	if !ok {
		return code
	}
	var d civil.Date
	if err := d.UnmarshalText([]byte(*day)); err != nil {
		return v.misuse("--day: %v", err)
	}
	return consult(v, func(c *client.Client) (*market.Answer, error) {
		b, err := c.Market(ctx, rest[0], rest[1], d, facts)
		if err != nil {
			return nil, err
		}
		a := new(market.Answer)
		return a, json.Unmarshal(b, a)
	}, func(w io.Writer, a *market.Answer) {
		fmt.Fprintf(w, "may it be sold in %s on %s\t%s\tas sure as %s\n", a.Market, a.Day, a.Answer, a.Confidence)
		ruling := func(what string, r *market.Ruling) {
			fmt.Fprintf(w, "%s\t%s\t%s\tfrom %s\n", what, r.Answer, r.Text.In("en"), r.Since)
			for _, x := range r.Reasons {
				fmt.Fprintf(w, "\t%s\t%s %s\n", x.Answer, x.Rule, or(x.Data, x.Text.In("en")))
			}
		}
		for i := range a.Rules {
			ruling("rule", &a.Rules[i])
		}
		for i := range a.Outlook {
			ruling("outlook", &a.Outlook[i])
		}
		for _, x := range a.Reasons {
			fmt.Fprintf(w, "reason\t%s\t%s %s\n", x.Answer, x.Rule, or(x.Data, x.Text.In("en")))
		}
	})
}
