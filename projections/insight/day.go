package insight

import (
	"encoding/binary"
	"fmt"
	"time"

	"ficha/events"
)

// Day is a calendar day: days since 1970-01-01, before it negative.
type Day int32

// DayOf gives the day that a time has in its zone.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDay reads 2026-03-01. events.ErrInvalid: it is none.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("read day: not written as 2026-03-01: %w", events.ErrInvalid)
	}
	return Day(t.Unix() / 86400), nil
}

func (d Day) date() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

func (d Day) String() string { return d.date().Format(time.DateOnly) }

// Month is the month of the day: 2026-03.
func (d Day) Month() string { return d.date().Format("2006-01") }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

const dayOffset = 1 << 31

func appendDay(b []byte, d Day) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(int64(d)+dayOffset))
}

func dayAt(b []byte) Day { return Day(int64(binary.BigEndian.Uint32(b)) - dayOffset) }

// What a Period may be refused for. Both are an events.ErrInvalid.
var (
	ErrPeriod = fmt.Errorf("not a period of 1 to %d days: %w", MaxDays, events.ErrInvalid)
	ErrZone   = fmt.Errorf("the zone's offset is not whole hours: %w", events.ErrInvalid)
)

// MaxDays is the longest stretch that figures are given for.
const MaxDays = 732

// Period is a stretch of days in a time zone: From ≤ day < To.
type Period struct {
	From, To Day
	Zone     *time.Location
}

// Calendar says on which day and at which hour of a period each hour of UTC was.
type Calendar struct {
	Period
	first int64 // Unix time of the first hour, in hours
	local []localHour
}

type localHour struct {
	day  Day
	hour int8
}

// ReadCalendar lays a period out. ErrPeriod: it is empty or longer than MaxDays;
// ErrZone: the offset is not whole hours all the time.
func ReadCalendar(p Period) (*Calendar, error) {
	if p.From >= p.To || p.To-p.From > MaxDays {
		return nil, ErrPeriod
	}
	c := &Calendar{Period: p, first: int64(p.From)*24 - 26} // zones reach from 12 hours behind to 14 before
	for h := c.first; h < int64(p.To)*24+26; h++ {
		t := time.Unix(h*3600, 0).In(p.Zone)
		if _, offset := t.Zone(); offset%3600 != 0 {
			return nil, ErrZone
		}
		c.local = append(c.local, localHour{DayOf(t), int8(t.Hour())})
	}
	return c, nil
}

// at gives the local day and hour of an hour of UTC. False: it is not in the period.
func (c *Calendar) at(utc int64) (Day, int, bool) {
	i := utc - c.first
	if i < 0 || i >= int64(len(c.local)) {
		return 0, 0, false
	}
	l := c.local[i]
	return l.day, int(l.hour), l.day >= c.From && l.day < c.To
}

// days gives the days of UTC that the period touches: first ≤ day < end.
func (c *Calendar) days() (first, end Day) { return c.From - 2, c.To + 2 }
