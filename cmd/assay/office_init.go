package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"assay/catalog"
	"assay/keys"
	"assay/office"
	"assay/scheme"
	"assay/store"
)

const initUsage = `usage: assay init DIR --id ID --name LANG=NAME… --territory TT --zone ZONE
                  --authority AUTHORITY… --ring RING --origin ORIGIN
                  --person PERSON:ROLE,…[:ENTITY]… [flags]

Founds an office in the new folder DIR: its database, its keys, and one bearer
token for each person. At least two persons are admins; they found it together.

  --id ID              issuer id in everything it signs, for example kr
  --name en="…"        its name, in each of its languages; English is needed
  --territory TT       where its acts have effect, for example KR
  --zone ZONE          its time zone, for example Asia/Seoul
  --authority ID       authority of the catalog that it acts as; may stand again
  --ring RING          offices of one ring speak to each other, and to no other
  --origin ORIGIN      unique name of its log for ever, like a domain and a path
  --person P           id, then its roles with commas, then for a maker or
                       laboratory the entity it speaks for. Roles: admin,
                       registrar, evaluator, officer, auditor, maker
  --specimen           marks everything as SPECIMEN
  --catalog CATALOG    folder with the catalog it adopts; default: this program's
  --laboratory FILE    a laboratory that is added to it, whose signed reports
                       count; may stand again
  --database URL       postgres://… with an empty database (or ASSAY_DATABASE);
                       default: DIR/office.db
  --passphrase-file F  for the keys, - is the standard input; default: asks
  --scrypt-work N      2^N steps per guess of the passphrase, 1 to 21; default 18
  --json               prints what was founded as JSON, without secrets

exit: 0 founded, 1 refused, 2 usage
`

// founded is what init made, without its secrets.
type founded struct {
	Dir         string          `json:"dir"`
	Office      office.Info     `json:"office"`
	Catalog     string          `json:"catalog"`
	Fingerprint string          `json:"fingerprint"`
	Persons     []foundedPerson `json:"persons"`
}

type foundedPerson struct {
	ID        string        `json:"id"`
	Pseudonym string        `json:"pseudonym"`
	Roles     []office.Role `json:"roles"`
	Entity    string        `json:"entity,omitempty"`
	Token     string        `json:"token_file"`
}

// founding is the command line of init, read.
type founding struct {
	dir      string
	database string // empty: in dir
	phrase   string // passphrase
	work     int
	info     office.Info
	catalog  []byte
	persons  []office.PersonBody
	tokens   []string // of persons, in their order
}

// runInit is the verb "init".
func runInit(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "init", initUsage)
	var names, authorities, persons list
	var f founding
	v.StringVar(&f.info.Office, "id", "", "")
	v.Var(&names, "name", "")
	v.StringVar(&f.info.Territory, "territory", "", "")
	v.StringVar(&f.info.Zone, "zone", "", "")
	v.Var(&authorities, "authority", "")
	v.StringVar(&f.info.Ring, "ring", "", "")
	v.StringVar(&f.info.Origin, "origin", "", "")
	v.Var(&persons, "person", "")
	v.BoolVar(&f.info.Specimen, "specimen", false, "")
	dir := v.String("catalog", "", "")
	var laboratories list
	v.Var(&laboratories, "laboratory", "")
	v.StringVar(&f.database, "database", os.Getenv("ASSAY_DATABASE"), "")
	file := v.String("passphrase-file", "", "")
	v.IntVar(&f.work, "scrypt-work", keys.DefaultWork, "")
	v.BoolVar(&v.json, "json", false, "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	f.dir = filepath.Clean(rest[0])
	if missing := v.missing("id", "name", "territory", "zone", "authority", "ring", "origin", "person"); len(missing) > 0 {
		return v.misuse("say also %s; see assay init -h", strings.Join(missing, " "))
	}
	f.info.Authorities = authorities
	if err := f.read(names, persons); err != nil {
		return v.misuse("%v", err)
	}
	if err := f.readCatalog(*dir, laboratories); err != nil {
		return v.fail(err)
	}
	if err := f.free(); err != nil {
		return v.fail(err)
	}
	var err error
	if f.phrase, err = v.passphrase(ctx, *file, true); err != nil {
		return v.fail(err)
	}
	out, err := f.found(ctx)
	if err != nil {
		return v.fail(err)
	}
	return printed(v, out, func(w io.Writer, out *founded) { printFounded(w, out, f.database != "", *file) })
}

// missing are the flags of names that were not given.
func (v *verb) missing(names ...string) (out []string) {
	for _, n := range names {
		if v.Lookup(n).Value.String() == "" {
			out = append(out, "--"+n)
		}
	}
	return out
}

// read takes apart what a flag has several things in.
func (f *founding) read(names, persons list) error {
	f.info.Name = scheme.Text{}
	for _, n := range names {
		lang, name, _ := strings.Cut(n, "=")
		if lang == "" || name == "" || f.info.Name[lang] != "" {
			return fmt.Errorf("--name %q: write a language once, =, and the name, like en=\"Example office\"", n)
		}
		f.info.Name[lang] = name
		f.info.Languages = append(f.info.Languages, lang)
	}
	if _, err := time.LoadLocation(f.info.Zone); err != nil {
		return fmt.Errorf("--zone: %w; write it like Europe/Helsinki", err)
	}
	for _, p := range persons {
		id, rest, _ := strings.Cut(p, ":")
		roles, entity, _ := strings.Cut(rest, ":")
		if id == "" || roles == "" || id != filepath.Base(id) || strings.HasPrefix(id, ".") {
			return fmt.Errorf("--person %q: write the id, a colon, and the roles with commas, like jin:admin,officer", p)
		}
		if slices.ContainsFunc(f.persons, func(b office.PersonBody) bool { return b.Person.ID == id }) {
			return fmt.Errorf("--person %s stands twice; give one person all roles at once", id)
		}
		token, hash := office.NewToken()
		b := office.PersonBody{Person: office.Person{ID: id, Pseudonym: f.pseudonym(), Entity: entity}, TokenHash: hex.EncodeToString(hash[:])}
		for r := range strings.SplitSeq(roles, ",") {
			b.Person.Roles = append(b.Person.Roles, office.Role(r))
		}
		f.persons, f.tokens = append(f.persons, b), append(f.tokens, token)
	}
	return nil
}

// pseudonym is a name for a person that says nothing of who it is.
func (f *founding) pseudonym() string {
	for {
		var b [5]byte
		rand.Read(b[:])
		p := f.info.Office + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
		if !slices.ContainsFunc(f.persons, func(b office.PersonBody) bool { return b.Person.Pseudonym == p }) {
			return p
		}
	}
}

// readCatalog packs the catalog and holds the authorities against it.
func (f *founding) readCatalog(dir string, laboratories []string) (err error) {
	if f.catalog, err = catalogArchive(dir, laboratories...); err != nil {
		return err
	}
	cat, err := catalog.FromArchive(f.catalog)
	if err != nil {
		return err
	}
	var known []string
	for _, s := range cat.Schemes {
		known = append(known, s.Authority)
	}
	slices.Sort(known)
	for _, a := range f.info.Authorities {
		if !slices.Contains(known, a) {
			return fmt.Errorf("--authority %s: the catalog has %s", a, strings.Join(slices.Compact(known), ", "))
		}
	}
	return nil
}

// halfDone is the folder in which an office is made before it gets its name.
func (f *founding) halfDone() string { return f.dir + ".half-done" }

// free refuses a place that is taken, by its name.
func (f *founding) free() error {
	es, err := os.ReadDir(f.dir)
	switch {
	case err == nil && len(es) > 0:
		for _, e := range es {
			if e.Name() == databaseFile || e.Name() == keysFile {
				return fmt.Errorf("%s holds an office already (%s); serve it, or choose another folder", f.dir, e.Name())
			}
		}
		return fmt.Errorf("%s is not empty; choose a folder that does not exist yet", f.dir)
	case err == nil:
		if err := os.Remove(f.dir); err != nil { // it comes back with the office in it
			return fmt.Errorf("%w; choose a folder that does not exist yet", err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	if _, err := os.Lstat(f.halfDone()); err == nil {
		if f.database == "" {
			return fmt.Errorf("an earlier init stopped half-way; nothing was founded. Remove %s and run this again", f.halfDone())
		}
		return f.unsure()
	}
	return nil
}

// unsure is said where the database may or may not have the office: its keys
// must not be thrown away before somebody has looked.
func (f *founding) unsure() error {
	return fmt.Errorf("an earlier init stopped half-way. If the database has an office in it, its keys are in %s: rename that to %s and serve it. If the database is empty, remove %s and run this again",
		f.halfDone(), f.dir, f.halfDone())
}

// found makes the office in a folder beside, and gives that its name when all
// is on the disk: a crash leaves nothing that looks like an office. In
// PostgreSQL the keys are on the disk before the database knows them.
func (f *founding) found(ctx context.Context) (out *founded, err error) {
	half := f.halfDone()
	if err := os.MkdirAll(filepath.Dir(f.dir), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(half, 0o700); err != nil {
		return nil, err
	}
	keep := false
	defer func() {
		if err != nil && !keep {
			os.RemoveAll(half)
		}
	}()
	ring, err := keys.Create(filepath.Join(half, keysFile), f.phrase, f.work)
	if err != nil {
		return nil, err
	}
	out = &founded{Dir: f.dir, Office: f.info, Fingerprint: ring.Identity.Record.Fingerprint()}
	if err := f.writeTokens(half, out); err != nil {
		return nil, err
	}
	url := f.database
	if url == "" {
		path := filepath.Join(half, databaseFile)
		if err := os.WriteFile(path, nil, 0o600); err != nil { // SQLite keeps the mode
			return nil, err
		}
		url = "sqlite:" + path
	}
	db, err := store.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	err = office.Found(ctx, db, ring, office.Founding{Info: f.info, Catalog: f.catalog, Persons: f.persons})
	if err = errors.Join(err, db.Close()); err != nil {
		if f.database != "" && office.CodeOf(err) == "" { // it may be founded all the same
			keep = true
			err = fmt.Errorf("%w\n%w", err, f.unsure())
		}
		return nil, err
	}
	keep = f.database != ""
	if err := syncFolder(half); err != nil {
		return nil, err
	}
	cat, err := catalog.FromArchive(f.catalog)
	if err != nil {
		return nil, err
	}
	out.Catalog = cat.Digest
	if err := os.Rename(half, f.dir); err != nil {
		if keep {
			err = fmt.Errorf("%w; the office is founded: rename %s to %s by hand", err, half, f.dir)
		}
		return nil, err
	}
	return out, syncFolder(filepath.Dir(f.dir))
}

// writeTokens puts each person's token into a file that only its owner reads.
func (f *founding) writeTokens(half string, out *founded) error {
	dir := filepath.Join(half, tokensFolder)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for i, b := range f.persons {
		w, err := os.OpenFile(filepath.Join(dir, b.Person.ID), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, f.tokens[i]+"\n")
		if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
			return err
		}
		out.Persons = append(out.Persons, foundedPerson{b.Person.ID, b.Person.Pseudonym, b.Person.Roles, b.Person.Entity, filepath.Join(f.dir, tokensFolder, b.Person.ID)})
	}
	return errors.Join(syncFolder(dir), syncFolder(half))
}

func printFounded(w io.Writer, o *founded, elsewhere bool, passphraseFile string) {
	fmt.Fprintf(w, "%s (%s) is founded in %s\n\n", o.Office.Name.In("en"), o.Office.Office, o.Dir)
	if !elsewhere {
		fmt.Fprintf(w, "%s\tthe database, with the log in it\n", filepath.Join(o.Dir, databaseFile))
	}
	fmt.Fprintf(w, "%s\tits keys; keep a copy, and the passphrase, away from this machine\n", filepath.Join(o.Dir, keysFile))
	fmt.Fprintf(w, "%s\tbearer tokens; give each to its person, then remove it here\n\n", filepath.Join(o.Dir, tokensFolder))
	fmt.Fprintln(w, "PERSON\tIN ACTS\tROLES\tTOKEN")
	for _, p := range o.Persons {
		roles := make([]string, len(p.Roles))
		for i, r := range p.Roles {
			roles[i] = string(r)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.ID, p.Pseudonym, strings.Join(roles, ","), p.Token)
	}
	fmt.Fprintf(w, "\nFingerprint, which partners compare by voice:\n  %s\n", o.Fingerprint)
	serve := "assay serve " + o.Dir
	if passphraseFile != "" && passphraseFile != "-" {
		serve += " --passphrase-file " + passphraseFile
	}
	if elsewhere {
		serve = "ASSAY_DATABASE=… " + serve
	}
	fmt.Fprintf(w, "\nNext:\n  %s\n  docs/operations.md tells how to pair with partners and how to back it up\n", serve)
}
