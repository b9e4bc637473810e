package golden

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/projections"
)

// Fold is the golden projection. It has no state of its own.
type Fold struct{}

var _ projections.Fold = Fold{}

// New gives the fold.
func New() Fold { return Fold{} }

// Name is "golden".
func (Fold) Name() string { return "golden" }

// Version is that of the rows described in the package comment.
func (Fold) Version() int { return 2 }

// Tables lists the tables of the package comment.
func (Fold) Tables() []projections.Table { return tables() }

// Apply folds statements about customers, decisions about who is who, and pins; it
// skips everything else. It refuses what record.Read refuses, decisions that are
// not closed or name records that were never seen, and pins whose value is none of
// their attribute (events.ErrInvalid).
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	switch e.Type {
	case events.CustomerRecordedV1, events.CustomerWithdrawnV1:
		return applyStatement(w, e.Stored)
	case events.CustomerMergedAtSourceV1:
		return applySourceMerge(w, e)
	case events.IdentityResolvedV1:
		return applyDecision(w, e)
	case events.ValuePinnedV1, events.ValueUnpinnedV1:
		return applyPin(w, e)
	}
	return nil
}

// sourceRecord is a row of source_records.
type sourceRecord struct {
	firstSeen, last events.Position
	live            bool
	pinned          bool // there are rows in pins
	state           record.State
}

const (
	sourceHeader = 8 + 8 + 1
	sourceLive   = 1
	sourcePinned = 2
)

func encodeSource(s *sourceRecord) ([]byte, error) {
	b := append(appendNumber(appendNumber(make([]byte, 0, 1024), s.firstSeen), s.last), byte(yes(s.live)*sourceLive|yes(s.pinned)*sourcePinned))
	buf := bytes.NewBuffer(b)
	if err := json.MarshalWrite(buf, &s.state); err != nil {
		return nil, fmt.Errorf("encode source record: %w", err)
	}
	return buf.Bytes(), nil
}

func decodeSource(v []byte) (*sourceRecord, error) {
	if len(v) < sourceHeader {
		return nil, damaged(sourceRecords)
	}
	s := &sourceRecord{firstSeen: events.Position(numberAt(v, 0)), last: events.Position(numberAt(v, 8)), live: v[16]&sourceLive != 0, pinned: v[16]&sourcePinned != 0}
	if err := json.Unmarshal(v[sourceHeader:], &s.state); err != nil {
		return nil, damaged(sourceRecords)
	}
	return s, nil
}

func applyStatement(w projections.Work, e events.Stored) error {
	st, err := record.Read(e.Envelope)
	if err != nil {
		return err
	}
	id := st.Key().UUID()
	src, old, err := loadForChange(w, id)
	if err != nil {
		return err
	}
	fresh := src == nil
	if fresh {
		src = &sourceRecord{firstSeen: e.Position}
	}
	if _, err := src.state.Take(st); err != nil {
		return err
	}
	wasLive := src.live
	src.last, src.live = e.Position, src.state.Live()
	n := readCounts(w)
	if fresh && n.Pins > 0 {
		src.pinned = hasPins(w, id)
	}
	m, err := memberOf(w, id, src)
	if err != nil {
		return err
	}
	if err := writeSource(w, id, src); err != nil {
		return err
	}
	if err := writeVersion(w, id, e); err != nil {
		return err
	}
	noteTime(w, e)
	reindex(w, old, indexOf(m, &src.state))
	n.countRecord(fresh, wasLive, src.live)
	if fresh { // nobody has put it into a customer yet
		err = saveOver(w, goldenRow{}, build([]*member{m}), e.Position, &n)
	} else {
		err = rebuildAround(w, m, e.Position, &n)
	}
	if err != nil {
		return err
	}
	writeCounts(w, n)
	return nil
}

// loadForChange gives the row of a record with its index rows as they are; nil
// for one that was never seen.
func loadForChange(w rows, id uuid.UUID) (*sourceRecord, []indexRow, error) {
	v, ok := w.Get(sourceRecords, id[:])
	if !ok {
		return nil, nil, nil
	}
	src, err := decodeSource(v)
	if err != nil {
		return nil, nil, err
	}
	m, err := memberOf(w, id, src)
	if err != nil {
		return nil, nil, err
	}
	return src, indexOf(m, &src.state), nil
}

func writeSource(w projections.Work, id uuid.UUID, src *sourceRecord) error {
	row, err := encodeSource(src)
	if err != nil {
		return err
	}
	w.Put(sourceRecords, id[:], row)
	return nil
}

// noteTime keeps which positions were there at which time, to the millisecond.
func noteTime(w projections.Work, e events.Stored) {
	w.Put(recordedTimes, appendNumber(make([]byte, 0, 8), uint64(e.RecordedTime.UnixMilli())), appendNumber(make([]byte, 0, 8), e.Position))
}

// rebuildAround makes the golden record of m's customer anew; m has just changed.
func rebuildAround(w projections.Work, m *member, at events.Position, n *Counts) error {
	ms := []*member{m}
	in := membershipOf(w, m.ID)
	if !in.written {
		return saveCustomer(w, build(ms), at, n)
	}
	for _, id := range membersOf(w, in.customer) {
		if id == m.ID {
			continue
		}
		other, err := loadMember(w, id)
		if err != nil {
			return err
		}
		ms = append(ms, other)
	}
	return saveCustomer(w, build(ms), at, n)
}

func loadMember(r rows, id uuid.UUID) (*member, error) {
	v, ok := r.Get(sourceRecords, id[:])
	if !ok {
		return nil, damaged(memberships) // a membership of a record that is not there
	}
	return decodeMember(r, id, v)
}

func decodeMember(r rows, id uuid.UUID, row []byte) (*member, error) {
	src, err := decodeSource(row)
	if err != nil {
		return nil, err
	}
	return memberOf(r, id, src)
}

// memberOf gives a record with its values read, and its pins.
func memberOf(r rows, id uuid.UUID, src *sourceRecord) (*member, error) {
	m := newMember(id, src.firstSeen, &src.state)
	if !src.pinned {
		return m, nil
	}
	var err error
	m.pins, err = pinsOf(r, id, forever, time.Time{})
	return m, err
}

// goldenRow is a row of golden_records; without a document it is where a customer
// was that is part of another one now, and keeps its version.
type goldenRow struct {
	version  uint64
	position events.Position
	live     bool
	document []byte
}

const goldenHeader = 8 + 8 + 1

func readGolden(r rows, id uuid.UUID) (goldenRow, bool) {
	v, ok := r.Get(goldenRecords, id[:])
	if !ok || len(v) < goldenHeader {
		return goldenRow{}, false
	}
	return parseGolden(v), true
}

func parseGolden(v []byte) goldenRow {
	return goldenRow{version: numberAt(v, 0), position: events.Position(numberAt(v, 8)), live: v[16] == 1, document: v[goldenHeader:]}
}

func writeGolden(w projections.Work, id uuid.UUID, g goldenRow) {
	b := appendNumber(appendNumber(make([]byte, 0, goldenHeader+len(g.document)), g.version), g.position)
	w.Put(goldenRecords, id[:], append(append(b, byte(yes(g.live))), g.document...))
}

// saveCustomer writes a golden record if it is another one than before.
func saveCustomer(w projections.Work, c Customer, at events.Position, n *Counts) error {
	old, _ := readGolden(w, c.ID)
	return saveOver(w, old, c, at, n)
}

// saveOver is saveCustomer for whoever knows what was there before.
func saveOver(w projections.Work, old goldenRow, c Customer, at events.Position, n *Counts) error {
	doc, err := json.Marshal(&c, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode golden record: %w", err)
	}
	if bytes.Equal(doc, old.document) {
		return nil
	}
	if len(old.document) == 0 {
		n.Customers++
	}
	n.LiveCustomers += uint64(yes(c.Live)) - uint64(yes(old.live))
	writeGolden(w, c.ID, goldenRow{version: old.version + 1, position: at, live: c.Live, document: doc})
	return nil
}

// dropCustomer leaves only the version of a customer that is part of another now.
func dropCustomer(w projections.Work, id uuid.UUID, at events.Position, n *Counts) {
	old, ok := readGolden(w, id)
	if !ok || len(old.document) == 0 {
		return
	}
	n.Customers--
	n.LiveCustomers -= uint64(yes(old.live))
	writeGolden(w, id, goldenRow{version: old.version + 1, position: at})
}

// applySourceMerge keeps which record of the source took which one's place.
func applySourceMerge(w projections.Work, e events.Decoded) error {
	p, ok := e.Payload.(*events.CustomerMergedAtSource)
	if !ok || p.Survivor.IsZero() {
		return fmt.Errorf("read %s: no survivor: %w", e.Type, events.ErrInvalid)
	}
	noteTime(w, e.Stored)
	for _, loser := range p.Losers {
		id := loser.UUID()
		var l record.Latest[events.RecordKey]
		if v, ok := w.Get(sourceMerges, id[:]); ok {
			if err := json.Unmarshal(v, &l); err != nil {
				return damaged(sourceMerges)
			}
		}
		if !l.Take(events.StampOf(e.Envelope, nil), p.Survivor.Normal()) {
			continue
		}
		row, err := json.Marshal(&l)
		if err != nil {
			return fmt.Errorf("encode source merge: %w", err)
		}
		w.Put(sourceMerges, id[:], row)
	}
	return nil
}

func sortIDs(ids []uuid.UUID) {
	slices.SortFunc(ids, compareIDs)
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }
