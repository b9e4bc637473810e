package pebblestore

import (
	"encoding/binary"

	"ficha/events"
	"ficha/projections"
)

// The first byte of every key says what it holds; see the package comment.
const (
	rowKind      = 'r'
	positionKind = 'p'
	idKind       = 'i'
	idStateKind  = 'j'
	metaKind     = 'm'
	resolverKind = 's'
	cursorKind   = 't'
)

// spacePrefix begins the keys of all rows of a space.
func spacePrefix(kind byte, space string) []byte {
	b := make([]byte, 0, 1+len(space)+64)
	b = append(b, kind)
	b = append(b, space...)
	return append(b, 0)
}

// tablePrefix begins the keys of all rows of a table.
func tablePrefix(space string, t projections.Table) []byte {
	b := append(spacePrefix(rowKind, space), t...)
	return append(b, 0)
}

func positionKey(space, runner string) []byte {
	return append(spacePrefix(positionKind, space), runner...)
}

// bounds gives the first key of a range of a table, and the first one after it.
func bounds(prefix []byte, r projections.Range) (from, to []byte) {
	from = append(prefix[:len(prefix):len(prefix)], r.From...)
	if r.To == nil {
		return from, projections.PrefixEnd(prefix)
	}
	return from, append(prefix[:len(prefix):len(prefix)], r.To...)
}

func encodePosition(p events.Position) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(p))
}
