package review

import (
	"encoding/binary"
	"maps"
	"slices"

	"ficha/projections"
)

// The order of kinds and states in the row of counts.
var (
	countedKinds  = [...]Kind{KindPair, KindGroup, KindHold, KindVerdict}
	countedStates = [...]State{StateOpen, StateUnsure, StateDecided, StateWithdrawn}
)

func countsKey() []byte { return []byte("all") }

// Counts says how many items there are by kind and state.
type Counts map[Kind]map[State]uint64

func decodeCounts(row []byte) Counts {
	c := Counts{}
	for i, k := range countedKinds {
		c[k] = map[State]uint64{}
		for n, s := range countedStates {
			if at := 8 * (i*len(countedStates) + n); len(row) >= at+8 {
				c[k][s] = binary.BigEndian.Uint64(row[at:])
			}
		}
	}
	return c
}

func (c Counts) encode() []byte {
	var b []byte
	for _, k := range countedKinds {
		for _, s := range countedStates {
			b = binary.BigEndian.AppendUint64(b, c[k][s])
		}
	}
	return b
}

// tally is what one event adds to the counts: of items, and of open pairs by pattern.
type tally map[counter]int64

type counter struct {
	kind    Kind
	state   State
	pattern string // with an empty kind: of open pairs
}

// move counts an item that was one thing and is another; nil: it was not there.
func (n tally) move(old, now *Item) {
	n.add(old, -1)
	n.add(now, 1)
}

func (n tally) add(it *Item, by int64) {
	if it == nil {
		return
	}
	n[counter{kind: it.Kind, state: it.State}] += by
	if it.Kind == KindPair && it.State == StateOpen {
		n[counter{pattern: it.Pattern}] += by
	}
}

func (n tally) write(t *turn) {
	maps.DeleteFunc(n, func(_ counter, by int64) bool { return by == 0 })
	var total Counts
	for _, c := range slices.Collect(maps.Keys(n)) {
		if c.kind == "" {
			n.writePattern(t.w, c)
			continue
		}
		if total == nil {
			row, _ := t.w.Get(tableCounts, countsKey())
			total = decodeCounts(row)
		}
		total[c.kind][c.state] += uint64(n[c]) // wraps, and back
	}
	if total != nil {
		t.w.Put(tableCounts, countsKey(), total.encode())
	}
}

func (n tally) writePattern(w projections.Work, c counter) {
	key := append([]byte("p"), c.pattern...)
	var had uint64
	if row, ok := w.Get(tablePatterns, key); ok && len(row) == 8 {
		had = binary.BigEndian.Uint64(row)
	}
	had += uint64(n[c])
	if had == 0 {
		w.Delete(tablePatterns, key)
		return
	}
	w.Put(tablePatterns, key, number(had))
}
