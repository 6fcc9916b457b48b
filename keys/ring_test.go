package keys

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

const work = 2 // scrypt work factor of the tests

func TestRing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring.age")
	made, err := Create(path, "passphrase", work)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	got, err := Open(path, "passphrase")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Records(), made.Records()) {
		t.Error("records differ after Open")
	}
	for _, role := range Roles {
		msg := []byte(role)
		sig, err := got.slot(role).Sign(msg)
		if err != nil {
			t.Fatal(err)
		}
		if err := made.slot(role).Verify(msg, sig); err != nil {
			t.Errorf("%s: %v", role, err)
		}
		if made.slot(role).Role != role {
			t.Errorf("%s stands in the place of %s", made.slot(role).Role, role)
		}
	}

	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, "other", work); !errors.Is(err, ErrExists) {
		t.Errorf("second Create: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("second Create changed the file (%v)", err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files left, want only the ring", len(files))
	}

	if _, err := Open(path, "wrong"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	before[len(before)-1] ^= 1
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, "passphrase"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("damaged file: %v", err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, "passphrase"); !errors.Is(err, ErrFile) {
		t.Errorf("oversized file: %v", err)
	}
	if _, err := Open(path+"x", "passphrase"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Create(path+"y", "passphrase", maxWork+1); err == nil {
		t.Error("a work factor that Open refuses was taken")
	}
}

func plain(t testing.TB, change func(*ringFile)) []byte {
	t.Helper()
	ring, err := NewRing()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := ring.seal("p", work)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unseal(sealed, "p"); err != nil {
		t.Fatal(err)
	}
	file := ringFile{Version: 1}
	for _, role := range Roles {
		file.Keys = append(file.Keys, keyEntry{ring.slot(role).Record, pkcs8(t, *ring.slot(role))})
	}
	change(&file)
	b, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pkcs8(t testing.TB, s Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParseRingRefuses(t *testing.T) {
	if _, err := parseRing(plain(t, func(*ringFile) {})); err != nil {
		t.Fatalf("the unchanged one: %v", err)
	}
	for name, change := range map[string]func(*ringFile){
		"newer version":             func(f *ringFile) { f.Version = 2 },
		"a key missing":             func(f *ringFile) { f.Keys = f.Keys[1:] },
		"a role twice":              func(f *ringFile) { f.Keys[0] = f.Keys[1] },
		"no role":                   func(f *ringFile) { f.Keys[0].Record.Role = "" },
		"private key of another":    func(f *ringFile) { f.Keys[0].Private = f.Keys[1].Private },
		"private key of other kind": func(f *ringFile) { f.Keys[0].Private = f.Keys[3].Private },
		"no private key":            func(f *ringFile) { f.Keys[0].Private = nil },
		"record that lies":          func(f *ringFile) { f.Keys[0].Record.ID[0] ^= 1 },
	} {
		if _, err := parseRing(plain(t, change)); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseRing(f *testing.F) {
	f.Add(plain(f, func(*ringFile) {}))
	f.Add([]byte(`{"version":1,"keys":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		ring, err := parseRing(b)
		if (ring == nil) == (err == nil) {
			t.Fatalf("ring %v, error %v", ring, err)
		}
		if err != nil {
			return
		}
		for _, r := range ring.Records() {
			if err := r.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}
