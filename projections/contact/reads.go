package contact

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

// Status says what a statement is worth at a moment.
type Status string

// The statuses.
const (
	StatusInForce    Status = "in_force"
	StatusNotYet     Status = "not_yet"    // effective_from has not come
	StatusEnded      Status = "ended"      // until has passed
	StatusWithdrawn  Status = "withdrawn"  // taken back
	StatusSuperseded Status = "superseded" // provisional, and replaced by its valid form
)

// StatementView is a statement as callers see it.
type StatementView struct {
	ID            string             `json:"id"` // folio
	Choice        events.Choice      `json:"choice"`
	Status        Status             `json:"status"`
	Scope         events.Scope       `json:"scope"`
	StatedAt      time.Time          `json:"stated_at"`
	EffectiveFrom time.Time          `json:"effective_from,omitzero"`
	Until         time.Time          `json:"until,omitzero"`
	RecordedAt    time.Time          `json:"recorded_at"`
	Records       []events.RecordKey `json:"records"`
	ContactPoints []PointView        `json:"contact_points"`
	Via           events.Via         `json:"via,omitzero"`
	TextShown     string             `json:"text_shown,omitempty"`
	Evidence      string             `json:"evidence,omitempty"`
	LegalBasis    string             `json:"legal_basis,omitempty"`
	Reason        string             `json:"reason,omitempty"`
	Unconfirmed   bool               `json:"unconfirmed,omitempty"`
	Problem       string             `json:"problem,omitempty"`
	Withdrawn     *WithdrawnView     `json:"withdrawn,omitempty"`
	Held          *HeldView          `json:"held,omitempty"` // not about the customer's records: it binds them only because they were once grouped
	Position      events.Position    `json:"position"`
}

// PointView is a contact point as callers see it: the normal form.
type PointView struct {
	Kind  contactpoint.Kind `json:"kind"`
	Value string            `json:"value"`
}

// WithdrawnView says how a statement was taken back.
type WithdrawnView struct {
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// Statements gives every statement about the records, or about contact points
// that may be the given ones, newest first, each once; withdrawn and ended ones
// too. Limits on their number are the caller's.
func Statements(ctx context.Context, r projections.Reader, records []uuid.UUID, points []contactpoint.Point, now time.Time) ([]StatementView, error) {
	folios := map[folioKey]struct{}{}
	add := func(f folioKey) error { folios[f] = struct{}{}; return nil }
	for _, id := range records {
		if err := postings(ctx, r, TableByRecord, id[:], add); err != nil {
			return nil, err
		}
	}
	for _, p := range points {
		class, tail := lookupKeys(p)
		if err := postings(ctx, r, TableByPoint, []byte(class), add); err != nil {
			return nil, err
		}
		if tail == "" {
			continue
		}
		if err := postings(ctx, r, TableByPoint, []byte(tail), add); err != nil {
			return nil, err
		}
	}
	views := make([]StatementView, 0, len(folios))
	for f := range folios {
		s, err := readStatement(ctx, r, f)
		if err != nil {
			return nil, err
		}
		views = append(views, s.view(now))
	}
	return newestFirst(views), nil
}

func newestFirst(views []StatementView) []StatementView {
	slices.SortFunc(views, func(a, b StatementView) int {
		if c := b.StatedAt.Compare(a.StatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return views
}

// FindStatement gives the statement with a folio, as people write folios.
// ErrInvalid: it is no folio. ErrNotFound: there is no such statement.
func FindStatement(ctx context.Context, r projections.Reader, folio string, now time.Time) (StatementView, error) {
	f, err := parseFolio(folio)
	if err != nil {
		return StatementView{}, err
	}
	s, err := readStatement(ctx, r, f)
	if err != nil {
		return StatementView{}, err
	}
	return s.view(now), nil
}

func (s *Statement) view(now time.Time) StatementView {
	v := StatementView{ID: s.Folio, Choice: s.Choice, Status: s.status(now), Scope: s.Scope, StatedAt: s.StatedAt,
		EffectiveFrom: s.EffectiveFrom, Until: s.Until, RecordedAt: s.Recorded, Records: []events.RecordKey{},
		ContactPoints: []PointView{}, Via: s.Via, TextShown: s.TextShown, Evidence: s.Evidence, LegalBasis: s.LegalBasis,
		Reason: s.Reason, Unconfirmed: s.Unconfirmed, Problem: s.Problem, Position: s.Position}
	for _, r := range s.Records {
		v.Records = append(v.Records, r.Key)
	}
	for _, p := range s.Points {
		v.ContactPoints = append(v.ContactPoints, PointView{Kind: p.Kind, Value: p.Value})
	}
	if w := s.Withdrawn; w != nil {
		v.Withdrawn = &WithdrawnView{At: w.Stamp.Time, By: w.By, Reason: w.Reason}
	}
	return v
}

func (s *Statement) status(now time.Time) Status {
	switch {
	case s.Withdrawn != nil:
		return StatusWithdrawn
	case !s.SupersededAt.IsZero():
		return StatusSuperseded
	case now.Before(s.from()):
		return StatusNotYet
	case !s.Until.IsZero() && !now.Before(s.Until):
		return StatusEnded
	}
	return StatusInForce
}

// Summary is the part about contacting on a customer's page. It is for reading:
// whoever wants to contact asks a [Checker], which knows whether it is fresh.
type Summary struct {
	Channels []ChannelSummary `json:"channels"` // for marketing, the channels for which a contact point is known
	Blocked  []Reason         `json:"blocked"`  // every deny and restriction in force, whatever it is about
	// Freed are the denies that the customer carried away from a split, and that
	// people confirmed to be none of the customer's.
	Freed []FreedStatement `json:"freed,omitempty"`
}

// FreedStatement is a deny that binds a customer no more, and who said so.
type FreedStatement struct {
	Statement string      `json:"statement"` // folio
	Freed     []FreedView `json:"freed"`     // oldest first
}

// ChannelSummary says whether marketing may use a channel.
type ChannelSummary struct {
	Channel  string   `json:"channel"`
	Decision Decision `json:"decision"`
	Reasons  []Code   `json:"reasons"`
}

// Summariser writes summaries.
type Summariser struct {
	ident Identity
	words Catalogue
}

// NewSummariser gives a summariser that asks ident who is who.
func NewSummariser(ident Identity) (*Summariser, error) {
	words, err := LoadCatalogue()
	if err != nil {
		return nil, err
	}
	return &Summariser{ident: ident, words: words}, nil
}

// Summary sums up what was stated about contacting a customer, named by any id.
func (s *Summariser) Summary(ctx context.Context, r projections.Reader, customer uuid.UUID, now time.Time) (Summary, error) {
	req := &Request{Who: Who{CustomerID: customer.String()}}
	l, err := load(ctx, r, s.ident, req)
	if err != nil {
		return Summary{}, err
	}
	if err := l.widen(); err != nil {
		return Summary{}, err
	}
	out := Summary{Channels: []ChannelSummary{}, Blocked: []Reason{}}
	for _, reason := range Decide(&l.facts, req, now).Reasons {
		if reason.Effect == EffectDeny {
			out.Blocked = append(out.Blocked, reason)
		}
	}
	s.words.explain(out.Blocked)
	if out.Freed, err = l.freedStatements(); err != nil {
		return Summary{}, err
	}
	for bit := channelSet(1); bit < allChannels; bit <<= 1 {
		if slices.ContainsFunc(l.facts.Points, func(p PointFact) bool { return bit.fits(p.Point.Kind) }) {
			out.Channels = append(out.Channels, summariseChannel(&l.facts, bit.name(), now))
		}
	}
	return out, nil
}

func summariseChannel(f *Facts, channel string, now time.Time) ChannelSummary {
	ans := Decide(f, &Request{Channel: channel, Purpose: string(ClassMarketing)}, now)
	c := ChannelSummary{Channel: channel, Decision: ans.Decision, Reasons: []Code{}}
	for _, reason := range ans.Reasons {
		if reason.Effect == EffectDeny && !slices.Contains(c.Reasons, reason.Code) {
			c.Reasons = append(c.Reasons, reason.Code)
		}
	}
	return c
}
