package holdings

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/text"
	"ficha/projections"
	"ficha/projections/rowcodec"
)

// Normal gives a contract, order, case or serial number as it is compared:
// capital letters and digits alone, without accents, blanks and punctuation. ""
// for what holds none.
func Normal(number string) string {
	return strings.ToUpper(strings.ReplaceAll(text.Fold(number), " ", ""))
}

// placeSize is the length of a place: time and own record.
const placeSize = 8 + 16

// place is where a holding stands among others: bytes that sort from newest to
// oldest, then by uuid. Cursors are made of it.
type place [placeSize]byte

func placeOf(at time.Time, id uuid.UUID) place {
	var p place
	binary.BigEndian.PutUint64(p[:], math.MaxInt64-uint64(at.UnixMicro()))
	copy(p[8:], id[:])
	return p
}

func (p place) at() time.Time {
	return time.UnixMicro(int64(math.MaxInt64 - binary.BigEndian.Uint64(p[:]))).UTC()
}

func (p place) id() uuid.UUID { return uuid.UUID(p[8:]) }

// placeAtEnd reads the place that a key ends with.
func placeAtEnd(key []byte) place { return place(key[len(key)-placeSize:]) }

func (h *holding) key() []byte { return holdingKey(h.kind, h.id) }

func holdingKey(k Kind, id uuid.UUID) []byte { return append([]byte{byte(k)}, id[:]...) }

// customerPrefix begins the keys of what a customer record has of one kind.
func customerPrefix(customer uuid.UUID, k Kind) []byte {
	return append(append(make([]byte, 0, 17+placeSize), customer[:]...), byte(k))
}

func customerKey(customer uuid.UUID, k Kind, at place) []byte {
	return append(customerPrefix(customer, k), at[:]...)
}

// statusPrefix begins the keys of the cases of one status.
func statusPrefix(status string) []byte { return append([]byte(status), 0) }

func statusKey(status string, at place) []byte { return append(statusPrefix(status), at[:]...) }

// numberKey begins the keys of whatever has a number.
func numberKey(k Kind, normal string) []byte {
	b := make([]byte, 0, 2+len(normal)+17)
	return append(append(append(b, byte(k)), normal...), 0)
}

// brief is what lists filter by and sum up, without reading the holding itself.
type brief struct {
	escalated    bool
	due, expires int64 // seconds of Unix time; 0: none
	status       string
	kind         string // of a case
	owner        string
	customer     uuid.UUID // record; Nil: nobody's
}

func (b *brief) encode() []byte {
	out := make([]byte, 1, 32+len(b.status)+len(b.kind)+len(b.owner))
	if b.escalated {
		out[0] = 1
	}
	out = binary.AppendVarint(binary.AppendVarint(out, b.due), b.expires)
	out = rowcodec.AppendText(rowcodec.AppendText(rowcodec.AppendText(out, b.status), b.kind), b.owner)
	if b.customer != uuid.Nil {
		out = append(out, b.customer[:]...)
	}
	return out
}

func decodeBrief(v []byte) (brief, error) {
	p := rowcodec.Parse(v)
	var b brief
	flags := p.Bytes(1)
	b.due, b.expires = p.Signed(), p.Signed()
	b.status, b.kind, b.owner = p.Text(), p.Text(), p.Text()
	if len(p.Rest()) > 0 {
		copy(b.customer[:], p.Bytes(16))
	}
	if p.Failed() {
		return brief{}, damaged(byCustomer)
	}
	b.escalated = flags[0] == 1
	return b, nil
}

// encode writes the earliest time, the stamp, and the data as stated.
func (h *holding) encode() []byte {
	b := make([]byte, 0, 96+len(h.said.Value.data))
	b = rowcodec.AppendStamp(rowcodec.AppendTime(b, h.first), h.said.Stamp)
	return append(b, h.said.Value.data...)
}

// decode reads what encode wrote into a holding that knows its kind.
func (h *holding) decode(v []byte) error {
	p := rowcodec.Parse(v)
	h.first = p.Time()
	s := p.Stamp()
	if p.Failed() {
		return damaged(holdings)
	}
	d, err := events.Decode(events.Stored{Envelope: events.Envelope{Type: h.kind.eventType(), Data: p.Rest()}})
	if err != nil || d.Payload == nil {
		return damaged(holdings)
	}
	h.said.Stamp, h.said.Value = s, statement{facts: factsOf(d.Payload), data: p.Rest()}
	return nil
}

func damaged(t projections.Table) error {
	return fmt.Errorf("decode row of %s: %w", t, events.ErrUnavailable)
}
