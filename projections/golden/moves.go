package golden

import (
	"context"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// Stay says that a record belonged to a customer while From ≤ position < To; a
// zero To has not come yet.
type Stay struct {
	Record   uuid.UUID
	From, To events.Position
}

// Stays gives the records that ever belonged to a customer, by when they left it,
// those that are still there last. None for a customer that no decision touched.
func Stays(ctx context.Context, r projections.Reader, customer uuid.UUID) ([]Stay, error) {
	in := &reading{ctx: ctx, r: r}
	var out []Stay
	in.Scan(memberships, projections.Prefix(groupPrefix(customer, 0)[:17]), func(row projections.Row) bool {
		s := Stay{Record: uuidAtEnd(row.Key), From: events.Position(numberAt(row.Value, 0)), To: events.Position(numberAt(row.Key, 17))}
		if s.To == forever {
			s.To = 0
		}
		out = append(out, s)
		return true
	})
	return out, in.err
}
