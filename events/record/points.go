package record

import (
	"cmp"
	stdjson "encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"ficha/events"
	"ficha/internal/contactpoint"
)

// Span is a half-open interval of time at the source, From ≤ t < To. A zero To
// has not come yet.
type Span struct{ From, To time.Time }

// Holds says whether t lies in s.
func (s Span) Holds(t time.Time) bool {
	return !t.Before(s.From) && (s.To.IsZero() || t.Before(s.To))
}

// Holding says when a record had a contact point.
type Holding struct {
	Point contactpoint.Point
	Spans []Span // not empty, ascending, apart from each other
}

// Now says whether the record has the point now.
func (h Holding) Now() bool { return h.Spans[len(h.Spans)-1].To.IsZero() }

// Points gives the normal forms of the contact points of c, sorted by key, each
// once. What cannot be read at all is left out.
func Points(c *events.CustomerRecorded) []contactpoint.Point {
	region := Region(c)
	ps := make([]contactpoint.Point, 0, len(c.Phones)+len(c.Emails)+len(c.Handles))
	add := func(p contactpoint.Point, ok bool) {
		if ok {
			ps = append(ps, p)
		}
	}
	for _, p := range c.Phones {
		add(PhonePoint(p, region))
	}
	for _, e := range c.Emails {
		add(contactpoint.Email(e.Value))
	}
	for _, h := range c.Handles {
		add(contactpoint.Handle(h.Handle, h.Network))
	}
	return sortPoints(ps)
}

// PhonePoint reads a phone by its own region, else by the given one.
func PhonePoint(p events.Phone, region string) (contactpoint.Point, bool) {
	return contactpoint.Phone(p.Value, cmp.Or(p.Region, region))
}

func comparePoints(a, b contactpoint.Point) int {
	return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Value, b.Value))
}

func sortPoints(ps []contactpoint.Point) []contactpoint.Point {
	slices.SortFunc(ps, comparePoints)
	return slices.Compact(ps)
}

// Holdings says which contact points the record had when, sorted by point. v are
// the record's own [State.Values]. A set of points is held from the time of the
// statement that names it (of the record's first one: from created_at, where that
// is earlier) to the next statement that names another set or withdraws the
// record. Numbers without country code are read by the region that v tells now.
func (s *State) Holdings(v *Values) []Holding {
	if s.Past != nil {
		return s.Past.holdings(Region(&v.CustomerRecorded))
	}
	if len(s.Parts) == 0 {
		return nil
	}
	from := backdated(v.newest.Time, v.CreatedAt)
	ps := Points(&v.CustomerRecorded)
	hs := make([]Holding, len(ps))
	for i, p := range ps {
		hs[i] = Holding{Point: p, Spans: []Span{{From: from}}}
	}
	return hs
}

// backdated gives the earlier of t and created, where that can be read.
func backdated(t time.Time, created string) time.Time {
	for _, layout := range [...]string{time.RFC3339, time.DateOnly} {
		if c, err := time.Parse(layout, created); err == nil && c.Before(t) {
			return c.UTC()
		}
	}
	return t
}

func (p *Past) holdings(region string) []Holding {
	t := tracer{reader: pointReader{region: region, read: map[string][]contactpoint.Point{}}, open: map[contactpoint.Point]time.Time{},
		closed: map[contactpoint.Point][]Span{}}
	first := p.first()
	for _, m := range p.fromBase() {
		t.see(m, first)
	}
	for _, m := range p.Moments {
		t.see(m, first)
	}
	return t.holdings()
}

// first is the record's oldest recording; nil if there is none.
func (p *Past) first() *Moment {
	if p.First != nil {
		return p.First
	}
	for i := range p.Moments {
		if !p.Moments[i].Gone {
			return &p.Moments[i]
		}
	}
	return nil
}

// fromBase turns the base back into the moments that its fields come from.
func (p *Past) fromBase() []Moment {
	b := p.Base
	if b == nil {
		return nil
	}
	ms := []Moment{{Stamp: b.Gone.Stamp, Gone: b.Gone.Value}}
	for i, f := range [...]Latest[stdjson.RawMessage]{b.Phones, b.Emails, b.Handles} {
		if f.IsZero() {
			continue
		}
		m := Moment{Stamp: f.Stamp}
		*[...]*stdjson.RawMessage{&m.Phones, &m.Emails, &m.Handles}[i] = f.Value
		ms = append(ms, m)
	}
	slices.SortStableFunc(ms, func(a, b Moment) int { return a.Stamp.Compare(b.Stamp) })
	return ms
}

// tracer walks through moments in order and notes when each point came and went.
type tracer struct {
	reader pointReader
	sets   [3][]contactpoint.Point // phones, e-mails, handles in force
	gone   bool
	open   map[contactpoint.Point]time.Time
	closed map[contactpoint.Point][]Span
}

func (t *tracer) see(m Moment, first *Moment) {
	at := m.Stamp.Time
	if first != nil && m.Stamp.Compare(first.Stamp) == 0 {
		at = backdated(at, first.Created)
	}
	t.gone = m.Gone
	for i, said := range [...]stdjson.RawMessage{m.Phones, m.Emails, m.Handles} {
		if said != nil {
			t.sets[i] = t.reader.points(i, said)
		}
	}
	now := map[contactpoint.Point]bool{}
	if !t.gone {
		for _, set := range t.sets {
			for _, p := range set {
				now[p] = true
			}
		}
	}
	t.change(now, at)
}

func (t *tracer) change(now map[contactpoint.Point]bool, at time.Time) {
	for p, from := range t.open {
		if now[p] {
			continue
		}
		delete(t.open, p)
		if from.Before(at) {
			t.closed[p] = append(t.closed[p], Span{From: from, To: at})
		}
	}
	for p := range now {
		if _, is := t.open[p]; is {
			continue
		}
		spans := t.closed[p]
		if n := len(spans); n > 0 && !spans[n-1].To.Before(at) { // left and came back at once
			t.open[p] = spans[n-1].From
			t.closed[p] = spans[:n-1]
			continue
		}
		t.open[p] = at
	}
}

func (t *tracer) holdings() []Holding {
	var hs []Holding
	for p, from := range t.open {
		hs = append(hs, Holding{Point: p, Spans: append(t.closed[p], Span{From: from})})
		delete(t.closed, p)
	}
	for p, spans := range t.closed {
		if len(spans) > 0 {
			hs = append(hs, Holding{Point: p, Spans: spans})
		}
	}
	slices.SortFunc(hs, func(a, b Holding) int { return comparePoints(a.Point, b.Point) })
	return hs
}

// pointReader reads stated sets, each text once: most statements repeat the one
// before them.
type pointReader struct {
	region string
	read   map[string][]contactpoint.Point
}

// points reads a stated set; field 0 is phones, 1 e-mails, 2 handles.
func (r pointReader) points(field int, said stdjson.RawMessage) []contactpoint.Point {
	key := string(rune('0'+field)) + string(said)
	if ps, ok := r.read[key]; ok {
		return ps
	}
	var c events.CustomerRecorded
	into := [...]any{&c.Phones, &c.Emails, &c.Handles}[field]
	if err := json.Unmarshal(said, into); err != nil {
		return nil // Apply has decoded the same bytes
	}
	if len(c.Phones) > 0 {
		c.Nationality = r.region // Points derives the region from c
		for i := range c.Phones {
			c.Phones[i].Region = cmp.Or(c.Phones[i].Region, r.region)
		}
	}
	ps := Points(&c)
	r.read[key] = ps
	return ps
}
