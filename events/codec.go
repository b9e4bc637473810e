package events

import (
	"encoding/binary"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// codecJSON is the first byte of a stored event: counters as uvarints, then the
// envelope as JSON. Other bytes are for compression and encryption to come.
const codecJSON = 0x01

// Unsealed is an envelope as JSON that still lacks what only the appender knows:
// recorded time and door counters. Making one is the dear part of encoding and
// can be done by many at once; sealing it has to wait for one's turn.
type Unsealed []byte

// Unseal gives the envelope without its RecordedTime, ready to be sealed.
func Unseal(e Envelope) (Unsealed, error) {
	e.RecordedTime = time.Time{}
	j, err := jsonv2.Marshal(e, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return j, nil
}

// Seal gives the bytes that the log stores: codec byte, the six door counters as
// uvarints, the envelope as JSON with recordedtime as its first member.
func (u Unsealed) Seal(recorded time.Time, d Door) []byte {
	b := make([]byte, 1, len(u)+96)
	b[0] = codecJSON
	for _, n := range [...]uint64{d.Taken, d.Appended, d.Duplicate, d.Refused, d.Dead, d.InLane} {
		b = binary.AppendUvarint(b, n)
	}
	if recorded.IsZero() {
		return append(b, u...)
	}
	b = append(b, `{"recordedtime":"`...)
	b = recorded.AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"', ',')
	return append(b, u[1:]...) // an envelope is never the empty object
}

// Encode gives the bytes that the log stores for an event with its RecordedTime.
func Encode(e Envelope, d Door) ([]byte, error) {
	u, err := Unseal(e)
	if err != nil {
		return nil, err
	}
	return u.Seal(e.RecordedTime, d), nil
}

// DecodeStored reads what Encode wrote. It keeps b.
func DecodeStored(p Position, b []byte) (Stored, error) {
	s := Stored{Position: p, Bytes: b}
	if len(b) == 0 || b[0] != codecJSON {
		return s, fmt.Errorf("decode stored event at %d: unknown codec: %w", p, ErrDamaged)
	}
	rest := b[1:]
	for _, n := range [...]*uint64{&s.Door.Taken, &s.Door.Appended, &s.Door.Duplicate, &s.Door.Refused, &s.Door.Dead, &s.Door.InLane} {
		v, k := binary.Uvarint(rest)
		if k <= 0 {
			return s, fmt.Errorf("decode stored event at %d: short counters: %w", p, ErrDamaged)
		}
		*n, rest = v, rest[k:]
	}
	// The gateway saw to names and letters before the event was taken; what the
	// log holds must be readable for ever, whatever it let through.
	if err := jsonv2.Unmarshal(rest, &s.Envelope, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return s, fmt.Errorf("decode stored event at %d: %w", p, ErrDamaged)
	}
	return s, nil
}
