package schemas

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// formats are the checks behind the keyword format. Each looks at values of its
// own JSON type only, as the keyword wants it.
func formats() map[string]func(any) bool {
	return map[string]func(any) bool{
		"date-time":    isTime,
		"partial-date": isDate,
		"line":         isLine,
		"int64":        isInt64,
		"uuid":         jsonschema.Formats["uuid"],
		// An alternative that does not hold costs the library several
		// allocations, which for oneOf is most of the time of an event.
		"contact-point": isContactPoint,
	}
}

// isTime is stricter than the library's: no leap second, since Go's time has
// none and a fold could not read it, and a year that stays four digits in UTC.
func isTime(v any) bool {
	s, ok := v.(string)
	if !ok {
		return true
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return false
	}
	year := t.UTC().Year()
	return year >= 1 && year <= 9999
}

// isDate takes YYYY, YYYY-MM and YYYY-MM-DD where the calendar has that day.
func isDate(v any) bool {
	s, ok := v.(string)
	if !ok {
		return true
	}
	switch len(s) {
	case len("2006"):
		s += "-01-01"
	case len("2006-01"):
		s += "-01"
	}
	if len(s) != len(time.DateOnly) || strings.HasPrefix(s, "0000") {
		return false
	}
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// isLine says whether a string has no control characters.
func isLine(v any) bool {
	s, ok := v.(string)
	if !ok {
		return true
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// isInt64 refuses what JSON Schema calls an integer and Go does not: 1.0, 1e3,
// and what does not fit.
func isInt64(v any) bool {
	n, ok := v.(json.Number)
	if !ok {
		return true
	}
	_, err := strconv.ParseInt(string(n), 10, 64)
	return err == nil
}

// isContactPoint says whether an object names exactly one way to reach
// somebody; a handle goes with its network.
func isContactPoint(v any) bool {
	object, ok := v.(map[string]any)
	if !ok {
		return true
	}
	ways := 0
	for _, way := range [...]string{"phone", "email", "handle", "address"} {
		if _, ok := object[way]; ok {
			ways++
		}
	}
	_, handle := object["handle"]
	_, network := object["network"]
	return ways == 1 && handle == network
}
