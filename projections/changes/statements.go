package changes

import (
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections/contact"
)

// maxHolders is how many customers with one contact point are told one by one. Of
// a point of more, one change says that it may be about anybody.
const maxHolders = 1000

// stated keeps what a statement is about and tells whom it binds. A statement
// that was withdrawn before it came binds nobody.
func (s *step) stated(p *events.ContactStated) error {
	f := folioOf(s.e.Source, s.e.ID)
	early, err := readStatement(s.w, f)
	if err != nil || early.here {
		return err
	}
	st := statement{here: true, says: deny, mayEnd: s.mayEnd(p)}
	switch p.Choice {
	case events.Deny:
	case events.Allow:
		st.says = allow
	default:
		return nil
	}
	st.withdrawn = slices.ContainsFunc(early.mayEnd, func(h uint64) bool { return slices.Contains(st.mayEnd, h) })
	st.records, st.points = subjectsOf(p)
	st.write(s.w, f)
	if st.withdrawn {
		return nil
	}
	s.noteKinds(st.points)
	for _, r := range st.records {
		if err := s.list(r, entry{folio: f, says: st.says}); err != nil {
			return err
		}
	}
	for _, point := range st.points {
		if err := s.post(point, func(l *list, at place) bool { return l.add(entry{folio: f, says: st.says, hash: at.class}) }); err != nil {
			return err
		}
	}
	return s.tell(&st, flip{stated: []entry{{folio: f, says: st.says}}})
}

// mayEnd gives who may withdraw the statement: its source, and of a provisional
// deny that of the event out of which it was read. The hub may always.
func (s *step) mayEnd(p *events.ContactStated) []uint64 {
	out := []uint64{hashOf(events.HubSource)}
	switch {
	case !fromHub(s.e.Source):
		out = append(out, hashOf(s.e.Source))
	case p.Ext != nil && p.Ext.Unconfirmed && p.Ext.Of != nil:
		out = append(out, hashOf(p.Ext.Of.Source))
	}
	return out
}

func fromHub(source string) bool {
	return source == events.HubSource || strings.HasPrefix(source, events.HubSource+"/")
}

// list adds an entry to a record's row.
func (s *step) list(record uuid.UUID, e entry) error {
	row, err := s.recordRow(record)
	if err != nil {
		return err
	}
	row.dirty = row.list.add(e) || row.dirty
	return nil
}

// subjectsOf gives the records and readable contact points of a statement, sorted.
func subjectsOf(p *events.ContactStated) (records []uuid.UUID, points []contactpoint.Point) {
	for _, k := range p.Records {
		if !k.IsZero() {
			records = append(records, k.UUID())
		}
	}
	slices.SortFunc(records, compareIDs)
	for _, c := range p.ContactPoints {
		if q, ok := contact.PointOf(c); ok && !slices.Contains(points, q) {
			points = append(points, q)
		}
	}
	return slices.Compact(records), points
}

// post changes the list of a contact point's row.
func (s *step) post(p contactpoint.Point, change func(*list, place) bool) error {
	at := placeOf(p)
	l, err := readPostings(s.w, at.bucket)
	if err == nil && change(&l, at) {
		writePostings(s.w, at.bucket, &l)
	}
	return err
}

// withdrawn takes a statement off everything that it was about. One that is not
// here yet is remembered: the statement may come after its withdrawal.
func (s *step) withdrawn(p *events.ContactStatementWithdrawn) error {
	f, ok := parseFolio(p.Statement)
	if !ok {
		return nil
	}
	st, err := readStatement(s.w, f)
	if err != nil || st.withdrawn {
		return err
	}
	by := hashOf(s.e.Source)
	if fromHub(s.e.Source) {
		by = hashOf(events.HubSource)
	}
	switch known := slices.Contains(st.mayEnd, by); {
	case !st.here && !known:
		st.mayEnd = append(st.mayEnd, by)
		st.write(s.w, f)
		return nil
	case !st.here || !known: // said before; or somebody else's to say
		return nil
	}
	was := st
	st.withdrawn = true
	st.write(s.w, f)
	around, err := s.carriersAround(was.records) // before the statement is off them
	if err != nil {
		return err
	}
	for _, r := range slices.Concat(was.records, was.carriers) {
		row, err := s.recordRow(r)
		if err != nil {
			return err
		}
		row.dirty = row.list.remove(f, whatever) || row.dirty
	}
	for _, point := range was.points {
		if err := s.post(point, func(l *list, _ place) bool { return l.remove(f, whatever) }); err != nil {
			return err
		}
	}
	was.carriers = append(was.carriers, around...)
	return s.tell(&was, flip{freed: []entry{{folio: f, says: st.says}}, asked: true})
}

// confirmed frees records from a deny that bound them for having been grouped.
func (s *step) confirmed(p *events.ContactHoldConfirmed) error {
	f, ok := parseFolio(p.Statement)
	if !ok {
		return nil
	}
	for _, r := range p.Records {
		row, err := s.recordRow(r)
		if err != nil {
			return err
		}
		row.dirty = row.list.remove(f, func(say says) bool { return say&linked != 0 }) || row.dirty
	}
	freed := &statement{carriers: slices.Clone(p.Records)}
	return s.tell(freed, flip{freed: []entry{{folio: f, says: deny}}, asked: true})
}

// restricted keeps a restriction like a deny of everything. One that ends is told
// like one that begins: ask.
func (s *step) restricted(p *events.CustomerRestricted) error {
	if p.Record.IsZero() {
		return nil
	}
	f := folioOf(s.e.Source, s.e.ID)
	st := &statement{here: true, says: restriction, records: []uuid.UUID{p.Record.UUID()}}
	st.write(s.w, f)
	e := entry{folio: f, says: restriction}
	if err := s.list(st.records[0], e); err != nil {
		return err
	}
	return s.tell(st, flip{stated: []entry{e}})
}

// tell drafts a flip for each customer that a statement is about: of its records,
// of those that something stated on these was handed to (it may be lifted now, or
// bind again), and who has its contact points.
func (s *step) tell(st *statement, f flip) error {
	affected := map[uuid.UUID]bool{}
	around, err := s.carriersAround(st.records)
	if err != nil {
		return err
	}
	for _, r := range slices.Concat(st.records, st.carriers, around) {
		if owner, ok := s.gold.Customer(r); ok {
			affected[owner] = true
		}
	}
	for _, p := range st.points {
		holders, more := s.gold.Holders(p, maxHolders)
		if more {
			anybody := f
			anybody.customer, anybody.asked = uuid.Nil, true
			s.flip(anybody)
		}
		for _, owner := range holders {
			affected[owner] = true
		}
	}
	for _, owner := range keys(affected) {
		f.customer = owner
		if err := s.rebind(f); err != nil {
			return err
		}
	}
	return nil
}

// carriersAround gives the records to which anything was handed that was stated
// on these.
func (s *step) carriersAround(records []uuid.UUID) ([]uuid.UUID, error) {
	var out []uuid.UUID
	for _, r := range records {
		row, err := s.recordRow(r)
		if err != nil {
			return nil, err
		}
		for _, e := range row.list.entries {
			if e.says&linked != 0 || e.says == allow {
				continue
			}
			st, err := readStatement(s.w, e.folio)
			if err != nil {
				return nil, err
			}
			out = append(out, st.carriers...)
		}
	}
	return out, nil
}

// keepHolds notes, where a decision parts records, that what bound one against
// contact still binds the others, until a person confirms that it does not: what
// was stated on it, and what it had been handed itself.
func (s *step) keepHolds(g *regrouping) error {
	for _, customer := range keys(g.before) {
		if len(g.parts[customer]) < 2 {
			continue
		}
		held := map[uuid.UUID][]entry{} // as they were before any was handed on
		for _, r := range g.before[customer] {
			row, err := s.recordRow(r)
			if err != nil {
				return err
			}
			for _, e := range row.list.entries {
				if e.says&choiceOf != allow {
					held[r] = append(held[r], entry{folio: e.folio, says: e.says&choiceOf | linked})
				}
			}
		}
		for _, r := range g.before[customer] {
			if err := s.handOn(g, customer, r, held[r]); err != nil {
				return err
			}
		}
	}
	return nil
}

// handOn hands what bound one record to those that it is parted from.
func (s *step) handOn(g *regrouping, customer, r uuid.UUID, held []entry) error {
	row, err := s.recordRow(r)
	if err != nil || len(held) == 0 && !row.list.more {
		return err
	}
	for _, other := range g.before[customer] {
		if g.now[other] == g.now[r] {
			continue
		}
		to, err := s.recordRow(other)
		if err != nil {
			return err
		}
		for _, e := range held {
			if !to.list.add(e) {
				continue
			}
			to.dirty = true
			if err := s.carry(e.folio, other); err != nil {
				return err
			}
		}
		if row.list.more && !to.list.more {
			to.list.more, to.dirty = true, true
		}
	}
	return nil
}

// carry notes to whom a statement was handed.
func (s *step) carry(f folio, record uuid.UUID) error {
	st, err := readStatement(s.w, f)
	if err != nil {
		return err
	}
	if i, known := slices.BinarySearchFunc(st.carriers, record, compareIDs); !known && len(st.carriers) < math.MaxUint16 {
		st.carriers = slices.Insert(st.carriers, i, record)
		st.write(s.w, f)
	}
	return nil
}

func whatever(says) bool { return true }
