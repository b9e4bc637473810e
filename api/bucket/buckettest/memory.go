// Package buckettest holds the suite that every bucket.Bucket passes, and a bucket
// in memory for the tests of what is built on one.
package buckettest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"ficha/events"
)

// Memory is a bucket in a map. The zero value is empty and ready.
type Memory struct {
	mu   sync.Mutex
	last uint64
	rows map[string]row

	// Fail, where set, is asked before each call; what it gives is answered.
	Fail func(method, key string) error
}

type row struct {
	value    []byte
	revision uint64
}

// Get implements bucket.Bucket.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before(ctx, "get", key); err != nil {
		return nil, 0, err
	}
	r, ok := m.rows[key]
	if !ok {
		return nil, 0, fmt.Errorf("get key: %w", events.ErrNotFound)
	}
	return bytes.Clone(r.value), r.revision, nil
}

// Put implements bucket.Bucket.
func (m *Memory) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return m.set(ctx, "put", key, value, func(row, bool) bool { return true })
}

// Create implements bucket.Bucket.
func (m *Memory) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return m.set(ctx, "create", key, value, func(_ row, there bool) bool { return !there })
}

// Update implements bucket.Bucket.
func (m *Memory) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return m.set(ctx, "update", key, value, func(r row, there bool) bool { return there && r.revision == revision })
}

// Delete implements bucket.Bucket.
func (m *Memory) Delete(ctx context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before(ctx, "delete", key); err != nil {
		return err
	}
	delete(m.rows, key)
	return nil
}

// Keys implements bucket.Bucket.
func (m *Memory) Keys(ctx context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before(ctx, "keys", "x"); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(m.rows)), nil
}

func (m *Memory) set(ctx context.Context, method, key string, value []byte, may func(row, bool) bool) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before(ctx, method, key); err != nil {
		return 0, err
	}
	r, there := m.rows[key]
	if !may(r, there) {
		return 0, fmt.Errorf("%s key: %w", method, events.ErrConflict)
	}
	if m.rows == nil {
		m.rows = map[string]row{}
	}
	m.last++
	m.rows[key] = row{value: bytes.Clone(value), revision: m.last}
	return m.last, nil
}

// before refuses what a bucket refuses. The lock is held.
func (m *Memory) before(ctx context.Context, method, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s key: %w", method, err)
	}
	if m.Fail != nil {
		if err := m.Fail(method, key); err != nil {
			return err
		}
	}
	if key == "" || slices.ContainsFunc([]byte(key), func(c byte) bool { return !allowed(c) }) {
		return fmt.Errorf("%s key: %w", method, events.ErrInvalid)
	}
	return nil
}

func allowed(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}
