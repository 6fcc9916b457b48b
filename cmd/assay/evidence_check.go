package main

import (
	"context"
	"errors"
	"fmt"

	"assay/assess"
	"assay/bundle"
	"assay/civil"
	"assay/evidence"
	"assay/labsign"
	"assay/scheme"
)

const evidenceCheckUsage = `usage: assay evidence check [--at YYYY-MM-DD] [--dir CATALOG] [--laboratory FILE]… [--json] BUNDLE

Says what is wrong in a folder, a zip, or one evidence file: what cannot be
read, is not filled in, contradicts itself, is missing among the artifacts or was
altered, is unknown to the catalog, is dated after the day (today), or has a false
signature. A note is worth knowing; nothing is wrong.

exit: 0 nothing is wrong, 1 something is, 2 usage
`

func runEvidenceCheck(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence check", evidenceCheckUsage)
	at := v.String("at", begun(), "")
	dir := v.String("dir", "", "")
	var laboratories list
	v.Var(&laboratories, "laboratory", "")
	asJSON := v.Bool("json", false, "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	day, err := dayOf(*at)
	if err != nil {
		return v.misuse("%v", err)
	}
	cat, err := loadCatalog(*dir, laboratories...)
	if err != nil {
		return v.fail(err)
	}
	b, err := bundle.OpenContext(ctx, rest[0])
	found := bundle.Problems(err)
	switch {
	case err != nil && found == nil:
		return v.fail(err)
	case err == nil:
		if found, err = checked(b, cat, day); err != nil {
			return v.fail(err)
		}
	}
	wrong := 0
	for _, f := range found {
		if !f.Note {
			wrong++
		}
	}
	if *asJSON {
		if found == nil {
			found = []bundle.Finding{}
		}
		if err := writeJSON(std.out, found); err != nil {
			return v.fail(err)
		}
	} else {
		printFindings(std.out, rest[0], found)
		fmt.Fprintf(std.out, "to correct: %d, notes: %d\n", wrong, len(found)-wrong)
	}
	if wrong > 0 {
		return exitFailed
	}
	return exitOK
}

// checked is everything that is found in a bundle that opened.
func checked(b *bundle.Bundle, cat *scheme.Catalog, day civil.Date) ([]bundle.Finding, error) {
	c, err := assess.Compile(cat)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	more := append(c.Check(b.Evidence), c.Groundless(b.Evidence)...)
	contradictions := c.Contradictions(b.Evidence)
	for i := range contradictions {
		more = append(more, contradictions[i].Finding())
	}
	more = append(more, bundle.Future(b.Evidence, day)...)
	more = append(more, evidence.Reconcile(b.Evidence)...)
	found := append(b.Findings(more...), signatures(b, cat)...)
	found = append(found, gaps(b)...)
	if _, err := b.JSON(); err != nil {
		found = append(found, bundle.Finding{Problem: err.Error(), Remedy: "an office takes no more"})
	}
	return found, nil
}

// gaps are notes on what only one of two lists has.
func gaps(b *bundle.Bundle) []bundle.Finding {
	found := b.Locate(evidence.Gaps(b.Evidence)...)
	for i := range found {
		found[i].Note = true
	}
	return found
}

// signatures says which laboratories' reports count for nothing, and why. That
// a catalog does not know a key is not the bundle's fault.
func signatures(b *bundle.Bundle, cat *scheme.Catalog) []bundle.Finding {
	var found []bundle.Finding
	for i, err := range b.Evidence.Verify(labsign.Check(cat)) {
		if err == nil {
			continue
		}
		f := b.Locate(evidence.Finding{Place: evidence.Pointer("reports", i, "signature"), Problem: err.Error(), Remedy: "until then it shows nothing"})[0]
		f.Note = errors.Is(err, labsign.ErrUnsigned) || errors.Is(err, labsign.ErrUnknown)
		found = append(found, f)
	}
	return found
}
