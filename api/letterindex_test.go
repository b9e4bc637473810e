package api

import (
	"context"
	"errors"
	"slices"
	"testing"

	"ficha/events"
	"ficha/events/eventstest"
)

// TestLetterIndexFindsWhatItForgot: with room for three letters only, each event
// is found in all its letters, and letters that came later too.
func TestLetterIndexFindsWhatItForgot(t *testing.T) {
	kept := &eventstest.DeadLetters{}
	x := newLetterIndex(kept, 3)
	bury := func(id string) {
		if err := kept.Bury(t.Context(), events.DeadLetter{Source: "/a", ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	find := func(id string) (numbers []uint64) {
		if err := x.catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := x.of(t.Context(), events.EventID{Source: "/a", ID: id})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range found {
			numbers = append(numbers, l.Number)
		}
		return numbers
	}
	want := map[string][]uint64{}
	for i, id := range []string{"p", "q", "", "p", "r", "s", "t", "p", "", "u"} {
		bury(id)
		if id != "" {
			want[id] = append(want[id], uint64(i+1))
		}
		for _, id := range []string{"p", "q", "r", "s", "t", "u", "v"} {
			if got := find(id); !slices.Equal(got, want[id]) {
				t.Errorf("after %d letters, %s is in %v, want %v", i+1, id, got, want[id])
			}
		}
	}
	if len(x.order) != 3 {
		t.Errorf("it remembers %d letters, want 3", len(x.order))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.catchUp(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for range 2 * mostPerEvent {
		bury("again")
	}
	if got := find("again"); len(got) != mostPerEvent || got[0] != 31 || got[mostPerEvent-1] != 50 {
		t.Errorf("of many letters: %v", got)
	}
}
