package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/natslog"
)

// line is the way to a server, which a test can disturb.
type line struct {
	server *natslog.Server

	mu      sync.Mutex
	deaf    chan struct{} // while not nil, what the server says waits until it is closed
	mute    chan struct{} // while not nil, what the client says waits
	down    bool
	current []*disturbed
}

func (l *line) InProcessConn() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, errors.New("the line is down")
	}
	c, err := l.server.InProcessConn()
	if err != nil {
		return nil, err
	}
	d := &disturbed{Conn: c, line: l}
	l.current = append(l.current, d)
	return d, nil
}

func (l *line) set(deaf, mute bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	toggle := func(gate *chan struct{}, on bool) {
		if on && *gate == nil {
			*gate = make(chan struct{})
		} else if !on && *gate != nil {
			close(*gate)
			*gate = nil
		}
	}
	toggle(&l.deaf, deaf)
	toggle(&l.mute, mute)
}

// cut breaks all connections; with down, new ones fail too.
func (l *line) cut(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	for _, c := range l.current {
		c.broken.Store(true)
		c.Close()
	}
	l.current = nil
}

type disturbed struct {
	net.Conn
	line   *line
	broken atomic.Bool
}

func (d *disturbed) wait(gate *chan struct{}) {
	d.line.mu.Lock()
	g := *gate
	d.line.mu.Unlock()
	if g != nil {
		<-g
	}
}

func (d *disturbed) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	d.wait(&d.line.deaf)
	if d.broken.Load() {
		return 0, net.ErrClosed // what was on its way is lost
	}
	return n, err
}

func (d *disturbed) Write(b []byte) (int, error) {
	d.wait(&d.line.mute)
	return d.Conn.Write(b)
}

// newLine opens a log that reaches its server through a line.
func newLine(t *testing.T, timeout time.Duration) (*testLog, *line) {
	t.Helper()
	through := &line{}
	l := newTestLog(t, func(c *natslog.Config) {
		through.server = c.Server
		conn, err := nats.Connect("", nats.InProcessServer(through), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0), nats.ReconnectBufSize(-1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		c.Conn, c.Server, c.WriteTimeout = conn, nil, timeout
	})
	t.Cleanup(func() { through.set(false, false) })
	return l, through
}

// TestUnknownOutcome disturbs writes so that the appender does not hear what
// became of them: single ones and batches, answers that are late, writes that
// are late, connections that break. Every event must end in the log once, and
// whoever got an answer must find it true.
func TestUnknownOutcome(t *testing.T) {
	disturbances := map[string]func(l *line){
		"answers come too late": func(l *line) {
			l.set(true, false)
			time.AfterFunc(1200*time.Millisecond, func() { l.set(false, false) })
		},
		"writes come too late": func(l *line) {
			l.set(false, true)
			time.AfterFunc(1200*time.Millisecond, func() { l.set(false, false) })
		},
		"the connection breaks before the answer": func(l *line) {
			l.set(true, false)
			time.AfterFunc(100*time.Millisecond, func() { l.cut(false); l.set(false, false) })
		},
		"the connection breaks before the write": func(l *line) { l.cut(false) },
	}
	for name, disturb := range disturbances {
		for _, size := range []int{1, 40} {
			t.Run(fmt.Sprintf("%s, %d events", name, size), func(t *testing.T) {
				t.Parallel()
				l, through := newLine(t, 1500*time.Millisecond)
				before := eventstest.Events("before", 3)
				appendAll(t, l, before)
				batch := append(eventstest.Events("e", size), before[0]) // one duplicate with it
				disturb(through)
				first, err := l.Append(t.Context(), batch)
				if err != nil && !errors.Is(err, events.ErrUnavailable) {
					t.Fatalf("Append = %v, want ErrUnavailable or an answer", err)
				}
				second := appendAll(t, l, batch)
				checkOnce(t, l, len(before)+size)
				for i := range first {
					if first[i].Position != second[i].Position || first[i].Outcome == events.OutcomeReused {
						t.Errorf("event %d: first answer %+v, then %+v", i, first[i], second[i])
					}
				}
				if first != nil {
					t.Logf("the first call was answered %s", first[0].Outcome)
					if first[0].Outcome != events.OutcomeAppended {
						t.Errorf("the caller that brought the event is told %s", first[0].Outcome)
					}
					door, _ := l.Door(t.Context())
					if want := uint64(size + 2); door.Duplicate != want {
						t.Errorf("the door counts %d duplicates, want %d", door.Duplicate, want)
					}
				}
			})
		}
	}
}

// appendAll appends until it is answered.
func appendAll(t *testing.T, l *testLog, batch []events.Envelope) []events.Appended {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		answers, err := l.Append(t.Context(), batch)
		if err == nil {
			return answers
		}
		if !errors.Is(err, events.ErrUnavailable) || time.Now().After(deadline) {
			t.Fatalf("Append: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// checkOnce reads the log, which must hold want events, each once, with counts
// that fit.
func checkOnce(t *testing.T, l *testLog, want int) {
	t.Helper()
	if n := checkOnceIn(t, l.Log); n != want {
		t.Errorf("%d events in the log, want %d", n, want)
	}
}

func checkOnceIn(t *testing.T, l *natslog.Log) int {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err := l.Verify(t.Context()); err == nil {
			break
		} else if errors.Is(err, events.ErrDamaged) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	ids := map[string]bool{}
	var door events.Door
	for e, err := range l.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if ids[e.ID] {
			t.Errorf("%s is in the log twice", e.ID)
		}
		ids[e.ID] = true
		if e.Door.Appended != uint64(e.Position) || e.Door.Duplicate < door.Duplicate || e.Door.Taken != e.Door.Appended+e.Door.Duplicate+e.Door.Refused+e.Door.Dead {
			t.Errorf("position %d carries %+v after %+v", e.Position, e.Door, door)
		}
		door = e.Door
	}
	return len(ids)
}

// TestLateWriteIsShown: an event that reaches the log after its write was given
// up is seen by readers although nobody appends any more.
func TestLateWriteIsShown(t *testing.T) {
	l, through := newLine(t, 400*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	through.set(false, true)
	if _, err := l.Append(ctx, eventstest.Events("late", 1)); !errors.Is(err, events.ErrUnavailable) {
		t.Fatalf("Append = %v, want ErrUnavailable", err)
	}
	through.set(false, false)
	for e, err := range l.Read(ctx, events.ReadOptions{Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != "late-0" {
			t.Errorf("read %s", e.ID)
		}
		break
	}
	if end, err := l.End(ctx); end != 1 || err != nil {
		t.Errorf("End = %d, %v", end, err)
	}
}

func TestAppendDoesNotHang(t *testing.T) {
	l, through := newLine(t, 500*time.Millisecond)
	through.cut(true)
	for name, ask := range map[string]func(context.Context) error{
		"Append": func(ctx context.Context) error {
			_, err := l.Append(ctx, eventstest.Events("e", 1))
			return err
		},
		"Append of a batch": func(ctx context.Context) error {
			_, err := l.Append(ctx, eventstest.Events("e", 50))
			return err
		},
		"Verify":       l.Verify,
		"Info":         func(ctx context.Context) error { _, err := l.Info(ctx); return err },
		"PublishInbox": func(ctx context.Context) error { return l.PublishInbox(ctx, "/a", []byte("x")) },
	} {
		begin := time.Now()
		err := ask(t.Context())
		if took := time.Since(begin); !errors.Is(err, events.ErrUnavailable) || errors.Is(err, events.ErrDamaged) || took > 3*time.Second {
			t.Errorf("%s without a server: %v after %s, want ErrUnavailable", name, err, took)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := l.Append(ctx, eventstest.Events("e", 1)); err == nil || time.Since(begin) > 300*time.Millisecond {
		t.Errorf("Append outlived its context: %v after %s", err, time.Since(begin))
	}
	through.cut(false)
	appendAll(t, l, eventstest.Events("e", 50))
	checkOnce(t, l, 50)
}

func TestFullDiskIsSaid(t *testing.T) {
	var mu sync.Mutex
	free := uint64(1 << 40)
	set := func(n uint64) { mu.Lock(); defer mu.Unlock(); free = n }
	l := newTestLog(t, func(c *natslog.Config) {
		c.FreeSpaceMin = 1 << 30
		c.FreeSpace = func() (uint64, error) { mu.Lock(); defer mu.Unlock(); return free, nil }
	})
	batch := eventstest.Events("e", 3)
	appendAll(t, l, batch)
	set(5 << 20)
	_, err := l.Append(t.Context(), eventstest.Events("f", 1))
	if !errors.Is(err, events.ErrUnavailable) || errors.Is(err, events.ErrDamaged) {
		t.Errorf("Append on a full disk: %v, want ErrUnavailable", err)
	}
	t.Logf("says: %v", err)
	if again, err := l.Append(t.Context(), batch); err != nil || again[2].Outcome != events.OutcomeDuplicate {
		t.Errorf("duplicates need no space: %+v, %v", again, err)
	}
	checkOnce(t, l, 3)
	set(1 << 40)
	appendAll(t, l, eventstest.Events("f", 1))
	checkOnce(t, l, 4)
}

// TestServerRestartsUnderTheLog: as after a full disk. Appends and followed
// reads go on.
func TestServerRestartsUnderTheLog(t *testing.T) {
	l := newTestLog(t, func(c *natslog.Config) { c.WriteTimeout = 3 * time.Second })
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	read := make(chan events.Stored, 1000)
	go func() {
		defer close(read)
		for e, err := range l.Read(ctx, events.ReadOptions{Follow: true}) {
			if err != nil {
				return
			}
			read <- e
		}
	}()
	appendAll(t, l, eventstest.Events("before", 30))
	if err := l.server.Restart(); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, eventstest.Events("after", 30))
	for want := events.Position(1); want <= 60; want++ {
		if e, ok := <-read; !ok || e.Position != want {
			t.Fatalf("read position %d (%v), want %d", e.Position, ok, want)
		}
	}
	checkOnce(t, l, 60)
}

// TestDeadServerIsRestarted: a log whose embedded server died brings it back.
func TestDeadServerIsRestarted(t *testing.T) {
	l := newTestLog(t, func(c *natslog.Config) { c.WriteTimeout = 400 * time.Millisecond })
	appendAll(t, l, eventstest.Events("before", 20))
	l.server.Kill()
	appendAll(t, l, eventstest.Events("after", 20))
	checkOnce(t, l, 40)
}

// TestIndexFailureLosesNothing: an index that fails makes writes fail or be
// answered, never be wrong.
func TestIndexFailureLosesNothing(t *testing.T) {
	index := &flakyIndex{IDIndex: &eventstest.IDIndex{}}
	l := newTestLog(t, func(c *natslog.Config) { c.Index = index })
	total := 0
	for round := range 12 {
		index.failNext(round % 4)
		batch := eventstest.Events(fmt.Sprint("r", round), 1+round*3)
		total += len(batch)
		appendAll(t, l, batch)
		index.failNext(round % 3)
		for i, a := range appendAll(t, l, batch[:1]) {
			if a.Outcome != events.OutcomeDuplicate {
				t.Errorf("round %d event %d again: %+v", round, i, a)
			}
		}
	}
	checkOnce(t, l, total)
	before, _ := l.Door(t.Context())
	l.reopen(t)
	if after, _ := l.Door(t.Context()); after != before {
		t.Errorf("door %+v became %+v", before, after)
	}
}

type flakyIndex struct {
	*eventstest.IDIndex
	mu   sync.Mutex
	fail int
}

func (x *flakyIndex) failNext(n int) { x.mu.Lock(); defer x.mu.Unlock(); x.fail = n }

func (x *flakyIndex) Advance(ctx context.Context, at events.Position, next events.IndexState, entries []events.IDEntry, sync bool) error {
	x.mu.Lock()
	failing := x.fail > 0
	x.fail--
	x.mu.Unlock()
	if failing {
		return fmt.Errorf("advance id index: disk error: %w", events.ErrUnavailable)
	}
	return x.IDIndex.Advance(ctx, at, next, entries, sync)
}

// TestIndexMayLag: an index that was lost, or lags, is brought up to the log.
func TestIndexMayLag(t *testing.T) {
	l := newTestLog(t, nil)
	batch := eventstest.Events("e", 500)
	first := appendAll(t, l, batch)
	door, _ := l.Door(t.Context())
	l.stop()
	l.index = &eventstest.IDIndex{}
	l.start(t)
	if after, _ := l.Door(t.Context()); after != door {
		t.Errorf("door %+v became %+v", door, after)
	}
	for i, a := range appendAll(t, l, batch) {
		if a.Outcome != events.OutcomeDuplicate || a.Position != first[i].Position || !a.RecordedTime.Equal(first[i].RecordedTime) {
			t.Fatalf("event %d: %+v, want duplicate of %+v", i, a, first[i])
		}
	}
}

func TestDuplicatesOnlyAreSynced(t *testing.T) {
	index := &eventstest.IDIndex{}
	l := newTestLog(t, func(c *natslog.Config) { c.Index = index })
	batch := eventstest.Events("e", 3)
	appendAll(t, l, batch)
	if n := index.Synced(); n != 0 {
		t.Errorf("an append synced the index %d times", n)
	}
	appendAll(t, l, batch)
	if n := index.Synced(); n != 1 {
		t.Errorf("duplicates synced the index %d times, want once", n)
	}
}

func TestClosedLogSaysSo(t *testing.T) {
	l := newTestLog(t, nil)
	appendAll(t, l, eventstest.Events("e", 3))
	read := make(chan error, 1)
	go func() {
		var last error
		for _, err := range l.Read(t.Context(), events.ReadOptions{Follow: true}) {
			last = err
		}
		read <- last
	}()
	var appending sync.WaitGroup
	for i := range 20 {
		appending.Go(func() {
			for r := 0; ; r++ {
				if _, err := l.Append(t.Context(), eventstest.Events(fmt.Sprintf("%d-%d", i, r), 1)); err != nil {
					if !errors.Is(err, events.ErrClosed) {
						t.Errorf("Append on a closing log: %v", err)
					}
					return
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	appending.Wait()
	if err := <-read; !errors.Is(err, events.ErrClosed) {
		t.Errorf("the read ended with %v, want ErrClosed", err)
	}
	if _, err := l.Append(t.Context(), eventstest.Events("e", 1)); !errors.Is(err, events.ErrClosed) {
		t.Errorf("Append = %v, want ErrClosed", err)
	}
}
