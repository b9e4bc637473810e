package steward

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ficha/api/bucket"
	"ficha/events"
	"ficha/matching/resolver"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/projections/review"
)

// Source is the envelope source of what stewards state.
const Source = review.StewardSource

// Publisher takes events of the hub; events.Gateway is one.
type Publisher interface {
	Publish(ctx context.Context, who events.Principal, evs []events.Envelope) (events.SubmitResult, error)
}

// Log reads single events; events.Log is one.
type Log interface {
	Get(ctx context.Context, p events.Position) (events.Stored, error)
	End(ctx context.Context) (events.Position, error)
}

// Finder finds events by (source, id); events.IDIndex is one.
type Finder interface {
	Lookup(ctx context.Context, hashes []events.IDHash) ([]events.IDEntry, error)
}

// Resolver decides who is who; *resolver.Resolver is one.
type Resolver interface {
	// Foresee says what verdicts would do to the groups. Nothing is published.
	Foresee(ctx context.Context, h resolver.Hypothesis) (resolver.Foresight, error)
	// WaitIdentity returns when what follows from the verdict at p is in the log.
	WaitIdentity(ctx context.Context, p events.Position) error
}

// Comparer says which contact answers would change if records were grouped as
// after instead of before; *contact.Checker is one.
type Comparer interface {
	Comparison(ctx context.Context, before, after [][]uuid.UUID) (contact.Comparison, error)
}

// Config is what [New] needs. Fields without "optional" are required.
type Config struct {
	Store     projections.Store // holds the rows of golden, timeline and review
	Publisher Publisher
	Log       Log
	IDs       Finder
	// Wait returns when the store's rows include every event up to p.
	Wait     func(ctx context.Context, p events.Position) error
	Resolver Resolver
	Comparer Comparer
	Claims   bucket.Bucket
	Clock    func() time.Time
	ClaimFor time.Duration // optional: how long a claim lasts; default 15 minutes
	Patience time.Duration // optional: how long a decision waits until the resolver has reacted; default 2 s
}

// Validate says what is missing, and fills in defaults.
func (c *Config) Validate() error {
	for name, missing := range map[string]bool{
		"Store": c.Store == nil, "Publisher": c.Publisher == nil, "Log": c.Log == nil, "IDs": c.IDs == nil, "Wait": c.Wait == nil,
		"Resolver": c.Resolver == nil, "Comparer": c.Comparer == nil, "Claims": c.Claims == nil, "Clock": c.Clock == nil,
	} {
		if missing {
			return fmt.Errorf("configure stewards' desk: %s is missing: %w", name, events.ErrInvalid)
		}
	}
	if c.ClaimFor <= 0 {
		c.ClaimFor = 15 * time.Minute
	}
	if c.Patience <= 0 {
		c.Patience = 2 * time.Second
	}
	return nil
}

// Desk does what stewards ask for. Safe for concurrent use; several hubs may have
// one on the same log and bucket.
type Desk struct {
	cfg    Config
	claims claims
}

// New checks cfg and gives a desk.
func New(cfg Config) (*Desk, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Desk{cfg: cfg, claims: claims{cfg.Claims}}, nil
}

func (d *Desk) now() time.Time { return d.cfg.Clock().UTC().Truncate(time.Millisecond) }

// View is an item as a steward sees it.
type View struct {
	review.Item
	Claim *Claim // nil: nobody looks at it
	ETag  string // changes with the item and with its claim

	claim uint64 // revision of the claim, run out or not; zero: none
}

// View gives an item, or events.ErrNotFound.
func (d *Desk) View(ctx context.Context, r projections.Reader, id uuid.UUID) (View, error) {
	item, err := review.Get(ctx, r, id)
	if err != nil {
		return View{}, fmt.Errorf("read review: %w", err)
	}
	return d.withClaim(ctx, item)
}

// Views adds claims to items.
func (d *Desk) Views(ctx context.Context, items []review.Item) ([]View, error) {
	views := make([]View, len(items))
	var err error
	for i := range items {
		if views[i], err = d.withClaim(ctx, items[i]); err != nil {
			return nil, err
		}
	}
	return views, nil
}

func (d *Desk) withClaim(ctx context.Context, item review.Item) (View, error) {
	c, revision, err := d.claims.get(ctx, item.ID)
	if err != nil {
		return View{}, err
	}
	v := View{Item: item, ETag: tag(item.Version, revision), claim: revision}
	if c != nil && c.Until.After(d.cfg.Clock()) {
		v.Claim = c
	}
	return v, nil
}

// current reads an item as of now.
func (d *Desk) current(ctx context.Context, id uuid.UUID) (v View, err error) {
	err = d.snapshot(ctx, func(s projections.Snapshot) error {
		v, err = d.View(ctx, s, id)
		return err
	})
	return v, err
}

// snapshot reads rows of one moment.
func (d *Desk) snapshot(ctx context.Context, read func(projections.Snapshot) error) error {
	s, err := d.cfg.Store.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("open rows: %w", err)
	}
	defer s.Close()
	return read(s)
}
