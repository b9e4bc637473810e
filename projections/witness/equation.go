package witness

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"ficha/events"
	"ficha/projections"
)

// Equation says what became of every event that was taken: it is one of folded,
// duplicate, dead, refused, or pending for the folds.
type Equation struct {
	Taken     uint64 `json:"taken"`
	Folded    uint64 `json:"folded"` // as counted by the witness, not by the log
	Duplicate uint64 `json:"duplicate"`
	Dead      uint64 `json:"dead"`
	Refused   uint64 `json:"refused"`
	Pending   uint64 `json:"pending"` // in the log behind the witness's position
	// Balanced says that taken is the sum of the others, and that the last event
	// folded was as many events into the log as were folded.
	Balanced bool `json:"balanced"`
}

// Equation compares the door's count with the witness's. Both are of nearly the
// same moment: the store's first, so that nothing folded is unknown to the door.
func (g *Guard) Equation(ctx context.Context) (Equation, error) {
	snap, err := g.cfg.Store.Snapshot(ctx)
	if err != nil {
		return Equation{}, fmt.Errorf("read equation: %w", err)
	}
	defer snap.Close()
	h, err := readHead(ctx, snap)
	if err != nil {
		return Equation{}, err
	}
	door, err := g.cfg.Log.Door(ctx)
	if err != nil {
		return Equation{}, fmt.Errorf("read equation: %w", err)
	}
	return equate(h, door), nil
}

func equate(h head, door events.Door) Equation {
	q := Equation{Taken: door.Taken, Folded: h.folded, Duplicate: door.Duplicate, Dead: door.Dead, Refused: door.Refused}
	if p := uint64(h.position); door.Appended > p {
		q.Pending = door.Appended - p
	}
	q.Balanced = q.Taken == q.Folded+q.Duplicate+q.Dead+q.Refused+q.Pending && h.door.Appended == h.folded
	return q
}

// Counts says how many events were folded.
type Counts struct {
	Position events.Position        `json:"position"`
	Lanes    map[events.Lane]uint64 `json:"lanes"`
	Types    map[events.Type]uint64 `json:"types"`
}

// ReadCounts reads how many events of each lane and type were folded.
func ReadCounts(ctx context.Context, r projections.Reader) (Counts, error) {
	n := Counts{Lanes: map[events.Lane]uint64{}, Types: map[events.Type]uint64{}}
	h, err := readHead(ctx, r)
	if err != nil {
		return n, err
	}
	n.Position = h.position
	for row, err := range r.Scan(ctx, heads, projections.Range{}) {
		if err != nil {
			return n, fmt.Errorf("scan %s: %w", heads, err)
		}
		key := string(row.Key)
		if lane, ok := strings.CutPrefix(key, "lane/"); ok && len(row.Value) == 8 {
			n.Lanes[events.Lane(lane)] = binary.BigEndian.Uint64(row.Value)
		}
		if typ, ok := strings.CutPrefix(key, "type/"); ok && len(row.Value) == 8 {
			n.Types[events.Type(typ)] = binary.BigEndian.Uint64(row.Value)
		}
	}
	return n, nil
}
