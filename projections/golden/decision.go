package golden

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// decision is an identity.resolved with what it replaces.
type decision struct {
	*events.IdentityResolved
	at     events.Position
	groups [][]uuid.UUID
	group  map[uuid.UUID]int         // record → index into groups
	was    map[uuid.UUID]membership  // of each record, before
	rows   map[uuid.UUID][]byte      // of source_records
	before map[uuid.UUID][]uuid.UUID // customer before → its records
}

func applyDecision(w projections.Work, e events.Decoded) error {
	p, ok := e.Payload.(*events.IdentityResolved)
	if !ok {
		return fmt.Errorf("read %s: no groups: %w", e.Type, events.ErrInvalid)
	}
	d, err := readDecision(w, p, e.Position)
	if err != nil {
		return fmt.Errorf("apply %s: %w", e.Type, err)
	}
	noteTime(w, e.Stored)
	n := readCounts(w)
	n.resolved(p.Cause)
	if err := d.regroup(w, &n); err != nil {
		return err
	}
	d.part(w)
	if err := d.replaceLinks(w, &n); err != nil {
		return err
	}
	writeCounts(w, n)
	return nil
}

// readDecision checks that the groups are disjoint, of known records, and closed.
func readDecision(r rows, p *events.IdentityResolved, at events.Position) (*decision, error) {
	d := &decision{IdentityResolved: p, at: at, group: map[uuid.UUID]int{}, was: map[uuid.UUID]membership{}, rows: map[uuid.UUID][]byte{}, before: map[uuid.UUID][]uuid.UUID{}}
	for i, g := range p.Groups {
		ids := make([]uuid.UUID, len(g))
		for k, m := range g {
			if _, twice := d.group[m.Record]; twice {
				return nil, fmt.Errorf("group %d: record %s is named twice: %w", i, m.Record, events.ErrInvalid)
			}
			row, known := r.Get(sourceRecords, m.Record[:])
			if !known {
				return nil, fmt.Errorf("group %d: record %s was never seen: %w", i, m.Record, events.ErrInvalid)
			}
			d.rows[m.Record] = row
			d.group[m.Record], ids[k] = i, m.Record
			d.was[m.Record] = membershipOf(r, m.Record)
		}
		if len(ids) == 0 {
			return nil, fmt.Errorf("group %d is empty: %w", i, events.ErrInvalid)
		}
		d.groups = append(d.groups, ids)
	}
	return d, d.checkClosed(r)
}

func (d *decision) checkClosed(r rows) error {
	for _, named := range slices.Concat(d.groups...) { // in order, so that the error is always the same
		customer := d.was[named].customer
		if _, done := d.before[customer]; done {
			continue
		}
		ids := []uuid.UUID{named} // a record that no decision has moved is alone
		if d.was[named].written {
			ids = membersOf(r, customer)
		}
		for _, id := range ids {
			if _, ok := d.group[id]; !ok {
				return fmt.Errorf("not closed: record %s is left out: %w", id, events.ErrInvalid)
			}
		}
		d.before[customer] = ids
	}
	return nil
}

// regroup moves records to their customers and makes the changed golden records anew.
func (d *decision) regroup(w projections.Work, n *Counts) error {
	now := map[uuid.UUID]bool{}
	for _, ids := range d.groups {
		if d.unchanged(ids) {
			now[d.was[ids[0]].customer] = true
			continue
		}
		ms := make([]*member, len(ids))
		for i, id := range ids {
			m, err := decodeMember(w, id, d.rows[id])
			if err != nil {
				return err
			}
			ms[i] = m
		}
		c := build(ms)
		now[c.ID] = true
		for _, m := range ms {
			move(w, m.ID, d.was[m.ID], m.FirstSeen, c.ID, d.at)
		}
		if err := saveCustomer(w, c, d.at, n); err != nil {
			return err
		}
	}
	for customer := range d.before {
		if !now[customer] {
			dropCustomer(w, customer, d.at, n)
		}
	}
	return nil
}

// unchanged says whether ids were one customer, and all of it.
func (d *decision) unchanged(ids []uuid.UUID) bool {
	customer := d.was[ids[0]].customer
	for _, id := range ids {
		if d.was[id].customer != customer {
			return false
		}
	}
	return len(ids) == len(d.before[customer])
}

// part notes the pairs that were together until now.
func (d *decision) part(w projections.Work) {
	past := pasts{}
	for _, ids := range d.before {
		for i, a := range ids {
			for _, b := range ids[i+1:] {
				if d.group[a] != d.group[b] {
					t := together{since: past.since(w, a, b, d.was[a].from, d.was[b].from), until: d.at}
					t.note(w, a, b)
					t.note(w, b, a)
				}
			}
		}
	}
}

// replaceLinks puts the decision's links and potential matches in the place of
// all that its records had.
func (d *decision) replaceLinks(w projections.Work, n *Counts) error {
	for _, ids := range d.groups {
		for _, id := range ids {
			if d.was[id].written { // both ends of a link are in one customer: both are named here
				deletePrefix(w, identityLinks, id[:])
			}
			for _, other := range deletePrefix(w, potentialMatches, id[:]) {
				w.Delete(potentialMatches, pairKey(other, id))
				n.Potential--
			}
		}
	}
	for _, l := range d.Links {
		if !d.together(l.A, l.B) {
			continue // evidence between customers is not what holds one together
		}
		if bytes.Compare(l.A[:], l.B[:]) > 0 {
			l.A, l.B = l.B, l.A
		}
		if err := putLink(w, identityLinks, l, pairKey(l.A, l.B)); err != nil {
			return err
		}
	}
	for _, l := range d.Potential {
		if l.A == l.B {
			continue
		}
		if _, twice := w.Get(potentialMatches, pairKey(l.A, l.B)); !twice {
			n.Potential++
		}
		if err := putLink(w, potentialMatches, l, pairKey(l.A, l.B), pairKey(l.B, l.A)); err != nil {
			return err
		}
	}
	return nil
}

// together says whether the decision puts both records into one group.
func (d *decision) together(a, b uuid.UUID) bool {
	i, ok := d.group[a]
	k, okB := d.group[b]
	return ok && okB && i == k
}

func putLink(w projections.Work, t projections.Table, l events.IdentityLink, keys ...[]byte) error {
	row, err := json.Marshal(&l)
	if err != nil {
		return fmt.Errorf("encode link: %w", err)
	}
	for _, k := range keys {
		w.Put(t, k, row)
	}
	return nil
}

// deletePrefix deletes the pairs of a record and gives the other ends.
func deletePrefix(w projections.Work, t projections.Table, id []byte) []uuid.UUID {
	var others []uuid.UUID
	w.Scan(t, projections.Prefix(id), func(row projections.Row) bool {
		others = append(others, uuidAtEnd(row.Key))
		return true
	})
	for _, other := range others {
		w.Delete(t, pairKey(uuid.UUID(id), other))
	}
	return others
}
