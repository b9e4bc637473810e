package insight_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/insight"
	"ficha/projections/projectionstest"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(hours int) time.Time { return day0.Add(time.Duration(hours) * time.Hour) }

func stamp(hours int) string { return at(hours).Format(time.RFC3339) }

// object is the data of an event.
type object map[string]any

func event(t testing.TB, id string, typ events.Type, hours int, data object) events.Envelope {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return events.Envelope{ID: id, Source: "/x", SpecVersion: "1.0", Type: typ, Time: at(hours), Data: b}
}

func own(source, stream, id string) object {
	return object{"source": source, "stream": stream, "id": id}
}

func of(customer string) object { return object{"source": "/crm", "id": customer} }

func key(id string) events.RecordKey { return events.RecordKey{Source: "/crm", ID: id} }

func recordID(id string) uuid.UUID { return key(id).UUID() }

// customer states a record with a segment; "" clears it.
func customer(t testing.TB, name, id string, hours int, segment string) events.Envelope {
	data := object{"record": of(id), "kind": "person", "names": []object{{"full": "N " + id}}, "segment": segment}
	if segment == "" {
		data["segment"] = nil
	}
	return event(t, name, events.CustomerRecordedV1, hours, data)
}

func gone(t testing.TB, name, id string, hours int) events.Envelope {
	return event(t, name, events.CustomerWithdrawnV1, hours, object{"record": of(id), "reason": "deleted"})
}

// pinned says by hand which segment the customer of a record has; "" takes it back.
func pinned(t testing.TB, name, id string, hours int, segment string) events.Envelope {
	data, typ := object{"record": of(id), "attribute": "segment", "value": segment}, events.ValuePinnedV1
	if segment == "" {
		delete(data, "value")
		typ = events.ValueUnpinnedV1
	}
	return event(t, name, typ, hours, data)
}

// resolved makes customers of groups of records that were all stated before.
func resolved(t testing.TB, name string, hours int, groups ...[]string) events.Envelope {
	var all [][]object
	for _, g := range groups {
		var members []object
		for _, id := range g {
			members = append(members, object{"record": recordID(id), "position": 1})
		}
		all = append(all, members)
	}
	return event(t, name, events.IdentityResolvedV1, hours, object{"cause": 1, "model": "m", "engine": "e", "groups": all})
}

func call(t testing.TB, name, id string, said, started int, outcome string) events.Envelope {
	return event(t, name, events.InteractionRecordedV1, said, object{"record": own("/pbx", "call", id), "channel": "voice", "direction": "inbound",
		"started_at": stamp(started), "outcome": outcome})
}

func hungUp(t testing.TB, name, id string, said int) events.Envelope {
	return event(t, name, events.InteractionWithdrawnV1, said, object{"record": own("/pbx", "call", id)})
}

// answer states an answer to the survey "after-call"; whose "" is nobody's.
func answer(t testing.TB, name, id string, said, answered int, whose, kind string, members ...any) events.Envelope {
	data := object{"record": own("/survey", "answer", id), "survey": "after-call", "answered_at": stamp(answered), "kind": kind}
	if whose != "" {
		data["customer"] = of(whose)
	}
	for i := 0; i < len(members); i += 2 {
		data[members[i].(string)] = members[i+1]
	}
	return event(t, name, events.SurveyAnsweredV1, said, data)
}

func complaint(t testing.TB, name, id string, said int, status string, members ...any) events.Envelope {
	data := object{"record": own("/desk", "case", id), "kind": "complaint", "status": status}
	for i := 0; i < len(members); i += 2 {
		data[members[i].(string)] = members[i+1]
	}
	return event(t, name, events.CaseChangedV1, said, data)
}

func folds() []projections.Fold { return []projections.Fold{golden.New(), insight.New()} }

func folded(t testing.TB, evs ...events.Envelope) projections.Snapshot {
	t.Helper()
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), evs...)
	return view(t, store)
}

func view(t testing.TB, store projections.Store) projections.Snapshot {
	t.Helper()
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { snap.Close() })
	return snap
}

func content(t testing.TB, r projections.Reader) []string {
	t.Helper()
	lines, err := insight.Content(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// segmentNow says what golden has for a record; nothing for one never seen.
func segmentNow(t testing.TB, r projections.Reader) func(events.RecordKey) (string, error) {
	return func(k events.RecordKey) (string, error) {
		c, err := golden.Get(t.Context(), r, k.UUID())
		if errors.Is(err, events.ErrNotFound) || err == nil && c.Segment == nil {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return c.Segment.Value, nil
	}
}

// people are the customer records of random histories.
var people = []string{"a", "b", "c", "d"}

// statement draws an event that is no decision.
func statement(t testing.TB, rt *rapid.T, name string) events.Envelope {
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, what) }
	hours := func(what string) int { return rapid.IntRange(-40, 900).Draw(rt, what) }
	id, said := pick("id", "1", "2", "3", "4"), rapid.IntRange(0, 9).Draw(rt, "said")
	switch rapid.IntRange(0, 10).Draw(rt, "what") {
	case 0, 1:
		return customer(t, name, pick("who", people...), said, pick("segment", "", "mass", "premium"))
	case 2:
		return gone(t, name, pick("who", people...), said)
	case 3:
		return hungUp(t, name, id, said)
	case 4, 5:
		e := call(t, name, id, said, hours("started"), pick("outcome", "", "answered", "no_answer"))
		if rapid.Bool().Draw(rt, "re-pointed") {
			e.Data = json.RawMessage(`{"customer":{"source":"/crm","id":"` + pick("who", people...) + `"},` + string(e.Data[1:]))
		}
		return e
	case 8:
		return pinned(t, name, pick("who", people...), said, pick("pin", "", "gold", "mass"))
	case 6, 7:
		return drawAnswer(t, rt, name, id, said, hours("answered"))
	default:
		return drawCase(t, rt, name, id, said, hours)
	}
}

func drawAnswer(t testing.TB, rt *rapid.T, name, id string, said, answered int) events.Envelope {
	whose := rapid.SampledFrom(append([]string{"", "never seen"}, people...)).Draw(rt, "whose")
	kind := rapid.SampledFrom([]string{"nps", "nps", "csat", "other"}).Draw(rt, "kind")
	var members []any
	if score := rapid.SampledFrom([]float64{-1, 0, 1.005, 3, 6, 6.999, 7, 8, 9, 10, 11}).Draw(rt, "score"); score >= 0 {
		members = append(members, "score", score)
	}
	if rapid.IntRange(0, 2).Draw(rt, "scaled") == 0 {
		scale := object{"min": 1, "max": 5}
		if kind == "nps" {
			scale = object{"min": 0, "max": rapid.SampledFrom([]int{5, 10}).Draw(rt, "max")}
		}
		members = append(members, "scale", scale)
	}
	return answer(t, name, id, said, answered, whose, kind, members...)
}

func drawCase(t testing.TB, rt *rapid.T, name, id string, said int, hours func(string) int) events.Envelope {
	status := rapid.SampledFrom([]string{"open", "waiting", "resolved", "closed", "cancelled"}).Draw(rt, "status")
	members := []any{"kind", rapid.SampledFrom([]string{"complaint", "question"}).Draw(rt, "kind")}
	for _, m := range []string{"opened_at", "first_response_at", "resolved_at", "closed_at", "due_at", "expires_at"} {
		if rapid.Bool().Draw(rt, "has "+m) {
			at := at(hours(m)).Add(time.Duration(rapid.IntRange(0, 59).Draw(rt, "seconds")) * time.Second)
			members = append(members, m, at.Format(time.RFC3339))
		}
	}
	if rapid.Bool().Draw(rt, "escalated") {
		members = append(members, "escalated", true)
	}
	return complaint(t, name, id, said, status, members...)
}

// decision draws groups of all the records that were seen.
func decision(t testing.TB, rt *rapid.T, name string, seen []string) events.Envelope {
	groups := make([][]string, len(seen))
	for _, id := range seen {
		g := rapid.IntRange(0, len(seen)-1).Draw(rt, "group of "+id)
		groups[g] = append(groups[g], id)
	}
	return resolved(t, name, 9, slices.DeleteFunc(groups, func(g []string) bool { return len(g) == 0 })...)
}

// history draws a log with merges and splits.
func history(t testing.TB, rt *rapid.T, length int) []events.Envelope {
	var evs []events.Envelope
	var seen []string
	for i := range rapid.IntRange(1, length).Draw(rt, "length") {
		name := fmt.Sprintf("e%02d", i)
		if len(seen) > 0 && rapid.IntRange(0, 5).Draw(rt, "decide") == 0 {
			evs = append(evs, decision(t, rt, name, seen))
			continue
		}
		e := statement(t, rt, name)
		var said struct{ Record events.RecordKey }
		if err := json.Unmarshal(e.Data, &said); err != nil {
			t.Fatal(err)
		}
		if e.Type.Family() == "customer" && !slices.Contains(seen, said.Record.ID) {
			seen = append(seen, said.Record.ID)
		}
		evs = append(evs, e)
	}
	return evs
}
