package contact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

const (
	// maxHolders is how many records may hold a contact point that is still
	// evaluated person by person; a point of more is nobody's own.
	maxHolders = 200
	// maxBounds is how many statements are judged for one request. Only a point
	// that everybody uses has more.
	maxBounds = 4096
)

// loader collects the facts of one request from one snapshot.
type loader struct {
	ctx   context.Context
	r     projections.Reader
	ident Identity
	facts Facts
	// Each record and statement is read once, however many ways lead to it.
	subjects []subject
	read     []*Statement
	wide     bool
	known    time.Time // confirmed holds count as far as recorded by then; zero: now
	links    links
}

// load reads what Decide needs for a request. The customers' own contact points
// are left out where one that the request names will do; see widen.
func load(ctx context.Context, r projections.Reader, ident Identity, req *Request) (*loader, error) {
	l := &loader{ctx: ctx, r: r, ident: ident, known: req.KnownAt}
	if err := l.who(&req.Who); err != nil {
		return nil, err
	}
	if err := l.persons(); err != nil {
		return nil, err
	}
	for _, s := range l.subjects {
		if err := l.onRecord(s); err != nil {
			return nil, err
		}
		if err := l.restrictions(s); err != nil {
			return nil, err
		}
	}
	if err := l.onPoints(0); err != nil {
		return nil, err
	}
	if l.askedFits(req) {
		return l, nil
	}
	return l, l.widen()
}

// widen adds the customers' own contact points and what was stated about them,
// which alternatives need. Done once.
func (l *loader) widen() error {
	if l.wide {
		return nil
	}
	l.wide = true
	known := len(l.facts.Points)
	if err := l.ownPoints(); err != nil {
		return err
	}
	return l.onPoints(known)
}

// askedFits says whether a point that the request names can be used on its channel.
func (l *loader) askedFits(req *Request) bool {
	channel := channelBit(channelCode(req.Channel))
	return slices.ContainsFunc(l.facts.Points, func(p PointFact) bool { return channel == 0 || channel.fits(p.Point.Kind) })
}

// who reads the names and finds the customers behind them.
func (l *loader) who(w *Who) error {
	l.readPoints(w)
	named := len(l.facts.Points) > 0
	if w.CustomerID != "" {
		id, err := uuid.Parse(w.CustomerID)
		if err != nil {
			l.facts.Unreadable = true
		} else if err := l.customer(id, true); err != nil {
			return err
		}
		named = true
	}
	if w.Record != nil {
		if w.Record.IsZero() {
			l.facts.Unreadable = true
		} else if err := l.record(w.Record.UUID()); err != nil {
			return err
		}
		named = true
	}
	if !named {
		l.facts.Unreadable = true
	}
	for i := range l.facts.Points {
		if err := l.holders(l.facts.Points[i].Point); err != nil {
			return err
		}
	}
	// A name that leads nowhere leaves the contact point to be judged alone.
	l.facts.Unknown = l.facts.Unknown && len(l.facts.Points) == 0
	slices.SortFunc(l.facts.Customers, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return nil
}

func (l *loader) readPoints(w *Who) {
	for _, p := range [...]events.ContactPoint{{Phone: w.Phone}, {Email: w.Email}, {Handle: w.Handle, Network: w.Network}} {
		if p.Phone == "" && p.Email == "" && p.Handle == "" {
			continue
		}
		q, ok := PointOf(p)
		if !ok {
			l.facts.Unreadable = true
			continue
		}
		l.addPoint(PointFact{Point: q, Asked: true})
	}
}

func (l *loader) addPoint(p PointFact) {
	if !slices.ContainsFunc(l.facts.Points, func(o PointFact) bool { return o.Point == p.Point }) {
		l.facts.Points = append(l.facts.Points, p)
	}
}

// customer adds the customer that an id leads to.
func (l *loader) customer(id uuid.UUID, named bool) error {
	golden, ok, err := l.ident.Customer(l.ctx, l.r, id)
	if err != nil {
		return fmt.Errorf("find customer: %w", err)
	}
	if !ok {
		l.facts.Unknown = l.facts.Unknown || named
		return nil
	}
	if !slices.Contains(l.facts.Customers, golden) {
		l.facts.Customers = append(l.facts.Customers, golden)
	}
	return nil
}

// record adds a record and its customer. The record counts by itself even where
// identity does not know it yet.
func (l *loader) record(id uuid.UUID) error {
	l.addOwn(id)
	return l.customer(id, true)
}

// holders adds the customers that hold a point.
func (l *loader) holders(p contactpoint.Point) error {
	records, err := l.ident.RecordsByPoint(l.ctx, l.r, p)
	if err != nil {
		return fmt.Errorf("find records by contact point: %w", err)
	}
	if len(records) > maxHolders {
		l.facts.Shared, l.facts.Crowded = true, true
		return nil
	}
	first := uuid.Nil
	for _, id := range records {
		golden, ok, err := l.ident.Customer(l.ctx, l.r, id)
		if err != nil {
			return fmt.Errorf("find customer: %w", err)
		}
		if !ok {
			continue
		}
		if first != uuid.Nil && golden != first {
			l.facts.Shared = true
		}
		first = golden
		if !slices.Contains(l.facts.Customers, golden) {
			l.facts.Customers = append(l.facts.Customers, golden)
		}
	}
	return nil
}

// persons adds the records of the customers, and those whose statements bind them
// because they were grouped.
func (l *loader) persons() error {
	for _, golden := range l.facts.Customers {
		members, err := l.ident.Members(l.ctx, l.r, golden)
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		for _, m := range members {
			l.addOwn(m)
		}
	}
	return l.addLinked()
}

// ownPoints adds the contact points that the customers hold.
func (l *loader) ownPoints() error {
	for _, golden := range l.facts.Customers {
		points, err := l.ident.Points(l.ctx, l.r, golden)
		if err != nil {
			return fmt.Errorf("read contact points: %w", err)
		}
		for _, p := range points {
			l.addPoint(PointFact{Point: p})
		}
	}
	return nil
}

// onPoints reads what was stated about the points from the given one on.
func (l *loader) onPoints(from int) error {
	for i := from; i < len(l.facts.Points); i++ {
		if err := l.onPoint(i); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) onPoint(i int) error {
	p := l.facts.Points[i].Point
	class, tail := lookupKeys(p)
	add := func(f folioKey) error { return l.onPointStatement(i, p, f) }
	if err := postings(l.ctx, l.r, TableByPoint, []byte(class), add); err != nil || tail == "" {
		return err
	}
	return postings(l.ctx, l.r, TableByPoint, []byte(tail), add)
}

func (l *loader) onPointStatement(i int, p contactpoint.Point, f folioKey) error {
	s, err := l.statement(f)
	if err != nil || s == nil {
		return err
	}
	b := Bound{Statement: s, Reach: ReachPoint, Point: i, Exact: slices.Contains(s.Points, p)}
	for k := range l.facts.Bounds { // class and tail rows overlap
		if o := &l.facts.Bounds[k]; o.Statement == s && o.Reach == ReachPoint && o.Point == i {
			return nil
		}
	}
	return l.bind(b)
}

func (l *loader) onRecord(sub subject) error {
	return postings(l.ctx, l.r, TableByRecord, sub.id[:], func(f folioKey) error {
		s, err := l.statement(f)
		if err != nil || s == nil {
			return err
		}
		b := Bound{Statement: s, Reach: ReachRecord, Record: sub.id}
		if sub.linkedUntil != 0 {
			// Stated after they were parted: no business of this customer's. An allow
			// may still lift what the same record denied before.
			if s.Choice == events.Deny && s.Position >= sub.linkedUntil {
				return nil
			}
			b.Reach = ReachLinked
			if s.Choice == events.Deny {
				if b.Freed, err = l.freed(f, s, sub.id); err != nil {
					return err
				}
			}
		}
		return l.bind(b)
	})
}

func (l *loader) bind(b Bound) error {
	if len(l.facts.Bounds) >= maxBounds {
		l.facts.Shared, l.facts.Crowded = true, true
		return nil
	}
	l.facts.Bounds = append(l.facts.Bounds, b)
	return nil
}

func (l *loader) restrictions(sub subject) error {
	row, ok, err := l.r.Get(l.ctx, TableRestrictions, sub.id[:])
	if err != nil || !ok {
		return wrapRead(err, TableRestrictions)
	}
	list, err := decodeRestrictions(sub.id, row)
	if err != nil {
		return err
	}
	for _, x := range list {
		l.facts.Restrictions = append(l.facts.Restrictions, RestrictionFact{Restriction: x, LinkedUntil: sub.linkedUntil})
	}
	return nil
}

func wrapRead(err error, t projections.Table) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s: %w", t, err)
}

// statement reads a statement with what became of it, nil once there are too many.
func (l *loader) statement(f folioKey) (*Statement, error) {
	folio := f.String()
	for _, s := range l.read {
		if s.Folio == folio {
			return s, nil
		}
	}
	if len(l.facts.Bounds) >= maxBounds {
		l.facts.Shared, l.facts.Crowded = true, true
		return nil, nil
	}
	s, err := readStatement(l.ctx, l.r, f)
	if errors.Is(err, events.ErrNotFound) { // its row was written with the one that names it
		return nil, fmt.Errorf("read statement: no row: %w", events.ErrUnavailable)
	}
	if err == nil {
		l.read = append(l.read, s)
	}
	return s, err
}

// readStatement reads a statement, whether it was withdrawn, and whether a valid
// form of it arrived. ErrNotFound: there is none with that folio.
func readStatement(ctx context.Context, r projections.Reader, f folioKey) (*Statement, error) {
	row, ok, err := r.Get(ctx, TableStatements, f[:])
	if err != nil {
		return nil, wrapRead(err, TableStatements)
	}
	if !ok {
		return nil, fmt.Errorf("read statement: %w", events.ErrNotFound)
	}
	s, err := decodeStatement(f.String(), row)
	if err != nil {
		return nil, err
	}
	row, ok, err = r.Get(ctx, TableWithdrawals, f[:])
	if err != nil {
		return nil, wrapRead(err, TableWithdrawals)
	}
	if ok {
		held, err := decodeWithdrawals(row)
		if err != nil {
			return nil, err
		}
		s.Withdrawn = withdrawalOf(s, held)
	}
	return s, readSuccessor(ctx, r, s)
}

// readSuccessor marks a provisional deny whose event has arrived in a valid form.
func readSuccessor(ctx context.Context, r projections.Reader, s *Statement) error {
	if !s.Unconfirmed || s.Of == (events.EventID{}) {
		return nil
	}
	f, err := parseFolio(events.StatementID(s.Of.Source, s.Of.ID))
	if err != nil {
		return err
	}
	row, ok, err := r.Get(ctx, TableStatements, f[:])
	if err != nil || !ok {
		return wrapRead(err, TableStatements)
	}
	valid, err := decodeStatement(f.String(), row)
	if err == nil && !valid.Unconfirmed {
		s.SupersededAt = valid.Recorded
	}
	return err
}
