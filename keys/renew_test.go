package keys

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestRenew(t *testing.T) {
	old, err := NewRing()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		roles, fresh []Role
	}{
		{nil, []Role{Statement, Label, Checkpoint}},
		{[]Role{Checkpoint}, []Role{Checkpoint}},
		{[]Role{Label, Statement}, []Role{Label, Statement}},
	} {
		next, err := old.Renew(c.roles...)
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range Roles {
			fresh := false
			for _, r := range c.fresh {
				fresh = fresh || r == role
			}
			if kept := old.Has([]Record{next.slot(role).Record}); kept == fresh {
				t.Errorf("renewing %v: the %s key is kept: %v", c.roles, role, kept)
			}
			if sig, err := next.slot(role).Sign([]byte("m")); err != nil || next.slot(role).Verify([]byte("m"), sig) != nil {
				t.Errorf("the %s key does not sign: %v", role, err)
			}
		}
		if next.Has(old.Records()) || !old.Has(old.Records()) || !next.Has(next.Records()) {
			t.Error("Has is wrong about a whole ring")
		}
	}
	for _, role := range []Role{Identity, "witness"} {
		if _, err := old.Renew(role); !errors.Is(err, ErrRole) {
			t.Errorf("renewing %s: %v", role, err)
		}
	}
	label := old.Label.Record
	label.Role = Statement
	if old.Has([]Record{label}) {
		t.Error("a label key counts as a statement key")
	}
}

func TestPromote(t *testing.T) {
	dir := t.TempDir()
	path := func(n string) string { return filepath.Join(dir, n) }
	read := func(n string) string {
		b, err := os.ReadFile(path(n))
		if errors.Is(err, os.ErrNotExist) {
			return "-"
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	write := func(n, s string) {
		t.Helper()
		if err := os.WriteFile(path(n), []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	promote := func() error { return Promote(path("next"), path("current"), path("previous")) }
	write("current", "one")
	if err := promote(); !errors.Is(err, os.ErrNotExist) || read("current") != "one" {
		t.Errorf("with no next: %v, current is %s", err, read("current"))
	}
	for i, want := range [][3]string{{"-", "two", "one"}, {"-", "three", "two"}} {
		write("next", want[1])
		if i == 1 { // a crash between the two steps left the old ring under both names
			if err := os.Remove(path("previous")); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(path("current"), path("previous")); err != nil {
				t.Fatal(err)
			}
		}
		if err := promote(); err != nil {
			t.Fatal(err)
		}
		if got := [3]string{read("next"), read("current"), read("previous")}; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if err := os.Remove(path("current")); err != nil {
		t.Fatal(err)
	}
	write("next", "four")
	if err := promote(); !errors.Is(err, os.ErrNotExist) || read("next") != "four" {
		t.Errorf("with no current: %v, next is %s", err, read("next"))
	}
}
