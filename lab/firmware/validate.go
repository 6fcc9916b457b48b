package firmware

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"assay/lab"
	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack"
)

// Bounds of what the process says.
const (
	maxAnswer   = 512 << 20 // bytes
	maxLine     = 1000      // bytes of a line, about
	maxLinesLen = maxLine + 3
	maxPathLen  = 4 * (image.MaxDepth + 1) * (image.MaxName + 1) // of a path, written in escapes
	maxIDLen    = 16 << 10
	maxDetails  = 200
	maxProblems = 200
	maxNotes    = 101
	maxResult   = 64 << 10 // bytes of a string that an inspector says
)

// kinds of nodes, and states of parts.
var (
	kinds  = map[image.Kind]bool{image.Dir: true, image.File: true, image.Symlink: true, image.Char: true, image.Block: true, image.FIFO: true, image.Socket: true}
	states = map[image.State]bool{image.Understood: true, image.Damaged: true, image.Padding: true, image.Unknown: true}
)

// validate holds facts against what they can be. The process that says them reads
// foreign bytes.
func validate(f *Facts, b image.Bounds) error {
	if err := unpack.Check(&unpack.Result{Parts: f.Parts, Coverage: f.Coverage}, f.Size); err != nil {
		return err
	}
	c := f.Coverage
	if c.Understood < 0 || c.Padding < 0 || c.Unknown < 0 || c.Damaged < 0 {
		return fmt.Errorf("a coverage of less than nothing")
	}
	v := &validator{ids: map[string]bool{}}
	for _, p := range f.Parts {
		v.part(p, 0)
	}
	nodes := 0
	for _, s := range f.Systems {
		v.system(&s)
		nodes += len(s.Files)
	}
	if nodes > 2*b.Files {
		v.wrong("%d files, and %d is the most", nodes, b.Files)
	}
	v.lines("problems", f.Problems, maxProblems)
	v.findings(f.Findings)
	for rule, n := range f.Left {
		if _, err := knownRule(rule); err != nil || n <= 0 {
			v.wrong("%d findings are left of rule %.100q", n, rule)
		}
	}
	v.strings(reflect.ValueOf(f.Results))
	return v.err
}

// strings looks at all strings of what inspectors say.
func (v *validator) strings(x reflect.Value) {
	switch x.Kind() {
	case reflect.String:
		if len(x.String()) > maxResult || !utf8.ValidString(x.String()) {
			v.wrong("%d bytes in one string of an inspection", len(x.String()))
		}
	case reflect.Pointer, reflect.Interface:
		if !x.IsNil() {
			v.strings(x.Elem())
		}
	case reflect.Struct:
		for i := range x.NumField() {
			v.strings(x.Field(i))
		}
	case reflect.Slice, reflect.Array:
		if k := x.Type().Elem().Kind(); k == reflect.Uint8 || k == reflect.Int {
			return
		}
		for i := range x.Len() {
			v.strings(x.Index(i))
		}
	case reflect.Map:
		for i := x.MapRange(); i.Next(); {
			v.strings(i.Key())
			v.strings(i.Value())
		}
	}
}

// validator keeps the first thing that is wrong.
type validator struct {
	err error
	ids map[string]bool
}

func (v *validator) wrong(format string, a ...any) {
	if v.err == nil {
		v.err = fmt.Errorf(format, a...)
	}
}

// text refuses a string that is too long or not fit to be shown.
func (v *validator) text(what, s string, most int) {
	if len(s) > most || !utf8.ValidString(s) {
		v.wrong("%s is no line of at most %d bytes: %.100q", what, most, s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			v.wrong("%s has a character that is not to be shown: %.100q", what, s)
			return
		}
	}
}

func (v *validator) lines(what string, all []string, most int) {
	if len(all) > most {
		v.wrong("%d %s, and %d is the most", len(all), what, most)
	}
	for _, s := range all {
		v.text(what, s, maxLinesLen)
	}
}

func (v *validator) part(p *image.Part, depth int) {
	if depth > image.Standard.Depth+2 {
		v.wrong("parts in parts, %d deep", depth)
		return
	}
	v.ids[p.ID] = true
	v.text("an id", p.ID, maxIDLen)
	v.text("a format", p.Format, maxLinesLen)
	v.text("a problem", p.Problem, maxLinesLen)
	v.text("a stream's name", p.From, maxLinesLen)
	switch {
	case !states[p.State]:
		v.wrong("state %.100q", p.State)
	case len(p.Details) > maxDetails:
		v.wrong("%d details of one part", len(p.Details))
	case p.Size <= 0 || p.Offset < 0 || p.Unpacked < 0 || p.Weight < 0:
		v.wrong("part %s has %d bytes at %d and weighs %d", p.ID, p.Size, p.Offset, p.Weight)
	case math.IsNaN(p.Entropy) || p.Entropy < 0 || p.Entropy > 8:
		v.wrong("an entropy of %v", p.Entropy)
	}
	for _, d := range p.Details {
		v.text("a detail's name", d.Name, maxLinesLen)
		v.text("a detail", d.Value, maxLinesLen)
	}
	for _, c := range p.Parts {
		v.part(c, depth+1)
	}
}

func (v *validator) system(s *System) {
	v.text("a system's part", s.Part, maxIDLen)
	v.lines("notes", s.Notes, maxNotes)
	if s.Nodes != len(s.Files) {
		v.wrong("%d nodes in a list of %d", s.Nodes, len(s.Files))
	}
	var bytes int64
	for i := range s.Files {
		f := &s.Files[i]
		v.text("a path", f.Path, maxPathLen)
		v.text("a link", f.Target, 4*image.MaxTarget)
		sum, err := hex.DecodeString(f.SHA256)
		switch {
		case !strings.HasPrefix(f.Path, "/"):
			v.wrong("the path %.100q is not absolute", f.Path)
		case !kinds[f.Kind]:
			v.wrong("kind %.100q", f.Kind)
		case f.Size < 0 || f.Kind != image.File && (f.Size != 0 || f.SHA256 != "" || f.Inner != nil):
			v.wrong("%s is a %s of %d bytes", f.Path, f.Kind, f.Size)
		case err != nil || len(sum) != 0 && len(sum) != 32:
			v.wrong("%.100q is no SHA-256", f.SHA256)
		case f.Perm > 0o7777:
			v.wrong("%s has the permissions %o", f.Path, f.Perm)
		}
		bytes += f.Size
		if f.Inner != nil {
			v.part(f.Inner, 0)
		}
	}
	if bytes != s.Bytes {
		v.wrong("%d bytes of files that have %d", s.Bytes, bytes)
	}
}

func (v *validator) findings(fs []lab.Finding) {
	for _, f := range fs {
		r, err := knownRule(f.Rule)
		switch {
		case err != nil:
			v.wrong("%v", err)
		case f.Version != r.Version:
			v.wrong("version %d of rule %s", f.Version, f.Rule)
		case f.Severity.Rank() < 0 || f.Certainty != lab.Claimed && f.Certainty != lab.Confirmed:
			v.wrong("a finding of %s is %.100q and %.100q", f.Rule, f.Severity, f.Certainty)
		}
		for _, p := range f.Where {
			v.text("a place", p.Part, maxIDLen)
			v.text("a place", p.Path, maxPathLen)
			if p.Line < 0 || p.Offset < 0 || p.Address != "" {
				v.wrong("a place that is none: line %d, offset %d, address %.100q", p.Line, p.Offset, p.Address)
			}
		}
		for _, k := range f.Known {
			v.text("a property", k.Name, maxLinesLen)
			v.text("a property's value", k.Value, 4*maxLinesLen)
		}
	}
}

func knownRule(id string) (lab.Rule, error) {
	all, err := lab.Rules()
	if err != nil {
		return lab.Rule{}, err
	}
	r, ok := all[id]
	if !ok {
		return r, fmt.Errorf("no rule %.100q", id)
	}
	return r, nil
}
