package device

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/evidence"
	"assay/lab"
	"assay/lab/device/probe"
	"assay/lab/device/scan"
	"assay/lab/device/wire"
)

// Tables of the test specification (TS 103 701) that a device is held against.
const (
	tableInterfaces = "log-intf"
	tableServices   = "soft-serv"
	tableSecure     = "sec-com-mech"
	tableAuth       = "auth-mech"
)

// standard is whose requirements are judged.
const standard = "en-303-645"

// row is a declared interface or service.
type row struct {
	table, id string
	on, net   bool
	ports     []evidence.PortRange
	listens   bool
	said      evidence.Row
}

// rowsOf reads the tables that declare ports.
func rowsOf(ev *evidence.Evidence) (rows []row) {
	if ev == nil {
		return nil
	}
	for _, t := range []struct{ table, field, value string }{{tableInterfaces, "access", "network"}, {tableServices, "over-network", "yes"}} {
		for i, said := range ev.IXIT[t.table] {
			r := row{table: t.table, id: cmp.Or(said.ID(), fmt.Sprint(i+1)), on: said["status"].String() != "disabled", net: said[t.field].String() == t.value, said: said}
			r.ports, r.listens = evidence.PortsOf(said)
			rows = append(rows, r)
		}
	}
	return rows
}

func (r *row) has(p wire.Port) bool {
	return slices.ContainsFunc(r.ports, func(x evidence.PortRange) bool { return x.Has(string(p.Transport), int64(p.Number)) })
}

// judge fills in the findings and the judgments.
func (r *Result) judge(ev *evidence.Evidence) {
	rows := rowsOf(ev)
	undeclared := r.reconcile(rows, ev != nil)
	var all []lab.Finding
	for i := range r.Services {
		s := &r.Services[i]
		all = append(all, s.Is.Findings...)
		if s.TLS != nil {
			all = append(all, s.TLS.Findings...)
		}
	}
	all = append(all, undeclared...)
	all = append(all, r.differ(r.Others.Imports)...)
	r.Findings, r.Left = lab.Sort(all)

	r.judgeUndeclared(rows, ev != nil)
	for i := range rows {
		r.judgeRow(&rows[i], rows)
	}
	r.judgeSecrets()
	r.judgeSecure(ev)
	r.judgeGuessing(ev)
	r.judgeAccess(rows)
	r.judgeRest()
	lab.SortJudgments(r.Judged)
}

func (r *Result) add(j lab.Judgment) { r.Judged = append(r.Judged, j) }

// reconcile finds ports that answer and are not declared so.
func (r *Result) reconcile(rows []row, declared bool) (fs []lab.Finding) {
	if !declared {
		return nil
	}
	for i := range r.Services {
		s := &r.Services[i]
		name := s.Is.Protocol
		switch known, off, local := match(rows, s.Port); {
		case !known:
			fs = append(fs, lab.Found("device.undeclared-port", lab.Confirmed, r.place(s.Port), "service", name))
		case off != "":
			fs = append(fs, lab.Found("device.off-and-answers", lab.Confirmed, r.place(s.Port), "service", name, "row", off))
		case local != "":
			fs = append(fs, lab.Found("device.local-and-answers", lab.Confirmed, r.place(s.Port), "service", name, "row", local))
		}
	}
	return fs
}

func (r *Result) place(p wire.Port) lab.Place {
	return lab.Place{Address: (&probe.Env{Host: r.Name, Port: p}).Place().Address}
}

// match says whether a port is declared, and the row that says that it is off or
// not on the network where no row says the contrary.
func match(rows []row, p wire.Port) (known bool, off, local string) {
	for i := range rows {
		d := &rows[i]
		if !d.has(p) {
			continue
		}
		known = true
		if d.on && d.net {
			return true, "", ""
		}
		if !d.on {
			off = cmp.Or(off, d.table+"/"+d.id)
		} else {
			local = cmp.Or(local, d.table+"/"+d.id)
		}
	}
	if off != "" {
		local = ""
	}
	return known, off, local
}

// with are the indexes of findings by any of the rules; all places if ports is nil.
func (r *Result) with(in func(wire.Port) bool, rules ...string) (idx []int) {
	for i := range r.Findings {
		f := &r.Findings[i]
		if !slices.ContainsFunc(rules, func(x string) bool { return f.Rule == x || strings.HasSuffix(x, ".") && strings.HasPrefix(f.Rule, x) }) {
			continue
		}
		if in == nil || slices.ContainsFunc(f.Where, func(p lab.Place) bool { return r.at(p, in) }) {
			idx = append(idx, i)
		}
	}
	return idx
}

// at reports whether a place is a port that in takes.
func (r *Result) at(p lab.Place, in func(wire.Port) bool) bool {
	for i := range r.Services {
		if port := r.Services[i].Port; in(port) && r.place(port).Address == p.Address {
			return true
		}
	}
	return false
}

// mute reports whether nothing came back from any port: the device may be off, or
// somewhere else, and what is not heard of it is no word for it.
func (r *Result) mute() bool {
	for _, s := range r.states {
		if s == scan.Open || s == scan.Closed {
			return false
		}
	}
	return true
}

// fullTCP reports whether every port of TCP was tried, and fullUDP of UDP.
func (r *Result) full(t wire.Transport) bool { return r.Scanned[string(t)] == "1-65535" }

// scope says what a scan looked at and what not.
func (r *Result) scope() (looked, not []lab.Phrase) {
	for _, t := range []wire.Transport{wire.TCP, wire.UDP} {
		if ps := r.Scanned[string(t)]; ps != "" {
			n, _ := scan.ParsePorts(ps)
			looked = append(looked, lab.Say("device.ports", len(n), strings.ToUpper(string(t)), r.Addr))
		}
		if !r.full(t) {
			not = append(not, lab.Say("device.other-ports", strings.ToUpper(string(t))))
		}
	}
	if r.mute() {
		not = append(not, lab.Say("device.mute"))
	}
	if n := len(r.Unsure); n > 0 {
		not = append(not, lab.Say("device.silent", n))
	}
	if !r.onlySide {
		not = append(not, lab.Say("device.other-sides"))
	}
	return looked, not
}

// judgeUndeclared judges the units that ask whether a scan finds what is not
// declared.
func (r *Result) judgeUndeclared(rows []row, declared bool) {
	looked, not := r.scope()
	bad := r.with(nil, "device.undeclared-port", "device.off-and-answers", "device.local-and-answers")
	whole := r.full(wire.TCP) && r.full(wire.UDP) && r.onlySide && !r.mute()
	for _, unit := range []string{"5.6-1-2/c", "5.5-5-2/b", "5.13-1-2/c", "5.6-5-2/b"} {
		j := lab.Judgment{Requirement: requirement(unit), Unit: unit, Looked: looked, NotLooked: not}
		rest := not
		if unit == "5.6-5-2/b" { // services that no network reaches are out of sight
			rest = append(slices.Clone(not), lab.Say("device.local-services"))
			j.NotLooked = rest
		}
		if unit == "5.6-1-2/c" { // said once
			j.Looked, j.NotLooked = slices.Concat(looked, r.Others.Looked), slices.Concat(not, r.Others.NotLooked)
		}
		switch {
		case !declared || len(rows) == 0:
			j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.nothing-declared", len(r.Services))}
			j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("device.task-declare")}, Passes: lab.Say("device.passes-declared")}
		case len(bad) > 0:
			j.Verdict, j.Ground, j.Findings = evidence.Fail, []lab.Phrase{lab.Say("device.undeclared", len(bad))}, bad
		case whole && unit != "5.6-5-2/b":
			j.Verdict, j.Ground = evidence.Pass, []lab.Phrase{lab.Say("device.all-declared", len(r.Services))}
		default:
			j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.all-declared", len(r.Services))}
			j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("device.task-rest")}, Passes: lab.Say("device.passes-declared")}
		}
		r.add(j)
	}
}

// requirement is the one of a unit: 5.6-1-2/c is of 5.6-1.
func requirement(unit string) string {
	group, _, _ := strings.Cut(unit, "/")
	if i := strings.LastIndexByte(group, '-'); i > 0 {
		group = group[:i]
	}
	return standard + "/" + group
}

// judgeRow judges whether an interface or a service is in its stated status, and
// what it tells before sign-in.
func (r *Result) judgeRow(d *row, rows []row) {
	if !d.net || !d.listens || len(d.ports) == 0 {
		return
	}
	unit := "5.6-1-2/d"
	if d.table == tableServices {
		unit = "5.6-5-2/a"
	}
	j := lab.Judgment{Requirement: requirement(unit), Unit: unit, Row: d.table + "/" + d.id, Looked: []lab.Phrase{lab.Say("device.row-ports", ports(d.ports))}}
	open, silent, untried, closed := r.tally(d)
	shared := func(p wire.Port) bool { // another row says that it is on
		return slices.ContainsFunc(rows, func(o row) bool { return o.on && o.net && o.has(p) })
	}
	own := slices.DeleteFunc(slices.Clone(open), func(p wire.Port) bool { return !d.on && shared(p) })
	switch {
	case d.on && len(open) > 0 && len(closed) == 0 && len(untried) == 0:
		j.Verdict, j.Ground = evidence.Pass, []lab.Phrase{lab.Say("device.row-answers", names(open))}
	case d.on && len(closed) > 0:
		j.Verdict, j.Ground = evidence.Fail, []lab.Phrase{lab.Say("device.row-missing", names(closed))}
	case !d.on && len(own) > 0:
		j.Verdict, j.Ground, j.Findings = evidence.Fail, []lab.Phrase{lab.Say("device.row-off-answers", names(own))}, r.with(d.has, "device.off-and-answers")
	case !d.on && len(own) < len(open):
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.row-shared", names(open))}
	case !d.on && len(silent) == 0 && len(untried) == 0 && !r.mute():
		j.Verdict, j.Ground = evidence.Pass, []lab.Phrase{lab.Say("device.row-quiet", names(closed))}
	default:
		if !d.on && len(silent)+len(untried) == 0 {
			silent = closed
		}
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.row-unsure", names(append(slices.Clone(silent), untried...)))}
	}
	if j.Verdict == evidence.Inconclusive {
		j.NotLooked = append(j.NotLooked, lab.Say("device.row-rest", names(append(slices.Clone(silent), untried...))))
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("device.task-row", d.id)}, Passes: lab.Say("device.passes-row")}
	}
	r.add(j)
	if d.table == tableInterfaces && d.on && len(open) > 0 {
		r.judgeTold(d)
	}
}

// tally sorts a row's ports by what the scan saw; silent are those of UDP that
// may be open, closed those that cannot be.
func (r *Result) tally(d *row) (open, silent, untried, closed []wire.Port) {
	for _, x := range d.ports {
		transports := []wire.Transport{wire.Transport(x.Transport)}
		if x.Transport == "" {
			transports = []wire.Transport{wire.TCP}
		}
		for _, t := range transports {
			for n := max(x.From, 1); n <= x.To; n++ {
				p := wire.Port{Transport: t, Number: uint16(n)}
				switch s, tried := r.states[p]; {
				case !tried:
					untried = append(untried, p)
				case s == scan.Open:
					open = append(open, p)
				case s == scan.OpenFiltered, s == scan.Filtered && d.on: // silence is no word that it is off
					silent = append(silent, p)
				default:
					closed = append(closed, p)
				}
			}
		}
	}
	return open, silent, untried, closed
}

func ports(ranges []evidence.PortRange) string {
	var all []string
	for _, x := range ranges {
		s := fmt.Sprint(x.From)
		if x.To != x.From {
			s += fmt.Sprintf("-%d", x.To)
		}
		if x.Transport != "" {
			s += "/" + x.Transport
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func names(ps []wire.Port) string {
	var all []string
	for i, p := range ps {
		if i == 10 {
			all = append(all, "…")
			break
		}
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}

// judgeTold judges what an interface tells before sign-in (5.6-2).
func (r *Result) judgeTold(d *row) {
	const unit = "5.6-2-2/a"
	j := lab.Judgment{Requirement: requirement(unit), Unit: unit, Row: d.table + "/" + d.id}
	var told []string
	known := true
	for i := range r.Services {
		s := &r.Services[i]
		if !d.has(s.Port) {
			continue
		}
		if s.Is.Protocol == "" || s.Problem != "" {
			known = false
		}
		j.Looked = append(j.Looked, s.Is.Looked...)
		j.NotLooked = append(j.NotLooked, s.Is.NotLooked...)
		for _, t := range append(slices.Clone(s.Is.Told), tls(s)...) {
			told = append(told, t.Value)
		}
	}
	declared := !d.said["disclosed-information"].Empty()
	if len(j.Looked) == 0 {
		j.Looked = []lab.Phrase{lab.Say("device.row-ports", ports(d.ports))}
	}
	switch {
	case len(r.tellsOf(d)) > 0 && !declared:
		j.Findings = r.tellsOf(d)
		j.Verdict, j.Ground = evidence.Fail, []lab.Phrase{lab.Say("device.tells-undeclared", clip(told))}
	case len(told) == 0 && known:
		j.Verdict, j.Ground = evidence.Pass, []lab.Phrase{lab.Say("device.tells-nothing")}
	default:
		j.Findings = r.tellsOf(d)
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.tells", clip(told), cmp.Or(d.said["disclosed-information"].String(), "—"))}
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("device.task-told", d.id)}, Passes: lab.Say("device.passes-told")}
	}
	r.add(j)
}

// tellsOf are the findings of security-relevant things that a row's ports tell.
func (r *Result) tellsOf(d *row) (idx []int) {
	for i := range r.Findings {
		f := &r.Findings[i]
		if strings.HasPrefix(f.Rule, "device.tells-") && slices.ContainsFunc(f.Where, func(p lab.Place) bool { return r.at(p, d.has) }) {
			idx = append(idx, i)
		}
	}
	return idx
}

func tls(s *Service) []lab.Property {
	if s.TLS == nil {
		return nil
	}
	return s.TLS.Told
}

func clip(told []string) string {
	slices.Sort(told)
	told = slices.Compact(told)
	if len(told) > 8 {
		told = append(told[:8:8], "…")
	}
	return strings.Join(told, "; ")
}

// judgeSecrets judges whether passwords that everybody knows open the device (5.1-1).
func (r *Result) judgeSecrets() {
	open := r.with(nil, "device.default-credential", "device.firmware-credential", "device.empty-password")
	tried, services, locked := 0, 0, 0
	for i := range r.Services {
		if s := r.Services[i].SignIn; s != nil {
			services++
			tried += s.Tried
			if s.Locked {
				locked++
			}
		}
	}
	j := lab.Judgment{Requirement: standard + "/5.1-1"}
	switch {
	case len(open) > 0:
		j.Verdict, j.Ground, j.Findings = evidence.Fail, []lab.Phrase{lab.Say("device.opened", len(open))}, open
	case services == 0:
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.no-sign-in")}
	default:
		j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.not-opened", tried, services)}
	}
	if services > 0 {
		j.Looked = append(j.Looked, lab.Say("device.tries", tried, services))
	} else {
		j.Looked = append(j.Looked, lab.Say("device.sign-ins-seen", r.signIns()))
		j.NotLooked = append(j.NotLooked, lab.Say("device.no-consent"))
	}
	if locked > 0 {
		j.NotLooked = append(j.NotLooked, lab.Say("device.locked", locked))
	}
	j.NotLooked = append(j.NotLooked, lab.Say("device.second-unit"))
	if j.Verdict == evidence.Inconclusive {
		j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("device.task-two-units")}, Passes: lab.Say("device.passes-two-units")}
	}
	r.add(j)
}

func (r *Result) signIns() (n int) {
	for i := range r.Services {
		if p := r.Services[i].probe; p != nil && p.SignIn != nil {
			n++
		}
	}
	return n
}

// judgeSecure judges each declared way of secure communication whose port was seen
// (5.5-1): what is broken or outdated fails; the rest is a person's comparison with
// the stated details.
func (r *Result) judgeSecure(ev *evidence.Evidence) {
	if ev == nil {
		return
	}
	const unit = "5.5-1-2/a"
	for i, said := range ev.IXIT[tableSecure] {
		where := said["description"].String() + " " + said["interface"].String()
		ranges, _ := evidence.PortsOf(evidence.Row{"description": evidence.Cell{where}})
		d := &row{table: tableSecure, id: cmp.Or(said.ID(), fmt.Sprint(i+1)), ports: ranges, said: said}
		var seen []string
		j := lab.Judgment{Requirement: requirement(unit), Unit: unit, Row: d.table + "/" + d.id}
		for k := range r.Services {
			s := &r.Services[k]
			if !d.has(s.Port) || s.TLS == nil && s.Is.Protocol == "" {
				continue
			}
			obs := &s.Is
			if s.TLS != nil {
				obs = s.TLS
			}
			j.Looked, j.NotLooked = append(j.Looked, obs.Looked...), append(j.NotLooked, obs.NotLooked...)
			for _, x := range obs.Details {
				seen = append(seen, x.Value)
			}
		}
		if len(seen) == 0 {
			continue // outward, or never seen: what no probe looked at is no verdict
		}
		j.Findings = r.with(d.has, "tls.", "ssh.", "device.clear-text")
		bad := slices.DeleteFunc(slices.Clone(j.Findings), func(k int) bool { return r.Findings[k].Severity.Rank() < lab.Medium.Rank() })
		if len(bad) > 0 {
			j.Verdict, j.Ground, j.Findings = evidence.Fail, []lab.Phrase{lab.Say("device.weak", len(bad))}, bad
		} else {
			j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.seen-crypto", clip(seen), cmp.Or(said["crypto-details"].String(), "—"))}
			j.NotLooked = append(j.NotLooked, lab.Say("device.no-recording"))
			j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("device.task-crypto", d.id)}, Passes: lab.Say("device.passes-crypto")}
		}
		if len(j.Looked) == 0 {
			j.Looked = []lab.Phrase{lab.Say("device.row-ports", ports(d.ports))}
		}
		r.add(j)
	}
}

// judgeGuessing judges how fast wrong passwords may be tried (5.1-5), for the ways of
// authenticating that a declared service names.
func (r *Result) judgeGuessing(ev *evidence.Evidence) {
	covered := map[wire.Port]bool{}
	defer func() { r.judgeGuessingWhole(covered) }()
	if ev == nil {
		return
	}
	const unit = "5.1-5-2/b"
	for i, said := range ev.IXIT[tableAuth] {
		if said["over-network"].String() != "yes" {
			continue
		}
		id := cmp.Or(said.ID(), fmt.Sprint(i+1))
		j := lab.Judgment{Requirement: requirement(unit), Unit: unit, Row: tableAuth + "/" + id}
		free, slowed := 0, 0
		var rates []string
		for _, d := range rowsOf(ev) {
			if d.table != tableServices || !slices.Contains(d.said["authentication-mechanism"], id) {
				continue
			}
			for k := range r.Services {
				s := &r.Services[k]
				if !d.has(s.Port) || s.Guess == nil || s.Guess.Problem != "" {
					continue
				}
				g := s.Guess
				covered[s.Port] = true
				j.Looked = append(j.Looked, lab.Say("device.guessed", g.Tries, s.At, g.Time.Round(1e6)))
				switch {
				case g.Locked || g.Slower():
					slowed++
				default:
					free++
				}
				rates = append(rates, fmt.Sprintf("%s: %d", s.At, g.PerDay))
				j.Findings = append(j.Findings, r.with(func(p wire.Port) bool { return p == s.Port }, "device.no-guessing-limit")...)
			}
		}
		if len(j.Looked) == 0 {
			continue
		}
		switch {
		case free > 0:
			j.Verdict, j.Ground = evidence.Fail, []lab.Phrase{lab.Say("device.unlimited", strings.Join(rates, ", "), cmp.Or(said["brute-force-prevention"].String(), "—"))}
		case slowed > 0:
			j.Verdict, j.Ground = evidence.Pass, []lab.Phrase{lab.Say("device.limited", strings.Join(rates, ", "))}
		}
		j.NotLooked = append(j.NotLooked, lab.Say("device.other-addresses"))
		r.add(j)
	}
}

// judgeGuessingWhole judges 5.1-5 by the services that were measured and that no
// declared way of authenticating covers. That one slows tries shows nothing of the rest.
func (r *Result) judgeGuessingWhole(covered map[wire.Port]bool) {
	j := lab.Judgment{Requirement: standard + "/5.1-5", Verdict: evidence.Fail, NotLooked: []lab.Phrase{lab.Say("device.other-addresses")}}
	var rates []string
	for i := range r.Services {
		s := &r.Services[i]
		g := s.Guess
		if covered[s.Port] || g == nil || g.Problem != "" || g.Locked || g.Slower() {
			continue
		}
		rates = append(rates, fmt.Sprintf("%s: %d", s.At, g.PerDay))
		j.Looked = append(j.Looked, lab.Say("device.guessed", g.Tries, s.At, g.Time.Round(1e6)))
		j.Findings = append(j.Findings, r.with(func(p wire.Port) bool { return p == s.Port }, "device.no-guessing-limit")...)
	}
	if len(j.Findings) > 0 {
		j.Ground = []lab.Phrase{lab.Say("device.unlimited", strings.Join(rates, ", "), "—")}
		r.add(j)
	}
}

// judgeRest gives the findings that no verdict on a requirement names to a person,
// who weighs them: no row of the declaration says what they are held against.
func (r *Result) judgeRest() {
	named := map[string]map[int]bool{}
	for i := range r.Judged {
		j := &r.Judged[i]
		if named[j.Requirement] == nil {
			named[j.Requirement] = map[int]bool{}
		}
		for _, k := range j.Findings {
			named[j.Requirement][k] = true
		}
	}
	left := map[string][]int{}
	for k := range r.Findings {
		f := &r.Findings[k]
		if f.Severity == lab.None {
			continue
		}
		for _, q := range lab.MustRule(f.Rule).About {
			if strings.HasPrefix(q, standard+"/") && !named[q][k] {
				left[q] = append(left[q], k)
			}
		}
	}
	looked, not := r.scope()
	for _, q := range slices.Sorted(maps.Keys(left)) {
		r.add(lab.Judgment{
			Requirement: q, Verdict: evidence.Inconclusive, Ground: []lab.Phrase{lab.Say("firmware.bears", len(left[q]))}, Findings: left[q], Looked: looked, NotLooked: not,
			Task: &lab.Task{Method: []lab.Phrase{lab.Say("firmware.task-findings")}, Passes: lab.Say("firmware.task-passes")},
		})
	}
}

// judgeAccess judges services that give their function to anybody (5.5-4, 5.5-5).
func (r *Result) judgeAccess(rows []row) {
	const unit = "5.5-4-2/a"
	for i := range rows {
		d := &rows[i]
		if d.table != tableServices || !d.net || !d.on || d.said["authentication-mechanism"].Empty() {
			continue
		}
		j := lab.Judgment{Requirement: requirement(unit), Unit: unit, Row: d.table + "/" + d.id}
		free, asked := []string{}, []string{}
		for k := range r.Services {
			s := &r.Services[k]
			if !d.has(s.Port) {
				continue
			}
			j.Looked = append(j.Looked, s.Is.Looked...)
			switch s.Is.Auth {
			case probe.AuthNone, probe.AuthAnonymous:
				free = append(free, s.At)
			case probe.AuthRequired:
				asked = append(asked, s.At)
			}
		}
		opened := r.with(d.has, "device.default-credential", "device.firmware-credential", "device.empty-password", "device.no-authentication")
		switch {
		case len(opened) > 0:
			j.Verdict, j.Ground, j.Findings = evidence.Fail, []lab.Phrase{lab.Say("device.access-open", d.id, strings.Join(d.said["authentication-mechanism"], ", "))}, opened
		case len(free)+len(asked) == 0:
			continue
		default:
			j.Verdict, j.Ground = evidence.Inconclusive, []lab.Phrase{lab.Say("device.access-asked", cmp.Or(strings.Join(asked, ", "), "—"), cmp.Or(strings.Join(free, ", "), "—"))}
			j.Task = &lab.Task{Method: []lab.Phrase{lab.Say("device.task-access", d.id)}, Passes: lab.Say("device.passes-access")}
		}
		if len(j.Looked) == 0 {
			j.Looked = []lab.Phrase{lab.Say("device.row-ports", ports(d.ports))}
		}
		j.NotLooked = append(j.NotLooked, lab.Say("device.behind-sign-in"))
		r.add(j)
	}
}
