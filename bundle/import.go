package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"assay/evidence"
	"assay/scheme"

	"go.yaml.in/yaml/v3"
)

// Imported is what was read of a file.
type Imported struct {
	Import   evidence.Import
	Claims   []evidence.Claim
	ICS      []evidence.ICS
	Features map[string]evidence.Feature
}

// Added is what became of it.
type Added struct {
	Path   string   // of the import in the bundle
	New    bool     // false: it was there already, and nothing changed
	Differ []string // what the file says otherwise than ics.yaml, which stays as it is
}

// AddImport takes what was read of a file into the folder that b was opened
// from: the file among the artifacts, the import as imports/NAME.yaml, claims at
// the end of claims.yaml, and what it states of requirements and features where
// ics.yaml has no answer yet. Comments stay. Where an import rests on the same
// bytes already, nothing changes. What would make the evidence larger than an
// office takes is [ErrTooLarge], before anything is written. b does not have
// it until it is opened again.
func (b *Bundle) AddImport(dir, file string, x Imported) (Added, error) {
	m := &x.Import
	for i := range b.Evidence.Imports {
		if b.Evidence.Imports[i].Artifact.SHA256 == m.Artifact.SHA256 && i < len(b.imports) {
			return Added{Path: b.imports[i]}, nil
		}
	}
	text, err := ImportText(*m)
	if err != nil {
		return Added{}, err
	}
	var again evidence.Import
	if err := evidence.ParseFile(m.Name, text, &again); err != nil {
		return Added{}, tooLarge(m.Name, err)
	}
	changed := map[string][]byte{}
	if fresh := b.fresh(x.Claims); len(fresh) > 0 {
		if changed[claimsFile], err = appendClaims(b.files[claimsFile], fresh); err != nil {
			return Added{}, err
		}
	}
	stated, differ, err := b.state(&x)
	if err != nil {
		return Added{}, err
	}
	if stated != nil {
		changed[icsFile] = stated
	}
	if err := b.fits(m, changed); err != nil {
		return Added{}, err
	}
	a, err := Add(dir, file)
	if err != nil {
		return Added{}, err
	}
	if a.SHA256 != m.Artifact.SHA256 {
		return Added{}, fmt.Errorf("%s changed after it was read: import it again", file)
	}
	for _, name := range sorted(changed) {
		if err := replace(filepath.Join(dir, name), changed[name]); err != nil {
			return Added{}, err
		}
	}
	if err := os.Mkdir(filepath.Join(dir, imports), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return Added{}, err
	}
	write := func(f *os.File) error { _, err := f.Write(text); return err }
	for n := 1; ; n++ {
		path := imports + "/" + importName(m.Name, n)
		switch err := newFile(filepath.Join(dir, filepath.FromSlash(path)), write); {
		case errors.Is(err, ErrExists) && n < MaxFiles:
		case err != nil:
			return Added{}, err
		default:
			return Added{path, true, differ}, nil
		}
	}
}

// fits reports whether an office takes the evidence with what is added.
func (b *Bundle) fits(m *evidence.Import, changed map[string][]byte) error {
	whole := *b.Evidence
	whole.Imports = append(whole.Imports[:len(whole.Imports):len(whole.Imports)], *m)
	if text := changed[claimsFile]; text != nil {
		var t claimsText
		if err := evidence.ParseFile(claimsFile, text, &t); err != nil {
			return tooLarge(m.Name, err)
		}
		whole.Claims = t.Claims
	}
	if text := changed[icsFile]; text != nil {
		var t icsText
		if err := evidence.ParseFile(icsFile, text, &t); err != nil {
			return tooLarge(m.Name, err)
		}
		whole.ICS, whole.Features = t.ICS, t.Features
	}
	j, err := json.Marshal(&whole)
	if err != nil {
		return fmt.Errorf("bundle: %s: %w", m.Name, err)
	}
	if _, err := evidence.Parse(j); err != nil {
		return tooLarge(m.Name, err)
	}
	return nil
}

// ImportText is an import as a file of a bundle.
func ImportText(m evidence.Import) ([]byte, error) {
	text, err := marshal(m)
	if err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", m.Name, err)
	}
	return append([]byte("# Written by `assay evidence import`. The file itself is the artifact.\n"), text...), nil
}

// tooLarge says what to do where only size can be the reason.
func tooLarge(file string, err error) error {
	return fmt.Errorf("%w: with %s there is more than an office reads in one evidence (%w): have the tool list packages only, or hand the file in as an artifact with `assay evidence add`", ErrTooLarge, file, err)
}

// fresh are the claims that are not there yet: on the same requirements, by
// the same artifact.
func (b *Bundle) fresh(claims []evidence.Claim) (out []evidence.Claim) {
	key := func(c *evidence.Claim) string {
		s := fmt.Sprint(c.Requirements)
		for _, a := range c.Artifacts {
			s += " " + a.SHA256.String()
		}
		return s
	}
	there := map[string]bool{}
	for i := range b.Evidence.Claims {
		there[key(&b.Evidence.Claims[i])] = true
	}
	for i := range claims {
		if !there[key(&claims[i])] {
			out = append(out, claims[i])
		}
	}
	return out
}

// importName is the n-th name for the import of a file.
func importName(file string, n int) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && portable("x"+string(r)) {
			return r
		}
		return '-'
	}, file)
	name = strings.TrimLeft(name, ".")
	if len(name) > 80 {
		name = name[:80]
	}
	if name == "" {
		name = "import"
	}
	if n > 1 {
		name = fmt.Sprintf("%s-%d", name, n)
	}
	return name + yamlExt
}

// appendClaims writes claims behind those of a text that was parsed before.
func appendClaims(text []byte, claims []evidence.Claim) ([]byte, error) {
	var more yaml.Node
	if err := more.Encode(claimsText{claims}); err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", claimsFile, err)
	}
	doc := &more
	if len(bytes.TrimSpace(text)) > 0 {
		doc = new(yaml.Node)
		if err := yaml.Unmarshal(text, doc); err != nil {
			return nil, fmt.Errorf("%s: %w", claimsFile, err)
		}
		list := valueOf(doc, "claims")
		if list == nil || list.Kind != yaml.SequenceNode {
			return nil, fmt.Errorf("%s: no list of claims: correct it", claimsFile)
		}
		list.Style &^= yaml.FlowStyle
		list.Content = append(list.Content, valueOf(&more, "claims").Content...)
	}
	out, err := marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", claimsFile, err)
	}
	return out, nil
}

// state fills answers of a file into those of ics.yaml that are empty. What is
// answered otherwise stays, and is told. The text is nil where nothing changes.
func (b *Bundle) state(x *Imported) (text []byte, differ []string, err error) {
	doc := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	if old := b.files[icsFile]; len(bytes.TrimSpace(old)) > 0 {
		doc = new(yaml.Node)
		if err := yaml.Unmarshal(old, doc); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", icsFile, err)
		}
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, fmt.Errorf("%s: no fields: correct it", icsFile)
	}
	top, changed := doc.Content[0], false
	put := func(into *yaml.Node, key string, v any) error {
		changed = true
		return setValue(into, key, v)
	}
	for _, id := range sorted(x.Features) {
		f, have := x.Features[id], b.Evidence.Features[id]
		switch {
		case f.Answer == scheme.Undetermined || f.Answer == have.Answer:
		case have.Answer != scheme.Undetermined:
			differ = append(differ, fmt.Sprintf("feature %s: the file says %s, ics.yaml says %s", id, f.Answer, have.Answer))
		default:
			if err := put(child(top, "features", yaml.MappingNode), id, f); err != nil {
				return nil, nil, err
			}
		}
	}
	for i := range x.ICS {
		s := &x.ICS[i]
		j := slices.IndexFunc(b.Evidence.ICS, func(o evidence.ICS) bool { return o.Standard == s.Standard && o.Edition == s.Edition })
		list := child(top, "ics", yaml.SequenceNode)
		if j < 0 {
			var n yaml.Node
			if err := n.Encode(s); err != nil {
				return nil, nil, err
			}
			list.Content, changed = append(list.Content, &n), true
			continue
		}
		have := &b.Evidence.ICS[j]
		if have.Date.IsZero() {
			if err := put(list.Content[j], "date", s.Date); err != nil {
				return nil, nil, err
			}
		}
		for _, id := range sorted(s.Entries) {
			switch e, old := s.Entries[id], have.Entries[id]; {
			case e.Support == evidence.SupportedTBD || e.Support == old.Support:
			case old.Support != evidence.SupportedTBD:
				differ = append(differ, fmt.Sprintf("%s@%s/%s: the file says %s, ics.yaml says %s", s.Standard, s.Edition, id, e.Support, old.Support))
			default:
				if old.Detail != "" {
					e.Detail = old.Detail
				}
				e.Artifacts = old.Artifacts
				if err := put(child(list.Content[j], "entries", yaml.MappingNode), id, e); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	if !changed {
		return nil, differ, nil
	}
	if text, err = marshal(doc); err != nil {
		return nil, nil, fmt.Errorf("bundle: %s: %w", icsFile, err)
	}
	return text, differ, nil
}

// child finds a field of a mapping, or makes it.
func child(n *yaml.Node, field string, kind yaml.Kind) *yaml.Node {
	c := valueOf(n, field)
	if c == nil {
		c = new(yaml.Node)
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: field}, c)
	}
	if c.Kind != kind {
		*c = yaml.Node{Kind: kind, HeadComment: c.HeadComment, LineComment: c.LineComment, FootComment: c.FootComment}
	}
	if len(c.Content) == 0 {
		c.Style = 0
	}
	return c
}

// setValue sets a field of a mapping and keeps the comments around it.
func setValue(n *yaml.Node, field string, v any) error {
	var x yaml.Node
	if err := x.Encode(v); err != nil {
		return err
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, old := n.Content[i], n.Content[i+1]
		if key.Value != field {
			continue
		}
		x.HeadComment, x.FootComment = old.HeadComment, old.FootComment
		if x.Kind == yaml.ScalarNode {
			x.LineComment = old.LineComment
		} else if old.LineComment != "" { // there is no place beside several lines
			key.HeadComment = strings.TrimPrefix(key.HeadComment+"\n"+old.LineComment, "\n")
		}
		*old = x
		return nil
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: field}, &x)
	return nil
}

// valueOf finds a field of a document's mapping.
func valueOf(n *yaml.Node, field string) *yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == field {
			return n.Content[i+1]
		}
	}
	return nil
}

// replace puts a text in the place of a file, whole or not at all.
func replace(name string, text []byte) error {
	temp, err := os.MkdirTemp(filepath.Dir(name), ".bundle-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	f, err := os.OpenFile(filepath.Join(temp, "file"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := finish(f, err); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// AddReport takes a report into the folder that b was opened from, as
// verdicts/NAME.yaml or, where that is taken, NAME-2.yaml: what a tester wrote
// into an earlier one is never lost. A report of the same body and number that
// is there already changes nothing. What would make the evidence larger than an
// office takes is [ErrTooLarge], before anything is written. b does not have it
// until it is opened again. The files that the report rests on must be there.
func (b *Bundle) AddReport(dir, name string, r *evidence.Report) (Added, error) {
	for i := range b.Evidence.Reports {
		if o := b.Evidence.Reports[i].Report(); o != nil && o.By.ID == r.By.ID && o.Number == r.Number {
			return Added{Path: reports + "/" + b.Evidence.Reports[i].Name}, nil
		}
	}
	text, err := marshal(r)
	if err != nil {
		return Added{}, fmt.Errorf("bundle: %s: %w", name, err)
	}
	signed, err := evidence.NewSigned(name, text, "")
	if err != nil {
		return Added{}, tooLarge(name, err)
	}
	whole := *b.Evidence
	whole.Reports = append(whole.Reports[:len(whole.Reports):len(whole.Reports)], *signed)
	j, err := json.Marshal(&whole)
	if err != nil {
		return Added{}, fmt.Errorf("bundle: %s: %w", name, err)
	}
	if _, err := evidence.Parse(j); err != nil {
		return Added{}, tooLarge(name, err)
	}
	if err := os.Mkdir(filepath.Join(dir, reports), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return Added{}, err
	}
	text = append([]byte("# Written by the laboratory's tests of `assay lab`. Give the verdicts of the tasks, take the tasks out, and sign it.\n"+
		"# A task on a unit becomes a line of verdicts: {unit, row, sample, verdict, ground, artifacts}, one on a requirement\n"+
		"# a line of results: {requirements: [STANDARD@EDITION/ID], verdict, method: test, sample, ground, artifacts}.\n"), text...)
	write := func(f *os.File) error { _, err := f.Write(text); return err }
	for n := 1; ; n++ {
		path := reports + "/" + importName(strings.TrimSuffix(name, yamlExt), n)
		switch err := newFile(filepath.Join(dir, filepath.FromSlash(path)), write); {
		case errors.Is(err, ErrExists) && n < MaxFiles:
		case err != nil:
			return Added{}, err
		default:
			return Added{Path: path, New: true}, nil
		}
	}
}
