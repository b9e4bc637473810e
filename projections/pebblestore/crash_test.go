package pebblestore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ficha/events"
	"ficha/matching/resolver"
	"ficha/projections"
	"ficha/projections/projectionstest"
)

// crashCommit is the commit from at to at+1 of a history in which everything
// follows from the position: what it leaves can be told from the position alone.
func crashCommit(at events.Position) projections.Commit {
	c := projections.Commit{Runner: "r", At: at, To: at + 1}
	n := int(at)
	c.Changes = append(c.Changes,
		projections.Change{Table: "a", Key: fmt.Appendf(nil, "%06d", n), Value: []byte(strings.Repeat("x", 1+n%5000))},
		projections.Change{Table: "b", Key: []byte("last"), Value: fmt.Appendf(nil, "%d", n)})
	if n > 0 {
		c.Changes = append(c.Changes, projections.Change{Table: "c", Key: fmt.Appendf(nil, "%06d", n-1)})
	}
	c.Changes = append(c.Changes, projections.Change{Table: "c", Key: fmt.Appendf(nil, "%06d", n), Value: []byte{}})
	return c
}

// TestPowerLossKeepsCommitsWhole cuts the power at random moments while commits
// go on: unsynced blocks are lost or kept by chance. Every commit that returned
// is there, and none is there in part.
func TestPowerLossKeepsCommitsWhole(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			s := openStore(t, fs)
			rng := rand.New(rand.NewPCG(seed, 0))
			commits := events.Position(1 + rng.IntN(400))
			var acknowledged atomic.Uint64
			crashAt := rng.IntN(int(commits))
			crashed := make(chan *vfs.MemFS, 1)
			floor := uint64(0)
			for at := range commits {
				if int(at) == crashAt {
					floor = acknowledged.Load()
					go func() {
						crashed <- fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed*25) % 125, RNG: rand.New(rand.NewPCG(seed, 1))})
					}()
				}
				if err := s.Commit(t.Context(), crashCommit(at)); err != nil {
					t.Fatalf("commit: %v", err)
				}
				acknowledged.Add(1)
			}
			checkHistory(t, openStore(t, <-crashed), events.Position(floor))
		})
	}
}

// checkHistory compares what survived with what the history must have left at
// the stored position, which is at least floor.
func checkHistory(t *testing.T, s projections.Store, floor events.Position) {
	t.Helper()
	p := checkRows(t, s, floor)
	if err := s.Commit(t.Context(), crashCommit(p)); err != nil {
		t.Fatalf("the next commit: %v", err)
	}
}

// checkRows is checkHistory without a next commit, and gives the position.
func checkRows(t *testing.T, s projections.Store, floor events.Position) events.Position {
	t.Helper()
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := snap.Position(t.Context(), "r")
	snap.Close()
	if err != nil || p < floor {
		t.Fatalf("position %d, %v after the power came back; %d was acknowledged", p, err, floor)
	}
	want := projectionstest.NewMemory()
	for at := range p {
		if err := want.Commit(context.Background(), crashCommit(at)); err != nil {
			t.Fatal(err)
		}
	}
	if projectionstest.Dump(t, s) != projectionstest.Dump(t, want) {
		t.Fatalf("the rows are not those of position %d", p)
	}
	return p
}

// TestPowerLossTakesUnsyncedAdvancesFromTheEnd: the id index may lose its latest
// unsynced steps, never one before a kept one, and none before a synced one.
func TestPowerLossTakesUnsyncedAdvancesFromTheEnd(t *testing.T) {
	for seed := range uint64(8) {
		fs := vfs.NewCrashableMem()
		x := openDB(t, fs).IDIndex()
		const steps, synced = 50, 30
		for i := range events.Position(steps) {
			entry := events.IDEntry{Hash: events.HashID("/s", i.String()), Position: i + 1}
			if err := x.Advance(t.Context(), i, events.IndexState{Position: i + 1}, []events.IDEntry{entry}, i+1 == synced); err != nil {
				t.Fatal(err)
			}
		}
		after := openDB(t, fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, 1))})).IDIndex()
		state, err := after.State(t.Context())
		if err != nil || state.Position < synced {
			t.Fatalf("seed %d: state %d, %v; want at least %d", seed, state.Position, err, synced)
		}
		for i := range events.Position(steps) {
			found, err := after.Lookup(t.Context(), []events.IDHash{events.HashID("/s", i.String())})
			if err != nil || (found[0].Position != 0) != (i < state.Position) {
				t.Fatalf("seed %d: entry %d is %+v, %v at state %d", seed, i, found, err, state.Position)
			}
		}
	}
}

// TestPowerLossTakesUnsyncedCommitsFromTheEnd: commits that do not wait for the
// disk may be lost, the latest first, none of them in part, and none once a later
// step was synced.
func TestPowerLossTakesUnsyncedCommitsFromTheEnd(t *testing.T) {
	for name, sync := range map[string]func(opened) error{
		"promoted": func(s opened) error { return s.db.Promote(context.Background(), "live") },
		"noted":    func(s opened) error { return s.db.SetUnfinished(context.Background(), "") },
		"committed by another": func(s opened) error {
			return s.Commit(context.Background(), projections.Commit{Runner: "other", To: 1})
		},
		"not synced": func(opened) error { return nil },
	} {
		for seed := range uint64(6) {
			fs := vfs.NewCrashableMem()
			s := openStore(t, fs)
			bulk := s.Unsynced()
			const steps, synced = 300, 200
			floor := events.Position(0)
			for at := range events.Position(steps) {
				if err := bulk.Commit(t.Context(), crashCommit(at)); err != nil {
					t.Fatal(err)
				}
				if at+1 == synced {
					if err := sync(s); err != nil {
						t.Fatal(err)
					}
					if name != "not synced" {
						floor = synced
					}
				}
			}
			after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed * 20), RNG: rand.New(rand.NewPCG(seed, 1))})
			checkRows(t, openStore(t, after), floor)
		}
	}
}

func TestPowerLossLeavesResolverStateWhole(t *testing.T) {
	for seed := range uint64(6) {
		fs := vfs.NewCrashableMem()
		x := openDB(t, fs).ResolverState()
		var at resolver.Cursor
		for i := range 40 {
			to := resolver.Cursor{Record: events.Position(i + 1)}
			rows := []resolver.Row{{Key: []byte("n"), Value: fmt.Appendf(nil, "%d", i+1)}, {Key: fmt.Appendf(nil, "row %02d", i), Value: []byte("x")}}
			if err := x.Save(t.Context(), at, to, rows); err != nil {
				t.Fatal(err)
			}
			at = to
		}
		after := openDB(t, fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 60, RNG: rand.New(rand.NewPCG(seed, 1))})).ResolverState()
		cursor, err := after.Cursor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for row, err := range after.Load(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; string(row.Key) == "n" && string(row.Value) != cursor.Record.String() {
				t.Errorf("seed %d: row says %s, cursor %d", seed, row.Value, cursor.Record)
			}
		}
		if want := int(cursor.Record); want > 0 && rows != want+1 {
			t.Errorf("seed %d: %d rows at cursor %d", seed, rows, want)
		}
	}
}

// TestKilledProcessKeepsCommits opens a copy of the folder as a kill leaves it:
// everything written, synced or not.
func TestKilledProcessKeepsCommits(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openStore(t, fs)
	for at := range events.Position(300) {
		if err := s.Commit(t.Context(), crashCommit(at)); err != nil {
			t.Fatal(err)
		}
	}
	killed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	checkHistory(t, openStore(t, killed), 300)
}
