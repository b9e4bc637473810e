package projectionstest

import (
	"fmt"
	"sync"

	"ficha/events"
	"ficha/projections"
)

func closingCases() []suiteCase {
	return []suiteCase{
		{"a closed snapshot answers ErrClosed", closedSnapshot},
		{"a snapshot closed under a scan ends it with ErrClosed", closedUnderScan},
		{"a closed store answers ErrClosed", closedStore},
		{"closing a store under its users breaks nothing", closedUnderUsers},
	}
}

func wantAllClosed(t tester, snap projections.Snapshot) {
	t.Helper()
	_, _, err := snap.Get(t.Context(), tab, []byte("a"))
	wantError(t, "Get", err, projections.ErrClosed)
	_, err = snap.Position(t.Context(), runner)
	wantError(t, "Position", err, projections.ErrClosed)
	_, err = snap.Tables(t.Context())
	wantError(t, "Tables", err, projections.ErrClosed)
	n := 0
	for _, err := range snap.Scan(t.Context(), tab, projections.Range{}) {
		wantError(t, "Scan", err, projections.ErrClosed)
		n++
	}
	if n != 1 {
		t.Errorf("a scan yielded %d times, want the error once", n)
	}
	if err := snap.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func closedSnapshot(t tester, s subject) {
	commit(t, s, 0, put(tab, "a", "1"))
	snap := snapshot(t, s)
	wantRow(t, snap, tab, "a", "1")
	if err := snap.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	wantAllClosed(t, snap)
}

func closedUnderScan(t tester, s subject) {
	const n = 5000
	var changes []projections.Change
	for i := range n {
		changes = append(changes, put(tab, fmt.Sprintf("%05d", i), ""))
	}
	commit(t, s, 0, changes...)
	snap := snapshot(t, s)
	rows := 0
	var last error
	for _, err := range snap.Scan(t.Context(), tab, projections.Range{}) {
		if last = err; err == nil {
			rows++
		}
		if rows == 1 {
			if err := snap.Close(); err != nil {
				t.Fatalf("close: %v", err)
			}
		}
	}
	// A store may have read some or all rows before; it may not make any up.
	if last == nil && rows != n {
		t.Errorf("the scan ended without error after %d of %d rows", rows, n)
	}
	if last != nil {
		wantError(t, "scan of a closed snapshot", last, projections.ErrClosed)
	}
}

func closedStore(t tester, s subject) {
	commit(t, s, 0, put(tab, "a", "1"))
	snap := snapshot(t, s)
	if err := s.close(s.Store); err != nil {
		t.Fatalf("close with a snapshot open: %v", err)
	}
	wantError(t, "Commit", s.Commit(t.Context(), commitOf(1, 2)), projections.ErrClosed)
	wantError(t, "Clear", s.Clear(t.Context(), runner, []projections.Table{tab}), projections.ErrClosed)
	_, err := s.Snapshot(t.Context())
	wantError(t, "Snapshot", err, projections.ErrClosed)
	wantAllClosed(t, snap)
	if err := s.close(s.Store); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

// closedUnderUsers closes the store while others read and write: each of them
// must get ErrClosed in the end, none may panic or hang.
func closedUnderUsers(t tester, s subject) {
	commit(t, s, 0, put(tab, "a", "1"), put(tab, "b", "1"))
	var users sync.WaitGroup
	started := make(chan struct{}, 8)
	use := func(once func(i int) error) {
		users.Go(func() {
			running := sync.OnceFunc(func() { started <- struct{}{} })
			defer running()
			for i := 0; ; i++ {
				if err := once(i); err != nil {
					wantError(t, "a user of the closed store", err, projections.ErrClosed)
					return
				}
				if i == 3 {
					running()
				}
			}
		})
	}
	use(func(i int) error {
		return s.Commit(t.Context(), commitOf(events.Position(i+1), events.Position(i+2), put(tab, "a", fmt.Sprint(i))))
	})
	for range 3 {
		use(func(int) error { return readOnce(t, s) })
	}
	for range 4 {
		<-started
	}
	if err := s.close(s.Store); err != nil {
		t.Errorf("close: %v", err)
	}
	users.Wait()
}

func readOnce(t tester, s subject) error {
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		return err
	}
	defer snap.Close()
	if _, _, err := snap.Get(t.Context(), tab, []byte("a")); err != nil {
		return err
	}
	for _, err := range snap.Scan(t.Context(), tab, projections.Range{}) {
		if err != nil {
			return err
		}
	}
	_, err = snap.Tables(t.Context())
	return err
}
