package golden

import (
	"context"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// Companion is a record that another one was grouped with for a time.
type Companion struct {
	Record uuid.UUID
	Since  events.Position // of the decision that grouped them
	Until  events.Position // of the decision that parted them
}

// FormerCompanions gives the records that a record was once grouped with and
// parted from, sorted, one entry for each time. Some may be together again.
func FormerCompanions(ctx context.Context, r projections.Reader, record uuid.UUID) ([]Companion, error) {
	in := &reading{ctx: ctx, r: r}
	cs := companionsOf(in, record)
	return cs, in.err
}

func companionsOf(r rows, record uuid.UUID) []Companion {
	var cs []Companion
	r.Scan(formerCompanions, projections.Prefix(record[:]), func(row projections.Row) bool {
		if len(row.Key) != 32 {
			return true // when it was parted first
		}
		for i := 0; i+spanBytes <= len(row.Value); i += spanBytes {
			t := togetherAt(row.Value, i)
			cs = append(cs, Companion{Record: uuidAtEnd(row.Key), Since: t.since, Until: t.until})
		}
		return true
	})
	return cs
}

// FirstParted gives the position of the decision that parted a record from
// another one for the first time; zero: none ever did.
func FirstParted(ctx context.Context, r projections.Reader, record uuid.UUID) (events.Position, error) {
	in := &reading{ctx: ctx, r: r}
	v, ok := in.Get(formerCompanions, record[:])
	if !ok {
		return 0, in.err
	}
	return events.Position(numberAt(v, 0)), nil
}

// together is a time for which two records were grouped.
type together struct{ since, until events.Position }

const (
	spanBytes = 8 + 8
	// maxTimes bounds how often a pair's partings are kept apart. Beyond, the two
	// oldest become one that ends with the later: whoever asks what was stated
	// before a parting finds more, never less.
	maxTimes = 64
)

func togetherAt(v []byte, i int) together {
	return together{since: events.Position(numberAt(v, i)), until: events.Position(numberAt(v, i+8))}
}

func (t together) append(b []byte) []byte { return appendNumber(appendNumber(b, t.since), t.until) }

// note adds the time to the row of a pair, in one direction.
func (t together) note(w projections.Work, a, b uuid.UUID) {
	held, _ := w.Get(formerCompanions, pairKey(a, b))
	row := make([]byte, 0, len(held)+spanBytes)
	if len(held) >= maxTimes*spanBytes {
		row = together{since: togetherAt(held, 0).since, until: togetherAt(held, spanBytes).until}.append(row)
		held = held[2*spanBytes:]
	}
	w.Put(formerCompanions, pairKey(a, b), t.append(append(row, held...)))
	if _, parted := w.Get(formerCompanions, a[:]); !parted {
		w.Put(formerCompanions, append(make([]byte, 0, 16), a[:]...), appendNumber(make([]byte, 0, 8), t.until))
	}
}

// pasts holds the memberships of records that a decision parts, each read once.
type pasts map[uuid.UUID][]stay

// stay is one membership, while from ≤ position < to.
type stay struct {
	customer uuid.UUID
	from, to events.Position
}

func (p pasts) of(r rows, id uuid.UUID) []stay {
	if all, read := p[id]; read {
		return all
	}
	var all []stay
	r.Scan(memberships, projections.Prefix(memberKey(id, 0)[:17]), func(row projections.Row) bool {
		all = append(all, stay{uuidAt(row.Value, 0), events.Position(numberAt(row.Value, 16)), events.Position(numberAt(row.Key, 17))})
		return true
	})
	p[id] = all
	return all
}

// since gives the position at which two records of one customer were grouped, of
// which their memberships began at from a and b. Whoever came later was elsewhere
// before. Who came at once may have come together, from another id of the customer.
func (p pasts) since(r rows, a, b uuid.UUID, fromA, fromB events.Position) events.Position {
	for fromA == fromB {
		x, y := before(p.of(r, a), fromA), before(p.of(r, b), fromB)
		if x.customer != y.customer || x.customer == uuid.Nil {
			break
		}
		fromA, fromB = x.from, y.from
	}
	return max(fromA, fromB)
}

// before gives the membership in force just before a position; none: zero.
func before(all []stay, p events.Position) stay {
	for _, s := range all {
		if s.from < p && p <= s.to {
			return s
		}
	}
	return stay{}
}
