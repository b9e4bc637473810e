package review

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
)

// maxCarried bounds how many partings one deny is followed through. A deny that
// was carried further still binds (package contact decides that), but is listed
// no further.
const maxCarried = 10_000

// carried says that a deny binds a record because a decision parted the record
// from one that it bound.
type carried struct {
	record uuid.UUID
	from   uuid.UUID // the stating record where the way began
	parted events.Position
}

// refreshHolds makes the items of the marked statements anew.
func (t *turn) refreshHolds() {
	for _, folio := range slices.Sorted(maps.Keys(t.folios)) {
		if st, ok := readJSON[statement](t, tableDenies, statementKey(folio)); ok {
			t.refreshHold(folio, st)
		}
	}
}

func (t *turn) refreshHold(folio string, st *statement) {
	var held []carried
	if t.binds(folio, st) {
		held = t.carriedFrom(folio, st)
	}
	bound := t.boundBy(folio, st, held)
	customers := slices.AppendSeq(slices.Clone(st.Customers), maps.Keys(bound))
	var listed []uuid.UUID
	for _, c := range sorted(customers) {
		id := HoldID(folio, c)
		if t.slot(id).now = t.hold(id, folio, c, bound[c]); t.slot(id).now != nil {
			listed = append(listed, c)
		}
	}
	t.noteHeld(folio, st, held, listed)
}

// noteHeld keeps whom a statement is held over: with the records and with itself.
func (t *turn) noteHeld(folio string, st *statement, held []carried, listed []uuid.UUID) {
	var now []uuid.UUID
	for _, h := range held {
		now = append(now, h.record)
	}
	now = sorted(now)
	if slices.Equal(now, st.Held) && slices.Equal(listed, st.Customers) {
		return
	}
	for _, id := range st.Held {
		r := t.record(id)
		r.held = without(r.held, folio, strings.Compare)
	}
	for _, id := range now {
		r := t.record(id)
		r.held = with(r.held, folio, strings.Compare)
	}
	st.Held, st.Customers = now, listed
	t.putJSON(tableDenies, statementKey(folio), st)
}

// carriedFrom follows a deny through partings: a record that was parted from one
// that it bound, after it was stated, carries it away, until a person frees that
// record. It gives the records that are bound so now.
func (t *turn) carriedFrom(folio string, st *statement) []carried {
	var out, todo []carried
	seen := map[carried]bool{}
	follow := func(record, from uuid.UUID, after, before events.Position) {
		for _, c := range t.golden.Companions(record) {
			next := carried{record: c.Record, from: from, parted: c.Until}
			if c.Until > after && c.Until < before && !seen[next] && len(seen) < maxCarried {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	for _, s := range st.Records {
		follow(s, s, st.Position, endless)
	}
	for i := 0; i < len(todo); i++ {
		at, end := todo[i], endless
		if c := freedAfter(t.confirmations(folio, at.record), at.parted); c != nil {
			end = c.Position
		} else {
			out = append(out, at)
		}
		follow(at.record, at.from, at.parted, end)
	}
	return out
}

// endless is after every position.
const endless = ^events.Position(0)

// boundBy gives, by customer, the records that a statement binds although it names
// no record of the customer.
func (t *turn) boundBy(folio string, st *statement, held []carried) map[uuid.UUID][]Reason {
	if len(held) == 0 {
		return nil
	}
	named := map[uuid.UUID]bool{}
	for _, s := range st.Records {
		named[t.golden.Owner(s)] = true
	}
	out := map[uuid.UUID][]Reason{}
	for _, h := range held {
		c := t.golden.Owner(h.record)
		if named[c] {
			continue
		}
		out[c] = append(out[c], Reason{Code: CodeHeldDeny, A: h.record, B: h.from, Since: t.e.RecordedTime.UTC(), Statement: folio, Parted: h.parted})
	}
	for c, rs := range out {
		slices.SortFunc(rs, func(a, b Reason) int { return cmp.Or(compareReasons(a, b), cmp.Compare(b.Parted, a.Parted)) })
		out[c] = slices.CompactFunc(rs, func(a, b Reason) bool { return compareReasons(a, b) == 0 }) // the last parting stays
	}
	return out
}

// hold makes the item about a statement that binds a customer; nil where it does
// not, and nobody has confirmed that it should not.
func (t *turn) hold(id uuid.UUID, folio string, customer uuid.UUID, reasons []Reason) *Item {
	old := t.item(id)
	if len(reasons) == 0 {
		return t.formerHold(old)
	}
	it := &Item{ID: id, Kind: KindHold, Reasons: reasons, Sides: make([][]uuid.UUID, 2), Customers: []uuid.UUID{customer}}
	for i := range reasons {
		r := &reasons[i]
		if old != nil {
			if n := slices.IndexFunc(old.Reasons, func(o Reason) bool { return o.A == r.A && o.B == r.B && o.Parted == r.Parted }); n >= 0 {
				r.Since = old.Reasons[n].Since
			}
		}
		it.Sides[0], it.Sides[1] = append(it.Sides[0], r.A), append(it.Sides[1], r.B)
	}
	it.Sides[0], it.Sides[1] = sorted(it.Sides[0]), sorted(it.Sides[1])
	var others []uuid.UUID
	for _, s := range it.Sides[1] {
		others = append(others, t.golden.Owner(s))
	}
	it.Customers = append(it.Customers, sorted(others)...)
	t.describe(it)
	it.schedule()
	t.decide(it, true)
	return it
}

// formerHold is what becomes of a hold that binds no more: it stays where a
// decision in force or a confirmation answered it.
func (t *turn) formerHold(old *Item) *Item {
	if old == nil {
		return nil
	}
	it := *old
	if it.Decision = t.confirmed(old); it.Decision != nil {
		it.State = StateDecided
		return &it
	}
	if t.decide(&it, false); it.undecided() {
		return nil
	}
	return &it
}

// confirmed gives the decision by which all records of a hold were freed, nil
// where one is not.
func (t *turn) confirmed(it *Item) *Decision {
	d := &Decision{Verdict: events.VerdictDifferent, Final: true}
	for i := range it.Reasons {
		r := &it.Reasons[i]
		c := freedAfter(t.confirmations(r.Statement, r.A), r.Parted)
		if c == nil {
			return nil
		}
		if !slices.Contains(d.Events, c.Event) {
			d.Events = append(d.Events, c.Event)
		}
		if c.Position > d.Position {
			d.Position, d.At, d.By, d.Reason = c.Position, c.At, c.By, c.Reason
		}
	}
	return d
}
