package resolver_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
)

// judged is a verdict of a steward.
func judged(id string, minute int, what events.Verdict, sets ...[]uuid.UUID) events.Envelope {
	return event("/ficha/desk", id, minute, events.IdentityJudgedV1, events.IdentityJudged{Sets: sets, Verdict: what, By: "ana"})
}

func takenBack(id string, minute int) events.Envelope {
	return event("/ficha/desk", "not-"+id, minute, events.IdentityJudgementWithdrawnV1,
		events.IdentityJudgementWithdrawn{Judgement: events.EventID{Source: "/ficha/desk", ID: id}})
}

func uuidOf(source, id string) uuid.UUID { return events.RecordKey{Source: source, ID: id}.UUID() }

// openPairs folds what waits for a person, as text: "a-b score reason".
func (h *hub) openPairs(t *testing.T) string {
	t.Helper()
	open, names := map[[2]uuid.UUID]events.IdentityLink{}, map[uuid.UUID]string{}
	for e, err := range h.log.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		var d events.IdentityResolved
		var r struct{ Record events.Record }
		switch e.Type {
		case events.CustomerRecordedV1:
			if err := json.Unmarshal(e.Data, &r); err != nil {
				t.Fatal(err)
			}
			names[r.Record.UUID()] = r.Record.ID
		case events.IdentityResolvedV1:
			if err := json.Unmarshal(e.Data, &d); err != nil {
				t.Fatal(err)
			}
			replace(d, open, d.Potential)
		}
	}
	var out []string
	for p, l := range open {
		pair := []string{names[p[0]], names[p[1]]}
		slices.Sort(pair)
		out = append(out, fmt.Sprintf("%s-%s %s %s", pair[0], pair[1], l.Rule, l.RefusedBy))
	}
	slices.Sort(out)
	return fmt.Sprint(out)
}

// tell appends events of the identity lane and waits for what comes of them.
func (h *hub) tell(t *testing.T, evs ...events.Envelope) {
	t.Helper()
	if _, err := h.log.Append(t.Context(), evs); err != nil {
		t.Fatal(err)
	}
	end, err := h.log.LaneEnd(t.Context(), events.LaneIdentity)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.r.WaitIdentity(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// TestWhatAPersonDecidedIsNotAskedAgain: a pair in the review band, one verdict
// after another.
func TestWhatAPersonDecidedIsNotAskedAgain(t *testing.T) {
	h := newHub(t)
	h.append(t, namesake("a", 1, "male", ""), namesake("b", 2, "female", ""))
	a, b := uuidOf("/s", "a"), uuidOf("/s", "b")
	if got := h.openPairs(t); got != "[a-b score ]" {
		t.Fatalf("open: %s; want the pair in the review band", got)
	}
	for i, step := range []struct {
		event events.Envelope
		open  string
		group string
	}{
		{judged("unsure", 3, events.VerdictUnsure, []uuid.UUID{a, b}), "[a-b score ]", "a b"},
		{judged("no", 4, events.VerdictDifferent, []uuid.UUID{a}, []uuid.UUID{b}), "[]", "a b"},
		{judged("yes", 5, events.VerdictSame, []uuid.UUID{a, b}), "[]", "a+b"},
		{takenBack("yes", 6), "[]", "a b"},
		{takenBack("no", 7), "[a-b score ]", "a b"},
	} {
		h.tell(t, step.event)
		if open, group := h.openPairs(t), groups(t, h.log); open != step.open || group != step.group {
			t.Errorf("after step %d: open %s, groups %s; want %s, %s", i+1, open, group, step.open, step.group)
		}
	}
}

// TestContradictionGoesToAPerson: A=B and B=C are newer than A≠C, which is left out;
// a newer A≠C would have left out the older of the two.
func TestContradictionGoesToAPerson(t *testing.T) {
	h := newHub(t)
	h.append(t, person("/s", "a", 1, "Ana", "Xol", "+50255000001", "1990-01-02"),
		person("/s", "b", 2, "Berta", "Caal", "+50255000002", "1991-02-03"), person("/s", "c", 3, "Carla", "Tzul", "+50255000003", "1992-03-04"))
	a, b, c := uuidOf("/s", "a"), uuidOf("/s", "b"), uuidOf("/s", "c")
	h.tell(t, judged("ac", 4, events.VerdictDifferent, []uuid.UUID{a}, []uuid.UUID{c}))
	h.tell(t, judged("ab", 5, events.VerdictSame, []uuid.UUID{a, b}))
	if open, group := h.openPairs(t), groups(t, h.log); open != "[]" || group != "a+b c" {
		t.Fatalf("open %s, groups %s; want no contradiction yet", open, group)
	}
	h.tell(t, judged("bc", 6, events.VerdictSame, []uuid.UUID{b, c}))
	if open, group := h.openPairs(t), groups(t, h.log); open != "[a-c verdict "+resolver.RefusedVerdictConflict+"]" || group != "a+b+c" {
		t.Fatalf("open %s, groups %s; want all three together and a≠c brought to a person", open, group)
	}
	h.tell(t, judged("ac2", 7, events.VerdictDifferent, []uuid.UUID{a}, []uuid.UUID{c}))
	if open, group := h.openPairs(t), groups(t, h.log); open != "[a-b verdict "+resolver.RefusedVerdictConflict+"]" || group != "a b+c" {
		t.Fatalf("open %s, groups %s; want a=b, the oldest of the three, left out and brought to a person", open, group)
	}
	h.tell(t, takenBack("bc", 8))
	if open, group := h.openPairs(t), groups(t, h.log); open != "[]" || group != "a+b c" {
		t.Fatalf("open %s, groups %s; want no contradiction any more", open, group)
	}
}

// TestDecidedPairsTakeNobodysPlace: a record has at most ten open matches; those that
// a person decided make room for the next.
func TestDecidedPairsTakeNobodysPlace(t *testing.T) {
	h := newHub(t)
	evs, rng := []events.Envelope{namesake("x", 1, "male", "")}, rand.New(rand.NewPCG(1, 1))
	for i := range 12 {
		evs = append(evs, namesake(fmt.Sprintf("n%02d", i), 2+i, "female", fmt.Sprintf("%013d", rng.Int64N(1e13))))
	}
	h.append(t, evs...)
	if got := strings.Count(h.openPairs(t), "-x"); got != 10 {
		t.Fatalf("%d pairs are open, want ten: %s", got, h.openPairs(t))
	}
	x := uuidOf("/s", "x")
	for i := range 12 {
		id := fmt.Sprintf("n%02d", i)
		h.tell(t, judged(id, 20+i, events.VerdictDifferent, []uuid.UUID{x}, []uuid.UUID{uuidOf("/s", id)}))
		if got, want := strings.Count(h.openPairs(t), "-x"), min(10, 11-i); got != want {
			t.Errorf("after %d verdicts %d pairs are open, want %d", i+1, got, want)
		}
	}
}

// namesake is one of several people of a rare name. Those of one sex would be taken
// for one but for their documents; two of different sex are a question for a person.
func namesake(id string, minute int, gender, document string) events.Envelope {
	c := events.CustomerRecorded{
		Record: events.Record{RecordKey: events.RecordKey{Source: "/s", ID: id}}, Kind: events.Person, Gender: gender,
		Names: []events.Name{{Given: "Concepción", Family: "Ixchop", Family2: "Barrientos"}},
	}
	if document != "" {
		c.Documents = []events.Document{{Kind: "dpi", Number: document, Country: "GT"}}
	}
	return event("/s", fmt.Sprintf("%s-%d", id, minute), minute, events.CustomerRecordedV1, c)
}

// TestDifferentSurvivesABridge: two that a person parted stay apart when a third
// record comes that is like both, when they are stated again, withdrawn and revived,
// and over a restart without the saved state; and the verdict's undo joins all three.
func TestDifferentSurvivesABridge(t *testing.T) {
	h := newHub(t)
	maria := func(source, id string, minute int) events.Envelope {
		return person(source, id, minute, "María José", "Núñez", "+50255123456", "1980-02-11")
	}
	apart := func(when string) {
		t.Helper()
		if got := groups(t, h.log); got != "a b+c" && got != "a+c b" {
			t.Errorf("%s: groups = %q; want a and b apart, c with one of them", when, got)
		}
	}
	a, b := uuidOf("/crm", "a"), uuidOf("/shop", "b")
	h.append(t, maria("/crm", "a", 1), maria("/shop", "b", 2))
	h.tell(t, judged("no", 3, events.VerdictDifferent, []uuid.UUID{a}, []uuid.UUID{b}))
	h.append(t, maria("/pbx", "c", 4))
	apart("bridged")
	h.append(t, maria("/crm", "a", 5), maria("/shop", "b", 6))
	apart("stated again")
	h.append(t, withdrawn("/shop", "b", 7))
	if got := groups(t, h.log); got != "a+c" {
		t.Errorf("withdrawn: groups = %q", got)
	}
	h.append(t, maria("/shop", "b", 8))
	apart("revived")
	h.r.Stop()
	h.state = resolvertest.NewMemory()
	h.start(t)
	h.settle(t)
	apart("restarted")
	if got := h.openPairs(t); got != "[]" {
		t.Errorf("open: %s; a person decided", got)
	}
	h.tell(t, takenBack("no", 9))
	if got := groups(t, h.log); got != "a+b+c" {
		t.Errorf("taken back: groups = %q", got)
	}
}
