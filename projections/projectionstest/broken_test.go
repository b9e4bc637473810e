package projectionstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/projections"
)

// recorder watches a case instead of *testing.T: what would fail a test is kept.
type recorder struct {
	ctx      context.Context
	mu       sync.Mutex
	failures []string
}

func (*recorder) Helper()                    {}
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// failuresOf runs the whole suite and names the cases that fail.
func failuresOf(t *testing.T, open func() projections.Store) (failed []string) {
	t.Helper()
	for _, c := range cases() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		r := &recorder{ctx: ctx}
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() {
				if p := recover(); p != nil {
					r.Errorf("panic: %v", p)
				}
			}()
			c.run(r, subject{Store: open(), close: func(s projections.Store) error {
				return s.(interface{ Close() error }).Close()
			}})
		}()
		<-done
		cancel()
		if len(r.failures) > 0 {
			failed = append(failed, c.name)
		}
	}
	return failed
}

func TestSuiteAcceptsTheReference(t *testing.T) {
	if failed := failuresOf(t, func() projections.Store { return NewMemory() }); len(failed) > 0 {
		t.Fatalf("the reference store fails: %q", failed)
	}
}

// TestSuiteCatchesBrokenStores plants one mistake at a time into the reference
// store; a case whose name says so must notice each.
func TestSuiteCatchesBrokenStores(t *testing.T) {
	for _, c := range []struct {
		mistake string
		plant   func(*mutant)
		caught  string // part of a failing case's name
	}{
		{"drops the position", func(m *mutant) { m.commit = dropPosition }, "rows and position come back"},
		{"scans in no order", func(m *mutant) { m.scan = rotate }, "order is that of bytes"},
		{"folds the case of keys", func(m *mutant) { m.key = bytes.ToLower }, "letter case"},
		{"cuts keys at NUL", func(m *mutant) { m.key = cutAtNUL }, "NUL bytes"},
		{"shares the caller's slices", func(m *mutant) { m.commit = m.share }, "belong to the caller"},
		{"ignores the context", func(m *mutant) { m.context = context.WithoutCancel }, "cancelled context writes nothing"},
		{"ignores the position", func(m *mutant) { m.commit = forcePosition }, "of overlapping commits exactly one wins"},
		{"writes before it checks the position", func(m *mutant) { m.commit = writeFirst }, "another position writes nothing"},
		{"loses empty values", func(m *mutant) { m.commit = dropEmpty }, "an empty value is a row"},
		{"ignores the limit", func(m *mutant) { m.scan = noLimit }, "every range"},
		{"ignores the direction", func(m *mutant) { m.scan = onlyForwards }, "every range"},
		{"has snapshots that move", func(m *mutant) { m.moving = true }, "does not see later commits"},
		{"commits tables one by one", func(m *mutant) { m.commit = tableByTable }, "seen whole"},
		{"keeps the position at Clear", func(m *mutant) { m.clear = keepPosition }, "Clear removes"},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			failed := failuresOf(t, func() projections.Store {
				m := &mutant{Memory: NewMemory(), key: bytes.Clone, context: func(ctx context.Context) context.Context { return ctx }}
				c.plant(m)
				return m
			})
			if !strings.Contains(strings.Join(failed, "\n"), c.caught) {
				t.Fatalf("no case about %q failed; failed: %q", c.caught, failed)
			}
		})
	}
}

// mutant is the reference store with a mistake.
type mutant struct {
	*Memory
	key     func([]byte) []byte
	context func(context.Context) context.Context
	commit  func(context.Context, *Memory, projections.Commit) error
	clear   func(context.Context, *Memory, string, []projections.Table) error
	scan    func(context.Context, projections.Reader, projections.Table, projections.Range) iter.Seq2[projections.Row, error]
	moving  bool
	mu      sync.Mutex
	shared  []projections.Change
}

func (m *mutant) Commit(ctx context.Context, c projections.Commit) error {
	ctx = m.context(ctx)
	var changes []projections.Change
	for _, ch := range c.Changes {
		changes = append(changes, projections.Change{Table: ch.Table, Key: m.key(ch.Key), Value: ch.Value})
	}
	c.Changes = changes
	if m.commit != nil {
		return m.commit(ctx, m.Memory, c)
	}
	return m.Memory.Commit(ctx, c)
}

func (m *mutant) Clear(ctx context.Context, runner string, tables []projections.Table) error {
	if m.clear != nil {
		return m.clear(ctx, m.Memory, runner, tables)
	}
	return m.Memory.Clear(m.context(ctx), runner, tables)
}

func (m *mutant) Snapshot(ctx context.Context) (projections.Snapshot, error) {
	m.settle()
	snap, err := m.Memory.Snapshot(m.context(ctx))
	return &mutantSnapshot{Snapshot: snap, mutant: m}, err
}

type mutantSnapshot struct {
	projections.Snapshot
	mutant *mutant
}

func (s *mutantSnapshot) reader(ctx context.Context) projections.Snapshot {
	if s.mutant.moving {
		if now, err := s.mutant.Memory.Snapshot(ctx); err == nil {
			return now
		}
	}
	return s.Snapshot
}

func (s *mutantSnapshot) Get(ctx context.Context, t projections.Table, key []byte) ([]byte, bool, error) {
	ctx = s.mutant.context(ctx)
	return s.reader(ctx).Get(ctx, t, s.mutant.key(key))
}

func (s *mutantSnapshot) Scan(ctx context.Context, t projections.Table, r projections.Range) iter.Seq2[projections.Row, error] {
	ctx = s.mutant.context(ctx)
	if s.mutant.scan != nil {
		return s.mutant.scan(ctx, s.Snapshot, t, r)
	}
	return s.reader(ctx).Scan(ctx, t, r)
}

func dropPosition(ctx context.Context, m *Memory, c projections.Commit) error {
	c.To = c.At
	return m.Commit(ctx, c)
}

func forcePosition(ctx context.Context, m *Memory, c projections.Commit) error {
	snap, err := m.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	if c.At, err = snap.Position(ctx, c.Runner); err != nil {
		return err
	}
	c.To = max(c.To, c.At)
	return m.Commit(ctx, c)
}

func writeFirst(ctx context.Context, m *Memory, c projections.Commit) error {
	err := m.Commit(ctx, c)
	if errors.Is(err, projections.ErrPositionMoved) {
		_ = m.Commit(ctx, projections.Commit{Runner: "stray", Changes: c.Changes})
	}
	return err
}

func dropEmpty(ctx context.Context, m *Memory, c projections.Commit) error {
	for i := range c.Changes {
		if len(c.Changes[i].Value) == 0 {
			c.Changes[i].Value = nil
		}
	}
	return m.Commit(ctx, c)
}

func tableByTable(ctx context.Context, m *Memory, c projections.Commit) error {
	for rest := c.Changes; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Table == rest[0].Table {
			n++
		}
		if err := m.Commit(ctx, projections.Commit{Runner: c.Runner, At: c.At, To: c.At, Changes: rest[:n]}); err != nil {
			return err
		}
		rest = rest[n:]
		time.Sleep(100 * time.Microsecond) // long enough for a reader to look, however busy the machine
	}
	c.Changes = nil
	return m.Commit(ctx, c)
}

func keepPosition(ctx context.Context, m *Memory, runner string, tables []projections.Table) error {
	return m.Clear(ctx, "nobody", tables)
}

// share keeps the caller's slices and stores what has become of them by the
// next snapshot.
func (m *mutant) share(ctx context.Context, mem *Memory, c projections.Commit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shared = c.Changes
	return mem.Commit(ctx, c)
}

func (m *mutant) settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ch := range m.shared {
		_ = m.Memory.Commit(context.Background(), projections.Commit{Runner: "settle", Changes: []projections.Change{ch}})
	}
}

func rotate(ctx context.Context, r projections.Reader, t projections.Table, rng projections.Range) iter.Seq2[projections.Row, error] {
	return func(yield func(projections.Row, error) bool) {
		var first *projections.Row
		for row, err := range r.Scan(ctx, t, rng) {
			if first == nil && err == nil {
				first = &row
				continue
			}
			if !yield(row, err) {
				return
			}
		}
		if first != nil {
			yield(*first, nil)
		}
	}
}

func noLimit(ctx context.Context, r projections.Reader, t projections.Table, rng projections.Range) iter.Seq2[projections.Row, error] {
	rng.Limit = 0
	return r.Scan(ctx, t, rng)
}

func onlyForwards(ctx context.Context, r projections.Reader, t projections.Table, rng projections.Range) iter.Seq2[projections.Row, error] {
	rng.Reverse = false
	return r.Scan(ctx, t, rng)
}

func cutAtNUL(key []byte) []byte {
	head, _, _ := bytes.Cut(key, []byte{0})
	return head
}

// TestRefusalsUndone: what a fold wrote before it refused an event is not kept.
func TestRefusalsUndone(t *testing.T) {
	store := NewMemory()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	evs := []events.Envelope{
		{ID: "1", Source: "/a", Type: events.CustomerRecordedV1, Time: at, Data: []byte(`{"a":1}`)},
		{ID: "2", Source: "/a", Type: events.CustomerWithdrawnV1, Time: at, Data: []byte(`{}`)},
		{ID: "3", Source: "/a", Type: events.CustomerRecordedV1, Time: at, Data: []byte(`{"a":3}`)},
	}
	p, refusals := TryFold(t, store, []projections.Fold{pickyFold{}}, evs...)
	if p != 3 || len(refusals) != 1 || refusals[0].Index != 1 || refusals[0].Projection != "picky" {
		t.Fatalf("position %d, refusals %+v; want the second event refused", p, refusals)
	}
	want := "picky \"1\" \"{\\\"a\\\":1}\"\npicky \"3\" \"{\\\"a\\\":3}\"\n"
	if got := Dump(t, store); got != want {
		t.Fatalf("rows\n%swant\n%s", got, want)
	}
	if p := Fold(t, store, []projections.Fold{pickyFold{}}, evs[0]); p != 4 {
		t.Fatalf("the next event got position %d, want 4", p)
	}
}

// pickyFold keeps the data of every event by position and refuses withdrawals.
type pickyFold struct{}

func (pickyFold) Name() string                { return "picky" }
func (pickyFold) Version() int                { return 1 }
func (pickyFold) Tables() []projections.Table { return []projections.Table{"picky"} }

func (pickyFold) Apply(w projections.Work, e events.Decoded) error {
	w.Put("picky", []byte(e.Position.String()), e.Data)
	if e.Type == events.CustomerWithdrawnV1 {
		return events.ErrInvalid
	}
	return nil
}

func TestShuffleKeepsAllEventsAndIsRepeatable(t *testing.T) {
	var evs []events.Envelope
	for i := range 50 {
		evs = append(evs, events.Envelope{ID: fmt.Sprint(i)})
	}
	a, b, c := Shuffle(1, evs), Shuffle(1, evs), Shuffle(2, evs)
	seen := map[string]bool{}
	same, moved := true, false
	for i := range evs {
		seen[a[i].ID] = true
		same = same && a[i].ID == b[i].ID
		moved = moved || a[i].ID != c[i].ID
	}
	if len(seen) != 50 || !same || !moved || evs[0].ID != "0" {
		t.Fatalf("%d events, repeatable %v, other seed differs %v, first of the original %s", len(seen), same, moved, evs[0].ID)
	}
}
