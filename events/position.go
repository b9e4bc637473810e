package events

import (
	"fmt"
	"strconv"
)

// Position is an event's place in the log: the first event has 1, zero is
// "before everything". Positions are comparable and never reused.
type Position uint64

// ParsePosition reads what [Position.String] wrote.
func ParsePosition(s string) (Position, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse position %q: want a whole number: %w", s, ErrInvalid)
	}
	return Position(n), nil
}

func (p Position) String() string { return strconv.FormatUint(uint64(p), 10) }

// IsZero says whether p is before every event.
func (p Position) IsZero() bool { return p == 0 }
