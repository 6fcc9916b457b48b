package disclosure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"assay/confine"
	"assay/lab"
)

// Bounds of a document and of what is kept of it.
const (
	maxDocument = 2 << 20 // bytes
	maxProblems = 200
	maxFields   = 500
	maxText     = 600 // characters of one text that is kept
	maxAnswer   = 16 << 20
)

// Kinds of documents.
const (
	SecurityTxt = "security.txt"
	HTML        = "html"
	Text        = "text" // plain, or Markdown
)

// told is what the process that reads a document is told of it.
type told struct {
	Name        string `json:"name"` // last element of its place
	ContentType string `json:"content_type,omitempty"`
}

// answer is what it says.
type answer struct {
	Kind     string         `json:"kind"`
	Signed   bool           `json:"signed,omitempty"`
	Fields   []Field        `json:"fields,omitempty"`
	Problems []Problem      `json:"problems,omitempty"`
	Said     []Statement    `json:"said,omitempty"`
	Topic    map[string]int `json:"topic,omitempty"`
	SignIn   int            `json:"sign_in,omitempty"`
	Refused  string         `json:"refused,omitempty"` // why it cannot be read
}

// worker reads a document in a process that can only compute.
var worker = confine.NewTold("disclosure", func(t []byte, in *os.File, out io.Writer) error {
	var x told
	if err := json.Unmarshal(t, &x); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(readDocument(b, x))
})

// readDocument tells what a document is and what it says.
func readDocument(b []byte, t told) (a answer) {
	switch {
	case len(b) > maxDocument:
		a.Refused = fmt.Sprintf("more than %d bytes", maxDocument)
		return a
	case bytes.HasPrefix(b, []byte("%PDF-")):
		a.Refused = "it is a PDF, which is not read: give the page as HTML, or its text"
		return a
	case len(bytes.TrimSpace(b)) == 0:
		a.Refused = "it is empty"
		return a
	}
	page := isHTML(b, t.ContentType, t.Name)
	if !page {
		if s := parseSecurityTxt(b); s.isSecurityTxt(t.Name) {
			a.Kind, a.Signed, a.Fields, a.Problems = SecurityTxt, s.signed, s.fields, s.problems
			return a
		}
	}
	b = decode(b, t.ContentType)
	if bytes.IndexByte(b, 0) >= 0 {
		a.Refused = "it is no text"
		return a
	}
	p := blocksOf(b, page)
	r := readPolicy(p)
	a.Kind, a.Said, a.Topic, a.SignIn = Text, r.said, r.topic, p.signIn
	if page {
		a.Kind = HTML
	}
	return a
}

func blocksOf(b []byte, isPage bool) page {
	if isPage {
		return readHTML(b)
	}
	return readText(b)
}

// read has a document read by a process of its own, and refuses what that cannot have said.
func read(ctx context.Context, b []byte, t told) (answer, confine.Layers, error) {
	var a answer
	f, err := os.CreateTemp("", "assay-disclosure-")
	if err != nil {
		return a, confine.Layers{}, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return a, confine.Layers{}, err
	}
	if _, err := f.Write(b); err != nil {
		return a, confine.Layers{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return a, confine.Layers{}, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return a, confine.Layers{}, err
	}
	layers, err := worker.RunWith(ctx, f, confine.Options{Told: text}, func(r io.Reader) error {
		d := json.NewDecoder(io.LimitReader(r, maxAnswer))
		d.DisallowUnknownFields()
		if err := d.Decode(&a); !errors.Is(err, io.EOF) {
			return err
		}
		return io.ErrUnexpectedEOF
	})
	if err != nil {
		return a, layers, fmt.Errorf("reading the document: %w", err)
	}
	return a, layers, a.check()
}

func (a *answer) check() error {
	bad := len(a.Fields) > maxFields || len(a.Problems) > maxProblems || len(a.Said) > 4*maxStatements || len(a.Topic) > len(languages) || len(a.Refused) > 4*maxText
	switch {
	case a.Refused == "" && !slices.Contains([]string{SecurityTxt, HTML, Text}, a.Kind):
		bad = true
	case slices.ContainsFunc(a.Problems, func(p Problem) bool { return !slices.Contains(formatRules, p.Rule) || p.Line < 0 }):
		bad = true
	case slices.ContainsFunc(a.Said, func(s Statement) bool {
		return !slices.Contains([]string{Contact, Acknowledgment, Status, Fix}, s.Kind) || s.Line < 0
	}):
		bad = true
	}
	if bad {
		return errors.New("the process that reads the document said what it cannot say")
	}
	for i := range a.Said {
		s := &a.Said[i]
		s.Quote, s.Value, s.Language = clip(s.Quote), clip(s.Value), clip(s.Language)
	}
	for i := range a.Fields {
		a.Fields[i].Value = clip(a.Fields[i].Value)
	}
	return nil
}

// formatRules are those that a document's format may break.
var formatRules = []string{"disclosure.syntax", "disclosure.twice", "disclosure.no-expiry", "disclosure.no-uri", "disclosure.not-https", "disclosure.signature"}

// found makes findings of what is wrong with a document's format.
func found(problems []Problem, address string) (all []lab.Finding) {
	for _, p := range problems {
		at := lab.Place{Address: address, Line: p.Line}
		switch p.Rule {
		case "disclosure.syntax":
			all = append(all, lab.Found("disclosure.syntax", lab.Confirmed, at, "text", p.Text))
		case "disclosure.twice":
			all = append(all, lab.Found("disclosure.twice", lab.Confirmed, at, "text", p.Text))
		case "disclosure.no-expiry":
			all = append(all, lab.Found("disclosure.no-expiry", lab.Confirmed, at, "text", p.Text))
		case "disclosure.no-uri":
			all = append(all, lab.Found("disclosure.no-uri", lab.Confirmed, at, "text", p.Text))
		case "disclosure.not-https":
			all = append(all, lab.Found("disclosure.not-https", lab.Confirmed, at, "text", p.Text))
		case "disclosure.signature":
			all = append(all, lab.Found("disclosure.signature", lab.Confirmed, at, "text", p.Text))
		}
	}
	return all
}

// clip makes one line of at most maxText characters.
func clip(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\ufffd")), " ")
	if r := []rune(s); len(r) > maxText {
		s = string(r[:maxText]) + "…"
	}
	return s
}
