package contact

import (
	"fmt"
	"strings"
	"time"

	"ficha/events"
	"ficha/projections"
)

// Name is the fold's name, and that of its runner.
const Name = "contact"

// Fold keeps what was stated about being contacted. It reads the contact lane.
type Fold struct{}

var _ projections.Fold = Fold{}

// NewFold gives the fold; it has no state of its own.
func NewFold() Fold { return Fold{} }

// Name implements projections.Fold.
func (Fold) Name() string { return Name }

// Version implements projections.Fold.
func (Fold) Version() int { return 2 }

// Tables implements projections.Fold.
func (Fold) Tables() []projections.Table {
	return []projections.Table{TableStatements, TableByPoint, TableByRecord, TableWithdrawals, TableHolds, TableRestrictions}
}

// Apply implements projections.Fold. ErrInvalid: the statement names nobody who
// can be read, or is an allow whose limits cannot be read.
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	switch p := e.Payload.(type) {
	case *events.ContactStated:
		return applyStated(w, e, p)
	case *events.ContactStatementWithdrawn:
		return applyWithdrawn(w, e, p)
	case *events.ContactHoldConfirmed:
		return applyHoldConfirmed(w, e, p)
	case *events.CustomerRestricted:
		return applyRestricted(w, e, p)
	}
	return nil
}

func applyStated(w projections.Work, e events.Decoded, in *events.ContactStated) error {
	s, err := newStatement(e, in)
	if err != nil {
		return err
	}
	f, err := parseFolio(s.Folio)
	if err != nil {
		return err
	}
	w.Put(TableStatements, f[:], encodeStatement(s))
	for _, r := range s.Records {
		post(w, TableByRecord, r.ID[:], f)
	}
	for _, p := range s.Points {
		for _, key := range pointKeys(p) {
			post(w, TableByPoint, []byte(key), f)
		}
	}
	return nil
}

func applyRestricted(w projections.Work, e events.Decoded, in *events.CustomerRestricted) error {
	kind := folded(in.Restriction)
	if in.Record.IsZero() || kind == "" {
		return fmt.Errorf("read restriction at %d: names no record or no restriction: %w", e.Position, events.ErrInvalid)
	}
	id := in.Record.UUID()
	x := Restriction{Record: id, Kind: kind, Stamp: events.StampOf(e.Envelope, in.Record.Revision),
		Recorded: e.RecordedTime.UTC(), Position: e.Position}
	// A time that cannot be read leaves the restriction in force on that side.
	x.From, x.Until = timeOrZero(in.From), timeOrZero(in.Until)
	var held []Restriction
	if row, ok := w.Get(TableRestrictions, id[:]); ok {
		var err error
		if held, err = decodeRestrictions(id, row); err != nil {
			return err
		}
	}
	held = append(held, x)
	sortRestrictions(held)
	w.Put(TableRestrictions, id[:], encodeRestrictions(held))
	return nil
}

func timeOrZero(s string) time.Time {
	if strings.TrimSpace(s) == "" {
		return time.Time{}
	}
	t, _ := readTime(s)
	return t
}
