package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"assay/evidence"

	"go.yaml.in/yaml/v3"
)

// Update makes the text files say what ev says of product, firmware, support,
// declaration, features, statements and IXIT, and returns the paths of those
// that change, in order. The rest of ev is of no account. What stays in a file
// stays with its comments, as far as its form allows. Nothing is written;
// [Bundle.Rewrite] does that.
func (b *Bundle) Update(ev *evidence.Evidence) ([]string, error) {
	if b.flat != "" {
		return nil, fmt.Errorf("%w: %s is one file of evidence: `assay evidence unpack` makes a folder of it", ErrNoBundle, b.flat)
	}
	var changed []string
	put := func(p string, was, is any) error {
		text, err := updated(p, b.files[p], was, is)
		if err != nil || text == nil {
			return err
		}
		changed = append(changed, p)
		return b.Put(p, text)
	}
	old := b.Evidence
	err := put(productFile, productText{old.Product, old.Firmware, old.Support, old.Declaration}, productText{ev.Product, ev.Firmware, ev.Support, ev.Declaration})
	if err == nil {
		err = put(icsFile, icsText{old.Features, old.ICS}, icsText{ev.Features, ev.ICS})
	}
	for _, id := range sorted(ev.IXIT) {
		if err != nil {
			break
		}
		p := b.tables[id]
		if p == "" {
			p = tables + "/" + id + yamlExt
			if k, name := classify(p); k != table || name != id {
				err = fmt.Errorf("%w: %.80q is no table id: use letters, digits and . _ -", ErrNoBundle, id)
				break
			}
		}
		rows := ev.IXIT[id]
		if rows == nil {
			rows = []evidence.Row{}
		}
		err = put(p, tableText{old.IXIT[id]}, tableText{rows})
	}
	if err != nil {
		return nil, err
	}
	return changed, b.Parse()
}

// updated is a file's new text; nil where it says the same already.
func updated(p string, text []byte, was, is any) ([]byte, error) {
	if text == nil && empty(is) || text != nil && sayTheSame(was, is) {
		return nil, nil
	}
	plain, err := marshal(is)
	if err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", p, err)
	}
	if grafted := graftText(text, was, is); grafted != nil && says(p, grafted, is) {
		return grafted, nil
	}
	if !says(p, plain, is) {
		return nil, fmt.Errorf("bundle: %s: it cannot be written so that it is read the same", p)
	}
	return plain, nil
}

// sayTheSame compares what two values say: empty is absent.
func sayTheSame(a, b any) bool {
	var x, y any
	for _, v := range []struct{ from, to any }{{a, &x}, {b, &y}} {
		j, err := json.Marshal(v.from)
		if err != nil || json.Unmarshal(j, v.to) != nil {
			return false
		}
	}
	return reflect.DeepEqual(full(x), full(y))
}

// full leaves out of decoded JSON what says nothing.
func full(v any) any {
	switch t := v.(type) {
	case map[string]any:
		for k, e := range t {
			if e = full(e); e == nil {
				delete(t, k)
			} else {
				t[k] = e
			}
		}
		return t
	case []any:
		for i := range t {
			t[i] = full(t[i])
		}
		if len(t) == 0 {
			return nil
		}
		return t
	}
	return v
}

func empty(v any) bool {
	switch t := v.(type) {
	case icsText:
		return len(t.Features)+len(t.ICS) == 0
	case tableText:
		return false // a table without rows is an answer
	}
	return false
}

// says reports whether a text is read as a value.
func says(p string, text []byte, is any) bool {
	switch is.(type) {
	case productText:
		var t productText
		return evidence.ParseFile(p, text, &t) == nil && sayTheSame(t, is)
	case icsText:
		var t icsText
		return evidence.ParseFile(p, text, &t) == nil && sayTheSame(t, is)
	case tableText:
		var t tableText
		return evidence.ParseFile(p, text, &t) == nil && sayTheSame(t, is)
	}
	return false
}

// graftText changes a YAML text into what a value says and leaves its comments;
// nil where it cannot.
func graftText(text []byte, was, is any) []byte {
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) == 0 || t[0] == '{' { // braces may be JSON
		return nil
	}
	var doc, had, want yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || had.Encode(was) != nil || want.Encode(is) != nil || len(doc.Content) != 1 {
		return nil
	}
	graft(doc.Content[0], &had, &want)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if e.Encode(&doc) != nil || e.Close() != nil {
		return nil
	}
	return out.Bytes()
}

// graft makes old say what is says. was is what old was read as, nil where that
// is not known: what is the same in was and is stays as somebody wrote it.
func graft(old, was, is *yaml.Node) {
	switch {
	case was != nil && alike(was, is):
	case old.Kind == yaml.MappingNode && is.Kind == yaml.MappingNode:
		graftMap(old, was, is)
	case old.Kind == yaml.SequenceNode && is.Kind == yaml.SequenceNode:
		graftList(old, was, is)
	case old.Kind == yaml.ScalarNode && is.Kind == yaml.ScalarNode && old.Value == is.Value:
	default:
		head, line, foot := old.HeadComment, old.LineComment, old.FootComment
		*old = *is
		old.HeadComment, old.LineComment, old.FootComment = head, line, foot
	}
}

func alike(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, alike)
}

// value is that of a key; nil where there is none.
func value(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func graftMap(old, was, is *yaml.Node) {
	if len(old.Content) == 0 {
		old.Style &^= yaml.FlowStyle // {} has to be; a full one is as somebody wrote it
	}
	after := 0 // where a key belongs that was not there: behind the one before it
	for i := 0; i+1 < len(is.Content); i += 2 {
		k, v := is.Content[i], is.Content[i+1]
		j := 0
		for j < len(old.Content) && old.Content[j].Value != k.Value {
			j += 2
		}
		if j < len(old.Content) {
			graft(old.Content[j+1], value(was, k.Value), v)
			after = j + 2
			continue
		}
		old.Content = slices.Insert(old.Content, after, k, v)
		after += 2
	}
	kept := old.Content[:0]
	for i := 0; i+1 < len(old.Content); i += 2 {
		k, v := old.Content[i], old.Content[i+1]
		if value(is, k.Value) != nil || blank(v) {
			kept = append(kept, k, v)
		}
	}
	old.Content = kept
}

// blank reports a question that waits for an answer.
func blank(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value == ""
	case yaml.SequenceNode, yaml.MappingNode:
		return len(n.Content) == 0
	}
	return false
}

func graftList(old, was, is *yaml.Node) {
	type item struct{ old, was *yaml.Node }
	rest := make([]item, len(old.Content))
	for i, n := range old.Content {
		rest[i].old = n
		if was != nil && len(was.Content) == len(old.Content) {
			rest[i].was = was.Content[i]
		}
	}
	made := make([]*yaml.Node, len(is.Content))
	take := func(i int, fits func(*yaml.Node) bool) {
		j := slices.IndexFunc(rest, func(x item) bool { return fits(x.old) })
		if made[i] != nil || j < 0 {
			return
		}
		made[i] = rest[j].old
		graft(rest[j].old, rest[j].was, is.Content[i])
		rest = slices.Delete(rest, j, j+1)
	}
	for i, v := range is.Content { // first into those that are there
		if id := identity(v); id != "" {
			take(i, func(n *yaml.Node) bool { return identity(n) == id })
		}
	}
	for i, v := range is.Content { // then into those that wait to be filled in
		take(i, func(n *yaml.Node) bool { return n.Kind == v.Kind && identity(n) == "" })
		if made[i] == nil {
			made[i] = v
		}
	}
	if len(old.Content) == 0 {
		old.Style &^= yaml.FlowStyle
	}
	old.Content = made
}

// identity is what tells an item of a list from the others; "" for none.
func identity(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	var b strings.Builder
	for _, key := range []string{"id", "standard", "edition", "version", "name"} {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if v := n.Content[i+1]; n.Kind == yaml.MappingNode && n.Content[i].Value == key && v.Kind == yaml.ScalarNode && v.Value != "" {
				fmt.Fprintf(&b, "%s=%q ", key, v.Value)
			}
		}
	}
	return b.String()
}

// ErrChanged is that somebody changed a bundle's file since it was read.
var ErrChanged = errors.New("changed since it was read")

// Rewrite writes text files of the bundle, by their paths, in the places of
// those in its folder. before are their texts as they were read, nil for one
// that was not there; where the folder has another one now, it is [ErrChanged]
// and nothing is written. All are complete and durable before the first takes
// its place.
func (b *Bundle) Rewrite(dir string, before map[string][]byte, paths ...string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, p := range paths {
		now, err := root.ReadFile(p)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			now = nil
		case err != nil:
			return err
		}
		if (now == nil) != (before[p] == nil) || !bytes.Equal(now, before[p]) {
			return fmt.Errorf("%w: %s: do it again", ErrChanged, p)
		}
	}
	temp, err := os.MkdirTemp(dir, ".bundle-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	fresh, err := os.OpenRoot(temp)
	if err != nil {
		return err
	}
	defer fresh.Close()
	for _, p := range paths {
		err := writeIn(fresh, p, bytes.NewReader(b.files[p]))
		if err != nil {
			return err
		}
	}
	dirs := map[string]bool{}
	for _, p := range paths {
		d := path.Dir(p)
		if d != "." {
			if err := root.Mkdir(d, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
		dirs[d] = true
		if err := root.Rename(filepath.Base(temp)+"/"+p, p); err != nil {
			return err
		}
	}
	for d := range dirs {
		if err := syncDir(filepath.Join(dir, filepath.FromSlash(d))); err != nil {
			return err
		}
	}
	return nil
}
