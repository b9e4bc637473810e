package projectionstest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"ficha/events"
	"ficha/projections"
)

// Features say what a store adds to the contract; the suite verifies each claim.
type Features struct {
	// Close closes a store that the suite opened, before its test ends. Required.
	Close func(projections.Store) error

	// Reopen closes the store and opens what it stored. Nil for a store that
	// lives in memory only.
	Reopen func(t *testing.T, s projections.Store) projections.Store
}

// Exercise holds a store to the contract of [projections.Store]. Each call of
// open gives a new empty store, whose end open registers with t.Cleanup (closing
// it twice must be harmless).
func Exercise(t *testing.T, open func(t *testing.T) projections.Store, f Features) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, subject{Store: open(t), close: f.Close})
		})
	}
	t.Run("what was committed survives reopening", func(t *testing.T) {
		if f.Reopen == nil {
			t.Skip("lives in memory only")
		}
		survivesReopening(t, open(t), func(s projections.Store) projections.Store { return f.Reopen(t, s) })
	})
}

// tester is the part of *testing.T that cases use, so that the suite's own test
// can watch them fail.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// subject is the store that a case looks at.
type subject struct {
	projections.Store
	close func(projections.Store) error
}

type suiteCase struct {
	name string
	run  func(t tester, s subject)
}

func cases() []suiteCase {
	return slices.Concat(keyCases(), rangeCases(), commitCases(), snapshotCases(), closingCases(), historyCases())
}

// The short words of the cases.

const runner = "runner"

func put(t projections.Table, key, value string) projections.Change {
	return projections.Change{Table: t, Key: []byte(key), Value: append([]byte{}, value...)}
}

func del(t projections.Table, key string) projections.Change {
	return projections.Change{Table: t, Key: []byte(key)}
}

// commit moves runner from at to the next position with these changes, in any order.
func commit(t tester, s projections.Store, at events.Position, changes ...projections.Change) {
	t.Helper()
	if err := s.Commit(t.Context(), commitOf(at, at+1, changes...)); err != nil {
		t.Fatalf("commit at %d: %v", at, err)
	}
}

func commitOf(at, to events.Position, changes ...projections.Change) projections.Commit {
	slices.SortFunc(changes, func(a, b projections.Change) int {
		if a.Table != b.Table {
			return bytes.Compare([]byte(a.Table), []byte(b.Table))
		}
		return bytes.Compare(a.Key, b.Key)
	})
	return projections.Commit{Runner: runner, At: at, To: to, Changes: changes}
}

func snapshot(t tester, s projections.Store) projections.Snapshot {
	t.Helper()
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("open snapshot: %v", err)
	}
	return snap
}

// with opens a snapshot for the length of look.
func with(t tester, s projections.Store, look func(projections.Snapshot)) {
	t.Helper()
	snap := snapshot(t, s)
	look(snap)
	if err := snap.Close(); err != nil {
		t.Errorf("close snapshot: %v", err)
	}
}

func wantRow(t tester, r projections.Reader, table projections.Table, key, value string) {
	t.Helper()
	got, ok, err := r.Get(t.Context(), table, []byte(key))
	if err != nil || !ok || got == nil || string(got) != value {
		t.Errorf("Get(%s, %s) = %s (nil: %v), %v, %v; want %s", table, short(key), short(string(got)), got == nil, ok, err, short(value))
	}
}

func wantNoRow(t tester, r projections.Reader, table projections.Table, key string) {
	t.Helper()
	if got, ok, err := r.Get(t.Context(), table, []byte(key)); err != nil || ok || got != nil {
		t.Errorf("Get(%s, %s) = %s, %v, %v; want no row", table, short(key), short(string(got)), ok, err)
	}
}

func wantPosition(t tester, s projections.Snapshot, name string, want events.Position) {
	t.Helper()
	if got, err := s.Position(t.Context(), name); err != nil || got != want {
		t.Errorf("Position(%s) = %d, %v; want %d", name, got, err, want)
	}
}

// keysOf scans a range and gives the keys in the order of the scan.
func keysOf(t tester, r projections.Reader, table projections.Table, rng projections.Range) []string {
	t.Helper()
	keys := []string{}
	for row, err := range r.Scan(t.Context(), table, rng) {
		if err != nil {
			t.Fatalf("scan %s: %v", table, err)
		}
		keys = append(keys, string(row.Key))
	}
	return keys
}

func wantKeys(t tester, r projections.Reader, table projections.Table, rng projections.Range, want ...string) {
	t.Helper()
	if got := keysOf(t, r, table, rng); !slices.Equal(got, want) {
		t.Errorf("scan of %s, from %q to %q, reverse %v, limit %d\n got %q\nwant %q", table, rng.From, rng.To, rng.Reverse, rng.Limit, got, want)
	}
}

func wantError(t tester, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// short keeps large keys and values out of messages.
func short(s string) string {
	const enough = 40
	if len(s) > enough {
		return strconv.Quote(s[:enough]) + "…"
	}
	return strconv.Quote(s)
}
