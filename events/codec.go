package events

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// codecJSON is the first byte of a stored event: counters as uvarints, then the
// envelope as JSON. Other bytes are for compression and encryption to come.
const codecJSON = 0x01

// Encode gives the bytes that the log stores: codec byte, the six door counters
// as uvarints, the envelope as JSON.
func Encode(e Envelope, d Door) ([]byte, error) {
	b := make([]byte, 1, 64+len(e.Data)+256)
	b[0] = codecJSON
	for _, n := range [...]uint64{d.Taken, d.Appended, d.Duplicate, d.Refused, d.Dead, d.InLane} {
		b = binary.AppendUvarint(b, n)
	}
	j, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return append(b, j...), nil
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
	if err := json.Unmarshal(rest, &s.Envelope); err != nil {
		return s, fmt.Errorf("decode stored event at %d: %w", p, ErrDamaged)
	}
	return s, nil
}
