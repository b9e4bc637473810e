package contact

import (
	"fmt"

	"github.com/google/uuid"

	"ficha/events"
)

// subject is a record whose statements matter. LinkedUntil is zero for a record
// of the customer. For another one it is the position before which something must
// have been stated about it to bind the customer: see links.
type subject struct {
	id          uuid.UUID
	linkedUntil events.Position
	since       events.Position // the latest Since among the links by which it was reached
}

// maxCarried bounds how many records are asked for the holds that they brought
// into a group, and maxLinked how many records may bind one customer. Beyond them
// nobody knows, and the answer is deny.
const (
	maxCarried = 256
	maxLinked  = 4096
)

// links is the web of partings around a customer's records. A record that was
// parted from another one at u carries away all that bound the other before u:
// what was stated about it before u, and what it had carried away itself from a
// parting before u. So a split never turns a deny into an allow, however often
// records were regrouped before it.
type links struct {
	companions map[uuid.UUID][]Companion // as far as read
	carried    int
}

func (l *loader) companions(id uuid.UUID) ([]Companion, error) {
	if cs, read := l.links.companions[id]; read {
		return cs, nil
	}
	cs, err := l.ident.FormerCompanions(l.ctx, l.r, id)
	if err != nil {
		return nil, fmt.Errorf("read former companions: %w", err)
	}
	if l.links.companions == nil && len(cs) > 0 {
		l.links.companions = map[uuid.UUID][]Companion{}
	}
	if len(cs) > 0 {
		l.links.companions[id] = cs
	}
	return cs, nil
}

func (l *loader) addOwn(id uuid.UUID) {
	for i := range l.subjects {
		if l.subjects[i].id == id {
			return
		}
	}
	l.subjects = append(l.subjects, subject{id: id})
}

// addLinked adds the records whose statements were carried away from partings.
// All of the customer's own are there before.
func (l *loader) addLinked() error {
	own := len(l.subjects)
	for i := range own {
		companions, err := l.companions(l.subjects[i].id)
		if err != nil {
			return err
		}
		for _, c := range companions {
			l.reach(c, c.Until)
		}
	}
	for i := 0; i < len(l.subjects); i++ {
		if err := l.addCarried(&i); err != nil {
			return err
		}
		if len(l.subjects)-own > maxLinked || l.links.carried > maxCarried {
			l.facts.Shared, l.facts.Crowded = true, true
			return nil
		}
	}
	return nil
}

// addCarried adds what a linked record had carried away before it was parted from
// one of the customer's. A record that was never parted before it came to them
// carried nothing that they do not have themselves. Where something is reached
// anew by a later parting, the walk goes on from there.
func (l *loader) addCarried(at *int) error {
	from := l.subjects[*at]
	if from.linkedUntil == 0 {
		return nil
	}
	first, err := l.ident.FirstParted(l.ctx, l.r, from.id)
	if err != nil {
		return fmt.Errorf("read former companions: %w", err)
	}
	if first == 0 || first > from.since {
		return nil
	}
	l.links.carried++
	companions, err := l.companions(from.id)
	if err != nil {
		return err
	}
	for _, c := range companions {
		if c.Until < from.linkedUntil {
			if again := l.reach(c, c.Until); again >= 0 && again <= *at {
				*at = again - 1
			}
		}
	}
	return nil
}

// reach notes a linked record and gives its index where it was there already and
// is reached better now, else -1.
func (l *loader) reach(c Companion, until events.Position) int {
	for i := range l.subjects {
		o := &l.subjects[i]
		if o.id != c.Record {
			continue
		}
		if o.linkedUntil == 0 || until <= o.linkedUntil && c.Since <= o.since {
			return -1
		}
		o.linkedUntil, o.since = max(o.linkedUntil, until), max(o.since, c.Since)
		return i
	}
	l.subjects = append(l.subjects, subject{id: c.Record, linkedUntil: until, since: c.Since})
	return -1
}

// freed says whether people confirmed that a deny about a record that was grouped
// with the customer's is none of theirs: on every way by which it was carried
// here, somebody on the way was freed of it after taking it on, and before
// handing it on.
func (l *loader) freed(f folioKey, s *Statement, stating uuid.UUID) (bool, error) {
	confirmed, err := readConfirmations(l.ctx, l.r, f)
	if err != nil || len(confirmed) == 0 {
		return false, err
	}
	w := newTrail(l, s, stating, confirmed)
	for _, own := range l.subjects {
		if own.linkedUntil != 0 {
			continue
		}
		if held, err := w.holds(own.id, endless); held || err != nil {
			return false, err
		}
	}
	return true, nil
}

const (
	// endless is after every position.
	endless = ^events.Position(0)
	// maxSteps bounds the search for a way. Beyond it there is taken to be one.
	maxSteps = 10_000
)

// trail looks for a way from a record back to the one that a statement is about.
type trail struct {
	l         *loader
	confirmed map[uuid.UUID][]Confirmation
	stating   uuid.UUID
	stated    events.Position
	known     map[step]bool // what holds has found
}

type step struct {
	record uuid.UUID
	before events.Position
}

func newTrail(l *loader, s *Statement, stating uuid.UUID, confirmed map[uuid.UUID][]Confirmation) *trail {
	return &trail{l: l, confirmed: confirmed, stating: stating, stated: s.Position, known: map[step]bool{}}
}

// holds says whether the statement bound a record just before a position, other
// than by naming it. Each step back is to an earlier position, so it ends.
func (w *trail) holds(record uuid.UUID, before events.Position) (held bool, err error) {
	at := step{record, before}
	if held, known := w.known[at]; known || len(w.known) > maxSteps {
		return held || !known, nil
	}
	defer func() { w.known[at] = held }()
	companions, err := w.l.companions(record)
	if err != nil {
		return false, err
	}
	for _, c := range companions {
		if c.Until >= before || c.Until <= w.stated || w.freedBetween(record, c.Until, before) {
			continue
		}
		if c.Record == w.stating {
			return true, nil
		}
		if held, err = w.holds(c.Record, c.Until); held || err != nil {
			return held, err
		}
	}
	return false, nil
}

func (w *trail) freedBetween(record uuid.UUID, after, before events.Position) bool {
	for _, c := range w.confirmed[record] {
		if after < c.Position && c.Position < before && (w.l.known.IsZero() || !c.Recorded.After(w.l.known)) {
			return true
		}
	}
	return false
}
