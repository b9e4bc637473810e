package main

import (
	"testing"

	"github.com/google/uuid"

	"ficha/events"
)

// twins are two records of one person in two systems, with another telephone each.
type twins struct{ here, there person }

// recordThere records the second one and waits until they are one customer.
func (w twins) recordThere(t *testing.T, h *hubProcess, id string) {
	t.Helper()
	mustSubmit(t, h.Client, withDocument(w.there, id))
	h.settled(t)
	here, err := customerOf(t.Context(), h.Client, w.here.key)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := customerOf(t.Context(), h.Client, w.there.key); err != nil || there != here {
		t.Fatalf("the two records are customers %s and %s, %v; the story needs one", here, there, err)
	}
}

// withDocument states the person's record with the identity card that both twins have.
func withDocument(p person, id string) events.Envelope {
	return made(p.key.Source, id, events.CustomerRecordedV1, events.CustomerRecorded{
		Record: events.Record{RecordKey: p.key}, Kind: events.Person,
		Names:     []events.Name{{Given: p.given, Family: p.names[0], Family2: p.names[1]}},
		BirthDate: p.born, Phones: []events.Phone{{Value: p.phone}}, Documents: []events.Document{{Kind: "passport", Number: "X" + p.born[:4] + p.born[5:7] + p.born[8:], Country: "GT"}},
	})
}

// TestStoryDenyFollowsThePerson: what somebody said at one counter holds at all
// others. The deny names one record; the telephone that is asked about is only
// on the person's other record, which comes before the deny or after it. Nothing
// that becomes of the two records later opens the door again.
func TestStoryDenyFollowsThePerson(t *testing.T) {
	rng, data := seeded(t), t.TempDir()
	var pairs [2]twins
	for i, p := range people(rng, "/crm/bank", 52_000_000, 2) {
		pairs[i].here, pairs[i].there = p, p
		pairs[i].there.key.Source, pairs[i].there.phone = "/shop", p.phone[:4]+"7"+p.phone[5:]
	}
	first, second := pairs[0], pairs[1]
	otherPhone := func(w twins) check { return marketingCall("phone", rewritten(w.there.phone, 0)) }
	h := serveProcess(t, data)

	// The deny comes first; the other record is found to be the same person's later.
	mustSubmit(t, h.Client, withDocument(first.here, "1"), denyOfRecord("/crm/bank", "no-1", first.here.key))
	if a := askOne(t, h.Client, marketingCall("record", first.here.key)); !a.deniesFor("person_denied") {
		t.Fatalf("%s for %v at the record itself", a.Decision, a.codes())
	}
	h.settled(t)
	if a := askOne(t, h.Client, otherPhone(first)); !a.allows() {
		t.Fatalf("a number that nobody is known to hold: deny for %v", a.codes())
	}
	first.recordThere(t, h, "1")

	// The two are one customer already; the very next question must know.
	mustSubmit(t, h.Client, withDocument(second.here, "2"))
	second.recordThere(t, h, "2")
	if a := askOne(t, h.Client, otherPhone(second)); !a.allows() {
		t.Fatalf("denied before anything was said: %v", a.codes())
	}
	mustSubmit(t, h.Client, denyOfRecord("/crm/bank", "no-2", second.here.key))

	stays := func(when, code string) {
		t.Helper()
		for i, w := range pairs {
			if a := askOne(t, h.Client, otherPhone(w)); !a.deniesFor(code) {
				t.Errorf("%s, pair %d: %s for %v, want %s", when, i, a.Decision, a.codes(), code)
			}
		}
	}
	stays("matched", "person_denied")
	h.kill()
	h = serveProcess(t, data)
	stays("after a kill", "person_denied")
	h.stop(t)
	h = serveProcess(t, data)
	stays("after a restart", "person_denied")
	for i, w := range pairs {
		part(t, h, w, string(rune('a'+i)))
	}
	stays("parted by a steward", "stated_on_linked_record")
	mustSubmit(t, h.Client, made("/shop", "gone", events.CustomerWithdrawnV1, events.CustomerWithdrawn{
		Record: events.Record{RecordKey: first.here.key}, Reason: "deleted"}))
	h.settled(t)
	stays("its record deleted at the source", "stated_on_linked_record")
}

// part is a steward's verdict that the two records are different persons.
func part(t *testing.T, h *hubProcess, w twins, id string) {
	t.Helper()
	mustSubmit(t, h.Client, made("/stewards", id, events.IdentityJudgedV1, events.IdentityJudged{
		Sets: [][]uuid.UUID{{w.here.key.UUID()}, {w.there.key.UUID()}}, Verdict: events.VerdictDifferent, By: "steward", Reason: "twins",
	}))
	h.settled(t)
	here, err := customerOf(t.Context(), h.Client, w.here.key)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := customerOf(t.Context(), h.Client, w.there.key); err != nil || there == here {
		t.Fatalf("still one customer after the verdict: %s, %v", there, err)
	}
}
