package projections_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/projectionstest"
)

// foldFunc is a fold made of a function.
type foldFunc func(projections.Work, events.Decoded) error

func (foldFunc) Name() string                                       { return "test" }
func (foldFunc) Version() int                                       { return 1 }
func (foldFunc) Tables() []projections.Table                        { return []projections.Table{"t"} }
func (f foldFunc) Apply(w projections.Work, e events.Decoded) error { return f(w, e) }

const table = projections.Table("t")

func open(t testing.TB, rows map[string]string) projections.Snapshot {
	t.Helper()
	store := projectionstest.NewMemory()
	c := projections.Commit{Runner: "r", To: 1}
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		c.Changes = append(c.Changes, projections.Change{Table: table, Key: []byte(k), Value: []byte(rows[k])})
	}
	if err := store.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// naive is the oracle: a plain map.
type naive map[string]string

func (n naive) scan(r projections.Range) (rows []string) {
	for _, k := range slices.Sorted(maps.Keys(n)) {
		if (r.From == nil || k >= string(r.From)) && (r.To == nil || k < string(r.To)) {
			rows = append(rows, k+"="+n[k])
		}
	}
	if r.Reverse {
		slices.Reverse(rows)
	}
	if r.Limit > 0 && len(rows) > r.Limit {
		rows = rows[:r.Limit]
	}
	return rows
}

func keyGen() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune("ab|}\x00")), 0, 3, -1)
}

func rangeGen() *rapid.Generator[projections.Range] {
	return rapid.Custom(func(t *rapid.T) projections.Range {
		r := projections.Range{Reverse: rapid.Bool().Draw(t, "reverse"), Limit: rapid.IntRange(0, 4).Draw(t, "limit")}
		if rapid.Bool().Draw(t, "hasFrom") {
			r.From = []byte(keyGen().Draw(t, "from"))
		}
		if rapid.Bool().Draw(t, "hasTo") {
			r.To = []byte(keyGen().Draw(t, "to"))
		}
		return r
	})
}

// TestOverlayEqualsMap: whatever is written, undone and read, the overlay over a
// snapshot shows what a plain map would, and its changes turn the one into the other.
func TestOverlayEqualsMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		base := rapid.MapOf(keyGen(), rapid.StringMatching(`[x-z]{0,2}`)).Draw(rt, "base")
		snap := open(t, base)
		defer snap.Close()
		work := projections.NewWork(t.Context(), snap)
		now := naive(maps.Clone(base))
		for range rapid.IntRange(0, 12).Draw(rt, "applies") {
			before := maps.Clone(now)
			refuse := rapid.Bool().Draw(rt, "refuse")
			err := work.Apply(foldFunc(func(w projections.Work, _ events.Decoded) error {
				for range rapid.IntRange(0, 6).Draw(rt, "steps") {
					step(rt, w, now)
				}
				if refuse {
					return events.ErrInvalid
				}
				return nil
			}), events.Decoded{})
			if refuse != (err != nil) {
				rt.Fatalf("Apply gave %v, refused: %v", err, refuse)
			}
			if refuse {
				now = before
			}
			compareScan(rt, work, now, projections.Range{})
		}
		checkChanges(rt, work.Changes(), base, now)
	})
}

func step(rt *rapid.T, w projections.Work, now naive) {
	key := keyGen().Draw(rt, "key")
	switch rapid.IntRange(0, 3).Draw(rt, "what") {
	case 0:
		value := rapid.StringMatching(`[x-z]{0,2}`).Draw(rt, "value")
		w.Put(table, []byte(key), []byte(value))
		now[key] = value
	case 1:
		w.Delete(table, []byte(key))
		delete(now, key)
	case 2:
		got, ok := w.Get(table, []byte(key))
		want, has := now[key]
		if ok != has || string(got) != want {
			rt.Fatalf("Get(%q) = %q, %v; want %q, %v", key, got, ok, want, has)
		}
	case 3:
		compareScan(rt, w, now, rangeGen().Draw(rt, "range"))
	}
}

func compareScan(rt *rapid.T, w projections.Work, now naive, r projections.Range) {
	var got []string
	w.Scan(table, r, func(row projections.Row) bool {
		got = append(got, string(row.Key)+"="+string(row.Value))
		return true
	})
	if want := now.scan(r); !slices.Equal(got, want) {
		rt.Fatalf("Scan(%+v)\n got %q\nwant %q", r, got, want)
	}
}

func checkChanges(rt *rapid.T, changes []projections.Change, base map[string]string, want naive) {
	c := projections.Commit{Runner: "r", Changes: changes}
	if err := c.Validate(); err != nil {
		rt.Fatalf("changes are not fit to commit: %v", err)
	}
	got := maps.Clone(base)
	for _, ch := range changes {
		if ch.Value == nil {
			delete(got, string(ch.Key))
		} else {
			got[string(ch.Key)] = string(ch.Value)
		}
	}
	if !maps.Equal(got, map[string]string(want)) {
		rt.Fatalf("base and changes give %q, want %q", got, want)
	}
}

func TestOverlayManyFreshKeysScanInOrder(t *testing.T) {
	snap := open(t, nil)
	defer snap.Close()
	work := projections.NewWork(t.Context(), snap)
	var want []string
	for i := range 500 {
		k := fmt.Sprintf("%03d", (i*7)%500)
		work.Put(table, []byte(k), nil)
		want = append(want, k)
		if i%100 == 0 {
			work.Scan(table, projections.Range{}, func(projections.Row) bool { return true })
		}
	}
	slices.Sort(want)
	var got []string
	work.Scan(table, projections.Range{}, func(row projections.Row) bool {
		if row.Value == nil {
			t.Fatalf("value at %q is nil, want empty", row.Key)
		}
		got = append(got, string(row.Key))
		return true
	})
	if !slices.Equal(got, want) {
		t.Fatalf("got %d keys %q…, want 500 in order", len(got), got[:min(5, len(got))])
	}
}

func TestOverlayScanStopsAndDoesNotSeeItsOwnWrites(t *testing.T) {
	snap := open(t, map[string]string{"a": "1", "c": "3"})
	defer snap.Close()
	work := projections.NewWork(t.Context(), snap)
	work.Put(table, []byte("b"), []byte("2"))
	var got []string
	work.Scan(table, projections.Range{}, func(row projections.Row) bool {
		got = append(got, string(row.Key))
		work.Put(table, append([]byte("b"), row.Key...), nil)
		return string(row.Key) != "b"
	})
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("got %q, want a and b", got)
	}
}

func TestOverlayUndoesAPanickedApply(t *testing.T) {
	snap := open(t, map[string]string{"a": "1"})
	defer snap.Close()
	work := projections.NewWork(t.Context(), snap)
	work.Put(table, []byte("kept"), []byte("1"))
	err := work.Apply(foldFunc(func(w projections.Work, _ events.Decoded) error {
		w.Delete(table, []byte("a"))
		w.Put(table, []byte("kept"), []byte("2"))
		w.Put(table, []byte("new"), []byte("2"))
		panic("Ana Pérez")
	}), events.Decoded{})
	if !errors.Is(err, projections.ErrFoldPanicked) || strings.Contains(err.Error(), "Ana") {
		t.Fatalf("got %v, want ErrFoldPanicked without the panic's text", err)
	}
	changes := work.Changes()
	if len(changes) != 1 || string(changes[0].Key) != "kept" || string(changes[0].Value) != "1" {
		t.Fatalf("changes after undo: %q", changes)
	}
}

// broken is a reader whose reads fail from the n-th on.
type broken struct {
	projections.Reader
	left int
}

var errDisk = errors.New("disk on fire")

func (b *broken) Get(ctx context.Context, t projections.Table, key []byte) ([]byte, bool, error) {
	if b.left--; b.left < 0 {
		return nil, false, errDisk
	}
	return b.Reader.Get(ctx, t, key)
}

func (b *broken) Scan(ctx context.Context, t projections.Table, r projections.Range) iter.Seq2[projections.Row, error] {
	return func(yield func(projections.Row, error) bool) {
		for row, err := range b.Reader.Scan(ctx, t, r) {
			if b.left--; b.left < 0 {
				yield(projections.Row{}, errDisk)
				return
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func TestOverlayReadErrorSticks(t *testing.T) {
	snap := open(t, map[string]string{"a": "1", "b": "2"})
	defer snap.Close()
	for name, read := range map[string]func(projections.Work) int{
		"get": func(w projections.Work) int {
			n := 0
			for _, k := range []string{"a", "b", "a"} {
				if _, ok := w.Get(table, []byte(k)); ok {
					n++
				}
			}
			return n
		},
		"scan": func(w projections.Work) int {
			n := 0
			for range 2 {
				w.Scan(table, projections.Range{}, func(projections.Row) bool { n++; return true })
			}
			return n
		},
	} {
		t.Run(name, func(t *testing.T) {
			work := projections.NewWork(t.Context(), &broken{Reader: snap, left: 1})
			if n := read(work); n != 1 {
				t.Fatalf("%d rows were read, want 1", n)
			}
			if !errors.Is(work.Err(), errDisk) {
				t.Fatalf("Err() = %v, want the read's error", work.Err())
			}
		})
	}
}

func TestTableNames(t *testing.T) {
	for name, want := range map[string]bool{
		"golden_records": true, "t2": true, strings.Repeat("a", 63): true,
		"": false, "Golden": false, "2t": false, "_t": false, "a b": false, "a\x00": false, "ä": false, strings.Repeat("a", 64): false,
	} {
		if got := projections.Table(name).Valid(); got != want {
			t.Errorf("Table(%q).Valid() = %v", name, got)
		}
	}
}

func TestPrefixEnd(t *testing.T) {
	for _, c := range []struct{ prefix, end string }{{"a", "b"}, {"a\xff", "b"}, {"\xff\xff", ""}, {"", ""}, {"a\x00", "a\x01"}} {
		got := projections.PrefixEnd([]byte(c.prefix))
		if string(got) != c.end || (got == nil) != (c.end == "") {
			t.Errorf("PrefixEnd(%q) = %q, want %q", c.prefix, got, c.end)
		}
	}
}

func BenchmarkOverlay(b *testing.B) {
	snap := open(b, nil)
	defer snap.Close()
	value := bytes.Repeat([]byte("v"), 200)
	n := 0
	fold := foldFunc(func(w projections.Work, _ events.Decoded) error {
		n++
		key := fmt.Appendf(nil, "%08d", n*7919%100_000)
		for _, t := range [...]projections.Table{"a", "b", "c"} {
			w.Get(t, key)
			w.Put(t, key, value)
		}
		return nil
	})
	b.ReportAllocs()
	for b.Loop() {
		work := projections.NewWork(b.Context(), snap)
		for range 1000 {
			if err := work.Apply(fold, events.Decoded{}); err != nil {
				b.Fatal(err)
			}
		}
		if len(work.Changes()) == 0 {
			b.Fatal("no changes")
		}
	}
	b.ReportMetric(float64(b.N*1000)/b.Elapsed().Seconds(), "events/s")
}
