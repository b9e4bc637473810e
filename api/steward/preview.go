package steward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching/resolver"
	"ficha/projections"
	"ficha/projections/contact"
	"ficha/projections/golden"
	"ficha/projections/review"
	"ficha/projections/timeline"
)

// Regrouping says what verdicts would make of the customers.
type Regrouping struct {
	Position      events.Position // up to which the resolver had looked
	Before, After []Group         // over the same records
	Redirects     []Redirect
	// Refused are the pairs that would wait for a steward because a rule refuses to
	// join them.
	Refused []events.IdentityLink
	// Obstacles say why the groups would not be what the verdicts say; none: they would.
	Obstacles []Obstacle
}

// Group is a customer as it is or would be.
type Group struct {
	Customer uuid.UUID
	Name     string      // of a customer of now; of one to come, of the one whose id it takes over
	Records  []uuid.UUID // sorted
}

// Redirect says that an id would lead to another customer.
type Redirect struct {
	From uuid.UUID `json:"from" format:"uuid"`
	To   uuid.UUID `json:"to" format:"uuid"`
}

// Obstacle is a reason why a verdict does not reach what it says.
type Obstacle struct {
	// Code is that of the rule that refuses to join A and B, such as max_cluster or
	// verdict_conflict; together: they would be one customer all the same; apart:
	// they would not be one, and no rule says why.
	Code string    `json:"code"`
	A    uuid.UUID `json:"a" format:"uuid"`
	B    uuid.UUID `json:"b" format:"uuid"`
}

// Preview is what a merge or split would do.
type Preview struct {
	Regrouping
	Moves      []Move
	Contact    contact.Comparison // answers that would change
	Overridden []review.Judgement // earlier verdicts that would count no more
}

// Move is a record that would belong to another customer, with what moves with it.
type Move struct {
	Record       uuid.UUID
	From, To     uuid.UUID
	Interactions int // at most MaxInteractions
}

// MaxInteractions is how many interactions of a record a preview counts.
const MaxInteractions = 10_000

// preview says what statements would do, and taking verdicts back.
func (d *Desk) preview(ctx context.Context, all []statement, undone []events.EventID) (Preview, error) {
	var p Preview
	var err error
	if p.Regrouping, err = d.regrouping(ctx, all, undone); err != nil {
		return p, err
	}
	err = d.snapshot(ctx, func(s projections.Snapshot) error {
		if p.Moves, err = moves(ctx, s, p.Regrouping); err != nil {
			return err
		}
		p.Overridden, err = overridden(ctx, s, all)
		return err
	})
	if err != nil {
		return p, err
	}
	p.Contact, err = d.cfg.Comparer.Comparison(ctx, recordSets(p.Before), recordSets(p.After))
	if err != nil {
		return p, fmt.Errorf("compare contact answers: %w", err)
	}
	return p, nil
}

// regrouping asks the resolver.
func (d *Desk) regrouping(ctx context.Context, all []statement, undone []events.EventID) (Regrouping, error) {
	h := resolver.Hypothesis{Withdraw: undone}
	for _, s := range all {
		if j, ok := judgedIn(s); ok {
			h.Judge = append(h.Judge, j)
		}
	}
	f, err := d.cfg.Resolver.Foresee(ctx, h)
	if err != nil {
		return Regrouping{}, fmt.Errorf("foresee: %w", err)
	}
	out := Regrouping{Position: f.Position}
	err = d.snapshot(ctx, func(s projections.Snapshot) error {
		known, err := membersOf(ctx, s, f.Before)
		if err != nil {
			return err
		}
		out.Before, out.After = known.groups(f.Before), known.groups(f.After)
		out.Redirects = redirects(out.Before, out.After)
		out.Refused = refused(f.Potential)
		for _, j := range h.Judge {
			out.Obstacles = append(out.Obstacles, obstacles(j, f, known)...)
		}
		return nil
	})
	return out, err
}

// members are what golden knows of records.
type members map[uuid.UUID]member

type member struct {
	golden.Member
	customer uuid.UUID
	name     string // of the customer
}

func membersOf(ctx context.Context, r projections.Reader, groups [][]uuid.UUID) (members, error) {
	all := members{}
	for _, id := range slices.Concat(groups...) {
		if _, known := all[id]; known {
			continue
		}
		c, err := golden.Get(ctx, r, id)
		if errors.Is(err, events.ErrNotFound) {
			continue // the resolver is ahead of the rows
		}
		if err != nil {
			return nil, fmt.Errorf("read customer: %w", err)
		}
		for _, m := range c.Records {
			all[m.ID] = member{m, c.ID, c.DisplayName}
		}
	}
	return all, nil
}

// groups names groups of records by their anchors, as golden will.
func (m members) groups(groups [][]uuid.UUID) []Group {
	out := make([]Group, len(groups))
	for i, records := range groups {
		anchor := slices.MinFunc(records, func(a, b uuid.UUID) int {
			return cmp.Or(cmp.Compare(m.seen(a), m.seen(b)), compareIDs(a, b))
		})
		out[i] = Group{Customer: anchor, Name: m[anchor].name, Records: records}
	}
	return out
}

// seen is when a record was first in the log. One that no row knows yet is late.
func (m members) seen(id uuid.UUID) events.Position {
	if at := m[id].FirstSeen; at != 0 {
		return at
	}
	return ^events.Position(0)
}

// redirects lists the customers of before that are none any more.
func redirects(before, after []Group) []Redirect {
	stay, home := map[uuid.UUID]bool{}, map[uuid.UUID]uuid.UUID{}
	for _, g := range after {
		stay[g.Customer] = true
		for _, r := range g.Records {
			home[r] = g.Customer
		}
	}
	var out []Redirect
	for _, g := range before {
		if !stay[g.Customer] {
			out = append(out, Redirect{From: g.Customer, To: home[g.Customer]})
		}
	}
	return out
}

// refused gives the pairs that a rule refuses to join.
func refused(potential []events.IdentityLink) []events.IdentityLink {
	var out []events.IdentityLink
	for _, l := range potential {
		if l.RefusedBy != "" {
			out = append(out, l)
		}
	}
	return out
}

// moves lists the records whose customer changes.
func moves(ctx context.Context, r projections.Reader, g Regrouping) ([]Move, error) {
	from := map[uuid.UUID]uuid.UUID{}
	for _, b := range g.Before {
		for _, id := range b.Records {
			from[id] = b.Customer
		}
	}
	var out []Move
	for _, a := range g.After {
		for _, id := range a.Records {
			if from[id] == a.Customer {
				continue
			}
			n, err := timeline.CountOf(ctx, r, id, MaxInteractions)
			if err != nil {
				return nil, err
			}
			out = append(out, Move{Record: id, From: from[id], To: a.Customer, Interactions: n})
		}
	}
	return out, nil
}

// recordSets gives the records of groups.
func recordSets(groups []Group) [][]uuid.UUID {
	out := make([][]uuid.UUID, len(groups))
	for i, g := range groups {
		out[i] = g.Records
	}
	return out
}

// DecidePreview says what a decision about an item would do. *Misfit.
func (d *Desk) DecidePreview(ctx context.Context, id uuid.UUID, r Ruling) (Preview, error) {
	v, err := d.current(ctx, id)
	if err != nil {
		return Preview{}, err
	}
	all, err := statements(&v.Item, r)
	if err != nil {
		return Preview{}, err
	}
	p, err := d.preview(ctx, all, nil)
	if v.Kind == review.KindHold && r.Verdict == events.VerdictDifferent {
		p.Contact.Truncated = true // that is what freeing is for; it is not compared
	}
	return p, err
}

// UndoPreview says what taking the decision of an item back would do.
// ErrNotDecided, ErrNotUndoable.
func (d *Desk) UndoPreview(ctx context.Context, id uuid.UUID) (Preview, error) {
	v, err := d.current(ctx, id)
	if err == nil {
		err = undoable(&v, Request{})
	}
	if err != nil {
		return Preview{}, err
	}
	return d.preview(ctx, nil, v.Decision.Events)
}
