package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/changes"
)

// Sentinels.
var (
	// ErrGone: the changes behind that id are not kept any more.
	ErrGone = errors.New("changes are gone")
	// ErrFuture: there was no such change yet.
	ErrFuture = fmt.Errorf("no such change yet: %w", events.ErrInvalid)
)

// ReaderConfig says where changes are read.
type ReaderConfig struct {
	// Store holds the outbox. Required.
	Store projections.Store
	// Runner is the name of the runner that folds it. Required.
	Runner string
	// Wait returns nil once that runner's rows include the event at p, at the
	// latest when ctx ends, with its error. Required.
	Wait func(ctx context.Context, p events.Position) error
	// End gives the position of the log's last event. Required.
	End func(ctx context.Context) (events.Position, error)
}

// Reader reads the change feed. It has no state; safe for concurrent use.
type Reader struct{ cfg ReaderConfig }

// NewReader gives a reader. ErrInvalid: something is missing.
func NewReader(cfg ReaderConfig) (*Reader, error) {
	if cfg.Store == nil || cfg.Runner == "" || cfg.Wait == nil || cfg.End == nil {
		return nil, fmt.Errorf("configure feed reader: store, runner, wait and end are required: %w", events.ErrInvalid)
	}
	return &Reader{cfg: cfg}, nil
}

// Query says which changes are wanted.
type Query struct {
	After changes.ID // those behind it; zero: all that are kept
	Kinds []changes.Kind
	Limit int // at most so many; 0: MaxPage
}

// MaxPage is how many changes are looked at for one page.
const MaxPage = 1000

// Page is a stretch of the feed.
type Page struct {
	Changes []changes.Entry
	// Through is the id to go on behind: what lies before it was in this page, or
	// was not asked for.
	Through changes.ID
	// More says that there is more already.
	More bool
	// Position is that of the last event that the rows include.
	Position events.Position
}

// Page reads the next stretch of the feed. It may hold nothing and still bring
// Through forward. ErrGone: changes behind After were dropped for their age.
// ErrFuture: After is beyond the end of the log.
func (r *Reader) Page(ctx context.Context, q Query) (p Page, err error) {
	snap, err := r.cfg.Store.Snapshot(ctx)
	if err != nil {
		return p, fmt.Errorf("read changes: %w", err)
	}
	defer snap.Close()
	if p.Position, err = snap.Position(ctx, r.cfg.Runner); err != nil {
		return p, fmt.Errorf("read changes: %w", err)
	}
	if q.After.Position > p.Position {
		p.Through = q.After
		return p, r.known(ctx, q.After)
	}
	if err := notGone(ctx, snap, q.After); err != nil {
		return p, err
	}
	if q.Limit <= 0 || q.Limit > MaxPage {
		q.Limit = MaxPage
	}
	return p, p.fill(ctx, snap, q)
}

// known says whether an id may be that of a change which is not folded (again) yet.
func (r *Reader) known(ctx context.Context, id changes.ID) error {
	end, err := r.cfg.End(ctx)
	if err != nil {
		return fmt.Errorf("read changes: %w", err)
	}
	if id.Position > end {
		return fmt.Errorf("read changes after %s: the log ends at %d: %w", id, end, ErrFuture)
	}
	return nil
}

func notGone(ctx context.Context, r projections.Reader, after changes.ID) error {
	if after.Position == 0 {
		return nil
	}
	dropped, err := changes.Dropped(ctx, r)
	if err != nil {
		return err
	}
	if after.Compare(dropped) < 0 {
		return fmt.Errorf("read changes after %s: they are kept from behind %s on: %w", after, dropped, ErrGone)
	}
	return nil
}

func (p *Page) fill(ctx context.Context, r projections.Reader, q Query) error {
	look := q.Limit
	if len(q.Kinds) > 0 {
		look = MaxPage
	}
	all, err := changes.After(ctx, r, q.After, look)
	if err != nil {
		return err
	}
	p.Through, p.More = changes.Through(p.Position), len(all) == look
	if len(all) > 0 && p.More {
		p.Through = all[len(all)-1].ID
	}
	for _, e := range all {
		if len(q.Kinds) > 0 {
			kind, err := e.Kind()
			if err != nil {
				return err
			}
			if !slices.Contains(q.Kinds, kind) {
				continue
			}
		}
		if len(p.Changes) == q.Limit {
			p.Through, p.More = p.Changes[len(p.Changes)-1].ID, true
			return nil
		}
		p.Changes = append(p.Changes, e)
	}
	return nil
}

// Wait returns nil when the rows include an event behind p, at the latest when
// ctx ends, with its error.
func (r *Reader) Wait(ctx context.Context, p events.Position) error { return r.cfg.Wait(ctx, p+1) }

// Now is the id behind all changes that the rows include.
func (r *Reader) Now(ctx context.Context) (changes.ID, error) {
	snap, err := r.cfg.Store.Snapshot(ctx)
	if err != nil {
		return changes.ID{}, fmt.Errorf("read changes: %w", err)
	}
	defer snap.Close()
	p, err := snap.Position(ctx, r.cfg.Runner)
	if err != nil {
		return changes.ID{}, fmt.Errorf("read changes: %w", err)
	}
	return changes.Through(p), nil
}

// Get gives one change, or events.ErrNotFound.
func (r *Reader) Get(ctx context.Context, id changes.ID) (changes.Entry, error) {
	snap, err := r.cfg.Store.Snapshot(ctx)
	if err != nil {
		return changes.Entry{}, fmt.Errorf("read change: %w", err)
	}
	defer snap.Close()
	return changes.Get(ctx, snap, id)
}
