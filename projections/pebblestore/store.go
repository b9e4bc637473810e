package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"ficha/events"
	"ficha/projections"
)

// Store is one space of a database.
type Store struct {
	db    *DB
	space string

	mu      sync.Mutex
	runners map[string]*runnerPosition
}

var _ projections.Store = (*Store)(nil)

// runnerPosition serialises the commits of one runner. The position is kept in
// memory, because this process is the only one that writes it.
type runnerPosition struct {
	mu    sync.Mutex
	known bool
	at    events.Position
}

// Store gives the store of a space: 1 to 63 lower-case letters, digits and
// underscores, else ErrInvalid. The same name gives the same store.
func (d *DB) Store(space string) (*Store, error) {
	if !projections.Table(space).Valid() {
		return nil, fmt.Errorf("open space %q: bad name: %w", space, events.ErrInvalid)
	}
	d.registry.Lock()
	defer d.registry.Unlock()
	s := d.stores[space]
	if s == nil {
		s = &Store{db: d, space: space, runners: make(map[string]*runnerPosition)}
		d.stores[space] = s
	}
	return s, nil
}

// Space is the store's name in its database.
func (s *Store) Space() string { return s.space }

// Commit implements [projections.Store]. A nearly full disk is an ErrUnavailable.
func (s *Store) Commit(ctx context.Context, c projections.Commit) error {
	return s.commit(ctx, c, true)
}

// Unsynced is the same store for filling it: its commits are whole and in order
// as ever, but do not wait for the disk. A power cut takes back the latest of
// them, positions included; any later step of the database that is synced
// (another commit, Promote, SetUnfinished) makes them durable.
func (s *Store) Unsynced() projections.Store { return unsynced{s} }

type unsynced struct{ *Store }

// Commit implements [projections.Store] but for the waiting.
func (s unsynced) Commit(ctx context.Context, c projections.Commit) error {
	return s.commit(ctx, c, false)
}

func (s *Store) commit(ctx context.Context, c projections.Commit, sync bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	if err := s.db.use(); err != nil {
		return err
	}
	defer s.db.done()
	batch := s.batchOf(c)
	defer batch.Close()
	r := s.runner(c.Runner)
	r.mu.Lock()
	defer r.mu.Unlock()
	at, err := s.position(r, c.Runner)
	if err != nil {
		return err
	}
	if at != c.At {
		return fmt.Errorf("commit of %s at %d, store is at %d: %w", c.Runner, c.At, at, projections.ErrPositionMoved)
	}
	if err := s.db.apply(batch, sync); err != nil {
		r.known = false
		return fmt.Errorf("commit of %s: %w", c.Runner, err)
	}
	r.at = c.To
	return nil
}

// batchOf lays the commit out as one Pebble batch.
func (s *Store) batchOf(c projections.Commit) *pebble.Batch {
	size := 64
	for _, ch := range c.Changes {
		size += len(s.space) + len(ch.Table) + len(ch.Key) + len(ch.Value) + 16
	}
	batch := s.db.pdb.NewBatchWithSize(size)
	var table projections.Table
	var key []byte
	prefix := 0
	for _, ch := range c.Changes {
		if ch.Table != table {
			table, key = ch.Table, tablePrefix(s.space, ch.Table)
			prefix = len(key)
		}
		key = append(key[:prefix], ch.Key...)
		if ch.Value == nil {
			_ = batch.Delete(key, nil) // cannot fail before the batch is committed
		} else {
			_ = batch.Set(key, ch.Value, nil)
		}
	}
	_ = batch.Set(positionKey(s.space, c.Runner), encodePosition(c.To), nil)
	return batch
}

func (s *Store) runner(name string) *runnerPosition {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.runners[name]
	if r == nil {
		r = new(runnerPosition)
		s.runners[name] = r
	}
	return r
}

// position gives the runner's committed position. Callers hold r.mu and a share of the database.
func (s *Store) position(r *runnerPosition, name string) (events.Position, error) {
	if r.known {
		return r.at, nil
	}
	at, err := readPosition(s.db.pdb, s.space, name)
	if err != nil {
		return 0, err
	}
	r.at, r.known = at, true
	return at, nil
}

func readPosition(from pebble.Reader, space, runner string) (events.Position, error) {
	v, closer, err := from.Get(positionKey(space, runner))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read position of %s: %w", runner, unavailable(err))
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, fmt.Errorf("read position of %s: %d bytes, want 8: %w", runner, len(v), events.ErrUnavailable)
	}
	return events.Position(binary.BigEndian.Uint64(v)), nil
}

// Clear implements [projections.Store].
func (s *Store) Clear(ctx context.Context, runner string, tables []projections.Table) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.db.use(); err != nil {
		return err
	}
	defer s.db.done()
	batch := s.db.pdb.NewBatch()
	defer batch.Close()
	for _, t := range tables {
		if !t.Valid() {
			return fmt.Errorf("clear table %q: bad name: %w", t, events.ErrInvalid)
		}
		prefix := tablePrefix(s.space, t)
		_ = batch.DeleteRange(prefix, projections.PrefixEnd(prefix), nil)
	}
	_ = batch.Delete(positionKey(s.space, runner), nil)
	r := s.runner(runner)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := s.db.apply(batch, true); err != nil {
		r.known = false
		return fmt.Errorf("clear tables of %s: %w", runner, err)
	}
	r.at, r.known = 0, true
	return nil
}

// Snapshot implements [projections.Store].
func (s *Store) Snapshot(ctx context.Context) (projections.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.db.use(); err != nil {
		return nil, err
	}
	defer s.db.done()
	return s.db.snapshot(s.space), nil
}

// snapshot opens a view. Callers hold a share of the database.
func (d *DB) snapshot(space string) *snapshot {
	s := &snapshot{db: d, space: space, view: d.pdb.NewSnapshot(), cursors: make(map[*cursor]struct{})}
	d.registry.Lock()
	defer d.registry.Unlock()
	d.snapshots[s] = struct{}{}
	return s
}
