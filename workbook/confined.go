package workbook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"assay/confine"
	"assay/scheme"
)

// answer is what the process that parses a file says.
type answer struct {
	Book    *book  `json:"book,omitempty"`
	Refused int    `json:"refused,omitempty"` // 1 + index in refusals
	Why     string `json:"why,omitempty"`
}

var refusals = []error{ErrNoWorkbook, ErrTooLarge}

// maxAnswer bounds an answer: text may be escaped, and the base is in base64.
const maxAnswer = 6*MaxText + 2*maxBase + 1<<20

var worker = confine.New("workbook", func(in *os.File, out io.Writer) error {
	b, err := io.ReadAll(io.LimitReader(in, MaxFile+1))
	if err != nil {
		return err
	}
	var a answer
	if a.Book, err = parse(b); err != nil {
		a.Refused, a.Why = 1+max(0, slices.IndexFunc(refusals, func(e error) bool { return errors.Is(err, e) })), err.Error()
	}
	return json.NewEncoder(out).Encode(a)
})

// wrapped is a refusal that came from another process, in its words.
type wrapped struct {
	is  error
	why string
}

func (w *wrapped) Error() string { return w.why }
func (w *wrapped) Unwrap() error { return w.is }

// ReadFile is [Read] for a file of foreign origin: it is parsed in a process that
// can do nothing but compute (package confine), and what that says is checked.
func ReadFile(ctx context.Context, name string, cat *scheme.Catalog) (*Content, []Finding, error) {
	info, err := os.Stat(name) // before it is opened: a pipe would keep us waiting
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%w: %s is no plain file", ErrNoWorkbook, name)
	case info.Size() > MaxFile: // before a process is started
		return nil, nil, fmt.Errorf("%w: %s has %d bytes, at most %d: remove what is no answer", ErrTooLarge, name, info.Size(), MaxFile)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	var a answer
	err = worker.Run(ctx, f, func(r io.Reader) error {
		b, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
		if err != nil {
			return err
		}
		if len(b) > maxAnswer {
			return errFalse
		}
		if err := json.Unmarshal(b, &a); err != nil {
			return fmt.Errorf("%w: %w", errFalse, io.ErrUnexpectedEOF)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	case a.Refused != 0:
		w := &wrapped{ErrNoWorkbook, clip(a.Why, 2000)}
		if a.Refused-1 < len(refusals) && a.Refused > 0 {
			w.is = refusals[a.Refused-1]
		}
		return nil, nil, fmt.Errorf("%s: %w", name, w)
	case a.Book == nil || !a.Book.sound():
		return nil, nil, fmt.Errorf("%s: %w", name, errFalse)
	}
	return interpret(a.Book, cat)
}

var errFalse = fmt.Errorf("%w: the process that reads it gave a false answer", ErrNoWorkbook)

// sound reports whether a book is one that parse makes.
func (b *book) sound() bool {
	text := 0
	if len(b.Sheets) > MaxSheets || len(b.Base) > maxBase {
		return false
	}
	for _, g := range b.Sheets {
		if g == nil || len(g.Rows) > maxGridRows {
			return false
		}
		last := 0
		for _, r := range g.Rows {
			if r.N <= last || r.N > 1<<20 {
				return false
			}
			last = r.N
			col := 0
			for _, c := range r.Cells {
				if c.Col <= col || c.Col > MaxColumns || units(c.Val) > MaxCell {
					return false
				}
				col = c.Col
				text += len(c.Val)
			}
		}
	}
	return text <= MaxText
}
