package golden

import (
	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

// Folded reads golden's rows in the middle of a batch, for a fold that comes
// after this one in the same runner: what it sees includes the present event.
// Reads that fail are the batch's business (see projections.Work).
type Folded struct{ Work projections.Work }

// CustomerRow is a row of golden_records as the fold keeps it.
type CustomerRow struct {
	Version  uint64          // counts the changes of this id
	Position events.Position // of the event that made the last one
	Live     bool            // some record of it is not withdrawn
	Document []byte          // a Customer as compact JSON, without version and position; empty: redirected. Read-only
}

// Row gives the row of an id. False: no record of that uuid was ever seen.
func (f Folded) Row(id uuid.UUID) (CustomerRow, bool) {
	g, ok := readGolden(f.Work, id)
	return CustomerRow{Version: g.version, Position: g.position, Live: g.live, Document: g.document}, ok
}

// Customer gives what CustomerOf gives.
func (f Folded) Customer(id uuid.UUID) (uuid.UUID, bool) { return customerOf(f.Work, id) }

// Owner gives the customer of a record that was seen, at half the cost of
// Customer; of one that was not, its own uuid.
func (f Folded) Owner(record uuid.UUID) uuid.UUID { return membershipOf(f.Work, record).customer }

// Members gives the records of a customer, sorted, withdrawn ones too. The
// customer must be one now.
func (f Folded) Members(customer uuid.UUID) []uuid.UUID { return membersOf(f.Work, customer) }

// Group gives the records that are one customer with a record, itself among them:
// Members of its Owner, without a scan where no decision has named the record.
func (f Folded) Group(record uuid.UUID) []uuid.UUID {
	m := membershipOf(f.Work, record)
	if !m.written {
		return []uuid.UUID{record}
	}
	return membersOf(f.Work, m.customer)
}

// OwnerUntil gives the customer that the event at p took a record away from.
// False: that event did not move it.
func (f Folded) OwnerUntil(record uuid.UUID, p events.Position) (uuid.UUID, bool) {
	v, ok := f.Work.Get(memberships, memberKey(record, p))
	if !ok {
		return uuid.Nil, false
	}
	return uuidAt(v, 0), true
}

// Seen says whether a record was ever stated or withdrawn.
func (f Folded) Seen(record uuid.UUID) bool {
	_, ok := f.Work.Get(sourceRecords, record[:])
	return ok
}

// Survivor gives what SurvivorOf gives.
func (f Folded) Survivor(record uuid.UUID) (events.RecordKey, bool) {
	return survivorOf(f.Work, record)
}

// Holders gives the customers whose live records have a contact point now in any
// form that may be the same, sorted; at most limit, and whether there are more.
func (f Folded) Holders(p contactpoint.Point, limit int) (customers []uuid.UUID, more bool) {
	found := map[uuid.UUID]bool{}
	scanHolders(f.Work, p, func(record uuid.UUID, holding []byte) {
		if holding[0]&(flagNow|flagPinned) == 0 || more {
			return
		}
		owner := membershipOf(f.Work, record).customer
		if more = !found[owner] && len(found) == limit; more {
			return
		}
		if !found[owner] {
			found[owner] = true
			customers = append(customers, owner)
		}
	})
	sortIDs(customers)
	return customers, more
}

// Companions gives what FormerCompanions gives.
func (f Folded) Companions(record uuid.UUID) []Companion {
	return companionsOf(f.Work, record)
}
