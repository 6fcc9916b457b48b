package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"assay/evidence"

	"go.yaml.in/yaml/v3"
)

// AddImport takes what was read of a file into the folder that b was opened
// from: the file among the artifacts, m as imports/NAME.yaml, and the claims at
// the end of claims.yaml, whose comments stay. It returns the import's path in
// the bundle. Where an import rests on the same bytes already, nothing changes,
// and added is false. What would make the evidence larger than an office takes
// is [ErrTooLarge]; what would not be read again is refused before anything is
// written. b does not have it until it is opened again.
func (b *Bundle) AddImport(dir, file string, m evidence.Import, claims []evidence.Claim) (path string, added bool, err error) {
	for i := range b.Evidence.Imports {
		if b.Evidence.Imports[i].Artifact.SHA256 == m.Artifact.SHA256 && i < len(b.imports) {
			return b.imports[i], false, nil
		}
	}
	text, err := ImportText(m)
	if err != nil {
		return "", false, err
	}
	var again evidence.Import
	if err := evidence.ParseFile(m.Name, text, &again); err != nil {
		return "", false, tooLarge(m.Name, err)
	}
	fresh := b.fresh(claims)
	whole := *b.Evidence
	whole.Imports = append(whole.Imports[:len(whole.Imports):len(whole.Imports)], m)
	whole.Claims = append(whole.Claims[:len(whole.Claims):len(whole.Claims)], fresh...)
	if j, err := json.Marshal(&whole); err != nil {
		return "", false, fmt.Errorf("bundle: %s: %w", m.Name, err)
	} else if _, err := evidence.Parse(j); err != nil {
		return "", false, tooLarge(m.Name, err)
	}
	var listed []byte
	if len(fresh) > 0 {
		if listed, err = appendClaims(b.files[claimsFile], fresh); err != nil {
			return "", false, err
		}
	}
	a, err := Add(dir, file)
	if err != nil {
		return "", false, err
	}
	if a.SHA256 != m.Artifact.SHA256 {
		return "", false, fmt.Errorf("%s changed after it was read: import it again", file)
	}
	if listed != nil {
		if err := replace(filepath.Join(dir, claimsFile), listed); err != nil {
			return "", false, err
		}
	}
	if err := os.Mkdir(filepath.Join(dir, imports), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", false, err
	}
	write := func(f *os.File) error { _, err := f.Write(text); return err }
	for n := 1; ; n++ {
		path = imports + "/" + importName(m.Name, n)
		switch err := newFile(filepath.Join(dir, filepath.FromSlash(path)), write); {
		case errors.Is(err, ErrExists) && n < MaxFiles:
		case err != nil:
			return "", false, err
		default:
			return path, true, nil
		}
	}
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
	var again claimsText
	if err := evidence.ParseFile(claimsFile, out, &again); err != nil {
		return nil, tooLarge(claimsFile, err)
	}
	return out, nil
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
