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

	// FormerCompanions gives the records that a record was grouped with once and
	// is not now.
	FormerCompanions(ctx context.Context, r projections.Reader, record uuid.UUID) ([]Companion, error)

	// Points gives the contact points that a customer's live records hold now.
	Points(ctx context.Context, r projections.Reader, golden uuid.UUID) ([]contactpoint.Point, error)
}

// Companion is a record that another one was grouped with.
type Companion struct {
	Record uuid.UUID
	Until  events.Position // where the log parted them for the last time
}
