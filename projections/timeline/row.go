package timeline

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
)

// interaction is a row of interactions: the newest word of each kind on it.
type interaction struct {
	said      record.Latest[statement]
	assigned  record.Latest[uuid.UUID] // the customer record; Nil: nobody any more
	withdrawn record.Latest[struct{}]
}

// statement is what interaction.recorded said.
type statement struct {
	at        time.Time
	channel   string
	direction string
	owners    []string // beginnings of timeline keys; with points, their ends, see owner
	ends      []string
	data      []byte // as in the event
}

// shown says whether the interaction is there at its source.
func (x *interaction) shown() bool {
	return !x.said.IsZero() && (x.withdrawn.IsZero() || x.said.Stamp.Compare(x.withdrawn.Stamp) > 0)
}

const (
	hasSaid = 1 << iota
	hasAssigned
	hasWithdrawn
)

// encode writes flags (1 byte), then for each that is set: the stamp with the
// customer (assigned), the stamp (withdrawn), the stamp with time, channel,
// direction, owners and the data as stated, which ends the row.
func (x *interaction) encode() []byte {
	b := make([]byte, 1, 160+len(x.said.Value.data))
	if !x.assigned.IsZero() {
		b[0] |= hasAssigned
		b = appendStamp(b, x.assigned.Stamp)
		b = append(b, x.assigned.Value[:]...)
	}
	if !x.withdrawn.IsZero() {
		b[0] |= hasWithdrawn
		b = appendStamp(b, x.withdrawn.Stamp)
	}
	if x.said.IsZero() {
		return b
	}
	b[0] |= hasSaid
	b = appendStamp(b, x.said.Stamp)
	s := &x.said.Value
	b = appendTime(b, s.at)
	b = appendText(appendText(b, s.channel), s.direction)
	b = binary.AppendUvarint(b, uint64(len(s.owners)))
	for i := range s.owners {
		b = appendText(appendText(b, s.owners[i]), s.ends[i])
	}
	return append(b, s.data...)
}

func decode(row []byte) (*interaction, error) {
	x := new(interaction)
	p := parser{rest: row}
	flags := p.bytes(1)
	if p.failed {
		return nil, damaged()
	}
	if flags[0]&hasAssigned != 0 {
		x.assigned.Stamp = p.stamp()
		copy(x.assigned.Value[:], p.bytes(16))
	}
	if flags[0]&hasWithdrawn != 0 {
		x.withdrawn.Stamp = p.stamp()
	}
	if flags[0]&hasSaid != 0 {
		x.said.Stamp = p.stamp()
		s := &x.said.Value
		s.at = p.time()
		s.channel, s.direction = p.text(), p.text()
		for range p.number() {
			s.owners, s.ends = append(s.owners, p.text()), append(s.ends, p.text())
			if p.failed {
				break
			}
		}
		s.data = p.rest
	}
	if p.failed {
		return nil, damaged()
	}
	return x, nil
}

func damaged() error {
	return fmt.Errorf("decode row of %s: %w", interactions, events.ErrUnavailable)
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

// parser reads what encode wrote; once it has failed it gives zeros.
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
	if mark := p.bytes(1); len(mark) == 1 && mark[0] == 1 {
		rev := p.signed()
		s.Revision = &rev
	}
	s.Source, s.Event = p.text(), p.text()
	return s
}
