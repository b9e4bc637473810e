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

func BenchmarkIDIndex(b *testing.B) {
	const batch = 1000
	x := onDisk(b).IDIndex()
	n := events.Position(0)
	hashes := make([]events.IDHash, batch)
	entries := make([]events.IDEntry, batch)
	b.ReportAllocs()
	for b.Loop() {
		for i := range entries {
			hashes[i] = events.HashID("/s", fmt.Sprint(int(n)+i))
			entries[i] = events.IDEntry{Hash: hashes[i], Position: n + events.Position(i) + 1}
		}
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
