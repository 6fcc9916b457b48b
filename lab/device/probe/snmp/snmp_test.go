package snmp

import (
	"bytes"
	"encoding/asn1"
	"testing"
)

// The request is that of RFC 1157 for sysDescr.0, byte for byte as others write it.
func TestRequest(t *testing.T) {
	got, err := request(0, "public", getRequest, 1, sysDescr, nil)
	want := []byte("\x30\x26\x02\x01\x00\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x05\x00")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v", got, err)
	}
}

func TestResponse(t *testing.T) {
	q, err := request(1, "public", setRequest, 7, sysName, []byte("gate"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := response(q, 7); err == nil {
		t.Error("a request is no answer")
	}
	a := bytes.Replace(q, []byte{0xa3}, []byte{0xa2}, 1)
	status, value, err := response(a, 7)
	if err != nil || status != 0 || string(value) != "gate" {
		t.Errorf("%d %q %v", status, value, err)
	}
	if _, _, err := response(a, 8); err == nil {
		t.Error("an answer to another question")
	}
}

func FuzzResponse(f *testing.F) {
	b, err := asn1.Marshal(message{1, []byte("public"), asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: getResponse, IsCompound: true}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, v, err := response(b, 1); err == nil && len(v) > len(b) {
			t.Error("more than there is")
		}
	})
}
