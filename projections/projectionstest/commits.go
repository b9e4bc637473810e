package projectionstest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ficha/events"
	"ficha/projections"
)

func commitCases() []suiteCase {
	return []suiteCase{
		{"rows and position come back as committed", rowsAndPosition},
		{"a row can be replaced, deleted and written again", replaceAndDelete},
		{"a commit without rows moves the position", positionAlone},
		{"large positions keep every digit", largePositions},
		{"runners have positions of their own", runnersAreApart},
		{"a commit from another position writes nothing", movedPositionWritesNothing},
		{"of overlapping commits exactly one wins", oneCommitWins},
		{"racing runners lose no update", noLostUpdates},
		{"an invalid commit writes nothing", invalidWritesNothing},
		{"a commit's bytes belong to the caller again", commitDoesNotShare},
		{"a cancelled context writes nothing", cancelledWritesNothing},
		{"Clear removes the named tables and resets one runner", clearIsExact},
		{"after Clear the tables fill again", clearThenFill},
	}
}

func rowsAndPosition(t tester, s subject) {
	commit(t, s, 0, put("a", "k", "1"), put("b", "k", "2"))
	commit(t, s, 1, put("a", "l", "3"))
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, "a", "k", "1")
		wantRow(t, snap, "b", "k", "2")
		wantRow(t, snap, "a", "l", "3")
		wantPosition(t, snap, runner, 2)
	})
}

func replaceAndDelete(t tester, s subject) {
	commit(t, s, 0, put(tab, "k", "1"), put(tab, "l", "1"))
	commit(t, s, 1, put(tab, "k", "2"), del(tab, "l"), del(tab, "never there"))
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, tab, "k", "2")
		wantNoRow(t, snap, tab, "l")
		wantKeys(t, snap, tab, projections.Range{}, "k")
	})
	commit(t, s, 2, put(tab, "l", "3"), del(tab, "k"))
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, tab, "l", "3")
		wantKeys(t, snap, tab, projections.Range{}, "l")
	})
}

func positionAlone(t tester, s subject) {
	for _, c := range []projections.Commit{commitOf(0, 7), commitOf(7, 7), commitOf(7, 7, put(tab, "k", "1")), commitOf(7, 8)} {
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatalf("commit from %d to %d: %v", c.At, c.To, err)
		}
	}
	with(t, s, func(snap projections.Snapshot) {
		wantPosition(t, snap, runner, 8)
		wantRow(t, snap, tab, "k", "1")
	})
}

func largePositions(t tester, s subject) {
	at := events.Position(0)
	for _, to := range []events.Position{1<<32 + 1, 1<<53 + 1, 1<<62 + 12345} {
		if err := s.Commit(t.Context(), commitOf(at, to)); err != nil {
			t.Fatalf("commit to %d: %v", to, err)
		}
		with(t, s, func(snap projections.Snapshot) { wantPosition(t, snap, runner, to) })
		at = to
	}
}

func runnersAreApart(t tester, s subject) {
	for _, name := range []string{"Runner", "runner2", "run", "rünner|}"} {
		c := projections.Commit{Runner: name, To: 5}
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatalf("commit of %s: %v", name, err)
		}
	}
	commit(t, s, 0, put(tab, "k", "1"))
	with(t, s, func(snap projections.Snapshot) {
		wantPosition(t, snap, runner, 1)
		wantPosition(t, snap, "Runner", 5)
		wantPosition(t, snap, "runner2", 5)
		wantPosition(t, snap, "rünner|}", 5)
		wantPosition(t, snap, "runne", 0)
	})
}

func movedPositionWritesNothing(t tester, s subject) {
	commit(t, s, 0, put(tab, "k", "1"))
	for _, at := range []events.Position{0, 2, 100} {
		err := s.Commit(t.Context(), commitOf(at, at+5, put(tab, "k", "2"), put(tab, "l", "2"), put("other", "k", "2")))
		wantError(t, fmt.Sprintf("commit at %d of a store at 1", at), err, projections.ErrPositionMoved)
		wantError(t, "the same, asked in general", err, events.ErrConflict)
	}
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, tab, "k", "1")
		wantNoRow(t, snap, tab, "l")
		wantNoRow(t, snap, "other", "k")
		wantPosition(t, snap, runner, 1)
	})
}

func oneCommitWins(t tester, s subject) {
	const callers, rounds = 8, 5
	for round := range rounds {
		at := events.Position(round)
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				name := fmt.Sprintf("%d/%d", round, i)
				errs[i] = s.Commit(t.Context(), commitOf(at, at+1, put(tab, "who", name), put(tab, name, "")))
			})
		}
		wg.Wait()
		winner, winners := "", 0
		for i, err := range errs {
			if err == nil {
				winner = fmt.Sprintf("%d/%d", round, i)
				winners++
			} else {
				wantError(t, "a losing commit", err, projections.ErrPositionMoved)
			}
		}
		if winners != 1 {
			t.Fatalf("%d commits from position %d won, want 1", winners, at)
		}
		with(t, s, func(snap projections.Snapshot) {
			wantRow(t, snap, tab, "who", winner)
			wantPosition(t, snap, runner, at+1)
			if rows := keysOf(t, snap, tab, projections.Prefix(fmt.Appendf(nil, "%d/", round))); len(rows) != 1 || rows[0] != winner {
				t.Errorf("rows of round %d: %q, want the winner's alone", round, rows)
			}
		})
	}
}

// noLostUpdates lets several callers count in one row; every success must show.
func noLostUpdates(t tester, s subject) {
	const callers, each, patience = 4, 25, 10_000
	var wg sync.WaitGroup
	failed := make(chan error, callers)
	for range callers {
		wg.Go(func() {
			lost := 0
			for done := 0; done < each; {
				err := addOne(t.Context(), s)
				if err == nil {
					done++
				} else if lost++; lost > patience || !errors.Is(err, projections.ErrPositionMoved) {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		t.Fatalf("count: %v", err)
	default:
	}
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, tab, "count", fmt.Sprint(callers*each))
		wantPosition(t, snap, runner, callers*each)
	})
}

func addOne(ctx context.Context, s projections.Store) error {
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	at, err := snap.Position(ctx, runner)
	if err != nil {
		return err
	}
	v, _, err := snap.Get(ctx, tab, []byte("count"))
	if err != nil {
		return err
	}
	n := 0
	if len(v) > 0 {
		if _, err := fmt.Sscan(string(v), &n); err != nil {
			return err
		}
	}
	return s.Commit(ctx, commitOf(at, at+1, put(tab, "count", fmt.Sprint(n+1))))
}

func invalidWritesNothing(t tester, s subject) {
	ok := put(tab, "a", "1")
	bad := map[string]projections.Commit{
		"no runner":       {To: 1, Changes: []projections.Change{ok}},
		"goes back":       {Runner: "other", At: 1, To: 0, Changes: []projections.Change{ok}},
		"key twice":       {Runner: runner, To: 1, Changes: []projections.Change{ok, ok}},
		"keys unsorted":   {Runner: runner, To: 1, Changes: []projections.Change{ok, put(tab, "A", "1")}},
		"tables unsorted": {Runner: runner, To: 1, Changes: []projections.Change{ok, put("a", "b", "1")}},
		"bad table":       {Runner: runner, To: 1, Changes: []projections.Change{put("No table", "a", "1")}},
	}
	for name, c := range bad {
		wantError(t, name, s.Commit(t.Context(), c), events.ErrInvalid)
	}
	with(t, s, func(snap projections.Snapshot) {
		wantKeys(t, snap, tab, projections.Range{})
		wantPosition(t, snap, runner, 0)
	})
}

func commitDoesNotShare(t tester, s subject) {
	c := commitOf(0, 1, put(tab, "key", "value"), put(tab, "other", "value"))
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatalf("commit: %v", err)
	}
	for _, ch := range c.Changes {
		for i := range ch.Key {
			ch.Key[i] = 'X'
		}
		for i := range ch.Value {
			ch.Value[i] = 'X'
		}
	}
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, tab, "key", "value")
		wantKeys(t, snap, tab, projections.Range{}, "key", "other")
	})
}

func cancelledWritesNothing(t tester, s subject) {
	commit(t, s, 0, put(tab, "k", "1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, "Commit", s.Commit(ctx, commitOf(1, 2, put(tab, "k", "2"))), context.Canceled)
	wantError(t, "Clear", s.Clear(ctx, runner, []projections.Table{tab}), context.Canceled)
	_, err := s.Snapshot(ctx)
	wantError(t, "Snapshot", err, context.Canceled)
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, tab, "k", "1")
		wantPosition(t, snap, runner, 1)
		_, _, err := snap.Get(ctx, tab, []byte("k"))
		wantError(t, "Get", err, context.Canceled)
		_, err = snap.Position(ctx, runner)
		wantError(t, "Position", err, context.Canceled)
		_, err = snap.Tables(ctx)
		wantError(t, "Tables", err, context.Canceled)
		var scanned error
		for _, err := range snap.Scan(ctx, tab, projections.Range{}) {
			scanned = err
		}
		wantError(t, "Scan", scanned, context.Canceled)
	})
}

func clearIsExact(t tester, s subject) {
	commit(t, s, 0, put("a", "k", "1"), put("a", "\xff\xff", "1"), put("a", "", "1"), put("a_b", "k", "1"), put("ab", "k", "1"), put("b", "k", "1"), put("c", "k", "1"))
	if err := s.Commit(t.Context(), projections.Commit{Runner: "other", To: 9}); err != nil {
		t.Fatalf("commit of other: %v", err)
	}
	if err := s.Clear(t.Context(), runner, []projections.Table{"a", "c", "never_filled"}); err != nil {
		t.Fatalf("clear: %v", err)
	}
	with(t, s, func(snap projections.Snapshot) {
		wantKeys(t, snap, "a", projections.Range{})
		wantNoRow(t, snap, "a", "k")
		wantKeys(t, snap, "c", projections.Range{})
		for _, kept := range []projections.Table{"a_b", "ab", "b"} {
			wantRow(t, snap, kept, "k", "1")
		}
		wantPosition(t, snap, runner, 0)
		wantPosition(t, snap, "other", 9)
	})
	wantError(t, "Clear of a bad table name", s.Clear(t.Context(), runner, []projections.Table{"b", "No table"}), events.ErrInvalid)
	with(t, s, func(snap projections.Snapshot) { wantRow(t, snap, "b", "k", "1") })
}

func clearThenFill(t tester, s subject) {
	commit(t, s, 0, put(tab, "old", "1"), put(tab, "same", "1"))
	if err := s.Clear(t.Context(), runner, []projections.Table{tab}); err != nil {
		t.Fatalf("clear: %v", err)
	}
	commit(t, s, 0, put(tab, "new", "2"), put(tab, "same", "2"))
	with(t, s, func(snap projections.Snapshot) {
		wantKeys(t, snap, tab, projections.Range{}, "new", "same")
		wantRow(t, snap, tab, "same", "2")
		wantNoRow(t, snap, tab, "old")
		wantPosition(t, snap, runner, 1)
	})
	wantError(t, "a commit that read before Clear", s.Commit(t.Context(), commitOf(3, 4)), projections.ErrPositionMoved)
}
