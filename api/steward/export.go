package steward

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/google/uuid"

	"ficha/api/steward/sheet"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/review"
)

// Probability is that of a weight, which is the log2 of the odds times 1,000.
func Probability(weight int64) float64 { return 1 / (1 + math.Exp2(-float64(weight)/1000)) }

// Export gives the items of a filter as rows of a table, at most sheet.MaxRows.
// leftOut: there are more.
func (d *Desk) Export(ctx context.Context, r projections.Reader, f review.Filter) (rows []sheet.Row, leftOut bool, err error) {
	who := NewNames(r)
	for after := ""; ; {
		page, next, err := review.List(ctx, r, f, after, bulkPage)
		if err != nil {
			return nil, false, fmt.Errorf("list reviews: %w", err)
		}
		for i := range page {
			if len(rows) == sheet.MaxRows {
				return rows, true, nil
			}
			row, err := rowOf(ctx, &page[i], who)
			if err != nil {
				return nil, false, err
			}
			rows = append(rows, row)
		}
		if after = next; after == "" {
			return rows, false, nil
		}
	}
}

func rowOf(ctx context.Context, it *review.Item, who *Names) (sheet.Row, error) {
	row := sheet.Row{
		Review: it.ID.String(), Version: uint64(it.Version), State: string(it.State), Kind: string(it.Kind),
		Weight: float64(it.Weight) / 1000, Probability: Probability(it.Weight), Pattern: it.Pattern, Reasons: codesOf(it),
	}
	if d := it.Decision; d != nil {
		row.Decision, row.Reason, row.By, row.At = string(d.Verdict), d.Reason, d.By, d.At
	}
	for i, side := range it.Sides {
		c := sheet.Customer{}
		var err error
		if i < len(it.Customers) {
			if c.Name, err = who.Name(ctx, it.Customers[i]); err != nil {
				return row, err
			}
		}
		for _, id := range side {
			key, err := who.Key(ctx, id)
			if err != nil {
				return row, err
			}
			c.Records = append(c.Records, key.String())
		}
		row.Customers = append(row.Customers, c)
	}
	return row, nil
}

// codesOf gives the codes of an item's reasons, sorted, each once.
func codesOf(it *review.Item) []string {
	var codes []string
	for _, r := range it.Reasons {
		codes = append(codes, r.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// Names reads what customers and records are called, each customer once. One
// goroutine uses it, for one answer.
type Names struct {
	r     projections.Reader
	names map[uuid.UUID]string
	keys  map[uuid.UUID]events.RecordKey
}

// NewNames reads from r.
func NewNames(r projections.Reader) *Names {
	return &Names{r: r, names: map[uuid.UUID]string{}, keys: map[uuid.UUID]events.RecordKey{}}
}

// Name gives the display name of the customer that an id stands for now; "": none.
func (n *Names) Name(ctx context.Context, id uuid.UUID) (string, error) {
	if err := n.read(ctx, id); err != nil {
		return "", err
	}
	return n.names[id], nil
}

// Key gives the key of a record; a zero one where it was never seen.
func (n *Names) Key(ctx context.Context, record uuid.UUID) (events.RecordKey, error) {
	if key, known := n.keys[record]; known {
		return key, nil
	}
	if err := n.read(ctx, record); err != nil {
		return events.RecordKey{}, err
	}
	return n.keys[record], nil
}

func (n *Names) read(ctx context.Context, id uuid.UUID) error {
	if _, known := n.names[id]; known {
		return nil
	}
	c, err := golden.Get(ctx, n.r, id)
	if err != nil && !errors.Is(err, events.ErrNotFound) {
		return fmt.Errorf("read customer: %w", err)
	}
	n.names[id], n.names[c.ID] = c.DisplayName, c.DisplayName
	for _, m := range c.Records {
		n.keys[m.ID] = m.Normal()
	}
	return nil
}
