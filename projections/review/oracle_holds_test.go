package review

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/golden"
)

// holds asks of every record and deny whether the deny binds it without naming it:
// backwards from the record, parting by parting.
func (o *oracle) holds(items map[uuid.UUID]Item) {
	for _, d := range o.denies {
		if len(d.records) == 0 || o.over(d) {
			continue
		}
		named := map[uuid.UUID]bool{}
		for _, s := range d.records {
			named[o.owner[s]] = true
		}
		for record, customer := range o.owner {
			if named[customer] {
				continue
			}
			for _, s := range sorted(slices.Clone(d.records)) {
				if parted := o.boundSince(d, record, s); parted != 0 {
					id := HoldID(d.folio, customer)
					it := items[id]
					it.ID, it.Kind = id, KindHold
					it.Reasons = append(it.Reasons, Reason{Code: CodeHeldDeny, A: record, B: s, Statement: d.folio, Parted: parted, Since: o.holdSince(id, record, s, parted)})
					it.Customers = []uuid.UUID{customer}
					items[id] = it
				}
			}
		}
	}
	for id, it := range items {
		if it.Kind != KindHold {
			continue
		}
		var bound, stating, others []uuid.UUID
		for _, r := range it.Reasons {
			bound, stating, others = append(bound, r.A), append(stating, r.B), append(others, o.owner[r.B])
		}
		it.Sides = [][]uuid.UUID{sorted(bound), sorted(stating)}
		it.Customers = append(it.Customers[:1], sorted(others)...)
		o.complete(&it)
		o.decide(&it, true)
		items[id] = it
	}
	o.keepHolds(items)
}

func (o *oracle) holdSince(id uuid.UUID, a, b uuid.UUID, parted events.Position) time.Time {
	if old, ok := o.items[id]; ok {
		for _, r := range old.Reasons {
			if r.A == a && r.B == b && r.Parted == parted {
				return r.Since
			}
		}
	}
	return o.now
}

// keepHolds keeps what binds no more and was confirmed, or is answered by a verdict.
func (o *oracle) keepHolds(items map[uuid.UUID]Item) {
	for id, old := range o.items {
		if _, there := items[id]; there || old.Kind != KindHold {
			continue
		}
		d := &Decision{Verdict: events.VerdictDifferent, By: "rosa", Final: true}
		for _, r := range old.Reasons {
			first := freeing{}
			for _, f := range o.freed {
				if f.folio == r.Statement && f.record == r.A && f.position > r.Parted && first.position == 0 {
					first = f
				}
			}
			if first.position == 0 {
				d = nil
				break
			}
			if !slices.Contains(d.Events, first.id) {
				d.Events = append(d.Events, first.id)
			}
			if first.position > d.Position {
				d.Position, d.At = first.position, at(10_000+int(first.position)-1)
			}
		}
		if d != nil {
			old.State, old.Decision = StateDecided, d
			items[id] = old
			continue
		}
		if o.decide(&old, false); old.State == StateDecided {
			items[id] = old
		}
	}
}

func (o *oracle) over(d deny) bool {
	for _, source := range o.ended[d.folio] {
		if source == d.source || strings.HasPrefix(source, "/ficha") || d.of != nil && source == d.of.Source {
			return true
		}
	}
	return d.of != nil && o.arrived[events.StatementID(d.of.Source, d.of.ID)]
}

// boundSince gives the last parting by which a deny on record s came to bind a
// record; 0: it does not.
func (o *oracle) boundSince(d deny, record, s uuid.UUID) (last events.Position) {
	var reaches func(record uuid.UUID, before events.Position) events.Position
	reaches = func(record uuid.UUID, before events.Position) (last events.Position) {
		cs, err := golden.FormerCompanions(o.t.Context(), o.r, record)
		if err != nil {
			o.t.Fatal(err)
		}
		for _, c := range cs {
			if c.Until <= d.position || c.Until >= before || slices.ContainsFunc(o.freed, func(f freeing) bool {
				return f.folio == d.folio && f.record == record && f.position > c.Until && f.position < before
			}) {
				continue
			}
			if c.Record == s || reaches(c.Record, c.Until) != 0 {
				last = max(last, c.Until)
			}
		}
		return last
	}
	return reaches(record, ^events.Position(0))
}
