package natslog_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/natslog"
)

// TestWrongStreamIsRefused: a stream that somebody made otherwise could lose events.
func TestWrongStreamIsRefused(t *testing.T) {
	s, err := natslog.StartServer(natslog.ServerConfig{Dir: t.TempDir(), Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	good := jetstream.StreamConfig{Name: "FICHA_LOG", Subjects: []string{"ficha.log.>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, AllowAtomicPublish: true, AllowDirect: true}
	for name, spoil := range map[string]func(*jetstream.StreamConfig){
		"memory":     func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"limits":     func(c *jetstream.StreamConfig) { c.MaxMsgs = 100 },
		"age":        func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"old goes":   func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"no batches": func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"no direct":  func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"subjects":   func(c *jetstream.StreamConfig) { c.Subjects = []string{"ficha.>"} },
		"async": func(c *jetstream.StreamConfig) {
			c.PersistMode, c.AllowAtomicPublish = jetstream.AsyncPersistMode, false
		},
	} {
		bad := good
		spoil(&bad)
		if _, err := js.CreateStream(t.Context(), bad); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := natslog.Open(t.Context(), natslog.Config{Server: s, Index: &eventstest.IDIndex{}, ContentKey: contentKey}); !errors.Is(err, events.ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", name, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
		if err := js.DeleteStream(t.Context(), "FICHA_LOG"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	conn := &nats.Conn{}
	good := natslog.Config{Conn: conn, Index: &eventstest.IDIndex{}, ContentKey: contentKey}
	for name, spoil := range map[string]func(*natslog.Config){
		"no connection": func(c *natslog.Config) { c.Conn = nil },
		"no index":      func(c *natslog.Config) { c.Index = nil },
		"short key":     func(c *natslog.Config) { c.ContentKey = c.ContentKey[:15] },
		"prefix":        func(c *natslog.Config) { c.Prefix = "a.b" },
		"replicas":      func(c *natslog.Config) { c.Replicas = 6 },
		"timeout":       func(c *natslog.Config) { c.WriteTimeout = -1 },
	} {
		bad := good
		spoil(&bad)
		if _, err := natslog.Open(t.Context(), bad); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if _, err := natslog.StartServer(natslog.ServerConfig{}); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("server without directory: %v", err)
	}
	for _, c := range []natslog.ConnectConfig{{}, {URL: "nats://127.0.0.1:1", CertFile: "x"}, {URL: "nats://127.0.0.1:1", CredsFile: "x", NKeyFile: "y"}} {
		if _, err := natslog.Connect(c); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("Connect(%+v): %v", c, err)
		}
	}
	if _, err := natslog.Connect(natslog.ConnectConfig{URL: "nats://127.0.0.1:1"}); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("Connect to nobody: %v", err)
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	l := newTestLog(t, nil)
	e := eventstest.Event(events.CustomerRecordedV1, "1", 1)
	e.Data = fmt.Appendf(nil, `{"text":"%02000000d"}`, 1)
	if _, err := l.Append(t.Context(), []events.Envelope{e}); err != nil {
		t.Errorf("2 MB: %v", err)
	}
	e.ID = "2"
	e.Data = fmt.Appendf(nil, `{"text":"%02200000d"}`, 1)
	if _, err := l.Append(t.Context(), []events.Envelope{e}); !errors.Is(err, events.ErrTooLarge) {
		t.Errorf("2.2 MB: %v, want ErrTooLarge", err)
	}
	checkOnce(t, l, 1)
}
