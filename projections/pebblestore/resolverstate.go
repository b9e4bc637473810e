package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"ficha/events"
	"ficha/matching/resolver"
	"ficha/projections"
)

// resolverState keeps what the resolver knows. Saves are not fsynced: what is
// lost is read from the log again.
type resolverState struct {
	db *DB
	mu sync.Mutex // one Save or Clear at a time
}

var _ resolver.State = (*resolverState)(nil)

// ResolverState is the resolver's state that lives in this database.
func (d *DB) ResolverState() resolver.State { return &d.res }

var (
	cursorKey     = []byte{cursorKind}
	resolverStart = []byte{resolverKind}
	resolverEnd   = []byte{resolverKind + 1}
)

// Cursor implements [resolver.State].
func (x *resolverState) Cursor(ctx context.Context) (resolver.Cursor, error) {
	if err := ctx.Err(); err != nil {
		return resolver.Cursor{}, err
	}
	if err := x.db.use(); err != nil {
		return resolver.Cursor{}, err
	}
	defer x.db.done()
	return x.cursor()
}

func (x *resolverState) cursor() (c resolver.Cursor, err error) {
	v, ok, err := x.get(cursorKey)
	if err != nil || !ok {
		return c, err
	}
	if len(v) != 16 {
		return c, fmt.Errorf("read resolver's cursor: %d bytes, want 16: %w", len(v), events.ErrUnavailable)
	}
	c.Record = events.Position(binary.BigEndian.Uint64(v))
	c.Identity = events.Position(binary.BigEndian.Uint64(v[8:]))
	return c, nil
}

// get reads a key. Callers hold a share of the database.
func (x *resolverState) get(key []byte) ([]byte, bool, error) {
	v, closer, err := x.db.pdb.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read resolver's state: %w", unavailable(err))
	}
	value := make([]byte, len(v))
	copy(value, v)
	return value, true, closer.Close()
}

// Get implements [resolver.State].
func (x *resolverState) Get(ctx context.Context, key []byte) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	if err := x.db.use(); err != nil {
		return nil, false, err
	}
	defer x.db.done()
	return x.get(resolverKey(key))
}

func resolverKey(key []byte) []byte {
	b := make([]byte, 0, 1+len(key))
	return append(append(b, resolverKind), key...)
}

// Load implements [resolver.State].
func (x *resolverState) Load(ctx context.Context, prefix []byte) iter.Seq2[resolver.Row, error] {
	from := resolverKey(prefix)
	r := span{what: "resolver's state", from: from, to: projections.PrefixEnd(from), prefix: 1}
	return func(yield func(resolver.Row, error) bool) {
		if err := x.db.use(); err != nil {
			yield(resolver.Row{}, err)
			return
		}
		snap := x.db.snapshot("")
		x.db.done()
		defer snap.Close()
		for row, err := range snap.scan(ctx, r) {
			if !yield(resolver.Row(row), err) {
				return
			}
		}
	}
}

// Save implements [resolver.State].
func (x *resolverState) Save(ctx context.Context, from, to resolver.Cursor, rows []resolver.Row) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := x.db.use(); err != nil {
		return err
	}
	defer x.db.done()
	batch := x.db.pdb.NewBatch()
	defer batch.Close()
	for _, row := range rows {
		if row.Value == nil {
			_ = batch.Delete(resolverKey(row.Key), nil) // cannot fail before the batch is committed
		} else {
			_ = batch.Set(resolverKey(row.Key), row.Value, nil)
		}
	}
	v := binary.BigEndian.AppendUint64(encodePosition(to.Record), uint64(to.Identity))
	_ = batch.Set(cursorKey, v, nil)
	x.mu.Lock()
	defer x.mu.Unlock()
	now, err := x.cursor()
	if err != nil {
		return err
	}
	if now != from {
		return fmt.Errorf("save resolver's state from %+v, it is at %+v: %w", from, now, resolver.ErrMoved)
	}
	if err := x.db.apply(batch, false); err != nil {
		return fmt.Errorf("save resolver's state: %w", err)
	}
	return nil
}

// Clear implements [resolver.State].
func (x *resolverState) Clear(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := x.db.use(); err != nil {
		return err
	}
	defer x.db.done()
	batch := x.db.pdb.NewBatch()
	defer batch.Close()
	_ = batch.DeleteRange(resolverStart, resolverEnd, nil)
	_ = batch.Delete(cursorKey, nil)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.db.apply(batch, true); err != nil {
		return fmt.Errorf("clear resolver's state: %w", err)
	}
	return nil
}
