package workbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// Ids of sheets. Those of IXIT tables are ixit: and the table's id. An id of a
// table, field, feature or requirement that the catalog has not got has a plus
// sign before it: it was in the bundle, and no typing error made it.
const (
	guideSheet    = "guide"
	productSheet  = "product"
	modelsSheet   = "models"
	firmwareSheet = "firmware"
	documentSheet = "documents"
	featuresSheet = "features"
	icsSheet      = "ics"
	contentsSheet = "contents"
	ixitPrefix    = "ixit:"
	formPrefix    = "form:" // a table of one row as a sheet of questions, see toForm
	listsSheet    = "lists"
	metaSheet     = "meta"
)

// sheet is a sheet's content in the machine's words: rows of values, without
// languages, titles or places. [evidence.Evidence] and these turn into each
// other, and two of them can be compared cell by cell.
type sheet struct {
	ID   string
	Cols []string
	Rows []row
}

// row is one row. Its key tells it from the others of its sheet.
type row struct {
	Key  string
	Vals map[string]string // by column id; what is empty is not in it
}

// leaf names one value.
type leaf struct{ Sheet, Key, Col string }

func newRow(key string, pairs ...string) row {
	r := row{key, make(map[string]string, len(pairs)/2)}
	for i := 0; i < len(pairs); i += 2 {
		r.set(pairs[i], pairs[i+1])
	}
	return r
}

func (r row) set(col, val string) {
	if val != "" {
		r.Vals[col] = val
	}
}

func (s *sheet) find(key string) *row {
	for i := range s.Rows {
		if s.Rows[i].Key == key {
			return &s.Rows[i]
		}
	}
	return nil
}

func findSheet(all []sheet, id string) *sheet {
	for i := range all {
		if all[i].ID == id {
			return &all[i]
		}
	}
	return nil
}

// free reports whether people add rows to a sheet; the others have one for each
// question.
func free(id string) bool {
	return id == modelsSheet || id == firmwareSheet || id == documentSheet || strings.HasPrefix(id, ixitPrefix)
}

// toForm turns a table of one row by a quarter: a row for each field. People
// rather read questions than a line of fifteen columns.
func toForm(s *sheet) *sheet {
	f := &sheet{ID: formPrefix + strings.TrimPrefix(s.ID, ixitPrefix), Cols: []string{"value"}}
	for _, r := range s.Rows {
		for _, col := range sortedKeys(r.Vals) {
			f.Rows = append(f.Rows, newRow(col, "value", r.Vals[col]))
		}
	}
	return f
}

// fromForm turns it back.
func fromForm(f *sheet) sheet {
	s := sheet{ID: ixitPrefix + strings.TrimPrefix(f.ID, formPrefix)}
	r := newRow("")
	for _, q := range f.Rows {
		s.Cols = append(s.Cols, q.Key)
		r.set(q.Key, q.Vals["value"])
	}
	if len(r.Vals) > 0 {
		s.Rows = []row{r}
	}
	return s
}

// listMark begins each value where a cell has several, which only then needs
// telling from a text of several lines.
const listMark = "¶ "

// enc is a list as one text, and the value itself where there is one.
func enc(vs []string) string {
	if len(vs) == 0 || (len(vs) == 1 && !strings.HasPrefix(vs[0], listMark)) {
		return strings.Join(vs, "")
	}
	var b strings.Builder
	for i, v := range vs {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, l := range strings.Split(v, "\n") {
			switch {
			case j == 0:
				b.WriteString(listMark)
			case strings.HasPrefix(l, `\`), strings.HasPrefix(l, listMark):
				b.WriteString("\n\\")
			default:
				b.WriteByte('\n')
			}
			b.WriteString(l)
		}
	}
	return b.String()
}

// dec takes enc back.
func dec(s string) []string {
	if s == "" {
		return nil
	}
	if !strings.HasPrefix(s, listMark) {
		return []string{s}
	}
	var vs []string
	for _, l := range strings.Split(s, "\n") {
		if v, first := strings.CutPrefix(l, listMark); first {
			vs = append(vs, v)
			continue
		}
		vs[len(vs)-1] += "\n" + strings.TrimPrefix(l, `\`)
	}
	return vs
}

// document is an artifact as a value: what tells it from others.
func document(a *evidence.Artifact) string {
	hash := a.SHA256.String()
	if hash == "" {
		hash = "-"
	}
	return fmt.Sprintf("%s %d %s", hash, a.Size, a.Name)
}

// artifact takes document back. A value that no artifact made is one of that name.
func artifact(s string) evidence.Artifact {
	f := strings.SplitN(s, " ", 3)
	if len(f) == 3 {
		var a evidence.Artifact
		size, err := strconv.ParseInt(f[1], 10, 64)
		if err == nil && (f[0] == "-" || a.SHA256.UnmarshalText([]byte(f[0])) == nil) {
			a.Size, a.Name = size, f[2]
			return a
		}
	}
	return evidence.Artifact{Name: s}
}

// values is what a workbook can hold of the evidence.
func values(ev *evidence.Evidence) []sheet {
	all := []sheet{productValues(ev), modelValues(ev), firmwareValues(ev), featureValues(ev)}
	ics, contents := icsValues(ev)
	all = append(all, ics, contents)
	for _, id := range sortedKeys(ev.IXIT) {
		all = append(all, tableValues(id, ev.IXIT[id]))
	}
	return all
}

func productValues(ev *evidence.Evidence) sheet {
	s := sheet{ID: productSheet, Cols: []string{"value"}}
	add := func(key, val string) { s.Rows = append(s.Rows, newRow(key, "value", val)) }
	p := &ev.Product
	add("holder", p.Holder)
	add("brand", p.Brand)
	add("name", p.Name)
	for i, f := range p.Functions {
		add(functionKey(i), f)
	}
	add("support.end", ev.Support.End.String())
	add("support.published", ev.Support.Published)
	d := ev.Declaration
	if d == nil {
		d = &evidence.Declaration{}
	}
	add("declaration.by", d.By)
	add("declaration.date", d.Date.String())
	doc := ""
	if d.Document != nil {
		doc = document(d.Document)
	}
	add(declarationDocument, doc)
	for i := range ev.ICS {
		add(statementKey(ev.ICS[i].Standard, ev.ICS[i].Edition), ev.ICS[i].Date.String())
	}
	return s
}

// Keys of lines of the product sheet.
const (
	functionPrefix      = "function." // and a number from 1
	statementPrefix     = "ics."      // and STANDARD@EDITION
	declarationDocument = "declaration.document"
)

func functionKey(i int) string                     { return functionPrefix + strconv.Itoa(i+1) }
func statementKey(standard, edition string) string { return statementPrefix + standard + "@" + edition }

// modelKey is that of a model, or of one of its variants.
func modelKey(model, variant string) string {
	if variant == "" {
		return model
	}
	return model + "\n" + variant
}

func modelValues(ev *evidence.Evidence) sheet {
	s := sheet{ID: modelsSheet, Cols: []string{"model", "variant", "differs", "hardware", "gtins"}}
	for _, m := range ev.Product.Models {
		r := newRow(m.ID, "model", m.ID, "hardware", enc(m.Hardware), "gtins", enc(m.GTINs))
		if len(r.Vals)+len(m.Variants) == 0 {
			continue // one that says nothing is not there
		}
		s.Rows = append(s.Rows, r)
		for _, v := range m.Variants {
			s.Rows = append(s.Rows, newRow(modelKey(m.ID, v.ID), "model", m.ID, "variant", v.ID, "differs", v.Differs, "hardware", enc(v.Hardware), "gtins", enc(v.GTINs)))
		}
	}
	s.tellApart()
	return s
}

func firmwareValues(ev *evidence.Evidence) sheet {
	s := sheet{ID: firmwareSheet, Cols: []string{"version", "sha256"}}
	for _, f := range ev.Firmware {
		if f == (evidence.Firmware{}) {
			continue
		}
		s.Rows = append(s.Rows, newRow(f.Version+"\n"+f.SHA256.String(), "version", f.Version, "sha256", f.SHA256.String()))
	}
	s.tellApart()
	return s
}

func featureValues(ev *evidence.Evidence) sheet {
	s := sheet{ID: featuresSheet, Cols: []string{"answer", "ground"}}
	for _, id := range sortedKeys(ev.Features) {
		f := ev.Features[id]
		r := newRow(id, "ground", f.Ground)
		if f.Answer != scheme.Undetermined {
			r.set("answer", f.Answer.String())
		}
		s.Rows = append(s.Rows, r)
	}
	return s
}

func icsValues(ev *evidence.Evidence) (ics, contents sheet) {
	ics = sheet{ID: icsSheet, Cols: []string{"support", "detail", "documents"}}
	contents = sheet{ID: contentsSheet, Cols: []string{"documents"}}
	for i := range ev.ICS {
		s := &ev.ICS[i]
		for _, id := range sortedKeys(s.Entries) {
			e, key := s.Entries[id], refKey(s.Standard, s.Edition, id)
			var docs, shown []string
			shows := map[string][]string{}
			for j := range e.Artifacts {
				a := &e.Artifacts[j]
				docs = once(docs, document(a))
				for _, c := range a.Shows {
					shown = once(shown, c)
					shows[c] = once(shows[c], document(a))
				}
			}
			ics.Rows = append(ics.Rows, newRow(key, "support", string(e.Support), "detail", e.Detail, "documents", enc(docs)))
			for _, c := range shown {
				contents.Rows = append(contents.Rows, newRow(key+"#"+c, "documents", enc(shows[c])))
			}
		}
	}
	return ics, contents
}

func tableValues(id string, rows []evidence.Row) sheet {
	s := sheet{ID: ixitPrefix + id, Cols: []string{"id"}}
	for _, r := range rows {
		v := newRow(enc(r["id"]))
		for f, c := range r {
			if !c.Empty() {
				v.set(f, enc(c))
				s.Cols = once(s.Cols, f)
			}
		}
		if len(v.Vals) > 0 { // one that says nothing is not there
			s.Rows = append(s.Rows, v)
		}
	}
	slices.Sort(s.Cols[1:])
	s.tellApart()
	return s
}

// tellApart numbers rows that have the same key, which no valid evidence has.
func (s *sheet) tellApart() {
	seen := make(map[string]int, len(s.Rows))
	for i := range s.Rows {
		k := s.Rows[i].Key
		if seen[k]++; seen[k] > 1 {
			s.Rows[i].Key = fmt.Sprintf("%s\n#%d", k, seen[k])
		}
	}
}

// build is the evidence that values are of. Every value has been read before,
// so that nothing can go wrong; at has the value of each place that
// [evidence.Evidence.Validate] names.
func build(all []sheet) (ev *evidence.Evidence, at map[string]leaf) {
	b := &builder{ev: &evidence.Evidence{Product: evidence.Product{Functions: []string{}, Models: []evidence.Model{}}}, at: map[string]leaf{}}
	b.dates(findSheet(all, productSheet))
	for i := range all {
		switch s := &all[i]; {
		case s.ID == productSheet:
			b.product(s)
		case s.ID == modelsSheet:
			b.models(s)
		case s.ID == firmwareSheet:
			b.firmware(s)
		case s.ID == featuresSheet:
			b.features(s)
		case s.ID == icsSheet:
			b.statement(s, findSheet(all, contentsSheet))
		case strings.HasPrefix(s.ID, ixitPrefix):
			b.table(s)
		}
	}
	return b.ev, b.at
}

type builder struct {
	ev *evidence.Evidence
	at map[string]leaf
}

func (b *builder) put(place, sheet, key, col string) { b.at[place] = leaf{sheet, key, col} }

func (b *builder) product(s *sheet) {
	p := &b.ev.Product
	var by, document string
	var date civil.Date
	for _, r := range s.Rows {
		v := r.Vals["value"]
		here := func(place string) { b.put(place, s.ID, r.Key, "value") }
		switch {
		case r.Key == "holder":
			p.Holder = v
			here("/product/holder")
		case r.Key == "brand":
			p.Brand = v
			here("/product/brand")
		case r.Key == "name":
			p.Name = v
			here("/product/name")
		case strings.HasPrefix(r.Key, functionPrefix):
			if r.Key == functionKey(0) {
				here("/product/functions")
			}
			if v != "" {
				here(fmt.Sprintf("/product/functions/%d", len(p.Functions)))
				p.Functions = append(p.Functions, v)
			}
		case r.Key == "support.end":
			b.ev.Support.End = day(v)
		case r.Key == "support.published":
			b.ev.Support.Published = v
			here("/support/published")
		case r.Key == "declaration.by":
			by = v
			here("/declaration/by")
		case r.Key == "declaration.date":
			date = day(v)
			here("/declaration/date")
		case r.Key == declarationDocument:
			document = v
			here("/declaration/document")
		}
	}
	if by != "" || !date.IsZero() || document != "" {
		b.ev.Declaration = &evidence.Declaration{By: by, Date: date}
		if document != "" {
			a := artifact(document)
			b.ev.Declaration.Document = &a
		}
	}
}

// day is a date that was read before.
func day(s string) civil.Date {
	d, _ := civil.ParseDate(s) // "" is no date
	return d
}

func (b *builder) models(s *sheet) {
	b.put("/product/models", s.ID, "", "")
	ms := &b.ev.Product.Models
	index := map[string]int{}
	for _, r := range s.Rows {
		id, variant := r.Vals["model"], r.Vals["variant"]
		hardware, gtins := dec(r.Vals["hardware"]), dec(r.Vals["gtins"])
		place := fmt.Sprintf("/product/models/%d", len(*ms))
		if i, ok := index[id]; ok && variant != "" {
			place = fmt.Sprintf("/product/models/%d/variants/%d", i, len((*ms)[i].Variants))
			(*ms)[i].Variants = append((*ms)[i].Variants, evidence.Variant{ID: variant, Differs: r.Vals["differs"], Hardware: hardware, GTINs: gtins})
			b.put(place+"/id", s.ID, r.Key, "variant")
			b.put(place+"/differs", s.ID, r.Key, "differs")
		} else {
			if !ok {
				index[id] = len(*ms)
			}
			*ms = append(*ms, evidence.Model{ID: id, Hardware: hardware, GTINs: gtins})
			b.put(place+"/id", s.ID, r.Key, "model")
		}
		b.put(place+"/hardware", s.ID, r.Key, "hardware")
		b.put(place+"/gtins", s.ID, r.Key, "gtins")
	}
}

func (b *builder) firmware(s *sheet) {
	for i, r := range s.Rows {
		f := evidence.Firmware{Version: r.Vals["version"], SHA256: hash(r.Vals["sha256"])}
		b.ev.Firmware = append(b.ev.Firmware, f)
		b.put(fmt.Sprintf("/firmware/%d/version", i), s.ID, r.Key, "version")
		b.put(fmt.Sprintf("/firmware/%d/sha256", i), s.ID, r.Key, "sha256")
	}
}

// hash is one that was read before.
func hash(s string) (h evidence.Hash) {
	_ = h.UnmarshalText([]byte(s)) // stays zero where it is none
	return h
}

func (b *builder) features(s *sheet) {
	for _, r := range s.Rows {
		f := evidence.Feature{Ground: r.Vals["ground"]}
		_ = f.Answer.UnmarshalText([]byte(r.Vals["answer"])) // "" stays undetermined
		if b.ev.Features == nil {
			b.ev.Features = map[string]evidence.Feature{}
		}
		b.ev.Features[r.Key] = f
		b.put(evidence.Pointer("features", r.Key), s.ID, r.Key, "answer")
		b.put(evidence.Pointer("features", r.Key, "ground"), s.ID, r.Key, "ground")
	}
}

func (b *builder) ics(standard, edition string) int {
	i := slices.IndexFunc(b.ev.ICS, func(s evidence.ICS) bool { return s.Standard == standard && s.Edition == edition })
	if i < 0 {
		i = len(b.ev.ICS)
		b.ev.ICS = append(b.ev.ICS, evidence.ICS{Standard: standard, Edition: edition, Entries: map[string]evidence.ICSEntry{}})
	}
	return i
}

func (b *builder) statement(s, contents *sheet) {
	shows := map[string][][2]string{} // by requirement: content, document
	if contents != nil {
		for _, r := range contents.Rows {
			ref, content, _ := strings.Cut(r.Key, "#")
			for _, d := range dec(r.Vals["documents"]) {
				shows[ref] = append(shows[ref], [2]string{content, d})
			}
		}
	}
	for _, r := range s.Rows {
		standard, edition, id, ok := splitRef(r.Key)
		if !ok {
			continue
		}
		i := b.ics(standard, edition)
		e := evidence.ICSEntry{Support: evidence.Supported(r.Vals["support"]), Detail: r.Vals["detail"]}
		index := map[string]int{}
		take := func(doc string) int {
			j, ok := index[doc]
			if !ok {
				j = len(e.Artifacts)
				index[doc] = j
				e.Artifacts = append(e.Artifacts, artifact(doc))
			}
			return j
		}
		for _, d := range dec(r.Vals["documents"]) {
			take(d)
		}
		for _, c := range shows[r.Key] {
			a := &e.Artifacts[take(c[1])]
			a.Shows = once(a.Shows, c[0])
		}
		b.ev.ICS[i].Entries[id] = e
		place := evidence.Pointer("ics", i, "entries", id)
		b.put(place, s.ID, r.Key, "support")
		b.put(place+"/detail", s.ID, r.Key, "detail")
		b.put(place+"/artifacts", s.ID, r.Key, "documents")
	}
}

// dates makes the statements, with their days, in the order of the evidence.
func (b *builder) dates(s *sheet) {
	if s == nil {
		return
	}
	for _, r := range s.Rows {
		if name, ok := strings.CutPrefix(r.Key, statementPrefix); ok {
			standard, edition, _ := strings.Cut(name, "@")
			i := b.ics(standard, edition)
			b.ev.ICS[i].Date = day(r.Vals["value"])
			b.put(fmt.Sprintf("/ics/%d/date", i), s.ID, r.Key, "value")
		}
	}
}

func (b *builder) table(s *sheet) {
	id := strings.TrimPrefix(s.ID, ixitPrefix)
	if b.ev.IXIT == nil {
		b.ev.IXIT = map[string][]evidence.Row{}
	}
	rows := make([]evidence.Row, 0, len(s.Rows))
	for i, r := range s.Rows {
		v := make(evidence.Row, len(r.Vals))
		for f, c := range r.Vals {
			v[f] = dec(c)
			b.put(evidence.Pointer("ixit", id, i, f), s.ID, r.Key, f)
		}
		b.put(evidence.Pointer("ixit", id, i, "id"), s.ID, r.Key, "id")
		rows = append(rows, v)
	}
	b.ev.IXIT[id] = rows
	b.put(evidence.Pointer("ixit", id), s.ID, "", "")
}

func sortedKeys[V any](m map[string]V) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}
