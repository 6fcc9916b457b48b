package evidence

import (
	"slices"

	"assay/scheme"
)

// Over are the rows that a test unit runs on, in the order of their table;
// none says that the product has nothing of the kind.
func (e *Evidence) Over(o *scheme.Over) (rows []Row) {
	var named map[string]bool
	if o.Via != nil {
		named = map[string]bool{}
		for _, r := range e.IXIT[o.Via.Table] {
			if r.Meets(o.Via.Where) {
				for _, id := range r[o.Via.Field] {
					named[id] = true
				}
			}
		}
	}
	for _, r := range e.IXIT[o.Table] {
		if r.Meets(o.Where) && (o.Via == nil || named[r.ID()]) {
			rows = append(rows, r)
		}
	}
	return rows
}

// Meets reports whether a row meets all of ws.
func (r Row) Meets(ws []scheme.Where) bool {
	return !slices.ContainsFunc(ws, func(w scheme.Where) bool {
		c := r[w.Field]
		return !slices.ContainsFunc(w.Is, func(want string) bool {
			switch want {
			case "*":
				return !c.Empty()
			case "":
				return c.Empty()
			}
			return slices.Contains(c, want)
		})
	})
}
