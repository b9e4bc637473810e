package contact

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
)

// rowVersion is the first byte of every value. Another shape is another fold version.
const rowVersion = 1

// writer builds a value: numbers as uvarints, strings with their length before
// them, times as a zigzag count of seconds and the nanoseconds.
type writer struct{ b []byte }

func newWriter(size int) *writer { return &writer{b: append(make([]byte, 0, size), rowVersion)} }

func (w *writer) byte(b byte)     { w.b = append(w.b, b) }
func (w *writer) number(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

func (w *writer) string(s string) {
	w.number(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) strings(l []string) {
	w.number(uint64(len(l)))
	for _, s := range l {
		w.string(s)
	}
}

func (w *writer) time(t time.Time) {
	if t.IsZero() {
		w.byte(0)
		return
	}
	w.byte(1)
	w.b = binary.AppendVarint(w.b, t.Unix())
	w.number(uint64(t.Nanosecond()))
}

func (w *writer) stamp(s events.Stamp) {
	w.time(s.Time)
	if s.Revision == nil {
		w.byte(0)
	} else {
		w.byte(1)
		w.b = binary.AppendVarint(w.b, *s.Revision)
	}
	w.string(s.Source)
	w.string(s.Event)
}

// reader takes a value apart. Strings are parts of one copy of the row. After the
// first fault everything reads as empty and bad is set.
type reader struct {
	s   string
	bad bool
}

func newReader(row []byte) *reader {
	r := &reader{s: string(row)}
	if r.byte() != rowVersion {
		r.bad = true
	}
	return r
}

func (r *reader) byte() byte {
	if len(r.s) == 0 {
		r.bad = true
		return 0
	}
	b := r.s[0]
	r.s = r.s[1:]
	return b
}

func (r *reader) number() uint64 {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.bad = true
	return 0
}

func (r *reader) signed() int64 {
	n := r.number()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *reader) string() string {
	n := r.number()
	if n > uint64(len(r.s)) {
		r.bad, r.s = true, ""
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

// count reads how many parts follow; each takes at least one byte.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.s)) {
		r.bad, r.s = true, ""
		return 0
	}
	return int(n)
}

func (r *reader) strings() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	l := make([]string, n)
	for i := range l {
		l[i] = r.string()
	}
	return l
}

func (r *reader) time() time.Time {
	if r.byte() == 0 {
		return time.Time{}
	}
	sec := r.signed()
	return time.Unix(sec, int64(r.number())).UTC()
}

func (r *reader) stamp() events.Stamp {
	s := events.Stamp{Time: r.time()}
	if r.byte() == 1 {
		rev := r.signed()
		s.Revision = &rev
	}
	s.Source, s.Event = r.string(), r.string()
	return s
}

// end gives an error unless everything was read, exactly.
func (r *reader) end(what string) error {
	if r.bad || r.s != "" {
		return fmt.Errorf("decode %s row: %w", what, events.ErrUnavailable)
	}
	return nil
}

const (
	flagAllow       = 1 << 0
	flagUnconfirmed = 1 << 1
)

func encodeStatement(s *Statement) []byte {
	w := newWriter(256 + len(s.TextShown) + len(s.Evidence))
	flags := byte(0)
	if s.Choice == events.Allow {
		flags |= flagAllow
	}
	if s.Unconfirmed {
		flags |= flagUnconfirmed
	}
	w.byte(flags)
	w.number(uint64(s.Position))
	w.time(s.Recorded)
	w.time(s.StatedAt)
	w.time(s.EffectiveFrom)
	w.time(s.Until)
	for _, dim := range [...][]string{s.Scope.Channels, s.Scope.Purposes, s.Scope.Products, s.Scope.Brands, s.Scope.Topics} {
		w.strings(dim)
	}
	w.number(uint64(len(s.Records)))
	for _, r := range s.Records {
		w.b = append(w.b, r.ID[:]...)
		w.string(r.Key.Source)
		w.string(r.Key.Stream)
		w.string(r.Key.ID)
	}
	w.number(uint64(len(s.Points)))
	for _, p := range s.Points {
		w.string(string(p.Kind))
		w.byte(boolByte(p.Readable))
		w.string(p.Value)
	}
	for _, f := range [...]string{s.Event.Source, s.Event.ID, s.Via.Channel, s.Via.System, s.Via.Agent, s.TextShown,
		s.Evidence, s.LegalBasis, s.Reason, s.Of.Source, s.Of.ID, s.Problem} {
		w.string(f)
	}
	return w.b
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func decodeStatement(folio string, row []byte) (*Statement, error) {
	r := newReader(row)
	s := &Statement{Folio: folio, Choice: events.Deny}
	flags := r.byte()
	if flags&flagAllow != 0 {
		s.Choice = events.Allow
	}
	s.Unconfirmed = flags&flagUnconfirmed != 0
	s.Position = events.Position(r.number())
	s.Recorded, s.StatedAt, s.EffectiveFrom, s.Until = r.time(), r.time(), r.time(), r.time()
	for _, dim := range [...]*[]string{&s.Scope.Channels, &s.Scope.Purposes, &s.Scope.Products, &s.Scope.Brands, &s.Scope.Topics} {
		*dim = r.strings()
	}
	s.Records = r.subjects()
	s.Points = r.points()
	for _, f := range [...]*string{&s.Event.Source, &s.Event.ID, &s.Via.Channel, &s.Via.System, &s.Via.Agent, &s.TextShown,
		&s.Evidence, &s.LegalBasis, &s.Reason, &s.Of.Source, &s.Of.ID, &s.Problem} {
		*f = r.string()
	}
	if err := r.end("statement"); err != nil {
		return nil, err
	}
	s.index()
	return s, nil
}

func (r *reader) subjects() []Subject {
	n := r.count()
	if n == 0 {
		return nil
	}
	l := make([]Subject, n)
	for i := range l {
		if len(r.s) < 16 {
			r.bad = true
			return nil
		}
		l[i].ID = uuid.UUID([]byte(r.s[:16]))
		r.s = r.s[16:]
		l[i].Key = events.RecordKey{Source: r.string(), Stream: r.string(), ID: r.string()}
	}
	return l
}

func (r *reader) points() []contactpoint.Point {
	n := r.count()
	if n == 0 {
		return nil
	}
	l := make([]contactpoint.Point, n)
	for i := range l {
		l[i] = contactpoint.Point{Kind: contactpoint.Kind(r.string()), Readable: r.byte() == 1, Value: r.string()}
	}
	return l
}

// Restriction is one customer.restricted as it is kept.
type Restriction struct {
	Record   uuid.UUID
	Kind     string // blocked, end_of_purpose, legal_hold, deceased
	Stamp    events.Stamp
	Recorded time.Time
	Position events.Position
	From     time.Time // zero: from the stamp's time
	Until    time.Time // zero: no end
}

func encodeRestrictions(l []Restriction) []byte {
	w := newWriter(64 * len(l))
	w.number(uint64(len(l)))
	for _, x := range l {
		w.string(x.Kind)
		w.stamp(x.Stamp)
		w.time(x.Recorded)
		w.number(uint64(x.Position))
		w.time(x.From)
		w.time(x.Until)
	}
	return w.b
}

func decodeRestrictions(record uuid.UUID, row []byte) ([]Restriction, error) {
	r := newReader(row)
	l := make([]Restriction, r.count())
	for i := range l {
		l[i] = Restriction{Record: record, Kind: r.string(), Stamp: r.stamp(), Recorded: r.time(),
			Position: events.Position(r.number()), From: r.time(), Until: r.time()}
	}
	return l, r.end("restriction")
}

// sortRestrictions orders by stamp, so that rows do not depend on arrival.
func sortRestrictions(l []Restriction) {
	slices.SortFunc(l, func(a, b Restriction) int { return a.Stamp.Compare(b.Stamp) })
}
