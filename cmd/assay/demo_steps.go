package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/client"
	"assay/office"
	"assay/recognition"
	"assay/scheme"
)

// Ids of the embedded catalog that the story is about.
const (
	cic, cls, deLabel, fiLabel = "kr-cic", "sg-cls-iot", "de-it-sik", "fi-label"

	marketSG     = "sg"
	marketBeside = "imda-registration"

	krToSG       = "sg-kr-2024/kr-basic-to-cls3"
	deRouterToSG = "sg-de-2024/de-router-to-cls2"
)

// ask is a holder's standing request.
func ask(schemeID, payer string) office.StandingRequest {
	return office.StandingRequest{Scheme: schemeID, Declaration: true, Consent: true, Contact: "certification desk", Payer: payer}
}

func asked(schemeID string) []certificate.Request {
	return []certificate.Request{{Scheme: schemeID, Declaration: true, Fee: true, Consent: true}}
}

func (d *demo) found(ctx context.Context) error {
	for _, x := range []struct {
		at   **nation
		info office.Info
	}{
		{&d.kr, office.Info{Office: "kr", Territory: "KR", Zone: "Asia/Seoul", Languages: []string{"ko", "en"}, Authorities: []string{"kisa"},
			Name: specimenName(scheme.Text{"en": "Korean office", "ko": "한국 기관", "de": "Koreanische Behörde", "fi": "Korean viranomainen"})}},
		{&d.sg, office.Info{Office: "sg", Territory: "SG", Zone: "Asia/Singapore", Languages: []string{"en"}, Authorities: []string{"csa"},
			Name: specimenName(scheme.Text{"en": "Singapore office", "ko": "싱가포르 기관", "de": "Singapurische Behörde", "fi": "Singaporen viranomainen"})}},
		{&d.de, office.Info{Office: "de", Territory: "DE", Zone: "Europe/Berlin", Languages: []string{"de", "en"}, Authorities: []string{"bsi"},
			Name: specimenName(scheme.Text{"en": "German office", "ko": "독일 기관", "de": "Deutsche Behörde", "fi": "Saksan viranomainen"})}},
		{&d.fi, office.Info{Office: "fi", Territory: "FI", Zone: "Europe/Helsinki", Languages: []string{"fi", "en"}, Authorities: []string{"traficom"},
			Name: specimenName(scheme.Text{"en": "Finnish office", "ko": "핀란드 기관", "de": "Finnische Behörde", "fi": "Suomen viranomainen"})}},
	} {
		n, err := d.newNation(ctx, x.info)
		if err != nil {
			return fmt.Errorf("founding %s: %w", x.info.Office, err)
		}
		*x.at, d.nations = n, append(d.nations, n)
		d.say("%s %-25s %s  identity %s…", n.id, n.info.Name["en"], n.URL(), n.node.Office.Fingerprint()[:19])
	}
	if err := d.seed(ctx); err != nil {
		return err
	}
	from := time.Now()
	for _, a := range d.nations {
		for _, b := range d.nations {
			if a == b {
				continue
			}
			if err := a.pair(ctx, b); err != nil {
				return fmt.Errorf("%s takes %s as a peer: %w", a.id, b.id, err)
			}
		}
	}
	d.say("12 peer acts, each proposed by one person and approved by another: %s", took(from))
	from = time.Now()
	year := civil.DateAt(time.Now().UnixMicro(), time.UTC).AddMonths(11).String()
	for _, c := range []string{krToSG, deRouterToSG} {
		if err := d.sg.admin(ctx, office.ActReading, office.ReadingBody{Clause: c, Ground: "Read as published: the shorter of both terms, and it ends with its source."}); err != nil {
			return err
		}
		if err := d.sg.admin(ctx, office.ActPolicy, office.PolicyBody{Clause: c, Kind: string(recognition.Automatic), LegalBasis: "SPECIMEN order no. 1, section 2", Expires: year, PerHour: 50, PerDay: 200, Share: 5}); err != nil {
			return err
		}
	}
	d.say("Singapore's standing decisions: two clauses act by themselves until %s, 50 an hour, 200 a day, 5 %% drawn for checking (%s)", year, took(from))
	return nil
}

// seed enters what the authorities had granted before their registers began.
func (d *demo) seed(ctx context.Context) error {
	day := func(s string) civil.Date { return civil.MustDate(s) }
	thing := func(holder, name, model string, functions ...string) certificate.Product {
		return certificate.Product{Holder: makers[holder], Brand: "SPECIMEN", Name: "SPECIMEN " + name, Models: []certificate.Model{{ID: model}}, Functions: functions}
	}
	for _, x := range []struct {
		n *nation
		b office.EarlierBody
	}{
		{d.sg, office.EarlierBody{Number: "CSA/300927/7001", Scheme: cls, Level: "2", Product: thing("merlion", "Lion Lock", "LL-2", "consumer/door-lock"), Firmware: []string{"1.8"}, Granted: day("2025-06-02"), Expires: day("2027-09-30"), SupportEnd: day("2027-09-30"), Requests: asked(deLabel)}},
		{d.sg, office.EarlierBody{Number: "CSA/310828/7002", Scheme: cls, Level: "3", Product: thing("merlion", "Lion Eye", "LE-3", "consumer/camera"), Firmware: []string{"4.0"}, Granted: day("2025-10-06"), Expires: day("2028-08-31"), SupportEnd: day("2028-08-31"), Requests: asked(fiLabel)}},
		{d.sg, office.EarlierBody{Number: "CSA/310828/7003", Scheme: cls, Level: "4", Product: thing("merlion", "Lion Voice", "LV-4", "consumer/home-assistant"), Firmware: []string{"2.2"}, Granted: day("2026-02-02"), Expires: day("2028-08-31"), SupportEnd: day("2028-08-31"), Requests: append(asked(cic), asked(deLabel)...)}},
		{d.de, office.EarlierBody{Number: "20417", Scheme: deLabel, Level: "label", Basis: []scheme.StandardRef{{Standard: "ts-103-848", Edition: "cls-subset"}}, Product: thing("waldnetz", "Waldnetz AX", "WX-6", "consumer/router"), Firmware: []string{"7.57"}, Granted: day("2026-03-02"), SupportEnd: day("2030-12-31"), Requests: asked(cls)}},
		{d.fi, office.EarlierBody{Number: "FI-0007", Scheme: fiLabel, Level: "label", Product: thing("sampo", "Sampo Termo", "ST-1", "consumer/thermostat"), Firmware: []string{"3"}, Granted: day("2024-09-02"), Expires: day("2027-08-31"), SupportEnd: day("2028-12-31")}},
		{d.fi, office.EarlierBody{Number: "FI-0011", Scheme: fiLabel, Level: "label", Product: thing("sampo", "Sampo Valo", "SV-2", "consumer/lighting"), Firmware: []string{"5"}, Granted: day("2025-01-13"), Expires: day("2027-12-31"), SupportEnd: day("2028-12-31")}},
	} {
		id, err := x.n.earlier(ctx, x.b)
		if err != nil {
			return fmt.Errorf("entering %s: %w", x.b.Number, err)
		}
		d.seeded(id, x.b.Product.Models[0].ID)
	}
	d.say("Entered what was granted before: 3 in Singapore, 1 in Germany, 2 in Finland, whose scheme is closed")
	return nil
}

func (d *demo) seeded(id, model string) {
	if d.earlier == nil {
		d.earlier = map[string]string{}
	}
	d.earlier[model] = id
}

// outcomeOf is what an arrival led to in one scheme, checked.
func outcomeOf(a *office.Arrival, schemeID string, want recognition.Action, rule string) (*recognition.Wanted, error) {
	if a.Outcome != nil {
		for i := range a.Outcome.Wanted {
			if w := &a.Outcome.Wanted[i]; w.Scheme == schemeID && w.Action == want && w.Rule.String() == rule {
				return w, nil
			}
		}
	}
	return nil, fmt.Errorf("%s in %s came out as %q, not as %s by %s", a.ID, schemeID, a.Summary, want, rule)
}

// because tells the reason that decided: rule, datum, what it was held
// against, and how well that is known.
func because(w *recognition.Wanted) string {
	for _, r := range w.Reasons {
		if r.Rule == w.Rule {
			return reasonLine(&r)
		}
	}
	return w.Rule.String()
}

func reasonLine(r *recognition.Reason) string {
	s := r.Rule.String()
	if r.Got != "" {
		s += " " + r.Got
	}
	if r.Wanted != "" && r.Wanted != r.Got {
		s += " ⇐ " + r.Wanted
	}
	if r.Fact != nil && r.Fact.Source != "" {
		s += " [" + r.Fact.Source + ", " + r.Fact.Confidence.String() + "]"
	}
	return s
}

func (d *demo) refusals(ctx context.Context) error {
	d.say("Below each: the rule, what was found ⇐ what it was held against [source, how well that is known]")
	grant := func(name, model, level string, functions ...string) (string, error) {
		ev, err := d.product(hubFile, "SPECIMEN Hanbit "+name, model, functions...)
		if err != nil {
			return "", err
		}
		_, r, err := d.kr.apply(ctx, "hanbit", ev, cic, level, ask(cls, makers["hanbit"]))
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		return r.Certificate, nil
	}
	lite, err := grant("Bridge", "HB-100", "lite", "consumer/smart-home-hub")
	if err != nil {
		return err
	}
	pump, err := grant("Infusion Pump", "HP-70", "basic", "medical/infusion-pump")
	if err != nil {
		return err
	}
	router, err := grant("Router", "HR-6", "basic", "consumer/router")
	if err != nil {
		return err
	}
	lock, err := grant("Door Lock", "HL-9", "basic", "consumer/door-lock")
	if err != nil {
		return err
	}
	// The Singapore label reaches Korea's desk: no ground was found on which
	// Korea could enter it by itself, so two officers decide.
	if _, err := d.kr.arrival(ctx, d.sg, d.earlier["LV-4"]); err != nil {
		return err
	}
	voice, err := d.release(ctx, d.kr, d.earlier["LV-4"], "review")
	if err != nil {
		return err
	}
	for i, x := range []struct {
		what     string
		from, to *nation
		id       string
		scheme   string
		action   recognition.Action
		rule     string
	}{
		{"CIC Lite into Singapore", d.kr, d.sg, lite, cls, recognition.Refuse, "from.level"},
		{"a door lock from Singapore into Germany", d.sg, d.de, d.earlier["LL-2"], deLabel, recognition.Refuse, "scope.excepted"},
		{"an infusion pump from Korea into Singapore", d.kr, d.sg, pump, cls, recognition.Refuse, "target.category"},
		{"a CLS 3 into Finland, which issues no more", d.sg, d.fi, d.earlier["LE-3"], fiLabel, recognition.Refuse, "target.closed"},
		{"a CLS 4 by way of Korea (" + voice.Number + ", Basic) into Germany", d.kr, d.de, voice.Certificate, deLabel, recognition.Refuse, "chain.granted"},
		{"a Korean router into Singapore", d.kr, d.sg, router, cls, recognition.Unclear, "scope.named"},
		{"a Korean door lock into Singapore", d.kr, d.sg, lock, cls, recognition.Unclear, "scope.named"},
	} {
		a, err := x.to.arrival(ctx, x.from, x.id)
		if err != nil {
			return err
		}
		w, err := outcomeOf(&a, x.scheme, x.action, x.rule)
		if err != nil {
			return err
		}
		word := "no"
		if x.action == recognition.Unclear {
			word = "undetermined, no text says"
		}
		d.say("%d. %s: %s\n   %s", i+1, x.what, word, because(w))
	}
	return nil
}

// release decides an open case by two officers.
func (d *demo) release(ctx context.Context, n *nation, source, kind string) (*office.Result, error) {
	c, err := n.openCase(ctx, source, kind)
	if err != nil {
		return nil, err
	}
	_, r, err := n.act(ctx, office.ActCase, office.CaseBody{Case: c.ID, Decide: office.DecideDesignate, Reason: "case-examined"})
	return r, err
}

func (n *nation) openCase(ctx context.Context, source, kind string) (office.Case, error) {
	return await(ctx, "a case of kind "+kind+" about "+source+" in "+n.id, func() (office.Case, bool, error) {
		after := ""
		for {
			p, err := n.as["officer-1"].Cases(ctx, client.List{State: "open", After: after, Limit: 200})
			if err != nil {
				return office.Case{}, false, err
			}
			for _, c := range p.Items {
				if c.Source == source && c.Kind == kind {
					return c, true, nil
				}
			}
			if after = p.Next; after == "" {
				return office.Case{}, false, nil
			}
		}
	})
}

func (d *demo) mainJob(ctx context.Context) error {
	ev, err := d.product(hubFile, "", "")
	if err != nil {
		return err
	}
	from := time.Now()
	act, r, err := d.kr.apply(ctx, "hanbit", ev, cic, "basic", ask(cls, makers["hanbit"]))
	if err != nil {
		return err
	}
	d.hub = r.Certificate
	d.say("Korea: assessed against CIC Basic, applied for, taken in, evaluated by %s, decided by %s: %s (%s)", act.Proposer, act.Approver, r.Number, took(from))
	e, err := d.sg.designation(ctx, d.hub)
	if err != nil {
		return err
	}
	a, err := d.sg.as["officer-1"].Certificate(ctx, e.Certificate.ID, 0, 0)
	if err != nil {
		return err
	}
	d.hubSG = e.Certificate.ID
	c := a.Certificate
	arr, err := d.sg.arrival(ctx, d.kr, d.hub)
	if err != nil {
		return err
	}
	known, entered := millis(arr.Received-act.ApprovedAt), millis(c.Derived.At-act.ApprovedAt)
	late := ""
	if entered > 1000 {
		late = " (more than a second: this machine is busy)"
	}
	d.say("Singapore: %s at CLS level %s, until %s. Decided in Korea at 0 ms, known here at %.0f ms, entered here at %.0f ms%s", c.Number, c.Level, c.Expires, known, entered, late)
	var out recognition.Outcome
	if err := json.Unmarshal(a.Outcome, &out); err != nil {
		return err
	}
	for _, w := range out.Wanted {
		if w.Clause != c.Derived.Clause {
			continue
		}
		d.say("Because, under %s, with confidence %s once the office adopted its reading:", w.Clause, w.Confidence)
		for _, x := range w.Reasons {
			switch x.Rule.String() {
			case "source.state", "from.level", "from.edition", "from.attestation", "scope.named", "target.edition", "dates.from", "term.end", "request.standing", "fact.doubt", "decision.standing":
				d.say("  %s", reasonLine(&x))
			}
		}
	}
	d.say("Beside it, today's practice: a form, a declaration, 51 dollars, and waiting")
	return nil
}

// designation waits for the one that rests on a source abroad.
func (n *nation) designation(ctx context.Context, source string) (office.Entry, error) {
	return await(ctx, "a designation of "+source+" in "+n.id, func() (office.Entry, bool, error) {
		after := ""
		for {
			p, err := n.as["officer-1"].Search(ctx, office.Query{After: after, Limit: 200})
			if err != nil {
				return office.Entry{}, false, err
			}
			for _, e := range p.Items {
				if e.Certificate.Derived != nil && e.Certificate.Derived.Certificate == source {
					return e, true, nil
				}
			}
			if after = p.Next; after == "" {
				return office.Entry{}, false, nil
			}
		}
	})
}

func (d *demo) persons(ctx context.Context) error {
	ev, err := d.product(vacuumFile, "", "")
	if err != nil {
		return err
	}
	_, vac, err := d.kr.apply(ctx, "mirinae", ev, cic, "basic", ask(deLabel, makers["mirinae"]))
	if err != nil {
		return err
	}
	from := time.Now()
	if _, err := d.de.openCase(ctx, vac.Certificate, "prepared"); err != nil {
		return err
	}
	d.say("Korea's robot vacuum %s: a prepared application lies on the German desk after %s (the law asks for one)", vac.Number, took(from))
	r, err := d.release(ctx, d.de, vac.Certificate, "prepared")
	if err != nil {
		return err
	}
	d.say("Two German officers release it: label %s", r.Number)

	if ev, err = d.product(speakerFile, "", ""); err != nil {
		return err
	}
	_, sp, err := d.de.apply(ctx, "klangwerk", ev, deLabel, "label", ask(cic, makers["klangwerk"]))
	if err != nil {
		return err
	}
	if r, err = d.release(ctx, d.kr, sp.Certificate, "review"); err != nil {
		return err
	}
	lite := r.Certificate
	d.say("A German speaker %s in Korea: CIC Lite %s, by two officers (no ground was found to enter it without)", sp.Number, r.Number)
	if r, err = d.release(ctx, d.kr, sp.Certificate, "delta"); err != nil {
		return err
	}
	if _, err := d.kr.stateIs(ctx, lite, certificate.Superseded); err != nil {
		return err
	}
	d.say("Its maker shows the further Korean requirements: CIC Basic %s; Lite is superseded", r.Number)

	e, err := d.sg.designation(ctx, d.earlier["WX-6"])
	if err != nil {
		return err
	}
	d.say("A German router label on TS 103 848 gives CLS level %s: %s. May that router be sold in Singapore?", e.Certificate.Level, e.Certificate.Number)
	today := civil.DateAt(time.Now().UnixMicro(), time.UTC)
	rule := ""
	for _, q := range []struct {
		what  string
		facts map[string]scheme.Answer
		want  scheme.Answer
	}{
		{"registration not stated", nil, scheme.Undetermined},
		{"not registered", map[string]scheme.Answer{marketBeside: scheme.No}, scheme.No},
		{"registered", map[string]scheme.Answer{marketBeside: scheme.Yes}, scheme.Yes},
	} {
		raw, err := d.sg.as["merlion"].Market(ctx, marketSG, e.Certificate.ID, today, q.facts)
		if err != nil {
			return err
		}
		var m struct {
			Answer scheme.Answer `json:"answer"`
			Rules  []struct {
				Since  civil.Date `json:"since"`
				Levels []string   `json:"levels"`
			} `json:"rules"`
			Outlook []struct {
				Since  civil.Date    `json:"since"`
				Levels []string      `json:"levels"`
				Answer scheme.Answer `json:"answer"`
			} `json:"outlook"`
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		if m.Answer != q.want || len(m.Rules) == 0 || len(m.Outlook) == 0 {
			return fmt.Errorf("the market answered %s", raw)
		}
		d.say("  %s: %s", q.what, m.Answer)
		rule = fmt.Sprintf("Level %s or more since %s, with registration beside it. Announced from %s: level %s; its label would do: %s",
			m.Rules[0].Levels[0], m.Rules[0].Since, m.Outlook[0].Since, m.Outlook[0].Levels[0], m.Outlook[0].Answer)
	}
	d.say("  %s", rule)
	return nil
}

func (d *demo) follow(ctx context.Context) error {
	measure := func(n *nation, kind office.ActKind, b office.MeasureBody) (*office.Act, error) {
		a, _, err := n.act(ctx, kind, b)
		return a, err
	}
	told := func(what string, a *office.Answer, act *office.Act) {
		e := a.Events[len(a.Events)-1]
		d.say("%s: known here in %.0f ms, legal effect here %s", what, millis(e.Recorded-act.ApprovedAt), time.UnixMicro(e.Effective).UTC().Format("15:04:05.000"))
	}
	act, err := measure(d.kr, office.ActSuspend, office.MeasureBody{Certificate: d.hub, Reason: "vulnerability-unfixed"})
	if err != nil {
		return err
	}
	a, err := d.sg.stateIs(ctx, d.hubSG, certificate.Suspended)
	if err != nil {
		return err
	}
	told("Korea suspends the hub; Singapore follows", a, act)
	if _, err = measure(d.sg, office.ActSuspend, office.MeasureBody{Certificate: d.hubSG, Reason: "own-finding"}); err != nil {
		return err
	}
	if act, err = measure(d.kr, office.ActReinstate, office.MeasureBody{Certificate: d.hub, Reason: "vulnerability-fixed"}); err != nil {
		return err
	}
	a, err = await(ctx, "the source's cause to be closed", func() (*office.Answer, bool, error) {
		a, err := d.sg.as["officer-1"].Certificate(ctx, d.hubSG, 0, 0)
		return a, err == nil && len(a.Standing.Open) == 1, err
	})
	if err != nil {
		return err
	}
	if a.Standing.State != certificate.Suspended || a.Standing.Open[0].Kind != certificate.OwnMeasure {
		return fmt.Errorf("after the reinstatement abroad it is %s by %v", a.Standing.State, a.Standing.Open)
	}
	told("Singapore has opened its own measure. Korea reinstates; still suspended in Singapore", a, act)
	if _, err = measure(d.sg, office.ActReinstate, office.MeasureBody{Certificate: d.hubSG, Reason: "own-finding-closed"}); err != nil {
		return err
	}
	if _, err = d.sg.stateIs(ctx, d.hubSG, certificate.Valid); err != nil {
		return err
	}
	d.say("Singapore closes its own: valid")
	if act, err = measure(d.kr, office.ActRevoke, office.MeasureBody{Certificate: d.hub, Reason: "below-criteria"}); err != nil {
		return err
	}
	if a, err = d.sg.stateIs(ctx, d.hubSG, certificate.Lapsed); err != nil {
		return err
	}
	told("Korea revokes: lapsed in Singapore, which revoked nothing itself", a, act)
	k, err := d.kr.stateIs(ctx, d.hub, certificate.Revoked)
	if err != nil {
		return err
	}
	if _, err = measure(d.kr, office.ActAnnul, office.MeasureBody{Certificate: d.hub, Reason: "appeal-upheld", Cause: k.Standing.Open[0].ID}); err != nil {
		return err
	}
	k, err = d.kr.stateIs(ctx, d.hub, certificate.Valid)
	if err != nil {
		return err
	}
	last := k.Events[len(k.Events)-1]
	if last.Kind != scheme.Annulled || last.Change != certificate.Undoes {
		return fmt.Errorf("the annulment shows as %s", last.Kind)
	}
	d.say("The revocation is annulled on appeal: shown as %s of %s; the hub is %s in Korea, as if never revoked", last.Kind, last.Cause.ID, k.Standing.State)
	c, err := d.sg.openCase(ctx, d.hub, "restore")
	if err != nil {
		return err
	}
	if _, _, err := d.sg.act(ctx, office.ActCase, office.CaseBody{Case: c.ID, Decide: office.DecideRestore, Reason: "source-stands"}); err != nil {
		return err
	}
	if _, err = d.sg.stateIs(ctx, d.hubSG, certificate.Valid); err != nil {
		return err
	}
	d.say("What ended in Singapore does not come back by itself: a case lay on the desk, two officers restored it")
	return nil
}

func (d *demo) who(ctx context.Context) error {
	w, err := d.sg.as["officer-1"].Who(ctx, d.hubSG)
	if err != nil {
		return err
	}
	d.say("assay who %s", d.hubSG)
	two := false
	for _, x := range w.Acts {
		d.say("  %-18s %s and %s, %s", x.What, x.Act.Proposer, x.Act.Approver, time.UnixMicro(x.Act.ApprovedAt).UTC().Format("2006-01-02 15:04:05Z"))
		two = two || x.What == "standing-decision"
		if x.Act.Proposer == x.Act.Approver || x.Act.Approver == "" {
			return fmt.Errorf("the act %s was not done by two persons", x.Act.ID)
		}
	}
	if !two || w.Source == nil || len(w.Request) == 0 {
		return fmt.Errorf("standing decision, source or the holder's request is missing: %+v", w)
	}
	d.say("  %-18s entry %d of %s, leaf %s…", "source", w.Source.Index, w.Source.Origin, w.Source.Leaf.String()[:16])
	k, err := d.kr.as["officer-1"].Who(ctx, d.hub)
	if err != nil {
		return err
	}
	for _, x := range k.Acts {
		if x.What == string(office.ActGrant) {
			d.say("  %-18s %s and %s in Korea; the holder had asked for %s", "source's grant", x.Act.Proposer, x.Act.Approver, w.Request[0].Scheme)
		}
	}
	return nil
}

func took(from time.Time) string {
	return fmt.Sprintf("%.0f ms", millis(time.Since(from).Microseconds()))
}

func millis(us int64) float64 { return float64(us) / 1000 }
