package projectionstest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"ficha/events"
	"ficha/projections"
)

func historyCases() []suiteCase {
	var cases []suiteCase
	for seed := range uint64(3) {
		cases = append(cases, suiteCase{
			name: fmt.Sprintf("a random history equals that of the reference store, seed %d", seed),
			run:  func(t tester, s subject) { sameHistory(t, s, seed) },
		})
	}
	return cases
}

// sameHistory commits the same random steps to the store and to a Memory and
// compares every row after every few of them.
func sameHistory(t tester, s subject, seed uint64) {
	const steps, checkEvery = 120, 10
	rng := rand.New(rand.NewPCG(seed, 1))
	reference := NewMemory()
	var at events.Position
	for i := range steps {
		if rng.IntN(25) == 0 {
			tables := randomTables(rng)
			for _, store := range []projections.Store{s, reference} {
				if err := store.Clear(t.Context(), runner, tables); err != nil {
					t.Fatalf("seed %d, step %d: clear: %v", seed, i, err)
				}
			}
			at = 0
			continue
		}
		c := projections.Commit{Runner: runner, At: at, To: at + events.Position(rng.IntN(3)), Changes: randomChanges(rng)}
		for _, store := range []projections.Store{s, reference} {
			if err := store.Commit(t.Context(), c); err != nil {
				t.Fatalf("seed %d, step %d: commit: %v", seed, i, err)
			}
		}
		at = c.To
		if i%checkEvery == 0 || i == steps-1 {
			sameRows(t, s, reference, fmt.Sprintf("seed %d, step %d", seed, i))
		}
	}
}

func randomTables(rng *rand.Rand) []projections.Table {
	tables := []projections.Table{"a", "a_b", "ab", "b"}
	rng.Shuffle(len(tables), func(i, j int) { tables[i], tables[j] = tables[j], tables[i] })
	return tables[:1+rng.IntN(3)]
}

// randomChanges writes and deletes keys of few bytes, so that they often meet.
func randomChanges(rng *rand.Rand) []projections.Change {
	const alphabet = "\x00\x01aA|}\xc3\xff"
	var changes []projections.Change
	for range rng.IntN(40) {
		key := make([]byte, rng.IntN(4))
		for i := range key {
			key[i] = alphabet[rng.IntN(len(alphabet))]
		}
		c := projections.Change{Table: randomTables(rng)[0], Key: key}
		if rng.IntN(4) > 0 {
			c.Value = fmt.Appendf([]byte{}, "%d", rng.IntN(1000))[:rng.IntN(2)]
		}
		changes = append(changes, c)
	}
	sorted := commitOf(0, 0, changes...).Changes
	return slices.CompactFunc(sorted, func(a, b projections.Change) bool {
		return a.Table == b.Table && string(a.Key) == string(b.Key)
	})
}

// sameRows compares all rows, positions and tables of two stores, through both
// digests and rows: the digest is what the hub compares.
func sameRows(t tester, a, b projections.Store, when string) {
	t.Helper()
	with(t, a, func(sa projections.Snapshot) {
		with(t, b, func(sb projections.Snapshot) {
			ta, errA := sa.Tables(t.Context())
			tb, errB := sb.Tables(t.Context())
			if errA != nil || errB != nil || !slices.Equal(ta, tb) {
				t.Fatalf("%s: tables %q, %v; reference %q, %v", when, ta, errA, tb, errB)
			}
			pa, errA := sa.Position(t.Context(), runner)
			pb, errB := sb.Position(t.Context(), runner)
			if errA != nil || errB != nil || pa != pb {
				t.Fatalf("%s: position %d, %v; reference %d, %v", when, pa, errA, pb, errB)
			}
			for _, table := range tb {
				if got, want := rowsOf(t, sa, table), rowsOf(t, sb, table); !slices.Equal(got, want) {
					t.Fatalf("%s: rows of %s\n got %q\nwant %q", when, table, got, want)
				}
			}
			da, errA := projections.ReplayDigest(t.Context(), sa, ta)
			db, errB := projections.ReplayDigest(t.Context(), sb, tb)
			if errA != nil || errB != nil || da != db {
				t.Fatalf("%s: digest %s, %v; reference %s, %v", when, da, errA, db, errB)
			}
		})
	})
}

func rowsOf(t tester, r projections.Reader, table projections.Table) (rows []string) {
	t.Helper()
	for row, err := range r.Scan(t.Context(), table, projections.Range{}) {
		if err != nil {
			t.Fatalf("scan %s: %v", table, err)
		}
		rows = append(rows, fmt.Sprintf("%q=%q", row.Key, row.Value))
	}
	return rows
}

// survivesReopening opens the same data twice more.
func survivesReopening(t tester, s projections.Store, reopen func(projections.Store) projections.Store) {
	commit(t, s, 0, put(tab, "kept", "1"), put(tab, "deleted", "1"), put(tab, "empty", ""), put("cleared", "k", "1"))
	commit(t, s, 1, del(tab, "deleted"))
	if err := s.Commit(t.Context(), projections.Commit{Runner: "other", To: 9}); err != nil {
		t.Fatalf("commit of other: %v", err)
	}
	if err := s.Clear(t.Context(), "other", []projections.Table{"cleared"}); err != nil {
		t.Fatalf("clear: %v", err)
	}
	for round := range 2 {
		s = reopen(s)
		at := events.Position(2 + round)
		with(t, s, func(snap projections.Snapshot) {
			wantRow(t, snap, tab, "kept", "1")
			wantRow(t, snap, tab, "empty", "")
			wantNoRow(t, snap, tab, "deleted")
			wantKeys(t, snap, "cleared", projections.Range{})
			wantPosition(t, snap, runner, at)
			wantPosition(t, snap, "other", 0)
		})
		wantError(t, "a commit from before", s.Commit(t.Context(), commitOf(at-1, at)), projections.ErrPositionMoved)
		commit(t, s, at, put(tab, "more", fmt.Sprint(round)))
	}
}
