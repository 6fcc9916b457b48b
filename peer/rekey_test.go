package peer

import (
	"net/http"
	"testing"

	"assay/keys"
	"assay/statement"
)

// rekeys logs a key statement, signed by a ring's identity key, that puts the
// keys of next in force.
func (o *office) rekeys(by keys.Signer, next *keys.Ring) {
	o.t.Helper()
	p := statement.KeyPayload{Recorded: int64(len(o.entries)) + 1, Reason: statement.Scheduled}
	old := o.ring.Records()
	for i, k := range next.Records() {
		if string(old[i].ID) != string(k.ID) && k.Role != keys.Identity {
			old[i].NotAfter = p.Recorded
			p.Keys = append(p.Keys, old[i])
		}
		p.Keys = append(p.Keys, k)
	}
	payload, err := statement.Encode(p)
	if err != nil {
		o.t.Fatal(err)
	}
	h := o.header(statement.Key, "key")
	b, err := statement.Sign(by, h, payload)
	if err != nil {
		o.t.Fatal(err)
	}
	st, err := statement.Parse(b)
	if err != nil {
		o.t.Fatal(err)
	}
	o.seq["key"], o.prev["key"] = h.Sequence, st.Digest()
	o.append(b)
}

// TestRekeyed: the head is signed by a key that only the log names.
func TestRekeyed(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(t *testing.T, o *office)
		applied int64
		want    string
	}{
		"one change":                {func(t *testing.T, o *office) { o.moves(t) }, 5, ""},
		"two changes":               {func(t *testing.T, o *office) { o.moves(t); o.grants(300); o.moves(t) }, 5, ""},
		"from the first entry":      {func(t *testing.T, o *office) { o.moves(t) }, 0, ""},
		"named before what is read": {func(t *testing.T, o *office) { o.moves(t); o.grants(10) }, 12, WrongKey},
		"not named at all": {func(t *testing.T, o *office) {
			next, _ := o.ring.Renew()
			o.grants(3)
			o.ring = next
		}, 5, WrongKey},
		"named under another identity": {func(t *testing.T, o *office) {
			next, err := keys.NewRing()
			if err != nil {
				t.Fatal(err)
			}
			o.rekeys(next.Identity, next)
			o.ring = next
		}, 5, WrongKey},
		"named with another identity": {func(t *testing.T, o *office) {
			next, err := keys.NewRing()
			if err != nil {
				t.Fatal(err)
			}
			o.rekeys(o.ring.Identity, next)
			o.ring = next
		}, 5, WrongKey},
		"named, and the head is of the one before that ended": {func(t *testing.T, o *office) {
			first := o.ring
			o.moves(t)
			o.ring.Checkpoint = first.Checkpoint
		}, 11, WrongKey},
		"no log behind it": {func(t *testing.T, o *office) {
			o.moves(t)
			o.lie = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/checkpoint" {
					return false
				}
				http.Error(w, "gone", http.StatusNotFound)
				return true
			}
		}, 5, WrongKey},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, "kr")
			o.grants(10)
			s := o.site()
			c.change(t, o)
			if name == "named, and the head is of the one before that ended" {
				for i := range s.Keys { // the statement was read
					if s.Keys[i].Role == keys.Checkpoint {
						s.Keys[i].NotAfter = 1
					}
				}
			}
			src := source{client: NewClient(impatient), site: s, cache: new(tileCache)}
			head, err := src.checkpoint(t.Context(), c.applied, 1<<40)
			if Code(err) != c.want {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if err == nil && head.Size != int64(len(o.entries)) {
				t.Errorf("a head of size %d, the log has %d", head.Size, len(o.entries))
			}
			if len(src.cache.tiles) != 0 {
				t.Error("tiles of an unproven head went into the cache")
			}
		})
	}
}

// moves logs that the next ring is in force, and signs with it.
func (o *office) moves(t *testing.T) {
	t.Helper()
	next, err := o.ring.Renew()
	if err != nil {
		t.Fatal(err)
	}
	o.rekeys(o.ring.Identity, next)
	o.ring = next
}
