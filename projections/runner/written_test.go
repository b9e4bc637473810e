package runner

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"

	"ficha/projections"
)

// countingReader has every row and counts how often it is asked.
type countingReader struct{ asked int }

func (r *countingReader) Get(context.Context, projections.Table, []byte) ([]byte, bool, error) {
	r.asked++
	return []byte("there"), true, nil
}

func (r *countingReader) Scan(context.Context, projections.Table, projections.Range) iter.Seq2[projections.Row, error] {
	return func(yield func(projections.Row, error) bool) { yield(projections.Row{Key: []byte("scanned")}, nil) }
}

func keyed(t projections.Table, from, to int) (out []projections.Change) {
	for i := from; i < to; i++ {
		out = append(out, projections.Change{Table: t, Key: fmt.Appendf(nil, "%s %d", t, i), Value: []byte("v")})
	}
	return out
}

func finds(t *testing.T, r projections.Reader, c projections.Change) bool {
	t.Helper()
	_, ok, err := r.Get(t.Context(), c.Table, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestWhatWasWrittenIsAlwaysLookedFor: over many filters and batches no written
// row is taken for absent, while one that asks adds go on; of what was never
// written, nearly nothing is looked for.
func TestWhatWasWrittenIsAlwaysLookedFor(t *testing.T) {
	const n, each = 40_000, 2000
	base := &countingReader{}
	w := newWritten(map[projections.Table]bool{"a": true, DeadLettersTable: true})
	r := w.over(base)
	if finds(t, r, keyed("a", 0, 1)[0]) {
		t.Fatal("a row of an empty table was looked for")
	}
	added := make(chan int, n/each)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(added)
		for from := 0; from < n; from += each {
			w.add(keyed("a", from, from+each))
			added <- from + each
		}
	})
	for to := range added {
		for _, c := range keyed("a", to-each, to) {
			if !finds(t, r, c) {
				t.Fatalf("%s was written and is taken for absent", c.Key)
			}
		}
	}
	wg.Wait()
	for _, c := range keyed("a", 0, n) {
		if !finds(t, r, c) {
			t.Fatalf("%s was written and is taken for absent", c.Key)
		}
	}
	if filters := len(*w.tables["a"].filters.Load()); filters < 3 {
		t.Fatalf("only %d filters: their growth was not tried", filters)
	}
	base.asked = 0
	for _, c := range keyed("a", n, 2*n) {
		finds(t, r, c)
	}
	if share := float64(base.asked) / n; share > 0.1 {
		t.Errorf("%.1f %% of what was never written is looked for", 100*share)
	}
}

func TestOtherTablesAreLookedInto(t *testing.T) {
	base := &countingReader{}
	w := newWritten(map[projections.Table]bool{"asked": true, "never asked": true, DeadLettersTable: true, countsTable: true})
	r := w.over(base)
	for _, table := range []projections.Table{"of another runner", DeadLettersTable, countsTable} {
		if !finds(t, r, keyed(table, 0, 1)[0]) {
			t.Errorf("a row of %s is taken for absent, though others write there", table)
		}
	}
	for i := range trial + 2 {
		finds(t, r, keyed("asked", 0, 1)[0])
		w.add(append(keyed("asked", i+1, i+2), keyed("never asked", i, i+1)...))
	}
	if finds(t, r, keyed("asked", 0, 1)[0]) {
		t.Error("a table that is asked was given up")
	}
	if !finds(t, r, keyed("never asked", 100, 101)[0]) {
		t.Error("a table that nobody had asked is still kept account of: it costs for nothing")
	}
	for row, err := range r.Scan(t.Context(), "asked", projections.Range{}) {
		if string(row.Key) != "scanned" || err != nil {
			t.Errorf("scan gives %q, %v", row.Key, err)
		}
	}
	var none *written
	none.add(keyed("asked", 0, 1))
	if got := none.over(base); got != projections.Reader(base) {
		t.Error("who knows nothing stands between")
	}
}

func TestADeletedRowIsLookedFor(t *testing.T) {
	base := &countingReader{}
	w := newWritten(map[projections.Table]bool{"a": true})
	c := keyed("a", 0, 1)
	w.add(c)
	c[0].Value = nil
	w.add(c)
	if !finds(t, w.over(base), c[0]) {
		t.Error("it may have been written again since")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := w.over(base).Get(ctx, "a", []byte("absent")); err == nil {
		t.Error("an ended context is not told")
	}
}
