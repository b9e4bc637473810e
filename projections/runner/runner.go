package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ficha/events"
	"ficha/projections"
)

// Runner folds a log into a store and keeps up with it. Safe for concurrent use.
type Runner struct {
	cfg    Config
	tables map[projections.Table]bool // what the folds may write
	turn   turn
	waiters

	mu      sync.Mutex
	running *run
	lastErr error
}

// run is the time between one Start and its Stop.
type run struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// New gives a runner that does nothing until Start.
func New(cfg Config) (*Runner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg.withDefaults(), turn: newTurn(), tables: map[projections.Table]bool{DeadLettersTable: true, countsTable: true}}
	for _, f := range cfg.Folds {
		for _, t := range f.Tables() {
			r.tables[t] = true
		}
	}
	return r, nil
}

// Start reads the stored position, clears rows of other fold versions, and then
// folds in the background until Stop or the end of ctx. An error means that the
// store could not be read or cleared, and that nothing runs. A runner that runs
// already is an ErrConflict.
func (r *Runner) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil {
		return fmt.Errorf("start runner %s: it runs already: %w", r.cfg.Name, events.ErrConflict)
	}
	if _, err := r.settle(ctx); err != nil {
		return fmt.Errorf("start runner %s: %w", r.cfg.Name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	r.lastErr = nil
	r.end(nil)
	r.running = &run{cancel: cancel, done: make(chan struct{})}
	go r.keepFolding(ctx, r.running.done)
	return nil
}

// Stop ends the folding and waits for it; callers of Wait get ErrClosed. It may
// be called at any time, from several goroutines.
func (r *Runner) Stop() {
	r.mu.Lock()
	running := r.running
	r.mu.Unlock()
	if running == nil {
		return
	}
	running.cancel()
	<-running.done
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == running {
		r.running = nil
	}
}

// Position is that of the last event that the store's rows reflect. A runner of
// one lane has the position of the last event of its lane, however far the log is.
func (r *Runner) Position() events.Position { return r.position() }

// Wait returns nil once Position is at or beyond p, at the latest when ctx ends
// (with its error). A halted runner answers with Err, a stopped one with ErrClosed.
func (r *Runner) Wait(ctx context.Context, p events.Position) error {
	if err := r.wait(ctx, p); err != nil {
		return fmt.Errorf("wait for runner %s to reach %d: %w", r.cfg.Name, p, err)
	}
	return nil
}

// Err is nil while the runner keeps up; else why it is retrying or has halted.
func (r *Runner) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastErr
}

func (r *Runner) setErr(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastErr = err
}

// The pauses between sessions that end with errors.
const (
	firstPause = 10 * time.Millisecond
	longest    = 2 * time.Second
)

// keepFolding runs sessions, one after the other, until ctx ends or one ends with
// an error that another attempt cannot mend.
func (r *Runner) keepFolding(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	pause := firstPause
	for {
		began := r.Position()
		err := r.session(ctx, 0)
		if ctx.Err() != nil {
			r.end(fmt.Errorf("runner stopped: %w", events.ErrClosed))
			return
		}
		if r.Position() != began {
			pause = firstPause
		}
		r.setErr(err)
		if hopeless(err) {
			r.halt(err)
			return
		}
		if errors.Is(err, projections.ErrPositionMoved) {
			r.cfg.Logger.Info("somebody else folds too; position is read again", "runner", r.cfg.Name)
		} else {
			r.cfg.Logger.Warn("folding failed and is tried again", "runner", r.cfg.Name, "error", err, "pause", pause)
		}
		if r.cfg.Observer.Retrying != nil {
			r.cfg.Observer.Retrying(err, pause)
		}
		sleep(ctx, pause)
		pause = min(2*pause, longest)
	}
}

func (r *Runner) halt(err error) {
	r.cfg.Logger.Error("folding has halted", "runner", r.cfg.Name, "position", r.Position(), "error", err)
	if errors.Is(err, events.ErrDamaged) {
		r.cfg.MarkDamaged(err)
	}
	r.end(err)
}

// hopeless says whether the same attempt would fail the same way for ever.
func hopeless(err error) bool {
	for _, e := range []error{events.ErrDamaged, events.ErrClosed, projections.ErrClosed, errStrayWrite} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
