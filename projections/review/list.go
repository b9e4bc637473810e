package review

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
)

// Filter narrows a list; what is empty lets everything through.
type Filter struct {
	State State // default StateOpen
	// Kind: without one, verdicts that decided an item of the queue are left out,
	// since that item is in the list itself.
	Kind                 Kind
	ReasonCode           string // of any of the reasons
	Pattern              string
	MinWeight, MaxWeight *int64    // in millibits, both inclusive
	Source               string    // of any of the records
	DueBefore            time.Time // exclusive
	Customer             uuid.UUID // any id of a customer that the item is about
}

// maxScanned is how many items one page looks at. A page may be short, even
// empty, and yet have a cursor.
const maxScanned = 2000

// List gives the items that pass, undecided ones by when they are due, others the
// newest first: limit of them (0: DefaultLimit; at most MaxLimit), and the cursor
// of what follows; "" at the end. events.ErrInvalid: after is no cursor of this
// list, or there is no such state.
func List(ctx context.Context, r projections.Reader, f Filter, after string, limit int) ([]Item, string, error) {
	if f.State == "" {
		f.State = StateOpen
	}
	if !slices.Contains(countedStates[:], f.State) {
		return nil, "", fmt.Errorf("list reviews: no such state: %w", events.ErrInvalid)
	}
	l := lister{ctx: ctx, r: r, filter: f, limit: pageSize(limit)}
	if after != "" {
		key, err := parseCursor(after, queueKeySize)
		if err != nil || key[0] != stateLetter(f.State) {
			return nil, "", fmt.Errorf("read cursor: it is none of this list: %w", events.ErrInvalid)
		}
		l.after = key
	}
	err := l.run()
	return l.out, l.next, err
}

// lister makes one page.
type lister struct {
	ctx    context.Context // of the one read that it serves
	r      projections.Reader
	filter Filter
	after  []byte // key of the queue; nil: from the beginning
	limit  int
	out    []Item
	next   string
}

func (l *lister) run() error {
	if l.filter.Customer != uuid.Nil {
		return l.ofCustomer()
	}
	rg := l.span()
	if rg.To != nil && bytes.Compare(rg.To, rg.From) <= 0 {
		return nil
	}
	scanned := 0
	var last []byte
	for row, err := range l.r.Scan(l.ctx, tableQueue, rg) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", tableQueue, err)
		}
		if len(l.out) == l.limit {
			l.next = formatCursor(last)
			return nil
		}
		scanned++
		last = row.Key
		if !l.mayPass(row.Value) {
			continue
		}
		if err := l.take(uuidAtEnd(row.Key)); err != nil {
			return err
		}
	}
	if scanned == maxScanned {
		l.next = formatCursor(last)
	}
	return nil
}

// span is where in the queue the page may lie.
func (l *lister) span() projections.Range {
	state := []byte{stateLetter(l.filter.State)}
	rg := projections.Prefix(state)
	rg.Limit = maxScanned
	if l.after != nil {
		rg.From = projections.PrefixEnd(l.after)
	}
	if at := l.filter.DueBefore; !at.IsZero() && (l.filter.State == StateOpen || l.filter.State == StateUnsure) {
		// Of a key the time counts in whole microseconds.
		rg.To = binary.BigEndian.AppendUint64(state, uint64(micros(at.Add(time.Microsecond-1))))
	}
	return rg
}

// mayPass judges by the row of the queue alone.
func (l *lister) mayPass(v []byte) bool {
	if len(v) != 10 {
		return true
	}
	kind, weight, named := v[0], int64(binary.BigEndian.Uint64(v[1:])), v[9] == 1
	f := &l.filter
	switch {
	case f.Kind == "" && named, f.Kind != "" && kind != kindLetter(f.Kind):
		return false
	case f.MinWeight != nil && weight < *f.MinWeight, f.MaxWeight != nil && weight > *f.MaxWeight:
		return false
	}
	return true
}

func (l *lister) take(id uuid.UUID) error {
	it, err := Get(l.ctx, l.r, id)
	if err != nil {
		return err
	}
	if l.filter.Passes(&it) {
		l.out = append(l.out, it)
	}
	return nil
}

// Passes says whether an item is one that the filter asks for, its customer aside:
// which id leads to which customer is not written in an item.
func (f *Filter) Passes(it *Item) bool {
	state := f.State
	if state == "" {
		state = StateOpen
	}
	switch {
	case it.State != state, f.Kind != "" && it.Kind != f.Kind, f.Kind == "" && it.Kind == KindVerdict && namesItem(it),
		f.Pattern != "" && it.Pattern != f.Pattern,
		f.MinWeight != nil && it.Weight < *f.MinWeight, f.MaxWeight != nil && it.Weight > *f.MaxWeight,
		f.Source != "" && !slices.Contains(it.Sources, f.Source),
		!f.DueBefore.IsZero() && !it.DueAt.Before(f.DueBefore):
		return false
	}
	return f.ReasonCode == "" || slices.ContainsFunc(it.Reasons, func(r Reason) bool { return r.Code == f.ReasonCode })
}

// ofCustomer lists the items of one customer, which are few, from its records.
func (l *lister) ofCustomer() error {
	owner, ok, err := golden.CustomerOf(l.ctx, l.r, l.filter.Customer)
	if err != nil || !ok {
		return err
	}
	members, err := golden.Members(l.ctx, l.r, owner)
	if err != nil {
		return err
	}
	about := map[uuid.UUID]Item{}
	for _, m := range members {
		if err := l.ofRecord(m, owner, about); err != nil {
			return err
		}
	}
	var keys [][]byte
	for _, it := range about {
		named := slices.ContainsFunc(members, func(m uuid.UUID) bool { return contains(it.Records, m) })
		if key := queueKey(&it); named && l.filter.Passes(&it) && bytes.Compare(key, l.after) > 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	if len(keys) > l.limit {
		keys = keys[:l.limit]
		l.next = formatCursor(keys[l.limit-1])
	}
	for _, key := range keys {
		l.out = append(l.out, about[uuidAtEnd(key)])
	}
	return nil
}

// ofRecord adds the items that a record of a customer may be in.
func (l *lister) ofRecord(record, owner uuid.UUID, about map[uuid.UUID]Item) error {
	ids, err := verdictsNaming(l.ctx, l.r, record)
	if err != nil {
		return err
	}
	row, ok, err := l.r.Get(l.ctx, tableRecords, record[:])
	if err != nil {
		return fmt.Errorf("read %s: %w", tableRecords, err)
	}
	if ok {
		rec, err := decodeRecord(row)
		if err != nil {
			return err
		}
		ids = append(ids, rec.decided...)
		for _, p := range rec.pairs {
			ids = append(ids, p.item)
		}
		for _, f := range rec.held {
			ids = append(ids, HoldID(f, owner))
		}
		for _, f := range rec.denies {
			st, err := load[statement](l.ctx, l.r, tableDenies, statementKey(f))
			if err != nil {
				return err
			}
			for _, c := range st.Customers {
				ids = append(ids, HoldID(f, c))
			}
		}
	}
	return l.gather(ids, about)
}

// gather reads items, and the groups that they are in.
func (l *lister) gather(ids []uuid.UUID, about map[uuid.UUID]Item) error {
	for i := 0; i < len(ids); i++ {
		if _, have := about[ids[i]]; have {
			continue
		}
		it, err := Get(l.ctx, l.r, ids[i])
		if errors.Is(err, events.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		about[ids[i]] = it
		if it.Group != uuid.Nil {
			ids = append(ids, it.Group)
		}
	}
	return nil
}

// verdictsNaming gives the verdicts that name a record, as items.
func verdictsNaming(ctx context.Context, r projections.Reader, record uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for row, err := range r.Scan(ctx, tableVerdicts, projections.Prefix(prefixed(verdictRecord, record[:]))) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", tableVerdicts, err)
		}
		ids = append(ids, uuidAtEnd(row.Key))
	}
	return ids, nil
}
