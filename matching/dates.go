package matching

import (
	"strings"

	"ficha/internal/text"
)

// date is a date of birth as far as it is known; the zero date is unknown.
type date struct {
	year       int16
	month, day uint8 // 0 when not known
	loose      looseness
}

type looseness uint8

const (
	dayOrMonth looseness = 1 << iota // both readings are possible: 03/04/1980
	century                          // the year was written with two digits
	newYear                          // 1 January, which many systems write for "year only"
)

func (d date) full() bool    { return d.day != 0 }
func (d date) known() bool   { return d.year != 0 }
func (d date) certain() bool { return d.full() && d.loose&(newYear|century) == 0 }

// canonical is the date with day and month in order of size, for keys that must
// not depend on which was written first.
func (d date) canonical() uint64 {
	return uint64(d.year)%100<<16 | uint64(min(d.month, d.day))<<8 | uint64(max(d.month, d.day))
}

// pivot: two-digit years up to it are of this century. Births, not appointments.
const pivot = 25

// parseDate reads ISO 8601, yyyymmdd, d/m/y and m/d/y with two or four digits,
// "24-May-11", "Mar 1 1970", years and year-months; a time after the date is
// ignored. Where both readings fit, the day comes first and both stay possible.
// Fillers and what is no date give the zero date.
func parseDate(s string) date {
	if len(s) > 40 {
		s = s[:40]
	}
	tokens := text.Tokens(cutTime(s))
	d := readDate(tokens)
	if !d.plausible() || d.filler() {
		return date{}
	}
	if d.month == 1 && d.day == 1 {
		d.loose |= newYear
	}
	return d
}

// cutTime drops "T00:00:00Z" and " 00:00".
func cutTime(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexByte(s, ':'); i > 0 {
		if j := strings.LastIndexAny(s[:i], "T "); j > 0 {
			return s[:j]
		}
	}
	return s
}

func readDate(tokens []string) date {
	switch len(tokens) {
	case 1:
		return readSolid(tokens[0])
	case 2:
		return readYearMonth(tokens[0], tokens[1])
	case 3:
		return readThree(tokens)
	}
	if len(tokens) == 5 && tokens[1] == "de" && tokens[3] == "de" { // 24 de mayo de 1980
		return readThree([]string{tokens[0], tokens[2], tokens[4]})
	}
	return date{}
}

// readSolid reads yyyymmdd, yyyymm and yyyy.
func readSolid(t string) date {
	n, ok := number(t)
	switch {
	case ok && len(t) == 8:
		return date{year: int16(n / 10000), month: uint8(n / 100 % 100), day: uint8(n % 100)}.readable()
	case ok && len(t) == 6:
		return date{year: int16(n / 100), month: uint8(n % 100)}
	case ok && len(t) == 4:
		return date{year: int16(n)}
	}
	return date{}
}

// readable leaves out a month and day that cannot be, and keeps the rest.
func (d date) readable() date {
	switch {
	case d.month < 1 || d.month > 12:
		return date{year: d.year}
	case d.day < 1 || d.day > 31:
		return date{year: d.year, month: d.month}
	}
	return d
}

func readYearMonth(a, b string) date {
	if len(b) == 4 {
		a, b = b, a
	}
	y, ok := number(a)
	if !ok || len(a) != 4 {
		return date{}
	}
	m, ok := monthOf(b)
	if !ok {
		return date{}
	}
	return date{year: int16(y), month: m}
}

func readThree(t []string) date {
	if len(t[0]) == 4 { // year first
		y, ok1 := number(t[0])
		m, ok2 := monthOf(t[1])
		d, ok3 := number(t[2])
		if ok1 && ok2 && ok3 && d > 0 && d < 100 {
			if m > 12 && d <= 12 { // year, day, month
				return date{year: int16(y), month: uint8(d), day: m}
			}
			return date{year: int16(y), month: m, day: uint8(d)}
		}
		return date{}
	}
	year, loose, ok := readYear(t[2])
	if !ok {
		return date{}
	}
	a, b := t[0], t[1]
	if _, isNumber := number(a); !isNumber { // Mar 1 1970
		a, b = b, a
	}
	day, ok1 := number(a)
	month, ok2 := monthOf(b)
	if !ok1 || !ok2 || day < 1 || day > 31 {
		return date{}
	}
	d := date{year: year, month: month, day: uint8(day), loose: loose}
	if _, isNumber := number(b); isNumber {
		d.order()
	}
	return d
}

// order decides between d/m and m/d, or leaves both open.
func (d *date) order() {
	switch {
	case d.month > 12:
		d.month, d.day = d.day, d.month
	case d.day <= 12 && d.day != d.month:
		d.loose |= dayOrMonth
	}
}

func readYear(t string) (int16, looseness, bool) {
	y, ok := number(t)
	switch {
	case ok && len(t) == 4:
		return int16(y), 0, true
	case ok && len(t) == 2 && y <= pivot:
		return int16(2000 + y), century, true
	case ok && len(t) == 2:
		return int16(1900 + y), century, true
	}
	return 0, 0, false
}

// number reads up to eight digits.
func number(t string) (int, bool) {
	if t == "" || len(t) > 8 {
		return 0, false
	}
	n := 0
	for i := range len(t) {
		if t[i] < '0' || t[i] > '9' {
			return 0, false
		}
		n = n*10 + int(t[i]-'0')
	}
	return n, true
}

// monthOf reads a number or the first three letters of a month in Spanish,
// English or Portuguese. Numbers up to 31 pass: day and month may be swapped.
func monthOf(t string) (uint8, bool) {
	if n, ok := number(t); ok {
		return uint8(n), n >= 1 && n <= 31
	}
	if len(t) < 3 {
		return 0, false
	}
	switch t[:3] {
	case "ene", "jan":
		return 1, true
	case "feb", "fev":
		return 2, true
	case "mar":
		return 3, true
	case "abr", "apr":
		return 4, true
	case "may", "mai":
		return 5, true
	case "jun":
		return 6, true
	case "jul":
		return 7, true
	case "ago", "aug":
		return 8, true
	case "sep", "set":
		return 9, true
	case "oct", "out":
		return 10, true
	case "nov":
		return 11, true
	case "dic", "dec", "dez":
		return 12, true
	}
	return 0, false
}

func (d date) plausible() bool {
	return d.year >= 1000 && d.year <= 2200 && d.month <= 12 && d.day <= 31 && (d.day == 0 || d.month != 0)
}

// filler: dates that systems write when they have none.
func (d date) filler() bool {
	switch {
	case d.month == 1 && d.day == 1:
		return d.year <= 1901 && d.year >= 1899 || d.year == 1970 || d.year == 1753 || d.year == 1800 || d.year == 1000
	case d.year == 1899 && d.month == 12:
		return d.day >= 30
	case d.year == 1111 && d.month == 11, d.year == 2099 || d.year == 2100:
		return true
	}
	return false
}
