package projectionstest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections"
)

// foldRunner is the runner name under which Fold commits.
const foldRunner = "test"

// Refusal is an event that a fold answered with an error.
type Refusal struct {
	Index      int // into the events given
	Projection string
	Err        error
}

// Fold folds events as the next ones of a log, after those of earlier calls on
// the same store, in one batch with one commit. It gives the position of the
// last one. A fold that refuses an event fails the test.
func Fold(t testing.TB, store projections.Store, folds []projections.Fold, evs ...events.Envelope) events.Position {
	t.Helper()
	p, refusals := TryFold(t, store, folds, evs...)
	for _, r := range refusals {
		t.Fatalf("%s refused event %d (%s): %v", r.Projection, r.Index, evs[r.Index].Type, r.Err)
	}
	return p
}

// TryFold is Fold for events of which some are meant to be refused.
func TryFold(t testing.TB, store projections.Store, folds []projections.Fold, evs ...events.Envelope) (events.Position, []Refusal) {
	t.Helper()
	ctx := t.Context()
	snap, err := store.Snapshot(ctx)
	if err != nil {
		t.Fatalf("open snapshot: %v", err)
	}
	defer snap.Close()
	at, err := snap.Position(ctx, foldRunner)
	if err != nil {
		t.Fatalf("read position: %v", err)
	}
	work := projections.NewWork(ctx, snap)
	var refusals []Refusal
	for i, s := range Stored(t, at, evs...) {
		refusals = append(refusals, applyAll(work, folds, i, s)...)
	}
	if err := work.Err(); err != nil {
		t.Fatalf("read rows: %v", err)
	}
	c := projections.Commit{Runner: foldRunner, At: at, To: at + events.Position(len(evs)), Changes: work.Changes()}
	requireOwnTables(t, folds, c.Changes)
	if err := store.Commit(ctx, c); err != nil {
		t.Fatalf("commit: %v", err)
	}
	return c.To, refusals
}

func applyAll(work *projections.Overlay, folds []projections.Fold, i int, s events.Stored) (refusals []Refusal) {
	e, err := events.Decode(s)
	for _, f := range folds {
		failed := err
		if failed == nil {
			failed = work.Apply(f, e)
		}
		if failed != nil {
			refusals = append(refusals, Refusal{Index: i, Projection: f.Name(), Err: failed})
		}
	}
	return refusals
}

// requireOwnTables fails the test when a fold wrote to a table that none of the
// folds declares: such rows would survive a rebuild.
func requireOwnTables(t testing.TB, folds []projections.Fold, changes []projections.Change) {
	t.Helper()
	owner := make(map[projections.Table]string)
	for _, f := range folds {
		for _, table := range f.Tables() {
			if was, taken := owner[table]; taken {
				t.Fatalf("table %s is declared by %s and by %s", table, was, f.Name())
			}
			owner[table] = f.Name()
		}
	}
	for _, c := range changes {
		if _, ok := owner[c.Table]; !ok {
			t.Fatalf("rows were written to table %s, which no fold declares", c.Table)
		}
	}
}

// Stored gives events as a log would hold them after position after: with
// positions, bytes and door counters (InLane counts within this call). A
// RecordedTime that is not set becomes the event's time, but never goes back.
func Stored(t testing.TB, after events.Position, evs ...events.Envelope) []events.Stored {
	t.Helper()
	stored := make([]events.Stored, len(evs))
	lanes := make(map[events.Lane]uint64)
	var last time.Time
	for i, e := range evs {
		if e.RecordedTime.IsZero() {
			e.RecordedTime = e.Time
		}
		if e.RecordedTime.Before(last) {
			e.RecordedTime = last
		}
		last = e.RecordedTime
		p := after + events.Position(i) + 1
		lanes[e.Type.Lane()]++
		door := events.Door{Taken: uint64(p), Appended: uint64(p), InLane: lanes[e.Type.Lane()]}
		b, err := events.Encode(e, door)
		if err != nil {
			t.Fatalf("encode event %d: %v", i, err)
		}
		if stored[i], err = events.DecodeStored(p, b); err != nil {
			t.Fatalf("decode event %d: %v", i, err)
		}
	}
	return stored
}

// Shuffle gives the same events in another order, the same one for the same seed.
func Shuffle(seed uint64, evs []events.Envelope) []events.Envelope {
	shuffled := append([]events.Envelope(nil), evs...)
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return shuffled
}

// Dump writes all rows of the tables (of all tables, when none is named) as
// lines "table key value", quoted and in order, for comparing stores.
func Dump(t testing.TB, store projections.Store, tables ...projections.Table) string {
	t.Helper()
	ctx := t.Context()
	snap, err := store.Snapshot(ctx)
	if err != nil {
		t.Fatalf("open snapshot: %v", err)
	}
	defer snap.Close()
	if len(tables) == 0 {
		if tables, err = snap.Tables(ctx); err != nil {
			t.Fatalf("list tables: %v", err)
		}
	}
	var b strings.Builder
	for _, table := range tables {
		for row, err := range snap.Scan(ctx, table, projections.Range{}) {
			if err != nil {
				t.Fatalf("scan %s: %v", table, err)
			}
			fmt.Fprintf(&b, "%s %q %q\n", table, row.Key, row.Value)
		}
	}
	return b.String()
}
