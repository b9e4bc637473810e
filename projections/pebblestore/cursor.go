package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"ficha/projections"
)

// span is a range of keys: from ≤ key < to.
type span struct {
	what     string // for messages
	from, to []byte
	prefix   int // how many bytes of each key are not the row's
	reverse  bool
	limit    int // 0: none
}

// scan reads in chunks that grow, so that a look at the first row stays cheap and
// the lock is taken seldom.
func (s *snapshot) scan(ctx context.Context, r span) iter.Seq2[projections.Row, error] {
	return func(yield func(projections.Row, error) bool) {
		c, err := s.open(ctx, r)
		if err == nil && c != nil {
			defer c.close()
			err = c.all(ctx, yield)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(projections.Row{}, err)
		}
	}
}

// errStopped: the receiver of rows wants no more.
var errStopped = errors.New("stopped")

const (
	firstChunk = 8         // rows
	lastChunk  = 256       // rows
	chunkBytes = 256 << 10 // a chunk ends at the first row beyond
)

// cursor walks over one span.
type cursor struct {
	span
	snap  *snapshot
	it    *pebble.Iterator
	begun bool
	left  int // rows that may still come; negative: any number
	chunk int // size of the next chunk, rows
	rows  []projections.Row
}

// open gives nil for a span that is empty by definition.
func (s *snapshot) open(ctx context.Context, r span) (*cursor, error) {
	if err := s.use(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	if bytes.Compare(r.from, r.to) >= 0 {
		return nil, nil
	}
	it, err := s.ranger(r.from, r.to)
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", r.what, unavailable(err))
	}
	c := &cursor{span: r, snap: s, it: it, left: r.limit, chunk: firstChunk}
	if r.limit <= 0 {
		c.left = -1
	}
	s.register.Lock()
	s.cursors[c] = struct{}{}
	s.register.Unlock()
	return c, nil
}

func (c *cursor) close() {
	c.snap.mu.RLock()
	defer c.snap.mu.RUnlock()
	if c.snap.closed {
		return // and the iterator with it
	}
	c.snap.register.Lock()
	delete(c.snap.cursors, c)
	c.snap.register.Unlock()
	c.snap.spare(&c.snap.spares.ranges, c.it) // an error of the iterator was given by read
}

func (c *cursor) all(ctx context.Context, yield func(projections.Row, error) bool) error {
	for more := true; more; {
		var err error
		if more, err = c.read(ctx); err != nil {
			return err
		}
		for _, row := range c.rows {
			if !yield(row, nil) {
				return errStopped
			}
		}
	}
	return nil
}

// read fills rows with the next chunk and says whether there may be more.
func (c *cursor) read(ctx context.Context) (more bool, err error) {
	if err := c.snap.use(ctx); err != nil {
		return false, err
	}
	defer c.snap.mu.RUnlock()
	c.rows = c.rows[:0]
	size := 0
	for len(c.rows) < c.chunk && size < chunkBytes && c.left != 0 {
		if !c.step() {
			if err := c.it.Error(); err != nil {
				return false, fmt.Errorf("scan %s: %w", c.what, unavailable(err))
			}
			return false, nil
		}
		key, value := c.it.Key()[c.prefix:], c.it.Value()
		row := make([]byte, len(key)+len(value))
		copy(row[copy(row, key):], value)
		c.rows = append(c.rows, projections.Row{Key: row[:len(key):len(key)], Value: row[len(key):]})
		size += len(row)
		c.left--
	}
	c.chunk = min(2*c.chunk, lastChunk)
	return c.left != 0, nil
}

func (c *cursor) step() bool {
	switch begun := c.begun; {
	case !begun && c.reverse:
		c.begun = true
		return c.it.Last()
	case !begun:
		c.begun = true
		return c.it.First()
	case c.reverse:
		return c.it.Prev()
	}
	return c.it.Next()
}
