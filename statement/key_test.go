package statement

import (
	"errors"
	"slices"
	"testing"

	"assay/keys"
)

func ring(t testing.TB) *keys.Ring {
	t.Helper()
	r, err := keys.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// change is the key statement that follows old at an instant.
func change(old, next *keys.Ring, at int64) *KeyPayload {
	p := &KeyPayload{Recorded: at, Reason: Scheduled}
	for i, k := range next.Records() {
		if o := old.Records()[i]; string(o.ID) != string(k.ID) {
			o.NotAfter, k.NotBefore = at, at
			p.Keys = append(p.Keys, o)
		}
		p.Keys = append(p.Keys, k)
	}
	return p
}

func inForce(recs []keys.Record) (out []keys.Record) {
	for _, k := range recs {
		if k.NotAfter == 0 {
			k.NotBefore = 0
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b keys.Record) int {
		return slices.Index(keys.Roles, a.Role) - slices.Index(keys.Roles, b.Role)
	})
	return out
}

func same(a, b []keys.Record) bool {
	return slices.EqualFunc(a, b, func(x, y keys.Record) bool { return x.Role == y.Role && string(x.ID) == string(y.ID) })
}

// TestKeysAfter walks through two changes: as an office that reads them when
// they are made, and as one that learned all of it from a document first.
func TestKeysAfter(t *testing.T) {
	one := ring(t)
	two, err := one.Renew()
	if err != nil {
		t.Fatal(err)
	}
	three, err := two.Renew(keys.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	first := &KeyPayload{Keys: one.Records(), Recorded: 100}
	second, third := change(one, two, 200), change(two, three, 300)
	if !second.Replaces(keys.Statement) || third.Replaces(keys.Statement) || first.Replaces(keys.Label) {
		t.Error("Replaces tells another role")
	}
	read := []keys.Record{one.Identity.Record}
	for i, p := range []*KeyPayload{first, second, third} {
		if read, err = p.After(read, p.Recorded-5); err != nil { // the reader's clock is behind
			t.Fatalf("statement %d: %v", i+1, err)
		}
		if want := []*keys.Ring{one, two, three}[i].Records(); !same(inForce(read), want) {
			t.Errorf("after statement %d in force: %v", i+1, inForce(read))
		}
		for _, k := range read {
			if !k.ValidAt(p.Recorded-5) && k.NotAfter == 0 || k.NotAfter > p.Recorded-5 {
				t.Errorf("statement %d: %s key from %d to %d, by a clock at %d", i+1, k.Role, k.NotBefore, k.NotAfter, p.Recorded-5)
			}
		}
	}
	if len(read) != 1+2+2+3 {
		t.Errorf("%d keys are kept, want all that ever signed", len(read))
	}
	// Learned late: the statement key of the first year must vouch until its end is read.
	late := slices.Clone(read)
	for i := range late {
		if late[i].Role == keys.Statement {
			late[i].NotAfter = 0
		}
	}
	for i, p := range []*KeyPayload{first, second, third} {
		if late, err = p.After(late, 1000); err != nil {
			t.Fatalf("statement %d, late: %v", i+1, err)
		}
		old := late[slices.IndexFunc(late, func(k keys.Record) bool { return string(k.ID) == string(one.Statement.ID) })]
		if (old.NotAfter != 0) != (i > 0) {
			t.Errorf("after statement %d its first statement key ends at %d", i+1, old.NotAfter)
		}
		for _, k := range late {
			if string(k.ID) == string(one.Checkpoint.ID) && k.NotAfter == 0 {
				t.Errorf("statement %d brought an ended checkpoint key back", i+1)
			}
			if string(k.ID) == string(three.Checkpoint.ID) && k.NotAfter != 0 {
				t.Errorf("statement %d ended the key of today", i+1)
			}
		}
	}
	if !same(inForce(late), three.Records()) {
		t.Errorf("in force in the end: %v", inForce(late))
	}
	// Any of them again changes nothing that is believed.
	for i, p := range []*KeyPayload{first, second, third} {
		again, err := p.After(read, 2000)
		if err == nil && !same(inForce(again), inForce(read)) {
			t.Errorf("statement %d again: %v", i+1, inForce(again))
		}
	}
}

func TestKeysAfterRefuses(t *testing.T) {
	one, other := ring(t), ring(t)
	two, err := one.Renew()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := change(one, two, 200).After(one.Records(), 200); err != nil {
		t.Fatal(err)
	}
	back := change(two, one, 300)
	ended, err := change(one, two, 200).After(one.Records(), 200)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := back.After(ended, 300); !errors.Is(err, ErrKeys) {
		t.Errorf("ended keys came back: %v", err)
	}
	for name, spoil := range map[string]func(*KeyPayload){
		"nothing": func(p *KeyPayload) { p.Keys = nil },
		"a role is missing": func(p *KeyPayload) {
			p.Keys = slices.DeleteFunc(p.Keys, func(k keys.Record) bool { return k.Role == keys.Label })
		},
		"two of a role":         func(p *KeyPayload) { p.Keys = append(p.Keys, other.Label.Record) },
		"one twice":             func(p *KeyPayload) { k := p.Keys[1]; k.NotAfter = 9; p.Keys = append(p.Keys, k) },
		"another identity":      func(p *KeyPayload) { p.Keys[0] = other.Identity.Record },
		"an identity that ends": func(p *KeyPayload) { k := other.Identity.Record; k.NotAfter = 9; p.Keys = append(p.Keys, k) },
		"a broken record":       func(p *KeyPayload) { p.Keys[1].ID = []byte("x") },
		"no time":               func(p *KeyPayload) { p.Recorded = 0 },
		"unknown reason":        func(p *KeyPayload) { p.Reason = "tuesday" },
		"no instant":            func(p *KeyPayload) { p.Reason = Compromised },
		"instant, no thief":     func(p *KeyPayload) { p.Since = 5 },
		"instant to come":       func(p *KeyPayload) { p.Reason, p.Since = Compromised, p.Recorded+1 },
		"negative entry":        func(p *KeyPayload) { p.Reason, p.Since, p.From = Compromised, 5, -1 },
		"entry, no instant":     func(p *KeyPayload) { p.From = 3 },
		"too many": func(p *KeyPayload) {
			for range MaxKeys {
				k := ring(t).Label.Record
				k.NotAfter = 9
				p.Keys = append(p.Keys, k)
			}
		},
	} {
		p := change(one, two, 200)
		spoil(p)
		old := one.Records()
		if got, err := p.After(old, 200); !errors.Is(err, ErrKeys) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.EqualFunc(old, one.Records(), func(a, b keys.Record) bool { return a.NotAfter == b.NotAfter && string(a.ID) == string(b.ID) }) {
			t.Errorf("%s: it changed what was known", name)
		}
	}
}

// FuzzKeyPayload: whatever a partner logs, at most one key of a role is in
// force afterwards, the identity is the one known, and nothing ended begins.
func FuzzKeyPayload(f *testing.F) {
	one := ring(f)
	two, err := one.Renew()
	if err != nil {
		f.Fatal(err)
	}
	old, err := change(one, two, 200).After(one.Records(), 200)
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range []*KeyPayload{{Keys: one.Records(), Recorded: 100}, {Keys: two.Records(), Recorded: 300}, change(one, two, 200), change(two, one, 400)} {
		b, err := Encode(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p KeyPayload
		if Decode(b, &p) != nil {
			return
		}
		got, err := p.After(old, 500)
		if err != nil {
			return
		}
		if len(got) > MaxKeys {
			t.Errorf("%d keys", len(got))
		}
		for _, k := range got {
			if err := k.Check(); err != nil {
				t.Error(err)
			}
			if k.Role == keys.Identity && string(k.ID) != string(one.Identity.ID) {
				t.Error("another identity")
			}
			if string(k.ID) == string(one.Statement.ID) && k.NotAfter == 0 {
				t.Error("an ended key is in force")
			}
		}
	})
}
