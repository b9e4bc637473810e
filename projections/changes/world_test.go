package changes_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/changes"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(hours int) time.Time { return day0.Add(time.Duration(hours) * time.Hour) }

func key(id string) events.RecordKey {
	return events.RecordKey{Source: "/crm", Stream: "customer", ID: id}
}

func id(record string) uuid.UUID { return key(record).UUID() }

func folds() []projections.Fold {
	return []projections.Fold{golden.New(), changes.New(), contact.NewFold()}
}

// world says what happens, and remembers who is grouped with whom.
type world struct {
	n      int
	groups [][]string // of records seen so far
	folios []string   // of statements so far
	lost   []string   // records that lost a merge at their source
	evs    []events.Envelope
}

// say appends an event.
func (x *world) say(typ events.Type, hour int, data any) events.Envelope {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err) // the tests' own shapes
	}
	x.n++
	e := events.Envelope{ID: fmt.Sprintf("e%05d", x.n), Source: "/crm", SpecVersion: "1.0", Type: typ, Time: at(hour), RecordedTime: at(1000).Add(time.Duration(x.n) * time.Second), Data: b}
	x.evs = append(x.evs, e)
	return e
}

type object = map[string]any

func (x *world) recorded(id string, hour int, members object) {
	x.see(id)
	data := object{"record": key(id), "kind": "person"}
	for k, v := range members {
		data[k] = v
	}
	x.say(events.CustomerRecordedV1, hour, data)
}

func (x *world) withdrawn(id string, hour int) {
	x.see(id)
	x.say(events.CustomerWithdrawnV1, hour, object{"record": key(id), "reason": "deleted"})
}

func (x *world) see(r string) {
	if !slices.ContainsFunc(x.groups, func(g []string) bool { return slices.Contains(g, r) }) {
		x.groups = append(x.groups, []string{r})
	}
}

// resolved decides that these are groups; every group that they touch has to be named whole.
func (x *world) resolved(groups ...[]string) {
	p := events.IdentityResolved{Model: "m", Engine: "e", Cause: events.Position(x.n)}
	for _, g := range groups {
		var members events.IdentityGroup
		for _, r := range g {
			members = append(members, events.GroupMember{Record: id(r)})
		}
		p.Groups = append(p.Groups, members)
	}
	x.say(events.IdentityResolvedV1, 0, p)
	named := slices.Concat(groups...)
	x.groups = slices.DeleteFunc(x.groups, func(g []string) bool { return slices.Contains(named, g[0]) })
	x.groups = append(x.groups, groups...)
}

func (x *world) stated(choice events.Choice, records []string, points ...events.ContactPoint) string {
	p := events.ContactStated{Choice: choice, ContactPoints: points, StatedAt: at(900 + x.n).Format(time.RFC3339)}
	for _, r := range records {
		p.Records = append(p.Records, key(r))
	}
	e := x.say(events.ContactStatedV1, 900, p)
	f := events.StatementID(e.Source, e.ID)
	x.folios = append(x.folios, f)
	return f
}

func (x *world) takenBack(folio string) {
	x.say(events.ContactStatementWithdrawnV1, 950, events.ContactStatementWithdrawn{Statement: folio})
}

func (x *world) mergedAtSource(survivor string, losers ...string) {
	p := events.CustomerMergedAtSource{Survivor: key(survivor)}
	for _, l := range losers {
		p.Losers = append(p.Losers, key(l))
	}
	x.say(events.CustomerMergedAtSourceV1, x.n, p)
}

// names are the records that random histories are about; the last ones are never stated themselves.
var names = []string{"1", "2", "3", "4", "5", "6"}

var ghosts = []string{"7", "8", "9"}

func (x *world) draw(t *rapid.T) {
	record := func() string { return rapid.SampledFrom(names).Draw(t, "record") }
	switch what := rapid.IntRange(0, 19).Draw(t, "what"); {
	case what < 5:
		x.recorded(record(), rapid.IntRange(0, 8).Draw(t, "hour"), drawMembers(t))
	case what == 5:
		x.say(events.ValuePinnedV1, rapid.IntRange(0, 8).Draw(t, "hour"), events.ValuePinned{Record: key(record()), Attribute: "phones", Value: json.RawMessage(`{"value":"+50255123456"}`), By: "s"})
	case what == 6:
		x.withdrawn(record(), rapid.IntRange(0, 8).Draw(t, "hour"))
	case what < 13:
		x.drawDecision(t)
	case what == 13:
		x.drawSourceMerge(t)
	case what < 17:
		x.drawStatement(t)
	case what == 17 && len(x.folios) > 0:
		x.takenBack(rapid.SampledFrom(x.folios).Draw(t, "folio"))
	case what == 18 && len(x.folios) > 0:
		x.say(events.ContactHoldConfirmedV1, 960, events.ContactHoldConfirmed{Statement: rapid.SampledFrom(x.folios).Draw(t, "folio"), Records: []uuid.UUID{id(record())}})
	case what == 19:
		x.say(events.CustomerRestrictedV1, 0, object{"record": key(record()), "restriction": "blocked"})
	}
}

// drawSourceMerge has a source join records. A record that lost before only loses
// to one that was seen: else the id would lead nowhere, as golden has it.
func (x *world) drawSourceMerge(t *rapid.T) {
	loser := rapid.SampledFrom(slices.Concat(ghosts, names[:2])).Draw(t, "loser")
	survivors := slices.Concat(names, ghosts)
	if slices.Contains(x.lost, loser) {
		survivors = slices.Concat(x.groups...)
	}
	if len(survivors) == 0 {
		return
	}
	x.lost = append(x.lost, loser)
	x.mergedAtSource(rapid.SampledFrom(survivors).Draw(t, "survivor"), loser)
}

func (x *world) drawStatement(t *rapid.T) {
	choice := rapid.SampledFrom([]events.Choice{events.Deny, events.Deny, events.Allow}).Draw(t, "choice")
	var records []string
	var points []events.ContactPoint
	if rapid.Bool().Draw(t, "on records") {
		records = append(records, rapid.SampledFrom(names).Draw(t, "of"))
	}
	if len(records) == 0 || rapid.Bool().Draw(t, "on points") {
		points = append(points, rapid.SampledFrom([]events.ContactPoint{
			{Phone: "+50255123456"}, {Phone: "55123456"}, {Email: "mj@example.com"}, {Handle: "pepa", Network: "x"},
			{Address: &events.Address{Lines: []string{"4a Avenida 12-34"}}},
		}).Draw(t, "point"))
	}
	x.stated(choice, records, points...)
}

// drawDecision deals the records of some groups out anew.
func (x *world) drawDecision(t *rapid.T) {
	if len(x.groups) == 0 {
		return
	}
	groups := rapid.Permutation(x.groups).Draw(t, "groups")
	touched := groups[:rapid.IntRange(1, len(groups)).Draw(t, "touched")]
	records := rapid.Permutation(slices.Concat(touched...)).Draw(t, "dealt")
	var fresh [][]string
	for len(records) > 0 {
		k := rapid.IntRange(1, len(records)).Draw(t, "size")
		fresh, records = append(fresh, records[:k:k]), records[k:]
	}
	x.resolved(fresh...)
}

func drawMembers(t *rapid.T) object {
	m := object{}
	maybe := func(field string, values ...any) {
		if i := rapid.IntRange(-1, len(values)-1).Draw(t, field); i >= 0 {
			m[field] = values[i]
		}
	}
	list := func(one object) []object { return []object{one} }
	maybe("mode", "full", "patch")
	maybe("names", list(object{"given": "María José", "family": "Núñez"}), list(object{"full": `Pepa "La" Núñez \ {[`}))
	maybe("birth_date", "1980-02-11", "1980", nil)
	maybe("phones", list(object{"value": "+502 5512 3456"}), list(object{"value": "5512-3456"}), list(object{"value": "+52 55 1234 5678"}), []object{})
	maybe("emails", list(object{"value": "MJ@example.com"}), nil)
	maybe("handles", list(object{"handle": "@Pepa", "network": "x"}))
	maybe("addresses", list(object{"lines": []string{"4a Avenida 12-34"}}))
	maybe("tier", "gold", nil)
	maybe("attributes", object{"a": 1}, object{"b": "}"})
	return m
}

func drawWorld(t *rapid.T, most int) *world {
	x := &world{}
	for range rapid.IntRange(1, most).Draw(t, "length") {
		x.draw(t)
	}
	return x
}

// fold folds events; what a fold refuses is left out, as it is by a runner.
func fold(t testing.TB, store projections.Store, evs ...events.Envelope) {
	t.Helper()
	if len(evs) > 0 {
		projectionstest.TryFold(t, store, folds(), evs...)
	}
}

func snapshot(t testing.TB, store projections.Store) projections.Snapshot {
	t.Helper()
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { snap.Close() })
	return snap
}

// feed reads all changes behind an id.
func feed(t testing.TB, r projections.Reader, after changes.ID) []changes.Change {
	t.Helper()
	entries, err := changes.After(t.Context(), r, after, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]changes.Change, len(entries))
	for i, e := range entries {
		if out[i], err = e.Decode(); err != nil {
			t.Fatal(err)
		}
		if out[i].ID != e.ID || out[i].Position != e.ID.Position {
			t.Fatalf("change %s says that it is %s of %d", e.ID, out[i].ID, out[i].Position)
		}
		if kind, err := e.Kind(); err != nil || kind != out[i].Kind {
			t.Fatalf("change %s is %s, read fast %s: %v", e.ID, out[i].Kind, kind, err)
		}
	}
	return out
}
