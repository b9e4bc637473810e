package connect

import (
	"strconv"
	"strings"
	"time"

	"ficha/internal/text"
)

// order says how 03/04/1980 is read.
type order uint8

const (
	orderUnknown order = iota
	dayFirst
	monthFirst
)

func (o order) String() string {
	switch o {
	case dayFirst:
		return "yes"
	case monthFirst:
		return "no"
	}
	return "unknown"
}

// sniffOrder tells the order from dates that only one reads: a first number
// over 12, or a second. Where a file has both, it says nothing.
func sniffOrder(dates []string) order {
	days, months := false, false
	for _, s := range dates {
		n, ok := threeNumbers(s)
		if !ok || len(n[0]) > 2 {
			continue
		}
		a, b := atoi(n[0]), atoi(n[1])
		days = days || a > 12 && a <= 31 && b >= 1 && b <= 12
		months = months || b > 12 && b <= 31 && a >= 1 && a <= 12
	}
	switch {
	case days && !months:
		return dayFirst
	case months && !days:
		return monthFirst
	}
	return orderUnknown
}

// threeNumbers splits 3/4/1980, 3-4-80, 1980.04.03.
func threeNumbers(s string) ([3]string, bool) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '-' || r == '.' || r == ' ' })
	if len(parts) != 3 {
		return [3]string{}, false
	}
	for _, p := range parts {
		if !isNumber(p) || len(p) > 4 {
			return [3]string{}, false
		}
	}
	return [3]string(parts), true
}

// parseDate reads a calendar date as YYYY, YYYY-MM or YYYY-MM-DD. Why says what
// kept it from being read whole: then date is "", or the year alone where only
// day and month may be meant either way.
func parseDate(value string, o order, now time.Time) (date, why string) {
	s := strings.TrimSpace(value)
	if i := strings.IndexAny(s, "T"); i == 10 && len(s) >= 16 { // a time of day is none of ours
		s = s[:i]
	} else if len(s) > 11 && s[10] == ' ' && strings.Contains(s[11:], ":") {
		s = s[:10]
	} else if head, tail, ok := strings.Cut(s, " "); ok && strings.Count(tail, ":") > 0 && isClock(tail) {
		s = head
	}
	switch {
	case isNumber(s):
		return compactDate(s)
	case len(s) == 7 && isNumber(s[:4]) && isNumber(s[5:]):
		return checked(atoi(s[:4]), atoi(s[5:]), 0)
	}
	if n, ok := threeNumbers(s); ok {
		return numericDate(n, o, now)
	}
	return wordDate(s, now)
}

// isClock says whether s is a time of day such as 00:00:00 or 12:30 PM.
func isClock(s string) bool {
	return strings.Trim(strings.ToUpper(s), "0123456789:. APM") == "" && len(s) > 0 && s[0] >= '0' && s[0] <= '9'
}

// compactDate reads 1980 and 19800403. Five digits are the days that a
// spreadsheet counts, and no date that anybody wrote.
func compactDate(s string) (string, string) {
	switch len(s) {
	case 4:
		return checked(atoi(s), 0, 0)
	case 8:
		if y := atoi(s[:4]); y >= 1850 && y <= 2150 {
			return checked(y, atoi(s[4:6]), atoi(s[6:]))
		}
		if y := atoi(s[4:]); y >= 1850 && y <= 2150 {
			return s[4:], "ambiguous_date"
		}
	case 5:
		return "", "spreadsheet_date"
	}
	return "", "unreadable_date"
}

func numericDate(n [3]string, o order, now time.Time) (string, string) {
	if len(n[0]) == 4 {
		return checked(atoi(n[0]), atoi(n[1]), atoi(n[2]))
	}
	year, why := fullYear(n[2], now)
	if why != "" {
		return "", why
	}
	a, b := atoi(n[0]), atoi(n[1])
	switch {
	case a > 12 || a == b:
		return checked(year, b, a)
	case b > 12:
		return checked(year, a, b)
	case o == dayFirst:
		return checked(year, b, a)
	case o == monthFirst:
		return checked(year, a, b)
	}
	date, _ := checked(year, 0, 0)
	return date, "ambiguous_date"
}

// fullYear completes a year of two digits where only one century is possible,
// the later one being still to come.
func fullYear(s string, now time.Time) (int, string) {
	if len(s) == 4 {
		return atoi(s), ""
	}
	if len(s) != 2 {
		return 0, "unreadable_date"
	}
	y := atoi(s)
	if 2000+y <= now.Year() {
		return 0, "ambiguous_year" // 1912 and 2012 both live
	}
	return 1900 + y, ""
}

// wordDate reads 3 de abril de 1980, 3-abr-1980, April 3, 1980.
func wordDate(s string, now time.Time) (string, string) {
	day, month, year := 0, 0, ""
	for _, w := range text.Tokens(s) {
		switch {
		case w == "de" || w == "del" || w == "of" || w == "th" || w == "st":
		case isNumber(w) && len(w) <= 2 && day == 0:
			day = atoi(w)
		case isNumber(w) && (len(w) == 4 || len(w) == 2) && year == "":
			year = w
		case month == 0 && monthNamed(w) > 0:
			month = monthNamed(w)
		default:
			return "", "unreadable_date"
		}
	}
	if month == 0 || year == "" {
		return "", "unreadable_date"
	}
	y, why := fullYear(year, now)
	if why != "" {
		return "", why
	}
	return checked(y, month, day)
}

// monthNamed reads a month's name or its first letters in Spanish, English and
// Portuguese; 0 for other words.
func monthNamed(w string) int {
	if len(w) < 3 {
		return 0
	}
	for i, names := range [...]string{"enero january janeiro", "febrero february fevereiro", "marzo march marco", "abril april", "mayo may maio", "junio june junho", "julio july julho",
		"agosto august", "septiembre setiembre september setembro", "octubre october outubro", "noviembre november novembro", "diciembre december dezembro"} {
		for name := range strings.FieldsSeq(names) {
			if strings.HasPrefix(name, w) {
				return i + 1
			}
		}
	}
	return 0
}

// checked writes a date that exists; month and day may be 0 for unknown.
func checked(y, m, d int) (string, string) {
	switch {
	case y < 1000 || y > 9999 || m > 12 || m < 0 || d < 0:
		return "", "unreadable_date"
	case m == 0:
		return strconv.Itoa(y), ""
	case d == 0:
		return time.Date(y, time.Month(m), 1, 0, 0, 0, 0, time.UTC).Format("2006-01"), ""
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Day() != d || int(t.Month()) != m {
		return "", "no_such_date"
	}
	return t.Format(time.DateOnly), ""
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0 // callers checked for digits; what overflows is no date
	}
	return n
}

// timeLayouts are the ways in which systems write times, besides RFC 3339 and
// numbers of seconds or milliseconds.
var timeLayouts = [...]string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 MST",
	"2006-01-02 15:04:05.999999999 -0700", "2006-01-02T15:04:05.999999999-0700", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02", "20060102150405", "20060102T150405Z", "20060102",
	time.RFC1123Z, time.RFC1123, "2006/01/02 15:04:05", "2006/01/02",
}

// parseTime reads a time; without a zone it is of zone. False: it is none.
func parseTime(value string, o order, zone *time.Location) (time.Time, bool) {
	s := strings.TrimSpace(value)
	if len(s) == 10 || len(s) == 13 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			if len(s) == 13 {
				return time.UnixMilli(n).UTC(), true
			}
			return time.Unix(n, 0).UTC(), true
		}
	}
	for _, layout := range timeLayouts {
		if strings.HasSuffix(layout, " MST") && !strings.HasSuffix(s, "UTC") && !strings.HasSuffix(s, "GMT") {
			continue // other abbreviations are not unique
		}
		if t, err := time.ParseInLocation(layout, s, zone); err == nil && t.Year() > 1900 && t.Year() < 2200 {
			return t.UTC(), true
		}
	}
	return slashTime(s, o, zone)
}

// slashTime reads 25/12/2024 and 25/12/2024 17:30[:05].
func slashTime(s string, o order, zone *time.Location) (time.Time, bool) {
	day, clock, _ := strings.Cut(s, " ")
	n, ok := threeNumbers(day)
	if !ok || len(n[2]) != 4 {
		return time.Time{}, false
	}
	date, why := numericDate(n, o, time.Time{})
	if why != "" {
		return time.Time{}, false
	}
	for _, layout := range [...]string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02 3:04:05 PM", "2006-01-02 3:04 PM", "2006-01-02 "} {
		if t, err := time.ParseInLocation(layout, date+" "+clock, zone); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
