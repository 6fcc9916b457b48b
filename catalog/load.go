package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"

	"assay/scheme"

	"go.yaml.in/yaml/v3"
)

// Bounds of a catalog; the embedded one takes a tenth of them.
const (
	MaxFile  = 1 << 20 // bytes of one file
	MaxTotal = 8 << 20 // bytes of all files
	MaxFiles = 512
)

// Errors that every refusal wraps.
var (
	ErrTooLarge  = errors.New("larger than a catalog may be")
	ErrMalformed = errors.New("not a catalog")
)

var folders = []string{"arrangements", "laboratories", "mappings", "markets", "schemes", "standards", "tests"}

// LoadDir is Load of a folder on disk.
func LoadDir(dir string) (*scheme.Catalog, error) { return Load(os.DirFS(dir)) }

// Load reads a catalog strictly: an unknown field, a doubled key, a second
// document, an alias or a file that does not carry the id it is named after
// is an error with file and line. It checks the form only; what the data
// mean to each other is Lint's matter.
func Load(fsys fs.FS) (*scheme.Catalog, error) {
	files, err := read(fsys)
	if err != nil {
		return nil, err
	}
	return parse(files)
}

func parse(files []file) (*scheme.Catalog, error) {
	c := &scheme.Catalog{Digest: digest(files)}
	var errs []error
	editions := map[string][]file{} // of a standard, from files of their own
	for _, f := range files {
		errs = append(errs, decodeFile(c, f, editions))
	}
	for i := range c.Standards {
		s := &c.Standards[i]
		for _, f := range editions[s.ID] {
			var e scheme.StandardEdition
			errs = append(errs, decode(f, &e), named(f, s.ID+"@"+e.ID))
			s.Editions = append(s.Editions, e)
		}
		delete(editions, s.ID)
	}
	for id, fs := range editions {
		errs = append(errs, fmt.Errorf("%w: %s is an edition of %q, but there is no standards/%s.yaml", ErrMalformed, fs[0].path, id, id))
	}
	errs = append(errs, sameAs(c))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

func decodeFile(c *scheme.Catalog, f file, editions map[string][]file) error {
	switch dir := path.Dir(f.path); {
	case f.path == "sources.yaml":
		return decode(f, &c.Sources)
	case f.path == "categories.yaml":
		return decode(f, &c.Categories)
	case dir == "schemes":
		return add(f, &c.Schemes, func(v *scheme.Scheme) string { return v.ID })
	case dir == "arrangements":
		return add(f, &c.Arrangements, func(v *scheme.Arrangement) string { return v.ID })
	case dir == "tests":
		return add(f, &c.Tests, (*scheme.TestSpec).Name)
	case dir == "mappings":
		return add(f, &c.Mappings, func(v *scheme.Mapping) string { return v.ID })
	case dir == "laboratories":
		return add(f, &c.Laboratories, func(v *scheme.Lab) string { return v.ID })
	case dir == "markets":
		return add(f, &c.Markets, func(v *scheme.Market) string { return v.ID })
	default:
		if id, _, ok := strings.Cut(stem(f), "@"); ok {
			editions[id] = append(editions[id], f)
			return nil
		}
		return add(f, &c.Standards, func(v *scheme.Standard) string { return v.ID })
	}
}

func add[T any](f file, to *[]T, id func(*T) string) error {
	var v T
	if err := decode(f, &v); err != nil {
		return err
	}
	*to = append(*to, v)
	return named(f, id(&v))
}

func stem(f file) string { return strings.TrimSuffix(path.Base(f.path), ".yaml") }

func named(f file, id string) error {
	if id != stem(f) {
		return fmt.Errorf("%w: %s holds %q; a file is named after the id in it", ErrMalformed, f.path, clip(id))
	}
	return nil
}

// decode reads one document of f into v.
func decode(f file, v any) error {
	var n yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(f.body))
	if err := d.Decode(&n); err != nil {
		return place(f, nil, err)
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return fmt.Errorf("%w: %s: more than one document; keep one a file", ErrMalformed, f.path)
	}
	if a := alias(&n); a != nil {
		return fmt.Errorf("%w: %s:%d: an anchor or alias; write the value out", ErrMalformed, f.path, a.Line)
	}
	d = yaml.NewDecoder(bytes.NewReader(f.body))
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		return place(f, &n, err)
	}
	return nil
}

func alias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n
	}
	for _, c := range n.Content {
		if a := alias(c); a != nil {
			return a
		}
	}
	return nil
}

var lineOf = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// place turns the decoder's "line N: …" into "file:N: …". Errors of text
// values (dates, confidences) come without a line but start with the value.
func place(f file, n *yaml.Node, err error) error {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		msg := err.Error()
		if m := lineOf.FindStringSubmatch(msg); m != nil {
			return fmt.Errorf("%w: %s:%s: %s", ErrMalformed, f.path, m[1], msg[len(m[0]):])
		}
		if v := valued(n, msg); v != nil {
			return fmt.Errorf("%w: %s:%d: %w", ErrMalformed, f.path, v.Line, err)
		}
		return fmt.Errorf("%w: %s: %w", ErrMalformed, f.path, err)
	}
	errs := make([]error, 0, len(te.Errors))
	for _, msg := range te.Errors {
		m := lineOf.FindStringSubmatch(msg)
		if m == nil {
			m = []string{"", "?"}
		}
		errs = append(errs, fmt.Errorf("%w: %s:%s: %s", ErrMalformed, f.path, m[1], msg[len(m[0]):]))
	}
	return errors.Join(errs...)
}

func valued(n *yaml.Node, msg string) *yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode && n.Value != "" && strings.HasPrefix(msg, strconv.Quote(n.Value)) {
		return n
	}
	for _, c := range n.Content {
		if v := valued(c, msg); v != nil {
			return v
		}
	}
	return nil
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
