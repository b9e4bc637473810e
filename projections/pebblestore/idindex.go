package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"ficha/events"
)

// idIndex finds events by the hash of (source, id).
type idIndex struct {
	db *DB

	mu    sync.Mutex // one Advance at a time
	known bool
	state events.IndexState
}

var _ events.IDIndex = (*idIndex)(nil)

// IDIndex is the log's id index that lives in this database.
func (d *DB) IDIndex() events.IDIndex { return &d.ids }

const idValueSize = 8 + 16 + 8

var idStateKey = []byte{idStateKind}

// State implements [events.IDIndex].
func (x *idIndex) State(ctx context.Context) (events.IndexState, error) {
	if err := ctx.Err(); err != nil {
		return events.IndexState{}, err
	}
	if err := x.db.use(); err != nil {
		return events.IndexState{}, err
	}
	defer x.db.done()
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.load()
}

// load gives the state. Callers hold mu and a share of the database.
func (x *idIndex) load() (events.IndexState, error) {
	if x.known {
		return x.state, nil
	}
	v, closer, err := x.db.pdb.Get(idStateKey)
	if errors.Is(err, pebble.ErrNotFound) {
		x.state, x.known = events.IndexState{}, true
		return x.state, nil
	}
	if err != nil {
		return events.IndexState{}, fmt.Errorf("read state of id index: %w", unavailable(err))
	}
	defer closer.Close()
	state, err := decodeIndexState(v)
	if err != nil {
		return events.IndexState{}, err
	}
	x.state, x.known = state, true
	return state, nil
}

// Lookup implements [events.IDIndex].
func (x *idIndex) Lookup(ctx context.Context, hashes []events.IDHash) ([]events.IDEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := x.db.use(); err != nil {
		return nil, err
	}
	defer x.db.done()
	ids, err := x.reader(len(hashes))
	if err != nil {
		return nil, err
	}
	found := make([]events.IDEntry, len(hashes))
	for _, i := range inOrder(hashes) {
		if found[i], err = ids.get(hashes[i]); err != nil {
			break
		}
	}
	if err = errors.Join(err, ids.close()); err != nil {
		return nil, err
	}
	return found, nil
}

// inOrder gives the indexes of hashes in the order of the hashes: neighbours are
// found, and later inserted, along the same path.
func inOrder(hashes []events.IDHash) []int {
	order := make([]int, len(hashes))
	for i := range order {
		order[i] = i
	}
	if len(order) > plainGets {
		slices.SortFunc(order, func(a, b int) int { return bytes.Compare(hashes[a][:], hashes[b][:]) })
	}
	return order
}

// idReader looks up ids, one after the other.
type idReader struct {
	pdb *pebble.DB
	it  *pebble.Iterator // nil: for a few, one does not pay
}

// reader is for so many ids. Most of them are new, as a rule: an iterator sees
// that by the filters of all levels, Pebble's Get does not look at the lowest's.
func (x *idIndex) reader(n int) (idReader, error) {
	r := idReader{pdb: x.db.pdb}
	if n <= plainGets {
		return r, nil
	}
	var err error
	if r.it, err = r.pdb.NewIter(&pebble.IterOptions{UseL6Filters: true}); err != nil {
		return r, fmt.Errorf("look up ids: %w", unavailable(err))
	}
	return r, nil
}

func (r idReader) close() error {
	if r.it == nil {
		return nil
	}
	if err := r.it.Close(); err != nil {
		return fmt.Errorf("look up ids: %w", unavailable(err))
	}
	return nil
}

// get gives the entry of a hash, with the zero position if there is none.
func (r idReader) get(h events.IDHash) (events.IDEntry, error) {
	key := idKey(h)
	if r.it == nil {
		v, closer, err := r.pdb.Get(key[:])
		if errors.Is(err, pebble.ErrNotFound) {
			return events.IDEntry{Hash: h}, nil
		}
		if err != nil {
			return events.IDEntry{Hash: h}, fmt.Errorf("look up id: %w", unavailable(err))
		}
		defer closer.Close()
		return decodeIDEntry(h, v)
	}
	if r.it.SeekPrefixGE(key[:]) && bytes.Equal(r.it.Key(), key[:]) {
		return decodeIDEntry(h, r.it.Value())
	}
	if err := r.it.Error(); err != nil {
		return events.IDEntry{Hash: h}, fmt.Errorf("look up id: %w", unavailable(err))
	}
	return events.IDEntry{Hash: h}, nil
}

func decodeIDEntry(h events.IDHash, v []byte) (events.IDEntry, error) {
	e := events.IDEntry{Hash: h}
	if len(v) != idValueSize {
		return e, fmt.Errorf("look up id: %d bytes, want %d: %w", len(v), idValueSize, events.ErrUnavailable)
	}
	e.Position = events.Position(binary.BigEndian.Uint64(v))
	e.Content = events.ContentHash(v[8:24])
	e.Recorded = time.UnixMicro(int64(binary.BigEndian.Uint64(v[24:]))).UTC()
	return e, nil
}

// Advance implements [events.IDIndex].
func (x *idIndex) Advance(ctx context.Context, at events.Position, next events.IndexState, entries []events.IDEntry, sync bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := x.db.use(); err != nil {
		return err
	}
	defer x.db.done()
	x.mu.Lock()
	defer x.mu.Unlock()
	state, err := x.load()
	if err != nil {
		return err
	}
	if state.Position != at {
		return fmt.Errorf("advance id index from %d, it is at %d: %w", at, state.Position, events.ErrConflict)
	}
	batch := x.db.pdb.NewBatchWithSize(256 + len(entries)*64)
	defer batch.Close()
	if err := x.add(batch, entries); err != nil {
		return err
	}
	_ = batch.Set(idStateKey, encodeIndexState(next), nil)
	if err := x.db.apply(batch, sync); err != nil {
		x.known = false
		return fmt.Errorf("advance id index: %w", err)
	}
	x.state = next
	return nil
}

// add puts the entries into the batch whose hashes are new. Of several with one
// hash the first counts.
func (x *idIndex) add(batch *pebble.Batch, entries []events.IDEntry) (err error) {
	ids, err := x.reader(len(entries))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ids.close()) }()
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b events.IDEntry) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
	for i, e := range sorted {
		if i > 0 && e.Hash == sorted[i-1].Hash {
			continue
		}
		there, err := ids.get(e.Hash)
		if err != nil {
			return err
		}
		if !there.Position.IsZero() {
			continue
		}
		var v [idValueSize]byte
		binary.BigEndian.PutUint64(v[:8], uint64(e.Position))
		copy(v[8:24], e.Content[:])
		binary.BigEndian.PutUint64(v[24:], uint64(e.Recorded.UnixMicro()))
		key := idKey(e.Hash)
		_ = batch.Set(key[:], v[:], nil) // cannot fail before the batch is committed
	}
	return nil
}

func idKey(h events.IDHash) (key [1 + len(events.IDHash{})]byte) {
	key[0] = idKind
	copy(key[1:], h[:])
	return key
}
