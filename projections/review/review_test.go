package review

import (
	"testing"

	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/projectionstest"
)

func TestItemsAgreeWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		agree(t, rt, &story{world: newWorld(t)}, 60)
	})
}

// Customers of one record each, and many pairs: groups grow to ten and beyond.
func TestLargeGroupsAgreeWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &story{world: newWorld(t), alone: true}
		for n := range storyRecords {
			s.records(n)
			s.groups = append(s.groups, []int{n})
		}
		agree(t, rt, s, 40)
	})
}

// agree draws steps and compares all that there is after each with the oracle.
func agree(t *testing.T, rt *rapid.T, s *story, most int) {
	o := newOracle(t)
	length := len(s.evs) + rapid.IntRange(1, most).Draw(rt, "length")
	for len(s.evs) < length {
		n := len(s.evs)
		s.step(rt, o.items)
		if len(s.evs) == n {
			continue
		}
		snap, err := s.store.Snapshot(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		o.hear(events.Position(len(s.evs)), s.evs[n], snap, s.seen)
		err = o.check(s.world)
		snap.Close()
		if err != nil {
			rt.Fatalf("after event %d (%s):\n%v", len(s.evs), s.evs[n].Type, err)
		}
	}
}

func TestReplayIsTheSameByteForByte(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &story{world: newWorld(t)}
		for range rapid.IntRange(1, 60).Draw(rt, "length") {
			s.step(rt, s.all(s.snapshot()))
		}
		again := projectionstest.NewMemory()
		projectionstest.Fold(t, again, folds(), s.evs...)
		a, b := digest(t, s.store), digest(t, again)
		if a != b {
			rt.Fatalf("digests differ:\n%s\n%s", projectionstest.Dump(t, s.store), projectionstest.Dump(t, again))
		}
	})
}

func digest(t testing.TB, store projections.Store) string {
	t.Helper()
	d, err := projections.ReplayDigest(t.Context(), snapshotOf(t, store), tables())
	if err != nil {
		t.Fatal(err)
	}
	return d
}
