package statement

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"assay/keys"
)

func laboratory(t testing.TB) *keys.Laboratory {
	t.Helper()
	k, err := keys.NewLaboratory()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDetached(t *testing.T) {
	k, file := laboratory(t), []byte("number: R-1\n")
	b, err := SignDetached(k, "application/x", file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ParseDetached(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Verify(k.Public(), "application/x", file); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key  keys.LaboratoryPublic
		typ  string
		file string
		is   error
	}{
		"another file": {k.Public(), "application/x", "number: R-2\n", ErrBadSignature},
		"another type": {k.Public(), "application/y", "number: R-1\n", ErrHeader},
		"another key":  {laboratory(t).Public(), "application/x", "number: R-1\n", ErrWrongKey},
		"no key":       {keys.LaboratoryPublic{}, "application/x", "number: R-1\n", ErrWrongKey},
	} {
		if err := d.Verify(c.key, c.typ, []byte(c.file)); !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range b { // whatever bit is changed, it is no signature of this key over this file
		bad := slices.Clone(b)
		bad[i] ^= 1
		if d, err := ParseDetached(bad); err == nil && d.Verify(k.Public(), "application/x", file) == nil {
			t.Errorf("byte %d changed and it verifies", i)
		}
	}
}

// A signature has one form: what else the decoder would take is refused.
func TestDetachedRefuses(t *testing.T) {
	k := laboratory(t)
	good, err := SignDetached(k, "t", []byte("f"))
	if err != nil {
		t.Fatal(err)
	}
	head := "a30126" + "0450" + hex.EncodeToString(k.Public().ID()) + "106174" // {1: -7, 4: kid, 16: "t"}
	sig := hex.EncodeToString(good[len(good)-64:])
	message := func(head, rest string) []byte { // head as a byte string of the shortest length
		n := byte(len(head) / 2)
		size := []byte{0x40 + n}
		if n > 23 {
			size = []byte{0x58, n}
		}
		b, err := hex.DecodeString("d284" + hex.EncodeToString(size) + head + rest)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if b := message(head, "a0f65840"+sig); !bytes.Equal(b, good) {
		t.Fatalf("the test's encoding is not ours: %x, %x", b, good)
	}
	for name, b := range map[string][]byte{
		"empty":                     nil,
		"no tag":                    good[1:],
		"tag twice":                 append([]byte{0xd2}, good...),
		"bytes after":               append(slices.Clone(good), 0),
		"cut off":                   good[:len(good)-1],
		"large":                     make([]byte, detachedSize+1),
		"payload":                   message(head, "a041665840"+sig),
		"payload that is a map":     message(head, "a0a05840"+sig),
		"payload undefined":         message(head, "a0f75840"+sig),
		"unprotected header":        message(head, "a10400f65840"+sig),
		"critical header":           message("a40126"+"028110"+"0450"+hex.EncodeToString(k.Public().ID())+"106174", "a0f65840"+sig),
		"no type":                   message("a20126"+"0450"+hex.EncodeToString(k.Public().ID()), "a0f65840"+sig),
		"no key id":                 message("a20126"+"106174", "a0f65840"+sig),
		"short key id":              message("a30126"+"0441aa"+"106174", "a0f65840"+sig),
		"another algorithm":         message("a30127"+"0450"+hex.EncodeToString(k.Public().ID())+"106174", "a0f65840"+sig),
		"order of labels":           message("a3"+"0450"+hex.EncodeToString(k.Public().ID())+"0126"+"106174", "a0f65840"+sig),
		"short signature":           message(head, "a0f6583f"+sig[2:]),
		"signature that is nothing": message(head, "a0f6f6"),
	} {
		if _, err := ParseDetached(b); err == nil {
			t.Errorf("%s was taken: %x", name, b)
		}
	}
}

func FuzzParseDetached(f *testing.F) {
	k := laboratory(f)
	b, err := SignDetached(k, "application/x", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDetached(b)
		if err != nil {
			return
		}
		again, err := encoder.Marshal(detachedEnvelope{Protected: d.protected, Signature: d.signature})
		if err != nil || !bytes.Equal(append([]byte{tag18}, again...), b) {
			t.Errorf("%x has a second form", b)
		}
	})
}
