// Package labsign signs laboratories' reports and finds out who signed one.
//
// A signature is base64 of a COSE_Sign1 with detached payload (RFC 9052 §4.1,
// ES256) over the report file's bytes, with algorithm, key id and typ in its
// protected header and nothing else.
//
// What it trusts: the keys that the catalog in force gives a laboratory, on
// the days that it gives them for.
package labsign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"assay/civil"
	"assay/keys"
	"assay/scheme"
	"assay/statement"
)

// MediaType is the typ of a report's signature.
const MediaType = "application/assay-report"

// maxSignature bounds the text of a signature, in bytes; evidence takes no more.
const maxSignature = 4096

// Errors of [Check], for a caller that tells them apart.
var (
	ErrUnsigned = errors.New("the report is not signed")
	ErrUnknown  = errors.New("no such laboratory key in the catalog")
	ErrNotValid = errors.New("the laboratory's key was not in force on the report's day")
	ErrFalse    = errors.New("the signature is not over this report")
)

// Sign signs a report file.
func Sign(k *keys.Laboratory, report []byte) (string, error) {
	b, err := statement.SignDetached(k, MediaType, report)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// Public is the text of a key as a catalog has it (scheme.LabKey): base64 of
// its SubjectPublicKeyInfo.
func Public(k keys.LaboratoryPublic) string { return base64.StdEncoding.EncodeToString(k.DER) }

// Check makes the function that evidence.Evidence.Verify takes. It returns the
// fingerprint of the laboratory's key, in force on the report's day, that
// signed the report; or says, wrapping one of this package's errors, why none
// did and what to do.
func Check(cat *scheme.Catalog) func(laboratory string, day civil.Date, report []byte, signature string) (key string, err error) {
	return func(laboratory string, day civil.Date, report []byte, signature string) (string, error) {
		l := cat.Lab(laboratory)
		switch {
		case strings.TrimSpace(signature) == "":
			return "", fmt.Errorf("%w: ask %.80s for its signature file", ErrUnsigned, laboratory)
		case l == nil:
			return "", fmt.Errorf("%w: it has no laboratory %.80q: an office that takes its reports adds it to the catalog", ErrUnknown, laboratory)
		case len(l.Keys) == 0:
			return "", fmt.Errorf("%w: it has no key of %s: an office that takes its reports adds one", ErrUnknown, laboratory)
		}
		d, err := parse(signature)
		if err != nil {
			return "", fmt.Errorf("%w: %w: have the report signed again", ErrFalse, err)
		}
		var other []string // days on which the key was in force
		for i := range l.Keys {
			k := &l.Keys[i]
			p, err := public(k)
			if err != nil {
				return "", fmt.Errorf("%w: key %d of %s in the catalog: %w", ErrUnknown, i+1, laboratory, err)
			}
			if string(p.ID()) != string(d.KeyID) {
				continue
			}
			if day < k.From || (!k.Until.IsZero() && day > k.Until) {
				other = append(other, days(k))
				continue
			}
			if err := d.Verify(p, MediaType, report); err != nil {
				return "", fmt.Errorf("%w: %w: it was altered after it was signed, or the signature belongs to another report", ErrFalse, err)
			}
			return p.Fingerprint(), nil
		}
		if len(other) > 0 {
			return "", fmt.Errorf("%w: the report is of %s, the key %x in force %s", ErrNotValid, day, d.KeyID, strings.Join(other, " and "))
		}
		return "", fmt.Errorf("%w: key %x is none of %s's", ErrUnknown, d.KeyID, laboratory)
	}
}

func days(k *scheme.LabKey) string {
	if k.Until.IsZero() {
		return fmt.Sprintf("from %s", k.From)
	}
	return fmt.Sprintf("from %s to %s", k.From, k.Until)
}

func public(k *scheme.LabKey) (keys.LaboratoryPublic, error) {
	der, err := base64.StdEncoding.DecodeString(k.Public)
	if err != nil {
		return keys.LaboratoryPublic{}, fmt.Errorf("not base64: %w", err)
	}
	return keys.ParseLaboratoryPublic(der)
}

// parse reads a signature's text; line breaks in it are nothing.
func parse(signature string) (*statement.Detached, error) {
	if len(signature) > maxSignature {
		return nil, fmt.Errorf("a signature of %d bytes, at most %d", len(signature), maxSignature)
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(signature), ""))
	if err != nil {
		return nil, fmt.Errorf("not base64: %w", err)
	}
	return statement.ParseDetached(b)
}
