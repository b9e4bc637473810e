package changes

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
)

// Kind says what happened to a customer.
type Kind string

// The kinds. The first five are steps of a customer's version.
const (
	Created     Kind = "created"      // the id is a customer of its own: new, or again after a split
	Changed     Kind = "changed"      // other values, or other records without a merge or split
	Merged      Kind = "merged"       // it took in others, which are redirected
	Split       Kind = "split"        // it lost records to others
	Redirected  Kind = "redirected"   // the id answers as another customer now
	ContactFlip Kind = "contact_flip" // other statements bind it: ask again
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Created, Changed, Merged, Split, Redirected, ContactFlip} }

// Change is one thing that the feed says. Which fields are set follows from Kind.
type Change struct {
	ID       ID              `json:"id"`
	Position events.Position `json:"position"` // of the event that made it
	Kind     Kind            `json:"kind"`
	Time     time.Time       `json:"time"` // when the hub took that event

	// Customer is the id that it is about; zero in a contact_flip about a contact
	// point that too many hold: then it may be about anybody.
	Customer uuid.UUID `json:"customer,omitzero"`
	// Version is golden's of that id after the event. It grows for ever; zero for
	// an id that was never a customer here (a record that lost a merge at its source).
	Version uint64 `json:"version,omitzero"`
	// Live is false for a tombstone: all records withdrawn; and for an id that is redirected.
	Live bool `json:"live"`

	Records    []Record `json:"records,omitempty"`    // all that the customer has now
	Attributes []string `json:"attributes,omitempty"` // changed: members of the customer that differ

	Losers []uuid.UUID `json:"losers,omitempty"` // customers that are part of it now
	Parts  []Part      `json:"parts,omitempty"`  // customers that have its records now, itself included
	Moved  []Move      `json:"moved,omitempty"`  // records that came or went; what hangs on a record goes with it
	To     uuid.UUID   `json:"to,omitzero"`      // redirected: the customer that the id answers as

	Binding []string `json:"binding,omitempty"` // folios that bind it and did not
	Freed   []string `json:"freed,omitempty"`   // folios that do not bind it any more
	Choice  string   `json:"choice,omitempty"`  // deny if one of them is a deny or a restriction, else allow
	// More says that there are more folios than are listed; in other kinds, that
	// records, parts and moved are left out because they are too many: ask for the customer.
	More bool `json:"more,omitempty"`
}

// Record is one source record of a customer, as the customer itself lists it.
type Record struct {
	Source    string          `json:"source"`
	Stream    string          `json:"stream"`
	ID        string          `json:"id"`
	UUID      uuid.UUID       `json:"record_uuid"`
	Live      bool            `json:"live"`
	FirstSeen events.Position `json:"first_seen"`
}

// Part is one of the customers that a split left.
type Part struct {
	Customer uuid.UUID `json:"customer"`
	Version  uint64    `json:"version"`
	Records  []Record  `json:"records"`
}

// Move is a record that went from one customer to another.
type Move struct {
	Record uuid.UUID `json:"record"`
	From   uuid.UUID `json:"from"`
	To     uuid.UUID `json:"to"`
}

// Steps says whether the change moved the customer's version, as far as its kind
// tells: a redirected may or may not.
func (k Kind) Steps() bool {
	switch k {
	case Created, Changed, Merged, Split:
		return true
	}
	return false
}

// ID is a change's place in the feed: the position of its event and which of the
// event's changes it is. IDs are comparable; the zero ID is before every change.
type ID struct {
	Position events.Position
	Ordinal  uint16
}

// wholeEvent is the ordinal that no change has: behind all changes of an event.
const wholeEvent = math.MaxUint16

// Through is the id that stands behind all changes of the event at p.
func Through(p events.Position) ID { return ID{p, wholeEvent} }

// ParseID reads "41.3", the change itself, or "41", which is behind all changes
// of the event at 41. Anything else is ErrInvalid.
func ParseID(s string) (ID, error) {
	whole, ordinal, exact := strings.Cut(s, ".")
	p, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || strings.HasPrefix(s, "+") {
		return ID{}, badID()
	}
	if !exact {
		return Through(events.Position(p)), nil
	}
	n, err := strconv.ParseUint(ordinal, 10, 16)
	if err != nil || n == wholeEvent {
		return ID{}, badID()
	}
	return ID{events.Position(p), uint16(n)}, nil
}

func badID() error {
	return fmt.Errorf("read change id: want a position like 41, or 41.3: %w", events.ErrInvalid)
}

// String writes what [ParseID] reads.
func (id ID) String() string {
	if id.Ordinal == wholeEvent {
		return id.Position.String()
	}
	return string(id.append(nil))
}

func (id ID) append(b []byte) []byte {
	b = append(strconv.AppendUint(b, uint64(id.Position), 10), '.')
	return strconv.AppendUint(b, uint64(id.Ordinal), 10)
}

// Compare gives -1, 0 or 1.
func (id ID) Compare(o ID) int {
	return cmp.Or(cmp.Compare(id.Position, o.Position), cmp.Compare(id.Ordinal, o.Ordinal))
}

// MarshalText writes the id as String does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads it as ParseID does.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}
