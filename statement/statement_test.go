package statement

import (
	"bytes"
	"crypto/elliptic"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"

	"assay/keys"
)

func generate(t testing.TB, role keys.Role) keys.Signer {
	t.Helper()
	s, err := keys.Generate(role)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sign(t testing.TB, s keys.Signer, h Header, payload []byte) []byte {
	t.Helper()
	b, err := Sign(s, h, payload)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, b []byte) *Statement {
	t.Helper()
	s, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type payload struct {
	Number string   `cbor:"1,keyasint"`
	Level  int      `cbor:"2,keyasint"`
	Models []string `cbor:"3,keyasint,omitempty"`
}

var first = Header{Kind: Grant, Issuer: "office.example", Origin: "office.example/log/specimen", Subject: "SPECIMEN-0001", Sequence: 1}

func TestRoundTrip(t *testing.T) {
	key := generate(t, keys.Statement)
	want := payload{"SPECIMEN-0001", 3, []string{"허브-1", "hub-2"}}
	one := parse(t, sign(t, key, first, encode(t, want)))
	var got payload
	if err := Decode(one.Payload, &got); err != nil || got.Number != want.Number || got.Models[0] != want.Models[0] {
		t.Fatalf("payload %+v, %v", got, err)
	}
	h := first
	h.KeyID = key.ID
	if one.Kind != h.Kind || one.Issuer != h.Issuer || one.Origin != h.Origin || one.Subject != h.Subject ||
		one.Sequence != 1 || one.Previous != [32]byte{} || !bytes.Equal(one.KeyID, h.KeyID) {
		t.Errorf("header %+v, want %+v", one.Header, h)
	}
	if err := one.Verify(key.Record, 1); err != nil {
		t.Error(err)
	}

	second := first
	second.Kind, second.Sequence, second.Previous = Status, 2, one.Digest()
	two := parse(t, sign(t, key, second, encode(t, want)))
	if two.Previous != one.Digest() || two.Sequence != 2 || two.Digest() == one.Digest() {
		t.Errorf("second statement: %+v", two.Header)
	}
	if err := two.Verify(key.Record, 1); err != nil {
		t.Error(err)
	}
}

// The bytes that are signed are those of RFC 9052 §4.4, written out by hand.
func TestSigStructure(t *testing.T) {
	got, err := toBeSigned([]byte{0xa1, 0x01, 0x26}, []byte("hi"))
	want := "84" + "6a" + hex.EncodeToString([]byte("Signature1")) + "43a10126" + "40" + "426869"
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("got %x, %v\nwant %s", got, err, want)
	}
}

func TestVerifyRefuses(t *testing.T) {
	key, other, identity := generate(t, keys.Statement), generate(t, keys.Statement), generate(t, keys.Identity)
	s := parse(t, sign(t, key, first, encode(t, payload{})))
	limited := key.Record
	limited.NotBefore, limited.NotAfter = 10, 20
	label, err := keys.NewRecord(keys.Label, key.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		record keys.Record
		at     int64
		want   error
	}{
		"another key":            {other.Record, 1, ErrWrongKey},
		"a key of another role":  {label, 1, ErrWrongKey},
		"the identity key":       {identity.Record, 1, ErrWrongKey},
		"before the key's start": {limited, 9, ErrKeyNotValid},
		"after the key's end":    {limited, 21, ErrKeyNotValid},
		"the key's last moment":  {limited, 20, nil},
	} {
		if err := s.Verify(c.record, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}

	ed := key.Record
	ed.Algorithm = keys.Ed25519
	if err := s.Verify(ed, 1); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("record of another algorithm: %v", err)
	}
	// A header that asks for another algorithm is not obeyed, nor is the signature looked at.
	lie := *s
	lie.algorithm = -8
	if err := lie.Verify(key.Record, 1); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("header of another algorithm: %v", err)
	}
}

// Whoever holds the statement key must not be able to replace it.
func TestKeyStatementsTakeTheIdentityKey(t *testing.T) {
	h := first
	h.Kind = Key
	if _, err := Sign(generate(t, keys.Statement), h, encode(t, payload{})); !errors.Is(err, ErrWrongKey) {
		t.Errorf("statement key signed a key statement: %v", err)
	}
	identity := generate(t, keys.Identity)
	if err := parse(t, sign(t, identity, h, encode(t, payload{}))).Verify(identity.Record, 1); err != nil {
		t.Error(err)
	}
	if _, err := Sign(identity, first, encode(t, payload{})); !errors.Is(err, ErrWrongKey) {
		t.Errorf("identity key signed a grant: %v", err)
	}
}

// Property: (r, s) and (r, n−s) are the same statement.
func TestMirroredSignature(t *testing.T) {
	key := generate(t, keys.Statement)
	n := elliptic.P256().Params().N
	for range 50 {
		b := sign(t, key, first, encode(t, payload{Level: 1}))
		mirrored := bytes.Clone(b)
		tail := mirrored[len(mirrored)-32:]
		new(big.Int).Sub(n, new(big.Int).SetBytes(tail)).FillBytes(tail)
		if bytes.Equal(b, mirrored) {
			t.Fatal("the mirror changed nothing")
		}
		one, two := parse(t, b), parse(t, mirrored)
		if err := two.Verify(key.Record, 1); err != nil {
			t.Fatal(err)
		}
		if one.Digest() != two.Digest() {
			t.Fatal("digests differ")
		}
	}
}

// Every single changed bit must be refused by Parse or Verify.
func TestEveryBitIsCovered(t *testing.T) {
	key := generate(t, keys.Statement)
	b := sign(t, key, first, encode(t, payload{"N", 1, nil}))
	for i := range len(b) * 8 {
		c := bytes.Clone(b)
		c[i/8] ^= 1 << (i % 8)
		if s, err := Parse(c); err == nil && s.Verify(key.Record, 1) == nil {
			t.Errorf("bit %d of byte %d does not matter", i%8, i/8)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	key := generate(t, keys.Statement)
	ok := encode(t, payload{})
	for name, c := range map[string]struct {
		change  func(*Header)
		payload []byte
		want    error
	}{
		"no subject":               {func(h *Header) { h.Subject = "" }, ok, ErrHeader},
		"long issuer":              {func(h *Header) { h.Issuer = strings.Repeat("x", 256) }, ok, ErrHeader},
		"NUL in the origin":        {func(h *Header) { h.Origin = "a\x00b" }, ok, ErrHeader},
		"line break in subject":    {func(h *Header) { h.Subject = "a\nb" }, ok, ErrHeader},
		"subject not UTF-8":        {func(h *Header) { h.Subject = "\xff" }, ok, ErrHeader},
		"unknown kind":             {func(h *Header) { h.Kind = "rumor" }, ok, ErrHeader},
		"sequence zero":            {func(h *Header) { h.Sequence = 0 }, ok, ErrHeader},
		"sequence beyond int64":    {func(h *Header) { h.Sequence, h.Previous[0] = 1<<63, 1 }, ok, ErrHeader},
		"first with a predecessor": {func(h *Header) { h.Previous[0] = 1 }, ok, ErrHeader},
		"second without one":       {func(h *Header) { h.Sequence = 2 }, ok, ErrHeader},
		"no payload":               {func(*Header) {}, nil, ErrMalformed},
		"payload not canonical":    {func(*Header) {}, []byte{0x18, 0x01}, ErrNotCanonical},
		"payload too large":        {func(*Header) {}, encode(t, bytes.Repeat([]byte{1}, MaxSize)), ErrTooLarge},
	} {
		h := first
		c.change(&h)
		if _, err := Sign(key, h, c.payload); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := Sign(generate(t, keys.Checkpoint), first, ok); !errors.Is(err, ErrWrongKey) {
		t.Errorf("checkpoint key: %v", err)
	}
}

// rewrite signs an envelope whose parts need not obey the rules.
func rewrite(t *testing.T, key keys.Signer, protected map[any]any, unprotected map[any]any, payload []byte) []byte {
	t.Helper()
	head := must(encoder.Marshal(protected))
	message := must(toBeSigned(head, payload))
	sig, err := key.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{tag18}, must(encoder.Marshal([]any{head, unprotected, payload, sig}))...)
}

func TestParseRefuses(t *testing.T) {
	key := generate(t, keys.Statement)
	body := encode(t, payload{"N", 1, nil})
	header := func() map[any]any {
		return map[any]any{
			1: -7, 4: key.ID, 15: map[any]any{1: "office.example", 2: "S-1"}, 16: MediaType,
			-70001: "grant", -70002: "office.example/log", -70003: 1,
		}
	}
	parse(t, rewrite(t, key, header(), map[any]any{}, body)) // the unchanged one is taken

	for name, c := range map[string]struct {
		change func(map[any]any)
		want   error
	}{
		"critical header":       {func(m map[any]any) { m[2] = []any{-70001} }, ErrMalformed},
		"unknown header":        {func(m map[any]any) { m[-70009] = 1 }, ErrMalformed},
		"unknown text header":   {func(m map[any]any) { m["x"] = 1 }, ErrMalformed},
		"unknown claim":         {func(m map[any]any) { m[15] = map[any]any{1: "a", 2: "b", 3: "c"} }, ErrMalformed},
		"no subject":            {func(m map[any]any) { m[15] = map[any]any{1: "a"} }, ErrMalformed},
		"no algorithm":          {func(m map[any]any) { delete(m, 1) }, ErrMalformed},
		"algorithm as text":     {func(m map[any]any) { m[1] = "ES256" }, ErrMalformed},
		"another type":          {func(m map[any]any) { m[16] = "application/cose" }, ErrMalformed},
		"kind null":             {func(m map[any]any) { m[-70001] = nil }, ErrMalformed},
		"sequence negative":     {func(m map[any]any) { m[-70003] = -1 }, ErrMalformed},
		"sequence zero":         {func(m map[any]any) { m[-70003] = 0 }, ErrHeader},
		"first with previous":   {func(m map[any]any) { m[-70004] = make([]byte, 32) }, ErrHeader},
		"previous of 31 bytes":  {func(m map[any]any) { m[-70003], m[-70004] = 2, make([]byte, 31) }, ErrHeader},
		"second, none previous": {func(m map[any]any) { m[-70003] = 2 }, ErrHeader},
		"previous empty":        {func(m map[any]any) { m[-70004] = []byte{} }, ErrMalformed},
		"short key id":          {func(m map[any]any) { m[4] = []byte{1} }, ErrHeader},
		"origin empty":          {func(m map[any]any) { m[-70002] = "" }, ErrHeader},
		"origin with NUL":       {func(m map[any]any) { m[-70002] = "a\x00" }, ErrMalformed},
	} {
		m := header()
		c.change(m)
		if _, err := Parse(rewrite(t, key, m, map[any]any{}, body)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}

	good := rewrite(t, key, header(), map[any]any{}, body)
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":            {nil, ErrMalformed},
		"no tag":             {good[1:], ErrMalformed},
		"another tag":        {append([]byte{0xd1}, good[1:]...), ErrMalformed},
		"cut":                {good[:len(good)-1], ErrMalformed},
		"more after it":      {append(bytes.Clone(good), 0), ErrMalformed},
		"unprotected header": {rewrite(t, key, header(), map[any]any{4: key.ID}, body), ErrMalformed},
		"payload is no CBOR": {rewrite(t, key, header(), map[any]any{}, []byte("hello")), ErrMalformed},
		"endless":            {make([]byte, MaxSize+1), ErrTooLarge},
		"a text":             {append([]byte{tag18}, encode(t, "hello")...), ErrMalformed},
		"three parts":        {append([]byte{tag18}, encode(t, []any{[]byte{0xa0}, map[int]int{}, body})...), ErrMalformed},
		"short signature":    {append([]byte{tag18}, encode(t, []any{[]byte{0xa0}, map[int]int{}, body, []byte{1}})...), ErrMalformed},
		"length in 2 bytes":  {append([]byte{tag18, 0x84, 0x58, 0x01, 0xa0}, good[5:]...), ErrNotCanonical},
	} {
		if _, err := Parse(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	key := generate(f, keys.Statement)
	f.Add(sign(f, key, first, encode(f, payload{"N", 1, []string{"m"}})))
	second := first
	second.Kind, second.Sequence, second.Previous = Status, 2, [32]byte{1}
	f.Add(sign(f, key, second, encode(f, payload{})))
	f.Add([]byte{tag18, 0x84})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			if s != nil {
				t.Error("a statement beside an error")
			}
			return
		}
		if err := s.Header.check(); err != nil {
			t.Error(err)
		}
		// What Parse took has one encoding only.
		head := must(encoder.Marshal(protected{
			s.algorithm, s.KeyID, claims{s.Issuer, s.Subject}, MediaType, s.Kind, s.Origin, s.Sequence, previous(s),
		}))
		again := append([]byte{tag18}, must(encoder.Marshal(envelope{Protected: head, Payload: s.Payload, Signature: s.signature}))...)
		if !bytes.Equal(again, b) {
			t.Errorf("encodes again as %x", again)
		}
	})
}

func previous(s *Statement) []byte {
	if s.Sequence == 1 {
		return nil
	}
	return s.Previous[:]
}

func BenchmarkSign(b *testing.B) {
	key, body := generate(b, keys.Statement), encode(b, payload{"N", 1, []string{strings.Repeat("m", 600)}})
	b.ReportAllocs()
	for b.Loop() {
		sign(b, key, first, body)
	}
}

func BenchmarkParse(b *testing.B) {
	s := sign(b, generate(b, keys.Statement), first, encode(b, payload{"N", 1, []string{strings.Repeat("m", 600)}}))
	b.ReportAllocs()
	for b.Loop() {
		parse(b, s)
	}
}

func BenchmarkVerify(b *testing.B) {
	key := generate(b, keys.Statement)
	s := parse(b, sign(b, key, first, encode(b, payload{"N", 1, []string{strings.Repeat("m", 600)}})))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Verify(key.Record, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSignDigest(t *testing.T) {
	s, err := keys.Generate(keys.Statement)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := Encode(map[int]string{1: "x"})
	if err != nil {
		t.Fatal(err)
	}
	body, digest, err := SignDigest(s, Header{Kind: Grant, Issuer: "xx", Origin: "example/xx", Subject: "s-1", Sequence: 1}, payload)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(body)
	if err != nil || parsed.Digest() != digest {
		t.Errorf("the digest of what was signed is not the one of what is read (%v)", err)
	}
}
