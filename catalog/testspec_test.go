package catalog

import (
	"errors"
	"strings"
	"testing"

	"assay/scheme"
)

// The kinds of cases of every provision as the sources count them: c is
// conceptual, f functional. Where the two editions differ, the earlier one has
// no functional case yet, or had one more. What the sources leave open (6-3B,
// 6-6 to 6-8) is read as both.
var casesOf = []struct{ v1, v2, in1, in2 string }{
	{"4-1", "5.0-1", "c", "c"},
	{"5.1-1", "5.1-1", "cf", "cf"},
	{"5.1-2", "5.1-2", "cf", "cf"},
	{"", "5.1-2A", "", "cf"},
	{"5.1-3", "5.1-3", "cf", "cf"},
	{"5.1-4", "5.1-4", "cf", "cf"},
	{"5.1-5", "5.1-5", "cf", "cf"},
	{"5.2-1", "5.2-1", "cf", "cf"},
	{"5.2-2", "5.2-2", "c", "c"},
	{"5.2-3", "5.2-3", "c", "c"},
	{"5.3-1", "5.3-1", "cf", "cf"},
	{"5.3-2", "5.3-2", "cf", "cf"},
	{"5.3-3", "5.3-3", "c", "c"},
	{"5.3-4", "5.3-4A", "c", "cf"},
	{"", "5.3-4B", "", "cf"},
	{"5.3-5", "5.3-5", "c", "c"},
	{"5.3-6", "5.3-6A", "cf", "cf"},
	{"", "5.3-6B", "", "cf"},
	{"5.3-7", "5.3-7", "c", "c"},
	{"5.3-8", "5.3-8", "c", "c"},
	{"5.3-9", "5.3-9", "c", "cf"},
	{"5.3-10", "5.3-10", "cf", "cf"},
	{"5.3-11", "5.3-11", "c", "c"},
	{"5.3-12", "5.3-12", "c", "c"},
	{"5.3-13", "5.3-13", "cf", "cf"},
	{"5.3-14", "5.3-14", "cf", "cf"},
	{"5.3-15", "5.3-15A", "cf", "cf"},
	{"", "5.3-15B", "", "cf"},
	{"5.3-16", "5.3-16", "cf", "cf"},
	{"5.4-1", "5.4-1", "cf", "cf"},
	{"5.4-2", "5.4-2", "cf", "cf"},
	{"5.4-3", "5.4-3", "cf", "cf"},
	{"5.4-4", "5.4-4", "c", "c"},
	{"5.5-1", "5.5-1", "cf", "cf"},
	{"5.5-2", "5.5-2", "cf", "cf"},
	{"5.5-3", "5.5-3", "c", "c"},
	{"5.5-4", "5.5-4", "cf", "cf"},
	{"5.5-5", "5.5-5", "cf", "cf"},
	{"5.5-6", "5.5-6", "cf", "cf"},
	{"5.5-7", "5.5-7", "cf", "cf"},
	{"5.5-8", "5.5-8", "c", "c"},
	{"5.6-1", "5.6-1", "cf", "cf"},
	{"5.6-2", "5.6-2", "cf", "cf"},
	{"5.6-3", "5.6-3", "cf", "cf"},
	{"5.6-4", "5.6-4A", "cf", "cf"},
	{"", "5.6-4B", "", "cf"},
	{"5.6-5", "5.6-5", "cf", "c"},
	{"5.6-6", "5.6-6", "c", "c"},
	{"5.6-7", "5.6-7", "c", "c"},
	{"5.6-8", "5.6-8", "c", "c"},
	{"5.6-9", "5.6-9", "c", "c"},
	{"5.7-1", "5.7-1", "cf", "cf"},
	{"5.7-2", "5.7-2", "cf", "cf"},
	{"5.8-1", "5.8-1", "cf", "cf"},
	{"5.8-2", "5.8-2", "cf", "cf"},
	{"5.8-3", "5.8-3", "f", "f"},
	{"5.9-1", "5.9-1", "cf", "cf"},
	{"5.9-2", "5.9-2", "cf", "cf"},
	{"5.9-3", "5.9-3", "cf", "cf"},
	{"5.10-1", "5.10-1", "c", "c"},
	{"5.11-1", "5.11-1", "cf", "cf"},
	{"5.11-2", "5.11-2", "cf", "cf"},
	{"5.11-3", "5.11-3", "f", "f"},
	{"5.11-4", "5.11-4", "f", "f"},
	{"5.12-1", "5.12-1", "cf", "cf"},
	{"5.12-2", "5.12-2", "f", "f"},
	{"5.12-3", "5.12-3", "cf", "cf"},
	{"5.13-1", "5.13-1A", "cf", "cf"},
	{"", "5.13-1B", "", "cf"},
	{"6-1", "6-1", "cf", "cf"},
	{"6-2", "6-2", "cf", "cf"},
	{"6-3", "6-3A", "cf", "cf"},
	{"", "6-3B", "", "cf"},
	{"6-4", "6-4", "c", "c"},
	{"6-5", "6-5", "cf", "cf"},
	{"", "6-6", "", "cf"},
	{"", "6-7", "", "cf"},
	{"", "6-8", "", "cf"},
}

func TestTestGroups(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	v1, v2 := c.TestSpec("ts-103-701@1.1.1"), c.TestSpec("ts-103-701@2.1.1")
	for _, want := range casesOf {
		for _, x := range []struct {
			spec  *scheme.TestSpec
			id    string
			cases string
		}{{v1, want.v1, want.in1}, {v2, want.v2, want.in2}} {
			if x.id == "" {
				continue
			}
			if got := kinds(x.spec.Group(x.id)); got != x.cases {
				t.Errorf("%s, group %s: cases %q, want %q", x.spec.Name(), x.id, got, x.cases)
			}
		}
	}
}

// kinds is the first letters of the kinds of a group's cases, in order.
func kinds(g *scheme.TestGroup) string {
	var b strings.Builder
	if g != nil {
		for _, c := range g.Cases {
			b.WriteByte(c.Kind[0])
		}
	}
	return b.String()
}

// Every provision has a group, in both editions, and there is no other.
func TestEveryProvisionHasAGroup(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		spec, edition string
		provisions    int
	}{{"ts-103-701@1.1.1", "2.1.1", 68}, {"ts-103-701@2.1.1", "3.1.3", 78}} {
		s := c.TestSpec(x.spec)
		provisions := c.Standard("en-303-645").Edition(x.edition).Requirements
		for _, r := range provisions {
			if s.Group(r.ID) == nil {
				t.Errorf("%s has no group for %s", x.spec, r.ID)
			}
		}
		if len(provisions) != x.provisions || len(s.Groups) != x.provisions {
			t.Errorf("%s: %d provisions and %d groups, want %d", x.spec, len(provisions), len(s.Groups), x.provisions)
		}
	}
}

// The count of the later edition's groups in sections 5.1 to 5.7 by the
// public self-assessment: 52, of which 36 have both kinds of cases.
func TestGroupCounts(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, g := range c.TestSpec("ts-103-701@2.1.1").Groups {
		if section, _, _ := strings.Cut(g.Requirement, "-"); section >= "5.1" && section <= "5.7" && len(section) == 3 {
			n[kinds(&g)]++
		}
	}
	if n["cf"] != 36 || n["c"] != 16 || len(n) != 2 {
		t.Errorf("cases by kind: %v", n)
	}
}

// The tables in the order of their numbers, with the names that the earlier
// edition gave some of them.
func TestTables(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(`AuthMech UserInfo VulnTypes Conf VulnMon SoftComp UpdMech UpdProc ReplSup SecParam SecComMech NetSecImpl
		SoftServ SecMgmt PhyIntf CodeMin PrivlCtrl AccCtrl SecDev SecBoot PersData ExtSens ResMech TelData DelFunc UserDec UserIntf
		LogIntf InpVal`)
	earlier := map[string]string{"SecComMech": "ComMech", "PhyIntf": "Intf", "LogIntf": "ExtAPI"}
	v1, v2 := c.TestSpec("ts-103-701@1.1.1"), c.TestSpec("ts-103-701@2.1.1")
	if len(v1.Tables) != 29 || len(v2.Tables) != 29 || len(names) != 29 {
		t.Fatalf("%d and %d tables, %d names", len(v1.Tables), len(v2.Tables), len(names))
	}
	for i, name := range names {
		was := name
		if e := earlier[name]; e != "" {
			was = e
		}
		a, b := v1.Tables[i], v2.Tables[i]
		if a.Number != i+1 || b.Number != i+1 || a.Name != was || b.Name != name || a.ID != b.ID || a.Single != b.Single {
			t.Errorf("table %d is %s %s and %s %s", i+1, a.ID, a.Name, b.ID, b.Name)
		}
		if single := name == "UserInfo" || name == "Conf" || name == "ReplSup"; single != b.Single {
			t.Errorf("%s has one row only: %t", name, b.Single)
		}
	}
	for _, x := range []struct{ table, field, names string }{
		{"soft-comp", "update-mechanism", "upd-mech"}, {"sec-param", "secure-communication-mechanisms", "sec-com-mech"},
		{"soft-serv", "authentication-mechanism", "auth-mech"}, {"pers-data", "secure-communication-mechanisms", "sec-com-mech"},
		{"tel-data", "personal-data", "pers-data"},
	} {
		for _, s := range []*scheme.TestSpec{v1, v2} {
			if f := s.Table(x.table).Field(x.field); f == nil || f.Table != x.names {
				t.Errorf("%s: %s of %s names rows of %+v, want %s", s.Name(), x.field, x.table, f, x.names)
			}
		}
	}
	// Fields that came with the later edition, and one that went.
	for _, x := range []struct{ table, field string }{
		{"user-info", "documentation-maintenance-check"}, {"pers-data", "purpose"}, {"pers-data", "aggregation"}, {"pers-data", "lifecycle"},
		{"pers-data", "storing-consent"}, {"pers-data", "anonymization"}, {"sec-com-mech", "interface"},
	} {
		if v1.Table(x.table).Field(x.field) != nil || v2.Table(x.table).Field(x.field) == nil {
			t.Errorf("%s of %s is not new in the later edition", x.field, x.table)
		}
	}
	if v1.Table("sec-com-mech").Field("resilience-measures") == nil || v2.Table("sec-com-mech").Field("resilience-measures") != nil {
		t.Error("resilience measures belong to the communication mechanisms of the earlier edition only")
	}
}

// What a unit runs over decides what is tested: these are the sets that the
// sources name.
func TestUnitsRunOverTheirRows(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ spec, unit, over, reuses string }{
		{"1.1.1", "5.1-1-1/a", "auth-mech factor-kind=password subject=user password-origin=preinstalled-unique|preinstalled-common|generated-at-setup|", ""},
		{"2.1.1", "5.1-1-1/a", "auth-mech factor-kind=password password-origin=preinstalled-unique|preinstalled-common|generated-at-setup|", ""},
		{"1.1.1", "5.1-1-2/b", "auth-mech factor-kind=password subject=user password-origin=user-set", ""},
		{"2.1.1", "5.1-2-1/d", "auth-mech factor-kind=password password-origin=preinstalled-unique|preinstalled-common", ""},
		{"2.1.1", "5.1-2A-2/b", "auth-mech subject=machine", ""},
		{"1.1.1", "5.1-3-1/c", "auth-mech subject=user", ""},
		{"2.1.1", "5.1-3-1/c", "auth-mech", ""},
		{"2.1.1", "5.1-5-2/a", "", ""},
		{"2.1.1", "5.1-5-2/b", "auth-mech over-network=yes", ""},
		{"1.1.1", "5.2-2-1/b", "conf", ""},
		{"2.1.1", "5.3-1-1/a", "soft-comp updatable=no", ""},
		{"2.1.1", "5.3-1-1/b", "upd-mech soft-comp.update-mechanism", "5.3-2-1/a"},
		{"1.1.1", "5.3-1-2/a", "upd-mech soft-comp.update-mechanism", "5.3-2-2/b"},
		{"1.1.1", "5.3-6-2/b", "upd-mech automatic=yes", ""},
		{"2.1.1", "5.3-6B-1/a", "upd-mech notifies=yes", ""},
		{"2.1.1", "5.3-7-1/d", "upd-mech", ""},
		{"2.1.1", "5.3-10-1/b", "upd-mech over-network=yes", "5.3-9-1/b"},
		{"2.1.1", "5.3-15B-2/b", "repl-sup", ""},
		{"2.1.1", "5.4-1-1/c", "sec-param persistent=yes", ""},
		{"2.1.1", "5.4-2-2/a", "sec-param hard-coded=yes device-identity=yes", ""},
		{"1.1.1", "5.4-3-2/a", "sec-param type=critical hard-coded=yes", ""},
		{"2.1.1", "5.5-6-1/c", "sec-com-mech sec-param.secure-communication-mechanisms type=critical", "5.5-1-1/c"},
		{"1.1.1", "5.5-7-2/a", "sec-com-mech remote=yes sec-param.secure-communication-mechanisms type=critical", "5.5-1-2/a"},
		{"1.1.1", "5.8-1-1/d", "sec-com-mech pers-data.secure-communication-mechanisms", "5.5-1-1/d"},
		{"2.1.1", "5.8-2-1/a", "sec-com-mech peer=associated-service pers-data.secure-communication-mechanisms sensitive=yes", "5.5-1-1/a"},
		{"2.1.1", "5.5-4-1/b", "auth-mech soft-serv.authentication-mechanism over-network=yes status=enabled", ""},
		{"2.1.1", "5.5-5-1/a", "soft-serv over-network=yes allows-configuration=yes", ""},
		{"2.1.1", "5.5-5-1/b", "auth-mech soft-serv.authentication-mechanism over-network=yes allows-configuration=yes", "5.5-4-1/b"},
		{"1.1.1", "5.5-5-2/a", "soft-serv over-network=yes allows-configuration=yes protocol-exception=", ""},
		{"1.1.1", "5.6-1-1/b", "log-intf status=enabled", ""},
		{"2.1.1", "5.6-1-1/b", "log-intf access=network status=enabled", ""},
		{"2.1.1", "5.6-1-2/c", "", ""},
		{"1.1.1", "5.6-4-1/a", "phy-intf debug-interface=yes", ""},
		{"2.1.1", "5.6-4B-2/a", "phy-intf debug-interface=yes type=port", ""},
		{"1.1.1", "5.6-5-2/a", "soft-serv", ""},
		{"1.1.1", "5.9-3-1/b", "sec-com-mech resilience-measures=*", ""},
		{"2.1.1", "5.9-3-1/b", "log-intf access=network resilience-measures=*", ""},
		{"2.1.1", "5.11-2-1/b", "pers-data stored-at-service=yes", ""},
		{"1.1.1", "5.13-1-1/c", "inp-val", ""},
		{"2.1.1", "5.13-1B-2/a", "inp-val source=api|network", ""},
		{"2.1.1", "6-3A-2/a", "pers-data consent-based=yes", ""},
		{"2.1.1", "6-7-1/b", "pers-data aggregation=*", ""},
		{"2.1.1", "5.4-4-1/b", "sec-param type=critical for-updates-or-services=yes", ""},
	} {
		_, _, u := c.TestSpec("ts-103-701@" + x.spec).Unit(x.unit)
		if u == nil {
			t.Errorf("%s has no unit %s", x.spec, x.unit)
		} else if got := overText(u.Over); got != x.over || u.Reuses != x.reuses {
			t.Errorf("%s, %s: over %q, reuses %q; want %q, %q", x.spec, x.unit, got, u.Reuses, x.over, x.reuses)
		}
	}
}

func overText(o *scheme.Over) string {
	if o == nil {
		return ""
	}
	parts := []string{o.Table}
	for _, w := range o.Where {
		parts = append(parts, w.Field+"="+strings.Join(w.Is, "|"))
	}
	if o.Via != nil {
		parts = append(parts, o.Via.Table+"."+o.Via.Field)
		for _, w := range o.Via.Where {
			parts = append(parts, w.Field+"="+strings.Join(w.Is, "|"))
		}
	}
	return strings.Join(parts, " ")
}

// The contradictions that the practice rules name.
func TestChecks(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ spec, id, table, supported, requirements string }{
		{"1.1.1", "updatable-without-mechanism", "soft-comp", "", "5.3-1 5.3-3"},
		{"1.1.1", "no-isolation", "repl-sup", "5.3-15", "5.3-15"},
		{"2.1.1", "no-isolation", "repl-sup", "5.3-15A", "5.3-15A"},
		{"2.1.1", "no-replacement", "repl-sup", "5.3-15B", "5.3-15B"},
		{"2.1.1", "actions-not-confirmed", "conf", "5.2-2", "5.2-2"},
		{"2.1.1", "management-not-confirmed", "conf", "5.5-8", "5.5-8"},
		{"1.1.1", "configuration-without-authentication", "soft-serv", "5.5-5", "5.5-5"},
		{"2.1.1", "update-without-cryptography", "upd-mech", "5.3-7", "5.3-7"},
		{"1.1.1", "debug-interface-on", "phy-intf", "5.6-4", "5.6-4"},
		{"2.1.1", "debug-interface-on", "phy-intf", "5.6-4A", "5.6-4A"},
		{"2.1.1", "consent-not-stored", "pers-data", "", "6-3B"},
		{"2.1.1", "sensitive-data-in-clear", "sec-com-mech", "5.8-2", "5.8-2"},
	} {
		k := c.TestSpec("ts-103-701@" + x.spec).Check(x.id)
		if k == nil {
			t.Errorf("%s has no check %s", x.spec, x.id)
		} else if k.Table != x.table || strings.Join(k.Supported, " ") != x.supported || strings.Join(k.Requirements, " ") != x.requirements {
			t.Errorf("%s, %s: %s, supported %v, requirements %v", x.spec, x.id, k.Table, k.Supported, k.Requirements)
		}
	}
}

// A row is only worth a field if the answer may be used: a check on a field
// that must be filled in anyway would never find anything.
func TestChecksLookAtOptionalFields(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Tests {
		for _, k := range s.Checks {
			table := s.Table(k.Table)
			for _, w := range k.Needs {
				if len(w.Is) == 1 && w.Is[0] == "*" && !table.Field(w.Field).Optional {
					t.Errorf("%s, %s: %s is filled in anyway", s.Name(), k.ID, w.Field)
				}
			}
			for _, w := range k.Where {
				if len(w.Is) == 1 && w.Is[0] == "" && !table.Field(w.Field).Optional {
					t.Errorf("%s, %s: %s is never empty", s.Name(), k.ID, w.Field)
				}
			}
		}
	}
}

func TestSameAsPointsAtWhatIsThere(t *testing.T) {
	const file = "tests/ts-103-701@2.1.1.yaml"
	for _, x := range []struct{ name, old, new, want string }{
		{"table", "    number: 1\n    same_as: {edition: \"1.1.1\"}", "    number: 1\n    same_as: {edition: \"1.0\"}", "table auth-mech"},
		{"group", "id: 4-1", "id: 4-9", "group 5.0-1"},
		{"check", "  - id: no-isolation\n", "  - id: no-insulation\n", "check no-insulation"},
		{"one step", "edition: \"1.1.1\"}\n    source: ts-103-701-tables\n    confidence: mirror\n    note", "edition: \"2.1.1\"}\n    source: ts-103-701-tables\n    confidence: mirror\n    note", "auth-mech"},
	} {
		_, err := Load(changed(t, file, x.old, x.new))
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want it to name %q", x.name, err, x.want)
		}
	}
}
