package catalog

import (
	"errors"
	"fmt"

	"assay/scheme"
)

// sameAs fills in the tables, test groups and checks that are word for word
// those of another edition of their specification. It follows one step only: what is
// pointed at is written out.
func sameAs(c *scheme.Catalog) error {
	var errs []error
	for i := range c.Tests {
		s := &c.Tests[i]
		for j := range s.Tables {
			t := &s.Tables[j]
			if t.SameAs == nil {
				continue
			}
			from := c.TestSpec(s.ID + "@" + t.SameAs.Edition)
			id := t.SameAs.ID
			if id == "" {
				id = t.ID
			}
			if from == nil || from.Table(id) == nil || from.Table(id).SameAs != nil {
				errs = append(errs, fmt.Errorf("%w: tests/%s.yaml: table %s: there is no table %q written out in edition %q", ErrMalformed, s.Name(), clip(t.ID), clip(id), clip(t.SameAs.Edition)))
				continue
			}
			f := from.Table(id)
			t.Single, t.Shows, t.Fields = f.Single, f.Shows, f.Fields
			if t.When == nil {
				t.When = f.When
			}
			if t.Title == nil {
				t.Title = f.Title
			}
			if t.Help == nil {
				t.Help = f.Help
			}
		}
		for j := range s.Groups {
			g := &s.Groups[j]
			if g.SameAs == nil {
				continue
			}
			from := c.TestSpec(s.ID + "@" + g.SameAs.Edition)
			id := g.SameAs.ID
			if id == "" {
				id = g.Requirement
			}
			if from == nil || from.Group(id) == nil || from.Group(id).SameAs != nil {
				errs = append(errs, fmt.Errorf("%w: tests/%s.yaml: group %s: there is no group %q written out in edition %q", ErrMalformed, s.Name(), clip(g.Requirement), clip(id), clip(g.SameAs.Edition)))
				continue
			}
			g.Cases = from.Group(id).Cases
		}
		for j := range s.Checks {
			k := &s.Checks[j]
			if k.SameAs == nil {
				continue
			}
			from := c.TestSpec(s.ID + "@" + k.SameAs.Edition)
			id := k.SameAs.ID
			if id == "" {
				id = k.ID
			}
			if from == nil || from.Check(id) == nil || from.Check(id).SameAs != nil {
				errs = append(errs, fmt.Errorf("%w: tests/%s.yaml: check %s: there is no check %q written out in edition %q", ErrMalformed, s.Name(), clip(k.ID), clip(id), clip(k.SameAs.Edition)))
				continue
			}
			f := from.Check(id)
			k.Table, k.Where, k.Via, k.Needs, k.Text, k.Remedy = f.Table, f.Where, f.Via, f.Needs, f.Text, f.Remedy
			if k.Requirements == nil {
				k.Supported, k.Requirements = f.Supported, f.Requirements
			}
		}
	}
	return errors.Join(errs...)
}
