package steward

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/review"
)

// Undo takes the decision of an item back: every verdict of it is withdrawn, and
// the customers are what they would be without it. ErrNotDecided, ErrNotUndoable;
// *Conflict where somebody else undid it, or where an IfMatch is given and the item
// is another by now.
func (d *Desk) Undo(ctx context.Context, id uuid.UUID, by, reason string, q Request) (Done, error) {
	v, err := d.current(ctx, id)
	if err != nil {
		return Done{}, err
	}
	if err := undoable(&v, q); err != nil {
		return d.undoneBefore(ctx, &v, q, err)
	}
	all := make([]statement, len(v.Decision.Events))
	for i, e := range v.Decision.Events {
		all[i] = withdrawal(e, by, reason)
	}
	evs, err := envelopes(all, d.now(), q.Mark, func(n int) string { return undoID(v.Decision.Events[n]) })
	if err != nil {
		return Done{}, err
	}
	done, err := d.submit(ctx, by, evs)
	if errors.Is(err, errTaken) {
		return Done{}, d.undoneFirst(ctx, v.Decision.Events[0])
	}
	if err != nil {
		return Done{}, err
	}
	done.Resolved = d.regrouped(ctx, done.Position)
	return done, nil
}

// undoable says why the decision of an item cannot be taken back, if so.
func undoable(v *View, q Request) error {
	if strings.TrimSpace(q.IfMatch) != "" && !match(q.IfMatch).any() && !match(q.IfMatch).names(v.ETag) {
		return v.conflict(match(q.IfMatch))
	}
	switch {
	case v.Decision == nil || v.Decision.Withdrawn != nil:
		return ErrNotDecided
	case v.Decision.Final:
		return ErrNotUndoable
	}
	return nil
}

func withdrawal(e events.EventID, by, reason string) statement {
	return statement{events.IdentityJudgementWithdrawnV1, events.IdentityJudgementWithdrawn{Judgement: e, By: by, Reason: reason}}
}

// undoID is the id of the event that takes a verdict back: a verdict is taken back
// once.
func undoID(e events.EventID) string {
	h := events.HashID(e.Source, e.ID)
	return "undo." + hex.EncodeToString(h[:])
}

// undoneBefore answers a request that comes after an undo: with its own answer if
// it is that very one, sent again, else with the refusal.
func (d *Desk) undoneBefore(ctx context.Context, v *View, q Request, refusal error) (Done, error) {
	var taken []review.Judgement
	err := d.snapshot(ctx, func(s projections.Snapshot) (err error) {
		taken, err = takenBack(ctx, s, v)
		return err
	})
	if err != nil {
		return Done{}, err
	}
	for _, j := range taken {
		e, err := d.find(ctx, j.Withdrawn.Event)
		if err != nil {
			return Done{}, err
		}
		if e != nil && q.Mark != "" && e.CorrelationID == q.Mark {
			name := events.EventID{Source: e.Source, ID: e.ID}
			return Done{Status: events.StatusDuplicate, Position: e.Position, Events: []events.EventID{name}, Resolved: true}, nil
		}
	}
	return Done{}, refusal
}

// takenBack lists the verdicts that were withdrawn of those that may have decided an
// item.
func takenBack(ctx context.Context, r projections.Reader, v *View) ([]review.Judgement, error) {
	if len(v.Records) == 0 {
		return nil, nil
	}
	all, err := review.VerdictsOf(ctx, r, v.Records[0])
	if err != nil {
		return nil, fmt.Errorf("read verdicts: %w", err)
	}
	var out []review.Judgement
	for _, j := range all {
		if j.Withdrawn != nil {
			out = append(out, j)
		}
	}
	return out, nil
}

// undoneFirst tells who took a verdict back.
func (d *Desk) undoneFirst(ctx context.Context, verdict events.EventID) error {
	e, err := d.find(ctx, events.EventID{Source: Source, ID: undoID(verdict)})
	if err != nil {
		return err
	}
	if e == nil {
		return fmt.Errorf("find who undid it: %w", events.ErrUnavailable)
	}
	by, _ := authorOf(e)
	return &Conflict{What: WhatUndone, By: by, At: e.RecordedTime}
}
