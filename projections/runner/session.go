package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/stream"

	"ficha/events"
	"ficha/projections"
)

const (
	chunkEvents  = 128 // decoded by one goroutine at a time
	readAhead    = 1024
	chunksQueued = 16 // decoded and waiting to be folded
)

// decoded is one event on its way to the folds. err says that its data does not
// have its type's shape.
type decoded struct {
	events.Decoded
	err error
}

// session folds from the stored position on: to the end of the log and with it
// when until is zero, else up to the event at until, and then gives nil.
func (r *Runner) session(ctx context.Context, until events.Position) error {
	at, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	r.moveTo(at)
	end, err := r.logEnd(ctx)
	if err != nil {
		return err
	}
	if end <= at {
		r.setErr(nil) // store and log answer, and nothing is left to fold
	}
	ctx, cancel := context.WithCancel(ctx)
	var stages conc.WaitGroup
	defer stages.Wait()
	defer cancel() // before the stages are waited for

	raw := make(chan events.Stored, readAhead)
	chunks := make(chan []decoded, chunksQueued)
	var readErr error
	stages.Go(func() {
		defer close(raw)
		readErr = r.read(ctx, at, until, raw)
	})
	stages.Go(func() {
		defer close(chunks)
		r.decode(ctx, min(chunkEvents, r.cfg.BatchEvents), raw, chunks)
	})
	if err := r.foldAll(ctx, at, chunks); err != nil {
		return err
	}
	if readErr == nil && until == 0 {
		return fmt.Errorf("read log: it ended although it was to be followed: %w", events.ErrUnavailable)
	}
	return readErr
}

// logEnd is the position of the last event that concerns this runner.
func (r *Runner) logEnd(ctx context.Context) (end events.Position, err error) {
	if r.cfg.Lane == "" {
		end, err = r.cfg.Log.End(ctx)
	} else {
		end, err = r.cfg.Log.LaneEnd(ctx, r.cfg.Lane)
	}
	if err != nil {
		return 0, fmt.Errorf("ask for the log's end: %w", err)
	}
	return end, nil
}

func (r *Runner) read(ctx context.Context, after, until events.Position, to chan<- events.Stored) error {
	opts := events.ReadOptions{After: after, Lane: r.cfg.Lane, Follow: until == 0}
	for s, err := range r.cfg.Log.Read(ctx, opts) {
		if err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		if until > 0 && s.Position > until {
			return nil
		}
		select {
		case to <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// decode hands over chunks in the order of the events: whatever is there, at
// most size events.
func (r *Runner) decode(ctx context.Context, size int, from <-chan events.Stored, to chan<- []decoded) {
	workers := stream.New().WithMaxGoroutines(r.cfg.Workers)
	defer workers.Wait()
	for first := range from {
		chunk := append(make([]events.Stored, 0, min(size, len(from)+1)), first)
		for len(chunk) < size && len(from) > 0 {
			chunk = append(chunk, <-from)
		}
		workers.Go(func() stream.Callback {
			out := r.decodeChunk(chunk)
			return func() {
				select {
				case to <- out:
				case <-ctx.Done():
				}
			}
		})
	}
}

func (r *Runner) decodeChunk(chunk []events.Stored) []decoded {
	out := make([]decoded, len(chunk))
	for i, s := range chunk {
		out[i] = r.decodeOne(s)
	}
	return out
}

func (r *Runner) decodeOne(s events.Stored) (d decoded) {
	d.Stored = s
	if r.cfg.Upcast != nil {
		newer, err := r.cfg.Upcast(s)
		if err != nil {
			d.err = err
			return d
		}
		s = newer
	}
	d.Decoded, d.err = events.Decode(s)
	return d
}

// foldAll commits batch after batch until chunks is closed.
func (r *Runner) foldAll(ctx context.Context, at events.Position, chunks <-chan []decoded) error {
	g := gatherer{size: r.cfg.BatchEvents, linger: r.cfg.Linger, chunks: chunks}
	for {
		batch := g.next(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(batch) == 0 {
			return nil
		}
		to, err := r.foldBatch(ctx, at, batch)
		if err != nil {
			return err
		}
		at = to
		r.moveTo(at)
		r.setErr(nil)
	}
}

// gatherer makes batches of the chunks that are there.
type gatherer struct {
	size   int
	linger time.Duration
	chunks <-chan []decoded
	rest   []decoded // taken, but more than the last batch could hold
}

// next waits for one event and takes what else has arrived; nil when no more
// will come or ctx has ended.
func (g *gatherer) next(ctx context.Context) []decoded {
	batch := g.take(g.rest, nil)
	if len(batch) == 0 {
		select {
		case chunk := <-g.chunks:
			batch = g.take(chunk, nil)
		case <-ctx.Done():
			return nil
		}
	}
	var over <-chan time.Time
	if g.linger > 0 && len(batch) > 0 {
		timer := time.NewTimer(g.linger)
		defer timer.Stop()
		over = timer.C
	}
	for len(batch) > 0 && len(batch) < g.size {
		chunk, ok := g.more(ctx, over)
		if !ok {
			break
		}
		batch = g.take(chunk, batch)
	}
	return batch
}

// more gives a chunk that is there, or that comes before over; without over it
// does not wait.
func (g *gatherer) more(ctx context.Context, over <-chan time.Time) ([]decoded, bool) {
	if over == nil {
		select {
		case chunk, ok := <-g.chunks:
			return chunk, ok
		default:
			return nil, false
		}
	}
	select {
	case chunk, ok := <-g.chunks:
		return chunk, ok
	case <-over:
	case <-ctx.Done():
	}
	return nil, false
}

// take adds a chunk to a batch, as far as there is room, and keeps the rest.
func (g *gatherer) take(chunk, batch []decoded) []decoded {
	n := min(len(chunk), g.size-len(batch))
	g.rest = chunk[n:]
	if batch == nil {
		return chunk[:n:n]
	}
	return append(batch, chunk[:n]...)
}

// foldBatch applies all folds to the events and commits. Nothing is kept if it
// gives an error.
func (r *Runner) foldBatch(ctx context.Context, at events.Position, batch []decoded) (events.Position, error) {
	began := r.cfg.Clock()
	snap, err := r.cfg.Store.Snapshot(ctx)
	if err != nil {
		return at, fmt.Errorf("open snapshot: %w", err)
	}
	defer snap.Close()
	work := projections.NewWork(ctx, snap)
	done := Committed{Runner: r.cfg.Name, Events: len(batch)}
	var letters []DeadLetter
	for _, e := range batch {
		if e.Payload == nil && e.err == nil {
			done.Unknown++
		}
		refused, err := r.apply(work, e)
		if err != nil {
			return at, fmt.Errorf("fold event at %d: %w", e.Position, err)
		}
		letters = append(letters, refused...)
	}
	last := batch[len(batch)-1]
	c := projections.Commit{Runner: r.cfg.Name, At: at, To: last.Position, Changes: work.Changes()}
	if err := r.requireOwnTables(c.Changes); err != nil {
		return at, err
	}
	folded := r.cfg.Clock()
	if err := r.cfg.Store.Commit(ctx, c); err != nil {
		return at, fmt.Errorf("commit events up to %d: %w", c.To, err)
	}
	done.Position, done.Recorded = c.To, last.RecordedTime
	done.Changes, done.DeadLetters = len(c.Changes), len(letters)
	done.Folding, done.Committing = folded.Sub(began), r.cfg.Clock().Sub(folded)
	r.tell(done, letters)
	return c.To, nil
}

// apply gives one event to every fold. What a fold refuses is a dead letter of
// its own; an event whose data cannot be read goes to folds of envelopes alone.
// An error voids the batch: a row could not be read, or a fold has found that the
// log itself is damaged.
func (r *Runner) apply(work *projections.Overlay, e decoded) (letters []DeadLetter, err error) {
	for _, f := range r.cfg.Folds {
		refusal := e.err
		if _, noData := f.(projections.EnvelopeFold); refusal == nil || noData {
			refusal = work.Apply(f, e.Decoded)
		}
		if err := work.Err(); err != nil {
			return nil, err
		}
		if errors.Is(refusal, events.ErrDamaged) {
			return nil, refusal
		}
		if refusal != nil {
			letters = append(letters, bury(work, f, e.Stored, refusal))
		}
	}
	return letters, work.Err()
}

// errStrayWrite: a fold wrote to a table that it does not declare. Such rows
// would outlive a replay, so nothing of the kind is committed.
var errStrayWrite = errors.New("a fold wrote to a table that none declares")

func (r *Runner) requireOwnTables(changes []projections.Change) error {
	var last projections.Table
	for _, c := range changes {
		if c.Table != last && !r.tables[c.Table] {
			return fmt.Errorf("check rows of %s: %w", c.Table, errStrayWrite)
		}
		last = c.Table
	}
	return nil
}

func (r *Runner) tell(done Committed, letters []DeadLetter) {
	for _, l := range letters {
		r.cfg.Logger.Warn("event became a dead letter", "runner", r.cfg.Name, "projection", l.Projection,
			"position", l.Position, "type", string(l.Type), "reason", l.Reason)
		if r.cfg.Observer.DeadLetter != nil {
			r.cfg.Observer.DeadLetter(l)
		}
	}
	if r.cfg.Observer.Committed != nil {
		r.cfg.Observer.Committed(done)
	}
}
