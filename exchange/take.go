package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"assay/confine"
	"assay/evidence"
	"assay/exchange/cyclonedx"
	"assay/exchange/intake"
	"assay/exchange/nmap"
	"assay/exchange/oscal"
	"assay/exchange/sarif"
	"assay/exchange/spdx"
	"assay/exchange/sshaudit"
	"assay/exchange/testssl"
	"assay/scheme"
)

const maxAnswer = 64 << 20 // bytes of what a worker says

// answer is what a worker says.
type answer struct {
	Result *intake.Result  `json:"result,omitempty"`
	Error  *evidence.Error `json:"error,omitempty"`
}

// nobody stands for the holder in a worker, which is told nothing.
const nobody = "nobody"

// worker reads a file in a process that can only compute.
var worker = confine.New("import", func(in *os.File, out io.Writer) error {
	var a answer
	r, err := Read("file", in, intake.Options{Holder: nobody})
	if err != nil && !errors.As(err, &a.Error) {
		return err
	}
	a.Result = r
	return json.NewEncoder(out).Encode(a)
})

// Take is [Read] of a file on disk, in a process of its own that can do nothing
// but compute (package confine): a parser that the file gets the better of can
// then at worst say something false about the file. What it says is held
// against what an import may be. Its errors about the file are of type
// *evidence.Error.
func Take(ctx context.Context, path string, o intake.Options) (*intake.Result, error) {
	name := filepath.Base(path)
	info, err := os.Stat(path) // before it is opened: a pipe would keep us waiting
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &evidence.Error{File: name, Problem: "no plain file: give the file itself; archives and folders are not opened"}
	case info.Size() > intake.Standard.Bytes: // as the reader would say
		return nil, &evidence.Error{File: name, Problem: fmt.Sprintf("more than %d bytes: have the tool leave out what is not asked for (files, raw traffic), or write one file for each image", intake.Standard.Bytes)}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, io.LimitReader(f, intake.Standard.Bytes+1))
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var a answer
	err = worker.Run(ctx, f, func(r io.Reader) error {
		d := json.NewDecoder(io.LimitReader(r, maxAnswer))
		d.DisallowUnknownFields()
		if err := d.Decode(&a); !errors.Is(err, io.EOF) {
			return err
		}
		return io.ErrUnexpectedEOF // it ended before it said anything
	})
	switch {
	case errors.Is(err, confine.ErrMemory), errors.Is(err, confine.ErrTime):
		return nil, &evidence.Error{File: name, Problem: fmt.Sprintf("reading it %v: have the tool write less, or one file for each image", err)}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case a.Error != nil:
		a.Error.File = name
		return nil, a.Error
	case a.Result == nil:
		return nil, fmt.Errorf("%s: the process that reads the file said nothing", name)
	}
	r := a.Result
	artifact := evidence.Artifact{Name: intake.Line(name), SHA256: evidence.Hash(h.Sum(nil)), Size: size}
	if r.Import.Artifact.SHA256 != artifact.SHA256 {
		return nil, &evidence.Error{File: name, Problem: "changed while it was read: try again"}
	}
	r.Import.Name, r.Import.Artifact = artifact.Name, artifact
	return r, settle(r, o)
}

// settle makes a worker's answer one about this file and this holder, and
// refuses what no reader says.
func settle(r *intake.Result, o intake.Options) error {
	broken := func(what string) error {
		return fmt.Errorf("%s: the process that reads the file said what it cannot say: %s", r.Import.Name, what)
	}
	if !slices.Contains([]string{cyclonedx.Format, spdx.Format, sarif.Format, nmap.Format, testssl.Format, sshaudit.Format, oscal.Format}, r.Import.Format) {
		return broken("a format that is none")
	}
	for i := range r.Claims {
		c := &r.Claims[i]
		if c.Method != scheme.Declared || c.By != (evidence.Body{Kind: scheme.Maker, ID: nobody}) {
			return broken("a claim that is more than a declaration")
		}
		c.By.ID, c.Artifacts = o.Holder, []evidence.Artifact{r.Import.Artifact}
	}
	if o.Holder == "" && len(r.Claims) > 0 {
		r.Claims = nil
		r.Note("%s", intake.NoHolder)
	}
	return sound(r)
}

// sound refuses what evidence would not take.
func sound(r *intake.Result) error {
	ev := evidence.Evidence{Imports: []evidence.Import{r.Import}, Claims: r.Claims, ICS: r.ICS, Features: r.Features}
	for _, f := range ev.Validate() {
		if !strings.HasPrefix(f.Place, "/product/") { // of which there is none
			return &evidence.Error{File: r.Import.Name, Problem: "what it says cannot be taken: " + f.String()}
		}
	}
	return nil
}
