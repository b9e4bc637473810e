package golden_test

import (
	"slices"
	"testing"

	"ficha/events"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

// Since when two records were together does not hang on what their customer was
// called meanwhile.
func TestCompanionsSinceWhen(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	groups := func(gs ...[]string) events.Envelope { return n.resolved(at(9), events.IdentityResolved{}, gs...) }
	projectionstest.Fold(t, store, folds(), n.recorded("1", at(0), named), n.recorded("2", at(0), named), n.recorded("3", at(0), named),
		groups([]string{"2", "3"}),                // 4
		groups([]string{"1", "2", "3"}),           // 5: of another id
		groups([]string{"1"}, []string{"2", "3"}), // 6: and the old one again
		groups([]string{"2"}, []string{"3"}),      // 7
		groups([]string{"2", "3"}),                // 8
		groups([]string{"2"}, []string{"3"}))      // 9
	snap := snapshot(t, store)
	for record, want := range map[string][]golden.Companion{
		"1": {{id("2"), 5, 6}, {id("3"), 5, 6}}, "2": {{id("1"), 5, 6}, {id("3"), 4, 7}, {id("3"), 8, 9}}, "3": {{id("1"), 5, 6}, {id("2"), 4, 7}, {id("2"), 8, 9}},
	} {
		got, err := golden.FormerCompanions(t.Context(), snap, id(record))
		slices.SortFunc(want, func(a, b golden.Companion) int { return slices.Compare(a.Record[:], b.Record[:]) })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("companions of %s: %v, %v; want %v", record, got, err, want)
		}
	}
	for record, want := range map[string]events.Position{"1": 6, "2": 6, "9": 0} {
		if got, err := golden.FirstParted(t.Context(), snap, id(record)); err != nil || got != want {
			t.Errorf("%s was first parted at %d, %v; want %d", record, got, err, want)
		}
	}
}

// A pair that is parted over and over keeps a row of bounded size, which says no
// less of what was stated before some parting.
func TestCompanionsOfManyPartings(t *testing.T) {
	var n serial
	store := projectionstest.NewMemory()
	evs := []events.Envelope{n.recorded("1", at(0), named), n.recorded("2", at(0), named)}
	for range 100 {
		evs = append(evs, n.resolved(at(1), events.IdentityResolved{}, []string{"1", "2"}), n.resolved(at(1), events.IdentityResolved{}, []string{"1"}, []string{"2"}))
	}
	end := projectionstest.Fold(t, store, folds(), evs...)
	got, err := golden.FormerCompanions(t.Context(), snapshot(t, store), id("1"))
	if err != nil || len(got) != 64 || got[0].Since != 3 || got[63] != (golden.Companion{Record: id("2"), Since: end - 1, Until: end}) {
		t.Errorf("%d times, %v", len(got), err)
	}
	for i := range got[1:] {
		if got[i+1].Since < got[i].Until {
			t.Errorf("times overlap: %v, %v", got[i], got[i+1])
		}
	}
}
