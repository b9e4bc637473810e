package timeline

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
	"ficha/projections/golden"
)

// The sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Filter narrows a page; what is empty lets everything through.
type Filter struct {
	Channels   []string
	Directions []string
	From, To   time.Time // From ≤ time < To
}

func (f *Filter) passes(channel, direction string) bool {
	return (len(f.Channels) == 0 || slices.Contains(f.Channels, channel)) &&
		(len(f.Directions) == 0 || slices.Contains(f.Directions, direction))
}

// Query asks for a page of a customer's timeline.
type Query struct {
	Customer uuid.UUID // any id of the customer
	Filter   Filter
	Cursor   string // Next of the page before; "" for the newest
	Limit    int    // 0: DefaultLimit; at most MaxLimit
}

// PointQuery asks for a page of what happened at a contact point.
type PointQuery struct {
	Point  contactpoint.Point
	Filter Filter
	Cursor string
	Limit  int
}

// Entry is one interaction on a timeline.
type Entry struct {
	ID uuid.UUID `json:"id"` // of the interaction's record
	At time.Time `json:"at"`
	// Source and Event name the statement that is in force.
	Source    string `json:"source"`
	Event     string `json:"event"`
	Channel   string `json:"channel"`
	Direction string `json:"direction"`
	// Assigned says that somebody said whose interaction it is.
	Assigned bool `json:"assigned,omitempty"`
	// PersonUnknown says that nobody knows which of the holders of the contact
	// point it was, or that nobody held it then.
	PersonUnknown bool            `json:"person_unknown,omitempty"`
	Data          json.RawMessage `json:"data"` // of interaction.recorded, as stated
}

// Page is a part of a timeline, newest first. Next asks for the part after it; ""
// at the end.
type Page struct {
	Entries []Entry
	Next    string
}

// Read gives a page of a customer's timeline: what belongs to its records, and
// what belongs to contact points that this customer alone held at the time. The
// order is stable under new interactions. events.ErrInvalid: the cursor is none.
func Read(ctx context.Context, r projections.Reader, q Query) (Page, error) {
	customer, ok, err := golden.CustomerOf(ctx, r, q.Customer)
	if err != nil || !ok {
		return Page{}, err
	}
	members, err := golden.Members(ctx, r, customer)
	if err != nil {
		return Page{}, err
	}
	points, err := golden.PointsOf(ctx, r, customer)
	if err != nil {
		return Page{}, err
	}
	p := pager{ctx: ctx, r: r, filter: q.Filter, holders: map[string]golden.Holders{}}
	for _, m := range members {
		p.owners = append(p.owners, owner{begin: recordOwner(m)})
	}
	p.owners = append(p.owners, pointOwners(points)...)
	p.accept = func(o *owner, at place, end string) (bool, error) {
		if len(o.points) == 0 {
			return true, nil
		}
		return p.heldAlone(o.points, pointAt(end), at.at(), customer)
	}
	return p.page(q.Cursor, q.Limit)
}

// ByPoint gives a page of the interactions that name a contact point and nobody
// whose it is, whoever held the point.
func ByPoint(ctx context.Context, r projections.Reader, q PointQuery) (Page, error) {
	p := pager{ctx: ctx, r: r, filter: q.Filter, holders: map[string]golden.Holders{}, owners: pointOwners([]contactpoint.Point{q.Point})}
	p.accept = func(o *owner, _ place, end string) (bool, error) { return q.Point.Same(pointAt(end)), nil }
	page, err := p.page(q.Cursor, q.Limit)
	for i := range page.Entries {
		e := &page.Entries[i]
		holders, err := p.holdersOf(q.Point)
		if err != nil {
			return Page{}, err
		}
		e.PersonUnknown = len(holders.At(e.At)) != 1
	}
	return page, err
}

// owner is whose rows are read: a record, or the points of one bucket.
type owner struct {
	begin  string
	points []contactpoint.Point
}

func pointOwners(points []contactpoint.Point) []owner {
	var out []owner
	for _, p := range points {
		begin := pointOwner(p)
		i := slices.IndexFunc(out, func(o owner) bool { return o.begin == begin })
		if i < 0 {
			out = append(out, owner{begin: begin})
			i = len(out) - 1
		}
		out[i].points = append(out[i].points, p)
	}
	return out
}

// pager merges the rows of several owners.
type pager struct {
	ctx     context.Context // of the one read that it serves
	r       projections.Reader
	owners  []owner
	filter  Filter
	accept  func(o *owner, at place, end string) (bool, error)
	holders map[string]golden.Holders // by point
}

// heldAlone says whether the customer had a point that may be p at a time, and
// nobody else had.
func (p *pager) heldAlone(own []contactpoint.Point, point contactpoint.Point, at time.Time, customer uuid.UUID) (bool, error) {
	if !slices.ContainsFunc(own, point.Same) {
		return false, nil
	}
	h, err := p.holdersOf(point)
	if err != nil {
		return false, err
	}
	then := h.At(at)
	return len(then) == 1 && then[0] == customer, nil
}

func (p *pager) holdersOf(point contactpoint.Point) (golden.Holders, error) {
	key := pointEnd(point)
	if h, ok := p.holders[key]; ok {
		return h, nil
	}
	h, err := golden.ReadHolders(p.ctx, p.r, point)
	if err == nil {
		p.holders[key] = h
	}
	return h, err
}

func (p *pager) page(cursor string, limit int) (Page, error) {
	after, err := parseCursor(cursor)
	if err != nil {
		return Page{}, err
	}
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	places, err := p.places(after, limit+1)
	if err != nil {
		return Page{}, err
	}
	var page Page
	if len(places) > limit {
		places = places[:limit]
		page.Next = formatCursor(places[limit-1])
	}
	page.Entries = make([]Entry, len(places))
	for i, at := range places {
		if page.Entries[i], err = p.entry(at); err != nil {
			return Page{}, err
		}
	}
	return page, nil
}

// places merges the owners' rows after a place, each interaction once.
func (p *pager) places(after *place, n int) ([]place, error) {
	var heads []*head
	defer func() {
		for _, h := range heads {
			h.stop()
		}
	}()
	for i := range p.owners {
		h := p.open(&p.owners[i], after)
		if err := h.advance(); err != nil {
			h.stop()
			return nil, err
		}
		heads = append(heads, h)
	}
	var out []place
	for len(out) < n {
		first := firstOf(heads)
		if first == nil {
			break
		}
		if len(out) == 0 || out[len(out)-1] != first.at {
			out = append(out, first.at)
		}
		if err := first.advance(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func firstOf(heads []*head) *head {
	var first *head
	for _, h := range heads {
		if h.more && (first == nil || bytes.Compare(h.at[:], first.at[:]) < 0) {
			first = h
		}
	}
	return first
}

// head is the next accepted row of one owner.
type head struct {
	pager *pager
	owner *owner
	next  func() (projections.Row, error, bool)
	stop  func()
	at    place
	more  bool
}

func (p *pager) open(o *owner, after *place) *head {
	rg := projections.Prefix([]byte(o.begin))
	if !p.filter.To.IsZero() {
		from := placeOf(p.filter.To.Add(-time.Microsecond), uuid.Nil)
		rg.From = append([]byte(o.begin), from[:]...)
	}
	if after != nil {
		if from := projections.PrefixEnd(append([]byte(o.begin), after[:]...)); bytes.Compare(from, rg.From) > 0 {
			rg.From = from
		}
	}
	next, stop := iter.Pull2(p.r.Scan(p.ctx, timeline, rg))
	return &head{pager: p, owner: o, next: next, stop: stop}
}

// advance goes to the next row that passes.
func (h *head) advance() error {
	for {
		row, err, ok := h.next()
		if err != nil {
			return fmt.Errorf("scan %s: %w", timeline, err)
		}
		if !ok {
			h.more = false
			return nil
		}
		at, end := splitKey(h.owner.begin, row.Key)
		if from := h.pager.filter.From; !from.IsZero() && at.at().Before(from) {
			h.more = false
			return nil
		}
		channel, direction, _ := strings.Cut(string(row.Value), "\x00")
		if !h.pager.filter.passes(channel, direction) {
			continue
		}
		accepted, err := h.pager.accept(h.owner, at, end)
		if err != nil {
			return err
		}
		if accepted {
			h.at, h.more = at, true
			return nil
		}
	}
}

func (p *pager) entry(at place) (Entry, error) {
	id := at.interaction()
	v, ok, err := p.r.Get(p.ctx, interactions, id[:])
	if err != nil {
		return Entry{}, fmt.Errorf("read %s: %w", interactions, err)
	}
	if !ok {
		return Entry{}, damaged()
	}
	x, err := decode(v)
	if err != nil {
		return Entry{}, err
	}
	return x.entry(id), nil
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
