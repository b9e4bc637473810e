package gateway

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ficha/events"
	"ficha/internal/strictjson"
)

// pointsIn gives every contact point that can be made out in the fields where
// they belong or could have been put: objects, texts and numbers alike.
func pointsIn(data map[string]any) []events.ContactPoint {
	var out []events.ContactPoint
	for _, name := range slices.Sorted(maps.Keys(data)) {
		switch plainName(name) {
		case "contactpoints", "contactpoint", "phones", "phone", "mobile", "telephone", "msisdn", "emails", "email", "mail", "handles", "handle", "whatsapp", "sms":
			out = pointsOf(out, data[name])
		}
	}
	if p, ok := handleOf(data); ok {
		out = append(out, p)
	}
	return out
}

// pointsOf adds the contact points anywhere in v.
func pointsOf(out []events.ContactPoint, v any) []events.ContactPoint {
	switch v := v.(type) {
	case strictjson.Many:
		return pointsOf(out, []any(v))
	case []any:
		for _, item := range v {
			out = pointsOf(out, item)
		}
	case map[string]any:
		if p, ok := handleOf(v); ok {
			out = append(out, p)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if isAbout(plainName(name)) {
				continue
			}
			out = pointsOf(out, v[name])
		}
	case string:
		if p, ok := pointOf(v); ok {
			out = append(out, p)
		}
	case json.Number:
		if p, ok := pointOf(string(v)); ok {
			out = append(out, p)
		}
	}
	return out
}

// isAbout names fields that tell about a contact point and are none: a postal
// code has as many digits as a short telephone number.
func isAbout(name string) bool {
	switch name {
	case "address", "addresses", "network", "use", "region", "extension", "id", "type":
		return true
	}
	return false
}

func handleOf(v map[string]any) (events.ContactPoint, bool) {
	handle, ok := line(first(v["handle"]), 256)
	network, named := line(first(v["network"]), 100)
	return events.ContactPoint{Handle: handle, Network: network}, ok && named
}

// fewestDigits is what makes a text a telephone number, read generously.
const fewestDigits = 6

// pointOf reads a text as an e-mail address or a telephone number.
func pointOf(s string) (events.ContactPoint, bool) {
	s = strings.TrimSpace(s)
	if local, domain, ok := strings.Cut(s, "@"); ok && local != "" && domain != "" {
		email, ok := line(s, 500)
		return events.ContactPoint{Email: email}, ok && !strings.ContainsFunc(email, unicode.IsSpace)
	}
	if isDate(s) {
		return events.ContactPoint{}, false
	}
	var digits strings.Builder
	for _, c := range s {
		if n, ok := digit(c); ok && digits.Len() < 32 {
			digits.WriteByte('0' + n)
		}
	}
	if digits.Len() < fewestDigits {
		return events.ContactPoint{}, false
	}
	if phone, ok := line(s, 100); ok {
		return events.ContactPoint{Phone: phone}, true
	}
	return events.ContactPoint{Phone: digits.String()}, true
}

// digit reads a decimal digit of any script.
func digit(c rune) (byte, bool) {
	if c >= '0' && c <= '9' {
		return byte(c - '0'), true
	}
	if c < utf8.RuneSelf || !unicode.Is(unicode.Nd, c) {
		return 0, false
	}
	for zero := c; ; zero-- { // the digits of a script stand together, from its zero
		if !unicode.Is(unicode.Nd, zero-1) || c-zero == 9 {
			return byte(c - zero), true
		}
	}
}

// isDate keeps times out of the telephone numbers.
func isDate(s string) bool {
	for _, layout := range []string{time.RFC3339, time.DateOnly, time.DateTime, "2006-01-02T15:04:05"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}
