package pebblestore

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"ficha/events"
	"ficha/projections"
)

// snapshot is a view of one space. Close may come at any time, from the owner or
// from the database: users hold mu shared while they touch view or a cursor's
// iterator, and never while the caller's code runs.
type snapshot struct {
	db    *DB
	space string

	mu     sync.RWMutex
	closed bool
	view   *pebble.Snapshot

	register sync.Mutex // guards what follows among those who hold mu shared
	cursors  map[*cursor]struct{}
	spares   spares
}

// use takes a share of the snapshot until mu.RUnlock.
func (s *snapshot) use(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return projections.ErrClosed
	}
	return nil
}

func (s *snapshot) Get(ctx context.Context, t projections.Table, key []byte) ([]byte, bool, error) {
	if err := s.use(ctx); err != nil {
		return nil, false, err
	}
	defer s.mu.RUnlock()
	if !t.Valid() {
		return nil, false, nil
	}
	value, ok, err := s.find(append(tablePrefix(s.space, t), key...))
	if err != nil {
		return nil, false, fmt.Errorf("get row of %s: %w", t, unavailable(err))
	}
	return value, ok, nil
}

func (s *snapshot) Position(ctx context.Context, runner string) (events.Position, error) {
	if err := s.use(ctx); err != nil {
		return 0, err
	}
	defer s.mu.RUnlock()
	return readPosition(s.view, s.space, runner)
}

// Tables jumps from table to table: two seeks each, however many rows there are.
func (s *snapshot) Tables(ctx context.Context) ([]projections.Table, error) {
	if err := s.use(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	prefix := spacePrefix(rowKind, s.space)
	it, err := s.view.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: projections.PrefixEnd(prefix)})
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", unavailable(err))
	}
	defer it.Close()
	var tables []projections.Table
	for ok := it.First(); ok; {
		name, _, _ := bytes.Cut(it.Key()[len(prefix):], []byte{0})
		tables = append(tables, projections.Table(name))
		ok = it.SeekGE(projections.PrefixEnd(tablePrefix(s.space, projections.Table(name))))
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("list tables: %w", unavailable(err))
	}
	return tables, nil
}

func (s *snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for c := range s.cursors {
		_ = c.it.Close() // its error was, or will be, the scan's
	}
	s.spares.close()
	err := s.view.Close()
	s.db.registry.Lock() // only now: the database waits for whoever is registered
	delete(s.db.snapshots, s)
	s.db.registry.Unlock()
	if err != nil {
		return fmt.Errorf("close snapshot: %w", err)
	}
	return nil
}

// Scan implements [projections.Reader].
func (s *snapshot) Scan(ctx context.Context, t projections.Table, r projections.Range) iter.Seq2[projections.Row, error] {
	if !t.Valid() {
		return s.scan(ctx, span{what: "rows"})
	}
	prefix := tablePrefix(s.space, t)
	from, to := bounds(prefix, r)
	return s.scan(ctx, span{what: "rows of " + string(t), from: from, to: to, prefix: len(prefix), reverse: r.Reverse, limit: r.Limit})
}
