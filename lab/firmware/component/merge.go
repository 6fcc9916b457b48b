package component

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"assay/lab"
	"assay/lab/firmware/inspect"
)

// item is a component that is being put together.
type item struct {
	c       lab.Component
	family  *Family // nil where no rule knows it
	entry   *Entry
	systems map[string]bool // it is there as a package
	coarse  bool            // only the front of the version is known
	sums    map[string][32]byte
	files   map[string][32]byte // its own files with their sums
}

// Bounds of what a component shows.
const (
	maxSeen     = 24
	maxVermagic = 3 // modules that are shown as reasons for one kernel
)

// merger puts sightings together.
type merger struct {
	i     *Inspector
	items []*item
	// packages by system and name, items by family and version.
	packages map[where]*item
	byKey    map[key][]*item
}

type key struct{ family, version string }

func (i *Inspector) merge(systems []*inspect.System) {
	m := &merger{i: i, packages: map[where]*item{}, byKey: map[key][]*item{}}
	for _, s := range systems {
		m.release(s)
	}
	m.databases(systems)
	m.manifests()
	m.readings()
	m.kernels()
	m.disagree()
	m.finish()
}

func (m *merger) item(id string, f *Family, version string) *item {
	x := &item{
		c: lab.Component{Family: id, Version: version}, family: f,
		systems: map[string]bool{}, sums: map[string][32]byte{}, files: map[string][32]byte{},
	}
	if f != nil {
		x.c.Kind = f.Kind
	}
	m.items = append(m.items, x)
	k := key{id, version}
	m.byKey[k] = append(m.byKey[k], x)
	return x
}

// see adds an observation once.
func (x *item) see(o lab.Observation, sum [32]byte) {
	if sum != ([32]byte{}) {
		x.sums[o.Where.Part+"\x00"+o.Where.Path] = sum
	}
	if !slices.Contains(x.c.Seen, o) {
		x.c.Seen = append(x.c.Seen, o)
	}
}

// databases makes the components of package databases.
func (m *merger) databases(systems []*inspect.System) {
	distributions := map[string]distribution{}
	for _, s := range systems {
		distributions[s.Part] = distributionOf(s)
	}
	type same struct{ database, name, version, architecture string }
	made := map[same]*item{}
	keys := slices.Collect(maps.Keys(m.i.databases))
	slices.SortFunc(keys, func(a, b where) int { return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.path, b.path)) })
	for _, at := range keys {
		for _, f := range m.i.databases[at].entries() {
			e := f.entry
			k := same{e.Database, e.Name, e.Version, e.Architecture}
			x := made[k]
			if x == nil {
				x = m.pkg(e, at.part, distributions[at.part])
				made[k] = x
			}
			x.systems[at.part] = true
			m.packages[where{at.part, e.Name}] = x
			x.see(lab.Observation{
				Rule: e.Database, Version: 1, Kind: "database", Text: short(strings.TrimSpace(e.Name+" "+e.Version), 200), Claims: x.c.Version,
				Where: lab.Place{Part: at.part, Path: f.file, Line: e.Line},
			}, [32]byte{})
		}
	}
}

// libraries that all programs need: their packages have names that do not say which one it is.
var libcPackages = []string{"libc", "libpthread", "librt", "ldconfig", "ldd"}

func (m *merger) pkg(e Entry, part string, d distribution) *item {
	upstream, revision := Split(e.Database, e.Version)
	f := m.i.set.byPackage(e.Name, e.Source)
	if f == nil && e.Database == "opkg" && slices.Contains(libcPackages, e.Name) {
		f = m.i.set.byID[most(m.i.libc[part])]
	}
	id := strings.ToLower(e.Name)
	kind := "package"
	switch {
	case f != nil && f.Kind == "kernel":
		kind, id = "kernel", f.ID
		if v := kernelVersion(upstream); v != "" {
			revision = strings.Trim(strings.TrimPrefix(upstream, v)+"-"+revision, "-")
			upstream = v
		}
	case f != nil:
		id = f.ID
	case strings.HasPrefix(e.Name, "kmod-") && e.Database != "dpkg":
		kind = "module"
		if k := kernelOf.FindStringSubmatch(upstream); k != nil { // 4.4.92+2017-01-31: the kernel it is for, and its own
			upstream, revision = k[2], strings.Trim(k[1]+"-"+revision, "-")
		}
	}
	x := m.item(id, f, upstream)
	x.entry = &e
	x.c.Name, x.c.Revision, x.c.Kind = e.Name, revision, kind
	x.c.License, x.c.Supplier, x.c.Source = e.License, e.Maintainer, e.Source
	x.c.PURL = e.purl(d)
	return x
}

// most is the key with the highest count, the first of equal ones.
func most(counts map[string]int) string {
	best := ""
	for _, k := range sortedKeys(counts) {
		if best == "" || counts[k] > counts[best] {
			best = k
		}
	}
	return best
}

func (m *merger) manifests() {
	made := map[string]*item{}
	for _, l := range m.i.loose {
		purl := l.purl()
		x := made[purl]
		if x == nil {
			x = m.item(l.system+"/"+l.name, nil, strings.TrimPrefix(l.version, "v"))
			x.c.Name, x.c.Kind, x.c.PURL, x.c.License, x.c.Supplier = l.name, "package", purl, l.license, l.supplier
			if l.system == "golang" || l.system == "cargo" {
				x.c.Kind = "library"
			}
			made[purl] = x
		}
		x.see(lab.Observation{Rule: l.rule, Version: 1, Kind: l.kind, Text: short(l.text, 200), Claims: x.c.Version, Where: l.place}, [32]byte{})
	}
}

// begins reports whether a version begins with another: 2.8.124 with 2.8, 0.15.1b with 0.15.1.
func begins(version, front string) bool {
	rest, ok := strings.CutPrefix(version, front)
	return ok && (rest == "" || rest[0] < '0' || rest[0] > '9')
}

// readings gives each sighting its component: that of the package that owns the
// file if it agrees, a package of the same system that agrees, any that agrees, or a
// new one.
func (m *merger) readings() {
	slices.SortStableFunc(m.i.sightings, func(a, b sighting) int {
		return cmp.Or(cmp.Compare(boolean(a.seen.Claims == ""), boolean(b.seen.Claims == "")), cmp.Compare(boolean(a.coarse), boolean(b.coarse)), cmp.Compare(a.id, b.id), lab.ComparePlaces(a.seen.Where, b.seen.Where), cmp.Compare(a.seen.Rule, b.seen.Rule))
	})
	for _, s := range m.i.sightings {
		x := m.find(s)
		if x == nil {
			x = m.item(s.id, s.family, s.seen.Claims)
			x.coarse = s.coarse
		}
		x.see(s.seen, s.sum)
		if s.own {
			x.files[s.seen.Where.Part+"\x00"+s.seen.Where.Path] = s.sum
		}
		m.give(x, where{s.seen.Where.Part, s.seen.Where.Path})
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (m *merger) find(s sighting) *item {
	var candidates []*item
	if s.seen.Claims == "" { // any version that is known in the same system, then the one without
		for _, x := range m.items {
			if x.c.Family == s.id && (x.systems[s.system] || x.inPart(s.seen.Where.Part)) {
				return x
			}
		}
		candidates = m.byKey[key{s.id, ""}]
	} else {
		candidates = m.byKey[key{s.id, s.seen.Claims}]
		if s.coarse && len(candidates) == 0 {
			for _, x := range m.items {
				if x.c.Family == s.id && begins(x.c.Version, s.seen.Claims) && (x.systems[s.system] || x.inPart(s.seen.Where.Part)) {
					candidates = append(candidates, x)
				}
			}
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	if owner := m.i.owned[where{s.system, s.seen.Where.Path}]; owner != "" {
		if x := m.packages[where{s.system, owner}]; x != nil && slices.Contains(candidates, x) {
			return x
		}
	}
	best := slices.MinFunc(candidates, func(a, b *item) int {
		return cmp.Or(
			cmp.Compare(boolean(b.systems[s.system]), boolean(a.systems[s.system])),
			cmp.Compare(boolean(b.c.Name == s.id), boolean(a.c.Name == s.id)),
			cmp.Compare(boolean(a.entry == nil), boolean(b.entry == nil)),
			cmp.Compare(a.c.Name, b.c.Name),
		)
	})
	return best
}

func (x *item) inPart(part string) bool {
	return slices.ContainsFunc(x.c.Seen, func(o lab.Observation) bool { return o.Where.Part == part })
}

// give adds what a file has built in to its component.
func (m *merger) give(x *item, at where) {
	p := m.i.parts[at]
	if p == nil || x.family == nil {
		return
	}
	name := path.Base(at.path)
	if p.Applets != nil && x.c.Family == "busybox" {
		x.parts().Applets = sortedSet(append(x.parts().Applets, p.Applets...))
	}
	if p.Symbols != nil && named(x.family.Own, name) {
		all := sortedSet(append(x.parts().Symbols, p.Symbols...))
		x.parts().Symbols = all[:min(len(all), maxSymbols)]
	}
}

func (x *item) parts() *lab.Parts {
	if x.c.Parts == nil {
		x.c.Parts = &lab.Parts{}
	}
	return x.c.Parts
}

// kernels gives modules and configurations to the kernel that they are for.
func (m *merger) kernels() {
	slices.SortStableFunc(m.i.modules, func(a, b module) int { return lab.ComparePlaces(a.place, b.place) })
	names := map[*item][]string{}
	shown := map[*item]int{}
	intree := map[string]bool{}
	for _, k := range m.i.modules {
		if k.info.Intree {
			intree[k.place.Part] = true
		}
	}
	for _, k := range m.i.modules {
		x := m.kernel(k.release)
		if x != nil {
			names[x] = append(names[x], k.name)
			m.seeModule(x, k, shown)
		}
		m.foreign(k, intree[k.place.Part])
	}
	for x, list := range names {
		x.parts().Modules = sortedSet(list)
	}
	for _, c := range m.i.configs {
		if x := m.kernel(c.release); x != nil {
			if x.parts().Options == nil {
				x.parts().Options = c.options
			}
			x.see(lab.Observation{Rule: "linux-config", Version: 1, Kind: "string", Text: c.text, Claims: kernelVersion(c.release), Where: c.place}, [32]byte{})
		}
	}
}

// seeModule lets a module speak for its kernel, and the folder that it is in.
func (m *merger) seeModule(x *item, k module, shown map[*item]int) {
	if k.info.Vermagic != "" {
		if shown[x]++; shown[x] <= maxVermagic {
			x.see(lab.Observation{
				Rule: "linux-vermagic", Version: 1, Kind: "symbol", Text: short(k.info.Vermagic, 200), Claims: kernelVersion(k.info.Kernel), Where: k.place,
			}, k.sum)
		}
	}
	if k.folder != "" {
		at, _, _ := strings.Cut(k.place.Path, "/lib/modules/")
		x.see(lab.Observation{
			Rule: "linux-modules", Version: 1, Kind: "filename", Text: short(k.folder, 200), Claims: kernelVersion(k.folder),
			Where: lab.Place{Part: k.place.Part, Path: at + "/lib/modules/" + k.folder},
		}, [32]byte{})
	}
}

// kernel is the kernel of a release: the one of that version, else the only one.
func (m *merger) kernel(release string) *item {
	v := kernelVersion(release)
	if v != "" {
		if all := m.byKey[key{"linux", v}]; len(all) > 0 {
			return all[0]
		}
		return m.item("linux", m.i.set.byID["linux"], v)
	}
	var only *item
	for _, x := range m.items {
		if x.c.Family == "linux" && x.c.Kind == "kernel" {
			if only != nil {
				return nil
			}
			only = x
		}
	}
	if only == nil && release != "" {
		only = m.item("linux", m.i.set.byID["linux"], "")
	}
	return only
}

// foreign makes a component of a module that did not come with the kernel and has a
// version of its own. Modules say where they come from since Linux 3.3; a system
// in which none does says nothing of it, but for the folders of additions.
func (m *merger) foreign(k module, says bool) {
	outside := says && !k.info.Intree || strings.Contains(k.place.Path, "/extra/") || strings.Contains(k.place.Path, "/updates/")
	v := short(k.info.Version, 60)
	if !outside || v == "" || !anyVersion.MatchString(v) {
		return
	}
	id := strings.ToLower(k.name)
	var x *item
	if all := m.byKey[key{id, v}]; len(all) > 0 {
		x = all[0]
	} else {
		x = m.item(id, nil, v)
		x.c.Name, x.c.Kind, x.c.License = k.name, "module", short(k.info.License, 100)
	}
	x.see(lab.Observation{Rule: "linux-module-version", Version: 1, Kind: "string", Text: short("version="+v, 200), Claims: v, Where: k.place}, k.sum)
	x.files[k.place.Part+"\x00"+k.place.Path] = k.sum
}

// numbered is a version that compares with another: numbers with points, not a day or
// a commit.
var numbered = regexp.MustCompile(`^[0-9]+(\.[0-9]+)+[a-z]?[0-9]*([._-]?(p|rc|beta|alpha|test|b)[0-9]*)?$`)

// disagree finds files of which two versions of one family are said.
func (m *merger) disagree() {
	type about struct {
		at     where
		family string
	}
	said := map[about]map[string]lab.Observation{}
	for _, s := range m.i.sightings {
		if s.coarse || s.seen.Claims == "" || s.seen.Where.Path == "" || !numbered.MatchString(s.seen.Claims) {
			continue
		}
		at := where{s.seen.Where.Part, s.seen.Where.Path}
		k := about{at, s.id}
		if said[k] == nil {
			said[k] = map[string]lab.Observation{}
		}
		if _, ok := said[k][s.seen.Claims]; !ok {
			said[k][s.seen.Claims] = s.seen
		}
		if x := m.packages[where{s.system, m.i.owned[at]}]; x != nil && s.own && x.c.Family == s.id && numbered.MatchString(x.c.Version) {
			if _, ok := said[k][x.c.Version]; !ok {
				said[k][x.c.Version] = x.c.Seen[0]
			}
		}
	}
	keys := slices.Collect(maps.Keys(said))
	slices.SortFunc(keys, func(a, b about) int {
		return cmp.Or(cmp.Compare(a.family, b.family), cmp.Compare(a.at.part, b.at.part), cmp.Compare(a.at.path, b.at.path))
	})
	for _, k := range keys {
		if len(said[k]) < 2 {
			continue
		}
		versions := sortedKeys(said[k])
		f := lab.Found("component.disagree", lab.Confirmed, said[k][versions[0]].Where, "component", k.family, "versions", strings.Join(versions, ", "))
		for _, v := range versions[1:] {
			f.Where = append(f.Where, said[k][v].Where)
		}
		m.i.findings = append(m.i.findings, f)
	}
}

// finish gives items their names, certainty and order.
func (m *merger) finish() {
	for _, x := range m.items {
		if x.c.Version == "" && x.entry == nil && m.versioned(x) {
			continue
		}
		m.name(x)
		x.c.Certainty = lab.Claimed
		if x.confirmed() {
			x.c.Certainty = lab.Confirmed
		}
		x.c.CPE = cpe(x.family, x.c.Version)
		x.c.SHA256 = x.sum()
		x.c.Seen = bound(x.c.Seen)
		m.i.components = append(m.i.components, x.c)
	}
	slices.SortStableFunc(m.i.components, func(a, b lab.Component) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Revision, b.Revision), lab.ComparePlaces(a.Seen[0].Where, b.Seen[0].Where))
	})
	if m.i.left > 0 {
		m.i.findings = append(m.i.findings, lab.Found("component.too-many", lab.Confirmed, lab.Place{}, "count", fmt.Sprint(m.i.left)))
	}
}

// versioned reports whether the family of an item without a version is there with one.
func (m *merger) versioned(x *item) bool {
	return slices.ContainsFunc(m.items, func(y *item) bool { return y.c.Family == x.c.Family && y.c.Version != "" })
}

func (m *merger) name(x *item) {
	if x.c.Name == "" && x.family != nil {
		for _, f := range sortedKeys(x.files) {
			if _, p, _ := strings.Cut(f, "\x00"); p != "" {
				x.c.Name = short(path.Base(p), 200)
				break
			}
		}
	}
	if x.c.Name == "" {
		x.c.Name = x.c.Family
	}
}

// confirmed reports whether two observations speak for the version that do not
// depend on each other: of another kind, or in a file with other content. Names alone
// are no more than names, and package databases are one source.
func (x *item) confirmed() bool {
	source := func(o lab.Observation) string {
		switch o.Kind {
		case "database":
			return "database"
		case "filename", "symbol":
			return "name"
		}
		at := o.Where.Part + "\x00" + o.Where.Path
		if sum, ok := x.sums[at]; ok {
			at = string(sum[:])
		}
		return o.Kind + "\x00" + at
	}
	sources := map[string]bool{}
	for _, o := range x.c.Seen {
		if o.Claims == x.c.Version && x.c.Version != "" {
			sources[source(o)] = true
		}
	}
	return len(sources) > 1 && !x.coarse
}

// sum is the SHA-256 of the one file that the component is.
func (x *item) sum() string {
	sums := map[[32]byte]bool{}
	for _, s := range x.files {
		sums[s] = true
	}
	if len(sums) != 1 {
		return ""
	}
	for s := range sums {
		if s != ([32]byte{}) {
			return hex.EncodeToString(s[:])
		}
	}
	return ""
}

// bound keeps the first observations, those of different rules before more of one rule.
func bound(all []lab.Observation) []lab.Observation {
	slices.SortStableFunc(all, func(a, b lab.Observation) int {
		return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(a.Rule, b.Rule), lab.ComparePlaces(a.Where, b.Where))
	})
	if len(all) <= maxSeen {
		return all
	}
	n := map[string]int{}
	var first, rest []lab.Observation
	for _, o := range all {
		if n[o.Rule]++; n[o.Rule] <= 3 {
			first = append(first, o)
		} else {
			rest = append(rest, o)
		}
	}
	return append(first, rest...)[:maxSeen]
}

func rank(kind string) int {
	return slices.Index([]string{"database", "string", "banner", "symbol", "filename"}, kind)
}

// cpe is the CPE 2.3 name (NISTIR 7695) of a family in a version.
func cpe(f *Family, version string) string {
	if f == nil || len(f.CPE) == 0 {
		return ""
	}
	part, name := "a", f.CPE[0]
	if rest, ok := strings.CutPrefix(name, "o:"); ok {
		part, name = "o", rest
	}
	v := "*"
	if version != "" {
		v = cpeEscape(strings.ToLower(version))
	}
	return "cpe:2.3:" + part + ":" + name + ":" + v + ":*:*:*:*:*:*:*"
}

func cpeEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
			b.WriteByte(c)
		case c > ' ' && c < 0x7f:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

func sortedSet(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
