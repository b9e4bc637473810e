package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/api/bucket"
	"ficha/events"
)

// Order says what a job is to do.
type Order struct {
	Kind   string
	By     string
	Params any    // told to the kind and to whoever reads the job
	Total  uint64 // things to do, as far as known
	Undoes string // the job that this one takes back
	// ID, where set, makes planning repeatable: a job that is there already is
	// given as it is. It is a UUID; ids that do not sort by age stand out of order
	// in lists.
	ID string
	// Mark stands for the request, where ID is set: the same id with another mark is
	// ErrReused.
	Mark string
	// Chunks are the plan in parts of at most bucket.MaxValue bytes as JSON.
	Chunks []any
}

// ErrNoKind: nothing of this hub runs such jobs.
var ErrNoKind = fmt.Errorf("no such kind of job: %w", events.ErrInvalid)

// Plan stores a job, plan first, and has it run. ErrNoKind, and events.ErrTooLarge
// for a part of the plan that does not fit.
func (d *Desk) Plan(ctx context.Context, n Order) (Job, error) {
	if d.rows[n.Kind] == nil {
		return Job{}, fmt.Errorf("plan %s: %w", n.Kind, ErrNoKind)
	}
	r, err := d.rowOf(n)
	if err != nil {
		return Job{}, err
	}
	if n.ID != "" {
		if there, err := d.Ordered(ctx, n.ID, n.Mark); !errors.Is(err, events.ErrNotFound) {
			return there, err
		}
	}
	if err := d.storePlan(ctx, r.ID, n.Chunks); err != nil {
		return Job{}, err
	}
	if _, err := d.store(ctx, &r, 0); errors.Is(err, events.ErrConflict) {
		return d.Ordered(ctx, r.ID, n.Mark) // by somebody else at the same moment
	} else if err != nil {
		return Job{}, err
	}
	d.enqueue(r.Kind, r.ID, 0)
	if err := d.prune(ctx); err != nil {
		d.cfg.Logger.Warn("old jobs stay", "error", err) // the next plan tries again
	}
	return r.Job, nil
}

// Ordered gives the job of an id that a request with a mark ordered before.
// ErrReused: it was another request; events.ErrNotFound: there is none.
func (d *Desk) Ordered(ctx context.Context, id, mark string) (Job, error) {
	r, _, err := d.load(ctx, id)
	if err == nil && r.Mark != mark {
		return Job{}, fmt.Errorf("plan job: %w", ErrReused)
	}
	return r.Job, err
}

func (d *Desk) rowOf(n Order) (row, error) {
	params, err := json.Marshal(n.Params)
	if err != nil {
		return row{}, fmt.Errorf("encode params of job: %w", err)
	}
	id := n.ID
	if id == "" {
		if id, err = d.newID(); err != nil {
			return row{}, err
		}
	} else if _, err := uuid.Parse(id); err != nil {
		return row{}, fmt.Errorf("plan job: its id is no UUID: %w", events.ErrInvalid)
	}
	return row{Chunks: len(n.Chunks), Mark: n.Mark, Job: Job{
		ID: id, Kind: n.Kind, State: Planned, By: n.By, CreatedAt: d.cfg.Clock().UTC().Truncate(time.Millisecond),
		Progress: Progress{Total: n.Total}, Params: params, Undoes: n.Undoes,
	}}, nil
}

func (d *Desk) storePlan(ctx context.Context, id string, chunks []any) error {
	for n, c := range chunks {
		b, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("encode plan of job: %w", err)
		}
		if len(b) > bucket.MaxValue {
			return fmt.Errorf("store plan of job: part %d has %d bytes, at most %d: %w", n, len(b), bucket.MaxValue, events.ErrTooLarge)
		}
		if _, err := d.cfg.Bucket.Put(ctx, planKey(id, n), b); err != nil {
			return fmt.Errorf("store plan of job: %w", err)
		}
	}
	return nil
}

func (d *Desk) dropPlan(ctx context.Context, id string, chunks int) error {
	for n := range chunks {
		if err := d.cfg.Bucket.Delete(ctx, planKey(id, n)); err != nil {
			return fmt.Errorf("drop plan of job: %w", err)
		}
	}
	return nil
}

// prune forgets the oldest ended jobs beyond Keep.
func (d *Desk) prune(ctx context.Context) error {
	ids, err := d.ids(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids[:max(0, len(ids)-d.cfg.Keep)] {
		r, _, err := d.load(ctx, id)
		if errors.Is(err, events.ErrNotFound) || err == nil && !r.State.Ended() {
			continue
		}
		if err == nil {
			err = d.dropPlan(ctx, id, r.Chunks)
		}
		if err == nil {
			err = d.cfg.Bucket.Delete(ctx, jobKey(id))
		}
		if err != nil {
			return fmt.Errorf("forget old jobs: %w", err)
		}
	}
	return nil
}

// sweep drops plans whose job was never stored: the hub ended in between.
func (d *Desk) sweep(ctx context.Context) error {
	keys, err := d.cfg.Bucket.Keys(ctx)
	if err != nil {
		return fmt.Errorf("sweep jobs: %w", err)
	}
	known := map[string]bool{}
	for _, k := range keys {
		if id, ok := strings.CutPrefix(k, "job."); ok {
			known[id] = true
		}
	}
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k, "plan.")
		id, n, _ := strings.Cut(rest, ".")
		if _, err := strconv.Atoi(n); !ok || err != nil || known[id] {
			continue
		}
		if err := d.cfg.Bucket.Delete(ctx, k); err != nil {
			return fmt.Errorf("sweep jobs: %w", err)
		}
	}
	return nil
}
