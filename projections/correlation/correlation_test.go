package correlation_test

import (
	"slices"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/correlation"
	"ficha/projections/projectionstest"
)

func TestEventsAreFoundByCorrelationID(t *testing.T) {
	store := projectionstest.NewMemory()
	folds := []projections.Fold{correlation.Fold{}}
	for i, id := range []string{"run-1", "", "run-2", "run-1", "run-1"} {
		projectionstest.Fold(t, store, folds, events.Envelope{
			ID: string(rune('a' + i)), Source: "/crm/bank", SpecVersion: "1.0", Type: events.ImportStartedV1, CorrelationID: id,
			Time: time.Date(2026, 3, 2, 9, 0, i, 0, time.UTC), Data: []byte(`{"run":"r"}`),
		})
	}
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for _, c := range []struct {
		name  string
		id    string
		after events.Position
		limit int
		want  []events.Position
	}{
		{"all", "run-1", 0, 10, []events.Position{1, 4, 5}},
		{"after one", "run-1", 1, 10, []events.Position{4, 5}},
		{"a page", "run-1", 0, 2, []events.Position{1, 4}},
		{"after the end", "run-1", 5, 10, nil},
		{"another", "run-2", 0, 10, []events.Position{3}},
		{"unknown", "run-3", 0, 10, nil},
		{"none given", "", 0, 10, nil},
		{"no room", "run-1", 0, 0, nil},
	} {
		got, err := correlation.Index{}.Positions(t.Context(), snap, c.id, c.after, c.limit)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}
