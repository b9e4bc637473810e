package projections

import (
	"context"
	"fmt"
	"iter"
)

// End says that the batch is over: nothing is read or written any more, and what
// it was read from is let go. Changes and Over remain.
func (o *Overlay) End() { o.base, o.journal = ended{}, nil }

// ended is what is left of the rows that a batch was read from.
type ended struct{}

func (ended) Get(context.Context, Table, []byte) ([]byte, bool, error) { return nil, false, ErrClosed }

func (ended) Scan(context.Context, Table, Range) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) { yield(Row{}, ErrClosed) }
}

// Over gives a reader of the rows as they are after the batch: what it wrote, and
// what base has else. base may hold the batch already. The batch must have ended;
// it may be committed meanwhile. The reader serves one goroutine.
func (o *Overlay) Over(base Reader) Reader { return layer{over: o, base: base} }

// layer reads rows of an overlay over those of a reader.
type layer struct {
	over *Overlay
	base Reader
}

// Get implements [Reader].
func (l layer) Get(ctx context.Context, t Table, key []byte) ([]byte, bool, error) {
	if tab := l.over.tables[t]; tab != nil {
		if w, ok := tab.rows[string(key)]; ok && w.state != untouched {
			return w.value, w.state == put, nil
		}
	}
	return l.base.Get(ctx, t, key)
}

// Scan implements [Reader].
func (l layer) Scan(ctx context.Context, t Table, r Range) iter.Seq2[Row, error] {
	tab := l.over.tables[t]
	if tab == nil {
		return l.base.Scan(ctx, t, r)
	}
	return func(yield func(Row, error) bool) {
		over, hidden := tab.slice(r)
		base := r
		if base.Limit > 0 {
			base.Limit += hidden // deleted rows must not use up the limit
		}
		stopped := false
		m := merge{over: over, reverse: r.Reverse, limit: r.Limit, yield: func(row Row) bool {
			stopped = !yield(row, nil)
			return !stopped
		}}
		if err := m.run(l.base.Scan(ctx, t, base)); err != nil && !stopped {
			yield(Row{}, fmt.Errorf("scan rows of %s: %w", t, err))
		}
	}
}
