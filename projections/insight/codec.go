package insight

import (
	"encoding/binary"
	"fmt"
	"time"

	"ficha/events"
	"ficha/projections"
)

func damaged(t projections.Table) error {
	return fmt.Errorf("decode row of %s: %w", t, events.ErrUnavailable)
}

func appendStamp(b []byte, s events.Stamp) []byte {
	b = appendTime(b, s.Time)
	if s.Revision == nil {
		b = append(b, 0)
	} else {
		b = binary.AppendVarint(append(b, 1), *s.Revision)
	}
	return appendText(appendText(b, s.Source), s.Event)
}

// appendTime writes seconds and nanoseconds of Unix time.
func appendTime(b []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// parser reads what the encoders wrote; once it has failed it gives zeros.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) bytes(n uint64) []byte {
	if n > uint64(len(p.rest)) {
		p.failed, p.rest = true, nil
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) byte() byte {
	if b := p.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (p *parser) number() uint64 {
	n, k := binary.Uvarint(p.rest)
	p.skip(k)
	return n
}

func (p *parser) signed() int64 {
	n, k := binary.Varint(p.rest)
	p.skip(k)
	return n
}

func (p *parser) skip(k int) {
	if k <= 0 {
		p.failed, p.rest = true, nil
		return
	}
	p.rest = p.rest[k:]
}

func (p *parser) text() string { return string(p.bytes(p.number())) }

func (p *parser) time() time.Time {
	sec := p.signed()
	return time.Unix(sec, int64(p.number())).UTC()
}

func (p *parser) stamp() events.Stamp {
	s := events.Stamp{Time: p.time()}
	if p.byte() == 1 {
		rev := p.signed()
		s.Revision = &rev
	}
	s.Source, s.Event = p.text(), p.text()
	return s
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
	p := parser{rest: v}
	for len(p.rest) > 0 && !p.failed {
		row := tally{hour: p.byte()}
		for i := range t.width {
			row.n[i] = p.signed()
		}
		t.rows = append(t.rows, row)
	}
	return !p.failed
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
