package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/runner"
)

// prefix begins the names of the spaces that Build makes; a number follows.
const prefix = "rebuild_"

// near is how many events are folded in a moment. So many may be missing when a
// space counts as filled (in a long log one of a hundred), or when runners are held.
const near = 256

// Rebuilder does what the package comment says. Safe for concurrent use.
type Rebuilder struct {
	cfg  Config
	busy chan struct{}            // of one: who has put something in works
	last atomic.Pointer[Progress] // of the Build in progress; nil: none is
}

// New gives a Rebuilder that has done nothing yet.
func New(cfg Config) (*Rebuilder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Rebuilder{cfg: cfg, busy: make(chan struct{}, 1)}, nil
}

// work gives the right to change the space beside the live one, or ErrBusy.
func (b *Rebuilder) work() (done func(), err error) {
	select {
	case b.busy <- struct{}{}:
		return func() { <-b.busy }, nil
	default:
		return nil, ErrBusy
	}
}

// Build fills a space beside the live one from the log and names it. It goes on
// with an unfinished one, else it drops what is beside the live one and begins
// anew. report (may be nil) is told now and then how far it is. When ctx ends,
// the space stays, unfinished.
func (b *Rebuilder) Build(ctx context.Context, report func(Progress)) (space string, err error) {
	done, err := b.work()
	if err != nil {
		return "", err
	}
	defer done()
	if space, err = b.begin(ctx); err != nil {
		return "", fmt.Errorf("begin rebuild: %w", err)
	}
	store, err := b.cfg.Spaces.Open(space, true)
	if err != nil {
		return space, fmt.Errorf("open space %s: %w", space, err)
	}
	m, err := b.meter(ctx, space, store, report)
	if err != nil {
		return space, err
	}
	defer b.last.Store(nil)
	if err := b.fill(ctx, store, m); err != nil {
		return space, err
	}
	if err := b.cfg.Spaces.SetUnfinished(ctx, ""); err != nil {
		return space, fmt.Errorf("finish rebuild: %w", err)
	}
	b.cfg.Logger.Info("a space beside the live one is filled", "space", space)
	return space, nil
}

// begin gives the space to fill. The note is written before anything else is
// dropped, so that a crash in between leaves something to go on with.
func (b *Rebuilder) begin(ctx context.Context) (string, error) {
	s, err := b.look(ctx)
	if err != nil {
		return "", err
	}
	space := s.unfinished
	if space == "" || space == s.live {
		space = s.next()
		if err := b.cfg.Spaces.SetUnfinished(ctx, space); err != nil {
			return "", err
		}
		b.cfg.Logger.Info("a rebuild begins", "space", space)
	}
	for _, other := range s.beside {
		if other != space {
			if err := b.drop(ctx, other); err != nil {
				return "", err
			}
		}
	}
	return space, nil
}

func (b *Rebuilder) drop(ctx context.Context, space string) error {
	if err := b.cfg.Spaces.Drop(ctx, space); err != nil {
		return fmt.Errorf("drop space %s: %w", space, err)
	}
	b.cfg.Logger.Info("a space was dropped", "space", space)
	return nil
}

// fill folds the log, and again what came meanwhile, until that is little.
func (b *Rebuilder) fill(ctx context.Context, store projections.Store, m *meter) error {
	log := b.cfg.Runners[0].Config.Log
	for {
		end, err := log.End(ctx)
		if err != nil {
			return fmt.Errorf("ask for the log's end: %w", err)
		}
		if err := b.fillUpTo(ctx, end, store, m); err != nil {
			return err
		}
		now, err := log.End(ctx)
		if err != nil {
			return fmt.Errorf("ask for the log's end: %w", err)
		}
		if now-end <= max(near, now/100) {
			return nil
		}
	}
}

// fillUpTo folds up to a position; where the log was empty, up to what is there now.
func (b *Rebuilder) fillUpTo(ctx context.Context, end events.Position, store projections.Store, m *meter) error {
	for _, r := range b.cfg.Runners {
		cfg, note := b.again(r, store), func(p events.Position) { m.at(r.Config.Name, p) }
		cfg.Pace = b.cfg.Pace
		p, err := runner.CatchUp(ctx, cfg, end, note)
		if err != nil {
			return err
		}
		note(p)
	}
	return nil
}

// again is a runner's configuration for folding into another store. Dead letters
// were told when they became such.
func (b *Rebuilder) again(r Runner, store projections.Store) runner.Config {
	cfg := r.Config
	cfg.Store, cfg.BatchEvents, cfg.Linger, cfg.Pace = store, 0, 0, nil
	cfg.Observer, cfg.Logger = runner.Observer{}, nil
	return cfg
}

// Drop removes what is beside the live space, finished or not; ErrNoSpace when
// there is nothing.
func (b *Rebuilder) Drop(ctx context.Context) error {
	done, err := b.work()
	if err != nil {
		return err
	}
	defer done()
	s, err := b.look(ctx)
	if err != nil {
		return err
	}
	if len(s.beside) == 0 && s.unfinished == "" {
		return ErrNoSpace
	}
	for _, space := range s.beside {
		if err := b.drop(ctx, space); err != nil {
			return err
		}
	}
	if err := b.cfg.Spaces.SetUnfinished(ctx, ""); err != nil {
		return fmt.Errorf("drop space: %w", err)
	}
	return nil
}

// spaces is what there is.
type spaces struct {
	live       string
	beside     []string // other spaces of ours, oldest first
	unfinished string   // "" for none
}

func (b *Rebuilder) look(ctx context.Context) (s spaces, err error) {
	var all []string
	var errs [3]error
	s.live, errs[0] = b.cfg.Spaces.Live(ctx)
	all, errs[1] = b.cfg.Spaces.Spaces(ctx)
	s.unfinished, errs[2] = b.cfg.Spaces.Unfinished(ctx)
	if err := errors.Join(errs[:]...); err != nil {
		return s, fmt.Errorf("look for spaces: %w", err)
	}
	for _, space := range all {
		if _, ours := numberOf(space); ours && space != s.live {
			s.beside = append(s.beside, space)
		}
	}
	slices.SortFunc(s.beside, func(x, y string) int { a, _ := numberOf(x); b, _ := numberOf(y); return a - b })
	return s, nil
}

// numberOf is a space's number: 0 for the first live one. Others are not of this
// package's making and are left alone.
func numberOf(space string) (int, bool) {
	if space == "live" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(space, prefix)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil
}

// next is a name that no space has.
func (s spaces) next() string {
	last := 0
	for _, space := range slices.Concat(s.beside, []string{s.live, s.unfinished}) {
		if n, ok := numberOf(space); ok {
			last = max(last, n)
		}
	}
	return prefix + strconv.Itoa(last+1)
}
