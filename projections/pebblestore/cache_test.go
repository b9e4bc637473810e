package pebblestore

import (
	"context"
	"fmt"
	"testing"

	"ficha/events"
	"ficha/projections"
)

// TestBlocksStayInMemory: Pebble reserves the room of its tables in memory in the
// block cache. A cache that is no larger than those holds no block at all, and
// every read goes to disk and unpacks.
func TestBlocksStayInMemory(t *testing.T) {
	db, err := Open(Config{Dir: t.TempDir(), CacheBytes: 8 << 20, MemTableBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := db.Store("live")
	if err != nil {
		t.Fatal(err)
	}
	const rows, step = 60_000, 2_000
	key := func(i int) []byte { return fmt.Appendf(nil, "%06d", i) }
	for at := 0; at < rows; at += step {
		c := projections.Commit{Runner: "r", At: events.Position(at), To: events.Position(at + step)}
		for i := range step {
			c.Changes = append(c.Changes, projections.Change{Table: "t", Key: key(at + i), Value: make([]byte, 300)})
		}
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for i := range rows {
		if _, ok, err := snap.Get(t.Context(), "t", key(i*7%rows)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if m := db.pdb.Metrics(); m.BlockCache.Size < 2<<20 {
		t.Errorf("after reading %d MiB the cache holds %d bytes; tables in memory have %d", rows*300>>20, m.BlockCache.Size, m.MemTable.Size+m.MemTable.ZombieSize)
	}
}

// TestManyReadersShareSpares: look-ups and scans of one snapshot from several
// goroutines, more than the iterators that it keeps, see what was committed.
func TestManyReadersShareSpares(t *testing.T) {
	db, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := db.Store("live")
	if err != nil {
		t.Fatal(err)
	}
	c := projections.Commit{Runner: "r", To: 1}
	for i := range 200 {
		c.Changes = append(c.Changes, projections.Change{Table: "t", Key: fmt.Appendf(nil, "%03d", i), Value: fmt.Append(nil, i)})
	}
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	failed := make(chan error, 3*mostSpares)
	for g := range cap(failed) {
		go func() { failed <- readAll(t.Context(), snap, g) }()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func readAll(ctx context.Context, snap projections.Snapshot, g int) error {
	for n := range 200 {
		i := (n*7 + g) % 200
		v, ok, err := snap.Get(ctx, "t", fmt.Appendf(nil, "%03d", i))
		if err != nil || !ok || string(v) != fmt.Sprint(i) {
			return fmt.Errorf("row %d: %q, %v, %w", i, v, ok, err)
		}
		if _, ok, err := snap.Get(ctx, "t", fmt.Appendf(nil, "%03d-", i)); ok || err != nil {
			return fmt.Errorf("row that is none: %v, %w", ok, err)
		}
		next := i
		for row, err := range snap.Scan(ctx, "t", projections.Range{From: fmt.Appendf(nil, "%03d", i), Limit: 3}) {
			if err != nil || string(row.Key) != fmt.Sprintf("%03d", next) {
				return fmt.Errorf("scan from %d: got %q for %d: %w", i, row.Key, next, err)
			}
			next++
		}
		if want := min(i+3, 200); next != want {
			return fmt.Errorf("scan from %d ended at %d, want %d", i, next, want)
		}
	}
	return nil
}
