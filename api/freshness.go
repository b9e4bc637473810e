package api

import (
	"context"

	"ficha/events"
)

// Freshness knows how far the projections have come.
type Freshness interface {
	// Wait returns when every projection that reads use includes all events up
	// to p, or with ctx's error when that ends first.
	Wait(ctx context.Context, p events.Position) error
	// Position is up to where they have come, for telling how far it is.
	Position() events.Position
	// Resolved is up to where matching has decided.
	Resolved() events.Position
}
