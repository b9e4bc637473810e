package steward

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/review"
)

// lookAgain is how often the desk looks whether the resolver has reacted.
const lookAgain = 5 * time.Millisecond

// settled waits, within the desk's patience, until reads show p and the groups are
// what the statements say.
func (d *Desk) settled(ctx context.Context, p events.Position, all []statement) bool {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Patience)
	defer cancel()
	if d.cfg.Wait(ctx, p) != nil {
		return false
	}
	// What follows from a verdict lies somewhere behind it; reads show it when they
	// show it. So the rows are looked at until they do.
	reacted := !slices.ContainsFunc(all, func(s statement) bool { _, ok := judgedIn(s); return ok }) || d.cfg.Resolver.WaitIdentity(ctx, p) == nil
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for reacted {
		holds, err := d.hold(ctx, all)
		if holds || err != nil {
			return holds
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return false
}

// regrouped waits, within the desk's patience, until reads show what follows from
// the verdict, or from its withdrawal, at p.
func (d *Desk) regrouped(ctx context.Context, p events.Position) bool {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Patience)
	defer cancel()
	if d.cfg.Resolver.WaitIdentity(ctx, p) != nil {
		return false
	}
	end, err := d.cfg.Log.End(ctx)
	return err == nil && d.cfg.Wait(ctx, end) == nil
}

// hold says whether the groups of now are what the statements say.
func (d *Desk) hold(ctx context.Context, all []statement) (holds bool, err error) {
	err = d.snapshot(ctx, func(s projections.Snapshot) error {
		holds = true
		for _, x := range all {
			j, ok := judgedIn(x)
			if !ok {
				continue
			}
			ok, err = holdsIn(ctx, s, j)
			if holds = holds && ok; err != nil {
				return err
			}
		}
		return nil
	})
	return holds && err == nil, err
}

// judgedIn gives the verdict of a statement, if it is one.
func judgedIn(s statement) (events.IdentityJudged, bool) {
	switch j := s.data.(type) {
	case events.IdentityJudged:
		return j, true
	case *events.IdentityJudged: // as read from the log
		return *j, true
	}
	return events.IdentityJudged{}, false
}

// holdsIn says whether the customers of the rows are what a verdict says.
func holdsIn(ctx context.Context, r projections.Reader, j events.IdentityJudged) (bool, error) {
	setOf := map[uuid.UUID]int{} // customer → set that it was met in
	for n, set := range j.Sets {
		here := map[uuid.UUID]bool{}
		for _, record := range set {
			c, known, err := golden.CustomerOf(ctx, r, record)
			if err != nil {
				return false, fmt.Errorf("look whether the verdict holds: %w", err)
			}
			if !known {
				continue
			}
			here[c] = true
			if other, met := setOf[c]; met && other != n && j.Verdict == events.VerdictDifferent {
				return false, nil
			}
			setOf[c] = n
		}
		if j.Verdict == events.VerdictSame && len(here) > 1 {
			return false, nil
		}
	}
	return true, nil
}

// after gives the time that a verdict is stated with: now, and later than every
// verdict about the same records, because the newest one counts.
func (d *Desk) after(ctx context.Context, all []statement) (time.Time, error) {
	at := d.now()
	err := d.snapshot(ctx, func(s projections.Snapshot) error {
		for _, x := range all {
			j, ok := judgedIn(x)
			if !ok {
				continue
			}
			for _, set := range j.Sets {
				for _, record := range set {
					before, err := review.VerdictsOf(ctx, s, record)
					if err != nil {
						return fmt.Errorf("read earlier verdicts: %w", err)
					}
					for i := range before {
						if t := before[i].Stamp.Time; !t.Before(at) {
							at = t.UTC().Truncate(time.Millisecond).Add(time.Millisecond)
						}
					}
				}
			}
		}
		return nil
	})
	return at, err
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }
