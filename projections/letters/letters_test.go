package letters_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/letters"
	"ficha/projections/projectionstest"
)

var folds = []projections.Fold{letters.Fold{}}

func settling(source string, t events.Type, letter, reason string) events.Envelope {
	data, err := json.Marshal(events.DeadLetterSettled{Letter: letter, By: "op", Reason: reason})
	if err != nil {
		panic(err) // a struct of texts
	}
	return events.Envelope{
		ID: string(t) + letter + reason + source, Source: source, SpecVersion: "1.0", Type: t,
		Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Data: data,
	}
}

func TestSettledLetters(t *testing.T) {
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds,
		settling(letters.Source, events.DeadLetterDiscardedV1, "inbox-1", "spam"),
		settling(letters.Source, events.DeadLetterDiscardedV1, "inbox-2", "by mistake"),
		settling(letters.Source, events.DeadLetterRetriedV1, "inbox-2", ""),
		settling(letters.Source, events.DeadLetterRetriedV1, "inbox-3", ""),
		settling(letters.Source, events.DeadLetterDiscardedV1, "inbox-3", "too late"),
		settling(letters.Source, events.DeadLetterDiscardedV1, "fold-golden-7", "known"),
		settling("/crm/bank", events.DeadLetterDiscardedV1, "inbox-4", "not the hub's to say"),
		settling("/ficha/desk", events.DeadLetterDiscardedV1, "inbox-5", "nor the desk's"),
	)
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for id, want := range map[string]letters.Action{
		"inbox-1": letters.Discarded, "inbox-2": letters.Retried, "inbox-3": letters.Retried,
		"fold-golden-7": letters.Discarded, "inbox-4": "", "inbox-5": "", "fold-golden-8": "",
	} {
		name, err := letters.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		s, ok, err := letters.Find(t.Context(), snap, name)
		if err != nil || ok != (want != "") || s.Action != want {
			t.Errorf("%s: %+v, %v, %v; want %q", id, s, ok, err, want)
		}
	}
	for k, want := range map[letters.Kind]uint64{letters.Inbox: 3, letters.Folded: 1} {
		if n, err := letters.CountSettled(t.Context(), snap, k); n != want || err != nil {
			t.Errorf("%s: %d settled, %v; want %d", k, n, err, want)
		}
	}
}

func TestAnIDThatIsNoneIsRefused(t *testing.T) {
	store := projectionstest.NewMemory()
	_, refused := projectionstest.TryFold(t, store, folds, settling(letters.Source, events.DeadLetterRetriedV1, "inbox-01", ""))
	if len(refused) != 1 || !errors.Is(refused[0].Err, events.ErrInvalid) {
		t.Errorf("refused: %+v", refused)
	}
}

func TestNames(t *testing.T) {
	for _, n := range []letters.Name{letters.OfInbox(1), letters.OfInbox(1 << 63), letters.OfFold("golden", 12), letters.OfFold("a-b", 3)} {
		if got, err := letters.Parse(n.String()); got != n || err != nil {
			t.Errorf("%s: %+v, %v", n, got, err)
		}
	}
	for _, id := range []string{"", "inbox", "inbox-", "inbox-0", "inbox-01", "inbox--1", "inbox-1-2", "fold-1", "fold--1", "fold-golden-0", "fold-golden-x", "other-1", "Inbox-1", "inbox-18446744073709551616"} {
		if n, err := letters.Parse(id); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%q: %+v, %v", id, n, err)
		}
	}
}

// TestContentDoesNotDependOnArrival: retried and discarded in any order, said any
// number of times, give the same content and counts.
func TestContentDoesNotDependOnArrival(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var evs []events.Envelope
		for i := range rapid.IntRange(1, 12).Draw(rt, "events") {
			typ := rapid.SampledFrom([]events.Type{events.DeadLetterRetriedV1, events.DeadLetterDiscardedV1}).Draw(rt, "type")
			letter := rapid.SampledFrom([]string{"inbox-1", "inbox-2", "fold-golden-1"}).Draw(rt, "letter")
			e := settling(letters.Source, typ, letter, "")
			e.ID = fmt.Sprint(i)
			evs = append(evs, e)
		}
		in, out := content(t, evs), content(t, projectionstest.Shuffle(rapid.Uint64().Draw(rt, "seed"), evs))
		if !slices.Equal(in, out) {
			rt.Fatalf("%v\n%v", in, out)
		}
	})
}

func content(t *testing.T, evs []events.Envelope) []string {
	t.Helper()
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds, evs...)
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	lines, err := letters.Content(t.Context(), snap)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []letters.Kind{letters.Inbox, letters.Folded} {
		n, err := letters.CountSettled(t.Context(), snap, k)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(k, n))
	}
	return lines
}
