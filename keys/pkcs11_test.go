//go:build pkcs11

package keys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"
)

var tokens string // folder of the tokens

// testToken is made once: the module lists its tokens when it is loaded.
var testToken = sync.OnceValues(func() (PKCS11, error) {
	p := PKCS11{Token: "assay test", PINFile: filepath.Join(tokens, "pin")}
	found, _ := filepath.Glob("/usr/lib*/*/softhsm/libsofthsm2.so")
	more, _ := filepath.Glob("/usr/lo*/lib/softhsm/libsofthsm2.so")
	one, _ := filepath.Glob("/usr/lib/softhsm/libsofthsm2.so")
	if found = append(append(found, more...), one...); len(found) == 0 {
		return p, nil
	}
	p.Module = found[0]
	if out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", p.Token, "--so-pin", "12345678", "--pin", "4321").CombinedOutput(); err != nil {
		return p, fmt.Errorf("softhsm2-util: %w\n%s", err, out)
	}
	return p, os.WriteFile(p.PINFile, []byte("4321\n"), 0o600)
})

// softHSM gives a token that is thrown away after the tests.
func softHSM(t *testing.T) PKCS11 {
	t.Helper()
	p, err := testToken()
	if err != nil {
		t.Fatal(err)
	}
	if p.Module == "" {
		t.Skip("libsofthsm2.so is not installed (Debian: softhsm2)")
	}
	p.Labels = map[Role]string{}
	return p
}

// make makes a pair in the token, as the module's own tools do.
func (p PKCS11) make(t *testing.T, role Role, label string) {
	t.Helper()
	tok, err := openToken(p)
	if err != nil {
		t.Fatal(err)
	}
	defer tok.close()
	info, err := tok.ctx.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	var session pkcs11.SessionHandle
	for _, slot := range info {
		if ti, err := tok.ctx.GetTokenInfo(slot); err == nil && strings.TrimRight(ti.Label, " \x00") == p.Token {
			if session, err = tok.ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
				t.Fatal(err)
			}
		}
	}
	defer tok.ctx.CloseSession(session)
	params, gen := []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, uint(pkcs11.CKM_EC_KEY_PAIR_GEN) // prime256v1
	if role == Checkpoint {
		params, gen = []byte{0x06, 0x03, 0x2b, 0x65, 0x70}, ckmEdwardsGen // id-Ed25519
	}
	_, _, err = tok.ctx.GenerateKeyPair(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(gen, nil)},
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)},
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
			pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)})
	if err != nil {
		t.Fatalf("making the %s pair: %v", role, err)
	}
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "assay-hsm-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600)
	tokens = dir
	os.Setenv("SOFTHSM2_CONF", conf) // the module reads it once for the process
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func TestPKCS11(t *testing.T) {
	p := softHSM(t)
	for _, role := range Roles {
		p.Labels[role] = "office-" + string(role)
		p.make(t, role, p.Labels[role])
	}
	ring, end, err := OpenPKCS11(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for _, role := range Roles {
		s := ring.slot(role)
		if err := s.Check(); err != nil || s.Role != role {
			t.Errorf("%s: %v", s.Role, err)
		}
		var wg sync.WaitGroup
		for i := range 3 * sessions { // more than there are sessions
			wg.Go(func() {
				msg := bytes.Repeat([]byte{byte(i)}, 1000)
				sig, err := s.Sign(msg)
				if err == nil {
					err = s.Verify(msg, sig)
				}
				if err != nil {
					t.Errorf("%s: %v", role, err)
				}
			})
		}
		wg.Wait()
	}
	// A second ring on the same module, which another may end without harm.
	again, endAgain, err := OpenPKCS11(p, nil)
	if err != nil || !again.Has(ring.Records()) {
		t.Fatalf("opened again: %v", err)
	}
	if err := endAgain(); err != nil {
		t.Error(err)
	}
	if _, err := ring.Statement.Sign([]byte("m")); err != nil {
		t.Errorf("after another ring was closed: %v", err)
	}
	if err := ring.Save(filepath.Join(t.TempDir(), "ring"), "passphrase", work); err == nil {
		t.Error("a ring whose keys never leave the module was written to a file")
	}
	// The identity in a file, the rest in the module.
	file, err := NewRing()
	if err != nil {
		t.Fatal(err)
	}
	delete(p.Labels, Identity)
	mixed, endMixed, err := OpenPKCS11(p, file)
	if err != nil {
		t.Fatal(err)
	}
	defer endMixed()
	if !mixed.Has([]Record{file.Identity.Record, ring.Statement.Record, ring.Checkpoint.Record}) {
		t.Error("the mixed ring has other keys")
	}
}

func TestPKCS11Refuses(t *testing.T) {
	p := softHSM(t)
	p.make(t, Statement, "one")
	p.make(t, Statement, "two")
	p.make(t, Statement, "two")
	p.make(t, Checkpoint, "heads")
	rest, err := NewRing()
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("0000"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*PKCS11)
		rest   *Ring
		want   error
	}{
		"nothing wrong":     {func(p *PKCS11) {}, rest, nil},
		"a role is missing": {func(p *PKCS11) {}, nil, ErrToken},
		"no such label":     {func(p *PKCS11) { p.Labels = map[Role]string{Statement: "three"} }, rest, ErrToken},
		"label twice":       {func(p *PKCS11) { p.Labels = map[Role]string{Statement: "two"} }, rest, ErrToken},
		"other algorithm":   {func(p *PKCS11) { p.Labels = map[Role]string{Checkpoint: "one"} }, rest, ErrToken},
		"no such token":     {func(p *PKCS11) { p.Token = "another" }, rest, ErrToken},
		"no such library":   {func(p *PKCS11) { p.Module = "/nowhere.so" }, rest, ErrToken},
		"no PIN file":       {func(p *PKCS11) { p.PINFile = "/nowhere" }, rest, os.ErrNotExist},
		"empty PIN":         {func(p *PKCS11) { p.PINFile = empty }, rest, ErrFile},
		"wrong PIN":         {func(p *PKCS11) { p.PINFile = wrong }, rest, pkcs11.Error(pkcs11.CKR_PIN_INCORRECT)},
	} {
		q := p
		q.Labels = map[Role]string{Statement: "one", Checkpoint: "heads"}
		c.change(&q)
		_, end, err := OpenPKCS11(q, c.rest)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if end != nil {
			end()
		}
	}
}
