package oscal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"assay/assess"
	"assay/evidence"
	"assay/scheme"
)

// PlanRefs says where the documents lie that a plan rests on; what is zero is
// only named.
type PlanRefs struct {
	Statement Reference // the component definition of the product
	Catalog   func(scheme.StandardRef) Reference
}

// NewPlan writes what has to be looked at so that a product reaches a level,
// as an OSCAL assessment plan: a task for each requirement as the level asks for
// it, with an activity for each test case, a step for each unit, and the rows of
// the IXIT tables, as inventory items, that each is run on. What the product's
// features rule out is listed as excluded; what hangs on features that nobody
// stated is planned, and says so.
func NewPlan(c *scheme.Catalog, a *assess.Asked, ev *evidence.Evidence, v Version, refs PlanRefs) (*Document, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	w := &planWriter{product: newProduct(c, ev, v, refs.Catalog), a: a, items: map[string]bool{}, cases: map[string]bool{}}
	w.level = scheme.LevelRef{Scheme: a.Scheme.ID, Edition: a.Edition.ID, Level: a.Level.ID}.String()
	return w.document(refs.Statement)
}

type planWriter struct {
	*product
	a     *assess.Asked
	level string
	defs  LocalDefinitions
	items map[string]bool // TABLE/ROW that are inventory items
	cases map[string]bool // test cases that are activities
	none  []string        // requirements that do not apply
	open  []string        // features that nobody stated
}

func (w *planWriter) document(statement Reference) (*Document, error) {
	title := fmt.Sprintf("Assessment of %s for %s, %s: %s", w.title(), w.a.Scheme.Name.In("en"), w.a.Edition.ID, w.a.Level.Name.In("en"))
	m, _ := w.metadata(title, "assessment-plan", w.a.At)
	for _, p := range [][2]string{{"scheme", w.a.Scheme.ID}, {"scheme-edition", w.a.Edition.ID}, {"level", w.a.Level.ID}, {"as-of", w.a.At.String()}} {
		m.Props = prop(m.Props, p[0], p[1])
	}
	m.Remarks = "Made from the catalog and what the maker states. How many samples of each row, which tools and who does it is for the assessor to add.\n\n" + rights
	plan := &AssessmentPlan{
		UUID:      w.id("assessment-plan", w.level, w.a.At.String(), w.c.Digest, string(w.version)),
		ImportSSP: Import{Href: w.statement(statement)},
		Subjects:  []Subject{{Type: "component", Include: []SelectSubject{{SubjectUUID: w.uuid(), Type: "component"}}}},
	}
	w.defs.Components = []SystemComponent{w.component()}
	reviewed := Reviewed{Description: "What the level asks for with all levels below it, less what the product's features rule out."}
	var controls ControlSelection
	var objectives []SelectObjective
	for i := range w.a.Requirements {
		q := &w.a.Requirements[i]
		applies, missing := w.applies(q)
		if applies == scheme.No {
			w.none = append(w.none, q.Ref.String())
			continue
		}
		for _, f := range missing {
			if !slices.Contains(w.open, f) {
				w.open = append(w.open, f)
			}
		}
		id := ControlID(q.Ref)
		if s := (SelectControl{id}); !slices.Contains(controls.Include, s) {
			controls.Include = append(controls.Include, s)
		}
		t, covers := w.task(i, q, missing)
		for _, o := range covers {
			if s := (SelectObjective{o}); !slices.Contains(objectives, s) {
				objectives = append(objectives, s)
			}
		}
		plan.Tasks = append(plan.Tasks, t)
	}
	if len(controls.Include) == 0 {
		return nil, fmt.Errorf("level %s asks nothing of such a product: there is nothing to plan", w.level)
	}
	reviewed.Controls = []ControlSelection{controls}
	if len(objectives) > 0 {
		reviewed.Objectives = []ObjectiveSelection{{objectives}}
	}
	for i := range w.a.Requirements {
		q := &w.a.Requirements[i]
		r := scheme.StandardRef{Standard: q.Ref.Standard, Edition: q.Ref.Edition}
		if l := (Link{Href: w.catalogResource(r, w.where(r)), Rel: "reference"}); !slices.Contains(reviewed.Links, l) {
			reviewed.Links = append(reviewed.Links, l)
		}
	}
	plan.Metadata, plan.Reviewed, plan.LocalDefinitions, plan.Terms, plan.BackMatter = m, reviewed, &w.defs, w.terms(), w.backMatter()
	return &Document{AssessmentPlan: plan}, nil
}

// statement is the address of what the maker states.
func (p *product) statement(at Reference) string {
	id := p.id("resource", "statement")
	return p.add(resource(id, "What is stated of "+p.title(), "component-definition:"+p.ev.Product.Holder+":"+slugOf(p.title()), at))
}

// applies asks the conditions of the requirement and of the level of the
// product's features. Where it is open, the features that nobody stated come too.
func (w *planWriter) applies(q *assess.Ask) (scheme.Answer, []string) {
	has := func(f string) scheme.Answer { return w.ev.Features[f].Answer }
	a, missing := q.Requirement.When.Eval(has, nil)
	b, more := q.When.Eval(has, missing)
	if a = a.And(b); a != scheme.Undetermined {
		return a, nil
	}
	return a, more
}

func (w *planWriter) task(i int, q *assess.Ask, missing []string) (t Task, objectives []string) {
	t = Task{
		UUID: w.id("task", w.level, strconv.Itoa(i), q.Ref.String()), Type: "action",
		Title: line(q.Ref.Requirement + ": " + q.Requirement.Text.In("en")),
		Props: []Prop{{Name: "requirement", NS: Namespace, Value: q.Ref.String()}},
	}
	for _, p := range [][2]string{{"level", q.Level}, {"method", string(q.Method)}, {"by", string(q.By)}, {"duty", yesNo(q.Duty)}} {
		t.Props = prop(t.Props, p[0], p[1])
	}
	if q.MaxAge > 0 {
		t.Props = prop(t.Props, "max-age-months", strconv.Itoa(q.MaxAge))
	}
	for _, f := range missing {
		t.Props = prop(t.Props, "feature-unknown", f)
	}
	t.Description = howShown(q)
	if q.Group == nil {
		return t, nil
	}
	for k := range q.Group.Cases {
		x := &q.Group.Cases[k]
		if q.Method == scheme.Document && x.Kind != scheme.Conceptual {
			continue
		}
		a, objs := w.activity(q, x)
		t.Activities = append(t.Activities, a)
		objectives = append(objectives, objs...)
	}
	return t, objectives
}

// howShown says how and by whom a requirement has to be shown.
func howShown(q *assess.Ask) string {
	var b strings.Builder
	switch {
	case q.Method == scheme.Declared:
		b.WriteString("Declared with its ground by the " + string(q.By) + "; nothing is examined.")
	case q.Group != nil && q.Method == scheme.Document:
		fmt.Fprintf(&b, "Documents are examined by the %s: the conceptual test cases of %s, edition %s.", q.By, q.Spec.ID, q.Spec.Edition)
	case q.Group != nil:
		fmt.Fprintf(&b, "Tested by the %s: all test cases of %s, edition %s.", q.By, q.Spec.ID, q.Spec.Edition)
	case q.Method == scheme.Document:
		b.WriteString("A document is examined by the " + string(q.By) + ".")
	default:
		b.WriteString("Tested by the " + string(q.By) + "; no test specification in the catalog takes it apart.")
	}
	if len(q.Requirement.Contents) > 0 && q.Method != scheme.Declared {
		b.WriteString(" The evidence contains:\n")
		for i := range q.Requirement.Contents {
			c := &q.Requirement.Contents[i]
			b.WriteString("\n- " + line(c.Text.In("en")))
			if c.Optional {
				b.WriteString(" (worth having, not asked for)")
			}
		}
	}
	return b.String()
}

// activity plans a test case, and defines it where it comes first.
func (w *planWriter) activity(q *assess.Ask, x *scheme.TestCase) (a AssociatedActivity, objectives []string) {
	r, label := q.Ref.Requirement, q.Ref.Requirement+"-"+strconv.Itoa(x.Number)
	method := "EXAMINE"
	if x.Kind == scheme.Functional {
		method = "TEST"
	}
	act := Activity{
		UUID: w.id("activity", q.Spec.Name(), label), Title: line("Test case " + label + " (" + string(x.Kind) + ")"), Description: x.Purpose.In("en"),
		Props:   []Prop{{Name: "method", NS: namespaceRMF, Value: method}, {Name: "test-case", NS: Namespace, Value: label}},
		Related: &Reviewed{Controls: []ControlSelection{{Include: []SelectControl{{ControlID(q.Ref)}}}}},
	}
	a = AssociatedActivity{ActivityUUID: act.UUID}
	items, device := Subject{Type: "inventory-item"}, x.Kind == scheme.Functional
	selected := map[string]bool{}
	for i := range x.Units {
		u := &x.Units[i]
		ref := scheme.UnitRef(r, x.Number, u.ID)
		objectives = append(objectives, ControlID(q.Ref)+"_obj."+strconv.Itoa(x.Number)+"."+u.ID)
		s := Step{
			UUID: w.id("step", q.Spec.Name(), ref), Title: "Test unit " + ref, Description: u.Text.In("en"),
			Props: []Prop{{Name: "test-unit", NS: Namespace, Value: ref}, {Name: "automation", NS: Namespace, Value: string(u.Automation)}},
		}
		for _, t := range u.Reads {
			s.Props = prop(s.Props, "reads", t)
		}
		s.Props = prop(s.Props, "reuses", u.Reuses)
		if u.Over == nil {
			device = true
		} else {
			rows := w.ev.Over(u.Over)
			s.Props = append(s.Props, Prop{Name: "rows", NS: Namespace, Value: strconv.Itoa(len(rows)), Remarks: over(u.Over)})
			for _, row := range rows {
				key := rowKey(u.Over.Table, row)
				s.Props = prop(s.Props, "row", key)
				if !selected[key] {
					selected[key] = true
					items.Include = append(items.Include, SelectSubject{SubjectUUID: w.item(q.Spec, u.Over.Table, row), Type: "inventory-item"})
				}
			}
		}
		act.Steps = append(act.Steps, s)
	}
	if !w.cases[act.UUID] {
		w.cases[act.UUID] = true
		w.defs.Activities = append(w.defs.Activities, act)
	}
	if device || len(items.Include) == 0 {
		a.Subjects = append(a.Subjects, Subject{Type: "component", Include: []SelectSubject{{SubjectUUID: w.uuid(), Type: "component"}}})
	}
	if len(items.Include) > 0 {
		a.Subjects = append(a.Subjects, items)
	}
	if !device && len(items.Include) == 0 {
		a.Remarks = "The tables have no row that this is run on: that the product has nothing of the kind is all there is to find out."
	}
	return a, objectives
}

// rowKey names a row of a table; the only row of a table may have no id.
func rowKey(table string, r evidence.Row) string {
	if id := r.ID(); id != "" {
		return table + "/" + id
	}
	return table
}

// item is the inventory item that a row is, defined where it comes first.
func (w *planWriter) item(s *scheme.TestSpec, table string, r evidence.Row) string {
	if key := rowKey(table, r); !w.items[key] {
		w.items[key] = true
		w.defs.InventoryItems = append(w.defs.InventoryItems, w.inventoryItem(s, table, r))
	}
	return w.rowID(table, r)
}

func (p *product) rowID(table string, r evidence.Row) string { return p.id("row", table, r.ID()) }

// inventoryItem is a row of an IXIT table as plans and results define it.
func (p *product) inventoryItem(s *scheme.TestSpec, table string, r evidence.Row) InventoryItem {
	name := table
	if t := s.Table(table); t != nil {
		name = fmt.Sprintf("IXIT %d-%s (%s)", t.Number, t.Name, line(t.Title.In("en")))
	}
	d := name
	if r.ID() != "" {
		d += ", row " + r.ID()
	}
	if text := r["description"].String(); text != "" {
		d += ": " + text
	}
	return InventoryItem{
		UUID: p.rowID(table, r), Description: d, Implements: []ItemOfComponent{{p.uuid()}},
		Props: []Prop{{Name: "row", NS: Namespace, Value: rowKey(table, r)}, {Name: "row-digest", NS: Namespace, Value: r.Digest().String()}},
	}
}

// terms say what a reader of the plan has to know.
func (w *planWriter) terms() *Terms {
	t := &Terms{}
	add := func(name, title, prose string) {
		t.Parts = append(t.Parts, AssessmentPart{UUID: w.id("terms", w.level, name), Name: name, Title: title, Prose: prose})
	}
	var specs []string
	for i := range w.a.Requirements {
		if s := w.a.Requirements[i].Spec; s != nil && !slices.Contains(specs, s.Name()) {
			specs = append(specs, s.Name())
		}
	}
	if len(specs) > 0 {
		add("methodology", "Method", "By "+strings.Join(specs, ", ")+": conceptual test cases judge what the maker states, functional ones hold the device against it. "+
			"Each unit gets a verdict for each row that it is run on; a case passes if all of its units do, and a requirement if all of its cases do.")
	}
	if len(w.open) > 0 {
		add("assumptions", "Not stated yet", "Whether some requirements apply hangs on features that nobody has stated: "+strings.Join(w.open, ", ")+". They are planned as if they applied.")
	}
	if len(w.none) > 0 {
		add("assessment-exclusions", "Not applicable", "By the product's stated features these do not apply: "+strings.Join(w.none, ", ")+".")
	}
	if len(t.Parts) == 0 {
		return nil
	}
	return t
}
