package resolver

import (
	"context"
	"fmt"

	"ficha/events"
)

// answersAtOnce bounds how many waiting questions are answered between two
// batches, so that questions never keep the resolver from deciding.
const answersAtOnce = 64

// answerSome answers questions that wait already.
func answerSome(asked <-chan func()) {
	for range answersAtOnce {
		select {
		case answer := <-asked:
			answer()
		default:
			return
		}
	}
}

// ask has f answer from the book, in the resolver's goroutine between two batches:
// the book is at rest then, and what it says is in the log. f must leave the book as
// it was. While the resolver loads, fails or is stopped the error wraps
// events.ErrUnavailable and says why; when ctx ends first it wraps ctx's error.
func ask[T any](ctx context.Context, r *Resolver, f func(b *Book, at events.Position) T) (T, error) {
	answered := make(chan T, 1)
	question := func() {
		if ctx.Err() == nil { // nobody waits otherwise
			answered <- f(r.book, max(r.cursor.Record, r.cursor.Identity))
		}
	}
	var none T
	if err := r.submit(ctx, question); err != nil {
		return none, err
	}
	select {
	case answer := <-answered:
		return answer, nil
	case <-ctx.Done():
		return none, fmt.Errorf("ask resolver: %w", ctx.Err())
	}
}

// submit hands a question to the resolver's goroutine.
func (r *Resolver) submit(ctx context.Context, question func()) error {
	for {
		r.mu.Lock()
		ready, failed, err := r.ready, r.failed, r.err
		r.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("ask resolver: it decides nothing now: %w: %w", err, events.ErrUnavailable)
		case !ready:
			return fmt.Errorf("ask resolver: it is loading what it knows: %w", events.ErrUnavailable)
		}
		select {
		case r.asked <- question:
			return nil
		case <-failed:
		case <-ctx.Done():
			return fmt.Errorf("ask resolver: %w", ctx.Err())
		}
	}
}
