package costs

import (
	"fmt"
	"time"
)

// Zone is the time zone in which days begin, by its IANA name.
type Zone struct{ loc *time.Location }

// ParseZone finds a zone. Empty is UTC.
func ParseZone(name string) (Zone, error) {
	if name == "Local" {
		return Zone{}, fmt.Errorf("time zone %q: want an IANA name, so that every machine counts the same days", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return Zone{}, fmt.Errorf("time zone %q: want an IANA name such as UTC or Europe/Berlin", name)
	}
	return Zone{loc}, nil
}

func (z Zone) in(t time.Time) time.Time {
	if z.loc == nil {
		return t.UTC()
	}
	return t.In(z.loc)
}

func (z Zone) String() string { return z.in(time.Time{}).Location().String() }

// Period is a stretch of time, from its start up to, and without, its end.
type Period struct{ Start, End time.Time }

// Holds says whether t lies in the period.
func (p Period) Holds(t time.Time) bool { return !t.Before(p.Start) && t.Before(p.End) }

// Elapsed is the share of the period that is over at t, 0 to 1. A day has 23 or
// 25 hours where clocks change.
func (p Period) Elapsed(t time.Time) float64 {
	return min(1, max(0, float64(t.Sub(p.Start))/float64(p.End.Sub(p.Start))))
}

// Day, Week (from Monday, as ISO has it) and Month are the periods that hold t.
func (z Zone) Day(t time.Time) Period {
	y, m, d := z.in(t).Date()
	return z.dates(y, m, d, 0, 0, 1)
}

func (z Zone) Week(t time.Time) Period {
	local := z.in(t)
	y, m, d := local.Date()
	return z.dates(y, m, d-(int(local.Weekday())+6)%7, 0, 0, 7)
}

func (z Zone) Month(t time.Time) Period {
	y, m, _ := z.in(t).Date()
	return z.dates(y, m, 1, 0, 1, 0)
}

func (z Zone) dates(y int, m time.Month, d, years, months, days int) Period {
	loc := z.in(time.Time{}).Location()
	return Period{
		Start: time.Date(y, m, d, 0, 0, 0, 0, loc),
		End:   time.Date(y+years, m+time.Month(months), d+days, 0, 0, 0, 0, loc),
	}
}

// Date is the day of t, 2026-11-27.
func (z Zone) Date(t time.Time) string { return z.in(t).Format(time.DateOnly) }
