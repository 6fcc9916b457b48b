package bundle

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"assay/civil"
	"assay/evidence"
)

// Finding is something about a bundle that a person has to look at, with the
// file and the line where it stands.
type Finding struct {
	File    string `json:"file,omitempty"`  // path in the bundle; "" is the bundle as a whole
	Line    int    `json:"line,omitempty"`  // 1 is the first; 0: the file as a whole
	Place   string `json:"place,omitempty"` // JSON pointer (RFC 6901) into the evidence as one file
	Problem string `json:"problem"`         // what is wrong
	Remedy  string `json:"remedy"`          // what to do
	Note    bool   `json:"note,omitempty"`  // worth knowing; nothing is wrong
}

// String is FILE:LINE: problem: remedy.
func (f Finding) String() string {
	s := f.Problem + ": " + f.Remedy
	if f.Note {
		s = "note: " + s
	}
	switch {
	case f.File != "" && f.Line > 0:
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, s)
	case f.File != "":
		return f.File + ": " + s
	}
	return s
}

// Findings says what is wrong in the bundle whatever catalog it is held
// against: what no file of a bundle is, what [evidence.Evidence.Validate]
// finds, and artifacts that are missing, altered or named by nothing. more is
// what others found in Evidence, such as [assay/assess.Compiled.Check]. They come in
// the order of the files.
func (b *Bundle) Findings(more ...evidence.Finding) []Finding {
	var found []Finding
	for _, p := range b.strange {
		found = append(found, strangeFile(p))
	}
	for p := range b.files {
		if k, _ := classify(p); k == signature && b.files[strings.TrimSuffix(p, sigExt)] == nil {
			found = append(found, Finding{File: p, Problem: "a signature without its report", Remedy: "put the report beside it, or remove it"})
		}
	}
	found = append(found, b.Locate(b.Evidence.Validate()...)...)
	if b.flat == "" {
		found = append(found, b.artifacts()...)
	}
	found = append(found, b.Locate(more...)...)
	for _, f := range b.Locate(tasks(b.Evidence)...) {
		f.Note = true
		found = append(found, f)
	}
	slices.SortStableFunc(found, func(x, y Finding) int {
		if c := strings.Compare(x.File, y.File); c != 0 {
			return c
		}
		return x.Line - y.Line
	})
	return found
}

// tasks says where work is left to a tester.
func tasks(ev *evidence.Evidence) (found []evidence.Finding) {
	for i := range ev.Reports {
		r := ev.Reports[i].Report()
		if r == nil || len(r.Tasks) == 0 {
			continue
		}
		found = append(found, evidence.Finding{
			Place:   evidence.Pointer("reports", i, "body", "tasks"),
			Problem: fmt.Sprintf("%d tasks are left to a tester", len(r.Tasks)),
			Remedy:  "write the verdict of each among the others, and take the task out",
		})
	}
	return found
}

func strangeFile(p string) Finding {
	f := Finding{File: p, Problem: "no file of a bundle", Remedy: "remove it, or take it in with `assay evidence add`"}
	switch dir, base := path.Split(p); {
	case base == productFile:
		f.Problem, f.Remedy = "a second product", "keep one product in one bundle"
	case dir == artifacts+"/":
		f.Problem, f.Remedy = "an artifact that is not named by its SHA-256", "take it in with `assay evidence add`, which names it"
	case slices.Contains(folders, strings.TrimSuffix(dir, "/")):
		f.Remedy = "name the file with letters, digits and . _ -, ending in .yaml"
	}
	return f
}

// Locate finds file and line of what others found in Evidence.
func (b *Bundle) Locate(found ...evidence.Finding) []Finding {
	lines := map[string]func(string) int{}
	out := make([]Finding, 0, len(found))
	for _, f := range found {
		file, pointer := b.place(f.Place)
		at := Finding{File: file, Place: f.Place, Problem: f.Problem, Remedy: f.Remedy}
		if text := b.files[file]; text != nil {
			if lines[file] == nil {
				lines[file] = evidence.Lines(text)
			}
			at.Line = lines[file](pointer)
		}
		out = append(out, at)
	}
	return out
}

// place turns a pointer into the evidence as one file into one of the files,
// and a pointer into that. A file that is not there is named all the same: it
// is where the thing belongs.
func (b *Bundle) place(pointer string) (file, rest string) {
	if b.flat != "" {
		return b.flat, pointer
	}
	steps := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	nth := func(paths []string) string {
		if len(steps) > 1 {
			if i, err := strconv.Atoi(steps[1]); err == nil && i >= 0 && i < len(paths) {
				return paths[i]
			}
		}
		return ""
	}
	after := func(n int) string {
		if len(steps) <= n {
			return ""
		}
		return "/" + strings.Join(steps[n:], "/")
	}
	switch steps[0] {
	case "product", "firmware", "support", "declaration":
		return productFile, pointer
	case "features", "ics":
		return icsFile, pointer
	case "claims":
		return claimsFile, pointer
	case "ixit":
		if len(steps) < 2 {
			return "", ""
		}
		if p := b.tables[steps[1]]; p != "" { // the ids of tables that are files need no unescaping
			return p, "/rows" + after(2)
		}
		return tables + "/" + steps[1] + yamlExt, "/rows" + after(2)
	case "reports":
		p := nth(b.reports)
		if len(steps) > 2 && steps[2] == "signature" {
			return p + sigExt, ""
		}
		return p, after(3)
	case "imports":
		return nth(b.imports), after(2)
	}
	return "", ""
}

// artifacts holds what the evidence names against what is there.
func (b *Bundle) artifacts() []Finding {
	var found []Finding
	at := map[evidence.Hash]*Artifact{}
	altered := map[evidence.Hash]bool{}
	for i := range b.Artifacts {
		a := &b.Artifacts[i]
		if a.Named != a.SHA256 {
			altered[a.Named] = true
			found = append(found, Finding{File: a.Path, Problem: "altered: the SHA-256 of its bytes is " + a.SHA256.String(), Remedy: "put the file back that was named, or take this one in with `assay evidence add` and name it anew"})
			continue
		}
		if twin := at[a.Named]; twin != nil {
			found = append(found, Finding{File: a.Path, Problem: "the same file as " + twin.Path, Remedy: "keep one", Note: true})
			continue
		}
		at[a.Named] = a
	}
	named := map[evidence.Hash]bool{}
	Each(b.Evidence, func(place string, a *evidence.Artifact) {
		named[a.SHA256] = true
		have := at[a.SHA256]
		var f evidence.Finding
		switch {
		case a.SHA256 == (evidence.Hash{}): // Validate says so
			return
		case have == nil && !altered[a.SHA256]:
			f = evidence.Finding{Place: place + "/sha256", Problem: fmt.Sprintf("artifact %.60q is missing: there is no file %s/%s", a.Name, artifacts, a.SHA256), Remedy: "take it in with `assay evidence add`"}
		case have != nil && have.Size != a.Size:
			f = evidence.Finding{Place: place + "/size", Problem: fmt.Sprintf("artifact %.60q has %d bytes, not %d", a.Name, have.Size, a.Size), Remedy: "correct the size"}
		default:
			return
		}
		found = append(found, b.Locate(f)...)
	})
	for _, a := range b.Artifacts {
		if !named[a.Named] {
			found = append(found, Finding{File: a.Path, Problem: "nothing names this artifact", Remedy: "name it where it shows something, or remove it", Note: true})
		}
	}
	return found
}

// Absent are the artifacts that the evidence names and that are not in the
// bundle, or were altered. A single file of evidence has none to tell by.
func (b *Bundle) Absent() (absent []evidence.Hash) {
	if b.flat != "" {
		return nil
	}
	there := map[evidence.Hash]bool{}
	for i := range b.Artifacts {
		there[b.Artifacts[i].SHA256] = true
	}
	Each(b.Evidence, func(_ string, a *evidence.Artifact) {
		if !there[a.SHA256] {
			there[a.SHA256] = true
			absent = append(absent, a.SHA256)
		}
	})
	return absent
}

// Each calls f for every artifact that the evidence names, with its JSON
// pointer, in the order of the evidence as one file.
func Each(ev *evidence.Evidence, f func(place string, a *evidence.Artifact)) {
	each := func(as []evidence.Artifact, steps ...any) {
		for i := range as {
			f(evidence.Pointer(append(slices.Clone(steps), i)...), &as[i])
		}
	}
	for i := range ev.ICS {
		entries := ev.ICS[i].Entries
		ids := make([]string, 0, len(entries))
		for id := range entries {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			each(entries[id].Artifacts, "ics", i, "entries", id, "artifacts")
		}
	}
	for i := range ev.Reports {
		r := ev.Reports[i].Report()
		if r == nil {
			continue
		}
		for j := range r.Verdicts {
			each(r.Verdicts[j].Artifacts, "reports", i, "body", "verdicts", j, "artifacts")
		}
		for j := range r.Results {
			each(r.Results[j].Artifacts, "reports", i, "body", "results", j, "artifacts")
		}
		for j := range r.Tasks {
			each(r.Tasks[j].Artifacts, "reports", i, "body", "tasks", j, "artifacts")
		}
	}
	for i := range ev.Imports {
		f(evidence.Pointer("imports", i, "artifact"), &ev.Imports[i].Artifact)
	}
	for i := range ev.Claims {
		each(ev.Claims[i].Artifacts, "claims", i, "artifacts")
	}
	if d := ev.Declaration; d != nil && d.Document != nil {
		f("/declaration/document", d.Document)
	}
}

func sorted[V any](m map[string]V) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

// Future names what is dated after a day: nobody has seen it yet.
func Future(ev *evidence.Evidence, at civil.Date) []evidence.Finding {
	var found []evidence.Finding
	late := func(day civil.Date, what string, steps ...any) {
		if day > at {
			found = append(found, evidence.Finding{Place: evidence.Pointer(steps...), Problem: fmt.Sprintf("%s is of %s, after %s", what, day, at), Remedy: "correct the day, or wait for it"})
		}
	}
	for i := range ev.ICS {
		late(ev.ICS[i].Date, "the statement", "ics", i, "date")
	}
	for i := range ev.Reports {
		r := ev.Reports[i].Report()
		if r == nil {
			continue
		}
		late(r.Date, "the report", "reports", i, "body", "date")
		late(r.Tested.To, "the last day of testing", "reports", i, "body", "tested", "to")
		for j, v := range r.Verdicts {
			late(v.Date, "a verdict", "reports", i, "body", "verdicts", j, "date")
		}
		for j, v := range r.Results {
			late(v.Date, "a result", "reports", i, "body", "results", j, "date")
		}
	}
	for i := range ev.Imports {
		late(ev.Imports[i].Date, "the tool's file", "imports", i, "date")
	}
	for i := range ev.Claims {
		late(ev.Claims[i].Date, "a claim", "claims", i, "date")
	}
	if d := ev.Declaration; d != nil {
		late(d.Date, "the declaration", "declaration", "date")
	}
	return found
}
