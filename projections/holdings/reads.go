package holdings

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
)

// The sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// maxNumbered bounds how many holdings one number leads to; a number that more
// share names nothing.
const maxNumbered = 1000

// Statuses lists the statuses of a case that is not at its end.
func Statuses() []string {
	return []string{"open", "acknowledged", "in_progress", "waiting", "moderated"}
}

// Entry is a holding as a list shows it.
type Entry struct {
	ID uuid.UUID `json:"id"` // of its own record
	At time.Time `json:"at"` // when it began, see the package comment
	// Source and Event name the statement that is in force.
	Source string `json:"source"`
	Event  string `json:"event"`
	Kind   string `json:"kind"` // case, order, contract
	Status string `json:"status,omitempty"`
	Number string `json:"number,omitempty"`
	// Record is the customer record that the source names; Nil: none.
	Record uuid.UUID       `json:"-"`
	Data   json.RawMessage `json:"data"` // of case.changed, order.changed, contract.changed, as stated
}

// Case is a case as a list shows it.
type Case struct {
	Entry
	Open      bool
	Overdue   bool
	Escalated bool
	Topic     string    // kind of the case: complaint, question …
	Owner     string    // who works on it
	Due       time.Time // zero: none stated
}

// Filter narrows a list of cases; what is empty lets everything through.
type Filter struct {
	Statuses  []string
	Open      bool      // only open ones
	Kinds     []string  // complaint, question …
	Owner     string    // exactly
	Escalated *bool     // only those that are, or are not
	DueBefore time.Time // only open ones with an earlier due_at
	Now       time.Time // what open and overdue are judged by; required
}

// Page is a part of a list, newest first. Next asks for the part after it; "" at
// the end.
type Page[T any] struct {
	Data []T
	Next string
}

// List gives the cases of everybody, newest first; without Statuses in the filter
// the open ones. The order is stable under new cases. events.ErrInvalid: the cursor
// is none.
func List(ctx context.Context, r projections.Reader, f Filter, cursor string, limit int) (Page[Case], error) {
	statuses := slices.Compact(slices.Sorted(slices.Values(f.Statuses)))
	if len(statuses) == 0 {
		statuses, f.Open = Statuses(), true
	}
	l := lister{r: r, table: cases, accept: f.passes}
	for _, s := range statuses {
		l.prefixes = append(l.prefixes, statusPrefix(s))
	}
	hits, next, err := l.page(ctx, cursor, limit)
	if err != nil {
		return Page[Case]{}, err
	}
	return casesAt(ctx, r, hits, next, f.Now)
}

func (f *Filter) passes(b *brief) bool {
	switch {
	case len(f.Statuses) > 0 && !slices.Contains(f.Statuses, b.status),
		f.Open && !b.open(f.Now),
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, b.kind),
		f.Owner != "" && b.owner != f.Owner,
		f.Escalated != nil && *f.Escalated != b.escalated:
		return false
	}
	return f.DueBefore.IsZero() || b.open(f.Now) && b.due != 0 && b.due < f.DueBefore.Unix()
}

// open and overdue judge a case, see the package comment.
func (b *brief) open(now time.Time) bool {
	return slices.Contains(Statuses(), b.status) && (b.expires == 0 || b.expires > now.Unix())
}

func (b *brief) overdue(now time.Time) bool { return b.open(now) && b.due != 0 && b.due < now.Unix() }

// Cases gives the cases of the customer that an id stands for, newest first.
// events.ErrInvalid: the cursor is none.
func Cases(ctx context.Context, r projections.Reader, customer uuid.UUID, f Filter, cursor string, limit int) (Page[Case], error) {
	l := lister{r: r, table: byCustomer, accept: f.passes}
	if err := l.of(ctx, customer, KindCase); err != nil {
		return Page[Case]{}, err
	}
	hits, next, err := l.page(ctx, cursor, limit)
	if err != nil {
		return Page[Case]{}, err
	}
	return casesAt(ctx, r, hits, next, f.Now)
}

// Holdings gives the contracts and orders (or only those of the given kinds) of
// the customer that an id stands for, newest first. events.ErrInvalid: the cursor
// is none.
func Holdings(ctx context.Context, r projections.Reader, customer uuid.UUID, kinds []Kind, cursor string, limit int) (Page[Entry], error) {
	if len(kinds) == 0 {
		kinds = []Kind{KindContract, KindOrder}
	}
	l := lister{r: r, table: byCustomer, accept: func(*brief) bool { return true }}
	if err := l.of(ctx, customer, kinds...); err != nil {
		return Page[Entry]{}, err
	}
	hits, next, err := l.page(ctx, cursor, limit)
	if err != nil {
		return Page[Entry]{}, err
	}
	p := Page[Entry]{Next: next, Data: make([]Entry, len(hits))}
	for i, h := range hits {
		if p.Data[i], err = h.entry(ctx, r); err != nil {
			return Page[Entry]{}, err
		}
	}
	return p, nil
}

// Summary says how many cases of a customer are open.
type Summary struct {
	Open, Overdue, Escalated int
	Newest                   *Case // the one opened last; nil where none is open
}

// OpenCases sums up the open cases of the customer that an id stands for.
func OpenCases(ctx context.Context, r projections.Reader, customer uuid.UUID, now time.Time) (Summary, error) {
	var s Summary
	l := lister{r: r, table: byCustomer, accept: func(b *brief) bool { return b.open(now) }}
	if err := l.of(ctx, customer, KindCase); err != nil {
		return s, err
	}
	var newest *hit
	for _, prefix := range l.prefixes {
		err := l.scan(ctx, prefix, nil, func(h hit) bool {
			s.count(&h.brief, now)
			if newest == nil || bytes.Compare(h.at[:], newest.at[:]) < 0 {
				newest = &h
			}
			return true
		})
		if err != nil {
			return s, err
		}
	}
	if newest == nil {
		return s, nil
	}
	p, err := casesAt(ctx, r, []hit{*newest}, "", now)
	if err == nil {
		s.Newest = &p.Data[0]
	}
	return s, err
}

func (s *Summary) count(b *brief, now time.Time) {
	s.Open++
	if b.overdue(now) {
		s.Overdue++
	}
	if b.escalated {
		s.Escalated++
	}
}

// Backlog counts the open cases of everybody.
func Backlog(ctx context.Context, r projections.Reader, now time.Time) (Summary, error) {
	var s Summary
	l := lister{r: r, table: cases, accept: func(b *brief) bool { return b.open(now) }}
	for _, status := range Statuses() {
		err := l.scan(ctx, statusPrefix(status), nil, func(h hit) bool {
			s.count(&h.brief, now)
			return true
		})
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// FindByNumber gives the customer records to which the source says a number
// belongs, sorted, each once; the number may be written in any way that [Normal]
// makes the same. What belongs to nobody is left out.
func FindByNumber(ctx context.Context, r projections.Reader, k Kind, number string) ([]uuid.UUID, error) {
	normal := Normal(number)
	if normal == "" {
		return nil, nil
	}
	rg := projections.Prefix(numberKey(k, normal))
	rg.Limit = maxNumbered
	var found []uuid.UUID
	for row, err := range r.Scan(ctx, numbers, rg) {
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", numbers, err)
		}
		h, err := read(ctx, r, Kind(row.Key[len(row.Key)-17]), uuid.UUID(row.Key[len(row.Key)-16:]))
		if err != nil {
			return nil, err
		}
		if c := h.said.Value.brief.customer; c != uuid.Nil {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(found), nil
}

// read reads a holding that an index row leads to.
func read(ctx context.Context, r projections.Reader, k Kind, id uuid.UUID) (*holding, error) {
	h := &holding{kind: k, id: id}
	v, ok, err := r.Get(ctx, holdings, h.key())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", holdings, err)
	}
	if !ok {
		return nil, damaged(holdings)
	}
	return h, h.decode(v)
}

func casesAt(ctx context.Context, r projections.Reader, hits []hit, next string, now time.Time) (Page[Case], error) {
	p := Page[Case]{Next: next, Data: make([]Case, len(hits))}
	for i, h := range hits {
		e, err := h.entry(ctx, r)
		if err != nil {
			return Page[Case]{}, err
		}
		b := &h.brief
		p.Data[i] = Case{Entry: e, Open: b.open(now), Overdue: b.overdue(now), Escalated: b.escalated, Topic: b.kind, Owner: b.owner}
		if b.due != 0 {
			p.Data[i].Due = time.Unix(b.due, 0).UTC()
		}
	}
	return p, nil
}

// hit is an index row of holdings_by_customer or cases.
type hit struct {
	kind  Kind
	at    place
	brief brief
}

func (h *hit) entry(ctx context.Context, r projections.Reader) (Entry, error) {
	x, err := read(ctx, r, h.kind, h.at.id())
	if err != nil {
		return Entry{}, err
	}
	f := &x.said.Value.facts
	return Entry{
		ID: x.id, At: h.at.at(), Source: x.said.Stamp.Source, Event: x.said.Stamp.Event, Kind: h.kind.String(),
		Status: f.brief.status, Number: f.numbers[0].value, Record: f.brief.customer, Data: x.said.Value.data,
	}, nil
}

// lister merges the rows under several prefixes.
type lister struct {
	r        projections.Reader
	table    projections.Table
	prefixes [][]byte
	accept   func(*brief) bool
}

// of adds what the records of a customer have.
func (l *lister) of(ctx context.Context, customer uuid.UUID, kinds ...Kind) error {
	members, err := golden.Members(ctx, l.r, customer)
	if err != nil {
		return fmt.Errorf("read records of customer: %w", err)
	}
	for _, m := range members {
		for _, k := range kinds {
			l.prefixes = append(l.prefixes, customerPrefix(m, k))
		}
	}
	return nil
}

// page gives the newest hits after a cursor. Of each prefix it takes one more
// than asked for: among those are the newest of all.
func (l *lister) page(ctx context.Context, cursor string, limit int) ([]hit, string, error) {
	after, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	var all []hit
	for _, prefix := range l.prefixes {
		left := limit + 1
		err := l.scan(ctx, prefix, after, func(h hit) bool {
			all = append(all, h)
			left--
			return left > 0
		})
		if err != nil {
			return nil, "", err
		}
	}
	slices.SortFunc(all, func(a, b hit) int { return bytes.Compare(a.at[:], b.at[:]) })
	if len(all) <= limit {
		return all, "", nil
	}
	return all[:limit], formatCursor(all[limit-1].at), nil
}

// scan yields the accepted rows of one prefix after a place, until yield has enough.
func (l *lister) scan(ctx context.Context, prefix []byte, after *place, yield func(hit) bool) error {
	rg := projections.Prefix(prefix)
	if after != nil {
		rg.From = projections.PrefixEnd(append(slices.Clone(prefix), after[:]...))
	}
	for row, err := range l.r.Scan(ctx, l.table, rg) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", l.table, err)
		}
		h := hit{kind: KindCase, at: placeAtEnd(row.Key)}
		if l.table == byCustomer {
			h.kind = Kind(row.Key[16])
		}
		if h.brief, err = decodeBrief(row.Value); err != nil {
			return err
		}
		if l.accept(&h.brief) && !yield(h) {
			return nil
		}
	}
	return nil
}

func formatCursor(p place) string { return base64.RawURLEncoding.EncodeToString(p[:]) }

func parseCursor(s string) (*place, error) {
	if s == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != placeSize {
		return nil, fmt.Errorf("read cursor: it is none of this list: %w", events.ErrInvalid)
	}
	p := place(b)
	return &p, nil
}
