package scheme

import "assay/civil"

// Lab is a test laboratory whose signed reports an office takes. A
// report counts if a key here signed it and, on the day of the test, an
// accreditation or approval here covered what was tested.
type Lab struct {
	ID        string     `yaml:"id" json:"id"`
	Name      Text       `yaml:"name" json:"name"`
	Territory string     `yaml:"territory" json:"territory"`           // ISO 3166-1 alpha-2
	Keys      []LabKey   `yaml:"keys,omitempty" json:"keys,omitempty"` // none: none of its reports can be told from a forgery
	Scopes    []LabScope `yaml:"scopes" json:"scopes"`
	Fact      `yaml:",inline"`
}

// LabKey is a key that signs the laboratory's reports.
type LabKey struct {
	Public string     `yaml:"public" json:"public"`                  // base64 of the DER SubjectPublicKeyInfo, ECDSA P-256 (ES256)
	From   civil.Date `yaml:"from" json:"from"`                      // first day of reports that it may sign
	Until  civil.Date `yaml:"until,omitempty" json:"until,omitzero"` // last day; zero: open
}

// LabScope is what a laboratory may test, and when: an accreditation
// (ISO/IEC 17025) for methods, or an authority's approval for a scheme.
type LabScope struct {
	By      string        `yaml:"by" json:"by"` // accreditation body or authority
	Number  string        `yaml:"number,omitempty" json:"number,omitempty"`
	Methods []StandardRef `yaml:"methods,omitempty" json:"methods,omitempty"` // standards and test specifications; an empty edition is any
	Schemes []string      `yaml:"schemes,omitempty" json:"schemes,omitempty"` // that approved or designated it
	From    civil.Date    `yaml:"from" json:"from"`
	Until   civil.Date    `yaml:"until,omitempty" json:"until,omitzero"` // last day; zero: open
	Fact    `yaml:",inline"`
}

// Covers reports whether the scope covers a method on a day.
func (s *LabScope) Covers(method StandardRef, day civil.Date) bool {
	if day < s.From || (s.Until != 0 && day > s.Until) {
		return false
	}
	for _, m := range s.Methods {
		if m.Standard == method.Standard && (m.Edition == "" || m.Edition == method.Edition) {
			return true
		}
	}
	return false
}

// Approved reports whether the scope is a scheme's approval in force on a day.
func (s *LabScope) Approved(scheme string, day civil.Date) bool {
	if day < s.From || (s.Until != 0 && day > s.Until) {
		return false
	}
	for _, id := range s.Schemes {
		if id == scheme {
			return true
		}
	}
	return false
}

// Lab finds a laboratory by id; nil where the catalog has none.
func (c *Catalog) Lab(id string) *Lab {
	for i := range c.Laboratories {
		if c.Laboratories[i].ID == id {
			return &c.Laboratories[i]
		}
	}
	return nil
}

// Advice says which level suits which product.
type Advice struct {
	Level      string       `yaml:"level" json:"level"`
	Least      bool         `yaml:"least,omitempty" json:"least,omitempty"` // no lower level will do for such a product; else it suits
	When       *Condition   `yaml:"when,omitempty" json:"when,omitempty"`   // over features of the product
	Categories []InCategory `yaml:"categories,omitempty" json:"categories,omitempty"`
	Text       Text         `yaml:"text" json:"text"`
	Fact       `yaml:",inline"`
}
