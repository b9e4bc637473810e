package golden

import (
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// membership says which customer a record belongs to, and since when. Its zero
// From means since the record's first position: no decision has moved it.
type membership struct {
	customer uuid.UUID
	from     events.Position
	written  bool // there is a row for it
}

// membershipOf gives the membership in force now. It does not say whether there
// is such a record.
func membershipOf(r rows, id uuid.UUID) membership {
	v, ok := r.Get(memberships, memberKey(id, forever))
	if !ok {
		return membership{customer: id}
	}
	return membership{customer: uuidAt(v, 0), from: events.Position(numberAt(v, 16)), written: true}
}

// membershipAt gives the membership in force at position p.
func membershipAt(r rows, id uuid.UUID, p events.Position) membership {
	m := membership{customer: id}
	rg := projections.Range{From: memberKey(id, p+1), To: projections.PrefixEnd(memberKey(id, 0)[:17]), Limit: 1}
	r.Scan(memberships, rg, func(row projections.Row) bool {
		if from := events.Position(numberAt(row.Value, 16)); from <= p {
			m = membership{customer: uuidAt(row.Value, 0), from: from, written: true}
		}
		return true
	})
	return m
}

// membersOf gives the records of a customer, sorted. The customer must be one
// now: what [membershipOf] gives.
func membersOf(r rows, customer uuid.UUID) []uuid.UUID {
	var ids []uuid.UUID
	r.Scan(memberships, projections.Prefix(groupPrefix(customer, forever)), func(row projections.Row) bool {
		ids = append(ids, uuidAtEnd(row.Key))
		return true
	})
	if ids == nil {
		return []uuid.UUID{customer}
	}
	return ids
}

// membersAt gives the records of what was a customer at position p, sorted.
func membersAt(r rows, customer uuid.UUID, p events.Position) []uuid.UUID {
	var ids []uuid.UUID
	rg := projections.Range{From: groupPrefix(customer, p+1), To: projections.PrefixEnd(groupPrefix(customer, 0)[:17])}
	r.Scan(memberships, rg, func(row projections.Row) bool {
		if events.Position(numberAt(row.Value, 0)) <= p {
			ids = append(ids, uuidAtEnd(row.Key))
		}
		return true
	})
	if ids == nil {
		return []uuid.UUID{customer}
	}
	sortIDs(ids)
	return ids
}

// move ends a membership at p and begins the one with customer.
func move(w projections.Work, id uuid.UUID, was membership, firstSeen events.Position, customer uuid.UUID, p events.Position) {
	if !was.written {
		was.from = firstSeen
	}
	if was.customer == customer {
		if !was.written {
			writeMembership(w, id, customer, was.from, forever)
		}
		return
	}
	if was.written {
		w.Delete(memberships, memberKey(id, forever))
		w.Delete(memberships, groupKey(was.customer, forever, id))
	}
	writeMembership(w, id, was.customer, was.from, p)
	writeMembership(w, id, customer, p, forever)
}

func writeMembership(w projections.Work, id, customer uuid.UUID, from, to events.Position) {
	w.Put(memberships, memberKey(id, to), appendNumber(append(make([]byte, 0, 24), customer[:]...), from))
	w.Put(memberships, groupKey(customer, to, id), appendNumber(make([]byte, 0, 8), from))
}
