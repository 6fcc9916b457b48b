package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"assay/keys"

	"golang.org/x/mod/sumdb/note"
)

const origin = "office.example/log/specimen"

func signer(t testing.TB) keys.Signer {
	t.Helper()
	s, err := keys.Generate(keys.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verifier(t testing.TB, s keys.Signer, name string) note.Verifier {
	t.Helper()
	v, err := s.NoteVerifier(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// publish signs the head of a log in memory.
func publish(t testing.TB, m *memory, s keys.Signer) {
	t.Helper()
	b, err := Checkpoint(origin, m.head, s)
	if err != nil {
		t.Fatal(err)
	}
	m.note, m.size = b, m.head.Size
}

func TestCheckpoint(t *testing.T) {
	m, s := newMemory(), signer(t)
	grow(t, m, 300, by(300))
	publish(t, m, s)
	want := fmt.Sprintf("%s\n300\n%s\n\n— %s ", origin, base64.StdEncoding.EncodeToString(m.head.Root[:]), origin)
	if !strings.HasPrefix(string(m.note), want) {
		t.Errorf("got %s\nwant %s…", m.note, want)
	}
	tree, err := ParseCheckpoint(m.note, origin, verifier(t, s, origin))
	if err != nil || tree.N != 300 || tree.Hash != m.head.Root {
		t.Errorf("parsed as %+v, %v", tree, err)
	}
	identity, err := keys.Generate(keys.Identity)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Checkpoint(origin, m.head, identity); !errors.Is(err, keys.ErrRole) {
		t.Errorf("signed with the identity key: %v", err)
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	s := signer(t)
	v := verifier(t, s, origin)
	by, err := s.NoteSigner(origin)
	if err != nil {
		t.Fatal(err)
	}
	root := base64.StdEncoding.EncodeToString(make([]byte, HashSize))
	signed := func(text string) []byte {
		b, err := note.Sign(&note.Note{Text: text}, by)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := signed(origin + "\n5\n" + root + "\n")
	if _, err := ParseCheckpoint(good, origin, v); err != nil {
		t.Fatal(err)
	}
	if tree, err := ParseCheckpoint(signed(origin+"\n5\n"+root+"\nextension\n"), origin, v); err != nil || tree.N != 5 {
		t.Errorf("an extension line: %v", err)
	}
	for name, b := range map[string][]byte{
		"nothing":            nil,
		"no signature":       []byte(origin + "\n5\n" + root + "\n"),
		"another origin":     signed("other.example/log\n5\n" + root + "\n"),
		"changed size":       bytes.Replace(good, []byte("\n5\n"), []byte("\n6\n"), 1),
		"leading zero":       signed(origin + "\n05\n" + root + "\n"),
		"a plus sign":        signed(origin + "\n+5\n" + root + "\n"),
		"negative":           signed(origin + "\n-5\n" + root + "\n"),
		"beyond 63 bits":     signed(origin + "\n9223372036854775808\n" + root + "\n"),
		"short root":         signed(origin + "\n5\n" + root[:40] + "\n"),
		"loose base64":       signed(origin + "\n5\n" + root[:42] + "B=\n"),
		"two lines":          signed(origin + "\n5\n"),
		"endless":            append(bytes.Clone(good), make([]byte, MaxCheckpoint)...),
		"another key's name": bytes.Replace(good, []byte("— "+origin), []byte("— other.example"), 1),
	} {
		if _, err := ParseCheckpoint(b, origin, v); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseCheckpoint(good, origin, verifier(t, signer(t), origin)); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("another key: %v", err)
	}
}

// acceptAll lets the fuzzer past the signature.
type acceptAll struct{ note.Verifier }

func (acceptAll) Verify(_, _ []byte) bool { return true }

func FuzzCheckpoint(f *testing.F) {
	s := signer(f)
	v := acceptAll{verifier(f, s, origin)}
	m := newMemory()
	grow(f, m, 3, by(3))
	publish(f, m, s)
	f.Add(m.note)
	f.Add(bytes.Replace(m.note, []byte("\n3\n"), []byte("\n03\n"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := ParseCheckpoint(b, origin, v)
		if err != nil {
			return
		}
		if tree.N < 0 || !bytes.HasPrefix(b, fmt.Appendf(nil, "%s\n%d\n%s\n", origin, tree.N, tree.Hash)) {
			t.Errorf("%q is %d %v", b, tree.N, tree.Hash)
		}
	})
}
