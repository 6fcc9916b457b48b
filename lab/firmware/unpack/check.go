package unpack

import (
	"fmt"

	"assay/lab/firmware/image"
)

// Check holds a result of an image of size bytes against what every result is: parts
// without holes that do not overlap, inside of what contains them, with ids of
// their own and weights that add up.
func Check(r *Result, size int64) error {
	c := checker{ids: map[string]bool{}}
	at, weight := int64(0), int64(0)
	for _, p := range r.Parts {
		if p.Offset != at {
			return fmt.Errorf("part %s begins at %d, and the one before ends at %d", p.ID, p.Offset, at)
		}
		at += p.Size
		weight += p.Weight
		if err := c.part(p); err != nil {
			return err
		}
	}
	if at != size || weight != size || r.Coverage.Bytes() != size {
		return fmt.Errorf("the parts have %d bytes and weigh %d, the coverage is of %d; the image has %d", at, weight, r.Coverage.Bytes(), size)
	}
	return nil
}

type checker struct{ ids map[string]bool }

func (c checker) part(p *image.Part) error {
	if p.ID == "" || c.ids[p.ID] {
		return fmt.Errorf("no id, or one that is there twice: %.200q", p.ID)
	}
	c.ids[p.ID] = true
	switch {
	case p.Size <= 0:
		return fmt.Errorf("part %s has %d bytes", p.ID, p.Size)
	case (p.State == image.Damaged) != (p.Problem != ""):
		return fmt.Errorf("part %s is %s: %q", p.ID, p.State, p.Problem)
	case p.Weight < 0:
		return fmt.Errorf("part %s weighs %d", p.ID, p.Weight)
	}
	end, weight := int64(0), int64(0)
	for _, k := range p.Parts {
		if !k.Out && (k.Offset < end || k.Size > p.Size-k.Offset) {
			return fmt.Errorf("part %s has %d bytes at %d, in a part of %d of which %d are taken", k.ID, k.Size, k.Offset, p.Size, end)
		}
		if !k.Out {
			end = k.Offset + k.Size
		}
		weight += k.Weight
		if err := c.part(k); err != nil {
			return err
		}
	}
	if p.Tree != nil && len(p.Parts) == 0 {
		var err error
		files(p.Tree, func(n *image.Node) {
			if n.Inner != nil && err == nil {
				weight += n.Inner.Weight
				err = c.part(n.Inner)
			}
		})
		if err != nil {
			return err
		}
	}
	if weight > p.Weight {
		return fmt.Errorf("part %s weighs %d, and what is in it %d", p.ID, p.Weight, weight)
	}
	return nil
}
