package rebuild

import (
	"context"
	"fmt"
	"time"

	"ficha/events"
)

// State says which spaces there are.
type State struct {
	Live   string
	Beside *Beside // nil: there is only the live space
}

// Beside is the space beside the live one.
type Beside struct {
	Space     string
	State     BesideState
	Positions map[string]events.Position
	Done      uint64 // events folded and events to fold, as in Progress
	Total     uint64
	PerSecond float64       // while a Build fills it, as in Progress
	Left      time.Duration // likewise
}

// BesideState says what a space beside the live one is good for.
type BesideState string

const (
	// Unfinished: Build has begun to fill it.
	Unfinished BesideState = "unfinished"
	// Ready: it was filled anew and can become the live one.
	Ready BesideState = "ready"
	// Previous: it was the live one before the last Switch, and can be it again.
	Previous BesideState = "previous"
)

// State looks what there is, without disturbing what is in progress.
func (b *Rebuilder) State(ctx context.Context) (State, error) {
	s, err := b.look(ctx)
	if err != nil {
		return State{}, err
	}
	out := State{Live: s.live}
	space := s.unfinished
	if space == "" && len(s.beside) > 0 {
		space = s.beside[len(s.beside)-1]
	}
	if space == "" {
		return out, nil
	}
	out.Beside = &Beside{Space: space, State: s.stateOf(space)}
	store, err := b.cfg.Spaces.Open(space, true)
	if err != nil {
		return out, fmt.Errorf("open space %s: %w", space, err)
	}
	if out.Beside.Positions, err = b.positions(ctx, store); err != nil {
		return out, err
	}
	if p := b.last.Load(); p != nil && p.Space == space {
		out.Beside.PerSecond, out.Beside.Left = p.PerSecond, p.Left
	}
	for _, r := range b.cfg.Runners {
		done, total, err := CountEvents(ctx, r.Config.Log, r.Config.Lane, out.Beside.Positions[r.Config.Name])
		if err != nil {
			return out, fmt.Errorf("count events of %s: %w", r.Config.Name, err)
		}
		out.Beside.Done, out.Beside.Total = out.Beside.Done+done, out.Beside.Total+total
	}
	return out, nil
}

// stateOf tells a space that was made later than the live one from one that was
// live before it.
func (s spaces) stateOf(space string) BesideState {
	one, _ := numberOf(space)
	live, _ := numberOf(s.live)
	switch {
	case space == s.unfinished:
		return Unfinished
	case one > live:
		return Ready
	}
	return Previous
}
