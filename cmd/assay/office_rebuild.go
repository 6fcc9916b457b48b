package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"assay/ledger"
	"assay/office"
	"assay/store"
)

const rebuildUsage = `usage: assay rebuild URL|DIR|FILE --into DATABASE [flags]

Makes the public register of an office again, from nothing but its log: checks
the whole log, verifies every statement, and enters it. Anybody can do this.

  --into DATABASE    new file, or postgres://… with an empty database
  --compare OFFICE   folder or database of the office; says whether its own
                     register is the same, and where it differs first
  --catalog CATALOG  folder with the office's catalog; default: the one in the
                     database read, or this program's
  --fingerprint F    of the office's identity key, as its people told you
  --json             prints the result as JSON

exit: 0 made, and the same where compared; 1 not; 2 usage
`

// rebuilt is what rebuild made.
type rebuilt struct {
	office.Rebuilt
	Office     string `json:"office"`
	Into       string `json:"into"`
	Digest     string `json:"digest"`             // of the register
	Compared   string `json:"compared,omitempty"` // digest of the office's own
	Difference string `json:"difference,omitempty"`
}

// runRebuild is the verb "rebuild".
func runRebuild(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "rebuild", rebuildUsage)
	var pin logPin
	into := v.String("into", "", "")
	compare := v.String("compare", "", "")
	catalogDir := v.String("catalog", "", "")
	v.StringVar(&pin.fingerprint, "fingerprint", "", "")
	v.BoolVar(&v.json, "json", false, "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if missing := v.missing("into"); len(missing) > 0 {
		return v.misuse("say where the register goes: --into FILE")
	}
	out, err := rebuild(ctx, v, rest[0], pin, *into, *compare, *catalogDir)
	if err != nil {
		return v.fail(err)
	}
	code = printed(v, out, func(w io.Writer, r *rebuilt) {
		fmt.Fprintf(w, "office\t%s\nentries\t%d\ncertificates\t%d\nevents\t%d\nregister\t%s\n", r.Office, r.Entries, r.Certificates, r.Events, r.Digest)
		switch {
		case r.Difference != "":
			fmt.Fprintf(w, "differs\t%s (the second is the office's own)\n", r.Difference)
		case r.Compared != "":
			fmt.Fprintln(w, "compared\tthe office's own register is the same")
		}
	})
	if out.Difference != "" {
		return exitFailed
	}
	return code
}

func rebuild(ctx context.Context, v *verb, from string, pin logPin, into, compare, catalogDir string) (out *rebuilt, err error) {
	s, err := openLog(ctx, from, pin)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var archive []byte
	if s.db != nil && catalogDir == "" {
		archive, err = office.Adopted(ctx, s.db)
	} else {
		archive, err = catalogArchive(catalogDir)
	}
	if err != nil {
		return nil, err
	}
	db, discard, err := newDatabase(ctx, into)
	if err != nil {
		return nil, err
	}
	defer func() {
		closing(db, &err)
		if err != nil { // half a register looks like a whole one
			discard()
		}
	}()
	done, err := office.Rebuild(ctx, db, s.office, s.origin, s.identity, archive, s.entries(ctx, showProgress(v.std.err)))
	if err != nil {
		return nil, err
	}
	digest, err := office.RegisterDigest(ctx, db, s.office)
	if err != nil {
		return nil, err
	}
	out = &rebuilt{Rebuilt: *done, Office: s.office, Into: into, Digest: digest.String()}
	if compare == "" {
		return out, nil
	}
	own, err := openDatabase(ctx, compare)
	if err != nil {
		return nil, err
	}
	defer closing(own, &err)
	return out, out.compare(ctx, db, own)
}

// compare holds the register made against the office's own. An office that
// went on logging meanwhile has more, which is no difference.
func (r *rebuilt) compare(ctx context.Context, db, own *store.DB) error {
	digest, err := office.RegisterDigest(ctx, own, r.Office)
	if err != nil {
		return err
	}
	if r.Compared = digest.String(); r.Compared == r.Digest {
		return nil
	}
	var head ledger.Head
	if err := own.View(ctx, func(tx *store.Tx) (err error) { head, err = tx.Head(); return err }); err != nil {
		return err
	}
	if head.Size != r.Entries {
		return fmt.Errorf("the office has logged %d entries and the log read here has %d, so the two cannot be compared; stop the office, or compare with a backup of it", head.Size, r.Entries)
	}
	if r.Difference, err = office.RegisterDifference(ctx, db, own, r.Office); err == nil && r.Difference == "" {
		err = errors.New("the two registers changed while they were compared; run this again")
	}
	return err
}

// entries hands on each entry as the check of the whole log comes by it, so
// that what is entered is what was checked and nothing is fetched twice. An
// error at the end takes all of it back.
func (s *logSource) entries(ctx context.Context, progress func(done, size int64)) func(yield func(index int64, body []byte) error) error {
	return func(yield func(int64, []byte) error) error {
		_, err := ledger.Fsck(ctx, tap{s.Fetcher, yield}, s.origin, s.verifier, progress)
		return err
	}
}

// tap is a fetcher that hands the entries of every bundle to somebody.
type tap struct {
	ledger.Fetcher
	yield func(index int64, body []byte) error
}

func (t tap) Fetch(ctx context.Context, path string, max int) ([]byte, error) {
	b, err := t.Fetcher.Fetch(ctx, path, max)
	if err != nil || path == ledger.CheckpointPath {
		return b, err
	}
	tile, err := ledger.ParsePath(path)
	if err != nil || tile.Level != ledger.Entries {
		return b, err
	}
	es, err := ledger.ParseBundle(b, tile.Width)
	if err != nil {
		return nil, err
	}
	for i, e := range es {
		if err := t.yield(tile.N*ledger.TileWidth+int64(i), e); err != nil {
			return nil, err
		}
	}
	return b, nil
}
