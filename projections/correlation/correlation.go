// Package correlation finds the events of one correlation id: an import run, or
// an agent's request. It is what POST /v1/events:status stands on; finding one
// event by its own id is the id index's work ([events.IDIndex]).
//
// Table events_by_correlation: key = first 16 bytes of SHA-256 over the
// correlation id, then the position as 8 bytes, big endian; empty value. An
// event without correlation id has no row, so a hub that gets none pays nothing.
package correlation

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"ficha/events"
	"ficha/projections"
)

const table projections.Table = "events_by_correlation"

// Fold implements [projections.Fold]. The zero value is ready.
type Fold struct{}

var _ projections.Fold = Fold{}

// Name is "correlation".
func (Fold) Name() string { return "correlation" }

// Version is that of the rows' shape.
func (Fold) Version() int { return 1 }

// Tables lists the one table.
func (Fold) Tables() []projections.Table { return []projections.Table{table} }

// Apply adds a row for an event with a correlation id. It refuses nothing.
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	if e.CorrelationID != "" {
		w.Put(table, key(e.CorrelationID, e.Position), []byte{})
	}
	return nil
}

// Index reads what Fold wrote. The zero value is ready; safe for concurrent use.
type Index struct{}

// Positions gives the positions of the events with a correlation id that come
// after a position, oldest first, at most limit of them. None is no error.
func (Index) Positions(ctx context.Context, r projections.Reader, id string, after events.Position, limit int) ([]events.Position, error) {
	if id == "" || limit <= 0 {
		return nil, nil
	}
	rows := projections.Range{
		From:  key(id, after+1),
		To:    projections.PrefixEnd(key(id, 0)[:16]),
		Limit: limit,
	}
	var found []events.Position
	for row, err := range r.Scan(ctx, table, rows) {
		if err != nil {
			return nil, fmt.Errorf("read events by correlation: %w", err)
		}
		if len(row.Key) != 24 {
			return nil, fmt.Errorf("read events by correlation: key of %d bytes: %w", len(row.Key), events.ErrDamaged)
		}
		found = append(found, events.Position(binary.BigEndian.Uint64(row.Key[16:])))
	}
	return found, nil
}

func key(id string, p events.Position) []byte {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.AppendUint64(sum[:16:16], uint64(p))
}
