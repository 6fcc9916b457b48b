package page

import (
	"fmt"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware"
	"assay/lab/firmware/secret"
	"assay/lab/firmware/service"
	"assay/lab/record"
	"assay/lab/vulnerability"
	"assay/locale"
)

// Firmware is the page of an image's test, with what it says in a language.
func Firmware(lang string, r *record.Run, f *firmware.Facts, known *vulnerability.Report, product string) *Content {
	c := f.Coverage
	x := &Content{
		Run: r, Product: product, Specimen: strings.Contains(product, "SPECIMEN"), Map: Map(f, r.Findings),
		Covered: []Share{{"understood", c.Understood}, {"padding", c.Padding}, {"unknown", c.Unknown}, {"damaged", c.Damaged}},
	}
	files, roots := 0, 0
	for _, s := range f.Systems {
		files += len(s.Files)
		if s.Root {
			roots++
		}
	}
	x.Facts = []Fact{
		{"fact.coverage", decimal(lang, 100*float64(c.Understood+c.Padding)/float64(max(1, c.Bytes()))) + " %"},
		{"fact.systems", fmt.Sprint(roots)}, {"fact.files", fmt.Sprint(files)},
	}
	if known != nil && !known.NoData {
		x.Tables = append(x.Tables, vulnerabilities(lang, known))
		if known.Reconciled != nil {
			x.Tables = append(x.Tables, reconciled(lang, known.Reconciled))
		}
		for _, n := range known.Notes {
			x.Notes = append(x.Notes, n.In(lang))
		}
	}
	x.Tables = append(x.Tables, components(lang, f.Components))
	if f.Services != nil {
		x.Tables = append(x.Tables, listeners(lang, f.Services.Listeners))
	}
	if f.Secrets != nil {
		t := Table{ID: "accounts", Heads: []string{"head.account", "head.password", "head.path"}}
		shadow := map[[2]string]bool{}
		for _, a := range f.Secrets.Accounts {
			if a.File == "shadow" {
				shadow[[2]string{a.Where.Part, a.Name}] = true
			}
		}
		for _, a := range f.Secrets.Accounts {
			if a.File == "passwd" && a.Login == secret.Locked && shadow[[2]string{a.Where.Part, a.Name}] {
				continue // its password stands in the shadow file
			}
			t.Rows = append(t.Rows, []string{a.Name, kept(lang, &a), a.Where.String()})
		}
		x.Tables = append(x.Tables, t)
	}
	if f.Hardening != nil {
		x.Tables = append(x.Tables, hardened(lang, f))
	}
	if u := f.Updates; u != nil {
		t := Table{ID: "updates", Heads: []string{"head.program", "head.path"}}
		for _, a := range u.Updaters {
			t.Rows = append(t.Rows, []string{a.Path + " (" + a.Kind + ")", a.Where.String()})
		}
		for _, a := range u.Addresses {
			t.Rows = append(t.Rows, []string{a.URL, a.Where.String()})
		}
		x.Tables = append(x.Tables, t)
	}
	x.Notes = append(x.Notes, f.Problems...)
	for _, s := range f.Systems {
		for _, n := range s.Notes {
			if len(x.Notes) < 100 {
				x.Notes = append(x.Notes, s.Part+": "+n)
			}
		}
	}
	return x
}

func components(lang string, cs []lab.Component) Table {
	t := Table{ID: "components", Heads: []string{"head.component", "head.version", "head.kind", "head.certainty", "head.seen"}}
	for i := range cs {
		c := &cs[i]
		v := c.Version
		if c.Revision != "" {
			v += "-" + c.Revision
		}
		name := c.Name
		if name == "" {
			name = c.Family
		}
		seen := ""
		if len(c.Seen) > 0 {
			seen = c.Seen[0].Text
			if n := len(c.Seen) - 1; n > 0 {
				seen += fmt.Sprintf(" (+%d)", n)
			}
		}
		t.Rows = append(t.Rows, []string{name, v, value(lang, "kind.", c.Kind), Say(lang, "certainty."+string(c.Certainty)), seen})
	}
	return t
}

func vulnerabilities(lang string, k *vulnerability.Report) Table {
	t := Table{ID: "vulnerabilities", Intro: "intro.vulnerabilities", Heads: []string{"head.id", "head.component", "head.severity", "head.state", "head.why"}}
	for i := range k.Hits {
		h := &k.Hits[i]
		if !h.Open() {
			continue
		}
		p := &k.Parts[h.Part]
		severity := "—" // the source gives none
		if h.Severity != lab.None {
			severity = Say(lang, "severity."+string(h.Severity))
		}
		if h.Score != nil && !h.Score.Unset {
			severity += fmt.Sprintf(" %.1f", h.Score.Base)
		}
		if h.Exploited != nil {
			severity = "KEV, " + severity
		}
		var why []string
		for _, w := range h.Why {
			why = append(why, w.In(lang))
		}
		t.Rows = append(t.Rows, []string{h.ID, strings.TrimSpace(p.Family + " " + p.Version), severity, lab.Phrase{ID: "vulnerability.state-" + string(h.State)}.In(lang), strings.Join(why, "; ")})
	}
	return t
}

func reconciled(lang string, r *vulnerability.Reconciliation) Table {
	t := Table{ID: "reconciled", Heads: []string{"head.component", "head.declared", "head.found", "head.difference"}}
	for _, x := range r.Rows {
		t.Rows = append(t.Rows, []string{x.Family, strings.Join(x.Declared, ", "), strings.Join(x.Found, ", "), lab.Phrase{ID: "vulnerability.row-" + string(x.Result)}.In(lang)})
	}
	return t
}

// value says one of a fixed list of values; one that has no word is shown as it is.
func value(lang, list, v string) string {
	if w := words[max(0, slices.Index(locale.Languages, lang))]; w.Has(list + v) {
		return w.T(list + v)
	}
	return v
}

// kept is how an account's password is kept, or that none is needed or none fits.
func kept(lang string, a *secret.Account) string {
	if a.Scheme != "" && a.Login == secret.Keyed {
		return string(a.Scheme)
	}
	return value(lang, "account.", string(a.Login))
}

func listeners(lang string, ls []service.Listener) Table {
	t := Table{ID: "services", Heads: []string{"head.port", "head.service", "head.program", "head.sign-in", "head.started", "head.state"}}
	for i := range ls {
		l := &ls[i]
		port := "?"
		if l.Port > 0 {
			port = fmt.Sprintf("%d/%s", l.Port, l.Transport)
		}
		t.Rows = append(t.Rows, []string{port, l.Service, l.Program, value(lang, "login.", string(l.Login)), l.Where.String(), value(lang, "starts.", string(l.State))})
	}
	return t
}

// hardened counts programs by property and by how they have it.
func hardened(lang string, f *firmware.Facts) Table {
	t := Table{ID: "hardening", Heads: []string{"head.property", "head.yes", "head.partial", "head.no", "head.unknown"}}
	type row struct{ yes, partial, no, unknown int }
	rows := map[string]*row{}
	var order []string
	for _, c := range f.Hardening.Summary {
		if c.Machine != "" {
			continue
		}
		r := rows[c.Property]
		if r == nil {
			r = &row{}
			rows[c.Property] = r
			order = append(order, c.Property)
		}
		switch string(c.Verdict) {
		case "yes":
			r.yes += c.Count
		case "partial":
			r.partial += c.Count
		case "no":
			r.no += c.Count
		default:
			r.unknown += c.Count
		}
	}
	slices.Sort(order)
	for _, p := range order {
		r := rows[p]
		t.Rows = append(t.Rows, []string{lab.Phrase{ID: "hardening.property." + p}.In(lang), fmt.Sprint(r.yes), fmt.Sprint(r.partial), fmt.Sprint(r.no), fmt.Sprint(r.unknown)})
	}
	return t
}
