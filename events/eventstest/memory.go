package eventstest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"ficha/events"
)

// Log is a log in memory, for tests of whatever stands on one. It keeps the
// contract of [events.Log] except that nothing outlives it, and can be told to
// fail. Safe for concurrent use; the zero value is not ready, see NewLog.
type Log struct {
	clock func() time.Time
	epoch time.Time

	mu      sync.Mutex
	stored  []events.Stored
	lanes   [len(events.Lanes)][]events.Position
	ids     map[events.IDHash]taken
	door    events.Door
	grown   chan struct{} // closed and replaced whenever stored grows
	failing error
	damage  error
}

type taken struct {
	position events.Position
	content  events.ContentHash
}

var (
	_ events.Log    = (*Log)(nil)
	_ events.Health = (*Log)(nil)
)

// NewLog gives an empty log. A nil clock is time.Now.
func NewLog(clock func() time.Time) *Log {
	if clock == nil {
		clock = time.Now
	}
	return &Log{
		clock: clock,
		epoch: clock().UTC().Truncate(time.Microsecond),
		ids:   map[events.IDHash]taken{},
		grown: make(chan struct{}),
	}
}

// FailAppends makes every Append fail with err, until it is called with nil.
func (l *Log) FailAppends(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = err
}

// SetDamage makes Damage answer err and Append refuse with it; err should wrap
// [events.ErrDamaged]. Nil heals.
func (l *Log) SetDamage(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.damage = err
}

// MarkDamaged seals the log as the real one does: the first error stays.
func (l *Log) MarkDamaged(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.damage == nil {
		l.damage = err
	}
}

// Damage implements [events.Health].
func (l *Log) Damage() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.damage
}

// Append implements [events.Log].
func (l *Log) Append(ctx context.Context, batch []events.Envelope) ([]events.Appended, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("append events: %w", err)
	}
	contents := make([]events.ContentHash, len(batch))
	for i, e := range batch {
		c, err := events.HashContent(nil, e.Type, e.Data)
		if err != nil {
			return nil, fmt.Errorf("append event %d: %w", i, err)
		}
		contents[i] = c
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.damage != nil {
		return nil, fmt.Errorf("append events: %w", l.damage)
	}
	if l.failing != nil {
		return nil, fmt.Errorf("append events: %w", l.failing)
	}
	answers := make([]events.Appended, len(batch))
	for i, e := range batch {
		a, err := l.appendOne(e, contents[i])
		if err != nil {
			return nil, err
		}
		answers[i] = a
	}
	return answers, nil
}

// appendOne takes one event. The lock is held.
func (l *Log) appendOne(e events.Envelope, content events.ContentHash) (events.Appended, error) {
	id := events.HashID(e.Source, e.ID)
	if t, ok := l.ids[id]; ok {
		a := events.Appended{Outcome: events.OutcomeReused, Position: t.position, RecordedTime: l.stored[t.position-1].RecordedTime}
		if t.content == content {
			a.Outcome = events.OutcomeDuplicate
			l.door.Taken++
			l.door.Duplicate++
		}
		return a, nil
	}
	lane := events.LaneIndex(e.Type.Lane())
	door := l.door
	door.Taken++
	door.Appended++
	door.InLane = uint64(len(l.lanes[lane])) + 1
	e.RecordedTime = l.clock().UTC().Truncate(time.Microsecond)
	if n := len(l.stored); n > 0 && l.stored[n-1].RecordedTime.After(e.RecordedTime) {
		e.RecordedTime = l.stored[n-1].RecordedTime
	}
	b, err := events.Encode(e, door)
	if err != nil {
		return events.Appended{}, fmt.Errorf("append event: %w", err)
	}
	p := events.Position(len(l.stored) + 1)
	s, err := events.DecodeStored(p, b) // what readers see went through the codec, as in the real log
	if err != nil {
		return events.Appended{}, fmt.Errorf("append event: %w", err)
	}
	l.stored = append(l.stored, s)
	l.lanes[lane] = append(l.lanes[lane], p)
	l.ids[id] = taken{position: p, content: content}
	door.InLane = 0
	l.door = door
	close(l.grown)
	l.grown = make(chan struct{})
	return events.Appended{Outcome: events.OutcomeAppended, Position: p, RecordedTime: s.RecordedTime}, nil
}

// Read implements [events.Log].
func (l *Log) Read(ctx context.Context, opts events.ReadOptions) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		next := opts.After
		for {
			if err := ctx.Err(); err != nil {
				yield(events.Stored{}, fmt.Errorf("read log: %w", err))
				return
			}
			found, grown := l.after(next, opts.Lane)
			for _, s := range found {
				if ctx.Err() != nil {
					break
				}
				if !yield(s, nil) {
					return
				}
				next = s.Position
			}
			if !opts.Follow {
				return
			}
			select {
			case <-grown:
			case <-ctx.Done():
			}
		}
	}
}

// after gives the events of a lane after a position, and a channel that is
// closed when there are more.
func (l *Log) after(p events.Position, lane events.Lane) ([]events.Stored, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p >= events.Position(len(l.stored)) {
		return nil, l.grown
	}
	if lane == "" {
		return slices.Clip(l.stored)[p:], l.grown
	}
	positions := l.lanes[events.LaneIndex(lane)]
	from, _ := slices.BinarySearch(positions, p+1)
	found := make([]events.Stored, 0, len(positions)-from)
	for _, at := range positions[from:] {
		found = append(found, l.stored[at-1])
	}
	return found, l.grown
}

// Get implements [events.Log].
func (l *Log) Get(ctx context.Context, p events.Position) (events.Stored, error) {
	if err := ctx.Err(); err != nil {
		return events.Stored{}, fmt.Errorf("get event: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p == 0 || p > events.Position(len(l.stored)) {
		return events.Stored{}, fmt.Errorf("get event at %d: %w", p, events.ErrNotFound)
	}
	return l.stored[p-1], nil
}

// End implements [events.Log].
func (l *Log) End(ctx context.Context) (events.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ask log end: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return events.Position(len(l.stored)), nil
}

// LaneEnd implements [events.Log].
func (l *Log) LaneEnd(ctx context.Context, lane events.Lane) (events.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ask lane end: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if positions := l.lanes[events.LaneIndex(lane)]; len(positions) > 0 {
		return positions[len(positions)-1], nil
	}
	return 0, nil
}

// Door implements [events.Log].
func (l *Log) Door(ctx context.Context) (events.Door, error) {
	if err := ctx.Err(); err != nil {
		return events.Door{}, fmt.Errorf("ask door: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.door, nil
}

// CountDoor adds refused and dead events to the door, as the real log does.
func (l *Log) CountDoor(ctx context.Context, refused, dead uint64) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("count door: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.door.Taken += refused + dead
	l.door.Refused += refused
	l.door.Dead += dead
	return nil
}

// Info implements [events.Log].
func (l *Log) Info(ctx context.Context) (events.LogInfo, error) {
	if err := ctx.Err(); err != nil {
		return events.LogInfo{}, fmt.Errorf("ask log info: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	info := events.LogInfo{Epoch: l.epoch, Last: events.Position(len(l.stored)), Messages: uint64(len(l.stored)), Durability: "memory"}
	if info.Last > 0 {
		info.First = 1
	}
	for _, s := range l.stored {
		info.Bytes += uint64(len(s.Bytes))
	}
	return info, nil
}
