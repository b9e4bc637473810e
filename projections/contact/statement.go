package contact

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
)

// Statement is one contact.stated as it is kept: normalised for deciding, and
// whole enough for every answer about it.
type Statement struct {
	Folio    string
	Event    events.EventID
	Position events.Position
	Recorded time.Time

	Choice        events.Choice
	Scope         events.Scope // codes normalised, sorted, each once
	StatedAt      time.Time    // never after Recorded
	EffectiveFrom time.Time    // zero: from StatedAt
	Until         time.Time    // zero: no end
	Records       []Subject
	Points        []contactpoint.Point

	Via        events.Via
	TextShown  string
	Evidence   string
	LegalBasis string
	Reason     string

	Unconfirmed bool           // read out of an event that was not valid
	Of          events.EventID // that event, where Unconfirmed
	Problem     string         // why it was not valid

	// Read with the statement, not part of it:
	Withdrawn    *Withdrawal
	SupersededAt time.Time // Unconfirmed, and when the event arrived in a valid form; zero: not yet

	on scopeIndex
}

// Subject is a record that a statement is about.
type Subject struct {
	ID  uuid.UUID
	Key events.RecordKey
}

// Withdrawal is a statement taken back.
type Withdrawal struct {
	Stamp    events.Stamp
	Recorded time.Time
	By       string
	Reason   string
}

// scopeIndex is what deciding needs of a scope, computed once per read.
type scopeIndex struct {
	channels     channelSet
	anyChannel   bool // a deny that names a channel which nobody knows means all of them
	unknownCause bool // names a purpose which nobody knows: taken for marketing
}

// from is when the statement begins to be effective.
func (s *Statement) from() time.Time {
	if s.EffectiveFrom.IsZero() {
		return s.StatedAt
	}
	return s.EffectiveFrom
}

// effective says whether the statement counts at a time, by what was known at
// another one (zero: now).
func (s *Statement) effective(at, known time.Time) bool {
	return s.counts(known) && !at.Before(s.from()) && (s.Until.IsZero() || at.Before(s.Until))
}

// counts says whether the statement was there and neither taken back nor replaced.
func (s *Statement) counts(known time.Time) bool {
	if known.IsZero() {
		return s.Withdrawn == nil && s.SupersededAt.IsZero()
	}
	return !s.Recorded.After(known) && (s.Withdrawn == nil || s.Withdrawn.Recorded.After(known)) &&
		(s.SupersededAt.IsZero() || s.SupersededAt.After(known))
}

// index computes what deciding needs.
func (s *Statement) index() {
	s.on = scopeIndex{}
	for _, c := range s.Scope.Channels {
		if bit := channelBit(c); bit != 0 {
			s.on.channels |= bit
		} else {
			s.on.anyChannel = true
		}
	}
	for _, p := range s.Scope.Purposes {
		if _, _, known := purposeCode(p); !known {
			s.on.unknownCause = true
		}
	}
}

// newStatement reads a contact.stated. A deny is kept whatever of it can be
// read; an allow must be readable in full, since what is dropped from its scope
// or time would widen it.
func newStatement(e events.Decoded, in *events.ContactStated) (*Statement, error) {
	s := &Statement{
		Folio: events.StatementID(e.Source, e.ID), Event: events.EventID{Source: e.Source, ID: e.ID},
		Position: e.Position, Recorded: e.RecordedTime.UTC(), Choice: in.Choice,
		Via: in.Via, TextShown: in.TextShown, Evidence: in.Evidence, LegalBasis: in.LegalBasis, Reason: in.Reason,
	}
	if s.Choice != events.Deny && s.Choice != events.Allow {
		return nil, fmt.Errorf("read statement at %d: choice is neither deny nor allow: %w", e.Position, events.ErrInvalid)
	}
	if err := s.readTimes(e, in); err != nil {
		return nil, err
	}
	if err := s.readScope(in.Scope); err != nil {
		return nil, err
	}
	if err := s.readSubjects(in); err != nil {
		return nil, err
	}
	if err := s.readExt(e, in.Ext); err != nil {
		return nil, err
	}
	s.index()
	return s, nil
}

func (s *Statement) readTimes(e events.Decoded, in *events.ContactStated) error {
	stated, ok := readTime(in.StatedAt)
	if !ok {
		stated = e.Time.UTC()
	}
	if !s.Recorded.IsZero() && stated.After(s.Recorded) {
		stated = s.Recorded
	}
	s.StatedAt = stated
	for _, f := range [...]struct {
		in   string
		into *time.Time
		name string
	}{{in.EffectiveFrom, &s.EffectiveFrom, "effective_from"}, {in.Until, &s.Until, "until"}} {
		if f.in == "" {
			continue
		}
		t, ok := readTime(f.in)
		if !ok && s.Choice == events.Allow {
			return fmt.Errorf("read statement at %d: %s of an allow is no time: %w", e.Position, f.name, events.ErrInvalid)
		}
		*f.into = t // a deny without a readable time holds from when it was stated, for good
	}
	return nil
}

func readTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(s))
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t.UTC(), true
}

func (s *Statement) readScope(in events.Scope) error {
	purpose := func(c string) string { name, _, _ := purposeCode(c); return name }
	for _, d := range [...]struct {
		in   []string
		into *[]string
		code func(string) string
	}{
		{in.Channels, &s.Scope.Channels, channelCode}, {in.Purposes, &s.Scope.Purposes, purpose},
		{in.Products, &s.Scope.Products, plain}, {in.Brands, &s.Scope.Brands, plain}, {in.Topics, &s.Scope.Topics, plain},
	} {
		*d.into = codes(d.in, d.code)
		if s.Choice == events.Allow && len(d.in) > 0 && len(*d.into) == 0 {
			return fmt.Errorf("read statement at %d: a dimension of an allow names nothing: %w", s.Position, events.ErrInvalid)
		}
	}
	return nil
}

// codes normalises a dimension: sorted, each code once, blank ones left out.
func codes(in []string, code func(string) string) []string {
	var out []string
	for _, c := range in {
		if c = code(c); c != "" {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *Statement) readSubjects(in *events.ContactStated) error {
	for _, k := range in.Records {
		if !k.IsZero() {
			k = k.Normal()
			s.Records = append(s.Records, Subject{ID: k.UUID(), Key: k})
		}
	}
	slices.SortFunc(s.Records, func(a, b Subject) int { return a.Key.Compare(b.Key) })
	s.Records = slices.Compact(s.Records)
	for _, p := range in.ContactPoints {
		if q, ok := PointOf(p); ok {
			s.Points = append(s.Points, q)
		}
	}
	slices.SortFunc(s.Points, comparePoints)
	s.Points = slices.Compact(s.Points)
	if len(s.Records) == 0 && len(s.Points) == 0 {
		return fmt.Errorf("read statement at %d: names no record and no readable contact point: %w", s.Position, events.ErrInvalid)
	}
	return nil
}

func comparePoints(a, b contactpoint.Point) int {
	if c := strings.Compare(string(a.Kind), string(b.Kind)); c != 0 {
		return c
	}
	return strings.Compare(a.Value, b.Value)
}

// readExt takes the hub's own notes; from anybody else they mean nothing.
func (s *Statement) readExt(e events.Decoded, ext *events.StatementExt) error {
	if ext == nil || !ext.Unconfirmed || !fromHub(e.Source) {
		return nil
	}
	if s.Choice != events.Deny {
		return fmt.Errorf("read statement at %d: only a deny can be provisional: %w", e.Position, events.ErrInvalid)
	}
	s.Unconfirmed, s.Problem = true, ext.Problem
	if ext.Of != nil {
		s.Of = *ext.Of
	}
	return nil
}

func fromHub(source string) bool {
	return source == events.HubSource || strings.HasPrefix(source, events.HubSource+"/")
}

// PointOf gives the normal form of a contact point as an event names it; false
// where nothing of it can be read.
func PointOf(p events.ContactPoint) (contactpoint.Point, bool) {
	switch {
	case p.Phone != "":
		return contactpoint.Phone(p.Phone, "")
	case p.Email != "":
		return contactpoint.Email(p.Email)
	case p.Handle != "":
		return contactpoint.Handle(p.Handle, p.Network)
	case p.Address != nil:
		a := p.Address
		parts := append(slices.Clone(a.Lines), a.Street, a.Number, a.Unit, a.Locality, a.Region, a.PostalCode, a.Country)
		return contactpoint.Address(parts...)
	}
	return contactpoint.Point{}, false
}
