package review

import (
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
)

// Fold is the review projection. It has no state of its own, and stands after
// golden in the same runner.
type Fold struct{}

var _ projections.Fold = Fold{}

// New gives the fold.
func New() Fold { return Fold{} }

// Name is "review".
func (Fold) Name() string { return "review" }

// Version is that of the rows described in the package comment.
func (Fold) Version() int { return 1 }

// Tables lists the tables of the package comment.
func (Fold) Tables() []projections.Table { return tables() }

// Apply folds decisions about who is who, verdicts, denies and statements about
// customers; it skips everything else. It refuses folios that cannot be read
// (events.ErrInvalid).
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	switch p := e.Payload.(type) {
	case *events.IdentityResolved:
		return applyResolved(w, e, p)
	case *events.IdentityJudged:
		return applyJudged(w, e, p)
	case *events.IdentityJudgementWithdrawn:
		return applyWithdrawn(w, e, p)
	case *events.ContactStated:
		return applyStated(w, e, p)
	case *events.ContactStatementWithdrawn:
		return applyStatementWithdrawn(w, e, p)
	case *events.ContactHoldConfirmed:
		return applyHoldConfirmed(w, e, p)
	case *events.CustomerWithdrawn:
		return applyCustomer(w, e, p.Record.UUID())
	case *events.ValuePinned:
		return applyCustomer(w, e, p.Record.UUID())
	case *events.ValueUnpinned:
		return applyCustomer(w, e, p.Record.UUID())
	case *json.RawMessage:
		return applyRecorded(w, e, *p)
	}
	return nil
}

// applyRecorded looks at the customer of a record that was stated.
func applyRecorded(w projections.Work, e events.Decoded, data []byte) error {
	var about struct {
		Record events.RecordKey `json:"record"`
	}
	if err := jsonv2.Unmarshal(data, &about, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return fmt.Errorf("read record of %s at %d: %w", e.Type, e.Position, events.ErrInvalid)
	}
	return applyCustomer(w, e, about.Record.UUID())
}

// applyCustomer looks again at a customer after a statement about one of its
// records: at what speaks against it, and at its pairs, since a record may have
// gone or come back. A customer that golden did not change needs no look.
func applyCustomer(w projections.Work, e events.Decoded, record uuid.UUID) error {
	g := golden.Folded{Work: w}
	customer, grouped := g.Grouped(record)
	if _, known := w.Get(tableRecords, record[:]); !grouped && !known {
		return nil
	}
	if row, ok := g.Row(customer); !ok || row.Position != e.Position {
		return nil
	}
	t := newTurn(w, e.Stored)
	for _, m := range t.membersOf(customer) {
		t.touchPairs(m)
	}
	if grouped {
		t.suspects[customer] = true
	}
	return t.finish()
}

// applyResolved folds a decision. Golden has folded it before: its rows say who is
// who, and which pairs wait, whether or not it took the decision. Most decisions
// touch nothing that waits; they cost a read for each record.
func applyResolved(w projections.Work, e events.Decoded, p *events.IdentityResolved) error {
	t := newTurn(w, e.Stored)
	t.cause, t.named = p.Cause, map[uuid.UUID]bool{}
	for _, g := range p.Groups {
		for _, m := range g {
			t.named[m.Record] = true
			if t.record(m.Record).suspect {
				t.suspects[m.Record] = true
			}
		}
	}
	for id := range t.named {
		t.touchEvidence(id)
	}
	for _, l := range p.Potential {
		if x, y := t.golden.Owner(l.A), t.golden.Owner(l.B); x != y {
			t.touchPair(PairID(x, y), x, y)
		}
	}
	t.markSuspects(p)
	return t.finish()
}

// markSuspects marks the groups of a decision of more than one record, with what
// the decision says about them.
func (t *turn) markSuspects(p *events.IdentityResolved) {
	t.bonds = map[uuid.UUID]decided{}
	for _, g := range p.Groups {
		if len(g) < 2 {
			continue
		}
		d := decided{records: make([]uuid.UUID, len(g))}
		for i, m := range g {
			d.records[i] = m.Record
		}
		sorted(d.records)
		for _, l := range p.Links {
			if contains(d.records, l.A) && contains(d.records, l.B) {
				d.links = append(d.links, l)
			}
		}
		for _, l := range p.Potential {
			if isConflictWithin(d.records, l) {
				d.conflicts = append(d.conflicts, l)
			}
		}
		customer := t.golden.Owner(g[0].Record)
		t.suspects[customer], t.bonds[customer] = true, d
	}
}

// decided is a group as a decision states it.
type decided struct {
	records []uuid.UUID // sorted
	bonds
}
