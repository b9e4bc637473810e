package insight

import (
	"encoding/binary"
	"fmt"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/rowcodec"
)

func damaged(t projections.Table) error {
	return fmt.Errorf("decode row of %s: %w", t, events.ErrUnavailable)
}

// tallies are numbers per hour of one day, sparse: sorted by hour, none all zero.
// Each entry is the hour (1 byte), then its numbers as signed varints.
type tallies struct {
	width int // how many numbers an hour has
	rows  []tally
}

type tally struct {
	hour byte
	n    [maxWidth]int64
}

// maxWidth is the width of the widest tallies, those of surveys.
const maxWidth = 5

func (t *tallies) decode(v []byte) bool {
	p := rowcodec.Parse(v)
	for len(p.Rest()) > 0 && !p.Failed() {
		row := tally{hour: p.Byte()}
		for i := range t.width {
			row.n[i] = p.Signed()
		}
		t.rows = append(t.rows, row)
	}
	return !p.Failed()
}

func (t *tallies) encode() []byte {
	b := make([]byte, 0, len(t.rows)*(1+2*t.width))
	for i := range t.rows {
		b = append(b, t.rows[i].hour)
		for _, n := range t.rows[i].n[:t.width] {
			b = binary.AppendVarint(b, n)
		}
	}
	return b
}

// add adds to the numbers of an hour, sign −1 takes them back.
func (t *tallies) add(hour byte, n [maxWidth]int64, sign int64) {
	i := 0
	for i < len(t.rows) && t.rows[i].hour < hour {
		i++
	}
	if i == len(t.rows) || t.rows[i].hour != hour {
		t.rows = append(t.rows, tally{})
		copy(t.rows[i+1:], t.rows[i:])
		t.rows[i] = tally{hour: hour}
	}
	row := &t.rows[i]
	for k := range n {
		row.n[k] += sign * n[k]
	}
	if row.n == [maxWidth]int64{} {
		t.rows = append(t.rows[:i], t.rows[i+1:]...)
	}
}

// count adds to a row of tallies, and deletes the row when nothing is left.
func count(w projections.Work, table projections.Table, key []byte, width int, hour byte, n [maxWidth]int64, sign int64) error {
	t := tallies{width: width, rows: make([]tally, 0, 24)}
	if v, ok := w.Get(table, key); ok && !t.decode(v) {
		return damaged(table)
	}
	t.add(hour, n, sign)
	if len(t.rows) == 0 {
		w.Delete(table, key)
		return nil
	}
	w.Put(table, key, t.encode())
	return nil
}
