package golden_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(hours int) time.Time { return day0.Add(time.Duration(hours) * time.Hour) }

// key gives the key of record id of the CRM.
func key(id string) events.RecordKey {
	return events.RecordKey{Source: "/crm", Stream: "customer", ID: id}
}

func id(record string) uuid.UUID { return key(record).UUID() }

// serial makes event ids.
type serial int

func (n *serial) next() string {
	*n++
	return fmt.Sprintf("e%04d", int(*n))
}

// recorded builds a statement about record id out of JSON members.
func (n *serial) recorded(id string, t time.Time, members string) events.Envelope {
	if members != "" {
		members = "," + members
	}
	return events.Envelope{ID: n.next(), Source: "/crm", SpecVersion: "1.0", Type: events.CustomerRecordedV1, Time: t,
		Data: json.RawMessage(fmt.Sprintf(`{"record":{"source":"/crm","id":%q},"kind":"person"%s}`, id, members))}
}

func (n *serial) withdrawn(id string, t time.Time) events.Envelope {
	return events.Envelope{ID: n.next(), Source: "/crm", SpecVersion: "1.0", Type: events.CustomerWithdrawnV1, Time: t,
		Data: json.RawMessage(fmt.Sprintf(`{"record":{"source":"/crm","id":%q},"reason":"deleted"}`, id))}
}

// resolved builds a decision: groups of record ids, and further members.
func (n *serial) resolved(t time.Time, more events.IdentityResolved, groups ...[]string) events.Envelope {
	more.Model, more.Engine = "m1", "e1"
	for _, g := range groups {
		var members events.IdentityGroup
		for _, r := range g {
			members = append(members, events.GroupMember{Record: id(r)})
		}
		more.Groups = append(more.Groups, members)
	}
	data, err := json.Marshal(more)
	if err != nil {
		panic(err)
	}
	return events.Envelope{ID: n.next(), Source: "/ficha/resolver", SpecVersion: "1.0", Type: events.IdentityResolvedV1, Time: t, Data: data}
}

func folds() []projections.Fold { return []projections.Fold{golden.New()} }

// folded folds events into a fresh store and gives a snapshot of it.
func folded(t testing.TB, evs ...events.Envelope) projections.Snapshot {
	t.Helper()
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), evs...)
	return snapshot(t, store)
}

func snapshot(t testing.TB, store projections.Store) projections.Snapshot {
	t.Helper()
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("open snapshot: %v", err)
	}
	t.Cleanup(func() { snap.Close() })
	return snap
}

func get(t testing.TB, r projections.Reader, record string) golden.Customer {
	t.Helper()
	c, err := golden.Get(t.Context(), r, id(record))
	if err != nil {
		t.Fatalf("get customer of %s: %v", record, err)
	}
	return c
}

// history draws statements about few records, and decisions that are closed.
type history struct {
	serial serial
	groups [][]string // of records seen so far
	evs    []events.Envelope
}

func drawHistory(t *rapid.T) *history {
	h := &history{}
	for range rapid.IntRange(1, 25).Draw(t, "length") {
		switch what := rapid.IntRange(0, 11).Draw(t, "what"); {
		case what >= 10:
			h.evs = append(h.evs, h.serial.drawPin(t))
		case what >= 7 && len(h.groups) > 0:
			h.decide(t)
		case what == 6:
			r := drawRecord(t)
			h.see(r)
			h.evs = append(h.evs, h.serial.withdrawn(r, drawTime(t)))
		default:
			r := drawRecord(t)
			h.see(r)
			h.evs = append(h.evs, h.serial.recorded(r, drawTime(t), drawMembers(t)))
		}
	}
	return h
}

// drawPin pins a value, or takes back what was pinned, on a record that may never
// have been seen.
func (n *serial) drawPin(t *rapid.T) events.Envelope {
	r, when := drawRecord(t), drawTime(t)
	values := map[string][]string{
		"names":      {`{"given":"Josefa","family":"Núñez"}`, `{"given":"maria jose","family":"nunez","use":"old"}`},
		"birth_date": {`"1980-02-12"`, `"1980"`}, "gender": {`"other"`}, "vip": {`false`, `true`}, "tier": {`"gold"`},
		"phones":    {`{"value":"+502 5512 3456","use":"work"}`, `{"value":"5599 1234"}`, `{"value":"+52 1 55 1234 5678"}`},
		"emails":    {`{"value":"Mj@Gmail.com"}`, `{"value":"mj@example.com"}`},
		"documents": {`{"kind":"dpi","number":"2365487100101","country":"GT"}`, `{"kind":"other","number":"x 1"}`},
		"addresses": {`{"street":"4a Avenida","number":"12-34","locality":"Guatemala","country":"GT"}`, `{"locality":"Xela"}`},
		"handles":   {`{"handle":"pepa2","network":"x"}`, `{"handle":"PEPA","network":"x"}`}, "preferences": {`{"a":{"channel":"voice"}}`},
		"attributes.a": {`1`, `"z"`}, "attributes.c": {`[1,2]`}, "organization": {`"Acme"`}, "language": {`"es"`},
	}
	attribute := "birth_date" // often the same one, so that pins meet
	if rapid.Bool().Draw(t, "any") {
		attribute = rapid.SampledFrom(slices.Sorted(maps.Keys(values))).Draw(t, "attribute")
	}
	if rapid.IntRange(0, 3).Draw(t, "unpin") == 0 {
		return n.unpinned(r, when, attribute)
	}
	return n.pinned(r, when, attribute, rapid.SampledFrom(values[attribute]).Draw(t, "pinned"))
}

func (n *serial) pinned(record string, t time.Time, attribute, value string) events.Envelope {
	return events.Envelope{ID: n.next(), Source: "/ficha/desk", SpecVersion: "1.0", Type: events.ValuePinnedV1, Time: t,
		Data: json.RawMessage(fmt.Sprintf(`{"record":{"source":"/crm","id":%q},"attribute":%q,"value":%s,"by":"rosa","reason":"seen the card"}`, record, attribute, value))}
}

func (n *serial) unpinned(record string, t time.Time, attribute string) events.Envelope {
	return events.Envelope{ID: n.next(), Source: "/ficha/desk", SpecVersion: "1.0", Type: events.ValueUnpinnedV1, Time: t,
		Data: json.RawMessage(fmt.Sprintf(`{"record":{"source":"/crm","id":%q},"attribute":%q,"by":"rosa"}`, record, attribute))}
}

// numbered gives each event its own recorded time, in order.
func numbered(evs []events.Envelope) []events.Envelope {
	for i := range evs {
		evs[i].RecordedTime = at(100).Add(time.Duration(i) * time.Second)
	}
	return evs
}

func drawRecord(t *rapid.T) string {
	return rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(t, "record")
}

func drawTime(t *rapid.T) time.Time { return at(rapid.IntRange(0, 8).Draw(t, "hour")) }

func (h *history) see(r string) {
	if !slices.ContainsFunc(h.groups, func(g []string) bool { return slices.Contains(g, r) }) {
		h.groups = append(h.groups, []string{r})
	}
}

// decide deals the records of some groups out anew.
func (h *history) decide(t *rapid.T) {
	h.groups = rapid.Permutation(h.groups).Draw(t, "groups")
	n := rapid.IntRange(1, len(h.groups)).Draw(t, "touched")
	records := rapid.Permutation(slices.Concat(h.groups[:n]...)).Draw(t, "records")
	var fresh [][]string
	for len(records) > 0 {
		k := rapid.IntRange(1, len(records)).Draw(t, "size")
		fresh, records = append(fresh, records[:k]), records[k:]
	}
	h.groups = append(fresh, h.groups[n:]...)
	var more events.IdentityResolved
	for _, g := range fresh {
		for i := range g[1:] {
			more.Links = append(more.Links, events.IdentityLink{A: id(g[i]), B: id(g[i+1]), Weight: 9000, Rule: "score"})
		}
	}
	if len(fresh) > 1 {
		more.Potential = append(more.Potential, events.IdentityLink{A: id(fresh[0][0]), B: id(fresh[1][0]), Weight: 500})
	}
	h.evs = append(h.evs, h.serial.resolved(drawTime(t), more, fresh...))
}

// final gives a decision that states all groups as they are now.
func (h *history) final() events.Envelope {
	return h.serial.resolved(at(99), events.IdentityResolved{}, h.groups...)
}

func drawMembers(t *rapid.T) string {
	members := ""
	maybe := func(field string, values ...string) {
		if i := rapid.IntRange(-1, len(values)-1).Draw(t, field); i >= 0 {
			members += fmt.Sprintf("%q:%s,", field, values[i])
		}
	}
	maybe("mode", `"full"`, `"patch"`)
	maybe("names", `[{"given":"María José","family":"Núñez"}]`, `[{"given":"MARIA JOSE","family":"NUNEZ"}]`,
		`[{"full":"Pepa Núñez","use":"nickname"},{"given":"María","family":"Núñez","family2":"García"}]`, `null`)
	maybe("birth_date", `"1980-02-11"`, `"1980"`, `"1900-01-01"`, `"1980-11-02"`, `null`)
	maybe("gender", `"female"`, `"unknown"`)
	maybe("phones", `[{"value":"+502 5512 3456"}]`, `[{"value":"5512-3456","use":"home"}]`, `[{"value":"5599 1234","region":"GT"},{"value":"+521 55 1234 5678"}]`,
		`[{"value":"+52 55 1234 5678","extension":"3"}]`, `[]`, `null`)
	maybe("emails", `[{"value":"MJ@example.com","verified":true}]`, `[{"value":"mj@example.com"},{"value":"m.j@gmail.com"}]`, `[{"value":"mj+x@gmail.com"}]`, `null`)
	maybe("documents", `[{"kind":"dpi","number":"2365 48710 0101","country":"GT"}]`, `[{"kind":"dpi","number":"2365487100102","country":"GT"},{"kind":"passport","number":"AB12345"}]`)
	maybe("addresses", `[{"street":"4a Avenida","number":"12-34","locality":"Guatemala","country":"GT"}]`, `[{"lines":["4a Avenida 12-34"]},{"locality":"Cobán"}]`)
	maybe("handles", `[{"handle":"@Pepa","network":"x"}]`, `[{"handle":"pepa","network":"twitter"}]`)
	maybe("nationality", `"GT"`, `"MX"`)
	maybe("tier", `"gold"`, `"blue"`, `null`)
	maybe("segment", `"retail"`)
	maybe("vip", `true`, `false`)
	maybe("preferences", `{"a":1}`, `{"a":2}`)
	maybe("tags", `["x","y"]`, `["y","z"]`, `null`)
	maybe("relations", `[{"kind":"household","record":{"source":"/crm","id":"9"}}]`)
	maybe("attributes", `{"a":1}`, `{"a":null,"b":"x"}`, `null`)
	maybe("organization", `"Acme, S.A."`)
	if members == "" {
		return ""
	}
	return members[:len(members)-1]
}
