package runner

import (
	"context"
	"slices"
	"time"
)

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
	if cap(batch)-len(batch) < n {
		batch = slices.Grow(batch, g.size-len(batch)) // once: events are large, and more chunks are likely
	}
	return append(batch, chunk[:n]...)
}
