package letters

import (
	"fmt"
	"strconv"
	"strings"

	"ficha/events"
)

// Kind says where a dead letter is kept.
type Kind string

// The kinds.
const (
	Inbox  Kind = "inbox" // among the dead letters of the door, with its original bytes
	Folded Kind = "fold"  // in the log; a projection could not fold it
)

// Name identifies a dead letter.
type Name struct {
	Kind       Kind
	Number     uint64          // of an inbox letter
	Projection string          // that could not fold the event
	Position   events.Position // of the event in the log
}

// OfInbox names the dead letter of the door with a number.
func OfInbox(number uint64) Name { return Name{Kind: Inbox, Number: number} }

// OfFold names the event at a position that a projection could not fold.
func OfFold(projection string, p events.Position) Name {
	return Name{Kind: Folded, Projection: projection, Position: p}
}

// String gives the letter's id: inbox-17, fold-golden-812.
func (n Name) String() string {
	if n.Kind == Inbox {
		return string(Inbox) + "-" + strconv.FormatUint(n.Number, 10)
	}
	return string(Folded) + "-" + n.Projection + "-" + n.Position.String()
}

// Parse reads an id as [Name.String] writes it; anything else is ErrInvalid.
func Parse(id string) (Name, error) {
	invalid := fmt.Errorf("read id of dead letter: %w", events.ErrInvalid)
	kind, rest, _ := strings.Cut(id, "-")
	var n Name
	switch Kind(kind) {
	case Inbox:
		number, err := strconv.ParseUint(rest, 10, 64)
		if err != nil {
			return Name{}, invalid
		}
		n = OfInbox(number)
	case Folded:
		last := strings.LastIndexByte(rest, '-')
		if last < 1 {
			return Name{}, invalid
		}
		position, err := strconv.ParseUint(rest[last+1:], 10, 64)
		if err != nil {
			return Name{}, invalid
		}
		n = OfFold(rest[:last], events.Position(position))
	}
	if n.String() != id || n.Number == 0 && n.Position == 0 {
		return Name{}, invalid
	}
	return n, nil
}
