package changes

import (
	"bytes"
	"cmp"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections/contact"
	"ficha/projections/golden"
)

// flip compares what binds an id with what bound it.
type flip struct {
	customer uuid.UUID
	row      golden.CustomerRow
	to       uuid.UUID // of an id that is redirected now
	was, now *list     // nil: nothing
	stated   []entry   // told as binding, whatever the comparison says
	freed    []entry   // told as freed, unless it binds all the same
	asked    bool      // told even if nothing differs
}

// flip drafts a contact_flip, unless nothing is different.
func (s *step) flip(f flip) {
	none := &list{}
	if f.was == nil {
		f.was = none
	}
	if f.now == nil {
		f.now = none
	}
	d := draft{kind: ContactFlip, customer: f.customer, row: f.row, to: f.to, more: f.was.more || f.now.more}
	d.binding = append(d.binding, f.stated...)
	d.binding = append(d.binding, lacking(f.now, f.was)...)
	for _, e := range lacking(f.was, f.now) {
		if f.now.holds(e.folio) { // it binds by fewer ways than before
			d.binding = append(d.binding, e)
		} else {
			d.freed = append(d.freed, e)
		}
	}
	for _, e := range f.freed {
		if !f.now.holds(e.folio) {
			d.freed = append(d.freed, e)
		}
	}
	d.binding, d.freed = foliosOnce(d.binding), foliosOnce(d.freed)
	if len(d.binding)+len(d.freed) > 0 || d.more || f.asked {
		s.flips = append(s.flips, d)
	}
}

// lacking lists the entries of a that b does not have: a statement binds by the
// person and by each contact point for itself, as each may be asked about alone.
func lacking(a, b *list) []entry {
	var out []entry
	for _, e := range a.entries {
		if _, found := slices.BinarySearchFunc(b.entries, e, compareEntries); !found {
			out = append(out, e)
		}
	}
	return out
}

func (l *list) holds(f folio) bool {
	i, _ := slices.BinarySearchFunc(l.entries, entry{folio: f}, compareEntries) // no entry says 0
	return i < len(l.entries) && l.entries[i].folio == f
}

// foliosOnce sorts entries and keeps the first of each statement: where there are
// several, the one that says most.
func foliosOnce(all []entry) []entry {
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(bytes.Compare(a.folio[:], b.folio[:]), cmp.Compare(a.says&choiceOf, b.says&choiceOf))
	})
	return slices.CompactFunc(all, func(a, b entry) bool { return a.folio == b.folio })
}

// bindingOf gives what binds a customer of these records: what was stated on
// them, what bound them when they were grouped with others, and what was stated
// on the contact points that they have now.
func (s *step) bindingOf(records []uuid.UUID, doc *document) (bound list, err error) {
	for _, r := range records {
		row, err := s.recordRow(r)
		if err != nil {
			return bound, err
		}
		bound.more = bound.more || row.list.more
		for _, e := range row.list.entries {
			bound.add(entry{folio: e.folio, says: e.says & choiceOf})
		}
	}
	return bound, s.bindByPoints(&bound, doc)
}

// bindByPoints adds what was stated on the contact points of a golden record.
func (s *step) bindByPoints(bound *list, doc *document) error {
	for _, p := range pointsIn(doc, s.pointKinds()) {
		at := placeOf(p)
		l, err := readPostings(s.w, at.bucket)
		if err != nil {
			return err
		}
		bound.more = bound.more || l.more
		for _, e := range l.entries {
			if at.meets(e) { // an allow binds the exact form alone, so that one counts
				bound.add(entry{folio: e.folio, says: e.says&choiceOf | onPoint, hash: hashOf(p.Key())})
			}
		}
	}
	return nil
}

// pointKinds gives, as bits, which kinds of contact points statements name at
// all: there is no need to read the others.
func (s *step) pointKinds() byte {
	if s.kinds == nil {
		kinds := byte(0)
		if v, ok := s.w.Get(stateTable, pointsKey()); ok && len(v) == 1 {
			kinds = v[0]
		}
		s.kinds = &kinds
	}
	return *s.kinds
}

// noteKinds remembers that statements name these points.
func (s *step) noteKinds(points []contactpoint.Point) {
	kinds := s.pointKinds()
	for _, p := range points {
		kinds |= 1 << numberOf(p.Kind)
	}
	if kinds != *s.kinds {
		*s.kinds = kinds
		s.w.Put(stateTable, pointsKey(), []byte{kinds})
	}
}

// pointsIn reads the contact points of a golden record, of some kinds alone.
func pointsIn(doc *document, kinds byte) []contactpoint.Point {
	if kinds == 0 {
		return nil
	}
	var out []contactpoint.Point
	each := func(kind contactpoint.Kind, place int, read func(raw []byte)) {
		if kinds&(1<<numberOf(kind)) != 0 && len(doc[place]) > 2 {
			read(doc[place])
		}
	}
	add := func(p events.ContactPoint) {
		if q, ok := contact.PointOf(p); ok {
			out = append(out, q)
		}
	}
	each(contactpoint.KindPhone, attrPhones, func(raw []byte) {
		eachValue(raw, func(v string) { add(events.ContactPoint{Phone: v}) })
	})
	each(contactpoint.KindEmail, attrEmails, func(raw []byte) {
		eachValue(raw, func(v string) { add(events.ContactPoint{Email: v}) })
	})
	each(contactpoint.KindHandle, attrHandles, func(raw []byte) {
		eachValue(raw, func(v events.Handle) { add(events.ContactPoint{Handle: v.Handle, Network: v.Network}) })
	})
	each(contactpoint.KindAddress, attrAddresses, func(raw []byte) {
		eachValue(raw, func(v events.Address) { add(events.ContactPoint{Address: &v}) })
	})
	return out
}

// eachValue reads the values of a list of surviving values, past where they come
// from. What does not read is left out: golden wrote it.
func eachValue[T any](list []byte, yield func(T)) {
	eachElement(list, func(element []byte) {
		eachMember(element, func(name, value []byte) bool {
			if string(name) != "value" {
				return true
			}
			var v T
			if text, plain := any(&v).(*string); plain && len(value) > 1 && !bytes.ContainsRune(value, '\\') {
				*text = string(value[1 : len(value)-1])
				yield(v)
			} else if jsonv2.Unmarshal(value, &v) == nil {
				yield(v)
			}
			return false
		})
	})
}

// rebind works out anew what binds a customer that has not changed itself, and
// tells the difference.
func (s *step) rebind(f flip) error {
	row, ok := s.gold.Row(f.customer)
	if !ok || len(row.Document) == 0 {
		return nil
	}
	members, ok := readDocument(row.Document)
	if !ok {
		return damaged(customersTable)
	}
	kept, err := readCustomerRow(s.w, f.customer)
	if err != nil {
		return err
	}
	bound, err := s.bindingOf(s.gold.Members(f.customer), &members)
	if err != nil {
		return err
	}
	f.row, f.was, f.now = row, &kept.bound, &bound
	s.flip(f)
	now := customerRow{prints: kept.prints, bound: bound}
	now.write(s.w, f.customer)
	return nil
}
