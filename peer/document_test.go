package peer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"assay/keys"
)

func testDocument(o *office) Document {
	return Document{
		Office: o.id, Name: map[string]string{"en": "SPECIMEN office", "ko": "견본 기관"}, Territory: "KR",
		Authorities: []string{"kisa"}, Schemes: []string{"kr-cic"}, Ring: "demo", Origin: o.origin,
		Keys: o.ring.Records(), Serial: 7, Issued: noon, Expires: noon.AddDate(1, 0, 0),
	}
}

func TestDocument(t *testing.T) {
	o := newOffice(t, "kr")
	d := testDocument(o)
	b, err := SignDocument(d, o.ring.Identity)
	if err != nil {
		t.Fatal(err)
	}
	o.lie = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != DocumentPath {
			return false
		}
		w.Write(b)
		return true
	}
	c := NewClient(impatient)
	fetched, err := c.FetchDocument(context.Background(), " "+o.server.URL+"\n", true)
	if err != nil || !bytes.Equal(fetched, b) {
		t.Fatalf("fetched: %v", err)
	}
	if _, err := c.FetchDocument(context.Background(), o.server.URL, false); Code(err) != Address {
		t.Errorf("private address without the flag: %v", err)
	}

	fingerprint := o.ring.Identity.Fingerprint()
	for _, spoken := range []string{fingerprint, strings.ToUpper(fingerprint), strings.ReplaceAll(fingerprint, " ", "\n")} {
		got, err := ParseDocument(fetched, spoken)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := json.Marshal(got)
		y, _ := json.Marshal(d)
		if !bytes.Equal(x, y) {
			t.Errorf("comes back as %s", x)
		}
	}
	for _, wrong := range []string{"", fingerprint[:len(fingerprint)-1], o.ring.Statement.Fingerprint(), newOffice(t, "kr").ring.Identity.Fingerprint()} {
		if _, err := ParseDocument(b, wrong); !errors.Is(err, ErrFingerprint) {
			t.Errorf("fingerprint %q: %v", wrong, err)
		}
	}

	for _, test := range []struct {
		name   string
		at     time.Time
		serial uint64
		want   error
	}{
		{"in force", noon, 7, nil},
		{"first seen", noon, 0, nil},
		{"a clock a little behind", noon.Add(-time.Minute), 7, nil},
		{"before", noon.Add(-time.Hour), 7, ErrExpired},
		{"last moment", d.Expires.Add(-time.Microsecond), 7, nil},
		{"expired", d.Expires, 7, ErrExpired},
		{"rolled back", noon, 8, ErrSerial},
	} {
		if err := d.Current(test.at, test.serial); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestDocumentRefused(t *testing.T) {
	o, thief := newOffice(t, "kr"), newOffice(t, "kr")
	for _, test := range []struct {
		name   string
		change func(*Document)
	}{
		{"no office", func(d *Document) { d.Office = "" }},
		{"line break in a name", func(d *Document) { d.Name["en"] = "a\nb" }},
		{"no name", func(d *Document) { d.Name = nil }},
		{"scheme too long", func(d *Document) { d.Schemes = []string{strings.Repeat("a", 256)} }},
		{"too many authorities", func(d *Document) { d.Authorities = make([]string, 257) }},
		{"serial 0", func(d *Document) { d.Serial = 0 }},
		{"never in force", func(d *Document) { d.Expires = d.Issued }},
		{"no keys", func(d *Document) { d.Keys = nil }},
		{"no identity key", func(d *Document) { d.Keys = d.Keys[1:] }},
		{"two identity keys", func(d *Document) { d.Keys = append(d.Keys, thief.ring.Identity.Record) }},
		{"another's identity key", func(d *Document) { d.Keys[0] = thief.ring.Identity.Record }},
		{"key record that lies", func(d *Document) { d.Keys[1].ID = d.Keys[0].ID }},
		{"too many keys", func(d *Document) {
			for len(d.Keys) <= maxKeys {
				d.Keys = append(d.Keys, d.Keys[1])
			}
		}},
	} {
		d := testDocument(o)
		test.change(&d)
		if _, err := SignDocument(d, o.ring.Identity); !errors.Is(err, ErrDocument) {
			t.Errorf("%s: signed, %v", test.name, err)
		}
	}
	if _, err := SignDocument(testDocument(o), o.ring.Statement); !errors.Is(err, ErrDocument) {
		t.Errorf("signed with the statement key: %v", err)
	}

	good, err := SignDocument(testDocument(o), o.ring.Identity)
	if err != nil {
		t.Fatal(err)
	}
	var form map[string]string
	if err := json.Unmarshal(good, &form); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(form["payload"])
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(m map[string]any)) []byte {
		m := map[string]any{}
		for k, v := range form {
			m[k] = v
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	changed := bytes.Replace(payload, []byte(`"serial":7`), []byte(`"serial":8`), 1)
	replaced := bytes.ReplaceAll(payload, mustJSON(t, o.ring.Identity.Record), mustJSON(t, thief.ring.Identity.Record))
	if bytes.Equal(changed, payload) || bytes.Equal(replaced, payload) {
		t.Fatal("nothing changed")
	}
	for _, test := range []struct {
		name string
		body []byte
	}{
		{"payload changed", with(func(m map[string]any) { m["payload"] = encode(string(changed)) })},
		{"identity key replaced", with(func(m map[string]any) { m["payload"] = encode(string(replaced)) })},
		{"no signature", with(func(m map[string]any) { m["signature"] = "" })},
		{"unprotected header", with(func(m map[string]any) { m["header"] = map[string]string{"kid": "x"} })},
		{"general form", with(func(m map[string]any) {
			m["signatures"] = []any{map[string]any{"protected": m["protected"], "signature": m["signature"]}}
			delete(m, "protected")
			delete(m, "signature")
		})},
		{"alg none", with(func(m map[string]any) { m["protected"] = encode(`{"alg":"none","typ":"assay-office+json"}`) })},
		{"alg HS256", with(func(m map[string]any) { m["protected"] = encode(`{"alg":"HS256","typ":"assay-office+json"}`) })},
		{"no type", with(func(m map[string]any) { m["protected"] = encode(`{"alg":"ES256"}`) })},
		{"critical header", with(func(m map[string]any) {
			m["protected"] = encode(`{"alg":"ES256","typ":"assay-office+json","crit":["x"],"x":1}`)
		})},
		{"compact form", []byte(form["protected"] + "." + form["payload"] + "." + form["signature"])},
		{"too large", append(bytes.Clone(good), bytes.Repeat([]byte(" "), maxDocument)...)},
		{"empty", nil},
		{"null", []byte("null")},
	} {
		if _, err := ReadDocument(test.body); !errors.Is(err, ErrDocument) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzDocument: what is read satisfies every rule and names its signer.
func FuzzDocument(f *testing.F) {
	o, _ := fuzzSite(f)
	good, err := SignDocument(testDocument(o), o.ring.Identity)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"payload":"e30","protected":"eyJhbGciOiJFUzI1NiIsInR5cCI6ImFzc2F5LW9mZmljZStqc29uIn0","signature":"AA"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ReadDocument(b)
		if err != nil {
			if !errors.Is(err, ErrDocument) {
				t.Errorf("error without name: %v", err)
			}
			return
		}
		id, err := d.identity()
		if err != nil || id.Role != keys.Identity || d.Fingerprint() != o.ring.Identity.Fingerprint() {
			t.Errorf("read %+v, %v", d, err)
		}
	})
}
