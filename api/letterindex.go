package api

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"ficha/events"
)

// letterIndex knows in which dead letters an event lies, so that asking after
// events that are not in the log reads no other letters. It reads each letter
// once, and remembers the newest of them only: what it forgot is looked for among
// the letters of the event's source. Safe for concurrent use.
type letterIndex struct {
	kept events.DeadLetters
	most int // letters that it remembers

	mu        sync.Mutex
	upTo      uint64                     // number of the last letter that was read
	forgotten uint64                     // up to which letter it may have forgotten
	numbers   map[events.IDHash][]uint64 // by event, oldest first
	order     []events.IDHash            // of the letters it remembers, oldest first
}

// maxIndexedLetters bounds the index: some 10 MB.
const maxIndexedLetters = 100_000

func newLetterIndex(kept events.DeadLetters, most int) *letterIndex {
	return &letterIndex{kept: kept, most: most, numbers: map[events.IDHash][]uint64{}}
}

// mostPerEvent is how many letters are told of one event: somebody may send the
// same thing for ever.
const mostPerEvent = 20

// catchUp reads the letters that came since the last time.
func (x *letterIndex) catchUp(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for letter, err := range x.kept.List(ctx, events.LetterRange{After: x.upTo}) {
		if err != nil {
			return fmt.Errorf("read dead letters: %w", err)
		}
		x.note(letter)
	}
	return nil
}

// of gives the dead letters in which an event lies, of those that were there when
// it caught up: the newest, oldest first.
func (x *letterIndex) of(ctx context.Context, id events.EventID) ([]events.DeadLetter, error) {
	x.mu.Lock()
	numbers, forgotten := slices.Clone(x.numbers[events.HashID(id.Source, id.ID)]), x.forgotten
	x.mu.Unlock()
	var found []events.DeadLetter
	if forgotten > 0 && len(numbers) < mostPerEvent {
		var err error
		if found, err = x.search(ctx, id, forgotten); err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
	}
	for _, n := range newest(numbers) {
		letter, err := x.kept.Get(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		found = append(found, letter)
	}
	return newest(found), nil
}

func newest[T any](all []T) []T { return all[max(0, len(all)-mostPerEvent):] }

// note remembers a letter, and forgets the oldest when there are too many. One
// whose event could not be named is not asked for.
func (x *letterIndex) note(letter events.DeadLetter) {
	x.upTo = letter.Number
	if letter.ID == "" {
		return
	}
	h := events.HashID(letter.Source, letter.ID)
	x.numbers[h] = append(x.numbers[h], letter.Number)
	if x.order = append(x.order, h); len(x.order) <= x.most {
		return
	}
	oldest := x.order[0]
	x.order = x.order[1:]
	x.forgotten = x.numbers[oldest][0]
	if x.numbers[oldest] = x.numbers[oldest][1:]; len(x.numbers[oldest]) == 0 {
		delete(x.numbers, oldest)
	}
}

// search reads the letters of the event's source up to a number.
func (x *letterIndex) search(ctx context.Context, id events.EventID, upTo uint64) ([]events.DeadLetter, error) {
	var found []events.DeadLetter
	for letter, err := range x.kept.List(ctx, events.LetterRange{Source: id.Source}) {
		if err != nil {
			return nil, err
		}
		if letter.Number > upTo {
			break
		}
		if letter.ID == id.ID {
			found = newest(append(found, letter))
		}
	}
	return found, nil
}
