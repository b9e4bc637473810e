package golden

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events/record"
	"ficha/internal/contactpoint"
	"ficha/internal/document"
	"ficha/internal/phonetic"
	"ficha/internal/text"
	"ficha/projections"
)

// indexRow is a row by which a record is found.
type indexRow struct {
	table      projections.Table
	key, value []byte
}

func compareIndexRows(a, b indexRow) int {
	if c := strings.Compare(string(a.table), string(b.table)); c != 0 {
		return c
	}
	return bytes.Compare(a.key, b.key)
}

// indexOf gives all rows by which a record is to be found now.
func indexOf(m *member, s *record.State) []indexRow {
	out := make([]indexRow, 0, 24)
	for _, h := range s.Holdings(&m.values) {
		out = append(out, indexRow{contactPoints, pointKey(h.Point, m.ID), encodeHolding(h)})
	}
	for _, d := range m.values.Documents {
		if n, ok := document.Normalise(d.Kind, d.Number, d.Country); ok {
			out = append(out, indexRow{documents, documentKey(n, m.ID), []byte{byte(yes(m.Live))}})
		}
	}
	out = appendNameTokens(out, m)
	out = appendNumberEnds(out, m)
	out = append(out, indexRow{searchTokens, tokenKey('i', text.Fold(m.RecordKey.ID), m.ID), []byte{}})
	for i := range m.pins {
		if s := m.pins[i].speaker(m); s != nil {
			out = appendPinned(out, s)
		}
	}
	slices.SortFunc(out, compareIndexRows)
	return slices.CompactFunc(out, func(a, b indexRow) bool { return compareIndexRows(a, b) == 0 })
}

// appendPinned adds the rows by which a record is found by a value pinned on it.
// A point that the record states too keeps when it was held.
func appendPinned(out []indexRow, s *member) []indexRow {
	for _, p := range pinnedPoints(s) {
		key := pointKey(p, s.ID)
		flags := byte(flagPinned | yes(p.Readable)*flagReadable)
		i := slices.IndexFunc(out, func(r indexRow) bool { return r.table == contactPoints && bytes.Equal(r.key, key) })
		if i < 0 {
			out = append(out, indexRow{contactPoints, key, []byte{flags}})
			continue
		}
		out[i].value = slices.Clone(out[i].value)
		out[i].value[0] |= flags
	}
	for _, d := range s.values.Documents {
		if n, ok := document.Normalise(d.Kind, d.Number, d.Country); ok {
			key := documentKey(n, s.ID)
			out = slices.DeleteFunc(out, func(r indexRow) bool { return r.table == documents && bytes.Equal(r.key, key) })
			out = append(out, indexRow{documents, key, []byte{1}})
		}
	}
	return appendNumberEnds(appendNameTokens(out, s), s)
}

// pinnedPoints reads a pinned telephone as the golden record shows it.
func pinnedPoints(s *member) []contactpoint.Point {
	if len(s.values.Phones) == 0 {
		return record.Points(&s.values.CustomerRecorded)
	}
	if p, ok := record.PhonePoint(s.values.Phones[0], s.region); ok {
		return []contactpoint.Point{p}
	}
	return nil
}

func appendNameTokens(out []indexRow, m *member) []indexRow {
	for _, n := range m.values.Names {
		out = appendName(out, m.ID, FullName(n))
		if strings.TrimSpace(n.Full) != "" {
			out = appendName(out, m.ID, n.Full)
		}
	}
	if m.values.Organization != "" {
		out = appendName(out, m.ID, m.values.Organization)
	}
	return out
}

func appendName(out []indexRow, id uuid.UUID, name string) []indexRow {
	tokens := text.Tokens(name)
	whole := []byte(strings.Join(tokens, " "))
	for _, t := range tokens {
		out = append(out, indexRow{searchTokens, tokenKey('n', t, id), whole})
		if sound := phonetic.Spanish(t); sound != t {
			out = append(out, indexRow{searchTokens, tokenKey('s', sound, id), whole})
		}
	}
	return out
}

// minFragment is the shortest part of a phone number that is searched for.
const minFragment = 4

// appendNumberEnds indexes every second end of each number: a fragment that
// begins at one of the others is found by what follows its first digit.
func appendNumberEnds(out []indexRow, m *member) []indexRow {
	for _, p := range m.values.Phones {
		point, ok := record.PhonePoint(p, m.region)
		if !ok {
			continue
		}
		digits := strings.TrimPrefix(point.Value, "+")
		for i := 0; len(digits)-i >= minFragment-1; i += 2 {
			out = append(out, indexRow{searchTokens, tokenKey('d', digits[i:], m.ID), []byte(digits)})
		}
	}
	return out
}

// reindex writes what is new. What a record no longer has stays where it says
// when it was (contact points), is marked as old (documents), or stays findable
// (search tokens).
func reindex(w projections.Work, old, now []indexRow) {
	for _, r := range now {
		i, known := slices.BinarySearchFunc(old, r, compareIndexRows)
		if !known || !bytes.Equal(old[i].value, r.value) {
			w.Put(r.table, r.key, r.value)
		}
	}
	for _, r := range old {
		if _, still := slices.BinarySearchFunc(now, r, compareIndexRows); still {
			continue
		}
		switch r.table {
		case contactPoints: // another region reads the number otherwise
			w.Delete(r.table, r.key)
		case documents:
			w.Put(r.table, r.key, []byte{0})
		}
	}
}

// bucketOf is the part of a point that all its other forms share.
func bucketOf(p contactpoint.Point) string {
	if tail := p.Tail(); tail != "" {
		return tail
	}
	return p.Class()
}

func pointKey(p contactpoint.Point, id uuid.UUID) []byte {
	bucket, key := bucketOf(p), p.Key()
	b := make([]byte, 0, len(bucket)+len(key)+18)
	b = append(append(b, bucket...), 0)
	b = append(append(b, key...), 0)
	return append(b, id[:]...)
}

func documentKey(d document.Document, id uuid.UUID) []byte {
	b := append([]byte(d.NumberKey()), 0)
	b = append(append(b, d.Kind+"/"+d.Country...), 0)
	return append(b, id[:]...)
}

func tokenKey(space byte, token string, id uuid.UUID) []byte {
	b := append(make([]byte, 0, len(token)+18), space)
	return append(append(append(b, token...), 0), id[:]...)
}

const (
	flagReadable = 1 << iota // the point was completed to its normal form
	flagNow                  // the record is live and has it
	flagPinned               // a steward says that it is the customer's
)

// encodeHolding writes flags and spans; an end that has not come is the greatest number.
func encodeHolding(h record.Holding) []byte {
	b := make([]byte, 1, 1+16*len(h.Spans))
	if h.Point.Readable {
		b[0] |= flagReadable
	}
	if h.Now() {
		b[0] |= flagNow
	}
	for _, s := range h.Spans {
		b = appendNumber(appendNumber(b, uint64(s.From.UnixMicro())), uint64(endOf(s)))
	}
	return b
}

func endOf(s record.Span) int64 {
	if s.To.IsZero() {
		return math.MaxInt64
	}
	return s.To.UnixMicro()
}

// heldAt says whether an encoded holding covers a moment.
func heldAt(v []byte, t time.Time) bool {
	at := t.UnixMicro()
	for i := 1; i+16 <= len(v); i += 16 {
		if int64(numberAt(v, i)) <= at && at < int64(numberAt(v, i+8)) {
			return true
		}
	}
	return false
}
