package steward

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/review"
)

// Merge says that customers are one. A single one is said to be one: somebody looked
// at its records, and no suspicion is left.
type Merge struct {
	Customers []uuid.UUID // any ids of them
	Reason    string
	By        string
}

// Split says that some records of a customer are somebody else's.
type Split struct {
	Customer uuid.UUID // any id of it
	Records  []uuid.UUID
	Reason   string
	By       string
}

// Act is a request to merge or split, which the caller may send again.
type Act struct {
	ID   string // of the event: the same for the same request
	Mark string // see [Request]
}

// Acted is what a merge or split did.
type Acted struct {
	Done
	// Review is the item with which it can be undone.
	Review uuid.UUID
	// Redirects are the customers that are gone: their ids lead to another one.
	Redirects []Redirect
}

// MergePreview says what a merge would do. *Misfit.
func (d *Desk) MergePreview(ctx context.Context, m Merge) (Preview, error) {
	s, err := d.merging(ctx, m)
	if err != nil {
		return Preview{}, err
	}
	return d.preview(ctx, []statement{s}, nil)
}

// SplitPreview says what a split would do. *Misfit.
func (d *Desk) SplitPreview(ctx context.Context, p Split) (Preview, error) {
	s, err := d.splitting(ctx, p)
	if err != nil {
		return Preview{}, err
	}
	return d.preview(ctx, []statement{s}, nil)
}

// Merge has customers be one, whatever was said of them before. *Misfit;
// *Unachievable where they would not become one: then nothing is published.
func (d *Desk) Merge(ctx context.Context, m Merge, a Act) (Acted, error) {
	return d.act(ctx, m.By, a, func() (statement, error) { return d.merging(ctx, m) })
}

// Split parts records from the rest of their customer. *Misfit, *Unachievable.
func (d *Desk) Split(ctx context.Context, p Split, a Act) (Acted, error) {
	return d.act(ctx, p.By, a, func() (statement, error) { return d.splitting(ctx, p) })
}

// act publishes a verdict that reaches what it says.
func (d *Desk) act(ctx context.Context, by string, a Act, make func() (statement, error)) (Acted, error) {
	name := events.EventID{Source: Source, ID: a.ID}
	if out, err := d.actedBefore(ctx, name, a.Mark); err != nil || out != nil {
		return fromPointer(out), err
	}
	s, err := make()
	if err != nil {
		return Acted{}, err
	}
	all := []statement{s}
	would, err := d.regrouping(ctx, all, nil)
	if err != nil {
		return Acted{}, err
	}
	if len(would.Obstacles) > 0 {
		return Acted{}, &Unachievable{would.Obstacles}
	}
	at, err := d.after(ctx, all)
	if err != nil {
		return Acted{}, err
	}
	evs, err := envelopes(all, at, a.Mark, func(int) string { return a.ID })
	if err != nil {
		return Acted{}, err
	}
	done, err := d.submit(ctx, by, evs)
	if errors.Is(err, errTaken) {
		return Acted{}, ErrReused // between the look above and now
	}
	if err != nil {
		return Acted{}, err
	}
	done.Resolved = d.settled(ctx, done.Position, all)
	return Acted{Done: done, Review: review.VerdictID(name), Redirects: would.Redirects}, nil
}

func fromPointer(a *Acted) Acted {
	if a == nil {
		return Acted{}
	}
	return *a
}

// actedBefore answers a request that was sent before; nil: it was not.
func (d *Desk) actedBefore(ctx context.Context, name events.EventID, mark string) (*Acted, error) {
	e, err := d.find(ctx, name)
	if e == nil || err != nil {
		return nil, err
	}
	if e.CorrelationID != mark {
		return nil, ErrReused
	}
	done := Done{Status: events.StatusDuplicate, Position: e.Position, Events: []events.EventID{name}}
	done.Resolved = d.settled(ctx, e.Position, []statement{{e.Type, decoded(e)}})
	return &Acted{Done: done, Review: review.VerdictID(name)}, nil
}

// merging makes the verdict of a merge: same, over all records of the customers.
func (d *Desk) merging(ctx context.Context, m Merge) (statement, error) {
	var records []uuid.UUID
	seen := map[uuid.UUID]int{}
	err := d.snapshot(ctx, func(s projections.Snapshot) error {
		for i, id := range m.Customers {
			c, err := customerOf(ctx, s, id, fmt.Sprintf("/ids/%d", i))
			if err != nil {
				return err
			}
			if first, twice := seen[c.ID]; twice {
				return &Misfit{fmt.Sprintf("/ids/%d", i), fmt.Sprintf("is the same customer as /ids/%d", first), "name each customer once"}
			}
			seen[c.ID] = i
			records = append(records, recordsOf(c)...)
		}
		return nil
	})
	if err == nil && len(records) < 2 {
		err = &Misfit{"/ids", "there is one record only", "name another customer"}
	}
	return Ruling{Reason: m.Reason, By: m.By}.judged(events.VerdictSame, records), err
}

// splitting makes the verdict of a split: the records different from the rest.
func (d *Desk) splitting(ctx context.Context, p Split) (statement, error) {
	var rest []uuid.UUID
	err := d.snapshot(ctx, func(s projections.Snapshot) error {
		c, err := customerOf(ctx, s, p.Customer, "")
		if err != nil {
			return err
		}
		rest = recordsOf(c)
		for i, id := range p.Records {
			if !slices.Contains(rest, id) {
				return &Misfit{fmt.Sprintf("/records/%d", i), "is none of this customer's records, or is there twice", "see records of the customer"}
			}
			rest = slices.DeleteFunc(rest, func(r uuid.UUID) bool { return r == id })
		}
		return nil
	})
	switch {
	case err != nil:
	case len(p.Records) == 0:
		err = &Misfit{"/records", "names none", "name the records that are somebody else's"}
	case len(rest) == 0:
		err = &Misfit{"/records", "names all records of the customer", "leave at least one out"}
	}
	return Ruling{Reason: p.Reason, By: p.By}.judged(events.VerdictDifferent, p.Records, rest), err
}

// customerOf reads a customer that a request names at pointer ("": in its path).
func customerOf(ctx context.Context, r projections.Reader, id uuid.UUID, pointer string) (golden.Customer, error) {
	c, err := golden.Get(ctx, r, id)
	if pointer != "" && errors.Is(err, events.ErrNotFound) {
		return c, &Misfit{pointer, "there is no such customer", "look it up or search for it"}
	}
	if err != nil {
		return c, fmt.Errorf("read customer: %w", err)
	}
	return c, nil
}

func recordsOf(c golden.Customer) []uuid.UUID {
	ids := make([]uuid.UUID, len(c.Records))
	for i, m := range c.Records {
		ids[i] = m.ID
	}
	return ids
}
