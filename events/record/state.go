package record

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	stdjson "encoding/json"

	"ficha/events"
)

// State is what one source record says. The zero State has heard nothing. It is
// made by [Apply] and kept as JSON; its fields are for storing, read it through
// its methods. Not safe for concurrent changes.
type State struct {
	Key events.RecordKey `json:"key"`
	// Parts holds what is still in force of each statement, oldest first. Only
	// the first one can be full.
	Parts []Part `json:"parts,omitempty"`
	// Withdrawn is the newest withdrawal, with its reason.
	Withdrawn *Latest[string] `json:"withdrawn,omitempty"`
	// Past is there from the second statement on; before, Parts say it all.
	Past *Past `json:"past,omitempty"`
}

// Part is what is still in force of one statement.
type Part struct {
	Stamp events.Stamp `json:"stamp"`
	Full  bool         `json:"full,omitempty"`
	// Data is a JSON object of the fields as stated; null means cleared.
	Data stdjson.RawMessage `json:"data"`
}

// Apply merges a customer.recorded.v1 or customer.withdrawn.v1 into s. It says
// whether s is another one now; the same statement again changes nothing. An
// error (events.ErrInvalid: other type, unreadable data, another record) leaves s
// as it was. The data of e is kept and must not be changed afterwards.
func Apply(s *State, e events.Envelope) (changed bool, err error) {
	switch e.Type {
	case events.CustomerRecordedV1:
		return s.applyRecorded(e)
	case events.CustomerWithdrawnV1:
		return s.applyWithdrawn(e)
	}
	return false, fmt.Errorf("apply %s to record: %w", e.Type, events.ErrInvalid)
}

func (s *State) applyRecorded(e events.Envelope) (bool, error) {
	var c events.CustomerRecorded
	if err := json.Unmarshal(e.Data, &c); err != nil {
		return false, fmt.Errorf("read %s: %w", e.Type, events.ErrInvalid) // the cause may quote the data
	}
	part := Part{Stamp: events.StampOf(e, c.Record.Revision), Full: c.Mode == events.ModeFull, Data: e.Data}
	if known, err := s.hears(c.Record.RecordKey, part.Stamp); known || err != nil {
		return false, err
	}
	if s.silent() {
		s.Key, s.Parts = c.Record.Normal(), []Part{part}
		return true, nil
	}
	moment, err := momentOf(part)
	if err != nil {
		return false, err
	}
	parts, err := insertPart(s.Parts, part)
	if err != nil {
		return false, err
	}
	if err := s.remember(moment); err != nil {
		return false, err
	}
	s.Parts = parts
	return true, nil
}

func (s *State) applyWithdrawn(e events.Envelope) (bool, error) {
	var w events.CustomerWithdrawn
	if err := json.Unmarshal(e.Data, &w); err != nil {
		return false, fmt.Errorf("read %s: %w", e.Type, events.ErrInvalid)
	}
	stamp := events.StampOf(e, w.Record.Revision)
	if known, err := s.hears(w.Record.RecordKey, stamp); known || err != nil {
		return false, err
	}
	if s.silent() {
		s.Key = w.Record.Normal()
	} else if err := s.remember(Moment{Stamp: stamp, Gone: true}); err != nil {
		return false, err
	}
	if s.Withdrawn == nil {
		s.Withdrawn = new(Latest[string])
	}
	s.Withdrawn.Take(stamp, w.Reason)
	return true, nil
}

// silent says whether nothing was stated yet.
func (s *State) silent() bool { return len(s.Parts) == 0 && s.Withdrawn == nil }

// hears checks that a statement is about this record, and says whether it was
// heard before.
func (s *State) hears(k events.RecordKey, stamp events.Stamp) (known bool, err error) {
	if k.IsZero() {
		return false, fmt.Errorf("apply statement: no record named: %w", events.ErrInvalid)
	}
	switch {
	case s.silent():
		return false, nil
	case k.Normal() != s.Key:
		return false, fmt.Errorf("apply statement: it is about another record: %w", events.ErrInvalid)
	case s.Past != nil:
		return s.Past.has(stamp), nil
	}
	return s.only().Stamp.Compare(stamp) == 0, nil
}

// only gives the one statement of a state without past.
func (s *State) only() Part {
	if len(s.Parts) > 0 {
		return s.Parts[0]
	}
	return Part{Stamp: s.Withdrawn.Stamp}
}

// remember adds a moment to the past, which begins with the statement before it.
func (s *State) remember(m Moment) error {
	if s.Past == nil {
		first := Moment{Stamp: s.only().Stamp, Gone: true}
		if len(s.Parts) > 0 {
			var err error
			if first, err = momentOf(s.Parts[0]); err != nil {
				return err
			}
		}
		s.Past = &Past{}
		s.Past.add(first)
	}
	s.Past.add(m)
	return nil
}

// Newest is the stamp of the newest customer.recorded; zero if there was none.
func (s *State) Newest() events.Stamp {
	if len(s.Parts) == 0 {
		return events.Stamp{}
	}
	return s.Parts[len(s.Parts)-1].Stamp
}

// Live says whether the record is there at its source: it was recorded, and not
// withdrawn since.
func (s *State) Live() bool {
	if len(s.Parts) == 0 {
		return false
	}
	return s.Withdrawn == nil || s.Newest().Compare(s.Withdrawn.Stamp) > 0
}

// insertPart gives parts with p among them, each cut down to what no later one
// says. The given slice and its elements are not changed.
func insertPart(parts []Part, p Part) ([]Part, error) {
	i, known := slices.BinarySearchFunc(parts, p, func(a, b Part) int { return a.Stamp.Compare(b.Stamp) })
	if known || i == 0 && len(parts) > 0 && parts[0].Full {
		return parts, nil // heard before, or hidden whole by a later full statement
	}
	if p.Full {
		parts, i = parts[i:], 0
	}
	all := slices.Insert(slices.Clone(parts), i, p)
	return cutHidden(all)
}

// cutHidden removes from each part what later parts say too, and parts of which
// nothing is left; a full one stays, since it says "absent" of all that is unnamed.
func cutHidden(parts []Part) ([]Part, error) {
	later := newNames()
	kept := make([]Part, 0, len(parts))
	for _, p := range slices.Backward(parts) {
		ms, err := members(p.Data)
		if err != nil {
			return nil, err
		}
		left, shorter, err := later.cut(ms)
		if err != nil {
			return nil, err
		}
		if shorter {
			p.Data = object(left)
		}
		if len(left) > 0 || p.Full {
			kept = append(kept, p)
		}
	}
	slices.Reverse(kept)
	return kept, nil
}
