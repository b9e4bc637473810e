package steward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/api/bucket"
	"ficha/events"
)

// Claim says who looks at an item.
type Claim struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// claims keeps claims by item, at claim.<item>. A claim that has run out stays
// until the next one, so that a tag does not change by itself.
type claims struct{ bucket bucket.Bucket }

const claimPrefix = "claim."

func claimKey(item uuid.UUID) string { return claimPrefix + item.String() }

// get gives the claim and its revision; nil and zero where there is none.
func (c claims) get(ctx context.Context, item uuid.UUID) (*Claim, uint64, error) {
	b, revision, err := c.bucket.Get(ctx, claimKey(item))
	if errors.Is(err, events.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read claim: %w", err)
	}
	var claim Claim
	if json.Unmarshal(b, &claim) != nil {
		return nil, revision, nil // whoever wrote it, it can be claimed anew
	}
	return &claim, revision, nil
}

// put sets the claim if its revision is still that one (zero: none).
func (c claims) put(ctx context.Context, item uuid.UUID, claim Claim, revision uint64) (uint64, error) {
	b, err := json.Marshal(claim)
	if err != nil {
		return 0, fmt.Errorf("encode claim: %w", err)
	}
	if revision == 0 {
		revision, err = c.bucket.Create(ctx, claimKey(item), b)
	} else {
		revision, err = c.bucket.Update(ctx, claimKey(item), b, revision)
	}
	if err != nil {
		return 0, fmt.Errorf("store claim: %w", err)
	}
	return revision, nil
}

// Claim notes that by looks at an item, for as long as claims last; claimed again
// by the same, it begins anew. Somebody else's claim is taken over only by who
// names the tag that shows it. ErrPrecondition, *Conflict, ErrDecided.
func (d *Desk) Claim(ctx context.Context, id uuid.UUID, by, ifMatch string) (View, error) {
	v, err := d.claimable(ctx, id, by, match(ifMatch))
	if err != nil {
		return View{}, err
	}
	now := d.now()
	return d.claimed(ctx, v, Claim{By: by, At: now, Until: now.Add(d.cfg.ClaimFor)}, match(ifMatch))
}

// Release lets an item go that by has claimed. An item that nobody has claimed is
// no error. ErrPrecondition, *Conflict.
func (d *Desk) Release(ctx context.Context, id uuid.UUID, by, ifMatch string) (View, error) {
	v, err := d.claimable(ctx, id, by, match(ifMatch))
	if err != nil || v.Claim == nil {
		return v, err
	}
	ended := *v.Claim
	ended.Until = d.now() // written, not deleted: a deletion names no revision
	return d.claimed(ctx, v, ended, match(ifMatch))
}

// claimable reads an item that by may claim now.
func (d *Desk) claimable(ctx context.Context, id uuid.UUID, by string, m match) (View, error) {
	v, err := d.current(ctx, id)
	if err != nil {
		return View{}, err
	}
	if err := v.against(m, by); err != nil {
		return View{}, err
	}
	if !v.waits() {
		return View{}, v.settled(m)
	}
	return v, nil
}

// claimed writes the claim of an item as it was read; *Conflict: it is another by now.
func (d *Desk) claimed(ctx context.Context, v View, c Claim, m match) (View, error) {
	revision, err := d.claims.put(ctx, v.ID, c, v.claim)
	if errors.Is(err, events.ErrConflict) {
		return View{}, d.overtaken(ctx, v.ID, m)
	}
	if err != nil {
		return View{}, err
	}
	v.claim, v.ETag, v.Claim = revision, tag(v.Version, revision), nil
	if c.Until.After(d.cfg.Clock()) {
		v.Claim = &c
	}
	return v, nil
}

// overtaken tells what came between, after a write was refused.
func (d *Desk) overtaken(ctx context.Context, id uuid.UUID, m match) error {
	v, err := d.current(ctx, id)
	if err != nil {
		return err
	}
	return v.conflict(m)
}

// drop forgets the claim of an item that is decided. That it stays is no harm: it
// runs out.
func (d *Desk) drop(ctx context.Context, id uuid.UUID) {
	_ = d.claims.bucket.Delete(ctx, claimKey(id))
}

// SweepClaims forgets claims that ran out a day ago.
func (d *Desk) SweepClaims(ctx context.Context) error {
	keys, err := d.claims.bucket.Keys(ctx)
	if err != nil {
		return fmt.Errorf("sweep claims: %w", err)
	}
	for _, k := range keys {
		id, err := uuid.Parse(strings.TrimPrefix(k, claimPrefix))
		if err != nil {
			continue
		}
		c, _, err := d.claims.get(ctx, id)
		if err != nil {
			return err
		}
		if c != nil && d.cfg.Clock().Sub(c.Until) > 24*time.Hour {
			d.drop(ctx, id)
		}
	}
	return nil
}

// ClaimedBy lists the items that somebody claims now, in any order.
func (d *Desk) ClaimedBy(ctx context.Context, by string) ([]uuid.UUID, error) {
	keys, err := d.claims.bucket.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list claims: %w", err)
	}
	var ids []uuid.UUID
	for _, k := range keys {
		id, err := uuid.Parse(strings.TrimPrefix(k, claimPrefix))
		if err != nil {
			continue
		}
		c, _, err := d.claims.get(ctx, id)
		if err != nil {
			return nil, err
		}
		if c != nil && c.By == by && c.Until.After(d.cfg.Clock()) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
