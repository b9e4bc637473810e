package witness

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ficha/events"
	"ficha/projections"
)

// guardRunner is the name under which the guard commits its one row.
const guardRunner = "witness_guard"

// Config says what a Guard watches.
type Config struct {
	Log   events.Log
	Store projections.Store // with the rows of Fold
	// MarkDamaged is told of damage, each time that it is found; the error wraps
	// events.ErrDamaged and holds no personal data. Safe for concurrent use.
	MarkDamaged func(error)
	Interval    time.Duration // between checks; default 1 minute
	Full        time.Duration // between full verifications of [Guard.Run]; default 24 hours
	Logger      *slog.Logger  // default: none
}

// Validate fills in defaults and says what is missing (events.ErrInvalid).
func (c *Config) Validate() error {
	if c.Log == nil || c.Store == nil || c.MarkDamaged == nil {
		return fmt.Errorf("configure witness guard: Log, Store and MarkDamaged are needed: %w", events.ErrInvalid)
	}
	if c.Interval <= 0 {
		c.Interval = time.Minute
	}
	if c.Full <= 0 {
		c.Full = 24 * time.Hour
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Guard compares the log with what the witness noted. Safe for concurrent use.
type Guard struct{ cfg Config }

// NewGuard gives a guard. It does nothing until it is asked or run.
func NewGuard(cfg Config) (*Guard, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Guard{cfg: cfg}, nil
}

// Run checks at once and then after every interval, and verifies the whole log
// once a day, until ctx ends; it returns the cause of that. Damage does not end it:
// a repair may follow.
func (g *Guard) Run(ctx context.Context) error {
	check, full := time.NewTicker(g.cfg.Interval), time.NewTicker(g.cfg.Full)
	defer check.Stop()
	defer full.Stop()
	for look := g.Check; ; {
		if err := look(ctx); err != nil && ctx.Err() == nil {
			g.cfg.Logger.Error("log check failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-check.C:
			look = g.Check
		case <-full.C:
			look = g.Verify
		}
	}
}

// Check compares epoch, extent, holes and the last event that was folded. An
// error that wraps events.ErrDamaged was passed to MarkDamaged too; any other one
// means that the check could not be made. The first check of a store adopts the
// log's epoch. What the last Verify found is found again.
func (g *Guard) Check(ctx context.Context) error {
	err := g.check(ctx)
	if err == nil {
		err = g.recall(ctx)
	}
	return g.report(err)
}

// Verify reads the whole log up to what was folded and compares the running hash
// at every checkpoint. Errors are those of Check. What it finds is noted in the
// store until it finds nothing.
func (g *Guard) Verify(ctx context.Context) error {
	err := g.check(ctx)
	if err == nil {
		err = g.remember(ctx, g.scrub(ctx))
	}
	return g.report(err)
}

func (g *Guard) report(err error) error {
	if errors.Is(err, events.ErrDamaged) {
		g.cfg.MarkDamaged(err)
	}
	return err
}

func damage(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), events.ErrDamaged)
}

func (g *Guard) check(ctx context.Context) error {
	h, epoch, err := g.known(ctx)
	if err != nil {
		return err
	}
	info, err := g.cfg.Log.Info(ctx)
	if err != nil {
		return fmt.Errorf("check log: %w", err)
	}
	switch {
	case epoch.IsZero():
		if err := g.adopt(ctx, info.Epoch); err != nil {
			return err
		}
	case !epoch.Equal(info.Epoch):
		return damage("the log was created at %s, the store knows one of %s", info.Epoch.UTC().Format(time.RFC3339), epoch.Format(time.RFC3339))
	}
	switch {
	case info.Last < h.position:
		return damage("the log ends at position %d, but %d was folded", info.Last, h.position)
	case info.Last > 0 && info.First != 1:
		return damage("the log begins at position %d", info.First)
	case info.Messages != uint64(info.Last):
		return damage("the log holds %d events up to position %d", info.Messages, info.Last)
	}
	return g.checkLast(ctx, h)
}

// checkLast compares the last event that was folded.
func (g *Guard) checkLast(ctx context.Context, h head) error {
	if h.position == 0 {
		return nil
	}
	e, err := g.cfg.Log.Get(ctx, h.position)
	switch {
	case errors.Is(err, events.ErrNotFound):
		return damage("the event at position %d, which was folded, is gone", h.position)
	case err != nil:
		return fmt.Errorf("check log: %w", err)
	case sha256.Sum256(e.Bytes) != h.last:
		return damage("the event at position %d is another one than was folded", h.position)
	}
	return nil
}

// scrub recomputes the running hash.
func (g *Guard) scrub(ctx context.Context) error {
	snap, err := g.cfg.Store.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("verify log: %w", err)
	}
	defer snap.Close()
	want, err := readHead(ctx, snap)
	if err != nil || want.position == 0 {
		return err
	}
	var h head
	var good events.Position
	for e, err := range g.cfg.Log.Read(ctx, events.ReadOptions{}) {
		if err != nil {
			return fmt.Errorf("verify log: %w", err)
		}
		if e.Position != h.position+1 {
			return damage("the log has a hole after position %d", h.position)
		}
		h.note(e)
		if uint64(h.position)%checkpointEvery == 0 {
			if err := compareCheckpoint(ctx, snap, &h, good); err != nil {
				return err
			}
			good = h.position
		}
		if h.position == want.position {
			break
		}
	}
	switch {
	case h.position != want.position:
		return damage("the log ends at position %d, but %d was folded", h.position, want.position)
	case h.running != want.running:
		return damage("an event between positions %d and %d is another one than was folded", good+1, want.position)
	}
	return nil
}

func compareCheckpoint(ctx context.Context, r projections.Reader, h *head, good events.Position) error {
	v, ok, err := r.Get(ctx, checkpoints, checkpointKey(h.position))
	switch {
	case err != nil:
		return fmt.Errorf("verify log: %w", err)
	case !ok:
		return damage("the witness has no checkpoint at position %d", h.position)
	case string(v) != string(h.running[:]):
		return damage("an event between positions %d and %d is another one than was folded", good+1, h.position)
	}
	return nil
}

// known reads what the store knows of the log; a zero epoch when nothing yet.
func (g *Guard) known(ctx context.Context) (head, time.Time, error) {
	snap, err := g.cfg.Store.Snapshot(ctx)
	if err != nil {
		return head{}, time.Time{}, fmt.Errorf("check log: %w", err)
	}
	defer snap.Close()
	h, err := readHead(ctx, snap)
	if err != nil {
		return head{}, time.Time{}, err
	}
	v, ok, err := snap.Get(ctx, epochs, epochKey())
	if err != nil || !ok {
		return h, time.Time{}, err
	}
	epoch, err := time.Parse(time.RFC3339Nano, string(v))
	if err != nil {
		return h, epoch, fmt.Errorf("decode row of %s: %w", epochs, events.ErrUnavailable)
	}
	return h, epoch, nil
}

func epochKey() []byte { return []byte("epoch") }

// adopt writes the epoch. Somebody else who does so at the same time writes the same.
func (g *Guard) adopt(ctx context.Context, epoch time.Time) error {
	row := projections.Change{Table: epochs, Key: epochKey(), Value: []byte(epoch.UTC().Format(time.RFC3339Nano))}
	if err := g.cfg.Store.Commit(ctx, projections.Commit{Runner: guardRunner, Changes: []projections.Change{row}}); err != nil {
		return fmt.Errorf("note epoch of log: %w", err)
	}
	return nil
}

func readHead(ctx context.Context, r projections.Reader) (head, error) {
	v, ok, err := r.Get(ctx, heads, headKey())
	if err != nil {
		return head{}, fmt.Errorf("read %s: %w", heads, err)
	}
	if !ok {
		return head{}, nil
	}
	return decodeHead(v)
}
