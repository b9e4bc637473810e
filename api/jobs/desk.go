package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"ficha/api/bucket"
	"ficha/events"
)

// Config is what [New] needs. Fields without "optional" are required.
type Config struct {
	Bucket bucket.Bucket
	Kinds  []Kind // each name once
	Clock  func() time.Time
	Rand   io.Reader // of ids
	Logger *slog.Logger
	Slice  time.Duration // optional: how long a job runs while others of its kind wait; default 5 s
	Retry  time.Duration // optional: how long a paused job waits; default 10 s
	Keep   int           // optional: how many ended jobs are remembered; default 1,000
}

// Validate says what is missing, and fills in defaults.
func (c *Config) Validate() error {
	if c.Bucket == nil || c.Clock == nil || c.Rand == nil || c.Logger == nil {
		return fmt.Errorf("configure jobs: bucket, clock, rand and logger are required: %w", events.ErrInvalid)
	}
	seen := map[string]bool{}
	for _, k := range c.Kinds {
		if k.Name == "" || k.Run == nil || seen[k.Name] {
			return fmt.Errorf("configure jobs: kind %q lacks a name or a way to run, or is there twice: %w", k.Name, events.ErrInvalid)
		}
		seen[k.Name] = true
	}
	if c.Slice <= 0 {
		c.Slice = 5 * time.Second
	}
	if c.Retry <= 0 {
		c.Retry = 10 * time.Second
	}
	if c.Keep <= 0 {
		c.Keep = 1000
	}
	return nil
}

// Desk keeps jobs and runs them. Safe for concurrent use.
type Desk struct {
	cfg    Config
	owner  string // this process, among all that ever were
	rows   map[string]*line
	stops  map[string]chan struct{} // of jobs that run here; closed upon Cancel
	mu     sync.Mutex
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// New checks cfg and gives a desk that runs nothing yet.
func New(cfg Config) (*Desk, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := &Desk{cfg: cfg, rows: map[string]*line{}, stops: map[string]chan struct{}{}}
	for _, k := range cfg.Kinds {
		d.rows[k.Name] = newLine()
	}
	var err error
	if d.owner, err = d.newID(); err != nil {
		return nil, fmt.Errorf("configure jobs: %w", err)
	}
	return d, nil
}

// newID gives a UUID of version 7: the time in ms, then chance.
func (d *Desk) newID() (string, error) {
	var id uuid.UUID
	if _, err := io.ReadFull(d.cfg.Rand, id[6:]); err != nil {
		return "", fmt.Errorf("make id: %w", err)
	}
	ms := uint64(d.cfg.Clock().UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String(), nil
}

// Get gives a job, or events.ErrNotFound.
func (d *Desk) Get(ctx context.Context, id string) (Job, error) {
	r, _, err := d.load(ctx, id)
	return r.Job, err
}

// Filter narrows a list; what is empty lets every job through.
type Filter struct {
	Kind  string
	State State
}

// List gives at most limit jobs, newest first, after the job named after ("": from
// the newest). next names the last one where there may be more, else it is "".
func (d *Desk) List(ctx context.Context, f Filter, after string, limit int) (page []Job, next string, err error) {
	ids, err := d.ids(ctx)
	if err != nil {
		return nil, "", err
	}
	for i := len(ids) - 1; i >= 0; i-- {
		if after != "" && ids[i] >= after {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].ID, nil
		}
		r, _, err := d.load(ctx, ids[i])
		if errors.Is(err, events.ErrNotFound) {
			continue // forgotten since the keys were listed
		}
		if err != nil {
			return nil, "", err
		}
		if (f.Kind == "" || r.Kind == f.Kind) && (f.State == "" || r.State == f.State) {
			page = append(page, r.Job)
		}
	}
	return page, "", nil
}

// Cancel has a job stop: at once if it does not run, else after the part that it
// is at; then the answer says Stopping. ErrState: it has ended.
func (d *Desk) Cancel(ctx context.Context, id string) (Job, error) {
	r, err := d.change(ctx, id, func(r *row) error {
		switch r.State {
		case Planned, Paused:
			r.State, r.Stopping, r.Error = Cancelled, false, ""
		case Running:
			r.Stopping = true
		default:
			return fmt.Errorf("cancel job that is %s: %w", r.State, ErrState)
		}
		return nil
	})
	if err != nil {
		return Job{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if stop, ok := d.stops[id]; ok && r.Stopping {
		select {
		case <-stop: // closed before
		default:
			close(stop)
		}
	}
	return r.Job, nil
}

// Resume has a job that was cancelled or failed go on from its last save. ErrState:
// it is in another state.
func (d *Desk) Resume(ctx context.Context, id string) (Job, error) {
	r, err := d.change(ctx, id, func(r *row) error {
		if r.State != Cancelled && r.State != Failed {
			return fmt.Errorf("resume job that is %s: %w", r.State, ErrState)
		}
		r.State, r.Stopping, r.Error = Planned, false, ""
		return nil
	})
	if err != nil {
		return Job{}, err
	}
	d.enqueue(r.Kind, id, 0)
	return r.Job, nil
}

// change writes a job anew, reading it again when somebody else was first.
func (d *Desk) change(ctx context.Context, id string, f func(*row) error) (row, error) {
	for {
		r, rev, err := d.load(ctx, id)
		if err != nil {
			return row{}, err
		}
		if err := f(&r); err != nil {
			return row{}, err
		}
		_, err = d.store(ctx, &r, rev)
		if !errors.Is(err, events.ErrConflict) {
			return r, err
		}
	}
}

func (d *Desk) load(ctx context.Context, id string) (row, uint64, error) {
	if _, err := uuid.Parse(id); err != nil {
		return row{}, 0, fmt.Errorf("read job: %w", events.ErrNotFound)
	}
	b, rev, err := d.cfg.Bucket.Get(ctx, jobKey(id))
	if err != nil {
		return row{}, 0, fmt.Errorf("read job: %w", err)
	}
	var r row
	if err := json.Unmarshal(b, &r); err != nil {
		return row{}, 0, fmt.Errorf("read job: it cannot be decoded: %w", events.ErrUnavailable)
	}
	return r, rev, nil
}

// store writes a job that was read at revision; zero: a new one.
func (d *Desk) store(ctx context.Context, r *row, revision uint64) (uint64, error) {
	r.UpdatedAt = d.cfg.Clock().UTC().Truncate(time.Millisecond)
	b, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("encode job: %w", err)
	}
	if revision == 0 {
		revision, err = d.cfg.Bucket.Create(ctx, jobKey(r.ID), b)
	} else {
		revision, err = d.cfg.Bucket.Update(ctx, jobKey(r.ID), b, revision)
	}
	if err != nil {
		return 0, fmt.Errorf("store job: %w", err)
	}
	return revision, nil
}

// ids lists all jobs, oldest first.
func (d *Desk) ids(ctx context.Context) ([]string, error) {
	keys, err := d.cfg.Bucket.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	ids := keys[:0]
	for _, k := range keys {
		if id, ok := strings.CutPrefix(k, "job."); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
