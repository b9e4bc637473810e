package changes

import (
	"bytes"
	"cmp"
	"encoding/base32"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

// says is what a statement says, and by which way it came to bind.
type says byte

const (
	deny        says = 1
	allow       says = 2
	restriction says = 3
	linked      says = 16 // stated on a record that this one was grouped with
	onPoint     says = 32 // stated on a contact point
	choiceOf    says = 15
)

// folio is a statement's folio in bytes.
type folio [10]byte

func newFolioCoding() *base32.Encoding {
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
}

// folioOf gives the folio of the statement that an event made.
func folioOf(source, id string) folio {
	f, _ := parseFolio(events.StatementID(source, id)) // what StatementID writes can be read
	return f
}

// parseFolio reads a folio as people type it.
func parseFolio(s string) (folio, bool) {
	s = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(s)))
	b, err := newFolioCoding().DecodeString(s)
	if err != nil || len(b) != len(folio{}) {
		return folio{}, false
	}
	return folio(b), true
}

func (f folio) String() string { return newFolioCoding().EncodeToString(f[:]) }

// entry is a statement in a list of those that bind something.
type entry struct {
	folio folio
	says  says
	hash  uint64 // of a point: see doc.go
}

func compareEntries(a, b entry) int {
	return cmp.Or(bytes.Compare(a.folio[:], b.folio[:]), cmp.Compare(a.says, b.says), cmp.Compare(a.hash, b.hash))
}

// maxListed is how many statements are listed for one record or contact point.
// Of more, the change feed says at every chance that it may be about them.
const maxListed = 1000

// list is a sorted list of entries; more says that it holds not all.
type list struct {
	entries []entry
	more    bool
}

// add gives whether the entry is new.
func (l *list) add(e entry) bool {
	i, found := slices.BinarySearchFunc(l.entries, e, compareEntries)
	if found {
		return false
	}
	if len(l.entries) >= maxListed {
		l.more = true
		return true
	}
	l.entries = slices.Insert(l.entries, i, e)
	return true
}

// remove takes out the entries of a statement that fit and gives whether there were any.
func (l *list) remove(f folio, fits func(says) bool) bool {
	before := len(l.entries)
	l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return e.folio == f && fits(e.says) })
	return len(l.entries) != before
}

func (l *list) append(b []byte, hashes bool) []byte {
	for _, e := range l.entries {
		b = append(append(b, e.folio[:]...), byte(e.says))
		if hashes {
			b = binary.BigEndian.AppendUint64(b, e.hash)
		}
	}
	return b
}

// read takes the entries that fill the rest of a row.
func (l *list) read(r *reader, hashes bool) {
	size := len(folio{}) + 1
	if hashes {
		size += 8
	}
	if len(r.b)%size != 0 {
		r.short = true
		return
	}
	if len(r.b) > 0 {
		l.entries = make([]entry, 0, len(r.b)/size)
	}
	for len(r.b) > 0 {
		e := entry{folio: folio(r.take(10)), says: says(r.byte())}
		if hashes {
			e.hash = binary.BigEndian.Uint64(r.take(8))
		}
		l.entries = append(l.entries, e)
	}
}

// flag is the first byte of rows whose list may hold not all.
func (l *list) flag() byte {
	if l.more {
		return 1
	}
	return 0
}

// place is where statements about a contact point are listed.
type place struct {
	bucket string
	class  uint64 // hash of it; zero for a number that cannot be read
}

// placeOf gives the row of a point, and what tells it from the others in there.
func placeOf(p contactpoint.Point) place {
	class := p.Class()
	at := place{bucket: class}
	if tail := p.Tail(); tail != "" {
		at.bucket = tail
	}
	if p.Kind != contactpoint.KindPhone || p.Readable {
		at.class = hashOf(class)
	}
	return at
}

// hashOf is never zero.
func hashOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return max(1, h.Sum64())
}

// meets says whether an entry of the same bucket may be about the point at p: the
// hashes are equal, or one of the two numbers cannot be read.
func (p place) meets(e entry) bool { return e.hash == p.class || e.hash == 0 || p.class == 0 }

// readPostings reads a row of change_points.
func readPostings(w projections.Work, bucket string) (l list, err error) {
	v, ok := w.Get(pointsTable, []byte(bucket))
	if !ok {
		return l, nil
	}
	r := &reader{b: v}
	l.more = r.byte() == 1
	l.read(r, true)
	if r.short {
		return l, damaged(pointsTable)
	}
	return l, nil
}

func writePostings(w projections.Work, bucket string, l *list) {
	if len(l.entries) == 0 && !l.more {
		w.Delete(pointsTable, []byte(bucket))
		return
	}
	w.Put(pointsTable, []byte(bucket), l.append([]byte{l.flag()}, true))
}

// recordRow is a row of change_records.
type recordRow struct {
	lost   bool        // it lost a merge itself
	losers []uuid.UUID // records never seen that lost a merge to this one at their source
	list   list        // what was stated on it, and bound it while it was grouped
	dirty  bool
}

func readRecordRow(w projections.Work, id uuid.UUID) (*recordRow, error) {
	row := &recordRow{}
	v, ok := w.Get(recordsTable, id[:])
	if !ok {
		return row, nil
	}
	r := &reader{b: v}
	flags := r.byte()
	row.list.more, row.lost = flags&1 != 0, flags&2 != 0
	row.losers = r.uuids(r.count())
	row.list.read(r, false)
	if r.short {
		return nil, damaged(recordsTable)
	}
	return row, nil
}

func (row *recordRow) write(w projections.Work, id uuid.UUID) {
	flags := row.list.flag()
	if row.lost {
		flags |= 2
	}
	if flags == 0 && len(row.losers) == 0 && len(row.list.entries) == 0 {
		w.Delete(recordsTable, id[:])
		return
	}
	b := appendUUIDs([]byte{flags}, row.losers)
	w.Put(recordsTable, id[:], row.list.append(b, false))
}

// customerRow is a row of change_customers.
type customerRow struct {
	prints fingerprint
	bound  list
}

func readCustomerRow(w projections.Work, id uuid.UUID) (row customerRow, err error) {
	v, ok := w.Get(customersTable, id[:])
	if !ok {
		return row, nil
	}
	r := &reader{b: v}
	row.prints.read(r)
	row.bound.read(r, true)
	if r.short {
		return row, damaged(customersTable)
	}
	return row, nil
}

func (row *customerRow) write(w projections.Work, id uuid.UUID) {
	b := make([]byte, 0, 1+5*len(row.prints)+19*len(row.bound.entries))
	w.Put(customersTable, id[:], row.bound.append(row.prints.append(b), true))
}

// statement is a row of change_statements: what is needed to take it back, and
// who carried it away from a parting.
type statement struct {
	here      bool // it was stated; else only withdrawals of it came so far
	withdrawn bool
	says      says
	mayEnd    []uint64 // hashes of the sources that may withdraw it; of one that is not here, of those that tried
	records   []uuid.UUID
	carriers  []uuid.UUID // records that it was handed to
	points    []contactpoint.Point
}

func readStatement(w projections.Work, f folio) (s statement, err error) {
	v, ok := w.Get(statementsTable, f[:])
	if !ok {
		return s, nil
	}
	r := &reader{b: v}
	flags := r.byte()
	s.here, s.withdrawn, s.says = flags&1 != 0, flags&2 != 0, says(r.byte())
	for range r.count() {
		s.mayEnd = append(s.mayEnd, binary.BigEndian.Uint64(r.take(8)))
		if r.short {
			break
		}
	}
	s.records = r.uuids(r.count())
	s.carriers = r.uuids(r.count())
	for len(r.b) > 0 && !r.short {
		p := contactpoint.Point{Kind: kindAt(r.byte()), Readable: r.byte() == 1}
		p.Value = string(r.take(r.count()))
		s.points = append(s.points, p)
	}
	if r.short {
		return s, damaged(statementsTable)
	}
	return s, nil
}

func (s *statement) write(w projections.Work, f folio) {
	b := []byte{0, byte(s.says)}
	if s.here {
		b[0] |= 1
	}
	if s.withdrawn {
		b[0] |= 2
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.mayEnd)))
	for _, h := range s.mayEnd {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	b = appendUUIDs(appendUUIDs(b, s.records), s.carriers)
	for _, p := range s.points {
		b = append(b, numberOf(p.Kind), 0)
		if p.Readable {
			b[len(b)-1] = 1
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.Value))), p.Value...)
	}
	w.Put(statementsTable, f[:], b)
}

// pointKinds are numbered by their place, for ever.
var pointKinds = [...]contactpoint.Kind{contactpoint.KindPhone, contactpoint.KindEmail, contactpoint.KindHandle, contactpoint.KindAddress}

func numberOf(k contactpoint.Kind) byte { return byte(slices.Index(pointKinds[:], k)) }

func kindAt(i byte) contactpoint.Kind {
	if int(i) < len(pointKinds) {
		return pointKinds[i]
	}
	return ""
}
