package golden

import (
	"context"

	"ficha/events"
	"ficha/projections"
)

// Counts says how much there is. Its row holds the numbers in this order.
type Counts struct {
	Records       uint64 `json:"source_records"`      // ever seen
	LiveRecords   uint64 `json:"live_source_records"` // of them not withdrawn
	Customers     uint64 `json:"golden_records"`      // tombstones included
	LiveCustomers uint64 `json:"live_golden_records"` // without tombstones
	Potential     uint64 `json:"potential_matches"`   // pairs that wait for a verdict
	Resolved      uint64 `json:"resolved_position"`   // last event that a decision took into account
	Pins          uint64 `json:"pins"`                // values pinned and unpinned, ever
}

func (n *Counts) fields() [7]*uint64 {
	return [...]*uint64{&n.Records, &n.LiveRecords, &n.Customers, &n.LiveCustomers, &n.Potential, &n.Resolved, &n.Pins}
}

func countsKey() []byte { return []byte("all") }

// ReadCounts reads them, from one row.
func ReadCounts(ctx context.Context, r projections.Reader) (Counts, error) {
	in := &reading{ctx: ctx, r: r}
	n := readCounts(in)
	return n, in.err
}

func readCounts(r rows) Counts {
	var n Counts
	v, ok := r.Get(goldenCounts, countsKey())
	for i, field := range n.fields() {
		if ok && len(v) >= 8*(i+1) {
			*field = numberAt(v, 8*i)
		}
	}
	return n
}

func writeCounts(w projections.Work, n Counts) {
	var b []byte
	for _, field := range n.fields() {
		b = appendNumber(b, *field)
	}
	w.Put(goldenCounts, countsKey(), b)
}

// countRecord counts a record that was just stated or withdrawn.
func (n *Counts) countRecord(fresh, wasLive, live bool) {
	n.Records += uint64(yes(fresh))
	n.LiveRecords += uint64(yes(live)) - uint64(yes(wasLive)) // wraps and back
}

// resolved notes how far decisions have looked.
func (n *Counts) resolved(cause events.Position) { n.Resolved = max(n.Resolved, uint64(cause)) }
