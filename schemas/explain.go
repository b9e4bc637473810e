package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// explain says in plain words what a leaf error means. One error can be several
// violations: each missing and each unknown field is one.
func (s *schema) explain(leaf *jsonschema.ValidationError, data any) []Violation {
	where := tokens(leaf.InstanceLocation)
	rule, keyword := s.rule(leaf.AbsoluteKeywordLocation)
	value := follow(data, where)
	at := func(code, detail, remedy string) []Violation {
		return []Violation{{Pointer: pointer(where), Code: code, Detail: detail, Remedy: remedy}}
	}
	own, _ := rule["remedy"].(string)
	switch keyword {
	case "required":
		return missing(where, rule, value)
	case "additionalProperties":
		return unknown(where, rule, value)
	case "type":
		return at("type", "has the wrong JSON type: "+typeOf(value), "Send "+typesOf(rule)+".")
	case "enum", "const":
		return at("enum", "is not one of the words allowed here", strings.TrimSpace("Use one of: "+words(rule)+". "+own))
	case "format":
		if rule["format"] == "contact-point" {
			return at("choice", "does not name exactly one way to reach somebody", own)
		}
		return at("format", formatDetail(rule), formatRemedy(rule))
	case "pattern":
		return at("pattern", "does not have the form that is wanted here", own)
	case "minLength", "minItems", "minProperties":
		return at("length", "is empty", "Send a value, or leave the field out.")
	case "maxLength":
		return at("length", fmt.Sprintf("is longer than %v characters", rule["maxLength"]), "Shorten it.")
	case "maxItems", "maxProperties":
		return at("count", fmt.Sprintf("holds more than %v values", rule[keyword]), "Send fewer.")
	case "minimum", "maximum":
		return at("range", "is outside of the range allowed here", bounds(rule))
	case "anyOf", "oneOf":
		return at("choice", "does not name what is needed here exactly", own)
	}
	return at("schema", "does not fit the schema ("+keyword+")", own)
}

// rule finds the schema object that a keyword's location names, and the keyword.
func (s *schema) rule(location string) (rule map[string]any, keyword string) {
	_, fragment, _ := strings.Cut(location, "#")
	rule = s.document
	var v any = s.document
	for _, token := range tokens(fragment) {
		if m, ok := v.(map[string]any); ok {
			rule, keyword = m, token
		}
		v = follow(v, []string{token})
	}
	return rule, keyword
}

func missing(where []string, rule map[string]any, value any) []Violation {
	has, _ := value.(map[string]any)
	var out []Violation
	for _, name := range list(rule["required"]) {
		if _, ok := has[name]; !ok {
			out = append(out, Violation{
				Pointer: pointer(append(slices.Clone(where), name)), Code: "required",
				Detail: "is required and is not there", Remedy: "Send " + name + ".",
			})
		}
	}
	return out
}

func unknown(where []string, rule map[string]any, value any) []Violation {
	has, _ := value.(map[string]any)
	known, _ := rule["properties"].(map[string]any)
	names := slices.Sorted(maps.Keys(known))
	var out []Violation
	for _, name := range slices.Sorted(maps.Keys(has)) {
		if _, ok := known[name]; ok || len(out) == mostViolations {
			continue
		}
		remedy := "Leave it out, or put it under /data/ext."
		if like, ok := nearest(snake(name), names, 2); ok {
			remedy = "The nearest known field is " + like + "; what the hub does not know goes under /data/ext."
		}
		out = append(out, Violation{
			Pointer: pointer(append(slices.Clone(where), name)), Code: "unknown_field", Detail: "is not a field that is known here", Remedy: remedy,
		})
	}
	return out
}

// snake writes a name such as birthDate as birth_date.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if c >= 'A' && c <= 'Z' && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

func formatDetail(rule map[string]any) string {
	switch rule["format"] {
	case "date-time":
		return "is not a time as RFC 3339 writes it, with seconds and offset"
	case "partial-date":
		return "is not a date"
	case "int64":
		return "is not a whole number of 64 bits"
	case "line":
		return "holds control characters"
	case "uuid":
		return "is not a UUID"
	}
	return "does not have the form that is wanted here"
}

func formatRemedy(rule map[string]any) string {
	switch rule["format"] {
	case "date-time":
		return "Write it as 2026-03-02T09:15:00Z or 2026-03-02T03:15:00-06:00."
	case "partial-date":
		return "Write it as 1980-02-11, 1980-02 or 1980."
	case "int64":
		return "Send digits without point and exponent."
	case "line":
		return "Remove line breaks and other control characters."
	case "uuid":
		return "Write it as 123e4567-e89b-12d3-a456-426614174000."
	}
	return ""
}

func bounds(rule map[string]any) string {
	low, high := rule["minimum"], rule["maximum"]
	switch {
	case low != nil && high != nil:
		return fmt.Sprintf("Send a number from %v to %v.", low, high)
	case low != nil:
		return fmt.Sprintf("Send a number not below %v.", low)
	}
	return fmt.Sprintf("Send a number not above %v.", high)
}

func typesOf(rule map[string]any) string {
	if one, ok := rule["type"].(string); ok {
		return article(one)
	}
	var out []string
	for _, t := range list(rule["type"]) {
		if t != "null" {
			out = append(out, article(t))
		}
	}
	return strings.Join(out, " or ")
}

func article(typ string) string {
	switch typ {
	case "array", "object":
		return "an " + typ
	case "integer":
		return "a whole number"
	case "null":
		return typ
	}
	return "a " + typ
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	}
	return "an object"
}

func words(rule map[string]any) string {
	var out []string
	out = append(out, list(rule["enum"])...)
	return strings.Join(out, ", ")
}

// list gives the strings of an array.
func list(v any) []string {
	var out []string
	items, _ := v.([]any)
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// tokens splits a location as jsonschema writes it: a JSON pointer whose tokens
// are escaped for URLs besides.
func tokens(location string) []string {
	if location == "" {
		return nil
	}
	out := strings.Split(strings.TrimPrefix(location, "/"), "/")
	for i, t := range out {
		if plain, err := url.PathUnescape(t); err == nil {
			t = plain
		}
		out[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return out
}

// follow gives the value under v that the tokens name, nil where there is none.
func follow(v any, where []string) any {
	for _, token := range where {
		switch in := v.(type) {
		case map[string]any:
			v = in[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// longestToken is how much of a field's name a pointer shows; what a sender made
// up may have any length.
const longestToken = 64

// pointer writes a JSON pointer into the event.
func pointer(where []string) string {
	var b strings.Builder
	b.WriteString("/data")
	for _, token := range where {
		if len(token) > longestToken {
			token = strings.ToValidUTF8(token[:longestToken], "") + "…"
		}
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1"))
	}
	return b.String()
}
