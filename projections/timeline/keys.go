package timeline

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/internal/contactpoint"
	"ficha/projections"
)

const (
	interactions projections.Table = "interactions"
	timeline     projections.Table = "timeline"
)

// placeSize is the length of a place: time and interaction.
const placeSize = 8 + 16

// place is where an interaction stands among the others of an owner: bytes that
// sort from newest to oldest, then by uuid. Cursors are made of it.
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

func (p place) interaction() uuid.UUID { return uuid.UUID(p[8:]) }

// recordOwner begins the keys of what belongs to a customer record.
func recordOwner(id uuid.UUID) string { return "r" + string(id[:]) }

// pointOwner begins the keys of what belongs to a contact point or to one that
// might be the same.
func pointOwner(p contactpoint.Point) string {
	bucket := p.Tail()
	if bucket == "" {
		bucket = p.Class()
	}
	return "p" + bucket + "\x00"
}

// pointEnd ends the keys of what belongs to a contact point.
func pointEnd(p contactpoint.Point) string {
	if p.Readable {
		return "1" + p.Key()
	}
	return "0" + p.Key()
}

// pointAt reads what pointEnd wrote.
func pointAt(end string) contactpoint.Point {
	if end == "" {
		return contactpoint.Point{}
	}
	kind, value, _ := strings.Cut(end[1:], ":")
	return contactpoint.Point{Kind: contactpoint.Kind(kind), Value: value, Readable: end[0] == '1'}
}

func rowKey(owner string, p place, end string) []byte {
	b := make([]byte, 0, len(owner)+placeSize+len(end))
	return append(append(append(b, owner...), p[:]...), end...)
}

// splitKey takes apart a key of the given owner.
func splitKey(owner string, key []byte) (p place, end string) {
	copy(p[:], key[len(owner):])
	return p, string(key[len(owner)+placeSize:])
}
