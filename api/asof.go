package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
)

// Moment asks for an answer as of the past.
type Moment struct {
	At      time.Time `query:"at" doc:"As it was at that time at the sources; RFC 3339"`
	KnownAt time.Time `query:"known_at" doc:"As far as the hub knew at that time; default: the earlier of at and now"`
}

// past says whether another moment than now is asked for.
func (m Moment) past() bool { return !m.At.IsZero() || !m.KnownAt.IsZero() }

// PastMoment is the moment that an answer is of.
type PastMoment struct {
	At            *time.Time      `json:"at,omitempty" doc:"When it was so at the sources; left out: any time"`
	KnownAt       time.Time       `json:"known_at" doc:"When the hub knew it"`
	KnownPosition events.Position `json:"known_position" doc:"The last event about customers that had been taken by then"`
}

// customerThen makes a customer anew from what had been stated and decided by then.
func (s *server) customerThen(ctx context.Context, v *view, id string, m Moment) (golden.Customer, *PastMoment, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return golden.Customer{}, nil, notFound("customer")
	}
	then := PastMoment{KnownAt: m.KnownAt.UTC()}
	if !m.At.IsZero() {
		at := m.At.UTC()
		then.At = &at
	}
	if m.KnownAt.IsZero() {
		then.KnownAt = m.At.UTC()
	}
	if now := s.now(); then.KnownAt.After(now) {
		then.KnownAt = now
	}
	if then.KnownPosition, err = golden.PositionAt(ctx, v, then.KnownAt); err != nil {
		return golden.Customer{}, nil, fmt.Errorf("read position of a time: %w", err)
	}
	if then.KnownPosition == 0 {
		return golden.Customer{}, nil, notFound("customer at that time")
	}
	c, err := golden.GetAt(ctx, v, u, golden.AsOf{At: m.At, KnownAt: then.KnownPosition})
	if errors.Is(err, events.ErrNotFound) {
		return golden.Customer{}, nil, notFound("customer at that time")
	}
	if err != nil {
		return golden.Customer{}, nil, fmt.Errorf("read customer as of a past moment: %w", err)
	}
	return c, &then, nil
}

// describeThen gives a golden record of the past. What waits for a steward, and
// whether contacting is allowed, is of the present and left out.
func (s *server) describeThen(ctx context.Context, v *view, id string, m Moment) (CustomerAnswer, error) {
	c, then, err := s.customerThen(ctx, v, id, m)
	if err != nil {
		return CustomerAnswer{}, err
	}
	out := CustomerAnswer{
		Records: recordsIn(c), PotentialMatches: []PotentialMatch{}, AsOf: then,
		Position: v.asOf.Position, ResolvedPosition: v.asOf.ResolvedPosition,
	}
	out.Customer, out.Masked = shownTo(callOf(ctx).principal, c)
	return out, nil
}
