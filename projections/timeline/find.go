package timeline

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// Found is one interaction by its id.
type Found struct {
	Entry
	Record     events.RecordKey // its own, in its system
	AssignedTo uuid.UUID        // the customer record that somebody assigned it to; Nil: none
	AssignedAt time.Time        // of the last word about that; zero: there was none
}

// Find gives an interaction. events.ErrNotFound: there is none with that id, or it
// was withdrawn at its source.
func Find(ctx context.Context, r projections.Reader, id uuid.UUID) (Found, error) {
	v, ok, err := r.Get(ctx, interactions, id[:])
	if err != nil {
		return Found{}, fmt.Errorf("read %s: %w", interactions, err)
	}
	if !ok {
		return Found{}, fmt.Errorf("find interaction: %w", events.ErrNotFound)
	}
	x, err := decode(v)
	if err != nil {
		return Found{}, err
	}
	if !x.shown() {
		return Found{}, fmt.Errorf("find interaction: %w", events.ErrNotFound)
	}
	var said struct {
		Record events.RecordKey `json:"record"`
	}
	if err := json.Unmarshal(x.said.Value.data, &said); err != nil {
		return Found{}, damaged()
	}
	return Found{Entry: x.entry(id), Record: said.Record.Normal(), AssignedTo: x.assigned.Value, AssignedAt: x.assigned.Stamp.Time}, nil
}

func (x *interaction) entry(id uuid.UUID) Entry {
	s := &x.said.Value
	return Entry{ID: id, At: s.at, Source: x.said.Stamp.Source, Event: x.said.Stamp.Event, Channel: s.channel, Direction: s.direction,
		Assigned: x.assigned.Value != uuid.Nil, Data: s.data}
}
