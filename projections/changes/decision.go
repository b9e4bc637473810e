package changes

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
)

// regrouping is what one identity.resolved did, read off golden's rows.
type regrouping struct {
	was    map[uuid.UUID]uuid.UUID   // each record's customer before
	now    map[uuid.UUID]uuid.UUID   // and after
	after  map[uuid.UUID][]uuid.UUID // customer after → its records
	before map[uuid.UUID][]uuid.UUID // customer before → its records
	parts  map[uuid.UUID][]uuid.UUID // customer before → customers that have its records now
	moved  []uuid.UUID               // records that changed customers, sorted
}

// regrouping finds out who moved. A decision that golden refused moved nobody.
func (s *step) regrouping(p *events.IdentityResolved) *regrouping {
	g := &regrouping{was: map[uuid.UUID]uuid.UUID{}, now: map[uuid.UUID]uuid.UUID{},
		after: map[uuid.UUID][]uuid.UUID{}, before: map[uuid.UUID][]uuid.UUID{}, parts: map[uuid.UUID][]uuid.UUID{}}
	for _, group := range p.Groups {
		if len(group) == 0 {
			continue
		}
		owner := s.gold.Owner(group[0].Record)
		for _, m := range group {
			g.note(s, m.Record, owner)
		}
	}
	slices.SortFunc(g.moved, compareIDs)
	for _, customer := range g.parts {
		slices.SortFunc(customer, compareIDs)
	}
	return g
}

func (g *regrouping) note(s *step, record, owner uuid.UUID) {
	was, moved := s.gold.OwnerUntil(record, s.at)
	if !moved {
		was = owner
	} else {
		g.moved = append(g.moved, record)
	}
	g.was[record], g.now[record] = was, owner
	g.after[owner] = append(g.after[owner], record)
	g.before[was] = append(g.before[was], record)
	if !slices.Contains(g.parts[was], owner) {
		g.parts[was] = append(g.parts[was], owner)
	}
}

func (s *step) resolved(p *events.IdentityResolved) error {
	g := s.regrouping(p)
	if len(g.moved) == 0 {
		return nil
	}
	if err := s.keepHolds(g); err != nil {
		return err
	}
	touched := map[uuid.UUID]*scanned{}
	for _, owner := range keys(g.after) {
		if row, ok := s.gold.Row(owner); ok && row.Position == s.at && len(row.Document) > 0 {
			c, ok := scan(row)
			if !ok {
				return fmt.Errorf("read golden record: %w", events.ErrUnavailable)
			}
			touched[owner] = c
		}
	}
	was, err := s.boundBefore(g)
	if err != nil {
		return err
	}
	bound := map[uuid.UUID]*list{}
	for _, owner := range keys(touched) {
		if bound[owner], err = s.regrouped(g, touched, owner, was); err != nil {
			return err
		}
	}
	return s.redirectMoved(g, was, bound)
}

// boundBefore gives what bound the customers before, and forgets those that are
// none any more.
func (s *step) boundBefore(g *regrouping) (map[uuid.UUID]customerRow, error) {
	was := make(map[uuid.UUID]customerRow, len(g.before))
	for customer := range g.before {
		row, err := readCustomerRow(s.w, customer)
		if err != nil {
			return nil, err
		}
		was[customer] = row
		if _, still := g.after[customer]; !still {
			s.w.Delete(customersTable, customer[:])
		}
	}
	return was, nil
}

// regrouped tells what a customer became, and gives what binds it now.
func (s *step) regrouped(g *regrouping, touched map[uuid.UUID]*scanned, owner uuid.UUID, was map[uuid.UUID]customerRow) (*list, error) {
	c := touched[owner]
	kept, before := was[owner], was[g.was[owner]].bound
	d := draft{kind: Changed, customer: owner, row: c.CustomerRow, records: c.members[attrRecords]}
	d.attributes = kept.prints.differences(&c.prints)
	_, existed := g.before[owner]
	if !existed {
		d.attributes = nil
	}
	d.losers = g.losersOf(owner)
	if existed && len(g.parts[owner]) > 1 {
		d.parts = partsOf(g, touched, owner)
	}
	switch {
	case len(d.parts) > 0:
		d.kind = Split
	case len(d.losers) > 0:
		d.kind = Merged
	case !existed:
		d.kind = Created
	}
	d.moved = g.movesOf(owner)
	s.steps = append(s.steps, d)

	bound, err := s.bindingOf(g.after[owner], &c.members)
	if err != nil {
		return nil, err
	}
	s.flip(flip{customer: owner, row: c.CustomerRow, was: &before, now: &bound})
	row := customerRow{prints: c.prints, bound: bound}
	row.write(s.w, owner)
	return &bound, nil
}

// losersOf lists the customers before that are no more and gave records to owner.
func (g *regrouping) losersOf(owner uuid.UUID) []uuid.UUID {
	var out []uuid.UUID
	for _, r := range g.after[owner] {
		from := g.was[r]
		if _, still := g.after[from]; !still && !slices.Contains(out, from) {
			out = append(out, from)
		}
	}
	slices.SortFunc(out, compareIDs)
	return out
}

// movesOf lists the records that came to a customer or left it.
func (g *regrouping) movesOf(customer uuid.UUID) []Move {
	var out []Move
	for _, r := range g.moved {
		if g.was[r] == customer || g.now[r] == customer {
			out = append(out, Move{Record: r, From: g.was[r], To: g.now[r]})
		}
	}
	return out
}

// part is a Part whose records are as golden wrote them.
type part struct {
	customer uuid.UUID
	version  uint64
	records  []byte
}

func partsOf(g *regrouping, touched map[uuid.UUID]*scanned, customer uuid.UUID) []part {
	var out []part
	for _, owner := range g.parts[customer] {
		if c, ok := touched[owner]; ok {
			out = append(out, part{customer: owner, version: c.Version, records: c.members[attrRecords]})
		}
	}
	return out
}

// redirectMoved tells of ids that answer as another customer now: customers that
// are no more, and other records that moved. What hangs on them moves along.
func (s *step) redirectMoved(g *regrouping, was map[uuid.UUID]customerRow, bound map[uuid.UUID]*list) error {
	for _, r := range g.moved {
		to := g.now[r]
		if r != to {
			row, _ := s.gold.Row(r)
			d := draft{kind: Redirected, customer: r, row: golden.CustomerRow{Version: row.Version}, to: to}
			if _, ended := g.before[r]; ended {
				d.moved = g.movesOf(r)
			}
			s.redirects = append(s.redirects, d)
			before := was[g.was[r]].bound
			s.flip(flip{customer: r, row: d.row, to: to, was: &before, now: bound[to]})
		}
		waiting, err := s.recordRow(r)
		if err != nil {
			return err
		}
		if err := s.redirectLosers(waiting.losers, to, maxHops); err != nil {
			return err
		}
	}
	return nil
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// keys lists the keys of a map in order.
func keys[V any](m map[uuid.UUID]V) []uuid.UUID {
	out := make([]uuid.UUID, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	slices.SortFunc(out, compareIDs)
	return out
}
