package projections_test

import (
	"testing"

	"ficha/projections"
	"ficha/projections/projectionstest"
)

func digest(t *testing.T, s projections.Store, tables ...projections.Table) string {
	t.Helper()
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	d, err := projections.ReplayDigest(t.Context(), snap, tables)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func holding(t *testing.T, rows ...projections.Change) projections.Store {
	t.Helper()
	s := projectionstest.NewMemory()
	for i, row := range rows {
		c := projections.Commit{Runner: string(rune('a' + i)), Changes: []projections.Change{row}}
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func row(t projections.Table, key, value string) projections.Change {
	return projections.Change{Table: t, Key: []byte(key), Value: append([]byte{}, value...)}
}

func TestReplayDigestTellsRowsApart(t *testing.T) {
	base := holding(t, row("a", "k", "vw"), row("b", "x", "y"))
	same := holding(t, row("b", "x", "y"), row("a", "k", "old"), row("a", "k", "vw"))
	if digest(t, base, "a", "b") != digest(t, same, "b", "a") {
		t.Error("the same rows have two digests")
	}
	for name, other := range map[string]projections.Store{
		"another value":     holding(t, row("a", "k", "vx"), row("b", "x", "y")),
		"a moved boundary":  holding(t, row("a", "kv", "w"), row("b", "x", "y")),
		"another table":     holding(t, row("a", "k", "vw"), row("a", "x", "y")),
		"a missing row":     holding(t, row("a", "k", "vw")),
		"an additional row": holding(t, row("a", "k", "vw"), row("b", "x", "y"), row("b", "z", "")),
	} {
		if digest(t, base, "a", "b") == digest(t, other, "a", "b") {
			t.Errorf("%s has the same digest", name)
		}
	}
}

func TestContentDigestIgnoresOrderAlone(t *testing.T) {
	a := projections.ContentDigest([]string{"x", "y"})
	if a != projections.ContentDigest([]string{"y", "x"}) {
		t.Error("order counts")
	}
	for _, other := range [][]string{{"x"}, {"x", "y", "y"}, {"x", "z"}, {}} {
		if projections.ContentDigest(other) == a {
			t.Errorf("%q has the same digest", other)
		}
	}
}
