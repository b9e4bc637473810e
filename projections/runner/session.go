package runner

import (
	"context"
	"fmt"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/stream"

	"ficha/events"
)

const (
	chunkEvents  = 128 // decoded by one goroutine at a time
	readAhead    = 1024
	chunksQueued = 16 // decoded and waiting to be folded, at least; a whole batch, where that is more
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
	at, err := r.settle(ctx)
	if err != nil {
		return err
	}
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
	chunks := make(chan []decoded, max(chunksQueued, r.cfg.BatchEvents/chunkEvents))
	var readErr error
	stages.Go(func() {
		defer close(raw)
		readErr = r.read(ctx, at, until, raw)
	})
	stages.Go(func() {
		defer close(chunks)
		r.decode(ctx, min(chunkEvents, r.cfg.BatchEvents), raw, chunks)
	})
	var known *written
	if until > 0 && at == 0 { // a rebuild of empty tables
		known = newWritten(r.tables)
	}
	if err := r.foldAll(ctx, at, known, chunks); err != nil {
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
