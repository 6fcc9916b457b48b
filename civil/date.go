// Package civil has the calendar date in which legal terms are counted.
//
// A term is granted in days, not in instants: it is valid through its last
// day in the time zone of the authority that acts. Instants elsewhere are
// microseconds since 1970-01-01 UTC in an int64.
package civil

import (
	"fmt"
	"time"
	_ "time/tzdata" // authorities' zones must resolve on a machine without zoneinfo
)

// Date is a day of the proleptic Gregorian calendar, kept as days since
// 1970-01-01. The zero Date means "no date"; 1970-01-01 itself cannot be
// represented and no scheme needs it.
type Date int32

// ErrDate is wrapped by every error that a malformed date causes.
var ErrDate = fmt.Errorf("not a date of the form YYYY-MM-DD between 1970-01-02 and 9999-12-31")

// NewDate returns the date of year, month and day; ok is false where the
// calendar has no such day.
func NewDate(year int, month time.Month, day int) (d Date, ok bool) {
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || t.Month() != month || t.Day() != day || year < 1970 || year > 9999 {
		return 0, false
	}
	d = Date(t.Unix() / 86400)
	return d, d != 0
}

// ParseDate reads YYYY-MM-DD and nothing else.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", clip(s), ErrDate)
	}
	d, ok := NewDate(t.Year(), t.Month(), t.Day())
	if !ok {
		return 0, fmt.Errorf("%q: %w", clip(s), ErrDate)
	}
	return d, nil
}

// MustDate is ParseDate for constants in tests and data that is known good.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// DateAt is the day that the instant at (µs UTC) falls on in loc.
func DateAt(at int64, loc *time.Location) Date {
	y, m, d := time.UnixMicro(at).In(loc).Date()
	v, _ := NewDate(y, m, d)
	return v
}

// IsZero reports whether d is "no date".
func (d Date) IsZero() bool { return d == 0 }

// Time is midnight UTC at the start of d.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Start is the first instant (µs UTC) of d in loc. Where a zone skips
// midnight it is the first instant that exists.
func (d Date) Start(loc *time.Location) int64 {
	y, m, day := d.Time().Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, loc)
	if ty, tm, td := t.Date(); ty != y || tm != m || td != day {
		// time.Date chose the offset before the gap; the day begins at the gap's end.
		t = t.Add(time.Hour)
	}
	return t.UnixMicro()
}

// End is the first instant (µs UTC) after d in loc: what is valid through d
// is valid while now < d.End(loc).
func (d Date) End(loc *time.Location) int64 { return (d + 1).Start(loc) }

// AddDays moves d by n days.
func (d Date) AddDays(n int) Date { return d + Date(n) }

// AddYears moves d by n calendar years; 29 February in a year without one
// is 28 February, so that a term never ends later than its text says.
func (d Date) AddYears(n int) Date { return d.AddMonths(12 * n) }

// AddMonths moves d by n calendar months, clipped to the month's last day.
func (d Date) AddMonths(n int) Date {
	y, m, day := d.Time().Date()
	first := time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Date(first.AddDate(0, 0, min(day, last)-1).Unix() / 86400)
}

// AddWorkingDays moves d by n days of Monday to Friday. Public holidays are
// the authority's own matter: the longer count is the safe one, and a person
// can always act earlier.
func (d Date) AddWorkingDays(n int) Date {
	for n > 0 {
		d++
		if wd := d.Time().Weekday(); wd != time.Saturday && wd != time.Sunday {
			n--
		}
	}
	return d
}

// Earliest is the earlier of two dates, where a zero date is no bound.
func Earliest(a, b Date) Date {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// String is YYYY-MM-DD, or "" for no date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	y, m, day := d.Time().Date()
	if y < 1000 || y > 9999 {
		return d.Time().Format(time.DateOnly)
	}
	// Decisions show many dates; this takes a third of what Format does.
	return string([]byte{digit(y / 1000), digit(y / 100), digit(y / 10), digit(y), '-', digit(int(m) / 10), digit(int(m)), '-', digit(day / 10), digit(day)})
}

func digit(n int) byte { return '0' + byte(n%10) }

// MarshalText and UnmarshalText make dates YYYY-MM-DD in JSON and YAML.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText accepts "" as no date.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
