package evidence

import (
	"encoding/json"

	"assay/civil"
	"assay/scheme"
)

// Report is a file of verdicts by one body: a laboratory's test report
// (ISO/IEC 17025:2017, 7.8) or a maker's own assessment.
type Report struct {
	Number         string          `json:"number" yaml:"number"` // of the report, unique for the body
	By             Body            `json:"by" yaml:"by"`
	Method         Method          `json:"method" yaml:"method"`
	Date           civil.Date      `json:"date" yaml:"date"` // of issue
	Tested         Period          `json:"tested" yaml:"tested"`
	Until          civil.Date      `json:"valid_until,omitzero" yaml:"valid_until,omitempty"` // last day; zero: open
	Product        Tested          `json:"product" yaml:"product"`
	Samples        []Sample        `json:"samples,omitempty" yaml:"samples,omitempty"`
	Deviations     []string        `json:"deviations,omitempty" yaml:"deviations,omitempty"` // from the method
	Subcontractors []Subcontractor `json:"subcontractors,omitempty" yaml:"subcontractors,omitempty"`
	Accreditation  *Accreditation  `json:"accreditation,omitempty" yaml:"accreditation,omitempty"` // as the report states it; what counts is what the catalog says
	Rows           map[string]Hash `json:"rows,omitempty" yaml:"rows,omitempty"`                   // TABLE/ROW to Row.Digest: what the verdicts were given on
	Verdicts       []UnitVerdict   `json:"verdicts,omitempty" yaml:"verdicts,omitempty"`
	Results        []Result        `json:"results,omitempty" yaml:"results,omitempty"` // on requirements that no test specification has units for
	Tasks          []Task          `json:"tasks,omitempty" yaml:"tasks,omitempty"`     // what is left to a tester; no verdict
}

// Task is what a program found that only a person can judge. The tester writes
// the verdict among the others and takes the task out.
type Task struct {
	ID string `json:"id" yaml:"id"` // in this report: T1
	// It is about a unit, with a row where it has one as in UnitVerdict, or about a requirement.
	Unit        string   `json:"unit,omitempty" yaml:"unit,omitempty"`
	Row         string   `json:"row,omitempty" yaml:"row,omitempty"`
	Requirement *Ref     `json:"requirement,omitempty" yaml:"requirement,omitempty"`
	Seen        string   `json:"seen" yaml:"seen"`     // what the program saw, and at what it looked
	Method      []string `json:"method" yaml:"method"` // what to do, step by step
	Passes      string   `json:"passes" yaml:"passes"` // what would pass
	// What the program saw, as files: the verdict that the tester gives may name them.
	Artifacts []Artifact `json:"artifacts,omitempty" yaml:"artifacts,omitempty"`
}

// Method is what was tested by: a test specification or a scheme's own criteria.
type Method struct {
	Standard string `json:"standard" yaml:"standard"` // id of a test specification or a standard of the catalog
	Edition  string `json:"edition" yaml:"edition"`
	Tool     string `json:"tool,omitempty" yaml:"tool,omitempty"` // program and version, where a program did it
}

// Period is the days on which the tests were done.
type Period struct {
	From civil.Date `json:"from" yaml:"from"`
	To   civil.Date `json:"to" yaml:"to"`
}

// Tested is the product that a report is about.
type Tested struct {
	Holder string   `json:"holder" yaml:"holder"`
	Name   string   `json:"name" yaml:"name"`
	Models []string `json:"models" yaml:"models"`
}

// Sample is one device under test.
type Sample struct {
	ID       string     `json:"id" yaml:"id"`         // in this report: S1
	Chosen   string     `json:"chosen" yaml:"chosen"` // how: by the laboratory from stock, bought, sent in by the maker
	Serial   string     `json:"serial" yaml:"serial"`
	Model    string     `json:"model" yaml:"model"`
	Hardware string     `json:"hardware" yaml:"hardware"` // revision
	Firmware Hash       `json:"firmware" yaml:"firmware"` // of the image that ran
	Received civil.Date `json:"received" yaml:"received"`
}

// ImageFile is the serial and hardware of a sample that is no unit but an image that
// was looked at as a file. What was found in it holds for every revision that it runs on.
const ImageFile = "none: an image file"

// Subcontractor did a part of the tests.
type Subcontractor struct {
	ID    string   `json:"id" yaml:"id"`
	Units []string `json:"units" yaml:"units"` // units, cases or requirements
}

// Accreditation of a laboratory (ISO/IEC 17025).
type Accreditation struct {
	By     string     `json:"by" yaml:"by"`
	Number string     `json:"number" yaml:"number"`
	Scope  []string   `json:"scope,omitempty" yaml:"scope,omitempty"`
	From   civil.Date `json:"from,omitzero" yaml:"from,omitempty"`
	Until  civil.Date `json:"until,omitzero" yaml:"until,omitempty"`
}

// UnitVerdict is the verdict of one test unit, on one row and one sample where
// it has them.
type UnitVerdict struct {
	Unit      string     `json:"unit" yaml:"unit"` // 5.1-1-2/a, see scheme.UnitRef
	Row       string     `json:"row,omitempty" yaml:"row,omitempty"`
	Sample    string     `json:"sample,omitempty" yaml:"sample,omitempty"`
	Verdict   Verdict    `json:"verdict" yaml:"verdict"`
	Date      civil.Date `json:"date,omitzero" yaml:"date,omitempty"` // zero: the last day of Report.Tested
	Ground    string     `json:"ground,omitempty" yaml:"ground,omitempty"`
	Artifacts []Artifact `json:"artifacts,omitempty" yaml:"artifacts,omitempty"`
}

// Result is a verdict on requirements as a whole.
type Result struct {
	Requirements []Ref         `json:"requirements" yaml:"requirements"`
	Verdict      Verdict       `json:"verdict" yaml:"verdict"`
	Method       scheme.Method `json:"method" yaml:"method"`
	Sample       string        `json:"sample,omitempty" yaml:"sample,omitempty"`
	Date         civil.Date    `json:"date,omitzero" yaml:"date,omitempty"`
	Ground       string        `json:"ground,omitempty" yaml:"ground,omitempty"`
	Artifacts    []Artifact    `json:"artifacts,omitempty" yaml:"artifacts,omitempty"`
}

// Day is the day of a verdict.
func (r *Report) Day(own civil.Date) civil.Date {
	if !own.IsZero() {
		return own
	}
	return r.Tested.To
}

// Sample finds a sample by id; nil where there is none.
func (r *Report) Sample(id string) *Sample {
	for i := range r.Samples {
		if r.Samples[i].ID == id {
			return &r.Samples[i]
		}
	}
	return nil
}

// Signed is a report as it was handed in: the file's own text, so that its
// signature can be verified for as long as the evidence is kept.
type Signed struct {
	Name      string `json:"name" yaml:"name"`                               // of its file
	Body      string `json:"body" yaml:"body"`                               // the file's text, YAML or JSON
	Signature string `json:"signature,omitempty" yaml:"signature,omitempty"` // base64 of a COSE_Sign1 with detached payload (RFC 9052, 4.1) over Body

	report *Report // read from Body by Parse and Read
	signer *Signer // set by Verify only: nothing in a file can
}

// Signer is who signed a report, as found out by [Evidence.Verify].
type Signer struct {
	Laboratory string // id in the catalog
	Key        string // the key's fingerprint, hex SHA-256 of its DER SubjectPublicKeyInfo
}

// Report is what the body says; nil where the evidence was not made by Parse,
// Read or [NewSigned].
func (s *Signed) Report() *Report { return s.report }

// Signer is who signed it; nil where Verify did not find a known key's signature.
func (s *Signed) Signer() *Signer { return s.signer }

// NewSigned reads a report from its file's text. Its errors are of type *Error
// with the file's name.
func NewSigned(name string, body []byte, signature string) (*Signed, error) {
	r, err := ParseReport(name, body)
	if err != nil {
		return nil, err
	}
	return &Signed{Name: name, Body: string(body), Signature: signature, report: r}, nil
}

// FromReport is NewSigned for a report that is at hand: its body is the
// report's JSON.
func FromReport(name string, r *Report, signature string) (*Signed, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return &Signed{Name: name, Body: string(b), Signature: signature, report: r}, nil
}

// Verify finds out who signed each report. check does the cryptography: it
// returns the fingerprint of the laboratory's key that signed body, valid on
// day, or an error that says why none did. The errors come back by report, in
// order, nil for one that no laboratory issued.
func (e *Evidence) Verify(check func(laboratory string, day civil.Date, body []byte, signature string) (key string, err error)) []error {
	errs := make([]error, len(e.Reports))
	for i := range e.Reports {
		s := &e.Reports[i]
		s.signer = nil
		if s.report == nil || s.report.By.Kind != scheme.Laboratory {
			continue
		}
		key, err := check(s.report.By.ID, s.report.Date, []byte(s.Body), s.Signature)
		if err != nil {
			errs[i] = err
			continue
		}
		s.signer = &Signer{s.report.By.ID, key}
	}
	return errs
}
