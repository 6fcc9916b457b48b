package lab

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"assay/scheme"
)

// Phrase is a sentence for people, kept as its id and what is put in, so that
// it can be said in every language.
type Phrase struct {
	ID   string   `json:"id"`
	Args []string `json:"args,omitempty"`
}

// Say makes a phrase. What is put in is made printable.
func Say(id string, args ...any) Phrase {
	p := Phrase{ID: id}
	for _, a := range args {
		p.Args = append(p.Args, clean(fmt.Sprint(a)))
	}
	return p
}

//go:embed phrases/*.yaml
var phraseFiles embed.FS

// phrases are all phrases by id, read once from phrases/AREA.yaml.
var phrases = sync.OnceValues(func() (map[string]scheme.Text, error) { return readPhrases(phraseFiles) })

func readPhrases(files fs.FS) (map[string]scheme.Text, error) {
	names, err := fs.Glob(files, "phrases/*.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]scheme.Text{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var some map[string]scheme.Text
		if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&some); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for id, t := range some {
			if _, twice := all[id]; twice {
				return nil, fmt.Errorf("%s: phrase %q is there twice", name, id)
			}
			all[id] = t
		}
	}
	return all, nil
}

// In is the phrase in a language, in English where it lacks; %1, %2, … stand for
// what is put in.
func (p Phrase) In(language string) string {
	all, err := phrases()
	if err != nil {
		panic(err) // embedded, and tested
	}
	t, ok := all[p.ID]
	if !ok {
		return strings.TrimSpace(p.ID + " " + strings.Join(p.Args, " "))
	}
	s := t.In(language, "en")
	for i := len(p.Args); i > 0; i-- {
		s = strings.ReplaceAll(s, "%"+strconv.Itoa(i), "\x00"+strconv.Itoa(i)+"\x00")
	}
	for i, a := range p.Args { // at once: what is put in may have %1 in it
		s = strings.ReplaceAll(s, "\x00"+strconv.Itoa(i+1)+"\x00", a)
	}
	return s
}

// String is the phrase in English.
func (p Phrase) String() string { return p.In("en") }

// Word is the name of a property in a language: the phrase "property.NAME".
func Word(name, language string) string {
	s := Phrase{ID: "property." + name}.In(language)
	return strings.TrimPrefix(s, "property.")
}
