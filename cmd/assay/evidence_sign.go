package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"assay/bundle"
	"assay/civil"
	"assay/evidence"
	"assay/keys"
	"assay/labsign"
	"assay/scheme"
)

const laboratoryKey = "the laboratory's key"

const evidenceSignUsage = `usage: assay evidence sign --key FILE [flags] REPORT.yaml

Signs a laboratory's report as it stands: REPORT.yaml.sig, which is replaced where
it is there already. FILE is a key that keygen made, or a PEM file with a P-256 key
(PKCS #8, PRIVATE KEY) that only its owner can read.

  --key FILE           the laboratory's key
  --rows               first fill the report's field rows with the digests of the
                       IXIT rows that its verdicts are on, from the bundle whose
                       folder verdicts/ it lies in; a row that changes afterwards
                       makes them stale
  --passphrase-file F  for the key, - is the standard input; default: asks
  --dir CATALOG        another catalog than the one in this program

exit: 0 done, 1 failed, 2 usage
`

func runEvidenceSign(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence sign", evidenceSignUsage)
	file := v.String("key", "", "")
	rows := v.Bool("rows", false, "")
	phrase := v.String("passphrase-file", "", "")
	dir := v.String("dir", "", "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if *file == "" {
		return v.misuse("name the laboratory's key with --key")
	}
	name := rest[0]
	text, err := readBounded(name, nil, evidence.MaxSize)
	if err != nil {
		return v.fail(err)
	}
	r, err := evidence.ParseReport(name, text)
	if err != nil {
		return v.fail(err)
	}
	if r.By.Kind != scheme.Laboratory {
		return v.fail(fmt.Errorf("%s is by a %.20q: a laboratory's reports are signed", name, r.By.Kind))
	}
	k, err := keys.OpenLaboratory(*file, func() (string, error) { return v.passphraseOf(ctx, laboratoryKey, *phrase, false) })
	if err != nil {
		return v.fail(err)
	}
	if *rows {
		if text, err = withRows(ctx, name, *dir, text, r); err != nil {
			return v.fail(err)
		}
	}
	sig, err := labsign.Sign(k, text)
	if err != nil {
		return v.fail(err)
	}
	if *rows {
		err = bundle.Replace(name, text)
	}
	if err == nil {
		err = bundle.Replace(name+".sig", []byte(sig+"\n"))
	}
	if err != nil {
		return v.fail(err)
	}
	fmt.Fprintf(std.out, "%s.sig: by key %s\n", name, k.Public().Fingerprint())
	return exitOK
}

// withRows is the report's text with the digests of the rows of its bundle.
func withRows(ctx context.Context, name, dir string, text []byte, r *evidence.Report) ([]byte, error) {
	full, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(full)
	if filepath.Base(folder) != "verdicts" {
		return nil, fmt.Errorf("--rows: %s lies in no bundle's folder verdicts/", name)
	}
	b, err := bundle.OpenContext(ctx, filepath.Dir(folder))
	if err != nil {
		return nil, err
	}
	cat, err := loadCatalog(dir)
	if err != nil {
		return nil, err
	}
	spec := cat.TestSpec(r.Method.Standard + "@" + r.Method.Edition)
	if spec == nil && len(r.Verdicts) == 0 && len(r.Results)+len(r.Tasks) > 0 {
		return text, nil // results are on requirements as a whole, which no row is of
	}
	if spec == nil {
		return nil, fmt.Errorf("--rows: the catalog has no test specification %.60s@%.20s", r.Method.Standard, r.Method.Edition)
	}
	rows, err := bundle.RowsOf(r, b.Evidence, spec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return bundle.FillRows(text, rows)
}

const evidenceKeygenUsage = `usage: assay evidence keygen [flags] FILE

Makes a laboratory's key, which signs its reports (ES256), and keeps it in the new
file FILE, encrypted. Prints the entry for the laboratory's file in a catalog, to be
handed to the offices that take its reports; they compare the fingerprint by voice.

  --from YYYY-MM-DD    first day of reports that it may sign; default: today
  --passphrase-file F  for the key, - is the standard input; default: asks
  --scrypt-work N      2^N steps per guess of the passphrase, 1 to 21; default 18

exit: 0 done, 1 failed, 2 usage
`

func runEvidenceKeygen(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence keygen", evidenceKeygenUsage)
	from := v.String("from", "", "")
	phrase := v.String("passphrase-file", "", "")
	work := v.Int("scrypt-work", keys.DefaultWork, "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	day, err := dayOf("")
	if *from != "" {
		day, err = civil.ParseDate(*from)
	}
	if err != nil {
		return v.misuse("--from %v", err)
	}
	if _, err := os.Lstat(rest[0]); !errors.Is(err, os.ErrNotExist) {
		return v.fail(fmt.Errorf("%s exists and is not replaced: choose another name", rest[0]))
	}
	secret, err := v.passphraseOf(ctx, laboratoryKey, *phrase, true)
	if err != nil {
		return v.fail(err)
	}
	k, err := keys.NewLaboratory()
	if err != nil {
		return v.fail(err)
	}
	if err := k.Save(rest[0], secret, *work); err != nil {
		return v.fail(err)
	}
	fmt.Fprintf(std.out, "# fingerprint %s\nkeys:\n  - public: %s\n    from: %s\n", k.Public().Fingerprint(), labsign.Public(k.Public()), day)
	return exitOK
}
