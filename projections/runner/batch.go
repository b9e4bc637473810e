package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/sourcegraph/conc"

	"ficha/events"
	"ficha/projections"
)

// batch is a number of events on their way into the store. It is folded by one
// goroutine and committed by another, while the next one is folded already.
type batch struct {
	work      *projections.Overlay
	to        events.Position
	done      Committed
	letters   []DeadLetter
	committed chan struct{} // closed when it is in the store, or never will be
	err       error         // why it is not; to be read when committed is closed
}

// pending says whether the batch is folded and not in the store yet.
func (b *batch) pending() bool {
	if b == nil {
		return false
	}
	select {
	case <-b.committed:
		return false
	default:
		return true
	}
}

// foldAll folds batch after batch until chunks is closed, and commits each while
// the next one is folded: that reads its rows over those of the one before. known
// may be nil.
func (r *Runner) foldAll(ctx context.Context, at events.Position, known *written, chunks <-chan []decoded) error {
	ctx, give := context.WithCancelCause(ctx)
	defer give(nil)
	var commits conc.WaitGroup
	defer commits.Wait()
	g := gatherer{size: r.cfg.BatchEvents, linger: r.cfg.Linger, chunks: chunks}
	var last *batch
	for {
		evs := g.next(ctx)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if len(evs) == 0 {
			commits.Wait()
			return context.Cause(ctx)
		}
		r.cfg.Pace(ctx)
		if err := r.turn.take(ctx); err != nil {
			return context.Cause(ctx)
		}
		next, err := r.fold(ctx, known, last, evs)
		if err != nil {
			r.turn.leave()
			return cmp.Or(context.Cause(ctx), err) // a failed commit also ends the reads of the batch behind it
		}
		before, from := last, at
		commits.Go(func() {
			defer r.turn.leave()
			if err := r.commit(ctx, known, before, next, from); err != nil {
				give(err)
			}
		})
		last, at = next, next.to
	}
}

// fold applies all folds to the events, over the rows as they are after the batch
// before.
func (r *Runner) fold(ctx context.Context, known *written, before *batch, evs []decoded) (*batch, error) {
	began := r.cfg.Clock()
	uncommitted := before.pending() // before the snapshot is opened: it may hold the batch then, which does not hurt
	snap, err := r.cfg.Store.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	defer snap.Close()
	base := known.over(snap)
	if uncommitted {
		base = before.work.Over(base)
	}
	last := evs[len(evs)-1]
	b := &batch{work: projections.NewWork(ctx, base), to: last.Position, committed: make(chan struct{})}
	if before != nil && len(evs) == r.cfg.BatchEvents { // full ones are alike
		b.work.Expect(before.work)
	}
	b.done = Committed{Runner: r.cfg.Name, Position: b.to, Recorded: last.RecordedTime, Events: len(evs)}
	for _, e := range evs {
		if e.Payload == nil && e.err == nil {
			b.done.Unknown++
		}
		refused, err := r.apply(b.work, e)
		if err != nil {
			return nil, fmt.Errorf("fold event at %d: %w", e.Position, err)
		}
		b.letters = append(b.letters, refused...)
	}
	b.work.End() // or it would keep the batch before it, and that one its own, for ever
	b.done.DeadLetters, b.done.Folding = len(b.letters), r.cfg.Clock().Sub(began)
	return b, nil
}

// commit brings a batch into the store, after the one before it, and tells
// whoever waits. Nothing is kept if it gives an error.
func (r *Runner) commit(ctx context.Context, known *written, before, b *batch, at events.Position) error {
	defer close(b.committed)
	c := projections.Commit{Runner: r.cfg.Name, At: at, To: b.to, Changes: b.work.Changes()}
	b.err = r.requireOwnTables(c.Changes)
	if before != nil {
		<-before.committed
		b.err = errors.Join(before.err, b.err)
	}
	known.add(c.Changes)
	if b.err != nil {
		return b.err
	}
	began := r.cfg.Clock()
	if err := r.cfg.Store.Commit(ctx, c); err != nil {
		b.err = fmt.Errorf("commit events up to %d: %w", c.To, err)
		return b.err
	}
	b.done.Changes, b.done.Committing = len(c.Changes), r.cfg.Clock().Sub(began)
	r.moveTo(b.to)
	r.setErr(nil)
	r.tell(b.done, b.letters)
	return nil
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
