package eventstest

import (
	"context"
	"fmt"
	"sync"

	"ficha/events"
)

// IDIndex is an id index in memory. The zero value is empty and ready; safe for
// concurrent use.
type IDIndex struct {
	mu      sync.Mutex
	state   events.IndexState
	entries map[events.IDHash]events.IDEntry
	synced  int
}

var _ events.IDIndex = (*IDIndex)(nil)

// State implements [events.IDIndex].
func (x *IDIndex) State(ctx context.Context) (events.IndexState, error) {
	if err := ctx.Err(); err != nil {
		return events.IndexState{}, fmt.Errorf("read index state: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state, nil
}

// Lookup implements [events.IDIndex].
func (x *IDIndex) Lookup(ctx context.Context, hashes []events.IDHash) ([]events.IDEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("look up ids: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	found := make([]events.IDEntry, len(hashes))
	for i, h := range hashes {
		found[i] = x.entries[h]
		found[i].Hash = h
	}
	return found, nil
}

// Advance implements [events.IDIndex].
func (x *IDIndex) Advance(ctx context.Context, at events.Position, next events.IndexState, entries []events.IDEntry, sync bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("advance id index: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state.Position != at {
		return fmt.Errorf("advance id index from %d, it stands at %d: %w", at, x.state.Position, events.ErrConflict)
	}
	if x.entries == nil {
		x.entries = map[events.IDHash]events.IDEntry{}
	}
	for _, e := range entries {
		if _, taken := x.entries[e.Hash]; !taken {
			x.entries[e.Hash] = e
		}
	}
	x.state = next
	if sync {
		x.synced++
	}
	return nil
}

// Synced counts the Advances that asked for sync.
func (x *IDIndex) Synced() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.synced
}
