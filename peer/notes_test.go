package peer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"assay/keys"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func post(t *testing.T, h http.Handler, body []byte) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
	return w.Code
}

// TestHints: only a pinned key's larger head wakes a follower; everything else
// is dropped without a trace but a count.
func TestHints(t *testing.T) {
	o, stranger := newOffice(t, "kr"), newOffice(t, "kr")
	o.grants(10)
	stranger.grants(20)
	b := newShelf(o)
	f := newTestFollower(b)
	step(t, f, "kr")
	o.grants(1)
	h := HintHandler(b, f)
	woken := func() bool {
		select {
		case <-f.of("kr").wake:
			return true
		default:
			return false
		}
	}
	renamed := o.fork(11)
	renamed.origin = "elsewhere.example/demo"
	for _, test := range []struct {
		name string
		body []byte
		code int
		wake bool
	}{
		{"new", o.checkpoint(11), http.StatusAccepted, true},
		{"known", o.checkpoint(10), http.StatusNoContent, false},
		{"old", o.checkpoint(3), http.StatusNoContent, false},
		{"not pinned", stranger.checkpoint(20), http.StatusNoContent, false},
		{"log not known", renamed.checkpoint(11), http.StatusNoContent, false},
		{"unsigned", []byte(o.origin + "\n99\nAAAA\n"), http.StatusNoContent, false},
		{"noise", []byte("noise"), http.StatusNoContent, false},
		{"an address", []byte("http://127.0.0.1/\n"), http.StatusNoContent, false},
		{"empty", nil, http.StatusNoContent, false},
		{"too large", bytes.Repeat([]byte("a"), maxHint+1), http.StatusRequestEntityTooLarge, false},
	} {
		before := Count(h)
		if got := post(t, h, test.body); got != test.code {
			t.Errorf("%s: status %d, want %d", test.name, got, test.code)
		}
		if woken() != test.wake {
			t.Errorf("%s: woken %v, want %v", test.name, !test.wake, test.wake)
		}
		after := Count(h)
		if test.wake && after.Taken != before.Taken+1 || !test.wake && after.Dropped != before.Dropped+1 {
			t.Errorf("%s: counts went from %+v to %+v", test.name, before, after)
		}
	}
	if len(b.forks["kr"]) != 0 {
		t.Error("evidence out of nothing")
	}
	if o.asked["/peer/hint"] != 0 || stranger.asked["/checkpoint"] != 0 {
		t.Error("a hint made this office ask somewhere")
	}

	forked := o.fork(9)
	forked.grants(1)
	if got := post(t, h, forked.checkpoint(10)); got != http.StatusAccepted || len(b.forks["kr"]) != 1 {
		t.Errorf("half of a fork: status %d, %d kept", got, len(b.forks["kr"]))
	} else {
		b.trouble = nil
		checkEvidence(t, b, o)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", w.Code)
	}
}

// TestFlood: beyond the rate nothing is read, and a second later it is again.
func TestFlood(t *testing.T) {
	b := newShelf()
	now := noon
	f := NewFollower(b, Options{Now: func() time.Time { return now }})
	h := HintHandler(b, f)
	codes := map[int]int{}
	for range inboxBurst + 50 {
		codes[post(t, h, []byte("noise\n"))]++
	}
	if codes[http.StatusNoContent] != inboxBurst || codes[http.StatusTooManyRequests] != 50 {
		t.Errorf("answers %v", codes)
	}
	if got := Count(h); got.Refused != 50 || got.Dropped != inboxBurst {
		t.Errorf("counts %+v", got)
	}
	now = now.Add(time.Second)
	if got := post(t, h, []byte("noise\n")); got != http.StatusNoContent {
		t.Errorf("a second later: %d", got)
	}
}

func testReceipt() Receipt {
	return Receipt{Receiver: "sg", Origin: "kr.example/demo", Size: 700, Root: [32]byte{1, 2}, Time: noon.UnixMicro(), Held: [32]byte{3}}
}

func TestReceiptForm(t *testing.T) {
	sg := newOffice(t, "sg")
	r := testReceipt()
	b, err := SignReceipt(r, sg.ring.Checkpoint, sg.origin)
	if err != nil {
		t.Fatal(err)
	}
	want := "assay receipt v1\nsg\nkr.example/demo\n700\nAQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" +
		"2026-11-24T12:00:00.000000Z\n0300000000000000000000000000000000000000000000000000000000000000\n\n— sg.example/demo "
	if !strings.HasPrefix(string(b), want) {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
	if got, err := ParseReceipt(b, sg.site(), r.Time); err != nil || got != r {
		t.Errorf("comes back as %+v, %v", got, err)
	}

	for _, test := range []struct{ name, old, new string }{
		{"title", "assay receipt v1", "assay receipt v2"},
		{"size with zero before", "\n700\n", "\n0700\n"},
		{"negative size", "\n700\n", "\n-7\n"},
		{"size beyond any log", "\n700\n", "\n9223372036854775807\n"},
		{"root too short", "AQIA", ""},
		{"root in loose base64", "AAA=\n", "AAB=\n"},
		{"time without digits", ".000000Z", "Z"},
		{"time in a zone", ".000000Z", ".000000+00:00"},
		{"time that is none", "2026-11-24", "2026-02-30"},
		{"upper-case digest", "03000", "0A000"},
		{"line too many", "\n700\n", "\n700\n\n"},
		{"no receiver", "\nsg\n", "\n\n"},
		{"control character", "\nsg\n", "\ns\x01g\n"},
	} {
		text := strings.Replace(r.Text(), test.old, test.new, 1)
		if text == r.Text() {
			t.Fatalf("%s: nothing changed", test.name)
		}
		if got, err := parseReceiptText(text); err == nil || Code(err) != Malformed {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
}

// TestReceiptHandler: signed by the one it speaks for, about our log,
// and never a step back.
func TestReceiptHandler(t *testing.T) {
	sg, other := newOffice(t, "sg"), newOffice(t, "fi")
	b := newShelf(sg, other)
	const origin = "kr.example/demo"
	h := ReceiptHandler(b, b, origin, func() time.Time { return noon })
	signed := func(by *office, change func(*Receipt)) []byte {
		r := testReceipt()
		change(&r)
		n, err := SignReceipt(r, by.ring.Checkpoint, by.origin)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := signed(sg, func(*Receipt) {})
	for _, test := range []struct {
		name string
		body []byte
		code int
		size int64 // kept afterwards
	}{
		{"noise", []byte("noise"), http.StatusBadRequest, 0},
		{"office not known", signed(sg, func(r *Receipt) { r.Receiver = "de" }), http.StatusForbidden, 0},
		{"in another's name", signed(other, func(*Receipt) {}), http.StatusForbidden, 0},
		{"another log", signed(sg, func(r *Receipt) { r.Origin = "fi.example/demo" }), http.StatusBadRequest, 0},
		{"from the future", signed(sg, func(r *Receipt) { r.Time += time.Hour.Microseconds() }), http.StatusBadRequest, 0},
		{"checkpoint in its place", sg.checkpoint(0), http.StatusBadRequest, 0},
		{"first", first, http.StatusNoContent, 700},
		{"first again", first, http.StatusNoContent, 700},
		{"smaller", signed(sg, func(r *Receipt) { r.Size, r.Time = 699, r.Time+1 }), http.StatusConflict, 700},
		{"older", signed(sg, func(r *Receipt) { r.Size, r.Time = 701, r.Time-1 }), http.StatusConflict, 700},
		{"next", signed(sg, func(r *Receipt) { r.Size, r.Time = 701, r.Time+1 }), http.StatusNoContent, 701},
		{"same size, other list", signed(sg, func(r *Receipt) { r.Size, r.Time, r.Held = 701, r.Time+2, [32]byte{9} }), http.StatusNoContent, 701},
		{"first once more", first, http.StatusConflict, 701},
		{"too large", bytes.Repeat([]byte("a"), maxReceipt+1), http.StatusRequestEntityTooLarge, 701},
	} {
		if got := post(t, h, test.body); got != test.code {
			t.Errorf("%s: status %d, want %d", test.name, got, test.code)
		}
		if got := b.took["sg"].Size; got != test.size {
			t.Errorf("%s: kept size %d, want %d", test.name, got, test.size)
		}
	}
	if b.took["sg"].Held != [32]byte{9} {
		t.Error("the newer list was not kept")
	}
}

// TestReceiptDelivered: after applying, once for what is new, again when it was
// lost, and not again for what the source has.
func TestReceiptDelivered(t *testing.T) {
	kr, sg := newOffice(t, "kr"), newOffice(t, "sg")
	kr.grants(5)
	theirs := newShelf(sg) // Korea's books, where Singapore is a peer
	inbox := ReceiptHandler(theirs, theirs, kr.origin, func() time.Time { return noon })
	down := true
	posts := 0
	kr.lie = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != ReceiptPath {
			return false
		}
		posts++
		if down {
			http.Error(w, "down", http.StatusServiceUnavailable)
		} else {
			inbox.ServeHTTP(w, r)
		}
		return true
	}
	b := newShelf(kr)
	tick := noon.UnixMicro()
	b.receipt = func(site string) (string, bool, error) {
		tick++
		p := b.positions[site]
		return Receipt{Receiver: "sg", Origin: kr.origin, Size: p.Applied, Root: p.Verified.Root, Time: tick}.Text(), true, nil
	}
	signer, err := sg.ring.Checkpoint.NoteSigner(sg.origin)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFollower(b, Options{Client: NewClient(impatient), Signer: signer})
	if err := f.Step(context.Background(), "kr"); Code(err) != Undelivered {
		t.Errorf("source down: %v", err)
	}
	if b.positions["kr"].Applied != 5 {
		t.Error("an undelivered receipt took back what was applied")
	}
	down = false
	for range 3 {
		step(t, f, "kr")
	}
	if posts != 2 || theirs.took["sg"].Size != 5 {
		t.Errorf("%d posts, kept size %d; want 2 posts, size 5", posts, theirs.took["sg"].Size)
	}
	kr.grants(1)
	step(t, f, "kr")
	if posts != 3 || theirs.took["sg"].Size != 6 {
		t.Errorf("%d posts, kept size %d; want 3 posts, size 6", posts, theirs.took["sg"].Size)
	}

	b.receipt = func(string) (string, bool, error) { return "not a receipt\n", true, nil }
	if err := f.Step(context.Background(), "kr"); Code(err) != Internal || posts != 3 {
		t.Errorf("text that is no receipt was signed: %v", err)
	}
}

// TestSend: what one office sends, the other's handlers take.
func TestSend(t *testing.T) {
	kr, sg := newOffice(t, "kr"), newOffice(t, "sg")
	kr.grants(1)
	b := newShelf(kr)
	f := newTestFollower(b)
	mux := http.NewServeMux()
	mux.Handle("POST "+HintPath, HintHandler(b, f))
	sg.lie = func(w http.ResponseWriter, r *http.Request) bool { mux.ServeHTTP(w, r); return true }
	if err := f.client.SendHint(context.Background(), sg.site(), kr.checkpoint(1)); err != nil {
		t.Fatal(err)
	}
	if len(f.of("kr").wake) != 1 {
		t.Error("not woken")
	}
	if err := f.client.SendReceipt(context.Background(), sg.site(), nil); Code(err) != Refused {
		t.Errorf("no such path: %v", err)
	}
}

// fuzzSite is an office whose keys are the same in every process: a fuzzer's
// workers get the seeds that the first process signed.
func fuzzSite(t testing.TB) (*office, Site) {
	o := newOffice(t, "kr")
	for role, at := range map[keys.Role]*keys.Signer{
		keys.Identity: &o.ring.Identity, keys.Statement: &o.ring.Statement, keys.Checkpoint: &o.ring.Checkpoint,
	} {
		seed := sha256.Sum256([]byte(role))
		var k crypto.Signer = ed25519.NewKeyFromSeed(seed[:])
		if role != keys.Checkpoint {
			var err error
			if k, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:]); err != nil {
				t.Fatal(err)
			}
		}
		r, err := keys.NewRecord(role, k.Public())
		if err != nil {
			t.Fatal(err)
		}
		*at = keys.Signer{Record: r, Signer: k}
	}
	o.grants(3)
	return o, o.site()
}

func FuzzCheckpoint(f *testing.F) {
	o, s := fuzzSite(f)
	f.Add(o.checkpoint(3))
	f.Add(signNote(f, o.ring.Checkpoint, o.origin, o.origin+"\n03\nAAAA\n"))
	f.Add([]byte("kr.example/demo\n3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseCheckpoint(s, b, 1)
		if err != nil {
			if c := Code(err); c == Internal || c == "" {
				t.Errorf("error without code: %v", err)
			}
			return
		}
		if h.Size < 0 || h.Size > maxSize || !bytes.Equal(h.Note, b) {
			t.Errorf("head %+v", h)
		}
	})
}

// FuzzReceipt: text that is taken is what the receipt writes.
func FuzzReceipt(f *testing.F) {
	f.Add(testReceipt().Text())
	f.Add("assay receipt v1\n\n\n\n\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseReceiptText(text)
		if err == nil && r.Text() != text {
			t.Errorf("%q comes back as %q", text, r.Text())
		}
	})
}

// FuzzInbox posts anything to both inboxes; nothing strange is ever taken.
func FuzzInbox(f *testing.F) {
	o, _ := fuzzSite(f)
	b := newShelf(o)
	fo := newTestFollower(b)
	hints, receipts := HintHandler(b, fo), ReceiptHandler(b, b, "sg.example/demo", nil)
	hints.(*inbox).limit, receipts.(*inbox).limit = newLimiter(1e9, 1e9), newLimiter(1e9, 1e9)
	good := o.checkpoint(3)
	f.Add(good)
	f.Add([]byte(testReceipt().Text()))
	f.Fuzz(func(t *testing.T, body []byte) {
		if code := post(t, hints, body); code == http.StatusAccepted {
			if _, err := note.Open(body, note.VerifierList()); err == nil {
				t.Error("taken unsigned")
			}
			if h, err := parseCheckpoint(o.site(), body, 1); err != nil || h.Size == 0 {
				t.Errorf("taken: %v", err)
			}
		}
		if code := post(t, receipts, body); code == http.StatusNoContent {
			t.Errorf("taken: %q", body)
		}
	})
}

func FuzzBundle(f *testing.F) {
	f.Add(joinBundle([][]byte{{1, 2}, {}}), 2)
	f.Add([]byte{255, 255, 0}, 1)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		width = 1 + (width&255)%256
		entries, err := splitBundle(b, width)
		if err == nil && (len(entries) != width || !bytes.Equal(joinBundle(entries), b)) {
			t.Errorf("%d entries of %d that do not join to the bundle", len(entries), width)
		}
	})
}
