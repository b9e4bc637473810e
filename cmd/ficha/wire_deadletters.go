package main

import (
	"context"

	"ficha/projections"
	"ficha/projections/letters"
	"ficha/projections/runner"
)

// waitingLetters counts the dead letters that nobody has settled: those of the
// door, less those that were retried or discarded, and those of the folds.
func (h *hub) waitingLetters(ctx context.Context, r projections.Reader) (uint64, error) {
	kept, err := h.letters.Count(ctx)
	if err != nil {
		return 0, err
	}
	settled, err := letters.CountSettled(ctx, r, letters.Inbox)
	if err != nil {
		return 0, err
	}
	folded, err := waitingFoldLetters(ctx, r)
	return kept - min(settled, kept) + folded, err
}

// waitingFoldLetters counts the events that a projection could not fold. A
// rebuild may have folded some of those that somebody discarded, so where any
// were, each is looked at.
func waitingFoldLetters(ctx context.Context, r projections.Reader) (uint64, error) {
	counts, err := runner.CountDeadLetters(ctx, r)
	if err != nil || len(counts) == 0 {
		return 0, err
	}
	settled, err := letters.CountSettled(ctx, r, letters.Folded)
	if err != nil {
		return 0, err
	}
	var n uint64
	if settled == 0 {
		for _, c := range counts {
			n += c
		}
		return n, nil
	}
	for d, err := range runner.DeadLetters(ctx, r, "") {
		if err != nil {
			return 0, err
		}
		_, ok, err := letters.Find(ctx, r, letters.OfFold(d.Projection, d.Position))
		if err != nil {
			return 0, err
		}
		if !ok {
			n++
		}
	}
	return n, nil
}
