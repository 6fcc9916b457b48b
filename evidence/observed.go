package evidence

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Tables that imports are held against, and their fields (TS 103 701 Annex;
// "ports" is ours).
const (
	tableInterfaces = "log-intf"
	tableServices   = "soft-serv"
	tableComponents = "soft-comp"
)

// Reconcile holds what was declared against what tools observed: ports against
// interfaces and services, bills of materials against software components and
// against each other, images against the product's. It judges nothing. What it
// finds is a contradiction that a person has to clear up, with its place; what
// no tool looked at is no contradiction.
func Reconcile(ev *Evidence) []Finding { return reconcile(ev).found }

// Gaps is what one side lists and the other does not, and may be right: parts of
// a bill of materials without a row of their own, rows that no bill names, and
// parts that are in one bill of an image and not in another.
func Gaps(ev *Evidence) []Finding { return reconcile(ev).gaps }

func reconcile(ev *Evidence) *reconciler {
	r := &reconciler{ev: ev}
	r.ports()
	r.images()
	r.components()
	r.bills()
	r.vulnerabilities()
	return r
}

type reconciler struct {
	ev          *Evidence
	found, gaps []Finding
}

func (r *reconciler) add(place, remedy, format string, a ...any) {
	r.found = append(r.found, Finding{place, fmt.Sprintf(format, a...), remedy})
}

func (r *reconciler) gap(place, remedy, format string, a ...any) {
	r.gaps = append(r.gaps, Finding{place, fmt.Sprintf(format, a...), remedy})
}

// endpoint is a port on the device, whatever its address.
type endpoint struct {
	transport string
	port      int64
}

func (e endpoint) String() string { return strconv.FormatInt(e.port, 10) + "/" + e.transport }

func before(a, b endpoint) int {
	return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.transport, b.transport))
}

// declared is a row that says that something answers, or does not.
type declared struct {
	table, id, place string
	on               bool // when delivered
	network          bool
	ranges           []PortRange
	listens          bool // there, and not perhaps elsewhere
}

// PortRange is ports that a row declares.
type PortRange struct {
	Transport string // tcp, udp, sctp; "" is any
	From, To  int64
}

// Has reports whether a port is among them.
func (p PortRange) Has(transport string, port int64) bool {
	return (p.Transport == "" || p.Transport == transport) && p.From <= port && port <= p.To
}

func (d *declared) has(e endpoint) bool {
	return slices.ContainsFunc(d.ranges, func(p PortRange) bool { return p.Has(e.transport, e.port) })
}

var (
	// A port as the field "ports" has it; several are separated by anything.
	portText = regexp.MustCompile(`(\d{1,5})(?:\s*[-–]\s*(\d{1,5}))?(?:\s*/\s*(tcp|udp|sctp|TCP|UDP|SCTP))?`)
	// A port in a sentence: only what cannot be another number.
	portWords = regexp.MustCompile(`(?i)\b(\d{1,5})\s*/\s*(tcp|udp|sctp)\b|` +
		`\b(?:(tcp|udp)\s*(?:/|,|and|und|ja|및|와|과)\s*)?(tcp|udp|sctp)[ /:]\s*(?:port\s*)?(\d{1,5})\b|` +
		`(?:\bport|포트|portti)\s*(\d{1,5})\b`)
)

// PortsOf are a row's ports: those of its own field, where it listens; else
// those that its description names, which may be others' that it calls.
func PortsOf(row Row) (out []PortRange, listens bool) {
	add := func(transport, from, to string) {
		a, err := strconv.ParseInt(from, 10, 64)
		b := a
		if err == nil && to != "" {
			b, err = strconv.ParseInt(to, 10, 64)
		}
		if err == nil && a <= b && b <= 65535 {
			out = append(out, PortRange{strings.ToLower(transport), a, b})
		}
	}
	if own := row["ports"]; !own.Empty() {
		for _, s := range own {
			for _, m := range portText.FindAllStringSubmatch(s, -1) {
				add(m[3], m[1], m[2])
			}
		}
		return out, true
	}
	for _, m := range portWords.FindAllStringSubmatch(row["description"].String(), -1) {
		switch {
		case m[1] != "":
			add(m[2], m[1], "")
		case m[5] != "":
			add(m[4], m[5], "")
			if m[3] != "" {
				add(m[3], m[5], "")
			}
		default:
			add("", m[6], "")
		}
	}
	return out, false
}

// declaredPorts are the rows of interfaces and services.
func (r *reconciler) declaredPorts() (rows []declared) {
	for _, t := range []struct{ table, field, network string }{{tableInterfaces, "access", "network"}, {tableServices, "over-network", "yes"}} {
		for i, row := range r.ev.IXIT[t.table] {
			id := row.ID()
			if id == "" {
				id = strconv.Itoa(i + 1)
			}
			d := declared{
				table: t.table, id: id, place: Pointer("ixit", t.table, i),
				on: row["status"].String() != "disabled", network: row[t.field].String() == t.network,
			}
			d.ranges, d.listens = PortsOf(row)
			rows = append(rows, d)
		}
	}
	return rows
}

// seen is where an endpoint was observed.
type seen struct {
	place, name string
	addresses   []string
	imports     []string
}

// ports holds what answers against what is declared, both ways.
func (r *reconciler) ports() {
	open, unsure := map[endpoint]*seen{}, map[endpoint]bool{}
	scanned := false
	for i := range r.ev.Imports {
		m := &r.ev.Imports[i]
		scanned = scanned || len(m.Scanned) > 0
		for j, s := range m.Services {
			e := endpoint{s.Transport, s.Port}
			if s.State != "open" {
				unsure[e] = true
				continue
			}
			o := open[e]
			if o == nil {
				o = &seen{place: Pointer("imports", i, "services", j)}
				open[e] = o
			}
			o.name = cmp.Or(o.name, s.Name)
			if !slices.Contains(o.addresses, s.Address) && len(o.addresses) < 100 {
				o.addresses = append(o.addresses, s.Address)
			}
			if !slices.Contains(o.imports, m.Name) {
				o.imports = append(o.imports, m.Name)
			}
		}
	}
	rows := r.declaredPorts()
	if len(rows) == 0 { // nothing is declared: one thing to do, not one for each port
		if e := slices.MinFunc(append(slices.Collect(maps.Keys(open)), endpoint{port: 1 << 16}), before); open[e] != nil {
			r.add(open[e].place, "fill in one of them: a row for each interface or service, with its ports",
				"%d ports answer, %s among them, and neither %s nor %s has a row", len(open), e, tableInterfaces, tableServices)
		}
		return
	}
	for _, e := range slices.SortedFunc(maps.Keys(open), before) {
		r.observed(e, open[e], rows)
	}
	if !scanned {
		return // nobody looked
	}
	for i := range rows {
		r.neverSeen(&rows[i], open, unsure)
	}
}

// observed holds an open port against the rows.
func (r *reconciler) observed(e endpoint, o *seen, rows []declared) {
	what := e.String()
	if o.name != "" {
		what += " (" + o.name + ")"
	}
	where := o.addresses[0]
	if n := len(o.addresses) - 1; n > 0 {
		where += fmt.Sprintf(" and %d more", n)
	}
	where += " in " + strings.Join(o.imports, ", ")
	var off *declared
	known := false
	for i := range rows {
		d := &rows[i]
		if !d.has(e) {
			continue
		}
		known = true
		if d.on && d.network {
			return
		}
		if off == nil {
			off = d
		}
	}
	switch {
	case !known:
		r.add(o.place, "declare it, with the reason why it is on, or turn it off and scan again (EN 303 645, 5.6-1)",
			"%s answers at %s, and no row of %s or %s declares it", what, where, tableInterfaces, tableServices)
	case !off.on:
		r.add(o.place, "turn it off and scan again, or correct the row (EN 303 645, 5.6-1)",
			"%s answers at %s, and row %s of %s says that it is off", what, where, off.id, off.table)
	default:
		r.add(o.place, "correct the row, or close the port and scan again",
			"%s answers at %s, and row %s of %s says that it is not reached over a network", what, where, off.id, off.table)
	}
}

// neverSeen holds a row against scans, where there are any.
func (r *reconciler) neverSeen(d *declared, open map[endpoint]*seen, unsure map[endpoint]bool) {
	if !d.on || !d.network || !d.listens || len(d.ranges) == 0 {
		return
	}
	for e := range open {
		if d.has(e) {
			return
		}
	}
	for e := range unsure {
		if d.has(e) {
			return
		}
	}
	tried := r.tried(d)
	ports := make([]string, len(d.ranges))
	for i, p := range d.ranges {
		ports[i] = strconv.FormatInt(p.From, 10)
		if p.To != p.From {
			ports[i] += "-" + strconv.FormatInt(p.To, 10)
		}
		if p.Transport != "" {
			ports[i] += "/" + p.Transport
		}
	}
	what := fmt.Sprintf("row %s of %s says that %s is on", d.id, d.table, strings.Join(ports, ", "))
	if len(tried) > 0 {
		r.add(d.place, "correct the row, or scan the device in the state in which it is on", "%s, and nothing answered there in %s", what, strings.Join(tried, ", "))
	} else {
		r.add(d.place, "scan those ports, too", "%s, and no scan tried it", what)
	}
}

// tried are the imports whose scans covered the first port of a range of a row.
func (r *reconciler) tried(d *declared) (names []string) {
	for i := range r.ev.Imports {
		m := &r.ev.Imports[i]
		for j := range m.Scanned {
			s := &m.Scanned[j]
			for _, p := range d.ranges {
				if p.Transport != "" && p.Transport != s.Transport {
					continue
				}
				if ok, err := s.Has(p.From); err == nil && ok && !slices.Contains(names, m.Name) {
					names = append(names, m.Name)
				}
			}
		}
	}
	return names
}

// images finds imports that are about another product's firmware.
func (r *reconciler) images() {
	for i := range r.ev.Imports {
		m := &r.ev.Imports[i]
		if m.Firmware == (Hash{}) || len(r.ev.Firmware) == 0 {
			continue
		}
		if !slices.ContainsFunc(r.ev.Firmware, func(f Firmware) bool { return f.SHA256 == m.Firmware }) {
			about := m.Firmware.String()
			if m.Target != "" {
				about = m.Target + ", " + about
			}
			r.add(Pointer("imports", i, "firmware"), "remove the import, or add the image to the product's firmware",
				"%s is about an image (%s) that is none of the product's", m.Name, about)
		}
	}
}

// isBill reports whether an import lists the parts of the software.
func isBill(m *Import) bool { return len(m.Components) > 0 }

// components holds bills of materials against the table of software components.
// A row stands for a part that is delivered on its own and a bill lists every
// library, so the many parts without a row are one finding, not one each.
func (r *reconciler) components() {
	rows := r.ev.IXIT[tableComponents]
	if len(rows) == 0 || !slices.ContainsFunc(r.ev.Imports, func(m Import) bool { return isBill(&m) }) {
		return
	}
	texts := make([]string, len(rows))
	having := map[string][]int{} // rows by each of their words
	for i, row := range rows {
		texts[i] = words(row.ID() + " " + row["description"].String())
		for w := range strings.FieldsSeq(texts[i]) {
			if n := having[w]; len(n) == 0 || n[len(n)-1] != i {
				having[w] = append(n, i)
			}
		}
	}
	named := make([]bool, len(rows))
	for i := range r.ev.Imports {
		m := &r.ev.Imports[i]
		if !isBill(m) {
			continue
		}
		var without []string
		for j := range m.Components {
			c := &m.Components[j]
			found := false
			for _, k := range naming(texts, having, c.Name) {
				found, named[k] = true, true
				if v := versionAfter(texts[k], c.Name); v != "" && c.Version != "" && !sameVersion(v, c.Version) {
					r.add(Pointer("ixit", tableComponents, k, "description"), "correct the row, or make the bill anew",
						"the row says version %s of %s, and %s says %s", v, c.Name, m.Name, c.Version)
				}
			}
			if !found {
				without = append(without, strings.TrimSpace(c.Name+" "+c.Version))
			}
		}
		if len(without) > 0 {
			r.gap(Pointer("imports", i, "components"), "add rows for those that are made, delivered or updated on their own",
				"%d of %d components of %s are named in no row of %s: %s", len(without), len(m.Components), m.Name, tableComponents, few(without))
		}
	}
	for k := range rows {
		if !named[k] {
			id := cmp.Or(rows[k].ID(), strconv.Itoa(k+1))
			r.gap(Pointer("ixit", tableComponents, k), "name it in the row as the bill does, or have the bill list it",
				"no bill of materials lists what row %s of %s names", id, tableComponents)
		}
	}
}

// bills holds bills of materials of the same image against each other.
func (r *reconciler) bills() {
	type parts struct {
		at       int // in Imports
		versions map[string][]string
		names    map[string]string
	}
	var all []parts
	for i := range r.ev.Imports {
		m := &r.ev.Imports[i]
		if !isBill(m) {
			continue
		}
		p := parts{i, map[string][]string{}, map[string]string{}}
		for j := range m.Components {
			c := &m.Components[j]
			k := key(c)
			p.names[k] = c.Name
			if c.Version != "" {
				p.versions[k] = append(p.versions[k], c.Version)
			}
		}
		all = append(all, p)
	}
	for i := range all {
		for j := range all[:i] {
			a, b := &all[j], &all[i]
			ma, mb := &r.ev.Imports[a.at], &r.ev.Imports[b.at]
			if ma.Firmware != (Hash{}) && mb.Firmware != (Hash{}) && ma.Firmware != mb.Firmware {
				continue // about two images
			}
			var differ, only []string
			for _, k := range slices.Sorted(maps.Keys(b.names)) {
				va, vb := a.versions[k], b.versions[k]
				if _, both := a.names[k]; !both {
					only = append(only, b.names[k])
				} else if len(va) > 0 && len(vb) > 0 && !slices.ContainsFunc(va, func(x string) bool {
					return slices.ContainsFunc(vb, func(y string) bool { return sameVersion(x, y) })
				}) {
					differ = append(differ, fmt.Sprintf("%s (%s, %s)", b.names[k], va[0], vb[0]))
				}
			}
			if len(differ) > 0 {
				r.add(Pointer("imports", b.at, "components"), "find out which is right, and make the other anew",
					"%s and %s give other versions of %d components: %s", ma.Name, mb.Name, len(differ), few(differ))
			}
			if ma.Firmware == (Hash{}) || mb.Firmware == (Hash{}) {
				continue // perhaps about two images
			}
			if len(only) > 0 {
				r.gap(Pointer("imports", b.at, "components"), "find out which is right: one tool missed them, or one bill is old",
					"%d components of %s are not in %s, which is about the same image: %s", len(only), mb.Name, ma.Name, few(only))
			}
			var other []string
			for _, k := range slices.Sorted(maps.Keys(a.names)) {
				if _, both := b.names[k]; !both {
					other = append(other, a.names[k])
				}
			}
			if len(other) > 0 {
				r.gap(Pointer("imports", a.at, "components"), "find out which is right: one tool missed them, or one bill is old",
					"%d components of %s are not in %s, which is about the same image: %s", len(other), ma.Name, mb.Name, few(other))
			}
		}
	}
}

// vulnerabilities finds one that affects the product in one file and not in
// another.
func (r *reconciler) vulnerabilities() {
	type said struct{ state, name string }
	first := map[[2]string]said{}
	for i := range r.ev.Imports {
		m := &r.ev.Imports[i]
		for j := range m.Issues {
			x := &m.Issues[j]
			if x.State == "" || x.State == "under_investigation" {
				continue
			}
			k := [2]string{x.ID, x.Where}
			if f, ok := first[k]; !ok {
				first[k] = said{x.State, m.Name}
			} else if (f.state == "affected") != (x.State == "affected") {
				r.add(Pointer("imports", i, "issues", j, "state"), "find out which is right, and correct the other",
					"%s is %s in %s and %s in %s", strings.TrimSpace(x.ID+" "+x.Where), x.State, m.Name, f.state, f.name)
			}
		}
	}
}

// key is what makes two components the same but for their version: the package
// URL without it (purl-spec: TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH),
// else the name.
func key(c *Component) string {
	if p, ok := strings.CutPrefix(c.PURL, "pkg:"); ok {
		p, _, _ = strings.Cut(p, "#")
		p, _, _ = strings.Cut(p, "?")
		if i := strings.LastIndexByte(p, '@'); i > 0 {
			p = p[:i]
		}
		return strings.ToLower(p)
	}
	return strings.ToLower(c.Name)
}

var noWord = regexp.MustCompile(`[^\p{L}\p{N}+#.]+`)

// words is a text as lower-case words between blanks.
func words(s string) string {
	var b strings.Builder
	b.WriteByte(' ')
	for w := range strings.FieldsSeq(noWord.ReplaceAllString(strings.ToLower(s), " ")) {
		if w = strings.Trim(w, "."); w != "" { // the end of a sentence
			b.WriteString(w)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// naming are the rows whose text has a component's name, or the last part of
// it, as whole words.
func naming(texts []string, having map[string][]int, name string) (rows []int) {
	for _, n := range []string{name, name[strings.LastIndexByte(name, '/')+1:]} {
		w := strings.Fields(words(n))
		if len(w) == 0 {
			continue
		}
		whole := " " + strings.Join(w, " ") + " "
		for _, i := range having[w[0]] {
			if strings.Contains(texts[i], whole) && !slices.Contains(rows, i) {
				rows = append(rows, i)
			}
		}
	}
	return rows
}

var version = regexp.MustCompile(`^v?\d+(?:\.\d+)+[0-9a-z.+]*$`)

// versionAfter is the version that follows a component's name in a text of
// [words], "" where none does: what stands elsewhere may be another's.
func versionAfter(text, name string) string {
	w := words(name[strings.LastIndexByte(name, '/')+1:])
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, w)
		if !ok || w == " " {
			return ""
		}
		next := strings.Fields(strings.TrimPrefix(after, "version "))
		if len(next) > 0 && version.MatchString(next[0]) {
			return next[0]
		}
		rest = " " + after
	}
}

// sameVersion reports whether two versions are the same but for a v before, or
// what a distribution adds behind a hyphen, a plus or a tilde.
func sameVersion(a, b string) bool {
	base := func(s string) string {
		s = strings.TrimLeft(strings.ToLower(s), "v")
		if i := strings.IndexAny(s, "-+~"); i > 0 {
			s = s[:i]
		}
		return s
	}
	return base(a) == base(b)
}

const fewShown = 8

// few is the beginning of a list.
func few(all []string) string {
	if len(all) > fewShown {
		return strings.Join(all[:fewShown], ", ") + ", …"
	}
	return strings.Join(all, ", ")
}
