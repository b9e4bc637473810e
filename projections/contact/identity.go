package contact

import (
	"context"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

// Identity says who is who, as of the rows that r reads. Implementations are
// stateless and safe for concurrent use. They may lag: a statement binds the
// records and contact points that it names at once.
type Identity interface {
	// RecordsByPoint gives the live records that hold a point which may be p (see
	// contactpoint.Point.Same), each once; none: nil.
	RecordsByPoint(ctx context.Context, r projections.Reader, p contactpoint.Point) ([]uuid.UUID, error)

	// Customer gives the golden id that any id ever given out leads to now; false:
	// there never was such an id.
	Customer(ctx context.Context, r projections.Reader, id uuid.UUID) (uuid.UUID, bool, error)

	// Members gives all records of a customer now, withdrawn ones too.
	Members(ctx context.Context, r projections.Reader, golden uuid.UUID) ([]uuid.UUID, error)

	// FormerCompanions gives the records that a record was grouped with and parted
	// from, one entry for each time. Some may be together again.
	FormerCompanions(ctx context.Context, r projections.Reader, record uuid.UUID) ([]Companion, error)

	// FirstParted gives the position at which a record was parted from another one
	// for the first time; zero: never.
	FirstParted(ctx context.Context, r projections.Reader, record uuid.UUID) (events.Position, error)

	// Points gives the contact points that a customer's live records hold now.
	Points(ctx context.Context, r projections.Reader, golden uuid.UUID) ([]contactpoint.Point, error)

	// PointsTogether gives the contact points that records would hold if they were
	// one customer. ErrNotFound: one of them is not known.
	PointsTogether(ctx context.Context, r projections.Reader, records []uuid.UUID) ([]contactpoint.Point, error)
}

// Companion is a record that another one was grouped with for a time.
type Companion struct {
	Record uuid.UUID
	Since  events.Position // where it grouped them, or later; nothing parted them between the two
	Until  events.Position // where the log parted them
}
