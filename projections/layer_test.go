package projections_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
)

// TestLayeredBatchesEqualOneAfterTheOther: a batch folded over the one before,
// committed or not, sees and changes the same rows as one folded after its commit.
func TestLayeredBatchesEqualOneAfterTheOther(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		start := map[string]string{}
		for range rapid.IntRange(0, 6).Draw(rt, "rows") {
			start[keyGen().Draw(rt, "key")] = "base"
		}
		want := naive{}
		for k, v := range start {
			want[k] = v
		}
		snap := open(t, start)
		defer snap.Close()
		base := projections.Reader(snap)
		for n := range 3 {
			w := projections.NewWork(t.Context(), base)
			for range rapid.IntRange(0, 8).Draw(rt, "writes") {
				change(rt, w, want, n)
			}
			w.End()
			r := rangeGen().Draw(rt, "range")
			layered := w.Over(base)
			var got []string
			for row, err := range layered.Scan(t.Context(), table, r) {
				if err != nil {
					rt.Fatal(err)
				}
				got = append(got, string(row.Key)+"="+string(row.Value))
			}
			if !slices.Equal(got, want.scan(r)) {
				rt.Fatalf("after batch %d, %+v gives %q, want %q", n, r, got, want.scan(r))
			}
			k := keyGen().Draw(rt, "look")
			v, ok, err := layered.Get(t.Context(), table, []byte(k))
			if old, there := want[k]; err != nil || ok != there || ok && string(v) != old {
				rt.Fatalf("after batch %d, %q is %q %v, %v; want %q %v", n, k, v, ok, err, old, there)
			}
			base = layered
		}
	})
}

// change writes or deletes a row, by a fold that may be refused.
func change(rt *rapid.T, w *projections.Overlay, want naive, n int) {
	k, refused := keyGen().Draw(rt, "key"), rapid.IntRange(0, 4).Draw(rt, "refused") == 0
	del := rapid.Bool().Draw(rt, "delete")
	err := w.Apply(foldFunc(func(w projections.Work, _ events.Decoded) error {
		if del {
			w.Delete(table, []byte(k))
		} else {
			w.Put(table, []byte(k), []byte{byte('0' + n)})
		}
		if refused {
			return events.ErrInvalid
		}
		return nil
	}), events.Decoded{})
	switch {
	case err != nil:
	case del:
		delete(want, k)
	default:
		want[k] = string(byte('0' + n))
	}
}

// TestAStoppedLayeredScanYieldsNothingMore: neither rows nor an error.
func TestAStoppedLayeredScanYieldsNothingMore(t *testing.T) {
	snap := open(t, map[string]string{"a": "1", "c": "3"})
	defer snap.Close()
	w := projections.NewWork(t.Context(), snap)
	w.Put(table, []byte("b"), []byte("2"))
	n := 0
	for _, err := range w.Over(snap).Scan(t.Context(), table, projections.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d rows before the stop", n)
	}
}

// TestAnEndedBatchLetsGo: what it was read from is not kept, so that a row of
// batches, each read over the one before, is not kept either.
func TestAnEndedBatchLetsGo(t *testing.T) {
	snap := open(t, map[string]string{"a": "1"})
	defer snap.Close()
	w := projections.NewWork(t.Context(), snap)
	w.Put(table, []byte("b"), []byte("2"))
	w.End()
	if len(w.Changes()) != 1 {
		t.Errorf("changes %v", w.Changes())
	}
	if _, ok := w.Get(table, []byte("a")); ok || !errors.Is(w.Err(), projections.ErrClosed) {
		t.Errorf("it still reads: %v, %v", ok, w.Err())
	}
	w = projections.NewWork(t.Context(), snap)
	w.End()
	w.Scan(table, projections.Range{}, func(projections.Row) bool { return true })
	if !errors.Is(w.Err(), projections.ErrClosed) {
		t.Errorf("it still scans: %v", w.Err())
	}
}
