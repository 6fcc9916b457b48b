package disclosure

import (
	"net/url"
	"strings"
	"time"

	"assay/evidence"
	"assay/lab"
)

// farthest is how far a document's end may lie ahead: RFC 9116, 2.5.5 advises less than a year.
const farthest = 366 * 24 * time.Hour

// findings are what is wrong with a document beside its format, and what it says.
func (d *Document) findings(at time.Time) (all []lab.Finding) {
	for _, h := range d.Hops {
		all = append(all, lab.Found("disclosure.redirect", lab.Confirmed, lab.Place{Address: h.From}, "target", h.To))
	}
	switch d.reason {
	case reasonGone:
		all = append(all, lab.Found("disclosure.gone", lab.Confirmed, d.place(0), "text", d.Problem))
	case reasonAccount:
		all = append(all, lab.Found("disclosure.account", lab.Confirmed, d.place(0), "text", d.Problem))
	case reasonOtherHost:
		all = append(all, lab.Found("disclosure.other-host", lab.Confirmed, d.place(0), "target", d.Problem))
	case reasonClear:
		all = append(all, lab.Found("disclosure.clear", lab.Confirmed, d.place(0), "target", d.Problem))
	case reasonTrust:
		all = append(all, lab.Found("disclosure.certificate", lab.Confirmed, d.place(0), "text", d.Problem))
	}
	if d.Kind == "" {
		return all
	}
	if strings.HasPrefix(d.Final, "http://") {
		all = append(all, lab.Found("disclosure.clear", lab.Confirmed, d.place(0), "target", d.Final))
	}
	if d.Kind == SecurityTxt {
		all = append(all, d.securityTxt(at)...)
	}
	for _, s := range d.Said {
		if f, ok := said(s, d.place(s.Line)); ok {
			all = append(all, f)
		}
	}
	return all
}

// said makes a fact of a statement.
func said(s Statement, at lab.Place) (lab.Finding, bool) {
	switch {
	case s.Kind == Contact:
		return lab.Found("disclosure.says-contact", lab.Claimed, at, "contact", s.Value, "text", s.Quote), true
	case s.Value == "":
	case s.Kind == Acknowledgment:
		return lab.Found("disclosure.says-acknowledgment", lab.Claimed, at, "time", s.Value, "text", s.Quote), true
	case s.Kind == Status:
		return lab.Found("disclosure.says-status", lab.Claimed, at, "time", s.Value, "text", s.Quote), true
	case s.Kind == Fix:
		return lab.Found("disclosure.says-fix", lab.Claimed, at, "time", s.Value, "text", s.Quote), true
	}
	return lab.Finding{}, false
}

// securityTxt checks what a file in that format means.
func (d *Document) securityTxt(at time.Time) (all []lab.Finding) {
	for _, f := range d.Fields {
		if f.Name != "Expires" {
			continue
		}
		switch t, err := time.Parse(time.RFC3339, f.Value); {
		case err != nil:
		case !t.After(at):
			all = append(all, lab.Found("disclosure.expired", lab.Confirmed, d.place(f.Line), "text", f.Value))
		case t.Sub(at) > farthest:
			all = append(all, lab.Found("disclosure.expires-far", lab.Confirmed, d.place(f.Line), "text", f.Value))
		}
	}
	if d.file {
		return all
	}
	if c := values(d.Fields, "Canonical"); len(c) > 0 && !contains(c, d.Final) {
		all = append(all, lab.Found("disclosure.canonical", lab.Confirmed, d.place(0), "text", strings.Join(c, " ")))
	} else if len(c) == 0 && d.Signed {
		all = append(all, lab.Found("disclosure.no-canonical", lab.Confirmed, d.place(0)))
	}
	if u, err := url.Parse(d.Final); err == nil && u.Path != wellKnown {
		all = append(all, lab.Found("disclosure.location", lab.Confirmed, d.place(0), "text", u.Path))
	}
	if t := strings.ToLower(strings.ReplaceAll(d.ContentType, " ", "")); !strings.HasPrefix(t, "text/plain") || strings.Contains(t, "charset=") && !strings.Contains(t, "charset=utf-8") {
		all = append(all, lab.Found("disclosure.content-type", lab.Confirmed, d.place(0), "text", d.ContentType))
	}
	return all
}

func contains(all []string, address string) bool {
	for _, a := range all {
		if strings.EqualFold(a, address) {
			return true
		}
	}
	return false
}

const requirement = "en-303-645/5.2-1"

// Units of TS 103 701 for the provision.
const (
	unitOpen  = "5.2-1-1/a" // anybody can reach the policy
	unitThere = "5.2-1-2/a" // it can be fetched where it is said to be
	unitSays  = "5.2-1-2/b" // it has what it must
)

// judge gives a verdict on each unit.
func (r *Result) judge() {
	main := &r.Documents[0]
	looked, not := r.scope()
	add := func(unit string, v evidence.Verdict, task *lab.Task, ground ...lab.Phrase) {
		r.Judgments = append(r.Judgments, lab.Judgment{Requirement: requirement, Unit: unit, Verdict: v, Ground: ground, Looked: looked, NotLooked: not, Findings: r.about(unit), Task: task})
	}
	fetch := &lab.Task{Method: []lab.Phrase{lab.Say("disclosure.task-fetch")}, Passes: lab.Say("disclosure.passes-fetch")}
	open := &lab.Task{Method: []lab.Phrase{lab.Say("disclosure.task-open")}, Passes: lab.Say("disclosure.passes-open")}
	where := main.place(0).Address
	switch {
	case main.file:
		add(unitOpen, evidence.Inconclusive, open, lab.Say("disclosure.from-file"))
		add(unitThere, evidence.Inconclusive, fetch, lab.Say("disclosure.from-file"))
	case main.reason == reasonGone:
		add(unitOpen, evidence.Fail, nil, lab.Say("disclosure.not-there", where, main.Problem))
		add(unitThere, evidence.Fail, nil, lab.Say("disclosure.not-there", where, main.Problem))
	case main.reason == reasonAccount:
		add(unitOpen, evidence.Fail, nil, lab.Say("disclosure.wants-account", where, main.Problem))
		add(unitThere, evidence.Fail, nil, lab.Say("disclosure.wants-account", where, main.Problem))
	case main.reason != "":
		add(unitOpen, evidence.Inconclusive, open, lab.Say("disclosure.not-fetched-"+main.reason, where, main.Problem))
		add(unitThere, evidence.Inconclusive, fetch, lab.Say("disclosure.not-fetched-"+main.reason, where, main.Problem))
	case main.signIn > 0 && main.topic == 0:
		add(unitOpen, evidence.Inconclusive, open, lab.Say("disclosure.sign-in-page", where, main.signIn))
		add(unitThere, evidence.Inconclusive, fetch, lab.Say("disclosure.sign-in-page", where, main.signIn))
	case main.Kind == "":
		add(unitOpen, evidence.Inconclusive, open, lab.Say("disclosure.fetched", where))
		add(unitThere, evidence.Inconclusive, fetch, lab.Say("disclosure.not-read", where, main.Problem))
	case main.Kind != SecurityTxt && main.topic == 0:
		add(unitOpen, evidence.Inconclusive, open, lab.Say("disclosure.fetched", where))
		add(unitThere, evidence.Inconclusive, fetch, lab.Say("disclosure.off-topic", where))
	default:
		add(unitOpen, evidence.Inconclusive, open, lab.Say("disclosure.fetched", where))
		add(unitThere, evidence.Pass, nil, lab.Say("disclosure.fetched", where))
	}
	r.judgeContent(add)
	// A unit that fails fails the provision, also where it is tested by no specification.
	for i := range r.Judgments {
		if j := r.Judgments[i]; j.Verdict == evidence.Fail {
			j.Unit = ""
			r.Judgments = append(r.Judgments, j)
			break
		}
	}
}

// judgeContent looks for a contact and the two times over all documents.
func (r *Result) judgeContent(add func(string, evidence.Verdict, *lab.Task, ...lab.Phrase)) {
	read, topic := false, 0
	for i := range r.Documents {
		d := &r.Documents[i]
		read = read || d.Kind != ""
		topic += d.topic
		if d.Kind == SecurityTxt {
			topic++
		}
	}
	if !read {
		add(unitSays, evidence.Inconclusive, task("disclosure.task-read", "disclosure.passes-says"), lab.Say("disclosure.nothing-read"))
		return
	}
	contact, ok := r.first(Contact)
	if !ok {
		add(unitSays, evidence.Fail, nil, lab.Say("disclosure.no-contact"))
		return
	}
	ground := []lab.Phrase{lab.Say("disclosure.contact", contact.Value, contact.place)}
	if topic == 0 {
		add(unitSays, evidence.Inconclusive, task("disclosure.task-read", "disclosure.passes-says"), append(ground, lab.Say("disclosure.not-about"))...)
		return
	}
	var steps []lab.Phrase
	for _, k := range []string{Acknowledgment, Status, Fix} {
		s, ok := r.first(k)
		switch {
		case ok && s.Value != "" && !s.Denied:
			ground = append(ground, lab.Say("disclosure."+k, s.Value, s.Quote, s.place))
		case ok && s.Value != "":
			ground = append(ground, lab.Say("disclosure."+k+"-denied", s.Quote, s.place))
			if k != Fix {
				steps = append(steps, lab.Say("disclosure.task-"+k))
			}
		case ok:
			ground = append(ground, lab.Say("disclosure."+k+"-untimed", s.Quote, s.place))
			steps = append(steps, lab.Say("disclosure.task-"+k))
		case k != Fix: // the provision does not ask for it
			ground = append(ground, lab.Say("disclosure."+k+"-not-found"))
			steps = append(steps, lab.Say("disclosure.task-"+k))
		}
	}
	if p := r.unread(); p != "" {
		steps = append(steps, lab.Say("disclosure.task-policy", p))
	}
	// What was found are sentences; what they promise is for a person to confirm.
	steps = append([]lab.Phrase{lab.Say("disclosure.task-confirm")}, steps...)
	add(unitSays, evidence.Inconclusive, &lab.Task{Method: steps, Passes: lab.Say("disclosure.passes-says")}, ground...)
}

func task(method, passes string) *lab.Task {
	return &lab.Task{Method: []lab.Phrase{lab.Say(method)}, Passes: lab.Say(passes)}
}

// placed is a statement with its place.
type placed struct {
	Statement
	place lab.Place
}

// first is the best statement of a kind: with a time, without a negation, the first.
func (r *Result) first(kind string) (best placed, ok bool) {
	rank := func(s *Statement) int {
		n := 0
		if s.Value != "" {
			n += 2
		}
		if !s.Denied {
			n++
		}
		return n
	}
	for i := range r.Documents {
		d := &r.Documents[i]
		for k := range d.Said {
			s := &d.Said[k]
			if s.Kind == kind && (!ok || rank(s) > rank(&best.Statement)) {
				best, ok = placed{*s, d.place(s.Line)}, true
			}
		}
	}
	return best, ok
}

// unread is a policy that a security.txt names and that was not read.
func (r *Result) unread() string {
	for i := range r.Documents {
		for _, p := range values(r.Documents[i].Fields, "Policy") {
			read := false
			for k := range r.Documents {
				read = read || r.Documents[k].Address == p && r.Documents[k].Kind != ""
			}
			if !read {
				return p
			}
		}
	}
	return ""
}

// scope says what was looked at, and what not.
func (r *Result) scope() (looked, not []lab.Phrase) {
	for i := range r.Documents {
		d := &r.Documents[i]
		where := d.place(0).Address
		if d.Kind == "" {
			looked = append(looked, lab.Say("disclosure.scope-answer", where))
			continue
		}
		looked = append(looked, lab.Say("disclosure.scope-"+strings.ReplaceAll(d.Kind, ".", "-"), where, d.Size))
	}
	if p := r.unread(); p != "" {
		not = append(not, lab.Say("disclosure.scope-policy", p))
	}
	not = append(not, lab.Say("disclosure.scope-kept"), lab.Say("disclosure.scope-linked"))
	for i := range r.Documents {
		if r.Documents[i].Signed {
			not = append(not, lab.Say("disclosure.scope-signature"))
			break
		}
	}
	return looked, not
}

// about are the findings that a unit rests on.
func (r *Result) about(unit string) (all []int) {
	for i := range r.Findings {
		switch r.Findings[i].Rule {
		case "disclosure.gone", "disclosure.account", "disclosure.other-host", "disclosure.certificate", "disclosure.redirect", "disclosure.clear", "disclosure.location":
			if unit != unitSays {
				all = append(all, i)
			}
		default:
			if unit == unitSays {
				all = append(all, i)
			}
		}
	}
	return all
}
