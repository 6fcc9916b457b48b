package recognition

import (
	"assay/civil"
	"assay/scheme"
)

// Limit counts a term: from start, the earliest of bounds. support and
// source are the last days of the maker's support and of the certificate it
// rests on; zero means not known and no such day. Years count to the same
// day of the calendar, 29 February to 28 February, and that day is the last.
// What is missing is named in Needs, and never taken for "without end".
func Limit(start civil.Date, bounds []scheme.Bound, support, source civil.Date) Term {
	t := Term{Start: start}
	for i := range bounds {
		b := &bounds[i]
		var end civil.Date
		switch b.Kind {
		case scheme.YearsFromStart:
			end = start.AddYears(b.Years)
		case scheme.SupportEnd:
			if support == 0 {
				t.Needs = string(scheme.SupportEnd)
				continue
			}
			end = support
		case scheme.SourceExpiry:
			end = source
		case scheme.OnDate:
			end = b.Date
		default:
			t.Needs = string(b.Kind)
			continue
		}
		t.cap(end, b.Kind)
	}
	if t.End == 0 && t.Needs == "" {
		t.Needs = "bounds"
	}
	return t
}

// cap keeps the earlier end; the zero date is no bound.
func (t *Term) cap(end civil.Date, by scheme.BoundKind) {
	if end != 0 && (t.End == 0 || end < t.End) {
		t.End, t.By = end, by
	}
}
