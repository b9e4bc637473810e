package changes

import (
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

const (
	outbox          projections.Table = "changes"
	customersTable  projections.Table = "change_customers"
	recordsTable    projections.Table = "change_records"
	pointsTable     projections.Table = "change_points"
	statementsTable projections.Table = "change_statements"
	stateTable      projections.Table = "change_state"
)

// damaged is the error for a row that does not read as the fold wrote it.
func damaged(t projections.Table) error {
	return fmt.Errorf("decode row of %s: %w", t, events.ErrUnavailable)
}

// key is the outbox key of a change.
func (id ID) key() []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(make([]byte, 0, 10), uint64(id.Position)), id.Ordinal)
}

func idOf(key []byte) (ID, bool) {
	if len(key) != 10 {
		return ID{}, false
	}
	return ID{events.Position(binary.BigEndian.Uint64(key)), binary.BigEndian.Uint16(key[8:])}, true
}

func pointsKey() []byte  { return []byte("points") }
func droppedKey() []byte { return []byte("dropped") }

// reader takes a row apart. After the first part that is not there, short is set.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.short = true
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte      { return r.take(1)[0] }
func (r *reader) uuid() uuid.UUID { return uuid.UUID(r.take(16)) }
func (r *reader) count() int      { return int(binary.BigEndian.Uint16(r.take(2))) }

func (r *reader) uuids(n int) []uuid.UUID {
	if n == 0 {
		return nil
	}
	out := make([]uuid.UUID, 0, min(n, len(r.b)/16))
	for i := 0; i < n && !r.short; i++ {
		out = append(out, r.uuid())
	}
	return out
}

func appendUUIDs(b []byte, ids []uuid.UUID) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(ids)))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}
