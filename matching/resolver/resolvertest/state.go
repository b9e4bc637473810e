// Package resolvertest holds the contract of resolver.State: one suite for every
// store, and a state in memory that passes it.
package resolvertest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"ficha/events"
	"ficha/matching/resolver"
)

// Memory is a resolver.State that ends with the process.
type Memory struct {
	mu     sync.Mutex
	cursor resolver.Cursor
	rows   map[string][]byte
}

var _ resolver.State = (*Memory)(nil)

// NewMemory gives an empty state.
func NewMemory() *Memory { return &Memory{rows: map[string][]byte{}} }

// Cursor implements resolver.State.
func (m *Memory) Cursor(ctx context.Context) (resolver.Cursor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursor, ctx.Err()
}

// Get implements resolver.State.
func (m *Memory) Get(ctx context.Context, key []byte) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.rows[string(key)]
	return v, ok, ctx.Err()
}

// Load implements resolver.State.
func (m *Memory) Load(ctx context.Context, prefix []byte) iter.Seq2[resolver.Row, error] {
	m.mu.Lock()
	var rows []resolver.Row
	for k, v := range m.rows {
		if strings.HasPrefix(k, string(prefix)) {
			rows = append(rows, resolver.Row{Key: []byte(k), Value: v})
		}
	}
	m.mu.Unlock()
	slices.SortFunc(rows, func(a, b resolver.Row) int { return bytes.Compare(a.Key, b.Key) })
	return func(yield func(resolver.Row, error) bool) {
		for _, r := range rows {
			if err := ctx.Err(); err != nil {
				yield(resolver.Row{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Save implements resolver.State.
func (m *Memory) Save(ctx context.Context, from, to resolver.Cursor, rows []resolver.Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.cursor != from {
		return resolver.ErrMoved
	}
	m.cursor = to
	for _, r := range rows {
		if r.Value == nil {
			delete(m.rows, string(r.Key))
		} else {
			m.rows[string(r.Key)] = append([]byte{}, r.Value...)
		}
	}
	return nil
}

// Clear implements resolver.State.
func (m *Memory) Clear(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cursor, m.rows = resolver.Cursor{}, map[string][]byte{}
	return ctx.Err()
}

// ExerciseState runs the contract of resolver.State against fresh states.
func ExerciseState(t *testing.T, open func(t *testing.T) resolver.State) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, resolver.State)
	}{
		{"NewStateIsEmpty", newStateIsEmpty},
		{"SaveIsReadBack", saveIsReadBack},
		{"NilDeletesEmptyStays", nilDeletesEmptyStays},
		{"SaveRefusesAnotherCursor", saveRefusesAnotherCursor},
		{"LoadIsByPrefixInOrder", loadIsByPrefixInOrder},
		{"RowsAreNotShared", rowsAreNotShared},
		{"ClearForgetsAll", clearForgetsAll},
		{"CancelledContextIsAnError", cancelledContextIsAnError},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func row(key, value string) resolver.Row {
	return resolver.Row{Key: []byte(key), Value: []byte(value)}
}

func save(t *testing.T, s resolver.State, from, to uint64, rows ...resolver.Row) {
	t.Helper()
	if err := s.Save(t.Context(), cursor(from), cursor(to), rows); err != nil {
		t.Fatalf("save: %v", err)
	}
}

func cursor(n uint64) resolver.Cursor {
	return resolver.Cursor{Record: events.Position(n), Identity: events.Position(n / 2)}
}

func keysOf(t *testing.T, s resolver.State, prefix string) string {
	t.Helper()
	var keys []string
	for r, err := range s.Load(t.Context(), []byte(prefix)) {
		if err != nil {
			t.Fatalf("load: %v", err)
		}
		keys = append(keys, string(r.Key)+"="+string(r.Value))
	}
	return strings.Join(keys, " ")
}

func newStateIsEmpty(t *testing.T, s resolver.State) {
	if c, err := s.Cursor(t.Context()); err != nil || c != (resolver.Cursor{}) {
		t.Errorf("cursor = %v, %v; want zero", c, err)
	}
	if _, ok, err := s.Get(t.Context(), []byte("a")); ok || err != nil {
		t.Errorf("get = %v, %v; want nothing", ok, err)
	}
	if got := keysOf(t, s, ""); got != "" {
		t.Errorf("rows = %q; want none", got)
	}
}

func saveIsReadBack(t *testing.T, s resolver.State) {
	save(t, s, 0, 10, row("a", "1"), row("b", "2"))
	save(t, s, 10, 20, row("a", "3"))
	if c, _ := s.Cursor(t.Context()); c != cursor(20) {
		t.Errorf("cursor = %v; want %v", c, cursor(20))
	}
	if v, ok, err := s.Get(t.Context(), []byte("a")); string(v) != "3" || !ok || err != nil {
		t.Errorf("get = %q, %v, %v; want the newest value", v, ok, err)
	}
}

func nilDeletesEmptyStays(t *testing.T, s resolver.State) {
	save(t, s, 0, 1, row("a", "1"), resolver.Row{Key: []byte("b"), Value: []byte{}})
	save(t, s, 1, 2, resolver.Row{Key: []byte("a")})
	if got := keysOf(t, s, ""); got != "b=" {
		t.Errorf("rows = %q; want only the empty one", got)
	}
}

func saveRefusesAnotherCursor(t *testing.T, s resolver.State) {
	save(t, s, 0, 4, row("a", "1"))
	err := s.Save(t.Context(), cursor(2), cursor(6), []resolver.Row{row("a", "2")})
	if !errors.Is(err, resolver.ErrMoved) {
		t.Errorf("save from an old cursor = %v; want ErrMoved", err)
	}
	if got := keysOf(t, s, ""); got != "a=1" {
		t.Errorf("rows = %q; the refused save must write nothing", got)
	}
}

func loadIsByPrefixInOrder(t *testing.T, s resolver.State) {
	save(t, s, 0, 1, row("r\xff", "4"), row("r\x00", "1"), row("ra", "3"), row("s", "5"), row("q", "0"), row("rA", "2"))
	if got := keysOf(t, s, "r"); got != "r\x00=1 rA=2 ra=3 r\xff=4" {
		t.Errorf("rows = %q", got)
	}
}

func rowsAreNotShared(t *testing.T, s resolver.State) {
	r := row("a", "1")
	save(t, s, 0, 1, r)
	r.Key[0], r.Value[0] = 'x', 'x'
	if got := keysOf(t, s, ""); got != "a=1" {
		t.Errorf("rows = %q; the caller's bytes were kept", got)
	}
}

func clearForgetsAll(t *testing.T, s resolver.State) {
	save(t, s, 0, 8, row("a", "1"))
	if err := s.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	newStateIsEmpty(t, s)
	save(t, s, 0, 2, row("b", "1"))
}

func cancelledContextIsAnError(t *testing.T, s resolver.State) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Save(ctx, cursor(0), cursor(1), []resolver.Row{row("a", "1")}); err == nil {
		t.Error("save under a cancelled context succeeded")
	}
	if _, _, err := s.Get(ctx, []byte("a")); err == nil {
		t.Error("get under a cancelled context succeeded")
	}
}
