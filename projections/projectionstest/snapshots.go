package projectionstest

import (
	"context"
	"fmt"
	"sync"

	"ficha/events"
	"ficha/projections"
)

func snapshotCases() []suiteCase {
	return []suiteCase{
		{"a snapshot does not see later commits", snapshotStandsStill},
		{"a new snapshot sees every finished commit", snapshotIsFresh},
		{"a commit is seen whole or not at all", commitIsSeenWhole},
		{"a running scan does not see later commits", scanStandsStill},
		{"a snapshot outlives Clear", snapshotOutlivesClear},
		{"Clear is seen whole or not at all", clearIsSeenWhole},
	}
}

func snapshotStandsStill(t tester, s subject) {
	commit(t, s, 0, put(tab, "a", "1"), put(tab, "b", "1"), put("old", "k", "1"))
	with(t, s, func(snap projections.Snapshot) {
		commit(t, s, 1, put(tab, "a", "2"), del(tab, "b"), put(tab, "c", "2"), put("new", "k", "2"), del("old", "k"))
		wantRow(t, snap, tab, "a", "1")
		wantRow(t, snap, tab, "b", "1")
		wantNoRow(t, snap, tab, "c")
		wantKeys(t, snap, tab, projections.Range{}, "a", "b")
		wantPosition(t, snap, runner, 1)
		if tables, err := snap.Tables(t.Context()); err != nil || len(tables) != 2 || tables[0] != "old" || tables[1] != tab {
			t.Errorf("Tables = %q, %v; want old and %s", tables, err, tab)
		}
	})
}

func snapshotIsFresh(t tester, s subject) {
	for i := range 50 {
		commit(t, s, events.Position(i), put(tab, "n", fmt.Sprint(i)))
		with(t, s, func(snap projections.Snapshot) {
			wantRow(t, snap, tab, "n", fmt.Sprint(i))
			wantPosition(t, snap, runner, events.Position(i+1))
		})
	}
}

// commitIsSeenWhole reads while commits write the same number everywhere.
func commitIsSeenWhole(t tester, s subject) {
	const commits, rows = 60, 20
	readWhile(t, s, func(ctx context.Context) error {
		for i := 1; i <= commits; i++ {
			var changes []projections.Change
			for k := range rows {
				changes = append(changes, put(projections.Table(fmt.Sprintf("t%d", k%3)), fmt.Sprint(k), fmt.Sprint(i)))
			}
			if err := s.Commit(ctx, commitOf(events.Position(i-1), events.Position(i), changes...)); err != nil {
				return err
			}
		}
		return nil
	}, func(p events.Position, values []string) string {
		if p > 0 && len(values) != rows {
			return fmt.Sprintf("%d rows at position %d, want %d", len(values), p, rows)
		}
		for _, v := range values {
			if v != p.String() {
				return fmt.Sprintf("a row of commit %s at position %d", v, p)
			}
		}
		return ""
	})
}

func clearIsSeenWhole(t tester, s subject) {
	const rounds, rows = 25, 30
	readWhile(t, s, func(ctx context.Context) error {
		for range rounds {
			var changes []projections.Change
			for k := range rows {
				changes = append(changes, put(projections.Table(fmt.Sprintf("t%d", k%3)), fmt.Sprint(k), "7"))
			}
			if err := s.Commit(ctx, commitOf(0, 7, changes...)); err != nil {
				return err
			}
			if err := s.Clear(ctx, runner, []projections.Table{"t0", "t1", "t2"}); err != nil {
				return err
			}
		}
		return nil
	}, func(p events.Position, values []string) string {
		if want := map[events.Position]int{0: 0, 7: rows}[p]; len(values) != want {
			return fmt.Sprintf("%d rows at position %d, want %d", len(values), p, want)
		}
		return ""
	})
}

// readWhile runs write and meanwhile looks at snapshots of tables t0 to t2: check
// says what is wrong with a position and the values of all rows.
func readWhile(t tester, s subject, write func(context.Context) error, check func(events.Position, []string) string) {
	t.Helper()
	done := make(chan struct{})
	var wrote error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		wrote = write(t.Context())
	})
	complaint := ""
	for looking := true; looking && complaint == ""; {
		select {
		case <-done:
			looking = false
		default:
		}
		with(t, s, func(snap projections.Snapshot) {
			p, err := snap.Position(t.Context(), runner)
			if err != nil {
				t.Errorf("read position: %v", err)
			}
			var values []string
			for _, table := range []projections.Table{"t0", "t1", "t2"} {
				for row, err := range snap.Scan(t.Context(), table, projections.Range{}) {
					if err != nil {
						t.Errorf("scan: %v", err)
					}
					values = append(values, string(row.Value))
				}
			}
			complaint = check(p, values)
		})
	}
	wg.Wait()
	if complaint != "" || wrote != nil {
		t.Errorf("snapshot shows %s; writer ended with %v", complaint, wrote)
	}
}

func scanStandsStill(t tester, s subject) {
	const rows = 1000
	var changes []projections.Change
	for i := range rows {
		changes = append(changes, put(tab, fmt.Sprintf("%04d", i), "old"))
	}
	commit(t, s, 0, changes...)
	with(t, s, func(snap projections.Snapshot) {
		n := 0
		for row, err := range snap.Scan(t.Context(), tab, projections.Range{}) {
			if err != nil || string(row.Value) != "old" {
				t.Fatalf("row %d is %q, %v; want as it was when the snapshot was opened", n, row.Value, err)
			}
			if n++; n == 1 {
				for i := range changes {
					changes[i].Value = []byte("new")
				}
				commit(t, s, 1, append(changes[:rows-10:rows-10], del(tab, "0999"), put(tab, "1000", "new"))...)
			}
		}
		if n != rows {
			t.Errorf("%d rows, want %d", n, rows)
		}
	})
}

func snapshotOutlivesClear(t tester, s subject) {
	commit(t, s, 0, put(tab, "a", "1"), put(tab, "b", "1"))
	with(t, s, func(snap projections.Snapshot) {
		if err := s.Clear(t.Context(), runner, []projections.Table{tab}); err != nil {
			t.Fatalf("clear: %v", err)
		}
		wantKeys(t, snap, tab, projections.Range{}, "a", "b")
		wantRow(t, snap, tab, "a", "1")
		wantPosition(t, snap, runner, 1)
	})
}
