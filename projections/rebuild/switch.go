package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/runner"
)

const (
	// rounds is how often a space may run after the live one before its runners are
	// held; each round has less to do than the one before, as a rule.
	rounds = 20
	// tries is how often runners are held, should the last round take too long.
	tries = 5
)

// Switched says what a switch has done.
type Switched struct {
	From, To  string // spaces
	Positions map[string]events.Position
	Held      time.Duration // how long runners stood still
}

// Switch makes the space beside the live one the live one, at equal positions,
// and keeps the former one: another Switch brings it back. ErrNoSpace,
// ErrUnfinished and ErrTooBusy say why not; then, as after any error, nothing has
// changed.
func (b *Rebuilder) Switch(ctx context.Context) (Switched, error) {
	done, err := b.work()
	if err != nil {
		return Switched{}, err
	}
	defer done()
	s, space, err := b.candidate(ctx)
	if err != nil {
		return Switched{}, err
	}
	out := Switched{From: s.live, To: space}
	err = b.atEqualPositions(ctx, space, func(at map[string]events.Position, held func() time.Duration) error {
		if err := b.exchange(ctx, s.live, space); err != nil {
			return err
		}
		out.Positions, out.Held = at, held()
		return nil
	})
	if err != nil {
		return Switched{}, fmt.Errorf("switch to space %s: %w", space, err)
	}
	b.cfg.Logger.Info("another space is the live one", "space", space, "before", s.live, "held", out.Held)
	return out, nil
}

// candidate is the filled space beside the live one, the newest where a crash
// left several.
func (b *Rebuilder) candidate(ctx context.Context) (spaces, string, error) {
	s, err := b.look(ctx)
	switch {
	case err != nil:
		return s, "", err
	case s.unfinished != "":
		return s, "", ErrUnfinished
	case len(s.beside) == 0:
		return s, "", ErrNoSpace
	}
	return s, s.beside[len(s.beside)-1], nil
}

// exchange moves everybody to the new rows. All runners are held.
func (b *Rebuilder) exchange(ctx context.Context, live, space string) error {
	from, err := b.cfg.Spaces.Open(live, false)
	if err != nil {
		return fmt.Errorf("open space %s: %w", live, err)
	}
	to, err := b.cfg.Spaces.Open(space, false)
	if err != nil {
		return fmt.Errorf("open space %s: %w", space, err)
	}
	return b.cfg.Store.Switch(to, func() (err error) {
		old, err := from.Snapshot(ctx)
		if err != nil {
			return fmt.Errorf("open snapshot: %w", err)
		}
		defer func() { err = errors.Join(err, old.Close()) }()
		if err := b.cfg.Carry(ctx, old, to); err != nil {
			return fmt.Errorf("carry over: %w", err)
		}
		return b.cfg.Spaces.Promote(ctx, space)
	})
}

// atEqualPositions brings a space to the positions of the live rows and calls do
// while both stand still. What do gives is given.
func (b *Rebuilder) atEqualPositions(ctx context.Context, space string, do func(at map[string]events.Position, held func() time.Duration) error) error {
	store, err := b.cfg.Spaces.Open(space, true)
	if err != nil {
		return fmt.Errorf("open space %s: %w", space, err)
	}
	for range tries {
		if err := b.approach(ctx, store); err != nil {
			return err
		}
		if err := b.whileHeld(ctx, store, do); !errors.Is(err, errTooLong) {
			return err
		}
	}
	return ErrTooBusy
}

// errTooLong: the last round took longer than runners may be held.
var errTooLong = errors.New("held too long")

func (b *Rebuilder) whileHeld(ctx context.Context, store projections.Store, do func(map[string]events.Position, func() time.Duration) error) error {
	began := b.cfg.Clock()
	release, err := b.standStill(ctx, store)
	if err != nil {
		return err
	}
	defer release()
	at, err := b.positions(ctx, store)
	if err != nil {
		return err
	}
	for _, r := range b.cfg.Runners {
		if live := r.Live.Position(); at[r.Config.Name] != live {
			return fmt.Errorf("%s is at %d and at %d: %w", r.Config.Name, live, at[r.Config.Name], errPositions)
		}
	}
	return do(at, func() time.Duration { return b.cfg.Clock().Sub(began) })
}

// standStill holds all runners and catches up with them, or gives up in time
// (errTooLong).
func (b *Rebuilder) standStill(ctx context.Context, store projections.Store) (release func(), err error) {
	short, cancel := context.WithTimeout(ctx, b.cfg.MaxHold)
	defer cancel()
	var held []func()
	release = func() {
		for _, f := range held {
			f()
		}
	}
	for _, r := range b.cfg.Runners {
		var f func()
		if f, err = r.Live.Hold(short); err != nil {
			break
		}
		held = append(held, f)
	}
	for _, r := range b.cfg.Runners {
		if err == nil {
			_, err = b.catchUp(short, r, store, r.Live.Position())
		}
	}
	if err == nil {
		return release, nil
	}
	release()
	if short.Err() != nil && ctx.Err() == nil {
		return nil, errTooLong
	}
	return nil, err
}

// approach folds after the live rows, round by round, until a round is so short, or
// so little is missing, that runners can be held for the next one. A space that is
// ahead of the live rows, because they lag, waits.
func (b *Rebuilder) approach(ctx context.Context, store projections.Store) error {
	for range rounds {
		began, missing := b.cfg.Clock(), events.Position(0)
		for _, r := range b.cfg.Runners {
			live := r.Live.Position()
			at, err := b.catchUp(ctx, r, store, live)
			if err != nil {
				return err
			}
			if at > live {
				if err := r.Live.Wait(ctx, at); err != nil {
					return fmt.Errorf("wait for the live rows: %w", err)
				}
			}
			missing += r.Live.Position() - at
		}
		if missing <= near || b.cfg.Clock().Sub(began) <= b.cfg.MaxHold/4 {
			return nil
		}
	}
	return ErrTooBusy
}

// catchUp folds up to a position of the live rows and gives that of the space.
func (b *Rebuilder) catchUp(ctx context.Context, r Runner, store projections.Store, live events.Position) (events.Position, error) {
	if live > 0 { // zero would mean the log's end
		return runner.CatchUp(ctx, b.again(r, store), live, nil)
	}
	at, err := b.positions(ctx, store)
	return at[r.Config.Name], err
}

// positions are those of all runners in a store.
func (b *Rebuilder) positions(ctx context.Context, store projections.Store) (_ map[string]events.Position, err error) {
	snap, err := store.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	at := make(map[string]events.Position, len(b.cfg.Runners))
	for _, r := range b.cfg.Runners {
		if at[r.Config.Name], err = snap.Position(ctx, r.Config.Name); err != nil {
			return nil, fmt.Errorf("read position of %s: %w", r.Config.Name, err)
		}
	}
	return at, nil
}
