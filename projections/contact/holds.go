package contact

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

// TableHolds keeps what people confirmed about holds.
const TableHolds projections.Table = "contact_holds_confirmed"

// Confirmation is one contact.hold_confirmed as it is kept for one record.
type Confirmation struct {
	Record   uuid.UUID
	Stamp    events.Stamp
	Recorded time.Time
	Position events.Position
	By       string
	Reason   string
}

// applyHoldConfirmed keeps a confirmation with every record that it frees,
// whether or not the statement is there yet.
func applyHoldConfirmed(w projections.Work, e events.Decoded, in *events.ContactHoldConfirmed) error {
	f, err := parseFolio(in.Statement)
	if err != nil {
		return err
	}
	if len(in.Records) == 0 {
		return fmt.Errorf("read confirmed hold at %d: names no record: %w", e.Position, events.ErrInvalid)
	}
	for _, id := range in.Records {
		x := Confirmation{Record: id, Stamp: events.StampOf(e.Envelope, nil), Recorded: e.RecordedTime.UTC(),
			Position: e.Position, By: in.By, Reason: in.Reason}
		key := holdKey(f, id)
		var held []Confirmation
		if row, ok := w.Get(TableHolds, key); ok {
			if held, err = decodeConfirmations(id, row); err != nil {
				return err
			}
		}
		if slices.ContainsFunc(held, func(o Confirmation) bool { return o.Stamp.Compare(x.Stamp) == 0 }) {
			continue // named twice
		}
		w.Put(TableHolds, key, encodeConfirmations(append(held, x)))
	}
	return nil
}

func holdKey(f folioKey, record uuid.UUID) []byte {
	return append(append(make([]byte, 0, folioBytes+16), f[:]...), record[:]...)
}

// encodeConfirmations writes them by stamp, so that rows do not depend on arrival.
func encodeConfirmations(l []Confirmation) []byte {
	slices.SortFunc(l, func(a, b Confirmation) int { return a.Stamp.Compare(b.Stamp) })
	w := newWriter(96 * len(l))
	w.number(uint64(len(l)))
	for _, x := range l {
		w.stamp(x.Stamp)
		w.time(x.Recorded)
		w.number(uint64(x.Position))
		w.string(x.By)
		w.string(x.Reason)
	}
	return w.b
}

func decodeConfirmations(record uuid.UUID, row []byte) ([]Confirmation, error) {
	r := newReader(row)
	l := make([]Confirmation, r.count())
	for i := range l {
		l[i] = Confirmation{Record: record, Stamp: r.stamp(), Recorded: r.time(), Position: events.Position(r.number()),
			By: r.string(), Reason: r.string()}
	}
	return l, r.end("confirmed hold")
}

// readConfirmations gives what was confirmed about a statement, by the record freed.
func readConfirmations(ctx context.Context, r projections.Reader, f folioKey) (map[uuid.UUID][]Confirmation, error) {
	var all map[uuid.UUID][]Confirmation
	for row, err := range r.Scan(ctx, TableHolds, projections.Prefix(f[:])) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", TableHolds, err)
		}
		if len(row.Key) != folioBytes+16 {
			return nil, fmt.Errorf("read %s: odd key: %w", TableHolds, events.ErrUnavailable)
		}
		id := uuid.UUID(row.Key[folioBytes:])
		list, err := decodeConfirmations(id, row.Value)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = map[uuid.UUID][]Confirmation{}
		}
		all[id] = list
	}
	return all, nil
}

// HeldView says of a statement that it binds, or bound, a customer only because
// the customer's records were once grouped with the one that it is about.
type HeldView struct {
	Records []uuid.UUID `json:"records"` // the customer's records that it binds; none: all were freed
	Freed   []FreedView `json:"freed"`   // the customer's records that people freed, oldest first
}

// FreedView says who freed a record of a deny that was held over it.
type FreedView struct {
	Record uuid.UUID `json:"record"`
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// HeldStatements gives the denies that bind the records, all of one customer's,
// only because they were once grouped with the record that each is about; those
// that they were freed of too. Newest first. They speak about somebody who may be
// another customer, so contact points, texts and evidence are left out.
func HeldStatements(ctx context.Context, r projections.Reader, ident Identity, records []uuid.UUID, at time.Time) ([]StatementView, error) {
	l := &loader{ctx: ctx, r: r, ident: ident}
	for _, id := range records {
		l.addOwn(id)
	}
	if err := l.addLinked(); err != nil {
		return nil, err
	}
	views := map[string]StatementView{}
	for _, sub := range l.subjects {
		if sub.linkedUntil == 0 {
			continue
		}
		err := postings(ctx, r, TableByRecord, sub.id[:], func(f folioKey) error { return l.holdView(views, sub, f, at) })
		if err != nil {
			return nil, err
		}
	}
	return newestFirst(slices.Collect(maps.Values(views))), nil
}

// holdView adds a statement about a linked record, if it is held over the own ones.
func (l *loader) holdView(views map[string]StatementView, sub subject, f folioKey, at time.Time) error {
	s, err := l.statement(f)
	if err != nil || s == nil || s.Choice != events.Deny || s.Position >= sub.linkedUntil || l.names(s) {
		return err
	}
	confirmed, err := readConfirmations(l.ctx, l.r, f)
	if err != nil {
		return err
	}
	v, seen := views[s.Folio]
	if !seen {
		v = s.view(at)
		v.ContactPoints, v.TextShown, v.Evidence = []PointView{}, "", ""
		v.Held = &HeldView{Records: []uuid.UUID{}, Freed: l.freedViews(confirmed)}
	}
	w := newTrail(l, s, sub.id, confirmed)
	for _, own := range l.subjects {
		if own.linkedUntil != 0 || slices.Contains(v.Held.Records, own.id) {
			continue
		}
		held, err := w.holds(own.id, endless)
		if err != nil {
			return err
		}
		if held {
			v.Held.Records = append(v.Held.Records, own.id)
		}
	}
	views[s.Folio] = v
	return nil
}

// names says whether a statement is about one of the customer's own records.
func (l *loader) names(s *Statement) bool {
	return slices.ContainsFunc(l.subjects, func(sub subject) bool {
		return sub.linkedUntil == 0 && slices.ContainsFunc(s.Records, func(r Subject) bool { return r.ID == sub.id })
	})
}

func (l *loader) freedViews(confirmed map[uuid.UUID][]Confirmation) []FreedView {
	all := []FreedView{}
	for _, own := range l.subjects {
		if own.linkedUntil != 0 {
			continue
		}
		for _, c := range confirmed[own.id] {
			all = append(all, FreedView{Record: own.id, At: c.Stamp.Time, By: c.By, Reason: c.Reason})
		}
	}
	slices.SortStableFunc(all, func(a, b FreedView) int {
		return cmp.Or(a.At.Compare(b.At), slices.Compare(a.Record[:], b.Record[:]))
	})
	return all
}

// freedStatements gives the denies that the customer was freed of, by folio.
func (l *loader) freedStatements() ([]FreedStatement, error) {
	var all []FreedStatement
	for i := range l.facts.Bounds {
		b := &l.facts.Bounds[i]
		seen := slices.ContainsFunc(all, func(o FreedStatement) bool { return o.Statement == b.Statement.Folio })
		if !b.Freed || seen {
			continue
		}
		f, err := parseFolio(b.Statement.Folio)
		if err != nil {
			return nil, err
		}
		confirmed, err := readConfirmations(l.ctx, l.r, f)
		if err != nil {
			return nil, err
		}
		all = append(all, FreedStatement{Statement: b.Statement.Folio, Freed: l.freedViews(confirmed)})
	}
	slices.SortFunc(all, func(a, b FreedStatement) int { return strings.Compare(a.Statement, b.Statement) })
	return all, nil
}

// StatementsOf gives what was stated about a customer, newest first, each once: all
// that [Statements] gives of the customer's records and points, and what
// [HeldStatements] gives besides.
func StatementsOf(ctx context.Context, r projections.Reader, ident Identity, records []uuid.UUID, points []contactpoint.Point, at time.Time) ([]StatementView, error) {
	views, err := Statements(ctx, r, records, points, at)
	if err != nil {
		return nil, err
	}
	held, err := HeldStatements(ctx, r, ident, records, at)
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		if i := slices.IndexFunc(views, func(v StatementView) bool { return v.ID == h.ID }); i >= 0 {
			views[i].Held = h.Held // it is about one of the customer's contact points too
			continue
		}
		views = append(views, h)
	}
	return newestFirst(views), nil
}
