package review

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
)

// turn is the work on one event: what was read is kept, what changed is written
// once, at the end. Everything to look at again is gathered first, then pairs,
// holds and groups are made anew in this order, since groups are made of pairs.
type turn struct {
	w      projections.Work
	golden golden.Folded
	at     events.Position
	e      events.Stored

	records   map[uuid.UUID]*recordSlot
	items     map[uuid.UUID]*itemSlot
	verdicts  map[uuid.UUID]*Judgement
	members   map[uuid.UUID][]uuid.UUID
	potential map[uuid.UUID][]events.IdentityLink
	listed    map[uuid.UUID][]member // customer → its records
	standing  map[uuid.UUID]bool     // verdict → newer ones leave it as it is
	err       error                  // the first row that could not be read

	named  map[uuid.UUID]bool // records of the decision that is folded
	cause  events.Position    // of that decision
	judged *Judgement         // the verdict that is folded
	// judgedWas is that verdict as an item before this event; nil: it was none.
	judgedWas *Item

	pairs  map[uuid.UUID][2]uuid.UUID // items to look at → their customers
	groups map[uuid.UUID]bool
	starts map[uuid.UUID]bool // customers whose group may be another one
	folios map[string]bool
	around map[uuid.UUID]bool // customers whose items were gathered
	// suspects are customers that may look over-merged, or not any more; with the
	// groups of the decision that is folded.
	suspects map[uuid.UUID]bool
	bonds    map[uuid.UUID]decided
}

type recordSlot struct {
	record
	stored string // the row as read; "" for none
}

type itemSlot struct {
	stored, now *Item // nil: there is none
	row         []byte
}

func newTurn(w projections.Work, e events.Stored) *turn {
	return &turn{w: w, golden: golden.Folded{Work: w}, at: e.Position, e: e,
		records: map[uuid.UUID]*recordSlot{}, items: map[uuid.UUID]*itemSlot{}, verdicts: map[uuid.UUID]*Judgement{},
		members: map[uuid.UUID][]uuid.UUID{}, potential: map[uuid.UUID][]events.IdentityLink{}, listed: map[uuid.UUID][]member{}, standing: map[uuid.UUID]bool{},
		pairs: map[uuid.UUID][2]uuid.UUID{}, groups: map[uuid.UUID]bool{}, starts: map[uuid.UUID]bool{},
		folios: map[string]bool{}, around: map[uuid.UUID]bool{}, suspects: map[uuid.UUID]bool{}}
}

func (t *turn) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// readJSON reads a row; false: there is none, or it cannot be read.
func readJSON[T any](t *turn, table projections.Table, key []byte) (*T, bool) {
	row, ok := t.w.Get(table, key)
	if !ok {
		return nil, false
	}
	v := new(T)
	if err := json.Unmarshal(row, v); err != nil {
		t.fail(damaged(table))
		return nil, false
	}
	return v, true
}

func (t *turn) putJSON(table projections.Table, key []byte, v any) {
	t.w.Put(table, key, t.encode(table, v))
}

// encode writes a row as JSON. What the log holds can be written; if not, the
// event fails.
func (t *turn) encode(table projections.Table, v any) []byte {
	row, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		t.fail(fmt.Errorf("encode row of %s: %w", table, events.ErrInvalid))
	}
	return row
}

func (t *turn) record(id uuid.UUID) *recordSlot {
	if s := t.records[id]; s != nil {
		return s
	}
	s := new(recordSlot)
	if row, ok := t.w.Get(tableRecords, id[:]); ok {
		r, err := decodeRecord(row)
		if err != nil {
			t.fail(err)
			r = new(record)
		}
		s.record, s.stored = *r, string(row)
	}
	t.records[id] = s
	return s
}

// item gives an item as this event has left it so far, nil where there is none.
func (t *turn) item(id uuid.UUID) *Item { return t.slot(id).now }

func (t *turn) slot(id uuid.UUID) *itemSlot {
	if s := t.items[id]; s != nil {
		return s
	}
	s := new(itemSlot)
	if row, ok := t.w.Get(tableItems, id[:]); ok {
		it := new(Item)
		if err := json.Unmarshal(row, it); err != nil {
			t.fail(damaged(tableItems))
		} else {
			s.stored, s.now, s.row = it, it, row
		}
	}
	t.items[id] = s
	return s
}

// judgement gives a verdict, nil where neither it nor its withdrawal has arrived.
func (t *turn) judgement(id uuid.UUID) *Judgement {
	if j, ok := t.verdicts[id]; ok {
		return j
	}
	j, _ := readJSON[Judgement](t, tableVerdicts, prefixed(verdictRow, id[:]))
	t.verdicts[id] = j
	return j
}

// inForce gives the verdicts that name a record of the sides and hold, by id.
func (t *turn) inForce(sides [][]uuid.UUID) []*Judgement {
	var ids []uuid.UUID
	for _, side := range sides {
		for _, id := range side {
			ids = append(ids, t.record(id).verdicts...)
		}
	}
	var out []*Judgement
	for _, id := range sorted(ids) {
		if j := t.judgement(id); j != nil && j.InForce() && t.stands(j) {
			out = append(out, j)
		}
	}
	return out
}

// membersOf gives the records of what is a customer now, sorted.
func (t *turn) membersOf(customer uuid.UUID) []uuid.UUID {
	ms, ok := t.members[customer]
	if !ok {
		ms = t.golden.Members(customer)
		t.members[customer] = ms
	}
	return ms
}

// isCustomer says whether an id that once was a customer's is one now.
func (t *turn) isCustomer(id uuid.UUID) bool { return t.golden.Owner(id) == id }

func (t *turn) potentialOf(record uuid.UUID) []events.IdentityLink {
	ls, ok := t.potential[record]
	if !ok {
		ls = t.golden.Potential(record)
		t.potential[record] = ls
	}
	return ls
}

// member is what of a customer's record the items say.
type member struct {
	ID     uuid.UUID `json:"record_uuid"`
	Source string    `json:"source"`
	Live   bool      `json:"live"`
}

// profileOf reads the records of what is a customer now.
func (t *turn) recordsOf(customer uuid.UUID) []member {
	ms, ok := t.listed[customer]
	if !ok {
		row, _ := t.golden.Row(customer)
		var doc struct {
			Records []member `json:"records"`
		}
		if len(row.Document) > 0 && json.Unmarshal(row.Document, &doc) == nil {
			ms = doc.Records
		}
		t.listed[customer] = ms
	}
	return ms
}

// describe fills in what follows from an item's customers and sides.
func (t *turn) describe(it *Item) {
	it.Records = sorted(slices.Concat(it.Sides...))
	for _, c := range it.Customers {
		for _, m := range t.recordsOf(c) {
			it.Sources = append(it.Sources, m.Source)
			if m.Live && it.Kind != KindHold {
				it.Live = append(it.Live, m.ID)
			}
		}
	}
	sorted(it.Live)
	slices.Sort(it.Sources)
	it.Sources = slices.Compact(it.Sources)
}

// touchPair marks the item about two customers.
func (t *turn) touchPair(id, x, y uuid.UUID) { t.pairs[id] = [2]uuid.UUID{x, y} }

// touchItem marks an item that exists.
func (t *turn) touchItem(id uuid.UUID) {
	it := t.item(id)
	if it == nil {
		return
	}
	switch it.Kind {
	case KindPair:
		t.touchPair(id, it.Customers[0], it.Customers[1])
	case KindGroup:
		t.groups[id] = true
	case KindHold:
		for i := range it.Reasons {
			t.folios[it.Reasons[i].Statement] = true
		}
	}
}

// touchPairs marks the items that a record is evidence in.
func (t *turn) touchPairs(id uuid.UUID) {
	for _, p := range t.record(id).pairs {
		t.touchItem(p.item)
	}
}

// touchEvidence marks what hangs on the evidence at a record, and the denies that
// it stated or is bound by.
func (t *turn) touchEvidence(id uuid.UUID) {
	t.touchPairs(id)
	r := t.record(id)
	for _, f := range r.denies {
		t.folios[f] = true
	}
	for _, f := range r.held {
		t.folios[f] = true
	}
}

// touchAround marks whatever a verdict about a record may decide or leave open.
func (t *turn) touchAround(id uuid.UUID) {
	for _, item := range t.record(id).decided {
		t.touchItem(item)
	}
	c := t.golden.Owner(id)
	if t.around[c] {
		return
	}
	t.around[c] = true
	for _, m := range t.membersOf(c) {
		t.touchEvidence(m)
	}
}

// finish makes everything marked anew and writes what changed.
func (t *turn) finish() error {
	t.refreshPairs()
	t.refreshHolds()
	t.refreshGroups()
	t.refreshSuspects()
	t.flush()
	return t.err
}
