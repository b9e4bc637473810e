package changes

import (
	"slices"

	"github.com/google/uuid"

	"ficha/events"
)

// maxHops bounds how far merges at the source are followed, as golden does.
const maxHops = 16

// mergedAtSource tells where ids lead that never came with a record of their own,
// and remembers them: they lead elsewhere when the survivor moves.
func (s *step) mergedAtSource(p *events.CustomerMergedAtSource) error {
	survivor := p.Survivor.UUID()
	row, err := s.recordRow(survivor)
	if err != nil {
		return err
	}
	for _, k := range p.Losers {
		loser := k.UUID()
		if by, ok := s.gold.Survivor(loser); !ok || by.UUID() != survivor || loser == survivor {
			continue // a later word of the source stands, or golden refused the event
		}
		if !slices.Contains(row.losers, loser) {
			row.losers, row.dirty = append(row.losers, loser), true
		}
		if s.gold.Seen(loser) {
			continue
		}
		own, err := s.recordRow(loser)
		if err != nil {
			return err
		}
		own.lost, own.dirty = true, true
		to, ok := s.gold.Customer(survivor)
		if !ok {
			continue
		}
		if err := s.redirectLosers([]uuid.UUID{loser}, to, maxHops); err != nil {
			return err
		}
	}
	return nil
}

// redirectLosers tells that ids which were never seen, and those that lost to
// them in turn, answer as a customer now.
func (s *step) redirectLosers(losers []uuid.UUID, to uuid.UUID, hops int) error {
	for _, loser := range losers {
		if hops == 0 || s.gold.Seen(loser) || s.redirected(loser) {
			continue
		}
		if now, ok := s.gold.Customer(loser); !ok || now != to {
			continue // it lost to somebody else since
		}
		s.redirects = append(s.redirects, draft{kind: Redirected, customer: loser, to: to})
		row, err := s.recordRow(loser)
		if err != nil {
			return err
		}
		if err := s.redirectLosers(row.losers, to, hops-1); err != nil {
			return err
		}
	}
	return nil
}

// redirected says whether this event has redirected an id already.
func (s *step) redirected(id uuid.UUID) bool {
	return slices.ContainsFunc(s.redirects, func(d draft) bool { return d.customer == id })
}

// boundAsLoser gives what bound an id before it had a record of its own: what
// binds the customer that it answered as. Nil for one that answered as nobody.
func (s *step) boundAsLoser(id uuid.UUID, row *recordRow) (*list, error) {
	if !row.lost {
		return nil, nil
	}
	survivor, ok := s.gold.Survivor(id)
	if !ok {
		return nil, nil
	}
	owner, ok := s.gold.Customer(survivor.UUID())
	if !ok || owner == id {
		return nil, nil
	}
	kept, err := readCustomerRow(s.w, owner)
	return &kept.bound, err
}
