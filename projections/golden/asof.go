package golden

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/events/record"
	"ficha/projections"
)

// AsOf names a past moment: what was the case At (zero: any time), as far as was
// known at position KnownAt (zero: now).
type AsOf struct {
	At      time.Time
	KnownAt events.Position
}

// GetAt gives the golden record that an id stood for at a past moment, made anew
// from the statements of then. events.ErrNotFound: the record was not known then.
func GetAt(ctx context.Context, r projections.Reader, id uuid.UUID, then AsOf) (Customer, error) {
	in := &reading{ctx: ctx, r: r}
	if then.KnownAt == 0 {
		then.KnownAt = forever - 1
	}
	customer := membershipAt(in, id, then.KnownAt).customer
	var ms []*member
	for _, m := range membersAt(in, customer, then.KnownAt) {
		past, err := memberAt(in, m, then)
		if err != nil {
			return Customer{}, err
		}
		if past != nil {
			ms = append(ms, past)
		}
	}
	switch {
	case in.err != nil:
		return Customer{}, in.err
	case len(ms) == 0:
		return Customer{}, fmt.Errorf("get customer %s as of position %d: %w", id, then.KnownAt, events.ErrNotFound)
	}
	c := build(ms)
	if c.ID != id {
		c.RedirectedFrom = id
	}
	return c, nil
}

// memberAt makes a record as it was; nil where it was not known yet.
func memberAt(in *reading, id uuid.UUID, then AsOf) (*member, error) {
	var s record.State
	var first events.Position
	var failed error
	err := scanVersions(in, id, then.KnownAt, func(v Version) bool {
		if !then.At.IsZero() && v.Time.After(then.At) {
			return true
		}
		if first == 0 {
			first = v.Position
		}
		_, failed = record.Apply(&s, v.envelope())
		return failed == nil
	})
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, fmt.Errorf("apply statement: %w", damaged(recordVersions))
	case first == 0:
		return nil, nil
	}
	m := newMember(id, first, &s)
	m.pins, err = pinsOf(in, id, then.KnownAt, then.At)
	return m, err
}

// PositionAt gives the last position of this projection's events that was
// recorded by t, to the millisecond; zero if there was none yet.
func PositionAt(ctx context.Context, r projections.Reader, t time.Time) (events.Position, error) {
	in := &reading{ctx: ctx, r: r}
	var p events.Position
	if t.UnixMilli() < 0 {
		return 0, nil
	}
	to := appendNumber(nil, uint64(t.UnixMilli())+1)
	in.Scan(recordedTimes, projections.Range{To: to, Reverse: true, Limit: 1}, func(row projections.Row) bool {
		p = events.Position(numberAt(row.Value, 0))
		return false
	})
	return p, in.err
}

// Versions yields the statements about a record in order of arrival. It yields at
// most one error, last.
func Versions(ctx context.Context, r projections.Reader, id uuid.UUID) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		in := &reading{ctx: ctx, r: r}
		stopped := false
		err := scanVersions(in, id, forever, func(v Version) bool {
			stopped = !yield(v, nil)
			return !stopped
		})
		if err == nil {
			err = in.err
		}
		if err != nil && !stopped {
			yield(Version{}, err)
		}
	}
}

// Membership says that a record belonged to a customer while From ≤ position < To;
// a zero To has not come yet.
type Membership struct {
	Customer uuid.UUID
	From, To events.Position
}

// Memberships gives the customers that a record has belonged to, oldest first;
// none for a record that was never seen.
func Memberships(ctx context.Context, r projections.Reader, id uuid.UUID) ([]Membership, error) {
	in := &reading{ctx: ctx, r: r}
	var ms []Membership
	in.Scan(memberships, projections.Prefix(memberKey(id, 0)[:17]), func(row projections.Row) bool {
		m := Membership{Customer: uuidAt(row.Value, 0), From: events.Position(numberAt(row.Value, 16)), To: events.Position(numberAt(row.Key, 17))}
		if m.To == forever {
			m.To = 0
		}
		ms = append(ms, m)
		return true
	})
	if ms == nil {
		if v, ok := in.Get(sourceRecords, id[:]); ok {
			ms = []Membership{{Customer: id, From: events.Position(numberAt(v, 0))}}
		}
	}
	return ms, in.err
}

// Preview gives the golden record that records would make if they were one
// customer and nobody else was part of it: what a merge or split is about to make.
// events.ErrNotFound: one of them was never seen, or none is named.
func Preview(ctx context.Context, r projections.Reader, records []uuid.UUID) (Customer, error) {
	in := &reading{ctx: ctx, r: r}
	ms := make([]*member, 0, len(records))
	for _, id := range records {
		if _, ok := in.Get(sourceRecords, id[:]); !ok {
			return Customer{}, cmp.Or(in.err, fmt.Errorf("preview customer with record %s: %w", id, events.ErrNotFound))
		}
		m, err := loadMember(in, id)
		if err != nil {
			return Customer{}, cmp.Or(in.err, err)
		}
		ms = append(ms, m)
	}
	if len(ms) == 0 {
		return Customer{}, fmt.Errorf("preview customer without records: %w", events.ErrNotFound)
	}
	return build(ms), in.err
}
