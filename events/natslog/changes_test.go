package natslog_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
	"ficha/events/natslog"
)

func feedMessages(from, n int) []natslog.FeedMessage {
	out := make([]natslog.FeedMessage, n)
	for i := range out {
		out[i] = natslog.FeedMessage{ID: fmt.Sprintf("%d.0", from+i), Kind: []string{"created", "contact_flip"}[i%2], Data: fmt.Appendf(nil, "change %d", from+i)}
	}
	return out
}

func openChanges(t *testing.T, l *testLog) *natslog.Changes {
	t.Helper()
	c, err := l.Changes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantEnd(t *testing.T, c *natslog.Changes, want natslog.FeedEnd) {
	t.Helper()
	if got, err := c.End(t.Context()); err != nil || got != want {
		t.Errorf("the feed ends at %+v, %v; want %+v", got, err, want)
	}
}

// TestChangesAreWrittenOnce: whoever publishes goes on behind the last change, one
// or many at a time, after a restart too, and is told when somebody else was there.
func TestChangesAreWrittenOnce(t *testing.T) {
	l := newTestLog(t, nil)
	c := openChanges(t, l)
	wantEnd(t, c, natslog.FeedEnd{})
	at := publish(t, c, 0, feedMessages(1, 1))
	at = publish(t, c, at, feedMessages(2, 2500))
	if at != 2501 {
		t.Fatalf("the last sequence is %d, want 2501", at)
	}
	wantEnd(t, c, natslog.FeedEnd{Sequence: 2501, ID: "2501.0"})
	for name, batch := range map[string][]natslog.FeedMessage{"one": feedMessages(3000, 1), "many": feedMessages(3000, 20), "a repeated one": feedMessages(2501, 1), "repeated ones": feedMessages(2490, 12)} {
		if _, err := c.Publish(t.Context(), at-1, batch); !errors.Is(err, events.ErrConflict) {
			t.Errorf("%s, behind an old end: %v, want ErrConflict", name, err)
		}
	}
	for name, batch := range map[string][]natslog.FeedMessage{"one": feedMessages(2501, 1), "many": feedMessages(2490, 12)} {
		if _, err := c.Publish(t.Context(), at, batch); !errors.Is(err, events.ErrConflict) {
			t.Errorf("%s that is there already: %v, want ErrConflict", name, err)
		}
	}
	wantEnd(t, c, natslog.FeedEnd{Sequence: 2501, ID: "2501.0"})
	l.reopen(t)
	c = openChanges(t, l)
	wantEnd(t, c, natslog.FeedEnd{Sequence: 2501, ID: "2501.0"})
	if at, err := c.Publish(t.Context(), 2501, nil); err != nil || at != 2501 {
		t.Errorf("nothing to publish: %d, %v", at, err)
	}
	requireFeed(t, l, 2501)
}

func publish(t *testing.T, c *natslog.Changes, after uint64, batch []natslog.FeedMessage) uint64 {
	t.Helper()
	at, err := c.Publish(t.Context(), after, batch)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// requireFeed reads the stream as a subscriber does.
func requireFeed(t *testing.T, l *testLog, want int) {
	t.Helper()
	js, err := jetstream.New(l.server.Conn())
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(t.Context(), "FICHA_CHANGES", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"ficha.changes.>"}})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	for i := range want {
		m, err := messages.Next()
		if err != nil {
			t.Fatal(err)
		}
		id, kind := fmt.Sprintf("%d.0", i+1), "ficha.changes.created"
		if i > 0 && (i-1)%2 == 1 {
			kind = "ficha.changes.contact_flip"
		}
		if m.Headers().Get("Nats-Msg-Id") != id || m.Subject() != kind || string(m.Data()) != fmt.Sprintf("change %d", i+1) {
			t.Fatalf("message %d: %s on %s: %q", i+1, m.Headers().Get("Nats-Msg-Id"), m.Subject(), m.Data())
		}
	}
}

func TestChangesStreamOfAnotherKind(t *testing.T) {
	l := newTestLog(t, nil)
	js, err := jetstream.New(l.server.Conn())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "FICHA_CHANGES", Subjects: []string{"ficha.changes.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Changes(t.Context()); !errors.Is(err, events.ErrConflict) {
		t.Errorf("a stream without atomic batches: %v, want ErrConflict", err)
	}
}

func TestChangesLeaveRoomOnTheDisk(t *testing.T) {
	free := uint64(1 << 40)
	l := newTestLog(t, func(cfg *natslog.Config) { cfg.FreeSpace = func() (uint64, error) { return free, nil } })
	c := openChanges(t, l)
	free = 1 << 20
	if _, err := c.Publish(t.Context(), 0, feedMessages(1, 1)); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("on a full disk: %v", err)
	}
	free = 1 << 40
	publish(t, c, 0, feedMessages(1, 1))
}
