package timeline

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/projections/rowcodec"
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
		b = rowcodec.AppendStamp(b, x.assigned.Stamp)
		b = append(b, x.assigned.Value[:]...)
	}
	if !x.withdrawn.IsZero() {
		b[0] |= hasWithdrawn
		b = rowcodec.AppendStamp(b, x.withdrawn.Stamp)
	}
	if x.said.IsZero() {
		return b
	}
	b[0] |= hasSaid
	b = rowcodec.AppendStamp(b, x.said.Stamp)
	s := &x.said.Value
	b = rowcodec.AppendTime(b, s.at)
	b = rowcodec.AppendText(rowcodec.AppendText(b, s.channel), s.direction)
	b = binary.AppendUvarint(b, uint64(len(s.owners)))
	for i := range s.owners {
		b = rowcodec.AppendText(rowcodec.AppendText(b, s.owners[i]), s.ends[i])
	}
	return append(b, s.data...)
}

func decode(row []byte) (*interaction, error) {
	x := new(interaction)
	p := rowcodec.Parse(row)
	flags := p.Bytes(1)
	if p.Failed() {
		return nil, damaged()
	}
	if flags[0]&hasAssigned != 0 {
		x.assigned.Stamp = p.Stamp()
		copy(x.assigned.Value[:], p.Bytes(16))
	}
	if flags[0]&hasWithdrawn != 0 {
		x.withdrawn.Stamp = p.Stamp()
	}
	if flags[0]&hasSaid != 0 {
		x.said.Stamp = p.Stamp()
		s := &x.said.Value
		s.at = p.Time()
		s.channel, s.direction = p.Text(), p.Text()
		for range p.Number() {
			s.owners, s.ends = append(s.owners, p.Text()), append(s.ends, p.Text())
			if p.Failed() {
				break
			}
		}
		s.data = p.Rest()
	}
	if p.Failed() {
		return nil, damaged()
	}
	return x, nil
}

func damaged() error {
	return fmt.Errorf("decode row of %s: %w", interactions, events.ErrUnavailable)
}
