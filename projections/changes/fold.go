package changes

import (
	"encoding/json"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
)

// Fold writes the outbox. It has no state of its own. Give it to the runner of
// golden's fold, after that one.
type Fold struct{}

var _ projections.Fold = Fold{}

// New gives the fold.
func New() Fold { return Fold{} }

// Name is "changes".
func (Fold) Name() string { return "changes" }

// Version is that of the rows described in the package comment.
func (Fold) Version() int { return 1 }

// Tables lists the tables of the package comment.
func (Fold) Tables() []projections.Table {
	return []projections.Table{outbox, customersTable, recordsTable, pointsTable, statementsTable, stateTable}
}

// Apply folds one event: what golden has just made of it, and what it says about
// being contacted. An event that golden refused changes nothing here either.
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	s := &step{w: w, gold: golden.Folded{Work: w}, e: e, at: e.Position}
	if err := s.fold(); err != nil {
		return err
	}
	if err := s.write(); err != nil {
		return err
	}
	return drop(w, e)
}

// step is the folding of one event.
type step struct {
	w    projections.Work
	gold golden.Folded
	e    events.Decoded
	at   events.Position

	records map[uuid.UUID]*recordRow // read so far
	kinds   *byte                    // kinds of contact points that statements name, once read

	steps     []draft // of versions; each customer once
	redirects []draft
	flips     []draft
}

func (s *step) fold() error {
	switch p := s.e.Payload.(type) {
	case *json.RawMessage:
		if s.e.Type == events.CustomerRecordedV1 {
			return s.record(recordIn(s.e.Data))
		}
	case *events.CustomerWithdrawn:
		return s.record(p.Record.RecordKey)
	case *events.ValuePinned:
		return s.record(p.Record)
	case *events.ValueUnpinned:
		return s.record(p.Record)
	case *events.CustomerMergedAtSource:
		return s.mergedAtSource(p)
	case *events.IdentityResolved:
		return s.resolved(p)
	case *events.ContactStated:
		return s.stated(p)
	case *events.ContactStatementWithdrawn:
		return s.withdrawn(p)
	case *events.ContactHoldConfirmed:
		return s.confirmed(p)
	case *events.CustomerRestricted:
		return s.restricted(p)
	}
	return nil
}

// recordIn reads which record a customer.recorded is about; the zero key where
// that cannot be read.
func recordIn(data []byte) (k events.RecordKey) {
	found := false
	eachMember(data, func(name, value []byte) bool {
		found = string(name) == "record" && jsonv2.Unmarshal(value, &k) == nil
		return !found
	})
	if found {
		return k
	}
	var named struct {
		Record events.RecordKey `json:"record"`
	}
	if jsonv2.Unmarshal(data, &named) != nil {
		return events.RecordKey{}
	}
	return named.Record
}

// record tells what an event about one record has made of its customer.
func (s *step) record(k events.RecordKey) error {
	if k.IsZero() {
		return nil
	}
	id := k.UUID()
	owner := s.gold.Owner(id)
	row, ok := s.gold.Row(owner)
	if !ok || row.Position != s.at || len(row.Document) == 0 {
		return nil
	}
	c, ok := scan(row)
	if !ok {
		return fmt.Errorf("read golden record: %w", events.ErrUnavailable)
	}
	if row.Version == 1 {
		return s.firstSeen(id, c)
	}
	return s.restated(owner, c)
}

// firstSeen tells of a record that is a customer of its own since this event.
func (s *step) firstSeen(id uuid.UUID, c *scanned) error {
	row, err := s.recordRow(id)
	if err != nil {
		return err
	}
	bound, err := s.bindingOf([]uuid.UUID{id}, &c.members)
	if err != nil {
		return err
	}
	was, err := s.boundAsLoser(id, row)
	if err != nil {
		return err
	}
	s.steps = append(s.steps, draft{kind: Created, customer: id, row: c.CustomerRow, records: c.members[attrRecords]})
	s.flip(flip{customer: id, row: c.CustomerRow, was: was, now: &bound})
	kept := customerRow{prints: c.prints, bound: bound}
	kept.write(s.w, id)
	return s.redirectLosers(row.losers, id, maxHops)
}

// restated tells of a customer whose records stay the same and say something else.
func (s *step) restated(owner uuid.UUID, c *scanned) error {
	kept, err := readCustomerRow(s.w, owner)
	if err != nil {
		return err
	}
	differ := kept.prints.differences(&c.prints)
	s.steps = append(s.steps, draft{kind: Changed, customer: owner, row: c.CustomerRow, records: c.members[attrRecords], attributes: differ})
	now := customerRow{prints: c.prints, bound: kept.bound}
	if touchesPoints(differ) {
		now.bound = list{entries: slices.Clone(kept.bound.entries)}
		now.bound.entries = slices.DeleteFunc(now.bound.entries, func(e entry) bool { return e.says&onPoint != 0 })
		if err := s.bindByPoints(&now.bound, &c.members); err != nil {
			return err
		}
		s.flip(flip{customer: owner, row: c.CustomerRow, was: &kept.bound, now: &now.bound})
	}
	now.write(s.w, owner)
	return nil
}

// recordRow reads a row of change_records, once.
func (s *step) recordRow(id uuid.UUID) (*recordRow, error) {
	if row, ok := s.records[id]; ok {
		return row, nil
	}
	row, err := readRecordRow(s.w, id)
	if err != nil {
		return nil, err
	}
	if s.records == nil {
		s.records = map[uuid.UUID]*recordRow{}
	}
	s.records[id] = row
	return row, nil
}
