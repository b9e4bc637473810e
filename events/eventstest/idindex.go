package eventstest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"ficha/events"
)

// IDIndexUnderTest is one id index and what a test may do to it.
type IDIndexUnderTest struct {
	Index events.IDIndex
	// Reopen closes the index and opens the same storage again. Nil for one that
	// lives in memory only.
	Reopen func(t *testing.T) events.IDIndex
}

// ExerciseIDIndex holds an index to the contract of [events.IDIndex]. Each call
// of open gives a new empty index; the suite never closes one, open registers
// that with t.Cleanup.
func ExerciseIDIndex(t *testing.T, open func(t *testing.T) IDIndexUnderTest) {
	cases := []struct {
		name string
		run  func(t *testing.T, u IDIndexUnderTest)
	}{
		{"a new index has the zero state", indexStartsEmpty},
		{"state and entries come back as they were set", indexKeepsWhatWasSet},
		{"look-ups answer each hash at the same index", indexAnswersInOrder},
		{"an Advance from another position writes nothing", indexFencesAdvance},
		{"only the door moves", indexMovesDoorAlone},
		{"the first entry of a hash stays", indexKeepsFirst},
		{"of many concurrent Advances one wins", indexLetsOneWin},
		{"a cancelled context is an error", indexHeedsContext},
		{"many entries in one step", indexTakesManyEntries},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
	if u := open(t); u.Reopen != nil {
		t.Run("what was written survives reopening", func(t *testing.T) { indexSurvivesReopen(t, u) })
	}
}

func indexStartsEmpty(t *testing.T, u IDIndexUnderTest) {
	state, err := u.Index.State(t.Context())
	if err != nil || !sameState(state, events.IndexState{}) {
		t.Fatalf("State = %+v, %v; want the zero state", state, err)
	}
	found, err := u.Index.Lookup(t.Context(), []events.IDHash{events.HashID("/a", "1")})
	if err != nil || len(found) != 1 || found[0].Position != 0 {
		t.Fatalf("Lookup = %+v, %v; want one answer with the zero position", found, err)
	}
	if found, err := u.Index.Lookup(t.Context(), nil); err != nil || len(found) != 0 {
		t.Fatalf("Lookup of nothing = %+v, %v", found, err)
	}
}

// someState gives a state with every field set, each to another value.
func someState(at events.Position) events.IndexState {
	n := uint64(at)
	s := events.IndexState{
		Position: at,
		Epoch:    time.Date(2030, 2, 3, 4, 5, 6, 789012345, time.UTC),
		Door:     events.Door{Taken: n + 10, Appended: n, Duplicate: 4, Refused: 3, Dead: 3},
		Carried:  events.Door{Taken: n + 6, Appended: n, Duplicate: 2, Refused: 1, Dead: 3},
		Recorded: time.Date(2031, 2, 3, 4, 5, 6, 789012000, time.UTC),
	}
	for i := range s.LaneCounts {
		s.LaneCounts[i] = n + uint64(i)<<40
		s.LaneEnds[i] = at - events.Position(i)
	}
	return s
}

func entry(source, id string, at events.Position) events.IDEntry {
	e := events.IDEntry{Hash: events.HashID(source, id), Position: at, Recorded: time.Date(2031, 1, 1, 0, 0, int(at), 123456000, time.UTC)}
	for i := range e.Content {
		e.Content[i] = byte(int(at) + i)
	}
	return e
}

func advance(t *testing.T, x events.IDIndex, at events.Position, next events.IndexState, entries []events.IDEntry, sync bool) {
	t.Helper()
	if err := x.Advance(t.Context(), at, next, entries, sync); err != nil {
		t.Fatalf("Advance from %d to %d: %v", at, next.Position, err)
	}
}

func wantState(t *testing.T, x events.IDIndex, want events.IndexState) {
	t.Helper()
	got, err := x.State(t.Context())
	if err != nil || !sameState(got, want) {
		t.Fatalf("State = %+v, %v\nwant    %+v", got, err, want)
	}
}

func sameState(a, b events.IndexState) bool {
	equalTimes := a.Recorded.Equal(b.Recorded) && a.Epoch.Equal(b.Epoch)
	a.Recorded, b.Recorded, a.Epoch, b.Epoch = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return equalTimes && a == b
}

func wantEntry(t *testing.T, x events.IDIndex, want events.IDEntry) {
	t.Helper()
	got, err := x.Lookup(t.Context(), []events.IDHash{want.Hash})
	if err != nil || len(got) != 1 || !sameEntry(got[0], want) {
		t.Fatalf("Lookup = %+v, %v; want %+v", got, err, want)
	}
}

func sameEntry(a, b events.IDEntry) bool {
	equalTimes := a.Recorded.Equal(b.Recorded)
	a.Recorded, b.Recorded = time.Time{}, time.Time{}
	return equalTimes && a == b
}

func indexKeepsWhatWasSet(t *testing.T, u IDIndexUnderTest) {
	entries := []events.IDEntry{entry("/a", "1", 1), entry("/a", "2", 2), entry("/b", "1", 300)}
	advance(t, u.Index, 0, someState(300), entries, false)
	wantState(t, u.Index, someState(300))
	for _, e := range entries {
		wantEntry(t, u.Index, e)
	}
}

func indexAnswersInOrder(t *testing.T, u IDIndexUnderTest) {
	one, two := entry("/a", "1", 1), entry("/a", "2", 2)
	advance(t, u.Index, 0, someState(2), []events.IDEntry{one, two}, false)
	absent := events.HashID("/a", "absent")
	got, err := u.Index.Lookup(t.Context(), []events.IDHash{two.Hash, absent, one.Hash, two.Hash})
	if err != nil || len(got) != 4 {
		t.Fatalf("Lookup = %+v, %v", got, err)
	}
	want := []events.Position{2, 0, 1, 2}
	for i, e := range got {
		if e.Position != want[i] {
			t.Errorf("answer %d has position %d, want %d", i, e.Position, want[i])
		}
	}
}

func indexFencesAdvance(t *testing.T, u IDIndexUnderTest) {
	advance(t, u.Index, 0, someState(5), nil, false)
	for _, at := range []events.Position{0, 4, 6} {
		stray := entry("/stray", "1", at+1)
		err := u.Index.Advance(t.Context(), at, someState(9), []events.IDEntry{stray}, false)
		if !errors.Is(err, events.ErrConflict) {
			t.Errorf("Advance from %d: %v, want ErrConflict", at, err)
		}
		wantEntry(t, u.Index, events.IDEntry{Hash: stray.Hash})
	}
	wantState(t, u.Index, someState(5))
}

func indexMovesDoorAlone(t *testing.T, u IDIndexUnderTest) {
	advance(t, u.Index, 0, someState(5), nil, false)
	next := someState(5)
	next.Door.Duplicate++
	next.Door.Taken++
	advance(t, u.Index, 5, next, nil, true)
	wantState(t, u.Index, next)
}

func indexKeepsFirst(t *testing.T, u IDIndexUnderTest) {
	first := entry("/a", "1", 1)
	advance(t, u.Index, 0, someState(1), []events.IDEntry{first}, false)
	advance(t, u.Index, 1, someState(2), []events.IDEntry{entry("/a", "1", 2), entry("/a", "2", 2)}, false)
	wantEntry(t, u.Index, first)
	wantEntry(t, u.Index, entry("/a", "2", 2))
}

func indexLetsOneWin(t *testing.T, u IDIndexUnderTest) {
	const callers = 8
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			errs[i] = u.Index.Advance(t.Context(), 0, someState(events.Position(i+10)), nil, false)
		})
	}
	wg.Wait()
	winner := slices.Index(errs, nil)
	if winner < 0 {
		t.Fatalf("nobody won: %v", errs)
	}
	for i, err := range errs {
		if i != winner && !errors.Is(err, events.ErrConflict) {
			t.Errorf("caller %d: %v, want ErrConflict", i, err)
		}
	}
	wantState(t, u.Index, someState(events.Position(winner+10)))
}

func indexSurvivesReopen(t *testing.T, u IDIndexUnderTest) {
	unsynced, synced := entry("/a", "1", 1), entry("/a", "2", 2)
	advance(t, u.Index, 0, someState(1), []events.IDEntry{unsynced}, false)
	advance(t, u.Index, 1, someState(2), []events.IDEntry{synced}, true)
	reopened := u.Reopen(t)
	wantState(t, reopened, someState(2))
	wantEntry(t, reopened, unsynced)
	wantEntry(t, reopened, synced)
}

func indexHeedsContext(t *testing.T, u IDIndexUnderTest) {
	ctx, cancel := cancelled(t)
	defer cancel()
	if err := u.Index.Advance(ctx, 0, someState(1), nil, false); err == nil {
		t.Error("Advance took a cancelled context")
	}
	if _, err := u.Index.Lookup(ctx, []events.IDHash{{}}); err == nil {
		t.Error("Lookup took a cancelled context")
	}
	if _, err := u.Index.State(ctx); err == nil {
		t.Error("State took a cancelled context")
	}
	wantState(t, u.Index, events.IndexState{})
}

func indexTakesManyEntries(t *testing.T, u IDIndexUnderTest) {
	const n = 5000
	entries := make([]events.IDEntry, n)
	hashes := make([]events.IDHash, n)
	for i := range entries {
		entries[i] = entry("/many", events.Position(i).String(), events.Position(i+1))
		hashes[i] = entries[i].Hash
	}
	advance(t, u.Index, 0, someState(n), entries, false)
	got, err := u.Index.Lookup(t.Context(), hashes)
	if err != nil || len(got) != n {
		t.Fatalf("Lookup gave %d answers, %v", len(got), err)
	}
	for i := range got {
		if !sameEntry(got[i], entries[i]) {
			t.Fatalf("answer %d = %+v, want %+v", i, got[i], entries[i])
		}
	}
}
