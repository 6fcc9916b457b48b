package civil

import (
	"testing"
	"time"
)

func TestCalendar(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{MustDate("2024-02-29").AddYears(3).String(), "2027-02-28"},
		{MustDate("2024-02-29").AddYears(4).String(), "2028-02-29"},
		{MustDate("2025-12-31").AddMonths(2).String(), "2026-02-28"},
		{MustDate("2026-03-31").AddMonths(-1).String(), "2026-02-28"},
		{MustDate("2026-11-20").AddWorkingDays(1).String(), "2026-11-23"},
		{MustDate("2026-11-21").AddWorkingDays(5).String(), "2026-11-27"},
		{Earliest(0, MustDate("2026-01-01")).String(), "2026-01-01"},
		{Earliest(MustDate("2026-01-02"), MustDate("2026-01-01")).String(), "2026-01-01"},
		{Earliest(MustDate("2026-01-02"), 0).String(), "2026-01-02"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

// The same instant lies on two days in two offices; the last day ends where the office is.
func TestZones(t *testing.T) {
	seoul, _ := time.LoadLocation("Asia/Seoul")
	singapore, _ := time.LoadLocation("Asia/Singapore")
	at := time.Date(2026, 11, 23, 15, 30, 0, 0, time.UTC).UnixMicro()
	if a, b := DateAt(at, seoul), DateAt(at, singapore); a != MustDate("2026-11-24") || b != MustDate("2026-11-23") {
		t.Errorf("15:30 UTC is %s in Seoul and %s in Singapore", a, b)
	}
	d := MustDate("2026-11-23")
	if DateAt(d.End(seoul)-1, seoul) != d || DateAt(d.End(seoul), seoul) != d+1 {
		t.Error("End is not the first instant after the day")
	}
	cairo, err := time.LoadLocation("Africa/Cairo") // skips midnight in April
	if err != nil {
		t.Fatal(err)
	}
	gap := MustDate("2024-04-26")
	if s := gap.Start(cairo); DateAt(s, cairo) != gap || DateAt(s-1, cairo) != gap-1 {
		t.Error("the day with a skipped midnight does not start at the end of the gap")
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("2026-02-30")
	f.Add("2024-02-29")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err == nil && d.String() != s {
			t.Fatalf("%q read as %s", s, d)
		}
	})
}
