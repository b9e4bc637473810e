package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ficha/events"
)

// ErrFoldPanicked: a fold panicked on an event. The panic's text is left out,
// because it may quote the event.
var ErrFoldPanicked = errors.New("fold panicked")

// Overlay is the Work of one batch of events: writes are kept in memory over a
// Reader until the runner commits them. It serves one goroutine and one batch.
type Overlay struct {
	ctx     context.Context // of the batch: folds take none, and an Overlay does not outlive its batch
	base    Reader
	tables  map[Table]*overlayTable
	rows    map[Table]int // that each table may get, to make room for them at once
	journal []undo        // what the current Apply has changed, oldest first
	err     error
}

var _ Work = (*Overlay)(nil)

// NewWork gives an empty overlay over r; ctx bounds the reads of its one batch.
func NewWork(ctx context.Context, r Reader) *Overlay {
	return &Overlay{ctx: ctx, base: r, tables: make(map[Table]*overlayTable)}
}

// Expect makes room for as many rows as another batch wrote, which may be nil.
func (o *Overlay) Expect(like *Overlay) {
	if like == nil {
		return
	}
	o.rows = make(map[Table]int, len(like.tables))
	for t, tab := range like.tables {
		o.rows[t] = len(tab.rows)
	}
}

// overlayTable holds the written rows of one table.
type overlayTable struct {
	rows    map[string]written
	ordered orderedKeys // keys of rows, without those in fresh; kept for Scan
	fresh   []string    // keys not yet put into ordered
}

// state says what the overlay knows of a row.
type state uint8

const (
	untouched state = iota // written, then undone: the base decides
	put
	deleted
)

type written struct {
	value []byte
	state state
}

type undo struct {
	table *overlayTable
	key   string
	was   written
}

// Get gives the value at key as of this moment of the batch.
func (o *Overlay) Get(t Table, key []byte) ([]byte, bool) {
	if tab := o.tables[t]; tab != nil {
		if w, ok := tab.rows[string(key)]; ok && w.state != untouched {
			return w.value, w.state == put
		}
	}
	if o.err != nil {
		return nil, false
	}
	v, ok, err := o.base.Get(o.ctx, t, key)
	if err != nil {
		o.err = fmt.Errorf("read row of %s: %w", t, err)
		return nil, false
	}
	return v, ok
}

// Put writes a row; a nil value counts as an empty one.
func (o *Overlay) Put(t Table, key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	o.write(t, key, written{value: value, state: put})
}

// Delete removes the row at key, if there is one.
func (o *Overlay) Delete(t Table, key []byte) {
	o.write(t, key, written{state: deleted})
}

func (o *Overlay) write(t Table, key []byte, w written) {
	tab := o.tables[t]
	if tab == nil {
		tab = &overlayTable{rows: make(map[string]written, o.rows[t])}
		o.tables[t] = tab
	}
	k := string(key)
	was, known := tab.rows[k]
	if !known {
		tab.fresh = append(tab.fresh, k)
	}
	o.journal = append(o.journal, undo{table: tab, key: k, was: was})
	tab.rows[k] = w
}

// Apply folds e with f; upon an error (a panic counts as ErrFoldPanicked) every
// write of this call is undone. Look at Err too: after a failed read the whole
// batch is void.
func (o *Overlay) Apply(f Fold, e events.Decoded) (err error) {
	o.journal = o.journal[:0]
	defer func() {
		if recover() != nil {
			err = ErrFoldPanicked
		}
		if err != nil {
			o.rollBack()
		}
	}()
	return f.Apply(o, e)
}

func (o *Overlay) rollBack() {
	for _, u := range slices.Backward(o.journal) {
		u.table.rows[u.key] = u.was // zero: untouched
	}
	o.journal = o.journal[:0]
}

// Err is the first read that failed, nil if none did.
func (o *Overlay) Err() error { return o.err }

// Changes lists what the batch wrote, sorted by table and key, each key once.
// It shares memory with the overlay.
func (o *Overlay) Changes() []Change {
	n := 0
	for _, tab := range o.tables {
		n += len(tab.rows)
	}
	changes := make([]Change, 0, n)
	for t, tab := range o.tables {
		for k, w := range tab.rows {
			if w.state != untouched {
				changes = append(changes, Change{Table: t, Key: []byte(k), Value: w.value})
			}
		}
	}
	slices.SortFunc(changes, Change.compare)
	return changes
}
