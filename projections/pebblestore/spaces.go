package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"ficha/events"
	"ficha/projections"
)

// FirstSpace is the live space of a database in which none was promoted.
const FirstSpace = "live"

var (
	liveKey       = append([]byte{metaKind}, "live"...)
	unfinishedKey = append([]byte{metaKind}, "unfinished"...)
)

// Live names the space that answers are read from.
func (d *DB) Live(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := d.use(); err != nil {
		return "", err
	}
	defer d.done()
	return d.live()
}

func (d *DB) live() (string, error) { return d.noted(liveKey, FirstSpace) }

// noted reads the name of a space, or gives what stands for none.
func (d *DB) noted(key []byte, none string) (string, error) {
	v, closer, err := d.pdb.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return none, nil
	}
	if err != nil {
		return "", fmt.Errorf("read name of space: %w", unavailable(err))
	}
	defer closer.Close()
	return string(v), nil
}

// Unfinished names the space that a rebuild has begun to fill and not filled yet,
// "" when there is none.
func (d *DB) Unfinished(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := d.use(); err != nil {
		return "", err
	}
	defer d.done()
	return d.noted(unfinishedKey, "")
}

// SetUnfinished notes durably which space is being filled, "" for none. With it
// everything is on disk that was committed before, unsynced commits too.
func (d *DB) SetUnfinished(ctx context.Context, space string) error {
	if space != "" && !projections.Table(space).Valid() {
		return fmt.Errorf("note space %q: bad name: %w", space, events.ErrInvalid)
	}
	return d.note(ctx, unfinishedKey, space)
}

// note writes the name of a space durably; "" removes it.
func (d *DB) note(ctx context.Context, key []byte, space string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.use(); err != nil {
		return err
	}
	defer d.done()
	b := d.pdb.NewBatch()
	defer b.Close()
	if space == "" {
		_ = b.Delete(key, nil) // cannot fail before the batch is committed
	} else {
		_ = b.Set(key, []byte(space), nil)
	}
	if err := d.apply(b, true); err != nil {
		return fmt.Errorf("note name of space: %w", err)
	}
	return nil
}

// Promote makes a space the live one, durably: the last step of a rebuild. With it
// everything is on disk that was committed before, unsynced commits too. Who
// opened the former live space goes on reading it until it is dropped.
func (d *DB) Promote(ctx context.Context, space string) error {
	if !projections.Table(space).Valid() {
		return fmt.Errorf("promote space %q: bad name: %w", space, events.ErrInvalid)
	}
	return d.note(ctx, liveKey, space)
}

// Drop removes all rows and positions of a space; the live one is an ErrConflict.
func (d *DB) Drop(ctx context.Context, space string) error {
	s, err := d.Store(space)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.use(); err != nil {
		return err
	}
	defer d.done()
	live, err := d.live()
	if err != nil {
		return err
	}
	if live == space {
		return fmt.Errorf("drop space %s: it is the live one: %w", space, events.ErrConflict)
	}
	defer s.stopRunners()()
	b := d.pdb.NewBatch()
	defer b.Close()
	for _, kind := range []byte{rowKind, positionKind} {
		prefix := spacePrefix(kind, space)
		_ = b.DeleteRange(prefix, projections.PrefixEnd(prefix), nil)
	}
	if err := d.apply(b, true); err != nil {
		return fmt.Errorf("drop space: %w", err)
	}
	return nil
}

// stopRunners holds off all commits, forgets the positions, and gives the
// function that lets commits go on.
func (s *Store) stopRunners() (release func()) {
	s.mu.Lock()
	for _, r := range s.runners {
		r.mu.Lock()
		r.known = false
	}
	return func() {
		for _, r := range s.runners {
			r.mu.Unlock()
		}
		s.mu.Unlock()
	}
}

// Spaces lists the spaces that hold rows or positions, sorted.
func (d *DB) Spaces(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.use(); err != nil {
		return nil, err
	}
	defer d.done()
	var spaces []string
	for _, kind := range []byte{rowKind, positionKind} {
		found, err := d.spacesOf(kind)
		if err != nil {
			return nil, err
		}
		spaces = append(spaces, found...)
	}
	slices.Sort(spaces)
	return slices.Compact(spaces), nil
}

func (d *DB) spacesOf(kind byte) (spaces []string, err error) {
	it, err := d.pdb.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		return nil, fmt.Errorf("list spaces: %w", unavailable(err))
	}
	defer it.Close()
	for ok := it.First(); ok; {
		name, _, _ := bytes.Cut(it.Key()[1:], []byte{0})
		spaces = append(spaces, string(name))
		ok = it.SeekGE(projections.PrefixEnd(spacePrefix(kind, string(name))))
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("list spaces: %w", unavailable(err))
	}
	return spaces, nil
}

// Size estimates the bytes that a space's rows take on disk; what is still in
// memory is not counted.
func (d *DB) Size(ctx context.Context, space string) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := d.use(); err != nil {
		return 0, err
	}
	defer d.done()
	prefix := spacePrefix(rowKind, space)
	n, err := d.pdb.EstimateDiskUsage(prefix, projections.PrefixEnd(prefix))
	if err != nil {
		return 0, fmt.Errorf("estimate size of space: %w", unavailable(err))
	}
	return n, nil
}
