package natslog_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/natslog"
)

// clock stands where it is set; unset, it runs.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		return time.Now()
	}
	return c.now
}

func (c *clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// testLog is a log in a directory of its own that can be stopped and opened again.
type testLog struct {
	*natslog.Log
	dir    string
	clock  *clock
	server *natslog.Server
	index  events.IDIndex
	change func(*natslog.Config)
}

var contentKey = []byte("a key of tests, no secret")

// newTestLog opens an empty log. change (nil: none) adapts its configuration,
// each time that it is opened.
func newTestLog(t testing.TB, change func(*natslog.Config)) *testLog {
	t.Helper()
	l := &testLog{dir: t.TempDir(), clock: &clock{}, index: &eventstest.IDIndex{}, change: change}
	l.start(t)
	t.Cleanup(l.stop)
	return l
}

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (l *testLog) config(t testing.TB) natslog.Config {
	cfg := natslog.Config{
		Server: l.server, Index: l.index, ContentKey: contentKey, TailFile: l.tailFile(),
		Clock: l.clock.Now, Logger: logger(t), WriteTimeout: 10 * time.Second,
	}
	if l.change != nil {
		l.change(&cfg)
	}
	return cfg
}

func (l *testLog) tailFile() string { return filepath.Join(l.dir, "tail") }
func (l *testLog) jetstream() string {
	return filepath.Join(l.dir, "js")
}

func (l *testLog) start(t testing.TB) {
	t.Helper()
	var err error
	if l.server, err = natslog.StartServer(natslog.ServerConfig{Dir: l.jetstream(), Logger: logger(t)}); err != nil {
		t.Fatalf("start server: %v", err)
	}
	if l.Log, err = natslog.Open(t.Context(), l.config(t)); err != nil {
		l.server.Stop()
		t.Fatalf("open log: %v", err)
	}
}

func (l *testLog) stop() {
	if l.Log != nil {
		l.Log.Close()
		l.server.Stop()
		l.Log = nil
	}
}

func (l *testLog) reopen(t testing.TB) {
	t.Helper()
	l.stop()
	l.start(t)
}

func TestSharedLog(t *testing.T) {
	eventstest.Exercise(t, func(t *testing.T) eventstest.LogUnderTest {
		return underTest(t, newTestLog(t, func(c *natslog.Config) { c.Shared = true }))
	})
}

func TestLogOfSoleAppender(t *testing.T) {
	eventstest.Exercise(t, func(t *testing.T) eventstest.LogUnderTest {
		u := underTest(t, newTestLog(t, nil))
		u.Second = nil
		return u
	})
}

func underTest(t *testing.T, l *testLog) eventstest.LogUnderTest {
	return eventstest.LogUnderTest{
		Log:       l.Log,
		CountDoor: func(ctx context.Context, refused, dead uint64) error { return l.CountDoor(ctx, refused, dead) },
		SetClock:  l.clock.Set,
		Reopen: func(t *testing.T) events.Log {
			l.reopen(t)
			return l.Log
		},
		Second: func(t *testing.T) events.Log {
			cfg := l.config(t)
			cfg.Index, cfg.TailFile = &eventstest.IDIndex{}, filepath.Join(l.dir, "tail2")
			second, err := natslog.Open(t.Context(), cfg)
			if err != nil {
				t.Fatalf("open second appender: %v", err)
			}
			t.Cleanup(func() { second.Close() })
			return second
		},
	}
}
