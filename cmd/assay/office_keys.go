package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"assay/keys"
	"assay/office"
	"assay/statement"
)

// Key files in an office's folder, besides [keysFile].
const (
	nextKeysFile     = "keys.next.age"     // made by `assay keys new`, in force once an act says so
	previousKeysFile = "keys.previous.age" // what was in force before: its checkpoint key signs on for a while
)

const keysUsage = `usage: assay keys new|act|show|use DIR [flags]

Replaces the keys of the office in DIR. The identity key stays: another one is
another office to every partner, and a new pairing.

  new    makes DIR/keys.next.age: the same identity and fresh keys
  act    prints the body of the act that puts the next keys in force, for
         assay propose key --body; two admins decide it. A running office then
         signs with them at once, and makes their file keys.age by itself
  show   lists the keys at hand and what the log says of each
  use    makes keys.next.age the office's keys.age, where the log names it:
         only needed on a machine that did not serve at the time

  --role ROLE          new: only this role; may stand again. statement, label
                       or checkpoint
  --scrypt-work N      new: as for assay init
  --reason REASON      act: scheduled, compromised or lost
  --since TIME         act, compromised: from when its signatures are in doubt
  --database URL       postgres://… where the office is in PostgreSQL
                       (or ASSAY_DATABASE); default: DIR/office.db
  --passphrase-file F  for the key files, - is the standard input; default: asks
  --json               show: prints it as JSON
` + moduleUsage + `
exit: 0 done, 1 refused, 2 usage
`

const moduleUsage = `
  --pkcs11-module FILE        library of a hardware module; with it
  --pkcs11-token LABEL        the token in it
  --pin-file FILE             and its user PIN
  --pkcs11-label ROLE=LABEL   key pair in the token for a role; may stand again.
                              The other roles' keys are in DIR/keys.age
  --pkcs11-next-label R=L     the same for the keys that come next
`

// moduleFlags say which keys are in a hardware module.
type moduleFlags struct {
	keys.PKCS11
	now, next roleLabels
}

func (m *moduleFlags) flags(v *verb) {
	v.StringVar(&m.Module, "pkcs11-module", "", "")
	v.StringVar(&m.Token, "pkcs11-token", "", "")
	v.StringVar(&m.PINFile, "pin-file", "", "")
	m.now, m.next = roleLabels{}, roleLabels{}
	v.Var(m.now, "pkcs11-label", "")
	v.Var(m.next, "pkcs11-next-label", "")
}

// check reports flags that do not go together.
func (m *moduleFlags) check() error {
	labels := len(m.now)+len(m.next) > 0
	if all := m.Module != "" && m.Token != "" && m.PINFile != "" && labels; !all && (m.Module != "" || m.Token != "" || m.PINFile != "" || labels) {
		return errors.New("--pkcs11-module, --pkcs11-token, --pin-file and a label belong together")
	}
	return nil
}

// open opens the keys under labels; rest has the others.
func (m *moduleFlags) open(labels roleLabels, rest *keys.Ring) (*keys.Ring, error) {
	p := m.PKCS11
	p.Labels = labels
	ring, _, err := keys.OpenPKCS11(p, rest) // open for as long as the process lives
	return ring, err
}

// roleLabels is a flag that may stand again.
type roleLabels map[keys.Role]string

func (l roleLabels) String() string { return "" }

func (l roleLabels) Set(s string) error {
	role, label, _ := strings.Cut(s, "=")
	if !slices.Contains(keys.Roles, keys.Role(role)) || label == "" || l[keys.Role(role)] != "" {
		return fmt.Errorf("write a role of %v once, =, and the label", keys.Roles)
	}
	l[keys.Role(role)] = label
	return nil
}

// keyring is the rings of an office's folder and of its hardware module. It
// keeps the passphrase, since the next ring may be made while the office runs.
type keyring struct {
	dir, phrase string
	module      moduleFlags
	log         *slog.Logger

	mu   sync.Mutex
	file *keys.Ring // keys.age; nil where all keys are in the module
	next *keys.Ring // keys.next.age, once opened
}

func (k *keyring) path(name string) string { return filepath.Join(k.dir, name) }

// needsFile reports whether a key is in a file.
func (k *keyring) needsFile() bool { return len(k.module.now) < len(keys.Roles) }

// current opens the ring to start with.
func (k *keyring) current() (ring *keys.Ring, err error) {
	if k.needsFile() {
		if k.file, err = keys.Open(k.path(keysFile), k.phrase); err != nil {
			return nil, err
		}
	}
	if len(k.module.now) == 0 {
		return k.file, nil
	}
	return k.module.open(k.module.now, k.file)
}

// others opens every other ring at hand. One that cannot be opened does not
// keep the others from being used.
func (k *keyring) others() (rings []*keys.Ring, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file != nil {
		rings = append(rings, k.file)
	}
	add := func(ring *keys.Ring, e error) *keys.Ring {
		if e != nil {
			if !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
			return nil
		}
		rings = append(rings, ring)
		return ring
	}
	if k.phrase != "" {
		if k.next = add(keys.Open(k.path(nextKeysFile), k.phrase)); k.next != nil && len(k.module.now) > 0 {
			add(k.module.open(k.module.now, k.next))
		}
		add(keys.Open(k.path(previousKeysFile), k.phrase))
	}
	if len(k.module.next) > 0 {
		add(k.module.open(k.module.next, k.file))
	}
	return rings, err
}

// took makes the next key file the current one, once the office signs with it.
func (k *keyring) took(ring *keys.Ring) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.next == nil || !ring.Has(k.next.Records()) {
		return
	}
	if err := keys.Promote(k.path(nextKeysFile), k.path(keysFile), k.path(previousKeysFile)); err != nil {
		k.log.Error("the new keys are in force, and their file keeps its name; rename it with: assay keys use", "err", err)
		return
	}
	k.log.Info("the new keys are in force", "file", k.path(keysFile))
	k.file, k.next = k.next, nil
}

// keysVerb is what the verbs below share.
type keysVerb struct {
	*verb
	ring     keyring
	database string
}

// runKeys is the verb "keys".
func runKeys(ctx context.Context, args []string, std stdio) int {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		v := newLocalVerb(std, "keys", keysUsage)
		if _, code, ok := v.parse(args, 1, 1); !ok {
			return code
		}
		return v.misuse("say new, act, show or use")
	}
	k := &keysVerb{verb: newLocalVerb(std, "keys "+args[0], keysUsage)}
	k.ring.log = newLogger(std, false, false)
	k.ring.module.flags(k.verb)
	k.StringVar(&k.database, "database", os.Getenv("ASSAY_DATABASE"), "")
	file := k.String("passphrase-file", "", "")
	var do func(context.Context) int
	switch args[0] {
	case "new":
		var roles list
		k.Var(&roles, "role", "")
		work := k.Int("scrypt-work", keys.DefaultWork, "")
		do = func(context.Context) int { return k.make(roles, *work) }
	case "act":
		reason := k.String("reason", "", "")
		var since instant
		k.Var(&since, "since", "")
		do = func(ctx context.Context) int { return k.act(ctx, *reason, int64(since)) }
	case "show":
		k.BoolVar(&k.json, "json", false, "")
		do = k.show
	case "use":
		do = k.use
	default:
		return k.misuse("%q is none of new, act, show, use", clip(args[0]))
	}
	rest, code, ok := k.parse(args[1:], 1, 1)
	if !ok {
		return code
	}
	if err := k.ring.module.check(); err != nil {
		return k.misuse("%v", err)
	}
	k.ring.dir = rest[0]
	if k.ring.needsFile() {
		if _, err := os.Stat(k.ring.path(keysFile)); err != nil {
			return k.fail(err)
		}
		var err error
		if k.ring.phrase, err = k.passphrase(ctx, *file, false); err != nil {
			return k.fail(err)
		}
	}
	return do(ctx)
}

// named reads which keys the log names.
func (k *keysVerb) named(ctx context.Context) (recs []keys.Record, err error) {
	where := k.ring.dir
	if k.database != "" {
		where = k.database
	}
	db, err := openDatabase(ctx, where)
	if err != nil {
		return nil, err
	}
	defer closing(db, &err)
	_, recs, err = office.Describe(ctx, db)
	return recs, err
}

func (k *keysVerb) make(roles list, work int) int {
	old, err := keys.Open(k.ring.path(keysFile), k.ring.phrase)
	if err != nil {
		return k.fail(err)
	}
	var want []keys.Role
	for _, r := range roles {
		want = append(want, keys.Role(r))
	}
	next, err := old.Renew(want...)
	if err == nil {
		err = next.Save(k.ring.path(nextKeysFile), k.ring.phrase, work)
	}
	if err != nil {
		return k.fail(err)
	}
	fmt.Fprintf(k.std.out, "%s is made: keep a copy away from this machine, and copy it to every machine that serves this office. Then:\n\n"+
		"    assay keys act %s --reason scheduled > key.json\n    assay propose key --body key.json\n", k.ring.path(nextKeysFile), k.ring.dir)
	return exitOK
}

// nextRing is the ring that comes next: in the module where labels name one.
func (k *keysVerb) nextRing() (*keys.Ring, error) {
	if _, err := k.ring.current(); err != nil {
		return nil, err
	}
	if len(k.ring.module.next) > 0 {
		return k.ring.module.open(k.ring.module.next, k.ring.file)
	}
	next, err := keys.Open(k.ring.path(nextKeysFile), k.ring.phrase)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; make it with: assay keys new %s", err, k.ring.dir)
	}
	return next, err
}

func (k *keysVerb) act(ctx context.Context, reason string, since int64) int {
	if !slices.Contains([]string{statement.Scheduled, statement.Compromised, statement.Lost}, reason) || (reason == statement.Compromised) != (since != 0) {
		return k.misuse("--reason is %s, %s or %s, and --since goes with %[2]s", statement.Scheduled, statement.Compromised, statement.Lost)
	}
	next, err := k.nextRing()
	if err != nil {
		return k.fail(err)
	}
	named, err := k.named(ctx)
	if err != nil {
		return k.fail(err)
	}
	b := office.KeyBody{Reason: reason, Since: since}
	for _, r := range next.Records() {
		if !slices.ContainsFunc(named, func(n keys.Record) bool { return string(n.ID) == string(r.ID) }) {
			b.Keys = append(b.Keys, r)
		}
	}
	if len(b.Keys) == 0 {
		return k.fail(errors.New("the log names all of these keys already"))
	}
	k.json = true
	return printed(k.verb, b, nil)
}

// keyLine is one key, where it is, and what the log says of it.
type keyLine struct {
	Role  keys.Role `json:"role"`
	ID    string    `json:"id"`
	At    []string  `json:"at"`    // where its private half is
	State string    `json:"state"` // in force, ended, not named by the log
	From  int64     `json:"from,omitempty"`
	Until int64     `json:"until,omitempty"`
}

func (k *keysVerb) show(ctx context.Context) int {
	named, err := k.named(ctx)
	if err != nil {
		return k.fail(err)
	}
	var out []*keyLine
	line := func(r keys.Record) *keyLine {
		id := fmt.Sprintf("%x", r.ID)
		for _, l := range out {
			if l.ID == id {
				return l
			}
		}
		out = append(out, &keyLine{Role: r.Role, ID: id, State: "not named by the log"})
		return out[len(out)-1]
	}
	for _, r := range named {
		l := line(r)
		if l.State, l.From, l.Until = "in force", r.NotBefore, r.NotAfter; r.NotAfter != 0 {
			l.State = "ended"
		}
	}
	at := func(where string, ring *keys.Ring, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			for _, r := range ring.Records() {
				l := line(r)
				l.At = append(l.At, where)
			}
		}
		return err
	}
	var errs []error
	for _, name := range []string{keysFile, nextKeysFile, previousKeysFile} {
		if k.ring.phrase != "" {
			ring, err := keys.Open(k.ring.path(name), k.ring.phrase)
			errs = append(errs, at(name, ring, err))
		}
	}
	if _, err := k.ring.current(); err != nil {
		return k.fail(err)
	}
	for where, labels := range map[string]roleLabels{"module": k.ring.module.now, "module, next": k.ring.module.next} {
		if len(labels) > 0 {
			ring, err := k.ring.module.open(labels, k.ring.file)
			errs = append(errs, at(where, ring, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return k.fail(err)
	}
	return printed(k.verb, out, func(w io.Writer, ls []*keyLine) {
		fmt.Fprintln(w, "role\tkey\tstate\tfrom\tuntil\tat")
		for _, l := range ls {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Role, l.ID, l.State, or(when(l.From)), or(when(l.Until)), or(strings.Join(l.At, ", ")))
		}
	})
}

func (k *keysVerb) use(ctx context.Context) int {
	next, err := keys.Open(k.ring.path(nextKeysFile), k.ring.phrase)
	if err != nil {
		return k.fail(err)
	}
	named, err := k.named(ctx)
	if err != nil {
		return k.fail(err)
	}
	for _, r := range named {
		if r.NotAfter == 0 && k.ring.module.now[r.Role] == "" && !next.Has([]keys.Record{r}) {
			return k.fail(fmt.Errorf("the log names another %s key than %s has; two admins put it in force first: assay keys act %s", r.Role, nextKeysFile, k.ring.dir))
		}
	}
	if err := keys.Promote(k.ring.path(nextKeysFile), k.ring.path(keysFile), k.ring.path(previousKeysFile)); err != nil {
		return k.fail(err)
	}
	fmt.Fprintf(k.std.out, "%s is the office's key file now; the one before is %s\n", k.ring.path(keysFile), k.ring.path(previousKeysFile))
	return exitOK
}
