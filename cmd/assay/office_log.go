package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"assay/client"
	"assay/keys"
	"assay/ledger"
	"assay/office"
	"assay/peer"
	"assay/store"
)

const logUsage = `usage: assay log fsck URL|DIR|FILE [flags]

Checks a whole log: the checkpoint's signature, every entry, every tile, and
that the root follows from them. The log is that of an office at a URL, or in
its folder or database.

  --fingerprint F   of the office's identity key, as its people told you; the
                    office's document then says which key signs the log
  --key VKEY        key that signs the checkpoint, name+hash+key, and
  --origin ORIGIN   the log's name; default: the key's name
  --json            prints the result as JSON

Without --fingerprint or --key the key is the one that the place itself names,
which shows that the log is whole and not whose it is.

exit: 0 whole, 1 not whole or not readable, 2 usage
`

// logPin is what the caller knows of a log beforehand.
type logPin struct{ fingerprint, key, origin string }

func (p *logPin) flags(v *verb) {
	v.StringVar(&p.fingerprint, "fingerprint", "", "")
	v.StringVar(&p.key, "key", "", "")
	v.StringVar(&p.origin, "origin", "", "")
}

// logSource is a log that can be read, and whose it is.
type logSource struct {
	ledger.Fetcher
	origin   string
	office   string
	verifier note.Verifier
	identity keys.Record // zero where only a note key is known
	pinned   bool        // the caller knew the key, rather than the place named it
	db       *store.DB   // nil over HTTP
}

func (s *logSource) Close() error {
	if s.db == nil {
		return nil
	}
	return s.db.Close()
}

// openLog opens the log at a URL, in a folder or in a database.
func openLog(ctx context.Context, where string, pin logPin) (*logSource, error) {
	if strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://") {
		return openRemoteLog(ctx, where, pin)
	}
	db, err := openDatabase(ctx, where)
	if err != nil {
		return nil, err
	}
	info, ks, err := office.Describe(ctx, db)
	s := &logSource{Fetcher: ledger.Local(db.Log()), origin: info.Origin, office: info.Office, db: db}
	if err == nil {
		err = s.know(ks, pin)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", where, err), db.Close())
	}
	return s, nil
}

func openRemoteLog(ctx context.Context, where string, pin logPin) (*logSource, error) {
	s := &logSource{Fetcher: ledger.HTTP(where)}
	if pin.key != "" { // then nothing is asked but the log, which any mirror can serve
		return s, s.know(nil, pin)
	}
	c, err := client.New(where, client.Options{})
	if err != nil {
		return nil, err
	}
	b, err := c.Document(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading whose log it is: %w", err)
	}
	d, err := peer.ReadDocument(b)
	if err == nil {
		err = d.Current(time.Now(), 0)
	}
	if err != nil {
		return nil, err
	}
	s.origin, s.office = d.Origin, d.Office
	return s, s.know(d.Keys, pin)
}

// know takes the keys that the place names, or the caller's.
func (s *logSource) know(ks []keys.Record, pin logPin) error {
	now := time.Now().UnixMicro()
	for _, k := range ks {
		switch {
		case k.Role == keys.Identity:
			s.identity = k
		case k.Role == keys.Checkpoint && k.ValidAt(now):
			v, err := k.NoteVerifier(s.origin)
			if err != nil {
				return err
			}
			s.verifier = v
		}
	}
	if pin.fingerprint != "" && pin.key == "" {
		if have := s.identity.Fingerprint(); !sameFingerprint(have, pin.fingerprint) {
			return fmt.Errorf("the office there has the fingerprint %s, which is not the one given", have)
		}
		s.pinned = true
	}
	if pin.key != "" {
		v, err := note.NewVerifier(pin.key)
		if err != nil {
			return fmt.Errorf("--key: %w; it reads name+hash+key", err)
		}
		s.verifier, s.pinned, s.origin = v, true, v.Name()
	}
	if pin.origin != "" {
		s.origin = pin.origin
	}
	if s.verifier == nil {
		return errors.New("it names no key that signs its log now")
	}
	return nil
}

func sameFingerprint(a, b string) bool {
	plain := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	return plain(a) == plain(b)
}

// checkedLog is what fsck found.
type checkedLog struct {
	Origin  string `json:"origin"`
	Office  string `json:"office,omitempty"`
	Entries int64  `json:"entries"`
	Root    string `json:"root,omitempty"` // base64, as in the checkpoint
	Pinned  bool   `json:"pinned"`         // the caller named the key
	Whole   bool   `json:"whole"`
	Error   string `json:"error,omitempty"` // names the first path that is wrong
}

func (s *logSource) check(ctx context.Context, progress func(done, size int64)) (*checkedLog, error) {
	tree, err := ledger.Fsck(ctx, s, s.origin, s.verifier, progress)
	out := &checkedLog{Origin: s.origin, Office: s.office, Entries: tree.N, Pinned: s.pinned, Whole: err == nil}
	if err != nil {
		out.Error = err.Error()
		return out, err
	}
	out.Root = base64.StdEncoding.EncodeToString(tree.Hash[:])
	return out, nil
}

// runLog is the verb "log".
func runLog(ctx context.Context, args []string, std stdio) int {
	return verbs("log", map[string]func(context.Context, []string, stdio) int{"fsck": runFsck}, "fsck")(ctx, args, std)
}

func runFsck(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "log fsck", logUsage)
	var pin logPin
	pin.flags(v)
	v.BoolVar(&v.json, "json", false, "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	s, err := openLog(ctx, rest[0], pin)
	if err != nil {
		return v.fail(err)
	}
	defer s.Close()
	out, err := s.check(ctx, showProgress(std.err))
	if err != nil && !v.json {
		return v.fail(err)
	}
	code = printed(v, out, func(w io.Writer, c *checkedLog) {
		fmt.Fprintf(w, "log\t%s\nentries\t%d\nroot\t%s\nkey\t%s+%08x, %s\n", c.Origin, c.Entries, c.Root, s.verifier.Name(), s.verifier.KeyHash(), whoseKey(s))
		fmt.Fprintln(w, "whole\tevery entry and tile is there, and the signed root follows from them")
	})
	if err != nil {
		return exitFailed
	}
	return code
}

func whoseKey(s *logSource) string {
	if s.pinned {
		return "as you named it"
	}
	return "as the place itself names it; compare with --fingerprint"
}
