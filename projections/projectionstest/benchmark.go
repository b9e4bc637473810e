package projectionstest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"ficha/events"
	"ficha/projections"
)

// BenchmarkStore runs the same workloads against any store; each call of open
// gives an empty one. Rows are like those of folds: a hashed key of 20 bytes and
// a value of 300.
func BenchmarkStore(b *testing.B, open func(b *testing.B) projections.Store) {
	for _, records := range []int{1, 100, 500, 2000} {
		b.Run(fmt.Sprintf("commit/%dx4", records), func(b *testing.B) { benchmarkCommit(b, open(b), records) })
	}
	b.Run("get", func(b *testing.B) { benchmarkGet(b, open(b)) })
	b.Run("scan20", func(b *testing.B) { benchmarkScan(b, open(b)) })
	b.Run("snapshot", func(b *testing.B) { benchmarkSnapshot(b, open(b)) })
}

var benchmarkTables = [...]projections.Table{"contact_points", "golden_records", "memberships", "source_records"}

func benchmarkKey(rng *rand.Rand) []byte {
	return fmt.Appendf(nil, "%020x", rng.Uint64())
}

// benchmarkCommits gives n commits of so many records, each one key in four tables.
func benchmarkCommits(n, records int) []projections.Commit {
	rng := rand.New(rand.NewPCG(1, 1))
	value := make([]byte, 300)
	for i := range value {
		value[i] = byte('a' + rng.IntN(26))
	}
	commits := make([]projections.Commit, n)
	for i := range commits {
		var changes []projections.Change
		for range records {
			for _, t := range benchmarkTables {
				changes = append(changes, projections.Change{Table: t, Key: benchmarkKey(rng), Value: value})
			}
		}
		commits[i] = commitOf(events.Position(i), events.Position(i+1), changes...)
	}
	return commits
}

func benchmarkCommit(b *testing.B, s projections.Store, records int) {
	const prepared = 32 // used again and again under new positions: keys then repeat
	commits := benchmarkCommits(prepared, records)
	at := events.Position(0)
	b.ReportAllocs()
	for b.Loop() {
		c := commits[int(at)%prepared]
		c.At, c.To = at, at+1
		if err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		at++
	}
	b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
}

// filled commits some rows and gives a snapshot of them, and their keys.
func filled(b *testing.B, s projections.Store) (projections.Snapshot, [][]byte) {
	b.Helper()
	var keys [][]byte
	for _, c := range benchmarkCommits(20, 1000) {
		if err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		for _, ch := range c.Changes {
			if ch.Table == benchmarkTables[0] {
				keys = append(keys, ch.Key)
			}
		}
	}
	snap, err := s.Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { snap.Close() })
	return snap, keys
}

func benchmarkGet(b *testing.B, s projections.Store) {
	snap, keys := filled(b, s)
	rng := rand.New(rand.NewPCG(2, 2))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := snap.Get(b.Context(), benchmarkTables[0], keys[rng.IntN(len(keys))]); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}

func benchmarkScan(b *testing.B, s projections.Store) {
	snap, keys := filled(b, s)
	rng := rand.New(rand.NewPCG(3, 3))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range snap.Scan(b.Context(), benchmarkTables[0], projections.Range{From: keys[rng.IntN(len(keys))], Limit: 20}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func benchmarkSnapshot(b *testing.B, s projections.Store) {
	filled(b, s)
	b.ReportAllocs()
	for b.Loop() {
		snap, err := s.Snapshot(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := snap.Position(b.Context(), runner); err != nil {
			b.Fatal(err)
		}
		snap.Close()
	}
}
