package evidence

import (
	"slices"
	"testing"

	"assay/scheme"
)

func TestOver(t *testing.T) {
	e := &Evidence{IXIT: map[string][]Row{
		"port": {
			{"id": {"P1"}, "state": {"on"}, "note": {" "}},
			{"id": {"P2"}, "state": {"off"}, "note": {"old"}},
			{"id": {"P3"}},
		},
		"use": {
			{"id": {"U1"}, "ports": {"P3", "P1"}, "kind": {"debug"}},
			{"id": {"U2"}, "ports": {"P2"}, "kind": {"user"}},
		},
	}}
	where := func(field string, is ...string) []scheme.Where { return []scheme.Where{{Field: field, Is: is}} }
	for _, c := range []struct {
		name string
		over scheme.Over
		want []string
	}{
		{"all", scheme.Over{Table: "port"}, []string{"P1", "P2", "P3"}},
		{"no such table", scheme.Over{Table: "nothing"}, nil},
		{"a value", scheme.Over{Table: "port", Where: where("state", "on", "standby")}, []string{"P1"}},
		{"any value; blanks are none", scheme.Over{Table: "port", Where: where("note", "*")}, []string{"P2"}},
		{"none", scheme.Over{Table: "port", Where: where("state", "")}, []string{"P3"}},
		{"none or a value", scheme.Over{Table: "port", Where: where("state", "", "off")}, []string{"P2", "P3"}},
		{"both conditions", scheme.Over{Table: "port", Where: append(where("state", "*"), where("note", "")...)}, []string{"P1"}},
		{"named by others, in the table's own order", scheme.Over{Table: "port", Via: &scheme.Via{Table: "use", Field: "ports"}}, []string{"P1", "P2", "P3"}},
		{"named by some", scheme.Over{Table: "port", Via: &scheme.Via{Table: "use", Field: "ports", Where: where("kind", "debug")}}, []string{"P1", "P3"}},
		{"named and meeting", scheme.Over{Table: "port", Where: where("state", "*"), Via: &scheme.Via{Table: "use", Field: "ports", Where: where("kind", "debug")}}, []string{"P1"}},
		{"named by nobody", scheme.Over{Table: "port", Via: &scheme.Via{Table: "use", Field: "other"}}, nil},
	} {
		var got []string
		for _, r := range e.Over(&c.over) {
			got = append(got, r.ID())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
