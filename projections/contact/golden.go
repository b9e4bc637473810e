package contact

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
	"ficha/projections/golden"
)

// GoldenIdentity asks the golden projection who is who.
type GoldenIdentity struct{}

var _ Identity = GoldenIdentity{}

// RecordsByPoint implements Identity.
func (GoldenIdentity) RecordsByPoint(ctx context.Context, r projections.Reader, p contactpoint.Point) ([]uuid.UUID, error) {
	return golden.RecordsByPoint(ctx, r, p)
}

// Customer implements Identity.
func (GoldenIdentity) Customer(ctx context.Context, r projections.Reader, id uuid.UUID) (uuid.UUID, bool, error) {
	return golden.CustomerOf(ctx, r, id)
}

// Members implements Identity.
func (GoldenIdentity) Members(ctx context.Context, r projections.Reader, id uuid.UUID) ([]uuid.UUID, error) {
	return golden.Members(ctx, r, id)
}

// FormerCompanions implements Identity.
func (GoldenIdentity) FormerCompanions(ctx context.Context, r projections.Reader, record uuid.UUID) ([]Companion, error) {
	cs, err := golden.FormerCompanions(ctx, r, record)
	if err != nil || len(cs) == 0 {
		return nil, err
	}
	out := make([]Companion, len(cs))
	for i, c := range cs {
		out[i] = Companion(c)
	}
	return out, nil
}

// FirstParted implements Identity.
func (GoldenIdentity) FirstParted(ctx context.Context, r projections.Reader, record uuid.UUID) (events.Position, error) {
	return golden.FirstParted(ctx, r, record)
}

// Points implements Identity: phones, e-mails, handles and addresses of the
// golden record, which holds those of its live records only.
func (GoldenIdentity) Points(ctx context.Context, r projections.Reader, id uuid.UUID) ([]contactpoint.Point, error) {
	c, err := golden.Reach(ctx, r, id)
	if errors.Is(err, events.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return pointsOf(c), nil
}

// PointsTogether implements Identity.
func (GoldenIdentity) PointsTogether(ctx context.Context, r projections.Reader, records []uuid.UUID) ([]contactpoint.Point, error) {
	c, err := golden.Preview(ctx, r, records)
	if err != nil {
		return nil, err
	}
	return PointsOf(&c), nil
}

// PointsOf gives the contact points of a golden record in normal form, sorted,
// each once.
func PointsOf(c *golden.Customer) []contactpoint.Point {
	r := golden.Reached{Phones: make([]string, len(c.Phones)), Emails: make([]string, len(c.Emails))}
	for i, p := range c.Phones {
		r.Phones[i] = p.Value.Value
	}
	for i, e := range c.Emails {
		r.Emails[i] = e.Value.Value
	}
	for _, h := range c.Handles {
		r.Handles = append(r.Handles, h.Value)
	}
	for _, a := range c.Addresses {
		r.Addresses = append(r.Addresses, a.Value)
	}
	return pointsOf(r)
}

func pointsOf(r golden.Reached) []contactpoint.Point {
	var ps []contactpoint.Point
	add := func(p events.ContactPoint) {
		if q, ok := PointOf(p); ok {
			ps = append(ps, q)
		}
	}
	for _, p := range r.Phones {
		add(events.ContactPoint{Phone: p})
	}
	for _, e := range r.Emails {
		add(events.ContactPoint{Email: e})
	}
	for _, h := range r.Handles {
		add(events.ContactPoint{Handle: h.Handle, Network: h.Network})
	}
	for i := range r.Addresses {
		add(events.ContactPoint{Address: &r.Addresses[i]})
	}
	slices.SortFunc(ps, comparePoints)
	return slices.Compact(ps)
}
