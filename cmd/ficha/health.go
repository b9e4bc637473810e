package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ficha/api"
	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/runner"
	"ficha/projections/witness"
)

// freshness says how far the rows have come that reads use.
type freshness struct{ h *hub }

// Wait returns when both runners have come to p. The contact runner sees only its
// lane, so it is enough that it has seen all of the lane up to p.
func (f freshness) Wait(ctx context.Context, p events.Position) error {
	if err := f.h.main.Wait(ctx, p); err != nil {
		return err
	}
	end, err := f.h.log.LaneEnd(ctx, events.LaneContact)
	if err != nil {
		return err
	}
	return f.h.contact.Wait(ctx, min(p, end))
}

// Position is the main runner's.
func (f freshness) Position() events.Position { return f.h.main.Position() }

// Resolved is up to where matching has looked: the main runner's position when
// nothing of the record lane waits, else the resolver's.
func (f freshness) Resolved() events.Position {
	at := f.h.main.Position()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	end, err := f.h.log.LaneEnd(ctx, events.LaneRecord)
	if seen := f.h.resolver.Position(); err != nil || seen < end {
		return min(at, seen)
	}
	return at
}

// ready says why the hub should not be asked yet, or any more.
func (h *hub) ready(ctx context.Context) error {
	if err := h.log.Damage(); err != nil {
		return err
	}
	for name, r := range map[string]*runner.Runner{mainRunner: h.main, contact.Name: h.contact} {
		if err := r.Err(); err != nil {
			return fmt.Errorf("projections of %s: %w", name, err)
		}
	}
	return h.readyOnce(ctx)
}

// readyOnce holds readiness back until the projections have caught up with the
// log for the first time; later lag is reported by answers, not by readiness.
func (h *hub) readyOnce(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.caughtUp {
		return nil
	}
	end, err := h.log.End(ctx)
	if err != nil {
		return err
	}
	lane, err := h.log.LaneEnd(ctx, events.LaneContact)
	if err != nil {
		return err
	}
	if at := h.main.Position(); at < end {
		return fmt.Errorf("catching up: projections at %d of %d: %w", at, end, events.ErrUnavailable)
	}
	if at := h.contact.Position(); at < lane {
		return fmt.Errorf("catching up: contact statements at %d of %d: %w", at, lane, events.ErrUnavailable)
	}
	h.caughtUp = true
	return nil
}

// status says how the hub is.
func (h *hub) status(ctx context.Context) (api.Status, error) {
	s := api.Status{Durability: h.durability, Policy: "none", Build: build(), Warnings: h.warnings()}
	info, err := h.log.Info(ctx)
	if err != nil {
		return s, err
	}
	s.Position, s.Epoch = info.Last, info.Epoch
	s.ResolvedPosition = freshness{h}.Resolved()
	s.Log = api.LogStatus{OK: true, Bytes: info.Bytes}
	if err := h.log.Damage(); err != nil {
		s.Log.OK, s.Log.Reason = false, err.Error()
	}
	q, err := h.guard.Equation(ctx)
	if err != nil && !errors.Is(err, events.ErrDamaged) {
		return s, err
	}
	s.Equation = api.Equation(q)
	s.Projections = []api.ProjectionStatus{
		h.projection(mainRunner, h.main, info.Last),
		h.contactProjection(ctx),
		{Name: "resolver", Position: h.resolver.Position(), Error: text(h.resolver.Err())},
	}
	s.Projections = append(s.Projections, h.feedStatus()...)
	s.Counts, err = h.counts(ctx)
	return s, err
}

func (h *hub) warnings() []string {
	out := []string{"no contact policy is published: statements and restrictions apply, quiet hours and caps do not"}
	if h.durability != "power-safe" {
		out = append(out, "the log is "+h.durability+": what was acknowledged may be lost at a power cut")
	}
	return out
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// projection describes a runner; its lag is the age of the oldest event that it
// has not folded.
func (h *hub) projection(name string, r *runner.Runner, end events.Position) api.ProjectionStatus {
	s := api.ProjectionStatus{Name: name, Position: r.Position(), Error: text(r.Err())}
	if s.Position < end {
		s.LagSeconds = h.age(s.Position + 1)
	}
	return s
}

// contactProjection describes the contact runner. It has folded everything up to
// the log's end when it stands at its lane's end.
func (h *hub) contactProjection(ctx context.Context) api.ProjectionStatus {
	end, err := h.log.LaneEnd(ctx, events.LaneContact)
	if err != nil {
		return api.ProjectionStatus{Name: contact.Name, Position: h.contact.Position(), Error: err.Error()}
	}
	return h.projection(contact.Name, h.contact, end)
}

func (h *hub) age(p events.Position) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	e, err := h.log.Get(ctx, p)
	if err != nil {
		return 0
	}
	return time.Since(e.RecordedTime).Seconds()
}

func (h *hub) counts(ctx context.Context) (api.Counts, error) {
	var n api.Counts
	snap, err := h.store.Snapshot(ctx)
	if err != nil {
		return n, err
	}
	defer snap.Close()
	g, err := golden.ReadCounts(ctx, snap)
	if err != nil {
		return n, err
	}
	n.SourceRecords, n.GoldenRecords, n.PotentialMatches = g.Records, g.LiveCustomers, g.Potential
	folded, err := witness.ReadCounts(ctx, snap)
	if err != nil {
		return n, err
	}
	n.Statements = folded.Types[events.ContactStatedV1]
	n.DeadLetters, err = h.waitingLetters(ctx, snap)
	return n, err
}
