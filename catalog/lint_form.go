package catalog

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"assay/scheme"
)

// Languages in which every text shown to people is written.
var Languages = []string{"en", "ko", "de", "fi"}

// node is a value in the catalog with the way to it.
type node struct {
	path     string
	v        reflect.Value
	optional bool // may be left out
}

// walk calls visit for every struct, slice, text and string below the parts
// of the catalog. Elements of lists are named by id where they have one.
func (l *linter) walk(visit func(node)) {
	for i := range l.c.Categories {
		descend(node{path: "categories.yaml: " + l.c.Categories[i].ID, v: reflect.ValueOf(l.c.Categories[i])}, visit)
	}
	for i := range l.c.Standards {
		descend(node{path: "standards/" + l.c.Standards[i].ID + ".yaml: ", v: reflect.ValueOf(l.c.Standards[i])}, visit)
	}
	for i := range l.c.Tests {
		descend(node{path: "tests/" + l.c.Tests[i].Name() + ".yaml: ", v: reflect.ValueOf(l.c.Tests[i])}, visit)
	}
	for i := range l.c.Mappings {
		descend(node{path: "mappings/" + l.c.Mappings[i].ID + ".yaml: ", v: reflect.ValueOf(l.c.Mappings[i])}, visit)
	}
	for i := range l.c.Laboratories {
		descend(node{path: "laboratories/" + l.c.Laboratories[i].ID + ".yaml: ", v: reflect.ValueOf(l.c.Laboratories[i])}, visit)
	}
	for i := range l.c.Schemes {
		descend(node{path: schemePath(&l.c.Schemes[i]) + ": ", v: reflect.ValueOf(l.c.Schemes[i])}, visit)
	}
	for i := range l.c.Arrangements {
		descend(node{path: "arrangements/" + l.c.Arrangements[i].ID + ".yaml: ", v: reflect.ValueOf(l.c.Arrangements[i])}, visit)
	}
	for i := range l.c.Markets {
		descend(node{path: "markets/" + l.c.Markets[i].ID + ".yaml: ", v: reflect.ValueOf(l.c.Markets[i])}, visit)
	}
}

func descend(n node, visit func(node)) {
	switch n.v.Kind() {
	case reflect.Pointer:
		if !n.v.IsNil() {
			descend(node{n.path, n.v.Elem(), false}, visit)
		}
		return
	case reflect.String, reflect.Map:
		visit(n)
		return
	case reflect.Slice:
		visit(n)
		for i := range n.v.Len() {
			e := n.v.Index(i)
			descend(node{join(n.path, nameOf(e, i)), e, false}, visit)
		}
		return
	case reflect.Struct:
	default:
		return
	}
	visit(n)
	t := n.v.Type()
	for i := range t.NumField() {
		name, opts, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		path := n.path
		if name != "" {
			path = join(path, name)
		}
		descend(node{path, n.v.Field(i), strings.Contains(opts, "omitempty")}, visit)
	}
}

func join(path, name string) string {
	if strings.HasSuffix(path, ": ") {
		return path + name
	}
	return path + "/" + name
}

func nameOf(e reflect.Value, i int) string {
	if e.Kind() == reflect.Struct {
		if id := e.FieldByName("ID"); id.IsValid() && id.Kind() == reflect.String && id.String() != "" {
			return id.String()
		}
	}
	return fmt.Sprint(i)
}

// of reports the value of a node if it is a T.
func of[T any](n node) (T, bool) {
	var zero T
	if n.v.Type() != reflect.TypeFor[T]() {
		return zero, false
	}
	return n.v.Interface().(T), true
}

var (
	idPattern          = regexp.MustCompile(`^[a-z0-9][a-z0-9./-]{0,79}$`)
	requirementPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,79}$`)
	areaPattern        = regexp.MustCompile(`^[a-z0-9][a-z0-9 .-]{0,79}$`) // where a standard has no number for it, its name
)

func (l *linter) idForm() {
	l.walk(func(n node) {
		if n.v.Kind() != reflect.Struct {
			return
		}
		id := n.v.FieldByName("ID")
		if !id.IsValid() {
			return
		}
		if same, is := of[scheme.SameInSpec](n); is && same.ID == "" {
			return // the id of what stands here
		}
		pattern := idPattern
		if _, is := of[scheme.Requirement](n); is {
			pattern = requirementPattern
		}
		if _, is := of[scheme.Area](n); is {
			pattern = areaPattern
		}
		if !pattern.MatchString(id.String()) {
			l.add(n.path, fmt.Sprintf("%q is no id", clip(id.String())))
		}
	})
	l.eachClause(func(a *scheme.Arrangement, c *scheme.Clause) {
		if !strings.HasPrefix(c.ID, a.ID+"/") {
			l.add(clausePath(a, c), fmt.Sprintf("the clause is not named after %s", a.ID))
		}
	})
	for _, m := range l.c.Markets {
		for _, r := range m.Rules {
			if !strings.HasPrefix(r.ID, m.ID+"/") {
				l.add("markets/"+m.ID+".yaml: rules/"+r.ID, fmt.Sprintf("the rule is not named after %s", m.ID))
			}
		}
	}
}

func (l *linter) duplicateID() {
	twice := func(path string, list reflect.Value) {
		seen := map[string]bool{}
		for i := range list.Len() {
			e := list.Index(i)
			if e.Kind() != reflect.Struct || !e.FieldByName("ID").IsValid() {
				return
			}
			id := e.FieldByName("ID").String()
			if seen[id] {
				l.add(join(path, id), fmt.Sprintf("the id %q stands here twice", id))
			}
			seen[id] = true
		}
	}
	twice("categories.yaml: ", reflect.ValueOf(l.c.Categories))
	twice("standards", reflect.ValueOf(l.c.Standards))
	twice("mappings", reflect.ValueOf(l.c.Mappings))
	twice("laboratories", reflect.ValueOf(l.c.Laboratories))
	specs := map[string]bool{} // a specification has one entry for each edition
	for i := range l.c.Tests {
		name := l.c.Tests[i].Name()
		if specs[name] {
			l.add("tests/"+name, fmt.Sprintf("%s stands here twice", name))
		}
		specs[name] = true
	}
	twice("schemes", reflect.ValueOf(l.c.Schemes))
	twice("arrangements", reflect.ValueOf(l.c.Arrangements))
	twice("markets", reflect.ValueOf(l.c.Markets))
	l.walk(func(n node) {
		if n.v.Kind() == reflect.Slice {
			twice(n.path, n.v)
		}
	})
}

func values[T ~string](vs ...T) (reflect.Type, []string) {
	ss := make([]string, len(vs))
	for i, v := range vs {
		ss[i] = string(v)
	}
	return reflect.TypeFor[T](), ss
}

// allowed has the values of every type that is a closed list.
var allowed = func() map[reflect.Type][]string {
	m := map[reflect.Type][]string{}
	put := func(t reflect.Type, vs []string) { m[t] = vs }
	put(values(scheme.Mandatory, scheme.Recommended))
	put(values(scheme.Declaration, scheme.ThirdParty))
	put(values(scheme.Open, scheme.Closed))
	put(values(scheme.Declared, scheme.Document, scheme.Test))
	put(values(scheme.Maker, scheme.Laboratory))
	put(values(scheme.YearsFromStart, scheme.SupportEnd, scheme.SourceExpiry, scheme.OnDate))
	put(values(scheme.FirmwareListed, scheme.FirmwareOpenSecurity))
	put(values(scheme.Registered, scheme.DeclaredBy, scheme.Private))
	put(values(scheme.Deemed, scheme.Equivalent, scheme.Simplified, scheme.DeltaMode))
	put(values(scheme.SourceGrant, scheme.SourceEffect, scheme.RequestHere, scheme.Designation))
	put(values(scheme.BackfillNone, scheme.OnRequest, scheme.BackfillAll))
	put(values(scheme.EditionAtGrant, scheme.EditionNow))
	put(values(scheme.Granted, scheme.GrantedOrRecognized))
	put(values(scheme.AdministrativeAct, scheme.Listing, scheme.DutyMetByLaw))
	put(values(scheme.NeedApplication, scheme.NeedFee, scheme.NeedDeclaration, scheme.NeedHearing))
	put(values(scheme.FromSourceGrant, scheme.FromDesignation))
	put(values(scheme.Suspended, scheme.Reinstated, scheme.Revoked, scheme.Annulled, scheme.Surrendered, scheme.Expired,
		scheme.Extended, scheme.Renewed, scheme.Superseded, scheme.LevelUp, scheme.LevelDown, scheme.ScopeGrown, scheme.ScopeCut,
		scheme.Corrected, scheme.Transferred, scheme.SchemeClosed, scheme.ArrangementEnded, scheme.KeyCompromised, scheme.Silence,
		scheme.Lapsed, scheme.Held, scheme.Released))
	put(values(scheme.Notice, scheme.Hold, scheme.Suspend, scheme.Lapse, scheme.Follow, scheme.KeepUntilExpiry, scheme.EndOnDate))
	put(values(scheme.FieldText, scheme.FieldChoice, scheme.FieldYesNo, scheme.FieldRows, scheme.FieldDate))
	put(values(scheme.Conceptual, scheme.Functional))
	put(values(scheme.Automatic, scheme.Assisted, scheme.Manual))
	put(values(scheme.Equal, scheme.Superset, scheme.Subset, scheme.Intersects))
	return m
}()

func (l *linter) unknownValue() {
	l.walk(func(n node) {
		vs, closed := allowed[n.v.Type()]
		if !closed || (n.optional && n.v.String() == "") {
			return
		}
		if !slices.Contains(vs, n.v.String()) {
			l.add(n.path, fmt.Sprintf("%q is none of %s", clip(n.v.String()), strings.Join(vs, ", ")))
		}
	})
}

func (l *linter) factWithoutSource() {
	l.walk(func(n node) {
		if f, is := of[scheme.Fact](n); is && f.Source == "" {
			l.add(n.path, "the fact has no source")
		}
	})
}

func (l *linter) danglingSource() {
	l.walk(func(n node) {
		if f, is := of[scheme.Fact](n); is && f.Source != "" {
			l.source(n.path, f.Source)
		}
		if a, is := of[scheme.Arrangement](n); is {
			for _, d := range a.Documents {
				l.source(n.path+"documents", d)
			}
		}
	})
}

func (l *linter) source(path, key string) {
	if _, known := l.c.Sources[key]; !known {
		l.add(path, fmt.Sprintf("there is no source %q", clip(key)))
	}
}

func (l *linter) unusedSource() {
	used := map[string]bool{}
	l.walk(func(n node) {
		if f, is := of[scheme.Fact](n); is {
			used[f.Source] = true
		}
		if a, is := of[scheme.Arrangement](n); is {
			for _, d := range a.Documents {
				used[d] = true
			}
		}
	})
	for key := range l.c.Sources {
		if !used[key] {
			l.add("sources.yaml: "+key, "nothing points at this source")
		}
	}
}

func (l *linter) missingLanguage() {
	l.walk(func(n node) {
		t, is := of[scheme.Text](n)
		if !is || (n.optional && len(t) == 0) {
			return
		}
		for _, lang := range Languages {
			if strings.TrimSpace(t[lang]) == "" {
				l.add(n.path, fmt.Sprintf("the text is missing in %q", lang))
			}
		}
	})
}

func (l *linter) conditionForm() {
	l.walk(func(n node) {
		c, is := of[scheme.Condition](n)
		if !is {
			return
		}
		set := 0
		for _, b := range []bool{c.All != nil, c.Any != nil, c.Not != nil, c.Feature != ""} {
			if b {
				set++
			}
		}
		if set != 1 {
			l.add(n.path, fmt.Sprintf("the condition sets %d fields", set))
		}
	})
}
