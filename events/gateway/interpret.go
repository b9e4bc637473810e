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

// reading is what can be made out of an event that is refused.
type reading struct {
	source, id string // of the envelope; empty where they cannot be read
	typed      bool   // names contact.stated, or states a deny without a readable type
	deny       bool   // typed, and its choice is not exactly allow
	statement  events.ContactStated
}

// binds says whether it is a deny about somebody.
func (r reading) binds() bool {
	return r.deny && len(r.statement.Records)+len(r.statement.ContactPoints) > 0
}

// of names the event, nil where it cannot be named.
func (r reading) of() *events.EventID {
	if r.source == "" || r.id == "" {
		return nil
	}
	return &events.EventID{Source: r.source, ID: r.id}
}

// most is how many records, and how many contact points, a reading takes.
const most = 100

// interpret reads a tree of package strictjson, strict or lenient, as a deny as
// far as that goes.
func (g *Gateway) interpret(tree any, now time.Time) reading {
	top, ok := first(tree).(map[string]any)
	if !ok {
		return reading{}
	}
	var r reading
	r.source, _ = line(first(top["source"]), 256)
	r.id, _ = line(first(top["id"]), 256)
	data := objects(top["data"])
	if len(data) == 0 {
		data = []map[string]any{top} // somebody left the envelope's inner level out
	}
	r.typed, r.deny = g.looksLikeDeny(top, data)
	if !r.deny {
		return r
	}
	r.statement = events.ContactStated{Choice: events.Deny, StatedAt: statedAt(data, now), Scope: cleanScope(data), Via: cleanVia(data)}
	for _, d := range data {
		r.statement.Records = append(r.statement.Records, recordsIn(d, r.source)...)
		r.statement.ContactPoints = append(r.statement.ContactPoints, pointsIn(d)...)
	}
	r.statement.Records = distinct(r.statement.Records, events.RecordKey.Compare)
	r.statement.ContactPoints = distinct(r.statement.ContactPoints, func(a, b events.ContactPoint) int {
		return strings.Compare(a.Phone+"\x00"+a.Email+"\x00"+a.Network+"\x00"+a.Handle, b.Phone+"\x00"+b.Email+"\x00"+b.Network+"\x00"+b.Handle)
	})
	return r
}

func distinct[T any](items []T, compare func(a, b T) int) []T {
	slices.SortFunc(items, compare)
	items = slices.CompactFunc(items, func(a, b T) bool { return compare(a, b) == 0 })
	return items[:min(len(items), most)]
}

// looksLikeDeny: an event of a contact.stated type is a deny unless its choice
// is exactly allow; one of no type that the hub knows is a deny only where its
// choice says so.
func (g *Gateway) looksLikeDeny(top map[string]any, data []map[string]any) (typed, deny bool) {
	var choices []any
	for _, d := range data {
		choices = append(choices, each(d["choice"])...)
	}
	allAllow := len(choices) > 0 && !slices.ContainsFunc(choices, func(v any) bool { return v != string(events.Allow) })
	saysDeny := slices.ContainsFunc(choices, func(v any) bool {
		s, _ := v.(string)
		return strings.EqualFold(strings.TrimSpace(s), string(events.Deny))
	})
	known := false
	for _, v := range each(top["type"]) {
		s, _ := v.(string)
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(s)), "contact.stated") {
			return true, !allAllow
		}
		known = known || g.cfg.Schemas.Knows(s)
	}
	return saysDeny && !known, saysDeny && !known
}

// first is the first of several values of one name.
func first(v any) any {
	if many, ok := v.(strictjson.Many); ok && len(many) > 0 {
		return many[0]
	}
	return v
}

// each gives all values of one name, none for a name that is not there.
func each(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case strictjson.Many:
		return v
	}
	return []any{v}
}

// objects gives the objects among the values of one name. A text that holds an
// object is one too: encoding the data twice is a common mistake.
func objects(v any) []map[string]any {
	var out []map[string]any
	for _, v := range each(v) {
		if s, ok := v.(string); ok && strings.HasPrefix(strings.TrimSpace(s), "{") {
			v, _ = strictjson.Lenient([]byte(s), strictjson.Limits{})
		}
		if object, ok := v.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

// line gives a text that is not empty, has no control characters and at most
// longest characters.
func line(v any, longest int) (string, bool) {
	s, ok := v.(string)
	if n, isNumber := v.(json.Number); isNumber {
		s, ok = string(n), true
	}
	if !ok || s == "" || utf8.RuneCountInString(s) > longest || strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsRune(s, utf8.RuneError) {
		return "", false
	}
	return s, true
}

// statedAt is when the deny says that it was made, where that can be read and is
// not after now; else now.
func statedAt(data []map[string]any, now time.Time) string {
	for _, d := range data {
		s, _ := d["stated_at"].(string)
		var t time.Time
		if t.UnmarshalText([]byte(s)) == nil && !t.After(now) && t.UTC().Year() >= 1900 {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return now.UTC().Format(time.RFC3339Nano)
}

// cleanScope takes each dimension that is a clean list of codes; any other is
// left empty, which means all of it.
func cleanScope(data []map[string]any) events.Scope {
	if len(data) != 1 {
		return events.Scope{}
	}
	scope, ok := data[0]["scope"].(map[string]any)
	if !ok {
		return events.Scope{}
	}
	codes := func(name string) []string {
		items, _ := scope[name].([]any)
		var out []string
		for _, item := range items {
			text, isText := item.(string)
			code, ok := line(text, 100)
			if !isText || !ok || len(items) > 100 {
				return nil
			}
			out = append(out, code)
		}
		return out
	}
	return events.Scope{Channels: codes("channels"), Purposes: codes("purposes"), Products: codes("products"), Brands: codes("brands"), Topics: codes("topics")}
}

func cleanVia(data []map[string]any) events.Via {
	via, _ := first(data[0]["via"]).(map[string]any)
	var out events.Via
	out.Channel, _ = line(via["channel"], 100)
	out.System, _ = line(via["system"], 256)
	out.Agent, _ = line(via["agent"], 256)
	return out
}

// recordsIn gives the records that data names, in the fields where they belong
// or could have been put. A record without source is the sender's own.
func recordsIn(data map[string]any, sender string) []events.RecordKey {
	var out []events.RecordKey
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case strictjson.Many:
			walk([]any(v))
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			source, ok := line(first(v["source"]), 256)
			if !ok {
				source = sender
			}
			stream, _ := line(first(v["stream"]), 256)
			if id, ok := line(first(v["id"]), 256); ok && source != "" {
				out = append(out, events.RecordKey{Source: source, Stream: stream, ID: id})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		switch plainName(name) {
		case "records", "record", "customers", "customer":
			walk(data[name])
		}
	}
	return out
}

// plainName is a field's name without case, underscores and hyphens.
func plainName(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}
