package steward

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/api/jobs"
	"ficha/events"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/projections/review"
)

// Names of the kinds of jobs of stewards.
const (
	KindDecide = "reviews.decide" // one verdict about all items of a filter
	KindImport = "reviews.import" // the decisions of a file; done at once
	KindUndo   = "reviews.undo"   // takes back what one of the others did
)

// Bulk is one verdict about all items of a filter that wait, pairs and groups. A
// hold is looked at by itself, because its confirmation cannot be taken back.
type Bulk struct {
	Filter  review.Filter
	Verdict events.Verdict
	Reason  string
	By      string
}

const (
	// MaxBulk is how many items a bulk decides at most.
	MaxBulk = 100_000
	// bulkChunk is how many are decided between two saves.
	bulkChunk = 500
	// bulkPage is how many are read at a time for the plan.
	bulkPage = 500
)

// planned is an item as the plan of a job has it.
type planned struct {
	ID      uuid.UUID       `json:"id"`
	Version events.Position `json:"v"`
}

// decideParams is what a bulk job is told.
type decideParams struct {
	Filter  any            `json:"filter"` // as the caller wrote it, for whoever reads the job
	Verdict events.Verdict `json:"verdict"`
	Reason  string         `json:"reason,omitempty"`
}

// BulkPreview is what a bulk would do.
type BulkPreview struct {
	Position  events.Position
	Total     int
	LeftOut   bool                  // more than MaxBulk items fit the filter; those would be left
	Patterns  []review.PatternCount // most frequent first
	Customers int                   // that the items are about
	Merges    int                   // how many fewer customers there would be, if nothing refuses to join them
	Sample    []review.Item         // evenly spread
	// Contact are the contact answers that would change if the sample were decided.
	Contact contact.Comparison
}

// maxBulkSample is how many items a preview looks at closely.
const maxBulkSample = 50

// PreviewBulk says what a bulk would do, and gives a sample of at most that many
// items to look at.
func (d *Desk) PreviewBulk(ctx context.Context, b Bulk, sample int) (BulkPreview, error) {
	var p BulkPreview
	var items []review.Item
	err := d.snapshot(ctx, func(s projections.Snapshot) (err error) {
		items, p.LeftOut, err = d.matching(ctx, s, b)
		return err
	})
	if err != nil {
		return p, err
	}
	p.Total, p.Patterns = len(items), patternsOf(items)
	joined := newUnion()
	for i := range items {
		joined.join(items[i].Customers)
	}
	p.Customers = joined.size()
	p.Sample = spread(items, min(max(sample, 0), maxBulkSample))
	if b.Verdict != events.VerdictSame {
		return p, nil
	}
	p.Merges = joined.size() - joined.parts()
	before, after := joinedSets(p.Sample)
	if p.Contact, err = d.cfg.Comparer.Comparison(ctx, before, after); err != nil {
		return p, fmt.Errorf("compare contact answers: %w", err)
	}
	return p, nil
}

// BulkOrder says how a bulk is made a job.
type BulkOrder struct {
	Filter any    // as the caller wrote it, for whoever reads the job
	Expect *int   // optional: how many items the caller was told of
	ID     string // optional: of the job, so that the request can be repeated
	Mark   string // of the request, with ID
}

// PlanBulk has a job decide all items that fit. *Conflict: there are others than
// expected; jobs.ErrReused: the id was used for another request.
func (d *Desk) PlanBulk(ctx context.Context, board *jobs.Desk, b Bulk, o BulkOrder) (jobs.Job, error) {
	if o.ID != "" {
		if j, err := board.Ordered(ctx, o.ID, o.Mark); !errors.Is(err, events.ErrNotFound) {
			return j, err // asked before
		}
	}
	var items []review.Item
	err := d.snapshot(ctx, func(s projections.Snapshot) (err error) {
		items, _, err = d.matching(ctx, s, b)
		return err
	})
	if err != nil {
		return jobs.Job{}, err
	}
	if o.Expect != nil && *o.Expect != len(items) {
		return jobs.Job{}, &Conflict{What: WhatChanged}
	}
	var chunks []any
	for chunk := range slices.Chunk(items, bulkChunk) {
		plan := make([]planned, len(chunk))
		for i := range chunk {
			plan[i] = planned{chunk[i].ID, chunk[i].Version}
		}
		chunks = append(chunks, plan)
	}
	return board.Plan(ctx, jobs.Order{
		Kind: KindDecide, By: b.By, ID: o.ID, Mark: o.Mark, Total: uint64(len(items)), Chunks: chunks,
		Params: decideParams{Filter: o.Filter, Verdict: b.Verdict, Reason: b.Reason},
	})
}

// matching reads the pairs and groups of a filter that wait, at most MaxBulk.
func (d *Desk) matching(ctx context.Context, r projections.Reader, b Bulk) (items []review.Item, leftOut bool, err error) {
	for after := ""; ; {
		page, next, err := review.List(ctx, r, b.Filter, after, bulkPage)
		if err != nil {
			return nil, false, fmt.Errorf("list reviews: %w", err)
		}
		for i := range page {
			if !decidable(&page[i]) {
				continue
			}
			if len(items) == MaxBulk {
				return items, true, nil
			}
			items = append(items, page[i])
		}
		if after = next; after == "" {
			return items, false, nil
		}
	}
}

// decidable says whether a bulk may decide an item.
func decidable(it *review.Item) bool {
	return (it.Kind == review.KindPair || it.Kind == review.KindGroup) && (it.State == review.StateOpen || it.State == review.StateUnsure)
}

// DecideKind is the kind of job that decides in bulk.
func (d *Desk) DecideKind() jobs.Kind { return jobs.Kind{Name: KindDecide, Run: d.runDecide} }

// place is the checkpoint of a bulk: the part of the plan that is next.
type place struct {
	Next int `json:"next"`
}

func (d *Desk) runDecide(ctx context.Context, r *jobs.Run) error {
	var p decideParams
	var at place
	if err := r.Params(&p); err != nil {
		return err
	}
	if _, err := r.Checkpoint(&at); err != nil {
		return err
	}
	if err := d.upToNow(ctx); err != nil {
		return err
	}
	done := r.Progress()
	ruling := Ruling{Verdict: p.Verdict, Reason: p.Reason, By: r.By(), Job: r.ID()}
	for ; at.Next < r.Chunks(); at.Next++ {
		var plan []planned
		if err := r.Chunk(ctx, at.Next, &plan); err != nil {
			return err
		}
		if err := d.decideChunk(ctx, plan, ruling, &done); err != nil {
			return err
		}
		if err := r.Save(ctx, done, place{at.Next + 1}); err != nil {
			return err
		}
		d.regrouped(ctx, done.Position) // so that the next part is read as this one leaves it
	}
	return nil
}

// upToNow waits until reads show all that is in the log: what this job has done
// before the hub was killed.
func (d *Desk) upToNow(ctx context.Context) error {
	end, err := d.cfg.Log.End(ctx)
	if err == nil {
		err = d.cfg.Wait(ctx, end)
	}
	if err != nil {
		return fmt.Errorf("wait for the rows: %w", err)
	}
	return nil
}

// decideChunk decides the items of a part of the plan that are as they were then,
// and adds to the counts.
func (d *Desk) decideChunk(ctx context.Context, plan []planned, r Ruling, done *jobs.Progress) error {
	var evs []events.Envelope
	err := d.snapshot(ctx, func(s projections.Snapshot) error {
		for _, p := range plan {
			e, err := d.decisionFor(ctx, s, p, r, done)
			if err != nil {
				return err
			}
			if e != nil {
				evs = append(evs, *e)
			}
		}
		return nil
	})
	if err != nil || len(evs) == 0 {
		return err
	}
	res, err := d.cfg.Publisher.Publish(ctx, events.Principal{Name: r.By, Hub: true}, evs)
	if err != nil {
		return fmt.Errorf("publish verdicts: %w", err)
	}
	for _, one := range res.Results {
		switch {
		case one.Status != events.StatusRejected:
			done.Done++
			done.Position = max(done.Position, one.Position)
		case errors.Is(refusal(one.Errors), errTaken):
			done.Skipped++ // somebody decided it at this moment
		default:
			done.Failed++
		}
	}
	return nil
}

// decisionFor gives the event that decides an item; nil where nothing is to be
// done, and the counts say why.
func (d *Desk) decisionFor(ctx context.Context, s projections.Snapshot, p planned, r Ruling, done *jobs.Progress) (*events.Envelope, error) {
	item, err := review.Get(ctx, s, p.ID)
	if err != nil && !errors.Is(err, events.ErrNotFound) {
		return nil, fmt.Errorf("read review: %w", err)
	}
	switch {
	case err == nil && item.Decision != nil && item.Decision.Job == r.Job:
		done.Done++ // before the hub was killed
		return nil, nil
	case err != nil, item.Version != p.Version, !decidable(&item):
		done.Skipped++
		return nil, nil
	}
	all, err := statements(&item, r)
	if err != nil {
		done.Failed++
		return nil, nil // counted
	}
	at, err := d.after(ctx, all)
	if err != nil {
		return nil, err
	}
	evs, err := envelopes(all, at, "job-"+r.Job, func(n int) string { return review.DecisionEventID(item.ID, item.Version, n) })
	if err != nil {
		return nil, err
	}
	return &evs[0], nil
}
