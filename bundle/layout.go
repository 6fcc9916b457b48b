package bundle

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"assay/evidence"
)

// Bounds of a bundle, the same for a folder and for a zip.
const (
	MaxArchive  = 1 << 30          // bytes of a zip
	MaxFiles    = 10_000           // files and folders
	MaxText     = evidence.MaxSize // bytes of one text file
	MaxTexts    = 4 * MaxText      // bytes of all text files; comments and blanks do not count in the evidence
	MaxArtifact = 512 << 20        // bytes of one artifact
	MaxTotal    = 2 << 30          // bytes of all files, unpacked
	maxPath     = 200              // bytes of a path inside
	maxFolders  = 4                // names in a path
)

// Errors that every refusal of a bundle as a whole wraps. What is wrong with
// one file's text is an [evidence.Error].
var (
	ErrTooLarge = errors.New("larger than a bundle may be")
	ErrUnsafe   = errors.New("not safe to read")
	ErrNoBundle = errors.New("no bundle")
	ErrExists   = errors.New("exists and is never overwritten")
)

// kind is what a file of a bundle is, told by its path alone.
type kind int

const (
	other     kind = iota
	product        // product.yaml
	ics            // ics.yaml
	claims         // claims.yaml
	table          // ixit/TABLE.yaml
	verdicts       // verdicts/NAME.yaml
	signature      // verdicts/NAME.yaml.sig
	imported       // imports/NAME.yaml
	artifact       // artifacts/SHA256[.EXT]
	litter         // what desktops leave in every folder
)

// Names in a bundle.
const (
	productFile = "product.yaml"
	icsFile     = "ics.yaml"
	claimsFile  = "claims.yaml"
	tables      = "ixit"
	reports     = "verdicts"
	imports     = "imports"
	artifacts   = "artifacts"
	yamlExt     = ".yaml"
	sigExt      = ".sig"
)

var folders = []string{tables, reports, imports, artifacts}

// text reports whether files of the kind are held in memory and parsed.
func (k kind) text() bool { return k != artifact && k != other && k != litter }

// classify says what a file is, and the name in its path: the table's id, the
// report's, the import's file name, the artifact's hash.
func classify(p string) (k kind, name string) {
	switch p {
	case productFile:
		return product, ""
	case icsFile:
		return ics, ""
	case claimsFile:
		return claims, ""
	}
	dir, base := path.Split(p)
	switch base {
	case ".DS_Store", "Thumbs.db", "desktop.ini":
		return litter, ""
	}
	if strings.HasPrefix(p, "__MACOSX/") {
		return litter, ""
	}
	if !portable(base) || base == productFile { // in a folder it is a second product
		return other, ""
	}
	stem, isYAML := strings.CutSuffix(base, yamlExt)
	switch {
	case dir == tables+"/" && isYAML:
		return table, stem
	case dir == reports+"/" && isYAML:
		return verdicts, base
	case dir == reports+"/" && strings.HasSuffix(base, yamlExt+sigExt):
		return signature, strings.TrimSuffix(base, sigExt)
	case dir == imports+"/" && isYAML:
		return imported, base
	case dir == artifacts+"/":
		sum, _, _ := strings.Cut(base, ".")
		var h evidence.Hash
		if h.UnmarshalText([]byte(sum)) == nil && h.String() == sum {
			return artifact, sum
		}
	}
	return other, ""
}

// portable reports whether a name is one on every system: letters, digits and
// . _ - of ASCII, not beginning with a period, at most 100.
func portable(name string) bool {
	if name == "" || len(name) > 100 || name[0] == '.' {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// safe refuses a path that could lead out of a folder or that systems read in
// different ways. Paths in a bundle are relative and have slashes.
func safe(p string) error {
	refuse := func(what string) error {
		return fmt.Errorf("%w: %.80q %s", ErrUnsafe, p, what)
	}
	switch {
	case !utf8.ValidString(p):
		return refuse("is not UTF-8: rename the file with letters, digits and . _ -")
	case strings.ContainsFunc(p, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
		return refuse("has a control character in its name: rename the file")
	case strings.Contains(p, `\`):
		return refuse("has a backslash in its name: pack it with a program that writes slashes")
	case strings.HasPrefix(p, "/") || strings.Contains(p, ":"):
		return refuse("is an absolute path: pack the folder's content, with relative names")
	case len(p) > maxPath:
		return refuse(fmt.Sprintf("is longer than %d bytes: shorten the name", maxPath))
	}
	steps := strings.Split(p, "/")
	if len(steps) > maxFolders {
		return refuse("lies deeper than a bundle goes")
	}
	for _, s := range steps {
		if s == "" || s == "." || s == ".." {
			return refuse("leads elsewhere: names in a bundle have no empty part, . or ..")
		}
	}
	return nil
}

// inventory holds paths against each other and against the bounds, in the
// order in which they are met. A folder, a zip's child and the parent that
// reads the child's stream each keep one of their own.
type inventory struct {
	seen  map[string]string // lower-case path to the path
	texts int64
	total int64
}

func newInventory() *inventory { return &inventory{seen: map[string]string{}} }

// add takes a file or folder of a path and returns how many bytes it may have.
func (v *inventory) add(p string) (most int64, err error) {
	if err := safe(p); err != nil {
		return 0, err
	}
	if len(v.seen) == MaxFiles {
		return 0, fmt.Errorf("%w: more than %d files: keep only what the evidence names", ErrTooLarge, MaxFiles)
	}
	low := strings.ToLower(p)
	if first, twice := v.seen[low]; twice {
		if first == p {
			return 0, fmt.Errorf("%w: %.80q is there twice: keep one", ErrUnsafe, p)
		}
		return 0, fmt.Errorf("%w: %.80q and %.80q differ in case only, and are one file on other systems: rename one", ErrUnsafe, first, p)
	}
	v.seen[low] = p
	if k, _ := classify(p); k.text() {
		return MaxText, nil
	}
	return MaxArtifact, nil
}

// grow counts n bytes of a file that may have most; so far are those before.
func (v *inventory) grow(p string, so, n, most int64) error {
	if so+n > most {
		return fmt.Errorf("%w: %.80q has more than %d bytes", ErrTooLarge, p, most)
	}
	if v.total += n; v.total > MaxTotal {
		return fmt.Errorf("%w: more than %d bytes in all, at %.80q: keep large recordings elsewhere and name their reports", ErrTooLarge, int64(MaxTotal), p)
	}
	if k, _ := classify(p); k.text() {
		if v.texts += n; v.texts > MaxTexts {
			return fmt.Errorf("%w: more than %d bytes of text files, at %.80q", ErrTooLarge, MaxTexts, p)
		}
	}
	return nil
}
