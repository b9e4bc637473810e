// Package switchable gives a projections store whose rows can be exchanged, as a
// whole and at once, for those of another store: the last step of a rebuild.
//
//	readers, runners ──▶ switchable.Store ──▶ the old rows
//	                            └─ Switch ─▶ the new rows
//
// Invariants:
//
//   - Every snapshot is of one store, before, during and after an exchange: one
//     that was opened on the old rows goes on reading them.
//   - No commit is in progress while rows are exchanged, so what was committed to
//     the old rows before is known, and what comes later goes to the new ones.
//   - A commit that was worked out from the old rows must not reach the new ones:
//     who switches holds the runners first (runner.Runner.Hold). Where one slips
//     through and the positions differ, the new store refuses it
//     (projections.ErrPositionMoved).
package switchable

import (
	"context"
	"sync"

	"ficha/projections"
)

// Store passes every call on to the present one of its stores. Safe for
// concurrent use.
type Store struct {
	mu  sync.RWMutex // held shared during every call, alone by Switch
	now projections.Store
}

var _ projections.Store = (*Store)(nil)

// New gives a store whose rows are those of first.
func New(first projections.Store) *Store { return &Store{now: first} }

// Present is the store whose rows are read and written now.
func (s *Store) Present() projections.Store {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now
}

// Switch waits for the calls in progress, calls decide while others wait, and
// then reads and writes to. An error of decide is given, and nothing changes.
func (s *Store) Switch(to projections.Store, decide func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := decide(); err != nil {
		return err
	}
	s.now = to
	return nil
}

// Snapshot implements [projections.Store].
func (s *Store) Snapshot(ctx context.Context) (projections.Snapshot, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now.Snapshot(ctx)
}

// Commit implements [projections.Store].
func (s *Store) Commit(ctx context.Context, c projections.Commit) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now.Commit(ctx, c)
}

// Clear implements [projections.Store].
func (s *Store) Clear(ctx context.Context, runner string, tables []projections.Table) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now.Clear(ctx, runner, tables)
}
