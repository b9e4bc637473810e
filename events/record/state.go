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

	// read is the one statement that was taken, decoded already; nil when the
	// state was loaded, or has taken more.
	read *events.CustomerRecorded
}

// Part is what is still in force of one statement.
type Part struct {
	Stamp events.Stamp `json:"stamp"`
	Full  bool         `json:"full,omitzero"`
	// Data is a JSON object of the fields as stated; null means cleared.
	Data stdjson.RawMessage `json:"data"`
}

// Statement is a customer.recorded.v1 or customer.withdrawn.v1 that was read and
// is good to be taken.
type Statement struct {
	key    events.RecordKey
	part   Part   // its Data is nil for a withdrawal
	reason string // of a withdrawal
	read   *events.CustomerRecorded
}

// Read reads a statement (events.ErrInvalid: another type, or unreadable data).
// The data of e is kept and must not be changed afterwards.
func Read(e events.Envelope) (Statement, error) {
	var st Statement
	var err error
	switch e.Type {
	case events.CustomerRecordedV1:
		st, err = readRecorded(e)
	case events.CustomerWithdrawnV1:
		st, err = readWithdrawn(e)
	default:
		return st, fmt.Errorf("read %s as statement about a record: %w", e.Type, events.ErrInvalid)
	}
	if err != nil {
		return st, fmt.Errorf("read %s: %w", e.Type, events.ErrInvalid) // the cause may quote the data
	}
	if st.key.IsZero() {
		return st, fmt.Errorf("read %s: no record named: %w", e.Type, events.ErrInvalid)
	}
	return st, nil
}

func readRecorded(e events.Envelope) (Statement, error) {
	c := new(events.CustomerRecorded)
	if err := json.Unmarshal(e.Data, c); err != nil {
		return Statement{}, err
	}
	dropNulls(c)
	p := Part{Stamp: events.StampOf(e, c.Record.Revision), Full: c.Mode == events.ModeFull, Data: e.Data}
	return Statement{key: c.Record.Normal(), part: p, read: c}, nil
}

func readWithdrawn(e events.Envelope) (Statement, error) {
	var w events.CustomerWithdrawn
	if err := json.Unmarshal(e.Data, &w); err != nil {
		return Statement{}, err
	}
	return Statement{key: w.Record.Normal(), part: Part{Stamp: events.StampOf(e, w.Record.Revision)}, reason: w.Reason}, nil
}

// Key is the record that the statement is about, with its stream.
func (st Statement) Key() events.RecordKey { return st.key }

// Stamp orders the statement among those about its record.
func (st Statement) Stamp() events.Stamp { return st.part.Stamp }

func (st Statement) withdraws() bool { return st.part.Data == nil }

func (st Statement) said() (Moment, error) {
	if st.withdraws() {
		return Moment{Stamp: st.part.Stamp, Gone: true}, nil
	}
	return momentOf(st.part)
}

// Apply reads e and merges it into s: see [Read] and [State.Take].
func Apply(s *State, e events.Envelope) (changed bool, err error) {
	st, err := Read(e)
	if err != nil {
		return false, err
	}
	return s.Take(st)
}

// Take merges a statement into s. It says whether s is another one now; the same
// statement again changes nothing. An error (events.ErrInvalid: it is about
// another record) leaves s as it was.
func (s *State) Take(st Statement) (changed bool, err error) {
	if known, err := s.heard(st); known || err != nil {
		return false, err
	}
	if s.silent() {
		s.Key = st.key
		if !st.withdraws() {
			s.Parts, s.read = []Part{st.part}, st.read
			return true, nil
		}
	} else if err := s.takeAnother(st); err != nil {
		return false, err
	}
	if st.withdraws() {
		if s.Withdrawn == nil {
			s.Withdrawn = new(Latest[string])
		}
		s.Withdrawn.Take(st.part.Stamp, st.reason)
	}
	return true, nil
}

// takeAnother merges a statement into a state that has heard one before.
func (s *State) takeAnother(st Statement) error {
	moment, err := st.said()
	if err != nil {
		return err
	}
	parts := s.Parts
	if !st.withdraws() {
		if parts, err = insertPart(parts, st.part); err != nil {
			return err
		}
	}
	if err := s.remember(moment); err != nil {
		return err
	}
	s.Parts, s.read = parts, nil
	return nil
}

// silent says whether nothing was stated yet.
func (s *State) silent() bool { return len(s.Parts) == 0 && s.Withdrawn == nil }

// heard says whether the statement was taken before, and refuses one about
// another record.
func (s *State) heard(st Statement) (bool, error) {
	switch {
	case s.silent():
		return false, nil
	case st.key != s.Key:
		return false, fmt.Errorf("take statement: it is about another record: %w", events.ErrInvalid)
	case s.Past != nil:
		return s.Past.has(st.part.Stamp), nil
	}
	return s.only().Stamp.Compare(st.part.Stamp) == 0, nil
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
