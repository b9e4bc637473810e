package golden

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

const (
	sourceRecords    projections.Table = "source_records"
	recordVersions   projections.Table = "record_versions"
	memberships      projections.Table = "memberships"
	goldenRecords    projections.Table = "golden_records"
	identityLinks    projections.Table = "identity_links"
	potentialMatches projections.Table = "potential_matches"
	formerCompanions projections.Table = "former_companions"
	sourceMerges     projections.Table = "source_merges"
	contactPoints    projections.Table = "contact_points"
	documents        projections.Table = "documents"
	searchTokens     projections.Table = "search_tokens"
	recordedTimes    projections.Table = "recorded_times"
	goldenCounts     projections.Table = "golden_counts"
	pins             projections.Table = "pins"
)

func tables() []projections.Table {
	return []projections.Table{sourceRecords, recordVersions, memberships, goldenRecords, identityLinks, potentialMatches,
		formerCompanions, sourceMerges, contactPoints, documents, searchTokens, recordedTimes, goldenCounts, pins}
}

// forever is the end of a membership that has not ended.
const forever events.Position = math.MaxUint64

// rows reads rows of one moment: a fold's Work, or a reading.
type rows interface {
	Get(t projections.Table, key []byte) ([]byte, bool)
	Scan(t projections.Table, r projections.Range, yield func(projections.Row) bool)
}

// reading makes rows out of a Reader for the length of one call. After the first
// error it finds nothing any more; the caller asks for it at the end.
type reading struct {
	ctx context.Context
	r   projections.Reader
	err error
}

func (r *reading) Get(t projections.Table, key []byte) ([]byte, bool) {
	if r.err != nil {
		return nil, false
	}
	v, ok, err := r.r.Get(r.ctx, t, key)
	if err != nil {
		r.err = fmt.Errorf("read %s: %w", t, err)
		return nil, false
	}
	return v, ok
}

func (r *reading) Scan(t projections.Table, rg projections.Range, yield func(projections.Row) bool) {
	if r.err != nil {
		return
	}
	for row, err := range r.r.Scan(r.ctx, t, rg) {
		if err != nil {
			r.err = fmt.Errorf("scan %s: %w", t, err)
			return
		}
		if !yield(row) {
			return
		}
	}
}

// fail keeps the first error.
func (r *reading) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// damaged is the error for a row that does not read as the fold wrote it.
func damaged(t projections.Table) error {
	return fmt.Errorf("decode row of %s: %w", t, events.ErrUnavailable)
}

func appendNumber[N ~uint64](b []byte, n N) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

func numberAt(b []byte, i int) uint64 { return binary.BigEndian.Uint64(b[i:]) }

func uuidAt(b []byte, i int) uuid.UUID { return uuid.UUID(b[i : i+16]) }

// uuidAtEnd reads the uuid that a key ends with.
func uuidAtEnd(key []byte) uuid.UUID { return uuidAt(key, len(key)-16) }

func pairKey(a, b uuid.UUID) []byte { return append(append(make([]byte, 0, 32), a[:]...), b[:]...) }

func versionKey(id uuid.UUID, p events.Position) []byte {
	return appendNumber(append(make([]byte, 0, 24), id[:]...), p)
}

// memberKey is the key of a record's membership that ends at to.
func memberKey(id uuid.UUID, to events.Position) []byte {
	return appendNumber(append(append(make([]byte, 0, 25), 'r'), id[:]...), to)
}

// groupPrefix begins the keys of a customer's memberships that end at to.
func groupPrefix(customer uuid.UUID, to events.Position) []byte {
	return appendNumber(append(append(make([]byte, 0, 41), 'g'), customer[:]...), to)
}

func groupKey(customer uuid.UUID, to events.Position, id uuid.UUID) []byte {
	return append(groupPrefix(customer, to), id[:]...)
}
