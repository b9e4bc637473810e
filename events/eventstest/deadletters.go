package eventstest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"ficha/events"
)

// DeadLetters keeps dead letters in memory. The zero value is empty and ready;
// safe for concurrent use.
type DeadLetters struct {
	mu      sync.Mutex
	letters []events.DeadLetter
}

var _ events.DeadLetters = (*DeadLetters)(nil)

// Bury implements [events.DeadLetters].
func (d *DeadLetters) Bury(ctx context.Context, letter events.DeadLetter) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bury dead letter: %w", err)
	}
	letter.Bytes = slices.Clone(letter.Bytes)
	d.mu.Lock()
	defer d.mu.Unlock()
	letter.Number = uint64(len(d.letters)) + 1
	d.letters = append(d.letters, letter)
	return nil
}

// List implements [events.DeadLetters].
func (d *DeadLetters) List(ctx context.Context, r events.LetterRange) iter.Seq2[events.DeadLetter, error] {
	return func(yield func(events.DeadLetter, error) bool) {
		d.mu.Lock()
		letters := slices.Clone(d.letters)
		d.mu.Unlock()
		for _, letter := range letters {
			if err := ctx.Err(); err != nil {
				yield(events.DeadLetter{}, fmt.Errorf("list dead letters: %w", err))
				return
			}
			if letter.Number <= r.After || r.Source != "" && letter.Source != r.Source {
				continue
			}
			if !yield(letter, nil) {
				return
			}
		}
	}
}

// Get implements [events.DeadLetters].
func (d *DeadLetters) Get(ctx context.Context, number uint64) (events.DeadLetter, error) {
	if err := ctx.Err(); err != nil {
		return events.DeadLetter{}, fmt.Errorf("get dead letter: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if number == 0 || number > uint64(len(d.letters)) {
		return events.DeadLetter{}, fmt.Errorf("get dead letter: %w", events.ErrNotFound)
	}
	return d.letters[number-1], nil
}

// Count implements [events.DeadLetters].
func (d *DeadLetters) Count(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("count dead letters: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return uint64(len(d.letters)), nil
}
