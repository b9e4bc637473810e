package contact

import (
	"fmt"
	"slices"
	"strings"

	"ficha/events"
	"ficha/projections"
)

// applyWithdrawn keeps each source's earliest withdrawal of a statement, whether
// or not the statement is there yet. ErrInvalid: the statement is there, and its
// withdrawal is somebody else's to state.
func applyWithdrawn(w projections.Work, e events.Decoded, in *events.ContactStatementWithdrawn) error {
	f, err := parseFolio(in.Statement)
	if err != nil {
		return err
	}
	x := Withdrawal{Stamp: events.StampOf(e.Envelope, nil), Recorded: e.RecordedTime.UTC(), By: in.By, Reason: in.Reason}
	if row, ok := w.Get(TableStatements, f[:]); ok {
		s, err := decodeStatement(f.String(), row)
		if err != nil {
			return err
		}
		if !x.mayEnd(s) {
			return fmt.Errorf("read withdrawal at %d: source_not_allowed: the statement is another source's, which alone may withdraw it, or a steward in the hub: %w", e.Position, events.ErrInvalid)
		}
	}
	var held []Withdrawal
	if row, ok := w.Get(TableWithdrawals, f[:]); ok {
		if held, err = decodeWithdrawals(row); err != nil {
			return err
		}
	}
	if held = earliest(held, x); held != nil {
		w.Put(TableWithdrawals, f[:], encodeWithdrawals(held))
	}
	return nil
}

// earliest adds a withdrawal by a source that has none there, or a later one; nil:
// nothing changes. One that arrived before the statement may turn out to be
// nobody's to make, and must not hide the one that counts.
func earliest(held []Withdrawal, x Withdrawal) []Withdrawal {
	i, found := slices.BinarySearchFunc(held, x, func(a, b Withdrawal) int { return strings.Compare(a.Stamp.Source, b.Stamp.Source) })
	switch {
	case !found:
		return slices.Insert(held, i, x)
	case held[i].Stamp.Compare(x.Stamp) <= 0:
		return nil
	}
	held[i] = x
	return held
}

// mayEnd says whether the withdrawal counts: the source that made the statement
// stated it, or the hub, where stewards and who clicked it do. A provisional deny
// was made by the source of the event out of which it was read.
func (x *Withdrawal) mayEnd(s *Statement) bool {
	return x.Stamp.Source == s.Event.Source || fromHub(x.Stamp.Source) || s.Unconfirmed && x.Stamp.Source == s.Of.Source
}

// withdrawalOf gives the earliest withdrawal that counts, nil for none.
func withdrawalOf(s *Statement, held []Withdrawal) *Withdrawal {
	var first *Withdrawal
	for i := range held {
		if x := &held[i]; x.mayEnd(s) && (first == nil || x.Stamp.Compare(first.Stamp) < 0) {
			first = x
		}
	}
	return first
}

func encodeWithdrawals(l []Withdrawal) []byte {
	w := newWriter(96 * len(l))
	w.number(uint64(len(l)))
	for _, x := range l {
		w.stamp(x.Stamp)
		w.time(x.Recorded)
		w.string(x.By)
		w.string(x.Reason)
	}
	return w.b
}

func decodeWithdrawals(row []byte) ([]Withdrawal, error) {
	r := newReader(row)
	l := make([]Withdrawal, r.count())
	for i := range l {
		l[i] = Withdrawal{Stamp: r.stamp(), Recorded: r.time(), By: r.string(), Reason: r.string()}
	}
	return l, r.end("withdrawal")
}
