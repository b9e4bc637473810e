package natslog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"ficha/events"
)

// indexChunk is how many events go into the index in one step while catching up.
const indexChunk = 4096

// start checks the log against the tail file and the index, and brings the
// index up to the log's end. ErrDamaged: the log does not hold what they know.
func (a *appender) start(ctx context.Context) error {
	var known tail
	if a.cfg.TailFile != "" {
		var made bool
		var err error
		if a.tail, known, made, err = openTail(a.cfg.TailFile); err != nil {
			return err
		}
		if made {
			a.cfg.Logger.Info("made tail file; the log is taken as it stands")
		}
	}
	a.last = known
	if err := a.verify(ctx, known); err != nil {
		return err
	}
	a.behind, a.reload = true, true
	return a.catchUp(ctx)
}

// catchUp reads what the log holds beyond the state, into state and index.
func (a *appender) catchUp(ctx context.Context) error {
	if !a.behind {
		return nil
	}
	if err := a.reloadState(ctx); err != nil {
		return err
	}
	end, err := a.settledEnd(ctx)
	if err != nil {
		if !errors.Is(err, events.ErrDamaged) {
			a.heal()
		}
		return err
	}
	if least := max(a.state.Position, a.last.position); end < least {
		err := fmt.Errorf("the log ends at position %d, but %d was acknowledged: %w", end, least, events.ErrDamaged)
		a.MarkDamaged(err)
		return err
	}
	if err := a.readTo(ctx, end); err != nil {
		a.reload = true // state and index may have parted
		return err
	}
	if err := a.tail.write(a.last); err != nil {
		return err
	}
	a.behind, a.reload = false, false
	a.show(view{state: a.state, last: a.last})
	return nil
}

// reloadState takes the state from the index where that is in doubt.
func (a *appender) reloadState(ctx context.Context) error {
	if !a.reload {
		return nil
	}
	state, err := a.cfg.Index.State(ctx)
	if err != nil {
		return unavailable("read id index", err)
	}
	if state.Position == 0 {
		state.Epoch = a.epoch
	}
	if !state.Epoch.Equal(a.epoch) {
		err := fmt.Errorf("the id index knows a log made at %s, this one was made at %s: %w", state.Epoch.Format(timeFormat), a.epoch.Format(timeFormat), events.ErrDamaged)
		a.MarkDamaged(err)
		return err
	}
	a.state, a.indexed = state, state.Position
	return nil
}

// readTo adopts all events up to end.
func (a *appender) readTo(ctx context.Context, end events.Position) error {
	if a.state.Position >= end {
		return nil
	}
	entries := make([]events.IDEntry, 0, min(indexChunk, int(end-a.state.Position)))
	for e, err := range a.scan(ctx, scanOptions{after: a.state.Position, until: end}) {
		if err != nil {
			return fmt.Errorf("read log beyond id index: %w", err)
		}
		entry, err := a.adoptOne(e)
		if err != nil {
			return err
		}
		if entries = append(entries, entry); len(entries) < indexChunk && e.Position < end {
			continue
		}
		if err := a.cfg.Index.Advance(ctx, a.indexed, a.state, entries, false); err != nil {
			return unavailable("advance id index", err)
		}
		a.indexed, entries = a.state.Position, entries[:0]
	}
	return nil
}

// adoptOne takes one event of the log into the state and gives its index entry.
func (a *appender) adoptOne(e events.Stored) (events.IDEntry, error) {
	content, err := events.HashContent(a.cfg.ContentKey, e.Type, e.Data)
	if err != nil {
		err = fmt.Errorf("event at %d holds no JSON: %w", e.Position, errors.Join(err, events.ErrDamaged))
		a.MarkDamaged(err)
		return events.IDEntry{}, err
	}
	brought, own := a.recognise(e)
	if a.reload && !own {
		a.state = adoptAtStart(a.state, e)
	} else {
		a.state = adopt(a.state, e, brought)
	}
	a.last = tail{position: e.Position, epoch: a.epoch, hash: sha256.Sum256(e.Bytes)}
	return events.IDEntry{Hash: events.HashID(e.Source, e.ID), Position: e.Position, Content: content, Recorded: e.RecordedTime}, nil
}

// recognise finds the attempt that sent an event.
func (a *appender) recognise(e events.Stored) (brought events.Door, own bool) {
	for _, t := range a.attempts {
		if brought, own := t.holds(e.Position, e.Bytes); own {
			t.land()
			return brought, true
		}
	}
	return events.Door{}, false
}
