package firmware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"assay/confine"
	"assay/lab/firmware/image"
)

// Bounds of a scan.
const (
	MaxImage  = 1 << 30 // bytes of the image
	MaxMemory = 2 << 30 // of the process
	MaxTime   = 10 * time.Minute

	lookTime = 8 * time.Minute // then the process says what it has
)

// Options of a scan.
type Options struct {
	// At is the instant at which certificates in the image must be valid; the
	// zero time asks for none.
	At time.Time
	// Words are tried as passwords first: names of the product, its maker, what the label says.
	Words []string
	// Reduced goes on where the system lacks a layer of confinement.
	Reduced bool
	// Progress is told what is looked at; nil: nobody.
	Progress func(Progress)

	bounds  image.Bounds // nil: image.Standard; in tests
	without string       // layer of confinement; in tests
}

// Progress of a scan.
type Progress struct {
	Part     string `json:"part,omitempty"`   // id of what is looked at
	Format   string `json:"format,omitempty"` // of it
	Done     int64  `json:"done"`             // bytes of the image that were searched
	Size     int64  `json:"size"`             // of the image
	Unpacked int64  `json:"unpacked,omitempty"`
	Files    int    `json:"files,omitempty"`   // found so far
	Read     int64  `json:"read,omitempty"`    // bytes of them that were looked at
	ToRead   int64  `json:"to_read,omitempty"` // of all that are known by now
}

// Errors of a scan that are about the file.
var (
	ErrFile    = errors.New("no firmware image")
	ErrChanged = errors.New("the file changed while it was read: try again")
)

// Scan finds the facts of an image. The file must be a regular one, of 1 to MaxImage
// bytes. Errors: ErrFile, ErrChanged, those of package confine (confine.ErrMissing
// where a layer is missing and o.Reduced is not set), the context's. A part that
// cannot be read is no error.
func Scan(ctx context.Context, f *os.File, o Options) (*Facts, error) {
	sum, size, err := digest(ctx, f)
	if err != nil {
		return nil, err
	}
	t := told{At: o.At, Words: o.Words, Bounds: o.bounds, Time: lookTime}
	if t.Bounds == (image.Bounds{}) {
		t.Bounds = image.Standard
	}
	order, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	progress := o.Progress
	if progress == nil {
		progress = func(Progress) {}
	}
	var facts *Facts
	layers, err := worker.RunWith(ctx, f, confine.Options{
		Memory: MaxMemory, CPU: MaxTime, Time: MaxTime, All: true, Reduced: o.Reduced, Without: o.without, Told: order,
	}, func(r io.Reader) (err error) {
		facts, err = listen(r, progress)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case facts.SHA256 != sum || facts.Size != size:
		return nil, ErrChanged
	}
	if err := validate(facts, t.Bounds); err != nil {
		return nil, fmt.Errorf("%w: %w", errLies, err)
	}
	facts.Layers = layers
	return facts, nil
}

// digest reads a file through, and sets it back to its beginning.
func digest(ctx context.Context, f *os.File) (sum string, size int64, err error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", 0, err
	case !info.Mode().IsRegular():
		return "", 0, fmt.Errorf("%w: no plain file: give the file itself", ErrFile)
	case info.Size() == 0:
		return "", 0, fmt.Errorf("%w: the file is empty", ErrFile)
	case info.Size() > MaxImage:
		return "", 0, fmt.Errorf("%w: %d bytes, and %d is the most: hand in the parts one by one", ErrFile, info.Size(), int64(MaxImage))
	}
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		if ctx.Err() != nil {
			return "", 0, context.Cause(ctx)
		}
		n, err := f.ReadAt(buf, size)
		h.Write(buf[:n])
		size += int64(n)
		switch {
		case size > MaxImage:
			return "", 0, ErrChanged
		case errors.Is(err, io.EOF):
			_, err := f.Seek(0, io.SeekStart)
			return hex.EncodeToString(h.Sum(nil)), size, err
		case err != nil:
			return "", 0, err
		}
	}
}

var errLies = errors.New("the process that read the image says what cannot be")

// listen reads what the process says.
func listen(r io.Reader, progress func(Progress)) (*Facts, error) {
	d := json.NewDecoder(io.LimitReader(r, maxAnswer))
	d.DisallowUnknownFields()
	for {
		var s said
		switch err := d.Decode(&s); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, io.ErrUnexpectedEOF // it ended before it said all
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errLies, err)
		case s.Facts != nil:
			return s.Facts, nil
		case s.Progress == nil:
			return nil, fmt.Errorf("%w: a line with nothing", errLies)
		}
		s.Progress.Part, s.Progress.Format = line(s.Progress.Part), line(s.Progress.Format)
		progress(*s.Progress)
	}
}
