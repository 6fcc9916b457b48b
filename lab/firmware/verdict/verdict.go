// Package verdict draws verdicts from the facts of an image: for each requirement
// that an image can say something about, with what was looked at and what was
// not. What only a person can judge becomes a task.
package verdict

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"assay/evidence"
	"assay/lab"
	"assay/lab/firmware"
	"assay/lab/firmware/image"
	"assay/lab/firmware/malware"
	"assay/lab/firmware/service"
	"assay/lab/vulnerability"
)

// Input is all that is known.
type Input struct {
	Facts *firmware.Facts
	Scan  *malware.Scan         // of the scanners that are installed; nil: none was run
	Known *vulnerability.Report // nil: no data
	// Evidence is what the maker declared; nil: nothing.
	Evidence *evidence.Evidence
}

// Output is what follows.
type Output struct {
	Findings  []lab.Finding
	Left      map[string]int
	Judgments []lab.Judgment
	// Whole says that enough of the image was understood for something to pass.
	Whole bool
}

// MaxUnread is how much of an image, padding left out, may not be understood for
// anything to pass, in thousandths.
const MaxUnread = 10

// smallest part that is worth a finding when nobody knows what it is, in bytes.
const smallest = 512

// maxParts bounds the findings of parts.
const maxParts = 50

// Whole reports whether enough of an image was understood for something to pass:
// nothing is missing from the facts, and what was not read is at most MaxUnread.
func Whole(f *firmware.Facts) bool {
	unread := f.Coverage.Unknown + f.Coverage.Damaged
	return len(f.Problems) == 0 && len(f.Systems) > 0 && unread*1000 <= MaxUnread*(f.Coverage.Bytes()-f.Coverage.Padding)
}

// Judge draws the verdicts.
func Judge(in Input) Output {
	f := in.Facts
	d := &judge{Input: in, out: Output{Whole: Whole(f)}}
	others := slices.Clone(f.Findings)
	others = append(others, parts(f.Parts)...)
	others = append(others, d.undeclared()...)
	others = append(others, d.open()...)
	others = append(others, d.differ()...)
	d.out.Findings, d.out.Left = malware.Merge(others, in.Scan)
	for rule, n := range f.Left {
		if d.out.Left == nil {
			d.out.Left = map[string]int{}
		}
		d.out.Left[rule] += n
	}
	d.malware()
	for _, r := range d.requirements() {
		d.requirement(r)
	}
	d.errors()
	d.vulnerabilities()
	lab.SortJudgments(d.out.Judgments)
	return d.out
}

type judge struct {
	Input
	out Output
}

func (d *judge) add(j lab.Judgment) { d.out.Judgments = append(d.out.Judgments, j) }

// parts finds what was not understood.
func parts(ps []*image.Part) (fs []lab.Finding) {
	var walk func(ps []*image.Part)
	walk = func(ps []*image.Part) {
		for _, p := range ps {
			if len(fs) == maxParts {
				return
			}
			switch {
			case p.State == image.Unknown && p.Size >= smallest:
				fs = append(fs, lab.Found("image.not-understood", lab.Confirmed, lab.Place{Part: p.ID}, "size", fmt.Sprint(p.Size), "entropy", fmt.Sprintf("%.2f", p.Entropy)))
			case p.State == image.Damaged:
				fs = append(fs, lab.Found("image.damaged", lab.Confirmed, lab.Place{Part: p.ID}, "format", p.Format, "problem", p.Problem))
			}
			walk(p.Parts)
		}
	}
	walk(ps)
	return fs
}

// undeclared finds listeners that the image starts and nobody declared.
func (d *judge) undeclared() (fs []lab.Finding) {
	if d.Evidence == nil || d.Facts.Services == nil || len(d.Evidence.IXIT["log-intf"])+len(d.Evidence.IXIT["soft-serv"]) == 0 {
		return nil
	}
	for i := range d.Facts.Services.Listeners {
		l := &d.Facts.Services.Listeners[i]
		if l.Port == 0 || l.State == service.Disabled || local(l.Address) || d.declared(l) {
			continue
		}
		fs = append(fs, lab.Found("firmware.undeclared-listener", lab.Claimed, l.Where, "service", l.Service, "port", fmt.Sprintf("%d/%s", l.Port, l.Transport), "program", l.Program))
	}
	return fs
}

func local(address string) bool {
	return strings.HasPrefix(address, "127.") || address == "::1" || address == "localhost"
}

func (d *judge) declared(l *service.Listener) bool {
	for _, table := range []string{"log-intf", "soft-serv"} {
		for _, row := range d.Evidence.IXIT[table] {
			ranges, _ := evidence.PortsOf(row)
			if row["status"].String() != "disabled" && slices.ContainsFunc(ranges, func(p evidence.PortRange) bool { return p.Has(l.Transport, int64(l.Port)) }) {
				return true
			}
		}
	}
	return false
}

// open finds the known vulnerabilities that somebody has to look at.
func (d *judge) open() (fs []lab.Finding) {
	if d.Known == nil {
		return nil
	}
	for i := range d.Known.Hits {
		h := &d.Known.Hits[i]
		if !h.Open() {
			continue
		}
		p := &d.Known.Parts[h.Part]
		at := lab.Place{}
		if len(p.Where) > 0 {
			at = p.Where[0]
		}
		score := ""
		if h.Score != nil && !h.Score.Unset {
			score = fmt.Sprintf("%.1f", h.Score.Base)
		}
		rule := "vulnerability.open"
		if h.Exploited != nil {
			rule = "vulnerability.exploited"
		}
		f := lab.Found(rule, p.Certainty, at, "vulnerability", h.ID, "component", p.Family, "version", p.Version, "score", score, "reach", h.Reach)
		if h.Exploited == nil && h.Severity.Rank() >= 0 {
			if f.Severity = h.Severity; f.Severity == lab.None {
				f.Severity = lab.Low // nobody scored it
			}
		}
		fs = append(fs, f)
	}
	return fs
}

// differ finds what is declared and was not found, found and not declared, or of
// another version.
func (d *judge) differ() (fs []lab.Finding) {
	if d.Known == nil || d.Known.Reconciled == nil {
		return nil
	}
	for _, x := range d.Known.Reconciled.Rows {
		c, at := lab.Confirmed, lab.Place{}
		if x.Claimed {
			c = lab.Claimed
		}
		for _, i := range x.Parts {
			if p := &d.Known.Parts[i]; len(p.Found) > 0 && len(p.Where) > 0 {
				at = p.Where[0]
				break
			}
		}
		declared, found := strings.Join(x.Declared, ", "), strings.Join(x.Found, ", ")
		switch x.Result {
		case vulnerability.VersionsVary:
			fs = append(fs, lab.Found("sbom.version-differs", c, at, "component", x.Family, "declared", declared, "found", found))
		case vulnerability.FoundOnly:
			fs = append(fs, lab.Found("sbom.not-declared", c, at, "component", x.Family, "found", found))
		case vulnerability.DeclaredOnly: // not found is not "not there"
			fs = append(fs, lab.Found("sbom.not-found", lab.Claimed, at, "component", x.Family, "declared", declared))
		}
	}
	return fs
}

// about reports whether a finding bears on a requirement.
func about(f *lab.Finding, requirement string) bool {
	return slices.Contains(lab.MustRule(f.Rule).About, requirement)
}

// bearing are the findings of a requirement, and of them those that fail it.
func (d *judge) bearing(requirements ...string) (all, fail []int) {
	for i := range d.out.Findings {
		f := &d.out.Findings[i]
		if f.Severity == lab.None || !slices.ContainsFunc(requirements, func(r string) bool { return about(f, r) }) {
			continue
		}
		all = append(all, i)
		if f.Certainty == lab.Confirmed && lab.MustRule(f.Rule).Fails {
			fail = append(fail, i)
		}
	}
	return all, fail
}

//go:embed requirements.yaml
var requirementsText []byte

// asked are the requirements that are always judged.
var asked = sync.OnceValue(func() (a struct {
	Errors, Vulnerabilities, Malware string
	Always                           []string
}) {
	d := yaml.NewDecoder(bytes.NewReader(requirementsText))
	d.KnownFields(true)
	if err := d.Decode(&a); err != nil {
		panic(err) // embedded, and tested
	}
	return a
})

// requirements are those, and all that a finding bears on.
func (d *judge) requirements() (rs []string) {
	for _, r := range asked().Always {
		rs = append(rs, standard+r)
	}
	for i := range d.out.Findings {
		if d.out.Findings[i].Severity == lab.None {
			continue
		}
		for _, r := range lab.MustRule(d.out.Findings[i].Rule).About {
			if strings.HasPrefix(r, standard) {
				rs = append(rs, r)
			}
		}
	}
	slices.Sort(rs)
	return slices.Compact(rs)
}

const standard = "en-303-645/"

// requirement judges one of the base standard. An image can show that it is not met;
// that it is met depends on how the device behaves, so nothing here passes.
func (d *judge) requirement(r string) {
	all, fail := d.bearing(r)
	j := lab.Judgment{Requirement: r, Looked: d.looked(r), NotLooked: d.notLooked()}
	switch {
	case len(fail) > 0:
		j.Verdict, j.Ground, j.Findings = evidence.Fail, []lab.Phrase{lab.Say("firmware.fails", len(fail))}, fail
	case len(all) > 0:
		j.Verdict, j.Ground, j.Findings = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.bears", len(all))}, all
		j.Task = d.task(r, true)
	default:
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.nothing")}
		j.Task = d.task(r, false)
	}
	d.add(j)
}

// looked is what was looked at for a requirement.
func (d *judge) looked(r string) (ps []lab.Phrase) {
	f := d.Facts
	id := strings.TrimPrefix(r, standard)
	has := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(id, p) })
	}
	if s := f.Secrets; s != nil && has("5.1-", "5.4-") {
		tried := 0
		for _, a := range s.Attempts {
			tried += a.Words
		}
		ps = append(ps, lab.Say("firmware.looked-secrets", s.Files, len(s.Accounts), tried))
	}
	if s := f.Services; s != nil && has("5.1-", "5.5-", "5.6-", "5.13-") {
		ps = append(ps, lab.Say("firmware.looked-services", len(s.Starts), len(s.Listeners), len(s.Consoles)))
	}
	if u := f.Updates; u != nil && has("5.3-") {
		ps = append(ps, lab.Say("firmware.looked-updates", u.Scripts, u.Programs, len(u.Addresses)))
	}
	if h := f.Hardening; h != nil && has("5.6-", "5.7-", "5.13-") {
		ps = append(ps, lab.Say("firmware.looked-programs", len(h.Programs)+h.More))
	}
	if len(ps) == 0 {
		ps = append(ps, lab.Say("firmware.looked-image", len(f.Systems)))
	}
	return ps
}

// notLooked is what no reading of an image sees.
func (d *judge) notLooked() []lab.Phrase {
	return append(d.unread(), lab.Say("firmware.behavior"))
}

// unread is what of the image was not read.
func (d *judge) unread() (ps []lab.Phrase) {
	c := d.Facts.Coverage
	if n := c.Unknown + c.Damaged; n > 0 {
		ps = append(ps, lab.Say("firmware.unread", n, c.Bytes()))
	}
	for _, p := range d.Facts.Problems {
		ps = append(ps, lab.Say("firmware.problem", p))
	}
	return ps
}

// tasks are what a tester does about a requirement, beyond looking at findings.
var tasks = map[string]string{
	"5.1-1": "firmware.task-passwords", "5.1-3": "firmware.task-hashes", "5.3-2": "firmware.task-update", "5.3-7": "firmware.task-update", "5.3-9": "firmware.task-update", "5.3-10": "firmware.task-update",
	"5.4-1": "firmware.task-storage", "5.4-3": "firmware.task-hard-coded", "5.4-4": "firmware.task-unique", "5.6-1": "firmware.task-ports", "5.6-4": "firmware.task-debug", "5.6-5": "firmware.task-ports", "5.6-7": "firmware.task-rights",
}

func (d *judge) task(r string, findings bool) *lab.Task {
	t := &lab.Task{Passes: lab.Say("firmware.task-passes")}
	if findings {
		t.Method = append(t.Method, lab.Say("firmware.task-findings"))
	}
	if id := tasks[strings.TrimPrefix(r, standard)]; id != "" {
		t.Method = append(t.Method, lab.Say(id))
	}
	if len(t.Method) == 0 {
		t.Method = append(t.Method, lab.Say("firmware.task-findings"))
	}
	return t
}

// malware takes the verdict of package malware. What was not read forbids a pass.
func (d *judge) malware() {
	files := 0
	if m := d.Facts.Malware; m != nil {
		files = m.Files
	}
	j := malware.Judge(d.out.Findings, files, d.Scan)
	j.NotLooked = append(j.NotLooked, d.unread()...)
	if j.Verdict == evidence.Pass && !d.out.Whole {
		j.Verdict = evidence.Inconclusive
		j.Ground = append(j.Ground, lab.Say("firmware.too-little"))
		j.Task = d.part()
	}
	d.add(j)
}

// part is the task where too little was understood.
func (d *judge) part() *lab.Task {
	return &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-unread")}, Passes: lab.Say("firmware.task-read")}
}

// errors judges common software errors: hard-coded credentials and keys, and
// programs without protection.
func (d *judge) errors() {
	r := asked().Errors
	all, fail := d.bearing(r, standard+"5.4-3", standard+"5.1-1")
	all = slices.DeleteFunc(all, func(i int) bool {
		return d.out.Findings[i].Severity.Rank() < lab.Medium.Rank() || strings.HasPrefix(d.out.Findings[i].Rule, "image.")
	})
	j := lab.Judgment{Requirement: r, Looked: d.looked(standard + "5.1-1"), NotLooked: append(d.unread(), lab.Say("firmware.no-review"))}
	programs := 0
	if h := d.Facts.Hardening; h != nil {
		programs = len(h.Programs) + h.More
		j.Looked = append(j.Looked, lab.Say("firmware.looked-programs", programs))
	}
	switch {
	case len(fail) > 0:
		j.Verdict, j.Ground, j.Findings = evidence.Fail, []lab.Phrase{lab.Say("firmware.fails", len(fail))}, fail
	case len(all) > 0:
		j.Verdict, j.Ground, j.Findings = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.bears", len(all))}, all
		j.Task = d.task(r, true)
	case !d.out.Whole:
		j.Verdict, j.Ground, j.Task = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.too-little")}, d.part()
	case programs == 0: // what runs on the device is somewhere else
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.no-program")}
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-other-image")}, Passes: lab.Say("firmware.task-read")}
	default:
		j.Verdict, j.Ground = evidence.Pass, []lab.Phrase{lab.Say("firmware.clean")}
	}
	d.add(j)
}

// vulnerabilities judges whether all known ones of the found and the declared
// parts are accounted for.
func (d *judge) vulnerabilities() {
	r := asked().Vulnerabilities
	j := lab.Judgment{Requirement: r, NotLooked: d.unread()}
	j.Looked = []lab.Phrase{lab.Say("firmware.looked-components", len(d.Facts.Components))}
	k := d.Known
	if k == nil || k.NoData {
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.no-data")}
		j.NotLooked = append(j.NotLooked, lab.Say("firmware.not-looked-up"))
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-data")}, Passes: lab.Say("firmware.task-accounted")}
		d.add(j)
		return
	}
	for _, s := range k.Snapshots {
		j.Looked = append(j.Looked, lab.Say("firmware.looked-data", s.Source, s.Date, s.Records))
	}
	j.Findings, _ = d.bearing(r)
	unknown, differ := 0, 0
	for _, p := range k.Parts {
		if p.Version == "" {
			unknown++
		}
	}
	if x := k.Reconciled; x != nil {
		differ = x.DeclaredOnly + x.FoundOnly + x.Versions
		j.Looked = append(j.Looked, lab.Say("firmware.looked-declared", len(x.Rows)))
	} else {
		j.NotLooked = append(j.NotLooked, lab.Say("firmware.nothing-declared"))
	}
	if unknown > 0 {
		j.NotLooked = append(j.NotLooked, lab.Say("firmware.versionless", unknown))
	}
	if !k.General() {
		j.NotLooked = append(j.NotLooked, lab.Say("vulnerability.not-general"))
	}
	triage := &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-triage", k.Counts.Open)}, Passes: lab.Say("firmware.task-accounted")}
	switch c := k.Counts; {
	case d.affected() > 0:
		j.Verdict, j.Ground = evidence.Fail, []lab.Phrase{lab.Say("firmware.affected", d.affected(), c.Exploited, c.Open)}
	case c.Open > 0:
		j.Verdict, j.Ground, j.Task = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.open", c.Open, c.NotAffected, c.Fixed, c.Accounted)}, triage
	case !d.out.Whole:
		j.Verdict, j.Ground, j.Task = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.too-little")}, d.part()
	case k.Reconciled == nil:
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.no-list")}
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-reconcile")}, Passes: lab.Say("firmware.task-accounted")}
	case differ > 0:
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.not-reconciled", differ)}
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-reconcile")}, Passes: lab.Say("firmware.task-accounted")}
	case c.Accounted > 0:
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.makers-word", c.Accounted)}
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-makers-word", c.Accounted)}, Passes: lab.Say("firmware.task-accounted")}
	case !k.General():
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("vulnerability.not-general")}
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-data")}, Passes: lab.Say("firmware.task-accounted")}
	case unknown > 0:
		j.Verdict, j.Ground, j.Task = evidence.Inconclusive, []lab.Phrase{lab.Say("firmware.too-little")}, d.part()
	default:
		j.Verdict, j.Ground = evidence.Pass, []lab.Phrase{lab.Say("firmware.accounted", len(k.Hits))}
	}
	d.add(j)
}

// affected counts the vulnerabilities that are in a part for certain, and that nobody
// accounts for.
func (d *judge) affected() (n int) {
	for i := range d.Known.Hits {
		if h := &d.Known.Hits[i]; h.Open() && h.State == vulnerability.Affected {
			n++
		}
	}
	return n
}
