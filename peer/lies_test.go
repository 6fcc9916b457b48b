package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"assay/keys"
	"assay/ledger"
	"assay/statement"
)

// lied is the last request of a path below the log that a lie answers.
func lied(r *http.Request, part string) bool {
	return strings.HasPrefix(r.URL.Path, part)
}

// TestLyingPeers: whatever a peer serves ends in a named error or evidence; what
// was applied before stays, nothing of the lie is applied, and the follower
// goes on with another site and with this one once it is honest again.
func TestLyingPeers(t *testing.T) {
	thief := newOffice(t, "kr") // same names, other keys
	thief.grants(700)

	// Each lie is told by a log of 700 entries to a follower that holds 400.
	for _, test := range []struct {
		name     string
		lie      func(o *office) func(w http.ResponseWriter, r *http.Request) bool
		code     string
		evidence bool
	}{
		{name: "shorter log", code: Shrunk, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			o.size = 300
			return nil
		}},
		{name: "shorter log with its tiles gone", code: Shrunk, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			short := o.fork(200)
			return pass(short)
		}},
		{name: "no entries any more", code: Shrunk, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			return pass(o.fork(0))
		}},
		{name: "other history, larger", code: Fork, evidence: true, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			f := o.fork(250)
			f.grants(500)
			return pass(f)
		}},
		{name: "other history, same size", code: Fork, evidence: true, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			f := o.fork(399)
			f.grants(1)
			return pass(f)
		}},
		{name: "other history, smaller", code: Fork, evidence: true, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			f := o.fork(100)
			f.grants(150)
			fake := f.checkpoint(250)
			o.size = 400
			return func(w http.ResponseWriter, r *http.Request) bool {
				if lied(r, "/checkpoint") {
					w.Write(fake)
					return true
				}
				return false
			}
		}},
		{name: "head of a fork with tiles of the old history", code: Tiles, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			f := o.fork(250)
			f.grants(450)
			return func(w http.ResponseWriter, r *http.Request) bool {
				if lied(r, "/checkpoint") {
					w.Write(f.checkpoint(700))
					return true
				}
				return false
			}
		}},
		{name: "endless bundle", code: TooLarge, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return endless("/tile/entries/")
		}},
		{name: "endless tile", code: TooLarge, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return endless("/tile/0/")
		}},
		{name: "oversized checkpoint", code: TooLarge, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return endless("/checkpoint")
		}},
		{name: "announced too large", code: TooLarge, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Content-Length", "1000000000")
				w.WriteHeader(http.StatusOK)
				return true
			}
		}},
		{name: "redirect", code: Redirect, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			honest := o.fork(0)
			honest.entries, honest.hashes = o.entries, o.hashes
			return func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, honest.server.URL+r.URL.Path, http.StatusFound)
				return true
			}
		}},
		{name: "hangs", code: Unreachable, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				<-r.Context().Done()
				return true
			}
		}},
		{name: "hangs in the middle", code: Unreachable, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				w.Write([]byte("kr.example"))
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return true
			}
		}},
		{name: "drips", code: Unreachable, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				for r.Context().Err() == nil {
					w.Write([]byte("."))
					w.(http.Flusher).Flush()
					time.Sleep(20 * time.Millisecond)
				}
				return true
			}
		}},
		{name: "closes", code: Unreachable, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
		}},
		{name: "says nothing", code: WrongKey, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return func(http.ResponseWriter, *http.Request) bool { return true }
		}},
		{name: "error page", code: Refused, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, "no", http.StatusServiceUnavailable)
				return true
			}
		}},
		{name: "not found", code: Refused, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool { http.NotFound(w, r); return true }
		}},
		{name: "wrong key", code: WrongKey, lie: func(*office) func(http.ResponseWriter, *http.Request) bool {
			return pass(thief)
		}},
		{name: "other ring", code: WrongKey, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			f := o.fork(0)
			f.origin = "kr.example/live"
			f.grants(700)
			return pass(f)
		}},
		{name: "other ring under this ring's name", code: WrongOrigin, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			// One key, two logs: the note's key name is ours, its text is not.
			text := "kr.example/live\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
			b := signNote(t, o.ring.Checkpoint, o.origin, text)
			return func(w http.ResponseWriter, r *http.Request) bool { w.Write(b); return true }
		}},
		{name: "checkpoint of no size", code: Malformed, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			b := signNote(t, o.ring.Checkpoint, o.origin, o.origin+"\n99999999999999999999\nAAAA\n")
			return func(w http.ResponseWriter, r *http.Request) bool { w.Write(b); return true }
		}},
		{name: "a size beyond all tiles", code: Malformed, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			b := signCheckpoint(t, o.ring.Checkpoint, o.origin, 1<<62, [32]byte{1})
			return func(w http.ResponseWriter, r *http.Request) bool { w.Write(b); return true }
		}},
		{name: "tiles that do not match", code: Tiles, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			return edit(o, "/tile/0/001", func(b []byte) []byte { b[40] ^= 1; return b })
		}},
		{name: "short tile", code: Malformed, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			return edit(o, "/tile/0/001", func(b []byte) []byte { return b[:len(b)-32] })
		}},
		{name: "entry changed", code: Tiles, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			return edit(o, "/tile/entries/002", func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}},
		{name: "signature mirrored in the bundle only", code: Tiles, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			return edit(o, "/tile/entries/002", mirrorLast)
		}},
		{name: "bundle cut short", code: Malformed, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			return edit(o, "/tile/entries/002", func(b []byte) []byte { return b[:len(b)-3] })
		}},
		{name: "bundle with more", code: Malformed, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			return edit(o, "/tile/entries/002", func(b []byte) []byte { return append(b, 0, 1, 7) })
		}},
		{name: "entries swapped", code: Tiles, lie: func(o *office) func(http.ResponseWriter, *http.Request) bool {
			return edit(o, "/tile/entries/002", func(b []byte) []byte {
				e, err := splitBundle(b, 700-512)
				if err != nil {
					t.Error(err)
					return b
				}
				e[0], e[1] = e[1], e[0]
				return joinBundle(e)
			})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, other := newOffice(t, "kr"), newOffice(t, "sg")
			other.grants(5)
			b := newShelf(o, other)
			f := newTestFollower(b)
			o.grants(400)
			step(t, f, "kr")
			o.grants(300)
			lie := test.lie(o)
			o.mu.Lock()
			o.lie = lie
			o.mu.Unlock()

			err := f.Step(context.Background(), "kr")
			if Code(err) != test.code {
				t.Fatalf("got %v, want code %s", err, test.code)
			}
			if test.evidence {
				checkEvidence(t, b, o)
			} else if got := b.trouble["kr"]; len(got) != 1 || got[0] != test.code || len(b.forks["kr"]) != 0 {
				t.Errorf("trouble %v and %d forks, want %s alone", got, len(b.forks["kr"]), test.code)
			}
			for i, it := range b.items["kr"] {
				if !bytes.Equal(it.Body, o.entries[i]) {
					t.Fatalf("item %d is not of the honest log", i)
				}
			}
			if p := b.positions["kr"]; test.evidence && (p.Applied != 400 || p.Verified.Size != 400) {
				t.Errorf("moved on to %d of %d", p.Applied, p.Verified.Size)
			}

			step(t, f, "sg")
			if len(b.items["sg"]) != 5 {
				t.Error("the other site was not followed")
			}
			o.mu.Lock()
			o.lie, o.size = nil, 0
			o.mu.Unlock()
			step(t, f, "kr")
			if got := len(b.items["kr"]); got != 700 {
				t.Errorf("honest again: %d items of 700", got)
			}
		})
	}
}

// checkEvidence: anyone who has the source's key can check it.
func checkEvidence(t *testing.T, b *shelf, o *office) {
	t.Helper()
	if len(b.forks["kr"]) != 1 || len(b.trouble["kr"]) != 0 {
		t.Fatalf("%d forks, trouble %v; want one fork alone", len(b.forks["kr"]), b.trouble["kr"])
	}
	e := b.forks["kr"][0]
	for _, h := range []Head{e.Held, e.Got} {
		got, err := parseCheckpoint(o.site(), h.Note, 1)
		if err != nil || got.Root != h.Root || got.Size != h.Size {
			t.Fatalf("evidence with a note that does not say it: %v", err)
		}
	}
	small, big := e.Held, e.Got
	if small.Size > big.Size {
		small, big = big, small
	}
	if small.Size == big.Size {
		if small.Root == big.Root {
			t.Error("the two heads are one")
		}
		return
	}
	// The proof is good for some other head of the smaller size: that is what convicts.
	proof := make(tlog.TreeProof, len(e.Proof))
	for i, h := range e.Proof {
		proof[i] = h
	}
	if tlog.CheckTree(proof, big.Size, big.Root, small.Size, small.Root) == nil {
		t.Error("the proof shows that the heads agree")
	}
	if e.Kind != Fork || e.Err == "" || len(proof) == 0 {
		t.Errorf("evidence %q with %d hashes: %q", e.Kind, len(proof), e.Err)
	}
}

// pass answers as another office would.
func pass(to *office) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool { to.ServeHTTP(w, r); return true }
}

func endless(part string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !lied(r, part) {
			return false
		}
		chunk := bytes.Repeat([]byte{'a'}, 1<<16)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				break
			}
		}
		return true
	}
}

// edit serves a path with other bytes than the log has.
func edit(o *office, path string, change func([]byte) []byte) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !lied(r, path) {
			return false
		}
		var rec recorder
		o.answer(&rec, r)
		w.Write(change(rec.Bytes()))
		return true
	}
}

type recorder struct{ bytes.Buffer }

func (*recorder) Header() http.Header { return http.Header{} }
func (*recorder) WriteHeader(int)     {}

// mirrorLast replaces s of the last entry's signature by n−s.
func mirrorLast(b []byte) []byte {
	mirror(b[len(b)-keys.SignatureSize:])
	return b
}

// TestRejected: an entry that the log truly holds but that its office may not
// say is kept with its reason, and never stops the cursor.
func TestRejected(t *testing.T) {
	sg := newOffice(t, "sg")
	o := newOffice(t, "kr")
	stranger, err := keys.Generate(keys.Statement)
	if err != nil {
		t.Fatal(err)
	}
	h := func(change func(*statement.Header)) statement.Header {
		x := o.header(statement.Grant, "kr-cic-1")
		change(&x)
		return x
	}
	good := sign(t, o.ring.Statement, h(func(*statement.Header) {}))
	mirrored := bytes.Clone(good)
	mirror(mirrored[len(mirrored)-keys.SignatureSize:])
	bent := bytes.Clone(good)
	bent[len(bent)-1] ^= 1

	for _, test := range []struct {
		name string
		body []byte
		code string
	}{
		{"good", good, ""},
		{"mirrored signature: as good as the first, and a duplicate for the books", mirrored, ""},
		{"another office's statement", sign(t, sg.ring.Statement, sg.header(statement.Grant, "kr-cic-2")), OtherOffice},
		{"in another office's name", sign(t, o.ring.Statement, h(func(x *statement.Header) { x.Issuer = "sg" })), OtherOffice},
		{"other ring", sign(t, o.ring.Statement, h(func(x *statement.Header) { x.Origin = "kr.example/live" })), WrongOrigin},
		{"kind not listed", sign(t, o.ring.Statement, h(func(x *statement.Header) { x.Kind = statement.Designation })), OtherKind},
		{"scheme not listed", sign(t, o.ring.Statement, h(func(x *statement.Header) { x.Subject = "sg-cls-iot-7" })), OtherScheme},
		{"scheme whose name only begins so", sign(t, o.ring.Statement, h(func(x *statement.Header) { x.Subject = "kr-cic-x-7" })), OtherScheme},
		{"subject without serial", sign(t, o.ring.Statement, h(func(x *statement.Header) { x.Subject = "kr-cic-" })), OtherScheme},
		{"key not pinned", sign(t, stranger, h(func(*statement.Header) {})), WrongKey},
		{"key of the right role only", sign(t, o.ring.Statement, h(func(x *statement.Header) { x.Subject = "kr-cic-3" })), ""},
		{"false signature", bent, BadSignature},
		{"empty", nil, Unreadable},
		{"noise", []byte("noise"), Unreadable},
		{"too large for a statement", bytes.Repeat([]byte{0xd2}, statement.MaxSize+1), Unreadable},
		{"as large as an entry can be", make([]byte, ledger.MaxEntry), Unreadable},
	} {
		o.append(test.body)
		o.append(good) // replayed: in the log twice, for the books to see
		b := newShelf(o)
		step(t, newTestFollower(b), "kr")
		items := b.items["kr"]
		if len(items) != len(o.entries) {
			t.Fatalf("%s: the cursor stopped at %d of %d", test.name, len(items), len(o.entries))
		}
		it := items[len(items)-2]
		if got := Code(it.Err); got != test.code {
			t.Errorf("%s: %v, want code %q", test.name, it.Err, test.code)
		}
		if !bytes.Equal(it.Body, test.body) {
			t.Errorf("%s: body is not kept", test.name)
		}
		if again := Judge(&b.sites[0], it.Index, it.Body, 1); Code(again.Err) != test.code || again.Leaf != it.Leaf {
			t.Errorf("%s: judged again: %v", test.name, again.Err)
		}
		if readable := it.Statement != nil; readable != (test.code != Unreadable) {
			t.Errorf("%s: statement there: %v", test.name, readable)
		}
	}
}

// TestMirroredIsDuplicate: by digest, not by bytes.
func TestMirroredIsDuplicate(t *testing.T) {
	o := newOffice(t, "kr")
	body := bytes.Clone(o.grant("kr-cic-1"))
	mirror(body[len(body)-keys.SignatureSize:])
	o.append(body)
	b := newShelf(o)
	step(t, newTestFollower(b), "kr")
	x, y := b.items["kr"][0], b.items["kr"][1]
	if x.Err != nil || y.Err != nil || x.Leaf == y.Leaf || x.Statement.Digest() != y.Statement.Digest() {
		t.Errorf("%v, %v: leaves differ %v, digests agree %v", x.Err, y.Err, x.Leaf != y.Leaf, x.Statement.Digest() == y.Statement.Digest())
	}
}

func TestSplitBundle(t *testing.T) {
	entries := [][]byte{[]byte("one"), {}, bytes.Repeat([]byte{7}, ledger.MaxEntry)}
	b := joinBundle(entries)
	got, err := splitBundle(b, 3)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(entries) {
		t.Errorf("does not come back: %v", err)
	}
	for n := range len(b) {
		if n > 40 && n < len(b)-40 {
			continue
		}
		if _, err := splitBundle(b[:n], 3); err == nil {
			t.Errorf("cut to %d of %d bytes: accepted", n, len(b))
		}
	}
	if _, err := splitBundle(binary.BigEndian.AppendUint16(b, 0), 3); err == nil {
		t.Error("a fourth entry: accepted")
	}
}
