package timeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/projections"
)

// Fold is the timeline projection. It has no state of its own.
type Fold struct{}

var _ projections.Fold = Fold{}

// New gives the fold.
func New() Fold { return Fold{} }

// Name is "timeline".
func (Fold) Name() string { return "timeline" }

// Version is that of the rows described in the package comment.
func (Fold) Version() int { return 1 }

// Tables lists the tables of the package comment.
func (Fold) Tables() []projections.Table { return []projections.Table{interactions, timeline} }

// Apply folds statements about interactions and skips everything else. It refuses
// statements that name no interaction (events.ErrInvalid).
func (Fold) Apply(w projections.Work, e events.Decoded) error {
	switch p := e.Payload.(type) {
	case *events.InteractionRecorded:
		said := read(p, e.Envelope)
		return change(w, p.Record.RecordKey, func(x *interaction) bool {
			return x.said.Take(events.StampOf(e.Envelope, p.Record.Revision), said)
		})
	case *events.InteractionAssigned:
		var to uuid.UUID
		if p.Customer != nil {
			to = p.Customer.UUID()
		}
		return change(w, p.Interaction, func(x *interaction) bool {
			return x.assigned.Take(events.StampOf(e.Envelope, nil), to)
		})
	case *events.InteractionWithdrawn:
		return change(w, p.Record.RecordKey, func(x *interaction) bool {
			return x.withdrawn.Take(events.StampOf(e.Envelope, p.Record.Revision), struct{}{})
		})
	}
	return nil
}

// read takes from a statement what the rows need.
func read(p *events.InteractionRecorded, e events.Envelope) statement {
	at, err := time.Parse(time.RFC3339, p.StartedAt)
	if err != nil {
		at = e.Time
	}
	s := statement{at: at.UTC(), channel: p.Channel, direction: p.Direction, data: e.Data}
	if p.Customer != nil && !p.Customer.IsZero() {
		s.owners, s.ends = []string{recordOwner(p.Customer.UUID())}, []string{""}
		return s
	}
	for _, c := range p.ContactPoints {
		if point, ok := readPoint(c); ok {
			s.owners, s.ends = append(s.owners, pointOwner(point)), append(s.ends, pointEnd(point))
		}
	}
	return s
}

func readPoint(c events.ContactPoint) (contactpoint.Point, bool) {
	switch {
	case c.Phone != "":
		return contactpoint.Phone(c.Phone, "")
	case c.Email != "":
		return contactpoint.Email(c.Email)
	case c.Handle != "":
		return contactpoint.Handle(c.Handle, c.Network)
	}
	return contactpoint.Point{}, false
}

// change lets take hear a statement about an interaction and, if that is news,
// rewrites its rows.
func change(w projections.Work, key events.RecordKey, take func(*interaction) bool) error {
	if key.IsZero() {
		return fmt.Errorf("apply statement: no interaction named: %w", events.ErrInvalid)
	}
	id := key.UUID()
	x := new(interaction)
	var before []row
	if v, ok := w.Get(interactions, id[:]); ok {
		var err error
		if x, err = decode(v); err != nil {
			return err
		}
		before = x.rows(id)
	}
	if !take(x) {
		return nil
	}
	w.Put(interactions, id[:], x.encode())
	after := x.rows(id)
	for _, r := range before {
		if !slices.ContainsFunc(after, r.sameKey) {
			w.Delete(timeline, r.key)
		}
	}
	for _, r := range after {
		if !slices.ContainsFunc(before, r.same) {
			w.Put(timeline, r.key, r.value)
		}
	}
	return nil
}

// row is a row of timeline.
type row struct{ key, value []byte }

func (r row) sameKey(o row) bool { return string(r.key) == string(o.key) }

func (r row) same(o row) bool { return r.sameKey(o) && string(r.value) == string(o.value) }

// rows gives the timeline rows of an interaction as it stands.
func (x *interaction) rows(id uuid.UUID) []row {
	if !x.shown() {
		return nil
	}
	s := &x.said.Value
	at := placeOf(s.at, id)
	value := []byte(s.channel + "\x00" + s.direction)
	if x.assigned.Value != uuid.Nil {
		return []row{{rowKey(recordOwner(x.assigned.Value), at, ""), value}}
	}
	out := make([]row, len(s.owners))
	for i := range s.owners {
		out[i] = row{rowKey(s.owners[i], at, s.ends[i]), value}
	}
	return out
}
