package runner

import (
	"context"
	"hash/maphash"
	"iter"
	"math/bits"
	"sync/atomic"

	"ficha/projections"
)

// written knows which keys of tables that were empty in the beginning may have
// been written since, by filters in memory (B. Bloom 1970; in blocks of a cache
// line, F. Putze et al. 2007). Folds ask for a row of most things that they hear
// of for the first time, and a store looks long for what it does not have.
//
// One goroutine asks while another adds.
type written struct {
	seed   maphash.Seed
	tables map[projections.Table]*writtenTable // the map itself never changes
}

// writtenTable is what is known of one table.
type writtenTable struct {
	asked   atomic.Bool
	off     atomic.Bool              // no more is known of it: its rows are looked for
	filters atomic.Pointer[[]filter] // each twice as large as the one before; the last one is filled
	room    int                      // keys that still fit into the last one
	batches int                      // that wrote to it
}

// Sizes of filters, in blocks of 64 bytes.
const (
	firstBlocks = 1 << 8  // 16 KiB
	lastBlocks  = 1 << 20 // 64 MiB: beyond, a table is given up
	blockKeys   = 42      // per block: 12 bits a key, two of a hundred answers are wrong
	trial       = 4       // batches after which a table that nobody asks is given up
)

func newWritten(tables map[projections.Table]bool) *written {
	w := &written{seed: maphash.MakeSeed(), tables: make(map[projections.Table]*writtenTable, len(tables))}
	for t := range tables {
		if t != DeadLettersTable && t != countsTable { // other runners write to these, too
			one := new(writtenTable)
			one.filters.Store(new([]filter))
			w.tables[t] = one
		}
	}
	return w
}

// over gives a reader of r's rows that does not look for what was never written;
// nil knows nothing.
func (w *written) over(r projections.Reader) projections.Reader {
	if w == nil {
		return r
	}
	return sparing{Reader: r, written: w}
}

// add takes note of changes, before anybody may ask for them.
func (w *written) add(changes []projections.Change) {
	if w == nil {
		return
	}
	var last projections.Table
	var t *writtenTable
	for _, c := range changes {
		if c.Table != last {
			last, t = c.Table, w.tables[c.Table]
			if t != nil {
				t.begin()
			}
		}
		if t != nil && c.Value != nil && !t.off.Load() {
			t.add(maphash.Bytes(w.seed, c.Key))
		}
	}
}

// begin gives a table up that nobody asks.
func (t *writtenTable) begin() {
	if t.batches++; t.batches > trial && !t.asked.Load() {
		t.off.Store(true)
	}
}

func (t *writtenTable) add(h uint64) {
	all := *t.filters.Load()
	if t.room == 0 {
		blocks := firstBlocks << len(all)
		if blocks > lastBlocks {
			t.off.Store(true)
			return
		}
		all = append(all[:len(all):len(all)], make(filter, 8*blocks))
		t.filters.Store(&all)
		t.room = blockKeys * blocks
	}
	t.room--
	all[len(all)-1].add(h)
}

func (t *writtenTable) has(h uint64) bool {
	for _, f := range *t.filters.Load() {
		if f.has(h) {
			return true
		}
	}
	return false
}

// filter is a number of blocks of eight words, a power of two.
type filter []atomic.Uint64

// probes is how many bits a key sets.
const probes = 6

// block is a hash's block; its bits come from the hash's lower end.
func (f filter) block(h uint64) filter {
	hi, _ := bits.Mul64(h*0x9e3779b97f4a7c15, uint64(len(f)/8))
	return f[8*hi : 8*hi+8]
}

func (f filter) add(h uint64) {
	b := f.block(h)
	for range probes {
		b[h>>6&7].Or(1 << (h & 63))
		h >>= 9
	}
}

func (f filter) has(h uint64) bool {
	b := f.block(h)
	for range probes {
		if b[h>>6&7].Load()&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 9
	}
	return true
}

// sparing asks a reader only for rows that may be there.
type sparing struct {
	projections.Reader
	written *written
}

// Get implements [projections.Reader].
func (s sparing) Get(ctx context.Context, t projections.Table, key []byte) ([]byte, bool, error) {
	if one := s.written.tables[t]; one != nil {
		one.asked.Store(true)
		if !one.off.Load() && !one.has(maphash.Bytes(s.written.seed, key)) {
			return nil, false, ctx.Err()
		}
	}
	return s.Reader.Get(ctx, t, key)
}

// Scan implements [projections.Reader].
func (s sparing) Scan(ctx context.Context, t projections.Table, r projections.Range) iter.Seq2[projections.Row, error] {
	return s.Reader.Scan(ctx, t, r)
}
