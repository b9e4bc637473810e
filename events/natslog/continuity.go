package natslog

import (
	"context"
	"errors"
	"fmt"

	"github.com/synadia-io/orbit.go/jetstreamext"

	"ficha/events"
)

// continuity checks that a reader is given every event that it asked for: all
// positions, or in one lane all counts of the lane.
type continuity struct {
	lane  events.Lane
	last  events.Position
	count uint64 // of the lane, up to last
}

// newContinuity begins after a position.
func (l *Log) newContinuity(ctx context.Context, o scanOptions) (continuity, error) {
	c := continuity{lane: o.lane, last: o.after}
	if o.lane == "" || o.after == 0 {
		return c, nil
	}
	e, err := l.fetch(ctx, o.after)
	if err == nil && e.Type.Lane() == o.lane { // as it is for whoever reads on
		c.count = e.Door.InLane
		return c, nil
	}
	if err != nil && !errors.Is(err, events.ErrNotFound) { // beyond the end is no error
		return c, fmt.Errorf("read log: %w", err)
	}
	if c.count, err = l.laneCount(ctx, o.lane, o.after); err != nil {
		return c, fmt.Errorf("read log: count lane %s: %w", o.lane, err)
	}
	return c, nil
}

// laneCount is how many events of a lane there are up to a position: the count
// that the last of them carries. It asks for the last one on each subject of the
// lane, of which there are some hundreds at most.
func (l *Log) laneCount(ctx context.Context, lane events.Lane, upTo events.Position) (count uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.WriteTimeout)
	defer cancel()
	lasts, err := jetstreamext.GetLastMsgsFor(ctx, l.js, l.names.logStream(), []string{l.names.lane(lane)}, jetstreamext.GetLastMsgsUpToSeq(uint64(upTo)))
	if err != nil {
		return 0, unavailable("ask last events", err)
	}
	for m, err := range lasts {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			break
		}
		if err != nil {
			return 0, unavailable("ask last events", err)
		}
		e, err := events.DecodeStored(events.Position(m.Sequence), m.Data)
		if err != nil {
			return 0, err
		}
		count = max(count, e.Door.InLane)
	}
	return count, nil
}

func (c *continuity) next(e events.Stored) error {
	if c.lane == "" && e.Position != c.last+1 {
		return fmt.Errorf("after position %d comes %d, the events between are missing: %w", c.last, e.Position, events.ErrDamaged)
	}
	if c.lane != "" && (e.Position <= c.last || e.Door.InLane != c.count+1) {
		return fmt.Errorf("in lane %s, event %d at position %d follows event %d at position %d: %w", c.lane, e.Door.InLane, e.Position, c.count, c.last, events.ErrDamaged)
	}
	c.last, c.count = e.Position, e.Door.InLane
	return nil
}
