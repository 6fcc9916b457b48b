package statement

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	for name, c := range map[string]struct {
		hex  string
		want error
	}{
		"zero":                {"00", nil},
		"24":                  {"1818", nil},
		"2^64-1":              {"1bffffffffffffffff", nil},
		"map in order":        {"a201000200", nil},
		"negative key last":   {"a2010020f6", nil},
		"nothing":             {"", ErrMalformed},
		"two items":           {"0000", ErrMalformed},
		"23 in two bytes":     {"1817", ErrNotCanonical},
		"255 in three":        {"1900ff", ErrNotCanonical},
		"65535 in five":       {"1a0000ffff", ErrNotCanonical},
		"2^32-1 in nine":      {"1b00000000ffffffff", ErrNotCanonical},
		"length not shortest": {"580100", ErrNotCanonical},
		"map out of order":    {"a202000100", ErrNotCanonical},
		"a key twice":         {"a201000100", ErrNotCanonical},
		"indefinite array":    {"9fff", ErrMalformed},
		"indefinite string":   {"5f4100ff", ErrMalformed},
		"break alone":         {"ff", ErrMalformed},
		"tag":                 {"c100", ErrMalformed},
		"float16":             {"f93c00", ErrMalformed},
		"float64":             {"fb3ff0000000000000", ErrMalformed},
		"undefined":           {"f7", ErrMalformed},
		"simple 32":           {"f820", ErrMalformed},
		"reserved info":       {"1c", ErrMalformed},
		"text not UTF-8":      {"61ff", ErrMalformed},
		"text with NUL":       {"6100", ErrMalformed},
		"bytes with NUL":      {"4100", nil},
		"string too long":     {"5bffffffffffffffff00", ErrMalformed},
		"array too long":      {"9bffffffffffffffff00", ErrMalformed},
		"map without value":   {"a101", ErrMalformed},
		"head cut":            {"19", ErrMalformed},
		"16 deep":             {strings.Repeat("81", 16) + "00", nil},
		"17 deep":             {strings.Repeat("81", 17) + "00", ErrMalformed},
	} {
		b, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		if err := canonical(b); !errors.Is(err, c.want) {
			t.Errorf("%s (%s): %v, want %v", name, c.hex, err, c.want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, v := range map[string]any{
		"float": 1.5, "NUL": "a\x00", "not UTF-8": "\xff", "channel": make(chan int), "float in a list": []any{1, 2.5},
	} {
		if b, err := Encode(v); err == nil {
			t.Errorf("%s: encoded as %x", name, b)
		}
	}
	empty, err := Encode(payload{Models: []string{}})
	null, err2 := Encode(payload{})
	if err != nil || err2 != nil || !bytes.Equal(empty, null) {
		t.Errorf("empty %x, nil %x (%v, %v)", empty, null, err, err2)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"unknown key":   {[]byte{0xa1, 0x09, 0x00}, ErrMalformed},
		"a key twice":   {[]byte{0xa2, 0x02, 0x01, 0x02, 0x02}, ErrNotCanonical},
		"another type":  {[]byte{0xa1, 0x02, 0x61, 'x'}, ErrMalformed},
		"out of range":  {[]byte{0xa1, 0x02, 0x1b, 255, 255, 255, 255, 255, 255, 255, 255}, ErrMalformed},
		"missing key":   {[]byte{0xa1, 0x02, 0x01}, ErrMalformed},
		"null":          {[]byte{0xa2, 0x01, 0xf6, 0x02, 0x01}, ErrMalformed},
		"empty omitted": {[]byte{0xa3, 0x01, 0x60, 0x02, 0x01, 0x03, 0x80}, ErrMalformed},
		"bytes as text": {[]byte{0xa1, 0x01, 0x41, 'x'}, ErrMalformed},
		"too large":     {make([]byte, MaxSize+1), ErrTooLarge},
	} {
		var p payload
		if err := Decode(c.b, &p); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// Property: what canonical takes is exactly what comes back from decoding and
// encoding again.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"a201000200", "83010203", "a2616100616201", "f6", "1817", "a202000100", "8181814100", "c100"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v any
		err := Decode(b, &v)
		if err != nil {
			return
		}
		again, err := Encode(v)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x encodes again as %x, %v", b, again, err)
		}
		var w any
		if err := Decode(again, &w); err != nil || !reflect.DeepEqual(v, w) {
			t.Errorf("%v, then %v, %v", v, w, err)
		}
	})
}
