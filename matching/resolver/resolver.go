package resolver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/iter"

	"ficha/events"
	"ficha/matching"
)

// Config says what a resolver works with.
type Config struct {
	Log    events.Log
	State  State
	Engine *matching.Engine
	Clock  func() time.Time // for the envelope time of decisions
	Logger *slog.Logger     // nil: none

	// Batch is how many record events are decided together at most (default 500).
	// Larger batches decide a record that changes often once.
	Batch int

	// Decided, where set, is told about every batch: how many record events, how
	// many decisions came of them, how long it took.
	Decided func(events, decisions int, took time.Duration)
}

// Resolver reads records and verdicts from the log and appends decisions.
type Resolver struct {
	cfg      Config
	book     *Book
	appended events.Position // of the last decision that this resolver appended; read by its own goroutine alone
	cursor   Cursor          // up to where the book reflects the lanes; read by its own goroutine alone
	asked    chan func()     // questions, answered by its own goroutine between batches

	mu      sync.Mutex
	reached Cursor        // as cursor, for everybody
	moved   chan struct{} // closed and replaced when reached moves or the resolver fails or stops
	failed  chan struct{} // closed and replaced when it fails or stops
	ready   bool
	err     error

	cancel context.CancelFunc
	wg     conc.WaitGroup
}

// New checks cfg and gives a resolver that is not running yet.
func New(cfg Config) (*Resolver, error) {
	if cfg.Log == nil || cfg.State == nil || cfg.Engine == nil || cfg.Clock == nil {
		return nil, fmt.Errorf("new resolver: log, state, engine and clock are needed: %w", events.ErrInvalid)
	}
	if cfg.Batch <= 0 {
		cfg.Batch = 500
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Resolver{cfg: cfg, book: NewBook(cfg.Engine), asked: make(chan func()), moved: make(chan struct{}), failed: make(chan struct{})}, nil
}

// Start loads the saved state in the background and then decides until Stop or
// until ctx ends. When log or state fail it starts over from the saved state
// after a pause; a damaged log ends it. Start is called once.
func (r *Resolver) Start(ctx context.Context) {
	ctx, r.cancel = context.WithCancel(ctx)
	r.wg.Go(func() {
		for pause := firstPause; ; pause = min(2*pause, lastPause) {
			err := r.run(ctx)
			r.setErr(err)
			if ctx.Err() != nil || errors.Is(err, events.ErrDamaged) {
				return
			}
			r.cfg.Logger.Error("resolver failed, starting over", "error", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			r.book, r.appended = NewBook(r.cfg.Engine), 0
		}
	})
}

// Pauses between attempts after a failure.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

func (r *Resolver) setErr(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	close(r.failed)
	r.failed = make(chan struct{})
	r.tell()
}

// tell wakes whoever waits. The lock is held.
func (r *Resolver) tell() {
	close(r.moved)
	r.moved = make(chan struct{})
}

// Stop ends the resolver and waits for it.
func (r *Resolver) Stop() {
	if r.cancel != nil {
		r.cancel()
	}
	r.wg.Wait()
}

// Position is the last event of the record lane that was taken into account.
func (r *Resolver) Position() events.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reached.Record
}

// Err says why nothing is being decided; nil while all is well.
func (r *Resolver) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Ready says whether the saved state is loaded and decisions are being made.
func (r *Resolver) Ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}

// Wait returns when the resolver has taken the record-lane event at p into
// account, its decisions are in the log, the log is damaged, or ctx ends. p must be the position of
// an event of the record lane, or zero.
func (r *Resolver) Wait(ctx context.Context, p events.Position) error {
	return r.waitUntil(ctx, func(at Cursor) bool { return at.Record >= p })
}

// WaitIdentity is Wait for the position of an event of the identity lane: a
// verdict, or one taken back.
func (r *Resolver) WaitIdentity(ctx context.Context, p events.Position) error {
	return r.waitUntil(ctx, func(at Cursor) bool { return at.Identity >= p })
}

func (r *Resolver) waitUntil(ctx context.Context, there func(Cursor) bool) error {
	for {
		r.mu.Lock()
		reached, moved, err := r.reached, r.moved, r.err
		r.mu.Unlock()
		if there(reached) {
			return nil
		}
		if err != nil && errors.Is(err, events.ErrDamaged) {
			return err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for resolver: %w", ctx.Err())
		}
	}
}

// arrive tells everybody how far the resolver is, and that it decides.
func (r *Resolver) arrive(at Cursor) {
	r.cursor = at
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reached, r.ready, r.err = at, true, nil
	r.tell()
}

// known tells how far the saved state reaches, before it is loaded: what was
// decided up to there is in the log.
func (r *Resolver) known(at Cursor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reached = at
	r.tell()
}

// run loads, reads its own earlier decisions, then decides for good.
func (r *Resolver) run(ctx context.Context) error {
	cursor, err := r.restore(ctx)
	if err != nil {
		return fmt.Errorf("restore resolver: %w", err)
	}
	r.arrive(cursor)
	lanes := openLanes(ctx, r.cfg.Log, cursor, r.cfg.Batch)
	defer lanes.close()
	for {
		batch, err := lanes.next(ctx, r.asked)
		if err != nil {
			return err
		}
		cursor, err = r.step(ctx, cursor, batch)
		if err != nil {
			return err
		}
		r.arrive(cursor)
	}
}

// step takes a batch into account: reads it into the book, decides, appends the
// decisions, saves.
func (r *Resolver) step(ctx context.Context, at Cursor, batch batch) (Cursor, error) {
	started := r.cfg.Clock()
	to := at
	w := r.newWrites()
	if err := r.takeRecords(ctx, w, batch.records); err != nil {
		return at, err
	}
	if err := r.takeIdentity(w, batch.identity); err != nil {
		return at, err
	}
	if n := len(batch.records); n > 0 {
		to.Record = batch.records[n-1].Position
	}
	if n := len(batch.identity); n > 0 {
		to.Identity = batch.identity[n-1].Position
	}
	decisions, err := r.decide(ctx, w, to)
	if err != nil {
		return at, err
	}
	if err := r.cfg.State.Save(ctx, at, to, w.rows()); err != nil {
		return at, fmt.Errorf("save resolver state: %w", err)
	}
	if r.cfg.Decided != nil {
		r.cfg.Decided(len(batch.records), decisions, r.cfg.Clock().Sub(started))
	}
	return to, nil
}

// decide works out and appends what the dirty records of w make of the groups.
func (r *Resolver) decide(ctx context.Context, w *writes, to Cursor) (int, error) {
	dirty := w.dirtyRecords()
	if len(dirty) == 0 {
		return 0, nil
	}
	parts := r.book.Decide(dirty, r.edgesOf)
	announced, err := r.book.announce(parts, max(to.Record, to.Identity), r.cfg.Clock())
	if err != nil {
		return 0, err
	}
	if err := r.appendAll(ctx, announced); err != nil {
		return 0, err
	}
	for _, p := range parts {
		for _, g := range p.Groups {
			for _, id := range g {
				w.touchGroup(id)
			}
		}
	}
	return len(announced), nil
}

// edgesOf reads the edges of live records from the index, on all processors.
func (r *Resolver) edgesOf(ids []uuid.UUID) [][]matching.Edge {
	m := iter.Mapper[uuid.UUID, []matching.Edge]{MaxGoroutines: runtime.GOMAXPROCS(0)}
	return m.Map(ids, func(id *uuid.UUID) []matching.Edge { return r.book.index.Edges(*id) })
}

// appendAll appends decisions and retries for as long as the log is merely
// unavailable: a decision that is in the book must reach the log.
func (r *Resolver) appendAll(ctx context.Context, announced []events.Envelope) error {
	const pause = 200 * time.Millisecond
	for len(announced) > 0 {
		results, err := r.cfg.Log.Append(ctx, announced)
		if err == nil {
			return r.noteAppended(results)
		}
		if !errors.Is(err, events.ErrUnavailable) || errors.Is(err, events.ErrDamaged) {
			return fmt.Errorf("append decision: %w", err)
		}
		r.cfg.Logger.Warn("log unavailable, decision waits", "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// noteAppended remembers how far this resolver's own decisions reach, so that
// reading them back changes nothing.
func (r *Resolver) noteAppended(results []events.Appended) error {
	for _, res := range results {
		if res.Outcome == events.OutcomeReused {
			return fmt.Errorf("append decision: id in use with other content: %w", events.ErrConflict)
		}
		r.appended = max(r.appended, res.Position)
	}
	return nil
}
