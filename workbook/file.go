package workbook

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Errors that every refusal of a file as a whole wraps.
var (
	ErrNoWorkbook = errors.New("no workbook")
	ErrTooLarge   = errors.New("larger than a workbook may be")
)

// file is an opened package (ECMA-376-2). The library that writes workbooks
// does not read them here: it passes over what it cannot read, and what it
// passes over would be lost without a word.
type file struct {
	parts    map[string]*zip.File // by name in lower case: names are equal whatever the case
	unpacked int64                // bytes so far
	found    []Finding
}

// openFile checks a package as a whole, before anything in it is parsed.
func openFile(b []byte) (*file, error) {
	switch {
	case len(b) > MaxFile:
		return nil, fmt.Errorf("%w: %d bytes, at most %d: remove what is no answer", ErrTooLarge, len(b), MaxFile)
	case bytes.HasPrefix(b, []byte("\xD0\xCF\x11\xE0")):
		return nil, fmt.Errorf("%w: an old .xls file, or one with a password: save it as .xlsx without a password", ErrNoWorkbook)
	case !bytes.HasPrefix(b, []byte("PK")):
		return nil, fmt.Errorf("%w: save it as .xlsx in a spreadsheet program", ErrNoWorkbook)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("%w: the zip is damaged: get the file again: %w", ErrNoWorkbook, err)
	}
	if len(z.File) > MaxParts {
		return nil, fmt.Errorf("%w: %d parts, at most %d: copy the answers into a new workbook", ErrTooLarge, len(z.File), MaxParts)
	}
	f := &file{parts: make(map[string]*zip.File, len(z.File))}
	var total uint64
	for _, e := range z.File {
		name := strings.ToLower(strings.TrimPrefix(e.Name, "/"))
		switch {
		case strings.HasSuffix(name, "/"):
			continue
		case strings.Contains(name, `\`) || path.Clean("/"+name) != "/"+name:
			return nil, fmt.Errorf("%w: part %.80q has a name that leads elsewhere: save the file again in a spreadsheet program", ErrNoWorkbook, e.Name)
		case f.parts[name] != nil:
			return nil, fmt.Errorf("%w: part %.80q is there twice: save the file again in a spreadsheet program", ErrNoWorkbook, e.Name)
		case e.Flags&1 != 0:
			return nil, fmt.Errorf("%w: it has a password: save it without", ErrNoWorkbook)
		case e.Method != zip.Store && e.Method != zip.Deflate:
			return nil, fmt.Errorf("%w: part %.80q is packed in an uncommon way: save the file again in a spreadsheet program", ErrNoWorkbook, e.Name)
		}
		if err := bomb(e.Name, e.UncompressedSize64, e.CompressedSize64); err != nil {
			return nil, err
		}
		if total += e.UncompressedSize64; total > MaxUnpacked {
			return nil, fmt.Errorf("%w: more than %d bytes when unpacked: remove formatting from empty rows, and what is no answer", ErrTooLarge, MaxUnpacked)
		}
		f.parts[name] = e
	}
	if f.parts["mimetype"] != nil && f.parts["[content_types].xml"] == nil {
		return nil, fmt.Errorf("%w: another kind of document: save it as .xlsx", ErrNoWorkbook)
	}
	return f, nil
}

// bomb refuses a part that unpacks to more than any honest one.
func bomb(name string, unpacked, packed uint64) error {
	switch {
	case unpacked > MaxPart:
		return fmt.Errorf("%w: part %.80q has %d bytes when unpacked, at most %d: remove formatting from empty rows, and what is no answer", ErrTooLarge, name, unpacked, MaxPart)
	case unpacked > 1<<20 && unpacked/maxRatio > packed:
		return fmt.Errorf("%w: part %.80q unpacks to more than %d times its size: remove formatting from empty rows", ErrTooLarge, name, maxRatio)
	}
	return nil
}

// open unpacks a part. What the zip says of its size is not believed.
func (f *file) open(name string) (io.Reader, error) {
	e := f.parts[strings.ToLower(name)]
	if e == nil {
		return nil, fmt.Errorf("%w: part %.80q is missing: save the file again in a spreadsheet program", ErrNoWorkbook, name)
	}
	r, err := e.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: part %.80q: %w", ErrNoWorkbook, name, err)
	}
	return &bounded{f: f, r: r, e: e}, nil
}

// bounded counts what is unpacked.
type bounded struct {
	f *file
	r io.Reader
	e *zip.File
	n int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	b.f.unpacked += int64(n)
	if e := bomb(b.e.Name, uint64(b.n), b.e.CompressedSize64); e != nil {
		return 0, e
	}
	if b.f.unpacked > 2*MaxUnpacked { // relations and sheets are looked at twice at most
		return 0, fmt.Errorf("%w: more than %d bytes when unpacked", ErrTooLarge, MaxUnpacked)
	}
	return n, err
}

// scan gives a part's XML as tokens. An error of visit ends it.
func (f *file) scan(name string, visit func(d *xml.Decoder, t xml.Token) error) error {
	r, err := f.open(name)
	if err != nil {
		return err
	}
	d := xml.NewDecoder(r)
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("its encoding is %.20q", charset)
	}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			if _, directive := t.(xml.Directive); directive {
				err = errors.New("it has a document type")
			} else {
				err = visit(d, t)
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, ErrTooLarge), errors.Is(err, ErrNoWorkbook):
			return err
		default:
			var corrupt flate.CorruptInputError
			if errors.As(err, &corrupt) || errors.Is(err, zip.ErrChecksum) {
				err = fmt.Errorf("damaged: %w", err)
			}
			return fmt.Errorf("%w: part %.80q cannot be read: save the file again in a spreadsheet program: %w", ErrNoWorkbook, name, err)
		}
	}
}

// relation of one part to another.
type relation struct{ id, kind, target string }

// relations of a part; none where it has no file of them.
func (f *file) relations(part string) ([]relation, error) {
	dir, base := path.Split(part)
	name := dir + "_rels/" + base + ".rels"
	if f.parts[strings.ToLower(name)] == nil {
		return nil, nil
	}
	var rs []relation
	err := f.scan(name, func(_ *xml.Decoder, t xml.Token) error {
		e, ok := t.(xml.StartElement)
		if !ok || e.Name.Local != "Relationship" {
			return nil
		}
		if len(rs) == MaxParts {
			return fmt.Errorf("%w: more than %d relations", ErrTooLarge, MaxParts)
		}
		r := relation{id: attr(e, "Id"), kind: attr(e, "Type"), target: attr(e, "Target")}
		r.kind = r.kind[strings.LastIndexByte(r.kind, '/')+1:]
		if attr(e, "TargetMode") != "External" {
			if !strings.HasPrefix(r.target, "/") {
				r.target = path.Join("/", dir, r.target)
			}
			r.target = strings.TrimPrefix(path.Clean(r.target), "/")
		}
		rs = append(rs, r)
		return nil
	})
	return rs, err
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// active is what no workbook of answers has: what would run, what comes from
// elsewhere, and what a cell cannot hold.
var active = []struct{ part, problem, remedy string }{
	{"vbaproject", "it has macros", "save it as .xlsx, which has none"},
	{"macrosheets/", "it has a macro sheet", "save it as .xlsx, and delete such sheets"},
	{"dialogsheets/", "it has a dialog sheet", "delete it"},
	{"externallinks/", "it has links to other files, or to programs (DDE)", "break the links (Data, Edit Links) and write the values"},
	{"connections.xml", "it has a connection to outside data", "delete the connection and write the values"},
	{"querytables/", "it has a query for outside data", "delete the query and write the values"},
	{"embeddings/", "it has an embedded object", "hand the object over as a document, name that in the sheet of documents, and delete it here"},
	{"activex/", "it has a control", "delete it and write the value into a cell"},
	{"ctrlprops/", "it has a control", "delete it and write the value into a cell"},
	{"customui/", "it changes the program's menus", "copy the answers into a new workbook"},
	{"webextensions/", "it has an add-in", "remove the add-in"},
	{"media/", "it has a picture", "hand the picture over as a document, name that in the sheet of documents, and delete it here"},
	{"charts/", "it has a chart", "hand it over as a document, name that in the sheet of documents, and delete it here"},
	{"diagrams/", "it has a diagram", "hand it over as a document, name that in the sheet of documents, and delete it here"},
	{"drawings/drawing", "it has a drawing or a text box, which would be lost", "write its text into a cell, or hand it over as a document, and delete it here"},
	{"pivottables/", "it has a pivot table", "delete it"},
	{"xl/model/", "it has a data model", "copy the answers into a new workbook"},
	{".bin", "it has a part that is not text", "save it as .xlsx"},
}

// refuseActive lists such parts, each kind once.
func (f *file) refuseActive() {
	names := make([]string, 0, len(f.parts))
	for n := range f.parts {
		if !strings.Contains(n, "printersettings/") && !strings.HasPrefix(n, "docprops/") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	said := map[string]bool{}
	for _, n := range names {
		for _, a := range active {
			if !strings.Contains(n, a.part) {
				continue
			}
			if !said[a.problem] {
				said[a.problem] = true
				f.found = append(f.found, Finding{Problem: fmt.Sprintf("%s (part %.80s)", a.problem, n), Remedy: a.remedy})
			}
			break
		}
	}
}

// refuseTypes reads what kind of file it says it is.
func (f *file) refuseTypes() error {
	return f.scan("[Content_Types].xml", func(_ *xml.Decoder, t xml.Token) error {
		e, ok := t.(xml.StartElement)
		if !ok {
			return nil
		}
		switch kind := attr(e, "ContentType"); {
		case strings.Contains(kind, ".ms-excel.sheet.binary"):
			return fmt.Errorf("%w: a binary workbook (.xlsb): save it as .xlsx", ErrNoWorkbook)
		case strings.Contains(kind, ".ms-excel.") && strings.Contains(kind, "macroEnabled"):
			f.found = append(f.found, Finding{Problem: "it is of a kind that has macros (.xlsm, .xltm or .xlam)", Remedy: "save it as .xlsx"})
		case strings.Contains(kind, "wordprocessingml.document") || strings.Contains(kind, "presentationml.presentation"):
			return fmt.Errorf("%w: another kind of document", ErrNoWorkbook)
		}
		return nil
	})
}
