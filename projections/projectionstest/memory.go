package projectionstest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"ficha/events"
	"ficha/projections"
)

// Memory is the reference store: rows in maps, several versions of each as long
// as a snapshot needs them. It is slow and simple, and passes Exercise.
type Memory struct {
	mu        sync.RWMutex
	closed    bool
	now       uint64 // number of the last commit
	tables    map[projections.Table]*memoryTable
	positions map[string][]version[events.Position]
	open      map[*memorySnapshot]struct{}
}

var _ projections.Store = (*Memory)(nil)

// NewMemory gives an empty store.
func NewMemory() *Memory {
	return &Memory{
		tables:    make(map[projections.Table]*memoryTable),
		positions: make(map[string][]version[events.Position]),
		open:      make(map[*memorySnapshot]struct{}),
	}
}

// version is a value from a commit on; alive is false when that commit deleted it.
type version[V any] struct {
	from  uint64
	alive bool
	value V
}

type memoryTable struct {
	keys []string // sorted, of every row that has a version
	rows map[string][]version[[]byte]
}

// Close makes every later call answer [projections.ErrClosed].
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Commit implements [projections.Store].
func (m *Memory) Commit(ctx context.Context, c projections.Commit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	at, _ := asOf(m.positions[c.Runner], m.now)
	if at != c.At {
		return fmt.Errorf("commit of %s at %d, store is at %d: %w", c.Runner, c.At, at, projections.ErrPositionMoved)
	}
	m.now++
	for _, ch := range c.Changes {
		m.set(ch.Table, string(ch.Key), version[[]byte]{from: m.now, alive: ch.Value != nil, value: bytes.Clone(ch.Value)})
	}
	m.setPosition(c.Runner, c.To)
	return nil
}

// Clear implements [projections.Store].
func (m *Memory) Clear(ctx context.Context, runner string, tables []projections.Table) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	for _, t := range tables {
		if !t.Valid() {
			return fmt.Errorf("clear table %q: bad name: %w", t, events.ErrInvalid)
		}
	}
	m.now++
	for _, t := range tables {
		if tab := m.tables[t]; tab != nil {
			for _, k := range slices.Clone(tab.keys) {
				m.set(t, k, version[[]byte]{from: m.now})
			}
		}
	}
	m.setPosition(runner, 0)
	return nil
}

// Snapshot implements [projections.Store].
func (m *Memory) Snapshot(ctx context.Context) (projections.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	s := &memorySnapshot{store: m, at: m.now}
	m.open[s] = struct{}{}
	return s, nil
}

// usable says whether a call may go on. Callers hold mu.
func (m *Memory) usable(ctx context.Context) error {
	if m.closed {
		return projections.ErrClosed
	}
	return ctx.Err()
}

// oldest is the number of the oldest commit that somebody may still look at.
func (m *Memory) oldest() uint64 {
	n := m.now
	for s := range m.open {
		n = min(n, s.at)
	}
	return n
}

func (m *Memory) setPosition(runner string, p events.Position) {
	v := version[events.Position]{from: m.now, alive: true, value: p}
	m.positions[runner] = append(prune(m.positions[runner], m.oldest()), v)
}

// set appends a version to a row, dropping those that nobody can see any more.
func (m *Memory) set(t projections.Table, key string, v version[[]byte]) {
	tab := m.tables[t]
	if tab == nil {
		tab = &memoryTable{rows: make(map[string][]version[[]byte])}
		m.tables[t] = tab
	}
	old, known := tab.rows[key]
	i, _ := slices.BinarySearch(tab.keys, key)
	switch nobodyLooksBack := m.oldest() == m.now; {
	case v.alive && !known:
		tab.keys = slices.Insert(tab.keys, i, key)
	case !v.alive && !known:
		return
	case !v.alive && nobodyLooksBack:
		tab.keys = slices.Delete(tab.keys, i, i+1)
		delete(tab.rows, key)
		return
	}
	tab.rows[key] = append(prune(old, m.oldest()), v)
}

// prune drops the versions that were replaced before the oldest commit in view.
func prune[V any](versions []version[V], oldest uint64) []version[V] {
	for len(versions) > 1 && versions[1].from <= oldest {
		versions = versions[1:]
	}
	return versions
}

// asOf gives the value after commit number at.
func asOf[V any](versions []version[V], at uint64) (value V, ok bool) {
	for _, v := range slices.Backward(versions) {
		if v.from <= at {
			if v.alive {
				value = v.value
			}
			return value, v.alive
		}
	}
	return value, false
}

// memorySnapshot sees the store as it was after commit number at.
type memorySnapshot struct {
	store  *Memory
	at     uint64
	closed bool
}

func (s *memorySnapshot) usable(ctx context.Context) error {
	if s.closed {
		return projections.ErrClosed
	}
	return s.store.usable(ctx)
}

func (s *memorySnapshot) Get(ctx context.Context, t projections.Table, key []byte) ([]byte, bool, error) {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, false, err
	}
	tab := s.store.tables[t]
	if tab == nil {
		return nil, false, nil
	}
	v, ok := asOf(tab.rows[string(key)], s.at)
	return bytes.Clone(v), ok, nil // a clone of an empty value is not nil
}

func (s *memorySnapshot) Scan(ctx context.Context, t projections.Table, r projections.Range) iter.Seq2[projections.Row, error] {
	return func(yield func(projections.Row, error) bool) {
		rows, err := s.collect(ctx, t, r)
		for _, row := range rows {
			if err = ctx.Err(); err != nil {
				break
			}
			if !yield(row, nil) {
				return
			}
		}
		if err != nil {
			yield(projections.Row{}, err)
		}
	}
}

func (s *memorySnapshot) collect(ctx context.Context, t projections.Table, r projections.Range) ([]projections.Row, error) {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	tab := s.store.tables[t]
	if tab == nil {
		return nil, nil
	}
	var rows []projections.Row
	keys := between(tab.keys, r)
	for i := range keys {
		k := keys[i]
		if r.Reverse {
			k = keys[len(keys)-1-i]
		}
		if v, ok := asOf(tab.rows[k], s.at); ok {
			rows = append(rows, projections.Row{Key: []byte(k), Value: bytes.Clone(v)})
		}
		if r.Limit > 0 && len(rows) == r.Limit {
			break
		}
	}
	return rows, nil
}

// between gives the part of sorted keys that lies in r.
func between(keys []string, r projections.Range) []string {
	lo, hi := 0, len(keys)
	if r.From != nil {
		lo, _ = slices.BinarySearch(keys, string(r.From))
	}
	if r.To != nil {
		hi, _ = slices.BinarySearch(keys, string(r.To))
	}
	return keys[min(lo, hi):hi]
}

func (s *memorySnapshot) Position(ctx context.Context, runner string) (events.Position, error) {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	p, _ := asOf(s.store.positions[runner], s.at)
	return p, nil
}

func (s *memorySnapshot) Tables(ctx context.Context) ([]projections.Table, error) {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	var tables []projections.Table
	for _, t := range slices.Sorted(maps.Keys(s.store.tables)) {
		if s.hasRows(s.store.tables[t]) {
			tables = append(tables, t)
		}
	}
	return tables, nil
}

func (s *memorySnapshot) hasRows(tab *memoryTable) bool {
	for _, versions := range tab.rows {
		if _, ok := asOf(versions, s.at); ok {
			return true
		}
	}
	return false
}

func (s *memorySnapshot) Close() error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.closed = true
	delete(s.store.open, s)
	return nil
}
