package projectionstest

import (
	"bytes"
	"slices"
	"strings"

	"ficha/projections"
)

func keyCases() []suiteCase {
	return []suiteCase{
		{"a new store is empty", newStoreIsEmpty},
		{"order is that of bytes: | before }, upper before lower case, accents last", orderIsThatOfBytes},
		{"letter case makes another key", letterCaseCounts},
		{"an accent in another normal form makes another key", normalFormCounts},
		{"NUL bytes in keys and values", nulBytes},
		{"0xFF bytes and the end of a prefix", highBytes},
		{"an empty key is a key", emptyKey},
		{"an empty value is a row, none is not", emptyValueIsARow},
		{"large values and long keys", largeValues},
		{"tables whose names begin alike do not mix", tablesDoNotMix},
		{"Tables lists the tables that hold rows", tablesAreListed},
		{"a bad table name holds no rows", badTableHoldsNothing},
	}
}

const tab = projections.Table("rows")

func newStoreIsEmpty(t tester, s subject) {
	with(t, s, func(snap projections.Snapshot) {
		wantPosition(t, snap, runner, 0)
		wantNoRow(t, snap, tab, "a")
		wantKeys(t, snap, tab, projections.Range{})
		if tables, err := snap.Tables(t.Context()); err != nil || len(tables) != 0 {
			t.Errorf("Tables = %v, %v; want none", tables, err)
		}
	})
}

// commitKeys writes a row per key and checks that a scan gives them as listed.
func commitKeys(t tester, s subject, inOrder ...string) {
	t.Helper()
	var changes []projections.Change
	for i, k := range inOrder {
		changes = append(changes, put(tab, k, strings.Repeat("v", i)))
	}
	commit(t, s, 0, changes...)
	with(t, s, func(snap projections.Snapshot) {
		wantKeys(t, snap, tab, projections.Range{}, inOrder...)
		for i, k := range inOrder {
			wantRow(t, snap, tab, k, strings.Repeat("v", i))
		}
		backwards := slices.Clone(inOrder)
		slices.Reverse(backwards)
		wantKeys(t, snap, tab, projections.Range{Reverse: true}, backwards...)
	})
}

func orderIsThatOfBytes(t tester, s subject) {
	commitKeys(t, s, " ", "-", "-a", "10", "9", "A", "B", "_", "a", "a-b", "ab", "a|b", "a}b", "b", "|", "}", "~", "\x7f", "á", "ñ", "Ω", "漢")
}

func letterCaseCounts(t tester, s subject) {
	commitKeys(t, s, "ANA", "Ana", "aNA", "ana")
}

func normalFormCounts(t tester, s subject) {
	commitKeys(t, s, "Jose", "Jose\u0301", "José", "straße", "stra\u1e9ee", "ﬁ")
}

func nulBytes(t tester, s subject) {
	commitKeys(t, s, "\x00", "\x00\x00", "\x00a", "a", "a\x00", "a\x00\x00", "a\x00b", "a\x01", "ab")
	commit(t, s, 1, put("values", "k", "a\x00b\x00"), put("values", "only", "\x00"))
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, "values", "k", "a\x00b\x00")
		wantRow(t, snap, "values", "only", "\x00")
		wantKeys(t, snap, tab, projections.Prefix([]byte("a\x00")), "a\x00", "a\x00\x00", "a\x00b")
	})
}

func highBytes(t tester, s subject) {
	commitKeys(t, s, "a", "a\xfe", "a\xff", "a\xff\x00", "a\xff\xff", "b", "\xfe", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff")
	with(t, s, func(snap projections.Snapshot) {
		wantKeys(t, snap, tab, projections.Prefix([]byte("a\xff")), "a\xff", "a\xff\x00", "a\xff\xff")
		wantKeys(t, snap, tab, projections.Prefix([]byte("\xff")), "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff")
		wantKeys(t, snap, tab, projections.Range{From: []byte("\xff\xff"), Reverse: true}, "\xff\xff\xff", "\xff\xff")
	})
}

func emptyKey(t tester, s subject) {
	commitKeys(t, s, "", "\x00", "a")
	with(t, s, func(snap projections.Snapshot) {
		wantKeys(t, snap, tab, projections.Range{From: []byte{}, To: []byte("\x00")}, "")
		wantKeys(t, snap, tab, projections.Range{From: []byte{}, To: []byte{}})
	})
	commit(t, s, 1, del(tab, ""))
	with(t, s, func(snap projections.Snapshot) { wantNoRow(t, snap, tab, "") })
}

func emptyValueIsARow(t tester, s subject) {
	commit(t, s, 0, put(tab, "empty", ""), put(tab, "full", "x"))
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, tab, "empty", "")
		wantNoRow(t, snap, tab, "missing")
		wantKeys(t, snap, tab, projections.Range{}, "empty", "full")
		for row, err := range snap.Scan(t.Context(), tab, projections.Range{}) {
			if err != nil || row.Value == nil {
				t.Errorf("scan gave nil for an empty value: %v", err)
			}
		}
	})
	commit(t, s, 1, put(tab, "full", ""), del(tab, "empty"))
	with(t, s, func(snap projections.Snapshot) {
		wantNoRow(t, snap, tab, "empty")
		wantRow(t, snap, tab, "full", "")
	})
}

func largeValues(t tester, s subject) {
	const mebibyte = 1 << 20
	large := string(bytes.Repeat([]byte("0123456789abcdef"), mebibyte/16))
	longKey := strings.Repeat("k", 1000)
	commit(t, s, 0, put(tab, "large", large), put(tab, longKey, "long"), put(tab, longKey+"2", "longer"))
	with(t, s, func(snap projections.Snapshot) {
		wantRow(t, snap, tab, "large", large)
		wantRow(t, snap, tab, longKey, "long")
		wantRow(t, snap, tab, longKey+"2", "longer")
		for row, err := range snap.Scan(t.Context(), tab, projections.Range{From: []byte("large"), Limit: 1}) {
			if err != nil || string(row.Value) != large {
				t.Errorf("scan gave %d bytes, %v; want the large value", len(row.Value), err)
			}
		}
	})
}

func tablesDoNotMix(t tester, s subject) {
	commit(t, s, 0, put("a", "b", "1"), put("a", "b_c", "2"), put("a_b", "c", "3"), put("ab", "", "4"), put("b", "a", "5"))
	with(t, s, func(snap projections.Snapshot) {
		wantKeys(t, snap, "a", projections.Range{}, "b", "b_c")
		wantKeys(t, snap, "a", projections.Range{Reverse: true}, "b_c", "b")
		wantKeys(t, snap, "a_b", projections.Range{}, "c")
		wantKeys(t, snap, "ab", projections.Range{}, "")
		wantKeys(t, snap, "b", projections.Range{Reverse: true}, "a")
		wantNoRow(t, snap, "ab", "c")
		wantNoRow(t, snap, "a", "c")
	})
}

func tablesAreListed(t tester, s subject) {
	commit(t, s, 0, put("b", "k", ""), put("a", "k", "1"), put("gone", "k", "1"), put("c_d", "\xff", "1"), put("c", "k", "1"))
	commit(t, s, 1, del("gone", "k"))
	with(t, s, func(snap projections.Snapshot) {
		got, err := snap.Tables(t.Context())
		if want := []projections.Table{"a", "b", "c", "c_d"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("Tables = %q, %v; want %q", got, err, want)
		}
	})
}

func badTableHoldsNothing(t tester, s subject) {
	commit(t, s, 0, put("a", "b\x00c", "1"), put("a", "\x00c", "1"))
	with(t, s, func(snap projections.Snapshot) {
		for _, bad := range []projections.Table{"", "A", "a\x00b", "a\x00", "a b", "ä"} {
			wantNoRow(t, snap, bad, "c")
			wantKeys(t, snap, bad, projections.Range{})
		}
	})
}
