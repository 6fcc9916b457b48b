package coap

import "testing"

// hello is a record of DTLS with one message.
func record(kind byte, body ...byte) []byte {
	return append([]byte{kind, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(body) >> 8), byte(len(body))}, body...)
}

func TestAnswered(t *testing.T) {
	head := []byte{3, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0xfe, 0xff, 0}
	server := append([]byte{2}, head[1:]...)
	server[13] = 0xfd
	for _, x := range []struct {
		in   []byte
		want string
	}{
		{record(22, head...), "DTLS"},
		{record(22, server...), "DTLS 1.2"},
		{record(21, 2, 40), "DTLS, alert 40"},
		{record(21, 2), ""},
		{record(22, 1, 0, 0, 0), ""},
		{record(22, head...)[:20], ""},
		{[]byte("coap"), ""},
		{get(1, "/x"), ""},
	} {
		if got, err := answered(x.in); got != x.want || (err == nil) != (x.want != "") {
			t.Errorf("%x: %q, %v", x.in, got, err)
		}
	}
	// The question is no answer.
	if got, err := answered(Hello()); err == nil {
		t.Error(got)
	}
}

func FuzzAnswered(f *testing.F) {
	f.Add(record(21, 2, 40))
	f.Add(Hello())
	f.Fuzz(func(t *testing.T, b []byte) {
		if said, err := answered(b); err == nil && said == "" {
			t.Error("an answer that says nothing")
		}
	})
}
