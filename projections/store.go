package projections

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"ficha/events"
)

// Sentinels.
var (
	// ErrPositionMoved: somebody else committed since the position was read. Nothing was written.
	ErrPositionMoved = fmt.Errorf("position moved: %w", events.ErrConflict)
	// ErrClosed: the store or snapshot was closed.
	ErrClosed = errors.New("store closed")
)

// Table names a set of rows that are ordered by key. Names are lower case with
// underscores, stable, and double as PostgreSQL table names.
type Table string

// Row is one row. Key and Value are read-only for whoever receives them and stay
// valid.
type Row struct {
	Key   []byte
	Value []byte
}

// Reader reads rows as of one moment.
type Reader interface {
	// Get gives the value at key, and whether there is one. An empty value is a value.
	Get(ctx context.Context, t Table, key []byte) ([]byte, bool, error)

	// Scan yields the rows in r in ascending byte order of key (descending with
	// Reverse). It yields at most one error, last.
	Scan(ctx context.Context, t Table, r Range) iter.Seq2[Row, error]
}

// Range is a half-open range of keys: From ≤ key < To. A nil bound is open.
type Range struct {
	From, To []byte
	Reverse  bool
	Limit    int // at most so many rows; 0: all
}

// Prefix is the range of all keys that begin with p.
func Prefix(p []byte) Range { return Range{From: p, To: PrefixEnd(p)} }

// PrefixEnd is the first key after all keys that begin with p; nil when there is none.
func PrefixEnd(p []byte) []byte {
	end := append([]byte(nil), p...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// Snapshot reads rows and positions of one moment: what one commit wrote is seen
// whole or not at all. Safe for concurrent use; Close it.
type Snapshot interface {
	Reader
	// Position is up to where the named runner had committed (zero: never).
	Position(ctx context.Context, runner string) (events.Position, error)
	// Tables lists the tables that hold rows, sorted.
	Tables(ctx context.Context) ([]Table, error)
	Close() error
}

// Change sets the row at Key, or deletes it when Value is nil. An empty non-nil
// Value is a row.
type Change struct {
	Table Table
	Key   []byte
	Value []byte
}

// Commit is one atomic step of one runner.
type Commit struct {
	Runner  string
	At      events.Position // what the runner read; refused with ErrPositionMoved when it is not so
	To      events.Position // new position, ≥ At
	Changes []Change        // sorted by table and key, each key once
}

// Store keeps rows. Implementations are safe for concurrent use and are held to
// package projectionstest, all of it.
type Store interface {
	// Snapshot opens a view of the present moment.
	Snapshot(ctx context.Context) (Snapshot, error)

	// Commit writes changes and position atomically and durably (on disk when it
	// returns nil). The changes' bytes may be reused by the caller afterwards.
	Commit(ctx context.Context, c Commit) error

	// Clear removes all rows of the given tables and sets the runner's position
	// to zero, atomically. It is the beginning of a rebuild.
	Clear(ctx context.Context, runner string, tables []Table) error
}
