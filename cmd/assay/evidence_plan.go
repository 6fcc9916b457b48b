package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"assay/assess"
	"assay/bundle"
	"assay/evidence"
	"assay/exchange/oscal"
	"assay/scheme"
)

const evidencePlanUsage = `usage: assay evidence plan --for SCHEME:LEVEL[,…] [flags] BUNDLE

Says what has to be looked at for these levels: each requirement with how and by
whom it must be shown, and each test unit with the IXIT rows that it is run on.
What the product's features rule out is left out.

  --for SCHEME:LEVEL    levels, separated by commas
  --out DIR             writes it as OSCAL: the product's statement (component
                        definition) and an assessment plan for each level
  --force               replaces what stands in DIR
  --version V           of OSCAL: 1.1.3, 1.2.0 or 1.2.3 (default)
  --at YYYY-MM-DD       day whose edition counts; default: today
  --dir CATALOG         another catalog than the one in this program
  --json                prints what was planned as JSON

exit: 0 done, 1 failed, 2 usage
`

// planned is one level's plan, as `evidence plan --json` prints it.
type planned struct {
	Scheme       string           `json:"scheme"`
	Edition      string           `json:"edition"`
	Level        string           `json:"level"`
	At           string           `json:"at"`
	Requirements []plannedRequire `json:"requirements"`
}

// plannedRequire is one requirement of a plan.
type plannedRequire struct {
	Requirement string        `json:"requirement"`
	Method      scheme.Method `json:"method"`
	By          scheme.By     `json:"by"`
	Duty        bool          `json:"duty"`
	Open        []string      `json:"features_unknown,omitempty"`
	Units       []plannedUnit `json:"units,omitempty"`
}

// plannedUnit is a test unit with the rows that it is run on; without a table
// it is run once for the device.
type plannedUnit struct {
	Unit  string   `json:"unit"`
	Table string   `json:"table,omitempty"`
	Rows  []string `json:"rows,omitempty"`
}

func runEvidencePlan(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "evidence plan", evidencePlanUsage)
	levels := v.String("for", "", "")
	out := v.String("out", "", "")
	force := v.Bool("force", false, "")
	version := v.String("version", string(oscal.V123), "")
	at := v.String("at", "", "")
	dir := v.String("dir", "", "")
	asJSON := v.Bool("json", false, "")
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	if *levels == "" {
		return v.misuse("say for which levels with --for SCHEME:LEVEL")
	}
	day, err := dayOf(*at)
	if err != nil {
		return v.misuse("%v", err)
	}
	cat, err := loadCatalog(*dir)
	if err != nil {
		return v.fail(err)
	}
	c, err := assess.Compile(cat)
	if err != nil {
		return v.fail(fmt.Errorf("catalog: %w", err))
	}
	b, err := bundle.OpenContext(ctx, rest[0])
	if err != nil {
		return v.failBundle(rest[0], err)
	}
	statement, files, err := statementFile(cat, b.Evidence, oscal.Version(*version))
	if err != nil {
		return v.misuse("%v", err)
	}
	var plans []planned
	for _, w := range strings.Split(*levels, ",") {
		s, level, err := assess.FindLevel(c, cat, strings.TrimSpace(w), b.Evidence.Product.Functions, day)
		if err != nil {
			return v.misuse("--for: %v", err)
		}
		a, err := assess.Asks(c, cat, s, level, b.Evidence.Product.Functions, day)
		if err != nil {
			return v.misuse("--for: %v", err)
		}
		doc, err := oscal.NewPlan(cat, a, b.Evidence, oscal.Version(*version), oscal.PlanRefs{Statement: statement, Catalog: besideCatalogs})
		if err != nil {
			return v.misuse("%v", err)
		}
		plans = append(plans, planOf(a, doc))
		name := strings.ReplaceAll("assessment-plan_"+s+"_"+level, "/", "-") + ".json"
		f, err := oscalFile(name, doc.AssessmentPlan.Metadata.Title, doc)
		if err != nil {
			return v.fail(err)
		}
		files = append(files, f)
	}
	if *out != "" {
		if err := writeExport(*out, files, *force); err != nil {
			return v.fail(err)
		}
	}
	if *asJSON {
		err = writeJSON(std.out, plans)
	} else {
		err = printPlans(std.out, plans)
	}
	if err == nil && *out != "" && !*asJSON {
		_, err = fmt.Fprintf(std.out, "%d files written to %s with their hashes in %s\n", len(files), *out, exportList)
	}
	if err != nil {
		return v.fail(err)
	}
	return exitOK
}

// besideCatalogs is where `assay catalog export` puts a catalog, if both are
// written to the same folder.
func besideCatalogs(r scheme.StandardRef) oscal.Reference {
	return oscal.Reference{Href: oscal.CatalogFile(r)}
}

// oscalFile is a document as a file of an export.
func oscalFile(path, title string, d *oscal.Document) (exportFile, error) {
	body, err := d.Encode()
	if err != nil {
		return exportFile{}, err
	}
	return exportFile{path, title, len(body), fmt.Sprintf("%x", sha256.Sum256(body)), body}, nil
}

// statementFile is what the maker states as a component definition; none where
// nothing is stated yet.
func statementFile(cat *scheme.Catalog, ev *evidence.Evidence, version oscal.Version) (oscal.Reference, []exportFile, error) {
	if !oscal.States(ev) {
		return oscal.Reference{}, nil, nil
	}
	d, err := oscal.NewComponentDefinition(cat, ev, version, besideCatalogs)
	if err != nil {
		return oscal.Reference{}, nil, err
	}
	f, err := oscalFile("component-definition.json", d.ComponentDefinition.Metadata.Title, d)
	return oscal.Reference{Href: f.Path, SHA256: f.SHA256}, []exportFile{f}, err
}

// planOf reads a plan for people from the document, so that both say the same.
func planOf(a *assess.Asked, d *oscal.Document) planned {
	p := planned{Scheme: a.Scheme.ID, Edition: a.Edition.ID, Level: a.Level.ID, At: a.At.String()}
	steps := map[string][]plannedUnit{} // by activity
	for _, x := range d.AssessmentPlan.LocalDefinitions.Activities {
		for _, s := range x.Steps {
			u := plannedUnit{}
			for _, prop := range s.Props {
				switch prop.Name {
				case "test-unit":
					u.Unit = prop.Value
				case "rows":
					u.Table, _, _ = strings.Cut(strings.ReplaceAll(prop.Remarks, "[", " "), " ")
				case "row":
					u.Rows = append(u.Rows, prop.Value)
				}
			}
			steps[x.UUID] = append(steps[x.UUID], u)
		}
	}
	for _, t := range d.AssessmentPlan.Tasks {
		q := plannedRequire{}
		for _, prop := range t.Props {
			switch prop.Name {
			case "requirement":
				q.Requirement = prop.Value
			case "method":
				q.Method = scheme.Method(prop.Value)
			case "by":
				q.By = scheme.By(prop.Value)
			case "duty":
				q.Duty = prop.Value == "yes"
			case "feature-unknown":
				q.Open = append(q.Open, prop.Value)
			}
		}
		for _, x := range t.Activities {
			q.Units = append(q.Units, steps[x.ActivityUUID]...)
		}
		p.Requirements = append(p.Requirements, q)
	}
	return p
}

func printPlans(w io.Writer, plans []planned) error {
	var b strings.Builder
	for _, p := range plans {
		fmt.Fprintf(&b, "%s, edition %s, level %s, on %s: requirements: %d\n\n", p.Scheme, p.Edition, p.Level, p.At, len(p.Requirements))
		for _, q := range p.Requirements {
			how := string(q.Method) + " by " + string(q.By)
			if !q.Duty {
				how += ", or the ground why not"
			}
			if len(q.Open) > 0 {
				how += ", if it applies (state " + strings.Join(q.Open, ", ") + ")"
			}
			fmt.Fprintf(&b, "%s: %s\n", q.Requirement, how)
			for _, u := range q.Units {
				fmt.Fprintf(&b, "  %-12s %s\n", u.Unit, u.on())
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// on says what a unit is run on: TABLE: ROW ROW …, or TABLE alone where its
// only row has no name.
func (u *plannedUnit) on() string {
	if u.Table == "" {
		return "the device"
	}
	if len(u.Rows) == 0 {
		return u.Table + " has no such row: nothing to look at"
	}
	var rows []string
	for _, r := range u.Rows {
		if name := strings.TrimPrefix(r, u.Table+"/"); name != u.Table {
			rows = append(rows, name)
		}
	}
	if len(rows) == 0 {
		return u.Table
	}
	return u.Table + ": " + strings.Join(rows, " ")
}
