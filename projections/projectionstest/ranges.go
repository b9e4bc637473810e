package projectionstest

import (
	"context"
	"fmt"
	"slices"

	"ficha/events"
	"ficha/projections"
)

func rangeCases() []suiteCase {
	return []suiteCase{
		{"every range, forwards and backwards, with every limit", everyRange},
		{"paging is stable while others write", pagingIsStable},
		{"a scan of many rows is complete and in order", manyRows},
		{"a scan stops when it is told to", scanStops},
		{"scans of one snapshot run side by side", scansSideBySide},
		{"rows handed out stay valid", rowsStayValid},
		{"a cancelled context ends a scan with an error", cancelEndsScan},
	}
}

// everyRange compares all ranges over a few keys with the definition.
func everyRange(t tester, s subject) {
	keys := []string{"a", "b", "b\x00", "c", "\xff"}
	var changes []projections.Change
	for _, k := range keys {
		changes = append(changes, put(tab, k, k))
	}
	commit(t, s, 0, append(changes, put("before", "z", ""), put("z_after", "a", ""))...)
	bounds := [][]byte{nil, {}, []byte("a"), []byte("aa"), []byte("b"), []byte("b\x00"), []byte("c"), []byte("d"), []byte("\xff"), []byte("\xff\xff")}
	with(t, s, func(snap projections.Snapshot) {
		for _, from := range bounds {
			for _, to := range bounds {
				for limit := range len(keys) + 2 {
					for _, reverse := range []bool{false, true} {
						r := projections.Range{From: from, To: to, Reverse: reverse, Limit: limit}
						wantKeys(t, snap, tab, r, inRange(keys, r)...)
					}
				}
			}
		}
	})
}

// inRange is the definition of a range.
func inRange(sorted []string, r projections.Range) []string {
	in := []string{}
	for _, k := range sorted {
		if (r.From == nil || k >= string(r.From)) && (r.To == nil || k < string(r.To)) {
			in = append(in, k)
		}
	}
	if r.Reverse {
		slices.Reverse(in)
	}
	if r.Limit > 0 {
		in = in[:min(len(in), r.Limit)]
	}
	return in
}

// pagingIsStable turns pages in one snapshot, with a commit before each page.
func pagingIsStable(t tester, s subject) {
	const rows, page = 57, 5
	var changes []projections.Change
	var want []string
	for i := range rows {
		want = append(want, fmt.Sprintf("%04d", i*2))
		changes = append(changes, put(tab, want[i], "old"))
	}
	commit(t, s, 0, changes...)
	with(t, s, func(snap projections.Snapshot) {
		var got []string
		var after []byte
		for i := range rows {
			commit(t, s, events.Position(i+1), put(tab, fmt.Sprintf("%04d", i*2+1), "new"), del(tab, fmt.Sprintf("%04d", i*2)))
			keys := keysOf(t, snap, tab, projections.Range{From: after, Limit: page})
			got = append(got, keys...)
			if len(keys) < page {
				break
			}
			after = append([]byte(keys[page-1]), 0)
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages gave %q\nwant %q", got, want)
		}
	})
}

func manyRows(t tester, s subject) {
	const batches, each = 5, 1000
	var want []string
	for b := range batches {
		var changes []projections.Change
		for i := range each {
			k := fmt.Sprintf("%06d", i*batches+b)
			want = append(want, k)
			changes = append(changes, put(tab, k, k))
		}
		commit(t, s, events.Position(b), changes...)
	}
	slices.Sort(want)
	with(t, s, func(snap projections.Snapshot) {
		if got := keysOf(t, snap, tab, projections.Range{}); !slices.Equal(got, want) {
			t.Errorf("forwards: got %d rows, want %d in order", len(got), len(want))
		}
		got := keysOf(t, snap, tab, projections.Range{Reverse: true})
		slices.Reverse(got)
		if !slices.Equal(got, want) {
			t.Errorf("backwards: got %d rows, want %d in order", len(got), len(want))
		}
	})
}

func scanStops(t tester, s subject) {
	commit(t, s, 0, put(tab, "a", ""), put(tab, "b", ""), put(tab, "c", ""))
	with(t, s, func(snap projections.Snapshot) {
		for _, reverse := range []bool{false, true} {
			n := 0
			for range snap.Scan(t.Context(), tab, projections.Range{Reverse: reverse}) {
				if n++; n == 2 {
					break
				}
			}
			if n != 2 {
				t.Errorf("reverse %v: %d rows, want 2", reverse, n)
			}
		}
		again := snap.Scan(t.Context(), tab, projections.Range{})
		for range 2 {
			n := 0
			for range again {
				n++
			}
			if n != 3 {
				t.Errorf("one sequence ranged over twice: %d rows, want 3 each time", n)
			}
		}
	})
}

func scansSideBySide(t tester, s subject) {
	commit(t, s, 0, put(tab, "a", ""), put(tab, "b", ""), put(tab, "c", ""))
	with(t, s, func(snap projections.Snapshot) {
		var pairs []string
		for _, outer := range keysOf(t, snap, tab, projections.Range{}) {
			for row, err := range snap.Scan(t.Context(), tab, projections.Range{Reverse: true}) {
				if err != nil {
					t.Fatalf("inner scan: %v", err)
				}
				wantRow(t, snap, tab, string(row.Key), "")
				pairs = append(pairs, outer+string(row.Key))
			}
		}
		if want := []string{"ac", "ab", "aa", "bc", "bb", "ba", "cc", "cb", "ca"}; !slices.Equal(pairs, want) {
			t.Errorf("nested scans gave %q, want %q", pairs, want)
		}
	})
}

// rowsStayValid keeps rows beyond their scan, their snapshot and later commits.
func rowsStayValid(t tester, s subject) {
	const n = 700
	var changes []projections.Change
	for i := range n {
		changes = append(changes, put(tab, fmt.Sprintf("%04d", i), fmt.Sprintf("value %d", i)))
	}
	commit(t, s, 0, changes...)
	var rows []projections.Row
	var got [][]byte
	with(t, s, func(snap projections.Snapshot) {
		for row, err := range snap.Scan(t.Context(), tab, projections.Range{}) {
			if err != nil {
				t.Fatalf("scan: %v", err)
			}
			rows = append(rows, row)
			v, _, err := snap.Get(t.Context(), tab, row.Key)
			if err != nil {
				t.Fatalf("get: %v", err)
			}
			got = append(got, v)
		}
	})
	for i := range changes {
		changes[i].Value = []byte("overwritten")
	}
	commit(t, s, 1, changes...)
	if len(rows) != n {
		t.Fatalf("%d rows, want %d", len(rows), n)
	}
	for i, row := range rows {
		if string(row.Key) != fmt.Sprintf("%04d", i) || string(row.Value) != fmt.Sprintf("value %d", i) || string(got[i]) != fmt.Sprintf("value %d", i) {
			t.Fatalf("row %d became %q = %q, and what Get gave %q", i, row.Key, row.Value, got[i])
		}
	}
}

func cancelEndsScan(t tester, s subject) {
	const n = 5000
	var changes []projections.Change
	for i := range n {
		changes = append(changes, put(tab, fmt.Sprintf("%05d", i), ""))
	}
	commit(t, s, 0, changes...)
	with(t, s, func(snap projections.Snapshot) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		rows, errs := 0, []error{}
		for _, err := range snap.Scan(ctx, tab, projections.Range{}) {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			rows++
			cancel()
		}
		if rows == n || len(errs) != 1 {
			t.Fatalf("%d rows and errors %v after cancelling at the first row; want fewer and one", rows, errs)
		}
		wantError(t, "scan with a cancelled context", errs[0], context.Canceled)
	})
}
