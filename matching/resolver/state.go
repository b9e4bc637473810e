package resolver

import (
	"context"
	"fmt"
	"iter"

	"ficha/events"
)

// ErrMoved: somebody else saved since the cursor was read. Nothing was written.
var ErrMoved = fmt.Errorf("resolver state moved: %w", events.ErrConflict)

// Cursor says up to where the saved state reflects the two lanes.
type Cursor struct {
	Record   events.Position
	Identity events.Position
}

// Row is one row of the saved state. A nil Value in [State.Save] deletes.
type Row struct {
	Key   []byte
	Value []byte
}

// State keeps what the resolver knows across restarts; every store implements
// it and is held to resolvertest.ExerciseState. Safe for concurrent use.
type State interface {
	// Cursor is that of the last Save; zero when nothing was saved.
	Cursor(ctx context.Context) (Cursor, error)

	// Get gives the value at key and whether there is one.
	Get(ctx context.Context, key []byte) ([]byte, bool, error)

	// Load yields the rows whose key begins with prefix, in key order, all of one
	// moment. It yields at most one error, last.
	Load(ctx context.Context, prefix []byte) iter.Seq2[Row, error]

	// Save writes rows and the new cursor in one atomic step, if the cursor is
	// still from (else ErrMoved). It need not be on disk when it returns: what is
	// lost is read from the log again. The rows' bytes may be reused afterwards.
	Save(ctx context.Context, from, to Cursor, rows []Row) error

	// Clear removes all rows and zeroes the cursor.
	Clear(ctx context.Context) error
}
