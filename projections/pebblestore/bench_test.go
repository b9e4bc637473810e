package pebblestore_test

import (
	"fmt"
	"testing"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
)

func onDisk(b *testing.B) *pebblestore.DB {
	b.Helper()
	db, err := pebblestore.Open(pebblestore.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

func BenchmarkPebble(b *testing.B) {
	projectionstest.BenchmarkStore(b, func(b *testing.B) projections.Store { return space(b, onDisk(b), "live") })
}

// BenchmarkIDIndex takes new ids in, as the appender does: look up, then advance.
// The index shares its tables in memory with rows that are written meanwhile.
func BenchmarkIDIndex(b *testing.B) {
	const batch = 1000
	db := onDisk(b)
	x, rows := db.IDIndex(), space(b, db, "live")
	n := events.Position(0)
	hashes := make([]events.IDHash, batch)
	entries := make([]events.IDEntry, batch)
	other := make([]projections.Change, 4*batch)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range entries {
			hashes[i] = events.HashID("/s", fmt.Sprint(int(n)+i))
			entries[i] = events.IDEntry{Hash: hashes[i], Position: n + events.Position(i) + 1}
		}
		for i := range other {
			other[i] = projections.Change{Table: "t", Key: fmt.Appendf(nil, "%016d", 4*int(n)+i), Value: hashes[i%batch][:]}
		}
		if err := rows.Commit(b.Context(), projections.Commit{Runner: "r", At: n, To: n + batch, Changes: other}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := x.Lookup(b.Context(), hashes); err != nil {
			b.Fatal(err)
		}
		if err := x.Advance(b.Context(), n, events.IndexState{Position: n + batch}, entries, false); err != nil {
			b.Fatal(err)
		}
		n += batch
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
