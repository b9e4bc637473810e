package projections

import (
	"bytes"
	"fmt"
	"iter"
)

// Scan yields the rows of r as they are when it is called: what yield writes is
// not seen by this scan.
func (o *Overlay) Scan(t Table, r Range, yield func(Row) bool) {
	var over []overRow
	hidden := 0
	if tab := o.tables[t]; tab != nil {
		over, hidden = tab.slice(r)
	}
	if o.err != nil {
		return
	}
	base := r
	if base.Limit > 0 {
		base.Limit += hidden // deleted rows must not use up the limit
	}
	m := merge{over: over, reverse: r.Reverse, limit: r.Limit, yield: yield}
	if err := m.run(o.base.Scan(o.ctx, t, base)); err != nil {
		o.err = fmt.Errorf("scan rows of %s: %w", t, err)
	}
}

// overRow is a written row, or with a nil value a deleted one.
type overRow struct{ key, value []byte }

// slice copies the written rows of r in r's order, and counts the deleted ones
// among them. With a limit it stops at the limit-th row that exists: no result
// can lie behind that one.
func (tab *overlayTable) slice(r Range) (rows []overRow, hidden int) {
	tab.order()
	left := r.Limit
	for k := range tab.ordered.between(r.From, r.To, r.Reverse) {
		w := tab.rows[k]
		switch w.state {
		case untouched:
			continue
		case deleted:
			hidden++
		case put:
			left--
		}
		rows = append(rows, overRow{key: []byte(k), value: w.value})
		if w.state == put && left == 0 {
			break
		}
	}
	return rows, hidden
}

// order brings the fresh keys into ordered.
func (tab *overlayTable) order() {
	for _, k := range tab.fresh {
		tab.ordered.add(k)
	}
	tab.fresh = tab.fresh[:0]
}

// merge yields rows of two ordered sources; the overlay's win.
type merge struct {
	over    []overRow
	reverse bool
	limit   int // 0: none
	yield   func(Row) bool
}

func (m *merge) run(base iter.Seq2[Row, error]) error {
	for row, err := range base {
		if err != nil {
			return err
		}
		shadowed, more := m.before(row.Key)
		if more && !shadowed {
			more = m.give(row)
		}
		if !more {
			return nil
		}
	}
	for _, w := range m.over {
		if w.value != nil && !m.give(Row{Key: w.key, Value: w.value}) {
			return nil
		}
	}
	return nil
}

// before yields the overlay's rows up to and including key, and says whether the
// overlay has a row of its own at key.
func (m *merge) before(key []byte) (shadowed, more bool) {
	for len(m.over) > 0 {
		w := m.over[0]
		c := bytes.Compare(w.key, key)
		if m.reverse {
			c = -c
		}
		if c > 0 {
			break
		}
		m.over = m.over[1:]
		shadowed = shadowed || c == 0
		if w.value != nil && !m.give(Row{Key: w.key, Value: w.value}) {
			return shadowed, false
		}
	}
	return shadowed, true
}

func (m *merge) give(row Row) bool {
	if !m.yield(row) {
		return false
	}
	m.limit--
	return m.limit != 0
}
